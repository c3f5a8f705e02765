"""How much more could be sent between places, and how long the ways are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from backstay.model.endpoints import entries
from backstay.plan.assessment import Detour, Room, Stretch, Thing
from backstay.plan.picture import Floats, Hour, Picture
from backstay.plan.scan import Question
from backstay.plan.ways import Splits, Ways, alive, distances, mean_lengths, ways, work
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import LoadModel

AFFORDED = 2e7
"""Shares of pairs on links, over all scenarios, that are looked at; about a second."""

MOST_WAYS = 1_000
"""Routers; every pair's ways are followed hop by hop, which takes some seconds at that size."""

CHUNK_BYTES = 4 << 20
"""Of the largest array: what stays in a processor's cache is looked at several times faster than what does not."""

NO_ROOM = 1e-300
"""Mbit/s; less is none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places by the nodes traffic enters at and goes to, in equal parts."""

    source: str
    destination: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def pairs(picture: Picture) -> tuple[Pair, ...]:
    """Every ordered pair of sites, of routers where there are no sites."""
    model = picture.model
    assert model is not None
    index = {name: number for number, name in reversed(list(enumerate(picture.routers)))}
    sinks = {name: number for number, name in enumerate(picture.routers)}
    places = {}
    for name in picture.network.sites or picture.network.routers:
        routers = [router for router in entries(picture.network, name) if router in index]
        if routers:
            places[name] = routers
    return tuple(
        Pair(one, other, tuple(index[r] for r in places[one]), tuple(sinks[r] for r in places[other]))
        for one in sorted(places)
        for other in sorted(places)
        if one != other and not set(places[one]) & set(places[other])
    )


def rooms(picture: Picture, question: Question, hour: Hour) -> tuple[tuple[Room, ...], str]:
    """The room of every pair, tightest first, over as many failures at once as can be afforded; and what was left out.

    A scenario in which either place is gone, or no way is left between them, has no say. Raises nothing: a network too
    large gets an empty answer with the reason.
    """
    if picture.model is None:
        return (), f"not computed: {picture.reason}"
    at_once, note = _affordable(picture.model, question)
    if at_once < 0 and len(picture.routers) > MOST_WAYS:
        return (), f"not computed: {len(picture.routers):,} routers are too many"
    found = _Tightest(picture, question, hour, pairs(picture))
    for failed, loads in _scenarios(picture, question, hour, max(at_once, 0)):
        if at_once < 0:
            found.look_one_by_one(loads[0])
        else:
            found.look(failed, loads)
    return found.rooms(), note


def _affordable(model: LoadModel, question: Question) -> tuple[int, str]:
    counts = [1, 1 + len(question.failures), question.scenarios]
    for at_once in range(question.at_once, -1, -1):
        if counts[at_once] * work(model) <= AFFORDED:
            left_out = "" if at_once == question.at_once else f"with at most {at_once} failures at once"
            return at_once, left_out
    return -1, "without failures" if question.at_once else ""


