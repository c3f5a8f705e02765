"""What the interior daemons say: neighbours, and whether the databases of neighbours are the same.

FRR 8.4.4's JSON of IS-IS neighbours shows one neighbour of a LAN; the text shows all. Its JSON of the IS-IS database shows
the last LSP alone; the text shows all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backstay.lab.vty import decoded

ISISD, OSPFD, OSPF6D = "isisd", "ospfd", "ospf6d"
DAEMONS = (ISISD, OSPFD, OSPF6D)
Ask = Callable[[str], str]
"""A command to a daemon, its answer as text."""
_ISIS = re.compile(r"^ +Interface: (\S+), Level: (\d), State: (\w+)")
_LSP = re.compile(r"^\S+ +(?:\* +)?(\d+) +(0x[0-9a-f]+) +(0x[0-9a-f]+) +\d+ +\S+$")
_OSPF6_LSA = re.compile(r"^(\S+) +(\S+) +(\S+) +\d+ +([0-9a-f]{8}) +(.*)$")


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """A neighbour one daemon knows. ``scope`` levels (``1``, ``2``) or the area; ``address`` its IPv4 address (IS-IS, OSPF),
    without one its link-local address (IS-IS), and ``router_id`` (OSPF, OSPFv3) where the daemon tells them. ``full``: the adjacency is up.
    """

    interface: str
    scopes: tuple[str, ...]
    full: bool
    state: str
    address: str = ""
    router_id: str = ""


def neighbors(daemon: str, ask: Ask) -> list[Seen]:
    """Every neighbour of a daemon, in any state."""
    return sorted({ISISD: _isis, OSPFD: _ospf, OSPF6D: _ospf6}[daemon](ask))


def _isis(ask: Ask) -> Iterator[Seen]:
    current: dict[str, Any] = {}
    addresses = False
    for line in [*ask("show isis neighbor detail").splitlines(), " end"]:
        if line.startswith(" ") and not line.startswith("  ") and current:
            yield _isis_seen(current)
            current = {}
        found = _ISIS.match(line)
        if found:
            current = {"interface": found.group(1), "level": found.group(2), "state": found.group(3), "address": ""}
        elif addresses and current and not current["address"]:
            current["address"] = line.strip()
        addresses = line.strip() in {"IPv4 Address(es):", "IPv6 Address(es):"}


def _isis_seen(told: Mapping[str, str]) -> Seen:
    """Level 3 is both, on one point-to-point adjacency."""
    scopes = {"1": ("1",), "2": ("2",)}.get(told["level"], ("1", "2"))
    return Seen(told["interface"], scopes, told["state"] == "Up", told["state"], told["address"])


def _ospf(ask: Ask) -> Iterator[Seen]:
    interfaces = _json(ask, "show ip ospf interface json")
    interfaces = interfaces.get("interfaces", interfaces)
    for router_id, rows in _json(ask, "show ip ospf neighbor json").get("neighbors", {}).items():
        for row in rows:
            name = str(row["ifaceName"]).partition(":")[0]
            state = str(row.get("nbrState", row.get("state", "")))
            area = str(interfaces.get(name, {}).get("area", "")).split()
            scopes = (area[0],) if area else ()
            yield Seen(name, scopes, state.startswith("Full"), state, str(row.get("ifaceAddress", "")), router_id)


def _ospf6(ask: Ask) -> Iterator[Seen]:
    interfaces = _json(ask, "show ipv6 ospf6 interface json")
    for row in _json(ask, "show ipv6 ospf6 neighbor json").get("neighbors", ()):
        name, state = str(row["interfaceName"]), str(row.get("state", ""))
        area = str(interfaces.get(name, {}).get("areaId", "0.0.0.0"))
        yield Seen(name, (area,), state.startswith("Full"), state, "", str(row.get("neighborId", "")))


def _json(ask: Ask, command: str) -> Any:
    return decoded(ask(command), command)


def adjacent(state: str) -> bool:
    """Whether a neighbour is as near as it will come: two routers of a LAN that are neither of them its DR stay 2-Way."""
    return state.startswith(("Up", "Full", "2-Way", "TwoWay", "Twoway"))


# ------------------------------------------------------------------------------------------- databases


def databases(daemon: str, ask: Ask) -> dict[str, frozenset[tuple[str, ...]]]:
    """A daemon's link-state database by scope, as values that two neighbours in step have alike."""
    return {ISISD: _lsps, OSPFD: _checksums, OSPF6D: _lsas}[daemon](ask)


def _lsps(ask: Ask) -> dict[str, frozenset[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    scope = ""
    for line in ask("show isis database").splitlines():
        heading = re.match(r"IS-IS Level-(\d)", line)
        if heading:
            scope = heading.group(1)
        lsp = _LSP.match(line)
        if lsp:
            found.setdefault(scope, []).append(lsp.groups())
    return {scope: frozenset(lsps) for scope, lsps in found.items()}


def _checksums(ask: Ask) -> dict[str, frozenset[tuple[str, ...]]]:
    """OSPF sums the checksums of each kind of LSA."""
    areas = _json(ask, "show ip ospf json").get("areas", {})
    return {
        area: frozenset((key, str(value)) for key, value in told.items() if "Checksum" in key and "Opaque" not in key)
        for area, told in areas.items()
    }


def _lsas(ask: Ask) -> dict[str, frozenset[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    scope = ""
    for line in ask("show ipv6 ospf6 database").splitlines():
        heading = re.search(r"Area Scoped Link State Database \(Area (\S+)\)", line)
        if heading or "Scoped Link State Database" in line:
            scope = heading.group(1) if heading else ""
        lsa = _OSPF6_LSA.match(line)
        if lsa and scope and lsa.group(1) != "Type":
            found.setdefault(scope, []).append(lsa.groups())
    return {scope: frozenset(lsas) for scope, lsas in found.items()}
