"""What an assessment of capacity says: plain values, in Mbit/s, shares of capacity and kilometres, sorted worst first.

Failures are named by `Thing`: its kind (link, router, srlg) and name. A scenario without failures has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.network import InterfaceRef
from backstay.model.source import Remark


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """Something that can fail or be taken out."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """One sending end of a link, ``towards`` the router at the other; or a port, ``link`` its own name, towards a neighbour or
    an anycast. ``worst`` is its highest utilisation over every scenario and period, ``cause`` what fails
    in it; ``headroom`` Mbit/s that it could carry more in its tightest scenario (negative: missing). ``over`` counts
    scenarios that put it over the limit. Utilisations and headroom are None where the capacity is unknown.
    """

    link: str
    interface: InterfaceRef
    towards: str
    capacity: float | None
    mbps: float
    utilisation: float | None
    worst: float | None
    cause: tuple[Thing, ...]
    period: str
    headroom: float | None
    over: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An interface over its limit."""

    interface: InterfaceRef
    utilisation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """A demand that loses ``mbps`` in a scenario."""

    source: str
    destination: str
    mbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario at fault. ``lost`` Mbit/s more than without a failure; ``apart`` Mbit/s from or to routers that fail
    themselves, which no routing could save. ``over``: the interfaces over the limit; ``losers`` worst first.
    """

    failed: tuple[Thing, ...]
    period: str
    utilisation: float
    worst: InterfaceRef | None
    over: tuple[Share, ...]
    lost: float
    apart: float
    losers: tuple[Loser, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much more could be sent from one place to another before ``bottleneck`` meets its limit when ``cause`` fails."""

    source: str
    destination: str
    mbps: float
    bottleneck: InterfaceRef | None
    cause: tuple[Thing, ...]
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What one link, both ways, could mend: ``cleared`` scenarios no longer over any limit, ``removed`` times an interface
    is over its limit. ``needed`` is the capacity in Mbit/s that does it, each way.
    """

    link: str
    capacity: float
    needed: float
    cleared: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """How far routing is from the best possible while nothing fails: ``utilisation`` of the fullest link today and ``best``
    with every demand split at will. ``proven`` False: ``best`` is None and ``note`` says why.
    """

    utilisation: float
    best: float | None
    proven: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """A demand pair's way: kilometres as routed (mean over equal-cost paths) and as short as the fibre allows."""

    source: str
    destination: str
    km: float
    shortest_km: float

    @property
    def stretch(self) -> float:
        return self.km / self.shortest_km if self.shortest_km else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """``mean`` weighs every pair by its demand; ``pairs`` worst first; ``unmeasured`` links whose length nobody tells."""

    mean: float | None
    pairs: tuple[Detour, ...]
    unmeasured: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourUse:
    """One period. ``lost`` Mbit/s do not arrive although nothing fails; ``cause`` is what fails when ``worst`` is met.
    ``over`` and ``losing`` count scenarios; ``exits_routed`` that the engine routed single failures anew.
    """

    period: str
    offered: float
    lost: float
    losers: tuple[Loser, ...]
    utilisation: float
    worst: float
    cause: tuple[Thing, ...]
    over: int
    losing: int
    exits_routed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a thing can be out of service: ``safe`` periods, in which every scenario it is part of stays within the limit
    and it loses nothing when it fails alone; ``unsafe`` the others with the utilisation reached.
    """

    thing: Thing
    safe: tuple[str, ...]
    unsafe: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The answer of `backstay capacity`. ``growth`` is the factor all demand could grow by before some scenario meets its
    limit (None: no link of known capacity carries anything). ``links``, ``scenarios``, ``rooms``, ``upgrades`` are whole
    lists but for ``scenarios_left_out``. ``method`` says who computed the failures.
    """

    network: str
    routers: int
    link_count: int
    failures: int
    things: tuple[tuple[str, int], ...]
    excluded: tuple[str, ...]
    scenario_count: int
    limit: float
    failure_limit: float
    method: str
    hours: tuple[HourUse, ...]
    links: tuple[LinkUse, ...]
    scenarios: tuple[Scenario, ...]
    scenarios_left_out: int
    rooms: tuple[Room, ...]
    room_note: str
    upgrades: tuple[Upgrade, ...]
    growth: float | None
    optimum: Optimum
    stretch: Stretch
    windows: tuple[Window, ...]
    remarks: tuple[Remark, ...]
    unknowns: tuple[Remark, ...]

    @property
    def at_fault(self) -> bool:
        """Whether anything exceeds its limit or loses demand, failures or not."""
        return any(hour.over or hour.losing or hour.lost > 0 for hour in self.hours)
