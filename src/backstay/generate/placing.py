"""Which router does what: data centres, route reflectors, DNS sites, operators, borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backstay.generate.graph import Graph, distances
from backstay.generate.topology import Topology, components, distance_km


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Place numbers by task, in the order they were chosen (the first is the best connected).

    They stand at different places as long as there are enough. ``drainable`` (one or none) can go out of service as
    transit without any further single failure cutting somebody off; it has no other task.
    """

    data_centers: tuple[int, ...]
    reflectors: tuple[int, ...]
    dns_sites: tuple[int, ...]
    operators: tuple[int, ...]
    borders: tuple[int, ...]
    drainable: tuple[int, ...]


def place_tasks(topology: Topology, graph: Graph) -> Placing:
    """Choose places for every task. Well-connected ones come first: two disjoint ways to the rest where there are any."""
    size = len(topology.places)
    ranked = _ranked(topology)
    weight = place_weights(topology)
    closeness = _closeness(graph, ranked[: max(40, size // 20)])
    free = list(ranked)
    choose = _chooser(topology, free)
    centers = choose(3 if size >= 11 else 2, lambda place: weight[place])
    reflectors = choose(reflector_count(size), lambda place: closeness.get(place, 0.0))
    drainable = _drainable(topology, free)
    spread = _apart_from(topology, free, centers)
    dns_count = 4 + (size >= 20) + min(7, size // 120)
    dns_sites = choose(dns_count, lambda place: weight[place] * spread(place), _beside_enough(topology, centers))
    operators = choose(2 if size >= 12 else 1, lambda place: weight[place])
    borders = choose(min(max(3, size // 3), 60), lambda place: weight[place])
    return Placing(
        data_centers=centers,
        reflectors=reflectors,
        dns_sites=dns_sites,
        operators=operators or centers[:1],
        borders=borders or operators or dns_sites,
        drainable=drainable,
    )


def data_centers_needed(centers: int) -> int:
    """How many of the data centres a DNS site must reach: half or more, so that losing one costs no site."""
    return (centers + 1) // 2


def _beside_enough(topology: Topology, centers: Sequence[int]) -> tuple[int, ...]:
    """Places a fibre away from as many data centres as a DNS site must reach: one there would not notice that the
    backbone is gone.
    """
    around, need = topology.neighbours(), data_centers_needed(len(centers))
    return tuple(place for place in range(len(around)) if len(set(around[place]) & set(centers)) >= need)


def reflector_count(size: int) -> int:
    """Every router has a session with every reflector, so that all know the same exits and none loops (see
    docs/decisions/0002-generate-room.md); few reflectors keep that affordable.
    """
    return 2 + (size > 300) + (size > 1500)


def place_weights(topology: Topology) -> list[float]:
    """How big a place is: its fibres; a landing point counts less than a city, a splice at sea nothing."""
    share = {"Seacable Waypoint": 0.0, "Seacable Landing Point": 0.3}
    around = topology.neighbours()
    return [len(around[place.number]) * share.get(place.kind, 1.0) for place in topology.places]


def _ranked(topology: Topology) -> list[int]:
    """Places fit for a task: those whose loss cuts nobody off, on two fibres at least, biggest first; then the rest."""
    around = topology.neighbours()
    weight = place_weights(topology)
    safe = robust_places(around)
    return sorted(range(len(around)), key=lambda place: (place not in safe, weight[place] == 0, -weight[place], place))


def robust_places(neighbours: Sequence[Sequence[int]]) -> frozenset[int]:
    """Places that no single lost router cuts off from the bulk of the network: the largest 2-connected core.

    Found by removing, again and again, what hangs on one place: Tarjan's lowpoint search, written without recursion
    because chains of a thousand places occur.
    """
    blocks = _blocks(neighbours)
    return frozenset(max(blocks, key=lambda block: (len(block), sorted(block)), default=()))


def _blocks(neighbours: Sequence[Sequence[int]]) -> list[set[int]]:
    """Biconnected components (Hopcroft and Tarjan 1973) of a connected graph, as sets of places."""
    found: dict[int, int] = {0: 0}
    low = {0: 0}
    blocks: list[set[int]] = []
    members: list[int] = [0]
    trail: list[tuple[int, int, int]] = [(0, -1, 0)]
    while trail:
        place, parent, turn = trail.pop()
        if turn < len(neighbours[place]):
            trail.append((place, parent, turn + 1))
            other = neighbours[place][turn]
            if other not in found:
                found[other] = low[other] = len(found)
                members.append(other)
                trail.append((other, place, 0))
            elif other != parent:
                low[place] = min(low[place], found[other])
        elif parent >= 0:
            low[parent] = min(low[parent], low[place])
            if low[place] >= found[parent]:
                blocks.append({parent} | _cut_off(members, place))
    return blocks


def _cut_off(members: list[int], place: int) -> set[int]:
    """Take the end of the list from ``place`` on."""
    position = len(members) - 1
    while members[position] != place:
        position -= 1
    taken = set(members[position:])
    del members[position:]
    return taken


def _closeness(graph: Graph, candidates: Sequence[int]) -> dict[int, float]:
    """How near a place is to all others (closeness centrality over metrics), for the candidates alone."""
    return {place: 1e6 / (1 + sum(distances(graph, place))) for place in candidates}


Chooser = Callable[..., tuple[int, ...]]


def _chooser(topology: Topology, free: list[int]) -> Chooser:
    """A function that takes the best free places one by one, each as far as possible from those already taken."""

    def choose(number: int, worth: Callable[[int], float], avoid: Sequence[int] = ()) -> tuple[int, ...]:
        taken: list[int] = []
        pool = [place for place in free if place not in set(avoid)] or free
        pool = pool[: max(8 * number, 60)]
        apart = _apart_from(topology, pool, taken)
        for _ in range(min(number, len(pool))):
            order = {place: -rank for rank, place in enumerate(pool)}
            best = max(pool, key=lambda place: (worth(place) * apart(place), order[place]))
            taken.append(best)
            pool.remove(best)
            free.remove(best)
        return tuple(taken)

    return choose


def _apart_from(topology: Topology, pool: Sequence[int], taken: Sequence[int]) -> Callable[[int], float]:
    """Worth of distance: the way to the nearest taken place, up to a quarter of the extent; 1 when none is taken."""
    positions = [place.position for place in topology.places]
    extent = max((distance_km(positions[pool[0]], positions[place]) for place in pool), default=1.0) or 1.0

    def apart(place: int) -> float:
        near = min((distance_km(positions[place], positions[other]) for other in taken), default=extent)
        return min(near, extent / 4) / extent + 1e-6

    return apart


def _drainable(topology: Topology, free: list[int]) -> tuple[int, ...]:
    """Take the busiest free place that can be drained: without it, as transit, the rest survives every further single
    router or link failure. () where there is none, and in a topology too large to try them all.
    """
    around = topology.neighbours()
    if len(around) > 1000:
        return ()
    best = next((place for place in free if len(around[place]) >= 2 and _survives_without(around, place)), None)
    if best is None:
        return ()
    free.remove(best)
    return (best,)


def _survives_without(around: Sequence[Sequence[int]], place: int) -> bool:
    """No place that was safe before becomes one that a single router failure cuts off."""
    before = robust_places(around)
    rest = [tuple(other for other in row if other != place) for row in around]
    rest[place] = ()
    whole = max(components(rest, frozenset({place})), key=len)
    numbers = {old: new for new, old in enumerate(whole)}
    inside = [tuple(numbers[other] for other in rest[old]) for old in whole]
    after = {whole[new] for new in robust_places(inside)}
    return place in before and before - {place} <= after
