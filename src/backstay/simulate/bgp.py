"""BGP over an underlay: sessions, routes, what the outside hears (`seams.ComputeBgp`).

Three fixed points, one inside the other. Each class of prefixes settles by itself (`bgp_solve`). Routes that carry
BGP's own next hops or peers are laid over the underlay and everything is computed again until no answer changes
(`bgp_reach`). Sessions that exceed their maximum-prefix are torn down, stay down, and the rest is computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.routing import MaximumPrefix
from backstay.model.source import Remark
from backstay.model.state import Event, RouteTable, Session
from backstay.simulate.bgp_decision import OWN
from backstay.simulate.bgp_first import first_come
from backstay.simulate.bgp_inside import next_hops_inside
from backstay.simulate.bgp_reach import Question, Reach
from backstay.simulate.bgp_sessions import Sessions, establish
from backstay.simulate.bgp_solve import Outcome, Solver
from backstay.simulate.bgp_speaker import Peering, Speaker, externals, speakers
from backstay.simulate.bgp_tables import Tables, Tally, advertisements, sessions, tally
from backstay.simulate.bgp_tasks import Work, refuse_unevaluated
from backstay.simulate.seams import NO_BGP, BgpResult, Topology, Underlay

Torn = dict[tuple[str, str, str], Session]
"""Sessions that maximum-prefix closed, by (router, VRF, peer), as they were at that moment."""


@dataclass(slots=True, kw_only=True)
class _Settled:
    """Everything after one run over stable answers."""

    found: Sessions
    solver: Solver
    outcomes: list[Outcome]
    tables: dict[tuple[str, str], RouteTable]
    counts: Tally = field(default_factory=Tally)
    half_suppressed: frozenset[tuple[int, Prefix]] = frozenset()


def compute(network: Network, overlay: Overlay, topology: Topology, underlay: Underlay) -> BgpResult:
    """BGP's outcome. Raises `NotConverging` with the circle, `Unproven` for policy or features nobody can evaluate."""
    speaking = speakers(network, topology)
    if not speaking:
        return NO_BGP
    reach = Reach(network, topology, underlay)
    settle = partial(_settle, network, overlay, topology, underlay, speaking, reach)
    torn: Torn = {}
    events: list[Event] = []
    undecided: set[Remark] = set()
    while True:
        settled = settle(frozenset(torn))
        over = _over_limit(settled)
        if not over:
            return _result(speaking, settled, reach, torn, events, undecided)
        undecided |= set(_undecided(settle, frozenset(torn), [peering for peering, _, _ in over]))
        for peering, limit, count in over:
            torn[_key(peering)] = _torn_session(peering, limit, settled.counts)
            events.append(_event(peering, limit, count))


def _settle(
    network: Network,
    overlay: Overlay,
    topology: Topology,
    underlay: Underlay,
    speaking: list[Speaker],
    reach: Reach,
    torn: frozenset[tuple[str, str, str]],
) -> _Settled:
    """Sessions and routes, until the routes no longer change what next hops and peers are reached by."""
    outside = externals(network, overlay)
    seen: list[Answers] = []
    while True:
        found = establish(network, overlay, topology, speaking, outside, reach, torn)
        refuse_unevaluated(found.peerings)
        solver = Solver(speaking, found.peerings, topology, reach)
        work = Work(speaking, found.peerings, underlay)
        outcomes = work.outcomes(solver)
        prefixes = frozenset(prefix for outcome in outcomes for prefix in outcome.task.prefixes)
        tables = Tables(speaking, solver, outcomes).mapping()
        if not reach.learn(tables, prefixes):
            counts = tally(solver, outcomes)
            return _Settled(
                found=found,
                solver=solver,
                outcomes=outcomes,
                tables=tables,
                counts=counts,
                half_suppressed=frozenset(work.half_suppressed),
            )
        answers = reach.answers()
        if answers in seen:
            raise _recursion_circle(seen, answers)
        seen.append(answers)


