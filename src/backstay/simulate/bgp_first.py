"""Routes of which the first to come stays.

A router takes a route out of its table into BGP, by ``redistribute`` or ``network``, and hears the prefix over BGP as well,
with a better administrative distance. If the table had it first, BGP's best path is the router's own (weight 32768), and the
table keeps it. If BGP heard it first, the table holds BGP's route and has nothing to give to BGP. Both last: seen on FRR
8.4.4, where taking the session down and up again goes from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from backstay.model.errors import NotConverging
from backstay.model.source import Remark
from backstay.simulate.bgp_decision import PEER
from backstay.simulate.bgp_origin import Own
from backstay.simulate.bgp_solve import Outcome, Solver
from backstay.simulate.bgp_speaker import Speaker
from backstay.simulate.bgp_tables import route_of


def first_come(speakers: Sequence[Speaker], solver: Solver, outcomes: Iterable[Outcome]) -> Iterator[Remark]:
    """A remark for every class and speaker of which that can be said."""
    for outcome in outcomes:
        for index in sorted({own.speaker for own in outcome.task.own if own.distance}):
            if _either_lasts(speakers[index], solver, outcome):
                router, prefix = speakers[index].router.name, outcome.task.prefix
                text = f"{router}: {prefix} is in the table and heard over BGP: which of them came first decides"
                yield Remark("bgp-first-come", text, router)


def _either_lasts(speaker: Speaker, solver: Solver, outcome: Outcome) -> bool:
    task, index = outcome.task, speaker.index
    taken = [own for own in task.own if own.speaker == index and own.distance is not None]
    others = tuple(own for own in task.own if own not in taken)
    with_own = solver.choice(outcome, index)
    if not (others or task.wire or task.forced) or with_own is None or with_own.best.source == PEER:
        return False
    try:
        without = solver.settle(replace(task, own=others))
    except NotConverging:
        return False  # nothing that would last
    return _takes_over(speaker, solver, without, taken)


def _takes_over(speaker: Speaker, solver: Solver, without: Outcome, taken: list[Own]) -> bool:
    """Whether what BGP brings where the table gave it nothing has the better distance."""
    selection, prefix = solver.choice(without, speaker.index), without.task.prefix
    if selection is None or selection.best.source != PEER:
        return False
    family = solver.family(speaker.index, prefix.version)
    heard = route_of(speaker, family, prefix, selection, {})
    return heard is not None and any(heard.distance < own.distance for own in taken if own.distance is not None)
