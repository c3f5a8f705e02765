"""What a border router tells its neighbours, option by option, worked by hand from the RFC or FRR 8.4's source."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.referee.netkit import network

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef, Overlay
from backstay.model.state import Advertisement, State
from backstay.referee.engine import simulate

BORDER = """
interface eth0
 ip address 192.0.2.0/31
interface eth1
 ip address 192.0.2.2/31
interface lo
 ip address 10.255.0.1/32
ip route 203.0.113.0/24 blackhole
ip route 203.0.114.0/24 blackhole tag 7
router bgp 65000
 bgp router-id 10.255.0.1
 no bgp ebgp-requires-policy
{process}
 neighbor 192.0.2.1 remote-as 64601
 neighbor 192.0.2.3 remote-as 3356
{neighbors}
 address-family ipv4 unicast
{family}
{policy}
"""
WORLD = """
neighbors:
  customer:
    asn: 64601
    kind: customer
    attachments: [{router: border, address: 192.0.2.1}]
    announces:
      - {prefix: 198.51.100.0/24, as_path: [64601], med: 9, communities: ["64601:1"]}
      - {prefix: 198.51.101.0/24, as_path: [64601, 64999], communities: [no-export]}
      - {prefix: 198.51.102.0/24, as_path: [64601, 1299]}
      - {prefix: 198.51.103.0/24, as_path: [64601], communities: [graceful-shutdown]}
  transit:
    asn: 3356
    kind: transit
    attachments: [{router: border, address: 192.0.2.3}]
    announces: [{prefix: 0.0.0.0/0, as_path: [3356]}]
"""


def border(folder: Path, process: str = "", neighbors: str = "", family: str = "", policy: str = "") -> State:
    config = BORDER.format(process=process, neighbors=neighbors, family=family, policy=policy)
    return simulate(network(folder, {"border": config}, WORLD))


def heard(state: State, prefix: str, by: str = "transit") -> Advertisement | None:
    wanted = Prefix.parse(prefix)
    return next((one for one in state.advertisements if (one.neighbor, one.prefix) == (by, wanted)), None)


def sure(state: State, prefix: str, by: str = "transit") -> Advertisement:
    found = heard(state, prefix, by)
    assert found is not None
    return found


def test_plainly(tmp_path: Path) -> None:
    """RFC 4271 5.1.2 own AS in front, 5.1.4 no MED of others; RFC 1997 NO_EXPORT stays; communities go along."""
    state = border(tmp_path)
    told = sure(state, "198.51.100.0/24")
    assert (told.as_path, told.med, told.communities, told.learned_from) == (
        "65000 64601",
        -1,
        ("64601:1",),
        "customer",
    )
    assert heard(state, "198.51.101.0/24") is None
    assert sure(state, "0.0.0.0/0", "customer").learned_from == "transit"


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("remove-private-AS", {"100": "65000", "102": "65000 64601 1299"}),
        ("remove-private-AS all", {"100": "65000", "102": "65000 1299"}),
        ("remove-private-AS all replace-AS", {"100": "65000 65000", "102": "65000 65000 1299"}),
    ],
)
def test_private_numbers(tmp_path: Path, words: str, paths: dict[str, str]) -> None:
    state = border(tmp_path, family=f"  neighbor 192.0.2.3 {words}")
    assert {third: sure(state, f"198.51.{third}.0/24").as_path for third in paths} == paths


@pytest.mark.parametrize(
    ("words", "sent", "held"),
    [
        ("local-as 7", "7 65000", "7 64601"),
        ("local-as 7 no-prepend", "7 65000", "64601"),
        ("local-as 7 no-prepend replace-as", "7", "64601"),
    ],
)
def test_local_as(tmp_path: Path, words: str, sent: str, held: str) -> None:
    """Towards the customer the local AS in front of ours (or in its place); on what comes from there too, unless no-prepend."""
    state = border(tmp_path, neighbors=f" neighbor 192.0.2.1 {words}")
    assert sure(state, "0.0.0.0/0", "customer").as_path == f"{sent} 3356"
    attributes = state.routes["border"]["default"][Prefix.parse("198.51.100.0/24")].attributes
    assert attributes is not None
    assert attributes.as_path == held


def test_send_community(tmp_path: Path) -> None:
    state = border(tmp_path, family="  no neighbor 192.0.2.3 send-community standard")
    assert sure(state, "198.51.100.0/24").communities == ()


def test_graceful_shutdown_from_outside_is_the_last_resort(tmp_path: Path) -> None:
    """RFC 8326 4.3: LOCAL_PREF 0 on receipt."""
    state = border(tmp_path)
    attributes = state.routes["border"]["default"][Prefix.parse("198.51.103.0/24")].attributes
    assert attributes is not None
    assert attributes.local_preference == 0


def test_graceful_shutdown_of_ourselves(tmp_path: Path) -> None:
    """RFC 8326 4.1: everything that leaves carries the community."""
    state = border(tmp_path, process=" bgp graceful-shutdown")
    assert "graceful-shutdown" in sure(state, "198.51.100.0/24").communities


def test_maximum_med(tmp_path: Path) -> None:
    state = border(tmp_path, process=" bgp max-med administrative 77")
    assert {one.med for one in state.advertisements} == {77}


def test_network_wants_the_route_in_the_table(tmp_path: Path) -> None:
    """`network` with the import check: the very prefix; ORIGIN IGP, MED 0."""
    state = border(tmp_path, family="  network 203.0.113.0/24\n  network 203.0.115.0/24")
    assert (sure(state, "203.0.113.0/24").as_path, sure(state, "203.0.113.0/24").med) == ("65000", 0)
    assert heard(state, "203.0.115.0/24") is None


def test_network_without_the_check(tmp_path: Path) -> None:
    state = border(tmp_path, process=" no bgp network import-check", family="  network 203.0.115.0/24")
    assert sure(state, "203.0.115.0/24").learned_from == ""


def test_redistribution_through_a_route_map(tmp_path: Path) -> None:
    policy = "route-map TAGGED permit 10\n match tag 7\n set metric 40\n"
    state = border(tmp_path, family="  redistribute static route-map TAGGED", policy=policy)
    assert sure(state, "203.0.114.0/24").med == 40
    assert heard(state, "203.0.113.0/24") is None


def test_summary_only_keeps_the_parts_back(tmp_path: Path) -> None:
    """RFC 4271 9.2.2.2: without an AS_SET the aggregate has an empty path of ours; FRR installs it as a discard."""
    state = border(tmp_path, family="  aggregate-address 198.51.100.0/22 summary-only")
    assert sure(state, "198.51.100.0/22").as_path == "65000"
    assert heard(state, "198.51.100.0/24") is None
    route = state.routes["border"]["default"][Prefix.parse("198.51.100.0/22")]
    assert (route.protocol, route.distance, route.next_hops[0].discard) == ("aggregate", 200, "blackhole")


def test_as_set(tmp_path: Path) -> None:
    """64601 is what all parts begin with; 64999 and 1299 follow in some."""
    state = border(tmp_path, family="  aggregate-address 198.51.100.0/22 as-set")
    told = heard(state, "198.51.100.0/22")
    assert told is None  # one part carries NO_EXPORT, and so does the aggregate
    attributes = state.routes["border"]["default"][Prefix.parse("198.51.100.0/22")].attributes
    assert attributes is not None
    assert (attributes.as_path, attributes.communities) == ("64601 {1299,64999}", ("64601:1", "no-export"))


def test_suppress_and_unsuppress(tmp_path: Path) -> None:
    policy = """route-map SOME permit 10
 match ip address prefix-list P
