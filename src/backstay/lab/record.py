"""What is known on disk about every lab, so that any later program can read it back or tear it down.

``/run/backstay/ID/`` holds ``lab.json`` (for people and for tearing down), ``lab.pickle`` (the network, the overlay, the
design: values of this program, written and read by root alone) and one folder a node. The folder is claimed by making it, so
two programs cannot take one id; whatever becomes of the program, ``backstay lab down`` finds here what it left.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from backstay.lab.design import Design
from backstay.model.errors import EnvironmentError_, UsageError
from backstay.model.network import Network, Overlay

BUILDING, UP = "building", "up"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def root() -> Path:
    """Where labs are kept: ``$BACKSTAY_RUN``, else ``/run/backstay``. Daemons that drop root must be able to enter, which
    ``$XDG_RUNTIME_DIR`` does not let them.
    """
    return Path(os.environ.get("BACKSTAY_RUN") or "/run/backstay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One lab on disk. ``namespaces`` by node; ``owner`` is the program that builds it, with the start time of its
    process (a number of the kernel's), so that a dead one is told from another that got its number. ``agent`` likewise.
    ``bound``: the lab is taken down by its own servers when the owner is gone. ``overflows``: how often the machine's
    neighbour tables had been full before it was built.
    """

    id: str
    network: str
    source: str
    state: str
    namespaces: Mapping[str, str]
    owner: tuple[int, int]
    agent: tuple[int, int] = (0, 0)
    timers: bool = True
    bound: bool = False
    overflows: int = 0

    @property
    def folder(self) -> Path:
        return root() / self.id

    def node_folder(self, node: str) -> Path:
        return self.folder / node

    @property
    def left_behind(self) -> bool:
        """Whether it is half built, or bound to its builder, and its builder is gone."""
        return (self.state == BUILDING or self.bound) and not alive(self.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a lab was built from."""

    network: Network
    overlay: Overlay
    design: Design


def prefix(identity: str) -> str:
    """What the names of a lab's namespaces begin with."""
    return f"backstay.{identity}."


def checked(identity: str) -> str:
    """The id, if it is one. Raises `UsageError`."""
    if not _ID.fullmatch(identity):
        raise UsageError(f"{identity!r} is no id of a lab: small letters, digits and hyphens, at most 32")
    return identity


def free_id(wanted: str) -> str:
    """``wanted``, or ``wanted-2`` and so on: the first id nobody uses."""
    base = re.sub(r"[^a-z0-9-]+", "-", wanted.lower()).strip("-")[:24] or "lab"
    number, name = 2, base
    while (root() / name).exists():
        name, number = f"{base}-{number}", number + 1
    return name


def claim(identity: str) -> Path:
    """Make the lab's folder. Raises `EnvironmentError_` when the id is taken."""
    root().mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = root() / checked(identity)
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError as error:
        raise EnvironmentError_(
            f"a lab called {identity} is there already: `backstay lab down {identity}` or another --id"
        ) from error
    return folder


def started(process: int) -> int:
    """The kernel's start time of a process (field 22 of /proc/PID/stat); 0 if there is none, or a zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def alive(process: tuple[int, int]) -> bool:
    return process[0] > 0 and started(process[0]) == process[1] != 0


def me() -> tuple[int, int]:
    return (os.getpid(), started(os.getpid()))


def write(record: Record) -> None:
    """Put the record in place, whole or not at all."""
    path = record.folder / "lab.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record), indent=2) + "\n")
    fresh.rename(path)


def keep(record: Record, content: Content) -> None:
    path = record.folder / "lab.pickle"
    path.touch(mode=0o600)
    path.write_bytes(pickle.dumps(content))


def content(record: Record) -> Content:
    """What the lab was built from. Raises `EnvironmentError_` when it was killed before that was written."""
    try:
        found = pickle.loads((record.folder / "lab.pickle").read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise EnvironmentError_(
            f"lab {record.id} cannot be read back: {error}; `backstay lab down {record.id}`"
        ) from error
    assert isinstance(found, Content)
    return found


def load(identity: str) -> Record:
    """Raises `UsageError` when there is no such lab."""
    found = _read(root() / checked(identity))
    if found is None:
        names = ", ".join(record.id for record in every()) or "none is up"
        raise UsageError(f"there is no lab called {identity} ({names})")
    return found


def the_only(identity: str = "") -> Record:
    """The lab of this id; with "" the only one there is. Raises `UsageError`."""
    if identity:
        return load(identity)
    found = tuple(every())
    if len(found) != 1:
        names = ", ".join(record.id for record in found)
        raise UsageError(f"which lab? {names}" if found else "no lab is up: `backstay lab up NETWORK`")
    return found[0]


def every() -> Iterator[Record]:
    """All labs on this machine, by id, half-built and left ones too."""
    folders = sorted(root().iterdir()) if root().is_dir() else []
    for folder in folders:
        found = _read(folder)
        if found is not None:
            yield found


def _read(folder: Path) -> Record | None:
    """The record in a folder. One that was killed before its first word is a lab left behind by nobody."""
    if not folder.is_dir():
        return None
    try:
        found = json.loads((folder / "lab.json").read_text())
    except (OSError, json.JSONDecodeError):
        return Record(id=folder.name, network="?", source="?", state=BUILDING, namespaces={}, owner=(0, 0))
    found["owner"], found["agent"] = tuple(found["owner"]), tuple(found["agent"])
    return Record(**found)


def risen(record: Record) -> Record:
    """The same lab, up."""
    return replace(record, state=UP)
