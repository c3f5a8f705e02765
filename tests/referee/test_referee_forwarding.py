"""Static routes, recursion, walks, loads and the sweep of the referee, by hand arithmetic."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.referee.netkit import answer, chain, isis_router, network, route, ways

from backstay.model.errors import Unproven
from backstay.model.flows import protected_flows
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, LostDemand, NextHop
from backstay.referee.cascade import settle
from backstay.referee.engine import simulate
from backstay.referee.flows import Towards, follow_flows
from backstay.referee.sweep import Placed, failures
from backstay.referee.traffic import arrivals, parts


def with_lines(
    folder: Path, net: Network, extra: dict[str, str], intent: str = "name: test\n", demands: str = ""
) -> Network:
    configs = {name: "\n".join(item.text for item in r.sources) + "\n" for name, r in net.routers.items()}
    for name, lines in extra.items():
        configs[name] += lines
    return network(folder, configs, intent, demands)


def test_a_recursive_static_route_follows_the_igp(tmp_path: Path) -> None:
    net = with_lines(
        tmp_path / "n", chain(tmp_path / "bare", [10, 10]), {"r1": "ip route 192.0.2.0/24 10.255.0.3 tag 4\n"}
    )
    found = route(answer(net), "r1", "192.0.2.0/24")
    assert found is not None
    assert (found.protocol, found.distance, found.metric, found.tag) == ("static", 1, 0, 4)
    assert [(str(hop.address), hop.interface) for hop in found.next_hops] == [("10.255.0.3", None)]
    assert ways(found) == ["10.0.1.2 east"]


def test_statics_that_need_each_other_or_themselves_are_none(tmp_path: Path) -> None:
    lines = (
        "ip route 192.0.2.0/24 198.51.100.1\nip route 198.51.100.0/24 192.0.2.1\nip route 203.0.113.0/24 203.0.113.1\n"
    )
    state = answer(with_lines(tmp_path / "n", chain(tmp_path / "bare", [10]), {"r1": lines}))
    for prefix in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
        assert route(state, "r1", prefix) is None, prefix


def test_a_floating_static_route_waits_for_its_turn(tmp_path: Path) -> None:
    """Distance 200 against 115: the IGP's route, and the static one when the IGP has none."""
    lines = {"r1": "ip route 10.255.0.2/32 blackhole 200\n"}
    net = with_lines(tmp_path / "n", chain(tmp_path / "bare", [10]), lines)
    with_igp = route(answer(net), "r1", "10.255.0.2/32")
    assert with_igp is not None
    assert with_igp.protocol == "isis"
    alone = route(answer(net, Overlay(links_down=frozenset(net.links))), "r1", "10.255.0.2/32")
    assert alone is not None
    assert (alone.protocol, alone.next_hops) == ("static", (NextHop(discard="blackhole"),))


def test_a_remotely_triggered_black_hole(tmp_path: Path) -> None:
    """RFC 5635 2: a next hop that is routed to discard resolves, to nowhere."""
    lines = {"r1": "ip route 192.0.2.1/32 blackhole\nip route 198.51.100.0/24 192.0.2.1\n"}
    net = with_lines(tmp_path / "n", chain(tmp_path / "bare", [10]), lines, demands="r1,198.51.100.0/24,5\n")
    state = answer(net)
    assert ways(route(state, "r1", "198.51.100.0/24")) == ["- blackhole"]
    assert [(item.reason, item.mbps, item.at) for item in state.loads.lost] == [(Fate.DISCARDED, 5.0, ("r1",))]


def test_two_statics_back_to_back_are_a_loop(tmp_path: Path) -> None:
    lines = {"r1": "ip route 192.0.2.0/24 10.0.1.2\n", "r2": "ip route 192.0.2.0/24 10.0.1.1\n"}
    net = with_lines(tmp_path / "n", chain(tmp_path / "bare", [10]), lines, demands="r1,192.0.2.0/24,8\n")
    (lost,) = answer(net).loads.lost
    assert lost == LostDemand(source="r1", destination="192.0.2.0/24", mbps=8.0, reason=Fate.LOOP, at=("r1",))


