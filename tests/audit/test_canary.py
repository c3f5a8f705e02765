"""What an audit must refuse before it is believed, and a verdict that cannot exist."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.audit.kit import drain, engine, loads, network, ref, state, tables

from backstay.audit.canary import NAMES, disaster
from backstay.audit.checks import CHECKS
from backstay.audit.gate import audit
from backstay.model.finding import Decision, Finding, Severity, Verdict
from backstay.model.service import Budget

BEFORE = network()
GOOD = drain(BEFORE, "pop1")
DRAINED = state(
    BEFORE,
    routes={**tables(), "pop1": {"default": {}}},
    loads=replace(loads(), mbps={ref("pop2", "dc1"): 500.0}),
)
FAST = engine({id(BEFORE): state(BEFORE)}, default=DRAINED)


def unknowns(verdict: Verdict) -> list[str]:
    return [item.summary for item in verdict.findings if item.severity is Severity.UNKNOWN]


@pytest.mark.parametrize("budget", [None, Budget(seconds=60, megabytes=8192)])
@pytest.mark.parametrize("silent", [check.id for check in CHECKS])
def test_a_check_that_finds_nothing_is_not_believed(silent: str, budget: Budget | None) -> None:
    """The right drain, which every check lets pass anyway."""
    checks = tuple(replace(check, function=lambda _: ()) if check.id == silent else check for check in CHECKS)
    verdict = audit(GOOD, {"fast": FAST}, ("fast",), checks=checks, budget=budget)
    assert verdict.decision is Decision.UNKNOWN
    assert unknowns(verdict) == [f"the check {silent} does not object to a change that every check must refuse"]


def test_a_comparison_that_finds_nothing_is_not_believed() -> None:
    verdict = audit(GOOD, {"a": FAST, "b": FAST}, ("a", "b"), compare=lambda _: ())
    assert unknowns(verdict) == ["the comparison of the engines does not tell two different answers apart"]


def test_the_disaster_is_refused_by_all_of_them_and_touches_no_engine_of_ours() -> None:
    calls: list[Any] = []
    verdict = audit(GOOD, {"fast": engine({id(BEFORE): state(BEFORE)}, DRAINED, calls)}, ("fast",))
    assert verdict.decision is Decision.ALLOW, verdict.findings
    assert {of.name for of, _, _ in calls} == {"five"}
    assert not set(NAMES) & set(verdict.engines)
    assert disaster().stages[0].routers == ("a", "b")


def finding(severity: Severity) -> Finding:
    return Finding(check="reach", severity=severity, summary="a finding")


@pytest.mark.parametrize("severity", [Severity.DENY, Severity.UNKNOWN])
def test_an_allow_against_its_own_findings_cannot_exist(severity: Severity) -> None:
    with pytest.raises(ValueError, match="ALLOW against what reach found"):
        Verdict(decision=Decision.ALLOW, findings=(finding(severity),), engines={"fast": Decision.ALLOW})


@pytest.mark.parametrize("engines", [{}, {"fast": Decision.ALLOW, "referee": Decision.UNKNOWN}])
def test_an_allow_without_every_engine_cannot_exist(engines: dict[str, Decision]) -> None:
    with pytest.raises(ValueError, match="ALLOW without the ALLOW of every engine"):
        Verdict(decision=Decision.ALLOW, findings=(finding(Severity.WARNING),), engines=engines)


def test_engines_that_contradict_each_other_prove_nothing() -> None:
    """One denies, the other allows, and they disagree on what is there."""
    locked = engine({id(BEFORE): state(BEFORE)}, default=replace(DRAINED, access=dict.fromkeys(BEFORE.routers, ())))
    verdict = audit(GOOD, {"fast": FAST, "second": locked}, ("fast", "second"))
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines == {"fast": Decision.ALLOW, "second": Decision.DENY}
    assert {item.engines for item in verdict.findings if item.severity is Severity.DENY} == {("second",)}


def test_engines_that_disagree_and_both_deny_deny() -> None:
    locked = replace(DRAINED, access=dict.fromkeys(BEFORE.routers, ()))
    one = engine({id(BEFORE): state(BEFORE)}, default=locked)
    other = engine({id(BEFORE): state(BEFORE)}, default=replace(locked, routes=tables(77)))
    verdict = audit(GOOD, {"one": one, "other": other}, ("one", "other"))
    assert verdict.decision is Decision.DENY
    assert any(item.check == "agree" for item in verdict.findings)
