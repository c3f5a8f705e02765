"""What one speaker tells another, and what the other makes of it.

`export` follows FRR 8.4 bgpd/bgp_route.c subgroup_announce_check and bgp_attr.c bgp_packet_attribute; `take_in` follows
bgp_update. FRR sends a route back over the session it came from; `comes_back` says where that can do anything: mostly the
receiver throws it away by its own AS in the path.
"""

from __future__ import annotations

from dataclasses import replace

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef
from backstay.model.routing import NeighborFamily
from backstay.simulate import bgp_path
from backstay.simulate.bgp_decision import PEER, Received
from backstay.simulate.bgp_ends import held
from backstay.simulate.bgp_path import AsPath, Path
from backstay.simulate.bgp_speaker import CONFEDERATION, EBGP, IBGP, Peering, Speaker
from backstay.simulate.policy import Passed, run
from backstay.simulate.policy_lists import sorted_communities
from backstay.simulate.policy_matches import Setting
from backstay.simulate.seams import Topology
from backstay.simulate.topology import usable_addresses

GRACEFUL_SHUTDOWN = "graceful-shutdown"


# ------------------------------------------------------------------------------------------- sending


def export(peering: Peering, version: int, prefix: Prefix, best: Received, unsuppressed_by: str | None) -> Path | None:
    """The path as it stands on the wire towards this peer; None: not sent.

    ``unsuppressed_by`` names the unsuppress-map a suppressed route still passes through; it takes the place of
    the outbound route-map.
    """
    settings = peering.families[version]
    if not may_send(peering, settings, prefix, best):
        return None
    path = _prepared(peering, settings, best)
    route_map = unsuppressed_by or settings.route_map_out
    if route_map is not None:
        if path.next_hop_mark == "address":
            path = replace(path, next_hop_mark="")
        # The peer a map out asks for is the update group, which has no address: nothing matches it (seen on FRR 8.4.4).
        outcome = run(peering.speaker.library, route_map, path, Setting(prefix=prefix, peer_as=peering.remote_as))
        if not isinstance(outcome, Passed):
            return None
        # RFC 4456 10: a reflector must not modify what it reflects; FRR runs the map on a copy unless told otherwise.
        if not reflected(peering, best) or peering.speaker.process.outbound_policy_for_reflected:
            path = outcome.path
    return _on_the_wire(peering, settings, version, best, path)


def reflected(peering: Peering, best: Received) -> bool:
    """From one internal peer to another: only such a route carries ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 8), whatever a
    route-map set on others (FRR bgp_attr.c bgp_packet_attribute; seen on FRR 8.4.4).
    """
    return peering.kind == IBGP and best.kind == IBGP and best.source == PEER


def may_send(peering: Peering, settings: NeighborFamily, prefix: Prefix, best: Received) -> bool:
    """Every reason not to send that is not a route-map."""
    path = best.path
    if settings.default_originate and prefix.is_default:
        return False  # FRR bgp_route.c subgroup_announce_check: such a peer hears the default made for it or none
    if not (_transparent(settings, best) or _communities_allow(peering, path)):
        return False
    if path.originator is not None and path.originator == peering.remote_id and reflected(peering, best):
        return False
    process = peering.speaker.process
    if process.confederation_id is not None and bgp_path.occurrences(path.as_path, process.confederation_id):
        return False
    if reflected(peering, best) and not _may_reflect(peering, settings, best):
        return False
    if process.ebgp_requires_policy and not _has_policy(peering, settings, outbound=True):
        return False
    return _filters_pass(peering.speaker, settings, prefix, path, outbound=True)


def comes_back(peering: Peering, there: Peering, version: int) -> bool:
    """Whether a route could get past the loop check of the peer it came from (``there``: the peer's side): seen on FRR
    8.4.4 with ``allowas-in`` over there or ``as-override`` here, where a route-map on its way in took the peer's AS out, and
    where a route server there had not put it in; inside an AS, where a route-map gave it another originator. ``neighbor
    solo`` spares the peer its own routes (FRR bgp_route.c subgroup_announce_check; seen on FRR 8.4.4).
    """
    if peering.neighbor.solo:
        return False
    settings = peering.families[version]
    maps = (settings.route_map_in, settings.route_map_out, settings.unsuppress_map)
    if peering.kind == IBGP:
        return any(maps)
    changed = (settings.as_override, settings.remove_private_as, *maps)
    told = there.families[version]
    unchecked = (told.allowas_in, told.allowas_in_origin, told.attribute_unchanged, told.route_server_client)
    return any((*changed, settings.attribute_unchanged, settings.route_server_client, *unchecked))


def _communities_allow(peering: Peering, path: Path) -> bool:
    """RFC 1997 well-known communities, on the route as it stands before outbound policy."""
    if not path.communities:
        return True
    if "no-advertise" in path.communities:
        return False
    if "no-export" in path.communities and peering.kind == EBGP:
        return False
    return not ("local-AS" in path.communities and peering.kind != IBGP)


