"""Cumulus Linux files: one text of hostname, ``/etc/network/interfaces``, ``ports.conf`` and ``frr.conf``.

The interface part is ifupdown2's (interfaces(5)): stanzas ``auto X``, ``iface X [inet ...]`` with attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.source import IgnoredLine, Place, UnreadLine
from backstay.read.frr.interface import InterfaceDraft
from backstay.read.frr.reading import Reading
from backstay.read.section import Line

INTERFACES_MARK = "# This file describes the network interfaces"
PORTS_MARK = "# ports.conf --"
_FRR_START = re.compile(r"#?\s*frr version\b|frr defaults\b")

_IGNORED = {
    "mstpctl": "spanning tree",
    "clag": "multi-chassis lag",
    "clagd": "multi-chassis lag",
    "link": "how the port runs",
    "hwaddress": "the Ethernet address",
    "alias": "a name for display",
    "bond": "how the lag runs",
    "bridge": "Ethernet switching; the link file says who shares a segment",
    "vlan": "a tag on the wire",
    "vxlan": "an Ethernet tunnel",
    "es": "an Ethernet segment",
    "evpn": "an Ethernet segment",
    "ip": "how addresses are asked for",
    "arp": "address resolution",
}
_UNMODELLED = {
    "post-up",
    "pre-up",
    "up",
    "down",
    "pre-down",
    "post-down",
    "gateway",
    "address-virtual",
    "vrr",
    "ip-forward",
}


@dataclass(slots=True)
class Parts:
    """The lines of a concatenated file by what they are."""

    hostname: str | None = None
    interfaces: list[Line] = field(default_factory=list)
    other: list[tuple[Line, str]] = field(default_factory=list)
    frr: list[Line] = field(default_factory=list)


def is_interfaces(text: str) -> bool:
    """Whether a text is, or begins with, an ifupdown2 interfaces file."""
    head = [line for line in text[:4000].splitlines() if line.strip()]
    return any(line.startswith(INTERFACES_MARK) for line in head[:3]) or any(
        re.match(r"iface \S+( inet6? (static|loopback|dhcp|manual))?\s*$", line) for line in head
    )


def split(lines: list[Line]) -> Parts:
    """Take a concatenated file apart; what stands in ``ports.conf`` is no configuration of routing."""
    parts = Parts()
    mode = "hostname"
    for line in lines:
        stripped = line.text.strip()
        if stripped.startswith(INTERFACES_MARK) or (mode == "hostname" and _begins_interfaces(stripped)):
            mode = "interfaces"
        elif stripped.startswith(PORTS_MARK):
            mode = "ports"
        elif mode != "frr" and _FRR_START.match(stripped):
            mode = "frr"
        if not stripped or (stripped.startswith("#") and mode != "frr"):
            continue
        if mode == "hostname":
            parts.hostname = parts.hostname or stripped
            parts.other.append((line, "the host's name"))
        elif mode == "interfaces":
            parts.interfaces.append(line)
        elif mode == "ports":
            parts.other.append((line, "how the port runs"))
        else:
            parts.frr.append(line)
    return parts


def _begins_interfaces(stripped: str) -> bool:
    return stripped.split(" ", 1)[0] in {"auto", "iface", "source"}


def read_interfaces(reading: Reading, lines: list[Line], drafts: dict[str, InterfaceDraft]) -> frozenset[str]:
    """Take in ifupdown2 stanzas; returns the VRFs they define."""
    current: InterfaceDraft | None = None
    vrfs: set[str] = set()
    for line in lines:
        words = line.text.split()
        where = Place(line.file, line.number)
        match words:
            case ["auto" | "allow-hotplug", *_]:
                _note(reading, line, "when the interface is brought up")
            case ["source" | "source-directory", path]:
                _note(reading, line, f"{path} is not part of the folder")
            case ["iface", name, *rest]:
                current = drafts.setdefault(name, InterfaceDraft(name=name))
                current.fields.setdefault("place", where)
                if name == "eth0":
                    current.fields["management"] = True
                if rest[-1:] == ["dhcp"]:
                    _note(reading, line, "its address is told by DHCP")
            case [name, *values] if current is not None:
                if not _attribute(current, name, values, where, vrfs):
                    _other(reading, line, name, current)
            case _:
                reading.unread.append(UnreadLine(where, reading.router, line.text.strip(), (), "outside any stanza"))
    return frozenset(vrfs)


def _attribute(draft: InterfaceDraft, name: str, values: list[str], where: Place, vrfs: set[str]) -> bool:
    match [name, *values]:
        case ["address", address]:
            draft.add_address(address if "/" in address else f"{address}/{128 if ':' in address else 32}", where)
        case ["netmask", mask] if draft.addresses:
            last = draft.addresses.pop()
            draft.add_address(f"{last.address}/{_length(mask)}", last.place)
        case ["vrf", vrf]:
            draft.vrf = vrf
        case ["vrf-table", _]:
            vrfs.add(draft.name)
            draft.vrf, draft.kind = draft.name, "loopback"
        case ["mtu", value]:
            draft.fields["mtu"] = int(value)
        case ["alias", *text]:
            draft.fields["description"] = " ".join(text)
        case ["link-down", "yes"]:
            draft.fields["enabled"] = False
        case ["bond-slaves", *_]:
            draft.kind = "lag"
        case ["bridge-ports", *_] | ["bridge-vlan-aware", *_]:
            draft.kind = "bridge"
        case ["vlan-raw-device", _] | ["vlan-id", _]:
            draft.kind = "vlan"
        case _:
            return False
    return True


def _length(mask: str) -> int:
    if mask.isdigit():
        return int(mask)
    return sum(int(part).bit_count() for part in mask.split("."))


def _other(reading: Reading, line: Line, name: str, draft: InterfaceDraft) -> None:
    reason = _IGNORED.get(name.partition("-")[0])
    if name in _UNMODELLED and draft.fields.get("management"):
        _note(reading, line, "the management port stands outside of forwarding")
    elif reason and name not in _UNMODELLED:
        _note(reading, line, reason)
    else:
        where = Place(line.file, line.number)
        reading.unread.append(UnreadLine(where, reading.router, line.text.strip(), (f"iface {draft.name}",)))


def _note(reading: Reading, line: Line, reason: str) -> None:
    reading.ignored.append(IgnoredLine(Place(line.file, line.number), reading.router, line.text.strip(), reason))


def kinds(drafts: Mapping[str, InterfaceDraft], vrfs: frozenset[str]) -> None:
    """A VRF device is the loopback of its VRF."""
    for name in vrfs & set(drafts):
        drafts[name].vrf, drafts[name].kind = name, "loopback"
