"""The files of a router while lines are typed into it: where a new line is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from backstay.read.frr.commands import CLOSERS
from backstay.read.section import Line, Node


@dataclass(slots=True, eq=False)
class Files:
    """Lines by file, in reading order; ``main`` is the file that new sections go to."""

    lines: dict[str, list[Line]] = field(default_factory=dict)
    main: str = ""

    def write(self, parent: Node, node: Node) -> None:
        """Add the text of a new line where FRR would read it in the same meaning."""
        if parent.parent is not None and parent.line is None:
            self._section(parent.parent, parent)
        if node.context is None:
            node.line = self._insert(parent, node.text, after=parent.tail)
            parent.tail = node.line
            extend(parent, node.line)
        else:
            self._section(parent, node)

    def _section(self, parent: Node, node: Node) -> None:
        if parent.parent is not None and parent.line is None:
            self._section(parent.parent, parent)
        node.line = self._insert(parent, node.text, after=parent.end if parent.parent is not None else None)
        node.tail = node.end = node.line
        closer = self._insert(parent, CLOSERS.get(node.context or "", "exit"), after=node.line)
        node.lines = [node.line, closer]
        extend(node, closer)
        node.tail = node.line

    def _insert(self, parent: Node, text: str, after: Line | None) -> Line:
        anchor = after or self._last_line()
        file = anchor.file if anchor else self.main
        lines = self.lines[file]
        line = Line(file, 0, " " * _depth(parent) + text)
        at = next(index for index, other in enumerate(lines) if other is anchor) + 1 if anchor else len(lines)
        lines.insert(at, line)
        return line

    def _last_line(self) -> Line | None:
        """The last line of the main file, before its ``end``."""
        for line in reversed(self.lines[self.main]):
            if not line.deleted and line.text.split() not in ([], ["end"], ["!"]):
                return line
        return None


def extend(node: Node, line: Line) -> None:
    """The section, and every one around it, reaches to ``line``."""
    current: Node | None = node
    while current is not None:
        current.end = line
        current = current.parent


def _depth(parent: Node) -> int:
    return 0 if parent.parent is None else 1 + _depth(parent.parent)
