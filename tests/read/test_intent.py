"""backstay.yaml becomes model values; errors are the business of test_bad_input."""

import dataclasses

import pytest
from tests.read.kit import interface, router, routers

from backstay.model.address import Address, Prefix
from backstay.model.errors import IntentError
from backstay.model.network import Attachment, InterfaceRef, Network
from backstay.model.routing import BgpNeighbor, BgpProcess
from backstay.model.service import Budget, HealthRule, Limits, Origin, TableLimit
from backstay.model.source import Place
from backstay.read.document import Document
from backstay.read.intent import read_intent
from backstay.read.references import check

ROUTERS = routers(
    router("fra1", interface("eth0"), interface("eth1")),
    router("Par1", interface("GigabitEthernet0/0")),
)


def test_every_key_of_the_contract() -> None:
    found = read_intent(
        """
name: october
engines: [fast, referee]
sites:
  fra: {role: data-center, routers: [FRA1], prefixes: [198.18.1.0/24, "2001:db8:1::/48"], position: [50.1, 8.7], domain: eu}
links:
  "par1:gigabitethernet0/0--fra1:eth0": {capacity: {"fra1:eth0": 100G, "par1:GigabitEthernet0/0": 40000}, risk_groups: [f7], length_km: 480}
neighbors:
  transit-a:
    asn: 64601
    kind: transit
    attachments: [{router: fra1, address: 10.0.0.1}, {router: fra1, address: "2001:db8:ff::1"}]
    announces: [{prefix: 0.0.0.0/0, as_path: [64601, 3], med: 10, communities: [64601:1]}, 8.8.8.0/24]
anycast:
  dns: {prefixes: [192.0.2.0/24], floor: 1, origins: [{site: fra, router: fra1, address: 10.9.0.1, asn: 65100}, {site: fra, router: fra1}],
        health: {targets: [fra], need: 1}}
services:
  sso: {kind: sign-on, sites: [fra], needs: [dns], addresses: {fra: 198.18.1.10}}
  lock: {network: false}
access:
  noc: {kind: in-band, source: fra, targets: fra1, needs: [dns, sso]}
  walk-in: {kind: on-site, minutes: 240}
limits: {utilisation: 0.7, failure_utilisation: 1.1, blast_radius: null, prefix_margin: 0.8, tables: [{role: data-center, table: rib, routes: 1000}]}
protect: {implied: false, prefixes: [198.18.0.0/16], flows: {f: {from: fra, to: fra1}}}
interfaces_down: ["fra1:eth1"]
""",
        ROUTERS,
    )
    fra, par = InterfaceRef("fra1", "eth0"), InterfaceRef("Par1", "GigabitEthernet0/0")
    assert (found.name, found.engines) == ("october", ("fast", "referee"))
    site = found.sites["fra"]
    assert (site.role, site.routers, site.position, site.domain) == ("data-center", ("fra1",), (50.1, 8.7), "eu")
    assert site.prefixes == (Prefix.parse("198.18.1.0/24"), Prefix.parse("2001:db8:1::/48"))
    (link,) = found.cabling
    assert (link.name, link.ends) == ("Par1:GigabitEthernet0/0--fra1:eth0", (par, fra))
    assert link.capacities == {fra: 100_000.0, par: 40_000.0}
    assert (link.capacity, link.risk_groups, link.length_km) == (None, frozenset({"f7"}), 480.0)
    assert link.place == Place("backstay.yaml", 7)
    transit = found.neighbors["transit-a"]
    assert transit.attachments[1] == Attachment("fra1", Address.parse("2001:db8:ff::1"))
    first, second = transit.announcements
    assert (first.as_path, first.med, first.communities) == ((64601, 3), 10, ("64601:1",))
    assert (str(second.prefix), second.as_path) == ("8.8.8.0/24", (64601,))
    dns = found.anycasts["dns"]
    assert dns.origins[0] == Origin(site="fra", router="fra1", address=Address.parse("10.9.0.1"), asn=65100)
    assert dns.origins[1].address is None
    assert (dns.floor, dns.health) == (1, HealthRule(targets=("fra",), need=1))
    assert found.services["sso"].addresses == (("fra", Address.parse("198.18.1.10")),)
    assert not found.services["lock"].network
    assert found.access_paths["noc"].targets == ("fra1",)
    assert (found.access_paths["walk-in"].source, found.access_paths["walk-in"].minutes) == (None, 240.0)
    assert found.limits == Limits(
        utilisation=0.7,
        failure_utilisation=1.1,
        blast_radius=None,
        prefix_margin=0.8,
        tables=(TableLimit(role="data-center", table="rib", routes=1000, margin=0.1),),
    )
    assert not found.protection.implied
    assert found.protection.prefixes == (Prefix.parse("198.18.0.0/16"),)
    assert (found.protection.flows[0].source, found.protection.flows[0].destination) == ("fra", "fra1")
    assert found.interfaces_down == {InterfaceRef("fra1", "eth1")}


