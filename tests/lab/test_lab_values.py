"""What the lab works out and reads, without a lab: designs, configurations, real routers' words, pictures. No root needed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.labkit import PAIR, pair

from backstay import api
from backstay.lab import neighbor_table, record, requirements
from backstay.lab.ask import query, read_answer
from backstay.lab.cables import cables, pairs, rising
from backstay.lab.design import ENDS, HOST, NEIGHBOR, ROUTER, SWITCH, design
from backstay.lab.dns import zone
from backstay.lab.engine import completed
from backstay.lab.frr import boot, daemons
from backstay.lab.heard import routes
from backstay.lab.interior import databases, neighbors
from backstay.lab.picture import picture
from backstay.lab.speaker import configuration
from backstay.lab.tables import path_attributes, route
from backstay.lab.timeline import NAMES, Timeline, document, measures, told
from backstay.lab.vty import Bird
from backstay.model.address import Address, Prefix
from backstay.model.errors import EnvironmentError_, Unproven, UsageError
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import Loads, Route, Session, State
from backstay.read.folder import load

OCTOBER = Path(__file__).resolve().parents[2] / "examples" / "october"


@pytest.fixture(scope="module")
def october() -> Network:
    return load(OCTOBER)


# ------------------------------------------------------------------------------------------- design


def test_every_router_link_neighbour_and_dns_site_of_the_example_has_its_place(october: Network) -> None:
    plan = design(october, NOTHING)
    assert len(plan.of_kind(ROUTER)) == 22
    assert len(plan.of_kind(NEIGHBOR)) == 10
    assert {node.subject for node in plan.of_kind("dns")} == {"dns/ath", "dns/nyc", "dns/tlv", "dns/vie", "dns/bru"}
    assert {str(item.address) for node in plan.of_kind(HOST) for item in node.held} == {
        "198.18.1.10", "198.18.1.11", "198.18.1.12", "198.18.2.10", "198.18.2.11",
    }  # fmt: skip
    assert plan.remarks == ()
    joined = [wire for wire in plan.wires if len(wire.ports) == 2]
    attachments = {
        (m.router, node.name) for kind in (NEIGHBOR, "dns") for node in plan.of_kind(kind) for m in node.meetings
    }
    assert len(joined) == 36 + len(attachments) + 2  # links, speakers (both IP versions on one wire), hosts


def test_the_same_network_is_wired_the_same_each_time(october: Network) -> None:
    plan = design(october, NOTHING)
    names = {node: node for node in plan.nodes}
    lines = list(cables(pairs(plan.wires), names))
    assert lines == list(cables(pairs(design(october, NOTHING).wires), names))
    assert len({word for line in lines for word in line.split() if word.startswith("02:")}) == 2 * len(lines)


def test_three_on_a_segment_share_a_bridge_and_what_hangs_on_nothing_ends_somewhere(tmp_path: Path) -> None:
    lan = {n: f"hostname {n}\ninterface eth0\n ip address 10.0.0.{i}/24\ninterface eth1\n ip address 10.1.{i}.1/24\n"
           for i, n in enumerate("abc", start=1)}  # fmt: skip
    plan = design(pair(tmp_path, **lan), NOTHING)
    laid = pairs(plan.wires)
    assert sorted(p.other.node for p in laid) == [ENDS] * 3 + [SWITCH] * 3
    assert len({p.bridge for p in laid if p.bridge}) == 1
    assert len(rising(laid)[ENDS]) == 3


def test_a_link_down_leaves_both_ends_without_carrier(tmp_path: Path) -> None:
    network = pair(tmp_path)
    plan = design(network, Overlay(links_down=frozenset(network.links)))
    assert all(wire.dark and len(wire.ports) == 1 for wire in plan.wires)
    assert ENDS not in rising(pairs(plan.wires))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hostname b\nvrf RED\nexit-vrf\ninterface eth0 vrf RED\n ip address 10.0.0.1/31\n", "VRF"),
        ("hostname b\ninterface a-very-long-name-0\n ip address 10.0.0.1/31\n", "15 letters"),
    ],
)
def test_what_no_lab_can_be_is_unproven_and_says_why(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Unproven, match=said):
        design(pair(tmp_path, b=text), NOTHING)


def test_an_attachment_nobody_can_be_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "backstay.yaml").write_text(
        "neighbors: {far: {asn: 64601, kind: peer, attachments: [{router: a, address: 192.0.2.9}], announces: [100.64.0.0/24]}}\n"
    )
    said = [remark.text for remark in design(pair(tmp_path), NOTHING).remarks]
    assert said == ["far: no interface of a is in the subnet of 192.0.2.9"]


# ------------------------------------------------------------------------------------------- what is started


def test_a_configuration_is_loaded_as_it_is_between_timers_that_are_shown(october: Network) -> None:
    given = boot(october, october.routers["ath1"])
    own = (OCTOBER / "configs" / "ath1.conf").read_text().splitlines()
    lines = given.text.splitlines()
    start = lines.index("! ---- the router's own configuration") + 1
    assert lines[start : start + len(own)] == ["!" if line == "end" else line for line in own]
    assert given.daemons == ("zebra", "isisd", "bgpd")
    place = given.place(start + 7)
    assert str(place) == "configs/ath1.conf:7"
    assert given.place(2) is None  # a line of the lab's own
    assert boot(october, october.routers["ath1"], timers=False).text.splitlines()[1:] == lines[start : start + len(own)]


def test_lsp_gen_interval_stands_before_net(october: Network) -> None:
    """Else FRR 8.4.4 makes its first LSP again only after 30 s."""
    text = boot(october, october.routers["ath1"]).text
    assert text.index("lsp-gen-interval 1") < text.index(" net 49.")


def test_the_profile_stands_before_anything_that_takes_its_defaults_from_it(october: Network) -> None:
    text = boot(october, october.routers["ath1"]).text
    assert text.index("frr defaults traditional") < text.index("router bgp 65000")


def test_unequal_ospf_hellos_are_left_alone(tmp_path: Path) -> None:
    """The lab may quicken only what both ends have alike: else it would make an adjacency that the network has not."""
    lines = "interface eth0\n ip address 10.0.0.{n}/31\n ip ospf area 0\n{more}router ospf\n ospf router-id 1.1.1.{n}\n"
    texts = {
        "a": "hostname a\n" + lines.format(n=0, more=" ip ospf hello-interval 3\n"),
        "b": "hostname b\n" + lines.format(n=1, more=""),
    }
    network = pair(tmp_path, **texts)
    assert "hello-interval 1" not in boot(network, network.routers["a"]).text
    assert daemons(network.routers["a"]) == ("zebra", "ospfd")


def test_a_speaker_announces_what_is_declared_and_nothing_it_hears(october: Network) -> None:
    plan = design(october, NOTHING)
    node = next(node for node in plan.of_kind(NEIGHBOR) if node.subject == "transit-a")
    text = configuration(october, node, Address.parse("192.0.2.1"))
    assert (
        "route 100.64.9.0/24 blackhole { bgp_origin = ORIGIN_IGP; bgp_path.prepend(65202); bgp_path.prepend(65199); };"
        in text
    )
    assert text.count("protocol bgp ") == 4
    assert 'if proto != "offers4" then reject;' in text


def test_the_zone_holds_every_service_and_router(october: Network) -> None:
    lines = zone(october).splitlines()
    assert {"sso A 198.18.1.10", "sso A 198.18.2.10", "lis1 A 10.255.0.18", "lis1 AAAA 2001:db8:0:ffff::12"} <= set(
        lines
    )


# ------------------------------------------------------------------------------------------- what routers say


def test_a_recursive_route_of_zebra_has_its_next_hop_and_its_way_out() -> None:
    """`show ip route 192.0.2.0/24 json` of FRR 8.4.4, shortened."""
    told_ = {
        "protocol": "bgp", "selected": True, "distance": 200, "metric": 0, "internalFlags": 13,
        "nexthops": [
            {"flags": 5, "ip": "10.255.0.2", "afi": "ipv4", "active": True, "recursive": True, "weight": 1},
            {"flags": 3, "fib": True, "ip": "10.0.0.42", "interfaceName": "eth0", "resolver": True, "active": True},
        ],
    }  # fmt: skip
    found = route(told_)
    assert (found.protocol, found.distance) == ("ibgp", 200)
    assert [(str(hop.address), hop.interface) for hop in found.next_hops] == [("10.255.0.2", None)]
    assert [(str(hop.address), hop.interface) for hop in found.forwarding] == [("10.0.0.42", "eth0")]


def test_a_discard_route_of_zebra() -> None:
    hop = {"flags": 3, "fib": True, "unreachable": True, "blackhole": True, "active": True, "weight": 1}
    found = route({"protocol": "static", "distance": 1, "metric": 0, "nexthops": [hop]})
    assert [hop.discard for hop in found.next_hops] == ["blackhole"]
    aggregate = route({"protocol": "bgp", "distance": 200, "internalFlags": 0x0C, "nexthops": [hop]})
    assert aggregate.protocol == "aggregate"


def test_link_local_next_hops_have_no_address() -> None:
    hop = {"fib": True, "ip": "fe80::1:ff:fe00:0", "interfaceName": "eth0", "active": True}
    assert [(h.address, h.interface) for h in route({"protocol": "isis", "nexthops": [hop]}).next_hops] == [
        (None, "eth0")
    ]


def test_attributes_of_a_path_of_bgpd() -> None:
    """`show bgp ipv4 unicast 192.0.2.0/24 json` of FRR 8.4.4, the first path, shortened."""
    found = path_attributes(
        {
            "aspath": {"string": "65100"}, "origin": "IGP", "metric": 0, "locPrf": 100, "valid": True,
            "community": {"string": "65000:10", "list": ["65000:10"]}, "originatorId": "10.255.0.2",
            "clusterList": {"list": ["10.255.0.7"]},
            "nexthops": [{"ip": "10.255.0.2", "used": True}],
            "peer": {"peerId": "10.255.0.7", "type": "internal"},
        }
    )  # fmt: skip
    assert (found.as_path, found.med, found.communities, found.learned_from) == (
        "65100",
        0,
        ("65000:10",),
        "10.255.0.7",
    )
    assert (str(found.originator), [str(item) for item in found.cluster_list]) == ("10.255.0.2", ["10.255.0.7"])


DETAIL = """Area C:
 vm
    Interface: eth0, Level: 2, State: Up, Expires in 9s
    Adjacency flaps: 1, Last: 7s ago
    Circuit type: L2, Speaks: IPv4, IPv6
    SNPA: 0200.0000.0001, LAN id: 0000.0000.0000.00
    Area Address(es):
      49.0001
    IPv4 Address(es):
      10.0.1.2

 vm
    Interface: eth0, Level: 2, State: Initializing, Expires in 9s
    IPv4 Address(es):
      10.0.1.3
    IPv6 Address(es):
      fe80::ff:fe00:2

 vm
    Interface: eth1, Level: 3, State: Up, Expires in 9s
    IPv4 Address(es):
      10.0.4.0
