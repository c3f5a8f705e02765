"""Attributes are made once for each path: of a path that is gone, another one at its place in memory inherits nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as File

from backstay.model.network import NOTHING
from backstay.read.folder import load
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_speaker import speakers
from backstay.simulate.bgp_tables import Shared, _attributes
from backstay.simulate.topology import derive

OCTOBER = File(__file__).parents[2] / "examples" / "october"


def test_a_path_that_is_gone_lends_its_attributes_to_nobody() -> None:
    network = load(OCTOBER)
    speaker = speakers(network, derive(network, NOTHING))[0]
    plain = Path(weight=7)
    shared: Shared = {}
    for preference in range(1000):
        # Nothing else holds the path: without the cache's own hold the next one stands at the same place in memory.
        found = _attributes(speaker, replace(plain, local_preference=preference), "", shared)
        assert found.local_preference == preference
