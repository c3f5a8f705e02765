"""Connected and local routes: what a router has from its own interfaces."""

from __future__ import annotations

from backstay.model.address import Prefix
from backstay.model.network import Interface, InterfaceAddress, InterfaceRef, Router
from backstay.model.state import NextHop, Route
from backstay.model.vendor import Semantics
from backstay.simulate.seams import Topology
from backstay.simulate.topology import usable_addresses

Connected = dict[Prefix, Route]


def connected(router: Router, semantics: Semantics, topology: Topology) -> dict[str, Connected]:
    """Connected (and, where the vendor shows them, local) routes of each VRF.

    One interface per prefix: a loopback before others, then by name (`show ip route` of Cumulus 3.7 prefers lo).
    """
    found: dict[str, Connected] = {}
    interfaces = sorted(router.interfaces.values(), key=lambda item: (item.kind != "loopback", item.name))
    for interface in interfaces:
        if interface.management or InterfaceRef(router.name, interface.name) not in topology.up:
            continue
        table = found.setdefault(interface.vrf, {})
        for item in usable_addresses(interface):
            _add(table, interface, item, semantics)
    return found


def _add(table: Connected, interface: Interface, item: InterfaceAddress, semantics: Semantics) -> None:
    hops = (NextHop(interface=interface.name),)
    prefix = item.peer or item.prefix
    table.setdefault(prefix, _route("connected", semantics, hops))
    if semantics.local_routes and not prefix.is_host:
        table.setdefault(item.address.host_prefix, _route("local", semantics, hops))


def _route(protocol: str, semantics: Semantics, hops: tuple[NextHop, ...]) -> Route:
    return Route(
        protocol=protocol,
        distance=semantics.distances[protocol],
        metric=0,
        next_hops=hops,
        forwarding=hops,
    )
