"""The routing tables: for each prefix the source with the lowest administrative distance, next hops followed to interfaces.

A table answers prefix by prefix, when asked: a backbone has millions of routes and a question needs few of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backstay.model.address import BITS, Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF, StaticRoute
from backstay.model.state import NextHop, Route
from backstay.model.vendor import SEMANTICS
from backstay.referee.isis import Isis
from backstay.referee.isis_lsp import Hop
from backstay.referee.seams import Place, Resolved, Wiring

Tables = Mapping[Place, Mapping[Prefix, Route]]
Ways = Sequence[tuple[object, tuple[NextHop, tuple[NextHop, ...]]]]
"""Next hops as the table shows them, and where each goes."""

NO_ROUTES: Mapping[Prefix, Route] = {}
DISTANCE_NEVER = 255
"""A route of this distance is not used (FRR zebra_rib.c DISTANCE_INFINITY)."""


@dataclass(eq=False)
class Rib:
    """Every table of the network in one round: ``ospf`` and ``bgp`` as computed so far, IS-IS asked as needed."""

    network: Network
    wiring: Wiring
    isis: Isis
    ospf: Tables
    bgp: Tables
    _best: dict[tuple[Place, Prefix, bool], Route | None] = field(default_factory=dict)
    _match: dict[tuple[Place, Address, bool, Prefix | None], tuple[Prefix, Route] | None] = field(default_factory=dict)
    _open: dict[tuple[Place, Prefix, bool], int] = field(default_factory=dict)
    _reached: int = 0
    _lengths: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _others: frozenset[Prefix] | None = None
    _chains: dict[Address, tuple[Prefix, ...]] = field(default_factory=dict)
    _plain: dict[Address, Prefix | None] = field(default_factory=dict)
    _leads: dict[tuple[Place, tuple[NextHop, ...]], tuple[tuple[NextHop, ...], tuple[NextHop, ...]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.places = tuple(sorted(_places(self.network, self.wiring)))
        self.connected = {place: connected_routes(self.network, self.wiring, place) for place in self.places}
        self.statics = {place: _statics(self.network, place) for place in self.places}
        self._isis = {place: self.isis.processes(*place) for place in self.places}
        self._by_isis = self.isis.every_prefix()
        self.known = self._everything()

    def _everything(self) -> set[Prefix]:
        """Every prefix in any table; and the lengths there are, longest first."""
        known: set[Prefix] = set()
        for place in self.places:
            known |= self._offered(place, shared=False)
        known |= self._by_isis
        for version in BITS:
            lengths = {prefix.length for prefix in known if prefix.version == version}
            self._lengths[version] = tuple(sorted(lengths, reverse=True))
        return known

    def beside_isis(self, place: Place) -> set[Prefix]:
        """Prefixes that may be in the table from elsewhere than IS-IS."""
        found = {*self.connected[place], *self.statics[place], *self.ospf.get(place, NO_ROUTES)}
        return found | self.bgp.get(place, NO_ROUTES).keys()

    def _offered(self, place: Place, *, shared: bool = True) -> set[Prefix]:
        found = self.beside_isis(place)
        for key in self._isis[place] if shared else ():
            found |= self.isis.prefixes(key)
        return found

    def sourced(self, place: Place, protocol: str) -> list[Prefix]:
        """Prefixes that may be in the table from a source, sorted."""
        if protocol == "connected":
            return sorted(self.connected[place])
        if protocol == "static":
            return sorted(self.statics[place])
        if protocol == "bgp":
            return sorted(self.bgp.get(place, NO_ROUTES))
        return sorted(self._offered(place))

    def disputed(self, prefix: Prefix) -> bool:
        """Whether anybody has the prefix from elsewhere than IS-IS or, one router alone, from its own interface."""
        if self._others is None:
            counts: dict[Prefix, int] = defaultdict(int)
            for place in self.places:
                others = {*self.statics[place], *self.ospf.get(place, NO_ROUTES), *self.bgp.get(place, NO_ROUTES)}
                for found in others:
                    counts[found] += 2
                for found in self.connected[place]:
                    counts[found] += 1
            self._others = frozenset(found for found, count in counts.items() if count > 1)
        return prefix in self._others

    def prefixes(self, place: Place, *, with_bgp: bool = True) -> Iterator[Prefix]:
        """The prefixes of a table, sorted."""
        return (prefix for prefix in sorted(self._offered(place)) if self.best(place, prefix, with_bgp=with_bgp))

    def best(self, place: Place, prefix: Prefix, *, with_bgp: bool = True) -> Route | None:
        """The route in use; None where nobody offers one that can be followed.

        Looked for while it is being looked for (two next hops behind each other), it is none; what was found under
        that assumption is not remembered.
        """
        at = (place, prefix, with_bgp)
        if at in self._best:
            return self._best[at]
        if at in self._open:
            self._reached = min(self._reached, self._open[at])
            return None
        depth, before = len(self._open), self._reached
        self._open[at], self._reached = depth, depth
        found = self._choose(place, prefix, with_bgp=with_bgp)
        del self._open[at]
        if self._reached >= depth:
            self._best[at] = found
            self._reached = before
        self._reached = min(before, self._reached)
        return found

    def _choose(self, place: Place, prefix: Prefix, *, with_bgp: bool) -> Route | None:
        """Lowest distance, then lowest metric (FRR zebra_rib.c rib_choose_best)."""
        own = self.connected[place].get(prefix)
        if own is not None and own.distance == 0:
            return own  # nothing is nearer (and a connected route's metric is 0)
        offers = [own]
        if self.ospf:
            offers.append(self.ospf.get(place, NO_ROUTES).get(prefix))
        if prefix in self._by_isis:
            offers += self._by_isis_processes(place, prefix)
        if prefix in self.statics[place]:
            offers += self._static_routes(place, prefix)
        if with_bgp:
            offers.append(self._followed(place, prefix, self._told_by_bgp(place, prefix)))
        usable = [offer for offer in offers if offer is not None and offer.distance < DISTANCE_NEVER]
        if len(usable) < 2:
            return usable[0] if usable else None
        best = min(usable, key=lambda route: (route.distance, route.metric))
        if any(_ties(best, other) for other in usable):
            raise Unproven(f"{place[0]}: {prefix} of two protocols at one distance and metric: the older one stands")
        return best

    def _by_isis_processes(self, place: Place, prefix: Prefix) -> list[Route | None]:
        """Raises `Unproven` where two processes lead elsewhere: to zebra both are IS-IS, and the last word stands (FRR
        isis_zebra.c isis_zebra_route_add_route: no instance is named).
        """
        found = [route for key in self._isis[place] if (route := self.isis.route(key, prefix)) is not None]
        if len(found) > 1:
            raise Unproven(f"{place[0]}: two IS-IS processes have routes to {prefix}: which of them stands is not told")
        return list(found)

    def _told_by_bgp(self, place: Place, prefix: Prefix) -> Route | None:
        return self.bgp.get(place, NO_ROUTES).get(prefix)

    def _followed(self, place: Place, prefix: Prefix, route: Route | None) -> Route | None:
        """A BGP route with its next hops followed to interfaces. Routes with the same next hops lead the same way, but
        where one is on the way to its own next hop.
        """
        if route is None:
            return None
        if all(hop.discard for hop in route.next_hops):
            return replace(route, forwarding=route.next_hops)
        if any(hop.address is not None and prefix.holds(hop.address) for hop in route.next_hops):
            return _joined(route, self._ways(place, prefix, route.next_hops))
        at = (place, route.next_hops)
        known = self._leads.get(at)
        if known is None:
            outermost, before = len(self._open), self._reached
            self._reached = outermost
            known = _hops(self._ways(place, prefix, route.next_hops))
            if self._reached == outermost:  # it rests on nothing that is still being looked for
                self._leads[at] = known
            self._reached = min(before, self._reached)
        return _with_hops(route, *known)

    def _ways(self, place: Place, prefix: Prefix, hops: tuple[NextHop, ...]) -> Ways:
        ways = [(hop, self._follow(place, prefix, hop)) for hop in hops]
        return [(hop, found) for hop, found in ways if found]

    def _follow(self, place: Place, prefix: Prefix, hop: NextHop) -> tuple[NextHop, tuple[NextHop, ...]] | None:
        """The next hop as the table shows it, and where it goes. A directly connected one gets its interface."""
        router, vrf = place
        if hop.discard:
            return hop, (hop,)
        if hop.interface is not None and (hop.address is None or hop.address.is_link_local or hop.neighbor):
            return (hop, (hop,)) if InterfaceRef(router, hop.interface) in self.wiring.up else None
        assert hop.address is not None
        protocol, forwarding = self._beneath((router, hop.vrf or vrf), prefix, hop.address)
        if hop.interface:  # only a way out of it counts (FRR zebra_nhg.c nexthop_valid_resolve)
            forwarding = tuple(way for way in forwarding if way.interface == hop.interface)
        if not forwarding:
            return None
        if hop.vrf:
            forwarding = tuple(replace(way, vrf=hop.vrf) for way in forwarding)
        if protocol == "connected":
            return replace(hop, interface=forwarding[0].interface), forwarding
        return hop, forwarding

    def _beneath(self, place: Place, prefix: Prefix, address: Address) -> tuple[str, tuple[NextHop, ...]]:
        """Whose route a next hop of the prefix's route is reached by, and where it leads; () where it is not reached."""
        plain = self.way(place, address)
        if plain is not None and plain[0] != prefix:
            return "isis", self.isis.next_hops(plain[2], address.version)
        found = self.resolve(*place, address, with_bgp=True, skip=prefix)
        return ("", ()) if found is None else (found.route.protocol, found.forwarding)

    def _static_routes(self, place: Place, prefix: Prefix) -> list[Route | None]:
        """One route per distance: the lines of it whose next hop can be reached now."""
        by_distance: dict[int, list[StaticRoute]] = defaultdict(list)
        for line in self.statics[place].get(prefix, ()):
            by_distance[line.distance].append(line)
        return [self._static_route(place, prefix, lines) for _, lines in sorted(by_distance.items())]

    def _static_route(self, place: Place, prefix: Prefix, lines: list[StaticRoute]) -> Route | None:
        found = []
        for line in lines:
            way = self._static_way(place, prefix, line)
            if way:
                found.append((line.tag, *way))
        if not found:
            return None
        bare = Route(protocol="static", distance=lines[0].distance, metric=0, next_hops=(), tag=found[0][0])
        return _joined(bare, [(None, (shown, ways)) for _tag, shown, ways in found])

    def _static_way(
        self, place: Place, prefix: Prefix, line: StaticRoute
    ) -> tuple[NextHop, tuple[NextHop, ...]] | None:
        router, vrf = place
        if line.discard:
            hop = NextHop(discard=line.discard)
            return hop, (hop,)
        other = line.next_hop_vrf if line.next_hop_vrf and line.next_hop_vrf != vrf else None
        hop = NextHop(line.next_hop, line.interface, vrf=other)
        if line.next_hop is None or (line.interface and (line.onlink or line.next_hop.is_link_local)):
            return (hop, (hop,)) if self._plugged(router, other or vrf, line.interface) else None
        return self._follow(place, prefix, hop)

    def _plugged(self, router: str, vrf: str, interface: str | None) -> bool:
        ref = InterfaceRef(router, interface or "")
        return ref in self.wiring.up and self.network.routers[router].interfaces[ref.interface].vrf == vrf

    # -------------------------------------------------------------------- longest match and recursion

    def measure(self, place: Place, address: Address) -> tuple[Prefix, int] | None:
        """Prefix and metric with which `resolve` answers; None where it is not so plain (`way`)."""
        way = self.way(place, address)
        return None if way is None else way[:2]

    def way(self, place: Place, address: Address) -> tuple[Prefix, int, tuple[Hop, ...]] | None:
        """Prefix, metric and first hops of the route that `match` finds, where plainly IS-IS has it: nobody else offers the
        longest prefix that holds the address (`disputed`), which is not the router's own, and its one process here has a
        way, which then is the best. None where it is not so plain.
        """
        prefix, processes = self.undisputed(address), self._isis.get(place, ())
        if prefix is None or len(processes) != 1 or prefix in self.connected[place] or self._owns(place, address):
            return None
        found = self.isis.way(processes[0], prefix)
        return None if found is None else (prefix, *found)

    def undisputed(self, address: Address) -> Prefix | None:
        """The longest prefix that holds the address, where nobody but IS-IS offers it (`disputed`); None for a default."""
        if address not in self._plain:
            longest = next(iter(self.holding(address)), None)
            plain = longest is not None and not longest.is_default and not self.disputed(longest)
            self._plain[address] = longest if plain else None
        return self._plain[address]

    def beneath(self, place: Place, address: Address) -> Prefix | None:
        """The IS-IS prefix under which an address is reached without BGP; None where something else leads there, or nothing."""
        way = self.way(place, address)
        if way is not None:
            return way[0]
        found = self.match(place, address, with_bgp=False)
        return found[0] if found is not None and found[1].protocol == "isis" else None

    def match(
        self, place: Place, address: Address, *, with_bgp: bool = True, skip: Prefix | None = None
    ) -> tuple[Prefix, Route] | None:
        """Longest match (RFC 1812 5.2.4.3); ``skip`` ends the search (see `resolve`)."""
        at = (place, address, with_bgp, skip)
        if at in self._match:
            return self._match[at]
        found = self._longest(place, address, NO_ROUTES, with_bgp=with_bgp, skip=skip)
        if not self._open:
            self._match[at] = found
        return found

    def resolve(
        self,
        router: str,
        vrf: str,
        address: Address,
        laid_over: Mapping[Prefix, Route] | None = None,
        *,
        with_bgp: bool = False,
        skip: Prefix | None = None,
    ) -> Resolved | None:
        """`backstay.referee.seams.Interior.resolve`. ``skip`` is the prefix of the route that asks: no route goes
        through itself (FRR zebra_nhg.c nexthop_active).
        """
        place = (router, vrf)
        if place not in self.connected or self._owns(place, address):
            return None
        if laid_over is None:
            found = self.match(place, address, with_bgp=with_bgp, skip=skip)
        else:
            found = self._longest(place, address, laid_over, with_bgp=False, skip=skip)
        if found is None:
            return None
        prefix, route = found
        if prefix.is_default and address.version not in self.network.routers[router].resolve_via_default:
            return None
        if laid_over is not None and route.protocol in {"bgp", "ibgp"} and not route.forwarding:
            return self._through(router, vrf, prefix, route, laid_over)
        forwarding = route.next_hops if route.protocol == "aggregate" else route.forwarding
        if route.protocol in {"connected", "static", "kernel"}:  # elsewhere no address means a link-local one
            forwarding = tuple(_towards(hop, address) for hop in forwarding)
        metric = 0 if route.protocol == "connected" else route.metric
        return Resolved(prefix=prefix, route=route, metric=metric, forwarding=forwarding) if forwarding else None

    def _longest(
        self, place: Place, address: Address, laid_over: Mapping[Prefix, Route], *, with_bgp: bool, skip: Prefix | None
    ) -> tuple[Prefix, Route] | None:
        for prefix in self.holding(address) if not laid_over else _every_prefix(address):
            if prefix == skip:
                return None
            routes = [laid_over.get(prefix)] if laid_over else []
            if not laid_over or prefix in self.known:
                routes.append(self.best(place, prefix, with_bgp=with_bgp))
            usable = [route for route in routes if route is not None and route.distance < DISTANCE_NEVER]
            if usable:
                return prefix, min(usable, key=lambda route: route.distance)
        return None

    def holding(self, address: Address) -> tuple[Prefix, ...]:
        """Known prefixes that hold an address, longest first."""
        found = self._chains.get(address)
        if found is None:
            prefixes = (Prefix.of(address, length) for length in self._lengths[address.version])
            found = self._chains[address] = tuple(prefix for prefix in prefixes if prefix in self.known)
        return found

    def _through(
        self, router: str, vrf: str, prefix: Prefix, route: Route, laid_over: Mapping[Prefix, Route]
    ) -> Resolved | None:
        """A next hop that a BGP route leads to: its own next hops, without that route (a way through itself is none)."""
        rest = {other: found for other, found in laid_over.items() if other != prefix}
        ways: dict[NextHop, None] = {}
        for hop in route.next_hops:
            if hop.interface is not None and (hop.address is None or hop.address.is_link_local):
                ways[hop] = None  # it was heard over that very interface (RFC 2545 3)
            elif hop.address is not None:
                way = self.resolve(router, vrf, hop.address, rest, skip=prefix)
                ways |= dict.fromkeys(way.forwarding if way else ())
        forwarding = tuple(ways)
        return Resolved(prefix=prefix, route=route, metric=route.metric, forwarding=forwarding) if forwarding else None

    def _owns(self, place: Place, address: Address) -> bool:
        for ref in self.wiring.owners.get(address, ()):
            if ref.router == place[0] and self.network.routers[ref.router].interfaces[ref.interface].vrf == place[1]:
                return True
        return False


