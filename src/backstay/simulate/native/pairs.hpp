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
// ("they interact") the change of one is computed in the state after the other.
//
// Which is which is free, and matters: a failure next to the destination moves half the network, one far out a node or
// two. The one that moves more nodes is the host, whose state is made once for all its guests; what a guest changes in
// there, less what it changes alone, is the correction of the pair. (backbone/europe: 3 nodes an update instead of 110.)
#pragma once

#include "base.hpp"

namespace backstay {

// The corrections of all pairs whose first failure is in a block of them, destination by destination.
class Corrections {
public:
    // What the pair of the row's failure and `partner` changes beyond the sum: `count` entries from `begin`.
    struct Record {
        std::uint16_t partner;
        std::uint32_t count;
        std::size_t begin;
        double lost;
    };

    struct Part {
        std::vector<std::uint32_t> row_begin;
        std::vector<Record> records;
        std::vector<Edge> edges;
        std::vector<double> more;

        std::span<const Record> row(std::size_t number) const {
            return {records.data() + row_begin[number], row_begin[number + 1] - row_begin[number]};
        }

        std::size_t bytes() const {
            return row_begin.size() * sizeof(std::uint32_t) + records.size() * sizeof(Record) +
                   edges.size() * (sizeof(Edge) + sizeof(double));
        }
    };

    // For failures `first` to `last` as the first of a pair.
    void start(std::size_t destinations, std::size_t first, std::size_t last) {
        first_ = first;
        last_ = last;
        parts_.assign(destinations, {});
    }

    bool covers(std::size_t i) const { return first_ <= i && i < last_; }
    std::size_t first() const { return first_; }
    std::size_t last() const { return last_; }
    const Part& of(std::size_t destination) const { return parts_[destination]; }
    std::span<const Record> of(std::size_t destination, std::size_t i) const {
        return parts_[destination].row(i - first_);
    }

    // A copy is no larger than what it holds.
    void keep(std::size_t destination, const Part& part) { parts_[destination] = part; }

    std::size_t memory() const {
        std::size_t sum = 0;
        for (const auto& part : parts_) sum += part.bytes();
        return sum;
    }

private:
    std::size_t first_ = 0, last_ = 0;
    std::vector<Part> parts_;
};

// Rows of bits, one bit per failure.
class FailureBits {
public:
    FailureBits() = default;
    FailureBits(std::size_t rows, std::size_t failures) : words_((failures + 63) / 64), bits_(rows * words_) {}

    void clear() { std::fill(bits_.begin(), bits_.end(), 0); }
    bool empty() const { return bits_.empty(); }
    void set(std::size_t row, std::size_t failure) {
        bits_[row * words_ + failure / 64] |= std::uint64_t{1} << (failure % 64);
    }
    void unite(std::size_t row, const FailureBits& other, std::size_t other_row) {
        for (std::size_t w = 0; w < words_; ++w) bits_[row * words_ + w] |= other.bits_[other_row * words_ + w];
    }
    void intersect(std::size_t row, const FailureBits& other, std::size_t other_row) {
        for (std::size_t w = 0; w < words_; ++w) bits_[row * words_ + w] &= other.bits_[other_row * words_ + w];
    }

    // The failures of a row that come after `failure`.
    template <class Take> void after(std::size_t row, std::size_t failure, const Take& take) const {
        const std::size_t start = (failure + 1) / 64;
        for (std::size_t w = start; w < words_; ++w) {
            std::uint64_t bits = bits_[row * words_ + w];
            if (w == start) bits &= ~std::uint64_t{0} << ((failure + 1) % 64);
            for (; bits; bits &= bits - 1) take(w * 64 + static_cast<unsigned>(std::countr_zero(bits)));
        }
    }

private:
    std::size_t words_ = 0;
    std::vector<std::uint64_t> bits_;
};

// What a pair changes beyond the sum, link by link. Differences this small beside their terms are rounding: none.
class Gathered : public Silent {
public:
    explicit Gathered(std::size_t edges) : sum_(edges), gross_(edges) {}

    void edge(Edge e, double more) {
        if (gross_[e] == 0.0) touched_.push_back(e);
        sum_[e] += more;
        gross_[e] += std::abs(more);
    }

    // Appends what there is and begins anew.
    void move_to(Corrections::Part& part) {
        for (const Edge e : touched_) {
            if (std::abs(sum_[e]) > rounding * gross_[e]) {
                part.edges.push_back(e);
                part.more.push_back(sum_[e]);
            }
            sum_[e] = gross_[e] = 0.0;
        }
        touched_.clear();
    }

private:
    static constexpr double rounding = 1.0 / (1ULL << 44);
    std::vector<double> sum_, gross_;
    std::vector<Edge> touched_;
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

// Which pairs to look at: first failures `first` to `last`, and with each the partners of `wanted` (empty: all).
struct Block {
    std::size_t first, last;
    FailureBits wanted;

