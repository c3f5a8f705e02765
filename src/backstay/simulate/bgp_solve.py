"""One class of prefixes to its stable outcome: who hears what from whom, and picks which.

A worklist of speakers that have something new, first in first out from the sorted list of origins: a speaker chooses,
tells its peers, and they join the list. That is one fair order of messages (RFC 4271 9 fixes none). Where a network has
several stable outcomes (RFC 4264 "wedgies"), this order picks one of them, always the same; where it has none for
this order, the state of the whole comes back and `NotConverging` carries the circle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from backstay.model.address import Address, Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import InterfaceRef
from backstay.model.routing import Aggregate, BgpFamily
from backstay.model.state import NextHop
from backstay.simulate.bgp_decision import AGGREGATE, LEAKED, PEER, Received, Selection, select
from backstay.simulate.bgp_exchange import comes_back, export, on_connected_subnet, reflected, refused, take_in
from backstay.simulate.bgp_order import OTHER_ORDERS, Order, first_woken
from backstay.simulate.bgp_origin import Own, suppresses, through
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_reach import Reach
from backstay.simulate.bgp_sinks import Shortcut, Sinks, imports_as_is
from backstay.simulate.bgp_speaker import IBGP, Peering, Speaker, over_link_local
from backstay.simulate.bgp_watch import Watch
from backstay.simulate.policy_matches import Setting
from backstay.simulate.seams import Topology

PATIENCE = 30
"""Turns per speaker before the search for a circle starts; a stable network needs a handful."""


@dataclass(slots=True, kw_only=True)
class Task:
    """One class: its first prefix, and what enters. ``wire`` holds what external speakers send, ``forced`` what a
    session is sent whatever the table holds (default-originate), both by peering index.
    """

    prefixes: tuple[Prefix, ...]
    own: tuple[Own, ...] = ()
    wire: Mapping[int, Path] = field(default_factory=dict)
    forced: Mapping[int, Path] = field(default_factory=dict)

    @property
    def prefix(self) -> Prefix:
        return self.prefixes[0]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The end of a task. ``chosen`` by speaker; ``accepted`` and ``heard`` by receiving peering (after and before
    import policy); ``sent`` by sending peering, of which ``returned`` go back to where they came from; ``candidates`` by speaker. Sinks are not in these, but for
    ``awake`` ones, where the class begins; what the others hear stands in ``wires`` by speaker and update group.
    ``undecided``: speakers of which the order of messages decides what they choose.
    """

    task: Task
    chosen: dict[int, Selection] = field(default_factory=dict)
    accepted: dict[int, Received] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)
    sent: dict[int, Path] = field(default_factory=dict)
    returned: set[int] = field(default_factory=set)
    candidates: dict[int, dict[int, Received]] = field(default_factory=dict)
    wires: dict[tuple[int, int], Path] = field(default_factory=dict)
    awake: frozenset[int] = frozenset()
    shortcuts: dict[int, Shortcut | None] = field(default_factory=dict)
    undecided: set[int] = field(default_factory=set)

    @property
    def version(self) -> int:
        return self.task.prefix.version


