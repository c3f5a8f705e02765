"""Findings in the forms that code hosts and CI systems read: Markdown, SARIF 2.1.0, JUnit XML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree  # noqa: ICN001 - the name the field reads

from backstay.model.finding import Decision, Finding, Severity, Verdict

_SARIF_LEVEL = {
    Severity.DENY: "error",
    Severity.UNKNOWN: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}
_MARK = {Decision.ALLOW: "✅", Decision.DENY: "⛔", Decision.UNKNOWN: "❓"}


def markdown(verdict: Verdict) -> str:
    """A comment for a merge request: verdict, findings, effect, cascade."""
    lines = [f"## {_MARK[verdict.decision]} Backstay: {verdict.decision.value.upper()}", "", f"**{verdict.title}**", ""]
    if verdict.findings:
        lines += ["| | check | finding | where |", "|---|---|---|---|"]
        lines += [_markdown_row(finding) for finding in verdict.findings]
    else:
        lines.append("Every check of every required engine ran to its end; none objects.")
    lines += ["", _markdown_effect(verdict)]
    if verdict.cascade:
        lines += ["", "### What follows", ""]
        lines += [f"{event.round}. {event.text}" for event in verdict.cascade]
    return "\n".join(lines) + "\n"


def _markdown_row(finding: Finding) -> str:
    places = ", ".join(f"`{item.file}:{item.line}`" for item in finding.where[:3] if item.file)
    cells = (finding.severity.value, finding.check, finding.summary, places)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _markdown_effect(verdict: Verdict) -> str:
    effect = verdict.effect
    worst = effect.max_utilisation_worst_failure
    failure = "not computed" if worst is None else f"{worst:.0%}"
    return (
        f"{len(effect.routers)} routers and {len(effect.links)} links touched; "
        f"{len(effect.advertisements_added)} advertisements added, "
        f"{len(effect.advertisements_withdrawn)} withdrawn; {effect.lost_mbps:,.0f} Mbit/s lost; "
        f"highest utilisation {effect.max_utilisation_before:.0%} → {effect.max_utilisation_after:.0%}, "
        f"at the worst single failure {failure}."
    )


def sarif(verdict: Verdict, version: str) -> dict[str, Any]:
    """SARIF 2.1.0 (OASIS), one run, one rule a check; places without a file point at the change."""
    checks = sorted({finding.check for finding in verdict.findings})
    driver = {
        "name": "backstay",
        "version": version,
        "rules": [
            {"id": check, "name": check, "shortDescription": {"text": f"backstay check {check}"}} for check in checks
        ],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_sarif_result(finding) for finding in verdict.findings],
                "properties": {"verdict": verdict.decision.value},
            }
        ],
    }


def _sarif_result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.check,
        "level": _SARIF_LEVEL[finding.severity],
        "message": {"text": _long_text(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": item.file},
                    "region": {"startLine": max(item.line, 1)},
                }
            }
            for item in finding.where
            if item.file
        ],
    }


def _long_text(finding: Finding) -> str:
    change = f" ({finding.before} → {finding.after})" if finding.before or finding.after else ""
    return f"{finding.summary}{change}"


def junit(verdict: Verdict, checks: tuple[str, ...]) -> str:
    """One test case a check, so that a CI page shows which ones refuse. UNKNOWN is an error, DENY a failure."""
    suite = ElementTree.Element("testsuite", name=f"backstay: {verdict.title}")
    names = list(dict.fromkeys((*checks, *(finding.check for finding in verdict.findings))))
    failures = errors = 0
    for name in names:
        case = ElementTree.SubElement(suite, "testcase", classname="backstay", name=name)
        mine = [finding for finding in verdict.findings if finding.check == name]
        denied = [finding for finding in mine if finding.severity is Severity.DENY]
        unproven = [finding for finding in mine if finding.severity is Severity.UNKNOWN]
        if denied:
            failures += 1
            _junit_fault(case, "failure", denied)
        elif unproven:
            errors += 1
            _junit_fault(case, "error", unproven)
    suite.set("tests", str(len(names)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _junit_fault(case: ElementTree.Element, kind: str, findings: list[Finding]) -> None:
    fault = ElementTree.SubElement(case, kind, message=_xml_safe(findings[0].summary))
    fault.text = _xml_safe("\n".join(_long_text(finding) for finding in findings))


def _xml_safe(text: str) -> str:
    """XML 1.0 has no place for most control characters."""
    return "".join(character for character in text if character >= " " or character in "\n\t")
