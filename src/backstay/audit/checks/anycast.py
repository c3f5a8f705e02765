"""anycast: every prefix must keep its floor of live origins, with the health cascade followed to its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backstay.audit.context import Context
from backstay.audit.evidence import finding, point
from backstay.audit.wording import count, counted, some, verb
from backstay.model.address import Prefix
from backstay.model.finding import Finding, Severity
from backstay.model.routing import DEFAULT_VRF
from backstay.model.service import Anycast
from backstay.model.state import SiteHealth, State

ID = "anycast"


def check(context: Context) -> tuple[Finding, ...]:
    """Live origins against the floor, sites that withdraw, prefixes heard by nobody or claimed twice."""
    found = [item for anycast in context.network_before.anycasts.values() for item in _one(context, anycast)]
    return (*found, *_claimed_twice(context))


def _live(state: State, anycast: Anycast) -> dict[str, SiteHealth]:
    return {item.site: item for item in state.sites if item.anycast == anycast.name and item.announced}


def _one(context: Context, anycast: Anycast) -> Iterator[Finding]:
    answered = {item.site for item in context.after.sites if item.anycast == anycast.name}
    missing = sorted({origin.site for origin in anycast.origins} - answered)
    if missing:
        text = f"the engine does not say whether {anycast.name} is announced from {some(missing)}"
        yield finding(context, ID, Severity.UNKNOWN, text)
    yield from _floor(context, anycast)
    yield from _refused(context, anycast)
    yield from _unheard(context, anycast)


def _floor(context: Context, anycast: Anycast) -> Iterator[Finding]:
    before, after = _live(context.before, anycast), _live(context.after, anycast)
    gone = [site for site in before if site not in after]
    if len(after) < anycast.floor:
        worse = len(after) < len(before)
        none = "; nobody can reach it at all" if not after else ""
        yield finding(
            context,
            ID,
            Severity.DENY if worse else Severity.WARNING,
            f"{anycast.name}: {counted(list(after), 'site') if after else 'no site'} {verb(len(after) or 1, 'keeps', 'keep')} announcing "
            f"{some(anycast.prefixes, 3)}, the floor is {anycast.floor}"
            f"{none if worse else ', as before the change'}{_cascade(context, anycast, gone)}",
            before=f"{count(len(before), 'origin')} live",
            after=f"{count(len(after), 'origin')} live",
        )
    elif gone:
        text = f"{anycast.name}: {counted(gone, 'site')} {verb(len(gone), 'withdraws', 'withdraw')}, {len(after)} stay{_cascade(context, anycast, gone)}"
        yield finding(context, ID, Severity.WARNING, text, before=f"{len(before)} live", after=f"{len(after)} live")


def _cascade(context: Context, anycast: Anycast, gone: list[str]) -> str:
    """The sites in the order they fall, with the targets they could not reach."""
    health = {item.site: item for item in context.after.sites if item.anycast == anycast.name}
    falls = [
        f"{site} (cannot reach {some(health[site].failed, 3)})"
        for site in gone
        if site in health and health[site].failed
    ]
    rounds = max((event.round for event in context.after.cascade if event.kind == "site-withdrawn"), default=0)
    took = f" after {count(rounds, 'round')} of withdrawals" if rounds > 1 else ""
    return f"; health checks fail at {some(falls, 3)}{took}" if falls else took


def _refused(context: Context, anycast: Anycast) -> Iterator[Finding]:
    """Sites whose speaker announces while their own router no longer takes it: to everybody else they are gone."""
    speaking = set(_live(context.after, anycast))
    for prefix in anycast.prefixes:
        before, after = (_holding(state, anycast, prefix) for state in (context.before, context.after))
        deaf = sorted((before - after) & speaking)
        if deaf:
            below = len(after) < anycast.floor
            text = f"{anycast.name}: the routers of {counted(deaf, 'site')} no longer take {prefix} from their speakers; {count(len(after), 'site')} left"
            yield finding(
                context,
                ID,
                Severity.DENY if below else Severity.WARNING,
                f"{text}, the floor is {anycast.floor}" if below else text,
                before=f"{count(len(before), 'origin')} taken in",
                after=f"{count(len(after), 'origin')} taken in",
            )


def _holding(state: State, anycast: Anycast, prefix: Prefix) -> set[str]:
    """Sites where the router's own route to the prefix comes from the site's speaker, or from itself."""
    found = set()
    for origin in anycast.origins:
        route = state.routes.get(origin.router, {}).get(DEFAULT_VRF, {}).get(prefix)
        if route is None or (origin.address and origin.address.version != prefix.version):
            continue
        learned = route.attributes.learned_from if route.attributes else None
        if route.protocol != "ibgp" and (origin.address is None or learned in {None, str(origin.address)}):
            found.add(origin.site)
    return found


def _unheard(context: Context, anycast: Anycast) -> Iterator[Finding]:
    """Sites may announce and an export policy still keep the prefix from the world."""
    before, after = (_heard(context, state) for state in (context.before, context.after))
    lost = [prefix for prefix in anycast.prefixes if prefix in before and prefix not in after]
    if lost:
        text = f"{anycast.name}: no external neighbour hears {some(lost)} any more"
        yield finding(context, ID, Severity.DENY, text, before="heard", after="heard by nobody")


def _heard(context: Context, state: State) -> frozenset[Prefix]:
    neighbors = context.network_before.neighbors
    inside = {name for name, neighbor in neighbors.items() if neighbor.kind == "internal"}
    return frozenset(item.prefix for item in state.advertisements if item.neighbor not in inside)


def _claimed_twice(context: Context) -> Iterator[Finding]:
    """One prefix in two services: touching the one refreshes the other (1.1.1.1, 14 July 2025)."""
    owners: dict[Prefix, list[Anycast]] = defaultdict(list)
    for anycast in context.network_before.anycasts.values():
        for prefix in anycast.prefixes:
            owners[prefix].append(anycast)
    for prefix, claims in sorted(owners.items()):
        if len(claims) > 1:
            text = f"{prefix} is claimed by {some([anycast.name for anycast in claims])}: what is done to one is done to the other"
            where = tuple(point(anycast.place) for anycast in claims if anycast.place.file)
            yield finding(context, ID, Severity.WARNING, text, where=where, show="check NETWORK")
