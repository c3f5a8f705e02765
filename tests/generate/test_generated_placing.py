"""Who does what stands where a single failure cuts nobody off; networkx is the judge."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstay.generate.graph import graph_of
from backstay.generate.placing import place_tasks, robust_places
from backstay.generate.topology import Topology, read_topology

KEYS = ["sndlib/geant", "sndlib/germany50", "topozoo/Abilene", "backbone/north_america"]


def as_networkx(topology: Topology) -> Any:
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(topology.places)))
    graph.add_edges_from((fibre.a, fibre.b) for fibre in topology.fibres)
    return graph


@st.composite
def connected_graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    size = draw(st.integers(2, 9))
    edges = {(draw(st.integers(0, node - 1)), node) for node in range(1, size)}
    pairs = [(a, b) for b in range(size) for a in range(b)]
    return size, sorted(edges | set(draw(st.lists(st.sampled_from(pairs), max_size=10))))


@given(connected_graphs())
@settings(max_examples=200, deadline=None)
def test_the_robust_core_is_a_largest_biconnected_component(made: tuple[int, list[tuple[int, int]]]) -> None:
    size, edges = made
    graph = nx.Graph(edges)
    core = robust_places([tuple(sorted(graph[node])) for node in range(size)])
    blocks: list[Any] = list(nx.biconnected_components(graph))
    assert set(core) in blocks
    assert len(core) == max(map(len, blocks))


@pytest.mark.parametrize("key", KEYS)
def test_tasks_stand_apart_and_survive_any_single_router(key: str) -> None:
    topology = read_topology(key)
    placing = place_tasks(topology, graph_of(topology))
    tasks = (*placing.data_centers, *placing.reflectors, *placing.dns_sites, *placing.operators)
    assert len(set(tasks)) == len(tasks)
    assert len(placing.data_centers) >= 2
    assert len(placing.reflectors) >= 2
    assert len(placing.dns_sites) >= 4
    graph = as_networkx(topology)
    for lost in nx.articulation_points(graph):
        rest = graph.subgraph(set(graph) - {lost})
        parts = [set(part) & set(tasks) for part in nx.connected_components(rest)]
        assert sum(bool(part) for part in parts) == 1, f"losing {lost} separates {parts}"


@pytest.mark.parametrize("key", KEYS)
def test_no_dns_site_is_beside_half_of_the_data_centres(key: str) -> None:
    """Else it would stay healthy when the backbone is gone, and the site's rule would mean nothing."""
    topology = read_topology(key)
    placing = place_tasks(topology, graph_of(topology))
    need = math.ceil(len(placing.data_centers) / 2)
    for site in placing.dns_sites:
        assert len(set(topology.neighbours()[site]) & set(placing.data_centers)) < need


@pytest.mark.parametrize("key", ["sndlib/geant", "sndlib/germany50"])
def test_the_drainable_router_leaves_the_rest_two_connected(key: str) -> None:
    topology = read_topology(key)
    (router,) = place_tasks(topology, graph_of(topology)).drainable
    graph = as_networkx(topology)
    assert nx.is_biconnected(graph)
    assert nx.is_biconnected(graph.subgraph(set(graph) - {router}))
    assert graph.degree(router) >= 2
