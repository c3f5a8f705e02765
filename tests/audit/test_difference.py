"""Two States and two Networks side by side, and what a change does in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.kit import (
    DNS,
    HEARD,
    NAMES,
    OWN,
    change,
    context,
    drain,
    health,
    heard,
    loads,
    network,
    overloaded,
    plan,
    ref,
    route,
    stage,
    state,
    tables,
    ways,
)

from backstay.audit import wording
from backstay.audit.checks import CHECKS
from backstay.audit.configuration import alike, configuration_change, facts
from backstay.audit.context import Check, Kind
from backstay.audit.difference import difference, grown, table_changes
from backstay.audit.effect import effect_of, merged
from backstay.model.address import Prefix
from backstay.model.finding import Effect
from backstay.model.network import InterfaceAddress
from backstay.model.routing import StaticRoute
from backstay.model.source import Place, SourceFile
from backstay.model.state import Adjacency, FailureResult, Route, RouteTable, Session

NET = network()
HEALTHY = state(NET)


# ------------------------------------------------------------------------------------------- States


def test_a_state_and_itself_differ_in_nothing() -> None:
    found = difference(HEALTHY, HEALTHY)
    assert found == difference(HEALTHY, state(NET))
    assert (found.sessions, found.flows, found.loads, found.access) == ((), (), (), ())
    assert list(table_changes(HEALTHY, HEALTHY)) == []
    assert list(table_changes(HEALTHY, state(NET))) == []


def test_routes_are_counted_per_table_with_the_first_as_samples() -> None:
    extra = Prefix.parse("10.0.0.0/8")
    now: dict[str, dict[str, dict[Prefix, Route]]] = tables()
    now["dc1"]["default"] = {OWN: route(99), extra: route(1)}
    now["pop3"]["red"] = {OWN: route(1)}
    found = list(table_changes(HEALTHY, replace(HEALTHY, routes=now), samples=2))
    assert [(t.router, t.vrf, t.added, t.removed, t.changed) for t in found] == [
        ("dc1", "default", 1, 1, 1),
        ("pop3", "red", 1, 0, 0),
    ]
    assert [(sample.prefix, sample.before, sample.after) for sample in found[0].samples] == [
        (extra, None, route(1)),
        (DNS, route(11), None),
    ]


def test_a_router_that_is_gone_has_lost_its_routes() -> None:
    less = {name: table for name, table in tables().items() if name != "pop1"}
    assert [(t.router, t.removed) for t in table_changes(HEALTHY, replace(HEALTHY, routes=less))] == [("pop1", 2)]


class Lazy(Mapping[str, Mapping[str, RouteTable]]):
    """Tables made when they are asked for and not kept, as an engine may do; counts how many are open at once."""

    def __init__(self, metric: int) -> None:
        self.metric, self.made = metric, 0

    def __getitem__(self, name: str) -> Mapping[str, RouteTable]:
        if name not in NAMES:
            raise KeyError(name)
        self.made += 1
        return {"default": {OWN: route(self.metric), DNS: route(self.metric + 1)}}

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def test_lazily_filled_tables_are_asked_for_once_each_and_only_as_far_as_needed() -> None:
    one, two = Lazy(10), Lazy(20)
    walk = table_changes(replace(HEALTHY, routes=one), replace(HEALTHY, routes=two))
    assert next(walk).router == "dc1"
    assert (one.made, two.made) == (1, 1)
    assert [table.changed for table in walk] == [2] * 4
    assert (one.made, two.made) == (5, 5)


keyed = st.dictionaries(st.integers(0, 30).map(lambda n: Prefix.parse(f"10.{n}.0.0/16")), st.integers(1, 3).map(route))


@given(keyed, keyed)
def test_counting_differences_agrees_with_sets(before: dict[Prefix, Route], after: dict[Prefix, Route]) -> None:
    was = replace(HEALTHY, routes={"pop1": {"default": before}})
    now = replace(HEALTHY, routes={"pop1": {"default": after}})
    found = list(table_changes(was, now, samples=99))
    changed = {prefix for prefix in before.keys() & after.keys() if before[prefix] != after[prefix]}
    everything = changed | (before.keys() ^ after.keys())
    assert sum(table.total for table in found) == len(everything)
    assert [sample.prefix for table in found for sample in table.samples] == sorted(everything)
    back = list(table_changes(now, was))
    assert [(t.added, t.removed) for t in back] == [(t.removed, t.added) for t in found]


def test_everything_else_that_differs() -> None:
    adjacency = Adjacency("isis", "2", ref("dc1", "pop1"), ref("pop1", "dc1"))
    up = Session("pop1", "default", "10.1.0.1", "transit-a", established=True, accepted=((4, 5),))
    new = heard("transit-a", "pop1", Prefix.parse("203.0.113.0/24"))
    before = replace(HEALTHY, adjacencies=frozenset({adjacency}), sessions=(up,), services={"sso": True, "tool": False})
    after = replace(
        HEALTHY,
        sessions=(replace(up, established=False, accepted=()),),
        advertisements=(HEARD | {new}) - {heard("transit-b", "pop2", DNS)},
        services={"sso": False, "tool": True},
        sites=health("east", "lab"),
        loads=loads(share=0.5),
        access={**HEALTHY.access, "pop1": ways("console")},
    )
    found = difference(before, after)
    assert found.adjacencies_lost == (adjacency,)
    assert found.sessions_lost == (after.sessions[0],)
    assert found.sessions_gained == ()
    assert found.advertisements_added == (new,)
    assert found.advertisements_withdrawn == (heard("transit-b", "pop2", DNS),)
    assert (found.services_lost, found.services_gained) == (("sso",), ("tool",))
    assert [(c.after.site, c.after.announced) for c in found.sites if c.after] == [("west", False)]
    assert [(c.interface, c.before, c.after) for c in found.loads] == [(ref("pop1", "dc1"), 300.0, 500.0)]
    assert [(c.router, c.lost, c.gained) for c in found.access] == [("pop1", ("noc", "walk-in"), ())]


def test_a_count_of_prefixes_is_no_change_of_the_session() -> None:
    up = Session("pop1", "default", "10.1.0.1", "transit-a", established=True, accepted=((4, 5),))
    more = replace(up, accepted=((4, 6),))
    assert difference(replace(HEALTHY, sessions=(up,)), replace(HEALTHY, sessions=(more,))).sessions == ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1.0, 1.0, False),
        (1.0, 1.0 + 1e-9, False),
        (1.0, 1.001, True),
        (1e6, 1e6 + 0.5, False),
        (2.0, 1.0, False),
        (0.0, 1e-3, True),
    ],
)
def test_rounding_is_no_growth(before: float, after: float, expected: bool) -> None:
    assert grown(before, after) is expected


# ------------------------------------------------------------------------------------------- Networks


def test_networks_differ_in_facts_not_in_places() -> None:
    moved = {
        name: replace(found, sources=(SourceFile("x", "y"),), isis=(replace(found.isis[0], place=Place("z", 9)),))
        for name, found in NET.routers.items()
    }
    assert configuration_change(NET, replace(NET, routers=moved)).routers == ()


def test_a_router_that_differs_says_in_what() -> None:
    found = configuration_change(NET, overloaded(NET, "pop1"))
    assert [(change.router, change.parts, change.interfaces) for change in found.routers] == [("pop1", ("isis",), ())]
    assert found.links == ()


def test_an_interface_that_differs_touches_its_link() -> None:
    pop1 = NET.routers["pop1"]
    dark = {**pop1.interfaces, "to-dc1": replace(pop1.interfaces["to-dc1"], enabled=False)}
    found = configuration_change(NET, replace(NET, routers={**NET.routers, "pop1": replace(pop1, interfaces=dark)}))
    assert [(c.parts, c.interfaces) for c in found.routers] == [(("interfaces",), ("to-dc1",))]
    assert found.links == ("dc1--pop1",)


def test_a_router_more_or_less_is_a_change() -> None:
    less = replace(NET, routers={name: found for name, found in NET.routers.items() if name != "pop3"})
    assert configuration_change(NET, less).names == ("pop3",)
    assert configuration_change(less, NET).links == ("dc2--pop3",)


def test_the_order_of_static_routes_has_no_meaning_that_of_a_policy_has() -> None:
    one, two = (StaticRoute(prefix=prefix, discard="blackhole") for prefix in (OWN, DNS))
    pop1 = NET.routers["pop1"]
    assert facts(replace(pop1, static_routes=(one, two))) == facts(replace(pop1, static_routes=(two, one)))
    assert facts(("permit", "deny")) != facts(("deny", "permit"))
    assert facts(replace(pop1, static_routes=(one,))) != facts(replace(pop1, static_routes=(one, one)))


values = st.recursive(
    st.integers(0, 2) | st.just(OWN) | st.just(DNS),
    lambda inner: st.tuples(inner, inner) | st.dictionaries(st.sampled_from("ab"), inner) | st.builds(
        lambda prefixes, line: replace(NET.routers["pop1"], static_routes=prefixes, router_id=line),
        st.lists(st.sampled_from([OWN, DNS]), max_size=2).map(tuple), inner,
    ),
    max_leaves=6,
)  # fmt: skip


@given(values, values)
def test_two_values_are_alike_when_their_facts_are(one: object, other: object) -> None:
    assert alike(one, other, "static_routes") is (facts(one, "static_routes") == facts(other, "static_routes"))
    assert alike(one, other) is (facts(one) == facts(other))


def test_the_address_of_an_interface_is_a_fact() -> None:
    home = InterfaceAddress(address=OWN.network, prefix=OWN)
    away = InterfaceAddress(address=DNS.network, prefix=DNS)
    pop1 = NET.routers["pop1"]
    lo = pop1.interfaces["lo"]
    both = (replace(pop1, interfaces={"lo": replace(lo, addresses=(address,))}) for address in (home, away))
    one, two = (replace(NET, routers={**NET.routers, "pop1": found}) for found in both)
    assert configuration_change(one, two).names == ("pop1",)


# ------------------------------------------------------------------------------------------- effect, words


def test_the_effect_counts_routers_links_and_what_is_lost() -> None:
    away = replace(
        HEALTHY, loads=replace(loads(), mbps={ref("pop2", "dc1"): 500.0}, utilisation={ref("pop2", "dc1"): 0.5})
    )
    failure = FailureResult(kind="link", name="x", max_utilisation=0.9, worst=None, lost_mbps=0.0)
    found = effect_of(context(drain(NET, "pop1"), HEALTHY, replace(away, sweep=(failure,))))
    assert found.routers == ("pop1",)
    assert found.links == ("dc1--pop1", "pop1--pop2"), "those of the drained router; dc1--pop2 only has more traffic"
    other = plan(change(), NET, stage(NET, "pop1"))
    assert effect_of(context(other, HEALTHY, away)).links == ("dc1--pop1",), "traffic left it altogether"
    assert (found.max_utilisation_before, found.max_utilisation_after, found.max_utilisation_worst_failure) == (
        0.3,
        0.5,
        0.9,
    )
    assert found.lost_mbps == 0.0


def test_effects_of_steps_are_joined_and_the_worst_number_kept() -> None:
    one = Effect(
        routers=("b",), links=("x",), lost_mbps=3.0, max_utilisation_after=0.4, max_utilisation_worst_failure=0.7
    )
    two = Effect(routers=("a", "b"), advertisements_added=("p to n",), lost_mbps=1.0, max_utilisation_after=0.6)
    assert merged((one, two)) == Effect(
        routers=("a", "b"),
        links=("x",),
        advertisements_added=("p to n",),
        lost_mbps=3.0,
        max_utilisation_after=0.6,
        max_utilisation_worst_failure=0.7,
    )
    assert merged(()) == Effect()


def test_the_way_back_acts_on_the_routers_it_restores() -> None:
    made = drain(NET, "pop1")
    assert effect_of(context(made, HEALTHY, HEALTHY, Kind.WHOLE)).routers == ("pop1",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (wording.some(["a", "b"]), "a, b"),
        (wording.some("abcdef"), "a, b, c, d, e, f"),
        (wording.some("abcdefg"), "a, b, c, d, e and 2 more"),
        (wording.count(1, "router"), "1 router"),
        (wording.count(1200, "adjacency", "adjacencies"), "1,200 adjacencies"),
        (wording.percent(1.344), "134 %"),
        (wording.percent(0.045), "4.5 %"),
        (wording.percent(0.0), "0 %"),
        (wording.rate(950.4), "950 Mbit/s"),
        (wording.rate(12_340.0), "12.3 Gbit/s"),
        (wording.rate(0.25), "0.25 Mbit/s"),
        (wording.rate(0.0), "0 Mbit/s"),
        (wording.rate(2_082_659.0), "2.1 Tbit/s"),
    ],
)
def test_numbers_in_words(text: str, expected: str) -> None:
    assert text == expected


# ------------------------------------------------------------------------------------------- the checks' pages


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_has_its_page(check: Check) -> None:
    root = Path(__file__).parents[2]
    page = (root / check.page).read_text(encoding="utf-8")
    assert page.startswith(f"# {check.id}\n")
    for part in ("What it proves", "What it cannot", "The outage that taught it", "A finding"):
        assert f"## {part}\n" in page
    assert f"[{check.id}]({check.id}.md)" in (root / "docs/checks/README.md").read_text(encoding="utf-8")