Answers = frozenset[tuple[Question, object]]


def _recursion_circle(seen: list[Answers], again: Answers) -> NotConverging:
    states = seen[seen.index(again) :]
    differing = frozenset.union(*states) - frozenset.intersection(*states) if len(states) > 1 else states[0]
    names = tuple(sorted({f"{question[2]} on {question[0]}" for question, _ in differing}))
    return NotConverging(f"BGP routes resolve through themselves: {', '.join(names[:5])}", names)


# ------------------------------------------------------------------------------------------- maximum-prefix


def _over_limit(settled: _Settled) -> list[tuple[Peering, MaximumPrefix, int]]:
    """Sessions with more prefixes than they may have. FRR counts accepted ones, with ``force`` also those filtered, where
    ``soft-reconfiguration inbound`` keeps them (bgp_route.c bgp_filtered_routes_count).
    """
    found = []
    for peering in settled.found.peerings:
        for version, family in peering.families.items():
            limit = family.maximum_prefix
            if limit is None or limit.warning_only:
                continue
            forced = limit.force and family.soft_reconfiguration
            counter = settled.counts.heard if forced else settled.counts.accepted
            count = counter[peering.index, version]
            if count > limit.limit:
                found.append((peering, limit, count))
                break
    return found


def _key(peering: Peering) -> tuple[str, str, str]:
    return (peering.speaker.router.name, peering.speaker.process.vrf, peering.text)


def _undecided(
    settle: Callable[[frozenset[tuple[str, str, str]]], _Settled],
    torn: frozenset[tuple[str, str, str]],
    over: Sequence[Peering],
) -> Iterator[Remark]:
    """Sessions beyond their limit only as long as others beyond theirs stand: which goes first depends on the order of
    messages. What comes from outside comes whatever we do; sessions with one sender are looked at together.
    """
    by_sender: dict[str, list[Peering]] = {}
    for peering in over:
        if peering.external is None:
            by_sender.setdefault(peering.remote_name, []).append(peering)
    for peerings in by_sender.values() if len(over) > 1 else ():
        others = frozenset(_key(item) for item in over if item not in peerings)
        still = (
            {_key(item) for item, _, _ in _over_limit(settle(torn | others))} if others else set(map(_key, peerings))
        )
        for peering in peerings:
            if _key(peering) not in still:
                name = f"{peering.speaker.name} {peering.text}"
                text = (
                    f"{name}: beyond its maximum-prefix while others are beyond theirs: which goes down first decides"
                )
                yield Remark("bgp-limit-order", text, peering.speaker.router.name)


def _torn_session(peering: Peering, limit: MaximumPrefix, counts: Tally) -> Session:
    session = sessions([peering], [], counts)[0]
    back = f", tried again every {limit.restart} min" if limit.restart is not None else ", down until cleared by hand"
    reason = f"Idle (PfxCt): more than {limit.limit} prefixes{back}"
    return replace(session, established=False, reason=reason, tripped=True, sent=())


def _event(peering: Peering, limit: MaximumPrefix, count: int) -> Event:
    name = f"{peering.speaker.name} {peering.text}"
    text = f"{name} ({peering.remote_name}): {count} prefixes, maximum-prefix {limit.limit}: session torn down"
    return Event(round=0, kind="session-tripped", subject=name, text=text)


# ------------------------------------------------------------------------------------------- result


def _result(
    speaking: Sequence[Speaker],
    settled: _Settled,
    reach: Reach,
    torn: Torn,
    events: list[Event],
    undecided: set[Remark],
) -> BgpResult:
    listed = {
        (session.router, session.vrf, session.peer): session
        for session in sessions(settled.found.peerings, settled.found.refusals, settled.counts)
    }
    listed.update(torn)
    return BgpResult(
        routes=settled.tables,
        sessions=tuple(listed[key] for key in sorted(listed)),
        advertisements=advertisements(settled.found.peerings, settled.outcomes),
        events=tuple(events),
        unknowns=tuple(sorted({*_unknowns(speaking, settled, reach), *undecided}, key=_remark_order)),
        prefixes=frozenset(prefix for outcome in settled.outcomes for prefix in outcome.task.prefixes),
    )


