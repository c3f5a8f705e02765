"""A smaller graph with the same traffic: chains of fibres become one, dead ends without traffic go.

At sea most places only join two fibres. Traffic cannot tell such a chain from one long fibre, and losing any part
of it is losing all of it, so that the failure sweep over the small graph is exact for the large one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backstay.generate.graph import Graph, Hop

Chain = tuple[int, ...]
"""Arcs one after the other, from one joint to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracted:
    """``chains`` holds, for each fibre of the small graph, the original fibres it stands for; ``places`` the original
    number of each of its places.
    """

    graph: Graph
    chains: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]


def contract(graph: Graph, kept: Collection[int]) -> Contracted:
    """The graph with every place in ``kept`` (those with traffic) and every junction that is left."""
    live = _without_dead_ends(graph, kept)
    joints = {place for place in live if place in kept or _degree(graph, place, live) != 2}
    chains = sorted({chain for place in joints for chain in _chains_from(graph, place, joints, live)})
    places = tuple(sorted(joints))
    return Contracted(
        graph=_small(graph, chains, places),
        chains=tuple(tuple(arc // 2 for arc in chain) for chain in chains),
        places=places,
    )


def _without_dead_ends(graph: Graph, kept: Collection[int]) -> set[int]:
    live = set(range(graph.size))
    ends = [place for place in live if place not in kept and _degree(graph, place, live) <= 1]
    while ends:
        place = ends.pop()
        live.discard(place)
        near = {head for _, head, _ in graph.out[place] if head in live and head not in kept}
        ends += [head for head in near if _degree(graph, head, live) == 1]
    return live


def _degree(graph: Graph, place: int, live: Collection[int]) -> int:
    return sum(head in live for _, head, _ in graph.out[place])


def _chains_from(graph: Graph, joint: int, joints: Collection[int], live: Collection[int]) -> list[Chain]:
    """Chains out of a joint that end at another one, each written the way that sorts first."""
    found = []
    for arc, first, _ in graph.out[joint]:
        if first not in live:
            continue
        chain, end = [arc], first
        while end not in joints:
            back = chain[-1] ^ 1
            following, end = next((one, head) for one, head, _ in graph.out[end] if head in live and one != back)
            chain.append(following)
        if end != joint:
            found.append(min(tuple(chain), tuple(one ^ 1 for one in reversed(chain))))
    return found


def _small(graph: Graph, chains: Sequence[Chain], places: Sequence[int]) -> Graph:
    metric = {arc: cost for row in graph.out for arc, _, cost in row}
    number = {place: index for index, place in enumerate(places)}
    out: list[list[Hop]] = [[] for _ in places]
    ends: list[tuple[int, int]] = []
    for chain in chains:
        tail, head = number[graph.ends[chain[0]][0]], number[graph.ends[chain[-1]][1]]
        cost = sum(metric[arc] for arc in chain)
        for start, end in ((tail, head), (head, tail)):
            out[start].append((len(ends), end, cost))
            ends.append((start, end))
    return Graph(tuple(tuple(row) for row in out), tuple(ends))