route-map AGAIN permit 10
ip prefix-list P seq 5 permit 198.51.100.0/24
ip prefix-list P seq 10 permit 198.51.102.0/24
"""
    family = "  aggregate-address 198.51.100.0/22 suppress-map SOME\n  neighbor 192.0.2.1 unsuppress-map AGAIN"
    state = border(tmp_path, family=family, policy=policy)
    assert heard(state, "198.51.100.0/24") is None
    assert heard(state, "198.51.102.0/24") is None
    assert heard(state, "198.51.103.0/24") is not None
    assert heard(state, "198.51.100.0/22") is not None


def test_matching_med_only(tmp_path: Path) -> None:
    """One part has MED 9, the others none: no aggregate, and nothing suppressed."""
    state = border(tmp_path, family="  aggregate-address 198.51.100.0/22 summary-only matching-MED-only")
    assert heard(state, "198.51.100.0/22") is None
    assert heard(state, "198.51.100.0/24") is not None


def test_default_originate_on_a_condition(tmp_path: Path) -> None:
    """A default only while some route passes the map; its sets are what is sent."""
    policy = (
        "route-map IF permit 10\n match ip address prefix-list P\n set metric 5\nip prefix-list P seq 5 permit {}\n"
    )
    there = tmp_path / "there"
    there.mkdir()
    state = border(
        there, family="  neighbor 192.0.2.3 default-originate route-map IF", policy=policy.format("198.51.100.0/24")
    )
    assert (sure(state, "0.0.0.0/0").as_path, sure(state, "0.0.0.0/0").med) == ("65000", 5)
    gone = tmp_path / "gone"
    gone.mkdir()
    state = border(
        gone, family="  neighbor 192.0.2.3 default-originate route-map IF", policy=policy.format("198.51.109.0/24")
    )
    assert heard(state, "0.0.0.0/0") is None


def test_rfc_8212(tmp_path: Path) -> None:
    """A name is a policy, whatever it holds; without one nothing comes in and nothing goes out."""
    family = "  neighbor 192.0.2.1 route-map ALL in"
    policy = "route-map ALL permit 10\n"
    state = border(tmp_path, process=" bgp ebgp-requires-policy", family=family, policy=policy)
    assert Prefix.parse("198.51.100.0/24") in state.routes["border"]["default"]
    assert Prefix.parse("0.0.0.0/0") not in state.routes["border"]["default"]
    assert state.advertisements == frozenset()


def test_filters_on_the_way_out(tmp_path: Path) -> None:
    """An AS path filter sees the path before our own AS is put on."""
    policy = "bgp as-path access-list FIRST seq 5 permit ^64601$\n"
    state = border(tmp_path, family="  neighbor 192.0.2.3 filter-list FIRST out", policy=policy)
    assert {str(one.prefix) for one in state.advertisements if one.neighbor == "transit"} == {
        "198.51.100.0/24",
        "198.51.103.0/24",
    }


def test_a_link_down_takes_the_session_and_its_routes(tmp_path: Path) -> None:
    made = network(tmp_path, {"border": BORDER.format(process="", neighbors="", family="", policy="")}, WORLD)
    state = simulate(made, Overlay(interfaces_down=frozenset({InterfaceRef("border", "eth0")})))
    assert heard(state, "198.51.100.0/24") is None
    assert [one.established for one in state.sessions] == [False, True]
