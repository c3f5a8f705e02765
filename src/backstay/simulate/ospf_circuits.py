"""OSPF interfaces, their costs, and the adjacencies they form (RFC 2328 9 and 10.5, RFC 5340 4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from backstay.model.address import Address, Prefix
from backstay.model.network import Interface, InterfaceRef, Network, Router
from backstay.model.routing import OspfArea, OspfInterface, OspfProcess
from backstay.model.source import Remark
from backstay.model.state import NextHop
from backstay.model.vendor import SEMANTICS
from backstay.simulate.seams import Topology
from backstay.simulate.spf import NodeKey
from backstay.simulate.topology import facing_address, shared_subnet, usable_addresses

BACKBONE = "0.0.0.0"  # noqa: S104 - the backbone area, not an address
LARGEST_COST = 65535
"""RFC 2328 B: LSInfinity - 1 as a link cost; what RFC 6987 2 announces for links nobody shall cross."""

MULTI_ACCESS = frozenset({"broadcast", "non-broadcast"})
NOBODY = Address(4, 0)


@dataclass(frozen=True, slots=True)
class Circuit:
    """OSPF running on one interface that is up."""

    ref: InterfaceRef
    router: Router
    interface: Interface
    process: OspfProcess
    settings: OspfInterface

    @property
    def node(self) -> NodeKey:
        return node_key(self.router.name, self.process)

    @property
    def version(self) -> int:
        return 4 if self.process.version == 2 else 6

    @property
    def network(self) -> str:
        if self.settings.network:
            return self.settings.network
        return "loopback" if self.interface.kind == "loopback" else "broadcast"

    @property
    def area(self) -> OspfArea:
        return self.process.areas.get(self.settings.area) or OspfArea(area=self.settings.area)

    @property
    def cost(self) -> int:
        """As configured, else reference over bandwidth, rounded (FRR ospf_get_output_cost: + 0.5), in 1..65535."""
        semantics = SEMANTICS[self.router.vendor]
        if self.settings.cost is not None:
            return self.settings.cost
        loopback = semantics.ospf_loopback_cost if self.version == 4 else semantics.ospf6_loopback_cost
        if self.interface.kind == "loopback" and loopback is not None:
            return loopback
        bandwidth = self.interface.bandwidth or semantics.ospf_default_bandwidth
        return max(1, min(LARGEST_COST, int(self.process.reference_bandwidth / bandwidth + 0.5)))

    @property
    def transit_cost(self) -> int:
        """What a path over the link costs: the largest there is on a router that asks not to be crossed (RFC 6987)."""
        return LARGEST_COST if max_metric(self.process) else self.cost


def max_metric(process: OspfProcess) -> bool:
    """``max-metric router-lsa administrative``; the timed forms have run out when routing has settled."""
    return process.max_metric is not None and process.max_metric.administrative


def is_blind(process: OspfProcess) -> bool:
    """``stub-router``: ospf6d clears the R-bit, and then computes no path at all, its own ones neither; others take nothing
    through it and look at no summary or external of it, but reach its prefixes (ospf6_spf_calculation() passes over
    such a router even as the root; seen on FRR 8.4.4).
    """
    return process.version == 3 and process.stub_router


def node_key(router: str, process: OspfProcess) -> NodeKey:
    return (router, f"{process.vrf}/{process.instance}")


@dataclass(frozen=True)
class Circuits:
    """All circuits of OSPFv2 (``version`` 2) or OSPFv3 (3) of a network under one topology."""

    network: Network
    topology: Topology
    version: int

    @cached_property
    def processes(self) -> Mapping[NodeKey, OspfProcess]:
        return {
            node_key(name, process): process
            for name in self.topology.routers
            for process in self._running(self.network.routers[name])
        }

    def _running(self, router: Router) -> Sequence[OspfProcess]:
        return router.ospf if self.version == 2 else router.ospf6

    @cached_property
    def by_ref(self) -> Mapping[InterfaceRef, Circuit]:
        found: dict[InterfaceRef, Circuit] = {}
        for name in self.topology.routers:
            router = self.network.routers[name]
            for interface in router.interfaces.values():
                ref = InterfaceRef(name, interface.name)
                settings = interface.ospf if self.version == 2 else interface.ospf6
                if settings is None or ref not in self.topology.up or interface.management:
                    continue
                process = self._process(router, interface, settings)
                if process:
                    found[ref] = Circuit(ref, router, interface, process, settings)
        return found

    @cached_property
    def by_node(self) -> Mapping[NodeKey, Sequence[Circuit]]:
        found: dict[NodeKey, list[Circuit]] = {}
        for circuit in self.by_ref.values():
            found.setdefault(circuit.node, []).append(circuit)
        return found

    def _process(self, router: Router, interface: Interface, settings: OspfInterface) -> OspfProcess | None:
        in_vrf = [process for process in self._running(router) if process.vrf == interface.vrf]
        named = [process for process in in_vrf if process.instance == settings.instance]
        return next(iter(named or (in_vrf if len(in_vrf) == 1 else [])), None)

    @cached_property
    def pairs(self) -> tuple[tuple[Circuit, Circuit], ...]:
        """Circuits that come to an adjacency, each pair both ways round."""
        found: list[tuple[Circuit, Circuit]] = []
        for ref, circuit in sorted(self.by_ref.items()):
            others = [self.by_ref[peer] for peer in self.topology.peers.get(ref, ()) if peer in self.by_ref]
            talking = [other for other in others if self.agree(circuit, other)]
            if circuit.network in MULTI_ACCESS and not any(item.settings.priority for item in (circuit, *talking)):
                continue  # nobody may become designated router: neighbours stay 2-Way (RFC 2328 9.4)
            found.extend((circuit, other) for other in talking)
        return tuple(found)

    @cached_property
    def adjacent(self) -> tuple[tuple[Circuit, Circuit], ...]:
        """The pairs that are fully adjacent: on a multi-access segment with its designated router or the backup, the rest
        stay 2-Way (RFC 2328 10.4), electing as routers that start together (9.4).
        """
        talking: dict[InterfaceRef, list[Circuit]] = {}
        for one, other in self.pairs:
            talking.setdefault(one.ref, [one]).append(other)
        elected = {ref: self._elected(circuits) for ref, circuits in talking.items()}
        return tuple(
            (one, other)
            for one, other in self.pairs
            if one.network not in MULTI_ACCESS or {one.ref, other.ref} & elected[one.ref]
        )

    def _elected(self, circuits: Sequence[Circuit]) -> set[InterfaceRef]:
        able = [circuit for circuit in circuits if circuit.settings.priority]
        able.sort(key=lambda item: (item.settings.priority, self.router_id(item.node) or NOBODY), reverse=True)
        return {circuit.ref for circuit in able[:2]}

    def agree(self, one: Circuit, other: Circuit) -> bool:
        """Whether two circuits on a segment accept each other's hellos and databases (RFC 2328 10.5, 10.6)."""
        mine, theirs = one.settings, other.settings
        if mine.passive or theirs.passive or "loopback" in (one.network, other.network):
            return False
        if self.router_id(one.node) == self.router_id(other.node) or one.network != other.network:
            return False
        same = ("area", "hello", "dead")
        if any(getattr(mine, name) != getattr(theirs, name) for name in same) or _key(one) != _key(other):
            return False
        if one.area.kind != other.area.kind:
            return False  # the E and N bits of the hello's options
        return self._mtu_fits(one, other) and self._subnet_fits(one, other)

    def _mtu_fits(self, one: Circuit, other: Circuit) -> bool:
        mine, theirs = one.interface.mtu, other.interface.mtu
        if mine is None or theirs is None or mine == theirs:
            return True
        smaller = one if mine < theirs else other
        return smaller.settings.mtu_ignore

    def _subnet_fits(self, one: Circuit, other: Circuit) -> bool:
        """OSPFv3 runs on link-local addresses; OSPFv2 wants a common subnet except between the ends of an
        unnumbered or point-to-point link.
        """
        return self.version == 3 or shared_subnet(one.interface, other.interface, 4)

    # ------------------------------------------------------------------------------------- identity

    @cached_property
    def _router_ids(self) -> Mapping[NodeKey, Address | None]:
        return {key: self._identity(key[0], process) for key, process in self.processes.items()}

    def router_id(self, key: NodeKey) -> Address | None:
        """As configured, else the highest loopback address, else the highest address (zebra/router-id.c)."""
        return self._router_ids[key]

    def _identity(self, name: str, process: OspfProcess) -> Address | None:
        router = self.network.routers[name]
        if process.router_id or router.router_id:
            return process.router_id or router.router_id
        ranked = [
            (interface.kind == "loopback", item.address)
            for interface in router.interfaces.values()
            if interface.vrf == process.vrf
            for item in usable_addresses(interface, 4)
        ]
        return max(ranked)[1] if ranked else None

    @cached_property
    def hops(self) -> Mapping[tuple[InterfaceRef, InterfaceRef], NextHop]:
        """Next hop per adjacent pair: by the neighbour's address in OSPFv2, link-local in OSPFv3."""
        return {
            (one.ref, other.ref): NextHop(
                address=facing_address(one.interface, other.interface, 4) if self.version == 2 else None,
                interface=one.interface.name,
                neighbor=other.ref,
            )
            for one, other in self.pairs
        }

    def hop(self, local: InterfaceRef, remote: InterfaceRef) -> NextHop | None:
        return self.hops.get((local, remote))

    @property
    def unknowns(self) -> Iterator[Remark]:
        """What is not modelled and would change routes: neighbours of non-broadcast networks are typed by hand."""
        for ref, circuit in sorted(self.by_ref.items()):
            if circuit.network == "non-broadcast" and self.topology.peers.get(ref):
                text = f"{ref}: OSPF non-broadcast networks are not computed"
                yield Remark("ospf-non-broadcast", text, circuit.router.name, circuit.settings.place)
        yield from self._doubles()

    def _doubles(self) -> Iterator[Remark]:
        """Router ids that two routers share: each takes the other's LSAs for its own and flushes them (RFC 2328 13.4),
        so that nobody's routes can be told.
        """
        holders: dict[tuple[str, str], list[NodeKey]] = {}
        for key in sorted({circuit.node for circuit in self.by_ref.values()}):
            holders.setdefault((self.processes[key].vrf, str(self.router_id(key))), []).append(key)
        for (_, identity), keys in sorted(holders.items()):
            names = sorted({name for name, _ in keys})
            if len(names) > 1:
                text = f"OSPF router id {identity} is on {', '.join(names)}"
                yield Remark("ospf-router-id-twice", text, names[-1], self.processes[keys[-1]].place)

    def stubs(self, circuit: Circuit, *, adjacent: bool) -> Iterator[tuple[Prefix, int]]:
        """Prefixes the circuit announces with their costs (RFC 2328 12.4.1): a loopback its host addresses, a
        point-to-multipoint interface its own address at no cost, any other its subnets.
        """
        bits = 32 if circuit.version == 4 else 128
        for item in usable_addresses(circuit.interface, circuit.version):
            if circuit.network == "loopback":
                host = Prefix.of(item.address, bits) if circuit.version == 4 else item.prefix
                yield host, circuit.cost
            elif circuit.network == "point-to-multipoint":
                yield Prefix.of(item.address, bits), 0
            elif not circuit.settings.prefix_suppression:
                crossed = adjacent and circuit.network in MULTI_ACCESS
                yield item.prefix, circuit.transit_cost if crossed else circuit.cost


def _key(circuit: Circuit) -> str | None:
    return circuit.settings.authentication or circuit.area.authentication
