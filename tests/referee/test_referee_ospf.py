"""OSPF of the referee against RFC 2328, 3101, 5340, 6987 worked by hand, and what FRR and Cumulus were seen to do."""

from __future__ import annotations

from pathlib import Path

from tests.referee.netkit import answer, network, route, ways

from backstay.model.network import Network
from backstay.model.state import NextHop, Route, State

NORMAL = "0.0.0.0"


def router(number: int, ports: dict[str, tuple[str, str, int]], process: str = "", home: str = NORMAL) -> str:
    """Point-to-point OSPF ports (address, area, cost) and the loopback 10.255.0.NUMBER in the area ``home``."""
    lines = [f"router ospf\n ospf router-id 10.255.0.{number}\n{process}exit\n"]
    for name, (address, area, cost) in ports.items():
        lines.append(
            f"interface {name}\n ip address {address}\n ip ospf area {area}\n ip ospf cost {cost}\n"
            " ip ospf network point-to-point\nexit\n"
        )
    lines.append(f"interface lo\n ip address 10.255.0.{number}/32\n ip ospf area {home}\nexit\n")
    return "".join(lines)


def three_areas(folder: Path, border: str = "", inside: str = "", far: str = "") -> Network:
    """r1 (area 1) - r2 (border) - r3 (backbone)."""
    return network(
        folder,
        {
            "r1": router(1, {"east": ("10.0.1.1/24", "0.0.0.1", 10)}, inside, home="0.0.0.1"),
            "r2": router(
                2, {"west": ("10.0.1.2/24", "0.0.0.1", 10), "east": ("10.0.2.1/24", NORMAL, 5)}, border
            ),
            "r3": router(3, {"west": ("10.0.2.2/24", NORMAL, 5)}, far),
        },
    )  # fmt: skip


def facts(found: Route | None) -> tuple[str, int, str] | None:
    return (found.kind, found.metric, " ".join(ways(found))) if found else None


def test_intra_and_inter_area(tmp_path: Path) -> None:
    """A loopback of a neighbour costs the link alone (seen on FRR 8.4.4 and Cumulus 3.7)."""
    state = answer(three_areas(tmp_path))
    assert facts(route(state, "r1", "10.255.0.2/32")) == ("inter", 10, "10.0.1.2 east"), "r2's loopback is in area 0"
    assert facts(route(state, "r1", "10.255.0.3/32")) == ("inter", 15, "10.0.1.2 east")
    assert facts(route(state, "r2", "10.255.0.1/32")) == ("intra", 10, "10.0.1.1 west")
    assert facts(route(state, "r3", "10.0.1.0/24")) == ("inter", 15, "10.0.2.1 west")


def test_a_stub_router_costs_the_most_and_is_still_crossed(tmp_path: Path) -> None:
    """RFC 6987; seen on FRR 8.4.4: as a drain it does nothing where there is no other way. Summaries cost 0xff0000."""
    state = answer(three_areas(tmp_path, border=" max-metric router-lsa administrative\n"))
    assert facts(route(state, "r1", "10.255.0.3/32")) == ("inter", 10 + 0xFF0000, "10.0.1.2 east")
    every = answer(
        three_areas(
            tmp_path / "all",
            *[" max-metric router-lsa administrative\n"] * 3,
        )
    )
    assert facts(route(every, "r3", "10.255.0.1/32")) == ("inter", 65535 + 0xFF0000, "10.0.2.1 west")


def test_externals_type_2_keep_their_metric_and_type_1_add_up(tmp_path: Path) -> None:
    lines = " redistribute static metric 30 metric-type {}\n"
    for kind, metric in ((1, 15 + 30), (2, 30)):
        net = _with_static(tmp_path / str(kind), far=lines.format(kind))
        assert facts(route(answer(net), "r1", "192.0.2.0/24")) == (f"external-{kind}", metric, "10.0.1.2 east")


def test_an_external_without_a_metric_has_20_of_type_2(tmp_path: Path) -> None:
    """FRR ospf_lsa.h DEFAULT_DEFAULT_METRIC."""
    state = answer(_with_static(tmp_path, far=" redistribute static\n"))
    assert facts(route(state, "r1", "192.0.2.0/24")) == ("external-2", 20, "10.0.1.2 east")


def _with_static(folder: Path, border: str = "", inside: str = "", far: str = "") -> Network:
    net = three_areas(folder / "bare", border, inside, far)
    configs = {name: "\n".join(item.text for item in r.sources) for name, r in net.routers.items()}
    configs["r3"] += "ip route 192.0.2.0/24 blackhole\n"
    return network(folder / "full", configs)


def test_a_stub_area_gets_a_default_and_no_externals(tmp_path: Path) -> None:
    stub = " area 0.0.0.1 stub\n"
    state = answer(_with_static(tmp_path, border=stub, inside=stub, far=" redistribute static\n"))
    assert route(state, "r1", "192.0.2.0/24") is None
    assert facts(route(state, "r1", "0.0.0.0/0")) == ("inter", 10 + 1, "10.0.1.2 east")
    assert route(state, "r1", "10.255.0.3/32") is not None
    bare = " area 0.0.0.1 stub no-summary\n"
    state = answer(_with_static(tmp_path / "bare", border=bare, inside=" area 0.0.0.1 stub\n"))
    assert route(state, "r1", "10.255.0.3/32") is None
    assert route(state, "r1", "0.0.0.0/0") is not None


def test_areas_of_different_kinds_do_not_speak(tmp_path: Path) -> None:
    """RFC 2328 10.5: the E-bit must agree."""
    state = answer(three_areas(tmp_path, border=" area 0.0.0.1 stub\n"))
    assert {adjacency.scope for adjacency in state.adjacencies} == {NORMAL}


