// Whether a failure leaves every way open that it cut.
#pragma once

#include "graph.hpp"

#include <algorithm>

namespace backstay {

// Searches links that work. The nodes around what failed can all still reach each other: then any path through the
// failed part has a replacement, and nobody who could reach a place before cannot now.
class Detours {
public:
    explicit Detours(const Graph& graph) : graph_(graph), dead_(graph.edges, 0), seen_(graph.nodes, 0) {}

    void fail(const Failure& failure) {
        for (const Edge e : failure.edges) ++dead_[e];
    }
    void repair(const Failure& failure) {
        for (const Edge e : failure.edges) --dead_[e];
    }

    // `failure` must be marked; `nodes_down` tells which nodes no longer count as ends.
    template <class NodesDown> bool exist(const Failure& failure, NodesDown nodes_down) {
        ends_.clear();
        for (const Edge e : failure.edges)
            for (const Node v : {graph_.tail[e], graph_.out[e].node})
                if (!nodes_down(v)) ends_.push_back(v);
        std::sort(ends_.begin(), ends_.end());
        ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
        for (std::size_t k = 0; ends_.size() > 1 && k < ends_.size(); ++k)
            if (!reaches(ends_[k], ends_[(k + 1) % ends_.size()])) return false;
        return true;
    }

private:
    bool reaches(Node from, Node to) {
        ++round_;
        found_.assign(1, from);
        seen_[from] = round_;
        for (std::size_t i = 0; i < found_.size(); ++i)
            for (Edge e = graph_.out_begin[found_[i]]; e < graph_.out_begin[found_[i] + 1]; ++e) {
                const Node next = graph_.out[e].node;
                if (dead_[e] || seen_[next] == round_) continue;
                if (next == to) return true;
                seen_[next] = round_;
                found_.push_back(next);
            }
        return false;
    }

    const Graph& graph_;
    std::vector<std::uint16_t> dead_;
    std::vector<std::uint64_t> seen_;
    std::uint64_t round_ = 0;
    std::vector<Node> found_, ends_;
};

}  // namespace backstay
