"""The assessment of a network's capacity: read-only by construction, as nothing here can write or send anything.

assessment = assess(network, failures=1)
assessment.links[0]      # the link that gets fullest, and the failure that does it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from backstay.model.errors import InputError, UsageError
from backstay.model.network import InterfaceRef, Network
from backstay.model.source import Remark
from backstay.plan.assessment import Assessment, HourUse, LinkUse, Optimum, Scenario, Share, Thing, Upgrade, Window
from backstay.plan.losses import losers, losers_now
from backstay.plan.optimum import SECONDS, best_possible
from backstay.plan.picture import Picture, heaviest, picture
from backstay.plan.ports import facing, with_ports
from backstay.plan.room import named, rooms, stretch
from backstay.plan.scan import Progress, Question, Tally, Watch, scan, utilisation
from backstay.simulate.sweep_input import Failure
from backstay.simulate.sweep_network import KINDS

MOST_SCENARIOS = 200
"""Scenarios told in full, worst first, unless asked otherwise."""


def assess(
    network: Network,
    *,
    failures: int = 1,
    kinds: Iterable[str] | None = None,
    limit: float | None = None,
    exclude: Iterable[str] = (),
    most: int = MOST_SCENARIOS,
    seconds: float = SECONDS,
    threads: int = 0,
    ray: str = "",
    progress: Progress = lambda _done, _total: None,
    watch: Watch | None = None,
) -> Assessment:
    """Assess what the network's demands come to under up to ``failures`` (0, 1, 2) at once.

    ``kinds`` are link, router and srlg (None: all). ``limit`` is the utilisation that counts as too much, with and without
    failures; None: those of ``backstay.yaml``. ``exclude`` are links, routers or risk groups that are taken not to fail.
    ``ray`` is the address of a Ray cluster the sweep is spread over (``local``: one on this machine), with the same answer.
    ``most`` scenarios at fault are told in full. ``seconds`` bounds the linear program. ``watch`` is handed every batch of
    scenarios as it is computed. Raises `UsageError` and `InputError` for what has no meaning, `Unproven` where there is
    no answer.
    """
    if limit is not None and not limit > 0:
        raise UsageError(f"--limit {limit:g}: expected a share of the capacity above 0, such as 0.8")
    _refuse_bad_amounts(network)
    drawn = with_ports(picture(network))
    question = Question(
        at_once=failures,
        failures=chosen(drawn.failures, kinds, exclude),
        limit=network.limits.utilisation if limit is None else limit,
        failure_limit=network.limits.failure_utilisation if limit is None else limit,
        threads=threads,
        ray=ray,
    )
    _ = question.scenarios
    tallies = scan(drawn, question, progress, watch)
    return _assessment(drawn, question, tallies, tuple(exclude), most, seconds)


def _refuse_bad_amounts(network: Network) -> None:
    """Values that a reader refuses but a program may have made up: NaN, negative, infinite."""
    for demand in network.demands:
        if not np.isfinite(demand.mbps) or demand.mbps < 0:
            text = f"demand {demand.source} to {demand.destination}: {demand.mbps} Mbit/s; expected a number from 0 up"
            raise InputError(text, demand.place)
    for link in network.links.values():
        for capacity in (link.capacity, *link.capacities.values()):
            if capacity is not None and (np.isnan(capacity) or capacity < 0):
                raise InputError(
                    f"link {link.name}: capacity {capacity} Mbit/s; expected a number from 0 up", link.place
                )
        for end in link.ends:
            _refuse_bad_metric(network, end)


def _refuse_bad_metric(network: Network, end: InterfaceRef) -> None:
    """A metric of 0 makes equal-cost paths a matter of order; OSPF knows none (RFC 2328 C.3)."""
    interface = network.routers[end.router].interfaces[end.interface]
    isis = interface.isis
    if isis and not isis.passive and min(isis.metric.values()) < 1:
        raise InputError(f"{end}: IS-IS metric {min(isis.metric.values())}; expected 1 or more", isis.place)
    for ospf in (interface.ospf, interface.ospf6):
        if ospf and ospf.cost is not None and ospf.cost < 1:
            raise InputError(f"{end}: OSPF cost {ospf.cost}; expected 1 or more", ospf.place)


def chosen(things: Sequence[Failure], kinds: Iterable[str] | None, exclude: Iterable[str]) -> tuple[Failure, ...]:
    """The failures of these kinds but the excluded names. Raises `UsageError` for a kind or name that means nothing."""
    wanted = set(KINDS if kinds is None else kinds)
    for kind in sorted(wanted - KINDS.keys()):
        raise UsageError(f"--kinds {kind}: expected some of {', '.join(KINDS)}")
    known = {item.name for item in things}
    left_out = set(exclude)
    for name in sorted(left_out - known):
        near = get_close_matches(name, sorted(known), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"--exclude {name}: no link, router or risk group has this name{hint}")
    return tuple(item for item in things if item.kind in wanted and item.name not in left_out)


def _assessment(
    drawn: Picture,
    question: Question,
    tallies: tuple[Tally, ...],
    exclude: tuple[str, ...],
    most: int,
    seconds: float,
) -> Assessment:
    hour = heaviest(drawn)
    room, note = rooms(drawn, question, hour)
    scenarios, left_out = _scenarios(drawn, question, tallies, most)
    links = _links(drawn, question, tallies)
    return Assessment(
        network=drawn.network.name,
        routers=len(drawn.network.routers),
        link_count=len(drawn.network.links),
        failures=question.at_once,
        things=tuple((kind, sum(item.kind == kind for item in question.failures)) for kind in KINDS),
        excluded=tuple(sorted(set(exclude))),
        scenario_count=question.scenarios,
        limit=question.limit,
        failure_limit=question.failure_limit,
        method=_method(drawn, tallies),
        hours=tuple(_hour(drawn, question, tally) for tally in tallies),
        links=links,
        scenarios=scenarios,
        scenarios_left_out=left_out,
        rooms=room,
        room_note=note,
        upgrades=_upgrades(drawn, question, tallies),
        growth=_growth(drawn, question, tallies),
        optimum=_optimum(drawn, tallies, seconds),
        stretch=stretch(drawn, hour),
        windows=_windows(question, tallies) if len(tallies) > 1 and question.at_once else (),
        remarks=(*drawn.remarks, *_remarks(drawn, question, tallies)),
        unknowns=tuple(dict.fromkeys(item for tally in tallies for item in tally.unknowns)),
    )


def _method(drawn: Picture, tallies: Sequence[Tally]) -> str:
    if drawn.model is None:
        return f"the engine, failure by failure: {drawn.reason}"
    if any(tally.exits_routed for tally in tallies):
        return (
            "the sweep; single failures by the engine, because exits that move or demand that is cut off could matter"
        )
    return "the sweep"


def _hour(drawn: Picture, question: Question, tally: Tally) -> HourUse:
    shares = utilisation(tally.base, drawn.capacities)
    return HourUse(
        period=tally.hour.period,
        offered=tally.hour.offered,
        lost=tally.hour.lost,
        losers=losers_now(tally.hour),
        utilisation=float(shares.max(initial=0.0)),
        worst=tally.worst,
        cause=named(question, tally.worst_failed),
        over=tally.over,
        losing=tally.losing,
        exits_routed=tally.exits_routed,
    )


def _scenarios(
    drawn: Picture, question: Question, tallies: Sequence[Tally], most: int
) -> tuple[tuple[Scenario, ...], int]:
    """The worst ``most`` scenarios at fault over all hours, and how many more there are."""
    found = [(tally, fault) for tally in tallies for fault in tally.faults]
    found.sort(key=lambda item: (not item[1].over, -item[1].utilisation, -item[1].lost))
    total = sum(_at_fault(tally) for tally in tallies)
    told = tuple(
        Scenario(
            failed=named(question, fault.failed),
            period=tally.hour.period,
            utilisation=fault.utilisation,
            worst=drawn.interfaces[fault.worst] if fault.worst >= 0 else None,
            over=tuple(Share(interface=drawn.interfaces[link], utilisation=share) for link, share in fault.links),
            lost=fault.lost,
            apart=fault.apart,
            losers=losers(drawn, question, tally.hour, fault) if fault.lost > 0 else (),
        )
        for tally, fault in found[:most]
    )
    return told, total - len(told)


def _at_fault(tally: Tally) -> int:
    """Scenarios over the limit, losing, or both: exact while all of them are kept."""
    both = sum(fault.over and fault.lost > 0 for fault in tally.faults)
    return max(tally.over + tally.losing - both, len(tally.faults))


def _links(drawn: Picture, question: Question, tallies: Sequence[Tally]) -> tuple[LinkUse, ...]:
    worst = np.stack([tally.link_worst for tally in tallies])
    tightest = worst.argmax(axis=0) if worst.size else np.zeros(len(drawn.interfaces), dtype=np.intp)
    over = np.zeros(len(drawn.interfaces), dtype=np.int64)
    for tally in tallies:
        for fault in tally.faults:
            for link, _ in fault.links:
                over[link] += 1
    base = np.stack([tally.base for tally in tallies])
    faced = facing(drawn.network)
    found = []
    for number, ref in enumerate(drawn.interfaces):
        tally = tallies[int(tightest[number])]
        capacity = float(drawn.capacities[number])
        known = np.isfinite(capacity)
        highest = max(0.0, float(tally.link_worst[number]))
        mbps = float(base[:, number].max(initial=0.0))
        found.append(
            LinkUse(
                link=drawn.links[number],
                interface=ref,
                towards=_towards(drawn, number, faced),
                capacity=capacity if known else None,
                mbps=mbps,
                utilisation=float(utilisation(base[:, number].max(keepdims=True), drawn.capacities[[number]])[0])
                if known
                else None,
                worst=highest if known else None,
                cause=named(question, tally.link_cause[number].tolist()),
                period=tally.hour.period,
                headroom=_headroom(question, capacity, highest, mbps) if known else None,
                over=int(over[number]),
            )
        )
    return tuple(sorted(found, key=lambda item: (-(item.worst or 0.0), item.worst is None, item.interface)))


def _towards(drawn: Picture, number: int, faced: Mapping[InterfaceRef, str]) -> str:
    own = drawn.interfaces[number]
    if drawn.links[number] not in drawn.network.links:
        return faced[own]
    ends = drawn.network.links[drawn.links[number]].ends
    return ", ".join(end.router for end in ends if end != own)


def _headroom(question: Question, capacity: float, worst: float, mbps: float) -> float:
    """What is left below the limit in the tightest scenario; over a capacity of 0 all that flows is too much."""
    if not capacity:
        return -mbps
    at_failure = question.failure_limit * capacity - worst * capacity
    return min(question.limit * capacity - mbps, at_failure) if question.at_once else question.limit * capacity - mbps


def _upgrades(drawn: Picture, question: Question, tallies: Sequence[Tally]) -> tuple[Upgrade, ...]:
    """Every link that is over its limit somewhere, by what mending it alone would do."""
    removed: dict[str, int] = defaultdict(int)
    cleared: dict[str, int] = defaultdict(int)
    needed: dict[str, float] = defaultdict(float)
    capacities = {name: float(drawn.capacities[number]) for number, name in enumerate(drawn.links)}
    for tally in tallies:
        for fault in tally.faults:
            limit = question.failure_limit if fault.failed else question.limit
            names = {drawn.links[link] for link, _ in fault.links}
            for link, share in fault.links:
                name = drawn.links[link]
                removed[name] += 1
                needed[name] = max(needed[name], share * float(drawn.capacities[link]) / limit)
            if len(names) == 1:
                cleared[names.pop()] += 1
    found = [
        Upgrade(link=name, capacity=capacities[name], needed=needed[name], cleared=cleared[name], removed=count)
        for name, count in removed.items()
    ]
    return tuple(sorted(found, key=lambda item: (-item.cleared, -item.removed, item.needed - item.capacity, item.link)))


def _growth(drawn: Picture, question: Question, tallies: Sequence[Tally]) -> float | None:
    base = max((float(utilisation(tally.base, drawn.capacities).max(initial=0.0)) for tally in tallies), default=0.0)
    worst = max((tally.worst for tally in tallies), default=0.0)
    factors = [question.limit / base] if base else []
    if question.at_once and worst:
        factors.append(question.failure_limit / worst)
    return min(factors, default=None)


def _optimum(drawn: Picture, tallies: Sequence[Tally], seconds: float) -> Optimum:
    hour = heaviest(drawn)
    tally = next(item for item in tallies if item.hour is hour)
    links = len(drawn.interfaces) - hour.ports.size
    today = float(utilisation(tally.base, drawn.capacities)[:links].max(initial=0.0))
    if drawn.model is None:
        return Optimum(utilisation=today, best=None, proven=False, note=f"not computed: {drawn.reason}")
    best = best_possible(drawn.at(hour), seconds)
    return Optimum(utilisation=today, best=best.utilisation, proven=best.utilisation is not None, note=best.note)


def _windows(question: Question, tallies: Sequence[Tally]) -> tuple[Window, ...]:
    """Things that cannot be out of service in every period, those with the fewest safe periods first."""
    found = []
    for number, item in enumerate(question.failures):
        unsafe = tuple(
            (tally.hour.period, float(tally.thing_worst[number]))
            for tally in tallies
            if tally.thing_worst[number] > question.failure_limit * (1 + 1e-9) or tally.thing_lost[number] > 1e-9
        )
        refused = {period for period, _ in unsafe}
        safe = tuple(tally.hour.period for tally in tallies if tally.hour.period not in refused)
        found.append(Window(thing=Thing(item.kind, item.name), safe=safe, unsafe=unsafe))
    return tuple(sorted(found, key=lambda window: (len(window.safe), window.thing)))


def _remarks(drawn: Picture, question: Question, tallies: Sequence[Tally]) -> Iterable[Remark]:
    if not drawn.network.demands:
        yield Remark("no-demands", "no demands are declared (demands.csv), so loads prove nothing")
    carried = np.max([tally.base for tally in tallies], axis=0)
    silent = [
        ref
        for ref, mbps, room in zip(drawn.interfaces, carried, drawn.capacities, strict=True)
        if mbps > 0 and np.isinf(room)
    ]
    if silent:
        yield Remark(
            "no-capacity",
            f"no capacity is known for {len(silent)} interfaces that carry traffic, so no limit is held there: "
            f"{', '.join(str(ref) for ref in silent[:3])}{' ...' if len(silent) > 3 else ''}",
        )
    cut = any(tally.losing and (question.at_once > 1 or not tally.exits_routed) for tally in tallies)
    if drawn.model and drawn.leaks and cut:
        yield Remark(
            "cut-off-loads-nothing",
            "demand that a failure cuts off is taken to load nothing; a less specific route (a default, an aggregate) may "
            "carry it on to where it is dropped",
        )
    held = [tally for tally in tallies if not tally.exits_routed] if question.at_once and drawn.model else []
    stake = max((drawn.at_stake(tally.hour) for tally in held), default=0.0)
    if stake:
        yield Remark(
            "exits-held",
            f"exits that BGP chooses are held where they are ({', '.join(drawn.moving)}): {stake:,.0f} Mbit/s in all, by "
            "which a load may differ at most",
        )