def test_an_empty_file_declares_nothing() -> None:
    assert read_intent("# nothing yet\n", ROUTERS).sites == {}


@pytest.mark.parametrize(
    ("written", "mbps"), [("100G", 100_000.0), ("1.6T", 1_600_000.0), ("500M", 500.0), ("40", 40.0), ('"40"', 40.0)]
)
def test_capacity_units(written: str, mbps: float) -> None:
    text = f'links:\n  "fra1:eth0--par1:GigabitEthernet0/0": {{capacity: {written}}}\n'
    assert read_intent(text, ROUTERS).cabling[0].capacity == mbps


@pytest.mark.parametrize("written", ["100g", "100GB", "0", "-1", ".nan", ".inf", "true", "null0", "1e999"])
def test_no_capacity(written: str) -> None:
    with pytest.raises(IntentError, match="capacity"):
        read_intent(f'links:\n  "fra1:eth0--par1:GigabitEthernet0/0": {{capacity: {written}}}\n', ROUTERS)


def test_yaml_1_2_scalars_stay_text() -> None:
    """YAML 1.1 reads ``no`` as False and 1:30 as 90; names are names."""
    found = read_intent("services:\n  no: {kind: 1:30}\n", ROUTERS)
    assert found.services["no"].kind == "1:30"


def test_a_tag_is_refused() -> None:
    with pytest.raises(
        IntentError, match=r"backstay.yaml:1: name: the tag .*python/object:os.system has no meaning here"
    ):
        read_intent("name: !!python/object:os.system x\n", ROUTERS)


def test_ends_and_name_must_agree() -> None:
    text = 'links:\n  "fra1:eth0--par1:GigabitEthernet0/0": {ends: ["fra1:eth1", "par1:GigabitEthernet0/0"]}\n'
    with pytest.raises(IntentError, match="the link's name says other ends"):
        read_intent(text, ROUTERS)


def test_a_billion_laughs_is_an_error_not_a_hang() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(IntentError, match="too many aliases"):
        read_intent("\n".join(lines), ROUTERS)


def _network(text: str, remote_as: int | str) -> tuple[Network, Document]:
    bgp = BgpProcess(
        asn=64500, neighbors={"10.0.0.1": BgpNeighbor(peer=Address.parse("10.0.0.1"), remote_as=remote_as)}
    )
    net = ROUTERS | {"fra1": dataclasses.replace(ROUTERS["fra1"], bgp=(bgp,))}
    found = read_intent(text, net)
    return Network(name="x", routers=net, neighbors=found.neighbors), found.document


@pytest.mark.parametrize(
    ("remote_as", "address", "codes"),
    [
        (64601, "10.0.0.1", []),
        (64602, "10.0.0.1", ["asn-mismatch"]),
        ("internal", "10.0.0.1", ["asn-mismatch"]),
        ("external", "10.0.0.1", []),
        (64601, "10.0.0.9", ["attachment"]),
    ],
)
def test_speakers_are_held_against_the_configuration(remote_as: int | str, address: str, codes: list[str]) -> None:
    text = (
        f"neighbors:\n  t:\n    asn: 64601\n    kind: peer\n    attachments: [{{router: fra1, address: {address}}}]\n"
    )
    remarks = check(*_network(text, remote_as))
    assert [remark.code for remark in remarks] == codes
    assert all(remark.place == Place("backstay.yaml", 5) for remark in remarks)


def test_a_path_that_does_not_start_with_the_neighbour() -> None:
    text = "neighbors:\n  t: {asn: 64601, kind: peer, announces: [{prefix: 8.8.8.0/24, as_path: [15169]}]}\n"
    assert [remark.code for remark in check(*_network(text, 1))] == ["as-path-start"]


def test_a_budget_is_read_and_must_be_something() -> None:
    given = read_intent("budget: {seconds: 90, mb: 512}", {})
    assert (given.budget.seconds, given.budget.megabytes) == (90.0, 512.0)
    assert read_intent("name: x", {}).budget == Budget()
    with pytest.raises(IntentError, match=r"budget\.seconds"):
        read_intent("budget: {seconds: 0}", {})
