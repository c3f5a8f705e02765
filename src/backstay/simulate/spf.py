"""Shortest paths between all pairs of a graph, as arrays.

Backbones are sparse, so nodes are eliminated one by one, fewest neighbours first, leaving short cuts between their
neighbours; the dense core that remains is closed by Floyd and Warshall's algorithm, and the nodes come back in reverse
order, each with one array operation over all destinations. Exact for any graph with metrics of 0 or more. Equal-cost
first hops follow by one comparison per edge. Equal graphs are solved once (IPv4 and IPv6, before and after).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt

from backstay.model.network import InterfaceRef

Vector = npt.NDArray[np.int64]

NodeKey = tuple[str, str]
"""A routing process: (router, tag or VRF)."""

UNREACHED = 1 << 60
"""A distance no path has; sums of a few of them still fit 64 bits."""

CORE = 48
"""Nodes are eliminated until all that are left have so many neighbours; these are solved densely."""


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
    def closed(self) -> frozenset[int]:
        """Nodes nothing passes through."""
        return frozenset(np.flatnonzero(self._closed).tolist())

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
    """Distances of a graph given by its bytes: (source, target, metric) rows."""
    table = np.frombuffer(edge_bytes, dtype=np.int64).reshape(-1, 3)
    closed = np.frombuffer(closed_bytes, dtype=bool)
    distances = np.full((nodes, nodes), UNREACHED, dtype=np.int64)
    np.fill_diagonal(distances, 0)
    passable = table[~closed[table[:, 0]] & ~closed[table[:, 1]]] if len(table) else table
    _close(distances, _links(passable))
    _attach_closed(distances, table, closed)
    distances[distances > limit] = UNREACHED
    distances.flags.writeable = False
    return distances


Links = dict[int, dict[int, int]]
"""source -> target -> lowest metric."""


def _links(table: Vector) -> Links:
    found: Links = {}
    for source, target, metric in table.tolist():
        towards = found.setdefault(source, {})
        towards[target] = min(metric, towards.get(target, UNREACHED))
        found.setdefault(target, {})
    return found


def _close(distances: Vector, forward: Links) -> None:
    """All distances of a graph, in place."""
    backward: Links = {node: {} for node in forward}
    for source, towards in forward.items():
        for target, metric in towards.items():
            backward[target][source] = metric
    removed = list(_eliminate(forward, backward))
    _close_core(distances, forward)
    for node, incoming, outgoing in reversed(removed):
        _bring_back(distances, node, incoming, outgoing)


def _eliminate(forward: Links, backward: Links) -> Iterator[tuple[int, dict[int, int], dict[int, int]]]:
    """Take nodes out, fewest neighbours first, with short cuts in their place; (node, in-links, out-links) each."""
    queue = [(len(forward[node]) + len(backward[node]), node) for node in forward]
    heapify(queue)
    while queue:
        degree, node = heappop(queue)
        if node not in forward or degree != len(forward[node]) + len(backward[node]):
            continue
        if degree > 2 * CORE:
            return
        outgoing, incoming = forward.pop(node), backward.pop(node)
        for source, first in incoming.items():
            towards = forward[source]
            del towards[node]
            for target, second in outgoing.items():
                if target != source and first + second < towards.get(target, UNREACHED):
                    towards[target] = backward[target][source] = first + second
        for target in outgoing:
            del backward[target][node]
        for neighbor in sorted({*incoming, *outgoing}):
            heappush(queue, (len(forward[neighbor]) + len(backward[neighbor]), neighbor))
        yield node, incoming, outgoing


def _close_core(distances: Vector, forward: Links) -> None:
    """Floyd and Warshall's algorithm on the nodes that are left."""
    nodes = np.array(sorted(forward), dtype=np.int64)
    if not len(nodes):
        return
    place = {node: number for number, node in enumerate(nodes.tolist())}
    core = np.full((len(nodes), len(nodes)), UNREACHED, dtype=np.int64)
    np.fill_diagonal(core, 0)
    for source, towards in forward.items():
        for target, metric in towards.items():
            core[place[source], place[target]] = metric
    for middle in range(len(nodes)):
        np.minimum(core, core[:, middle : middle + 1] + core[middle], out=core)
    distances[np.ix_(nodes, nodes)] = np.minimum(core, UNREACHED)


def _bring_back(distances: Vector, node: int, incoming: Mapping[int, int], outgoing: Mapping[int, int]) -> None:
    """A node's row and column, from those of the neighbours it had when it was taken out."""
    if outgoing:
        offered = distances[list(outgoing)] + np.array(list(outgoing.values()))[:, None]
        distances[node] = np.minimum(offered.min(axis=0), UNREACHED)
    if incoming:
        offered = distances[:, list(incoming)] + np.array(list(incoming.values()))
        distances[:, node] = np.minimum(offered.min(axis=1), UNREACHED)
    distances[node, node] = 0


def _attach_closed(distances: Vector, table: Vector, closed: npt.NDArray[np.bool_]) -> None:
    """Rows and columns of nodes nothing passes through: reached from open neighbours, leaving by any neighbour."""
    for node in np.flatnonzero(closed).tolist():
        arriving = table[(table[:, 1] == node) & ~closed[table[:, 0]]]
        if len(arriving):
            offered = distances[:, arriving[:, 0]] + arriving[:, 2]
            distances[:, node] = np.where(closed, UNREACHED, np.minimum(offered.min(axis=1), UNREACHED))
        distances[node, node] = 0
    columns = distances.copy()
    for node in np.flatnonzero(closed).tolist():
        leaving = table[table[:, 0] == node]
        for _, target, metric in leaving.tolist():
            if closed[target]:
                distances[node, target] = min(int(distances[node, target]), metric)
            else:
                distances[node] = np.minimum(distances[node], columns[target] + metric)
        distances[node, node] = 0
