"""Each engine in a process of its own: nothing one of them does can end the audit, or speak for another.

A process is a fork of this one, taken before any engine has run: network, change, engine and checks are in its memory and
nothing has to be sent there. It makes the whole `Walk` of its engine, stop by stop as it is asked; findings, the ledger of
checks and an outline of each State come back, and single tables when the engines are found to differ.

A process has a budget of time and of memory. One that exceeds it is killed, as is every one that is left when the audit
ends, however it ends: a process never outlives the audit, nor the program (Linux: ``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Never, Self

from backstay.audit.attempt import Failure, attempt
from backstay.audit.outline import Digester, Outline
from backstay.audit.walk import Progress, Visit, Walk, is_sound
from backstay.model.errors import Unproven
from backstay.model.service import Budget
from backstay.model.state import RouteTable, State

POLL = 0.05
"""Seconds between two looks at a process that says nothing."""

MEGABYTE = 1 << 20

HEADROOM = 1 << 30
"""Address space a process may take beyond its budget: reserved, never touched (thread arenas, libraries)."""

FAILED = 70
"""Exit status of a process whose own code failed (EX_SOFTWARE of sysexits.h)."""

PR_SET_PDEATHSIG = 1
"""Linux prctl(2)."""

Answer = Visit | Failure


class Crew:
    """The processes of one audit, side by side. Use as a context: leaving it kills what is left."""

    def __init__(self, walks: Iterable[Walk], budget: Budget, tell: Progress) -> None:
        self._tell = tell
        self._workers: list[_Worker] = []
        made = tuple(walks)
        try:
            with _uninterrupted():
                for walk in made:
                    self._workers.append(_Worker(walk, budget, self._workers, compared=len(made) > 1))
        except OSError as error:
            self.close()
            raise Unproven(f"the engines' processes could not be started: {error}") from error
        except KeyboardInterrupt:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill every process that is left, and wait until it is gone."""
        for worker in self._workers:
            worker.kill()

    def visit(self, number: int) -> Mapping[str, Answer]:
        """What each engine says at a stop. An engine that is lost says so once, and is not asked again."""
        asked = [worker for worker in self._workers if not worker.lost]
        for worker in asked:
            worker.ask(("visit", number))
        pending = list(asked)
        while pending:
            wait([worker.connection for worker in pending], POLL)
            for worker in pending:
                worker.listen(self._tell)
            pending = [worker for worker in pending if worker.answer is None]
        return {worker.name: worker.visited(number) for worker in asked}


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is left: what Python runs around a fork would swallow it, and a process started and not
    yet noted down would be left behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no interrupt is ever raised here
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
    if caught:
        raise KeyboardInterrupt


