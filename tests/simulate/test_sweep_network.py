"""A sweep over a network against the fast engine, which routes every failure by itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from backstay.model.errors import Unproven
from backstay.model.network import Network
from backstay.model.routing import OverloadBit
from backstay.read.folder import load
from backstay.simulate.engine import simulate
from backstay.simulate.failures import sweep
from backstay.simulate.sweep_network import network_model

OCTOBER = Path(__file__).parents[2] / "examples" / "october"


@cache
def october() -> Network:
    return load(OCTOBER)


@cache
def between_sites() -> Network:
    """Without demands that leave by one of several exits, which BGP may move under a failure and a sweep does not."""
    network = october()
    kept = tuple(item for item in network.demands if item.destination in network.sites)
    assert len(kept) > 300
    return replace(network, demands=kept)


def test_loads_are_those_of_the_engine() -> None:
    state = simulate(october())
    (batch,) = sweep(october(), failures=0, loads=True)
    model = network_model(october())
    assert batch.loads is not None
    engine = [next((mbps for ref, mbps in state.loads.mbps.items() if str(ref) == link), 0.0) for link in model.links]
    np.testing.assert_allclose(batch.loads[0], engine, rtol=1e-12, atol=1e-9)
    assert batch.max_utilisation[0] == pytest.approx(state.loads.max_utilisation, rel=1e-12)


def test_every_single_failure_is_that_of_the_engine() -> None:
    wanted = {
        ("srlg" if item.kind == "risk-group" else item.kind, item.name): item
        for item in simulate(between_sites(), sweep=True).sweep or ()
    }
    run = sweep(between_sites())
    compared = 0
    for batch in run:
        for row, (number, _) in enumerate(batch.failed.tolist()):
            if number < 0:
                continue
            item = wanted[run.failures[number].kind, run.failures[number].name]
            assert batch.max_utilisation[row] == pytest.approx(item.max_utilisation, rel=1e-9), item
            assert batch.lost[row] == pytest.approx(item.lost_mbps, abs=1e-6), item
            assert batch.apart[row] == pytest.approx(item.unavoidable_mbps, abs=1e-6), item
            compared += 1
    assert compared == len(wanted) > 60


def test_demand_without_a_version_in_common_has_no_model() -> None:
    network = october()
    first = replace(network.demands[0], destination="2001:db8:1001::/64", source="nobody")
    with pytest.raises(Unproven, match="no IP version in common"):
        network_model(replace(network, demands=(*network.demands, first)))


def test_nothing_passes_through_an_overloaded_router() -> None:
    """ISO 10589 7.2.8.1: a router with the overload bit is reached and sends, and nobody's path leads through it."""
    network = between_sites()
    victim = next(name for name in sorted(network.routers) if len(_links_of(network, name)) > 2)
    router = network.routers[victim]
    closed = replace(router, isis=tuple(replace(process, overload=OverloadBit()) for process in router.isis))
    drained = replace(network, routers={**network.routers, victim: closed})
    (batch,) = sweep(drained, failures=0, loads=True)
    model = network_model(drained)
    assert batch.loads is not None
    (site,) = (name for name, found in network.sites.items() if found.routers == (victim,))
    demands = [item for item in drained.demands if item.source != item.destination]
    ends = {str(end) for name in _links_of(network, victim) for end in network.links[name].ends}
    entering = [n for n, link in enumerate(model.links) if link in ends and not link.startswith(f"{victim}:")]
    leaving = [n for n, link in enumerate(model.links) if link.startswith(f"{victim}:")]
    assert batch.loads[0][entering].sum() == pytest.approx(
        sum(item.mbps for item in demands if item.destination == site)
    )
    assert batch.loads[0][leaving].sum() == pytest.approx(sum(item.mbps for item in demands if item.source == site))


def _links_of(network: Network, router: str) -> list[str]:
    return [name for name, link in network.links.items() if router in {end.router for end in link.ends}]
