"""Named lists: prefixes, communities, AS paths, access lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backstay.model.address import BITS, Address, Prefix
from backstay.model.policy import (
    AccessList,
    AccessListEntry,
    AsPathList,
    AsPathListEntry,
    CommunityList,
    CommunityListEntry,
    Policies,
    PrefixList,
    PrefixListEntry,
    RouteMap,
    RouteMapEntry,
)
from backstay.read.frr.keys import list_line
from backstay.read.frr.reading import Misread, number, options, place
from backstay.read.section import Node

_COMMUNITY_KINDS = {"community-list": "standard", "large-community-list": "large", "extcommunity-list": "extended"}
ANY = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}


@dataclass(slots=True)
class PolicyDraft:
    """The named objects while they are being read."""

    route_maps: dict[str, list[RouteMapEntry]] = field(default_factory=dict)
    prefix_lists: dict[tuple[int, str], list[PrefixListEntry]] = field(default_factory=dict)
    access_lists: dict[tuple[int, str], list[AccessListEntry]] = field(default_factory=dict)
    community_lists: dict[tuple[str, str], list[CommunityListEntry]] = field(default_factory=dict)
    as_path_lists: dict[str, list[AsPathListEntry]] = field(default_factory=dict)

    def finish(self) -> Policies:
        """All of it as frozen values, entries by sequence number, names sorted."""
        return Policies(
            route_maps=_finish(self.route_maps, lambda name, fields: RouteMap(name=name, **fields)),
            prefix_lists=_finish(
                self.prefix_lists, lambda key, fields: PrefixList(version=key[0], name=key[1], **fields)
            ),
            access_lists=_finish(
                self.access_lists, lambda key, fields: AccessList(version=key[0], name=key[1], **fields)
            ),
            community_lists=_finish(
                self.community_lists, lambda key, fields: CommunityList(kind=key[0], name=key[1], **fields)
            ),
            as_path_lists=_finish(self.as_path_lists, lambda name, fields: AsPathList(name=name, **fields)),
        )


def _finish(drafts: Mapping[Any, list[Any]], make: Any) -> dict[Any, Any]:
    finished = {}
    for key in sorted(drafts):
        entries = tuple(sorted(drafts[key], key=lambda entry: entry.sequence))
        finished[key] = make(key, {"entries": entries, "place": entries[0].place})
    return finished


def read_list(draft: PolicyDraft, node: Node) -> bool:
    """One line of a numbered list; its sequence number is already filled in."""
    entry = list_line(node.words)
    if entry is None:
        return False
    if entry.body[:1] in {("description",), ("remark",)}:
        return True
    if entry.sequence is None or entry.body[0] not in {"permit", "deny"}:
        return False
    common: dict[str, Any] = {"sequence": entry.sequence, "permit": entry.body[0] == "permit", "place": place(node)}
    rest, name = node.words[len(entry.head) + 3 :], entry.head[-1]
    match entry.head:
        case ["ip" | "ipv6" as family, "prefix-list", _]:
            _add(draft.prefix_lists, (_version(family), name), _prefix_entry(rest, _version(family), common))
        case ["ip" | "ipv6" as family, "access-list", _]:
            _add(draft.access_lists, (_version(family), name), _access_entry(rest, _version(family), common))
        case ["access-list", _]:
            _add(draft.access_lists, (4, name), _access_entry(rest, 4, common))
        case ["bgp", "as-path", "access-list", _]:
            _add(draft.as_path_lists, name, AsPathListEntry(regex=_text(rest), **common))
        case ["bgp", kind, *_]:
            style = entry.head[2] if len(entry.head) == 4 else ""
            made = _community_entry(rest, _COMMUNITY_KINDS[kind], expanded=_is_expanded(style, name), common=common)
            _add(draft.community_lists, (_COMMUNITY_KINDS[kind], name), made)
        case _:
            return False
    return True


def _add(lists: dict[Any, list[Any]], key: Any, entry: Any) -> None:
    lists.setdefault(key, []).append(entry)


def _version(family: str) -> int:
    return 6 if family == "ipv6" else 4


def _text(rest: list[str]) -> str:
    if not rest:
        raise Misread("a regular expression is missing")
    return " ".join(rest)


def _prefix_entry(rest: list[str], version: int, common: dict[str, Any]) -> PrefixListEntry:
    bits = BITS[version]
    if rest == ["any"]:
        return PrefixListEntry(prefix=ANY[version], ge=0, le=bits, **common)
    prefix = Prefix.parse(rest[0])
    found = options(rest[1:], {"ge": 1, "le": 1})
    ge, le = number(found, "ge"), number(found, "le")
    if prefix.version != version or not all(prefix.length <= value <= bits for value in (ge, le) if value is not None):
        raise Misread("expected length < ge <= le within the address family")
    low = prefix.length if ge is None else ge
    high = (bits if ge is not None else prefix.length) if le is None else le
    return PrefixListEntry(prefix=prefix, ge=low, le=high, **common)


def _is_expanded(style: str, name: str) -> bool:
    """By its word, or by its number: 1-99 standard, 100-500 expanded."""
    return style == "expanded" or (not style and name.isdigit() and int(name) >= 100)


def _community_entry(rest: list[str], kind: str, *, expanded: bool, common: dict[str, Any]) -> CommunityListEntry:
    if expanded:
        return CommunityListEntry(regex=_text(rest), **common)
    if not rest:
        raise Misread("a community is missing")
    return CommunityListEntry(communities=communities(rest, kind), **common)


def communities(words: list[str], kind: str) -> tuple[str, ...]:
    """Communities in one spelling: ``65000:1``, ``1:2:3``, ``rt 65000:1``. Raises `Misread`."""
    if kind == "extended":
        if len(words) % 2 or any(name not in {"rt", "soo"} for name in words[::2]):
            raise Misread("expected rt or soo with a value")
        return tuple(f"{name} {value}" for name, value in zip(words[::2], words[1::2], strict=True))
    if kind == "large":
        for word in words:
            if word.count(":") != 2 or not word.replace(":", "").isdigit():
                raise Misread(f"{word} is not a large community")
        return tuple(words)
    return tuple(_community(word) for word in words)


_WELL_KNOWN = frozenset(
    {
        "internet",
        "local-AS",
        "no-advertise",
        "no-export",
        "graceful-shutdown",
        "accept-own",
        "accept-own-nexthop",
        "route-filter-v4",
        "route-filter-v6",
        "route-filter-translated-v4",
        "route-filter-translated-v6",
        "llgr-stale",
        "no-llgr",
        "blackhole",
        "no-peer",
    }
)


def _community(word: str) -> str:
    """FRR takes ``65000:1``, a 32-bit number, and the well-known names."""
    if word.isdigit():
        value = int(word)
        return f"{value >> 16}:{value & 0xFFFF}"
    high, colon, low = word.partition(":")
    if word in _WELL_KNOWN or (colon and high.isdigit() and low.isdigit() and max(int(high), int(low)) <= 0xFFFF):
        return word
    raise Misread(f"{word} is not a community")


def _access_entry(rest: list[str], version: int, common: dict[str, Any]) -> AccessListEntry:
    if rest and rest[0] == "ip":
        source, rest = _endpoint(rest[1:])
        destination, rest = _endpoint(rest)
        fields = {**_as("source", source), **_as("destination", destination)}
        if rest:
            raise Misread("more words than an access list has")
        return AccessListEntry(**fields, **common)
    if "/" in rest[0] or version == 6:
        prefix = None if rest[0] == "any" else Prefix.parse(rest[0])
        if rest[1:] not in ([], ["exact-match"]) or (prefix is not None and prefix.version != version):
            raise Misread("more words than an access list has, or another IP version")
        return AccessListEntry(source=prefix, exact=len(rest) > 1, **common)
    source, rest = _endpoint(rest)
    if rest:
        raise Misread("more words than an access list has")
    return AccessListEntry(**_as("source", source), **common)


_Endpoint = Prefix | tuple[int, int] | None


def _endpoint(rest: list[str]) -> tuple[_Endpoint, list[str]]:
    """``any``, ``host A``, ``A``, or ``A WILDCARD``."""
    match rest:
        case ["any", *more]:
            return None, more
        case ["host", address, *more]:
            return Address.parse(address).host_prefix, more
        case [address, wildcard, *more]:
            return _wildcard(Address.parse(address).value, Address.parse(wildcard).value), more
        case [address]:
            return Address.parse(address).host_prefix, []
    raise Misread("an address is missing")


def _wildcard(value: int, wildcard: int) -> _Endpoint:
    host_bits = wildcard.bit_length()
    if wildcard == (1 << host_bits) - 1:
        return Prefix.of(Address(4, value), 32 - host_bits)
    return value, wildcard


def _as(side: str, endpoint: _Endpoint) -> dict[str, Any]:
    if isinstance(endpoint, Prefix) or endpoint is None:
        return {side: endpoint}
    return {f"{side}_wildcard": endpoint}
