"""Questions asked with real packets, from any node of a lab: is somebody there, does a name resolve, does a service work.

One program asks from all namespaces: a socket belongs to the namespace it was made in.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backstay.lab.design import Design
from backstay.lab.namespace import inside
from backstay.lab.places import SSH, Stand, instance_addresses, ports, stands
from backstay.model.address import Address
from backstay.model.endpoints import addresses
from backstay.model.network import Network

PATIENCE = 1.0
"""Seconds until a question counts as unanswered."""
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class Answer:
    """``ok`` with what was said (a site's name, an SSH banner), or why not."""

    ok: bool
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The lab questions are asked in. ``names`` is what the DNS sites serve: a name that must resolve."""

    network: Network
    plan: Design
    namespaces: Mapping[str, str]
    name: str


def _open(ground: Ground, stand: Stand, kind: socket.SocketKind) -> socket.socket:
    with inside(ground.namespaces[stand.node]):
        made = socket.socket(_FAMILY[stand.source.version], kind)
    made.setblocking(False)
    try:
        made.bind((str(stand.source), 0))
    except OSError:
        made.close()
        raise
    return made


async def talk(
    ground: Ground, stand: Stand, to: Address, port: int, send: bytes = b"", patience: float = PATIENCE
) -> Answer:
    """Connect over TCP, say ``send``, and take the first thing the other side says."""
    loop = asyncio.get_running_loop()
    try:
        with _open(ground, stand, socket.SOCK_STREAM) as made:
            async with asyncio.timeout(patience):
                await loop.sock_connect(made, (str(to), port))
                if send:
                    await loop.sock_sendall(made, send)
                said = await loop.sock_recv(made, 512)
            return Answer(True, said.decode(errors="replace").strip())
    except TimeoutError:
        return Answer(False, "timed out")
    except OSError as error:
        return Answer(False, os.strerror(error.errno) if error.errno else str(error))


async def presence(ground: Ground, stand: Stand, to: Address, port: int, patience: float = PATIENCE) -> Answer:
    """Whether somebody answers at all (the other side says its name)."""
    return await talk(ground, stand, to, port, patience=patience)


async def banner(ground: Ground, stand: Stand, to: Address, patience: float = PATIENCE) -> Answer:
    """Whether an SSH server answers, by its banner (RFC 4253 4.2)."""
    found = await talk(ground, stand, to, SSH, patience=patience)
    return (
        found if not found.ok or found.text.startswith("SSH-2.0") else Answer(False, f"no SSH server: {found.text!r}")
    )


# ------------------------------------------------------------------------------------------------ DNS


def query(number: int, name: str, kind: int = 1) -> bytes:
    """A DNS question (RFC 1035) with EDNS and an empty NSID option (RFC 5001)."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split(".")) + b"\0"
    option = struct.pack("!HH", 3, 0)
    extra = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    return struct.pack("!HHHHHH", number, 0, 1, 0, 0, 1) + labels + struct.pack("!HH", kind, 1) + extra


def read_answer(number: int, packet: bytes) -> Answer | None:
    """What a DNS answer says: the site's NSID on NOERROR with an answer. None: it answers another question."""
    if len(packet) < 12:
        return None
    asked, flags, questions, answers, _, extras = struct.unpack("!HHHHHH", packet[:12])
    if asked != number or not flags & 0x8000:
        return None
    code = flags & 15
    if code or not answers:
        return Answer(False, f"answered with code {code}, {answers} records")
    return Answer(True, _nsid(packet) if extras and questions else "")


def _nsid(packet: bytes) -> str:
    """The NSID option of the answer: found by its code and length where the OPT record ends the message."""
    at = packet.rfind(b"\0\0\x29")
    if at < 0 or at + 11 > len(packet):
        return ""
    place = at + 11
    while place + 4 <= len(packet):
        code, length = struct.unpack("!HH", packet[place : place + 4])
        if code == 3:
            return packet[place + 4 : place + 4 + length].decode(errors="replace")
        place += 4 + length
    return ""


async def resolve(ground: Ground, stand: Stand, server: Address, patience: float = PATIENCE, number: int = 1) -> Answer:
    """Ask a DNS server for the lab's name over UDP, once."""
    loop = asyncio.get_running_loop()
    try:
        with _open(ground, stand, socket.SOCK_DGRAM) as made:
            async with asyncio.timeout(patience):
                await loop.sock_connect(made, (str(server), 53))
                await loop.sock_sendall(made, query(number, ground.name))
                while True:
                    found = read_answer(number, await loop.sock_recv(made, 4096))
                    if found:
                        return found
    except TimeoutError:
        return Answer(False, "timed out")
    except OSError as error:
        return Answer(False, os.strerror(error.errno) if error.errno else str(error))


# ------------------------------------------------------------------------------------------------ services


async def resolves(ground: Ground, positions: Sequence[Stand], anycast: str, patience: float = PATIENCE) -> Answer:
    """Whether names of an anycast's sites resolve from any of the positions, in any IP version."""
    asks = [
        resolve(ground, stand, address, patience)
        for stand in positions
        for address in addresses(ground.network, anycast, stand.source.version)
    ]
    return _any(await asyncio.gather(*asks), f"{anycast}: no address to ask")


async def works(
    ground: Ground, positions: Sequence[Stand], service: str, seen: tuple[str, ...] = (), patience: float = PATIENCE
) -> Answer:
    """Whether a service works for somebody who stands there: an instance answers, and says that its own needs hold.

    ``seen`` are services already being asked for this answer: a circle of needs holds if nothing else is wrong. Each
    service asks its needs with the patience it was asked with, less a little, so that answers come in time.
    """
    known = ground.network.services.get(service)
    if known is None:
        return await resolves(ground, positions, service, patience)
    if service in seen:
        return Answer(True, "asked already")
    if not known.sites or not known.network:
        where = positions if known.sites else outside(ground) or positions
        return await needs_hold(ground, where, known.needs, (*seen, service), patience)
    words = json.dumps({"seen": [*seen, service], "patience": patience * 0.7}).encode() + b"\n"
    asks = [
        talk(ground, stand, address, ports(ground.network)[service], words, patience)
        for site in known.sites
        for address in instance_addresses(ground.network, known, site)
        for stand in positions
        if stand.source.version == address.version
    ]
    said = await asyncio.gather(*asks)
    return _any([Answer(a.ok and a.text == "ok", a.text) for a in said], f"{service}: nowhere to ask")


async def needs_hold(
    ground: Ground, positions: Sequence[Stand], needs: Sequence[str], seen: tuple[str, ...], patience: float
) -> Answer:
    """Whether all the needs work from there; the first that does not."""
    said = await asyncio.gather(*(works(ground, positions, need, seen, patience) for need in needs))
    for need, answer in zip(needs, said, strict=True):
        if not answer.ok:
            return Answer(False, f"{need}: {answer.text}")
    return Answer(True, "ok")


def outside(ground: Ground) -> tuple[Stand, ...]:
    """Users of all external networks: where a service outside the network stands."""
    return tuple(stand for name in ground.network.neighbors for stand in stands(ground.network, ground.plan, name))


def _any(answers: Sequence[Answer], nothing: str) -> Answer:
    return next((a for a in answers if a.ok), answers[0] if answers else Answer(False, nothing))


def positions(ground: Ground, place: str) -> tuple[Stand, ...]:
    return stands(ground.network, ground.plan, place)
