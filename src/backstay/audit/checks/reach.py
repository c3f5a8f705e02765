"""reach: the change must not cut a protected flow, nor create a loop or a black hole, in any address family."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from backstay.audit.claims import holders, new_claims
from backstay.audit.context import Context
from backstay.audit.difference import grown
from backstay.audit.evidence import blame, finding
from backstay.audit.wording import count, counted, percent, rate, some, verb
from backstay.model.address import Address, Prefix
from backstay.model.change import Intent
from backstay.model.endpoints import entries, loopback
from backstay.model.finding import Finding, Severity
from backstay.model.flows import Flow, protected_flows
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, FlowResult, State

ID = "reach"
TRAPS = frozenset({Fate.LOOP, Fate.DISCARDED, Fate.NO_ROUTE, Fate.UNREACHABLE})
"""Fates of demand that enters the network and dies in it."""

WORDS = {
    Fate.DELIVERED: "in part",
    Fate.EXITS: "leave the network",
    Fate.FILTERED: "filtered",
    Fate.NO_ROUTE: "without a route",
    Fate.DISCARDED: "in a black hole",
    Fate.UNREACHABLE: "with nobody at the next hop",
    Fate.LOOP: "in a loop",
    Fate.SOURCE_DOWN: "from a router that is down",
}

Results = Mapping[str, FlowResult]


def check(context: Context) -> tuple[Finding, ...]:
    """Protected flows that fare worse than before the change, in groups of kind, address family and fate."""
    return (
        *_unanswered(context),
        *_gone(context),
        *_doubled(context),
        *_claimed(context),
        *_worse(context),
        *_failing_before(context),
        *_emptied(context),
        *_traps(context),
    )


def _flows(context: Context) -> tuple[tuple[Flow, ...], tuple[Flow, ...]]:
    before = protected_flows(context.network_before)
    same = context.network_before is context.network_after
    return before, before if same else protected_flows(context.network_after)


def _unanswered(context: Context) -> Iterator[Finding]:
    """A flow nobody computed is not a flow that arrives."""
    before, after = _flows(context)
    missing = [flow.name for flow in before if flow.name not in context.before.flows]
    missing += [flow.name for flow in after if flow.name not in context.after.flows]
    if missing:
        text = f"the engine has no answer for {count(len(missing), 'protected flow')}: {some(sorted(set(missing)), 2)}"
        yield finding(context, ID, Severity.UNKNOWN, text)


def _gone(context: Context) -> Iterator[Finding]:
    """Flows whose ends the change removes: a loopback address, a route reflector's session."""
    before, after = _flows(context)
    names, wholes = {flow.name for flow in after}, {_whole(flow) for flow in after if flow.whole}
    gone = [flow for flow in before if flow.name not in names and _whole(flow) not in wholes]
    sessions = [flow.name for flow in gone if flow.kind == "reflector" and not _still_wanted(context, flow)]
    cut = [flow.name for flow in gone if flow.name not in sessions]
    if cut:
        text = f"{count(len(cut), 'protected flow')} lose an end, its address is gone: {some(cut, 2)}"
        yield finding(context, ID, Severity.DENY, text, before="protected", after="no such address")
    if sessions:
        text = f"{count(len(sessions), 'internal BGP session')} {verb(len(sessions), 'is', 'are')} removed or shut: {some(sessions, 2)}"
        yield finding(context, ID, Severity.WARNING, text)


Whole = tuple[str, str, str, str, Prefix | None]


def _whole(flow: Flow) -> Whole:
    """What flows to parts of one prefix have in common: a part that nobody routes apart any more is not gone."""
    return (flow.kind, flow.router, flow.source_place, flow.destination_place, flow.whole)


def _still_wanted(context: Context, flow: Flow) -> bool:
    """The session is configured as before: it was not taken away, its far end was."""
    processes = context.network_after.routers[flow.router].bgp
    ends = [end for process in processes for end in process.neighbors.values() if end.peer == flow.destination]
    return any(not end.shutdown for end in ends)


