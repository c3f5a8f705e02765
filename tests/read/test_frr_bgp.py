"""BGP of FRR: defaults by profile and version, what peer groups give, which address families are on."""

import pytest
from tests.read.facts import read

from backstay.model.address import Address, Prefix
from backstay.model.network import Router
from backstay.model.routing import Aggregate, BgpNeighbor, BgpProcess, NetworkStatement, Redistribution
from backstay.model.source import Place

PEER = "10.0.0.2"


def process(lines: str, head: str = "") -> BgpProcess:
    return _router(lines, head).bgp[0]


def _router(lines: str, head: str = "") -> Router:
    return read(head + "router bgp 65000\n" + lines)


def neighbor(lines: str, name: str = PEER) -> BgpNeighbor:
    return process(lines).neighbors[name]


# ---------------------------------------------------------------------------------------- the process


@pytest.mark.parametrize(
    ("head", "policy", "import_check", "deterministic"),
    [
        ("", True, True, False),
        ("frr version 8.4.4\nfrr defaults traditional\n", True, True, False),
        ("frr version 8.4.4\nfrr defaults datacenter\n", False, True, True),
        ("frr version 7.3.1\nfrr defaults traditional\n", False, False, False),
        ("frr version 4.0+cl3u8\nfrr defaults datacenter\n", False, True, True),
    ],
)
def test_defaults_by_profile_and_version(head: str, policy: bool, import_check: bool, deterministic: bool) -> None:
    """`lib/defaults.c` and FRR_CFG_DEFAULT_BOOL in bgp_vty.c."""
    found = process("", head)
    assert (found.ebgp_requires_policy, found.network_import_check, found.deterministic_med) == (
        policy,
        import_check,
        deterministic,
    )


def test_a_line_beats_the_profile() -> None:
    found = process(" no bgp ebgp-requires-policy\n bgp deterministic-med\n no bgp client-to-client reflection\n")
    assert not found.ebgp_requires_policy
    assert found.deterministic_med
    assert not found.client_to_client


def test_process_values() -> None:
    found = process(
        " bgp router-id 1.1.1.1\n bgp cluster-id 7\n bgp confederation identifier 9\n bgp confederation peers 1 2\n"
        " bgp confederation peers 3\n bgp bestpath as-path multipath-relax\n bgp bestpath med confed missing-as-worst\n"
        " bgp default local-preference 200\n bgp max-med administrative\n"
    )
    assert found.router_id == Address.parse("1.1.1.1")
    assert found.cluster_id == Address.parse("0.0.0.7")
    assert found.confederation_id == 9
    assert found.confederation_peers == {1, 2, 3}
    assert (found.multipath_relax, found.multipath_as_set) == (True, False)
    assert (found.med_confed, found.med_missing_as_worst) == (True, True)
    assert found.default_local_preference == 200
    assert found.max_med_administrative == 4294967294


def test_processes_of_vrfs() -> None:
    router = read("router bgp 65000\nrouter bgp 65000 vrf red\n neighbor 10.0.0.2 remote-as 5\n")
    assert [item.vrf for item in router.bgp] == ["default", "red"]
    assert "red" in router.vrfs
    assert list(router.bgp[1].neighbors) == [PEER]


def test_a_view_is_unread() -> None:
    router = read("hostname r\nrouter bgp 65000 view X\n neighbor 10.0.0.2 remote-as 5\n")
    assert router.bgp == ()
    assert [line.reason for line in router.unread] == ["BGP views are not modelled"] * 2


