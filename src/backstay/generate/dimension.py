"""Capacities: standard sizes, large enough that the network stays healthy under any single failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backstay.generate.contract import Contracted, contract
from backstay.generate.demands import Matrix
from backstay.generate.flows import Tree, moved, route
from backstay.generate.graph import Graph

SIZES = (10_000, 40_000, 100_000, 400_000, 800_000)
"""Mbit/s of one link; above the last, bundles of 400 Gbit/s."""
BUNDLE = 400_000

NORMAL, FAILED, DRAINED, DRAINED_AND_FAILED = 0.6, 0.8, 0.7, 0.9
"""Most utilisation dimensioned for: the limits a team declares (0.8 and 1.0) less a margin of growth."""

MAINTENANCE_SIZE = 40
"""Up to this many routers every one-router drain is dimensioned for as well, with any failure on top of it."""

Loads = NDArray[np.float64]
"""Mbit/s by arc number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Arcs that go, and the place they all stand at if it is a router that fails."""

    arcs: frozenset[int]
    place: int | None = None


def capacities(graph: Graph, matrix: Matrix, groups: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Mbit/s for each fibre. ``groups`` are pairs of fibres that fail together.

    Exact for every single link, router and group failure, rerouting with equal split per hop; the same again from
    every one-router drain in networks small enough for it.
    """
    if graph.size <= MAINTENANCE_SIZE:
        need = _needed(graph, matrix, groups, range(graph.size))
        return tuple(standard_size(mbps) for mbps in need)
    small = contract(graph, {place for pair in matrix for place in pair})
    number = {place: index for index, place in enumerate(small.places)}
    inside = {(number[a], number[b]): mbps for (a, b), mbps in matrix.items()}
    need = _needed(small.graph, inside, _groups_inside(small, groups), ())
    by_fibre = {fibre: mbps for chain, mbps in zip(small.chains, need, strict=True) for fibre in chain}
    return tuple(standard_size(by_fibre.get(fibre, 0.0)) for fibre in range(len(graph.ends) // 2))


def _groups_inside(small: Contracted, groups: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups as fibres of the small graph; a fibre without traffic has none there."""
    chain_of = {fibre: number for number, chain in enumerate(small.chains) for fibre in chain}
    return [tuple(sorted({chain_of[fibre] for fibre in pair if fibre in chain_of})) for pair in groups]


def _needed(graph: Graph, matrix: Matrix, groups: Sequence[Sequence[int]], drains: Iterable[int]) -> list[float]:
    """The least capacity of each fibre, Mbit/s."""
    failures = tuple(_failures(graph, groups))
    normal, failed = worst_loads(graph, matrix, failures)
    need = np.maximum(normal / NORMAL, failed / FAILED)
    for place in drains:
        drained, both = worst_loads(graph, matrix, failures, overloaded=place)
        need = np.maximum(need, np.maximum(drained / DRAINED, both / DRAINED_AND_FAILED))
    return [float(mbps) for mbps in np.maximum(need[0::2], need[1::2])]


def standard_size(mbps: float) -> int:
    """The smallest capacity on the market that carries this much."""
    fitting = next((size for size in SIZES if size >= mbps), None)
    return fitting or -int(-mbps // BUNDLE) * BUNDLE


def _failures(graph: Graph, groups: Sequence[Sequence[int]]) -> Iterator[Failure]:
    for fibre in range(len(graph.ends) // 2):
        yield Failure(arcs=frozenset({2 * fibre, 2 * fibre + 1}))
    for pair in groups:
        yield Failure(arcs=frozenset(arc for fibre in pair for arc in (2 * fibre, 2 * fibre + 1)))
    for place, row in enumerate(graph.out):
        yield Failure(arcs=frozenset(one for arc, _, _ in row for one in (arc, arc ^ 1)), place=place)


def worst_loads(
    graph: Graph, matrix: Matrix, failures: Sequence[Failure], *, overloaded: int | None = None
) -> tuple[Loads, Loads]:
    """Loads without a failure, and the worst over the failures, by arc."""
    trees = _trees(graph, matrix, overloaded)
    normal = np.zeros(len(graph.ends))
    users: dict[int, set[int]] = {}
    for number, tree in enumerate(trees):
        for arc, load in tree.loads.items():
            normal[arc] += load
            users.setdefault(arc, set()).add(number)
    worst = normal.copy()
    for failure in failures:
        extra: dict[int, float] = {}
        for number in sorted(set().union(*(users.get(arc, ()) for arc in failure.arcs))):
            for arc, load in moved(graph, trees[number], failure.arcs, failure.place).items():
                extra[arc] = extra.get(arc, 0.0) + load
        for arc, load in extra.items():
            worst[arc] = max(worst[arc], normal[arc] + load)
    return normal, worst


def _trees(graph: Graph, matrix: Matrix, overloaded: int | None) -> list[Tree]:
    sent: dict[int, dict[int, float]] = {}
    for (source, target), amount in matrix.items():
        sent.setdefault(target, {})[source] = amount
    return [route(graph, target, sent[target], overloaded) for target in sorted(sent)]
