"""What differs between two States, as values.

Everything but the routing tables is compared at once (`difference`). Tables can hold millions of routes and be filled
lazily, so they are compared on demand, router by router (`table_changes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.model.state import (
    Adjacency,
    Advertisement,
    FlowResult,
    PathResult,
    Route,
    RouteTable,
    Session,
    SiteHealth,
    State,
)

TOLERANCE = 1e-6
"""Relative; two sums of the same demands in another order may differ by rounding."""


def grown(before: float, after: float) -> bool:
    """True when ``after`` is larger than ``before`` by more than rounding."""
    return after - before > TOLERANCE * max(1.0, abs(before), abs(after))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """One prefix whose best route differs; None where it is not in the table."""

    router: str
    vrf: str
    prefix: Prefix
    before: Route | None
    after: Route | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """How many routes of one table differ; ``samples`` are the first ones in prefix order."""

    router: str
    vrf: str
    added: int
    removed: int
    changed: int
    samples: tuple[RouteChange, ...]

    @property
    def total(self) -> int:
        return self.added + self.removed + self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """A BGP session that came, went, or is established on one side of the change only."""

    before: Session | None
    after: Session | None

    @property
    def session(self) -> Session:
        """The session as it is after the change, else as it was."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def lost(self) -> bool:
        return bool(self.before and self.before.established and not (self.after and self.after.established))

    @property
    def gained(self) -> bool:
        return bool(self.after and self.after.established and not (self.before and self.before.established))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChange:
    """A protected flow that fares differently; None on the side that does not have it."""

    flow: str
    before: FlowResult | None
    after: FlowResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadChange:
    """Mbit/s sent by one interface, where it differs."""

    interface: InterfaceRef
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChange:
    """An anycast origin that began or stopped announcing."""

    before: SiteHealth | None
    after: SiteHealth | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """A router whose set of working operator paths differs; path names in the order the engine gives them."""

    router: str
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two States held side by side, routing tables apart. Every sequence is sorted."""

    adjacencies_lost: tuple[Adjacency, ...] = ()
    adjacencies_gained: tuple[Adjacency, ...] = ()
    sessions: tuple[SessionChange, ...] = ()
    advertisements_added: tuple[Advertisement, ...] = ()
    advertisements_withdrawn: tuple[Advertisement, ...] = ()
    advertisements_changed: tuple[tuple[Advertisement, Advertisement], ...] = ()
    flows: tuple[FlowChange, ...] = ()
    loads: tuple[LoadChange, ...] = ()
    lost_before: float = 0.0
    lost_after: float = 0.0
    sites: tuple[SiteChange, ...] = ()
    services_lost: tuple[str, ...] = ()
    services_gained: tuple[str, ...] = ()
    access: tuple[AccessChange, ...] = ()

    @property
    def lost_mbps(self) -> float:
        """Demand lost beyond what was lost before; negative when the change brings some back."""
        return self.lost_after - self.lost_before

    @property
    def sessions_lost(self) -> tuple[Session, ...]:
        return tuple(change.session for change in self.sessions if change.lost)

    @property
    def sessions_gained(self) -> tuple[Session, ...]:
        return tuple(change.session for change in self.sessions if change.gained)


def difference(before: State, after: State) -> Difference:
    """Compare two States of the same network, everything but the tables."""
    if before is after:
        return Difference(lost_before=before.loads.lost_mbps, lost_after=after.loads.lost_mbps)
    added, withdrawn, changed = _advertisements(before.advertisements, after.advertisements)
    return Difference(
        adjacencies_lost=tuple(sorted(before.adjacencies - after.adjacencies)),
        adjacencies_gained=tuple(sorted(after.adjacencies - before.adjacencies)),
        sessions=_sessions(before.sessions, after.sessions),
        advertisements_added=added,
        advertisements_withdrawn=withdrawn,
        advertisements_changed=changed,
        flows=_flows(before.flows, after.flows),
        loads=_loads(before.loads.mbps, after.loads.mbps),
        lost_before=before.loads.lost_mbps,
        lost_after=after.loads.lost_mbps,
        sites=_sites(before.sites, after.sites),
        services_lost=_services(before.services, after.services),
        services_gained=_services(after.services, before.services),
        access=_access(before.access, after.access),
    )


def table_changes(before: State, after: State, samples: int = 3) -> Iterator[TableChange]:
    """Tables that differ, in order of router and VRF. Lazily filled tables are visited one at a time."""
    if before.routes is after.routes:
        return
    for router in sorted(before.routes.keys() | after.routes.keys()):
        was, now = before.routes.get(router, {}), after.routes.get(router, {})
        if was is now:
            continue
        for vrf in sorted(was.keys() | now.keys()):
            change = _table(router, vrf, was.get(vrf, {}), now.get(vrf, {}), samples)
            if change.total:
                yield change


def _table(router: str, vrf: str, before: RouteTable, after: RouteTable, samples: int) -> TableChange:
    prefixes = [] if before is after else _differing(before, after)
    added = sum(prefix not in before for prefix in prefixes)
    removed = sum(prefix not in after for prefix in prefixes)
    shown = tuple(
        RouteChange(router=router, vrf=vrf, prefix=prefix, before=before.get(prefix), after=after.get(prefix))
        for prefix in sorted(prefixes)[:samples]
    )
    total = len(prefixes)
    return TableChange(
        router=router, vrf=vrf, added=added, removed=removed, changed=total - added - removed, samples=shown
    )


def _differing(before: RouteTable, after: RouteTable) -> list[Prefix]:
    """Prefixes whose routes differ. Routes are shared between prefixes, so each pair of objects is compared once;
    the memo keeps them alive, because an id is only good while its object lives.
    """
    found: list[Prefix] = []
    compared: dict[tuple[int, int], tuple[Route, Route, bool]] = {}
    for prefix, was in before.items():
        now = after.get(prefix)
        if now is was:
            continue
        if now is None:
            found.append(prefix)
            continue
        known = compared.get((id(was), id(now)))
        if known is None:
            known = compared[id(was), id(now)] = (was, now, was == now)
        if not known[2]:
            found.append(prefix)
    found.extend(prefix for prefix in after if prefix not in before)
    return found


def _advertisements(
    before: frozenset[Advertisement], after: frozenset[Advertisement]
) -> tuple[tuple[Advertisement, ...], tuple[Advertisement, ...], tuple[tuple[Advertisement, Advertisement], ...]]:
    """Added, withdrawn, and the same prefix to the same ear with other attributes."""
    was = {(item.neighbor, item.router, item.peer, item.prefix): item for item in before - after}
    now = {(item.neighbor, item.router, item.peer, item.prefix): item for item in after - before}
    added = tuple(sorted(now[key] for key in now.keys() - was.keys()))
    withdrawn = tuple(sorted(was[key] for key in was.keys() - now.keys()))
    changed = tuple((was[key], now[key]) for key in sorted(was.keys() & now.keys()))
    return added, withdrawn, changed


def _sessions(before: tuple[Session, ...], after: tuple[Session, ...]) -> tuple[SessionChange, ...]:
    was = {(item.router, item.vrf, item.peer): item for item in before}
    now = {(item.router, item.vrf, item.peer): item for item in after}
    pairs = ((was.get(key), now.get(key)) for key in sorted(was.keys() | now.keys()))
    return tuple(SessionChange(before=one, after=two) for one, two in pairs if _session_differs(one, two))


def _session_differs(before: Session | None, after: Session | None) -> bool:
    if before is None or after is None:
        return True
    return (before.established, before.tripped) != (after.established, after.tripped)


def _flows(before: Mapping[str, FlowResult], after: Mapping[str, FlowResult]) -> tuple[FlowChange, ...]:
    names = sorted(before.keys() | after.keys())
    return tuple(
        FlowChange(flow=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _loads(before: Mapping[InterfaceRef, float], after: Mapping[InterfaceRef, float]) -> tuple[LoadChange, ...]:
    refs = sorted(before.keys() | after.keys())
    changes = (LoadChange(interface=ref, before=before.get(ref, 0.0), after=after.get(ref, 0.0)) for ref in refs)
    return tuple(item for item in changes if grown(item.before, item.after) or grown(item.after, item.before))


def _sites(before: tuple[SiteHealth, ...], after: tuple[SiteHealth, ...]) -> tuple[SiteChange, ...]:
    was = {(item.anycast, item.site): item for item in before}
    now = {(item.anycast, item.site): item for item in after}
    pairs = ((was.get(key), now.get(key)) for key in sorted(was.keys() | now.keys()))
    return tuple(SiteChange(before=one, after=two) for one, two in pairs if _announced(one) != _announced(two))


def _announced(site: SiteHealth | None) -> bool:
    return site is not None and site.announced


def _services(before: Mapping[str, bool], after: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(sorted(name for name, works in before.items() if works and not after.get(name, False)))


def _access(
    before: Mapping[str, tuple[PathResult, ...]], after: Mapping[str, tuple[PathResult, ...]]
) -> tuple[AccessChange, ...]:
    found = []
    for router in sorted(before.keys() | after.keys()):
        was = [path.path for path in before.get(router, ()) if path.works]
        now = [path.path for path in after.get(router, ()) if path.works]
        lost = tuple(path for path in was if path not in now)
        gained = tuple(path for path in now if path not in was)
        if lost or gained:
            found.append(AccessChange(router=router, lost=lost, gained=gained))
    return tuple(found)