def test_family_lines() -> None:
    family = process(
        " address-family ipv4 unicast\n  network 198.18.0.0/16 route-map T\n  aggregate-address 198.18.0.0/15 summary-only\n"
        "  redistribute ospf 2 metric 5\n  maximum-paths 4\n  maximum-paths ibgp 8 equal-cluster-length\n"
        "  distance bgp 30 150 151\n  distance 70 10.0.0.0/8 L\n  table-map M\n  import vrf red\n"
    ).families[4]
    assert family.networks == (
        NetworkStatement(prefix=Prefix.parse("198.18.0.0/16"), route_map="T", place=Place("r.conf", 3)),
    )
    assert family.aggregates == (
        Aggregate(prefix=Prefix.parse("198.18.0.0/15"), summary_only=True, place=Place("r.conf", 4)),
    )
    assert family.redistributions == (
        Redistribution(protocol="ospf", instance="2", metric=5, place=Place("r.conf", 5)),
    )
    assert (family.maximum_paths, family.maximum_paths_ibgp, family.equal_cluster_length) == (4, 8, True)
    assert (family.distance_external, family.distance_internal, family.distance_local) == (30, 150, 151)
    assert family.prefix_distances == ((70, Prefix.parse("10.0.0.0/8"), "L"),)
    assert (family.table_map, family.import_vrfs) == ("M", ("red",))


def test_old_spellings_of_networks() -> None:
    """`network A mask M` and a classful `network A` are still taken (bgp_route.c)."""
    networks = process(" network 10.1.0.0 mask 255.255.0.0\n network 192.0.2.0\n").families[4].networks
    assert [str(item.prefix) for item in networks] == ["10.1.0.0/16", "192.0.2.0/24"]


# ---------------------------------------------------------------------------------------- activation


@pytest.mark.parametrize(
    ("lines", "families"),
    [
        (f" neighbor {PEER} remote-as 5\n", {4}),
        (f" no bgp default ipv4-unicast\n neighbor {PEER} remote-as 5\n", set()),
        (f" bgp default ipv6-unicast\n neighbor {PEER} remote-as 5\n", {4, 6}),
        (f" neighbor {PEER} remote-as 5\n address-family ipv4\n  no neighbor {PEER} activate\n", set()),
        (f" neighbor {PEER} remote-as 5\n address-family ipv6\n  neighbor {PEER} activate\n", {4, 6}),
        (
            (
                f" neighbor G peer-group\n neighbor {PEER} remote-as 5\n neighbor {PEER} peer-group G\n"
                " address-family ipv6\n  neighbor G activate\n"
            ),
            {4, 6},
        ),
        (
            (
                f" neighbor G peer-group\n neighbor {PEER} remote-as 5\n neighbor {PEER} peer-group G\n"
                f" address-family ipv4\n  no neighbor G activate\n  neighbor {PEER} activate\n"
            ),
            {4},
        ),
    ],
)
def test_address_families_that_are_on(lines: str, families: set[int]) -> None:
    assert set(neighbor(lines).families) == families


# ---------------------------------------------------------------------------------------- sessions


def test_session_values() -> None:
    found = neighbor(
        f" neighbor {PEER} remote-as external\n neighbor {PEER} update-source lo\n neighbor {PEER} ebgp-multihop\n"
        f" neighbor {PEER} local-as 77 no-prepend replace-as\n neighbor {PEER} description a b\n"
        f" neighbor {PEER} passive\n neighbor {PEER} shutdown message gone fishing\n neighbor {PEER} enforce-multihop\n"
    )
    assert (found.remote_as, found.update_source, found.ebgp_ttl) == ("external", "lo", 255)
    assert (found.local_as, found.local_as_no_prepend, found.local_as_replace) == (77, True, True)
    assert (found.description, found.passive, found.shutdown) == ("a b", True, True)
    assert found.disable_connected_check


def test_unnumbered_sessions() -> None:
    found = process(
        " neighbor G peer-group\n neighbor G remote-as external\n neighbor swp1 interface peer-group G\n"
        " neighbor swp2 interface v6only remote-as 65001\n neighbor swp3 interface\n neighbor swp3 remote-as internal\n"
    ).neighbors
    assert {name: (item.peer, item.remote_as, item.extended_next_hop) for name, item in found.items()} == {
        "swp1": ("swp1", "external", True),
        "swp2": ("swp2", 65001, True),
        "swp3": ("swp3", "internal", True),
    }


