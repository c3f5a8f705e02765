"""Policy against FRR 8.4.4: the answers are those real routers gave or its source states."""

from __future__ import annotations

import pytest

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Router
from backstay.model.policy import CommunityList, CommunityListEntry, PrefixList
from backstay.model.source import SourceFile
from backstay.model.state import NextHop
from backstay.read import frr
from backstay.referee import bgp_path, policy, policy_lists
from backstay.referee import policy_communities as communities
from backstay.referee.bgp_path import Attributes
from backstay.referee.policy_offer import Offer
from backstay.referee.seams import Candidate


def router(text: str) -> Router:
    return frr.read_router((SourceFile("r1.conf", f"frr version 8.4.4\nhostname r1\n{text}"),), "r1")


def offer(prefix: str = "203.0.113.0/24", **given: object) -> Offer:
    way = str(given.pop("way", "in"))
    peer = given.pop("peer", None)
    return Offer(
        prefix=Prefix.parse(prefix),
        attributes=Attributes(**given),  # type: ignore[arg-type]
        way=way,
        peer=Address.parse(str(peer)) if peer else None,
    )


def test_undefined_references_deny() -> None:
    """Seen on FRR 8.4.4: route-map or prefix-list deleted but still referenced, undefined as-path list: 0 routes."""
    one = router("""
route-map BY-LIST permit 10
 match ip address prefix-list GONE
route-map BY-PATH permit 10
 match as-path GONE
route-map BY-COMMUNITY permit 10
 match community GONE
""")
    assert policy.apply(one, "GONE", offer()) is None
    assert not policy.prefix_list_permits(one, "GONE", Prefix.parse("10.0.0.0/8"))
    assert not policy.access_list_permits(one, "GONE", Prefix.parse("10.0.0.0/8"))
    for name in ("BY-LIST", "BY-PATH", "BY-COMMUNITY"):
        assert policy.apply(one, name, offer()) is None


@pytest.mark.parametrize(("third", "sent"), [(113, False), (114, True), (115, True), (116, False)])
def test_a_route_that_falls_off_after_a_match_is_denied(third: int, sent: bool) -> None:
    """Seen on FRR 8.4.4: 113 matches the first entry, goes on, matches nothing more: not sent."""
    one = router("""
route-map FALL permit 10
 match ip address prefix-list A
 on-match next
route-map FALL permit 20
 match ip address prefix-list B
ip prefix-list A seq 5 permit 203.0.113.0/24
ip prefix-list A seq 10 permit 203.0.114.0/24
ip prefix-list B seq 5 permit 203.0.114.0/24
ip prefix-list B seq 10 permit 203.0.115.0/24
""")
    assert (policy.apply(one, "FALL", offer(f"203.0.{third}.0/24")) is not None) is sent


def test_on_match_goto_passes_entries_over_and_may_end_behind_the_last() -> None:
    one = router("""
route-map R permit 10
 set metric 1
 on-match goto 30
route-map R permit 20
 set local-preference 999
route-map R permit 30
 set weight 7
 on-match goto 40
""")
    route = offer()
    assert policy.apply(one, "R", route) == 30
    assert (route.attributes.med, route.attributes.weight, route.attributes.preference_set) == (1, 7, False)


def test_call_sets_first_then_asks_and_a_deny_ends_all() -> None:
    one = router("""
route-map OUTER permit 10
 set weight 5
 call INNER
route-map OUTER permit 20
route-map INNER deny 10
 match ip address prefix-list BAD
route-map INNER permit 20
 set metric 9
ip prefix-list BAD seq 5 permit 203.0.113.0/24
""")
    assert policy.apply(one, "OUTER", offer("203.0.113.0/24")) is None
    route = offer("198.51.100.0/24")
    assert policy.apply(one, "OUTER", route) == 10
    assert (route.attributes.weight, route.attributes.med) == (5, 9)


def test_route_maps_that_call_each_other_discard() -> None:
    one = router("route-map R permit 10\n call R\n")
    assert policy.apply(one, "R", offer()) is None


