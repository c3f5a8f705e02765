"""``router ospf`` and ``router ospf6``, and which interfaces they run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.routing import (
    DEFAULT_VRF,
    AreaRange,
    DefaultOrigination,
    MaxMetric,
    OspfArea,
    OspfInterface,
    OspfProcess,
    Redistribution,
)
from backstay.model.source import Place
from backstay.read.frr.interface import InterfaceDraft, OspfSettings, area_text
from backstay.read.frr.reading import Misread, Reading, number, options, place, word
from backstay.read.section import Node

_REDISTRIBUTE = {"metric": 1, "metric-type": 1, "route-map": 1, "tag": 1}
_RANGE = {"advertise": 0, "not-advertise": 0, "cost": 1, "substitute": 1}


@dataclass(slots=True)
class OspfDraft:
    """A process while it is being read; ``networks`` are (prefix, area, line)."""

    version: int
    instance: str
    vrf: str
    fields: dict[str, Any] = field(default_factory=dict)
    areas: dict[str, dict[str, Any]] = field(default_factory=dict)
    redistributions: list[Redistribution] = field(default_factory=list)
    summaries: list[AreaRange] = field(default_factory=list)
    distribute_lists: list[tuple[str, str]] = field(default_factory=list)
    networks: list[tuple[Prefix, str, Node]] = field(default_factory=list)
    interface_areas: dict[str, tuple[str, Place]] = field(default_factory=dict)
    passive_default: bool = False
    passive: dict[str, bool] = field(default_factory=dict)

    def area(self, text: str, where: Place) -> dict[str, Any]:
        """The draft of one area."""
        name = area_text(text)
        return self.areas.setdefault(name, {"area": name, "place": where})

    def process(self) -> OspfProcess:
        """The finished value."""
        return OspfProcess(
            version=self.version,
            instance=self.instance,
            vrf=self.vrf,
            areas={name: OspfArea(**area) for name, area in sorted(self.areas.items())},
            redistributions=tuple(self.redistributions),
            summaries=tuple(self.summaries),
            distribute_lists=tuple(self.distribute_lists),
            **self.fields,
        )


def read_ospf(reading: Reading, section: Node) -> OspfDraft:
    """One process of either version."""
    version = 3 if section.words[1] == "ospf6" else 2
    rest = section.words[2:]
    vrf = rest[rest.index("vrf") + 1] if "vrf" in rest[:-1] else DEFAULT_VRF
    instance = rest[0] if rest and rest[0].isdigit() else "1"
    draft = OspfDraft(version=version, instance=instance, vrf=vrf)
    draft.fields["place"] = place(section)

    def handle(node: Node) -> bool:
        match node.words:
            case ["area", area, *words]:
                return _area(draft, draft.area(area, place(node)), words, node)
            case ["redistribute", *words]:
                draft.redistributions.append(_redistribution(draft, words, node))
            case ["distance", *words]:
                _distance(draft.fields, words)
            case ["summary-address", prefix, *words]:
                draft.summaries.append(_summary(prefix, words, node))
            case _:
                return _plain(draft, node) or _on_interfaces(draft, node)
        return True

    reading.walk(section, handle)
    return draft


def _plain(draft: OspfDraft, node: Node) -> bool:
    fields = draft.fields
    match node.words:
        case ["ospf" | "ospf6", "router-id", address] | ["router-id", address]:
            fields["router_id"] = Address.parse(address)
        case ["auto-cost", "reference-bandwidth", mbps]:
            fields["reference_bandwidth"] = float(mbps)
        case ["default-information", "originate", *rest]:
            fields["default"] = _default(draft, rest, node)
        case ["default-metric", value]:
            fields["default_metric"] = int(value)
        case ["max-metric", "router-lsa", *rest]:
            fields["max_metric"] = _max_metric(fields.get("max_metric"), rest, node)
        case ["stub-router", "administrative"]:
            fields["stub_router"] = True
        case ["distribute-list", name, "out", protocol]:
            draft.distribute_lists.append((protocol, name))
        case ["compatible", "rfc1583"] | ["ospf", "rfc1583compatibility"]:
            fields["rfc1583"] = True
        case ["maximum-paths", value]:
            fields["maximum_paths"] = int(value)
        case ["ospf", "abr-type", kind]:
            fields["abr_type"] = kind
        case _:
            return False
    return True


def _on_interfaces(draft: OspfDraft, node: Node) -> bool:
    match node.words:
        case ["network", prefix, "area", area]:
            draft.networks.append((Prefix.parse(prefix), area_text(area), node))
        case ["interface", name, "area", area]:
            draft.interface_areas[name] = (area_text(area), place(node))
        case ["passive-interface", "default"]:
            draft.passive_default = not node.negated
        case ["passive-interface", _, _]:
            raise Misread("per-address settings are not modelled")
        case _:
            return False
    return True


def _area(draft: OspfDraft, area: dict[str, Any], words: list[str], node: Node) -> bool:
    match words:
        case ["stub", *rest] if rest in ([], ["no-summary"]):
            area["kind"] = "stub"
            area["summary"] = not rest
        case ["nssa", "range", prefix, *rest]:
            area["nssa_ranges"] = (*area.get("nssa_ranges", ()), _range(prefix, rest, node))
        case ["nssa", *rest]:
            _nssa(draft, area, rest, node)
        case ["range", prefix, *rest]:
            area["ranges"] = (*area.get("ranges", ()), _range(prefix, rest, node))
        case ["default-cost", value]:
            area["default_cost"] = int(value)
        case ["filter-list", "prefix", name, "in" | "out" as direction]:
            area[f"filter_{direction}"] = name
        case ["export-list" | "import-list" as kind, name]:
            area[kind.replace("-", "_")] = name
        case ["authentication", *rest]:
            area["authentication"] = " ".join(rest) or "simple"
        case ["virtual-link", router, *_]:
            area["virtual_links"] = (*area.get("virtual_links", ()), router)
        case _:
            return False
    return True


def _nssa(draft: OspfDraft, area: dict[str, Any], rest: list[str], node: Node) -> None:
    known = {"translate-candidate": 0, "translate-never": 0, "translate-always": 0, "no-summary": 0}
    found = options(rest, {**known, "default-information-originate": 0, "metric": 1, "metric-type": 1})
    area["kind"] = "nssa"
    area["summary"] = area.get("summary", True) and "no-summary" not in found
    for name in found:
        if name.startswith("translate-"):
            area["nssa_translate"] = name.removeprefix("translate-")
    if "default-information-originate" in found:
        area["nssa_default"] = DefaultOrigination(
            version=6 if draft.version == 3 else 4,
            metric=number(found, "metric"),
            metric_type=number(found, "metric-type"),
            place=place(node),
        )


def _range(prefix: str, rest: list[str], node: Node) -> AreaRange:
    found = options(rest, _RANGE)
    substitute = word(found, "substitute")
    return AreaRange(
        prefix=Prefix.parse(prefix),
        advertise="not-advertise" not in found,
        cost=number(found, "cost"),
        substitute=Prefix.parse(substitute) if substitute else None,
        place=place(node),
    )


def _summary(prefix: str, rest: list[str], node: Node) -> AreaRange:
    if rest not in ([], ["no-advertise"]):
        raise Misread("tag or metric of a summary address is not modelled")
    return AreaRange(prefix=Prefix.parse(prefix), advertise=not rest, place=place(node))


def _redistribution(draft: OspfDraft, words: list[str], node: Node) -> Redistribution:
    protocol, *rest = words
    instance = None
    if protocol in {"ospf", "table"} and rest and rest[0].isdigit():
        instance, *rest = rest
    found = options(rest, _REDISTRIBUTE)
    return Redistribution(
        protocol=protocol,
        version=6 if draft.version == 3 else 4,
        instance=instance,
        metric=number(found, "metric"),
        metric_type=number(found, "metric-type"),
        tag=number(found, "tag"),
        route_map=word(found, "route-map"),
        place=place(node),
    )


def _default(draft: OspfDraft, rest: list[str], node: Node) -> DefaultOrigination:
    found = options(rest, {"always": 0, "metric": 1, "metric-type": 1, "route-map": 1})
    return DefaultOrigination(
        always="always" in found,
        version=6 if draft.version == 3 else 4,
        metric=number(found, "metric"),
        metric_type=number(found, "metric-type"),
        route_map=word(found, "route-map"),
        place=place(node),
    )


def _distance(fields: dict[str, Any], words: list[str]) -> None:
    match words:
        case [value]:
            fields["distance"] = int(value)
        case ["ospf" | "ospf6", *rest]:
            found = options(rest, {"intra-area": 1, "inter-area": 1, "external": 1})
            for name, key in (("intra-area", "intra"), ("inter-area", "inter"), ("external", "external")):
                if name in found:
                    fields[f"distance_{key}"] = number(found, name)
        case _:
            raise Misread("distance is not understood")


def _max_metric(old: MaxMetric | None, rest: list[str], node: Node) -> MaxMetric:
    values: dict[str, Any] = {}
    if old is not None:
        values = {"administrative": old.administrative, "on_startup": old.on_startup, "on_shutdown": old.on_shutdown}
    match rest:
        case ["administrative"]:
            values["administrative"] = True
        case [("on-startup" | "on-shutdown") as when, seconds]:
            values[when.replace("-", "_")] = int(seconds)
        case _:
            raise Misread("max-metric is not understood")
    return MaxMetric(place=place(node), **values)


def attach(reading: Reading, drafts: Iterable[OspfDraft], interfaces: Mapping[str, InterfaceDraft]) -> None:
    """Resolve ``network`` statements and passive defaults onto the interfaces' own settings."""
    for draft in drafts:
        _refuse_networks(reading, draft, interfaces)
        for name in sorted(interfaces):
            interface = interfaces[name]
            settings = interface.ospf if draft.version == 2 else interface.ospf6
            if interface.vrf != draft.vrf:
                continue
            if settings.area is None:
                _area_from_process(reading, draft, interface, settings)
            if settings.area is None:
                continue
            if settings.passive is None:
                settings.passive = draft.passive_default
            kind = draft.areas.get(settings.area, {}).get("authentication")
            if kind is not None:
                settings.fields.setdefault("authentication", kind)


