// Single failures of a network whose routers send to one node of the interior graph each, or leave by a BGP exit chosen
// the hot-potato way. `exit_sweep.py` proves that a network is like that and says what every array means.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace backstay::exits {

using Far = std::int64_t;
constexpr Far unreached = std::int64_t{1} << 60;
constexpr std::int32_t none = -1;

enum Status : std::int32_t { answered = 0, refused = 1 };

struct Edge {
    std::int32_t tail, head, out;
    Far metric;
};

// One path to a BGP prefix: at `node`, with the next hop `cost` beyond the node of `column`. Lower `rank` wins before any
// distance; of equally near ones the lower `order` does.
struct Candidate {
    std::int32_t node, column, cost, rank, order, anycast;
};

// What one prefix that covers a destination makes routers do. Interior: send towards `column`. BGP: its candidates.
// Nodes in `fixed` (sorted) hand over by themselves: for BGP as long as their own candidate is the best they have.
struct Rule {
    bool interior;
    std::int32_t column;
    std::uint32_t candidate_begin, candidate_end, fixed_begin, fixed_end;
};

struct Part {
    std::int32_t group, node, home;
    double mbps, arrived;
};

struct Network {
    std::int32_t nodes = 0, interfaces = 0;
    std::vector<Edge> edges;
    std::vector<std::uint8_t> closed;
    std::vector<std::int32_t> targets;               // node of every column
    std::vector<std::int32_t> reflectors;            // column of every route reflector
    std::vector<std::int32_t> peer_order;            // of every reflector's address
    std::vector<Candidate> candidates;
    std::vector<std::int32_t> fixed_node, fixed_hop;
    std::vector<Rule> rules;
    std::vector<std::uint32_t> rule_begin;           // by group
    std::vector<std::uint32_t> branch_begin;         // by hop set
    std::vector<std::int32_t> branch_out;
    std::vector<std::uint8_t> branch_arrives;
    std::vector<Part> parts;                         // sorted by group
    std::vector<std::uint32_t> part_begin;           // by group
    std::vector<std::int32_t> watched_columns, watched_nodes;
    std::vector<std::vector<std::uint32_t>> out, in; // edges by tail and by head

    void index() {
        out.assign(nodes, {});
        in.assign(nodes, {});
        for (std::uint32_t e = 0; e < edges.size(); ++e) {
            out[edges[e].tail].push_back(e);
            in[edges[e].head].push_back(e);
        }
    }

    std::size_t groups() const { return rule_begin.size() - 1; }
    // An overloaded node is reached but not passed through.
    bool leads(const Edge& edge, std::int32_t target) const { return !closed[edge.head] || edge.head == target; }
};

struct Failure {
    std::span<const std::uint32_t> edges;
    std::span<const std::int32_t> nodes, withdrawn; // withdrawn: nodes whose anycast candidates are gone
};

// What the routers of one destination do: towards a column, or a hop set of their own, or nothing.
struct Decision {
    std::int32_t column = none, hop = none;
    bool operator==(const Decision&) const = default;
};

// The traffic of one destination on its way.
struct Flow {
    std::vector<std::pair<std::int32_t, double>> loads; // by interface
    std::vector<std::pair<std::int32_t, Decision>> visited;
    double dropped = 0.0;
    bool circular = false;
};

class Sweep {
public:
    explicit Sweep(const Network& network)
        : net_(network), n_(network.nodes), dead_edge_(network.edges.size(), 0), dead_node_(network.nodes, 0),
          withdrawn_(network.nodes, 0), mass_(network.nodes, 0.0), waiting_(network.nodes, 0), state_(network.nodes, 0),
          carried_(network.interfaces, 0.0), mark_(network.nodes, 0) {}

