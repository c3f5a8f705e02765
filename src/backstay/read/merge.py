"""A change meets a network: selectors become routers, typed lines become new configurations, every step a network."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping

from backstay.model.change import Change, Intent, Operation, Plan, Stage, Step, TouchedLine
from backstay.model.errors import ChangeError, ConfigError
from backstay.model.network import Network, Router
from backstay.model.selection import select
from backstay.model.source import Place, SourceFile, UnreadLine
from backstay.read import links
from backstay.read.folder import reader_for
from backstay.read.units import did_you_mean


def plan_change(network: Network, change: Change) -> Plan:
    """Resolve a change against a network: each stage holds the network after it, untouched routers being the very same
    objects as before. The rollback starts from the network after the last step.

    Raises `ChangeError` for a selector that means nothing (never "everything"), a scope or period that names what is
    not there, lines that cannot be merged, a step that gives an address away twice.
    """
    _check_scope(network, change)
    stages = _stages(network, change.steps, rollback=False)
    after = stages[-1].network if stages else network
    rollback = None if change.rollback is None else _stages(after, change.rollback, rollback=True)
    return Plan(change=change, before=network, stages=stages, rollback=rollback)


def plan_replacement(before: Network, after: Network, change: Change | None = None) -> Plan:
    """The plan that puts ``after``'s configuration files in place of ``before``'s in one step, the way a merged git
    branch does; its rollback puts the old ones back. ``change`` gives title, intent, scope and expectations.

    Raises `ChangeError` when the routers of the two are not the same.
    """
    _same_routers(before, after)
    files = {
        name: (router.sources, after.routers[name].sources)
        for name, router in before.routers.items()
        if _texts(router.sources) != _texts(after.routers[name].sources)
    }
    if not files:
        raise ChangeError("nothing to replace: the configurations of both networks are the same")
    step = Step(on=tuple(files), replace={name: new for name, (_, new) in files.items()})
    back = Step(on=tuple(files), replace={name: old for name, (old, _) in files.items()})
    given = change or Change(title="Configuration files replaced", intent=Intent.CONFIGURE)
    return plan_change(before, dataclasses.replace(given, steps=(step,), rollback=(back,)))


def _same_routers(before: Network, after: Network) -> None:
    for name in sorted(before.routers.keys() ^ after.routers.keys()):
        which = "before" if name in before.routers else "after"
        raise ChangeError(f"router {name} is only in the network {which}: routers cannot come or go by replacing files")


def _texts(sources: tuple[SourceFile, ...]) -> list[str]:
    return [source.text for source in sources]


# ------------------------------------------------------------------------------------------ what the change names


def _check_scope(network: Network, change: Change) -> None:
    for selector in change.scope.routers or ():
        _select(network, selector, _place(change, "scope.routers"), "scope.routers")
    for name in change.scope.links or ():
        if name not in network.links:
            message = f"scope.links: there is no link {name!r}{did_you_mean(name, network.links)}"
            raise ChangeError(message, _place(change, "scope.links"))
    periods = {demand.period for demand in network.demands}
    if change.period and change.period not in periods:
        hint = did_you_mean(change.period, periods - {""})
        raise ChangeError(f"period: no demand has the period {change.period!r}{hint}", _place(change, "period"))


def _place(change: Change, path: str) -> Place:
    return change.places.get(path, change.place)


def _select(network: Network, selector: str, place: Place, path: str) -> tuple[str, ...]:
    if not selector.strip():
        raise ChangeError(f"{path}: an empty selector; name the routers, '*' means every one", place)
    chosen = select(network, [selector])
    if not chosen:
        raise ChangeError(f"{path}: {selector!r} selects no router{_near(network, selector.strip())}", place)
    return chosen


def _near(network: Network, selector: str) -> str:
    """Why a selector may mean nothing, or what was meant instead."""
    if selector in network.neighbors:
        return f"; {selector} is an external neighbour, which has no configuration here"
    kind, colon, word = selector.partition(":")
    words = {
        "role": {site.role for site in network.sites.values()},
        "site": set(network.sites),
        "domain": {site.domain for site in network.sites.values() if site.domain},
    }
    if colon and kind in words:
        return did_you_mean(word, words[kind])
    if selector in network.sites:
        return f"; did you mean 'site:{selector}'?"
    return did_you_mean(selector, network.routers)


# ------------------------------------------------------------------------------------------ stages


def _stages(network: Network, steps: tuple[Step, ...], *, rollback: bool) -> tuple[Stage, ...]:
    stages = []
    for index, step in enumerate(steps):
        path = f"{'rollback' if rollback else 'steps'}[{index}]"
        stage = _stage(network, step, index + 1, rollback, path)
        stages.append(stage)
        network = stage.network
    return tuple(stages)


def _stage(network: Network, step: Step, number: int, rollback: bool, path: str) -> Stage:
    chosen = {name for selector in step.on for name in _select(network, selector, step.selector_place, f"{path}.on")}
    if not chosen:
        raise ChangeError(f"{path}.on: names no router", step.selector_place)
    merged: dict[str, _Merged] = {}
    for name in sorted(chosen):
        router = network.routers[name]
        if not router.sources:
            raise ChangeError(f"{path}: router {name} has no configuration to change", step.place)
        merged[name] = _merged(router, step, path)
    return Stage(
        number=number,
        rollback=rollback,
        step=step,
        routers=tuple(sorted(chosen)),
        network=_with_routers(network, {name: one.router for name, one in merged.items()}, step, path),
        touched=tuple(line for one in merged.values() for line in one.touched),
        operations=tuple(operation for one in merged.values() for operation in one.operations),
        unread=tuple(line for one in merged.values() for line in one.unread),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Merged:
    router: Router
    touched: tuple[TouchedLine, ...]
    unread: tuple[UnreadLine, ...]
    operations: tuple[Operation, ...]


def _merged(router: Router, step: Step, path: str) -> _Merged:
    """One router after the step: configuration first, then exec commands. The same object when no text changed."""
    after, touched, unread = _replaced(router, step) if step.replace else _typed(router, step, path)
    operations, unknown = _commands(router, step)
    if _texts(after.sources) == _texts(router.sources):
        after = router
    elif after.name != router.name:
        # A typed `hostname` renames the box, not its place in the network: links, sites and the scope know the old name.
        after = dataclasses.replace(after, name=router.name)
    return _Merged(after, touched, (*unread, *unknown), operations)


Taken = tuple[Router, tuple[TouchedLine, ...], tuple[UnreadLine, ...]]


def _typed(router: Router, step: Step, path: str) -> Taken:
    if not step.config.strip():
        return router, (), ()
    try:
        return reader_for(router.vendor).merge(router, step.config, step.place)
    except ConfigError as fault:
        raise ChangeError(f"{path}: on router {router.name}: {fault.message}", fault.place or step.place) from None


def _commands(router: Router, step: Step) -> tuple[tuple[Operation, ...], tuple[UnreadLine, ...]]:
    operations, unknown = [], []
    places = step.command_places or (step.place,) * len(step.commands)
    for command, place in zip(step.commands, places, strict=True):
        operation = reader_for(router.vendor).operation(router, command, place)
        if operation is None:
            unknown.append(UnreadLine(place, router.name, command, (), "an exec command whose effect is not known"))
        else:
            operations.append(operation)
    return tuple(operations), tuple(unknown)


def _replaced(router: Router, step: Step) -> Taken:
    """Whole files in place of the old; lines the reader cannot read are unread lines of the new router."""
    sources = step.replace.get(router.name)
    if sources is None:
        return router, (), ()
    after = reader_for(router.vendor).read_router(sources, router.name)
    known = {(line.context, line.text) for line in router.unread}
    fresh = tuple(line for line in after.unread if (line.context, line.text) not in known)
    return after, tuple(_differences(router, sources)), fresh


def _differences(router: Router, sources: tuple[SourceFile, ...]) -> Iterator[TouchedLine]:
    """Lines removed and added, file by file in the order of their names; places are in the old and the new file."""
    old = {source.path: source.text.splitlines() for source in router.sources}
    new = {source.path: source.text.splitlines() for source in sources}
    for file in sorted(old.keys() | new.keys()):
        before, after = old.get(file, []), new.get(file, [])
        for kind, first, last, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind != "equal":
                yield from _lines(router.name, file, before, range(first, last), "removed")
                yield from _lines(router.name, file, after, range(start, end), "added")


def _lines(router: str, file: str, lines: list[str], which: range, action: str) -> Iterator[TouchedLine]:
    for index in which:
        text = lines[index].strip()
        if text and text[0] not in "!#":
            yield TouchedLine(
                router=router, text=text, context=_context(lines, index), action=action, place=Place(file, index + 1)
            )


def _context(lines: list[str], index: int) -> tuple[str, ...]:
    """The headings a line stands under, outermost first, by indentation."""
    found: list[str] = []
    depth = _depth(lines[index])
    for line in reversed(lines[:index]):
        if line.strip() and line.strip()[0] not in "!#" and _depth(line) < depth:
            found.append(line.strip())
            depth = _depth(line)
        if depth == 0:
            break
    return tuple(reversed(found))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


# ------------------------------------------------------------------------------------------ the network after


def _with_routers(network: Network, changed: Mapping[str, Router], step: Step, path: str) -> Network:
    """The network with some routers replaced and its links derived again where addresses or interfaces moved."""
    fresh = {name: router for name, router in changed.items() if router is not network.routers[name]}
    if not fresh:
        return network
    routers = {**network.routers, **fresh}
    if all(links.wire_view(router) == links.wire_view(network.routers[name]) for name, router in fresh.items()):
        return dataclasses.replace(network, routers=routers)
    duplicate = next(iter(links.duplicates(routers)), None)
    if duplicate:
        raise ChangeError(f"{path}: {duplicate.text}", step.place)
    wiring = links.derive(routers, network.cabling)
    remarks = network.remarks + tuple(clash for clash in wiring.clashes if clash not in network.remarks)
    return dataclasses.replace(network, routers=routers, links=wiring.links, remarks=remarks)
