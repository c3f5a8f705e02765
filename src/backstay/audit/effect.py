"""What a change does, in numbers: the union of its steps, and the worst of each number on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from backstay.audit.context import Context
from backstay.audit.redundancy import in_service
from backstay.audit.touch import touched_links, units
from backstay.model.finding import Effect
from backstay.model.network import NOTHING, InterfaceRef
from backstay.model.state import Advertisement


def effect_of(context: Context) -> Effect:
    """One moment against the State before the change.

    ``routers`` are those the step acts on; ``links`` those whose ends or adjacencies change, that traffic leaves or
    enters altogether, and those of routers taken out of service or put back; ``lost_mbps`` is what is lost beyond what was lost before, never negative.
    """
    found, after = context.difference, context.after
    return Effect(
        routers=tuple(sorted(units(context))),
        links=tuple(sorted(touched_links(context).keys() | _moved(context) | _drained(context))),
        advertisements_added=_texts(found.advertisements_added),
        advertisements_withdrawn=_texts(found.advertisements_withdrawn),
        lost_mbps=max(0.0, found.lost_mbps),
        max_utilisation_before=context.before.loads.max_utilisation,
        max_utilisation_after=after.loads.max_utilisation,
        max_utilisation_worst_failure=_worst_failure(context),
    )


def merged(effects: Iterable[Effect]) -> Effect:
    """Names of all, and the highest of each number."""
    every = tuple(effects)
    failures = [item.max_utilisation_worst_failure for item in every if item.max_utilisation_worst_failure is not None]
    return Effect(
        routers=_union(item.routers for item in every),
        links=_union(item.links for item in every),
        advertisements_added=_union(item.advertisements_added for item in every),
        advertisements_withdrawn=_union(item.advertisements_withdrawn for item in every),
        lost_mbps=max((item.lost_mbps for item in every), default=0.0),
        max_utilisation_before=max((item.max_utilisation_before for item in every), default=0.0),
        max_utilisation_after=max((item.max_utilisation_after for item in every), default=0.0),
        max_utilisation_worst_failure=max(failures, default=None),
    )


def _moved(context: Context) -> set[str]:
    """Links that traffic left or came to altogether."""
    of_link = {ref: link.name for link in context.network_before.links.values() for ref in link.ends}
    before, after = _by_link(of_link, context, now=False), _by_link(of_link, context, now=True)
    changed = {of_link[item.interface] for item in context.difference.loads if item.interface in of_link}
    return {name for name in changed if (before[name] > 0) is not (after[name] > 0)}


def _drained(context: Context) -> set[str]:
    """Links of routers that left transit or came back to it: they stay up and carry no more than the ends' own."""
    before = in_service(context.network_before, NOTHING)
    turned = before ^ in_service(context.network_after, context.moment.overlay)
    links = context.network_before.links.values()
    return {link.name for link in links if any(ref.router in turned for ref in link.ends)} if turned else set()


def _by_link(of_link: dict[InterfaceRef, str], context: Context, *, now: bool) -> defaultdict[str, float]:
    totals: defaultdict[str, float] = defaultdict(float)
    for ref, mbps in (context.after if now else context.before).loads.mbps.items():
        if ref in of_link:
            totals[of_link[ref]] += mbps
    return totals


def _texts(found: tuple[Advertisement, ...]) -> tuple[str, ...]:
    return tuple(sorted({f"{item.prefix} to {item.neighbor}" for item in found}))


def _worst_failure(context: Context) -> float | None:
    sweep = context.after.sweep
    if sweep is None:
        return None
    return max((item.max_utilisation for item in sweep), default=context.after.loads.max_utilisation)


def _union(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for part in parts for name in part}))
