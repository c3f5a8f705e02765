"""Traffic demands between places."""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.policy import NOWHERE
from backstay.model.source import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """``mbps`` of traffic from one place to another; ``period`` names the matrix (hour) it belongs to.

    A place is a site, a router, an external neighbour, an anycast name (as destination), or a prefix
    (destination: delivered where forwarding takes its first address).
    `backstay.model.endpoints` says which routers it enters at and which addresses it goes to: it is split equally over
    the routers, and at each equally over the IPv4 addresses of the destination (the IPv6 ones where it has no other).
    """

    source: str
    destination: str
    mbps: float
    traffic_class: str = "default"
    period: str = ""
    place: Place = NOWHERE
