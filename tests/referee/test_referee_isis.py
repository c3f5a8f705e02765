"""IS-IS of the referee against ISO 10589, RFC 1195, 5120, 5305 worked by hand, and what FRR 8.4.4 was seen to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.referee.netkit import ISIS, answer, chain, isis_router, network, route, ways

from backstay.model.errors import Unproven
from backstay.model.network import Overlay
from backstay.model.state import Adjacency


def test_metrics_add_up_with_the_loopback_s_own(tmp_path: Path) -> None:
    state = answer(chain(tmp_path, [5, 7]))
    found = route(state, "r1", "10.255.0.3/32")
    assert found is not None
    assert (found.protocol, found.distance, found.metric, found.kind) == ("isis", 115, 5 + 7 + 10, "level-2")
    assert ways(found) == ["10.0.1.2 east"]
    far_link = route(state, "r1", "10.0.2.0/24")
    assert far_link is not None
    assert far_link.metric == 5 + 7


def test_equal_paths_share(tmp_path: Path) -> None:
    """A square with sides of one cost: two next hops to the opposite corner."""
    net = network(
        tmp_path,
        {
            "a": isis_router(1, {"e0": ("10.0.1.1/24", 10), "e1": ("10.0.2.1/24", 10)}),
            "b": isis_router(2, {"e0": ("10.0.1.2/24", 10), "e1": ("10.0.3.2/24", 10)}),
            "c": isis_router(3, {"e0": ("10.0.2.3/24", 10), "e1": ("10.0.4.3/24", 10)}),
            "d": isis_router(4, {"e0": ("10.0.3.4/24", 10), "e1": ("10.0.4.4/24", 10)}),
        },
    )
    state = answer(net)
    assert ways(route(state, "a", "10.255.0.4/32")) == ["10.0.1.2 e0", "10.0.2.3 e1"]
    flow = state.routes["a"]["default"]
    assert sum(1 for found in flow.values() if found.protocol == "connected") == 3


def test_overloaded_router_is_reached_but_not_crossed(tmp_path: Path) -> None:
    """ISO 10589 7.2.8.1; seen on FRR 8.4.4: one overloaded router of a chain is already a partition."""
    state = answer(chain(tmp_path, [10, 10], {2: " set-overload-bit\n"}))
    assert route(state, "r1", "10.255.0.2/32") is not None
    assert route(state, "r1", "10.255.0.3/32") is None
    assert route(state, "r2", "10.255.0.3/32") is not None, "its own paths are no transit"


def test_overload_on_startup_is_over(tmp_path: Path) -> None:
    state = answer(chain(tmp_path, [10, 10], {2: " set-overload-bit on-startup 60\n"}))
    assert route(state, "r1", "10.255.0.3/32") is not None


def test_the_greatest_wide_metric_is_added_up(tmp_path: Path) -> None:
    """Seen on FRR 8.4.4: 16777215 stays in the computation, against RFC 5305 3; two of them give 33554430."""
    found = route(answer(chain(tmp_path, [16777215, 16777215])), "r1", "10.255.0.3/32")
    assert found is not None
    assert found.metric == 33554430 + 10


def test_level_1_router_goes_to_the_nearest_attached_one(tmp_path: Path) -> None:
    """ISO 10589 7.2.9.2: r1 (level 1) - r2 (both) - r3 (level 2): a default towards r2, nothing of r3 by name."""
    configs = {
        "r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}, level="level-1"),
        "r2": isis_router(2, {"west": ("10.0.1.2/24", 10), "east": ("10.0.2.1/24", 10)}, level="level-1-2"),
        "r3": isis_router(3, {"west": ("10.0.2.2/24", 10)}),
    }
    state = answer(network(tmp_path, configs))
    default = route(state, "r1", "0.0.0.0/0")
    assert default is not None
    assert (default.metric, default.kind, ways(default)) == (10, "level-1", ["10.0.1.2 east"])
    assert route(state, "r1", "10.255.0.3/32") is None
    assert route(state, "r2", "0.0.0.0/0") is None


def test_level_1_before_level_2_whatever_the_metric(tmp_path: Path) -> None:
    """RFC 1195 3.10.2: two level-1-2 routers reach each other at level 1."""
    configs = {
        "r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}, level="level-1-2"),
        "r2": isis_router(2, {"west": ("10.0.1.2/24", 10)}, level="level-1-2"),
    }
    state = answer(network(tmp_path, configs))
    found = route(state, "r1", "10.255.0.2/32")
    assert found is not None
    assert found.kind == "level-1"
    assert {(a.scope, a.local.router) for a in state.adjacencies} == {(s, r) for s in "12" for r in ("r1", "r2")}


def test_areas_must_agree_at_level_1_alone(tmp_path: Path) -> None:
    other = isis_router(2, {"west": ("10.0.1.2/24", 10)}, level="level-1-2").replace("49.0001", "49.0002")
    net = network(tmp_path, {"r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}, level="level-1-2"), "r2": other})
    assert {adjacency.scope for adjacency in answer(net).adjacencies} == {"2"}


def test_a_passive_circuit_is_advertised_and_silent(tmp_path: Path) -> None:
    left = isis_router(1, {"east": ("10.0.1.1/24", 10)})
    left += "interface lan\n ip address 10.9.0.1/24\n ip router isis C\n isis passive\n isis metric 3\nexit\n"
    state = answer(network(tmp_path, {"r1": left, "r2": isis_router(2, {"west": ("10.0.1.2/24", 10)})}))
    found = route(state, "r2", "10.9.0.0/24")
    assert found is not None
    assert found.metric == 10 + 3
    assert not any(adjacency.local.interface == "lan" for adjacency in state.adjacencies)


def test_on_a_lan_the_way_in_costs_and_the_way_out_does_not(tmp_path: Path) -> None:
    """ISO 10589 7.2.3: the pseudonode's metrics are 0."""

    def member(number: int, metric: int) -> str:
        port = f"interface lan\n ip address 10.1.0.{number}/24\n ip router isis C\n isis metric {metric}\nexit\n"
        return isis_router(number, {}) + port

    state = answer(network(tmp_path, {"a": member(1, 4), "b": member(2, 50), "c": member(3, 60)}))
    found = route(state, "a", "10.255.0.3/32")
    assert found is not None
    assert found.metric == 4 + 0 + 10
    assert ways(found) == ["10.1.0.3 lan"]
    assert len(state.adjacencies) == 6


