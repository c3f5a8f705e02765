"""Which interfaces are up and who is next to whom."""

import pytest
from tests.simulate.interiors import Lab

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Overlay
from backstay.simulate.topology import derive


def ref(text: str) -> InterfaceRef:
    return InterfaceRef(*text.split(":"))


def lan() -> Lab:
    lab = Lab("a b c")
    for number, name in enumerate("abc", start=1):
        lab.port(name, "lan", f"192.0.2.{number}/24")
    return lab.join("lan", "a:lan", "b:lan", "c:lan")


def test_an_end_shut_by_hand_takes_the_carrier_from_the_other() -> None:
    lab = Lab("a b").link("a", "b").tune("a", "to-b", enabled=False)
    topology = derive(lab.network(), Overlay())
    assert ref("b:to-a") not in topology.up
    assert ref("b:lo") in topology.up


@pytest.mark.parametrize(
    "overlay",
    [
        Overlay(links_down=frozenset({"a-b"})),
        Overlay(routers_down=frozenset({"a"})),
        Overlay(interfaces_down=frozenset({ref("a:to-b")})),
    ],
)
def test_a_cut_darkens_both_ends_of_a_fibre(overlay: Overlay) -> None:
    topology = derive(Lab("a b").link("a", "b").network(), overlay)
    assert ref("b:to-a") not in topology.up
    assert topology.peers.get(ref("b:to-a"), ()) == ()


def test_a_lan_of_three_stays_up_for_the_two_that_are_left() -> None:
    topology = derive(lan().network(), Overlay(routers_down=frozenset({"a"})))
    assert topology.peers[ref("b:lan")] == (ref("c:lan"),)
    assert topology.routers == ("b", "c")


def test_an_interface_on_no_link_is_up_and_alone() -> None:
    topology = derive(Lab("a").port("a", "eth9", "203.0.113.1/30").network(), Overlay())
    assert ref("a:eth9") in topology.up
    assert ref("a:eth9") not in topology.peers


def test_owners_are_the_interfaces_that_are_up() -> None:
    network = lan().network()
    address = Address.parse("192.0.2.1")
    assert derive(network, Overlay()).owner(address) == ref("a:lan")
    assert derive(network, Overlay(routers_down=frozenset({"a"}))).owner(address) is None


def test_the_neighbor_with_an_address_is_looked_for_on_the_segment_alone() -> None:
    topology = derive(lan().link("a", "b").network(), Overlay())
    assert topology.neighbor_with(ref("a:lan"), Address.parse("192.0.2.3")) == ref("c:lan")
    assert topology.neighbor_with(ref("a:lan"), Address.parse("10.0.1.1")) is None


@pytest.mark.parametrize(
    ("overlay", "text"),
    [
        (Overlay(routers_down=frozenset({"z"})), "no router z"),
        (Overlay(links_down=frozenset({"a-z"})), "no link a-z"),
        (Overlay(interfaces_down=frozenset({ref("a:eth7")})), "no interface a:eth7"),
    ],
)
def test_an_overlay_that_names_what_is_not_there_proves_nothing(overlay: Overlay, text: str) -> None:
    with pytest.raises(Unproven, match=text):
        derive(Lab("a").network(), overlay)
