"""From a received route to the Adj-RIB-In after policy: RFC 4271 9.1.1 and 6.3, RFC 4456 8, RFC 7999, RFC 8212, RFC 8326,
in the order of FRR 8.4 bgp_attr_aspath_check() and bgp_update().
"""

from __future__ import annotations

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.routing import NeighborFamily
from backstay.model.state import NextHop
from backstay.referee import bgp_path, policy
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_ends import CONFED, EBGP, IBGP, End
from backstay.referee.bgp_origin import shutting_down
from backstay.referee.bgp_path import CONFED_SEQUENCE, GRACEFUL_SHUTDOWN_PREFERENCE, Attributes
from backstay.referee.policy_offer import Offer


def accepted(end: End, prefix: Prefix, received: Attributes, own_addresses: frozenset[Address]) -> Attributes | None:
    """The route as this end's router holds it, None where it does not take it."""
    family = end.families[prefix.version]
    if _open(end, prefix.version):
        kept = not (_looped(end, family, received) or _martian(received.next_hop, own_addresses))
        return received if kept else None
    attributes = _parsed(end, received)
    if attributes is None or _loops(end, family, attributes) or _filtered(end, family, prefix, attributes):
        return None
    if not policy_present(end, family, inbound=True):
        return None
    if family.weight:
        attributes = attributes._replace(weight=family.weight)
    if family.route_map_in is not None:
        offer = offer_of(end, prefix, attributes, "in")
        if policy.apply(end.instance.router, family.route_map_in, offer) is None:
            return None
        attributes = offer.attributes
    if end.sort == EBGP:
        attributes = _well_known(end, attributes)
    return None if _martian(attributes.next_hop, own_addresses) else attributes


def _open(end: End, version: int) -> bool:
    """Whether an internal end has no policy of any kind in this version: most ends of a large network have none."""
    known = end.open_to.get(version)
    if known is None:
        family = end.families[version]
        named = (
            family.route_map_in,
            family.prefix_list_in,
            family.filter_list_in,
            family.distribute_list_in,
            family.weight,
        )
        known = end.sort == IBGP and end.local_as is None and not any(named)
        known = end.open_to[version] = known and not end.instance.process.reject_as_sets
    return known


def _parsed(end: End, attributes: Attributes) -> Attributes | None:
    """RFC 7606: a malformed AS_PATH counts as a withdrawal. Confederation segments come from members and from nobody
    else (RFC 5065 5), the first AS is the peer's where that is asked for (RFC 4271 6.3), AS 0 from nobody (RFC 7607),
    AS_SETs where they are rejected (RFC 6472). Inside, FRR 8.4.4 closes the session over one, and again once it is back.
    """
    path = attributes.as_path
    if end.instance.process.reject_as_sets and bgp_path.has_set(path):
        if end.sort != EBGP:
            raise Unproven(f"{end!r}: reject-as-sets closes the session over an AS_SET, again and again")
        return None
    if end.sort == CONFED and (not path or path[0][0] != CONFED_SEQUENCE):
        return None
    if end.sort == EBGP:
        if bgp_path.has_confederation(path) or bgp_path.occurrences(path, 0):
            return None
        if end.neighbor.enforce_first_as and bgp_path.first_as(path) != end.peer_as:
            return None
    if end.local_as is not None and not end.neighbor.local_as_no_prepend:
        return attributes._replace(as_path=bgp_path.prepend(path, (end.local_as,)))
    return attributes


def thrown_away(end: End, version: int, received: Attributes) -> bool:
    """Malformed or looping: refused before any policy sees it."""
    attributes = _parsed(end, received)
    return attributes is None or _loops(end, end.families[version], attributes)


def _loops(end: End, family: NeighborFamily, attributes: Attributes) -> bool:
    """Also by a ``local-as``, which stands in the path once by our own doing (FRR bgp_update())."""
    local_as = end.local_as
    if local_as is not None:
        allowed = family.allowas_in or (0 if end.neighbor.local_as_no_prepend else 1)
        if bgp_path.occurrences(attributes.as_path, local_as) > allowed:
            return True
    return _looped(end, family, attributes)


