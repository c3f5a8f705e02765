"""Which BGP sessions come up, and why the others do not.

A session needs both configurations: each side must name the other by the address it sees, expect the AS the other
presents, and be able to send packets to it (RFC 4271 8). The rules of a single hop, `ebgp-multihop`, `ttl-security` and
`disable-connected-check` are those of FRR 8.4 (bgpd/bgp_fsm.c, bgp_network.c, bgp_nht.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from backstay.model.address import Address
from backstay.model.network import Network, Overlay
from backstay.model.routing import NeighborFamily
from backstay.simulate.bgp_ends import End, Finder
from backstay.simulate.bgp_reach import Reach
from backstay.simulate.bgp_speaker import (
    CONFEDERATION,
    EBGP,
    IBGP,
    NO_ROUTER_ID,
    External,
    Peering,
    Speaker,
    resolved_as,
)
from backstay.simulate.seams import Topology
from backstay.simulate.topology import usable_addresses

MAXIMUM_TTL = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A configured session that is not up: the speaker, the peer as configured, whoever is there, and why."""

    speaker: Speaker
    peer: str
    remote: str
    reason: str


@dataclass(slots=True)
class Sessions:
    """The outcome: ``peerings`` in a fixed order (their ``index``), ``refusals`` for the rest."""

    peerings: list[Peering] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def establish(
    network: Network,
    overlay: Overlay,
    topology: Topology,
    speakers: list[Speaker],
    outside: Mapping[tuple[str, Address], External],
    reach: Reach,
    torn_down: frozenset[tuple[str, str, str]],
) -> Sessions:
    """All sessions of all speakers. ``torn_down`` holds (router, VRF, peer) of sides that maximum-prefix closed."""
    finder = Finder(network, topology, speakers, outside, reach)
    referee = _Judge(overlay, torn_down, finder, reach, topology)
    sessions = Sessions()
    done: set[tuple[int, str]] = set()
    for end in finder.ends():
        if end.key in done:
            continue
        other = finder.counterpart(end)
        reason = referee.reason(end, other)
        if reason:
            sessions.refusals.append(Refusal(speaker=end.speaker, peer=end.text, remote=end.remote_name, reason=reason))
            continue
        done.add(end.key)
        if other is not None:
            done.add(other.key)
        _add(sessions.peerings, finder, topology, end, other)
    return sessions


def configured_kind(end: End) -> str:
    """eBGP, iBGP or confederation-external, as this side's configuration makes it (FRR bgpd.c peer_calc_sort)."""
    process, neighbor = end.speaker.process, end.neighbor
    if neighbor.remote_as == "internal":
        return IBGP
    if neighbor.remote_as == (neighbor.local_as or process.asn):
        return IBGP
    return CONFEDERATION if neighbor.remote_as in process.confederation_peers else EBGP


def presented_as(end: End) -> int:
    """The AS in the OPEN message this side sends."""
    if end.neighbor.local_as is not None:
        return end.neighbor.local_as
    return end.speaker.outer_as if configured_kind(end) == EBGP else end.speaker.process.asn


