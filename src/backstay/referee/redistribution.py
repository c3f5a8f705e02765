"""What one protocol gives another: ``redistribute`` and ``default-information originate`` of the IGPs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Router
from backstay.model.routing import DefaultOrigination, Redistribution
from backstay.model.state import Route
from backstay.referee import policy
from backstay.referee.isis_lsp import External, Hellos, Key, Speaker
from backstay.referee.rib import Rib
from backstay.referee.seams import Candidate, Place

SHOWN_AS: Mapping[str, frozenset[str]] = {"bgp": frozenset({"bgp", "ibgp", "aggregate"})}
"""Protocols of `Route.protocol` that a ``redistribute`` word means, where it is not the word itself."""

UNKNOWN_SOURCES = frozenset({"kernel", "rip", "ripng", "eigrp", "table", "local"})
"""Sources outside this model: nothing known comes from them."""


def candidates(rib: Rib, place: Place, protocol: str, version: int | None = None) -> dict[Prefix, Route]:
    """Routes in use whose source is the protocol (FRR redistributes what is in the table, no more)."""
    wanted = SHOWN_AS.get(protocol, frozenset({protocol}))
    found: dict[Prefix, Route] = {}
    for prefix in rib.sourced(place, protocol):
        route = rib.best(place, prefix)
        if route is not None and route.protocol in wanted and version in {None, prefix.version}:
            found[prefix] = route
    return found


def offered(rib: Rib, router: Router, vrf: str, line: Redistribution, metric: int) -> Iterator[Candidate]:
    """What a ``redistribute`` line lets in. The default route never comes this way (FRR isis_redist.c, ospf_zebra.c:
    it is a type of its own, for default origination).
    """
    if line.protocol in UNKNOWN_SOURCES:
        return
    if line.instance is not None:
        raise Unproven(f"{router.name}: redistribution from {line.protocol} instance {line.instance}")
    for prefix, route in sorted(candidates(rib, (router.name, vrf), line.protocol, line.version).items()):
        if not prefix.is_default:
            found = mapped(router, line.route_map, candidate(prefix, route, metric), isis=line.level is not None)
            if found is not None:
                yield found


def candidate(prefix: Prefix, route: Route, metric: int) -> Candidate:
    """A route as a route-map of a redistribution sees it."""
    return Candidate(
        prefix=prefix,
        protocol=route.protocol,
        metric=metric,
        tag=route.tag,
        next_hops=route.next_hops,
        attributes=route.attributes,
    )


def mapped(router: Router, route_map: str | None, item: Candidate, *, isis: bool = False) -> Candidate | None:
    """The candidate after the route-map; None: denied."""
    return item if route_map is None else policy.redistribute(router, route_map, item, isis=isis)


def default_route(rib: Rib, place: Place, version: int, own: str) -> Route | None:
    """The default route a process may pass on: any but its own (FRR isis_zebra.c, ospf_zebra.c)."""
    found = rib.best(place, Prefix(version, 0, 0))
    return found if found is not None and found.protocol != own else None


# ------------------------------------------------------------------------------------------------ IS-IS


def isis_externals(rib: Rib, hellos: Hellos) -> dict[Key, tuple[External, ...]]:
    """What each IS-IS process brings in, given the tables of the round."""
    found = {key: tuple(_isis_process(rib, speaker)) for key, speaker in sorted(hellos.speakers.items())}
    return {key: items for key, items in found.items() if items}


def _isis_process(rib: Rib, speaker: Speaker) -> Iterator[External]:
    process, router = speaker.process, speaker.router
    for line in process.redistributions:
        level = line.level or 2
        for item in offered(rib, router, process.vrf, line, line.metric or 0):
            yield External(level=level, prefix=item.prefix, metric=item.metric)
    for origination in process.defaults:
        yield from _isis_default(rib, speaker, origination)


def _isis_default(rib: Rib, speaker: Speaker, line: DefaultOrigination) -> Iterator[External]:
    place = (speaker.router.name, speaker.process.vrf)
    prefix = Prefix(line.version, 0, 0)
    route = default_route(rib, place, line.version, own="isis")
    if route is None and not line.always:
        return
    metric = line.metric or 0
    item = candidate(prefix, route, metric) if route else Candidate(prefix=prefix, protocol="", metric=metric)
    found = mapped(speaker.router, line.route_map, item, isis=True)
    if found is not None:
        yield External(level=line.level or 2, prefix=prefix, metric=found.metric)
