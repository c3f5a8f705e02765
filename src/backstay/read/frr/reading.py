"""Walking the tree so that every line is accounted for: read, ignored by name, or unread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backstay.model.source import IgnoredLine, Place, Remark, UnreadLine
from backstay.read.frr.commands import CATCH_ALL
from backstay.read.section import Line, Node

Handler = Callable[[Node], bool]


class Misread(Exception):  # noqa: N818 - not a fault: the line is reported unread for this reason
    """Raised by a handler: the line is known but cannot be taken in; the message says why."""


@dataclass(slots=True)
class Reading:
    """What became of each line of one router."""

    router: str
    unread: list[UnreadLine] = field(default_factory=list)
    ignored: list[IgnoredLine] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def walk(self, section: Node, handle: Handler) -> None:
        """Hand every line of a section to ``handle``, which says whether it has a meaning for it.

        This is the only way through a section, so no line can be passed over.
        """
        for node in section.children.values():
            rule = node.rule
            if rule is None:
                self.refuse(node, node.reason)
            elif rule.ignored is not None:
                self._ignore(node, rule.ignored)
            elif rule.unread is not None:
                self._unmodelled(node, rule.unread)
            elif node.context in CATCH_ALL:
                self.walk(node, handle)
            else:
                self._hand(node, handle)

    def _hand(self, node: Node, handle: Handler) -> None:
        try:
            understood = handle(node)
        except Misread as problem:
            self.refuse(node, str(problem))
        except (ValueError, IndexError):
            self.refuse(node, "a value that is not understood")
        else:
            if not understood:
                self.refuse(node, "not understood")

    def _ignore(self, node: Node, reason: str) -> None:
        if node.line is not None:
            self.ignored.append(IgnoredLine(place(node), self.router, node.text, reason))

    def _unmodelled(self, node: Node, reason: str) -> None:
        if node.negated:
            self._ignore(node, "switches off what is not modelled")
        else:
            self.refuse(node, reason)

    def refuse(self, node: Node, reason: str) -> None:
        """Report a line, and everything inside it, unread."""
        self.unread.append(UnreadLine(place(node), self.router, node.text, node.path(), reason))
        for child in node.children.values():
            self.refuse(child, reason)

    def passed_over(self, gone: Sequence[tuple[Line, str]]) -> None:
        """Lines that later lines of the same file replaced or took back."""
        for line, reason in gone:
            self.ignored.append(IgnoredLine(Place(line.file, line.number), self.router, line.text.strip(), reason))

    def undefined(self, what: str, where: Place) -> None:
        """A name that is used but nowhere defined."""
        self.remarks.append(Remark("undefined-reference", f"{what} is used but not defined", self.router, where))


def place(node: Node) -> Place:
    """Where the line stands."""
    return Place(node.line.file, node.line.number) if node.line is not None else Place("", 0)


def options(words: Sequence[str], known: dict[str, int]) -> dict[str, list[str]]:
    """``metric 5 route-map R always`` by name; ``known`` says how many values follow each name.

    Raises `Misread` for a name that is not known.
    """
    found: dict[str, list[str]] = {}
    at = 0
    while at < len(words):
        size = known.get(words[at])
        if size is None or at + size >= len(words) + (size == 0):
            raise Misread(f"option {words[at]} is not understood")
        found[words[at]] = list(words[at + 1 : at + 1 + size])
        at += 1 + size
    return found


def number(found: dict[str, list[str]], name: str) -> int | None:
    """The value of a numeric option, None if it is not there."""
    return int(found[name][0]) if name in found else None


def word(found: dict[str, list[str]], name: str) -> str | None:
    """The value of an option, None if it is not there."""
    return found[name][0] if name in found else None
