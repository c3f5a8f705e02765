"""What four small networks of real FRR 8.4.4 routers showed, each fact once; the configurations are the ones they ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging
from backstay.model.state import PathAttributes, Route, Session, State
from backstay.read.folder import load
from backstay.referee.engine import simulate


def state(folder: Path, **configs: str) -> State:
    (folder / "configs").mkdir()
    for name, text in configs.items():
        (folder / "configs" / f"{name}.conf").write_text(f"frr version 8.4.4\nhostname {name}\n{text}")
    return simulate(load(folder))


def route(answer: State, router: str, prefix: str) -> Route | None:
    return answer.routes[router]["default"].get(Prefix.parse(prefix))


def told(answer: State, router: str, prefix: str) -> PathAttributes:
    found = route(answer, router, prefix)
    assert found is not None
    assert found.attributes is not None
    return found.attributes


def session(answer: State, router: str, peer: str) -> Session:
    return next(one for one in answer.sessions if (one.router, one.peer) == (router, peer))


ORIGIN = """
interface eth0
 ip address 10.1.0.0/31
router bgp 1
 bgp router-id 1.1.1.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.1 remote-as 2
 address-family ipv4 unicast
  network 203.0.113.0/24
"""
T = """
interface eth0
 ip address 10.1.0.1/31
interface eth1
 ip address 10.1.0.2/31
router bgp 2
 bgp router-id 2.2.2.2
 no bgp ebgp-requires-policy
 neighbor 10.1.0.0 remote-as 1
 neighbor 10.1.0.3 remote-as 3
"""
A = """
route-map LP permit 10
 set local-preference +10
interface eth0
 ip address 10.1.0.3/31
interface eth1
 ip address 10.1.0.4/31
router bgp 3
 bgp router-id 3.3.3.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 2
 neighbor 10.1.0.5 remote-as 3
 address-family ipv4 unicast
  neighbor 10.1.0.5 next-hop-self
  neighbor 10.1.0.2 route-map LP in
"""
RR = """
interface eth0
 ip address 10.1.0.5/31
interface eth1
 ip address 10.1.0.6/31
router bgp 3
 bgp router-id 3.3.3.2
 neighbor 10.1.0.4 remote-as 3
 neighbor 10.1.0.7 remote-as 3
 address-family ipv4 unicast
  neighbor 10.1.0.4 route-reflector-client
  neighbor 10.1.0.7 route-reflector-client
"""
C = """
interface eth0
 ip address 10.1.0.7/31
interface eth1
 ip address 10.1.0.8/31
ip route 10.1.0.4/31 10.1.0.6
router bgp 3
 bgp router-id 3.3.3.3
 bgp confederation identifier 30
 bgp confederation peers 4
 no bgp network import-check
 neighbor 10.1.0.6 remote-as 3
 neighbor 10.1.0.9 remote-as 4
 address-family ipv4 unicast
  network 100.64.0.0/24
  neighbor 10.1.0.9 route-map ALL out
  neighbor 10.1.0.9 route-map ALL in
route-map ALL permit 10
"""
M = """
interface eth0
 ip address 10.1.0.9/31
router bgp 4
 bgp router-id 4.4.4.4
 bgp confederation identifier 30
 bgp confederation peers 3
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.8 remote-as 3
 address-family ipv4 unicast
  network 100.64.9.0/24
"""


@pytest.fixture
def chain(tmp_path: Path) -> State:
    return state(tmp_path, o=ORIGIN, t=T, a=A, rr=RR, c=C, m=M)


def test_an_external_route_without_med_is_reflected_with_med_0(chain: State) -> None:
    """`show bgp`: no metric on rr, metric 0 on c; originator 3.3.3.1, cluster list 3.3.3.2, path 2 1."""
    assert told(chain, "rr", "203.0.113.0/24").med is None
    reflected = told(chain, "c", "203.0.113.0/24")
    assert (reflected.med, reflected.as_path) == (0, "2 1")
    assert (str(reflected.originator), [str(one) for one in reflected.cluster_list]) == ("3.3.3.1", ["3.3.3.2"])
    assert str(reflected.next_hop) == "10.1.0.4"


def test_local_preference_counts_from_nothing_on_an_external_route(chain: State) -> None:
    """LocPrf 10 on a, rr and c."""
    assert {told(chain, name, "203.0.113.0/24").local_preference for name in ("a", "rr", "c")} == {10}


def test_members_of_a_confederation_need_a_policy_they_cannot_have(chain: State) -> None:
    """`show bgp summary` on c: (Policy) (Policy), though route-maps stand in both directions; m has its own route alone."""
    assert session(chain, "c", "10.1.0.9").established
    assert (session(chain, "c", "10.1.0.9").accepted, session(chain, "c", "10.1.0.9").sent) == (((4, 0),), ((4, 0),))
    assert route(chain, "m", "203.0.113.0/24") is None
    assert route(chain, "c", "100.64.9.0/24") is None


def test_a_client_whose_route_is_not_reached_holds_it_in_vain(chain: State) -> None:
    """100.64.0.0/24 on a: `i`, not valid: next hop 10.1.0.7 is on no subnet of a."""
    assert session(chain, "a", "10.1.0.5").accepted == ((4, 1),)
    assert route(chain, "a", "100.64.0.0/24") is None


B = """
interface eth0
 ip address 10.1.0.1/31
