"""Every scenario of every hour, and what is kept of it: the worst of each link, of each thing that fails, and what is over.

The sweep holds BGP's exits where they are. What is at stake is bounded: all demand whose exit a failure could move
(`Picture.at_stake`) cannot change a link by more than its own amount. Where that could put a link on the other side of its
limit at a single failure, every single failure is routed anew by the engine, on networks of up to `EXACT` routers. So it is
where a failure cuts demand off and a less specific route (a default towards a transit, an aggregate) may catch it: it then
loads what is on the way to where it dies (`Picture.leaks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Overlay
from backstay.model.source import Remark
from backstay.model.state import FailureResult
from backstay.plan.picture import Floats, Hour, Picture
from backstay.simulate import bgp
from backstay.simulate.cascade import calm_down
from backstay.simulate.converge import Routing
from backstay.simulate.failures import ROUTER, Ends, single_failures
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import place
from backstay.simulate.sweep import Batch, Sweep, sweep
from backstay.simulate.sweep_input import Failure, count_scenarios
from backstay.simulate.sweep_network import NAMED

EXACT = 60
"""Networks of up to so many routers have every single failure routed by the engine where moving exits could matter."""

CHUNKS = 200
"""A sweep tells its progress about so often."""

MOST_KEPT = 20_000
"""Scenarios at fault that are kept with their numbers; all are counted."""

MOST_DETAILED = 2_000
"""Pairs over the limit of which every link over the limit is listed, worst first."""

LEAST_LOSS = 1e-9
"""Mbit/s; less is rounding."""

MARGIN = 1 + 1e-9
"""Sums in another order differ by rounding; that alone puts nothing over a limit, nor ahead of an earlier scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Up to ``at_once`` of these failures at once; ``limit`` while nothing fails, ``failure_limit`` when something does.
    ``ray`` is the address of a Ray cluster to spread the sweep over (``local``: one on this machine; "": none).
    """

    at_once: int
    failures: tuple[Failure, ...]
    limit: float
    failure_limit: float
    threads: int = 0
    ray: str = ""

    @property
    def scenarios(self) -> int:
        """How many scenarios that is, the one without a failure included. Raises `UsageError` for too many."""
        return count_scenarios(len(self.failures), self.at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A scenario over its limit or losing demand. ``failed`` indexes the question's failures, ``worst`` the interfaces.

    ``links`` are the interfaces over the limit with their utilisation (empty beyond `MOST_DETAILED` scenarios of pairs);
    ``losing`` the parts of demands that lose with Mbit/s, where the engine answered (None: `losses` finds them).
    """

    number: int
    failed: tuple[int, ...]
    utilisation: float
    worst: int
    lost: float
    apart: float
    over: bool
    links: tuple[tuple[int, float], ...] = ()
    losing: tuple[tuple[int, float], ...] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Tally:
    """What one hour came to, by index of interface (``link_``) and of failure (``thing_worst`` over all scenarios it is in,
    ``thing_lost`` when it fails alone).

    ``base`` Mbit/s without a failure; ``link_cause`` the failures of the first scenario with the worst utilisation (-1: none).
    ``faults`` worst first, at most `MOST_KEPT`; ``over`` and ``losing`` count all. ``exits_routed``: single failures are the
    engine's. ``standing`` Mbit/s find no way in any scenario. ``losing_parts``: by scenario, where the engine answered. ``unknowns``: failures nobody could answer.
    """

    hour: Hour
    base: Floats
    link_worst: Floats
    link_cause: npt.NDArray[np.int32]
    thing_worst: Floats
    thing_lost: Floats
    faults: list[Fault] = field(default_factory=list)
    over: int = 0
    losing: int = 0
    worst: float = 0.0
    worst_failed: tuple[int, ...] = ()
    exits_routed: bool = False
    standing: float = 0.0
    losing_parts: dict[int, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    unknowns: list[Remark] = field(default_factory=list)


Watch = Callable[[Picture, Question, Hour, Batch], None]
"""Given every batch with what its indices mean."""

Progress = Callable[[int, int], None]


def scan(picture: Picture, question: Question, progress: Progress, watch: Watch | None = None) -> tuple[Tally, ...]:
    """Every hour's tally; ``watch`` is given every batch. Raises `Unproven` for pairs where there is no model."""
    if picture.model is None and question.at_once > 1:
        raise Unproven(f"pairs of failures cannot be computed: {picture.reason}; --failures 1 can")
    with _cluster(question):
        return _scan(picture, question, progress, watch)


@contextmanager
def _cluster(question: Question) -> Iterator[None]:
    """One connection for all hours and passes."""
    if not question.ray:
        yield
        return
    from backstay.simulate.spread import Cluster  # noqa: PLC0415 - Ray is an extra

    cluster = Cluster(question.ray)
    try:
        yield
    finally:
        cluster.close()


def _scan(picture: Picture, question: Question, progress: Progress, watch: Watch | None) -> tuple[Tally, ...]:
    each = question.scenarios
    found: list[Tally] = []
    for hour in picture.hours:
        tally = _empty(picture, hour, question)
        done = len(found) * each
        for batch in _batches(picture, tally, question):
            _note(tally, picture, question, batch)
            if watch:
                watch(picture, question, hour, batch)
            done += batch.scenario.size
            progress(done, each * len(picture.hours))
        tally.faults.sort(key=_severity)
        _detail(tally, picture, question)
        found.append(tally)
    return tuple(found)


def _severity(fault: Fault) -> tuple[bool, float, float, int]:
    return (not fault.over, -fault.utilisation, -fault.lost, fault.number)


def _empty(picture: Picture, hour: Hour, question: Question) -> Tally:
    links, things = len(picture.interfaces), len(question.failures)
    return Tally(
        hour=hour,
        base=np.zeros(links),
        link_worst=np.full(links, -1.0),
        link_cause=np.full((links, 2), -1, dtype=np.int32),
        thing_worst=np.zeros(things),
        thing_lost=np.zeros(things),
    )


# ------------------------------------------------------------------------------------------- where scenarios come from


def _batches(picture: Picture, tally: Tally, question: Question) -> Iterator[Batch]:
    """The scenarios of an hour in their order; ``lost`` in them is what is lost more than without a failure."""
    at_most_one = replace(question, at_once=min(question.at_once, 1))
    if picture.model is None:
        yield from _routed(picture, tally, at_most_one)
    else:
        run = _sweep(picture, tally.hour, at_most_one, loads=True)
        swept = _and_ports(picture, tally.hour, question, _chunks(run, 0, run.count))
        yield from _checked(picture, tally, at_most_one, _beyond(tally, swept))
    if question.at_once > 1:
        run = _sweep(picture, tally.hour, question, loads=False)
        pairs = _chunks(run, 1 + len(question.failures), run.count)
        yield from _beyond(tally, _and_ports(picture, tally.hour, question, pairs))
        _take_links(tally, run)


def _checked(picture: Picture, tally: Tally, question: Question, batches: Iterator[Batch]) -> Iterator[Batch]:
    """The sweep's single failures, or the engine's where what the sweep leaves out could matter."""
    stake = picture.at_stake(tally.hour)
    if not (stake or picture.leaks) or len(picture.network.routers) > EXACT:
        yield from batches
        return
    swept = list(batches)
    if any(_in_doubt(batch, picture, question, stake) for batch in swept):
        tally.exits_routed = True
        yield from _routed(picture, tally, question)
    else:
        yield from swept


def _in_doubt(batch: Batch, picture: Picture, question: Question, stake: float) -> bool:
    """Whether moving exits could change what a single failure comes to, or demand that it cuts off could load something."""
    assert batch.loads is not None
    if picture.leaks and (batch.lost > LEAST_LOSS).any():
        return True
    if not stake:
        return False
    limits = np.where(batch.scenario == 0, question.limit, question.failure_limit)[:, None] * picture.capacities
    return bool((np.abs(batch.loads - limits)[batch.scenario > 0] <= stake).any())


def _sweep(picture: Picture, hour: Hour, question: Question, *, loads: bool) -> Sweep:
    model = replace(picture.at(hour), failures=question.failures)
    limit = question.failure_limit
    if question.ray:
        from backstay.simulate.spread import spread  # noqa: PLC0415 - Ray is an extra

        return spread(model, address=question.ray, failures=question.at_once, limit=limit, loads=loads)
    return sweep(model, failures=question.at_once, limit=limit, threads=question.threads, loads=loads)


def _chunks(run: Sweep, first: int, last: int) -> Iterator[Batch]:
    step = max(1, (last - first) // CHUNKS)
    for begin in range(first, last, step):
        yield from run.batches(begin, min(begin + step, last))


def _beyond(tally: Tally, batches: Iterator[Batch]) -> Iterator[Batch]:
    """With ``lost`` beyond what has no way although nothing fails, which the first scenario of all tells."""
    for batch in batches:
        if batch.scenario[0] == 0:
            tally.standing = float(batch.lost[0])
        yield replace(batch, lost=np.maximum(batch.lost - tally.standing, 0.0))


def _and_ports(picture: Picture, hour: Hour, question: Question, batches: Iterator[Batch]) -> Iterator[Batch]:
    """The sweep's scenarios with the ports behind the links, whose loads do not change while exits are held."""
    if not hour.ports.size:
        yield from batches
        return
    first = len(picture.interfaces) - hour.ports.size
    shares = utilisation(hour.ports, picture.capacities[first:])
    fullest = int(shares.argmax())
    over = int((shares > question.failure_limit * MARGIN).sum())
    for batch in batches:
        higher = shares[fullest] > batch.max_utilisation
        ports = np.broadcast_to(hour.ports, (len(batch.scenario), hour.ports.size))
        yield replace(
            batch,
            max_utilisation=np.where(higher, shares[fullest], batch.max_utilisation),
            worst=np.where(higher, first + fullest, batch.worst).astype(np.int32),
            over=batch.over + np.int32(over),
            loads=None if batch.loads is None else np.hstack([batch.loads, ports]),
        )


def _take_links(tally: Tally, run: Sweep) -> None:
    """The worst of every link over the pairs, where that is worse than what a single failure does."""
    found, cause = tally.link_worst[: len(run.link_worst)], tally.link_cause[: len(run.link_worst)]
    worse = run.link_worst > np.maximum(found, 0.0) * MARGIN
    numbers = run.link_cause[worse] - 1 - len(run.failures)
    found[worse] = run.link_worst[worse]
    cause[worse] = run.pair(numbers)


class _Routed:
    """Single failures as the engine answers them, as rows of a batch."""

    def __init__(self, picture: Picture, hour: Hour, question: Question) -> None:
        self.picture, self.hour, self.question = picture, hour, question
        self.index = {ref: number for number, ref in enumerate(picture.interfaces)}
        self.wanted = {(item.kind, item.name): number for number, item in enumerate(question.failures)}
        self.ends = Ends(picture.network, hour.parts)
        self.amounts = np.array([part.mbps for part in hour.parts])
        self.rows: dict[int, tuple[Floats, float, float]] = {}
        self.losing: dict[int, tuple[tuple[int, float], ...]] = {}

    def base(self) -> Batch:
        placed = place(self.picture.forwarding, self.hour.parts)
        return self._batch([(-1, self._loads(placed.sending), 0.0, 0.0)])

    def singles(self) -> tuple[Batch, tuple[Remark, ...]]:
        network, forwarding = self.picture.network, self.picture.forwarding
        compute = Routing(network, bgp.compute)

        def again(overlay: Overlay) -> Forwarding:
            return calm_down(network, overlay, compute).forwarding

        placed = place(forwarding, self.hour.parts)
        _, unknowns = single_failures(forwarding, self.hour.parts, placed, again, self._observe)
        rows = [(number, *self.rows[number]) for number in sorted(self.rows)]
        return self._batch(rows), unknowns

    def _observe(self, result: FailureResult, sending: Mapping[InterfaceRef, float], arrived: Floats) -> None:
        number = self.wanted.get((NAMED[result.kind], result.name))
        if number is None:
            return
        doomed = self.ends.doomed(frozenset({result.name} if result.kind == ROUTER else ()))
        self.rows[number] = (self._loads(sending), result.lost_mbps, float(self.amounts[doomed].sum()))
        missing = np.where(doomed, 0.0, self.amounts * (self.hour.arrived - arrived))
        self.losing[1 + number] = tuple(
            (int(part), float(missing[part])) for part in np.flatnonzero(missing > LEAST_LOSS)
        )

    def _loads(self, sending: Mapping[InterfaceRef, float]) -> Floats:
        found = np.zeros(len(self.index))
        for ref, mbps in sending.items():
            if ref in self.index:
                found[self.index[ref]] = mbps
        return found

    def _batch(self, rows: list[tuple[int, Floats, float, float]]) -> Batch:
        loads = np.array([row[1] for row in rows]).reshape(len(rows), len(self.index))
        shares = utilisation(loads, self.picture.capacities)
        worst = shares.argmax(axis=1) if shares.size else np.zeros(len(rows), dtype=np.int64)
        highest = shares.max(axis=1) if shares.size else np.zeros(len(rows))
        numbers = np.array([row[0] for row in rows], dtype=np.int64)
        return Batch(
            scenario=numbers + 1,
            failed=np.stack([numbers, np.full(len(rows), -1)], axis=1).astype(np.int32),
            max_utilisation=highest,
            worst=np.where(highest > 0, worst, -1).astype(np.int32),
            lost=np.array([row[2] for row in rows]),
            apart=np.array([row[3] for row in rows]),
            over=(shares > self.question.failure_limit).sum(axis=1).astype(np.int32),
            loads=loads,
        )


def _routed(picture: Picture, tally: Tally, question: Question) -> Iterator[Batch]:
    routed = _Routed(picture, tally.hour, question)
    yield routed.base()
    if question.at_once and question.failures:
        batch, unknowns = routed.singles()
        tally.unknowns.extend(unknowns)
        tally.losing_parts.update(routed.losing)
        if batch.scenario.size:
            yield batch


# ------------------------------------------------------------------------------------------- what is kept of them


def utilisation(loads: Floats, capacities: Floats) -> Floats:
    """Load over capacity; infinite over none, 0 where nothing flows or nobody knows the capacity."""
    found = np.zeros_like(loads)
    np.divide(loads, capacities, out=found, where=capacities > 0)
    found[(loads > 0) & (capacities == 0)] = np.inf
    return found


def _note(tally: Tally, picture: Picture, question: Question, batch: Batch) -> None:
    if batch.loads is not None:
        _note_links(tally, utilisation(batch.loads, picture.capacities), batch)
    for column in (0, 1):
        there = batch.failed[:, column] >= 0
        things = batch.failed[there, column]
        np.maximum.at(tally.thing_worst, things, batch.max_utilisation[there])
        alone = there & (batch.failed[:, 1] < 0)
        np.maximum.at(tally.thing_lost, batch.failed[alone, column], batch.lost[alone])
    highest = int(np.argmax(batch.max_utilisation))
    if batch.max_utilisation[highest] > tally.worst * MARGIN:
        tally.worst = float(batch.max_utilisation[highest])
        tally.worst_failed = _failed(batch, highest)
    _note_faults(tally, question, batch, picture.capacities)


def _note_links(tally: Tally, shares: Floats, batch: Batch) -> None:
    if not batch.scenario.size or not shares.size:
        return
    if batch.scenario[0] == 0:
        assert batch.loads is not None
        tally.base = batch.loads[0].copy()
    first = shares.argmax(axis=0)
    highest = shares[first, np.arange(shares.shape[1])]
    worse = highest > tally.link_worst * MARGIN
    tally.link_worst[worse] = highest[worse]
    tally.link_cause[worse] = batch.failed[first[worse]]


def _note_faults(tally: Tally, question: Question, batch: Batch, capacities: Floats) -> None:
    limits = np.where(batch.scenario == 0, question.limit, question.failure_limit)
    over = batch.max_utilisation > limits * MARGIN
    losing = batch.lost > LEAST_LOSS
    tally.over += int(over.sum())
    tally.losing += int(losing.sum())
    for row in np.flatnonzero(over | losing).tolist():
        number = int(batch.scenario[row])
        tally.faults.append(
            Fault(
                number=number,
                failed=_failed(batch, row),
                utilisation=float(batch.max_utilisation[row]),
                worst=int(batch.worst[row]),
                lost=float(batch.lost[row]),
                apart=float(batch.apart[row]),
                over=bool(over[row]),
                links=() if batch.loads is None else _links_over(batch.loads[row], capacities, float(limits[row])),
                losing=tally.losing_parts.get(number),
            )
        )
    if len(tally.faults) > 2 * MOST_KEPT:
        tally.faults.sort(key=_severity)
        del tally.faults[MOST_KEPT:]


def _links_over(loads: Floats, capacities: Floats, limit: float) -> tuple[tuple[int, float], ...]:
    shares = utilisation(loads, capacities)
    found = np.flatnonzero(shares > limit * MARGIN)
    return tuple((int(link), float(shares[link])) for link in found[np.argsort(-shares[found], kind="stable")])


def _detail(tally: Tally, picture: Picture, question: Question) -> None:
    """Fill in the links over the limit of pairs, worst scenarios first."""
    wanted = [at for at, fault in enumerate(tally.faults) if fault.over and not fault.links][:MOST_DETAILED]
    if not wanted:
        return
    run = _sweep(picture, tally.hour, replace(question, ray=""), loads=True)
    for at in wanted:
        fault = tally.faults[at]
        batch = next(_and_ports(picture, tally.hour, question, run.batches(fault.number, fault.number + 1)))
        assert batch.loads is not None
        links = _links_over(batch.loads[0], picture.capacities, question.failure_limit)
        tally.faults[at] = replace(fault, links=links)


def _failed(batch: Batch, row: int) -> tuple[int, ...]:
    return tuple(int(index) for index in batch.failed[row] if index >= 0)
