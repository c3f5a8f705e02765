"""BGP after a failure, from where it had come to rest: what routers do, withdrawing and choosing anew until all is quiet.

Only what the failure touches is looked at again: sessions that are gone, next hops whose cost is another one. A leaf, which
passes nothing on, is not waited for: it looks at what it was told when somebody asks for its choice. Afterwards every
speaker is put back as it was, so that the next failure starts from the same rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from backstay.model.address import Address, Prefix
from backstay.model.state import Route
from backstay.referee.bgp_answer import Answer
from backstay.referee.bgp_decide import Choice, Path
from backstay.referee.bgp_ends import IBGP, End
from backstay.referee.bgp_exchange import MOST_DECISIONS, Exchange
from backstay.referee.bgp_path import Attributes
from backstay.referee.bgp_speaker import Speaker
from backstay.referee.seams import Interior, Place

K = TypeVar("K")
V = TypeVar("V")

Dearer = Mapping[Address, int | None]
"""How much more a next hop costs; None: it may not be reached any more, or nobody knows without looking."""

NOTHING: Dearer = {}


class Rival(NamedTuple):
    """A path alike the best up to the cost: its next hop (None: it has no cost) and cost, whether its MED is the best's,
    whether it shares the best's traffic.
    """

    hop: Address | None
    metric: int
    same_med: bool
    shares: bool


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What decides the choice of a speaker for some groups, as far as costs go: those of ``hops``. ``best`` None: there is no
    choice.
    """

    best: tuple[Address | None, int] | None
    rivals: frozenset[Rival]
    numbers: list[int]
    hops: frozenset[Address | None]

    def stays(self, dearer: Dearer) -> bool:
        """Whether the choice is certainly the same with these costs.

        It is decided among paths alike up to the cost. The best of them stays if it is still cheaper than each that it beat
        by cost, or both got dearer alike; so do those that share its traffic. Where MEDs differ nothing is certain: which
        path of a neighbouring AS is compared with the others may change (RFC 4451 2.2).
        """
        if self.best is None:
            return False
        if self.hops.isdisjoint(dearer):
            return True
        hop, metric = self.best
        extra = dearer.get(hop, 0) if hop is not None else 0
        if extra is None:
            return False
        for rival in self.rivals:
            more = dearer.get(rival.hop, 0) if rival.hop is not None else 0
            still = rival.metric + (more or 0) > metric + extra and rival.metric > metric
            if not rival.same_med or more is None or not (more == extra or (still and not rival.shares)):
                return False
        return True


@dataclass(frozen=True, slots=True, eq=False)
class Contests:
    """The contests of a speaker: ``over`` a next hop whose cost may matter, and the one of each group. Groups whose paths
    compare alike are one contest.
    """

    over: Mapping[Address, list[Contest]]
    of: Mapping[int, Contest]


def contests(speaker: Speaker) -> Contests:
    """Those of a speaker at rest."""
    known: dict[object, Contest] = {}
    of: dict[int, Contest] = {}
    found: dict[Address, dict[Contest, None]] = {}
    for number, paths in speaker.paths.items():
        best, rivals = _compared(speaker.chosen.get(number), paths.values())
        contest = known.get((best, rivals))
        if contest is None:
            contest = known[best, rivals] = Contest(best, rivals, [], _hops(best, rivals))
        contest.numbers.append(number)
        of[number] = contest
        for hop in {path.attributes.next_hop for path in paths.values() if path.end is not None}:
            if hop is not None:
                found.setdefault(hop, {})[contest] = None
    return Contests({hop: list(several) for hop, several in found.items()}, of)


def is_leaf(speaker: Speaker) -> bool:
    """Whether nothing a speaker hears goes any further: it has internal peers alone, none of them a client (RFC 4456 6), and
    brings nothing in that could win against what it hears.
    """
    return (
        not any(path.end is None for paths in speaker.paths.values() for path in paths.values())
        and not any(family.networks or family.redistributions for family in speaker.instance.process.families.values())
        and all(
            end.twin is not None
            and end.sort == IBGP
            and not any(family.route_reflector_client for family in end.families.values())
            for end in speaker.ends
        )
    )


