"""Single failures answered from the interior graph alone, where that is provably what routing anew would say.

Most failures only bend shortest paths: who announces what, and which exit BGP prefers where, stays as it is. Then a router
still sends a packet towards the same router as before (its ``aim``: the one router that announces the destination's
prefix, or the owner of BGP's next hop), along the shortest paths of the graph that is left. `Shortcut.build` refuses (None)
a network where more than that could change or where this picture does not give back today's forwarding hop by hop;
`Shortcut.place` refuses (None) a failure that does more. What is refused is routed anew by the engine.

BGP keeps its choices when no session hangs on what failed and, at every router and for every prefix in question, the
path that was best stays best. A router's candidates are what its peers hold as best; before IGP metrics decide (RFC 4271
9.1.2.2 e) nothing depends on the interior, so a candidate that was nearer and lost, lost for good; one that was farther
must stay farther, one as near as near (`exits`). Prefixes for which that does not hold are chosen anew, those alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.model.routing import DEFAULT_VRF, IsisProcess, OspfProcess
from backstay.model.state import Fate
from backstay.simulate.exits import INTERIOR, Dead, Exits, Flags
from backstay.simulate.fib import NONE, ON_LINK, Branch, Fib
from backstay.simulate.flows import WHOLE, Batch, Floats, Forwarding, Ints
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.layers import Layer
from backstay.simulate.loads import Part
from backstay.simulate.rib import Rib
from backstay.simulate.spf import UNREACHED, Edge, Paths

FIXED = -1
"""The aim of a router that does not send along the graph: it delivers, drops, or hands over by itself."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Load by interface of the fib (index), and the share of every part that arrives."""

    loads: Mapping[int, float]
    arrived: Floats


@dataclass(frozen=True, slots=True)
class ByBgp:
    """For the destination at ``place`` the router (``index`` in the graph) goes by BGP's route to ``prefix``."""

    place: int
    index: int
    router: str
    prefix: Prefix
    learned_from: str


class Graph:
    """One interior graph with its nodes as nodes of the fib, and hop sets for its next hops."""

    def __init__(self, fib: Fib, layer: Layer, paths: Paths) -> None:
        self._fib = fib
        self._layer = layer
        self.paths = paths
        self.nodes = np.array([fib.node_of[name, DEFAULT_VRF] for name, _ in paths.keys], dtype=np.int64)
        self._masks: dict[tuple[int, int], int] = {}
        self._no_route = np.array([fib.end(Fate.NO_ROUTE, name) for name, _ in paths.keys], dtype=np.int64)

    def rows(self, aims: Ints) -> Ints:
        """Hop sets of every node of the graph (rows) towards each aim (columns, graph indexes)."""
        found = np.empty((len(self.paths.keys), len(aims)), dtype=np.int64)
        for source in range(len(self.paths.keys)):
            masks = self.paths.first_edges(source)[aims]
            values, places = np.unique(masks, return_inverse=True)
            found[source] = np.array([self._hop_set(source, int(mask)) for mask in values.tolist()])[places]
        return found

    def _hop_set(self, source: int, mask: int) -> int:
        if not mask:
            return int(self._no_route[source])
        key = (source, mask)
        if key not in self._masks:
            edges = [edge for bit, edge in enumerate(self.paths.outgoing(source)) if mask >> bit & 1]
            self._masks[key] = self._fib.hop_set(self._branch(edge) for edge in edges)
        return self._masks[key]

    def _branch(self, edge: Edge) -> Branch:
        return Branch(self._fib.interface(edge.local), int(self.nodes[edge.target]), NONE, NONE)

    def without(self, dead: Dead) -> Graph:
        """The graph that a failure leaves."""
        edges = [
            edge
            for edge in self.paths.edges
            if edge.local not in dead.interfaces and edge.remote not in dead.interfaces
            if edge.local.router not in dead.routers and edge.remote.router not in dead.routers
        ]
        return Graph(self._fib, self._layer, Paths(self.paths.keys, edges, self.paths.closed, self.paths.limit))


