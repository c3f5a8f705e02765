"""What real FRR 8.4.4 routers had in the lab where the fast engine once had something else; values are the routers'."""

from pathlib import Path

from backstay.model.address import Prefix
from backstay.model.state import Route, State
from backstay.read.folder import load
from backstay.simulate.engine import simulate

HEAD = "frr version 8.4.4\nfrr defaults traditional\n"


def state_of(folder: Path, count: int, bgp: dict[int, str], extra: dict[int, str] | None = None) -> State:
    """Routers r1, r2 ... in a row with IS-IS level 2, loopbacks 10.255.0.N, iBGP lines as given."""
    (folder / "configs").mkdir()
    for number in range(1, count + 1):
        text = f"{HEAD}hostname r{number}\nrouter isis C\n is-type level-2-only\n net 49.0001.0000.0000.{number:04x}.00\nexit\n"
        text += f"interface lo\n ip address 10.255.0.{number}/32\n ip router isis C\n isis passive\nexit\n"
        for link in (number - 1, number):
            if 0 < link < count:
                side = 0 if link == number else 1
                text += f"interface eth{link}\n ip address 10.0.{link}.{side}/31\n ip router isis C\n isis network point-to-point\nexit\n"
        text += (extra or {}).get(number, "") + bgp.get(number, "")
        (folder / "configs" / f"r{number}.conf").write_text(text)
    return simulate(load(folder))


def ibgp(number: int, *peers: int, more: str = "") -> str:
    text = f"router bgp 65000\n bgp router-id 10.255.0.{number}\n no bgp network import-check\n"
    for peer in peers:
        text += f" neighbor 10.255.0.{peer} remote-as 65000\n neighbor 10.255.0.{peer} update-source lo\n"
    return f"{text} address-family ipv4 unicast\n{more} exit-address-family\nexit\n"


def best(state: State, router: str, prefix: str) -> Route | None:
    return state.routes[router]["default"].get(Prefix.parse(prefix))


def test_a_default_originated_towards_a_router_that_only_listens_arrives(tmp_path: Path) -> None:
    """r3 had ``B> 0.0.0.0/0 [200/0] via 10.255.0.1``; r2, told nothing, had none."""
    state = state_of(
        tmp_path, 3, {1: ibgp(1, 2, 3, more="  neighbor 10.255.0.3 default-originate\n"), 2: ibgp(2, 1), 3: ibgp(3, 1)}
    )
    found = best(state, "r3", "0.0.0.0/0")
    assert found is not None
    assert (found.protocol, str(found.next_hops[0].address)) == ("ibgp", "10.255.0.1")
    assert best(state, "r2", "0.0.0.0/0") is None


def test_an_aggregate_round_its_own_next_hop_is_resolved_by_the_longer_interior_route(tmp_path: Path) -> None:
    """10.255.0.0/24 is announced by 10.255.0.1, which lies in it: the /32 of IS-IS resolves it, on every router."""
    more = "  redistribute isis\n  aggregate-address 10.255.0.0/24\n"
    state = state_of(tmp_path, 3, {1: ibgp(1, 2, 3, more=more), 2: ibgp(2, 1, 3), 3: ibgp(3, 1, 2)})
    for router in ("r2", "r3"):
        found = best(state, router, "10.255.0.0/24")
        assert found is not None, router
        assert str(found.next_hops[0].address) == "10.255.0.1"
        assert found.forwarding[0].interface == {"r2": "eth1", "r3": "eth2"}[router]


def test_an_outside_path_of_a_confederation_comes_before_an_inside_one_of_less_metric(tmp_path: Path) -> None:
    """r2 had 10.255.0.3 ``(metric 110) ... confed-external, best (Confed Peer Type)`` over 10.255.0.1 ``(metric 20)``."""

    def member(number: int, asn: int, *lines: str, network: bool) -> str:
        body = "".join(f" {line}\n" for line in lines)
        more = " network 198.51.100.0/24\n" if network else ""
        return (
            f"router bgp {asn}\n bgp router-id 10.255.0.{number}\n no bgp network import-check\n"
            f" no bgp ebgp-requires-policy\n bgp confederation identifier 65000\n bgp confederation peers {130203 - asn}\n{body}{more}exit\n"
        )

    def peer(number: int, asn: int) -> tuple[str, ...]:
        end = f"neighbor 10.255.0.{number}"
        return (
            f"{end} remote-as {asn}",
            f"{end} update-source lo",
            *([f"{end} ebgp-multihop 5"] if asn == 65102 or number == 2 else []),
        )

    far = {3: "interface eth2\n isis metric 100\nexit\n", 2: "interface eth2\n isis metric 100\nexit\n"}
    state = state_of(
        tmp_path,
        3,
        {
            1: member(1, 65101, *peer(2, 65101)[:2], network=True),
            2: member(2, 65101, *peer(1, 65101), *peer(3, 65102), network=False),
            3: member(3, 65102, *peer(2, 65101), network=True),
        },
        far,
    )
    found = best(state, "r2", "198.51.100.0/24")
    assert found is not None
    assert found.attributes is not None
    assert found.attributes.learned_from == "10.255.0.3"


def test_packets_to_a_direct_ipv6_peer_leave_by_its_link_local_address(tmp_path: Path) -> None:
    """r1 had ``B> 2001:db8:ff::2/128 [20/0] via fe80::..., eth0`` while BGP holds the global next hop (RFC 2545 3)."""

    def ends(number: int, other: int) -> str:
        return (
            f"frr version 8.4.4\nhostname r{number}\ninterface lo\n ipv6 address 2001:db8:ff::{number}/128\nexit\n"
            f"interface eth0\n ipv6 address 2001:db8:1::{number - 1}/127\nexit\n"
            f"router bgp 6500{number}\n bgp router-id 10.255.0.{number}\n no bgp ebgp-requires-policy\n"
            f" neighbor 2001:db8:1::{other - 1} remote-as 6500{other}\n address-family ipv6 unicast\n"
            f"  network 2001:db8:ff::{number}/128\n  neighbor 2001:db8:1::{other - 1} activate\n exit-address-family\nexit\n"
        )

    (tmp_path / "configs").mkdir()
    for number, other in ((1, 2), (2, 1)):
        (tmp_path / "configs" / f"r{number}.conf").write_text(ends(number, other))
    found = best(simulate(load(tmp_path)), "r1", "2001:db8:ff::2/128")
    assert found is not None
    assert [(hop.address, hop.interface) for hop in found.next_hops] == [(None, "eth0")]
    assert found.attributes is not None
    assert str(found.attributes.next_hop) == "2001:db8:1::1"
