"""What every walk of a settled network rests on at each place it passes, and where a failure touches that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import Route
from backstay.model.vendor import SEMANTICS
from backstay.referee.bgp_replay import Replay
from backstay.referee.isis_cut import Forest, IsisCut
from backstay.referee.isis_lsp import Node
from backstay.referee.rib import Rib
from backstay.referee.seams import Place, Wiring
from backstay.referee.walk import Step, Walker

Way = tuple[Place, Address]
"""What a place does with packets to an address."""

Turned = Mapping[Address, set[Place]]
"""By address, the places that may do something else now."""

Connected = dict[Place, dict[Prefix, Route]]

Asking = dict[Node, dict[int, list[Way]]]
"""By node, who asks how to get there, by number."""


@dataclass(frozen=True, slots=True)
class Rests:
    """What a place's way with packets to an address rests on: IS-IS nodes and prefixes, interfaces, a BGP route. ``straight``:
    on nothing but the BGP route, if any, and how near this node is.
    """

    steps: tuple[Step, ...]
    sent: tuple[InterfaceRef, ...]
    nodes: tuple[Node, ...]
    offered: tuple[Prefix, ...]
    followed: Prefix | None
    straight: Node | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a failure changes that a way could rest on. ``dropped``: prefixes somebody offers no longer."""

    cut: IsisCut
    down: frozenset[str]
    bgp: Replay | None
    dropped: frozenset[Prefix]

    def touches(self, place: Place, at: int, rests: Rests) -> bool:
        """Whether the way of a place (with this number) could be another one now."""
        return (
            place[0] in self.down
            or self._leads_elsewhere(at, rests.nodes)
            or not self.dropped.isdisjoint(rests.offered)
            or (rests.straight is None and not self.cut.gone.isdisjoint(rests.sent))  # else its first steps tell
            or (rests.followed is not None and self.bgp is not None and self.bgp.changed(place, rests.followed))
        )

    def _leads_elsewhere(self, at: int, behind: tuple[Node, ...]) -> bool:
        """Towards one node the first steps tell; among several the distances too."""
        if len(behind) == 1:
            return self.cut.rerouted(self.cut.tree(behind[0]), at)
        return any(at in self.cut.tree(one).turned for one in behind)


