"""The short way through a sweep: what a failure provably leaves alone is not computed again.

What a router does with packets to an address depends on the route it matches; that on how near the nodes are which offer
its prefix, or the prefix of its BGP next hop; that on the edges their shortest paths use. `isis_cut` says whose first
steps turned, `bgp_replay` whose BGP routes changed: only demands that pass there are walked again. Where a network or
a failure has anything else to it (several levels, LANs, redistribution, recursive static routes, a health check that now
fails ...), the plain way is taken (`backstay.referee.sweep`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Loads, Route
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_replay import Changes
from backstay.referee.cascade import Settled, World
from backstay.referee.converge import Routing
from backstay.referee.isis_cut import Forest, IsisCut, can_be_cut
from backstay.referee.isis_lsp import Node
from backstay.referee.rib import NO_ROUTES, Rib, connected_routes
from backstay.referee.seams import Place, Wiring
from backstay.referee.sweep_bgp import BgpShort
from backstay.referee.traffic import Part, arrivals, capacities, lost_of, pour
from backstay.referee.walk import End as Stop
from backstay.referee.walk import Step, Walker

AddressesOf = Callable[[InterfaceRef], Iterable[Address]]
Asked = tuple[str, Address]
"""A walk somebody depends on: from a router to an address."""


class CutRib(Rib):
    """The tables after a failure: routes are chosen anew only as they are asked for."""

    def __init__(self, base: Rib, wiring: Wiring, cut: IsisCut, bgp: Mapping[Place, Mapping[Prefix, Route]]) -> None:
        self.network, self.wiring, self.isis, self.ospf, self.bgp = base.network, wiring, cut, base.ospf, bgp
        self.places, self.statics, self.known = base.places, base.statics, base.known
        self._isis, self._lengths = base._isis, base._lengths  # noqa: SLF001 - the same processes and prefixes
        self._best, self._match, self._open, self._reached, self._others = {}, {}, {}, 0, None
        routers = {ref.router for ref in cut.gone}
        anew = {place: connected_routes(self.network, wiring, place) for place in base.places if place[0] in routers}
        self.connected = {**base.connected, **anew}


class CutWalker(Walker):
    """Steps as before wherever nothing they depend on changed. Only steps whose dependence is ``watched`` can be told to be
    so: others may have been asked for by somebody else before (a flow, an operator's way in) and have turned unseen.
    """

    def __init__(
        self, base: Walker, rib: CutRib, turned: set[tuple[Place, Address]], watched: set[tuple[Place, Address]]
    ) -> None:
        self.network, self.wiring, self.rib = base.network, rib.wiring, rib
        self._steps, self._ends = {}, {}
        self._configured = base._configured  # noqa: SLF001
        self._base, self._turned, self._watched = base, turned, watched

    def steps(self, place: Place, address: Address) -> tuple[Step, ...]:
        """The equal ways onward."""
        at = (place, address)
        as_before = at in self._watched and at not in self._turned
        known = self._base._steps.get(at) if as_before else None  # noqa: SLF001
        return super().steps(place, address) if known is None else known


@dataclass(eq=False)
class Dependence:
    """What the walks of a settled network depend on: at which places they ask which nodes, send over which interfaces,
    follow which BGP routes.
    """

    walker: Walker
    nodes: dict[Node, dict[Place, set[tuple[Place, Address]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    of_router: dict[str, set[tuple[Place, Address]]] = field(default_factory=lambda: defaultdict(set))
    sent: dict[InterfaceRef, set[tuple[Place, Address]]] = field(default_factory=lambda: defaultdict(set))
    followed: dict[tuple[Place, Prefix], set[Address]] = field(default_factory=lambda: defaultdict(set))
    offered: dict[Prefix, set[tuple[Place, Address]]] = field(default_factory=lambda: defaultdict(set))
    through: dict[tuple[Place, Address], list[int]] = field(default_factory=lambda: defaultdict(list))
    watched: set[tuple[Place, Address]] = field(default_factory=set)

    def add(self, number: int, asked: Asked) -> None:
        """A walk, under a number."""
        router, address = asked
        places = {(router, DEFAULT_VRF): None}
        for place in (queue := list(places)):
            self.through[place, address].append(number)
            if (place, address) not in self.watched:
                self.watched.add((place, address))
                self.of_router[place[0]].add((place, address))
                self._look(place, address)
            for step in self.walker.steps(place, address):
                if not isinstance(step.onward, Stop) and step.onward not in places:
                    places[step.onward] = None
                    queue.append(step.onward)

    def _look(self, place: Place, address: Address) -> None:
        for step in self.walker.steps(place, address):
            if step.interface is not None:
                self.sent[step.interface].add((place, address))
        rib = self.walker.rib
        found = rib.match(place, address) if place[0] in self.walker.wiring.routers else None
        if found is not None:
            if found[1].protocol in {"bgp", "ibgp"}:
                self.followed[place, found[0]].add(address)
            for prefix in _interior(rib, place, *found):
                self.offered[prefix].add((place, address))
                for offer in rib.isis.chart(rib.isis.processes(*place)[0], prefix.version).offers.get(prefix, ()):
                    self.nodes[offer.node][place].add((place, address))


def _interior(rib: Rib, place: Place, prefix: Prefix, route: Route) -> Iterator[Prefix]:
    """The IS-IS prefixes a route rests on: its own, or those its next hops match."""
    if route.protocol == "isis":
        yield prefix
    elif route.protocol in {"bgp", "ibgp"}:
        for hop in route.next_hops:
            beneath = rib.match(place, hop.address, with_bgp=False) if hop.address else None
            if beneath is not None and beneath[1].protocol == "isis":
                yield beneath[0]


class Shortcut:
    """Everything a failure is held against. ``possible`` False: the plain way is the only one."""

    def __init__(self, network: Network, settled: Settled, every: tuple[Part, ...]) -> None:
        self.network, self.settled, self.every = network, settled, every
        self.routing = settled.world.routing
        self.possible = _simple(network, self.routing)
        if self.possible:
            self._prepare()

    def _prepare(self) -> None:
        routing = self.routing
        self.forest = Forest(routing.rib.isis)
        speakers = routing.rib.isis.hellos.speakers
        self.places = {speaker.node: (key[0], speaker.process.vrf) for key, speaker in speakers.items()}
        exchange = routing.bgp.exchange
        self.bgp = (
            BgpShort(exchange, self.settled, self.forest, self.places) if isinstance(exchange, Exchange) else None
        )
        self.possible = self.bgp is None or self.bgp.possible
        if self.possible:
            self._follow()

    def _follow(self) -> None:
        """Every demand as it goes without a failure."""
        routing = self.routing
        self.wires = _wires(self.network)
        self.ports: dict[str, list[InterfaceRef]] = defaultdict(list)
        for ref in routing.wiring.up:
            self.ports[ref.router].append(ref)
        self.arrival = arrivals(self.network, self.settled.overlay)
        self.depends = Dependence(routing.walker)
        for number, part in enumerate(self.every):
            self.depends.add(number, (part.router, part.address))
        for number, asked in enumerate(_health(self.settled), len(self.every)):
            self.depends.add(number, asked)
        self.each = [tuple(pour(routing.walker, part.address, {part.router: part.mbps}).items()) for part in self.every]
        self.lost = [lost_of(routing.walker, self.arrival, [part]) for part in self.every]
        self.carried = self._poured(routing.walker, range(len(self.every)))[0]
        self.capacity = capacities(self.network)
        loads = _loads(self.carried, self.capacity)
        self.fullest = sorted(loads.utilisation, key=lambda ref: (-loads.utilisation[ref], ref))
        self.utilisation = loads.utilisation

    def _poured(self, walker: Walker, numbers: Iterable[int]) -> tuple[dict[InterfaceRef, float], float]:
        """What every interface carries of these demands, and how much of them is lost."""
        groups: dict[Address, list[Part]] = defaultdict(list)
        for number in numbers:
            groups[self.every[number].address].append(self.every[number])
        carried: dict[InterfaceRef, float] = defaultdict(float)
        lost = 0.0
        for address, parts in groups.items():
            amounts: dict[str, float] = defaultdict(float)
            for part in parts:
                amounts[part.router] += part.mbps
            for ref, mbps in pour(walker, address, amounts).items():
                carried[ref] += mbps
            lost += lost_of(walker, self.arrival, parts)
        return carried, lost

    # ------------------------------------------------------------------------------------------- one failure

    def gone(self, overlay: Overlay) -> frozenset[InterfaceRef]:
        """Interfaces a failure takes down."""
        found = {end for name in overlay.links_down for end in self.network.links[name].ends}
        found |= {ref for name in overlay.routers_down for ref in self.ports.get(name, ())}
        return frozenset((found | {self.wires[ref] for ref in found if ref in self.wires}) & self.routing.wiring.up)

    def _addresses(self, ref: InterfaceRef) -> list[Address]:
        return [item.address for item in self.network.routers[ref.router].interfaces[ref.interface].addresses]

    def after(self, overlay: Overlay, hopeless: set[int]) -> tuple[Loads, float] | None:
        """Loads of all demands but the hopeless ones after a failure, and how much more is lost of these than before;
        None: only the plain way tells.
        """
        gone, down = self.gone(overlay), overlay.routers_down
        cut = IsisCut(self.forest, gone)
        wiring = _without(self.routing.wiring, gone, down, self._addresses)
        base = self.routing.rib
        changes = {} if self.bgp is None else self.bgp.changes(cut, CutRib(base, wiring, cut, base.bgp), down)
        if changes is None:
            return None
        turned = self._turned(cut, gone, down, changes)
        rib = CutRib(base, wiring, cut, _with(base.bgp, changes))
        walker = CutWalker(self.routing.walker, rib, turned, self.depends.watched)
        moved = {number for at in turned for number in self.depends.through.get(at, ())}
        if any(number >= len(self.every) for number in moved) and not self._healthy(walker, down):
            return None
        return self._placed(walker, {number for number in moved if number < len(self.every)}, hopeless)

    def _turned(
        self, cut: IsisCut, gone: frozenset[InterfaceRef], down: frozenset[str], changes: Changes
    ) -> set[tuple[Place, Address]]:
        """Places where packets to an address may do something else now."""
        depends = self.depends
        found = {at for ref in gone for at in depends.sent.get(ref, ())}
        places = self.places
        for node, asking in depends.nodes.items():
            for turned in cut.tree(node).turned:
                place = places[turned]
                if place in asking:
                    found |= asking[place]
        for place, table in changes.items():
            found |= {(place, address) for prefix in table for address in depends.followed.get((place, prefix), ())}
        for _node, prefix in cut.dropped:
            found |= depends.offered.get(prefix, set())
        for name in down:
            found |= depends.of_router.get(name, set())
        return found

    def _healthy(self, walker: Walker, down: frozenset[str]) -> bool:
        """Whether every DNS site that announces still may; those on failed routers do not count."""
        routing = replace(self.routing, walker=walker, wiring=walker.wiring)
        world = World(routing, self.settled.overlay)
        for anycast in self.network.anycasts.values():
            for site in sorted({origin.site for origin in anycast.origins if origin.router not in down}):
                announces = anycast.health.need and (anycast.name, site) not in self.settled.overlay.withdrawn
                if announces and len(world.health(anycast, site)[0]) < anycast.health.need:
                    return False
        return True

    def _placed(self, walker: Walker, moved: set[int], hopeless: set[int]) -> tuple[Loads, float]:
        """Loads with the moved demands taken off where they were and put where they are."""
        changed: dict[InterfaceRef, float] = {}
        for number in moved | hopeless:
            for ref, mbps in self.each[number]:
                changed[ref] = changed.get(ref, 0.0) - mbps
        poured, lost = self._poured(walker, sorted(moved - hopeless))
        for ref, mbps in poured.items():
            changed[ref] = changed.get(ref, 0.0) + mbps
        lost -= sum(self.lost[number] for number in moved - hopeless)
        return self._fullest({ref: self.carried.get(ref, 0.0) + more for ref, more in changed.items()}), lost

    def _fullest(self, changed: Mapping[InterfaceRef, float]) -> Loads:
        """The loads that changed, and the fullest interface of the others: nobody asks for more."""
        carried = dict(changed)
        other = next((ref for ref in self.fullest if ref not in changed), None)
        if other is not None:
            carried[other] = self.carried[other]
        return _loads(carried, self.capacity)


# ------------------------------------------------------------------------------------------------ the parts of it


def _simple(network: Network, routing: Routing) -> bool:
    """Whether nothing in the network goes beyond what the short way knows."""
    isis, exchange = routing.rib.isis, routing.bgp.exchange
    speakers = isis.hellos.speakers
    return (
        bool(speakers)
        and not routing.rib.ospf
        and can_be_cut(isis)
        and len({router for router, _tag in speakers}) == len(speakers)
        and not routing.bgp.unknowns
        and (exchange is None or isinstance(exchange, Exchange))
        and not any("." in name for router in network.routers.values() for name in router.interfaces)
        and all(_plain_statics(routing.rib, place) for place in routing.rib.places)
    )


def _plain_statics(rib: Rib, place: Place) -> bool:
    """No static route rests on another route."""
    for lines in rib.statics[place].values():
        for line in lines:
            if line.next_hop is not None:
                found = rib.resolve(*place, line.next_hop)
                if found is None or found.route.protocol != "connected" or line.next_hop_vrf:
                    return False
    return True


class _Asking(World):
    """A world that remembers which walks it was asked for."""

    asked: dict[Asked, None]

    def arrives_at(self, router: str, address: Address, place: str = "") -> frozenset[str]:
        """See `World.arrives_at`."""
        self.asked[router, address] = None
        return super().arrives_at(router, address, place)


def _health(settled: Settled) -> list[Asked]:
    """The walks that the health of DNS sites rests on."""
    world = _Asking(settled.world.routing, settled.overlay)
    world.asked = {}
    for anycast in world.network.anycasts.values():
        for site in sorted({origin.site for origin in anycast.origins}):
            world.health(anycast, site)
    return list(world.asked)


def _wires(network: Network) -> dict[InterfaceRef, InterfaceRef]:
    """The far ends of two-ended links: they lose carrier with the near one."""
    return {end: other for link in network.links.values() if len(link.ends) == 2 for end, other in _both(link.ends)}


def _both(ends: tuple[InterfaceRef, ...]) -> tuple[tuple[InterfaceRef, InterfaceRef], ...]:
    return (ends[0], ends[1]), (ends[1], ends[0])


def _without(wiring: Wiring, gone: frozenset[InterfaceRef], down: frozenset[str], addresses: AddressesOf) -> Wiring:
    across = dict(wiring.across)
    owners = dict(wiring.owners)
    for ref in gone:
        for other in across.pop(ref, ()):
            if other in across:
                across[other] = tuple(end for end in across[other] if end not in gone)
        for address in addresses(ref):
            left = tuple(owner for owner in owners.get(address, ()) if owner not in gone)
            if left:
                owners[address] = left
            else:
                owners.pop(address, None)
    return Wiring(routers=wiring.routers - down, up=wiring.up - gone, across=across, owners=owners)


def _with(tables: Mapping[Place, Mapping[Prefix, Route]], changes: Changes) -> Mapping[Place, Mapping[Prefix, Route]]:
    found = dict(tables)
    for place, table in changes.items():
        anew = {**tables.get(place, NO_ROUTES), **table}
        found[place] = {prefix: route for prefix, route in anew.items() if route is not None}
    return found


def _loads(carried: Mapping[InterfaceRef, float], capacity: Mapping[InterfaceRef, float]) -> Loads:
    utilisation = {
        ref: mbps / capacity[ref] for ref, mbps in carried.items() if ref in capacity and mbps > NOTHING_MUCH
    }
    return Loads(mbps=carried, utilisation=utilisation)


NOTHING_MUCH = 1e-6
"""Mbit/s: what adding and taking away may leave of nothing."""
