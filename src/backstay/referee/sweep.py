"""Every single failure: link, router, risk group, each computed anew from the state the network is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backstay.model.address import Address
from backstay.model.endpoints import entries
from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import FailureResult, Loads
from backstay.referee.cascade import Settled, settle
from backstay.referee.halves import in_halves
from backstay.referee.sweep_short import Shortcut
from backstay.referee.traffic import Part, lost_mbps, parts, place_demands


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that fails, as an overlay of its own."""

    kind: str
    name: str
    overlay: Overlay


def failures(network: Network, already: Overlay = NOTHING) -> Iterator[Failure]:
    """Every link, every router, every risk group, each sorted by name; what is down already cannot fail."""
    for name in sorted(network.links.keys() - already.links_down):
        yield Failure("link", name, Overlay(links_down=frozenset({name})))
    for name in sorted(network.routers.keys() - already.routers_down):
        yield Failure("router", name, Overlay(routers_down=frozenset({name})))
    for group in sorted({group for link in network.links.values() for group in link.risk_groups}):
        members = frozenset(link.name for link in network.links.values() if group in link.risk_groups)
        if members - already.links_down:
            yield Failure("risk-group", group, Overlay(links_down=members))


def sweep(network: Network, settled: Settled) -> tuple[FailureResult, ...]:
    """What each failure does to loads and demands, health of DNS sites followed to its end."""
    every = tuple(failures(network, settled.overlay))
    return in_halves(every, Placed(network, settled, parts(network)).after)


class Placed:
    """The demands on the network as it is, to be held against the same demands after a failure."""

    def __init__(self, network: Network, settled: Settled, every: tuple[Part, ...]) -> None:
        self.network, self.settled, self.every = network, settled, every
        self.owners = _owners(network)
        self._known_homes: dict[tuple[Address, str], frozenset[str]] = {}
        self.short = Shortcut(network, settled, every)
        self.near = self._near()

    def _near(self) -> dict[str, list[int]]:
        """By router: the demands that enter there or whose address is there."""
        found: dict[str, list[int]] = {}
        for number, part in enumerate(self.every):
            for name in {part.router, *self._homes(part)}:
                found.setdefault(name, []).append(number)
        return found

    def _homes(self, part: Part) -> frozenset[str]:
        """The routers that have the address, else those of the whole place."""
        if (part.address, part.demand.destination) not in self._known_homes:
            homes = self.owners.get(part.address) or frozenset(entries(self.network, part.demand.destination))
            self._known_homes[part.address, part.demand.destination] = homes
        return self._known_homes[part.address, part.demand.destination]

    def after(self, failure: Failure) -> FailureResult:
        """The short way where it proves as much, else the plain one."""
        return (self.shortly(failure) if self.short.possible else None) or self.plainly(failure)

    def shortly(self, failure: Failure) -> FailureResult | None:
        """What `sweep_short` can tell."""
        down = failure.overlay.routers_down
        near = sorted({number for name in down for number in self.near.get(name, ())})
        hopeless = {number for number in near if self._hopeless(self.every[number], down)}
        found = self.short.after(failure.overlay, hopeless)
        if found is None:
            return None
        apart = sum(self.every[number].mbps - self.short.lost[number] for number in hopeless)
        loads, more = found
        return result(failure, loads, max(0.0, more), max(0.0, apart))

    def plainly(self, failure: Failure) -> FailureResult:
        """Everything anew. Raises `Unproven` for what cannot be told after the failure."""
        after = settle(self.network, self.settled.overlay | failure.overlay)
        for remark in after.world.routing.bgp.unknowns:
            if remark not in self.settled.world.routing.bgp.unknowns:
                raise Unproven(f"{failure.kind} {failure.name} down: {remark.text}")
        kept, apart = self.parted(failure)
        loads = place_demands(self.network, after.world.routing.walker, after.overlay, kept)
        return result(failure, loads, max(0.0, loads.lost_mbps - self.lost_before(kept)), apart)

    def parted(self, failure: Failure) -> tuple[list[Part], float]:
        """Demands that could still be served, and how much is lost of those that could not: from or to the failed
        routers themselves, without what of them was lost before.
        """
        down = failure.overlay.routers_down
        kept = [part for part in self.every if not self._hopeless(part, down)]
        apart = [part for part in self.every if self._hopeless(part, down)]
        return kept, max(0.0, sum(part.mbps for part in apart) - self.lost_before(apart))

    def _hopeless(self, part: Part, down: frozenset[str]) -> bool:
        """It enters at a failed router, or only failed routers have its address, or its whole place is on them."""
        if not down:
            return False
        owners = self._homes(part)
        return part.router in down or (bool(owners) and owners <= down)

    def lost_before(self, kept: Iterable[Part]) -> float:
        """What of these is lost without the failure."""
        return lost_mbps(self.network, self.settled.world.routing.walker, self.settled.overlay, kept)


def result(failure: Failure, loads: Loads, more: float, apart: float) -> FailureResult:
    """The most utilised interface (the first by name among equals) and what is lost more than before."""
    worst = min(loads.utilisation, key=lambda ref: (-loads.utilisation[ref], ref), default=None)
    return FailureResult(
        kind=failure.kind,
        name=failure.name,
        max_utilisation=loads.max_utilisation,
        worst=worst,
        lost_mbps=more,
        unavoidable_mbps=apart,
    )


def _owners(network: Network) -> dict[Address, frozenset[str]]:
    found: dict[Address, set[str]] = {}
    for router in network.routers.values():
        for interface in router.interfaces.values():
            for address in interface.addresses:
                found.setdefault(address.address, set()).add(router.name)
    return {address: frozenset(names) for address, names in found.items()}
