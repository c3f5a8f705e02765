"""What stands in a lab and how it is wired: values worked out from a network and an overlay, nothing started yet.

Every router of the network is a node with the interface names of its configuration; so is every external network, every
DNS site, and every host that a declared service needs. Links are veth pairs; a segment of three or more is a bridge in
the node ``switch``. What hangs on nothing ends in the node ``ends``: its far end is up, so there is carrier and
nobody. An interface that the network or the overlay holds down has a far end that is down: no carrier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.endpoints import first_address
from backstay.model.errors import Unproven
from backstay.model.network import Interface, InterfaceRef, Link, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.source import Remark

ROUTER, NEIGHBOR, DNS, HOST, SWITCH, ENDS = "router", "neighbor", "dns", "host", "switch", "ends"
FIRST_AS_OF_NOBODY = 64999
"""The AS of a speaker that the configuration asks for as ``external`` and nobody declares."""


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """An address with its length, on an interface of a node that is no router."""

    interface: str
    address: Address
    length: int

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


@dataclass(frozen=True, slots=True, order=True)
class Meeting:
    """Where a node meets a router of the network: its own address and the router's, on the same subnet."""

    router: str
    own: Address
    peer: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One namespace. ``subject`` is what it stands for: a router, neighbour, (anycast, site) as ``dns/ath``, an interface.
    ``held`` are addresses the lab sets (a router's come from its configuration), ``gateways`` default routes.
    """

    name: str
    kind: str
    subject: str
    held: tuple[Held, ...] = ()
    gateways: tuple[Address, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    asn: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """An interface of a node."""

    node: str
    interface: str
    mtu: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A segment. One port: a stub (``dark``: without carrier); two: a veth pair; more: a bridge."""

    ports: tuple[Port, ...]
    dark: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """All of a lab. ``remarks`` say what of the network could not be built: an engine must call that unknown."""

    nodes: Mapping[str, Node]
    wires: tuple[Wire, ...]
    remarks: tuple[Remark, ...] = ()

    def of_kind(self, kind: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if node.kind == kind)

    def holder(self, address: Address) -> Node | None:
        """The node that is no router and carries the address; a DNS site's own rather than its anycast one."""
        for node in self.nodes.values():
            if any(item.address == address and item.interface != "lo" for item in node.held):
                return node
        return next((n for n in self.nodes.values() if any(h.address == address for h in n.held)), None)


def design(network: Network, overlay: Overlay) -> Design:
    """The lab of a network under an overlay. Raises `Unproven` for what no lab of this kind can be: another vendor's
    router, a VRF, an overlay that names what is not there.
    """
    _refuse(network, overlay)
    return _Drawing(network, overlay).finished()


def _refuse(network: Network, overlay: Overlay) -> None:
    for router in network.routers.values():
        if router.vendor != "frr":
            raise Unproven(f"{router.name}: the lab builds FRR routers, this one is {router.vendor}")
        if router.vrfs - {DEFAULT_VRF} or any(i.vrf != DEFAULT_VRF for i in router.interfaces.values()):
            raise Unproven(f"{router.name}: it has VRFs, and the lab has none")
        long = next((name for name in router.interfaces if len(name.encode()) > 15), None)
        if long:
            raise Unproven(f"{router.name}: Linux takes interface names of 15 letters, {long} has more")
    known_links, known_routers = set(network.links), set(network.routers)
    missing = sorted((overlay.links_down - known_links) | (overlay.routers_down - known_routers))
    if missing:
        raise Unproven(f"overlay: {missing[0]} is not in network {network.name}")


@dataclass(slots=True)
class _Speaker:
    """An outside node while it is put together."""

    name: str
    kind: str
    subject: str
    asn: int | None
    held: list[Held] = field(default_factory=list)
    gateways: list[Address] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    ports: dict[InterfaceRef, str] = field(default_factory=dict)

    def node(self) -> Node:
        return Node(
            name=self.name,
            kind=self.kind,
            subject=self.subject,
            asn=self.asn,
            held=tuple(sorted(set(self.held))),
            gateways=tuple(sorted(set(self.gateways))),
            meetings=tuple(sorted(set(self.meetings))),
        )


class _Drawing:
    def __init__(self, network: Network, overlay: Overlay) -> None:
        self.network, self.overlay = network, overlay
        self.routers = [r for name, r in network.routers.items() if name not in overlay.routers_down]
        self.taken: set[str] = {SWITCH, ENDS}
        self.names = {router.name: self._slug(router.name) for router in self.routers}
        self.speakers: dict[str, _Speaker] = {}
        self.remarks: list[Remark] = []
        self.owned = {
            item.address
            for router in network.routers.values()
            for interface in router.interfaces.values()
            for item in interface.addresses
        }

    def _slug(self, text: str) -> str:
        wanted = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")[:40] or "node"
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name

    def finished(self) -> Design:
        self._neighbors()
        self._dns_sites()
        self._nameless()
        self._hosts()
        nodes = [Node(name=self.names[r.name], kind=ROUTER, subject=r.name) for r in self.routers]
        nodes += [speaker.node() for speaker in self.speakers.values()]
        nodes += [Node(name=SWITCH, kind=SWITCH, subject=""), Node(name=ENDS, kind=ENDS, subject="")]
        return Design(
            nodes={node.name: node for node in nodes}, wires=tuple(self._wires()), remarks=tuple(self.remarks)
        )

    # --------------------------------------------------------------------------------- outside nodes

    def _speaker(self, key: str, wanted: str, kind: str, asn: int | None = None) -> _Speaker:
        if key not in self.speakers:
            self.speakers[key] = _Speaker(name=self._slug(wanted), kind=kind, subject=key, asn=asn)
        return self.speakers[key]

    def _neighbors(self) -> None:
        for neighbor in self.network.neighbors.values():
            speaker = self._speaker(neighbor.name, f"net-{neighbor.name}", NEIGHBOR, neighbor.asn)
            for item in neighbor.attachments:
                self._meet(speaker, item.router, item.address)
            for announced in neighbor.announcements:
                if not announced.prefix.is_default:
                    self._loop(speaker, announced.prefix)

    def _loop(self, speaker: _Speaker, prefix: Prefix) -> None:
        first = first_address(prefix)
        speaker.held.append(Held("lo", first, first.host_prefix.length))

    def _dns_sites(self) -> None:
        for anycast in self.network.anycasts.values():
            for origin in anycast.origins:
                if origin.address is None:
                    text = f"{anycast.name} at {origin.site}: {origin.router} itself announces it; the lab cannot withdraw it"
                    self.remarks.append(Remark("lab-origin", text, origin.router))
                    continue
                key = f"{anycast.name}/{origin.site}"
                speaker = self._speaker(key, f"{anycast.name}-{origin.site}", DNS, origin.asn)
                gateway = self._meet(speaker, origin.router, origin.address)
                if gateway:
                    speaker.gateways.append(gateway)
                for prefix in anycast.prefixes:
                    self._loop(speaker, prefix)

    def _nameless(self) -> None:
        """BGP neighbours in configurations that nobody declares: speakers that announce nothing."""
        met = {(m.router, m.own) for speaker in self.speakers.values() for m in speaker.meetings}
        for router in self.routers:
            for process in router.bgp:
                for neighbor in process.neighbors.values():
                    peer = neighbor.peer
                    if not isinstance(peer, Address) or peer in self.owned or (router.name, peer) in met:
                        continue
                    if self._facing(router.name, peer) is None or neighbor.remote_as is None:
                        continue
                    asn = {"internal": process.asn, "external": FIRST_AS_OF_NOBODY}.get(str(neighbor.remote_as))
                    number = asn if asn is not None else int(neighbor.remote_as)
                    key = f"as{neighbor.remote_as}@{router.name}/{peer}"
                    self._meet(self._speaker(key, f"net-{router.name}-{peer}", NEIGHBOR, number), router.name, peer)

    def _meet(self, speaker: _Speaker, router: str, address: Address) -> Address | None:
        """Put the speaker's address on the segment of the router's interface that shares its subnet; the router's own
        address there. None (and a remark) where there is none.
        """
        known = self.network.router_named(router)
        found = self._facing(known.name, address) if known else None
        if known is None or found is None:
            text = f"{speaker.subject}: no interface of {router} is in the subnet of {address}"
            self.remarks.append(Remark("lab-attachment", text, router))
            return None
        interface, own, length = found
        port = self._port(speaker, InterfaceRef(known.name, interface.name))
        speaker.held.append(Held(port, address, length))
        speaker.meetings.append(Meeting(known.name, address, own))
        return own

    def _port(self, speaker: _Speaker, ref: InterfaceRef) -> str:
        """The speaker's interface on the segment the router's interface is on."""
        anchor = self._anchor(ref)
        return speaker.ports.setdefault(anchor, f"eth{len(speaker.ports)}")

    def _anchor(self, ref: InterfaceRef) -> InterfaceRef:
        link = next((link for link in self.network.links.values() if ref in link.ends), None)
        return min(link.ends) if link else ref

    def _facing(self, router: str, address: Address) -> tuple[Interface, Address, int] | None:
        """The router's interface in whose subnet the address is, the router's address there, the subnet's length."""
        best: tuple[int, Interface, Address] | None = None
        for interface in self.network.routers[router].interfaces.values():
            for item in interface.addresses:
                subnet = item.peer or item.prefix
                shared = subnet.holds(address) and not (item.prefix.is_host and item.peer is None)
                if shared and (best is None or subnet.length > best[0]):
                    best = (subnet.length, interface, item.address)
        return (best[1], best[2], best[0]) if best else None

    # --------------------------------------------------------------------------------- hosts

    def _hosts(self) -> None:
        for site, address in self._wanted():
            if address in self.owned or any(h.address == address for s in self.speakers.values() for h in s.held):
                continue
            routers = [*(self.network.sites[site].routers if site in self.network.sites else ()), *self.names]
            found = next(
                ((name, f) for name in routers if name in self.names and (f := self._facing(name, address))), None
            )
            if found is None:
                text = f"{site}: no interface carries the subnet of {address}; nobody answers there"
                self.remarks.append(Remark("lab-host", text))
                continue
            router, (facing, own, length) = found
            ref = InterfaceRef(router, facing.name)
            speaker = self._speaker(f"{ref}", f"host-{router}-{facing.name}", HOST)
            speaker.held.append(Held(self._port(speaker, ref), address, length))
            speaker.gateways.append(own)

    def _wanted(self) -> Iterator[tuple[str, Address]]:
        """(site, address) of what the declarations say lives in the network, sorted."""
        wanted = {(site, address) for service in self.network.services.values() for site, address in service.addresses}
        for site in self.network.sites.values():
            wanted |= {(site.name, first_address(prefix)) for prefix in site.prefixes}
        yield from sorted(wanted)

    # --------------------------------------------------------------------------------- wires

    def _wires(self) -> Iterator[Wire]:
        guests: dict[InterfaceRef, list[Port]] = {}
        for speaker in self.speakers.values():
            for anchor, port in speaker.ports.items():
                guests.setdefault(anchor, []).append(Port(speaker.name, port))
        linked: set[InterfaceRef] = set()
        for link in self.network.links.values():
            linked.update(link.ends)
            yield from self._segment(link.ends, guests.pop(min(link.ends), []), link)
        for router in self.routers:
            for interface in router.interfaces.values():
                ref = InterfaceRef(router.name, interface.name)
                if ref not in linked and interface.name != "lo":
                    yield from self._segment((ref,), guests.pop(ref, []), None)
        for anchor, ports in guests.items():
            yield Wire(ports=tuple(ports), dark=anchor.router not in self.names or len(ports) == 1)

    def _segment(self, ends: tuple[InterfaceRef, ...], guests: list[Port], link: Link | None) -> Iterator[Wire]:
        down = self.network.interfaces_down | self.overlay.interfaces_down
        present = [end for end in ends if end.router in self.names]
        dead = {end for end in ends if end in down or end.router not in self.names}
        if link and (link.name in self.overlay.links_down or (len(ends) == 2 and dead)):
            dead = set(ends)
        alive = [self._own_port(end) for end in present if end not in dead]
        for end in present:
            if end in dead:
                yield Wire(ports=(self._own_port(end),), dark=True)
        if alive:
            yield Wire(ports=(*alive, *guests))
        else:
            yield from (Wire(ports=(guest,), dark=True) for guest in guests)

    def _own_port(self, ref: InterfaceRef) -> Port:
        interface = self.network.routers[ref.router].interfaces[ref.interface]
        return Port(self.names[ref.router], ref.interface, interface.mtu)
