"""IS-IS: levels 1 and 2, IPv4 and IPv6, single and multi topology (ISO 10589, RFC 1195, 5120, 5302, 5305, 5308).

A level of an address family is one graph with one block of prefixes on it. LANs are meshes: a path over the pseudonode
costs what the sender's circuit costs, as the pseudonode adds nothing (ISO 10589 7.2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import IsisProcess
from backstay.model.source import Remark
from backstay.model.state import Adjacency, NextHop
from backstay.model.vendor import SEMANTICS
from backstay.simulate.isis_circuits import Circuit, Circuits, adjacent, floods_between, hop_maker, secret
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.layers import Announcement, Block, Instance, Layer, distances
from backstay.simulate.redistribution import Imported
from backstay.simulate.seams import Topology
from backstay.simulate.spf import UNREACHED, Edge, NodeKey, Paths
from backstay.simulate.topology import usable_addresses

MULTI_TOPOLOGY = "ipv6-unicast"
NARROW_PATH_LIMIT = 1023
DEFAULT = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}

Announced = dict[Prefix, list[Announcement]]


@dataclass(frozen=True, slots=True)
class Graph:
    """One level's shortest paths of one IP version in one topology; ``multi`` is RFC 5120's IPv6 topology.

    ``apart``: those of nodes that have adjacencies of their own which do not carry the version. Others count on these, they
    themselves go another way (FRR isis_spf.c adj_find).
    """

    level: int
    multi: bool
    version: int
    paths: Paths
    apart: Mapping[NodeKey, Paths]

    def views(self, members: frozenset[NodeKey]) -> Iterator[tuple[Paths, frozenset[NodeKey]]]:
        """The paths, and which of the members go by them."""
        yield self.paths, members - self.apart.keys()
        for key, paths in sorted(self.apart.items(), key=lambda item: item[0]):
            yield paths, members & {key}


class Isis:
    """IS-IS of a whole network under one topology; `routes` hangs redistributed prefixes on it."""

    def __init__(self, network: Network, topology: Topology) -> None:
        self.network = network
        self.circuits = Circuits(network, topology)
        self._keys = tuple(self.circuits.nodes)
        self._hops = {version: hop_maker(self.circuits, version) for version in (4, 6)}
        self._adjacent = {
            level: tuple(pair for pair in self.circuits.pairs if adjacent(*pair, level)) for level in (1, 2)
        }
        self._known: dict[tuple[tuple[NodeKey, ...], tuple[Edge, ...], frozenset[int], int], Paths] = {}
        self._spoken = {key: self.circuits.versions(key) for key in self._keys}
        kinds = ((4, False), (6, False), (6, True))
        self._graphs = tuple(self._graph(level, version, multi=multi) for version, multi in kinds for level in (1, 2))

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return frozenset(
            Adjacency("isis", str(level), one.ref, other.ref)
            for level, pairs in self._adjacent.items()
            for one, other in pairs
        )

    @property
    def unknowns(self) -> tuple[Remark, ...]:
        """What cannot be computed surely: a circuit of metric 0 makes equal-cost first hops depend on order, routers of
        unequal metric style half understand each other, and one without a password takes LSPs that are signed (seen on
        FRR 8.4.4), so that it knows ways to those who do not know it.
        """
        found: set[Remark] = set()
        for level, pairs in self._adjacent.items():
            for one, other in pairs:
                if one.metric(level, SEMANTICS[one.router.vendor]) == 0:
                    found.add(_remark("isis-metric-zero", one, "metric 0 on a link: equal-cost paths are undefined"))
                if secret(one, level) is None and secret(other, level) is not None:
                    text = f"{other.ref} signs its LSPs of level {level} and takes no others, here any are taken"
                    found.add(_remark("isis-half-password", one, text))
                if {one.process.metric_style, other.process.metric_style} == {"narrow", "wide"}:
                    text = f"metric style {one.process.metric_style} beside {other.process.metric_style} of {other.ref}"
                    found.add(_remark("isis-metric-style", one, text))
        return (*self._doubles(), *self._unequal(), *self._mixed_lans(), *self._strangers(), *sorted(found, key=str))

    def _mixed_lans(self) -> Iterator[Remark]:
        """LANs of which some neighbours are in a topology and others are not: the pseudonode names them all, so that routers
        elsewhere count on ways that those on the LAN do not go. Likewise where some are of another password: whether the
        others read of the pseudonode hangs on who is designated, which MAC addresses decide.
        """
        for level, pairs in self._adjacent.items():
            seen: dict[tuple[InterfaceRef, bool], set[bool]] = {}
            for one, other in pairs:
                if one.settings.point_to_point:
                    continue
                floods = floods_between(one, other, level)
                for multi in (False, True):
                    if not multi or (self._multi(one.node) and self._multi(other.node)):
                        found = seen.setdefault((one.ref, multi), set())
                        found.add(_in_topology(one, other, multi=multi) and floods)
                        if len(found) == 2:
                            text = f"neighbours on the LAN differ in topologies or passwords of level {level}"
                            yield _remark("isis-mixed-lan", one, text)

    def _strangers(self) -> Iterator[Remark]:
        """Narrow and wide routers with others between them that speak both: each sees a part of the level."""
        for level, pairs in self._adjacent.items():
            styles = {one.process.metric_style: one for one, _ in pairs}
            if styles.keys() >= {"narrow", "wide", "transition"}:
                text = f"metric styles narrow and wide in one level {level}, with transition between them"
                yield _remark("isis-metric-style", styles["narrow"], text)

    def _unequal(self) -> Iterator[Remark]:
        """Links of unequal metric to one neighbour: FRR takes the adjacencies in the order they came up in, the metrics in the
        order of its interfaces, so that after one of them was down another carries the packets (isis_spf.c adj_find; seen
        on FRR 8.4.4).
        """
        for level, pairs in self._adjacent.items():
            links: dict[tuple[NodeKey, NodeKey], dict[int, Circuit]] = {}
            for one, other in pairs:
                metric = one.metric(level, SEMANTICS[one.router.vendor])
                links.setdefault((one.node, other.node), {}).setdefault(metric, one)
            for (_, other_node), by_metric in sorted(links.items(), key=lambda item: item[0]):
                if len(by_metric) > 1:
                    text = f"links to {other_node[0]} of unequal metric: FRR may use any of them; give them one metric"
                    yield _remark("isis-parallel-metrics", by_metric[min(by_metric)], text)

    def _doubles(self) -> Iterator[Remark]:
        """System ids that two routers of one flooding domain share: each purges and renumbers the other's LSPs without
        end (ISO 10589 7.3.16.1), so that nobody's routes can be told. Level 2 is one domain, level 1 one an area.
        """
        holders: dict[tuple[str, str, str | None], list[NodeKey]] = {}
        for key, process in self.circuits.nodes.items():
            areas = process.areas if 1 in process.levels else ()
            for domain in (*(["level 2"] if 2 in process.levels else []), *(f"area {area}" for area in areas)):
                holders.setdefault((process.vrf, domain, process.system_id), []).append(key)
        for (_, domain, system_id), keys in sorted(holders.items(), key=str):
            names = sorted({name for name, _ in keys})
            if len(names) > 1:
                text = f"system id {system_id} is on {', '.join(names)}, in one flooding domain ({domain})"
                yield Remark("isis-system-id-twice", text, names[-1], self.circuits.nodes[keys[-1]].place)

    def routes(self, imported: Mapping[NodeKey, Iterable[Imported]]) -> LayeredRoutes:
        """All routes, given what each process redistributes or originates."""
        layers: list[Layer] = []
        upward: dict[NodeKey, list[Imported]] = {key: list(items) for key, items in imported.items()}
        for graph in self._graphs:
            if graph.paths.keys:
                found = list(self._layers(graph, graph.version, upward))
                self._add_level1(found[:1] if graph.level == 1 else [], upward)
                layers.extend(found)
        return LayeredRoutes("isis", layers, self._instances(), self.adjacencies)

    # ------------------------------------------------------------------------------------- graphs

    def _graph(self, level: int, version: int, *, multi: bool) -> Graph:
        keys = [
            key for key in self._keys if level in self.circuits.nodes[key].levels and (not multi or self._multi(key))
        ]
        index = {key: number for number, key in enumerate(keys)}
        edges = [
            edge
            for one, other in self._adjacent[level]
            if self._joins(one, other, version, index, multi=multi)
            for edge in self._edge(one, other, level, index)
        ]
        # ``set-overload-bit`` sets the bit of the LSP's header, which is that of the standard topology (RFC 5120 3.2).
        full = () if multi else (key for key in keys if _overloaded(self.circuits.nodes[key]))
        closed = frozenset(index[key] for key in full)
        limit = self._limit(keys)
        mute = {edge for edge in edges if (edge.local, edge.remote) not in self._hops[version]}
        apart = {
            keys[source]: Paths(
                keys, [edge for edge in edges if edge.source != source or edge not in mute], closed, limit
            )
            for source in {edge.source for edge in mute}
        }
        return Graph(level, multi, version, self._paths_over(keys, edges, closed, limit), apart)

    def _paths_over(self, keys: Sequence[NodeKey], edges: Sequence[Edge], closed: frozenset[int], limit: int) -> Paths:
        """The same object for the same graph: most networks have one for both IP versions."""
        graph = (tuple(keys), tuple(edges), closed, limit)
        if graph not in self._known:
            self._known[graph] = Paths(keys, edges, closed, limit)
        return self._known[graph]

    def _joins(self, one: Circuit, other: Circuit, version: int, index: Mapping[NodeKey, int], *, multi: bool) -> bool:
        """Whether one names the other as its neighbour in the topology, and neither is passed over for not speaking the
        version (RFC 1195 1.4; FRR isis_spf.c isis_spf_process_lsp: not in a topology of the version's own).
        """
        if one.node not in index or other.node not in index or not _in_topology(one, other, multi=multi):
            return False
        return multi or (version in self._spoken[one.node] and version in self._spoken[other.node])

    def _edge(self, one: Circuit, other: Circuit, level: int, index: Mapping[NodeKey, int]) -> Iterable[Edge]:
        semantics = SEMANTICS[one.router.vendor]
        metric = one.metric(level, semantics)
        excluded = semantics.isis_link_metric_limit is not None and metric >= semantics.isis_link_metric_limit
        if not excluded and floods_between(one, other, level) and _understood(one.process, other.process):
            yield Edge(index[one.node], index[other.node], metric, one.ref, other.ref)

    def _limit(self, keys: Iterable[NodeKey]) -> int:
        """The lowest path limit of the routers taking part; a level all narrow stops at 1023 (ISO 10589 7.2.6)."""
        if all(self.circuits.nodes[key].metric_style == "narrow" for key in keys):
            return NARROW_PATH_LIMIT
        limits = (SEMANTICS[self.network.routers[router].vendor].isis_path_metric_limit for router, _ in keys)
        return min(limits, default=UNREACHED - 1)

    def _multi(self, key: NodeKey) -> bool:
        return MULTI_TOPOLOGY in self.circuits.nodes[key].topologies

    # ------------------------------------------------------------------------------------- prefixes

    def _layers(self, graph: Graph, version: int, imported: Mapping[NodeKey, Iterable[Imported]]) -> Iterable[Layer]:
        members = frozenset(key for key in graph.paths.keys if self._looks(key, graph, version))
        if not members:
            return
        hop = self._hop(version)
        announced = self._own(graph, version, members)
        self._add_imported(announced, graph, version, members, imported)
        block = Block(announced)
        deaf = {key: self._hidden(key, graph.level, version, imported) for key in members if imported.get(key)}
        for paths, seeing in graph.views(members):
            readers = frozenset(key for key in seeing if self._reads(key, version))
            if readers:
                yield Layer(f"level-{graph.level}", graph.level, paths, block, hop, members=readers, deaf=deaf)
            if graph.level == 1:
                making = {key for key in seeing if self._makes_default(key, version, imported)}
                yield from self._attached(paths, version, members, seeing - making, hop)

    def _hidden(
        self, key: NodeKey, level: int, version: int, imported: Mapping[NodeKey, Iterable[Imported]]
    ) -> frozenset[Prefix]:
        """What a node brings in itself and therefore takes from nobody: not in the wide TLVs of IPv4, where FRR looks for it
        under another kind than its own (isis_spf.c isis_spf_preload_tent; seen on FRR 8.4.4).
        """
        if version == 4 and self.circuits.nodes[key].metric_style != "narrow":
            return frozenset()
        return frozenset(item.prefix for item in imported[key] if _belongs(item, level, version))

    def _makes_default(self, key: NodeKey, version: int, imported: Mapping[NodeKey, Iterable[Imported]]) -> bool:
        return any(_belongs(item, 1, version) and item.prefix.is_default for item in imported.get(key, ()))

    def _looks(self, key: NodeKey, graph: Graph, version: int) -> bool:
        """Whether a node uses this graph for the version: one it speaks, IPv6 in its own topology where it runs one."""
        return version in self._spoken[key] and (version == 4 or self._multi(key) == graph.multi)

    def _reads(self, key: NodeKey, version: int) -> bool:
        """Whether a node takes the version's prefixes: those of IPv6 not where it speaks narrow metrics alone (FRR
        isis_spf.c: "skip all the rest if we're using metric style narrow"; the attached bit it looks at all the same).
        """
        return version == 4 or self.circuits.nodes[key].metric_style != "narrow"

    def _own(self, graph: Graph, version: int, members: frozenset[NodeKey]) -> Announced:
        announced: Announced = {}
        for circuit in self.circuits.by_ref.values():
            semantics = SEMANTICS[circuit.router.vendor]
            level = graph.level in circuit.levels or not semantics.isis_prefixes_follow_circuit_level
            enabled = version in circuit.settings.versions and level
            if circuit.node not in members or not enabled:
                continue
            metric = circuit.metric(graph.level, semantics)
            for item in usable_addresses(circuit.interface, version):
                announced.setdefault(item.prefix, []).append(Announcement(graph.paths.index[circuit.node], metric))
        return announced

    def _add_imported(
        self,
        announced: Announced,
        graph: Graph,
        version: int,
        members: frozenset[NodeKey],
        imported: Mapping[NodeKey, Iterable[Imported]],
    ) -> None:
        for key in sorted(members):
            narrow = version == 4 and self.circuits.nodes[key].metric_style != "wide"
            for item in imported.get(key, ()):
                if _belongs(item, graph.level, version):
                    limit = SEMANTICS[self.network.routers[key[0]].vendor].isis_narrow_metric_limit
                    cost = min(item.metric, limit) if narrow else item.metric
                    source = graph.paths.index[key]
                    entry = Announcement(source, cost, origin=source)
                    announced.setdefault(item.prefix, []).append(entry)

    def _add_level1(self, layers: Iterable[Layer], upward: dict[NodeKey, list[Imported]]) -> None:
        """What level-1-2 routers tell level 2 of their level 1 routes, where the vendor does so (RFC 1195 3.2)."""
        for layer in layers:
            for key in sorted(layer.members or ()):
                router, _ = key
                process = self.circuits.nodes[key]
                if process.levels == {1, 2} and SEMANTICS[self.network.routers[router].vendor].isis_level1_into_level2:
                    upward.setdefault(key, []).extend(
                        Imported(prefix=prefix, metric=metric, level=2) for prefix, metric in distances(layer, key)
                    )

    def _attached(
        self,
        paths: Paths,
        version: int,
        members: frozenset[NodeKey],
        seeing: frozenset[NodeKey],
        hop: Callable[[Edge], NextHop | None],
    ) -> Iterable[Layer]:
        """The default route to the nearest router that sets the attached bit (ISO 10589 7.2.9.2). Routers that are
        attached themselves do not look at it.
        """
        attached = {key for key in members if self._is_attached(key)}
        sending = [Announcement(paths.index[key], 0) for key in sorted(attached) if self._sends_attached(key)]
        looking = frozenset(key for key in seeing if key not in attached and self.circuits.nodes[key].attached_receive)
        if sending and looking:
            block = Block({DEFAULT[version]: sending})
            yield Layer("level-1", 1, paths, block, hop, members=looking)

    def _is_attached(self, key: NodeKey) -> bool:
        return self.circuits.nodes[key].levels == {1, 2} and key in self._with_level2

    def _sends_attached(self, key: NodeKey) -> bool:
        return self.circuits.nodes[key].attached_send

    @property
    def _with_level2(self) -> frozenset[NodeKey]:
        return frozenset(one.node for one, _ in self._adjacent[2])

    def _hop(self, version: int) -> Callable[[Edge], NextHop | None]:
        hops = self._hops[version]
        return _Hops(hops)

    def _instances(self) -> Mapping[tuple[str, str], tuple[Instance, ...]]:
        found: dict[tuple[str, str], list[Instance]] = {}
        for key, process in self.circuits.nodes.items():
            semantics = SEMANTICS[self.network.routers[key[0]].vendor]
            instance = Instance(key, {"": semantics.distances["isis"]}, semantics.isis_maximum_paths)
            found.setdefault((key[0], process.vrf), []).append(instance)
        return {place: tuple(items) for place, items in found.items()}


@dataclass(frozen=True, slots=True)
class _Hops:
    """An edge's next hop, None where it cannot carry the version (a class, so that a State can be stored)."""

    hops: Mapping[tuple[InterfaceRef, InterfaceRef], NextHop]

    def __call__(self, edge: Edge) -> NextHop | None:
        return self.hops.get((edge.local, edge.remote))


