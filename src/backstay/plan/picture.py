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
from itertools import compress

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
from backstay.simulate.failures import failures_of
from backstay.simulate.flows import WHOLE, Forwarding
from backstay.simulate.loads import Part, capacities, parts, worst_period
from backstay.simulate.shortcut import Shortcut
from backstay.simulate.sweep_input import Failure, LoadModel
from backstay.simulate.sweep_network import NAMED, Interior, disagreement, matrix

Floats = npt.NDArray[np.float64]


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
    try:
        return _with_model(network, forwarding, split, unplaced, shortcut)
    except Unproven as error:
        return _without_model(network, forwarding, split, unplaced, str(error))


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


def _with_model(
    network: Network,
    forwarding: Forwarding,
    split: Mapping[str, tuple[Part, ...]],
    unplaced: tuple[Remark, ...],
    shortcut: Shortcut,
) -> Picture:
    """Raises `Unproven` where the graph is no model of the network or does not give the engine's loads back."""
    graph = Interior.of(network, shortcut.paths)
    hours = tuple(_hour(period, items, forwarding, shortcut, graph) for period, items in split.items())
    failures, idle = graph.failures()
    made = Picture(
        network=network,
        forwarding=forwarding,
        interfaces=graph.interfaces,
        links=tuple(_link_names(network, graph.interfaces)),
        capacities=graph.capacities,
        lengths=_lengths(network, graph.interfaces),
        failures=failures,
        hours=hours,
        model=graph.model(hours[0].matrix, failures),
        routers=graph.routers,
        moving=_moving(network, split, shortcut),
        leaks=any(forwarding.fib.computed.bgp.routes.values())
        or any(r.static_routes for r in network.routers.values()),
        remarks=(*network.remarks, *unplaced, *map(_idle, idle)),
    )
    fault = _disagreement(made, graph)
    if fault:
        raise Unproven(fault)
    return replace(made, model=made.at(heaviest(made)))


def _idle(thing: str) -> Remark:
    return Remark("failure-idle", f"{thing} takes no part in interior routing: its failure changes no load")


def _hour(period: str, items: tuple[Part, ...], forwarding: Forwarding, shortcut: Shortcut, graph: Interior) -> Hour:
    sources, targets = graph.ends(items, shortcut)
    return Hour(
        period=period,
        parts=items,
        arrived=_arrived(forwarding, items),
        sources=sources,
        targets=targets,
        matrix=matrix(items, sources, targets, len(graph.routers)),
    )


def _arrived(forwarding: Forwarding, items: Sequence[Part]) -> Floats:
    forwarding.prepare((part.router, part.address) for part in items)
    return np.array([forwarding.delivered(part.router, part.address) for part in items])


def _link_names(network: Network, interfaces: Iterable[InterfaceRef]) -> Iterable[str]:
    names = {end: link.name for link in network.links.values() for end in link.ends}
    return (names[ref] for ref in interfaces)


def _moving(network: Network, split: Mapping[str, tuple[Part, ...]], shortcut: Shortcut) -> tuple[str, ...]:
    """Destinations that BGP chooses the exit for and that have more than one router to be reached at, sorted. What has
    one goes down with it.
    """
    chosen = {part.demand.destination for items in split.values() for part in items if part.address in shortcut.by_bgp}
    return tuple(sorted(name for name in chosen if len(entries(network, name)) != 1))


def _disagreement(made: Picture, graph: Interior) -> str:
    """Why the sweep's loads without a failure are not the engine's; "" where they are.

    Demands to exits that could move are left out: routers on the way may prefer another exit than the first did. What that
    comes to on a link is at most all of them (`Picture.at_stake`).
    """
    hour = heaviest(made)
    moving = set(made.moving)
    kept = np.array([part.demand.destination not in moving for part in hour.parts], dtype=bool)
    model = replace(made.at(hour), demands=matrix(hour.parts, hour.sources, hour.targets, len(made.routers), kept))
    return disagreement(model, graph, made.forwarding, list(compress(hour.parts, kept)))


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
