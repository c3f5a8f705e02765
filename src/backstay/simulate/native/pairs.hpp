// Every pair of failures, exactly, from the single ones.
//
// For one destination, the change that failures i and j make together is the sum of what each makes alone, unless one
// alters something the other's change depends on. Write, for a failure and a destination,
//   S  the nodes whose distance or next hops change,
//   T  S and every node that the moved flow comes to, up to and including the one where old and new paths meet again,
//   G  the links that become next hops.
// The change by j reads: distances and next hops of nodes in T(j) and of the heads of G(j), which are in T(j) if flow
// goes there; the flow of nodes in S(j); and whether links of G(j) work. Distances only grow under a failure, so ways
// that j did not choose cannot become better by i. What i alters is: distances and next hops in S(i), flows in T(i),
// and its own links. Hence, if S(i) meets not T(j), T(i) not S(j), i no link of G(j) and j no link of G(i), then the
// change of j in the state after i equals the change of j alone, for this destination. For all other destinations
// ("they interact") the change of j is computed in the state after i.
#pragma once

#include "base.hpp"

#include <atomic>

namespace backstay {

// For every destination and failure i of a block, the failures j > i that interact with it, ascending.
class Interactions {
public:
    void start(std::size_t destinations, std::size_t first, std::size_t last) {
        first_ = first;
        last_ = last;
        lists_.assign(destinations, {});
        begin_.assign(destinations, {});
    }

    bool covers(std::size_t i) const { return first_ <= i && i < last_; }
    std::size_t last() const { return last_; }

    std::span<const std::uint16_t> of(std::size_t destination, std::size_t i) const {
        const auto& begin = begin_[destination];
        const std::size_t row = i - first_;
        return {lists_[destination].data() + begin[row], begin[row + 1] - begin[row]};
    }

    void fill(std::size_t destination, std::vector<std::uint16_t> list, std::vector<std::uint32_t> begin) {
        lists_[destination] = std::move(list);
        begin_[destination] = std::move(begin);
    }

    std::size_t memory() const {
        std::size_t sum = 0;
        for (const auto& list : lists_) sum += list.size() * sizeof(std::uint16_t);
        for (const auto& begin : begin_) sum += begin.size() * sizeof(std::uint32_t);
        return sum;
    }

private:
    std::size_t first_ = 0, last_ = 0;
    std::vector<std::vector<std::uint16_t>> lists_;
    std::vector<std::vector<std::uint32_t>> begin_;
};

// What every single failure changes, destination by destination, to be taken off again where failures interact; kept
// as far as `budget` bytes go and computed again beyond. Differences stay in the order in which they were made.
class Changes {
public:
    struct Of {
        std::span<const Edge> edges;
        std::span<const double> more;
        double lost;
    };

    void start(std::size_t destinations, std::size_t budget) {
        parts_.assign(destinations, {});
        budget_ = budget;
        used_ = 0;
    }

    bool has(std::size_t destination) const { return !parts_[destination].begin.empty(); }

    Of of(std::size_t destination, std::size_t failure) const {
        const Part& part = parts_[destination];
        const std::size_t begin = part.begin[failure], count = part.begin[failure + 1] - begin;
        return {{part.edges.data() + begin, count}, {part.more.data() + begin, count}, part.lost[failure]};
    }

    struct Part {
        std::vector<std::uint32_t> begin;
        std::vector<Edge> edges;
        std::vector<double> more, lost;
        std::size_t bytes() const {
            return begin.size() * sizeof(std::uint32_t) + edges.size() * (sizeof(Edge) + sizeof(double)) +
                   lost.size() * sizeof(double);
        }
    };

    bool full() const { return used_ >= budget_; }

    void keep(std::size_t destination, const Part& part) {
        used_ += part.bytes();
        parts_[destination] = part;  // a copy is no larger than what it holds
    }

