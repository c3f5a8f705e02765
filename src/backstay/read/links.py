"""Which interfaces are on one wire: declared cabling first, shared subnets for the rest.

An interface named by the cabling (``links`` of `backstay.yaml`, a layer-1 file) is where the cabling says. Of the
others, those of one VRF with an address in one subnet are joined. Derived from values alone, so that a change that
moves an address has its links derived again.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from backstay.model.address import BITS, Address, Prefix
from backstay.model.network import Interface, InterfaceAddress, InterfaceRef, Link, Router
from backstay.model.source import Place, Remark
from backstay.read.units import link_name


class Wiring(NamedTuple):
    """Links by name, sorted; ``clashes`` are declared links whose ends have no subnet in common: not among ``links``,
    since no adjacency comes up over them. The reader of a folder refuses them, a change may pass through them.
    """

    links: dict[str, Link]
    clashes: tuple[Remark, ...]


class Duplicate(NamedTuple):
    """One address on two routers that share its subnet."""

    address: Address
    first: InterfaceRef
    first_place: Place
    second: InterfaceRef
    second_place: Place

    @property
    def text(self) -> str:
        return f"{self.second} has the address {self.address} of {self.first} ({self.first_place})"


Member = tuple[InterfaceRef, Interface, InterfaceAddress]
Subnet = tuple[str, Prefix]


def derive(routers: Mapping[str, Router], cabling: Iterable[Link] = ()) -> Wiring:
    """Links between the routers: every declared one whose ends can speak to each other, and those that shared
    subnets show. Capacities the cabling leaves out come from the interfaces' ``bandwidth``.
    """
    cables = tuple(cabling)
    cabled = frozenset(end for link in cables for end in link.ends)
    clashes = {link.name: remark for link in cables if (remark := _clash(routers, link))}
    found = {link.name: link for link in cables if link.name not in clashes}
    for ends in _segments(routers, cabled):
        link = Link(name=link_name(ends), ends=ends)
        found.setdefault(link.name, link)
    links = {name: _with_bandwidth(routers, found[name]) for name in sorted(found)}
    return Wiring(links, tuple(clashes[name] for name in sorted(clashes)))


def interface_of(routers: Mapping[str, Router], end: InterfaceRef) -> Interface | None:
    router = routers.get(end.router)
    return router.interfaces.get(end.interface) if router else None


def wire_view(router: Router) -> tuple[object, ...]:
    """All of a router that links depend on: equal views give equal links."""
    return tuple(
        (item.name, item.vrf, item.kind, item.enabled, item.management, item.bandwidth, subnets)
        for name in sorted(router.interfaces)
        for item in (router.interfaces[name],)
        for subnets in (tuple((one.address, one.prefix) for one in item.addresses),)
    )


def _members(routers: Mapping[str, Router]) -> dict[Subnet, list[Member]]:
    """Interfaces by the subnets they have an address in: subnets of more than one host, link-local left out."""
    found: dict[Subnet, list[Member]] = defaultdict(list)
    for router in routers.values():
        for interface in router.interfaces.values():
            if interface.kind == "loopback" or interface.management:
                continue
            for item in interface.addresses:
                subnet = item.peer or item.prefix
                if not _joins(subnet, item.address):
                    continue
                found[interface.vrf, subnet].append((InterfaceRef(router.name, interface.name), interface, item))
    return found


def _joins(subnet: Prefix, address: Address) -> bool:
    """Whether a subnet says who is on the same wire: host routes and fe80::/10 stand on every interface."""
    return subnet.length < BITS[subnet.version] and not (address.version == 6 and address.is_link_local)


def _segments(routers: Mapping[str, Router], cabled: frozenset[InterfaceRef]) -> list[tuple[InterfaceRef, ...]]:
    """Groups of two or more interfaces joined by any subnet, each sorted, of more than one router."""
    parent: dict[InterfaceRef, InterfaceRef] = {}

    def root(end: InterfaceRef) -> InterfaceRef:
        while parent.setdefault(end, end) != end:
            parent[end] = parent[parent[end]]
            end = parent[end]
        return end

    for members in _members(routers).values():
        ends = [end for end in _plugged_in(members) if end not in cabled]
        for end in ends[1:]:
            parent[root(end)] = root(ends[0])
    groups: dict[InterfaceRef, list[InterfaceRef]] = defaultdict(list)
    for end in list(parent):
        groups[root(end)].append(end)
    return sorted(tuple(sorted(ends)) for ends in groups.values() if len({end.router for end in ends}) > 1)


def _plugged_in(members: list[Member]) -> list[InterfaceRef]:
    """Enabled interfaces of a subnet, and shut ones still plugged in: not replaced by an enabled interface of the
    same router or with the same address. (The wire stays where it is when an interface is shut down.)
    """
    routers = {end.router for end, interface, _ in members if interface.enabled}
    taken = {item.address for _, interface, item in members if interface.enabled}
    return [
        end
        for end, interface, item in members
        if interface.enabled or (end.router not in routers and item.address not in taken)
    ]


def _clash(routers: Mapping[str, Router], link: Link) -> Remark | None:
    """A remark when two ends of the link both have subnets of some IP version, none in common, and of no version."""
    interfaces = [interface_of(routers, end) for end in link.ends]
    for index, first in enumerate(interfaces):
        for offset, second in enumerate(interfaces[index + 1 :], start=index + 1):
            text = _apart(first, second) if first and second else None
            if text:
                ends = f"{link.ends[index]} and {link.ends[offset]}"
                return Remark(
                    "link-subnets", f"link {link.name}: {ends} are in different subnets: {text}", None, link.place
                )
    return None


def _apart(first: Interface, second: Interface) -> str | None:
    """How two interfaces' subnets differ; None when some version agrees or neither version can be compared."""
    differing = []
    for version in (4, 6):
        one, other = _subnets(first, version), _subnets(second, version)
        if one & other:
            return None
        if one and other:
            differing.append(f"{_listed(one)} and {_listed(other)}")
    return "; ".join(differing) if differing else None


