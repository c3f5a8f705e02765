"""Which path is best, and which others share the load with it.

The order is FRR's (bgpd/bgp_route.c bgp_path_info_cmp, 8.4), a refinement of RFC 4271 9.1.2.2: weight, local preference,
own routes, AS-path length, origin, MED, eBGP before iBGP, confederation-external before internal, IGP metric to the next
hop, router id (originator id of a reflected route), cluster-list length, neighbour address. (The metric is looked at first
but decides only after the confederation step: seen on FRR 8.4.4, ``best (Confed Peer Type)`` of metric 110 over 20.)

Between two eBGP paths that are equal up to there FRR prefers the one it has had longer unless
``bgp bestpath compare-routerid`` is set. History is no input here, so the lower router id decides always: what a router
settles on after a restart of both sessions may be the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from backstay.model.address import Address
from backstay.model.routing import BgpFamily, BgpProcess
from backstay.model.state import NextHop
from backstay.simulate import bgp_path
from backstay.simulate.bgp_path import ORIGIN_RANK, Path
from backstay.simulate.bgp_speaker import CONFEDERATION, EBGP, IBGP, Peering

LARGEST_MED = 0xFFFFFFFF
NETWORK, REDISTRIBUTED, AGGREGATE, PEER, LEAKED = "network", "redistributed", "aggregate", "peer", "leaked"
OWN = frozenset({NETWORK, REDISTRIBUTED, AGGREGATE})
NOBODY = Address(0, 0)
"""Sorts before every address: a route of our own."""


@dataclass(slots=True, eq=False, kw_only=True)
class Received:
    """A path as one speaker holds it after import. ``source`` is how it came; ``kind`` the kind of session it came over
    ("" for none). ``metric`` and ``forwarding`` are those of its next hop. ``learned_at`` is the speaker that
    heard it first, for a path leaked from another VRF.
    """

    path: Path
    source: str
    kind: str = ""
    peering: Peering | None = None
    metric: int = 0
    forwarding: tuple[NextHop, ...] = ()
    valid: bool = True

    @property
    def router_id(self) -> Address:
        """Originator id, else the neighbour's (RFC 4456 9)."""
        if self.path.originator is not None:
            return self.path.originator
        return self.peering.remote_id or NOBODY if self.peering else NOBODY

    @property
    def peer_address(self) -> Address:
        return self.peering.remote_address or NOBODY if self.peering else NOBODY

    @property
    def peer_text(self) -> str:
        return self.peering.text if self.peering else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The best path and all that forward, the best first. ``ambiguous``: the order of arrival would decide."""

    best: Received
    multipath: tuple[Received, ...]
    ambiguous: bool = False


def select(candidates: Iterable[Received], process: BgpProcess, family: BgpFamily) -> Selection | None:
    """The outcome of path selection among the valid candidates; None without any."""
    valid = [item for item in candidates if item.valid]
    if not valid:
        return None
    if len(valid) == 1:
        return Selection(best=valid[0], multipath=(valid[0],))
    left = _preferred(valid, process)
    ambiguous = False
    if len(left) == 1:
        best = left[0]
    elif process.always_compare_med or process.deterministic_med or _same_med(left, process):
        final = _final_rank(process, family)
        in_order = sorted(_least_med(left, process), key=final)
        best = in_order[0]
        ambiguous = len(in_order) > 1 and best.source in OWN and final(in_order[0]) == final(in_order[1])
    else:
        best, ambiguous = _in_turn(left, process, family)
    return Selection(best=best, multipath=_sharing(left, best, process, family), ambiguous=ambiguous)


def _preferred(valid: Sequence[Received], process: BgpProcess) -> list[Received]:
    """What is left after weight, local preference, own routes, AS-path length and origin."""
    ranks = [rank(item, process) for item in valid]
    lowest = min(ranks)
    return [item for item, found in zip(valid, ranks, strict=True) if found == lowest]


def rank(item: Received, process: BgpProcess) -> tuple[int, int, bool, int, int]:
    """What is compared before MED: weight, local preference, own routes, AS-path length, origin; lower is better."""
    path = item.path
    preference = path.local_preference
    return (
        -path.weight,
        -(process.default_local_preference if preference is None else preference),
        item.source not in OWN,
        0 if process.as_path_ignore else bgp_path.length(path.as_path, confederation=process.as_path_confed),
        ORIGIN_RANK[path.origin],
    )


def med(item: Received, process: BgpProcess) -> int:
    """A missing MED is 0, or the worst where so configured (RFC 4271 9.1.2.2 c)."""
    if item.path.med is not None:
        return item.path.med
    return LARGEST_MED if process.med_missing_as_worst else 0


def comparable(one: Received, other: Received, process: BgpProcess) -> bool:
    """Whether their MEDs mean the same thing: from one neighbouring AS, both internal, or as configured."""
    if process.always_compare_med:
        return True
    first, second = one.path.as_path, other.path.as_path
    lone_first, lone_second = not bgp_path.length(first), not bgp_path.length(second)
    if lone_first and lone_second:
        confederated = bgp_path.has_confederation(first) and bgp_path.has_confederation(second)
        if not confederated or process.med_confed:
            return True
    left, right = bgp_path.leftmost(first), bgp_path.leftmost(second)
    if left is not None and left == right:
        return True
    left, right = bgp_path.leftmost_confederation(first), bgp_path.leftmost_confederation(second)
    return left is not None and left == right


def _same_med(left: list[Received], process: BgpProcess) -> bool:
    return len({med(item, process) for item in left}) == 1


def _least_med(left: list[Received], process: BgpProcess) -> list[Received]:
    """Without those that a comparable path beats by MED."""
    if _same_med(left, process):
        return left
    return [
        item
        for item in left
        if not any(med(other, process) < med(item, process) and comparable(other, item, process) for other in left)
    ]


def _final_rank(process: BgpProcess, family: BgpFamily) -> Callable[[Received], tuple[object, ...]]:
    """Everything after MED, as a sort key."""
    confederation = process.confederation_id is not None

    def rank(item: Received) -> tuple[object, ...]:
        return (
            item.kind != EBGP,
            confederation and item.kind != CONFEDERATION,
            item.metric,
            len(item.path.cluster_list) if family.equal_cluster_length else 0,
            item.router_id,
            len(item.path.cluster_list),
            item.peer_address,
            item.peer_text,
        )

    return rank


def _in_turn(left: list[Received], process: BgpProcess, family: BgpFamily) -> tuple[Received, bool]:
    """``no bgp deterministic-med``: pairs in order of arrival. Nobody knows that order; where it would matter the
    answer is marked ambiguous.
    """
    final = _final_rank(process, family)
    ordered = sorted(left, key=final)

    def better(one: Received, other: Received) -> Received:
        mine, theirs = med(one, process), med(other, process)
        if mine != theirs and comparable(one, other, process):
            return one if mine < theirs else other
        return min(one, other, key=final)

    first, last = ordered[0], ordered[-1]
    for item in ordered[1:]:
        first = better(first, item)
    for item in reversed(ordered[:-1]):
        last = better(last, item)
    return first, first is not last


def _sharing(left: list[Received], best: Received, process: BgpProcess, family: BgpFamily) -> tuple[Received, ...]:
    """The paths that forward beside the best one (bgp_mpath.c): equal in everything up to the IGP metric."""
    if best.source != PEER:
        return (best,)
    most = family.maximum_paths_ibgp if best.kind == IBGP else family.maximum_paths
    if most <= 1 or len(left) == 1:
        return (best,)
    others = [item for item in left if item is not best and _equal_cost(item, best, process, family)]
    others.sort(key=lambda item: (item.path.next_hop or NOBODY, item.peer_address, item.peer_text))
    return (best, *others[: most - 1])


def _equal_cost(item: Received, best: Received, process: BgpProcess, family: BgpFamily) -> bool:
    if item.source != PEER or item.kind != best.kind or item.metric != best.metric:
        return False
    if med(item, process) != med(best, process) and comparable(item, best, process):
        return False
    uneven = len(item.path.cluster_list) != len(best.path.cluster_list)
    if best.kind == IBGP and family.equal_cluster_length and uneven:
        return False
    if process.multipath_relax:
        return True
    if best.kind == IBGP:
        return item.path.as_path == best.path.as_path
    return _neighbor_as(item) == _neighbor_as(best)


def _neighbor_as(item: Received) -> int | None:
    return item.peering.remote_as if item.peering else None
