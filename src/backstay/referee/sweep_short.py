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
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, Loads, Route
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_replay import Replay
from backstay.referee.cascade import Settled, World
from backstay.referee.converge import Routing
from backstay.referee.isis_cut import Forest, IsisCut, can_be_cut
from backstay.referee.isis_lsp import Node
from backstay.referee.rib import Rib, connected_routes
from backstay.referee.seams import Place, Wiring
from backstay.referee.sweep_bgp import BgpShort
from backstay.referee.traffic import Part, arrivals, capacities, lost_of, pour, stream
from backstay.referee.walk import End as Stop
from backstay.referee.walk import Step, Walker

AddressesOf = Callable[[InterfaceRef], Iterable[Address]]
Asked = tuple[str, Address]
"""A walk somebody depends on: from a router to an address."""

Way = tuple[Place, Address]
"""What a place does with packets to an address."""

Asking = dict[Node, dict[Place, set[Way]]]


class CutRib(Rib):
    """The tables after a failure: routes are chosen anew only as they are asked for."""

    def __init__(self, base: Rib, wiring: Wiring, cut: IsisCut, replay: Replay | None) -> None:
        self.network, self.wiring, self.isis, self.ospf, self.bgp = base.network, wiring, cut, base.ospf, base.bgp
        self._replay = replay
        self.places, self.statics, self.known = base.places, base.statics, base.known
        self._isis, self._lengths = base._isis, base._lengths  # noqa: SLF001 - the same processes and prefixes
        self._chains, self._leads = base._chains, {}  # noqa: SLF001
        self._best, self._match, self._open, self._reached, self._others = {}, {}, {}, 0, None
        routers = {ref.router for ref in cut.gone}
        anew = {place: connected_routes(self.network, wiring, place) for place in base.places if place[0] in routers}
        self.connected = {**base.connected, **anew}

    def _told_by_bgp(self, place: Place, prefix: Prefix) -> Route | None:
        if self._replay is not None and self._replay.changed(place, prefix):
            return self._replay.route(place, prefix)
        return super()._told_by_bgp(place, prefix)


class CutWalker(Walker):
    """Steps as before wherever nothing they depend on changed."""

    def __init__(self, rib: CutRib, depends: Dependence, change: Change, turned: set[Way]) -> None:
        base = depends.walker
        self.network, self.wiring, self.rib = base.network, rib.wiring, rib
        self._steps, self._ends = {}, {}
        self._configured = base._configured  # noqa: SLF001
        self._depends, self._change, self._turned = depends, change, turned

    def steps(self, place: Place, address: Address) -> tuple[Step, ...]:
        """The equal ways onward."""
        at = (place, address)
        found = self._steps.get(at)
        if found is None:
            rests = self._depends.rests(at)
            turned = at in self._turned if at in self._depends.through else self._change.touches(at, rests)
            found = self._steps[at] = tuple(self._look(place, address)) if turned else rests.steps
        return found


