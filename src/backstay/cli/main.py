"""The command line: every command parses, calls one documented function, prints, and exits by the table.

Exit codes: 0 allow or success, 1 deny or findings, 2 usage or bad input, 3 unknown, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys

import typer
from rich.console import Console

from backstay import __version__
from backstay.model.errors import BackstayError

INTERRUPTED = 130
BAD_INPUT = 2

app = typer.Typer(
    name="backstay",
    help="Proves a change to a backbone safe before it reaches a router.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"backstay {__version__}")  # noqa: T201 - stdout is this option's product
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Proves a change to a backbone safe before it reaches a router.

    Exit codes: 0 allow or success, 1 deny or findings, 2 usage or bad input, 3 unknown (could not be proven).
    """


def main() -> None:
    """Run the command line; errors made on purpose become one line on stderr and their own exit code."""
    # Before numpy: our matrices are small, and engines run side by side.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from backstay.cli import capacity, commands, drain, lab, replay

    commands.register(app)
    capacity.register(app)
    drain.register(app)
    lab.register(app)
    replay.register(app)
    try:
        app(standalone_mode=True)
    except BackstayError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"backstay: {error}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        Console(stderr=True).print("backstay: interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error of ours, and the interpreter must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"backstay: {_os_text(error)}", markup=False)
        sys.exit(BAD_INPUT)
    finally:
        gc.freeze()  # the interpreter's last look for garbage would go through all that the run made


def _os_text(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
