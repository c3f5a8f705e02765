"""IS-IS, second half: shortest paths over each router's own database, and the routes they give (ISO 10589 7.2.6, C.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network
from backstay.model.state import Adjacency, NextHop, Route
from backstay.model.vendor import SEMANTICS
from backstay.referee.isis_lsp import (
    STANDARD,
    WIDE,
    External,
    Hellos,
    Hop,
    IpReach,
    Key,
    Lsp,
    Node,
    Speaker,
    circuit_metric,
    describe,
    flood,
    greet,
)
from backstay.referee.isis_spf import Paths, Walks, shortest_paths
from backstay.referee.seams import Wiring

NARROW_PATH_LIMIT = 1023
"""MaxPathMetric of ISO 10589 C.2.6 b: a longer path with narrow metrics is none."""

DEFAULTS = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}


class View(NamedTuple):
    """What of a database a computation looks at: one topology, the metric styles the router reads, one IP version."""

    topology: int
    styles: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A node offers a prefix at a metric."""

    node: Node
    metric: int
    external: bool


@dataclass(eq=False)
class Map:
    """One database under one view: where it can be walked (a node that does not speak the IP version is not, RFC 1195
    1.4), and who offers which prefix. Routers with equal databases share it, and versions that all speak share the walks.
    """

    lsps: tuple[Lsp, ...]
    view: View
    twin: Map | None = None
    walks: Walks = field(init=False)

    def __post_init__(self) -> None:
        walked = tuple(lsp for lsp in self.lsps if self._speaks(lsp))
        same = self.twin is not None and self.twin.walks.lsps == walked
        alike = self.twin is not None and (self.twin.view.topology, self.twin.view.styles) == self.view[:2]
        self.walks = self.twin.walks if self.twin and same and alike else Walks(walked, *self.view[:2])

    def _speaks(self, lsp: Lsp) -> bool:
        if lsp.node[1]:
            return True
        if self.view.topology != STANDARD:
            return self.view.topology in lsp.topologies
        return self.view.version in lsp.versions

    @cached_property
    def offers(self) -> Mapping[Prefix, tuple[Offer, ...]]:
        """Who offers each prefix of the view's version; several offers of one node too."""
        found: dict[Prefix, list[Offer]] = defaultdict(list)
        for lsp in self.lsps:
            if self._speaks(lsp):
                for reach in lsp.prefixes:
                    if self._reads(reach):
                        found[reach.prefix].append(Offer(lsp.node, reach.metric, reach.external))
        return {prefix: tuple(offers) for prefix, offers in found.items()}

    def _reads(self, reach: IpReach) -> bool:
        same = reach.prefix.version == self.view.version and reach.topology == self.view.topology
        return same and reach.style in self.view.styles

    @cached_property
    def making_default(self) -> frozenset[Node]:
        """Nodes that tell of a default route themselves, in whatever metrics."""
        default = DEFAULTS[self.view.version]
        return frozenset(lsp.node for lsp in self.lsps for reach in lsp.prefixes if reach.prefix == default)

    @cached_property
    def attached(self) -> tuple[Node, ...]:
        """Level 1 nodes that know a way out of the area (ISO 10589 7.2.9.2)."""
        return tuple(lsp.node for lsp in self.lsps if lsp.attached and self._speaks(lsp))


def _carrying(hops: tuple[Hop, ...], view: View) -> tuple[Hop, ...]:
    """The adjacencies that carry the topology and the IP version.

    Raises `Unproven` where of several to one neighbour only some carry the version: which metric FRR takes for which of
    them depends on the order they came up in (isis_spf.c adj_find; seen on FRR 8.4.4).
    """
    near = [hop for hop in hops if view.topology in hop.topologies]
    found = tuple(hop for hop in near if view.version in hop.versions)
    mute = {hop.remote.speaker.node for hop in near if hop not in found}
    for hop in found:
        if hop.remote.speaker.node in mute:
            ends = f"{hop.local.ref.router} and {hop.remote.ref.router}"
            raise Unproven(f"IS-IS: of several adjacencies of {ends} only some carry IPv{view.version}")
    return found


