"""The way shortest paths are repaired after a failure is held against computing them anew."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.referee import random_igp

import backstay
from backstay.model.network import NOTHING, Network, Overlay
from backstay.referee import isis
from backstay.referee.isis_cut import Forest, IsisCut, can_be_cut
from backstay.referee.wiring import wire


@pytest.mark.parametrize("seed", range(12))
def test_paths_after_a_cut_are_those_of_the_network_without_it(seed: int, tmp_path: Path) -> None:
    random_igp.write_simple(tmp_path / "net", seed)
    network = backstay.load(tmp_path / "net")
    whole = isis.run(network, wire(network, NOTHING), {})
    assert can_be_cut(whole)
    forest = Forest(whole)
    rng = random.Random(seed)
    for _ in range(6):
        down = frozenset(rng.sample(sorted(network.links), rng.randint(1, 3)))
        _compare(network, forest, Overlay(links_down=down))


def _compare(network: Network, forest: Forest, overlay: Overlay) -> None:
    wiring = wire(network, overlay)
    anew = isis.run(network, wiring, {})
    cut = IsisCut(forest, wire(network, NOTHING).up - wiring.up)
    for key in anew.hellos.speakers:
        for prefix in sorted(anew.prefixes(key) | forest.base.prefixes(key)):
            assert cut.route(key, prefix) == anew.route(key, prefix), (key, str(prefix))
