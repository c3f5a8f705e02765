"""The engine as a whole: what it refuses, and redistribution brought to its fixed point or to a named circle."""

from typing import Any

import pytest
from tests.simulate.interiors import Lab

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging, Unproven
from backstay.model.network import Overlay
from backstay.model.policy import Match, Policies, PrefixList, PrefixListEntry, RouteMap, RouteMapEntry
from backstay.model.routing import DefaultOrigination, Redistribution
from backstay.simulate.engine import simulate

L2 = frozenset({2})
TAKEN = Prefix.parse("77.0.0.0/8")


def redistribution(protocol: str, **fields: Any) -> tuple[Redistribution, ...]:
    return (Redistribution(protocol=protocol, **fields),)


def test_a_vendor_nobody_wrote_down_is_not_guessed() -> None:
    network = Lab("a").change("a", vendor="unheard-of").network()
    with pytest.raises(Unproven, match="a: vendor unheard-of"):
        simulate(network)


def test_the_state_of_a_small_network() -> None:
    lab = Lab("a b").link("a", "b").isis("a", levels=L2).isis("b", levels=L2)
    state = simulate(lab.network())
    assert state.engine == "fast"
    assert state.routes["a"]["default"][Prefix.parse("10.255.0.2/32")].metric == 20
    assert len(state.adjacencies) == 2
    assert state.unknowns == ()
    assert state.sweep is None


def test_equal_questions_get_equal_answers() -> None:
    lab = Lab("a b c").link("a", "b").link("b", "c")
    for name in "abc":
        lab.isis(name, levels=L2)
    overlay = Overlay(links_down=frozenset({"b-c"}))
    one, other = simulate(lab.network(), overlay), simulate(lab.network(), overlay)
    assert {r: dict(v["default"]) for r, v in one.routes.items()} == {
        r: dict(v["default"]) for r, v in other.routes.items()
    }
    assert one.adjacencies == other.adjacencies


def test_routes_pass_from_protocol_to_protocol() -> None:
    """a (OSPF) - b (both) - c (IS-IS) - d (IS-IS and OSPF) - e (OSPF): e hears of a's static after two hand-overs."""
    lab = Lab("a b c d e").link("a", "b").link("b", "c").link("c", "d").link("d", "e")
    lab.static("a", "77.0.0.0/8", discard="blackhole").ospf("a", redistributions=redistribution("static"))
    lab.isis("b", levels=L2, redistributions=redistribution("ospf", level=2)).ospf("b")
    lab.isis("c", levels=L2).isis("d", levels=L2).ospf("d", redistributions=redistribution("isis")).ospf("e")
    for end in ("b:to-c", "d:to-c"):
        lab.port_ospf(end, passive=True)
    lab.tune("b", "to-a", isis=None).tune("d", "to-e", isis=None)
    assert lab.shown("c")["77.0.0.0/8"] == "isis 115/10 10.0.2.0@to-b"
    assert lab.shown("e")["77.0.0.0/8"] == "ospf 110/20 10.0.4.0@to-d"


def test_redistribution_that_cannot_settle_names_its_circle() -> None:
    """Mutual redistribution of one prefix at distances that take turns: b redistributes the IS-IS route of a's static into
    OSPF only while it is b's best route; a lower OSPF distance on b takes the place of what it was made from.

    a announces 77/8 by IS-IS to b and to c. b and c are OSPF neighbours and both redistribute IS-IS into OSPF; OSPF (110)
    beats IS-IS (115). Each believes the other's OSPF route and stops redistributing; then neither has one; then both
    redistribute again.
    """
    lab = Lab("a b c").link("a", "b").link("a", "c").link("b", "c")
    lab.static("a", "77.0.0.0/8", discard="blackhole")
    lab.isis("a", levels=L2, redistributions=redistribution("static", level=2))
    for name in "bc":
        lab.isis(name, levels=L2).ospf(name, redistributions=redistribution("isis"))
        lab.port_ospf(f"{name}:to-a", passive=True)
    with pytest.raises(NotConverging, match=r"77\.0\.0\.0/8 into ospf on b") as caught:
        lab.tables()
    assert "77.0.0.0/8 into ospf on c" in caught.value.cycle


def test_a_route_map_breaks_the_circle() -> None:
    lab = Lab("a b c").link("a", "b").link("a", "c").link("b", "c")
    lab.static("a", "77.0.0.0/8", discard="blackhole")
    lab.isis("a", levels=L2, redistributions=redistribution("static", level=2))
    entry = PrefixListEntry(sequence=5, permit=True, prefix=TAKEN, ge=8, le=8)
    deny = RouteMapEntry(sequence=10, permit=False, matches=(Match(kind="prefix-list", values=("taken",), version=4),))
    maps = {"no-taken": RouteMap(name="no-taken", entries=(deny, RouteMapEntry(sequence=20, permit=True)))}
    policies = Policies(
        route_maps=maps, prefix_lists={(4, "taken"): PrefixList(name="taken", version=4, entries=(entry,))}
    )
    for name in "bc":
        lab.change(name, policies=policies).isis(name, levels=L2)
        lab.ospf(name, redistributions=redistribution("connected", route_map="no-taken"))
        lab.port_ospf(f"{name}:to-a", passive=True)
    assert lab.shown("b")["77.0.0.0/8"].startswith("isis ")


def test_a_default_originated_from_the_other_protocol() -> None:
    """b has the IS-IS default of a and hands it to c by OSPF, metric 10; c's own default does not feed back."""
    lab = Lab("a b c").link("a", "b").link("b", "c").static("a", "0.0.0.0/0", discard="blackhole")
    lab.isis("a", levels=L2, defaults=(DefaultOrigination(level=2),)).isis("b", levels=L2)
    lab.ospf("b", default=DefaultOrigination()).ospf("c").tune("b", "to-c", isis=None)
    assert lab.shown("b")["0.0.0.0/0"] == "isis 115/10 10.0.1.0@to-a"
    assert lab.shown("c")["0.0.0.0/0"] == "ospf 110/10 10.0.2.0@to-b"
