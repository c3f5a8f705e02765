"""Demands to one address as a stream, and what becomes of it after a failure: only the difference is followed.

What passes a place that does something else now is taken off where it went, and poured out from there again. All that
is added and taken away goes with the stream as it is now; where as much comes in as was taken off, nothing changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from backstay.referee.seams import Place
from backstay.referee.traffic import downstream
from backstay.referee.walk import End

NOWHERE = -1
"""The port of packets that are not sent."""

LITTLE = 1e-9
"""Mbit/s: less is what adding and taking away leave of nothing."""


class Out(NamedTuple):
    """One of the equal ways a stream takes from a place: the number of the interface, and what is beyond."""

    port: int
    onward: Place | End


Outs = tuple[Out, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What flows without a failure: how much (Mbit/s) passes each place, and what each interface carries; ``ends`` are
    where it goes.
    """

    outs: Mapping[Place, Outs]
    passing: Mapping[Place, float]
    carried: Mapping[int, float]
    ends: frozenset[End]


def stream(amounts: Mapping[Place, float], outs: Mapping[Place, Outs]) -> Stream | None:
    """Amounts let in at places; None where packets may run in circles."""
    order = downstream(amounts, outs.__getitem__)
    if order is None:
        return None
    passing = defaultdict(float, amounts)
    carried: dict[int, float] = defaultdict(float)
    ends = set[End]()
    for place, ways in order:
        _send(passing[place], ways, passing, carried, ends)
    return Stream(outs, dict(passing), dict(carried), frozenset(ends))


def diverted(
    before: Stream, turned: AbstractSet[Place], less: Mapping[Place, float], outs: Callable[[Place], Outs]
) -> tuple[Mapping[int, float], set[End]] | None:
    """What each interface carries more (or less) when ``less`` is let in and the places ``turned`` send out by ``outs`` now;
    and the ends that what moved comes to. None where packets may run in circles.
    """
    more: dict[Place, float] = defaultdict(float)
    carried: dict[int, float] = defaultdict(float)
    for place, mbps in less.items():
        more[place] -= mbps
    moved = sorted(place for place in turned if before.passing.get(place))
    for place in moved:
        _send(-before.passing[place], before.outs[place], more, carried, set())
    for place in moved:
        more[place] += before.passing[place]
    order = downstream(sorted(more), lambda place: _now(before, turned, place, outs))
    if order is None:
        return None
    ends = set[End]()
    for place, ways in order:
        if abs(more[place]) > LITTLE:
            _send(more[place], ways, more, carried, ends)
    return carried, ends


def _now(before: Stream, turned: AbstractSet[Place], place: Place, outs: Callable[[Place], Outs]) -> Outs:
    known = before.outs.get(place) if place not in turned else None
    return outs(place) if known is None else known


def _send(mbps: float, ways: Outs, into: dict[Place, float], carried: dict[int, float], ends: set[End]) -> None:
    """An equal share each way."""
    share = mbps / len(ways)
    for port, onward in ways:
        if port != NOWHERE:
            carried[port] += share
        if isinstance(onward, tuple):
            into[onward] += share
        else:
            ends.add(onward)
