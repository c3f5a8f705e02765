"""Two States side by side, for `backstay diff`: no judgement, only what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backstay.audit.difference import Difference, RouteChange, difference, table_changes
from backstay.model.state import Route, State
from backstay.report.document import advertisement_row, next_hops_text

DIFF_SCHEMA = "backstay.diff/1"
ALL = 1 << 62
SHOWN = 20
SHOWN_ROUTES = 5


def diff_document(before: State, after: State, router: str = "") -> dict[str, Any]:
    """``backstay.diff/1``: every changed route, advertisement, session and load; ``router`` narrows the routes."""
    found = difference(before, after)
    return {
        "schema": DIFF_SCHEMA,
        "routes": [_route_row(change) for change in _routes(before, after, router)],
        "advertisements": {
            "added": [advertisement_row(item) for item in found.advertisements_added],
            "withdrawn": [advertisement_row(item) for item in found.advertisements_withdrawn],
            "changed": [
                {"before": advertisement_row(was), "after": advertisement_row(now)}
                for was, now in found.advertisements_changed
            ],
        },
        "sessions": {
            "lost": [f"{item.router} {item.peer}" for item in found.sessions_lost],
            "gained": [f"{item.router} {item.peer}" for item in found.sessions_gained],
        },
        "loads": [
            {"interface": str(item.interface), "before": item.before, "after": item.after} for item in found.loads
        ],
        "lost_mbps": {"before": found.lost_before, "after": found.lost_after},
        "max_utilisation": {"before": before.loads.max_utilisation, "after": after.loads.max_utilisation},
        "unknowns": [remark.text for remark in (*before.unknowns, *after.unknowns)],
    }


def _routes(before: State, after: State, router: str) -> Iterator[RouteChange]:
    for table in table_changes(before, after, ALL):
        if not router or table.router.casefold() == router.casefold():
            yield from table.samples


def _route_row(change: RouteChange) -> dict[str, Any]:
    return {
        "router": change.router,
        "vrf": change.vrf,
        "prefix": str(change.prefix),
        "before": _route_text(change.before),
        "after": _route_text(change.after),
    }


def _route_text(route: Route | None) -> str | None:
    if route is None:
        return None
    return f"{route.protocol} [{route.distance}/{route.metric}] {next_hops_text(route)}".rstrip()


def diff_screen(before: State, after: State, router: str = "") -> RenderableType:
    """The same for people: totals first, then the first of each kind."""
    found = difference(before, after)
    parts: list[RenderableType] = [_totals(before, after, found)]
    parts.extend(_unknowns(before, after))
    if found.advertisements_added or found.advertisements_withdrawn:
        parts.append(_advertisements_table(found))
    if found.sessions_lost or found.sessions_gained:
        parts.append(_sessions_table(found))
    parts.append(_routes_table(before, after, router))
    if found.loads:
        parts.append(_loads_table(before, after, found))
    return Group(*parts)


def _unknowns(before: State, after: State) -> Iterator[Text]:
    for text in dict.fromkeys(remark.text for remark in (*before.unknowns, *after.unknowns)):
        yield Text(f"unknown: {text}", style="yellow")


def _totals(before: State, after: State, found: Difference) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("advertisements", f"{len(found.advertisements_added)} added, "
                  f"{len(found.advertisements_withdrawn)} withdrawn, {len(found.advertisements_changed)} changed")  # fmt: skip
    table.add_row("BGP sessions", f"{len(found.sessions_lost)} lost, {len(found.sessions_gained)} gained")
    table.add_row("IGP adjacencies", f"{len(found.adjacencies_lost)} lost, {len(found.adjacencies_gained)} gained")
    table.add_row("demand lost", f"{found.lost_before:,.1f} → {found.lost_after:,.1f} Mbit/s")
    table.add_row("highest utilisation", f"{before.loads.max_utilisation:.1%} → {after.loads.max_utilisation:.1%}")
    return table


def _advertisements_table(found: Difference) -> Table:
    table = Table("", "prefix", "to", "at", "AS path", title="Advertisements", title_justify="left")
    rows = [("+", item) for item in found.advertisements_added] + [
        ("-", item) for item in found.advertisements_withdrawn
    ]
    for sign, item in rows[:SHOWN]:
        style = "green" if sign == "+" else "red"
        table.add_row(Text(sign, style=style), str(item.prefix), item.neighbor, item.router, item.as_path)
    _more(table, len(rows) - SHOWN)
    return table


def _sessions_table(found: Difference) -> Table:
    table = Table("", "router", "peer", "with", "reason", title="BGP sessions", title_justify="left")
    rows = [("-", item) for item in found.sessions_lost] + [("+", item) for item in found.sessions_gained]
    for sign, item in rows[:SHOWN]:
        table.add_row(Text(sign), item.router, item.peer, item.remote, item.reason)
    _more(table, len(rows) - SHOWN)
    return table


def _routes_table(before: State, after: State, router: str) -> Table:
    table = Table("router", "VRF", "prefix", "before", "after", title="Routes", title_justify="left")
    most = ALL if router else SHOWN_ROUTES
    for change in table_changes(before, after, most):
        if router and change.router.casefold() != router.casefold():
            continue
        for item in change.samples:
            table.add_row(
                item.router, item.vrf, str(item.prefix),
                Text(_route_text(item.before) or "no route"), Text(_route_text(item.after) or "no route"),
            )  # fmt: skip
        rest = change.total - len(change.samples)
        if rest:
            table.add_row(change.router, change.vrf, f"and {rest} more", f"--router {change.router}", "")
    return table


def _loads_table(before: State, after: State, found: Difference) -> Table:
    table = Table("sending interface", "Mbit/s", "utilisation", title="Loads", title_justify="left")
    ordered = sorted(found.loads, key=lambda item: (-abs(item.after - item.before), item.interface))
    for item in ordered[:SHOWN]:
        was, now = (state.loads.utilisation.get(item.interface) for state in (before, after))
        shares = "" if was is None and now is None else f"{was or 0:.1%} → {now or 0:.1%}"
        table.add_row(str(item.interface), f"{item.before:,.1f} → {item.after:,.1f}", shares)
    _more(table, len(ordered) - SHOWN)
    return table


def _more(table: Table, rest: int) -> None:
    if rest > 0:
        table.add_row("", f"and {rest} more (--format json has all)")
