"""BGP's exits under a failure: which prefixes every router keeps its path for, told from metrics alone.

See `shortcut` for why that is enough; the prefixes in doubt are chosen anew (`choices`). Whatever is not plain (policies
that look at next hops, interior metrics lent to BGP, next hops reached other than by the interior protocol) is refused when
building.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Network, Router
from backstay.model.routing import DEFAULT_VRF, BgpProcess
from backstay.model.state import Route, Session
from backstay.simulate.choices import Choice, Choices, keeps_from_table, steady_identity
from backstay.simulate.flows import Forwarding, Ints
from backstay.simulate.layers import Layer
from backstay.simulate.rib import Rib
from backstay.simulate.seams import Computed
from backstay.simulate.spf import UNREACHED
from backstay.simulate.static import is_recursive

Flags = npt.NDArray[np.bool_]

INTERIOR = frozenset({"isis", "ospf", "ospf6"})
OWN = frozenset({"connected", "local", "static", "kernel"})


@dataclass(frozen=True, slots=True)
class Dead:
    """What a failure takes away."""

    routers: frozenset[str]
    interfaces: frozenset[InterfaceRef]

    @property
    def cut(self) -> frozenset[InterfaceRef]:
        """Interfaces that die on routers that live."""
        return frozenset(ref for ref in self.interfaces if ref.router not in self.routers)


@dataclass(frozen=True, slots=True, order=True)
class Contest:
    """At ``router`` the path over ``best`` won, ``other`` stands beside it: (graph node of the next hop's owner, the cost
    it announces the next hop at). ``tie``: they were equally near.
    """

    prefix: Prefix
    router: int
    best: tuple[int, int]
    other: tuple[int, int]
    tie: bool


class Exits:
    """What BGP's choices for the prefixes in question hang on."""

    def __init__(self, computed: Computed, layer: Layer, choices: Choices | None) -> None:
        self._computed = computed
        self._choices = choices
        self._layer = layer
        self._network = computed.network
        self._index = {name: number for number, (name, _) in enumerate(layer.paths.keys)}
        self._sessions: dict[str, list[Session]] = {}
        for session in computed.bgp.sessions:
            if session.established and session.vrf == DEFAULT_VRF:
                self._sessions.setdefault(session.router, []).append(session)
        self._bearing = frozenset(bearing(computed))
        self._chosen: set[tuple[Prefix, int, int, str]] = set()
        self._contests: list[Contest] = []
        self._always: set[Prefix] = set()
        self._points: dict[tuple[str, Address], tuple[int, int] | None] = {}
        self._clear = True

    @classmethod
    def build(cls, forwarding: Forwarding, layer: Layer, addresses: Iterable[Address]) -> Exits | None:
        """None where choices could change in ways that metrics do not tell."""
        computed = forwarding.fib.computed
        tables = computed.tables
        plain = isinstance(tables, Rib) and _plain_policies(forwarding.network)
        choices = Choices(computed, tables) if isinstance(tables, Rib) and plain and computed.bgp.routes else None
        made = cls(computed, layer, choices)
        prefixes = sorted({prefix for address in addresses for prefix in made._covering(address)})
        return made if all(made._watch(prefix) for prefix in prefixes) else None

    def _covering(self, address: Address) -> set[Prefix]:
        """BGP's prefixes that hold the address, on any router."""
        lengths = range(33 if address.version == 4 else 129)
        covering = {Prefix.of(address, length) for length in lengths}
        return {prefix for table in self._computed.bgp.routes.values() for prefix in covering if prefix in table}

    # ------------------------------------------------------------------------------------- the graph

    def announcer(self, prefix: Prefix) -> int | None:
        """The graph node of the one router that announces an interior prefix; None if there are several."""
        found = self._announced(prefix)
        return found[0] if found else None

    def _announced(self, prefix: Prefix) -> tuple[int, int] | None:
        number = self._layer.block.index.get(prefix)
        items = self._layer.block.announcements[number] if number is not None else []
        return (items[0].node, items[0].cost) if len(items) == 1 else None

    def node(self, router: str, address: Address) -> int | None:
        """The graph node of the owner of a next hop, as the router reaches it over the interior; None if not so."""
        found = self._point(router, address)
        return found[0] if found and found[0] != self._index.get(router) else None

    def _point(self, router: str, address: Address) -> tuple[int, int] | None:
        """(graph node, cost beyond it) of a next hop; the router itself at cost 0 where it is connected; None out of reach."""
        key = (router, address)
        if key not in self._points:
            self._points[key] = self._located(router, address)
        return self._points[key]

    def _located(self, router: str, address: Address) -> tuple[int, int] | None:
        prefix, route = self._computed.tables.lookup(router, DEFAULT_VRF, address) or (None, None)
        if prefix is None or route is None or prefix.is_default:
            return None
        if route.protocol == "connected":
            return (self._index[router], 0) if router in self._index else None
        found = self._announced(prefix) if route.protocol in INTERIOR else None
        self._clear = self._clear and found is not None
        return found

    # ------------------------------------------------------------------------------------- choices

    def _watch(self, prefix: Prefix) -> bool:
        """Note down what keeps every router's choice for the prefix; False where a failure could change more."""
        if (
            self._choices is None
            or not self._choices.knows(prefix)
            or any(map(self._lends, self._routers(), repeat(prefix)))
        ):
            return False
        chosen = {
            router: route
            for (router, vrf), table in self._computed.bgp.routes.items()
            if vrf == DEFAULT_VRF and (route := table.get(prefix)) is not None
        }
        meds = {route.attributes.med or 0 for route in chosen.values() if route.attributes}
        if len(meds) > 1 or not all(self._watch_at(router, prefix, chosen) for router in sorted(chosen)):
            self._always.add(prefix)
        return self._clear

    def _routers(self) -> Iterable[Router]:
        return self._network.routers.values()

    def _watch_at(self, router: str, prefix: Prefix, chosen: Mapping[str, Route]) -> bool:
        """False where the choice has to be made anew each time."""
        route = chosen[router]
        if route.attributes is None or route.attributes.next_hop is None or router not in self._index:
            return False
        best = self._point(router, route.attributes.next_hop)
        if route.protocol == "bgp":
            return best == (self._index[router], 0)
        if best is None or route.attributes.learned_from is None or len(route.next_hops) > 1:
            return False
        node = self._index[router]
        self._chosen.add((prefix, node, best[0], self._owner(route.attributes.learned_from)))
        for address in self._candidates(router, prefix, chosen):
            other = self._point(router, address)
            if other is not None and other != best:
                self._contest(prefix, node, best, other)
        return True

    def _owner(self, peer: str) -> str:
        found = self._computed.topology.owner(Address.parse(peer))
        return found.router if found else ""

    def _candidates(self, router: str, prefix: Prefix, chosen: Mapping[str, Route]) -> Iterator[Address]:
        """Next hops the router may hear from its internal peers: more than it does hear is safe."""
        for session in self._sessions.get(router, ()):
            peer = self._network.routers.get(session.remote)
            if peer is None or all(version != prefix.version for version, _ in session.received):
                continue
            route = chosen.get(peer.name)
            own = Address.parse(session.peer)
            if route is not None and route.protocol == "ibgp" and route.attributes and route.attributes.next_hop:
                yield route.attributes.next_hop
                if "force" in _next_hop_selves(peer):
                    yield own
            elif route is not None:
                yield own
                if None in _next_hop_selves(peer) and route.attributes and route.attributes.next_hop:
                    yield route.attributes.next_hop
            elif self._begins(peer, prefix):
                yield own

    def _begins(self, router: Router, prefix: Prefix) -> bool:
        """Whether the router may originate the prefix from its table."""
        route = self._computed.tables.route(router.name, DEFAULT_VRF, prefix)
        return route is not None and route.protocol in OWN | INTERIOR

    def _lends(self, router: Router, prefix: Prefix) -> bool:
        """Whether a network statement gives the prefix an interior metric as its MED (FRR bgp_route.c)."""
        stated = any(
            statement.prefix == prefix
            for process in router.bgp
            for family in process.families.values()
            for statement in family.networks
        )
        route = self._computed.tables.route(router.name, DEFAULT_VRF, prefix) if stated else None
        return route is not None and route.protocol in INTERIOR

    def _contest(self, prefix: Prefix, router: int, best: tuple[int, int], other: tuple[int, int]) -> None:
        """A candidate that was nearer and lost can never win; the others are watched."""
        distances = self._layer.paths.distances
        mine, theirs = (int(distances[router, node]) + cost for node, cost in (best, other))
        if mine <= theirs < UNREACHED:
            self._contests.append(Contest(prefix, router, best, other, mine == theirs))

    # ------------------------------------------------------------------------------------- under a failure

    def hang_on(self, dead: Dead) -> bool:
        """Whether a session of a live router runs over an interface that dies."""
        return bool(dead.cut & self._bearing)

    def doubtful(self, distances: Ints, dead: Dead) -> set[Prefix]:
        """Prefixes for which some live router may choose otherwise with the distances that the failure leaves."""
        gone = {self._index[name] for name in dead.routers if name in self._index}
        found = set(self._always)
        for prefix, router, node, learned_from in self._chosen:
            if router not in gone and (learned_from in dead.routers or distances[router, node] >= UNREACHED):
                found.add(prefix)
        rows = [row for row in self._contests if row.router not in gone and row.other[0] not in gone]
        kept = _kept(distances, rows) if rows else ()
        return found | {row.prefix for row, same in zip(rows, kept, strict=True) if not same}

    def starts(self, prefix: Prefix, choices: Mapping[str, Choice]) -> bool:
        """Whether a router that went without BGP's route to the prefix would now use one."""
        tables = self._computed.bgp.routes
        return any(
            next_hop is not None and prefix not in tables.get((router, DEFAULT_VRF), {})
            for router, (next_hop, _) in choices.items()
        )

    def choose(
        self, prefixes: Iterable[Prefix], distances: Ints, dead: Dead
    ) -> Mapping[Prefix, Mapping[str, Choice]] | None:
        """Every router's choice with these distances; None where a next hop is not reached over the interior."""
        assert self._choices is not None

        def metric(router: str, address: Address) -> int | None:
            found = self._point(router, address)
            if found is None:
                return None
            node, cost = found
            reach = int(distances[self._index[router], node])
            return reach + cost if reach < UNREACHED else None

        chosen = self._choices.next_hops(sorted(prefixes), metric, dead.routers)
        return chosen if self._clear else None