def _same_cost(hops: tuple[Hop, ...], level: int) -> None:
    """Raises `Unproven` where adjacencies to one neighbour cost differently: FRR deals its metrics out to them in the order
    they came up in (isis_spf.c adj_find; seen on FRR 8.4.4: after a link was down, the other one carries the packets).
    """
    costs: dict[Node, int] = {}
    for hop in hops:
        cost = circuit_metric(hop.local, level)
        if costs.setdefault(hop.remote.speaker.node, cost) != cost:
            ends = f"{hop.local.ref.router} to {hop.remote.ref.router}"
            raise Unproven(f"IS-IS: links of unequal metric from {ends}: FRR may use any of them; give them one metric")


@dataclass(eq=False)
class Isis:
    """All of IS-IS in one network: ask it for the prefixes and the routes of a process."""

    hellos: Hellos
    lsps: tuple[tuple[Key, Lsp], ...]
    databases: Mapping[tuple[Key, int], frozenset[int]]
    _maps: dict[tuple[frozenset[int], View], Map] = field(default_factory=dict)
    _paths: dict[tuple[Key, int, int], Paths] = field(default_factory=dict)
    _of: dict[tuple[Key, int, int], Map] = field(default_factory=dict)
    _walked: dict[object, Paths] = field(default_factory=dict)
    _chosen: dict[tuple[Key, Prefix], Route | None] = field(default_factory=dict)
    _routes: dict[object, Route] = field(default_factory=dict)
    _ways: dict[tuple[tuple[Hop, ...], int], tuple[NextHop, ...]] = field(default_factory=dict)

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return self.hellos.adjacencies

    def processes(self, router: str, vrf: str) -> list[Key]:
        """The processes of a VRF, in the order of their tags."""
        return self._processes.get((router, vrf), [])

    @cached_property
    def _processes(self) -> dict[tuple[str, str], list[Key]]:
        found: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key, speaker in sorted(self.hellos.speakers.items()):
            found[key[0], speaker.process.vrf].append(key)
        return found

    def prefixes(self, key: Key) -> set[Prefix]:
        """Every prefix somebody offers in the databases of the process, and the defaults."""
        found = set(DEFAULTS.values())
        for level in self.hellos.speakers[key].process.levels:
            for version in (4, 6):
                found.update(self._map(key, level, version).offers)
        return found

    def every_prefix(self) -> set[Prefix]:
        """Those of all processes."""
        charts = {
            id(chart): chart
            for key, speaker in self.hellos.speakers.items()
            for level in speaker.levels
            for chart in (self._map(key, level, 4), self._map(key, level, 6))
        }
        return set().union(DEFAULTS.values() if charts else (), *(chart.offers for chart in charts.values()))

    def route(self, key: Key, prefix: Prefix) -> Route | None:
        """The process's own best route: level 1 before level 2 whatever the metrics (RFC 1195 3.10.2, RFC 5302 3.2)."""
        at = (key, prefix)
        if at in self._chosen:
            return self._chosen[at]
        found = None
        for level in self.hellos.speakers[key].levels:
            found = found or self._level_route(key, level, prefix)
        self._chosen[at] = found
        return found

    def _map(self, key: Key, level: int, version: int) -> Map:
        at = (key, level, version)
        found = self._of.get(at)
        if found is None:
            speaker = self.hellos.speakers[key]
            topology = speaker.ipv6_topology if version == 6 else STANDARD
            place = (self.databases[key, level], View(topology, speaker.styles, version))
            if place not in self._maps:
                lsps = tuple(self.lsps[number][1] for number in sorted(place[0]))
                twin = self._maps.get((place[0], View(topology, speaker.styles, 10 - version)))
                self._maps[place] = Map(lsps, place[1], twin)
            found = self._of[at] = self._maps[place]
        return found

    def paths(self, key: Key, level: int, version: int) -> Paths:
        """The shortest paths of a process at a level, computed once; once for both versions where all is the same."""
        at = (key, level, version)
        found = self._paths.get(at)
        if found is None:
            chart = self._map(key, level, version)
            hops = _carrying(self.hellos.hops.get((key, level), ()), chart.view)
            _same_cost(hops, level)
            same = (id(chart.walks), key, level, hops)
            if same not in self._walked:
                root = self.hellos.speakers[key].node
                self._walked[same] = shortest_paths(chart.walks, self.hellos, root, level, hops)
            found = self._paths[at] = self._walked[same]
        return found

    def is_even(self) -> bool:
        """Whether everybody has one and the same map, of one level, for every IP version, with nothing brought in."""
        speakers = self.hellos.speakers
        spoken = frozenset(version for _key, lsp in self.lsps for version in lsp.versions)
        return (
            len(set(self.databases.values())) == 1
            and all(len(speaker.process.levels) == 1 for speaker in speakers.values())
            and len({id(self.chart(key, version).walks) for key in speakers for version in spoken}) == 1
            and all(speaker.versions == spoken for speaker in speakers.values())
            and all(spoken <= hop.versions for hops in self.hellos.hops.values() for hop in hops)
            and not any(reach.external for _key, lsp in self.lsps for reach in lsp.prefixes)
        )

    def prove(self) -> None:
        """Compute every path now, so that what cannot be computed is said now. Raises `Unproven`."""
        for key, speaker in self.hellos.speakers.items():
            for level in speaker.process.levels:
                for version in sorted(speaker.versions):
                    self.paths(key, level, version)

    def way(self, key: Key, prefix: Prefix) -> tuple[int, tuple[Hop, ...]] | None:
        """Metric and first steps of `route`, None without one."""
        for level in self.hellos.speakers[key].levels:
            found = self._way(key, level, prefix)
            if found is not None:
                return found
        return None

    def _level_route(self, key: Key, level: int, prefix: Prefix) -> Route | None:
        way = self._way(key, level, prefix)
        return None if way is None else self._made(level, *way, prefix.version)

    def _way(self, key: Key, level: int, prefix: Prefix) -> tuple[int, tuple[Hop, ...]] | None:
        """Metric and first steps of a route."""
        speaker, version = self.hellos.speakers[key], prefix.version
        if version not in speaker.versions:
            return None
        chart = self._map(key, level, version)
        # FRR isis_spf.c: IPv6 reachability is read by those who read wide metrics, the attached bit by everybody.
        offers = self._offers(chart, prefix) if version == 4 or WIDE in speaker.styles else ()
        if prefix.is_default and self._wants_default(speaker, level) and speaker.node not in chart.making_default:
            offers += tuple(Offer(node, 0, external=False) for node in chart.attached)
        metric, hops = self._nearest(key, level, version, offers)
        # Without an adjacency that carries the IP version nothing leads there, whatever the LSPs say.
        return (metric, hops) if hops and 0 <= metric <= path_limit(speaker) else None

    def _nearest(self, key: Key, level: int, version: int, offers: tuple[Offer, ...]) -> tuple[int, tuple[Hop, ...]]:
        """The lowest metric and the first steps towards all that offer it; -1 where there is no way, or no need of one."""
        own = self.hellos.speakers[key].node
        if len(offers) == 1 and offers[0].node != own:
            reached = self.reached(key, level, version, offers[0].node)
            return (-1, ()) if reached is None else (reached[0] + offers[0].metric, reached[1])
        ends: dict[Node, tuple[int, tuple[Hop, ...]]] = {}
        for offer in offers:
            if offer.node == own:
                if not offer.external or _hides(self.hellos.speakers[key], version):
                    return -1, ()  # C.2.5 puts it on PATHS at distance 0
                continue
            reached = self.reached(key, level, version, offer.node)
            if reached is not None and (offer.node not in ends or reached[0] + offer.metric < ends[offer.node][0]):
                ends[offer.node] = (reached[0] + offer.metric, reached[1])
        if len(ends) == 1:
            return next(iter(ends.values()))
        metric = min((total for total, _hops in ends.values()), default=-1)
        nearest = [hops for total, hops in ends.values() if total == metric]
        return metric, nearest[0] if len(nearest) == 1 else tuple(
            dict.fromkeys(hop for each in nearest for hop in each)
        )

    def reached(self, key: Key, level: int, version: int, node: Node) -> tuple[int, tuple[Hop, ...]] | None:
        """How far a node is, and the adjacencies that lead there."""
        paths = self.paths(key, level, version)
        distance = paths.distance.get(node)
        return None if distance is None else (int(distance), paths.hops[node])

    def chart(self, key: Key, version: int) -> Map:
        """The map a process of one level goes by."""
        (level,) = self.hellos.speakers[key].process.levels
        return self._map(key, level, version)

    def _offers(self, chart: Map, prefix: Prefix) -> tuple[Offer, ...]:
        return chart.offers.get(prefix, ())

    def _wants_default(self, speaker: Speaker, level: int) -> bool:
        """A level 1 router without a way of its own goes to the nearest attached one (ISO 10589 7.2.9.2)."""
        away = bool(self.hellos.hops.get((speaker.key, 2)))
        return level == 1 and speaker.process.attached_receive and not away

    def _made(self, level: int, metric: int, hops: tuple[Hop, ...], version: int) -> Route:
        wanted = (level, metric, hops, version)
        found = self._routes.get(wanted)
        if found is None:
            ways = self.next_hops(hops, version)
            distance = SEMANTICS[hops[0].local.speaker.router.vendor].distances["isis"]
            found = self._routes[wanted] = Route(
                protocol="isis",
                distance=distance,
                metric=metric,
                next_hops=ways,
                forwarding=ways,
                kind=f"level-{level}",
            )
        return found

    def next_hops(self, hops: tuple[Hop, ...], version: int) -> tuple[NextHop, ...]:
        """Sorted; the same object for the same hops."""
        at = (hops, version)
        if at not in self._ways:
            row = SEMANTICS[hops[0].local.speaker.router.vendor]
            if len(hops) > row.isis_maximum_paths:
                most = row.isis_maximum_paths
                raise Unproven(f"IS-IS: {len(hops)} equal paths, of which {most} are used: which is not told")
            self._ways[at] = tuple(sorted((_next_hop(hop, version) for hop in hops), key=lambda hop: hop.key))
        return self._ways[at]


