"""From outcomes to what the rest of the engine sees: routes, sessions with counts, advertisements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from backstay.model.address import Address, Prefix
from backstay.model.routing import INFINITE_DISTANCE, BgpFamily
from backstay.model.state import Advertisement, NextHop, PathAttributes, Route, RouteTable, Session
from backstay.simulate import bgp_path
from backstay.simulate.bgp_decision import AGGREGATE, LEAKED, PEER, Received, Selection
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_sessions import Refusal
from backstay.simulate.bgp_sinks import Shortcut
from backstay.simulate.bgp_solve import Outcome, Solver, through_itself
from backstay.simulate.bgp_speaker import CONFEDERATION, EBGP, Peering, Speaker, over_link_local
from backstay.simulate.policy import Passed, run
from backstay.simulate.policy_matches import Setting

Counts = Mapping[tuple[int, int], int]
"""Prefixes by peering index and IP version."""


Way = tuple[tuple[NextHop, ...], tuple[NextHop, ...]]
"""The next hops of a route as the table shows them, and as packets follow them."""

K = TypeVar("K")
V = TypeVar("V")

Shared = dict[tuple[int, int, str], tuple[Path, PathAttributes]]
"""What tables show of a path, by its id, default preference and peer; kept with the path, so that the id stays its own."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Prefixes per session and IP version: before import policy, after it, sent."""

    heard: Counter[tuple[int, int]] = field(default_factory=Counter)
    accepted: Counter[tuple[int, int]] = field(default_factory=Counter)
    sent: Counter[tuple[int, int]] = field(default_factory=Counter)


def tally(solver: Solver, outcomes: Iterable[Outcome]) -> Tally:
    """Counts over all classes."""
    found = Tally()
    by_group: Counter[tuple[int, int]] = Counter()
    for outcome in outcomes:
        size, version = len(outcome.task.prefixes), outcome.version
        for indexes, counter in (
            (outcome.heard, found.heard),
            (outcome.accepted, found.accepted),
            (outcome.sent.keys() - outcome.returned, found.sent),
        ):
            for index in indexes:
                counter[index, version] += size
        for key in outcome.wires:
            by_group[key] += size
        _count_exceptions(solver, outcome, found)
    _count_sinks(solver, by_group, found)
    return found


def _count_sinks(solver: Solver, by_group: Counter[tuple[int, int]], found: Tally) -> None:
    for (_, version), inlets in solver.sinks.inlets.items():
        for inlet in inlets:
            size = by_group[inlet.sender, inlet.group]
            assert inlet.peering.reverse is not None
            found.heard[inlet.peering.index, version] += size
            found.accepted[inlet.peering.index, version] += size
            found.sent[inlet.peering.reverse, version] += size


def _count_exceptions(solver: Solver, outcome: Outcome, found: Tally) -> None:
    """Take back what `_count_sinks` counts for sinks that are not like the others in this class."""
    size, version = len(outcome.task.prefixes), outcome.version
    for index in solver.exceptions(outcome):
        for inlet in solver.sinks.inlets[index, version]:
            wire = outcome.wires.get((inlet.sender, inlet.group))
            if wire is None:
                continue
            fate = "unsent" if index in outcome.awake else solver.fate(inlet.peering, version, wire)
            key, over_there = (inlet.peering.index, version), inlet.peering.reverse
            assert over_there is not None
            found.accepted[key] -= size if fate != "taken" else 0
            found.heard[key] -= size if fate in {"unsent", "refused"} else 0
            found.sent[over_there, version] -= size if fate == "unsent" else 0


def sessions(peerings: Sequence[Peering], refusals: Sequence[Refusal], counts: Tally) -> list[Session]:
    """Every configured session; the order is the caller's."""
    up = [
        Session(
            router=peering.speaker.router.name,
            vrf=peering.speaker.process.vrf,
            peer=peering.text,
            remote=peering.remote_name,
            established=True,
            received=_of(counts.heard, peering),
            accepted=_of(counts.accepted, peering),
            sent=_of(counts.sent, peering),
        )
        for peering in peerings
    ]
    down = [
        Session(
            router=refusal.speaker.router.name,
            vrf=refusal.speaker.process.vrf,
            peer=refusal.peer,
            remote=refusal.remote,
            established=False,
            reason=refusal.reason,
        )
        for refusal in refusals
    ]
    return up + down


