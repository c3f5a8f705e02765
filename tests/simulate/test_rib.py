"""The tables: which protocol wins, longest match, delivery, classes, and that asking one way or another is the same."""

import pytest
from tests.simulate.interiors import Lab, told

from backstay.model.address import Address, Prefix
from backstay.model.network import Overlay
from backstay.model.routing import Redistribution
from backstay.simulate.converge import Routing
from backstay.simulate.rib import Rib
from backstay.simulate.seams import NO_BGP
from backstay.simulate.tables import LazyRoutes, LazyTable

L2 = frozenset({2})
LOOPBACK = Prefix.parse("10.255.0.2/32")


def both() -> Lab:
    """a - b with IS-IS and OSPF on everything."""
    lab = Lab("a b").link("a", "b")
    for name in "ab":
        lab.isis(name, levels=L2).ospf(name)
    return lab


def ring() -> Lab:
    lab = Lab("a b c d").link("a", "b").link("b", "c").link("c", "d").link("d", "a")
    for name in "abcd":
        lab.isis(name, levels=L2)
    return lab


def test_the_lower_distance_wins() -> None:
    """FRR: connected 0, static 1, OSPF 110, IS-IS 115."""
    lab = both()
    assert lab.shown("a")["10.255.0.2/32"].startswith("ospf 110/10 ")
    lab.ospf("a", distance=120)
    assert lab.shown("a")["10.255.0.2/32"].startswith("isis 115/20 ")
    lab.static("a", "10.255.0.2/32", discard="blackhole")
    assert lab.shown("a")["10.255.0.2/32"] == "static 1/0 blackhole"
    assert told(lab.tables().table("a")[Prefix.parse("10.0.1.0/31")]) == "connected 0/0 to-b"


def test_longest_match() -> None:
    lab = both().static("a", "10.255.0.0/16", discard="blackhole").static("a", "0.0.0.0/0", discard="reject")
    tables = lab.tables()
    matched = {
        text: str(found[0]) if (found := tables.lookup("a", "default", Address.parse(text))) else None
        for text in ("10.255.0.2", "10.255.0.9", "192.0.2.1", "2001:db8::1")
    }
    assert matched == {
        "10.255.0.2": "10.255.0.2/32",
        "10.255.0.9": "10.255.0.0/16",
        "192.0.2.1": "0.0.0.0/0",
        "2001:db8::1": None,
    }


def test_tables_walked_and_routes_asked_for_are_the_same() -> None:
    lab = both().static("b", "77.0.0.0/8", discard="blackhole", tag=3)
    lab.ospf("b", redistributions=(Redistribution(protocol="static"),))
    walked, asked = lab.tables(), lab.tables()
    for router in "ab":
        table = dict(walked.table(router).items())
        assert list(table) == sorted(table)
        for prefix in asked.prefixes():
            assert asked.route(router, "default", prefix) == table.get(prefix)
            assert (prefix in asked.table(router)) == (prefix in table)


def test_state_routes_hold_live_routers_alone() -> None:
    tables = ring().tables(Overlay(routers_down=frozenset({"c"})))
    routes = LazyRoutes(tables)
    assert list(routes) == ["a", "b", "d"]
    assert "c" not in routes
    assert LOOPBACK in routes["a"]["default"]
    assert Prefix.parse("10.255.0.3/32") not in routes["a"]["default"]


def state_routes(lab: Lab, *overlays: Overlay) -> list[LazyRoutes]:
    routing = Routing(lab.network(), lambda *_: NO_BGP)
    tables = [routing(overlay).tables for overlay in overlays]
    return [LazyRoutes(rib) for rib in tables if isinstance(rib, Rib)]


def test_unchanged_tables_are_one_object_across_states() -> None:
    """What a failure far away leaves alone needs no comparison: the very same table."""
    before, after = state_routes(ring().add("e"), Overlay(), Overlay(links_down=frozenset({"b-c"})))
    assert before["e"]["default"] is after["e"]["default"]
    assert before["a"]["default"] is not after["a"]["default"]
    assert before["a"]["default"] != after["a"]["default"]


@pytest.mark.parametrize("down", ["a-b", "b-c", "c-d", "d-a"])
@pytest.mark.parametrize("levels", [L2, frozenset({1, 2})])
def test_differences_of_rows_are_differences_of_routes(down: str, levels: frozenset[int]) -> None:
    """Comparing arrays (one level) or routes (two levels) finds what comparing the walked tables finds."""
    lab = ring().static("a", "77.0.0.0/8", next_hop=Address.parse("10.0.1.1"))
    for name in "abcd":
        lab.isis(name, levels=levels)
    before, after = state_routes(lab, Overlay(), Overlay(links_down=frozenset({down})))
    for router in "abcd":
        was, now = before[router]["default"], after[router]["default"]
        assert isinstance(was, LazyTable)
        assert isinstance(now, LazyTable)
        plain = sorted(prefix for prefix in {*was, *now} if was.get(prefix) != now.get(prefix))
        assert was.differing(now) == plain
        assert plain