def _compared(
    choice: Choice | None, paths: Iterable[Path]
) -> tuple[tuple[Address | None, int] | None, frozenset[Rival]]:
    if choice is None:
        return None, frozenset()
    best = choice.best
    return (_hop(best), best.metric), frozenset(
        Rival(_hop(path), path.metric, path.med == best.med, path in choice.paths)
        for path in paths
        if path is not best and path.first == best.first and path.valid
    )


def _hop(path: Path) -> Address | None:
    return path.attributes.next_hop if path.end is not None else None


def _hops(best: tuple[Address | None, int] | None, rivals: frozenset[Rival]) -> frozenset[Address | None]:
    return frozenset(rival.hop for rival in rivals) | ({best[0]} if best else set())


def replayable(exchange: Exchange) -> bool:
    """Whether all of this BGP can be taken up again: nothing that looks at whole tables (aggregates, default routes made
    for a peer), no next hop reached by BGP itself, no limit that an internal session could run into.
    """
    return all(
        not speaker.aggregates
        and not speaker.laid_over
        and not any(_looks_wide(end) for end in speaker.ends)
        and all(
            family.table_map is None and not any(statement.backdoor for statement in family.networks)
            for family in speaker.instance.process.families.values()
        )
        for speaker in exchange.speakers.values()
    )


def _looks_wide(end: End) -> bool:
    limited = end.twin is not None and any(family.maximum_prefix for family in end.families.values())
    return limited or any(family.default_originate for family in end.families.values())


@dataclass(frozen=True, slots=True)
class Held:
    """What a speaker held for one group."""

    received: dict[End, Attributes] | None
    paths: dict[object, Path] | None
    chosen: Choice | None


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """An exchange at rest, as `Replay` needs it. ``numbers``: the group of each prefix."""

    exchange: Exchange
    contests: Mapping[Place, Contests]
    leaves: frozenset[Place]
    numbers: Mapping[Prefix, int]


def at_rest(exchange: Exchange) -> Rest:
    """What is known before anything fails."""
    return Rest(
        exchange=exchange,
        contests={place: contests(speaker) for place, speaker in exchange.speakers.items()},
        leaves=frozenset(place for place, speaker in exchange.speakers.items() if is_leaf(speaker)),
        numbers={prefix: group.number for group in exchange.groups for prefix in group.prefixes},
    )


Found = Mapping[Prefix, Route | None]
"""Routes of a group that lead elsewhere now; None: there is none any more."""


