"""The verdict: ALLOW only when every check of every required engine ran to its end and none objects.

The audit tool of 4 October 2021 had a bug and let the command through. Whatever goes wrong here, in an engine, in a
check or in this module's own reckoning, makes the verdict UNKNOWN, which refuses: no path leads round it to ALLOW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from backstay.audit import agree, canary
from backstay.audit.attempt import Failure, attempt
from backstay.audit.checks import CHECKS
from backstay.audit.context import Check
from backstay.audit.effect import merged
from backstay.audit.isolation import Answer, Crew
from backstay.audit.moments import BEFORE, Course, in_period
from backstay.audit.ruling import AGREE, Ledger, arranged, decide
from backstay.audit.walk import ID, START, Progress, Visit, Walk, Worst, are_findings, is_sound, silent
from backstay.model.change import Plan
from backstay.model.finding import Decision, Effect, Engine, Finding, Severity, Verdict
from backstay.model.service import Budget
from backstay.model.state import State

Compare = Callable[[Mapping[str, State]], tuple[Finding, ...]]


def audit(
    plan: Plan,
    engines: Mapping[str, Engine],
    required: tuple[str, ...],
    sweep: bool = True,
    on_progress: Progress | None = None,
    *,
    compare: Compare = agree.compare,
    checks: tuple[Check, ...] = CHECKS,
    budget: Budget | None = None,
) -> Verdict:
    """Judge a resolved change.

    Every required engine (``required`` and those the network's own file requires) computes the State before the change,
    after every step, while its commands last, and on the way back; every check looks at each. ``compare`` holds the
    engines' answers side by side. ``checks`` can add to `CHECKS`; one of those left out makes the verdict UNKNOWN.
    With a ``budget`` each engine runs in a process of its own, all of them at the same time; without, in this one, one
    after the other. Never raises for what an engine or a check does; KeyboardInterrupt passes through.
    """
    judge = _Judge(compare=compare, checks=checks, budget=budget, sweep=sweep)
    doubts = canary.untrusted(replace(judge, budget=Budget() if budget else None))
    return judge(plan, engines, required, on_progress or silent, doubts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """One way of judging, for the canary and for the real change alike."""

    compare: Compare
    checks: tuple[Check, ...]
    budget: Budget | None
    sweep: bool

    def __call__(
        self,
        plan: Plan,
        engines: Mapping[str, Engine],
        required: tuple[str, ...],
        progress: Progress = silent,
        doubts: tuple[str, ...] = (),
    ) -> Verdict:
        names = tuple(dict.fromkeys((*required, *plan.before.required_engines)))
        gate = _Gate(names, self.compare, self.checks, progress)
        for doubt in doubts:
            gate.object_to(doubt)
        plan = gate.narrow(plan)
        course = attempt(lambda: Course(plan, sweep=self.sweep))
        if isinstance(course, Failure):
            gate.object_to(f"the steps of the change could not be laid out: {course.cause}")
        else:
            self._walk(gate, course, [Walk(name, engines.get(name), course, self.checks) for name in names])
        return gate.verdict(plan)

    def _walk(self, gate: _Gate, course: Course, walks: list[Walk]) -> None:
        with ExitStack() as stack:
            team = attempt(_team, walks, self.budget, gate.progress)
            if isinstance(team, Failure):
                gate.object_to(team.cause)
            else:
                gate.walk(course, stack.enter_context(team))


class _Here:
    """All engines in this process, one after the other."""

    def __init__(self, walks: list[Walk]) -> None:
        self._walks = walks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left running."""

    def visit(self, number: int) -> Mapping[str, Answer]:
        return {walk.name: walk.visit(number) for walk in self._walks}


def _team(walks: list[Walk], budget: Budget | None, tell: Progress) -> _Here | Crew:
    if budget is not None:
        return Crew(walks, budget, tell)
    for walk in walks:
        walk.tell = tell
    return _Here(walks)


class _Gate:
    """One audit under way: findings, the ledger of what ran to its end, and the States still to be compared."""

    def __init__(self, names: tuple[str, ...], compare: Compare, checks: tuple[Check, ...], progress: Progress) -> None:
        self.names, self.compare, self.checks, self.progress = names, compare, checks, progress
        self.common: list[Finding] = []
        self.ledgers = {name: Ledger() for name in names}
        self.rulings: dict[str, Decision] = {}
        self.effects: dict[str, list[Effect]] = {name: [] for name in names}
        self.worst: dict[str, Worst] = {}
        self.states_due: dict[int, str] = {}
        self.compared: dict[int, frozenset[str]] = {}

    # --------------------------------------------------------------------------------------- objections

    def object_to(self, cause: str, stage: str = "") -> None:
        self.common.append(Finding(check=ID, severity=Severity.UNKNOWN, summary=cause, stage=stage))

    def narrow(self, plan: Plan) -> Plan:
        """The plan with the demands of its period alone; objects to what proves nothing before anything is computed."""
        try:
            plan, told = in_period(plan)
        except ValueError as error:
            self.object_to(str(error))
        else:
            self.common += [Finding(check="load", severity=Severity.INFO, summary=told)] if told else []
        if not plan.stages:
            self.object_to("the change has no step: there is nothing to audit")
        if not self.names:
            self.object_to("no engine is required, so nothing was computed")
        return plan

    def _unknown(self, name: str, check: str, cause: str, stage: str) -> None:
        self.ledgers[name].findings.append(Finding(check=check, severity=Severity.UNKNOWN, summary=cause, stage=stage))

    # --------------------------------------------------------------------------------------- the walk

    def walk(self, course: Course, team: _Here | Crew) -> None:
        """Have every engine compute and check every stop of the course, and hold their States side by side."""
        self.states_due = {BEFORE: course.start.label}
        for stop in course.stops:
            self.states_due.setdefault(stop.key, stop.moment.label)
        self._stop(START, BEFORE, course.start.label, team)
        for number, stop in enumerate(course.stops):
            kinds = (*CHECKS, *self.checks)
            due = [check.id for check in kinds if stop.moment.kind in check.kinds]
            for ledger in self.ledgers.values():
                ledger.expect(number, stop.moment.label, due)
            self._stop(number, stop.key, stop.moment.label, team)

    def _stop(self, number: int, key: int, label: str, team: _Here | Crew) -> None:
        answers = attempt(team.visit, number)
        if isinstance(answers, Failure):
            self.object_to(f"the engines could not be heard: {answers.cause}", label)
            return
        visits = {name: answer for name, answer in answers.items() if self._took(name, number, label, answer)}
        self._compare(visits, key, label)

    def _took(self, name: str, number: int, label: str, answer: object) -> bool:
        """Take down what an engine says at a stop; False if it is no answer."""
        if not is_sound(answer, number):
            cause = answer.cause if isinstance(answer, Failure) else "it answered something else than it was asked"
            self._unknown(name, ID, f"engine {name} has no answer: {cause}", label)
            return False
        assert isinstance(answer, Visit)
        ledger = self.ledgers[name]
        ledger.findings.extend(replace(item, engines=(name,)) for item in answer.findings)
        for check in answer.done:
            ledger.done(number, label, check)
        self.rulings[name] = answer.ruling
        if answer.effect is not None:
            self.effects[name].append(answer.effect)
        self._tell_notes(name, answer)
        if answer.worst is not None and (name not in self.worst or answer.worst.weight > self.worst[name].weight):
            self.worst[name] = answer.worst
        return True

    def _tell_notes(self, name: str, visit: Visit) -> None:
        """How an engine came by its answers."""
        notes = attempt(lambda: tuple(note.text for note in visit.state.notes) if visit.state else ())
        if isinstance(notes, Failure):
            self._unknown(name, ID, f"engine {name} could not say how it came by its answers: {notes.cause}", "")
            return
        for text in notes:
            self.common.append(Finding(check=AGREE, severity=Severity.INFO, summary=text, engines=(name,)))

    def _compare(self, visits: Mapping[str, Visit], key: int, label: str) -> None:
        """Hold the engines' answers for one State side by side, when it is there for the first time."""
        states = {name: visit.state for name, visit in visits.items() if visit.state is not None}
        if len(states) < 2:
            return
        self.progress(f"comparing {' and '.join(states)}: {label}")
        found = attempt(self.compare, states)
        if isinstance(found, Failure):
            self.object_to(f"the engines' answers could not be compared: {found.cause}", label)
        elif not are_findings(found):
            self.object_to("the comparison of the engines did not answer with findings", label)
        else:
            self.compared[key] = frozenset(states)
            self.common.extend(replace(item, stage=item.stage or label) for item in found)

    # --------------------------------------------------------------------------------------- the verdict

    def verdict(self, plan: Plan) -> Verdict:
        """What all of it comes to. A verdict that contradicts its own evidence is UNKNOWN."""
        self._tell_what_is_missing()
        made = attempt(self._verdict, plan)
        if isinstance(made, Verdict):
            return made
        self.object_to(f"the verdict does not follow from what was found: {getattr(made, 'cause', made)}")
        return Verdict(
            decision=Decision.UNKNOWN, findings=self._found(), title=plan.change.title, network=plan.before.name
        )

    def _verdict(self, plan: Plan) -> Verdict:
        own = {name: ledger.decision for name, ledger in self.ledgers.items()}
        found = self._found()
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

    def _found(self) -> tuple[Finding, ...]:
        return (*self.common, *(item for ledger in self.ledgers.values() for item in ledger.findings))

    def _tell_what_is_missing(self) -> None:
        """What an ALLOW would need and is not there, where nothing else has refused already."""
        for name, ledger in self.ledgers.items():
            if ledger.missing and not any(item.severity is Severity.UNKNOWN for item in ledger.findings):
                _, label, check = ledger.missing[0]
                self._unknown(name, check, f"the check {check} of engine {name} was never asked", label)
            if ledger.decision is Decision.ALLOW and self.rulings.get(name) is not Decision.ALLOW:
                self._unknown(name, ID, f"what engine {name} objects to was lost on its way to the gate", "")
        for key, label in self.states_due.items():
            if len(self.names) > 1 and self.compared.get(key) != frozenset(self.names) and not self._refused:
                self.object_to("the engines' answers were never held side by side", label)

    @property
    def _refused(self) -> bool:
        return any(item.severity is Severity.UNKNOWN for item in self._found())
