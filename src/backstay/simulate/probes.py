"""What the health of anycast sites hangs on under a failure that leaves all live routers within reach of each other.

Probes go over the interior protocol as everything else does: then only the loss of a router can silence one, and only of one
that a probe begins at, ends at, or that brings its destination into the interior.
"""

from __future__ import annotations

from collections.abc import Iterator

from backstay.model.address import Address
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.network import Network
from backstay.model.routing import DEFAULT_VRF
from backstay.model.service import Anycast, Origin
from backstay.simulate.exits import INTERIOR, OWN
from backstay.simulate.flows import Forwarding

Probe = tuple[str, Address]
"""(router it is sent from, destination)"""


def watched(forwarding: Forwarding) -> frozenset[str] | None:
    """Routers whose loss some site's health may notice; None where it hangs on more than live routers reaching each
    other by the interior protocol (a service, a route of BGP's).
    """
    network = forwarding.network
    anycasts = [anycast for anycast in network.anycasts.values() if anycast.health.need > 0]
    probes = sorted({probe for anycast in anycasts for probe in _probes(network, anycast)})
    if any(_asks_services(network, anycast) for anycast in anycasts):
        return None
    if not all(_inside(forwarding, router, address) for router, address in probes):
        return None
    ends = {router for router, _ in probes}
    return frozenset(ends.union(*(_holders(network, address) for _, address in probes)))


def _asks_services(network: Network, anycast: Anycast) -> bool:
    return any(target in network.services and target not in network.sites for target in anycast.health.targets)


def _probes(network: Network, anycast: Anycast) -> Iterator[Probe]:
    """There from every origin to every target, and back."""
    for origin in anycast.origins:
        for target in anycast.health.targets:
            for version in (4, 6):
                own = _speaker(network, origin, version)
                if own is None:
                    continue
                yield from ((origin.router, address) for address in addresses(network, target, version))
                yield from ((router, own) for router in entries(network, target))


def _speaker(network: Network, origin: Origin, version: int) -> Address | None:
    if origin.address is not None:
        return origin.address if origin.address.version == version else None
    router = network.routers.get(origin.router)
    return loopback(router, version) if router else None


def _inside(forwarding: Forwarding, router: str, address: Address) -> bool:
    """Whether the probe leaves by the interior protocol or the router's own subnets, or goes nowhere already."""
    computed = forwarding.fib.computed
    if computed.topology.owns(router, DEFAULT_VRF, address):
        return True
    found = computed.tables.lookup(router, DEFAULT_VRF, address)
    return found is None or found[1].protocol in INTERIOR | OWN


def _holders(network: Network, address: Address) -> set[str]:
    """Routers on a subnet that holds the address."""
    return {
        router.name
        for router in network.routers.values()
        for interface in router.interfaces.values()
        if any(item.prefix.holds(address) for item in interface.addresses)
    }
