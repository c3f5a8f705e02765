"""Loads: demands placed on the computed forwarding.

A demand enters at every router of its source in equal parts and goes to every address of its destination in equal parts
(`backstay.model.endpoints`). It is IPv4 where both ends have IPv4, else IPv6. The share of a router that is down is lost
there (``source-down``): hosts of a site are taken to be attached to each of its routers, not moved.

One period is placed: with several in the matrix the one with the largest total, the first by name of equal ones.
Utilisation over a capacity of 0 is infinite as soon as anything is sent, 0 otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address
from backstay.model.demand import Demand
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.network import InterfaceRef, Network
from backstay.model.source import Remark
from backstay.model.state import Fate, Loads, LostDemand
from backstay.simulate.flows import WHOLE, Batch, Forwarding

Lost = dict[tuple[Demand, Fate], list[tuple[float, frozenset[str]]]]
"""Traffic lost by demand and reason: Mbit/s with the routers where."""


@dataclass(frozen=True, slots=True)
class Part:
    """An equal part of a demand: ``mbps`` entering at ``router`` towards ``address``."""

    demand: Demand
    router: str
    address: Address
    mbps: float


def worst_period(demands: Iterable[Demand]) -> str:
    """The period with the largest total; "" without demands."""
    totals: dict[str, float] = defaultdict(float)
    for demand in demands:
        totals[demand.period] += demand.mbps
    return min(totals, key=lambda period: (-totals[period], period), default="")


class Places:
    """What the names of places mean, each looked up once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._entries: dict[tuple[str, int], tuple[str, ...]] = {}
        self._addresses: dict[tuple[str, int], tuple[Address, ...]] = {}

    def entries(self, name: str, version: int) -> tuple[str, ...]:
        """Routers where traffic of this version from the place enters."""
        key = (name, version)
        if key not in self._entries:
            routers = self._network.routers
            self._entries[key] = tuple(
                router
                for router in entries(self._network, name)
                if router in routers and loopback(routers[router], version)
            )
        return self._entries[key]

    def addresses(self, name: str, version: int) -> tuple[Address, ...]:
        key = (name, version)
        if key not in self._addresses:
            self._addresses[key] = addresses(self._network, name, version)
        return self._addresses[key]

    def version(self, source: str, destination: str) -> int | None:
        """The IP version of traffic between two places; None if they have none in common."""
        for version in (4, 6):
            if self.entries(source, version) and self.addresses(destination, version):
                return version
        return None


def parts(network: Network) -> tuple[tuple[Part, ...], tuple[Remark, ...]]:
    """The demands of the worst period in equal parts, and those that cannot be placed at all."""
    period = worst_period(network.demands)
    places = Places(network)
    found: list[Part] = []
    unknowns: list[Remark] = []
    for demand in network.demands:
        if demand.period != period:
            continue
        version = places.version(demand.source, demand.destination)
        if version is None:
            text = f"demand {demand.source} to {demand.destination}: the two have no IP version in common"
            unknowns.append(Remark("demand-not-placed", text, None, demand.place))
            continue
        starts = places.entries(demand.source, version)
        ends = places.addresses(demand.destination, version)
        share = demand.mbps / (len(starts) * len(ends))
        found.extend(Part(demand, start, end, share) for start in starts for end in ends)
    return tuple(found), tuple(unknowns)


@dataclass(frozen=True, slots=True)
class Placement:
    """What every interface sends, sorted, and of every part (in their order) the share that arrives."""

    sending: Mapping[InterfaceRef, float]
    arrived: npt.NDArray[np.float64]


def place(forwarding: Forwarding, shares: Sequence[Part]) -> Placement:
    """Send the parts on their way."""
    forwarding.prepare((part.router, part.address) for part in shares)
    masses: dict[int, tuple[Batch, npt.NDArray[np.float64]]] = {}
    arrived = np.zeros(len(shares))
    for number, part in enumerate(shares):
        found = forwarding.at(part.router, part.address)
        if found is None:
            continue
        batch, node = found
        if id(batch) not in masses:
            masses[id(batch)] = (batch, np.zeros(batch.rows.size))
        masses[id(batch)][1][node] += part.mbps
        arrived[number] = batch.delivered[node]
    mbps: dict[InterfaceRef, float] = defaultdict(float)
    for batch, mass in masses.values():
        for index, amount in batch.place(mass).items():
            mbps[forwarding.fib.interfaces[index]] += amount
    return Placement({ref: mbps[ref] for ref in sorted(mbps)}, np.where(arrived >= WHOLE, 1.0, arrived))


def loads(forwarding: Forwarding, shares: Sequence[Part], placement: Placement) -> Loads:
    """What the placement comes to: utilisations, and what is lost where and why."""
    lost: Lost = defaultdict(list)
    for number in np.flatnonzero(placement.arrived < 1.0).tolist():
        _lose(lost, forwarding, shares[number])
    demands = {id(part.demand): part.demand.mbps for part in shares}
    return Loads(
        mbps=placement.sending,
        utilisation=utilisations(capacities(forwarding.network), placement.sending),
        offered=sum(demands.values()),
        lost=_lost_demands(lost),
    )


def _lose(lost: Lost, forwarding: Forwarding, part: Part) -> None:
    found = forwarding.at(part.router, part.address)
    if found is None:
        lost[part.demand, Fate.SOURCE_DOWN].append((part.mbps, frozenset((part.router,))))
        return
    batch, node = found
    ends = batch.ends(node)
    for fate, share in batch.losses(node).items():
        where = frozenset(router for reason, router in ends if reason is fate)
        lost[part.demand, fate].append((part.mbps * share, where))


def _lost_demands(lost: Lost) -> tuple[LostDemand, ...]:
    found = [
        LostDemand(
            source=demand.source,
            destination=demand.destination,
            mbps=sum(amount for amount, _ in items),
            reason=fate,
            at=tuple(sorted(frozenset().union(*(where for _, where in items)))),
            traffic_class=demand.traffic_class,
        )
        for (demand, fate), items in lost.items()
    ]
    return tuple(sorted((item for item in found if item.mbps > 0), key=_loss_order))


def _loss_order(item: LostDemand) -> tuple[str, str, str, str]:
    return (item.source, item.destination, item.traffic_class, item.reason)


def capacities(network: Network) -> Mapping[InterfaceRef, float]:
    """What each interface can send, Mbit/s, where somebody says it: the link, else the interface's own ``bandwidth``
    (ports to servers and other networks, which are on no link).
    """
    found: dict[InterfaceRef, float] = {
        InterfaceRef(router.name, interface.name): interface.bandwidth
        for router in network.routers.values()
        for interface in router.interfaces.values()
        if interface.bandwidth is not None
    }
    for link in network.links.values():
        for end in link.ends:
            capacity = link.capacities.get(end, link.capacity)
            if capacity is not None:
                found[end] = capacity
    return found


def utilisations(
    known: Mapping[InterfaceRef, float], sending: Mapping[InterfaceRef, float]
) -> Mapping[InterfaceRef, float]:
    """Load over capacity (`capacities`), for the interfaces that send and whose capacity is known."""
    return {ref: _utilisation(mbps, known[ref]) for ref, mbps in sending.items() if ref in known}


def _utilisation(mbps: float, capacity: float) -> float:
    if capacity > 0:
        return mbps / capacity
    return float("inf") if mbps > 0 else 0.0
