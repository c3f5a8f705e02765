"""Many questions that have nothing to do with each other, answered in two processes where there are two processors.

The second is a fork, so that it starts from everything known here; it answers every other question and is gone. What it does
not answer, for whatever reason, is answered here: whatever is wrong then shows as it would have without it. An engine that
shares its process with threads of others answers alone: a fork would copy their locks, held or not.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

MANY = 100
"""Fewer questions are answered sooner than a process is copied."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def in_halves(questions: Sequence[Question], answer: Callable[[Question], Answer]) -> tuple[Answer, ...]:
    """Every answer in the order of the questions. Raises what ``answer`` raises."""
    if len(questions) < MANY or len(os.sched_getaffinity(0)) < 2 or threading.active_count() > 1:
        return tuple(map(answer, questions))
    fork = multiprocessing.get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)
    second = fork.Process(target=_serve, args=(sending, questions[1::2], answer, os.getpid()), daemon=True)
    second.start()
    sending.close()
    try:
        mine = tuple(map(answer, questions[::2]))
        theirs = _received(receiving)
    finally:
        second.kill()
        second.join()
        receiving.close()
    if theirs is None:
        theirs = tuple(map(answer, questions[1::2]))
    return tuple(chain.from_iterable(zip_longest(mine, theirs)))[: len(questions)]


def _serve(
    sending: Connection, questions: Sequence[Question], answer: Callable[[Question], Answer], parent: int
) -> None:
    """Answer and send, or be silent; end where nobody is left to send it to."""

    def unless_alone(question: Question) -> Answer:
        if os.getppid() != parent:
            os._exit(1)
        return answer(question)

    sys.stderr = Path(os.devnull).open("w", encoding="ascii")  # noqa: SIM115 - until the process ends
    sending.send(tuple(map(unless_alone, questions)))


def _received(receiving: Connection) -> Any:
    """None where nothing came."""
    try:
        return receiving.recv()
    except EOFError:
        return None