def _may_reflect(peering: Peering, settings: NeighborFamily, best: Received) -> bool:
    """RFC 4456 6: from a client to everybody, from a non-client to clients."""
    assert best.peering is not None
    heard = best.peering.families[_version(best.peering, settings)]
    if not heard.route_reflector_client:
        return settings.route_reflector_client
    return peering.speaker.process.client_to_client or not settings.route_reflector_client


def _version(peering: Peering, settings: NeighborFamily) -> int:
    return settings.version if settings.version in peering.families else next(iter(peering.families))


def _has_policy(peering: Peering, settings: NeighborFamily, *, outbound: bool) -> bool:
    """RFC 8212: any filter counts as policy, defined or not. Between members of a confederation none does, so that
    nothing passes under ``ebgp-requires-policy`` (FRR bgp_route.c bgp_outbound_policy_exists; seen on FRR 8.4.4).
    """
    if peering.kind != EBGP:
        return peering.kind == IBGP
    if outbound:
        names = (
            settings.route_map_out,
            settings.prefix_list_out,
            settings.filter_list_out,
            settings.distribute_list_out,
        )
    else:
        names = (settings.route_map_in, settings.prefix_list_in, settings.filter_list_in, settings.distribute_list_in)
    return any(name is not None for name in names)


def _filters_pass(speaker: Speaker, settings: NeighborFamily, prefix: Prefix, path: Path, *, outbound: bool) -> bool:
    """Distribute-list, prefix-list and filter-list of one direction."""
    library = speaker.library
    distribute = settings.distribute_list_out if outbound else settings.distribute_list_in
    prefixes = settings.prefix_list_out if outbound else settings.prefix_list_in
    as_paths = settings.filter_list_out if outbound else settings.filter_list_in
    if distribute is not None and not library.access_list(prefix.version, distribute, prefix):
        return False
    if prefixes is not None and not library.prefix_list(prefix.version, prefixes, prefix):
        return False
    return as_paths is None or library.as_path_list(as_paths, path.as_path)


def _prepared(peering: Peering, settings: NeighborFamily, best: Received) -> Path:
    """What the outbound route-map gets to see."""
    path = best.path
    changes: dict[str, object] = {}
    if peering.kind == EBGP:
        foreign = best.source == PEER
        if (
            path.med is not None
            and foreign
            and not _transparent(settings, best)
            and "med" not in settings.attribute_unchanged
        ):
            changes["med"] = None
        as_path = _private_removed(peering, settings, path.as_path)
        if settings.as_override and peering.remote_as is not None:
            as_path = bgp_path.mapped(as_path, {peering.remote_as: peering.speaker.process.asn})
        if as_path is not path.as_path:
            changes["as_path"] = as_path
    elif path.local_preference is None:
        changes["local_preference"] = peering.speaker.process.default_local_preference
    if reflected(peering, best) and path.originator is None:
        # FRR marks ORIGINATOR_ID with a value instead of a flag, whose bits say MULTI_EXIT_DISC too
        # (bgp_route.c subgroup_announce_check): a first reflector sends MED 0. Seen on FRR 8.4.4.
        assert best.peering is not None
        changes["originator"] = best.peering.remote_id
        changes["med"] = path.med or 0
    return _replaced(path, changes)


def _replaced(path: Path, changes: dict[str, object]) -> Path:
    return replace(path, **changes) if changes else path  # type: ignore[arg-type]  # keys are field names


def _transparent(settings: NeighborFamily, best: Received) -> bool:
    """A route server leaves next hop, MED and communities alone between two of its clients (RFC 7947 2; FRR bgp_route.c
    subgroup_announce_check; seen on FRR 8.4.4: MED of a route from elsewhere is left out).
    """
    if not settings.route_server_client or best.peering is None:
        return False
    heard = best.peering.families.get(settings.version)
    return heard is not None and heard.route_server_client


def _private_removed(peering: Peering, settings: NeighborFamily, path: AsPath) -> AsPath:
    """``remove-private-AS``: the plain form acts only on a path that is private throughout; the peer's own AS stays.
    What replaces is the process's AS, in a confederation the member's (FRR bgp_route.c bgp_peer_remove_private_as).
    """
    if settings.remove_private_as is None:
        return path
    numbers = {number for _, members in path for number in members}
    private = {number for number in numbers if bgp_path.is_private(number)}
    if not private or (settings.remove_private_as != "all" and private != numbers):
        return path
    unwanted = private - {peering.remote_as}
    if settings.replace_private_as:
        return bgp_path.mapped(path, dict.fromkeys(unwanted, peering.speaker.process.asn))
    return bgp_path.excluded(path, frozenset(number for number in unwanted if number is not None))


