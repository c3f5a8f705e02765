"""Adjacencies and sessions as the daemons see them, named as the network names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backstay.lab import interior
from backstay.lab.design import NEIGHBOR
from backstay.lab.record import Content
from backstay.lab.tables import Homes
from backstay.lab.vty import Vty
from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Network
from backstay.model.state import Adjacency, Session

FAMILY_VERSIONS = {"ipv4Unicast": 4, "ipv6Unicast": 6}


class Wiring:
    """Who is on the other side."""

    def __init__(self, content: Content) -> None:
        self.network, self.plan = content.network, content.design
        self._peers = {
            end: tuple(other for other in link.ends if other != end)
            for link in self.network.links.values()
            for end in link.ends
        }
        self._owners = _owners(self.network)
        self._homes = Homes.of(self.plan)
        self._outside = {(m.router, m.own): n.subject for n in self.plan.of_kind(NEIGHBOR) for m in n.meetings}

    def peer(self, ref: InterfaceRef, address: Address | None, router_id: str | None = None) -> InterfaceRef | None:
        """The interface across the wire: the only one there, else the one with the address, or of the router id."""
        others = self._peers.get(ref, ())
        if len(others) == 1:
            return others[0]
        home = self._homes.found.get(address) if address else None
        if home in others:
            return home
        for other in others:
            interface = self.network.routers[other.router].interfaces[other.interface]
            if address and any(item.address == address for item in interface.addresses):
                return other
            if router_id and router_id in _router_ids(self.network, other.router):
                return other
        return None

    def remote(self, router: str, address: Address, remote_as: int | str | None) -> str:
        """Whom a BGP neighbour's address belongs to, as `Session.remote` has it."""
        if address in self._owners:
            return self._owners[address]
        return self._outside.get((router, address)) or f"as{remote_as}@{router}/{address}"


def _owners(network: Network) -> dict[Address, str]:
    return {
        item.address: router.name
        for router in network.routers.values()
        for interface in router.interfaces.values()
        for item in interface.addresses
    }


def _router_ids(network: Network, router: str) -> frozenset[str]:
    known = network.routers[router]
    found = {known.router_id, *(process.router_id for process in (*known.ospf, *known.ospf6))}
    loops = {i.address for f in known.interfaces.values() if f.kind == "loopback" for i in f.addresses}
    return frozenset(str(item) for item in found | loops if item)


def adjacencies(wiring: Wiring, router: str, daemon: str, vty: Vty) -> Iterator[Adjacency]:
    """Adjacencies that are up. Two routers of an OSPF LAN that are neither its designated one nor the backup come to
    ``2-Way`` alone and are not adjacent (RFC 2328 10.4); who is designated can depend on who came first.
    """
    protocol = {interior.ISISD: "isis", interior.OSPFD: "ospf", interior.OSPF6D: "ospf6"}[daemon]
    for seen in interior.neighbors(daemon, vty.ask):
        local = InterfaceRef(router, seen.interface)
        remote = wiring.peer(local, Address.parse(seen.address) if seen.address else None, seen.router_id)
        if seen.full and remote:
            scopes = _of_its_levels(wiring.network, local, seen.scopes) if protocol == "isis" else seen.scopes
            yield from (Adjacency(protocol, scope, local, remote) for scope in scopes)


def _of_its_levels(network: Network, ref: InterfaceRef, scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Those the router has at all: over a point-to-point circuit isisd of FRR 8.4.4 now and then shows both
    levels of a neighbour that has both, where its own process has one.
    """
    router = network.routers[ref.router]
    settings = router.interfaces[ref.interface].isis
    levels = {level for item in router.isis if settings and item.tag == settings.tag for level in item.levels}
    return tuple(scope for scope in scopes if int(scope) in levels)


def sessions(wiring: Wiring, router: str, vty: Vty) -> Iterator[Session]:
    """Every configured session of a router. ``received`` is filled in by `completed`: a router that keeps no
    Adj-RIB-In cannot tell it, the sender can.
    """
    known = wiring.network.routers[router]
    processes = {process.vrf: process for process in known.bgp}
    for vrf, families in vty.json("show bgp vrf all summary json").items():
        peers: dict[str, dict[int, Mapping[str, Any]]] = {}
        for family, found in families.items() if isinstance(families, dict) else ():
            if family in FAMILY_VERSIONS and isinstance(found, dict):
                for peer, state in found.get("peers", {}).items():
                    peers.setdefault(peer, {})[FAMILY_VERSIONS[family]] = state
        process = processes.get(vrf)
        for peer, by_version in peers.items():
            statement = process.neighbors.get(peer) if process else None
            yield _session(wiring, router, vrf, peer, by_version, statement.remote_as if statement else None)


def _session(
    wiring: Wiring,
    router: str,
    vrf: str,
    peer: str,
    by_version: Mapping[int, Mapping[str, Any]],
    remote_as: int | str | None,
) -> Session:
    state = next(iter(by_version.values()))
    up = state.get("state") == "Established"
    versions = sorted(by_version)
    return Session(
        router=router,
        vrf=vrf,
        peer=peer,
        remote=_remote(wiring, router, peer, remote_as),
        established=up,
        reason="" if up else str(state.get("state", "")),
        accepted=tuple((v, int(by_version[v].get("pfxRcd", 0))) for v in versions) if up else (),
        sent=tuple((v, int(by_version[v].get("pfxSnt", 0))) for v in versions) if up else (),
        tripped=state.get("state") == "Idle (PfxCt)",
    )


def _remote(wiring: Wiring, router: str, peer: str, remote_as: int | str | None) -> str:
    """The other side by its address, or by the interface both are on."""
    if _is_address(peer):
        return wiring.remote(router, Address.parse(peer), remote_as)
    other = wiring.peer(InterfaceRef(router, peer), None)
    return other.router if other is not None else ""


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except ValueError:
        return False
    return True
