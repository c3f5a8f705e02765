"""A verdict for people: the decision first, then evidence in the order of its consequence."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from backstay.model.finding import Decision, Effect, Finding, Severity, Verdict, Where
from backstay.model.state import Event, PathResult

_STYLE = {Decision.ALLOW: "bold green", Decision.DENY: "bold red", Decision.UNKNOWN: "bold yellow"}
_SEVERITY_STYLE = {
    Severity.DENY: "red",
    Severity.UNKNOWN: "yellow",
    Severity.WARNING: "magenta",
    Severity.INFO: "dim",
}
_MEANING = {
    Decision.ALLOW: "every check of every required engine ran to its end and none objects",
    Decision.DENY: "proven harmful: do not type this",
    Decision.UNKNOWN: "not proven safe, which refuses like a denial",
}
_MAX_EVENTS = 40
_MAX_PLACES = 3


def verdict_screen(verdict: Verdict) -> RenderableType:
    """Everything `backstay audit` shows a person."""
    parts: list[RenderableType] = [_headline(verdict)]
    if verdict.findings:
        parts.append(_findings_table(verdict.findings))
    parts.append(_effect_table(verdict.effect))
    if verdict.cascade:
        parts.append(_timeline(verdict.cascade, verdict.worst_stage))
    if verdict.access:
        parts.append(_access_table(verdict.access, verdict.worst_stage))
    if any(finding.show for finding in verdict.findings):
        parts.append(_commands(verdict.findings))
    return Group(*parts)


def _headline(verdict: Verdict) -> Panel:
    engines = ", ".join(f"{name}: {decision.value}" for name, decision in verdict.engines.items())
    text = Text.assemble(
        (verdict.decision.value.upper(), _STYLE[verdict.decision]),
        f"  {_MEANING[verdict.decision]}\n",
        (verdict.title, "bold"),
        (f"\nengines: {engines}" if engines else "", "dim"),
    )
    return Panel(text, border_style=_STYLE[verdict.decision].removeprefix("bold "))


def _findings_table(findings: tuple[Finding, ...]) -> Table:
    """Places are told once for findings in a row that come from the same lines."""
    table = Table(title="Findings", title_justify="left", expand=True, show_lines=True)
    table.add_column("check", no_wrap=True)
    table.add_column("finding", ratio=3, overflow="fold")
    table.add_column("before → after", ratio=1, overflow="fold")
    told: tuple[Where, ...] = ()
    for finding in findings:
        style = _SEVERITY_STYLE[finding.severity]
        change = " → ".join(part for part in (finding.before, finding.after) if part)
        table.add_row(
            Text(f"{finding.severity.value}\n{finding.check}", style=style), _evidence(finding, told), escape(change)
        )
        told = finding.where
    return table


def _evidence(finding: Finding, told: tuple[Where, ...]) -> Text:
    text = Text(finding.summary)
    if finding.stage:
        text.append(f"  [{finding.stage}]", style="dim")
    if finding.where == told:
        return text
    for where in finding.where[:_MAX_PLACES]:
        text.append(f"\n  {_place(where)}", style="cyan")
    if len(finding.where) > _MAX_PLACES:
        text.append(f"\n  and {len(finding.where) - _MAX_PLACES} more places", style="dim")
    return text


def _commands(findings: tuple[Finding, ...]) -> Text:
    """The commands that show the evidence again, each once."""
    wanted = dict.fromkeys(finding.show for finding in findings if finding.show)
    return Text.assemble(("See for yourself\n", "italic"), *(f"  $ {command}\n" for command in wanted))


def _place(where: Where) -> str:
    file = f"{where.file}:{where.line}" if where.line else where.file
    return " ".join(part for part in (file, where.router) if part)


def _effect_table(effect: Effect) -> Table:
    table = Table(title="Effect", title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("how much")
    table.add_row("routers touched", _names(effect.routers))
    table.add_row("links touched", _names(effect.links))
    table.add_row("advertisements added", _names(effect.advertisements_added))
    table.add_row("advertisements withdrawn", _names(effect.advertisements_withdrawn))
    table.add_row("demand lost", f"{effect.lost_mbps:,.1f} Mbit/s")
    table.add_row("highest utilisation", f"{effect.max_utilisation_before:.1%} → {effect.max_utilisation_after:.1%}")
    worst = effect.max_utilisation_worst_failure
    table.add_row("at the worst single failure", "not computed" if worst is None else f"{worst:.1%}")
    return table


def _names(names: tuple[str, ...], most: int = 6) -> str:
    if not names:
        return "none"
    shown = ", ".join(names[:most])
    return escape(f"{len(names)}: {shown}" + (", ..." if len(names) > most else ""))


def _timeline(cascade: tuple[Event, ...], stage: str) -> Table:
    table = Table(title=f"What follows ({stage})" if stage else "What follows", title_justify="left")
    table.add_column("round", justify="right", style="bold")
    table.add_column("event", overflow="fold")
    for event in cascade[:_MAX_EVENTS]:
        table.add_row(str(event.round), Text(event.text))
    if len(cascade) > _MAX_EVENTS:
        table.add_row("", Text(f"and {len(cascade) - _MAX_EVENTS} more events (--format json has all)", style="dim"))
    return table


def _access_table(access: Mapping[str, tuple[PathResult, ...]], stage: str) -> Table:
    table = Table(title=f"Operators' ways in ({stage})" if stage else "Operators' ways in", title_justify="left")
    table.add_column("routers", overflow="fold", ratio=1)
    table.add_column("path", no_wrap=True)
    table.add_column("works")
    table.add_column("why", overflow="fold", ratio=2)
    for routers, paths in _alike(access):
        for number, path in enumerate(paths):
            works = Text("yes", style="green") if path.works else Text("no", style="red")
            reason = ", ".join(path.through if path.works else path.broken)
            table.add_row(_names(routers, 4) if number == 0 else "", f"{path.path} ({path.kind})", works, Text(reason))
    return table


def _alike(access: Mapping[str, tuple[PathResult, ...]]) -> list[tuple[tuple[str, ...], tuple[PathResult, ...]]]:
    """Routers whose paths fare alike in every way, shown once; the worst off first."""
    groups: dict[tuple[tuple[str, bool], ...], list[str]] = {}
    for router, paths in access.items():
        groups.setdefault(tuple((path.path, path.works) for path in paths), []).append(router)
    ordered = sorted(groups.values(), key=lambda names: (sum(p.works for p in access[names[0]]), names))
    return [(tuple(names), access[names[0]]) for names in ordered]
