# ruff: noqa: ARG001 - every row of the table below has one signature
"""Set clauses: every kind of `backstay.model.policy.SetAction`. One nobody can evaluate raises `Unproven`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from backstay.model.address import Address
from backstay.model.errors import Unproven
from backstay.model.policy import SetAction
from backstay.simulate import bgp_path
from backstay.simulate.bgp_path import Path
from backstay.simulate.policy_library import Library
from backstay.simulate.policy_lists import deleted, sorted_communities, sorted_large
from backstay.simulate.policy_matches import Setting

LARGEST = 0xFFFFFFFF
LARGEST_PATH = 0xFE000000
"""FRR isisd MAX_WIDE_PATH_METRIC."""

Change = Callable[[SetAction, Path, Setting, Library], Path]


def apply(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    """The path after one set clause. Raises `Unproven` naming the router and the line of an unknown kind."""
    change = CHANGES.get(action.kind)
    if change is None:
        raise _unproven(action, library)
    return change(action, path, setting, library)


def of_isisd(action: SetAction) -> SetAction | None:
    """The clause as isisd has it, None where it has not: a metric, which ``+`` does not add to and ``-`` makes no number at all
    (isis_routemap.c route_set_metric_compile; seen on FRR 8.4.4).
    """
    plain = action.values[0].removeprefix("+") if action.kind == "metric" else ""
    return replace(action, values=(plain,)) if plain.isdigit() and int(plain) <= LARGEST_PATH else None


def _unproven(action: SetAction, library: Library) -> Unproven:
    clause = " ".join(["set", action.kind, *action.values])
    return Unproven(f"{action.place}: {library.router}: `{clause}` is not evaluated")


def _adjusted(action: SetAction, current: int, library: Library) -> int:
    """``n``, ``+n`` or ``-n``, held within 32 bits (FRR bgp_routemap.c route_value_adjust)."""
    word = action.values[0]
    try:
        number = int(word)
    except ValueError:
        raise _unproven(action, library) from None
    return max(0, min(LARGEST, current + number)) if word[0] in "+-" else number


def _local_preference(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, local_preference=_adjusted(action, path.local_preference or 0, library))


def _metric(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, med=_adjusted(action, path.med or 0, library))


def _weight(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, weight=int(action.values[0]))


def _tag(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, tag=int(action.values[0]))


def _distance(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, distance=int(action.values[0]))


def _metric_type(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, metric_type=int(action.values[0].removeprefix("type-")))


def _origin(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, origin=action.values[0])


def _community(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    kept = path.communities if action.additive else ()
    return replace(path, communities=sorted_communities(kept + action.values))


def _large_community(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    kept = path.large_communities if action.additive else ()
    return replace(path, large_communities=sorted_large(kept + action.values))


def _extended_none(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    if action.values:
        raise _unproven(action, library)
    return replace(path, extended_communities=())


def _route_target(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return _extended("rt", action, path)


def _site_of_origin(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return _extended("soo", action, path)


def _extended(kind: str, action: SetAction, path: Path) -> Path:
    """FRR adds to what is there, one kind replaced by the new values of that kind (route_set_ecommunity)."""
    added = {value if value.startswith(f"{kind} ") else f"{kind} {value}" for value in action.values}
    others = {item for item in path.extended_communities if action.additive or not item.startswith(f"{kind} ")}
    return replace(path, extended_communities=tuple(sorted(added | others)))


def _delete_communities(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    found = library.objects.community_lists.get(("standard", action.values[0]))
    return replace(path, communities=deleted(found, path.communities)) if found else path


def _delete_large_communities(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    found = library.objects.community_lists.get(("large", action.values[0]))
    return replace(path, large_communities=deleted(found, path.large_communities)) if found else path


def _prepend(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    """``last-as`` repeats the AS the path begins with: nothing where it is empty or begins with another kind of segment
    (FRR bgp_aspath.c aspath_leftmost). Numbers take the place of a confederation's members where the path begins with
    these (aspath_prepend; seen on FRR 8.4.4).
    """
    before = path.as_path
    if action.values[0] == "last-as":
        first = path.as_path[0] if path.as_path else None
        if first is None or first.kind != bgp_path.SEQUENCE or not first.numbers:
            return path
        numbers = (first.numbers[0],) * int(action.values[1])
    else:
        numbers = tuple(int(value) for value in action.values)
        if before and before[0].kind == bgp_path.CONFED_SEQUENCE:
            before = bgp_path.without_confederation(before)
    return replace(path, as_path=bgp_path.prepend(before, *numbers))


def _exclude(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    unwanted = frozenset(int(value) for value in action.values if value.isdigit())
    if len(unwanted) != len(set(action.values)):
        raise _unproven(action, library)
    return replace(path, as_path=bgp_path.excluded(path.as_path, unwanted))


def _next_hop(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    """``set ip next-hop`` says nothing to an IPv6 route, nor the other way round. A link-local address beside the global one
    stays, and packets go by it (seen on FRR 8.4.4).
    """
    if action.version not in {None, setting.prefix.version}:
        return path
    word = action.values[0]
    if word in {"peer-address", "unchanged"}:
        return replace(path, next_hop_mark=word)
    beside = path.via if setting.prefix.version == 6 else None
    return replace(path, next_hop=Address.parse(word), via=beside, vrf=None, next_hop_mark="address")


def _atomic_aggregate(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, atomic_aggregate=True)


def _aggregator(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, aggregator=" ".join(action.values))


def _originator(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    return replace(path, originator=Address.parse(action.values[0]))


def _prefer_global(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    """Which of two IPv6 next hop addresses of one neighbour is written into the packet's way. FRR lets it count for IPv4 as a
    next hop set by hand, in some directions (seen on 8.4.4): not evaluated.
    """
    if setting.prefix.version == 4:
        raise Unproven(f"{action.place}: {library.router}: `set ipv6 next-hop prefer-global` on a route of IPv4")
    return path if path.next_hop is None else replace(path, via=None)


def _without_effect(action: SetAction, path: Path, setting: Setting, library: Library) -> Path:
    """Nothing that unicast routing between routers depends on: a source address, a label."""
    return path


CHANGES: Mapping[str, Change] = {
    "local-preference": _local_preference,
    "metric": _metric,
    "weight": _weight,
    "tag": _tag,
    "distance": _distance,
    "metric-type": _metric_type,
    "origin": _origin,
    "community": _community,
    "large-community": _large_community,
    "extcommunity": _extended_none,
    "extcommunity-rt": _route_target,
    "extcommunity-soo": _site_of_origin,
    "comm-list-delete": _delete_communities,
    "large-comm-list-delete": _delete_large_communities,
    "as-path-prepend": _prepend,
    "as-path-exclude": _exclude,
    "next-hop": _next_hop,
    "next-hop-prefer-global": _prefer_global,
    "atomic-aggregate": _atomic_aggregate,
    "aggregator": _aggregator,
    "originator-id": _originator,
    "src": _without_effect,
    "label-index": _without_effect,
}
