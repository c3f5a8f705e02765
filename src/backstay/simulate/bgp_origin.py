"""Where BGP routes begin: network statements, redistribution, aggregates, and what external speakers offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from backstay.model.address import Prefix
from backstay.model.routing import Aggregate, BgpFamily, Redistribution
from backstay.model.state import NextHop, Route
from backstay.simulate import bgp_path
from backstay.simulate.bgp_decision import AGGREGATE, NETWORK, REDISTRIBUTED, Received, med
from backstay.simulate.bgp_exchange import GRACEFUL_SHUTDOWN
from backstay.simulate.bgp_path import DEFAULT_LOCAL_WEIGHT, ORIGIN_RANK, Path
from backstay.simulate.bgp_speaker import IBGP, Peering, Speaker
from backstay.simulate.policy import Passed, run
from backstay.simulate.policy_lists import sorted_communities, sorted_large
from backstay.simulate.policy_matches import Setting
from backstay.simulate.seams import Underlay

DISCARD = NextHop(discard="blackhole")
LOCAL = frozenset({"local"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A route of a speaker's own, before it is anybody's candidate. ``forwarding`` is where the underlay sends it,
    ``distance`` the administrative one of the route it stands for; None: it stands for none.
    """

    speaker: int
    source: str
    path: Path
    forwarding: tuple[NextHop, ...] = ()
    distance: int | None = None

    def received(self) -> Received:
        return Received(path=self.path, source=self.source, forwarding=self.forwarding)


def own_routes(speakers: Sequence[Speaker], underlay: Underlay) -> Iterator[tuple[Prefix, Own]]:
    """What network statements and redistribution put into BGP, speaker by speaker."""
    for speaker in speakers:
        for version in sorted(speaker.process.families):
            family = speaker.process.families[version]
            yield from _networks(speaker, family, underlay)
            for line in family.redistributions:
                yield from _redistributed(speaker, family, line, underlay)


def _networks(speaker: Speaker, family: BgpFamily, underlay: Underlay) -> Iterator[tuple[Prefix, Own]]:
    """A network statement needs the very route in the table, unless ``no bgp network import-check``."""
    table = underlay.table(*speaker.key)
    for statement in family.networks:
        route = table.get(statement.prefix)
        if statement.backdoor or (route is None and speaker.process.network_import_check):
            continue
        path: Path | None = replace(of_our_own(speaker), med=0)
        assert path is not None
        if statement.route_map is not None:
            path = through(speaker, statement.route_map, path, Setting(prefix=statement.prefix, peers=LOCAL))
        if path is not None:
            path = entering(speaker, path)
            forwarding = (route.forwarding or route.next_hops) if route else ()
            distance = route.distance if route and speaker.process.network_import_check else None
            yield (
                statement.prefix,
                Own(speaker=speaker.index, source=NETWORK, path=path, forwarding=forwarding, distance=distance),
            )


def of_our_own(speaker: Speaker) -> Path:
    """FRR bgp_attr.c bgp_attr_default_set: what begins here carries a local preference that ``set`` can add to, where a
    route from outside is matched and added to as 0 (seen on FRR 8.4.4).
    """
    return Path(weight=DEFAULT_LOCAL_WEIGHT, local_preference=speaker.process.default_local_preference)


def entering(speaker: Speaker, path: Path) -> Path:
    """A route of our own as it enters BGP: under ``bgp graceful-shutdown`` marked and of the lowest preference (FRR
    bgp_route.c bgp_static_update, bgp_redistribute_add, bgp_attr.c bgp_attr_aggregate_intern).
    """
    if not speaker.process.graceful_shutdown:
        return path
    communities = sorted_communities((*path.communities, GRACEFUL_SHUTDOWN))
    return replace(path, communities=communities, local_preference=0)


def through(speaker: Speaker, route_map: str, path: Path, setting: Setting) -> Path | None:
    """The path after a route-map of the speaker's; None: denied."""
    outcome = run(speaker.library, route_map, path, setting)
    return outcome.path if isinstance(outcome, Passed) else None


