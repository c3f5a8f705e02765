"""Flows and demands on the computed forwarding: every packet walked, every equal branch an equal share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.demand import Demand
from backstay.model.endpoints import addresses, entries
from backstay.model.errors import Unproven
from backstay.model.flows import Flow, protected_flows
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, FlowResult, Loads, LostDemand
from backstay.referee.seams import Place
from backstay.referee.walk import BRANCHES, End, Walker

ORDER = tuple(Fate)
"""Best first."""

Arrival = Callable[[End], bool]


@dataclass(eq=False)
class Spread:
    """Where packets to one address go when ``poured`` in at some places: shares by interface and by end."""

    carried: dict[InterfaceRef, float] = field(default_factory=lambda: defaultdict(float))
    ended: dict[End, float] = field(default_factory=lambda: defaultdict(float))


def arrivals(network: Network, overlay: Overlay) -> Callable[[str, Address], Arrival]:
    """Which ends count as arrived, for a destination place and address (`backstay.model.state.FlowResult`)."""
    speakers = _speakers(network, overlay)

    def arrival(place: str, address: Address) -> Arrival:
        inside = place in network.sites or network.router_named(place) is not None
        offered = frozenset() if inside else speakers(address)

        def arrived(end: End) -> bool:
            if end.fate is Fate.DELIVERED:
                return True
            return end.fate is Fate.EXITS and (end.router, end.speaker) in offered

        return arrived

    return arrival


def _speakers(network: Network, overlay: Overlay) -> Callable[[Address], frozenset[tuple[str, Address | None]]]:
    """Who outside offers to take packets for an address: (router, speaker's address) pairs."""
    offers: dict[Prefix, set[tuple[str, Address | None]]] = defaultdict(set)
    for neighbor in network.neighbors.values():
        for announcement in neighbor.announcements:
            offers[announcement.prefix].update((item.router, item.address) for item in neighbor.attachments)
    for anycast in network.anycasts.values():
        for prefix in anycast.prefixes:
            for origin in anycast.origins:
                if (anycast.name, origin.site) not in overlay.withdrawn:
                    offers[prefix].add((origin.router, origin.address))
    known: dict[Address, frozenset[tuple[str, Address | None]]] = {}

    def speakers(address: Address) -> frozenset[tuple[str, Address | None]]:
        if address not in known:
            known[address] = frozenset(pair for prefix in offers if prefix.holds(address) for pair in offers[prefix])
        return known[address]

    return speakers


# ------------------------------------------------------------------------------------------------ spreading


def pour(walker: Walker, address: Address, amounts: Mapping[str, float]) -> Spread:
    """Let amounts in at routers (default VRF) and follow them to their ends, each router after all that feed it."""
    spread = Spread()
    waiting: dict[Place, float] = defaultdict(float)
    order: dict[Place, None] = {}
    for router, amount in amounts.items():
        waiting[router, DEFAULT_VRF] += amount
        order |= dict.fromkeys(walker.reached(router, address))
    places = tuple(order)
    if walker.circles(places, address):
        for router, amount in amounts.items():
            _branch(walker, address, router, amount, spread)
        return spread
    for place in _downstream(walker, places, address):
        steps = walker.steps(place, address)
        share = waiting[place] / len(steps)
        for step in steps:
            if step.interface is not None:
                spread.carried[step.interface] += share
            if isinstance(step.onward, End):
                spread.ended[step.onward] += share
            else:
                waiting[step.onward] += share
    return spread


def _downstream(walker: Walker, places: tuple[Place, ...], address: Address) -> Iterator[Place]:
    """The places so that each comes after all that send to it (no circle among them)."""
    feeders: dict[Place, int] = dict.fromkeys(places, 0)
    onward = {p: [s.onward for s in walker.steps(p, address) if not isinstance(s.onward, End)] for p in places}
    for targets in onward.values():
        for target in targets:
            feeders[target] += 1
    ready = [place for place in places if not feeders[place]]
    for place in ready:
        yield place
        for target in onward[place]:
            feeders[target] -= 1
            if not feeders[target]:
                ready.append(target)


def _branch(walker: Walker, address: Address, router: str, amount: float, spread: Spread) -> None:
    """Where packets may run in circles, each branch by itself: it dies where it comes back to a place it has passed."""
    stack: list[tuple[Place, float, tuple[Place, ...]]] = [((router, DEFAULT_VRF), amount, ())]
    count = 0
    while stack:
        place, share, passed = stack.pop()
        count += 1
        if count > BRANCHES:
            raise Unproven(f"more than {BRANCHES} branches from {router} to {address}, some of them in circles")
        if place in passed:
            spread.ended[End(Fate.LOOP, place[0])] += share
            continue
        steps = walker.steps(place, address)
        for step in steps:
            if step.interface is not None:
                spread.carried[step.interface] += share / len(steps)
            if isinstance(step.onward, End):
                spread.ended[step.onward] += share / len(steps)
            else:
                stack.append((step.onward, share / len(steps), (*passed, place)))


# ------------------------------------------------------------------------------------------------ flows


def follow_flows(network: Network, walker: Walker, overlay: Overlay) -> dict[str, FlowResult]:
    """Every protected flow, by name."""
    arrival = arrivals(network, overlay)
    return {flow.name: _follow(walker, flow, arrival) for flow in protected_flows(network)}


def _follow(walker: Walker, flow: Flow, arrival: Callable[[str, Address], Arrival]) -> FlowResult:
    arrived = arrival(flow.destination_place, flow.destination)
    ended = pour(walker, flow.destination, {flow.router: 1.0}).ended
    lost = [end for end in ended if not arrived(end)]
    return FlowResult(
        flow=flow.name,
        delivered=sum(share for end, share in ended.items() if arrived(end)) if lost else 1.0,
        fate=max((end.fate for end in lost), key=ORDER.index, default=Fate.DELIVERED),
        at=tuple(sorted({end.router for end in lost})),
        hops=_shortest(walker, flow, arrived),
    )


def _shortest(walker: Walker, flow: Flow, arrived: Arrival) -> tuple[str, ...]:
    """The routers of one walk with the fewest that arrives; by name among equals."""
    start = (flow.router, DEFAULT_VRF)
    came: dict[Place, Place | None] = {start: None}
    queue = [start]
    for place in queue:
        steps = walker.steps(place, flow.destination)
        if any(isinstance(step.onward, End) and arrived(step.onward) for step in steps):
            return _back(came, place)
        for step in sorted((s for s in steps if not isinstance(s.onward, End)), key=lambda s: str(s.onward)):
            assert not isinstance(step.onward, End)
            if step.onward not in came:
                came[step.onward] = place
                queue.append(step.onward)
    return ()


def _back(came: Mapping[Place, Place | None], place: Place) -> tuple[str, ...]:
    path = [place[0]]
    before = came[place]
    while before is not None:
        path.append(before[0])
        before = came[before]
    return tuple(reversed(path))


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
        spread = pour(walker, address, _poured(group))
        for ref, mbps in spread.carried.items():
            carried[ref] += mbps
        lost += _lost(walker, address, group, spread, arrival)
    used = {ref: mbps for ref, mbps in sorted(carried.items()) if mbps > 0}
    capacity = capacities(network)
    return Loads(
        mbps=used,
        utilisation={ref: mbps / capacity[ref] for ref, mbps in used.items() if ref in capacity},
        offered=sum(demand.mbps for demand in network.demands),
        lost=tuple(sorted(lost, key=lambda item: (item.source, item.destination, item.traffic_class, item.reason))),
    )


def _poured(group: Iterable[Part]) -> dict[str, float]:
    amounts: dict[str, float] = defaultdict(float)
    for part in group:
        amounts[part.router] += part.mbps
    return amounts


def _lost(
    walker: Walker, address: Address, group: list[Part], spread: Spread, arrival: Callable[[str, Address], Arrival]
) -> Iterator[LostDemand]:
    """What did not arrive, demand by demand; looked into only where something may have been lost."""
    if all(end.fate is Fate.DELIVERED for end in spread.ended):
        return
    single = {router: pour(walker, address, {router: 1.0}).ended for router in sorted({part.router for part in group})}
    for part in group:
        arrived = arrival(part.demand.destination, address)
        by_fate: dict[Fate, dict[str, float]] = defaultdict(dict)
        for end, share in single[part.router].items():
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
