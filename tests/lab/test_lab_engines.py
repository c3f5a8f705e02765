"""Real FRR 8.4.4 routers against both engines, route by route, session by session, on the networks of `small_networks`.

A quick part always; all of them with ``BACKSTAY_LAB=all`` (`make lab-all`). A difference that stands here as known is one
where FRR's own semantics are written down and the engine has not learned them yet; it must stay exactly that.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.lab.labkit import EVERYTHING, lab
from tests.lab.small_networks import NETWORKS, QUICK

from backstay import api
from backstay.audit.agree import disagreements
from backstay.lab.engine import completed
from backstay.lab.readout import state
from backstay.lab.stillness import settle
from backstay.read.folder import load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("lab")]

ENGINES = ("fast", "referee")
ASKED = {"routes", "adjacencies", "sessions", "advertisements", "flows"}
KNOWN = {
    (
        "ospf-range",
        "fast",
    ): "FRR ignores summaries that lie within an active range of its own (ospf_ia.c), RFC 2328 16.2 equal ones",
    ("ospf-range", "referee"): "the same",
}


@pytest.mark.parametrize("name", list(NETWORKS) if EVERYTHING else QUICK)
def test_engines_say_what_real_routers_do(name: str, tmp_path: Path) -> None:
    network = load(NETWORKS[name](tmp_path))
    assert not [line for router in network.routers.values() for line in router.unread]
    with lab(network, f"t-{os.getpid()}-{name}"[:32].rstrip("-")) as (kept, content):
        settle(kept, content)
        real = state(kept, content, questions=False)
    assert not real.unknowns
    told = {}
    for engine in ENGINES:
        computed = api.simulate(network, engine=engine)
        found = [d for d in disagreements(computed, completed(real, computed)) if d.field in ASKED]
        if found or (name, engine) in KNOWN:
            told[engine] = [f"{d.shape}: {d.subject}: {engine} {d.left}, FRR {d.right}" for d in found[:10]]
    expected = {engine for engine in ENGINES if (name, engine) in KNOWN}
    assert {engine for engine, found in told.items() if found} == expected, told


def test_there_are_forty_networks_and_the_quick_ones_are_among_them() -> None:
    assert len(NETWORKS) >= 40
    assert set(QUICK) <= set(NETWORKS)
