"""IS-IS after a failure, from what it was before: only what led over the cut is looked for again.

A cut takes edges away and makes none better. So a shortest path that does not use one of them is a shortest path still;
a router is farther from a node than before only when all first steps of its shortest paths are gone (Ramalingam and
Reps 1996, 4). Seen from the nodes that routes lead to, of which there are few, not from the routers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import chain
from math import inf

import networkx as nx

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import Route
from backstay.referee.isis import Isis, Map, Offer, path_limit
from backstay.referee.isis_lsp import Circuit, Hop, Key, Node, circuit_metric

Edge = tuple[Node, Node]
Edges = list[list[tuple[int, int]]]
"""By node: nodes at the other end of its edges, and what these cost."""


def can_be_cut(base: Isis) -> bool:
    """One level, one topology walked by all, point-to-point links that cost something, nothing brought in, no default by the
    attached bit, no subnet twice on one router.
    """
    processes = [speaker.process for speaker in base.hellos.speakers.values()]
    return (
        bool(processes)
        and base.is_even()
        and not base.hellos.designated
        and not any(process.redistributions or process.defaults for process in processes)
        and not any(lsp.attached for _key, lsp in base.lsps)
        and all(circuit_metric(hop.local, hop.level) > 0 for hops in base.hellos.hops.values() for hop in hops)
        and not any(_twice(circuits) for circuits in base.hellos.circuits.values())
    )


def _twice(circuits: tuple[Circuit, ...]) -> bool:
    found = [prefix for circuit in circuits for prefix in _prefixes(circuit)]
    return len(found) > len(set(found))


def _prefixes(circuit: Circuit) -> set[Prefix]:
    return {
        address.peer or address.prefix for address in circuit.interface.addresses if not address.address.is_link_local
    }


@dataclass(frozen=True, slots=True)
class Tree:
    """Shortest paths from every router to one node, routers by their number in `Forest.names`. ``far``: how long (infinite
    without a way); ``feeds``: whose first step is to a router; ``firsts``: how many first steps one has.
    """

    far: list[float]
    feeds: list[list[int]]
    firsts: list[int]


@dataclass(frozen=True, slots=True)
class Torn:
    """A tree after a cut. ``farther``: routers whose paths got longer, with how long they are (infinite: no way is left);
    ``turned``: these and all others that lost first steps.
    """

    tree: Tree
    farther: Mapping[int, float]
    turned: AbstractSet[int]

    def far(self, at: int) -> float:
        """How far a router is, infinite without a way."""
        now = self.farther.get(at)
        return self.tree.far[at] if now is None else now


@dataclass(eq=False)
class Forest:
    """Trees of the whole network, grown when asked for. ``beside``: adjacencies of each node; ``steps``: the same with the
    node at the other end; ``paces``: by number, with the number of the node at the other end and what they cost.
    """

    base: Isis
    graph: nx.DiGraph[Node] = field(init=False)
    beside: Mapping[Node, tuple[Hop, ...]] = field(init=False)
    steps: Mapping[Node, tuple[tuple[Hop, Node], ...]] = field(init=False)
    paces: list[list[tuple[Hop, int, int]]] = field(init=False)
    _trees: dict[Node, Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        walks = self.base.chart(next(iter(self.base.hellos.speakers)), self._spoken()).walks
        self.graph, self.overloaded = walks.graph, walks.overloaded
        self._back = self.graph.reverse(copy=False)
        speakers = self.base.hellos.speakers
        self.names = tuple(sorted({*self.graph, *(speaker.node for speaker in speakers.values())}))
        self.number = {node: at for at, node in enumerate(self.names)}
        self.shut = frozenset(self.number[node] for node in self.overloaded)
        self.onward = [self._costs(self.graph.adj.get(node, {})) for node in self.names]
        self.feeders = [self._costs(self.graph.pred.get(node, {})) for node in self.names]
        self.beside = {
            speaker.node: tuple(hop for level in speaker.process.levels for hop in self._hops(key, level))
            for key, speaker in speakers.items()
        }
        self.steps = {node: tuple((hop, hop.remote.speaker.node) for hop in hops) for node, hops in self.beside.items()}
        self.paces = [
            [(hop, self.number[node], circuit_metric(hop.local, hop.level)) for hop, node in self.steps.get(name, ())]
            for name in self.names
        ]
        limits = (path_limit(speaker) for speaker in speakers.values())
        offered = (reach.metric for _key, lsp in self.base.lsps for reach in lsp.prefixes)
        self.ceiling = min(limits) - max(offered, default=0)  # nobody gives up a path shorter than that
        self.nodes = {key[0]: speaker.node for key, speaker in speakers.items()}
        self.keys: dict[str, list[Key]] = defaultdict(list)
        for key in speakers:
            self.keys[key[0]].append(key)

    def _spoken(self) -> int:
        """An IP version that the routers speak: all that do walk alike (`can_be_cut`)."""
        return min((version for _key, lsp in self.base.lsps for version in lsp.versions), default=4)

    def _costs(self, ends: Mapping[Node, Mapping[str, int]]) -> list[tuple[int, int]]:
        """Nodes, by number, at the other end of edges, and what these cost."""
        return [(self.number[node], edge["weight"]) for node, edge in ends.items()]

    def offering(self, prefix: Prefix) -> tuple[Node, ...]:
        """The nodes that offer a prefix: everybody's map is the same (`can_be_cut`)."""
        chart = self.base.chart(next(iter(self.base.hellos.speakers)), prefix.version)
        return tuple(offer.node for offer in chart.offers.get(prefix, ()))

    def _hops(self, key: Key, level: int) -> tuple[Hop, ...]:
        return self.base.hellos.hops.get((key, level), ())

    def tree(self, node: Node) -> Tree:
        """Shortest paths to a node."""
        if node not in self._trees:
            distance = nx.single_source_dijkstra_path_length(self._back, node) if node in self.graph else {}
            far = [distance.get(name, inf) for name in self.names]
            feeds = [
                [tail for tail, cost in feeders if far[tail] == cost + far[head] < inf]
                for head, feeders in enumerate(self.feeders)
            ]
            firsts = Counter(chain.from_iterable(feeds))
            self._trees[node] = Tree(far, feeds, [firsts[at] for at in range(len(far))])
        return self._trees[node]


