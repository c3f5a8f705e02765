"""Every failure of a network and what it does to the loads, exactly, as a stream.

    result = sweep(model, failures=2, limit=0.8)
    for batch in result:
        for position in np.flatnonzero(batch.max_utilisation > 0.8):
            print(result.names(batch, position), batch.max_utilisation[position])
    result.link_worst, result.link_cause   # per link, over everything streamed so far

Routing is shortest path by the links' metrics with equal split over all next hops (links: parallel ones count each).
Scenario 0 is the network as it is, 1 to F each single failure, then every pair (0,1), (0,2) ... (1,2) ... in that order.
The method ``incremental`` changes only what a failure changes (native/update.hpp, native/pairs.hpp say why it is exact);
``full`` computes every scenario from nothing and is there to be compared with. The same model and arguments give the same
bytes on any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.errors import UsageError
from backstay.model.network import Network
from backstay.simulate import _native
from backstay.simulate.sweep_input import Failure, Floats, LoadModel, chosen_failures, count_scenarios

METHODS = ("incremental", "full")

ROUNDING = 1e-12
"""A load below this share of all demand is the rounding error of larger ones and counts as none."""

BATCH_BYTES = 64 << 20
BATCH_SCENARIOS = 1 << 16

SUSPECT_PAIRS = 1 << 20
"""Pairs held against the bounds at a time: the few that are left are then computed together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some scenarios, one row each.

    ``scenario`` is their number; ``failed`` which failures each has (indices of `Sweep.failures`, -1 for none);
    ``max_utilisation`` load over capacity of the fullest link (0 if nothing flows; infinite over no capacity); ``worst``
    that link (the first of equal ones, -1 if nothing flows); ``lost`` Mbit/s that find no way; ``apart`` Mbit/s from or
    to routers that failed themselves; ``over`` how many links exceed the limit; ``loads`` Mbit/s of every link, if asked.
    """

    scenario: npt.NDArray[np.int64]
    failed: npt.NDArray[np.int32]
    max_utilisation: Floats
    worst: npt.NDArray[np.int32]
    lost: Floats
    apart: Floats
    over: npt.NDArray[np.int32]
    loads: Floats | None

    def rows(self, kept: npt.NDArray[np.bool_]) -> Batch:
        """The scenarios that are marked."""
        return Batch(
            scenario=self.scenario[kept],
            failed=self.failed[kept],
            max_utilisation=self.max_utilisation[kept],
            worst=self.worst[kept],
            lost=self.lost[kept],
            apart=self.apart[kept],
            over=self.over[kept],
            loads=None if self.loads is None else self.loads[kept],
        )


class Sweep:
    """A sweep that runs as it is iterated over; each iteration starts afresh.

    ``count`` scenarios in all (fewer are streamed when only those above a limit are asked for); ``failures`` what the
    scenarios are made of; ``link_worst`` and ``link_cause`` the highest utilisation of every link over what was computed
    so far and the first scenario with it (-1 before any).
    """

    def __init__(self, model: LoadModel, failures: tuple[Failure, ...], options: Options) -> None:
        self.model = model
        self.failures = failures
        self.count = count_scenarios(len(failures), options.at_once)
        self.link_worst = np.full(len(model.links), -1.0)
        self.link_cause = np.full(len(model.links), -1, dtype=np.int64)
        self._options = options
        self._engine = _engine(model, failures, options.threads)
        self._apart = Apart(model, failures)

    def __iter__(self) -> Iterator[Batch]:
        self.link_worst.fill(-1.0)
        self.link_cause.fill(-1)
        yield from self.batches(0, self.count)

    def batches(self, first: int, last: int, *, alone: bool = False) -> Iterator[Batch]:
        """The scenarios from ``first`` up to but not including ``last``; parts may be computed in any order, anywhere.

        ``alone``: those after them are somebody else's, so nothing is prepared for them.
        """
        singles = 1 + len(self.failures)
        for begin, end in _ranges(first, min(last, singles), self._step()):
            yield from self._keep(self._singles(begin, end))
        bounded = self._options.only_limit and not self._options.full
        for begin, end in _ranges(
            max(first, singles) - singles, last - singles, SUSPECT_PAIRS if bounded else self._step()
        ):
            if bounded:
                yield from self._suspects(begin, end)
            else:
                yield from self._keep(self._pairs(begin, end, (last if alone else self.count) - singles))

    def names(self, batch: Batch, position: int) -> tuple[str, ...]:
        """What fails in the scenario at this position of a batch."""
        return tuple(self.failures[index].name for index in batch.failed[position] if index >= 0)

    def pair(self, number: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The failures of pairs by their number (0 for the first pair), one row each."""
        starts = self._pair_starts()
        first = np.searchsorted(starts, number, side="right") - 1
        return np.stack([first, number - starts[first] + first + 1], axis=1).astype(np.int32)

    def _pair_starts(self) -> npt.NDArray[np.int64]:
        count = len(self.failures)
        first = np.arange(max(count - 1, 1), dtype=np.int64)
        return first * count - first * (first + 1) // 2

    def _step(self) -> int:
        if not self._options.loads:
            return BATCH_SCENARIOS
        return max(1, BATCH_BYTES // (8 * max(1, len(self.model.links))))

    def _singles(self, begin: int, end: int) -> Batch:
        table = _Table(self, end - begin)
        options = self._options
        self._engine.singles(begin, end, options.full, options.threads, options.limit, table.native)
        numbers = np.arange(begin, end, dtype=np.int64)
        failed = np.full((end - begin, 2), -1, dtype=np.int32)
        failed[:, 0] = numbers - 1
        return table.batch(numbers, failed)

    def _pairs(self, begin: int, end: int, until: int) -> Batch:
        table = _Table(self, end - begin)
        options = self._options
        self._engine.pairs(begin, end, until, options.full, options.threads, options.limit, table.native)
        numbers = np.arange(begin, end, dtype=np.int64)
        return table.batch(numbers + 1 + len(self.failures), self.pair(numbers))

    def _suspects(self, begin: int, end: int) -> Iterator[Batch]:
        options = self._options
        found = self._engine.suspects(begin, end, options.threads, options.limit)
        for first, last in _ranges(0, found.size, self._step()):
            chosen = np.ascontiguousarray(found[first:last])
            table = _Table(self, chosen.size)
            self._engine.chosen_pairs(chosen, options.threads, options.limit, table.native)
            numbers = chosen.astype(np.int64)
            yield from self._keep(table.batch(numbers + 1 + len(self.failures), self.pair(numbers)))

    def _keep(self, batch: Batch) -> Iterator[Batch]:
        """Only what is above the limit or loses demand, where only that is asked for; never an empty batch."""
        if self._options.only_limit:
            batch = batch.rows((batch.max_utilisation > self._options.limit) | (batch.lost > 0))
        if batch.scenario.size:
            yield batch

    def apart(self, failed: npt.NDArray[np.int32]) -> Floats:
        """Mbit/s from or to routers that fail themselves, per row of failures."""
        return self._apart.of(failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to sweep, checked."""

    at_once: int
    limit: float
    only_limit: bool
    full: bool
    threads: int
    loads: bool


class _Table:
    """Arrays for the core to fill."""

    def __init__(self, sweep: Sweep, count: int) -> None:
        self._sweep = sweep
        self._max_utilisation = np.zeros(count)
        self._worst = np.zeros(count, dtype=np.int32)
        self._lost = np.zeros(count)
        self._over = np.zeros(count, dtype=np.int32)
        self._loads = np.zeros((count, len(sweep.model.links))) if sweep._options.loads else None  # noqa: SLF001
        self.native = _native.Tables(
            max_utilisation=self._max_utilisation,
            worst=self._worst,
            lost=self._lost,
            over=self._over,
            link_worst=sweep.link_worst,
            link_cause=sweep.link_cause,
            loads=self._loads,
        )

    def batch(self, scenario: npt.NDArray[np.int64], failed: npt.NDArray[np.int32]) -> Batch:
        return Batch(
            scenario=scenario,
            failed=failed,
            max_utilisation=self._max_utilisation,
            worst=self._worst,
            lost=self._lost,
            apart=self._sweep.apart(failed),
            over=self._over,
            loads=self._loads,
        )


class Apart:
    """Demand from or to routers that fail: no routing could save it, so it is not counted as lost."""

    def __init__(self, model: LoadModel, failures: tuple[Failure, ...]) -> None:
        self._demands = model.demands - np.diag(np.diag(model.demands))
        self._of_router = self._demands.sum(axis=0) + self._demands.sum(axis=1)
        self._routers = [np.unique(np.array(item.routers, dtype=np.intp)) for item in failures]
        self._single = np.array([self._sum(routers) for routers in self._routers])
        self._any = np.array([routers.size > 0 for routers in self._routers], dtype=bool)

    def _sum(self, routers: npt.NDArray[np.intp]) -> float:
        inside = self._demands[np.ix_(routers, routers)].sum() if routers.size > 1 else 0.0
        return float(self._of_router[routers].sum() - inside)

    def of(self, failed: npt.NDArray[np.int32]) -> Floats:
        result = np.zeros(len(failed))
        if not self._any.any():
            return result
        there = np.where(failed >= 0, self._any[failed], False)
        for column in (0, 1):
            alone = there[:, column] & ~there[:, 1 - column]
            result[alone] = self._single[failed[alone, column]]
        for row in np.flatnonzero(there.all(axis=1)):
            one, two = failed[row]
            result[row] = self._sum(np.union1d(self._routers[one], self._routers[two]))
        return result


def sweep(
    model: LoadModel | Network,
    *,
    failures: int = 1,
    kinds: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    limit: float | None = None,
    only_limit: bool = False,
    method: str = "incremental",
    threads: int = 0,
    loads: bool = False,
) -> Sweep:
    """Every scenario with up to ``failures`` (0, 1 or 2) of the model's failures at once.

    A `Network` is taken as `sweep_network.network_model` makes a model of it (or raises `Unproven`).
    ``kinds`` (None: all) and ``exclude`` (names) choose among them. ``limit`` is a utilisation (0.8) that links are held
    against; ``only_limit`` streams only scenarios that exceed it or lose demand, and proves most pairs harmless without
    computing them, so `Sweep.link_worst` then covers what was computed. ``threads`` 0: as many as there are processors
    to run on. ``loads``: every batch carries the load of every link. Ctrl-C ends the sweep within half a second.

    Raises `UsageError` for a request that has no meaning or more than 10^9 scenarios.
    """
    options = options_of(failures, limit, only_limit, method, threads, loads)
    if isinstance(model, Network):
        from backstay.simulate.sweep_network import network_model  # noqa: PLC0415 - it needs the engine, which offers sweeps

        model = network_model(model)
    return Sweep(model, chosen_failures(model, kinds, exclude), options)


def options_of(failures: int, limit: float | None, only_limit: bool, method: str, threads: int, loads: bool) -> Options:
    """The arguments of `sweep` as options; raises `UsageError` for those without meaning."""
    if method not in METHODS:
        raise UsageError(f"method {method}: expected {' or '.join(METHODS)}")
    if limit is not None and not limit > 0:
        raise UsageError(f"limit {limit}: expected a utilisation above 0, such as 0.8")
    if only_limit and limit is None:
        raise UsageError("only what exceeds the limit was asked for, without a limit")
    if threads < 0:
        raise UsageError(f"{threads} threads: expected 1 or more, or 0 for all processors")
    return Options(
        at_once=failures,
        limit=float("inf") if limit is None else float(limit),
        only_limit=only_limit,
        full=method == "full",
        threads=threads or len(os.sched_getaffinity(0)),
        loads=loads,
    )


def _engine(model: LoadModel, failures: tuple[Failure, ...], threads: int) -> _native.Engine:
    engine = _native.Engine(
        len(model.routers), model.tails, model.heads, model.metrics, model.capacities, model.demands.ravel()
    )
    links, link_begin = _rows([item.links for item in failures])
    routers, router_begin = _rows([item.routers for item in failures])
    lessened, less_begin = _rows([tuple(link for link, _ in item.lessened) for item in failures])
    lost = np.array([mbps for item in failures for _, mbps in item.lessened], dtype=np.float64)
    engine.set_failures(link_begin, links, router_begin, routers, less_begin, lessened, lost)
    engine.prepare(threads)
    return engine


def _rows(parts: list[tuple[int, ...]]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint64]]:
    begin = np.zeros(len(parts) + 1, dtype=np.uint64)
    begin[1:] = np.cumsum([len(part) for part in parts])
    return np.array([item for part in parts for item in part], dtype=np.uint32), begin


def _ranges(first: int, last: int, step: int) -> Iterator[tuple[int, int]]:
    for begin in range(first, last, step):
        yield begin, min(begin + step, last)