def _scenarios(
    picture: Picture, question: Question, hour: Hour, at_once: int
) -> Iterator[tuple[npt.NDArray[np.int32], Floats]]:
    assert picture.model is not None
    run = sweep(_with_failures(picture, question, hour), failures=at_once, loads=True, threads=question.threads)
    size, links = len(picture.model.routers), len(picture.model.links)
    step = max(1, CHUNK_BYTES // (8 * size * size * max(size, links)))
    for first in range(0, run.count, step):
        for batch in run.batches(first, min(first + step, run.count)):
            assert batch.loads is not None
            yield batch.failed, batch.loads


def _with_failures(picture: Picture, question: Question, hour: Hour) -> LoadModel:
    return replace(picture.at(hour), failures=question.failures)


class _Tightest:
    """The tightest scenario of every pair so far."""

    def __init__(self, picture: Picture, question: Question, hour: Hour, wanted: tuple[Pair, ...]) -> None:
        assert picture.model is not None
        self.picture, self.question, self.hour, self.wanted = picture, question, hour, wanted
        self.model = picture.model
        self.least = np.full(len(wanted), np.inf)
        self.bottleneck = np.full(len(wanted), -1)
        self.cause = np.full((len(wanted), 2), -1, dtype=np.int32)
        size = len(self.model.routers)
        self.places = np.array([end * size + start for pair in wanted for end in pair.ends for start in pair.starts])
        counts = np.array([len(pair.ends) * len(pair.starts) for pair in wanted])
        self.begin = np.cumsum(counts) - counts
        self.parts = counts[:, None].astype(np.float64)
        self.single = all(len(pair.ends) == 1 for pair in wanted)
        self.ends = np.array([pair.ends[0] for pair in wanted])
        self.outgoing = [np.flatnonzero(self.model.tails == node) for node in range(size)]

    def look(self, failed: npt.NDArray[np.int32], loads: Floats) -> None:
        """Take in some scenarios with their loads."""
        if not self.wanted:
            return
        up, _ = alive(self.model, self.question.failures, failed)
        none = (failed < 0).all(axis=1)
        limits = np.where(none, self.question.limit, self.question.failure_limit)[:, None] * self.model.capacities
        left = np.maximum(limits - loads, 0.0)
        # A product and its largest, where the same with a quotient would need a second array for what is not used.
        scarce = 1.0 / np.maximum(left, NO_ROOM)
        find = self._tightest_by_node if self.single else self._tightest_by_link
        links, share = find(ways(self.model, up), scarce)
        room = np.full(share.shape, np.inf)
        np.divide(np.take_along_axis(left, links, axis=1), share, out=room, where=share > 0)
        self._keep(links, room, failed)

    def _tightest_by_link(self, found: Ways, scarce: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
        """[scenario, pair]: the link whose share of the pair's traffic times ``scarce`` is largest, and that share."""
        mean = self._mean(found.shares(self.model))
        links = (mean * scarce[:, None, :]).argmax(axis=2)
        return links, np.take_along_axis(mean, links[:, :, None], axis=2)[:, :, 0]

    def _tightest_by_node(self, found: Ways, scarce: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
        """The same where every pair ends at one router: of the links out of a node, which of them is tightest is the same
        for everything that passes it towards that end. Nodes are a third or less of the links.
        """
        weight = found.split * scarce[:, None, :]
        most = np.zeros((*weight.shape[:2], len(self.outgoing)))
        first = np.zeros(most.shape, dtype=np.intp)
        for node, links in enumerate(self.outgoing):
            if links.size:
                at = weight[:, :, links].argmax(axis=2)
                first[:, :, node] = links[at]
                most[:, :, node] = np.take_along_axis(weight[:, :, links], at[:, :, None], axis=2)[:, :, 0]
        passing = self._mean(found.passes)
        nodes = (passing * most[:, self.ends, :]).argmax(axis=2)[:, :, None]
        links = np.take_along_axis(first[:, self.ends, :], nodes, axis=2)
        share = np.take_along_axis(found.split[:, self.ends, :], links, axis=2)
        return links[:, :, 0], (np.take_along_axis(passing, nodes, axis=2) * share)[:, :, 0]

    def _mean(self, shares: Floats) -> Floats:
        """[scenario, pair, thing] of [scenario, to, from, thing]: the mean over the routers of the two places."""
        count, size, _, things = shares.shape
        found: Floats = shares.reshape(count, size * size, things)[:, self.places, :]
        if len(self.places) == len(self.wanted):
            return found
        return np.asarray(np.add.reduceat(found, self.begin, axis=1) / self.parts)

    def look_one_by_one(self, loads: Floats) -> None:
        """The scenario without a failure in a large network: destination by destination, which takes less memory."""
        left = np.maximum(self.question.limit * self.model.capacities - loads, 0.0)
        splits = Splits(self.model)
        numbers: dict[tuple[int, ...], list[int]] = {}
        for number, pair in enumerate(self.wanted):
            numbers.setdefault(pair.ends, []).append(number)
        for ends, rows in numbers.items():
            towards = sum((splits.shares(end) for end in ends), np.zeros(1)) / len(ends)
            mean = np.array([towards[list(self.wanted[row].starts)].mean(axis=0) for row in rows])
            room = np.full(mean.shape, np.inf)
            np.divide(left, mean, out=room, where=mean > 0)
            self.bottleneck[rows] = room.argmin(axis=1)
            self.least[rows] = room.min(axis=1)

    def _keep(self, links: npt.NDArray[np.intp], least: Floats, failed: npt.NDArray[np.int32]) -> None:
        """``links`` and ``least``: the bottleneck and the room of every pair in every scenario."""
        scenario = least.argmin(axis=0)
        columns = np.arange(least.shape[1])
        tighter = least[scenario, columns] < self.least * (1 - 1e-9)
        self.least[tighter] = least[scenario, columns][tighter]
        self.bottleneck[tighter] = links[scenario, columns][tighter]
        self.cause[tighter] = failed[scenario][tighter]

    def rooms(self) -> tuple[Room, ...]:
        """Pairs with a limit, tightest first."""
        found = [
            Room(
                source=pair.source,
                destination=pair.destination,
                mbps=float(self.least[number]),
                bottleneck=self.picture.interfaces[self.bottleneck[number]],
                cause=named(self.question, self.cause[number].tolist()),
                period=self.hour.period,
            )
            for number, pair in enumerate(self.wanted)
            if np.isfinite(self.least[number])
        ]
        return tuple(sorted(found, key=lambda room: (room.mbps, room.source, room.destination)))


def named(question: Question, failed: Sequence[int]) -> tuple[Thing, ...]:
    """The things that fail, by index."""
    return tuple(Thing(question.failures[index].kind, question.failures[index].name) for index in failed if index >= 0)


# ------------------------------------------------------------------------------------------- lengths


def stretch(picture: Picture, hour: Hour) -> Stretch:
    """How much longer routed ways are than the shortest possible, while nothing fails.

    Pairs are those with demand between them; a pair whose every way has a link of unknown length is left out.
    """
    if picture.model is None:
        return Stretch(mean=None, pairs=(), unmeasured=0, note=f"not computed: {picture.reason}")
    unmeasured = int(np.isnan(picture.lengths).sum())
    if unmeasured:
        note = "not computed: a link without length_km whose ends have no position"
        return Stretch(mean=None, pairs=(), unmeasured=unmeasured, note=note)
    if len(picture.routers) > MOST_WAYS:
        note = f"not computed: {len(picture.routers):,} routers are too many"
        return Stretch(mean=None, pairs=(), unmeasured=0, note=note)
    return _stretch(picture, picture.at(hour))


def _stretch(picture: Picture, model: LoadModel) -> Stretch:
    up = np.ones((1, len(model.links)), dtype=bool)
    routed = mean_lengths(model, picture.lengths)
    shortest = distances(model, up, picture.lengths)[0]
    detours = [
        Detour(
            source=model.routers[source],
            destination=picture.routers[target],
            km=float(routed[source, target]),
            shortest_km=float(shortest[source, target]),
        )
        for source, target in np.argwhere(model.demands > 0).tolist()
        if source != target and np.isfinite(shortest[source, target])
    ]
    there = np.isfinite(shortest) & (model.demands > 0)
    long, short = (float((model.demands[there] * km[there]).sum()) for km in (routed, shortest))
    ordered = sorted(detours, key=lambda item: (-item.stretch, -item.km, item.source, item.destination))
    return Stretch(mean=long / short if short else None, pairs=tuple(ordered), unmeasured=0)
