"""The small graph carries what the large one does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.generate.graphs import graph_from

from backstay.generate.contract import contract
from backstay.generate.dimension import _groups_inside, _needed

Made = tuple[int, list[tuple[int, int, int]], dict[tuple[int, int], float]]
"""(size, edges, matrix)"""


def test_a_chain_becomes_one_fibre_and_a_dead_end_goes() -> None:
    """0 - 1 - 2 - 3 with traffic at 0 and 3, and 4 hanging on 1."""
    small = contract(graph_from(5, [(0, 1, 3), (1, 2, 4), (2, 3, 5), (1, 4, 1)]), {0, 3})
    assert small.places == (0, 3)
    assert small.chains == ((0, 1, 2),)
    assert small.graph.out == (((0, 1, 12),), ((1, 0, 12),))


def test_a_ring_on_one_place_goes() -> None:
    small = contract(graph_from(5, [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 1, 1), (1, 4, 1)]), {0, 4})
    assert {fibre for chain in small.chains for fibre in chain} == {0, 4}


@st.composite
def networks(draw: st.DrawFn) -> Made:
    size = draw(st.integers(4, 10))
    tree = [(draw(st.integers(max(0, node - 2), node - 1)), node) for node in range(1, size)]
    pairs = [(a, b) for b in range(size) for a in range(b)]
    more = draw(st.lists(st.sampled_from(pairs), max_size=4))
    edges = [(a, b, draw(st.integers(1, 3))) for a, b in tree + more]
    ends = draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=4, unique=True))
    return size, edges, {(a, b): 840.0 for a in ends for b in ends if a != b}


@given(networks())
@settings(max_examples=200, deadline=None)
def test_what_fibres_need_is_the_same_in_both(made: Made) -> None:
    size, edges, matrix = made
    graph, pair = graph_from(size, edges), (0, len(edges) - 1)
    whole = _needed(graph, matrix, [pair], ())
    small = contract(graph, {place for both in matrix for place in both})
    number = {place: index for index, place in enumerate(small.places)}
    inside = {(number[a], number[b]): mbps for (a, b), mbps in matrix.items()}
    need = _needed(small.graph, inside, _groups_inside(small, [pair]), ())
    by_fibre = {fibre: mbps for chain, mbps in zip(small.chains, need, strict=True) for fibre in chain}
    assert [round(mbps, 6) for mbps in whole] == [round(by_fibre.get(fibre, 0), 6) for fibre in range(len(edges))]
