"""OSPF routes worked by hand from RFC 2328, 3101, 3509, 5340 and 6987, or seen on FRR 8.4.4 (said where)."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.simulate.interiors import Lab

from backstay.model.address import Address, Prefix
from backstay.model.policy import Policies, PrefixList, PrefixListEntry
from backstay.model.routing import AreaRange, DefaultOrigination, MaxMetric, OspfArea, Redistribution

ONE = "0.0.0.1"
STATIC = (Redistribution(protocol="static"),)


def area(kind: str = "normal", **fields: Any) -> dict[str, OspfArea]:
    return {ONE: OspfArea(area=ONE, kind=kind, **fields)}


def chain(names: str = "a b c d", **fields: Any) -> Lab:
    """Routers in a row in area 0, cost 10 on every link (FRR: 100000 / 10000), 0 on loopbacks."""
    lab = Lab(names)
    order = names.split()
    for one, other in pairwise(order):
        lab.link(one, other)
    for name in order:
        lab.ospf(name, **fields)
    return lab


def two_areas(kind: str = "normal", **border: Any) -> Lab:
    """a --area 0-- b --area 1-- c; b is the border router."""
    lab = Lab("a b c").link("a", "b").link("b", "c")
    lab.ospf("a").ospf("b", {"to-c": 1}, areas=area(kind, **border))
    return lab.ospf("c", {"*": 1}, areas=area(kind))


def four_on_frr() -> Lab:
    """The network of `test_four_routers_as_seen_on_frr`: d-a LAN and a-b point-to-point in area 0, b-c LAN in area 1 (NSSA
    in OSPFv2), loopbacks /24 (IPv6 /128).
    """
    lab = Lab("a b c d")
    for host, name in enumerate("abcd", start=1):
        lab.port(name, "lo", f"10.255.0.{host}/24", f"2001:db8::{host}/128", kind="loopback")
    ends = (("a", "b", 1, 1), ("b", "a", 1, 2), ("b", "c", 2, 1), ("c", "b", 2, 2), ("a", "d", 3, 1), ("d", "a", 3, 2))
    for router, peer, net, host in ends:
        lab.port(router, f"e-{peer}", f"10.0.{net}.{host}/24", f"2001:db8:{net}::{host}/64")
    for one, other in ("ab", "bc", "ad"):
        lab.join(f"{one}-{other}", f"{one}:e-{other}", f"{other}:e-{one}")
    lab.static("c", "77.0.0.0/8", discard="blackhole")
    lab.static("c", "78.0.0.0/8", next_hop=Address.parse("10.0.2.77"), tag=7)
    lab.static("d", "79.0.0.0/8", next_hop=Address.parse("10.0.3.77"))
    lab.ospf("a").ospf("b", {"e-c": 1}, areas=area("nssa", ranges=(AreaRange(prefix=Prefix.parse("10.0.2.0/23")),)))
    lab.ospf("c", {"*": 1}, areas=area("nssa"), redistributions=STATIC)
    lab.ospf("d", redistributions=STATIC, default=DefaultOrigination(always=True))
    lab.port_ospf("a:e-b", network="point-to-point").port_ospf("b:e-a", network="point-to-point")
    lab.ospf("a", version=3).ospf("c", {"*": 1}, version=3).ospf("d", version=3)
    return lab.ospf("b", {"e-c": 1}, version=3, areas=area(ranges=(AreaRange(prefix=Prefix.parse("2001:db8:2::/47")),)))


SEEN = {  # `show ip route` and `show ipv6 route` of FRR 8.4.4, connected routes left out
    "a": """
        0.0.0.0/0 ospf 110/1 10.0.3.2@e-d
        10.0.2.0/23 ospf 110/20 10.0.1.2@e-b
        10.255.0.1/32 ospf 110/0 lo
        10.255.0.2/32 ospf 110/10 10.0.1.2@e-b
        10.255.0.3/32 ospf 110/20 10.0.1.2@e-b
        10.255.0.4/32 ospf 110/10 10.0.3.2@e-d
        77.0.0.0/8 ospf 110/20 10.0.1.2@e-b
        78.0.0.0/8 ospf 110/20 10.0.1.2@e-b
        79.0.0.0/8 ospf 110/20 10.0.3.77@e-d
        2001:db8::2/128 ospf6 110/20 e-b
        2001:db8::3/128 ospf6 110/30 e-b
        2001:db8::4/128 ospf6 110/20 e-d
        2001:db8:2::/47 ospf6 110/20 e-b""",
    "b": """
        0.0.0.0/0 ospf 110/1 10.0.1.1@e-a
        10.0.2.0/23 ospf 110/0 blackhole
        10.0.3.0/24 ospf 110/20 10.0.1.1@e-a
        10.255.0.1/32 ospf 110/10 10.0.1.1@e-a
        10.255.0.2/32 ospf 110/0 lo
        10.255.0.3/32 ospf 110/10 10.0.2.2@e-c
        10.255.0.4/32 ospf 110/20 10.0.1.1@e-a
        77.0.0.0/8 ospf 110/20 10.0.2.2@e-c
        78.0.0.0/8 ospf 110/20 10.0.2.77@e-c
        79.0.0.0/8 ospf 110/20 10.0.1.1@e-a
        2001:db8::1/128 ospf6 110/20 e-a
        2001:db8::3/128 ospf6 110/20 e-c
        2001:db8::4/128 ospf6 110/30 e-a
        2001:db8:2::/47 ospf6 110/0 blackhole
        2001:db8:3::/64 ospf6 110/20 e-a""",
    "c": """
        0.0.0.0/0 ospf 110/11 10.0.2.1@e-b
        10.0.1.0/24 ospf 110/20 10.0.2.1@e-b
        10.0.3.0/24 ospf 110/30 10.0.2.1@e-b
        10.255.0.1/32 ospf 110/20 10.0.2.1@e-b
        10.255.0.2/32 ospf 110/10 10.0.2.1@e-b
        10.255.0.3/32 ospf 110/0 lo
        10.255.0.4/32 ospf 110/30 10.0.2.1@e-b
        77.0.0.0/8 static 1/0 blackhole
        78.0.0.0/8 static 1/0 10.0.2.77@e-b
        2001:db8::1/128 ospf6 110/30 e-b
        2001:db8::2/128 ospf6 110/20 e-b
        2001:db8::4/128 ospf6 110/40 e-b
        2001:db8:1::/64 ospf6 110/20 e-b
        2001:db8:3::/64 ospf6 110/30 e-b""",
    "d": """
        10.0.1.0/24 ospf 110/20 10.0.3.1@e-a
        10.0.2.0/23 ospf 110/30 10.0.3.1@e-a
        10.255.0.1/32 ospf 110/10 10.0.3.1@e-a
        10.255.0.2/32 ospf 110/20 10.0.3.1@e-a
        10.255.0.3/32 ospf 110/30 10.0.3.1@e-a
        10.255.0.4/32 ospf 110/0 lo
        77.0.0.0/8 ospf 110/20 10.0.3.1@e-a
        78.0.0.0/8 ospf 110/20 10.0.3.1@e-a
        79.0.0.0/8 static 1/0 10.0.3.77@e-a
        2001:db8::1/128 ospf6 110/20 e-a
        2001:db8::2/128 ospf6 110/30 e-a
        2001:db8::3/128 ospf6 110/40 e-a
        2001:db8:1::/64 ospf6 110/20 e-a
        2001:db8:2::/47 ospf6 110/30 e-a""",
}


@pytest.mark.parametrize("router", SEEN)
def test_four_routers_as_seen_on_frr(router: str) -> None:
    """Ranges with their discard routes, NSSA translation, forwarding addresses, host routes of loopbacks, both versions:
    every route of the real routers and no other.
    """
    lab = four_on_frr()
    shown = {**lab.shown(router), **lab.shown(router, version=6)}
    assert [f"{prefix} {text}" for prefix, text in shown.items()] == [
        line.strip() for line in SEEN[router].split("\n")[1:]
    ]


def test_cost_follows_bandwidth_and_reference() -> None:
    """Cumulus truth: reference 100 Gbit/s over 1 Gbit/s is 100; rounded as FRR does: 100000 / 30000 is 3."""
    lab = chain("a b").tune("a", "to-b", bandwidth=1000.0).tune("b", "to-a", bandwidth=30_000.0)
    assert lab.shown("a")["10.255.0.2/32"].startswith("ospf 110/100 ")
    assert lab.shown("b")["10.255.0.1/32"].startswith("ospf 110/3 ")
    lab.ospf("a", reference_bandwidth=1_000_000.0)
    assert lab.shown("a")["10.255.0.2/32"].startswith("ospf 110/1000 ")
    lab.port_ospf("a:to-b", cost=7)
    assert lab.shown("a")["10.255.0.2/32"].startswith("ospf 110/7 ")


def test_max_metric_everywhere_drains_nothing() -> None:
    """Seen on FRR 8.4.4, chain of four with `max-metric router-lsa administrative`: still there, metric 3 x 65535."""
    lab = chain(max_metric=MaxMetric(administrative=True))
    assert lab.shown("a")["10.255.0.4/32"] == "ospf 110/196605 10.0.1.1@to-b"


def test_max_metric_goes_around_one_router() -> None:
    """RFC 6987 2: transit over b costs 65535, its own stub networks keep their cost."""
    lab = Lab("a b c").link("a", "b").link("b", "c").link("a", "c")
    lab.ospf("a").ospf("b", max_metric=MaxMetric(administrative=True)).ospf("c")
    lab.port_ospf("a:to-c", cost=500).port_ospf("c:to-a", cost=500)
    assert lab.shown("a")["10.255.0.3/32"] == "ospf 110/500 10.0.3.1@to-c"
    assert lab.shown("a")["10.255.0.2/32"] == "ospf 110/10 10.0.1.1@to-b"


def test_max_metric_on_startup_has_passed() -> None:
    assert chain(max_metric=MaxMetric(on_startup=600)).shown("a")["10.255.0.4/32"].startswith("ospf 110/30 ")


def test_equal_costs_share_up_to_maximum_paths() -> None:
    lab = Lab("a b c d").link("a", "b").link("a", "c").link("b", "d").link("c", "d")
    for name in "abcd":
        lab.ospf(name)
    assert lab.shown("a")["10.255.0.4/32"] == "ospf 110/20 10.0.1.1@to-b, 10.0.2.1@to-c"
    lab.ospf("a", maximum_paths=1)
    assert lab.shown("a")["10.255.0.4/32"] == "ospf 110/20 10.0.1.1@to-b"


def test_inter_area_routes_add_the_border_routers_cost() -> None:
    lab = two_areas()
    assert lab.shown("a")["10.255.0.3/32"] == "ospf 110/20 10.0.1.1@to-b"
    assert lab.shown("c")["10.255.0.1/32"] == "ospf 110/20 10.0.2.0@to-b"
    table = lab.tables().table("a")
    assert table[Prefix.parse("10.255.0.3/32")].kind == "inter"


def test_intra_area_beats_inter_area_whatever_the_cost() -> None:
    """RFC 2328 11: a's way to c inside area 1 costs 1000, over the backbone 20."""
    lab = Lab("a b c").link("a", "b").link("b", "c").link("a", "c")
    lab.ospf("a", {"to-c": 1}).ospf("b", {"to-c": 1}).ospf("c", {"*": 1})
    lab.port_ospf("a:to-c", cost=1000)
    assert lab.shown("a")["10.255.0.3/32"] == "ospf 110/1000 10.0.3.1@to-c"


