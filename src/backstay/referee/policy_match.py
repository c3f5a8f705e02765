"""Match clauses, each as FRR 8.4 bgpd/bgp_routemap.c route_match_*() answers it."""

from __future__ import annotations

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Router
from backstay.model.policy import Match
from backstay.model.vendor import SEMANTICS
from backstay.referee import bgp_path, policy_lists
from backstay.referee.bgp_path import Attributes
from backstay.referee.policy_offer import Offer

_LISTS = {"community": "standard", "large-community": "large", "extcommunity": "extended"}
_OWN_WAYS = frozenset({"network", "redistribute", "aggregate", "default"})


def holds(router: Router, match: Match, offer: Offer) -> bool:
    """Whether the clause matches. An absent MED or local preference compares as the number FRR keeps in its place."""
    seen = offer.seen or offer.attributes
    match match.kind:
        case "prefix-list" | "access-list":
            return _listed(router, match, offer, seen)
        case "community" | "large-community" | "extcommunity":
            return _community(router, match, seen)
        case "as-path":
            return _as_path(router, match.values[0], seen)
        case "next-hop":
            return _next_hop(match, offer, seen)
        case "interface":
            return any(hop.interface == match.values[0] for hop in offer.next_hops)
        case "metric":
            return (seen.med or 0) == int(match.values[0])
        case "local-preference":
            return seen.local_preference == int(match.values[0])
        case "tag":
            return seen.tag == int(match.values[0])
        case "origin":
            return bgp_path.ORIGINS[seen.origin] == match.values[0]
        case "peer":
            return _peer(match.values[0], offer)
        case _:
            raise Unproven(f"{match.place}: the referee has no meaning for `match {match.kind}`")


def _listed(router: Router, match: Match, offer: Offer, seen: Attributes) -> bool:
    """A list of one IP version never matches a route of the other."""
    if match.version is not None and match.version != offer.prefix.version:
        return False
    subject = _subject(match.of, offer, seen)
    if subject is None:
        return False
    key = (subject.version, match.values[0])
    if match.kind == "prefix-list":
        prefixes = router.policies.prefix_lists.get(key)
        if prefixes is None:
            return SEMANTICS[router.vendor].undefined_prefix_list != "deny"
        return policy_lists.prefix_list(prefixes, subject)
    filters = router.policies.access_lists.get(key)
    if filters is None:
        return SEMANTICS[router.vendor].undefined_access_list != "deny"
    return policy_lists.access_list(filters, subject)


def _subject(of: str, offer: Offer, seen: Attributes) -> Prefix | None:
    """What a list is held against: the route's prefix, its next hop, or the peer it comes from, as host prefixes."""
    if of == "prefix":
        return offer.prefix
    if of == "next-hop":
        return _hop(offer, seen).host_prefix
    if offer.peer is None or offer.peer.version != offer.prefix.version:
        return None
    return offer.peer.host_prefix


def _hop(offer: Offer, seen: Attributes) -> Address:
    """The next hop; one of our own stands as 0.0.0.0 or ::."""
    if offer.interior:
        found = next((hop.address for hop in offer.next_hops if hop.address is not None), None)
    else:
        found = seen.next_hop
    return found or Address(offer.prefix.version, 0)


def _next_hop(match: Match, offer: Offer, seen: Attributes) -> bool:
    """``next-hop type blackhole``: no address and no interface; else the address itself."""
    if match.values[0] == "blackhole":
        empty = all(hop.address is None and hop.interface is None for hop in offer.next_hops)
        return empty and _hop(offer, seen).value == 0
    return _hop(offer, seen) == Address.parse(match.values[0])


def _community(router: Router, match: Match, seen: Attributes) -> bool:
    items = router.policies.community_lists.get((_LISTS[match.kind], match.values[0]))
    if items is None:
        return SEMANTICS[router.vendor].undefined_community_list != "deny"
    carried: dict[str, frozenset[int] | frozenset[str]] = {
        "community": seen.communities,
        "large-community": seen.large,
        "extcommunity": seen.extended,
    }
    return policy_lists.community_list(items, carried[match.kind], exact=match.exact)


def _as_path(router: Router, name: str, seen: Attributes) -> bool:
    items = router.policies.as_path_lists.get(name)
    if items is None:
        return SEMANTICS[router.vendor].undefined_as_path_list != "deny"
    return policy_lists.as_path_list(items, bgp_path.text(seen.as_path))


def _peer(wanted: str, offer: Offer) -> bool:
    """An address, ``local`` (a route that begins here), or the interface or group of an interface peer that is in one (FRR
    route_match_peer()).
    """
    if wanted == "local":
        return offer.way in _OWN_WAYS and offer.peer is None and offer.peer_interface is None
    try:
        return offer.peer == Address.parse(wanted)
    except ValueError:
        grouped = offer.peer_interface is not None and offer.group is not None
        return grouped and wanted in {offer.peer_interface, offer.group}