class _Judge:
    """Finds the first reason against a session; "" is none."""

    def __init__(
        self,
        overlay: Overlay,
        torn_down: frozenset[tuple[str, str, str]],
        finder: Finder,
        reach: Reach,
        topology: Topology,
    ) -> None:
        self._overlay = overlay
        self._torn_down = torn_down
        self._finder = finder
        self._reach = reach
        self._topology = topology

    def reason(self, end: End, other: End | None) -> str:
        return next(filter(None, self._reasons(end, other)), "")

    def _reasons(self, end: End, other: End | None) -> Iterator[str]:
        yield self._closed(end)
        yield end.fault
        if end.address is not None and self._finder.source(end) is None:
            yield self._no_source(end)
        if end.external is not None:
            yield from self._external(end, end.external)
            return
        if other is None:
            yield self._finder.missing(end)
            return
        there = self._closed(other)
        yield there and f"the other side: {there}"
        yield other.fault
        yield from self._path(end, other)
        yield from self._path(other, end)
        yield from self._agreement(end, other)

    def _closed(self, end: End) -> str:
        """What one side's configuration, an operator or a limit has against it."""
        router, vrf = end.speaker.key
        if end.speaker.process.shutdown:
            return "BGP is shut down in the configuration"
        if end.neighbor.shutdown:
            return "shut down in the configuration"
        if end.neighbor.remote_as is None:
            return "no remote-as is configured"
        if (router, end.text) in self._overlay.sessions_reset:
            return "being cleared"
        if (router, vrf, end.text) in self._torn_down:
            return "Idle (PfxCt): more prefixes than maximum-prefix allows"
        if end.speaker.router_id == NO_ROUTER_ID:
            return "no router id: no IPv4 address is up"
        return ""

    def _no_source(self, end: End) -> str:
        chosen = end.neighbor.update_source
        return f"update-source {chosen} has no address that is up" if chosen else f"no route to {end.address}"

    def _external(self, end: End, external: External) -> Iterator[str]:
        if external.asn is not None and not _expects(end, external.asn):
            yield f"configured remote-as {end.neighbor.remote_as}, {external.name} is AS {external.asn}"
        if end.interface is None and end.address is not None:
            if must_be_connected(end):
                yield f"eBGP without multihop, and {end.address} is on no connected subnet"
            answer = self._reach.resolve(*end.speaker.key, end.address)
            if answer is None:
                yield f"no route to {end.address}"
            elif not self._reach.reaches(*end.speaker.key, end.address):
                yield f"packets to {end.address} do not arrive"
        if not end.neighbor.families:
            yield "no address family is activated"

    def _path(self, end: End, other: End) -> Iterator[str]:
        """Packets from this side must get there, within the TTL."""
        if end.address is None or (end.interface is not None and other.interface is not None):
            yield self._too_short(end, other, 1)
            return
        if end.interface is None and must_be_connected(end):
            yield f"eBGP without multihop, and {end.address} is on no connected subnet"
        if self._reach.resolve(*end.speaker.key, end.address) is None:
            yield f"no route to {end.address}"
        elif not self._reach.reaches(*end.speaker.key, end.address):
            yield f"packets to {end.address} do not arrive"
        else:
            yield self._hops(end, other)

    def _hops(self, end: End, other: End) -> str:
        assert end.address is not None
        needed = min(_sent_ttl(end), other.neighbor.ttl_security or MAXIMUM_TTL)
        if needed >= MAXIMUM_TTL:
            return ""
        hops = self._reach.distance(*end.speaker.key, end.address, needed)
        return (
            self._too_short(end, other, hops) if hops is not None else f"{end.address} is more than {needed} hops away"
        )

    def _too_short(self, end: End, other: End, hops: int) -> str:
        """RFC 5082: with ``ttl-security hops N`` a packet must arrive with a TTL of at least 256 - N."""
        allowed = other.neighbor.ttl_security
        arriving = _sent_ttl(end) - (hops - 1)
        if allowed is not None and arriving < 256 - allowed:
            return f"{other.speaker.name} refuses packets with a TTL of {arriving} (ttl-security hops {allowed})"
        return ""

    def _agreement(self, end: End, other: End) -> Iterator[str]:
        for one, two in ((end, other), (other, end)):
            if not _expects(one, presented_as(two)):
                wanted = one.neighbor.remote_as
                yield f"{one.speaker.name} expects AS {wanted}, {two.speaker.name} presents AS {presented_as(two)}"
        if end.neighbor.password != other.neighbor.password:
            yield "the passwords differ"
        if configured_kind(end) != EBGP and end.speaker.router_id == other.speaker.router_id:
            yield f"both have router id {end.speaker.router_id}"
        if not end.neighbor.families.keys() & other.neighbor.families.keys():
            yield "no address family is activated on both sides"


def must_be_connected(end: End) -> bool:
    """Whether the peer, and its next hops, have to be on a connected subnet (FRR bgp_nht.c)."""
    neighbor = end.neighbor
    single = neighbor.ebgp_ttl == 1 and neighbor.ttl_security in {None, 1}
    return configured_kind(end) == EBGP and single and not neighbor.disable_connected_check


def _sent_ttl(end: End) -> int:
    """Sessions in one AS and ttl-security send with the largest TTL, everybody else with what is configured, 1 by default."""
    if configured_kind(end) == IBGP or end.neighbor.ttl_security is not None:
        return MAXIMUM_TTL
    return end.neighbor.ebgp_ttl


def _expects(end: End, asn: int) -> bool:
    own = end.neighbor.local_as or end.speaker.process.asn
    if end.neighbor.remote_as == "internal":
        return asn == own
    return asn != own if end.neighbor.remote_as == "external" else asn == end.neighbor.remote_as


# ----------------------------------------------------------------------------------------- established


