"""Lines typed in ``configure terminal``, merged as vtysh would merge them."""

from __future__ import annotations

from dataclasses import dataclass, field

from backstay.model.change import TouchedLine
from backstay.model.network import Router
from backstay.model.source import Place, SourceFile, UnreadLine
from backstay.read.frr.operation import operation
from backstay.read.frr.router import parse, read_router
from backstay.read.frr.tree import Tree, Typed
from backstay.read.section import Line

_ENTER = (["configure"], ["configure", "terminal"], ["conf", "t"], ["conf", "terminal"], ["config", "terminal"])
_HARMLESS = frozenset({"show", "write", "ping", "debug"})


@dataclass(slots=True)
class _Session:
    """A configuration session on one router."""

    router: Router
    tree: Tree
    touched: list[TouchedLine] = field(default_factory=list)
    unread: list[UnreadLine] = field(default_factory=list)
    typed: list[tuple[str, Place]] = field(default_factory=list)
    left: bool = False

    def enter(self, text: str, place: Place) -> None:
        """One typed line."""
        words = text.split()
        if not words or words[0][0] in "!#":
            return
        if words in _ENTER:
            self.left = False
            self.tree.current = self.tree.root
        elif self.left:
            self._refuse(text, place, (), "typed after `end` or the last `exit`, outside of configuration mode")
        elif words == ["end"] or (words in (["exit"], ["quit"]) and self.tree.current is self.tree.root):
            self.left = True
        elif words[0] == "do":
            self._exec(text, place)
        else:
            self._merge(words, text, place)

    def _exec(self, text: str, place: Place) -> None:
        command = text.strip().removeprefix("do").strip()
        done = operation(self.router, command, place)
        if done is None or done.kind not in _HARMLESS:
            self._refuse(
                text, place, (), "an exec command inside configuration lines; give it as a command of the step"
            )

    def _merge(self, words: list[str], text: str, place: Place) -> None:
        outcome = self.tree.type(words, Line(place.file, 0, text))
        if outcome.action == "unread":
            self._refuse(text, place, outcome.path, outcome.reason)
            return
        self.typed.append((" ".join(words), place))
        if words[0].startswith("exit") or words == ["quit"]:
            return
        self.touched.append(self._touched(outcome, text, place))

    def _touched(self, outcome: Typed, text: str, place: Place) -> TouchedLine:
        action = "unchanged" if outcome.action == "structure" else outcome.action
        return TouchedLine(router=self.router.name, text=text.strip(), context=outcome.path, action=action, place=place)

    def _refuse(self, text: str, place: Place, path: tuple[str, ...], reason: str) -> None:
        self.unread.append(UnreadLine(place, self.router.name, text.strip(), path, reason))

    def fresh(self, after: Router) -> list[UnreadLine]:
        """What only the re-read could see: a typed line that is known to FRR but cannot be taken in."""
        known = {(line.context, line.text) for line in self.router.unread}
        where = dict(reversed(self.typed))
        return [
            UnreadLine(where.get(line.text, line.place), line.router, line.text, line.context, line.reason)
            for line in after.unread
            if (line.context, line.text) not in known
        ]


def merge(router: Router, lines: str, place: Place) -> tuple[Router, tuple[TouchedLine, ...], tuple[UnreadLine, ...]]:
    """Type ``lines`` into the router's configuration mode.

    ``place`` is where the text begins: the n-th line stands at ``place.line`` + n, n from 0. The router that comes
    back was read again from the new text in its ``sources``; the one given is untouched. A line that FRR would
    refuse, or whose meaning is not known, changes nothing and is among the unread lines. A ``no`` for what is not there
    is ``unchanged``.
    """
    tree = parse(router.sources).tree
    tree.edit()
    session = _Session(router, tree)
    for offset, text in enumerate(lines.splitlines()):
        session.enter(text, Place(place.file, place.line + offset if place.line else 0))
    sources = _written(router.sources, tree)
    if sources == router.sources:
        return router, tuple(session.touched), tuple(session.unread)
    after = read_router(sources, router.name)
    return after, tuple(session.touched), (*session.unread, *session.fresh(after))


def _written(sources: tuple[SourceFile, ...], tree: Tree) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(source.path, _text(source, tree.files.lines[source.path])) for source in sources)


def _text(source: SourceFile, lines: list[Line]) -> str:
    ending = "\n" if source.text.endswith("\n") or not source.text else ""
    return "\n".join(line.text for line in lines if not line.deleted) + ending
