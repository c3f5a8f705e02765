"""Answers kept between runs: files of bytes by key, outside the network folder.

An entry is only ever a shortcut to what would be computed again. It counts when its file is ours alone (owner, mode 0600, no
link), it carries exactly the key asked for and its checksum holds; anything else is as if it were not there. Files
appear whole or not at all, the oldest go first when there are too many bytes, and a folder that cannot be used (read
only, somebody else's, full) only costs the time to compute.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MAGIC = b"backstay cache 1\n"
DIGEST = hashlib.sha256().digest_size
MOST_BYTES = 1 << 30
"""What the folder may hold, unless ``BACKSTAY_CACHE_MB`` says otherwise."""

MODE = 0o600


class Cache:
    """Entries in ``folder``, no more than ``most`` bytes of them."""

    def __init__(self, folder: Path, most: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most = most

    def get(self, key: str) -> bytes | None:
        """What was put under the key; None if there is nothing, or nothing that can be trusted."""
        try:
            content = self._read(self._file(key))
        except OSError:
            return None
        head = _head(key)
        if content is None or not content.startswith(head):
            return None
        checksum, payload = content[len(head) : len(head) + DIGEST], content[len(head) + DIGEST :]
        return payload if hashlib.sha256(payload).digest() == checksum else None

    def put(self, key: str, payload: bytes) -> None:
        """Keep the bytes under the key, if the folder lets us."""
        head = _head(key)
        if len(payload) + len(head) + DIGEST > self.most:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._is_ours():
                self._write(self._file(key), head + hashlib.sha256(payload).digest() + payload)
                self._make_room()

    def _file(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.entry"

    def _is_ours(self) -> bool:
        found = self.folder.stat()
        return found.st_uid == os.getuid() and not found.st_mode & 0o022

    def _read(self, file: Path) -> bytes | None:
        if not self._is_ours():
            return None
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != MODE:
                return None
            with contextlib.suppress(OSError):
                os.utime(descriptor)
            return stream.read()

    def _write(self, file: Path, content: bytes) -> None:
        """Beside the file first, then in its place."""
        draft = file.with_name(f".{file.stem}.{os.getpid()}.draft")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(descriptor, MODE)
                stream.write(content)
            draft.replace(file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _make_room(self) -> None:
        """Let the oldest go until no more than ``most`` bytes are left."""
        kept = sorted(self._entries(), key=lambda item: (item[1].st_mtime_ns, item[0].name))
        total = sum(found.st_size for _, found in kept)
        for file, found in kept:
            if total <= self.most:
                return
            file.unlink(missing_ok=True)
            total -= found.st_size

    def _entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        for file in self.folder.glob("*.entry"):
            with contextlib.suppress(OSError):
                yield file, file.stat()


def _head(key: str) -> bytes:
    name = key.encode()
    return MAGIC + len(name).to_bytes(8, "big") + name


def standard(environment: Mapping[str, str] = os.environ) -> Cache | None:
    """The user's cache: ``$XDG_CACHE_HOME/backstay``, else ``~/.cache/backstay``. None where ``BACKSTAY_NO_CACHE`` is set or
    there is no such place. ``BACKSTAY_CACHE_MB`` bounds it.
    """
    if environment.get("BACKSTAY_NO_CACHE"):
        return None
    base, home = Path(environment.get("XDG_CACHE_HOME", "")), Path(environment.get("HOME", ""))
    if not base.is_absolute() and not home.is_absolute():
        return None
    folder = base if base.is_absolute() else home / ".cache"
    asked = environment.get("BACKSTAY_CACHE_MB", "")
    return Cache(folder / "backstay", int(asked) << 20 if asked.isdecimal() else MOST_BYTES)
