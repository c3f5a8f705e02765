"""The lab's own servers, one program for all namespaces: who answers at each address, the services, and the health checks.

Started by the lab as ``python -m backstay.lab.agent ID``. A DNS site is announced after two good checks in a row
and withdrawn after three bad ones, as health checkers of anycast sites do; what it does stands in ``events.jsonl`` and
``health.json`` of the lab's folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backstay.lab import record
from backstay.lab.ask import Ground, needs_hold, presence, works
from backstay.lab.design import DNS, HOST, NEIGHBOR, ROUTER, Node
from backstay.lab.dns import probe_name
from backstay.lab.lateness import Lateness
from backstay.lab.namespace import inside
from backstay.lab.places import PRESENCE, Stand, holder, instance_addresses, ports
from backstay.lab.record import Record
from backstay.lab.recording import Recorder
from backstay.lab.teardown import down
from backstay.lab.vty import Bird
from backstay.model.endpoints import addresses
from backstay.model.errors import EnvironmentError_, Unproven
from backstay.model.network import Overlay

INTERVAL = 0.5
RISE, FALL = 2, 3


def listener(namespace: str, port: int) -> socket.socket:
    """A socket that takes connections to any address of the namespace, of both IP versions. Raises `EnvironmentError_` when
    the port is taken.
    """
    with inside(namespace):
        made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("::", port))
        made.listen(256)
    except OSError as error:
        made.close()
        raise EnvironmentError_(f"{namespace}: port {port} cannot be listened at: {error.strerror}") from error
    made.setblocking(False)
    return made


async def say_name(name: str, writer: asyncio.StreamWriter) -> None:
    writer.write(f"{name}\n".encode())
    await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:
        return


async def serve(ground: Ground, service: str, positions: Sequence[Stand], streams: tuple[Any, Any]) -> None:
    """Answer one question to a service: ``ok``, or which of its needs does not hold."""
    reader, writer = streams
    try:
        asked = json.loads(await asyncio.wait_for(reader.readline(), 2.0) or b"{}")
    except (TimeoutError, OSError, json.JSONDecodeError):
        asked = {}
    known = ground.network.services[service]
    seen = tuple(asked.get("seen", [service]))
    answer = await needs_hold(ground, positions, known.needs, seen, float(asked.get("patience", 0.7)))
    writer.write(f"{answer.text}\n".encode())
    await _close(writer)


@dataclass(slots=True)
class Site:
    """One DNS site's health as its checker sees it."""

    node: Node
    anycast: str
    site: str
    held_back: bool
    announced: bool = False
    good: int = 0
    bad: int = 0
    rounds: int = 0
    reached: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    versions: tuple[int, ...] = field(default_factory=tuple)