class IsisCut(Isis):
    """IS-IS without the interfaces in ``gone``: an `Isis` whose routes are those before, where nothing turned."""

    def __init__(self, forest: Forest, gone: frozenset[InterfaceRef]) -> None:
        base = forest.base
        super().__init__(base.hellos, base.lsps, base.databases)
        self.base, self.forest, self.gone = base, forest, gone
        self._of = base._of  # noqa: SLF001 - the same databases, the same maps
        self.worse = dict(self._worse())
        tails = {tail for tail, _head in self.worse}
        self.ends = tails | {head for _tail, head in self.worse}
        self.dropped = self._dropped()
        self._trees: dict[Node, Torn] = {}
        number = forest.number
        self._weaker = {(number[tail], number[head]): cost for (tail, head), cost in self.worse.items()}
        self._tails = {tail for tail, _head in self._weaker}
        self._edges = [
            (tail, head, cost, self._weaker[tail, head])
            for tail in sorted(self._tails)
            for head, cost in forest.onward[tail]
            if (tail, head) in self._weaker
        ]
        self._dearer = {(tail, head) for tail, head, cost, after in self._edges if after != cost}
        self._heads = {head for _tail, head in self._dearer}
        self._onward, self._feeders = self._left()
        self._own = forest.shut & self._tails

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
        return self.forest.nodes.get(ref.router, ("", 0))

    def _stays(self, hop: Hop) -> bool:
        return hop.local.ref not in self.gone and hop.remote.ref not in self.gone

    def _dropped(self) -> frozenset[tuple[Node, Prefix]]:
        """Prefixes a node offers no longer: those of interfaces gone, unless another of its own has them too."""
        found = set()
        for router in {ref.router for ref in self.gone}:
            for key in self.forest.keys.get(router, ()):
                circuits = self.base.hellos.circuits[key]
                kept = {prefix for c in circuits if c.ref not in self.gone for prefix in _prefixes(c)}
                lost = {prefix for c in circuits if c.ref in self.gone for prefix in _prefixes(c)}
                found |= {(circuits[0].speaker.node, prefix) for prefix in lost - kept}
        return frozenset(found)

    def _left(self) -> tuple[Edges, Edges]:
        """The edges there are after the cut, as in `Forest`."""
        onward, feeders, weaker = list(self.forest.onward), list(self.forest.feeders), self._weaker
        for one in self._tails:
            now = ((head, weaker.get((one, head), cost)) for head, cost in onward[one])
            onward[one] = [(head, cost) for head, cost in now if cost is not None]
        for one in {head for _tail, head in weaker}:
            now = ((tail, weaker.get((tail, one), cost)) for tail, cost in feeders[one])
            feeders[one] = [(tail, cost) for tail, cost in now if cost is not None]
        return onward, feeders

    # ------------------------------------------------------------------------------------------- trees

    def tree(self, node: Node) -> Torn:
        """Shortest paths to a node after the cut."""
        found = self._trees.get(node)
        if found is None:
            found = self._trees[node] = self._regrown(self.forest.tree(node))
        return found

    def _regrown(self, tree: Tree) -> Torn:
        lost, turned = self._lost(tree)
        if not turned:
            return Torn(tree, {}, self._own)
        # No path leads through an overloaded router, so that none stands for its own first steps.
        shut = self.forest.shut
        return Torn(tree, self._reach_again(lost, tree.far), turned | shut if shut else turned)

    def _lost(self, tree: Tree) -> tuple[list[int], AbstractSet[int]]:
        """Routers all of whose first steps are gone, and all that lost some."""
        far, feeds, firsts, dearer, heads = tree.far, tree.feeds, tree.firsts, self._dearer, self._heads
        left: dict[int, int] = {}
        for tail, head, cost, after in self._edges:
            if far[tail] == cost + far[head] < inf:  # where another adjacency is as good, the step is not lost
                left[tail] = left.get(tail, firsts[tail]) - (after != cost)
        lost = [at for at, count in left.items() if not count]
        for at in lost:
            for tail in feeds[at]:
                if at not in heads or (tail, at) not in dearer:  # else lost already
                    count = left[tail] = left.get(tail, firsts[tail]) - 1
                    if not count:
                        lost.append(tail)
        return lost, left.keys()

    def _reach_again(self, lost: list[int], near: list[float]) -> dict[int, float]:
        """Dijkstra among the lost routers, from those beside them that still get there; infinite for those that do not."""
        onward, feeders = self._onward, self._feeders
        found = dict.fromkeys(lost, inf)
        heap: list[tuple[float, int]] = []
        for at in lost:
            best = inf
            for head, cost in onward[at]:
                if head not in found and cost + near[head] < best:
                    best = cost + near[head]
            if best < inf:
                heap.append((best, at))
        heapify(heap)
        while heap:
            far, at = heappop(heap)
            if far < found[at]:
                found[at] = far
                for tail, cost in feeders[at]:
                    if tail in found and cost + far < found[tail]:
                        heappush(heap, (cost + far, tail))
        return found

    def rerouted(self, torn: Torn, at: int) -> bool:
        """Whether the first steps of a router in a tree may be other ones: neighbours, or adjacencies with one of them. One
        that is no farther for having lost some certainly has fewer.
        """
        return at in torn.turned and (at not in torn.farther or self._takes_others(at, torn))

    def _takes_others(self, at: int, torn: Torn) -> bool:
        near, before, now = torn.tree.far, torn.tree.far[at], torn.farther[at]
        if now > self.forest.ceiling:
            return True
        if at not in self._tails:
            farther = torn.farther
            for head, cost in self.forest.onward[at]:
                if (cost + near[head] == before) != (cost + farther.get(head, near[head]) == now):
                    return True
            return False
        led = {head for head, cost in self.forest.onward[at] if cost + near[head] == before}
        leads = {head for head, cost in self._onward[at] if cost + torn.far(head) == now}
        return led != leads or any((at, head) in self._weaker for head in led)

    # ------------------------------------------------------------------------------------------- routes

    def route(self, key: Key, prefix: Prefix) -> Route | None:
        """The route before where neither its first steps nor who offers it changed."""
        at = self.forest.number[self.base.hellos.speakers[key].node]
        offers = self.base.chart(key, prefix.version).offers.get(prefix, ())
        if not any((offer.node, prefix) in self.dropped or at in self.tree(offer.node).turned for offer in offers):
            return self.base.route(key, prefix)
        return super().route(key, prefix)

    def _offers(self, chart: Map, prefix: Prefix) -> tuple[Offer, ...]:
        return tuple(o for o in chart.offers.get(prefix, ()) if (o.node, prefix) not in self.dropped)

    def reached(self, key: Key, level: int, version: int, node: Node) -> tuple[int, tuple[Hop, ...]] | None:  # noqa: ARG002 - one level
        """How far a node is, and the adjacencies that lead there."""
        far, hops = self.ways(self.forest.number[self.base.hellos.speakers[key].node], node)
        return (int(far), tuple(hop for hop in hops if version in hop.versions)) if hops else None

    def ways(self, at: int, node: Node) -> tuple[float, list[Hop]]:
        """How far a node is from a router, and the adjacencies that lead there: those whose other end is as near as can be.
        An overloaded router is infinitely far from all but itself: nothing passes through it.
        """
        torn = self.tree(node)
        farther, near = torn.farther, torn.tree.far
        whole = self.forest.names[at] not in self.ends
        best, found = inf, list[Hop]()
        for hop, beyond, cost in self.forest.paces[at]:
            if whole or self._stays(hop):
                far = cost + (farther[beyond] if beyond in farther else near[beyond])
                if far < best:
                    best, found = far, [hop]
                elif far == best < inf:
                    found.append(hop)
        return best, found
