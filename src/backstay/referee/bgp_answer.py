"""What the speakers ended with, as the values of `backstay.referee.seams`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import Advertisement, Event, NextHop, PathAttributes, Route, Session
from backstay.referee import bgp_path, policy
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_decide import Choice, Path
from backstay.referee.bgp_ends import EBGP, IBGP, Counts, End
from backstay.referee.bgp_exchange import Exchange
from backstay.referee.bgp_groups import Group, restored
from backstay.referee.bgp_import import thrown_away
from backstay.referee.bgp_origin import AGGREGATE
from backstay.referee.bgp_path import Attributes
from backstay.referee.bgp_speaker import Speaker
from backstay.referee.policy_offer import Offer
from backstay.referee.seams import Place

Tally = defaultdict[End, dict[int, int]]
"""How many prefixes of each IP version, by end."""


def _nothing() -> dict[int, int]:
    return {4: 0, 6: 0}


def _counts(end: End, by_version: Mapping[int, int]) -> Counts:
    return tuple((version, by_version[version]) for version in sorted(end.families))


class Answer:
    """Reads an `Exchange` that has come to rest."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._shared: dict[object, tuple[tuple[Prefix, Route], ...]] = {}
        self._sizes = [(group.version, len(group.prefixes)) for group in exchange.groups]
        self._tallies: dict[Speaker, tuple[Tally, Tally]] = {}

    # ------------------------------------------------------------------------------------------------ routes

    def routes(self) -> dict[Place, dict[Prefix, Route]]:
        return {place: self._table(speaker) for place, speaker in self.exchange.speakers.items()}

    def routes_of(self, speaker: Speaker, number: int) -> dict[Prefix, Route]:
        """The routes of one group, () where the speaker has none to hand on."""
        choice, group = speaker.chosen.get(number), self.exchange.groups[number]
        if choice is None or (choice.best.end is None and choice.best.kind != AGGREGATE):
            return {}
        return dict(self._routes(speaker, group, group.prefix, choice))

    def _table(self, speaker: Speaker) -> dict[Prefix, Route]:
        table: dict[Prefix, Route] = {}
        for number in sorted(speaker.chosen):
            choice, group = speaker.chosen[number], self.exchange.groups[number]
            if choice.best.end is None and choice.best.kind != AGGREGATE:
                continue
            if _by_prefix(speaker, group):
                for index, prefix in enumerate(group.prefixes):
                    table.update(self._routes(speaker, group, prefix, choice)[index : index + 1])
            else:
                table.update(self._routes(speaker, group, group.prefix, choice))
        return table

    def _routes(
        self, speaker: Speaker, group: Group, prefix: Prefix, choice: Choice
    ) -> tuple[tuple[Prefix, Route], ...]:
        """Routes of all prefixes of the group, as what bgpd hands to zebra for ``prefix`` (FRR bgp_zebra_announce()): metric
        and tag are the best path's, unless the table-map says otherwise.
        """
        best = choice.best
        hops, seen = self._hops(speaker, prefix, choice)
        if seen is None:
            return ()
        distance = _distance(speaker, prefix, best)
        preference = speaker.instance.process.default_local_preference
        peer = best.end.peer if best.end else None
        key = (group.number, best.attributes, seen.med, seen.tag, peer, hops, distance, preference, best.sort)
        routes = self._shared.get(key)
        if routes is None:
            routes = self._shared[key] = tuple(
                (
                    member,
                    Route(
                        protocol=_protocol(best),
                        distance=distance,
                        metric=seen.med or 0,
                        next_hops=hops,
                        tag=seen.tag,
                        attributes=told(best, names, preference),
                    ),
                )
                for member, names in zip(group.prefixes, group.names, strict=True)
            )
        return routes

    def _hops(self, speaker: Speaker, prefix: Prefix, choice: Choice) -> tuple[tuple[NextHop, ...], Attributes | None]:
        """Next hops by multipath, and the attributes after the table-map of the first it lets through; None of none."""
        table_map = speaker.instance.process.families[prefix.version].table_map
        if choice.best.kind == AGGREGATE:
            told = choice.best.attributes
            taken = told if table_map is None else _through_table_map(speaker, table_map, prefix, choice.best)
            return (NextHop(discard="blackhole"),), taken
        hops: list[NextHop] = []
        seen: Attributes | None = None
        for path in choice.paths:
            attributes: Attributes | None = path.attributes
            if table_map is not None:
                attributes = _through_table_map(speaker, table_map, prefix, path)
            if attributes is None:
                continue
            hops.append(_hop(path))
            seen = seen or (attributes if path is choice.best else path.attributes)
        return tuple(sorted(set(hops), key=lambda hop: hop.key)) if len(hops) > 1 else tuple(hops), seen

    # ------------------------------------------------------------------------------------------------ sessions

    def sessions(self) -> tuple[Session, ...]:
        """Configured sessions; one that a listen range would make is there while the address listened at is up."""
        sessions = self.exchange.sessions
        owners = sessions.wiring.owners
        return tuple(sorted(self._session(end) for end in sessions.ends if not end.dynamic or end.source in owners))

    def _session(self, end: End) -> Session:
        router, vrf = end.instance.place
        up = end.established and not end.tripped
        speaker = self.exchange.speakers[end.instance.place]
        heard = self.heard(end) if up else end.at_trip
        return Session(
            router=router,
            vrf=vrf,
            peer=end.peer,
            remote=end.remote,
            established=up,
            reason=end.reason or ("maximum-prefix" if end.tripped else ""),
            received=heard[0],
            accepted=heard[1],
            sent=self._counted(end, self._sent(speaker, end)) if up else (),
            tripped=end.tripped,
        )

    def heard(self, end: End) -> tuple[Counts, Counts]:
        """Prefixes received and accepted over a session that is up."""
        speaker = self.exchange.speakers[end.instance.place]
        if speaker not in self._tallies:
            self._tallies[speaker] = self._all_heard(speaker)
        received, accepted = self._tallies[speaker]
        return _counts(end, received[end]), _counts(end, accepted[end])

    def _all_heard(self, speaker: Speaker) -> tuple[Tally, Tally]:
        """For each end: prefixes the peer announces and that the end does not throw away at once; those that import policy
        lets through.
        """
        received, accepted = Tally(_nothing), Tally(_nothing)
        for number, by in speaker.received.items():
            version, size = self._sizes[number]
            held = speaker.paths.get(number, ())
            for end, attributes in by.items():
                if end in held:
                    accepted[end][version] += size
                if end in held or not thrown_away(end, version, attributes):
                    received[end][version] += size
        return received, accepted

    def _sent(self, speaker: Speaker, end: End) -> list[int]:
        """Groups told to the peer, but for those sent back to where they came from: over this very session, or reflected to
        their ORIGINATOR_ID (see `Session`).
        """
        return [n for n, attributes in speaker.sent[end].items() if self._counts_as_sent(speaker, end, n, attributes)]

    def _counts_as_sent(self, speaker: Speaker, end: End, number: int, attributes: Attributes) -> bool:
        choice = speaker.chosen.get(number)
        if choice is not None and choice.best.end is end:
            group = self.exchange.groups[number]
            if not (group.prefix.is_default and end.families[group.version].default_originate):
                return False
        return attributes.originator is None or attributes.originator != end.peer_id

    def _counted(self, end: End, numbers: Iterable[int]) -> Counts:
        counts = _nothing()
        for number in numbers:
            version, size = self._sizes[number]
            counts[version] += size
        return _counts(end, counts)

    # ------------------------------------------------------------------------------------------------ advertisements

    def advertisements(self) -> frozenset[Advertisement]:
        return frozenset(
            advertisement
            for speaker in self.exchange.speakers.values()
            for end in speaker.ends
            if end.outside is not None and end.peer_address is not None
            for number in self._sent(speaker, end)
            for advertisement in self._heard(speaker, end, end.peer_address, number, speaker.sent[end][number])
        )

    def _heard(
        self, speaker: Speaker, end: End, peer: Address, number: int, attributes: Attributes
    ) -> list[Advertisement]:
        group = self.exchange.groups[number]
        origin = self._origin(speaker, end, group)
        carried = (*communities.texts(attributes.communities), *attributes.large, *attributes.extended)
        words = tuple(sorted(carried))
        return [
            Advertisement(
                neighbor=end.remote,
                router=end.instance.router.name,
                peer=peer,
                prefix=prefix,
                as_path=bgp_path.text(restored(attributes.as_path, group.names[index])),
                med=-1 if attributes.med is None else attributes.med,
                communities=words,
                learned_from=origin,
            )
            for index, prefix in enumerate(group.prefixes)
        ]

    def _origin(self, speaker: Speaker, end: End, group: Group) -> str:
        """The external neighbour a route came in from, followed back from speaker to speaker; "" for one of ours."""
        family = end.families[group.version]
        if family.default_originate and group.prefix.is_default:
            return ""
        seen: set[Place] = set()
        while speaker.instance.place not in seen:
            seen.add(speaker.instance.place)
            choice = speaker.chosen.get(group.number)
            if choice is None or choice.best.end is None:
                return ""
            came = choice.best.end
            if came.twin is None:
                return came.remote
            speaker = self.exchange.speakers[came.twin.instance.place]
        return ""

    def events(self) -> tuple[Event, ...]:
        return tuple(
            Event(
                round=0,
                kind="session-tripped",
                subject=f"{end.instance.router.name} {end.peer}",
                text=f"{end.instance.router.name}: session with {end.remote or end.peer} torn down at its maximum-prefix limit",
            )
            for end in self.exchange.sessions.ends
            if end.tripped
        )


