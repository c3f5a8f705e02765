"""Taking a lab down: every process in its namespaces, its namespaces, its files. Works on what a killed program left."""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from backstay.lab import record
from backstay.lab.namespace import forget, named, processes, remove
from backstay.lab.record import Record
from backstay.model.errors import EnvironmentError_

PATIENCE = 10.0


def down(kept: Record) -> None:
    """Leave nothing of a lab: not a process, namespace, file or socket. Doing it twice is no fault.

    Raises `EnvironmentError_` when a process does not die within `PATIENCE` seconds.
    """
    names = named(record.prefix(kept.id))
    _kill(agents(kept.id))
    for _ in range(3):  # a daemon may be on its way into a namespace while the first round runs
        found = processes(names)
        if not found:
            break
        _kill(found)
    remove(names)
    forget(kept.folder)
    shutil.rmtree(kept.folder, ignore_errors=True)


def agents(identity: str) -> tuple[int, ...]:
    """The lab's own servers by what they were started as: whoever built it may have died before writing it down."""
    ending = b"\0-m\0backstay.lab.agent\0" + identity.encode() + b"\0"
    every = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())
    return tuple(number for number in every if number != os.getpid() and _command(number).endswith(ending))


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _kill(processes_: Iterable[int]) -> None:
    """Kill and wait for the end of every process, all at once."""
    waiting: dict[int, int] = {}
    for number in processes_:
        with suppress(ProcessLookupError):
            waiting[os.pidfd_open(number)] = number
            os.kill(number, signal.SIGKILL)
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    late = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < late:
        for descriptor, _ in poll.poll(200):
            poll.unregister(descriptor)
            os.close(descriptor)
            _reap(waiting.pop(descriptor))
    for descriptor in waiting:
        os.close(descriptor)
    if waiting:
        raise EnvironmentError_(f"process {min(waiting.values())} of the lab does not die")


def _reap(process: int) -> None:
    """Take note of the process's end if it is our own child: else it stays as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)
