// The network as the core sees it: routers, directed links, and sets of them that fail together.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace backstay {

using Node = std::uint32_t;
using Edge = std::uint32_t;

// A directed link as its sender sees it (`node` is the head) or as its receiver does (`node` is the tail).
struct Arc {
    Node node;
    std::uint32_t metric;
};

struct Arrival {
    Node node;
    std::uint32_t metric;
    Edge edge;
};

// Directed multigraph in compressed rows. Links are renumbered so that those of one sender stand together:
// `caller[e]` is the number the caller knows link `e` by.
struct Graph {
    Node nodes = 0;
    Edge edges = 0;
    std::vector<std::uint32_t> out_begin, in_begin;
    std::vector<Arc> out;
    std::vector<Arrival> in;
    std::vector<Node> tail;
    std::vector<Edge> caller, renumbered;
    std::uint32_t largest_metric = 1;

    Graph(Node node_count, std::span<const std::uint32_t> tails, std::span<const std::uint32_t> heads,
          std::span<const std::uint32_t> metrics)
        : nodes(node_count), edges(static_cast<Edge>(tails.size())), out_begin(node_count + 1, 0),
          in_begin(node_count + 1, 0), out(tails.size()), in(tails.size()), tail(tails.size()),
          caller(tails.size()), renumbered(tails.size()) {
        for (Edge e = 0; e < edges; ++e) {
            ++out_begin[tails[e] + 1];
            ++in_begin[heads[e] + 1];
        }
        for (Node v = 0; v < nodes; ++v) {
            out_begin[v + 1] += out_begin[v];
            in_begin[v + 1] += in_begin[v];
        }
        auto next = out_begin;
        for (Edge e = 0; e < edges; ++e) {
            const Edge place = next[tails[e]]++;
            caller[place] = e;
            renumbered[e] = place;
            tail[place] = tails[e];
            out[place] = {heads[e], metrics[e]};
            if (metrics[e] > largest_metric) largest_metric = metrics[e];
        }
        next = in_begin;
        for (Edge e = 0; e < edges; ++e) in[next[out[e].node]++] = {tail[e], out[e].metric, e};
    }
};

// A link that stays up with less: one member of its bundle is gone.
struct Lessened {
    Edge edge;
    double lost;
};

// Things that fail together: links (the core's numbers, sorted, without repetition; all links of a failed router
// among them), routers, and capacity of links that stay up.
struct Failure {
    std::span<const Edge> edges;
    std::span<const Node> nodes;
    std::span<const Lessened> lessened;
};

// Failure sets in compressed rows.
class FailureSets {
public:
    FailureSets() = default;

    // `edges` come in the caller's numbers; links of failed routers are added.
    void add(const Graph& graph, std::span<const std::uint32_t> edges, std::span<const std::uint32_t> nodes,
             std::span<const std::uint32_t> lessened, std::span<const double> lost);

    std::size_t size() const { return edge_begin_.size() - 1; }

    Failure operator[](std::size_t index) const {
        return {{edges_.data() + edge_begin_[index], edge_begin_[index + 1] - edge_begin_[index]},
                {nodes_.data() + node_begin_[index], node_begin_[index + 1] - node_begin_[index]},
                {lessened_.data() + less_begin_[index], less_begin_[index + 1] - less_begin_[index]}};
    }

private:
    std::vector<std::size_t> edge_begin_{0}, node_begin_{0}, less_begin_{0};
    std::vector<Edge> edges_;
    std::vector<Node> nodes_;
    std::vector<Lessened> lessened_;
};

// Distances: 32 bits where every sum fits, else 64. `unreachable` leaves room to add one metric without overflow.
template <class Distance> constexpr Distance unreachable = std::numeric_limits<Distance>::max() / 2;

}  // namespace backstay
