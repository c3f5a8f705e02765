"""What BGP resolves on: the routes without BGP, and BGP's own where they are the longer match.

A next hop or a peer may be reached through a BGP route (an iBGP loopback carried by an eBGP fabric). Then the answer
depends on BGP's own outcome: it is computed, the questions are asked again with the routes found, and so on until no
answer changes (`Reach.learn`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backstay.model.address import BITS, Address, Prefix
from backstay.model.network import Network
from backstay.model.state import NextHop, Route, RouteTable
from backstay.simulate.seams import Topology, Underlay
from backstay.simulate.topology import configured_addresses

Answer = tuple[int, tuple[NextHop, ...]] | None
"""Metric to the address and the next hops packets leave by; None: unreachable."""

Question = tuple[str, str, Address]
"""Router, VRF, address."""


class Reach:
    """`Underlay.resolve` and `Underlay.reaches`, with the BGP routes learned so far laid over them."""

    def __init__(self, network: Network, topology: Topology, underlay: Underlay) -> None:
        self._network = network
        self._topology = topology
        self._underlay = underlay
        self._configured = configured_addresses(network)
        self._by_default = {version for router in network.routers.values() for version in router.resolve_via_default}
        self._routes: Mapping[tuple[str, str], RouteTable] = {}
        self._lengths: dict[int, tuple[int, ...]] = {4: (), 6: ()}
        self._known: frozenset[Prefix] = frozenset()
        self._resolved: dict[Question, Answer] = {}
        self._reached: dict[Question, bool] = {}
        self._diverted: dict[Address, bool] = {}
        self._open: set[Question] = set()
        self._circular = False

    def resolve(self, router: str, vrf: str, address: Address) -> Answer:
        """Where packets for the address leave, for a next hop or the start of a session. Routes that resolve through
        each other alone resolve nowhere.
        """
        question = (router, vrf, address)
        if question in self._resolved:
            return self._resolved[question]
        if question in self._open:
            self._circular = True
            return None
        self._open.add(question)
        try:
            answer = self._resolve(question)
        finally:
            self._open.discard(question)
        if not self._open:
            self._circular = False
        if not self._circular:
            self._resolved[question] = answer
        return answer

    @property
    def circular(self) -> bool:
        """Whether an answer now being worked out has come back to its own question: what follows from it is good for that
        question alone.
        """
        return self._circular

    def reaches(self, router: str, vrf: str, address: Address) -> bool:
        """Whether packets arrive at an owner of the address; at somebody outside, where it is nobody's of ours: whoever they
        are handed to there is taken to have it or to know the way.
        """
        question = (router, vrf, address)
        if question not in self._reached:
            self._reached[question] = self._reaches(question)
        return self._reached[question]

    def learn(self, routes: Mapping[tuple[str, str], RouteTable], prefixes: frozenset[Prefix]) -> bool:
        """Take BGP's routes in, ``prefixes`` all there may be; True when an answer given before is another one now."""
        resolved, reached, formerly = self._resolved, self._reached, self._known
        self._routes, self._diverted = routes, {}
        self._known = frozenset(p for p in prefixes if not p.is_default or p.version in self._by_default)
        for version in (4, 6):
            found = {prefix.length for prefix in self._known if prefix.version == version}
            self._lengths[version] = tuple(sorted(found, reverse=True))
        gone = formerly - self._known
        asked = {question[2] for question in (*resolved, *reached)}
        touched = {a for a in asked if self._covered(a) or any(prefix.holds(a) for prefix in gone)}
        self._resolved = {question: answer for question, answer in resolved.items() if question[2] not in touched}
        self._reached = {question: answer for question, answer in reached.items() if question[2] not in touched}
        return any(self.resolve(*question) != answer for question, answer in resolved.items()) or any(
            self.reaches(*question) != answer for question, answer in reached.items()
        )

    def answers(self) -> frozenset[tuple[Question, object]]:
        """What was answered about addresses that BGP routes have a say in: equal answers, equal outcome."""
        return frozenset(
            item for asked in (self._resolved, self._reached) for item in asked.items() if self._covered(item[0][2])
        )

    # ------------------------------------------------------------------------------------- one answer

    def leads_around(self, router: str, vrf: str, address: Address, prefix: Prefix) -> bool:
        """Whether BGP's route to a prefix that holds the address can do without itself on the way there: a more specific
        route leads to it, or the route is none of the table's, as there is a better one.
        """
        length, other = self._underlay_route(router, vrf, address)
        table = self._routes.get((router, vrf), {})
        route = table.get(prefix)
        if length > prefix.length or route is None:
            return True
        if length == prefix.length and other is not None and other.distance < route.distance:
            return True
        return any(closer.length > prefix.length and closer in table for closer in self.covering(address))

    def _covered(self, address: Address) -> bool:
        return next(self.covering(address), None) is not None

    def covering(self, address: Address) -> Iterator[Prefix]:
        """BGP's prefixes that hold the address, longest first; the default route where some router resolves by it (``nht
        resolve-via-default``).
        """
        for length in self._lengths[address.version]:
            prefix = Prefix.of(address, length)
            if prefix in self._known:
                yield prefix

    def _resolve(self, question: Question) -> Answer:
        router, vrf, address = question
        found = self._bgp_route(question)
        if found is None:
            return self._underlay.resolve(router, vrf, address)
        return (found.metric, found.forwarding) if found.forwarding else None

    def _bgp_route(self, question: Question) -> Route | None:
        """The BGP route that is the best match for the address, if one is; a route never resolves itself."""
        router, vrf, address = question
        table = self._routes.get((router, vrf))
        if table is None:
            return None
        below: tuple[int, Route | None] | None = None
        for prefix in self.covering(address):
            below = below or self._underlay_route(router, vrf, address)
            length, other = below
            if prefix.is_default and prefix.version not in self._network.routers[router].resolve_via_default:
                return None
            if prefix.length < length:  # not even looked at: working it out may ask this very question
                return None
            route = table.get(prefix)
            if route is not None and all(hop.address != address for hop in route.next_hops):
                return route if other is None or prefix.length > length or route.distance < other.distance else None
        return None

    def _underlay_route(self, router: str, vrf: str, address: Address) -> tuple[int, Route | None]:
        """The best match among routes that are not BGP's, with its length; (-1, None) without one."""
        table = self._underlay.table(router, vrf)
        for length in range(BITS[address.version], -1, -1):
            found = table.get(Prefix.of(address, length))
            if found is not None:
                return length, found
        return -1, None

    def _reaches(self, question: Question) -> bool:
        if self._is_foreign(question[2]) or self.is_diverted(question[2]):
            return self._walk(question)
        return self._underlay.reaches(*question)

    def _is_foreign(self, address: Address) -> bool:
        return address not in self._configured

    def _hands_over(self, hop: NextHop, address: Address) -> bool:
        """Whether packets for an address that is nobody's of ours leave the network by the next hop."""
        lost = hop.neighbor is not None or hop.interface is None or hop.discard is not None
        return not lost and self._is_foreign(address) and self._is_foreign(hop.address or address)

    def is_diverted(self, address: Address) -> bool:
        """Whether a route of BGP takes packets for the address on some router; an own aggregate takes them nowhere."""
        if address not in self._diverted:
            prefixes = list(self.covering(address))
            self._diverted[address] = any(
                self._bgp_route((*node, address)) is not None
                for node, table in self._routes.items()
                if any(prefix in table for prefix in prefixes)
            )
        return self._diverted[address]

    def _walk(self, question: Question) -> bool:
        """Hop by hop over both kinds of routes, every branch followed."""
        router, vrf, address = question
        seen = {(router, vrf)}
        queue = [(router, vrf)]
        for node in queue:
            if self._topology.owns(*node, address):
                return True
            for hop in self._onward((*node, address)):
                if self._hands_over(hop, address):
                    return True
                following = self.follows(hop)
                if following and following not in seen:
                    seen.add(following)
                    queue.append(following)
        return False

    def _onward(self, question: Question) -> tuple[NextHop, ...]:
        """The next hops packets leave by: a default route's too, by which no session starts."""
        answer = self.resolve(*question)
        if answer is not None:
            return answer[1]
        _length, route = (-1, None) if self._bgp_route(question) else self._underlay_route(*question)
        return route.forwarding if route is not None else ()

    def scatters(self, router: str, vrf: str, address: Address) -> bool:
        """Whether some of the ways that packets to the address are spread over end elsewhere, or in a circle."""
        done: set[tuple[str, str]] = set()

        def astray(node: tuple[str, str], behind: frozenset[tuple[str, str]]) -> bool:
            if node in done or self._topology.owns(*node, address):
                return False
            hops = () if node in behind else self._onward((*node, address))
            onward = [self.follows(hop) for hop in hops if not self._hands_over(hop, address)] if hops else [None]
            if any(place is None or astray(place, behind | {node}) for place in onward):
                return True
            done.add(node)
            return False

        return astray((router, vrf), frozenset())

    def follows(self, hop: NextHop) -> tuple[str, str] | None:
        """The router and VRF a next hop leads to, None where it leaves the network."""
        if hop.neighbor is None:
            return None
        interface = self._network.routers[hop.neighbor.router].interfaces[hop.neighbor.interface]
        return (hop.neighbor.router, interface.vrf)

    def distance(self, router: str, vrf: str, address: Address, most: int) -> int | None:
        """The fewest hops to an owner of the address, not looking further than ``most``; None: further or not at all."""
        level = {(router, vrf)}
        seen = set(level)
        for hops in range(most + 1):
            if any(self._topology.owns(*node, address) for node in level):
                return hops
            answers = [self.resolve(*node, address) for node in level]
            found = {self.follows(hop) for answer in answers if answer for hop in answer[1]}
            level = {node for node in found if node is not None} - seen
            seen |= level
        return None
