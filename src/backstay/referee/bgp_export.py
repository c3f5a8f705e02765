"""From the Loc-RIB to a peer's Adj-RIB-Out: RFC 4271 9.1.3 and 5.1, RFC 4456 8, RFC 5065 4, RFC 1997, in the order of FRR
8.4 subgroup_announce_check(), bgp_packet_attribute() and bpacket_reformat_for_peer().

FRR does not keep a route from the peer it came from (but with ``neighbor solo``): the peer's own loop detection does.
"""

from __future__ import annotations

from collections.abc import Iterable

from backstay.model.address import Address, Prefix
from backstay.model.routing import NeighborFamily
from backstay.referee import bgp_path, policy
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_decide import Path
from backstay.referee.bgp_ends import CONFED, EBGP, IBGP, End
from backstay.referee.bgp_import import offer_of, policy_present
from backstay.referee.bgp_origin import default_attributes, shutting_down
from backstay.referee.bgp_path import GRACEFUL_SHUTDOWN_PREFERENCE, Attributes
from backstay.referee.bgp_subnets import Subnets
from backstay.referee.policy_offer import Offer

_SET_BY_MAP = frozenset({"changed", "peer-address"})


def announced(end: End, prefix: Prefix, path: Path, subnets: Subnets, *, suppressed: bool) -> Attributes | None:
    """What this end sends of its router's best path, None if nothing."""
    family = end.families[prefix.version]
    if suppressed and family.unsuppress_map is None:
        return None
    if family.default_originate and prefix.is_default:
        return None
    transparent = _transparent(path, family, prefix.version)
    if not (transparent or _communities_allow(end, path.attributes)) or _kept_back(end, prefix, family, path):
        return None
    reflected = _reflected(end, path)
    if reflected and not _reflects(end, family, path, prefix.version):
        return None
    attributes = _prepared(end, family, path, reflected=reflected, transparent=transparent)
    changed = _through_map(end, family, prefix, attributes, reflected=reflected, suppressed=suppressed)
    if changed is None or not policy_present(end, family, inbound=False) or _path_refused(end, changed):
        return None
    if end.shutting_down:
        changed = _shut_down(end, changed)
    hop = _next_hop(end, family, prefix, path, changed, subnets, reflected=reflected, transparent=transparent)
    linked = (
        hop is not None and hop.version == 6 and _link_local(end, path, reflected=reflected, transparent=transparent)
    )
    linked = linked or (hop is None and end.link_local)
    if hop is None and not linked:
        return None
    return on_the_wire(end, family, changed._replace(next_hop=hop, link_local=linked), path)


def default_route(end: End, prefix: Prefix, seen: Iterable[tuple[Prefix, Path]]) -> Attributes | None:
    """``default-originate [route-map R]``: no other policy applies. With a route-map some route of the table (``seen``)
    must pass it; the entry with the lowest number sets what is sent (FRR subgroup_default_originate()).
    """
    family = end.families[prefix.version]
    attributes: Attributes | None = default_attributes(end.instance)
    if family.default_originate_map is not None:
        attributes = _default_by_map(end, family.default_originate_map, seen)
    if attributes is None:
        return None
    if end.instance.process.graceful_shutdown:
        attributes = shutting_down(attributes)
    hop = _own(end, prefix.version)
    linked = end.link_local and (prefix.version == 6 or hop is None)
    if hop is None and not linked:
        return None
    attributes = attributes._replace(next_hop=hop, link_local=linked, preference_set=end.sort != EBGP)
    return on_the_wire(end, family, attributes, None)


def _default_by_map(end: End, name: str, seen: Iterable[tuple[Prefix, Path]]) -> Attributes | None:
    taken: tuple[int, Attributes] | None = None
    for prefix, path in seen:
        offer = _looked_at(end, prefix, path)
        sequence = policy.apply(end.instance.router, name, offer)
        if sequence is not None and (taken is None or sequence < taken[0]):
            taken = (sequence, offer.attributes)
    return taken[1] if taken else None


def _looked_at(end: End, prefix: Prefix, path: Path) -> Offer:
    """The default with the attributes of a route of the table beside it, and the peer that one came from."""
    made = default_attributes(end.instance)
    if path.end is None:
        return Offer(prefix=prefix, attributes=made, way="default", seen=path.attributes)
    offer = offer_of(path.end, prefix, made, "default")
    offer.seen = path.attributes
    return offer


def _transparent(path: Path, family: NeighborFamily, version: int) -> bool:
    """RFC 7947 2.2: between two clients of a route server nothing is touched."""
    came = path.end.families.get(version) if path.end is not None else None
    return family.route_server_client and came is not None and came.route_server_client


def _communities_allow(end: End, attributes: Attributes) -> bool:
    """RFC 1997: NO_ADVERTISE to nobody, NO_EXPORT not to outside the confederation, NO_EXPORT_SUBCONFED not even to another
    member of it.
    """
    carried = attributes.communities
    if communities.NO_ADVERTISE in carried or communities.LLGR_STALE in carried:
        return False
    if end.sort == EBGP and communities.NO_EXPORT in carried:
        return False
    return end.sort == IBGP or communities.LOCAL_AS not in carried


