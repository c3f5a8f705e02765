"""One verdict in every form: the contract's keys, and nothing lost on the way."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from backstay.model.finding import Decision, Effect, Finding, Severity, Verdict, Where
from backstay.model.state import Event, PathResult
from backstay.report.document import verdict_document
from backstay.report.findings import junit, markdown, sarif
from backstay.report.screen import verdict_screen


@pytest.fixture
def verdict() -> Verdict:
    return Verdict(
        decision=Decision.DENY,
        title="Assess [capacity] | now",
        network="october",
        findings=(
            Finding(
                check="scope",
                severity=Severity.DENY,
                summary="22 routers selected, 1 declared | really",
                where=(Where("fra1", "changes/a.yaml", 7), Where("par1")),
                before="1",
                after="22",
                stage="step 1",
            ),
            Finding(check="limits", severity=Severity.UNKNOWN, summary="odd \x07 bell"),
            Finding(check="load", severity=Severity.WARNING, summary="warm"),
        ),
        engines={"fast": Decision.DENY},
        effect=Effect(routers=("fra1",), lost_mbps=12.5, max_utilisation_before=0.4, max_utilisation_after=0.9),
        cascade=(Event(round=1, kind="site-withdrawn", subject="dns/lon", text="lon withdraws"),),
        access={"fra1": (PathResult(path="noc", kind="in-band", works=False, broken=("no route",)),)},
        worst_stage="step 1",
    )


def test_the_json_document_keeps_its_contract(verdict: Verdict) -> None:
    document = json.loads(json.dumps(verdict_document(verdict)))
    assert document["schema"] == "backstay.verdict/1"
    assert document["verdict"] == "deny"
    assert document["engines"] == {"fast": "deny"}
    assert {"check", "severity", "summary", "where", "before", "after"} <= document["findings"][0].keys()
    assert document["findings"][0]["where"][0] == {"router": "fra1", "file": "changes/a.yaml", "line": 7}
    assert document["effect"]["advertisements"] == {"added": [], "withdrawn": []}
    assert document["effect"]["max_utilisation"] == {"before": 0.4, "after": 0.9, "after_worst_failure": None}
    assert document["cascade"][0]["text"] == "lon withdraws"
    assert document["access"]["fra1"][0]["works"] is False


def test_sarif_has_every_finding_with_its_place(verdict: Verdict) -> None:
    run = sarif(verdict, "1")["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["scope", "limits", "load"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "changes/a.yaml"}, "region": {"startLine": 7}}


def test_junit_counts_denials_as_failures_and_unknowns_as_errors(verdict: Verdict) -> None:
    suite = ET.fromstring(junit(verdict, ("scope", "intent", "limits", "load")))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    assert [case.get("name") for case in suite if len(case)] == ["scope", "limits"]


def test_markdown_cannot_be_broken_by_its_content(verdict: Verdict) -> None:
    text = markdown(verdict)
    assert "DENY" in text
    assert "declared \\| really" in text
    assert "lon withdraws" in text


def test_the_screen_shows_the_decision_first_and_brackets_as_they_are(verdict: Verdict) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(verdict_screen(verdict))
    shown = out.getvalue()
    assert shown.index("DENY") < shown.index("22 routers")
    assert "Assess [capacity]" in shown
    assert "noc (in-band)" in shown
