"""Routing policy: lists and route-maps as ordered, frozen values.

Names are kept as references, never resolved here: what an undefined reference does is a vendor semantic
(`backstay.simulate` and `backstay.referee` each consult `backstay.model.vendor`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.source import Place

NOWHERE = Place("", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListEntry:
    """Matches prefixes covered by ``prefix`` with a length in [ge, le]; ``ge``/``le`` are already filled in
    (both the prefix's own length when the line has neither).
    """

    sequence: int
    permit: bool
    prefix: Prefix
    ge: int
    le: int
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixList:
    """Entries in sequence order; no match is a deny. ``version`` is 4 or 6: lists of both may share a name."""

    name: str
    version: int
    entries: tuple[PrefixListEntry, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityListEntry:
    """``standard``: ``communities`` must all be carried by the route. ``expanded``: ``regex`` over the text of
    the route's communities, sorted and separated by one blank (FRR bgp_clist.c).
    """

    sequence: int
    permit: bool
    communities: tuple[str, ...] = ()
    regex: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityList:
    """``kind`` is ``standard``, ``large`` or ``extended``. Communities are text: ``65000:1``, ``65000:1:2``,
    ``rt 65000:1``, ``soo 65000:1``; well-known ones by name: ``no-export``, ``no-advertise``,
    ``local-AS``, ``internet``, ``graceful-shutdown``, ``blackhole`` ...
    """

    name: str
    kind: str
    entries: tuple[CommunityListEntry, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AsPathListEntry:
    """``regex`` as written in the configuration, with ``_`` still in its Cisco meaning."""

    sequence: int
    permit: bool
    regex: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AsPathList:
    name: str
    entries: tuple[AsPathListEntry, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessListEntry:
    """One line of an access list. ``source``/``destination`` None is any; ``*_wildcard`` holds a wildcard mask
    that is no prefix; ports are inclusive ranges. ``exact`` is FRR's ``exact-match`` for zebra-style lists.
    """

    sequence: int
    permit: bool
    source: Prefix | None = None
    destination: Prefix | None = None
    source_wildcard: tuple[int, int] | None = None
    destination_wildcard: tuple[int, int] | None = None
    protocol: str = "ip"
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    exact: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    name: str
    version: int
    entries: tuple[AccessListEntry, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One match clause. ``kind`` and ``values`` go together:

    ==================  =========================================================================
    ``prefix-list``     (name,) with ``version``; ``of`` says of what: ``prefix``, ``next-hop``, ``source``
    ``access-list``     (name,) with ``version`` and ``of`` as above
    ``prefix-len``      (length,)   of the route's prefix, or of its next hop when ``of`` is ``next-hop``
    ``next-hop``        (address,)  or (``blackhole``,) for ``next-hop type blackhole``
    ``interface``       (name,)     the outgoing interface
    ``as-path``         (list,)
    ``community``       (list,)     ``exact`` for exact-match
    ``large-community`` (list,)     ``exact`` likewise
    ``extcommunity``    (list,)
    ``metric``          (number,)   the MED
    ``local-preference`` (number,)
    ``tag``             (number,)
    ``origin``          (igp|egp|incomplete,)
    ``source-protocol`` (name,)     the protocol a redistributed route comes from
    ``source-instance`` (number,)
    ``peer``            (address|interface|group|``local``,)
    ``ipv4|ipv6 unicast``, any other: not evaluated; the reader reports the line unread instead
    ==================  =========================================================================
    """

    kind: str
    values: tuple[str, ...]
    version: int | None = None
    of: str = "prefix"
    exact: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAction:
    """One set clause. ``kind`` and ``values``:

    ===========================  ======================================================
    ``local-preference``         (number,) or (``+n``,) or (``-n``,)
    ``metric``                   (number,) or (``+n``,), (``-n``,), (``rtt``,)
    ``weight`` ``tag``           (number,)
    ``metric-type``              (``type-1``|``type-2``,)
    ``origin``                   (igp|egp|incomplete,)
    ``community``                communities..., () for ``none``; ``additive`` flag
    ``large-community``          likewise
    ``extcommunity-rt|soo``      communities... ; () for none (``kind`` is ``extcommunity`` then)
    ``comm-list-delete``         (list,)
    ``large-comm-list-delete``   (list,)
    ``as-path-prepend``          AS numbers..., or (``last-as``, n)
    ``as-path-exclude``          AS numbers...
    ``next-hop``                 (address,) or (``peer-address``,) or (``unchanged``,); ``version`` 4 or 6
    ``next-hop-prefer-global``   ()  IPv6
    ``distance`` ``src``         (number,), (address,)
    ``atomic-aggregate``         ()
    ``aggregator``               (AS, address)
    ``originator-id``            (address,)
    ``label-index``              (number,)
    ===========================  ======================================================
    """

    kind: str
    values: tuple[str, ...]
    version: int | None = None
    additive: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMapEntry:
    """One sequence. All matches must hold (none: matches everything). ``call`` names another route-map that must
    permit; ``on_match`` is None (stop), ``"next"`` or a sequence number to go on at (``continue`` is the same).
    """

    sequence: int
    permit: bool
    matches: tuple[Match, ...] = ()
    sets: tuple[SetAction, ...] = ()
    call: str | None = None
    on_match: int | str | None = None
    description: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMap:
    """Entries in sequence order; a route that matches none is denied."""

    name: str
    entries: tuple[RouteMapEntry, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """All named policy objects of one router. Prefix lists and access lists are keyed by (version, name),
    community lists by (kind, name).
    """

    route_maps: Mapping[str, RouteMap] = field(default_factory=dict)
    prefix_lists: Mapping[tuple[int, str], PrefixList] = field(default_factory=dict)
    access_lists: Mapping[tuple[int, str], AccessList] = field(default_factory=dict)
    community_lists: Mapping[tuple[str, str], CommunityList] = field(default_factory=dict)
    as_path_lists: Mapping[str, AsPathList] = field(default_factory=dict)


__all__ = [
    "NOWHERE",
    "AccessList",
    "AccessListEntry",
    "Address",
    "AsPathList",
    "AsPathListEntry",
    "CommunityList",
    "CommunityListEntry",
    "Match",
    "Policies",
    "PrefixList",
    "PrefixListEntry",
    "RouteMap",
    "RouteMapEntry",
    "SetAction",
]