    // Of ascending pairs, those whose first failure is in the block.
    template <class PairOf>
    void want(std::span<const std::size_t> pairs, std::size_t failures, const PairOf& pair_of) {
        wanted = FailureBits(last - first, failures);
        for (const std::size_t pair : pairs) {
            const auto [i, j] = pair_of(pair);
            if (i >= last) break;
            wanted.set(i - first, j);
        }
    }
};

// Finds the corrections of one destination after the other.
template <class Distance> class Pairing {
public:
    Pairing(const Graph& graph, const FailureSets& failures)
        : graph_(graph), failures_(failures), update_(graph), second_(graph), after_(graph), gathered_(graph.edges),
          changing_(graph.nodes, failures.size()), touching_(graph.nodes, failures.size()),
          meets_(failures.size(), failures.size()), failures_of_(graph.edges), alone_(failures.size()) {
        for (std::size_t i = 0; i < failures.size(); ++i)
            for (const Edge e : failures[i].edges) failures_of_[e].push_back(static_cast<std::uint16_t>(i));
    }

    // The result stays valid until the next call.
    const Corrections::Part& find(Node to, const Towards<Distance>& state, const double* demand, const Block& block,
                                  const StopFlag& stop) {
        find_meetings(to, state, demand, block, stop);
        for (std::size_t host = 0; host < failures_.size() && !stop; ++host)
            if (guests_begin_[host] < guests_begin_[host + 1]) receive(host);
        return part_;
    }

    // Instead of `find`: for every pair of the block that interacts, what it may put on any link beyond the sum of its
    // single failures; calls `take(i, j, flow)`, i < j (engine_bounds.hpp says why).
    template <class Take>
    void bound(Node to, const Towards<Distance>& state, const double* demand, const Block& block, const StopFlag& stop,
               const Take& take) {
        find_meetings(to, state, demand, block, stop);
        carried_.assign(graph_.edges, 0.0);
        for (Edge e = 0; e < graph_.edges; ++e)
            if (const Node v = graph_.tail[e]; state.hops[v] > 0 && update_.is_next_hop(e))
                carried_[e] = state.flow[v] / state.hops[v];
        auto after = carried_;
        for (std::size_t host = 0; host < failures_.size() && !stop; ++host) {
            if (guests_begin_[host] == guests_begin_[host + 1]) continue;
            const Alone& alone = alone_[host];
            for (std::size_t k = 0; k < alone.edges.size(); ++k) after[alone.edges[k]] += alone.more[k];
            for (auto at = guests_begin_[host]; at < guests_begin_[host + 1]; ++at) {
                const std::size_t guest = guests_[at].failure;
                double flow = 0.0;
                for (const Edge e : failures_[guest].edges) flow += std::max(0.0, after[e]) + carried_[e];
                take(std::min(host, guest), std::max(host, guest), flow);
            }
            for (const Edge e : alone.edges) after[e] = carried_[e];
        }
    }

    // After `find` for all pairs: about how many bytes the corrections of every row take.
    void add_sizes(std::vector<double>& bytes) const {
        for (std::size_t i = 0; i < bytes.size(); ++i)
            for (const auto& record : part_.row(i))
                bytes[i] += sizeof(record) + static_cast<double>(record.count * (sizeof(Edge) + sizeof(double)));
    }

private:
    // What every failure does alone, and which pairs of the block interact.
    void find_meetings(Node to, const Towards<Distance>& state, const double* demand, const Block& block,
                       const StopFlag& stop) {
        to_ = to;
        state_ = state;
        demand_ = demand;
        part_ = {};
        changing_.clear();
        touching_.clear();
        meets_.clear();
        update_.bind(to, state, demand);
        for (std::size_t i = 0; i < failures_.size() && !stop; ++i) follow(i);
        collect(block);
    }

    // What a failure does by itself. `weight` counts the nodes with new distances; a destination that fails outweighs
    // everything, for nothing can change after it.
    struct Alone {
        std::vector<Node> changed, touched;
        std::vector<Edge> edges;
        std::vector<double> more;
        double lost = 0.0;
        std::size_t weight = 0;
        bool gone = false;
    };

    struct Trace : Silent {
        Alone& alone;
        std::vector<Edge>& links;
        Trace(Alone& a, std::vector<Edge>& l) : alone(a), links(l) {}
        void edge(Edge e, double more) {
            alone.edges.push_back(e);
            alone.more.push_back(more);
        }
        void gained(Edge e) { links.push_back(e); }
        void reached(Node v) { alone.touched.push_back(v); }
    };

    // A pair that interacts, by the number of its record, with the one of the two that is the guest.
    struct Guest {
        std::uint32_t record;
        std::uint16_t failure;
    };

    void follow(std::size_t i) {
        const Failure failure = failures_[i];
        Alone& alone = alone_[i];
        alone.changed.assign(failure.nodes.begin(), failure.nodes.end());
        alone.touched.clear();
        alone.edges.clear();
        alone.more.clear();
        alone.lost = 0.0;
        alone.weight = 0;
        alone.gone = holds(failure.nodes, to_);
        gained_.clear();
        Trace trace(alone, gained_);
        if (alone.gone) {
            alone.lost = update_.destination_down(trace);
            alone.weight = graph_.nodes + 1;
            alone.changed.resize(graph_.nodes);
            for (Node v = 0; v < graph_.nodes; ++v) alone.changed[v] = v;
        } else if (!failure.nodes.empty() || update_.touches(failure)) {
            alone.lost = update_.apply_and_keep(failure, trace);
            alone.weight = update_.region().size();
            alone.changed.insert(alone.changed.end(), update_.partial().begin(), update_.partial().end());
            update_.forget();
            for (const Edge e : gained_)
                for (const std::uint16_t j : failures_of_[e]) {
                    meets_.set(i, j);
                    meets_.set(j, i);
                }
        }
        for (const Node v : alone.touched) touching_.set(v, i);
        for (const Node v : alone.changed) {
            changing_.set(v, i);
            touching_.set(v, i);
        }
    }

    void meet(std::size_t i) {
        for (const Node v : alone_[i].touched) meets_.unite(i, changing_, v);
        for (const Node v : alone_[i].changed) meets_.unite(i, touching_, v);
    }

    // Opens a record for every pair that interacts and sorts the guests by host.
    void collect(const Block& block) {
        pairs_.clear();
        guests_begin_.assign(failures_.size() + 1, 0);
        part_.row_begin.push_back(0);
        for (std::size_t i = block.first; i < block.last; ++i) {
            meet(i);
            if (!block.wanted.empty()) meets_.intersect(i, block.wanted, i - block.first);
            meets_.after(i, i, [&](std::size_t j) {
                part_.records.push_back({static_cast<std::uint16_t>(j), 0, 0, 0.0});
                const bool first_hosts = alone_[i].weight >= alone_[j].weight;
                pairs_.emplace_back(first_hosts ? i : j, first_hosts ? j : i);
                ++guests_begin_[pairs_.back().first + 1];
            });
            part_.row_begin.push_back(static_cast<std::uint32_t>(part_.records.size()));
        }
        for (std::size_t host = 0; host < failures_.size(); ++host) guests_begin_[host + 1] += guests_begin_[host];
        guests_.resize(pairs_.size());
        auto next = guests_begin_;
        for (std::size_t record = 0; record < pairs_.size(); ++record)
            guests_[next[pairs_[record].first]++] = {static_cast<std::uint32_t>(record), pairs_[record].second};
    }

    void receive(std::size_t host) {
        const bool gone = alone_[host].gone;
        if (!gone) {
            second_.fail(failures_[host]);
            second_.bind(to_, after_.make(update_, state_, failures_[host]), demand_);
        }
        for (auto at = guests_begin_[host]; at < guests_begin_[host + 1]; ++at) {
            const Guest& guest = guests_[at];
            const Alone& alone = alone_[guest.failure];
            Corrections::Record& record = part_.records[guest.record];
            record.lost = (gone ? 0.0 : change(second_, to_, failures_[guest.failure], gathered_)) - alone.lost;
            for (std::size_t k = 0; k < alone.edges.size(); ++k) gathered_.edge(alone.edges[k], -alone.more[k]);
            record.begin = part_.edges.size();
            gathered_.move_to(part_);
            record.count = static_cast<std::uint32_t>(part_.edges.size() - record.begin);
        }
        if (!gone) second_.repair(failures_[host]);
    }

    const Graph& graph_;
    const FailureSets& failures_;
    Update<Distance> update_, second_;
    After<Distance> after_;
    Gathered gathered_;
    FailureBits changing_, touching_, meets_;
    std::vector<std::vector<std::uint16_t>> failures_of_;
    std::vector<Alone> alone_;
    std::vector<Edge> gained_;
    std::vector<std::pair<std::uint16_t, std::uint16_t>> pairs_;  // host, guest; one per record
    std::vector<std::uint32_t> guests_begin_;
    std::vector<Guest> guests_;
    Corrections::Part part_;
    std::vector<double> carried_;  // by every link
    Node to_ = 0;
    Towards<Distance> state_{};
    const double* demand_ = nullptr;
};

}  // namespace backstay
