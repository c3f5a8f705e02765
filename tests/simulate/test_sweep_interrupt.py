"""Ctrl-C ends a sweep that would take minutes, at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import numpy as np
from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, load_model
side = 24
n = side * side
ends = [(v, v + 1) for v in range(n) if (v + 1) % side] + [(v, v + side) for v in range(n - side)]
model = load_model(
    [str(v) for v in range(n)], [str(e) for e in range(2 * len(ends))],
    [end for pair in ends for end in pair], [end for one, two in ends for end in (two, one)],
    [1 + e % 7 for e in range(2 * len(ends))], np.full(2 * len(ends), 10.0), np.ones((n, n)),
    [Failure(kind="link", name=str(e), links=(2 * e, 2 * e + 1)) for e in range(len(ends))],
)
run = sweep(model, failures=2, method="METHOD")
print("ready", flush=True)
for batch in run:
    print("batch", flush=True)
"""


def _processor_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _interrupted_after(method: str) -> tuple[float, float, str]:
    """Seconds on the clock and of all processors from the signal to the end, and what was said."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("METHOD", method)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None
        time.sleep(0.7)
        begin, spent = time.monotonic(), _processor_seconds(process.pid)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return time.monotonic() - begin, usage.ru_utime + usage.ru_stime - spent, said


def test_interrupt_is_heard() -> None:
    for method in ("incremental", "full"):
        clock, processors, said = _interrupted_after(method)
        assert said.strip().endswith("KeyboardInterrupt"), said
        assert processors < 1.0, f"{method}: half a second on two processors"
        if os.getloadavg()[0] < 1.0:
            assert clock < 1.0, f"{method}: half a second, and as much for the end of Python"
