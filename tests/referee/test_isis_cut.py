"""The way shortest paths are repaired after a failure is held against computing them anew."""

from __future__ import annotations

import random
import re
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


@pytest.mark.parametrize("seed", range(4))
def test_routers_that_speak_ipv6_alone(seed: int, tmp_path: Path) -> None:
    random_igp.write_simple(tmp_path / "net", seed)
    for path in (tmp_path / "net" / "configs").iterdir():
        path.write_text(re.sub(r"^ ip (address|router) .*\n", "", path.read_text(), flags=re.MULTILINE))
    network = backstay.load(tmp_path / "net")
    forest = Forest(isis.run(network, wire(network, NOTHING), {}))
    assert not any(prefix.version == 4 and not prefix.is_default for prefix in forest.base.every_prefix())
    for name in sorted(network.links):
        _compare(network, forest, Overlay(links_down=frozenset({name})))


def test_a_link_that_costs_nothing_is_left_to_the_plain_way(tmp_path: Path) -> None:
    """First steps could lead there and back for ever: nothing tells which of two routers is nearer."""
    random_igp.write_simple(tmp_path / "net", 0)
    path = min((tmp_path / "net" / "configs").iterdir())
    path.write_text(re.sub(r"isis metric \d", "isis metric 0", path.read_text(), count=1))
    network = backstay.load(tmp_path / "net")
    assert not can_be_cut(isis.run(network, wire(network, NOTHING), {}))


def _compare(network: Network, forest: Forest, overlay: Overlay) -> None:
    wiring = wire(network, overlay)
    anew = isis.run(network, wiring, {})
    cut = IsisCut(forest, wire(network, NOTHING).up - wiring.up)
    for key in anew.hellos.speakers:
        for prefix in sorted(anew.prefixes(key) | forest.base.prefixes(key)):
            assert cut.route(key, prefix) == anew.route(key, prefix), (key, str(prefix))
