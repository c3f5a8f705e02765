"""The short way through a sweep: what a failure provably leaves alone is not computed again.

What a router does with packets to an address depends on the route it matches; that on how near the nodes are which offer
its prefix, or the prefix of its BGP next hop; that on the edges their shortest paths use. `isis_cut` says whose first
steps turned, `bgp_replay` whose BGP routes changed: only demands that pass there are walked again. Where a network or
a failure has anything else to it (several levels, LANs, redistribution, recursive static routes, a health check that now
fails ...), the plain way is taken (`backstay.referee.sweep`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Loads, Route
from backstay.referee import bgp_origin
from backstay.referee.bgp_ends import End
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_replay import Changes, Replay, crossing, groups_over, replayable
from backstay.referee.cascade import Settled, World
from backstay.referee.converge import Routing, View
from backstay.referee.isis_cut import Forest, IsisCut, can_be_cut
from backstay.referee.isis_lsp import Node
from backstay.referee.rib import NO_ROUTES, Rib, connected_routes
from backstay.referee.seams import Place, Wiring
from backstay.referee.traffic import Part, capacities, lost_mbps, pour
from backstay.referee.walk import End as Stop
from backstay.referee.walk import Step, Walker

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
    nodes: dict[Node, dict[Place, set[Address]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
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
                    self.nodes[offer.node][place].add(address)


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
        self.exchange = routing.bgp.exchange if isinstance(routing.bgp.exchange, Exchange) else None
        self.view = View(routing.rib, routing.walker)
        self.wires = _wires(self.network)
        self.capacity = capacities(self.network)
        self.depends = Dependence(routing.walker)
        for number, part in enumerate(self.every):
            self.depends.add(number, (part.router, part.address))
        for number, asked in enumerate(_health(self.settled), len(self.every)):
            self.depends.add(number, asked)
        self.carried = self._poured(routing.walker, range(len(self.every)))
        self.each = [tuple(pour(routing.walker, part.address, {part.router: part.mbps}).items()) for part in self.every]
        self.lost = [lost_mbps(self.network, routing.walker, self.settled.overlay, [part]) for part in self.every]
        self.over = groups_over(self.exchange) if self.exchange else {}
        self.known_hops: set[Address] = set()
        self.hops = self._next_hops()
        self._owned: dict[Place, list[object]] = {}

    def _next_hops(self) -> dict[Node, dict[Place, set[Address]]]:
        """By node: the BGP next hops behind it, by speaker that has a path over them."""
        found: dict[Node, dict[Place, set[Address]]] = defaultdict(lambda: defaultdict(set))
        rib = self.routing.rib
        for place, hops in self.over.items():
            for address in sorted(hops):
                self.known_hops.add(address)
                beneath = rib.match(place, address, with_bgp=False)
                for prefix in _interior(rib, place, *beneath) if beneath else ():
                    for offer in rib.isis.chart(rib.isis.processes(*place)[0], prefix.version).offers[prefix]:
                        found[offer.node][place].add(address)
        return found

    def _poured(self, walker: Walker, numbers: Iterable[int]) -> dict[InterfaceRef, float]:
        amounts: dict[Address, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for number in numbers:
            part = self.every[number]
            amounts[part.address][part.router] += part.mbps
        carried: dict[InterfaceRef, float] = defaultdict(float)
        for address, by_router in amounts.items():
            for ref, mbps in pour(walker, address, by_router).items():
                carried[ref] += mbps
        return carried

    # ------------------------------------------------------------------------------------------- one failure

    def gone(self, overlay: Overlay) -> frozenset[InterfaceRef]:
        """Interfaces a failure takes down."""
        found = {end for name in overlay.links_down for end in self.network.links[name].ends}
        found |= {ref for ref in self.routing.wiring.up if ref.router in overlay.routers_down}
        return frozenset((found | {self.wires[ref] for ref in found if ref in self.wires}) & self.routing.wiring.up)

    def after(self, overlay: Overlay, hopeless: set[int]) -> tuple[Loads, float] | None:
        """Loads of all demands but the hopeless ones after a failure, and how much more is lost of these than before;
        None: only the plain way tells.
        """
        gone, down = self.gone(overlay), overlay.routers_down
        cut = IsisCut(self.forest, gone)
        wiring = _without(self.routing.wiring, gone, down)
        changes = self._bgp(cut, wiring, down)
        if changes is None:
            return None
        turned = self._turned(cut, gone, down, changes)
        rib = CutRib(self.routing.rib, wiring, cut, _with(self.routing.rib.bgp, changes))
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
                for address in asking.get(places[turned], ()):
                    found.add((places[turned], address))
        for place, table in changes.items():
            found |= {(place, address) for prefix in table for address in depends.followed.get((place, prefix), ())}
        for _node, prefix in cut.dropped:
            found |= depends.offered.get(prefix, set())
        if down:
            found |= {at for at in depends.through if at[0][0] in down}
        return found

    def _bgp(self, cut: IsisCut, wiring: Wiring, down: frozenset[str]) -> Changes | None:
        if self.exchange is None:
            return {}
        places = self.places
        standing = [prefix for node, prefix in cut.dropped if places[node][0] not in down]
        if any(prefix.holds(hop) for prefix in standing for hop in self.known_hops):
            return None
        affected = self._dearer(cut)
        dead = frozenset(place for place in self.exchange.speakers if place[0] in down)
        ends = self._cut_sessions(cut, dead)
        if ends is None:
            return None
        rib = CutRib(self.routing.rib, wiring, cut, self.routing.rib.bgp)
        view = View(rib, self.routing.walker)
        if not self._originates_the_same(view, dead):
            return None
        if not affected and not ends:
            return {}
        found = Replay(self.exchange, self.over, view, affected, dead, ends).run()
        if found is None or self._more_specific(found):
            return None
        return found

    def _dearer(self, cut: IsisCut) -> dict[Place, dict[Address, int | None]]:
        """How much farther BGP next hops are, speaker by speaker; None where one distance does not tell."""
        found: dict[Place, dict[Address, int | None]] = {}
        for behind, asking in self.hops.items():
            now, was = cut.tree(behind), self.forest.tree(behind).distance
            for node in now.turned & self.forest.overloaded:  # stand in no tree as a start: asked again
                place = self.places[node]
                found.setdefault(place, {}).update(dict.fromkeys(asking.get(place, ())))
            for node in now.farther:
                place = self.places[node]
                far = now.distance.get(node)
                for hop in asking.get(place, ()):
                    table = found.setdefault(place, {})
                    table[hop] = None if hop in table or far is None else int(far - was[node])
        return found

    def _cut_sessions(self, cut: IsisCut, dead: frozenset[Place]) -> frozenset[End] | None:
        """Ends of sessions that go down; None where that is not as plain as a router gone or a network in pieces."""
        assert self.exchange is not None
        ends = [end for end in self.exchange.sessions.ends if end.established and not end.tripped]
        for end in ends:
            router = end.instance.router.name
            over = end.interface is not None and InterfaceRef(router, end.interface) in cut.gone
            if (end.twin is not None and end.shared) or (over and end.instance.place not in dead):
                return None  # over a wire that may be the one that failed
        if self._torn(cut, dead):
            return None
        gone = {end for end in ends if end.instance.place in dead or (end.twin and end.twin.instance.place in dead)}
        return frozenset(gone) | crossing(self.exchange, self._pieces(cut))

    def _torn(self, cut: IsisCut, dead: frozenset[Place]) -> bool:
        """Whether an overloaded router is all that holds some routers together: reached by both sides, and no way between
        them, so that pieces do not tell who reaches whom.
        """
        overloaded = self.forest.overloaded
        if not overloaded or all(cost is not None for cost in cut.worse.values()):
            return False
        beside = {node: self._beside(cut, node) for node, place in self.places.items() if place not in dead}
        whole = {node for node in beside if node not in overloaded}
        seen = {min(whole)} if whole else set()
        queue = list(seen)
        for node in queue:
            fresh = (beside[node] & whole) - seen
            seen |= fresh
            queue.extend(sorted(fresh))
        return seen != whole or any(beside[node] and not beside[node] & whole for node in overloaded if node in beside)

    def _beside(self, cut: IsisCut, node: Node) -> set[Node]:
        """Neighbours of a node that are left."""
        hops = self.forest.beside.get(node, ())
        left = (hop for hop in hops if hop.local.ref not in cut.gone and hop.remote.ref not in cut.gone)
        return {hop.remote.speaker.node for hop in left}

    def _pieces(self, cut: IsisCut) -> list[frozenset[str]]:
        """Routers cut off from the largest piece, piece by piece."""
        if all(cost is not None for cost in cut.worse.values()):
            return []
        names = {speaker.node: key[0] for key, speaker in cut.hellos.speakers.items()}
        left, pieces = set(names), []
        while left:
            start = min(left)
            seen, queue = {start}, [start]
            for node in queue:
                for hop in self.forest.beside[node]:
                    other = hop.remote.speaker.node
                    if hop.local.ref not in cut.gone and hop.remote.ref not in cut.gone and other not in seen:
                        seen.add(other)
                        queue.append(other)
            left -= seen
            pieces.append(frozenset(names[node] for node in seen))
        return sorted(pieces, key=lambda piece: (len(piece), min(piece)))[:-1]

    def _originates_the_same(self, view: View, dead: frozenset[Place]) -> bool:
        """Whether what begins at our own routers still does."""
        assert self.exchange is not None
        overlay = self.settled.overlay
        for instance in self.exchange.sessions.instances:
            families = instance.process.families.values()
            if instance.place in dead or not any(family.networks or family.redistributions for family in families):
                continue
            held = bgp_origin.held_back(self.network, instance.router.name, overlay.withdrawn)
            if list(bgp_origin.local_routes(instance, view, held)) != self._own(instance.place):
                return False
        return True

    def _own(self, place: Place) -> list[object]:
        if place not in self._owned:
            assert self.exchange is not None
            instance = next(item for item in self.exchange.sessions.instances if item.place == place)
            held = bgp_origin.held_back(self.network, instance.router.name, self.settled.overlay.withdrawn)
            self._owned[place] = list(bgp_origin.local_routes(instance, self.view, held))
        return self._owned[place]

    def _more_specific(self, changes: Changes) -> bool:
        """A prefix new to a table could catch packets that matched another one before."""
        tables = self.routing.rib.bgp
        return any(
            route is not None and prefix not in tables.get(place, NO_ROUTES)
            for place, table in changes.items()
            for prefix, route in table.items()
        )

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
        carried = dict(self.carried)
        for number in moved | hopeless:
            for ref, mbps in self.each[number]:
                carried[ref] -= mbps
        for ref, mbps in self._poured(walker, moved - hopeless).items():
            carried[ref] = carried.get(ref, 0.0) + mbps
        pieces = [self.every[number] for number in sorted(moved - hopeless)]
        lost = lost_mbps(self.network, walker, self.settled.overlay, pieces)
        lost -= sum(self.lost[number] for number in moved - hopeless)
        return _loads(carried, self.capacity), lost


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
        and (replayable(exchange) if isinstance(exchange, Exchange) else exchange is None)
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


def _without(wiring: Wiring, gone: frozenset[InterfaceRef], down: frozenset[str]) -> Wiring:
    across = {ref: others for ref, others in wiring.across.items() if ref not in gone}
    for ref in gone:
        for other in wiring.across.get(ref, ()):
            if other in across:
                across[other] = tuple(end for end in across[other] if end not in gone)
    return Wiring(
        routers=wiring.routers - down,
        up=wiring.up - gone,
        across=across,
        owners={
            address: left
            for address, refs in wiring.owners.items()
            if (left := tuple(r for r in refs if r not in gone))
        },
    )


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
