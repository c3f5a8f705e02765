"""Where it matters what came first: this message or that, the main table's route or BGP's.

RFC 4271 fixes no order of messages, and RFC 4264 shows policies between ASes that settle in one way or in another by it.

And RFC 4271 9.4 leaves to the router what it brings into BGP. FRR brings in what stands in the main table, and nothing else. So
where a prefix that ``network`` or ``redistribute`` brings in is heard over BGP too, with the better administrative distance, there
are two ends to it. Ours came first: its weight makes it best, BGP has nothing for the main table, it stays. BGP's came first: the
main table has it, there is nothing to bring in, it stays. Seen on FRR 8.4.4: shutting the session for a moment leads from the
second to the first. Which of the two a network is in, its configuration does not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging
from backstay.model.routing import BgpFamily
from backstay.model.source import Remark
from backstay.model.state import Route
from backstay.referee import bgp_decide, bgp_origin
from backstay.referee.bgp_answer import Answer
from backstay.referee.bgp_decide import Path
from backstay.referee.bgp_ends import IBGP, Instance
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_groups import Group
from backstay.referee.bgp_path import Attributes
from backstay.referee.bgp_speaker import Speaker
from backstay.referee.seams import Interior, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested:
    """A prefix that others tell of in BGP (``group``) and that the main table has from elsewhere (``route``)."""

    prefix: Prefix
    group: Group
    route: Route


def remarks(exchange: Exchange, interior: Interior) -> Iterator[Remark]:
    """One for every router and prefix of which both ends last."""
    for number, instance in enumerate(exchange.sessions.instances):
        speaker = exchange.speakers[instance.place]
        found = [item for item in _contested(exchange, interior, number) if _ours_lasts(speaker, item)]
        held = [item for item in found if _from_a_peer(speaker, item.group.number)]
        unheard = [item for item in found if item not in held]
        for theirs, items in ((exchange, held), *_without_ours(exchange, instance.place, unheard)):
            for item in items:
                if _theirs_lasts(theirs, instance.place, item):
                    yield _remark(instance.router.name, item.prefix)


def _without_ours(
    exchange: Exchange, place: Place, items: list[Contested]
) -> Iterator[tuple[Exchange, list[Contested]]]:
    """The exchange with nothing of these brought in, all at once or one by one. What never settles then does not last."""
    try:
        if items:
            yield exchange.without(place, frozenset(item.prefix for item in items)), items
    except NotConverging:
        for item in items if len(items) > 1 else ():
            yield from _without_ours(exchange, place, [item])


def by_order(exchange: Exchange) -> Iterator[Remark]:
    """One for every prefix that settles another way when messages come in another order (RFC 4264), where several ASes are
    ours. Five orders are looked at, no more: who waits longest takes the next turn, who came last (from either end of what
    begins), the first and the last by name.
    """
    if all(end.sort == IBGP or end.twin is None for speaker in exchange.speakers.values() for end in speaker.ends):
        return
    others = list(_in_other_orders(exchange))
    for group in exchange.groups:
        names = sorted(
            {
                speaker.instance.router.name
                for place, speaker in exchange.speakers.items()
                if any(_best(speaker, group) != _best(other.speakers[place], group) for other in others)
            }
        )
        if names:
            text = f"which way to {group.prefix} is settled on depends on the order of messages at {', '.join(names)}"
            yield Remark("bgp-order", text, names[0])


def _in_other_orders(exchange: Exchange) -> Iterator[Exchange]:
    """These can let somebody wait for ever while others go round in a circle: then they say nothing."""
    for turns in ("last", "deep", "lowest", "highest"):
        try:
            yield exchange.with_turns(turns)
        except NotConverging:
            continue


def _best(speaker: Speaker, group: Group) -> tuple[object, str, Attributes] | None:
    choice = speaker.chosen.get(group.number)
    return None if choice is None else (choice.best.end, choice.best.kind, choice.best.attributes)


def _remark(router: str, prefix: Prefix) -> Remark:
    text = f"{router}: {prefix} stands in the table and is heard over BGP: which of them came first decides"
    return Remark("bgp-first-come", text, router)


def _contested(exchange: Exchange, interior: Interior, number: int) -> Iterator[Contested]:
    instance = exchange.sessions.instances[number]
    table = interior.table(*instance.place)
    for group in exchange.groups:
        family = instance.process.families.get(group.version)
        if family is None or not _takes_any(instance, family) or not _told_by_others(exchange, group, number):
            continue
        for prefix in group.prefixes:
            route = table.get(prefix)
            if route is not None and route.distance > _least_distance(instance, family):
                yield Contested(prefix=prefix, group=group, route=route)


def _takes_any(instance: Instance, family: BgpFamily) -> bool:
    checked = family.networks and instance.process.network_import_check
    return bool(checked or any(line.protocol != "connected" for line in family.redistributions))


def _told_by_others(exchange: Exchange, group: Group, number: int) -> bool:
    """By a speaker of ours or outside; a default route that somebody makes up is in no offer."""
    made_up = group.prefix.is_default and any(
        end.families[group.version].default_originate for end in exchange.sessions.ends if group.version in end.families
    )
    return made_up or any((kind, index) != ("own", number) for (kind, index, _), _ in group.offers)


def _least_distance(instance: Instance, family: BgpFamily) -> int:
    """No BGP route comes nearer than that; a route-map can set any distance."""
    maps = instance.router.policies.route_maps.values()
    if any(action.kind == "distance" for route_map in maps for entry in route_map.entries for action in entry.sets):
        return 0
    special = (distance for distance, _, _ in family.prefix_distances)
    return min(family.distance_external, family.distance_internal, family.distance_local, *special)


def _from_a_peer(speaker: Speaker, number: int) -> bool:
    choice = speaker.chosen.get(number)
    return choice is not None and choice.best.end is not None


def _ours_lasts(speaker: Speaker, item: Contested) -> bool:
    """Whether the main table's route, once brought in, is the best; not where BGP has the prefix from us in any case."""
    instance, process = speaker.instance, speaker.instance.process
    family = process.families[item.group.version]
    always = not process.network_import_check and any(line.prefix == item.prefix for line in family.networks)
    ours = [
        Path(process, attributes, None, kind, 0, valid=True)
        for kind, attributes in bgp_origin.brought_in(instance, family, item.prefix, item.route)
    ]
    heard = [path for path in speaker.paths.get(item.group.number, {}).values() if path.end is not None]
    choice = bgp_decide.choose(process, family, [*ours, *heard]) if ours and not always else None
    return choice is not None and choice.best.end is None


def _theirs_lasts(exchange: Exchange, place: Place, item: Contested) -> bool:
    """Whether BGP has a nearer route where the main table's is not brought in."""
    speaker = exchange.speakers[place]
    number = next((group.number for group in exchange.groups if item.prefix in group.prefixes), None)
    if number is None or not _from_a_peer(speaker, number):
        return False
    route = Answer(exchange).routes_of(speaker, number).get(item.prefix)
    return route is not None and route.distance < item.route.distance
