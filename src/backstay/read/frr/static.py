"""Static routes in every form FRR takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.routing import StaticRoute
from backstay.read.frr.keys import DISCARDS, route_words
from backstay.read.frr.reading import Misread, place
from backstay.read.section import Node


def read_route(node: Node, vrf: str) -> StaticRoute:
    """``ip route P NEXTHOP [IF] [options]``. Raises `Misread` for what is not modelled, ValueError for bad values."""
    words, _ = route_words(node.words)
    prefix = Prefix.parse(words[2])
    rest = words[3:]
    if prefix.version != (6 if words[0] == "ipv6" else 4):
        raise Misread("the prefix is of the other IP version")
    if rest[0] == "from":
        raise Misread("source-specific routes are not modelled")
    fields: dict[str, Any] = {}
    rest = _next_hop(rest, fields)
    _options(rest, fields)
    return StaticRoute(prefix=prefix, vrf=vrf, place=place(node), **fields)


MIXED = "FRR refuses a discarding next hop beside others, and with it every static route of the file"


def path(line: StaticRoute) -> tuple[str, Prefix, int]:
    """What the next hops of one route have in common (yang/frr-staticd.yang: ``path-list`` has the keys table and distance)."""
    return (line.vrf, line.prefix, line.distance)


def together(lines: Sequence[StaticRoute]) -> tuple[StaticRoute, ...]:
    """The lines as they stand together: those of one path have one tag, that of the last of them (seen on FRR 8.4.4)."""
    tags = {path(line): line.tag for line in lines}
    return tuple(line if line.tag == tags[path(line)] else replace(line, tag=tags[path(line)]) for line in lines)


def _next_hop(rest: list[str], fields: dict[str, Any]) -> list[str]:
    first, rest = rest[0], rest[1:]
    if first in DISCARDS:
        fields["discard"] = DISCARDS[first]
        return rest
    try:
        fields["next_hop"] = Address.parse(first)
    except ValueError:
        fields["interface"] = first
        return rest
    if (
        rest
        and not rest[0].isdigit()
        and rest[0] not in {"tag", "onlink", "label", "table", "nexthop-vrf", "color", "bfd"}
    ):
        if rest[0] in DISCARDS:
            fields.pop("next_hop")
            fields["discard"] = DISCARDS[rest[0]]
        else:
            fields["interface"] = rest[0]
        return rest[1:]
    return rest


def _options(rest: list[str], fields: dict[str, Any]) -> None:
    while rest:
        match rest:
            case ["tag", value, *rest]:
                fields["tag"] = int(value)
            case ["nexthop-vrf", name, *rest]:
                fields["next_hop_vrf"] = name
            case ["onlink", *rest]:
                fields["onlink"] = True
            case [("label" | "table" | "color" | "bfd") as name, *_]:
                raise Misread(f"a static route with {name} is not modelled")
            case [value, *rest]:
                fields["distance"] = int(value)
