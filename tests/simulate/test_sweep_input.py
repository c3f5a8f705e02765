"""Bad input gets one clear line that names what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from backstay.model.errors import InputError, UsageError
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model

GOOD: dict[str, Any] = {
    "routers": ["ams", "fra", "par"],
    "links": ["ams-fra", "fra-par"],
    "tails": [0, 1],
    "heads": [1, 2],
    "metrics": [10, 10],
    "capacities": [100, 100],
    "demands": [[0, 1, 2], [0, 0, 1], [0, 0, 0]],
}


def model(**other: object) -> LoadModel:
    return load_model(**(GOOD | other))


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"demands": [[0, math.nan, 2], [0, 0, 1], [0, 0, 0]]}, "ams to fra: demand nan Mbit/s; expected a number of at least 0"),
        ({"demands": [[0, 1, 2], [0, 0, -1], [0, 0, 0]]}, "fra to par: demand -1.0 Mbit/s; expected a number of at least 0"),
        ({"demands": [[0, math.inf, 2], [0, 0, 1], [0, 0, 0]]}, "ams to fra: demand inf Mbit/s; expected a number of at least 0"),
        ({"demands": [[0, 1], [0, 0]]}, "demand: expected shape (3, 3), got (2, 2)"),
        ({"demands": "many"}, "demand: expected numbers"),
        ({"capacities": [100, math.nan]}, "link fra-par: capacity nan Mbit/s; expected a number of at least 0"),
        ({"capacities": [-1, 100]}, "link ams-fra: capacity -1.0 Mbit/s; expected a number of at least 0"),
        ({"capacities": [100]}, "capacity: expected shape (2,), got (1,)"),
        ({"metrics": [10, 0]}, "link fra-par: metric 0; expected 1 to 2147483647"),
        ({"metrics": [10, -3]}, "link fra-par: metric -3; expected 1 to 2147483647"),
        ({"metrics": [10, 2**31]}, "link fra-par: metric 2147483648; expected 1 to 2147483647"),
        ({"metrics": [10, 2.5]}, "link fra-par: metric 2.5 is not a whole number"),
        ({"metrics": [10, math.nan]}, "link fra-par: metric nan is not a whole number"),
        ({"metrics": ["10", "ten"]}, "metric: expected whole numbers, got <U3"),
        ({"metrics": [10]}, "metric: expected one for each of the 2 links, got shape (1,)"),
        ({"heads": [1, 3]}, "link fra-par: head 3 is no router; expected 0 to 2"),
        ({"tails": [-1, 1]}, "link ams-fra: tail -1 is no router; expected 0 to 2"),
        ({"routers": ["ams", "fra", "ams"]}, "router ams is there twice"),
        ({"links": ["x", "x"]}, "link x is there twice"),
        ({"failures": [Failure(kind="srlg", name="fibre-7")]}, "srlg fibre-7 names nothing that could fail"),
        ({"failures": [Failure(kind="link", name="x", links=(2,))]}, "link x: no link 2; expected 0 to 1"),
        ({"failures": [Failure(kind="member", name="x", lessened=((0, math.nan),))]}, "member x: link ams-fra is to lose nan Mbit/s; expected a number of at least 0"),
        ({"failures": [Failure(kind="member", name="x", lessened=((9, 1.0),))]}, "member x: no link 9; expected 0 to 1"),
        ({"failures": [Failure(kind="router", name="x", routers=(-1,))]}, "router x: no router -1; expected 0 to 2"),
    ],
)  # fmt: skip
def test_arrays_at_fault_are_named(wrong: dict[str, object], line: str) -> None:
    with pytest.raises(InputError) as error:
        model(**wrong)
    assert str(error.value) == line
    assert error.value.exit_code == 2


def test_infinite_capacity_is_a_link_that_cannot_be_full() -> None:
    (batch,) = sweep(model(capacities=[math.inf, math.inf]), failures=0)
    assert batch.max_utilisation.tolist() == [0.0]
    assert batch.worst.tolist() == [-1]


BOTH = (
    Failure(kind="link", name="ams-fra", links=(0,)),
    Failure(kind="router", name="fra", routers=(1,)),
)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"kinds": ["srlg"]}, "nothing of kind srlg can fail here; there are link, router"),
        ({"exclude": ["ams-lon"]}, "exclude: nothing called ams-lon can fail here"),
        ({"method": "guess"}, "method guess: expected incremental or full"),
        ({"limit": 0.0}, "limit 0.0: expected a utilisation above 0, such as 0.8"),
        ({"limit": math.nan}, "limit nan: expected a utilisation above 0, such as 0.8"),
        ({"only_limit": True}, "only what exceeds the limit was asked for, without a limit"),
        ({"threads": -1}, "-1 threads: expected 1 or more, or 0 for all processors"),
        ({"failures": -1}, "-1 failures at once: expected 0, 1 or 2"),
    ],
)  # fmt: skip
def test_requests_without_meaning(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as error:
        sweep(model(failures=BOTH), **asked)
    assert str(error.value) == line


def many(count: int) -> LoadModel:
    return model(failures=[Failure(kind="link", name=f"f{number}", links=(0,)) for number in range(count)])


def test_too_many_scenarios_say_how_many() -> None:
    with pytest.raises(UsageError) as error:
        sweep(many(2_000), failures=3)
    # 1 + 2000 + 2000*1999/2 + 2000*1999*1998/6
    assert "3 failures at once (1,333,335,001 scenarios of 2,000 things that fail)" in str(error.value)
    with pytest.raises(UsageError) as error:
        sweep(many(44_722), failures=2)
    # 1 + 44722 + 44722*44721/2
    assert str(error.value).startswith("1,000,051,004 scenarios are more than 1,000,000,000: take fewer failures")


def test_what_goes_in_cannot_change_afterwards() -> None:
    demands = np.array(GOOD["demands"], dtype=float)
    kept = model(demands=demands)
    demands[0, 1] = 99
    assert kept.demands[0, 1] == 1
    with pytest.raises(ValueError, match="read-only"):
        kept.demands[0, 1] = 5