@dataclass(eq=False)
class Dependence:
    """What the walks of a settled network depend on: at which places they ask which nodes (one, or the nearer of several),
    send over which interfaces, follow which BGP routes. ``watched``: by address the places this is on record for.
    """

    walker: Walker
    forest: Forest
    numbers: Mapping[Place, int]
    single: Asking = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    several: Asking = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    of_router: dict[str, list[Way]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[InterfaceRef, list[Way]] = field(default_factory=lambda: defaultdict(list))
    followed: dict[Place, dict[Prefix, list[Way]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    offered: dict[Prefix, list[Way]] = field(default_factory=lambda: defaultdict(list))
    watched: dict[Address, set[Place]] = field(default_factory=lambda: defaultdict(set))
    _rests: dict[Way, Rests] = field(default_factory=dict)

    def __post_init__(self) -> None:
        routers = self.walker.network.routers.values()
        self._all_forward = all(router.forwarding for router in routers)
        self.most = min(SEMANTICS[router.vendor].isis_maximum_paths for router in routers)

    def walks(self, address: Address, starts: Iterable[Place]) -> dict[Place, tuple[Step, ...]]:
        """Every place that walks to an address pass, and its steps."""
        found: dict[Place, tuple[Step, ...]] = {}
        queue = list(starts)
        for place in queue:
            if place not in found:
                found[place] = self.rests((place, address)).steps
                queue.extend(step.onward for step in found[place] if isinstance(step.onward, tuple))
        return found

    def watch(self, address: Address, places: Iterable[Place]) -> None:
        """Have `turned` tell of these places."""
        for place in places:
            if place not in self.watched[address]:
                self.watched[address].add(place)
                self._enter((place, address))

    def _enter(self, way: Way) -> None:
        """Note by everything it rests on that a walk passes here."""
        place, rests = way[0], self.rests(way)
        self.of_router[place[0]].append(way)
        for ref in rests.sent:
            self.sent[ref].append(way)
        for node in rests.nodes:
            (self.single if len(rests.nodes) == 1 else self.several)[node][self.numbers[place]].append(way)
        for prefix in rests.offered:
            self.offered[prefix].append(way)
        if rests.followed is not None:
            self.followed[place][rests.followed].append(way)

    def rests(self, way: Way) -> Rests:
        """What a way rests on, walked or not."""
        found = self._rests.get(way)
        if found is None:
            found = self._rests[way] = self._look(*way)
        return found

    def _look(self, place: Place, address: Address) -> Rests:
        rib, steps = self.walker.rib, self.walker.steps(place, address)
        up = place[0] in self.walker.wiring.routers
        plain = rib.way(place, address) if up else None
        found = rib.match(place, address) if up and plain is None else None
        offered = plain[:1] if plain else tuple(dict.fromkeys(_interior(rib, place, *found))) if found else ()
        nodes = tuple(dict.fromkeys(node for prefix in offered for node in self.forest.offering(prefix)))
        straight = plain is not None or (found is not None and self._follows_straight(place, address, *found))
        return Rests(
            steps=steps,
            sent=tuple(step.interface for step in steps if step.interface is not None),
            nodes=nodes,
            offered=offered,
            followed=found[0] if found and found[1].protocol in {"bgp", "ibgp"} else None,
            straight=nodes[0] if straight and self._all_forward and len(nodes) == 1 else None,
        )

    def _follows_straight(self, place: Place, address: Address, prefix: Prefix, route: Route) -> bool:
        """Whether a route is BGP's, of the longest prefix there is, and leads to next hops that IS-IS alone leads to."""
        rib = self.walker.rib
        if route.protocol not in {"bgp", "ibgp"} or rib.holding(address)[0] != prefix:
            return False
        plain = [hop.address for hop in route.next_hops if not (hop.interface or hop.vrf or hop.discard)]
        return len(plain) == len(route.next_hops) and all(hop and rib.way(place, hop) is not None for hop in plain)

    # ------------------------------------------------------------------------------------------- one failure

    def turned(self, change: Change) -> Turned:
        """Watched places that may do something else now (`Change.touches`, asked the other way)."""
        found: dict[Address, set[Place]] = defaultdict(set)
        for place, address in self._hit(change):
            found[address].add(place)
        return found

    def touched(self, change: Change, address: Address, places: Iterable[Place]) -> set[Place]:
        """Those of some places that may."""
        return {p for p in places if change.touches(p, self.numbers.get(p, -1), self.rests((p, address)))}

    def _hit(self, change: Change) -> Iterator[Way]:
        cut = change.cut
        for ref in cut.gone:
            yield from self.sent.get(ref, ())
        for node, asking in self.single.items():
            torn = cut.tree(node)
            for at in torn.turned:
                if at in asking and cut.rerouted(torn, at):
                    yield from asking[at]
        for node, asking in self.several.items():
            for at in cut.tree(node).turned:
                yield from asking.get(at, ())
        if change.bgp is not None:
            for place in change.bgp.concerned & self.followed.keys():
                for prefix, ways in self.followed[place].items():
                    if change.bgp.changed(place, prefix):
                        yield from ways
        for prefix in change.dropped:
            yield from self.offered.get(prefix, ())
        for name in change.down:
            yield from self.of_router.get(name, ())


def _interior(rib: Rib, place: Place, prefix: Prefix, route: Route) -> Iterator[Prefix]:
    """The IS-IS prefixes a route rests on: its own, or those its next hops match."""
    if route.protocol == "isis":
        yield prefix
    elif route.protocol in {"bgp", "ibgp"}:
        for hop in route.next_hops:
            beneath = rib.beneath(place, hop.address) if hop.address else None
            if beneath is not None:
                yield beneath


# ------------------------------------------------------------------------------------------------ tables and steps


class CutRib(Rib):
    """The tables after a failure: routes are chosen anew only as they are asked for. ``connected``: what interfaces still give
    each table.
    """

    def __init__(
        self, base: Rib, wiring: Wiring, cut: IsisCut, connected: Connected, replay: Replay | None = None
    ) -> None:
        self.network, self.wiring, self.isis, self.ospf, self.bgp = base.network, wiring, cut, base.ospf, base.bgp
        self._replay = replay
        self.places, self.connected, self.statics, self.known = base.places, connected, base.statics, base.known
        # The same processes and prefixes; nobody else than before offers any of these.
        self._isis, self._lengths, self._chains = base._isis, base._lengths, base._chains  # noqa: SLF001
        self._by_isis = base._by_isis  # noqa: SLF001
        self._others, self._plain = base._others, base._plain  # noqa: SLF001
        self._best, self._match, self._leads, self._open, self._reached = {}, {}, {}, {}, 0

    def _told_by_bgp(self, place: Place, prefix: Prefix) -> Route | None:
        if self._replay is not None and self._replay.changed(place, prefix):
            return self._replay.route(place, prefix)
        return super()._told_by_bgp(place, prefix)


class CutWalker(Walker):
    """Steps as before wherever nothing they depend on changed."""

    def __init__(self, rib: CutRib, depends: Dependence, change: Change, turned: Turned) -> None:
        base = depends.walker
        self.network, self.wiring, self.rib = base.network, rib.wiring, rib
        self._steps, self._ends = {}, {}
        self._configured = base._configured  # noqa: SLF001
        self._depends, self._change, self._turned = depends, change, turned

    def steps(self, place: Place, address: Address) -> tuple[Step, ...]:
        """The equal ways onward."""
        way = (place, address)
        found = self._steps.get(way)
        if found is None:
            rests = self._depends.rests(way)
            moved = self._moved(place, address, rests)
            found = self._steps[way] = (self._straight(way, rests) or tuple(self._look(*way))) if moved else rests.steps
        return found

    def _moved(self, place: Place, address: Address, rests: Rests) -> bool:
        if place in self._depends.watched.get(address, ()):
            return place in self._turned.get(address, ())
        return self._change.touches(place, self._depends.numbers.get(place, -1), rests)

    def _straight(self, way: Way, rests: Rests) -> tuple[Step, ...]:
        """Where nothing but the way to a node matters: over the adjacencies that lead there. () where more does."""
        (place, address), change, depends = way, self._change, self._depends
        if rests.straight is None or place[0] in change.down or not change.dropped.isdisjoint(rests.offered):
            return ()
        if rests.followed is not None and change.bgp is not None and change.bgp.changed(place, rests.followed):
            return ()
        far, hops = change.cut.ways(depends.numbers[place], rests.straight)
        plain = far <= depends.forest.ceiling and len(hops) <= depends.most
        if not plain or any(address.version not in hop.versions for hop in hops):
            return ()
        refs = ((hop.local.ref, hop.remote.ref) for hop in hops)
        return tuple(Step(out, (into.router, self.vrf(into))) for out, into in refs)