    std::size_t memory() const { return used_; }

private:
    std::vector<Part> parts_;
    std::size_t budget_ = 0;
    std::atomic<std::size_t> used_{0};
};

// Finds the interactions of one destination after the other.
template <class Distance> class InteractionFinder {
public:
    InteractionFinder(const Graph& graph, const FailureSets& failures)
        : graph_(graph), failures_(failures), update_(graph), words_((failures.size() + 63) / 64),
          changing_(graph.nodes * words_), touching_(graph.nodes * words_), meets_(failures.size() * words_),
          failures_of_(graph.edges), changed_(failures.size()), touched_(failures.size()) {
        for (std::size_t i = 0; i < failures.size(); ++i)
            for (const Edge e : failures[i].edges) failures_of_[e].push_back(static_cast<std::uint16_t>(i));
    }

    void find(Node to, const Towards<Distance>& state, const double* demand, std::size_t first, std::size_t last,
              std::size_t destination, Interactions& result, Changes& changes) {
        const bool keep = !changes.has(destination) && !changes.full();
        part_.begin.assign(1, 0);
        part_.edges.clear();
        part_.more.clear();
        part_.lost.clear();
        std::fill(changing_.begin(), changing_.end(), 0);
        std::fill(touching_.begin(), touching_.end(), 0);
        std::fill(meets_.begin(), meets_.end(), 0);
        update_.bind(to, state, demand);
        for (std::size_t i = 0; i < failures_.size(); ++i) follow(to, i);
        if (keep) changes.keep(destination, part_);
        for (std::size_t i = first; i < last; ++i) meet(i);
        collect(first, last, destination, result);
    }

private:
    struct Trace : Silent {
        std::vector<Node>& nodes;
        std::vector<Edge>& links;
        Changes::Part& part;
        Trace(std::vector<Node>& n, std::vector<Edge>& l, Changes::Part& p) : nodes(n), links(l), part(p) {}
        void edge(Edge e, double more) {
            part.edges.push_back(e);
            part.more.push_back(more);
        }
        void gained(Edge e) { links.push_back(e); }
        void reached(Node v) { nodes.push_back(v); }
    };

    void follow(Node to, std::size_t i) {
        const Failure failure = failures_[i];
        auto& changed = changed_[i];
        auto& touched = touched_[i];
        changed.assign(failure.nodes.begin(), failure.nodes.end());
        touched.clear();
        gained_.clear();
        Trace trace(touched, gained_, part_);
        double lost = 0.0;
        if (holds(failure.nodes, to)) {
            lost = update_.destination_down(trace);
            changed.resize(graph_.nodes);
            for (Node v = 0; v < graph_.nodes; ++v) changed[v] = v;
        } else if (!failure.nodes.empty() || update_.touches(failure)) {
            lost = update_.apply_and_keep(failure, trace);
            changed.insert(changed.end(), update_.partial().begin(), update_.partial().end());
            update_.forget();
            for (const Edge e : gained_)
                for (const std::uint16_t j : failures_of_[e]) {
                    set(meets_, i, j);
                    set(meets_, j, i);
                }
        }
        part_.lost.push_back(lost);
        part_.begin.push_back(static_cast<std::uint32_t>(part_.edges.size()));
        touched.insert(touched.end(), changed.begin(), changed.end());
        for (const Node v : changed) set(changing_, v, i);
        for (const Node v : touched) set(touching_, v, i);
    }

    void meet(std::size_t i) {
        std::uint64_t* row = &meets_[i * words_];
        for (const Node v : touched_[i]) unite(row, &changing_[v * words_]);
        for (const Node v : changed_[i]) unite(row, &touching_[v * words_]);
    }

    void unite(std::uint64_t* row, const std::uint64_t* other) const {
        for (std::size_t w = 0; w < words_; ++w) row[w] |= other[w];
    }

    void collect(std::size_t first, std::size_t last, std::size_t destination, Interactions& result) {
        std::vector<std::uint16_t> list;
        std::vector<std::uint32_t> begin{0};
        for (std::size_t i = first; i < last; ++i) {
            for (std::size_t w = (i + 1) / 64; w < words_; ++w) {
                std::uint64_t bits = meets_[i * words_ + w];
                if (w == (i + 1) / 64) bits &= ~std::uint64_t{0} << ((i + 1) % 64);
                for (; bits; bits &= bits - 1)
                    list.push_back(static_cast<std::uint16_t>(w * 64 + static_cast<unsigned>(std::countr_zero(bits))));
            }
            begin.push_back(static_cast<std::uint32_t>(list.size()));
        }
        list.shrink_to_fit();
        result.fill(destination, std::move(list), std::move(begin));
    }

    void set(std::vector<std::uint64_t>& bits, std::size_t row, std::size_t column) const {
        bits[row * words_ + column / 64] |= std::uint64_t{1} << (column % 64);
    }

    const Graph& graph_;
    const FailureSets& failures_;
    Update<Distance> update_;
    std::size_t words_;
    std::vector<std::uint64_t> changing_, touching_, meets_;
    std::vector<std::vector<std::uint16_t>> failures_of_;
    std::vector<std::vector<Node>> changed_, touched_;
    std::vector<Edge> gained_;
    Changes::Part part_;
};

// The state of one destination after a failure, as a state to start from.
template <class Distance> class After {
public:
    explicit After(const Graph& graph)
        : graph_(graph), distance_(graph.nodes), flow_(graph.nodes), hops_(graph.nodes), via_(graph.nodes),
          order_(graph.nodes), rank_(graph.nodes) {}

    Towards<Distance> make(Update<Distance>& update, const Towards<Distance>& before, const Failure& failure) {
        const std::size_t n = graph_.nodes;
        std::copy(before.flow, before.flow + n, flow_.begin());
        std::copy(before.hops, before.hops + n, hops_.begin());
        std::copy(before.via, before.via + n, via_.begin());
        Keep keep{{}, flow_.data(), hops_.data()};
        update.apply_and_keep(failure, keep);
        std::copy(update.distance_now().begin(), update.distance_now().end(), distance_.begin());
        for (const Node v : update.partial()) via_[v] = update.first_hop_now(v);
        order_anew(update, before);
        update.forget();
        return {distance_.data(), flow_.data(), hops_.data(), via_.data(), order_.data(), rank_.data()};
    }

private:
    struct Keep : Silent {
        double* flow;
        std::uint16_t* hops;
        Keep(Silent, double* f, std::uint16_t* h) : flow(f), hops(h) {}
        void node(Node v, double amount, std::uint32_t count) {
            flow[v] = amount;
            hops[v] = static_cast<std::uint16_t>(count);
        }
    };

    // No node outside the region has a next hop inside it: it comes after everything else.
    void order_anew(const Update<Distance>& update, const Towards<Distance>& before) {
        const auto& now = update.distance_now();
        std::size_t at = 0;
        const auto place = [&](Node v) {
            rank_[v] = static_cast<std::uint16_t>(at);
            order_[at++] = static_cast<std::uint16_t>(v);
        };
        for (std::size_t i = 0; i < graph_.nodes; ++i) {
            const Node v = before.order[i];
            if (now[v] == before.distance[v]) place(v);
        }
        for (const Node v : update.settled()) place(v);
        for (const Node v : update.region())
            if (now[v] == unreachable<Distance>) place(v);
    }

    const Graph& graph_;
    std::vector<Distance> distance_;
    std::vector<double> flow_;
    std::vector<std::uint16_t> hops_;
    std::vector<Edge> via_;
    std::vector<std::uint16_t> order_, rank_;
};

}  // namespace backstay
