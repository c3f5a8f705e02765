"""Every router of the October example that a drain is offered for: the audit allows the file as it is read from the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

import backstay
from backstay.api import drain, undrain
from backstay.model.finding import Decision
from backstay.model.network import Network

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QUICK = ("gen1", "bru1", "poz1")
"""Transit routers whose loss leaves every other router two ways."""


@pytest.fixture(scope="module")
def network() -> Network:
    return backstay.load(EXAMPLES / "october")


@pytest.fixture(scope="module")
def drained() -> Network:
    return backstay.load(EXAMPLES / "october-drained")


@pytest.mark.parametrize("router", QUICK)
def test_what_is_offered_is_allowed(network: Network, router: str, tmp_path: Path) -> None:
    found = drain(network, [router])
    assert found.refusal == ()
    assert found.mechanism == "overload"
    assert found.steps[0].move.router == router
    _allowed(network, found.text, tmp_path)


@pytest.mark.slow
def test_every_router_is_allowed_or_refused_with_a_reason(network: Network, tmp_path: Path) -> None:
    offered = []
    for router in network.routers:
        found = drain(network, [router])
        assert bool(found.refusal) != bool(found.text)
        if found.text:
            offered.append(router)
            _allowed(network, found.text, tmp_path)
    assert set(QUICK) <= set(offered)


def _allowed(network: Network, text: str, folder: Path) -> None:
    change = folder / "change.yaml"
    change.write_text(text, encoding="utf-8")
    verdict = backstay.audit(network, backstay.read_change(change))
    assert verdict.decision is Decision.ALLOW, verdict.findings


@pytest.mark.parametrize("router", ["mil1", "fra1", "vie1"])
def test_a_second_one_beside_geneva_is_refused(drained: Network, router: str) -> None:
    (reason,) = drain(drained, [router]).refusal
    assert reason.startswith("gen1 of failure domain region-fra is out of service already")


def test_geneva_itself_is_out(drained: Network) -> None:
    assert drain(drained, ["gen1"]).refusal == ("gen1 is out of service already: nothing to drain",)


def test_all_of_them_are_refused(network: Network) -> None:
    (reason,) = drain(network, tuple(network.routers)).refusal
    assert "that is every router of the network (22)" in reason


def test_geneva_comes_back(drained: Network, tmp_path: Path) -> None:
    found = undrain(drained)
    assert found.refusal == ()
    assert [step.move.router for step in found.steps] == ["gen1"]
    _allowed(drained, found.text, tmp_path)
