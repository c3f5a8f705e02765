"""Prefixes hung on a shortest-path graph, and the routes that follow, computed when asked for.

A `Block` says who announces which prefix at which cost. A `Layer` is a block on a graph with a preference (intra-area
before inter-area, level 1 before level 2). `LayeredRoutes` is one protocol's answer for every router.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from backstay.model.address import Prefix
from backstay.model.state import Adjacency, NextHop, Route
from backstay.simulate.spf import UNREACHED, Edge, NodeKey, Paths, Vector

SECOND = 32
"""Type 2 externals compare (external metric, distance): the metric stands in the bits above these (RFC 2328 16.4)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A node (by index) has a prefix at a cost. With ``second`` the cost is an external type 2 metric that counts
    before any distance; ``extra`` is then the distance beyond the node (to a forwarding address). ``own``: the node
    made this up itself from routes of its own and does not listen to it (RFC 2328 16.2 (2), 16.4 (1)).
    """

    node: int
    cost: int
    tag: int = 0
    second: bool = False
    extra: int = 0
    own: bool = False

    @property
    def key(self) -> int:
        """What is added to the distance of the node to order announcements of one prefix."""
        return (self.cost << SECOND) + self.extra if self.second else self.cost


class Block:
    """Announcements by prefix, packed into arrays."""

    def __init__(self, announced: Mapping[Prefix, Iterable[Announcement]]) -> None:
        self.prefixes = tuple(sorted(announced))
        self.index = {prefix: number for number, prefix in enumerate(self.prefixes)}
        self.announcements = [sorted(set(announced[prefix]), key=_order) for prefix in self.prefixes]
        counts = [len(items) for items in self.announcements]
        flat = [item for items in self.announcements for item in items]
        self.starts = np.r_[0, np.cumsum(counts)[:-1]].astype(np.int64) if counts else np.zeros(0, dtype=np.int64)
        self.nodes: Vector = np.array([item.node for item in flat], dtype=np.int64)
        self.keys: Vector = np.array([item.key for item in flat], dtype=np.int64)
        self.tagged = any(item.tag for item in flat)
        self.own = np.array([item.own for item in flat], dtype=bool)
        self.counts = np.array(counts, dtype=np.int64)

    def signature(self, number: int) -> Hashable:
        """Prefixes of equal signature have equal routes everywhere but at routers that own them."""
        return tuple(self.announcements[number])


def _order(item: Announcement) -> tuple[int, int, int, int]:
    return (item.node, item.key, item.tag, item.extra)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A block on a graph. Lower ``rank`` wins whatever the metric; within a rank the metric decides. ``hop`` turns an
    edge into a next hop, None where the edge cannot carry the version. ``members``: nodes that look at this layer
    (None: all). ``direct``: next hops of nodes that have a forwarding address on a subnet of their own.
    """

    kind: str
    rank: int
    paths: Paths
    block: Block
    hop: Callable[[Edge], NextHop | None]
    second: bool = False
    members: frozenset[NodeKey] | None = None
    direct: Mapping[tuple[NodeKey, Prefix], NextHop] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """A layer seen from one node: per prefix the best key and the mask of first edges."""

    layer: Layer
    source: int
    keys: Vector
    masks: npt.NDArray[np.object_] | Vector


@dataclass(frozen=True, slots=True)
class Instance:
    """One process on one router: its node ``key`` in the graphs, its distances by route kind ("" for any)."""

    key: NodeKey
    distances: Mapping[str, int]
    maximum_paths: int

    def distance(self, kind: str) -> int:
        return self.distances.get(kind, self.distances[""])


