"""Runs the tests of the native core on another build of it: `make native-asan`.

python tests/simulate/sanitized.py BUILD_DIRECTORY
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = ("test_sweep.py", "test_sweep_by_hand.py", "test_sweep_input.py")


def put_in_place(folder: Path) -> None:
    """Load the core found in the folder where the package expects its own."""
    import backstay.simulate

    name = "backstay.simulate._native"
    (path,) = folder.glob("_native*.so")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    core = importlib.util.module_from_spec(spec)
    sys.modules[name] = core
    spec.loader.exec_module(core)
    setattr(backstay.simulate, "_native", core)  # noqa: B010 - a plain assignment would have to know its type


if __name__ == "__main__":
    put_in_place(Path(sys.argv[1]).resolve())
    sys.exit(pytest.main(["-s", "-p", "no:cacheprovider", *(str(HERE / name) for name in TESTS)]))
