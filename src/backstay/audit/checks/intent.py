"""intent: the change must do what it says it is for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.difference import Difference, TableChange, grown, table_changes
from backstay.audit.evidence import finding, point
from backstay.audit.redundancy import taken_out
from backstay.audit.touch import HARMLESS, disruptive, ends_of, own_traffic
from backstay.audit.wording import count, counted, rate, some
from backstay.model.address import Prefix
from backstay.model.change import Intent
from backstay.model.finding import Finding, Severity
from backstay.model.network import InterfaceRef
from backstay.model.state import Advertisement

ID = "intent"
UNTOUCHED = frozenset({Intent.DRAIN, Intent.UNDRAIN})
"""Intents that move traffic and must leave what the world hears as it is."""


def check(context: Context) -> tuple[Finding, ...]:
    """Hold the computed effect against what the change is declared to be."""
    if context.kind is Kind.WHOLE:
        return (*_expectations(context), *_does_nothing(context))
    if context.intent is Intent.ASSESS:
        return (*_writes(context), *_acts(context), *_effects(context))
    if context.intent in UNTOUCHED:
        return (*_announcements(context), *_losses(context), *taken_out(context, ID))
    return () if context.intent is Intent.RESTORE else tuple(taken_out(context, ID))


# ------------------------------------------------------------------------------------------- assess


def _writes(context: Context) -> Iterator[Finding]:
    """An assessment that writes configuration is not one, whatever it may lead to."""
    lines = [line for line in context.touched if line.action != "unchanged"]
    routers = sorted({line.router for line in lines} | set(context.step.names))
    if routers:
        words = some(sorted({" / ".join((*line.context, line.text.strip())) for line in lines}), 3)
        yield finding(
            context,
            ID,
            Severity.DENY,
            f"declared as an assessment, yet it writes configuration on {counted(routers, 'router')}",
            before="no line",
            after=words,
        )


def _acts(context: Context) -> Iterator[Finding]:
    typed = [item for stage in context.stages for item in stage.operations]
    acts = [item for item in typed if disruptive(item)]
    if acts:
        words = some(sorted({item.text for item in acts}), 3)
        text = (
            f"declared as an assessment, yet it runs {words} on {counted(sorted({i.router for i in acts}), 'router')}"
        )
        yield finding(context, ID, Severity.DENY, text, where=tuple(point(i.place, i.router) for i in acts)[:50])
    for kind in sorted({item.kind for item in typed if not disruptive(item)} & (HARMLESS - {"show"})):
        text = f"an assessment needs no {kind} command"
        yield finding(context, ID, Severity.WARNING, text)


def _effects(context: Context) -> Iterator[Finding]:
    """One finding that counts everything that is different although nothing may be."""
    if context.before is context.after:
        return
    tables = tuple(table_changes(context.before, context.after, samples=1))
    effects = [*_table_effects(tables), *_effects_of(context.difference)]
    if effects:
        text = f"declared as an assessment, yet it changes {', '.join(effects)}"
        sample = tables[0].samples[0] if tables else None
        example = f"{sample.router} {sample.prefix}" if sample else ""
        yield finding(
            context, ID, Severity.DENY, text, before="nothing may change", after=f"first: {example}" * bool(example)
        )


def _table_effects(tables: tuple[TableChange, ...]) -> Iterator[str]:
    if tables:
        routers = len({table.router for table in tables})
        yield f"{count(sum(table.total for table in tables), 'route')} on {count(routers, 'router')}"


def _effects_of(found: Difference) -> Iterator[str]:
    adjacencies = len(found.adjacencies_lost) + len(found.adjacencies_gained)
    heard = len(found.advertisements_added) + len(found.advertisements_withdrawn) + len(found.advertisements_changed)
    if adjacencies:
        yield count(adjacencies, "adjacency", "adjacencies")
    if found.sessions:
        yield count(len(found.sessions), "BGP session")
    if heard:
        yield count(heard, "advertisement")
    if found.flows:
        yield count(len(found.flows), "protected flow")
    if found.loads:
        yield f"the load of {count(len(found.loads), 'interface')}"
    if grown(found.lost_before, found.lost_after):
        yield f"the delivery of {rate(found.lost_mbps)} of demand"
    if found.sites:
        yield count(len(found.sites), "anycast site")
    if found.services_lost or found.services_gained:
        yield count(len(found.services_lost) + len(found.services_gained), "service")
    if found.access:
        yield f"the operators' way to {count(len(found.access), 'router')}"


# ------------------------------------------------------------------------------------------- drain, undrain


def _announcements(context: Context) -> Iterator[Finding]:
    found, expect, word = context.difference, context.change.expect, context.intent.value
    withdrawn = _unexpected(found.advertisements_withdrawn, expect.withdrawn)
    if withdrawn:
        text = f"declared as a {word}, yet neighbours stop hearing {_prefixes(withdrawn)}"
        yield finding(context, ID, Severity.DENY, text, before="heard", after="withdrawn")
    added = _unexpected(found.advertisements_added, expect.added)
    if added and context.intent is Intent.DRAIN:
        text = f"declared as a {word}, yet neighbours begin to hear {_prefixes(added)}"
        yield finding(context, ID, Severity.DENY, text, before="not heard", after="advertised")


def _unexpected(found: tuple[Advertisement, ...], expected: tuple[Prefix, ...]) -> list[Prefix]:
    return sorted({item.prefix for item in found} - set(expected))


def _prefixes(prefixes: list[Prefix]) -> str:
    return counted(prefixes, "prefix", "prefixes")


def _losses(context: Context) -> Iterator[Finding]:
    found = context.difference
    if grown(found.lost_before + context.change.expect.lost_mbps, found.lost_after):
        text = f"declared as a {context.intent.value}, yet {rate(found.lost_mbps)} of demand no longer arrive"
        yield finding(
            context,
            ID,
            Severity.DENY,
            text,
            before=f"lost {rate(found.lost_before)}",
            after=f"lost {rate(found.lost_after)}",
        )


# ------------------------------------------------------------------------------------------- the whole change


def _expectations(context: Context) -> Iterator[Finding]:
    """What the author said would happen and does not: the change is not what they think it is."""
    found, expect = context.difference, context.change.expect
    where = (point(context.change.place),)
    missing = sorted(set(expect.withdrawn) - {item.prefix for item in found.advertisements_withdrawn})
    if missing:
        text = f"the author expects {_prefixes(missing)} to be withdrawn, but no neighbour stops hearing it"
        yield finding(
            context, ID, Severity.DENY, text, where=where, before="expected: withdrawn", after="still as before"
        )
    missing = sorted(set(expect.added) - {item.prefix for item in found.advertisements_added})
    if missing:
        text = f"the author expects {_prefixes(missing)} to be advertised anew, but no neighbour begins to hear it"
        yield finding(context, ID, Severity.DENY, text, where=where, before="expected: advertised", after="as before")


def _does_nothing(context: Context) -> Iterator[Finding]:
    """A drain after which the traffic is still there has drained nothing, and the next step would hit it."""
    if context.intent is Intent.ASSESS:
        return
    acts = any(disruptive(item) for stage in context.stages for item in stage.operations)
    if not context.configuration.routers and not acts:
        yield finding(context, ID, Severity.WARNING, "the change leaves every router as it is: it does nothing")
    elif context.intent is Intent.DRAIN:
        yield from _still_carrying(context)
    elif context.intent is Intent.RESTORE and _restores_nothing(context):
        yield finding(
            context, ID, Severity.DENY, "declared as a restoration, yet nothing that fails now works afterwards"
        )


def _restores_nothing(context: Context) -> bool:
    before, after = context.before, context.after
    failing = [name for name, flow in before.flows.items() if flow.delivered < 1]
    if not failing and not grown(0.0, before.loads.lost_mbps):
        return False
    better = any(
        name in after.flows and grown(before.flows[name].delivered, after.flows[name].delivered) for name in failing
    )
    return not better and not grown(after.loads.lost_mbps, before.loads.lost_mbps)


def _still_carrying(context: Context) -> Iterator[Finding]:
    idle = True
    for name, ends, own in _drained(context):
        before = sum(context.before.loads.mbps.get(ref, 0.0) for ref in ends)
        after = sum(context.after.loads.mbps.get(ref, 0.0) for ref in ends)
        idle = idle and not grown(after, before)
        transit = max(0.0, after - own)
        if grown(0.0, transit):
            stays = not grown(after, before)
            text = f"declared as a drain, yet {name} still carries {'all of its traffic' if stays else rate(transit)}"
            yield finding(
                context,
                ID,
                Severity.DENY if stays else Severity.WARNING,
                f"{text}: it does not do what it says",
                before=f"on its links: {rate(before)}",
                after=f"on its links: {rate(after)}",
            )
    if idle and next(table_changes(context.before, context.after, 1), None) is None:
        text = "declared as a drain, yet no route of any router changes: it moves nothing"
        severity = Severity.DENY if grown(0.0, context.before.loads.offered) else Severity.WARNING
        yield finding(context, ID, severity, text)


def _drained(context: Context) -> Iterator[tuple[str, tuple[InterfaceRef, ...], float]]:
    """What is drained (a router, or links of it), its interfaces on both sides, and traffic of its own."""
    network = context.network_before
    for change in context.configuration.routers:
        mine = ends_of(network, change.router)
        some_links = {ref for ref in mine if ref.interface in change.interfaces}
        by_link = change.parts == ("interfaces",) and some_links and len(some_links) < len(mine)
        chosen = some_links if by_link else set(mine)
        links = [link for link in network.links.values() if not chosen.isdisjoint(link.ends)]
        name = some([link.name for link in links], 3) if by_link else change.router
        both = tuple(sorted({ref for link in links for ref in link.ends}))
        yield name, both, 0.0 if by_link else own_traffic(network, change.router)