def _redistributed(
    speaker: Speaker, family: BgpFamily, line: Redistribution, underlay: Underlay
) -> Iterator[tuple[Prefix, Own]]:
    candidates = underlay.candidates(*speaker.key, line.protocol)
    for prefix in sorted(candidates):
        route = candidates[prefix]
        if prefix.version != family.version:
            continue
        path: Path | None = _carried(speaker, line, route)
        assert path is not None
        if line.route_map is not None:
            path = through(speaker, line.route_map, path, _setting(prefix, line, route))
        if path is not None:
            path = entering(speaker, path)
            forwarding = route.forwarding or route.next_hops
            yield (
                prefix,
                Own(
                    speaker=speaker.index,
                    source=REDISTRIBUTED,
                    path=path,
                    forwarding=forwarding,
                    distance=route.distance,
                ),
            )


def _carried(speaker: Speaker, line: Redistribution, route: Route) -> Path:
    """FRR bgp_route.c bgp_redistribute_add: the IGP's metric as MED, its next hop, origin incomplete."""
    first = route.next_hops[0] if route.next_hops else NextHop()
    return replace(
        of_our_own(speaker),
        med=line.metric if line.metric is not None else route.metric,
        origin="incomplete",
        tag=route.tag,
        next_hop=first.address,
    )


def _setting(prefix: Prefix, line: Redistribution, route: Route) -> Setting:
    first = route.next_hops[0] if route.next_hops else NextHop()
    return Setting(
        prefix=prefix,
        protocol=line.protocol,
        instance=line.instance,
        interface=first.interface,
        peers=LOCAL,
        discard=first.discard is not None,
    )


def offered(peering: Peering, path: Path) -> Path:
    """An external speaker's route as it arrives here: it is its own next hop."""
    if peering.kind == IBGP and peering.remote_as is not None:
        own = frozenset({peering.remote_as})
        path = replace(path, as_path=bgp_path.excluded(path.as_path, own), local_preference=100)
    address = peering.remote_address
    if address is None or address.is_link_local:
        return replace(path, via="self")
    return replace(path, next_hop=address)


# ------------------------------------------------------------------------------------------- aggregates


def covers(aggregate: Aggregate, prefix: Prefix) -> bool:
    """Whether the prefix is a more specific one of the aggregate."""
    return aggregate.prefix != prefix and aggregate.prefix.covers(prefix)


def suppresses(speaker: Speaker, aggregate: Aggregate, prefix: Prefix, item: Received) -> bool:
    """Whether the aggregate keeps this more specific route from being announced. A suppress-map sees the prefix and nothing
    else (FRR bgp_route.c aggr_suppress_map_test).
    """
    if item.source == AGGREGATE:
        return False
    if aggregate.suppress_map is not None:
        return through(speaker, aggregate.suppress_map, Path(), Setting(prefix=prefix, peers=LOCAL)) is not None
    return aggregate.summary_only


def aggregate_route(speaker: Speaker, aggregate: Aggregate, parts: Sequence[Received]) -> Own | None:
    """The aggregate over its more specific routes (RFC 4271 9.2.2.2, FRR bgp_route.c bgp_aggregate_route); None
    without any, with unequal MEDs under ``matching-MED-only``, or where its route-map denies it.
    """
    if not parts:
        return None
    if aggregate.matching_med and len({med(part, speaker.process) for part in parts}) > 1:
        return None
    path: Path | None = _summary(speaker, aggregate, [part.path for part in parts])
    if aggregate.route_map is not None and path is not None:
        path = through(speaker, aggregate.route_map, path, Setting(prefix=aggregate.prefix, peers=LOCAL))
    if path is None:
        return None
    return Own(speaker=speaker.index, source=AGGREGATE, path=entering(speaker, path), forwarding=(DISCARD,))


def _summary(speaker: Speaker, aggregate: Aggregate, parts: list[Path]) -> Path:
    as_set = aggregate.as_set and not speaker.process.reject_as_sets  # FRR bgp_route.c bgp_aggregate_set
    worst = max((part.origin for part in parts), key=ORIGIN_RANK.__getitem__)
    plain = replace(
        of_our_own(speaker),
        med=0,
        origin=aggregate.origin or worst,
        atomic_aggregate=not as_set or any(part.atomic_aggregate for part in parts),
        aggregator=f"{speaker.outer_as} {speaker.router_id}",
    )
    if not as_set:
        return plain
    return replace(
        plain,
        as_path=bgp_path.aggregated([part.as_path for part in parts]),
        communities=sorted_communities({item for part in parts for item in part.communities} - {GRACEFUL_SHUTDOWN}),
        large_communities=sorted_large({item for part in parts for item in part.large_communities}),
        extended_communities=tuple(sorted({item for part in parts for item in part.extended_communities})),
    )
