"""Network folders of every accepted layout become the same kind of value."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from backstay.model.errors import FolderError
from backstay.model.network import InterfaceRef, Link, Network
from backstay.model.source import Place
from backstay.read.folder import load, reader_for

HERE = Path(__file__).parent
LABS = Path(__file__).parents[3] / "shared" / "truth" / "labs"


def conf(name: str, *addresses: str, daemon: str = "") -> str:
    stanzas = "".join(f"interface eth{n}\n ip address {text}\n!\n" for n, text in enumerate(addresses))
    return f"frr version 8.4.4\nfrr defaults traditional\nhostname {name}\n!\n{stanzas}{daemon}"


def write(root: Path, **files: str) -> Path:
    """Files by their path below ``root``."""
    for name, text in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root


PAIR = {"configs/a.conf": conf("a", "10.0.0.0/31"), "configs/b.conf": conf("b", "10.0.0.1/31")}


def codes(network: Network) -> list[str]:
    return sorted(remark.code for remark in network.remarks)


def test_the_base_folder() -> None:
    network = load(HERE / "base")
    assert (network.name, list(network.routers)) == ("three", ["fra1", "lon1", "par1"])
    assert list(network.links) == ["fra1:eth0--par1:eth0", "lon1:eth0--par1:eth1"]
    first, second = network.links.values()
    assert (first.capacity, first.length_km, first.risk_groups) == (100_000.0, 480.0, frozenset({"fibre-7"}))
    assert second.capacity == 40_000.0
    assert network.links["fra1:eth0--par1:eth0"].place == Place("backstay.yaml", 7)
    assert [demand.period for demand in network.demands] == ["day", "night", "day", "day"]
    assert network.remarks == ()
    assert network.routers["fra1"].sources[0].path == "configs/fra1.conf"
    assert network.intent_place == Place("backstay.yaml")


def test_the_same_folder_gives_the_same_value(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "three")
    assert load(HERE / "base") == load(tmp_path / "three")


def test_a_folder_of_configurations_alone(tmp_path: Path) -> None:
    network = load(write(tmp_path / "october", **PAIR))
    assert network.name == "october"
    assert list(network.links) == ["a:eth0--b:eth0"]
    assert codes(network) == ["no-intent"]


@pytest.mark.parametrize("suffix", [".conf", ".cfg", ".txt", ".config", ""])
def test_suffixes(tmp_path: Path, suffix: str) -> None:
    network = load(write(tmp_path, **{f"configs/a{suffix}": conf("a", "10.0.0.0/31")}))
    assert list(network.routers) == ["a"]


def test_one_folder_of_daemon_files_per_router(tmp_path: Path) -> None:
    network = load(
        write(
            tmp_path,
            **{
                "configs/a/zebra.conf": "hostname a\ninterface eth0\n ip address 10.0.0.0/31\n",
                "configs/a/bgpd.conf": "hostname a\nrouter bgp 64500\n neighbor 10.0.0.1 remote-as 64501\n",
                "configs/a/daemons": "zebra=yes\nbgpd=yes\n",
                "configs/a/vtysh.conf": "service integrated-vtysh-config\n",
                "configs/b.conf": conf("b", "10.0.0.1/31"),
            },
        )
    )
    one = network.routers["a"]
    assert [source.path for source in one.sources] == ["configs/a/bgpd.conf", "configs/a/zebra.conf"]
    assert one.bgp[0].asn == 64500
    assert not one.unread
    assert list(network.links) == ["a:eth0--b:eth0"]


def test_the_file_names_a_router_without_hostname(tmp_path: Path) -> None:
    text = "frr version 8.4.4\ninterface eth0\n ip address 10.0.0.0/31\n"
    assert list(load(write(tmp_path, **{"configs/edge7.conf": text})).routers) == ["edge7"]


def test_a_byte_order_mark_and_crlf_are_no_matter(tmp_path: Path) -> None:
    write(tmp_path, **PAIR)
    (tmp_path / "configs/a.conf").write_bytes(b"\xef\xbb\xbf" + PAIR["configs/a.conf"].replace("\n", "\r\n").encode())
    network = load(tmp_path)
    assert network.routers["a"].sources[0].text == PAIR["configs/a.conf"]
    assert not network.routers["a"].unread


def test_other_files_are_left_out_and_named(tmp_path: Path) -> None:
    network = load(write(tmp_path, **PAIR, **{"configs/README.md": "x", "configs/old/notes.md": "x"}))
    left_out = [str(remark.place) for remark in network.remarks if remark.code == "not-read"]
    assert left_out == ["configs/README.md", "configs/old"]


def edges(*pairs: tuple[str, str, str, str]) -> str:
    made = [
        {"node1": {"hostname": a, "interfaceName": i}, "node2": {"hostname": b, "interfaceName": j}}
        for a, i, b, j in pairs
    ]
    return json.dumps({"edges": made})


@pytest.mark.parametrize("where", ["layer1_topology.json", "batfish/layer1_topology.json"])
def test_a_batfish_snapshot_below_the_folder(tmp_path: Path, where: str) -> None:
    """Unnumbered interfaces: only the layer-1 file says that they are one wire; it tells each edge both ways."""
    cables = edges(
        ("A", "Eth0", "b", "eth0"), ("b", "eth0", "a", "eth0"), ("a", "eth1", "switch9", "1"), ("a", "x", "b", "eth1")
    )
    files = {"configs/a.conf": conf("a", "10.9.0.1/32", "10.0.5.1/24"), "configs/b.conf": conf("b", "10.9.0.2/32")}
    snapshot = write(tmp_path / "snap", **files, **{where: cables, "hosts/h1.json": "{}"})
    network = load(tmp_path)
    assert list(network.links) == ["a:eth0--b:eth0"]
    assert network.links["a:eth0--b:eth0"].place == Place(f"snap/{where}")
    texts = [remark.text for remark in network.remarks if remark.code == "layer1"]
    assert texts == [
        "layer 1 names a:x, which its configuration does not have",
        "layer 1 names b:eth1, which its configuration does not have",
        "layer 1 names switch9, which has no configuration here",
    ]
    assert [str(remark.place) for remark in network.remarks if remark.code == "not-read"] == ["hosts"]
    assert load(snapshot).links == {name: _at(link, Place(where)) for name, link in network.links.items()}


def _at(link: Link, place: Place) -> Link:
    return dataclasses.replace(link, place=place)


def test_declared_links_win_over_layer_1(tmp_path: Path) -> None:
    write(tmp_path, **PAIR, **{"configs/c.conf": conf("c", "10.9.9.1/32")})
    write(
        tmp_path,
        **{
            "layer1_topology.json": edges(("a", "eth0", "c", "eth0")),
            "backstay.yaml": 'links:\n  fibre: {ends: ["a:eth0", "b:eth0"]}\n',
        },
    )
    assert {name: link.ends for name, link in load(tmp_path).links.items()} == {
        "fibre": (InterfaceRef("a", "eth0"), InterfaceRef("b", "eth0"))
    }


def test_a_cable_with_two_subnets_is_told_and_carries_nothing(tmp_path: Path) -> None:
    files = {"configs/a.conf": conf("a", "10.0.0.0/31"), "configs/b.conf": conf("b", "10.0.7.1/31")}
    network = load(write(tmp_path, **files, **{"layer1_topology.json": edges(("a", "eth0", "b", "eth0"))}))
    assert network.links == {}
    assert codes(network) == ["link-subnets", "no-intent"]


def test_several_snapshots_are_not_one_network(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, **PAIR)
    with pytest.raises(FolderError, match=r"holds several networks \(one/configs, two/configs\)"):
        load(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("x")
    with pytest.raises(FolderError, match="is a file"):
        load(file)


def test_anycast_host_addresses_are_told(tmp_path: Path) -> None:
    network = load(write(tmp_path, **{f"configs/{n}.conf": conf(n, "10.9.9.9/32") for n in "ab"}))
    assert [remark.text for remark in network.remarks if remark.code == "anycast-address"] == [
        "10.9.9.9 is on 2 routers: a, b"
    ]


def test_readers_are_known_by_vendor() -> None:
    assert reader_for("frr").vendor == "frr"


@pytest.mark.skipif(not LABS.is_dir(), reason="the labs of real routers are not here")
@pytest.mark.parametrize(
    ("lab", "links"),
    [
        ("cumulusfrr_ospf_area_range", ["area0:swp1--summarize:swp1", "area1:swp2--summarize:swp2"]),
        ("cumulusfrr_ospf_unnumbered", ["r1:swp1--r2:swp1"]),
    ],
)
def test_labs_of_real_routers(lab: str, links: list[str]) -> None:
    """The adjacencies those routers showed (show_ip_ospf_neighbor): one each, over these interfaces."""
    network = load(LABS / lab)
    assert list(network.links) == links
    assert not [router.unread for router in network.routers.values() if router.unread]
