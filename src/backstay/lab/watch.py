"""Watching a lab while things happen to it: probes from outside and from where operators stand, each with its own pace.

Runs in a thread of its own, so that typing a change does not hold the probes up.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

from backstay.lab.ask import Ground, banner, resolves, works
from backstay.lab.design import NEIGHBOR, ROUTER
from backstay.lab.health import dead
from backstay.lab.lateness import Lateness
from backstay.lab.outcome import ground
from backstay.lab.places import stands
from backstay.lab.record import Content, Record
from backstay.lab.timeline import NAMES, OPERATORS, ROUTES, SERVICES, SITES, Timeline
from backstay.lab.vty import Bird
from backstay.model.address import Prefix
from backstay.model.endpoints import loopback
from backstay.model.errors import Unproven
from backstay.model.selection import select

NAMES_PACE, ROUTES_PACE, SERVICE_PACE, SSH_PACE, EVENTS_PACE, DEATHS_PACE = 0.2, 0.1, 0.5, 0.06, 0.1, 1.0
DIED = "died"
PATIENCE = 1.0
OPERATOR_PLACES = ("in-band",)


class Watch:
    """Probes that fill a timeline while the ``with`` block runs. ``zero`` is the moment the timeline counts from."""

    def __init__(self, record: Record, content: Content, timeline: Timeline, zero: float) -> None:
        self.record, self.content, self.timeline, self.zero = record, content, timeline, zero
        self.where: Ground = ground(record, content)
        self.network = content.network
        self._good: dict[str, dict[str, bool]] = {name: {} for name in (NAMES, ROUTES, OPERATORS, SERVICES, SITES)}
        self._once_good: set[tuple[str, str]] = set()
        self._died: set[str] = set()
        self._asked: dict[str, float] = {}
        self._unsettled = False
        self._lateness = Lateness()
        self._stop = threading.Event()
        self._told = 0
        self._thread = threading.Thread(target=self._main, name="lab-watch", daemon=True)
        self.fault: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=PATIENCE * 5)

    def now(self) -> float:
        return time.time() - self.zero

    def all_good(self) -> bool:
        """Whether every probe has been asked and its last answer was good."""
        if self.fault is not None:
            raise Unproven(f"the probes broke off: {self.fault}")
        return all(answers and all(answers.values()) for name, answers in self._good.items() if name in self._wanted())

    def count(self, series: str) -> tuple[int, int]:
        answers = self._good[series]
        return sum(answers.values()), len(answers)

    def at_rest(self, since: float) -> bool:
        """Whether every probe has been asked from beginning to end after a moment of the timeline, and no health check is in the
        middle of changing its mind.
        """
        return not self._unsettled and all(self._asked.get(name, 0.0) > since for name in self._wanted())

    def missing(self) -> str:
        """The first probes that are not good, for people."""
        bad = [f"{name}: {what}" for name, answers in self._good.items() for what, good in answers.items() if not good]
        empty = [name for name in self._wanted() if not self._good[name]]
        return ", ".join((bad or empty)[:3])

    def _wanted(self) -> tuple[str, ...]:
        has_names = bool(self.network.anycasts)
        return tuple(
            name
            for name, there in (
                (NAMES, has_names and bool(self._outside())),
                (ROUTES, has_names and bool(self._outside())),
                (SITES, has_names),
                (OPERATORS, bool(self._ssh_targets())),
                (SERVICES, bool(self.network.services) and bool(self._operators())),
            )
            if there
        )

    # ------------------------------------------------------------------------------------- who and where

    def _outside(self) -> tuple[str, ...]:
        return tuple(name for name in self.network.neighbors if stands(self.network, self.content.design, name))

    def _operators(self) -> tuple[str, ...]:
        paths = self.network.access_paths.values()
        return tuple(dict.fromkeys(p.source for p in paths if p.kind in OPERATOR_PLACES and p.source))

    def _ssh_targets(self) -> tuple[tuple[str, str], ...]:
        """(source, router) of every operator path inside the network."""
        return tuple(
            dict.fromkeys(
                (path.source, router)
                for path in self.network.access_paths.values()
                if path.kind in OPERATOR_PLACES and path.source
                for router in select(self.network, path.targets)
            )
        )

    # ------------------------------------------------------------------------------------- the thread

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:  # noqa: BLE001 - a thread's end must be told where it is waited for
            self.fault = error

    async def _run(self) -> None:
        work = [
            self._each(NAMES, NAMES_PACE, self._names),
            self._each(ROUTES, ROUTES_PACE, self._routes),
            self._each(SERVICES, SERVICE_PACE, self._services),
            self._each(SITES, EVENTS_PACE, self._events),
            self._each(DIED, DEATHS_PACE, self._deaths),
            self._ssh(),
            self._lateness.watch(),
        ]
        tasks = [asyncio.create_task(item) for item in work]
        while not self._stop.is_set():
            await asyncio.sleep(0.05)
            for task in tasks:
                if task.done():
                    task.result()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _each(self, series: str, pace: float, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            begun, asked = time.monotonic(), self.now()
            await ask()
            self._asked[series] = asked
            await asyncio.sleep(max(0.02, pace - (time.monotonic() - begun)))

    def _note(self, series: str, what: str, good: bool, said: str = "") -> None:
        """Keep an answer; a change of it is an event. A bad one that came while this program was late itself is none."""
        if not good and self._lateness.since(time.monotonic() - PATIENCE):
            return
        answers = self._good[series]
        before = answers.get(what)
        answers[what] = good
        self.timeline.sample(series, self.now(), *self.count(series))
        if before is not None and before != good:
            kind = f"{series} {'regained' if good else 'lost'}"
            again = " again" if (series, what) in self._once_good else ""
            self.timeline.add(self.now(), kind, what, _sentence(series, what, good, said) + again * good)
        if good:
            self._once_good.add((series, what))

    async def _names(self) -> None:
        jobs = [(name, anycast) for name in self._outside() for anycast in self.network.anycasts]
        for (name, anycast), answer in zip(
            jobs,
            await asyncio.gather(*(resolves(self.where, self._at(name), anycast, PATIENCE) for name, anycast in jobs)),
            strict=True,
        ):
            self._note(NAMES, name if len(self.network.anycasts) == 1 else f"{name} {anycast}", answer.ok, answer.text)

    def _at(self, place: str) -> tuple[Any, ...]:
        return stands(self.network, self.content.design, place)

    async def _routes(self) -> None:
        await asyncio.to_thread(self._hear)

    def _hear(self) -> None:
        prefixes = [prefix for anycast in self.network.anycasts.values() for prefix in anycast.prefixes]
        for node in self.content.design.of_kind(NEIGHBOR):
            path = self.record.node_folder(node.name) / "bird.ctl"
            if prefixes and path.exists():
                heard = _heard(path, prefixes)
                if heard is not None:
                    self._note(ROUTES, node.subject, heard)

    async def _services(self) -> None:
        for place in self._operators():
            names = list(self.network.services)
            answers = await asyncio.gather(*(works(self.where, self._at(place), n, (), PATIENCE * 1.5) for n in names))
            for name, answer in zip(names, answers, strict=True):
                self._note(SERVICES, f"{name} from {place}", answer.ok, answer.text)

    async def _ssh(self) -> None:
        """One operator and one router after the other, many under way at once."""
        pairs = self._ssh_targets()
        while pairs:
            running, asked = set(), self.now()
            for source, router in pairs:
                running.add(asyncio.create_task(self._ssh_once(source, router)))
                await asyncio.sleep(SSH_PACE)
            await asyncio.gather(*running)
            self._asked[OPERATORS] = asked
        await asyncio.Event().wait()

    async def _ssh_once(self, source: str, router: str) -> None:
        if not any(node.subject == router for node in self.content.design.of_kind(ROUTER)):
            return
        own = [a for version in (4, 6) if (a := loopback(self.network.routers[router], version))]
        asks = [
            banner(self.where, stand, address, PATIENCE)
            for stand in self._at(source)
            for address in own
            if address.version == stand.source.version
        ]
        answers = await asyncio.gather(*asks)
        text = answers[0].text if answers else "no address"
        self._note(OPERATORS, f"{source} to {router}", any(answer.ok for answer in answers), text)

    async def _deaths(self) -> None:
        """A daemon that dies takes routes with it: what follows is no consequence of what was typed, so it is told as such."""
        for name in await asyncio.to_thread(dead, self.record):
            if name not in self._died:
                self._died.add(name)
                self.timeline.add(self.now(), DIED, name, f"{name} died: what follows comes of that too")

    async def _events(self) -> None:
        """What the health checks did, and which sites announce."""
        path = self.record.folder / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines[self._told :]:
            found = json.loads(line)
            if found["kind"] != "agent":
                self.timeline.add(found["at"] - self.zero, found["kind"], found["subject"], found["text"])
        self._told = len(lines)
        health = self.record.folder / "health.json"
        if health.exists():
            found = json.loads(health.read_text())
            for site, told in found.items():
                self._good[SITES][site] = bool(told["announced"])
            self._unsettled = not all(told["settled"] for told in found.values())
            self.timeline.sample(SITES, self.now(), *self.count(SITES))


def _heard(path: Any, prefixes: Sequence[Prefix]) -> bool | None:
    """Whether a speaker has every anycast prefix it could have; None while BIRD does not answer."""
    try:
        with Bird(path) as bird:
            return all(any(str(p) in line for line in bird.ask(f"show route {p}")) for p in prefixes)
    except Unproven:
        return None


def _sentence(series: str, what: str, good: bool, said: str) -> str:
    words = {
        NAMES: ("names resolve for {}", "names fail for {}: {}"),
        ROUTES: ("{} hears the DNS prefixes", "{} hears the DNS prefixes withdrawn"),
        OPERATORS: ("ssh works, {}", "ssh fails, {}: {}"),
        SERVICES: ("{} works", "{} fails: {}"),
    }
    return words[series][0 if good else 1].format(what, said)
