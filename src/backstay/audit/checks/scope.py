"""scope: the change must not touch more than its author declared, nor too much at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.evidence import blame, finding, point
from backstay.audit.touch import touched_links, units
from backstay.audit.wording import count, counted, some, verb
from backstay.model.change import Intent
from backstay.model.finding import Finding, Severity
from backstay.model.flows import sites_of
from backstay.model.network import InterfaceRef, Network
from backstay.model.selection import select

ID = "scope"
NO_DOMAIN = "no declared domain"


def check(context: Context) -> tuple[Finding, ...]:
    """Resolved routers, links and prefixes against the declared ones; units at once in a failure domain."""
    if context.kind is Kind.WHOLE:
        return tuple(_declaration(context))
    return (*_routers_beyond(context), *_everything(context), *_radius(context), *_links_beyond(context),
            *_prefixes_beyond(context))  # fmt: skip


def _declaration(context: Context) -> Iterator[Finding]:
    """A scope that is not declared, or names routers and links that do not exist."""
    scope = context.change.scope
    where = (point(context.change.place),)
    if scope.routers is None and scope.links is None:
        text = "the scope is not declared, so nothing holds the effect against what the author believes"
        yield finding(context, ID, Severity.WARNING, text, where=where, after="scope: not declared")
    for selector in scope.routers or ():
        if not select(context.network_before, (selector,)):
            text = f"the declared scope names {selector!r}, which is no router of this network"
            yield finding(context, ID, Severity.DENY, text, where=where)
    unknown = [name for name in scope.links or () if name not in context.network_before.links]
    if unknown:
        text = f"the declared scope names links that do not exist: {some(unknown)}"
        yield finding(context, ID, Severity.DENY, text, where=where)


def declared_routers(context: Context) -> frozenset[str] | None:
    """Routers inside the declared scope: those named, else the ends of the links named; None when not declared."""
    scope, network = context.change.scope, context.network_before
    if scope.routers is not None:
        return frozenset(select(network, scope.routers))
    if scope.links is not None:
        return frozenset(ref.router for ref in _ends(network, scope.links))
    return None


def _ends(network: Network, links: tuple[str, ...]) -> frozenset[InterfaceRef]:
    return frozenset(ref for name in links if name in network.links for ref in network.links[name].ends)


def _routers_beyond(context: Context) -> Iterator[Finding]:
    declared = declared_routers(context)
    if declared is None or context.stage is None:
        return
    resolved = frozenset(context.stage.routers) | frozenset(context.step.names)
    beyond = sorted(resolved - declared)
    if beyond:
        yield finding(
            context,
            ID,
            Severity.DENY,
            f"the step resolves to {count(len(resolved), 'router')}, {len(beyond)} of them outside the declared scope: "
            f"{some(beyond)}",
            where=(point(context.stage.step.selector_place), *blame(context, frozenset(beyond))),
            before=f"declared: {some(sorted(declared)) or 'none'}",
            after=f"resolved: {some(sorted(resolved))}",
        )


def _everything(context: Context) -> Iterator[Finding]:
    """A selector that means the whole network, or every router of a role, is a mistake until proven otherwise."""
    assert context.stage is not None
    network, chosen = context.network_before, frozenset(context.stage.routers)
    said = declared_routers(context)
    if len(network.routers) > 2 and chosen >= network.routers.keys():
        meant = network.limits.blast_radius is None and said is not None and said >= chosen
        severity = Severity.WARNING if meant else Severity.DENY
        text = f"the selector {some(context.stage.step.on)} means every router of the network ({len(chosen)})"
        yield finding(context, ID, severity, text, where=(point(context.stage.step.selector_place),))
        return
    for role, routers in sorted(_roles(network).items()):
        if len(routers) > 2 and chosen >= routers:
            text = f"the step takes every router of role {role} at once ({len(routers)})"
            yield finding(context, ID, Severity.WARNING, text, where=(point(context.stage.step.selector_place),))


def _roles(network: Network) -> dict[str, set[str]]:
    roles: dict[str, set[str]] = defaultdict(set)
    for site in network.sites.values():
        roles[site.role].update(router.name for name in site.routers if (router := network.router_named(name)))
    return roles


def _radius(context: Context) -> Iterator[Finding]:
    """At most ``blast_radius`` routers of one failure domain at once. Routers of no declared domain share one."""
    allowed = context.network_before.limits.blast_radius
    if allowed is None:
        return
    domains: dict[str, set[str]] = defaultdict(set)
    for router in units(context):
        for domain in _domains(context.network_before, router):
            domains[domain].add(router)
    severity = Severity.WARNING if context.intent is Intent.RESTORE else Severity.DENY
    for domain, routers in sorted(domains.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(routers) > allowed:
            yield finding(
                context,
                ID,
                severity,
                f"one step acts on {counted(sorted(routers), 'router')} of failure domain {domain} at once; "
                f"split it into steps",
                where=blame(context, routers),
                before=f"allowed at once: {allowed}",
                after=f"at once: {len(routers)}",
            )


def _domains(network: Network, router: str) -> frozenset[str]:
    found = {site.domain for site in sites_of(network, router) if site.domain}
    return frozenset(found) or frozenset({NO_DOMAIN})


def _links_beyond(context: Context) -> Iterator[Finding]:
    """Links whose ends, adjacencies or sessions change although neither end is in scope."""
    declared = declared_routers(context)
    if declared is None:
        return
    scope = context.change.scope
    touched = touched_links(context)
    if scope.links is not None:
        beyond = sorted(touched.keys() - set(scope.links))
    else:
        beyond = sorted(name for name, ends in touched.items() if declared.isdisjoint(ends))
    if beyond:
        text = f"{counted(beyond, 'link')} outside the declared scope {verb(len(beyond), 'changes', 'change')}"
        yield finding(context, ID, Severity.DENY, text, before=f"declared: {some(scope.links or sorted(declared))}")
    far = [item for item in context.difference.sessions_lost if item.router not in declared]
    lost = sorted({f"{item.router} to {item.remote or item.peer}" for item in far if item.remote not in declared})
    if lost:
        text = f"{counted(lost, 'BGP session')} between routers outside the declared scope {verb(len(lost), 'goes', 'go')} down"
        yield finding(context, ID, Severity.DENY, text)


def _prefixes_beyond(context: Context) -> Iterator[Finding]:
    scope = context.change.scope.prefixes
    if scope is None:
        return
    found = context.difference
    changed = {now.prefix for _, now in found.advertisements_changed}
    heard = {item.prefix for item in (*found.advertisements_added, *found.advertisements_withdrawn)}
    beyond = sorted(prefix for prefix in changed | heard if not any(own.covers(prefix) for own in scope))
    if beyond:
        text = (
            f"external neighbours hear a change of {counted(beyond, 'prefix', 'prefixes')} outside the declared scope"
        )
        yield finding(context, ID, Severity.DENY, text, before=f"declared: {some(scope) or 'none'}")
