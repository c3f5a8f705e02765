"""What becomes of the flows, walked over the forwarding that the routers themselves report.

Every equal-cost next hop carries an equal share, as in the model. The walk knows only tables and wires: it follows an
interface to whoever has the next hop's address on that segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backstay.lab.record import Content
from backstay.model.address import Address, Prefix
from backstay.model.flows import Flow, protected_flows
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, FlowResult, NextHop, Route, RouteTable

Tables = Mapping[str, Mapping[str, RouteTable]]
ORDER = list(Fate)
WHOLE = 1.0 - 1e-9


class Lookup:
    """Longest-prefix match in one router's table."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table
        self._lengths = {v: sorted({p.length for p in table if p.version == v}, reverse=True) for v in (4, 6)}

    def find(self, address: Address) -> Route | None:
        for length in self._lengths[address.version]:
            found = self._table.get(Prefix.of(address, length))
            if found is not None:
                return found
        return None


@dataclass(slots=True)
class Outcome:
    """Shares of a packet by how and where it ends; ``hops`` is a shortest walk that arrives."""

    ends: dict[tuple[Fate, str], float] = field(default_factory=dict)
    hops: tuple[str, ...] = ()


class Walker:
    def __init__(self, content: Content, tables: Tables) -> None:
        self.network, self.overlay = content.network, content.overlay
        self._lookups = {name: Lookup(vrfs.get(DEFAULT_VRF, {})) for name, vrfs in tables.items()}
        self._peers = {
            end: tuple(other for other in link.ends if other != end)
            for link in self.network.links.values()
            for end in link.ends
        }
        self._owned = {
            name: {item.address for i in router.interfaces.values() for item in i.addresses}
            for name, router in self.network.routers.items()
        }
        self._all = frozenset(address for owned in self._owned.values() for address in owned)
        self._known: dict[tuple[str, Address], Outcome] = {}
        self._arrivals: dict[Address, frozenset[tuple[str, Address]]] = {}

    def outcome(self, router: str, address: Address, path: tuple[str, ...] = ()) -> Outcome:
        """Where packets for the address end that are at the router, having come along ``path``."""
        if router in path:
            return Outcome({(Fate.LOOP, router): 1.0})  # where it comes back to, as `FlowResult` has it
        key = (router, address)
        if key in self._known:
            return self._known[key]
        found = self._step(router, address, path)
        if not any(fate is Fate.LOOP for fate, _ in found.ends):
            self._known[key] = found
        return found

    def _step(self, router: str, address: Address, path: tuple[str, ...]) -> Outcome:
        route = self._lookups[router].find(address) if router in self._lookups else None
        if route is None:
            return Outcome({(Fate.NO_ROUTE, router): 1.0})
        if address in self._owned[router] and route.protocol == "connected":
            return Outcome({(Fate.DELIVERED, router): 1.0}, (router,))
        if not route.forwarding:
            dropped = any(hop.discard for hop in route.next_hops)
            return Outcome({(Fate.DISCARDED if dropped else Fate.UNREACHABLE, router): 1.0})
        found, walks = Outcome(), []
        for hop in route.forwarding:
            part = self._hop(router, route, hop, address, path)
            for end, share in part.ends.items():
                found.ends[end] = found.ends.get(end, 0.0) + share / len(route.forwarding)
            if part.hops:
                walks.append(part.hops if part.hops[0] == router else (router, *part.hops))
        found.hops = min(walks, key=lambda walk: (len(walk), walk), default=())
        return found

    def _hop(self, router: str, route: Route, hop: NextHop, address: Address, path: tuple[str, ...]) -> Outcome:
        if hop.discard:
            return Outcome({(Fate.DISCARDED, router): 1.0})
        ref = InterfaceRef(router, hop.interface or "")
        on_link = hop.address is None and route.protocol in {"connected", "static", "kernel"}
        wanted = address if on_link else hop.address
        peer = hop.neighbor.router if hop.neighbor is not None else self._peer(ref, wanted)
        if peer is not None:
            return self.outcome(peer, address, (*path, router))
        if wanted is None or wanted in self._all:
            return Outcome({(Fate.UNREACHABLE, router): 1.0})
        arrives = on_link or (router, wanted) in self._belonging(address)
        return Outcome({(Fate.DELIVERED if arrives else Fate.EXITS, router): 1.0}, (router,) if arrives else ())

    def _peer(self, ref: InterfaceRef, wanted: Address | None) -> str | None:
        """Who has the address on the segment; a link-local one belongs to the only other router there."""
        others = [end for end in self._peers.get(ref, ()) if end.router in self._lookups]
        if wanted is None:
            return others[0].router if len(others) == 1 else None
        for other in others:
            interface = self.network.routers[other.router].interfaces[other.interface]
            if any(item.address == wanted for item in interface.addresses):
                return other.router
        # Linux answers ARP for an address of any interface (arp_ignore is 0).
        return next((end.router for end in others if wanted.version == 4 and wanted in self._owned[end.router]), None)

    def _belonging(self, address: Address) -> frozenset[tuple[str, Address]]:
        """(router, next hop) of the outside speakers at which packets for the address have arrived: a DNS site of the
        anycast, or the neighbour that announces it more closely than anything of the network's own.
        """
        if address not in self._arrivals:
            self._arrivals[address] = frozenset(_speakers(self.network, address))
        return self._arrivals[address]

    def result(self, flow: Flow) -> FlowResult:
        if flow.router in self.overlay.routers_down:
            return FlowResult(flow=flow.name, delivered=0.0, fate=Fate.SOURCE_DOWN, at=(flow.router,))
        found = self.outcome(flow.router, flow.destination)
        arrived = sum(share for (fate, _), share in found.ends.items() if fate is Fate.DELIVERED)
        fate = max((end[0] for end in found.ends), key=ORDER.index)
        at = tuple(sorted({name for end, name in found.ends if end is not Fate.DELIVERED}))
        share = 1.0 if arrived >= WHOLE else arrived
        return FlowResult(flow=flow.name, delivered=share, fate=fate, at=at, hops=found.hops if arrived else ())


def _speakers(network: Network, address: Address) -> Iterator[tuple[str, Address]]:
    ours = [prefix.length for prefix in _own_prefixes(network) if prefix.holds(address)]
    closest = max(ours, default=-1)
    for anycast in network.anycasts.values():
        if any(prefix.holds(address) for prefix in anycast.prefixes):
            yield from ((origin.router, origin.address) for origin in anycast.origins if origin.address)
    for neighbor in network.neighbors.values():
        least = -1 if neighbor.kind == "internal" else closest
        if any(item.prefix.holds(address) and item.prefix.length > least for item in neighbor.announcements):
            yield from ((item.router, item.address) for item in neighbor.attachments)


def _own_prefixes(network: Network) -> Iterator[Prefix]:
    for site in network.sites.values():
        yield from site.prefixes
    for anycast in network.anycasts.values():
        yield from anycast.prefixes
    for router in network.routers.values():
        for interface in router.interfaces.values():
            yield from (item.prefix for item in interface.addresses if not item.prefix.is_default)


def walked(content: Content, tables: Tables) -> Mapping[str, FlowResult]:
    """Every protected flow's result, by name."""
    walker = Walker(content, tables)
    return {flow.name: walker.result(flow) for flow in protected_flows(content.network)}
