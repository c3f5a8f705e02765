"""advertise (O04, O05, O06, O08, O15) and unread with states by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.audit.kit import DNS, FILE, HEARD, OWN, context, denied, drain, heard, network, state, told, typed

from backstay.audit.checks import advertise, unread
from backstay.audit.context import Kind
from backstay.model.address import Prefix
from backstay.model.change import Expectation, Intent, Plan
from backstay.model.finding import Severity
from backstay.model.network import Neighbor
from backstay.model.source import Place, Remark, UnreadLine
from backstay.model.state import Advertisement, State

NET = network()
HEALTHY = state(NET)
CHANGE = drain(NET, "pop1", intent=Intent.CONFIGURE)
NEW = Prefix.parse("203.0.113.0/24")


def hearing(*more: Advertisement, without: frozenset[Advertisement] = frozenset()) -> State:
    return replace(HEALTHY, advertisements=(HEARD - without) | set(more))


def lines(*found: tuple[str, str]) -> Plan:
    touched = tuple(typed("pop1", text, action) for action, text in found)
    return replace(CHANGE, stages=(replace(CHANGE.stages[0], touched=touched),))


def test_the_same_advertisements_are_no_finding() -> None:
    assert advertise.check(context(CHANGE, HEALTHY, HEALTHY)) == ()


def test_what_is_added_must_be_declared() -> None:
    after = hearing(heard("transit-a", "pop1", NEW))
    found = advertise.check(context(CHANGE, HEALTHY, after))
    assert denied(found) == ["transit-a begins to hear 1 prefix (203.0.113.0/24), not declared"]
    assert (found[0].before, found[0].after) == ("6 advertisements", "7 advertisements")
    declared = drain(NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(added=(NEW,)))
    assert advertise.check(context(declared, HEALTHY, after)) == ()
    undrain = drain(NET, "pop1", intent=Intent.UNDRAIN)
    assert denied(advertise.check(context(undrain, HEALTHY, after))) == []


def test_declaring_the_larger_prefix_does_not_declare_its_parts() -> None:
    declared = drain(NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(added=(Prefix.parse("203.0.0.0/8"),)))
    assert denied(advertise.check(context(declared, HEALTHY, hearing(heard("transit-a", "pop1", NEW)))))


@pytest.mark.parametrize(
    ("typed_lines", "words"),
    [
        ((("removed", "match ip address prefix-list SITE"),), "only removes lines"),
        ((("removed", "route-map OUT deny 10"), ("added", "route-map OUT deny 30")), "only re-orders lines"),
        (
            (("removed", "ip prefix-list P seq 5 deny any"), ("added", "ip prefix-list P seq 50 deny any")),
            "only re-orders",
        ),
    ],
)
def test_a_deletion_or_re_ordering_that_adds_an_export_is_named_as_such(
    typed_lines: tuple[tuple[str, str], ...], words: str
) -> None:
    """O05, O06: the condition is deleted, the action stays, everything goes out."""
    text = denied(advertise.check(context(lines(*typed_lines), HEALTHY, hearing(heard("transit-a", "pop1", NEW)))))[0]
    assert words in text


def test_an_addition_is_not_called_a_deletion() -> None:
    made = lines(("added", "network 203.0.113.0/24"), ("removed", "shutdown"))
    text = denied(advertise.check(context(made, HEALTHY, hearing(heard("transit-a", "pop1", NEW)))))[0]
    assert "only" not in text


def test_more_specifics_are_named() -> None:
    """O15: two halves of a prefix that was announced whole."""
    half = Prefix.parse("198.18.128.0/17")
    text = denied(advertise.check(context(CHANGE, HEALTHY, hearing(heard("transit-b", "pop2", half)))))[0]
    assert "198.18.128.0/17 is more specific than what was announced before" in text


def test_what_is_withdrawn_must_be_declared() -> None:
    """O04: the terms were re-ordered and the site's prefixes are gone."""
    gone = frozenset(item for item in HEARD if item.neighbor == "transit-a" and item.prefix == OWN)
    text = denied(advertise.check(context(CHANGE, HEALTHY, hearing(without=gone))))
    assert text == ["transit-a stops hearing 1 prefix (198.18.0.0/16) at pop1, not declared; others still hear it"]
    declared = drain(NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(withdrawn=(OWN,)))
    assert advertise.check(context(declared, HEALTHY, hearing(without=gone))) == ()


def test_removing_one_must_not_remove_all() -> None:
    """O08: one unused block was to go, the generator removed every one."""
    declared = drain(NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(withdrawn=(DNS,)))
    texts = denied(advertise.check(context(declared, HEALTHY, hearing(without=HEARD))))
    assert "stop hearing 1 prefix (198.18.0.0/16)" in texts[0]
    assert "1 of them heard by nobody any more" in texts[0]
    assert texts[1] == "3 external neighbours (customer-c, transit-a, transit-b) hear nothing from us any more"
    assert texts[2] == "no external neighbour hears 1 protected prefix (198.18.0.0/16) any more"


