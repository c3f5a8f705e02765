"""`backstay drain` and `backstay undrain`: how something is taken out of service and how it comes back. They send nothing to
any router; the only thing they can write is the change file that ``--write`` names.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstay import api
from backstay.cli.output import TableFormat, console, print_json, progress
from backstay.model.errors import UsageError
from backstay.model.finding import Decision

if TYPE_CHECKING:
    from backstay.model.network import Network
    from backstay.plan.drain import Drainage

REFUSED, UNKNOWN = 1, 3

NetworkArgument = Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.", show_default=False)]
PeriodOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="The period of the demands it is for; unless named, one in which it is safe."),
]
DemandsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Demands to use instead of demands.csv.", show_default=False)
]
WriteOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the change file with its rollback; never over another file.", show_default=False
    ),
]
OutputOption = Annotated[TableFormat, typer.Option("--format", "-f", help="How to print the answer.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(drain)
    app.command()(undrain)


def drain(
    network: NetworkArgument,
    target: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...", help="Routers, links, sites or shared-risk groups; router:X where names clash."
        ),
    ],
    mechanism: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="overload, max-metric, metric, graceful-shutdown or shutdown; chosen unless named."
        ),
    ] = "",
    period: PeriodOption = "",
    demands: DemandsOption = None,
    write: WriteOption = None,
    output: OutputOption = TableFormat.TEXT,
) -> None:
    """Whether something can be taken out of service: by which mechanism, in which order and hours, with the change file.

    Exit codes: 0 it can, 1 it must not (nothing is written), 2 bad input, 3 it could not be proven.
    """
    _refuse_existing(write)
    with progress() as tell:
        loaded = _loaded(network, demands, tell)
        found = api.drain(loaded, target, mechanism=mechanism, period=period, progress=tell)
    _finish(found, write, output)


def undrain(
    network: NetworkArgument,
    target: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET...]", help="What is to come back; everything that is out unless named."),
    ] = None,
    period: PeriodOption = "",
    demands: DemandsOption = None,
    write: WriteOption = None,
    output: OutputOption = TableFormat.TEXT,
) -> None:
    """In which order what is out of service can come back: within capacity, one failure domain at a time.

    Exit codes: 0 it can, 1 it must not (nothing is written), 2 bad input, 3 it could not be proven.
    """
    _refuse_existing(write)
    with progress() as tell:
        loaded = _loaded(network, demands, tell)
        found = api.undrain(loaded, target or (), period=period, progress=tell)
    _finish(found, write, output)


def _refuse_existing(path: Path | None) -> None:
    if path is not None and path.exists():
        raise UsageError(f"{path}: exists already; name a file that does not")


def _loaded(network: Path, demands: Path | None, tell: api.Progress) -> Network:
    tell(f"reading {network}")
    loaded = api.load(network)
    return loaded if demands is None else api.with_demands(loaded, demands)


def _finish(found: Drainage, write: Path | None, output: TableFormat) -> None:
    from backstay.report.drain import drain_document, drain_screen

    written = ""
    if write is not None and found.text:
        _write(write, found.text)
        written = str(write)
    if output is TableFormat.JSON:
        print_json(drain_document(found, written))
    else:
        console().print(drain_screen(found, written))
    if found.refusal:
        unknown = found.verdict is not None and found.verdict.decision is Decision.UNKNOWN
        raise typer.Exit(UNKNOWN if unknown else REFUSED)


def _write(path: Path, text: str) -> None:
    """All of it or nothing, and never over a file that came meanwhile."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.link(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
