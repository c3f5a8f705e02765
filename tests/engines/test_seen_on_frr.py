"""What FRR 8.4.4 does where standards say something else or nothing: both engines, the same facts, seen in namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import backstay
from backstay.model.address import Prefix
from backstay.model.network import NOTHING
from backstay.model.state import Route, State

DOCUMENTATION = Prefix.parse("203.0.113.0/24")


@pytest.fixture(params=["fast", "referee"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def compute(engine: str, folder: Path, routers: Mapping[str, str]) -> State:
    """The State of routers given by their FRR configurations."""
    (folder / "configs").mkdir()
    for name, text in routers.items():
        head = f"frr version 8.4.4\nfrr defaults traditional\nhostname {name}\n"
        (folder / "configs" / f"{name}.conf").write_text(head + text, encoding="utf-8")
    return backstay.simulate(backstay.load(folder), NOTHING, engine=engine)


def wire(number: int, ends: tuple[int, int]) -> dict[int, str]:
    """Interface lines of the two ends of link 10.0.NUMBER.0/30, by the ends' own numbers (1 or 2)."""
    low, high = ends
    return {
        low: f"interface eth{number}\n ip address 10.0.{number}.1/30\n",
        high: f"interface eth{number}\n ip address 10.0.{number}.2/30\n",
    }


def route(state: State, router: str) -> Route | None:
    return state.routes[router]["default"].get(DOCUMENTATION)


def reflection(policy: str = "") -> dict[str, str]:
    """origin (AS 1) - transit (AS 2) - edge (AS 3) - reflector (AS 3) - client (AS 3), one link each."""
    links = [wire(number, (number, number + 1)) for number in (1, 2, 3, 4)]
    sides = {number: "".join(link.get(number, "") for link in links) for number in range(1, 6)}
    free = " no bgp ebgp-requires-policy\n"
    return {
        "origin": f"{sides[1]}ip route 203.0.113.0/24 blackhole\nrouter bgp 1\n{free} neighbor 10.0.1.2 remote-as 2\n"
        " address-family ipv4 unicast\n  network 203.0.113.0/24\n",
        "transit": f"{sides[2]}router bgp 2\n{free} neighbor 10.0.1.1 remote-as 1\n neighbor 10.0.2.2 remote-as 3\n",
        "edge": f"{sides[3]}{policy}router bgp 3\n{free} neighbor 10.0.2.1 remote-as 2\n neighbor 10.0.3.2 remote-as 3\n"
        " address-family ipv4 unicast\n  neighbor 10.0.3.2 next-hop-self\n"
        + ("  neighbor 10.0.2.1 route-map IN in\n" if policy else ""),
        "reflector": f"{sides[4]}ip route 10.0.4.0/24 blackhole\nrouter bgp 3\n neighbor 10.0.3.1 remote-as 3\n"
        " neighbor 10.0.4.2 remote-as 3\n address-family ipv4 unicast\n  neighbor 10.0.3.1 route-reflector-client\n"
        "  neighbor 10.0.4.2 route-reflector-client\n",
        "client": f"{sides[5]}ip route 10.0.3.0/24 10.0.4.1\nrouter bgp 3\n neighbor 10.0.4.1 remote-as 3\n",
    }


def test_a_reflected_route_without_a_med_gets_med_0(engine: str, tmp_path: Path) -> None:
    """subgroup_announce_check sets the flag of ORIGINATOR_ID by its value, 9, whose bits say MULTI_EXIT_DISC."""
    state = compute(engine, tmp_path, reflection())
    before, after = route(state, "reflector"), route(state, "client")
    assert before is not None
    assert before.attributes is not None
    assert after is not None
    assert after.attributes is not None
    assert (before.attributes.med, after.attributes.med) == (None, 0)


