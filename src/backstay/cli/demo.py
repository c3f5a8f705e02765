"""`backstay demo`: the fatal command of 2021 refused, the right one allowed."""

from __future__ import annotations

from pathlib import Path

import typer

from backstay import api
from backstay.cli.commands import located, print_verdict
from backstay.cli.output import Format, console, progress
from backstay.model.errors import UsageError
from backstay.model.finding import Decision

EXPECTED = {"assess-capacity": Decision.DENY, "drain-one-router": Decision.ALLOW}


def run(folder: Path) -> None:
    """Audit both changes of the example and say whether the verdicts are the expected ones.

    Raises `UsageError` when the example is not there, exits 1 when a verdict is not the expected one.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not here: run the demo from a checkout, or name the folder with --example")
    with progress() as tell:
        tell(f"reading {folder}")
        network = api.load(folder)
    screen = console()
    surprised = False
    for name, expected in EXPECTED.items():
        path = folder / "changes" / f"{name}.yaml"
        screen.rule(f"backstay audit {folder} {path}")
        with progress() as tell:
            verdict = api.audit(network, api.read_change(path), progress=tell)
        print_verdict(located(verdict, folder), Format.TEXT)
        surprised |= verdict.decision is not expected
    if surprised:
        raise typer.Exit(1)
