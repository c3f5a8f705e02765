"""Forwarding decisions, one by one; expected results by hand from the rules of RFC 1812 5.2.4 and the model's words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.simulate.handmade import (
    Handwritten,
    computed,
    forwarding,
    interface,
    ip,
    net,
    network,
    ref,
    route,
    with_interface,
)

from backstay.model.address import Address
from backstay.model.network import NOTHING, Announcement, Attachment, Link, Neighbor, Network, Overlay, Site
from backstay.model.policy import AccessList, AccessListEntry, Policies
from backstay.model.service import Anycast, Origin
from backstay.model.state import Fate
from backstay.simulate.fib import FATES, Fib, Target, permits
from backstay.simulate.flows import Forwarding

CHAIN = network("a b c", "a-b b-c")
C = "10.255.0.3"


def fate(found: Forwarding, start: str, to: str) -> tuple[Fate, float]:
    answer = found.at(start, ip(to))
    assert answer is not None
    batch, node = answer
    return FATES[int(batch.fate[node])], float(batch.delivered[node])


def chain(tables: Handwritten, made: Network = CHAIN, overlay: Overlay = NOTHING) -> Forwarding:
    return forwarding(made, tables, overlay=overlay)


def test_an_owner_delivers_to_itself_without_any_route() -> None:
    assert fate(chain({}), "c", C) == (Fate.DELIVERED, 1.0)


def test_the_longest_prefix_decides() -> None:
    tables = {"a": {"10.255.0.0/24": "drop", "10.255.0.3/32": "via b"}, "b": {"10.255.0.3/32": "via c"}}
    assert fate(chain(tables), "a", C) == (Fate.DELIVERED, 1.0)
    assert fate(chain(tables), "a", "10.255.0.9") == (Fate.DISCARDED, 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("drop", Fate.DISCARDED), ("void", Fate.UNREACHABLE), ("via b", Fate.NO_ROUTE), ("on lo", Fate.UNREACHABLE)],
)
def test_where_a_route_leads(text: str, expected: Fate) -> None:
    """``on lo``: connected says the address is here, but it is another router's: nobody answers."""
    assert fate(chain({"a": {C + "/32": text}}), "a", C) == (expected, 0.0)


def test_without_a_route_it_ends_at_once() -> None:
    found = chain({"b": {C + "/32": "via c"}})
    assert fate(found, "a", C) == (Fate.NO_ROUTE, 0.0)


def test_an_interface_that_is_down_cannot_send() -> None:
    made = replace(CHAIN, interfaces_down=frozenset({ref("a:to-b")}))
    assert fate(chain({"a": {C + "/32": "via b"}}, made), "a", C) == (Fate.UNREACHABLE, 0.0)


LAN = with_interface(CHAIN, "c", interface("lan0", "198.18.1.1/24"))


def test_a_host_on_a_connected_subnet_gets_it() -> None:
    tables = {"b": {"198.18.1.0/24": "via c"}, "c": {"198.18.1.0/24": "on lan0"}}
    assert fate(chain(tables, LAN), "b", "198.18.1.77") == (Fate.DELIVERED, 1.0)


def test_a_router_on_a_shared_segment_gets_what_it_owns() -> None:
    made = with_interface(LAN, "b", interface("lan0", "198.18.1.2/24"))
    ends = (ref("b:lan0"), ref("c:lan0"))
    made = replace(made, links={**made.links, "lan": Link(name="lan", ends=ends)})
    tables = {"c": {"198.18.1.0/24": "on lan0"}}
    assert fate(chain(tables, made), "c", "198.18.1.2") == (Fate.DELIVERED, 1.0)
    cut = replace(made, interfaces_down=frozenset({ref("b:lan0")}))
    assert fate(chain(tables, cut), "c", "198.18.1.2") == (Fate.UNREACHABLE, 0.0)


def external(kind: str = "transit", announced: str = "203.0.113.0/24", made: Network = LAN) -> Network:
    neighbor = Neighbor(
        name="outside",
        asn=64601,
        kind=kind,
        attachments=(Attachment("c", ip("198.18.1.9")),),
        announcements=(Announcement(prefix=net(announced), as_path=(64601,)),),
    )
    return replace(made, neighbors={"outside": neighbor})


TO_OUTSIDE = {"c": {"0.0.0.0/0": "gw 198.18.1.9@lan0"}}


@pytest.mark.parametrize(
    ("announced", "to", "expected"),
    [
        ("203.0.113.0/24", "203.0.113.1", (Fate.DELIVERED, 1.0)),
        ("203.0.113.0/24", "203.0.114.1", (Fate.EXITS, 0.0)),
        ("0.0.0.0/0", "203.0.114.1", (Fate.DELIVERED, 1.0)),
        ("0.0.0.0/0", "198.51.100.1", (Fate.EXITS, 0.0)),
    ],
    ids=["its own", "not announced", "a default", "ours, although a default covers it"],
)
def test_what_leaves_to_a_neighbour_arrives_if_it_belongs_there(
    announced: str, to: str, expected: tuple[Fate, float]
) -> None:
    made = external(announced=announced)
    made = replace(made, sites={"x": Site(name="x", role="pop", routers=("a",), prefixes=(net("198.51.100.0/24"),))})
    assert fate(chain(TO_OUTSIDE, made), "c", to) == expected