def _subnets(interface: Interface, version: int) -> frozenset[Prefix]:
    subnets = ((item.peer or item.prefix, item.address) for item in interface.addresses)
    return frozenset(subnet for subnet, own in subnets if own.version == version and _joins(subnet, own))


def _listed(prefixes: frozenset[Prefix]) -> str:
    return ", ".join(str(prefix) for prefix in sorted(prefixes))


def _with_bandwidth(routers: Mapping[str, Router], link: Link) -> Link:
    """The link with what its ends send filled in from ``bandwidth`` where nobody declared it."""
    if link.capacity is not None:
        return link
    said = {
        end: interface.bandwidth
        for end in link.ends
        if end not in link.capacities and (interface := interface_of(routers, end)) and interface.bandwidth
    }
    if not said:
        return link
    if not link.capacities and len(set(said.values())) == 1:
        return dataclasses.replace(link, capacity=next(iter(said.values())))
    return dataclasses.replace(link, capacities={**link.capacities, **said})


def duplicates(routers: Mapping[str, Router]) -> list[Duplicate]:
    """Addresses that two enabled interfaces of one VRF on different routers have in a subnet they share.

    Interfaces that declared cabling puts on different wires count too: the address is still taken twice.
    Host addresses are not among them: the same /32 on several routers is how anycast is configured.
    """
    found = []
    for members in _members(routers).values():
        holders: dict[Address, Member] = {}
        for member in members:
            if not member[1].enabled:
                continue
            first = holders.setdefault(member[2].address, member)
            if first[0].router != member[0].router:
                found.append(_duplicate(first, member))
    return sorted(found)


def _duplicate(first: Member, second: Member) -> Duplicate:
    return Duplicate(second[2].address, first[0], first[2].place, second[0], second[2].place)


def anycast_hosts(routers: Mapping[str, Router]) -> list[Remark]:
    """Host addresses configured on several routers: legal (anycast), and worth knowing."""
    holders: dict[tuple[str, Address], set[str]] = defaultdict(set)
    for router in routers.values():
        for interface in router.interfaces.values():
            for item in interface.addresses:
                local = item.address.version == 6 and item.address.is_link_local
                if item.prefix.is_host and interface.enabled and not interface.management and not local:
                    holders[interface.vrf, item.address].add(router.name)
    return [
        Remark("anycast-address", f"{address} is on {len(names)} routers: {', '.join(sorted(names))}")
        for (_, address), names in sorted(holders.items())
        if len(names) > 1 and not (address.version == 4 and address.value >> 24 == 127)
    ]
