"""The program as a process of its own, as a shell would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """The command's exit code, stdout and stderr, on a terminal 120 columns wide."""
    environment = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "backstay", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