"""
DATABASE = """Area C:
IS-IS Level-1 link-state database:
LSP ID                  PduLen  SeqNumber   Chksum  Holdtime  ATT/P/OL
vm.00-00                  139   0x00000002  0x6a79    1159    0/0/0
vm.00-00             *    201   0x00000002  0xfc59    1188    1/0/0
    2 LSPs

IS-IS Level-2 link-state database:
LSP ID                  PduLen  SeqNumber   Chksum  Holdtime  ATT/P/OL
vm.00-00                  181   0x00000002  0xd3ef    1163    0/0/0
    1 LSPs
"""


def test_every_is_is_neighbour_of_a_lan_is_read_from_the_text() -> None:
    """FRR 8.4.4's JSON shows the last of them alone."""
    found = neighbors("isisd", lambda _: DETAIL)
    assert [(n.interface, n.scopes, n.full, n.address) for n in found] == [
        ("eth0", ("2",), False, "10.0.1.3"),
        ("eth0", ("2",), True, "10.0.1.2"),
        ("eth1", ("1", "2"), True, "10.0.4.0"),
    ]


def test_databases_are_compared_by_sequence_and_checksum_not_by_age() -> None:
    found = databases("isisd", lambda _: DATABASE)
    assert found == databases("isisd", lambda _: DATABASE.replace("1159", "1158"))
    assert found != databases("isisd", lambda _: DATABASE.replace("0x6a79", "0x6a7a"))
    assert {scope: len(lsps) for scope, lsps in found.items()} == {"1": 2, "2": 1}