def _doubled(context: Context) -> Iterator[Finding]:
    """Addresses that flows, sessions and operators end at, now on a router elsewhere too: packets end at either."""
    before, after = holders(context.network_before), holders(context.network_after)
    for address in sorted(_ends(context) & before.keys()):
        added = after.get(address, frozenset()) - before[address]
        if added and len(after[address]) > 1 and not _one_site(context, after[address]):
            text = f"{address} of {some(sorted(before[address]), 2)} is now on {some(sorted(added), 2)} too: packets to it end at either"
            yield finding(context, ID, Severity.DENY, text, before="one place", after="several places")


def _claimed(context: Context) -> Iterator[Finding]:
    """What belongs to a site, a service or a neighbour, drawn to a router elsewhere."""
    claims = new_claims(context.network_before, context.network_after, context.configuration.names)
    for place in sorted({claim.place for claim in claims}):
        items = [claim for claim in claims if claim.place == place]
        names = some([f"{claim.router} for {claim.prefix}" for claim in items], 3)
        text = f"what belongs to {place} would end elsewhere: {names}"
        where = blame(context, frozenset(claim.router for claim in items))
        yield finding(context, ID, Severity.DENY, text, where=where, before="nobody else", after=names)


def _ends(context: Context) -> set[Address]:
    routers = context.network_before.routers.values()
    own = {loopback(router, version) for router in routers for version in (4, 6)}
    return {address for address in own if address} | {flow.destination for flow in _flows(context)[0]}


def _one_site(context: Context, routers: frozenset[str]) -> bool:
    return any(routers <= set(site.routers) for site in context.network_after.sites.values())


def _worse(context: Context) -> Iterator[Finding]:
    groups: dict[tuple[str, int], list[Flow]] = defaultdict(list)
    of_group: dict[tuple[str, int], int] = defaultdict(int)
    down: list[Flow] = []
    known = _nearest_before(context)
    for flow in _flows(context)[1]:
        before, after = known.get(flow.name), context.after.flows.get(flow.name)
        of_group[flow.kind, flow.destination.version] += 1
        if before is None or after is None or not _is_worse(before, after):
            continue
        if _stands_in(context, flow):
            down.append(flow)
        else:
            groups[flow.kind, flow.destination.version].append(flow)
    for (kind, version), flows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _cut(context, kind, version, flows, of_group[kind, version])
    if down:
        text = f"{count(len(down), 'protected flow')} of routers that the step takes down rest on others meanwhile"
        yield finding(context, ID, Severity.WARNING, text)


def _nearest_before(context: Context) -> Results:
    """Results before the change; for a part that only the change routes apart, those of the nearest part below it."""
    before, after = _flows(context)
    results = dict(context.before.flows)
    parts: dict[Whole, list[Flow]] = defaultdict(list)
    for flow in before:
        if flow.whole and flow.name in results:
            parts[_whole(flow)].append(flow)
    for flow in after:
        if flow.whole and flow.name not in results and _whole(flow) in parts:
            same = sorted(parts[_whole(flow)], key=lambda item: item.destination)
            below = [item for item in same if item.destination <= flow.destination]
            results[flow.name] = results[(below or same)[-1 if below else 0].name]
    return results


def _is_worse(before: FlowResult, after: FlowResult) -> bool:
    """Less of it arrives, or what did not arrive anyway now runs in a circle."""
    looping = after.fate is Fate.LOOP and before.fate is not Fate.LOOP
    return grown(after.delivered, before.delivered) or looping


def _stands_in(context: Context, flow: Flow) -> bool:
    """True for a flow from or to a router that is down on purpose while another entry of the same place delivers,
    and for its BGP sessions, which cannot but go with it.
    """
    down = context.moment.overlay.routers_down
    if not down:
        return False
    network = context.network_after
    if flow.kind == "reflector":
        return flow.router in down or flow.destination_place in down
    if flow.router not in down:
        return False
    others = set(entries(network, flow.source_place)) - down
    tail = f">{flow.destination}"
    siblings = [r for name, r in context.after.flows.items() if name.endswith(tail) and _entry(name) in others]
    return any(result.delivered >= 1 for result in siblings)


def _entry(name: str) -> str:
    """The router in a flow's name: ``pop-to-dc fra>ash v4 fra1>10.255.0.2``."""
    return name.rsplit(" ", 1)[-1].partition(">")[0]