def test_a_walk_reaches_the_owner_or_not() -> None:
    tables = ring().tables()
    assert tables.reaches("a", "default", Address.parse("10.255.0.3"))
    assert tables.reaches("a", "default", Address.parse("10.0.3.1"))
    assert not tables.reaches("a", "default", Address.parse("192.0.2.1"))
    cut = ring().tables(Overlay(links_down=frozenset({"a-b", "d-a"})))
    assert not cut.reaches("a", "default", Address.parse("10.255.0.3"))


def test_a_loop_of_statics_delivers_nothing() -> None:
    lab = Lab("a b").link("a", "b")
    lab.static("a", "77.0.0.0/8", next_hop=Address.parse("10.0.1.1"))
    lab.static("b", "77.0.0.0/8", next_hop=Address.parse("10.0.1.0"))
    assert not lab.tables().reaches("a", "default", Address.parse("77.1.1.1"))


def test_resolution_for_bgp() -> None:
    """Metric and next hops of the IGP; 0 for connected and static; nothing over a default route. A discard route resolves
    (seen on FRR 8.4.4, tests/laws/found/bgp-next-hop-within-a-discard-route).
    """
    lab = (
        ring()
        .static("a", "77.0.0.0/8", discard="blackhole")
        .static("a", "0.0.0.0/0", next_hop=Address.parse("10.0.1.1"))
    )
    tables = lab.tables()

    def resolved(text: str) -> tuple[int, list[str]] | None:
        found = tables.resolve("a", "default", Address.parse(text))
        return (found[0], [f"{hop.address}@{hop.interface}" for hop in found[1]]) if found else None

    assert resolved("10.255.0.3") == (30, ["10.0.1.1@to-b", "10.0.4.0@to-d"])
    assert resolved("10.0.1.1") == (0, ["10.0.1.1@to-b"])
    assert resolved("77.1.1.1") == (0, ["None@None"])
    assert resolved("203.0.113.1") is None
    assert resolved("10.255.0.1") is None


def test_candidates_for_redistribution() -> None:
    lab = both().static("a", "77.0.0.0/8", discard="blackhole")
    tables = lab.tables()
    assert [str(prefix) for prefix in tables.candidates("a", "default", "static")] == ["77.0.0.0/8"]
    assert [str(prefix) for prefix in tables.candidates("a", "default", "ospf")] == ["10.255.0.2/32"]
    assert [str(prefix) for prefix in tables.candidates("a", "default", "isis")] == ["2001:db8:ff::2/128"]
    assert "10.0.1.0/31" in [str(prefix) for prefix in tables.candidates("a", "default", "connected")]


def test_prefixes_announced_alike_are_one_class() -> None:
    lab = ring()
    for prefix in ("77.0.0.0/8", "78.0.0.0/8"):
        lab.static("b", prefix, discard="blackhole")
    lab.isis("b", levels=L2, redistributions=(Redistribution(protocol="static", level=2),))
    classes = [[str(prefix) for prefix in group] for group in lab.tables().classes()]
    assert ["10.255.0.3/32"] in classes
    alone = {prefix for group in classes if len(group) == 1 for prefix in group}
    assert {"77.0.0.0/8", "78.0.0.0/8"} <= alone  # b itself has discard routes: they may differ there
    assert sorted(prefix for group in classes for prefix in group) == sorted(map(str, lab.tables().prefixes()))


def test_a_hub_with_more_links_than_a_word_has_bits() -> None:
    """70 spokes and a far end behind all of them: 64 next hops are installed (MULTIPATH_NUM)."""
    lab = Lab("hub far")
    for number in range(70):
        lab.add(f"s{number:02}").link("hub", f"s{number:02}").link("far", f"s{number:02}")
    for name in list(lab.routers):
        lab.isis(name, levels=L2)
    route = lab.tables().table("hub")[LOOPBACK]
    assert len(route.next_hops) == 64
    assert route.metric == 30


def test_link_local_and_own_host_addresses_are_no_routes() -> None:
    lab = (
        Lab("a")
        .port("a", "eth0", "fe80::1/64", "169.254.1.1/16", "192.0.2.1/24")
        .port("a", "lo0", "127.0.0.1/8", "::1/128")
    )
    assert [str(prefix) for prefix in lab.tables().table("a")] == [
        "10.255.0.1/32",
        "192.0.2.0/24",
        "2001:db8:ff::1/128",
    ]


def test_management_interfaces_stay_out() -> None:
    lab = Lab("a").port("a", "eth0", "10.150.0.4/16", management=True)
    assert Prefix.parse("10.150.0.0/16") not in lab.tables().table("a")
