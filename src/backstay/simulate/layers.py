"""Prefixes hung on a shortest-path graph.

A `Block` says who announces which prefix at which cost. A `Layer` is a block on a graph with a preference (intra-area
before inter-area, level 1 before level 2). A `Row` is a layer seen from one router.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from backstay.model.address import Prefix
from backstay.model.state import NextHop
from backstay.simulate.spf import UNREACHED, Edge, NodeKey, Paths, Vector

SECOND = 32
"""Type 2 externals compare (external metric, distance): the metric stands in the bits above these (RFC 2328 16.4)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A node (by index) has a prefix at a cost. With ``second`` the cost is an external type 2 metric that counts
    before any distance; ``extra`` is then the distance beyond the node (to a forwarding address). ``origin`` is
    the node that made the announcement up and does not listen to it (RFC 2328 16.2 (2), 16.4 (1)); -1 for none.
    """

    node: int
    cost: int
    tag: int = 0
    second: bool = False
    extra: int = 0
    origin: int = -1

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
        self.origins: Vector = np.array([item.origin for item in flat], dtype=np.int64)
        self.counts = np.array(counts, dtype=np.int64)

    @cached_property
    def digest(self) -> bytes:
        """Stands for the prefixes: equal digests, equal prefixes in equal places."""
        packed = (bytes((prefix.version, prefix.length)) + prefix.value.to_bytes(16) for prefix in self.prefixes)
        return blake2b(b"".join(packed), digest_size=16).digest()

    def signature(self, number: int) -> Hashable:
        """Prefixes of equal signature have equal routes everywhere but at routers that own them."""
        return tuple(self.announcements[number])


def _order(item: Announcement) -> tuple[int, int, int, int]:
    return (item.node, item.key, item.tag, item.origin)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A block on a graph. Lower ``rank`` wins whatever the metric; within a rank the metric decides. ``hop`` turns an
    edge into a next hop, None where the edge cannot carry the version. ``members``: nodes that look at this layer
    (None: all). ``direct``: next hops of nodes that have a forwarding address on a subnet of their own. ``deaf``: prefixes
    a node takes from nobody here.
    """

    kind: str
    rank: int
    paths: Paths
    block: Block
    hop: Callable[[Edge], NextHop | None]
    second: bool = False
    members: frozenset[NodeKey] | None = None
    direct: Mapping[tuple[NodeKey, Prefix], NextHop] = field(default_factory=dict)
    deaf: Mapping[NodeKey, frozenset[Prefix]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The IP version of the block; 0 for an empty one."""
        return self.block.prefixes[0].version if self.block.prefixes else 0


@dataclass(frozen=True, slots=True)
class Instance:
    """One process on one router: its node ``key`` in the graphs, its distances by route kind ("" for any)."""

    key: NodeKey
    distances: Mapping[str, int]
    maximum_paths: int

    def distance(self, kind: str) -> int:
        return self.distances.get(kind, self.distances[""])


class Row:
    """A layer seen from one process: by number of the prefix in the block the best key, and the mask of the edges
    that begin a best path (0: the process announces the prefix itself, or it is not reached).
    """

    __slots__ = ("_hops", "_instance", "distance", "keys", "layer", "masks", "plain", "source")

    def __init__(self, layer: Layer, instance: Instance) -> None:
        self.layer = layer
        self.source = layer.paths.index[instance.key]
        self.distance = instance.distance(layer.kind)
        self._instance = instance
        self._hops: dict[int, tuple[NextHop, ...]] = {0: ()}
        self.plain = not layer.block.tagged and not any(key == instance.key for key, _ in layer.direct)
        keys, masks = _seen(layer, self.source)
        ignored = [layer.block.index[prefix] for prefix in layer.deaf.get(instance.key, ())]
        keys[ignored], masks[ignored] = UNREACHED, 0
        self.keys = array("q", keys.tobytes())
        self.masks = masks.tolist() if masks.dtype == object else array("q", masks.tobytes())

    def hops(self, mask: int) -> tuple[NextHop, ...]:
        """Next hops of a mask, in order, no more than the process installs."""
        known = self._hops.get(mask)
        if known is None:
            outgoing = self.layer.paths.outgoing(self.source)
            chosen = (self.layer.hop(edge) for bit, edge in enumerate(outgoing) if mask >> bit & 1)
            known = self._hops[mask] = in_order(filter(None, chosen), self._instance.maximum_paths)
        return known

    def count(self) -> int:
        """How many prefixes the row has a route for."""
        keys, masks = np.array(self.keys, dtype=np.int64), np.array(self.masks)
        numbers = Counter(masks[keys < UNREACHED].tolist())
        return sum(many for mask, many in numbers.items() if self.hops(mask))

    def leads_to(self, prefix: Prefix) -> bool:
        """Whether the row has a route for the prefix."""
        number = self.layer.block.index.get(prefix)
        return number is not None and self.keys[number] < UNREACHED and bool(self.hops(self.masks[number]))

    def fingerprint(self) -> Hashable:
        """Rows of equal fingerprints make equal routes."""
        layer, block = self.layer, self.layer.block
        numbers = blake2b(block.digest, digest_size=16)
        numbers.update(self.keys.tobytes())
        numbers.update(self.masks.tobytes() if isinstance(self.masks, array) else repr(self.masks).encode())
        tags = tuple(self.tag(number) for number in range(len(block.prefixes))) if block.tagged else ()
        beside = frozenset((prefix, hop) for (key, prefix), hop in layer.direct.items() if key == self._instance.key)
        return (layer.kind, layer.rank, layer.second, self.distance, numbers.digest(), self.outgoing(), tags, beside)

    def outgoing(self) -> tuple[NextHop | None, ...]:
        """What the bits of the masks mean."""
        return tuple(self.layer.hop(edge) for edge in self.layer.paths.outgoing(self.source))

    def differing(self, other: Row) -> Iterator[Prefix]:
        """Prefixes of the same block that are reached otherwise in another row: key or next hops."""
        mine, theirs = (np.array(row.keys, dtype=np.int64) for row in (self, other))
        changed = mine != theirs
        if self.outgoing() != other.outgoing():
            same: dict[tuple[int, int], bool] = {}
            pairs = list(zip(self.masks, other.masks, strict=True))
            for pair in set(pairs):
                same[pair] = self.hops(pair[0]) == other.hops(pair[1])
            changed |= ~np.array([same[pair] for pair in pairs], dtype=bool)
        else:
            changed |= np.array(self.masks) != np.array(other.masks)
        prefixes = self.layer.block.prefixes
        return (prefixes[number] for number in np.flatnonzero(changed).tolist())

    def beside(self, prefix: Prefix) -> NextHop | None:
        """The next hop to a forwarding address on a subnet of the router's own."""
        return self.layer.direct.get((self._instance.key, prefix))

    def tag(self, number: int) -> int:
        """The lowest tag among the announcements that win, so that the answer does not hang on order."""
        if not self.layer.block.tagged:
            return 0
        reach, key = self.layer.paths.distances[self.source], self.keys[number]
        announced = self.layer.block.announcements[number]
        heard = (item for item in announced if item.origin != self.source)
        return min((item.tag for item in heard if reach[item.node] + item.key == key), default=0)


def in_order(hops: Iterable[NextHop], maximum_paths: int) -> tuple[NextHop, ...]:
    """Next hops as a table shows them: sorted, no more than so many."""
    distinct = tuple(set(hops))
    return distinct if len(distinct) == 1 else tuple(sorted(distinct, key=lambda hop: hop.key))[:maximum_paths]


def row(layer: Layer, instance: Instance) -> Row | None:
    """The layer as the process sees it; None where it takes no part in it."""
    taking_part = instance.key in layer.paths.index and (layer.members is None or instance.key in layer.members)
    return Row(layer, instance) if taking_part and layer.block.prefixes else None


def _seen(layer: Layer, source: int) -> tuple[Vector, npt.NDArray[np.object_] | Vector]:
    """Best keys and first-edge masks of all prefixes from one node."""
    block = layer.block
    reach = layer.paths.distances[source][block.nodes]
    usable = (reach < UNREACHED) & (block.origins != source)
    keys = np.where(usable, reach + block.keys, UNREACHED)
    best = np.minimum.reduceat(keys, block.starts)
    if not layer.second:
        best = np.where(best > layer.paths.limit, UNREACHED, best)
    first = layer.paths.first_edges(source)[block.nodes]
    first = np.where((keys == np.repeat(best, block.counts)) & usable, first, 0)
    return best, np.bitwise_or.reduceat(first, block.starts)


def distances(layer: Layer, key: NodeKey) -> Iterator[tuple[Prefix, int]]:
    """What the layer's prefixes cost from a node, its own included; unreached ones left out."""
    seen = row(layer, Instance(key, {"": 0}, 1))
    if seen is not None:
        yield from (
            (prefix, cost) for prefix, cost in zip(layer.block.prefixes, seen.keys, strict=True) if cost < UNREACHED
        )
