"""Shortest paths between all pairs of a graph, as arrays.

The distance matrix is relaxed for all destinations at once (Bellman-Ford over rows); equal-cost first hops follow from
it by one comparison per edge. Equal graphs are solved once (IPv4 and IPv6, before and after).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from backstay.model.network import InterfaceRef

Vector = npt.NDArray[np.int64]

NodeKey = tuple[str, str]
"""A routing process: (router, tag or VRF)."""

UNREACHED = 1 << 60
"""A distance no path has; sums of a few of them still fit 64 bits."""

COLUMNS = 256
"""Destinations relaxed together: keeps the working set inside the cache."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A directed adjacency: packets leave ``source`` by ``local`` and arrive at ``target`` on ``remote``."""

    source: int
    target: int
    metric: int
    local: InterfaceRef
    remote: InterfaceRef


class Paths:
    """Shortest paths of one graph. ``keys`` name the nodes in index order.

    A node in ``closed`` (IS-IS overload, ISO 10589 7.2.8.1) is reached and leaves for others, but nothing passes
    through it. Paths longer than ``limit`` do not exist (RFC 5305 4).
    """

    def __init__(
        self,
        keys: Sequence[NodeKey],
        edges: Sequence[Edge],
        closed: frozenset[int] = frozenset(),
        limit: int = UNREACHED - 1,
    ) -> None:
        self.keys = tuple(keys)
        self.index = {key: number for number, key in enumerate(self.keys)}
        self.edges = tuple(sorted(edges))
        self.limit = limit
        self._closed = np.zeros(len(self.keys), dtype=bool)
        self._closed[sorted(closed)] = True
        self._outgoing: dict[int, list[Edge]] = {}
        for edge in self.edges:
            self._outgoing.setdefault(edge.source, []).append(edge)
        self._distances: Vector | None = None

    @property
    def distances(self) -> Vector:
        """Row: from; column: to; `UNREACHED` where no path leads."""
        if self._distances is None:
            table = np.array([(e.source, e.target, e.metric) for e in self.edges], dtype=np.int64).reshape(-1, 3)
            self._distances = _solved(len(self.keys), table.tobytes(), self._closed.tobytes(), self.limit)
        return self._distances

    def outgoing(self, source: int) -> Sequence[Edge]:
        """Edges that leave a node, in the order their bits have in `first_edges`."""
        return self._outgoing.get(source, ())

    def first_edges(self, source: int) -> npt.NDArray[np.object_] | Vector:
        """Per destination a bit mask of the outgoing edges that begin a shortest path; 0 for the source itself."""
        outgoing = self.outgoing(source)
        row = self.distances[source]
        wide = len(outgoing) > 62
        masks = np.zeros(len(self.keys), dtype=object if wide else np.int64)
        for bit, edge in enumerate(outgoing):
            beyond = self.distances[edge.target]
            on_path = (edge.metric + beyond == row) & (row < UNREACHED)
            if self._closed[edge.target]:
                last = on_path[edge.target]
                on_path[:] = False
                on_path[edge.target] = last
            masks[on_path] |= 1 << bit
        masks[source] = 0
        return masks


@lru_cache(maxsize=12)
def _solved(nodes: int, edge_bytes: bytes, closed_bytes: bytes, limit: int) -> Vector:
    """Distances of a graph given by its bytes: (source, target, metric) rows sorted by source."""
    table = np.frombuffer(edge_bytes, dtype=np.int64).reshape(-1, 3)
    closed = np.flatnonzero(np.frombuffer(closed_bytes, dtype=bool))
    distances = np.full((nodes, nodes), UNREACHED, dtype=np.int64)
    np.fill_diagonal(distances, 0)
    if len(table):
        for first in range(0, nodes, COLUMNS):
            _relax(distances[:, first : first + COLUMNS], first, table, closed, limit)
    distances.flags.writeable = False
    return distances


def _relax(columns: Vector, first: int, table: Vector, closed: Vector, limit: int) -> None:
    """Bring a block of columns (destinations from number ``first``) to the shortest distances, in place."""
    sources, targets, metrics = table[:, 0], table[:, 1], table[:, 2][:, None]
    starts = np.flatnonzero(np.r_[True, sources[1:] != sources[:-1]])
    rows = sources[starts]
    passing = columns.copy()
    inside = closed[(closed >= first) & (closed < first + columns.shape[1])]
    while True:
        offered = np.minimum.reduceat(passing[targets] + metrics, starts, axis=0)
        offered[offered > limit] = UNREACHED
        better = np.minimum(columns[rows], offered)
        if np.array_equal(better, columns[rows]):
            return
        columns[rows] = better
        passing[rows] = better
        passing[closed] = UNREACHED
        passing[inside, inside - first] = 0
