"""What a check is given, and what a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from backstay.audit.configuration import ConfigurationChange
from backstay.audit.difference import Difference
from backstay.model.change import Change, Intent, Plan, Stage, TouchedLine
from backstay.model.finding import Finding
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import State


class Kind(StrEnum):
    """Which point of a change is looked at.

    STEP: after a step; DURING: while the commands of a step last; WHOLE: the change as one; ROLLBACK and
    ROLLBACK_DURING: the same on the way back; ROLLED_BACK: where the way back ends.
    """

    STEP = "step"
    DURING = "during"
    WHOLE = "whole"
    ROLLBACK = "rollback"
    ROLLBACK_DURING = "rollback-during"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A network under an overlay that the change passes through. ``previous`` is the network before this step;
    ``stage`` None where the moment belongs to no single step. ``sweep``: single failures are asked for as well.
    """

    kind: Kind
    label: str
    network: Network
    previous: Network
    overlay: Overlay = NOTHING
    stage: Stage | None = None
    sweep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One moment of a change as one engine computed it, held against the State before the whole change.

    ``difference`` is from ``before`` to ``after``; ``configuration`` the same for the configurations; ``step`` is what
    this step alone changes in them.
    """

    plan: Plan
    moment: Moment
    before: State
    after: State
    difference: Difference
    configuration: ConfigurationChange
    step: ConfigurationChange

    @property
    def change(self) -> Change:
        return self.plan.change

    @property
    def intent(self) -> Intent:
        return self.plan.change.intent

    @property
    def period(self) -> str:
        return self.plan.change.period

    @property
    def stage(self) -> Stage | None:
        return self.moment.stage

    @property
    def kind(self) -> Kind:
        return self.moment.kind

    @property
    def network_before(self) -> Network:
        return self.plan.before

    @property
    def network_after(self) -> Network:
        return self.moment.network

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The steps that this moment is about: its own, or all of them."""
        return (self.moment.stage,) if self.moment.stage else self.plan.stages

    @property
    def touched(self) -> tuple[TouchedLine, ...]:
        """Lines typed in these steps, those that changed nothing included."""
        return tuple(line for stage in self.stages for line in stage.touched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A row of `backstay.audit.checks.CHECKS`. ``kinds`` are the moments it is asked at; ``page`` its documentation,
    relative to the root of the project.
    """

    id: str
    function: Callable[[Context], tuple[Finding, ...]]
    kinds: frozenset[Kind]

    @property
    def page(self) -> str:
        return f"docs/checks/{self.id}.md"


PASSED_THROUGH = frozenset({Kind.STEP, Kind.DURING, Kind.ROLLBACK, Kind.ROLLBACK_DURING})
"""Every state that the network is in for a while: each must be safe to stay in."""