def _cut(context: Context, kind: str, version: int, flows: list[Flow], total: int) -> Finding:
    results, known = [context.after.flows[flow.name] for flow in flows], _nearest_before(context)
    before, after = ([table[flow.name].delivered for flow in flows] for table in (known, context.after.flows))
    at = sorted({router for result in results for router in result.at})
    share = "nothing of them arrives" if max(after) == 0 else f"at worst {percent(min(after))} arrives"
    pairs = list(dict.fromkeys(f"{flow.source_place} to {flow.destination_place}" for flow in flows))
    fates = Counter(result.fate for result in results).most_common()
    ends = ", ".join(f"{number} {WORDS[fate]}" for fate, number in sorted(fates, key=lambda item: (-item[1], item[0])))
    return finding(
        context,
        ID,
        Severity.DENY,
        f"{len(flows)} of {count(total, 'protected flow')} ({kind}, IPv{version}) {verb(len(flows), 'is', 'are')} cut "
        f"({ends}), {share}: {some(pairs, 3)}",
        before=f"{percent(sum(before) / len(before))} delivered",
        after=f"{percent(sum(after) / len(after))} delivered" + (f"; ends at {some(at, 3)}" if at else ""),
    )


def _failing_before(context: Context) -> Iterator[Finding]:
    """Not this change's doing, but nobody should plan on it."""
    failing = [
        name for name, result in context.after.flows.items() if _fails_as_before(context.before.flows, name, result)
    ]
    if failing:
        severity = Severity.INFO if context.intent is Intent.RESTORE else Severity.WARNING
        text = f"{count(len(failing), 'protected flow')} {verb(len(failing), 'does', 'do')} not arrive, neither before nor after: {some(sorted(failing), 2)}"
        yield finding(context, ID, severity, text, where=())


def _fails_as_before(before: Results, name: str, after: FlowResult) -> bool:
    was = before.get(name)
    return was is not None and was.delivered < 1 and after.delivered < 1 and not _is_worse(was, after)


def _emptied(context: Context) -> Iterator[Finding]:
    """Routers that were told routes by BGP and are told none any more, per address family."""
    lost: dict[int, list[str]] = defaultdict(list)
    heard = _heard(context.after)
    for version, router in sorted(_heard(context.before) - heard):
        if router not in context.moment.overlay.routers_down:
            lost[version].append(router)
    for version, routers in lost.items():
        text = f"{counted(routers, 'router')} {verb(len(routers), 'hears', 'hear')} no BGP route of IPv{version} any more: nothing outside is reached from there"
        severity = Severity.WARNING if context.intent is Intent.DRAIN else Severity.DENY
        yield finding(context, ID, severity, text, before="BGP routes", after="none")


def _heard(state: State) -> set[tuple[int, str]]:
    """(IP version, router) where some session of the default VRF brings in a route."""
    return {
        (version, session.router)
        for session in state.sessions
        if session.established and session.vrf == DEFAULT_VRF
        for version, number in session.accepted
        if number
    }


def _traps(context: Context) -> Iterator[Finding]:
    """Demand that now dies inside the network, whether or not anybody protects it."""
    before, after = _dying(context, after=False), _dying(context, after=True)
    for fate in sorted(after, key=lambda item: (-after[item], item)):
        if grown(before.get(fate, 0.0), after[fate]):
            at = sorted({router for lost in context.after.loads.lost if lost.reason is fate for router in lost.at})
            text = f"{rate(after[fate])} of demand die inside the network, {WORDS[fate]}, at {some(at, 3) or 'unnamed routers'}"
            severity = Severity.DENY if fate is Fate.LOOP or _undeclared(context) else Severity.WARNING
            yield finding(context, ID, severity, text, before=rate(before.get(fate, 0.0)), after=rate(after[fate]))


def _undeclared(context: Context) -> bool:
    found = context.difference
    return grown(found.lost_before + context.change.expect.lost_mbps, found.lost_after)


def _dying(context: Context, *, after: bool) -> dict[Fate, float]:
    lost: Iterable[tuple[Fate, float]] = (
        (item.reason, item.mbps) for item in (context.after if after else context.before).loads.lost
    )
    totals: dict[Fate, float] = defaultdict(float)
    for fate, mbps in lost:
        if fate in TRAPS:
            totals[fate] += mbps
    return totals
