"""Route-map evaluation: may this route pass, and what becomes of it?

The order of things is FRR's (lib/routemap.c route_map_apply_ext): entries by sequence; all match clauses of an entry must
hold; a deny that matches ends it; a permit that matches runs its set clauses, then the called route-map, which may
still deny, then leaves, goes on to the next entry, or to a later one. Falling off the end keeps the last permit that
matched, else denies. An undefined route-map that is called is passed over; one that is applied is the vendor's say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from backstay.model.address import Address
from backstay.model.network import Router
from backstay.model.policy import RouteMap, RouteMapEntry
from backstay.simulate import bgp_path
from backstay.simulate.bgp_path import Path
from backstay.simulate.policy_library import Library
from backstay.simulate.policy_matches import Setting, holds, known_to_isisd
from backstay.simulate.policy_sets import apply, of_isisd
from backstay.simulate.seams import Accepted, Candidate, Denied

CALL_DEPTH = 10
"""A ``call`` nested deeper denies (FRR lib/routemap.c RMAP_RECURSION_LIMIT)."""

OFF_THE_END = 65536
"""More than any sequence number (FRR lib/routemap.c route_map_apply_ext)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The path as a route-map leaves it; ``spoken`` holds the kinds of the set clauses that ran. ``sequence`` is the entry
    that let it go, told where ``setting.matched`` is given; past every entry where none ended the walk.
    """

    path: Path
    spoken: frozenset[str] = frozenset()
    sequence: int = OFF_THE_END


def run(library: Library, name: str, path: Path, setting: Setting) -> Passed | Denied:
    """The named route-map over one path. Raises `Unproven` for a clause nobody can evaluate.

    ``setting.matched`` set: match clauses look at that path while set clauses work on ``path``.
    """
    route_map = library.objects.route_maps.get(name)
    if route_map is None:
        if library.semantics.undefined_route_map == "deny":
            return Denied(reason=f"route-map {name} is not defined")
        return Passed(path=path)
    return _walk(library, route_map, Passed(path=path), setting, depth=0)


def _walk(library: Library, route_map: RouteMap, passed: Passed, setting: Setting, *, depth: int) -> Passed | Denied:
    if depth > CALL_DEPTH:
        return Denied(reason=f"route-map {route_map.name}: calls nest deeper than {CALL_DEPTH}", place=route_map.place)
    permitted = False
    resume_at = 0
    for entry in route_map.entries:
        if entry.sequence < resume_at:
            continue
        if not _matches(entry, passed.path, setting, library):
            permitted = False  # FRR routemap.c: an entry looked at in vain takes back what "on-match" had let pass
            continue
        if not entry.permit:
            return Denied(reason=f"route-map {route_map.name} {entry.sequence}", place=entry.place)
        outcome = _permit(library, entry, passed, setting, depth=depth)
        if isinstance(outcome, Denied):
            return outcome
        passed, permitted = outcome, True
        if entry.on_match is None:
            return passed if setting.matched is None else replace(passed, sequence=entry.sequence)
        resume_at = entry.on_match if isinstance(entry.on_match, int) else 0
    return passed if permitted else Denied(reason=f"route-map {route_map.name}: no entry", place=route_map.place)


def _matches(entry: RouteMapEntry, path: Path, setting: Setting, library: Library) -> bool:
    matches = filter(known_to_isisd, entry.matches) if setting.isis else entry.matches
    return all(holds(match, setting.matched or path, setting, library) for match in matches)


def _permit(library: Library, entry: RouteMapEntry, passed: Passed, setting: Setting, *, depth: int) -> Passed | Denied:
    path = passed.path
    for action in filter(None, map(of_isisd, entry.sets)) if setting.isis else entry.sets:
        path = apply(action, path, setting, library)
    passed = Passed(path=path, spoken=passed.spoken.union(action.kind for action in entry.sets))
    called = library.objects.route_maps.get(entry.call) if entry.call else None
    return _walk(library, called, passed, setting, depth=depth + 1) if called else passed


def evaluate(router: Router, route_map: str, candidate: Candidate) -> Accepted | Denied:
    """Run a route-map of a router over a route on its way from one protocol into another (`seams.Evaluate`).

    ``metric`` of the answer stands in for the MED: what ``set metric`` wrote. Raises `Unproven` for a clause nobody
    can evaluate and for a vendor without semantics.
    """
    setting = Setting(
        prefix=candidate.prefix,
        protocol=candidate.protocol,
        interface=candidate.interface,
        peers=frozenset({candidate.peer or "local"}),
        source=_address(candidate.peer),
        discard=candidate.discard,
        isis=candidate.isis,
    )
    outcome = run(Library.of(router), route_map, _path(candidate), setting)
    if isinstance(outcome, Denied):
        return outcome
    return _accepted(candidate, outcome)


def _address(shown: str) -> Address | None:
    try:
        return Address.parse(shown)
    except ValueError:
        return None


def _path(candidate: Candidate) -> Path:
    carried = bgp_path.from_attributes(candidate.attributes) if candidate.attributes else Path()
    return replace(
        carried,
        med=candidate.metric,
        tag=candidate.tag,
        metric_type=candidate.metric_type,
        next_hop=candidate.next_hop,
    )


def _accepted(candidate: Candidate, passed: Passed) -> Accepted:
    path = passed.path
    attributes = candidate.attributes
    if attributes is not None:
        preference = attributes.local_preference
        attributes = bgp_path.attributes(path, local_preference=preference, learned_from=attributes.learned_from)
    changed = replace(
        candidate,
        metric=path.med or 0,
        tag=path.tag,
        metric_type=path.metric_type,
        next_hop=path.next_hop,
        attributes=attributes,
    )
    return Accepted(
        candidate=changed,
        metric_set="metric" in passed.spoken,
        tag_set="tag" in passed.spoken,
        distance=path.distance,
    )
