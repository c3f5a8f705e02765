"""Static routes: when they hold and where they send, as zebra of FRR 8.4.4 does (nexthop_active; seen where said)."""

from tests.simulate.interiors import Lab

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Overlay

L2 = frozenset({2})


def ip(text: str) -> Address:
    return Address.parse(text)


def test_a_next_hop_on_a_connected_subnet() -> None:
    lab = Lab("a b").link("a", "b").static("a", "77.0.0.0/8", next_hop=ip("10.0.1.1"), tag=9)
    route = lab.tables().table("a")[Prefix.parse("77.0.0.0/8")]
    (hop,) = route.next_hops
    assert (str(hop.address), hop.interface, hop.neighbor) == ("10.0.1.1", "to-b", InterfaceRef("b", "to-a"))
    assert (route.tag, route.distance, route.metric) == (9, 1, 0)


def test_a_recursive_next_hop_shows_its_address_and_leaves_by_the_igp() -> None:
    """Seen on FRR: `S> 98.0.0.0/8 [1/0] via 10.255.0.2 (recursive)`, `* via 10.0.1.1, e-b`."""
    lab = Lab("a b").link("a", "b").isis("a", levels=L2).isis("b", levels=L2)
    lab.static("a", "98.0.0.0/8", next_hop=ip("10.255.0.2"))
    route = lab.tables().table("a")[Prefix.parse("98.0.0.0/8")]
    assert [(str(hop.address), hop.interface) for hop in route.next_hops] == [("10.255.0.2", None)]
    assert [(str(hop.address), hop.interface) for hop in route.forwarding] == [("10.0.1.1", "to-b")]


def test_a_default_route_resolves_nothing() -> None:
    """Seen on FRR 8.4.4: with a default route in place, 99.0.0.0/8 via 192.0.2.77 stays out of the table."""
    lab = Lab("a b").link("a", "b").static("a", "0.0.0.0/0", next_hop=ip("10.0.1.1"))
    lab.static("a", "99.0.0.0/8", next_hop=ip("192.0.2.77"))
    assert set(lab.shown("a")) == {"0.0.0.0/0"}


def test_a_route_does_not_resolve_over_itself() -> None:
    lab = Lab("a").static("a", "10.9.0.0/16", next_hop=ip("10.9.1.1"))
    assert lab.shown("a") == {}


def test_two_routes_do_not_resolve_over_each_other() -> None:
    lab = (
        Lab("a").static("a", "10.8.0.0/16", next_hop=ip("10.9.1.1")).static("a", "10.9.0.0/16", next_hop=ip("10.8.1.1"))
    )
    assert lab.shown("a") == {}


def test_recursion_over_another_static() -> None:
    lab = Lab("a b").link("a", "b").static("a", "10.9.0.0/16", next_hop=ip("10.0.1.1"))
    lab.static("a", "77.0.0.0/8", next_hop=ip("10.9.1.1"))
    route = lab.tables().table("a")[Prefix.parse("77.0.0.0/8")]
    assert [(str(hop.address), hop.interface) for hop in route.forwarding] == [("10.0.1.1", "to-b")]


def test_an_own_address_is_no_next_hop() -> None:
    lab = Lab("a").static("a", "77.0.0.0/8", next_hop=ip("10.255.0.1"))
    assert lab.shown("a") == {}


def test_discard_routes_of_both_kinds() -> None:
    lab = Lab("a").static("a", "77.0.0.0/8", discard="blackhole").static("a", "78.0.0.0/8", discard="reject")
    assert lab.shown("a") == {"77.0.0.0/8": "static 1/0 blackhole", "78.0.0.0/8": "static 1/0 reject"}


def test_a_route_by_interface_holds_while_the_interface_is_up() -> None:
    lab = Lab("a b").link("a", "b").static("a", "77.0.0.0/8", interface="to-b")
    assert lab.shown("a") == {"77.0.0.0/8": "static 1/0 to-b"}
    assert lab.shown("a", Overlay(links_down=frozenset({"a-b"}))) == {}


def test_a_floating_static_steps_in() -> None:
    lab = Lab("a b c").link("a", "b").link("a", "c")
    lab.static("a", "77.0.0.0/8", next_hop=ip("10.0.1.1")).static(
        "a", "77.0.0.0/8", next_hop=ip("10.0.2.1"), distance=250
    )
    assert lab.shown("a") == {"77.0.0.0/8": "static 1/0 10.0.1.1@to-b"}
    assert lab.shown("a", Overlay(links_down=frozenset({"a-b"}))) == {"77.0.0.0/8": "static 250/0 10.0.2.1@to-c"}


def test_lines_of_one_distance_share_the_load() -> None:
    lab = Lab("a b c").link("a", "b").link("a", "c")
    lab.static("a", "77.0.0.0/8", next_hop=ip("10.0.2.1")).static("a", "77.0.0.0/8", next_hop=ip("10.0.1.1"))
    assert lab.shown("a") == {"77.0.0.0/8": "static 1/0 10.0.1.1@to-b, 10.0.2.1@to-c"}


def test_a_next_hop_in_another_vrf() -> None:
    lab = Lab("a b").link("a", "b").tune("a", "to-b", vrf="red").tune("b", "to-a", vrf="red")
    lab.static("a", "77.0.0.0/8", next_hop=ip("10.0.1.1"), next_hop_vrf="red")
    (hop,) = lab.tables().table("a")[Prefix.parse("77.0.0.0/8")].next_hops
    assert (str(hop.address), hop.interface, hop.vrf) == ("10.0.1.1", "to-b", "red")
