"""Which BGP sessions come up: RFC 4271 8 without the timers, with FRR 8.4's own conditions.

Both sides must be willing, find each other by address, reach each other, agree on the AS numbers (RFC 4271 6.2), differ
in their identifiers (RFC 6286), use one password, and share an address family.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import BgpNeighbor
from backstay.model.source import Remark
from backstay.referee import bgp_hops
from backstay.referee.bgp_ends import (
    EBGP,
    IBGP,
    End,
    Instance,
    Outside,
    instance,
    outside_speakers,
    presented_as,
    sort_of,
)
from backstay.referee.bgp_subnets import Subnets
from backstay.referee.seams import Arrival, Interior, Wiring

_PORT = 179


class Sessions:
    """All ends, paired. ``ends`` sorted by router, VRF and peer; what keeps one down stands in its ``reason``."""

    def __init__(self, network: Network, overlay: Overlay, wiring: Wiring, interior: Interior) -> None:
        self.network = network
        self.overlay = overlay
        self.wiring = wiring
        self.interior = interior
        self.subnets = Subnets(network, wiring)
        self.outside = outside_speakers(network, overlay.withdrawn)
        self.unknowns: list[Remark] = []
        self.instances = tuple(_instances(network, wiring))
        self._at: dict[tuple[str, str], list[Instance]] = {}
        for one in self.instances:
            self._at.setdefault(one.place, []).append(one)
        self._by_peer: dict[tuple[tuple[str, str], Address | str], End] = {}
        self.ends: list[End] = []
        for one in self.instances:
            for key in sorted(one.process.neighbors):
                self._add(End(instance=one, neighbor=one.process.neighbors[key]))
        for end in tuple(self.ends):
            self._settle(end)
        self.ends.sort(key=lambda end: end.key)
        for index, end in enumerate(self.ends):
            end.index = index

    def _add(self, end: End) -> None:
        self.ends.append(end)
        self._by_peer[end.instance.place, end.neighbor.peer] = end

    # ------------------------------------------------------------------------------- one end after the other

    def _settle(self, end: End) -> None:
        if end.twin is not None or end.reason:
            return
        end.reason = self._unwilling(end)
        self._locate(end)
        if end.peer_address is None and end.interface is None:
            end.reason = end.reason or "the peer's address is not known"
        elif end.remote:
            self._pair(end)
        else:
            self._face_outside(end)

    def _unwilling(self, end: End) -> str:
        if end.instance.process.shutdown or end.neighbor.shutdown:
            return "shut down"
        if (end.instance.router.name, end.peer) in self.overlay.sessions_reset:
            return "reset"
        if end.neighbor.remote_as is None:
            return "no remote AS"
        return "" if end.neighbor.families else "no address family"

    def _locate(self, end: End) -> None:
        """Who the peer is: the far end of an interface, or whoever has the address in a configuration."""
        router, vrf = end.instance.place
        if isinstance(end.neighbor.peer, str):
            self._across(end, InterfaceRef(router, end.neighbor.peer))
            return
        end.peer_address = end.neighbor.peer
        found = self.subnets.connected(router, vrf, end.neighbor.peer)
        if found is not None:
            end.shared, end.interface = True, found[0]
        owners = [ref for ref in self.subnets.configured.get(end.neighbor.peer, ()) if ref.router != router]
        twins = [twin for ref in owners for twin in self._facing(end, ref)]
        if twins:
            end.remote = twins[0].instance.router.name
            end.twin = twins[0]
        elif owners:
            end.remote = owners[0].router

    def _across(self, end: End, ref: InterfaceRef) -> None:
        """An interface peer: its address is the other one of a /30 or /31, else the link-local one nobody configures
        (FRR bgp_peer_conf_if_to_su_update()).
        """
        end.interface, end.shared = ref.interface, True
        if ref not in self.wiring.up:
            end.reason = end.reason or f"{ref.interface} is down"
            return
        if self.subnets.vrf(ref) != end.instance.place[1]:
            end.reason = end.reason or f"{ref.interface} is in another VRF"
            return
        end.peer_address = self.subnets.other_of_two(ref)
        for other in self.wiring.across.get(ref, ()):
            twin = self._behind((other.router, self.subnets.vrf(other)), other.interface, ref)
            if twin is not None:
                end.remote, end.twin = other.router, twin
                return
        owners = self.subnets.configured.get(end.peer_address, ()) if end.peer_address else ()
        end.remote = owners[0].router if owners else ""

    def _behind(self, place: tuple[str, str], interface: str, ours: InterfaceRef) -> End | None:
        """The other end's neighbour that is this interface, or an address on ours."""
        peers: tuple[Address | str, ...] = (interface, *self.subnets.on(ours))
        for peer in peers:
            twin = self._by_peer.get((place, peer))
            if twin is not None and twin.twin is None:
                return twin
        return None

    def _facing(self, end: End, ref: InterfaceRef) -> Iterator[End]:
        """Ends of the owner's router whose session this is: configured for an address we come from, or made by its
        listen range; or whose own connection comes from the address we know.
        """
        place = (ref.router, self.subnets.vrf(ref))
        router, vrf = end.instance.place
        mine = self.subnets.sources(self.interior, router, vrf, end.neighbor, end.neighbor.peer)
        peers: tuple[Address | str, ...] = (ref.interface, *self.subnets.of_router(router))
        for peer in peers:
            twin = self._by_peer.get((place, peer))
            if twin is not None and twin.twin is None and self._meets(end, twin, mine):
                yield twin
        if _calls(end.neighbor):
            yield from self._listened(place, mine)

    def _meets(self, end: End, twin: End, mine: tuple[Address, ...]) -> bool:
        """RFC 4271 8.2.1: one of the two connections has to find a neighbour configured for where it comes from."""
        if isinstance(twin.neighbor.peer, str):
            return twin.neighbor.peer == end.interface
        theirs = self.subnets.sources(self.interior, *twin.instance.place, twin.neighbor, twin.neighbor.peer)
        calls = twin.neighbor.peer in mine and self._can_call(end)
        called = end.neighbor.peer in theirs and self._can_call(twin)
        return calls or called

    def _can_call(self, end: End) -> bool:
        """Nobody answers at an address that is down; an external peer one hop away has to be on a subnet of ours (FRR
        bgp_nht.c).
        """
        peer, place = end.neighbor.peer, end.instance.place
        if not _calls(end.neighbor):
            return False
        if not isinstance(peer, Address):
            return True
        end.sort = self._configured_sort(end)
        near = not end.single_hop or self.subnets.connected(*place, peer) is not None
        return near and bool(self.wiring.owners.get(peer))

    def _listened(self, place: tuple[str, str], mine: tuple[Address, ...]) -> Iterator[End]:
        for one in self._at.get(place, ()):
            for listen in one.process.listen_ranges:
                for address in mine:
                    if listen.prefix.holds(address) and str(address) not in one.process.neighbors:
                        twin = End(instance=one, neighbor=replace(listen.template, peer=address, passive=True))
                        self._add(twin)
                        yield twin
                        return

    # ------------------------------------------------------------------------------- with a router of ours

    def _pair(self, end: End) -> None:
        twin = end.twin
        if twin is None:
            end.reason = end.reason or f"{end.remote} has no neighbour for us"
            return
        twin.twin, twin.remote = end, end.instance.router.name
        twin.reason = twin.reason or self._unwilling(twin)
        self._complete(end, twin)
        self._complete(twin, end)
        reason = self._refusal(end, twin)
        end.reason = end.reason or (f"{end.remote}: {twin.reason}" if twin.reason else reason)
        twin.reason = twin.reason or end.reason

    def _complete(self, end: End, twin: End) -> None:
        """What an end knows once the session stands: AS, addresses, identifier."""
        process = end.instance.process
        remote_as = end.neighbor.remote_as
        shown = self._shown_as(twin)
        if isinstance(remote_as, str):
            end.sort = IBGP if remote_as == "internal" else EBGP
            end.peer_as = shown
        elif remote_as is not None:
            end.sort, end.peer_as = sort_of(process, remote_as), remote_as
        end.peer_id = twin.instance.router_id
        if isinstance(twin.neighbor.peer, Address):
            end.source = twin.neighbor.peer
        if end.peer_address is None and isinstance(end.neighbor.peer, Address):
            end.peer_address = end.neighbor.peer
        self._place(end)
        common = end.neighbor.families.keys() & twin.neighbor.families.keys()
        end.families = {version: end.neighbor.families[version] for version in sorted(common)}
        end.extended_next_hop = _by_ipv6(end) and _extended(end.neighbor) and _extended(twin.neighbor)

    def _shown_as(self, end: End) -> int:
        """The AS an end presents."""
        return presented_as(end.instance.process, end.neighbor, self._configured_sort(end))

    def _configured_sort(self, end: End) -> str:
        """``remote-as internal|external`` say it themselves."""
        remote_as = end.neighbor.remote_as
        if isinstance(remote_as, int):
            return sort_of(end.instance.process, remote_as)
        return IBGP if remote_as == "internal" else EBGP

    def _place(self, end: End) -> None:
        """Whether the peer is on a subnet of ours, and which next hops "self" stands for (FRR bgp_zebra_nexthop_set())."""
        router, vrf = end.instance.place
        if isinstance(end.neighbor.peer, str):
            end.interface, end.shared = end.neighbor.peer, True
            end.peer_address = self.subnets.other_of_two(InterfaceRef(router, end.neighbor.peer))
        if end.peer_address is not None:
            found = self.subnets.connected(router, vrf, end.peer_address)
            end.shared = found is not None or isinstance(end.neighbor.peer, str)
            if found is not None:
                end.interface = found[0]
                end.source = end.source or found[1]
            if end.source is None:
                sources = self.subnets.sources(self.interior, router, vrf, end.neighbor, end.peer_address)
                end.source = sources[0] if sources else None
        end.own = self.subnets.own(router, end)
        end.link_local = end.shared

    def _refusal(self, end: End, twin: End) -> str:
        """Why two that found each other do not come up, "" if they do."""
        for mine, other in ((end, twin), (twin, end)):
            if not _as_accepted(mine, self._shown_as(other)):
                return f"bad peer AS {self._shown_as(other)}"
            if mine.sort == IBGP and mine.instance.router_id == other.instance.router_id:
                return f"both have the BGP identifier {mine.instance.router_id}"
        if end.neighbor.password != twin.neighbor.password:
            return "passwords differ"
        if not end.families:
            return "no address family in common"
        return self._unreachable(end, twin) or self._unreachable(twin, end)

    def _unreachable(self, end: End, twin: End | None) -> str:
        """Reach and the hop count: RFC 5082 where ``ttl-security`` is set, else what the TTL allows."""
        router, vrf = end.instance.place
        address = end.peer_address
        if address is not None and end.single_hop and not end.shared:
            return "not directly connected"
        arrival = Arrival.EVERY_WAY if address is None else self.interior.arrival(router, vrf, address)
        if arrival is Arrival.SOME_WAYS:
            text = f"{end!r}: some of the ways there lead elsewhere; which one the session's take hangs on a hash"
            self.unknowns.append(Remark("bgp-scattered-ways", text, router))
        if arrival is not Arrival.EVERY_WAY:
            return f"{address} is not reachable"
        if twin is None or (end.sort == IBGP and twin.neighbor.ttl_security is None):
            return ""
        return bgp_hops.refusal(self.interior, self.subnets, end, twin)

    # ------------------------------------------------------------------------------- with the world outside

    def _face_outside(self, end: End) -> None:
        """Nobody of ours has the address: an external speaker, willing if what we know of it fits."""
        router, _vrf = end.instance.place
        if end.peer_address is None:
            end.reason = end.reason or "nobody is there"
            return
        known = self.outside.get((router, end.peer_address))
        speaker = known or self._unnamed(end, router, end.peer_address)
        end.outside, end.remote = speaker, speaker.name
        remote_as = end.neighbor.remote_as
        process = end.instance.process
        end.peer_as = remote_as if isinstance(remote_as, int) else speaker.asn or 0
        if isinstance(remote_as, str):
            end.sort = IBGP if remote_as == "internal" else EBGP
        else:
            end.sort = sort_of(process, end.peer_as)
        end.peer_id = speaker.identifier
        self._place(end)
        end.families = dict(sorted(end.neighbor.families.items()))
        end.extended_next_hop = end.neighbor.extended_next_hop
        if not end.reason and speaker.asn is not None and not _as_accepted(end, speaker.asn):
            end.reason = f"bad peer AS {speaker.asn}"
        end.reason = end.reason or self._unreachable(end, None)

    def _unnamed(self, end: End, router: str, address: Address) -> Outside:
        remote_as = end.neighbor.remote_as
        asn = end.instance.process.asn if remote_as == "internal" else remote_as
        number = asn if isinstance(asn, int) else None
        return Outside(
            name=f"as{number if number is not None else 0}@{router}/{end.peer}",
            asn=number,
            address=address,
            addresses={address.version: address},
        )


def _as_accepted(end: End, shown: int) -> bool:
    """RFC 4271 6.2: Bad Peer AS."""
    remote_as = end.neighbor.remote_as
    if remote_as == "internal":
        return shown == end.instance.process.asn
    if remote_as == "external":
        return shown != end.instance.process.asn
    return shown == remote_as


def _calls(neighbor: BgpNeighbor) -> bool:
    """One that is ``passive`` waits, and at another port than BGP's no bgpd of ours listens."""
    return not neighbor.passive and neighbor.port == _PORT


def _by_ipv6(end: End) -> bool:
    """RFC 8950 is for sessions over IPv6: an interface peer reached by its IPv4 address needs none of it."""
    return end.peer_address is None or end.peer_address.version == 6


def _extended(neighbor: BgpNeighbor) -> bool:
    """RFC 8950: asked for, or by FRR's habit on an interface peer."""
    return neighbor.extended_next_hop or isinstance(neighbor.peer, str)


def _instances(network: Network, wiring: Wiring) -> Iterator[Instance]:
    for name in sorted(wiring.routers):
        router = network.routers[name]
        for process in router.bgp:
            yield instance(router, process)
