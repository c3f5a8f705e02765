"""Where a finding points to, and how it is made."""

from __future__ import annotations

from collections.abc import Container, Iterable

from backstay.audit.context import Context
from backstay.model.finding import Finding, Severity, Where
from backstay.model.source import Place

MOST_PLACES = 50
"""A change typed on a thousand routers needs no thousand places to be understood."""


def blame(context: Context, routers: Container[str] | None = None) -> tuple[Where, ...]:
    """The lines of the change at work here (on ``routers`` alone, if given), else its steps, else the change file."""
    lines = (
        point(line.place, line.router)
        for line in context.touched
        if line.action != "unchanged" and (routers is None or line.router in routers)
    )
    operations = (
        point(operation.place, operation.router)
        for stage in context.stages
        for operation in stage.operations
        if routers is None or operation.router in routers
    )
    found = {*lines, *operations} or {point(stage.step.place) for stage in context.stages}
    return places(found) or (point(context.change.place),)


def point(place: Place, router: str = "") -> Where:
    return Where(router=router, file=place.file, line=place.line)


def places(found: Iterable[Where]) -> tuple[Where, ...]:
    """Sorted, without repeats, cut at `MOST_PLACES`; places that name nothing are left out."""
    return tuple(sorted(where for where in set(found) if where.file or where.router))[:MOST_PLACES]


def finding(
    context: Context,
    check: str,
    severity: Severity,
    summary: str,
    *,
    where: tuple[Where, ...] | None = None,
    before: str = "",
    after: str = "",
    show: str = "diff",
) -> Finding:
    """A finding of this moment; ``where`` defaults to `blame`, ``show`` is the subcommand that shows it again."""
    return Finding(
        check=check,
        severity=severity,
        summary=summary,
        where=blame(context) if where is None else where,
        before=before,
        after=after,
        stage=context.moment.label,
        show=command(context, show),
    )


def command(context: Context, subcommand: str) -> str:
    """``backstay diff NETWORK changes/drain.yaml``; NETWORK stands for the folder, which values do not know."""
    if subcommand == "diff":
        return f"backstay diff NETWORK {context.change.place.file or 'CHANGE'}"
    return f"backstay {subcommand}"
