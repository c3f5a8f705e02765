"""IS-IS after a failure, from what it was before: only what led over the cut is looked for again.

A cut takes edges away and makes none better. So a shortest path that does not use one of them is a shortest path still;
a router is farther from a node than before only when all first steps of its shortest paths are gone (Ramalingam and
Reps 1996, 4). Seen from the nodes that routes lead to, of which there are few, not from the routers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf

import networkx as nx

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import Route
from backstay.referee.isis import Isis, Map, Offer, path_limit
from backstay.referee.isis_lsp import Circuit, Hop, Key, Node, circuit_metric

Edge = tuple[Node, Node]


def can_be_cut(base: Isis) -> bool:
    """One level, one topology walked by all, point-to-point links, nothing brought in, no default by the attached bit, no
    subnet twice on one router.
    """
    processes = [speaker.process for speaker in base.hellos.speakers.values()]
    return (
        bool(processes)
        and base.is_even()
        and not base.hellos.designated
        and not any(process.redistributions or process.defaults for process in processes)
        and not any(lsp.attached for _key, lsp in base.lsps)
        and not any(_twice(circuits) for circuits in base.hellos.circuits.values())
    )


def _twice(circuits: tuple[Circuit, ...]) -> bool:
    found = [prefix for circuit in circuits for prefix in _prefixes(circuit)]
    return len(found) > len(set(found))


def _prefixes(circuit: Circuit) -> set[Prefix]:
    return {
        address.peer or address.prefix for address in circuit.interface.addresses if not address.address.is_link_local
    }


Distances = Mapping[Node, float]


@dataclass(frozen=True, slots=True)
class Tree:
    """How far every router is from a node (``near``: the same by `Forest.names`, infinite without a way). ``farther``: routers whose distance a cut changed, with the new one (None: no way
    is left); ``turned``: these and those whose first steps are other ones; ``rerouted``: the latter alone.
    """

    before: Distances
    near: list[float]
    farther: Mapping[Node, float | None] = field(default_factory=dict)
    turned: AbstractSet[Node] = frozenset()
    rerouted: AbstractSet[Node] = frozenset()

    def far(self, node: Node) -> float | None:
        """The distance of a node, None without a way."""
        return self.farther[node] if node in self.farther else self.before.get(node)


@dataclass(eq=False)
class Forest:
    """Trees of the whole network, grown when asked for. ``beside``: adjacencies of each node; ``steps``: the same with the
    node at the other end and what they cost.
    """

    base: Isis
    graph: nx.DiGraph[Node] = field(init=False)
    beside: Mapping[Node, tuple[Hop, ...]] = field(init=False)
    steps: Mapping[Node, tuple[tuple[Hop, Node, int], ...]] = field(init=False)
    _trees: dict[Node, Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        walks = self.base.chart(next(iter(self.base.hellos.speakers)), 4).walks
        self.graph, self.overloaded = walks.graph, walks.overloaded
        self._back = self.graph.reverse(copy=False)
        self.names = tuple(sorted(self.graph))
        self.number = {node: at for at, node in enumerate(self.names)}
        self.onward = [self._costs(self.graph.adj[node]) for node in self.names]
        self.feeders = [self._costs(self.graph.pred[node]) for node in self.names]
        self.beside = {
            speaker.node: tuple(hop for level in speaker.process.levels for hop in self._hops(key, level))
            for key, speaker in self.base.hellos.speakers.items()
        }
        self.steps = {
            node: tuple((hop, hop.remote.speaker.node, circuit_metric(hop.local, hop.level)) for hop in hops)
            for node, hops in self.beside.items()
        }
        limits = (path_limit(speaker) for speaker in self.base.hellos.speakers.values())
        offered = (reach.metric for _key, lsp in self.base.lsps for reach in lsp.prefixes)
        self.ceiling = min(limits) - max(offered, default=0)  # nobody gives up a path shorter than that
        self.nodes = {key[0]: speaker.node for key, speaker in self.base.hellos.speakers.items()}
        self.keys: dict[str, list[Key]] = defaultdict(list)
        for key in self.base.hellos.speakers:
            self.keys[key[0]].append(key)

    def _costs(self, ends: Mapping[Node, Mapping[str, int]]) -> list[tuple[int, int]]:
        """Nodes, by number, at the other end of edges, and what these cost."""
        return [(self.number[node], edge["weight"]) for node, edge in ends.items()]

    def _hops(self, key: Key, level: int) -> tuple[Hop, ...]:
        return self.base.hellos.hops.get((key, level), ())

    def tree(self, node: Node) -> Tree:
        """Distances to a node."""
        if node not in self._trees:
            known = node in self.graph
            distance = nx.single_source_dijkstra_path_length(self._back, node) if known else {}
            self._trees[node] = Tree(distance, [distance.get(name, inf) for name in self.names])
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
        self.ends = self._tails | {head for _tail, head in self.worse}
        self._own = frozenset(self._tails & self.forest.overloaded)
        self.dropped = self._dropped()
        self._trees: dict[Node, Tree] = {}
        self._weaker: dict[int, dict[int, int | None]] = defaultdict(dict)
        number = forest.number
        for (tail, head), cost in self.worse.items():
            if tail in number and head in number:
                self._weaker[number[tail]][number[head]] = cost
        self._edges = [
            (tail, head, cost)
            for tail in self._weaker
            for head, cost in forest.onward[tail]
            if head in self._weaker[tail]
        ]

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

    # ------------------------------------------------------------------------------------------- trees

    def tree(self, node: Node) -> Tree:
        """Distances to a node after the cut; the tree before itself where nobody turned."""
        found = self._trees.get(node)
        if found is None:
            found = self._trees[node] = self._regrown(self.forest.tree(node))
        return found

    def _regrown(self, tree: Tree) -> Tree:
        near, names = tree.near, self.forest.names
        hit = {tail for tail, head, cost in self._edges if near[tail] == cost + near[head] < inf}
        # No path leads through an overloaded router, so that none stands for its own first steps.
        own = self.forest.overloaded if hit else self._own
        if not hit:
            return Tree(tree.before, near, turned=own, rerouted=own) if own else tree
        lost, turned = self._lost(near, hit)
        farther = self._reach_again(lost, near)
        rerouted = {names[at] for at in turned if self._takes_others(at, near, farther)}
        return Tree(
            tree.before,
            near,
            {names[at]: None if far == inf else far for at, far in farther.items()},
            own.union(names[at] for at in turned),
            rerouted | own if own else rerouted,
        )

    def _takes_others(self, at: int, near: list[float], farther: Mapping[int, float]) -> bool:
        """Whether the first steps of a router are other ones: neighbours, or adjacencies with one of them."""
        before, now = near[at], farther.get(at, near[at])
        if now > self.forest.ceiling:
            return True
        weaker: Mapping[int, int | None] = self._weaker.get(at, {})
        for head, cost in self.forest.onward[at]:
            led = cost + near[head] == before
            if led and head in weaker:
                return True
            after = weaker.get(head, cost)
            if led != (after is not None and after + farther.get(head, near[head]) == now):
                return True
        return False

    def _lost(self, near: list[float], hit: set[int]) -> tuple[set[int], set[int]]:
        """Routers all of whose first steps are gone, and all that lost some."""
        onward, feeders, worse = self.forest.onward, self.forest.feeders, self._weaker
        lost, turned = set[int](), set[int]()
        heap = [(near[at], at) for at in hit]
        heapify(heap)
        while heap:
            far, at = heappop(heap)
            if at in lost:
                continue
            turned.add(at)
            weaker: Mapping[int, int | None] = worse.get(at, {})
            for head, cost in onward[at]:
                after = weaker.get(head, cost) if weaker else cost
                if after is not None and after + near[head] == far and head not in lost:
                    break
            else:
                lost.add(at)
                for tail, cost in feeders[at]:
                    if near[tail] == cost + far:
                        heappush(heap, (near[tail], tail))
        return lost, turned

    def _reach_again(self, lost: set[int], near: list[float]) -> dict[int, float]:
        """Dijkstra among the lost routers, from those beside them that still get there; infinite for those that do not."""
        onward, feeders, worse = self.forest.onward, self.forest.feeders, self._weaker
        heap: list[tuple[float, int]] = []
        for at in lost:
            weaker: Mapping[int, int | None] = worse.get(at, {})
            for head, cost in onward[at]:
                after = weaker.get(head, cost) if weaker else cost
                if after is not None and head not in lost and near[head] < inf:
                    heap.append((after + near[head], at))
        heapify(heap)
        found: dict[int, float] = {}
        while heap:
            far, at = heappop(heap)
            if at in found:
                continue
            found[at] = far
            for tail, cost in feeders[at]:
                if tail in lost and tail not in found:
                    after = worse[tail].get(at, cost) if tail in worse else cost
                    if after is not None:
                        heappush(heap, (after + far, tail))
        for at in lost - found.keys():
            found[at] = inf
        return found

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

    def reached(self, key: Key, level: int, version: int, node: Node) -> tuple[int, tuple[Hop, ...]] | None:  # noqa: ARG002 - one level
        """How far a node is, and the adjacencies that lead there: those whose other end is as near as can be."""
        own = self.base.hellos.speakers[key].node
        tree, overloaded, whole = self.tree(node), self.forest.overloaded, own not in self.ends
        ways = []
        for hop, beyond, cost in self.forest.steps[own]:  # of the one level there is
            far = tree.far(beyond)
            through = beyond == node or beyond not in overloaded
            if far is not None and through and version in hop.versions and (whole or self._stays(hop)):
                ways.append((cost + int(far), hop))
        best = min((far for far, _hop in ways), default=None)
        return None if best is None else (best, tuple(hop for far, hop in ways if far == best))
