"""lockout: operators must keep a way to every router, at every step, and there must be a way back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.difference import table_changes
from backstay.audit.evidence import finding, point
from backstay.audit.wording import count, counted, some, verb
from backstay.model.change import Intent
from backstay.model.finding import Finding, Severity
from backstay.model.state import PathResult

ID = "lockout"
ON_SITE = "on-site"

Paths = tuple[PathResult, ...]


def check(context: Context) -> tuple[Finding, ...]:
    """Working operator paths of every router; at the end, whether the rollback leads back to where it began."""
    if context.kind is Kind.WHOLE:
        return (*_undeclared(context), *_no_way_back(context))
    if context.kind is Kind.ROLLED_BACK:
        return tuple(_not_back(context))
    return (*_unanswered(context), *_cut_off(context), *_fewer(context), *_locked_before(context))


# ------------------------------------------------------------------------------------------- ways in


def _undeclared(context: Context) -> Iterator[Finding]:
    if not context.network_before.access_paths:
        text = "no operator path is declared (access: in backstay.yaml), so nobody can say whether a router stays within reach"
        yield finding(
            context,
            ID,
            Severity.UNKNOWN,
            text,
            where=(point(context.network_before.intent_place),),
            show="check NETWORK",
        )


def _unanswered(context: Context) -> Iterator[Finding]:
    if not context.network_before.access_paths:
        return
    states = ((context.network_before, context.before), (context.network_after, context.after))
    missing = {name for network, state in states for name in network.routers if name not in state.access}
    if missing:
        text = f"the engine has no answer about the operators' ways to {counted(sorted(missing), 'router')}"
        yield finding(context, ID, Severity.UNKNOWN, text)


def _working(paths: Paths) -> Paths:
    return tuple(path for path in paths if path.works)


def _remote(paths: Paths) -> Paths:
    return tuple(path for path in paths if path.works and path.kind != ON_SITE)


def _cut_off(context: Context) -> Iterator[Finding]:
    """Routers that lose their last remote path. Walking in is a way to repair, not one to operate: where there was
    a remote path, being left with the door alone refuses; the text says how long the walk takes.
    """
    groups: dict[Paths, list[str]] = defaultdict(list)
    for router, after in context.after.access.items():
        before = context.before.access.get(router, ())
        if _working(before) and (not _working(after) or (_remote(before) and not _remote(after))):
            groups[_working(after)].append(router)
    for left, routers in sorted(groups.items(), key=lambda item: (bool(item[0]), -len(item[1]), item[1])):
        yield _cut_off_finding(context, left, sorted(routers))


def _cut_off_finding(context: Context, left: Paths, routers: list[str]) -> Finding:
    own = [router for router in routers if router in context.moment.overlay.routers_down]
    planned = len(own) == len(routers)
    rest = f"only on site ({_walk(context, left)})" if left else "no way in at all"
    reasons = _reasons(context, routers[0])
    return finding(
        context,
        ID,
        Severity.WARNING if planned else Severity.DENY,
        f"{counted(routers, 'router')} {verb(len(routers), 'loses', 'lose')} every remote operator path; left: {rest}"
        f"{'; down on purpose meanwhile' if planned else ''}{reasons}",
        before=f"{routers[0]}: {some([path.path for path in _working(context.before.access[routers[0]])])}",
        after=f"{routers[0]}: {some([path.path for path in left]) or 'none'}",
    )


def _walk(context: Context, paths: Paths) -> str:
    words = []
    for path in paths:
        declared = context.network_before.access_paths.get(path.path)
        minutes = f", {declared.minutes:g} minutes" if declared and declared.minutes is not None else ""
        words.append(f"{path.path}{minutes}")
    return some(words)


def _reasons(context: Context, router: str) -> str:
    broken = [f"{path.path}: {some(path.broken, 2)}" for path in context.after.access[router] if path.broken]
    return f"; broken on {router}: {some(broken, 4)}" if broken else ""


def _fewer(context: Context) -> Iterator[Finding]:
    """Still reachable from afar, by one path where there were more."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for change in context.difference.access:
        before = _remote(context.before.access.get(change.router, ()))
        after = _remote(context.after.access.get(change.router, ()))
        if after and len(after) < len(before):
            groups[change.lost, tuple(path.path for path in after)].append(change.router)
    for (lost, left), routers in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        text = (
            f"{counted(sorted(routers), 'router')} {verb(len(routers), 'loses', 'lose')} the operator path {some(lost)}"
        )
        yield finding(context, ID, Severity.WARNING, text, after=f"left: {some(left)}")


def _locked_before(context: Context) -> Iterator[Finding]:
    before, after = context.before.access, context.after.access
    locked = sorted(r for r, paths in after.items() if not _working(paths) and not _working(before.get(r, ())))
    if locked and context.network_before.access_paths:
        text = f"{counted(locked, 'router')} {verb(len(locked), 'has', 'have')} no working operator path, neither before nor after"
        yield finding(context, ID, Severity.WARNING, text, where=())


# ------------------------------------------------------------------------------------------- the way back


def _no_way_back(context: Context) -> Iterator[Finding]:
    """What changes a configuration needs a rollback; a restoration is one."""
    if context.plan.rollback is None and context.configuration.routers and context.intent is not Intent.RESTORE:
        names = context.configuration.names
        text = f"no way back: the change writes to {count(len(names), 'router')} and has no rollback"
        yield finding(context, ID, Severity.UNKNOWN, text, where=(point(context.change.place),))


def _not_back(context: Context) -> Iterator[Finding]:
    """The rollback must lead back to the facts before the change; to other words for the same state is told."""
    if not context.configuration.routers:
        return
    names = context.configuration.names
    parts = sorted({part for change in context.configuration.routers for part in change.parts})
    differs = next(table_changes(context.before, context.after, 1), None) is not None
    changed = differs or _effect(context)
    text = f"after the rollback {counted(names, 'router')} {verb(len(names), 'is', 'are')} not as before the change ({some(parts)})"
    text += "" if changed else ", though routing is"
    yield finding(
        context,
        ID,
        Severity.DENY if changed else Severity.WARNING,
        text,
        before="as before the change",
        after="routing differs" if changed else "configuration differs, routing does not",
    )


def _effect(context: Context) -> bool:
    found = context.difference
    return any(
        (
            found.adjacencies_lost,
            found.adjacencies_gained,
            found.sessions,
            found.advertisements_added,
            found.advertisements_withdrawn,
            found.advertisements_changed,
            found.flows,
            found.loads,
            found.sites,
            found.access,
        )
    )