def _on_the_wire(peering: Peering, settings: NeighborFamily, version: int, best: Received, path: Path) -> Path:
    if peering.speaker.process.graceful_shutdown or peering.neighbor.graceful_shutdown:
        path = _shutting_down(peering, path)
    next_hop, via = _next_hop(peering, settings, version, best, path)
    if next_hop is not None and next_hop.version == 6 and _sends_link_local(peering, settings, best):
        via = "self"
    told = update(peering, settings, path, next_hop, via)
    if not reflected(peering, best):
        return told
    return replace(told, originator=path.originator, cluster_list=(peering.speaker.cluster_id, *path.cluster_list))


def update(peering: Peering, settings: NeighborFamily, path: Path, next_hop: Address | None, via: str | None) -> Path:
    """What an UPDATE carries of a path that is not reflected; what is local to a router stays behind (FRR bgp_attr.c
    bgp_packet_attribute).
    """
    fixed_med = peering.speaker.process.max_med_administrative
    return Path(
        as_path=_sent_as_path(peering, settings, path.as_path),
        local_preference=None if peering.kind == EBGP else path.local_preference,
        med=path.med if fixed_med is None else fixed_med,
        origin=path.origin,
        communities=path.communities if "standard" in settings.send_communities else (),
        large_communities=path.large_communities if "large" in settings.send_communities else (),
        extended_communities=path.extended_communities if "extended" in settings.send_communities else (),
        next_hop=next_hop,
        via=via,
        atomic_aggregate=path.atomic_aggregate,
        aggregator=path.aggregator,
    )


def _shutting_down(peering: Peering, path: Path) -> Path:
    """RFC 8326 4.1: the community to the outside, the lowest local preference within."""
    if peering.kind == EBGP:
        return replace(path, communities=sorted_communities((*path.communities, GRACEFUL_SHUTDOWN)))
    return replace(path, local_preference=0)


def _sent_as_path(peering: Peering, settings: NeighborFamily, path: AsPath) -> AsPath:
    """RFC 4271 5.1.2 and RFC 5065 4.1."""
    if peering.kind == IBGP:
        return path
    if peering.kind == CONFEDERATION:
        return bgp_path.prepend(path, peering.speaker.process.asn, confederation=True)
    if settings.route_server_client or ("as-path" in settings.attribute_unchanged and path):
        return path
    return bgp_path.prepend(bgp_path.without_confederation(path), *_sent_numbers(peering, settings))


def _sent_numbers(peering: Peering, settings: NeighborFamily) -> tuple[int, ...]:
    """Before a path to the outside: of a confederation its identifier; after ``local-as`` our own number too, but under
    ``replace-as``, or where it is private and such are removed (FRR bgp_append_local_as; seen on FRR 8.4.4).
    """
    speaker, neighbor = peering.speaker, peering.neighbor
    if neighbor.local_as is None or speaker.process.confederation_id is not None:
        return (speaker.outer_as,)
    removed = settings.remove_private_as is not None and bgp_path.is_private(speaker.process.asn)
    if neighbor.local_as_replace or removed:
        return (neighbor.local_as,)
    return (neighbor.local_as, speaker.process.asn)


SELF: tuple[None, str] = (None, "self")


def _next_hop(
    peering: Peering, settings: NeighborFamily, version: int, best: Received, path: Path
) -> tuple[Address | None, str | None]:
    """The next hop on the wire; (None, "self") where it is a link-local address of this end."""
    kept = path.next_hop
    own = peering.own_next_hops.get(version)
    myself = (own, None) if own is not None else SELF
    if path.next_hop_mark == "peer-address":
        return myself
    if kept is None or kept.is_link_local:
        return myself
    if path.next_hop_mark in {"address", "unchanged"}:
        return kept, None
    if _transparent(settings, best) or "next-hop" in settings.attribute_unchanged:
        return kept, None
    if settings.next_hop_self is not None:
        return (kept, None) if reflected(peering, best) and settings.next_hop_self != "force" else myself
    returned = best.peering is not None and best.peering.index == peering.index
    if peering.kind == EBGP and (returned or not _shared(peering, kept)):
        return myself
    return kept, None


def _sends_link_local(peering: Peering, settings: NeighborFamily, best: Received) -> bool:
    """Whether an IPv6 next hop goes with our link-local address: to a peer of ours on the same link, for routes of our own
    and to the outside (FRR bgp_route.c subgroup_announce_check; seen on FRR 8.4.4: with the next hop of a third too).
    """
    if peering.interface is None or peering.reverse is None or _transparent(settings, best):
        return False
    return peering.kind == EBGP or best.source != PEER