class Agent:
    def __init__(self, ground: Ground, kept: Record, overlay: Overlay) -> None:
        self.ground, self.kept, self.folder = ground, kept, kept.folder
        self.sites = [self._site(node, overlay) for node in ground.plan.of_kind(DNS)]
        self.lateness = Lateness()

    def _site(self, node: Node, overlay: Overlay) -> Site:
        anycast, _, site = node.subject.partition("/")
        versions = sorted({p.version for p in self.ground.network.anycasts[anycast].prefixes})
        held = (anycast, site) in overlay.withdrawn
        return Site(node, anycast, site, held, versions=tuple(versions))

    async def run(self) -> None:
        servers = [
            await self._presence(node) for node in self.ground.plan.nodes.values() if node.kind in {ROUTER, HOST}
        ]
        servers += await self._services()
        self._tell("agent", "", f"{len(servers)} servers listen, {len(self.sites)} sites are checked")
        self._write()
        await asyncio.gather(
            *(self._check(site) for site in self.sites), self._owner(), self._record(), self.lateness.watch()
        )

    async def _record(self) -> None:
        """Keep what every outside speaker hears as BMP too."""
        speakers = (*self.ground.plan.of_kind(NEIGHBOR), *self.ground.plan.of_kind(DNS))
        recorders = [Recorder(self.kept.node_folder(node.name), node.subject) for node in speakers]
        while True:
            for recorder in recorders:
                recorder.follow()
            await asyncio.sleep(INTERVAL)

    async def _owner(self) -> None:
        """Stay while the lab does: one that is bound goes with the program that built it, even a killed one."""
        while not self.kept.bound or record.alive(self.kept.owner):  # noqa: ASYNC110 - a process's end is no event
            await asyncio.sleep(1.0)
        down(self.kept)
        os._exit(0)

    async def _presence(self, node: Node) -> asyncio.Server:
        made = listener(self.ground.namespaces[node.name], PRESENCE)
        return await asyncio.start_server(lambda _, writer: say_name(node.subject, writer), sock=made)

    async def _services(self) -> list[asyncio.Server]:
        numbers, found = ports(self.ground.network), []
        for service in self.ground.network.services.values():
            nodes: dict[str, list[Stand]] = {}
            for site in service.sites if service.network else ():
                for address in instance_addresses(self.ground.network, service, site):
                    node = holder(self.ground.network, self.ground.plan, address)
                    if node:
                        nodes.setdefault(node, []).append(Stand(node, address))
            for node, own in nodes.items():
                made = listener(self.ground.namespaces[node], numbers[service.name])
                found.append(await asyncio.start_server(self._server(service.name, tuple(own)), sock=made))
        return found

    def _server(self, service: str, own: tuple[Stand, ...]) -> Any:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(self.ground, service, own, (reader, writer))

        return answer

    # ----------------------------------------------------------------------------------- health

    async def _check(self, site: Site) -> None:
        """Ask and judge, over and over. A round in which this program was late itself, on a busy machine, and that would speak
        against the site is no round.
        """
        rule = self.ground.network.anycasts[site.anycast].health
        while True:
            begun = time.monotonic()
            answers = await asyncio.gather(*(self._answers(site, target) for target in rule.targets))
            if sum(answers) >= rule.need or not self.lateness.since(begun):
                self._judge(site, rule.targets, answers, rule.need)
            await asyncio.sleep(max(0.05, INTERVAL - (time.monotonic() - begun)))

    async def _answers(self, site: Site, target: str) -> bool:
        own = [Stand(site.node.name, meeting.own) for meeting in site.node.meetings]
        network = self.ground.network
        if target in network.services and target not in network.sites:
            return (await works(self.ground, own, target)).ok
        asks = [
            presence(self.ground, stand, address, PRESENCE)
            for stand in own
            for address in addresses(network, target, stand.source.version)
        ]
        return any(answer.ok for answer in await asyncio.gather(*asks))

    def _judge(self, site: Site, targets: Sequence[str], answers: Sequence[bool], need: int) -> None:
        before = (site.reached, site.failed, site.announced)
        site.reached = tuple(target for target, ok in zip(targets, answers, strict=True) if ok)
        site.failed = tuple(target for target, ok in zip(targets, answers, strict=True) if not ok)
        healthy = len(site.reached) >= need
        site.good, site.bad = (site.good + 1, 0) if healthy else (0, site.bad + 1)
        site.rounds = site.rounds + 1 if before[:2] == (site.reached, site.failed) else 1
        if before[1] != site.failed:
            text = f"{site.anycast} site {site.site} reaches {len(site.reached)} of {len(targets)}, needs {need}"
            self._tell("health", f"{site.anycast}/{site.site}", text)
        if not site.announced and not site.held_back and (site.good >= RISE or need <= 0):
            self._announce(site, True)
        elif site.announced and site.bad >= FALL:
            self._announce(site, False)
        if site.rounds <= FALL or before != (site.reached, site.failed, site.announced):
            self._write()

    def _announce(self, site: Site, up: bool) -> None:
        word = "enable" if up else "disable"
        try:
            with Bird(self.folder / site.node.name / "bird.ctl") as bird:
                for version in site.versions:
                    bird.ask(f"{word} anycast{version}")
        except Unproven as error:
            self._tell("fault", f"{site.anycast}/{site.site}", str(error))
            return
        site.announced = up
        prefixes = ", ".join(str(p) for p in sorted(self.ground.network.anycasts[site.anycast].prefixes))
        kind, verb = ("site-announced", "announces") if up else ("site-withdrawn", "withdraws")
        self._tell(kind, f"{site.anycast}/{site.site}", f"{site.anycast} site {site.site} {verb} {prefixes}")

    # ----------------------------------------------------------------------------------- on disk

    def _tell(self, kind: str, subject: str, text: str) -> None:
        line = {"at": time.time(), "kind": kind, "subject": subject, "text": text}
        with (self.folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _write(self) -> None:
        found = {
            f"{site.anycast}/{site.site}": {
                "announced": site.announced,
                "reached": list(site.reached),
                "failed": list(site.failed),
                "settled": site.rounds >= FALL and (site.good >= RISE or site.bad >= FALL),
            }
            for site in self.sites
        }
        fresh = self.folder / "health.new"
        fresh.write_text(json.dumps(found))
        fresh.rename(self.folder / "health.json")


def main() -> None:
    """Serve until told to stop."""
    kept = record.load(sys.argv[1])
    content = record.content(kept)
    ground = Ground(
        network=content.network, plan=content.design, namespaces=kept.namespaces, name=probe_name(content.network)
    )
    loop = asyncio.new_event_loop()
    work = loop.create_task(Agent(ground, kept, content.overlay).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        loop.run_until_complete(work)
    except asyncio.CancelledError:
        loop.close()
    except EnvironmentError_ as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
