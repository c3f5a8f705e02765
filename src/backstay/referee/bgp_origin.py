"""What a speaker brings into BGP itself: network statements, redistribution, aggregates (RFC 4271 9.4, 9.2.2.2)."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.model.address import Address, Prefix
from backstay.model.network import Network
from backstay.model.routing import Aggregate, BgpFamily, NetworkStatement, Redistribution
from backstay.model.state import Route
from backstay.referee import bgp_path, policy
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_ends import Instance
from backstay.referee.bgp_path import GRACEFUL_SHUTDOWN_PREFERENCE, IGP, INCOMPLETE, LOCAL_WEIGHT, Attributes
from backstay.referee.policy_offer import Offer
from backstay.referee.seams import Interior

NETWORK, REDISTRIBUTED, AGGREGATE = "network", "redistributed", "aggregate"


def local_routes(
    instance: Instance, interior: Interior, held_back: frozenset[Prefix]
) -> Iterator[tuple[Prefix, str, Attributes]]:
    """Prefix, kind and attributes of what the configuration originates; ``held_back`` are prefixes withdrawn here."""
    for version in sorted(instance.process.families):
        family = instance.process.families[version]
        for statement in family.networks:
            attributes = _network(instance, interior, statement)
            if attributes is not None and statement.prefix not in held_back:
                yield statement.prefix, NETWORK, attributes
        for redistribution in family.redistributions:
            for prefix, attributes in _redistributed(instance, interior, version, redistribution):
                if prefix not in held_back:
                    yield prefix, REDISTRIBUTED, attributes


def held_back(network: Network, router: str, withdrawn: frozenset[tuple[str, str]]) -> frozenset[Prefix]:
    """Prefixes of anycasts the router itself originates, while their site has withdrawn."""
    return frozenset(
        prefix
        for anycast in network.anycasts.values()
        for origin in anycast.origins
        if origin.address is None and origin.router.casefold() == router.casefold()
        if (anycast.name, origin.site) in withdrawn
        for prefix in anycast.prefixes
    )


def _network(instance: Instance, interior: Interior, statement: NetworkStatement) -> Attributes | None:
    """``network P``: ORIGIN IGP, MED 0; with the import check the very prefix must be in the main table."""
    if statement.backdoor:
        return None
    if instance.process.network_import_check and statement.prefix not in interior.table(*instance.place):
        return None
    return _stated(instance, statement)


def _stated(instance: Instance, statement: NetworkStatement) -> Attributes | None:
    attributes = _default(instance, IGP, med=0)
    return _through_map(instance, statement.route_map, statement.prefix, attributes, "network")


def _redistributed(
    instance: Instance, interior: Interior, version: int, wanted: Redistribution
) -> Iterator[tuple[Prefix, Attributes]]:
    for prefix, route in interior.candidates(*instance.place, wanted.protocol).items():
        changed = _taken(instance, wanted, prefix, route) if prefix.version == version else None
        if changed is not None:
            yield prefix, changed


def _taken(instance: Instance, wanted: Redistribution, prefix: Prefix, route: Route) -> Attributes | None:
    """ORIGIN incomplete, the route's metric as MED, its next hop and tag kept (FRR bgp_redistribute_add())."""
    attributes = _default(instance, INCOMPLETE, med=route.metric if wanted.metric is None else wanted.metric)
    attributes = attributes._replace(next_hop=_first_hop(route, prefix.version), tag=route.tag)
    return _through_map(instance, wanted.route_map, prefix, attributes, "redistribute", wanted.protocol, route)


def brought_in(instance: Instance, family: BgpFamily, prefix: Prefix, route: Route) -> Iterator[tuple[str, Attributes]]:
    """Kind and attributes of what a route becomes in BGP while it stands in the main table."""
    for statement in family.networks:
        made = _stated(instance, statement) if statement.prefix == prefix and not statement.backdoor else None
        if made is not None:
            yield NETWORK, made
    for wanted in family.redistributions:
        changed = _taken(instance, wanted, prefix, route) if wanted.protocol == route.protocol else None
        if changed is not None:
            yield REDISTRIBUTED, changed


def _first_hop(route: Route, version: int) -> Address | None:
    """Zebra hands the first next hop over; an interface or a discard stands as 0.0.0.0."""
    if not route.next_hops:
        return None
    address = route.next_hops[0].address
    return address if address is not None and address.version == version and not address.is_link_local else None


