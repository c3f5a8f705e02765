"""What somebody with write access to the file can do to the log, and what shows of it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from backstay.record.log import GENESIS, append, entries, verify

AT = "2026-01-02T03:04:05Z"


def write(path: str, name: str, count: int) -> None:
    for number in range(count):
        append(Path(path), "verdict", {"verdict": "deny", "by": name, "n": number}, AT)


def test_two_programs_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    processes = [multiprocessing.get_context("fork").Process(target=write, args=(str(path), name, 25)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    kept = entries(path)
    assert [entry.number for entry in kept] == list(range(1, 51))
    assert verify(kept) == ()
    for name in "ab":
        assert [entry.content["n"] for entry in kept if entry.content["by"] == name] == list(range(25))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.sqlite"
    for number in range(5):
        append(path, "verdict", {"verdict": "deny", "n": number}, AT)
    return path


def tamper(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        database.executescript("DROP TRIGGER no_update; DROP TRIGGER no_delete;")
        for statement in statements:
            database.execute(statement)
    database.close()


def faults(path: Path, head: str | None = None) -> list[tuple[int, str]]:
    return [(fault.number, fault.text) for fault in verify(entries(path), head)]


def test_a_verdict_made_nicer_shows_where(log: Path) -> None:
    tamper(log, """UPDATE entry SET body = '{"n":2,"verdict":"allow"}' WHERE number = 3""")
    ((number, text),) = faults(log)
    assert number == 3
    assert "altered" in text


def test_a_verdict_made_nicer_with_a_hash_to_match_breaks_the_next(log: Path) -> None:
    """The forger works out the entry's new hash; the entry after it still holds the old one."""
    third = entries(log)[2]
    body = '{"n":2,"verdict":"allow"}'
    material = json.dumps([3, AT, "verdict", body, third.previous], ensure_ascii=False)
    forged = hashlib.sha256(material.encode()).hexdigest()
    tamper(log, f"UPDATE entry SET body = '{body}', hash = '{forged}' WHERE number = 3")
    assert faults(log) == [(4, "does not follow the entry before it")]


def test_an_entry_taken_out_and_the_rest_renumbered_shows(log: Path) -> None:
    tamper(log, "DELETE FROM entry WHERE number = 2", "UPDATE entry SET number = number - 1 WHERE number > 2")
    assert {number for number, _ in faults(log)} == {2, 3, 4}


def test_an_override_put_in_between_shows(log: Path) -> None:
    tamper(
        log,
        "UPDATE entry SET number = 6 WHERE number = 5",
        f"INSERT INTO entry VALUES (5, '{AT}', 'override', '{{}}', '{GENESIS}', 'made-up')",
    )
    assert {number for number, _ in faults(log)} >= {5, 6}


def test_a_log_cut_off_or_written_anew_shows_against_a_hash_kept_elsewhere(log: Path, tmp_path: Path) -> None:
    head = entries(log)[-1].hash
    tamper(log, "DELETE FROM entry WHERE number > 3")
    assert faults(log) == []
    assert [text for _, text in faults(log, head)] == [f"the entry with hash {head} is gone"]
    anew = tmp_path / "anew.sqlite"
    for number in range(5):
        append(anew, "verdict", {"verdict": "allow", "n": number}, AT)
    assert faults(anew) == []
    assert "is gone" in faults(anew, head)[0][1]


def test_an_entry_that_is_no_text_any_more_shows(log: Path) -> None:
    tamper(log, "UPDATE entry SET body = '' WHERE number = 1")
    assert faults(log)[0] == (1, "was altered: its content does not give its hash")
    assert entries(log)[0].content == {}


def test_the_command_shows_a_log_that_was_tampered_with_and_fails(log: Path) -> None:
    tamper(log, "UPDATE entry SET body = '[]', kind = 'override' WHERE number = 1")
    command = [sys.executable, "-m", "backstay", "log", str(log.parent), "--log", str(log)]
    for form in ("text", "json"):
        shown = subprocess.run([*command, "--format", form], capture_output=True, text=True, check=False)
        assert shown.returncode == 1, shown.stderr
        assert "was altered" in shown.stdout
        assert shown.stderr == ""
