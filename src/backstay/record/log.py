"""One SQLite file that remembers every verdict and every override.

Each entry's hash covers its own text and the hash before it, so an entry changed, removed or put in between breaks the
chain from there on. Triggers refuse UPDATE and DELETE to a program that plays by the rules; the chain
shows what one that does not has done. Cutting entries off the **end** cannot be seen from inside the file: keep the
last hash (every audit prints it) somewhere else and give it to `verify`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backstay.model.errors import FolderError
from backstay.model.source import Place

GENESIS = "0" * 64
"""What stands before the first entry."""

_TABLE = """
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
  previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log. ``at`` is ISO 8601 UTC as the caller's clock said; ``kind`` verdict or override;
    ``body`` canonical JSON.
    """

    number: int
    at: str
    kind: str
    body: str
    previous: str
    hash: str

    @property
    def content(self) -> dict[str, Any]:
        """The body as a mapping; {} where somebody has made something else of it (`verify` says so)."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Where the chain breaks and how."""

    number: int
    text: str


def append(path: Path, kind: str, body: Mapping[str, Any], at: str) -> Entry:
    """Add one entry and return it. Two programs may append at once: SQLite orders them.

    Raises `FolderError` when the file cannot be written, or is no audit log.
    """
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    with _open(path, create=True) as database:
        database.execute("BEGIN IMMEDIATE")
        last = database.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        number, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
        entry = Entry(
            number=number, at=at, kind=kind, body=text, previous=previous,
            hash=_chain(number, at, kind, text, previous),
        )  # fmt: skip
        database.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            (entry.number, entry.at, entry.kind, entry.body, entry.previous, entry.hash),
        )
        database.commit()
    return entry


def entries(path: Path) -> tuple[Entry, ...]:
    """All entries, oldest first; raises `FolderError` when there is no such log."""
    with _open(path, create=False) as database:
        rows = database.execute("SELECT number, at, kind, body, previous, hash FROM entry ORDER BY number").fetchall()
    return tuple(
        Entry(number=row[0], at=row[1], kind=row[2], body=row[3], previous=row[4], hash=row[5]) for row in rows
    )


def verify(log: tuple[Entry, ...], head: str | None = None) -> tuple[Fault, ...]:
    """Every break of the chain, () when it holds; ``head`` is a hash seen earlier that must still be in it."""
    faults = []
    previous = GENESIS
    for position, entry in enumerate(log, start=1):
        if entry.number != position:
            faults.append(Fault(number=entry.number, text=f"entry {position} is missing"))
        if entry.previous != previous:
            faults.append(Fault(number=entry.number, text="does not follow the entry before it"))
        if entry.hash != _chain(entry.number, entry.at, entry.kind, entry.body, entry.previous):
            faults.append(Fault(number=entry.number, text="was altered: its content does not give its hash"))
        previous = entry.hash
    if head and head not in {entry.hash for entry in log}:
        faults.append(Fault(number=len(log), text=f"the entry with hash {head} is gone"))
    return tuple(faults)


def _chain(number: int, at: str, kind: str, body: str, previous: str) -> str:
    material = json.dumps([number, at, kind, body, previous], ensure_ascii=False)
    return hashlib.sha256(material.encode()).hexdigest()


@contextmanager
def _open(path: Path, *, create: bool) -> Iterator[sqlite3.Connection]:
    if not create and not path.is_file():
        raise FolderError("no audit log here", Place(str(path)))
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            if create:
                database.executescript(_TABLE)
            yield database
        finally:
            database.close()
    except (sqlite3.Error, OSError) as error:
        raise FolderError(f"cannot use the audit log: {error}", Place(str(path))) from error
