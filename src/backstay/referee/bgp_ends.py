"""The two ends of BGP sessions: a router's side of one, and a speaker outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address
from backstay.model.network import Announcement, Neighbor, Network, Router
from backstay.model.routing import BgpNeighbor, BgpProcess, NeighborFamily

NO_IDENTIFIER = Address(4, 0)
Counts = tuple[tuple[int, int], ...]
"""(IP version, number of prefixes) pairs."""
EBGP, IBGP, CONFED = "ebgp", "ibgp", "confed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One BGP process of one router. ``router_id`` as zebra picks it where nothing is configured (RFC 4271 1.1: the
    BGP Identifier). ``cluster_id`` is that identifier unless one is configured (RFC 4456 7).
    """

    router: Router
    process: BgpProcess
    router_id: Address
    place: tuple[str, str]
    cluster_id: Address = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cluster_id", self.process.cluster_id or self.router_id)


def instance(router: Router, process: BgpProcess) -> Instance:
    return Instance(
        router=router,
        process=process,
        router_id=process.router_id or _router_id(router, process.vrf),
        place=(router.name, process.vrf),
    )


def _router_id(router: Router, vrf: str) -> Address:
    """FRR zebra/router-id.c: ``router-id``, else the highest loopback address, else the highest of all; 0.0.0.0 without."""
    if router.router_id is not None and vrf == "default":
        return router.router_id
    found = [
        (interface.kind == "loopback", address.address)
        for interface in router.interfaces.values()
        if interface.vrf == vrf
        for address in interface.addresses
        if address.address.version == 4 and address.address.value >> 24 != 127
    ]
    return max(found)[1] if found else Address(4, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A speaker that is not ours, at one attachment. ``addresses`` are its own by IP version, what it gives as next
    hop. Its BGP Identifier is in no configuration: its IPv4 address stands for it, and an IPv6 one's last 32 bits where
    it has none. Announcements hold for every family the session has.
    """

    name: str
    asn: int | None
    address: Address
    addresses: Mapping[int, Address]
    announcements: tuple[Announcement, ...] = ()

    @property
    def identifier(self) -> Address:
        return self.addresses.get(4) or Address(4, self.address.value & 0xFFFFFFFF)


@dataclass(slots=True, kw_only=True, eq=False)
class End:
    """A router's side of a session (or of one that cannot come up, with its ``reason``).

    ``sort`` is what RFC 4271 1.1 calls internal or external and RFC 5065 confederation external. ``source`` is our own
    address, ``own`` the next hops "self" stands for by IP version, ``peer_address`` the other's. ``shared``: the peer is on
    a subnet of ours, ``interface`` names it. ``twin`` is the same session seen from the other side. ``open_to`` remembers
    the IP versions in which routes come in past nothing but the loop checks; ``at_trip`` what had been received and accepted
    when maximum-prefix tore the session down.
    """

    instance: Instance
    neighbor: BgpNeighbor
    index: int = 0
    sort: str = EBGP
    peer_as: int = 0
    peer_address: Address | None = None
    peer_id: Address = NO_IDENTIFIER
    source: Address | None = None
    own: Mapping[int, Address] = field(default_factory=dict)
    shared: bool = False
    interface: str | None = None
    link_local: bool = False
    extended_next_hop: bool = False
    families: Mapping[int, NeighborFamily] = field(default_factory=dict)
    remote: str = ""
    reason: str = ""
    twin: End | None = None
    outside: Outside | None = None
    tripped: bool = False
    at_trip: tuple[Counts, Counts] = ((), ())
    open_to: dict[int, bool] = field(default_factory=dict)

    @property
    def established(self) -> bool:
        return not self.reason

    @property
    def peer(self) -> str:
        return str(self.neighbor.peer)

    @property
    def dynamic(self) -> bool:
        """Made by ``bgp listen range``."""
        return self.peer not in self.instance.process.neighbors

    @property
    def local_as(self) -> int | None:
        return local_as_of(self.instance.process, self.neighbor, self.sort)

    @property
    def shutting_down(self) -> bool:
        """RFC 8326, for all sessions or for this one (``neighbor X graceful-shutdown`` of FRR 9 and later)."""
        return self.instance.process.graceful_shutdown or self.neighbor.graceful_shutdown

    @property
    def key(self) -> tuple[str, str, str]:
        return (*self.instance.place, self.peer)

    @property
    def single_hop(self) -> bool:
        """FRR bgp_peer_reg_with_nht(): an eBGP peer and its next hops must be directly connected."""
        return self.sort == EBGP and self.neighbor.ebgp_ttl == 1 and not self._waived

    @property
    def _waived(self) -> bool:
        return self.neighbor.disable_connected_check or self.neighbor.ttl_security is not None

    def __repr__(self) -> str:
        return f"{self.instance.router.name}/{self.instance.process.vrf} peer {self.peer}"


def sort_of(process: BgpProcess, remote_as: int) -> str:
    """FRR peer_calc_sort(): internal if the AS is our own (inside a confederation: our member AS), confederation
    external if it is another member, else external.
    """
    if process.confederation_id is None:
        return IBGP if remote_as == process.asn else EBGP
    if remote_as == process.asn:
        return IBGP
    return CONFED if remote_as in process.confederation_peers else EBGP


def local_as_of(process: BgpProcess, neighbor: BgpNeighbor, sort: str) -> int | None:
    """``local-as`` where it is taken: FRR peer_local_as_set() refuses it but for external peers, and refuses our own AS and
    the peer's.
    """
    if sort != EBGP or neighbor.local_as in {process.asn, neighbor.remote_as}:
        return None
    return neighbor.local_as


def presented_as(process: BgpProcess, neighbor: BgpNeighbor, sort: str) -> int:
    """What our OPEN says: ``local-as``, to the outside of a confederation its identifier (RFC 5065 4), else our AS."""
    local_as = local_as_of(process, neighbor, sort)
    if local_as is not None:
        return local_as
    if sort == EBGP and process.confederation_id is not None:
        return process.confederation_id
    return process.asn


def outside_speakers(network: Network, withdrawn: frozenset[tuple[str, str]]) -> dict[tuple[str, Address], Outside]:
    """Every speaker ``neighbors`` and ``anycast`` declare, by router and address. One at which an anycast begins
    announces its prefixes too, unless its site has withdrawn.
    """
    speakers: dict[tuple[str, Address], Outside] = {}
    for neighbor in network.neighbors.values():
        for router, address, addresses in _attachments(network, neighbor):
            speakers[router, address] = Outside(
                name=neighbor.name,
                asn=neighbor.asn,
                address=address,
                addresses=addresses,
                announcements=neighbor.announcements,
            )
    _add_anycasts(network, withdrawn, speakers)
    return speakers


def _attachments(network: Network, neighbor: Neighbor) -> list[tuple[str, Address, dict[int, Address]]]:
    """Router, address of the session, and the speaker's addresses at that router by version."""
    found = []
    for attachment in neighbor.attachments:
        router = network.router_named(attachment.router)
        name = router.name if router else attachment.router
        beside = {a.address.version: a.address for a in reversed(neighbor.attachments) if a.router == attachment.router}
        found.append((name, attachment.address, {**beside, attachment.address.version: attachment.address}))
    return found


def _add_anycasts(
    network: Network, withdrawn: frozenset[tuple[str, str]], speakers: dict[tuple[str, Address], Outside]
) -> None:
    for anycast in network.anycasts.values():
        for origin in anycast.origins:
            if origin.address is None:
                continue
            router = network.router_named(origin.router)
            name = router.name if router else origin.router
            beside = {
                other.address.version: other.address
                for other in anycast.origins
                if other.address is not None and (other.router, other.site) == (origin.router, origin.site)
            }
            known = speakers.get((name, origin.address)) or Outside(
                name=f"as{origin.asn}@{name}/{origin.address}" if origin.asn is not None else "",
                asn=origin.asn,
                address=origin.address,
                addresses={**beside, origin.address.version: origin.address},
            )
            offered = () if (anycast.name, origin.site) in withdrawn else _anycast_routes(anycast.prefixes, known.asn)
            speakers[name, origin.address] = Outside(
                name=known.name,
                asn=known.asn,
                address=known.address,
                addresses=known.addresses,
                announcements=_merged(known.announcements, offered),
            )


def _anycast_routes(prefixes: tuple[object, ...], asn: int | None) -> tuple[Announcement, ...]:
    path = () if asn is None else (asn,)
    return tuple(Announcement(prefix=prefix, as_path=path) for prefix in prefixes)  # type: ignore[arg-type]


def _merged(first: tuple[Announcement, ...], second: tuple[Announcement, ...]) -> tuple[Announcement, ...]:
    """One announcement a prefix: a speaker has one route for it; what ``neighbors`` says of it stands."""
    known = {item.prefix for item in first}
    return first + tuple(item for item in second if item.prefix not in known)
