"""The gate fails closed: every way in which an answer can be missing ends in a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.audit.kit import drain, engine, health, loads, network, ref, route, stage, state, tables, ways

from backstay.audit.checks import CHECKS
from backstay.audit.context import Check, Context, Kind
from backstay.audit.gate import audit
from backstay.model.change import Intent, Operation
from backstay.model.demand import Demand
from backstay.model.errors import NotConverging, Unproven
from backstay.model.finding import Decision, Engine, Finding, Severity, Verdict
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import Event, Route, State

BEFORE = network()
GOOD = drain(BEFORE, "pop1")
MOVED = {**tables(), "pop1": {"default": {}}}
HEALTHY = state(BEFORE)
DRAINED = state(BEFORE, routes=MOVED, loads=replace(loads(), mbps={ref("pop2", "dc1"): 500.0}))
FAST = engine({id(BEFORE): HEALTHY}, default=DRAINED)


def judge(engines: Mapping[str, Engine], *required: str, **options: Any) -> Verdict:
    return audit(options.pop("plan", GOOD), engines, required, **options)


def causes(verdict: Verdict) -> str:
    return "\n".join(item.summary for item in verdict.findings if item.severity is Severity.UNKNOWN)


def test_the_right_drain_is_allowed() -> None:
    verdict = judge({"fast": FAST}, "fast")
    assert verdict.decision is Decision.ALLOW, verdict.findings
    assert verdict.engines == {"fast": Decision.ALLOW}
    assert verdict.effect.routers == ("pop1",)
    assert (verdict.title, verdict.network) == ("a change", "five")


def test_two_engines_that_say_the_same_allow() -> None:
    verdict = judge({"fast": FAST, "second": FAST}, "fast", "second")
    assert verdict.decision is Decision.ALLOW, verdict.findings
    assert verdict.engines == {"fast": Decision.ALLOW, "second": Decision.ALLOW}


def test_engines_that_disagree_on_one_metric_are_unknown() -> None:
    odd = engine({id(BEFORE): replace(HEALTHY, routes=tables(metric=11))}, default=DRAINED)
    verdict = judge({"fast": FAST, "second": odd}, "fast", "second")
    assert verdict.decision is Decision.UNKNOWN
    assert {item.check for item in verdict.findings if item.severity is Severity.UNKNOWN} == {"agree"}


def test_how_an_engine_came_by_its_answers_is_told_once_and_refuses_nothing() -> None:
    note = Remark("lab-borrowed", "the loads are another engine's")
    noted = engine({id(BEFORE): replace(HEALTHY, notes=(note,))}, default=replace(DRAINED, notes=(note,)))
    verdict = judge({"fast": FAST, "lab": noted}, "fast", "lab")
    assert verdict.decision is Decision.ALLOW, verdict.findings
    told = [(item.check, item.severity, item.engines) for item in verdict.findings if item.summary == note.text]
    assert told == [("agree", Severity.INFO, ("lab",))]


def test_a_denial_by_one_engine_is_a_denial() -> None:
    locked = engine({id(BEFORE): HEALTHY}, default=replace(DRAINED, access=dict.fromkeys(BEFORE.routers, ())))
    verdict = judge({"fast": FAST, "second": locked}, "fast", "second", compare=lambda _: ())
    assert verdict.decision is Decision.DENY
    assert verdict.engines == {"fast": Decision.ALLOW, "second": Decision.DENY}


# ------------------------------------------------------------------------------------------- engines that fail


def crash(_: Network, __: Overlay, ___: bool) -> State:
    raise ZeroDivisionError("division by zero")


def unproven(_: Network, __: Overlay, ___: bool) -> State:
    raise Unproven("confederations with OSPF sham links")


def circular(_: Network, __: Overlay, ___: bool) -> State:
    raise NotConverging("198.18.0.0/16 never settles", ("pop1", "pop2"))


def wrong_type(_: Network, __: Overlay, ___: bool) -> Any:
    return {"routes": {}}


def nothing(_: Network, __: Overlay, ___: bool) -> Any:
    return None


def half(_: Network, __: Overlay, ___: bool) -> State:
    return replace(HEALTHY, routes={"pop1": {}})


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (crash, "ZeroDivisionError: division by zero"),
        (unproven, "confederations with OSPF sham links"),
        (circular, "198.18.0.0/16 never settles"),
        (wrong_type, "dict instead of a State"),
        (nothing, "NoneType instead of a State"),
        (half, "no tables for 4 of 5 routers, such as dc1"),
    ],
)
def test_an_engine_without_an_answer_is_unknown(broken: Engine, cause: str) -> None:
    verdict = judge({"fast": FAST, "second": broken}, "fast", "second")
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines == {"fast": Decision.ALLOW, "second": Decision.UNKNOWN}
    assert cause in causes(verdict)


@pytest.mark.parametrize("number", range(3))
def test_an_engine_that_fails_at_any_moment_is_unknown(number: int) -> None:
    """Before the change, after the step; a third call never comes (the way back ends where it began)."""
    asked = []

    def sometimes(of: Network, overlay: Overlay, sweep: bool) -> State:
        asked.append(of)
        if len(asked) == number + 1:
            raise MemoryError
        return FAST(of, overlay, sweep)

    verdict = judge({"fast": sometimes}, "fast")
    assert verdict.decision is (Decision.UNKNOWN if number < 2 else Decision.ALLOW)
    assert len(asked) == (1 if number == 0 else 2)


def test_an_answer_to_another_question_is_unknown() -> None:
    """A command takes pop3 down; the engine answers for the network without it."""
    reload = Operation(router="pop1", kind="reload", text="reload", overlay=Overlay(routers_down=frozenset({"pop1"})))
    plan = replace(GOOD, stages=(replace(GOOD.stages[0], operations=(reload,)),))
    deaf = engine({}, default=HEALTHY)
    verdict = audit(plan, {"fast": lambda of, _, sweep: deaf(of, NOTHING, sweep)}, ("fast",))
    assert "other failures than it was asked about" in causes(verdict)
    assert verdict.decision is not Decision.ALLOW


def test_a_required_engine_that_is_not_there_is_unknown() -> None:
    verdict = judge({"fast": FAST}, "fast", "referee")
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines["referee"] is Decision.UNKNOWN
    assert "it is required and not there" in causes(verdict)


def test_what_the_network_requires_cannot_be_left_out() -> None:
    strict = network(required_engines=("fast", "referee"))
    verdict = audit(drain(strict, "pop1"), {"fast": engine({id(strict): HEALTHY}, DRAINED)}, ("fast",))
    assert verdict.decision is Decision.UNKNOWN
    assert set(verdict.engines) == {"fast", "referee"}


def test_no_engine_is_no_proof() -> None:
    verdict = judge({"fast": FAST})
    assert verdict.decision is Decision.UNKNOWN
    assert "no engine is required" in causes(verdict)


def test_a_keyboard_interrupt_is_no_verdict() -> None:
    def interrupted(_: Network, __: Overlay, ___: bool) -> State:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge({"fast": interrupted}, "fast")


def test_what_an_engine_says_it_cannot_compute_is_unknown() -> None:
    honest = engine({id(BEFORE): HEALTHY}, replace(DRAINED, unknowns=(Remark("x", "the lab has no OSPFv3", "pop1"),)))
    verdict = judge({"fast": honest}, "fast")
    assert verdict.decision is Decision.UNKNOWN
    assert "the lab has no OSPFv3" in causes(verdict)


def test_a_sweep_that_was_asked_for_and_not_done_is_unknown() -> None:
    lazy = engine({id(BEFORE): HEALTHY}, replace(DRAINED, sweep=None))
    assert "did not sweep" in causes(judge({"fast": lazy}, "fast"))
    assert judge({"fast": lazy}, "fast", sweep=False).decision is Decision.ALLOW


# ------------------------------------------------------------------------------------------- checks that fail


def failing(_: Context) -> tuple[Finding, ...]:
    raise KeyError("pop9")


def wordless(_: Context) -> Any:
    return None


def lying(_: Context) -> Any:
    return ("all is well",)


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (failing, "the check reach did not run to its end: KeyError: 'pop9'"),
        (wordless, "the check reach did not answer with findings"),
        (lying, "the check reach did not answer with findings"),
    ],
)
def test_a_check_that_fails_is_unknown(function: Any, cause: str) -> None:
    checks = tuple(replace(check, function=function) if check.id == "reach" else check for check in CHECKS)
    verdict = judge({"fast": FAST}, "fast", checks=checks)
    assert verdict.decision is Decision.UNKNOWN
    assert cause in causes(verdict)


@pytest.mark.parametrize("left_out", [check.id for check in CHECKS])
def test_a_check_that_is_never_asked_is_unknown(left_out: str) -> None:
    checks = tuple(check for check in CHECKS if check.id != left_out)
    verdict = judge({"fast": FAST}, "fast", checks=checks)
    assert verdict.decision is Decision.UNKNOWN
    assert f"the check {left_out} of engine fast was never asked" in causes(verdict)


def test_no_checks_at_all_is_unknown() -> None:
    assert judge({"fast": FAST}, "fast", checks=()).decision is Decision.UNKNOWN


def test_a_check_asked_at_fewer_moments_is_unknown() -> None:
    checks = tuple(replace(c, kinds=frozenset({Kind.WHOLE})) if c.id == "lockout" else c for c in CHECKS)
    assert judge({"fast": FAST}, "fast", checks=checks).decision is Decision.UNKNOWN


def test_a_check_can_be_added() -> None:
    def never(context: Context) -> tuple[Finding, ...]:
        return (Finding(check="never", severity=Severity.DENY, summary="never", stage=context.moment.label),)

    extra = Check(id="never", function=never, kinds=frozenset({Kind.STEP}))
    assert judge({"fast": FAST}, "fast", checks=(*CHECKS, extra)).decision is Decision.DENY


def test_a_severity_nobody_knows_refuses() -> None:
    def odd(_: Context) -> tuple[Finding, ...]:
        return (Finding(check="odd", severity="fine", summary="fine"),)  # type: ignore[arg-type]

    extra = Check(id="odd", function=odd, kinds=frozenset({Kind.STEP}))
    assert judge({"fast": FAST}, "fast", checks=(*CHECKS, extra)).decision is Decision.UNKNOWN


@pytest.mark.parametrize("answer", [failing, wordless, lying])
def test_a_comparison_that_fails_is_unknown(answer: Any) -> None:
    verdict = judge({"fast": FAST, "second": FAST}, "fast", "second", compare=answer)
    assert verdict.decision is Decision.UNKNOWN


class Shuttered(dict[str, Any]):
    """A table that cannot be opened once the engine has returned."""

    def values(self) -> Any:
        raise OSError("the worker is gone")

    def items(self) -> Any:
        raise OSError("the worker is gone")

    def get(self, *_: Any) -> Any:
        raise OSError("the worker is gone")


def test_a_table_that_breaks_while_it_is_read_is_unknown() -> None:
    broken = engine({id(BEFORE): HEALTHY}, replace(DRAINED, access=Shuttered(pop1=())))
    verdict = judge({"fast": broken}, "fast")
    assert verdict.decision is Decision.UNKNOWN
    assert "the worker is gone" in causes(verdict)


# ------------------------------------------------------------------------------------------- changes that prove nothing


def test_a_change_without_steps_is_unknown() -> None:
    verdict = audit(replace(GOOD, stages=(), rollback=None), {"fast": FAST}, ("fast",))
    assert verdict.decision is Decision.UNKNOWN
    assert "there is nothing to audit" in causes(verdict)


def test_a_change_without_a_way_back_is_unknown() -> None:
    verdict = audit(replace(GOOD, rollback=None), {"fast": FAST}, ("fast",))
    assert verdict.decision is Decision.UNKNOWN
    assert "no way back" in causes(verdict)


def test_a_rollback_that_does_not_lead_back_is_denied() -> None:
    there = GOOD.stages[0].network
    stuck = replace(GOOD, rollback=(stage(there, "pop1", rollback=True),))
    verdict = audit(stuck, {"fast": FAST}, ("fast",))
    assert verdict.decision is Decision.DENY
    assert [item.check for item in verdict.findings if item.severity is Severity.DENY] == ["lockout"]


def test_a_rollback_through_a_lock_out_is_denied() -> None:
    """The end of the way back is sound; the step on the way is not."""
    between = replace(BEFORE, routers={**BEFORE.routers, "dc1": replace(BEFORE.routers["dc1"], forwarding=False)})
    back = (stage(between, "dc1", rollback=True), stage(BEFORE, "pop1", number=2, rollback=True))
    cut = replace(DRAINED, access={name: ways() for name in BEFORE.routers})
    answers = {id(BEFORE): HEALTHY, id(between): cut}
    verdict = audit(replace(GOOD, rollback=back), {"fast": engine(answers, DRAINED)}, ("fast",))
    assert verdict.decision is Decision.DENY
    assert {(item.check, item.stage) for item in verdict.findings if item.severity is Severity.DENY} == {
        ("lockout", "rollback 1")
    }


def test_a_period_nobody_measured_is_unknown() -> None:
    lost = drain(BEFORE, "pop1", period="night")
    assert "no demand belongs to it" in causes(audit(lost, {"fast": FAST}, ("fast",)))


def test_only_the_demands_of_the_period_are_handed_to_the_engines() -> None:
    demands = (
        Demand(source="west", destination="dc", mbps=1.0, period="night"),
        Demand(source="west", destination="dc", mbps=2.0, period="day"),
        Demand(source="east", destination="dc", mbps=3.0),
    )
    calls: list[Any] = []
    made = drain(network(demands=demands), "pop1", period="night")
    verdict = audit(made, {"fast": engine({}, DRAINED, calls)}, ("fast",))
    assert {tuple(item.mbps for item in of.demands) for of, _, _ in calls} == {(1.0, 3.0)}
    heaviest = audit(drain(network(demands=demands), "pop1"), {"fast": engine({}, DRAINED, calls)}, ("fast",))
    assert tuple(item.mbps for item in calls[-1][0].demands) == (2.0, 3.0)
    assert any("'day', the heaviest of 2" in item.summary for item in heaviest.findings)
    assert not any("heaviest" in item.summary for item in verdict.findings)


# ------------------------------------------------------------------------------------------- the walk


def test_each_state_is_computed_once_and_swept_where_it_must_be() -> None:
    """Before and after the step; the whole change and the way back are states already known."""
    calls: list[Any] = []
    judge({"fast": engine({id(BEFORE): HEALTHY}, DRAINED, calls)}, "fast")
    assert [(of is BEFORE, sweep) for of, _, sweep in calls] == [(True, True), (False, True)]


def test_other_words_for_the_same_facts_are_a_way_back() -> None:
    """After the rollback the file has moved lines; nothing is computed again, nothing is objected to."""
    home = {name: replace(found, sources=()) for name, found in BEFORE.routers.items()}
    moved = {
        name: replace(found, isis=(replace(found.isis[0], place=GOOD.change.place),)) for name, found in home.items()
    }
    back = (stage(replace(BEFORE, routers=moved), "pop1", rollback=True),)
    calls: list[Any] = []
    verdict = audit(replace(GOOD, rollback=back), {"fast": engine({id(BEFORE): HEALTHY}, DRAINED, calls)}, ("fast",))
    assert verdict.decision is Decision.ALLOW, verdict.findings
    assert len(calls) == 2


def test_what_commands_do_meanwhile_is_a_state_of_its_own() -> None:
    """`clear` on pop1 resets a session; it is dc2 that loses every way in while it lasts."""
    overlay = Overlay(sessions_reset=frozenset({("pop1", "10.1.0.1")}))
    clear = Operation(router="pop1", kind="clear", text="clear bgp *", overlay=overlay)
    plan = replace(GOOD, stages=(replace(GOOD.stages[0], operations=(clear,)),))
    cut = replace(DRAINED, overlay=overlay, access={**DRAINED.access, "dc2": ways()})

    def meanwhile(of: Network, asked: Overlay, sweep: bool) -> State:
        return cut if asked == overlay else FAST(of, asked, sweep)

    verdict = audit(plan, {"fast": meanwhile}, ("fast",))
    assert verdict.decision is Decision.DENY
    assert verdict.worst_stage == "step 1, while its commands last"
    assert [item.stage for item in verdict.findings if item.severity is Severity.DENY] == [
        "step 1, while its commands last"
    ]


def test_findings_come_by_consequence_and_the_worst_moment_is_shown() -> None:
    event = Event(round=1, kind="site-withdrawn", subject="west", text="west withdraws")
    bad = replace(
        DRAINED,
        sites=health("east", "lab"),
        access={**DRAINED.access, "pop3": ways()},
        cascade=(event,),
        unknowns=(Remark("x", "unsure"),),
    )
    verdict = judge({"fast": engine({id(BEFORE): HEALTHY}, bad)}, "fast")
    ranks = [
        (Severity.DENY, Severity.UNKNOWN, Severity.WARNING, Severity.INFO).index(f.severity) for f in verdict.findings
    ]
    assert ranks == sorted(ranks)
    assert verdict.findings[0].check == "lockout"
    assert (verdict.worst_stage, verdict.cascade) == ("step 1", (event,))
    assert not any(path.works for path in verdict.access["pop3"])


def test_the_same_finding_of_two_stages_is_told_once() -> None:
    second = stage(GOOD.stages[0].network, "pop1", number=2, touched=())
    plan = replace(GOOD, stages=(*GOOD.stages, second))
    bad = replace(DRAINED, access={**DRAINED.access, "pop3": ways()})
    verdict = audit(plan, {"fast": engine({id(BEFORE): HEALTHY}, bad)}, ("fast",))
    assert [item.stage for item in verdict.findings if item.check == "lockout"] == ["step 1"]


def test_progress_is_told_before_anything_long() -> None:
    heard: list[str] = []
    judge({"fast": FAST}, "fast", on_progress=heard.append)
    assert heard[:2] == ["fast: computing before the change", "fast: computing step 1"]


def test_the_same_input_gives_the_same_verdict() -> None:
    assert judge({"fast": FAST}, "fast") == judge({"fast": FAST}, "fast")


def test_the_assessment_that_took_everything_down_is_refused_by_six_checks() -> None:
    """O01, 4 October 2021: an assessment of one router whose selector means all of them."""
    every = tuple(BEFORE.routers)
    plan = drain(BEFORE, *every, intent=Intent.ASSESS)
    plan = replace(plan, change=replace(plan.change, scope=replace(plan.change.scope, routers=("pop1",))))
    dead = {name: replace(flow, delivered=0.0) for name, flow in HEALTHY.flows.items()}
    empty: dict[str, dict[str, dict[Any, Route]]] = {name: {"default": {}} for name in every}
    gone = replace(
        HEALTHY,
        routes=empty,
        flows=dead,
        loads=replace(loads(), mbps={}, utilisation={}, lost=lost_all()),
        sites=health(),
        advertisements=frozenset(),
        access={name: ways("walk-in") for name in every},
    )
    verdict = audit(plan, {"fast": engine({id(BEFORE): HEALTHY}, gone)}, ("fast",))
    assert verdict.decision is Decision.DENY
    refusing = {item.check for item in verdict.findings if item.severity is Severity.DENY}
    assert refusing >= {"scope", "intent", "reach", "load", "anycast", "lockout", "advertise"}
    assert verdict.effect.lost_mbps == 500.0
    assert verdict.effect.routers == tuple(sorted(every))
    assert all(path.works is (path.path == "walk-in") for path in verdict.access["dc1"])


def lost_all() -> Any:
    from backstay.model.state import Fate, LostDemand

    return (
        LostDemand(source="west", destination="dc", mbps=300.0, reason=Fate.NO_ROUTE, at=("pop1",)),
        LostDemand(source="east", destination="dc", mbps=200.0, reason=Fate.NO_ROUTE, at=("pop2",)),
    )


def test_a_route_that_differs_by_metric_is_seen() -> None:
    assert route(10) != route(11)
