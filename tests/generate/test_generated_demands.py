"""Traffic matrices: the measured one keeps its shape, gravity follows the weights."""

from __future__ import annotations

import pytest

from backstay.generate.demands import gravity_places, traffic_matrix
from backstay.generate.topology import Place, Topology, read_topology


def made_of(size: int, demands: dict[tuple[int, int], float]) -> Topology:
    places = tuple(Place(number=number, name="", kind="", position=(0.0, 0.0)) for number in range(size))
    return Topology(key="test/made", places=places, fibres=(), demands=demands)


def test_a_measured_matrix_is_scaled_by_a_power_of_ten() -> None:
    """7 and 3 for two places: 40,000 Mbit/s at least, so times 10,000 = 100,000."""
    assert traffic_matrix(made_of(2, {(0, 1): 7.0, (1, 0): 3.0}), [1, 1], ()) == {(0, 1): 70_000, (1, 0): 30_000}


def test_a_matrix_that_knows_one_way_is_taken_both_ways() -> None:
    assert traffic_matrix(made_of(2, {(0, 1): 7.0}), [1, 1], ()) == {(0, 1): 70_000, (1, 0): 70_000}


def test_geant_is_taken_as_mbit() -> None:
    """SNDlib geant: at1.at to se1.se is 50905; 3 Tbit/s in all is what a backbone of 22 carries today."""
    topology = read_topology("sndlib/geant")
    matrix = traffic_matrix(topology, [1.0] * 22, ())
    assert matrix[0, 18] == 50_905
    assert matrix == {pair: topology.demands[pair] for pair in sorted(topology.demands)}


def test_gravity_follows_both_weights() -> None:
    """Weights 1, 1, 2: ordered pairs weigh 1, 1, 2, 2, 2, 2 = 10; 150,000 Mbit/s among them."""
    matrix = traffic_matrix(made_of(3, {}), [1, 1, 2], ())
    assert matrix[0, 1] == 15_000
    assert matrix[2, 1] == 30_000


@pytest.mark.parametrize(("size", "most"), [(60, 60), (852, 60), (3815, 30)])
def test_gravity_is_among_the_biggest_places(size: int, most: int) -> None:
    weight = [float(number) for number in range(1, size + 1)]
    assert gravity_places(weight, ()) == tuple(range(size - most, size))
    assert 0 in gravity_places(weight, (0,))


def test_places_without_weight_have_no_traffic() -> None:
    assert gravity_places([0.0, 1.0, 1.0], ()) == (1, 2)
