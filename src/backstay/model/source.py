"""Where facts come from: files, lines, and lines that nobody could read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of an input file. ``file`` is relative to the network folder; ``line`` counts from 1, 0 is the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One input file as it was read: the text that a change is merged into."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class UnreadLine:
    """A configuration line the reader has no meaning for.

    ``context`` holds the enclosing section headings, outermost first; ``reason`` says why it could not be read.
    """

    place: Place
    router: str
    text: str
    context: tuple[str, ...] = ()
    reason: str = "not understood"


@dataclass(frozen=True, slots=True, order=True)
class IgnoredLine:
    """A line known by name to have no bearing on what is computed (``log syslog``), with the reason."""

    place: Place
    router: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something a reader or an engine wants said: an undefined reference, a session that cannot come up."""

    code: str
    text: str
    router: str | None = None
    place: Place | None = None
