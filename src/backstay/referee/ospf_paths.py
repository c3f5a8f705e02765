"""OSPF, second half: flooding by scope, and shortest paths over each router's own area database (RFC 2328 13, 16.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import networkx as nx

from backstay.model.address import Prefix
from backstay.referee.ospf_lsa import Key, Node, NodeLsa, Port, Talk

At = tuple[Key, str]
"""A process in an area; the area "*" is the whole autonomous system."""

AS_WIDE = "*"

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Hop:
    """A first hop: out of one's own port to a neighbour's."""

    local: Port
    remote: Port


@dataclass(frozen=True, slots=True)
class Reached:
    """A node or prefix within an area: its cost, and the first hops (none: the router itself)."""

    cost: int
    hops: frozenset[Hop]


def merged(found: Reached | None, other: Reached) -> Reached:
    """The cheaper of two ways, or both."""
    if found is None or other.cost < found.cost:
        return other
    return Reached(found.cost, found.hops | other.hops) if other.cost == found.cost else found


def neighbors(talked: Talk, areas: Mapping[Key, frozenset[str]] | None = None) -> dict[At, set[At]]:
    """Who floods to whom in each area; with ``areas``, AS-wide, over adjacencies in those areas only."""
    found: dict[At, set[At]] = defaultdict(set)
    for key, ports in talked.ports.items():
        for port in ports:
            for bond in talked.bonds_of(port):
                scope = port.area if areas is None else AS_WIDE
                if areas is None or port.area in areas[key]:
                    found[key, scope].add((bond.remote.process.key, scope))
    return found


def flood(held: Mapping[At, set[T]], near: Mapping[At, set[At]]) -> dict[At, frozenset[T]]:
    """Everybody passes on what is new to it until nobody hears anything new (RFC 2328 13.3)."""
    known = {at: set(items) for at, items in held.items()}
    news = {at: set(items) for at, items in held.items()}
    while any(news.values()):
        heard = {at: set().union(*(news.get(other, set()) for other in near.get(at, ()))) for at in known}
        news = {at: items - known[at] for at, items in heard.items()}
        for at, items in news.items():
            known[at] |= items
    return {at: frozenset(items) for at, items in known.items()}


@dataclass(eq=False)
class AreaMap:
    """The graph of one area database. Routers with equal databases share it."""

    lsas: tuple[NodeLsa, ...]
    graph: nx.DiGraph[Node] = field(init=False)
    stubs: Mapping[Prefix, tuple[tuple[Node, int], ...]] = field(init=False)

    def __post_init__(self) -> None:
        costs: dict[tuple[Node, Node], int] = {}
        for lsa in self.lsas:
            for link in lsa.links:
                edge = (lsa.node, link.node)
                costs[edge] = min(costs.get(edge, link.cost), link.cost)
        edges: dict[Node, dict[Node, int]] = defaultdict(dict)
        for (tail, head), cost in costs.items():
            if (head, tail) in costs:  # both ends describe it (RFC 2328 16.1 (2)(b))
                edges[tail][head] = cost
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(lsa.node for lsa in self.lsas)
        hidden = {lsa.node for lsa in self.lsas if not lsa.transit}
        for tail in edges.keys() - hidden:  # nothing goes through a router whose R-bit is clear (RFC 5340 2.7)
            self.graph.add_weighted_edges_from((tail, head, cost) for head, cost in edges[tail].items())
        stubs: dict[Prefix, list[tuple[Node, int]]] = defaultdict(list)
        for lsa in self.lsas:
            for stub in lsa.stubs:
                stubs[stub.prefix].append((lsa.node, stub.cost))
        self.stubs = {prefix: tuple(found) for prefix, found in stubs.items()}


def reach(talked: Talk, chart: AreaMap, key: Key, area: str) -> dict[Node, Reached]:
    """Every node of the area as the process reaches it (RFC 2328 16.1)."""
    root = talked.processes[key].node
    if root not in chart.graph:
        return {}
    before, distance = nx.dijkstra_predecessor_and_distance(chart.graph, root)
    first = _first_hops(talked, key, area)
    found: dict[Node, Reached] = {root: Reached(0, frozenset())}
    # Networks before routers at equal distance (RFC 2328 16.1 (3)): a network may lie before the router.
    for node in sorted(distance, key=lambda at: (distance[at], at[0] == "router")):
        if node != root:
            ways = (hop for previous in before[node] for hop in _begin(node, previous, root, distance, first, found))
            found[node] = Reached(int(distance[node]), frozenset(ways))
    return found


def _first_hops(talked: Talk, key: Key, area: str) -> dict[Node, list[tuple[int, Node | None, Hop]]]:
    """By neighbour router: (cost of the link, the LAN it is over, the hop)."""
    found: dict[Node, list[tuple[int, Node | None, Hop]]] = defaultdict(list)
    for port in talked.ports[key]:
        if port.area != area:
            continue
        lan = talked.lans.get((port.ref, port.process.config.version))
        full = tuple(bond.remote for bond in talked.bonds_of(port))
        # On a LAN packets go straight to whom one is not Full with, too; without a DR nobody is (RFC 2328 9.5, 10.4).
        for other in full if lan is None else talked.near.get((port.ref, port.process.config.version), ()):
            found[other.process.node].append((port.link_cost, lan, Hop(port, other)))
    return found


def _begin(
    node: Node,
    previous: Node,
    root: Node,
    distance: Mapping[Node, float],
    first: Mapping[Node, list[tuple[int, Node | None, Hop]]],
    found: Mapping[Node, Reached],
) -> Iterator[Hop]:
    """The first hops of the paths to ``node`` that end in a step from ``previous`` (RFC 2328 16.1.1)."""
    if previous == root:
        if node[0] == "router":
            yield from (hop for cost, lan, hop in first[node] if lan is None and cost == distance[node])
        return
    yield from found[previous].hops
    if previous[0] == "network":
        yield from (hop for cost, lan, hop in first[node] if lan == previous and cost == distance[previous])


def intra_area(chart: AreaMap, nodes: Mapping[Node, Reached]) -> dict[Prefix, Reached]:
    """Every prefix of the area (RFC 2328 16.1 (4), second stage)."""
    found: dict[Prefix, Reached] = {}
    for prefix, places in chart.stubs.items():
        for node, cost in places:
            if node in nodes:
                found[prefix] = merged(found.get(prefix), Reached(nodes[node].cost + cost, nodes[node].hops))
    return found
