"""A change file as text: what `backstay audit` reads, and a person reviews."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

from backstay.model.address import Prefix
from backstay.plan.mechanisms import Move

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9 _./()-]*")
WIDTH = 100

WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Plain words that YAML 1.1 takes for something else than text."""


def change_text(
    *,
    title: str,
    intent: str,
    routers: Iterable[str],
    links: Iterable[str] = (),
    prefixes: Iterable[Prefix] = (),
    moves: Sequence[Move],
    remarks: Sequence[str] = (),
    period: str = "",
) -> str:
    """The steps in their order and the way back in the opposite one. ``prefixes`` are those that external neighbours will
    hear otherwise: of no other may they hear a change.
    """
    lines = [f"# {text}" for remark in remarks for text in wrap(remark, WIDTH)]
    named = ", ".join(scalar(name) for name in sorted(set(routers)))
    wires = ", ".join(scalar(name) for name in sorted(set(links)))
    heard = ", ".join(scalar(str(prefix)) for prefix in sorted(set(prefixes)))
    lines += [
        f"change: {scalar(title)}",
        f"intent: {intent}",
        f"scope: {{routers: [{named}], {f'links: [{wires}], ' if wires else ''}prefixes: [{heard}]}}",
    ]
    lines += [f"period: {scalar(period)}"] if period else []
    lines += ["steps:", *(line for move in moves for line in _step(move.router, move.what, move.lines))]
    lines += ["rollback:", *(line for move in reversed(moves) for line in _step(move.router, "", move.back))]
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """A YAML scalar that is read back as this text."""
    if PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _step(router: str, what: str, lines: Sequence[str]) -> list[str]:
    found = [f"  - on: {scalar(router)}"]
    found += [f"    description: {scalar(what)}"] if what else []
    return [*found, "    config: |", *(f"      {line}" for line in lines)]
