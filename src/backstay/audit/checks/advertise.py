"""advertise: external neighbours must hear exactly what the author declared, and never somebody else's routes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.evidence import blame, finding
from backstay.audit.handshake import new_terms
from backstay.audit.wording import count, counted, some, verb
from backstay.model.address import Prefix
from backstay.model.change import Intent
from backstay.model.finding import Finding, Severity
from backstay.model.network import Network
from backstay.model.state import Advertisement

ID = "advertise"
ABOVE = frozenset({"transit", "peer"})
"""Kinds whose routes may go to customers alone (valley-free routing: Gao and Rexford 2001; RFC 7908 types 1 to 4)."""
STOPPING = frozenset({"no-export", "no-advertise", "blackhole"})
RETURNING = frozenset({Intent.UNDRAIN, Intent.RESTORE})


def check(context: Context) -> tuple[Finding, ...]:
    """Added, withdrawn and changed advertisements; leaks; protected prefixes; neighbours left without any."""
    return (
        *_leaks(context),
        *_added(context),
        *_withdrawn(context),
        *_silenced(context),
        *_protected(context),
        *_useless(context),
        *_changed(context),
        *_strangers(context),
    )


def _kind(network: Network, name: str) -> str:
    """``unknown`` for a speaker nobody declared: it is external, and what it is remains open."""
    neighbor = network.neighbors.get(name)
    return neighbor.kind if neighbor else "unknown"


def _external(context: Context, found: Iterable[Advertisement]) -> list[Advertisement]:
    return [item for item in found if _kind(context.network_after, item.neighbor) != "internal"]


def _prefixes(found: Iterable[Advertisement]) -> list[Prefix]:
    return sorted({item.prefix for item in found})


def _ears(found: Iterable[Advertisement]) -> str:
    return some(sorted({item.neighbor for item in found}), 4)


# ------------------------------------------------------------------------------------------- leaks


def leak(network: Network, item: Advertisement) -> str:
    """Why this advertisement breaks valley-free routing; "" when it does not.

    A route of a transit or peer given to another one (RFC 7908 types 1 to 4), or a customer's route whose path
    runs through a transit of ours: the customer leaks and we pass it on (Verizon, 24 June 2019).
    """
    to, source = _kind(network, item.neighbor), _kind(network, item.learned_from)
    if source in ABOVE and to in ABOVE:
        return f"routes of {source} {item.learned_from} go to {to} {item.neighbor}"
    if source == "customer":
        path = set(item.as_path.replace("{", " ").replace("}", " ").replace(",", " ").split())
        above = sorted(n.name for n in network.neighbors.values() if n.kind == "transit" and str(n.asn) in path)
        above = [name for name in above if name != item.neighbor]
        if above:
            return f"customer {item.learned_from} passes on routes of transit {some(above)}, and we believe it"
    return ""


def _leaks(context: Context) -> Iterator[Finding]:
    """New leaks refuse; old ones are told: the audit looks at the whole after-state."""
    old = {_key(item) for item in context.before.advertisements if leak(context.network_before, item)}
    groups: dict[tuple[bool, str], list[Advertisement]] = defaultdict(list)
    for item in context.after.advertisements:
        reason = leak(context.network_after, item)
        if reason:
            groups[_key(item) in old, reason].append(item)
    for (known, reason), items in sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]), group[0][1])):
        severity = Severity.WARNING if known else Severity.DENY
        text = f"route leak{' (there before the change)' if known else ''}: {reason}: {counted(_prefixes(items), 'prefix', 'prefixes')}"
        after = f"advertised at {some(sorted({item.router for item in items}), 3)}"
        yield finding(context, ID, severity, text, before=after if known else "not advertised", after=after)


def _key(item: Advertisement) -> tuple[str, str, str, Prefix]:
    return (item.neighbor, item.learned_from, item.router, item.prefix)


# ------------------------------------------------------------------------------------------- differences


def _added(context: Context) -> Iterator[Finding]:
    added = _external(context, context.difference.advertisements_added)
    undeclared = [item for item in added if item.prefix not in context.change.expect.added]
    if not undeclared:
        return
    prefixes = _prefixes(undeclared)
    returning = context.intent in RETURNING
    shape = "" if returning else shape_of(context)
    specific = _more_specific(context, prefixes)
    text = f"{_ears(undeclared)} {verb(len({i.neighbor for i in undeclared}), 'begins', 'begin')} to hear {counted(prefixes, 'prefix', 'prefixes')}, not declared"
    text += f"; the change only {shape}, which should add nothing" if shape else ""
    text += (
        f"; {some(specific, 3)} {verb(len(specific), 'is', 'are')} more specific than what was announced before"
        * bool(specific)
    )
    yield finding(
        context,
        ID,
        Severity.INFO if returning and not specific else Severity.DENY,
        text,
        before=f"{count(len(_external(context, context.before.advertisements)), 'advertisement')}",
        after=f"{count(len(_external(context, context.after.advertisements)), 'advertisement')}",
    )


def shape_of(context: Context) -> str:
    """``removes lines`` or ``re-orders lines`` when that is all the change does, else ""."""
    lines = [line for line in context.touched if line.action != "unchanged"]
    gone = Counter(_bare(line.text) for line in lines if line.action == "removed")
    come = Counter(_bare(line.text) for line in lines if line.action != "removed")
    if gone and not come:
        return "removes lines"
    return "re-orders lines" if gone and gone == come else ""


def _bare(text: str) -> str:
    """The line without ``no``, blanks and sequence number: what is the same line in another place."""
    words = text.split()
    words = words[1:] if words[:1] == ["no"] else words
    if "seq" in words[:-1]:
        at = words.index("seq")
        words = words[:at] + words[at + 2 :]
    if words[:1] == ["route-map"] and words[-1].isdigit():
        words = words[:-1]
    return " ".join(words)


def _more_specific(context: Context, prefixes: list[Prefix]) -> list[Prefix]:
    known = {item.prefix for item in context.before.advertisements if not item.prefix.is_default}
    return [p for p in prefixes if p not in known and any(was.covers(p) for was in known)]


def _withdrawn(context: Context) -> Iterator[Finding]:
    withdrawn = _external(context, context.difference.advertisements_withdrawn)
    undeclared = [item for item in withdrawn if item.prefix not in context.change.expect.withdrawn]
    if not undeclared:
        return
    still = {item.prefix for item in _external(context, context.after.advertisements)}
    prefixes = _prefixes(undeclared)
    lost = [prefix for prefix in prefixes if prefix not in still]
    text = f"{_ears(undeclared)} {verb(len({i.neighbor for i in undeclared}), 'stops', 'stop')} hearing {counted(prefixes, 'prefix', 'prefixes')} at {some(sorted({i.router for i in undeclared}), 3)}, not declared"
    text += f"; {len(lost)} of them heard by nobody any more" if lost else "; others still hear it"
    yield finding(
        context,
        ID,
        Severity.DENY,
        text,
        before=f"{count(len(_external(context, context.before.advertisements)), 'advertisement')}",
        after=f"{count(len(_external(context, context.after.advertisements)), 'advertisement')}",
    )


def _silenced(context: Context) -> Iterator[Finding]:
    """A neighbour that heard something and hears nothing at all (Google, 11 April 2016)."""
    expected = set(context.change.expect.withdrawn)
    heard: dict[str, set[Prefix]] = defaultdict(set)
    for item in _external(context, context.before.advertisements):
        heard[item.neighbor].add(item.prefix)
    hears = {item.neighbor for item in context.after.advertisements}
    silenced = sorted(name for name, prefixes in heard.items() if name not in hears and not prefixes <= expected)
    if silenced:
        text = (
            f"{counted(silenced, 'external neighbour')} {verb(len(silenced), 'hears', 'hear')} nothing from us any more"
        )
        total = sum(len(heard[name]) for name in silenced)
        yield finding(
            context,
            ID,
            Severity.DENY,
            text,
            before=count(total, "advertised prefix", "advertised prefixes"),
            after="none",
        )


def _protected(context: Context) -> Iterator[Finding]:
    """Prefixes that must stay announced to somebody, themselves or inside a larger one."""
    before, after = (_external(context, state.advertisements) for state in (context.before, context.after))
    gone = [item for item in sorted(context.network_before.protection.prefixes) if not _announced(after, item)]
    lost = [item for item in gone if _announced(before, item)]
    never = [item for item in gone if item not in lost]
    for prefixes, severity, words in (
        (lost, Severity.DENY, "any more"),
        (never, Severity.WARNING, "as before the change"),
    ):
        if prefixes:
            text = f"no external neighbour hears {counted(prefixes, 'protected prefix', 'protected prefixes')} {words}"
            was = "announced" if severity is Severity.DENY else "not announced"
            yield finding(context, ID, severity, text, before=was, after="not announced")


def _announced(found: list[Advertisement], prefix: Prefix) -> bool:
    return any(item.prefix.covers(prefix) and (not item.prefix.is_default or prefix.is_default) for item in found)


def _useless(context: Context) -> Iterator[Finding]:
    """Advertisements that are still sent and now stop at the neighbour, or are dropped by it."""
    groups: dict[str, list[Advertisement]] = defaultdict(list)
    for was, now in context.difference.advertisements_changed:
        reason = _why_useless(context.network_after, now)
        declared = now.prefix in context.change.expect.withdrawn
        if reason and not _why_useless(context.network_before, was) and not declared:
            groups[reason].append(now)
    for reason, items in sorted(groups.items()):
        if any(_kind(context.network_after, item.neighbor) != "internal" for item in items):
            text = f"{_ears(items)} {verb(len({i.neighbor for i in items}), 'hears', 'hear')} {counted(_prefixes(items), 'prefix', 'prefixes')} {reason}, which withdraws in all but name"
            yield finding(context, ID, Severity.DENY, text, before="passed on", after=_attributes(items[0]))


def _why_useless(network: Network, item: Advertisement) -> str:
    """RFC 1997 and 7999: what the neighbour must not pass on, or discards; RFC 4271 9.1.2: what is its own AS's."""
    stopping = sorted(STOPPING & set(item.communities))
    neighbor = network.neighbors.get(item.neighbor)
    if stopping:
        return f"with {some(stopping)}"
    if neighbor and str(neighbor.asn) in item.as_path.split():
        return f"with its own AS {neighbor.asn} in the path"
    return ""


