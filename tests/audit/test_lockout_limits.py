"""lockout (O01, O02, O10) and limits (O02, O03) with states by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.audit.kit import NAMES, context, denied, drain, network, overloaded, route, stage, state, tables, told, ways

from backstay.audit.checks import limits, lockout
from backstay.audit.context import Kind
from backstay.model.address import Address, Prefix
from backstay.model.change import Intent
from backstay.model.finding import Severity
from backstay.model.network import Network, Overlay
from backstay.model.routing import BgpNeighbor, BgpProcess, MaximumPrefix, NeighborFamily
from backstay.model.service import Limits, TableLimit
from backstay.model.state import Session, State

NET = network()
HEALTHY = state(NET)
DRAIN = drain(NET, "pop1")


def after(**access: Any) -> State:
    return replace(HEALTHY, access={**HEALTHY.access, **access})


# ------------------------------------------------------------------------------------------- lockout


def test_all_paths_working_is_no_finding() -> None:
    assert lockout.check(context(DRAIN, HEALTHY, HEALTHY)) == ()


def test_no_path_at_all_is_denied_with_what_broke() -> None:
    found = lockout.check(context(DRAIN, HEALTHY, after(pop3=ways(), dc1=ways())))
    assert len(found) == 1
    assert found[0].summary.startswith("2 routers (dc1, pop3) lose every remote operator path; left: no way in at all")
    assert "noc: noc fails, console: console fails" in found[0].summary
    assert (found[0].before, found[0].after) == ("dc1: noc, console, walk-in", "dc1: none")


def test_the_door_alone_refuses_and_says_how_long_it_takes() -> None:
    text = denied(lockout.check(context(DRAIN, HEALTHY, after(pop3=ways("walk-in")))))[0]
    assert "left: only on site (walk-in, 240 minutes)" in text


def test_a_router_that_only_ever_had_its_door_keeps_it() -> None:
    only = {name: ways("walk-in") for name in NAMES}
    same = replace(HEALTHY, access=only)
    assert lockout.check(context(DRAIN, same, same)) == ()


def test_one_remote_path_less_is_told() -> None:
    found = lockout.check(context(DRAIN, HEALTHY, after(pop3=ways("console", "walk-in"))))
    assert [(item.severity, item.after) for item in found] == [(Severity.WARNING, "left: console")]


def test_locked_before_and_after_is_told_not_blamed() -> None:
    locked = after(pop3=ways())
    assert told(lockout.check(context(DRAIN, locked, locked)), Severity.WARNING)
    assert denied(lockout.check(context(DRAIN, locked, locked))) == []


def test_a_router_that_is_reloaded_is_out_of_reach_on_purpose_but_no_other() -> None:
    down = Overlay(routers_down=frozenset({"pop1"}))
    alone = lockout.check(context(DRAIN, HEALTHY, after(pop1=ways()), Kind.DURING, down))
    assert [item.severity for item in alone] == [Severity.WARNING]
    assert denied(lockout.check(context(DRAIN, HEALTHY, after(pop1=ways(), pop3=ways()), Kind.DURING, down)))


def test_a_router_without_an_answer_is_unknown() -> None:
    partial = replace(HEALTHY, access={name: paths for name, paths in HEALTHY.access.items() if name != "pop3"})
    assert "pop3" in told(lockout.check(context(DRAIN, HEALTHY, partial)), Severity.UNKNOWN)[0]


def test_no_declared_path_is_unknown() -> None:
    bare = network(access_paths={})
    empty = replace(state(bare), access={})
    assert told(lockout.check(context(drain(bare, "pop1"), empty, empty, Kind.WHOLE)), Severity.UNKNOWN)


def test_a_change_needs_a_way_back_unless_it_is_one() -> None:
    none = replace(DRAIN, rollback=None)
    assert "no way back" in told(lockout.check(context(none, HEALTHY, HEALTHY, Kind.WHOLE)), Severity.UNKNOWN)[0]
    restore = replace(none, change=replace(none.change, intent=Intent.RESTORE))
    assert lockout.check(context(restore, HEALTHY, HEALTHY, Kind.WHOLE)) == ()
    looks = replace(none, stages=(stage(NET, "pop1", touched=()),))
    assert lockout.check(context(looks, HEALTHY, HEALTHY, Kind.WHOLE)) == ()


def test_a_rollback_that_leaves_lines_behind_is_told_and_one_that_leaves_routes_denied() -> None:
    stuck = replace(DRAIN, rollback=(stage(overloaded(NET, "pop1"), "pop1", rollback=True),))
    assert told(lockout.check(context(stuck, HEALTHY, HEALTHY, Kind.ROLLED_BACK)), Severity.WARNING)
    moved = replace(HEALTHY, routes=tables(metric=20))
    text = denied(lockout.check(context(stuck, HEALTHY, moved, Kind.ROLLED_BACK)))[0]
    assert text == "after the rollback 1 router (pop1) is not as before the change (isis)"
    assert lockout.check(context(DRAIN, HEALTHY, HEALTHY, Kind.ROLLED_BACK)) == ()


# ------------------------------------------------------------------------------------------- limits

FEED = Address.parse("10.1.0.1")


def feeding(limit: MaximumPrefix | None, *routers: str) -> Network:
    """A session with a maximum on each router named, towards 10.1.0.1."""
    family = NeighborFamily(version=4, maximum_prefix=limit)
    neighbor = BgpNeighbor(peer=FEED, remote_as=64601, families={4: family})
    process = BgpProcess(asn=65000, neighbors={str(FEED): neighbor})
    changed = {name: replace(NET.routers[name], bgp=(process,)) for name in routers}
    return network(routers={**NET.routers, **changed})


def fed(accepted: int, *routers: str, tripped: bool = False) -> State:
    sessions = tuple(
        Session(
            name, "default", str(FEED), "transit-a", established=not tripped, accepted=((4, accepted),), tripped=tripped
        )
        for name in routers
    )
    return replace(HEALTHY, sessions=sessions)


def test_a_session_brought_near_its_maximum_is_denied() -> None:
    """O03: 92 of 100, with a margin of 90 %."""
    made = drain(feeding(MaximumPrefix(limit=100), "pop1"), "pop1")
    found = limits.check(context(made, fed(80, "pop1"), fed(92, "pop1")))
    assert denied(found) == ["1 BGP session is beyond 90 % of maximum-prefix: pop1 from transit-a IPv4 92 of 100"]
    assert (found[0].before, found[0].after) == ("80 prefixes", "92 prefixes of 100")
    assert limits.check(context(made, fed(80, "pop1"), fed(90, "pop1"))) == ()


def test_a_session_near_its_maximum_before_is_told() -> None:
    made = drain(feeding(MaximumPrefix(limit=100), "pop1"), "pop1")
    found = limits.check(context(made, fed(92, "pop1"), fed(92, "pop1")))
    assert [item.severity for item in found] == [Severity.WARNING]


def test_equal_limits_nearly_reached_are_one_failure_waiting_to_happen() -> None:
    made = drain(feeding(MaximumPrefix(limit=100), "pop1", "pop2", "pop3"), "pop1")
    both = fed(92, "pop1", "pop2", "pop3")
    texts = told(limits.check(context(made, both, both)), Severity.WARNING)
    assert any("3 routers (pop1, pop2, pop3) of role pop have the same limit of 100" in text for text in texts)
    far = fed(50, "pop1", "pop2", "pop3")
    assert limits.check(context(made, far, far)) == ()


def test_a_session_that_trips_is_denied_and_stays_down_until_cleared_by_hand() -> None:
    made = drain(feeding(MaximumPrefix(limit=100), "pop1"), "pop1")
    text = denied(limits.check(context(made, fed(99, "pop1"), fed(106, "pop1", tripped=True))))[0]
    assert "torn down" in text
    assert "cleared by hand" in text
    again = drain(feeding(MaximumPrefix(limit=100, restart=5), "pop1"), "pop1")
    assert "by hand" not in denied(limits.check(context(again, fed(99, "pop1"), fed(106, "pop1", tripped=True))))[0]


def test_a_limit_that_only_warns_only_warns() -> None:
    made = drain(feeding(MaximumPrefix(limit=100, warning_only=True), "pop1"), "pop1")
    assert denied(limits.check(context(made, fed(80, "pop1"), fed(99, "pop1")))) == []


def test_a_forced_limit_counts_what_is_received() -> None:
    made = drain(feeding(MaximumPrefix(limit=100, force=True), "pop1"), "pop1")
    filtered = fed(5, "pop1")
    received = replace(filtered, sessions=tuple(replace(s, received=((4, 95),)) for s in filtered.sessions))
    assert "95 of 100" in denied(limits.check(context(made, filtered, received)))[0]


def test_tables_beyond_what_a_role_holds() -> None:
    """O02: the filter is gone and the interior protocol carries 300 000 routes; here 10 routes, 4 of them free."""
    limit = TableLimit(role="pop", table="igp", routes=10, margin=0.4)
    net = network(limits=Limits(tables=(limit,)))
    many = {Prefix.parse(f"10.{n}.0.0/16"): route() for n in range(7)}
    flooded = replace(HEALTHY, routes={**tables(), **{name: {"default": many} for name in ("pop1", "pop2", "pop3")}})
    found = limits.check(context(drain(net, "pop1"), HEALTHY, flooded))
    assert "all of the role at once" in denied(found)[0]
    assert (found[0].before, found[0].after) == ("pop1: 2 routes", "pop1: 7 routes")
    assert [item.severity for item in limits.check(context(drain(net, "pop1"), flooded, flooded))] == [Severity.WARNING]
    external = replace(flooded, routes={name: {"default": {p: route(protocol="ibgp") for p in many}} for name in NAMES})
    assert limits.check(context(drain(net, "pop1"), HEALTHY, external)) == ()


def test_a_table_nobody_can_count_is_unknown() -> None:
    net = network(limits=Limits(tables=(TableLimit(role="pop", table="tcam", routes=10),)))
    assert told(limits.check(context(drain(net, "pop1"), HEALTHY, HEALTHY)), Severity.UNKNOWN)


def test_a_customer_without_a_maximum_is_told_where_the_change_works() -> None:
    """O15: the customer's session had no maximum-prefix."""
    peer = Address.parse("10.2.0.2")
    neighbor = BgpNeighbor(peer=peer, remote_as=64700, families={4: NeighborFamily(version=4)})
    process = BgpProcess(asn=65000, neighbors={str(peer): neighbor})
    net = network(routers={**NET.routers, "pop2": replace(NET.routers["pop2"], bgp=(process,))})
    found = limits.check(context(drain(net, "pop2"), HEALTHY, HEALTHY))
    assert told(found, Severity.WARNING) == [
        "1 session with customers or peers has no maximum-prefix: customer-c at pop2"
    ]
    assert limits.check(context(drain(net, "pop1"), HEALTHY, HEALTHY)) == ()
