"""Where the two halves of the referee meet: the interior (IGPs, statics, forwarding) and BGP with its policies.

`backstay.referee.engine` calls ``bgp.run(network, overlay, wiring, interior) -> BgpAnswer``; the interior calls
``policy.redistribute``, ``policy.prefix_list_permits`` and ``policy.access_list_permits``::

    def run(network: Network, overlay: Overlay, wiring: Wiring, interior: Interior) -> BgpAnswer
    def redistribute(router: Router, route_map: str, candidate: Candidate) -> Candidate | None   # None: denied
    def prefix_list_permits(router: Router, name: str, prefix: Prefix) -> bool
    def access_list_permits(router: Router, name: str, prefix: Prefix) -> bool
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.model.source import Remark
from backstay.model.state import Advertisement, Event, NextHop, PathAttributes, Route, Session

Place = tuple[str, str]
"""(router, VRF)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What is plugged into what under the overlay.

    ``up``: interfaces that are up. ``across``: for each of them the other up interfaces on its segment, sorted; () where
    nobody of ours is (an external speaker may be). ``owners``: who has an address on an up interface, sorted; more than
    one router only where VRFs reuse it. ``routers``: the routers that are up.
    """

    routers: frozenset[str]
    up: frozenset[InterfaceRef]
    across: Mapping[InterfaceRef, tuple[InterfaceRef, ...]]
    owners: Mapping[Address, tuple[InterfaceRef, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Where packets to a next hop address leave. ``metric`` is that of the route that matched the address first (0 for
    a connected one): the IGP cost that BGP compares. ``route`` is that route, under ``prefix``.
    """

    prefix: Prefix
    route: Route
    metric: int
    forwarding: tuple[NextHop, ...]


class Arrival(Enum):
    """By how many of the equal ways packets take they get where they should."""

    EVERY_WAY = "every way"
    SOME_WAYS = "some ways"
    NO_WAY = "no way"


class Interior(Protocol):
    """Everything but BGP, as it stands in this round; BGP may not change it.

    Redistribution between BGP and the others goes round outside: an Interior that already holds what the last round's
    BGP answer gave it, until nothing changes.
    """

    def table(self, router: str, vrf: str) -> Mapping[Prefix, Route]:
        """The best non-BGP route of each prefix; routes that cannot forward (unresolved statics) are not in it."""
        ...

    def lookup(self, router: str, vrf: str, address: Address) -> tuple[Prefix, Route] | None:
        """The longest match in `table`."""
        ...

    def resolve(
        self, router: str, vrf: str, address: Address, laid_over: Mapping[Prefix, Route] | None = None
    ) -> Resolved | None:
        """Follow a next hop address to interfaces, recursively by longest match; None: it has no way out.

        ``laid_over`` are BGP routes of this table to be looked at as well (they win by administrative distance where a
        prefix is in both), for next hops that are themselves reached by BGP. A default route is followed only where
        `Router.resolve_via_default` allows it. Through a discarding route the address resolves, to a discarding next hop
        (a remotely triggered black hole, RFC 5635 2, is made so): ``forwarding`` then holds ``NextHop(discard=...)``.
        """
        ...

    def measure(self, router: str, vrf: str, address: Address) -> tuple[Prefix, int] | None:
        """Prefix and metric `resolve` answers with, where IS-IS alone tells the way; None: ask that."""
        ...

    def arrival(self, router: str, vrf: str, address: Address) -> Arrival:
        """By how many of its ways a packet arrives at whoever has the address: walked hop by hop over the tables of the
        round (BGP routes of the round before included), every branch of every ECMP split; by none where the router has no
        tracked next hop for it (`Router.resolve_via_default`). It arrives at a router of ours that owns the address, or,
        for an address that is nobody's of ours (an external speaker's), at whoever outside it is handed to.
        """
        ...

    def candidates(self, router: str, vrf: str, protocol: str) -> Mapping[Prefix, Route]:
        """What ``redistribute PROTOCOL`` offers: the table's best routes of that protocol (connected, static, kernel,
        ospf, ospf6, isis), FRR's rule: only what is in the main table is redistributed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpAnswer:
    """What BGP ended with. ``routes`` are the best BGP routes per (router, VRF) that BGP hands to the main table, whether or
    not they win there: protocol ``bgp``, ``ibgp`` or ``aggregate``, with distance, metric (the MED, 0 without one),
    attributes, tag and ``next_hops`` (one per multipath; address without interface, or for an unnumbered or link-local
    one the interface; an aggregate's is ``NextHop(discard="blackhole")``). ``forwarding`` may stay (): the frame
    resolves it, and fills the interface of a directly connected next hop in. Routes of our own that a ``network``
    statement or redistribution brought into BGP are not in it: the main table has them from where they come from.

    ``events`` are session-tripped ones. ``unknowns``: what could not be computed. ``exchange``: the speakers at rest, for
    a failure to be played through from there.
    """

    routes: Mapping[Place, Mapping[Prefix, Route]] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    advertisements: frozenset[Advertisement] = frozenset()
    events: tuple[Event, ...] = ()
    unknowns: tuple[Remark, ...] = ()
    exchange: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A route offered to a route-map on its way from one protocol into another (not between BGP speakers, where
    `backstay.referee.bgp` has its own shape). ``metric_type`` is OSPF's 1 or 2, None when unsaid; ``next_hops`` serve
    ``match ip next-hop`` and ``match interface``; ``attributes`` are a BGP route's.
    """

    prefix: Prefix
    protocol: str
    metric: int
    tag: int = 0
    metric_type: int | None = None
    next_hops: tuple[NextHop, ...] = ()
    attributes: PathAttributes | None = None
