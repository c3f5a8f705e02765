"""The short way through a sweep: what a failure provably leaves alone is not computed again.

What a router does with packets to an address depends on the route it matches; that on how near the nodes are which offer
its prefix, or the prefix of its BGP next hop; that on the edges their shortest paths use. `isis_cut` says whose first
steps turned, `bgp_replay` whose BGP routes changed, `sweep_ways` which walks that touches, `sweep_stream` what then flows
elsewhere. Where a network or a failure has anything else to it (several levels, LANs, redistribution, recursive static
routes, a health check that now fails ...), the plain way is taken (`backstay.referee.sweep`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.service import Anycast
from backstay.model.state import Fate, Loads
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.cascade import Settled, World
from backstay.referee.converge import Routing
from backstay.referee.isis_cut import Forest, IsisCut, can_be_cut
from backstay.referee.rib import Rib, connected_routes
from backstay.referee.seams import Place, Wiring
from backstay.referee.sweep_bgp import BgpShort
from backstay.referee.sweep_stream import NOWHERE, Out, Outs, Stream, diverted, stream
from backstay.referee.sweep_tree import TreeStream
from backstay.referee.sweep_ways import Change, Connected, CutRib, CutWalker, Dependence, Turned
from backstay.referee.traffic import Part, arrivals, capacities, lost_of, pour
from backstay.referee.walk import End as Stop
from backstay.referee.walk import Step, Walker

AddressesOf = Callable[[InterfaceRef], Iterable[Address]]
DnsSite = tuple[Anycast, str]


@dataclass(frozen=True, slots=True)
class After:
    """A failure, how packets go then, and where watched ones may go another way."""

    change: Change
    walker: Walker
    turned: Turned


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
        self.numbers = {place: self.forest.number[node] for node, place in self.places.items()}
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
        self.tables: dict[str, list[Place]] = defaultdict(list)
        for place in routing.rib.places:
            self.tables[place[0]].append(place)
        self.refs = sorted(routing.wiring.up)
        self.index = {ref: number for number, ref in enumerate(self.refs)}
        self.arrival = arrivals(self.network, self.settled.overlay)
        self.depends = Dependence(routing.walker, self.forest, self.numbers)
        self.to: dict[Address, list[int]] = defaultdict(list)
        for number, part in enumerate(self.every):
            self.to[part.address].append(number)
        self.trees: dict[Address, TreeStream] = {}
        self.streams = {address: self._stream(address, numbers) for address, numbers in self.to.items()}
        self.arriving = {address for address in self.to if self._all_arrive(address, self.streams[address])}
        self.lost = [
            0.0 if part.address in self.arriving else lost_of(routing.walker, self.arrival, [part])
            for part in self.every
        ]
        self._load()
        self._watch()

    def _stream(self, address: Address, numbers: list[int]) -> Stream | None:
        amounts = self._amounts(numbers)
        steps = self.depends.walks(address, amounts)
        flows = stream(amounts, {place: self._outs(found) for place, found in steps.items()})
        tree = self._tree(address, flows) if flows is not None else None
        if tree is None:
            self.depends.watch(address, steps)
        else:
            self.trees[address] = tree
        return flows

    def _tree(self, address: Address, flows: Stream) -> TreeStream | None:
        """The same where every router but the last sends on by its way to one node, and that node has the address."""
        homes = [place for place, outs in flows.outs.items() if outs == (Out(NOWHERE, Stop(Fate.DELIVERED, place[0])),)]
        rests = [self.depends.rests((place, address)) for place in flows.outs if place not in homes]
        found = {(each.straight, each.offered) for each in rests}
        node, offered = found.pop() if len(found) == 1 and not any(each.followed for each in rests) else (None, ())
        if node is None or homes != [self.places[node]] or not flows.outs.keys() <= self.numbers.keys():
            return None
        passing = {self.numbers[place]: mbps for place, mbps in flows.passing.items() if mbps and place not in homes}
        paces = {self.numbers[place]: self._numbered(outs) for place, outs in flows.outs.items() if place not in homes}
        return TreeStream(self.forest, node, offered[0], passing, paces, self.index, self.depends.most)

    def _numbered(self, outs: Outs) -> list[tuple[int, int]]:
        return [(out.port, self.numbers[out.onward]) for out in outs if isinstance(out.onward, tuple)]

    def _amounts(self, numbers: Iterable[int]) -> dict[Place, float]:
        """What demands let in, by place."""
        amounts: dict[Place, float] = defaultdict(float)
        for number in numbers:
            part = self.every[number]
            amounts[part.router, DEFAULT_VRF] += part.mbps
        return dict(amounts)

    def _outs(self, steps: Iterable[Step]) -> Outs:
        return tuple(
            Out(NOWHERE if step.interface is None else self.index[step.interface], step.onward) for step in steps
        )

    def _load(self) -> None:
        """What every interface carries, those with a capacity by how full they are."""
        self.carried = [0.0] * len(self.refs)
        for address in self.to:
            for port, mbps in self._carried(address).items():
                self.carried[port] += mbps
        known = capacities(self.network)
        self.capacity = [known.get(ref) for ref in self.refs]
        used = ((self._fullness(port, mbps), port) for port, mbps in enumerate(self.carried))
        self.fullest = sorted((-full, port) for full, port in used if full is not None)

    def _carried(self, address: Address) -> Mapping[int, float]:
        """What the demands to an address put on every interface."""
        flows = self.streams[address]
        return self._poured(self.routing.walker, address, self.to[address]) if flows is None else flows.carried

    def _poured(self, walker: Walker, address: Address, numbers: Iterable[int]) -> dict[int, float]:
        """The same, all of it anew."""
        amounts = {place[0]: mbps for place, mbps in self._amounts(numbers).items()}
        return {self.index[ref]: mbps for ref, mbps in pour(walker, address, amounts).items()}

    def _fullness(self, port: int, mbps: float) -> float | None:
        """The share of its capacity an interface carries; None where it has none, or next to nothing to carry."""
        capacity = self.capacity[port]
        return mbps / capacity if capacity is not None and mbps > NOTHING_MUCH else None

    def _all_arrive(self, address: Address, flows: Stream | None) -> bool:
        return flows is not None and self._are_arrivals(address, flows.ends)

    def _are_arrivals(self, address: Address, ends: AbstractSet[Stop]) -> bool:
        """Whether all demands to the address count these ends as arrived."""
        open_ends = [end for end in ends if end.fate is not Fate.DELIVERED]
        if not open_ends:
            return True
        places = {self.every[number].demand.destination for number in self.to[address]}
        return all(self.arrival(place, address)(end) for place in places for end in open_ends)

    def _watch(self) -> None:
        """The walks that the health of DNS sites rests on: at each place, by address, whose."""
        self.watched: dict[Address, dict[Place, list[DnsSite]]] = defaultdict(lambda: defaultdict(list))
        for anycast in self.network.anycasts.values():
            for site in sorted({origin.site for origin in anycast.origins}):
                world = _Asking(self.routing, self.settled.overlay)
                world.asked = {}
                world.health(anycast, site)
                for router, address in world.asked:
                    places = self.depends.walks(address, [(router, DEFAULT_VRF)])
                    self.depends.watch(address, places)
                    for place in places:
                        self.watched[address][place].append((anycast, site))

    # ------------------------------------------------------------------------------------------- one failure

    def gone(self, overlay: Overlay) -> frozenset[InterfaceRef]:
        """Interfaces a failure takes down."""
        found = {end for name in overlay.links_down for end in self.network.links[name].ends}
        found |= {ref for name in overlay.routers_down for ref in self.ports.get(name, ())}
        return frozenset((found | {self.wires[ref] for ref in found if ref in self.wires}) & self.routing.wiring.up)

    def _addresses(self, ref: InterfaceRef) -> list[Address]:
        return [item.address for item in self.network.routers[ref.router].interfaces[ref.interface].addresses]

    def after(self, overlay: Overlay, hopeless: set[int]) -> tuple[Loads, float] | None:
        """The fullest interface under all demands but the hopeless ones after a failure, and how much more is lost of these
        than before; None: only the plain way tells.
        """
        gone, down = self.gone(overlay), overlay.routers_down
        cut = IsisCut(self.forest, gone)
        wiring = _without(self.routing.wiring, gone, down, self._addresses)
        base, connected = self.routing.rib, self._connected(wiring, gone)
        replay = None if self.bgp is None else self.bgp.after(cut, CutRib(base, wiring, cut, connected), down)
        if self.bgp is not None and replay is None:
            return None
        try:
            change = Change(cut, down, replay, frozenset(prefix for _node, prefix in cut.dropped))
            turned = self.depends.turned(change)
            walker = CutWalker(CutRib(base, wiring, cut, connected, replay), self.depends, change, turned)
            after = After(change, walker, turned)
            return self._placed(after, hopeless) if self._healthy(walker, turned, down) else None
        finally:
            if replay is not None:
                replay.close()

    def _connected(self, wiring: Wiring, gone: frozenset[InterfaceRef]) -> Connected:
        found = dict(self.routing.rib.connected)
        for router in {ref.router for ref in gone}:
            found |= {place: connected_routes(self.network, wiring, place) for place in self.tables[router]}
        return found

    def _healthy(self, walker: Walker, turned: Turned, down: frozenset[str]) -> bool:
        """Whether every DNS site that announces still may, if a walk its health rests on turned; those on failed routers do
        not count.
        """
        world = World(replace(self.routing, walker=walker, wiring=walker.wiring), self.settled.overlay)
        return all(self._may_announce(world, anycast, site, down) for anycast, site in self._asked_again(turned))

    def _asked_again(self, turned: Turned) -> Iterator[DnsSite]:
        asked: dict[tuple[str, str], DnsSite] = {}
        for address in turned.keys() & self.watched.keys():
            watched = self.watched[address]
            for place in turned[address] & watched.keys():
                asked |= {(anycast.name, site): (anycast, site) for anycast, site in watched[place]}
        return (found for _name, found in sorted(asked.items(), key=lambda item: item[0]))

    def _may_announce(self, world: World, anycast: Anycast, site: str, down: frozenset[str]) -> bool:
        stands = any(origin.site == site and origin.router not in down for origin in anycast.origins)
        announces = stands and anycast.health.need and (anycast.name, site) not in self.settled.overlay.withdrawn
        return not announces or len(world.health(anycast, site)[0]) >= anycast.health.need

    def _placed(self, after: After, hopeless: set[int]) -> tuple[Loads, float]:
        """Loads with the difference that the failure makes to each stream, and what more is lost."""
        less: dict[Address, list[int]] = defaultdict(list)
        for number in sorted(hopeless):
            less[self.every[number].address].append(number)
        changed: dict[int, float] = defaultdict(float)
        lost = 0.0
        for address in self.to:
            more, more_lost = self._changed(after, address, less.get(address, []))
            lost += more_lost
            for port, mbps in more.items():
                changed[port] += mbps
        return self._fullest(changed), lost

    def _changed(self, after: After, address: Address, less: list[int]) -> tuple[Mapping[int, float], float]:
        """What interfaces carry more of what goes to an address, and how much more of it is lost, when some demands are gone."""
        if len(less) == len(self.to[address]):
            return {port: -mbps for port, mbps in self._carried(address).items()}, 0.0
        flows, tree, turned = self.streams[address], self.trees.get(address), after.turned.get(address, set())
        if flows is not None and tree is not None:
            gone = self._amounts(less) if less else {}
            found = tree.diverted(after.change.cut, {self.numbers[place]: mbps for place, mbps in gone.items()})
            if found is not None:
                return found, 0.0
            turned = self.depends.touched(after.change, address, flows.outs)
        return self._diverted(after.walker, address, turned, less) if turned or less else ({}, 0.0)

    def _diverted(
        self, walker: Walker, address: Address, turned: AbstractSet[Place], less: list[int]
    ) -> tuple[Mapping[int, float], float]:
        """The same where some places may do something else."""
        flows, found = self.streams[address], None
        if flows is not None:
            gone = self._amounts(less)
            found = diverted(flows, turned, gone, lambda place: self._outs(walker.steps(place, address)))
        if found is not None and self._still_arrive(address, found[1]):
            return found[0], 0.0
        kept = sorted(set(self.to[address]) - set(less))
        lost = lost_of(walker, self.arrival, [self.every[number] for number in kept])
        more = self._anew(walker, address, kept) if found is None else found[0]
        return more, lost - sum(self.lost[number] for number in kept)

    def _still_arrive(self, address: Address, ends: AbstractSet[Stop]) -> bool:
        """Whether nothing to an address is lost, before or after."""
        return address in self.arriving and self._are_arrivals(address, ends)

    def _anew(self, walker: Walker, address: Address, kept: list[int]) -> dict[int, float]:
        """What changes to an address of which these demands are left, poured anew: packets run in circles, before or after."""
        changed: dict[int, float] = defaultdict(float, self._poured(walker, address, kept))
        for port, mbps in self._carried(address).items():
            changed[port] -= mbps
        return changed

    def _fullest(self, changed: Mapping[int, float]) -> Loads:
        """The fullest interface, among those that changed and the others: nobody asks for more."""
        now = {port: self.carried[port] + more for port, more in changed.items()}
        used = ((self._fullness(port, mbps), port) for port, mbps in now.items())
        found = [(-full, port) for full, port in used if full is not None]
        other = next((found for found in self.fullest if found[1] not in changed), None)
        worst = min([*found, other] if other else found, default=None)
        if worst is None:
            return Loads()
        ref = self.refs[worst[1]]
        return Loads(mbps={ref: now.get(worst[1], self.carried[worst[1]])}, utilisation={ref: -worst[0]})


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

    asked: dict[tuple[str, Address], None]

    def arrives_at(self, router: str, address: Address, place: str = "") -> frozenset[str]:
        """See `World.arrives_at`."""
        self.asked[router, address] = None
        return super().arrives_at(router, address, place)


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


NOTHING_MUCH = 1e-6
"""Mbit/s: what adding and taking away may leave of nothing."""
