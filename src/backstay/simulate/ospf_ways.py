"""Which way each OSPF process takes to an AS boundary router or a forwarding address (RFC 2328 16.4 (3), RFC 3101 2.5 (3))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from backstay.model.address import Address, Prefix
from backstay.model.vendor import SEMANTICS
from backstay.simulate.layers import Announcement, Block
from backstay.simulate.ospf_areas import Areas, area_id, in_backbone
from backstay.simulate.ospf_circuits import BACKBONE
from backstay.simulate.spf import UNREACHED, NodeKey
from backstay.simulate.topology import usable_addresses


class Exit(NamedTuple):
    """Where external LSAs lead: to the router that announces them, or to their forwarding address. ``area`` is the NSSA
    type 7 LSAs live in, None for type 5.
    """

    origin: NodeKey
    forwarding: Address | None
    area: str | None


class Way(NamedTuple):
    """A way to an exit through an area, inside it or (``relayed``) over its border routers. ``prefix``: the entry of
    the routing table that holds the forwarding address.
    """

    area: str
    relayed: bool
    prefix: Prefix | None = None


Taken = tuple[Exit, Way]
Takers = Mapping[tuple[bool, frozenset[Taken]], Sequence[NodeKey]]
"""Processes by what they take through an area, and whether that comes before other ways."""


class Ways:
    """The choices of all processes."""

    def __init__(self, areas: Areas) -> None:
        self.areas = areas
        self.circuits = areas.circuits
        self._known: dict[tuple[NodeKey, Exit], frozenset[Way]] = {}
        self._takers: dict[tuple[str, bool, frozenset[Exit]], Takers] = {}
        self._boundary: dict[tuple[NodeKey, NodeKey], frozenset[Way]] = {}
        self._address: dict[tuple[NodeKey, Address], frozenset[Way]] = {}
        self._beyond: dict[tuple[NodeKey, NodeKey, str], int] = {}
        self._longest: dict[tuple[str, Address], tuple[Prefix, ...]] = {}
        self.told = {name: Block(told) for name, told in areas.summaries.items()}

    def takers(self, name: str, exits: frozenset[Exit], *, relayed: bool) -> Takers:
        """Who takes which of the exits through an area. Ways within an area other than the backbone come before others,
        unless compatible with RFC 1583 (RFC 2328 16.4.1); ospf6d compares costs alone.
        """
        place = (name, relayed, exits)
        if place not in self._takers:
            found: dict[tuple[bool, frozenset[Taken]], list[NodeKey]] = {}
            outside = self.circuits.version == 2 and not relayed and not in_backbone(name)
            for key in self.areas.by_name[name].paths.index if self.areas.borders or not relayed else ():
                ways = ((leads, way) for leads in exits for way in self.of(key, leads))
                taken = frozenset((leads, way) for leads, way in ways if (way.area, way.relayed) == (name, relayed))
                if taken:
                    near = outside and not self.circuits.processes[key].rfc1583
                    found.setdefault((near, taken), []).append(key)
            self._takers[place] = found
        return self._takers[place]

    def of(self, key: NodeKey, leads: Exit) -> frozenset[Way]:
        """The ways a process may take to an exit; the cheapest of them count."""
        known = self._known.get((key, leads))
        if known is None:
            known = self._known[key, leads] = frozenset(self._found(key, leads))
        return known

    def _found(self, key: NodeKey, leads: Exit) -> Iterator[Way]:
        if leads.area is not None:
            inside = Way(leads.area, relayed=False)
            if leads.forwarding is None:
                yield inside
            elif not SEMANTICS[self.circuits.network.routers[key[0]].vendor].ospf_boundary_by_area_kind:
                if self._is_within(key, leads.origin, leads.area):
                    yield from self.to_address(key, leads.forwarding)
            else:
                yield from (
                    way for way in self.to_address(key, leads.forwarding) if way._replace(prefix=None) == inside
                )
        elif self._hears(key, leads.origin):
            ways = self.to_boundary(key, leads.origin)
            if leads.forwarding is not None:
                known = any(not way.relayed or self._is_told(key, leads.origin, way.area) for way in ways)
                ways = self.to_address(key, leads.forwarding) if known else frozenset()
            yield from (way for way in ways if not (way.relayed and key == leads.origin))

    def _is_within(self, key: NodeKey, origin: NodeKey, name: str) -> bool:
        """Whether a process reaches another through the NSSA both are in: it holds its type 7 LSAs then."""
        index = self.areas.by_name[name].paths.index
        return key in index and key != origin and self.areas.by_name[name].distance(key, origin) < UNREACHED

    # ------------------------------------------------------------------------------------- flooding

    @cached_property
    def domains(self) -> Mapping[str, str]:
        """How far AS external LSAs are flooded: over normal areas that some router has in common (RFC 2328 3.6, 13.3). The
        name of the first stands for those that hang together.
        """
        found = {name: name for name in sorted(self.areas.by_name) if self.kind(name) == "normal"}
        for names in self.areas.areas_of.values():
            together = {found[name] for name in names if name in found}
            found |= {name: min(together) for name, first in found.items() if first in together}
        return found

    def _domains_of(self, key: NodeKey) -> set[str]:
        return {self.domains[name] for name in self.areas.areas_of.get(key, ()) if name in self.domains}

    def _hears(self, key: NodeKey, origin: NodeKey) -> bool:
        return not self._domains_of(key).isdisjoint(self._domains_of(origin))

    def kind(self, name: str) -> str:
        """Normal, stub or nssa; routers that do not agree are no neighbours."""
        return self._kinds[name]

    @cached_property
    def _kinds(self) -> Mapping[str, str]:
        return {
            name: self.areas.settings(next(iter(area.paths.index)), name).kind
            for name, area in self.areas.by_name.items()
        }

    # ------------------------------------------------------------------------------------- boundary routers

    def to_boundary(self, key: NodeKey, origin: NodeKey) -> frozenset[Way]:
        """Ways to a boundary router that type 5 LSAs may take; none where an NSSA or a stub area has the preferred one."""
        known = self._boundary.get((key, origin))
        if known is None:
            known = self._boundary[key, origin] = frozenset(self._to_boundary(key, origin))
        return known

    def _to_boundary(self, key: NodeKey, origin: NodeKey) -> Iterator[Way]:
        inside = self._inside(key, origin)
        if inside:
            name = self._preferred(key, inside)
            if self.kind(name) == "normal":
                yield Way(name, relayed=False)
        if not inside or self.circuits.version == 3:  # ospf6d compares costs alone
            # Type 4 summaries are for normal areas alone (RFC 2328 12.4.3, RFC 3101 2.5 (3); ospf6d alike, seen on FRR 8.4.4).
            yield from (Way(name, relayed=True) for name in self._examined(key) if self.kind(name) == "normal")

    def _is_told(self, key: NodeKey, origin: NodeKey, name: str) -> bool:
        """Whether a border router of the area, within reach, has a type 4 summary of the boundary router for it."""
        area = self.areas.by_name[name]
        borders = (other for other in self.areas.borders if other != key and other in area.paths.index)
        return any(area.distance(key, o) < UNREACHED and self.beyond(o, origin, name) < UNREACHED for o in borders)

    def _inside(self, key: NodeKey, origin: NodeKey) -> dict[str, int]:
        """The areas that have a routing table entry for the boundary router, and its cost."""
        found = {}
        for name in self.areas.areas_of.get(key, ()):
            area = self.areas.by_name[name]
            if origin in area.paths.index and self._shows(key, origin, self.kind(name)):
                found[name] = area.distance(key, origin)
        return {name: cost for name, cost in found.items() if cost < UNREACHED}

    def _shows(self, key: NodeKey, origin: NodeKey, kind: str) -> bool:
        """In an area that type 5 LSAs are not flooded through there is no entry (RFC 3101 2.5 (3)); FRR's ospfd has one in an
        NSSA, and in a stub area for border routers.
        """
        vendor = self.circuits.network.routers[key[0]].vendor
        if kind == "normal" or self.circuits.version == 3 or SEMANTICS[vendor].ospf_boundary_by_area_kind:
            return kind == "normal"
        return kind == "nssa" or origin in self.areas.borders

    def _preferred(self, key: NodeKey, inside: Mapping[str, int]) -> str:
        """Areas other than the backbone, unless compatible with RFC 1583 (RFC 2328 16.4.1); the cheapest; the one of the
        largest number (16.4 (3)). ospf6d compares costs alone and takes the smallest number.
        """
        if len(inside) == 1:
            return next(iter(inside))
        if self.circuits.version == 3:
            return min(inside, key=lambda name: (inside[name], _number(name)))
        outside = [name for name in inside if not in_backbone(name)]
        old = self.circuits.processes[key].rfc1583
        names = outside if outside and not old else list(inside)
        best = min(inside[name] for name in names)
        return max((name for name in names if inside[name] == best), key=_number)

    def _examined(self, key: NodeKey) -> list[str]:
        """The areas whose summaries a process looks at."""
        alone = self.areas.looks_at_backbone_alone(key)
        return [name for name in self.areas.areas_of.get(key, ()) if in_backbone(name) or not alone]

    def beyond(self, border: NodeKey, origin: NodeKey, told_in: str) -> int:
        """What a border router's type 4 summary into an area says of the way to a boundary router elsewhere."""
        place = (border, origin, told_in)
        if place not in self._beyond:
            self._beyond[place] = self._told(*place)
        return self._beyond[place]

    def _told(self, border: NodeKey, origin: NodeKey, told_in: str) -> int:
        if self._inside(border, origin):
            costs = self._inside(border, origin)
            ways = [way.area for way in self.to_boundary(border, origin) if not way.relayed]
            best = min((costs[name] for name in ways if name != told_in), default=UNREACHED)
            if best < UNREACHED or self.circuits.version == 2:
                return best
        name = self.areas.part_of(border, BACKBONE)
        if in_backbone(told_in) or name is None:
            return UNREACHED
        backbone = self.areas.by_name[name]
        others = (other for other in self.areas.borders if other != border and other in backbone.paths.index)
        return min((backbone.distance(border, o) + self.beyond(o, origin, name) for o in others), default=UNREACHED)

    # ------------------------------------------------------------------------------------- forwarding addresses

    def to_address(self, key: NodeKey, address: Address) -> frozenset[Way]:
        """Ways to a forwarding address: the entry of the process's table that holds it closest, intra- or inter-area (RFC
        2328 16.4 (3)). None to an address of its own, nor into a discard route.
        """
        known = self._address.get((key, address))
        if known is None:
            mine = self.circuits.by_node.get(key, ())
            own = any(item.address == address for circuit in mine for item in usable_addresses(circuit.interface, 4))
            known = self._address[key, address] = frozenset(() if own else self._to_address(key, address))
        return known

    def _to_address(self, key: NodeKey, address: Address) -> Iterator[Way]:
        inner = [Way(name, False, self._within(name, address)) for name in self.areas.areas_of.get(key, ())]
        outer = [Way(name, True, self._summary(key, name, address)) for name in self._examined(key)]
        discards = (prefix for prefix in self.areas.discards.get(key, ()) if prefix.holds(address))
        lengths = [way.prefix.length for way in (*inner, *outer) if way.prefix]
        longest = max(lengths, default=-1)
        if longest < max((prefix.length for prefix in discards), default=-1):
            return
        chosen = [way for way in inner if way.prefix and way.prefix.length == longest]
        if not chosen:
            yield from (way for way in outer if way.prefix and way.prefix.length == longest)
        # Seen on FRR 8.4.4: externals do not go through a stub area, not even to the next hop itself.
        yield from (way for way in chosen if self.kind(way.area) != "stub")

    def _within(self, name: str, address: Address) -> Prefix | None:
        return next(iter(self._holding(name, self.areas.by_name[name].block, address)), None)

    def _summary(self, key: NodeKey, name: str, address: Address) -> Prefix | None:
        """The closest summary that another router tells and the process looks at."""
        block, node = self.told[name], self.areas.by_name[name].paths.index[key]
        for prefix in self._holding(name + " summaries", block, address):
            others = any(item.node != node for item in block.announcements[block.index[prefix]])
            if others and prefix not in self.areas.ignored(key, name, (prefix,)):
                return prefix
        return None

    def _holding(self, place: str, block: Block, address: Address) -> tuple[Prefix, ...]:
        """A block's prefixes that hold the address, the longest first."""
        known = self._longest.get((place, address))
        if known is None:
            holding = (prefix for prefix in block.prefixes if prefix.holds(address))
            known = self._longest[place, address] = tuple(sorted(holding, key=lambda prefix: -prefix.length))
        return known

    def announcements(self, way: Way) -> list[Announcement]:
        """Who announces the prefix of a way to a forwarding address."""
        block = self.told[way.area] if way.relayed else self.areas.by_name[way.area].block
        return block.announcements[block.index[way.prefix]] if way.prefix else []


def _number(name: str) -> tuple[int, ...]:
    return tuple(map(int, area_id(name).split(".")))