def _looped(end: End, family: NeighborFamily, attributes: Attributes) -> bool:
    """RFC 4271 9.1.2 (own AS in the path), RFC 4456 8 (own ORIGINATOR_ID, own cluster)."""
    instance, path = end.instance, attributes.as_path
    process = instance.process
    if attributes.originator == instance.router_id or instance.cluster_id in attributes.cluster_list:
        return True
    if family.allowas_in_origin and bgp_path.last_as(path) == process.asn:
        return False
    if bgp_path.occurrences(path, process.asn) > family.allowas_in:
        return True
    identifier = process.confederation_id
    return identifier is not None and bgp_path.occurrences(path, identifier) > family.allowas_in


def _filtered(end: End, family: NeighborFamily, prefix: Prefix, attributes: Attributes) -> bool:
    """distribute-list, prefix-list, filter-list, in this order."""
    router = end.instance.router
    if family.distribute_list_in and not policy.access_list_permits(router, family.distribute_list_in, prefix):
        return True
    if family.prefix_list_in and not policy.prefix_list_permits(router, family.prefix_list_in, prefix):
        return True
    name = family.filter_list_in
    return bool(name) and not policy.as_path_list_permits(router, name or "", attributes.as_path)


def policy_present(end: End, family: NeighborFamily, *, inbound: bool) -> bool:
    """RFC 8212 as FRR has it: an external session needs a policy by name, whatever it holds; between members of a
    confederation none is enough (bgp_inbound_policy_exists() knows internal and external peers alone).
    """
    if not end.instance.process.ebgp_requires_policy or end.sort == IBGP:
        return True
    if inbound:
        names = (family.route_map_in, family.prefix_list_in, family.filter_list_in, family.distribute_list_in)
    else:
        names = (family.route_map_out, family.prefix_list_out, family.filter_list_out, family.distribute_list_out)
    return end.sort == EBGP and any(name is not None for name in names)


def _well_known(end: End, attributes: Attributes) -> Attributes:
    """BLACKHOLE must not leave the AS (RFC 7999 3.2); GRACEFUL_SHUTDOWN is the last resort (RFC 8326 4.3)."""
    if communities.BLACKHOLE in attributes.communities:
        attributes = attributes._replace(communities=attributes.communities | {communities.NO_EXPORT})
    if communities.GRACEFUL_SHUTDOWN in attributes.communities:
        return attributes._replace(local_preference=GRACEFUL_SHUTDOWN_PREFERENCE, preference_set=True)
    return shutting_down(attributes) if end.shutting_down else attributes


def _martian(next_hop: Address | None, own_addresses: frozenset[Address]) -> bool:
    """RFC 4271 6.3: a next hop must be a host address, and not one of ours."""
    if next_hop is None:
        return False
    if next_hop in own_addresses or next_hop.value == 0:
        return True
    if next_hop.version == 4:
        return next_hop.value >> 24 in {0, 127} or next_hop.value >> 28 == 14
    return next_hop.value == 1 or next_hop.value >> 120 == 0xFF


def offer_of(end: End, prefix: Prefix, attributes: Attributes, way: str) -> Offer:
    """The route as a route-map on this session sees it. Outbound the peer is the update group, which has neither address
    nor interface (FRR update_group_create()): nothing that asks for it matches.
    """
    if way == "out":
        return Offer(
            prefix=prefix, attributes=attributes, way=way, own_as=end.instance.process.asn, peer_as=end.peer_as
        )
    peer = end.neighbor.peer
    alone = attributes.link_local and attributes.next_hop is None  # FRR knows an interface of such a next hop alone
    return Offer(
        prefix=prefix,
        attributes=attributes,
        way=way,
        peer=end.peer_address,
        peer_interface=peer if isinstance(peer, str) else None,
        group=end.neighbor.peer_group,
        next_hops=(NextHop(interface=end.interface),) if alone else (),
        own_as=end.instance.process.asn,
        peer_as=end.peer_as,
    )
