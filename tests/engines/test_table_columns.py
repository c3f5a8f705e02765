"""A table read by columns says what it says route by route: the gate's digests are of the columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.referee import random_backbone, random_igp

from backstay.audit.outline import Texts, table_digest
from backstay.model.address import Prefix
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import NO_ROUTE, Columns, ColumnTable, Route, RouteTable
from backstay.read.folder import load
from backstay.referee.engine import simulate as referee
from backstay.simulate.engine import simulate as fast

OCTOBER = Path(__file__).parents[2] / "examples" / "october"


def routes(columns: Columns) -> list[tuple[object, ...]]:
    """Prefix, metric, and all else that a route says."""
    listed = zip(columns.prefixes, columns.metrics, columns.ways, strict=True)
    return [(prefix, metric, *rest(columns.routes[way])) for prefix, metric, way in listed if way != NO_ROUTE]


def rest(route: Route) -> tuple[object, ...]:
    return (
        route.protocol,
        route.distance,
        route.next_hops,
        route.forwarding,
        route.tag,
        route.kind,
        route.attributes,
    )


def holds(table: RouteTable) -> int:
    assert isinstance(table, ColumnTable)
    found = [row for columns in table.columns() for row in routes(columns)]
    assert sorted(found, key=lambda row: str(row[0])) == sorted(
        ((prefix, route.metric, *rest(route)) for prefix, route in table.items()), key=lambda row: str(row[0])
    )
    assert table_digest(table, Texts()) == table_digest(dict(table.items()), Texts())
    return len(found)


def check(network: Network, overlay: Overlay = NOTHING) -> int:
    states = [engine(network, overlay, False) for engine in (fast, referee)]
    return sum(holds(table) for state in states for vrfs in state.routes.values() for table in vrfs.values())


@pytest.mark.parametrize("seed", range(12))
def test_columns_of_a_random_igp(seed: int, tmp_path: Path) -> None:
    random_igp.write_simple(tmp_path / "net", seed)
    assert check(load(tmp_path / "net"))


@pytest.mark.parametrize("seed", range(2))
def test_columns_of_a_random_backbone(seed: int, tmp_path: Path) -> None:
    assert check(random_backbone.network(tmp_path / "net", seed)) > 1000


def test_columns_with_a_router_down() -> None:
    network = load(OCTOBER)
    assert check(network, Overlay(routers_down=frozenset({min(network.routers)}))) > 1000


class Told(ColumnTable):
    """Columns and nothing else."""

    def __init__(self, told: tuple[Columns, ...]) -> None:
        self._told = told

    def columns(self) -> tuple[Columns, ...]:
        return self._told

    def __getitem__(self, prefix: Prefix) -> Route:
        raise AssertionError(f"{prefix} was asked for")

    def __iter__(self) -> Iterator[Prefix]:
        raise AssertionError("it was walked")

    def __len__(self) -> int:
        return sum(len(columns.prefixes) for columns in self._told)


def test_a_digest_is_of_metrics_and_ways_and_makes_no_route() -> None:
    network = load(OCTOBER)
    for engine in (fast, referee):
        table = engine(network, NOTHING, False).routes[min(network.routers)]["default"]
        assert isinstance(table, ColumnTable)
        first = table.columns()[0]
        at = next(place for place, way in enumerate(first.ways) if way != NO_ROUTE)

        shown = {table_digest(table, Texts())}
        for metrics, ways in (
            ([*first.metrics[:at], first.metrics[at] + 1, *first.metrics[at + 1 :]], first.ways),
            (first.metrics, [*first.ways[:at], NO_ROUTE, *first.ways[at + 1 :]]),
        ):
            other = Columns(first.prefixes, metrics, ways, first.routes)
            shown.add(table_digest(Told((other, *table.columns()[1:])), Texts()))
        assert len(shown) == 3
