"""Configuration text as a tree of sections, and the grammar that says which line belongs where.

Vendor-neutral: a vendor's reader brings its grammar as rows of text (`Grammar.of`) and walks the tree. Nodes are the
one mutable thing in reading; nothing of them leaves the room.

A grammar row is ``[flags] pattern [>> context] [# reason] [? reason]``:

==============  ====================================================================================
``word``       a literal, part of the line's key; ``a|b`` either
``{name}``     any one word, part of the key (``{prefix}``, ``{address}``, ``{peer}`` are made canonical)
``<name>``     any one word, a value: not part of the key
``*``          the rest of the line, a value; may be empty
``>> context`` the line opens a section of that context
``# reason``   ignored by name, for the reason
``? reason``   known to the router but not modelled: always unread, for the reason
==============  ====================================================================================

Two lines of one section with one key replace one another; ``no`` takes back the line with its key. Flags:

=====  ==============================================================================================
``~``  on by default, or able to undo an inherited setting: ``no`` itself is a statement that is kept
``^``  the last one typed wins over lines of other keys: a replacement moves to the end of the section
``%``  the values are a set: typing adds to it, ``no`` takes words out of it
``-``  ``no`` with these words alone takes everything beneath (every line whose key starts with it)
=====  ==============================================================================================
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One grammar row. ``name`` is its literal words, joined by blanks."""

    name: str
    opens: str | None = None
    ignored: str | None = None
    unread: str | None = None
    keeps_no: bool = False
    moves: bool = False
    is_set: bool = False
    sweep_only: bool = False


@dataclass(slots=True, eq=False)
class Line:
    """One line of a file; ``number`` counts from 1 in the text that was read, 0 for a line typed later."""

    file: str
    number: int
    text: str
    deleted: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """A line with its place in the tree. ``words`` are without a leading ``no``; ``negated`` says there was one.

    A section has ``context`` and ``children`` in order, by key. ``lines`` are its heading (again for each re-entry)
    and closing lines; ``tail`` is the line after which a direct child is added, ``end`` the last line of all.
    """

    words: list[str]
    line: Line | None
    key: Key
    rule: Rule | None = None
    negated: bool = False
    context: str | None = None
    parent: Node | None = None
    reason: str = ""
    children: dict[Key, Node] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    tail: Line | None = None
    end: Line | None = None

    @property
    def text(self) -> str:
        return ("no " if self.negated else "") + " ".join(self.words)

    def path(self) -> tuple[str, ...]:
        """Headings of the enclosing sections, outermost first."""
        if self.parent is None or self.parent.parent is None:
            return ()
        return (*self.parent.path(), self.parent.text)


@dataclass(slots=True, eq=False)
class _State:
    literals: dict[str, _State] = field(default_factory=dict)
    parameter: _State | None = None
    canonical: Callable[[str], str] | None = None
    value: _State | None = None
    rest: Rule | None = None
    rule: Rule | None = None
    no_rule: Rule | None = None
    sweep: Rule | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A line the grammar knows. ``sweep``: it is a ``no`` that takes everything beneath ``key``."""

    rule: Rule
    key: Key
    sweep: bool = False


#: What the grammar says of a line it does not take.
UNKNOWN = "unknown"
INCOMPLETE = "incomplete"


class Grammar:
    """The commands of one context."""

    def __init__(self, rows: str) -> None:
        self._start = _State()
        for row in rows.splitlines():
            if row.strip():
                self._add(row.strip())

    def _add(self, row: str) -> None:
        flags, tokens, rule = _parse_row(row)
        states = [self._start]
        last = max((at for at, token in enumerate(tokens) if token[0] not in "<*"), default=-1)
        for at, token in enumerate(tokens):
            if token == "*":  # noqa: S105 - a wildcard, not a secret
                for state in states:
                    state.rest = rule
                continue
            states = [following for state in states for following in _step(state, token)]
            if at >= last:
                _allow_no(states, rule)
        for state in states:
            if "-" in flags:
                state.sweep = rule
            else:
                state.rule = state.rule or rule

    def find(self, words: Sequence[str], *, negated: bool = False) -> Found | str:
        """The rule and key of a line, or `UNKNOWN`, or `INCOMPLETE` when it is the beginning of a known one."""
        state = self._start
        key: list[str] = []
        for word in words:
            following = state.literals.get(word)
            if following is not None:
                key.append(word)
            elif state.parameter is not None:
                following = state.parameter
                key.append(state.canonical(word) if state.canonical else word)
            elif state.value is not None:
                following = state.value
            elif state.rest is not None:
                return Found(state.rest, tuple(key))
            else:
                return UNKNOWN
            state = following
        rule = state.rule or state.rest
        if negated:
            if state.sweep is not None:
                return Found(state.sweep, tuple(key), sweep=True)
            rule = rule or state.no_rule
        return Found(rule, tuple(key)) if rule is not None else INCOMPLETE


def _parse_row(row: str) -> tuple[str, list[str], Rule]:
    pattern, _, ignored = row.partition("#")
    pattern, _, unread = pattern.partition("?")
    pattern, _, opens = pattern.partition(">>")
    tokens = pattern.split()
    flags = "".join(tokens.pop(0) for token in list(tokens) if token in {"~", "^", "%", "-"})
    literals = [token for token in tokens if token[0] not in "{<*"]
    rule = Rule(
        name=" ".join(literals),
        opens=opens.strip() or None,
        ignored=ignored.strip() or None,
        unread=unread.strip() or None,
        keeps_no="~" in flags,
        moves="^" in flags,
        is_set="%" in flags,
        sweep_only="-" in flags,
    )
    return flags, tokens, rule


def _step(state: _State, token: str) -> list[_State]:
    if token.startswith("{"):
        if state.parameter is None:
            state.parameter = _State()
            state.canonical = _CANONICAL.get(token[1:-1])
        return [state.parameter]
    if token.startswith("<"):
        state.value = state.value or _State()
        return [state.value]
    return [state.literals.setdefault(word, _State()) for word in token.split("|")]


def _allow_no(states: list[_State], rule: Rule) -> None:
    for state in states:
        state.no_rule = state.no_rule or rule


@lru_cache(maxsize=1 << 16)
def canonical_prefix(text: str) -> str:
    """``10.1.2.3/8`` as ``10.0.0.0/8``; anything else as it is."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


@lru_cache(maxsize=1 << 16)
def canonical_address(text: str) -> str:
    """``2001:DB8::1/64`` as ``2001:db8::1/64``; host bits stay; anything else as it is."""
    try:
        return str(ipaddress.ip_interface(text)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return text


_CANONICAL: dict[str, Callable[[str], str]] = {
    "prefix": canonical_prefix,
    "address": canonical_address,
    "peer": canonical_address,
}
