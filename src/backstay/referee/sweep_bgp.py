"""BGP's part of the short way through a sweep: which next hops a failure makes dearer, which sessions it ends, and what follows
from there (`bgp_replay`). Where that is not plain to see the answer is None: the plain way tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.referee import bgp_origin
from backstay.referee.bgp_ends import IBGP, End, Instance
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_replay import Replay, at_rest, replayable
from backstay.referee.cascade import Settled
from backstay.referee.converge import View
from backstay.referee.isis_cut import Forest, IsisCut
from backstay.referee.isis_lsp import Node
from backstay.referee.rib import Rib
from backstay.referee.seams import Place

FIXED = frozenset({"connected", "static"})
"""Routes that stand while the router's own interfaces do."""


@dataclass(eq=False)
class BgpShort:
    """BGP of a settled network, to be held against its failures. ``hops``: by node the next hops behind it, by the number of
    the router whose speaker has a path over them; ``places``: the table of each node.
    """

    exchange: Exchange
    settled: Settled
    forest: Forest
    places: dict[Node, Place]
    known_hops: set[Address] = field(default_factory=set)
    hops: dict[Node, dict[int, set[Address]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))

    def __post_init__(self) -> None:
        routing = self.settled.world.routing
        self.rib, self.view = routing.rib, View(routing.rib, routing.walker)
        self.rest = at_rest(self.exchange)
        self.nodes = {place: node for node, place in self.places.items()}
        self._find_hops()
        self.standing = [end for end in self.exchange.sessions.ends if end.established and not end.tripped]
        self.possible = replayable(self.exchange) and all(
            _is_plain(self.rib, self.forest, end) for end in self.standing
        )
        self.ports = {
            InterfaceRef(end.instance.router.name, end.interface) for end in self.standing if end.interface is not None
        }
        self.of_router: dict[str, list[End]] = defaultdict(list)
        for end in self.standing:
            for name in {end.instance.router.name, end.twin.instance.router.name if end.twin else ""}:
                self.of_router[name].append(end)
        self.places_of: dict[str, list[Place]] = defaultdict(list)
        for place in self.exchange.speakers:
            self.places_of[place[0]].append(place)
        self.origins = [
            (item, self._local(item, self.view)) for item in self.exchange.sessions.instances if _brings(item)
        ]
        self.fixed = {item.place for item, _was in self.origins if self._is_fixed(item)}
        self.sides = Sides(self.forest)
        self._holding: dict[Prefix, bool] = {}

    def _find_hops(self) -> None:
        behind: dict[Address, tuple[Node, ...] | None] = {}
        for place, found in self.rest.contests.items():
            for address in sorted(found.over):
                if address not in behind:
                    behind[address] = self._plainly_behind(address)
                nodes = behind[address]
                for node in self._behind(place, address) if nodes is None else nodes:
                    if place in self.nodes:
                        self.hops[node][self.forest.number[self.nodes[place]]].add(address)
        self.known_hops = set(behind)

    def _plainly_behind(self, address: Address) -> tuple[Node, ...] | None:
        """The nodes that offer the longest prefix an address is in, where IS-IS alone leads there from everywhere but these
        themselves, which are no farther after any failure; None where that is not so plain.
        """
        prefix = self.rib.undisputed(address)
        return None if prefix is None else self.forest.offering(prefix)

    def _behind(self, place: Place, address: Address) -> tuple[Node, ...]:
        """The same for one speaker; () where IS-IS is not what leads there."""
        prefix = self.rib.beneath(place, address)
        return () if prefix is None else self.forest.offering(prefix)

    # ------------------------------------------------------------------------------------------- one failure

    def after(self, cut: IsisCut, rib: Rib, down: frozenset[str]) -> Replay | None:
        """BGP over the tables ``rib``, to be closed; None where only the plain way tells."""
        places = self.places
        if any(self._holds_hop(prefix) for node, prefix in cut.dropped if places[node][0] not in down):
            return None
        dead = frozenset(place for name in down for place in self.places_of.get(name, ()))
        ends = self._cut_sessions(cut, down)
        view = View(rib, self.view.walker)
        if ends is None or not self._originates_the_same(view, cut, dead):
            return None
        replay = Replay(self.rest, view, self._dearer(cut), dead, ends)
        if replay.play() and not self._more_specific(replay):
            return replay
        replay.close()
        return None

    def _dearer(self, cut: IsisCut) -> dict[Place, dict[Address, int | None]]:
        """By speaker, next hops that are farther, and how much; None where one distance does not tell: behind several nodes,
        or of an overloaded router, which stands in no tree as a start.
        """
        found: dict[int, dict[Address, int | None]] = defaultdict(dict)
        for behind, asking in self.hops.items():
            torn = cut.tree(behind)
            near = torn.tree.far
            for at, far in torn.farther.items():
                hops = asking.get(at)
                if hops:
                    dearer, more = found[at], None if far == inf else int(far - near[at])
                    for hop in hops:
                        dearer[hop] = None if hop in dearer else more
            for at in self.forest.shut & torn.turned:
                if at in asking:
                    found[at].update(dict.fromkeys(asking[at]))
        return {self.places[self.forest.names[at]]: dearer for at, dearer in found.items()}

    def _holds_hop(self, prefix: Prefix) -> bool:
        if prefix not in self._holding:
            self._holding[prefix] = any(prefix.holds(hop) for hop in self.known_hops)
        return self._holding[prefix]

    def _cut_sessions(self, cut: IsisCut, down: frozenset[str]) -> frozenset[End] | None:
        """Ends of sessions that go down: those of routers gone, and those whose two sides no longer reach each other. None
        where a session's own wire is the one that failed.
        """
        if any(ref in self.ports and ref.router not in down for ref in cut.gone):
            return None
        gone = {end for name in down for end in self.of_router.get(name, ())}
        reach = self.sides.after(cut, {self.forest.nodes[name] for name in down if name in self.forest.nodes})
        if reach is not None:
            nodes = self.forest.nodes
            for end in self.standing:
                if end.twin is not None and end not in gone:
                    ours, theirs = end.instance.router.name, end.twin.instance.router.name
                    if not reach.between(nodes[ours], nodes[theirs]):
                        gone.add(end)
        return frozenset(gone)

    def _originates_the_same(self, view: View, cut: IsisCut, dead: frozenset[Place]) -> bool:
        """Whether what begins at our own routers still does."""
        touched = {ref.router for ref in cut.gone}
        return all(
            item.place in dead
            or (item.place in self.fixed and item.place[0] not in touched)
            or self._local(item, view) == was
            for item, was in self.origins
        )

    def _local(self, instance: Instance, view: View) -> list[object]:
        overlay = self.settled.overlay
        held = bgp_origin.held_back(view.rib.network, instance.router.name, overlay.withdrawn)
        return list(bgp_origin.local_routes(instance, view, held))

    def _is_fixed(self, instance: Instance) -> bool:
        """Whether all it could bring in is its own interfaces' and static routes that rest on these (`_simple`): then no IS-IS
        route that a failure takes away lets another one through.
        """
        own = {*self.rib.connected[instance.place], *self.rib.statics[instance.place]}
        own |= {item.prefix for family in instance.process.families.values() for item in family.networks}
        routes = (self.rib.best(instance.place, prefix, with_bgp=bgp) for prefix in own for bgp in (False, True))
        lines = (line for family in instance.process.families.values() for line in family.redistributions)
        return all(route is None or route.protocol in FIXED for route in routes) and all(
            line.protocol in FIXED for line in lines
        )

    def _more_specific(self, replay: Replay) -> bool:
        """A prefix new to a table could catch packets that matched another one before."""
        return any(True for _route in replay.newly_routed(self.rib.bgp))


