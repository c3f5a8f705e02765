"""Ctrl-C ends a sweep that would take minutes, at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

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


def _interrupted_after(method: str) -> tuple[float, str]:
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
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        process.wait(timeout=30)
        return time.monotonic() - begin, said


def test_interrupt_is_heard() -> None:
    for method in ("incremental", "full"):
        seconds, said = _interrupted_after(method)
        assert said.strip().endswith("KeyboardInterrupt"), said
        assert seconds < 2.0, f"{method}: the limit is 0.5 s on a machine that is not shared"
