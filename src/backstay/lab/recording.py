"""What outside speakers heard, as collectors of the Internet keep it: MRT, written by BIRD itself, and BMP, made of it.

Every speaker's folder has `speaker.RECORDING`, each message it received and each change of a session's state as they came.
The lab's own servers write the same as a BMP stream (RFC 7854) beside it: the speaker is the monitored router, the routers of
the network are its peers, updates are told before import policy and byte by byte. Two things BMP wants and BIRD does not
record are filled in: the OPEN the speaker sent (from its number and the session's addresses) and the TCP ports (0).
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backstay.lab.design import DNS, NEIGHBOR, Design
from backstay.lab.record import Record
from backstay.lab.speaker import RECORDING

BMP = "heard.bmp"
BGP4MP = 16
STATE_CHANGE, STATE_CHANGE_AS4 = 0, 5
"""Subtypes of RFC 6396 4.4; the others are messages."""
WIDE = frozenset({4, 5, 7})
"""Subtypes whose AS numbers have four octets (RFC 6396 4.4.3, 4.4.4; RFC 8050 has the rest)."""
ESTABLISHED = 6
OPEN, UPDATE, NOTIFICATION = 1, 2, 3
AS_TRANS = 23456
MARKER = b"\xff" * 16
INITIATION, ROUTE_MONITORING, PEER_DOWN, PEER_UP = 4, 0, 2, 3
"""BMP message types (RFC 7854 4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One MRT record of a session. ``state`` is what the session's became, None for a message; ``message`` is the BGP
    message with its header. Addresses are 4 or 16 octets; ``at`` in whole seconds (BIRD 2.0.12 writes no more).
    """

    at: int
    peer_as: int
    local_as: int
    peer: bytes
    local: bytes
    wide: bool
    state: int | None = None
    message: bytes = b""


def records(data: bytes) -> Iterator[tuple[Heard | None, int]]:
    """Each whole record with the place behind it; None for one of another kind. Ends before one that is not all there."""
    place = 0
    while place + 12 <= len(data):
        at, kind, subtype, length = struct.unpack_from("!IHHI", data, place)
        end = place + 12 + length
        if end > len(data):
            return
        yield (_heard(at, subtype, data[place + 12 : end]) if kind == BGP4MP else None), end
        place = end


def _heard(at: int, subtype: int, body: bytes) -> Heard | None:
    wide = subtype in WIDE
    head = "!IIHH" if wide else "!HHHH"
    peer_as, local_as, _interface, family = struct.unpack_from(head, body)
    size = {1: 4, 2: 16}[family]
    start = struct.calcsize(head)
    peer, local, rest = body[start : start + size], body[start + size : start + 2 * size], body[start + 2 * size :]
    common = {"at": at, "peer_as": peer_as, "local_as": local_as, "peer": peer, "local": local, "wide": wide}
    if subtype in {STATE_CHANGE, STATE_CHANGE_AS4}:
        return Heard(**common, state=struct.unpack("!HH", rest)[1])
    return Heard(**common, message=rest)


# ------------------------------------------------------------------------------------------- as BMP


@dataclass(slots=True)
class Session:
    """What must be known of a session to tell of it: the OPEN its peer sent, and whether it is up."""

    opened: bytes = b""
    notified: bytes = b""
    up: bool = False


@dataclass(slots=True)
class Monitor:
    """Makes one speaker's records into a BMP stream; what `hello` gives comes first."""

    name: str
    sessions: dict[bytes, Session] = field(default_factory=dict)

    def hello(self) -> bytes:
        """The initiation message: who is monitored (RFC 7854 4.3)."""
        told = ((1, b"an outside speaker of a backstay lab (BIRD)"), (2, self.name.encode()))
        return _bmp(INITIATION, b"".join(struct.pack("!HH", kind, len(text)) + text for kind, text in told))

    def tell(self, heard: Heard) -> bytes:
        """What BMP says of a record; b"" for nothing."""
        session = self.sessions.setdefault(heard.peer, Session())
        if heard.state is not None:
            return self._changed(session, heard)
        kind = heard.message[18] if len(heard.message) > 18 else 0
        if kind == OPEN:
            session.opened = heard.message
        elif kind == NOTIFICATION:
            session.notified = heard.message
        elif kind == UPDATE and session.up:
            return _bmp(ROUTE_MONITORING, _peer(heard, session) + heard.message)
        return b""

    def _changed(self, session: Session, heard: Heard) -> bytes:
        if heard.state == ESTABLISHED and not session.up:
            session.up, session.notified = True, b""
            ports = struct.pack("!HH", 0, 0)
            body = _padded(heard.local) + ports + _open(heard) + session.opened
            return _bmp(PEER_UP, _peer(heard, session) + body)
        if heard.state != ESTABLISHED and session.up:
            session.up = False
            reason = b"\x03" + session.notified if session.notified else b"\x04"
            return _bmp(PEER_DOWN, _peer(heard, session) + reason)
        return b""


def _bmp(kind: int, body: bytes) -> bytes:
    return struct.pack("!BIB", 3, 6 + len(body), kind) + body


def _peer(heard: Heard, session: Session) -> bytes:
    """The per-peer header (RFC 7854 4.2): pre-policy; flag V for IPv6, flag A where the message's paths have two octets."""
    flags = (0x80 if len(heard.peer) == 16 else 0) | (0 if heard.wide else 0x20)
    identifier = session.opened[24:28] if len(session.opened) >= 28 else bytes(4)
    return (
        struct.pack("!BB8x", 0, flags)
        + _padded(heard.peer)
        + struct.pack("!I", heard.peer_as)
        + identifier
        + struct.pack("!II", heard.at, 0)
    )


def _padded(address: bytes) -> bytes:
    return address.rjust(16, b"\0")


def _open(heard: Heard) -> bytes:
    """The OPEN a speaker sent: version 4, its AS, the hold time the lab gives it, four-octet numbers (RFC 4271, 6793)."""
    number = heard.local_as if heard.local_as < 1 << 16 else AS_TRANS
    capability = struct.pack("!BBBBI", 2, 6, 65, 4, heard.local_as)
    body = struct.pack("!BHH", 4, number, 240) + heard.local[-4:] + struct.pack("!B", len(capability)) + capability
    return MARKER + struct.pack("!HB", 19 + len(body), OPEN) + body


# ------------------------------------------------------------------------------------------- on disk


class Recorder:
    """Follows one speaker's MRT file and writes what is new in it to the BMP file beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.source, self.target = folder / RECORDING, folder / BMP
        self.monitor = Monitor(name)
        self._read = 0
        self.target.write_bytes(self.monitor.hello())

    def follow(self) -> None:
        """Write what came since the last time."""
        if not self.source.exists() or self.source.stat().st_size == self._read:
            return
        with self.source.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        place, said = 0, []
        for heard, place in records(data):  # noqa: B007 - where the last whole record ends
            said.append(self.monitor.tell(heard) if heard else b"")
        self._read += place
        with self.target.open("ab") as file:
            file.write(b"".join(said))


def recordings(record: Record, plan: Design) -> dict[str, tuple[Path, ...]]:
    """The files of what each outside speaker heard, by its name in the network (``dns/ath`` for a DNS site)."""
    found = {}
    for node in (*plan.of_kind(NEIGHBOR), *plan.of_kind(DNS)):
        files = (record.node_folder(node.name) / name for name in (RECORDING, BMP))
        found[node.subject] = tuple(path for path in files if path.exists())
    return {name: paths for name, paths in sorted(found.items()) if paths}


def keep_recordings(record: Record, plan: Design, folder: Path) -> None:
    """Copy them to a folder that stays when the lab goes: ``transit-a.mrt``, ``dns-ath.bmp``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, paths in recordings(record, plan).items():
        for path in paths:
            shutil.copy(path, folder / f"{name.replace('/', '-')}{path.suffix}")
