"""reach (O01, O18), load (O05, O10, O11, O20) and anycast (O01, O07) with states by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.audit.kit import DNS, HEARD, context, denied, drain, health, loads, network, ref, state, told

from backstay.audit.checks import anycast, load, reach
from backstay.audit.context import Kind
from backstay.model.change import Expectation, Intent
from backstay.model.finding import Severity
from backstay.model.network import Overlay
from backstay.model.service import Anycast
from backstay.model.state import Event, FailureResult, Fate, LostDemand, State

NET = network()
HEALTHY = state(NET)
DRAIN = drain(NET, "pop1")


def faring(match: str, **changes: Any) -> State:
    """The State in which flows whose name holds ``match`` fare differently."""
    flows = {name: replace(flow, **changes) if match in name else flow for name, flow in HEALTHY.flows.items()}
    assert flows != HEALTHY.flows
    return replace(HEALTHY, flows=flows)


# ------------------------------------------------------------------------------------------- reach


def test_flows_that_arrive_as_before_are_no_finding() -> None:
    assert reach.check(context(DRAIN, HEALTHY, HEALTHY)) == ()


def test_cut_flows_are_told_by_kind_family_and_fate() -> None:
    """Three PoPs to two data-centre routers: six flows, of which two end at pop1."""
    cut = faring("west>dc", delivered=0.0, fate=Fate.NO_ROUTE, at=("pop1",))
    found = reach.check(context(DRAIN, HEALTHY, cut))
    assert denied(found) == [
        "2 of 6 protected flows (pop-to-dc, IPv4) are cut (2 without a route), nothing of them arrives: west to dc"
    ]
    assert (found[0].before, found[0].after) == ("100 % delivered", "0 % delivered; ends at pop1")


def test_half_a_flow_is_a_cut_too() -> None:
    half = faring("west>dc", delivered=0.5, fate=Fate.LOOP, at=("dc1",))
    text = denied(reach.check(context(DRAIN, HEALTHY, half)))[0]
    assert "(2 in a loop), at worst 50 % arrives" in text


def test_what_failed_before_is_told_not_blamed_unless_it_now_loops() -> None:
    dead = faring("west>dc", delivered=0.0, fate=Fate.NO_ROUTE)
    found = reach.check(context(DRAIN, dead, dead))
    assert [item.severity for item in found] == [Severity.WARNING]
    looping = faring("west>dc", delivered=0.0, fate=Fate.LOOP)
    assert denied(reach.check(context(DRAIN, dead, looping)))
    repair = drain(NET, "pop1", intent=Intent.RESTORE)
    assert [item.severity for item in reach.check(context(repair, dead, dead))] == [Severity.INFO]


def test_a_flow_without_an_answer_is_unknown() -> None:
    partial = replace(HEALTHY, flows=dict(list(HEALTHY.flows.items())[1:]))
    assert told(reach.check(context(DRAIN, HEALTHY, partial)), Severity.UNKNOWN)


def test_a_flow_whose_end_is_removed_is_cut() -> None:
    """The change takes the loopback of dc2 away: the engine is not even asked about it any more."""
    bare = {**NET.routers["dc2"].interfaces}
    del bare["lo"]
    after = replace(NET, routers={**NET.routers, "dc2": replace(NET.routers["dc2"], interfaces=bare)})
    made = replace(DRAIN, stages=(replace(DRAIN.stages[0], network=after),))
    text = denied(reach.check(context(made, HEALTHY, HEALTHY)))[0]
    assert "lose an end" in text


def test_a_reloaded_router_rests_on_its_twin_a_single_one_does_not() -> None:
    down = Overlay(routers_down=frozenset({"pop1", "dc1"}))
    gone = faring(" pop1>", delivered=0.0, fate=Fate.SOURCE_DOWN)
    assert denied(reach.check(context(DRAIN, HEALTHY, gone, Kind.DURING, down)))
    twin = network(sites={**NET.sites, "west": replace(NET.sites["west"], routers=("pop1", "pop2"))})
    before = state(twin)
    flows = {n: replace(f, delivered=0.0) if " pop1>" in n else f for n, f in before.flows.items()}
    found = reach.check(context(drain(twin, "pop1"), before, replace(before, flows=flows), Kind.DURING, down))
    west = [item for item in found if "west" in item.summary and item.severity is Severity.DENY]
    assert west == []


def test_demand_that_dies_inside_is_a_trap() -> None:
    lost = LostDemand(source="lab", destination="west", mbps=40.0, reason=Fate.LOOP, at=("dc1", "dc2"))
    trapped = replace(HEALTHY, loads=replace(loads(), lost=(lost,)))
    assert (
        "40 Mbit/s of demand die inside the network, in a loop, at dc1, dc2"
        in denied(reach.check(context(DRAIN, HEALTHY, trapped)))[0]
    )
    declared = drain(NET, "pop1", expect=Expectation(lost_mbps=40.0))
    assert denied(reach.check(context(declared, HEALTHY, trapped))), "a loop cannot be declared away"
    hole = replace(HEALTHY, loads=replace(loads(), lost=(replace(lost, reason=Fate.NO_ROUTE),)))
    assert denied(reach.check(context(declared, HEALTHY, hole))) == []


# ------------------------------------------------------------------------------------------- load


def test_lost_demand_is_denied_unless_declared() -> None:
    lost = (LostDemand(source="west", destination="dc", mbps=300.0, reason=Fate.NO_ROUTE, at=("pop1",)),)
    after = replace(HEALTHY, loads=replace(loads(), lost=lost))
    text = denied(load.check(context(DRAIN, HEALTHY, after)))[0]
    assert text == "300 Mbit/s of demand are lost, 60 % of all: west to dc 300 Mbit/s (no-route)"
    assert load.check(context(drain(NET, "pop1", expect=Expectation(lost_mbps=300.0)), HEALTHY, after)) == ()
    assert load.check(context(DRAIN, after, after)) == ()


def test_a_link_put_over_its_limit_is_denied() -> None:
    """O11: 60 % with one drained, 600 % as it was executed."""
    assert load.check(context(DRAIN, HEALTHY, replace(HEALTHY, loads=loads(share=0.8)))) == ()
    found = load.check(context(DRAIN, HEALTHY, replace(HEALTHY, loads=loads(share=6.0))))
    assert denied(found) == ["1 interface is over the limit of 80 %: pop1:to-dc1 600 %"]
    assert (found[0].before, found[0].after) == ("pop1:to-dc1: 30 %", "pop1:to-dc1: 600 %")


def test_a_link_over_its_limit_before_is_told_until_it_gets_worse() -> None:
    hot = replace(HEALTHY, loads=loads(share=0.9))
    assert [item.severity for item in load.check(context(DRAIN, hot, hot))] == [Severity.WARNING]
    assert denied(load.check(context(DRAIN, hot, replace(HEALTHY, loads=loads(share=0.95)))))


def failure(name: str, share: float, lost: float = 0.0) -> FailureResult:
    return FailureResult(kind="link", name=name, max_utilisation=share, worst=ref("pop1", "dc1"), lost_mbps=lost)


def swept(*results: FailureResult) -> State:
    return replace(HEALTHY, sweep=results)


def test_a_single_failure_over_the_limit_is_denied() -> None:
    """O10: 70 % when all is well, 700 % on the small router after one cut."""
    before, after = swept(failure("dc1--pop1", 0.7)), swept(failure("dc1--pop1", 7.0))
    found = load.check(context(DRAIN, before, after, sweep=True))
    assert denied(found) == ["at 1 single failure a link goes over 100 %: link dc1--pop1 puts pop1:to-dc1 at 700 %"]
    assert (found[0].before, found[0].after) == ("link dc1--pop1: 70 %", "link dc1--pop1: 700 %")
    assert load.check(context(DRAIN, before, before, sweep=True)) == ()


def test_a_failure_over_the_limit_before_is_told() -> None:
    hot = swept(failure("dc1--pop1", 1.2))
    assert [item.severity for item in load.check(context(DRAIN, hot, hot, sweep=True))] == [Severity.WARNING]


def test_a_failure_that_would_lose_more_is_told_of_a_drain_and_denied_of_a_change() -> None:
    before, after = swept(failure("dc1--pop1", 0.7)), swept(failure("dc1--pop1", 0.7, lost=300.0))
    assert denied(load.check(context(DRAIN, before, after, sweep=True))) == []
    made = drain(NET, "pop1", intent=Intent.CONFIGURE)
    assert "link dc1--pop1 300 Mbit/s" in denied(load.check(context(made, before, after, sweep=True)))[0]


def test_a_missing_sweep_and_a_smaller_matrix_are_unknown() -> None:
    none = replace(HEALTHY, sweep=None)
    assert told(load.check(context(DRAIN, HEALTHY, none, sweep=True)), Severity.UNKNOWN)
    fewer = replace(HEALTHY, loads=replace(loads(), offered=499.0))
    assert told(load.check(context(DRAIN, HEALTHY, fewer)), Severity.UNKNOWN)


def test_traffic_on_a_link_of_unknown_capacity_is_told() -> None:
    bare = replace(HEALTHY, loads=replace(loads(), utilisation={}))
    assert "no capacity is known for 2 interfaces" in told(load.check(context(DRAIN, bare, bare)), Severity.WARNING)[0]


# ------------------------------------------------------------------------------------------- anycast


def test_below_the_floor_is_denied_with_the_cascade() -> None:
    """O01: every site judges itself unhealthy and withdraws."""
    events = tuple(Event(round=n, kind="site-withdrawn", subject=s, text=s) for n, s in enumerate(("west", "east"), 1))
    found = anycast.check(context(DRAIN, HEALTHY, replace(HEALTHY, sites=health(), cascade=events)))
    text = denied(found)[0]
    assert text.startswith("dns: no site keeps announcing 192.0.2.0/24, the floor is 2; nobody can reach it at all")
    assert "health checks fail at east (cannot reach dc), lab (cannot reach dc), west (cannot reach dc)" in text
    assert "after 2 rounds of withdrawals" in text
    assert (found[0].before, found[0].after) == ("3 origins live", "0 origins live")


def test_one_site_less_above_the_floor_is_told() -> None:
    found = anycast.check(context(DRAIN, HEALTHY, replace(HEALTHY, sites=health("east", "west"))))
    assert [item.severity for item in found] == [Severity.WARNING]


def test_below_the_floor_before_is_told_until_it_gets_worse() -> None:
    one, none = replace(HEALTHY, sites=health("east")), replace(HEALTHY, sites=health())
    assert [item.severity for item in anycast.check(context(DRAIN, one, one))] == [Severity.WARNING]
    assert denied(anycast.check(context(DRAIN, one, none)))


def test_a_site_without_an_answer_is_unknown() -> None:
    assert (
        "west"
        in told(anycast.check(context(DRAIN, HEALTHY, replace(HEALTHY, sites=HEALTHY.sites[:2]))), Severity.UNKNOWN)[0]
    )


def test_a_prefix_that_sites_announce_and_nobody_hears_is_denied() -> None:
    deaf = replace(HEALTHY, advertisements=frozenset(item for item in HEARD if item.prefix != DNS))
    assert denied(anycast.check(context(DRAIN, HEALTHY, deaf))) == [
        "dns: no external neighbour hears 192.0.2.0/24 any more"
    ]


def test_a_prefix_of_two_services_is_told() -> None:
    """O07: the resolver's prefixes also stood in a service that was not live yet."""
    second = Anycast(name="suite", prefixes=(DNS,), origins=(), floor=0)
    net = network(anycasts={**NET.anycasts, "suite": second})
    assert any(
        "claimed by dns, suite" in t
        for t in told(anycast.check(context(drain(net, "pop1"), HEALTHY, HEALTHY)), Severity.WARNING)
    )
