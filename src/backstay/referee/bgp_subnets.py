"""Addresses as BGP looks at them: who has one, on which subnet of ours one lies, where a connection comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backstay.model.address import Address, Prefix
from backstay.model.network import Interface, InterfaceAddress, InterfaceRef, Network
from backstay.model.routing import BgpNeighbor
from backstay.referee.bgp_ends import End
from backstay.referee.seams import Interior, Place, Wiring


class Subnets:
    """``configured``: who has an address in a configuration, up or not. Connected subnets are those of interfaces that
    are up, by (router, VRF).
    """

    def __init__(self, network: Network, wiring: Wiring) -> None:
        self.network = network
        self.wiring = wiring
        self.configured: dict[Address, list[InterfaceRef]] = defaultdict(list)
        self._connected: dict[Place, list[tuple[Prefix, str, InterfaceAddress]]] = defaultdict(list)
        self._beside: dict[tuple[str, str, Address], tuple[str, Address] | None] = {}
        self._of_router: dict[str, tuple[Address, ...]] = {}
        for router in sorted(network.routers):
            for interface in network.routers[router].interfaces.values():
                self._take(router, interface)
            interfaces = network.routers[router].interfaces.values()
            self._of_router[router] = tuple(sorted({item.address for one in interfaces for item in one.addresses}))

    def _take(self, router: str, interface: Interface) -> None:
        ref = InterfaceRef(router, interface.name)
        for item in interface.addresses:
            self.configured[item.address].append(ref)
            if ref in self.wiring.up:
                subnet = item.peer or item.prefix
                self._connected[router, interface.vrf].append((subnet, interface.name, item))

    def of_router(self, router: str) -> tuple[Address, ...]:
        """All addresses of a router's configuration, sorted."""
        return self._of_router[router]

    def on(self, ref: InterfaceRef) -> tuple[Address, ...]:
        return tuple(item.address for item in self._items(ref))

    def vrf(self, ref: InterfaceRef) -> str:
        return self.network.routers[ref.router].interfaces[ref.interface].vrf

    def connected(self, router: str, vrf: str, address: Address) -> tuple[str, Address] | None:
        """The interface whose subnet holds the address, and our own address there; the longest subnet wins."""
        at = (router, vrf, address)
        if at not in self._beside:
            found = [
                (-subnet.length, name, item.address)
                for subnet, name, item in self._connected[router, vrf]
                if subnet.holds(address) and item.address != address
            ]
            self._beside[at] = min(found)[1:] if found else None
        return self._beside[at]

    def subnet(self, router: str, vrf: str, address: Address) -> Prefix | None:
        """The connected subnet an address lies in."""
        held = (subnet for subnet, _, _ in self._connected[router, vrf] if subnet.holds(address))
        return max(held, key=lambda subnet: subnet.length, default=None)

    def owns(self, router: str, vrf: str) -> frozenset[Address]:
        """All addresses of the router in the VRF that are up."""
        return frozenset(item.address for _, _, item in self._connected[router, vrf])

    def other_of_two(self, ref: InterfaceRef) -> Address | None:
        """The neighbour's IPv4 address on a /30 or /31."""
        for item in self._items(ref):
            if item.address.version == 4 and item.prefix.length in {30, 31}:
                flip = 1 if item.prefix.length == 31 else 3
                return Address(4, item.address.value ^ flip)
        return None

    def _items(self, ref: InterfaceRef) -> tuple[InterfaceAddress, ...]:
        interface = self.network.routers[ref.router].interfaces.get(ref.interface)
        return interface.addresses if interface else ()

    def sources(
        self, interior: Interior, router: str, vrf: str, neighbor: BgpNeighbor, peer: Address | str
    ) -> tuple[Address, ...]:
        """Addresses our connection to the peer may come from: ``update-source``, else that of the interface it leaves by
        (several only where equal paths leave by several).
        """
        if isinstance(peer, str):
            return ()
        if isinstance(neighbor.update_source, Address):
            return (neighbor.update_source,)
        if neighbor.update_source is not None:
            return tuple(self._of_version(InterfaceRef(router, neighbor.update_source), peer.version))[:1]
        direct = self.connected(router, vrf, peer)
        if direct is not None:
            return (direct[1],)
        resolved = interior.resolve(router, vrf, peer)
        hops = resolved.forwarding if resolved else ()
        named = sorted({hop.interface for hop in hops if hop.interface})
        firsts = (tuple(self._of_version(InterfaceRef(router, name), peer.version))[:1] for name in named)
        return tuple(address for first in firsts for address in first)

    def _of_version(self, ref: InterfaceRef, version: int) -> Iterator[Address]:
        for item in self._items(ref):
            if item.address.version == version and not item.address.is_link_local:
                yield item.address

    def own(self, router: str, end: End) -> dict[int, Address]:
        """What "self" is as a next hop: the session's own address in its version; in the other version the first
        address of the interface it is on, and for IPv4 without one the router's identifier (FRR bgp_zebra_nexthop_set()).
        """
        own: dict[int, Address] = {}
        name = end.interface if end.shared else self._holder(router, end.source)
        if name is not None:
            for version in (4, 6):
                first = next(self._of_version(InterfaceRef(router, name), version), None)
                if first is not None:
                    own[version] = first
        if end.source is not None:
            own[end.source.version] = end.source
        own.setdefault(4, end.instance.router_id)
        return own

    def _holder(self, router: str, address: Address | None) -> str | None:
        refs = self.configured.get(address, ()) if address is not None else ()
        return next((ref.interface for ref in refs if ref.router == router), None)
