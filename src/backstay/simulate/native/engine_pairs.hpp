// Pairs of failures: superposition, and correction where they interact.
#pragma once

#include "engine.hpp"

#include <numeric>

namespace backstay {

// Pairs with the same first failure, worked on together: `partners` ascending, results from place `at` on.
struct Segment {
    std::size_t first;
    std::size_t at;
    std::vector<std::uint32_t> partners;
};

template <class Distance>
std::pair<std::size_t, std::size_t> Engine<Distance>::pair_of(std::size_t number) const {
    std::size_t low = 0, high = failures_.size() - 1;
    while (low + 1 < high) {
        const std::size_t middle = (low + high) / 2;
        (pair_number(middle, middle + 1) <= number ? low : high) = middle;
    }
    return {low, number - pair_number(low, low + 1) + low + 1};
}

template <class Distance> void Engine<Distance>::prepare_differences(const Settings& settings) {
    if (!differences_.empty()) return;
    const std::size_t count = failures_.size();
    std::vector<double> rows(count * graph_.edges);
    differences_lost_.assign(count, 0.0);
    Scratch scratch(graph_, settings.threads);
    StopFlag stop;
    share(settings.threads, (count + rows_at_once - 1) / rows_at_once, stop, settings.interrupted,
          [&](std::size_t thread, std::size_t task) {
              auto& mine = scratch.of(thread);
              const std::size_t begin = task * rows_at_once, end = std::min(count, begin + rows_at_once);
              mine.rows.assign((end - begin) * graph_.edges, 0.0);
              mine.lost.assign(end - begin, 0.0);
              differences(begin + 1, end + 1, mine, stop);
              std::copy(mine.rows.begin(), mine.rows.end(), rows.data() + begin * graph_.edges);
              std::copy(mine.lost.begin(), mine.lost.end(), differences_lost_.data() + begin);
          });
    differences_ = std::move(rows);
}

// From a few destinations: how much memory the corrections of every first failure will take.
template <class Distance> void Engine<Distance>::estimate_rows(const Settings& settings) {
    if (!row_bytes_.empty()) return;
    const std::size_t count = failures_.size(), destinations = base_.destinations().size();
    const std::size_t step = std::max<std::size_t>(1, destinations / sampled), samples = (destinations + step - 1) / step;
    std::vector<std::vector<double>> bytes(samples, std::vector<double>(count));
    StopFlag stop;
    share(settings.threads, samples, stop, settings.interrupted, [&](std::size_t, std::size_t sample) {
        const std::size_t index = sample * step;
        Pairing<Distance> pairing(graph_, failures_);
        pairing.find(base_.destinations()[index], base_.towards(index), base_.demand(index), {0, count, {}}, stop);
        if (!stop) pairing.add_sizes(bytes[sample]);
    });
    row_bytes_.assign(count, 0.0);
    for (const auto& sample : bytes)
        for (std::size_t i = 0; i < count; ++i) row_bytes_[i] += sample[i] * static_cast<double>(step);
}

// As many of the first failures of these pairs as the memory allowed for corrections holds, at least one; these pairs
// alone, or with `until` every pair of those failures, up to that of the pair before it.
template <class Distance>
Block Engine<Distance>::block_of(std::span<const std::size_t> pairs, std::size_t until) const {
    const std::size_t count = failures_.size();
    const std::size_t first = pair_of(pairs.front()).first, end = pair_of(until ? until - 1 : pairs.back()).first + 1;
    std::vector<double> share(count, 1.0);  // of a row's pairs that are looked at
    if (!until) {
        std::fill(share.begin(), share.end(), 0.0);
        for (const std::size_t pair : pairs) {
            const std::size_t i = pair_of(pair).first;
            share[i] += 2.0 / static_cast<double>(count - i - 1);  // those that are left interact more than most
        }
    }
    Block block{first, first + 1, {}};
    for (double bytes = row_bytes_[first] * share[first]; block.last < end; ++block.last) {
        bytes += row_bytes_[block.last] * share[block.last];
        if (bytes > static_cast<double>(correction_budget)) break;
    }
    if (until) return block;
    block.want(pairs, count, [&](std::size_t pair) { return pair_of(pair); });
    return block;
}

// How the pairs are cut into blocks changes no result.
template <class Distance>
void Engine<Distance>::prepare_corrections(std::span<const std::size_t> pairs, std::size_t until,
                                           const Settings& settings) {
    const std::size_t destinations = base_.destinations().size();
    corrections_ = {};
    estimate_rows(settings);
    const Block block = block_of(pairs, until);
    Corrections found;
    found.start(destinations, block.first, block.last);
    std::vector<std::unique_ptr<Pairing<Distance>>> pairings(settings.threads);
    StopFlag stop;
    share(settings.threads, destinations, stop, settings.interrupted, [&](std::size_t thread, std::size_t index) {
        auto& pairing = pairings[thread];
        if (!pairing) pairing = std::make_unique<Pairing<Distance>>(graph_, failures_);
        found.keep(index,
                   pairing->find(base_.destinations()[index], base_.towards(index), base_.demand(index), block, stop));
    });
    corrections_ = std::move(found);
}

// Adds, for every partner, what failures i and partner change beyond the sum to the partner's row.
template <class Distance>
void Engine<Distance>::correct(std::size_t i, std::span<const std::uint32_t> partners, Mine& mine,
                               const StopFlag& stop) {
    mine.row_of.assign(failures_.size(), -1);
    for (std::size_t r = 0; r < partners.size(); ++r) mine.row_of[partners[r]] = static_cast<std::int32_t>(r);
    for (std::size_t index = 0; index < base_.destinations().size() && !stop; ++index) {
        const auto& part = corrections_.of(index);
        for (const auto& record : corrections_.of(index, i)) {
            const auto r = mine.row_of[record.partner];
            if (r < 0) continue;
            mine.lost[static_cast<std::size_t>(r)] += record.lost;
            double* row = mine.rows.data() + static_cast<std::size_t>(r) * graph_.edges;
            for (std::size_t k = record.begin; k < record.begin + record.count; ++k) row[part.edges[k]] += part.more[k];
        }
    }
}

template <class Distance>
void Engine<Distance>::superpose_all(std::span<const std::size_t> pairs, std::size_t until, const Settings& settings,
                                     Results results) {
    if (pairs.empty()) return;
    prepare_differences(settings);
    const std::size_t most_rows = std::max<std::size_t>(1, (std::size_t{8} << 20) / (graph_.edges * sizeof(double) + 1));
    std::vector<LinkWorst> worst = link_worst(settings, results);
    Scratch scratch(graph_, settings.threads);
    for (std::size_t done = 0; done < pairs.size();) {
        const std::size_t start = pair_of(pairs[done]).first;
        if (!until || !corrections_.covers(start)) prepare_corrections(pairs.subspan(done), until, settings);
        std::vector<Segment> segments;
        for (; done < pairs.size(); ++done) {
            const auto [i, j] = pair_of(pairs[done]);
            if (!corrections_.covers(i)) break;
            if (segments.empty() || segments.back().first != i || segments.back().partners.size() >= most_rows)
                segments.push_back({i, done, {}});
            segments.back().partners.push_back(static_cast<std::uint32_t>(j));
        }
        StopFlag stop;
        share(settings.threads, segments.size(), stop, settings.interrupted, [&](std::size_t thread, std::size_t task) {
            auto& mine = scratch.of(thread);
            const Segment& segment = segments[task];
            const std::size_t i = segment.first, n = graph_.edges;
            mine.rows.assign(segment.partners.size() * n, 0.0);
            mine.lost.assign(segment.partners.size(), 0.0);
            correct(i, segment.partners, mine, stop);
            if (stop) return;
            for (std::size_t r = 0; r < segment.partners.size(); ++r) {
                const std::size_t j = segment.partners[r];
                double* row = mine.rows.data() + r * n;
                superpose(row, differences_.data() + i * n, differences_.data() + j * n, base_.loads().data(), n);
                const double lost = base_.lost() + differences_lost_[i] + differences_lost_[j] + mine.lost[r];
                write(failures_[i], failures_[j], row, lost, segment.at + r,
                      static_cast<std::int64_t>(1 + failures_.size() + pair_number(i, j)), settings, results,
                      worst[thread]);
            }
        });
    }
    merge(worst, results);
}

template <class Distance>
void Engine<Distance>::pairs(std::size_t first, std::size_t last, std::size_t until, Method method,
                             const Settings& settings, Results results) {
    if (method == Method::incremental) {
        std::vector<std::size_t> all(last - first);
        std::iota(all.begin(), all.end(), first);
        superpose_all(all, std::max(last, until), settings, results);
        return;
    }
    std::vector<LinkWorst> worst = link_worst(settings, results);
    Scratch scratch(graph_, settings.threads);
    StopFlag stop;
    share(settings.threads, last - first, stop, settings.interrupted, [&](std::size_t thread, std::size_t task) {
        auto& mine = scratch.of(thread);
        const auto [i, j] = pair_of(first + task);
        mine.rows.assign(graph_.edges, 0.0);
        const double lost = recompute(failures_[i], failures_[j], mine, stop);
        if (stop) return;
        write(failures_[i], failures_[j], mine.rows.data(), lost, task, static_cast<std::int64_t>(1 + failures_.size() + first + task), settings,
              results, worst[thread]);
    });
    merge(worst, results);
}

template <class Distance>
void Engine<Distance>::chosen_pairs(std::span<const std::size_t> pairs, const Settings& settings, Results results) {
    superpose_all(pairs, 0, settings, results);
    corrections_ = {};
}

}  // namespace backstay
