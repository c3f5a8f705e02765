"""Anycast prefixes, limits and protected flows: what a team declares beside its configs."""

from __future__ import annotations

from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.policy import NOWHERE
from backstay.model.source import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """A site is healthy when at least ``need`` of ``targets`` answer: sites (any of the site's destination
    addresses is reached from the DNS server's attachment router, and the way back works) or services.
    ``need`` 0 means the site never withdraws by itself.
    """

    targets: tuple[str, ...] = ()
    need: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A place an anycast prefix is announced from: the speaker at ``address`` on ``router`` (a BGP neighbour of
    that router); ``address`` None: the router itself originates it by configuration.
    """

    site: str
    router: str
    address: Address | None
    asn: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anycast:
    """A service announced from many sites. ``floor``: how many sites must keep announcing."""

    name: str
    prefixes: tuple[Prefix, ...]
    origins: tuple[Origin, ...]
    health: HealthRule = field(default_factory=HealthRule)
    floor: int = 1
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLimit:
    """The most routes a role's routers can hold in ``table``: rib, igp or bgp; ``margin`` is the share kept free."""

    role: str
    table: str
    routes: int
    margin: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``utilisation`` is the share of capacity a link may carry (0.8); ``failure_utilisation`` the same under any
    single failure. ``blast_radius``: how many routers of one failure domain a step may touch at once (None: no say).
    ``prefix_margin``: how close a session may come to its maximum-prefix (0.9: at most 90 %).
    """

    utilisation: float = 0.8
    failure_utilisation: float = 1.0
    blast_radius: int | None = 1
    prefix_margin: float = 0.9
    tables: tuple[TableLimit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one engine may take for one whole audit: seconds by the clock while it is at work, and megabytes (2**20
    bytes) of resident memory. An engine over its budget has no answer.
    """

    seconds: float = 600.0
    megabytes: float = 3072.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedFlow:
    """Traffic that must arrive: from a place to a place, both as in `Demand`; every address family both have.
    ``survive_failures``: the flow must also hold at every single failure that leaves both ends attached.
    """

    name: str
    source: str
    destination: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """``flows`` in addition to the implied ones; ``prefixes`` must stay announced to some external neighbour;
    ``implied`` switches the flows that follow from the sites' roles.
    """

    flows: tuple[ProtectedFlow, ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    implied: bool = True
