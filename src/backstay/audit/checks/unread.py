"""unread: the verdict must not depend on lines nobody could read, nor on answers an engine could not give."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.audit.context import Context, Kind
from backstay.audit.evidence import finding, places, point
from backstay.audit.wording import count, some
from backstay.model.finding import Finding, Severity, Where
from backstay.model.source import Remark, UnreadLine

ID = "unread"


def check(context: Context) -> tuple[Finding, ...]:
    """Unread lines of the change and of the routers it touches; what the engine says it cannot compute."""
    if context.kind is Kind.WHOLE:
        return (*_touched_routers(context), *_elsewhere(context), *_new_remarks(context))
    return (*_change_lines(context), *_unknowns(context))


def _change_lines(context: Context) -> Iterator[Finding]:
    stage = context.stage
    for text, reason in sorted({(line.text, line.reason) for line in stage.unread}) if stage else ():
        lines = [line for line in (stage.unread if stage else ()) if (line.text, line.reason) == (text, reason)]
        summary = f"the change types {text.strip()!r}, which nobody here can read: {reason}"
        yield finding(context, ID, Severity.UNKNOWN, summary, where=_places(lines), show="check NETWORK")


def _unknowns(context: Context) -> Iterator[Finding]:
    """What the engine could not compute, before or after: both are what the verdict rests on."""
    for state, when in ((context.before, "before the change"), (context.after, "")):
        for remark in sorted(state.unknowns, key=_remark_key):
            where = (Where(remark.router or "", *_file_line(remark)),)
            text = f"the engine cannot compute this{' even ' + when if when else ''}: {remark.text}"
            yield finding(context, ID, Severity.UNKNOWN, text, where=places(where), show="check NETWORK")


def _remark_key(remark: Remark) -> tuple[str, str, str]:
    return (remark.code, remark.router or "", remark.text)


def _file_line(remark: Remark) -> tuple[str, int]:
    return (remark.place.file, remark.place.line) if remark.place else ("", 0)


def _touched(context: Context) -> tuple[str, ...]:
    return tuple(sorted({*context.configuration.names, *(name for stage in context.stages for name in stage.routers)}))


def _touched_routers(context: Context) -> Iterator[Finding]:
    """A line nobody read, on a router that the change touches, can turn what it does round."""
    for name in _touched(context):
        router = context.network_before.routers.get(name)
        if router and router.unread:
            text = (
                f"{name} is touched by the change and has {count(len(router.unread), 'line')} nobody could read: "
                f"{some([line.text.strip() for line in router.unread], 2)}"
            )
            yield finding(context, ID, Severity.UNKNOWN, text, where=_places(router.unread), show="check NETWORK")


def _elsewhere(context: Context) -> Iterator[Finding]:
    touched = frozenset(_touched(context))
    others = [r for name, r in context.network_before.routers.items() if name not in touched and r.unread]
    if others:
        lines = [line for router in others for line in router.unread]
        text = f"{count(len(lines), 'line')} on {count(len(others), 'router')} that the change does not touch could not be read"
        yield finding(context, ID, Severity.INFO, text, where=_places(lines), show="check NETWORK")


def _new_remarks(context: Context) -> Iterator[Finding]:
    """References that the change leaves pointing at nothing, sessions it leaves without a chance."""
    for name in context.configuration.names:
        before, after = context.network_before.routers.get(name), context.network_after.routers.get(name)
        known = {(remark.code, remark.text) for remark in before.remarks} if before else set()
        for remark in after.remarks if after else ():
            if (remark.code, remark.text) not in known:
                where = places([Where(name, *_file_line(remark))])
                text = f"the change leaves {name} with: {remark.text}"
                yield finding(context, ID, Severity.WARNING, text, where=where, show="check NETWORK")


def _places(lines: tuple[UnreadLine, ...] | list[UnreadLine]) -> tuple[Where, ...]:
    return places(point(line.place, line.router) for line in lines)
