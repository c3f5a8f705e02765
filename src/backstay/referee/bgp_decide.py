"""The decision process: RFC 4271 9.1.2, step by step, with the steps FRR 8.4 has before, between and after them
(bgpd/bgp_route.c bgp_path_info_cmp() and bgp_best_selection()).

FRR's step "oldest external route" is not a function of the network: which of two sessions came up first is in no
configuration. As with sessions that come up together, its next step, the BGP Identifier, is taken instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from backstay.model.address import Address
from backstay.model.routing import BgpFamily, BgpProcess
from backstay.referee import bgp_path
from backstay.referee.bgp_ends import CONFED, EBGP, IBGP, End
from backstay.referee.bgp_path import Attributes

_WORST_MED = 0xFFFFFFFF
_NO_ADDRESS = Address(0, 0)


class Path:
    """A route of one prefix in the Loc-RIB's race: accepted from ``end``, or our own (``end`` None, ``kind`` says how it
    came about). ``metric`` is the IGP's to the next hop. Not valid: its next hop is not resolved (RFC 4271 9.1.2.1).
    """

    __slots__ = ("attributes", "end", "first", "kind", "med", "member_as", "metric", "neighbor_as", "valid")

    def __init__(
        self, process: BgpProcess, attributes: Attributes, end: End | None, kind: str, metric: int, *, valid: bool
    ) -> None:
        self.attributes = attributes
        self.end = end
        self.kind = kind
        self.metric = metric
        self.valid = valid
        self.neighbor_as, self.member_as, length = _facts(attributes.as_path)
        self.first = _first_steps(process, attributes, length, own=end is None)
        missing = _WORST_MED if process.med_missing_as_worst else 0
        self.med = missing if attributes.med is None else attributes.med

    @property
    def sort(self) -> str:
        return self.end.sort if self.end is not None else ""

    @property
    def hop(self) -> tuple[Address, str]:
        """What makes two next hops the same: the address, and the interface behind a link-local one."""
        attributes = self.attributes
        behind = attributes.link_local and not attributes.prefer_global and self.end is not None
        return (attributes.next_hop or _NO_ADDRESS, (self.end.interface or "") if behind and self.end else "")

    def same(self, other: Path) -> bool:
        """Nothing that is announced differs."""
        return self.end is other.end and self.kind == other.kind and self.attributes == other.attributes


class Choice(NamedTuple):
    """The best path, and those that share its traffic (the best first)."""

    best: Path
    paths: tuple[Path, ...]


@lru_cache(maxsize=4096)
def _facts(path: bgp_path.AsPath) -> tuple[int | None, int | None, int]:
    """Neighbouring AS, neighbouring member AS, length."""
    return bgp_path.neighbor_as(path), bgp_path.member_as(path), bgp_path.length(path)


def _first_steps(
    process: BgpProcess, attributes: Attributes, length: int, *, own: bool
) -> tuple[int, int, int, int, int]:
    """Steps that hold between any two paths, smaller is better: weight (FRR), local preference (9.1.1), our own before
    learned (FRR), AS_PATH length (9.1.2.2 a), ORIGIN (9.1.2.2 b).
    """
    preference = attributes.local_preference if attributes.preference_set else process.default_local_preference
    if process.as_path_ignore:
        length = 0
    elif process.as_path_confed:
        length += bgp_path.confederation_length(attributes.as_path)
    return (-attributes.weight, -preference, 0 if own else 1, length, attributes.origin)


def _meds_compare(process: BgpProcess, one: Path, other: Path) -> bool:
    """9.1.2.2 c: MEDs compare between routes from one neighbouring AS; the options widen that."""
    if process.always_compare_med or _from_one_as(one, other):
        return True
    # FRR's internal_as_route: neither has left the AS. ``med confed`` asks for no more than this.
    return bgp_path.length(one.attributes.as_path) == 0 == bgp_path.length(other.attributes.as_path)


def _from_one_as(one: Path, other: Path) -> bool:
    """The same neighbouring AS, or (RFC 5065 5.3) the same neighbouring member AS; two empty paths count as one."""
    if not one.attributes.as_path and not other.attributes.as_path:
        return True
    if one.neighbor_as is not None and one.neighbor_as == other.neighbor_as:
        return True
    return one.member_as is not None and one.member_as == other.member_as


def _until_ties(process: BgpProcess, family: BgpFamily, one: Path, other: Path) -> int:
    """All steps whose outcome multipath respects: negative if ``one`` wins, positive if ``other``, 0 if neither."""
    if one.first != other.first:
        return -1 if one.first < other.first else 1
    if one.med != other.med and _meds_compare(process, one, other):
        return one.med - other.med
    # 9.1.2.2 d: external before internal (and before confederation external).
    externals = (one.sort == EBGP, other.sort == EBGP)
    if externals[0] != externals[1] and {one.sort, other.sort} & {IBGP, CONFED}:
        return -1 if externals[0] else 1
    # 9.1.2.2 e: the IGP's cost of the next hop; FRR puts confederation external before internal first.
    confederation = _confederation(process, one, other)
    costs = _costs(family, one, other)
    if confederation:
        return confederation
    return costs[0] - costs[1]


def _costs(family: BgpFamily, one: Path, other: Path) -> tuple[int, int]:
    """The metrics; where equal and ``equal-cluster-length`` is on, the CLUSTER_LIST lengths in their place."""
    if one.metric == other.metric and family.equal_cluster_length and one.sort == other.sort == IBGP:
        return len(one.attributes.cluster_list), len(other.attributes.cluster_list)
    return one.metric, other.metric


def _confederation(process: BgpProcess, one: Path, other: Path) -> int:
    if process.confederation_id is None or {one.sort, other.sort} != {CONFED, IBGP}:
        return 0
    return -1 if one.sort == CONFED else 1


def _last_steps(path: Path) -> tuple[int, int, int, int]:
    """9.1.2.2 f and g with RFC 4456 9: ORIGINATOR_ID or the peer's identifier, CLUSTER_LIST length, peer address."""
    end = path.end
    if end is None:
        return (0, 0, 0, 0)
    identifier = path.attributes.originator or end.peer_id
    address = end.peer_address or _NO_ADDRESS
    return (identifier.value, len(path.attributes.cluster_list), address.version, address.value)