def test_areas_meet_only_over_the_backbone() -> None:
    """a in area 1, b in 1 and 2, c in 2: without area 0 nobody summarises (RFC 3509, Cisco type)."""
    lab = Lab("a b c").link("a", "b").link("b", "c")
    lab.ospf("a", {"*": 1}).ospf("b", {"to-a": 1, "lo": 1, "to-c": 2}).ospf("c", {"*": 2})
    assert "10.255.0.3/32" not in lab.shown("a")
    assert "10.255.0.3/32" in lab.shown("b")


def test_a_virtual_link_carries_the_backbone_through_an_area() -> None:
    """RFC 2328 15: a (0) - b (0, 1) - c (1, 2) - d (2), b and c joined through area 1."""
    lab = Lab("a b c d").link("a", "b").link("b", "c").link("c", "d")
    lab.ospf("a").ospf("b", {"to-c": 1}).ospf("c", {"*": 1, "to-d": 2}).ospf("d", {"*": 2})
    assert "10.255.0.4/32" not in lab.shown("a")
    lab.ospf("b", {"to-c": 1}, areas=area(virtual_links=("10.255.0.3",)))
    lab.ospf("c", {"*": 1, "to-d": 2}, areas=area(virtual_links=("10.255.0.2",)))
    assert lab.shown("a")["10.255.0.4/32"] == "ospf 110/30 10.0.1.1@to-b"
    assert lab.shown("d")["10.255.0.1/32"] == "ospf 110/30 10.0.3.0@to-c"


