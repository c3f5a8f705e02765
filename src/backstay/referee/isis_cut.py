"""IS-IS after a failure, from what it was before: only what led over the cut is looked for again.

A cut takes edges away and makes none better. So a shortest path that does not use one of them is a shortest path still;
a router is farther from a node than before only when all first steps of its shortest paths are gone (Ramalingam and
Reps 1996, 4). Seen from the nodes that routes lead to, of which there are few, not from the routers.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import networkx as nx

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import Route
from backstay.referee.isis import Isis, Map, Offer
from backstay.referee.isis_lsp import Hop, Key, Node, circuit_metric

Edge = tuple[Node, Node]


def can_be_cut(base: Isis) -> bool:
    """One level, one topology walked by all, point-to-point links, nothing brought in, no default by the attached bit."""
    processes = [speaker.process for speaker in base.hellos.speakers.values()]
    return (
        bool(processes)
        and base.is_even()
        and not base.hellos.designated
        and not any(process.redistributions or process.defaults for process in processes)
        and not any(lsp.attached for _key, lsp in base.lsps)
    )


@dataclass(frozen=True, slots=True)
class Tree:
    """How far every router is from a node. ``farther``: routers whose distance a cut changed; ``turned``: those whose
    first steps are other ones.
    """

    distance: Mapping[Node, float]
    farther: frozenset[Node] = frozenset()
    turned: frozenset[Node] = frozenset()


@dataclass(eq=False)
class Forest:
    """Trees of the whole network, grown when asked for. ``beside``: adjacencies of each node."""

    base: Isis
    graph: nx.DiGraph[Node] = field(init=False)
    beside: Mapping[Node, tuple[Hop, ...]] = field(init=False)
    _trees: dict[Node, Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        walks = self.base.chart(next(iter(self.base.hellos.speakers)), 4).walks
        self.graph, self.overloaded = walks.graph, walks.overloaded
        self._back = self.graph.reverse(copy=False)
        self.onward = {
            tail: {head: edge["weight"] for head, edge in ends.items()} for tail, ends in self.graph.adj.items()
        }
        self.feeders = {
            head: {tail: edge["weight"] for tail, edge in ends.items()} for head, ends in self.graph.pred.items()
        }
        self.beside = {
            speaker.node: tuple(hop for level in speaker.process.levels for hop in self._hops(key, level))
            for key, speaker in self.base.hellos.speakers.items()
        }

    def _hops(self, key: Key, level: int) -> tuple[Hop, ...]:
        return self.base.hellos.hops.get((key, level), ())

    def tree(self, node: Node) -> Tree:
        """Distances to a node."""
        if node not in self._trees:
            known = node in self.graph
            self._trees[node] = Tree(nx.single_source_dijkstra_path_length(self._back, node) if known else {})
        return self._trees[node]


class IsisCut(Isis):
    """IS-IS without the interfaces in ``gone``: an `Isis` whose routes are those before, where nothing turned."""

    def __init__(self, forest: Forest, gone: frozenset[InterfaceRef]) -> None:
        base = forest.base
        super().__init__(base.hellos, base.lsps, base.databases)
        self.base, self.forest, self.gone = base, forest, gone
        self._of = base._of  # noqa: SLF001 - the same databases, the same maps
        self.worse = dict(self._worse())
        self._tails = {tail for tail, _head in self.worse}
        self.dropped = self._dropped()
        self._trees: dict[Node, Tree] = {}

    def _worse(self) -> Iterator[tuple[Edge, int | None]]:
        """Edges without some of their adjacencies, and what they cost then; None: they are no more."""
        for ref in sorted(self.gone):
            for hop in self.forest.beside.get(self._node(ref), ()):
                if hop.local.ref == ref:
                    left = [
                        circuit_metric(other.local, other.level)
                        for other in self.forest.beside[hop.local.speaker.node]
                        if other.remote.speaker is hop.remote.speaker and self._stays(other)
                    ]
                    yield (hop.local.speaker.node, hop.remote.speaker.node), min(left, default=None)

    def _node(self, ref: InterfaceRef) -> Node:
        return next((s.node for key, s in self.base.hellos.speakers.items() if key[0] == ref.router), ("", 0))

    def _stays(self, hop: Hop) -> bool:
        return hop.local.ref not in self.gone and hop.remote.ref not in self.gone

    def _dropped(self) -> frozenset[tuple[Node, Prefix]]:
        """Prefixes a node offers no longer: those of interfaces gone, unless another of its own has them too."""
        found = set()
        routers = {ref.router for ref in self.gone}
        for key, circuits in self.base.hellos.circuits.items():
            if key[0] in routers and circuits:
                kept = {a.peer or a.prefix for c in circuits if c.ref not in self.gone for a in c.interface.addresses}
                lost = {a.peer or a.prefix for c in circuits if c.ref in self.gone for a in c.interface.addresses}
                found |= {(circuits[0].speaker.node, prefix) for prefix in lost - kept}
        return frozenset(found)

    # ------------------------------------------------------------------------------------------- trees

    def tree(self, node: Node) -> Tree:
        """Distances to a node after the cut; the tree before itself where nobody turned."""
        if node not in self._trees:
            self._trees[node] = self._regrown(self.forest.tree(node))
        return self._trees[node]

    def _cost(self, tail: Node, head: Node) -> int | None:
        if tail in self._tails and (tail, head) in self.worse:
            return self.worse[tail, head]
        cost: int = self.forest.onward[tail][head]
        return cost

    def _regrown(self, tree: Tree) -> Tree:
        was, graph = tree.distance, self.forest.graph
        hit = [
            tail
            for (tail, head) in self.worse
            if head in was
            and graph.has_edge(tail, head)
            and was.get(tail) == graph.adj[tail][head]["weight"] + was[head]
        ]
        # No path leads through an overloaded router, so that none stands for its own first steps.
        own = self.forest.overloaded if hit else {tail for tail, _ in self.worse if tail in self.forest.overloaded}
        if not hit:
            return Tree(was, turned=frozenset(own)) if own else tree
        lost, turned = self._lost(was, hit)
        distance = _Over(was)
        self._reach_again(lost, distance)
        return Tree(distance, frozenset(lost), frozenset(turned | own))

    def _lost(self, was: Mapping[Node, float], hit: list[Node]) -> tuple[set[Node], set[Node]]:
        """Routers all of whose first steps are gone, and all that lost some."""
        onward, lost, turned = self.forest.onward, set[Node](), set[Node]()
        heap = [(was[node], node) for node in set(hit)]
        heapq.heapify(heap)
        while heap:
            far, node = heapq.heappop(heap)
            if node in lost:
                continue
            turned.add(node)
            for head in onward[node]:
                cost = self._cost(node, head)
                if head in was and head not in lost and cost is not None and cost + was[head] == far:
                    break
            else:
                lost.add(node)
                for tail, cost in self.forest.feeders[node].items():
                    if was.get(tail) == cost + far:
                        heapq.heappush(heap, (was[tail], tail))
        return lost, turned

    def _reach_again(self, lost: set[Node], distance: dict[Node, float]) -> None:
        """Dijkstra among the lost routers, from those beside them that still get there."""
        onward, feeders = self.forest.onward, self.forest.feeders
        heap: list[tuple[float, Node]] = []
        for node in lost:
            del distance[node]
        for node in lost:
            for head in onward[node]:
                cost = self._cost(node, head)
                if cost is not None and head in distance:
                    heapq.heappush(heap, (cost + distance[head], node))
        while heap:
            far, node = heapq.heappop(heap)
            if node in distance:
                continue
            distance[node] = far
            for tail in feeders[node]:
                cost = self._cost(tail, node) if tail in lost else None
                if cost is not None and tail not in distance:
                    heapq.heappush(heap, (cost + far, tail))

    # ------------------------------------------------------------------------------------------- routes

    def route(self, key: Key, prefix: Prefix) -> Route | None:
        """The route before where neither its first steps nor who offers it changed."""
        node = self.base.hellos.speakers[key].node
        offers = self.base.chart(key, prefix.version).offers.get(prefix, ())
        if not any((offer.node, prefix) in self.dropped or node in self.tree(offer.node).turned for offer in offers):
            return self.base.route(key, prefix)
        return super().route(key, prefix)

    def _offers(self, chart: Map, prefix: Prefix) -> tuple[Offer, ...]:
        return tuple(o for o in chart.offers.get(prefix, ()) if (o.node, prefix) not in self.dropped)

    def reached(self, key: Key, level: int, version: int, node: Node) -> tuple[int, tuple[Hop, ...]] | None:
        """How far a node is, and the adjacencies that lead there: those whose other end is as near as can be."""
        own = self.base.hellos.speakers[key].node
        distance = self.tree(node).distance
        ways = []
        for hop in self.forest.beside[own]:
            beyond = hop.remote.speaker.node
            far = distance.get(beyond)
            through = beyond == node or beyond not in self.forest.overloaded
            if far is not None and through and version in hop.versions and self._stays(hop):
                ways.append((circuit_metric(hop.local, level) + int(far), hop))
        best = min((far for far, _hop in ways), default=None)
        return None if best is None else (best, tuple(hop for far, hop in ways if far == best))


class _Over(dict[Node, float]):
    """A mapping with some of its values replaced or taken away, without a copy of it."""

    def __init__(self, below: Mapping[Node, float]) -> None:
        super().__init__()
        self._below, self._gone = below, set[Node]()

    def __missing__(self, node: Node) -> float:
        if node in self._gone:
            raise KeyError(node)
        return self._below[node]

    def __contains__(self, node: object) -> bool:
        return super().__contains__(node) or (node in self._below and node not in self._gone)

    def __delitem__(self, node: Node) -> None:
        self._gone.add(node)

    def get(self, node: Node, default: float | None = None) -> float | None:  # type: ignore[override]
        """The value now."""
        try:
            return self[node]
        except KeyError:
            return default
