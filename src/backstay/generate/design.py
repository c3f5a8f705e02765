"""The designed network, before it is written down in anybody's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backstay.generate import addressing
from backstay.generate.addressing import Pair
from backstay.generate.demands import Matrix, traffic_matrix
from backstay.generate.dimension import capacities
from backstay.generate.graph import graph_of, metric_of
from backstay.generate.naming import site_names
from backstay.generate.neighbors import External, default_prefixes, externals
from backstay.generate.placing import Placing, place_tasks, place_weights
from backstay.generate.risk import risk_groups
from backstay.generate.topology import Topology, distance_km, read_topology
from backstay.model.errors import InputError

IGPS = ("isis", "ospf")
EXTERNAL_SHARE = 0.05
"""Traffic with other networks, as a share of the traffic between places."""
PORT_MBPS = 100_000
"""Speed of every port to servers and other networks, and the most FRR's `bandwidth` can say."""
DNS_MBPS = 5
"""What the users of a place ask of the DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An interface of a router. ``metric`` None: nobody speaks the IGP there (``igp`` False) or it is passive.
    ``bandwidth`` (Mbit/s) stands in the configuration where no link of ``backstay.yaml`` holds the capacity.
    """

    name: str
    description: str
    address: Pair
    igp: bool
    metric: int | None = None
    bandwidth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A line of demands.csv: names of places, Mbit/s."""

    source: str
    destination: str
    mbps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Everything about the network to be written. ``names`` are (site code, name for people) by place number; routers
    have the code and a 1. ``ports`` by place; ``ends`` the two interface names of each fibre.
    """

    topology: Topology
    igp: str
    names: tuple[tuple[str, str], ...]
    placing: Placing
    externals: tuple[External, ...]
    ports: Mapping[int, tuple[Port, ...]]
    ends: tuple[tuple[str, str], ...]
    capacities: tuple[int, ...]
    groups: tuple[tuple[int, tuple[int, int]], ...]
    demands: tuple[Demand, ...]
    drained: frozenset[int]

    def site(self, place: int) -> str:
        return self.names[place][0]

    def router(self, place: int) -> str:
        return f"{self.names[place][0]}1"

    def role(self, place: int) -> str:
        """The role of the site: what it does, else what the data set says it is."""
        if place in self.placing.data_centers:
            return "data-center"
        if place in self.placing.dns_sites:
            return "dns"
        kinds = {"Seacable Waypoint": "junction", "Seacable Landing Point": "landing"}
        return kinds.get(self.topology.places[place].kind, "pop")

    def region(self, place: int) -> str:
        """The failure domain: the part of the network round the nearest data centre."""
        here = self.topology.places[place].position
        near = min(
            self.placing.data_centers,
            key=lambda center: (distance_km(here, self.topology.places[center].position), center),
        )
        return f"region-{self.site(near)}"


def design(key: str, igp: str, prefixes: int | None, drained: tuple[str, ...]) -> Design:
    """Design a network on a topology. Raises `InputError` for anything that is not there or does not fit."""
    if igp not in IGPS:
        raise InputError(f"igp {igp!r} is not known; expected {' or '.join(IGPS)}")
    topology = read_topology(key)
    size = len(topology.places)
    if len(topology.fibres) > addressing.MOST_FIBRES:
        raise InputError(f"topology {key} has {len(topology.fibres)} edges; expected {addressing.MOST_FIBRES} at most")
    graph = graph_of(topology)
    names = site_names(topology)
    placing = place_tasks(topology, graph)
    world = externals(size, placing.borders, default_prefixes(size) if prefixes is None else prefixes)
    matrix = traffic_matrix(topology, place_weights(topology), (*placing.data_centers, *placing.operators))
    groups = risk_groups(topology)
    outside = _outside(matrix, placing, world)
    sizes = capacities(graph, _with_outside(matrix, outside), [pair for _, pair in groups])
    ports, ends = _ports(topology, names, placing, world)
    return Design(
        topology=topology,
        igp=igp,
        names=names,
        placing=placing,
        externals=world,
        ports=ports,
        ends=ends,
        capacities=sizes,
        groups=groups,
        demands=_demands(matrix, outside, names),
        drained=_drained(drained, names),
    )


