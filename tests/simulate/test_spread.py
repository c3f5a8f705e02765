"""A sweep on a real Ray cluster of two workers, one of which is killed in the middle, against the sweep at home."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from backstay.model.errors import EnvironmentError_, UsageError
from backstay.simulate.spread import Spread, compute_block, spread
from backstay.simulate.sweep import Batch, Options, sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.xdist_group("ray")]


def grid(side: int) -> LoadModel:
    """A square grid with metrics that leave ties; every link and two routers can fail."""
    count = side * side
    ends = [(v, v + 1) for v in range(count) if (v + 1) % side] + [(v, v + side) for v in range(count - side)]
    failures = [
        Failure(kind="link", name=f"l{number}", links=(2 * number, 2 * number + 1)) for number in range(len(ends))
    ]
    failures += [Failure(kind="router", name=f"r{router}", routers=(router,)) for router in (0, count // 2)]
    return load_model(
        [str(v) for v in range(count)], [str(e) for e in range(2 * len(ends))],
        [end for pair in ends for end in pair], [end for one, two in ends for end in (two, one)],
        [1 + e // 2 % 3 for e in range(2 * len(ends))], np.full(2 * len(ends), 50.0),
        np.fromfunction(lambda a, b: (3 * a + 5 * b) % 7, (count, count)), failures,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """A head that computes nothing and two workers of one processor each."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()  # type: ignore[no-untyped-call]


def whole(batches: list[Batch]) -> list[bytes]:
    """Every number of a sweep."""
    return [
        b"".join(np.ascontiguousarray(getattr(batch, name)).tobytes() for batch in batches)
        for name in ("scenario", "failed", "max_utilisation", "worst", "lost", "apart", "over")
    ]


def test_a_worker_that_dies_costs_no_scenario_and_no_byte(cluster: object) -> None:
    model = grid(12)
    here = sweep(model, failures=2, limit=5.0, threads=2)
    wanted = whole(list(here))
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]  # type: ignore[attr-defined]
    with spread(model, address=cluster.address, failures=2, limit=5.0) as run:  # type: ignore[attr-defined]
        found: list[Batch] = []
        for batch in run:
            if not found:
                cluster.remove_node(workers[0], allow_graceful=False)  # type: ignore[attr-defined]
            found.append(batch)
    assert len(found) > 3
    assert whole(found) == wanted
    assert run.link_worst.tobytes() == here.link_worst.tobytes()
    assert run.link_cause.tobytes() == here.link_cause.tobytes()
    assert sum(batch.scenario.size for batch in found) == run.count == 1 + 266 + 266 * 265 // 2


def test_parts_in_order_and_out_of_it(cluster: object) -> None:
    model = grid(6)
    wanted = list(sweep(model, failures=2, threads=1))
    cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    with spread(model, address=cluster.address, failures=2) as run:  # type: ignore[attr-defined]
        thirds = [0, run.count // 3, 2 * run.count // 3, run.count]
        parts = [batch for begin, end in itertools.pairwise(thirds) for batch in run.batches(begin, end)]
        assert whole(parts) == whole(wanted)
        late = list(run.batches(thirds[2], run.count))
        early = list(run.batches(0, thirds[2]))
        assert whole(early + late) == whole(wanted)


def test_only_what_exceeds_the_limit(cluster: object) -> None:
    model = grid(6)
    limit = 1.1 * float(max(batch.max_utilisation.max() for batch in sweep(model, threads=1)))
    wanted = list(sweep(model, failures=2, limit=limit, only_limit=True, threads=1))
    cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    with spread(model, address=cluster.address, failures=2, limit=limit, only_limit=True) as run:  # type: ignore[attr-defined]
        assert whole(list(run)) == whole(wanted)


def test_a_fault_of_the_question_is_told_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="expected a utilisation above 0"):
        spread(grid(2), limit=-1.0)


def test_nobody_at_the_address() -> None:
    assert not ray.is_initialized()
    with pytest.raises(EnvironmentError_, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        spread(grid(2), address="127.0.0.1:1")


def test_a_block_is_a_function_of_its_numbers() -> None:
    model = grid(4)
    options = Options(at_once=2, limit=float("inf"), only_limit=False, full=False, threads=1, loads=True)
    one = compute_block((model, model.failures, options), "a", 5, 60)
    compute_block((model, model.failures, options), "a", 60, 90)
    again = compute_block((model, model.failures, options), "b", 5, 60)
    assert whole(one[0]) == whole(again[0])
    assert one[1].tobytes() == again[1].tobytes()
    assert one[2].tobytes() == again[2].tobytes()


def test_spread_is_a_sweep() -> None:
    assert issubclass(Spread, type(sweep(grid(2))))
