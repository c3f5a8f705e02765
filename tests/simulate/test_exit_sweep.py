"""Failures answered over arrays are what the engine says when it routes everything anew."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import FailureResult
from backstay.read.folder import load
from backstay.simulate import failures
from backstay.simulate.engine import simulate
from backstay.simulate.exit_sweep import ExitSweep
from backstay.simulate.failures import Failure, failures_of

OCTOBER = Path(__file__).resolve().parents[2] / "examples" / "october"

Chooses = Callable[[Sequence[FailureResult]], Sequence[FailureResult]]


@pytest.fixture(scope="module")
def network() -> Network:
    return load(OCTOBER)


def compared(network: Network, overlay: Overlay, chosen: Chooses, monkeypatch: pytest.MonkeyPatch) -> int:
    """Hold the chosen failures against routing anew; how many."""
    answered: list[object] = []
    monkeypatch.setattr(failures._Sweep, "add", lambda _, failure: answered.append(failure))
    state = simulate(network, overlay, True)
    monkeypatch.undo()
    assert state.sweep
    assert not answered, "some failure was not answered over arrays"
    wanted = {(item.kind, item.name): item for item in chosen(state.sweep)}
    anew = routed_anew(network, overlay, wanted.keys(), monkeypatch)
    assert {(item.kind, item.name) for item in anew} == wanted.keys()
    for item in anew:
        quick = wanted[item.kind, item.name]
        assert quick.worst == item.worst, item.name
        assert quick.max_utilisation == pytest.approx(item.max_utilisation, rel=1e-9), item.name
        assert quick.lost_mbps == pytest.approx(item.lost_mbps, abs=1e-5), item.name
        assert quick.unavoidable_mbps == pytest.approx(item.unavoidable_mbps, abs=1e-5), item.name
    return len(anew)


def routed_anew(
    network: Network, overlay: Overlay, wanted: object, monkeypatch: pytest.MonkeyPatch
) -> Sequence[FailureResult]:
    def some(network: Network, overlay: Overlay) -> tuple[Failure, ...]:
        return tuple(item for item in failures_of(network, overlay) if (item.kind, item.name) in wanted)  # type: ignore[operator]

    with monkeypatch.context() as patched:
        patched.setattr(ExitSweep, "build", lambda *_: None)
        patched.setattr(failures._Sweep, "_quick", lambda *_: None)
        patched.setattr(failures, "failures_of", some)
        state = simulate(network, overlay, True)
    assert state.sweep is not None
    return state.sweep


def test_failures_of_the_october_network(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in nine, and those with the highest load."""

    def some(found: Sequence[FailureResult]) -> Sequence[FailureResult]:
        return [*found[::9], *sorted(found, key=lambda item: -item.max_utilisation)[:2]]

    assert compared(network, NOTHING, some, monkeypatch) >= 8


def test_failures_that_cut_the_network_in_two(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DNS sites, data centres and reflectors hanging by one link: what is cut off loses its demand, DNS sites that
    reach no data centre withdraw, what is sent to routers cut off follows the default route out.
    """
    special = {name for site in network.sites.values() if site.role in {"dns", "data-center"} for name in site.routers}
    down: set[str] = set()
    for router in sorted(special):
        own = sorted(name for name, link in network.links.items() if any(end.router == router for end in link.ends))
        left = [name for name in own if name not in down]
        down |= set(left[1:])
    overlay = Overlay(links_down=frozenset(down))

    def losing(found: Sequence[FailureResult]) -> Sequence[FailureResult]:
        return [item for item in found if item.lost_mbps > 0][:12]

    assert compared(network, overlay, losing, monkeypatch) >= 4


def test_a_router_down_and_a_site_withdrawn(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    anycast = min(network.anycasts.values(), key=lambda item: item.name)
    border = min(item.router for neighbor in network.neighbors.values() for item in neighbor.attachments)
    overlay = Overlay(routers_down=frozenset({border}), withdrawn=frozenset({(anycast.name, anycast.origins[0].site)}))
    assert compared(network, overlay, lambda found: found[::12], monkeypatch) >= 4
