// The state without failures: every destination's distances, next hops and flows.
#pragma once

#include "core.hpp"
#include "update.hpp"

namespace backstay {

template <class Distance> class Base {
public:
    // Destinations are the nodes that anything is sent to.
    Base(const Graph& graph, std::span<const double> demand) : graph_(graph) {
        const std::size_t n = graph.nodes;
        for (Node to = 0; to < n; ++to) {
            std::vector<double> column(n);
            double sum = 0.0;
            for (Node v = 0; v < n; ++v) sum += column[v] = v == to ? 0.0 : demand[v * n + to];
            if (sum == 0.0) continue;
            total_ += sum;
            destinations_.push_back(to);
            demand_.insert(demand_.end(), column.begin(), column.end());
        }
    }

    void prepare(const Settings& settings) {
        const std::size_t n = graph_.nodes, count = destinations_.size();
        distance_.resize(count * n);
        flow_.resize(count * n);
        hops_.resize(count * n);
        via_.resize(count * n);
        order_.resize(count * n);
        rank_.resize(count * n);
        lost_to_.assign(count, 0.0);
        const std::size_t blocks = (count + block - 1) / block;
        std::vector<std::vector<double>> loads(blocks);
        StopFlag stop;
        share(settings.threads, blocks, stop, settings.interrupted, [&](std::size_t, std::size_t task) {
            loads[task].assign(graph_.edges, 0.0);
            prepare_block(task, loads[task].data(), stop);
        });
        loads_.assign(graph_.edges, 0.0);
        for (const auto& part : loads)
            for (Edge e = 0; e < graph_.edges; ++e) loads_[e] += part[e];
        lost_ = 0.0;
        for (const double part : lost_to_) lost_ += part;
    }

    Towards<Distance> towards(std::size_t index) {
        const std::size_t at = index * graph_.nodes;
        return {&distance_[at], &flow_[at], &hops_[at], &via_[at], &order_[at], &rank_[at]};
    }

    const double* demand(std::size_t index) const { return &demand_[index * graph_.nodes]; }
    const std::vector<Node>& destinations() const { return destinations_; }
    const std::vector<double>& loads() const { return loads_; }
    double lost() const { return lost_; }
    double total() const { return total_; }

    std::size_t memory() const {
        return destinations_.size() * graph_.nodes * (sizeof(Distance) + 2 * sizeof(double) + sizeof(Edge) + 3 * sizeof(std::uint16_t));
    }

private:
    // Loads are summed per block, then over blocks: the same order whatever the number of threads.
    static constexpr std::size_t block = 64;

    void prepare_block(std::size_t task, double* loads, const StopFlag& stop) {
        Spf<Distance> spf(graph_);
        const std::vector<std::uint8_t> none(std::max<std::size_t>(graph_.edges, graph_.nodes), 0);
        const std::size_t last = std::min(destinations_.size(), (task + 1) * block);
        for (std::size_t index = task * block; index < last && !stop; ++index) {
            const auto state = towards(index);
            const std::size_t reached = spf.distances(destinations_[index], none.data(), state.distance, state.order);
            for (std::size_t i = 0; i < graph_.nodes; ++i) state.rank[state.order[i]] = static_cast<std::uint16_t>(i);
            lost_to_[index] = spf.flows(state, reached, demand(index), none.data(), none.data(), loads);
        }
    }

    const Graph& graph_;
    std::vector<Node> destinations_;
    std::vector<double> demand_, flow_, loads_, lost_to_;
    std::vector<Distance> distance_;
    std::vector<Edge> via_;
    std::vector<std::uint16_t> hops_, order_, rank_;
    double lost_ = 0.0, total_ = 0.0;
};

// Reports load differences into a row.
struct IntoRow : Silent {
    double* row;
    explicit IntoRow(double* target) : row(target) {}
    void edge(Edge e, double more) { row[e] += more; }
};

inline bool holds(std::span<const Node> nodes, Node node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Reports what `failure` changes for the destination that `update` is bound to; returns the demand that becomes lost.
template <class Distance, class Report>
double change(Update<Distance>& update, Node to, const Failure& failure, Report& report) {
    if (holds(failure.nodes, to)) return update.destination_down(report);
    if (failure.nodes.empty() && !update.touches(failure)) return 0.0;
    return update.apply(failure, report);
}

}  // namespace backstay
