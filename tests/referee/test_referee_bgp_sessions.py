"""Which sessions come up: RFC 4271 6.2 and 8, RFC 5082, RFC 6286, and FRR 8.4's own conditions, two routers at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from backstay.model.address import Prefix
from backstay.model.network import Overlay
from backstay.model.state import Session, State
from backstay.read.folder import load
from backstay.referee.engine import simulate

LEFT = """frr version 8.4.4
hostname left
interface eth0
 ip address 10.0.0.0/31
interface lo
 ip address 10.255.0.1/32
ip route 10.255.0.2/32 10.0.0.1
router bgp 65001
 bgp router-id 10.255.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
{}
 address-family ipv4 unicast
  network 192.0.2.0/24
{}
"""
RIGHT = """frr version 8.4.4
hostname right
interface eth0
 ip address 10.0.0.1/31
interface lo
 ip address 10.255.0.2/32
ip route 10.255.0.1/32 10.0.0.0
router bgp 65002
 bgp router-id 10.255.0.2
 no bgp ebgp-requires-policy
 no bgp network import-check
{}
 address-family ipv4 unicast
  network 198.51.100.0/24
{}
"""


def settled(folder: Path, left: str, right: str, inner_left: str = "", inner_right: str = "", **more: Overlay) -> State:
    (folder / "configs").mkdir()
    (folder / "configs" / "left.conf").write_text(LEFT.format(left, inner_left))
    (folder / "configs" / "right.conf").write_text(RIGHT.format(right, inner_right))
    return simulate(load(folder), more.get("overlay", Overlay()))


def between(state: State) -> tuple[Session, Session]:
    left, right = (next(one for one in state.sessions if one.router == name) for name in ("left", "right"))
    return left, right


def direct(neighbor: str = "", *, peer: str = "10.0.0.1", remote_as: str = "65002") -> str:
    lines = [f" neighbor {peer} remote-as {remote_as}"]
    return "\n".join([*lines, *(f" neighbor {peer} {line}" for line in neighbor.split(";") if line)])


def back(neighbor: str = "", *, peer: str = "10.0.0.0", remote_as: str = "65001") -> str:
    return direct(neighbor, peer=peer, remote_as=remote_as)


LOOPBACKS = {"peer": "10.255.0.2"}, {"peer": "10.255.0.1"}
FROM_LO = "update-source lo"


@pytest.mark.parametrize(
    ("left", "right", "up"),
    [
        pytest.param(direct(), back(), True, id="side by side"),
        pytest.param(direct("shutdown"), back(), False, id="shut down at one end"),
        pytest.param(direct("passive"), back(), True, id="one waits, the other calls"),
        pytest.param(direct("passive"), back("passive"), False, id="both wait"),
        pytest.param(direct(remote_as="external"), back(remote_as="external"), True, id="external by word"),
        pytest.param(direct(remote_as="internal"), back(), False, id="internal by word, another AS"),
        pytest.param(direct(remote_as="65003"), back(), False, id="bad peer AS"),
        pytest.param(direct("password one"), back("password one"), True, id="one password"),
        pytest.param(direct("password one"), back("password two"), False, id="two passwords"),
        pytest.param(direct("local-as 64900"), back(remote_as="64900"), True, id="shows its local AS"),
        pytest.param(direct("local-as 64900"), back(), False, id="local AS nobody expects"),
        pytest.param(direct("local-as 65001"), back(), True, id="local AS that is our own is refused"),
        pytest.param(direct("ttl-security hops 1"), back("ttl-security hops 1"), True, id="GTSM at both ends"),
        pytest.param(direct("ttl-security hops 1"), back(), False, id="GTSM at one end: TTL 1 arrives"),
        pytest.param(direct("ttl-security hops 1"), back("ebgp-multihop 255"), True, id="GTSM against TTL 255"),
        pytest.param(
            direct(FROM_LO, **LOOPBACKS[0]), back(FROM_LO, **LOOPBACKS[1]), False, id="loopbacks, not connected"
        ),
        pytest.param(
            direct(f"{FROM_LO};ebgp-multihop 2", **LOOPBACKS[0]),
            back(f"{FROM_LO};ebgp-multihop 2", **LOOPBACKS[1]),
            True,
            id="loopbacks, two hops",
        ),
        pytest.param(
            direct(f"{FROM_LO};disable-connected-check", **LOOPBACKS[0]),
            back(f"{FROM_LO};disable-connected-check", **LOOPBACKS[1]),
            True,
            id="loopbacks of neighbours, no connected check",
        ),
        pytest.param(
            direct("ebgp-multihop", **LOOPBACKS[0]),
            back("ebgp-multihop", **LOOPBACKS[1]),
            False,
            id="loopbacks called from the link's addresses",
        ),
        pytest.param(
            direct("ebgp-multihop", **LOOPBACKS[0]),
            back("ebgp-multihop;update-source lo"),
            True,
            id="each knows where the other comes from",
        ),
        pytest.param(
            " bgp router-id 10.9.9.9\n" + direct(),
            " bgp router-id 10.9.9.9\n" + back(),
            True,
            id="one identifier, two AS",
        ),
    ],
)
def test_two_external_routers(tmp_path: Path, left: str, right: str, up: bool) -> None:
    one, other = between(settled(tmp_path, left, right))
    assert (one.established, other.established) == (up, up), (one.reason, other.reason)
    if up:
        assert (one.remote, one.accepted, one.sent) == ("right", ((4, 1),), ((4, 1),))
    else:
        assert one.reason


def test_one_identifier_in_one_as(tmp_path: Path) -> None:
    """RFC 6286 2.2: an internal peer with our own BGP Identifier is refused."""
    (tmp_path / "configs").mkdir()
    for name, text, other in (("left", LEFT, "10.0.0.1"), ("right", RIGHT, "10.0.0.0")):
        inside = text.replace("router bgp 65002", "router bgp 65001").replace(
            "router-id 10.255.0.2", "router-id 10.255.0.1"
        )
        neighbor = f" neighbor {other} remote-as internal"
        (tmp_path / "configs" / f"{name}.conf").write_text(inside.format(neighbor, ""))
    one, other_end = between(simulate(load(tmp_path)))
    assert not one.established
    assert not other_end.established
    assert "identifier" in one.reason


def test_no_family_in_common(tmp_path: Path) -> None:
    right = back() + "\n no bgp default ipv4-unicast"
    one, _ = between(settled(tmp_path, direct(), right))
    assert not one.established


def test_a_reset_session_is_down_at_both_ends(tmp_path: Path) -> None:
    overlay = Overlay(sessions_reset=frozenset({("left", "10.0.0.1")}))
    one, other = between(settled(tmp_path, direct(), back(), overlay=overlay))
    assert (one.established, other.established) == (False, False)


def test_a_listen_range_answers_whoever_calls(tmp_path: Path) -> None:
    right = " neighbor D peer-group\n neighbor D remote-as 65001\n bgp listen range 10.0.0.0/24 peer-group D"
    one, other = between(settled(tmp_path, direct(), right, inner_right="  neighbor D activate"))
    assert (one.established, other.peer, other.remote) == (True, "10.0.0.0", "left")


def test_maximum_prefix_tears_down_and_stays_down(tmp_path: Path) -> None:
    """Optus 2023, seen on FRR 8.4.4: Idle (PfxCt) until cleared by hand; warning-only only says so."""
    many = "\n".join(f"  network 203.0.113.{n * 16}/28" for n in range(6))
    limit = "  neighbor 10.0.0.1 maximum-prefix 4"
    state = settled(tmp_path, direct(), back(), inner_left=limit, inner_right=many)
    one, other = between(state)
    assert (one.established, one.tripped, one.accepted) == (False, True, ((4, 7),))
    assert (other.established, other.tripped) == (False, False)
    assert [event.kind for event in state.cascade] == ["session-tripped"]
    assert Prefix.parse("198.51.100.0/24") not in state.routes["left"]["default"]


def test_maximum_prefix_may_only_warn(tmp_path: Path) -> None:
    many = "\n".join(f"  network 203.0.113.{n * 16}/28" for n in range(6))
    limit = "  neighbor 10.0.0.1 maximum-prefix 4 warning-only"
    one, _ = between(settled(tmp_path, direct(), back(), inner_left=limit, inner_right=many))
    assert (one.established, one.accepted) == (True, ((4, 7),))


INTERFACE = """frr version 8.4.4
hostname {name}
interface eth0
interface lo
 ip address {lo}/32
