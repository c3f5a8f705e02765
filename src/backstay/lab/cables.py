"""Wires as veth pairs and bridges: the commands that make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backstay.lab.design import ENDS, SWITCH, Port, Wire
from backstay.model.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One veth pair; ``number`` is its own. ``far_up``: the lab sets the second end up; ``bridge``: what it joins."""

    number: int
    one: Port
    other: Port
    far_up: bool = False
    bridge: str = ""


def pairs(wires: Iterable[Wire]) -> tuple[Pair, ...]:
    """The veth pairs of the wires, numbered in their order."""
    found: list[Pair] = []
    for index, wire in enumerate(wires):
        if len(wire.ports) == 2:
            found.append(Pair(number=len(found), one=wire.ports[0], other=wire.ports[1]))
            continue
        shared = len(wire.ports) > 2
        for port in wire.ports:
            far = Port(SWITCH if shared else ENDS, f"e{len(found)}", port.mtu)
            bridge = f"b{index}" if shared else ""
            found.append(Pair(number=len(found), one=port, other=far, far_up=not wire.dark, bridge=bridge))
    return tuple(found)


def cables(laid: Sequence[Pair], namespace: Mapping[str, str]) -> Iterator[str]:
    """``ip -batch`` lines that make the pairs and the bridges. Ethernet addresses count up, so that the same network has
    the same link-local addresses each time.
    """
    for bridge in bridges(laid):
        yield f"link add name {bridge} netns {namespace[SWITCH]} type bridge stp_state 0 mcast_snooping 0"
    for pair in laid:
        left, right = (
            f"name {port.interface} netns {namespace[port.node]} address {_ethernet(pair.number, side)}"
            + (f" mtu {port.mtu}" if port.mtu else "")
            for side, port in enumerate((pair.one, pair.other))
        )
        yield f"link add {left} type veth peer {right}"


def bridges(laid: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pair.bridge for pair in laid if pair.bridge))


def joints(laid: Iterable[Pair]) -> Iterator[str]:
    """``ip -batch`` lines, for the namespace of the switch, that join ports to bridges."""
    for pair in laid:
        if pair.bridge:
            yield f"link set {pair.other.interface} master {pair.bridge}"


def rising(laid: Iterable[Pair]) -> Mapping[str, tuple[str, ...]]:
    """Interfaces to set up, by node: every one but the far ends of what has no carrier."""
    found: dict[str, list[str]] = {}
    for pair in laid:
        found.setdefault(pair.one.node, []).append(pair.one.interface)
        if pair.other.node not in {ENDS, SWITCH} or pair.far_up:
            found.setdefault(pair.other.node, []).append(pair.other.interface)
        if pair.bridge and pair.bridge not in found.setdefault(SWITCH, []):
            found[SWITCH].append(pair.bridge)
    return {node: tuple(names) for node, names in found.items()}


def link_local_addresses(wires: Iterable[Wire]) -> Mapping[Address, Port]:
    """Who has which link-local address: that of each port's Ethernet address (RFC 4291 appendix A)."""
    return {
        _link_local(pair.number, side): port
        for pair in pairs(wires)
        for side, port in enumerate((pair.one, pair.other))
        if port.node not in {ENDS, SWITCH}
    }


def _link_local(number: int, side: int) -> Address:
    """The Ethernet address with ff:fe in its middle and bit 1 of its first octet turned, under fe80::/64."""
    first, *rest = (int(octet, 16) for octet in _ethernet(number, side).split(":"))
    identifier = bytes((first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]))
    return Address(6, 0xFE80 << 112 | int.from_bytes(identifier))


def _ethernet(number: int, side: int) -> str:
    """A locally administered address (IEEE 802: bit 1 of the first octet)."""
    return f"02:{side:02x}:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
