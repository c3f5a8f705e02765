"""IS-IS: shortest paths from one system to all others, as the standard has it (ISO 10589 C.2: PATHS and TENT).

Each system on TENT carries the adjacencies that its shortest paths begin with, so that both are known when it moves to PATHS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf

import networkx as nx

from backstay.model.errors import Unproven
from backstay.referee.isis_lsp import Hellos, Hop, Lsp, Node, circuit_metric

First = Mapping[Node, list[tuple[int, Hop]]]
"""By the node at the other end, router or LAN: adjacencies of a root and what they cost."""


@dataclass(eq=False)
class Walks:
    """Where a topology can be walked. An edge goes where one names the other, as FRR has it (isis_spf.c
    isis_spf_process_lsp; seen on 8.4.4), not both each other as C.2.6 a has it; from an overloaded node none goes (7.2.8.1),
    which keeps what the node itself offers in reach.

    ``names`` numbers the nodes, pseudonodes before routers, so that of two equally near the pseudonode is looked at first: it
    may lie before the other (C.2.6). ``onward`` are the edges of each, by these numbers.
    """

    lsps: tuple[Lsp, ...]
    topology: int
    styles: tuple[str, ...]
    graph: nx.DiGraph[Node] = field(init=False)
    overloaded: frozenset[Node] = field(init=False)
    names: tuple[Node, ...] = field(init=False)
    number: Mapping[Node, int] = field(init=False)
    onward: tuple[tuple[tuple[int, int], ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        metrics: dict[tuple[Node, Node], int] = {}
        for lsp in self.lsps:
            for reach in lsp.neighbors:
                if reach.style in self.styles and (lsp.node[1] or reach.topology == self.topology):
                    edge = (lsp.node, reach.node)
                    metrics[edge] = min(metrics.get(edge, reach.metric), reach.metric)
        self.overloaded = frozenset(lsp.node for lsp in self.lsps if self.topology in lsp.overload)
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(lsp.node for lsp in self.lsps)
        known = frozenset(self.graph)
        self.graph.add_weighted_edges_from(
            (tail, head, metric)
            for (tail, head), metric in metrics.items()
            if head in known and tail not in self.overloaded
        )
        self.names = tuple(sorted(self.graph, key=lambda node: (node[1] == 0, node)))
        self.number = {node: at for at, node in enumerate(self.names)}
        self.onward = tuple(
            tuple((self.number[head], edge["weight"]) for head, edge in self.graph.adj[node].items())
            for node in self.names
        )


@dataclass(frozen=True, slots=True)
class Paths:
    """Shortest paths of one root: distance of every node, and the adjacencies they begin with."""

    distance: Mapping[Node, float]
    hops: Mapping[Node, tuple[Hop, ...]]


def shortest_paths(walks: Walks, hellos: Hellos, root: Node, level: int, hops: tuple[Hop, ...]) -> Paths:
    """Dijkstra from the root. Its own edges are its own adjacencies ``hops``, overloaded or not.

    Raises `Unproven` where an edge that costs nothing leads to a router as near that was done with before: which adjacencies
    count would depend on the order.
    """
    names, onward = walks.names, walks.onward
    first = first_steps(hellos, level, hops)
    far, begin, tent = _neighbors(walks, first)
    lans = {at for _near, at in tent if names[at][1]}
    done = [False] * len(names)
    if root in walks.number:
        far[walks.number[root]] = -1  # nothing leads back
    while tent:
        near, at = heappop(tent)
        if done[at]:
            continue
        done[at] = True
        for head, metric in onward[at]:
            total = near + metric
            if total > far[head]:
                continue
            ways = _over(first[names[at]], near, names[head], begin[at]) if at in lans else begin[at]
            if total < far[head]:
                far[head], begin[head] = total, ways
                heappush(tent, (total, head))
            elif not done[head]:
                begin[head] = _united(begin[head], ways)
            elif set(ways) - set(begin[head]):
                raise Unproven(
                    f"IS-IS: nothing parts {names[at][0]} from {names[head][0]}, and both have ways of their own"
                )
    return _told(names, far, begin, root)


def first_steps(hellos: Hellos, level: int, hops: Iterable[Hop]) -> First:
    """A root's adjacencies by where they lead: on a LAN to its pseudonode."""
    first: dict[Node, list[tuple[int, Hop]]] = defaultdict(list)
    for hop in hops:
        node = hellos.designated.get((hop.local.ref, level), hop.remote.speaker.node)
        first[node].append((circuit_metric(hop.local, level), hop))
    return first


def _neighbors(walks: Walks, first: First) -> tuple[list[float], list[tuple[Hop, ...]], list[tuple[float, int]]]:
    """How far the root's neighbours are, over which adjacencies, and the two as TENT. A LAN is no next hop: who is on it comes
    with the step over it.
    """
    far: list[float] = [inf] * len(walks.names)
    begin: list[tuple[Hop, ...]] = [()] * len(walks.names)
    tent: list[tuple[float, int]] = []
    for node, steps in first.items():
        at = walks.number.get(node)
        if at is not None:
            far[at] = min(metric for metric, _hop in steps)
            begin[at] = () if node[1] else tuple(hop for metric, hop in steps if metric == far[at])
            tent.append((far[at], at))
    heapify(tent)
    return far, begin, tent


def _over(steps: list[tuple[int, Hop]], near: float, node: Node, others: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """One step over a LAN of ours: the neighbour on it, and whatever else led to the LAN as cheaply."""
    return (*(hop for metric, hop in steps if metric == near and hop.remote.speaker.node == node), *others)


def _united(one: tuple[Hop, ...], other: tuple[Hop, ...]) -> tuple[Hop, ...]:
    return one if one == other else tuple(dict.fromkeys((*one, *other)))


def _told(names: tuple[Node, ...], far: list[float], begin: list[tuple[Hop, ...]], root: Node) -> Paths:
    """Of all that are reached."""
    if inf not in far:
        distance, hops = dict(zip(names, far, strict=True)), dict(zip(names, begin, strict=True))
    else:
        reached = [at for at, total in enumerate(far) if total < inf]
        distance, hops = {names[at]: far[at] for at in reached}, {names[at]: begin[at] for at in reached}
    distance[root], hops[root] = 0, ()
    return Paths(distance=distance, hops=hops)
