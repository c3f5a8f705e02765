"""What routers do with packets to a destination, as rules that only distances decide among.

A destination is a chain of rules, one for each prefix that covers it, longest first. *Interior*: send towards the one node
that announces the prefix; nodes connected to it deliver. *BGP*: take the exit `reflection` says; a router with such
a path of its own hands over by itself. A router follows the first rule it has a route by.
"""

from __future__ import annotations

from collections.abc import Sequence

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, Route
from backstay.simulate.fib import CODE, NONE, Fib, Target
from backstay.simulate.layers import Layer
from backstay.simulate.reflection import Exit, Reflection
from backstay.simulate.rib import Rib

INTERIOR, BGP = 1, 0
ORDINARY, ANYCAST = -1, 0


class Rules:
    """The chains of all destinations, as rows for the core (their fields stand in native/exits.hpp)."""

    def __init__(self, fib: Fib, layer: Layer, reflection: Reflection | None) -> None:
        tables = fib.computed.tables
        assert isinstance(tables, Rib)
        self._fib, self._layer, self._tables, self._reflection = fib, layer, tables, reflection
        self.node = {name: number for number, (name, _) in enumerate(layer.paths.keys)}
        self.columns: list[int] = []
        self._column_of: dict[int, int] = {}
        self.addresses: list[Address] = []
        self.candidates: list[tuple[int, int, int, int, int, int]] = []
        self.fixed: list[tuple[int, int]] = []
        self.rules: list[tuple[int, int, int, int, int, int]] = []
        self.rule_begin: list[int] = [0]
        self._exits: dict[Prefix, tuple[tuple[Exit, int], ...] | None] = {}
        known = reflection.reflectors if reflection else {}
        in_order = sorted(known.values())
        self.reflectors = [self.column(self.node[name]) for name in known]
        self.peer_order = [in_order.index(address) for address in known.values()]
        self._anycast = {
            (prefix, origin.router)
            for anycast in fib.network.anycasts.values()
            for prefix in anycast.prefixes
            for origin in anycast.origins
        }

    @property
    def leaving(self) -> frozenset[InterfaceRef]:
        """Interfaces that routers hand packets over by themselves on."""
        sets = {hop_set for _, hop_set in self.fixed}
        return frozenset(
            self._fib.interfaces[branch.interface]
            for hop_set in sets
            for branch in self._fib.hop_sets[hop_set]
            if branch.interface != NONE
        )

    def column(self, node: int) -> int:
        """The number of a node among those distances are kept to."""
        if node not in self._column_of:
            self._column_of[node] = len(self.columns)
            self.columns.append(node)
        return self._column_of[node]

    def branches(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Hop sets of the fib: where each begins, and of every branch the interface and whether it arrives."""
        begins = [0]
        found: list[tuple[int, int]] = []
        for hop_set in self._fib.hop_sets:
            found.extend((branch.interface, int(branch.fate == CODE[Fate.DELIVERED])) for branch in hop_set)
            begins.append(len(found))
        return begins, found

    def add(self, address: Address) -> bool:
        """Take a destination in; False where its rules are not plain."""
        target = self._fib.target(address)
        owned = bool(self._fib.computed.topology.owners.get((DEFAULT_VRF, address)))
        for place, prefix in enumerate(self._tables.covering(DEFAULT_VRF, address)):
            if prefix in self._layer.block.index and self._tables.interior_alone(prefix):
                if place or not self._add_interior(prefix, target):
                    return False
            elif (owned and not place) or not self._add_bgp(prefix, target):
                return False
        self.addresses.append(address)
        self.rule_begin.append(len(self.rules))
        return True

    # ------------------------------------------------------------------------------------- interior

    def announcer(self, prefix: Prefix) -> tuple[int, int] | None:
        """The one node that announces an interior prefix and at which cost; None if there are several."""
        number = self._layer.block.index.get(prefix)
        items = self._layer.block.announcements[number] if number is not None else []
        return (items[0].node, items[0].cost) if len(items) == 1 and not items[0].second else None

    def leads_to(self, address: Address, nodes: set[int | None]) -> bool:
        """Whether packets to an address of either IP version go to one of the nodes over the same graph, by interior
        routing alone.
        """
        layers = [layer for igp in self._tables.igps for layer in igp.layers if layer.version == address.version]
        if len(layers) != 1 or layers[0].paths is not self._layer.paths:
            return False
        layer = layers[0]
        prefix = next(iter(self._tables.covering(DEFAULT_VRF, address)), None)
        number = layer.block.index.get(prefix) if prefix else None
        if prefix is None or number is None or not self._tables.interior_alone(prefix):
            return False
        announced = layer.block.announcements[number]
        carried = all(layer.hop(edge) is not None for edge in layer.paths.edges)
        return carried and len(announced) == 1 and announced[0].node in nodes

    def home(self, address: Address) -> tuple[int, int] | None:
        """The node that interior routing alone leads to for an address, and the cost beyond it."""
        prefix = next(iter(self._tables.covering(DEFAULT_VRF, address)), None)
        plain = prefix is not None and prefix in self._layer.block.index and self._tables.interior_alone(prefix)
        return self.announcer(prefix) if prefix is not None and plain else None

    def _add_interior(self, prefix: Prefix, target: Target) -> bool:
        found = self.announcer(prefix)
        if found is None:
            return False
        owners = self._fib.computed.topology.owners.get((DEFAULT_VRF, target.address), ())
        names = {name for name, _ in self._tables.connected_to(prefix)} | {ref.router for ref in owners}
        names.add(self._layer.paths.keys[found[0]][0])
        begin = len(self.fixed)
        nodes = {self.node[name]: self._fib.node_of[name, DEFAULT_VRF] for name in names}
        row = self._fib.row(target, sorted(nodes.values()))
        if not self._fix([(node, int(row[index])) for node, index in sorted(nodes.items())]):
            return False
        self.rules.append((INTERIOR, self.column(found[0]), 0, 0, begin, len(self.fixed)))
        return True

    def _fix(self, pairs: Sequence[tuple[int, int]]) -> bool:
        """Note hop sets of nodes that hand over; False where one passes on to another router of ours."""
        self.fixed.extend(pairs)
        return all(branch.node == NONE for _, hop_set in pairs for branch in self._fib.hop_sets[hop_set])

    # ------------------------------------------------------------------------------------- BGP

    def _add_bgp(self, prefix: Prefix, target: Target) -> bool:
        if prefix not in self._exits:
            self._exits[prefix] = self._exits_of(prefix)
        exits = self._exits[prefix]
        if exits is None:
            return False
        first, begin = len(self.candidates), len(self.fixed)
        ranks = sorted({item.rank for item, _ in exits})
        order = sorted(item.router_id for item, _ in exits)
        pairs = []
        for item, cost in exits:
            node, route = self.node[item.router], self._own_route(item, prefix)
            if route is None:
                return False
            anycast = ANYCAST if (prefix, item.router) in self._anycast else ORDINARY
            rank = ranks.index(item.rank)
            self.candidates.append((node, self.column(node), cost, rank, order.index(item.router_id), anycast))
            index = self._fib.node_of[item.router, DEFAULT_VRF]
            pairs.append((node, self._fib.by_route(index, route, target)))
        if not self._fix(sorted(pairs)):
            return False
        self.rules.append((BGP, NONE, first, len(self.candidates), begin, len(self.fixed)))
        return True

    def _exits_of(self, prefix: Prefix) -> tuple[tuple[Exit, int], ...] | None:
        """The exits with the cost of their next hops beyond their routers; None where one is not plain."""
        exits = self._reflection.candidates(prefix) if self._reflection else None
        if exits is None or prefix in self._layer.block.index:
            return None
        routers = {item.router for item in exits}
        if not {name for name, _ in self._tables.holding_locally(prefix)} <= routers:
            return None
        found = []
        for item in exits:
            home = self.home(item.next_hop) if item.next_hop else (self.node[item.router], 0)
            if home is None or home[0] != self.node[item.router]:
                return None
            found.append((item, home[1]))
        return tuple(found)

    def _own_route(self, item: Exit, prefix: Prefix) -> Route | None:
        """The route of a router that goes by its own path; None if that could change."""
        route = self._tables.route(item.router, DEFAULT_VRF, prefix)
        if route is None or route.protocol == "ibgp":
            return item.route
        steady = route.protocol in {"bgp", "connected"} or all(hop.discard for hop in route.next_hops)
        return route if steady else None
