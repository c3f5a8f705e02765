#include "engine_bounds.hpp"
#include "engine_pairs.hpp"

namespace backstay {

void FailureSets::add(const Graph& graph, std::span<const std::uint32_t> edges, std::span<const std::uint32_t> nodes,
                      std::span<const std::uint32_t> lessened, std::span<const double> lost) {
    std::vector<Edge> all;
    for (const auto e : edges) all.push_back(graph.renumbered[e]);
    for (const Node v : nodes) {
        for (Edge e = graph.out_begin[v]; e < graph.out_begin[v + 1]; ++e) all.push_back(e);
        for (auto k = graph.in_begin[v]; k < graph.in_begin[v + 1]; ++k) all.push_back(graph.in[k].edge);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::vector<Node> routers(nodes.begin(), nodes.end());
    std::sort(routers.begin(), routers.end());
    routers.erase(std::unique(routers.begin(), routers.end()), routers.end());
    edges_.insert(edges_.end(), all.begin(), all.end());
    nodes_.insert(nodes_.end(), routers.begin(), routers.end());
    for (std::size_t k = 0; k < lessened.size(); ++k) lessened_.push_back({graph.renumbered[lessened[k]], lost[k]});
    less_begin_.push_back(lessened_.size());
    edge_begin_.push_back(edges_.size());
    node_begin_.push_back(nodes_.size());
}

std::unique_ptr<Core> Core::make(Graph graph, std::span<const double> capacity, std::span<const double> demand) {
    const std::uint64_t longest = std::uint64_t{graph.nodes} * graph.largest_metric;
    if (longest < unreachable<std::uint32_t>)
        return std::make_unique<Engine<std::uint32_t>>(std::move(graph), capacity, demand);
    return std::make_unique<Engine<std::uint64_t>>(std::move(graph), capacity, demand);
}

}  // namespace backstay
