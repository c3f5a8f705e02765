"""Engines that misbehave in every way there is, each in its own process: the verdict is UNKNOWN and says why."""

from __future__ import annotations

import faulthandler
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.audit.kit import drain, engine, loads, network, ref, state, tables

from backstay.audit import isolation
from backstay.audit.gate import audit
from backstay.audit.walk import Walk
from backstay.model.finding import Decision, Engine, Severity, Verdict
from backstay.model.network import Network, Overlay
from backstay.model.service import Budget
from backstay.model.state import State

BEFORE = network()
GOOD = drain(BEFORE, "pop1")
HEALTHY = state(BEFORE)
MOVED = {**tables(), "pop1": {"default": {}}}
DRAINED = state(BEFORE, routes=MOVED, loads=replace(loads(), mbps={ref("pop2", "dc1"): 500.0}))
FAST = engine({id(BEFORE): HEALTHY}, default=DRAINED)
ROOMY = Budget(seconds=60, megabytes=8192)


def judge(second: Engine, budget: Budget = ROOMY) -> Verdict:
    return audit(GOOD, {"fast": FAST, "second": second}, ("fast", "second"), budget=budget)


def unknowns(verdict: Verdict) -> str:
    return "\n".join(item.summary for item in verdict.findings if item.severity is Severity.UNKNOWN)


def children() -> set[int]:
    """Processes that have this one for a parent."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii")
    return {int(word) for word in listed.split()}


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Any:
    before = children()
    yield
    assert children() == before


def late(behaviour: Callable[[], Any]) -> Engine:
    """An engine that is right about the network before the change, and then misbehaves."""

    def answer(asked: Network, overlay: Overlay, sweep: bool) -> State:
        if asked is not BEFORE:
            found: State = behaviour()
            return found
        return FAST(asked, overlay, sweep)

    return answer


def test_two_good_engines_allow_as_they_do_in_one_process() -> None:
    verdict = judge(FAST)
    assert verdict.decision is Decision.ALLOW, verdict.findings
    alone = audit(GOOD, {"fast": FAST, "second": FAST}, ("fast", "second"))
    assert verdict == alone


def test_engines_work_at_the_same_time() -> None:
    def slow(asked: Network, overlay: Overlay, sweep: bool) -> State:
        time.sleep(0.4)
        return FAST(asked, overlay, sweep)

    started = time.monotonic()
    verdict = audit(GOOD, {"a": slow, "b": slow}, ("a", "b"), budget=ROOMY)
    assert verdict.decision is Decision.ALLOW
    assert time.monotonic() - started < 1.4, "two states of two engines are 1.6 s one after the other"


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    """What a fault in native code does."""
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def raises() -> None:
    raise ZeroDivisionError("division by zero")


def interrupts() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (raises, "ZeroDivisionError: division by zero"),
        (lambda: os._exit(0), "ended by itself with exit status 0"),
        (lambda: sys.exit(0), "SystemExit: 0"),
        (interrupts, "ended by itself with exit status 70"),
        (kill_self, "was killed (SIGKILL)"),
        (crash, "signal SIGSEGV"),
        (lambda: {"routes": {}}, "dict instead of a State"),
        (lambda: replace(DRAINED, flows=Unsendable()), "TypeError: holds a socket"),
        (lambda: replace(DRAINED, engine=cast("str", Unsendable())), "could not be sent"),
    ],
)
def test_an_engine_that_ends_badly_is_unknown(behaviour: Callable[[], Any], cause: str) -> None:
    verdict = judge(late(behaviour))
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines == {"fast": Decision.ALLOW, "second": Decision.UNKNOWN}
    assert cause in unknowns(verdict)


class Unsendable(dict[str, Any]):
    def __reduce__(self) -> Any:
        raise TypeError("holds a socket")

    def items(self) -> Any:
        raise TypeError("holds a socket")


def test_the_only_engine_that_is_killed_is_no_silent_allow() -> None:
    verdict = audit(GOOD, {"fast": late(kill_self)}, ("fast",), budget=ROOMY)
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines == {"fast": Decision.UNKNOWN}


def test_a_lost_engine_says_so_once() -> None:
    verdict = judge(late(kill_self))
    assert unknowns(verdict).count("engine second") == 1


def test_an_engine_past_its_time_names_the_budget() -> None:
    started = time.monotonic()
    verdict = judge(late(lambda: time.sleep(60)), Budget(seconds=0.5, megabytes=8192))
    assert verdict.decision is Decision.UNKNOWN
    assert "time budget of 0.5 s: raise it (--budget-seconds" in unknowns(verdict)
    assert time.monotonic() - started < 10


def test_waiting_for_the_other_engine_is_not_on_the_clock() -> None:
    def slow(asked: Network, overlay: Overlay, sweep: bool) -> State:
        time.sleep(0.3)
        return FAST(asked, overlay, sweep)

    verdict = audit(GOOD, {"fast": FAST, "slow": slow}, ("fast", "slow"), budget=Budget(seconds=5, megabytes=8192))
    assert verdict.decision is Decision.ALLOW


def test_time_is_counted_over_the_whole_audit() -> None:
    """Two states of 0.4 s each are more than 0.6 s."""

    def slow(asked: Network, overlay: Overlay, sweep: bool) -> State:
        time.sleep(0.4)
        return FAST(asked, overlay, sweep)

    verdict = audit(GOOD, {"slow": slow}, ("slow",), budget=Budget(seconds=0.6, megabytes=8192))
    assert "time budget" in unknowns(verdict)


def swell() -> None:
    """Takes 20 MB at a time and touches every page of it."""
    held = []
    while True:
        held.append(bytearray(os.urandom(1) * (20 << 20)))
        time.sleep(0.01)


def test_an_engine_past_its_memory_names_the_budget() -> None:
    here = isolation.resident(os.getpid()) / isolation.MEGABYTE
    verdict = judge(late(swell), Budget(seconds=60, megabytes=here + 300))
    assert verdict.decision is Decision.UNKNOWN
    assert "memory budget" in unknowns(verdict)
    assert "--budget-mb" in unknowns(verdict)


def test_what_asks_for_too_much_at_once_is_refused_before_it_has_it() -> None:
    here = isolation.resident(os.getpid()) / isolation.MEGABYTE
    verdict = judge(late(lambda: bytearray(1 << 42)), Budget(seconds=60, megabytes=here + 300))
    assert verdict.decision is Decision.UNKNOWN
    assert "it ran out of memory: raise the memory budget (--budget-mb" in unknowns(verdict)


def test_an_engine_that_answers_with_the_state_before_is_caught_by_the_other() -> None:
    verdict = judge(late(lambda: HEALTHY))
    assert verdict.decision is Decision.UNKNOWN
    assert "fast and second disagree on routes: presence" in unknowns(verdict)


def test_an_engine_that_answers_for_another_overlay_is_unknown() -> None:
    elsewhere = Overlay(routers_down=frozenset({"pop3"}))
    verdict = judge(late(lambda: replace(DRAINED, overlay=elsewhere, routes=tables(12))))
    assert verdict.decision is Decision.UNKNOWN
    assert "disagree" in unknowns(verdict)


def test_a_difference_in_one_route_of_one_table_is_named_with_both_answers() -> None:
    odd = engine({id(BEFORE): replace(HEALTHY, routes=tables(metric=11))}, default=DRAINED)
    verdict = judge(odd)
    assert verdict.decision is Decision.UNKNOWN
    first = next(item for item in verdict.findings if item.check == "agree")
    assert first.summary == ("fast and second disagree on routes: metric, dc1 192.0.2.0/24 (10 of this shape, 3 shown)")
    assert (first.before, first.after) == ("fast: 11", "second: 12")


def test_an_engine_that_dies_while_its_tables_are_looked_at_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fatal(dict[Any, Any]):
        read = 0

        def items(self) -> Any:
            Fatal.read += 1
            if Fatal.read > 1:
                kill_self()
            return super().items()

    odd: dict[str, Any] = {**tables(), "dc1": {"default": Fatal(tables(99)["dc1"]["default"])}}
    verdict = judge(late(lambda: replace(DRAINED, routes=odd)))
    assert verdict.decision is Decision.UNKNOWN
    assert "engine second could not show the tables of dc1: its process was killed" in unknowns(verdict)


def test_an_answer_to_another_question_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is asked about one stop and answers about the next."""
    honest = Walk.visit
    monkeypatch.setattr(Walk, "visit", lambda walk, number: replace(honest(walk, number), number=number + 1))
    verdict = judge(FAST)
    assert verdict.decision is Decision.UNKNOWN
    assert "no answer to the question" in unknowns(verdict)


