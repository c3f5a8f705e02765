"""BGP as the standards tell it: speakers that send each other messages.

Read it beside RFC 4271: `bgp_sessions` (8, who talks to whom), `bgp_import` and `bgp_export` (9.1.1, 9.1.3: policy), `bgp_decide`
(9.1.2: the decision process), `bgp_speaker` (3.2: the RIBs), `bgp_exchange` (9: UPDATEs until all is quiet), `bgp_origin`
(9.4: what begins here). Where FRR 8.4 does something else or something more, the docstring says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from backstay.model.address import Address, Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.routing import NeighborFamily
from backstay.model.source import Remark
from backstay.model.state import Route
from backstay.referee import bgp_first
from backstay.referee.bgp_answer import Answer
from backstay.referee.bgp_ends import End
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_import import thrown_away
from backstay.referee.bgp_path import Attributes
from backstay.referee.bgp_sessions import Sessions
from backstay.referee.bgp_speaker import Speaker
from backstay.referee.seams import BgpAnswer, Interior, Place, Resolved, Wiring

_ROUNDS = 16


def run(network: Network, overlay: Overlay, wiring: Wiring, interior: Interior) -> BgpAnswer:
    """What BGP settles on over this interior. Raises `NotConverging` with the circle where it does not."""
    sessions = Sessions(network, overlay, wiring, interior)
    laid_over: dict[Place, dict[Prefix, Route]] = {}
    rounds, remarks = 0, set[Remark]()
    while rounds < _ROUNDS:
        exchange = Exchange(network, overlay, sessions, interior, laid_over)
        exchange.quiet()
        answer = Answer(exchange)
        routes = answer.routes()
        used = {place: _under_next_hops(speaker, routes[place]) for place, speaker in exchange.speakers.items()}
        used = {place: table for place, table in used.items() if table}
        if used != laid_over:
            laid_over, rounds = used, rounds + 1
        elif _trip(exchange, remarks):
            laid_over, rounds = {}, 0
        else:
            return BgpAnswer(
                routes=routes,
                sessions=answer.sessions(),
                advertisements=answer.advertisements(),
                events=answer.events(),
                unknowns=_unknowns(exchange, interior, remarks),
                exchange=exchange,
            )
    raise _circle(laid_over)


def _circle(laid_over: dict[Place, dict[Prefix, Route]]) -> NotConverging:
    """A route makes another's next hop resolve, which then takes its place and resolves no longer. Seen on FRR 8.4.4: with
    ``ip nht resolve-via-default`` the two take turns for ever.
    """
    names = tuple(sorted(f"{place[0]} {prefix}" for place, table in laid_over.items() for prefix in table))
    return NotConverging(f"BGP next hops that BGP itself reaches do not settle: {', '.join(names)}", names)


def _trip(exchange: Exchange, remarks: set[Remark]) -> bool:
    """Sessions beyond their maximum-prefix are torn down at both ends. Those with the outside come first, since what they
    hear does not wait for us; then all others at once: FRR counts while routes come in, so that each of them trips before
    anything that follows from it. ``restart`` brings one back only to trip again.
    """
    over = [end for speaker in exchange.speakers.values() for end in speaker.ends if _beyond(exchange, speaker, end)]
    remarks.update(_either_first(exchange, over))
    over = [end for end in over if end.outside is not None] or over
    counts = Answer(exchange)
    for end in over:
        end.at_trip = counts.heard(end)
        end.tripped = True
        if end.twin is not None and not end.twin.reason:
            end.twin.reason = f"{end.instance.router.name}: maximum-prefix"
    return bool(over)


def _either_first(exchange: Exchange, over: list[End]) -> Iterator[Remark]:
    """Ends beyond their limit that would not be, were the others beyond theirs down already: which UPDATE comes first then
    decides. The outside does not wait for us; what one speaker sends to several hangs on nothing that these send on.
    """
    for sender in {end.twin.instance.place: None for end in over if end.twin is not None}:
        told = [end for end in over if end.twin is not None and end.twin.instance.place == sender]
        others = [end for end in over if end not in told]
        spared = exchange.without_sessions(others) if others else exchange
        for end in told:
            if not _beyond(spared, spared.speakers[end.instance.place], end):
                name = end.instance.router.name
                text = f"{name}: {end.peer} is beyond its maximum-prefix, as are others: which goes down first decides"
                yield Remark("bgp-limit-order", text, name)


def _looped(end: End, version: int, attributes: Attributes) -> bool:
    return version not in end.families or thrown_away(end, version, attributes)


def _beyond(exchange: Exchange, speaker: Speaker, end: End) -> bool:
    """More prefixes than allowed: those accepted, with ``force`` those filtered too, where ``soft-reconfiguration`` keeps
    them (FRR bgp_filtered_routes_count()). FRR looks before it counts the new one in:
    seen on FRR 8.4.4, limit 2, three prefixes stay until the next UPDATE of any kind, four are Idle at once. A session that
    lives from one UPDATE to the next is not counted on here.
    """
    for version, family in end.families.items():
        limit = family.maximum_prefix
        if limit is None or limit.warning_only:
            continue
        held = {number for number, by in speaker.paths.items() if end in by}
        if limit.force and family.soft_reconfiguration:
            held |= {
                number for number, by in speaker.received.items() if end in by and not _looped(end, version, by[end])
            }
        groups = [exchange.groups[number] for number in held]
        if sum(len(group.prefixes) for group in groups if group.version == version) > limit.limit:
            return True
    return False


def _under_next_hops(speaker: Speaker, table: dict[Prefix, Route]) -> dict[Prefix, Route]:
    """BGP routes a next hop of this speaker is reached by, where they are nearer than what else reaches it."""
    hops = {path.attributes.next_hop for by in speaker.paths.values() for path in by.values() if path.end is not None}
    lengths = sorted({(prefix.version, prefix.length) for prefix in table}, reverse=True)
    found: dict[Prefix, Route] = {}
    for hop in hops:
        prefix = None if hop is None or _by_host_route(speaker, table, hop) else _longest(table, lengths, hop)
        if hop is not None and prefix is not None:
            beneath = speaker.interior.resolve(*speaker.instance.place, hop)
            if beneath is None or _is_nearer(prefix, table[prefix], beneath):
                found[prefix] = table[prefix]
    return found


def _is_nearer(prefix: Prefix, route: Route, beneath: Resolved) -> bool:
    """More specific, or at a lower distance (an IGP's made dearer than BGP's) and not by way of itself, which zebra does
    not install (FRR zebra_nhg.c nexthop_active).
    """
    if prefix != beneath.prefix:
        return prefix.length > beneath.prefix.length
    by_itself = any(hop.address is not None and prefix.holds(hop.address) for hop in route.next_hops)
    return route.distance < beneath.route.distance and not by_itself


def _by_host_route(speaker: Speaker, table: dict[Prefix, Route], hop: Address) -> bool:
    """Whether the IGP plainly reaches it by a host route that BGP has none beside: nothing is nearer."""
    measured = speaker.interior.measure(*speaker.instance.place, hop)
    return measured is not None and measured[0].is_host and measured[0] not in table


def _longest(table: dict[Prefix, Route], lengths: list[tuple[int, int]], hop: Address) -> Prefix | None:
    for version, length in lengths:
        if version == hop.version and (prefix := Prefix.of(hop, length)) in table:
            return prefix
    return None


def _unknowns(exchange: Exchange, interior: Interior, remarks: set[Remark]) -> tuple[Remark, ...]:
    """What this engine has no answer for, so that nobody takes its answer for one."""
    found = {
        *remarks,
        *exchange.sessions.unknowns,
        *bgp_first.remarks(exchange, interior),
        *bgp_first.by_order(exchange),
    }
    for speaker in exchange.speakers.values():
        found |= speaker.remarks
        found |= _unmodelled(speaker)
        for end in speaker.ends:
            found |= {
                Remark("bgp-unmodelled", f"{end!r}: {what}", end.instance.router.name, family.place)
                for version, family in end.families.items()
                for what in _unmodelled_family(exchange, speaker, end, version, family)
            }
    return tuple(sorted(found, key=lambda remark: (remark.text, remark.code)))


def _unmodelled(speaker: Speaker) -> set[Remark]:
    process, name = speaker.instance.process, speaker.instance.router.name
    found = set()
    for family in process.families.values():
        if family.import_vrfs:
            found.add(Remark("bgp-unmodelled", f"{name}: routes imported from other VRFs", name, family.place))
    for prefix in speaker.half_way:
        text = (
            f"{name}: aggregate {prefix} does not come about: which of its parts it suppresses depends on their order"
        )
        found.add(Remark("bgp-aggregate-order", text, name))
    if process.multipath_as_set:
        found.add(Remark("bgp-unmodelled", f"{name}: as-path multipath-relax as-set", name, process.place))
    return found


def _unmodelled_family(
    exchange: Exchange, speaker: Speaker, end: End, version: int, family: NeighborFamily
) -> list[str]:
    found = []
    if family.add_path_all or family.add_path_best_per_as:
        found.append("additional paths (RFC 7911)")
    if family.advertise_map is not None:
        found.append("conditional advertisement")
    if end.neighbor.role is not None:
        found.append("roles (RFC 9234)")
    if family.maximum_prefix_out is not None:
        numbers = [number for number in speaker.sent[end] if exchange.groups[number].version == version]
        if sum(len(exchange.groups[number].prefixes) for number in numbers) > family.maximum_prefix_out:
            found.append("maximum-prefix-out: which prefixes are left out depends on the order they came in")
    return found