def _ties(one: Route, other: Route) -> bool:
    """Whether nothing but age parts routes of two protocols (FRR zebra_rib.c rib_choose_best)."""
    return one.protocol != other.protocol and (one.distance, one.metric) == (other.distance, other.metric)


def _every_prefix(address: Address) -> Iterator[Prefix]:
    return (Prefix.of(address, length) for length in range(BITS[address.version], -1, -1))


def _joined(route: Route, ways: Ways) -> Route | None:
    """The route with these next hops and no others; None without any."""
    return _with_hops(route, *_hops(ways))


def _hops(ways: Ways) -> tuple[tuple[NextHop, ...], tuple[NextHop, ...]]:
    """Next hops as shown, and where they lead."""
    shown = {way[0]: None for _, way in ways}
    forwarding = {hop: None for _, way in ways for hop in way[1]}
    return _sorted(shown), _sorted(forwarding)


def _with_hops(route: Route, shown: tuple[NextHop, ...], forwarding: tuple[NextHop, ...]) -> Route | None:
    if not shown:
        return None
    return Route(
        protocol=route.protocol,
        distance=route.distance,
        metric=route.metric,
        next_hops=shown,
        forwarding=forwarding,
        tag=route.tag,
        kind=route.kind,
        attributes=route.attributes,
    )


