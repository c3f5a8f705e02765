"""What is up and what is next to what, from the configurations, the links and an overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.network import Interface, InterfaceAddress, InterfaceRef, Link, Network, Overlay
from backstay.simulate.seams import Topology


def derive(network: Network, overlay: Overlay) -> Topology:
    """Which interfaces are up, which share a segment and who owns which address.

    An interface is up when its router lives, its configuration enables it, neither the network nor the overlay holds
    it down, its link is not cut and, on a two-ended link, the other end is not down either: a fibre has no carrier
    with one end dark. Raises `Unproven` when the overlay names something the network does not have.
    """
    _refuse_unknown_names(network, overlay)
    routers = tuple(sorted(name for name in network.routers if name not in overlay.routers_down))
    links = {end: link.name for link in network.links.values() for end in link.ends}
    up = _interfaces_up(network, overlay, routers)
    return Topology(
        routers=routers,
        up=frozenset(up),
        peers=_peers(network.links.values(), up),
        links=links,
        owners=_owners(network, up),
    )


def _refuse_unknown_names(network: Network, overlay: Overlay) -> None:
    for name in sorted(overlay.routers_down - network.routers.keys()):
        raise Unproven(f"overlay: no router {name} in network {network.name}")
    for name in sorted(overlay.links_down - network.links.keys()):
        raise Unproven(f"overlay: no link {name} in network {network.name}")
    for ref in sorted(overlay.interfaces_down):
        router = network.routers.get(ref.router)
        if router is None or ref.interface not in router.interfaces:
            raise Unproven(f"overlay: no interface {ref} in network {network.name}")


def _interfaces_up(network: Network, overlay: Overlay, routers: tuple[str, ...]) -> set[InterfaceRef]:
    down = network.interfaces_down | overlay.interfaces_down
    up = {
        InterfaceRef(name, interface.name)
        for name in routers
        for interface in network.routers[name].interfaces.values()
        if interface.enabled
    } - down
    for link in network.links.values():
        dark = link.name in overlay.links_down or (len(link.ends) == 2 and not up.issuperset(link.ends))
        if dark:
            up.difference_update(link.ends)
    return up


def _peers(links: Iterable[Link], up: set[InterfaceRef]) -> Mapping[InterfaceRef, tuple[InterfaceRef, ...]]:
    found: dict[InterfaceRef, set[InterfaceRef]] = {}
    for link in links:
        alive = [end for end in link.ends if end in up]
        for end in alive:
            found.setdefault(end, set()).update(other for other in alive if other != end)
    return {end: tuple(sorted(others)) for end, others in sorted(found.items())}


def _owners(network: Network, up: set[InterfaceRef]) -> Mapping[tuple[str, Address], tuple[InterfaceRef, ...]]:
    found: dict[tuple[str, Address], list[InterfaceRef]] = {}
    for ref in sorted(up):
        interface = network.routers[ref.router].interfaces[ref.interface]
        if interface.management:
            continue
        for item in usable_addresses(interface):
            found.setdefault((interface.vrf, item.address), []).append(ref)
    return {key: tuple(refs) for key, refs in found.items()}


def usable_addresses(interface: Interface, version: int | None = None) -> Iterator[InterfaceAddress]:
    """The interface's addresses that route: neither link-local (RFC 4291 2.5.6, RFC 3927) nor of the host itself
    (127/8, ::1), in configuration order.
    """
    for item in interface.addresses:
        address = item.address
        own = address.value >> 24 == 127 if address.version == 4 else address.value == 1
        if not own and not address.is_link_local and version in (None, address.version):
            yield item


def configured_addresses(network: Network) -> frozenset[Address]:
    """Every address of ours, up or not: nobody else answers for it."""
    return frozenset(
        address.address
        for router in network.routers.values()
        for interface in router.interfaces.values()
        for address in interface.addresses
    )


def shared_subnet(one: Interface, other: Interface, version: int) -> bool:
    """Whether the two have addresses in one subnet, or both are unnumbered (host addresses only)."""
    mine = list(usable_addresses(one, version))
    theirs = list(usable_addresses(other, version))
    if any(a.prefix == b.prefix or _points_at(a, b) for a in mine for b in theirs):
        return True
    return bool(mine and theirs) and all(item.prefix.is_host for item in (*mine, *theirs))


def _points_at(one: InterfaceAddress, other: InterfaceAddress) -> bool:
    """``ip address A peer B``: a point-to-point pair without a common subnet."""
    return bool(one.peer and one.peer.holds(other.address))


def facing_address(one: Interface, other: Interface, version: int) -> Address | None:
    """The address of ``other`` that ``one`` sends to: the first in a common subnet, else (unnumbered) its first."""
    mine = list(usable_addresses(one, version))
    theirs = list(usable_addresses(other, version))
    for item in theirs:
        if any(item.prefix == own.prefix or _points_at(own, item) for own in mine):
            return item.address
    return theirs[0].address if theirs else None
