"""Loads without a failure against those that topohub publishes with its topologies: an outside computation.

topohub gives, per link and direction, the load of equal-cost routing by hop count in per cent of the fullest link, rounded to
two digits: ``uni`` every pair sends alike, ``deg`` in proportion to the product of the ends' numbers of links.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import topohub

from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import LoadModel, load_model

KEYS = (
    "abilene",
    "cost266",
    "france",
    "geant",
    "germany50",
    "giul39",
    "india35",
    "newyork",
    "nobel-eu",
    "norway",
    "pioro40",
    "ta2",
)


def by_hops(found: dict[str, Any], matrix: str) -> LoadModel:
    place = {node["id"]: number for number, node in enumerate(found["nodes"])}
    ends = [(place[edge["source"]], place[edge["target"]]) for edge in found["edges"]]
    count, links = len(place), 2 * len(ends)
    degree = np.bincount(np.array(ends).ravel(), minlength=count).astype(float)
    demands = np.ones((count, count)) if matrix == "uni" else np.outer(degree, degree)
    return load_model(
        [str(v) for v in range(count)], [str(e) for e in range(links)],
        [end for pair in ends for end in pair], [end for one, two in ends for end in (two, one)],
        [1] * links, np.ones(links), demands,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("matrix", ["uni", "deg"])
@pytest.mark.parametrize("key", KEYS)
def test_loads_are_those_of_topohub(key: str, matrix: str) -> None:
    found = topohub.get(f"sndlib/{key}")  # type: ignore[no-untyped-call]
    (batch,) = sweep(by_hops(found, matrix), failures=0, loads=True, threads=1)
    assert batch.loads is not None
    published = [edge[way][matrix] for edge in found["edges"] for way in ("ecmp_fwd", "ecmp_bwd")]
    assert max(published) == 100
    np.testing.assert_allclose(100 * batch.loads[0] / batch.loads[0].max(), published, rtol=0, atol=0.0051)