def _hides(speaker: Speaker, version: int) -> bool:
    """Whether what a router brings in itself keeps it from taking the prefix from others: not in TLV 135, which FRR looks for
    under another kind than the one it has put its own under (isis_spf.c isis_spf_preload_tent; seen on FRR 8.4.4).
    """
    return version == 6 or WIDE not in speaker.styles


def path_limit(speaker: Speaker) -> int:
    """A longer path is none."""
    return SEMANTICS[speaker.router.vendor].isis_path_metric_limit if WIDE in speaker.styles else NARROW_PATH_LIMIT


def _next_hop(hop: Hop, version: int) -> NextHop:
    """The neighbour's interface address from its hellos (TLV 132): the one in our subnet, else its first; for
    IPv6 its link-local one (RFC 5308 3), which configurations do not tell.
    """
    neighbor: InterfaceRef = hop.remote.ref
    if version == 6:
        return NextHop(None, hop.local.ref.interface, neighbor=neighbor)
    subnets = [address.prefix for address in hop.local.interface.addresses]
    offered = [address.address for address in hop.remote.interface.addresses if address.address.version == 4]
    near = [address for address in offered if any(prefix.holds(address) for prefix in subnets)]
    return NextHop((near or offered)[0], hop.local.ref.interface, neighbor=neighbor)


def run(network: Network, wiring: Wiring, externals: Mapping[Key, tuple[External, ...]]) -> Isis:
    """Hellos, LSPs, flooding; paths wait until they are asked for."""
    hellos = greet(network, wiring)
    lsps = describe(hellos, externals)
    return Isis(hellos=hellos, lsps=lsps, databases=flood(hellos, lsps))