def _changed(context: Context) -> Iterator[Finding]:
    """The same prefix with another path, MED or community: traffic may come in elsewhere."""
    pairs = [
        (a, b)
        for a, b in context.difference.advertisements_changed
        if _kind(context.network_after, b.neighbor) != "internal"
    ]
    if not pairs or context.kind in {Kind.ROLLBACK, Kind.ROLLBACK_DURING}:
        return
    was, now = pairs[0]
    text = f"{_ears(b for _, b in pairs)} {verb(len({b.neighbor for _, b in pairs}), 'hears', 'hear')} {counted(_prefixes(b for _, b in pairs), 'prefix', 'prefixes')} with other attributes"
    yield finding(context, ID, Severity.WARNING, text, before=_attributes(was), after=_attributes(now))


def _strangers(context: Context) -> Iterator[Finding]:
    """Sessions that stay up only if the other side changes too, which nothing here shows."""
    for session, words in new_terms(context):
        who = session.remote or session.peer
        text = f"{session.router} changes {some(words)} of the session with {who}: it stays up only if the other side changes with it"
        where = blame(context, frozenset({session.router}))
        yield finding(context, ID, Severity.UNKNOWN, text, where=where, before="up", after="up if both sides agree")


def _attributes(item: Advertisement) -> str:
    med = f" MED {item.med}" if item.med >= 0 else ""
    communities = f" communities {' '.join(item.communities)}" if item.communities else ""
    return f"{item.prefix} to {item.neighbor}: path [{item.as_path}]{med}{communities}"