def _kept(distances: Ints, rows: list[Contest]) -> Flags:
    routers = np.array([row.router for row in rows])
    best = np.array([row.best for row in rows])
    other = np.array([row.other for row in rows])
    mine = distances[routers, best[:, 0]] + best[:, 1]
    theirs = distances[routers, other[:, 0]] + other[:, 1]
    kept: Flags = np.where(np.array([row.tie for row in rows]), mine == theirs, mine < theirs)
    return kept


def bearing(computed: Computed) -> Iterator[InterfaceRef]:
    """Interfaces that sessions need up by themselves: those whose subnet holds the peer, those that are the peer."""
    topology, network = computed.topology, computed.network
    for session in computed.bgp.sessions:
        router = network.routers[session.router]
        if session.peer in router.interfaces:
            yield InterfaceRef(router.name, session.peer)
            continue
        peer = Address.parse(session.peer)
        for interface in router.interfaces.values():
            if any(item.prefix.holds(peer) for item in interface.addresses):
                yield InterfaceRef(router.name, interface.name)
        for ref in topology.owners.get((session.vrf, peer), ()):
            if network.routers[ref.router].interfaces[ref.interface].kind != "loopback":
                yield ref


def _next_hop_selves(router: Router) -> set[str | None]:
    """How the router sets the next hop towards its internal peers."""
    return {
        family.next_hop_self
        for process in router.bgp
        for neighbor in process.neighbors.values()
        if neighbor.remote_as in {"internal", process.asn}
        for family in neighbor.families.values()
    }