def _brings(instance: Instance) -> bool:
    return any(family.networks or family.redistributions for family in instance.process.families.values())


def _is_plain(rib: Rib, forest: Forest, end: End) -> bool:
    """Whether all that keeps a session up is its wire or, between our routers, IS-IS's way to an address that the other one
    alone offers, however long it is.
    """
    if end.twin is None or end.shared or end.peer_address is None:
        return end.twin is None and end.shared
    prefix = rib.beneath(end.instance.place, end.peer_address)
    if end.sort != IBGP or end.neighbor.ttl_security is not None or prefix is None:
        return False
    node = forest.nodes.get(end.twin.instance.router.name)
    return end.instance.router.name in forest.nodes and set(forest.offering(prefix)) == {node}


# ------------------------------------------------------------------------------------------- who reaches whom


@dataclass(frozen=True, slots=True)
class Reach:
    """Who reaches whom. Routers that are not overloaded fall into pieces; ``beside`` are an overloaded one's neighbours,
    ``touches`` the pieces a router is in or next to. Nothing passes through an overloaded router (ISO 10589 7.2.8.1).
    """

    touches: dict[Node, frozenset[int]]
    beside: dict[Node, frozenset[Node]]

    def between(self, one: Node, other: Node) -> bool:
        """Whether there is a way between two routers: then there is one back too."""
        return bool(self.touches[one] & self.touches[other]) or other in self.beside.get(one, ())


@dataclass(eq=False)
class Sides:
    """Looks for routers that a failure parts. ``roots``: one router of each piece there is without it."""

    forest: Forest
    roots: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        pieces = _pieces(self._beside(None, frozenset()), self.forest.overloaded)
        self.roots = tuple(sorted(min(piece) for piece in pieces))

    def after(self, cut: IsisCut, dead: Iterable[Node]) -> Reach | None:
        """Who reaches whom now; None where nobody is parted from anybody: every piece still gets to its root, and no
        overloaded router lost an adjacency.
        """
        gone = frozenset(dead)
        whole = not gone.intersection(self.roots) and not cut.ends & self.forest.overloaded
        if whole and all(self._holds(cut, root, gone) for root in self.roots):
            return None
        beside = self._beside(cut, gone)
        overloaded = self.forest.overloaded
        number = {node: at for at, piece in enumerate(_pieces(beside, overloaded)) for node in piece}
        touches = {
            node: frozenset(number[near] for near in (others if node in overloaded else {node}) if near in number)
            for node, others in beside.items()
        }
        return Reach(touches, {node: others for node, others in beside.items() if node in overloaded})

    @staticmethod
    def _holds(cut: IsisCut, root: Node, gone: frozenset[Node]) -> bool:
        names = cut.forest.names
        return all(far < inf or names[at] in gone for at, far in cut.tree(root).farther.items())

    def _beside(self, cut: IsisCut | None, gone: frozenset[Node]) -> dict[Node, frozenset[Node]]:
        """The neighbours everybody is left with."""
        return {
            node: frozenset(
                beyond
                for hop, beyond in hops
                if cut is None or (hop.local.ref not in cut.gone and hop.remote.ref not in cut.gone)
            )
            for node, hops in self.forest.steps.items()
            if node not in gone
        }


def _pieces(beside: dict[Node, frozenset[Node]], overloaded: frozenset[Node]) -> Iterator[set[Node]]:
    """Routers that are not overloaded, piece by piece."""
    left = set(beside) - overloaded
    for start in sorted(left):
        if start in left:
            piece, queue = {start}, [start]
            for node in queue:
                fresh = (beside[node] & left) - piece
                piece |= fresh
                queue.extend(fresh)
            left -= piece
            yield piece
