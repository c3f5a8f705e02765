"""Set clauses, each as FRR 8.4 bgpd/bgp_routemap.c route_set_*() does it (and ospfd and isisd for theirs)."""

from __future__ import annotations

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.network import Router
from backstay.model.policy import SetAction
from backstay.referee import bgp_path, policy_lists
from backstay.referee import policy_communities as communities
from backstay.referee.policy_offer import Offer

_MAXIMUM = 0xFFFFFFFF
_ISIS_MAXIMUM = 0xFE000000
"""FRR isis_constants.h MAX_WIDE_PATH_METRIC."""
_OSPF_DEFAULT_METRIC = 20
"""FRR ospfd route_set_metric(): ``+n`` and ``-n`` count from here, not from the metric the route had."""
_ELSEWHERE = frozenset({"src", "metric-type", "label-index"})
"""Clauses other daemons read, or that only labels follow from: nothing to BGP's IPv4 and IPv6 unicast."""


def apply(router: Router, action: SetAction, offer: Offer) -> None:
    """Change the offer. Raises `Unproven` for a clause without a meaning here."""
    match action.kind:
        case "community" | "large-community" | "comm-list-delete" | "large-comm-list-delete":
            _communities(router, action, offer)
        case "extcommunity" | "extcommunity-rt" | "extcommunity-soo":
            _extended(action, offer)
        case "as-path-prepend" | "as-path-exclude":
            _as_path(action, offer)
        case "next-hop" | "next-hop-prefer-global":
            _next_hop(action, offer)
        case "metric-type" if offer.interior:
            offer.metric_type = int(action.values[0].rpartition("-")[2])
        case kind if kind in _ELSEWHERE:
            return
        case _:
            _plain(action, offer)


def by_isisd(action: SetAction, offer: Offer) -> None:
    """A metric is all that isisd sets (isis_routemap.c): ``+5`` is 5 to its strtoul(), and ``-5`` a number too large, a
    clause that is left out (seen on FRR 8.4.4).
    """
    digits = action.values[0].lstrip("+") if action.kind == "metric" else ""
    if digits.isdigit() and int(digits) <= _ISIS_MAXIMUM:
        offer.attributes = offer.attributes._replace(med=int(digits))


def _plain(action: SetAction, offer: Offer) -> None:
    """The attributes that are one number or one word."""
    old = offer.attributes
    match action.kind, action.values:
        case "local-preference", (value,):
            changed = old._replace(local_preference=_adjusted(value, old.local_preference, action), preference_set=True)
        case "metric", (value,):
            base = _OSPF_DEFAULT_METRIC if offer.interior else old.med or 0
            changed = old._replace(med=_adjusted(value, base, action))
        case "weight", (value,):
            changed = old._replace(weight=int(value))
        case "tag", (value,):
            changed = old._replace(tag=int(value))
        case "distance", (value,):
            changed = old._replace(distance=int(value))
        case "origin", (value,):
            changed = old._replace(origin=bgp_path.ORIGINS.index(value))
        case "originator-id", (value,):
            changed = old._replace(originator=Address.parse(value))
        case "aggregator", (number, address):
            changed = old._replace(aggregator=f"{number} {address}")
        case "atomic-aggregate", _:
            changed = old._replace(atomic=True)
        case _:
            raise Unproven(f"{action.place}: the referee has no meaning for `set {action.kind}`")
    offer.attributes = changed


def _adjusted(value: str, current: int, action: SetAction) -> int:
    """``+n`` and ``-n`` stay within 32 bits; a round trip time is not in any configuration."""
    if value.startswith("+") and value[1:].isdigit():
        return min(current + int(value[1:]), _MAXIMUM)
    if value.startswith("-") and value[1:].isdigit():
        return max(current - int(value[1:]), 0)
    if not value.isdigit():
        raise Unproven(f"{action.place}: `set {action.kind} {value}` depends on a measured time")
    return int(value)


def _communities(router: Router, action: SetAction, offer: Offer) -> None:
    old = offer.attributes
    match action.kind:
        case "community":
            new = frozenset(communities.number(one) for one in action.values)
            offer.attributes = old._replace(communities=old.communities | new if action.additive else new)
        case "large-community":
            texts = frozenset(communities.large(one) for one in action.values)
            offer.attributes = old._replace(large=old.large | texts if action.additive else texts)
        case "comm-list-delete":
            items = router.policies.community_lists.get(("standard", action.values[0]))
            if items is not None:
                offer.attributes = old._replace(communities=policy_lists.deleted(items, old.communities))
        case _:
            items = router.policies.community_lists.get(("large", action.values[0]))
            if items is not None:
                offer.attributes = old._replace(large=policy_lists.deleted(items, old.large))


def _extended(action: SetAction, offer: Offer) -> None:
    """FRR route_set_ecommunity(): always added to what is there; ``none`` takes all away."""
    old = offer.attributes
    if action.kind == "extcommunity":
        offer.attributes = old._replace(extended=frozenset())
        return
    word = action.kind.rpartition("-")[2]
    # Values may come with their kind ("rt 65000:1") or without.
    new = frozenset(communities.extended(one if one.startswith(word) else f"{word} {one}") for one in action.values)
    offer.attributes = old._replace(extended=old.extended | new)


def _as_path(action: SetAction, offer: Offer) -> None:
    old = offer.attributes
    if action.kind == "as-path-exclude":
        numbers = tuple(int(value) for value in action.values)
        offer.attributes = old._replace(as_path=bgp_path.exclude(old.as_path, numbers))
        return
    if action.values[0] == "last-as":
        path = old.as_path
        leading = path[0][1][0] if path and path[0][0] == bgp_path.SEQUENCE else None
        numbers = (leading,) * int(action.values[1]) if leading is not None else ()
    else:
        numbers = tuple(int(value) for value in action.values)
    offer.attributes = old._replace(as_path=_prepended(old.as_path, numbers))


def _prepended(path: bgp_path.AsPath, numbers: tuple[int, ...]) -> bgp_path.AsPath:
    """FRR aspath_prepend(): confederation segments in front of which a sequence is put are dropped."""
    if numbers and path and path[0][0] == bgp_path.CONFED_SEQUENCE:
        path = bgp_path.without_confederation(path)
    return bgp_path.prepend(path, numbers)


def _next_hop(action: SetAction, offer: Offer) -> None:
    """RFC 4271 5.1.3. ``peer-address``: the neighbour's on the way in, our own on the way out."""
    old = offer.attributes
    if action.kind == "next-hop-prefer-global" and offer.prefix.version == 4:
        raise Unproven(f"{action.place}: `set ipv6 next-hop prefer-global` on a route of IPv4")
    if action.kind == "next-hop-prefer-global":
        offer.attributes = old._replace(prefer_global=offer.way == "in", next_hop_set=old.next_hop_set or "changed")
        return
    if action.version is not None and action.version != offer.prefix.version:
        return
    match action.values[0]:
        case "unchanged":
            offer.attributes = old._replace(next_hop_set="unchanged")
        case "peer-address" if offer.way == "out":
            offer.attributes = old._replace(next_hop=None, next_hop_set="peer-address")
        case "peer-address":
            if offer.peer is not None and offer.peer.version == offer.prefix.version:
                offer.attributes = old._replace(next_hop=offer.peer)
        case address:
            offer.attributes = old._replace(next_hop=Address.parse(address), next_hop_set="changed")