def _plain_policies(network: Network) -> bool:
    """Whether nothing but selection itself looks at next hops, metrics or conditions."""
    for router in network.routers.values():
        for route_map in router.policies.route_maps.values():
            if any(action.kind in WATCHED for entry in route_map.entries for action in entry.sets):
                return False
            if any(
                match.of == "next-hop" or match.kind == "next-hop" for e in route_map.entries for match in e.matches
            ):
                return False
        if (
            _takes_recursive_statics(router)
            or not steady_identity(router)
            or not all(_plain_process(process) for process in router.bgp)
        ):
            return False
    return True


def _takes_recursive_statics(router: Router) -> bool:
    """Whether BGP may take in static routes that hold only while their next hop is reached."""
    recursive = {line.prefix for line in router.static_routes if is_recursive(line)}
    families = [family for process in router.bgp for family in process.families.values()]
    return bool(recursive) and any(
        any(item.protocol == "static" for item in family.redistributions)
        or any(statement.prefix in recursive for statement in family.networks)
        for family in families
    )


WATCHED = frozenset({"next-hop", "next-hop-prefer-global"})


def _plain_process(process: BgpProcess) -> bool:
    if process.confederation_id is not None or process.listen_ranges or process.vrf != DEFAULT_VRF:
        return False
    if any(item.protocol in INTERIOR for family in process.families.values() for item in family.redistributions):
        return False
    if any(family.aggregates or keeps_from_table(family) for family in process.families.values()):
        return False
    return not any(
        family.advertise_map
        or family.default_originate_map
        or family.add_path_all
        or family.add_path_best_per_as
        or family.attribute_unchanged
        for neighbor in process.neighbors.values()
        for family in neighbor.families.values()
    )
