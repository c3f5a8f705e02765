"""On a busy machine everything comes late: that is no answer about the network, and none is made of it. No root needed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from backstay.lab.ask import Answer
from backstay.lab.lateness import LATE, PACE, Lateness
from backstay.lab.outcome import MORE_PATIENCE, PATIENCE, _insisted
from backstay.lab.stillness import Ears, Monitor, Pulse, _wait, _waited


def test_a_loop_that_wakes_too_late_knows_it() -> None:
    lateness, now = Lateness(), time.monotonic()
    lateness.note(now - PACE)
    assert not lateness.since(now)
    lateness.note(now - PACE - LATE - 0.05)
    assert lateness.since(now)
    assert not lateness.since(time.monotonic() + 1)


def test_a_loop_that_is_held_up_is_found_late_before_a_question_times_out() -> None:
    async def scene() -> bool:
        lateness, begun = Lateness(), time.monotonic()
        watching = asyncio.create_task(lateness.watch())
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.5):
                time.sleep(0.8)  # noqa: ASYNC251 - this is the busy machine
                await asyncio.sleep(1)
        except TimeoutError:
            return lateness.since(begun)
        finally:
            watching.cancel()
        return False

    assert asyncio.run(scene())


def asked(*answers: Answer) -> tuple[Answer, list[float]]:
    given, patiences = iter(answers), []

    async def ask(patience: float) -> Answer:
        patiences.append(patience)
        return next(given)

    return asyncio.run(_insisted(ask)), patiences


def test_what_was_not_answered_in_time_is_asked_again_with_more_patience() -> None:
    late, fine = Answer(False, "dns: timed out"), Answer(True, "ok")
    assert asked(late, fine) == (fine, [PATIENCE, MORE_PATIENCE])
    assert asked(late, late) == (late, [PATIENCE, MORE_PATIENCE])
    refused = Answer(False, "Connection refused")
    assert asked(refused) == (refused, [PATIENCE])
    assert asked(fine) == (fine, [PATIENCE])


class Silence(Ears):
    """Nothing moves in any forwarding table."""

    def __init__(self) -> None:
        self.changes = {}

    def listen(self) -> frozenset[str]:
        return frozenset()


class Starving(Monitor):
    """Daemons that say the same each time because they have no processor, for a number of looks."""

    def __init__(self, looks: int) -> None:
        self.quiet, self.looks, self.asked = 0.5, looks, 0

    def pulse(self) -> Pulse:
        return Pulse(signature=("the same",), waiting=())

    def waits(self) -> dict[int, int]:
        return {}

    def starved(self, before: Mapping[int, int]) -> float:
        self.looks -= 1
        return 100.0 if self.looks >= 0 else 0.0

    def out_of_step(self) -> str:
        self.asked += 1
        assert self.looks < 0
        return ""


def test_a_lab_whose_daemons_wait_for_a_processor_is_not_still() -> None:
    told: list[Any] = []
    monitor = Starving(looks=3)
    assert _wait(Silence(), monitor, 30.0, told.append) == ()
    assert (monitor.looks, monitor.asked) == (-1, 1)


def test_how_long_a_process_has_waited_is_read_from_the_kernel() -> None:
    """Two that want the same processor: each waits about as long as the other works."""
    busy = "import os, time\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy]) as one, subprocess.Popen([sys.executable, "-c", busy]) as other:
        late = time.monotonic() + 30
        while time.monotonic() < late and min(_waited(one.pid), _waited(other.pid)) < 100_000_000:
            time.sleep(0.05)
        waited = _waited(one.pid), _waited(other.pid)
        one.kill()
        other.kill()
    assert min(waited) >= 100_000_000
    assert _waited(one.pid) == 0
    assert _waited(os.getpid()) >= 0


class Stuck(Starving):
    """A session that its daemons would try again in a minute."""

    nudges = 0

    def pulse(self) -> Pulse:
        waiting = () if self.nudges else ("r2: BGP with 10.255.0.55 is Idle",)
        return Pulse(signature=("down",) if waiting else ("up",), waiting=waiting)

    def nudge(self) -> bool:
        self.nudges += 1
        return True


def test_a_session_that_waits_for_its_next_try_is_tried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backstay.lab.stillness.HOPE", 2.0)
    monitor = Stuck(looks=0)
    assert _wait(Silence(), monitor, 30.0, lambda _: None) == ()
    assert monitor.nudges == 1