def test_a_range_of_several_costs_the_largest() -> None:
    """RFC 2328 12.4.3: c's loopbacks at 10 and a second one at 10 + 5; the range says 15; what it covers is gone."""
    lab = two_areas(ranges=(AreaRange(prefix=Prefix.parse("10.255.0.0/16")),))
    lab.port("c", "lo2", "10.255.9.9/32", kind="loopback").ospf("c", {"*": 1}).port_ospf("c:lo2", cost=5)
    shown = lab.shown("a")
    assert shown["10.255.0.0/16"] == "ospf 110/25 10.0.1.1@to-b"
    assert "10.255.0.3/32" not in shown
    assert "10.255.9.9/32" not in shown
    assert lab.shown("b")["10.255.0.0/16"] == "ospf 110/0 blackhole"


def test_a_range_not_advertised_hides_without_a_summary() -> None:
    lab = two_areas(ranges=(AreaRange(prefix=Prefix.parse("10.255.0.0/16"), advertise=False),))
    assert not [prefix for prefix in lab.shown("a") if prefix.startswith("10.255.0.0/16")]
    assert "10.255.0.3/32" not in lab.shown("a")


def test_external_metrics_of_both_types() -> None:
    """RFC 2328 16.4: type 1 adds the way, type 2 does not; FRR's default metric is 20, type 2."""
    lab = chain("a b c").static("c", "77.0.0.0/8", discard="blackhole").ospf("c", redistributions=STATIC)
    assert lab.shown("a")["77.0.0.0/8"] == "ospf 110/20 10.0.1.1@to-b"
    first = Redistribution(protocol="static", metric=5, metric_type=1)
    lab.ospf("c", redistributions=(first,))
    assert lab.shown("a")["77.0.0.0/8"] == "ospf 110/25 10.0.1.1@to-b"
    assert lab.tables().table("a")[Prefix.parse("77.0.0.0/8")].kind == "external-1"


