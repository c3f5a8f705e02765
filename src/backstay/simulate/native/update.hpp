// The exact effect of a failure on one destination, computed from the state before it.
//
// A link that fails matters only if it is a next hop. A node that keeps another next hop keeps its distance; only
// nodes that lose all of them (the *region*) need new distances, and those come from a search limited to the region.
// Then the flow that moved is taken off the old paths and put onto the new ones as signed differences, from far to
// near. Three facts make that a single pass:
//   1. Distances only grow under a failure, so no node outside the region gains a next hop, and none of them has a
//      next hop inside it: the region stands upstream of everything else, and the order outside it stays valid.
//   2. Old shares are known beforehand, so they are taken off first; each node then forwards its difference once.
//   3. Flow is conserved: when one last node is pending, its difference is exactly minus what was lost. If nothing
//      was, old and new paths have met there and all below is unchanged.
#pragma once

#include "spf.hpp"

#include <bit>
#include <cmath>
#include <utility>

namespace backstay {

// What an update reports; every call is inlined. `edge` the load difference of a link; `node` the new flow and next
// hop count of a node; `gained` a link that became a next hop; `reached` a node outside region and partial set that
// the moved flow came to (with the sets of the update itself: all nodes whose routing or flow it depends on).
struct Silent {
    void edge(Edge, double) {}
    void node(Node, double, std::uint32_t) {}
    void gained(Edge) {}
    void reached(Node) {}
};

// A list that never outgrows the room it got at the start.
template <class T> class Stack {
public:
    explicit Stack(std::size_t room) : items_(room) {}
    void push(T item) { items_[size_++] = item; }
    T pop() { return items_[--size_]; }
    void clear() { size_ = 0; }
    void grow_to(std::size_t size) { size_ = size; }
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return items_[i]; }
    const T* begin() const { return items_.data(); }
    const T* end() const { return items_.data() + size_; }

private:
    std::vector<T> items_;
    std::size_t size_ = 0;
};

