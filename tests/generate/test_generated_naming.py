"""Router names: short, unique, and nothing a file system or a YAML reader takes for something else."""

from __future__ import annotations

import re

import pytest

from backstay.generate.naming import RESERVED, site_names
from backstay.generate.topology import Place, Topology, read_topology


def named(*names: str, kind: str = "City") -> list[str]:
    places = tuple(Place(number=number, name=name, kind=kind, position=(0.0, 0.0)) for number, name in enumerate(names))
    return [code for code, _ in site_names(Topology(key="test/made", places=places, fibres=(), demands={}))]


@pytest.mark.parametrize(
    "key", ["sndlib/geant", "backbone/world", "gabriel/25/0", "topozoo/Abilene", "sndlib/germany50"]
)
def test_codes_are_unique_short_ascii_and_end_in_a_letter(key: str) -> None:
    codes = [code for code, _ in site_names(read_topology(key))]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)?", code) and len(code) <= 10 for code in codes)
    assert not RESERVED & set(codes)


def test_geant_is_named_for_its_cities() -> None:
    names = dict(site_names(read_topology("sndlib/geant")))
    assert names["fra"] == "Frankfurt"
    assert names["gen"] == "Geneva"


def test_one_name_twice_gets_two_codes() -> None:
    assert named("Kingston", "Kingston") == ["kin", "king"]


def test_a_name_that_means_something_else_is_passed_over() -> None:
    assert named("Yes") == ["yes-aa"]
    assert named("Con Dao") == ["cond"]


def test_letters_of_other_alphabets_are_spelt_or_left_out() -> None:
    assert named("Łódź", "Kårstø", "Québec") == ["lod", "kar", "que"]


@pytest.mark.parametrize("name", ["", "42", "東京"])
def test_no_usable_name_gets_a_numbered_one(name: str) -> None:
    assert named(name) == ["node-aa"]
    assert named(name, kind="Seacable Waypoint") == ["sea-aa"]


def test_line_breaks_in_a_name_do_not_reach_the_configuration() -> None:
    places = (Place(number=0, name="New\nYork", kind="City", position=(0.0, 0.0)),)
    assert site_names(Topology(key="test/made", places=places, fibres=(), demands={})) == (("new", "New York"),)