router bgp {asn}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor eth0 interface remote-as external
 address-family ipv4 unicast
  network {lo}/32
"""


def test_an_interface_session_carries_ipv4_over_link_local(tmp_path: Path) -> None:
    """RFC 8950: the next hop is the link-local address on the wire; the table shows the interface."""
    (tmp_path / "configs").mkdir()
    for name, lo, asn in (("left", "10.255.0.1", 65001), ("right", "10.255.0.2", 65002)):
        (tmp_path / "configs" / f"{name}.conf").write_text(INTERFACE.format(name=name, lo=lo, asn=asn))
    (tmp_path / "backstay.yaml").write_text('links: {"left:eth0--right:eth0": {capacity: 10G}}\n')
    state = simulate(load(tmp_path))
    one, _ = between(state)
    assert (one.established, one.peer, one.accepted) == (True, "eth0", ((4, 1),))
    route = state.routes["left"]["default"][Prefix.parse("10.255.0.2/32")]
    assert [(hop.address, hop.interface) for hop in route.next_hops] == [(None, "eth0")]


PE = """frr version 8.4.4
hostname pe
vrf red
exit-vrf
vrf blue
exit-vrf
interface eth0 vrf red
 ip address 10.0.0.0/31
interface eth1 vrf blue
 ip address 10.0.1.0/31
router bgp 65000 vrf red
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.0.0.1 remote-as 65001
 address-family ipv4 unicast
  network 192.0.2.0/24
router bgp 65000 vrf blue
 no bgp ebgp-requires-policy
 neighbor 10.0.1.1 remote-as 65002
"""
CE = """frr version 8.4.4
hostname {name}
interface eth0
 ip address 10.0.{net}.1/31
router bgp {asn}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.0.{net}.0 remote-as 65000
 address-family ipv4 unicast
  network 203.0.113.0/24
"""


def test_each_vrf_is_a_bgp_of_its_own(tmp_path: Path) -> None:
    """One prefix in both, each from its own customer; what begins in one is not heard in the other."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "pe.conf").write_text(PE)
    for name, net, asn in (("red", 0, 65001), ("blue", 1, 65002)):
        (tmp_path / "configs" / f"{name}.conf").write_text(CE.format(name=name, net=net, asn=asn))
    cables = ("pe:eth0--red:eth0", "pe:eth1--blue:eth0")
    (tmp_path / "backstay.yaml").write_text("links:\n" + "".join(f'  "{one}": {{capacity: 1G}}\n' for one in cables))
    state = simulate(load(tmp_path))
    assert all(session.established for session in state.sessions)
    prefix = Prefix.parse("203.0.113.0/24")
    heard = {vrf: state.routes["pe"][vrf][prefix].attributes for vrf in ("red", "blue")}
    assert [attributes.as_path for attributes in heard.values() if attributes] == ["65001", "65002"]
    assert Prefix.parse("192.0.2.0/24") in state.routes["red"]["default"]
    assert Prefix.parse("192.0.2.0/24") not in state.routes["blue"]["default"]