def test_multi_topology_keeps_ipv6_off_links_without_it(tmp_path: Path) -> None:
    """RFC 5120: a triangle whose short side carries IPv4 alone; IPv6 goes round."""
    mt = " topology ipv6-unicast\n"

    def port(name: str, v4: str, v6: str, metric: int, extra: str = "") -> str:
        return f"interface {name}\n ip address {v4}\n ipv6 address {v6}\n{ISIS} isis metric {metric}\n{extra}exit\n"

    off = " no isis topology ipv6-unicast\n"
    v6_loopback = "interface lo\n ipv6 address 2001:db8::{}/128\n ipv6 router isis C\nexit\n"
    a = port("ab", "10.0.1.1/24", "2001:db8:1::1/64", 10, off) + port("ac", "10.0.2.1/24", "2001:db8:2::1/64", 20)
    b = port("ba", "10.0.1.2/24", "2001:db8:1::2/64", 10, off) + port("bc", "10.0.3.1/24", "2001:db8:3::1/64", 20)
    c = port("ca", "10.0.2.2/24", "2001:db8:2::2/64", 20) + port("cb", "10.0.3.2/24", "2001:db8:3::2/64", 20)
    configs = {
        name: isis_router(number, {}, mt) + text + v6_loopback.format(number)
        for number, (name, text) in enumerate({"a": a, "b": b, "c": c}.items(), 1)
    }
    state = answer(network(tmp_path, configs))
    assert ways(route(state, "a", "10.255.0.2/32")) == ["10.0.1.2 ab"]
    assert ways(route(state, "a", "2001:db8::2/128")) == ["- ac"]


def test_redistributed_static_has_the_configured_metric_and_no_tag(tmp_path: Path) -> None:
    """Seen on FRR 8.4.4: tags of static routes do not travel in IS-IS."""
    net = network(
        tmp_path,
        {
            "r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}, " redistribute ipv4 static level-2 metric 7\n")
            + "ip route 192.0.2.0/24 blackhole tag 5\nip route 0.0.0.0/0 blackhole\n",
            "r2": isis_router(2, {"west": ("10.0.1.2/24", 10)}),
        },
    )
    state = answer(net)
    found = route(state, "r2", "192.0.2.0/24")
    assert found is not None
    assert (found.metric, found.tag) == (17, 0)
    assert route(state, "r2", "0.0.0.0/0") is None, "a default comes by default origination alone (FRR isis_redist.c)"


@pytest.mark.parametrize(
    ("line", "static", "there"),
    [
        (" default-information originate ipv4 level-2\n", "", False),
        (" default-information originate ipv4 level-2\n", "ip route 0.0.0.0/0 blackhole\n", True),
        (" default-information originate ipv4 level-2 always\n", "", True),
    ],
)
def test_default_origination(tmp_path: Path, line: str, static: str, there: bool) -> None:
    configs = {
        "r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}, line) + static,
        "r2": isis_router(2, {"west": ("10.0.1.2/24", 10)}),
    }
    assert (route(answer(network(tmp_path, configs)), "r2", "0.0.0.0/0") is not None) is there


def test_a_link_down_takes_both_ends(tmp_path: Path) -> None:
    net = chain(tmp_path, [10, 10])
    state = answer(net, Overlay(links_down=frozenset({"r1:east--r2:west"})))
    assert {adjacency.local.router for adjacency in state.adjacencies} == {"r2", "r3"}
    assert route(state, "r1", "10.0.1.0/24") is None
    assert not any(isinstance(a, Adjacency) and a.local.router == "r1" for a in state.adjacencies)


def test_twin_system_ids_are_not_guessed_at(tmp_path: Path) -> None:
    configs = {
        "r1": isis_router(1, {"east": ("10.0.1.1/24", 10)}),
        "r2": isis_router(2, {"west": ("10.0.1.2/24", 10)}).replace(".0002.00", ".0001.00"),
    }
    with pytest.raises(Unproven, match="system id"):
        answer(network(tmp_path, configs))


def test_a_link_that_costs_nothing_between_two_as_near_is_not_told(tmp_path: Path) -> None:
    """FRR isis_spf.c takes what it is done with as done with: whether a also reaches b by c depends on the order."""
    net = network(
        tmp_path,
        {
            "a": isis_router(1, {"e0": ("10.0.1.1/24", 10), "e1": ("10.0.2.1/24", 10)}),
            "b": isis_router(2, {"e0": ("10.0.1.2/24", 10), "e1": ("10.0.3.2/24", 0)}),
            "c": isis_router(3, {"e0": ("10.0.2.3/24", 10), "e1": ("10.0.3.3/24", 0)}),
        },
    )
    with pytest.raises(Unproven, match="nothing parts"):
        answer(net)
