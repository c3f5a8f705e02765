"""A network as the capacity sweep sees it: one interior graph, and demands from router to router.

The fast engine routes the network as it is, BGP and all. Where all demand then runs on one interior graph (`shortcut` proves
it hop by hop) the demands become a matrix between routers and the sweep takes over; its loads without a failure must be
the engine's, or the picture is refused. A demand that BGP sends to an exit stays with the exit its first router prefers;
those with a choice are in `Picture.moving`, and a link's load is off by all of them (`Picture.at_stake`) at most. Where there is no such graph the picture has no model and says why (``reason``).

A router with the overload bit is two nodes, one that sends and one that receives, so that nothing passes through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from backstay.model.demand import Demand
from backstay.model.endpoints import entries
from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, InterfaceRef, Network
from backstay.model.source import Remark
from backstay.simulate import bgp
from backstay.simulate.cascade import calm_down
from backstay.simulate.converge import Routing
from backstay.simulate.engine import refuse_unknown_vendors
from backstay.simulate.failures import LINK, RISK_GROUP, ROUTER, failures_of
from backstay.simulate.flows import WHOLE, Forwarding
from backstay.simulate.loads import Part, capacities, parts, place, worst_period
from backstay.simulate.shortcut import Shortcut
from backstay.simulate.spf import Edge, Paths
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model

Floats = npt.NDArray[np.float64]

SRLG = "srlg"
KINDS = {"link": LINK, "router": ROUTER, SRLG: RISK_GROUP}
"""Words of the command line and what the engine calls them."""

NAMED = {engine: word for word, engine in KINDS.items()}
AGREEMENT = 1e-9
"""Loads of the sweep and the engine may differ by this share of all demand: rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hour:
    """The demands of one period: ``parts`` of them with the node each is sent from and to, ``matrix`` what that comes to.

    ``matrix`` is router by router in Mbit/s; parts that stay on their router are not in it. ``arrived`` is the share of
    each part that arrives while nothing fails; ``ports`` what the ports behind the links send (`backstay.plan.ports`).
    """

    period: str
    parts: tuple[Part, ...]
    arrived: Floats
    sources: npt.NDArray[np.intp]
    targets: npt.NDArray[np.intp]
    matrix: Floats
    ports: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def offered(self) -> float:
        """Mbit/s of all demands."""
        return float(sum(part.mbps for part in self.parts))

    @property
    def lost(self) -> float:
        """Mbit/s that do not arrive although nothing fails."""
        shares = zip(self.parts, self.arrived.tolist(), strict=True)
        return float(sum(part.mbps * (1.0 - arrived) for part, arrived in shares if arrived < WHOLE))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """``interfaces`` are the sending ends of links, in the order of the model's links (all ends of all links where there is
    no model); ``links`` the link of each; ``capacities`` Mbit/s, infinite where unknown; ``lengths`` km, NaN where nobody
    says. ``failures`` are what can fail, in the engine's order. ``routers`` names the router of each node. ``hours`` are in
    the order of the periods' first demands; the model carries the demands of the heaviest. ``leaks``: there are routes
    beside the interior's (BGP's, static ones), so that packets to a destination that is cut off may be sent on. Behind the
    links stand ports (`backstay.plan.ports`): in ``interfaces``, ``links`` (by the port's own name) and ``capacities``.
    """

    network: Network
    forwarding: Forwarding
    interfaces: tuple[InterfaceRef, ...]
    links: tuple[str, ...]
    capacities: Floats
    lengths: Floats
    failures: tuple[Failure, ...]
    hours: tuple[Hour, ...]
    model: LoadModel | None
    routers: tuple[str, ...] = ()
    reason: str = ""
    moving: tuple[str, ...] = ()
    leaks: bool = False
    remarks: tuple[Remark, ...] = ()

    def at_stake(self, hour: Hour) -> float:
        """Mbit/s of the hour whose exit a failure could move."""
        moving = set(self.moving)
        return sum(part.mbps for part in hour.parts if part.demand.destination in moving)

    def at(self, hour: Hour) -> LoadModel:
        """The model with the demands of an hour."""
        if self.model is None:
            raise Unproven(self.reason)
        return replace(self.model, demands=hour.matrix)

    def node_of(self, router: str) -> int:
        """The node a router sends from."""
        return self.routers.index(router)