class Words(Bird):
    """BIRD's answer as it was seen, without BIRD."""

    def __init__(self, text: str) -> None:
        self.text = text

    def ask(self, command: str) -> list[str]:
        assert command == "show route protocol s0 all"
        return self.text.splitlines()


def test_what_bird_heard() -> None:
    """BIRD 2.0.12, `show route protocol s0 all`."""
    text = (
        "Table master4:\n192.0.2.0/24         unicast [s0 16:23:20.366] (100) [AS65100i]\n\tvia 172.16.0.2 on eth1\n"
        "\tType: BGP univ\n\tBGP.origin: IGP\n\tBGP.as_path: 65000 65100\n\tBGP.community: (65000,10) (65535,65281)\n"
        "100.64.17.0/24       unicast [s0 16:23:20.110] (100) [AS65218i]\n\tBGP.as_path: 65000 64602 65218\n"
    )
    found = list(routes(Words(text), "s0"))
    assert [str(item.prefix) for item in found] == ["192.0.2.0/24", "100.64.17.0/24"]
    assert found[0].attributes["community"] == "(65000,10) (65535,65281)"


def test_dns_questions_and_answers() -> None:
    """RFC 1035 and RFC 5001, bytes by hand: an answer to question 7 with one record and NSID ``vie``."""
    asked = query(7, "probe.october.example")
    assert asked[:12] == bytes.fromhex("000700000001000000000001")
    question = asked[12 : asked.index(b"\0\0\x29")]
    record_ = bytes.fromhex("c00c000100010000001e0004c00002ff")
    edns = b"\0" + bytes.fromhex("002904d0000000000007") + bytes.fromhex("00030003") + b"vie"
    answer = bytes.fromhex("000784000001000100000001") + question + record_ + edns
    found = read_answer(7, answer)
    assert found is not None
    assert (found.ok, found.text) == (True, "vie")
    assert read_answer(8, answer) is None
    refused = read_answer(7, bytes.fromhex("000784050001000000000000") + question)
    assert refused is not None
    assert not refused.ok


