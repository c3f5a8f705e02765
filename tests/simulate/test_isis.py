"""IS-IS routes worked by hand from ISO 10589, RFC 1195, 3787, 5120, 5302, 5305, or seen on FRR 8.4.4 (said where)."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.simulate.interiors import Lab

from backstay.model.network import Overlay
from backstay.model.routing import DefaultOrigination, IsisProcess, OverloadBit, Redistribution

L1, L2, L12 = frozenset({1}), frozenset({2}), frozenset({1, 2})


def chain(names: str = "a b c d", **fields: Any) -> Lab:
    """Routers in a row, level 2 alone, metric 10 everywhere."""
    lab = Lab(names)
    order = names.split()
    for one, other in pairwise(order):
        lab.link(one, other)
    for name in order:
        lab.isis(name, levels=L2, **fields)
    return lab


def test_two_levels_as_seen_on_frr() -> None:
    """FRR 8.4.4, four routers in a row: a level 1, b both, c and d level 2 of another area. b sets the attached bit; FRR
    does not tell level 2 of level 1 routes, so c and d never hear of a's loopback.
    """
    lab = Lab("a b c d").link("a", "b").link("b", "c").link("c", "d")
    lab.isis("a", levels=L1).isis("b", levels=L12)
    lab.isis("c", area="49.0002", levels=L2).isis("d", area="49.0002", levels=L2)
    assert lab.shown("a") == {
        "0.0.0.0/0": "isis 115/10 10.0.1.1@to-b",
        "10.0.2.0/31": "isis 115/20 10.0.1.1@to-b",
        "10.255.0.2/32": "isis 115/20 10.0.1.1@to-b",
    }
    assert lab.shown("a", version=6) == {
        "::/0": "isis 115/10 to-b",
        "2001:db8:2::/127": "isis 115/20 to-b",
        "2001:db8:ff::2/128": "isis 115/20 to-b",
    }
    assert "10.255.0.1/32" in lab.shown("b")
    assert set(lab.shown("d")) == {"10.0.1.0/31", "10.0.2.0/31", "10.255.0.2/32", "10.255.0.3/32"}


def with_attached_bit(*, sent: bool, heard: bool) -> Lab:
    lab = Lab("a b c").link("a", "b").link("b", "c")
    lab.isis("a", levels=L1, attached_receive=heard).isis("b", levels=L12, attached_send=sent)
    return lab.isis("c", area="49.0002", levels=L2)


def test_the_attached_bit_is_neither_sent_nor_heard_when_told_so() -> None:
    assert "0.0.0.0/0" in with_attached_bit(sent=True, heard=True).shown("a")
    assert "0.0.0.0/0" not in with_attached_bit(sent=False, heard=True).shown("a")
    assert "0.0.0.0/0" not in with_attached_bit(sent=True, heard=False).shown("a")


def test_level_1_comes_before_level_2_whatever_the_metric() -> None:
    """RFC 1195 3.10.2 (and RFC 5302 3.2): a dear level 1 path beats a cheap level 2 path."""
    lab = Lab("a b c").link("a", "b").link("b", "c").link("a", "c")
    for name in "abc":
        lab.isis(name, levels=L12)
    lab.circuit("a:to-c", circuit=L1, metric=100).circuit("c:to-a", circuit=L1, metric=100)
    for end in ("a:to-b", "b:to-a", "b:to-c", "c:to-b"):
        lab.circuit(end, circuit=L2)
    assert lab.shown("a")["10.255.0.3/32"] == "isis 115/110 10.0.3.1@to-c"


def test_metrics_add_up_and_equal_paths_share() -> None:
    """A square a-b-d, a-c-d: 10 + 10 + 10 (the loopback's own) both ways round."""
    lab = Lab("a b c d").link("a", "b").link("a", "c").link("b", "d").link("c", "d")
    for name in "abcd":
        lab.isis(name, levels=L2)
    assert lab.shown("a")["10.255.0.4/32"] == "isis 115/30 10.0.1.1@to-b, 10.0.2.1@to-c"
    assert lab.shown("a", version=6)["2001:db8:ff::4/128"] == "isis 115/30 to-b, to-c"
    lab.circuit("a:to-b", metric=11)
    assert lab.shown("a")["10.255.0.4/32"] == "isis 115/30 10.0.2.1@to-c"


def test_the_sender_decides_the_metric_of_its_direction() -> None:
    lab = chain("a b").circuit("a:to-b", metric=7)
    assert lab.shown("a")["10.255.0.2/32"] == "isis 115/17 10.0.1.1@to-b"
    assert lab.shown("b")["10.255.0.1/32"] == "isis 115/20 10.0.1.0@to-a"


def test_overload_bit_closes_transit_and_leaves_the_router_reachable() -> None:
    """ISO 10589 7.2.8.1; FRR 8.4.4 on a chain: one router with it is a partition."""
    lab = chain()
    process = lab.routers["b"].isis[0]
    lab.isis("b", levels=L2, overload=OverloadBit())
    assert process.overload is None
    assert set(lab.shown("a")) == {"10.0.2.0/31", "10.255.0.2/32"}
    assert "10.255.0.4/32" in lab.shown("b")


def test_overload_on_every_router_leaves_neighbouring_loopbacks() -> None:
    """Seen on FRR 8.4.4: only adjacent loopbacks are reachable."""
    lab = chain(overload=OverloadBit())
    assert set(lab.shown("b")) == {"10.0.3.0/31", "10.255.0.1/32", "10.255.0.3/32"}


def test_overload_on_startup_has_passed() -> None:
    lab = chain(overload=OverloadBit(on_startup=300))
    assert "10.255.0.4/32" in lab.shown("a")


def test_the_largest_wide_metric_is_added_up_on_frr() -> None:
    """Seen on FRR 8.4.4: 16777215 on every interface changes nothing but the sum (RFC 5305 3 would leave it out)."""
    lab = chain("a b c")
    for end in ("a:to-b", "b:to-a", "b:to-c", "c:to-b"):
        lab.circuit(end, metric=16777215)
    assert lab.shown("a")["10.255.0.3/32"] == f"isis 115/{2 * 16777215 + 10} 10.0.1.1@to-b"


def test_narrow_paths_stop_at_1023() -> None:
    """ISO 10589 7.2.6: 16 links of 63 make 1008, with the loopback 1018; one more is too far."""
    names = " ".join(f"r{number:02}" for number in range(18))
    lab = chain(names, metric_style="narrow")
    for name in names.split():
        for port in [port for port in lab.routers[name].interfaces if port != "lo"]:
            lab.circuit(f"{name}:{port}", metric=63)
    reached = lab.shown("r00")
    assert reached["10.255.0.17/32"].startswith("isis 115/1018 ")
    assert "10.255.0.18/32" not in reached


def test_narrow_and_wide_do_not_understand_each_other() -> None:
    """Seen on FRR 8.4.4: no IPv4 route crosses; the engine says it is not sure of the rest. Transition speaks both."""
    lab = chain("a b").isis("b", levels=L2, metric_style="narrow")
    assert lab.shown("a") == {}
    assert {remark.code for remark in lab.compute().unknowns} == {"isis-metric-style"}
    lab.isis("b", levels=L2, metric_style="transition")
    assert "10.255.0.2/32" in lab.shown("a")
    assert lab.compute().unknowns == ()


def test_metric_0_on_a_link_is_not_decided() -> None:
    lab = chain("a b").circuit("a:to-b", metric=0)
    assert {remark.code for remark in lab.compute().unknowns} == {"isis-metric-zero"}


BROKEN: dict[str, Callable[[Lab], object]] = {
    "areas differ at level 1": lambda lab: lab.isis("b", area="49.0009", levels=L1).isis("a", levels=L1),
    "levels differ": lambda lab: lab.isis("b", levels=L1),
    "circuit type": lambda lab: lab.isis("b", levels=L12).circuit("b:to-a", circuit=L1),
    "passive": lambda lab: lab.circuit("b:to-a", passive=True),
    "passwords differ": lambda lab: lab.circuit("b:to-a", password="secret"),
    "network types differ": lambda lab: lab.circuit("b:to-a", point_to_point=False),
    "MTUs differ": lambda lab: lab.tune("a", "to-b", mtu=1500).tune("b", "to-a", mtu=9000),
    "one system id": lambda lab: lab.change("b", isis=lab.routers["a"].isis),
    "link cut": lambda lab: lab.tune("b", "to-a", enabled=False),
    "no NET": lambda lab: lab.change("b", isis=(replace_net(lab),)),
}


def replace_net(lab: Lab) -> IsisProcess:
    return replace(lab.routers["b"].isis[0], system_id=None)


@pytest.mark.parametrize("why", BROKEN)
def test_no_adjacency_when(why: str) -> None:
    lab = chain("a b")
    assert len(lab.compute().adjacencies) == 2
    BROKEN[why](lab)
    assert lab.compute().adjacencies == frozenset()
    assert lab.shown("a") == {}


def test_a_circuit_type_that_leaves_nothing_is_no_circuit_type() -> None:
    """FRR 8.4.4: ``isis circuit-type level-1`` on a router of ``is-type level-2-only``; the interface is shown as
    ``Type: p2p, Level: L2`` and the adjacency comes up.
    """
    lab = chain("a b").circuit("b:to-a", circuit=L1)
    assert {item.scope for item in lab.compute().adjacencies} == {"2"}
    assert lab.shown("a")["10.255.0.2/32"] == "isis 115/20 10.0.1.1@to-b"


def test_every_level_hears_the_prefixes_of_every_circuit() -> None:
    """FRR 8.4.4: the level 1 LSP of a level-1-2 router holds 10.0.2.0/31 of a circuit of type level-2-only, and its level 2
    LSP holds 10.0.1.0/31 of a circuit of type level-1 (`show isis database detail`); ISO 10589 would have them apart.
    """
    lab = Lab("a b c").link("a", "b").link("b", "c")
    lab.isis("a", levels=L1).isis("b", levels=L12).isis("c", area="49.0002", levels=L2)
    lab.circuit("b:to-a", circuit=L1).circuit("b:to-c", circuit=L2)
    assert lab.shown("a")["10.0.2.0/31"] == "isis 115/20 10.0.1.1@to-b"
    assert lab.shown("c")["10.0.1.0/31"] == "isis 115/20 10.0.2.0@to-b"


def test_areas_may_differ_at_level_2() -> None:
    lab = chain("a b").isis("b", area="49.0009", levels=L2)
    assert "10.255.0.2/32" in lab.shown("a")


def test_unequal_domain_passwords_stop_flooding_not_the_adjacency() -> None:
    lab = chain("a b").isis("a", levels=L2, domain_password="other").isis("b", levels=L2, domain_password="secret")
    assert len(lab.compute().adjacencies) == 2
    assert lab.shown("a") == {}


def test_a_password_at_one_end_is_not_told() -> None:
    """FRR 8.4.4: who has none takes what is signed (tests/laws/found/isis-password-at-one-end)."""
    lab = chain("a b").isis("b", levels=L2, domain_password="secret")
    assert [remark.code for remark in lab.compute().unknowns] == ["isis-half-password"]


def test_a_lan_costs_the_sender_once() -> None:
    """ISO 10589 7.2.4: the pseudonode adds nothing; each router goes straight to each other."""
    lab = Lab("a b c")
    for number, name in enumerate("abc", start=1):
        lab.port(name, "lan", f"192.0.2.{number}/24", f"2001:db8:9::{number}/64").isis(name, levels=L2)
        lab.circuit(f"{name}:lan", passive=False)
    lab.join("lan", "a:lan", "b:lan", "c:lan")
    assert lab.shown("a") == {
        "10.255.0.2/32": "isis 115/20 192.0.2.2@lan",
        "10.255.0.3/32": "isis 115/20 192.0.2.3@lan",
    }
    assert len(lab.compute().adjacencies) == 6


def test_passive_interfaces_are_announced() -> None:
    lab = chain("a b").port("b", "eth9", "198.51.100.1/24").isis("b", levels=L2)
    assert lab.shown("a")["198.51.100.0/24"] == "isis 115/20 10.0.1.1@to-b"


def test_single_topology_sends_ipv6_into_links_without_it() -> None:
    """RFC 5308 sees one graph: where the first link lacks IPv6 there is no route; further away nobody knows."""
    lab = chain("a b c").circuit("b:to-c", versions=frozenset({4})).circuit("c:to-b", versions=frozenset({4}))
    assert "2001:db8:ff::3/128" in lab.shown("a", version=6)
    assert "2001:db8:ff::3/128" not in lab.shown("b", version=6)


def test_multi_topology_goes_around_links_without_ipv6() -> None:
    """RFC 5120: a-b without IPv6 is not in the IPv6 graph, so IPv6 takes a-c-b.

    One end alone keeps its neighbour from sending, not itself (tests/laws/found/isis-ipv6-on-one-end-of-a-link).
    """
    lab = Lab("a b c").link("a", "b").link("a", "c").link("b", "c")
    for name in "abc":
        lab.isis(name, levels=L2, topologies=frozenset({"ipv6-unicast"}))
    lab.circuit("a:to-b", versions=frozenset({4})).circuit("b:to-a", versions=frozenset({4}))
    assert lab.shown("a")["10.255.0.2/32"] == "isis 115/20 10.0.1.1@to-b"
    assert lab.shown("a", version=6)["2001:db8:ff::2/128"] == "isis 115/30 to-c"


def test_static_routes_redistributed_with_their_metric() -> None:
    """Seen on FRR 8.4.4: metric 0 where the line sets none; the default route needs its own line."""
    lab = chain("a b").static("b", "77.0.0.0/8", discard="blackhole").static("b", "0.0.0.0/0", discard="blackhole")
    line = Redistribution(protocol="static", level=2)
    lab.isis("b", levels=L2, redistributions=(line,))
    assert lab.shown("a")["77.0.0.0/8"] == "isis 115/10 10.0.1.1@to-b"
    assert "0.0.0.0/0" not in lab.shown("a")
    priced = Redistribution(protocol="static", level=2, metric=500)
    lab.isis("b", levels=L2, redistributions=(priced,))
    assert lab.shown("a")["77.0.0.0/8"] == "isis 115/510 10.0.1.1@to-b"


def test_an_undefined_route_map_redistributes_nothing() -> None:
    lab = chain("a b").static("b", "77.0.0.0/8", discard="blackhole")
    lab.isis("b", levels=L2, redistributions=(Redistribution(protocol="static", level=2, route_map="gone"),))
    assert "77.0.0.0/8" not in lab.shown("a")


def test_default_originated_always_or_when_there_is_one() -> None:
    lab = chain("a b").isis("b", levels=L2, defaults=(DefaultOrigination(level=2),))
    assert "0.0.0.0/0" not in lab.shown("a")
    lab.static("b", "0.0.0.0/0", discard="blackhole")
    assert lab.shown("a")["0.0.0.0/0"] == "isis 115/10 10.0.1.1@to-b"
    always = chain("a b").isis("b", levels=L2, defaults=(DefaultOrigination(level=2, always=True, metric=5),))
    assert always.shown("a")["0.0.0.0/0"] == "isis 115/15 10.0.1.1@to-b"


def test_a_failed_router_is_gone_from_everyone() -> None:
    lab = Lab("a b c").link("a", "b").link("b", "c").link("a", "c")
    for name in "abc":
        lab.isis(name, levels=L2)
    shown = lab.shown("a", Overlay(routers_down=frozenset({"b"})))
    assert set(shown) == {"10.255.0.3/32"}