def test_of_equal_type_2_metrics_the_nearer_boundary_router_wins() -> None:
    lab = chain("a b c").static("a", "77.0.0.0/8", discard="blackhole").static("c", "77.0.0.0/8", discard="blackhole")
    lab.add("d").link("c", "d").ospf("a", redistributions=STATIC).ospf("c", redistributions=STATIC).ospf("d")
    assert lab.shown("b")["77.0.0.0/8"] == "ospf 110/20 10.0.1.0@to-a, 10.0.2.1@to-c"
    lab.port_ospf("b:to-a", cost=11)
    assert lab.shown("b")["77.0.0.0/8"] == "ospf 110/20 10.0.2.1@to-c"
    cheaper = Redistribution(protocol="static", metric=19)
    lab.ospf("a", redistributions=(cheaper,))
    assert lab.shown("b")["77.0.0.0/8"] == "ospf 110/19 10.0.1.0@to-a"


def test_type_1_beats_type_2() -> None:
    lab = chain("a b c").static("a", "77.0.0.0/8", discard="blackhole").static("c", "77.0.0.0/8", discard="blackhole")
    lab.ospf("a", redistributions=(Redistribution(protocol="static", metric=1),))
    lab.ospf("c", redistributions=(Redistribution(protocol="static", metric=900, metric_type=1),))
    assert lab.shown("b")["77.0.0.0/8"] == "ospf 110/910 10.0.2.1@to-c"


def test_externals_cross_areas() -> None:
    """RFC 2328 12.4.3.1: b's type 4 summary tells c the way to a; type 1 shows the sum 10 + 10 + 5."""
    first = Redistribution(protocol="static", metric=5, metric_type=1)
    lab = two_areas().static("a", "77.0.0.0/8", discard="blackhole").ospf("a", redistributions=(first,))
    assert lab.shown("c")["77.0.0.0/8"] == "ospf 110/25 10.0.2.0@to-b"


def test_a_stub_area_hears_a_default_instead_of_externals() -> None:
    lab = two_areas("stub", default_cost=3).static("a", "77.0.0.0/8", discard="blackhole")
    lab.ospf("a", redistributions=STATIC)
    shown = lab.shown("c")
    assert "77.0.0.0/8" not in shown
    assert shown["0.0.0.0/0"] == "ospf 110/13 10.0.2.0@to-b"
    assert "10.255.0.1/32" in shown


