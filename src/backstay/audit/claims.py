"""Prefixes that belong to a place, and routers elsewhere that a change makes answer for them.

A subnet on the wrong router draws the place's traffic and looks like a delivery: the packets arrive, at nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceAddress, Network, Router
from backstay.model.routing import DEFAULT_VRF


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """``router`` answers for ``prefix`` (a subnet or an address of its own, a discard route), all or part of what is
    ``place``'s.
    """

    place: str
    router: str
    prefix: Prefix


def new_claims(before: Network, after: Network, routers: Iterable[str]) -> tuple[Claim, ...]:
    """Claims that these routers did not make before, sorted."""
    names = sorted(routers)
    return tuple(sorted(_claims(after, names) - _claims(before, names)))


def _claims(network: Network, routers: Iterable[str]) -> frozenset[Claim]:
    owned = _owned(network)
    lengths = sorted({(prefix.version, prefix.length) for prefix in owned})
    known = (router for name in routers if (router := network.router_named(name)))
    return frozenset(claim for router in known for claim in _of_router(router, owned, lengths))


Owned = Mapping[Prefix, Mapping[str, frozenset[str]]]
"""Prefix -> place -> its routers, without regard to case."""


def _owned(network: Network) -> Owned:
    found: dict[Prefix, dict[str, frozenset[str]]] = defaultdict(dict)
    for site in network.sites.values():
        for prefix in site.prefixes:
            found[prefix][site.name] = frozenset(name.casefold() for name in site.routers)
    for anycast in network.anycasts.values():
        for prefix in anycast.prefixes:
            found[prefix][anycast.name] = frozenset(origin.router.casefold() for origin in anycast.origins)
    for neighbor in network.neighbors.values():
        for item in neighbor.announcements:
            if not item.prefix.is_default:
                found[item.prefix][neighbor.name] = frozenset(one.router.casefold() for one in neighbor.attachments)
    return found


def _of_router(router: Router, owned: Owned, lengths: Iterable[tuple[int, int]]) -> Iterator[Claim]:
    for prefix in _answered(router):
        covering = [
            (place, homes)
            for version, length in lengths
            if version == prefix.version and length <= prefix.length
            for place, homes in owned.get(Prefix.of(prefix.network, length), {}).items()
        ]
        if not any(router.name.casefold() in homes for _, homes in covering):
            yield from (Claim(place, router.name, prefix) for place, _ in covering)


def _answered(router: Router) -> set[Prefix]:
    """What ends at this router in the default VRF."""
    found = {item.prefix for item in _own_addresses(router)}
    return found | {item.prefix for item in router.static_routes if item.discard and item.vrf == DEFAULT_VRF}


def holders(network: Network) -> Mapping[Address, frozenset[str]]:
    """Routers by the addresses that end at them in the default VRF."""
    found: dict[Address, set[str]] = defaultdict(set)
    for router in network.routers.values():
        for item in _own_addresses(router):
            found[item.address].add(router.name)
    return {address: frozenset(names) for address, names in found.items()}


def _own_addresses(router: Router) -> Iterator[InterfaceAddress]:
    for interface in router.interfaces.values():
        if interface.enabled and not interface.management and interface.vrf == DEFAULT_VRF:
            yield from interface.addresses
