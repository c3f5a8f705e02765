"""IS-IS after a failure, from what it was before: only what led over the cut is looked for again.

A cut takes edges away and makes none better. So a shortest path that does not use one of them is a shortest path still;
a node is reached otherwise only when all last steps of its shortest paths are gone (Ramalingam and Reps 1996, 4).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

import networkx as nx

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.referee.isis import Isis, Map, Offer, Paths, beginnings, first_steps, nearest_first
from backstay.referee.isis_lsp import Hop, Key, Node, circuit_metric

Edge = tuple[Node, Node]


class IsisCut(Isis):
    """IS-IS of one level without the interfaces in ``gone``; LSPs of others stay what they were."""

    def __init__(self, base: Isis, gone: frozenset[InterfaceRef]) -> None:
        super().__init__(base.hellos, base.lsps, base.databases)
        self.base, self.gone = base, gone
        self.edges = worse_edges(base, gone)
        self._dropped = _dropped(base, gone)
        self._of = base._of  # noqa: SLF001 - the same databases, the same maps
        self._maps = base._maps  # noqa: SLF001
        self._again: dict[int, Paths] = {}

    def paths(self, key: Key, level: int, version: int) -> Paths:
        """The paths before where no shortest one led over the cut, else anew from where it did."""
        at = (key, level, version)
        if at not in self._paths:
            before = self.base.paths(*at)
            if id(before) not in self._again:
                self._again[id(before)] = self._anew(key, level, before)
            self._paths[at] = self._again[id(before)]
        return self._paths[at]

    def same(self, key: Key, level: int, version: int) -> bool:
        """Whether nothing changed for this root."""
        return self.paths(key, level, version) is self.base.paths(key, level, version)

    def route_changes(self, prefix: Prefix) -> bool:
        """Whether somebody offers the prefix no longer."""
        return any(prefix == dropped for _node, dropped in self._dropped)

    def _offers(self, chart: Map, prefix: Prefix) -> tuple[Offer, ...]:
        offers = chart.offers.get(prefix, ())
        return tuple(offer for offer in offers if offer.external or (offer.node, prefix) not in self._dropped)

    def _anew(self, key: Key, level: int, before: Paths) -> Paths:
        root = self.hellos.speakers[key].node
        hit = [head for (tail, head) in self.edges if tail in before.before.get(head, ())]
        if not hit:
            return before
        hops = tuple(hop for hop in self._own_hops(key, level) if not {hop.local.ref, hop.remote.ref} & self.gone)
        return repaired(before, self.edges, hit, root, first_steps(self.hellos, level, hops))

    def _own_hops(self, key: Key, level: int) -> Iterable[Hop]:
        return self.hellos.hops.get((key, level), ())


def worse_edges(base: Isis, gone: frozenset[InterfaceRef]) -> dict[Edge, int | None]:
    """Edges that cost more without these interfaces, with what they cost then; None: they are no more.

    One of several equal adjacencies gone changes no cost, but it changes first hops: the edge is listed all the same.
    """
    found: dict[Edge, int | None] = {}
    for (_key, level), hops in base.hellos.hops.items():
        touched = {_edge(base, hop) for hop in hops if {hop.local.ref, hop.remote.ref} & gone}
        for edge in touched:
            left = [
                circuit_metric(hop.local, level)
                for hop in hops
                if _edge(base, hop) == edge and not {hop.local.ref, hop.remote.ref} & gone
            ]
            found[edge] = min(left, default=None)
            if edge[1][1]:
                found[edge[1], edge[0]] = found[edge]
    return found


def _edge(base: Isis, hop: Hop) -> Edge:
    lan = base.hellos.designated.get((hop.local.ref, hop.level))
    return hop.local.speaker.node, lan or hop.remote.speaker.node


def _dropped(base: Isis, gone: frozenset[InterfaceRef]) -> frozenset[tuple[Node, Prefix]]:
    """Prefixes that a node offers no longer: those of the interfaces gone, unless another of its own has them too."""
    found = set()
    for circuits in base.hellos.circuits.values():
        kept = {a.peer or a.prefix for c in circuits if c.ref not in gone for a in c.interface.addresses}
        lost = {a.peer or a.prefix for c in circuits if c.ref in gone for a in c.interface.addresses}
        found |= {(circuits[0].speaker.node, prefix) for prefix in lost - kept}
    return frozenset(found)


def repaired(
    base: Paths,
    worse: Mapping[Edge, int | None],
    hit: Iterable[Node],
    root: Node,
    first: Mapping[Node, list[tuple[int, Hop]]],
) -> Paths:
    """The shortest paths of a root when edges get worse. ``hit`` are nodes that a worse edge was the last step to."""
    graph = base.graph
    before: dict[Node, list[Node]] = {}
    lost = _lost(base, worse, hit, root, before)
    distance = {node: far for node, far in base.distance.items() if node not in lost}
    _reach_again(graph, worse, lost, distance, before)
    steps = base.before | before  # type: ignore[operator]
    changed = _behind(graph, {node for node in before if node in distance}, steps, distance)
    hops = {node: found for node, found in base.hops.items() if node in distance}
    for node in nearest_first(changed, distance):
        hops[node] = beginnings(node, steps[node], root, distance, first, hops)
    return Paths(distance=distance, hops=hops, before=steps, graph=graph)


def _lost(
    base: Paths, worse: Mapping[Edge, int | None], hit: Iterable[Node], root: Node, before: dict[Node, list[Node]]
) -> set[Node]:
    """Nodes all of whose last steps are gone; ``before`` gets what is left of those that lost some of them."""
    lost: set[Node] = set()
    heap = [(base.distance[node], node[1] == 0, node) for node in set(hit)]
    heapq.heapify(heap)
    while heap:
        _far, _router, node = heapq.heappop(heap)
        if node in lost:
            continue
        left = [
            previous
            for previous in base.before[node]
            if previous not in lost and _cost(base.graph, worse, previous, node) == _was(base, previous, node)
        ]
        before[node] = left
        if not left and node != root:
            lost.add(node)
            for after in base.graph.succ[node]:
                if node in base.before.get(after, ()):
                    heapq.heappush(heap, (base.distance[after], after[1] == 0, after))
    return lost


def _was(base: Paths, tail: Node, head: Node) -> float:
    return base.distance[head] - base.distance[tail]


def _cost(graph: nx.DiGraph[Node], worse: Mapping[Edge, int | None], tail: Node, head: Node) -> int | None:
    return worse[tail, head] if (tail, head) in worse else graph.adj[tail][head]["weight"]


def _reach_again(
    graph: nx.DiGraph[Node],
    worse: Mapping[Edge, int | None],
    lost: set[Node],
    distance: dict[Node, float],
    before: dict[Node, list[Node]],
) -> None:
    """Dijkstra among the lost nodes, from those beside them that are still reached."""
    heap: list[tuple[float, bool, Node, Node]] = []
    for node in lost:
        before[node] = []
        for tail in graph.pred[node]:
            cost = _cost(graph, worse, tail, node)
            if tail in distance and cost is not None:
                heapq.heappush(heap, (distance[tail] + cost, node[1] == 0, node, tail))
    while heap:
        far, _router, node, tail = heapq.heappop(heap)
        if node not in distance:
            distance[node] = far
            for after in graph.succ[node]:
                cost = _cost(graph, worse, node, after)
                if after in lost and after not in distance and cost is not None:
                    heapq.heappush(heap, (far + cost, after[1] == 0, after, node))
        if distance[node] == far and tail not in before[node]:
            before[node].append(tail)


def _behind(
    graph: nx.DiGraph[Node], changed: set[Node], steps: Mapping[Node, list[Node]], distance: Mapping[Node, float]
) -> set[Node]:
    """These nodes and all whose shortest paths lead through them."""
    found, queue = set(changed), list(changed)
    for node in queue:
        for after in graph.succ[node]:
            if after not in found and after in distance and node in steps.get(after, ()):
                found.add(after)
                queue.append(after)
    return found
