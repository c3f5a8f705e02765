"""The part of a network that a change can affect, cut out so that a machine can hold it.

The cut goes only where nothing is exchanged: two routers belong together when they can be IGP neighbours on a common link, or one
has a BGP neighbour at an address or on a link of the other. So a table inside owes nothing to a router outside, and no guess
about what the rest would announce is needed. What a link to the rest still gives is carrier: its other end is a stub that is up,
or without carrier where the real one would be down.

What needs packets to cross the whole network (flows, DNS sites and their health, services, operators' ways) a part cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backstay.model.change import Plan
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Link, Network, Overlay, Router
from backstay.model.source import Remark
from backstay.model.state import State

IGPS = ("isis", "ospf", "ospf6")
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """``routers`` of ``whole`` many; nothing outside exchanges a route with them in any network of the change."""

    routers: frozenset[str]
    whole: int

    @property
    def everything(self) -> bool:
        return len(self.routers) == self.whole

    def note(self, refusal: str) -> Remark:
        """What the verdict says of a lab that was cut."""
        names = ", ".join(sorted(self.routers)[:SHOWN]) + (" ..." if len(self.routers) > SHOWN else "")
        rest = self.whole - len(self.routers)
        text = (
            f"the lab was built of {len(self.routers)} of the {self.whole} routers ({names}); the whole is not for a lab here: "
            f"{refusal}. They are what the change touches, and all that exchange routes with it, over whatever others. Real "
            f"routers were compared there alone, by routes, adjacencies, sessions and what the outside hears. The other {rest} "
            f"have neither an IGP neighbour nor a BGP session among them; their tables, like flows, DNS sites, services and "
            f"operators' ways everywhere, were compared among the other engines alone"
        )
        return Remark("lab-part", text)


def affected(plan: Plan) -> Part:
    """The routers that a change can affect: those it acts on or changes, and all that exchange routes with them, directly or
    over others, in any of the networks it passes through.
    """
    stages = (*plan.stages, *(plan.rollback or ()))
    networks = (plan.before, *(stage.network for stage in stages))
    joined = _Joined()
    for network in networks:
        for one, other in exchanges(network):
            joined.join(one, other)
    wanted = {joined.group(name) for name in _touched(plan)}
    every = {name for network in networks for name in network.routers}
    return Part(routers=frozenset(name for name in every if joined.group(name) in wanted), whole=len(every))


def _touched(plan: Plan) -> Iterator[str]:
    before = plan.before
    for stage in (*plan.stages, *(plan.rollback or ())):
        yield from stage.routers
        for name in before.routers.keys() | stage.network.routers.keys():
            if before.routers.get(name) != stage.network.routers.get(name):
                yield name
        yield from _named(stage.overlay, stage.network)


def _named(overlay: Overlay, network: Network) -> Iterator[str]:
    yield from overlay.routers_down
    yield from (ref.router for ref in overlay.interfaces_down)
    yield from (router for router, _ in overlay.sessions_reset)
    for name in overlay.links_down & network.links.keys():
        yield from (end.router for end in network.links[name].ends)


class _Joined:
    """Sets of names that grow together."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def group(self, name: str) -> str:
        root = name
        while (above := self._above.get(root, root)) != root:
            root = above
        while (above := self._above.get(name, name)) != root:
            self._above[name], name = root, above
        return root

    def join(self, one: str, other: str) -> None:
        self._above[self.group(one)] = self.group(other)


# ------------------------------------------------------------------------------------------- who exchanges routes


def exchanges(network: Network) -> Iterator[tuple[str, str]]:
    """Pairs of routers that can tell each other routes; a BGP session counts from the first side that is configured."""
    for link in network.links.values():
        for one in link.ends:
            yield from ((one.router, other.router) for other in link.ends if _neighbors(network, one, other))
    owners = _owners(network)
    beside = {end: link for link in network.links.values() for end in link.ends}
    for router in network.routers.values():
        yield from ((router.name, other) for other in _peers(router, owners, beside))


