"""The public face: `backstay.simulate` and `backstay.audit` are packages and functions, in any order of import."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "lines",
    [
        "import backstay; assert callable(backstay.simulate) and callable(backstay.audit)",
        "import backstay.simulate.engine as e; import backstay; assert callable(backstay.simulate); e.simulate",
        "import backstay; backstay.audit; import backstay.audit.gate as g; assert callable(backstay.audit); g.audit",
        "import backstay; assert all(hasattr(backstay, name) for name in backstay.__all__)",
    ],
)
def test_packages_that_are_functions(lines: str) -> None:
    assert subprocess.run([sys.executable, "-c", lines], check=False).returncode == 0
