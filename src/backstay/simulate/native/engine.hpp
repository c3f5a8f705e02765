// The core, for one width of distances. Parts: single failures here, pairs in engine_pairs.hpp, which of them may be
// harmful in engine_bounds.hpp.
#pragma once

#include "base.hpp"
#include "dense.hpp"
#include "pairs.hpp"

#include <array>
#include <mutex>

namespace backstay {

struct Segment;
struct Room;
class Detours;

template <class Distance> class Engine final : public Core {
public:
    Engine(Graph graph, std::span<const double> capacity, std::span<const double> demand)
        : graph_(std::move(graph)), base_(graph_, demand) {
        judge_.caller = graph_.caller;
        judge_.least = 1e-12 * base_.total();
        for (Edge e = 0; e < graph_.edges; ++e) {
            const double available = capacity[graph_.caller[e]];
            capacity_.push_back(available);
            judge_.inverse.push_back(available == 0.0 ? 0.0 : 1.0 / available);
            if (available == 0.0) judge_.closed.push_back(e);
        }
    }

    void prepare(const Settings& settings) override { base_.prepare(settings); }

    void set_failures(FailureSets failures) override {
        failures_ = std::move(failures);
        differences_.clear();
        corrections_.start(0, 0, 0);
        row_bytes_.clear();
    }

    void singles(std::size_t first, std::size_t last, Method method, const Settings& settings,
                 Results results) override {
        const std::size_t block = method == Method::full ? 1 : rows_at_once;
        const std::size_t tasks = (last - first + block - 1) / block;
        std::vector<LinkWorst> worst = link_worst(settings, results);
        Scratch scratch(graph_, settings.threads);
        StopFlag stop;
        share(settings.threads, tasks, stop, settings.interrupted, [&](std::size_t thread, std::size_t task) {
            auto& mine = scratch.of(thread);
            const std::size_t begin = first + task * block, end = std::min(last, begin + block);
            mine.rows.assign((end - begin) * graph_.edges, 0.0);
            mine.lost.assign(end - begin, 0.0);
            if (method == Method::full) {
                mine.lost[0] = recompute(single(begin), Failure{}, mine, stop);
            } else {
                differences(begin, end, mine, stop);
                add_base(mine);
            }
            if (stop) return;
            for (std::size_t s = begin; s < end; ++s)
                write(single(s), {}, mine.rows.data() + (s - begin) * graph_.edges, mine.lost[s - begin], s - first,
                      static_cast<std::int64_t>(s), settings, results, worst[thread]);
        });
        merge(worst, results);
    }

    void pairs(std::size_t first, std::size_t last, std::size_t until, Method method, const Settings& settings,
               Results results) override;
    std::vector<std::size_t> suspects(std::size_t first, std::size_t last, const Settings& settings) override;
    void chosen_pairs(std::span<const std::size_t> pairs, const Settings& settings, Results results) override;

    std::size_t memory() const override {
        return base_.memory() + corrections_.memory() + differences_.size() * sizeof(double);
    }

private:
    static constexpr std::size_t rows_at_once = 24;
    static constexpr std::size_t correction_budget = std::size_t{1} << 30;
    static constexpr std::size_t sampled = 16;  // destinations that tell how much memory corrections will take

    // What one thread works with.
    struct Mine {
        explicit Mine(const Graph& graph)
            : update(graph), spf(graph), dead(graph.edges), down(graph.nodes),
              distance(graph.nodes), flow(graph.nodes), hops(graph.nodes), via(graph.nodes), order(graph.nodes) {}
        Update<Distance> update;
        Spf<Distance> spf;
        std::vector<double> rows, lost;
        std::vector<std::uint8_t> dead, down;
        std::vector<Distance> distance;
        std::vector<double> flow;
        std::vector<std::uint16_t> hops;
        std::vector<Edge> via;
        std::vector<std::uint16_t> order;
        std::vector<std::int32_t> row_of;
    };

    // Pairs, ascending.
    struct Suspects {
        std::vector<std::size_t> certain, doubtful;
    };

    class Scratch {
    public:
        Scratch(const Graph& graph, std::size_t threads) : graph_(graph), parts_(threads) {}
        Mine& of(std::size_t thread) {
            if (!parts_[thread]) parts_[thread] = std::make_unique<Mine>(graph_);
            return *parts_[thread];
        }

    private:
        const Graph& graph_;
        std::vector<std::unique_ptr<Mine>> parts_;
    };

    Failure single(std::size_t scenario) const { return scenario == 0 ? Failure{} : failures_[scenario - 1]; }

    // Load differences of scenarios `first` to `last` into rows; the demand they lose into `lost`.
    void differences(std::size_t first, std::size_t last, Mine& mine, const StopFlag& stop) {
        const auto& destinations = base_.destinations();
        for (std::size_t index = 0; index < destinations.size() && !stop; ++index) {
            const Node to = destinations[index];
            mine.update.bind(to, base_.towards(index), base_.demand(index));
            for (std::size_t s = first; s < last; ++s) {
                IntoRow row(mine.rows.data() + (s - first) * graph_.edges);
                mine.lost[s - first] += change(mine.update, to, single(s), row);
            }
        }
    }

    void add_base(Mine& mine) {
        for (std::size_t r = 0; r < mine.lost.size(); ++r) {
            for (Edge e = 0; e < graph_.edges; ++e) mine.rows[r * graph_.edges + e] += base_.loads()[e];
            mine.lost[r] += base_.lost();
        }
    }

    // Everything from nothing under one or two failures, into the first row; returns the demand that is lost.
    double recompute(const Failure& one, const Failure& two, Mine& mine, const StopFlag& stop) {
        for (const auto& failure : {one, two}) {
            for (const Edge e : failure.edges) mine.dead[e] = 1;
            for (const Node v : failure.nodes) mine.down[v] = 1;
        }
        const auto& destinations = base_.destinations();
        const Towards<Distance> state{mine.distance.data(), mine.flow.data(), mine.hops.data(), mine.via.data(),
                                      mine.order.data(),    nullptr};
        double lost = 0.0;
        for (std::size_t index = 0; index < destinations.size() && !stop; ++index) {
            if (mine.down[destinations[index]]) continue;
            const auto reached =
                mine.spf.distances(destinations[index], mine.dead.data(), state.distance, state.order);
            lost += mine.spf.flows(state, reached, base_.demand(index), mine.dead.data(), mine.down.data(),
                                   mine.rows.data());
        }
        for (const auto& failure : {one, two}) {
            for (const Edge e : failure.edges) mine.dead[e] = 0;
            for (const Node v : failure.nodes) mine.down[v] = 0;
        }
        return lost;
    }

    // The judge of a scenario in which links have less capacity; what both failures take of one link adds up.
    Judge lessened(const Failure& one, const Failure& two) const {
        Judge judge = judge_;
        std::vector<Lessened> all(one.lessened.begin(), one.lessened.end());
        all.insert(all.end(), two.lessened.begin(), two.lessened.end());
        for (const Lessened& item : all) {
            double left = capacity_[item.edge];
            for (const Lessened& other : all)
                if (other.edge == item.edge) left -= other.lost;
            judge.inverse[item.edge] = left > 0.0 ? 1.0 / left : 0.0;
            if (!(left > 0.0)) judge.closed.push_back(item.edge);
        }
        std::sort(judge.closed.begin(), judge.closed.end());
        judge.closed.erase(std::unique(judge.closed.begin(), judge.closed.end()), judge.closed.end());
        return judge;
    }

    // Judges a row of loads under these failures and writes what it says to place `at` of the results.
    void write(const Failure& one, const Failure& two, double* loads, double lost, std::size_t at,
               std::int64_t scenario, const Settings& settings, const Results& results, LinkWorst& worst) const {
        const bool whole = one.lessened.empty() && two.lessened.empty();
        const Verdict verdict = whole ? judge(judge_, loads, settings.limit, scenario, worst)
                                      : judge(lessened(one, two), loads, settings.limit, scenario, worst);
        results.max_utilisation[at] = verdict.utilisation;
        results.worst[at] = verdict.worst;
        results.lost[at] = lost > judge_.least ? lost : 0.0;
        results.over[at] = verdict.over;
        if (!results.loads) return;
        double* row = results.loads + at * graph_.edges;
        for (Edge e = 0; e < graph_.edges; ++e) row[graph_.caller[e]] = loads[e];
    }

    std::vector<LinkWorst> link_worst(const Settings& settings, const Results& results) const {
        std::vector<LinkWorst> worst(settings.threads);
        if (results.link_worst)
            for (auto& one : worst) one.start(graph_.edges);
        return worst;
    }

    // Merges what the threads kept into the caller's arrays; the first of equal scenarios wins, so who computed what
    // does not matter.
    void merge(const std::vector<LinkWorst>& worst, const Results& results) const {
        if (!results.link_worst) return;
        for (const auto& one : worst)
            for (Edge e = 0; e < graph_.edges; ++e) {
                const Edge link = graph_.caller[e];
                double& best = results.link_worst[link];
                std::int64_t& cause = results.link_cause[link];
                const double used = one.utilisation[e];
                if (one.cause[e] < 0 || used < best || (used == best && cause >= 0 && cause <= one.cause[e])) continue;
                best = used;
                cause = one.cause[e];
            }
    }

    std::size_t pair_number(std::size_t i, std::size_t j) const {
        return i * failures_.size() - i * (i + 1) / 2 + (j - i - 1);
    }
    std::pair<std::size_t, std::size_t> pair_of(std::size_t number) const;

    void prepare_differences(const Settings& settings);
    void estimate_rows(const Settings& settings);
    Block block_of(std::span<const std::size_t> pairs, std::size_t until) const;
    void prepare_corrections(std::span<const std::size_t> pairs, std::size_t until, const Settings& settings);
    void superpose_all(std::span<const std::size_t> pairs, std::size_t until, const Settings& settings, Results results);
    void correct(std::size_t i, std::span<const std::uint32_t> partners, Mine& mine, const StopFlag& stop);
    Room room_after(std::size_t i, double limit) const;
    bool suspicious(std::size_t i, std::size_t j, double limit, const Room& room, double excess) const;
    bool cuts_off(std::size_t i, std::size_t j, Detours& detours) const;
    void look_at(std::size_t i, std::size_t first, std::size_t last, double limit, Detours& detours,
                 const StopFlag& stop, Suspects& found) const;
    std::vector<std::size_t> still_doubtful(const std::vector<std::size_t>& pairs, const Settings& settings);

    Graph graph_;
    Base<Distance> base_;
    Judge judge_;
    std::vector<double> capacity_;
    FailureSets failures_;
    std::vector<double> differences_, differences_lost_;  // of every single failure, rows of links
    Corrections corrections_;
    std::vector<double> row_bytes_;  // of the corrections of all pairs by their first failure, estimated
};

}  // namespace backstay