def better(process: BgpProcess, family: BgpFamily, one: Path, other: Path) -> bool:
    """Whether ``one`` is preferred to ``other``."""
    decided = _until_ties(process, family, one, other)
    return decided < 0 if decided else _last_steps(one) < _last_steps(other)


def choose(process: BgpProcess, family: BgpFamily, paths: Iterable[Path]) -> Choice | None:
    """The best valid path and its multipath companions, None without a valid path."""
    valid = _foremost(paths)
    if len(valid) < 2:
        return Choice(valid[0], (valid[0],)) if valid else None
    if _only_costs_differ(valid):
        best = min(valid, key=lambda path: (_cost(family, path), _last_steps(path)))
    else:
        finalists = _winners_by_as(process, family, valid) if process.deterministic_med else valid
        best = _best(process, family, finalists)
    return Choice(best, _companions(process, family, best, valid))


def _foremost(paths: Iterable[Path]) -> list[Path]:
    """Valid paths that lose to none by the first steps: these hold between any two, so that no other path can win, share the
    traffic, or come between two of these.
    """
    valid = [path for path in paths if path.valid]
    if len(valid) < 2:
        return valid
    least = min([path.first for path in valid])
    return [path for path in valid if path.first == least]


def _only_costs_differ(paths: list[Path]) -> bool:
    """Internal paths with one MED: from 9.1.2.2 e on they stand in one order, whichever are compared first."""
    med = paths[0].med
    return all(path.med == med and path.end is not None and path.end.sort == IBGP for path in paths)


def _cost(family: BgpFamily, path: Path) -> tuple[int, int]:
    """What `_costs` compares of internal paths."""
    return path.metric, len(path.attributes.cluster_list) if family.equal_cluster_length else 0


def depends_on_order(process: BgpProcess, family: BgpFamily, choice: Choice, paths: Iterable[Path]) -> bool:
    """Without ``deterministic-med`` paths are compared as they arrive: MEDs that do not compare between all of them let
    the order decide. True when some path would beat the one found here.
    """
    valid = [path for path in paths if path.valid]
    if process.deterministic_med or _only_costs_differ(valid):
        return False
    return any(better(process, family, path, choice.best) for path in _foremost(valid) if path is not choice.best)


def _best(process: BgpProcess, family: BgpFamily, paths: list[Path]) -> Path:
    best = paths[0]
    for path in paths[1:]:
        if better(process, family, path, best):
            best = path
    return best


def _winners_by_as(process: BgpProcess, family: BgpFamily, paths: list[Path]) -> list[Path]:
    """``deterministic-med``: the best of each neighbouring AS first, then the best of those."""
    left, winners = list(paths), []
    while left:
        together = [path for path in left if path is left[0] or _from_one_as(left[0], path)]
        winners.append(_best(process, family, together))
        left = [path for path in left if path not in together]
    return winners


def _companions(process: BgpProcess, family: BgpFamily, best: Path, paths: list[Path]) -> tuple[Path, ...]:
    """Paths equal to the best up to the ties, with other next hops, up to ``maximum-paths`` in the order of next hop
    (FRR bgp_path_info_mpath_update()).
    """
    most = family.maximum_paths_ibgp if best.sort == IBGP else family.maximum_paths
    if most < 2:
        return (best,)
    equal = [
        path for path in paths if path is not best and path.hop != best.hop and _shares(process, family, path, best)
    ]
    chosen = [best]
    for path in sorted(equal, key=lambda path: (path.hop, _last_steps(path)[2:])):
        if len(chosen) < most and path.hop != chosen[-1].hop:
            chosen.append(path)
    return tuple(chosen)


def _shares(process: BgpProcess, family: BgpFamily, path: Path, best: Path) -> bool:
    """Multipath: nothing before the ties parts them, and the AS_PATHs are alike: any of one length with
    ``multipath-relax``, the very same between internal peers, one neighbouring AS between external ones.
    """
    if _until_ties(process, family, path, best):
        return False
    if process.multipath_relax:
        return True
    if path.sort == IBGP:
        return path.attributes.as_path == best.attributes.as_path
    return path.end is not None and best.end is not None and path.end.peer_as == best.end.peer_as