class Solver:
    """All that stays the same from one class to the next."""

    def __init__(
        self, speakers: Sequence[Speaker], peerings: Sequence[Peering], topology: Topology, reach: Reach
    ) -> None:
        self.speakers = speakers
        self.peerings = peerings
        self._topology = topology
        self._reach = reach
        self._leaks = _leaks(speakers)
        self._several = any(peering.kind != IBGP and peering.reverse is not None for peering in peerings)
        self.sinks = Sinks(speakers, peerings, self._passing_on())
        self._outgoing: dict[tuple[int, int], list[Peering]] = {}
        self._to_sinks: dict[tuple[int, int], dict[int, list[Peering]]] = {}
        for peering in peerings:
            for version in peering.families:
                self._route_out(peering, version)
        self._plain = {
            (peering.index, version)
            for peering in peerings
            for version, settings in peering.families.items()
            if imports_as_is(peering, settings)
        }
        self._connected: dict[tuple[int, Address], bool] = {}
        self._vrfs = sorted({speaker.process.vrf for speaker in speakers})
        self._by_key = {speaker.key: speaker.index for speaker in speakers}
        self._by_id: dict[Address | None, list[int]] = {}
        self._by_number: dict[int, list[int]] = {}
        for speaker in speakers:
            self._by_id.setdefault(speaker.router_id, []).append(speaker.index)
            for number in {speaker.process.asn, speaker.outer_as}:
                self._by_number.setdefault(number, []).append(speaker.index)
        self._individual = {
            version: {index for index, family in self.sinks.inlets if family == version}
            - {index for index, family in self.sinks.kinds if family == version}
            for version in (4, 6)
        }

    def _passing_on(self) -> set[tuple[int, int]]:
        """Speakers whose outcome others need for more than sessions: aggregates, leaks between VRFs."""
        found = {(target, key[1]) for key, targets in self._leaks.items() for target, _ in targets} | {*self._leaks}
        for speaker in self.speakers:
            found |= {(speaker.index, item.version) for item in speaker.process.families.values() if item.aggregates}
        return found

    def _route_out(self, peering: Peering, version: int) -> None:
        key = (peering.speaker.index, version)
        other = self.peerings[peering.reverse].speaker.index if peering.reverse is not None else None
        if other is None or (other, version) not in self.sinks.inlets:
            self._outgoing.setdefault(key, []).append(peering)
        else:
            group = self.sinks.groups[peering.index, version]
            self._to_sinks.setdefault(key, {}).setdefault(group, []).append(peering)

    def solve(self, task: Task) -> Outcome:
        """Raises `NotConverging` when the class never settles, `Unproven` for policy nobody can evaluate. Where own ASes are
        several, the outcome says who would settle on something else in other orders of messages (RFC 4264).
        """
        outcome = self.settle(task)
        for order in OTHER_ORDERS if self._several else ():
            try:
                again = _Run(self, task, order).outcome
            except NotConverging:  # an order that lets somebody wait for ever proves nothing
                continue
            indexes = outcome.chosen.keys() | again.chosen.keys()
            outcome.undecided |= {index for index in indexes if _best(outcome, index) != _best(again, index)}
        return outcome

    def settle(self, task: Task) -> Outcome:
        """What one order of messages leads to. Raises as `solve` does where there is no end to them."""
        return _Run(self, task).outcome

    def outgoing(self, speaker: int, version: int) -> list[Peering]:
        """Sessions to everybody but sinks."""
        return self._outgoing.get((speaker, version), [])

    def to_sinks(self, speaker: int, version: int) -> Mapping[int, list[Peering]]:
        """Sessions to sinks, by update group."""
        return self._to_sinks.get((speaker, version), {})

    def group(self, peering: Peering, version: int) -> int:
        return self.sinks.groups[peering.index, version]

    def leaks(self, speaker: int, version: int) -> list[tuple[int, str | None]]:
        return self._leaks.get((speaker, version), [])

    def family(self, speaker: int, version: int) -> BgpFamily:
        return self.speakers[speaker].process.families.get(version) or BgpFamily(version=version)

    def imported(self, peering: Peering, version: int, prefix: Prefix, wire: Path) -> Path | None:
        """The path after import policy."""
        if (peering.index, version) in self._plain:
            return None if refused(peering, peering.families[version], wire) else _landed(peering, wire)
        return take_in(peering, version, prefix, wire)

    def received(self, peering: Peering, path: Path, prefix: Prefix) -> Received | None:
        """The candidate an imported path makes; None where its next hop is the speaker itself. A host route to its own
        next hop is no way to it, unless a client of a reflector sent it (FRR bgp_nht.c bgp_find_or_add_nexthop).
        """
        item = Received(path=path, source=PEER, kind=peering.kind, peering=peering)
        router, vrf = peering.speaker.key
        if path.next_hop is not None and self._topology.owns(router, vrf, path.next_hop):
            return None
        if through_itself(path, prefix) and not peering.families[prefix.version].route_reflector_client:
            item.valid = False
            return item
        if path.next_hop is None or over_link_local(peering, path):
            across = self._across(peering, path)
            item.valid, item.forwarding = across is not None, (across,) if across else ()
            return item
        answer = self._reach.resolve(router, vrf, path.next_hop)
        if answer is None or (peering.must_be_connected and not self._is_connected(peering.speaker, path.next_hop)):
            item.valid = False
        else:
            item.metric, item.forwarding = answer
        return item

    # --------------------------------------------------------------------------------- sinks

    def fate(self, peering: Peering, version: int, wire: Path) -> str:
        """What becomes of an update group's path at one sink: ``unsent``, ``refused``, ``own`` (the next hop is the sink
        itself) or ``taken``.
        """
        speaker = peering.speaker
        if wire.originator is not None and wire.originator == speaker.router_id:
            return "unsent"
        if refused(peering, peering.families[version], wire):
            return "refused"
        own = wire.next_hop is not None and self._topology.owns(*speaker.key, wire.next_hop)
        return "own" if own else "taken"

    def exceptions(self, outcome: Outcome) -> list[int]:
        """Sinks that an update group's path may mean something else to than to the rest."""
        version = outcome.version
        names = {name for wire in outcome.wires.values() for name in (wire.originator, *wire.cluster_list)}
        hops = {wire.next_hop for wire in outcome.wires.values() if wire.next_hop is not None}
        carriers = {
            (ref.router, vrf) for vrf in self._vrfs for hop in hops for ref in self._topology.owners.get((vrf, hop), ())
        }
        found = set(outcome.awake) | self._individual[version]
        found |= {index for name in names for index in self._by_id.get(name, ())}
        numbers = {number for wire in outcome.wires.values() for _, members in wire.as_path for number in members}
        found |= {index for number in numbers for index in self._by_number.get(number, ())}
        found |= {self._by_key[key] for key in carriers if key in self._by_key}
        return sorted(index for index in found if (index, version) in self.sinks.inlets)

    def choice(self, outcome: Outcome, index: int) -> Selection | None:
        """What a speaker settled on; for a sink, worked out now."""
        version = outcome.version
        if index in outcome.awake or (index, version) not in self.sinks.inlets:
            return outcome.chosen.get(index)
        held = []
        for inlet in self.sinks.inlets[index, version]:
            wire = outcome.wires.get((inlet.sender, inlet.group))
            if wire is not None and self.fate(inlet.peering, version, wire) == "taken":
                item = self.received(inlet.peering, _landed(inlet.peering, wire), outcome.task.prefix)
                if item is not None:
                    held.append(item)
        return select(held, self.speakers[index].process, self.family(index, version))

    def shortcut(self, outcome: Outcome, index: int) -> Shortcut | None:
        """The class as decided for all sinks like this one, where that holds for this one."""
        kind = self.sinks.kinds.get((index, outcome.version))
        if kind is None or index in outcome.awake:
            return None
        if kind not in outcome.shortcuts:
            itself = any(through_itself(wire, outcome.task.prefix) for wire in outcome.wires.values())
            outcome.shortcuts[kind] = None if itself else self.sinks.shortcut(index, outcome.version, outcome.wires)
        found = outcome.shortcuts[kind]
        return None if found is None or self.speakers[index].router_id in found.names else found

    def way(self, index: int, address: Address) -> tuple[NextHop, ...] | None:
        """The next hops a speaker's packets to a BGP next hop leave by; None: not usable as one."""
        router, vrf = self.speakers[index].key
        if self._topology.owns(router, vrf, address):
            return None
        answer = self._reach.resolve(router, vrf, address)
        return answer[1] if answer else None

    @property
    def circular(self) -> bool:
        """See `Reach.circular`."""
        return self._reach.circular

    def _across(self, peering: Peering, path: Path) -> NextHop | None:
        """A link-local next hop: the interface alone says where it is. None over a session of several hops."""
        interface = path.via or peering.interface
        if interface is None:
            return None
        others = self._topology.peers.get(InterfaceRef(peering.speaker.router.name, interface), ())
        senders = [other for other in others if other.router == peering.remote_name]
        return NextHop(interface=interface, neighbor=senders[0] if len(senders) == 1 else None)

    def _is_connected(self, speaker: Speaker, address: Address) -> bool:
        key = (speaker.index, address)
        if key not in self._connected:
            self._connected[key] = on_connected_subnet(speaker, self._topology, address)
        return self._connected[key]


