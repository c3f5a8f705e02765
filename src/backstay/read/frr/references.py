"""Names that are used and defined nowhere: a router acts on them silently, so they are said aloud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backstay.model.network import Router
from backstay.model.policy import Match, Policies, SetAction
from backstay.model.routing import (
    BgpNeighbor,
    BgpProcess,
    DefaultOrigination,
    NeighborFamily,
    OspfProcess,
    Redistribution,
)
from backstay.model.source import Place, Remark

#: (kind, IP version or 0, name, where it is used)
Use = tuple[str, int, str, Place]

_LIST_MATCHES = {
    "community": "community-list",
    "large-community": "large-community-list",
    "extcommunity": "extcommunity-list",
    "as-path": "as-path access-list",
}
_LIST_SETS = {"comm-list-delete": "community-list", "large-comm-list-delete": "large-community-list"}
_COMMUNITY_KINDS = {"community-list": "standard", "large-community-list": "large", "extcommunity-list": "extended"}


def undefined(router: Router) -> Iterator[Remark]:
    """A remark for each use of a name without definition, in order of place."""
    missing = sorted(
        {use for use in _uses(router) if not _is_defined(router.policies, use)},
        key=lambda use: (use[3], use[0], use[2]),
    )
    for kind, version, name, place in missing:
        family = {4: "ip ", 6: "ipv6 ", 0: ""}[version]
        yield Remark("undefined-reference", f"{family}{kind} {name} is used but not defined", router.name, place)


def _is_defined(policies: Policies, use: Use) -> bool:
    kind, version, name, _ = use
    if kind == "route-map":
        return name in policies.route_maps
    if kind == "prefix-list":
        return (version, name) in policies.prefix_lists
    if kind == "access-list":
        return (version, name) in policies.access_lists
    if kind == "as-path access-list":
        return name in policies.as_path_lists
    return (_COMMUNITY_KINDS[kind], name) in policies.community_lists


def _uses(router: Router) -> Iterator[Use]:
    for route_map in router.policies.route_maps.values():
        for entry in route_map.entries:
            if entry.call:
                yield "route-map", 0, entry.call, entry.place
            yield from _match_uses(entry.matches)
            yield from _set_uses(entry.sets)
    for process in router.isis:
        yield from _origin_uses((*process.redistributions, *process.defaults))
    for ospf in (*router.ospf, *router.ospf6):
        yield from _ospf_uses(ospf)
    for bgp in router.bgp:
        yield from _bgp_uses(bgp)


def _match_uses(matches: Iterable[Match]) -> Iterator[Use]:
    for match in matches:
        if match.kind in {"prefix-list", "access-list"}:
            yield match.kind, match.version or 4, match.values[0], match.place
        elif match.kind in _LIST_MATCHES:
            yield _LIST_MATCHES[match.kind], 0, match.values[0], match.place


def _set_uses(actions: Iterable[SetAction]) -> Iterator[Use]:
    for action in actions:
        if action.kind in _LIST_SETS:
            yield _LIST_SETS[action.kind], 0, action.values[0], action.place


def _origin_uses(items: Iterable[Redistribution | DefaultOrigination]) -> Iterator[Use]:
    for item in items:
        if item.route_map:
            yield "route-map", 0, item.route_map, item.place


def _ospf_uses(process: OspfProcess) -> Iterator[Use]:
    version = 6 if process.version == 3 else 4
    yield from _origin_uses(process.redistributions)
    yield from _origin_uses([process.default] if process.default else [])
    for _, name in process.distribute_lists:
        yield "access-list", version, name, process.place
    for area in process.areas.values():
        for list_name in (area.export_list, area.import_list):
            if list_name:
                yield "access-list", version, list_name, area.place
        for list_name in (area.filter_in, area.filter_out):
            if list_name:
                yield "prefix-list", version, list_name, area.place


def _bgp_uses(process: BgpProcess) -> Iterator[Use]:
    templates = [listen.template for listen in process.listen_ranges]
    for neighbor in (*process.neighbors.values(), *templates):
        yield from _neighbor_uses(neighbor)
    for family in process.families.values():
        yield from _origin_uses(family.redistributions)
        for network in family.networks:
            if network.route_map:
                yield "route-map", 0, network.route_map, network.place
        for aggregate in family.aggregates:
            for name in (aggregate.route_map, aggregate.suppress_map):
                if name:
                    yield "route-map", 0, name, aggregate.place
        for name in (family.table_map, family.import_vrf_map):
            if name:
                yield "route-map", 0, name, family.place
        for _, _, name in family.prefix_distances:
            if name:
                yield "access-list", family.version, name, family.place


def _neighbor_uses(neighbor: BgpNeighbor) -> Iterator[Use]:
    for family in neighbor.families.values():
        for name in _family_route_maps(family):
            if name:
                yield "route-map", 0, name, family.place
        for kind, version, names in (
            ("prefix-list", family.version, (family.prefix_list_in, family.prefix_list_out)),
            ("access-list", family.version, (family.distribute_list_in, family.distribute_list_out)),
            ("as-path access-list", 0, (family.filter_list_in, family.filter_list_out)),
        ):
            for name in names:
                if name:
                    yield kind, version, name, family.place


def _family_route_maps(family: NeighborFamily) -> tuple[str | None, ...]:
    return (
        family.route_map_in,
        family.route_map_out,
        family.default_originate_map,
        family.unsuppress_map,
        family.advertise_map,
        family.exist_map,
        family.non_exist_map,
    )
