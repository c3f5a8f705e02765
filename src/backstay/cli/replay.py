"""`backstay replay`: an outage on real routers, then the same change with the audit asked first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from backstay import api
from backstay.cli.commands import print_verdict
from backstay.cli.output import Format, TableFormat, console, print_json, progress
from backstay.model.errors import UsageError
from backstay.model.finding import Decision

FATAL = "assess-capacity.yaml"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(replay)


def replay(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.")] = Path("examples/october"),
    change: Annotated[
        Path | None,
        typer.Argument(metavar="CHANGE", help=f"The change file; changes/{FATAL} of the network unless named."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Where it goes: timeline.json, timeline.svg, and heard/ with what the outside heard."
        ),
    ] = Path("replay"),
    identity: Annotated[str, typer.Option("--id", help="The lab's id; the network's name unless given.")] = "",
    unaudited_only: Annotated[
        bool, typer.Option("--unaudited-only", help="Leave out the second act, in which the audit is asked first.")
    ] = False,
    output: Annotated[
        TableFormat, typer.Option("--format", "-f", help="How to print the timeline.")
    ] = TableFormat.TEXT,
) -> None:
    """Build the network from real routers and DNS servers, type the change, watch what follows, type the way back."""
    from backstay.lab.picture import picture
    from backstay.lab.replay import replay as run
    from backstay.lab.timeline import document, told

    path = change or network / "changes" / FATAL
    if not path.exists():
        raise UsageError(f"{path} is not there: name the change to replay")
    plan = api.resolve(api.load(network), api.read_change(path))
    with progress() as tell:
        timeline = run(plan, identity=identity, source=str(network), heard=out / "heard", tell=tell)
    out.mkdir(parents=True, exist_ok=True)
    found = document(timeline)
    (out / "timeline.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "timeline.svg").write_text(picture(timeline), encoding="utf-8")
    if output is TableFormat.JSON:
        print_json(found)
    else:
        _print(list(told(timeline)), found["measures"])
    sys.stderr.write(f"backstay: written {out}/: timeline.json, timeline.svg, heard/\n")
    if not unaudited_only:
        _audited(network, path)


def _print(lines: list[str], measures: dict[str, float]) -> None:
    screen = console()
    for line in lines:
        screen.print(line, markup=False, soft_wrap=True)
    screen.print()
    for name, value in measures.items():
        screen.print(f"  {value:7.2f} s  {name}", markup=False)


def _audited(network: Path, change: Path) -> None:
    """The second act: the same change, with the audit asked before anything is typed."""
    screen = console()
    screen.print()
    screen.rule(f"the same, audited first: backstay audit {network} {change}")
    with progress() as tell:
        verdict = api.audit(api.load(network), api.read_change(change), progress=tell)
    print_verdict(verdict, Format.TEXT)
    if verdict.decision is Decision.ALLOW:
        screen.print("allowed: it would have been typed, as it was above", markup=False)
    else:
        screen.print(f"{verdict.decision.value}: nothing was typed, nothing happened", markup=False)
