"""``route-map NAME permit|deny N``: match, set, call, continue, on-match."""

from __future__ import annotations

from typing import Any

from backstay.model.address import Address
from backstay.model.policy import Match, RouteMapEntry, SetAction
from backstay.read.frr.policy import communities
from backstay.read.frr.reading import Misread, Reading, place
from backstay.read.section import Node

_OF = {"address": "prefix", "next-hop": "next-hop", "route-source": "source"}
_FAMILY = {"ip": 4, "ipv6": 6}


def read_entry(reading: Reading, section: Node) -> RouteMapEntry:
    """One sequence of a route-map."""
    _, _, action, sequence = section.words[:4]
    fields: dict[str, Any] = {"sequence": int(sequence), "permit": action == "permit", "place": place(section)}
    matches: list[Match] = []
    sets: list[SetAction] = []

    def handle(node: Node) -> bool:
        match node.words:
            case ["match", *rest]:
                matches.append(_match(rest, node))
            case ["set", *rest]:
                sets.append(_set(rest, node))
            case ["call", name]:
                fields["call"] = name
            case ["on-match", "next"] | ["continue"]:
                fields["on_match"] = "next"
            case ["on-match", "goto", number] | ["continue", number]:
                fields["on_match"] = int(number)
            case ["description", *rest]:
                fields["description"] = " ".join(rest)
            case _:
                return False
        return True

    reading.walk(section, handle)
    return RouteMapEntry(matches=tuple(matches), sets=tuple(sets), **fields)


def _match(rest: list[str], node: Node) -> Match:
    where = place(node)
    match rest:
        case ["ip" | "ipv6" as family, "address" | "next-hop" | "route-source" as of, *words]:
            return _match_address(words, _FAMILY[family], _OF[of], node)
        case ["community" | "large-community" as kind, name, *exact] if exact in ([], ["exact-match"]):
            return Match(kind=kind, values=(name,), exact=bool(exact), place=where)
        case ["as-path" | "extcommunity" | "interface" | "peer" as kind, value]:
            return Match(kind=kind, values=(value,), place=where)
        case ["origin" as kind, "igp" | "egp" | "incomplete" as value]:
            return Match(kind=kind, values=(value,), place=where)
        case ["source-protocol" as kind, value]:
            return Match(kind=kind, values=(value,), place=where)
        case ["metric" | "local-preference" | "tag" | "source-instance" as kind, value]:
            return Match(kind=kind, values=(str(int(value)),), place=where)
    raise Misread("the match is not modelled")


def _match_address(words: list[str], version: int, of: str, node: Node) -> Match:
    common: dict[str, Any] = {"version": version, "of": of, "place": place(node)}
    match words:
        case ["prefix-list", name]:
            return Match(kind="prefix-list", values=(name,), **common)
        case ["prefix-len", length]:
            return Match(kind="prefix-len", values=(str(int(length)),), **common)
        case ["address", address]:
            return Match(kind="next-hop", values=(str(Address.parse(address)),), **common)
        case ["type", "blackhole"]:
            return Match(kind="next-hop", values=("blackhole",), **common)
        case [name]:
            return Match(kind="access-list", values=(name,), **common)
    raise Misread("the match is not modelled")


def _set(rest: list[str], node: Node) -> SetAction:
    where = place(node)
    match rest:
        case ["community" | "large-community" as kind, *words]:
            return _set_communities(kind, words, node)
        case ["extcommunity", "none"]:
            return SetAction(kind="extcommunity", values=(), place=where)
        case ["extcommunity", "rt" | "soo" as kind, *words] if words:
            return SetAction(kind=f"extcommunity-{kind}", values=tuple(words), place=where)
        case ["comm-list" | "large-comm-list" as kind, name, "delete"]:
            return SetAction(kind=f"{kind}-delete", values=(name,), place=where)
        case ["as-path", "prepend" | "exclude" as kind, *words] if words:
            return SetAction(kind=f"as-path-{kind}", values=_as_numbers(words), place=where)
        case ["ip" | "ipv6" as family, "next-hop", *words]:
            return _set_next_hop(words, _FAMILY[family], node)
        case ["aggregator", "as", number, address]:
            return SetAction(kind="aggregator", values=(number, address), place=where)
        case ["atomic-aggregate"]:
            return SetAction(kind="atomic-aggregate", values=(), place=where)
        case [kind, value]:
            return SetAction(kind=kind, values=(_value(kind, value),), place=where)
    raise Misread("the action is not modelled")


def _set_communities(kind: str, words: list[str], node: Node) -> SetAction:
    if words == ["none"]:
        return SetAction(kind=kind, values=(), place=place(node))
    additive = "additive" in words
    plain = [word for word in words if word != "additive"]
    if not plain:
        raise Misread("a community is missing")
    values = communities(plain, "large" if kind == "large-community" else "standard")
    return SetAction(kind=kind, values=values, additive=additive, place=place(node))


def _as_numbers(words: list[str]) -> tuple[str, ...]:
    if words[0] == "last-as" and len(words) == 2:
        return ("last-as", str(int(words[1])))
    return tuple(str(int(word)) for word in words)


def _set_next_hop(words: list[str], version: int, node: Node) -> SetAction:
    match words:
        case ["prefer-global"]:
            return SetAction(kind="next-hop-prefer-global", values=(), version=version, place=place(node))
        case ["peer-address" | "unchanged" as value]:
            return SetAction(kind="next-hop", values=(value,), version=version, place=place(node))
        case [address] | ["global", address]:
            return SetAction(kind="next-hop", values=(str(Address.parse(address)),), version=version, place=place(node))
    raise Misread("a link-local next hop that is set is not modelled")


_TEXTS = {"metric-type": {"type-1", "type-2"}, "origin": {"igp", "egp", "incomplete"}}


def _value(kind: str, value: str) -> str:
    if kind in _TEXTS:
        if value not in _TEXTS[kind]:
            raise Misread(f"expected one of {', '.join(sorted(_TEXTS[kind]))}")
        return value
    if kind in {"src", "originator-id"}:
        return str(Address.parse(value))
    if kind == "metric" and value in {"rtt", "+rtt", "-rtt"}:
        return value
    if kind in {"metric", "local-preference"} and value[0] in "+-":
        return value[0] + str(int(value[1:]))
    return str(int(value))
