"""Link loads under failures, written to be obviously right: networkx and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from backstay.simulate.sweep_input import Failure, LoadModel


@dataclass(frozen=True)
class Expected:
    loads: np.ndarray
    lost: float
    apart: float


def expected(model: LoadModel, failed: list[Failure]) -> Expected:
    """Every demand on its own: at each router an equal share to every link on a shortest path."""
    down = {router for failure in failed for router in failure.routers}
    dead = {link for failure in failed for link in failure.links}
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(router for router in range(len(model.routers)) if router not in down)
    for link, (tail, head) in enumerate(zip(model.tails.tolist(), model.heads.tolist(), strict=True)):
        if link not in dead and tail not in down and head not in down:
            graph.add_edge(tail, head, key=link, metric=int(model.metrics[link]))
    loads = np.zeros(len(model.links))
    lost = apart = 0.0
    for target in range(len(model.routers)):
        distance = _distances(graph, target)
        for source in range(len(model.routers)):
            amount = float(model.demands[source, target])
            if source == target or amount == 0:
                continue
            if source in down or target in down:
                apart += amount
            elif source not in distance:
                lost += amount
            else:
                _send(graph, distance, source, target, amount, loads)
    return Expected(loads, lost, apart)


def _distances(graph: nx.MultiDiGraph[int], target: int) -> dict[int, int]:
    if target not in graph:
        return {}
    found = nx.single_source_dijkstra_path_length(graph.reverse(copy=False), target, weight="metric")
    return {int(node): int(distance) for node, distance in found.items()}


def _send(
    graph: nx.MultiDiGraph[int], distance: dict[int, int], source: int, target: int, amount: float, loads: np.ndarray
) -> None:
    at = {source: amount}
    for node in sorted(distance, key=lambda item: -distance[item]):
        flow = at.pop(node, 0.0)
        if node == target or flow == 0:
            continue
        hops: list[tuple[int, int]] = [
            (head, link)
            for _, head, link in graph.out_edges(node, keys=True)
            if head in distance and distance[head] + graph.edges[node, head, link]["metric"] == distance[node]
        ]
        for head, link in hops:
            loads[link] += flow / len(hops)
            at[head] = at.get(head, 0.0) + flow / len(hops)
