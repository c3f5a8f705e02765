"""A change that gives one router the identity of another. What real routers do then is no routing anybody can compute."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli import small

import backstay
from backstay.model.finding import Severity, Verdict

CHANGE = """\
change: {title}
intent: configure
scope: {{routers: [r1], links: ["r1:eth2--r2:eth1", "r1:eth3--r3:eth1"], prefixes: [0.0.0.0/0]}}
steps:
  - on: r1
    config: |
{lines}
rollback:
  - on: r1
    config: |
{back}
"""


def _audit(folder: Path, lines: str, back: str) -> Verdict:
    indented = ["\n".join(f"      {line}" for line in text.splitlines()) for text in (lines, back)]
    path = folder / "changes" / "identity.yaml"
    path.write_text(CHANGE.format(title="identity", lines=indented[0], back=indented[1]), encoding="utf-8")
    return backstay.audit(backstay.load(folder), backstay.read_change(path))


def _said(verdict: Verdict, check: str, severity: Severity) -> str:
    return "\n".join(f.summary for f in verdict.findings if f.check == check and f.severity is severity)


@pytest.fixture
def ospf(tmp_path: Path) -> Path:
    return small.write(tmp_path / "net")


@pytest.fixture
def isis(ospf: Path) -> Path:
    """The same triangle with IS-IS in OSPF's place."""
    for number in (1, 2, 3):
        config = ospf / "configs" / f"r{number}.conf"
        text = config.read_text(encoding="utf-8").split("router ospf")[0]
        text = text.replace(" ip ospf area 0", " ip router isis X").replace(" ip ospf network point-to-point\n", "")
        lines = [line.replace("ip ospf cost", "isis metric") for line in text.splitlines()]
        lines += ["router isis X", " is-type level-2-only", f" net 49.0001.0000.0000.000{number}.00", ""]
        config.write_text("\n".join(lines), encoding="utf-8")
    return ospf


def test_an_address_that_others_end_at_is_denied(ospf: Path) -> None:
    """r3's loopback on r1 as well: r2's packets for r3 end at whichever is nearer."""
    lines = "interface lo\n ip address 10.0.0.3/32"
    verdict = _audit(ospf, lines, lines.replace(" ip", " no ip"))
    assert "10.0.0.3 of r3 is now on r1 too" in _said(verdict, "reach", Severity.DENY)


def test_an_ospf_router_id_twice_is_unknown(ospf: Path) -> None:
    """RFC 2328 13.4: each router flushes the other's LSAs."""
    verdict = _audit(ospf, "router ospf\n ospf router-id 10.0.0.3", "router ospf\n ospf router-id 10.0.0.1")
    assert verdict.decision.value != "allow"
    assert "router id 10.0.0.3 is on r1, r3" in _said(verdict, "unread", Severity.UNKNOWN)


def test_an_isis_system_id_twice_is_unknown(isis: Path) -> None:
    """ISO 10589 7.3.16.1: each router renumbers the other's LSPs without end."""
    nets = ["net 49.0001.0000.0000.0001.00", "net 49.0001.0000.0000.0003.00"]
    verdict = _audit(isis, f"router isis X\n no {nets[0]}\n {nets[1]}", f"router isis X\n no {nets[1]}\n {nets[0]}")
    assert verdict.decision.value != "allow"
    assert "system id 0000.0000.0003 is on r1, r3" in _said(verdict, "unread", Severity.UNKNOWN)
