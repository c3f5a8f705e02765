"""Which interfaces are on one wire."""

from tests.read.kit import interface, router, routers

from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Link
from backstay.model.source import Place
from backstay.read.links import anycast_hosts, derive, duplicates, wire_view

A0, B0, C0 = InterfaceRef("a", "eth0"), InterfaceRef("b", "eth0"), InterfaceRef("c", "eth0")


def test_a_shared_subnet_is_a_link() -> None:
    found = derive(
        routers(router("a", interface("eth0", "10.0.0.0/31")), router("b", interface("eth0", "10.0.0.1/31")))
    )
    assert found.links == {"a:eth0--b:eth0": Link(name="a:eth0--b:eth0", ends=(A0, B0))}


def test_ipv6_alone_is_enough_and_link_local_is_not() -> None:
    six = derive(
        routers(router("a", interface("eth0", "2001:db8::/127")), router("b", interface("eth0", "2001:db8::1/127")))
    )
    local = derive(routers(router("a", interface("eth0", "fe80::1/64")), router("b", interface("eth0", "fe80::2/64"))))
    assert list(six.links) == ["a:eth0--b:eth0"]
    assert local.links == {}


def test_both_families_of_one_wire_are_one_link() -> None:
    one = router("a", interface("eth0", "10.0.0.0/31", "2001:db8::/127"))
    other = router("b", interface("eth0", "10.0.0.1/31", "2001:db8::1/127"))
    assert list(derive(routers(one, other)).links) == ["a:eth0--b:eth0"]


def test_three_routers_on_a_lan() -> None:
    lan = routers(*(router(name, interface("eth0", f"10.0.0.{n}/24")) for n, name in enumerate("abc", start=1)))
    assert derive(lan).links["a:eth0--b:eth0--c:eth0"].ends == (A0, B0, C0)


def test_vrfs_loopbacks_management_and_host_routes_are_no_wires() -> None:
    for settings in ({"vrf": "red"}, {"kind": "loopback"}, {"management": True}):
        one, other = interface("eth0", "10.0.0.1/24"), interface("eth0", "10.0.0.2/24", **settings)
        assert derive(routers(router("a", one), router("b", other))).links == {}
    hosts = routers(router("a", interface("eth0", "10.0.0.1/32")), router("b", interface("eth0", "10.0.0.1/32")))
    assert derive(hosts).links == {}


def test_the_wire_stays_when_an_interface_is_shut_down() -> None:
    shut = interface("eth0", "10.0.0.1/31", enabled=False)
    found = derive(routers(router("a", interface("eth0", "10.0.0.0/31")), router("b", shut)))
    assert list(found.links) == ["a:eth0--b:eth0"]


def test_a_shut_leftover_with_a_taken_address_is_not_on_the_wire() -> None:
    live = routers(
        router("a", interface("eth0", "10.0.0.0/31")),
        router("b", interface("eth0", "10.0.0.1/31")),
        router("c", interface("eth0", "10.0.0.1/31", enabled=False)),
    )
    assert list(derive(live).links) == ["a:eth0--b:eth0"]
    assert duplicates(live) == []


def test_cabling_wins_over_subnets() -> None:
    net = routers(*(router(name, interface("eth0", f"10.0.0.{n}/24")) for n, name in enumerate("abc", start=1)))
    cable = Link(name="fibre", ends=(A0, B0), capacity=10.0)
    assert derive(net, [cable]).links == {"fibre": cable}


def test_cabling_joins_interfaces_without_addresses() -> None:
    cable = Link(name="a:eth0--b:eth0", ends=(A0, B0))
    net = routers(router("a", interface("eth0")), router("b", interface("eth0")))
    assert derive(net, [cable]).links == {"a:eth0--b:eth0": cable}


def test_a_declared_link_with_two_subnets_is_a_clash_and_no_link() -> None:
    cable = Link(name="fibre", ends=(A0, B0), place=Place("backstay.yaml", 4))
    found = derive(
        routers(router("a", interface("eth0", "10.0.0.0/31")), router("b", interface("eth0", "10.0.9.1/31"))), [cable]
    )
    assert found.links == {}
    assert [clash.place for clash in found.clashes] == [Place("backstay.yaml", 4)]
    assert "10.0.0.0/31 and 10.0.9.0/31" in found.clashes[0].text


def test_one_common_family_is_enough_for_a_declared_link() -> None:
    cable = Link(name="fibre", ends=(A0, B0))
    one = router("a", interface("eth0", "10.0.0.0/31", "2001:db8::/127"))
    other = router("b", interface("eth0", "10.0.9.1/31", "2001:db8::1/127"))
    assert derive(routers(one, other), [cable]).clashes == ()


def test_bandwidth_fills_a_capacity_nobody_declared() -> None:
    one = router("a", interface("eth0", "10.0.0.0/31", bandwidth=100.0))
    same = router("b", interface("eth0", "10.0.0.1/31", bandwidth=100.0))
    other = router("b", interface("eth0", "10.0.0.1/31", bandwidth=40.0))
    assert derive(routers(one, same)).links["a:eth0--b:eth0"].capacity == 100.0
    assert derive(routers(one, other)).links["a:eth0--b:eth0"].capacities == {A0: 100.0, B0: 40.0}
    declared = Link(name="fibre", ends=(A0, B0), capacity=7.0)
    assert derive(routers(one, other), [declared]).links["fibre"] == declared


def test_an_address_on_two_routers_of_one_subnet() -> None:
    net = routers(router("a", interface("eth0", "10.0.0.1/24")), router("b", interface("eth0", "10.0.0.1/24")))
    (found,) = duplicates(net)
    assert (found.address, found.first, found.second) == (Address.parse("10.0.0.1"), A0, B0)
    other_vrf = router("b", interface("eth0", "10.0.0.1/24", vrf="red"))
    assert duplicates(net | {"b": other_vrf}) == []


def test_a_host_address_on_two_routers_is_anycast() -> None:
    lo = interface("lo", "10.9.9.9/32", "127.0.0.1/32", kind="loopback")
    net = routers(router("a", lo), router("b", lo))
    assert duplicates(net) == []
    assert [remark.text for remark in anycast_hosts(net)] == ["10.9.9.9 is on 2 routers: a, b"]


def test_links_depend_on_nothing_but_the_wire_view() -> None:
    plain = router("a", interface("eth0", "10.0.0.0/31"))
    assert wire_view(plain) == wire_view(router("a", interface("eth0", "10.0.0.0/31", description="x", mtu=9000)))
    assert wire_view(plain) != wire_view(router("a", interface("eth0", "10.0.0.2/31")))
    assert wire_view(plain) != wire_view(router("a", interface("eth0", "10.0.0.0/31", enabled=False)))
