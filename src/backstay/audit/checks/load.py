"""load: no link over its limit after the change, at any step, or at any single failure from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.difference import TOLERANCE, grown
from backstay.audit.evidence import finding
from backstay.audit.wording import count, percent, rate, some, verb
from backstay.model.change import Intent
from backstay.model.finding import Finding, Severity
from backstay.model.state import FailureResult, LostDemand, State

ID = "load"
REMOVES_REDUNDANCY = frozenset({Intent.DRAIN, Intent.RESTORE})
"""While something is drained a further failure may cut what hangs on the rest: told, not refused."""


def check(context: Context) -> tuple[Finding, ...]:
    """Utilisation, lost demand, and the sweep over single link, router and risk-group failures."""
    return (
        *_lost(context),
        *_overloaded(context),
        *_sweep(context),
        *_unproven(context),
    )


def _lost(context: Context) -> Iterator[Finding]:
    found = context.difference
    offered = context.after.loads.offered
    if abs(offered - context.before.loads.offered) > TOLERANCE * max(1.0, offered):
        text = f"the engine placed {rate(offered)} of demand after the change and {rate(context.before.loads.offered)} before"
        yield finding(context, ID, Severity.UNKNOWN, text)
    if not grown(found.lost_before + context.change.expect.lost_mbps, found.lost_after):
        return
    share = found.lost_after / offered if offered else 1.0
    worst = sorted(context.after.loads.lost, key=lambda item: (-item.mbps, item.source, item.destination))
    yield finding(
        context,
        ID,
        Severity.DENY,
        f"{rate(found.lost_after)} of demand are lost, {percent(share)} of all: {some([_pair(item) for item in worst], 3)}",
        before=f"lost {rate(found.lost_before)}",
        after=f"lost {rate(found.lost_after)} of {rate(offered)}",
    )


def _pair(item: LostDemand) -> str:
    return f"{item.source} to {item.destination} {rate(item.mbps)} ({item.reason.value})"


def _overloaded(context: Context) -> Iterator[Finding]:
    limit = context.network_before.limits.utilisation
    before, after = context.before.loads.utilisation, context.after.loads.utilisation
    over = sorted(((-share, str(ref), ref) for ref, share in after.items() if grown(limit, share)))
    worse = [ref for _, _, ref in over if grown(before.get(ref, 0.0), after[ref])]
    known = [ref for _, _, ref in over if ref not in set(worse)]
    for refs, severity, words in (
        (worse, Severity.DENY, "over the limit"),
        (known, Severity.WARNING, "over the limit already before the change"),
    ):
        if refs:
            names = some([f"{ref} {percent(after[ref])}" for ref in refs], 4)
            yield finding(
                context,
                ID,
                severity,
                f"{count(len(refs), 'interface')} {verb(len(refs), 'is', 'are')} {words} of {percent(limit)}: {names}",
                before=f"{refs[0]}: {percent(before.get(refs[0], 0.0))}",
                after=f"{refs[0]}: {percent(after[refs[0]])}",
            )


# ------------------------------------------------------------------------------------------- single failures


def _sweep(context: Context) -> Iterator[Finding]:
    if not context.moment.sweep:
        return
    if context.after.sweep is None or context.before.sweep is None:
        yield finding(
            context, ID, Severity.UNKNOWN, "single failures were asked for, and the engine did not sweep them"
        )
        return
    yield from _over_at_failure(context, context.after.sweep)
    yield from _lost_at_failure(context, context.after.sweep)


def _known(state: State) -> dict[tuple[str, str], FailureResult]:
    return {(item.kind, item.name): item for item in state.sweep or ()}


def _over_at_failure(context: Context, sweep: tuple[FailureResult, ...]) -> Iterator[Finding]:
    limit = context.network_before.limits.failure_utilisation
    over = [item for item in sweep if grown(limit, item.max_utilisation)]
    for worse, items in _split(context, over, lambda item: item.max_utilisation):
        was = _known(context.before).get((items[0].kind, items[0].name))
        yield finding(
            context,
            ID,
            Severity.DENY if worse else Severity.WARNING,
            f"at {count(len(items), 'single failure')} a link goes over {percent(limit)}"
            f"{'' if worse else ', as before the change'}: {some([_failure(item) for item in items], 3)}",
            before=f"{items[0].kind} {items[0].name}: {percent(was.max_utilisation if was else 0.0)}",
            after=f"{items[0].kind} {items[0].name}: {percent(items[0].max_utilisation)}",
            show="capacity NETWORK --failures 1",
        )


def _lost_at_failure(context: Context, sweep: tuple[FailureResult, ...]) -> Iterator[Finding]:
    losing = [item for item in sweep if grown(0.0, item.lost_mbps)]
    for worse, items in _split(context, losing, lambda item: item.lost_mbps):
        if not worse:
            continue
        was = _known(context.before).get((items[0].kind, items[0].name))
        yield finding(
            context,
            ID,
            Severity.WARNING if context.intent in REMOVES_REDUNDANCY else Severity.DENY,
            f"{count(len(items), 'single failure')} would now lose more demand than before: "
            f"{some([f'{item.kind} {item.name} {rate(item.lost_mbps)}' for item in items], 3)}",
            before=f"{items[0].kind} {items[0].name}: {rate(was.lost_mbps if was else 0.0)}",
            after=f"{items[0].kind} {items[0].name}: {rate(items[0].lost_mbps)}",
            show="capacity NETWORK --failures 1",
        )


def _failure(item: FailureResult) -> str:
    return f"{item.kind} {item.name} puts {item.worst or 'a link'} at {percent(item.max_utilisation)}"


def _split(
    context: Context, items: list[FailureResult], size: Callable[[FailureResult], float]
) -> Iterator[tuple[bool, list[FailureResult]]]:
    """Failures that are worse than before the change, then the others, each worst first."""
    known = _known(context.before)
    ordered = sorted(items, key=lambda item: (-size(item), item.kind, item.name))
    worse = [item for item in ordered if _is_worse(known.get((item.kind, item.name)), item, size)]
    others = [item for item in ordered if item not in worse]
    yield from ((flag, group) for flag, group in ((True, worse), (False, others)) if group)


def _is_worse(before: FailureResult | None, after: FailureResult, size: Callable[[FailureResult], float]) -> bool:
    return before is None or grown(size(before), size(after))


# ------------------------------------------------------------------------------------------- what proves nothing


def _unproven(context: Context) -> Iterator[Finding]:
    if not context.network_before.demands:
        text = "no demands are declared (demands.csv), so loads prove nothing"
        yield finding(context, ID, Severity.INFO, text, where=(), show="check NETWORK")
    if context.kind not in {Kind.STEP, Kind.DURING}:
        return
    cabled = {ref for link in context.network_after.links.values() for ref in link.ends}
    silent = sorted(
        ref
        for ref, mbps in context.after.loads.mbps.items()
        if mbps > 0 and ref in cabled and ref not in context.after.loads.utilisation
    )
    if silent:
        text = (
            f"no capacity is known for {count(len(silent), 'interface')} that {verb(len(silent), 'carries', 'carry')} "
            f"traffic, so no limit is held there: {some(silent, 3)}"
        )
        yield finding(context, ID, Severity.WARNING, text, where=(), show="check NETWORK")
