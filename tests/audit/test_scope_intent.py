"""scope and intent against the outages that taught them (O01, O11) and their innocent twins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.audit.kit import (
    DNS,
    FILE,
    HEARD,
    NAMES,
    OWN,
    change,
    context,
    denied,
    drain,
    heard,
    loads,
    network,
    overloaded,
    plan,
    ref,
    stage,
    state,
    tables,
    told,
    typed,
)

from backstay.audit.checks import intent, scope
from backstay.audit.context import Kind
from backstay.model.address import Prefix
from backstay.model.change import Expectation, Intent, Operation, Scope
from backstay.model.demand import Demand
from backstay.model.finding import Severity
from backstay.model.network import Overlay
from backstay.model.service import Limits
from backstay.model.state import Adjacency, Fate, LostDemand, Session

NET = network()
HEALTHY = state(NET)
MOVED = state(
    NET, routes={**tables(), "pop1": {"default": {}}}, loads=replace(loads(), mbps={ref("pop2", "dc1"): 500.0})
)


# ------------------------------------------------------------------------------------------- scope


def test_resolved_beyond_declared_is_denied_with_the_selector_line() -> None:
    made = drain(NET, "pop1", "pop2")
    made = replace(made, change=replace(made.change, scope=Scope(routers=("pop1",))))
    found = scope.check(context(made, HEALTHY, MOVED))
    assert len(denied(found)) == 1
    assert "resolves to 2 routers, 1 of them outside the declared scope: pop2" in denied(found)[0]
    assert {(where.file, where.line) for where in found[0].where} == {(FILE, 5), (FILE, 7)}


def test_the_declared_router_alone_is_in_scope_whatever_its_case() -> None:
    made = drain(NET, "pop1")
    for declared in (("pop1",), ("POP1",), ("site:west",), ("pop*",)):
        again = replace(made, change=replace(made.change, scope=Scope(routers=declared)))
        assert scope.check(context(again, HEALTHY, MOVED)) == ()


def test_a_scope_declared_as_nothing_holds_nothing() -> None:
    made = drain(NET, "pop1")
    made = replace(made, change=replace(made.change, scope=Scope(routers=())))
    assert "1 of them outside" in denied(scope.check(context(made, HEALTHY, MOVED)))[0]


def test_a_scope_that_is_not_declared_is_told_and_one_that_is_misspelt_denied() -> None:
    made = drain(NET, "pop1")
    bare = replace(made, change=replace(made.change, scope=Scope()))
    assert "not declared" in told(scope.check(context(bare, HEALTHY, MOVED, Kind.WHOLE)), Severity.WARNING)[0]
    typo = replace(made, change=replace(made.change, scope=Scope(routers=("pop1", "pop9"), links=("no-such",))))
    texts = denied(scope.check(context(typo, HEALTHY, MOVED, Kind.WHOLE)))
    assert [("'pop9'" in text, "no-such" in text) for text in texts] == [(True, False), (False, True)]


def test_a_selector_that_means_everything_is_denied_even_when_declared() -> None:
    made = drain(NET, *NAMES)
    assert any("every router of the network (5)" in text for text in denied(scope.check(context(made, HEALTHY, MOVED))))


def test_everything_may_be_meant_where_no_blast_radius_is_set() -> None:
    free = network(limits=Limits(blast_radius=None))
    found = scope.check(context(drain(free, *NAMES), HEALTHY, MOVED))
    assert denied(found) == []
    assert any("every router" in text for text in told(found, Severity.WARNING))


@pytest.mark.parametrize(
    ("routers", "expected"),
    [(("pop1", "pop2"), []), (("dc1", "dc2"), ["failure domain center"]), (("dc1", "pop1"), [])],
)
def test_units_at_once_are_counted_by_failure_domain(routers: tuple[str, ...], expected: list[str]) -> None:
    texts = denied(scope.check(context(drain(NET, *routers), HEALTHY, MOVED)))
    assert [any(word in text for text in texts) for word in expected] == [True] * len(texts)


def test_routers_of_no_declared_domain_share_one() -> None:
    bare = network(sites={})
    made = drain(bare, "pop1", "pop2")
    assert "no declared domain" in denied(scope.check(context(made, state(bare), state(bare))))[0]


def test_a_command_that_shows_acts_on_nobody() -> None:
    show = tuple(Operation(router=name, kind="show", text="show isis neighbor") for name in ("dc1", "dc2"))
    made = plan(change(Intent.ASSESS, ("dc*",)), NET, stage(NET, "dc1", "dc2", touched=(), operations=show))
    assert scope.check(context(made, HEALTHY, HEALTHY)) == ()


def test_adjacencies_and_sessions_lost_elsewhere_are_beyond_scope() -> None:
    far = Adjacency("isis", "2", ref("dc2", "pop3"), ref("pop3", "dc2"))
    near = Adjacency("isis", "2", ref("dc1", "pop1"), ref("pop1", "dc1"))
    session = Session("dc2", "default", "10.255.0.5", "pop3", established=True)
    before = replace(HEALTHY, adjacencies=frozenset({far, near}), sessions=(session,))
    texts = denied(scope.check(context(drain(NET, "pop1"), before, MOVED)))
    assert [("dc2--pop3" in t, "dc1--pop1" in t, "BGP session" in t) for t in texts] == [
        (True, False, False),
        (False, False, True),
    ]


def test_prefixes_outside_the_declared_ones_are_beyond_scope() -> None:
    made = drain(NET, "pop1")
    made = replace(made, change=replace(made.change, scope=Scope(routers=("pop1",), prefixes=(OWN,))))
    after = replace(MOVED, advertisements=frozenset(item for item in HEARD if item.prefix != DNS))
    assert "192.0.2.0/24" in denied(scope.check(context(made, HEALTHY, after)))[0]
    inside = replace(MOVED, advertisements=frozenset(item for item in HEARD if item.prefix != OWN))
    assert scope.check(context(made, HEALTHY, inside)) == ()


# ------------------------------------------------------------------------------------------- assess


def test_an_assessment_that_writes_is_denied_even_without_effect() -> None:
    found = intent.check(context(drain(NET, "pop1", intent=Intent.ASSESS), HEALTHY, HEALTHY))
    assert denied(found) == ["declared as an assessment, yet it writes configuration on 1 router (pop1)"]
    assert found[0].after == "router isis 1 / set-overload-bit"
    assert (found[0].where[0].router, found[0].where[0].file, found[0].where[0].line) == ("pop1", FILE, 7)


def test_an_assessment_with_any_effect_says_all_of_it() -> None:
    after = replace(MOVED, advertisements=frozenset())
    text = denied(intent.check(context(drain(NET, "pop1", intent=Intent.ASSESS), HEALTHY, after)))[1]
    assert text == (
        "declared as an assessment, yet it changes 2 routes on 1 router, 6 advertisements, the load of 2 interfaces"
    )


def test_an_assessment_that_only_looks_is_left_alone() -> None:
    show = Operation(router="pop1", kind="show", text="show interface")
    lines = (typed("pop1", action="unchanged"),)
    made = plan(change(Intent.ASSESS), NET, stage(NET, "pop1", touched=lines, operations=(show,)))
    assert intent.check(context(made, HEALTHY, HEALTHY)) == ()


@pytest.mark.parametrize(
    ("kind", "severity"), [("reload", "deny"), ("clear", "deny"), ("odd", "deny"), ("debug", "warning")]
)
def test_commands_of_an_assessment(kind: str, severity: str) -> None:
    act = Operation(router="pop1", kind=kind, text=f"{kind} x")
    made = plan(change(Intent.ASSESS), NET, stage(NET, "pop1", touched=(), operations=(act,)))
    assert [item.severity.value for item in intent.check(context(made, HEALTHY, HEALTHY))] == [severity]


# ------------------------------------------------------------------------------------------- drain


def test_a_drain_leaves_what_the_world_hears_as_it_is() -> None:
    less = replace(MOVED, advertisements=frozenset(item for item in HEARD if item.router != "pop1"))
    more = replace(MOVED, advertisements=HEARD | {heard("transit-a", "pop1", Prefix.parse("198.18.4.0/24"))})
    made = drain(NET, "pop1")
    assert "stop hearing 2 prefixes" in denied(intent.check(context(made, HEALTHY, less)))[0]
    assert "begin to hear 1 prefix (198.18.4.0/24)" in denied(intent.check(context(made, HEALTHY, more)))[0]
    expected = drain(NET, "pop1", expect=Expectation(withdrawn=(OWN, DNS)))
    assert intent.check(context(expected, HEALTHY, less)) == ()


def test_a_drain_loses_nothing_that_is_not_declared() -> None:
    """300 of 500 Mbit/s have nowhere to go once pop1 is out of transit."""
    lost = LostDemand(source="west", destination="dc", mbps=300.0, reason=Fate.NO_ROUTE)
    after = replace(MOVED, loads=replace(loads(), lost=(lost,)))
    found = intent.check(context(drain(NET, "pop1"), HEALTHY, after))
    assert denied(found) == ["declared as a drain, yet 300 Mbit/s of demand no longer arrive"]
    assert intent.check(context(drain(NET, "pop1", expect=Expectation(lost_mbps=300.0)), HEALTHY, after)) == ()
    assert intent.check(context(drain(NET, "pop1"), after, after)) == ()


def test_an_undrain_may_add_but_not_withdraw() -> None:
    more = replace(MOVED, advertisements=HEARD | {heard("transit-a", "pop1", Prefix.parse("198.18.4.0/24"))})
    made = drain(NET, "pop1", intent=Intent.UNDRAIN)
    assert intent.check(context(made, HEALTHY, more)) == ()
    assert denied(intent.check(context(made, HEALTHY, replace(MOVED, advertisements=frozenset()))))


def test_draining_both_of_a_pair_is_no_drain() -> None:
    """O11: both primaries instead of one."""
    texts = denied(intent.check(context(drain(NET, "dc1", "dc2"), HEALTHY, MOVED)))
    assert [text.split(":")[0] for text in texts] == ["role data-center", "site dc"]
    assert intent.check(context(drain(NET, "dc1"), HEALTHY, MOVED)) == ()


def test_the_second_of_a_pair_is_refused_when_the_first_is_already_out() -> None:
    half = overloaded(NET, "dc1")
    texts = denied(intent.check(context(drain(half, "dc2"), HEALTHY, MOVED)))
    assert any("takes dc2 out of service and none of its 2 routers is left" in text for text in texts)


def test_shutting_every_cable_of_the_second_unit_counts_as_taking_it_out() -> None:
    half = overloaded(NET, "dc1")
    dark = {
        name: replace(item, enabled=item.kind == "loopback") for name, item in half.routers["dc2"].interfaces.items()
    }
    after = replace(half, routers={**half.routers, "dc2": replace(half.routers["dc2"], interfaces=dark)})
    made = plan(change(Intent.CONFIGURE, ("dc2",)), half, stage(after, "dc2"))
    assert any("site dc" in text for text in denied(intent.check(context(made, HEALTHY, MOVED))))


def test_a_reload_takes_the_second_unit_out_while_it_lasts() -> None:
    half = overloaded(NET, "dc1")
    down = Overlay(routers_down=frozenset({"dc2"}))
    made = plan(change(Intent.DRAIN, ("dc2",)), half, stage(half, "dc2", touched=()))
    assert any("site dc" in text for text in denied(intent.check(context(made, HEALTHY, MOVED, Kind.DURING, down))))


def test_a_drain_that_moves_nothing_does_not_do_what_it_says() -> None:
    """OSPF max-metric on every router, IS-IS metric 16777215: nothing happens (seen on FRR 8.4.4)."""
    texts = denied(intent.check(context(drain(NET, "pop1"), HEALTHY, HEALTHY, Kind.WHOLE)))
    assert texts == ["declared as a drain, yet no route of any router changes: it moves nothing"]


def test_transit_that_stays_is_more_than_the_router_can_have_of_its_own() -> None:
    """dc2 begins and ends nothing here, and 150 Mbit/s still pass through it: in and out, 300 on its links."""
    through = {ref("pop3", "dc2"): 150.0, ref("dc2", "dc1"): 150.0}
    demands = (Demand(source="lab", destination="west", mbps=150.0),)
    net = network(demands=demands)
    stays = replace(HEALTHY, loads=replace(loads(), mbps=through, offered=150.0))
    other = replace(stays, routes=MOVED.routes)
    text = denied(intent.check(context(drain(net, "dc2"), stays, other, Kind.WHOLE)))
    assert text == ["declared as a drain, yet dc2 still carries all of its traffic: it does not do what it says"]
    some = replace(other, loads=replace(loads(), mbps=dict.fromkeys(through, 50.0)))
    assert "100 Mbit/s" in told(intent.check(context(drain(net, "dc2"), stays, some, Kind.WHOLE)), Severity.WARNING)[0]
    none = replace(other, loads=replace(loads(), mbps={}))
    assert intent.check(context(drain(net, "dc2"), stays, none, Kind.WHOLE)) == ()


def test_a_stub_that_only_ever_carried_its_own_can_be_drained() -> None:
    demands = (Demand(source="lab", destination="dc", mbps=150.0),)
    own = replace(HEALTHY, loads=replace(loads(), mbps={ref("pop3", "dc2"): 150.0}))
    after = replace(own, routes=MOVED.routes)
    assert intent.check(context(drain(network(demands=demands), "pop3"), own, after, Kind.WHOLE)) == ()


# ------------------------------------------------------------------------------------------- declared against computed


def test_what_is_expected_must_happen() -> None:
    made = drain(
        NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(withdrawn=(DNS,), added=(Prefix.parse("10.0.0.0/8"),))
    )
    texts = denied(intent.check(context(made, HEALTHY, MOVED, Kind.WHOLE)))
    assert [("192.0.2.0/24" in text, "10.0.0.0/8" in text) for text in texts] == [(True, False), (False, True)]


def test_a_change_that_does_nothing_is_told() -> None:
    made = plan(change(), NET, stage(NET, "pop1", touched=(typed("pop1", action="unchanged"),)))
    assert "does nothing" in told(intent.check(context(made, HEALTHY, HEALTHY, Kind.WHOLE)), Severity.WARNING)[0]


def test_a_restoration_must_restore_something() -> None:
    broken = {name: replace(flow, delivered=0.0) for name, flow in HEALTHY.flows.items()}
    down = replace(HEALTHY, flows=broken)
    made = drain(NET, "pop1", intent=Intent.RESTORE)
    assert "nothing that fails now works" in denied(intent.check(context(made, down, down, Kind.WHOLE)))[0]
    assert intent.check(context(made, down, HEALTHY, Kind.WHOLE)) == ()
