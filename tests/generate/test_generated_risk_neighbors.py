"""Shared ducts, and the world around."""

from __future__ import annotations

import pytest

from backstay.generate.neighbors import externals
from backstay.generate.risk import risk_groups
from backstay.generate.topology import Fibre, Place, Topology, components, read_topology
from backstay.model.errors import InputError


def at(*positions: tuple[float, float]) -> tuple[Place, ...]:
    return tuple(Place(number=number, name="", kind="City", position=one) for number, one in enumerate(positions))


def test_two_fibres_in_one_direction_share_a_duct() -> None:
    """From 0 both 1 and 2 lie to the east; 3 closes a ring in the north, so that nobody is cut off."""
    places = at((0.0, 0.0), (0.5, 10.0), (0.0, 5.0), (9.0, 0.0))
    fibres = tuple(Fibre(a=a, b=b, km=1.0) for a, b in [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)])
    groups = risk_groups(Topology(key="test/made", places=places, fibres=fibres, demands={}))
    assert (0, (0, 1)) in groups


def test_a_duct_that_would_split_the_network_is_left_out() -> None:
    places = at((0.0, 0.0), (0.5, 10.0), (0.0, 5.0))
    fibres = (Fibre(a=0, b=1, km=1.0), Fibre(a=0, b=2, km=1.0))
    assert risk_groups(Topology(key="test/made", places=places, fibres=fibres, demands={})) == ()


def test_groups_of_europe_keep_it_whole_and_share_no_fibre() -> None:
    topology = read_topology("backbone/europe")
    groups = risk_groups(topology)
    used = [fibre for _, pair in groups for fibre in pair]
    assert len(groups) > 10
    assert len(set(used)) == len(used)
    for _, pair in groups:
        around: list[list[int]] = [[] for _ in topology.places]
        for number, fibre in enumerate(topology.fibres):
            if number not in pair:
                around[fibre.a].append(fibre.b)
                around[fibre.b].append(fibre.a)
        assert len(components(around, frozenset())) == 1


@pytest.mark.parametrize(("size", "prefixes"), [(22, 40), (22, 41), (852, 200), (8, 16), (852, 5000)])
def test_other_networks_announce_as_many_prefixes_as_asked_for(size: int, prefixes: int) -> None:
    world = externals(size, list(range(7)), prefixes)
    offered = {offer.prefix for one in world for offer in one.offers if offer.accepted} - {"0.0.0.0/0", "::/0"}
    assert len(offered) == prefixes


def test_every_relation_is_there_with_attachments_of_its_own() -> None:
    world = externals(22, list(range(7)), 40)
    assert [sum(one.kind == kind for one in world) for kind in ("transit", "peer", "customer")] == [2, 3, 5]
    links = [link for one in world for _, link in one.attachments]
    assert len(set(links)) == len(links)
    assert all(len({place for place, _ in one.attachments}) == 2 for one in world if one.kind == "transit")
    assert len({one.asn for one in world}) == len(world)


def test_no_two_networks_tie_for_a_prefix() -> None:
    """Two equally long AS paths from two networks would leave the choice to distances inside (RFC 4271 9.1.2.2)."""
    best: dict[str, list[tuple[int, int]]] = {}
    for one in externals(852, list(range(60)), 200):
        rank = {"customer": 0, "peer": 1, "transit": 2}[one.kind]
        for offer in one.offers:
            best.setdefault(offer.prefix, []).append((rank, len(offer.as_path)))
    for prefix, ways in best.items():
        assert ways.count(min(ways)) == 1, prefix


@pytest.mark.parametrize("prefixes", [0, 19, 20_000])
def test_prefixes_that_do_not_go_round_are_refused(prefixes: int) -> None:
    with pytest.raises(InputError, match="external prefixes"):
        externals(22, [0, 1], prefixes)