template <class Distance> class Update {
public:
    // A difference this much smaller than the sum of the terms it comes from is their rounding error: zero.
    static constexpr double rounding = 1.0 / (1ULL << 44);

    explicit Update(const Graph& graph)
        : graph_(graph), out_(graph.edges), in_(graph.edges), in_place_(graph.edges), now_(graph.nodes), label_(graph.nodes), lost_hops_(graph.nodes, 0), new_hops_(graph.nodes, 0),
          group_(graph.nodes), strayed_(graph.nodes), difference_(graph.nodes), gross_(graph.nodes),
          waiting_((graph.nodes + 63) / 64, 0), dead_(graph.edges, 0), down_(graph.nodes, 0), region_(graph.nodes),
          partial_(graph.nodes), settled_(graph.nodes), shifted_(graph.nodes) {
        for (Edge e = 0; e < graph.edges; ++e) out_[e] = {graph.out[e].metric, graph.out[e].node};
        for (Edge k = 0; k < graph.edges; ++k) {
            in_[k] = {graph.in[k].metric, graph.in[k].node};
            in_place_[graph.in[k].edge] = k;
        }
    }

    // The state to start from; `demand` has one entry per source. Marks set by `fail` stay.
    void bind(Node to, const Towards<Distance>& state, const double* demand) {
        to_ = to;
        state_ = state;
        demand_ = demand;
        std::copy(state.distance, state.distance + graph_.nodes, now_.begin());
    }

    // Marks a failure that the bound state already includes; `repair` takes the mark off.
    void fail(const Failure& failure) { mark(failure, 1); }
    void repair(const Failure& failure) { mark(failure, 0); }

    bool touches(const Failure& failure) const {
        for (const Edge e : failure.edges)
            if (is_next_hop(e)) return true;
        return false;
    }

    // Demand that becomes lost, towards the bound destination, by `failure` on top of the bound state; demand of
    // nodes that are down does not count as lost. The destination itself must not be among the failed nodes.
    template <class Report> double apply(const Failure& failure, Report& report) {
        const double lost = apply_and_keep(failure, report);
        forget();
        return lost;
    }

    // The same, keeping `region`, `partial` and `distance_now` readable until `forget`.
    template <class Report> double apply_and_keep(const Failure& failure, Report& report) {
        failure_ = failure;
        gone_ = lost_ = 0.0;
        for (const Node v : failure.nodes) take_down(v);
        for (const Edge e : failure.edges) {
            if (dead_[e]) continue;
            if (is_next_hop(e)) lose_hop(graph_.tail[e]);
            set(e, 2);
        }
        if (partial_.empty()) return lost_;
        grow_region();
        search();
        take_off(report);
        forward_region(report);
        forward_rest(report);
        return lost_;
    }

    void forget() {
        for (const Node v : region_) now_[v] = state_.distance[v];
        for (const Node v : partial_) lost_hops_[v] = 0;
        for (const Edge e : failure_.edges)
            if (dead_[e] == 2) set(e, 0);
        for (const Node v : failure_.nodes)
            if (down_[v] == 2) down_[v] = 0;
        region_.clear();
        partial_.clear();
        settled_.clear();
    }

    // Takes all flow to the destination off: it fails itself. Returns minus the demand that counted as lost.
    template <class Report> double destination_down(Report& report) {
        double lost = 0.0;
        for (Node v = 0; v < graph_.nodes; ++v) {
            if (v == to_ || down_[v]) continue;
            if (state_.distance[v] == unreachable<Distance>) lost -= demand_[v];
            if (state_.flow[v] == 0.0 || state_.hops[v] == 0) continue;
            const double share = state_.flow[v] / state_.hops[v];
            for (Edge e = graph_.out_begin[v]; e < graph_.out_begin[v + 1]; ++e)
                if (is_next_hop(e)) report.edge(e, -share);
        }
        return lost;
    }

    // After `apply_and_keep`: nodes with a new distance; nodes that lost next hops (the region among them); nodes of
    // the region that still reach the destination, in topological order from near to far; distances of all nodes.
    const Stack<Node>& region() const { return region_; }
    const Stack<Node>& partial() const { return partial_; }
    const Stack<Node>& settled() const { return settled_; }
    const std::vector<Distance>& distance_now() const { return now_; }

    bool is_next_hop(Edge e) const {
        const Way& way = out_[e];
        return state_.distance[graph_.tail[e]] == state_.distance[way.node] + way.metric;
    }

    // After `apply_and_keep`: the first next hop of a node that has one, else its old one.
    Edge first_hop_now(Node node) const {
        for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e)
            if (is_next_hop_now(node, out_[e])) return e;
        return state_.via[node];
    }

