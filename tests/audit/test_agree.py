"""Two States are the same, or every way in which they differ is named with both answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.audit.kit import DNS, OWN, health, loads, network, ref, state, tables, ways

from backstay.audit.agree import SHOWN_PER_SHAPE, compare, disagreements
from backstay.audit.outline import Digester, Outline, Texts, table_digest
from backstay.model.address import Address, Prefix
from backstay.model.finding import Severity
from backstay.model.network import InterfaceRef
from backstay.model.state import (
    Adjacency,
    FailureResult,
    Fate,
    FlowResult,
    LostDemand,
    NextHop,
    PathAttributes,
    Route,
    Session,
    State,
)

NETWORK = network()
ONE = state(NETWORK)
HOP = NextHop(address=Address.parse("10.0.0.1"), interface="eth0")
BGP = Route(
    protocol="bgp",
    distance=20,
    metric=0,
    next_hops=(HOP,),
    forwarding=(HOP,),
    attributes=PathAttributes(as_path="64601", communities=("65000:1",)),
)


def with_route(route: Route | None) -> State:
    made = tables()
    made["dc1"]["default"] = {DNS: made["dc1"]["default"][DNS], **({OWN: route} if route else {})}
    return replace(ONE, routes=made)


def attributes(**changes: Any) -> Route:
    assert BGP.attributes is not None
    return replace(BGP, attributes=replace(BGP.attributes, **changes))


def shapes(left: State, right: State) -> set[str]:
    return {item.shape for item in disagreements(left, right)}


def test_equal_states_do_not_differ() -> None:
    assert list(disagreements(ONE, state(network()))) == []
    assert compare({"fast": ONE, "referee": state(network())}) == ()
    assert compare({"fast": ONE}) == ()


ROUTES: list[tuple[Route | None, str]] = [
    (None, "routes: presence"),
    (replace(BGP, protocol="ibgp"), "routes: protocol"),
    (replace(BGP, distance=200), "routes: distance"),
    (replace(BGP, metric=5), "routes: metric"),
    (replace(BGP, tag=5), "routes: tag"),
    (replace(BGP, kind="inter"), "routes: kind"),
    (replace(BGP, next_hops=(replace(HOP, interface="eth1"),)), "routes: next hops"),
    (replace(BGP, next_hops=(HOP, replace(HOP, interface="eth1"))), "routes: next hops"),
    (replace(BGP, next_hops=(replace(HOP, discard="blackhole"),)), "routes: next hops"),
    (replace(BGP, forwarding=()), "routes: forwarding"),
    (replace(BGP, attributes=None), "routes: attributes"),
    (attributes(as_path="64601 64601"), "routes: attributes"),
    (attributes(local_preference=200), "routes: attributes"),
    (attributes(med=0), "routes: attributes"),
    (attributes(origin="egp"), "routes: attributes"),
    (attributes(weight=1), "routes: attributes"),
    (attributes(communities=()), "routes: attributes"),
    (attributes(large_communities=("65000:1:2",)), "routes: attributes"),
    (attributes(extended_communities=("rt 65000:1",)), "routes: attributes"),
    (attributes(originator=Address.parse("10.0.0.9")), "routes: attributes"),
    (attributes(cluster_list=(Address.parse("10.0.0.9"),)), "routes: attributes"),
    (attributes(next_hop=Address.parse("10.0.0.9")), "routes: attributes"),
    (attributes(learned_from="10.0.0.9"), "routes: attributes"),
    (attributes(atomic_aggregate=True), "routes: attributes"),
    (attributes(aggregator="65000 10.0.0.9"), "routes: attributes"),
]


@pytest.mark.parametrize(("other", "shape"), ROUTES, ids=lambda value: str(value)[:40])
def test_every_part_of_a_route_counts(other: Route | None, shape: str) -> None:
    left, right = with_route(BGP), with_route(other)
    assert shapes(left, right) == {shape}
    (finding,) = compare({"fast": left, "referee": right})
    assert finding.severity is Severity.UNKNOWN
    assert "dc1 198.18.0.0/16" in finding.summary
    assert finding.before.startswith("fast: ")
    assert finding.after.startswith("referee: ")
    assert finding.before.removeprefix("fast: ") != finding.after.removeprefix("referee: ")


@pytest.mark.parametrize(("other", "shape"), ROUTES, ids=lambda value: str(value)[:40])
def test_digests_tell_apart_what_the_comparison_tells_apart(other: Route | None, shape: str) -> None:
    one, two = with_route(BGP), with_route(other)
    digests = Digester()
    left, right = digests.digests(one.routes), digests.digests(two.routes)
    assert {name for name in left if left[name] != right[name]} == {"dc1"}


def test_digests_do_not_depend_on_the_order_of_routes_or_hops() -> None:
    first, second = HOP, replace(HOP, interface="eth1", neighbor=InterfaceRef("far", "eth9"))
    one = {OWN: replace(BGP, next_hops=(first, second)), DNS: BGP}
    two = {DNS: BGP, OWN: replace(BGP, next_hops=(second, first))}
    assert table_digest(one, Texts()) == table_digest(two, Texts())


def test_prefixes_of_another_version_or_length_are_others() -> None:
    texts = ("10.0.0.0/8", "10.0.0.0/9", "a00:0000::/8")
    found = {table_digest({Prefix.parse(text): BGP}, Texts()) for text in texts}
    assert len(found) == len(texts)


STATES: list[tuple[Callable[[], State], str]] = [
    (lambda: replace(ONE, adjacencies=frozenset({Adjacency("isis", "2", ref("dc1", "dc2"), ref("dc2", "dc1"))})),
     "adjacencies: presence"),
    (lambda: replace(ONE, sessions=(Session("dc1", "default", "10.0.0.2", "dc2", established=True),)),
     "sessions: presence"),
    (lambda: replace(ONE, advertisements=frozenset()), "advertisements: presence"),
    (lambda: replace(ONE, flows={name: FlowResult(flow=name, delivered=0.5, fate=Fate.LOOP) for name in ONE.flows}),
     "flows: value"),
    (lambda: replace(ONE, loads=replace(loads(), mbps={ref("pop1", "dc1"): 301.0, ref("pop2", "dc1"): 200.0})),
     "loads: load"),
    (lambda: replace(ONE, loads=replace(loads(), lost=(
        LostDemand(source="a", destination="b", mbps=1.0, reason=Fate.LOOP),))), "loads: lost demand"),
    (lambda: replace(ONE, loads=replace(loads(), offered=1.0)), "loads: offered"),
    (lambda: replace(ONE, sites=health("east", "lab")), "sites: value"),
    (lambda: replace(ONE, services={"sso": True}), "services: presence"),
    (lambda: replace(ONE, access={**ONE.access, "dc1": ways("console")}), "access: value"),
    (lambda: replace(ONE, sweep=(FailureResult(
        kind="link", name="l", max_utilisation=0.5, worst=None, lost_mbps=0.0),)), "sweep: presence"),
    (lambda: replace(ONE, sweep=None), "sweep: presence"),
]  # fmt: skip


@pytest.mark.parametrize(("other", "shape"), STATES, ids=[shape for _, shape in STATES])
def test_every_field_counts(other: Callable[[], State], shape: str) -> None:
    assert shapes(ONE, other()) == {shape}
    assert shapes(other(), ONE) == {shape}


def test_what_a_torn_down_session_had_exchanged_is_not_compared() -> None:
    def torn(count: int, *, tripped: bool = True) -> State:
        session = Session(
            "dc1", "default", "10.0.0.2", "dc2", established=False, received=((4, count),), tripped=tripped
        )
        return replace(ONE, sessions=(session,))

    assert list(disagreements(torn(4), torn(5))) == []
    assert {item.shape for item in disagreements(torn(4, tripped=False), torn(4))} == {"sessions: value"}
    assert list(disagreements(torn(4, tripped=False), torn(5, tripped=False))) != []


def test_numbers_agree_within_a_millionth() -> None:
    near = replace(loads(), mbps={item: mbps * (1 + 5e-7) for item, mbps in loads().mbps.items()})
    far = replace(loads(), mbps={item: mbps * (1 + 2e-6) for item, mbps in loads().mbps.items()})
    assert shapes(ONE, replace(ONE, loads=near)) == set()
    assert shapes(ONE, replace(ONE, loads=far)) == {"loads: load"}


def test_many_differences_are_told_by_shape() -> None:
    told = compare({"fast": ONE, "referee": replace(ONE, routes=tables(metric=99))})
    assert len(told) == SHOWN_PER_SHAPE
    assert told[0].summary.endswith("(10 of this shape, 3 shown)")
    assert Counter(item.check for item in told) == {"agree": SHOWN_PER_SHAPE}


def test_a_field_that_an_engine_does_not_answer_for_is_not_compared() -> None:
    part = replace(ONE, loads=replace(loads(), offered=1.0), answers=frozenset({"routes", "sessions"}))
    assert shapes(ONE, part) == set()
    assert shapes(ONE, replace(part, routes=tables(metric=99))) == {"routes: metric"}


def test_tables_with_equal_digests_are_never_fetched() -> None:
    asked: list[str] = []

    def outlined(of: State) -> State:
        def fetch(router: str) -> Any:
            asked.append(router)
            return of.routes[router]

        return replace(of, routes=Outline(Digester().digests(of.routes), fetch))

    other = {**tables(), "dc2": tables(metric=11)["dc2"]}
    found = list(disagreements(outlined(ONE), outlined(replace(ONE, routes=other))))
    assert {item.router for item in found} == {"dc2"}
    assert asked == ["dc2", "dc2"]
