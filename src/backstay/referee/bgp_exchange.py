"""Speakers sending each other UPDATEs until all is quiet (RFC 4271 9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.state import Route
from backstay.referee import bgp_origin
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_ends import CONFED, EBGP, End
from backstay.referee.bgp_groups import Group, Source, grouped
from backstay.referee.bgp_path import CONFED_SEQUENCE, ORIGINS, SEQUENCE, AsPath, Attributes
from backstay.referee.bgp_sessions import Sessions
from backstay.referee.bgp_speaker import Speaker
from backstay.referee.seams import Interior, Place

MOST_DECISIONS = 300
"""A speaker that has chosen anew so often for one group is taken to run in a circle."""
EXTERNAL_PREFERENCE = 100
_DEFAULTS = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}


class Exchange:
    """All speakers of the network and the messages between them. ``quiet`` runs it to its end. ``kept_out``: prefixes that
    a speaker does not bring in itself. ``turns``: who takes the next one of those who have something to do: "first" or
    "last" come ("deep": the same from the other end of what begins), "lowest" or "highest" by name.
    """

    def __init__(
        self,
        network: Network,
        overlay: Overlay,
        sessions: Sessions,
        interior: Interior,
        laid_over: Mapping[Place, dict[Prefix, Route]],
        kept_out: Mapping[Place, frozenset[Prefix]] = MappingProxyType({}),
        *,
        turns: str = "first",
    ) -> None:
        self.sessions = sessions
        self._beginning = (network, overlay, sessions, interior, laid_over)
        self._kept_out = kept_out
        self._turns = turns
        self.groups = self._grouped(network, overlay, interior)
        self.speakers: dict[Place, Speaker] = {}
        self._queue: deque[tuple[Place, int]] = deque()
        self._waiting: set[tuple[Place, int]] = set()
        self._forced: set[tuple[Place, int]] = set()
        self._decisions: dict[tuple[Place, int], int] = {}
        self._originating: dict[Place, list[int]] = {}
        standing: dict[Place, list[End]] = {}
        for end in sessions.ends:
            if end.established and not end.tripped:
                standing.setdefault(end.instance.place, []).append(end)
        for instance in sessions.instances:
            ends = standing.get(instance.place, [])
            self.speakers[instance.place] = Speaker(
                instance, ends, self.groups, sessions.subnets, interior, laid_over.get(instance.place, {})
            )
            self._originating[instance.place] = self._default_groups(ends)

    def without(self, place: Place, prefixes: frozenset[Prefix]) -> Exchange:
        """The same run anew, the speaker there not bringing these in."""
        other = Exchange(*self._beginning, {place: prefixes})
        other.quiet()
        return other

    def with_turns(self, turns: str) -> Exchange:
        """The same run anew, messages in another order."""
        other = Exchange(*self._beginning, turns=turns)
        other.quiet()
        return other

    def without_sessions(self, ends: Iterable[End]) -> Exchange:
        """The same run anew, these sessions being down."""
        down = [(side, side.reason) for end in ends for side in (end, end.twin) if side is not None and not side.reason]
        for side, _ in down:
            side.reason = "for the sake of argument"
        try:
            other = Exchange(*self._beginning)
        finally:
            for side, reason in down:
                side.reason = reason
        other.quiet()
        return other

    # --------------------------------------------------------------------------------------- what is there to tell

    def _grouped(self, network: Network, overlay: Overlay, interior: Interior) -> list[Group]:
        """Everything offered from outside and from ourselves, and the prefixes of aggregates and default routes."""
        offers: dict[Prefix, list[tuple[Source, Attributes]]] = {}
        for number, instance in enumerate(self.sessions.instances):
            held = bgp_origin.held_back(network, instance.router.name, overlay.withdrawn)
            held |= self._kept_out.get(instance.place, frozenset())
            for prefix, kind, attributes in bgp_origin.local_routes(instance, interior, held):
                offers.setdefault(prefix, []).append((("own", number, kind), attributes))
            for family in instance.process.families.values():
                for aggregate in family.aggregates:
                    offers.setdefault(aggregate.prefix, [])
        for end in self.sessions.ends:
            if end.established and not end.tripped:
                self._from_outside(end, offers)
                for version, settings in end.families.items():
                    if settings.default_originate:
                        offers.setdefault(_DEFAULTS[version], [])
        hosts = frozenset(prefix for prefix in offers if prefix.is_host)
        return grouped(network, self.sessions.instances, self.sessions.ends, offers, hosts)

    def _from_outside(self, end: End, offers: dict[Prefix, list[tuple[Source, Attributes]]]) -> None:
        """A speaker outside gives its declared address as next hop; a link-local one is in no declaration."""
        if end.outside is None:
            return
        for announcement in end.outside.announcements:
            hop = end.outside.addresses.get(announcement.prefix.version)
            if hop is None and end.extended_next_hop:
                hop = end.outside.addresses.get(6)
            if hop is None or announcement.prefix.version not in end.families:
                continue
            attributes = Attributes(
                as_path=_path_from_outside(end, announcement.as_path),
                origin=ORIGINS.index(announcement.origin),
                next_hop=hop,
                med=announcement.med,
                local_preference=0 if end.sort == EBGP else EXTERNAL_PREFERENCE,
                preference_set=end.sort != EBGP,
                communities=frozenset(communities.number(one) for one in announcement.communities),
            )
            offers.setdefault(announcement.prefix, []).append((("end", end.index, ""), attributes))

    def _default_groups(self, ends: list[End]) -> list[int]:
        versions = {version for end in ends for version, family in end.families.items() if family.default_originate}
        return [group.number for group in self.groups if group.prefix.is_default and group.version in versions]

    # --------------------------------------------------------------------------------------- until all is quiet

    def quiet(self) -> None:
        """Deliver messages until there are none. Raises `NotConverging` with the speakers and prefixes in the circle."""
        for group in self.groups:
            for source, attributes in group.offers:
                self._begin(group, source, attributes)
        self._defaults(tuple(self.speakers))
        if self._turns == "deep":
            self._queue.reverse()
        while self._queue:
            place, number = self._next()
            self._waiting.discard((place, number))
            self._turn(self.speakers[place], number)
        for speaker in self.speakers.values():
            if speaker.leaf:
                speaker.listen()

    def _next(self) -> tuple[Place, int]:
        match self._turns:
            case "first":
                return self._queue.popleft()
            case "last" | "deep":
                return self._queue.pop()
            case _:
                chosen = min(self._queue) if self._turns == "lowest" else max(self._queue)
                self._queue.remove(chosen)
                return chosen

    def _begin(self, group: Group, source: Source, attributes: Attributes) -> None:
        who, number, kind = source
        if who == "own":
            place = self.sessions.instances[number].place
            self.speakers[place].originate(group, kind, attributes)
            self._wake(place, group.number)
        else:
            end = self.sessions.ends[number]
            if self.speakers[end.instance.place].receive(end, group, attributes):
                self._wake(end.instance.place, group.number)

    def _turn(self, speaker: Speaker, number: int) -> None:
        """One speaker looks at one group: aggregates, decision, announcements."""
        place = speaker.instance.place
        self._count(place, number)
        again = False
        if speaker.aggregates:
            for changed in sorted(speaker.aggregate()):
                if changed == number:
                    again = True
                else:
                    self._wake(place, changed, forced=True)
        if speaker.decide(number) or again or (place, number) in self._forced:
            self._forced.discard((place, number))
            for end, attributes in speaker.announcements(number):
                self._deliver(end, number, attributes)
        if self._originating[place]:
            self._defaults((place,))

    def _defaults(self, places: tuple[Place, ...]) -> None:
        for place in places:
            for number in self._originating[place]:
                for end, attributes in self.speakers[place].defaults(number):
                    self._deliver(end, number, attributes)

    def _deliver(self, end: End, number: int, attributes: Attributes | None) -> None:
        """To a router of ours at the other end; what goes outside rests in the Adj-RIB-Out."""
        twin = end.twin
        if twin is None:
            return
        place = twin.instance.place
        speaker = self.speakers[place]
        if speaker.leaf:
            speaker.hear(twin, number, attributes)
        elif speaker.receive(twin, self.groups[number], attributes):
            self._wake(place, number)

    def _wake(self, place: Place, number: int, *, forced: bool = False) -> None:
        if forced:
            self._forced.add((place, number))
        if (place, number) not in self._waiting:
            self._waiting.add((place, number))
            self._queue.append((place, number))

    def _count(self, place: Place, number: int) -> None:
        key = (place, number)
        count = self._decisions[key] = self._decisions.get(key, 0) + 1
        if count > MOST_DECISIONS:
            raise self._circle()

    def _circle(self) -> NotConverging:
        busy = [key for key, count in self._decisions.items() if count > MOST_DECISIONS // 2]
        names = tuple(sorted({f"{place[0]} {self.groups[number].prefix}" for place, number in busy}))
        return NotConverging(f"BGP does not settle: {', '.join(names)} choose again and again", names)


def _path_from_outside(end: End, numbers: tuple[int, ...]) -> AsPath:
    """An announcement's path is what an external peer hears; an internal one does not put its own AS on, one of our
    confederation puts it on as a confederation segment (RFC 4271 5.1.2, RFC 5065 4.1).
    """
    if not numbers or end.sort == EBGP or numbers[0] != end.peer_as:
        return ((SEQUENCE, numbers),) if numbers else ()
    rest = numbers[1:]
    outer: AsPath = ((SEQUENCE, rest),) if rest else ()
    return ((CONFED_SEQUENCE, (end.peer_as,)), *outer) if end.sort == CONFED else outer
