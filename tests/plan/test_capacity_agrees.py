"""The assessment of the October example held against the engine and against itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import backstay
from backstay.model.network import Network
from backstay.plan import room
from backstay.plan.capacity import assess, chosen
from backstay.plan.optimum import best_possible
from backstay.plan.picture import heaviest, picture
from backstay.plan.ports import facing, with_ports
from backstay.plan.scan import Question, scan
from backstay.plan.ways import alive, ways
from backstay.read.change import parse_change
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure
from backstay.simulate.sweep_network import NAMED

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["october", "october-drained"])
def network(request: pytest.FixtureRequest) -> Network:
    return backstay.load(ROOT / "examples" / request.param)


def test_single_failures_are_the_engines(network: Network) -> None:
    """Within what moving exits can matter: all demand to them over the narrowest link."""
    drawn = picture(network)
    state = backstay.simulate(network, sweep=True)
    assert state.sweep
    known = {(NAMED[item.kind], item.name): item for item in state.sweep}
    assert len(known) == len(drawn.failures)
    stake = drawn.at_stake(heaviest(drawn)) / drawn.capacities.min()
    assert drawn.model is not None
    for batch in sweep(drawn.model):
        for row in np.flatnonzero(batch.failed[:, 0] >= 0).tolist():
            thing = drawn.failures[batch.failed[row, 0]]
            engine = known[thing.kind, thing.name]
            assert batch.max_utilisation[row] == pytest.approx(engine.max_utilisation, abs=stake + 1e-9)
            assert batch.lost[row] == pytest.approx(engine.lost_mbps, abs=1e-6)


def test_where_exits_could_matter_the_engine_answers(network: Network) -> None:
    """A limit within the stake of a load makes every single failure the engine's own."""
    drawn = picture(network)
    first = assess(network, failures=1)
    narrow = next(item for item in first.links if item.cause)
    assert narrow.worst is not None
    question = Question(
        at_once=1, failures=chosen(drawn.failures, None, ()), limit=narrow.worst, failure_limit=narrow.worst
    )
    (tally,) = scan(drawn, question, lambda _done, _total: None)
    assert tally.exits_routed
    state = backstay.simulate(network, sweep=True)
    assert state.sweep
    for number, thing in enumerate(question.failures):
        engine = next(item for item in state.sweep if (NAMED[item.kind], item.name) == (thing.kind, thing.name))
        assert tally.thing_worst[number] == engine.max_utilisation


def test_shares_of_pairs_add_up_to_the_loads_of_the_sweep(network: Network) -> None:
    drawn = picture(network)
    assert drawn.model is not None
    (batch, *_) = sweep(drawn.model, loads=True)
    up, _routers = alive(drawn.model, drawn.failures, batch.failed)
    shares = ways(drawn.model, up).shares(drawn.model)
    loads = np.einsum("btsl,st->bl", shares, drawn.model.demands)
    assert batch.loads is not None
    assert np.abs(loads - batch.loads).max() < 1e-6


def test_room_is_exact(network: Network) -> None:
    """Sending a pair's room on top puts its bottleneck at the limit, and nothing beyond it."""
    found = assess(network, failures=1)
    drawn = picture(network)
    assert drawn.model is not None
    for pair in (found.rooms[0], found.rooms[len(found.rooms) // 2], found.rooms[-1]):
        demands = drawn.model.demands.copy()
        (start,) = (drawn.node_of(name) for name in network.sites[pair.source].routers)
        end = max(
            number for number, name in enumerate(drawn.routers) if name in network.sites[pair.destination].routers
        )
        demands[start, end] += pair.mbps
        highest = -1.0
        for batch in sweep(replace(drawn.model, demands=demands), loads=True):
            assert batch.loads is not None
            limits = np.where(batch.scenario == 0, found.limit, found.failure_limit)[:, None] * drawn.capacities
            alone = np.array([_survives(drawn.failures, row, start, end) for row in batch.failed])
            highest = max(highest, float((batch.loads / limits)[alone].max()))
        assert highest == pytest.approx(1.0, abs=1e-9)


def test_the_tightest_link_of_a_node_is_the_tightest_of_all(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places of one router are looked at node by node, others link by link."""
    by_node = {(item.source, item.destination): item.mbps for item in assess(network, failures=1).rooms}
    monkeypatch.setattr(room._Tightest, "_tightest_by_node", room._Tightest._tightest_by_link)
    by_link = {(item.source, item.destination): item.mbps for item in assess(network, failures=1).rooms}
    assert len(by_node) > 400
    assert by_link == pytest.approx(by_node, rel=1e-9)


def _survives(failures: tuple[Failure, ...], failed: npt.NDArray[np.int32], start: int, end: int) -> bool:
    dead = {node for index in failed if index >= 0 for node in failures[index].routers}
    return not {start, end} & dead


def test_no_routing_does_better_than_the_optimum(network: Network) -> None:
    """Metrics drawn at random never get below the proven best."""
    drawn = picture(network)
    assert drawn.model is not None
    best = best_possible(drawn.model)
    assert best.utilisation is not None
    generator = np.random.default_rng(7)
    for _ in range(25):
        metrics = generator.integers(1, 100, len(drawn.model.links)).astype(np.uint32)
        (batch,) = sweep(replace(drawn.model, metrics=metrics), failures=0)
        assert batch.max_utilisation[0] >= best.utilisation - 1e-9


def test_large_networks_get_the_same_room_one_by_one(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    together = {(item.source, item.destination): item for item in assess(network, failures=0).rooms}
    monkeypatch.setattr(room, "AFFORDED", 0)
    alone = assess(network, failures=1)
    assert alone.room_note == "without failures"
    assert {(item.source, item.destination) for item in alone.rooms} == set(together)
    for item in alone.rooms:
        same = together[item.source, item.destination]
        assert item.mbps == pytest.approx(same.mbps, rel=1e-9)
        assert item.cause == ()


def test_demand_that_is_cut_off_runs_on_by_a_default_route() -> None:
    """Bratislava drained: without Vienna, Budapest and what lies behind it are an island, and what is sent there goes by the
    default route to a transit. The engine answers then, and so does the assessment.
    """
    network = backstay.load(ROOT / "examples" / "october")
    text = 'change: x\nintent: drain\nsteps: [{on: bts1, config: "router isis CORE\\n set-overload-bit"}]\n'
    after = backstay.resolve(network, parse_change(text, "x")).after
    drawn = with_ports(picture(after))
    question = Question(at_once=1, failures=chosen(drawn.failures, None, ()), limit=0.8, failure_limit=1.0)
    (tally,) = scan(drawn, question, lambda _done, _total: None)
    assert tally.exits_routed
    (vienna,) = [n for n, item in enumerate(question.failures) if (item.kind, item.name) == ("router", "vie1")]
    assert tally.thing_lost[vienna] > 0
    state = backstay.simulate(after, sweep=True)
    (engine,) = [item for item in state.sweep or () if (item.kind, item.name) == ("router", "vie1")]
    assert tally.thing_lost[vienna] == engine.lost_mbps
    assert tally.thing_worst[vienna] == engine.max_utilisation
    assert engine.worst in facing(network), "the port to the transit is what fills"


def test_ports_send_what_the_engine_says(network: Network) -> None:
    found = {item.interface: item for item in assess(network, failures=0).links}
    state = backstay.simulate(network)
    ports = facing(network)
    assert len(ports) > 10
    for ref, towards in ports.items():
        assert found[ref].mbps == pytest.approx(state.loads.mbps.get(ref, 0.0), abs=1e-6)
        assert found[ref].towards == towards
        assert found[ref].link == str(ref)