    // Distances and flows without any failure.
    void prepare() {
        const std::size_t columns = net_.targets.size();
        base_.assign(columns * n_, unreached);
        for (std::size_t c = 0; c < columns; ++c) from_nothing(c);
        now_ = base_;
        choices_.assign(net_.rules.size() * net_.reflectors.size(), none);
        chosen_.assign(net_.rules.size(), 0);
        flows_.resize(net_.groups());
        for (std::size_t g = 0; g < net_.groups(); ++g) flows_[g] = run(g);
        edge_groups_.assign(net_.edges.size(), {});
        std::vector<std::int32_t> edge_of(net_.interfaces, none);
        for (std::uint32_t e = 0; e < net_.edges.size(); ++e) edge_of[net_.edges[e].out] = static_cast<std::int32_t>(e);
        for (std::size_t g = 0; g < net_.groups(); ++g)
            for (const auto& [out, load] : flows_[g].loads)
                if (edge_of[out] != none) edge_groups_[edge_of[out]].push_back(static_cast<std::uint32_t>(g));
    }

    Sweep copy() const { return *this; }

    const std::vector<Flow>& flows() const { return flows_; }
    const std::vector<Far>& distances() const { return base_; }

    // One failure; `reached` says of every watched pair whether the column's node is reached from the node.
    std::int32_t evaluate(const Failure& failure, double* loads, double& lost, double& apart, std::uint8_t* reached) {
        begin(failure);
        for (std::size_t i = 0; i < net_.watched_columns.size(); ++i)
            reached[i] = distance(net_.watched_columns[i], net_.watched_nodes[i]) < unreached;
        const std::int32_t status = answer(failure, loads, lost, apart);
        end(failure);
        return status;
    }

private:
    void begin(const Failure& failure) {
        for (const auto e : failure.edges) dead_edge_[e] = 1;
        for (const auto v : failure.nodes) dead_node_[v] = 1;
        for (const auto v : failure.withdrawn) withdrawn_[v] = 1;
        std::fill(chosen_.begin(), chosen_.end(), 0);
        for (std::size_t c = 0; c < net_.targets.size(); ++c) update(c, failure);
    }

    void end(const Failure& failure) {
        for (const auto e : failure.edges) dead_edge_[e] = 0;
        for (const auto v : failure.nodes) dead_node_[v] = 0;
        for (const auto v : failure.withdrawn) withdrawn_[v] = 0;
        for (const auto at : changed_) now_[at] = base_[at];
        changed_.clear();
    }

    std::int32_t answer(const Failure& failure, double* loads, double& lost, double& apart) {
        lost = apart = 0.0;
        affected_.assign(net_.groups(), 0);
        for (const auto e : failure.edges)
            for (const auto g : edge_groups_[e]) affected_[g] = 1;
        for (std::size_t g = 0; g < net_.groups(); ++g) {
            double doomed_lost = 0.0;
            bool doomed = false;
            for (auto p = net_.part_begin[g]; p < net_.part_begin[g + 1]; ++p)
                if (is_doomed(net_.parts[p])) {
                    doomed = true;
                    apart += net_.parts[p].mbps * net_.parts[p].arrived;
                    doomed_lost += net_.parts[p].mbps * (1.0 - net_.parts[p].arrived);
                }
            if (!doomed && !affected_[g] && !decided_otherwise(g)) {
                add(flows_[g], loads);
                continue;
            }
            const Flow flow = run(g);
            if (flow.circular) return refused;
            add(flow, loads);
            lost += flow.dropped - (flows_[g].dropped - doomed_lost);
        }
        return answered;
    }

    static void add(const Flow& flow, double* loads) {
        for (const auto& [out, load] : flow.loads) loads[out] += load;
    }

    bool is_doomed(const Part& part) const {
        if (part.node == none) return false; // down already: nothing more stops
        return dead_node_[part.node] || (part.home != none && dead_node_[part.home]);
    }

    bool decided_otherwise(std::size_t group) {
        for (const auto& [node, decision] : flows_[group].visited)
            if (dead_node_[node] || !(decide(group, node) == decision)) return true;
        return false;
    }

    // ------------------------------------------------------------------------------------ distances

    using Item = std::pair<Far, std::int32_t>;
    using Queue = std::priority_queue<Item, std::vector<Item>, std::greater<>>;