def _refuse_networks(reading: Reading, draft: OspfDraft, interfaces: Mapping[str, InterfaceDraft]) -> None:
    """FRR takes either ``network`` statements or ``ip ospf area`` on interfaces (ospf_vty.c; seen on FRR 8.4.4)."""
    if not draft.networks or not any(i.ospf.area is not None and i.vrf == draft.vrf for i in interfaces.values()):
        return
    for _, _, node in draft.networks:
        reading.refuse(node, "FRR refuses it beside `ip ospf area` on interfaces")
    draft.networks.clear()


def _area_from_process(reading: Reading, draft: OspfDraft, interface: InterfaceDraft, settings: OspfSettings) -> None:
    if interface.name in draft.interface_areas:
        settings.area, settings.place = draft.interface_areas[interface.name]
        return
    found: list[tuple[str, Node] | None] = []
    for address in interface.addresses:
        if address.address.version == 4:
            subnet = address.peer or address.prefix
            covering = [item for item in draft.networks if item[0].covers(subnet)]
            best = max(covering, key=lambda item: item[0].length, default=None)
            found.append((best[1], best[2]) if best else None)
    chosen = next((item for item in found if item), None)
    if chosen is None:
        return
    settings.area, settings.instance, settings.place = chosen[0], draft.instance, place(chosen[1])
    if any(item is None or item[0] != chosen[0] for item in found):
        reading.refuse(chosen[1], f"covers only part of the addresses of interface {interface.name}")


def ospf_interface(settings: OspfSettings, *, version: int) -> OspfInterface | None:
    """The finished value, None where OSPF does not run.

    FRR's OSPFv2 takes four hellos as the dead interval where none is set (ospf_vty.c, ``is_v_wait_set``).
    """
    if settings.area is None:
        return None
    fields = dict(settings.fields)
    key = fields.pop("authentication_key", None)
    kind = fields.pop("authentication", "null")
    if kind != "null":
        fields["authentication"] = f"{kind} {key}" if key else kind
    if version == 2 and "hello" in fields:
        fields.setdefault("dead", 4 * fields["hello"])
    return OspfInterface(
        instance=settings.instance or "1",
        area=settings.area,
        passive=bool(settings.passive),
        place=settings.place,
        **fields,
    )