@pytest.mark.parametrize(("action", "seen"), [("+10", 10), ("150", 150)])
def test_a_route_from_outside_has_no_local_preference_to_add_to(
    engine: str, tmp_path: Path, action: str, seen: int
) -> None:
    policy = f"route-map IN permit 10\n set local-preference {action}\n"
    found = route(compute(engine, tmp_path, reflection(policy)), "edge")
    assert found is not None
    assert found.attributes is not None
    assert found.attributes.local_preference == seen


def test_a_route_of_our_own_has_one(engine: str, tmp_path: Path) -> None:
    """bgp_attr_default_set fills in 100."""
    link = wire(1, (1, 2))
    head = "ip route 203.0.113.0/24 blackhole\nroute-map MORE permit 10\n set local-preference +10\n"
    routers = {
        "one": f"{link[1]}{head}router bgp 3\n neighbor 10.0.1.2 remote-as 3\n address-family ipv4 unicast\n"
        "  network 203.0.113.0/24 route-map MORE\n",
        "two": f"{link[2]}router bgp 3\n neighbor 10.0.1.1 remote-as 3\n",
    }
    found = route(compute(engine, tmp_path, routers), "two")
    assert found is not None
    assert found.attributes is not None
    assert found.attributes.local_preference == 110


@pytest.mark.parametrize(
    ("second", "passes"), [("", True), ("route-map IN permit 20\n match ip address prefix-list B\n", False)]
)
def test_on_match_next_lets_pass_only_what_no_later_entry_looks_at_in_vain(
    engine: str, tmp_path: Path, second: str, passes: bool
) -> None:
    """routemap.c route_map_apply_ext: RMAP_NOMATCH makes the answer RMAP_DENYMATCH again."""
    policy = (
        "ip prefix-list A seq 5 permit 203.0.113.0/24\nip prefix-list B seq 5 permit 198.51.100.0/24\n"
        f"route-map IN permit 10\n match ip address prefix-list A\n on-match next\n{second}"
    )
    assert (route(compute(engine, tmp_path, reflection(policy)), "edge") is not None) == passes


@pytest.mark.parametrize("required", [True, False])
def test_no_policy_between_confederation_members_is_policy_enough(engine: str, tmp_path: Path, required: bool) -> None:
    """bgp_outbound_policy_exists is false for BGP_PEER_CONFED whatever is configured."""
    link = wire(1, (1, 2))
    free = "" if required else " no bgp ebgp-requires-policy\n"
    all_of_it = "route-map ALL permit 10\n"

    def member(number: int, asn: int, other: int, extra: str) -> str:
        peer = f"10.0.1.{3 - number}"
        return (
            f"{link[number]}{all_of_it}{extra}router bgp {asn}\n{free} bgp confederation identifier 30\n"
            f" bgp confederation peers {other}\n neighbor {peer} remote-as {other}\n address-family ipv4 unicast\n"
            f"  neighbor {peer} route-map ALL in\n  neighbor {peer} route-map ALL out\n"
        )

    routers = {
        "one": member(1, 3, 4, "ip route 203.0.113.0/24 blackhole\n") + "  network 203.0.113.0/24\n",
        "two": member(2, 4, 3, ""),
    }
    assert (route(compute(engine, tmp_path, routers), "two") is None) == required


def through_edge(state: State) -> tuple[str, ...]:
    found = route(state, "edge")
    assert found is not None
    assert found.attributes is not None
    return found.attributes.communities


def test_a_black_hole_from_outside_stays_within(engine: str, tmp_path: Path) -> None:
    """RFC 7999 3.2; bgp_route.c bgp_update adds NO_EXPORT."""
    policy = "route-map IN permit 10\n set community blackhole\n"
    assert through_edge(compute(engine, tmp_path, reflection(policy))) == ("blackhole", "no-export")


def test_an_entry_of_several_communities_deletes_each(engine: str, tmp_path: Path) -> None:
    """bgp_clist.c community_list_match_delete holds each community of the route against each of the entry's."""
    policy = (
        "bgp community-list standard OLD seq 5 permit 3:1 3:2\n"
        "route-map IN permit 10\n set community 3:1 3:3\n continue\nroute-map IN permit 20\n set comm-list OLD delete\n"
    )
    assert through_edge(compute(engine, tmp_path, reflection(policy))) == ("3:3",)