class _Worker:
    """The parent's end of one process."""

    def __init__(self, walk: Walk, budget: Budget, elders: Iterable[_Worker], *, compared: bool) -> None:
        self.name = walk.name
        self.budget = budget
        self.lost = False
        self.answer: Any = None
        self._spent = 0.0
        self._asked_at = 0.0
        mine, theirs = Pipe()
        self.connection = mine
        others = (mine, *(elder.connection for elder in elders))
        self._pid = _fork(lambda: _Child(walk, theirs, compared=compared).serve(budget, others))
        self._status: int | None = None
        theirs.close()

    def ask(self, request: tuple[object, ...]) -> None:
        """Put a question; the clock of the time budget runs until it is answered."""
        self.answer = None
        self._asked_at = time.monotonic()
        try:
            self.connection.send(request)
        except OSError:
            self._lose(self._end())

    def listen(self, tell: Progress) -> None:
        """Take in what has come; kill a process that is over its budget."""
        while self.answer is None:
            message = attempt(self._receive)
            if message is None:
                break
            if isinstance(message, Failure):
                self._lose(self._end())
            elif message[0] == "tell":
                tell(str(message[1]))
            else:
                self._spent += time.monotonic() - self._asked_at
                self.answer = message[1]
        if self.answer is None:
            self._watch()

    def visited(self, number: int) -> Answer:
        """The answer to ``visit number``, if it is one."""
        answer = self.answer
        if isinstance(answer, Failure):
            return answer
        if not is_sound(answer, number):
            self._lose("its process answered something that is no answer to the question")
            assert isinstance(self.answer, Failure)
            return self.answer
        assert isinstance(answer, Visit)
        return answer if answer.state is None else replace(answer, state=self._outlined(number, answer.state))

    def fetch(self, number: int, router: str) -> Mapping[str, RouteTable]:
        """One router's tables in the State of a stop. Raises Unproven when the process cannot give them."""
        if self.lost:
            raise Unproven(f"engine {self.name} is no longer there to show its tables")
        self.ask(("tables", number, router))
        while self.answer is None:
            wait([self.connection], POLL)
            self.listen(lambda _: None)
        answer: Any = self.answer
        if not isinstance(answer, Mapping):
            cause = answer.cause if isinstance(answer, Failure) else "it did not answer with tables"
            raise Unproven(f"engine {self.name} could not show the tables of {router}: {cause}")
        return answer

    def kill(self) -> None:
        """End the process and everything it started, and reap it."""
        self.lost = True
        if self._status is None:
            for target in (os.killpg, os.kill):
                try:
                    target(self._pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._status = os.waitpid(self._pid, 0)[1]
        self.connection.close()

    def _outlined(self, number: int, state: State) -> State:
        digests: Any = state.routes
        return replace(state, routes=Outline(digests, lambda router: self.fetch(number, router)))

    def _receive(self) -> Any:
        """The next message, None while there is none. Raises EOFError when the process is gone."""
        return self.connection.recv() if self.connection.poll() else None

    def _lose(self, cause: str) -> None:
        self.kill()
        self.answer = Failure(cause)

    def _watch(self) -> None:
        """Time, memory, and whether it still lives."""
        if self._gone():
            self._lose(self._end())
        elif self._spent + time.monotonic() - self._asked_at > self.budget.seconds:
            self._lose(
                f"it was not done after its time budget of {self.budget.seconds:g} s: raise it"
                " (--budget-seconds, or 'budget: {seconds: ...}' in backstay.yaml)"
            )
        elif resident(self._pid) > self.budget.megabytes * MEGABYTE:
            self._lose(
                f"it used more than its memory budget of {self.budget.megabytes:g} MB: raise it"
                " (--budget-mb, or 'budget: {mb: ...}' in backstay.yaml)"
            )

    def _gone(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None and not self.connection.poll()

    def _end(self) -> str:
        """How the process came to its end, in words."""
        if self._status is None:
            # Its end of the pipe is closed: it is ending, or it never will by itself.
            time.sleep(POLL)
            self._gone()
        if self._status is None:
            return "its process stopped answering"
        code = os.waitstatus_to_exitcode(self._status)
        if code == -signal.SIGKILL:
            return "its process was killed (SIGKILL): by hand, or because this machine ran out of memory"
        if code < 0:
            return f"its process was ended by signal {signal.Signals(-code).name}"
        return f"its process ended by itself with exit status {code} before it had answered"


def resident(pid: int) -> int:
    """Bytes of memory that a process and those it started hold, what they share counted for each; 0 where /proc does not say
    (then the limit on address space must do).
    """
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * resource.getpagesize() + sum(resident(int(child)) for child in started)


# ------------------------------------------------------------------------------------------ inside the process


class _Child:
    """The process's end: one question at a time until it is killed."""

    def __init__(self, walk: Walk, connection: Connection, *, compared: bool) -> None:
        self.walk, self.connection, self.compared = walk, connection, compared
        self.digester = Digester()
        self.shown: dict[int, State] = {}

    def serve(self, budget: Budget, inherited: Iterable[Connection]) -> Never:
        """Answer until the parent is gone. Never returns."""
        for other in inherited:
            other.close()
        _limit_memory(budget)
        gc.freeze()
        self.walk.tell = lambda text: self.connection.send(("tell", text))
        while True:
            try:
                request = self.connection.recv()
            except EOFError:
                os._exit(0)
            self._send(attempt(self._answer, *request))

    def _answer(self, kind: str, number: int, router: str = "") -> object:
        if kind == "tables":
            tables = self.shown[number].routes.get(router, {})
            return {vrf: dict(table.items()) for vrf, table in tables.items()}
        visit = self.walk.visit(number)
        self.shown = {at: state for at, state in self.shown.items() if self._kept(state)}
        self.digester.keep_only({at: state.routes for at, state in self.shown.items()})
        if visit.state is None or not self.compared:
            return replace(visit, state=None)
        self.shown[number] = visit.state
        return replace(visit, state=self._plain(visit.state))

    def _kept(self, state: State) -> bool:
        return any(state is known for known in self.walk.states.values())

    def _plain(self, state: State) -> State:
        """The State as values that can be sent: digests in the place of tables."""
        self.walk.tell(f"{self.walk.name}: summing up its tables")
        digests: Any = self.digester.digests(state.routes)
        return replace(
            state,
            routes=digests,
            flows=dict(state.flows.items()),
            loads=replace(
                state.loads, mbps=dict(state.loads.mbps.items()), utilisation=dict(state.loads.utilisation.items())
            ),
            services=dict(state.services.items()),
            access=dict(state.access.items()),
        )

    def _send(self, answer: object) -> None:
        payload = attempt(pickle.dumps, ("answer", answer), pickle.HIGHEST_PROTOCOL)
        if isinstance(payload, Failure):
            payload = pickle.dumps(("answer", Failure(f"its answer could not be sent: {payload.cause}")))
        self.connection.send_bytes(payload)


def _fork(work: Callable[[], Never]) -> int:
    """A child that does the work and nothing else. In a session of its own: Ctrl-C is for the parent, which kills it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with warnings.catch_warnings():
        # A progress display may run a thread; the child uses nothing that thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
    finally:
        os._exit(FAILED)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_memory(budget: Budget) -> None:
    """A hard stop for what takes memory faster than `resident` is looked at."""
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    wanted = held + int(budget.megabytes * MEGABYTE) + HEADROOM
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
