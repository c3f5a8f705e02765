"""Every scenario of a sweep as rows of a Parquet file, written as they are computed.

The rows go to a hidden file beside the one that was named, which takes its place only when the last row is on the disk: a
full disk, Ctrl-C or a fault on the way leaves nothing half-written and what stood there before untouched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow  # noqa: ICN001 - its usual name is given to the untyped view of it below
import pyarrow.parquet

from backstay.model.errors import EnvironmentError_
from backstay.plan.picture import Hour, Picture
from backstay.plan.scan import Question, Watch
from backstay.simulate.sweep import Batch

pa: Any = pyarrow
"""The library says nothing of its types."""

NAMES = pa.dictionary(pa.int32(), pa.string())
COLUMNS = pa.schema(
    [
        pa.field("period", NAMES),
        pa.field("scenario", pa.int64()),
        pa.field("kind_1", NAMES),
        pa.field("failed_1", NAMES),
        pa.field("kind_2", NAMES),
        pa.field("failed_2", NAMES),
        pa.field("max_utilisation", pa.float64()),
        pa.field("worst_interface", NAMES),
        pa.field("interfaces_over", pa.int32()),
        pa.field("lost_mbps", pa.float64()),
        pa.field("apart_mbps", pa.float64()),
    ],
    metadata={"schema": "backstay.sweep/1"},
)


@contextmanager
def writing(path: str | Path) -> Iterator[Watch]:
    """A watcher that writes what it is given. The file is there when the block ends well.

    Raises `EnvironmentError_` naming the file where it cannot be written.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _told(target), pa.parquet.ParquetWriter(partial, COLUMNS, compression="zstd") as writer:
            yield _Watcher(writer, target)
        with _told(target):
            _settle(partial, target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        # Arrow puts the reason behind words of its own: "Error writing bytes to file. Detail: [errno 28] No space left on device".
        reason = (fault.strerror or str(fault)).splitlines()[0].rpartition("] ")[2]
        raise EnvironmentError_(f"{target}: cannot be written: {reason}") from None


def _settle(partial: Path, target: Path) -> None:
    """On the disk first, then in its place at once."""
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(target)


class _Watcher:
    def __init__(self, writer: Any, target: Path) -> None:
        self._writer, self._target = writer, target

    def __call__(self, picture: Picture, question: Question, hour: Hour, batch: Batch) -> None:
        with _told(self._target):
            self._writer.write_table(_table(picture, question, hour, batch))


def _table(picture: Picture, question: Question, hour: Hour, batch: Batch) -> Any:
    kinds = [item.kind for item in question.failures]
    names = [item.name for item in question.failures]
    rows = len(batch.scenario)
    columns = {
        "period": _named(np.zeros(rows, dtype=np.int32), [hour.period]),
        "scenario": pa.array(batch.scenario),
        "kind_1": _named(batch.failed[:, 0], kinds),
        "failed_1": _named(batch.failed[:, 0], names),
        "kind_2": _named(batch.failed[:, 1], kinds),
        "failed_2": _named(batch.failed[:, 1], names),
        "max_utilisation": pa.array(batch.max_utilisation),
        "worst_interface": _named(batch.worst, [str(ref) for ref in picture.interfaces]),
        "interfaces_over": pa.array(batch.over),
        "lost_mbps": pa.array(batch.lost),
        "apart_mbps": pa.array(batch.apart),
    }
    return pa.table(columns, schema=COLUMNS)


def _named(indices: npt.NDArray[np.int32], names: list[str]) -> Any:
    """Names by index; -1 is null. Names that repeat stand once, as a dictionary must hold them."""
    unique = list(dict.fromkeys(names))
    place = {name: number for number, name in enumerate(unique)}
    codes = np.array([place[name] for name in names] + [0], dtype=np.int32)[indices]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=indices < 0), pa.array(unique, type=pa.string()))
