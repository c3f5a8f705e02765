"""``router isis``."""

from __future__ import annotations

from typing import Any

from backstay.model.routing import DEFAULT_VRF, DefaultOrigination, IsisProcess, OverloadBit, Redistribution
from backstay.read.frr.interface import LEVELS
from backstay.read.frr.reading import Misread, Reading, number, options, place, word
from backstay.read.section import Node

_VERSIONS = {"ipv4": 4, "ipv6": 6}
_LEVEL = {"level-1": 1, "level-2": 2}
_OPTIONS = {"metric": 1, "route-map": 1}


def read_isis(reading: Reading, section: Node) -> IsisProcess:
    """One process; its tag and VRF stand in the heading."""
    words = section.words
    vrf = words[4] if words[3:4] == ["vrf"] else DEFAULT_VRF
    fields: dict[str, Any] = {"tag": words[2], "vrf": vrf, "place": place(section)}
    redistributions: list[Redistribution] = []
    defaults: list[DefaultOrigination] = []

    def handle(node: Node) -> bool:
        match node.words:
            case ["redistribute", *rest]:
                redistributions.append(_redistribution(rest, node))
            case ["default-information", "originate", *rest]:
                defaults.append(_default(rest, node))
            case _:
                return _plain(fields, node)
        return True

    reading.walk(section, handle)
    if fields.get("metric_style", "wide") != "wide" and fields.pop("topologies", None):
        for node in section.children.values():
            if node.words[:1] == ["topology"]:
                reading.refuse(node, "FRR refuses the IS-IS process with it, unless its metric-style is wide")
    return IsisProcess(redistributions=tuple(redistributions), defaults=tuple(defaults), **fields)


ETHERNET_LSP = 1497
"""FRR's default ``lsp-mtu``: what an Ethernet frame of 1500 octets leaves for an LSP behind its LLC header."""


def _plain(fields: dict[str, Any], node: Node) -> bool:
    match node.words:
        case ["net", net]:
            area, system_id = split_net(net)
            fields["areas"] = (*fields.get("areas", ()), area)
            fields["system_id"] = system_id
        case ["is-type", level] if level in LEVELS:
            fields["levels"] = LEVELS[level]
        case ["metric-style", "narrow" | "transition" | "wide" as style]:
            fields["metric_style"] = style
        case ["set-overload-bit"]:
            fields["overload"] = OverloadBit(place=place(node))
        case ["set-overload-bit", "on-startup", seconds]:
            fields.setdefault("overload", OverloadBit(on_startup=int(seconds), place=place(node)))
        case ["topology", name]:
            if name not in {"standard", "ipv4-unicast"}:
                fields["topologies"] = fields.get("topologies", frozenset()) | {name}
        case ["lsp-mtu", size]:
            # FRR isis_circuit.c: a circuit whose MTU does not hold the LSPs stays down. Ethernet holds 1500 - 3.
            if int(size) > ETHERNET_LSP:
                raise Misread("circuits of a smaller MTU stay down, and the configuration does not tell MTUs")
        case ["topology", _, "overload"]:
            raise Misread("overload of one topology alone is not modelled")
        case ["attached-bit", "send"]:
            fields["attached_send"] = not node.negated
        case ["attached-bit", "receive", "ignore"]:
            fields["attached_receive"] = False
        case [("area-password" | "domain-password") as kind, *rest]:
            fields[kind.replace("-", "_")] = " ".join(rest)
        case _:
            return False
    return True


def split_net(net: str) -> tuple[str, str]:
    """Area and system id of ``49.0001.0000.0000.0001.00`` (ISO 10589 7.1.1: six octets of system id, one selector)."""
    digits = net.replace(".", "").lower()
    if len(digits) < 16 or len(digits) % 2 or not all(digit in "0123456789abcdef" for digit in digits):
        raise Misread(f"{net} is not a network entity title")
    area, system_id = digits[:-14], digits[-14:-2]
    groups = [area[:2], *(area[at : at + 4] for at in range(2, len(area), 4))]
    return ".".join(groups), ".".join(system_id[at : at + 4] for at in (0, 4, 8))


def _redistribution(rest: list[str], node: Node) -> Redistribution:
    family, protocol, *rest = rest
    instance = None
    if protocol == "table":
        instance, *rest = rest
    level, *rest = rest
    found = options(rest, _OPTIONS)
    return Redistribution(
        protocol=protocol,
        version=_versions(family),
        instance=instance,
        level=_level(level),
        metric=number(found, "metric"),
        route_map=word(found, "route-map"),
        place=place(node),
    )


def _default(rest: list[str], node: Node) -> DefaultOrigination:
    family, level, *rest = rest
    found = options(rest, {"always": 0, **_OPTIONS})
    return DefaultOrigination(
        always="always" in found,
        version=_versions(family),
        level=_level(level),
        metric=number(found, "metric"),
        route_map=word(found, "route-map"),
        place=place(node),
    )


def _versions(family: str) -> int:
    if family not in _VERSIONS:
        raise Misread(f"{family} is not an address family of IS-IS")
    return _VERSIONS[family]


def _level(text: str) -> int:
    if text not in _LEVEL:
        raise Misread(f"{text} is not a level")
    return _LEVEL[text]
