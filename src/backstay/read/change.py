"""The change file: what its author wants typed where, and what he declares it does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from backstay.model.change import Change, Expectation, Intent, Scope, Step
from backstay.model.errors import ChangeError
from backstay.model.source import Place
from backstay.read.document import Document, parse, path_text, shape
from backstay.read.shapes import IpPrefix, Name, Selectors, Shape


class StepShape(Shape):
    """Lines typed on the selected routers: first in configuration mode, then in exec mode."""

    on: Annotated[Selectors, Field(min_length=1)] = Field(
        description="router selector or a list of them: a glob over names, role:ROLE, site:SITE, domain:DOMAIN"
    )
    config: str = Field(default="", description="the vendor's own configuration lines, as typed (write it with |)")
    commands: list[Name] = Field(default=[], description="exec commands typed after the configuration")
    description: str = ""


class ScopeShape(Shape):
    """What the author believes is touched."""

    routers: Selectors | None = Field(default=None, description="router selectors")
    links: list[Name] | None = Field(default=None, description="names of links")
    prefixes: list[IpPrefix] | None = Field(default=None, description="what may change for external neighbours")


class ExpectShape(Shape):
    """Effects declared beforehand."""

    added: list[IpPrefix] = Field(default=[], description="prefixes that will be announced anew")
    withdrawn: list[IpPrefix] = Field(default=[], description="prefixes that will no longer be announced")
    lost_mbps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="Mbit/s of demand that will be lost"
    )


class ChangeShape(Shape):
    """A change: a title, what it is for, what it touches, the steps and the way back."""

    change: Name = Field(description="one line for people")
    intent: Literal["assess", "drain", "undrain", "configure", "restore"] = Field(
        description="assess: nothing may change; the audit holds the effect against it"
    )
    scope: ScopeShape = ScopeShape()
    expect: ExpectShape = ExpectShape()
    period: str = Field(default="", description="the period of demands.csv it is carried out in")
    steps: Annotated[list[StepShape], Field(min_length=1)]
    rollback: Annotated[list[StepShape], Field(min_length=1)] | None = Field(
        default=None, description="the way back, from the network after the last step"
    )


def read_change(path: str | Path) -> Change:
    """Read a change file; places name it as ``path`` does. Raises `ChangeError` with file, line and path of the first
    fault: unreadable, not YAML, empty, unknown keys, unknown intent, a step that does nothing.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise ChangeError(f"cannot be read: {fault.strerror}", Place(file.as_posix())) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise ChangeError(f"is not UTF-8: byte 0x{data[fault.start]:02x}", Place(file.as_posix(), line)) from None
    return parse_change(text, file.as_posix(), hashlib.sha256(data).hexdigest())


def parse_change(text: str, file: str, digest: str = "") -> Change:
    """The text of a change file as a value. Raises `ChangeError` as `read_change` does."""
    document = parse(text, file, ChangeError)
    if document.value is None:
        raise ChangeError("is empty; expected the keys change, intent and steps", Place(file))
    given = shape(document, ChangeShape)
    return Change(
        title=given.change,
        intent=Intent(given.intent),
        scope=_scope(given.scope),
        steps=tuple(_step(document, one, ("steps", index)) for index, one in enumerate(given.steps)),
        rollback=None if given.rollback is None else _rollback(document, given.rollback),
        expect=Expectation(
            added=tuple(given.expect.added),
            withdrawn=tuple(given.expect.withdrawn),
            lost_mbps=float(given.expect.lost_mbps),
        ),
        period=given.period,
        place=Place(file, 1),
        digest=digest or hashlib.sha256(text.encode()).hexdigest(),
        places={path_text(path): document.place(path) for path in _NAMED_LATER},
    )


_NAMED_LATER: tuple[tuple[str, ...], ...] = (("scope", "routers"), ("scope", "links"), ("period",))
"""Keys whose values only a network can prove wrong."""


def _scope(given: ScopeShape) -> Scope:
    return Scope(
        routers=None if given.routers is None else tuple(given.routers),
        links=None if given.links is None else tuple(given.links),
        prefixes=None if given.prefixes is None else tuple(given.prefixes),
    )


def _rollback(document: Document, steps: list[StepShape]) -> tuple[Step, ...]:
    return tuple(_step(document, one, ("rollback", index)) for index, one in enumerate(steps))


def _step(document: Document, given: StepShape, path: tuple[str | int, ...]) -> Step:
    for selector in given.on:
        if not selector.strip():
            raise document.fault((*path, "on"), "an empty selector; name the routers, '*' means every one")
    if not given.config.strip() and not given.commands:
        raise document.fault(path, "has neither config nor commands")
    return Step(
        on=tuple(selector.strip() for selector in given.on),
        config=given.config,
        commands=tuple(given.commands),
        description=given.description,
        place=_config_place(document, (*path, "config")) if given.config.strip() else document.place(path),
        selector_place=document.place((*path, "on")),
        command_places=tuple(document.place((*path, "commands", index)) for index in range(len(given.commands))),
    )


def _config_place(document: Document, path: tuple[str | int, ...]) -> Place:
    """The line of the first configuration line; the whole file where a program wrote several lines into one quoted
    text: only a literal block keeps lines as they stand in the file.
    """
    block = document.blocks[path]
    lines = document.value_at(path).splitlines()
    if block.style == ">":
        raise document.fault(path, "write it as a block with |: with > YAML joins the lines")
    if block.style != "|" and len(lines) > 1:
        return Place(document.file)
    return Place(document.file, block.line)
