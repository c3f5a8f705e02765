"""Routing policy: a route-map walked entry by entry, as FRR lib/routemap.c route_map_apply_ext() does.

One walk serves all: BGP import and export, network statements, redistribution into BGP and into the IGPs. What differs
is the `Offer`: which facts of the route a clause can see, and which daemon reads the route-map.
"""

from __future__ import annotations

from backstay.model.address import Prefix
from backstay.model.network import Router
from backstay.model.policy import RouteMap, RouteMapEntry
from backstay.model.vendor import SEMANTICS
from backstay.referee import bgp_path, policy_lists, policy_match, policy_set
from backstay.referee.policy_offer import Offer
from backstay.referee.seams import Candidate

_CALL_DEPTH = 10
"""FRR RMAP_RECURSION_LIMIT: deeper than this the route is discarded."""

_ZEBRA_MATCHES = frozenset({"prefix-len", "source-protocol", "source-instance"})
_INTERIOR_MATCHES = frozenset({"prefix-list", "access-list", "next-hop", "interface", "tag"})
_INTERIOR_SETS = frozenset({"metric", "metric-type", "tag"})
"""What ospfd, ospf6d and isisd know (FRR 8.4 *_routemap.c): a clause of any other kind is never sent to them by vtysh, so
to them the entry stands without it; `_ZEBRA_MATCHES` are zebra's own and nothing to bgpd either."""


def prefix_list_permits(router: Router, name: str, prefix: Prefix) -> bool:
    """The list of this name and the prefix's version; an undefined one as the vendor has it."""
    items = router.policies.prefix_lists.get((prefix.version, name))
    if items is None:
        return SEMANTICS[router.vendor].undefined_prefix_list != "deny"
    return policy_lists.prefix_list(items, prefix)


def access_list_permits(router: Router, name: str, prefix: Prefix) -> bool:
    items = router.policies.access_lists.get((prefix.version, name))
    if items is None:
        return SEMANTICS[router.vendor].undefined_access_list != "deny"
    return policy_lists.access_list(items, prefix)


def as_path_list_permits(router: Router, name: str, path: bgp_path.AsPath) -> bool:
    items = router.policies.as_path_lists.get(name)
    if items is None:
        return SEMANTICS[router.vendor].undefined_as_path_list != "deny"
    return policy_lists.as_path_list(items, bgp_path.text(path))


def apply(router: Router, name: str, offer: Offer) -> int | None:
    """Walk the route-map; the offer is changed in place. The sequence number of the last entry that matched (0 for an
    undefined route-map that permits), or None: denied. A denied offer may have been changed: throw it away.
    """
    route_map = router.policies.route_maps.get(name)
    if route_map is None:
        return None if SEMANTICS[router.vendor].undefined_route_map == "deny" else 0
    return _walk(router, route_map, offer, 0)


def _walk(router: Router, route_map: RouteMap, offer: Offer, depth: int) -> int | None:
    """An entry that does not match turns the answer to deny, whatever entry permitted before it: a route that goes on
    after a match (``on-match``) and then falls off the end is denied.
    """
    if depth > _CALL_DEPTH or not route_map.entries:
        return None
    permitted: int | None = None
    resume = 0
    for entry in route_map.entries:
        if entry.sequence < resume:
            continue
        if not _matches(router, entry, offer):
            permitted = None
            continue
        if not entry.permit:
            return None
        permitted = _take(router, entry, offer, depth)
        if permitted is None or entry.on_match is None:
            return permitted
        resume = 0 if entry.on_match == "next" else int(entry.on_match)
    return permitted


def _take(router: Router, entry: RouteMapEntry, offer: Offer, depth: int) -> int | None:
    """Sets first, then the called route-map, whose deny ends all. A call to nowhere is passed over."""
    for action in entry.sets:
        if offer.isis:
            policy_set.by_isisd(action, offer)
        elif not offer.interior or action.kind in _INTERIOR_SETS:
            policy_set.apply(router, action, offer)
    if entry.call is not None:
        called = router.policies.route_maps.get(entry.call)
        if called is not None and _walk(router, called, offer, depth + 1) is None:
            return None
    return entry.sequence


def _matches(router: Router, entry: RouteMapEntry, offer: Offer) -> bool:
    if offer.isis:
        # isis_routemap.c isis_route_map_init: address lists and tags; an entry stands without what isisd does not know.
        known = (match for match in entry.matches if match.kind == "tag" or match.of == "prefix")
        lists = {"prefix-list", "access-list", "tag"}
        return all(policy_match.holds(router, match, offer) for match in known if match.kind in lists)
    return all(
        policy_match.holds(router, match, offer)
        for match in entry.matches
        if (match.kind in _INTERIOR_MATCHES if offer.interior else match.kind not in _ZEBRA_MATCHES)
    )


def redistribute(router: Router, route_map: str, candidate: Candidate, *, isis: bool = False) -> Candidate | None:
    """A route on its way into an IGP: the candidate as the route-map leaves it, or None where it is denied."""
    offer = Offer(
        prefix=candidate.prefix,
        attributes=bgp_path.Attributes(tag=candidate.tag, med=candidate.metric),
        protocol=candidate.protocol,
        metric_type=candidate.metric_type,
        next_hops=candidate.next_hops,
        interior=True,
        isis=isis,
    )
    if apply(router, route_map, offer) is None:
        return None
    return Candidate(
        prefix=candidate.prefix,
        protocol=candidate.protocol,
        metric=candidate.metric if offer.attributes.med is None else offer.attributes.med,
        tag=offer.attributes.tag,
        metric_type=offer.metric_type,
        next_hops=candidate.next_hops,
        attributes=candidate.attributes,
    )


__all__ = [
    "Offer",
    "access_list_permits",
    "apply",
    "as_path_list_permits",
    "prefix_list_permits",
    "redistribute",
]