def by_period(demands: Iterable[Demand]) -> Mapping[str, tuple[Demand, ...]]:
    """Demands of each period, in the order the periods come up. Those without a period count in every one."""
    demands = tuple(demands)
    names = list(dict.fromkeys(demand.period for demand in demands if demand.period)) or [""]
    return {
        name: tuple(replace(demand, period=name) for demand in demands if demand.period in {name, ""}) for name in names
    }


def picture(network: Network) -> Picture:
    """The picture of a network with its demands. Raises `Unproven` where the engine has no answer even for what is."""
    refuse_unknown_vendors(network)
    calm = calm_down(network, NOTHING, Routing(network, bgp.compute))
    computed, forwarding = calm.computed, calm.forwarding
    split, unplaced = _split(network)
    everything = tuple(part for found in split.values() for part in found)
    unknown = (*computed.unknowns, *forwarding.fib.unknowns)
    if unknown:
        raise Unproven(f"the network could not be computed in full: {unknown[0].text}")
    shortcut = Shortcut.build(forwarding, everything)
    if shortcut is None:
        return _without_model(network, forwarding, split, unplaced, _why(everything))
    made = _with_model(network, forwarding, split, unplaced, shortcut)
    fault = _disagreement(made)
    return _without_model(network, forwarding, split, unplaced, fault) if fault else made


def _why(everything: Sequence[Part]) -> str:
    if len({part.address.version for part in everything}) > 1:
        return "demands run over IPv4 and IPv6, which have graphs of their own"
    return (
        "forwarding does not follow one interior graph (areas, levels, redistribution, filters or statics on the way)"
    )


def _split(network: Network) -> tuple[Mapping[str, tuple[Part, ...]], tuple[Remark, ...]]:
    found: dict[str, tuple[Part, ...]] = {}
    remarks: list[Remark] = []
    for period, demands in by_period(network.demands).items():
        found[period], unplaced = parts(replace(network, demands=demands))
        remarks.extend(unplaced)
    return found, tuple(dict.fromkeys(remarks))


def heaviest(picture: Picture) -> Hour:
    """The hour with the most demand."""
    demands = [part.demand for hour in picture.hours for part in hour.parts]
    period = worst_period(dict.fromkeys(demands)) if demands else picture.hours[0].period
    return next(hour for hour in picture.hours if hour.period == period)