def _add(peerings: list[Peering], finder: Finder, topology: Topology, end: End, other: End | None) -> None:
    """The two views of an established session, or the one view of an external one."""
    mine = _peering(len(peerings), finder, topology, end, other)
    peerings.append(mine)
    if other is not None:
        theirs = _peering(len(peerings), finder, topology, other, end)
        peerings[-1] = replace(mine, reverse=theirs.index)
        peerings.append(replace(theirs, reverse=mine.index))


def _peering(index: int, finder: Finder, topology: Topology, end: End, other: End | None) -> Peering:
    local = other.address if other is not None else finder.source(end)
    external = end.external
    known_as = external.asn if external is not None and external.asn is not None else None
    remote_as = presented_as(other) if other is not None else known_as or resolved_as(end.speaker.process, end.neighbor)
    return Peering(
        index=index,
        speaker=end.speaker,
        neighbor=end.neighbor,
        text=end.text,
        kind=configured_kind(end),
        remote_name=end.remote_name,
        remote_as=remote_as,
        remote_id=other.speaker.router_id if other is not None else _outside_id(end),
        local=local,
        remote_address=end.address,
        interface=end.interface,
        families=_families(end, other),
        own_next_hops=_own_next_hops(topology, end, other, local),
        must_be_connected=must_be_connected(end),
        external=external,
        peer_texts=_peer_texts(end),
    )


def _peer_texts(end: End) -> frozenset[str]:
    """What ``match peer`` knows the neighbour by: its address; a neighbour of an interface that is in a group also by these
    two (FRR bgp_routemap.c route_match_peer; seen on FRR 8.4.4: not by its interface alone, no other by its group).
    """
    texts = {str(end.address)} if end.address is not None else set()
    if isinstance(end.neighbor.peer, str) and end.neighbor.peer_group is not None:
        texts |= {end.neighbor.peer, end.neighbor.peer_group}
    return frozenset(texts)


def _outside_id(end: End) -> Address | None:
    """An identifier is 32 bits long (RFC 6286 2.1): of a speaker known by IPv6 alone its address's last ones stand in."""
    if end.external is not None and end.external.identifier is not None:
        return end.external.identifier
    return None if end.address is None else Address(4, end.address.value & 0xFFFFFFFF)


def _families(end: End, other: End | None) -> Mapping[int, NeighborFamily]:
    """What both activated. An outside speaker speaks the version of its address, and IPv4 over IPv6 where extended
    next hops (RFC 8950) carry it.
    """
    if other is not None:
        both = end.neighbor.families.keys() & other.neighbor.families.keys()
    else:
        both = {version for version in end.neighbor.families if _spoken_outside(end, version)}
    return {version: end.neighbor.families[version] for version in sorted(both)}


def _spoken_outside(end: End, version: int) -> bool:
    if end.address is None or end.address.version == version:
        return True
    return version == 4 and end.neighbor.extended_next_hop


def _beside_link_local(end: End) -> Mapping[int, Address]:
    """Over a link-local session: the interface's own IPv6 address goes before the link-local one, for IPv4 too (RFC 8950;
    FRR bgp_zebra.c bgp_nexthop_set; seen on FRR 8.4.4).
    """
    interface = end.speaker.router.interfaces[end.interface] if end.interface else None
    first = next(iter(usable_addresses(interface, 6)), None) if interface else None
    return {4: first.address, 6: first.address} if first else {}


def _own_next_hops(topology: Topology, end: End, other: End | None, local: Address | None) -> Mapping[int, Address]:
    """Own address per IP version: the session's own, else one of the interface that carries it (FRR bgp_zebra.c
    bgp_nexthop_set); for IPv4 without any the router id. IPv6 without any is a link-local one: left out.
    """
    if local is None:
        return _beside_link_local(end)
    found = {local.version: local}
    extended = end.neighbor.extended_next_hop and (other is None or other.neighbor.extended_next_hop)
    if local.version == 6 and extended:
        return {4: local, 6: local}
    carrier = next(
        (
            ref
            for ref in topology.owners.get((end.speaker.process.vrf, local), ())
            if ref.router == end.speaker.router.name
        ),
        None,
    )
    missing = 10 - local.version
    interface = end.speaker.router.interfaces[carrier.interface] if carrier else None
    address = next((item.address for item in usable_addresses(interface, missing)), None) if interface else None
    if address is not None:
        found[missing] = address
    elif missing == 4:
        found[4] = end.speaker.router_id
    return found