# ------------------------------------------------------------------------------------------- requirements, records


def test_what_is_missing_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = pair(tmp_path)
    plan = design(network, NOTHING)
    monkeypatch.setattr("backstay.lab.requirements.os.geteuid", lambda: 1000)
    monkeypatch.setattr(requirements, "program", lambda name: None if name == "vtysh" else f"/bin/{name}")
    said = requirements.missing(network, plan)
    assert "needs root" in said
    assert "apt-get install -y frr" in said
    assert "\n" not in said
    with pytest.raises(EnvironmentError_, match="needs root"):
        requirements.require(network, plan)


def test_a_lab_larger_than_the_machine_is_refused_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = design(pair(tmp_path), NOTHING)
    monkeypatch.setattr(requirements, "missing", lambda *_: "")
    full = neighbor_table.Table("ipv6", 1020, 1024, 0)
    monkeypatch.setattr(neighbor_table, "tables", lambda: (replace(full, name="ipv4", entries=1019), full))
    assert requirements.size(plan) == ""
    monkeypatch.setattr(neighbor_table, "tables", lambda: (replace(full, entries=1021),))
    with pytest.raises(
        Unproven,
        match=r"ipv6 neighbour table.* holds 1024 entries, 1021 of them in use, and this lab needs about 4: sysctl -w",
    ):
        requirements.require(pair(tmp_path), plan)
    monkeypatch.setattr(requirements, "MOST_ROUTERS", 1)
    with pytest.raises(Unproven, match="too large for this machine: 2 routers, room for 1"):
        requirements.require(pair(tmp_path), plan)


def test_the_kernel_s_own_words_about_its_neighbour_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc/net/stat/arp_cache of Linux 6.18 on two processors: the entries are told by each, the overflows are each one's."""
    head = "entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast table_fulls\n"
    (tmp_path / "arp_cache").write_text(
        head + "00000018 00002af4 00002ff8 00000004 000066e8 0000248d 000001a2 00000000 0000000a\n"
        "00000018 00002c56 0000273a 00000002 000077a4 00002683 00000201 00000000 00000002\n"
    )
    (tmp_path / "ipv4/neigh/default").mkdir(parents=True)
    (tmp_path / "ipv4/neigh/default/gc_thresh3").write_text("1024\n")
    monkeypatch.setattr(neighbor_table, "COUNTS", tmp_path)
    monkeypatch.setattr(neighbor_table, "LIMITS", tmp_path)
    four, six = neighbor_table.tables()
    assert (four.entries, four.limit, four.overflows) == (24, 1024, 12)
    assert (six.entries, six.limit, six.overflows) == (0, None, 0)
    assert neighbor_table.overflows() == 12


def test_another_release_of_frr_is_said_router_by_router(october: Network) -> None:
    assert requirements.other_versions(october, "8.4.1") == ()
    said = [remark.text for remark in requirements.other_versions(october, "10.0")]
    assert said[0] == "ams1 runs FRR 8.4.4, the lab has 10.0"
    assert len(said) == 22