    void from_nothing(std::size_t column) {
        Far* distance = &base_[column * n_];
        const std::int32_t target = net_.targets[column];
        Queue queue;
        distance[target] = 0;
        queue.emplace(0, target);
        while (!queue.empty()) {
            const auto [reach, node] = queue.top();
            queue.pop();
            if (reach > distance[node] || (net_.closed[node] && node != target)) continue;
            for (const auto e : net_.in[node]) {
                const auto& edge = net_.edges[e];
                if (reach + edge.metric < distance[edge.tail]) {
                    distance[edge.tail] = reach + edge.metric;
                    queue.emplace(distance[edge.tail], edge.tail);
                }
            }
        }
    }

    bool usable(std::uint32_t e, std::int32_t target) const {
        const auto& edge = net_.edges[e];
        return !dead_edge_[e] && !dead_node_[edge.head] && !dead_node_[edge.tail] && net_.leads(edge, target);
    }

    void put(std::size_t at, Far value) {
        if (now_[at] == base_[at]) changed_.push_back(at);
        now_[at] = value;
    }

    // What the failure makes of the distances to one column: nodes whose every shortest first edge is gone, farthest
    // last, are reached anew over those that are left (metrics are above 0, so shortest edges run in no circle).
    void update(std::size_t column, const Failure& failure) {
        const std::int32_t target = net_.targets[column];
        const std::size_t base = column * n_;
        if (dead_node_[target]) {
            for (std::int32_t v = 0; v < n_; ++v)
                if (now_[base + v] != unreached) put(base + v, unreached);
            return;
        }
        Queue suspects;
        for (const auto e : failure.edges) {
            const auto& edge = net_.edges[e];
            if (shortest(base, edge) && net_.leads(edge, target)) suspects.emplace(base_[base + edge.tail], edge.tail);
        }
        if (suspects.empty()) return;
        std::vector<std::int32_t> cut;
        while (!suspects.empty()) {
            const auto node = suspects.top().second;
            suspects.pop();
            if (mark_[node] || still_there(base, node, target)) continue;
            mark_[node] = 1;
            cut.push_back(node);
            if (net_.closed[node]) continue;
            for (const auto e : net_.in[node])
                if (!mark_[net_.edges[e].tail] && shortest(base, net_.edges[e]))
                    suspects.emplace(base_[base + net_.edges[e].tail], net_.edges[e].tail);
        }
        reach_again(base, target, cut);
        for (const auto node : cut) mark_[node] = 0;
    }

    bool shortest(std::size_t base, const Edge& edge) const {
        const Far reach = base_[base + edge.tail];
        return reach < unreached && edge.metric + base_[base + edge.head] == reach;
    }

    bool still_there(std::size_t base, std::int32_t node, std::int32_t target) const {
        if (node == target) return true;
        for (const auto e : net_.out[node])
            if (usable(e, target) && !mark_[net_.edges[e].head] && shortest(base, net_.edges[e])) return true;
        return false;
    }

    void reach_again(std::size_t base, std::int32_t target, const std::vector<std::int32_t>& cut) {
        Queue queue;
        for (const auto node : cut) {
            Far best = unreached;
            for (const auto e : net_.out[node])
                if (usable(e, target) && !mark_[net_.edges[e].head] && now_[base + net_.edges[e].head] < unreached)
                    best = std::min(best, net_.edges[e].metric + now_[base + net_.edges[e].head]);
            put(base + node, best);
            if (best < unreached) queue.emplace(best, node);
        }
        while (!queue.empty()) {
            const auto [reach, node] = queue.top();
            queue.pop();
            if (reach > now_[base + node] || net_.closed[node]) continue;
            for (const auto e : net_.in[node]) {
                const auto tail = net_.edges[e].tail;
                if (mark_[tail] && usable(e, target) && reach + net_.edges[e].metric < now_[base + tail]) {
                    now_[base + tail] = reach + net_.edges[e].metric;
                    queue.emplace(now_[base + tail], tail);
                }
            }
        }
    }

    Far distance(std::int32_t column, std::int32_t node) const {
        return now_[static_cast<std::size_t>(column) * n_ + node];
    }

    // ------------------------------------------------------------------------------------ decisions

