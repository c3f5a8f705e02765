"""IS-IS circuits and the adjacencies they form (ISO 10589, RFC 1195, RFC 5303)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backstay.model.network import Interface, InterfaceRef, Network, Router
from backstay.model.routing import IsisInterface, IsisProcess
from backstay.model.state import NextHop
from backstay.model.vendor import Semantics
from backstay.simulate.seams import Topology
from backstay.simulate.spf import NodeKey
from backstay.simulate.topology import facing_address, shared_subnet


@dataclass(frozen=True, slots=True)
class Circuit:
    """IS-IS running on one interface that is up."""

    ref: InterfaceRef
    router: Router
    interface: Interface
    process: IsisProcess
    settings: IsisInterface

    @property
    def node(self) -> NodeKey:
        return (self.router.name, self.process.tag)

    @property
    def levels(self) -> frozenset[int]:
        """A circuit-type that the process's type leaves nothing of has no effect (seen on FRR 8.4.4)."""
        return self.settings.circuit & self.process.levels or self.process.levels

    @property
    def forms_adjacencies(self) -> bool:
        return not self.settings.passive and self.interface.kind != "loopback"

    def metric(self, level: int, semantics: Semantics) -> int:
        """The metric it announces."""
        return self.settings.metric.get(level, semantics.isis_default_metric)


@dataclass(frozen=True)
class Circuits:
    """All circuits of a network under one topology."""

    network: Network
    topology: Topology

    @cached_property
    def by_ref(self) -> Mapping[InterfaceRef, Circuit]:
        found: dict[InterfaceRef, Circuit] = {}
        for name in self.topology.routers:
            router = self.network.routers[name]
            processes = {process.tag: process for process in router.isis}
            for interface in router.interfaces.values():
                ref = InterfaceRef(name, interface.name)
                settings = interface.isis
                if settings is None or ref not in self.topology.up or interface.management:
                    continue
                process = processes.get(settings.tag)
                if process and process.system_id and process.vrf == interface.vrf:
                    found[ref] = Circuit(ref, router, interface, process, settings)
        return found

    @cached_property
    def nodes(self) -> Mapping[NodeKey, IsisProcess]:
        """Processes that run: those with a NET; sorted."""
        return {
            (name, process.tag): process
            for name in self.topology.routers
            for process in self.network.routers[name].isis
            if process.system_id
        }

    def versions(self, key: NodeKey) -> frozenset[int]:
        """The IP versions a process speaks: those of its interfaces, up or not (FRR isisd.c isis_area_add_circuit)."""
        process = self.nodes[key]
        settings = (item.isis for item in self.network.routers[key[0]].interfaces.values() if item.vrf == process.vrf)
        return frozenset(v for one in settings if one and one.tag == process.tag for v in one.versions)

    @cached_property
    def pairs(self) -> tuple[tuple[Circuit, Circuit], ...]:
        """Circuits that face each other on a segment, each pair both ways round."""
        found: list[tuple[Circuit, Circuit]] = []
        for ref, circuit in sorted(self.by_ref.items()):
            others = (self.by_ref.get(peer) for peer in self.topology.peers.get(ref, ()))
            found.extend((circuit, other) for other in others if other)
        return tuple(found)


def adjacent(one: Circuit, other: Circuit, level: int) -> bool:
    """Whether two circuits on a segment come to a level's adjacency.

    Both must want the level, agree on point-to-point or broadcast and on the password, and share an address family;
    level 1 needs an area in common (ISO 10589 8.2.4.2); equal system ids never talk. Unequal MTUs drop
    padded hellos (8.2.3).
    """
    if level not in one.levels or level not in other.levels or not (one.forms_adjacencies and other.forms_adjacencies):
        return False
    if one.process.system_id == other.process.system_id or one.settings.password != other.settings.password:
        return False
    if one.settings.point_to_point != other.settings.point_to_point or one.interface.vrf != other.interface.vrf:
        return False
    if level == 1 and not set(one.process.areas) & set(other.process.areas):
        return False
    if None not in (one.interface.mtu, other.interface.mtu) and one.interface.mtu != other.interface.mtu:
        return False
    return all(any(carries(*ends, version) for version in (4, 6)) for ends in ((one, other), (other, one)))


def carries(one: Circuit, other: Circuit, version: int) -> bool:
    """Whether one can send packets of a version to the other: the other's hellos offer it and, for IPv4, its address is within
    reach (FRR isis_pdu.c process_hello: v4_usable, v6_usable; a router has link-local addresses without being asked).
    """
    return version in other.settings.versions and (version == 6 or shared_subnet(one.interface, other.interface, 4))


def floods_between(one: Circuit, other: Circuit, level: int) -> bool:
    """Whether each accepts the other's LSPs (ISO 10589 7.3.21). Where one alone has a password only that one does not
    (`Isis.unknowns`).
    """
    return secret(one, level) == secret(other, level)


def secret(circuit: Circuit, level: int) -> str | None:
    """What its LSPs are signed with: the area's password (level 1), the domain's (level 2)."""
    return circuit.process.area_password if level == 1 else circuit.process.domain_password


def hop_maker(circuits: Circuits, version: int) -> Mapping[tuple[InterfaceRef, InterfaceRef], NextHop]:
    """Next hop per pair of facing circuits that can carry the version: IPv4 by the neighbour's address in the common
    subnet, IPv6 by its link-local one, which configurations do not tell.
    """
    return {
        (one.ref, other.ref): NextHop(
            address=facing_address(one.interface, other.interface, 4) if version == 4 else None,
            interface=one.interface.name,
            neighbor=other.ref,
        )
        for one, other in circuits.pairs
        if carries(one, other, version)
    }