def _kept_back(end: End, prefix: Prefix, family: NeighborFamily, path: Path) -> bool:
    """``solo``, the outbound lists, and a path that already holds our confederation."""
    if end.neighbor.solo and (path.end is end or path.attributes.originator == end.peer_id):
        return True
    router, as_path = end.instance.router, path.attributes.as_path
    if family.distribute_list_out and not policy.access_list_permits(router, family.distribute_list_out, prefix):
        return True
    if family.prefix_list_out and not policy.prefix_list_permits(router, family.prefix_list_out, prefix):
        return True
    if family.filter_list_out and not policy.as_path_list_permits(router, family.filter_list_out, as_path):
        return True
    confederation = end.instance.process.confederation_id
    return confederation is not None and bgp_path.occurrences(as_path, confederation) > 0


def _reflected(end: End, path: Path) -> bool:
    return path.end is not None and path.end.sort == IBGP and end.sort == IBGP


def _reflects(end: End, family: NeighborFamily, path: Path, version: int) -> bool:
    """RFC 4456 6: from a client to everybody (``no client-to-client reflection``: not to other clients), from a
    non-client to clients alone.
    """
    assert path.end is not None
    if path.end.families[version].route_reflector_client:
        return end.instance.process.client_to_client or not family.route_reflector_client
    return family.route_reflector_client


def _prepared(end: End, family: NeighborFamily, path: Path, *, reflected: bool, transparent: bool) -> Attributes:
    """What is set before the route-map, which may set it again: LOCAL_PREF inside (RFC 4271 5.1.5), ORIGINATOR_ID when
    reflected (RFC 4456 8), no MED of others to the outside (5.1.4), private AS numbers.
    """
    attributes = path.attributes
    if end.sort != EBGP and not attributes.preference_set:
        preference = end.instance.process.default_local_preference
        attributes = attributes._replace(local_preference=preference, preference_set=True)
    if reflected and attributes.originator is None and path.end is not None:
        attributes = attributes._replace(originator=path.end.peer_id, med=attributes.med or 0)
    if end.sort == EBGP:
        if path.end is not None and not transparent and "med" not in family.attribute_unchanged:
            attributes = attributes._replace(med=None)
        attributes = attributes._replace(as_path=_private(end, family, attributes.as_path))
    return attributes


def _private(end: End, family: NeighborFamily, path: bgp_path.AsPath) -> bgp_path.AsPath:
    """``remove-private-AS``, then ``as-override``."""
    own = end.instance.process.asn
    if family.remove_private_as is not None:
        everywhere, replacement = family.remove_private_as == "all", own if family.replace_private_as else None
        path = bgp_path.remove_private(path, end.peer_as, everywhere=everywhere, replacement=replacement)
    return bgp_path.override(path, end.peer_as, own) if family.as_override else path


def _through_map(
    end: End, family: NeighborFamily, prefix: Prefix, attributes: Attributes, *, reflected: bool, suppressed: bool
) -> Attributes | None:
    """The route-map, or for a suppressed route the unsuppress-map. A reflected route is let through or not, but not
    changed, unless ``route-reflector allow-outbound-policy`` says so (RFC 4456 10).
    """
    name = family.unsuppress_map if suppressed else family.route_map_out
    if name is None:
        return attributes
    offer = offer_of(end, prefix, attributes._replace(next_hop_set=""), "out")
    if policy.apply(end.instance.router, name, offer) is None:
        return None
    if reflected and not end.instance.process.outbound_policy_for_reflected:
        return attributes._replace(next_hop_set="")
    return offer.attributes


def _path_refused(end: End, attributes: Attributes) -> bool:
    """AS_SETs where they are rejected (RFC 6472), AS 0 always (RFC 7607)."""
    path = attributes.as_path
    return bgp_path.occurrences(path, 0) > 0 or (end.instance.process.reject_as_sets and bgp_path.has_set(path))


def _shut_down(end: End, attributes: Attributes) -> Attributes:
    """RFC 8326 4.1: the community outside, the lowest preference inside."""
    if end.sort == EBGP:
        return shutting_down(attributes)
    return attributes._replace(local_preference=GRACEFUL_SHUTDOWN_PREFERENCE, preference_set=True)


# ------------------------------------------------------------------------------------------- NEXT_HOP (RFC 4271 5.1.3)