def test_a_totally_stubby_area_hears_nothing_else() -> None:
    lab = two_areas("stub", summary=False)
    assert lab.shown("c") == {"0.0.0.0/0": "ospf 110/11 10.0.2.0@to-b"}


def test_the_translator_is_the_border_router_of_the_highest_id() -> None:
    """RFC 3101 3.1: b and d both border the NSSA; d (10.255.0.4) translates c's range alone."""
    lab = Lab("a b c d").link("a", "b").link("b", "c").link("a", "d").link("d", "c")
    lab.static("c", "77.0.0.0/8", discard="blackhole")
    hidden = (AreaRange(prefix=Prefix.parse("77.0.0.0/8"), advertise=False),)
    lab.ospf("a").ospf("c", {"*": 1}, areas=area("nssa"), redistributions=STATIC)
    lab.ospf("b", {"to-c": 1}, areas=area("nssa", nssa_ranges=hidden)).ospf("d", {"to-c": 1}, areas=area("nssa"))
    assert "77.0.0.0/8" in lab.shown("a")
    lab.ospf("b", {"to-c": 1}, areas=area("nssa")).ospf("d", {"to-c": 1}, areas=area("nssa", nssa_ranges=hidden))
    assert "77.0.0.0/8" not in lab.shown("a")


def test_an_nssa_without_externals_from_outside() -> None:
    lab = two_areas("nssa").static("a", "77.0.0.0/8", discard="blackhole").ospf("a", redistributions=STATIC)
    assert "77.0.0.0/8" not in lab.shown("c")


def test_summary_addresses_condense_externals() -> None:
    lab = chain("a b").static("b", "77.1.0.0/16", discard="blackhole").static("b", "77.2.0.0/16", discard="blackhole")
    lab.ospf("b", redistributions=STATIC, summaries=(AreaRange(prefix=Prefix.parse("77.0.0.0/8")),))
    assert [prefix for prefix in lab.shown("a") if prefix.startswith("77.")] == ["77.0.0.0/8"]


def test_default_originated() -> None:
    """FRR ospf_asbr.h: metric 1 with always, 10 when the table has a default of another protocol."""
    lab = chain("a b").ospf("b", default=DefaultOrigination())
    assert "0.0.0.0/0" not in lab.shown("a")
    lab.static("b", "0.0.0.0/0", discard="blackhole")
    assert lab.shown("a")["0.0.0.0/0"] == "ospf 110/10 10.0.1.1@to-b"
    lab.ospf("b", default=DefaultOrigination(always=True))
    assert lab.shown("a")["0.0.0.0/0"] == "ospf 110/1 10.0.1.1@to-b"


def test_distances_by_kind() -> None:
    lab = two_areas().static("c", "77.0.0.0/8", discard="blackhole").ospf("c", {"*": 1}, redistributions=STATIC)
    lab.ospf("a", distance_intra=50, distance_inter=60, distance_external=70)
    shown = lab.shown("a")
    assert shown["10.255.0.2/32"].startswith("ospf 50/")
    assert shown["10.255.0.3/32"].startswith("ospf 60/")
    assert shown["77.0.0.0/8"].startswith("ospf 70/")


BROKEN: dict[str, Callable[[Lab], object]] = {
    "areas differ": lambda lab: lab.ospf("b", {"*": 1}),
    "hello timers differ": lambda lab: lab.port_ospf("b:to-a", hello=5),
    "dead timers differ": lambda lab: lab.port_ospf("b:to-a", dead=60),
    "keys differ": lambda lab: lab.port_ospf("b:to-a", authentication="md5 1 secret"),
    "network types differ": lambda lab: lab.port_ospf("b:to-a", network="broadcast"),
    "passive": lambda lab: lab.port_ospf("b:to-a", passive=True),
    "one router id": lambda lab: lab.change("b", ospf=lab.routers["a"].ospf),
    "MTUs differ": lambda lab: lab.tune("a", "to-b", mtu=1500).tune("b", "to-a", mtu=9000),
    "stub on one side": lambda lab: lab.ospf("a", {"*": 1}).ospf("b", {"*": 1}, areas=area("stub")),
    "nobody may be designated router": lambda lab: lab.port_ospf("a:to-b", network="broadcast", priority=0).port_ospf(
        "b:to-a", network="broadcast", priority=0
    ),
    "subnets differ": lambda lab: lab.port("b", "to-a", "10.9.9.1/31").ospf("b"),
}


