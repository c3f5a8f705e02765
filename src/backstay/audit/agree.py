"""Do two engines say the same? Field by field, each difference named with both answers.

Only meaning is compared: texts such as a session's reason or an event's wording are an engine's own, as are the one of
several equally short walks a flow names and the one of several equally loaded interfaces a failure names. Numbers agree
within `TOLERANCE`, relative. One difference is enough to make a verdict UNKNOWN.

States may live in other processes (`outline`): then tables with equal digests are equal, and at most `TABLES_READ` of the
others are fetched and read; the rest are told by name.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backstay.audit.outline import Outline, attributes_text, hops_text
from backstay.audit.ruling import AGREE
from backstay.model.finding import Finding, Severity, Where
from backstay.model.state import Adjacency, Advertisement, Loads, Route, State

TOLERANCE = 1e-6
SHOWN_PER_SHAPE = 3
TABLES_READ = 24
ABSENT = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """``field`` of the State, ``shape`` the kind of difference (``routes: metric``), ``subject`` router and prefix or
    the like; what ``left`` and ``right`` say of it.
    """

    field: str
    shape: str
    router: str
    subject: str
    left: str
    right: str


def compare(states: Mapping[str, State], stage: str = "") -> tuple[Finding, ...]:
    """Findings of check ``agree`` for every pair of the first engine with another; () when all say the same."""
    if len(states) < 2:
        return ()
    (first, left), *others = states.items()
    return tuple(
        finding for name, right in others for finding in _findings(first, name, disagreements(left, right), stage)
    )


def disagreements(left: State, right: State) -> Iterator[Disagreement]:
    """Every difference between two States, in the order of the fields, sorted within each. A field that one of the
    engines does not answer for (``State.answers``) is not compared.
    """
    for field, differing in _FIELDS.items():
        if all(state.answers is None or field in state.answers for state in (left, right)):
            yield from differing(left, right)


def _routes(left: State, right: State) -> Iterator[Disagreement]:
    read = 0
    for router in sorted(left.routes.keys() | right.routes.keys()):
        if _known_equal(left, right, router):
            continue
        read += 1
        if read > TABLES_READ and isinstance(left.routes, Outline):
            yield _difference("routes", "tables not read", router, router, "one table", "another table")
            continue
        mine, theirs = left.routes.get(router, {}), right.routes.get(router, {})
        for vrf in sorted(mine.keys() | theirs.keys()):
            yield from _tables(router, vrf, mine.get(vrf, {}), theirs.get(vrf, {}))


def _known_equal(left: State, right: State, router: str) -> bool:
    """Whether the digests of both sides' tables say so; False where there are none."""
    if not isinstance(left.routes, Outline) or not isinstance(right.routes, Outline):
        return False
    mine, theirs = left.routes.digests.get(router), right.routes.digests.get(router)
    return mine is not None and mine == theirs


def _tables(router: str, vrf: str, left: Mapping[Any, Route], right: Mapping[Any, Route]) -> Iterator[Disagreement]:
    for prefix in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(prefix), right.get(prefix)
        if mine is theirs or mine == theirs:
            continue
        subject = f"{router} {prefix}" if vrf == "default" else f"{router} VRF {vrf} {prefix}"
        if mine is None or theirs is None:
            yield _difference("routes", "presence", router, subject, _route_text(mine), _route_text(theirs))
            continue
        for aspect, ours, other in _aspects(mine, theirs):
            if ours != other:
                yield _difference("routes", aspect, router, subject, str(ours), str(other))


def _aspects(left: Route, right: Route) -> Iterator[tuple[str, object, object]]:
    yield "protocol", left.protocol, right.protocol
    yield "distance", left.distance, right.distance
    yield "metric", left.metric, right.metric
    yield "next hops", hops_text(left.next_hops), hops_text(right.next_hops)
    yield "forwarding", hops_text(left.forwarding), hops_text(right.forwarding)
    yield "tag", left.tag, right.tag
    yield "kind", left.kind, right.kind
    yield "attributes", attributes_text(left.attributes) or ABSENT, attributes_text(right.attributes) or ABSENT


def _route_text(route: Route | None) -> str:
    if route is None:
        return ABSENT
    return f"{route.protocol} [{route.distance}/{route.metric}] via {hops_text(route.next_hops)}"


def _sessions(state: State) -> dict[str, object]:
    """How much a session had exchanged when maximum-prefix tore it down hangs on the order of messages: not compared."""
    return {
        f"{session.router} VRF {session.vrf} peer {session.peer}: {aspect}": value
        for session in state.sessions
        for aspect, value in (
            ("with", session.remote),
            ("established", session.established),
            ("received", "" if session.tripped else _counts(session.received)),
            ("accepted", "" if session.tripped else _counts(session.accepted)),
            ("sent", "" if session.tripped else _counts(session.sent)),
            ("torn down by maximum-prefix", session.tripped),
        )
    }


