"""The verdict: ALLOW only when every check of every required engine ran to its end and none objects.

The audit tool of 4 October 2021 had a bug and let the command through. Whatever goes wrong here, in an engine, in a
check or in this module's own reckoning, makes the verdict UNKNOWN, which refuses: no path leads round it to ALLOW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backstay.audit import agree
from backstay.audit.checks import CHECKS
from backstay.audit.context import Check, Context, Kind, Moment
from backstay.audit.difference import difference
from backstay.audit.effect import effect_of, merged
from backstay.audit.moments import BEFORE, Course, Stop, in_period
from backstay.audit.ruling import Ledger, arranged, decide, worse
from backstay.model.change import Plan
from backstay.model.errors import BackstayError, Unproven
from backstay.model.finding import Effect, Engine, Finding, Severity, Verdict
from backstay.model.network import Network, Overlay
from backstay.model.state import Event, PathResult, State

Compare = Callable[[Mapping[str, State]], tuple[Finding, ...]]
Progress = Callable[[str], None]

ID = "gate"


def audit(
    plan: Plan,
    engines: Mapping[str, Engine],
    required: tuple[str, ...],
    sweep: bool = True,
    on_progress: Progress | None = None,
    *,
    compare: Compare = agree.compare,
    checks: tuple[Check, ...] = CHECKS,
) -> Verdict:
    """Judge a resolved change.

    Every required engine (``required`` and those the network's own file requires) computes the State before the change,
    after every step, while its commands last, and on the way back; every check looks at each. ``compare`` holds the
    engines' answers side by side. ``checks`` can add to `CHECKS`; one of those left out makes the verdict UNKNOWN.
    Never raises for what an engine or a check does; KeyboardInterrupt passes through.
    """
    names = tuple(dict.fromkeys((*required, *plan.before.required_engines)))
    gate = _Gate(names, engines, compare, checks, on_progress)
    try:
        plan, told = in_period(plan)
        gate.tell_period(told)
    except ValueError as error:
        gate.object_to(str(error))
    if not plan.stages:
        gate.object_to("the change has no step: there is nothing to audit")
    if not names:
        gate.object_to("no engine is required, so nothing was computed")
    course = attempt(lambda: Course(plan, sweep=sweep))
    if isinstance(course, Failure):
        gate.object_to(f"the steps of the change could not be laid out: {course.cause}")
    else:
        gate.walk(course)
    return gate.verdict(plan)


class Failure:
    """What stands in the place of an answer that did not come."""

    def __init__(self, cause: str) -> None:
        self.cause = cause


def attempt(work: Callable[..., Any], *arguments: object) -> Any:
    """The only broad ``except`` of the project: whatever goes wrong inside becomes a `Failure` with its cause."""
    try:
        return work(*arguments)
    except BackstayError as error:
        return Failure(str(error))
    except Exception as error:  # noqa: BLE001 - a crash must refuse, never pass
        return Failure(f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """What a verdict shows of the worst moment; the States themselves are let go."""

    weight: tuple[int, float, int]
    stage: str
    cascade: tuple[Event, ...]
    access: Mapping[str, tuple[PathResult, ...]]


class _Gate:
    """One audit under way: findings, the ledger of what ran to its end, and the States still needed."""

    def __init__(
        self,
        names: tuple[str, ...],
        engines: Mapping[str, Engine],
        compare: Compare,
        checks: tuple[Check, ...],
        on_progress: Progress | None,
    ) -> None:
        self.names, self.engines, self.compare, self.checks = names, engines, compare, checks
        self.progress = on_progress or _silent
        self.common: list[Finding] = []
        self.ledgers = {name: Ledger() for name in names}
        self.states: dict[tuple[str, int], State] = {}
        self.failed: set[tuple[str, int]] = set()
        self.compared: set[int] = set()
        self.effects: dict[str, list[Effect]] = {name: [] for name in names}
        self.worst: dict[str, Worst] = {}

    # --------------------------------------------------------------------------------------- objections

    def object_to(self, cause: str) -> None:
        self.common.append(Finding(check=ID, severity=Severity.UNKNOWN, summary=cause))

    def tell_period(self, text: str) -> None:
        if text:
            self.common.append(Finding(check="load", severity=Severity.INFO, summary=text))

    def _unknown(self, name: str, check: str, cause: str, stage: str) -> None:
        self.ledgers[name].findings.append(Finding(check=check, severity=Severity.UNKNOWN, summary=cause, stage=stage))

    # --------------------------------------------------------------------------------------- the walk

    def walk(self, course: Course) -> None:
        """Compute and check every stop of the course; States are let go when no later stop needs them."""
        for name in self.names:
            self._compute(name, BEFORE, course.start, sweep=course.start.sweep)
        self._compare(BEFORE, course.start.label)
        for number, stop in enumerate(course.stops):
            for name in self.names:
                self._visit(name, number, stop, course)
            self._compare(stop.key, stop.moment.label)
            if stop.last:
                for name in self.names:
                    self.states.pop((name, stop.key), None)

    def _visit(self, name: str, number: int, stop: Stop, course: Course) -> None:
        moment, ledger = stop.moment, self.ledgers[name]
        wanted = tuple(check for check in self.checks if moment.kind in check.kinds)
        ledger.expect(
            number, moment.label, (check.id for check in (*CHECKS, *self.checks) if moment.kind in check.kinds)
        )
        before = self.states.get((name, BEFORE))
        after = self._compute(name, stop.key, moment, sweep=stop.sweep) if before else None
        if before is None or after is None:
            return
        self.progress(f"{name}: checking {moment.label}")
        context = attempt(_context, course, moment, before, after)
        if isinstance(context, Failure):
            self._unknown(name, ID, f"the States of {name} could not be compared: {context.cause}", moment.label)
            return
        self._note(name, context)
        for check in wanted:
            self._ask(name, number, check, context)

    def _ask(self, name: str, number: int, check: Check, context: Context) -> None:
        ledger, label = self.ledgers[name], context.moment.label
        found = attempt(check.function, context)
        if isinstance(found, Failure):
            self._unknown(name, check.id, f"the check {check.id} did not run to its end: {found.cause}", label)
        elif not _are_findings(found):
            self._unknown(name, check.id, f"the check {check.id} did not answer with findings", label)
        else:
            ledger.findings.extend(found)
            ledger.done(number, label, check.id)

    # --------------------------------------------------------------------------------------- states

    def _compute(self, name: str, key: int, moment: Moment, *, sweep: bool) -> State | None:
        """The State of one engine for one key, computed at the first stop that needs it."""
        if (name, key) in self.states or (name, key) in self.failed:
            return self.states.get((name, key))
        self.progress(f"{name}: computing {moment.label}")
        engine = self.engines.get(name)
        answer = (
            Failure("it is required and not there")
            if engine is None
            else attempt(_answer, engine, moment.network, moment.overlay, sweep)
        )
        if isinstance(answer, Failure):
            self.failed.add((name, key))
            self._unknown(name, ID, f"engine {name} has no answer: {answer.cause}", moment.label)
            return None
        self.states[name, key] = answer
        return self.states[name, key]

    def _compare(self, key: int, label: str) -> None:
        """Hold the engines' answers for one key side by side, once."""
        states = {name: self.states[name, key] for name in self.names if (name, key) in self.states}
        if key in self.compared or len(states) < 2:
            return
        self.compared.add(key)
        self.progress(f"comparing {' and '.join(states)}: {label}")
        found = attempt(self.compare, states)
        if isinstance(found, Failure):
            self.object_to(f"the engines' answers could not be compared: {found.cause}")
        elif not _are_findings(found):
            self.object_to("the comparison of the engines did not answer with findings")
        else:
            self.common.extend(replace(item, stage=item.stage or label) for item in found)

    def _note(self, name: str, context: Context) -> None:
        """Keep what the verdict shows beside its findings: the effect, and the worst moment."""
        if context.kind not in {Kind.STEP, Kind.DURING}:
            return
        effect = attempt(effect_of, context)
        if isinstance(effect, Failure):
            self._unknown(name, ID, f"the effect could not be worked out: {effect.cause}", context.moment.label)
            return
        self.effects[name].append(effect)
        weight = worse(context)
        if name not in self.worst or weight > self.worst[name].weight:
            state, stage = context.after, context.moment.label
            self.worst[name] = Worst(weight=weight, stage=stage, cascade=state.cascade, access=dict(state.access))

    # --------------------------------------------------------------------------------------- the verdict

    def verdict(self, plan: Plan) -> Verdict:
        for name, ledger in self.ledgers.items():
            if ledger.missing and not any(item.severity is Severity.UNKNOWN for item in ledger.findings):
                _, label, check = ledger.missing[0]
                self._unknown(name, check, f"the check {check} of engine {name} was never asked", label)
        own = {name: ledger.decision for name, ledger in self.ledgers.items()}
        found = [*self.common, *(item for ledger in self.ledgers.values() for item in ledger.findings)]
        shown = next((name for name in self.names if name in self.worst), None)
        worst = self.worst[shown] if shown else Worst(weight=(0, 0.0, 0), stage="", cascade=(), access={})
        return Verdict(
            decision=decide(found, own),
            findings=arranged(found, tuple(check.id for check in self.checks)),
            engines=own,
            effect=merged(self.effects[shown]) if shown else Effect(),
            cascade=worst.cascade,
            access=worst.access,
            worst_stage=worst.stage,
            title=plan.change.title,
            network=plan.before.name,
        )


def _silent(_: str) -> None:
    """Nobody listens."""


def _are_findings(answer: object) -> bool:
    if not isinstance(answer, tuple):
        return False
    return all(isinstance(item, Finding) and isinstance(item.severity, Severity) for item in answer)


def _answer(engine: Engine, network: Network, overlay: Overlay, sweep: bool) -> State:
    """The engine's State, if it is one and answers what was asked. Raises Unproven otherwise."""
    state: object = engine(network, overlay, sweep)
    if not isinstance(state, State):
        raise Unproven(f"it answered with {type(state).__name__} instead of a State")
    if state.overlay | overlay != state.overlay:
        raise Unproven("it answered for other failures than it was asked about")
    missing = sorted(network.routers.keys() - overlay.routers_down - state.routes.keys())
    if missing:
        raise Unproven(f"it has no tables for {len(missing)} of {len(network.routers)} routers, such as {missing[0]}")
    return state


def _context(course: Course, moment: Moment, before: State, after: State) -> Context:
    return Context(
        plan=course.plan,
        moment=moment,
        before=before,
        after=after,
        difference=difference(before, after),
        configuration=course.change(course.plan.before, moment.network),
        step=course.change(moment.previous, moment.network),
    )
