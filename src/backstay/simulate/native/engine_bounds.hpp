// Bounds that spare most pairs of failures: which may exceed the limit or lose demand, and which cannot.
//
// All flow that j moves in the state after i is flow on j's links in that state, and no packet crosses a link twice. So
// a link carries at most
//   1. its load after i plus that flow; the same with i and j exchanged;
//   2. the sum of what i and j change alone, plus, for every destination where the two interact (pairs.hpp), the flow
//      towards it on j's links after i and that before any failure: by 1 the pair puts no more than the first of the
//      two on the link, and j alone took no more than the second off it.
// The first takes two rows to look at; the second finds where pairs interact, and is asked about those that are left.
#pragma once

#include "engine.hpp"
#include "reach.hpp"

#include <numeric>

namespace backstay {

// What a block of pairs may do beyond the sum of its single failures. Threads add in whole steps, rounded up, so that
// the order of adding changes nothing.
class Excess {
public:
    Excess(std::size_t first, std::size_t last, std::size_t failures, double total)
        : first_(first), width_(failures - first), step_(total / static_cast<double>(std::uint64_t{1} << 48)),
          steps_((last - first) * width_) {}

    void add(std::size_t i, std::size_t j, double flow) {
        steps_[place(i, j)].fetch_add(static_cast<std::uint64_t>(flow / step_) + 1, std::memory_order_relaxed);
    }

    double of(std::size_t i, std::size_t j) const { return static_cast<double>(steps_[place(i, j)]) * step_; }

private:
    std::size_t place(std::size_t i, std::size_t j) const { return (i - first_) * width_ + (j - first_); }

