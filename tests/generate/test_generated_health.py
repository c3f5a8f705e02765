"""Healthy under any single failure, as an engine that shares nothing with the generator computes it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from backstay.generate.folder import generate
from backstay.model.network import Network, Overlay
from backstay.model.state import State
from backstay.read.folder import load
from backstay.simulate.engine import sessions, simulate
from backstay.simulate.failures import failures_of

WHOLE = [
    ("sndlib/geant", "isis"),
    ("sndlib/geant", "ospf"),
    ("sndlib/nobel-germany", "ospf"),
    ("topozoo/Abilene", "isis"),
]
"""Topologies that no single link or router cuts in two."""


@functools.cache
def swept(key: str, igp: str) -> tuple[Network, State]:
    with tempfile.TemporaryDirectory() as scratch:
        generate(key, Path(scratch) / "net", igp=igp)
        network = load(Path(scratch) / "net")
    return network, simulate(network, Overlay(), True)


@pytest.mark.parametrize(("key", "igp"), WHOLE)
def test_no_single_failure_overloads_a_link_or_loses_anybody_else_s_traffic(key: str, igp: str) -> None:
    network, state = swept(key, igp)
    assert state.unknowns == ()
    assert state.loads.lost == ()
    assert state.loads.max_utilisation <= network.limits.utilisation
    assert state.sweep is not None
    assert {item.kind for item in state.sweep} >= {"link", "router"}
    assert len(state.sweep) >= len(network.links) + len(network.routers)
    for item in state.sweep:
        assert item.max_utilisation <= network.limits.failure_utilisation, item
        assert item.lost_mbps == 0, item


@pytest.mark.parametrize(("key", "igp"), WHOLE)
def test_every_interface_that_sends_has_a_capacity(key: str, igp: str) -> None:
    _, state = swept(key, igp)
    outside = [ref for ref in state.loads.mbps if ref not in state.loads.utilisation]
    assert outside == []
    assert len(state.loads.mbps) > 20


def test_only_what_a_bridge_cuts_off_is_lost() -> None:
    """SNDlib's abilene has one dead end, ATLAM5 behind ATLng: no capacity helps against losing its only fibre."""
    network, state = swept("sndlib/abilene", "isis")
    graph: Any = nx.Graph()
    graph.add_edges_from(tuple(end.router for end in link.ends) for link in network.links.values())
    ((a, b),) = nx.bridges(graph)
    bridge = next(name for name, link in network.links.items() if {end.router for end in link.ends} == {a, b})
    losing = {(item.kind, item.name) for item in state.sweep or () if item.lost_mbps}
    assert losing == {("link", bridge), *(("router", name) for name in nx.articulation_points(graph))}


@pytest.mark.parametrize("igp", ["isis", "ospf"])
def test_a_failure_in_the_sweep_is_what_it_is_alone(igp: str) -> None:
    """Anycast sites that withdraw included: with 2 data centres of which both are needed, losing either ends the DNS."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "net"
        generate("gabriel/10/1", folder, igp=igp)
        told = folder / "backstay.yaml"
        told.write_text(told.read_text().replace("need: 1}", "need: 2}"))
        network = load(folder)
    swept_at_once = simulate(network, Overlay(), True).sweep or ()
    assert any(item.lost_mbps for item in swept_at_once if item.kind == "router")
    for failure, item in zip(failures_of(network, Overlay()), swept_at_once, strict=True):
        alone = simulate(network, failure.overlay)
        assert item.lost_mbps + item.unavoidable_mbps == pytest.approx(alone.loads.lost_mbps), failure.name


def test_sessions_alone_are_those_of_the_whole_answer() -> None:
    network, state = swept("topozoo/Abilene", "isis")
    assert sessions(network) == (state.sessions, ())
    assert all(session.established for session in state.sessions)
