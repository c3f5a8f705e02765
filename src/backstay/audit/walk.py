"""One engine's way through a change: every State it is asked for, and every check on each.

A walk knows nothing of other engines. It runs in the gate's own process or, as `backstay.audit.isolation` has it, in one
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backstay.audit.attempt import Failure, attempt
from backstay.audit.context import Check, Context, Kind, Moment
from backstay.audit.difference import difference
from backstay.audit.effect import effect_of
from backstay.audit.moments import BEFORE, Course, Stop
from backstay.audit.ruling import decision_of, worse
from backstay.model.errors import Unproven
from backstay.model.finding import Decision, Effect, Engine, Finding, Severity
from backstay.model.network import Network, Overlay
from backstay.model.state import Event, PathResult, RouteTable, State

Progress = Callable[[str], None]

ID = "gate"

START = -1
"""The number of the stop before the first: the State before the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """What a verdict shows of the worst moment; the States themselves are let go."""

    weight: tuple[int, float, int]
    stage: str
    cascade: tuple[Event, ...]
    access: Mapping[str, tuple[PathResult, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one engine has to say at one stop.

    ``done`` are the checks that ran to their end; ``state`` is the State computed for the stop, None where it was
    computed before or could not be. ``ruling`` is what the walk itself makes of its findings **so far**: the gate comes to
    its own from the findings that reached it, and the two must be the same.
    """

    number: int
    ruling: Decision
    findings: tuple[Finding, ...] = ()
    done: tuple[str, ...] = ()
    effect: Effect | None = None
    worst: Worst | None = None
    state: State | None = None


def is_sound(visit: object, number: int) -> bool:
    """Whether something that came from an engine's process is the answer to the question of this number."""
    return (
        isinstance(visit, Visit)
        and visit.number == number
        and isinstance(visit.ruling, Decision)
        and are_findings(visit.findings)
        and isinstance(visit.done, tuple)
        and isinstance(visit.effect, Effect | None)
        and isinstance(visit.worst, Worst | None)
        and isinstance(visit.state, State | None)
    )


class Walk:
    """One engine, stop by stop in order; States are let go when no later stop needs them."""

    def __init__(self, name: str, engine: Engine | None, course: Course, checks: tuple[Check, ...]) -> None:
        self.name, self.engine, self.course, self.checks = name, engine, course, checks
        self.tell: Progress = silent
        self.states: dict[int, State] = {}
        self._failed: set[int] = set()
        self._done_with: list[int] = []
        self._severities: set[Severity] = set()
        self._missed = False
        self._found: list[Finding] = []

    def visit(self, number: int) -> Visit:
        """Compute and check one stop. Never raises for what the engine or a check does."""
        self._let_go()
        self._found = []
        if number == START:
            start = self.course.start
            return self._visit(number, state=self._compute(BEFORE, start, sweep=start.sweep))
        stop = self.course.stops[number]
        if stop.last:
            self._done_with.append(stop.key)
        return self._look(number, stop)

    def tables(self, key: int, router: str) -> Mapping[str, RouteTable]:
        """All tables of one router in a State that has not been let go. Raises KeyError after that."""
        return self.states[key].routes.get(router, {})

    def _let_go(self) -> None:
        """States last needed by the stop before: the gate has compared them by now."""
        for key in self._done_with:
            self.states.pop(key, None)
        self._done_with = []

    def _look(self, number: int, stop: Stop) -> Visit:
        moment = stop.moment
        wanted = tuple(check for check in self.checks if moment.kind in check.kinds)
        before = self.states.get(BEFORE)
        known = stop.key in self.states
        after = self._compute(stop.key, moment, sweep=stop.sweep) if before else None
        if before is None or after is None:
            return self._visit(number)
        fresh = None if known else after
        self.tell(f"{self.name}: checking {moment.label}")
        context = attempt(_context, self.course, moment, before, after)
        if isinstance(context, Failure):
            self._unknown(ID, f"the States of {self.name} could not be compared: {context.cause}", moment.label)
            return self._visit(number, state=fresh)
        effect, worst = self._note(context)
        done = tuple(check.id for check in wanted if self._ask(check, context))
        self._missed |= len(done) < len(wanted)
        return self._visit(number, done=done, effect=effect, worst=worst, state=fresh)

    def _visit(
        self,
        number: int,
        *,
        done: tuple[str, ...] = (),
        effect: Effect | None = None,
        worst: Worst | None = None,
        state: State | None = None,
    ) -> Visit:
        self._severities.update(finding.severity for finding in self._found)
        ruling = decision_of(self._severities, complete=not self._missed)
        found = tuple(self._found)
        return Visit(number=number, ruling=ruling, findings=found, done=done, effect=effect, worst=worst, state=state)

    def _unknown(self, check: str, cause: str, stage: str) -> None:
        self._found.append(Finding(check=check, severity=Severity.UNKNOWN, summary=cause, stage=stage))

    def _ask(self, check: Check, context: Context) -> bool:
        label = context.moment.label
        found = attempt(check.function, context)
        if isinstance(found, Failure):
            self._unknown(check.id, f"the check {check.id} did not run to its end: {found.cause}", label)
        elif not are_findings(found):
            self._unknown(check.id, f"the check {check.id} did not answer with findings", label)
        else:
            self._found.extend(found)
            return True
        return False

    def _compute(self, key: int, moment: Moment, *, sweep: bool) -> State | None:
        """The State for one key, computed at the first stop that needs it."""
        if key in self.states or key in self._failed:
            return self.states.get(key)
        self.tell(f"{self.name}: computing {moment.label}")
        answer = (
            Failure("it is required and not there")
            if self.engine is None
            else attempt(_answer, self.engine, moment.network, moment.overlay, sweep)
        )
        if isinstance(answer, Failure):
            self._failed.add(key)
            self._unknown(ID, f"engine {self.name} has no answer: {answer.cause}", moment.label)
            return None
        self.states[key] = answer
        return self.states[key]

    def _note(self, context: Context) -> tuple[Effect | None, Worst | None]:
        """What the verdict shows beside its findings: the effect, and how bad the moment is."""
        if context.kind not in {Kind.STEP, Kind.DURING}:
            return None, None
        label = context.moment.label
        effect = attempt(effect_of, context)
        if isinstance(effect, Failure):
            self._unknown(ID, f"the effect could not be worked out: {effect.cause}", label)
            return None, None
        state = context.after
        worst = Worst(weight=worse(context), stage=label, cascade=state.cascade, access=dict(state.access))
        return effect, worst


def silent(_: str) -> None:
    """Nobody listens."""


def are_findings(answer: object) -> bool:
    """Whether a check's answer is one: a tuple of findings of known severity."""
    if not isinstance(answer, tuple):
        return False
    return all(isinstance(item, Finding) and isinstance(item.severity, Severity) for item in answer)


def _answer(engine: Engine, network: Network, overlay: Overlay, sweep: bool) -> State:
    """The engine's State, if it is one and answers what was asked. Raises Unproven otherwise."""
    state: object = engine(network, overlay, sweep)
    if not isinstance(state, State):
        raise Unproven(f"it answered with {type(state).__name__} instead of a State")
    if state.answers is not None:
        raise Unproven("it answers for a part of the State alone, which no check can be asked about")
    if state.overlay | overlay != state.overlay:
        raise Unproven("it answered for other failures than it was asked about")
    missing: Sequence[str] = sorted(network.routers.keys() - overlay.routers_down - state.routes.keys())
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
