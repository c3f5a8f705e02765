"""Next hops and MEDs where FRR 8.4.4 does something else than one would guess; every expected value was seen on it."""

from pathlib import Path

from backstay.model.address import Prefix
from backstay.model.state import Route, State
from backstay.read.folder import load
from backstay.simulate.engine import simulate

ANYTHING = "no bgp ebgp-requires-policy\n"


def state_of(folder: Path, **configs: str) -> State:
    """The State of routers given as FRR configurations; the sections end where indentation does."""
    (folder / "configs").mkdir()
    for name, text in configs.items():
        (folder / "configs" / f"{name}.conf").write_text(
            f"frr version 8.4.4\nhostname {name}\n{text}", encoding="utf-8"
        )
    return simulate(load(folder))


def best(state: State, router: str, prefix: str) -> Route | None:
    return state.routes[router]["default"].get(Prefix.parse(prefix))


def on_lan(number: int, *lines: str, before: str = "") -> str:
    """A router 10.0.0.NUMBER of AS 6500NUMBER on the one LAN, with these lines under its BGP process."""
    body = "".join(f" {line}\n" for line in lines)
    return (
        f"interface eth0\n ip address 10.0.0.{number}/24\n!\n{before}"
        f"router bgp 6500{number}\n bgp router-id 10.0.0.{number}\n {ANYTHING}{body}"
    )


def test_a_third_party_next_hop_that_is_the_peer_itself_is_sent_and_thrown_away(tmp_path: Path) -> None:
    """RFC 4271 5.1.3 forbids sending a peer its own address; FRR sends it and its receiver drops the route (own next
    hop), where a next hop rewritten by the sender would have been taken.
    """
    origin = "ip route 203.0.113.0/24 blackhole\nip route 198.51.100.0/24 blackhole\n"
    filters = "ip prefix-list P seq 5 permit 203.0.113.0/24\n"
    towards_c = "route-map OUT permit 10\n match ip address prefix-list P\n set ip next-hop 10.0.0.3\n"
    state = state_of(
        tmp_path,
        a=on_lan(1, "neighbor 10.0.0.2 remote-as 65002", "neighbor 10.0.0.3 remote-as 65003"),
        b=on_lan(
            2,
            "neighbor 10.0.0.1 remote-as 65001",
            "address-family ipv4 unicast",
            " network 203.0.113.0/24",
            " network 198.51.100.0/24",
            " neighbor 10.0.0.1 route-map OUT out",
            "exit-address-family",
            before=origin + filters + towards_c + "route-map OUT permit 20\n",
        ),
        c=on_lan(3, "neighbor 10.0.0.1 remote-as 65001"),
    )
    through_a = best(state, "a", "203.0.113.0/24")
    assert through_a is not None
    assert str(through_a.next_hops[0].address) == "10.0.0.3"
    assert best(state, "c", "203.0.113.0/24") is None
    third_party = best(state, "c", "198.51.100.0/24")
    assert third_party is not None
    assert str(third_party.next_hops[0].address) == "10.0.0.2"


def test_an_aggregate_has_med_zero(tmp_path: Path) -> None:
    """FRR bgp_attr.c bgp_attr_aggregate_intern: the MED is there and 0, whatever its parts have."""
    state = state_of(
        tmp_path,
        a=on_lan(
            1,
            "neighbor 10.0.0.2 remote-as 65002",
            "address-family ipv4 unicast",
            " network 198.18.1.0/24 route-map MED",
            " aggregate-address 198.18.0.0/16",
            "exit-address-family",
            before="ip route 198.18.1.0/24 blackhole\nroute-map MED permit 10\n set metric 50\n",
        ),
        b=on_lan(2, "neighbor 10.0.0.1 remote-as 65001"),
    )
    heard = {prefix: best(state, "b", prefix) for prefix in ("198.18.1.0/24", "198.18.0.0/16")}
    meds = {prefix: route.attributes.med for prefix, route in heard.items() if route and route.attributes}
    assert meds == {"198.18.1.0/24": 50, "198.18.0.0/16": 0}


def test_a_next_hop_that_is_link_local_means_nothing_several_hops_away(tmp_path: Path) -> None:
    """IPv6 over an IPv4 session between loopbacks that have no IPv6 address: the receiver has no interface to look for
    the next hop on, so the route is never used.
    """

    def router(number: int, *lines: str) -> str:
        other = 3 - number
        return (
            f"interface lo\n ip address 10.255.0.{number}/32\n!\n"
            f"interface eth0\n ip address 10.0.0.{number}/24\n!\n"
            f"ip route 10.255.0.{other}/32 10.0.0.{other}\nipv6 route 2001:db8:{number}::/48 blackhole\n"
            f"router bgp 65000\n bgp router-id 10.255.0.{number}\n"
            f" neighbor 10.255.0.{other} remote-as internal\n neighbor 10.255.0.{other} update-source lo\n"
            f" address-family ipv6 unicast\n  network 2001:db8:{number}::/48\n"
            f"  neighbor 10.255.0.{other} activate\n exit-address-family\n"
        )

    state = state_of(tmp_path, a=router(1), b=router(2))
    assert [session.received for session in state.sessions if session.router == "b"] == [((4, 0), (6, 1))]
    assert best(state, "b", "2001:db8:1::/48") is None
    assert best(state, "b", "2001:db8:2::/48") is not None
