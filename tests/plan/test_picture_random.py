"""The picture's sweep against the engine, failure by failure, on random networks: ties, parallel links, overload bits, cuts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.plan import square
from tests.simulate.interiors import Lab

import backstay
from backstay.model.demand import Demand
from backstay.model.network import Network
from backstay.plan.capacity import chosen
from backstay.plan.picture import picture
from backstay.plan.scan import Question, scan
from backstay.simulate.sweep_network import NAMED


def random_network(seed: int) -> Network:
    """Up to eight routers in IS-IS, metrics of 1 to 3 (to one neighbour the same: else FRR may use either link), some links doubled,
    some routers overloaded, some groups.
    """
    draw = random.Random(seed)
    names = "abcdefgh"[: draw.randint(4, 8)]
    made = Lab(" ".join(names))
    for number, name in enumerate(names[1:], start=1):
        _join(made, names[draw.randrange(number)], name, draw)
    for _ in range(draw.randint(0, 6)):
        one, other = draw.sample(names, 2)
        _join(made, one, other, draw)
    for name in names:
        made.isis(name)
        if draw.random() < 0.2:
            square.overloaded(made, name)
    metrics: dict[tuple[str, str], int] = {}
    for name, link in made.links.items():
        for end, other_end in (link.ends, reversed(link.ends)):
            metric = metrics.setdefault((end.router, other_end.router), draw.randint(1, 3))
            made.circuit(f"{end.router}:{end.interface}", metric=metric, point_to_point=True)
        made.links[name] = replace(
            link,
            capacity=float(draw.randint(5, 50)),
            risk_groups=frozenset(draw.sample(["x", "y", "z"], draw.randint(0, 1))),
        )
    demands = tuple(
        Demand(source=one, destination=other, mbps=float(draw.randint(0, 20)))
        for one in names
        for other in names
        if one != other and draw.random() < 0.7
    )
    return replace(made.network(), demands=demands)


def _join(made: Lab, one: str, other: str, draw: random.Random) -> None:
    """One link, or two beside each other."""
    for _ in range(draw.choice((1, 1, 1, 2))):
        number = len(made.links) + 1
        for router, host in ((one, 0), (other, 1)):
            made.port(router, f"to-{number}", f"10.0.{number}.{host}/31", f"2001:db8:{number}::{host}/127")
        made.join(f"link-{number}", f"{one}:to-{number}", f"{other}:to-{number}")


@pytest.mark.parametrize("seed", range(40))
def test_every_single_failure_is_the_engines(seed: int) -> None:
    network = random_network(seed)
    drawn = picture(network)
    assert drawn.model is not None, drawn.reason
    question = Question(at_once=1, failures=chosen(drawn.failures, None, ()), limit=1.0, failure_limit=1.0)
    (tally,) = scan(drawn, question, lambda _done, _total: None)
    state = backstay.simulate(network, sweep=True)
    assert state.sweep is not None
    for ref, mbps in zip(drawn.interfaces, tally.base.tolist(), strict=True):
        assert mbps == pytest.approx(state.loads.mbps.get(ref, 0.0), abs=1e-9)
    assert tally.hour.lost == pytest.approx(state.loads.lost_mbps, abs=1e-9)
    engine = {(NAMED[item.kind], item.name): item for item in state.sweep}
    for number, thing in enumerate(question.failures):
        found = engine[thing.kind, thing.name]
        assert tally.thing_worst[number] == pytest.approx(found.max_utilisation, abs=1e-9), thing
        assert tally.thing_lost[number] == pytest.approx(found.lost_mbps, abs=1e-6), thing