def _of(counter: Counts, peering: Peering) -> tuple[tuple[int, int], ...]:
    return tuple((version, counter.get((peering.index, version), 0)) for version in sorted(peering.families))


# ------------------------------------------------------------------------------------------- routes


class Tables:
    """BGP's best routes of every speaker, each worked out when it is asked for and kept."""

    def __init__(self, speakers: Sequence[Speaker], solver: Solver, outcomes: Sequence[Outcome]) -> None:
        self.speakers = speakers
        self.solver = solver
        self.outcomes = outcomes
        self.shared: Shared = {}
        self.by_prefix = {prefix: place for place, outcome in enumerate(outcomes) for prefix in outcome.task.prefixes}
        self.sorted = sorted(self.by_prefix)
        self._odd: dict[int, frozenset[int]] = {}
        self._hops: dict[tuple[int, int], tuple[Address, ...] | None] = {}

    def hops_heard(self, place: int, index: int) -> tuple[Address, ...] | None:
        """Next hops of the paths that sinks like this one hold for a class: it has a route as soon as one of them leads
        anywhere. None where that has to be worked out for this speaker alone.
        """
        outcome, solver = self.outcomes[place], self.solver
        kind = solver.sinks.kinds.get((index, outcome.version))
        if place not in self._odd:
            self._odd[place] = frozenset(solver.exceptions(outcome))
        if kind is None or index in self._odd[place]:
            return None
        if (place, kind) not in self._hops:
            self._hops[place, kind] = self._hops_of(outcome, index)
        return self._hops[place, kind]

    def _hops_of(self, outcome: Outcome, index: int) -> tuple[Address, ...] | None:
        version, found = outcome.version, []
        if self.solver.family(index, version).distance_internal == INFINITE_DISTANCE:
            return None
        for inlet in self.solver.sinks.inlets[index, version]:
            wire = outcome.wires.get((inlet.sender, inlet.group))
            if wire is None or self.solver.fate(inlet.peering, version, wire) != "taken":
                continue
            if wire.next_hop is None or wire.via is not None or inlet.peering.must_be_connected:
                return None
            if through_itself(wire, outcome.task.prefix):
                return None
            found.append(wire.next_hop)
        return tuple(dict.fromkeys(found))

    def mapping(self) -> dict[tuple[str, str], RouteTable]:
        """By router and VRF."""
        return {speaker.key: SpeakerTable(self, speaker) for speaker in self.speakers}