@pytest.mark.parametrize("why", BROKEN)
def test_no_adjacency_when(why: str) -> None:
    lab = chain("a b")
    assert len(lab.compute().adjacencies) == 2
    BROKEN[why](lab)
    assert lab.compute().adjacencies == frozenset()
    assert "10.255.0.2/32" not in lab.shown("a")


def test_mtu_ignore_on_the_smaller_side_is_enough() -> None:
    """RFC 2328 10.6 rejects a description larger than the receiver can take: only the smaller side looks."""
    lab = chain("a b").tune("a", "to-b", mtu=1500).tune("b", "to-a", mtu=9000)
    lab.port_ospf("a:to-b", mtu_ignore=True)
    assert len(lab.compute().adjacencies) == 2


def test_a_lan_and_its_designated_router() -> None:
    """Three routers on a LAN, one of priority 0: all reach each other at the sender's cost."""
    lab = Lab("a b c")
    for number, name in enumerate("abc", start=1):
        lab.port(name, "lan", f"192.0.2.{number}/24").ospf(name)
    lab.join("lan", "a:lan", "b:lan", "c:lan").port_ospf("c:lan", priority=0)
    assert lab.shown("a") == {
        "10.255.0.2/32": "ospf 110/10 192.0.2.2@lan",
        "10.255.0.3/32": "ospf 110/10 192.0.2.3@lan",
    }


def test_a_lan_behind_a_drained_router_costs_the_largest() -> None:
    """RFC 6987: the transit link of b's LAN is at 65535 once it has a neighbour; a stub LAN keeps its cost."""
    lab = chain("a b").port("b", "lan", "192.0.2.1/24").ospf("b", max_metric=MaxMetric(administrative=True))
    assert lab.shown("a")["192.0.2.0/24"].startswith("ospf 110/20 ")


def test_point_to_multipoint_announces_its_own_address() -> None:
    """RFC 2328 12.4.1.4: a host route of cost 0 instead of the subnet."""
    lab = chain("a b").port_ospf("a:to-b", network="point-to-multipoint")
    lab.port_ospf("b:to-a", network="point-to-multipoint")
    shown = {str(prefix) for prefix in lab.tables().table("a")}
    assert "10.0.1.1/32" in shown


def test_an_r_bit_cleared_router_carries_nothing_of_others() -> None:
    """RFC 5340 A.4.3 (R-bit), FRR `stub-router administrative` of ospf6."""
    lab = chain("a b c", version=3).ospf("b", version=3, stub_router=True)
    assert "2001:db8:ff::3/128" not in lab.shown("a", version=6)
    assert "2001:db8:ff::2/128" in lab.shown("a", version=6)


def test_non_broadcast_networks_are_not_guessed() -> None:
    lab = chain("a b").port_ospf("a:to-b", network="non-broadcast").port_ospf("b:to-a", network="non-broadcast")
    assert {remark.code for remark in lab.compute().unknowns} == {"ospf-non-broadcast"}


def test_a_vrf_has_its_own_ospf() -> None:
    lab = Lab("a b").link("a", "b")
    for name, peer in ("ab", "ba"):
        lab.tune(name, f"to-{peer}", vrf="red").port(name, "dummy", f"172.16.{ord(name)}.1/24", vrf="red")
        lab.ospf(name, vrf="red")
        lab.tune(name, "lo", ospf=None)
    tables = lab.tables()
    assert Prefix.parse("172.16.98.0/24") in tables.table("a", "red")
    assert Prefix.parse("172.16.98.0/24") not in tables.table("a", "default")
    assert tables.vrfs("a") == ("default", "red")


def test_prefix_lists_filter_summaries() -> None:
    elsewhere = PrefixListEntry(sequence=5, permit=True, prefix=Prefix.parse("192.0.2.0/24"), ge=24, le=24)
    lists = {(4, "elsewhere"): PrefixList(name="elsewhere", version=4, entries=(elsewhere,))}
    lab = two_areas(filter_out="elsewhere").change("b", policies=Policies(prefix_lists=lists))
    assert "10.255.0.3/32" not in lab.shown("a")
    assert "10.255.0.1/32" in lab.shown("c")


def test_a_prefix_list_that_does_not_exist_filters_no_summary() -> None:
    """Seen on FRR 8.4.4."""
    assert "10.255.0.3/32" in two_areas(filter_out="nothing-of-it").shown("a")