def test_a_protected_prefix_may_be_covered_by_a_larger_one_but_not_by_the_default() -> None:
    gone = frozenset(item for item in HEARD if item.prefix == OWN)
    larger = heard("transit-a", "pop1", Prefix.parse("198.16.0.0/14"))
    default = heard("transit-a", "pop1", Prefix.parse("0.0.0.0/0"))
    made = drain(
        NET,
        "pop1",
        intent=Intent.CONFIGURE,
        expect=Expectation(withdrawn=(OWN,), added=(larger.prefix, default.prefix)),
    )
    assert advertise.check(context(made, HEALTHY, hearing(larger, without=gone))) == ()
    assert denied(advertise.check(context(made, HEALTHY, hearing(default, without=gone)))) == [
        "no external neighbour hears 1 protected prefix (198.18.0.0/16) any more"
    ]


@pytest.mark.parametrize(
    ("to", "source", "leaks"),
    [
        ("transit-b", "transit-a", True),
        ("transit-b", "customer-c", False),
        ("customer-c", "transit-a", False),
        ("transit-b", "", False),
    ],
)
def test_valley_free(to: str, source: str, leaks: bool) -> None:
    item = heard(to, "pop2", NEW, learned_from=source, as_path="65000 64999")
    made = drain(NET, "pop1", intent=Intent.CONFIGURE, expect=Expectation(added=(NEW,)))
    texts = denied(advertise.check(context(made, HEALTHY, hearing(item))))
    assert [text.startswith("route leak: routes of transit transit-a go to transit") for text in texts] == [
        True
    ] * leaks


def test_a_peer_is_above_us_too() -> None:
    net = network(neighbors={**NET.neighbors, "ix": Neighbor(name="ix", asn=64800, kind="peer")})
    item = heard("transit-b", "pop2", NEW, learned_from="ix")
    assert advertise.leak(net, item) == "routes of peer ix go to transit transit-b"


def test_a_customer_that_passes_on_our_transit_is_a_leak() -> None:
    """O15: the customer's more-specifics came out of Verizon's own path through it."""
    item = heard("transit-b", "pop2", NEW, learned_from="customer-c", as_path="65000 64700 64601 64999")
    assert advertise.leak(NET, item) == "customer customer-c passes on routes of transit transit-a, and we believe it"


def test_a_leak_that_was_there_before_is_told() -> None:
    item = heard("transit-b", "pop2", NEW, learned_from="transit-a")
    both = hearing(item)
    assert [f.severity for f in advertise.check(context(CHANGE, both, both))] == [Severity.WARNING]


def test_other_attributes_are_told() -> None:
    was = heard("transit-a", "pop1", OWN)
    now = replace(was, as_path="65000 65000")
    found = advertise.check(context(CHANGE, HEALTHY, hearing(now, without=frozenset({was}))))
    assert [(f.severity, f.before) for f in found] == [(Severity.WARNING, "198.18.0.0/16 to transit-a: path [65000]")]


def test_speakers_of_our_own_are_not_the_world() -> None:
    net = network(neighbors={**NET.neighbors, "dns-west": Neighbor(name="dns-west", asn=65100, kind="internal")})
    made = drain(net, "pop1", intent=Intent.CONFIGURE)
    assert advertise.check(context(made, HEALTHY, hearing(heard("dns-west", "pop1", NEW)))) == ()


# ------------------------------------------------------------------------------------------- unread

ODD = UnreadLine(Place("configs/pop1.conf", 3), "pop1", "segment-routing on", (), "unknown command")


def test_a_line_of_the_change_nobody_reads_is_unknown() -> None:
    line = UnreadLine(Place(FILE, 8), "pop1", " frobnicate", ("router isis 1",), "unknown command")
    made = replace(CHANGE, stages=(replace(CHANGE.stages[0], unread=(line,)),))
    found = unread.check(context(made, HEALTHY, HEALTHY))
    assert told(found, Severity.UNKNOWN) == [
        "the change types 'frobnicate', which nobody here can read: unknown command"
    ]
    assert (found[0].where[0].file, found[0].where[0].line) == (FILE, 8)


def test_an_unread_line_matters_where_the_change_works() -> None:
    net = network(routers={**NET.routers, "pop1": replace(NET.routers["pop1"], unread=(ODD,))})
    touched = unread.check(context(drain(net, "pop1"), HEALTHY, HEALTHY, Kind.WHOLE))
    assert [f.severity for f in touched] == [Severity.UNKNOWN]
    elsewhere = unread.check(context(drain(net, "pop2"), HEALTHY, HEALTHY, Kind.WHOLE))
    assert [f.severity for f in elsewhere] == [Severity.INFO]


def test_what_an_engine_cannot_compute_is_unknown_before_and_after() -> None:
    unsure = replace(HEALTHY, unknowns=(Remark("x", "no OSPFv3 here", "pop1", Place("configs/pop1.conf", 4)),))
    assert len(told(unread.check(context(CHANGE, HEALTHY, unsure)), Severity.UNKNOWN)) == 1
    assert len(told(unread.check(context(CHANGE, unsure, HEALTHY)), Severity.UNKNOWN)) == 1


def test_a_reference_the_change_leaves_undefined_is_told() -> None:
    after = CHANGE.stages[0].network
    loose = replace(after.routers["pop1"], remarks=(Remark("undefined", "route-map OUT is not defined", "pop1"),))
    made = replace(
        CHANGE, stages=(replace(CHANGE.stages[0], network=replace(after, routers={**after.routers, "pop1": loose})),)
    )
    texts = told(unread.check(context(made, HEALTHY, HEALTHY, Kind.WHOLE)), Severity.WARNING)
    assert texts == ["the change leaves pop1 with: route-map OUT is not defined"]
