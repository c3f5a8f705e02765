"""How many random networks, and which: a few with a fixed seed here and in CI, thousands in ``make laws``.

``BACKSTAY_LAWS`` is the number of examples a law is tried on, ``BACKSTAY_SEED`` the seed; both are printed.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("BACKSTAY_LAWS", "25"))
SEED = int(os.environ.get("BACKSTAY_SEED", "20211004"))

settings.register_profile(
    "laws",
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=False,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Said at the end, since a quiet run prints no header."""
    terminalreporter.write_line(f"laws: {EXAMPLES} examples each, seed {SEED} (BACKSTAY_LAWS, BACKSTAY_SEED)")
