"""Routes to prefixes that hold their own next hop.

BGP may resolve such a next hop by a shorter route; zebra then meets the very route on its way up from the longest match, and
leaves it out of the table, though BGP goes on telling of it (FRR zebra_nhg.c nexthop_active; seen on FRR 8.4.4). A host route
from a reflector's client resolves by the interior's until it takes its place. Not computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from backstay.model.address import Address, Prefix
from backstay.model.source import Remark
from backstay.simulate.bgp_reach import Reach
from backstay.simulate.bgp_solve import Outcome, Solver
from backstay.simulate.bgp_speaker import Speaker


def next_hops_inside(
    speakers: Sequence[Speaker], solver: Solver, outcomes: Sequence[Outcome], reach: Reach
) -> Iterator[Remark]:
    """A remark for every speaker that would use such a route."""
    for outcome in outcomes:
        members = frozenset(outcome.task.prefixes)
        for hop in _next_hops(outcome):
            for prefix in members.intersection(reach.covering(hop)):
                yield from _left_out(speakers, solver, outcome, reach, prefix, hop)


def _next_hops(outcome: Outcome) -> set[Address]:
    """Of every path that somebody holds."""
    heard = (item.path for held in outcome.candidates.values() for item in held.values())
    return {path.next_hop for path in (*heard, *outcome.wires.values()) if path.next_hop is not None}


def _left_out(
    speakers: Sequence[Speaker], solver: Solver, outcome: Outcome, reach: Reach, prefix: Prefix, hop: Address
) -> Iterator[Remark]:
    for speaker in speakers:
        selection = solver.choice(outcome, speaker.index)
        used: Iterable[Address | None] = (item.path.next_hop for item in selection.multipath) if selection else ()
        if hop in used and not reach.leads_around(*speaker.key, hop, prefix):
            text = f"{speaker.name}: {prefix} holds its own next hop {hop}, which no closer route leads to"
            yield Remark("bgp-next-hop-inside", text, speaker.router.name)