class Shortcut:
    """A `Graph`, the aims of every destination with demand, and what BGP holds them by."""

    def __init__(self, forwarding: Forwarding, shares: Sequence[Part], graph: Graph, exits: Exits) -> None:
        self._fib = forwarding.fib
        self._graph = graph
        self._exits = exits
        self._addresses = sorted({part.address for part in shares})
        position = {address: place for place, address in enumerate(self._addresses)}
        size = len(self._fib.nodes)
        self._amounts = np.array([part.mbps for part in shares])
        nodes = [forwarding.node(part.router) for part in shares]
        self._alive = np.array([node is not None for node in nodes], dtype=bool)
        self._starts = np.array(
            [position[part.address] * size + (node or 0) for part, node in zip(shares, nodes, strict=True)],
            dtype=np.int64,
        )
        self._rows: Ints = np.zeros((len(self._addresses), size), dtype=np.int64)
        self._aims: Ints = np.full((len(self._addresses), len(graph.paths.keys)), FIXED, dtype=np.int64)
        self._leaving: frozenset[InterfaceRef] = frozenset()
        self._by_bgp: list[ByBgp] = []

    @classmethod
    def build(cls, forwarding: Forwarding, shares: Sequence[Part]) -> Shortcut | None:
        """The shortcut of a network, or None where it would not be exact."""
        layer = only_layer(forwarding.fib, shares)
        exits = Exits.build(forwarding, layer, {part.address for part in shares}) if layer else None
        if layer is None or exits is None:
            return None
        made = cls(forwarding, shares, Graph(forwarding.fib, layer, layer.paths), exits)
        return made if made._aim() else None

    @property
    def paths(self) -> Paths:
        """The interior graph that all demand runs on."""
        return self._graph.paths

    def ends(self, shares: Sequence[Part]) -> tuple[str, ...]:
        """The router that each part (of those it was built with) is sent to along the graph; where it enters if that
        one delivers, drops or hands it over by itself.
        """
        names = [name for name, _ in self._graph.paths.keys]
        rows = {name: number for number, name in enumerate(names)}
        places = {address: place for place, address in enumerate(self._addresses)}
        aims = (int(self._aims[places[part.address], rows[part.router]]) for part in shares)
        return tuple(part.router if aim == FIXED else names[aim] for part, aim in zip(shares, aims, strict=True))

    @property
    def by_bgp(self) -> frozenset[Address]:
        """Addresses that some router goes to by a route of BGP's: a failure may move the exit."""
        return frozenset(self._addresses[item.place] for item in self._by_bgp)

    def _aim(self) -> bool:
        """Find every aim; False where one is not clear or the picture does not give today's forwarding back."""
        everywhere = range(len(self._fib.nodes))
        for place, address in enumerate(self._addresses):
            self._rows[place] = self._fib.row(self._fib.target(address), everywhere)
            for index, (name, _) in enumerate(self._graph.paths.keys):
                aim = self._aim_of(name, address)
                if aim is None:
                    return False
                self._aims[place, index] = aim
                self._note(place, index, name, address)
        self._leaving = frozenset(self._fixed_interfaces())
        return bool((self._assembled(self._graph, self._aims) == self._rows).all())

    def _aim_of(self, router: str, address: Address) -> int | None:
        """The graph index of the router this one sends to; FIXED; None where it is not clear."""
        found = self._fib.computed.tables.lookup(router, DEFAULT_VRF, address)
        if found is None or self._fib.computed.topology.owns(router, DEFAULT_VRF, address):
            return FIXED
        prefix, route = found
        if route.protocol in INTERIOR:
            return self._exits.announcer(prefix)
        if route.protocol == "ibgp":
            hop = route.next_hops[0]
            single = len(route.next_hops) == 1 and hop.address is not None and hop.vrf is None
            return self._exits.node(router, hop.address) if single and hop.address else None
        onward = any(hop.neighbor for hop in route.forwarding) and route.protocol not in ON_LINK
        return None if onward else FIXED

    def _note(self, place: int, index: int, router: str, address: Address) -> None:
        found = self._fib.computed.tables.lookup(router, DEFAULT_VRF, address)
        if found and found[1].protocol in {"bgp", "ibgp"} and found[1].attributes:
            self._by_bgp.append(ByBgp(place, index, router, found[0], found[1].attributes.learned_from or ""))

    def _fixed_interfaces(self) -> Iterable[InterfaceRef]:
        """Interfaces that routers without an aim send by: connected subnets, exits."""
        for place, index in zip(*np.nonzero(self._aims == FIXED), strict=True):
            for branch in self._fib.hop_sets[self._rows[place, self._graph.nodes[index]]]:
                if branch.interface != NONE:
                    yield self._fib.interfaces[branch.interface]

    def _assembled(self, graph: Graph, aims: Ints) -> Ints:
        """Rows of every destination over a graph; routers without an aim do what they do today."""
        wanted, columns = np.unique(aims, return_inverse=True)
        columns = columns.reshape(aims.shape)
        towards = graph.rows(np.maximum(wanted, 0))
        hop_sets = towards[np.arange(len(graph.paths.keys))[None, :], columns]
        rows = self._rows.copy()
        today = rows[:, graph.nodes]
        rows[:, graph.nodes] = np.where(aims == FIXED, today, hop_sets)
        return rows

    def place(self, dead: Dead, kept: Flags) -> Placed | None:
        """The parts ``kept``, placed under a failure; None where routing must answer itself."""
        if dead.cut & self._leaving or self._exits.hang_on(dead):
            return None
        graph = self._graph.without(dead)
        if self._cuts_off(graph, dead):
            return None
        doubtful = self._exits.doubtful(graph.paths.distances, dead)
        aims = self._chosen_anew(doubtful, graph, dead, kept) if doubtful else self._aims
        if aims is None:
            return None
        batch = Batch(self._fib, self._assembled(graph, aims).reshape(-1))
        sent = kept & self._alive
        mass: Floats = np.zeros(batch.rows.size)
        np.add.at(mass, self._starts[sent], self._amounts[sent])
        arrived = np.where(sent, batch.delivered[self._starts], 0.0)
        return Placed(batch.place(mass), np.where(arrived >= WHOLE, 1.0, arrived))

    def _chosen_anew(self, doubtful: set[Prefix], graph: Graph, dead: Dead, kept: Flags) -> Ints | None:
        """The aims with BGP's new choices; None where a router begins or ceases to use a prefix, or its own exit."""
        chosen = self._exits.choose(doubtful, graph.paths.distances, dead)
        if chosen is None or any(self._exits.starts(prefix, choices) for prefix, choices in chosen.items()):
            return None
        aims = self._aims.copy()
        wanted = set((self._starts[kept] // len(self._fib.nodes)).tolist())
        for item in self._by_bgp:
            if item.prefix not in chosen or item.router in dead.routers or item.place not in wanted:
                continue
            next_hop, learned_from = chosen[item.prefix].get(item.router, (None, ""))
            node = self._exits.node(item.router, next_hop) if next_hop else None
            fixed = self._aims[item.place, item.index] == FIXED
            if fixed and (next_hop is not None or learned_from != item.learned_from):
                return None
            if not fixed and node is None:
                return None
            aims[item.place, item.index] = FIXED if node is None else node
        return aims

    def _cuts_off(self, graph: Graph, dead: Dead) -> bool:
        """Whether live routers that reach each other today no longer do."""
        alive = np.array([name not in dead.routers for name, _ in graph.paths.keys], dtype=bool)
        lost = (graph.paths.distances >= UNREACHED) & (self._graph.paths.distances < UNREACHED)
        return bool(lost[alive][:, alive].any())


def only_layer(fib: Fib, shares: Sequence[Part]) -> Layer | None:
    """The graph all demand runs on: one IP version, one interior protocol, one level or area, nothing redistributed
    into it, every equal-cost path used, no packet filters on the way.
    """
    tables = fib.computed.tables
    versions = {part.address.version for part in shares}
    if not isinstance(tables, Rib) or len(versions) != 1 or fib.filtered or not _still(fib):
        return None
    found = [
        (igp, layer)
        for igp in tables.igps
        for layer in igp.layers
        if any(prefix.version in versions for prefix in layer.block.prefixes)
    ]
    chosen = _foremost(found)
    return chosen[1] if chosen and _plain(*chosen, fib) else None


def _foremost(found: Sequence[tuple[LayeredRoutes, Layer]]) -> tuple[LayeredRoutes, Layer] | None:
    """The layer that is used wherever any is: the only one, or the preferred of twins. Routers of IS-IS levels 1 and 2 in
    one area have the same graph with the same prefixes twice, whatever fails; level 1 wins (RFC 1195 3.10.2).
    """
    chosen = min(found, key=lambda item: item[1].rank, default=None)
    if chosen is None or any(igp is not chosen[0] or not _twins(layer, chosen[1]) for igp, layer in found):
        return None
    return chosen


def _twins(one: Layer, other: Layer) -> bool:
    return one is other or (
        one.paths.keys == other.paths.keys
        and one.paths.edges == other.paths.edges
        and one.paths.closed == other.paths.closed
        and one.paths.limit == other.paths.limit
        and one.members == other.members
        and one.block.prefixes == other.block.prefixes
        and one.block.announcements == other.block.announcements
    )


def _still(fib: Fib) -> bool:
    """Whether nothing flows between protocols and every router forwards: a failure then changes paths alone."""
    return all(
        router.forwarding
        and not any(_takes_in(process) for process in router.isis)
        and not any(_takes_in(process) for process in (*router.ospf, *router.ospf6))
        for router in fib.network.routers.values()
    )


def _takes_in(process: IsisProcess | OspfProcess) -> bool:
    if isinstance(process, IsisProcess):
        return bool(process.redistributions or process.defaults)
    return bool(process.redistributions or process.default or process.summaries)


def _plain(igp: LayeredRoutes, layer: Layer, fib: Fib) -> bool:
    """Whether next hops follow from the graph's edges one to one."""
    if (
        layer.second
        or layer.direct
        or _beside_the_graph(igp, fib)
        or layer.members not in {None, frozenset(layer.paths.keys)}
    ):
        return False
    if any((name, DEFAULT_VRF) not in fib.node_of for name, _ in layer.paths.keys):
        return False
    if len({name for name, _ in layer.paths.keys}) != len(layer.paths.keys):
        return False
    most = max((len(layer.paths.outgoing(node)) for node in range(len(layer.paths.keys))), default=0)
    if any(instance.maximum_paths < most for items in igp.instances.values() for instance in items):
        return False
    return all(_distinct(layer, layer.paths.outgoing(node)) for node in range(len(layer.paths.keys)))


def _beside_the_graph(igp: LayeredRoutes, fib: Fib) -> bool:
    """Whether a router has routes of the protocol that no edge leads along, other than OSPF's to its own subnets: those
    stand behind the connected route, and both go with the interface.
    """
    tables = fib.computed.tables
    own = (tables.route(name, DEFAULT_VRF, prefix) for (name, _), found in igp.fixed.items() for prefix in found)
    return any(route is None or route.protocol != "connected" for route in own)


def _distinct(layer: Layer, edges: Sequence[Edge]) -> bool:
    """Whether every edge gives a next hop of its own."""
    hops = [layer.hop(edge) for edge in edges]
    return None not in hops and len(set(hops)) == len(hops)
