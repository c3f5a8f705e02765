"""A drain or a restoration for people (rich tables) and as the document ``backstay.drain/1``."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from backstay.plan.drain import Drainage, HourOfDrain, PlannedStep, Trial
from backstay.plan.standing import Moment
from backstay.report.capacity import bits, cause, percent, rate, table_of
from backstay.report.document import Document

DRAIN_SCHEMA = "backstay.drain/1"


def drain_screen(found: Drainage, written: str = "") -> RenderableType:
    """Everything `backstay drain` and `backstay undrain` show a person."""
    parts: list[RenderableType] = [_headline(found, written)]
    if found.trials:
        parts.append(_trials_table(found))
    if found.steps:
        parts.append(_steps_table(found))
    if len(found.hours) > 1:
        parts.append(_hours_table(found.hours))
    if found.trials:
        parts += [*_explained(found), Text()]
    if found.text:
        parts.append(Text("The change file", style="italic"))
        parts.append(
            Padding(Syntax(found.text.rstrip("\n"), "yaml", background_color="default", word_wrap=True), (0, 2))
        )
    parts += [Text(f"note: {text}", style="dim") for text in found.remarks]
    return Group(*parts)


def headline(found: Drainage) -> str:
    """The answer in one sentence."""
    verb = "be drained" if found.intent == "drain" else "come back"
    if found.refusal:
        return f"{found.target or 'nothing'} must not {verb}"
    unsafe = [hour for hour in found.hours if not hour.safe]
    when = f" in {', '.join(hour.period for hour in found.hours if hour.safe)}" if unsafe else ""
    how = f" by {found.mechanism}" if found.mechanism else ""
    return f"{found.target} can {verb}{how}{when}"


def _headline(found: Drainage, written: str) -> Panel:
    style = "red" if found.refusal else "green"
    text = Text.assemble((headline(found), f"bold {style}"))
    for reason in found.refusal:
        text.append(f"\n{reason}")
    if found.before is not None:
        hour = f" ({found.before.period})" if found.before.period else ""
        if found.intent == "drain":
            text.append(f"\nnow{hour}: {bits(found.through)} pass through it, {bits(found.own)} begin or end there")
        text.append(f"\nfullest link now{hour}: {_load(found.before)}")
    if found.verdict is not None:
        text.append(f"\nbackstay audit of the change file: {found.verdict.decision.value}")
    if written:
        text.append(f"\nwritten to {written}")
    elif found.text:
        text.append("\nnothing was written: --write FILE does", style="dim")
    return Panel(text, border_style=style)


def _load(moment: Moment) -> str:
    return f"{percent(moment.utilisation)}, {percent(moment.worst)} at the worst failure ({cause(moment.cause)})"


def _trials_table(found: Drainage) -> Table:
    table = table_of(
        "What each mechanism would do here (amounts in bit/s)",
        ("mechanism", False), ("through", True), ("lost", True), ("now", True), ("failure", True), ("cut off", True),
        ("heard", True), ("", False),
    )  # fmt: skip
    for trial in found.trials:
        name = trial.mechanism.name
        if not trial.here:
            table.add_row(Text(name, style="dim"), "", "", "", "", "", "", Text(trial.note, style="dim"))
            continue
        chosen = name == found.mechanism
        table.add_row(
            Text(name, style="bold" if chosen else ""), rate(trial.through), rate(trial.lost), percent(trial.utilisation),
            percent(trial.worst), rate(trial.further), f"{trial.heard}", _judged(trial, chosen=chosen),
        )  # fmt: skip
    return table


def _judged(trial: Trial, *, chosen: bool) -> Text:
    if trial.objection:
        return Text(trial.objection, style="red")
    if chosen:
        return Text("chosen", style="green")
    return Text("drains" if trial.drains else "does not drain: traffic still passes")


def _explained(found: Drainage) -> list[RenderableType]:
    """What every mechanism that has a meaning here is and is not, the chosen one first."""
    legend = (
        "through: others' traffic left on it; failure, cut off: at the worst further single failure; "
        "heard: announcements to neighbours that differ"
    )
    rows = sorted((trial for trial in found.trials if trial.here), key=lambda t: t.mechanism.name != found.mechanism)
    return [Text(legend, style="dim"), *(_explanation(trial) for trial in rows)]


def _explanation(trial: Trial) -> Text:
    row = trial.mechanism
    text = Text.assemble(
        "\n", (f"{row.name}: {row.title}. ", "bold"), f"{_capital(row.does)}. {_capital(row.does_not)}."
    )
    return text.append(f"\n{'; '.join(row.sources)}", style="dim")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _steps_table(found: Drainage) -> Table:
    table = table_of(
        "Steps" + (f", as {found.period} sees them" if found.period else ""),
        ("#", True), ("on", False), ("what", False), ("now", True), ("failure", True), ("when this fails", False),
        ("cut off", True),
    )  # fmt: skip
    for number, step in enumerate(found.steps, start=1):
        after = step.after
        table.add_row(
            f"{number}", escape(step.move.router), escape(step.move.what), percent(after.utilisation),
            percent(after.worst), escape(cause(after.cause)), rate(after.further),
        )  # fmt: skip
    return table


def _hours_table(hours: tuple[HourOfDrain, ...]) -> Table:
    table = table_of("When it is safe", ("period", False), ("safe", False), ("why not", False))
    for hour in hours:
        table.add_row(
            escape(hour.period), Text("yes", style="green") if hour.safe else Text("no", style="red"), escape(hour.why)
        )
    return table


# ------------------------------------------------------------------------------------------- for machines


def drain_document(found: Drainage, written: str = "") -> Document:
    """``backstay.drain/1``: Mbit/s and shares of capacity."""
    return {
        "schema": DRAIN_SCHEMA,
        "network": found.network,
        "intent": found.intent,
        "target": found.target,
        "safe": not found.refusal,
        "refusal": list(found.refusal),
        "mechanism": found.mechanism,
        "period": found.period,
        "through_mbps": found.through,
        "own_mbps": found.own,
        "before": None if found.before is None else _moment(found.before),
        "mechanisms": [_trial(trial) for trial in found.trials],
        "steps": [_step(step) for step in found.steps],
        "hours": [{"period": hour.period, "safe": hour.safe, "why": hour.why} for hour in found.hours],
        "verdict": None if found.verdict is None else found.verdict.decision.value,
        "change": found.text,
        "written": written,
        "remarks": list(found.remarks),
    }


def _moment(item: Moment) -> Document:
    return {
        "period": item.period,
        "offered_mbps": item.offered,
        "lost_mbps": item.lost,
        "utilisation": _share(item.utilisation),
        "worst": _share(item.worst),
        "cause": [{"kind": thing.kind, "name": thing.name} for thing in item.cause],
        "further_mbps": item.further,
    }


def _share(value: float) -> float | None:
    """JSON has no infinity."""
    return None if value == float("inf") else value


def _trial(item: Trial) -> Document:
    row = item.mechanism
    return {
        "name": row.name,
        "title": row.title,
        "does": row.does,
        "does_not": row.does_not,
        "sources": list(row.sources),
        "here": item.here,
        "note": item.note,
        "through_mbps": item.through,
        "own_mbps": item.own,
        "lost_mbps": item.lost,
        "utilisation": _share(item.utilisation),
        "worst": _share(item.worst),
        "cause": [{"kind": thing.kind, "name": thing.name} for thing in item.cause],
        "further_mbps": item.further,
        "heard": item.heard,
        "objection": item.objection,
    }


def _step(item: PlannedStep) -> Document:
    return {
        "router": item.move.router,
        "what": item.move.what,
        "lines": list(item.move.lines),
        "rollback": list(item.move.back),
        "links": list(item.move.links),
        "after": _moment(item.after),
    }
