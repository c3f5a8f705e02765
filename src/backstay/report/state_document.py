"""A whole `State` as JSON: what `backstay lab show` prints."""

from __future__ import annotations

from typing import Any

from backstay.model.state import PathAttributes, Route, State
from backstay.report.document import advertisement_row, routes_document

STATE_SCHEMA = "backstay.state/1"


def state_document(state: State) -> dict[str, Any]:
    """``backstay.state/1``: every field the engine answers for; ``routers`` as in ``backstay.routes/1`` with attributes."""
    routers = routes_document(state)["routers"]
    for router, vrfs in state.routes.items():
        for vrf, table in vrfs.items():
            for row, (_, route) in zip(routers[router][vrf], sorted(table.items()), strict=True):
                row.update(_more(route))
    return {
        "schema": STATE_SCHEMA,
        "engine": state.engine,
        "answers": None if state.answers is None else sorted(state.answers),
        "routers": routers,
        "adjacencies": [
            {"protocol": a.protocol, "scope": a.scope, "local": str(a.local), "remote": str(a.remote)}
            for a in sorted(state.adjacencies)
        ],
        "sessions": [
            {"router": s.router, "vrf": s.vrf, "peer": s.peer, "remote": s.remote, "established": s.established,
             "reason": s.reason, "received": dict(s.received), "accepted": dict(s.accepted), "sent": dict(s.sent),
             "tripped": s.tripped}
            for s in state.sessions
        ],
        "advertisements": [
            advertisement_row(item) | {"learned_from": item.learned_from} for item in sorted(state.advertisements)
        ],
        "flows": [
            {"flow": f.flow, "delivered": f.delivered, "fate": f.fate.value, "at": list(f.at), "hops": list(f.hops)}
            for _, f in sorted(state.flows.items())
        ],
        "sites": [
            {"anycast": s.anycast, "site": s.site, "announced": s.announced, "reached": list(s.reached), "failed": list(s.failed)}
            for s in state.sites
        ],
        "services": dict(sorted(state.services.items())),
        "access": {
            router: [{"path": p.path, "kind": p.kind, "works": p.works, "broken": list(p.broken)} for p in paths]
            for router, paths in sorted(state.access.items())
        },
        "unknowns": [remark.text for remark in state.unknowns],
        "notes": [remark.text for remark in state.notes],
    }  # fmt: skip


def _more(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "forwarding": [
            {
                "ip": None if hop.address is None else str(hop.address),
                "interface": hop.interface,
                "discard": hop.discard,
            }
            for hop in route.forwarding
        ]
    }
    if route.attributes is not None:
        found["attributes"] = _attributes(route.attributes)
    return found


def _attributes(held: PathAttributes) -> dict[str, Any]:
    return {
        "as_path": held.as_path,
        "local_preference": held.local_preference,
        "med": held.med,
        "origin": held.origin,
        "communities": [*held.communities, *held.large_communities, *held.extended_communities],
        "next_hop": None if held.next_hop is None else str(held.next_hop),
        "learned_from": held.learned_from,
    }
