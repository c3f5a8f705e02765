"""What a step does to routers: which it writes to, which it takes down, which are out of service afterwards."""

from __future__ import annotations

from backstay.audit.context import Context
from backstay.model.change import Operation, Stage
from backstay.model.endpoints import entries
from backstay.model.network import NOTHING, InterfaceRef, Network, Overlay, Router
from backstay.model.routing import DEFAULT_VRF

HARMLESS = frozenset({"show", "debug", "write"})
"""Kinds of operation that change nothing about forwarding."""


def disruptive(operation: Operation) -> bool:
    """True for commands that take something down, reset it, or are of a kind nobody vouches for."""
    return operation.overlay != NOTHING or operation.kind not in HARMLESS


def written(stage: Stage) -> frozenset[str]:
    """Routers on which a line of the step changed the configuration."""
    return frozenset(line.router for line in stage.touched if line.action != "unchanged")


def units(context: Context) -> frozenset[str]:
    """Routers this moment's step really acts on: facts or lines changed, or a disruptive command typed."""
    acted = {item.router for stage in context.stages for item in stage.operations if disruptive(item)}
    lines = frozenset().union(*(written(stage) for stage in context.stages))
    return frozenset(context.step.names) | lines | acted


def out_of_service(
    network: Network, overlay: Overlay, router: Router, cabled: tuple[InterfaceRef, ...] | None = None
) -> bool:
    """True when the router is taken out of transit on purpose: a permanent overload bit or maximum metric, every
    BGP session or every cabled interface shut, or down in the overlay. ``cabled``: its interfaces that are on a link, where
    the caller knows them (`ends_of`).
    """
    if router.name in overlay.routers_down or any(p.overload and p.overload.on_startup is None for p in router.isis):
        return True
    if any(p.stub_router or (p.max_metric and p.max_metric.administrative) for p in (*router.ospf, *router.ospf6)):
        return True
    sessions = [n for p in router.bgp if p.vrf == DEFAULT_VRF for n in p.neighbors.values()]
    if sessions and (all(n.shutdown for n in sessions) or any(p.shutdown for p in router.bgp)):
        return True
    if cabled is None:
        cabled = ends_of(network, router.name)
    return bool(cabled) and all(_is_down(network, overlay, ref) for ref in cabled)


def ends_of(network: Network, router: str) -> tuple[InterfaceRef, ...]:
    """The router's interfaces that are on a link, sorted."""
    found = {ref for link in network.links.values() for ref in link.ends if ref.router == router}
    return tuple(sorted(found))


def _is_down(network: Network, overlay: Overlay, ref: InterfaceRef) -> bool:
    if ref in overlay.interfaces_down or ref in network.interfaces_down:
        return True
    interface = network.routers[ref.router].interfaces.get(ref.interface)
    return interface is not None and not interface.enabled


def own_traffic(network: Network, router: str) -> float:
    """The most demand, in Mbit/s, that may begin or end at this router: what it carries beyond is transit."""
    total = 0.0
    places: dict[str, bool] = {}
    for demand in network.demands:
        for place in (demand.source, demand.destination):
            if place not in places:
                at = entries(network, place)
                places[place] = not at or router in at
        total += demand.mbps if places[demand.source] or places[demand.destination] else 0.0
    return total


def touched_links(context: Context) -> dict[str, frozenset[str]]:
    """Link name -> routers on it, for links whose configuration, ends or adjacencies differ."""
    networks = (context.network_before, context.network_after)
    moved = (*context.difference.adjacencies_lost, *context.difference.adjacencies_gained)
    changed = {ref for adjacency in moved for ref in (adjacency.local, adjacency.remote)}
    return {
        link.name: frozenset(ref.router for ref in link.ends)
        for network in networks
        for link in network.links.values()
        if link.name in context.configuration.links or _joins(link.ends, changed)
    }


def _joins(ends: tuple[InterfaceRef, ...], changed: set[InterfaceRef]) -> bool:
    return sum(ref in changed for ref in ends) > 1
