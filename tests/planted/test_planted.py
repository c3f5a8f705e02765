"""One bug at a time, in every part of the audit: no harmful change is ever allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.planted import mini
from tests.planted.bugs import BUGS, Bug, Mark

from backstay.api import load, resolve
from backstay.audit import gate
from backstay.model.change import Plan
from backstay.model.finding import Decision, Severity, Verdict
from backstay.model.network import Network
from backstay.model.service import Budget
from backstay.read.change import read_change
from backstay.referee import engine as referee
from backstay.simulate import engine as fast

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = ("fast", "referee")
BUDGET = Budget(seconds=120, megabytes=4096)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "mini"
    mini.write(path)
    return path


@pytest.fixture(scope="session")
def network(folder: Path) -> Network:
    return load(folder)


def judge(plan: Plan) -> Verdict:
    """As `backstay.audit` does it: each engine in a process of its own."""
    engines = {"fast": fast.simulate, "referee": referee.simulate}
    return gate.audit(plan, engines, REQUIRED, budget=BUDGET)


def evidence(verdict: Verdict) -> str:
    return "\n".join(f"{item.severity.value} {item.check} {item.engines}: {item.summary}" for item in verdict.findings)


@pytest.fixture
def mark() -> Mark:
    return Mark()


def test_without_a_bug_the_harmless_change_is_allowed(folder: Path, network: Network) -> None:
    """Else everything below proved nothing."""
    verdict = judge(resolve(network, read_change(folder / "changes" / "harmless.yaml")))
    assert verdict.decision is Decision.ALLOW, evidence(verdict)
    assert verdict.engines == dict.fromkeys(REQUIRED, Decision.ALLOW)


@pytest.mark.parametrize("name", mini.HARMFUL)
def test_without_a_bug_every_harmful_change_is_denied(folder: Path, network: Network, name: str) -> None:
    verdict = judge(resolve(network, read_change(folder / "changes" / f"{name}.yaml")))
    assert verdict.decision is Decision.DENY, evidence(verdict)
    assert verdict.engines == dict.fromkeys(REQUIRED, Decision.DENY)
    assert "agree" not in {item.check for item in verdict.findings}, evidence(verdict)


def refused(bug: Bug, name: str, folder: Path, network: Network) -> None:
    verdict = judge(resolve(network, read_change(folder / "changes" / f"{name}.yaml")))
    assert verdict.decision is not Decision.ALLOW, f"{name} with {bug}\n{evidence(verdict)}"
    hidden = bug.name == "what refuses is not shown"
    assert hidden or any(item.severity in {Severity.DENY, Severity.UNKNOWN} for item in verdict.findings)


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_no_bug_makes_the_fatal_change_allowed(
    bug: Bug, folder: Path, network: Network, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch, mark)
    for name in bug.only or (bug.shows_in,):
        refused(bug, name, folder, network)
    assert mark, "the planted code was never reached: the test proves nothing"


@pytest.mark.slow
@pytest.mark.parametrize("bug", [bug for bug in BUGS if not bug.only], ids=str)
def test_no_bug_makes_another_harmful_change_allowed(
    bug: Bug, folder: Path, network: Network, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch, mark)
    for name in mini.HARMFUL:
        if name != bug.shows_in:
            refused(bug, name, folder, network)


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 20
    assert {bug.where for bug in BUGS} == {"fast", "referee", "check", "compare", "gate", "read"}
    assert len({str(bug) for bug in BUGS}) == len(BUGS)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [bug for bug in BUGS if not bug.only], ids=str)
def test_no_bug_lets_the_command_of_4_october_2021_through(
    bug: Bug, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    october = ROOT / "examples" / "october"
    bug.plant(monkeypatch, mark)
    plan = resolve(load(october), read_change(october / "changes" / "assess-capacity.yaml"))
    verdict = judge(plan)
    assert verdict.decision is not Decision.ALLOW, f"{bug}\n{evidence(verdict)}"