def test_listen_range_takes_the_groups_settings() -> None:
    found = process(
        " neighbor G peer-group\n neighbor G remote-as 5\n bgp listen range 10.0.0.0/8 peer-group G\n"
        " neighbor G route-map R in\n"
    )
    assert found.neighbors == {}
    assert found.listen_ranges[0].prefix == Prefix.parse("10.0.0.0/8")
    assert found.listen_ranges[0].template.remote_as == 5
    assert found.listen_ranges[0].template.families[4].route_map_in == "R"


def test_group_settings_are_inherited_and_overridden() -> None:
    found = neighbor(
        f" neighbor G peer-group\n neighbor G remote-as internal\n neighbor G update-source lo\n neighbor G description g\n"
        f" neighbor {PEER} peer-group G\n neighbor {PEER} update-source 10.0.0.1\n"
        " address-family ipv4\n  neighbor G route-map A in\n  neighbor G route-map B out\n"
        f"  neighbor G maximum-prefix 10\n  neighbor {PEER} route-map C in\n  neighbor G next-hop-self force\n"
        f"  neighbor {PEER} next-hop-self\n"
    )
    assert (found.remote_as, found.update_source, found.description) == ("internal", Address.parse("10.0.0.1"), None)
    family = found.families[4]
    assert (family.route_map_in, family.route_map_out, family.next_hop_self) == ("C", "B", "force")
    assert family.maximum_prefix is not None
    assert family.maximum_prefix.limit == 10


def test_an_undefined_group_is_said_and_its_line_unread() -> None:
    router = _router(f" neighbor {PEER} remote-as 5\n neighbor {PEER} peer-group NOPE\n")
    assert [remark.code for remark in router.remarks] == ["undefined-reference"]
    assert [line.place.line for line in router.unread] == [3]


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ("", {"standard", "extended", "large"}),
        (f"  no neighbor {PEER} send-community\n", {"extended", "large"}),
        (f"  no neighbor {PEER} send-community all\n", set()),
        (f"  no neighbor {PEER} send-community all\n  neighbor {PEER} send-community both\n", {"standard", "extended"}),
        ("  no neighbor G send-community large\n", {"standard", "extended"}),
    ],
)
def test_communities_sent(lines: str, sent: set[str]) -> None:
    found = neighbor(
        f" neighbor G peer-group\n neighbor {PEER} remote-as 5\n neighbor {PEER} peer-group G\n address-family ipv4\n{lines}"
    )
    assert found.families[4].send_communities == sent


def test_family_values() -> None:
    family = neighbor(
        f" neighbor {PEER} remote-as 5\n address-family ipv4\n  neighbor {PEER} maximum-prefix 100 80 restart 5\n"
        f"  neighbor {PEER} allowas-in\n  neighbor {PEER} remove-private-AS all replace-AS\n  neighbor {PEER} weight 9\n"
        f"  neighbor {PEER} attribute-unchanged\n  neighbor {PEER} default-originate route-map D\n"
        f"  neighbor {PEER} advertise-map A exist-map E\n  neighbor {PEER} filter-list F out\n"
    ).families[4]
    assert family.maximum_prefix is not None
    assert (family.maximum_prefix.limit, family.maximum_prefix.threshold, family.maximum_prefix.restart) == (100, 80, 5)
    assert (family.allowas_in, family.remove_private_as, family.replace_private_as) == (3, "all", True)
    assert (family.weight, family.default_originate, family.default_originate_map) == (9, True, "D")
    assert family.attribute_unchanged == {"as-path", "next-hop", "med"}
    assert (family.advertise_map, family.exist_map, family.non_exist_map) == ("A", "E", None)
    assert family.filter_list_out == "F"


def test_lines_in_the_process_itself_mean_ipv4_unicast() -> None:
    found = process(f" neighbor {PEER} remote-as 5\n neighbor {PEER} route-map R in\n network 10.0.0.0/8\n")
    assert found.neighbors[PEER].families[4].route_map_in == "R"
    assert [str(item.prefix) for item in found.families[4].networks] == ["10.0.0.0/8"]
