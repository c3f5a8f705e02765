"""The incremental core against the plain method, and both against networkx, on random multigraphs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulate.sweep_oracle import expected

from backstay.simulate.sweep import Batch, sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model


@st.composite
def models(draw: st.DrawFn) -> LoadModel:
    """Small multigraphs with ties, bridges, parallel and one-way links, parts without a way between them, risk groups
    and routers that overlap, no capacity, no demand and huge demand, metrics up to 2^24 and sums beyond 2^32.
    """
    count = draw(st.integers(2, 9))
    metric = draw(
        st.sampled_from([st.just(1), st.integers(1, 3), st.integers(1, 2**24), st.sampled_from([1, 2**31 - 1])])
    )
    end = st.integers(0, count - 1)
    pairs = [
        pair
        for pair in draw(st.lists(st.tuples(end, end, st.booleans()), min_size=1, max_size=18))
        if pair[0] != pair[1]
    ]
    tails: list[int] = []
    heads: list[int] = []
    failures: list[Failure] = []
    for number, (one, other, both) in enumerate(pairs):
        links = [len(tails)]
        tails.append(one)
        heads.append(other)
        if both:
            links.append(len(tails))
            tails.append(other)
            heads.append(one)
        failures.append(Failure(kind="link", name=f"link{number}", links=tuple(links)))
    metrics = [draw(metric) for _ in tails]
    if draw(st.booleans()):
        metrics = [
            metrics[min(index, index ^ 1)] if index ^ 1 < len(metrics) else value for index, value in enumerate(metrics)
        ]
    capacity = st.sampled_from([0.0, 10.0, 40.0, 100.0, float("inf")])
    amount = st.sampled_from([0.0, 0.0, 1.0, 3.0, 7.5, 1e9])
    demands = np.array([[draw(amount) for _ in range(count)] for _ in range(count)])
    failures += [Failure(kind="router", name=f"router{v}", routers=(v,)) for v in range(count)]
    if tails:
        group = draw(st.lists(st.integers(0, len(tails) - 1), min_size=1, max_size=5))
        more = draw(st.lists(end, max_size=2))
        failures.append(Failure(kind="srlg", name="group", links=tuple(group), routers=tuple(more)))
        members = draw(
            st.lists(st.tuples(st.integers(0, len(tails) - 1), st.sampled_from([0.0, 5.0, 20.0])), max_size=2)
        )
        if members:
            failures.append(Failure(kind="member", name="member", lessened=tuple(members)))
            failures.append(Failure(kind="member", name="and link", links=(0,), lessened=tuple(members)))
    return load_model(
        [f"r{v}" for v in range(count)],
        [f"l{index}" for index in range(len(tails))],
        tails,
        heads,
        metrics,
        [draw(capacity) for _ in tails],
        demands,
        failures,
    )


def everything(model: LoadModel, *, at_once: int, method: str, threads: int = 1) -> Batch:
    """All scenarios in one batch."""
    found = list(sweep(model, failures=at_once, method=method, loads=True, limit=0.8, threads=threads))
    return Batch(
        scenario=np.concatenate([batch.scenario for batch in found]),
        failed=np.concatenate([batch.failed for batch in found]),
        max_utilisation=np.concatenate([batch.max_utilisation for batch in found]),
        worst=np.concatenate([batch.worst for batch in found]),
        lost=np.concatenate([batch.lost for batch in found]),
        apart=np.concatenate([batch.apart for batch in found]),
        over=np.concatenate([batch.over for batch in found]),
        loads=np.concatenate([batch.loads for batch in found if batch.loads is not None]),
    )


@settings(max_examples=80, deadline=None)
@given(models())
def test_every_single_and_pair_is_what_networkx_says(model: LoadModel) -> None:
    found = everything(model, at_once=2, method="incremental")
    scale = max(model.offered, 1e-300)
    assert found.loads is not None
    for row, failed in enumerate(found.failed.tolist()):
        wanted = expected(model, [model.failures[index] for index in failed if index >= 0])
        np.testing.assert_allclose(found.loads[row], wanted.loads, rtol=0, atol=1e-9 * scale)
        assert found.lost[row] == pytest.approx(wanted.lost, rel=1e-9, abs=1e-9 * scale)
        assert found.apart[row] == pytest.approx(wanted.apart, rel=1e-9, abs=1e-9 * scale)


@settings(max_examples=80, deadline=None)
@given(models())
def test_incremental_and_full_agree(model: LoadModel) -> None:
    quick = everything(model, at_once=2, method="incremental", threads=2)
    plain = everything(model, at_once=2, method="full")
    scale = max(model.offered, 1e-300)
    assert quick.loads is not None
    assert plain.loads is not None
    np.testing.assert_array_equal(quick.failed, plain.failed)
    np.testing.assert_allclose(quick.loads, plain.loads, rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(quick.lost, plain.lost, rtol=0, atol=1e-9 * scale)
    np.testing.assert_array_equal(np.isinf(quick.max_utilisation), np.isinf(plain.max_utilisation))


@settings(max_examples=60, deadline=None)
@given(models(), st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_only_what_exceeds_the_limit_is_the_same_list(model: LoadModel, limit: float) -> None:
    whole = everything(model, at_once=2, method="incremental")
    bad = (whole.max_utilisation > limit) | (whole.lost > 0)
    few = list(sweep(model, failures=2, limit=limit, only_limit=True, threads=1))
    found = np.concatenate([batch.scenario for batch in few]) if few else np.zeros(0, dtype=np.int64)
    np.testing.assert_array_equal(found, whole.scenario[bad])
    if few:
        highest = np.concatenate([batch.max_utilisation for batch in few])
        np.testing.assert_array_equal(highest, whole.max_utilisation[bad])


@settings(max_examples=25, deadline=None)
@given(models())
def test_the_number_of_threads_changes_no_byte(model: LoadModel) -> None:
    one = everything(model, at_once=2, method="incremental", threads=1)
    three = everything(model, at_once=2, method="incremental", threads=3)
    assert one.loads is not None
    assert three.loads is not None
    assert one.loads.tobytes() == three.loads.tobytes()
    assert one.lost.tobytes() == three.lost.tobytes()
    assert one.max_utilisation.tobytes() == three.max_utilisation.tobytes()
    assert one.worst.tobytes() == three.worst.tobytes()


@settings(max_examples=25, deadline=None)
@given(models(), st.data())
def test_parts_of_a_sweep_are_the_sweep(model: LoadModel, data: st.DataObject) -> None:
    run = sweep(model, failures=2, threads=1, loads=True)
    whole = everything(model, at_once=2, method="incremental")
    cut = data.draw(st.integers(0, run.count))
    parts = [*run.batches(cut, run.count), *run.batches(0, cut)]
    by_number = {int(number): batch.loads[row] for batch in parts for row, number in enumerate(batch.scenario)}  # type: ignore[index]
    assert sorted(by_number) == list(range(run.count))
    assert whole.loads is not None
    assert all(by_number[row].tobytes() == whole.loads[row].tobytes() for row in range(run.count))


def left(model: LoadModel, failed: np.ndarray) -> np.ndarray:
    """Capacities of every scenario, without what members of bundles took with them."""
    capacities = np.tile(model.capacities, (len(failed), 1))
    for row, indices in enumerate(failed.tolist()):
        for index in indices:
            for link, mbps in model.failures[index].lessened if index >= 0 else ():
                capacities[row, link] -= mbps
    result: np.ndarray = np.maximum(capacities, 0.0)
    return result


@settings(max_examples=25, deadline=None)
@given(models())
def test_the_worst_of_every_link_names_the_first_scenario_that_causes_it(model: LoadModel) -> None:
    run = sweep(model, failures=2, threads=2, loads=True)
    rows = np.concatenate([batch.loads for batch in run if batch.loads is not None])
    failed = np.concatenate([batch.failed for batch in run])
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.where(rows > 0, rows / left(model, failed), 0.0)
    highest = np.concatenate([batch.max_utilisation for batch in run])
    np.testing.assert_allclose(used.max(axis=1, initial=0.0), highest, rtol=1e-12)
    np.testing.assert_allclose(run.link_worst, used.max(axis=0), rtol=1e-12)
    again = used[run.link_cause, np.arange(len(model.links))]
    np.testing.assert_allclose(again, run.link_worst, rtol=1e-12)


def ring(seed: int, routers: int = 14, chords: int = 5) -> LoadModel:
    """A ring with chords: no single link cuts it, many pairs do; demands between all, capacities all alike."""
    chance = random.Random(seed)
    ends = [(v, (v + 1) % routers) for v in range(routers)]
    ends += [tuple(chance.sample(range(routers), 2)) for _ in range(chords)]  # type: ignore[misc]
    metrics = [chance.randint(1, 6) for _ in ends for _ in (0, 1)]
    demands = [[chance.randint(0, 9) for _ in range(routers)] for _ in range(routers)]
    return load_model(
        [f"r{v}" for v in range(routers)],
        [f"l{index}" for index in range(2 * len(ends))],
        [end for pair in ends for end in pair],
        [end for one, other in ends for end in (other, one)],
        metrics,
        [100.0] * (2 * len(ends)),
        demands,
        [Failure(kind="link", name=f"link{index}", links=(2 * index, 2 * index + 1)) for index in range(len(ends))],
    )


@pytest.mark.parametrize("seed", range(12))
def test_bounds_spare_pairs_but_never_one_that_matters(seed: int) -> None:
    model = ring(seed, chords=5 + seed)
    singles = everything(model, at_once=1, method="incremental").max_utilisation
    pairs = everything(model, at_once=2, method="full")
    for limit in (float(singles.max()) * 1.0001, float(np.median(pairs.max_utilisation)) * 1.0001):
        bad = (pairs.max_utilisation > limit) | (pairs.lost > 0)
        few = list(sweep(model, failures=2, limit=limit, only_limit=True, threads=2))
        found = np.concatenate([batch.scenario for batch in few])
        np.testing.assert_array_equal(found, pairs.scenario[bad])
