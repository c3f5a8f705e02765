"""The sockets routers are spoken to by: FRR's vty and BIRD's control socket.

FRR's answer to ``command NUL`` is text, three NULs and a return code (lib/vty.c ``vtysh_flush``); one exchange takes about
half a millisecond, against twenty for a ``vtysh`` process.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backstay.model.errors import Unproven

TIMEOUT = 30.0
END = b"\0\0\0"


class Control:
    """A daemon's control socket. Raises `Unproven` when the daemon is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Unproven(f"{path.parent.name}: {path.stem} does not answer: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()


class Vty(Control):
    """One daemon's vty, enabled."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ask("enable")

    def ask(self, command: str) -> str:
        """The daemon's answer to one command, whatever its return code."""
        try:
            self._socket.sendall(command.encode() + b"\0")
            return self._answer()
        except OSError as error:
            raise Unproven(f"{self.path.parent.name}: {self.path.stem} stopped answering: {error}") from error

    def _answer(self) -> str:
        parts = bytearray()
        while len(parts) < 4 or parts[-4:-1] != END:
            piece = self._socket.recv(1 << 18)
            if not piece:
                raise Unproven(f"{self.path.parent.name}: {self.path.stem} died")
            parts += piece
        return parts[:-4].decode(errors="replace")

    def json(self, command: str) -> Any:
        """The answer as JSON; {} where the daemon has nothing to say."""
        return decoded(self.ask(command), f"{self.path.parent.name}: {command}")


def decoded(text: str, where: str) -> Any:
    """A daemon's JSON. Raises `Unproven` when it is none."""
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unproven(f"{where}: the answer is no JSON ({error.msg})") from error


@contextmanager
def vty(folder: Path, daemon: str) -> Iterator[Vty]:
    """A connection to one daemon of the router that runs in ``folder``."""
    with Vty(folder / f"{daemon}.vty") as connection:
        yield connection


_CODE = re.compile(r"^(\d{4})([ -])(.*)$")


class Bird(Control):
    """BIRD's control socket: lines with four-digit codes; 0xxx, 8xxx and 9xxx end an answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lines = self._socket.makefile("r", encoding="utf-8", errors="replace")
        self._read()

    def close(self) -> None:
        self._lines.close()
        super().close()

    def ask(self, command: str) -> list[str]:
        """The lines of BIRD's answer, codes removed."""
        try:
            self._socket.sendall(command.encode() + b"\n")
            return self._read()
        except OSError as error:
            raise Unproven(f"{self.path.parent.name}: bird stopped answering: {error}") from error

    def _read(self) -> list[str]:
        lines: list[str] = []
        for raw in self._lines:
            line = raw.rstrip("\n")
            coded = _CODE.match(line)
            text = coded.group(3) if coded else line[1:]
            lines.append(text)
            if coded and coded.group(2) == " " and coded.group(1)[0] in "089":
                return lines
        raise Unproven(f"{self.path.parent.name}: bird died")
