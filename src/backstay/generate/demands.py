"""Traffic between places: the data set's own matrix, else gravity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from backstay.generate.topology import Topology

Matrix = Mapping[tuple[int, int], float]
"""(from place, to place) -> Mbit/s, whole numbers; pairs without traffic are left out."""

LEAST_PER_PLACE = 20_000.0
"""A measured matrix is scaled by a power of ten so that its total is at least this many Mbit/s per place."""
GRAVITY_PER_PLACE = 50_000.0
"""Mbit/s that a gravity matrix has per place with traffic."""


def traffic_matrix(topology: Topology, weight: Sequence[float], always: Sequence[int]) -> Matrix:
    """The matrix of a topology. ``weight`` is how big each place is; ``always`` are places that take part in any case.

    A matrix of the data set is kept in shape: scaled by one power of ten, and taken both ways where it knows one way
    only (SNDlib's undirected models). Else gravity over the biggest places: `gravity_places`.
    """
    if topology.demands:
        return _measured(topology)
    return _gravity(gravity_places(weight, always), weight)


def _measured(topology: Topology) -> Matrix:
    given = topology.demands
    one_way = not any((target, source) in given for source, target in given)
    pairs = {**{(b, a): amount for (a, b), amount in given.items()}, **given} if one_way else dict(given)
    wanted = LEAST_PER_PLACE * len(topology.places)
    scale = 10.0 ** math.ceil(math.log10(wanted / sum(pairs.values())))
    return {pair: max(1.0, float(round(pairs[pair] * scale))) for pair in sorted(pairs)}


def gravity_places(weight: Sequence[float], always: Sequence[int]) -> tuple[int, ...]:
    """Places with traffic in a gravity matrix: all up to 60, else the 60 biggest (30 in networks of more than 1,000:
    every pair is a walk of dozens of hops there), and those of ``always``.
    """
    most = 60 if len(weight) <= 1000 else 30
    ranked = sorted((place for place in range(len(weight)) if weight[place] > 0), key=lambda one: (-weight[one], one))
    return tuple(sorted({*ranked[:most], *always}))


def _gravity(places: Sequence[int], weight: Sequence[float]) -> Matrix:
    """Traffic in proportion to the weights of both ends."""
    heavy = {place: max(weight[place], 1.0) for place in places}
    pairs = [(a, b) for a in places for b in places if a != b]
    share = GRAVITY_PER_PLACE * len(places) / sum(heavy[a] * heavy[b] for a, b in pairs)
    return {(a, b): max(1.0, float(round(heavy[a] * heavy[b] * share))) for a, b in pairs}
