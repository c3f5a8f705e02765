"""OSPF externals: type 5 and type 7 LSAs, forwarding addresses, translation (RFC 2328 12.4.4 and 16.4, RFC 3101)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.routing import AreaRange
from backstay.model.state import NextHop
from backstay.model.vendor import SEMANTICS
from backstay.simulate.layers import Announcement, Block, Layer
from backstay.simulate.ospf_areas import (
    EXTERNAL_1,
    EXTERNAL_1_NEAR,
    EXTERNAL_2,
    Announced,
    Area,
    area_id,
    in_backbone,
)
from backstay.simulate.ospf_circuits import Circuit, is_blind
from backstay.simulate.ospf_ways import Exit, Taken, Way, Ways
from backstay.simulate.redistribution import Imported
from backstay.simulate.spf import UNREACHED, NodeKey
from backstay.simulate.topology import usable_addresses

FAR = 1 << 30
"""Added to the distance of a type 2 external's boundary router where the way there is not of the preferred kind: among
equal metrics the kind counts before the distance (RFC 2328 16.4 (6)). No path is as long as that.
"""

TRANSLATED, TRANSLATED_DEFAULT, ORIGINATED_DEFAULT = 20, 1, 10
"""Metrics of translated type 7 LSAs in FRR (ospfd/ospf_lsa.c metric_value(); seen on 8.4.4)."""


@dataclass(frozen=True, slots=True)
class Lsa:
    """One external LSA: who announces it and where to send packets (``forwarding`` None: to the announcer).
    ``area`` is the NSSA a type 7 lives in, None for type 5.
    """

    origin: NodeKey
    prefix: Prefix
    metric: int
    second: bool
    tag: int = 0
    forwarding: Address | None = None
    area: str | None = None

    @property
    def exit(self) -> Exit:
        return Exit(self.origin, self.forwarding, self.area)


class Externals:
    """Layers of externals for every area, from what the processes take in."""

    def __init__(self, ways: Ways, imported: Mapping[NodeKey, Iterable[Imported]]) -> None:
        self.ways = ways
        self.areas = areas = ways.areas
        self.circuits = areas.circuits
        self._near: dict[Address, list[Circuit]] = {}
        own = [lsa for key, items in sorted(imported.items()) for lsa in self._originated(key, items)]
        own += list(self._nssa_defaults())
        self.lsas = tuple(dict.fromkeys([*own, *self._translated(own)]))
        self.by_exit: dict[Exit, list[Lsa]] = {}
        for lsa in self.lsas:
            self.by_exit.setdefault(lsa.exit, []).append(lsa)

    def layers(self) -> list[Layer]:
        """Type 7 first: of a type 5 and a type 7 alike the type 7 counts (RFC 3101 2.5 (6)(e))."""
        exits = frozenset(self.by_exit)
        made = [
            layer
            for name in self.areas.by_name
            for relayed in (False, True)
            for (near, taken), members in self.ways.takers(name, exits, relayed=relayed).items()
            for layer in self._layers(name, taken, frozenset(members), near=near)
        ]
        return sorted(made, key=lambda layer: layer.kind.startswith("external"))

    def _layers(
        self, name: str, taken: frozenset[Taken], members: frozenset[NodeKey], *, near: bool
    ) -> Iterator[Layer]:
        area = self.areas.by_name[name]
        for word in ("nssa", "external"):
            for second in (False, True):
                heard = [
                    (lsa, way)
                    for leads, way in taken
                    for lsa in self.by_exit[leads]
                    if lsa.second == second and (lsa.area is None) == (word == "external")
                ]
                if heard:
                    yield Layer(
                        f"{word}-{2 if second else 1}",
                        EXTERNAL_2 if second else EXTERNAL_1_NEAR if near else EXTERNAL_1,
                        area.paths,
                        Block(self._announced(area, heard, near=near)),
                        self.areas.hop,
                        second=second,
                        members=None if len(members) == len(area.paths.index) else members,
                        direct=self._direct(name, (lsa for lsa, _ in heard)),
                    )

    # ------------------------------------------------------------------------------------- origination

    def _originated(self, key: NodeKey, items: Iterable[Imported]) -> Iterator[Lsa]:
        """Type 5 where the router has a normal area, type 7 into each NSSA it is in; none out of stub areas alone."""
        if is_blind(self.circuits.processes[key]):
            return
        kinds = {name: self.areas.settings(key, name).kind for name in self.areas.areas_of.get(key, ())}
        for item in items:
            shown = self._summary(key, item)
            if shown is None:
                continue
            forwarding = self._on_segment(key, item.forwarding)
            second = item.metric_type == 2
            if "normal" in kinds.values() or not kinds:
                yield Lsa(key, shown, item.metric, second, item.tag, forwarding)
            for name, kind in kinds.items():
                if kind == "nssa" and not (item.prefix.is_default and key in self.areas.borders):
                    # A border router's, which nobody translates, lead to the router (ospf_install_flood_nssa(); seen on FRR 8.4.4).
                    inside = forwarding or (None if key in self.areas.borders else self._address_in(key, name))
                    yield Lsa(key, shown, item.metric, second, item.tag, inside, name)

    def _summary(self, key: NodeKey, item: Imported) -> Prefix | None:
        """``summary-address``: the aggregate in place of what it covers; None where it is not to be advertised."""
        around = _around(self.circuits.processes[key].summaries, item.prefix)
        if around is None:
            return item.prefix
        return around.prefix if around.advertise else None

    def _on_segment(self, key: NodeKey, address: Address | None) -> Address | None:
        """The forwarding address: a next hop on a subnet OSPF runs on (FRR ospf_external_lsa_nexthop_get)."""
        if address is None or self.circuits.version == 3:
            return None
        for circuit in self.circuits.by_node.get(key, ()):
            if any(item.prefix.holds(address) for item in usable_addresses(circuit.interface, 4)):
                return address
        return None

    def _address_in(self, key: NodeKey, area: str) -> Address | None:
        """What a type 7 LSA forwards to otherwise: an address of the router in the NSSA, a loopback's first
        (RFC 3101 2.3). Raises `Unproven` for several links without a loopback: the first that came up (FRR ospf_lsa.c
        ospf_get_nssa_ip(); seen on FRR 8.4.4 to be one and the other).
        """
        if self.circuits.version == 3:
            return None
        mine = [circuit for circuit in self.circuits.by_node.get(key, ()) if circuit.settings.area == area_id(area)]
        mine.sort(key=lambda circuit: (circuit.network != "loopback", circuit.interface.name))
        if len(mine) > 1 and mine[0].network != "loopback":
            text = f"which link's address its externals lead to in NSSA {area} hangs on what came up first; a loopback's would not"
            raise Unproven(f"{key[0]}: {text}")
        return next((item.address for c in mine for item in usable_addresses(c.interface, 4)), None)

    def _nssa_defaults(self) -> Iterator[Lsa]:
        """``area A nssa default-information-originate`` on a border router: a type 7 default."""
        for key in self.areas.borders:
            for name in self.areas.areas_of[key]:
                line = self.areas.settings(key, name).nssa_default
                if line is not None and not in_backbone(name):
                    metric = 1 if line.metric is None else line.metric
                    yield Lsa(key, self.areas.default, metric, line.metric_type != 1, area=name)

    # ------------------------------------------------------------------------------------- translation

    def _translated(self, lsas: Iterable[Lsa]) -> Iterator[Lsa]:
        """Type 7 into type 5 by the border router of the highest router id that reaches the origin (RFC 3101 3): one for each
        prefix, none where it has one of its own.
        """
        made = list(lsas)
        own = {(lsa.origin, lsa.prefix) for lsa in made if lsa.area is None}
        found: dict[tuple[NodeKey, Prefix], Lsa] = {}
        for lsa in sorted(made, key=lambda item: (self.circuits.router_id(item.origin) or (0, 0), item.origin)):
            nowhere = lsa.forwarding is None and self.circuits.version == 2
            if lsa.area is None or nowhere or lsa.origin in self.areas.borders:
                continue
            translator = self._translator(lsa)
            around = _around(self.areas.settings(translator, lsa.area).nssa_ranges, lsa.prefix) if translator else None
            if translator is None or (around is not None and not around.advertise):
                continue
            if around is None:
                shown = replace(lsa, origin=translator, metric=self._shown_metric(translator, lsa), area=None)
            else:
                metric = lsa.metric if around.cost is None else around.cost
                shown = Lsa(translator, around.prefix, metric, lsa.second, lsa.tag)
            found[translator, shown.prefix] = shown
        yield from (lsa for place, lsa in found.items() if place not in own)

    def _shown_metric(self, translator: NodeKey, lsa: Lsa) -> int:
        """The metric of a translated LSA: its own; FRR's ospfd gives it what the translator gives to what it takes in."""
        vendor = self.circuits.network.routers[translator[0]].vendor
        if self.circuits.version == 3 or SEMANTICS[vendor].ospf_translation_keeps_metric:
            return lsa.metric
        process = self.circuits.processes[translator]
        if not lsa.prefix.is_default:
            return TRANSLATED if process.default_metric is None else process.default_metric
        if process.default is None:
            return TRANSLATED_DEFAULT
        return ORIGINATED_DEFAULT if process.default.metric is None else process.default.metric

    def _translator(self, lsa: Lsa) -> NodeKey | None:
        area = self.areas.by_name[lsa.area or ""]
        willing = [
            key
            for key in self.areas.borders
            if key in area.paths.index
            and self.areas.settings(key, area.name).nssa_translate != "never"
            and area.distance(key, lsa.origin) < UNREACHED
        ]
        always = [key for key in willing if self.areas.settings(key, area.name).nssa_translate == "always"]
        return max(always or willing, key=lambda key: (self.circuits.router_id(key) or (0, 0), key), default=None)

    # ------------------------------------------------------------------------------------- reaching

    def _announced(self, area: Area, heard: Iterable[tuple[Lsa, Way]], *, near: bool) -> Announced:
        found: Announced = {}
        behind = 0 if near else FAR
        for lsa, way in heard:
            for node, distance, origin in self._towards(area, lsa, way):
                if lsa.second:
                    entry = Announcement(node, lsa.metric, lsa.tag, second=True, extra=behind + distance, origin=origin)
                else:
                    entry = Announcement(node, lsa.metric + distance, lsa.tag, origin=origin)
                found.setdefault(lsa.prefix, []).append(entry)
        return found

    def _towards(self, area: Area, lsa: Lsa, way: Way) -> Iterator[tuple[int, int, int]]:
        """(node, distance beyond it, node that does not listen) of the ways to the LSA's exit."""
        index = area.paths.index
        if way.prefix is not None:
            origin = index.get(lsa.origin, -1)
            for item in self.ways.announcements(way):
                yield item.node, item.cost, item.node if way.relayed else origin
        elif not way.relayed:
            yield index[lsa.origin], 0, index[lsa.origin]
        elif lsa.origin not in index:
            for border in self.areas.borders:
                cost = self.ways.beyond(border, lsa.origin, area.name) if border in index else UNREACHED
                if cost < UNREACHED:
                    yield index[border], cost, index[border]

    def _direct(self, name: str, lsas: Iterable[Lsa]) -> Mapping[tuple[NodeKey, Prefix], NextHop]:
        """Where a router has the forwarding address on a subnet of its own: it sends there straight (seen on FRR)."""
        found: dict[tuple[NodeKey, Prefix], NextHop] = {}
        for lsa in lsas:
            if lsa.forwarding is None:
                continue
            for circuit in self._beside(lsa.forwarding):
                near = circuit.settings.area == area_id(name) and circuit.node in self.areas.by_name[name].paths.index
                if near and circuit.node != lsa.origin:
                    neighbor = self.circuits.topology.neighbor_with(circuit.ref, lsa.forwarding, circuit.interface.vrf)
                    hop = NextHop(address=lsa.forwarding, interface=circuit.interface.name, neighbor=neighbor)
                    found[circuit.node, lsa.prefix] = hop
        return found

    def _beside(self, address: Address) -> list[Circuit]:
        """Circuits with the address on their subnet (and not their own)."""
        if address not in self._near:
            self._near[address] = [
                circuit
                for circuit in self.circuits.by_ref.values()
                if circuit.network != "loopback" and _on_subnet(circuit, address)
            ]
        return self._near[address]


def _on_subnet(circuit: Circuit, address: Address) -> bool:
    items = list(usable_addresses(circuit.interface, 4))
    return any(item.prefix.holds(address) for item in items) and all(item.address != address for item in items)


def _around(ranges: Iterable[AreaRange], prefix: Prefix) -> AreaRange | None:
    covering = [item for item in ranges if item.prefix.covers(prefix)]
    return max(covering, key=lambda item: item.prefix.length, default=None)
