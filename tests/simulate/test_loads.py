"""Loads by hand arithmetic: equal parts at the entries, to the addresses, and at every hop."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from tests.simulate.handmade import Handwritten, forwarding, net, network, ref

from backstay.model.demand import Demand
from backstay.model.network import Network, Overlay, Site
from backstay.model.state import Fate, Loads, LostDemand
from backstay.simulate.loads import loads, parts, place, worst_period

SQUARE = network("a b c d", "a-b a-c b-d c-d")
D = "10.255.0.4/32"
BOTH_WAYS = {"a": {D: "via b c"}, "b": {D: "via d"}, "c": {D: "via d"}}


def demand(source: str, destination: str, mbps: float, period: str = "") -> Demand:
    return Demand(source=source, destination=destination, mbps=mbps, period=period)


def placed(made: Network, tables: Handwritten, *demands: Demand, overlay: Overlay | None = None) -> Loads:
    made = replace(made, demands=demands)
    found = forwarding(made, tables, overlay=overlay or Overlay())
    shares, unknowns = parts(made)
    assert unknowns == ()
    return loads(found, shares, place(found, shares))


def test_an_equal_split_loads_both_paths() -> None:
    found = placed(SQUARE, BOTH_WAYS, demand("a", "d", 300.0))
    assert found.mbps == {ref("a:to-b"): 150.0, ref("a:to-c"): 150.0, ref("b:to-d"): 150.0, ref("c:to-d"): 150.0}
    assert found.utilisation[ref("a:to-b")] == pytest.approx(0.15)
    assert (found.offered, found.lost) == (300.0, ())


def test_demands_add_up_where_they_meet() -> None:
    found = placed(SQUARE, BOTH_WAYS, demand("a", "d", 300.0), demand("b", "d", 100.0))
    assert found.mbps[ref("b:to-d")] == pytest.approx(250.0)
    assert found.max_utilisation == pytest.approx(0.25)


def test_lost_demand_is_placed_up_to_where_it_dies_and_counted_apart() -> None:
    found = placed(SQUARE, {**BOTH_WAYS, "c": {D: "drop"}}, demand("a", "d", 300.0))
    assert found.mbps == {ref("a:to-b"): 150.0, ref("a:to-c"): 150.0, ref("b:to-d"): 150.0}
    assert found.lost == (LostDemand(source="a", destination="d", mbps=150.0, reason=Fate.DISCARDED, at=("c",)),)


def test_each_reason_of_loss_is_told_apart() -> None:
    found = placed(SQUARE, {"a": {D: "via b c"}, "b": {}, "c": {D: "drop"}}, demand("a", "d", 300.0))
    assert [(item.reason, item.mbps, item.at) for item in found.lost] == [
        (Fate.DISCARDED, 150.0, ("c",)),
        (Fate.NO_ROUTE, 150.0, ("b",)),
    ]
    assert found.lost_mbps == 300.0


def test_a_site_enters_at_each_of_its_routers_in_equal_parts() -> None:
    site = Site(name="west", role="pop", routers=("b", "c"))
    found = placed(replace(SQUARE, sites={"west": site}), BOTH_WAYS, demand("west", "d", 100.0))
    assert found.mbps == {ref("b:to-d"): 50.0, ref("c:to-d"): 50.0}


def test_the_part_of_a_dead_router_is_lost_there() -> None:
    site = Site(name="west", role="pop", routers=("b", "c"))
    down = Overlay(routers_down=frozenset({"c"}))
    found = placed(replace(SQUARE, sites={"west": site}), BOTH_WAYS, demand("west", "d", 100.0), overlay=down)
    assert found.mbps == {ref("b:to-d"): 50.0}
    assert found.lost == (LostDemand(source="west", destination="d", mbps=50.0, reason=Fate.SOURCE_DOWN, at=("c",)),)


def test_a_site_with_two_prefixes_gets_half_at_each() -> None:
    prefixes = (net("198.18.1.0/24"), net("198.18.2.0/24"))
    made = replace(SQUARE, sites={"east": Site(name="east", role="dc", routers=("d",), prefixes=prefixes)})
    tables = {"a": {"198.18.1.0/24": "via b", "198.18.2.0/24": "via c"}, "b": {}, "c": {}}
    found = placed(made, tables, demand("a", "east", 100.0))
    assert found.mbps == {ref("a:to-b"): 50.0, ref("a:to-c"): 50.0}


def test_traffic_to_oneself_loads_nothing() -> None:
    found = placed(SQUARE, BOTH_WAYS, demand("d", "d", 100.0))
    assert (found.mbps, found.lost, found.offered) == ({}, (), 100.0)


def test_traffic_in_a_loop_is_placed_once_around() -> None:
    found = placed(SQUARE, {"a": {D: "via b"}, "b": {D: "via a"}}, demand("a", "d", 100.0))
    assert found.mbps == {ref("a:to-b"): 100.0, ref("b:to-a"): 100.0}
    assert [(item.reason, item.mbps) for item in found.lost] == [(Fate.LOOP, 100.0)]


def test_a_share_that_leaves_a_loop_loads_its_way_on() -> None:
    """b sends half back to a (a loop) and half on: 50 circles once, 50 goes on to d."""
    found = placed(SQUARE, {"a": {D: "via b"}, "b": {D: "via a d"}}, demand("a", "d", 100.0))
    assert found.mbps == {ref("a:to-b"): 100.0, ref("b:to-a"): 50.0, ref("b:to-d"): 50.0}


def test_capacity_zero_is_infinitely_used_and_unknown_capacity_not_told() -> None:
    dark = {**SQUARE.links, "a-b": replace(SQUARE.links["a-b"], capacity=0.0)}
    unsaid = {**dark, "a-c": replace(SQUARE.links["a-c"], capacity=None)}
    found = placed(replace(SQUARE, links=unsaid), BOTH_WAYS, demand("a", "d", 300.0))
    assert found.utilisation[ref("a:to-b")] == inf
    assert ref("a:to-c") not in found.utilisation


def test_an_end_may_send_with_a_capacity_of_its_own() -> None:
    slow = replace(SQUARE.links["a-b"], capacities={ref("a:to-b"): 300.0})
    found = placed(replace(SQUARE, links={**SQUARE.links, "a-b": slow}), BOTH_WAYS, demand("a", "d", 300.0))
    assert found.utilisation[ref("a:to-b")] == pytest.approx(0.5)


def test_of_several_periods_the_heaviest_is_placed() -> None:
    night, day = demand("a", "d", 100.0, "night"), demand("a", "d", 300.0, "day")
    assert worst_period((night, day)) == "day"
    assert placed(SQUARE, BOTH_WAYS, night, day).offered == 300.0


def test_ipv6_where_the_destination_has_no_ipv4() -> None:
    tables = {"a": {"2001:db8:1::/48": "via b"}, "b": {"2001:db8:1::/48": "drop"}}
    assert placed(SQUARE, tables, demand("a", "2001:db8:1::/48", 10.0)).mbps == {ref("a:to-b"): 10.0}


def test_a_demand_without_a_common_ip_version_is_said() -> None:
    made = replace(SQUARE, demands=(demand("a", "nowhere", 5.0),))
    shares, unknowns = parts(made)
    assert (shares, [remark.code for remark in unknowns]) == ((), ["demand-not-placed"])
