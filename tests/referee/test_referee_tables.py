"""Tables kept small are held against `Rib.best`, prefix by prefix, on random networks."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from tests.referee import random_backbone, random_igp

import backstay
from backstay.model.network import NOTHING, Network
from backstay.referee.converge import converge
from backstay.referee.tables import tables


def _compare(network: Network) -> int:
    rib = converge(network, NOTHING).rib
    count = 0
    for router, vrfs in tables(rib).items():
        for vrf, table in vrfs.items():
            place = (router, vrf)
            plain = {prefix: rib.best(place, prefix) for prefix in rib.prefixes(place)}
            assert dict(table.items()) == plain == {prefix: table[prefix] for prefix in table}, place
            assert list(table) == sorted(plain)
            assert len(table) == len(plain)
            assert all(prefix not in table for prefix in rib.known - plain.keys())
            assert pickle.loads(pickle.dumps(table)) == table
            count += len(plain)
    return count


@pytest.mark.parametrize("seed", range(12))
def test_tables_of_a_random_igp(seed: int, tmp_path: Path) -> None:
    random_igp.write_simple(tmp_path / "net", seed)
    assert _compare(backstay.load(tmp_path / "net"))


@pytest.mark.parametrize("seed", range(3))
def test_tables_of_a_random_backbone(seed: int, tmp_path: Path) -> None:
    assert _compare(random_backbone.network(tmp_path / "net", seed)) > 500


def test_a_table_that_says_the_same_is_the_same(october: Network) -> None:
    first, again = tables(converge(october, NOTHING).rib), tables(converge(october, NOTHING).rib)
    assert all(first[router][vrf] is table for router, vrfs in again.items() for vrf, table in vrfs.items())
