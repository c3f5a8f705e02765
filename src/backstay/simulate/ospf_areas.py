"""OSPF areas: their graphs, what is inside them, and what area border routers tell from one to another.

RFC 2328 12.4.3 (summaries), 16.1 (inside an area), 16.2 (between areas); RFC 3509 for what makes an area border router.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from backstay.model.address import Prefix
from backstay.model.routing import AreaRange, OspfArea
from backstay.model.state import NextHop
from backstay.model.vendor import SEMANTICS
from backstay.simulate.layers import Announcement, Block, Layer, distances
from backstay.simulate.ospf_circuits import BACKBONE, MULTI_ACCESS, Circuits, is_blind, max_metric
from backstay.simulate.policy_library import Library
from backstay.simulate.spf import UNREACHED, Edge, NodeKey, Paths

STUB_SUMMARY = 0xFF0000
LS_INFINITY = 0xFFFFFF
"""RFC 2328 B: what costs as much is not told (12.4.3), though a stub router would tell it cheaper than it is."""

Announced = dict[Prefix, list[Announcement]]
Costs = dict[Prefix, int]
Announcer = tuple[NodeKey, int]

INTRA, INTER, EXTERNAL_1_NEAR, EXTERNAL_1, EXTERNAL_2 = range(5)
"""Preference of path types (RFC 2328 11); a way to the boundary router within an area other than the backbone comes first
(RFC 2328 16.4.1).
"""


def area_id(part: str) -> str:
    """The area a part of one belongs to."""
    return part.partition("/")[0]


def in_backbone(part: str) -> bool:
    return area_id(part) == BACKBONE


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """One area, or one connected part of an area that has fallen apart (RFC 2328 3.7: each is an area to itself): its graph
    and its own prefixes. Parts are named ``0.0.0.1``, ``0.0.0.1/2`` and so on.
    """

    name: str
    paths: Paths
    block: Block

    def distance(self, source: NodeKey, target: NodeKey) -> int:
        return int(self.paths.distances[self.paths.index[source], self.paths.index[target]])


class Areas:
    """All areas of a network, and the summaries between them."""

    def __init__(self, circuits: Circuits) -> None:
        self.circuits = circuits
        self.version = 4 if circuits.version == 2 else 6
        self.default = Prefix(self.version, 0, 0)
        parts = dict(self._parts())
        self.by_name = {name: self._area(name, nodes) for name, nodes in parts.items() if not in_backbone(name)}
        self.by_name |= {name: self._area(name, nodes) for name, nodes in parts.items() if in_backbone(name)}
        self.discards: dict[NodeKey, set[Prefix]] = {}
        self.active_ranges: dict[NodeKey, set[Prefix]] = {}
        self.summaries: dict[str, Announced] = {name: {} for name in self.by_name}
        self._announcers: dict[str, dict[Prefix, tuple[list[Announcer], list[Announcer]]]] = {}
        self._summarise()

    def hop(self, edge: Edge) -> NextHop | None:
        return self.circuits.hop(edge.local, edge.remote)

    def settings(self, key: NodeKey, area: str) -> OspfArea:
        name = area_id(area)
        return self.circuits.processes[key].areas.get(name) or OspfArea(area=name)

    # ------------------------------------------------------------------------------------- graphs

    def _members(self) -> dict[str, set[NodeKey]]:
        """Processes by area, from the interfaces that are up; ends of virtual links belong to the backbone."""
        found: dict[str, set[NodeKey]] = {}
        for circuit in self.circuits.by_ref.values():
            found.setdefault(circuit.settings.area, set()).add(circuit.node)
        for key, process in self.circuits.processes.items():
            if any(area.virtual_links for area in process.areas.values()):
                found.setdefault(BACKBONE, set()).add(key)
        return found

    def _parts(self) -> Iterator[tuple[str, set[NodeKey]]]:
        """The connected parts of every area; a backbone that virtual links may hold together is taken as one."""
        for name, members in sorted(self._members().items()):
            if name == BACKBONE and any(
                a.virtual_links for p in self.circuits.processes.values() for a in p.areas.values()
            ):
                yield name, members
                continue
            near: dict[NodeKey, set[NodeKey]] = {}
            for one, other in self.circuits.pairs:
                if one.settings.area == name:
                    near.setdefault(one.node, set()).add(other.node)
            for number, part in enumerate(_connected(members, near), 1):
                yield name if number == 1 else f"{name}/{number}", part

    def part_of(self, key: NodeKey, area: str) -> str | None:
        """The part of an area a process is in."""
        return next((name for name in self.areas_of.get(key, ()) if area_id(name) == area), None)

    def _area(self, name: str, members: set[NodeKey]) -> Area:
        keys = sorted(members)
        index = {key: number for number, key in enumerate(keys)}
        edges = [
            Edge(index[one.node], index[other.node], one.transit_cost, one.ref, other.ref)
            for one, other in self.circuits.pairs
            if one.settings.area == area_id(name) and one.node in index and not is_blind(one.process)
        ]
        if in_backbone(name):
            edges.extend(self._virtual_edges(index))
        return Area(name, Paths(keys, edges), Block(self._own(name, index)))

    def _virtual_edges(self, index: Mapping[NodeKey, int]) -> Iterator[Edge]:
        """A virtual link is a backbone edge that costs the path through its transit area (RFC 2328 15)."""
        by_identity = {str(self.circuits.router_id(key)): key for key in index}
        for key in index:
            for settings in self.circuits.processes[key].areas.values():
                parts = (part for name, part in self.by_name.items() if area_id(name) == settings.area)
                transit = next((part for part in parts if key in part.paths.index), None)
                for identity in settings.virtual_links if transit else ():
                    far = by_identity.get(identity)
                    if transit and far and self._mutual(far, key, settings.area):
                        yield from self._virtual_edge(transit, key, far, index)

    def _mutual(self, far: NodeKey, near: NodeKey, area: str) -> bool:
        return str(self.circuits.router_id(near)) in self.settings(far, area).virtual_links

    def _virtual_edge(self, transit: Area, near: NodeKey, far: NodeKey, index: Mapping[NodeKey, int]) -> Iterator[Edge]:
        if near not in transit.paths.index or far not in transit.paths.index:
            return
        cost = transit.distance(near, far)
        if cost >= UNREACHED:
            return
        source = transit.paths.index[near]
        mask = int(transit.paths.first_edges(source)[transit.paths.index[far]])
        for bit, edge in enumerate(transit.paths.outgoing(source)):
            if mask >> bit & 1:
                yield Edge(index[near], index[far], cost, edge.local, edge.remote)

    def _own(self, name: str, index: Mapping[NodeKey, int]) -> Announced:
        adjacent = {one.ref for one, _ in self.circuits.pairs}
        announced: Announced = {}
        for circuit in self.circuits.by_ref.values():
            crossed = circuit.ref in adjacent and circuit.network in MULTI_ACCESS
            # The prefix of a LAN hangs on the LAN, which nobody reaches through a router that carries nothing.
            hidden = crossed and is_blind(circuit.process)
            if circuit.settings.area == area_id(name) and circuit.node in index and not hidden:
                for prefix, cost in self.circuits.stubs(circuit, adjacent=circuit.ref in adjacent):
                    announced.setdefault(prefix, []).append(Announcement(index[circuit.node], cost))
        return announced

    # ------------------------------------------------------------------------------------- borders

    @cached_property
    def areas_of(self) -> Mapping[NodeKey, tuple[str, ...]]:
        """The areas each process has interfaces in (or a virtual link), sorted."""
        found: dict[NodeKey, list[str]] = {}
        for name, area in sorted(self.by_name.items()):
            for key in area.paths.index:
                found.setdefault(key, []).append(name)
        return {key: tuple(names) for key, names in found.items()}

    @cached_property
    def borders(self) -> tuple[NodeKey, ...]:
        """Area border routers: two areas or more, the backbone among them (RFC 3509 1.2, Cisco's kind, which is FRR's too)."""
        return tuple(sorted(key for key in self.areas_of if self._is_border(key) and not self._is_blind(key)))

    def _is_border(self, key: NodeKey) -> bool:
        names = self.areas_of[key]
        return len(names) > 1 and any(map(in_backbone, names))

    def other_kinds(self) -> Iterator[NodeKey]:
        """Routers in two areas or more whose ``abr-type`` is not the usual one."""
        return (
            key
            for key, names in self.areas_of.items()
            if len(names) > 1 and self.circuits.processes[key].abr_type != "cisco"
        )

    def _is_blind(self, key: NodeKey) -> bool:
        return is_blind(self.circuits.processes[key])

    def looks_at_backbone_alone(self, key: NodeKey) -> bool:
        """A border router with a neighbour in the backbone takes summaries from there only (RFC 2328 16.2, RFC 3509)."""
        name = self.part_of(key, BACKBONE) if key in self.borders else None
        if name is None:
            return False
        backbone = self.by_name[name].paths
        return bool(backbone.outgoing(backbone.index[key]))

    def members(self, name: str) -> frozenset[NodeKey]:
        """Processes that look at summaries and externals of an area through other border routers."""
        keys = self.by_name[name].paths.index
        return frozenset(key for key in keys if in_backbone(name) or not self.looks_at_backbone_alone(key))

    # ------------------------------------------------------------------------------------- layers

    def intra_layers(self) -> Iterator[Layer]:
        for area in self.by_name.values():
            yield Layer("intra", INTRA, area.paths, area.block, self.hop)

    def inter_layer(self, name: str) -> Layer:
        area = self.by_name[name]
        told = self.summaries[name]
        deaf = {key: ignored for key in area.paths.index if (ignored := self.ignored(key, name, told))}
        return Layer("inter", INTER, area.paths, Block(told), self.hop, members=self.members(name), deaf=deaf)

    def ignored(self, key: NodeKey, name: str, told: Iterable[Prefix]) -> frozenset[Prefix]:
        """Summaries a process does not look at because of its own ranges: a border router those of active ranges (RFC 2328
        16.2 (3)), ospfd those within them too (ospf_ia.c process_summary_lsa()); ospf6d goes by the ranges of the area it
        hears them in, active or not (ospf6_abr.c ospf6_abr_examin_summary()). Both seen on FRR 8.4.4.
        """
        if self.version == 6:
            own = {item.prefix for item in self.settings(key, name).ranges}
            return frozenset(prefix for prefix in told if prefix in own)
        active = self.active_ranges.get(key, ())
        return frozenset(prefix for prefix in told if any(item.covers(prefix) for item in active))

    # ------------------------------------------------------------------------------------- what cannot be told

    def unproven(self) -> Iterator[tuple[NodeKey, str]]:
        """Processes of OSPFv3 whose routes cannot be told, and why. ospf6d takes the summaries of a border router out of the
        one area it reaches it through at the least cost, whichever that is, and tells what it learned to all the
        others, the backbone too (seen on FRR 8.4.4); of a range of its own that it also hears of, it installs what
        came last, the discard route or the other. The default another tells a stub area it may keep from the time
        before the backbone was nearer, and its type 4 summary about a boundary router it withdraws when it comes to a
        second way there (seen in some starts of FRR 8.4.4, not in all).
        """
        if self.version == 4:
            return
        for key in self.borders:
            for other, name in self._nearer_outside_backbone(key):
                yield key, f"OSPFv3 reaches border router {other[0]} through area {area_id(name)}, not the backbone"
            for other in self._met_in_stub_areas(key):
                yield key, f"OSPFv3 hears the default that {other[0]} tells a stub area"
            for other in self._reached_twice(key):
                yield key, f"OSPFv3 reaches boundary router {other[0]} through two areas"
            heard = {prefix for name in self.areas_of[key] for prefix in self._heard(name, key)}
            for prefix in sorted(heard & self.active_ranges.get(key, set())):
                yield key, f"OSPFv3 hears of its own range {prefix} from another border router"
            for prefix in self._twice_condensed(key):
                yield key, f"OSPFv3 has the range {prefix} in two areas"
        yield from self._blind_borders()
        yield from self._defaults_in_nssas()

    def _defaults_in_nssas(self) -> Iterator[tuple[NodeKey, str]]:
        """Processes in an NSSA that make a default of their own: beside border routers' defaults ospf6d takes it or not, and translates
        it at a cost of its own (seen on FRR 8.4.4, in several forms).
        """
        for key, names in self.areas_of.items():
            if self.circuits.processes[key].default and any(self.settings(key, n).kind == "nssa" for n in names):
                yield key, "OSPFv3 makes a default of its own in an NSSA"

    def _twice_condensed(self, key: NodeKey) -> list[Prefix]:
        """Ranges that two areas of a border router have."""
        found = [item.prefix for name in self.areas_of[key] for item in self.settings(key, name).ranges]
        return sorted({prefix for prefix in found if found.count(prefix) > 1})

    def _blind_borders(self) -> Iterator[tuple[NodeKey, str]]:
        """Border routers nobody listens to: of no use to an NSSA that takes one for its translator, and their ranges are active
        for their own prefixes alone.
        """
        for key in self.areas_of:
            settings = [self.settings(key, name) for name in self.areas_of[key]]
            if self._is_blind(key) and self._is_border(key) and any(a.ranges or a.kind == "nssa" for a in settings):
                yield key, "OSPFv3 stub router at the border of an NSSA, or with area ranges"

    def _nearer_outside_backbone(self, key: NodeKey) -> Iterator[tuple[NodeKey, str]]:
        for other in self.borders:
            shared = [name for name in self.areas_of[key] if name in self.areas_of[other]]
            costs = {name: self.by_name[name].distance(key, other) for name in shared}
            outside = [name for name in shared if not in_backbone(name) and costs[name] < UNREACHED]
            inside = min((cost for name, cost in costs.items() if in_backbone(name)), default=UNREACHED)
            if other != key and outside and min(costs[name] for name in outside) <= inside:
                yield other, outside[0]

    def _met_in_stub_areas(self, key: NodeKey) -> Iterator[NodeKey]:
        """Other border routers in areas of the router's that hear a default."""
        for name in self.areas_of[key]:
            settings = self.settings(key, name)
            if settings.kind == "stub" or (settings.kind == "nssa" and not settings.summary):
                area = self.by_name[name]
                there = (other for other in self.borders if other != key and other in area.paths.index)
                yield from (other for other in there if area.distance(key, other) < UNREACHED)

    def _reached_twice(self, key: NodeKey) -> Iterator[NodeKey]:
        """Boundary routers that two areas of a border router lead to, where it has others to tell of them."""
        normal = {name for name in self.areas_of[key] if self.settings(key, name).kind == "normal"}
        for other, process in sorted(self.circuits.processes.items()):
            shared = {name for name in self.areas_of[key] if name in self.areas_of.get(other, ())}
            inside = {name for name in shared if self.by_name[name].distance(key, other) < UNREACHED}
            translates = other in self.borders and any(
                self.settings(other, name).kind == "nssa" for name in self.areas_of[other]
            )
            brings_in = bool(process.redistributions) or process.default is not None or translates
            if other != key and brings_in and not is_blind(process) and len(inside) > 1 and normal - inside:
                yield other

    def _heard(self, name: str, key: NodeKey) -> Iterator[Prefix]:
        node = self.by_name[name].paths.index[key]
        for prefix, told in self.summaries[name].items():
            if any(item.origin != node for item in told):
                yield prefix

    # ------------------------------------------------------------------------------------- summaries

    def _summarise(self) -> None:
        """Fill ``summaries``: first what is inside areas, then what border routers learned over the backbone."""
        inside = {key: self._inside(key) for key in self.borders}
        for key, by_area in inside.items():
            ranges = {name: self._counted(key, name, costs) for name, costs in sorted(by_area.items(), key=_by_number)}
            self.active_ranges[key] = {item.prefix for costs in ranges.values() for item in costs}
            self.discards[key] = {item.prefix for costs in ranges.values() for item in costs if item.advertise}
            self._tell_of_areas(key, by_area, ranges)
        layers = {name: self.inter_layer(name) for name in self.by_name if in_backbone(name)}
        for key in self.borders:
            known = {prefix for costs in inside[key].values() for prefix in costs}
            heard = distances(layers[self.part_of(key, BACKBONE) or BACKBONE], key)
            leaving = BACKBONE if self.version == 6 else None  # ospfd filters what an area itself has, on its way out
            for prefix, cost in heard:
                for name in self.areas_of[key] if prefix not in known else ():
                    if not in_backbone(name) and self._passes(key, leaving, name, prefix):
                        self._tell(key, name, prefix, cost)
        self._announce_defaults()

    def _inside(self, key: NodeKey) -> dict[str, Costs]:
        """A border router's intra-area routes by the area they lie in; the cheapest area counts."""
        best: dict[Prefix, tuple[int, str]] = {}
        for name in self.areas_of[key]:
            area = self.by_name[name]
            layer = Layer("intra", INTRA, area.paths, area.block, self.hop)
            for prefix, cost in distances(layer, key):
                best[prefix] = min(best.get(prefix, (UNREACHED, "")), (cost, name))
        found: dict[str, Costs] = {}
        for prefix, (cost, name) in best.items():
            found.setdefault(name, {})[prefix] = cost
        return found

    def _counted(self, key: NodeKey, source: str, costs: Costs) -> Mapping[AreaRange, int]:
        """The active ranges of an area, each with the largest cost of what lies in it (RFC 2328 12.4.3; ospfd even if compatible
        with RFC 1583), or as configured. For ospfd what another area would be told counts, and nothing else
        (ospf_abr_announce_network()); ospf6d counts all of it (both seen on FRR 8.4.4).
        """
        found: dict[AreaRange, int] = {}
        for prefix, cost in costs.items():
            around = self._around(key, source, prefix)
            others = (name for name in self.areas_of[key] if name != source)
            if around and (self.version == 6 or any(self._passes(key, source, name, prefix) for name in others)):
                largest = cost if self.version == 4 else self._dearest(key, source, prefix)
                found[around] = max(found.get(around, 0), largest) if around.cost is None else around.cost
        return found

    def _dearest(self, key: NodeKey, source: str, prefix: Prefix) -> int:
        """What a prefix in a range costs for ospf6d: as much as from the dearest of the routers that announce it; a LAN is one, which
        costs what it costs from the nearest (ospf6_abr_range_compute_cost(); seen on FRR 8.4.4).
        """
        if source not in self._announcers:
            self._announcers[source] = self._announcers_in(source)
        alone, shared = self._announcers[source][prefix]
        area = self.by_name[source]
        lan = min((area.distance(key, node) + cost for node, cost in shared), default=0)
        costs = (area.distance(key, node) + cost for node, cost in alone)
        return max((cost for cost in (lan, *costs) if cost < UNREACHED), default=0)

    def _announcers_in(self, source: str) -> dict[Prefix, tuple[list[Announcer], list[Announcer]]]:
        """Who announces each prefix of an area at which cost: by itself, and for a LAN it is on with others."""
        adjacent = {one.ref for one, _ in self.circuits.pairs}
        found: dict[Prefix, tuple[list[Announcer], list[Announcer]]] = {}
        for circuit in self.circuits.by_ref.values():
            if circuit.settings.area == area_id(source) and circuit.node in self.by_name[source].paths.index:
                crossed = circuit.ref in adjacent and circuit.network in MULTI_ACCESS
                for prefix, cost in self.circuits.stubs(circuit, adjacent=crossed):
                    found.setdefault(prefix, ([], []))[crossed].append((circuit.node, cost))
        return found

    def _around(self, key: NodeKey, source: str, prefix: Prefix) -> AreaRange | None:
        """The closest range of an area around a prefix."""
        covering = [item for item in self.settings(key, source).ranges if item.prefix.covers(prefix)]
        return max(covering, key=lambda item: item.prefix.length, default=None)

    def _tell_of_areas(
        self, key: NodeKey, by_area: Mapping[str, Costs], ranges: Mapping[str, Mapping[AreaRange, int]]
    ) -> None:
        """What is inside a border router's areas, told to its others: prefixes through the filters, and ranges in place of what
        lies in them, which no filter looks at. Of two areas with one range ospfd leaves what the later one says.
        """
        for name in self.areas_of[key]:
            told: Costs = {}
            for source, costs in by_area.items():
                for prefix, cost in costs.items() if source != name else ():
                    if self._around(key, source, prefix) is None and self._passes(key, source, name, prefix):
                        told[prefix] = cost
            # ``no-summary`` does not keep out the ranges of ospfd (ospf_abr_announce_aggregates(); seen on FRR 8.4.4).
            for source, costed in ranges.items() if self.version == 4 or self._takes_summaries(key, name) else ():
                told |= {r.substitute or r.prefix: cost for r, cost in costed.items() if r.advertise and source != name}
            for prefix, cost in told.items():
                self._tell(key, name, prefix, cost)

    def _tell(self, key: NodeKey, name: str, prefix: Prefix, inner: int) -> None:
        cost = self._told_cost(key, inner)
        if inner < LS_INFINITY and not prefix.is_default:
            node = self.by_name[name].paths.index[key]
            self.summaries[name].setdefault(prefix, []).append(Announcement(node, cost, origin=node))

    def _takes_summaries(self, key: NodeKey, name: str) -> bool:
        settings = self.settings(key, name)
        return settings.kind == "normal" or settings.summary

    def _told_cost(self, key: NodeKey, cost: int) -> int:
        """A stub router tells its summaries at 0xff0000 (ospfd OSPF_STUB_MAX_METRIC_SUMMARY_COST; seen on FRR 8.4.4)."""
        return STUB_SUMMARY if self.version == 4 and max_metric(self.circuits.processes[key]) else cost

    def _passes(self, key: NodeKey, source: str | None, target: str, prefix: Prefix) -> bool:
        """Whether a prefix may be told: filters out of the source area (None: not asked), into the target area, and whether this
        takes summaries at all. A list that does not exist filters nothing (ospf_abr.c, ospf6_abr.c; seen on FRR 8.4.4).
        """
        if not self._takes_summaries(key, target):
            return False
        leaving, entering = self.settings(key, source) if source else OspfArea(area=""), self.settings(key, target)
        library = Library.of(self.circuits.network.routers[key[0]])
        prefix_lists = [name for name in (leaving.filter_out, entering.filter_in) if name]
        access_lists = [name for name in (leaving.export_list, entering.import_list) if name]
        return all(library.prefix_list(prefix.version, name, prefix, undefined=True) for name in prefix_lists) and all(
            library.access_list(prefix.version, name, prefix, undefined=True) for name in access_lists
        )

    def _announce_defaults(self) -> None:
        """Stub areas, and not-so-stubby ones where summaries are off or the vendor does so, hear a default route. Not so from
        ospf6d where a type 7 default is asked for: that stands in its place (seen on FRR 8.4.4).
        """
        for key in self.borders:
            asked = not SEMANTICS[self.circuits.network.routers[key[0]].vendor].ospf_nssa_default or self.version == 6
            for name in self.areas_of[key]:
                settings = self.settings(key, name)
                nssa = settings.kind == "nssa" and not (settings.summary and asked)
                nssa &= self.version == 4 or settings.nssa_default is None
                if not in_backbone(name) and (settings.kind == "stub" or nssa):
                    node = self.by_name[name].paths.index[key]
                    entry = Announcement(node, self._told_cost(key, settings.default_cost), origin=node)
                    self.summaries[name].setdefault(self.default, []).append(entry)


def _connected(members: set[NodeKey], near: Mapping[NodeKey, set[NodeKey]]) -> Iterator[set[NodeKey]]:
    """The members by who is connected to whom, the part of the first by name first."""
    left = set(members)
    while left:
        part, news = set(), {min(left)}
        while news:
            part |= news
            news = {other for key in news for other in near.get(key, ())} - part
        left -= part
        yield part


def _by_number(item: tuple[str, Costs]) -> tuple[int, ...]:
    """Areas in the order of their numbers."""
    return tuple(map(int, area_id(item[0]).split(".")))
