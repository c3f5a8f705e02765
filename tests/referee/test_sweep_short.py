"""The short way through a sweep is held against the plain one: every failure of random backbones, computed both ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from tests.referee import random_backbone

from backstay.model.network import NOTHING, Network
from backstay.model.state import FailureResult
from backstay.referee.cascade import settle
from backstay.referee.sweep import Failure, Placed, failures
from backstay.referee.traffic import parts

FEW = 1e-6
"""Mbit/s, or a share: sums of the same demands in another order differ by less."""


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_failure_means_the_same_by_the_short_way(seed: int, tmp_path: Path) -> None:
    network = random_backbone.network(tmp_path / "net", seed)
    told = list(both_ways(network))
    assert len(told) > len(network.links)
    for failure, short, plain in told:
        assert alike(short, plain), (failure.kind, failure.name, short, plain)


def both_ways(network: Network) -> Iterator[tuple[Failure, FailureResult, FailureResult]]:
    """Each failure the short way can tell, told by both."""
    settled = settle(network, NOTHING)
    placed = Placed(network, settled, parts(network))
    assert placed.short.possible
    assert (
        0 < len(placed.short.trees) < len(placed.short.streams)
    )  # both ways of following a stream are held against it
    for failure in failures(network):
        short = placed.shortly(failure)
        if short is not None:
            yield failure, short, placed.plainly(failure)


def alike(one: FailureResult, other: FailureResult) -> bool:
    """The same but for rounding; of several equally loaded interfaces either may be named."""
    numbers = zip(astuple(one), astuple(other), strict=True)
    same = all(abs(a - b) <= FEW * max(1.0, abs(a)) if isinstance(a, float) else True for a, b in numbers)
    return same and (one.kind, one.name) == (other.kind, other.name)
