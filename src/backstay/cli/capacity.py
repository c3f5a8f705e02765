"""`backstay capacity`: what the network's demands come to when things fail. Reads, computes, prints; writes nothing but
the file that ``--out`` names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from backstay import api
from backstay.cli.output import console, print_json, progress
from backstay.model.errors import UsageError

FINDINGS = 1
UNKNOWN = 3
QUICK = 2_000
"""Scenarios; a sweep of fewer is over before a bar of progress could be read."""


class CapacityFormat(StrEnum):
    """Forms of an assessment."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(capacity)


def capacity(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.", show_default=False)],
    failures: Annotated[int, typer.Option(metavar="0|1|2", help="How many things fail at once, at most.")] = 1,
    kinds: Annotated[str, typer.Option(metavar="KIND,...", help="What can fail.")] = "link,router,srlg",
    limit: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="The utilisation that is too much; those of backstay.yaml unless named.",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A link, router or risk group taken not to fail; may be repeated."),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of each table.")] = 10,
    demands: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Demands to use instead of demands.csv; a period column gives several hours."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.parquet", help="Write every scenario to a Parquet file.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--lp-seconds", min=0.001, help="Time for the linear program of the best possible routing.")
    ] = 10.0,
    ray: Annotated[
        str,
        typer.Option(metavar="ADDRESS|local", help="Spread the sweep over a Ray cluster (the extra backstay[ray])."),
    ] = "",
    output: Annotated[
        CapacityFormat, typer.Option("--format", "-f", help="How to print the assessment.")
    ] = CapacityFormat.TEXT,
) -> None:
    """Assess capacity, read-only: every link at its worst, what breaks at which failure, what to upgrade first.

    Exit codes: 0 nothing exceeds its limit or loses demand, 1 something does, 2 bad input, 3 not computed in full.
    """
    from backstay.report import capacity as screen
    from backstay.report import capacity_document as document

    with progress() as tell:
        tell(f"reading {network}")
        loaded = api.load(network)
        if demands is not None:
            loaded = api.with_demands(loaded, demands)
    with _bar() as advance:
        found = api.assess(
            loaded,
            failures=failures,
            kinds=_names(kinds, "--kinds"),
            limit=limit,
            exclude=tuple(exclude or ()),
            seconds=seconds,
            ray=ray,
            progress=advance,
            out=out,
        )
    if output is CapacityFormat.JSON:
        print_json(document.capacity_document(found))
    elif output is CapacityFormat.MARKDOWN:
        sys.stdout.write(document.capacity_markdown(found, top))
    else:
        console().print(screen.capacity_screen(found, top))
    if found.at_fault:
        raise typer.Exit(FINDINGS)
    if found.unknowns:
        raise typer.Exit(UNKNOWN)


def _names(text: str, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"{option}: names nothing; expected some of link, router, srlg")
    return names


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left on stderr, on a terminal and for sweeps that take a while."""
    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scenarios"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True) as shown:
        task = shown.add_task("sweep", total=None, visible=False)
        yield lambda done, total: shown.update(task, completed=done, total=total, visible=total > QUICK)
