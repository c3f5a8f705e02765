"""FRR text to values: every section by hand, and nothing passed over in silence."""

from pathlib import Path

import pytest
from tests.read.facts import facts, read

from backstay.model.address import Address, Prefix
from backstay.model.errors import ConfigError
from backstay.model.network import Router
from backstay.model.routing import Redistribution
from backstay.model.source import Place, SourceFile
from backstay.read.frr import looks_like, read_router

LABS = Path(__file__).parents[3] / "shared" / "truth" / "labs"


def config(name: str) -> str:
    return (Path(__file__).parent / "frr" / name).read_text()


@pytest.fixture(scope="module")
def full() -> Router:
    return read(config("full.conf"))


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)


# ---------------------------------------------------------------------------------------- whole files


def test_name_version_profile(full: Router) -> None:
    assert (full.name, full.vendor, full.version, full.profile) == ("fra1", "frr", "8.4.4", "traditional")
    assert looks_like(config("full.conf"))


def test_what_is_not_understood_is_said_with_place_and_context(full: Router) -> None:
    assert [(line.place.line, line.text, line.context) for line in full.unread] == [
        (70, "neighbor RR activate", ("router bgp 65000", "address-family l2vpn evpn")),
        (71, "advertise-all-vni", ("router bgp 65000", "address-family l2vpn evpn")),
    ]


def test_ignored_lines_have_a_reason(full: Router) -> None:
    reasons = {line.text: line.reason for line in full.ignored}
    assert reasons["log syslog informational"] == "logging"
    assert reasons["isis hello-interval 5"] == "a timer"
    assert "detect-multiplier 3" in reasons


def test_undefined_references_are_remarks(full: Router) -> None:
    assert [(remark.code, remark.place) for remark in full.remarks] == [("undefined-reference", Place("r.conf", 90))]
    assert "as-path access-list NOPE" in full.remarks[0].text


GARBAGE = "zz-not-a-command 1"


def test_a_line_nobody_knows_is_unread_wherever_it_stands() -> None:
    """Put a foreign line after every line of a full configuration: it is never passed over."""
    lines = config("full.conf").splitlines()
    for at in range(len(lines)):
        depth = len(lines[at]) - len(lines[at].lstrip())
        text = "\n".join([*lines[: at + 1], " " * depth + GARBAGE, *lines[at + 1 :]]) + "\n"
        router = read(text)
        here = Place("r.conf", at + 2)
        accounted = {line.place for line in router.unread} | {line.place for line in router.ignored}
        assert here in accounted, f"after line {at + 1}: {lines[at]}"
        ignored_section = lines[at].startswith(" ") and 106 < at + 1 < 116
        assert ignored_section or here in {line.place for line in router.unread}, f"after line {at + 1}: {lines[at]}"


def test_a_section_of_a_protocol_nobody_models_is_unread_as_a_whole() -> None:
    router = read("hostname r\nrouter rip\n network 10.0.0.0/8\n neighbor 10.0.0.1\nexit\nip forwarding\n")
    assert [line.text for line in router.unread] == ["network 10.0.0.0/8", "neighbor 10.0.0.1"]


def test_indentation_does_not_matter_where_context_words_decide() -> None:
    """FRR goes by context, not by indentation (`lib/command.c`)."""
    text = config("full.conf")
    flat = "\n".join(line.strip() for line in text.splitlines() if "peer 1.2.3.4" not in line) + "\n"
    assert facts(read(flat)) == facts(read(text))


def test_a_section_entered_again_goes_on() -> None:
    router = read(
        "interface eth0\n ip address 10.0.0.1/30\nrouter isis C\n net 49.0001.0000.0000.0001.00\n"
        "interface eth0\n ip router isis C\nrouter isis C\n is-type level-2-only\n"
    )
    interface = router.interfaces["eth0"]
    assert interface.isis is not None
    assert len(interface.addresses) == 1
    assert router.isis[0].levels == {2}
    assert router.isis[0].system_id == "0000.0000.0001"


def test_files_of_daemons_are_one_router() -> None:
    files = (
        SourceFile("r1/zebra.conf", "hostname zebra\ninterface eth0\n ip address 10.0.0.1/30\n"),
        SourceFile("r1/isisd.conf", "hostname isisd\ninterface eth0\n ip router isis C\nrouter isis C\n"),
    )
    router = read_router(files, "r1")
    assert router.name == "r1"
    assert router.interfaces["eth0"].isis is not None
    assert router.interfaces["eth0"].isis.place == Place("r1/isisd.conf", 3)
    assert router.interfaces["eth0"].addresses[0].place == Place("r1/zebra.conf", 3)


