"""All-pairs paths held against the textbook: Dijkstra from every node (Numerische Mathematik 1, 1959)."""

from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstay.model.network import InterfaceRef
from backstay.simulate.spf import UNREACHED, Edge, Paths

HERE = InterfaceRef("r", "i")


def paths(
    nodes: int, links: list[tuple[int, int, int]], closed: frozenset[int] = frozenset(), limit: int = 10**9
) -> Paths:
    edges = [Edge(one, other, metric, HERE, HERE) for one, other, metric in links if one != other]
    return Paths([(str(number), "") for number in range(nodes)], edges, closed, limit)


def textbook(graph: Paths, source: int, closed: frozenset[int]) -> list[int]:
    best = {source: 0}
    queue = [(0, source)]
    while queue:
        so_far, node = heappop(queue)
        if so_far > best[node] or (node in closed and node != source):
            continue
        for edge in graph.outgoing(node):
            if so_far + edge.metric < best.get(edge.target, UNREACHED):
                best[edge.target] = so_far + edge.metric
                heappush(queue, (best[edge.target], edge.target))
    return [best.get(node, UNREACHED) for node in range(len(graph.keys))]


NODES = 12
links = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.integers(1, 9)), max_size=50)


@settings(max_examples=200, deadline=None)
@given(links, st.frozensets(st.integers(0, NODES - 1), max_size=4))
def test_distances_are_dijkstras(drawn: list[tuple[int, int, int]], closed: frozenset[int]) -> None:
    graph = paths(NODES, drawn, closed)
    for source in range(NODES):
        assert graph.distances[source].tolist() == textbook(graph, source, closed)


def test_a_dense_core_is_solved_too() -> None:
    """A full mesh of 120 with metric |i - j| squared: stepping by ones is always cheapest, |i - j| in all."""
    nodes = 120
    mesh = [(one, other, (one - other) ** 2) for one in range(nodes) for other in range(nodes) if one != other]
    assert paths(nodes, mesh).distances[3].tolist() == [abs(3 - other) for other in range(nodes)]


def test_first_edges_of_equal_paths_and_of_parallel_links() -> None:
    graph = paths(4, [(0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 3, 1), (0, 1, 1)])
    masks = graph.first_edges(0).tolist()
    assert [graph.outgoing(0)[bit].target for bit in range(3) if masks[3] >> bit & 1] == [1, 1, 2]
    assert masks[0] == 0


def test_a_closed_node_is_a_first_hop_to_itself_alone() -> None:
    graph = paths(3, [(0, 1, 1), (1, 2, 1), (0, 2, 9)], frozenset({1}))
    assert graph.distances[0].tolist() == [0, 1, 9]
    masks = graph.first_edges(0).tolist()
    assert [graph.outgoing(0)[bit].target for bit in range(2) if masks[2] >> bit & 1] == [2]


def test_paths_beyond_the_limit_do_not_exist() -> None:
    assert paths(3, [(0, 1, 5), (1, 2, 5)], limit=9).distances[0].tolist() == [0, 5, UNREACHED]


@pytest.mark.parametrize("fan", [62, 63, 70])
def test_routers_with_more_links_than_a_word_has_bits(fan: int) -> None:
    graph = paths(
        fan + 2, [(0, spoke, 1) for spoke in range(1, fan + 1)] + [(s, fan + 1, 1) for s in range(1, fan + 1)]
    )
    assert int(graph.first_edges(0)[fan + 1]).bit_count() == fan
