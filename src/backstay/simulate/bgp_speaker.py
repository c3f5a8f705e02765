"""Who speaks BGP: our own processes, and the external speakers beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from backstay.model.address import Address, Prefix
from backstay.model.network import Announcement, Interface, InterfaceRef, Network, Overlay, Router
from backstay.model.routing import BgpNeighbor, BgpProcess, NeighborFamily
from backstay.simulate.bgp_path import Path, sequence
from backstay.simulate.policy_library import Library
from backstay.simulate.policy_lists import sorted_communities
from backstay.simulate.seams import Topology
from backstay.simulate.topology import usable_addresses

EBGP, IBGP, CONFEDERATION = "ebgp", "ibgp", "confederation"

NO_ROUTER_ID = Address(4, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One BGP process of a live router; ``index`` is its place in the sorted list of all speakers."""

    index: int
    router: Router
    process: BgpProcess
    router_id: Address
    library: Library

    @property
    def name(self) -> str:
        """The router, with the VRF where it is not the default one."""
        vrf = self.process.vrf
        return self.router.name if vrf == "default" else f"{self.router.name} vrf {vrf}"

    @property
    def key(self) -> tuple[str, str]:
        return (self.router.name, self.process.vrf)

    @property
    def cluster_id(self) -> Address:
        """RFC 4456 7: the router id unless configured."""
        return self.process.cluster_id or self.router_id

    @property
    def outer_as(self) -> int:
        """The AS the rest of the world sees (RFC 5065: the confederation identifier)."""
        return self.process.confederation_id or self.process.asn

    def interfaces(self) -> Iterator[Interface]:
        """The interfaces of its VRF, by name."""
        for name in sorted(self.router.interfaces):
            interface = self.router.interfaces[name]
            if interface.vrf == self.process.vrf and not interface.management:
                yield interface


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A BGP speaker that is no router of the network. ``asn`` None: nobody says it. ``offers`` are the routes it
    announces, as they leave it, by prefix. ``identifier``: an IPv4 address of it at the same router, which nobody having
    declared its BGP identifier stands for that.
    """

    name: str
    asn: int | None
    offers: Mapping[Prefix, Path]
    identifier: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """An established session from one side: all that the exchange of routes needs to know.

    ``index`` is its place among all; ``reverse`` that of the other side's view, None for an ``external`` one.
    ``local`` and ``remote_address`` are the ends of the TCP connection, None on an unnumbered one.
    ``interface`` is the interface a directly connected peer is on. ``families`` are those both sides activated.
    ``own_next_hops``: what "next hop self" means per IP version; a version that is missing there has its next hop by
    ``interface`` alone (a link-local address). ``must_be_connected``: its next hops have to be on a connected subnet.
    """

    index: int
    speaker: Speaker
    neighbor: BgpNeighbor
    text: str
    kind: str
    remote_name: str
    remote_as: int | None
    remote_id: Address | None
    local: Address | None
    remote_address: Address | None
    interface: str | None
    families: Mapping[int, NeighborFamily]
    own_next_hops: Mapping[int, Address]
    must_be_connected: bool
    reverse: int | None = None
    external: External | None = None
    peer_texts: frozenset[str] = frozenset()


def over_link_local(peering: Peering, path: Path) -> bool:
    """Whether packets leave by the peer's link-local address: that of a router on the same link, which sent it along with
    or without a global one (RFC 2545 3); FRR 8.4.4 forwards by it.
    """
    return path.via is not None and peering.interface is not None


def speakers(network: Network, topology: Topology) -> list[Speaker]:
    """Every BGP process of every live router that is not shut down, sorted by router and VRF."""
    found: list[Speaker] = []
    for name in topology.routers:
        router = network.routers[name]
        for process in sorted(router.bgp, key=lambda item: item.vrf):
            found.append(
                Speaker(
                    index=len(found),
                    router=router,
                    process=process,
                    router_id=router_id(router, process, topology),
                    library=Library.of(router),
                )
            )
    return found


def router_id(router: Router, process: BgpProcess, topology: Topology) -> Address:
    """The configured one; else the highest IPv4 address of a loopback of the VRF that is up, else the highest of any
    interface (FRR zebra/router-id.c); 0.0.0.0 without any.
    """
    configured = process.router_id or router.router_id
    if configured is not None:
        return configured
    candidates = [
        (interface.kind == "loopback", item.address)
        for interface in router.interfaces.values()
        if interface.vrf == process.vrf and InterfaceRef(router.name, interface.name) in topology.up
        for item in usable_addresses(interface, 4)
    ]
    return max(candidates)[1] if candidates else NO_ROUTER_ID


def externals(network: Network, overlay: Overlay) -> dict[tuple[str, Address], External]:
    """The external speakers by (router, address): those of ``neighbors`` and the origins of anycasts.

    An origin held back by the overlay keeps its session and announces nothing of that anycast.
    """
    found: dict[tuple[str, Address], External] = {}
    for neighbor in network.neighbors.values():
        offers = {item.prefix: _offered(item) for item in neighbor.announcements}
        for attachment in neighbor.attachments:
            router = network.router_named(attachment.router)
            if router:
                beside = (a.address for a in neighbor.attachments if a.router == attachment.router)
                chosen = next((a for a in (attachment.address, *beside) if a.version == 4), None)
                external = External(name=neighbor.name, asn=neighbor.asn, offers=offers, identifier=chosen)
                found[router.name, attachment.address] = external
    for place, asn, prefixes, held in _origins(network, overlay):
        found[place] = _with_origin(found.get(place), place, asn, prefixes, held=held)
    return found


def _offered(item: Announcement) -> Path:
    return Path(
        as_path=sequence(*item.as_path),
        med=item.med,
        origin=item.origin,
        communities=sorted_communities(item.communities),
    )


def _origins(
    network: Network, overlay: Overlay
) -> Iterator[tuple[tuple[str, Address], int | None, tuple[Prefix, ...], bool]]:
    for anycast in network.anycasts.values():
        for origin in anycast.origins:
            router = network.router_named(origin.router)
            if router and origin.address is not None:
                held = (anycast.name, origin.site) in overlay.withdrawn
                asn = origin.asn if origin.asn is not None else _configured_as(router, origin.address)
                yield (router.name, origin.address), asn, anycast.prefixes, held


def _configured_as(router: Router, address: Address) -> int | None:
    """The AS our side expects at an address; a speaker whose AS nobody declared has that one."""
    for process in router.bgp:
        for neighbor in process.neighbors.values():
            if neighbor.peer == address:
                return resolved_as(process, neighbor)
    return None


def resolved_as(process: BgpProcess, neighbor: BgpNeighbor) -> int | None:
    """The remote AS as a number where the configuration tells it."""
    if neighbor.remote_as == "internal":
        return process.asn
    return neighbor.remote_as if isinstance(neighbor.remote_as, int) else None


def _with_origin(
    known: External | None, place: tuple[str, Address], asn: int | None, prefixes: tuple[Prefix, ...], *, held: bool
) -> External:
    router, address = place
    if known is None:
        known = External(name=unnamed(asn, router, str(address)), asn=asn, offers={})
    offers = dict(known.offers)
    for prefix in prefixes:
        if held:
            offers.pop(prefix, None)
        elif prefix not in offers:
            offers[prefix] = Path(as_path=sequence(*(() if asn is None else (asn,))))
    return replace(known, offers=offers)


def unnamed(remote_as: int | str | None, router: str, peer: str) -> str:
    """What a speaker is called that no ``neighbors`` entry names."""
    return f"as{remote_as}@{router}/{peer}"
