"""limits: no session or table near what it can hold; equal limits everywhere are one failure waiting to happen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backstay.audit.context import Context
from backstay.audit.difference import grown
from backstay.audit.evidence import finding, places, point
from backstay.audit.wording import count, counted, percent, some, verb
from backstay.model.finding import Finding, Severity, Where
from backstay.model.flows import sites_of
from backstay.model.network import Network
from backstay.model.routing import BgpNeighbor, MaximumPrefix
from backstay.model.selection import select
from backstay.model.service import TableLimit
from backstay.model.state import RouteTable, Session, State

ID = "limits"
FEEDS = frozenset({"customer", "peer"})
TABLES: Mapping[str, frozenset[str]] = {
    "igp": frozenset({"isis", "ospf", "ospf6"}),
    "bgp": frozenset({"bgp", "ibgp", "aggregate"}),
}
"""Protocols of a route counted in each table; ``rib`` counts all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How full a session is in one address family: prefixes counted against its maximum."""

    session: Session
    version: int
    limit: MaximumPrefix
    number: int

    @property
    def share(self) -> float:
        return self.number / self.limit.limit if self.limit.limit else 1.0

    @property
    def key(self) -> tuple[str, str, str, int]:
        return (self.session.router, self.session.vrf, self.session.peer, self.version)

    def __str__(self) -> str:
        return f"{self.session.router} from {self.session.remote or self.session.peer} IPv{self.version} {self.number} of {self.limit.limit}"


def check(context: Context) -> tuple[Finding, ...]:
    """Maximum-prefix of every session, those that tripped, table limits per role, feeds without a limit."""
    return (*_tripped(context), *_near(context), *_correlated(context), *_tables(context), *_unlimited(context))


# ------------------------------------------------------------------------------------------- sessions


def _neighbor(network: Network, session: Session) -> BgpNeighbor | None:
    router = network.router_named(session.router)
    processes = (process for process in router.bgp if process.vrf == session.vrf) if router else ()
    return next((process.neighbors.get(session.peer) for process in processes), None)


def _fillings(network: Network, state: State) -> list[Filling]:
    found = []
    for session in state.sessions:
        neighbor = _neighbor(network, session)
        for version, family in sorted(neighbor.families.items()) if neighbor else ():
            limit = family.maximum_prefix
            if limit:
                counted_ones = dict(session.received if limit.force else session.accepted)
                number = counted_ones.get(version, 0)
                found.append(Filling(session=session, version=version, limit=limit, number=number))
    return found


def _tripped(context: Context) -> Iterator[Finding]:
    known = {(item.router, item.vrf, item.peer) for item in context.before.sessions if item.tripped}
    sessions = [item for item in context.after.sessions if item.tripped]
    for new in (True, False):
        items = [item for item in sessions if ((item.router, item.vrf, item.peer) not in known) is new]
        if items:
            names = [f"{item.router} from {item.remote or item.peer}" for item in items]
            yield finding(
                context,
                ID,
                Severity.DENY if new else Severity.WARNING,
                f"{count(len(items), 'BGP session')} {verb(len(items), 'goes', 'go')} over {verb(len(items), 'its', 'their')} maximum-prefix and "
                f"{verb(len(items), 'is', 'are')} torn down{'' if new else ', as before the change'}: {some(names, 3)}"
                f"{_by_hand(context, items)}",
                before="established" if new else "torn down",
                after="torn down",
            )


def _by_hand(context: Context, sessions: list[Session]) -> str:
    """Without ``restart`` a tripped session stays down until somebody clears it (seen on FRR 8.4.4)."""
    neighbors = (_neighbor(context.network_after, session) for session in sessions)
    limits = [f.maximum_prefix for n in neighbors if n for f in n.families.values() if f.maximum_prefix]
    return "; each must be cleared by hand" if any(limit.restart is None for limit in limits) else ""


def _near(context: Context) -> Iterator[Finding]:
    """Sessions beyond the margin: refused when the change brings them there or closer."""
    margin = context.network_before.limits.prefix_margin
    known = {item.key: item for item in _fillings(context.network_before, context.before)}
    near = [item for item in _fillings(context.network_after, context.after) if _is_near(item, margin)]
    near.sort(key=lambda item: (-item.share, item.key))
    worse = [item for item in near if item.key not in known or grown(known[item.key].share, item.share)]
    told = [item for item in worse if item.limit.warning_only] + [item for item in near if item not in worse]
    denied = [item for item in worse if not item.limit.warning_only]
    for items, severity in ((denied, Severity.DENY), (told, Severity.WARNING)):
        if items:
            was = known.get(items[0].key)
            yield finding(
                context,
                ID,
                severity,
                f"{count(len(items), 'BGP session')} {verb(len(items), 'is', 'are')} beyond {percent(margin)} of maximum-prefix: {some(items, 3)}",
                where=_limit_places(items),
                before=f"{was.number} prefixes" if was else "no such session",
                after=f"{items[0].number} prefixes of {items[0].limit.limit}",
            )


def _is_near(item: Filling, margin: float) -> bool:
    return item.session.established and not item.session.tripped and item.share > margin


def _limit_places(items: list[Filling]) -> tuple[Where, ...]:
    return places(point(item.limit.place, item.session.router) for item in items)


def _correlated(context: Context) -> Iterator[Finding]:
    """The same limit, nearly reached, on several routers of a role: one route more trips them all (Optus, 2023)."""
    margin = context.network_before.limits.prefix_margin
    groups: dict[tuple[str, int, int], list[Filling]] = defaultdict(list)
    for item in _fillings(context.network_after, context.after):
        if item.session.tripped or _is_near(item, margin):
            for role in sorted({site.role for site in sites_of(context.network_after, item.session.router)}):
                groups[role, item.version, item.limit.limit].append(item)
    for (role, version, limit), items in sorted(groups.items()):
        routers = sorted({item.session.router for item in items})
        if len(routers) > 1:
            text = (
                f"one failure waiting to happen: {counted(routers, 'router')} of role {role} have the same limit of {limit} "
                f"IPv{version} prefixes and are all near it"
            )
            worst = max(items, key=lambda item: item.share)
            yield finding(context, ID, Severity.WARNING, text, where=_limit_places(items), after=str(worst))


def _unlimited(context: Context) -> Iterator[Finding]:
    """Feeds of customers and peers on the routers the change touches, with no maximum (Verizon, 2019)."""
    network, bare = context.network_after, []
    for name, external in network.neighbors.items():
        for attachment in external.attachments if external.kind in FEEDS else ():
            router = network.router_named(attachment.router)
            if router is None or router.name not in context.configuration.names:
                continue
            neighbors = (p.neighbors.get(str(attachment.address)) for p in router.bgp)
            families = [(n, f) for n in neighbors if n and not n.shutdown for f in n.families.values()]
            bare += [(name, router.name, n) for n, f in families if f.maximum_prefix is None]
    if bare:
        names = sorted({f"{name} at {router}" for name, router, _ in bare})
        text = f"{count(len(names), 'session')} with customers or peers {verb(len(names), 'has', 'have')} no maximum-prefix: {some(names, 3)}"
        where = places(point(neighbor.place, router) for _, router, neighbor in bare)
        yield finding(context, ID, Severity.WARNING, text, where=where)


# ------------------------------------------------------------------------------------------- tables


def table_size(tables: Mapping[str, RouteTable], kind: str) -> int:
    """Routes of a router counted for a `TableLimit`, all VRFs together."""
    if kind == "rib":
        return sum(len(table) for table in tables.values())
    wanted = TABLES[kind]
    return sum(route.protocol in wanted for table in tables.values() for route in table.values())


def _tables(context: Context) -> Iterator[Finding]:
    for limit in context.network_before.limits.tables:
        if limit.table != "rib" and limit.table not in TABLES:
            text = f"nobody here knows how to count the table {limit.table!r} of the limit for role {limit.role}"
            yield finding(context, ID, Severity.UNKNOWN, text, where=(), show="check NETWORK")
            continue
        yield from _table(context, limit)


def _table(context: Context, limit: TableLimit) -> Iterator[Finding]:
    held = limit.routes * (1 - limit.margin)
    routers = select(context.network_after, (f"role:{limit.role}",))
    sizes = {name: table_size(context.after.routes.get(name, {}), limit.table) for name in routers}
    over = sorted((-size, name) for name, size in sizes.items() if size > held)
    if not over:
        return
    before = {name: table_size(context.before.routes.get(name, {}), limit.table) for _, name in over}
    worse = [name for _, name in over if sizes[name] > before[name]]
    first = (worse or [over[0][1]])[0]
    every = len(over) == len(routers) > 1
    text = (
        f"the {limit.table} table of {counted([name for _, name in over], 'router')} of role {limit.role} "
        f"{verb(len(over), 'is', 'are')} beyond {limit.routes:,} routes less {percent(limit.margin)}"
        f"{': all of the role at once, one failure waiting to happen' if every else ''}"
    )
    severity = Severity.DENY if worse else Severity.WARNING
    yield finding(
        context,
        ID,
        severity,
        text,
        before=f"{first}: {before[first]:,} routes",
        after=f"{first}: {sizes[first]:,} routes",
    )
