"""All interior protocols of a network under one topology, and what they redistribute among each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from backstay.model.address import Prefix
from backstay.model.network import Network
from backstay.model.routing import INFINITE_DISTANCE, IsisProcess, OspfProcess, Redistribution
from backstay.model.source import Remark
from backstay.model.state import Adjacency, Route
from backstay.model.vendor import SEMANTICS
from backstay.simulate.isis import Isis
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.ospf import Ospf, distances_of
from backstay.simulate.policy_library import Library
from backstay.simulate.redistribution import Imported, Importer
from backstay.simulate.rib import Local, OverBgp, Rib
from backstay.simulate.seams import NO_BGP, BgpResult, Evaluate, Topology
from backstay.simulate.spf import NodeKey
from backstay.simulate.topology import usable_addresses

Imports = Mapping[str, Mapping[NodeKey, tuple[Imported, ...]]]
"""By protocol and process: what it takes in from others."""

ISIS_METRIC = 0
"""FRR yang/frr-isisd.yang: metric of a redistributed route without one; seen on 8.4.4."""

OSPF_METRIC, OSPF_DEFAULT_METRIC, OSPF_ALWAYS_METRIC = 20, 10, 1
"""FRR ospfd/ospf_asbr.h: DEFAULT_DEFAULT_METRIC, ..._ORIGINATE_METRIC, ..._ALWAYS_METRIC."""


@dataclass(frozen=True)
class _Offers:
    """A table as redistribution reads it."""

    rib: Rib

    def candidates(self, router: str, vrf: str, protocol: str) -> Iterable[tuple[Prefix, Route]]:
        return self.rib.candidates(router, vrf, protocol).items()

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        return self.rib.route(router, vrf, prefix)


@dataclass(eq=False)
class Interior:
    """Built once per topology; `rib` hangs redistributed prefixes and BGP's routes on it."""

    network: Network
    topology: Topology
    evaluate: Evaluate
    _kept: list[tuple[Imports, tuple[LayeredRoutes, ...]]] = field(default_factory=list)

    nothing: Imports = field(default_factory=lambda: {"isis": {}, "ospf": {}, "ospf6": {}})

    @cached_property
    def isis(self) -> Isis:
        return Isis(self.network, self.topology)

    @cached_property
    def ospf(self) -> Ospf:
        return Ospf(self.network, self.topology, 2)

    @cached_property
    def ospf6(self) -> Ospf:
        return Ospf(self.network, self.topology, 3)

    @cached_property
    def local(self) -> Local:
        return Local(self.network, self.topology)

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return self.isis.adjacencies | self.ospf.adjacencies | self.ospf6.adjacencies

    @property
    def unknowns(self) -> tuple[Remark, ...]:
        return (*self.isis.unknowns, *self.ospf.unknowns, *self.ospf6.unknowns, *self._infinite())

    def _infinite(self) -> Iterator[Remark]:
        """Interior routes that the main table never takes, though the protocol goes on announcing them."""
        for name in self.topology.routers:
            router = self.network.routers[name]
            for process in (*router.ospf, *router.ospf6):
                if INFINITE_DISTANCE in distances_of(process).values():
                    text = f"{name}: OSPF routes of distance {INFINITE_DISTANCE} are not computed"
                    yield Remark("ospf-infinite-distance", text, name, process.place)

    def rib(self, imports: Imports, bgp: BgpResult = NO_BGP, over_bgp: OverBgp | None = None) -> Rib:
        """The tables given what is redistributed, what BGP learned, and static routes as they are with BGP's."""
        return Rib(self.network, self.topology, self.local, self._igps(imports), bgp, over_bgp)

    def _igps(self, imports: Imports) -> tuple[LayeredRoutes, ...]:
        """The last two answers are kept: the fixed point asks for the same one several times."""
        for known, routes in self._kept:
            if known == imports:
                return routes
        routes = (
            self.isis.routes(imports["isis"]),
            self.ospf.routes(imports["ospf"]),
            self.ospf6.routes(imports["ospf6"]),
        )
        self._kept = [*self._kept[-1:], (imports, routes)]
        return routes

    def imports(self, rib: Rib) -> Imports:
        """What every process redistributes and originates from these tables."""
        return {
            "isis": _nonempty(self._isis_imports(rib)),
            "ospf": _nonempty(self._ospf_imports(rib, "ospf")),
            "ospf6": _nonempty(self._ospf_imports(rib, "ospf6")),
        }

    def _isis_imports(self, rib: Rib) -> Iterator[tuple[NodeKey, Iterable[Imported]]]:
        for key, process in self.isis.circuits.nodes.items():
            if process.redistributions or process.defaults:
                yield key, self._of_isis(rib, key, process)

    def _of_isis(self, rib: Rib, key: NodeKey, process: IsisProcess) -> Iterator[Imported]:
        importer = self._importer(rib, key[0], process.vrf)
        for line in process.redistributions:
            if line.protocol != "isis":
                yield from importer.redistributed(line, ISIS_METRIC)
        for default in process.defaults:
            yield from importer.default(default, "isis", ISIS_METRIC)

    def _ospf_imports(self, rib: Rib, protocol: str) -> Iterator[tuple[NodeKey, Iterable[Imported]]]:
        ospf = self.ospf if protocol == "ospf" else self.ospf6
        for key, process in ospf.processes.items():
            if process.redistributions or process.default:
                yield key, self._of_ospf(rib, key, process, protocol)

    def _of_ospf(self, rib: Rib, key: NodeKey, process: OspfProcess, protocol: str) -> Iterator[Imported]:
        importer = self._importer(rib, key[0], process.vrf)
        metric = OSPF_METRIC if process.default_metric is None else process.default_metric
        for line in process.redistributions:
            if line.protocol != protocol:
                own = self._own_subnets(key, process) if line.protocol == "connected" else ()
                taken = (
                    item for item in importer.redistributed(line, metric) if self._let_out(key, process, line, item)
                )
                yield from (item for item in taken if not any(prefix.covers(item.prefix) for prefix in own))
        if process.default:
            usual = OSPF_ALWAYS_METRIC if process.default.always else OSPF_DEFAULT_METRIC
            yield from importer.default(process.default, protocol, usual, bare=process.default.always)

    def _let_out(self, key: NodeKey, process: OspfProcess, line: Redistribution, item: Imported) -> bool:
        """``distribute-list NAME out PROTOCOL``; one that does not exist filters nothing (ospfd/ospf_zebra.c)."""
        library = Library.of(self.network.routers[key[0]])
        return all(
            library.access_list(item.prefix.version, name, item.prefix, undefined=True)
            for protocol, name in process.distribute_lists
            if protocol == line.protocol
        )

    def _own_subnets(self, key: NodeKey, process: OspfProcess) -> tuple[Prefix, ...]:
        """Connected subnets that ``redistribute connected`` leaves out: those OSPFv2 runs on, where the vendor says so."""
        if process.version != 2 or SEMANTICS[self.network.routers[key[0]].vendor].ospf_redistributes_own_subnets:
            return ()
        circuits = self.ospf.circuits.by_node.get(key, ())
        return tuple(item.prefix for circuit in circuits for item in usable_addresses(circuit.interface, 4))

    def _importer(self, rib: Rib, router: str, vrf: str) -> Importer:
        return Importer(self.network.routers[router], vrf, _Offers(rib), self.evaluate)


def _nonempty(found: Iterable[tuple[NodeKey, Iterable[Imported]]]) -> dict[NodeKey, tuple[Imported, ...]]:
    """Sorted, without repeats; processes that take in nothing are left out."""
    settled = ((key, tuple(sorted(set(items), key=_order))) for key, items in found)
    return {key: items for key, items in settled if items}


def _order(item: Imported) -> tuple[Prefix, int, int, int]:
    return (item.prefix, item.level or 0, item.metric_type, item.metric)