class SpeakerTable(Mapping[Prefix, Route]):
    """One speaker's best BGP routes, sorted by prefix. Prefixes of one class share their `Route`."""

    def __init__(self, tables: Tables, speaker: Speaker) -> None:
        self._tables = tables
        self._speaker = speaker
        self._kept: dict[int, Route | None] = {}
        self._ways: dict[Address, Way | None] = {}

    def __reduce__(self) -> tuple[type[SpeakerTable], tuple[Tables, Speaker]]:
        """Stored without the routes kept: they are worked out again when asked for."""
        return SpeakerTable, (self._tables, self._speaker)

    @property
    def tables(self) -> Tables:
        """What all speakers' tables are read from."""
        return self._tables

    def find(self, prefix: Prefix) -> Route | None:
        """The route, None without one."""
        place = self._tables.by_prefix.get(prefix)
        return None if place is None else self._known(self._kept, place, self._work_out)

    def _known(self, kept: dict[K, V], key: K, work_out: Callable[[K], V]) -> V:
        """What is kept, else worked out now, and kept unless it rests on a question still open (`Reach.circular`)."""
        if key in kept:
            return kept[key]
        found = work_out(key)
        if not self._tables.solver.circular:
            kept[key] = found
        return found

    def __getitem__(self, prefix: Prefix) -> Route:
        found = self.find(prefix)
        if found is None:
            raise KeyError(prefix)
        return found

    def __contains__(self, prefix: object) -> bool:
        """Whether there is a route, without working it out where that can be told from its next hops."""
        place = self._tables.by_prefix.get(prefix) if isinstance(prefix, Prefix) else None
        if place is None:
            return False
        if place in self._kept:
            return self._kept[place] is not None
        hops = self._tables.hops_heard(place, self._speaker.index)
        if hops is None:
            return self.find(self._tables.outcomes[place].task.prefix) is not None
        return any(self._known(self._ways, address, self._way) is not None for address in hops)

    def __iter__(self) -> Iterator[Prefix]:
        return (prefix for prefix in self._tables.sorted if prefix in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _work_out(self, place: int) -> Route | None:
        solver, index, outcome = self._tables.solver, self._speaker.index, self._tables.outcomes[place]
        shortcut = solver.shortcut(outcome, index)
        if shortcut is not None:
            return self._short(shortcut, outcome.version)
        selection = solver.choice(outcome, index)
        if selection is None:
            return None
        family = solver.family(index, outcome.version)
        return route_of(self._speaker, family, outcome.task.prefix, selection, self._tables.shared)

    def _short(self, shortcut: Shortcut, version: int) -> Route | None:
        path = shortcut.path
        if path is None or path.next_hop is None:
            return None
        way = self._known(self._ways, path.next_hop, self._way)
        distance = self._tables.solver.family(self._speaker.index, version).distance_internal
        if way is None or distance == INFINITE_DISTANCE:
            return None
        return Route(
            protocol="ibgp",
            distance=distance,
            metric=path.med or 0,
            next_hops=way[0],
            forwarding=way[1],
            attributes=_attributes(self._speaker, path, shortcut.peer, self._tables.shared),
        )

    def _way(self, address: Address) -> Way | None:
        forwarding = self._tables.solver.way(self._speaker.index, address)
        if forwarding is None:
            return None
        forwarding = _sorted(forwarding)
        return _shown(self._speaker, address, None, forwarding), forwarding


def route_of(
    speaker: Speaker,
    family: BgpFamily,
    prefix: Prefix,
    selection: Selection,
    shared: Shared,
) -> Route | None:
    """A selection as the speaker's table holds it. None for a network statement or a redistributed route, in the table by
    its own protocol, and for a route that the main table does not take: one that the table map denies, one of
    infinite distance.
    """
    best = selection.best
    if best.source not in {PEER, LEAKED, AGGREGATE}:
        return None
    path = best.path
    if family.table_map is not None:
        passed = run(speaker.library, family.table_map, path, Setting(prefix=prefix, peers=_peers(best)))
        if not isinstance(passed, Passed):
            return None
        path = passed.path
    distance_here = distance(speaker, family, prefix, best)
    if distance_here == INFINITE_DISTANCE:
        return None
    if best.source == AGGREGATE:
        hops = forwarding = best.forwarding
    else:
        hops = _sorted(hop for item in selection.multipath for hop in _shown_of(speaker, item))
        forwarding = _sorted(hop for item in selection.multipath for hop in item.forwarding)
    return Route(
        protocol=_protocol(best),
        distance=distance_here,
        metric=path.med or 0,
        next_hops=hops,
        forwarding=forwarding,
        tag=path.tag,
        attributes=_attributes(speaker, best.path, best.peer_text, shared),
    )


def _peers(best: Received) -> frozenset[str]:
    """At a table-map nothing is ``local`` (FRR bgp_routemap.c route_match_peer() asks for how it came to be looked at; seen on 8.4.4)."""
    return best.peering.peer_texts if best.peering else frozenset()


def _protocol(best: Received) -> str:
    if best.source == AGGREGATE:
        return "aggregate"
    return "bgp" if best.kind == EBGP else "ibgp"


def _attributes(speaker: Speaker, path: Path, peer: str, shared: Shared) -> PathAttributes:
    preference = speaker.process.default_local_preference
    key = (id(path), preference, peer)
    if key not in shared:
        shared[key] = (path, bgp_path.attributes(path, local_preference=preference, learned_from=peer or None))
    return shared[key][1]


def _shown_of(speaker: Speaker, item: Received) -> tuple[NextHop, ...]:
    if item.peering is not None and over_link_local(item.peering, item.path):
        return item.forwarding
    return _shown(speaker, item.path.next_hop, item.path.vrf, item.forwarding)


def _shown(
    speaker: Speaker, address: Address | None, vrf: str | None, forwarding: tuple[NextHop, ...]
) -> tuple[NextHop, ...]:
    """As the table shows it: with the interface where the next hop is directly connected, else by its address."""
    if address is None or (len(forwarding) == 1 and _is_direct(speaker, forwarding[0], address)):
        return forwarding
    return (NextHop(address=address, vrf=vrf),)


def _is_direct(speaker: Speaker, hop: NextHop, address: Address) -> bool:
    """Not where a static route by an interface alone leads to an address beyond its subnets (seen on FRR 8.4.4)."""
    if hop.address != address or hop.interface is None:
        return False
    interface = speaker.router.interfaces[hop.interface]
    return address.is_link_local or any(item.prefix.holds(address) for item in interface.addresses)


def _sorted(hops: Iterable[NextHop]) -> tuple[NextHop, ...]:
    return tuple(sorted(set(hops), key=lambda hop: (*hop.key, hop.vrf or "", hop.discard or "")))


def distance(speaker: Speaker, family: BgpFamily, prefix: Prefix, best: Received) -> int:
    """FRR bgp_route.c bgp_distance_apply: ``set distance`` (not of the table map), then ``distance N PEER/M``, then backdoor,
    then the kind: another member of the confederation counts as local (seen on FRR 8.4.4).
    """
    if best.path.distance is not None:
        return best.path.distance
    if best.source == AGGREGATE:
        return family.distance_local
    special = _special_distance(speaker, family, prefix, best)
    if special is not None:
        return special
    if any(statement.backdoor and statement.prefix == prefix for statement in family.networks):
        return family.distance_local
    if best.kind == CONFEDERATION:
        return family.distance_local
    return family.distance_external if best.kind == EBGP else family.distance_internal


def _special_distance(speaker: Speaker, family: BgpFamily, prefix: Prefix, best: Received) -> int | None:
    """The longest match of the peer's address; its access list, where it has one, must hold the route: no shorter match is
    looked at otherwise (seen on FRR 8.4.4).
    """
    address: Address | None = best.peering.remote_address if best.peering else None
    found = [item for item in family.prefix_distances if address is not None and item[1].holds(address)]
    if not found:
        return None
    value, _, access_list = max(found, key=lambda item: item[1].length)
    held = access_list is None or speaker.library.access_list(prefix.version, access_list, prefix)
    return value if held else None


# ------------------------------------------------------------------------------------------- advertisements


def advertisements(peerings: Sequence[Peering], outcomes: Iterable[Outcome]) -> frozenset[Advertisement]:
    """What external neighbours hear."""
    return frozenset(
        _advertisement(peerings, index, prefix, wire, outcome)
        for outcome in outcomes
        for index, wire in outcome.sent.items()
        if peerings[index].external is not None and peerings[index].remote_address is not None
        for prefix in outcome.task.prefixes
    )


def _advertisement(
    peerings: Sequence[Peering], index: int, prefix: Prefix, wire: Path, outcome: Outcome
) -> Advertisement:
    peering = peerings[index]
    assert peering.remote_address is not None
    return Advertisement(
        neighbor=peering.remote_name,
        router=peering.speaker.router.name,
        peer=peering.remote_address,
        prefix=prefix,
        as_path=bgp_path.text(wire.as_path),
        med=-1 if wire.med is None else wire.med,
        communities=tuple(sorted((*wire.communities, *wire.large_communities, *wire.extended_communities))),
        learned_from=_first_outside(peerings, peering, outcome),
    )


def _first_outside(peerings: Sequence[Peering], peering: Peering, outcome: Outcome) -> str:
    """The external neighbour a route came from: back along the sessions it was heard over."""
    if peering.index in outcome.task.forced:
        return ""
    index = peering.speaker.index
    for _ in range(len(outcome.chosen) + 1):
        selection = outcome.chosen.get(index)
        over = selection.best.peering if selection else None
        if over is None:
            return ""
        if over.external is not None:
            return over.remote_name
        assert over.reverse is not None
        index = peerings[over.reverse].speaker.index
    return ""
