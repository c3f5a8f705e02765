"""Forwarding: what every router does with a packet to one address, on the tables the engine computed.

Longest match, then every equal-cost branch with an equal share (RFC 2992 hashing, taken as an even split). What a branch
comes to: the next router, or an end with its `Fate`.

Arrival is: a router that owns the address; a host on a connected subnet nobody of ours owns the address on; a speaker of
ours that originates the anycast prefix; the external neighbour the destination belongs to (it announces a prefix that
covers it, and nothing of ours, site, anycast or subnet, covers it as closely). A packet that leaves to any other
neighbour, or to a next hop nobody knows, ``exits`` and has not arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from backstay.model.address import BITS, Address, Prefix
from backstay.model.network import InterfaceRef, Network
from backstay.model.policy import AccessListEntry
from backstay.model.routing import DEFAULT_VRF
from backstay.model.source import Remark
from backstay.model.state import Fate, NextHop, Route
from backstay.model.vendor import SEMANTICS
from backstay.simulate.columns import Columns
from backstay.simulate.seams import Computed
from backstay.simulate.topology import configured_addresses

FATES = tuple(Fate)
CODE = {fate: code for code, fate in enumerate(FATES)}
NONE = -1
UNEXPLORED = 0
"""The hop set of nodes nobody asked about: it has no branches."""

T = TypeVar("T")

Ints = npt.NDArray[np.int64]

ON_LINK = frozenset({"connected", "local", "kernel"})
MAYBE_ON_LINK = ON_LINK | {"static"}


class Target(NamedTuple):
    """Where packets go. ``source`` is set only where an access list looks at it (`Fib.target`)."""

    address: Address
    source: Address | None = None


class Branch(NamedTuple):
    """One equal share of a router's packets. ``interface`` it leaves by (index, NONE: it does not leave); then either
    ``node`` it comes to (index), or an end: ``fate`` (code, at node NONE) at router ``at`` (index).
    """

    interface: int
    node: int
    fate: int
    at: int


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where a destination counts as arrived outside our routers: ``speakers`` are (router, next-hop address), ``homes``
    the routers of the sites whose prefixes hold it.
    """

    speakers: frozenset[tuple[str, Address]]
    homes: frozenset[str]


