"""Every folder of ``tests/cases`` is an audit with its expected answer, written before ours was seen.

A case holds ``expected.yaml`` (verdict; checks that must refuse; checks that must not; words that refusals of a check must
hold), ``change.yaml``, and its network: ``network/``, or the path in ``expected.yaml`` of an example or of one of the
networks that several cases share.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import backstay
from backstay.model.finding import Severity, Verdict

CASES = Path(__file__).parent / "cases"
ROOT = Path(__file__).resolve().parent.parent
REFUSING = {Severity.DENY, Severity.UNKNOWN}
KEYS = {"network", "change", "verdict", "refused_by", "not_refused_by", "says"}


def _cases() -> list[Path]:
    return sorted(path.parent for path in CASES.glob("*/expected.yaml"))


@pytest.mark.parametrize("case", _cases(), ids=lambda path: path.name)
def test_case(case: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
    assert set(expected) <= KEYS
    folder = ROOT / expected["network"] if "network" in expected else case / "network"
    change = ROOT / expected["change"] if "change" in expected else case / "change.yaml"
    verdict = backstay.audit(backstay.load(folder), backstay.read_change(change))
    refusing = {finding.check for finding in verdict.findings if finding.severity in REFUSING}
    evidence = "\n".join(f"{item.severity.value} {item.check}: {item.summary}" for item in verdict.findings)
    assert verdict.decision.value == expected["verdict"], evidence
    assert set(expected.get("refused_by", ())) <= refusing, evidence
    assert not set(expected.get("not_refused_by", ())) & refusing, evidence
    for check, texts in expected.get("says", {}).items():
        assert all(text in _refusals(verdict, check) for text in texts), evidence


def _refusals(verdict: Verdict, check: str) -> str:
    found = (item for item in verdict.findings if item.check == check and item.severity in REFUSING)
    return "\n".join(item.summary for item in found)


@pytest.mark.parametrize("network", sorted(CASES.glob("networks/*")), ids=lambda path: path.name)
def test_shared_networks_are_read_whole(network: Path) -> None:
    found = backstay.load(network)
    assert [line for router in found.routers.values() for line in router.unread] == []
    assert [remark for router in found.routers.values() for remark in router.remarks] == []
    assert not found.remarks
