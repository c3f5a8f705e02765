"""Communities of the three kinds as comparable values: standard (RFC 1997) numbers, large (RFC 8092) and extended
(RFC 4360) canonical texts.
"""

from __future__ import annotations

from collections.abc import Iterable

INTERNET = 0
GRACEFUL_SHUTDOWN = 0xFFFF0000
LLGR_STALE = 0xFFFF0006
BLACKHOLE = 0xFFFF029A
NO_EXPORT = 0xFFFFFF01
NO_ADVERTISE = 0xFFFFFF02
LOCAL_AS = 0xFFFFFF03

_NAMES = {
    INTERNET: "internet",
    GRACEFUL_SHUTDOWN: "graceful-shutdown",
    0xFFFF0001: "accept-own",
    0xFFFF0002: "route-filter-translated-v4",
    0xFFFF0003: "route-filter-v4",
    0xFFFF0004: "route-filter-translated-v6",
    0xFFFF0005: "route-filter-v6",
    LLGR_STALE: "llgr-stale",
    0xFFFF0007: "no-llgr",
    0xFFFF0008: "accept-own-nexthop",
    BLACKHOLE: "blackhole",
    NO_EXPORT: "no-export",
    NO_ADVERTISE: "no-advertise",
    LOCAL_AS: "local-AS",
    0xFFFFFF04: "no-peer",
}
"""IANA "BGP Well-known Communities", under the names FRR bgp_community.c gives them."""

_NUMBERS = {name.casefold(): number for number, name in _NAMES.items()}


def number(text: str) -> int:
    """``65000:1``, a well-known name or a plain number. Raises ValueError on anything else."""
    known = _NUMBERS.get(text.casefold())
    if known is not None:
        return known
    high, colon, low = text.partition(":")
    return int(high) << 16 | int(low) if colon else int(text)


def name(value: int) -> str:
    """As routers show it: the well-known name, else ``65000:1``."""
    return _NAMES.get(value) or f"{value >> 16}:{value & 0xFFFF}"


def large(text: str) -> str:
    """``65000:1:2`` without leading zeros."""
    return ":".join(str(int(part)) for part in text.split(":"))


def extended(text: str) -> str:
    """``rt 65000:1`` or ``soo 65000:1``."""
    kind, _, value = text.replace(" ", ":", 1).partition(":")
    return f"{kind.casefold()} {value}"


def canonical(kind: str, texts: Iterable[int] | Iterable[str]) -> frozenset[int] | frozenset[str]:
    """Texts (or values already canonical) of one kind, as in `CommunityList.kind`."""
    if kind == "standard":
        return frozenset(one if isinstance(one, int) else number(one) for one in texts)
    make = large if kind == "large" else extended
    return frozenset(make(str(one)) for one in texts)


def line(kind: str, values: frozenset[int] | frozenset[str]) -> str:
    """The text an expanded list's expression is held against: in the order of their numbers, one blank between."""
    if kind == "standard":
        return " ".join(name(int(one)) for one in sorted(values, key=int))
    if kind == "large":
        return " ".join(sorted((str(one) for one in values), key=lambda one: [int(part) for part in one.split(":")]))
    return " ".join(sorted(_shown(str(one)) for one in values))


def _shown(text: str) -> str:
    """Extended communities as FRR ecommunity_str() shows them: ``RT:65000:1``, ``SoO:65000:1``."""
    kind, value = text.split()
    return f"{'RT' if kind == 'rt' else 'SoO'}:{value}"


def texts(values: frozenset[int]) -> tuple[str, ...]:
    """Names of standard communities, sorted as text."""
    return tuple(sorted(name(value) for value in values))