def test_garbage_on_the_pipe_is_unknown() -> None:
    def garble() -> None:
        for number in range(3, 40):
            with suppress(OSError):
                if stat.S_ISSOCK(os.fstat(number).st_mode):
                    os.write(number, b"\x00\x00\x00\x04junk")
        time.sleep(30)

    verdict = judge(late(garble), Budget(seconds=20, megabytes=8192))
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.engines["second"] is Decision.UNKNOWN


def test_a_process_that_an_engine_started_dies_with_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"

    def spawn() -> None:
        child = subprocess.Popen(["sleep", "60"])
        told.write_text(str(child.pid), encoding="ascii")
        time.sleep(60)

    judge(late(spawn), Budget(seconds=1, megabytes=8192))
    assert not _lives(int(told.read_text(encoding="ascii")))


def test_progress_of_every_engine_is_told() -> None:
    heard: list[str] = []
    audit(GOOD, {"a": FAST, "b": FAST}, ("a", "b"), on_progress=heard.append, budget=ROOMY)
    assert {"a: computing step 1", "b: computing step 1", "a: checking step 1"} <= set(heard)
    assert "comparing a and b: step 1" in heard


SCRIPT = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from tests.audit.kit import drain, network
from backstay.audit.gate import audit
from backstay.model.service import Budget
import pathlib

def slow(of, overlay, sweep):
    with open({told!r}, "a") as file:
        print(os.getpid(), file=file)
    while True:
        time.sleep(1)

audit(drain(network(), "pop1"), {{"a": slow, "b": slow}}, ("a", "b"), budget=Budget())
"""


def _start(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    told = tmp_path / "pids"
    told.touch()
    root = str(Path(__file__).resolve().parents[2])
    program = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(root=root, told=str(told))], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while len(told.read_text(encoding="ascii").split()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(word) for word in told.read_text(encoding="ascii").split()]
    assert len(workers) == 2
    return program, workers


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_program_ends_no_engine_is_left(tmp_path: Path, sent: signal.Signals) -> None:
    program, workers = _start(tmp_path)
    program.send_signal(sent)
    program.wait(timeout=20)
    deadline = time.monotonic() + 5
    while any(map(_lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_lives, workers))


def test_an_interrupt_is_no_verdict() -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(GOOD, {"fast": FAST}, ("fast",), on_progress=interrupted, budget=ROOMY)