    std::size_t first_, width_;
    double step_;
    std::vector<std::atomic<std::uint64_t>> steps_;
};

// The state after one failure, as bounds look at it: what every link can carry in addition, and the links by that.
struct Room {
    std::vector<double> slack;
    std::vector<Edge> tightest_first;
};

template <class Distance> Room Engine<Distance>::room_after(std::size_t i, double limit) const {
    const double* mine = differences_.data() + i * graph_.edges;
    Room room{std::vector<double>(graph_.edges), std::vector<Edge>(graph_.edges)};
    for (Edge e = 0; e < graph_.edges; ++e)
        room.slack[e] = judge_.inverse[e] == 0.0 ? std::numeric_limits<double>::infinity()
                                                 : limit / judge_.inverse[e] - (base_.loads()[e] + mine[e]);
    for (const Edge e : judge_.closed) room.slack[e] = -(base_.loads()[e] + mine[e]);
    for (const Edge e : failures_[i].edges) room.slack[e] = std::numeric_limits<double>::infinity();
    std::iota(room.tightest_first.begin(), room.tightest_first.end(), Edge{0});
    std::sort(room.tightest_first.begin(), room.tightest_first.end(),
              [&](Edge a, Edge b) { return room.slack[a] != room.slack[b] ? room.slack[a] < room.slack[b] : a < b; });
    return room;
}

// Whether some link may be too full, by the first bound and by the sum of single changes plus `excess`.
template <class Distance>
bool Engine<Distance>::suspicious(std::size_t i, std::size_t j, double limit, const Room& room, double excess) const {
    const double* mine = differences_.data() + i * graph_.edges;
    const double* other = differences_.data() + j * graph_.edges;
    const auto& base = base_.loads();
    double moved = judge_.least, moved_other = judge_.least;
    for (const Edge e : failures_[j].edges) moved += std::max(0.0, base[e] + mine[e]);
    for (const Edge e : failures_[i].edges) moved_other += std::max(0.0, base[e] + other[e]);
    for (const Edge e : room.tightest_first) {
        if (room.slack[e] >= moved) return false;
        if (judge_.inverse[e] == 0.0) return true;
        if (room.slack[e] >= other[e] + excess + judge_.least) continue;
        if (limit / judge_.inverse[e] - (base[e] + other[e]) < moved_other) return true;
    }
    return false;
}

// Pairs of one first failure that are not proven harmless: `certain` are to be computed whatever their loads are (they
// may lose demand, or links have less capacity), `doubtful` only if no better bound clears them.
template <class Distance>
void Engine<Distance>::look_at(std::size_t i, std::size_t first, std::size_t last, double limit, Detours& detours,
                               const StopFlag& stop, Suspects& found) const {
    const Room room = room_after(i, limit);
    const bool loses = base_.lost() + differences_lost_[i] > judge_.least || !failures_[i].lessened.empty();
    detours.fail(failures_[i]);
    for (std::size_t j = i + 1; j < failures_.size() && !stop; ++j) {
        const std::size_t pair = pair_number(i, j);
        if (pair < first || pair >= last) continue;
        if (loses || !failures_[j].lessened.empty() || cuts_off(i, j, detours))
            found.certain.push_back(pair);
        else if (suspicious(i, j, limit, room, std::numeric_limits<double>::infinity()))
            found.doubtful.push_back(pair);
    }
    detours.repair(failures_[i]);
}

// Whether nodes around what j cuts, in the state after i, may no longer reach each other. `detours` has i marked.
template <class Distance> bool Engine<Distance>::cuts_off(std::size_t i, std::size_t j, Detours& detours) const {
    detours.fail(failures_[j]);
    const bool exist = detours.exist(
        failures_[j], [&](Node v) { return holds(failures_[i].nodes, v) || holds(failures_[j].nodes, v); });
    detours.repair(failures_[j]);
    return !exist;
}

template <class Distance>
std::vector<std::size_t> Engine<Distance>::suspects(std::size_t first, std::size_t last, const Settings& settings) {
    prepare_differences(settings);
    if (first >= last) return {};
    const std::size_t begin = pair_of(first).first, end = pair_of(last - 1).first + 1;
    std::vector<Suspects> rows(end - begin);
    std::vector<std::unique_ptr<Detours>> detours(settings.threads);
    StopFlag stop;
    share(settings.threads, end - begin, stop, settings.interrupted, [&](std::size_t thread, std::size_t task) {
        if (!detours[thread]) detours[thread] = std::make_unique<Detours>(graph_);
        look_at(begin + task, first, last, settings.limit, *detours[thread], stop, rows[task]);
    });
    Suspects all;
    for (const auto& row : rows) {
        all.certain.insert(all.certain.end(), row.certain.begin(), row.certain.end());
        all.doubtful.insert(all.doubtful.end(), row.doubtful.begin(), row.doubtful.end());
    }
    const std::vector<std::size_t> left = still_doubtful(all.doubtful, settings);
    std::vector<std::size_t> both;
    std::merge(all.certain.begin(), all.certain.end(), left.begin(), left.end(), std::back_inserter(both));
    return both;
}

// Of these pairs, in order, those that the second bound does not clear either.
template <class Distance>
std::vector<std::size_t> Engine<Distance>::still_doubtful(const std::vector<std::size_t>& pairs,
                                                          const Settings& settings) {
    if (pairs.empty()) return {};
    Block block{pair_of(pairs.front()).first, pair_of(pairs.back()).first + 1, {}};
    block.want(pairs, failures_.size(), [&](std::size_t pair) { return pair_of(pair); });
    Excess excess(block.first, block.last, failures_.size(), base_.total());
    std::vector<std::unique_ptr<Pairing<Distance>>> pairings(settings.threads);
    StopFlag stop;
    share(settings.threads, base_.destinations().size(), stop, settings.interrupted,
          [&](std::size_t thread, std::size_t index) {
              auto& pairing = pairings[thread];
              if (!pairing) pairing = std::make_unique<Pairing<Distance>>(graph_, failures_);
              pairing->bound(base_.destinations()[index], base_.towards(index), base_.demand(index), block, stop,
                             [&](std::size_t i, std::size_t j, double flow) { excess.add(i, j, flow); });
          });
    std::vector<std::size_t> left;
    std::size_t row = failures_.size();
    Room room;
    for (const std::size_t pair : pairs) {
        const auto [i, j] = pair_of(pair);
        if (i != row) room = room_after(row = i, settings.limit);
        if (suspicious(i, j, settings.limit, room, excess.of(i, j))) left.push_back(pair);
    }
    return left;
}

}  // namespace backstay
