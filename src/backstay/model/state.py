"""What an engine answers: the State of a network under an overlay.

Every engine (`simulate`, `referee`, `lab`) returns this value; they share it and nothing else. All names are
those of the `Network`. Sequences are sorted, so that equal answers compare equal.

A table may be large (a thousand routers, thousands of prefixes), so ``routes`` is a Mapping that an engine may fill
in lazily; it must behave as if it were complete.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Overlay
from backstay.model.source import Remark


@dataclass(frozen=True, slots=True, order=True)
class NextHop:
    """Where a packet goes next. ``address`` None: directly connected, or an IPv6 link-local one that configs do
    not tell. ``interface`` None: a recursive next hop as the table shows it. ``discard``: blackhole or reject.
    ``neighbor`` is the interface of this network the packet arrives at, where the engine knows it. On a LAN it alone tells
    apart next hops by link-local addresses; what a real router shows does not say it, so that engines are compared by texts
    without it.
    """

    address: Address | None = None
    interface: str | None = None
    vrf: str | None = None
    discard: str | None = None
    neighbor: InterfaceRef | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Orders next hops even where an address or interface is missing."""
        return (str(self.address or ""), self.interface or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAttributes:
    """BGP attributes of the selected best path, as held in the Loc-RIB after import policy.

    ``as_path`` is text as routers show it: ``64601 64500``, sets in braces, confederation parts in parentheses.
    Communities are sorted texts. ``learned_from`` is the peer's address text, None for a route of our own.
    """

    as_path: str = ""
    local_preference: int = 100
    med: int | None = None
    origin: str = "igp"
    weight: int = 0
    communities: tuple[str, ...] = ()
    large_communities: tuple[str, ...] = ()
    extended_communities: tuple[str, ...] = ()
    originator: Address | None = None
    cluster_list: tuple[Address, ...] = ()
    next_hop: Address | None = None
    learned_from: str | None = None
    atomic_aggregate: bool = False
    aggregator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One best route of a main routing table (without its prefix, so that equal ones can be shared).

    ``protocol``: connected, local, static, kernel, ospf, isis, bgp (external), ibgp, aggregate (BGP's own discard), ...
    ``kind`` refines it: intra, inter, external-1, external-2, nssa-1, nssa-2, level-1, level-2, level-1-2, or "".
    ``next_hops`` sorted by `NextHop.key`: as the router's table shows them, a recursive one with its address and no
    interface. ``forwarding`` holds the resolved ones: interface (and address) that packets leave by; equal to
    ``next_hops`` where nothing is recursive; empty when the route cannot forward.
    """

    protocol: str
    distance: int
    metric: int
    next_hops: tuple[NextHop, ...]
    forwarding: tuple[NextHop, ...] = ()
    tag: int = 0
    kind: str = ""
    attributes: PathAttributes | None = None


RouteTable = Mapping[Prefix, Route]
"""Best routes of one VRF of one router."""

NO_ROUTE = -1


@dataclass(frozen=True, slots=True)
class Columns:
    """Many routes of a table, none of them made: that of a prefix is the one of ``routes`` whose place stands in ``ways``
    (`NO_ROUTE`: there is none here), with the prefix's own number in ``metrics`` in the place of its metric. Tables may
    share ``prefixes``.
    """

    prefixes: Sequence[Prefix]
    metrics: Sequence[int]
    ways: Sequence[int]
    routes: Sequence[Route]


def in_columns(table: RouteTable) -> Columns:
    """Routes that are made already, or will be now."""
    listed = tuple(table.items())
    routes = [route for _prefix, route in listed]
    return Columns([prefix for prefix, _ in listed], [route.metric for route in routes], range(len(routes)), routes)


class ColumnTable(Mapping[Prefix, Route]):
    """A table that can be read whole without a route being made for every prefix."""

    __slots__ = ()

    @abstractmethod
    def columns(self) -> tuple[Columns, ...]:
        """All routes of the table: each prefix that has one has it in one of these alone."""


@dataclass(frozen=True, slots=True, order=True)
class Adjacency:
    """An IGP adjacency that is up, as one end sees it. ``protocol`` isis, ospf or ospf6; ``scope`` the level
    (``1``, ``2``) or the area (dotted quad).
    """

    protocol: str
    scope: str
    local: InterfaceRef
    remote: InterfaceRef


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """A configured BGP session, from one router's side. ``peer`` is the neighbour's address or interface text;
    ``remote`` the router or external neighbour it is with, "" if nobody is there. ``established`` False has
    ``reason``. ``accepted`` counts prefixes after import policy per address family, ``received`` before it,
    ``sent`` what is advertised: (version, count) pairs. What FRR sends back over the session it was learned from is not
    counted as sent, and what the receiver's loop check throws away counts nowhere. ``tripped``: maximum-prefix tore it down.
    """

    router: str
    vrf: str
    peer: str
    remote: str
    established: bool
    reason: str = ""
    received: tuple[tuple[int, int], ...] = ()
    accepted: tuple[tuple[int, int], ...] = ()
    sent: tuple[tuple[int, int], ...] = ()
    tripped: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Advertisement:
    """A route an external neighbour hears from us at one attachment, other than one that it told us over that session. ``as_path`` is what stands on the wire;
    ``learned_from`` names the external neighbour it came from, "" for a route of our own. MED -1: none.
    """

    neighbor: str
    router: str
    peer: Address
    prefix: Prefix
    as_path: str
    med: int = -1
    communities: tuple[str, ...] = ()
    learned_from: str = ""


class Fate(StrEnum):
    """What becomes of a packet; a flow's fate is its worst branch's (in this order, best first).

    Delivered: at a router that owns the address, or on a connected subnet at an address no router of the network is
    configured with (a host). Exits: handed to a next hop on a connected subnet that no router of the network is
    configured with (somebody outside). Unreachable: the next hop is an address of a router that is not there. A looping
    branch ends at the first router it comes back to. Packet filters are not applied.
    """

    DELIVERED = "delivered"
    EXITS = "exits"
    FILTERED = "filtered"
    NO_ROUTE = "no-route"
    DISCARDED = "discarded"
    UNREACHABLE = "unreachable"
    LOOP = "loop"
    SOURCE_DOWN = "source-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowResult:
    """How a flow (`backstay.model.flows`) fares: ``delivered`` is the share of it, by equal split per hop, that
    arrives; ``fate`` the worst branch; ``at`` the routers where branches end badly (a loop where it comes back to first), sorted. ``hops`` is one
    shortest of the delivered walks, router names from source to end, () if none.

    What leaves the network has arrived only where somebody who offered to take it gets it: for an anycast one of its
    servers that announces; for an external neighbour or a prefix any speaker that announces a route which holds the
    address; for a site or a router nobody.
    """

    flow: str
    delivered: float
    fate: Fate
    at: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDemand:
    """Traffic that does not arrive; ``mbps`` of it, for ``reason``, at the routers named."""

    source: str
    destination: str
    mbps: float
    reason: Fate
    at: tuple[str, ...] = ()
    traffic_class: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Demands on the computed forwarding, split equally per hop. ``mbps`` is keyed by the sending interface, that of the
    last hop out of the network included; ``utilisation`` likewise, only where the capacity is known: the link's, else
    the interface's bandwidth. Lost demand is counted apart, never placed beyond where it dies (a loop: beyond the hop
    that closes it).
    """

    mbps: Mapping[InterfaceRef, float] = field(default_factory=dict)
    utilisation: Mapping[InterfaceRef, float] = field(default_factory=dict)
    offered: float = 0.0
    lost: tuple[LostDemand, ...] = ()

    @property
    def lost_mbps(self) -> float:
        return sum(item.mbps for item in self.lost)

    @property
    def max_utilisation(self) -> float:
        return max(self.utilisation.values(), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHealth:
    """One origin of an anycast at the end of the cascade. ``reached`` and ``failed`` are health targets."""

    anycast: str
    site: str
    announced: bool
    reached: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that follows from the overlay or the change, in order. ``round`` 0 is the network's own reaction;
    ``kind``: site-withdrawn, prefix-gone, service-lost, session-tripped, ...
    """

    round: int
    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathResult:
    """Whether one operator path works for one router. ``through`` are the needs that hold, ``broken`` those that do
    not with their reasons.
    """

    path: str
    kind: str
    works: bool
    through: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureResult:
    """One single failure from this state. ``kind``: link, router or risk-group. ``worst`` is the most utilised
    sending interface; ``lost_mbps`` counts what is lost more than without the failure, demands from or to the failed
    routers themselves apart in ``unavoidable_mbps``: the part of a demand that enters at one, goes to an address that
    only these have, or to a place all of whose routers they are. Such parts load nothing. What of them was lost before is in
    neither. Health of DNS sites is followed to its end.
    """

    kind: str
    name: str
    max_utilisation: float
    worst: InterfaceRef | None
    lost_mbps: float
    unavoidable_mbps: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One engine's answer. ``unknowns`` not empty: the engine could not compute all of it and says why (the gate
    makes that UNKNOWN). ``notes`` say how it was come by, for those who read the verdict. ``sweep`` None: no failure sweep was asked for or done. ``answers`` names the fields the engine
    answers for, None: all of them; a field left out of it is empty and says nothing.
    """

    engine: str
    overlay: Overlay
    routes: Mapping[str, Mapping[str, RouteTable]]
    adjacencies: frozenset[Adjacency] = frozenset()
    sessions: tuple[Session, ...] = ()
    advertisements: frozenset[Advertisement] = frozenset()
    flows: Mapping[str, FlowResult] = field(default_factory=dict)
    loads: Loads = field(default_factory=Loads)
    sites: tuple[SiteHealth, ...] = ()
    services: Mapping[str, bool] = field(default_factory=dict)
    access: Mapping[str, tuple[PathResult, ...]] = field(default_factory=dict)
    cascade: tuple[Event, ...] = ()
    sweep: tuple[FailureResult, ...] | None = None
    unknowns: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    answers: frozenset[str] | None = None
