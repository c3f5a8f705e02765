"""Assessments worked out on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan import square
from tests.simulate.interiors import Lab

from backstay.model.errors import InputError, Unproven, UsageError
from backstay.plan import optimum
from backstay.plan.assessment import Assessment, LinkUse, Room, Thing
from backstay.plan.capacity import assess
from backstay.report.capacity import headline

AB, BD, AC, CD = (Thing("link", name) for name in ("a-b", "b-d", "a-c", "c-d"))


def link(found: Assessment, sends: str) -> LinkUse:
    return next(item for item in found.links if str(item.interface) == sends)


def room(found: Assessment, source: str, destination: str) -> Room:
    return next(item for item in found.rooms if (item.source, item.destination) == (source, destination))


def test_without_failures_both_sides_carry_half() -> None:
    found = assess(square.network(), failures=0)
    loads = {str(item.interface): item.mbps for item in found.links if item.mbps}
    assert loads == {"a:to-b": 30, "b:to-d": 30, "a:to-c": 30, "c:to-d": 30}
    assert (found.hours[0].utilisation, found.hours[0].worst) == (0.6, 0.6)
    assert found.scenario_count == 1
    assert not found.at_fault
    assert found.growth == pytest.approx(0.8 / 0.6)


def test_the_worst_of_a_link_names_the_first_failure_that_causes_it() -> None:
    """Without a-b (or b-d, or b) all 60 go over c: 60 of 50 on c-d, 60 of 100 on a-c."""
    found = assess(square.network(), failures=1)
    narrow = link(found, "c:to-d")
    assert (narrow.worst, narrow.cause, narrow.over) == (1.2, (AB,), 3)
    assert narrow.headroom == pytest.approx(50 - 60)
    assert (link(found, "a:to-c").worst, link(found, "a:to-c").cause) == (0.6, (AB,))
    assert link(found, "a:to-b").cause == (AC,)
    assert link(found, "a:to-b").headroom == pytest.approx(100 - 60)
    assert found.links[0] is narrow


def test_a_headroom_can_be_tightest_while_nothing_fails() -> None:
    """c-d alone carries 35 of 50 towards c: 0.8 x 50 - 35 = 5 is less than 50 - 35 = 15 at any failure."""
    found = assess(square.network(square.demand("d", "c", 35.0)), failures=1, exclude=("c-d",))
    assert link(found, "d:to-c").headroom == pytest.approx(5)


def test_scenarios_at_fault_and_the_upgrade_that_mends_them() -> None:
    found = assess(square.network(), failures=1)
    over = [(item.failed, item.utilisation, [str(part.interface) for part in item.over]) for item in found.scenarios]
    assert over == [((thing,), 1.2, ["c:to-d"]) for thing in (AB, BD, Thing("router", "b"))]
    (upgrade,) = found.upgrades
    assert (upgrade.link, upgrade.cleared, upgrade.removed) == ("c-d", 3, 3)
    assert upgrade.capacity == 50
    assert upgrade.needed == pytest.approx(60)
    assert found.growth == pytest.approx(1 / 1.2)
    assert found.at_fault


def test_a_limit_of_ones_own_counts_with_and_without_failures() -> None:
    found = assess(square.network(), failures=0, limit=0.5)
    assert [item.failed for item in found.scenarios] == [()]
    assert found.upgrades[0].needed == pytest.approx(60)


def test_the_best_routing_fills_both_sides_alike() -> None:
    """100 U + 50 U = 60."""
    found = assess(square.network(), failures=0)
    assert found.optimum.best == pytest.approx(0.4, abs=1e-9)
    assert found.optimum.proven


def test_a_linear_program_too_large_to_solve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimum, "LARGEST", 7)
    found = assess(square.network(), failures=0)
    assert (found.optimum.best, found.optimum.proven) == (None, False)
    assert found.optimum.note == "8 variables are too many to solve (7 at most)"


def test_the_mean_way_is_half_as_long_again_as_the_shortest() -> None:
    """(200 + 100) / 2 = 150 km for 100 km."""
    found = assess(square.network(), failures=0)
    (way,) = found.stretch.pairs
    assert (way.source, way.destination) == ("a", "d")
    assert way.km == pytest.approx(150)
    assert way.shortest_km == 100
    assert found.stretch.mean == pytest.approx(1.5)


def test_a_link_of_unknown_length_and_no_position_leaves_the_stretch_open() -> None:
    network = square.network()
    links = {**network.links, "a-b": replace(network.links["a-b"], length_km=None)}
    found = assess(replace(network, links=links), failures=0)
    assert found.stretch.mean is None
    assert found.stretch.unmeasured == 2


def test_room_between_places() -> None:
    """From c to a: 80 while nothing fails; when a-c fails c-d (50, idle then) is the narrowest way round. From a to d:
    nothing, as c-d is over its limit already when a-b fails.
    """
    found = assess(square.network(), failures=1)
    back = room(found, "c", "a")
    assert back.mbps == pytest.approx(50)
    assert (str(back.bottleneck), back.cause) == ("c:to-d", (AC,))
    assert room(found, "a", "d").mbps == 0
    idle = assess(square.network(), failures=0)
    assert room(idle, "c", "a").mbps == pytest.approx(80)
    assert room(idle, "a", "d").mbps == pytest.approx(20), "half of it over c-d, where 40 - 30 are left"


def test_pairs_lose_demand_and_say_whose() -> None:
    found = assess(square.network(), failures=2, kinds=("link",))
    assert found.scenario_count == 1 + 4 + 6
    losing = {item.failed: item for item in found.scenarios if item.lost}
    assert set(losing) == {(AB, AC), (AB, CD), (AC, BD), (BD, CD)}
    for item in losing.values():
        assert (item.lost, item.apart) == (60, 0)
        assert [(one.source, one.destination, one.mbps) for one in item.losers] == [("a", "d", 60)]


def test_demand_of_a_failed_router_counts_apart() -> None:
    found = assess(square.network(), failures=1, kinds=("router",))
    assert all(item.lost == 0 for item in found.scenarios)
    assert found.hours[0].losing == 0


def test_a_risk_group_takes_all_its_links() -> None:
    network = square.network(groups={"a-b": "duct", "a-c": "duct"})
    found = assess(network, failures=1, kinds=("srlg",))
    (cut,) = found.scenarios
    assert (cut.failed, cut.lost) == ((Thing("srlg", "duct"),), 60)


def test_an_overloaded_router_is_no_transit_but_an_end() -> None:
    made = square.overloaded(square.lab(), "b")
    found = assess(square.network(square.demand("a", "d", 60.0), square.demand("a", "b", 7.0), made=made), failures=0)
    loads = {str(item.interface): item.mbps for item in found.links if item.mbps}
    assert loads == {"a:to-c": 60, "c:to-d": 60, "a:to-b": 7}


def test_hours_say_when_a_thing_can_be_out() -> None:
    night, day = square.demand("a", "d", 10.0, "night"), square.demand("a", "d", 60.0, "day")
    always = square.demand("d", "a", 1.0)
    found = assess(square.network(night, day, always), failures=1)
    assert [(hour.period, hour.offered) for hour in found.hours] == [("night", 11), ("day", 61)]
    windows = {window.thing: window for window in found.windows}
    assert windows[AB].safe == ("night",)
    assert windows[AB].unsafe == (("day", 1.2),)
    assert windows[AC].safe == ("night", "day")
    assert link(found, "c:to-d").period == "day"


def test_unknown_capacity_is_told_and_holds_no_limit() -> None:
    network = square.network()
    links = {**network.links, "c-d": replace(network.links["c-d"], capacity=None)}
    found = assess(replace(network, links=links), failures=1)
    assert link(found, "c:to-d").worst is None
    assert not found.at_fault
    assert "no-capacity" in {remark.code for remark in found.remarks}


def test_a_capacity_of_nothing_is_exceeded_by_anything() -> None:
    network = square.network()
    links = {**network.links, "c-d": replace(network.links["c-d"], capacity=0.0)}
    found = assess(replace(network, links=links), failures=0)
    assert link(found, "c:to-d").utilisation == float("inf")
    assert found.at_fault


def test_no_demands_are_told() -> None:
    found = assess(replace(square.network(), demands=()), failures=1)
    assert "no-demands" in {remark.code for remark in found.remarks}
    assert headline(found) == "no demand is declared (demands.csv), so that nothing could be assessed"
    assert not found.at_fault
    assert found.growth is None


def test_demand_lost_with_everything_up_is_a_fault() -> None:
    made = square.lab()
    made.add("e")
    found = assess(square.network(square.demand("a", "e", 5.0), made=made), failures=0)
    assert found.hours[0].lost == 5
    assert [(item.source, item.destination) for item in found.hours[0].losers] == [("a", "e")]
    assert found.at_fault


def test_areas_are_answered_by_the_engine_for_single_failures() -> None:
    """Intra-area wins (RFC 2328 11): all 60 over b; without a-b they go through area 1 over c."""
    found = assess(square.two_areas(), failures=1)
    assert link(found, "a:to-b").mbps == 60
    assert link(found, "c:to-d").worst == 1.2
    assert found.method.startswith("the engine")
    assert found.optimum.best is None
    with pytest.raises(Unproven, match="--failures 1 can"):
        assess(square.two_areas(), failures=2)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"failures": 3}, "3 failures at once"),
        ({"failures": -1}, "expected 0, 1 or 2"),
        ({"kinds": ("wire",)}, "--kinds wire: expected some of link, router, srlg"),
        ({"exclude": ("a-bb",)}, "--exclude a-bb: .* did you mean a-b?"),
        ({"limit": 0.0}, "--limit 0: expected a share"),
        ({"limit": float("nan")}, "--limit nan: expected a share"),
    ],
)
def test_what_has_no_meaning_is_refused(asked: dict[str, object], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        assess(square.network(), **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("mbps", [float("nan"), -1.0, float("inf")])
def test_demands_that_are_no_amounts_are_refused(mbps: float) -> None:
    with pytest.raises(InputError, match="demand a to d"):
        assess(square.network(square.demand("a", "d", mbps)))


@pytest.mark.parametrize("capacity", [float("nan"), -1.0])
def test_capacities_that_are_no_amounts_are_refused(capacity: float) -> None:
    network = square.network()
    links = {**network.links, "c-d": replace(network.links["c-d"], capacity=capacity)}
    with pytest.raises(InputError, match="link c-d: capacity"):
        assess(replace(network, links=links))


def test_progress_counts_every_scenario() -> None:
    told: list[tuple[int, int]] = []
    assess(square.network(), failures=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (37, 37), "1 + 8 + 28"
    assert told == sorted(told)


@pytest.mark.parametrize("metric", [0, -5])
def test_metrics_below_one_are_refused(metric: int) -> None:
    made = square.lab().circuit("a:to-b", metric=metric)
    with pytest.raises(InputError, match=f"a:to-b: IS-IS metric {metric}; expected 1 or more"):
        assess(square.network(made=made))


def test_a_segment_of_three_routers_is_answered_by_the_engine() -> None:
    """a, b and c share one switch: what a sends to both adds up on its one port."""
    made = Lab("a b c")
    for host, name in enumerate("abc"):
        made.port(name, "lan", f"10.1.0.{host + 1}/24", f"2001:db8:1::{host + 1}/64")
    made.join("switch", "a:lan", "b:lan", "c:lan")
    for name in "abc":
        made.isis(name)
    network = square.network(square.demand("a", "b", 10.0), square.demand("a", "c", 5.0), made=made)
    network = replace(network, links={"switch": replace(network.links["switch"], capacity=10.0)})
    found = assess(network, failures=1)
    assert found.method == "the engine, failure by failure: a segment joins more than two routers"
    assert (link(found, "a:lan").mbps, link(found, "a:lan").utilisation) == (15, 1.5)
    assert {item.failed for item in found.scenarios} == {(), (Thing("link", "switch"),)}
    (cut,) = [item for item in found.scenarios if item.failed]
    assert (cut.lost, [(one.destination, one.mbps) for one in cut.losers]) == (15, [("b", 10), ("c", 5)])
