"""Where results and progress go: results to stdout, progress to stderr and only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from rich.console import Console

from backstay.api import Progress


class Format(StrEnum):
    """Forms of a verdict."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"


class TableFormat(StrEnum):
    """Forms of anything else."""

    TEXT = "text"
    JSON = "json"


class LabScope(StrEnum):
    """How much of a network a lab has to hold."""

    ALL = "all"
    AFFECTED = "affected"


def console() -> Console:
    """Stdout, as wide as the terminal; 120 columns when it is a file or a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def print_json(document: Any) -> None:
    """One document on stdout, UTF-8, keys in the documented order."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """A function to tell what is being done; silent when stderr is not a terminal."""
    terminal = Console(stderr=True)
    if quiet or not terminal.is_terminal:
        yield lambda _text: None
        return
    with terminal.status("starting") as status:
        yield status.update
