"""A network as the arrays of a sweep: its interior graph, and demands from router to router.

The engine routes the network; where `shortcut` proves hop by hop that all demand runs on one interior graph, and the graph
gives the engine's own loads back, there is a model, else `Unproven` says why not. Demands that BGP sends to an exit stay with
that exit under a failure; `backstay.plan.picture` tells how much demand that concerns, and has several periods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, InterfaceRef, Network, Overlay
from backstay.simulate import bgp
from backstay.simulate.cascade import calm_down
from backstay.simulate.converge import Routing
from backstay.simulate.engine import refuse_unknown_vendors
from backstay.simulate.failures import LINK, RISK_GROUP, ROUTER, failures_of
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, capacities, parts, place
from backstay.simulate.shortcut import Shortcut
from backstay.simulate.spf import Edge, Paths
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, Floats, LoadModel, load_model

Numbers = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

SRLG = "srlg"
KINDS = {"link": LINK, "router": ROUTER, SRLG: RISK_GROUP}
"""Words of the command line and of sweeps, and what the engine calls them."""

NAMED = {engine: word for word, engine in KINDS.items()}
AGREEMENT = 1e-9
"""Loads of the graph and of the engine may differ by this share of all demand: rounding."""


def network_model(network: Network, overlay: Overlay = NOTHING) -> LoadModel:
    """Links are named by the interface that sends (``fra1:eth0``), failures as in the network, with kinds link, router, srlg.

    Raises `Unproven` where the loads do not follow from one graph.
    """
    refuse_unknown_vendors(network)
    forwarding = calm_down(network, overlay, Routing(network, bgp.compute)).forwarding
    shares, unplaced = parts(network)
    for remark in unplaced:
        raise Unproven(remark.text)
    shortcut = Shortcut.build(forwarding, shares)
    if shortcut is None:
        raise Unproven("forwarding does not follow one interior graph: its loads cannot be swept as arrays")
    graph = Interior.of(network, shortcut.paths)
    sources, targets = graph.ends(shares, shortcut)
    model = graph.model(matrix(shares, sources, targets, len(graph.routers)), graph.failures(overlay)[0])
    fault = disagreement(model, graph, forwarding, shares)
    if fault:
        raise Unproven(fault)
    return model


@dataclass(frozen=True, slots=True)
class Interior:
    """The interior graph as nodes and links of a sweep.

    Nodes are every router, then a receiving twin of each that nothing may pass through (IS-IS overload bit): it sends as
    one node and receives as the other. ``routers`` names the router of each node; ``index`` is the node a router sends
    from, ``sinks`` the one it receives at where that is another. ``interfaces`` are the sending ends of the links.
    """

    network: Network
    edges: Sequence[Edge]
    routers: tuple[str, ...]
    index: Mapping[str, int]
    sinks: Mapping[str, int]

    @classmethod
    def of(cls, network: Network, paths: Paths) -> Interior:
        """Of the engine's shortest-path graph."""
        names = tuple(name for name, _ in paths.keys)
        closed = tuple(names[number] for number in sorted(paths.closed))
        index = {name: number for number, name in enumerate(names)}
        sinks = {name: len(names) + at for at, name in enumerate(closed)}
        return cls(network, paths.edges, (*names, *closed), index, sinks)

    @property
    def interfaces(self) -> tuple[InterfaceRef, ...]:
        """The sending end of every link."""
        return tuple(edge.local for edge in self.edges)

    @property
    def capacities(self) -> Floats:
        """Mbit/s of every link, infinite where unknown."""
        known = capacities(self.network)
        return np.array([known.get(ref, np.inf) for ref in self.interfaces])

    def sink(self, router: str) -> int:
        """The node a router receives at."""
        return self.sinks.get(router, self.index[router])

    def ends(self, items: Sequence[Part], shortcut: Shortcut) -> tuple[Numbers, Numbers]:
        """The nodes each part of demand is sent from and to; the same one where it stays on its router."""
        names = shortcut.ends(items)
        sources = np.array([self.index[part.router] for part in items], dtype=np.intp)
        targets = np.array([self.sink(end) for end in names], dtype=np.intp)
        stays = np.array([part.router == end for part, end in zip(items, names, strict=True)], dtype=bool)
        targets[stays] = sources[stays]
        return sources, targets

    def failures(self, overlay: Overlay = NOTHING) -> tuple[tuple[Failure, ...], tuple[str, ...]]:
        """What can fail, in the engine's order; and things that are part of no shortest-path graph, whose failure changes
        no load.
        """
        of_link: dict[str, list[int]] = {}
        names = {end: name for name, link in self.network.links.items() for end in link.ends}
        for number, edge in enumerate(self.edges):
            of_link.setdefault(names[edge.local], []).append(number)
        found: list[Failure] = []
        idle: list[str] = []
        for item in failures_of(self.network, overlay):
            links = tuple(number for name in sorted(item.overlay.links_down) for number in of_link.get(name, ()))
            routers = tuple(node for name in sorted(item.routers & self.index.keys()) for node in self._nodes(name))
            if links or routers:
                found.append(Failure(kind=NAMED[item.kind], name=item.name, links=links, routers=routers))
            else:
                idle.append(f"{NAMED[item.kind]} {item.name}")
        return tuple(found), tuple(idle)

    def _nodes(self, router: str) -> list[int]:
        return sorted({self.index[router], self.sink(router)})

    def model(self, demands: Floats, failures: Iterable[Failure]) -> LoadModel:
        """The arrays, with demands from node to node. Raises `Unproven` where a segment joins more than two routers."""
        interfaces = self.interfaces
        if len(set(interfaces)) < len(interfaces):
            raise Unproven("a segment joins more than two routers")
        plain = len(self.index)
        return load_model(
            (*self.routers[:plain], *(f"{name} (as a destination)" for name in self.routers[plain:])),
            tuple(str(ref) for ref in interfaces),
            [edge.source for edge in self.edges],
            [self.sink(self.routers[edge.target]) for edge in self.edges],
            [edge.metric for edge in self.edges],
            self.capacities,
            demands,
            failures,
        )


def matrix(items: Sequence[Part], sources: Numbers, targets: Numbers, size: int, kept: Flags | None = None) -> Floats:
    """Mbit/s from node to node of the parts ``kept`` (all); those that stay on their router are not in it."""
    found = np.zeros((size, size))
    moving = sources != targets if kept is None else kept & (sources != targets)
    amounts = np.array([part.mbps for part in items])
    np.add.at(found, (sources[moving], targets[moving]), amounts[moving])
    found.flags.writeable = False
    return found


def disagreement(model: LoadModel, graph: Interior, forwarding: Forwarding, items: Sequence[Part]) -> str:
    """Why the model's loads without a failure are not what the engine's forwarding of the same parts makes them; "" where
    they are, on every link.
    """
    (batch,) = sweep(model, failures=0, loads=True)
    assert batch.loads is not None
    engine = place(forwarding, items).sending
    allowed = AGREEMENT * max(1.0, model.offered)
    for ref, load in zip(graph.interfaces, batch.loads[0].tolist(), strict=True):
        if abs(load - engine.get(ref, 0.0)) > allowed:
            wanted = engine.get(ref, 0.0)
            return f"on {ref} shortest paths to today's exits put {load:,.3f} Mbit/s, forwarding {wanted:,.3f}"
    linked = {end for link in graph.network.links.values() for end in link.ends}
    beside = (ref for ref in engine.keys() & linked - set(graph.interfaces) if engine[ref] > allowed)
    for ref in sorted(beside):
        return f"{ref} carries demand, but no interior protocol runs on it"
    return ""