def _remark(code: str, circuit: Circuit, text: str) -> Remark:
    return Remark(code, f"{circuit.ref}: {text}", circuit.router.name, circuit.settings.place)


def _belongs(item: Imported, level: int, version: int) -> bool:
    return item.level == level and item.prefix.version == version


def _overloaded(process: IsisProcess) -> bool:
    """The bit as configured for good; one set on start-up is gone by the time routing has settled (RFC 3277)."""
    return process.overload is not None and process.overload.on_startup is None


def _in_topology(one: Circuit, other: Circuit, *, multi: bool) -> bool:
    """Whether one names the other in its LSP (FRR isis_mt.c tlvs_to_adj_mt_set): both circuits are in the topology, and the
    other's hellos offer its IP version, which the standard one needs from a neighbour with several topologies alone.
    """
    if multi:
        return 6 in other.settings.versions and not _off(one) and not _off(other)
    return 4 in other.settings.versions or not other.process.topologies


def _off(circuit: Circuit) -> bool:
    return MULTI_TOPOLOGY in circuit.settings.topologies_off


def _understood(one: IsisProcess, other: IsisProcess) -> bool:
    """Whether both read each other's reachability: narrow and wide TLVs are strangers (RFC 3787 5.1; seen on FRR
    8.4.4), a router in transition speaks both.
    """
    return one.metric_style == other.metric_style or "transition" in (one.metric_style, other.metric_style)
