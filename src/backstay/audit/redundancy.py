"""Units that stand in for each other: taking the last one out is no drain (part of the check ``intent``)."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.audit.context import Context
from backstay.audit.evidence import finding
from backstay.audit.touch import out_of_service
from backstay.audit.wording import some
from backstay.model.finding import Finding, Severity
from backstay.model.network import NOTHING, InterfaceRef, Network, Overlay


def taken_out(context: Context, check: str) -> Iterator[Finding]:
    """Sites and roles with two or more routers of which none stays in service."""
    before = in_service(context.network_before, NOTHING)
    after = in_service(context.network_after, context.moment.overlay)
    if before == after:
        return
    for group, members in sorted(_groups(context.network_before).items()):
        gone = sorted(members & before - after)
        if gone and not members & after:
            text = (
                f"{group}: the change takes {some(gone)} out of service and none of its {len(members)} routers is left"
            )
            yield finding(
                context,
                check,
                Severity.DENY,
                text,
                before=f"in service: {some(sorted(members & before))}",
                after="in service: none",
            )


def in_service(network: Network, overlay: Overlay) -> frozenset[str]:
    """Routers that are not `out_of_service`."""
    cabled: dict[str, list[InterfaceRef]] = {name: [] for name in network.routers}
    for link in network.links.values():
        for ref in link.ends:
            cabled.setdefault(ref.router, []).append(ref)
    return frozenset(
        name
        for name, router in network.routers.items()
        if not out_of_service(network, overlay, router, tuple(cabled[name]))
    )


def _groups(network: Network) -> dict[str, frozenset[str]]:
    """Sites and roles with at least two routers: ``site fra``, ``role core``."""
    groups: dict[str, set[str]] = {}
    for site in network.sites.values():
        routers = {router.name for name in site.routers if (router := network.router_named(name))}
        groups.setdefault(f"site {site.name}", set()).update(routers)
        groups.setdefault(f"role {site.role}", set()).update(routers)
    return {group: frozenset(members) for group, members in groups.items() if len(members) > 1}
