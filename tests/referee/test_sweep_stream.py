"""What becomes of a stream when places on its way send it elsewhere, by hand."""

from __future__ import annotations

from backstay.model.state import Fate
from backstay.referee.seams import Place
from backstay.referee.sweep_stream import NOWHERE, Out, Outs, Stream, diverted, stream
from backstay.referee.walk import End

A, B, C, D = (("a", "default"), ("b", "default"), ("c", "default"), ("d", "default"))
HOME = End(Fate.DELIVERED, "d")
OUTS: dict[Place, Outs] = {A: (Out(0, B),), B: (Out(1, D),), C: (Out(2, D),), D: (Out(NOWHERE, HOME),)}
"""Everything by b; c stands beside."""


def ten() -> Stream:
    found = stream({A: 10.0}, {place: OUTS[place] for place in (A, B, D)})
    assert found is not None
    return found


def turned(**now: Outs) -> tuple[dict[int, float], set[End]] | None:
    """What changes when these places do something else."""
    outs = {**OUTS, **{(name, "default"): ways for name, ways in now.items()}}
    found = diverted(ten(), {(name, "default") for name in now}, {}, outs.__getitem__)
    return None if found is None else ({port: mbps for port, mbps in found[0].items() if mbps}, found[1])


def test_a_stream_is_what_passes_and_where_it_ends() -> None:
    assert ten().passing == {A: 10.0, B: 10.0, D: 10.0}
    assert ten().carried == {0: 10.0, 1: 10.0}
    assert ten().ends == {HOME}


def test_packets_in_a_circle_are_no_stream() -> None:
    assert stream({A: 10.0}, {A: (Out(0, B),), B: (Out(1, A),)}) is None


def test_half_of_it_goes_the_other_way() -> None:
    """At d as much comes in as was taken off: nothing there is looked at."""
    assert turned(a=(Out(0, B), Out(3, C))) == ({0: -5.0, 1: -5.0, 3: 5.0, 2: 5.0}, set())


def test_two_turns_one_behind_the_other() -> None:
    """b gets half of what it got, and sends that by c."""
    found = turned(a=(Out(0, B), Out(3, C)), b=(Out(4, C),))
    assert found == ({0: -5.0, 1: -10.0, 3: 5.0, 4: 5.0, 2: 10.0}, set())


def test_what_ends_on_the_way_is_taken_off_behind() -> None:
    dead = End(Fate.NO_ROUTE, "b")
    found = turned(b=(Out(NOWHERE, dead),))
    assert found is not None
    assert found[0] == {1: -10.0}
    assert dead in found[1]


def test_a_demand_that_is_gone_is_taken_off_all_its_way() -> None:
    assert diverted(ten(), set(), {A: 4.0}, OUTS.__getitem__) == ({0: -4.0, 1: -4.0}, {HOME})


def test_a_circle_that_begins_now_is_told() -> None:
    assert turned(b=(Out(5, A),)) is None