def test_a_speaker_of_an_anycast_is_an_arrival_and_a_transit_is_not() -> None:
    origin = Origin(site="x", router="c", address=ip("198.18.1.53"), asn=65100)
    dns = Anycast(name="dns", prefixes=(net("192.0.2.0/24"),), origins=(origin,))
    made = replace(external(announced="0.0.0.0/0"), anycasts={"dns": dns})
    announced = {"c": {"192.0.2.0/24": "gw 198.18.1.53@lan0", **TO_OUTSIDE["c"]}}
    assert fate(chain(announced, made), "c", "192.0.2.1") == (Fate.DELIVERED, 1.0)
    assert fate(chain(TO_OUTSIDE, made), "c", "192.0.2.1") == (Fate.EXITS, 0.0)


def test_a_router_that_does_not_forward_drops_transit_but_takes_its_own() -> None:
    silent = replace(CHAIN.routers["b"], forwarding=False)
    made = replace(CHAIN, routers={**CHAIN.routers, "b": silent})
    tables = {"a": {C + "/32": "via b", "10.255.0.2/32": "via b"}, "b": {C + "/32": "via c"}}
    assert fate(chain(tables, made), "a", C) == (Fate.DISCARDED, 0.0)
    assert fate(chain(tables, made), "a", "10.255.0.2") == (Fate.DELIVERED, 1.0)


def filtered(direction: str, *entries: AccessListEntry) -> Network:
    """An access list on b's interface towards a (in) or towards c (out)."""
    listed = AccessList(name="edge", version=4, entries=entries)
    name = "to-a" if direction == "in" else "to-c"
    old = CHAIN.routers["b"].interfaces[name]
    new = replace(old, access_list_in="edge") if direction == "in" else replace(old, access_list_out="edge")
    made = with_interface(CHAIN, "b", new)
    guarded = replace(made.routers["b"], policies=Policies(access_lists={(4, "edge"): listed}))
    return replace(made, routers={**made.routers, "b": guarded})


STRAIGHT = {"a": {C + "/32": "via b"}, "b": {C + "/32": "via c"}}


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((AccessListEntry(sequence=1, permit=True),), (Fate.DELIVERED, 1.0)),
        ((AccessListEntry(sequence=1, permit=False, destination=net(C + "/32")),), (Fate.FILTERED, 0.0)),
        ((AccessListEntry(sequence=1, permit=True, source=net("10.255.0.1/32")),), (Fate.DELIVERED, 1.0)),
        ((AccessListEntry(sequence=1, permit=True, source=net("10.255.0.2/32")),), (Fate.FILTERED, 0.0)),
        ((), (Fate.FILTERED, 0.0)),
    ],
    ids=["permit any", "deny the destination", "permit the source", "permit another source", "empty"],
)
def test_access_lists(direction: str, entries: tuple[AccessListEntry, ...], expected: tuple[Fate, float]) -> None:
    assert fate(chain(STRAIGHT, filtered(direction, *entries)), "a", C) == expected


def test_an_undefined_access_list_denies_as_the_vendor_row_says() -> None:
    made = filtered("in")
    bare = replace(made.routers["b"], policies=Policies())
    found = chain(STRAIGHT, replace(made, routers={**made.routers, "b": bare}))
    assert fate(found, "a", C) == (Fate.FILTERED, 0.0)


def test_a_line_for_one_protocol_says_nothing_about_plain_packets() -> None:
    telnet = AccessListEntry(sequence=1, permit=False, protocol="tcp", destination_ports=(23, 23))
    rest = AccessListEntry(sequence=2, permit=True)
    assert permits((telnet, rest), Target(ip(C)))
    assert not permits((telnet,), Target(ip(C)))


def test_a_wildcard_mask_matches_the_bits_it_leaves() -> None:
    """10.0.3.0 0.0.252.255 (bits of the third octet free but the low two): 10.0.7.9 matches, 10.0.6.9 does not."""
    mask = (ip("10.0.3.0").value, ip("0.0.252.255").value)
    entry = AccessListEntry(sequence=1, permit=True, destination_wildcard=mask)
    assert permits((entry,), Target(ip("10.0.7.9")))
    assert not permits((entry,), Target(ip("10.0.6.9")))


def test_a_link_local_next_hop_is_the_other_end_of_a_link() -> None:
    made = CHAIN
    hop = route(made, computed(made, {}).topology, "b", "on to-c")
    found = computed(made, {})
    six = replace(hop, protocol="isis")
    table = {"b": {net("2001:db8:ff::3/128"): six}, "a": {}, "c": {}}
    found = replace(found, tables=type(found.tables)(table))  # type: ignore[call-arg]
    assert fate(Forwarding(Fib(found)), "b", "2001:db8:ff::3") == (Fate.DELIVERED, 1.0)


def test_a_link_local_next_hop_on_a_busy_segment_is_unknown_not_guessed() -> None:
    made = with_interface(LAN, "b", interface("lan0", "198.18.1.2/24"))
    made = with_interface(made, "a", interface("lan0", "198.18.1.3/24"))
    ends = (ref("a:lan0"), ref("b:lan0"), ref("c:lan0"))
    made = replace(made, links={**made.links, "lan": Link(name="lan", ends=ends)})
    found = computed(made, {})
    six = replace(route(made, found.topology, "b", "on lan0"), protocol="isis")
    found = replace(found, tables=type(found.tables)({"b": {net("2001:db8:ff::3/128"): six}}))  # type: ignore[call-arg]
    fib = Fib(found)
    fib.row(Target(Address.parse("2001:db8:ff::3")), [fib.node_of["b", "default"]])
    assert [remark.code for remark in fib.unknowns] == ["ambiguous-next-hop"]
