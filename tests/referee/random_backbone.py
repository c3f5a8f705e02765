"""Random backbones with BGP, DNS sites and demands: a generated one with other metrics and drained routers."""

from __future__ import annotations

import random
import re
from pathlib import Path

import backstay
from backstay.generate.folder import generate
from backstay.model.network import Network

TOPOLOGIES = ("sndlib/abilene", "sndlib/polska", "sndlib/atlanta", "sndlib/newyork")


def network(folder: Path, seed: int) -> Network:
    """Few different metrics make many equal paths; up to three routers are overloaded; one may have no
    BGP.
    """
    rng = random.Random(seed)
    generate(TOPOLOGIES[seed % len(TOPOLOGIES)], folder, external_prefixes=24)
    paths = sorted((folder / "configs").iterdir())
    drained = set(rng.sample(paths, rng.randint(0, 3)))
    mute = rng.choice([None, *paths])
    scale = rng.choice((1, 3, 40))
    for path in paths:
        text = path.read_text()
        text = re.sub(r"isis metric \d+", lambda _: f"isis metric {rng.randint(1, scale) * 10}", text)
        if path in drained:
            text = re.sub(r"(router isis \S+\n)", r"\1 set-overload-bit\n", text, count=1)
        if path is mute:
            text = re.sub(r"^router bgp .*?^exit$", "", text, flags=re.DOTALL | re.MULTILINE)
        path.write_text(text)
    return backstay.load(folder)
