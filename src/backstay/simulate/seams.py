"""The seams inside the fast engine: what its parts hand each other.

Order of work: `topology.derive` -> IGPs and statics (an `Underlay`) -> `bgp.compute` (a `BgpResult`) -> `rib` (the
`Tables`) -> `cascade.settle` (flows, loads, sites, services, access). Each part knows the others only through the values
and protocols of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Network, Overlay, Router
from backstay.model.routing import DEFAULT_VRF
from backstay.model.source import Place, Remark
from backstay.model.state import (
    Adjacency,
    Advertisement,
    Event,
    FailureResult,
    FlowResult,
    Loads,
    NextHop,
    PathAttributes,
    PathResult,
    Route,
    RouteTable,
    Session,
    SiteHealth,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """What is up and what is next to what, under one overlay (`topology.derive`).

    ``up`` holds the interfaces that are up, loopbacks included, those of dead routers not. ``peers`` maps an interface
    that is up to the other interfaces that are up on its segment, sorted; an interface on no link has none.
    ``links`` names the link an interface is on (up or not). ``owners`` maps (VRF, address) to the interfaces that are
    up and carry it, sorted: more than one where an address is anycast or a link is unnumbered. ``routers`` are those
    that live, sorted.
    """

    routers: tuple[str, ...]
    up: frozenset[InterfaceRef]
    peers: Mapping[InterfaceRef, tuple[InterfaceRef, ...]]
    links: Mapping[InterfaceRef, str]
    owners: Mapping[tuple[str, Address], tuple[InterfaceRef, ...]]

    def owner(self, address: Address, vrf: str = DEFAULT_VRF) -> InterfaceRef | None:
        """The first interface that is up and carries the address; None if nobody does."""
        found = self.owners.get((vrf, address))
        return found[0] if found else None

    def owns(self, router: str, vrf: str, address: Address) -> bool:
        """Whether the router delivers packets for this address to itself."""
        return any(ref.router == router for ref in self.owners.get((vrf, address), ()))

    def neighbor_with(self, ref: InterfaceRef, address: Address, vrf: str = DEFAULT_VRF) -> InterfaceRef | None:
        """The interface on the same segment as ``ref`` that carries the address; None if none does."""
        carriers = self.owners.get((vrf, address), ())
        return next((peer for peer in self.peers.get(ref, ()) if peer in carriers), None)

    def answering(self, ref: InterfaceRef, address: Address, vrf: str = DEFAULT_VRF) -> InterfaceRef | None:
        """Who answers on the segment when it is asked for the address: for IPv4 also a router that has it elsewhere (Linux
        answers ARP for any address of its own: ``arp_ignore`` is 0).
        """
        found = self.neighbor_with(ref, address, vrf)
        if found is not None or address.version == 6:
            return found
        return next((peer for peer in self.peers.get(ref, ()) if self.owns(peer.router, vrf, address)), None)


class Underlay(Protocol):
    """Everything that routes without BGP: what BGP resolves its next hops on and redistributes from."""

    def table(self, router: str, vrf: str) -> RouteTable:
        """Best routes that are not BGP's."""

    def resolve(self, router: str, vrf: str, address: Address) -> tuple[int, tuple[NextHop, ...]] | None:
        """IGP metric to the address and the next hops packets leave by, from the longest match in ``table``.

        Connected and static routes have metric 0. A default route does not resolve (`ip nht resolve-via-default` is off
        by default in FRR); a discard route does. None: unreachable.
        """

    def candidates(self, router: str, vrf: str, protocol: str) -> RouteTable:
        """Best routes of the table that come from ``protocol`` (connected, static, isis, ospf, ospf6): what
        ``redistribute PROTOCOL`` offers. ospf is IPv4, ospf6 is IPv6.
        """

    def reaches(self, router: str, vrf: str, address: Address) -> bool:
        """Whether a packet from ``router``, forwarded hop by hop on these tables, arrives at a router that owns the
        address (every equal-cost branch followed; one that arrives is enough for a session).
        """