def square(folder: Path, demands: str) -> Network:
    """a - b - d and a - c - d, all costs 10, capacities 100 but c - d with 40."""
    intent = """name: square
links:
  ab: {ends: ["a:e0", "b:e0"], capacity: 100}
  ac: {ends: ["a:e1", "c:e0"], capacity: 100}
  bd: {ends: ["b:e1", "d:e0"], capacity: 100, risk_groups: [duct]}
  cd: {ends: ["c:e1", "d:e1"], capacity: 40, risk_groups: [duct]}
"""
    return network(
        folder,
        {
            "a": isis_router(1, {"e0": ("10.0.1.1/24", 10), "e1": ("10.0.2.1/24", 10)}),
            "b": isis_router(2, {"e0": ("10.0.1.2/24", 10), "e1": ("10.0.3.2/24", 10)}),
            "c": isis_router(3, {"e0": ("10.0.2.3/24", 10), "e1": ("10.0.4.3/24", 10)}),
            "d": isis_router(4, {"e0": ("10.0.3.4/24", 10), "e1": ("10.0.4.4/24", 10)}),
        },
        intent,
        demands,
    )


def test_equal_branches_carry_equal_shares(tmp_path: Path) -> None:
    loads = answer(square(tmp_path, "a,d,60\nb,d,10\n")).loads
    carried = {str(ref): mbps for ref, mbps in loads.mbps.items()}
    assert carried == {"a:e0": 30.0, "a:e1": 30.0, "b:e1": 40.0, "c:e1": 30.0}
    assert loads.utilisation[InterfaceRef("c", "e1")] == pytest.approx(30 / 40)
    assert (loads.offered, loads.lost) == (70.0, ())


def test_the_sweep_by_hand(tmp_path: Path) -> None:
    sweep = simulate(square(tmp_path, "a,d,60\nb,d,10\n"), sweep=True).sweep
    assert sweep is not None
    found = {(item.kind, item.name): item for item in sweep}
    assert found["link", "ab"].max_utilisation == pytest.approx(60 / 40), "all of a's by c"
    assert found["link", "cd"].max_utilisation == pytest.approx(70 / 100), "all by b"
    assert found["link", "cd"].lost_mbps == 0.0
    assert str(found["link", "ab"].worst) == "c:e1"
    assert found["risk-group", "duct"].lost_mbps == pytest.approx(70.0)
    assert found["router", "b"].max_utilisation == pytest.approx(60 / 40)
    assert (found["router", "b"].lost_mbps, found["router", "b"].unavoidable_mbps) == (0.0, 10.0)
    assert (found["router", "d"].lost_mbps, found["router", "d"].unavoidable_mbps) == (0.0, 70.0)
    assert [(item.kind, item.name) for item in sweep] == [
        *(("link", name) for name in ("ab", "ac", "bd", "cd")),
        *(("router", name) for name in "abcd"),
        ("risk-group", "duct"),
    ]


def test_the_short_way_says_what_the_plain_way_says(october: Network) -> None:
    settled = settle(october, Overlay())
    follow_flows(october, settled.world.routing.walker, settled.overlay)  # walks that no demand takes are known, too
    placed = Placed(october, settled, parts(october))
    assert placed.short.possible
    every = list(failures(october))
    for failure in every[::7]:
        short, plain = placed.shortly(failure), placed.plainly(failure)
        assert short is not None
        assert short.max_utilisation == pytest.approx(plain.max_utilisation, rel=1e-9), failure
        assert short.lost_mbps == pytest.approx(plain.lost_mbps, abs=1e-6), failure
        assert short.unavoidable_mbps == pytest.approx(plain.unavoidable_mbps, abs=1e-6), failure


def test_a_failure_played_through_leaves_nothing_behind(october: Network) -> None:
    """The same failure gives the same answer before and after a hundred others."""
    settled = settle(october, Overlay())
    placed = Placed(october, settled, parts(october))
    every = list(failures(october))
    first = [placed.after(failure) for failure in every[:3]]
    for failure in every:
        placed.after(failure)
    assert [placed.after(failure) for failure in every[:3]] == first


def test_too_many_branches_in_circles_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backstay.referee.walk.BRANCHES", 1)
    lines = {"r1": "ip route 192.0.2.0/24 10.0.1.2\n", "r2": "ip route 192.0.2.0/24 10.0.1.1\n"}
    net = with_lines(tmp_path / "n", chain(tmp_path / "bare", [10]), lines, demands="r1,192.0.2.0/24,8\n")
    with pytest.raises(Unproven, match="branches"):
        answer(net)


def test_what_flows_share_leads_where_each_alone_would_go(october: Network) -> None:
    """One of the shortest ways, by name among equals: added up from the end, and searched from the start."""
    settled = settle(october, Overlay())
    arrival = arrivals(october, settled.overlay)
    for flow in protected_flows(october):
        arrived = arrival(flow.destination_place, flow.destination)
        towards = Towards(settled.world.routing.walker, flow.destination, arrived)
        start = (flow.router, DEFAULT_VRF)
        assert towards.walker.spread(start, flow.destination) is not None
        assert towards.shortest(start) == towards.searched(start)