interface eth1
 ip address 10.1.0.2/31
interface lo
 ip address 10.255.0.2/32
ip route 10.255.0.1/32 10.1.0.0
router bgp 3
 bgp router-id 3.3.3.2
 no bgp ebgp-requires-policy
 neighbor 10.255.0.1 remote-as 3
 neighbor 10.255.0.1 update-source lo
 neighbor 10.1.0.3 remote-as 9
 address-family ipv4 unicast
  aggregate-address 100.64.0.0/16
  neighbor 10.1.0.3 default-originate
"""
FAR = """
interface eth0
 ip address 10.1.0.0/31
interface lo
 ip address 10.255.0.1/32
ip route 10.255.0.2/32 10.1.0.1
route-map NH permit 10
 match ip address prefix-list FIVE
 set ip next-hop 192.0.2.99
 set origin incomplete
route-map NH permit 20
ip prefix-list FIVE seq 5 permit 100.64.5.0/24
router bgp 3
 bgp router-id 3.3.3.1
 no bgp network import-check
 neighbor 10.255.0.2 remote-as 3
 neighbor 10.255.0.2 update-source lo
 address-family ipv4 unicast
  network 100.64.5.0/24
  redistribute connected
  neighbor 10.255.0.2 route-map NH out
"""
X = """
interface eth0
 ip address 10.1.0.3/31
router bgp 9
 bgp router-id 9.9.9.9
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.2 remote-as 3
 address-family ipv4 unicast
  network 203.0.113.0/24
  neighbor 10.1.0.2 route-map BH out
route-map BH permit 10
 set community blackhole
"""


@pytest.fixture
def border(tmp_path: Path) -> State:
    return state(tmp_path, a=FAR, b=B, x=X)


def test_blackhole_from_outside_gets_no_export(border: State) -> None:
    """b: `Community: blackhole no-export`."""
    assert told(border, "b", "203.0.113.0/24").communities == ("blackhole", "no-export")


def test_default_originate_sends_med_0(border: State) -> None:
    default = told(border, "x", "0.0.0.0/0")
    assert (default.med, default.as_path, str(default.next_hop)) == (0, "3", "10.1.0.2")


def test_an_aggregate_needs_a_valid_part(border: State) -> None:
    """b holds 100.64.5.0/24 as not valid (next hop 192.0.2.99): `show bgp 100.64.0.0/16`: network not in table."""
    assert route(border, "b", "100.64.0.0/16") is None
    assert route(border, "x", "100.64.0.0/16") is None


def test_a_host_route_does_not_resolve_itself(border: State) -> None:
    """b holds 10.255.0.1/32 with next hop 10.255.0.1: not valid, not sent to x; 10.1.0.0/31 is sent."""
    assert session(border, "b", "10.255.0.1").accepted == ((4, 3),)
    assert route(border, "x", "10.255.0.1/32") is None
    assert told(border, "x", "10.1.0.0/31").as_path == "3"


HUB = """
ip nht resolve-via-default
interface eth0
 ip address 10.1.0.0/31
interface eth1
 ip address 10.1.0.2/31
interface lo
 ip address 10.255.0.1/32
ip route 10.255.0.5/32 10.1.0.1
ip route 10.255.0.6/32 10.1.0.3
router bgp 3
 bgp router-id 3.3.3.1
 neighbor 10.255.0.5 remote-as 3
 neighbor 10.255.0.5 update-source lo
 neighbor 10.255.0.6 remote-as 3
 neighbor 10.255.0.6 update-source lo
"""
GOOD = """
interface eth0
 ip address 10.1.0.1/31
interface lo
 ip address 10.255.0.5/32
ip route 10.255.0.1/32 10.1.0.0
router bgp 3
 bgp router-id 3.3.3.5
 no bgp network import-check
 neighbor 10.255.0.1 remote-as 3
 neighbor 10.255.0.1 update-source lo
 address-family ipv4 unicast
  network 0.0.0.0/0
  neighbor 10.255.0.1 route-map NH out
