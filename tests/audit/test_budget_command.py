"""Budgets and Ctrl-C on the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OCTOBER = ROOT / "examples" / "october"
AUDIT = ["audit", str(OCTOBER), str(OCTOBER / "changes" / "drain-one-router.yaml"), "--engine", "fast,referee"]


def command(tmp_path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "backstay", *AUDIT, "--log", str(tmp_path / "audit.sqlite"), *options]


@pytest.mark.parametrize(
    ("options", "named"),
    [(("--budget-seconds", "0.05"), "--budget-seconds"), (("--budget-mb", "10"), "--budget-mb")],
)
def test_a_network_too_large_for_the_budget_is_unknown_and_names_it(
    tmp_path: Path, options: tuple[str, ...], named: str
) -> None:
    shown = subprocess.run(
        command(tmp_path, *options, "--format", "json"), capture_output=True, text=True, check=False, timeout=120
    )
    assert shown.returncode == 3, shown.stderr
    assert '"verdict": "unknown"' in shown.stdout
    assert named in shown.stdout


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def test_ctrl_c_ends_the_audit_with_130_and_leaves_no_engine(tmp_path: Path) -> None:
    # A shell that runs the tests in the background has its children ignore the interrupt.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    program = subprocess.Popen(command(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard)  # noqa: PLW1509
    deadline = time.monotonic() + 60
    workers: list[int] = []
    while len(workers) < 2 and time.monotonic() < deadline and program.poll() is None:
        workers = children(program.pid)
        time.sleep(0.005)
    assert len(workers) == 2
    program.send_signal(signal.SIGINT)
    _, error = program.communicate(timeout=60)
    assert program.returncode == 130, error
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
