"""Networks on which the engines once differed, or one was wrong, with what real routers showed.

Each folder of ``found/`` is a network folder with ``expected.yaml``: why, the overlay, and routes as FRR 8.4.4 had them (AS paths as
``paths``, their ``communities``, BGP's next hops as ``next_hops``, the routers that packets go to next as ``neighbors``, what outside speakers heard as
``advertised``, which sessions are up as ``sessions``, how many prefixes they let in as ``accepted``); or ``unknown``, words of the reason for which each engine says that it cannot tell. ``sweep: false``: single failures left out,
since after some of them it cannot be told; with ``unknown`` ``sweep: true``: it is told but after some failure, ``by``: the engines that
say so, where one has an answer that real routers may give too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from backstay.audit.agree import disagreements
from backstay.audit.outline import hops_text
from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.finding import Engine
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.state import State
from backstay.read.folder import load
from backstay.referee.engine import simulate as referee
from backstay.simulate.engine import simulate as fast

EVERY = sorted(path.parent for path in (Path(__file__).parent / "found").glob("*/expected.yaml"))
UNTOLD = [path for path in EVERY if "unknown:" in (path / "expected.yaml").read_text(encoding="utf-8")]
FOUND = [path for path in EVERY if path not in UNTOLD]
ENGINES: dict[str, Engine] = {"fast": fast, "referee": referee}


def case(folder: Path) -> tuple[Network, Overlay, dict[str, Any]]:
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
    down = expected.get("overlay", {})
    ends = (InterfaceRef(*text.split(":", 1)) for text in down.get("interfaces_down", ()))
    overlay = Overlay(
        routers_down=frozenset(down.get("routers_down", ())),
        links_down=frozenset(down.get("links_down", ())),
        interfaces_down=frozenset(ends),
    )
    return load(folder), overlay, expected


def shown(state: State, router: str, prefix: str) -> str:
    route = state.routes[router]["default"].get(Prefix.parse(prefix))
    if route is None:
        return "nothing"
    return f"{route.protocol} [{route.distance}/{route.metric}] via {hops_text(route.next_hops)}"


def as_path(state: State, router: str, prefix: str) -> str:
    route = state.routes[router]["default"].get(Prefix.parse(prefix))
    return route.attributes.as_path if route and route.attributes else ""


def neighbors(state: State, router: str, prefix: str) -> list[str]:
    """The routers that packets go to next."""
    hops = state.routes[router]["default"][Prefix.parse(prefix)].next_hops
    return sorted(hop.neighbor.router for hop in hops if hop.neighbor)


def next_hop(state: State, router: str, prefix: str) -> str:
    """That of the BGP route, as the router shows it."""
    route = state.routes[router]["default"].get(Prefix.parse(prefix))
    return str(route.attributes.next_hop) if route and route.attributes else ""


def communities(state: State, router: str, prefix: str) -> list[str]:
    attributes = state.routes[router]["default"][Prefix.parse(prefix)].attributes
    return list(attributes.communities) if attributes else []


def established(state: State, router: str) -> dict[str, bool]:
    return {session.peer: session.established for session in state.sessions if session.router == router}


def accepted(state: State, router: str, peer: str) -> dict[int, int]:
    """How many prefixes of each IP version a session's inbound policy lets through."""
    return next(
        dict(session.accepted) for session in state.sessions if (session.router, session.peer) == (router, peer)
    )


def advertised(state: State, neighbor: str) -> dict[str, str]:
    """AS path, MED and communities of all that an outside speaker hears, by prefix."""
    return {
        str(told.prefix): " ".join([told.as_path, "med", "-" if told.med < 0 else str(told.med), *told.communities])
        for told in state.advertisements
        if told.neighbor == neighbor
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("folder", FOUND, ids=lambda path: path.name)
def test_each_engine_has_the_routes_of_real_routers(folder: Path, engine: str) -> None:
    network, overlay, expected = case(folder)
    assert all(not router.unread for router in network.routers.values())
    state = ENGINES[engine](network, overlay, False)
    wanted = expected.get("routes", {})
    found = {router: {prefix: shown(state, router, prefix) for prefix in routes} for router, routes in wanted.items()}
    assert found == wanted, expected["why"]
    for router, paths in expected.get("paths", {}).items():
        assert {prefix: as_path(state, router, prefix) for prefix in paths} == paths, expected["why"]
    for router, hops in expected.get("next_hops", {}).items():
        assert {prefix: next_hop(state, router, prefix) for prefix in hops} == hops, expected["why"]
    for router, marked in expected.get("communities", {}).items():
        assert {prefix: communities(state, router, prefix) for prefix in marked} == marked, expected["why"]
    for router, sessions in expected.get("sessions", {}).items():
        assert established(state, router) == sessions, expected["why"]
    for router, counts in expected.get("accepted", {}).items():
        assert {peer: accepted(state, router, peer) for peer in counts} == counts, expected["why"]
    for router, ways in expected.get("neighbors", {}).items():
        assert {prefix: neighbors(state, router, prefix) for prefix in ways} == ways, expected["why"]
    for outside, told in expected.get("advertised", {}).items():
        assert advertised(state, outside) == told, expected["why"]


@pytest.mark.parametrize("folder", FOUND, ids=lambda path: path.name)
def test_the_engines_agree_on_all_of_it(folder: Path) -> None:
    network, overlay, expected = case(folder)
    sweep = expected.get("sweep", True)
    assert list(disagreements(fast(network, overlay, sweep), referee(network, overlay, sweep))) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("folder", UNTOLD, ids=lambda path: path.name)
def test_each_engine_says_what_it_cannot_tell(folder: Path, engine: str) -> None:
    network, overlay, expected = case(folder)
    if engine not in expected.get("by", ENGINES):
        return
    sweep = expected.get("sweep", False)
    assert expected["unknown"] in reason(ENGINES[engine], network, overlay, sweep=sweep), expected["why"]
    assert not sweep or not reason(ENGINES[engine], network, overlay, sweep=False)


def reason(engine: Engine, network: Network, overlay: Overlay, *, sweep: bool) -> str:
    """Why the engine has no answer; "" if it has one."""
    try:
        return "; ".join(remark.text for remark in engine(network, overlay, sweep).unknowns)
    except Unproven as untold:
        return str(untold)


def test_there_are_some() -> None:
    assert len(FOUND) >= 5
    asked = {"routes", "paths", "next_hops", "sessions", "accepted", "neighbors", "advertised"}
    assert all(asked & set(yaml.safe_load((path / "expected.yaml").read_text(encoding="utf-8"))) for path in FOUND)
    assert UNTOLD