@dataclass(eq=False)
class LayeredRoutes:
    """The routes of one protocol on all routers. ``instances`` maps (router, VRF) to its processes; ``fixed`` holds
    routes a node has by itself (discard routes of ranges); only a path of the first rank comes before them.
    """

    protocol: str
    layers: Sequence[Layer]
    instances: Mapping[tuple[str, str], tuple[Instance, ...]]
    adjacencies: frozenset[Adjacency] = frozenset()
    fixed: Mapping[NodeKey, Mapping[Prefix, Route]] = field(default_factory=dict)
    _rows: dict[NodeKey, list[_Row]] = field(default_factory=dict)
    _shared: dict[Hashable, Route] = field(default_factory=dict)

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        """The protocol's best route; None if it has none, or the prefix is the router's own."""
        found = [
            route
            for instance in self.instances.get((router, vrf), ())
            if (route := self._of_instance(instance, prefix)) is not None
        ]
        return min(found, key=lambda route: (route.distance, route.metric)) if found else None

    def prefixes(self, router: str, vrf: str) -> Iterator[Prefix]:
        """Prefixes the router might have a route for (`route` may still answer None); repeats are possible."""
        for instance in self.instances.get((router, vrf), ()):
            yield from self.fixed.get(instance.key, ())
            for row in self._rows_of(instance.key):
                yield from (prefix for node, prefix in row.layer.direct if node == instance.key)
                hit = np.flatnonzero((row.keys < UNREACHED) & (row.masks != 0))
                yield from (row.layer.block.prefixes[number] for number in hit.tolist())

    def table(self, router: str, vrf: str) -> dict[Prefix, Route]:
        """All routes of a router, equal to what `route` gives; much faster than one by one."""
        found: dict[Prefix, Route] = {}
        for instance in self.instances.get((router, vrf), ()):
            mine = self._table_of(instance)
            for prefix, route in mine.items():
                other = found.get(prefix)
                if other is None or (route.distance, route.metric) < (other.distance, other.metric):
                    found[prefix] = route
        return found

    def _table_of(self, instance: Instance) -> dict[Prefix, Route]:
        """Rows laid over each other by rank; prefixes that more than one row of a rank has, or that have routes
        beside the rows, are decided one by one.
        """
        found: dict[Prefix, Route] = {}
        rank_of: dict[Prefix, int] = {}
        singly = set(self.fixed.get(instance.key, ()))
        for row in self._rows_of(instance.key):
            rank = row.layer.rank
            singly.update(prefix for node, prefix in row.layer.direct if node == instance.key)
            for prefix, route in self._of_row(instance, row):
                known = rank_of.setdefault(prefix, rank)
                if known == rank and prefix in found:
                    singly.add(prefix)
                elif known == rank and route is not None:
                    found[prefix] = route
        for prefix in singly:
            decided = self._of_instance(instance, prefix)
            if decided is None:
                found.pop(prefix, None)
            else:
                found[prefix] = decided
        return found

    def _of_row(self, instance: Instance, row: _Row) -> Iterator[tuple[Prefix, Route | None]]:
        """A row's routes; None where the node reaches the prefix without leaving (its own)."""
        block, layer, hops = row.layer.block, row.layer, _HopSets(row, instance.maximum_paths)
        distance = instance.distance(layer.kind)
        for number, (prefix, key, mask) in enumerate(
            zip(block.prefixes, row.keys.tolist(), row.masks.tolist(), strict=True)
        ):
            if key < UNREACHED:
                tag = _tag(row, number, key) if block.tagged else 0
                ordered = hops[mask]
                yield prefix, self._made(layer, distance, key, tag, ordered) if ordered else None

    def known(self) -> Iterator[Prefix]:
        """Every prefix of every layer; repeats are possible."""
        for layer in self.layers:
            yield from layer.block.prefixes
        for routes in self.fixed.values():
            yield from routes

    def signature(self, prefix: Prefix) -> Hashable:
        """Prefixes of equal signature get equal routes from this protocol on routers that do not own them."""
        return tuple(
            layer.block.signature(number) if (number := layer.block.index.get(prefix)) is not None else None
            for layer in self.layers
        )

    def _of_instance(self, instance: Instance, prefix: Prefix) -> Route | None:
        best: list[tuple[_Row, int]] = []
        rank = None
        for row in self._rows_of(instance.key):
            number = row.layer.block.index.get(prefix)
            if number is None or row.keys[number] >= UNREACHED:
                continue
            if rank is not None and row.layer.rank > rank:
                break
            rank = row.layer.rank
            best.append((row, number))
        fixed = self.fixed.get(instance.key, {}).get(prefix)
        if not best or (fixed is not None and rank != 0):
            return fixed
        return self._route(instance, prefix, best) or fixed

    def _route(self, instance: Instance, prefix: Prefix, best: list[tuple[_Row, int]]) -> Route | None:
        key = min(int(row.keys[number]) for row, number in best)
        chosen = [(row, number) for row, number in best if row.keys[number] == key]
        tag = min(_tag(row, number, key) for row, number in chosen)
        masks = tuple((id(row), int(row.masks[number])) for row, number in chosen)
        beside = frozenset(
            row.layer.direct[instance.key, prefix] for row, _ in chosen if (instance.key, prefix) in row.layer.direct
        )
        identity = (instance.key, key, tag, masks, beside)
        if identity not in self._shared:
            hops = {hop for row, number in chosen for hop in _hops(row, int(row.masks[number]))} or beside
            if not hops:
                return None
            ordered, layer = _ordered(hops, instance.maximum_paths), chosen[0][0].layer
            self._shared[identity] = self._made(layer, instance.distance(layer.kind), key, tag, ordered)
        return self._shared[identity]

    def _made(self, layer: Layer, distance: int, key: int, tag: int, ordered: tuple[NextHop, ...]) -> Route:
        return Route(
            protocol=self.protocol,
            distance=distance,
            metric=key >> SECOND if layer.second else key,
            next_hops=ordered,
            forwarding=ordered,
            tag=tag,
            kind=layer.kind,
        )

    def _rows_of(self, key: NodeKey) -> list[_Row]:
        if key not in self._rows:
            rows = (_row(layer, key) for layer in sorted(self.layers, key=lambda layer: layer.rank))
            self._rows[key] = [row for row in rows if row is not None]
        return self._rows[key]


