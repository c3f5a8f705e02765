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
    ``show`` is a command that shows it again. ``engines`` are those whose State gave rise to it, () for what is not
    one engine's (the gate's own, and ``agree``).
    """

    check: str
    severity: Severity
    summary: str
    where: tuple[Where, ...] = ()
    before: str = ""
    after: str = ""
    stage: str = ""
    show: str = ""
    engines: tuple[str, ...] = ()


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
    """The answer; ALLOW only with the ALLOW of every engine and without a refusing finding. ``engines`` holds each engine's own decision; ``cascade`` and ``access`` are those of the worst
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

    def __post_init__(self) -> None:
        """A permission that contradicts its own evidence cannot exist: raises ValueError."""
        if self.decision is not Decision.ALLOW:
            return
        refusing = [item.check for item in self.findings if item.severity not in (Severity.WARNING, Severity.INFO)]
        if refusing:
            raise ValueError(f"ALLOW against what {refusing[0]} found")
        if not self.engines or any(own is not Decision.ALLOW for own in self.engines.values()):
            raise ValueError("ALLOW without the ALLOW of every engine")


Engine = Callable[[Network, Overlay, bool], State]
"""network, overlay, whether to do the single-failure sweep -> State. Raises `Unproven` rather than guess."""
