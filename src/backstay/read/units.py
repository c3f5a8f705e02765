"""Quantities and small values as people write them in YAML and CSV, read strictly or refused with a reason.

Every function raises ValueError with a text that says what was found and what was expected.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef

RATE_UNITS = {"": 1.0, "M": 1.0, "G": 1_000.0, "T": 1_000_000.0}
"""Mbit/s in one of each: the units `backstay.yaml` knows."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z/]*)")


def rate(value: object) -> float:
    """A capacity in Mbit/s: a plain number is Mbit/s, text takes M, G or T (``400G`` is 400,000)."""
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found and found[2] in RATE_UNITS:
        return _positive(float(found[1]) * RATE_UNITS[found[2]], value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(float(value), value)
    raise ValueError(f"{value!r} is not a capacity; expected Mbit/s as a number, or text such as 500M, 100G, 1.6T")


def _positive(mbps: float, value: object) -> float:
    if not math.isfinite(mbps) or mbps <= 0:
        raise ValueError(f"{value!r} is not a capacity; it must be more than 0")
    return mbps


def address(value: object) -> Address:
    """One IPv4 or IPv6 address."""
    try:
        return Address.parse(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


def prefix(value: object) -> Prefix:
    """One prefix whose host bits are zero: a prefix with host bits is a slip of the hand, and is refused."""
    try:
        parsed = Prefix.parse(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP prefix; expected such as 192.0.2.0/24") from None
    written = str(value).partition("/")
    if not written[1]:
        raise ValueError(f"{value!r} has no prefix length; did you mean {parsed}?")
    if Address.parse(written[0]) != parsed.network:
        raise ValueError(f"{value!r} has host bits set; did you mean {parsed}?")
    return parsed


def interface_ref(value: object) -> InterfaceRef:
    """``router:interface``; the router's name ends at the first colon."""
    router, colon, interface = str(value).strip().partition(":")
    if not (colon and router and interface):
        raise ValueError(f"{value!r} is not an interface; expected ROUTER:INTERFACE such as fra1:eth0")
    return InterfaceRef(router, interface)


def link_name(ends: Iterable[InterfaceRef]) -> str:
    """The name of a link nobody named: its ends, sorted, joined by two dashes."""
    return "--".join(str(end) for end in sorted(ends))


def ends_of_name(name: str) -> tuple[InterfaceRef, ...]:
    """The ends a link's name spells out, such as ``fra1:eth0--par1:eth2``; () for a name of another form."""
    parts = name.split("--")
    if len(parts) < 2 or not all(":" in part.strip(":") for part in parts):
        return ()
    return tuple(interface_ref(part) for part in parts)


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Known names that look like ``name``, nearest first, case set aside."""
    folded: dict[str, str] = {}
    for candidate in sorted(known):
        folded.setdefault(candidate.casefold(), candidate)
    return [folded[match] for match in difflib.get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause to end an error with: the nearest known name, else what there is (a few of them), else nothing."""
    names = sorted(set(known))
    close = nearest(name, names, limit=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"; there are: {shown}"