def _drained(routers: tuple[str, ...], names: tuple[tuple[str, str], ...]) -> frozenset[int]:
    numbers = {f"{code}1": place for place, (code, _) in enumerate(names)}
    for router in routers:
        if router not in numbers:
            raise InputError(f"no router is called {router!r}, so it cannot be drained")
    return frozenset(numbers[router] for router in routers)


Outside = tuple[tuple[External, int, int], ...]
"""(external network, data centre, Mbit/s): from transits and peers to the data centre, to customers from it."""


def _outside(matrix: Matrix, placing: Placing, world: tuple[External, ...]) -> Outside:
    """Traffic with the networks whose way in or out follows from the attachments alone."""
    known = [one for one in world if one.kind != "customer" or len(one.attachments) == 1]
    each = sum(matrix.values()) * EXTERNAL_SHARE / (len(known) * len(placing.data_centers))
    return tuple((one, center, max(1, round(each))) for one in known for center in placing.data_centers)


def _with_outside(matrix: Matrix, outside: Outside) -> Matrix:
    """The matrix with the traffic of other networks at the places they attach to, in equal parts."""
    whole = dict(matrix)
    for external, center, mbps in outside:
        for place, _ in external.attachments:
            pair = (center, place) if external.kind == "customer" else (place, center)
            if pair[0] != pair[1]:
                whole[pair] = whole.get(pair, 0.0) + mbps / len(external.attachments)
    return whole


def _demands(matrix: Matrix, outside: Outside, names: tuple[tuple[str, str], ...]) -> tuple[Demand, ...]:
    inside = [Demand(source=names[a][0], destination=names[b][0], mbps=round(mbps)) for (a, b), mbps in matrix.items()]
    users = sorted({names[a][0] for a, _ in matrix})
    dns = [Demand(source=user, destination="dns", mbps=DNS_MBPS) for user in users]
    others = [
        Demand(source=names[center][0], destination=external.name, mbps=mbps)
        if external.kind == "customer"
        else Demand(source=external.name, destination=names[center][0], mbps=mbps)
        for external, center, mbps in outside
    ]
    return tuple(sorted((*inside, *dns, *others), key=lambda one: (one.source, one.destination)))


def _ports(
    topology: Topology, names: tuple[tuple[str, str], ...], placing: Placing, world: tuple[External, ...]
) -> tuple[Mapping[int, tuple[Port, ...]], tuple[tuple[str, str], ...]]:
    """Interfaces of every router: fibres first, in the data set's order, then LANs, then external networks."""
    ports: dict[int, list[Port]] = {place: [] for place in range(len(names))}
    ends: list[tuple[str, str]] = []
    for number, fibre in enumerate(topology.fibres):
        a = f"eth{len(ports[fibre.a])}"
        b = f"eth{len(ports[fibre.b])}"
        ends.append((a, b))
        for here, there, mine, far, end in ((fibre.a, fibre.b, a, b, 0), (fibre.b, fibre.a, b, a, 1)):
            label = f"{names[there][0]}1 {far}, {fibre.km:.0f} km"
            address = addressing.link(number, end)
            ports[here].append(Port(name=mine, description=label, address=address, igp=True, metric=metric_of(fibre)))
    for number, place in enumerate(placing.data_centers):
        _add(ports[place], "servers", addressing.server_lan(number, 1), igp=True)
    for number, place in enumerate(placing.dns_sites):
        _add(ports[place], "DNS servers", addressing.dns_lan(number, 1), igp=True)
    for external in world:
        for place, link in external.attachments:
            _add(ports[place], f"{external.kind} {external.name}", addressing.neighbor_link(link, 0), igp=False)
    return {place: tuple(row) for place, row in ports.items()}, tuple(ends)


def _add(ports: list[Port], description: str, address: Pair, *, igp: bool) -> None:
    name = f"eth{len(ports)}"
    ports.append(Port(name=name, description=description, address=address, igp=igp, bandwidth=PORT_MBPS))