def _by_prefix(speaker: Speaker, group: Group) -> bool:
    """Whether what is done to a route here may look at its very prefix beyond what the group has in common."""
    family = speaker.instance.process.families[group.version]
    return family.table_map is not None or any(statement.backdoor for statement in family.networks)


def _hop(path: Path) -> NextHop:
    """As the table shows it: an address to be resolved, or the interface a link-local one is on: the peer's own."""
    attributes = path.attributes
    if attributes.next_hop is None or (attributes.link_local and not attributes.prefer_global):
        end = path.end
        there = end.twin.interface if end is not None and end.twin is not None and end.twin.shared else None
        neighbor = InterfaceRef(end.remote, there) if end is not None and there is not None else None
        return NextHop(interface=end.interface if end is not None else None, neighbor=neighbor)
    return NextHop(attributes.next_hop)


def _protocol(path: Path) -> str:
    if path.kind == AGGREGATE:
        return "aggregate"
    return "bgp" if path.sort == EBGP else "ibgp"


def _distance(speaker: Speaker, prefix: Prefix, path: Path) -> int:
    """FRR bgp_distance_apply(): what a route-map set, but the table-map; ``distance N PREFIX`` by the peer's address; a
    backdoor network; else by kind of peer, confederation members counting as local.
    """
    if path.attributes.distance:
        return path.attributes.distance
    family = speaker.instance.process.families[prefix.version]
    if path.end is not None:
        for distance, source, name in sorted(family.prefix_distances, key=lambda item: -item[1].length):
            if path.end.peer_address is not None and source.holds(path.end.peer_address):
                if name is None or policy.access_list_permits(speaker.instance.router, name, prefix):
                    return distance
                break
    if any(statement.backdoor and statement.prefix == prefix for statement in family.networks):
        return family.distance_local
    if path.sort == EBGP:
        return family.distance_external
    return family.distance_internal if path.sort == IBGP else family.distance_local


def _through_table_map(speaker: Speaker, name: str, prefix: Prefix, path: Path) -> Attributes | None:
    offer = Offer(
        prefix=prefix,
        attributes=path.attributes,
        way="table",
        peer=path.end.peer_address if path.end else None,
    )
    return None if policy.apply(speaker.instance.router, name, offer) is None else offer.attributes


def told(path: Path, names: Mapping[int, int], default_preference: int) -> PathAttributes:
    """A path's attributes for the State."""
    attributes = path.attributes
    return PathAttributes(
        as_path=bgp_path.text(restored(attributes.as_path, names)),
        local_preference=attributes.local_preference if attributes.preference_set else default_preference,
        med=attributes.med,
        origin=bgp_path.ORIGINS[attributes.origin],
        weight=attributes.weight,
        communities=communities.texts(attributes.communities),
        large_communities=tuple(sorted(attributes.large)),
        extended_communities=tuple(sorted(attributes.extended)),
        originator=attributes.originator,
        cluster_list=attributes.cluster_list,
        next_hop=attributes.next_hop,
        learned_from=path.end.peer if path.end else None,
        atomic_aggregate=attributes.atomic,
        aggregator=attributes.aggregator,
    )