def test_the_fast_engine_is_always_heard_beside_the_lab(october: Network) -> None:
    assert api.required_engines(october, ["lab"]) == (*api.required_engines(october), "lab")
    assert "fast" in api.required_engines(october)
    assert api.required_engines(replace(october, required_engines=("lab",))) == ("fast", "lab")


def test_ids_are_claimed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTAY_RUN", str(tmp_path))
    assert record.free_id("October 2021!") == "october-2021"
    record.claim("october-2021")
    assert record.free_id("October 2021!") == "october-2021-2"
    with pytest.raises(EnvironmentError_, match="is there already"):
        record.claim("october-2021")
    with pytest.raises(UsageError, match="no id"):
        record.claim("../etc")
    (kept,) = record.every()
    assert kept.left_behind


# ------------------------------------------------------------------------------------------- answers, pictures


def test_what_a_lab_cannot_answer_comes_from_the_other_engine_and_nothing_else_does() -> None:
    prefix = Prefix.parse("10.0.0.0/8")
    mine = Route(protocol="isis", distance=115, metric=20, next_hops=())
    session = Session("a", "default", "1.1.1.1", "b", established=True, accepted=((4, 3),))
    real = State(
        engine="lab",
        overlay=NOTHING,
        routes={"a": {"default": {prefix: mine}}},
        sessions=(session,),
        answers=frozenset(),
    )
    theirs = Route(protocol="isis", distance=115, metric=99, next_hops=(), kind="level-2")
    other = State(
        engine="fast", overlay=NOTHING, routes={"a": {"default": {prefix: theirs}}}, loads=Loads(offered=5.0), sweep=(),
        sessions=(Session("a", "default", "1.1.1.1", "b", established=True, accepted=((4, 9),), sent=((4, 7),)),),
    )  # fmt: skip
    found = completed(real, other)
    assert found.routes["a"]["default"][prefix] == Route(
        protocol="isis", distance=115, metric=20, next_hops=(), kind="level-2"
    )
    assert (found.sessions[0].accepted, found.sessions[0].sent) == (((4, 3),), ((4, 7),))
    assert (found.loads.offered, found.sweep, found.engine) == (5.0, (), "lab")
    (note,) = found.notes
    assert "link loads, lost demand, single failures" in note.text
    assert "are the fast engine's" in note.text


def outage() -> Timeline:
    """Built at 0 s, working at 10, the command at 12, names lost at 14, the restore at 20, names back at 21.5."""
    timeline = Timeline(network="october", change="Assess <capacity>")
    for at, name in ((0.0, "building"), (10.0, "working"), (12.0, "command"), (20.0, "restore"), (22.0, "end")):
        timeline.add(at, "phase", name, name)
    timeline.add(13.5, "site-withdrawn", "dns/ath", "dns site ath withdraws 192.0.2.0/24")
    timeline.add(13.9, "site-withdrawn", "dns/vie", "dns site vie withdraws 192.0.2.0/24")
    for at, good in ((9.0, 5), (14.0, 0), (21.5, 5)):
        timeline.sample(NAMES, at, good, 5)
    return timeline


def test_measures_of_a_timeline() -> None:
    found = measures(outage())
    assert found["build until all works"] == 10.0
    assert found["first DNS site withdraws after the command"] == 1.5
    assert found["last DNS site withdraws after the command"] == pytest.approx(1.9)
    assert found["networks outside for which names resolve: first loss after the command"] == 2.0
    assert found["networks outside for which names resolve: last return after the restore"] == 1.5


def test_a_timeline_as_text_json_and_picture() -> None:
    lines = list(told(outage()))
    assert "   +1.50 ..  +1.90  dns site ath withdraws 192.0.2.0/24; and 1 more" in lines
    assert document(outage())["schema"] == "backstay.timeline/1"
    assert document(outage()) == document(outage())
    root = ET.fromstring(picture(outage()))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "12.0 s  the command is typed" in texts
    assert "20.0 s  the way back is typed" in texts
    assert not [text for text in texts if text and "end" in text]
    assert "october: Assess <capacity>" in texts
    assert "0" in texts


def test_the_pair_of_the_tests_is_a_network_by_itself(tmp_path: Path) -> None:
    assert set(pair(tmp_path).routers) == set(PAIR)
