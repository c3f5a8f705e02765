"""The order of work: ordinary prefixes first, then aggregates from the longest to the shortest, then the default route.

An aggregate begins where some more specific route is valid, and a conditional default where some route passes
its route-map: both need the answers before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging, Unproven
from backstay.model.routing import Aggregate
from backstay.simulate.bgp_classes import group
from backstay.simulate.bgp_decision import AGGREGATE, Received
from backstay.simulate.bgp_exchange import update
from backstay.simulate.bgp_origin import LOCAL, Own, aggregate_route, entering, of_our_own, offered, own_routes
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_solve import Outcome, Solver, Task
from backstay.simulate.bgp_speaker import Peering, Speaker
from backstay.simulate.policy import Passed, run
from backstay.simulate.policy_matches import Setting
from backstay.simulate.seams import Underlay

DEFAULTS = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}

Parts = dict[tuple[int, Prefix], list[Received]]
"""More specific valid routes, by speaker and the prefix of its aggregate."""


class Work:
    """Every prefix anybody begins, and where. ``half_suppressed``: aggregates, by speaker, that do not come about (their
    route-map denies them, or MEDs differ) though they would keep their parts back: FRR holds back the part heard last until
    something else makes it look again (bgp_aggregate_increment, bgp_aggregate_install; seen on FRR 8.4.4).
    """

    def __init__(self, speakers: Sequence[Speaker], peerings: Sequence[Peering], underlay: Underlay) -> None:
        self._speakers = speakers
        self._peerings = peerings
        self._own: dict[Prefix, list[Own]] = {}
        self._wire: dict[Prefix, dict[int, Path]] = {}
        self._aggregates = _aggregates(speakers)
        self._parts: Parts = {}
        self.half_suppressed: set[tuple[int, Prefix]] = set()
        self._done: list[Outcome] = []
        for prefix, own in own_routes(speakers, underlay):
            self._own.setdefault(prefix, []).append(own)
        for peering in peerings:
            if peering.external is not None:
                self._offer(peering)

    def _offer(self, peering: Peering) -> None:
        assert peering.external is not None
        arriving: dict[int, Path] = {}
        for prefix, path in peering.external.offers.items():
            if prefix.version in peering.families:
                known = arriving.get(id(path))
                wire = arriving[id(path)] = known if known is not None else offered(peering, path)
                self._wire.setdefault(prefix, {})[peering.index] = wire

    def outcomes(self, solver: Solver) -> list[Outcome]:
        """Every class, solved."""
        for task in self._ordinary():
            self._finish(solver.solve(task))
        for prefix in sorted(self._aggregates, key=lambda item: (-item.length, item)):
            if not prefix.is_default:
                self._finish(solver.solve(self._task((prefix,), self._aggregated(prefix))))
        for prefix in DEFAULTS.values():
            self._default_route(solver, prefix)
        return self._done

    def _default_route(self, solver: Solver, prefix: Prefix) -> None:
        """A default that is made while another one is heard (``default-originate route-map``) may be heard in its turn."""
        forced = self._forced(prefix.version)
        for _ in range(len(self._speakers) + 2):
            task = self._task((prefix,), self._aggregated(prefix), forced)
            if not (task.own or task.wire or task.forced):
                return
            outcome = solver.solve(task)
            before, forced = forced, self._forced(prefix.version, outcome)
            if forced == before:
                self._finish(outcome)
                return
        names = tuple(sorted({self._peerings[index].speaker.name for index in forced}))
        raise NotConverging(f"default-originate on {', '.join(names)}: what it looks at hangs on itself", names)

    def _ordinary(self) -> Iterator[Task]:
        later = {*self._aggregates, *DEFAULTS.values()}
        prefixes = (self._own.keys() | self._wire.keys()) - later
        origins = {prefix: (tuple(self._own.get(prefix, ())), _frozen(self._wire.get(prefix))) for prefix in prefixes}
        for members in group(origins, self._speakers, self._possible_next_hops(origins)):
            yield self._task(members)

    def _possible_next_hops(self, prefixes: Iterable[Prefix]) -> set[Prefix]:
        """Host routes to a router: one could be its own next hop."""
        hosts = {prefix for prefix in prefixes if prefix.is_host}
        if not hosts:
            return hosts
        addresses = (
            item for speaker in self._speakers for interface in speaker.interfaces() for item in interface.addresses
        )
        own = {(item.address.version, item.address.value) for item in addresses}
        return {prefix for prefix in hosts if (prefix.version, prefix.value) in own}

    def _task(
        self, members: tuple[Prefix, ...], more: Sequence[Own] = (), forced: Mapping[int, Path] | None = None
    ) -> Task:
        first = members[0]
        return Task(
            prefixes=members,
            own=(*self._own.get(first, ()), *more),
            wire=self._wire.get(first, {}),
            forced=forced or {},
        )

    # --------------------------------------------------------------------------------- aggregates

    def _finish(self, outcome: Outcome) -> None:
        self._done.append(outcome)
        prefix = outcome.task.prefix
        for aggregate, speaker_indexes in self._aggregates.items():
            if aggregate != prefix and aggregate.covers(prefix):
                for index in speaker_indexes:
                    held = outcome.candidates.get(index, {}).values()
                    parts = [item for item in held if item.valid and item.source != AGGREGATE]
                    self._parts.setdefault((index, aggregate), []).extend(parts)

    def _aggregated(self, prefix: Prefix) -> list[Own]:
        found = []
        for index, aggregate in sorted(self._aggregates.get(prefix, {}).items(), key=lambda item: item[0]):
            parts = self._parts.get((index, prefix), [])
            own = aggregate_route(self._speakers[index], aggregate, parts)
            if own is not None:
                found.append(own)
            elif parts and (aggregate.summary_only or aggregate.suppress_map):
                self.half_suppressed.add((index, prefix))
        return found

    # --------------------------------------------------------------------------------- default-originate

    def _forced(self, version: int, latest: Outcome | None = None) -> dict[int, Path]:
        """What is made up for each session, by all that is settled so far and the ``latest``."""
        done = [*self._done, latest] if latest else self._done
        found: dict[int, Path] = {}
        for peering in self._peerings:
            settings = peering.families.get(version)
            if settings is not None and settings.default_originate:
                path = _default(peering, version, settings.default_originate_map, done)
                if path is not None:
                    found[peering.index] = path
        return found


def _default(peering: Peering, version: int, route_map: str | None, done: Sequence[Outcome]) -> Path | None:
    """``default-originate``: a default of our own, past outbound policy (FRR bgp_updgrp_adv.c)."""
    path: Path | None = replace(of_our_own(peering.speaker), med=0)
    if route_map is not None:
        path = _conditional(peering.speaker, version, route_map, done)
    if path is None:
        return None
    path = entering(peering.speaker, path)
    own = peering.own_next_hops.get(version)
    via = "self" if own is None or (version == 6 and _on_one_link(peering)) else None
    return update(peering, peering.families[version], path, own, via)


def _conditional(speaker: Speaker, version: int, route_map: str, done: Sequence[Outcome]) -> Path | None:
    """With a route-map: only while some route of the table passes it; its set clauses work on the default. Of several that
    pass, the one let go by the earliest entry counts, the table's first of equals (seen on FRR 8.4.4).
    """
    best: Passed | None = None
    plain = replace(of_our_own(speaker), med=0)
    held = [
        (prefix, item)
        for outcome in done
        if outcome.version == version
        for item, prefix in product(outcome.candidates.get(speaker.index, {}).values(), outcome.task.prefixes)
    ]
    for prefix, item in sorted(held, key=lambda entry: entry[0]):
        peers = item.peering.peer_texts if item.peering else LOCAL
        passed = run(speaker.library, route_map, plain, Setting(prefix=prefix, peers=peers, matched=item.path))
        if isinstance(passed, Passed) and (best is None or passed.sequence < best.sequence):
            best = passed
    return None if best is None else best.path


def _on_one_link(peering: Peering) -> bool:
    """Both ends are routers of ours on one link: the link-local address goes along (RFC 2545 3)."""
    return peering.interface is not None and peering.reverse is not None


def _frozen(wire: Mapping[int, Path] | None) -> tuple[tuple[int, Path], ...]:
    return tuple(sorted(wire.items(), key=lambda item: item[0])) if wire else ()


def _aggregates(speakers: Sequence[Speaker]) -> dict[Prefix, dict[int, Aggregate]]:
    found: dict[Prefix, dict[int, Aggregate]] = {}
    for speaker in speakers:
        for family in speaker.process.families.values():
            for aggregate in family.aggregates:
                found.setdefault(aggregate.prefix, {})[speaker.index] = aggregate
    return found


def refuse_unevaluated(peerings: Sequence[Peering]) -> None:
    """Raise `Unproven` for session features that change what is exchanged and are not computed."""
    for peering in peerings:
        for settings in peering.families.values():
            for name, used in (
                ("advertise-map", settings.advertise_map is not None),
                ("addpath-tx-all-paths", settings.add_path_all),
                ("addpath-tx-bestpath-per-AS", settings.add_path_best_per_as),
            ):
                if used:
                    place = settings.place
                    raise Unproven(f"{place}: {peering.speaker.name}: neighbor {peering.text} {name} is not computed")
