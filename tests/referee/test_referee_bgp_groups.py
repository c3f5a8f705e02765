"""Handling prefixes together changes no answer: the same State comes out with every prefix by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.referee import netkit

from backstay.audit.agree import disagreements
from backstay.model.address import Prefix
from backstay.model.network import Network
from backstay.model.source import SourceFile
from backstay.model.state import State
from backstay.read import frr
from backstay.read.folder import load
from backstay.referee import bgp_exchange, bgp_groups, bgp_path
from backstay.referee.bgp_ends import End, Instance
from backstay.referee.bgp_groups import Group, Source
from backstay.referee.bgp_path import Attributes
from backstay.referee.engine import simulate

OCTOBER = Path(__file__).parents[2] / "examples" / "october"

BORDER = """
interface eth0
 ip address 192.0.2.0/31
interface eth1
 ip address 192.0.2.2/31
router bgp 65000
 bgp router-id 10.0.0.1
 neighbor 192.0.2.1 remote-as 64601
 neighbor 192.0.2.3 remote-as 64602
 address-family ipv4 unicast
  aggregate-address 203.0.112.0/22 summary-only
  neighbor 192.0.2.1 route-map IN in
  neighbor 192.0.2.1 route-map OUT out
  neighbor 192.0.2.3 route-map IN in
  neighbor 192.0.2.3 route-map OUT out
ip prefix-list SOME seq 5 permit 198.51.100.0/24 ge 26
route-map IN permit 10
 match ip address prefix-list SOME
 set local-preference 200
route-map IN permit 20
route-map OUT permit 10
 set community 65000:7
"""
WORLD = """
neighbors:
  one:
    asn: 64601
    kind: transit
    attachments: [{router: border, address: 192.0.2.1}]
    announces:
      - {prefix: 198.51.100.0/26, as_path: [64601, 1]}
      - {prefix: 198.51.100.64/26, as_path: [64601, 2]}
      - {prefix: 198.51.101.0/24, as_path: [64601, 3]}
      - {prefix: 198.51.102.0/24, as_path: [64601, 4]}
      - {prefix: 203.0.113.0/24, as_path: [64601, 5]}
      - {prefix: 203.0.114.0/24, as_path: [64601, 65533]}
  two:
    asn: 64602
    kind: transit
    attachments: [{router: border, address: 192.0.2.3}]
    announces:
      - {prefix: 198.51.100.0/26, as_path: [64602, 1]}
      - {prefix: 198.51.100.64/26, as_path: [64602, 2]}
      - {prefix: 198.51.101.0/24, as_path: [64602, 3]}
      - {prefix: 198.51.102.0/24, as_path: [64602, 9, 4]}
"""


@pytest.fixture
def border(tmp_path: Path) -> Network:
    return netkit.network(tmp_path, {"border": BORDER}, WORLD)


def alone(monkeypatch: pytest.MonkeyPatch, network: Network) -> State:
    """The State with every prefix in a group of its own."""

    def each(
        network: Network,
        instances: tuple[Instance, ...],
        ends: Iterable[End],
        offers: Mapping[Prefix, list[tuple[Source, Attributes]]],
        _alone: frozenset[Prefix],
    ) -> list[Group]:
        return bgp_groups.grouped(network, instances, ends, offers, frozenset(offers))

    with monkeypatch.context() as patch:
        patch.setattr(bgp_exchange, "grouped", each)
        return simulate(network)


def groups(network: Network, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    plain = bgp_groups.grouped

    def seen(*given: object) -> list[Group]:
        made = plain(*given)  # type: ignore[arg-type]
        found[:] = [tuple(str(prefix) for prefix in group.prefixes) for group in made]
        return made

    with monkeypatch.context() as patch:
        patch.setattr(bgp_exchange, "grouped", seen)
        simulate(network)
    return found


def test_what_is_told_apart_and_what_is_not(border: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The /26s match the list alike and differ in an AS nobody mentions; the others differ in list, length of path, cover,
    or in an AS number's being private.
    """
    assert sorted(groups(border, monkeypatch)) == [
        ("198.51.100.0/26", "198.51.100.64/26"),
        ("198.51.101.0/24",),
        ("198.51.102.0/24",),
        ("203.0.112.0/22",),
        ("203.0.113.0/24",),
        ("203.0.114.0/24",),
    ]


def test_each_by_itself_gives_the_same_state(border: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    together = simulate(border)
    assert list(disagreements(together, alone(monkeypatch, border))) == []
    route = together.routes["border"]["default"][Prefix.parse("198.51.100.64/26")]
    assert route.attributes is not None
    assert (route.attributes.as_path, route.attributes.local_preference) == ("64601 2", 200)


def test_october_by_itself_gives_the_same_state(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load(OCTOBER)
    assert list(disagreements(simulate(network), alone(monkeypatch, network))) == []


def test_an_expression_over_paths_keeps_names_apart(border: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once some list reads AS paths, two prefixes whose origins have different numbers are two groups."""
    text = border.routers["border"].sources[0].text + "bgp as-path access-list A seq 5 permit _2$\n"
    reread = _with_text(border, text, monkeypatch)
    assert ("198.51.100.0/26",) in reread
    assert ("198.51.100.64/26",) in reread


def _with_text(network: Network, text: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    router = frr.read_router((SourceFile("border.conf", text),), "border")
    return groups(replace(network, routers={"border": router}), monkeypatch)


def test_names_are_put_back() -> None:
    path = bgp_path.of((64601, 1, 5, 1))
    assert bgp_path.text(bgp_groups.restored(path, {1: 2})) == "64601 2 5 2"
    assert bgp_groups.restored(path, {}) is path