def _best(outcome: Outcome, index: int) -> tuple[Path, str] | None:
    chosen = outcome.chosen.get(index)
    return None if chosen is None else (chosen.best.path, chosen.best.peer_text)


def through_itself(path: Path, prefix: Prefix) -> bool:
    """Whether the route is one to its own next hop alone."""
    return prefix.is_host and path.next_hop is not None and prefix.holds(path.next_hop)


def _landed(peering: Peering, wire: Path) -> Path:
    """A link-local next hop is on the interface of the session."""
    return wire if wire.via is None else replace(wire, via=peering.interface)


def _leaks(speakers: Sequence[Speaker]) -> dict[tuple[int, int], list[tuple[int, str | None]]]:
    """``import vrf``: from a speaker to those of its router that take its routes in, with their route-map."""
    by_key = {speaker.key: speaker.index for speaker in speakers}
    found: dict[tuple[int, int], list[tuple[int, str | None]]] = {}
    for speaker in speakers:
        for version, family in speaker.process.families.items():
            for vrf in family.import_vrfs:
                origin = by_key.get((speaker.router.name, vrf))
                if origin is not None and origin != speaker.index:
                    found.setdefault((origin, version), []).append((speaker.index, family.import_vrf_map))
    return found


class _Run:
    """The worklist of one task; ``order`` picks whose turn is next among those it holds."""

    def __init__(self, solver: Solver, task: Task, order: Order = first_woken) -> None:
        self._solver, self._task, self._order = solver, task, order
        self._version = task.prefix.version
        self._queue: deque[int] = deque()
        self._waiting: set[int] = set()
        self._extra: dict[int, list[Peering]] = {}
        self.outcome = Outcome(task=task, awake=self._awake())
        self._enter()
        self._run()
        self._tell_sinks()

    def _awake(self) -> frozenset[int]:
        """Sinks that the class begins at take part in it like everybody else."""
        starting = {own.speaker for own in self._task.own}
        awake = frozenset(index for index in starting if (index, self._version) in self._solver.sinks.inlets)
        for index in sorted(awake):
            for inlet in self._solver.sinks.inlets[index, self._version]:
                assert inlet.peering.reverse is not None
                self._extra.setdefault(inlet.sender, []).append(self._solver.peerings[inlet.peering.reverse])
        return awake

    def _outgoing(self, index: int) -> list[Peering]:
        """Sessions that take part. A sink that is awake talks to the other sinks it has sessions with in the end."""
        return self._solver.outgoing(index, self._version) + self._extra.get(index, [])

    def _tell_sinks(self) -> None:
        """What each update group of sinks is left with."""
        for index, selection in self.outcome.chosen.items():
            suppressed: bool | None = None
            for group, peerings in self._solver.to_sinks(index, self._version).items():
                peering = next((item for item in peerings if not _echo(item, selection.best)), None)
                if peering is None:
                    continue
                if suppressed is None:
                    suppressed = bool(self._suppressing(self._solver.speakers[index], selection.best))
                wire = self._exported(peering, selection.best, suppressed=suppressed)
                if wire is not None:
                    self.outcome.wires[index, group] = wire

    def _enter(self) -> None:
        for place, own in enumerate(self._task.own):
            self._put(own.speaker, -1 - place, own.received())
        for index, wire in sorted(self._task.wire.items()):
            self._deliver(self._solver.peerings[index], wire)
        for index in sorted(self._task.forced):
            self._wake(self._solver.peerings[index].speaker.index)

    def _wake(self, speaker: int) -> None:
        if speaker not in self._waiting:
            self._waiting.add(speaker)
            self._queue.append(speaker)

    def _run(self) -> None:
        patience = PATIENCE * (len(self._solver.speakers) + 1)
        most = -4 * patience if self._order is first_woken else 0  # an AS path that grows turn by turn never comes back
        watch = Watch()
        while self._queue:
            speaker = self._order(self._queue)
            self._waiting.discard(speaker)
            self._turn(speaker)
            patience -= 1
            if patience < 0 and (patience < most or watch.seen_before(tuple(self._queue), self.outcome.chosen)):
                raise self._circle(watch)

    def _circle(self, watch: Watch) -> NotConverging:
        names = tuple(self._solver.speakers[index].name for index in sorted(watch.changing))
        text = f"BGP does not settle for {self._task.prefix}: {', '.join(names)} change their best path in a circle"
        return NotConverging(text, (str(self._task.prefix), *names))

    # --------------------------------------------------------------------------------- one turn

    def _turn(self, index: int) -> None:
        speaker = self._solver.speakers[index]
        held = self.outcome.candidates.get(index, {})
        family = self._solver.family(index, self._version)
        selection = select(held.values(), speaker.process, family)
        before = self.outcome.chosen.get(index)
        if selection is None:
            self.outcome.chosen.pop(index, None)
        else:
            self.outcome.chosen[index] = selection
        unchanged = (before.best if before else None) is (selection.best if selection else None)
        if not unchanged or self._task.forced:
            self._announce(speaker, selection.best if selection else None)
            self._leak(speaker, selection.best if selection else None)

    def _announce(self, speaker: Speaker, best: Received | None) -> None:
        shared: dict[int, Path | None] = {}
        suppressing = self._suppressing(speaker, best)
        for peering in self._outgoing(speaker.index):
            wire = self._task.forced.get(peering.index)
            if wire is None and best is not None and _echo(peering, best):
                wire = self._sent_back(peering, best, suppressed=bool(suppressing))
            elif wire is None and best is not None:
                group = self._solver.group(peering, self._version)
                if group not in shared:
                    shared[group] = self._exported(peering, best, suppressed=bool(suppressing))
                wire = shared[group]
            if wire != self.outcome.sent.get(peering.index):
                self._send(peering, wire)
            if wire is not None and wire is not self._task.forced.get(peering.index) and best and _echo(peering, best):
                self.outcome.returned.add(peering.index)
            else:
                self.outcome.returned.discard(peering.index)

    def _sent_back(self, peering: Peering, best: Received, *, suppressed: bool) -> Path | None:
        """The route on its way back to where it came from, where it is not thrown away there."""
        if peering.reverse is None:
            return None
        there = self._solver.peerings[peering.reverse]
        if not comes_back(peering, there, self._version):
            return None
        wire = self._exported(peering, best, suppressed=suppressed)
        return None if wire is None or refused(there, there.families[self._version], wire) else wire

    def _suppressing(self, speaker: Speaker, best: Received | None) -> list[Aggregate]:
        family = speaker.process.families.get(self._version)
        if best is None or family is None or best.source == AGGREGATE:
            return []
        prefix = self._task.prefix
        covering = (item for item in family.aggregates if item.prefix != prefix and item.prefix.covers(prefix))
        return [item for item in covering if suppresses(speaker, item, prefix, best)]

    def _exported(self, peering: Peering, best: Received, *, suppressed: bool) -> Path | None:
        unsuppress = peering.families[self._version].unsuppress_map
        if suppressed and unsuppress is None:
            return None
        return export(peering, self._version, self._task.prefix, best, unsuppress if suppressed else None)

    def _send(self, peering: Peering, wire: Path | None) -> None:
        if wire is None:
            self.outcome.sent.pop(peering.index, None)
        else:
            self.outcome.sent[peering.index] = wire
        if peering.reverse is not None:
            self._deliver(self._solver.peerings[peering.reverse], wire)

    def _leak(self, speaker: Speaker, best: Received | None) -> None:
        for target, route_map in self._solver.leaks(speaker.index, self._version):
            item = None
            if best is not None and best.source != LEAKED:
                item = self._leaked(self._solver.speakers[target], speaker, best, route_map)
            self._put(target, -1_000_000 - speaker.index, item)

    def _leaked(self, target: Speaker, origin: Speaker, best: Received, route_map: str | None) -> Received | None:
        path: Path | None = best.path
        if route_map is not None:
            path = through(target, route_map, best.path, Setting(prefix=self._task.prefix))
        if path is None:
            return None
        vrf = origin.process.vrf
        return replace(
            best,
            path=replace(path, vrf=vrf),
            source=LEAKED,
            peering=None,
            forwarding=tuple(replace(hop, vrf=hop.vrf or vrf) for hop in best.forwarding),
        )

    # --------------------------------------------------------------------------------- receiving

    def _deliver(self, peering: Peering, wire: Path | None) -> None:
        """A message arrives; ``wire`` None withdraws."""
        item = None
        if wire is None or refused(peering, peering.families[self._version], wire):
            self.outcome.heard.discard(peering.index)
        else:
            self.outcome.heard.add(peering.index)
            path = self._solver.imported(peering, self._version, self._task.prefix, wire)
            item = self._solver.received(peering, path, self._task.prefix) if path is not None else None
        if item is None:
            self.outcome.accepted.pop(peering.index, None)
        else:
            self.outcome.accepted[peering.index] = item
        self._put(peering.speaker.index, peering.index, item)

    def _put(self, speaker: int, place: int, item: Received | None) -> None:
        held = self.outcome.candidates.setdefault(speaker, {})
        if item is None:
            if held.pop(place, None) is None:
                return
        else:
            held[place] = item
        self._wake(speaker)


def _echo(peering: Peering, best: Received) -> bool:
    """What one peer of an update group is spared: its own route, and one that began with it (RFC 4456 8)."""
    if best.peering is not None and best.peering.index == peering.index:
        return True
    originator = best.path.originator
    return originator is not None and originator == peering.remote_id and reflected(peering, best)
