"""How others compute the load of every link under a failure, each used as well as its documentation shows.

A peer is a function (instance, links that failed) -> Mbit/s of every directed link. Every ordered pair of nodes sends 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import netgraph_core as ngc
import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Instance:
    """A topology: ``ends[k]`` and ``metrics[k]`` of its links; directed link 2k goes there, 2k + 1 back."""

    name: str
    nodes: int
    ends: Sequence[tuple[int, int]]
    metrics: Sequence[int]

    @property
    def offered(self) -> float:
        return float(self.nodes * (self.nodes - 1))


Peer = Callable[[Instance, tuple[int, ...]], Floats]


def with_networkx(instance: Instance, failed: tuple[int, ...]) -> Floats:
    """A script: Dijkstra towards every node, flow pushed from far to near."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(instance.nodes))
    for link, (one, other) in enumerate(instance.ends):
        if link not in failed:
            graph.add_edge(one, other, key=2 * link, metric=instance.metrics[link])
            graph.add_edge(other, one, key=2 * link + 1, metric=instance.metrics[link])
    backwards = graph.reverse(copy=False)
    loads = np.zeros(2 * len(instance.ends))
    for target in range(instance.nodes):
        distance = nx.single_source_dijkstra_path_length(backwards, target, weight="metric")
        flow = dict.fromkeys(distance, 1.0)
        for node in sorted(distance, key=lambda item: -distance[item]):
            if node == target:
                continue
            hops = [
                (head, key)
                for head, keys in graph[node].items()
                for key, data in keys.items()
                if distance[head] + data["metric"] == distance[node]
            ]
            share = flow[node] / len(hops)
            for head, key in hops:
                loads[int(key)] += share
                flow[head] += share
    return loads


def with_scipy(instance: Instance, failed: tuple[int, ...]) -> Floats:
    """A script: all distances by csgraph, then numpy over all targets at once, node by node from far to near."""
    up = np.array([link not in failed for link in range(len(instance.ends))])
    ends = np.array(instance.ends)
    metrics = np.array(instance.metrics, dtype=np.float64)
    tails = np.stack([ends[:, 0], ends[:, 1]], axis=1).ravel()
    heads = np.stack([ends[:, 1], ends[:, 0]], axis=1).ravel()
    works, costs = np.repeat(up, 2), np.repeat(metrics, 2)
    lowest: dict[tuple[int, int], float] = {}  # a sparse matrix adds parallel links up
    for tail, head, cost in zip(tails[works].tolist(), heads[works].tolist(), costs[works].tolist(), strict=True):
        lowest[tail, head] = min(cost, lowest.get((tail, head), np.inf))
    rows, columns = np.array(list(lowest)).T
    solve: Any = dijkstra  # types that are there only where scipy is: the same to the type checker with and without
    sparse: Any = csr_array
    distance = solve(sparse((list(lowest.values()), (rows, columns)), shape=(instance.nodes, instance.nodes)))
    with np.errstate(invalid="ignore"):
        tight = works[:, None] & (distance[tails] == costs[:, None] + distance[heads]) & np.isfinite(distance[tails])
    hops = np.zeros((instance.nodes, instance.nodes))
    np.add.at(hops, tails, tight)
    loads = np.zeros(2 * len(instance.ends))
    outgoing = [np.flatnonzero((tails == node) & works) for node in range(instance.nodes)]
    for target in range(instance.nodes):
        flow = np.isfinite(distance[:, target]).astype(np.float64)
        flow[target] = 0.0
        for node in np.argsort(-np.where(np.isfinite(distance[:, target]), distance[:, target], -1.0)).tolist():
            if node == target or flow[node] == 0.0:
                continue
            links = outgoing[node][tight[outgoing[node], target]]
            share = flow[node] / hops[node, target]
            loads[links] += share
            np.add.at(flow, heads[links], share)
        flow[target] = 0.0
    return loads


UNITS = 1 << 30
"""netgraph-core counts in whole units: one Mbit/s is this many."""


def with_netgraph(instance: Instance, failed: tuple[int, ...]) -> Floats:
    """netgraph-core: one ledger, one ECMP policy for every destination with all sources that reach it."""
    tails = [end for one, other in instance.ends for end in (one, other)]
    heads = [end for one, other in instance.ends for end in (other, one)]
    costs = [metric for metric in instance.metrics for _ in (0, 1)]
    graph = ngc.Graph(instance.nodes, tails, heads, [1 << 49] * len(tails), costs, 1.0)
    positions = np.asarray(graph.input_positions())
    dead = [edge for edge, position in enumerate(positions.tolist()) if position // 2 in failed]
    allowed = graph.eligibility(excluded_edges=dead)
    ledger = ngc.FlowLedger(graph)
    ecmp = ngc.FlowPolicyConfig(routing=ngc.ShortestPaths(), admission=ngc.Admission.LOSSY)
    for part in _parts(instance, failed):
        for target in part:
            sources = [node for node in part if node != target]
            if sources:
                ngc.FlowPolicy(ledger, sources, target, ecmp, allowed).place(UNITS * len(sources))
    loads = np.zeros(len(tails))
    loads[positions] = np.asarray(ledger.carried(), dtype=np.float64) / UNITS
    return loads


def _parts(instance: Instance, failed: tuple[int, ...]) -> list[list[int]]:
    """Nodes that still reach each other."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(instance.nodes))
    graph.add_edges_from(ends for link, ends in enumerate(instance.ends) if link not in failed)
    return [sorted(part) for part in nx.connected_components(graph)]


PEERS: dict[str, Peer] = {
    "networkx script": with_networkx,
    "scipy script": with_scipy,
    "netgraph-core": with_netgraph,
}
