"""Findings and the verdict made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backstay.model.network import Network, Overlay
from backstay.model.state import Event, PathResult, State


class Severity(StrEnum):
    """``deny`` refuses by proof, ``unknown`` refuses for want of proof, the others are told."""

    DENY = "deny"
    UNKNOWN = "unknown"
    WARNING = "warning"
    INFO = "info"


class Decision(StrEnum):
    """Only ALLOW is a permission."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place of evidence; ``file`` relative to the network folder, or the change file."""

    router: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One piece of evidence. ``before`` and ``after`` are short texts; ``stage`` is ``step 1``, ``rollback 1`` ...;
    ``show`` is a command that shows it again.
    """

    check: str
    severity: Severity
    summary: str
    where: tuple[Where, ...] = ()
    before: str = ""
    after: str = ""
    stage: str = ""
    show: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the change does, in numbers. Router and link names are sorted; advertisements are texts
    ``prefix to neighbour``. ``after_worst_failure`` None: no sweep was done.
    """

    routers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    advertisements_added: tuple[str, ...] = ()
    advertisements_withdrawn: tuple[str, ...] = ()
    lost_mbps: float = 0.0
    max_utilisation_before: float = 0.0
    max_utilisation_after: float = 0.0
    max_utilisation_worst_failure: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. ``engines`` holds each engine's own decision; ``cascade`` and ``access`` are those of the worst
    stage (``access`` of its routers); ``worst_stage`` names it.
    """

    decision: Decision
    findings: tuple[Finding, ...]
    engines: Mapping[str, Decision] = field(default_factory=dict)
    effect: Effect = field(default_factory=Effect)
    cascade: tuple[Event, ...] = ()
    access: Mapping[str, tuple[PathResult, ...]] = field(default_factory=dict)
    worst_stage: str = ""
    title: str = ""
    network: str = ""


Engine = Callable[[Network, Overlay, bool], State]
"""network, overlay, whether to do the single-failure sweep -> State. Raises `Unproven` rather than guess."""
