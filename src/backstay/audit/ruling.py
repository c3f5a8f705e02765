"""From findings to a decision: what counts, in which order it is told, and what is still missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from backstay.audit.context import Context
from backstay.audit.evidence import places
from backstay.model.finding import Decision, Finding, Severity

RANK = {Severity.DENY: 0, Severity.UNKNOWN: 1, Severity.WARNING: 2, Severity.INFO: 3}
"""Consequence, gravest first."""

AGREE = "agree"
"""The check that engines say the same (`backstay.audit.agree`)."""


@dataclass(slots=True)
class Ledger:
    """One engine's findings, and which checks at which moments were due and done."""

    findings: list[Finding] = field(default_factory=list)
    due: dict[tuple[int, str, str], None] = field(default_factory=dict)
    finished: set[tuple[int, str, str]] = field(default_factory=set)

    def expect(self, stop: int, label: str, checks: Iterable[str]) -> None:
        """``stop`` counts the moments: two of one label are still two."""
        self.due.update(((stop, label, check), None) for check in checks)

    def done(self, stop: int, label: str, check: str) -> None:
        self.finished.add((stop, label, check))

    @property
    def missing(self) -> tuple[tuple[int, str, str], ...]:
        """Moments and checks that were due and did not run to their end, in order."""
        return tuple(item for item in self.due if item not in self.finished)

    @property
    def decision(self) -> Decision:
        """This engine's own. Nothing due is no proof either."""
        severities = {finding.severity for finding in self.findings}
        return decision_of(severities, complete=bool(self.due) and not self.missing)


def decide(findings: Iterable[Finding], engines: Mapping[str, Decision]) -> Decision:
    """The whole verdict: ALLOW needs at least one engine, every one of them ALLOW, and no objection at all.

    Engines that contradict each other prove nothing: what some of them deny is DENY only if all of them do, or if they
    do not disagree (one may have no answer).
    """
    told = tuple(findings)
    allowed = bool(engines) and all(decision is Decision.ALLOW for decision in engines.values())
    decision = decision_of((finding.severity for finding in told), complete=allowed)
    disputed = any(finding.check == AGREE and finding.severity is Severity.UNKNOWN for finding in told)
    if decision is Decision.DENY and disputed and any(own is not Decision.DENY for own in engines.values()):
        return Decision.UNKNOWN
    return decision


def decision_of(severities: Iterable[Severity], *, complete: bool) -> Decision:
    """WARNING and INFO alone let pass; any other severity, known or not, refuses."""
    told = set(severities)
    if Severity.DENY in told:
        return Decision.DENY
    if not complete or told - {Severity.WARNING, Severity.INFO}:
        return Decision.UNKNOWN
    return Decision.ALLOW


def arranged(findings: Iterable[Finding], checks: tuple[str, ...]) -> tuple[Finding, ...]:
    """By consequence, then in the order of the checks, then as found (checks tell the worst first). Findings that
    several stages or engines share are told once, with the first stage and the places of all.
    """
    together: dict[tuple[str, Severity, str, str, str], Finding] = {}
    for finding in findings:
        key = (finding.check, finding.severity, finding.summary, finding.before, finding.after)
        known = together.get(key)
        where = finding.where if known is None else places((*known.where, *finding.where))
        engines = tuple(dict.fromkeys((*(known.engines if known else ()), *finding.engines)))
        together[key] = replace(known or finding, where=where, engines=engines)
    order = {check: number for number, check in enumerate(("gate", *checks, "agree"))}
    return tuple(sorted(together.values(), key=lambda item: (RANK[item.severity], order.get(item.check, len(order)))))


def worse(context: Context) -> tuple[int, float, int]:
    """How bad a moment is: routers without a way in, Mbit/s lost, length of the cascade."""
    locked = sum(not any(path.works for path in paths) for paths in context.after.access.values())
    return (locked, context.after.loads.lost_mbps, len(context.after.cascade))
