"""One packet at a time: where a router sends it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, NextHop, Route
from backstay.referee.isis_lsp import Hop
from backstay.referee.rib import Rib
from backstay.referee.seams import Arrival, Place, Wiring

BRANCHES = 20_000
"""So many branches of one flow are walked one by one where some run in circles; more is given up."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a branch ends, and how. ``speaker`` is whom outside it was handed to, for `Fate.EXITS`."""

    fate: Fate
    router: str
    speaker: Address | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One of the equal ways a packet takes from a router: out of ``interface`` (None: it goes nowhere) to the next
    place, or to its end.
    """

    interface: InterfaceRef | None
    onward: Place | End


@dataclass(eq=False)
class Walker:
    """Answers for one set of tables; the same question is worked out once."""

    network: Network
    wiring: Wiring
    rib: Rib
    _steps: dict[tuple[Place, Address], tuple[Step, ...]] = field(default_factory=dict)
    _ends: dict[tuple[Place, Address], Mapping[End, float] | None] = field(default_factory=dict)
    _plain: dict[tuple[tuple[Hop, ...], int], tuple[Step, ...] | None] = field(default_factory=dict)
    _configured: frozenset[Address] = field(init=False)

    def __post_init__(self) -> None:
        self._configured = frozenset(
            address.address
            for router in self.network.routers.values()
            for interface in router.interfaces.values()
            for address in interface.addresses
        )

    def vrf(self, ref: InterfaceRef) -> str:
        """The VRF packets arriving at an interface are looked up in."""
        return self.network.routers[ref.router].interfaces[ref.interface].vrf

    def steps(self, place: Place, address: Address) -> tuple[Step, ...]:
        """The equal ways onward from a place; exactly one where the packet ends."""
        at = (place, address)
        found = self._steps.get(at)
        if found is None:
            found = self._steps[at] = self._along(place, address) or tuple(self._look(place, address))
        return found

    def _along(self, place: Place, address: Address) -> tuple[Step, ...] | None:
        """The steps along a route that plainly IS-IS has. Handed to routers of ours that forward, they depend on its first
        hops alone, whatever the address; None where it is not so plain.
        """
        way = self.rib.way(place, address)
        if way is None:
            return None
        at = (way[2], address.version)
        if at not in self._plain:
            steps = tuple(self._look(place, address))
            self._plain[at] = steps if all(self._passes_on(step) for step in steps) else None
        return self._plain[at]

    def _passes_on(self, step: Step) -> bool:
        return not isinstance(step.onward, End) and self.network.routers[step.onward[0]].forwarding

    def _look(self, place: Place, address: Address) -> Iterator[Step]:
        router, vrf = place
        if router not in self.wiring.routers:
            yield Step(None, End(Fate.SOURCE_DOWN, router))
        elif any(ref.router == router and self.vrf(ref) == vrf for ref in self.wiring.owners.get(address, ())):
            yield Step(None, End(Fate.DELIVERED, router))
        else:
            found = self.rib.match(place, address)
            if found is None:
                yield Step(None, End(Fate.NO_ROUTE, router))
            else:
                yield from (self._leave(router, hop, found[1], address) for hop in found[1].forwarding)

    def _leave(self, router: str, hop: NextHop, route: Route, address: Address) -> Step:
        if hop.discard:
            return Step(None, End(Fate.DISCARDED, router))
        assert hop.interface is not None
        out = InterfaceRef(router, hop.interface)
        target = address if hop.address is None and hop.neighbor is None else hop.address
        asked = hop.address is None and route.protocol in {"connected", "static"}
        receiver = self._receiver(out, hop, target, asked=asked)
        if receiver is None:
            end = self._beyond(router, route, target, address)
            return Step(None if end.fate is Fate.UNREACHABLE else out, end)  # whom nobody answers for is not sent to
        if not self.network.routers[receiver.router].forwarding and not self._delivers(receiver, address):
            return Step(out, End(Fate.DISCARDED, receiver.router))
        return Step(out, (receiver.router, self.vrf(receiver)))

    def _receiver(self, out: InterfaceRef, hop: NextHop, target: Address | None, *, asked: bool) -> InterfaceRef | None:
        """The interface of ours on the wire that answers for the next hop; ``asked``: the wire is asked for the very end."""
        near = self.wiring.across.get(out, ())
        if hop.neighbor is not None and hop.neighbor in near:
            return hop.neighbor
        answering = None if target is None else self._answering(near, target)
        if answering is not None:
            return answering
        nameless = target is None or target.is_link_local or (hop.address is None and not asked)
        if nameless and len(near) == 1:
            return near[0]  # no address tells who is meant, and there is one who can be
        if target is None or (target.is_link_local and near):
            raise Unproven(f"{out}: who answers to the link-local next hop on this segment is not told")
        return None

    def _answering(self, near: tuple[InterfaceRef, ...], target: Address) -> InterfaceRef | None:
        """Whose interface on the wire has the address; else, for IPv4, who has it elsewhere: Linux answers ARP for any address
        of its own (``arp_ignore`` is 0), neighbour solicitations for those of the interface alone (RFC 4861 7.2.3).
        """
        owners = self.wiring.owners.get(target, ())
        found = next((ref for ref in near if ref in owners), None)
        if found is not None or target.version == 6:
            return found
        places = {(owner.router, self.vrf(owner)) for owner in owners}
        return next((ref for ref in near if (ref.router, self.vrf(ref)) in places), None)

    def _beyond(self, router: str, route: Route, target: Address | None, address: Address) -> End:
        """Nobody of ours on the wire has the next hop's address. Where a router of ours ought to have it (it is down),
        the packet is lost; else somebody outside has it: the very end if it is the destination's own subnet.
        """
        if target in self._configured:
            return End(Fate.UNREACHABLE, router)
        if target == address and route.protocol == "connected":
            return End(Fate.DELIVERED, router, target)
        return End(Fate.EXITS, router, target)

    def _delivers(self, ref: InterfaceRef, address: Address) -> bool:
        return any(owner.router == ref.router for owner in self.wiring.owners.get(address, ()))

    # ------------------------------------------------------------------------------------------ whole walks

    def ends(self, router: str, address: Address, vrf: str = DEFAULT_VRF) -> Mapping[End, float]:
        """Where packets end, and which share of them at each end, every equal branch an equal share."""
        found = self.spread((router, vrf), address)
        return dict(self._branches((router, vrf), address)) if found is None else found

    def spread(self, start: Place, address: Address) -> Mapping[End, float] | None:
        """The same by adding up what lies behind each place, once for all who pass it; None if some run in circles."""
        if (start, address) in self._ends:
            return self._ends[start, address]
        stack, opened = [start], {start}
        while stack:
            place = stack[-1]
            steps = self.steps(place, address)
            waiting = self._waiting(steps, address, opened)
            if waiting in opened:
                self._ends.update(((opened_place, address), None) for opened_place in opened)
                return None
            if waiting is None:
                self._ends[place, address] = self._sum(steps, address)
                opened.discard(stack.pop())
            else:
                stack.append(waiting)
                opened.add(waiting)
        return self._ends[start, address]

    def _waiting(self, steps: tuple[Step, ...], address: Address, opened: set[Place]) -> Place | None:
        """A place onward that is still to be looked behind, any of ``opened`` where packets run in circles from here."""
        for step in steps:
            if not isinstance(step.onward, End):
                at = (step.onward, address)
                if at not in self._ends:
                    return step.onward
                if self._ends[at] is None:
                    return next(iter(opened))
        return None

    def _sum(self, steps: tuple[Step, ...], address: Address) -> Mapping[End, float]:
        if len(steps) == 1 and not isinstance(steps[0].onward, End):
            return self._ends[steps[0].onward, address] or {}
        shares: dict[End, float] = {}
        for step in steps:
            beyond = {step.onward: 1.0} if isinstance(step.onward, End) else self._ends[step.onward, address] or {}
            for end, share in beyond.items():
                shares[end] = shares.get(end, 0.0) + share / len(steps)
        return shares

    def _branches(self, start: Place, address: Address) -> Iterator[tuple[End, float]]:
        """Every branch by itself: it dies where it comes back to a place it has passed."""
        shares: dict[End, float] = {}
        for end, share in self.branches(start, address, 1.0):
            if isinstance(end, End):
                shares[end] = shares.get(end, 0.0) + share
        yield from shares.items()

    def branches(self, start: Place, address: Address, amount: float) -> Iterator[tuple[End | InterfaceRef, float]]:
        """Every branch by itself: what each interface carries of it, and how it ends. Raises `Unproven` on too many."""
        stack: list[tuple[Place, float, tuple[Place, ...]]] = [(start, amount, ())]
        count = 0
        while stack:
            place, share, passed = stack.pop()
            count += 1
            if count > BRANCHES:
                raise Unproven(f"more than {BRANCHES} branches from {start[0]} to {address}, some of them in circles")
            if place in passed:
                yield End(Fate.LOOP, place[0]), share
                continue
            steps = self.steps(place, address)
            for step in steps:
                if step.interface is not None:
                    yield step.interface, share / len(steps)
                if isinstance(step.onward, End):
                    yield step.onward, share / len(steps)
                else:
                    stack.append((step.onward, share / len(steps), (*passed, place)))

    def arrival(self, router: str, address: Address, vrf: str = DEFAULT_VRF) -> Arrival:
        """Whether branches get to whoever has the address: outside, where it is nobody's of ours, whoever is handed the
        packets is taken to have it or to know the way.
        """
        outside = address not in self._configured
        arrived = {
            end.fate is Fate.DELIVERED or (end.fate is Fate.EXITS and (outside or end.speaker == address))
            for end in self.ends(router, address, vrf)
        }
        if False not in arrived:
            return Arrival.EVERY_WAY
        return Arrival.SOME_WAYS if True in arrived else Arrival.NO_WAY