    Decision decide(std::size_t group, std::int32_t node) {
        for (auto r = net_.rule_begin[group]; r < net_.rule_begin[group + 1]; ++r) {
            const Rule& rule = net_.rules[r];
            if (rule.interior) {
                const std::int32_t hop = fixed_at(rule, node);
                if (hop != none) return {none, hop};
                if (distance(rule.column, node) < unreached) return {rule.column, none};
            } else {
                const Decision found = by_bgp(r, node);
                if (found.column != none || found.hop != none) return found;
            }
        }
        return {};
    }

    std::int32_t fixed_at(const Rule& rule, std::int32_t node) const {
        const auto first = net_.fixed_node.begin() + rule.fixed_begin, last = net_.fixed_node.begin() + rule.fixed_end;
        const auto found = std::lower_bound(first, last, node);
        return found != last && *found == node ? net_.fixed_hop[found - net_.fixed_node.begin()] : none;
    }

    bool there(const Candidate& candidate) const {
        return !dead_node_[candidate.node] && !(candidate.anycast != none && withdrawn_[candidate.node]);
    }

    // A router's own path is the best it has unless a reflector tells it of one that ranks before.
    Decision by_bgp(std::size_t r, std::int32_t node) {
        const Rule& rule = net_.rules[r];
        choose(r);
        const Candidate* own = nullptr;
        if (fixed_at(rule, node) != none)
            for (auto c = rule.candidate_begin; c < rule.candidate_end; ++c)
                if (net_.candidates[c].node == node && there(net_.candidates[c])) own = &net_.candidates[c];
        const Candidate* best = nullptr;
        Far best_reach = unreached;
        std::size_t best_reflector = 0;
        for (std::size_t k = 0; k < net_.reflectors.size(); ++k) {
            const std::int32_t choice = choices_[r * net_.reflectors.size() + k];
            if (choice == none || net_.candidates[choice].node == node) continue;
            if (distance(net_.reflectors[k], node) >= unreached) continue;
            const Candidate& heard = net_.candidates[choice];
            if (node == net_.targets[net_.reflectors[k]]) { // a reflector: what it chose, nobody else's say
                best = &heard;
                break;
            }
            const Far reach = distance(heard.column, node) + heard.cost;
            if (distance(heard.column, node) >= unreached) continue;
            if (best == nullptr || before(heard, reach, k, *best, best_reach, best_reflector)) {
                best = &heard;
                best_reach = reach;
                best_reflector = k;
            }
        }
        if (own != nullptr && (best == nullptr || own->rank <= best->rank)) return {none, fixed_at(rule, node)};
        if (best == nullptr) return {};
        return {best->column, none};
    }

    // Rank, distance, router id of the origin, then hops of reflection (a reflector's own path has none), then the
    // reflector's address.
    bool before(const Candidate& one, Far reach, std::size_t k, const Candidate& other, Far far, std::size_t j) const {
        const auto own = [&](const Candidate& item, std::size_t at) { return item.node != net_.targets[net_.reflectors[at]]; };
        const auto key = [&](const Candidate& item, Far metric, std::size_t at) {
            return std::tuple(item.rank, metric, item.order, own(item, at), net_.peer_order[at]);
        };
        return key(one, reach, k) < key(other, far, j);
    }

    // What every reflector tells: its own path if none ranks before it, else the nearest of the first rank it hears of.
    void choose(std::size_t r) {
        if (chosen_[r]) return;
        chosen_[r] = 1;
        const Rule& rule = net_.rules[r];
        for (std::size_t k = 0; k < net_.reflectors.size(); ++k) {
            const std::int32_t column = net_.reflectors[k], at = net_.targets[column];
            std::int32_t best = none;
            std::tuple<std::int32_t, bool, Far, std::int32_t> least;
            for (auto c = rule.candidate_begin; c < rule.candidate_end && !dead_node_[at]; ++c) {
                const Candidate& item = net_.candidates[c];
                if (!there(item) || distance(column, item.node) >= unreached) continue;
                const bool own = item.node == at;
                if (!own && distance(item.column, at) >= unreached) continue;
                const std::tuple key(item.rank, !own, own ? Far{0} : distance(item.column, at) + item.cost, item.order);
                if (best == none || key < least) {
                    best = static_cast<std::int32_t>(c);
                    least = key;
                }
            }
            choices_[r * net_.reflectors.size() + k] = best;
        }
    }

