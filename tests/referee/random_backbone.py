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
    """Few different metrics make many equal paths; up to three routers are overloaded; one may have no BGP; up to three
    links have a second one beside them.
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
    for number, link in enumerate(rng.sample(_links(folder), rng.randint(0, 3))):
        _double(folder, link, number)
    return backstay.load(folder)


def _links(folder: Path) -> list[tuple[str, str]]:
    """The ends of each link, out of what the generator declares."""
    declared = (folder / "backstay.yaml").read_text()
    return re.findall(r'^  "([\w-]+:\w+)--([\w-]+:\w+)"', declared, flags=re.MULTILINE)


def _double(folder: Path, ends: tuple[str, str], number: int) -> None:
    """A second link between two routers, which costs what the first does."""
    for place, end in enumerate(ends):
        name, port = end.split(":")
        path = folder / "configs" / f"{name}.conf"
        found = re.search(rf"^interface {port}\n(?: .*\n)*? isis metric (\d+)", path.read_text(), flags=re.MULTILINE)
        assert found is not None
        metric = found[1]
        lines = [
            f"interface eth{70 + number}", " bandwidth 100000", f" ip address 10.99.{number}.{place}/31",
            f" ipv6 address 2001:db8:99:{number}::{place}/127", " ip router isis CORE", " ipv6 router isis CORE",
            f" isis metric {metric}", " isis network point-to-point", "exit", "!",
        ]  # fmt: skip
        path.write_text(path.read_text().replace("interface lo\n", "\n".join([*lines, "interface lo\n"]), 1))