def _next_hop(
    end: End,
    family: NeighborFamily,
    prefix: Prefix,
    path: Path,
    attributes: Attributes,
    subnets: Subnets,
    *,
    reflected: bool,
    transparent: bool,
) -> Address | None:
    """The next hop in the UPDATE, None where only a link-local one could stand there."""
    hop = attributes.next_hop
    touched = bool(attributes.next_hop_set) or path.attributes.next_hop_set == "unchanged"
    if not (touched or transparent or "next-hop" in family.attribute_unchanged):
        if family.next_hop_self is not None:
            hop = hop if reflected and family.next_hop_self != "force" else None
        elif end.sort == EBGP and (path.end is end or not _third_party(end, hop, subnets)):
            hop = None
    if hop is not None and hop.is_link_local and hop.version == 6:
        hop = None
    by_map = attributes.next_hop_set in _SET_BY_MAP and (end.sort != EBGP or family.route_map_out is not None)
    if hop is None or (by_map and attributes.next_hop_set == "peer-address"):
        return _own(end, prefix.version)
    if not by_map and not transparent and _must_be_own(end, family, attributes, hop, subnets):
        return _own(end, prefix.version)
    return hop


def _must_be_own(end: End, family: NeighborFamily, attributes: Attributes, hop: Address, subnets: Subnets) -> bool:
    """To an external peer a next hop of others only on the subnet we share with it."""
    if end.sort != EBGP or attributes.next_hop_set == "unchanged" or "next-hop" in family.attribute_unchanged:
        return False
    return not _third_party(end, hop, subnets)


def _third_party(end: End, hop: Address | None, subnets: Subnets) -> bool:
    """RFC 4271 5.1.3 b: the next hop lies on the very subnet the peer lies on."""
    if hop is None or end.peer_address is None or hop.version != end.peer_address.version:
        return False
    subnet = subnets.subnet(*end.instance.place, hop)
    return subnet is not None and subnet == subnets.subnet(*end.instance.place, end.peer_address)


def _own(end: End, version: int) -> Address | None:
    """Our own address for routes of this version on this session; for IPv6 over an IPv4 session without an IPv6 address
    the IPv4-mapped one (FRR bpacket_reformat_for_peer()).
    """
    if version == 4:
        return end.own.get(6) if end.extended_next_hop else end.own.get(4)
    if 6 in end.own:
        return end.own[6]
    if end.link_local:
        return None
    return Address(6, 0xFFFF << 32 | end.own[4].value) if 4 in end.own else None


def _link_local(end: End, path: Path, *, reflected: bool, transparent: bool) -> bool:
    """RFC 2545 3: sent along to a peer on our subnet, for routes of our own and to external peers."""
    return end.link_local and not reflected and not transparent and (path.end is None or end.sort == EBGP)


# ------------------------------------------------------------------------------------------------------ the UPDATE


def on_the_wire(end: End, family: NeighborFamily, attributes: Attributes, path: Path | None) -> Attributes:
    """The attributes an UPDATE carries; what is local to a router stays behind."""
    process = end.instance.process
    reflected = path is not None and _reflected(end, path)
    sent = family.send_communities
    maximum = process.max_med_administrative
    inside = end.sort != EBGP
    return attributes._replace(
        as_path=_as_path(end, family, attributes.as_path),
        med=attributes.med if maximum is None else maximum,
        local_preference=attributes.local_preference if inside else 0,
        preference_set=inside,
        communities=attributes.communities if "standard" in sent else frozenset(),
        large=attributes.large if "large" in sent else frozenset(),
        extended=attributes.extended if "extended" in sent else frozenset(),
        originator=attributes.originator if reflected else None,
        cluster_list=(end.instance.cluster_id, *attributes.cluster_list) if reflected else (),
        weight=0,
        tag=0,
        distance=0,
        next_hop_set="",
        prefer_global=False,
    )


def _as_path(end: End, family: NeighborFamily, path: bgp_path.AsPath) -> bgp_path.AsPath:
    """RFC 4271 5.1.2: unchanged inside; RFC 5065 4.1: our member AS as a confederation segment to another member, all of
    those taken off and the confederation's number put on to the outside.
    """
    process = end.instance.process
    if end.sort == IBGP:
        return path
    if end.sort == CONFED:
        return bgp_path.prepend(path, (process.asn,), bgp_path.CONFED_SEQUENCE)
    if family.route_server_client or ("as-path" in family.attribute_unchanged and path):
        return path
    path = bgp_path.without_confederation(path)
    if process.confederation_id is not None:
        if end.peer_as in process.confederation_peers:
            return bgp_path.prepend(path, (process.asn,), bgp_path.CONFED_SEQUENCE)
        return bgp_path.prepend(path, (process.confederation_id,))
    return bgp_path.prepend(path, _own_numbers(end, family))


def _own_numbers(end: End, family: NeighborFamily) -> tuple[int, ...]:
    """``local-as N`` puts N in front of our own number, with ``replace-as`` in its place; a private own number is left
    out where private numbers are removed (FRR bgp_append_local_as()).
    """
    own, local_as = end.instance.process.asn, end.local_as
    if local_as is None:
        return (own,)
    hidden = bgp_path.is_private(own) and family.remove_private_as is not None
    return (local_as,) if end.neighbor.local_as_replace or hidden else (local_as, own)
