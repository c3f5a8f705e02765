"""The flows that must survive: declared ones and those that follow from what the sites are.

Both engines answer for the same list of flows, so that their answers can be held side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.address import Address
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.network import Network, Site
from backstay.model.routing import DEFAULT_VRF

DATA_CENTER_ROLES = frozenset({"data-center", "dc"})


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Packets entering at ``router`` (default VRF) towards ``destination``. Its name is unique and stable:
    ``pop-to-dc fra>ash v4 fra1>10.255.0.2``. ``kind``: declared, pop-to-dc, dc-to-dc, reflector, customer.
    """

    name: str
    kind: str
    router: str
    destination: Address
    source_place: str
    destination_place: str


def protected_flows(network: Network) -> tuple[Flow, ...]:
    """Every flow the network must keep, sorted by name, without repeats.

    Implied (unless `Protection.implied` is off): every site to every data centre (v4 and v6), data centre to data
    centre, every router to the far end of each of its internal multihop BGP sessions (loopback to loopback: the
    route-reflector mesh), every data centre to each customer's announced prefixes.
    """
    found: dict[str, Flow] = {}
    for declared in network.protection.flows:
        _add(found, network, declared.name, declared.source, declared.destination, "declared")
    if network.protection.implied:
        _add_implied(found, network)
    return tuple(found[name] for name in sorted(found))


def _add_implied(found: dict[str, Flow], network: Network) -> None:
    centers = [site for site in network.sites.values() if site.role in DATA_CENTER_ROLES]
    for center in centers:
        for site in network.sites.values():
            if site.name != center.name and site.routers:
                kind = "dc-to-dc" if site in centers else "pop-to-dc"
                _add(found, network, kind, site.name, center.name, kind)
        for neighbor in network.neighbors.values():
            if neighbor.kind == "customer":
                _add(found, network, "customer", center.name, neighbor.name, "customer")
    _add_reflector_mesh(found, network)


def _add(found: dict[str, Flow], network: Network, label: str, source: str, destination: str, kind: str) -> None:
    for version in (4, 6):
        for address in addresses(network, destination, version):
            for router in entries(network, source):
                _keep(found, network, label, kind, router, address, source, destination)


def _keep(
    found: dict[str, Flow],
    network: Network,
    label: str,
    kind: str,
    router: str,
    address: Address,
    source: str,
    destination: str,
) -> None:
    if loopback(network.routers[router], address.version) is None:
        return
    name = f"{label} {source}>{destination} v{address.version} {router}>{address}"
    found[name] = Flow(name, kind, router, address, source, destination)


def _add_reflector_mesh(found: dict[str, Flow], network: Network) -> None:
    owners = _loopback_owners(network)
    for router in network.routers.values():
        for process in router.bgp:
            if process.vrf != DEFAULT_VRF:
                continue
            for neighbor in process.neighbors.values():
                remote = owners.get(neighbor.peer) if isinstance(neighbor.peer, Address) else None
                if remote and remote != router.name and not neighbor.shutdown:
                    address = neighbor.peer
                    assert isinstance(address, Address)
                    name = f"reflector {router.name}>{remote} v{address.version} {router.name}>{address}"
                    found[name] = Flow(name, "reflector", router.name, address, router.name, remote)


def _loopback_owners(network: Network) -> dict[Address | str, str]:
    return {
        address.address: router.name
        for router in network.routers.values()
        for interface in router.interfaces.values()
        if interface.kind == "loopback"
        for address in interface.addresses
    }


def sites_of(network: Network, router: str) -> tuple[Site, ...]:
    """The sites a router belongs to, in name order."""
    return tuple(site for site in network.sites.values() if router.casefold() in {r.casefold() for r in site.routers})
