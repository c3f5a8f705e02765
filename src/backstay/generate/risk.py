"""Risk groups: fibres that leave a building through the same duct."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from backstay.generate.topology import Fibre, Topology, bearing, components

SAME_DUCT_DEGREES = 20.0
"""Two fibres that leave a place in directions this close start in one conduit."""
MOST = 150


def risk_groups(topology: Topology) -> tuple[tuple[int, tuple[int, int]], ...]:
    """(place, the two fibres that share a conduit there), sorted; a fibre is in one group at most.

    Only where losing both cuts nobody off: what no capacity can help against is left to the links themselves.
    """
    at: list[list[int]] = [[] for _ in topology.places]
    for number, fibre in enumerate(topology.fibres):
        at[fibre.a].append(number)
        at[fibre.b].append(number)
    close = sorted(
        pair
        for place in range(len(at))
        if topology.places[place].kind != "Seacable Waypoint"
        for pair in _pairs(topology, place, at[place])
    )
    return tuple(sorted(_disjoint(topology, close)))


def _pairs(topology: Topology, place: int, fibres: Sequence[int]) -> list[tuple[float, int, tuple[int, int]]]:
    directions = {number: _direction(topology, place, topology.fibres[number]) for number in fibres}
    found = []
    for one, other in combinations(fibres, 2):
        apart = abs((directions[one] - directions[other] + 180) % 360 - 180)
        if apart <= SAME_DUCT_DEGREES:
            found.append((round(apart, 3), place, (one, other)))
    return found


def _direction(topology: Topology, place: int, fibre: Fibre) -> float:
    far = fibre.b if fibre.a == place else fibre.a
    return bearing(topology.places[place].position, topology.places[far].position)


def _disjoint(
    topology: Topology, close: Sequence[tuple[float, int, tuple[int, int]]]
) -> list[tuple[int, tuple[int, int]]]:
    """The closest pairs first, none sharing a fibre, none whose loss splits the network."""
    used: set[int] = set()
    chosen: list[tuple[int, tuple[int, int]]] = []
    for _, place, pair in close:
        if len(chosen) == MOST:
            break
        if not used & set(pair) and _connected_without(topology, pair):
            used |= set(pair)
            chosen.append((place, pair))
    return chosen


def _connected_without(topology: Topology, lost: tuple[int, int]) -> bool:
    around: list[list[int]] = [[] for _ in topology.places]
    for number, fibre in enumerate(topology.fibres):
        if number not in lost:
            around[fibre.a].append(fibre.b)
            around[fibre.b].append(fibre.a)
    return len(components(around, frozenset())) == 1
