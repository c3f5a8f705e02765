"""The two ends of a session: whom a neighbour statement means, and which statement over there answers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from backstay.model.address import Address
from backstay.model.network import Interface, InterfaceAddress, InterfaceRef, Network
from backstay.model.routing import BgpNeighbor
from backstay.simulate.bgp_reach import Reach
from backstay.simulate.bgp_speaker import External, Speaker, unnamed
from backstay.simulate.seams import Topology
from backstay.simulate.topology import usable_addresses

BGP_PORT = 179

POINT_TO_POINT = {30, 31}
"""Subnets in which an interface-named neighbour is reached by its IPv4 address (FRR bgpd, `neighbor IF interface`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One neighbour statement, looked up: ``text`` is the peer as configured, ``address`` what it comes to (None: a
    link-local one). ``interface`` is the own interface, up, that the peer is on directly; ``remote`` the peer's
    interface, where it is a router of the network, ``external`` the outside speaker. ``fault`` says why
    neither is there. ``dynamic``: made by a listen range.
    """

    speaker: Speaker
    neighbor: BgpNeighbor
    text: str
    remote_name: str
    address: Address | None = None
    interface: str | None = None
    remote: InterfaceRef | None = None
    external: External | None = None
    fault: str = ""
    dynamic: bool = False

    @property
    def key(self) -> tuple[int, str]:
        return (self.speaker.index, self.text)


class Finder:
    """Looks ends up in one topology."""

    def __init__(
        self,
        network: Network,
        topology: Topology,
        speakers: list[Speaker],
        outside: Mapping[tuple[str, Address], External],
        reach: Reach,
    ) -> None:
        self._network = network
        self._topology = topology
        self._speakers = {speaker.key: speaker for speaker in speakers}
        self._outside = outside
        self._reach = reach
        self._owned: dict[str, list[Address]] = {}
        for (_, address), refs in topology.owners.items():
            for ref in refs:
                self._owned.setdefault(ref.router, []).append(address)
        self._subnets: dict[int, list[tuple[InterfaceAddress, str]]] = {}
        self._ends: dict[tuple[int, str], End] = {}
        self._by_address: dict[tuple[int, Address], End] = {}
        for speaker in speakers:
            for neighbor in speaker.process.neighbors.values():
                self._keep(self._end(speaker, neighbor))
        self._add_dynamic()

    def ends(self) -> list[End]:
        """Every statement, sorted by speaker and peer text."""
        return [self._ends[key] for key in sorted(self._ends)]

    def _keep(self, end: End) -> None:
        self._ends[end.key] = end
        if end.address is not None:
            self._by_address[end.speaker.index, end.address] = end

    # ------------------------------------------------------------------------------------- one end

    def _end(self, speaker: Speaker, neighbor: BgpNeighbor) -> End:
        if isinstance(neighbor.peer, Address):
            return self._numbered(speaker, neighbor, neighbor.peer, str(neighbor.peer))
        return self._by_interface(speaker, neighbor, neighbor.peer)

    def _numbered(self, speaker: Speaker, neighbor: BgpNeighbor, address: Address, shown: str) -> End:
        router, vrf = speaker.key
        own = self._topology.owns(router, vrf, address)
        direct = self._direct(speaker, address)
        remote = None if own else self._carrier(router, vrf, address, direct)
        end = End(
            speaker=speaker,
            neighbor=neighbor,
            text=shown,
            remote_name=router if own else remote.router if remote else "",
            address=address,
            interface=direct,
            remote=remote,
            fault="the address is its own" if own else "",
        )
        return end if own or remote else self._absent(end, address)

    def _absent(self, end: End, address: Address) -> End:
        """Nobody in the network that lives carries the address: a router that is down, or somebody outside."""
        router = end.speaker.router.name
        known = self._outside.get((router, address))
        if known is None:
            carrier = self._configured.get(address)
            if carrier is not None:
                fault = f"{carrier} does not answer: the address {address} is down there"
                return replace(end, remote_name=carrier, fault=fault)
            known = External(name=unnamed(end.neighbor.remote_as, router, end.text), asn=None, offers={})
        fault = "" if end.interface else self._dark(end.speaker, address)
        return replace(end, remote_name=known.name, external=known, fault=fault)

    def _dark(self, speaker: Speaker, address: Address) -> str:
        """The own interface towards the address, if it is down."""
        for interface in speaker.interfaces():
            if any(held(item, address) for item in usable_addresses(interface)):
                return f"interface {interface.name} is down"
        return ""

    @cached_property
    def _configured(self) -> Mapping[Address, str]:
        """Whose address it would be, were it up."""
        return {
            item.address: router.name
            for router in self._network.routers.values()
            for interface in router.interfaces.values()
            for item in usable_addresses(interface)
        }

    def _direct(self, speaker: Speaker, address: Address) -> str | None:
        """The interface that is up whose subnet holds the address, the longest such subnet."""
        if speaker.index not in self._subnets:
            self._subnets[speaker.index] = list(self._subnets_of(speaker))
        found = [(item.prefix.length, name) for item, name in self._subnets[speaker.index] if held(item, address)]
        return max(found)[1] if found else None

    def _subnets_of(self, speaker: Speaker) -> Iterator[tuple[InterfaceAddress, str]]:
        for interface in speaker.interfaces():
            if InterfaceRef(speaker.router.name, interface.name) in self._topology.up:
                for item in usable_addresses(interface):
                    if not item.prefix.is_host or item.peer:
                        yield item, interface.name

    def _carrier(self, router: str, vrf: str, address: Address, direct: str | None) -> InterfaceRef | None:
        """The interface over there that carries the address: on the same segment where there is one."""
        if direct is not None:
            for ref in self._topology.peers.get(InterfaceRef(router, direct), ()):
                there = self._network.routers[ref.router].interfaces[ref.interface]
                if any(item.address == address for item in usable_addresses(there)):
                    return ref
        return self._topology.owner(address, vrf)

    def _by_interface(self, speaker: Speaker, neighbor: BgpNeighbor, name: str) -> End:
        """``neighbor eth1 interface``: IPv4 on a point-to-point subnet, else the link-local address over there."""
        end = End(speaker=speaker, neighbor=neighbor, text=name, remote_name="")
        interface = speaker.router.interfaces.get(name)
        ref = InterfaceRef(speaker.router.name, name)
        if interface is None:
            return replace(end, fault=f"there is no interface {name}")
        if ref not in self._topology.up:
            return replace(end, fault=f"interface {name} is down")
        if interface.vrf != speaker.process.vrf:
            return replace(end, fault=f"interface {name} is in VRF {interface.vrf}")
        for item in usable_addresses(interface, 4):
            if item.prefix.length in POINT_TO_POINT:
                return self._numbered(speaker, neighbor, _other(item), name)
        others = self._topology.peers.get(ref, ())
        if len(others) > 1:
            return replace(end, fault=f"{len(others)} others are on interface {name}")
        if others:
            return replace(end, remote_name=others[0].router, remote=others[0], interface=name)
        outside = External(name=unnamed(neighbor.remote_as, speaker.router.name, name), asn=None, offers={})
        return replace(end, remote_name=outside.name, external=outside, interface=name)

    # ------------------------------------------------------------------------------------- listen ranges

    def _add_dynamic(self) -> None:
        """Sessions that a listen range answers: no statement here, one over there."""
        for end in self.ends():
            source = self.source(end) if end.remote is not None and _calls(end.neighbor) else None
            there = self._there(end)
            if source is not None and there is not None and self.counterpart(end) is None:
                self._answer(there, source)
        listening = [speaker for speaker in self._speakers.values() if speaker.process.listen_ranges]
        for router, address in sorted(self._outside):
            for speaker in listening:
                if speaker.router.name == router and (speaker.index, address) not in self._by_address:
                    self._answer(speaker, address)

    def _answer(self, speaker: Speaker, address: Address) -> None:
        ranges = [item for item in speaker.process.listen_ranges if item.prefix.holds(address)]
        if ranges:
            longest = max(ranges, key=lambda item: item.prefix.length)
            neighbor = replace(longest.template, peer=address, passive=True, peer_group=str(longest.template.peer))
            self._keep(replace(self._numbered(speaker, neighbor, address, str(address)), dynamic=True))

    # ------------------------------------------------------------------------------------- the other end

    def source(self, end: End) -> Address | None:
        """The address packets of this end come from; None where it has none (or a link-local one)."""
        if end.address is None:
            return None
        chosen = end.neighbor.update_source
        if isinstance(chosen, Address):
            return chosen if self._topology.owns(*end.speaker.key, chosen) else None
        if isinstance(chosen, str):
            return self._first_address(end.speaker, chosen, end.address.version)
        if end.interface:
            interface = end.speaker.router.interfaces[end.interface]
            return facing(interface, end.address)
        answer = self._reach.resolve(*end.speaker.key, end.address)
        leaving = next((hop.interface for hop in answer[1] if hop.interface), None) if answer else None
        return self._first_address(end.speaker, leaving, end.address.version) if leaving else None

    def _first_address(self, speaker: Speaker, name: str, version: int) -> Address | None:
        interface = speaker.router.interfaces.get(name)
        if interface is None or InterfaceRef(speaker.router.name, name) not in self._topology.up:
            return None
        return next((item.address for item in usable_addresses(interface, version)), None)

    def _there(self, end: End) -> Speaker | None:
        """The BGP process at the other end."""
        if end.remote is None:
            return None
        vrf = self._network.routers[end.remote.router].interfaces[end.remote.interface].vrf
        return self._speakers.get((end.remote.router, vrf))

    def counterpart(self, end: End) -> End | None:
        """The statement over there that this end's packets are taken for, or whose packets this end takes."""
        there = self._there(end)
        if there is None or end.remote is None:
            return None
        if end.address is None:
            return self._ends.get((there.index, end.remote.interface))
        source = self.source(end)
        answer = self._by_address.get((there.index, source)) if source and _calls(end.neighbor) else None
        if answer is not None:
            return None if self._calls_another(answer, end) else answer
        for address in self._owned.get(end.speaker.router.name, ()):
            other = self._by_address.get((there.index, address))
            if other is not None and _calls(other.neighbor) and self.source(other) == end.address:
                return other
        return None

    def _calls_another(self, answer: End, end: End) -> bool:
        """Whether the statement our packets are taken for has a session with another statement here, which its own packets
        are taken for: there is one connection to a peer (RFC 4271 6.8).
        """
        source = self.source(answer)
        other = None if source is None else self._by_address.get((end.speaker.index, source))
        return other is not None and other.key != end.key and self.source(other) == answer.address

    def missing(self, end: End) -> str:
        """Why there is no counterpart."""
        there = self._there(end)
        if there is None:
            return f"{end.remote_name} runs no BGP there"
        for address in self._owned.get(end.speaker.router.name, ()):
            if (there.index, address) in self._by_address:
                return f"{there.name} expects {address}, the packets come from {self.source(end)}"
        return f"{there.name} has no neighbour {self.source(end) or end.speaker.router.name}"


def _calls(neighbor: BgpNeighbor) -> bool:
    """Whether its connections find anybody: bgpd listens at the port of BGP alone (seen on FRR 8.4.4: with another ``port``
    the session stands by the connection of the other side).
    """
    return not neighbor.passive and neighbor.port == BGP_PORT


def held(item: InterfaceAddress, address: Address) -> bool:
    """Whether the address is on the subnet of an interface address, or is its point-to-point peer."""
    return item.prefix.holds(address) or bool(item.peer and item.peer.holds(address))


def facing(interface: Interface, address: Address) -> Address | None:
    """The interface's own address in the subnet of the other one."""
    return next((item.address for item in usable_addresses(interface, address.version) if held(item, address)), None)


def _other(item: InterfaceAddress) -> Address:
    """The other usable address of a /30 or /31."""
    if item.prefix.length == 31:
        return Address(4, item.address.value ^ 1)
    return Address(4, item.prefix.value + 3 - (item.address.value - item.prefix.value))
