"""Routes that are there and never used: administrative distance 255 (FRR zebra_rib.c, DISTANCE_INFINITY)."""

from __future__ import annotations

from pathlib import Path

from tests.cli import small

import backstay
from backstay.model.address import Prefix

DOCUMENTATION = Prefix.parse("198.51.100.0/24")


def test_a_static_route_of_infinite_distance_is_not_used(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "net")
    assert DOCUMENTATION in backstay.simulate(backstay.load(folder)).routes["r1"]["default"]
    config = folder / "configs" / "r1.conf"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("24 blackhole", "24 blackhole 255"), encoding="utf-8")
    assert DOCUMENTATION not in backstay.simulate(backstay.load(folder)).routes["r1"]["default"]


def test_bgp_routes_of_infinite_distance_are_passed_on_and_not_used(tmp_path: Path) -> None:
    """r1 announces to r2 over loopbacks, r2 reflects to r3; r2 itself uses nothing of it."""
    folder = small.write(tmp_path / "net")
    peers = {1: (2,), 2: (1, 3), 3: (2,)}
    for number, others in peers.items():
        lines = ["router bgp 65000"]
        for other in others:
            lines += [f" neighbor 10.0.0.{other} remote-as 65000", f" neighbor 10.0.0.{other} update-source lo"]
        lines += [" address-family ipv4 unicast"]
        lines += ["  network 198.51.100.0/24"] if number == 1 else []
        lines += [f"  neighbor 10.0.0.{other} route-reflector-client" for other in others] if number == 2 else []
        lines += ["  distance bgp 20 255 200"] if number == 2 else []
        config = folder / "configs" / f"r{number}.conf"
        config.write_text(config.read_text(encoding="utf-8") + "\n".join([*lines, ""]), encoding="utf-8")
    routes = backstay.simulate(backstay.load(folder)).routes
    assert DOCUMENTATION not in routes["r2"]["default"]
    assert routes["r3"]["default"][DOCUMENTATION].protocol == "ibgp"


def test_an_interior_protocol_of_infinite_distance_is_not_computed(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "net")
    config = folder / "configs" / "r2.conf"
    config.write_text(config.read_text(encoding="utf-8") + " distance 255\n", encoding="utf-8")
    state = backstay.simulate(backstay.load(folder))
    assert [remark.code for remark in state.unknowns] == ["ospf-infinite-distance"]
