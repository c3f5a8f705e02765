"""Named lists: does a list permit this prefix, this address, these communities, this AS path?

Every function answers for a list that exists; what an undefined one does is a vendor semantic that `policy` applies.
Source unless said otherwise: FRR 8.4 lib/plist.c, lib/filter.c, bgpd/bgp_clist.c, bgpd/bgp_filter.c.
"""

from __future__ import annotations

import re
from functools import lru_cache

from backstay.model.address import BITS, Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.policy import AccessList, AccessListEntry, AsPathList, CommunityList, CommunityListEntry, PrefixList
from backstay.model.source import Place

WELL_KNOWN = {
    "internet": 0,
    "graceful-shutdown": 0xFFFF0000,
    "accept-own": 0xFFFF0001,
    "route-filter-translated-v4": 0xFFFF0002,
    "route-filter-v4": 0xFFFF0003,
    "route-filter-translated-v6": 0xFFFF0004,
    "route-filter-v6": 0xFFFF0005,
    "llgr-stale": 0xFFFF0006,
    "no-llgr": 0xFFFF0007,
    "accept-own-nexthop": 0xFFFF0008,
    "blackhole": 0xFFFF029A,
    "no-export": 0xFFFFFF01,
    "no-advertise": 0xFFFFFF02,
    "local-AS": 0xFFFFFF03,
    "no-peer": 0xFFFFFF04,
}
"""Names of the IANA registry of well-known communities, as FRR prints them."""

_NAMES = {value: name for name, value in WELL_KNOWN.items()}
_LOWER = {name.lower(): value for name, value in WELL_KNOWN.items()}
_CLASSES = {
    "digit": "0-9",
    "alpha": "A-Za-z",
    "alnum": "A-Za-z0-9",
    "space": r"\s",
    "blank": r" \t",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9A-Fa-f",
}
_BOUNDARY = "(?:[,{}() ]|^|$)"
"""What ``_`` means (FRR bgp_regex.c BGP_REGEX_MAGIC)."""


@lru_cache(maxsize=1 << 14)
def community_value(shown: str) -> int:
    """A standard community as its 32-bit number: ``65000:1``, a well-known name or a plain number."""
    known = _LOWER.get(shown.lower())
    if known is not None:
        return known
    high, colon, low = shown.partition(":")
    return int(high) << 16 | int(low) if colon else int(high)


@lru_cache(maxsize=1 << 14)
def canonical(shown: str) -> str:
    """One spelling for each standard community: the well-known name where there is one, else ``high:low``."""
    value = community_value(shown)
    return _NAMES.get(value, f"{value >> 16}:{value & 0xFFFF}")


def sorted_communities(shown: tuple[str, ...] | frozenset[str] | set[str]) -> tuple[str, ...]:
    """Canonical, without repeats, in numeric order: the order routers show them in."""
    return tuple(sorted({canonical(item) for item in shown}, key=community_value))


def sorted_large(shown: tuple[str, ...] | frozenset[str] | set[str]) -> tuple[str, ...]:
    """Large communities (RFC 8092) without repeats in numeric order."""
    return tuple(sorted(set(shown), key=lambda item: tuple(int(part) for part in item.split(":"))))


def prefix_list_permits(prefix_list: PrefixList, prefix: Prefix) -> bool:
    """First entry that holds the prefix decides; none denies. A list without entries permits (plist.c)."""
    if not prefix_list.entries:
        return True
    for entry in prefix_list.entries:
        if entry.ge <= prefix.length <= entry.le and entry.prefix.covers(prefix):
            return entry.permit
    return False


def access_list_permits(access_list: AccessList, prefix: Prefix) -> bool:
    """A route against an access list: its network against the source; its mask against the destination of an
    extended one (filter.c filter_match_cisco, filter_match_zebra). None matches: denied.
    """
    for entry in access_list.entries:
        if _access_entry_holds(entry, prefix):
            return entry.permit
    return False


def _access_entry_holds(entry: AccessListEntry, prefix: Prefix) -> bool:
    if not _source_holds(entry, prefix):
        return False
    if entry.destination is None and entry.destination_wildcard is None:
        return True
    bits = BITS[prefix.version]
    mask = Address(prefix.version, (1 << bits) - (1 << bits - prefix.length))
    if entry.destination_wildcard is not None:
        return _wildcard_holds(entry.destination_wildcard, mask.value)
    return entry.destination is not None and entry.destination.holds(mask)


