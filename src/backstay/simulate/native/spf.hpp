// Shortest paths towards one destination and the flow on them, from nothing: the plain method, which is the oracle
// of the incremental one and the way the state without failures is made.
#pragma once

#include "graph.hpp"

#include <algorithm>
#include <functional>
#include <type_traits>

namespace backstay {

__extension__ typedef unsigned __int128 Wide;

// A binary heap of (distance, node) packed into one number; smaller distance first, then smaller node.
template <class Distance> class Queue {
public:
    using Key = std::conditional_t<sizeof(Distance) == 4, std::uint64_t, Wide>;

    bool empty() const { return keys_.empty(); }
    void clear() { keys_.clear(); }

    void push(Distance distance, Node node) {
        const Key key = (static_cast<Key>(distance) << 32) | node;
        std::size_t hole = keys_.size();
        keys_.push_back(key);
        while (hole > 0) {
            const std::size_t parent = (hole - 1) / 2;
            if (keys_[parent] <= key) break;
            keys_[hole] = keys_[parent];
            hole = parent;
        }
        keys_[hole] = key;
    }

    std::pair<Distance, Node> pop() {
        const Key top = keys_.front();
        const Key last = keys_.back();
        keys_.pop_back();
        const std::size_t size = keys_.size();
        if (size > 0) {
            std::size_t hole = 0;
            for (std::size_t child = 1; child < size; child = 2 * hole + 1) {
                if (child + 1 < size && keys_[child + 1] < keys_[child]) ++child;
                if (keys_[child] >= last) break;
                keys_[hole] = keys_[child];
                hole = child;
            }
            keys_[hole] = last;
        }
        return {static_cast<Distance>(top >> 32), static_cast<Node>(top & 0xffffffffU)};
    }

private:
    std::vector<Key> keys_;
};

// All that is known about one destination in one state of the network; arrays of one entry per node.
// `hops` counts next hops (links, so parallel ones count each), `via` is the first of them; `order` is a topological
// order of the shortest-path DAG from near to far, `rank` its inverse.
template <class Distance> struct Towards {
    Distance* distance;
    double* flow;
    std::uint16_t* hops;
    Edge* via;
    std::uint16_t* order;
    std::uint16_t* rank;
};

template <class Distance> class Spf {
public:
    explicit Spf(const Graph& graph) : graph_(graph) {}

    // Distances to `to` over links that are not `dead`, and the order of nodes by distance; returns how many nodes
    // reach `to` (itself among them). Nodes that do not stand last, by number.
    std::size_t distances(Node to, const std::uint8_t* dead, Distance* distance, std::uint16_t* order) {
        std::fill(distance, distance + graph_.nodes, unreachable<Distance>);
        queue_.clear();
        distance[to] = 0;
        queue_.push(0, to);
        std::size_t count = 0;
        while (!queue_.empty()) {
            const auto [far, node] = queue_.pop();
            if (far != distance[node]) continue;
            order[count++] = static_cast<std::uint16_t>(node);
            for (auto i = graph_.in_begin[node]; i < graph_.in_begin[node + 1]; ++i) {
                const Arrival& link = graph_.in[i];
                const Distance candidate = far + link.metric;
                if (candidate < distance[link.node] && !dead[link.edge]) {
                    distance[link.node] = candidate;
                    queue_.push(candidate, link.node);
                }
            }
        }
        std::size_t rest = count;
        for (Node v = 0; v < graph_.nodes; ++v)
            if (distance[v] == unreachable<Distance>) order[rest++] = static_cast<std::uint16_t>(v);
        return count;
    }

    // Adds the flow of `demand` (one entry per source) to `loads`, split equally over next hops; returns the demand
    // of nodes that do not reach the destination and are not `down`. Fills `state.flow`, `state.hops` and `state.via`.
    double flows(const Towards<Distance>& state, std::size_t reached, const double* demand, const std::uint8_t* dead,
                 const std::uint8_t* down, double* loads) {
        const Node to = state.order[0];
        std::copy(demand, demand + graph_.nodes, state.flow);
        std::fill(state.hops, state.hops + graph_.nodes, std::uint16_t{0});
        for (std::size_t i = reached; i-- > 1;) {
            const Node node = state.order[i];
            next_.clear();
            for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
                const Arc& link = graph_.out[e];
                if (state.distance[node] == state.distance[link.node] + link.metric && !dead[e]) next_.push_back(e);
            }
            state.hops[node] = static_cast<std::uint16_t>(next_.size());
            state.via[node] = next_.front();
            if (state.flow[node] == 0.0) continue;
            const double share = state.flow[node] / static_cast<double>(next_.size());
            for (const Edge e : next_) {
                loads[e] += share;
                state.flow[graph_.out[e].node] += share;
            }
        }
        double lost = 0.0;
        for (std::size_t i = reached; i < graph_.nodes; ++i) {
            const Node node = state.order[i];
            if (node != to && !down[node]) lost += demand[node];
            state.flow[node] = 0.0;
        }
        return lost;
    }

private:
    const Graph& graph_;
    Queue<Distance> queue_;
    std::vector<Edge> next_;
};

}  // namespace backstay
