"""JSON documents: the contracts that other programs rely on. Each carries ``schema``; keys are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backstay.model.finding import Effect, Finding, Verdict
from backstay.model.network import Network
from backstay.model.source import Remark, UnreadLine
from backstay.model.state import Advertisement, Event, NextHop, PathResult, Route, State

Document = dict[str, Any]

VERDICT_SCHEMA = "backstay.verdict/1"
ROUTES_SCHEMA = "backstay.routes/1"
CHECK_SCHEMA = "backstay.check/1"


def verdict_document(verdict: Verdict) -> Document:
    """``backstay.verdict/1``."""
    return {
        "schema": VERDICT_SCHEMA,
        "verdict": verdict.decision.value,
        "change": verdict.title,
        "network": verdict.network,
        "findings": [_finding(finding) for finding in verdict.findings],
        "engines": {name: decision.value for name, decision in verdict.engines.items()},
        "effect": _effect(verdict.effect),
        "cascade": [_event(event) for event in verdict.cascade],
        "access": {router: [_path(path) for path in paths] for router, paths in verdict.access.items()},
        "worst_stage": verdict.worst_stage,
    }


def _finding(finding: Finding) -> Document:
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "summary": finding.summary,
        "where": [{"router": item.router, "file": item.file, "line": item.line} for item in finding.where],
        "before": finding.before,
        "after": finding.after,
        "stage": finding.stage,
        "show": finding.show,
        "engines": list(finding.engines),
    }


def _effect(effect: Effect) -> Document:
    return {
        "routers": list(effect.routers),
        "links": list(effect.links),
        "advertisements": {
            "added": list(effect.advertisements_added),
            "withdrawn": list(effect.advertisements_withdrawn),
        },
        "lost_mbps": effect.lost_mbps,
        "max_utilisation": {
            "before": effect.max_utilisation_before,
            "after": effect.max_utilisation_after,
            "after_worst_failure": effect.max_utilisation_worst_failure,
        },
    }


def _event(event: Event) -> Document:
    return {"round": event.round, "kind": event.kind, "subject": event.subject, "text": event.text}


def _path(path: PathResult) -> Document:
    return {
        "path": path.path,
        "kind": path.kind,
        "works": path.works,
        "through": list(path.through),
        "broken": list(path.broken),
    }


def routes_document(state: State, only_router: str | None = None) -> Document:
    """``backstay.routes/1``: the main routing table of every router, best routes only, sorted by prefix."""
    routers = {
        router: {vrf: _table(table) for vrf, table in sorted(vrfs.items())}
        for router, vrfs in sorted(state.routes.items())
        if only_router is None or router.casefold() == only_router.casefold()
    }
    return {"schema": ROUTES_SCHEMA, "routers": routers}


def _table(table: Mapping[Any, Route]) -> list[Document]:
    return [
        {
            "prefix": str(prefix),
            "protocol": route.protocol,
            "distance": route.distance,
            "metric": route.metric,
            "next_hops": [_next_hop(hop) for hop in route.next_hops],
            "tag": route.tag,
        }
        for prefix, route in sorted(table.items())
    ]


def _next_hop(hop: NextHop) -> Document:
    shown: Document = {"ip": None if hop.address is None else str(hop.address), "interface": hop.interface}
    if hop.discard:
        shown["discard"] = hop.discard
    return shown


def next_hops_text(route: Route) -> str:
    """Next hops as people read them in a table: ``10.0.0.1 eth0, 10.0.0.3 eth1``."""
    return ", ".join(
        " ".join(part for part in (str(hop.address or ""), hop.interface or "", hop.discard or "") if part)
        for hop in route.next_hops
    )


def advertisement_row(item: Advertisement) -> Document:
    """What an external neighbour hears, as documents show it."""
    return {
        "neighbor": item.neighbor,
        "router": item.router,
        "peer": str(item.peer),
        "prefix": str(item.prefix),
        "as_path": item.as_path,
        "med": None if item.med < 0 else item.med,
        "communities": list(item.communities),
    }


def check_document(network: Network, remarks: tuple[Remark, ...], unread: tuple[UnreadLine, ...]) -> Document:
    """``backstay.check/1``: what `backstay check` has to say about a folder."""
    return {
        "schema": CHECK_SCHEMA,
        "network": network.name,
        "routers": len(network.routers),
        "links": len(network.links),
        "unread": [
            {
                "router": line.router,
                "file": line.place.file,
                "line": line.place.line,
                "text": line.text,
                "context": list(line.context),
                "reason": line.reason,
            }
            for line in unread
        ],
        "remarks": [
            {
                "code": remark.code,
                "text": remark.text,
                "router": remark.router,
                "file": remark.place.file if remark.place else None,
                "line": remark.place.line if remark.place else None,
            }
            for remark in remarks
        ],
    }
