"""What every router does with packets to an interior destination, read off the graph for all routers at once.

Where one interior graph carries an IP version, the branches of a router towards the one node that announces a prefix are
the edges that begin its shortest paths: the same hop set that asking its table gives, at a fraction of the cost.
`Columns.of` says nothing (None) about a destination or network where that is not plainly so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address
from backstay.model.network import InterfaceRef
from backstay.model.routing import DEFAULT_VRF, INFINITE_DISTANCE
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.layers import Layer
from backstay.simulate.rib import Rib
from backstay.simulate.spf import Edge, Paths

if TYPE_CHECKING:
    from backstay.simulate.fib import Fib

HopSets = npt.NDArray[np.int32]

NOTHING_SAID = 0
"""`fib.UNEXPLORED`: the node's own table has to say."""


class Columns:
    """Hop sets towards every node of the graphs of a `Fib`, by IP version."""

    def __init__(self, fib: Fib) -> None:
        self._fib = fib
        self._tables = fib.computed.tables
        self._layers: dict[int, Layer | None] = {}
        self._towards: dict[int, HopSets] = {}
        self._known: dict[Address, list[int] | None] = {}
        self._usable = isinstance(self._tables, Rib) and not fib.filtered and self._all_forward()

    def of(self, address: Address) -> list[int] | None:
        """By node of the fib the hop set towards the address; `NOTHING_SAID` where the router's table decides."""
        if not self._usable:
            return None
        if address not in self._known:
            self._known[address] = self._found(address)
        return self._known[address]

    def _all_forward(self) -> bool:
        return all(router.forwarding for router in self._fib.network.routers.values())

    def _found(self, address: Address) -> list[int] | None:
        tables = self._tables
        assert isinstance(tables, Rib)
        layer = self._layer(address.version)
        prefix = next(iter(tables.covering(DEFAULT_VRF, address)), None)
        number = layer.block.index.get(prefix) if layer and prefix else None
        if layer is None or prefix is None or number is None or not tables.interior_alone(prefix):
            return None
        announced = layer.block.announcements[number]
        if len(announced) != 1 or announced[0].origin >= 0:
            return None
        column = self._matrix(layer)[:, announced[0].node].copy()
        for node in tables.connected_to(prefix):
            column[self._fib.node_of[node]] = NOTHING_SAID
        too_far = layer.paths.distances[:, announced[0].node] + announced[0].cost > layer.paths.limit
        column[self._nodes(layer)[too_far]] = NOTHING_SAID
        found: list[int] = column.tolist()
        return found

    def _layer(self, version: int) -> Layer | None:
        """The one layer of an IP version, where it is all there is and as plain as can be."""
        if version not in self._layers:
            tables = self._tables
            assert isinstance(tables, Rib)
            found = [(igp, layer) for igp in tables.igps for layer in igp.layers if layer.version == version]
            plain = len(found) == 1 and is_plain(*found[0]) and _one_process_each(found[0][0])
            self._layers[version] = found[0][1] if plain else None
        return self._layers[version]

    def _matrix(self, layer: Layer) -> HopSets:
        """Hop sets: row a node of the fib, column a node of the graph."""
        key = id(layer.paths)
        if key not in self._towards:
            found = np.full((len(self._fib.nodes), len(layer.paths.keys)), NOTHING_SAID, dtype=np.int32)
            found[self._nodes(layer)] = HopSetsOf(self._fib, layer.paths).towards(range(len(layer.paths.keys)))
            self._towards[key] = found
        return self._towards[key]

    def _nodes(self, layer: Layer) -> npt.NDArray[np.int64]:
        return np.array([self._fib.node_of[name, DEFAULT_VRF] for name, _ in layer.paths.keys], dtype=np.int64)


class HopSetsOf:
    """Hop sets of the nodes of one graph. ``none`` gives the hop set of a node that does not get there."""

    def __init__(self, fib: Fib, paths: Paths, none: Callable[[str], int] = lambda _: NOTHING_SAID) -> None:
        self._fib = fib
        self._paths = paths
        self._nodes = [fib.node_of[name, DEFAULT_VRF] for name, _ in paths.keys]
        self._none = [none(name) for name, _ in paths.keys]
        self._masks: dict[tuple[int, int], int] = {}

    def towards(self, targets: Sequence[int] | npt.NDArray[np.int64]) -> HopSets:
        """Row a node, column a target: the hop set of the edges that begin its shortest paths."""
        columns = np.asarray(targets, dtype=np.int64)
        found = np.empty((len(self._nodes), len(columns)), dtype=np.int32)
        for source in range(len(self._nodes)):
            values, places = np.unique(self._paths.first_edges(source)[columns], return_inverse=True)
            found[source] = np.array([self._hop_set(source, int(mask)) for mask in values.tolist()])[places]
        return found

    def _hop_set(self, source: int, mask: int) -> int:
        if not mask:
            return self._none[source]
        key = (source, mask)
        if key not in self._masks:
            edges = (edge for bit, edge in enumerate(self._paths.outgoing(source)) if mask >> bit & 1)
            self._masks[key] = self._fib.across((edge.local, self._nodes[edge.target]) for edge in edges)
        return self._masks[key]


def is_plain(igp: LayeredRoutes, layer: Layer) -> bool:
    """Whether every edge that begins a shortest path becomes one next hop of its own, on every router."""
    instances = [instance for items in igp.instances.values() for instance in items]
    degree = max((len(layer.paths.outgoing(node)) for node in range(len(layer.paths.keys))), default=0)
    return (
        not igp.fixed
        and not layer.second
        and not layer.block.tagged
        and not layer.direct
        and (layer.members is None or layer.members == frozenset(layer.paths.keys))
        and all(instance.maximum_paths >= degree for instance in instances)
        and all(instance.distance(layer.kind) < INFINITE_DISTANCE for instance in instances)
        and all(layer.hop(edge) is not None for edge in layer.paths.edges)
        and _point_to_point(layer.paths.edges)
    )


def _point_to_point(edges: Iterable[Edge]) -> bool:
    seen: set[InterfaceRef] = set()
    for edge in edges:
        if edge.local in seen:
            return False
        seen.add(edge.local)
    return True


def _one_process_each(igp: LayeredRoutes) -> bool:
    return all(vrf == DEFAULT_VRF and len(items) == 1 for (_, vrf), items in igp.instances.items())
