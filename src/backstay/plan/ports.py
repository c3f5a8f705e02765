"""Ports to other networks and to our own speakers: they are on no link, and yet they fill.

While exits are held where they are a port's load is the same in every scenario, so that the sweep need not know of it; where
the engine answers, it tells every port's load itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Network
from backstay.model.routing import DEFAULT_VRF
from backstay.plan.picture import Floats, Hour, Picture
from backstay.simulate.fib import NONE
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, capacities


def with_ports(picture: Picture) -> Picture:
    """The picture with the ports of known capacity behind the links."""
    faced = facing(picture.network)
    known = capacities(picture.network)
    up = picture.forwarding.fib.computed.topology.up
    ports = tuple(ref for ref in sorted(faced) if ref in known and ref in up)
    return replace(
        picture,
        interfaces=(*picture.interfaces, *ports),
        links=(*picture.links, *(str(ref) for ref in ports)),
        capacities=np.concatenate([picture.capacities, [known[ref] for ref in ports]]),
        hours=tuple(replace(hour, ports=_loads(picture, hour, ports)) for hour in picture.hours),
    )


def facing(network: Network) -> Mapping[InterfaceRef, str]:
    """Interfaces that are on no link and have a neighbour's or an anycast origin's address in their subnet, with its name."""
    linked = {end for link in network.links.values() for end in link.ends}
    found: dict[InterfaceRef, str] = {}
    for name, router, address in _outside(network):
        known = network.router_named(router)
        for interface in known.interfaces.values() if known else ():
            ref = InterfaceRef(known.name if known else router, interface.name)
            near = interface.vrf == DEFAULT_VRF and any(item.prefix.holds(address) for item in interface.addresses)
            if near and ref not in linked and not interface.management:
                found.setdefault(ref, name)
    return found


def _outside(network: Network) -> Iterator[tuple[str, str, Address]]:
    for neighbor in network.neighbors.values():
        yield from ((neighbor.name, item.router, item.address) for item in neighbor.attachments)
    for anycast in network.anycasts.values():
        yield from ((anycast.name, item.router, item.address) for item in anycast.origins if item.address)


def _loads(picture: Picture, hour: Hour, ports: Sequence[InterfaceRef]) -> Floats:
    """What every port sends while nothing fails; with no model the engine tells."""
    found = np.zeros(len(ports))
    if picture.model is None or not ports:
        return found
    index = {ref: number for number, ref in enumerate(ports)}
    leaving = [(part, picture.routers[node]) for part, node in zip(hour.parts, hour.targets.tolist(), strict=True)]
    picture.forwarding.prepare((end, part.address) for part, end in leaving)
    for part, end in leaving:
        for ref, share in _ways_out(picture.forwarding, part, end):
            if ref in index:
                found[index[ref]] += part.mbps * share
    return found


def _ways_out(forwarding: Forwarding, part: Part, end: str) -> Iterator[tuple[InterfaceRef, float]]:
    """The interfaces by which a part leaves the router it ends at, with the share of it."""
    at = forwarding.at(end, part.address)
    branches = at[0].branches(at[1]) if at else ()
    for branch in branches:
        if branch.node == NONE and branch.interface != NONE:
            yield forwarding.fib.interfaces[branch.interface], 1.0 / len(branches)
