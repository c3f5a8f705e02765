"""A whole folder: the same bytes each time, read without a remark, refused where it cannot be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backstay.generate.folder import generate
from backstay.model.endpoints import known_place
from backstay.model.errors import InputError
from backstay.read.folder import load

ROOT = Path(__file__).resolve().parents[2]
MADE = {"october": (), "october-drained": ("gen1",)}


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", MADE)
def test_the_committed_examples_are_what_the_generator_makes(name: str, tmp_path: Path) -> None:
    generate("sndlib/geant", tmp_path / name, name=name, drained=MADE[name])
    made = files(tmp_path / name)
    committed = {path: text for path, text in files(ROOT / "examples" / name).items() if path in made}
    assert committed == made
    assert set(files(ROOT / "examples" / name / "configs")) == {
        path.relative_to("configs") for path in made if path.parts[0] == "configs"
    }


@pytest.mark.parametrize("igp", ["isis", "ospf"])
@pytest.mark.parametrize("key", ["sndlib/geant", "gabriel/10/0", "topozoo/Abilene"])
def test_the_reader_takes_every_line(key: str, igp: str, tmp_path: Path) -> None:
    generate(key, tmp_path / "net", igp=igp)
    network = load(tmp_path / "net")
    assert not network.remarks
    assert [line for router in network.routers.values() for line in router.unread] == []
    assert [line for router in network.routers.values() for line in router.remarks] == []
    assert all(link.capacity for link in network.links.values())
    assert all(known_place(network, one.source, as_source=True) for one in network.demands)
    assert all(known_place(network, one.destination, as_source=False) for one in network.demands)


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        generate("sndlib/germany50", tmp_path / name, name="same")
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_no_address_stands_on_two_interfaces(tmp_path: Path) -> None:
    generate("backbone/north_america", tmp_path / "net")
    lines = [
        line
        for text in files(tmp_path / "net" / "configs").values()
        for line in text.decode().splitlines()
        if line.startswith((" ip address", " ipv6 address"))
    ]
    assert len(lines) > 1000
    assert len(set(lines)) == len(lines)


def test_every_external_session_has_both_policies_and_a_limit(tmp_path: Path) -> None:
    generate("sndlib/geant", tmp_path / "net")
    network = load(tmp_path / "net")
    external = [
        (router.name, neighbor)
        for router in network.routers.values()
        for process in router.bgp
        for neighbor in process.neighbors.values()
        if neighbor.remote_as not in (None, "internal", 65000)
    ]
    assert len(external) >= 2 * 10
    for name, neighbor in external:
        for family in neighbor.families.values():
            assert family.route_map_in, (name, neighbor.peer)
            assert family.route_map_out, (name, neighbor.peer)
            assert family.maximum_prefix, (name, neighbor.peer)


def test_drained_routers_have_the_igp_s_own_word_for_it(tmp_path: Path) -> None:
    generate("sndlib/geant", tmp_path / "isis", drained=("gen1",))
    generate("sndlib/geant", tmp_path / "ospf", igp="ospf", drained=("gen1",))
    assert " set-overload-bit\n" in (tmp_path / "isis/configs/gen1.conf").read_text()
    assert "set-overload-bit" not in (tmp_path / "isis/configs/fra1.conf").read_text()
    assert " max-metric router-lsa administrative\n" in (tmp_path / "ospf/configs/gen1.conf").read_text()
    assert " stub-router administrative\n" in (tmp_path / "ospf/configs/gen1.conf").read_text()


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(InputError, match="not empty"):
        generate("sndlib/geant", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert generate("topozoo/Abilene", tmp_path).routers == 11


@pytest.mark.parametrize(
    ("output", "key", "options", "said"),
    [
        ("missing/net", "sndlib/geant", {}, "parent folder"),
        ("file", "sndlib/geant", {}, "is a file"),
        ("net", "sndlib/gaent", {}, "nearest: sndlib/geant"),
        ("net", "sndlib/geant", {"igp": "rip"}, "expected isis or ospf"),
        ("net", "sndlib/geant", {"external_prefixes": 3}, "external prefixes"),
        ("net", "sndlib/geant", {"drained": ("xxx1",)}, "xxx1"),
        ("net", "gabriel/5/0", {}, "5 nodes"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_writes_nothing(
    output: str, key: str, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        generate(key, tmp_path / output, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.slow
def test_the_largest_backbone(tmp_path: Path) -> None:
    made = generate("backbone/world", tmp_path / "net")
    assert made.routers == 3815
    assert len(list((tmp_path / "net" / "configs").iterdir())) == 3815
