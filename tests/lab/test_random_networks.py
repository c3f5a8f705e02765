"""Real FRR 8.4.4 routers have what both engines say of random networks: where the engines agree, they may be wrong together.

``make lab-laws`` tries ten, ``BACKSTAY_LAB_LAWS=N BACKSTAY_SEED=S make lab-laws`` N others. A network on which the routers have
something else is left in ``.laws/lab-S-I``. Networks that an engine cannot tell of are no matter here; nor are those with lines that FRR refuses.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.lab.labkit import lab
from tests.laws.folder import Folder
from tests.laws.strategy import folders

from backstay.audit.agree import disagreements
from backstay.lab.engine import completed
from backstay.lab.readout import state
from backstay.lab.stillness import settle
from backstay.model.errors import ConfigError, Unproven
from backstay.model.finding import Engine
from backstay.model.network import NOTHING, Network
from backstay.model.state import State
from backstay.referee.engine import simulate as referee
from backstay.simulate.engine import simulate as fast

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("lab")]

EXAMPLES = int(os.environ.get("BACKSTAY_LAB_LAWS", "1"))
SEED = int(os.environ.get("BACKSTAY_SEED", "20211004"))
ENGINES: dict[str, Engine] = {"fast": fast, "referee": referee}
ASKED = {"routes", "adjacencies", "sessions", "advertisements", "flows"}
KEPT = Path(".laws")


@lru_cache
def drawn() -> tuple[Folder, ...]:
    """Networks of which both engines tell everything, with a BGP session that is up."""
    found: list[Folder] = []

    @seed(SEED)
    @settings(
        max_examples=4 * EXAMPLES + 20,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(folders(sizes=(2, 3, 4, 5)))
    def draw(folder: Folder) -> None:
        if len(found) < EXAMPLES and folder not in found and told(folder.load()) is not None:
            found.append(folder)

    draw()
    return tuple(found)


def told(network: Network) -> dict[str, State] | None:
    """What each engine says; None where one of them cannot tell."""
    try:
        states = {name: engine(network, NOTHING, False) for name, engine in ENGINES.items()}
    except Unproven:
        return None
    if any(found.unknowns or not any(item.established for item in found.sessions) for found in states.values()):
        return None
    return states


@pytest.mark.parametrize("number", range(EXAMPLES))
def test_real_routers_have_what_both_engines_say(number: int) -> None:
    if number >= len(drawn()):
        pytest.skip("not so many of the networks drawn can be told of")
    folder = drawn()[number]
    network = folder.load()
    computed = told(network)
    assert computed is not None
    try:
        with lab(network, f"l-{os.getpid()}-{number}") as (kept, content):
            settle(kept, content)
            real = state(kept, content, questions=False)
    except ConfigError as refused:
        pytest.skip(f"FRR refuses a line: {refused}")
    found = [
        f"{item.shape}: {item.subject}: {name} {item.left}, FRR {item.right}"
        for name, said in computed.items()
        for item in disagreements(said, completed(real, said))
        if item.field in ASKED
    ]
    if found:
        folder.write(KEPT / f"lab-{SEED}-{number}")
    assert found == []