def _default(instance: Instance, origin: int, med: int) -> Attributes:
    return Attributes(
        origin=origin,
        med=med,
        weight=LOCAL_WEIGHT,
        local_preference=instance.process.default_local_preference,
    )


def _through_map(
    instance: Instance,
    route_map: str | None,
    prefix: Prefix,
    attributes: Attributes,
    way: str,
    protocol: str = "bgp",
    route: Route | None = None,
) -> Attributes | None:
    """The route-map of the statement, then the community of a graceful shutdown under way (RFC 8326 4.1)."""
    if route_map is not None:
        hops = route.next_hops if route else ()
        offer = Offer(prefix=prefix, attributes=attributes, way=way, protocol=protocol, next_hops=hops)
        if policy.apply(instance.router, route_map, offer) is None:
            return None
        attributes = offer.attributes
    return shutting_down(attributes) if instance.process.graceful_shutdown else attributes


def shutting_down(attributes: Attributes) -> Attributes:
    """GRACEFUL_SHUTDOWN and the lowest preference (FRR bgp_attr_add_gshut_community())."""
    return attributes._replace(
        communities=attributes.communities | {communities.GRACEFUL_SHUTDOWN},
        local_preference=GRACEFUL_SHUTDOWN_PREFERENCE,
        preference_set=True,
    )


def default_attributes(instance: Instance) -> Attributes:
    """What ``default-originate`` sends before any route-map: ORIGIN IGP, MED 0, ourselves as next hop."""
    return _default(instance, IGP, med=0)


def aggregated(instance: Instance, aggregate: Aggregate, parts: list[Attributes]) -> Attributes | None:
    """The aggregate of these more specific routes, None where there is none: nothing to aggregate, MEDs that differ
    under ``matching-MED-only``, or a route-map that denies (RFC 4271 9.2.2.2, FRR bgp_attr_aggregate_intern()).
    """
    if not parts or not meds_agree(instance, aggregate, parts):
        return None
    as_set = aggregate.as_set and not instance.process.reject_as_sets
    attributes = _default(instance, _origin(aggregate, parts), med=0)._replace(
        atomic=not as_set or any(part.atomic for part in parts),
        aggregator=f"{instance.process.confederation_id or instance.process.asn} {instance.router_id}",
    )
    if as_set:
        attributes = _with_sets(instance, attributes, parts)
    return _through_map(instance, aggregate.route_map, aggregate.prefix, attributes, "aggregate")


def meds_agree(instance: Instance, aggregate: Aggregate, parts: list[Attributes]) -> bool:
    """``matching-MED-only``: one MED for all of them, an absent one counting as the decision process counts it."""
    missing = 0xFFFFFFFF if instance.process.med_missing_as_worst else 0
    return not aggregate.matching_med or len({missing if part.med is None else part.med for part in parts}) <= 1


def _origin(aggregate: Aggregate, parts: list[Attributes]) -> int:
    """INCOMPLETE if any part is, else EGP if any is, else IGP: the largest of the codes."""
    if aggregate.origin is not None:
        return bgp_path.ORIGINS.index(aggregate.origin)
    return max(part.origin for part in parts)


def _with_sets(instance: Instance, attributes: Attributes, parts: list[Attributes]) -> Attributes:
    """``as-set``: the paths aggregated and the communities united; a GRACEFUL_SHUTDOWN not our own is left out."""
    paths = sorted({part.as_path for part in parts})
    path = paths[0]
    for other in paths[1:]:
        path = bgp_path.aggregate(path, other)
    united = frozenset(one for part in parts for one in part.communities)
    if not instance.process.graceful_shutdown:
        united -= {communities.GRACEFUL_SHUTDOWN}
    return attributes._replace(
        as_path=path,
        communities=united,
        large=frozenset(one for part in parts for one in part.large),
        extended=frozenset(one for part in parts for one in part.extended),
    )


def suppresses(instance: Instance, aggregate: Aggregate, prefix: Prefix) -> bool:
    """Whether the aggregate keeps a more specific prefix from being announced: ``summary-only`` all of them, a
    suppress-map those it permits (it sees the prefix alone: FRR aggr_suppress_map_test()).
    """
    if aggregate.summary_only:
        return True
    if aggregate.suppress_map is None or aggregate.suppress_map not in instance.router.policies.route_maps:
        return False
    offer = Offer(prefix=prefix, attributes=Attributes(), way="aggregate")
    return policy.apply(instance.router, aggregate.suppress_map, offer) is not None
