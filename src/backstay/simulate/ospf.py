"""OSPFv2 and OSPFv3: intra-area, inter-area and external routes (RFC 2328, 5340, 3101, 6987)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backstay.model.address import Prefix
from backstay.model.network import Network
from backstay.model.routing import OspfProcess
from backstay.model.source import Remark
from backstay.model.state import Adjacency, NextHop, Route
from backstay.model.vendor import SEMANTICS
from backstay.simulate.layered import LayeredRoutes
from backstay.simulate.layers import Instance, Layer
from backstay.simulate.ospf_areas import Areas
from backstay.simulate.ospf_circuits import Circuits
from backstay.simulate.ospf_external import Externals
from backstay.simulate.ospf_ways import Ways
from backstay.simulate.redistribution import Imported
from backstay.simulate.seams import Topology
from backstay.simulate.spf import NodeKey


class Ospf:
    """OSPF of a whole network under one topology, ``version`` 2 or 3; `routes` hangs redistributed prefixes on it."""

    def __init__(self, network: Network, topology: Topology, version: int) -> None:
        self.protocol = "ospf" if version == 2 else "ospf6"
        self.circuits = Circuits(network, topology, version)
        self.areas = Areas(self.circuits)
        self.ways = Ways(self.areas)
        self._inner: tuple[Layer, ...] = (
            *self.areas.intra_layers(),
            *(self.areas.inter_layer(name) for name in self.areas.by_name),
        )
        self._fixed = self._own_routes()

    @property
    def processes(self) -> Mapping[NodeKey, OspfProcess]:
        return self.circuits.processes

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return frozenset(
            Adjacency(self.protocol, one.settings.area, one.ref, other.ref) for one, other in self.circuits.adjacent
        )

    @property
    def unknowns(self) -> tuple[Remark, ...]:
        odd = (
            Remark("ospf6-border-routers", f"{key[0]}: {why}", key[0], self.processes[key].place)
            for key, why in self.areas.unproven()
        )
        kinds = (
            Remark(
                "ospf-abr-type",
                f"{key[0]}: OSPF ABR type {self.processes[key].abr_type} is not computed",
                key[0],
                self.processes[key].place,
            )
            for key in self.areas.other_kinds()
        )
        return (*self.circuits.unknowns, *odd, *kinds)

    def routes(self, imported: Mapping[NodeKey, Iterable[Imported]]) -> LayeredRoutes:
        """All routes, given what each process redistributes or originates."""
        external = Externals(self.ways, imported).layers()
        return LayeredRoutes(self.protocol, (*self._inner, *external), self._instances(), self.adjacencies, self._fixed)

    def _instances(self) -> Mapping[tuple[str, str], tuple[Instance, ...]]:
        found: dict[tuple[str, str], list[Instance]] = {}
        for key, process in self.processes.items():
            semantics = SEMANTICS[self.circuits.network.routers[key[0]].vendor]
            limit = min(process.maximum_paths, semantics.ospf_maximum_paths)
            instance = Instance(key, distances_of(process), limit)
            found.setdefault((key[0], process.vrf), []).append(instance)
        return {place: tuple(items) for place, items in found.items()}

    def _own_routes(self) -> Mapping[NodeKey, Mapping[Prefix, Route]]:
        """Routes a router has without a path: host routes of its loopbacks, discard routes of its ranges.

        The discard route is a black hole of metric 0 (seen on FRR 8.4.4 and Cumulus 3.7).
        """
        found: dict[NodeKey, dict[Prefix, Route]] = {}
        for circuit in self.circuits.by_ref.values():
            if circuit.network == "loopback":
                for prefix, cost in self.circuits.stubs(circuit, adjacent=False):
                    hop = NextHop(interface=circuit.interface.name)
                    found.setdefault(circuit.node, {})[prefix] = self._route(circuit.node, hop, cost, "intra")
        for key, prefixes in self.areas.discards.items():
            for prefix in sorted(prefixes):
                hop = NextHop(discard="blackhole")
                found.setdefault(key, {}).setdefault(prefix, self._route(key, hop, 0, "inter"))
        return found

    def _route(self, key: NodeKey, hop: NextHop, metric: int, kind: str) -> Route:
        distance = distances_of(self.processes[key])
        return Route(
            protocol=self.protocol,
            distance=distance.get(kind, distance[""]),
            metric=metric,
            next_hops=(hop,),
            forwarding=(hop,),
            kind=kind,
        )


def distances_of(process: OspfProcess) -> Mapping[str, int]:
    """Distances by route kind; "" is the general one."""
    found = {"": process.distance}
    for name, kinds in (
        ("intra", ("intra",)),
        ("inter", ("inter",)),
        ("external", ("external-1", "external-2", "nssa-1", "nssa-2")),
    ):
        value = getattr(process, f"distance_{name}")
        if value is not None:
            found.update(dict.fromkeys(kinds, value))
    return found
