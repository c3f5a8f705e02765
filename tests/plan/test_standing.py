"""What passes through a target and what is its own, worked out on paper."""

from __future__ import annotations

import pytest
from tests.plan import square

from backstay.plan.standing import Bounds, standing
from backstay.plan.targets import Target


def of(*routers: str, links: tuple[str, ...] = ()) -> Target:
    return Target(words=(), routers=routers, links=links)


@pytest.mark.parametrize(
    ("target", "through", "own"),
    [
        (of("b"), 30, 6),
        (of("a"), 0, 66),
        (of("d"), 0, 60),
        (of("b", "c"), 60, 6),
        (of(links=("a-b",)), 36, 0),
        (of(links=("a-b", "c-d")), 66, 0),
    ],
)
def test_through_and_own(target: Target, through: float, own: float) -> None:
    """a to d: 60, half over b; a to b: 6."""
    network = square.network(square.demand("a", "d", 60.0), square.demand("a", "b", 6.0))
    found = standing(network, target)
    assert (found.through, found.own) == (through, own)


def test_without_one_graph_the_engine_tells_where_traffic_ends() -> None:
    """Areas: all 60 from a to d pass b."""
    assert standing(square.two_areas(), of("b")).through == 60
    found = standing(square.two_areas(), of("a"))
    assert (found.through, found.own) == (0, 60)


def test_what_was_as_bad_before_is_no_objection() -> None:
    """60 of 100 without a-b, and 60 of the 50 on c-d: over 100 % at a failure before anything is touched."""
    network = square.network()
    before = standing(network, of("b"))
    bounds = Bounds.of(network, before)
    (moment,) = before.moments
    assert moment.worst == 1.2
    assert bounds.objection(moment) == ""
    lighter = standing(square.network(square.demand("a", "d", 40.0)), of("b"))
    assert Bounds.of(network, lighter).objection(moment).startswith("a link would be at 120.0% when link a-b fails")
