"""Demands on the computed forwarding: every packet walked, every equal branch an equal share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from backstay.model.address import Address
from backstay.model.demand import Demand
from backstay.model.endpoints import addresses, entries
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, Loads, LostDemand
from backstay.referee.seams import Place
from backstay.referee.walk import End, Walker

Arrival = Callable[[End], bool]


def arrivals(network: Network, overlay: Overlay) -> Callable[[str, Address], Arrival]:
    """Which ends count as arrived, for a destination place and address (`backstay.model.state.FlowResult`)."""
    known: dict[tuple[str, Address], frozenset[tuple[str, Address | None]]] = {}

    def arrival(place: str, address: Address) -> Arrival:
        if (place, address) not in known:
            known[place, address] = _takers(network, overlay, place, address)
        takers = known[place, address]

        def arrived(end: End) -> bool:
            if end.fate is Fate.DELIVERED:
                return True
            return end.fate is Fate.EXITS and (end.router, end.speaker) in takers

        return arrived

    return arrival


def _takers(network: Network, overlay: Overlay, place: str, address: Address) -> frozenset[tuple[str, Address | None]]:
    """Who outside may take packets for a place: (router, speaker's address) pairs.

    Nobody for a site or router; the servers that announce for an anycast; for an external neighbour or a prefix whoever
    offers a route that holds the address.
    """
    if place in network.sites or network.router_named(place):
        return frozenset()
    found = {
        (origin.router, origin.address)
        for anycast in network.anycasts.values()
        if (anycast.name == place if place in network.anycasts else any(p.holds(address) for p in anycast.prefixes))
        for origin in anycast.origins
        if (anycast.name, origin.site) not in overlay.withdrawn
    }
    if place in network.anycasts:
        return frozenset(found)
    return frozenset(found) | {
        (item.router, item.address)
        for neighbor in network.neighbors.values()
        if any(announcement.prefix.holds(address) for announcement in neighbor.announcements)
        for item in neighbor.attachments
    }


# ------------------------------------------------------------------------------------------------ spreading


def pour(walker: Walker, address: Address, amounts: Mapping[str, float]) -> dict[InterfaceRef, float]:
    """Let amounts in at routers (default VRF) and follow them: what every interface sends, each router after all that
    feed it; where packets may run in circles branch by branch.
    """
    return stream(walker, address, amounts)[0]


def stream(
    walker: Walker, address: Address, amounts: Mapping[str, float]
) -> tuple[dict[InterfaceRef, float], set[End] | None]:
    """The same, and every end there is; None for the ends where packets may run in circles."""
    carried: dict[InterfaceRef, float] = defaultdict(float)
    ends: set[End] = set()
    order = downstream([(router, DEFAULT_VRF) for router in amounts], lambda place: walker.steps(place, address))
    if order is None:
        for router, amount in amounts.items():
            for what, share in walker.branches((router, DEFAULT_VRF), address, amount):
                if isinstance(what, InterfaceRef):
                    carried[what] += share
        return carried, None
    waiting: dict[Place, float] = defaultdict(float)
    for router, amount in amounts.items():
        waiting[router, DEFAULT_VRF] += amount
    for place, steps in order:
        share = waiting[place] / len(steps)
        for step in steps:
            if step.interface is not None:
                carried[step.interface] += share
            if isinstance(step.onward, End):
                ends.add(step.onward)
            else:
                waiting[step.onward] += share
    return carried, ends


class Onward(Protocol):
    """One of the equal ways from a place."""

    @property
    def onward(self) -> Place | End: ...


Way = TypeVar("Way", bound=Onward)


def downstream(
    starts: Iterable[Place], ways: Callable[[Place], tuple[Way, ...]]
) -> list[tuple[Place, tuple[Way, ...]]] | None:
    """Every place packets may pass with its ways, after all that send to it (Kahn 1962); None if some lead back to
    themselves.
    """
    feeders: dict[Place, int] = dict.fromkeys(starts, 0)
    onward: dict[Place, tuple[Way, ...]] = {}
    queue = list(feeders)
    for place in queue:
        onward[place] = found = ways(place)
        for way in found:
            target = way.onward
            if isinstance(target, tuple):
                if target in feeders:
                    feeders[target] += 1
                else:
                    feeders[target] = 1
                    queue.append(target)
    ready = [place for place, count in feeders.items() if not count]
    for place in ready:
        for way in onward[place]:
            target = way.onward
            if isinstance(target, tuple):
                feeders[target] -= 1
                if not feeders[target]:
                    ready.append(target)
    return [(place, onward[place]) for place in ready] if len(ready) == len(feeders) else None


# ------------------------------------------------------------------------------------------------ demands


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a demand that enters at one router for one address."""

    demand: Demand
    router: str
    address: Address
    mbps: float


def parts(network: Network) -> tuple[Part, ...]:
    """Demands split equally over where they enter and which addresses they go to."""
    return tuple(part for demand in network.demands for part in _parts(network, demand))


def _parts(network: Network, demand: Demand) -> Iterator[Part]:
    targets = addresses(network, demand.destination, 4) or addresses(network, demand.destination, 6)
    routers = entries(network, demand.source)
    for router in routers:
        for address in targets:
            yield Part(demand, router, address, demand.mbps / len(routers) / len(targets))


def place_demands(network: Network, walker: Walker, overlay: Overlay, pieces: Iterable[Part]) -> Loads:
    """Every demand on the network at once, address by address."""
    by_address: dict[Address, list[Part]] = defaultdict(list)
    for part in pieces:
        by_address[part.address].append(part)
    arrival = arrivals(network, overlay)
    carried: dict[InterfaceRef, float] = defaultdict(float)
    lost: list[LostDemand] = []
    for address, group in sorted(by_address.items()):
        for ref, mbps in pour(walker, address, _poured(group)).items():
            carried[ref] += mbps
        lost += _lost(walker, group, arrival)
    used = {ref: mbps for ref, mbps in sorted(carried.items()) if mbps > 0}
    capacity = capacities(network)
    return Loads(
        mbps=used,
        utilisation={ref: mbps / capacity[ref] for ref, mbps in used.items() if ref in capacity},
        offered=sum(demand.mbps for demand in network.demands),
        lost=tuple(sorted(lost, key=lambda item: (item.source, item.destination, item.traffic_class, item.reason))),
    )


def lost_mbps(network: Network, walker: Walker, overlay: Overlay, pieces: Iterable[Part]) -> float:
    """How much of these demands does not arrive."""
    return lost_of(walker, arrivals(network, overlay), pieces)


def lost_of(walker: Walker, arrival: Callable[[str, Address], Arrival], pieces: Iterable[Part]) -> float:
    """The same, with `arrivals` asked before."""
    return sum(item.mbps for item in _lost(walker, list(pieces), arrival))


def _poured(group: Iterable[Part]) -> dict[str, float]:
    amounts: dict[str, float] = defaultdict(float)
    for part in group:
        amounts[part.router] += part.mbps
    return amounts


def _lost(walker: Walker, group: list[Part], arrival: Callable[[str, Address], Arrival]) -> Iterator[LostDemand]:
    """What did not arrive, demand by demand."""
    for part in group:
        arrived = arrival(part.demand.destination, part.address)
        by_fate: dict[Fate, dict[str, float]] = defaultdict(dict)
        for end, share in walker.ends(part.router, part.address).items():
            if not arrived(end):
                by_fate[end.fate][end.router] = by_fate[end.fate].get(end.router, 0.0) + share
        for fate, shares in by_fate.items():
            yield LostDemand(
                source=part.demand.source,
                destination=part.demand.destination,
                mbps=part.mbps * sum(shares.values()),
                reason=fate,
                at=tuple(sorted(shares)),
                traffic_class=part.demand.traffic_class,
            )


def capacities(network: Network) -> dict[InterfaceRef, float]:
    """What each interface can send, in Mbit/s, where anybody says it."""
    found = {
        InterfaceRef(router.name, name): interface.bandwidth
        for router in network.routers.values()
        for name, interface in router.interfaces.items()
        if interface.bandwidth
    }
    for link in network.links.values():
        for end in link.ends:
            capacity = link.capacities.get(end, link.capacity)
            if capacity:
                found[end] = capacity
    return found
