"""Protected flows on the computed forwarding: where they end, and by which of the shortest ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address
from backstay.model.flows import Flow, protected_flows
from backstay.model.network import Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, FlowResult
from backstay.referee.seams import Place
from backstay.referee.traffic import Arrival, arrivals
from backstay.referee.walk import End, Walker

ORDER = tuple(Fate)
"""Best first."""


def follow_flows(network: Network, walker: Walker, overlay: Overlay) -> dict[str, FlowResult]:
    """Every protected flow, by name."""
    arrival = arrivals(network, overlay)
    towards: dict[tuple[str, Address], Towards] = {}
    found = {}
    for flow in protected_flows(network):
        at = (flow.destination_place, flow.destination)
        if at not in towards:
            towards[at] = Towards(walker, flow.destination, arrival(*at))
        found[flow.name] = _follow(towards[at], flow)
    return found


def _follow(towards: Towards, flow: Flow) -> FlowResult:
    arrived, start = towards.arrived, (flow.router, DEFAULT_VRF)
    shares = towards.walker.spread(start, flow.destination)
    ended = towards.walker.ends(flow.router, flow.destination) if shares is None else shares
    lost = [end for end in ended if not arrived(end)]
    return FlowResult(
        flow=flow.name,
        delivered=sum(share for end, share in ended.items() if arrived(end)) if lost else 1.0,
        fate=max((end.fate for end in lost), key=ORDER.index, default=Fate.DELIVERED),
        at=tuple(sorted({end.router for end in lost})),
        hops=towards.searched(start) if shares is None else towards.shortest(start),
    )


@dataclass(eq=False)
class Towards:
    """All flows to one address, with what counts as arrived there: they share what lies before them."""

    walker: Walker
    address: Address
    arrived: Arrival
    _onward: dict[Place, tuple[int, Place | None] | None] = field(default_factory=dict)

    def shortest(self, start: Place) -> tuple[str, ...]:
        """The routers of one walk with the fewest that arrives; by name among equals. () if none does. Packets must not run
        in circles.
        """
        if start not in self._onward:
            self._explore(start)
        if self._onward[start] is None:
            return ()
        path, at = [start[0]], self._onward[start]
        while at is not None and at[1] is not None:
            path.append(at[1][0])
            at = self._onward[at[1]]
        return tuple(path)

    def _explore(self, start: Place) -> None:
        """How many routers still lie before a place on a shortest walk, and which comes next; None where no walk arrives.
        What lies behind a place is known before it.
        """
        stack = [start]
        while stack:
            place = stack[-1]
            behind = self._behind(place)
            waiting = next((other for other in behind if other not in self._onward), None)
            if waiting is not None:
                stack.append(waiting)
                continue
            self._onward[stack.pop()] = self._next(place, behind)

    def _behind(self, place: Place) -> list[Place]:
        return [step.onward for step in self.walker.steps(place, self.address) if not isinstance(step.onward, End)]

    def _next(self, place: Place, behind: list[Place]) -> tuple[int, Place | None] | None:
        steps = self.walker.steps(place, self.address)
        if any(isinstance(step.onward, End) and self.arrived(step.onward) for step in steps):
            return 0, None
        ways = [(found[0] + 1, str(other), other) for other in behind if (found := self._onward[other]) is not None]
        if not ways:
            return None
        far, _name, other = min(ways)
        return far, other

    def searched(self, start: Place) -> tuple[str, ...]:
        """The same, one place after the other, where some run in circles."""
        came: dict[Place, Place | None] = {start: None}
        queue = [start]
        for place in queue:
            steps = self.walker.steps(place, self.address)
            if any(isinstance(step.onward, End) and self.arrived(step.onward) for step in steps):
                return _back(came, place)
            for onward in sorted(self._behind(place), key=str):
                if onward not in came:
                    came[onward] = place
                    queue.append(onward)
        return ()


def _back(came: Mapping[Place, Place | None], place: Place) -> tuple[str, ...]:
    path = [place[0]]
    before = came[place]
    while before is not None:
        path.append(before[0])
        before = came[before]
    return tuple(reversed(path))
