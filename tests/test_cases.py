"""Every folder of ``tests/cases`` is an audit with its expected answer, written before ours was seen.

A case holds ``expected.yaml`` (verdict; checks that must refuse; checks that must not), ``change.yaml``, and its network:
``network/`` or the path of an example in ``expected.yaml``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import backstay
from backstay.model.finding import Severity

CASES = Path(__file__).parent / "cases"
ROOT = Path(__file__).resolve().parent.parent
REFUSING = {Severity.DENY, Severity.UNKNOWN}


def _cases() -> list[Path]:
    return sorted(path.parent for path in CASES.glob("*/expected.yaml"))


@pytest.mark.parametrize("case", _cases(), ids=lambda path: path.name)
def test_case(case: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
    folder = ROOT / expected["network"] if "network" in expected else case / "network"
    change = ROOT / expected["change"] if "change" in expected else case / "change.yaml"
    verdict = backstay.audit(backstay.load(folder), backstay.read_change(change))
    refusing = {finding.check for finding in verdict.findings if finding.severity in REFUSING}
    evidence = "\n".join(f"{item.severity.value} {item.check}: {item.summary}" for item in verdict.findings)
    assert verdict.decision.value == expected["verdict"], evidence
    assert set(expected.get("refused_by", ())) <= refusing, evidence
    assert not set(expected.get("not_refused_by", ())) & refusing, evidence