def _source_holds(entry: AccessListEntry, prefix: Prefix) -> bool:
    if entry.source_wildcard is not None:
        return _wildcard_holds(entry.source_wildcard, prefix.value)
    if entry.source is None:
        return True
    return entry.source == prefix if entry.exact else entry.source.covers(prefix)


def _wildcard_holds(wildcard: tuple[int, int], value: int) -> bool:
    address, ignored = wildcard
    return (value & ~ignored) == (address & ~ignored)


def as_path_list_permits(as_path_list: AsPathList, shown: str) -> bool:
    """First expression found in the path's text decides; none denies."""
    for entry in as_path_list.entries:
        if expression(entry.regex, entry.place).search(shown):
            return entry.permit
    return False


def community_list_permits(community_list: CommunityList, carried: tuple[str, ...], *, exact: bool = False) -> bool:
    """Whether the list lets a route with these communities through: first matching entry, none denies.

    ``exact``: the entry must hold all communities of the route and no other.
    """
    for entry in community_list.entries:
        if _community_entry_holds(community_list.kind, entry, carried, exact=exact):
            return entry.permit
    return False


def _community_entry_holds(kind: str, entry: CommunityListEntry, carried: tuple[str, ...], *, exact: bool) -> bool:
    if entry.regex is not None:
        return bool(expression(entry.regex, entry.place).search(_shown(kind, carried)))
    wanted = {_same(kind, item) for item in entry.communities}
    have = {_same(kind, item) for item in carried}
    if kind == "standard" and "internet" in wanted:
        return True
    return have == wanted if exact else wanted <= have and bool(wanted)


def deleted(community_list: CommunityList, carried: tuple[str, ...]) -> tuple[str, ...]:
    """What is left after ``set comm-list NAME delete``: each community by itself is held against the list, a permit
    deletes it, and an entry of several communities means each of them (bgp_clist.c community_list_match_delete).
    """
    return tuple(item for item in carried if not _deletes(community_list, item))


def _deletes(community_list: CommunityList, item: str) -> bool:
    kind = community_list.kind
    for entry in community_list.entries:
        among = _same(kind, item) in {_same(kind, wanted) for wanted in entry.communities}
        if among or _community_entry_holds(kind, entry, (item,), exact=False):
            return entry.permit
    return False


def _same(kind: str, shown: str) -> str:
    if kind == "standard":
        return canonical(shown)
    return shown.lower() if kind == "extended" else shown


def _shown(kind: str, carried: tuple[str, ...]) -> str:
    """The text an expanded list is matched with; FRR shows extended communities as ``RT:65000:1``."""
    if kind == "standard":
        return " ".join(sorted_communities(carried))
    if kind == "large":
        return " ".join(sorted_large(carried))
    return " ".join(sorted(item.replace("rt ", "RT:").replace("soo ", "SoO:") for item in carried))


@lru_cache(maxsize=1 << 12)
def expression(written: str, place: Place) -> re.Pattern[str]:
    """A POSIX extended expression with Cisco's ``_``. Raises `Unproven` for one Python cannot be given."""
    try:
        return re.compile(_translated(written))
    except re.error as fault:
        raise Unproven(f"{place}: regular expression {written!r} cannot be evaluated: {fault}") from fault


def _translated(written: str) -> str:
    out: list[str] = []
    position = 0
    inside = False
    while position < len(written):
        letter = written[position]
        if inside and written.startswith("[:", position):
            end = written.find(":]", position)
            name = written[position + 2 : end]
            if end < 0 or name not in _CLASSES:
                raise re.error(f"unknown character class [:{name}:]")
            out.append(_CLASSES[name])
            position = end + 2
            continue
        if letter == "\\" and not inside and position + 1 < len(written):
            out.append(re.escape(written[position + 1]))
            position += 2
            continue
        was_inside, inside = inside, _bracket_state(written, position, inside)
        if was_inside and letter == "_":
            raise re.error("_ inside brackets has no meaning of its own")
        literal = was_inside and letter in "\\&~|["
        out.append(_BOUNDARY if letter == "_" else "\\" + letter if literal else letter)
        position += 1
    return "".join(out)


def _bracket_state(written: str, position: int, inside: bool) -> bool:
    """Inside a bracket expression after this letter? A ``]`` right behind ``[`` or ``[^`` is a letter itself."""
    if not inside:
        return written[position] == "["
    first = written[position - 1] == "[" or written[position - 2 : position] == "[^"
    return written[position] != "]" or first
