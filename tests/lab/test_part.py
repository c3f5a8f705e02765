"""A lab cut down to what a change can affect: where the cut goes, where it cannot, and what a verdict then says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.labkit import require_lab
from tests.lab.small_networks import Net, external, isis_lines, isis_process, ospf_lines, ospf_process, start_bgp

from backstay import api
from backstay.lab import requirements
from backstay.lab.part import Part, affected, cut, exchanges, filled
from backstay.model.change import Plan
from backstay.model.errors import Unproven
from backstay.model.finding import Decision, Severity, Verdict
from backstay.model.network import NOTHING, InterfaceRef, Network, Overlay
from backstay.read.change import parse_change
from backstay.read.folder import load

CHANGE = """
change: A dearer link
intent: configure
scope: {routers: [r2]}
steps:
  - on: r2
    config: |
      interface eth1
       isis metric 77
rollback:
  - on: r2
    config: |
      interface eth1
       isis metric 10
"""


def islands(folder: Path, *, session: bool = False) -> Network:
    """r1, r2, r3 in a triangle of IS-IS with an outside network at r1; r4, r5 of OSPF; between r3 and r4 static routes, and with
    ``session`` BGP.
    """
    net = Net(71, 5, six=False)
    for a, b in ((1, 2), (2, 3), (3, 1)):
        net.link(a, b, lines=isis_lines(net, metric=lambda: 10))
    net.link(4, 5, lines=ospf_lines(net, lambda: "0"))
    net.link(3, 4)
    for box in net.boxes[:3]:
        isis_process(net, box, "level-2-only", "49.0001", "redistribute ipv4 static level-2")
    for box in net.boxes[3:]:
        ospf_process(box)
    net.box(3).blocks += ["ip route 10.255.0.5/32 10.0.5.1"]
    net.box(4).blocks += ["ip route 10.255.0.1/32 10.0.5.0"]
    start_bgp(net.box(1), 65000)
    external(net, 1, net.outside("up", 64601, 1, ["100.64.1.0/24"], "transit"), 64601)
    if session:
        for number, peer, own, other in ((3, "10.0.5.1", 65000, 65001), (4, "10.0.5.0", 65001, 65000)):
            start_bgp(net.box(number), own)
            external(net, number, peer, other)
    return load(net.write(folder / "islands"))


def plan(network: Network) -> Plan:
    return api.resolve(network, parse_change(CHANGE, "change.yaml"))


def test_routers_belong_together_that_can_tell_each_other_routes(tmp_path: Path) -> None:
    network = islands(tmp_path)
    assert {tuple(sorted(pair)) for pair in exchanges(network)} == {
        ("r1", "r2"),
        ("r1", "r3"),
        ("r2", "r3"),
        ("r4", "r5"),
    }
    assert affected(plan(network)) == Part(routers=frozenset({"r1", "r2", "r3"}), whole=5)
    joined = islands(tmp_path / "joined", session=True)
    assert affected(plan(joined)).everything


def test_a_session_that_one_side_alone_has_ties_too_and_so_does_one_that_the_change_makes(tmp_path: Path) -> None:
    network = islands(tmp_path)
    session = "router bgp 65000\n neighbor 10.255.0.4 remote-as 65001\n"
    text = CHANGE.replace(
        "       isis metric 77\n", "       isis metric 77\n" + "".join(f"      {x}\n" for x in session.splitlines())
    )
    assert affected(api.resolve(network, parse_change(text, "change.yaml"))).everything


def test_the_cut_keeps_what_is_inside_and_the_carrier_of_what_leads_out(tmp_path: Path) -> None:
    network = islands(tmp_path)
    part = affected(plan(network))
    smaller, overlay = cut(network, NOTHING, part)
    assert list(smaller.routers) == ["r1", "r2", "r3"]
    assert [link for link in network.links.values() if len(link.ends) == 2 and link.name not in smaller.links]
    assert list(smaller.neighbors) == ["up"]
    assert overlay == NOTHING
    out = InterfaceRef("r3", "eth2")
    bridge = next(link.name for link in network.links.values() if out in link.ends)
    for given in (
        Overlay(routers_down=frozenset({"r4"})),
        Overlay(links_down=frozenset({bridge})),
        Overlay(interfaces_down=frozenset({InterfaceRef("r4", "eth1")})),
    ):
        assert cut(network, given, part)[1] == Overlay(interfaces_down=frozenset({out}))
    inner = next(iter(smaller.links))
    assert cut(network, Overlay(links_down=frozenset({inner})), part)[1] == Overlay(links_down=frozenset({inner}))


def test_a_dns_site_on_the_part_cannot_be_cut_off_from_what_its_health_hangs_on(tmp_path: Path) -> None:
    folder = tmp_path / "islands"
    network = islands(tmp_path)
    with (folder / "backstay.yaml").open("a") as file:
        file.write(
            "sites: {dc: {role: data-center, routers: [r5]}, edge: {role: dns, routers: [r2]}}\n"
            "anycast: {dns: {prefixes: ['192.0.2.0/24'], floor: 1, health: {targets: [dc], need: 1},\n"
            "  origins: [{site: edge, router: r2, address: 10.9.0.2, asn: 65100}]}}\n"
        )
    network = load(folder)
    with pytest.raises(Unproven, match=r"r2 is one of the 3 routers .* has the dns site edge"):
        cut(network, NOTHING, affected(plan(network)))


def test_what_a_part_does_not_tell_is_the_other_engine_s_and_what_it_tells_is_not(tmp_path: Path) -> None:
    network = islands(tmp_path)
    part = affected(plan(network))
    whole = api.simulate(network)
    smaller, overlay = cut(network, NOTHING, part)
    mine = replace(api.simulate(smaller, overlay), engine="lab")
    found = filled(mine, whole, part, NOTHING)
    assert set(found.routes) == set(network.routers)
    assert found.routes["r2"] == mine.routes["r2"]
    assert found.routes["r2"] == whole.routes["r2"]  # the fast engine itself says that nothing outside matters
    assert found.routes["r5"] is whole.routes["r5"]
    assert (found.adjacencies, found.sessions, found.advertisements) == (
        whole.adjacencies, whole.sessions, whole.advertisements,
    )  # fmt: skip
    less = filled(replace(mine, adjacencies=frozenset()), whole, part, NOTHING)
    assert {item.local.router for item in less.adjacencies} == {"r4", "r5"}


def judged(network: Network, scope: str) -> Verdict:
    change = parse_change(CHANGE, "change.yaml")
    return api.audit(network, change, engine_names=("lab",), lab_scope=scope)


def told(verdict: Verdict, severity: Severity) -> str:
    return "\n".join(item.summary for item in verdict.findings if item.severity is severity)


@pytest.mark.lab
@pytest.mark.xdist_group("lab")
def test_a_network_too_large_is_judged_by_its_part_and_the_verdict_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = islands(tmp_path)
    require_lab(network)
    monkeypatch.setattr(requirements, "MOST_ROUTERS", 3)
    refused = judged(network, "all")
    assert refused.decision is Decision.UNKNOWN
    assert "too large for this machine: 5 routers, room for 3" in told(refused, Severity.UNKNOWN)
    verdict = judged(network, "affected")
    assert not [item for item in verdict.findings if item.check == "agree" and item.severity is Severity.UNKNOWN]
    assert "no answer" not in told(verdict, Severity.UNKNOWN)
    note = next(item for item in verdict.findings if "the lab was built of" in item.summary)
    assert (note.check, note.severity, note.engines) == ("agree", Severity.INFO, ("lab",))
    assert "3 of the 5 routers (r1, r2, r3)" in note.summary


@pytest.mark.lab
@pytest.mark.xdist_group("lab")
def test_a_network_that_hangs_together_stays_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = islands(tmp_path, session=True)
    require_lab(network)
    monkeypatch.setattr(requirements, "MOST_ROUTERS", 3)
    verdict = judged(network, "affected")
    assert verdict.decision is Decision.UNKNOWN
    assert "the change can affect all of it" in told(verdict, Severity.UNKNOWN)