# ------------------------------------------------------------------------------------------- with a model


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Nodes of the model: every router, then a receiving twin for each one nothing may pass through."""

    routers: tuple[str, ...]
    sinks: Mapping[str, int]
    index: Mapping[str, int]

    @classmethod
    def of(cls, paths: Paths) -> _Nodes:
        names = tuple(name for name, _ in paths.keys)
        closed = tuple(names[number] for number in sorted(paths.closed))
        index = {name: number for number, name in enumerate(names)}
        return cls((*names, *closed), {name: len(names) + at for at, name in enumerate(closed)}, index)

    def sink(self, router: str) -> int:
        return self.sinks.get(router, self.index[router])

    @property
    def labels(self) -> tuple[str, ...]:
        plain = len(self.routers) - len(self.sinks)
        return (*self.routers[:plain], *(f"{name} (as a destination)" for name in self.routers[plain:]))


def _with_model(
    network: Network,
    forwarding: Forwarding,
    split: Mapping[str, tuple[Part, ...]],
    unplaced: tuple[Remark, ...],
    shortcut: Shortcut,
) -> Picture:
    nodes = _Nodes.of(shortcut.paths)
    edges = shortcut.paths.edges
    interfaces = tuple(edge.local for edge in edges)
    hours = tuple(_hour(period, items, forwarding, shortcut, nodes) for period, items in split.items())
    failures, idle = _failures(network, edges, nodes)
    known = capacities(network)
    limits = np.array([known.get(ref, np.inf) for ref in interfaces])
    model = None if len(set(interfaces)) < len(interfaces) else _model(edges, nodes, limits, hours[0].matrix, failures)
    made = Picture(
        network=network,
        forwarding=forwarding,
        interfaces=interfaces,
        links=tuple(_link_names(network, interfaces)),
        capacities=limits,
        lengths=_lengths(network, interfaces),
        failures=failures,
        hours=hours,
        model=model,
        routers=nodes.routers,
        reason="" if model else "a segment joins more than two routers",
        moving=_moving(network, split, shortcut),
        leaks=any(forwarding.fib.computed.bgp.routes.values())
        or any(r.static_routes for r in network.routers.values()),
        remarks=(*network.remarks, *unplaced, *idle),
    )
    return replace(made, model=made.at(heaviest(made))) if model else made


def _model(
    edges: Sequence[Edge], nodes: _Nodes, limits: Floats, matrix: Floats, failures: tuple[Failure, ...]
) -> LoadModel:
    names = [name for name, _ in zip(nodes.routers, range(len(nodes.index)), strict=False)]
    return load_model(
        nodes.labels,
        tuple(str(edge.local) for edge in edges),
        [edge.source for edge in edges],
        [nodes.sink(names[edge.target]) for edge in edges],
        [edge.metric for edge in edges],
        limits,
        matrix,
        failures,
    )


def _hour(period: str, items: tuple[Part, ...], forwarding: Forwarding, shortcut: Shortcut, nodes: _Nodes) -> Hour:
    ends = shortcut.ends(items)
    sources = np.array([nodes.index[part.router] for part in items], dtype=np.intp)
    targets = np.array([nodes.sink(end) for end in ends], dtype=np.intp)
    stays = np.array([part.router == end for part, end in zip(items, ends, strict=True)], dtype=bool)
    targets[stays] = sources[stays]
    return Hour(
        period=period,
        parts=items,
        arrived=_arrived(forwarding, items),
        sources=sources,
        targets=targets,
        matrix=_matrix(items, sources, targets, ~stays, len(nodes.routers)),
    )


def _arrived(forwarding: Forwarding, items: Sequence[Part]) -> Floats:
    forwarding.prepare((part.router, part.address) for part in items)
    return np.array([forwarding.delivered(part.router, part.address) for part in items])


def _failures(network: Network, edges: Sequence[Edge], nodes: _Nodes) -> tuple[tuple[Failure, ...], tuple[Remark, ...]]:
    """What can fail, and things that are part of no shortest path graph: their failure changes nothing here."""
    of_link: dict[str, list[int]] = {}
    ends = {end: name for name, link in network.links.items() for end in link.ends}
    for number, edge in enumerate(edges):
        of_link.setdefault(ends[edge.local], []).append(number)
    found: list[Failure] = []
    idle: list[Remark] = []
    for item in failures_of(network, NOTHING):
        links = tuple(number for name in sorted(item.overlay.links_down) for number in of_link.get(name, ()))
        routers = tuple(
            node
            for name in sorted(item.overlay.routers_down)
            if name in nodes.index
            for node in sorted({nodes.index[name], nodes.sink(name)})
        )
        if links or routers:
            found.append(Failure(kind=NAMED[item.kind], name=item.name, links=links, routers=routers))
        else:
            text = f"{NAMED[item.kind]} {item.name} takes no part in interior routing: its failure changes no load"
            idle.append(Remark("failure-idle", text))
    return tuple(found), tuple(idle)


def _link_names(network: Network, interfaces: Iterable[InterfaceRef]) -> Iterable[str]:
    names = {end: link.name for link in network.links.values() for end in link.ends}
    return (names[ref] for ref in interfaces)


def _moving(network: Network, split: Mapping[str, tuple[Part, ...]], shortcut: Shortcut) -> tuple[str, ...]:
    """Destinations that BGP chooses the exit for and that have more than one router to be reached at, sorted. What has
    one goes down with it.
    """
    chosen = {part.demand.destination for items in split.values() for part in items if part.address in shortcut.by_bgp}
    return tuple(sorted(name for name in chosen if len(entries(network, name)) != 1))


def _disagreement(made: Picture) -> str:
    """Why the sweep's loads without a failure are not the engine's; "" where they are.

    Demands to exits that could move are left out: routers on the way may prefer another exit than the first did. What that
    comes to on a link is at most all of them (`Picture.at_stake`).
    """
    if made.model is None:
        return made.reason
    hour = heaviest(made)
    moving = set(made.moving)
    kept = np.array([part.demand.destination not in moving for part in hour.parts], dtype=bool)
    matrix = _matrix(hour.parts, hour.sources, hour.targets, kept & (hour.sources != hour.targets), len(made.routers))
    (batch,) = sweep(replace(made.model, demands=matrix), failures=0, loads=True)
    assert batch.loads is not None
    engine = place(made.forwarding, [part for part, keep in zip(hour.parts, kept, strict=True) if keep]).sending
    wanted = np.array([engine.get(ref, 0.0) for ref in made.interfaces])
    worst = int(np.argmax(np.abs(batch.loads[0] - wanted))) if wanted.size else 0
    if wanted.size and abs(batch.loads[0][worst] - wanted[worst]) > AGREEMENT * max(1.0, hour.offered):
        return (
            f"on {made.interfaces[worst]} shortest paths to today's exits put {batch.loads[0][worst]:,.3f} Mbit/s, "
            f"forwarding {wanted[worst]:,.3f}"
        )
    return ""


def _matrix(
    items: Sequence[Part],
    sources: npt.NDArray[np.intp],
    targets: npt.NDArray[np.intp],
    kept: npt.NDArray[np.bool_],
    size: int,
) -> Floats:
    matrix = np.zeros((size, size))
    amounts = np.array([part.mbps for part in items])
    np.add.at(matrix, (sources[kept], targets[kept]), amounts[kept])
    matrix.flags.writeable = False
    return matrix


# ------------------------------------------------------------------------------------------- lengths

EARTH_KM = 6371.0


def _lengths(network: Network, interfaces: Sequence[InterfaceRef]) -> Floats:
    """Kilometres of each link: as declared, else the great circle between the sites of its ends, else NaN."""
    links = {end: link for link in network.links.values() for end in link.ends}
    positions = {
        router.casefold(): site.position for site in network.sites.values() if site.position for router in site.routers
    }
    found = np.full(len(interfaces), np.nan)
    for number, ref in enumerate(interfaces):
        link = links[ref]
        places = [positions.get(end.router.casefold()) for end in link.ends]
        if link.length_km is not None:
            found[number] = link.length_km
        elif len(places) == 2 and places[0] and places[1]:
            found[number] = great_circle(places[0], places[1])
    return found


def great_circle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometres between two (latitude, longitude) points, on a sphere of mean radius (haversine)."""
    lat1, lon1, lat2, lon2 = (float(np.radians(value)) for value in (*one, *other))
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return float(2 * EARTH_KM * np.arcsin(np.sqrt(half)))


# ------------------------------------------------------------------------------------------- without one


def _without_model(
    network: Network,
    forwarding: Forwarding,
    split: Mapping[str, tuple[Part, ...]],
    unplaced: tuple[Remark, ...],
    reason: str,
) -> Picture:
    interfaces = tuple(sorted(end for link in network.links.values() for end in link.ends))
    known = capacities(network)
    empty = np.zeros(0, dtype=np.intp)
    return Picture(
        network=network,
        forwarding=forwarding,
        interfaces=interfaces,
        links=tuple(_link_names(network, interfaces)),
        capacities=np.array([known.get(ref, np.inf) for ref in interfaces]),
        lengths=_lengths(network, interfaces),
        failures=tuple(Failure(kind=NAMED[item.kind], name=item.name) for item in failures_of(network, NOTHING)),
        hours=tuple(
            Hour(
                period=period,
                parts=items,
                arrived=_arrived(forwarding, items),
                sources=empty,
                targets=empty,
                matrix=np.zeros((0, 0)),
            )
            for period, items in split.items()
        ),
        model=None,
        reason=reason,
        remarks=(*network.remarks, *unplaced),
    )
