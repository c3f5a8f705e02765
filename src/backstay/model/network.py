"""A network: routers, links, sites, and the world around it. Frozen; a change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.access import AccessPath, Service
from backstay.model.address import Address, Prefix
from backstay.model.demand import Demand
from backstay.model.policy import NOWHERE, Policies
from backstay.model.routing import (
    DEFAULT_VRF,
    BgpProcess,
    IsisInterface,
    IsisProcess,
    OspfInterface,
    OspfProcess,
    StaticRoute,
)
from backstay.model.service import Anycast, Budget, Limits, Protection
from backstay.model.source import IgnoredLine, Place, Remark, SourceFile, UnreadLine


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceAddress:
    """An address with its subnet; ``secondary`` as configured. ``peer`` is FRR's ``ip address A peer P``."""

    address: Address
    prefix: Prefix
    secondary: bool = False
    peer: Prefix | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """``enabled`` is the configuration's say (no ``shutdown``); whether it is up also depends on the link and
    the overlay. ``kind``: loopback, physical, vlan, lag, bridge, tunnel. ``bandwidth`` in Mbit/s, None if unsaid:
    its capacity where no link says one.
    ``management`` marks one outside the forwarding plane (eth0 of a Cumulus, Management1).
    """

    name: str
    vrf: str = DEFAULT_VRF
    kind: str = "physical"
    description: str | None = None
    addresses: tuple[InterfaceAddress, ...] = ()
    enabled: bool = True
    bandwidth: float | None = None
    mtu: int | None = None
    isis: IsisInterface | None = None
    ospf: OspfInterface | None = None
    ospf6: OspfInterface | None = None
    access_list_in: str | None = None
    access_list_out: str | None = None
    management: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """One router as its configuration describes it. ``sources`` is the text it was read from, in reading order:
    the text a change is merged into. ``version`` is the operating system's, as the configuration says it.
    ``resolve_via_default``: IP versions in which a recursive next hop may be resolved through the default route.
    """

    name: str
    vendor: str
    version: str | None = None
    profile: str | None = None
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    vrfs: frozenset[str] = frozenset()
    static_routes: tuple[StaticRoute, ...] = ()
    isis: tuple[IsisProcess, ...] = ()
    ospf: tuple[OspfProcess, ...] = ()
    ospf6: tuple[OspfProcess, ...] = ()
    bgp: tuple[BgpProcess, ...] = ()
    policies: Policies = field(default_factory=Policies)
    router_id: Address | None = None
    forwarding: bool = True
    resolve_via_default: frozenset[int] = frozenset({4, 6})
    sources: tuple[SourceFile, ...] = ()
    unread: tuple[UnreadLine, ...] = ()
    ignored: tuple[IgnoredLine, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class InterfaceRef:
    """An interface of a router of this network."""

    router: str
    interface: str

    def __str__(self) -> str:
        return f"{self.router}:{self.interface}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A layer-2 segment joining two or more interfaces (``ends`` sorted). ``capacity`` is Mbit/s each way, None
    when nobody says it; ``capacities`` overrides it for what an end **sends**. ``risk_groups`` are the fibres,
    conduits, panels and buildings it shares. Names come from the configs or from ``backstay.yaml``:
    ``fra1:eth0--par1:eth2`` where nobody gave a name.
    """

    name: str
    ends: tuple[InterfaceRef, ...]
    capacity: float | None = None
    capacities: Mapping[InterfaceRef, float] = field(default_factory=dict)
    risk_groups: frozenset[str] = frozenset()
    length_km: float | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """``role``: data-center, pop, dns, or any word a team uses (selectable as ``role:pop``). ``prefixes`` are what
    lives there beside the routers' loopbacks. ``domain`` is its failure domain (region), for blast-radius limits.
    ``position`` is (latitude, longitude).
    """

    name: str
    role: str
    routers: tuple[str, ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    position: tuple[float, float] | None = None
    domain: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A route an external neighbour offers us. ``as_path`` starts with the neighbour's own AS."""

    prefix: Prefix
    as_path: tuple[int, ...]
    med: int | None = None
    origin: str = "igp"
    communities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Attachment:
    """Where an external speaker meets us: the router's BGP neighbour ``address`` (the speaker's own address)."""

    router: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """An external network. ``kind``: transit, peer, customer, or internal for a speaker of our own (a DNS server).
    It offers every announcement on every attachment. A BGP neighbour in a config that no ``neighbors`` entry
    names is an external speaker that announces nothing, called ``as65001@router/192.0.2.1``.
    """

    name: str
    asn: int
    kind: str
    attachments: tuple[Attachment, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Everything Backstay knows. Mappings are keyed by name and sorted; router names keep the spelling of the
    config but are unique without regard to case (use ``router_named``). ``cabling`` is what was declared about links
    before addresses were looked at: a change that moves an address has ``links`` derived from it again.
    """

    name: str
    routers: Mapping[str, Router]
    links: Mapping[str, Link] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    neighbors: Mapping[str, Neighbor] = field(default_factory=dict)
    anycasts: Mapping[str, Anycast] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    access_paths: Mapping[str, AccessPath] = field(default_factory=dict)
    demands: tuple[Demand, ...] = ()
    limits: Limits = field(default_factory=Limits)
    protection: Protection = field(default_factory=Protection)
    required_engines: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    interfaces_down: frozenset[InterfaceRef] = frozenset()
    remarks: tuple[Remark, ...] = ()
    intent_place: Place = NOWHERE
    cabling: tuple[Link, ...] = ()

    def router_named(self, name: str) -> Router | None:
        """The router of this name, without regard to case."""
        exact = self.routers.get(name)
        if exact is not None:
            return exact
        wanted = name.casefold()
        return next((router for key, router in self.routers.items() if key.casefold() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Failures and withdrawals laid over a network; never an edit of it.

    ``withdrawn`` holds (anycast name, site name) pairs whose announcement is held back. A link down takes every
    interface on it down; a router down takes all of its interfaces down, and like an end shut by hand it takes the
    carrier from the other end of a two-ended link (a segment of three or more ends stays up for the rest). Sessions named in ``sessions_reset``
    as (router, peer text) are treated as not established (a ``clear`` under way).
    """

    routers_down: frozenset[str] = frozenset()
    links_down: frozenset[str] = frozenset()
    interfaces_down: frozenset[InterfaceRef] = frozenset()
    withdrawn: frozenset[tuple[str, str]] = frozenset()
    sessions_reset: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Overlay) -> Overlay:
        """Both at once; commutative, associative."""
        return Overlay(
            routers_down=self.routers_down | other.routers_down,
            links_down=self.links_down | other.links_down,
            interfaces_down=self.interfaces_down | other.interfaces_down,
            withdrawn=self.withdrawn | other.withdrawn,
            sessions_reset=self.sessions_reset | other.sessions_reset,
        )


NOTHING = Overlay()
