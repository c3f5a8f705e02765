"""Sweeps small enough to work out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from backstay.simulate.sweep import Batch, Sweep, sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model

A, B, C, D = range(4)


def two_way(
    routers: str, links: dict[str, tuple[str, str, int, float]], demands: dict[tuple[str, str], float]
) -> LoadModel:
    """Links by name: ends, metric, capacity; each gives NAME> and NAME<. Everything can fail."""
    names = tuple(routers)
    tails: list[int] = []
    heads: list[int] = []
    metrics: list[int] = []
    capacities: list[float] = []
    labels: list[str] = []
    failures: list[Failure] = []
    for name, (one, other, metric, capacity) in links.items():
        failures.append(Failure(kind="link", name=name, links=(len(tails), len(tails) + 1)))
        labels += [f"{name}>", f"{name}<"]
        tails += [names.index(one), names.index(other)]
        heads += [names.index(other), names.index(one)]
        metrics += [metric, metric]
        capacities += [capacity, capacity]
    failures += [Failure(kind="router", name=name, routers=(names.index(name),)) for name in names]
    matrix = np.zeros((len(names), len(names)))
    for (one, other), mbps in demands.items():
        matrix[names.index(one), names.index(other)] = mbps
    return load_model(names, labels, tails, heads, metrics, capacities, matrix, failures)


def scenario(run: Sweep, *names: str) -> tuple[Batch, int]:
    for batch in run:
        for row in range(batch.scenario.size):
            if run.names(batch, row) == names:
                return batch, row
    raise AssertionError(names)


SQUARE = two_way(
    "abcd",
    {"ab": ("a", "b", 1, 100), "bd": ("b", "d", 1, 100), "ac": ("a", "c", 1, 100), "cd": ("c", "d", 1, 50)},
    {("a", "d"): 60.0},
)


def test_a_square_shares_and_moves_to_the_other_side() -> None:
    run = sweep(SQUARE, loads=True)
    batch, row = scenario(run)
    assert batch.loads is not None
    assert dict(zip(SQUARE.links, batch.loads[row].tolist(), strict=True)) == {
        "ab>": 30, "ab<": 0, "bd>": 30, "bd<": 0, "ac>": 30, "ac<": 0, "cd>": 30, "cd<": 0,
    }  # fmt: skip
    assert batch.max_utilisation[row] == 0.6
    assert SQUARE.links[batch.worst[row]] == "cd>"
    batch, row = scenario(run, "ab")
    assert batch.max_utilisation[row] == 1.2
    assert batch.lost[row] == 0


def test_a_cut_loses_demand_and_a_failed_router_counts_apart() -> None:
    run = sweep(SQUARE, failures=2, kinds=("link", "router"))
    batch, row = scenario(run, "ab", "ac")
    assert (batch.lost[row], batch.apart[row], batch.max_utilisation[row]) == (60, 0, 0)
    batch, row = scenario(run, "d")
    assert (batch.lost[row], batch.apart[row], batch.max_utilisation[row]) == (0, 60, 0)
    batch, row = scenario(run, "b", "c")
    assert (batch.lost[row], batch.apart[row]) == (60, 0)
    batch, row = scenario(run, "a", "d")
    assert (batch.lost[row], batch.apart[row]) == (0, 60)


def test_parallel_links_each_take_a_share() -> None:
    model = two_way(
        "ab", {"one": ("a", "b", 5, 10), "two": ("a", "b", 5, 10), "dear": ("a", "b", 6, 10)}, {("a", "b"): 10.0}
    )
    run = sweep(model, failures=2, loads=True)
    batch, row = scenario(run)
    assert batch.loads is not None
    assert batch.loads[row].tolist() == [5, 0, 5, 0, 0, 0]
    batch, row = scenario(run, "one", "two")
    assert batch.loads is not None
    assert batch.loads[row].tolist() == [0, 0, 0, 0, 10, 0]


def test_directions_have_their_own_metric_and_capacity() -> None:
    model = load_model(
        "abc", ("ab", "ba", "bc", "cb", "ac", "ca"), [A, B, B, C, A, C], [B, A, C, B, C, A],
        [1, 9, 1, 9, 3, 3], [10, 20, 10, 20, 10, 20], [[0, 0, 4], [0, 0, 0], [8, 0, 0]],
    )  # fmt: skip
    (batch,) = sweep(model, failures=0, loads=True)
    assert batch.loads is not None
    assert batch.loads[0].tolist() == [4, 0, 4, 0, 0, 8]
    assert batch.max_utilisation[0] == 0.4


def test_sums_of_metrics_beyond_32_bits() -> None:
    """600 links of 2^24 - 1 add up to 10,066,329,000; the short cut of 2^31 - 1 and 2^31 - 1 and ... is longer by one."""
    count, metric = 601, 2**24 - 1
    tails = [*range(count - 1), 0, count, count + 1, count + 2, count + 3]
    heads = [*range(1, count), count, count + 1, count + 2, count + 3, count - 1]
    detour = [2**31 - 1] * 4
    metrics = [metric] * (count - 1) + [*detour, 600 * metric - 4 * (2**31 - 1) + 1]
    demands = np.zeros((count + 4, count + 4))
    demands[0, count - 1] = 7
    cut = Failure(kind="link", name="middle", links=(300,))
    model = load_model(
        [str(v) for v in range(count + 4)], [str(e) for e in range(len(tails))], tails, heads, metrics,
        np.full(len(tails), 10.0), demands, [cut],
    )  # fmt: skip
    (batch,) = sweep(model, loads=True)
    assert batch.loads is not None
    assert batch.loads[0].tolist() == [7.0] * (count - 1) + [0.0] * 5
    assert batch.loads[1].tolist() == [0.0] * (count - 1) + [7.0] * 5


def test_no_capacity_is_infinitely_too_little_only_if_used() -> None:
    model = two_way(
        "abc", {"ab": ("a", "b", 1, 10), "ac": ("a", "c", 1, 0), "cb": ("c", "b", 1, 10)}, {("a", "b"): 1.0}
    )
    run = sweep(model, limit=0.5)
    batch, row = scenario(run)
    assert (batch.max_utilisation[row], batch.over[row]) == (0.1, 0)
    batch, row = scenario(run, "ab")
    assert (batch.max_utilisation[row], batch.over[row], model.links[batch.worst[row]]) == (float("inf"), 1, "ac>")


def test_a_member_of_a_bundle_takes_capacity_and_no_traffic() -> None:
    """Two members of 50: one gone, 60 of 50; both gone, 60 of nothing. The way stays, as a bundle without a least number has it."""
    members = [Failure(kind="member", name=f"ab/{number}", lessened=((0, 50.0), (1, 50.0))) for number in (1, 2)]
    model = load_model("ab", ("ab", "ba"), [A, B], [B, A], [1, 1], [100, 100], [[0, 60], [30, 0]], members)
    run = sweep(model, failures=2, limit=0.9, loads=True)
    found = {run.names(batch, row): batch.max_utilisation[row] for batch in run for row in range(batch.scenario.size)}
    assert found == {(): 0.6, ("ab/1",): 1.2, ("ab/2",): 1.2, ("ab/1", "ab/2"): float("inf")}
    assert [
        batch.loads[row].tolist() for batch in run for row in range(batch.scenario.size) if batch.loads is not None
    ] == [[60, 30]] * 4
    few = [int(number) for batch in sweep(model, failures=2, limit=0.9, only_limit=True) for number in batch.scenario]
    assert few == [1, 2, 3]


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_nothing_to_send_and_nothing_to_fail(failures: int) -> None:
    model = load_model(["a"], [], [], [], [], [], [[5.0]])
    (batch,) = sweep(model, failures=failures)
    assert (batch.max_utilisation.tolist(), batch.lost.tolist(), batch.worst.tolist()) == ([0], [0], [-1])