def test_output_of_show_running_config() -> None:
    text = "Building configuration...\n\nCurrent configuration:\n!\nfrr version 8.4.4\nhostname r1\n!\nend\n"
    assert read(text).name == "r1"
    with pytest.raises(ConfigError, match=r"r\.conf:6: cut off: .*without its final `end`"):
        read(text.removesuffix("!\nend\n"))


def test_the_last_line_wins_and_the_others_are_accounted_for() -> None:
    router = read("interface eth0\n bandwidth 10\n bandwidth 20\n no bandwidth\n bandwidth 30\n")
    assert router.interfaces["eth0"].bandwidth == 30
    assert [line.place.line for line in router.ignored] == [2, 3, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hostname r\x00\x01", "r.conf:1: holds the control character 0: binary or cut off; expected text"),
        ("hostname r\nbad \ufffd\n", "r.conf:2: is not UTF-8 text; expected an FRR configuration"),
        ("hostname r\ninterface", "r.conf:2: cut off: ends in the middle of 'interface'; expected a whole line"),
        ("hostname r\nrouter bg", "r.conf:2: cut off: ends in the middle of 'router bg'; expected a whole line"),
        ("", "r.conf: holds no configuration; expected an FRR configuration"),
        ("! nothing\n", "r.conf: holds no configuration; expected an FRR configuration"),
        ("hello\nworld\n", "r.conf: not an FRR configuration: none of its 2 lines is understood"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text)
    assert str(error.value) == message


# ---------------------------------------------------------------------------------------- vendor detection


@pytest.mark.parametrize(
    "text",
    [
        "version 15.2\nservice timestamps\nboot-start-marker\nhostname r1\nrouter ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n",
        "hostname r1\ninterface GigabitEthernet0/0\n ip address 10.0.0.1 255.255.255.0\n",
        "! device: r1 (vEOS, EOS-4.23)\nhostname r1\ninterface Ethernet1\n   ip address 10.0.0.1/31\n",
        "!! IOS XR Configuration 6.6.3\nhostname r1\nrouter bgp 1\n",
        "system {\n    host-name r1;\n}\n",
        "set system host-name r1\nset interfaces ge-0/0/0 unit 0\n",
        "",
    ],
)
def test_other_systems_are_not_claimed(text: str) -> None:
    assert not looks_like(text)


@pytest.mark.parametrize(
    "text",
    [
        "frr version 8.4.4\n",
        "hostname r1\nlog syslog\nrouter isis 1\n net 49.0001.0000.0000.0001.00\n",
        "interface eth0\n ip address 10.0.0.1/30\n ip ospf area 0\nrouter ospf\n",
        "# This file describes the network interfaces available on your system\nauto lo\niface lo inet loopback\n",
    ],
)
def test_frr_is_claimed(text: str) -> None:
    assert looks_like(text)


# ---------------------------------------------------------------------------------------- interfaces


def test_interface(full: Router) -> None:
    eth0 = full.interfaces["eth0"]
    assert eth0.description == "to par1"
    assert eth0.bandwidth == 10_000
    assert [str(item.address) for item in eth0.addresses] == ["10.0.0.1", "10.0.0.5"]
    assert eth0.isis is not None
    assert eth0.isis.metric == {1: 30, 2: 20}
    assert eth0.isis.circuit == {2}
    assert eth0.isis.point_to_point
    assert not full.interfaces["eth1"].enabled
    assert full.interfaces["eth1"].vrf == "red"
    assert full.interfaces["lo"].kind == "loopback"


def test_a_second_address_of_a_subnet_is_secondary() -> None:
    addresses = read("interface e\n ip address 10.0.0.1/24\n ip address 10.0.0.2/24\n").interfaces["e"].addresses
    assert [item.secondary for item in addresses] == [False, True]


def test_isis_metric_for_both_levels_overwrites_one() -> None:
    """Seen on FRR 8.4.4: 20, then level-1 30, then 40 leaves 40 for both."""
    interface = read("interface e\n ip router isis C\n isis metric 20\n isis metric level-1 30\n isis metric 40\n")
    isis = interface.interfaces["e"].isis
    assert isis is not None
    assert isis.metric == {1: 40, 2: 40}


# ---------------------------------------------------------------------------------------- OSPF


def test_network_statements_the_most_specific_wins() -> None:
    router = read(
        "interface a\n ip address 10.1.1.1/24\ninterface b\n ip address 10.2.0.1/24\ninterface c\n ip address 11.0.0.1/24\n"
        "router ospf\n network 10.0.0.0/8 area 0\n network 10.1.0.0/16 area 0.0.0.7\n passive-interface default\n"
        " no passive-interface b\n"
    )
    ospf = {name: item.ospf for name, item in router.interfaces.items()}
    assert ospf["a"] is not None
    assert (ospf["a"].area, ospf["a"].passive, ospf["a"].place) == ("0.0.0.7", True, Place("r.conf", 9))
    assert ospf["b"] is not None
    assert (ospf["b"].area, ospf["b"].passive) == ("0.0.0.0", False)
    assert ospf["c"] is None


def test_a_network_must_cover_the_whole_subnet() -> None:
    """ospfd matches the connected prefix, not the address: 10.0.0.0/30 does not enable 10.0.0.1/24."""
    router = read("interface a\n ip address 10.0.0.1/24\nrouter ospf\n network 10.0.0.0/30 area 0\n")
    assert router.interfaces["a"].ospf is None


def test_network_beside_interface_area_is_refused_as_frr_does() -> None:
    router = read(
        "interface a\n ip address 10.0.0.1/24\n ip ospf area 0\ninterface b\n ip address 10.1.0.1/24\n"
        "router ospf\n network 10.1.0.0/16 area 0\n"
    )
    assert [line.place.line for line in router.unread] == [7]


def test_ospf_process() -> None:
    process = read(
        "router ospf\n ospf router-id 1.1.1.1\n auto-cost reference-bandwidth 1000\n area 1 stub no-summary\n"
        " area 2 nssa\n area 2 nssa translate-always\n area 0 range 10.0.0.0/8 cost 5\n area 0 range 11.0.0.0/8 not-advertise\n"
        " redistribute static metric 9 metric-type 1 route-map R\n default-information originate always metric 3\n"
        " max-metric router-lsa administrative\n distance ospf external 150\n"
    ).ospf[0]
    assert process.router_id == Address.parse("1.1.1.1")
    assert process.reference_bandwidth == 1000
    assert (process.areas["0.0.0.1"].kind, process.areas["0.0.0.1"].summary) == ("stub", False)
    assert (process.areas["0.0.0.2"].kind, process.areas["0.0.0.2"].nssa_translate) == ("nssa", "always")
    assert [(item.prefix, item.advertise, item.cost) for item in process.areas["0.0.0.0"].ranges] == [
        (prefix("10.0.0.0/8"), True, 5),
        (prefix("11.0.0.0/8"), False, None),
    ]
    assert process.redistributions == (
        Redistribution(protocol="static", metric=9, metric_type=1, route_map="R", place=Place("r.conf", 9)),
    )
    assert process.default is not None
    assert (process.default.always, process.default.metric) == (True, 3)
    assert process.max_metric is not None
    assert process.max_metric.administrative
    assert process.distance_external == 150


def test_dead_interval_follows_the_hello() -> None:
    ospf = read("interface a\n ip ospf area 0\n ip ospf hello-interval 3\n").interfaces["a"].ospf
    assert ospf is not None
    assert (ospf.hello, ospf.dead) == (3, 12)


def test_ospf6_area_on_the_interface_and_in_the_process() -> None:
    router = read(
        "interface a\n ipv6 address 2001:db8::1/64\n ipv6 ospf6 area 0\n ipv6 ospf6 cost 7\nexit\n"
        "router ospf6\n ospf6 router-id 1.1.1.1\n interface b area 0.0.0.1\n stub-router administrative\nexit\n"
        "interface b\n ipv6 address 2001:db8:1::1/64\nexit\n"
    )
    first, second = router.interfaces["a"].ospf6, router.interfaces["b"].ospf6
    assert first is not None
    assert (first.area, first.cost) == ("0.0.0.0", 7)
    assert second is not None
    assert second.area == "0.0.0.1"
    assert router.ospf6[0].stub_router


# ---------------------------------------------------------------------------------------- static routes


def test_static_routes(full: Router) -> None:
    found = {(route.prefix, route.vrf): route for route in full.static_routes}
    tagged = found[prefix("10.9.0.0/16"), "default"]
    assert (tagged.next_hop, tagged.tag, tagged.distance) == (Address.parse("10.0.0.2"), 7, 50)
    assert found[prefix("10.8.0.0/16"), "default"].discard == "blackhole"
    assert found[prefix("192.0.2.0/24"), "default"].interface == "eth0"
    assert found[prefix("192.0.3.0/24"), "red"].interface == "eth1"
    assert found[prefix("0.0.0.0/0"), "red"].next_hop_vrf == "default"
    assert full.vrfs == {"red"}


def test_ipv6_static_routes() -> None:
    routes = read("ipv6 route 2001:db8::/32 fe80::1 eth0\nipv6 route ::/0 reject\n").static_routes
    assert [(str(route.next_hop), route.interface, route.discard) for route in routes] == [
        ("fe80::1", "eth0", None),
        ("None", None, "reject"),
    ]


def test_static_lines_of_one_distance_have_one_tag() -> None:
    """Seen on FRR 8.4.4: the last line's is that of all."""
    routes = read(
        "ip route 10.0.0.0/8 1.1.1.1 tag 7\nip route 10.0.0.0/8 1.1.1.2\nip route 10.0.0.0/8 1.1.1.3 tag 9 50\n"
    )
    assert [route.tag for route in routes.static_routes] == [0, 0, 9]


def test_a_discarding_next_hop_beside_others_is_unread() -> None:
    """Seen on FRR 8.4.4."""
    router = read("ip route 10.0.0.0/8 1.1.1.1\nip route 10.0.0.0/8 blackhole\n")
    assert [line.text for line in router.unread] == ["ip route 10.0.0.0/8 blackhole"]
    assert "FRR refuses" in router.unread[0].reason


@pytest.mark.parametrize("style", ["narrow", "transition", "wide"])
def test_metrics_that_frr_refuses_beside_narrow_ones(style: str) -> None:
    """Seen on FRR 8.4.4: the process is left without its lines then."""
    router = read(
        "interface eth0\n ip router isis C\n isis metric 64\ninterface eth1\n ip router isis C\n isis metric level-1 63\n"
        f"router isis C\n net 49.0001.0000.0000.0001.00\n metric-style {style}\n topology ipv6-unicast\n"
    )
    refused = [] if style == "wide" else ["isis metric 64", "topology ipv6-unicast"]
    assert sorted(line.text for line in router.unread) == refused


def test_a_static_route_with_a_table_is_unread() -> None:
    router = read("hostname r\nip route 10.0.0.0/8 10.0.0.1 table 5\n")
    assert router.static_routes == ()
    assert [line.reason for line in router.unread] == ["a static route with table is not modelled"]


# ---------------------------------------------------------------------------------------- policies


def test_prefix_lists(full: Router) -> None:
    entries = full.policies.prefix_lists[4, "SITE"].entries
    assert [(item.sequence, item.prefix, item.ge, item.le) for item in entries] == [
        (5, prefix("198.18.0.0/16"), 16, 24),
        (10, prefix("10.0.0.0/8"), 16, 32),
    ]


def test_numbers_given_to_list_entries() -> None:
    """Seen on FRR 8.4.4: behind 7 comes 12 in prefix and access lists, 10 in BGP's lists."""
    policies = read(
        "ip prefix-list L seq 7 permit 1.0.0.0/8\nip prefix-list L permit 2.0.0.0/8\nip prefix-list L permit 2.0.0.0/8\n"
        "bgp community-list standard C seq 7 permit 1:1\nbgp community-list standard C permit 1:2\n"
        "access-list Z seq 7 permit 1.0.0.0/8\naccess-list Z permit 2.0.0.0/8\n"
    ).policies
    assert [item.sequence for item in policies.prefix_lists[4, "L"].entries] == [7, 12]
    assert [item.sequence for item in policies.community_lists["standard", "C"].entries] == [7, 10]
    assert [item.sequence for item in policies.access_lists[4, "Z"].entries] == [7, 12]


def test_community_lists(full: Router) -> None:
    lists = full.policies.community_lists
    assert lists["standard", "C"].entries[0].communities == ("65000:1", "no-export")
    assert lists["standard", "E"].entries[0].regex == "65000:.*"
    numbered = read("ip community-list 7 permit 1:1\nip community-list 150 permit ^1:\n").policies.community_lists
    assert numbered["standard", "7"].entries[0].communities == ("1:1",)
    assert numbered["standard", "150"].entries[0].regex == "^1:"
    others = read(
        "bgp large-community-list standard L permit 1:2:3\nbgp extcommunity-list standard X permit rt 1:2 soo 3:4\n"
    ).policies.community_lists
    assert others["large", "L"].entries[0].communities == ("1:2:3",)
    assert others["extended", "X"].entries[0].communities == ("rt 1:2", "soo 3:4")


def test_access_lists(full: Router) -> None:
    assert full.policies.access_lists[4, "10"].entries[0].source == prefix("10.0.0.0/24")
    entries = (
        read(
            "access-list A permit host 1.2.3.4\naccess-list A permit 10.0.0.0 0.255.0.255\n"
            "access-list A deny ip 10.0.0.0 0.0.0.255 any\naccess-list A permit 10.0.0.0/8 exact-match\naccess-list A deny any\n"
        )
        .policies.access_lists[4, "A"]
        .entries
    )
    assert entries[0].source == prefix("1.2.3.4/32")
    assert entries[1].source_wildcard == (0x0A000000, 0x00FF00FF)
    assert (entries[2].source, entries[2].destination) == (prefix("10.0.0.0/24"), None)
    assert entries[3].exact
    assert (entries[4].permit, entries[4].source) == (False, None)


def test_route_maps(full: Router) -> None:
    first, second = full.policies.route_maps["IN"].entries
    assert (first.sequence, first.permit, first.on_match) == (10, True, "next")
    assert (second.sequence, second.permit, second.matches) == (20, False, ())
    out = full.policies.route_maps["OUT"].entries[0]
    assert [(item.kind, item.values, item.exact) for item in out.matches] == [
        ("prefix-list", ("SITE",), False),
        ("community", ("C",), True),
    ]
    assert [(item.kind, item.values, item.additive) for item in out.sets] == [
        ("community", ("65000:9",), True),
        ("as-path-prepend", ("65000", "65000"), False),
    ]
    assert out.on_match == 30


def test_a_match_that_is_not_modelled_is_unread() -> None:
    router = read("route-map R permit 10\n match probability 50\n match rpki valid\n set table 5\n")
    assert [line.text for line in router.unread] == ["match probability 50", "match rpki valid", "set table 5"]


# ---------------------------------------------------------------------------------------- Cumulus Linux


CUMULUS = """\
leaf1
# This file describes the network interfaces available on your system
auto lo
iface lo inet loopback
  address 10.0.0.1/32
auto eth0
iface eth0 inet dhcp
  vrf mgmt
auto mgmt
iface mgmt
  vrf-table auto
auto bond1
iface bond1
  bond-slaves swp3 swp4
  bridge-access 10
auto vlan10
iface vlan10
  address 10.1.10.2/24
  address-virtual 00:00:5e:00:01:0a 10.1.10.1/24
  vlan-id 10
# ports.conf --
1=100G
frr version 4.0+cl3u8
frr defaults datacenter
hostname leaf1-frr
interface lo
 ip ospf area 0
line vty
"""


def test_cumulus_files_glued_together() -> None:
    router = read(CUMULUS)
    assert (router.name, router.version, router.profile) == ("leaf1", "4.0+cl3u8", "datacenter")
    kinds = {name: (item.kind, item.vrf, item.management) for name, item in router.interfaces.items()}
    assert kinds["eth0"] == ("physical", "mgmt", True)
    assert kinds["mgmt"] == ("loopback", "mgmt", True)
    assert kinds["bond1"] == ("lag", "default", False)
    assert kinds["vlan10"] == ("vlan", "default", False)
    assert router.interfaces["lo"].ospf is not None
    assert router.interfaces["lo"].addresses[0].place == Place("r.conf", 5)
    assert [line.place.line for line in router.unread] == [19]
    assert {line.place.line for line in router.ignored} >= {1, 15, 22}


@pytest.mark.skipif(not LABS.exists(), reason="the labs are not here")
def test_the_cumulus_labs_are_read_to_the_last_line() -> None:
    files = sorted(LABS.glob("cumulusfrr_*/configs/*/*.cfg"))
    assert len(files) >= 5
    for file in files:
        router = read_router((SourceFile(file.name, file.read_text()),), "x")
        assert router.name == file.stem
        assert router.unread == ()
        assert any(interface.ospf for interface in router.interfaces.values())


@pytest.mark.skipif(not LABS.exists(), reason="the labs are not here")
def test_labs_of_other_systems_are_not_claimed() -> None:
    others = [file for file in LABS.glob("*/configs/*/*.txt") if file.is_file()]
    assert others
    assert [file for file in others if looks_like(file.read_text())] == []
