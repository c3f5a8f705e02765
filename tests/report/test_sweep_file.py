"""The Parquet file of a sweep: every scenario once, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.plan import square

import backstay
from backstay.model.errors import EnvironmentError_

ROOT = Path(__file__).resolve().parents[2]

FULL = """
import resource, signal, sys
from tests.plan import square
import backstay
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
network = square.network()
backstay.assess(network)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    backstay.assess(network, out=sys.argv[1])
except backstay.model.errors.EnvironmentError_ as error:
    print(error)
"""


def test_every_scenario_is_a_row(tmp_path: Path) -> None:
    """8 things: 1 + 8 + 28 scenarios; a-b and a-c down lose the 60 Mbit/s of the square."""
    path = tmp_path / "sweep.parquet"
    backstay.assess(square.network(), failures=2, out=path)
    table: Any = pq.read_table(path)  # type: ignore[no-untyped-call]
    rows = table.to_pylist()
    assert [row["scenario"] for row in rows] == list(range(37))
    assert table.schema.metadata[b"schema"] == b"backstay.sweep/1"
    assert rows[0] == {
        "period": "", "scenario": 0, "kind_1": None, "failed_1": None, "kind_2": None, "failed_2": None,
        "max_utilisation": 0.6, "worst_interface": "c:to-d", "interfaces_over": 0, "lost_mbps": 0.0, "apart_mbps": 0.0,
    }  # fmt: skip
    (cut,) = [row for row in rows if (row["failed_1"], row["failed_2"]) == ("a-b", "a-c")]
    assert (cut["lost_mbps"], cut["max_utilisation"], cut["worst_interface"]) == (60.0, 0.0, None)
    (over,) = [row for row in rows if (row["failed_1"], row["failed_2"]) == ("a-b", None)]
    assert (over["max_utilisation"], over["interfaces_over"]) == (1.2, 1)
    assert [item.name for item in tmp_path.iterdir()] == ["sweep.parquet"]


def test_a_file_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "sweep.parquet"
    with pytest.raises(EnvironmentError_, match=f"{path}: cannot be written: No such file or directory"):
        backstay.assess(square.network(), out=path)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk (EFBIG for ENOSPC)."""
    path = tmp_path / "sweep.parquet"
    path.write_text("what stood here before", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == f"{path}: cannot be written: File too large", done.stderr
    assert path.read_text(encoding="utf-8") == "what stood here before"
    assert [item.name for item in tmp_path.iterdir()] == ["sweep.parquet"]


def test_a_fault_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backstay.assess(square.network(), out=tmp_path / "sweep.parquet", progress=stop)
    assert not list(tmp_path.iterdir())