    // ------------------------------------------------------------------------------------ traffic

    Flow run(std::size_t group) {
        Flow flow;
        std::vector<std::int32_t> order;
        for (auto p = net_.part_begin[group]; p < net_.part_begin[group + 1]; ++p) {
            const Part& part = net_.parts[p];
            if (part.node == none || is_doomed(part)) continue;
            mass_[part.node] += part.mbps;
            if (!state_[part.node]) {
                state_[part.node] = 1;
                order.push_back(part.node);
            }
        }
        explore(group, order, flow);
        propagate(order, flow);
        for (const auto node : order) {
            mass_[node] = 0.0;
            waiting_[node] = 0;
            state_[node] = 0;
        }
        for (const auto out : touched_) {
            flow.loads.emplace_back(out, carried_[out]);
            carried_[out] = 0.0;
        }
        touched_.clear();
        return flow;
    }

    void explore(std::size_t group, std::vector<std::int32_t>& order, Flow& flow) {
        for (std::size_t i = 0; i < order.size(); ++i) {
            const Decision decision = decide(group, order[i]);
            flow.visited.emplace_back(order[i], decision);
            each(order[i], decision, [&](const Edge& edge) {
                ++waiting_[edge.head];
                if (!state_[edge.head]) {
                    state_[edge.head] = 1;
                    order.push_back(edge.head);
                }
            });
        }
    }

    template <class Visit> void each(std::int32_t node, const Decision& decision, const Visit& visit) const {
        if (decision.column == none) return;
        const std::int32_t target = net_.targets[decision.column];
        const Far reach = distance(decision.column, node);
        for (const auto e : net_.out[node])
            if (usable(e, target) && net_.edges[e].metric + distance(decision.column, net_.edges[e].head) == reach)
                visit(net_.edges[e]);
    }

    void propagate(const std::vector<std::int32_t>& order, Flow& flow) {
        std::vector<std::size_t> place(n_, 0);
        for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
        std::vector<std::int32_t> ready;
        for (const auto node : order)
            if (!waiting_[node]) ready.push_back(node);
        for (std::size_t i = 0; i < ready.size(); ++i) {
            const auto node = ready[i];
            const Decision& decision = flow.visited[place[node]].second;
            std::size_t many = 0;
            each(node, decision, [&](const Edge&) { ++many; });
            if (many == 0) hand_over(mass_[node], decision, flow);
            each(node, decision, [&](const Edge& edge) {
                const double share = mass_[node] / static_cast<double>(many);
                carry(edge.out, share);
                mass_[edge.head] += share;
                if (--waiting_[edge.head] == 0) ready.push_back(edge.head);
            });
        }
        flow.circular = ready.size() != order.size();
    }

    void hand_over(double mass, const Decision& decision, Flow& flow) {
        if (decision.hop == none) {
            flow.dropped += mass;
            return;
        }
        const auto first = net_.branch_begin[decision.hop], last = net_.branch_begin[decision.hop + 1];
        const double share = mass / static_cast<double>(last - first);
        for (auto b = first; b < last; ++b) {
            if (net_.branch_out[b] != none) carry(net_.branch_out[b], share);
            if (!net_.branch_arrives[b]) flow.dropped += share;
        }
    }

    void carry(std::int32_t out, double amount) {
        if (amount <= 0.0) return;
        if (carried_[out] == 0.0) touched_.push_back(out);
        carried_[out] += amount;
    }

    const Network& net_;
    std::int32_t n_;
    std::vector<Far> base_, now_;
    std::vector<std::size_t> changed_;
    std::vector<std::uint8_t> dead_edge_, dead_node_, withdrawn_;
    std::vector<std::int32_t> choices_;
    std::vector<std::uint8_t> chosen_;
    std::vector<Flow> flows_;
    std::vector<std::vector<std::uint32_t>> edge_groups_;
    std::vector<std::uint8_t> affected_;
    std::vector<double> mass_;
    std::vector<std::int32_t> waiting_;
    std::vector<std::uint8_t> state_;
    std::vector<double> carried_;
    std::vector<std::int32_t> touched_;
    std::vector<std::uint8_t> mark_;
};

}  // namespace backstay::exits
