"""An overloaded router starts paths that none leads through: after a failure it chooses its BGP exits anew like any other."""

from __future__ import annotations

from pathlib import Path

import backstay
from backstay.audit.agree import disagreements

DRAINED = Path(__file__).resolve().parents[2] / "examples" / "october-drained"


def test_both_engines_see_the_same_failures_of_a_drained_network() -> None:
    network = backstay.load(DRAINED)
    fast = backstay.simulate(network, engine="fast", sweep=True)
    referee = backstay.simulate(network, engine="referee", sweep=True)
    assert fast.sweep is not None
    assert len(fast.sweep) > len(network.links)
    assert list(disagreements(fast, referee)) == []