@dataclass(frozen=True, slots=True)
class Rests:
    """What a place's way with packets to an address rests on: IS-IS nodes and prefixes, interfaces, a BGP route."""

    steps: tuple[Step, ...]
    sent: tuple[InterfaceRef, ...]
    nodes: tuple[Node, ...]
    offered: tuple[Prefix, ...]
    followed: Prefix | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a failure changes that a way could rest on. ``dropped``: prefixes somebody offers no longer."""

    cut: IsisCut
    down: frozenset[str]
    bgp: Replay | None
    nodes: Mapping[Place, Node]
    dropped: frozenset[Prefix]

    def _leads_elsewhere(self, node: Node | None, behind: tuple[Node, ...]) -> bool:
        """Towards one node the first steps tell; among several the distances too."""
        if len(behind) == 1:
            return node in self.cut.tree(behind[0]).rerouted
        return any(node in self.cut.tree(one).turned for one in behind)

    def touches(self, at: tuple[Place, Address], rests: Rests) -> bool:
        """Whether a way could be another one now."""
        place = at[0]
        node = self.nodes.get(place)
        return (
            place[0] in self.down
            or self._leads_elsewhere(node, rests.nodes)
            or any(ref in self.cut.gone for ref in rests.sent)
            or (rests.followed is not None and self.bgp is not None and self.bgp.changed(place, rests.followed))
            or any(prefix in self.dropped for prefix in rests.offered)
        )


@dataclass(eq=False)
class Dependence:
    """What the walks of a settled network depend on: at which places they ask which nodes (one, or the nearer of several),
    send over which interfaces, follow which BGP routes. ``through``: the numbers of the walks that pass a place on the way to an address.
    """

    walker: Walker
    single: Asking = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    several: Asking = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    of_router: dict[str, set[Way]] = field(default_factory=lambda: defaultdict(set))
    sent: dict[InterfaceRef, set[Way]] = field(default_factory=lambda: defaultdict(set))
    followed: dict[tuple[Place, Prefix], set[Way]] = field(default_factory=lambda: defaultdict(set))
    offered: dict[Prefix, set[Way]] = field(default_factory=lambda: defaultdict(set))
    through: dict[Way, list[int]] = field(default_factory=lambda: defaultdict(list))
    _rests: dict[Way, Rests] = field(default_factory=dict)

    def add(self, number: int, asked: Asked) -> None:
        """A walk, under a number."""
        router, address = asked
        places = {(router, DEFAULT_VRF): None}
        for place in (queue := list(places)):
            if (place, address) not in self.through:
                self._enter((place, address))
            self.through[place, address].append(number)
            for step in self.rests((place, address)).steps:
                if not isinstance(step.onward, Stop) and step.onward not in places:
                    places[step.onward] = None
                    queue.append(step.onward)

    def _enter(self, way: Way) -> None:
        """Note by everything it rests on that a walk passes here."""
        place, rests = way[0], self.rests(way)
        self.of_router[place[0]].add(way)
        for ref in rests.sent:
            self.sent[ref].add(way)
        for node in rests.nodes:
            (self.single if len(rests.nodes) == 1 else self.several)[node][place].add(way)
        for prefix in rests.offered:
            self.offered[prefix].add(way)
        if rests.followed is not None:
            self.followed[place, rests.followed].add(way)

    def rests(self, way: Way) -> Rests:
        """What a way rests on, walked or not."""
        found = self._rests.get(way)
        if found is None:
            found = self._rests[way] = self._look(*way)
        return found

    def _look(self, place: Place, address: Address) -> Rests:
        rib, steps = self.walker.rib, self.walker.steps(place, address)
        found = rib.match(place, address) if place[0] in self.walker.wiring.routers else None
        offered = tuple(dict.fromkeys(_interior(rib, place, *found))) if found else ()
        charts = (rib.isis.chart(rib.isis.processes(*place)[0], prefix.version) for prefix in offered)
        offers = (chart.offers.get(prefix, ()) for chart, prefix in zip(charts, offered, strict=True))
        return Rests(
            steps=steps,
            sent=tuple(step.interface for step in steps if step.interface is not None),
            nodes=tuple(dict.fromkeys(offer.node for several in offers for offer in several)),
            offered=offered,
            followed=found[0] if found and found[1].protocol in {"bgp", "ibgp"} else None,
        )


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
        self.nodes = {place: node for node, place in self.places.items()}
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
        self.refs = sorted(routing.wiring.up)
        index = {ref: number for number, ref in enumerate(self.refs)}
        sent = (pour(routing.walker, part.address, {part.router: part.mbps}) for part in self.every)
        self.each = [tuple((index[ref], mbps) for ref, mbps in each.items()) for each in sent]
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
            sent, ends = stream(walker, address, amounts)
            for ref, mbps in sent.items():
                carried[ref] += mbps
            if not self._all_arrive(address, parts, ends):
                lost += lost_of(walker, self.arrival, parts)
        return carried, lost

    def _all_arrive(self, address: Address, parts: list[Part], ends: set[Stop] | None) -> bool:
        """Whether nothing of it is lost, wherever it goes."""
        if ends is None:
            return False
        open_ends = [end for end in ends if end.fate is not Fate.DELIVERED]
        if not open_ends:
            return True
        places = {part.demand.destination for part in parts}
        return all(self.arrival(place, address)(end) for place in places for end in open_ends)

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
        replay = None if self.bgp is None else self.bgp.after(cut, CutRib(base, wiring, cut, None), down)
        if self.bgp is not None and replay is None:
            return None
        try:
            change = Change(cut, down, replay, self.nodes, frozenset(prefix for _node, prefix in cut.dropped))
            return self._walked(CutRib(base, wiring, cut, replay), change, hopeless)
        finally:
            if replay is not None:
                replay.close()

    def _walked(self, rib: CutRib, change: Change, hopeless: set[int]) -> tuple[Loads, float] | None:
        """What moved, walked again; None where a DNS site no longer may announce."""
        turned = self._turned(change)
        walker = CutWalker(rib, self.depends, change, turned)
        moved = {number for way in turned for number in self.depends.through.get(way, ())}
        if any(number >= len(self.every) for number in moved) and not self._healthy(walker, change.down):
            return None
        return self._placed(walker, {number for number in moved if number < len(self.every)}, hopeless)

    def _turned(self, change: Change) -> set[Way]:
        """Places on a walk where packets to an address may do something else now (`Change.touches`, asked the other way)."""
        depends = self.depends
        found = {way for ref in change.cut.gone for way in depends.sent.get(ref, ())}
        for node, asking in depends.single.items():
            found |= self._asking(change.cut.tree(node).rerouted, asking)
        for node, asking in depends.several.items():
            found |= self._asking(change.cut.tree(node).turned, asking)
        if change.bgp is not None:
            for at, ways in depends.followed.items():
                if change.bgp.changed(*at):
                    found |= ways
        for prefix in change.dropped:
            found |= depends.offered.get(prefix, set())
        for name in change.down:
            found |= depends.of_router.get(name, set())
        return found

    def _asking(self, nodes: AbstractSet[Node], asking: Mapping[Place, set[Way]]) -> set[Way]:
        places = (self.places[node] for node in nodes)
        return {way for place in places if place in asking for way in asking[place]}

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
        taken: dict[int, float] = defaultdict(float)
        for number in moved | hopeless:
            for at, mbps in self.each[number]:
                taken[at] -= mbps
        changed = {self.refs[at]: mbps for at, mbps in taken.items()}
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


def _loads(carried: Mapping[InterfaceRef, float], capacity: Mapping[InterfaceRef, float]) -> Loads:
    utilisation = {
        ref: mbps / capacity[ref] for ref, mbps in carried.items() if ref in capacity and mbps > NOTHING_MUCH
    }
    return Loads(mbps=carried, utilisation=utilisation)


NOTHING_MUCH = 1e-6
"""Mbit/s: what adding and taking away may leave of nothing."""