def _unknowns(speaking: Sequence[Speaker], settled: _Settled, reach: Reach) -> set[Remark]:
    """What the answer leaves open."""
    first = first_come(speaking, settled.solver, settled.outcomes)
    inside = next_hops_inside(speaking, settled.solver, settled.outcomes, reach)
    orders = {*_arrival_order(speaking, settled), *_scattered(speaking, settled, reach)}
    return {*orders, *_held_back(speaking, settled), *_features(speaking, settled), *first, *inside}


def _remark_order(remark: Remark) -> tuple[str, str, str]:
    return (remark.code, remark.router or "", remark.text)


def _arrival_order(speaking: Sequence[Speaker], settled: _Settled) -> Iterator[Remark]:
    for outcome in settled.outcomes:
        prefix = outcome.task.prefix
        for index, selection in outcome.chosen.items():
            if selection.ambiguous:
                speaker = speaking[index]
                why = "of its own routes" if selection.best.source in OWN else "no bgp deterministic-med"
                text = f"best path to {prefix} depends on the order of arrival ({why})"
                yield Remark("bgp-med-order", f"{speaker.name}: {text}", speaker.router.name)
        if outcome.undecided:
            names = sorted(speaking[index].name for index in outcome.undecided)
            text = f"which way to {prefix} BGP settles on depends on the order of messages at {', '.join(names)}"
            yield Remark("bgp-order", text, speaking[min(outcome.undecided)].router.name)


def _scattered(speaking: Sequence[Speaker], settled: _Settled, reach: Reach) -> Iterator[Remark]:
    """Sessions of which some ways lead elsewhere: which way theirs go their addresses and ports decide. Interior protocols alone
    make no such ways, static lines and routes of BGP's do.
    """
    lines = {line.prefix for speaker in speaking for line in speaker.router.static_routes if not line.prefix.is_default}
    for peering in settled.found.peerings:
        address = peering.remote_address
        if address is None or not (reach.is_diverted(address) or any(prefix.holds(address) for prefix in lines)):
            continue
        if reach.scatters(*peering.speaker.key, address):
            text = f"{peering.speaker.name}: some of the ways to BGP neighbor {peering.text} lead elsewhere"
            yield Remark("bgp-scattered-ways", text, peering.speaker.router.name)


def _held_back(speaking: Sequence[Speaker], settled: _Settled) -> Iterator[Remark]:
    for index, prefix in settled.half_suppressed:
        speaker = speaking[index]
        text = f"{speaker.name}: which parts of aggregate {prefix} are held back while it is denied depends on the order of arrival"
        yield Remark("bgp-aggregate-order", text, speaker.router.name)


def _features(speaking: Sequence[Speaker], settled: _Settled) -> list[Remark]:
    """Configured features that are not computed and may change the answer."""
    found = [
        Remark("bgp-not-computed", f"{speaker.name}: multipath-relax as-set is not computed", speaker.router.name)
        for speaker in speaking
        if speaker.process.multipath_as_set
    ]
    for peering in settled.found.peerings:
        name, router = peering.speaker.name, peering.speaker.router.name
        if peering.neighbor.role is not None:
            text = f"{name}: neighbor {peering.text} local-role (RFC 9234) is not computed"
            found.append(Remark("bgp-not-computed", text, router, peering.neighbor.place))
        for version, family in peering.families.items():
            limit = family.maximum_prefix_out
            if limit is not None and settled.counts.sent[peering.index, version] > limit:
                text = f"{name}: neighbor {peering.text} maximum-prefix-out {limit} is exceeded: which are sent is open"
                found.append(Remark("bgp-not-computed", text, router, family.place))
    return found
