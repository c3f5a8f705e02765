"""Tables as `State.routes` shows them: filled when walked, shared between states where nothing differs."""

from __future__ import annotations

from collections.abc import Hashable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Protocol
from weakref import WeakValueDictionary

from backstay.model.address import Prefix
from backstay.model.state import Columns, ColumnTable, Route, RouteTable, in_columns
from backstay.simulate.layers import Row
from backstay.simulate.seams import BgpResult, Topology

Node = tuple[str, str]
"""(router, VRF)."""


class Source(Protocol):
    """What a table is filled from (`rib.Rib`)."""

    topology: Topology
    bgp: BgpResult

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None: ...

    def filled(self, node: Node) -> dict[Prefix, Route]: ...

    def columns(self, node: Node) -> tuple[Columns, ...] | None: ...

    def size(self, node: Node) -> int: ...

    def fingerprint(self, node: Node) -> Hashable: ...

    def contested(self, node: Node) -> set[Prefix]: ...

    def rows(self, node: Node) -> list[Row] | None: ...

    def table(self, router: str, vrf: str) -> RouteTable: ...

    def vrfs(self, router: str) -> Sequence[str]: ...


class LazyTable(ColumnTable):
    """One router's table of one VRF, worked out when it is walked; a look-up of one prefix costs one route."""

    def __init__(self, source: Source, node: Node) -> None:
        self._source = source
        self._node = node
        self._filled: dict[Prefix, Route] | None = None

    @property
    def _routes(self) -> dict[Prefix, Route]:
        if self._filled is None:
            self._filled = self._source.filled(self._node)
        return self._filled

    def __getitem__(self, prefix: Prefix) -> Route:
        if self._filled is not None:
            return self._filled[prefix]
        found = self._source.route(*self._node, prefix)
        if found is None:
            raise KeyError(prefix)
        return found

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._filled) if self._filled is not None else self._source.size(self._node)

    def items(self) -> ItemsView[Prefix, Route]:
        return self._routes.items()

    def values(self) -> ValuesView[Route]:
        return self._routes.values()

    def columns(self) -> tuple[Columns, ...]:
        """See `ColumnTable.columns`. Kept is only what had to be filled for it."""
        found = self._source.columns(self._node)
        return (in_columns(self._routes),) if found is None else found

    def __repr__(self) -> str:
        return f"LazyTable({self._node[0]}, {self._node[1]})"

    def differing(self, other: LazyTable) -> list[Prefix]:
        """Prefixes whose routes differ from those of another table of the same router, sorted.

        Where every interior route stands in one row on both sides the rows are compared as arrays, without a
        route being made.
        """
        mine, theirs = self._source.rows(self._node), other._source.rows(other._node)
        contested = self._source.contested(self._node) | other._source.contested(other._node)
        paired = _paired(mine, theirs) if mine is not None and theirs is not None else None
        if paired is None:
            contested = {*self, *other}
            paired = []
        found = {prefix for one, two in paired for prefix in one.differing(two)} - contested
        found.update(prefix for prefix in contested if self.get(prefix) != other.get(prefix))
        return sorted(found)

    def same_bgp(self, other: LazyTable) -> bool:
        """Whether BGP's part of both tables is equal."""
        mine = self._source.bgp.routes.get(self._node, {})
        theirs = other._source.bgp.routes.get(other._node, {})
        if mine.keys() != theirs.keys():
            return False
        return all(route is theirs[prefix] or route == theirs[prefix] for prefix, route in mine.items())


def _paired(mine: Sequence[Row], theirs: Sequence[Row]) -> list[tuple[Row, Row]] | None:
    """Rows of the same prefixes, kind and distance; None where they do not pair up."""
    if len(mine) != len(theirs):
        return None
    pairs = list(zip(mine, theirs, strict=True))
    alike = all(
        one.layer.block.digest == two.layer.block.digest
        and (one.layer.kind, one.distance) == (two.layer.kind, two.distance)
        for one, two in pairs
    )
    return pairs if alike else None


_SHARED: WeakValueDictionary[Hashable, LazyTable] = WeakValueDictionary()
"""Tables by fingerprint, while some State holds them: the next State takes the same object where it can."""


class LazyRoutes(Mapping[str, Mapping[str, RouteTable]]):
    """`State.routes`: routers to VRFs to tables, each table worked out when it is walked."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: dict[str, Mapping[str, RouteTable]] = {}

    def __getitem__(self, router: str) -> Mapping[str, RouteTable]:
        if router not in self._source.topology.routers:
            raise KeyError(router)
        if router not in self._found:
            self._found[router] = {vrf: self._shared((router, vrf)) for vrf in self._source.vrfs(router)}
        return self._found[router]

    def _shared(self, node: Node) -> RouteTable:
        """The node's table, or the equal one an earlier State holds."""
        table = self._source.table(*node)
        assert isinstance(table, LazyTable)
        known = _SHARED.setdefault(self._source.fingerprint(node), table)
        return known if known is table or known.same_bgp(table) else table

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.topology.routers)

    def __len__(self) -> int:
        return len(self._source.topology.routers)
