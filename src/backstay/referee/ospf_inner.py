"""OSPF within and between areas: intra-area tables, area border routers, summary LSAs (RFC 2328 12.4.3, 16.1, 16.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.routing import AreaRange, OspfArea
from backstay.referee import policy
from backstay.referee.ospf_lsa import BACKBONE, Key, Node, Process, Talk, describe
from backstay.referee.ospf_paths import AreaMap, At, Reached, flood, intra_area, merged, neighbors, reach

INFINITY = 0xFFFFFF
"""LSInfinity, RFC 2328 appendix B."""

STUB_SUMMARY = 0xFF0000

DEFAULTS = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}


@dataclass(frozen=True, slots=True)
class Summary:
    """A type 3 LSA (``target`` a prefix) or a type 4 (``target`` an AS boundary router), from a border router."""

    origin: Node
    target: Prefix | Node
    cost: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A destination within the AS in a process's table. ``area`` is where the path begins."""

    kind: str
    area: str
    reached: Reached


@dataclass(eq=False)
class Inner:
    """Areas and what lies between them. ``boundaries``: processes that bring in externals (type 4 LSAs are about them)."""

    talked: Talk
    boundaries: frozenset[Key]
    charts: dict[At, AreaMap] = field(default_factory=dict)
    nodes: dict[At, dict[Node, Reached]] = field(default_factory=dict)
    tables: dict[Key, dict[Prefix, Entry]] = field(default_factory=dict)
    summaries: dict[At, Mapping[Prefix | Node, tuple[Summary, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._map_areas()
        self.borders = frozenset(self._borders())
        # Border routers of NSSAs may translate externals, and are boundary routers then (RFC 3101 3.1).
        self.boundaries |= {key for key in self.borders if self._has_nssa(key)}
        # First into the backbone, from what each border router knows of its own areas; then out of it (RFC 2328 3.2).
        for into_backbone in (True, False):
            areas = {at for at in self.nodes if (at[1] == BACKBONE) == into_backbone}
            told = {at: set(self._announced(*at)) if at[0] in self.borders else set() for at in areas}
            near = {at: others for at, others in neighbors(self.talked).items() if at in areas}
            self.summaries |= {at: _by_target(heard) for at, heard in flood(told, near).items()}
            for key in self.talked.processes:
                self._learn(key)
        for key in sorted(self.borders):
            self._refuse_what_ospf6d_makes_of(self.talked.processes[key])
        for key, process in sorted(self.talked.processes.items()):
            if process.ip_version == 6 and process.config.default is not None and self._has_nssa(key):
                # Beside border routers' defaults ospf6d takes it or not (seen on FRR 8.4.4, in several forms).
                raise Unproven(f"{process.router.name}: OSPFv3 makes a default of its own in an NSSA")

    def _refuse_what_ospf6d_makes_of(self, process: Process) -> None:
        """Raises `Unproven` where FRR's OSPFv3 leaves RFC 2328 16.2: ospf6d takes the summaries of a border router from the
        one area in which it is nearest, and hands on what it learned outside the backbone even into it; of its own
        range and another's it installs what came last; the default another tells a stub area it may keep from the
        time before the backbone was nearer (all seen on FRR 8.4.4).
        """
        if process.ip_version == 4:
            return
        key, name = process.key, process.router.name
        for other in sorted(self.borders - {key}):
            if other[1] != key[1]:
                continue  # OSPFv2 on the same router, say
            node = self.talked.processes[other].node
            costs = {
                area: self.nodes[key, area][node].cost for area in self.areas(key) if node in self.nodes[key, area]
            }
            outside = [cost for area, cost in costs.items() if area != BACKBONE]
            if outside and min(outside) <= costs.get(BACKBONE, INFINITY):
                raise Unproven(f"{name}: OSPFv3 reaches border router {other[0]} no nearer through the backbone")
            if any(_hears_default_alone(process.area(area)) for area in costs):
                raise Unproven(f"{name}: OSPFv3 hears the default that {other[0]} tells a stub area")
        self._refuse_two_ways(process)
        for area in self.areas(key):
            for item in process.area(area).ranges:
                told = [one for at in self.areas(key) for one in self.summaries.get((key, at), {}).get(item.prefix, ())]
                if self.in_range(process, process.area(area), item) and any(one.origin != process.node for one in told):
                    raise Unproven(f"{name}: OSPFv3 hears of its own range {item.prefix} from another border router")

    def _refuse_two_ways(self, process: Process) -> None:
        """Raises `Unproven` where a border router has ways to a boundary router inside two areas: with the second of them
        ospf6d withdraws the type 4 LSA that the first made (ospf6_abr.c; seen on FRR 8.4.4 in one start of several).
        """
        key, name = process.key, process.router.name
        for other, bringing in sorted(self.talked.processes.items()):
            inside = {area for area in self.areas(key) if bringing.node in self.nodes[key, area]}
            told = {area for area in self.areas(key) if process.area(area).kind == "normal"} - inside
            apart = other != key and other[1] == key[1] and len(inside) > 1
            if apart and told and self._may_bring_in(bringing):
                raise Unproven(f"{name}: OSPFv3 reaches boundary router {other[0]} through two areas")

    def _may_bring_in(self, process: Process) -> bool:
        """By its configuration; a border router of an NSSA may translate."""
        config, border = process.config, process.key in self.borders
        brings_in = bool(config.redistributions) or config.default is not None
        return process.carries and (brings_in or (border and self._has_nssa(process.key)))

    def areas(self, key: Key) -> tuple[str, ...]:
        """The areas a process has an interface up in, in order."""
        return tuple(sorted({port.area for port in self.talked.ports[key]}))

    # ---------------------------------------------------------------------------------------- intra-area

    def _map_areas(self) -> None:
        lsas = [(key, lsa) for key, process in self.talked.processes.items() for lsa in describe(self.talked, process)]
        own: dict[At, set[int]] = {(key, area): set() for key in self.talked.processes for area in self.areas(key)}
        for place, (key, lsa) in enumerate(lsas):
            own[key, lsa.area].add(place)
        charts: dict[frozenset[int], AreaMap] = {}
        for at, places in flood(own, neighbors(self.talked)).items():
            if places not in charts:
                charts[places] = AreaMap(tuple(lsas[place][1] for place in sorted(places)))
            chart, (key, area) = charts[places], at
            self.charts[at] = chart
            self.nodes[at] = reach(self.talked, chart, key, area)
            table = self.tables.setdefault(key, {})
            for prefix, reached in intra_area(chart, self.nodes[at]).items():
                self._keep(table, prefix, Entry("intra", area, reached))

    def _keep(self, table: dict[Prefix, Entry], prefix: Prefix, entry: Entry) -> None:
        """Intra-area before inter-area; then the cheaper; equal ones together (RFC 2328 11)."""
        found = table.get(prefix)
        if found is None or (entry.kind == "intra" and found.kind == "inter"):
            table[prefix] = entry
        elif found.kind == entry.kind:
            reached = merged(found.reached, entry.reached)
            table[prefix] = replace(found if reached.cost == found.reached.cost else entry, reached=reached)

    def _has_nssa(self, key: Key) -> bool:
        return any(self.talked.processes[key].area(area).kind == "nssa" for area in self.areas(key))

    # ---------------------------------------------------------------------------------------- border routers

    def _borders(self) -> Iterator[Key]:
        """Area border routers that others see as such: not OSPFv3's that carry nothing. Raises `Unproven` for one of these whose
        place at the border shows all the same: an NSSA may wait for it to translate, its ranges stand for its own prefixes.
        """
        for key, process in sorted(self.talked.processes.items()):
            if self._is_border(process):
                if process.carries:
                    yield key
                elif self._has_nssa(key) or any(process.area(area).ranges for area in self.areas(key)):
                    raise Unproven(f"{key[0]}: OSPFv3 stub router at the border of an NSSA, or with area ranges")

    def _is_border(self, process: Process) -> bool:
        """More than one area with an interface up, the backbone among them: Cisco's kind, the default (RFC 3509 2). Raises
        `Unproven` for the others: they look at other summaries too (FRR ospf_ia_routing()).
        """
        areas = self.areas(process.key)
        if len(areas) < 2:
            return False
        if process.config.abr_type != "cisco":
            raise Unproven(f"{process.router.name}: OSPF ABR type {process.config.abr_type} is not computed")
        return BACKBONE in areas

    def _announced(self, key: Key, area: str) -> Iterator[Summary]:
        """The summary LSAs a border router makes for an area (RFC 2328 12.4.3)."""
        process = self.talked.processes[key]
        settings = process.area(area)
        if settings.kind != "normal" and area != BACKBONE and _wants_default(process, settings):
            yield Summary(process.node, DEFAULTS[process.ip_version], _shown_cost(process, settings.default_cost))
        costs = dict(self._offers(process, settings))
        if process.ip_version == 4 or _takes_summaries(settings):
            # ``no-summary`` does not keep ospfd's ranges out, nor does any filter (ospf_abr_announce_aggregates()); where two
            # areas have one, the last to be announced stands.
            costs |= dict(self._condensed(process, area))
        for prefix, cost in sorted(costs.items()):
            if cost < INFINITY:
                yield Summary(process.node, prefix, _shown_cost(process, cost))
        if settings.kind == "normal":
            yield from self._boundary_summaries(key, area)

    def _offers(self, process: Process, into: OspfArea) -> Iterator[tuple[Prefix, int]]:
        """What an area may be told of single prefixes, and at which cost."""
        for prefix, entry in self.tables[process.key].items():
            home = process.area(entry.area)
            if entry.kind == "inter" and (entry.area != BACKBONE or prefix.is_default):
                continue  # what comes from outside the backbone goes no further
            if entry.kind == "intra" and _range(home, prefix) is not None:
                continue
            # ospfd asks the lists out of an area about what lies in it, ospf6d about all that comes from there.
            leaves = (entry.kind == "inter" and process.ip_version == 4) or _lets_out(process, home, prefix)
            if entry.area != into.area and leaves and _lets_in(process, into, prefix):
                yield prefix, entry.reached.cost

    def _condensed(self, process: Process, into: str) -> Iterator[tuple[Prefix, int]]:
        """The active ranges of all other areas, by the areas' numbers. Raises `Unproven` for ospf6d's where two have the same."""
        found: set[Prefix] = set()
        for area in sorted(self.areas(process.key), key=_area_number):
            home = process.area(area)
            for item in home.ranges:
                if item.prefix in found and process.ip_version == 6:
                    raise Unproven(f"{process.router.name}: OSPFv3 has the range {item.prefix} in two areas")
                found.add(item.prefix)
                counted = self.in_range(process, home, item)
                if area != into and item.advertise and counted:
                    cost = self._largest(process, area, counted) if item.cost is None else item.cost
                    yield item.substitute or item.prefix, cost

    def _largest(self, process: Process, area: str, counted: Iterable[tuple[Prefix, Entry]]) -> int:
        """What the dearest prefix of a range costs; with ospf6d the dearest of all ways it keeps, one for each router that tells
        of a prefix: the far end of a link too (ospf6_abr_range_compute_cost(); seen on FRR 8.4.4).
        """
        if process.ip_version == 4:
            return max(entry.reached.cost for _prefix, entry in counted)
        return max(cost for prefix, _entry in counted for cost in self._told_inside((process.key, area), prefix))

    def _told_inside(self, at: At, prefix: Prefix) -> Iterator[int]:
        """What a prefix of an area costs by each router that tells of it."""
        nodes = self.nodes[at]
        return (nodes[node].cost + cost for node, cost in self.charts[at].stubs[prefix] if node in nodes)

    def in_range(self, process: Process, home: OspfArea, covering: AreaRange) -> list[tuple[Prefix, Entry]]:
        """Intra-area prefixes of the area that a range stands for; it is active while there are any. For ospfd those do that
        some other area would be told (ospf_abr_announce_network() counts them); for ospf6d all (seen on FRR 8.4.4).
        """
        return [
            (prefix, entry)
            for prefix, entry in self.tables[process.key].items()
            if entry.kind == "intra" and entry.area == home.area and _range(home, prefix) is covering
            if process.ip_version == 6 or self._told_of(process, home, prefix)
        ]

    def _told_of(self, process: Process, home: OspfArea, prefix: Prefix) -> bool:
        others = (process.area(area) for area in self.areas(process.key) if area != home.area)
        return _lets_out(process, home, prefix) and any(_lets_in(process, area, prefix) for area in others)

    def _boundary_summaries(self, key: Key, area: str) -> Iterator[Summary]:
        """Type 4 LSAs: the way to AS boundary routers of other areas (RFC 2328 12.4.3)."""
        process = self.talked.processes[key]
        for boundary in sorted(self.boundaries):
            node = self.talked.processes[boundary].node
            if boundary[1] != key[1] or node == process.node or node in self.nodes[key, area]:
                continue
            paths = [(rank, reached.cost) for rank, reached in self.boundary_paths(key, node)]
            beside = any(node in self.nodes[key, other] for other in self.areas(key))
            if paths and (beside or area != BACKBONE):
                yield Summary(process.node, node, min(paths)[1])

    def boundary_paths(self, key: Key, node: Node) -> list[tuple[int, Reached]]:
        """Ways to a boundary router, each with its rank: lower is preferred (RFC 2328 16.4.1). Of equal ones inside areas that
        of the largest area is taken (16.4 (3)); by ospf6d, which does not prefer areas other than the backbone, that
        of the lowest (seen on FRR 8.4.4, ospf6_route_cmp()).
        """
        process = self.talked.processes[key]
        across = [(1, reached) for _area, reached in self._by_summary(key, node)]
        inside = [area for area in self.areas(key) if self._shown(process, area, node)]
        if process.ip_version == 6:
            first = min(((self.nodes[key, area][node].cost, area) for area in inside), default=None)
            return [(1, self.nodes[key, first[1]][node]), *across] if first else across
        if not inside:
            return across
        preferred = [area for area in inside if area != BACKBONE and not process.config.rfc1583]
        best = min(self.nodes[key, area][node].cost for area in preferred or inside)
        area = max((a for a in preferred or inside if self.nodes[key, a][node].cost == best), key=_area_number)
        normal = process.area(area).kind == "normal"
        return [(0 if preferred else 1, self.nodes[key, area][node])] if normal else []

    def _shown(self, process: Process, area: str, node: Node) -> bool:
        """Whether an area has a routing table entry for the boundary router: one that type 5 LSAs are flooded through (RFC
        3101 2.5 (3)); FRR's ospfd chooses among all, and in a stub area a router shows up if it is a border router.
        """
        if node not in self.nodes[process.key, area]:
            return False
        kind = process.area(area).kind
        if kind == "normal" or process.ip_version == 6 or process.row.ospf_boundary_by_area_kind:
            return kind == "normal"
        shown = (other for other in self.borders if self.talked.processes[other].node == node)
        return kind == "nssa" or any(other[1] == process.key[1] for other in shown)

    # ---------------------------------------------------------------------------------------- inter-area

    def _learn(self, key: Key) -> None:
        """Inter-area routes from the summaries heard: a border router looks at the backbone's alone (RFC 2328 16.2)."""
        process, table = self.talked.processes[key], self.tables.get(key, {})
        targets = {
            target
            for area in self._examined(key)
            for target in self.summaries.get((key, area), ())
            if isinstance(target, Prefix)
        }
        for target in targets:
            if target in table and table[target].kind == "intra":
                continue
            if process.ip_version == 4 and key in self.borders and self._in_own_range(process, target):
                continue
            table.pop(target, None)
            for area, reached in self._by_summary(key, target):
                if process.ip_version == 6 and any(item.prefix == target for item in process.area(area).ranges):
                    continue  # ospf6d goes by the ranges of the very area, active or not (seen on FRR 8.4.4)
                self._keep(table, target, Entry("inter", area, reached))

    def _examined(self, key: Key) -> tuple[str, ...]:
        """A border router without a neighbour in the backbone looks everywhere (RFC 3509 2.2, seen on FRR 8.4.4)."""
        areas, own = self.areas(key), self.talked.processes[key].node
        connected = BACKBONE in areas and any(node != own for node in self.nodes[key, BACKBONE])
        return (BACKBONE,) if key in self.borders and connected else areas

    def _by_summary(self, key: Key, target: Prefix | Node) -> Iterator[tuple[str, Reached]]:
        own = self.talked.processes[key].node
        for area in self._examined(key):
            for summary in self.summaries.get((key, area), {}).get(target, ()):
                border = self.nodes[key, area].get(summary.origin)
                if border is not None and summary.origin != own:
                    yield area, Reached(border.cost + summary.cost, border.hops)

    def _in_own_range(self, process: Process, prefix: Prefix) -> bool:
        """A range of one's own that is active is not learned from others (RFC 2328 16.2 (3)); by ospfd neither is anything
        within it (seen on FRR 8.4.4, ospf_ia.c process_summary_lsa()).
        """
        return any(
            item.prefix.covers(prefix) and self.in_range(process, process.area(area), item)
            for area in self.areas(process.key)
            for item in process.area(area).ranges
        )

    def discards(self, key: Key) -> Iterator[Prefix]:
        """Active ranges that are advertised: what nothing more specific takes goes nowhere (RFC 2328 12.4.3, end)."""
        process = self.talked.processes[key]
        if key in self.borders:
            for area in self.areas(key):
                for item in process.area(area).ranges:
                    if item.advertise and self.in_range(process, process.area(area), item):
                        yield item.prefix


def _hears_default_alone(settings: OspfArea) -> bool:
    """An area border routers tell a default, and nothing else tells of (ospf6_abr_defaults_to_stub())."""
    return settings.kind == "stub" or (settings.kind == "nssa" and not settings.summary)


def _area_number(area: str) -> tuple[int, ...]:
    return tuple(map(int, area.split(".")))


def _by_target(heard: Iterable[Summary]) -> dict[Prefix | Node, tuple[Summary, ...]]:
    found: dict[Prefix | Node, list[Summary]] = defaultdict(list)
    for summary in heard:
        found[summary.target].append(summary)
    return {target: tuple(summaries) for target, summaries in found.items()}


def _wants_default(process: Process, settings: OspfArea) -> bool:
    """Stub areas get a default in place of externals; an NSSA where the vendor sends one (FRR's ospfd, not its ospf6d) or
    summaries are kept out; of ospf6d's, not where a type 7 default is asked for in its place (seen on FRR 8.4.4).
    """
    if process.ip_version == 6 and settings.kind == "nssa" and settings.nssa_default is not None:
        return False
    unasked = process.row.ospf_nssa_default and process.ip_version == 4
    return settings.kind == "stub" or unasked or not settings.summary


def _shown_cost(process: Process, cost: int) -> int:
    """A stub router's ospfd tells summaries at OSPF_STUB_MAX_METRIC_SUMMARY_COST (seen on FRR 8.4.4)."""
    return STUB_SUMMARY if process.maximises and process.ip_version == 4 else cost


def _range(home: OspfArea, prefix: Prefix) -> AreaRange | None:
    """The most specific range that covers a prefix."""
    covering = [item for item in home.ranges if item.prefix.covers(prefix)]
    return max(covering, key=lambda item: item.prefix.length, default=None)


def _takes_summaries(settings: OspfArea) -> bool:
    return settings.kind == "normal" or settings.summary


def _lets_out(process: Process, home: OspfArea, prefix: Prefix) -> bool:
    """``export-list`` and ``filter-list ... out`` of the area a prefix comes from."""
    return _access(process, home.export_list, prefix) and _prefix_list(process, home.filter_out, prefix)


def _lets_in(process: Process, settings: OspfArea, prefix: Prefix) -> bool:
    """``import-list`` and ``filter-list ... in`` of the area it goes into; nothing is told one without summaries."""
    return (
        _takes_summaries(settings)
        and _access(process, settings.import_list, prefix)
        and _prefix_list(process, settings.filter_in, prefix)
    )


def _access(process: Process, name: str | None, prefix: Prefix) -> bool:
    """An area's list that does not exist filters nothing (FRR ospf_abr.c)."""
    if name is None or (prefix.version, name) not in process.router.policies.access_lists:
        return True
    return policy.access_list_permits(process.router, name, prefix)


def _prefix_list(process: Process, name: str | None, prefix: Prefix) -> bool:
    if name is None or (prefix.version, name) not in process.router.policies.prefix_lists:
        return True
    return policy.prefix_list_permits(process.router, name, prefix)


def refuse_virtual_links(talked: Talk) -> None:
    """Raises `Unproven` for what is not modelled."""
    for process in talked.processes.values():
        for area in process.config.areas.values():
            if area.virtual_links:
                raise Unproven(f"{process.router.name}: OSPF virtual link over area {area.area}")
