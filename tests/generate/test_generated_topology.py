"""Topologies as they come, and those that cannot be a backbone."""

from __future__ import annotations

import pytest

from backstay.generate.topology import Fibre, Place, Topology, _check, bearing, components, distance_km, read_topology
from backstay.model.errors import InputError

LONDON, PARIS, NEW_YORK = (51.5074, -0.1278), (48.8566, 2.3522), (40.7128, -74.0060)


def made_of(size: int, edges: list[tuple[int, int]]) -> Topology:
    places = tuple(Place(number=number, name="", kind="", position=(0.0, 0.0)) for number in range(size))
    fibres = tuple(Fibre(a=a, b=b, km=1.0) for a, b in edges)
    return Topology(key="test/made", places=places, fibres=fibres, demands={})


def test_geant_is_what_sndlib_publishes() -> None:
    """SNDlib, geant: 22 nodes, 36 links, 462 demands."""
    topology = read_topology("sndlib/geant")
    assert (len(topology.places), len(topology.fibres), len(topology.demands)) == (22, 36, 462)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        read_topology("sndlib/gaent")
    assert "sndlib/geant" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_cannot_leave_the_data_folder() -> None:
    with pytest.raises(InputError):
        read_topology("../data/sndlib/geant")


@pytest.mark.parametrize(
    ("size", "edges", "said"),
    [
        (3, [(0, 1), (1, 2)], "3 nodes"),
        (8, [(n, n + 1) for n in range(7) if n != 3], "2 separate parts"),
        (8, [*((n, n + 1) for n in range(7)), (2, 2)], "to itself"),
    ],
)
def test_what_cannot_be_a_backbone_is_refused_in_one_line(size: int, edges: list[tuple[int, int]], said: str) -> None:
    with pytest.raises(InputError) as caught:
        _check(made_of(size, edges))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parallel_fibres_make_one_neighbour() -> None:
    assert made_of(2, [(0, 1), (0, 1)]).neighbours() == ((1,), (0,))


def test_components_largest_first() -> None:
    assert components([[1], [0], [3, 4], [2], [2]], frozenset()) == ((2, 3, 4), (0, 1))
    assert components([[1], [0, 2], [1]], frozenset({1})) == ((0,), (2,))


def test_distances_are_those_of_the_globe() -> None:
    """London to Paris 344 km, to New York 5,570 km (great circle, as any atlas has it)."""
    assert distance_km(LONDON, PARIS) == pytest.approx(344, abs=2)
    assert distance_km(LONDON, NEW_YORK) == pytest.approx(5570, abs=10)


def test_bearings() -> None:
    assert bearing((0.0, 0.0), (10.0, 0.0)) == pytest.approx(0)
    assert bearing((0.0, 0.0), (0.0, 10.0)) == pytest.approx(90)
    assert bearing((0.0, 0.0), (-10.0, 0.0)) == pytest.approx(180)