def test_under_graceful_shutdown_a_route_of_our_own_is_marked_as_it_enters(engine: str, tmp_path: Path) -> None:
    link = wire(1, (1, 2))
    routers = {
        "one": f"{link[1]}ip route 203.0.113.0/24 blackhole\nrouter bgp 3\n bgp graceful-shutdown\n"
        " neighbor 10.0.1.2 remote-as 3\n address-family ipv4 unicast\n  network 203.0.113.0/24\n",
        "two": f"{link[2]}router bgp 3\n neighbor 10.0.1.1 remote-as 3\n",
    }
    found = route(compute(engine, tmp_path, routers), "two")
    assert found is not None
    assert found.attributes is not None
    assert (found.attributes.communities, found.attributes.local_preference) == (("graceful-shutdown",), 0)


def test_a_host_route_to_its_own_next_hop_is_no_way_to_it(engine: str, tmp_path: Path) -> None:
    """bgp_nht.c bgp_find_or_add_nexthop: the prefix loops through itself; it is held invalid and not passed on."""
    first, second = wire(1, (1, 2)), wire(2, (2, 3))
    routers = {
        "one": f"{first[1]}interface lo\n ip address 10.255.0.1/32\nip route 10.255.0.2/32 10.0.1.2\nrouter bgp 3\n"
        " neighbor 10.255.0.2 remote-as 3\n neighbor 10.255.0.2 update-source lo\n address-family ipv4 unicast\n"
        "  network 10.255.0.1/32\n",
        "two": f"{first[2]}{second[2]}interface lo\n ip address 10.255.0.2/32\nip route 10.255.0.1/32 10.0.1.1\n"
        "router bgp 3\n no bgp ebgp-requires-policy\n neighbor 10.255.0.1 remote-as 3\n"
        " neighbor 10.255.0.1 update-source lo\n neighbor 10.0.2.2 remote-as 4\n",
        "three": f"{second[3]}router bgp 4\n no bgp ebgp-requires-policy\n neighbor 10.0.2.1 remote-as 3\n",
    }
    state = compute(engine, tmp_path, routers)
    assert Prefix.parse("10.255.0.1/32") not in state.routes["three"]["default"]


def test_a_default_originated_carries_med_0(engine: str, tmp_path: Path) -> None:
    """bgp_updgrp_adv.c subgroup_default_originate."""
    link = wire(1, (1, 2))
    routers = {
        "one": f"{link[1]}router bgp 3\n neighbor 10.0.1.2 remote-as 3\n address-family ipv4 unicast\n"
        "  neighbor 10.0.1.2 default-originate\n",
        "two": f"{link[2]}router bgp 3\n neighbor 10.0.1.1 remote-as 3\n",
    }
    found = compute(engine, tmp_path, routers).routes["two"]["default"][Prefix.parse("0.0.0.0/0")]
    assert found.attributes is not None
    assert (found.attributes.med, found.attributes.local_preference) == (0, 100)


def test_the_last_as_of_no_path_is_none(engine: str, tmp_path: Path) -> None:
    """bgp_aspath.c aspath_leftmost of an empty path is 0: nothing is put before it."""
    link = wire(1, (1, 2))
    routers = {
        "one": f"{link[1]}ip route 203.0.113.0/24 blackhole\nroute-map OUT permit 10\n set as-path prepend last-as 2\n"
        "router bgp 3\n neighbor 10.0.1.2 remote-as 3\n address-family ipv4 unicast\n  network 203.0.113.0/24\n"
        "  neighbor 10.0.1.2 route-map OUT out\n",
        "two": f"{link[2]}router bgp 3\n neighbor 10.0.1.1 remote-as 3\n",
    }
    found = route(compute(engine, tmp_path, routers), "two")
    assert found is not None
    assert found.attributes is not None
    assert found.attributes.as_path == ""
