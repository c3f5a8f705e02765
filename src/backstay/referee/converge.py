"""Routing as a whole: IGPs, static routes and BGP feed each other, round by round, until nothing changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from backstay.model.address import Address, Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Adjacency, Route
from backstay.referee import bgp, isis, ospf
from backstay.referee.isis_lsp import External, Key
from backstay.referee.ospf_external import Externals
from backstay.referee.redistribution import candidates, isis_externals
from backstay.referee.rib import Rib, check_vendors
from backstay.referee.seams import Arrival, BgpAnswer, Resolved, Wiring
from backstay.referee.walk import Walker
from backstay.referee.wiring import wire

ROUNDS = 32
"""Redistribution that has not settled by then runs in a circle."""


@dataclass(eq=False)
class Routing:
    """What the network has settled on."""

    network: Network
    overlay: Overlay
    wiring: Wiring
    rib: Rib
    walker: Walker
    bgp: BgpAnswer
    adjacencies: frozenset[Adjacency]


def converge(network: Network, overlay: Overlay) -> Routing:
    """Compute all routing. Raises `NotConverging` where redistribution never comes to rest."""
    check_vendors(network)
    wiring = wire(network, overlay)
    told, answer, asked = Told(), BgpAnswer(), None
    for _round in range(ROUNDS):
        links = isis.run(network, wiring, told.isis)
        areas = ospf.run(network, wiring, told.ospf)
        rib = Rib(network, wiring, links, areas.tables, answer.routes)
        if asked is None or not asked.holds_for(rib):
            asked = View(rib, Walker(network, wiring, rib))
            answer = _speak(network, overlay, wiring, asked)
            rib = Rib(network, wiring, links, areas.tables, answer.routes)
        heard = Told(isis=isis_externals(rib, links.hellos), ospf=ospf.externals(rib, areas))
        if heard == told and asked.holds_for(rib):
            links.prove()
            adjacencies = links.adjacencies | areas.adjacencies
            return Routing(network, overlay, wiring, rib, Walker(network, wiring, rib), answer, adjacencies)
        told = heard
    raise NotConverging(f"redistribution has not settled after {ROUNDS} rounds", _who(told))


def _speak(network: Network, overlay: Overlay, wiring: Wiring, view: View) -> BgpAnswer:
    if not any(router.bgp for router in network.routers.values()):
        return BgpAnswer()
    return bgp.run(network, overlay, wiring, view)


@dataclass(frozen=True)
class Told:
    """What redistribution gave the IGPs."""

    isis: Mapping[Key, tuple[External, ...]] = field(default_factory=dict)
    ospf: Externals = field(default_factory=dict)


def _who(told: Told) -> tuple[str, ...]:
    return tuple(sorted({key[0] for key in told.isis} | {key[0] for key in told.ospf}))


@dataclass(eq=False)
class View:
    """`backstay.referee.seams.Interior` over one round's tables. It keeps what BGP asked of the parts that BGP's own answer
    may change, so that BGP is run again only if one of these answers would be another one now.
    """

    rib: Rib
    walker: Walker
    _arrivals: dict[tuple[str, str, Address], Arrival] = field(default_factory=dict)
    _offered: dict[tuple[str, str, str], Mapping[Prefix, Route]] = field(default_factory=dict)
    _resolved: dict[tuple[str, str, Address], Resolved | None] = field(default_factory=dict)
    _measured: dict[tuple[str, str, Address], tuple[Prefix, int] | None] = field(default_factory=dict)
    _found: dict[tuple[str, str, Prefix], Route | None] = field(default_factory=dict)

    @cached_property
    def _alike(self) -> bool:
        """Whether every router forwards by one and the same IS-IS map."""
        return all(router.forwarding for router in self.rib.network.routers.values()) and self.rib.isis.is_even()

    def table(self, router: str, vrf: str) -> Mapping[Prefix, Route]:
        """See `Interior.table`."""
        return Inner(self, router, vrf)

    def lookup(self, router: str, vrf: str, address: Address) -> tuple[Prefix, Route] | None:
        """See `Interior.lookup`."""
        return self.rib.match((router, vrf), address, with_bgp=False)

    def resolve(
        self, router: str, vrf: str, address: Address, laid_over: Mapping[Prefix, Route] | None = None
    ) -> Resolved | None:
        """See `Interior.resolve`."""
        if laid_over is not None:
            return self.rib.resolve(router, vrf, address, laid_over)
        at = (router, vrf, address)
        if at not in self._resolved:
            self._resolved[at] = self.rib.resolve(*at)
        return self._resolved[at]

    def measure(self, router: str, vrf: str, address: Address) -> tuple[Prefix, int] | None:
        """See `Interior.measure`."""
        at = (router, vrf, address)
        if at not in self._measured:
            self._measured[at] = self.rib.measure((router, vrf), address)
        return self._measured[at]

    def arrival(self, router: str, vrf: str, address: Address) -> Arrival:
        """See `Interior.arrival`."""
        at = (router, vrf, address)
        if at not in self._arrivals:
            self._arrivals[at] = Arrival.EVERY_WAY if self._downhill(*at) else self._walked(*at)
        return self._arrivals[at]

    def _walked(self, router: str, vrf: str, address: Address) -> Arrival:
        """FRR bgp_fsm.c bgp_start() waits for next-hop tracking: a default route alone need not be enough."""
        tracked = self.rib.resolve(router, vrf, address, with_bgp=True) is not None
        return self.walker.arrival(router, address, vrf) if tracked else Arrival.NO_WAY

    def _downhill(self, router: str, vrf: str, address: Address) -> bool:
        """Whether the walk needs no walking: where every router has the same IS-IS map and follows it for the address, each
        step leads to a router that is nearer to the one that offers it.
        """
        if not self._alike or vrf != DEFAULT_VRF:
            return False
        found = self.rib.way((router, vrf), address)
        return found is not None and found[0].is_host

    def candidates(self, router: str, vrf: str, protocol: str) -> Mapping[Prefix, Route]:
        """See `Interior.candidates`."""
        at = (router, vrf, protocol)
        if at not in self._offered:
            self._offered[at] = candidates(self.rib, (router, vrf), protocol)
        return self._offered[at]

    def find(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        """The best non-BGP route of exactly this prefix."""
        at = (router, vrf, prefix)
        if at not in self._found:
            self._found[at] = self.rib.best((router, vrf), prefix, with_bgp=False)
        return self._found[at]

    def holds_for(self, rib: Rib) -> bool:
        """Whether every answer given would be the same over these tables."""
        if rib is self.rib:
            return True
        now = View(rib, Walker(rib.network, rib.wiring, rib))
        return (
            all(now.arrival(*at) is was for at, was in self._arrivals.items())
            and all(now.candidates(*at) == was for at, was in self._offered.items())
            and (self._rests_on_the_same(rib) or self._finds_the_same(now))
        )

    def _rests_on_the_same(self, rib: Rib) -> bool:
        """Without BGP nothing differs: the same IGPs, and no static route that could follow BGP's."""
        lines = (line for table in rib.statics.values() for several in table.values() for line in several)
        return self.rib.isis is rib.isis and self.rib.ospf is rib.ospf and all(line.next_hop is None for line in lines)

    def _finds_the_same(self, now: View) -> bool:
        return (
            all(now.measure(*at) == was for at, was in self._measured.items())
            and all(now.resolve(*at) == was for at, was in self._resolved.items())
            and all(now.find(*at) == was for at, was in self._found.items())
        )


class Inner(Mapping[Prefix, Route]):
    """The best non-BGP routes of one table, found as they are asked for."""

    def __init__(self, view: View, router: str, vrf: str) -> None:
        self._view, self._router, self._vrf = view, router, vrf

    def __getitem__(self, prefix: Prefix) -> Route:
        found = self._view.find(self._router, self._vrf, prefix)
        if found is None:
            raise KeyError(prefix)
        return found

    def __iter__(self) -> Iterator[Prefix]:
        return self._view.rib.prefixes((self._router, self._vrf), with_bgp=False)

    def __len__(self) -> int:
        return sum(1 for _ in self)
