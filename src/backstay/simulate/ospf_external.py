"""OSPF externals: type 5 and type 7 LSAs, forwarding addresses, translation (RFC 2328 12.4.4 and 16.4, RFC 3101)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from backstay.model.address import Address, Prefix
from backstay.model.routing import AreaRange
from backstay.model.state import NextHop
from backstay.simulate.layers import Announcement, Block, Layer
from backstay.simulate.ospf_areas import (
    EXTERNAL_1,
    EXTERNAL_1_NEAR,
    EXTERNAL_2,
    INTER,
    INTRA,
    Announced,
    Areas,
    area_id,
    in_backbone,
)
from backstay.simulate.ospf_circuits import BACKBONE, Circuit
from backstay.simulate.redistribution import Imported
from backstay.simulate.spf import UNREACHED, NodeKey
from backstay.simulate.topology import usable_addresses

FAR = 1 << 30
"""Added to the distance of a type 2 external's boundary router where the way there is not of the preferred kind: among
equal metrics the kind counts before the distance (RFC 2328 16.4 (6)). No path is as long as that.
"""


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


class Externals:
    """Layers of externals for every area, from what the processes take in."""

    def __init__(self, areas: Areas, imported: Mapping[NodeKey, Iterable[Imported]]) -> None:
        self.areas = areas
        self.circuits = areas.circuits
        self._found: dict[tuple[str, int, Address], list[Announcement]] = {}
        self._near: dict[Address, list[Circuit]] = {}
        own = [lsa for key, items in sorted(imported.items()) for lsa in self._originated(key, items)]
        own += list(self._nssa_defaults())
        self.lsas = tuple(dict.fromkeys([*own, *self._translated(own)]))

    def layers(self) -> Iterator[Layer]:
        for name, area in self.areas.by_name.items():
            for heard, holders in self._heard(name):
                for second in (False, True):
                    mine = [lsa for lsa in heard if lsa.second == second]
                    for relayed in (False, True):
                        for near, members in self._members(name, relayed=relayed):
                            block = Block(self._announced(name, mine, relayed=relayed, near=near))
                            if not block.prefixes:
                                continue
                            word = "external" if mine[0].area is None else "nssa"
                            yield Layer(
                                f"{word}-{2 if second else 1}",
                                EXTERNAL_2 if second else EXTERNAL_1_NEAR if near else EXTERNAL_1,
                                area.paths,
                                block,
                                self.areas.hop,
                                second=second,
                                members=holders if members is None else members & holders,
                                direct=self._direct(name, mine),
                            )

    def _heard(self, name: str) -> Iterator[tuple[list[Lsa], frozenset[NodeKey]]]:
        """LSAs that ways through an area may follow, and the processes that hold them: those flooded into it; and what they
        heard in another area, for its forwarding address (RFC 2328 16.4 (3): whatever area leads there; seen on FRR
        8.4.4: over an NSSA's default route too).
        """
        keys = self.areas.by_name[name].paths.index
        yield [lsa for lsa in self.lsas if self._floods_into(lsa, name)], frozenset(keys)
        kinds = {self.areas.settings(key, name).kind for key in keys}
        if kinds != {"normal"}:
            for domain in sorted(set(self._domains.values())):
                elsewhere = frozenset(key for key in keys if domain in self._domains_of(key))
                heard = [lsa for lsa in self.lsas if lsa.forwarding is not None and self._reaches(lsa, domain)]
                if elsewhere and heard:
                    yield heard, elsewhere

    @cached_property
    def _domains(self) -> Mapping[str, str]:
        """How far AS external LSAs are flooded: over normal areas that some router has in common (RFC 2328 3.6, 13.3). The
        name of the first stands for those that hang together.
        """
        found = {name: name for name in sorted(self.areas.by_name) if self._is_normal(name)}
        for names in self.areas.areas_of.values():
            together = {found[name] for name in names if name in found}
            found |= {name: min(together) for name, first in found.items() if first in together}
        return found

    def _domains_of(self, key: NodeKey) -> set[str]:
        return {self._domains[name] for name in self.areas.areas_of.get(key, ()) if name in self._domains}

    def _reaches(self, lsa: Lsa, domain: str) -> bool:
        return lsa.area is None and domain in self._domains_of(lsa.origin)

    def _is_normal(self, name: str) -> bool:
        return all(self.areas.settings(key, name).kind == "normal" for key in self.areas.by_name[name].paths.index)

    def _members(self, name: str, *, relayed: bool) -> Iterator[tuple[bool, frozenset[NodeKey] | None]]:
        """Who looks at externals through an area, by whether these ways come before others (RFC 2328 16.4.1: within an area
        other than the backbone, unless compatible with RFC 1583; ospf6d compares costs alone).
        """
        if relayed:
            yield False, self.areas.members(name)
        elif self.circuits.version == 3 or in_backbone(name):
            yield False, None
        else:
            keys = self.areas.by_name[name].paths.index
            old = frozenset(key for key in keys if self.circuits.processes[key].rfc1583)
            yield True, frozenset(keys) - old
            if old:
                yield False, old

    # ------------------------------------------------------------------------------------- origination

    def _originated(self, key: NodeKey, items: Iterable[Imported]) -> Iterator[Lsa]:
        """Type 5 where the router has a normal area, type 7 into each NSSA it is in; none out of stub areas alone."""
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
                    inside = forwarding or self._address_in(key, name)
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
        (RFC 3101 2.3).
        """
        if self.circuits.version == 3:
            return None
        mine = [circuit for circuit in self.circuits.by_node.get(key, ()) if circuit.settings.area == area_id(area)]
        mine.sort(key=lambda circuit: (circuit.network != "loopback", circuit.interface.name))
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
        """Type 7 into type 5 by the border router of the highest router id that reaches the origin (RFC 3101 3)."""
        for lsa in lsas:
            if lsa.area is None or lsa.prefix.is_default or lsa.origin in self.areas.borders:
                continue
            translator = self._translator(lsa)
            if translator is None:
                continue
            around = _around(self.areas.settings(translator, lsa.area).nssa_ranges, lsa.prefix)
            if around is None:
                yield Lsa(translator, lsa.prefix, lsa.metric, lsa.second, lsa.tag, lsa.forwarding)
            elif around.advertise:
                metric = lsa.metric if around.cost is None else around.cost
                yield Lsa(translator, around.prefix, metric, lsa.second, lsa.tag)

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

    def _floods_into(self, lsa: Lsa, name: str) -> bool:
        if lsa.area is not None:
            return lsa.area == name
        return name in self._domains and self._reaches(lsa, self._domains[name])

    def _announced(self, name: str, lsas: Iterable[Lsa], *, relayed: bool, near: bool) -> Announced:
        found: Announced = {}
        behind = 0 if near else FAR
        for lsa in lsas:
            origin = self.areas.by_name[name].paths.index.get(lsa.origin, -1)
            for node, distance in self._towards(name, lsa, relayed=relayed):
                if lsa.second:
                    entry = Announcement(node, lsa.metric, lsa.tag, second=True, extra=behind + distance, origin=origin)
                else:
                    entry = Announcement(node, lsa.metric + distance, lsa.tag, origin=origin)
                found.setdefault(lsa.prefix, []).append(entry)
        return found

    def _towards(self, name: str, lsa: Lsa, *, relayed: bool) -> Iterator[tuple[int, int]]:
        """(node, distance beyond it) of the ways to the LSA's exit in one area: inside it, or over border routers."""
        if lsa.forwarding is not None:
            yield from self._to_address(name, lsa.forwarding, relayed=relayed)
            return
        paths = self.areas.by_name[name].paths
        if not relayed:
            if lsa.origin in paths.index:
                yield paths.index[lsa.origin], 0
        elif lsa.origin not in paths.index:
            for border in self.areas.borders:
                cost = self._border_to(border, lsa.origin, name)
                if border in paths.index and cost < UNREACHED:
                    yield paths.index[border], cost

    def _border_to(self, border: NodeKey, origin: NodeKey, heard_in: str) -> int:
        """What a border router's type 4 summary into an area says of the way to a boundary router elsewhere."""
        inside = [
            self.areas.by_name[name].distance(border, origin)
            for name in self.areas.areas_of[border]
            if name != heard_in and origin in self.areas.by_name[name].paths.index
        ]
        best = min(inside, default=UNREACHED)
        name = self.areas.part_of(border, BACKBONE)
        if best < UNREACHED or in_backbone(heard_in) or name is None:
            return best
        backbone = self.areas.by_name[name]
        over = [
            backbone.distance(border, other) + self._border_to(other, origin, name)
            for other in self.areas.borders
            if other != border and other in backbone.paths.index
        ]
        return min([best, *over])

    def _to_address(self, name: str, address: Address, *, relayed: bool) -> Iterator[tuple[int, int]]:
        """Ways to a forwarding address: over whoever announces its prefix, internal paths only (RFC 2328 16.4 (3))."""
        intra = self._matched(name, INTRA, address)
        stub = any(self.areas.settings(key, name).kind == "stub" for key in self.areas.by_name[name].paths.index)
        if intra and stub:
            return  # seen on FRR 8.4.4: externals do not go through a stub area, not even to the next hop itself
        found = self._matched(name, INTER, address) if relayed and not intra else intra
        if relayed == (not intra):
            yield from ((item.node, item.cost) for item in found)

    def _matched(self, name: str, rank: int, address: Address) -> list[Announcement]:
        """Who announces the longest prefix that holds the address, in the area or by summary."""
        block = self.areas.by_name[name].block if rank == INTRA else self.areas.inter_layer(name).block
        key = (name, rank, address)
        if key not in self._found:
            holding = [prefix for prefix in block.prefixes if prefix.holds(address)]
            longest = max(holding, key=lambda prefix: prefix.length, default=None)
            self._found[key] = block.announcements[block.index[longest]] if longest else []
        return self._found[key]

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