# --------------------------------------------------------------------------------------------- policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route on its way through a route-map. ``protocol`` is where it comes from; ``metric`` is the MED for BGP;
    ``metric_type`` (1 or 2) matters to OSPF alone; ``interface`` and ``next_hop`` as far as known; ``peer`` is the BGP
    peer's text ("" or ``local`` for none). ``isis``: on its way into IS-IS.
    """

    prefix: Prefix
    protocol: str
    isis: bool = False
    metric: int = 0
    tag: int = 0
    metric_type: int | None = None
    interface: str | None = None
    next_hop: Address | None = None
    discard: bool = False
    peer: str = ""
    attributes: PathAttributes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The route as the route-map leaves it; ``metric_set``, ``tag_set``: a set clause spoke, so defaults stand back."""

    candidate: Candidate
    metric_set: bool = False
    tag_set: bool = False
    distance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Refused; ``place`` is the deciding line where there is one."""

    reason: str = ""
    place: Place | None = None


class Evaluate(Protocol):
    """`policy.evaluate`: run a route-map of a router. An undefined one answers as the vendor's row says."""

    def __call__(self, router: Router, route_map: str, candidate: Candidate) -> Accepted | Denied: ...


# --------------------------------------------------------------------------------------------- BGP


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpResult:
    """What BGP settles on over one underlay. ``routes`` holds BGP's best routes by (router, VRF): protocols bgp, ibgp,
    aggregate, with ``attributes``, ``next_hops`` as the table shows them and ``forwarding`` resolved. A
    route is here whether or not another protocol beats it in the table: `rib` merges by distance. ``prefixes`` are all
    there may be in ``routes``, None where nobody says.
    """

    routes: Mapping[tuple[str, str], RouteTable] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    advertisements: frozenset[Advertisement] = frozenset()
    events: tuple[Event, ...] = ()
    unknowns: tuple[Remark, ...] = ()
    prefixes: frozenset[Prefix] | None = None


NO_BGP = BgpResult()

ComputeBgp = Callable[[Network, Overlay, Topology, Underlay], BgpResult]
"""`bgp.compute`."""


# --------------------------------------------------------------------------------------------- tables


class Tables(Protocol):
    """The main routing tables, computed on demand: a route costs what is asked for, a table only when asked for."""

    def vrfs(self, router: str) -> tuple[str, ...]:
        """VRFs of a live router, ``default`` first; () for a dead or unknown one."""

    def table(self, router: str, vrf: str = DEFAULT_VRF) -> RouteTable:
        """The whole table, sorted by prefix; empty for a dead router."""

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        """The best route for exactly this prefix."""

    def lookup(self, router: str, vrf: str, address: Address) -> tuple[Prefix, Route] | None:
        """Longest match. Cheap: prefixes that cover an address are found once for all routers."""

    def prefixes(self, vrf: str = DEFAULT_VRF) -> tuple[Prefix, ...]:
        """Every prefix some router may have a route for, sorted."""

    def classes(self, vrf: str = DEFAULT_VRF) -> tuple[tuple[Prefix, ...], ...]:
        """Prefixes grouped so that all of one group have equal routes on every router: computing with the first
        one of each is enough. Groups and their members sorted.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """Routing under one overlay, converged: what flows, loads, sites and access are evaluated on."""

    network: Network
    overlay: Overlay
    topology: Topology
    tables: Tables
    adjacencies: frozenset[Adjacency] = frozenset()
    bgp: BgpResult = NO_BGP
    unknowns: tuple[Remark, ...] = ()

    @property
    def routers(self) -> Iterable[str]:
        """Live routers, sorted."""
        return self.topology.routers


Compute = Callable[[Overlay], Computed]
"""Routing from an overlay; what `cascade.settle` calls again after each site that withdraws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The end of the cascade (`cascade.settle(network, overlay, compute, sweep) -> Settled`): ``computed`` is the
    routing after the last withdrawal, the rest as in `State`.
    """

    computed: Computed
    flows: Mapping[str, FlowResult] = field(default_factory=dict)
    loads: Loads = field(default_factory=Loads)
    sites: tuple[SiteHealth, ...] = ()
    services: Mapping[str, bool] = field(default_factory=dict)
    access: Mapping[str, tuple[PathResult, ...]] = field(default_factory=dict)
    cascade: tuple[Event, ...] = ()
    sweep: tuple[FailureResult, ...] | None = None
    unknowns: tuple[Remark, ...] = ()