def _shared(peering: Peering, next_hop: Address) -> bool:
    """Third-party next hop (RFC 4271 5.1.3): it stays when the peer is on the same connected subnet. Seen on FRR 8.4.4:
    even when it is the peer itself, which then throws the route away.
    """
    if peering.interface is None or peering.remote_address is None:
        return False
    interface = peering.speaker.router.interfaces[peering.interface]
    return any(
        held(item, next_hop) and held(item, peering.remote_address)
        for item in usable_addresses(interface, next_hop.version)
    )


# ------------------------------------------------------------------------------------------- receiving


def refused(peering: Peering, settings: NeighborFamily, path: Path) -> bool:
    """Loops and malformed paths: what is thrown away before any policy is looked at, and counted nowhere. Raises `Unproven`
    where bgpd answers with a NOTIFICATION: a malformed path counts as withdrawn from eBGP peers alone (FRR bgp_attr.c
    bgp_attr_malformed(); seen on FRR 8.4.4).
    """
    speaker = peering.speaker
    process, neighbor = speaker.process, peering.neighbor
    if process.reject_as_sets and any(kind in {bgp_path.SET, bgp_path.CONFED_SET} for kind, _ in path.as_path):
        if peering.kind != EBGP:
            what = f"an AS_SET from {peering.text}, which reject-as-sets answers by closing the session again and again"
            raise Unproven(f"{speaker.name}: {what}")
        return True
    allowed = settings.allowas_in
    if neighbor.local_as is not None:
        put_in_front = 0 if neighbor.local_as_no_prepend else 1  # by us, before it is looked for (FRR bgp_update)
        if bgp_path.occurrences(path.as_path, neighbor.local_as) + put_in_front > (allowed or put_in_front):
            return True
    if not (settings.allowas_in_origin and bgp_path.rightmost(path.as_path) == process.asn):
        if bgp_path.occurrences(path.as_path, process.asn) > allowed:
            return True
        outer = process.confederation_id
        if outer is not None and outer != process.asn and bgp_path.occurrences(path.as_path, outer) > allowed:
            return True
    if path.originator == speaker.router_id or speaker.cluster_id in path.cluster_list:
        return True
    if peering.kind == EBGP and neighbor.enforce_first_as and bgp_path.leftmost(path.as_path) != peering.remote_as:
        return True
    return peering.kind == EBGP and bgp_path.has_confederation(path.as_path)


def take_in(peering: Peering, version: int, prefix: Prefix, wire: Path) -> Path | None:
    """The path after import policy; None: refused or filtered."""
    settings = peering.families[version]
    if refused(peering, settings, wire):
        return None
    neighbor = peering.neighbor
    process = peering.speaker.process
    if process.ebgp_requires_policy and not _has_policy(peering, settings, outbound=False):
        return None
    path = wire
    if neighbor.local_as is not None and not neighbor.local_as_no_prepend and peering.kind != IBGP:
        path = replace(path, as_path=bgp_path.prepend(path.as_path, neighbor.local_as))
    if not _filters_pass(peering.speaker, settings, prefix, path, outbound=False):
        return None
    if settings.weight is not None:
        path = replace(path, weight=settings.weight)
    if path.via is not None:
        path = replace(path, via=peering.interface)
    if settings.route_map_in is not None:
        after = _through_map(peering, settings.route_map_in, prefix, path)
        if after is None:
            return None
        path = after
    return _lowered(peering, path) if peering.kind == EBGP else path


def _through_map(peering: Peering, route_map: str, prefix: Prefix, path: Path) -> Path | None:
    setting = Setting(
        prefix=prefix,
        peers=peering.peer_texts,
        source=peering.remote_address,
        peer_as=peering.remote_as,
    )
    outcome = run(peering.speaker.library, route_map, path, setting)
    if not isinstance(outcome, Passed):
        return None
    path = outcome.path
    if path.next_hop_mark == "peer-address":
        path = replace(path, next_hop=peering.remote_address, next_hop_mark="")
    return path


def _lowered(peering: Peering, path: Path) -> Path:
    """RFC 7999 3.2: a black hole stays within the AS. RFC 8326 4.2: a route with the graceful-shutdown community is the
    last choice.
    """
    if "blackhole" in path.communities:
        path = replace(path, communities=sorted_communities((*path.communities, "no-export")))
    if GRACEFUL_SHUTDOWN in path.communities:
        return replace(path, local_preference=0)
    if peering.speaker.process.graceful_shutdown or peering.neighbor.graceful_shutdown:
        communities = sorted_communities((*path.communities, GRACEFUL_SHUTDOWN))
        return replace(path, communities=communities, local_preference=0)
    return path


def on_connected_subnet(speaker: Speaker, topology: Topology, address: Address) -> bool:
    """Whether the address is on a subnet of an interface of the speaker that is up."""
    return any(
        held(item, address)
        for interface in speaker.interfaces()
        if InterfaceRef(speaker.router.name, interface.name) in topology.up
        for item in usable_addresses(interface, address.version)
    )
