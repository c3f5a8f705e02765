"""What a route-map works on."""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.address import Address, Prefix
from backstay.model.state import NextHop
from backstay.referee.bgp_path import Attributes


@dataclass(slots=True, kw_only=True)
class Offer:
    """A route under a route-map; ``attributes`` is replaced by the sets. ``way``: ``in``, ``out``, ``network``,
    ``redistribute``, ``aggregate``, ``default`` or ``table``. ``peer`` is the neighbour's address, or its interface and
    ``group``, on a session; ``local_peer`` our own address there. ``protocol`` is where the route comes from.
    ``isis``: isisd reads the route-map. ``seen`` holds the attributes that matches look at where they are not those being set (``default-originate``).
    """

    prefix: Prefix
    attributes: Attributes
    way: str = ""
    peer: Address | None = None
    peer_interface: str | None = None
    group: str | None = None
    protocol: str = "bgp"
    metric_type: int | None = None
    next_hops: tuple[NextHop, ...] = ()
    interior: bool = False
    isis: bool = False
    seen: Attributes | None = None
    own_as: int = 0
    peer_as: int = 0
