"""A network as the arrays of a sweep: its interior graph, and the demands of its heaviest period from router to router.

The engine routes the network; where `shortcut` proves hop by hop that all demand runs on one interior graph, and the graph
gives the engine's own loads back, there is a model, else `Unproven` says why not. Demands that BGP sends to an exit stay with
that exit under a failure; `backstay.plan.picture` tells how much demand that concerns, and has several periods.
"""

from __future__ import annotations

import numpy as np

from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, Network, Overlay
from backstay.simulate import bgp
from backstay.simulate.cascade import calm_down
from backstay.simulate.converge import Routing
from backstay.simulate.engine import refuse_unknown_vendors
from backstay.simulate.failures import RISK_GROUP, failures_of
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, capacities, parts, place
from backstay.simulate.shortcut import Shortcut
from backstay.simulate.spf import Paths
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, Floats, LoadModel, load_model

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
    model = _model(network, overlay, shortcut, shares)
    _hold_against(model, forwarding, shares)
    return model


def _model(network: Network, overlay: Overlay, shortcut: Shortcut, shares: tuple[Part, ...]) -> LoadModel:
    paths = shortcut.paths
    senders = [edge.local for edge in paths.edges]
    for ref in sorted({ref for ref in senders if senders.count(ref) > 1}):
        raise Unproven(f"{ref} is on a segment with several routers: its load is no single link's")
    for closed in sorted(paths.closed):
        raise Unproven(f"{paths.keys[closed][0]} is overloaded: nothing passes through it, which arrays do not say")
    known = capacities(network)
    names = [name for name, _ in paths.keys]
    return load_model(
        names,
        [str(ref) for ref in senders],
        [edge.source for edge in paths.edges],
        [edge.target for edge in paths.edges],
        [edge.metric for edge in paths.edges],
        [known.get(ref, np.inf) for ref in senders],
        _demands(names, shortcut, shares),
        _failures(network, overlay, paths),
    )


def _demands(names: list[str], shortcut: Shortcut, shares: tuple[Part, ...]) -> Floats:
    number = {name: index for index, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)))
    for part, end in zip(shares, shortcut.ends(shares), strict=True):
        matrix[number[part.router], number[end]] += part.mbps
    return matrix


def _failures(network: Network, overlay: Overlay, paths: Paths) -> list[Failure]:
    """Those of the engine that take something of the graph down."""
    at = {edge.local: number for number, edge in enumerate(paths.edges)}
    number = {name: index for index, (name, _) in enumerate(paths.keys)}
    found = []
    for item in failures_of(network, overlay):
        ends = (end for name in sorted(item.overlay.links_down) for end in network.links[name].ends)
        links = tuple(sorted(at[end] for end in ends if end in at))
        routers = tuple(sorted(number[name] for name in item.routers if name in number))
        if links or routers:
            kind = "srlg" if item.kind == RISK_GROUP else item.kind
            found.append(Failure(kind=kind, name=item.name, links=links, routers=routers))
    return found


def _hold_against(model: LoadModel, forwarding: Forwarding, shares: tuple[Part, ...]) -> None:
    """Today's loads must be the engine's on every link."""
    (batch,) = sweep(model, failures=0, loads=True, threads=1)
    assert batch.loads is not None
    today = {str(ref): mbps for ref, mbps in place(forwarding, shares).sending.items()}
    for link, load in zip(model.links, batch.loads[0].tolist(), strict=True):
        if abs(load - today.get(link, 0.0)) > AGREEMENT * max(model.offered, 1.0):
            raise Unproven(f"{link} sends otherwise than shortest paths of one interior graph would have it")
    ends = {str(end) for link in forwarding.network.links.values() for end in link.ends}
    for name in sorted(today.keys() & ends - set(model.links)):
        raise Unproven(f"{name} carries demand, but no interior protocol runs on it")
