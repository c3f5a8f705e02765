"""Where the first route to come stays, both engines say so; where one wins in any case, neither does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backstay.model.address import Prefix
from backstay.model.finding import Engine
from backstay.model.network import NOTHING
from backstay.read.folder import load
from backstay.referee.engine import simulate as referee
from backstay.simulate.engine import simulate as fast

CASE = Path(__file__).parents[1] / "laws" / "found" / "bgp-first-come-redistributed"
ENGINES: dict[str, Engine] = {"fast": fast, "referee": referee}
PREFIX = Prefix.parse("198.18.6.0/24")


def answer(place: Path, engine: str, changes: dict[str, str]) -> tuple[str, list[str]]:
    """The protocol r12 has the prefix by, and what the engine leaves open, with lines of r12 changed."""
    shutil.copytree(CASE, place / "net")
    config = place / "net" / "configs" / "r12.conf"
    text = config.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    state = ENGINES[engine](load(place / "net"), NOTHING, False)
    return state.routes["r12"]["default"][PREFIX].protocol, [remark.code for remark in state.unknowns]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_route_of_worse_distance_leaves_it_open(tmp_path: Path, engine: str) -> None:
    assert answer(tmp_path, engine, {"redistribute ospf": "redistribute ospf metric 3"})[1] == ["bgp-first-come"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_static_route_comes_before_bgp_whichever_is_first(tmp_path: Path, engine: str) -> None:
    static = {
        "hostname r12": "hostname r12\nip route 198.18.6.0/24 blackhole",
        "redistribute ospf": "redistribute static",
    }
    assert answer(tmp_path, engine, static) == ("static", [])


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_heard_with_more_weight_than_our_own_wins_whichever_is_first(tmp_path: Path, engine: str) -> None:
    heavy = "route-map M30 permit 10\n set weight 40000"
    assert answer(tmp_path, engine, {"route-map M30 permit 10": heavy}) == ("bgp", [])


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_heard_over_bgp_at_a_worse_distance_never_takes_over(tmp_path: Path, engine: str) -> None:
    family = "address-family ipv4 unicast\n  distance bgp 180 200 200"
    assert answer(tmp_path, engine, {"address-family ipv4 unicast": family}) == ("ospf", [])
