"""Flows over hand-written tables; shares by hand: an equal split per hop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.simulate.handmade import Handwritten, forwarding, ip, network

from backstay.model.errors import Unproven
from backstay.model.flows import Flow
from backstay.model.network import Overlay
from backstay.model.state import Fate, FlowResult
from backstay.simulate import loops
from backstay.simulate.flows import Forwarding, results

SQUARE = network("a b c d", "a-b a-c b-d c-d")
D = "10.255.0.4/32"
BOTH_WAYS = {"a": {D: "via b c"}, "b": {D: "via d"}, "c": {D: "via d"}}


def flow(found: Forwarding, start: str, to: str = "10.255.0.4") -> FlowResult:
    return found.result(Flow("f", "declared", start, ip(to), start, to))


def square(tables: Handwritten, overlay: Overlay | None = None) -> Forwarding:
    return forwarding(SQUARE, tables, overlay=overlay or Overlay())


def test_equal_cost_paths_share_equally_and_arrive() -> None:
    assert flow(square(BOTH_WAYS), "a") == FlowResult(
        flow="f", delivered=1.0, fate=Fate.DELIVERED, at=(), hops=("a", "b", "d")
    )


def test_half_of_a_flow_is_lost_where_one_branch_drops() -> None:
    found = flow(square({**BOTH_WAYS, "c": {D: "drop"}}), "a")
    assert found == FlowResult(flow="f", delivered=0.5, fate=Fate.DISCARDED, at=("c",), hops=("a", "b", "d"))


def test_the_worst_branch_is_the_fate_and_every_bad_end_is_named() -> None:
    found = flow(square({**BOTH_WAYS, "b": {D: "drop"}, "c": {}}), "a")
    assert (found.fate, found.at, found.delivered, found.hops) == (Fate.DISCARDED, ("b", "c"), 0.0, ())


def test_a_dead_source_sends_nothing() -> None:
    found = flow(square(BOTH_WAYS, Overlay(routers_down=frozenset({"a"}))), "a")
    assert found == FlowResult(flow="f", delivered=0.0, fate=Fate.SOURCE_DOWN, at=("a",))


def test_two_routers_that_point_at_each_other_are_a_loop() -> None:
    found = flow(square({"a": {D: "via b"}, "b": {D: "via a"}}), "a")
    assert (found.fate, found.delivered, found.hops) == (Fate.LOOP, 0.0, ())
    assert found.at == ("a",)


def test_a_branch_that_leaves_a_loop_still_delivers_its_share() -> None:
    """a sends half to b and half to c; b sends half back to a and half to d. Back at a the packet takes the branch it
    took before, so it circles: 1/2 (c) + 1/4 (b to d) arrive, 1/4 is lost.
    """
    found = flow(square({"a": {D: "via b c"}, "b": {D: "via a d"}, "c": {D: "via d"}}), "a")
    assert found.delivered == pytest.approx(0.75)
    assert (found.fate, found.at, found.hops) == (Fate.LOOP, ("a",), ("a", "b", "d"))


def test_traffic_that_runs_into_a_loop_from_outside_is_told_the_same() -> None:
    """c forwards to a; a and b as above but without c's own way out: of a's traffic 1/2 goes by b, 1/4 arrives."""
    chain = network("a b c d", "a-b b-d a-c")
    tables = {"a": {D: "via b"}, "b": {D: "via a d"}, "c": {D: "via a"}}
    found = flow(forwarding(chain, tables), "c")
    assert found.delivered == pytest.approx(0.5)
    assert (found.fate, found.at, found.hops) == (Fate.LOOP, ("a",), ("c", "a", "b", "d"))


def test_a_loop_with_too_many_walks_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "WALKS", 1)
    with pytest.raises(Unproven, match="forwarding loop of 2 routers"):
        flow(square({"a": {D: "via b"}, "b": {D: "via a"}}), "a")


def test_an_uneven_tree_of_splits() -> None:
    """a splits in two, b again in two (a branch to d and one dropped at e): 1/2 + 1/4 arrive."""
    tree = network("a b c d e", "a-b a-c b-d b-e c-d")
    tables = {"a": {D: "via b c"}, "b": {D: "via d e"}, "c": {D: "via d"}, "e": {D: "drop"}}
    found = flow(forwarding(tree, tables), "a")
    assert found.delivered == pytest.approx(0.75)
    assert found.at == ("e",)


def test_many_destinations_in_several_batches_are_all_answered() -> None:
    """More destinations than one batch holds, each of them on the same route."""
    tables = {"a": {"10.9.0.0/16": "via b"}, "b": {"10.9.0.0/16": "drop"}}
    flows = [
        Flow(f"f{number:03}", "declared", "a", ip(f"10.9.{number // 250}.{number % 250}"), "a", "x")
        for number in range(300)
    ]
    found = results(square(tables), flows)
    assert len(found) == 300
    assert {(item.fate, item.at) for item in found.values()} == {(Fate.DISCARDED, ("b",))}
    assert list(found) == sorted(found)


def test_reaching_means_on_every_branch() -> None:
    half = square({**BOTH_WAYS, "c": {D: "drop"}})
    assert not half.arrives("a", ip("10.255.0.4"))
    assert half.arrives("b", ip("10.255.0.4"))
    assert half.failure("a", ip("10.255.0.4")) == "discarded at c"
    assert square(BOTH_WAYS).failure("a", ip("10.255.0.4")) == ""


def test_a_link_that_is_cut_ends_the_branch_over_it() -> None:
    cut = replace(SQUARE, interfaces_down=frozenset(SQUARE.links["a-b"].ends))
    found = flow(forwarding(cut, BOTH_WAYS), "a")
    assert (found.delivered, found.fate, found.at) == (0.5, Fate.UNREACHABLE, ("a",))
