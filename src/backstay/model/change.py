"""A change as its author declares it, and as it resolves against a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backstay.model.address import Prefix
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.policy import NOWHERE
from backstay.model.source import Place, SourceFile, UnreadLine


class Intent(StrEnum):
    """What the author says the change is for; `backstay.audit` holds the effect against it."""

    ASSESS = "assess"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    CONFIGURE = "configure"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the author believes is touched. None: not declared (a finding by itself); empty: declared as nothing.
    ``routers`` are selectors; ``links`` link names; ``prefixes`` what may change for external neighbours.
    """

    routers: tuple[str, ...] | None = None
    links: tuple[str, ...] | None = None
    prefixes: tuple[Prefix, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Effects the author declares beforehand: advertisements that will appear or go, demand that will be lost."""

    added: tuple[Prefix, ...] = ()
    withdrawn: tuple[Prefix, ...] = ()
    lost_mbps: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Routers selected by ``on`` get ``config`` typed in configuration mode (lines of the vendor's own), then
    ``commands`` typed in exec mode. ``replace`` is the other way: whole files in place of the old (CI on a git
    branch): router name -> new sources. ``place`` is the first line of ``config`` in the change file (line n of
    ``config`` stands n - 1 lines below it); ``selector_place`` the line of ``on``; ``command_places`` one a command.
    """

    on: tuple[str, ...]
    config: str = ""
    commands: tuple[str, ...] = ()
    description: str = ""
    replace: Mapping[str, tuple[SourceFile, ...]] = field(default_factory=dict)
    place: Place = NOWHERE
    selector_place: Place = NOWHERE
    command_places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change file. ``rollback`` None: none was given. ``places`` are the lines of its keys by path
    (``scope.routers``), as far as errors need them.
    """

    title: str
    intent: Intent
    scope: Scope = field(default_factory=Scope)
    steps: tuple[Step, ...] = ()
    rollback: tuple[Step, ...] | None = None
    expect: Expectation = field(default_factory=Expectation)
    period: str = ""
    place: Place = NOWHERE
    digest: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An exec-mode command with an effect that is not configuration: ``kind`` is clear, reload, shutdown, debug,
    write or show. ``overlay`` is what it does while it lasts.
    """

    router: str
    kind: str
    text: str
    overlay: Overlay = NOTHING
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedLine:
    """A line of a step as it was typed on a router: ``place`` in the change file; ``action`` added, removed,
    replaced or unchanged (typed, but nothing changed).
    """

    router: str
    text: str
    context: tuple[str, ...]
    action: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step resolved: the routers it selected, the network after it (all earlier steps included), the lines it
    touched, what could not be understood. ``unread`` not empty makes the verdict UNKNOWN.
    """

    number: int
    rollback: bool
    step: Step
    routers: tuple[str, ...]
    network: Network
    touched: tuple[TouchedLine, ...] = ()
    operations: tuple[Operation, ...] = ()
    unread: tuple[UnreadLine, ...] = ()

    @property
    def overlay(self) -> Overlay:
        """Everything its operations do while they last."""
        merged = NOTHING
        for operation in self.operations:
            merged |= operation.overlay
        return merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A change resolved against a network: what the audit walks through. ``rollback`` starts from the network after
    the last stage; None where the change has no rollback.
    """

    change: Change
    before: Network
    stages: tuple[Stage, ...]
    rollback: tuple[Stage, ...] | None

    @property
    def after(self) -> Network:
        return self.stages[-1].network if self.stages else self.before
