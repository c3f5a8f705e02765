"""How findings put numbers and names into words: always the same, so that equal findings have equal texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def some(names: Iterable[object], most: int = 5) -> str:
    """``a, b, c and 4 more``, in the order given."""
    texts = [str(name) for name in names]
    if len(texts) <= most + 1:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most} more"


def count(number: int, one: str, many: str = "") -> str:
    """``1 router``, ``3 routers``, ``1,200 routes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def counted(names: Sequence[object], one: str, many: str = "") -> str:
    """``3 routers (a, b, c)``."""
    return f"{count(len(names), one, many)} ({some(names)})"


def percent(share: float) -> str:
    """A share of 1 as a percentage: ``134 %``; below 10 % with one decimal."""
    value = share * 100
    return f"{value:.1f} %" if abs(value) < 10 and value != round(value) else f"{value:.0f} %"


def rate(mbps: float) -> str:
    """Mbit/s as people say it: ``950 Mbit/s``, ``12.3 Gbit/s``, ``2.1 Tbit/s``."""
    if mbps < 10_000:
        return f"{mbps:.0f} Mbit/s" if mbps >= 10 or mbps == 0 else f"{mbps:.2g} Mbit/s"
    return f"{mbps / 1000:.1f} Gbit/s" if mbps < 1_000_000 else f"{mbps / 1_000_000:.1f} Tbit/s"


def verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
