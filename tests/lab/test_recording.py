"""What outside speakers heard: BIRD's own MRT bytes read, and told again as BMP by the letter of RFC 7854."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from backstay.lab.recording import BMP, Monitor, Recorder, records
from backstay.lab.speaker import RECORDING

# Seen: BIRD 2.0.12 with `mrtdump all`, a router of AS 65000 at 172.16.0.0, the speaker of AS 64701 at 172.16.0.1. Times are
# shortened to one. The session comes up; 192.0.2.0/24 is announced; the end of the first table; the session ends.
HEAD4 = "0000fde80000fcbd00020001ac100000ac100001"


def mrt(at: int, subtype: int, body: str) -> bytes:
    data = bytes.fromhex(body)
    return struct.pack("!IHHI", at, 16, subtype, len(data)) + data


def bgp(kind: int, body: bytes) -> bytes:
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


OPENED = bgp(1, bytes.fromhex("04fde800090aff000100"))  # version 4, AS 65000, hold time 9, 10.255.0.1, no options
UPDATED = bytes.fromhex(
    "ffffffffffffffffffffffffffffffff0034020000001940010100"
    "5002000a02020000fde80000fcbd400304ac10000018644000"
)  # fmt: skip
"""Origin IGP, path 65000 64701, next hop 172.16.0.0, 100.64.0.0/24: as it was seen."""
NOTIFIED = bgp(3, bytes.fromhex("0602"))  # cease, administrative shutdown

FILE = b"".join(
    (
        mrt(100, 5, "0000fde80000fcbd0002000100000000000000000001" + "0003"),  # idle -> active, no addresses yet
        mrt(101, 1, "fde8fcbd00020001ac100000ac100001" + OPENED.hex()),
        mrt(101, 5, HEAD4 + "00050006"),  # open confirm -> established
        mrt(102, 4, HEAD4 + UPDATED.hex()),
        struct.pack("!IHHI", 102, 13, 1, 4) + b"none",  # a record of another kind
        mrt(103, 4, HEAD4 + NOTIFIED.hex()),
        mrt(103, 5, HEAD4 + "00060001"),
    )
)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of every BMP message: version 3, length with its head (RFC 7854 4.1)."""
    while data:
        version, length, kind = struct.unpack_from("!BIB", data)
        assert version == 3
        yield kind, data[6:length]
        data = data[length:]


def test_records_are_read_and_one_that_is_not_all_there_is_left() -> None:
    found = list(records(FILE))
    assert [(h.at, h.state, len(h.message)) if h else None for h, _ in found] == [
        (100, 3, 0), (101, None, 29), (101, 6, 0), (102, None, 52), None, (103, None, 21), (103, 1, 0),
    ]  # fmt: skip
    assert found[-1][1] == len(FILE)
    heard = found[3][0]
    assert heard is not None
    assert (heard.peer_as, heard.local_as, heard.peer.hex(), heard.local.hex()) == (
        65000,
        64701,
        "ac100000",
        "ac100001",
    )
    assert len(list(records(FILE[:-1]))) == len(found) - 1


def test_a_session_as_bmp() -> None:
    monitor = Monitor("user")
    stream = monitor.hello() + b"".join(monitor.tell(heard) for heard, _ in records(FILE) if heard)
    told = list(messages(stream))
    assert [kind for kind, _ in told] == [4, 3, 0, 2]  # initiation, peer up, route monitoring, peer down
    assert told[0][1].endswith(b"\x00\x02\x00\x04user")
    header = bytes(2 + 8 + 12) + bytes.fromhex("ac1000000000fde80aff0001")  # global, IPv4, pre-policy; AS; BGP id
    up, update, down = (body for _, body in told[1:])
    assert up[:34] == header
    assert up[34:42] == struct.pack("!II", 101, 0)
    assert up[42:62] == bytes(12) + bytes.fromhex("ac10000100000000")  # our address, ports not known
    sent = up[62:-29]
    assert sent == bgp(1, bytes.fromhex("04fcbd00f0ac10000108020641040000fcbd"))
    assert up[-29:] == OPENED
    assert update == header + struct.pack("!II", 102, 0) + UPDATED
    assert down == header + struct.pack("!II", 103, 0) + b"\x03" + NOTIFIED


def test_an_ipv6_session_and_an_as_of_four_octets() -> None:
    monitor = Monitor("six")
    own, peer = "20010db8000000000000000000000001", "20010db8000000000000000000000002"
    head = f"0000fde8fffe00000002{'0002'}{peer}{own}"
    told = [monitor.tell(heard) for heard, _ in records(mrt(1, 5, head + "00050006")) if heard]
    ((kind, body),) = messages(told[0])
    assert (kind, body[1]) == (3, 0x80)
    assert body[10:26].hex() == peer
    assert struct.unpack("!H", body[62 + 20 : 62 + 22]) == (23456,)  # AS_TRANS (RFC 6793 9)
    assert body[-8:].hex() == "020641" + "04fffe0000"
    lost = [monitor.tell(heard) for heard, _ in records(mrt(2, 5, head + "00060001")) if heard]
    assert [body[-1] for _, body in messages(lost[0])] == [4]  # the other side closed without a word


def test_the_file_grows_with_what_was_heard(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "user")
    recorder.follow()
    assert [kind for kind, _ in messages((tmp_path / BMP).read_bytes())] == [4]
    for place in (30, 200, len(FILE)):
        (tmp_path / RECORDING).write_bytes(FILE[:place])
        recorder.follow()
    assert [kind for kind, _ in messages((tmp_path / BMP).read_bytes())] == [4, 3, 0, 2]