private:
    // A link as this search sees it: one that failed is longer than no way at all, so that it is never a next hop.
    struct Way {
        Distance metric;
        Node node;
    };

    void set(Edge e, std::uint8_t dead) {
        dead_[e] = dead;
        const Distance metric = dead ? unreachable<Distance> + 1 : graph_.out[e].metric;
        out_[e].metric = in_[in_place_[e]].metric = metric;
    }

    void mark(const Failure& failure, std::uint8_t value) {
        for (const Edge e : failure.edges) set(e, value);
        for (const Node v : failure.nodes) down_[v] = value;
    }

    // Whether the link was a next hop in the bound state, even if it fails now.
    bool was_next_hop(Distance before, Edge e) const {
        return before == state_.distance[out_[e].node] + graph_.out[e].metric && dead_[e] != 1;
    }

    bool is_next_hop_now(Node node, const Way& way) const { return now_[node] == now_[way.node] + way.metric; }

    bool in_region(Node v) const { return now_[v] != state_.distance[v]; }

    void take_down(Node v) {
        if (down_[v]) return;
        down_[v] = 2;
        if (state_.distance[v] == unreachable<Distance>) lost_ -= demand_[v];
    }

    void lose_hop(Node v) {
        if (lost_hops_[v]++ == 0) partial_.push(v);
        if (lost_hops_[v] == state_.hops[v]) region_.push(v);
    }

    void grow_region() {
        for (std::size_t i = 0; i < region_.size(); ++i) {
            const Node node = region_[i];
            const Distance far = state_.distance[node];
            for (auto k = graph_.in_begin[node]; k < graph_.in_begin[node + 1]; ++k) {
                const Way& way = in_[k];
                if (state_.distance[way.node] == far + way.metric) lose_hop(way.node);
            }
        }
        for (const Node v : region_) {
            now_[v] = unreachable<Distance>;
            difference_[v] = gross_[v] = 0.0;
        }
    }

    // Dijkstra within the region, started from the links that leave it, on how much *farther* a node gets: along an
    // old next hop that is no difference, so whole branches are settled at once and only the rest needs the queue.
    // Nodes are grouped by that difference; groups ascending, and in each the old order, is a topological order.
    void search() {
        for (const Node node : region_) {
            Distance best = unreachable<Distance>;
            for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
                best = std::min(best, now_[out_[e].node] + out_[e].metric);
            }
            label_[node] = best;
            strayed_[node] = 1;
        }
        for (const Node node : region_) {
            if (label_[node] == unreachable<Distance>) continue;
            now_[node] = label_[node];
            queue_.push(now_[node] - state_.distance[node], node);
        }
        group_sizes_.clear();
        Distance group_farther = 0;
        std::size_t count = 0;
        while (!queue_.empty()) {
            const auto [farther, first] = queue_.pop();
            if (farther != now_[first] - state_.distance[first] || label_[first] == settled_mark) continue;
            if (farther != group_farther) {
                group_farther = farther;
                group_sizes_.push_back(0);
            }
            label_[first] = settled_mark;
            shifted_.push(first);
            while (!shifted_.empty()) {
                const Node node = shifted_.pop();
                group_[node] = static_cast<std::uint16_t>(group_sizes_.size() - 1);
                ++group_sizes_.back();
                ++count;
                relax(node);
            }
        }
        settle(count);
    }

    // Nodes outside the region are nearer than any way through it, so the comparison leaves them alone.
    void relax(Node node) {
        const Distance far = now_[node], farther = far - state_.distance[node];
        for (auto k = graph_.in_begin[node]; k < graph_.in_begin[node + 1]; ++k) {
            const Way& way = in_[k];
            const Distance candidate = far + way.metric;
            if (candidate > now_[way.node]) continue;
            const bool better = candidate < now_[way.node];
            now_[way.node] = candidate;
            const Distance more = candidate - state_.distance[way.node];
            if (more != farther) {
                strayed_[way.node] = 1;
                if (better) queue_.push(more, way.node);
            } else {
                if (better) strayed_[way.node] = 0;
                if (label_[way.node] == settled_mark) continue;
                label_[way.node] = settled_mark;
                shifted_.push(way.node);
            }
        }
    }

    void settle(std::size_t count) {
        std::size_t begin = 0;
        for (auto& size : group_sizes_) begin += std::exchange(size, begin);
        for (const Node node : region_)
            if (now_[node] != unreachable<Distance>) settled_[group_sizes_[group_[node]]++] = node;
        settled_.grow_to(count);
    }

    template <class Report> void take_off(Report& report) {
        for (const Node node : region_) take_off_region(node, report);
        for (const Node node : partial_)
            if (lost_hops_[node] < state_.hops[node]) take_off_partial(node, report);
    }

    // `new_hops_` becomes the count of next hops where they changed, 0 where they did not.
    template <class Report> void take_off_region(Node node, Report& report) {
        if (!strayed_[node] && state_.hops[node] == 1) {
            new_hops_[node] = 0;
            return;
        }
        const Distance before = state_.distance[node];
        const double flow = state_.flow[node], share = flow / state_.hops[node];
        std::uint16_t hops = 0;
        bool changed = false;
        for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
            const bool was = was_next_hop(before, e), is = is_next_hop_now(node, out_[e]);
            hops += is;
            if (was == is) continue;
            changed = true;
            if (is) {
                report.gained(e);
            } else if (flow != 0.0) {
                report.edge(e, -share);
                carry(out_[e].node, -share);
            }
        }
        new_hops_[node] = changed ? hops : 0;
        if (now_[node] != unreachable<Distance>) return;
        gone_ += demand_[node];
        if (!down_[node]) lost_ += demand_[node];
        report.node(node, 0.0, 0);
    }

    template <class Report> void take_off_partial(Node node, Report& report) {
        wait_for(node);
        const double flow = state_.flow[node];
        if (flow == 0.0) return;
        const Distance before = state_.distance[node];
        const double share = flow / state_.hops[node];
        for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
            if (!was_next_hop(before, e) || is_next_hop_now(node, out_[e])) continue;
            report.edge(e, -share);
            carry(out_[e].node, -share);
        }
    }

    template <class Report> void forward_region(Report& report) {
        for (std::size_t i = settled_.size(); i-- > 0;) {
            const Node node = settled_[i];
            const std::uint32_t hops = new_hops_[node] ? new_hops_[node] : state_.hops[node];
            const double moved = difference_[node];
            const double flow = state_.flow[node] + moved;
            report.node(node, flow, hops);
            if (new_hops_[node]) {
                forward_anew(node, flow, hops, report);
            } else if (std::abs(moved) > rounding * gross_[node]) {
                forward(node, moved, report);
            }
        }
    }

    // Next hops changed: new ones get their share of all flow, kept ones the change of their share.
    template <class Report> void forward_anew(Node node, double flow, std::uint32_t hops, Report& report) {
        const double share = flow / hops, old_share = state_.flow[node] / state_.hops[node];
        if (flow == 0.0 && old_share == 0.0) return;
        for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
            if (!is_next_hop_now(node, out_[e])) continue;
            const double more = is_next_hop(e) ? share - old_share : share;
            report.edge(e, more);
            carry(out_[e].node, more);
        }
    }

    template <class Report> void forward(Node node, double moved, Report& report) {
        if (state_.hops[node] == 1) {
            const Edge e = state_.via[node];
            report.edge(e, moved);
            carry(out_[e].node, moved);
            return;
        }
        const double share = moved / state_.hops[node];
        for (Edge e = graph_.out_begin[node]; e < graph_.out_begin[node + 1]; ++e) {
            if (!is_next_hop_now(node, out_[e])) continue;
            report.edge(e, share);
            carry(out_[e].node, share);
        }
    }

    template <class Report> void forward_rest(Report& report) {
        std::size_t word = highest_;
        while (pending_ > 0) {
            while (waiting_[word] == 0) --word;
            const unsigned bit = 63U - static_cast<unsigned>(std::countl_zero(waiting_[word]));
            waiting_[word] &= ~(std::uint64_t{1} << bit);
            --pending_;
            const Node node = state_.order[word * 64 + bit];
            report.reached(node);
            double moved = difference_[node];
            if (const std::uint32_t hops = state_.hops[node] - lost_hops_[node]; lost_hops_[node] > 0) {
                const double flow = state_.flow[node] + moved;
                report.node(node, flow, hops);
                forward_anew(node, flow, hops, report);
                continue;
            }
            if (pending_ == 0) moved = -gone_;
            if (node == to_ || std::abs(moved) <= rounding * gross_[node]) continue;
            report.node(node, state_.flow[node] + moved, state_.hops[node]);
            forward(node, moved, report);
        }
        highest_ = 0;
    }

    void carry(Node node, double moved) {
        if (!in_region(node)) wait_for(node);
        difference_[node] += moved;
        gross_[node] += std::abs(moved);
    }

    void wait_for(Node node) {
        const std::size_t place = state_.rank[node], word = place / 64;
        const std::uint64_t bit = std::uint64_t{1} << (place % 64);
        if (waiting_[word] & bit) return;
        waiting_[word] |= bit;
        ++pending_;
        if (word > highest_) highest_ = word;
        difference_[node] = gross_[node] = 0.0;
    }

    const Graph& graph_;
    Node to_ = 0;
    Towards<Distance> state_{};
    const double* demand_ = nullptr;
    Failure failure_{};
    double gone_ = 0.0, lost_ = 0.0;
    std::vector<Way> out_, in_;
    std::vector<Edge> in_place_;
    static constexpr Distance settled_mark = std::numeric_limits<Distance>::max();

    std::vector<Distance> now_, label_;
    std::vector<std::uint16_t> lost_hops_, new_hops_, group_;
    std::vector<std::uint8_t> strayed_;  // reached by another way than its old next hops
    std::vector<double> difference_, gross_;
    std::vector<std::uint64_t> waiting_;
    std::size_t pending_ = 0, highest_ = 0;
    std::vector<std::uint8_t> dead_, down_;  // 1: in the bound state already, 2: by the failure being applied
    Stack<Node> region_, partial_, settled_, shifted_;
    std::vector<std::size_t> group_sizes_;
    Queue<Distance> queue_;
};

}  // namespace backstay
