"""Traffic and its rerouting, by hand on small graphs and against another way of computing it on random ones."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.generate.graphs import Edge, Edges, graph_from

from backstay.generate.dimension import Failure, _failures, capacities, standard_size, worst_loads
from backstay.generate.flows import moved, route

Case = tuple[int, list[Edge], int, dict[int, float], int | None]
"""(size, edges, target, sent, overloaded)"""

SQUARE = [(0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 3, 1)]
"""0 to 3 over 1 or over 2, equally far; arcs 0/1, 2/3, 4/5, 6/7."""


def test_equal_ways_share_equally() -> None:
    tree = route(graph_from(4, SQUARE), 3, {0: 10.0})
    assert tree.loads == {0: 5.0, 2: 5.0, 4: 5.0, 6: 5.0}


def test_a_lost_way_moves_to_the_other() -> None:
    graph = graph_from(4, SQUARE)
    change = moved(graph, route(graph, 3, {0: 10.0}), {0, 1})
    assert change == {0: -5.0, 4: -5.0, 2: 5.0, 6: 5.0}


def test_an_overloaded_place_is_reached_but_not_passed() -> None:
    graph = graph_from(4, SQUARE)
    assert route(graph, 3, {0: 10.0}, overloaded=1).loads == {2: 10.0, 6: 10.0}
    assert route(graph, 1, {0: 10.0}, overloaded=1).loads == {0: 10.0}


def test_a_dead_place_takes_its_own_traffic_with_it() -> None:
    graph = graph_from(4, SQUARE)
    tree = route(graph, 3, {0: 10.0, 1: 2.0})
    change = moved(graph, tree, {0, 1, 4, 5}, dead_place=1)
    assert {arc: tree.loads[arc] + more for arc, more in change.items()} == {0: 0, 4: 0, 2: 10, 6: 10}


def test_traffic_without_a_way_is_gone() -> None:
    graph = graph_from(3, [(0, 1, 1), (1, 2, 1)])
    assert moved(graph, route(graph, 2, {0: 4.0}), {2, 3}) == {0: -4.0, 2: -4.0}


def split_per_hop(
    size: int, edges: Edges, target: int, sent: dict[int, float], overloaded: int | None
) -> dict[int, float]:
    """The same loads by networkx distances on a directed graph, and arc by arc; parallel edges apart."""
    graph: Any = nx.MultiDiGraph()
    graph.add_nodes_from(range(size))
    for number, (a, b, metric) in enumerate(edges):
        graph.add_edge(a, b, key=2 * number, weight=metric)
        graph.add_edge(b, a, key=2 * number + 1, weight=metric)
    if overloaded is not None and overloaded != target:
        graph.remove_edges_from(list(graph.in_edges(overloaded, keys=True)))
    distance = nx.single_source_dijkstra_path_length(graph.reverse(), target)
    passing = defaultdict(float, sent)
    loads: dict[int, float] = {}
    for place in sorted(distance, key=distance.__getitem__, reverse=True):
        hops = [
            (key, head)
            for _, head, key, metric in graph.out_edges(place, keys=True, data="weight")
            if head in distance and distance[head] + metric == distance[place]
        ]
        for key, head in hops:
            loads[key] = passing[place] / len(hops)
            passing[head] += loads[key]
    return {arc: load for arc, load in loads.items() if load}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(3, 8))
    tree = [(draw(st.integers(0, node - 1)), node) for node in range(1, size)]
    pairs = [(a, b) for b in range(size) for a in range(b)]
    more = draw(st.lists(st.sampled_from(pairs), max_size=9))
    edges = [(a, b, draw(st.integers(1, 3))) for a, b in tree + more]
    target = draw(st.integers(0, size - 1))
    sent = {place: float(draw(st.integers(0, 3)) * 720) for place in range(size) if place != target}
    overloaded = draw(st.none() | st.integers(0, size - 1))
    return size, edges, target, sent, overloaded


@given(cases())
@settings(max_examples=300, deadline=None)
def test_routes_as_another_way_of_computing_has_them(case: Case) -> None:
    size, edges, target, sent, overloaded = case
    tree = route(graph_from(size, edges), target, sent, overloaded)
    assert dict(tree.loads) == pytest.approx(split_per_hop(size, edges, target, sent, overloaded))


@given(cases())
@settings(max_examples=300, deadline=None)
def test_every_failure_by_difference_is_what_it_is_from_the_start(case: Case) -> None:
    size, edges, target, sent, overloaded = case
    graph = graph_from(size, edges)
    tree = route(graph, target, sent, overloaded)
    for failure in _failures(graph, [(0, len(edges) - 1)]):
        change = moved(graph, tree, failure.arcs, failure.place)
        after = {arc: tree.loads.get(arc, 0) + change.get(arc, 0) for arc in {*tree.loads, *change}}
        left = {place: mbps for place, mbps in sent.items() if failure.place not in (place, target)}
        alive = [edge if 2 * number not in failure.arcs else None for number, edge in enumerate(edges)]
        expected = split_without(size, alive, target, left, overloaded)
        assert {arc: load for arc, load in after.items() if load > 1e-6} == pytest.approx(expected)


def split_without(
    size: int, alive: list[Edge | None], target: int, sent: dict[int, float], overloaded: int | None
) -> dict[int, float]:
    kept = [number for number, edge in enumerate(alive) if edge]
    loads = split_per_hop(size, [edge for edge in alive if edge], target, sent, overloaded)
    return {2 * kept[arc // 2] + arc % 2: load for arc, load in loads.items()}


def test_worst_loads_by_hand() -> None:
    """4 units from 0 to 3, 2 on each side; without one side all 4 are on the other."""
    graph = graph_from(4, SQUARE)
    failures = (Failure(arcs=frozenset({0, 1})), Failure(arcs=frozenset({2, 3, 6, 7}), place=2))
    normal, worst = worst_loads(graph, {(0, 3): 4.0}, failures)
    assert list(normal[[0, 2, 4, 6]]) == [2, 2, 2, 2]
    assert list(worst[[0, 2, 4, 6]]) == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("mbps", "size"),
    [(0, 10_000), (10_000, 10_000), (10_001, 40_000), (99_000, 100_000), (700_000, 800_000), (800_001, 1_200_000)],
)
def test_sizes_on_the_market(mbps: float, size: int) -> None:
    assert standard_size(mbps) == size


def test_capacities_by_hand() -> None:
    """60 Gbit/s from 0 to 3: any side must carry all of it, at 80 % of a failure (75 G) or 70 % of a drain (86 G)."""
    assert capacities(graph_from(4, SQUARE), {(0, 3): 60_000.0}, ()) == (100_000,) * 4