class Cover(Generic[T]):
    """Values by prefix, found for an address from the longest prefix down."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[int, dict[int, list[T]]]] = {4: {}, 6: {}}

    def add(self, prefix: Prefix, value: T) -> None:
        self._levels[prefix.version].setdefault(prefix.length, {}).setdefault(prefix.value, []).append(value)

    def holding(self, address: Address) -> Iterator[tuple[int, T]]:
        """(prefix length, value), longest prefix first."""
        levels = self._levels[address.version]
        bits = BITS[address.version]
        for length in sorted(levels, reverse=True):
            shift = bits - length
            for value in levels[length].get(address.value >> shift << shift, ()):
                yield length, value


class Belongings:
    """Whose an address is: what the network declares and configures, whatever routing says."""

    def __init__(self, network: Network) -> None:
        self._ours: Cover[str] = Cover()
        self._homes: Cover[str] = Cover()
        self._origins: Cover[tuple[str, Address]] = Cover()
        self._announced: Cover[tuple[str, Address]] = Cover()
        self._internal: Cover[tuple[str, Address]] = Cover()
        self._add_sites(network)
        self._add_anycasts(network)
        self._add_neighbors(network)
        for router in network.routers.values():
            for interface in router.interfaces.values():
                for address in interface.addresses:
                    if interface.vrf == DEFAULT_VRF and not address.prefix.is_default:
                        self._ours.add(address.prefix, router.name)

    def _add_sites(self, network: Network) -> None:
        for site in network.sites.values():
            for prefix in site.prefixes:
                self._ours.add(prefix, site.name)
                for name in site.routers:
                    router = network.router_named(name)
                    if router:
                        self._homes.add(prefix, router.name)

    def _add_anycasts(self, network: Network) -> None:
        for anycast in network.anycasts.values():
            for prefix in anycast.prefixes:
                self._ours.add(prefix, anycast.name)
                for origin in anycast.origins:
                    if origin.address:
                        self._origins.add(prefix, (origin.router, origin.address))

    def _add_neighbors(self, network: Network) -> None:
        for neighbor in network.neighbors.values():
            book = self._internal if neighbor.kind == "internal" else self._announced
            for announcement in neighbor.announcements:
                for attachment in neighbor.attachments:
                    book.add(announcement.prefix, (attachment.router, attachment.address))

    def of(self, address: Address) -> Belonging:
        closest = next((length for length, _ in self._ours.holding(address)), -1)
        speakers = {speaker for _, speaker in self._origins.holding(address)}
        speakers |= {speaker for _, speaker in self._internal.holding(address)}
        speakers |= {speaker for length, speaker in self._announced.holding(address) if length > closest}
        return Belonging(frozenset(speakers), frozenset(router for _, router in self._homes.holding(address)))


class Fib:
    """Forwarding under one `Computed`. Nodes are (router, VRF) of live routers; hop sets are interned: rows of
    them are small integers, equal where routers do the same.
    """

    def __init__(self, computed: Computed) -> None:
        self.computed = computed
        self.network = computed.network
        self.nodes = tuple((name, vrf) for name in computed.routers for vrf in computed.tables.vrfs(name))
        self.node_of = {node: index for index, node in enumerate(self.nodes)}
        self.routers = tuple(sorted(self.network.routers))
        self._router_index = {name: index for index, name in enumerate(self.routers)}
        self.interfaces: list[InterfaceRef] = []
        self._interface_index: dict[InterfaceRef, int] = {}
        self.hop_sets: list[tuple[Branch, ...]] = [()]
        self._hop_set_index: dict[tuple[Branch, ...], int] = {(): UNEXPLORED}
        self._onward: list[tuple[int, ...]] = [()]
        self._memo: list[dict[int, tuple[Route, int]]] = [{} for _ in self.nodes]
        self._by_hops: list[dict[tuple[int, ...], tuple[tuple[NextHop, ...], int]]] = [{} for _ in self.nodes]
        self._belongings = Belongings(self.network)
        self._carriers = _carriers(computed)
        self._known = configured_addresses(self.network)
        self.filtered, self.by_source = _filters(self.network)
        self._unknowns: set[Remark] = set()
        self._columns = Columns(self)
        self._laid_out: tuple[Ints, Ints, Ints] | None = None

    @property
    def unknowns(self) -> tuple[Remark, ...]:
        """What could not be decided so far, sorted."""
        return tuple(sorted(self._unknowns, key=lambda remark: (remark.code, remark.text)))

    def target(self, address: Address, source: Address | None = None) -> Target:
        """The destination, with the source address only where some access list asks for it."""
        return Target(address, source if self.by_source else None)

    def row(self, target: Target, sources: Iterable[int]) -> Ints:
        """The hop set of every node that packets from the sources to the target come to; `UNEXPLORED` elsewhere."""
        belonging = self._belongings.of(target.address)
        column = self._columns.of(target.address)
        owners = {(ref.router, self._vrf(ref)) for ref in self._carriers.get(target.address, ())}
        row = np.full(len(self.nodes), UNEXPLORED, dtype=np.int64)
        work = list(sources)
        while work:
            index = work.pop()
            if row[index] != UNEXPLORED:
                continue
            node = self.nodes[index]
            if node in owners:
                hop_set = self.end(Fate.DELIVERED, node[0])
            else:
                hop_set = (column[index] if column else UNEXPLORED) or self._at(index, target, belonging)
            row[index] = hop_set
            work.extend(self._onward[hop_set])
        return row

    def _at(self, index: int, target: Target, belonging: Belonging) -> int:
        """What a node does that does not own the destination."""
        router, vrf = self.nodes[index]
        found = self.computed.tables.lookup(router, vrf, target.address)
        if found is None:
            return self.end(Fate.NO_ROUTE, router)
        known = self._memo[index].get(id(found[1]))
        return known[1] if known else self._decide(index, found[1], target, belonging)

    def by_route(self, index: int, route: Route, target: Target) -> int:
        """The hop set of a node that takes this route to the target."""
        return self._decide(index, route, target, self._belongings.of(target.address))

    def _vrf(self, ref: InterfaceRef) -> str:
        return self.network.routers[ref.router].interfaces[ref.interface].vrf

    def _intern(self, branches: tuple[Branch, ...]) -> int:
        known = self._hop_set_index.get(branches)
        if known is None:
            known = self._hop_set_index[branches] = len(self.hop_sets)
            self.hop_sets.append(branches)
            self._onward.append(tuple(branch.node for branch in branches if branch.node != NONE))
        return known

    def hop_set(self, branches: Iterable[Branch]) -> int:
        """The number of a set of branches with equal shares."""
        return self._intern(tuple(sorted(branches)))

    def across(self, ways: Iterable[tuple[InterfaceRef, int]]) -> int:
        """The hop set of equal shares that each leave by an interface and come to a node."""
        return self.hop_set(Branch(self.interface(out), node, NONE, NONE) for out, node in ways)

    def laid_out(self) -> tuple[Ints, Ints, Ints]:
        """Every hop set as arrays: how many branches, where they begin, and the branches one below the other."""
        if self._laid_out is None or len(self._laid_out[0]) != len(self.hop_sets):
            counts = np.fromiter(map(len, self.hop_sets), dtype=np.int64, count=len(self.hop_sets))
            starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
            numbers = chain.from_iterable(chain.from_iterable(self.hop_sets))
            flat = np.fromiter(numbers, dtype=np.int64, count=4 * int(counts.sum())).reshape(-1, 4)
            self._laid_out = (counts, starts, flat)
        return self._laid_out

    def interface(self, ref: InterfaceRef) -> int:
        """The number of an interface; ``interfaces`` is the way back."""
        known = self._interface_index.get(ref)
        if known is None:
            known = self._interface_index[ref] = len(self.interfaces)
            self.interfaces.append(ref)
        return known

    def end(self, fate: Fate, router: str) -> int:
        """The hop set of a router that ends packets."""
        return self._intern((self._ending(fate, router),))

    def _ending(self, fate: Fate, router: str, out: InterfaceRef | None = None) -> Branch:
        return Branch(self.interface(out) if out else NONE, NONE, CODE[fate], self._router_index[router])

    def _decide(self, index: int, route: Route, target: Target, belonging: Belonging) -> int:
        """The hop set of a route; remembered when it is the same for every destination of the route."""
        gateways = route.protocol not in MAYBE_ON_LINK and bool(route.forwarding)
        key = tuple(map(id, route.forwarding))
        known = self._by_hops[index].get(key) if gateways else None
        if known:
            hop_set = known[1]
        else:
            hop_set, shared = self._work_out(index, route, target, belonging)
            if not shared:
                return hop_set
            if gateways:
                self._by_hops[index][key] = (route.forwarding, hop_set)
        self._memo[index][id(route)] = (route, hop_set)  # what is kept keeps its id its own
        return hop_set

    def _work_out(self, index: int, route: Route, target: Target, belonging: Belonging) -> tuple[int, bool]:
        """The hop set, and whether every destination of the route has it."""
        router, vrf = self.nodes[index]
        shared = True
        branches = []
        for hop in {(hop, hop.neighbor): hop for hop in route.forwarding}.values():
            branch, general = self._branch(router, vrf, route, hop, target, belonging)
            branches.append(branch)
            shared = shared and general
        if not branches:
            dropped = any(hop.discard for hop in route.next_hops)
            branches.append(self._ending(Fate.DISCARDED if dropped else Fate.UNREACHABLE, router))
        return self.hop_set(branches), shared

    def _branch(
        self, router: str, vrf: str, route: Route, hop: NextHop, target: Target, belonging: Belonging
    ) -> tuple[Branch, bool]:
        """What one next hop comes to, and whether that holds for every destination of the route."""
        if hop.discard:
            return self._ending(Fate.DISCARDED, router), True
        if hop.interface is None:
            node = self.node_of.get((router, hop.vrf)) if hop.vrf and hop.vrf != vrf else None
            leaked = Branch(NONE, node, NONE, NONE) if node is not None else None
            return leaked or self._ending(Fate.UNREACHABLE, router), True
        out = InterfaceRef(router, hop.interface)
        if out not in self.computed.topology.up:
            return self._ending(Fate.UNREACHABLE, router), True
        if hop.address is None and (
            route.protocol in ON_LINK or (route.protocol == "static" and hop in route.next_hops)
        ):
            return self._on_link(out, route, target, belonging), False
        return self._via(out, hop, target, belonging)

    def _on_link(self, out: InterfaceRef, route: Route, target: Target, belonging: Belonging) -> Branch:
        """The destination itself is looked for on the segment (ARP, neighbour discovery)."""
        address = target.address
        peers = self.computed.topology.peers.get(out, ())
        peer = self._peer_with(out, address)
        if peer:
            return self._across(out, peer, target)
        if address in self._known:
            return self._ending(Fate.UNREACHABLE, out.router)
        ours = (out.router, address) in belonging.speakers or out.router in belonging.homes
        if ours or route.protocol in ON_LINK or not peers:
            return self._leaving(out, Fate.DELIVERED, target)
        return self._ending(Fate.UNREACHABLE, out.router)

    def _via(self, out: InterfaceRef, hop: NextHop, target: Target, belonging: Belonging) -> tuple[Branch, bool]:
        """The next hop is a gateway."""
        address = hop.address
        peer = hop.neighbor or (self._peer_with(out, address) if address else None)
        if peer is None and (address is None or address.is_link_local):
            peer = self._only_peer(out)
            if peer is None:
                return self._ending(Fate.UNREACHABLE, out.router), True
        if peer:
            return self._across(out, peer, target), not self.filtered
        assert address is not None
        if address in self._known:
            return self._ending(Fate.UNREACHABLE, out.router), True
        arrives = (out.router, address) in belonging.speakers or out.router in belonging.homes
        return self._leaving(out, Fate.DELIVERED if arrives else Fate.EXITS, target), False

    def _peer_with(self, out: InterfaceRef, address: Address) -> InterfaceRef | None:
        """Who has the address on the segment. By ARP Linux answers for an address of another interface too (``arp_ignore`` is
        0), by neighbour discovery it does not (seen beside FRR 8.4.4).
        """
        carriers = self._carriers.get(address)
        if not carriers:
            return None
        peers = self.computed.topology.peers.get(out, ())
        on_it = next((peer for peer in peers if peer in carriers), None)
        if on_it is not None or address.version == 6:
            return on_it
        places = {(carrier.router, self._vrf(carrier)) for carrier in carriers}
        return next((peer for peer in peers if (peer.router, self._vrf(peer)) in places), None)

    def _only_peer(self, out: InterfaceRef) -> InterfaceRef | None:
        """Who answers to a link-local next hop: clear with one other router on the segment, else not ours to guess."""
        peers = self.computed.topology.peers.get(out, ())
        if len(peers) > 1:
            text = f"{out}: the next hop is an unknown link-local address and {len(peers)} routers share the segment"
            self._unknowns.add(Remark("ambiguous-next-hop", text, out.router))
        return peers[0] if len(peers) == 1 else None

    def _across(self, out: InterfaceRef, peer: InterfaceRef, target: Target) -> Branch:
        """The packet crosses to ``peer``, unless an access list or a router that does not forward ends it."""
        if self.filtered and not self._permits(out, "out", target):
            return self._ending(Fate.FILTERED, out.router)
        if self.filtered and not self._permits(peer, "in", target):
            return self._ending(Fate.FILTERED, peer.router, out)
        node = self.node_of.get((peer.router, self._vrf(peer)))
        if node is None:
            return self._ending(Fate.UNREACHABLE, out.router)
        if not self.network.routers[peer.router].forwarding and not self._owns(peer.router, target.address):
            return self._ending(Fate.DISCARDED, peer.router, out)
        return Branch(self.interface(out), node, NONE, NONE)

    def _leaving(self, out: InterfaceRef, fate: Fate, target: Target) -> Branch:
        if self.filtered and not self._permits(out, "out", target):
            return self._ending(Fate.FILTERED, out.router)
        return self._ending(fate, out.router, out)

    def _owns(self, router: str, address: Address) -> bool:
        return any(ref.router == router for ref in self._carriers.get(address, ()))

    def _permits(self, ref: InterfaceRef, direction: str, target: Target) -> bool:
        router = self.network.routers[ref.router]
        interface = router.interfaces[ref.interface]
        name = interface.access_list_in if direction == "in" else interface.access_list_out
        if name is None:
            return True
        listed = router.policies.access_lists.get((target.address.version, name))
        if listed is None:
            row = SEMANTICS.get(router.vendor)
            return row is not None and row.undefined_access_list != "deny"
        return permits(listed.entries, target)


def permits(entries: Iterable[AccessListEntry], target: Target) -> bool:
    """First match of an access list for a packet that no protocol or port line speaks of; no match is a deny.

    A line with a protocol or ports is passed over: what it does to that traffic is the ``filters`` check's to say.
    """
    for entry in entries:
        if entry.protocol not in {"ip", "ipv6", "any"} or entry.source_ports or entry.destination_ports:
            continue
        if _meets(entry.destination, entry.destination_wildcard, target.address) and _meets(
            entry.source, entry.source_wildcard, target.source
        ):
            return entry.permit
    return False


def _meets(prefix: Prefix | None, wildcard: tuple[int, int] | None, address: Address | None) -> bool:
    if prefix is None and wildcard is None:
        return True
    if address is None:
        return False
    if wildcard is not None:
        value, mask = wildcard
        return (address.value | mask) == (value | mask)
    assert prefix is not None
    return prefix.holds(address)


def _carriers(computed: Computed) -> dict[Address, frozenset[InterfaceRef]]:
    """Interfaces that are up, by address, over all VRFs."""
    found: dict[Address, set[InterfaceRef]] = {}
    for (_, address), refs in computed.topology.owners.items():
        found.setdefault(address, set()).update(refs)
    return {address: frozenset(refs) for address, refs in found.items()}


def _filters(network: Network) -> tuple[bool, bool]:
    """Whether any interface filters packets, and whether any such list looks at their source."""
    lists = [
        router.policies.access_lists.get((version, name))
        for router in network.routers.values()
        for interface in router.interfaces.values()
        for name in (interface.access_list_in, interface.access_list_out)
        if name
        for version in (4, 6)
    ]
    by_source = any(entry.source or entry.source_wildcard for found in lists if found for entry in found.entries)
    return bool(lists), by_source