def test_an_nssa_s_externals_are_translated(tmp_path: Path) -> None:
    """RFC 3101 3.2: type 7 within the area, type 5 beyond its border router, with the default metric (seen on FRR 8.4.4)."""
    nssa = " area 0.0.0.1 nssa\n"
    net = three_areas(tmp_path / "bare", nssa, nssa + " redistribute static metric 9\n")
    configs = {name: "\n".join(item.text for item in r.sources) for name, r in net.routers.items()}
    configs["r1"] += "ip route 192.0.2.0/24 blackhole\n"
    state = answer(network(tmp_path / "full", configs))
    assert facts(route(state, "r2", "192.0.2.0/24")) == ("nssa-2", 9, "10.0.1.1 west")
    assert facts(route(state, "r3", "192.0.2.0/24")) == ("external-2", 20, "10.0.2.1 west")
    assert route(state, "r1", "0.0.0.0/0") is not None, "seen on FRR 8.4.4: a type 3 default without being asked"


def test_a_range_hides_its_parts_and_is_a_black_hole_at_home(tmp_path: Path) -> None:
    """Seen on Cumulus 3.7 (batfish/lab-validation, cumulusfrr_ospf_area_range): costs of 100, the range 174.0.0.0/8 has its
    dearest part's cost, and at its border router a discard route of metric 0.
    """

    def port(name: str, address: str, area: str) -> str:
        return f"interface {name}\n ip address {address}\n ip ospf area {area}\n ip ospf cost 100\nexit\n"

    net = network(
        tmp_path,
        {
            "area0": "router ospf\n ospf router-id 1.1.1.1\nexit\n" + port("swp1", "174.147.240.2/29", NORMAL),
            "summarize": "router ospf\n ospf router-id 2.2.2.2\n area 0 range 174.0.0.0/8\nexit\n"
            + port("swp1", "174.147.240.1/29", NORMAL)
            + port("swp2", "134.31.0.1/17", "0.0.0.1"),
            "area1": "router ospf\n ospf router-id 3.3.3.3\nexit\n" + port("swp2", "134.31.0.2/17", "0.0.0.1"),
        },
    )
    state = answer(net)
    assert facts(route(state, "area0", "134.31.0.0/17")) == ("inter", 200, "174.147.240.1 swp1")
    assert facts(route(state, "area1", "174.0.0.0/8")) == ("inter", 200, "134.31.0.1 swp2")
    assert route(state, "area1", "174.147.240.0/29") is None
    discard = route(state, "summarize", "174.0.0.0/8")
    assert discard is not None
    assert (discard.protocol, discard.distance, discard.metric) == ("ospf", 110, 0)
    assert discard.next_hops == (NextHop(discard="blackhole"),)


def test_unnumbered_point_to_point(tmp_path: Path) -> None:
    """Seen on Cumulus 3.7 (cumulusfrr_ospf_unnumbered): the loopback's address on the port, cost 100."""

    def box(number: int) -> str:
        address = f"10.0.0.{number}/32"
        return (
            f"router ospf\n ospf router-id 10.0.0.{number}\n passive-interface swp2\nexit\n"
            f"interface lo\n ip address {address}\n ip ospf area 0\nexit\n"
            f"interface swp1\n ip address {address}\n ip ospf area 0\n ip ospf cost 100\n"
            " ip ospf network point-to-point\nexit\n"
            f"interface swp2\n ip address 10.{number}.0.1/24\n ip ospf area 0\n ip ospf cost 100\nexit\n"
        )

    wire = 'links:\n  cable: {ends: ["r1:swp1", "r2:swp1"]}\n'
    state = answer(network(tmp_path, {"r1": box(1), "r2": box(2)}, "name: test\n" + wire))
    assert facts(route(state, "r1", "10.0.0.2/32")) == ("intra", 100, "10.0.0.2 swp1")
    assert facts(route(state, "r1", "10.2.0.0/24")) == ("intra", 200, "10.0.0.2 swp1")
    own = route(state, "r1", "10.0.0.1/32")
    assert own is not None
    assert (own.protocol, ways(own)) == ("connected", ["- lo"])


def test_cost_from_the_reference_bandwidth(tmp_path: Path) -> None:
    def box(number: int) -> str:
        port = f"interface e0\n ip address 10.0.1.{number}/24\n bandwidth 40000\n ip ospf area 0\nexit\n"
        loopback = f"interface lo\n ip address 10.255.0.{number}/32\n ip ospf area 0\nexit\n"
        return f"router ospf\n ospf router-id 10.255.0.{number}\nexit\n{port}{loopback}"

    state = answer(network(tmp_path, {"r1": box(1), "r2": box(2)}))
    assert facts(route(state, "r1", "10.255.0.2/32")) == ("intra", 3, "10.0.1.2 e0"), "100000 / 40000 is 2.5, rounded"


def test_ospfv3_leads_over_link_local_addresses(tmp_path: Path) -> None:
    def box(number: int) -> str:
        port = f"interface e0\n ipv6 address 2001:db8:1::{number}/64\n ipv6 ospf6 area 0\n ipv6 ospf6 cost 4\n"
        port += " ipv6 ospf6 network point-to-point\nexit\n"
        loopback = f"interface lo\n ipv6 address 2001:db8::{number}/128\n ipv6 ospf6 area 0\n ipv6 ospf6 cost 1\nexit\n"
        return f"router ospf6\n ospf6 router-id 10.255.0.{number}\nexit\n{port}{loopback}"

    state: State = answer(network(tmp_path, {"r1": box(1), "r2": box(2)}))
    assert facts(route(state, "r1", "2001:db8::2/128")) == ("intra", 5, "- e0")
    assert {adjacency.protocol for adjacency in state.adjacencies} == {"ospf6"}
