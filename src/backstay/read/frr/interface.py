"""Interfaces: addresses, and the settings of IS-IS and OSPF that stand on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceAddress
from backstay.model.policy import NOWHERE
from backstay.model.routing import DEFAULT_VRF, IsisInterface
from backstay.model.source import Place
from backstay.read.frr.reading import Misread, Reading, place
from backstay.read.section import Node

LEVELS = {
    "level-1": frozenset({1}),
    "level-2": frozenset({2}),
    "level-2-only": frozenset({2}),
    "level-1-2": frozenset({1, 2}),
}

NARROW_LIMIT = 63
"""The largest metric of a circuit that FRR takes beside ``metric-style narrow`` or ``transition`` (yang/frr-isisd.yang)."""

_KINDS = (
    (re.compile(r"(lo|dummy)\d*$"), "loopback"),
    (re.compile(r"(vlan|vl)\d+$|.*\.\d+$"), "vlan"),
    (re.compile(r"(bond|team|lag|po)\d+$"), "lag"),
    (re.compile(r"(br|bridge|vmbr)[-_]?\w*$"), "bridge"),
    (re.compile(r"(gre|tun|sit|vti|wg|vxlan|vni|ipip)\w*$"), "tunnel"),
)


@dataclass(slots=True)
class OspfSettings:
    """``ip ospf`` or ``ipv6 ospf6`` lines of one interface; area and passive may come from the process."""

    area: str | None = None
    instance: str | None = None
    passive: bool | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    place: Place = NOWHERE
    seen: bool = False


@dataclass(slots=True)
class InterfaceDraft:
    """An interface while it is being read."""

    name: str
    vrf: str = DEFAULT_VRF
    kind: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    addresses: list[InterfaceAddress] = field(default_factory=list)
    isis: dict[str, Any] = field(default_factory=dict)
    isis_versions: set[int] = field(default_factory=set)
    ospf: OspfSettings = field(default_factory=OspfSettings)
    ospf6: OspfSettings = field(default_factory=OspfSettings)
    isis_place: Place = NOWHERE
    isis_large: list[Node] = field(default_factory=list)

    def add_address(self, text: str, where: Place, peer: str | None = None) -> None:
        """Add ``192.0.2.1/24``; a second one of the same subnet is a secondary, as in the Linux kernel."""
        address = Address.parse(text.partition("/")[0])
        length = int(text.partition("/")[2]) if "/" in text else 32
        prefix = Prefix.of(address, length)
        secondary = any(other.prefix == prefix for other in self.addresses)
        if any(other.address == address and other.prefix == prefix for other in self.addresses):
            return
        self.addresses.append(
            InterfaceAddress(
                address=address,
                prefix=prefix,
                secondary=secondary,
                peer=Prefix.parse(peer) if peer else None,
                place=where,
            )
        )

    def isis_interface(self) -> IsisInterface | None:
        """The IS-IS settings where ``ip|ipv6 router isis`` enables it, else None."""
        if not self.isis_versions:
            return None
        return IsisInterface(versions=frozenset(self.isis_versions), place=self.isis_place, **self.isis)


def kind_of(name: str) -> str:
    """What a Linux interface is by its customary name."""
    return next((kind for pattern, kind in _KINDS if pattern.match(name.casefold())), "physical")


def area_text(text: str) -> str:
    """Areas as dotted quads: ``0`` is ``0.0.0.0``."""
    return str(Address(4, int(text))) if text.isdigit() else str(Address.parse(text))


def read_interface(reading: Reading, section: Node, draft: InterfaceDraft) -> None:
    """Take in one ``interface NAME [vrf V]`` section."""
    words = section.words
    if len(words) == 4 and words[2] == "vrf":
        draft.vrf = words[3]
    if section.line is not None:
        draft.fields["place"] = place(section)

    def handle(node: Node) -> bool:
        match node.words:
            case ["ip", "ospf", *rest]:
                return _ospf(draft.ospf, rest, node)
            case ["ipv6", "ospf6", *rest]:
                return _ospf(draft.ospf6, rest, node)
            case ["isis", *rest]:
                return _isis(draft, rest, node)
            case _:
                return _plain(draft, node)

    reading.walk(section, handle)


def _plain(draft: InterfaceDraft, node: Node) -> bool:
    match node.words:
        case ["ip" | "ipv6", "address", address]:
            draft.add_address(address, place(node))
        case ["ip", "address", address, "peer", peer]:
            draft.add_address(address, place(node), peer)
        case ["ip", "address", address, "label", _]:
            draft.add_address(address, place(node))
        case ["ip", "router", "isis", tag]:
            _enable_isis(draft, 4, tag, node)
        case ["ipv6", "router", "isis", tag]:
            _enable_isis(draft, 6, tag, node)
        case ["description", *rest]:
            draft.fields["description"] = " ".join(rest)
        case ["bandwidth", mbps]:
            draft.fields["bandwidth"] = float(mbps)
        case ["shutdown"]:
            draft.fields["enabled"] = False
        case _:
            return False
    return True


def _enable_isis(draft: InterfaceDraft, version: int, tag: str, node: Node) -> None:
    if draft.isis.setdefault("tag", tag) != tag:
        raise Misread("two IS-IS instances on one interface are not modelled")
    draft.isis_versions.add(version)
    draft.isis_place = place(node) if draft.isis_place == NOWHERE else draft.isis_place


def _isis(draft: InterfaceDraft, rest: list[str], node: Node) -> bool:
    settings = draft.isis
    if rest[0] == "metric" and int(rest[-1]) > NARROW_LIMIT:
        draft.isis_large.append(node)
    match rest:
        case ["metric", "level-1" | "level-2" as level, value]:
            settings["metric"] = {**settings.get("metric", {1: 10, 2: 10}), int(level[-1]): int(value)}
        case ["metric", value]:
            settings["metric"] = {1: int(value), 2: int(value)}
        case ["priority", value, "level-1" | "level-2" as level]:
            settings["priority"] = {**settings.get("priority", {1: 64, 2: 64}), int(level[-1]): int(value)}
        case ["priority", value]:
            settings["priority"] = {1: int(value), 2: int(value)}
        case ["circuit-type", level] if level in LEVELS:
            settings["circuit"] = LEVELS[level]
        case ["network", "point-to-point"]:
            settings["point_to_point"] = True
        case ["passive"]:
            settings["passive"] = True
        case ["password", *words]:
            settings["password"] = " ".join(words)
        case ["three-way-handshake"]:
            settings["three_way"] = not node.negated
        case ["topology", name]:
            off = settings.get("topologies_off", frozenset())
            settings["topologies_off"] = off | {name} if node.negated else off - {name}
        case _:
            return False
    return True


_OSPF_NUMBERS = {"cost": "cost", "priority": "priority", "hello-interval": "hello", "dead-interval": "dead"}


def _ospf(settings: OspfSettings, rest: list[str], node: Node) -> bool:
    """Both versions alike; ``rest`` is what follows ``ip ospf`` or ``ipv6 ospf6``."""
    settings.seen = True
    match rest:
        case ["area", area]:
            settings.area, settings.place = area_text(area), place(node)
        case [instance, "area", area]:
            settings.area, settings.instance, settings.place = area_text(area), instance, place(node)
        case [("cost" | "priority" | "hello-interval" | "dead-interval") as name, value]:
            settings.fields[_OSPF_NUMBERS[name]] = int(value)
        case ["dead-interval", "minimal", "hello-multiplier", _]:
            settings.fields["dead"] = 1
        case ["network", kind, *extra] if extra in ([], ["dmvpn"]):
            settings.fields["network"] = kind
        case ["passive"]:
            settings.passive = not node.negated
        case ["mtu-ignore"]:
            settings.fields["mtu_ignore"] = True
        case ["prefix-suppression"]:
            settings.fields["prefix_suppression"] = True
        case ["authentication", *words]:
            _authenticate(settings, " ".join(words) or "simple")
        case ["authentication-key", *words]:
            settings.fields["authentication_key"] = f"key {' '.join(words)}"
        case ["message-digest-key", *words]:
            settings.fields["authentication_key"] = " ".join(words)
        case _:
            return False
    return True


def _authenticate(settings: OspfSettings, kind: str) -> None:
    settings.fields["authentication"] = kind