def _neighbors(network: Network, one: InterfaceRef, other: InterfaceRef) -> bool:
    """Whether both ends of a link speak one IGP."""
    if one == other:
        return False
    here, there = (network.routers[ref.router].interfaces[ref.interface] for ref in (one, other))
    pairs = ((getattr(here, name), getattr(there, name)) for name in IGPS)
    return any(a is not None and b is not None and not a.passive and not b.passive for a, b in pairs)


def _owners(network: Network) -> dict[object, list[str]]:
    found: dict[object, list[str]] = {}
    for router in network.routers.values():
        for interface in router.interfaces.values():
            for item in interface.addresses:
                found.setdefault(item.address, []).append(router.name)
    return found


def _peers(router: Router, owners: dict[object, list[str]], beside: dict[InterfaceRef, Link]) -> Iterator[str]:
    for process in router.bgp:
        for neighbor in process.neighbors.values():
            yield from owners.get(neighbor.peer, ())
            link = beside.get(InterfaceRef(router.name, str(neighbor.peer)))
            yield from (end.router for end in link.ends) if link else ()


# ------------------------------------------------------------------------------------------- the cut


def cut(network: Network, overlay: Overlay, part: Part) -> tuple[Network, Overlay]:
    """The part as a network of its own, and the overlay as it is there.

    Raises `Unproven` where a DNS site hangs on the part: whether it announces depends on packets through the whole network.
    """
    inside = part.routers & network.routers.keys()
    for anycast in network.anycasts.values():
        for origin in anycast.origins:
            if origin.router in inside:
                raise Unproven(
                    f"{origin.router} is one of the {len(part.routers)} routers that the change can affect and has the "
                    f"{anycast.name} site {origin.site}: whether it announces depends on the whole network"
                )
    kept, dark = _links(network, overlay, inside)
    smaller = replace(
        network,
        routers={name: router for name, router in network.routers.items() if name in inside},
        links={link.name: link for link in kept},
        neighbors={
            name: replace(neighbor, attachments=near)
            for name, neighbor in network.neighbors.items()
            if (near := tuple(item for item in neighbor.attachments if item.router in inside))
        },
        sites={}, anycasts={}, services={}, access_paths={}, demands=(),
        interfaces_down=frozenset(ref for ref in network.interfaces_down if ref.router in inside),
    )  # fmt: skip
    return smaller, Overlay(
        routers_down=overlay.routers_down & inside,
        links_down=overlay.links_down & smaller.links.keys(),
        interfaces_down=frozenset(ref for ref in overlay.interfaces_down if ref.router in inside) | dark,
        sessions_reset=frozenset(item for item in overlay.sessions_reset if item[0] in inside),
    )


def _links(network: Network, overlay: Overlay, inside: frozenset[str]) -> tuple[list[Link], frozenset[InterfaceRef]]:
    """Links between routers inside, and the interfaces whose carrier goes with something outside."""
    down = network.interfaces_down | overlay.interfaces_down
    kept: list[Link] = []
    dark: set[InterfaceRef] = set()
    for link in network.links.values():
        own = tuple(end for end in link.ends if end.router in inside)
        far = [end for end in link.ends if end.router not in inside]
        if own and far:
            gone = any(end in down or end.router in overlay.routers_down for end in far)
            if link.name in overlay.links_down or (len(link.ends) == 2 and gone):
                dark.update(own)
        if len(own) > 1:
            kept.append(replace(link, ends=own))
    return kept, frozenset(dark)


def filled(real: State, other: State, part: Part, overlay: Overlay) -> State:
    """A part's State with everything it does not tell taken from another engine's of the whole network."""
    inside = part.routers
    return replace(
        real,
        overlay=overlay,
        routes={**{name: vrfs for name, vrfs in other.routes.items() if name not in inside}, **real.routes},
        adjacencies=real.adjacencies | {item for item in other.adjacencies if item.local.router not in inside},
        sessions=tuple(sorted((*real.sessions, *_outside(other.sessions, inside)))),
        advertisements=real.advertisements | frozenset(_outside(other.advertisements, inside)),
        flows=other.flows,
        sites=other.sites,
        services=other.services,
        access=other.access,
    )


def _outside(items: Iterable[Any], inside: frozenset[str]) -> Sequence[Any]:
    return [item for item in items if item.router not in inside]
