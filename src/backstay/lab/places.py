"""Where people and programs stand in a lab, and which door they knock at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from backstay.lab.design import NEIGHBOR, Design
from backstay.model.access import Service
from backstay.model.address import Address
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.network import Network

PRESENCE = 10000
"""The TCP port at which every router and host says that it is there: what health checks of sites ask."""
FIRST_SERVICE = 10001
SSH = 22


@dataclass(frozen=True, slots=True, order=True)
class Stand:
    """A node to send from, and the source address."""

    node: str
    source: Address


def ports(network: Network) -> dict[str, int]:
    """The TCP port of each service, in the order of their names."""
    return {name: FIRST_SERVICE + number for number, name in enumerate(sorted(network.services))}


def holder(network: Network, plan: Design, address: Address) -> str | None:
    """The node that answers at an address: a router of the lab, else what the lab put there."""
    for node in plan.nodes.values():
        router = network.routers.get(node.subject) if node.kind == "router" else None
        if router and any(i.address == address for f in router.interfaces.values() for i in f.addresses):
            return node.name
    found = plan.holder(address)
    return found.name if found else None


def stands(network: Network, plan: Design, place: str) -> tuple[Stand, ...]:
    """Where somebody at a place stands: a site's, a router's own addresses; an external network's users."""
    if place in network.neighbors and place not in network.sites:
        return tuple(sorted(_users(plan, place)))
    found = set()
    for version in (4, 6):
        for address in addresses(network, place, version):
            node = holder(network, plan, address)
            if node:
                found.add(Stand(node, address))
    if not found:
        found = set(_at_routers(network, plan, place))
    return tuple(sorted(found))


def _users(plan: Design, neighbor: str) -> Iterator[Stand]:
    """One user of each IP version, where a prefix begins that nobody else announces: answers to an address that several
    networks announce may come back at another one.
    """
    nodes = plan.of_kind(NEIGHBOR)
    everywhere = Counter(item.address for node in nodes for item in node.held if item.interface == "lo")
    for node in nodes:
        for version in (4, 6) if node.subject == neighbor else ():
            own = [item.address for item in node.held if item.interface == "lo" and everywhere[item.address] == 1]
            mine = [address for address in own if address.version == version]
            if mine:
                yield Stand(node.name, mine[0])


def _at_routers(network: Network, plan: Design, place: str) -> Iterator[Stand]:
    for name in entries(network, place):
        node = next((n.name for n in plan.nodes.values() if n.kind == "router" and n.subject == name), None)
        for version in (4, 6):
            own = loopback(network.routers[name], version)
            if node and own:
                yield Stand(node, own)


def instance_addresses(network: Network, service: Service, site: str) -> tuple[Address, ...]:
    """Where an instance answers: the addresses given for its site, else the site's own."""
    given = tuple(address for name, address in service.addresses if name == site)
    return given or (*addresses(network, site, 4), *addresses(network, site, 6))