@dataclass(eq=False)
class Replay:
    """One failure played through: ``dearer`` are a speaker's next hops that are; ``interior`` tells what else is asked; those
    ``dead`` are silent; the sessions in ``cut`` are gone at both ends. To be closed.
    """

    rest: Rest
    interior: Interior
    dearer: Mapping[Place, Dearer]
    dead: frozenset[Place]
    cut: frozenset[End]
    _held: dict[tuple[Place, int], Held] = field(default_factory=dict)
    _sent: dict[tuple[Place, int], list[tuple[dict[int, Attributes], Attributes | None]]] = field(default_factory=dict)
    _costs: dict[Place, tuple[Interior, dict[tuple[Address, bool], int | None]]] = field(default_factory=dict)
    _queue: deque[tuple[Place, int]] = field(default_factory=deque)
    _parted: dict[Place, list[End]] = field(default_factory=dict)
    _pending: dict[tuple[Place, int], dict[End, Attributes | None]] = field(default_factory=dict)
    _found: dict[tuple[Place, int], Found | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exchange = self.rest.exchange
        self._answer = Answer(self.exchange)
        self.concerned: set[Place] = set()

    def play(self) -> bool:
        """Until all is quiet; False where it does not come to rest."""
        for place in sorted(self.dearer.keys() - self.rest.leaves - self.dead):
            self._compare_anew(place)
        for end in self.cut:
            self._lose(end)
        quiet = self._quiet()
        self.concerned = {*self.dearer, *self._parted}.union(
            at[0] for held in (self._held, self._pending) for at in held
        )
        return quiet

    # ------------------------------------------------------------------------------------------- what is asked

    def changed(self, place: Place, prefix: Prefix) -> bool:
        """Whether a route leads elsewhere, or stands elsewhere among those of other protocols; other attributes change no
        walk. Never at a dead speaker.
        """
        if place not in self.concerned:
            return False
        number = self.rest.numbers.get(prefix)
        return number is not None and self._look(place, number) is not None

    def route(self, place: Place, prefix: Prefix) -> Route | None:
        """A changed route as it is now."""
        found = self._look(place, self.rest.numbers[prefix])
        return found.get(prefix) if found else None

    def newly_routed(self, before: Mapping[Place, Mapping[Prefix, Route]]) -> Iterator[tuple[Place, Prefix]]:
        """Routes where there were none, looking where somebody who passes routes on looked again, or a leaf had no choice and
        was told of one.
        """
        fresh = [
            at for at, news in self._pending.items() if at[1] not in self._speaker(at[0]).chosen and any(news.values())
        ]
        for place, number in [*self._held, *fresh]:
            table = before.get(place, {})
            missing = [prefix for prefix in self.exchange.groups[number].prefixes if prefix not in table]
            found = self._look(place, number) if missing else None
            yield from ((place, prefix) for prefix in missing if found and found.get(prefix) is not None)

    def _speaker(self, place: Place) -> Speaker:
        return self.exchange.speakers[place]

    def _look(self, place: Place, number: int) -> Found | None:
        at = (place, number)
        if at not in self._found:
            if place in self.rest.leaves and self._is_told(place, number):
                self._decide_leaf(place, number)
            self._found[at] = self._compared(place, number) if at in self._held else None
        return self._found[at]

    def _is_told(self, place: Place, number: int) -> bool:
        """Whether a leaf has anything to look at: news, a session lost, a next hop that is dearer."""
        if place in self.dead:
            return False
        if (place, number) in self._pending:
            return True
        if place in self._parted:
            received = self._speaker(place).received.get(number, {})
            if any(end in received for end in self._parted[place]):
                return True
        contest, dearer = self.rest.contests[place].of.get(number), self.dearer.get(place, NOTHING)
        return contest is not None and not contest.stays(dearer)

    def _decide_leaf(self, place: Place, number: int) -> None:
        """What a leaf makes of the last it was told, of sessions lost, of next hops that are dearer."""
        speaker, news = self._speaker(place), self._pending.get((place, number), {})
        received = speaker.received.get(number, {})
        lost = [end for end in self._parted.get(place, ()) if end in received]
        self._touch(place, number)
        group = self.exchange.groups[number]
        for end in lost:
            speaker.receive(end, group, None)
        for end, attributes in news.items():
            speaker.receive(end, group, attributes)
        speaker.decide(number)

    def _compared(self, place: Place, number: int) -> Found | None:
        if place in self.dead:
            return None
        held = self._held[place, number]
        speaker, group = self._speaker(place), self.exchange.groups[number]
        new = speaker.chosen.get(number)
        if held.chosen is new or _leads(speaker, held.chosen) == _leads(speaker, new):
            return None
        routes = self._answer.routes_of(speaker, number)
        return {prefix: routes.get(prefix) for prefix in group.prefixes}

    # ------------------------------------------------------------------------------------------- what happens

    def _compare_anew(self, place: Place) -> None:
        """Next hops cost something else now: look again at the groups where that may decide."""
        dearer, over = self.dearer[place], self.rest.contests[place].over
        asked = {contest: None for hop in dearer for contest in over.get(hop, ())}
        for number in sorted(number for contest in asked if not contest.stays(dearer) for number in contest.numbers):
            self._touch(place, number)
            self._queue.append((place, number))

    def _see_costs(self, speaker: Speaker) -> None:
        """The speaker asks for costs as they are now."""
        place = speaker.instance.place
        before = speaker._costs  # noqa: SLF001 - what the speaker asked its interior, to be asked anew
        self._costs[place] = (speaker.interior, before)
        dearer = self.dearer[place]
        speaker.interior = self.interior
        speaker._costs = {at: cost for at, cost in before.items() if at[0] not in dearer}  # noqa: SLF001
        for (hop, connected), cost in before.items():
            extra = dearer.get(hop)
            if cost is not None and extra is not None:
                speaker._costs[hop, connected] = cost + extra  # noqa: SLF001

    def _lose(self, end: End) -> None:
        place = end.instance.place
        if place in self.rest.leaves:
            self._parted.setdefault(place, []).append(end)
        elif place not in self.dead:
            speaker = self.exchange.speakers[place]
            for number in [number for number, held in speaker.received.items() if end in held]:
                self._receive(end, number, None)

    def _receive(self, end: End, number: int, attributes: Attributes | None) -> None:
        place = end.instance.place
        if place in self.rest.leaves:
            self._pending.setdefault((place, number), {})[end] = attributes
            return
        self._touch(place, number)
        if self.exchange.speakers[place].receive(end, self.exchange.groups[number], attributes):
            self._queue.append((place, number))

    def _quiet(self) -> bool:
        """Decide and tell until there is nothing to decide. False: it goes on too long."""
        count: dict[tuple[Place, int], int] = {}
        while self._queue:
            place, number = self._queue.popleft()
            if place in self.dead:
                continue
            count[place, number] = count.get((place, number), 0) + 1
            if count[place, number] > MOST_DECISIONS:
                return False
            speaker = self.exchange.speakers[place]
            if speaker.decide(number):
                if (place, number) not in self._sent:
                    self._sent[place, number] = [(held, held.get(number)) for held in speaker.sent.values()]
                for end, attributes in speaker.announcements(number):
                    if end not in self.cut and end.twin is not None:
                        self._receive(end.twin, number, attributes)
        return True

    # ------------------------------------------------------------------------------------------- before and after

    def _touch(self, place: Place, number: int) -> None:
        """Remember what the speaker holds for a group, before anything of it changes; an affected one sees its paths at
        their new costs from here on.
        """
        if (place, number) in self._held:
            return
        speaker = self.exchange.speakers[place]
        if place not in self._costs and place not in self.dead and place in self.dearer:
            self._see_costs(speaker)
        received, paths = speaker.received.get(number), speaker.paths.get(number)
        self._held[place, number] = Held(
            received=dict(received) if received is not None else None,
            paths=dict(paths) if paths is not None else None,
            chosen=speaker.chosen.get(number),
        )
        if place in self._costs:
            self._cost_anew(speaker, number)

    def _cost_anew(self, speaker: Speaker, number: int) -> None:
        """The paths of a group at their new costs; what import policy made of them is as before."""
        dearer, process = self.dearer[speaker.instance.place], speaker.instance.process
        held = speaker.paths.get(number, {})
        for at, path in held.items():
            if path.end is not None and path.attributes.next_hop in dearer:
                cost = speaker._cost(path.end, self.exchange.groups[number].prefix, path.attributes)  # noqa: SLF001
                held[at] = Path(process, path.attributes, path.end, path.kind, cost or 0, valid=cost is not None)

    def close(self) -> None:
        """Put everything back."""
        for (place, number), held in self._held.items():
            speaker = self.exchange.speakers[place]
            _restore(speaker.received, number, held.received)
            _restore(speaker.paths, number, held.paths)
            _restore(speaker.chosen, number, held.chosen)
        for (_place, number), told in self._sent.items():
            for table, attributes in told:
                _restore(table, number, attributes)
        for place, (interior, costs) in self._costs.items():
            speaker = self.exchange.speakers[place]
            speaker.interior, speaker._costs = interior, costs  # noqa: SLF001


def _leads(speaker: Speaker, choice: Choice | None) -> object:
    """What of a choice bears on where packets go: next hops, and what the administrative distance rests on."""
    if choice is None:
        return None
    best = choice.best
    family = speaker.instance.process.families
    peer = best.end if any(one.prefix_distances for one in family.values()) else None
    return {path.hop for path in choice.paths}, best.kind, best.sort, best.attributes.distance, peer


def _restore(table: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
