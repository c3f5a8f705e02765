"""Questions answered in two processes: the same answers in the same order, and nothing hidden where one fails."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from backstay.model.errors import NotConverging
from backstay.referee import halves
from backstay.referee.halves import in_halves

QUESTIONS = range(halves.MANY + 1)
TWO = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")


@TWO
def test_two_processes_answer_in_order() -> None:
    answers = in_halves(QUESTIONS, lambda number: (number, os.getpid()))
    assert [number for number, _ in answers] == list(QUESTIONS)
    assert len({process for _, process in answers}) == 2
    assert {process for number, process in answers if number % 2 == 0} == {os.getpid()}


def test_few_questions_and_other_threads_stay_in_one_process() -> None:
    assert set(in_halves(QUESTIONS[:5], lambda _: os.getpid())) == {os.getpid()}
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert set(in_halves(QUESTIONS, lambda _: os.getpid())) == {os.getpid()}
    finally:
        release.set()
        thread.join()


@TWO
def test_what_the_second_process_does_not_answer_is_answered_at_home() -> None:
    home = os.getpid()

    def dies(number: int) -> int:
        if os.getpid() != home:
            os._exit(0)
        return number

    assert in_halves(QUESTIONS, dies) == tuple(QUESTIONS)


@TWO
def test_an_error_of_the_second_process_is_the_same_error(capfd: pytest.CaptureFixture[str]) -> None:
    def refuses(number: int) -> int:
        if number == 7:
            raise NotConverging("r7 runs in a circle", ("r7",))
        return number

    with pytest.raises(NotConverging, match="r7 runs in a circle") as caught:
        in_halves(QUESTIONS, refuses)
    assert caught.value.cycle == ("r7",)
    assert capfd.readouterr().err == ""


@TWO
def test_what_fails_at_home_leaves_no_process_behind() -> None:
    home = os.getpid()

    def fails(number: int) -> int:
        if os.getpid() == home:
            raise NotConverging("not here", ())
        return number

    with pytest.raises(NotConverging, match="not here"):
        in_halves(QUESTIONS, fails)
    assert multiprocessing.active_children() == []