def test_a_list_of_one_version_never_matches_the_other() -> None:
    one = router("""
ip prefix-list ALL seq 5 permit 0.0.0.0/0 le 32
route-map R permit 10
 match ip address prefix-list ALL
""")
    assert policy.apply(one, "R", offer()) == 10
    assert policy.apply(one, "R", offer("2001:db8::/32")) is None


@pytest.mark.parametrize(
    ("prefix", "permitted"),
    [
        ("10.0.0.0/8", False),
        ("10.1.0.0/16", True),
        ("10.1.2.0/24", True),
        ("10.1.2.0/25", False),
        ("11.0.0.0/16", False),
    ],
)
def test_prefix_list_lengths(prefix: str, permitted: bool) -> None:
    one = router("ip prefix-list L seq 5 permit 10.0.0.0/8 ge 16 le 24\n")
    assert policy.prefix_list_permits(one, "L", Prefix.parse(prefix)) is permitted


def test_a_prefix_list_without_entries_permits() -> None:
    """FRR lib/plist.c prefix_list_apply_ext(): count 0 is PREFIX_PERMIT."""
    assert policy_lists.prefix_list(PrefixList(name="E", version=4, entries=()), Prefix.parse("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("regex", "path", "found"),
    [
        ("^64601_", "64601 64500", True),
        ("^64601_", "646010 64500", False),
        ("_64500$", "64601 64500", True),
        ("^$", "", True),
        ("_65001_", "(65001 65002) 64601", True),
        ("_3_", "1 {2,3}", True),
        ("^(64601_)+$", "64601 64601", True),
        ("^[0-9]+ [0-9]+$", "64601 64500", True),
        ("^[[:digit:]]+$", "64601", True),
    ],
)
def test_as_path_expressions(regex: str, path: str, found: bool) -> None:
    """``_`` stands for a blank, a comma, a bracket, or either end (FRR bgp_regex.c)."""
    assert bool(policy_lists.compiled(regex, boundary=True).search(path)) is found


def test_an_expression_nobody_can_read_is_no_answer() -> None:
    with pytest.raises(Unproven, match="cannot be read"):
        policy_lists.compiled("(unclosed", boundary=True)


def community_list(*entries: CommunityListEntry, kind: str = "standard") -> CommunityList:
    return CommunityList(name="C", kind=kind, entries=entries)


def test_a_standard_entry_wants_all_of_its_communities() -> None:
    both = community_list(CommunityListEntry(sequence=5, permit=True, communities=("65000:1", "no-export")))
    one, two, three = (communities.number(text) for text in ("65000:1", "65535:65281", "65000:3"))
    assert not policy_lists.community_list(both, frozenset({one}))
    assert policy_lists.community_list(both, frozenset({one, two, three}))
    assert not policy_lists.community_list(both, frozenset({one, two, three}), exact=True)
    assert policy_lists.community_list(both, frozenset({one, two}), exact=True)


def test_internet_matches_every_route() -> None:
    """FRR bgp_clist.c community_list_match(): an entry with `internet` holds any route, also one without communities."""
    everything = community_list(CommunityListEntry(sequence=5, permit=True, communities=("internet",)))
    assert policy_lists.community_list(everything, frozenset())


def test_an_expanded_entry_reads_the_communities_in_the_order_of_their_numbers() -> None:
    """community_uniq_sort() sorts by number: 9:1 stands before 65000:1, text order would turn them round."""
    expanded = community_list(CommunityListEntry(sequence=5, permit=True, regex="^9:1 65000:1$"))
    assert policy_lists.community_list(expanded, frozenset({communities.number("65000:1"), communities.number("9:1")}))


def test_deletion_takes_each_community_by_itself() -> None:
    listed = community_list(
        CommunityListEntry(sequence=5, permit=False, communities=("65000:1",)),
        CommunityListEntry(sequence=10, permit=True, regex="^65000:"),
    )
    carried = frozenset(communities.number(text) for text in ("65000:1", "65000:2", "65001:3"))
    left = policy_lists.deleted(listed, carried)
    assert communities.texts(left) == ("65000:1", "65001:3")


def test_communities_by_name_and_number_are_one() -> None:
    assert communities.number("65535:65281") == communities.number("no-export") == 0xFFFFFF01
    assert communities.name(communities.number("65535:666")) == "blackhole"
    assert communities.name(communities.number("65535:0")) == "graceful-shutdown"


def test_local_preference_is_added_to_what_the_route_has() -> None:
    """Seen on FRR 8.4.4: `set local-preference +10` on a route received without one gives 10."""
    one = router("route-map UP permit 10\n set local-preference +10\n")
    bare = offer()
    policy.apply(one, "UP", bare)
    assert (bare.attributes.local_preference, bare.attributes.preference_set) == (10, True)
    ours = offer(local_preference=100)
    policy.apply(one, "UP", ours)
    assert ours.attributes.local_preference == 110


def test_a_missing_med_matches_as_nought_and_counts_from_it() -> None:
    one = router("""
route-map R permit 10
 match metric 0
 set metric +5
""")
    route = offer()
    assert policy.apply(one, "R", route) == 10
    assert route.attributes.med == 5


def test_sets_replace_or_add_communities() -> None:
    one = router("""
route-map NEW permit 10
 set community 65000:9
route-map MORE permit 10
 set community 65000:9 additive
route-map NONE permit 10
 set community none
""")
    carried = frozenset({communities.number("65000:1")})
    expected = {"NEW": ("65000:9",), "MORE": ("65000:1", "65000:9"), "NONE": ()}
    for name, texts in expected.items():
        route = offer(communities=carried)
        policy.apply(one, name, route)
        assert communities.texts(route.attributes.communities) == texts


def test_prepends() -> None:
    one = router("""
route-map A permit 10
 set as-path prepend 65000 65000
route-map B permit 10
 set as-path prepend last-as 2
route-map C permit 10
 set as-path exclude 64500
""")
    expected = {"A": "65000 65000 64601 64500", "B": "64601 64601 64601 64500", "C": "64601"}
    for name, text in expected.items():
        route = offer(as_path=bgp_path.of((64601, 64500)))
        policy.apply(one, name, route)
        assert bgp_path.text(route.attributes.as_path) == text


def test_next_hops_on_the_way_in_and_out() -> None:
    one = router("route-map P permit 10\n set ip next-hop peer-address\n")
    inbound = offer(way="in", peer="192.0.2.1", next_hop=Address.parse("192.0.2.9"))
    policy.apply(one, "P", inbound)
    assert inbound.attributes.next_hop == Address.parse("192.0.2.1")
    outbound = offer(way="out", peer="192.0.2.1", next_hop=Address.parse("192.0.2.9"))
    policy.apply(one, "P", outbound)
    assert (outbound.attributes.next_hop, outbound.attributes.next_hop_set) == (None, "peer-address")


def test_into_an_igp_only_what_its_daemon_knows_counts() -> None:
    """FRR: vtysh sends `match community` to bgpd alone; to ospfd the entry stands without it. `+5` counts from 20
    (ospfd route_set_metric()).
    """
    one = router("""
bgp community-list standard C seq 5 permit 65000:1
route-map R permit 10
 match community C
 match tag 7
 set metric +5
 set metric-type type-1
 set tag 9
""")
    candidate = Candidate(prefix=Prefix.parse("10.0.0.0/8"), protocol="bgp", metric=3, tag=7, next_hops=(NextHop(),))
    passed = policy.redistribute(one, "R", candidate)
    assert passed is not None
    assert (passed.metric, passed.metric_type, passed.tag) == (25, 1, 9)
    other = Candidate(prefix=Prefix.parse("10.0.0.0/8"), protocol="bgp", metric=3, tag=8)
    assert policy.redistribute(one, "R", other) is None


def test_access_lists_over_routes() -> None:
    one = router("access-list L seq 5 deny 10.1.0.0/16\naccess-list L seq 10 permit 10.0.0.0/8\n")
    assert not policy.access_list_permits(one, "L", Prefix.parse("10.1.2.0/24"))
    assert policy.access_list_permits(one, "L", Prefix.parse("10.2.0.0/16"))
    assert not policy.access_list_permits(one, "L", Prefix.parse("192.0.2.0/24"))
