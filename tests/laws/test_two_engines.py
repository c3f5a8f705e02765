"""Both engines say the same of every network, or one of them says that it cannot tell.

``make test`` tries a few hundred, ``make laws`` thousands. A network on which they differ is written to ``.laws/NAME`` as a network folder with the
overlay, smallest found, to be judged by the standard and kept in ``tests/laws/found``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import event, given, seed, settings
from hypothesis import strategies as st
from tests.laws.conftest import SEED
from tests.laws.folder import Folder
from tests.laws.strategy import folders, overlays

from backstay.audit.agree import disagreements
from backstay.model.errors import Unproven
from backstay.model.finding import Engine
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import State
from backstay.referee.engine import simulate as referee
from backstay.simulate.engine import simulate as fast

KEPT = Path(".laws")

pytestmark = pytest.mark.laws


def answer(engine: Engine, network: Network, overlay: Overlay, *, sweep: bool = False) -> State | None:
    """None where the engine says that it cannot tell: the gate refuses then."""
    try:
        found = engine(network, overlay, sweep)
    except Unproven:
        return None
    return None if found.unknowns else found


def agree(folder: Folder, network: Network, overlay: Overlay, *, sweep: bool = False) -> None:
    left = answer(fast, network, overlay, sweep=sweep)
    right = answer(referee, network, overlay, sweep=sweep)
    if left is None or right is None:
        event("one of them cannot tell")
        return
    found = [f"{item.shape}, {item.subject}: {item.left} | {item.right}" for item in disagreements(left, right)][:5]
    if found:
        keep(folder, overlay, found)
    assert found == []


def keep(folder: Folder, overlay: Overlay, found: list[str]) -> None:
    """The last one written is the smallest: Hypothesis shrinks towards it."""
    folder.write(KEPT / "smallest")
    shown = {
        "routers_down": sorted(overlay.routers_down),
        "links_down": sorted(overlay.links_down),
        "interfaces_down": sorted(map(str, overlay.interfaces_down)),
        "differences": found,
    }
    (KEPT / "smallest" / "overlay.yaml").write_text(yaml.safe_dump(shown), encoding="utf-8")


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(), st.data())
def test_engines_agree_on_random_networks_and_failures(folder: Folder, data: st.DataObject) -> None:
    network = folder.load()
    agree(folder, network, data.draw(overlays(network)))


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=(2, 3, 4)))
def test_engines_agree_on_every_single_failure_of_small_networks(folder: Folder) -> None:
    agree(folder, folder.load(), NOTHING, sweep=True)
