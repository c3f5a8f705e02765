"""The flows that must survive: declared ones and those that follow from what the sites are.

Both engines answer for the same list of flows, so that their answers can be held side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backstay.model.address import BITS, Address, Prefix
from backstay.model.endpoints import addresses, entries, first_address, loopback
from backstay.model.network import Network, Site
from backstay.model.routing import DEFAULT_VRF

DATA_CENTER_ROLES = frozenset({"data-center", "dc"})


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Packets entering at ``router`` (default VRF) towards ``destination``. Its name is unique and stable:
    ``pop-to-dc fra>ash v4 fra1>10.255.0.2``. ``kind``: declared, pop-to-dc, dc-to-dc, reflector, customer.
    ``whole`` is the prefix of the destination place that the packets stand for (a part of), None for an address alone.
    """

    name: str
    kind: str
    router: str
    destination: Address
    source_place: str
    destination_place: str
    whole: Prefix | None = None


def protected_flows(network: Network) -> tuple[Flow, ...]:
    """Every flow the network must keep, sorted by name, without repeats.

    Implied (unless `Protection.implied` is off): every site to every data centre (v4 and v6), data centre to data
    centre, every router to the far end of each of its internal multihop BGP sessions (loopback to loopback: the
    route-reflector mesh), every data centre to each customer's announced prefixes. A prefix that others are
    more specific than has a flow to each part that could be routed by itself (`parts`). Those of the last few networks
    are kept: engines and checks ask for the same ones.
    """
    for known_network, flows in _KEPT:
        if known_network is network:
            return flows
    flows = _worked_out(network)
    _KEPT.append((network, flows))
    return flows


_KEPT: deque[tuple[Network, tuple[Flow, ...]]] = deque(maxlen=4)


def _worked_out(network: Network) -> tuple[Flow, ...]:
    found: dict[str, Flow] = {}
    known = _configured_prefixes(network)
    for declared in network.protection.flows:
        _add(found, network, known, declared.name, declared.source, declared.destination, "declared")
    if network.protection.implied:
        _add_implied(found, network, known)
    return tuple(found[name] for name in sorted(found))


def _add_implied(found: dict[str, Flow], network: Network, known: Sequence[Prefix]) -> None:
    centers = [site for site in network.sites.values() if site.role in DATA_CENTER_ROLES]
    for center in centers:
        for site in network.sites.values():
            if site.name != center.name and site.routers:
                kind = "dc-to-dc" if site in centers else "pop-to-dc"
                _add(found, network, known, kind, site.name, center.name, kind)
        for neighbor in network.neighbors.values():
            if neighbor.kind == "customer":
                _add(found, network, known, "customer", center.name, neighbor.name, "customer")
    _add_reflector_mesh(found, network)


def _add(
    found: dict[str, Flow],
    network: Network,
    known: Sequence[Prefix],
    label: str,
    source: str,
    destination: str,
    kind: str,
) -> None:
    for address, whole in _destinations(network, known, destination):
        for router in entries(network, source):
            if loopback(network.routers[router], address.version) is None:
                continue
            name = f"{label} {source}>{destination} v{address.version} {router}>{address}"
            found[name] = Flow(name, kind, router, address, source, destination, whole)


def _destinations(network: Network, known: Sequence[Prefix], place: str) -> Iterator[tuple[Address, Prefix | None]]:
    """Addresses that stand for a place, each with the prefix it stands for a part of."""
    wholes = {first_address(prefix): prefix for prefix in _prefixes(network, place)}
    for version in (4, 6):
        for address in addresses(network, place, version):
            whole = wholes.get(address)
            yield address, whole
            yield from ((part, whole) for part in parts(whole, known) if whole and part != address)


def _prefixes(network: Network, place: str) -> tuple[Prefix, ...]:
    if place in network.sites:
        return network.sites[place].prefixes
    if place in network.neighbors:
        return tuple(item.prefix for item in network.neighbors[place].announcements)
    if place in network.anycasts:
        return network.anycasts[place].prefixes
    try:
        return (Prefix.parse(place),)
    except ValueError:
        return ()


def parts(whole: Prefix | None, known: Sequence[Prefix]) -> tuple[Address, ...]:
    """One address in each part of a prefix that the more specific ones of ``known`` (sorted) cut it into, sorted; () where
    none does. A route for half of a data centre must not hide behind the other half. The default route has no parts.
    """
    if whole is None or whole.is_default:
        return ()
    last = whole.value + (1 << BITS[whole.version] - whole.length)
    found: set[int] = set()
    for number in range(bisect_left(known, whole), len(known)):
        inner = known[number]
        if inner.version != whole.version or inner.value >= last:
            break
        if inner.length > whole.length:
            after = inner.value + (1 << BITS[inner.version] - inner.length)
            found |= {first_address(inner).value, *([after] if after < last else [])}
    return tuple(Address(whole.version, value) for value in sorted(found))


def _configured_prefixes(network: Network) -> tuple[Prefix, ...]:
    """Prefixes that could have a route in the default VRF: connected, static, originated, offered from outside."""
    found: set[Prefix] = set()
    for router in network.routers.values():
        for interface in router.interfaces.values():
            if interface.vrf == DEFAULT_VRF:
                found.update(item.prefix for item in interface.addresses)
        found.update(item.prefix for item in router.static_routes if item.vrf == DEFAULT_VRF)
        for process in router.bgp:
            for family in process.families.values():
                found.update(item.prefix for item in family.networks)
                found.update(item.prefix for item in family.aggregates)
    for neighbor in network.neighbors.values():
        found.update(item.prefix for item in neighbor.announcements)
    return tuple(sorted(found))


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
    wanted = router.casefold()
    return tuple(site for site in network.sites.values() if wanted in map(str.casefold, site.routers))
