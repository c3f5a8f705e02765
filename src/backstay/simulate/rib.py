"""The main routing tables: candidates of all protocols merged by distance, recursion resolved, longest match.

Nothing is computed before it is asked for, and everything asked for is kept. The same class serves as the underlay BGP
runs on (without BGP's routes) and as the final tables.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from backstay.model.address import BITS, Address, Prefix
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF, INFINITE_DISTANCE
from backstay.model.state import Columns, NextHop, Route, RouteTable, in_columns
from backstay.model.vendor import SEMANTICS
from backstay.simulate.connected import connected
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.layers import Row
from backstay.simulate.seams import NO_BGP, BgpResult, Topology
from backstay.simulate.spf import UNREACHED
from backstay.simulate.static import is_recursive, static_routes, statics
from backstay.simulate.tables import LazyTable

Node = tuple[str, str]
"""(router, VRF)."""

OverBgp = Mapping[tuple[Node, Prefix], tuple[Route, ...]]
"""Static routes that are others for what BGP has, or hold for that alone: what stands instead."""

BGP_PROTOCOLS = frozenset({"bgp", "ibgp", "aggregate"})
NO_ROUTES: RouteTable = {}
ON_LINK = frozenset({"connected", "local"})


class Local:
    """What routers have by themselves: connected routes and static lines of every VRF; shared by all tables of one
    topology.
    """

    def __init__(self, network: Network, topology: Topology) -> None:
        self.connected: dict[Node, dict[Prefix, Route]] = {}
        self.static = {}
        self.vrfs: dict[str, tuple[str, ...]] = {}
        for name in topology.routers:
            router = network.routers[name]
            for vrf, table in connected(router, SEMANTICS[router.vendor], topology).items():
                self.connected[name, vrf] = table
            for vrf, lines in statics(router).items():
                self.static[name, vrf] = lines
            others = {item.vrf for item in router.interfaces.values()} | router.vrfs
            others.update(line.vrf for line in router.static_routes)
            self.vrfs[name] = (DEFAULT_VRF, *sorted(others - {DEFAULT_VRF}))

    @cached_property
    def connected_nodes(self) -> Mapping[Prefix, tuple[Node, ...]]:
        """Who is connected to a prefix, in any VRF."""
        found: dict[Prefix, tuple[Node, ...]] = {}
        for node, table in self.connected.items():
            for prefix in table:
                found[prefix] = (*found.get(prefix, ()), node)
        return found

    @cached_property
    def static_prefixes(self) -> frozenset[Prefix]:
        """Prefixes of static lines anywhere."""
        return frozenset(prefix for table in self.static.values() for prefix in table)

    def known(self, vrf: str) -> set[Prefix]:
        """Prefixes of connected and static routes anywhere in a VRF."""
        return {
            prefix
            for part in (self.connected, self.static)
            for node, table in part.items()
            if node[1] == vrf
            for prefix in table
        }


class Rib:
    """Tables of all routers (implements `seams.Underlay` and `seams.Tables`). ``over_bgp``: static routes as tables with
    BGP's routes have them, for one without.
    """

    def __init__(
        self,
        network: Network,
        topology: Topology,
        local: Local,
        igps: Sequence[LayeredRoutes],
        bgp: BgpResult = NO_BGP,
        over_bgp: OverBgp | None = None,
    ) -> None:
        self.network = network
        self.topology = topology
        self.bgp = bgp
        self._over_bgp = over_bgp or {}
        self._local = local
        self._igps = tuple(igp for igp in igps if igp.layers or igp.fixed)
        self._best: dict[Node, dict[Prefix, Route | None]] = {}
        self._open: list[tuple[Node, Prefix]] = []
        self._cut = False
        self._index: dict[str, dict[int, dict[int, set[int]]]] = {}
        self._covers: dict[tuple[str, Address], tuple[Prefix, ...]] = {}
        self._arrive: dict[tuple[str, Address], set[Node]] = {}
        self._tables: dict[Node, LazyTable] = {}
        self._places: dict[Prefix, int] = {}
        self._plain_rows: dict[tuple[Node, int], Row | None] = {}

    def __getstate__(self) -> dict[str, object]:
        """Stored without the answers kept: they are worked out again when asked for."""
        kept = Rib(self.network, self.topology, self._local, self._igps, self.bgp, self._over_bgp)
        return dict(vars(kept))

    @property
    def igps(self) -> Sequence[LayeredRoutes]:
        """The interior protocols' routes, for those who work on their graphs (`shortcut`)."""
        return self._igps

    # ------------------------------------------------------------------------------------- one route

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        """The best route for exactly this prefix: lowest distance, then metric, then protocol name."""
        node = (router, vrf)
        kept = self._best.get(node)
        if kept is None:
            kept = self._best[node] = {}
        elif prefix in kept:
            return kept[prefix]
        if prefix not in self._local.static.get(node, ()):
            best = self._of_protocols(node, prefix)
            kept[prefix] = best
            return best
        outer, self._cut = self._cut, False
        candidates = [route for route in (self._of_protocols(node, prefix), *self._statics(node, prefix)) if route]
        best = min(candidates, key=_preference, default=None)
        if not (self._cut and self._open):
            kept[prefix] = best
        self._cut = bool(self._open) and (self._cut or outer)
        return best

    def _of_protocols(self, node: Node, prefix: Prefix) -> Route | None:
        """The best of connected, interior and BGP routes."""
        best = self._local.connected.get(node, NO_ROUTES).get(prefix)
        if best is not None:
            return best
        for igp in self._igps:
            route = igp.route(*node, prefix)
            if route is not None and (best is None or _preference(route) < _preference(best)):
                best = route
        learned = self.bgp.routes.get(node, NO_ROUTES).get(prefix)
        if learned is not None and (best is None or _preference(learned) < _preference(best)):
            best = learned
        return best

    def _statics(self, node: Node, prefix: Prefix) -> Iterator[Route]:
        """Static routes that hold; while one is being resolved it does not exist for its own resolution."""
        if (node, prefix) in self._over_bgp:
            yield from self._over_bgp[node, prefix]
            return
        if (node, prefix) in self._open:
            self._cut = True
            return
        self._open.append((node, prefix))
        try:
            lines = self._local.static[node][prefix]
            yield from list(static_routes(self.network.routers[node[0]], lines, self.topology, self._outgoing))
        finally:
            self._open.pop()

    def over_bgp(self, without: Rib) -> OverBgp:
        """The static routes that are others here than in a table ``without`` BGP's routes."""
        recursive = (
            (node, prefix)
            for node, static in self._local.static.items()
            for prefix, lines in static.items()
            if any(map(is_recursive, lines))
        )
        found = {key: tuple(self._statics(*key)) for key in recursive}
        return {key: routes for key, routes in found.items() if routes != tuple(without._statics(*key))}

    # ------------------------------------------------------------------------------------- recursion

    def resolve(self, router: str, vrf: str, address: Address) -> tuple[int, tuple[NextHop, ...]] | None:
        """Metric and outgoing next hops to an address; None where nothing but a default route leads. A discard route does:
        BGP uses the next hop, and what is sent to it is lost (seen on FRR 8.4.4).
        """
        if self.topology.owns(router, vrf, address):
            return None
        swift = self._swift((router, vrf), address)
        if swift is not None:
            return swift
        found = self._matched(router, vrf, address)
        if found is None:
            return None
        outgoing = self._onto(router, vrf, address, found)
        if not outgoing:
            return None
        return (0 if found.protocol == "static" else found.metric), outgoing

    def _swift(self, node: Node, address: Address) -> tuple[int, tuple[NextHop, ...]] | None:
        """Metric and next hops where a plain row of one interior protocol decides alone, without a route being made; None
        says nothing.
        """
        prefix = next(iter(self.covering(node[1], address)), None)
        if prefix is None or prefix.is_default or not self.interior_alone(prefix):
            return None
        seen = self._plain_row(node, address.version)
        number = seen.layer.block.index.get(prefix) if seen else None
        if seen is None or number is None or node in self.connected_to(prefix):
            return None
        hops = seen.hops(seen.masks[number]) if seen.keys[number] < UNREACHED and not seen.layer.second else ()
        return (seen.keys[number], hops) if hops else None

    def _plain_row(self, node: Node, version: int) -> Row | None:
        """The row that holds all interior routes of a version."""
        key = (node, version)
        if key not in self._plain_rows:
            rows = [seen for seen in self.rows(node) or () if seen.layer.version == version]
            self._plain_rows[key] = rows[0] if len(rows) == 1 and rows[0].distance < INFINITE_DISTANCE else None
        return self._plain_rows[key]

    def _outgoing(self, router: str, vrf: str, address: Address) -> tuple[bool, tuple[NextHop, ...]] | None:
        """`static.Resolve`."""
        found = self._matched(router, vrf, address)
        return (found.protocol in ON_LINK, self._onto(router, vrf, address, found)) if found else None

    def _matched(self, router: str, vrf: str, address: Address) -> Route | None:
        """The route an address resolves on. Neither a default route (where `ip nht resolve-via-default` is off) nor, unless
        it is a host route, the very route being resolved counts (zebra_nhg.c nexthop_active; seen on FRR 8.4.4).
        """
        if self.topology.owns(router, vrf, address):
            return None
        for prefix in self.covering(vrf, address):
            if prefix.is_default and address.version not in self.network.routers[router].resolve_via_default:
                return None
            if ((router, vrf), prefix) in self._open and not prefix.is_host:
                self._cut = True
                return None
            found = self.route(router, vrf, prefix)
            if found is not None:
                return found
        return None

    def _onto(self, router: str, vrf: str, address: Address, route: Route) -> tuple[NextHop, ...]:
        """Next hops of a route for packets to the address: on a connected subnet the address itself."""
        return tuple(self._directed(router, vrf, address, hop, route) for hop in route.forwarding)

    def _directed(self, router: str, vrf: str, address: Address, hop: NextHop, route: Route) -> NextHop:
        """A hop without an address asks the wire for the packet's own: not where a static line by a gateway came to it, whose it
        is then to know the link-local one.
        """
        by_wire = route.protocol in ON_LINK or (route.protocol == "static" and hop in route.next_hops)
        if not by_wire or hop.address is not None or hop.discard is not None or hop.interface is None:
            return hop
        neighbor = self.topology.answering(InterfaceRef(router, hop.interface), address, vrf)
        return NextHop(address=address, interface=hop.interface, vrf=hop.vrf, neighbor=neighbor)

    # ------------------------------------------------------------------------------------- tables

    def vrfs(self, router: str) -> tuple[str, ...]:
        return self._local.vrfs.get(router, ())

    def table(self, router: str, vrf: str = DEFAULT_VRF) -> RouteTable:
        node = (router, vrf)
        if node not in self._tables:
            self._tables[node] = LazyTable(self, node)
        return self._tables[node]

    def filled(self, node: Node) -> dict[Prefix, Route]:
        """A node's whole table, in prefix order."""
        found: dict[Prefix, Route] = {}
        contested = {*self._local.connected.get(node, ()), *self._local.static.get(node, ())}
        tables = [igp.table(*node) for igp in self._igps]
        for table in [*tables, self.bgp.routes.get(node, {})]:
            for prefix, route in table.items():
                other = found.get(prefix)
                if other is None or _preference(route) < _preference(other):
                    found[prefix] = route
        for prefix in contested:
            route_here = self.route(*node, prefix)
            if route_here is not None:
                found[prefix] = route_here
        order = self._order()
        return {prefix: found[prefix] for prefix in sorted(found, key=order.__getitem__)}

    def size(self, node: Node) -> int:
        """How many routes a node's table has, without making them where the interior ones stand in plain rows."""
        rows = self.rows(node)
        if rows is None:
            return len(self.table(*node).items())
        own = {*self._local.connected.get(node, ()), *self._local.static.get(node, ())}
        beside = [prefix for prefix in own if self.route(*node, prefix) is not None]
        beside += [prefix for prefix in self.bgp.routes.get(node, ()) if prefix not in own]
        return sum(seen.count() for seen in rows) + sum(not any(seen.leads_to(p) for seen in rows) for p in beside)

    def columns(self, node: Node) -> tuple[Columns, ...] | None:
        """The same as `filled`, without making the interior routes; None where these do not stand in plain rows."""
        rows = self.rows(node)
        if rows is None:
            return None
        apart = sorted(self.contested(node))
        beside = {prefix: route for prefix in apart if (route := self.route(*node, prefix)) is not None}
        interior = (igp.columns(seen, apart) for igp in self._igps if node in igp.instances for seen in rows)
        return (*interior, in_columns(beside))

    def fingerprint(self, node: Node) -> Hashable:
        """Tables of equal fingerprints are equal but for BGP's part (compared apart: its routes are dear to hash)."""
        own = tuple(self._local.connected.get(node, {}).items())
        lines = tuple((prefix, tuple(self._statics(node, prefix))) for prefix in self._local.static.get(node, ()))
        return (node, own, lines, tuple((igp.protocol, igp.fingerprint(*node)) for igp in self._igps))

    def contested(self, node: Node) -> set[Prefix]:
        """Prefixes that other protocols than the interior ones have routes for."""
        local = self._local
        return {*local.connected.get(node, ()), *local.static.get(node, ()), *self.bgp.routes.get(node, ())}

    def rows(self, node: Node) -> list[Row] | None:
        """Rows that hold all interior routes of a node, one row for a prefix; None where it is not as simple."""
        found = [igp.rows(*node) for igp in self._igps if node in igp.instances]
        return found[0] if len(found) == 1 else None

    def _order(self) -> Mapping[Prefix, int]:
        """The place of every prefix among all: sorting by it is faster than by the prefixes themselves."""
        if not self._places:
            known = {
                prefix
                for vrf in {vrf for names in self._local.vrfs.values() for vrf in names}
                for prefix in self.prefixes(vrf)
            }
            self._places.update((prefix, place) for place, prefix in enumerate(sorted(known)))
        return self._places

    def candidates(self, router: str, vrf: str, protocol: str) -> RouteTable:
        """Best routes of the table that come from a protocol: what ``redistribute`` offers (bgp: all of BGP's)."""
        wanted = BGP_PROTOCOLS if protocol == "bgp" else {protocol}
        chosen = (
            (prefix, self.route(router, vrf, prefix)) for prefix in sorted(self._offered((router, vrf), protocol))
        )
        return {prefix: route for prefix, route in chosen if route and route.protocol in wanted}

    def _offered(self, node: Node, protocol: str) -> set[Prefix]:
        if protocol in ON_LINK:
            return set(self._local.connected.get(node, ()))
        if protocol == "static":
            return set(self._local.static.get(node, ()))
        if protocol == "bgp":
            return set(self.bgp.routes.get(node, ()))
        return {prefix for igp in self._igps if igp.protocol == protocol for prefix in igp.table(*node)}

    # ------------------------------------------------------------------------------------- longest match

    def lookup(self, router: str, vrf: str, address: Address) -> tuple[Prefix, Route] | None:
        """Longest match for a packet to the address."""
        for prefix in self.covering(vrf, address):
            found = self.route(router, vrf, prefix)
            if found is not None:
                return prefix, found
        return None

    def prefixes(self, vrf: str = DEFAULT_VRF) -> tuple[Prefix, ...]:
        found = self._local.known(vrf)
        for igp in self._igps:
            found.update(igp.known())
        found.update(self._of_bgp(vrf))
        return tuple(sorted(found))

    def _of_bgp(self, vrf: str) -> Iterable[Prefix]:
        """BGP's prefixes: all it knows of, where it says so, without working out who has which."""
        tables = [table for (_, place), table in self.bgp.routes.items() if place == vrf]
        if self.bgp.prefixes is not None:
            return self.bgp.prefixes if tables else ()
        return {prefix for table in tables for prefix in table}

    def interior_alone(self, prefix: Prefix) -> bool:
        """Whether nobody has a static or BGP route for the prefix: what connected routes leave is the interior's."""
        return prefix not in self._local.static_prefixes and prefix not in self._bgp_prefixes

    @cached_property
    def _bgp_prefixes(self) -> frozenset[Prefix]:
        return frozenset(prefix for _, vrf in self.bgp.routes for prefix in self._of_bgp(vrf))

    def holding_locally(self, prefix: Prefix) -> frozenset[Node]:
        """Nodes with a connected route or a static line for exactly this prefix."""
        return frozenset(
            node
            for part in (self._local.connected, self._local.static)
            for node, table in part.items()
            if prefix in table
        )

    def connected_to(self, prefix: Prefix) -> Sequence[Node]:
        """Nodes with a connected route for exactly this prefix."""
        return self._local.connected_nodes.get(prefix, ())

    def covering(self, vrf: str, address: Address) -> tuple[Prefix, ...]:
        """Prefixes of anyone that hold the address, longest first."""
        key = (vrf, address)
        if key not in self._covers:
            self._covers[key] = tuple(self._search(vrf, address))
        return self._covers[key]

    def _search(self, vrf: str, address: Address) -> Iterator[Prefix]:
        if vrf not in self._index:
            index: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
            for prefix in self.prefixes(vrf):
                index[prefix.version].setdefault(prefix.length, set()).add(prefix.value)
            self._index[vrf] = index
        lengths = self._index[vrf][address.version]
        for length in sorted(lengths, reverse=True):
            shift = BITS[address.version] - length
            value = address.value >> shift << shift
            if value in lengths[length]:
                yield Prefix(address.version, value, length)

    # ------------------------------------------------------------------------------------- delivery

    def reaches(self, router: str, vrf: str, address: Address) -> bool:
        """Whether a packet arrives at an owner of the address, along some equal-cost branch of every hop."""
        arriving = self._arrive.setdefault((vrf, address), set())
        seen: dict[Node, Node | None] = {(router, vrf): None}
        queue = [(router, vrf)]
        for node in queue:
            if node in arriving or self.topology.owns(*node, address):
                arriving.update(_way_back(seen, node))
                return True
            for following in self._following(node, address):
                if following not in seen:
                    seen[following] = node
                    queue.append(following)
        return False

    def _following(self, node: Node, address: Address) -> Iterator[Node]:
        """The nodes packets for the address go to from here."""
        swift = self._swift(node, address)
        found = None if swift else self.lookup(*node, address)
        if swift is None and found is None:
            return
        for hop in swift[1] if swift else self._onto(*node, address, found[1]) if found else ():
            if hop.neighbor is not None:
                interface = self.network.routers[hop.neighbor.router].interfaces[hop.neighbor.interface]
                yield hop.neighbor.router, interface.vrf

    # ------------------------------------------------------------------------------------- classes

    def classes(self, vrf: str = DEFAULT_VRF) -> tuple[tuple[Prefix, ...], ...]:
        """Prefixes with equal routes on every router. Those somebody is connected to, or has a static or discard route
        for, stand alone; the others are told apart by who announces them and by BGP's answer on each router.
        """
        alone = self._local.known(vrf).union(*(routes for igp in self._igps for routes in igp.fixed.values()))
        learned = self._bgp_signatures(vrf)
        groups: dict[Hashable, list[Prefix]] = {}
        for prefix in self.prefixes(vrf):
            internal = tuple(igp.signature(prefix) for igp in self._igps)
            key = prefix if prefix in alone else (prefix.version, internal, learned.get(prefix))
            groups.setdefault(key, []).append(prefix)
        return tuple(sorted(tuple(members) for members in groups.values()))

    def _bgp_signatures(self, vrf: str) -> Mapping[Prefix, tuple[int, ...]]:
        numbers: dict[Route, int] = {}
        known: dict[int, tuple[Route, int]] = {}  # what is kept keeps its id its own
        found: dict[Prefix, list[int]] = {}
        for place, (node, table) in enumerate(sorted(self.bgp.routes.items(), key=lambda item: item[0])):
            if node[1] != vrf:
                continue
            for prefix, route in table.items():
                if id(route) not in known:
                    known[id(route)] = (route, numbers.setdefault(route, len(numbers)))
                found.setdefault(prefix, []).extend((place, known[id(route)][1]))
        return {prefix: tuple(numbers) for prefix, numbers in found.items()}


def _preference(route: Route) -> tuple[int, int, str]:
    return (route.distance, route.metric, route.protocol)


def _way_back(seen: Mapping[Node, Node | None], node: Node) -> Iterable[Node]:
    current: Node | None = node
    while current is not None:
        yield current
        current = seen[current]
