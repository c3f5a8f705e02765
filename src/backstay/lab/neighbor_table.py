"""The kernel's neighbour tables, one for each IP version, shared by all namespaces of the machine.

A full one makes a lab something else than the network: neighbours cannot be resolved, sessions come late or never (seen: 400
routers at the default limit of 1024 took 103 s to find their neighbours, instead of 29).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LIMITS = Path("/proc/sys/net")
COUNTS = Path("/proc/net/stat")
TABLES = (("ipv4", "arp_cache"), ("ipv6", "ndisc_cache"))


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """``entries`` now, ``limit`` (gc_thresh3; None where the kernel does not tell), ``overflows`` since the machine started."""

    name: str
    entries: int
    limit: int | None
    overflows: int


def tables() -> tuple[Table, ...]:
    """Both, as the kernel counts them (net/core/neighbour.c, ``neigh_stat_seq_show``: a line a processor, hexadecimal)."""
    return tuple(_table(family, file) for family, file in TABLES)


def overflows() -> int:
    """How often a neighbour found no place since the machine started."""
    return sum(table.overflows for table in tables())


def _table(family: str, file: str) -> Table:
    rows = _rows(COUNTS / file)
    entries = max((row.get("entries", 0) for row in rows), default=0)
    return Table(family, entries, _limit(family), sum(row.get("table_fulls", 0) for row in rows))


def _rows(path: Path) -> list[dict[str, int]]:
    try:
        head, *lines = path.read_text().splitlines()
    except (OSError, ValueError):
        return []
    return [dict(zip(head.split(), (int(word, 16) for word in line.split()), strict=False)) for line in lines]


def _limit(family: str) -> int | None:
    path = LIMITS / family / "neigh/default/gc_thresh3"
    return int(path.read_text()) if path.exists() else None