def _sorted(hops: Mapping[NextHop, None]) -> tuple[NextHop, ...]:
    return tuple(sorted(hops, key=lambda hop: (hop.key, hop.vrf or "", hop.discard or "")))


def _towards(hop: NextHop, address: Address) -> NextHop:
    """A connected subnet is left towards the address itself."""
    return replace(hop, address=address) if hop.address is None and hop.neighbor is None and not hop.discard else hop


def _places(network: Network, wiring: Wiring) -> set[Place]:
    """Every VRF of every router that is up."""
    found = set()
    for name in wiring.routers:
        router = network.routers[name]
        found |= {(name, DEFAULT_VRF), *((name, vrf) for vrf in router.vrfs)}
        found |= {(name, interface.vrf) for interface in router.interfaces.values()}
    return found


def connected_routes(network: Network, wiring: Wiring, place: Place) -> dict[Prefix, Route]:
    """What interfaces that are up give a table. A subnet on two interfaces belongs to the loopback, else to the first by name (seen on Cumulus 3.7)."""
    router = network.routers[place[0]]
    distance = SEMANTICS[router.vendor].distances["connected"] if router.vendor in SEMANTICS else 0
    found: dict[Prefix, Route] = {}
    for name, interface in sorted(router.interfaces.items(), key=lambda item: (item[1].kind != "loopback", item[0])):
        if interface.vrf != place[1] or InterfaceRef(router.name, name) not in wiring.up:
            continue
        for address in interface.addresses:
            if not address.address.is_link_local:
                hops = (NextHop(None, name),)
                route = Route(protocol="connected", distance=distance, metric=0, next_hops=hops, forwarding=hops)
                found.setdefault(address.peer or address.prefix, route)
    return found


def _statics(network: Network, place: Place) -> dict[Prefix, tuple[StaticRoute, ...]]:
    found: dict[Prefix, list[StaticRoute]] = defaultdict(list)
    for line in network.routers[place[0]].static_routes:
        if line.vrf == place[1]:
            found[line.prefix].append(line)
    return {prefix: tuple(lines) for prefix, lines in found.items()}


def check_vendors(network: Network) -> None:
    """Raises `Unproven` for a router whose ways nobody has written down."""
    for router in network.routers.values():
        if router.vendor not in SEMANTICS:
            raise Unproven(f"{router.name}: nothing is known of how {router.vendor} routers behave")
