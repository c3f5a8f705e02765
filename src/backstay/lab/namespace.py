"""Network namespaces: made in one batch, entered by a thread, found again by name.

A thread that enters a namespace takes its children and its new sockets there; sockets stay where they were made. So one
program can hold sockets in every namespace of a lab.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backstay.model.errors import EnvironmentError_

NAMES = Path("/run/netns")
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x20000
MS_REC, MS_SLAVE, MS_BIND, MNT_DETACH = 0x4000, 0x80000, 0x1000, 2
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Run the body, in this thread alone, within the namespace ``name``."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise EnvironmentError_(f"cannot enter a network namespace: {os.strerror(code)} (root is needed)")


def overlay_folder(own: Path, over: Path) -> None:
    """For this thread and the children it starts from now on, ``own`` stands where ``over`` is; nobody else sees it.

    The rest of the mounts follow the machine's (slave): a namespace deleted outside is not kept alive in here.
    """
    if _libc.unshare(CLONE_NEWNS) != 0:
        raise _mount_error("make a mount namespace")
    if _libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None) != 0:
        raise _mount_error("detach the mounts")
    if _libc.mount(str(own).encode(), str(over).encode(), None, MS_BIND, None) != 0:
        raise _mount_error(f"mount {own} on {over}")


def in_memory(folder: Path, size: str) -> None:
    """Keep what is written into the folder from now on in memory: thousands of small files go in one moment."""
    if _libc.mount(b"backstay", str(folder).encode(), b"tmpfs", 0, f"mode=755,size={size}".encode()) != 0:
        raise _mount_error(f"mount a file system at {folder}")


def forget(folder: Path) -> None:
    """Undo `in_memory`, with all that was written; nothing where nothing was mounted."""
    while folder.is_mount() and _libc.umount2(str(folder).encode(), MNT_DETACH) == 0:
        continue


def _mount_error(what: str) -> EnvironmentError_:
    return EnvironmentError_(f"cannot {what}: {os.strerror(ctypes.get_errno())}")


def named(prefix: str) -> tuple[str, ...]:
    """Namespaces whose name begins with ``prefix``, sorted."""
    if not NAMES.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in NAMES.iterdir() if entry.name.startswith(prefix)))


def batch(lines: Iterable[str], namespace: str = "") -> None:
    """Many ``ip`` commands in one process. Raises `EnvironmentError_` with the first complaint."""
    text = "".join(f"{line}\n" for line in lines)
    where = ["-n", namespace] if namespace else []
    done = subprocess.run(["ip", *where, "-batch", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        complaint = (done.stderr.strip() or "no message").splitlines()
        raise EnvironmentError_(f"ip: {complaint[0]}")


def create(names: Sequence[str]) -> None:
    """Make namespaces. Raises `EnvironmentError_` when a name is taken."""
    taken = sorted(set(names) & set(named("")))
    if taken:
        raise EnvironmentError_(f"the network namespace {taken[0]} is there already: `ip netns del {taken[0]}`")
    batch(f"netns add {name}" for name in names)


def remove(names: Sequence[str]) -> None:
    """Delete those of the namespaces that are there; their interfaces go with them."""
    there = set(named(""))
    batch(f"netns del {name}" for name in names if name in there)


def prepare(name: str, settings: Iterable[tuple[str, str]], interfaces: Iterable[str]) -> None:
    """Write kernel settings (path below /proc/sys/net, value) in a namespace, then set interfaces up."""
    with inside(name):
        for path, value in settings:
            Path("/proc/sys/net", path).write_text(value)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
            for interface in interfaces:
                _set_up(carrier, interface)


def _set_up(carrier: socket.socket, interface: str) -> None:
    request = struct.pack("16sH14s", interface.encode(), 0, b"")
    answer = fcntl.ioctl(carrier.fileno(), SIOCGIFFLAGS, request)
    flags = struct.unpack("16sH14s", answer)[1]
    fcntl.ioctl(carrier.fileno(), SIOCSIFFLAGS, struct.pack("16sH14s", interface.encode(), flags | IFF_UP, b""))


def inode(name: str) -> int | None:
    """What identifies the namespace in ``/proc/PID/ns/net``; None if it is not there."""
    try:
        return (NAMES / name).stat().st_ino
    except OSError:
        return None


def processes(names: Iterable[str]) -> tuple[int, ...]:
    """Every process of this machine that lives in one of the namespaces, in one walk over /proc."""
    wanted = {number for name in names if (number := inode(name)) is not None}
    every = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())
    return tuple(sorted(number for number in every if namespace_of(number) in wanted))


def namespace_of(process: int) -> int:
    """The inode of a process's network namespace; -1 if it is gone."""
    try:
        return Path(f"/proc/{process}/ns/net").stat().st_ino
    except OSError:
        return -1