def _counts(counts: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{number} IPv{version}" for version, number in counts) or "nothing"


def _flows(state: State) -> dict[str, object]:
    return {name: (flow.delivered, flow.fate.value, flow.at) for name, flow in state.flows.items()}


def _sites(state: State) -> dict[str, object]:
    return {
        f"{site.anycast} at {site.site}": (site.announced, tuple(sorted(site.reached)), tuple(sorted(site.failed)))
        for site in state.sites
    }


def _access(state: State) -> dict[str, object]:
    return {f"{router} by {path.path}": path.works for router, paths in state.access.items() for path in paths}


def _sweep(state: State) -> dict[str, object]:
    if state.sweep is None:
        return {"whether every single failure was computed": False}
    return {
        f"{item.kind} {item.name}": (item.max_utilisation, item.lost_mbps, item.unavoidable_mbps)
        for item in state.sweep
    }


def _same(left: object, right: object) -> bool:
    """Equal, numbers within the tolerance, tuples place by place."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return left == right


def _loads(left: Loads, right: Loads) -> Iterator[Disagreement]:
    yield from _numbers("load", left.mbps, right.mbps)
    yield from _numbers("utilisation", left.utilisation, right.utilisation)
    yield from _numbers("lost demand", _lost(left), _lost(right))
    yield from _numbers("offered", {"all demands": left.offered}, {"all demands": right.offered})


def _lost(loads: Loads) -> dict[str, float]:
    lost: dict[str, float] = {}
    for item in loads.lost:
        key = f"{item.source} to {item.destination} ({item.traffic_class}, {item.reason.value})"
        lost[key] = lost.get(key, 0.0) + item.mbps
    return lost


def _numbers(shape: str, left: Mapping[Any, float], right: Mapping[Any, float]) -> Iterator[Disagreement]:
    for key in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(key, 0.0), right.get(key, 0.0)
        if not _same(mine, theirs):
            yield _difference("loads", shape, getattr(key, "router", ""), str(key), f"{mine:.9g}", f"{theirs:.9g}")


def _keyed(field: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Disagreement]:
    for key in sorted(left.keys() | right.keys()):
        if key not in left or key not in right:
            ours, theirs = (str(side[key]) if key in side else ABSENT for side in (left, right))
            yield _difference(field, "presence", "", key, ours, theirs)
        elif not _same(left[key], right[key]):
            yield _difference(field, "value", "", key, str(left[key]), str(right[key]))


def _sets(
    field: str, left: frozenset[Any], right: frozenset[Any], words: Callable[[Any], str]
) -> Iterator[Disagreement]:
    for item in sorted(left - right, key=str):
        yield _difference(field, "presence", _router(item), words(item), "present", ABSENT)
    for item in sorted(right - left, key=str):
        yield _difference(field, "presence", _router(item), words(item), ABSENT, "present")


def _router(item: Adjacency | Advertisement) -> str:
    return item.local.router if isinstance(item, Adjacency) else item.router


def _adjacency(item: Adjacency) -> str:
    return f"{item.protocol} {item.scope} {item.local} with {item.remote}"


def _advertisement(item: Advertisement) -> str:
    origin = f" of {item.learned_from}" if item.learned_from else ""
    med = "" if item.med < 0 else f" med {item.med}"
    path, words = item.as_path, " ".join(item.communities) or "-"
    return f"{item.prefix}{origin} to {item.neighbor} at {item.router} ({item.peer}): path [{path}]{med} communities {words}"


def _difference(field: str, aspect: str, router: str, subject: str, left: str, right: str) -> Disagreement:
    return Disagreement(field=field, shape=f"{field}: {aspect}", router=router, subject=subject, left=left, right=right)


def _findings(first: str, second: str, found: Iterable[Disagreement], stage: str) -> Iterator[Finding]:
    """The first few of each shape, with how many there are."""
    totals: Counter[str] = Counter()
    shown: list[Disagreement] = []
    for item in found:
        totals[item.shape] += 1
        if totals[item.shape] <= SHOWN_PER_SHAPE:
            shown.append(item)
    told: set[str] = set()
    for item in shown:
        total = 1 if item.shape in told else totals[item.shape]
        told.add(item.shape)
        yield _finding(first, second, item, stage, total)


def _finding(first: str, second: str, item: Disagreement, stage: str, total: int) -> Finding:
    more = f" ({total} of this shape, {min(total, SHOWN_PER_SHAPE)} shown)" if total > 1 else ""
    return Finding(
        check=AGREE,
        severity=Severity.UNKNOWN,
        summary=f"{first} and {second} disagree on {item.shape}, {item.subject}{more}",
        where=(Where(router=item.router),) if item.router else (),
        before=f"{first}: {item.left}",
        after=f"{second}: {item.right}",
        stage=stage,
    )


_FIELDS: Mapping[str, Callable[[State, State], Iterator[Disagreement]]] = {
    "routes": _routes,
    "adjacencies": lambda left, right: _sets("adjacencies", left.adjacencies, right.adjacencies, _adjacency),
    "sessions": lambda left, right: _keyed("sessions", _sessions(left), _sessions(right)),
    "advertisements": lambda left, right: _sets(
        "advertisements", left.advertisements, right.advertisements, _advertisement
    ),
    "flows": lambda left, right: _keyed("flows", _flows(left), _flows(right)),
    "loads": lambda left, right: _loads(left.loads, right.loads),
    "sites": lambda left, right: _keyed("sites", _sites(left), _sites(right)),
    "services": lambda left, right: _keyed("services", left.services, right.services),
    "access": lambda left, right: _keyed("access", _access(left), _access(right)),
    "sweep": lambda left, right: _keyed("sweep", _sweep(left), _sweep(right)),
}