route-map NH permit 10
 set metric 5
"""
LOST = """
interface eth0
 ip address 10.1.0.3/31
interface lo
 ip address 10.255.0.6/32
ip route 10.255.0.1/32 10.1.0.2
router bgp 3
 bgp router-id 3.3.3.0
 no bgp network import-check
 neighbor 10.255.0.1 remote-as 3
 neighbor 10.255.0.1 update-source lo
 address-family ipv4 unicast
  network 0.0.0.0/0
  neighbor 10.255.0.1 route-map NH out
route-map NH permit 10
 set ip next-hop 172.16.1.1
"""


def test_a_default_route_through_itself_never_settles(tmp_path: Path) -> None:
    """`show bgp 0.0.0.0/0` on the hub: table version 66, 85, 103, 120, 138, 156 within four seconds."""
    with pytest.raises(NotConverging, match=r"hub 0\.0\.0\.0/0") as raised:
        state(tmp_path, hub=HUB, good=GOOD, lost=LOST)
    assert raised.value.cycle == ("hub 0.0.0.0/0",)


def test_without_resolving_over_the_default_route_it_does(tmp_path: Path) -> None:
    """172.16.1.1 (inaccessible); 10.255.0.5 is best, metric 5."""
    settled = state(tmp_path, hub=HUB.replace("ip nht resolve-via-default", "!"), good=GOOD, lost=LOST)
    assert str(told(settled, "hub", "0.0.0.0/0").next_hop) == "10.255.0.5"
    assert session(settled, "hub", "10.255.0.6").accepted == ((4, 1),)


MEMBER = """
interface eth0
 ip address 10.1.0.0/31
router bgp 65001
 bgp router-id 1.1.1.1
 bgp confederation identifier 65000
 bgp confederation peers 65002
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.1 remote-as 65002
 address-family ipv4 unicast
  network 203.0.113.0/24
  neighbor 10.1.0.1 default-originate
"""
PREPENDS = """
route-map PRE permit 10
 match ip address prefix-list X
 set as-path prepend 64999
route-map PRE permit 20
 set as-path prepend last-as 2
ip prefix-list X seq 5 permit 203.0.113.0/24
interface eth0
 ip address 10.1.0.1/31
router bgp 65002
 bgp router-id 2.2.2.2
 bgp confederation identifier 65000
 bgp confederation peers 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.0 remote-as 65001
 address-family ipv4 unicast
  neighbor 10.1.0.0 route-map PRE in
"""
DISGUISED = """
route-map DEF permit 10
 set weight 77
 set metric 8
interface eth0
 ip address 10.1.0.2/31
interface eth1
 ip address 10.1.0.4/31
router bgp 65010
 bgp router-id 3.3.3.3
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.3 remote-as 100
 neighbor 10.1.0.3 local-as 64900
 neighbor 10.1.0.5 remote-as 200
 neighbor 10.1.0.5 local-as 64901
 address-family ipv4 unicast
  network 198.51.100.0/24
  neighbor 10.1.0.3 remove-private-AS
  neighbor 10.1.0.3 default-originate route-map DEF
  neighbor 10.1.0.5 default-originate route-map DEF
"""
OUTSIDE = """
interface eth0
 ip address 10.1.0.{ours}/31
router bgp {asn}
 bgp router-id {asn}.1.1.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.{theirs} remote-as {remote}
"""


@pytest.fixture
def disguises(tmp_path: Path) -> State:
    x, y = (
        OUTSIDE.format(ours=3, theirs=2, asn=100, remote=64900),
        OUTSIDE.format(ours=5, theirs=4, asn=200, remote=64901),
    )
    return state(tmp_path, r1=MEMBER, r2=PREPENDS, r3=DISGUISED, x=x, y=y)


def test_a_prepend_drops_the_confederation_sequence(disguises: State) -> None:
    assert told(disguises, "r2", "203.0.113.0/24").as_path == "64999"


def test_last_as_finds_nothing_in_a_confederation_sequence(disguises: State) -> None:
    assert told(disguises, "r2", "0.0.0.0/0").as_path == "(65001)"


def test_a_local_as_hides_a_private_own_number_only_where_those_are_removed(disguises: State) -> None:
    assert {told(disguises, "x", prefix).as_path for prefix in ("0.0.0.0/0", "198.51.100.0/24")} == {"64900"}
    assert {told(disguises, "y", prefix).as_path for prefix in ("0.0.0.0/0", "198.51.100.0/24")} == {"64901 65010"}


def test_the_weight_of_a_default_does_not_travel(disguises: State) -> None:
    default = told(disguises, "y", "0.0.0.0/0")
    assert (default.weight, default.med) == (0, 8)
