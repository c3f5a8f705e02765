"""One packet at a time: where a router sends it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, NextHop, Route
from backstay.referee.rib import Rib
from backstay.referee.seams import Place, Wiring

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
        if at not in self._steps:
            self._steps[at] = tuple(self._look(place, address))
        return self._steps[at]

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
        receiver = self._receiver(out, hop, target)
        if receiver is None:
            return Step(out, self._beyond(router, route, target, address))
        if not self.network.routers[receiver.router].forwarding and not self._delivers(receiver, address):
            return Step(out, End(Fate.DISCARDED, receiver.router))
        return Step(out, (receiver.router, self.vrf(receiver)))

    def _receiver(self, out: InterfaceRef, hop: NextHop, target: Address | None) -> InterfaceRef | None:
        """The interface of ours on the wire that answers for the next hop."""
        near = self.wiring.across.get(out, ())
        if hop.neighbor is not None and hop.neighbor in near:
            return hop.neighbor
        owners = [ref for ref in near if target is not None and ref in self.wiring.owners.get(target, ())]
        if owners:
            return owners[0]
        if (target is None or target.is_link_local or hop.address is None) and len(near) == 1:
            return near[0]  # no address tells who is meant, and there is one who can be
        if target is None or (target.is_link_local and near):
            raise Unproven(f"{out}: who answers to the link-local next hop on this segment is not told")
        return None

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

    def reached(self, router: str, address: Address, vrf: str = DEFAULT_VRF) -> tuple[Place, ...]:
        """Every place a packet may pass, nearest first."""
        order: dict[Place, None] = {(router, vrf): None}
        queue = [(router, vrf)]
        for place in queue:
            for step in self.steps(place, address):
                if not isinstance(step.onward, End) and step.onward not in order:
                    order[step.onward] = None
                    queue.append(step.onward)
        return tuple(order)

    def arrives(self, router: str, address: Address, vrf: str = DEFAULT_VRF) -> bool:
        """Whether every branch gets to whoever has the address, ours or outside."""
        places = self.reached(router, address, vrf)
        ends = [step.onward for place in places for step in self.steps(place, address) if isinstance(step.onward, End)]
        return not self.circles(places, address) and all(
            end.fate is Fate.DELIVERED or (end.fate is Fate.EXITS and end.speaker == address) for end in ends
        )

    def circles(self, places: tuple[Place, ...], address: Address) -> bool:
        """Whether any of the places leads back to itself: what is left when dead ends are taken away again and again."""
        left = {place: {step.onward for step in self.steps(place, address)} for place in places}
        while True:
            done = {place for place, onward in left.items() if not any(next_place in left for next_place in onward)}
            if not done:
                return bool(left)
            for place in done:
                del left[place]
