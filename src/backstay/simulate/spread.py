"""A sweep spread over a Ray cluster: the same scenarios in the same order, byte for byte, computed in blocks elsewhere.

    run = spread(model, address="local", failures=2)     # or "ray://head:10001", "10.0.0.1:6379", "auto"
    for batch in run: ...                                # a `Sweep` in every other respect

Every block is a pure function of the model and two numbers, so a block that a worker takes with it when it dies is computed
again by another, and nothing is lost or there twice. Blocks are handed out a few ahead of the reader and given back in
order: memory does not grow with the number of scenarios. Workers need backstay installed. Ray is the extra ``backstay[ray]``.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from backstay.model.errors import EnvironmentError_
from backstay.simulate.sweep import Batch, Options, Sweep, options_of
from backstay.simulate.sweep_input import Failure, Floats, LoadModel, chosen_failures

PATIENCE = 10.0
"""Seconds that the head of a cluster has to answer."""

MOST_TRIES = 20
"""A block is given up after so many workers died over it: then it is the block that kills them."""

AHEAD = 2
"""Blocks under way or waiting to be read, for every processor of the cluster."""

BLOCKS = 6
"""Blocks of pairs for every processor, if they are not too small: preparing a block takes as long as thousands of pairs."""

SMALLEST_BLOCK = 8_192

Part = tuple[list[Batch], Floats, npt.NDArray[np.int64]]
"""What a worker sends back: batches, and the worst of every link over them with its cause."""


class Spread(Sweep):
    """A `Sweep` whose scenarios are computed by the workers of a cluster.

    `batches` may be called for one part after the other: what comes next is computed ahead.
    """

    def __init__(self, model: LoadModel, failures: tuple[Failure, ...], options: Options, cluster: Cluster) -> None:
        super().__init__(model, failures, options)
        self._cluster = cluster
        self._task = (model, failures, options)
        self._flow: Iterator[Batch] = iter(())
        self._next = -1
        self._rest: deque[Batch] = deque()

    def batches(self, first: int, last: int, *, alone: bool = False) -> Iterator[Batch]:
        """As `Sweep.batches`; asked for in order, parts cost nothing extra."""
        if first != self._next:
            self._flow, self._rest = self._stream(first, last if alone else self.count), deque()
        self._next = last
        while True:
            batch = self._rest.popleft() if self._rest else next(self._flow, None)
            if batch is None:
                return
            inside = batch.scenario < last
            if not inside.all():
                self._rest.appendleft(batch.rows(~inside))
            if inside.any():
                yield batch.rows(inside)
            if not inside.all():
                return

    def _stream(self, first: int, last: int) -> Iterator[Batch]:
        for batches, worst, cause in self._cluster.compute(self._task, list(self._blocks(first, last))):
            better = worst > self.link_worst
            self.link_worst[better] = worst[better]
            self.link_cause[better] = cause[better]
            yield from batches

    def _blocks(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Singles and pairs in blocks of their own."""
        singles, processors = 1 + len(self.failures), self._cluster.processors
        few = max(1, -(-singles // (BLOCKS * processors)))
        many = max(SMALLEST_BLOCK, -(-(last - singles) // (BLOCKS * processors)))
        for start, end, step in ((first, min(last, singles), few), (max(first, singles), last, many)):
            for begin in range(start, end, step):
                yield begin, min(begin + step, end)

    def close(self) -> None:
        """Leave the cluster; one that was started for this is shut down."""
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spread(
    model: LoadModel,
    *,
    address: str = "local",
    failures: int = 1,
    kinds: tuple[str, ...] | None = None,
    exclude: tuple[str, ...] = (),
    limit: float | None = None,
    only_limit: bool = False,
    method: str = "incremental",
    loads: bool = False,
) -> Spread:
    """`sweep` on the cluster at a Ray address; ``local`` starts one on this machine. Every worker uses one thread.

    Raises what `sweep` raises, and `EnvironmentError_` where Ray is missing or nobody answers at the address.
    """
    options = options_of(failures, limit, only_limit, method, 1, loads)
    chosen = chosen_failures(model, kinds, exclude)
    cluster = Cluster(address)
    try:
        return Spread(model, chosen, options, cluster)
    except BaseException:
        cluster.close()
        raise


class Cluster:
    """The connection to Ray."""

    def __init__(self, address: str) -> None:
        self._ray = _ray()
        self._mine = not self._ray.is_initialized()
        if self._mine:
            self._connect(address)
        self.processors = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _connect(self, address: str) -> None:
        """Ray tells its makers about every cluster unless it is asked not to; a planning tool asks."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _knock(address)
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (ConnectionError, TimeoutError, ValueError, RuntimeError) as fault:
            raise EnvironmentError_(f"no Ray cluster at {address}: {str(fault).splitlines()[0]}") from None

    def compute(self, task: tuple[Any, ...], blocks: list[tuple[int, int]]) -> Iterator[Part]:
        """The parts of the blocks, in their order. Whoever stops listening stops the work."""
        ray = self._ray
        work = ray.remote(max_retries=MOST_TRIES, num_cpus=1)(compute_block)
        shared = ray.put(task)
        waiting: deque[Any] = deque()
        following = iter(blocks)
        try:
            for begin, end in itertools.islice(following, AHEAD * self.processors):
                waiting.append(work.remote(shared, shared.hex(), begin, end))
            while waiting:
                part: Part = self._get(waiting[0])
                waiting.popleft()
                for begin, end in itertools.islice(following, 1):
                    waiting.append(work.remote(shared, shared.hex(), begin, end))
                yield part
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)

    def _get(self, reference: Any) -> Part:
        try:
            part: Part = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as fault:
            raise fault.as_instanceof_cause() from None
        except self._ray.exceptions.RayError as fault:
            raise EnvironmentError_(f"the Ray cluster gave up a block: {str(fault).splitlines()[0]}") from None
        return part

    def close(self) -> None:
        """Leave; a connection that somebody else made stays."""
        if self._mine:
            self._ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself asks a silent address again for minutes."""
    host, found, port = address.removeprefix("ray://").rpartition(":")
    if not found or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as fault:
        raise EnvironmentError_(f"no Ray cluster at {address}: {fault}") from None


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra: whoever does not spread a sweep does not need it
    except ImportError:
        raise EnvironmentError_("spreading a sweep needs Ray: pip install 'backstay[ray]'") from None
    return ray


_prepared: dict[str, Sweep] = {}
"""The sweep this worker has ready, by the name of its task."""


def compute_block(task: tuple[LoadModel, tuple[Failure, ...], Options], name: str, first: int, last: int) -> Part:
    """Runs on a worker: the scenarios from ``first`` up to ``last``, and the worst of every link over them."""
    if name not in _prepared:
        _prepared.clear()
        _prepared[name] = Sweep(*task)
    run = _prepared[name]
    run.link_worst.fill(-1.0)
    run.link_cause.fill(-1)
    batches = list(run.batches(first, last, alone=True))
    return batches, run.link_worst.copy(), run.link_cause.copy()
