"""Rows read off the graph are the rows that asking every router's table gives."""

from pathlib import Path

import pytest
from tests.simulate.interiors import Lab

from backstay.model.address import Address
from backstay.model.network import NOTHING, Network, Overlay
from backstay.read.folder import load
from backstay.simulate import bgp
from backstay.simulate.converge import Routing
from backstay.simulate.fib import Branch, Fib

OCTOBER = Path(__file__).resolve().parents[2] / "examples" / "october"


def loopbacks(network: Network) -> list[Address]:
    return sorted(
        {
            item.address
            for router in network.routers.values()
            for at in router.interfaces.values()
            for item in at.addresses
        }
    )


def compared(network: Network, overlay: Overlay = NOTHING) -> int:
    """Hold every row against one made without columns; how many columns there were."""
    computed = Routing(network, bgp.compute)(overlay)
    quick, plain = Fib(computed), Fib(computed)
    plain._columns._usable = False
    found = 0
    for address in loopbacks(network):
        nodes = range(len(quick.nodes))
        mine, theirs = (fib.row(fib.target(address), nodes) for fib in (quick, plain))
        told = [[fib.hop_sets[number] for number in row.tolist()] for fib, row in ((quick, mine), (plain, theirs))]
        named = [[_named(fib, branches) for branches in row] for fib, row in zip((quick, plain), told, strict=True)]
        assert named[0] == named[1], address
        found += quick._columns.of(address) is not None
    return found


def _named(fib: Fib, branches: tuple[Branch, ...]) -> list[tuple[str, int, int, int]]:
    return sorted(
        (str(fib.interfaces[item.interface]) if item.interface >= 0 else "", item.node, item.fate, item.at)
        for item in branches
    )


def ring(metric: int = 10) -> Lab:
    lab = Lab("a b c d").link("a", "b").link("b", "c").link("c", "d").link("d", "a")
    for name in "abcd":
        lab.isis(name, levels=frozenset({2}))
    return lab


def test_equal_cost_branches_of_a_ring() -> None:
    assert compared(ring().network()) > 0


@pytest.mark.parametrize("down", ["a-b", "c-d"])
def test_a_link_down(down: str) -> None:
    assert compared(ring().network(), Overlay(links_down=frozenset({down}))) > 0


def test_an_island() -> None:
    assert compared(ring().network(), Overlay(links_down=frozenset({"a-b", "d-a"}))) > 0


def test_a_static_route_for_the_prefix_is_left_to_the_tables() -> None:
    assert compared(ring().static("a", "10.255.0.3/32", discard="blackhole").network()) > 0


def test_two_protocols_are_left_to_the_tables() -> None:
    lab = ring()
    for name in "abcd":
        lab.ospf(name)
    assert compared(lab.network()) == 4  # the IPv6 loopbacks, which OSPFv2 does not carry


def test_the_october_network_with_its_bgp() -> None:
    network = load(OCTOBER)
    assert compared(network) > 40
    assert compared(network, Overlay(routers_down=frozenset({sorted(network.routers)[3]}))) > 40
