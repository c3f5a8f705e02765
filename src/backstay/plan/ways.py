"""Every pair's way through the network under many scenarios at once: which share of its traffic each link carries.

Packets towards a router t walk from node to node at random, each next hop of a shortest path as likely as the next; the
matrix P of these steps has no circle, so (I - P)^-1 holds how often a packet from s passes v: the share of the traffic there.
Exact, and cheap for networks of some dozens of routers; `work` says what it would cost elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.plan.picture import Floats
from backstay.simulate.sweep_input import Failure, LoadModel

Flags = npt.NDArray[np.bool_]

FAR = np.inf

LEAST_SHARE = 1e-12
"""What an inversion leaves where nothing passes is smaller."""


def work(model: LoadModel) -> float:
    """Numbers that one scenario takes: shares of pairs on links, steps of pairs."""
    size = float(len(model.routers))
    return size * size * max(size, len(model.links))


def alive(model: LoadModel, failures: Sequence[Failure], failed: npt.NDArray[np.int32]) -> tuple[Flags, Flags]:
    """Per scenario (row of failure indices, -1 for none) which links and which routers are up."""
    links = np.ones((len(failed), len(model.links)), dtype=bool)
    routers = np.ones((len(failed), len(model.routers)), dtype=bool)
    for row, things in enumerate(failed):
        for index in things:
            if index >= 0:
                links[row, list(failures[index].links)] = False
                routers[row, list(failures[index].routers)] = False
    links &= routers[:, model.tails] & routers[:, model.heads]
    return links, routers


def distances(model: LoadModel, up: Flags, weights: Floats) -> Floats:
    """Shortest distances (scenario, from, to) over the links that are up; infinite where there is no way."""
    size = len(model.routers)
    found = np.full((len(up), size, size), FAR)
    for link, (tail, head) in enumerate(zip(model.tails.tolist(), model.heads.tolist(), strict=True)):
        here = np.where(up[:, link], weights[link], FAR)
        found[:, tail, head] = np.minimum(found[:, tail, head], here)
    found[:, range(size), range(size)] = 0.0
    for middle in range(size):
        np.minimum(found, found[:, :, middle : middle + 1] + found[:, middle : middle + 1, :], out=found)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """``passes[b, t, s, v]``: the share of traffic from s to t that passes v in scenario b (0 where there is no way);
    ``split[b, t, l]``: the share of what is at the tail of link l and goes to t that takes it; ``reached[b, s, t]``.
    """

    passes: Floats
    split: Floats
    reached: Flags

    def shares(self, model: LoadModel) -> Floats:
        """``[b, t, s, l]``: the share of traffic from s to t on link l."""
        found: Floats = self.passes[:, :, :, model.tails] * self.split[:, :, None, :]
        return found


def ways(model: LoadModel, up: Flags) -> Ways:
    """The ways of all pairs in scenarios with these links up."""
    metrics = model.metrics.astype(np.float64)
    far = distances(model, up, metrics)
    reached = np.isfinite(far)
    split = _split(model, up, far, metrics)
    size = len(model.routers)
    steps = np.zeros((*split.shape[:2], size, size))
    for link, (tail, head) in enumerate(zip(model.tails.tolist(), model.heads.tolist(), strict=True)):
        steps[:, :, tail, head] += split[:, :, link]
    passes = np.asarray(np.linalg.inv(np.eye(size) - steps), dtype=np.float64)
    passes *= reached.transpose(0, 2, 1)[:, :, :, None]
    passes[np.abs(passes) < LEAST_SHARE] = 0.0
    return Ways(passes, split, reached)


def _split(model: LoadModel, up: Flags, far: Floats, metrics: Floats) -> Floats:
    towards = far.transpose(0, 2, 1)
    here, there = towards[:, :, model.tails], towards[:, :, model.heads]
    with np.errstate(invalid="ignore"):
        on = np.isfinite(here) & (here == metrics + there) & up[:, None, :]
    counts = np.zeros((*on.shape[:2], len(model.routers)))
    for link, tail in enumerate(model.tails.tolist()):
        counts[:, :, tail] += on[:, :, link]
    split: Floats = on / np.maximum(counts[:, :, model.tails], 1.0)
    return split


class Splits:
    """The ways of a network in which nothing fails, followed router by router, those nearest the destination first."""

    def __init__(self, model: LoadModel) -> None:
        up = np.ones((1, len(model.links)), dtype=bool)
        metrics = model.metrics.astype(np.float64)
        self._far = distances(model, up, metrics)[0]
        self._split = _split(model, up, self._far[None], metrics)[0]
        self._heads = model.heads.tolist()
        self._outgoing: list[list[int]] = [[] for _ in model.routers]
        for link, tail in enumerate(model.tails.tolist()):
            self._outgoing[tail].append(link)

    def _order(self, target: int) -> list[int]:
        order: list[int] = np.argsort(self._far[:, target], kind="stable").tolist()
        return order

    def shares(self, target: int) -> Floats:
        """[from, link]: the share of traffic to the target that each link carries; 0 where there is no way."""
        found = np.zeros((len(self._outgoing), len(self._heads)))
        shares = self._split[target].tolist()
        for node in self._order(target):
            for link in self._outgoing[node]:
                if shares[link]:
                    found[node] += shares[link] * found[self._heads[link]]
                    found[node, link] += shares[link]
        return found

    def means(self, target: int, lengths: Floats) -> list[float]:
        """From every router to the target the mean length of its ways; 0 where there is none."""
        found = [0.0] * len(self._outgoing)
        shares, heads = self._split[target].tolist(), self._heads
        for node in self._order(target):
            taken = (link for link in self._outgoing[node] if shares[link])
            found[node] = sum(shares[link] * (lengths[link] + found[heads[link]]) for link in taken)
        return found


def mean_lengths(model: LoadModel, lengths: Floats) -> Floats:
    """[from, to]: mean kilometres of the routed ways while nothing fails; 0 where there is none."""
    splits = Splits(model)
    return np.array([splits.means(target, lengths) for target in range(len(model.routers))]).T
