"""The IGP's graph: places and arcs with metrics, and distances in it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from backstay.generate.topology import Fibre, Topology

Hop = tuple[int, int, int]
"""An arc out of a place: (arc number, place at its end, metric)."""


@dataclass(frozen=True, slots=True)
class Graph:
    """``out`` holds each place's arcs. Fibre ``i`` makes arcs ``2i`` (a to b) and ``2i + 1`` (b to a), so that
    ``arc ^ 1`` is the way back.
    """

    out: tuple[tuple[Hop, ...], ...]
    ends: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return len(self.out)


def metric_of(fibre: Fibre) -> int:
    """One per kilometre, at least 1: within IS-IS's wide 24 bits and OSPF's 16 bits anywhere on earth."""
    return min(max(1, round(fibre.km)), 65_534)


def graph_of(topology: Topology) -> Graph:
    """The graph of a topology; parallel fibres are arcs of their own."""
    out: list[list[Hop]] = [[] for _ in topology.places]
    ends: list[tuple[int, int]] = []
    for fibre in topology.fibres:
        for tail, head in ((fibre.a, fibre.b), (fibre.b, fibre.a)):
            out[tail].append((len(ends), head, metric_of(fibre)))
            ends.append((tail, head))
    return Graph(tuple(tuple(row) for row in out), tuple(ends))


def distances(graph: Graph, target: int, overloaded: int | None = None) -> list[float]:
    """Metric from every place to the target (Dijkstra); infinite where there is no way. Nothing goes through the
    ``overloaded`` place, though it is reached and sends (ISO 10589 7.2.8.1, the overload bit).
    """
    found = [float("inf")] * graph.size
    found[target] = 0
    queue: list[tuple[float, int]] = [(0, target)]
    while queue:
        distance, place = heapq.heappop(queue)
        if distance > found[place] or (place == overloaded and place != target):
            continue
        for _, other, metric in graph.out[place]:
            if distance + metric < found[other]:
                found[other] = distance + metric
                heapq.heappush(queue, (distance + metric, other))
    return found
