"""What the name of a place means for traffic: where it enters the network and which addresses it goes to."""

from __future__ import annotations

from backstay.model.address import Address, Prefix
from backstay.model.network import Network, Router
from backstay.model.routing import DEFAULT_VRF


def loopback(router: Router, version: int) -> Address | None:
    """The router's own address: the first global host address of a loopback interface in the default VRF, by
    interface name; else its lowest global address; None without any.
    """
    candidates = sorted(
        (
            interface.kind != "loopback",
            interface.name,
            address.address,
        )
        for interface in router.interfaces.values()
        if interface.vrf == DEFAULT_VRF and interface.enabled and not interface.management
        for address in interface.addresses
        if address.address.version == version
        and not address.address.is_link_local
        and not _is_loopback_range(address.address)
    )
    return candidates[0][2] if candidates else None


def _is_loopback_range(address: Address) -> bool:
    """127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1 (RFC 4291 2.5.3)."""
    return address.value >> 24 == 127 if address.version == 4 else address.value == 1


def first_address(prefix: Prefix) -> Address:
    """The address that stands for a prefix: the first usable one (the network address itself for a host prefix or
    a point-to-point /31 or /127).
    """
    bits = 32 if prefix.version == 4 else 128
    return Address(prefix.version, prefix.value + (1 if prefix.length < bits - 1 else 0))


def entries(network: Network, name: str) -> tuple[str, ...]:
    """Routers where traffic *from* the place enters, sorted; () for a place nobody knows.

    A site: its routers. A router: itself. An external neighbour: the routers it is attached to. An anycast: the
    routers of its origins.
    """
    if name in network.sites:
        known = (network.router_named(router) for router in network.sites[name].routers)
        return tuple(sorted(router.name for router in known if router))
    router = network.router_named(name)
    if router:
        return (router.name,)
    if name in network.neighbors:
        return tuple(sorted({item.router for item in network.neighbors[name].attachments}))
    if name in network.anycasts:
        return tuple(sorted({origin.router for origin in network.anycasts[name].origins}))
    return ()


def addresses(network: Network, name: str, version: int) -> tuple[Address, ...]:
    """Addresses traffic *to* the place goes to, of one IP version, sorted; () if it has none of that version.

    A site: the first address of each of its prefixes, else the loopbacks of its routers. A router: its loopback.
    An external neighbour: the first address of each announced prefix. An anycast: of each of its prefixes.
    A prefix written out: its first address.
    """
    if name in network.sites:
        site = network.sites[name]
        prefixes = [prefix for prefix in site.prefixes if prefix.version == version]
        if prefixes:
            return tuple(sorted(first_address(prefix) for prefix in prefixes))
        return _loopbacks(network, site.routers, version)
    if network.router_named(name):
        return _loopbacks(network, (name,), version)
    if name in network.neighbors:
        offered = {item.prefix for item in network.neighbors[name].announcements}
        return tuple(sorted(first_address(prefix) for prefix in offered if prefix.version == version))
    if name in network.anycasts:
        return tuple(sorted(first_address(p) for p in network.anycasts[name].prefixes if p.version == version))
    return _written_out(name, version)


def _loopbacks(network: Network, names: tuple[str, ...], version: int) -> tuple[Address, ...]:
    routers = (network.router_named(name) for name in names)
    found = (loopback(router, version) for router in routers if router)
    return tuple(sorted(address for address in found if address))


def _written_out(name: str, version: int) -> tuple[Address, ...]:
    try:
        prefix = Prefix.parse(name)
    except ValueError:
        return ()
    return (first_address(prefix),) if prefix.version == version else ()


def known_place(network: Network, name: str, *, as_source: bool) -> bool:
    """Whether the name means anything; a prefix is a place to go to, not one to come from."""
    if entries(network, name):
        return True
    return not as_source and bool(addresses(network, name, 4) or addresses(network, name, 6))