def _row(layer: Layer, key: NodeKey) -> _Row | None:
    source = layer.paths.index.get(key)
    block = layer.block
    if source is None or not block.prefixes or (layer.members is not None and key not in layer.members):
        return None
    reach = layer.paths.distances[source][block.nodes]
    usable = (reach < UNREACHED) & ~(block.own & (block.nodes == source))
    keys = np.where(usable, reach + block.keys, UNREACHED)
    best = np.minimum.reduceat(keys, block.starts)
    if not layer.second:
        best = np.where(best > layer.paths.limit, UNREACHED, best)
    first = layer.paths.first_edges(source)[block.nodes]
    first = np.where((keys == np.repeat(best, block.counts)) & usable, first, 0)
    return _Row(layer, source, best, np.bitwise_or.reduceat(first, block.starts))


class _HopSets(dict[int, tuple[NextHop, ...]]):
    """Next hops of a row by mask of first edges, in order."""

    def __init__(self, row: _Row, maximum_paths: int) -> None:
        super().__init__()
        self._row = row
        self._maximum_paths = maximum_paths

    def __missing__(self, mask: int) -> tuple[NextHop, ...]:
        self[mask] = _ordered(_hops(self._row, mask), self._maximum_paths)
        return self[mask]


def _ordered(hops: Iterable[NextHop], maximum_paths: int) -> tuple[NextHop, ...]:
    return tuple(sorted(set(hops), key=lambda hop: hop.key))[:maximum_paths]


def _tag(row: _Row, number: int, key: int) -> int:
    """The lowest tag among the announcements that win, so that the answer does not hang on order."""
    reach = row.layer.paths.distances[row.source]
    return min(item.tag for item in row.layer.block.announcements[number] if reach[item.node] + item.key == key)


def _hops(row: _Row, mask: int) -> Iterator[NextHop]:
    for bit, edge in enumerate(row.layer.paths.outgoing(row.source)):
        if mask >> bit & 1 and (hop := row.layer.hop(edge)) is not None:
            yield hop


def distances(layer: Layer, key: NodeKey) -> Iterator[tuple[Prefix, int]]:
    """What the layer's prefixes cost from a node, its own included; unreached ones left out."""
    row = _row(layer, key)
    if row is not None:
        for number in np.flatnonzero(row.keys < UNREACHED).tolist():
            yield layer.block.prefixes[number], int(row.keys[number])
