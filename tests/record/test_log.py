"""The audit log: what it keeps, and that tampering shows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from backstay.model.errors import FolderError
from backstay.record.log import GENESIS, append, entries, verify

AT = "2026-01-02T03:04:05Z"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "audit.sqlite"
    for number in range(4):
        append(path, "verdict", {"verdict": "deny", "n": number}, AT)
    return path


def _tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(f"DROP TRIGGER no_update; DROP TRIGGER no_delete; {statement}")
    database.close()


def test_entries_come_back_in_order_and_the_chain_holds(log: Path) -> None:
    kept = entries(log)
    assert [entry.content["n"] for entry in kept] == [0, 1, 2, 3]
    assert kept[0].previous == GENESIS
    assert [entry.previous for entry in kept[1:]] == [entry.hash for entry in kept[:-1]]
    assert verify(kept) == ()
    assert verify(kept, kept[-1].hash) == ()


@pytest.mark.parametrize("statement", ["UPDATE entry SET at = 'x'", "DELETE FROM entry WHERE number = 1"])
def test_the_file_refuses_to_change_or_delete(log: Path, statement: str) -> None:
    database = sqlite3.connect(log)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ('UPDATE entry SET body = \'{"verdict":"allow"}\' WHERE number = 2;', "altered"),
        ("UPDATE entry SET at = '2020-01-01T00:00:00Z' WHERE number = 2;", "altered"),
        ("DELETE FROM entry WHERE number = 2;", "missing"),
        ("DELETE FROM entry WHERE number = 1;", "does not follow"),
    ],
)
def test_tampering_shows(log: Path, statement: str, word: str) -> None:
    _tamper(log, statement)
    assert any(word in fault.text for fault in verify(entries(log)))


def test_a_cut_end_shows_only_against_a_remembered_head(log: Path) -> None:
    head = entries(log)[-1].hash
    _tamper(log, "DELETE FROM entry WHERE number = 4;")
    assert verify(entries(log)) == ()
    assert "is gone" in verify(entries(log), head)[0].text


def test_a_file_that_is_no_log_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    path.write_bytes(b"not a database, and long enough to be looked at as one" * 40)
    with pytest.raises(FolderError, match=r"cannot use the audit log"):
        append(path, "verdict", {}, AT)


def test_no_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no audit log here"):
        entries(tmp_path / "none.sqlite")
