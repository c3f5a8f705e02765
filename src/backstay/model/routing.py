"""What a router's configuration says about routing, protocol by protocol.

Values hold what the lines say, with the vendor's defaults filled in by the reader where a line is absent
and the default is a plain constant. Inheritance (BGP peer groups, ``network`` statements of OSPF) is resolved
by the reader: a neighbour or interface found here is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.policy import NOWHERE
from backstay.model.source import Place

DEFAULT_VRF = "default"
INFINITE_DISTANCE = 255
"""A route of this administrative distance is never used (FRR zebra_rib.c rib_process, DISTANCE_INFINITY; Cisco alike)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution:
    """``redistribute PROTOCOL [metric M] [metric-type T] [route-map R]``.

    ``protocol``: connected, static, kernel, ospf, ospf6, isis, bgp, rip, ripng, eigrp, local, table.
    ``version`` is the address family it works in. ``level`` is IS-IS's (1 or 2), None elsewhere.
    """

    protocol: str
    version: int = 4
    instance: str | None = None
    level: int | None = None
    metric: int | None = None
    metric_type: int | None = None
    tag: int | None = None
    route_map: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultOrigination:
    """``default-information originate [always] [metric M] [metric-type T] [route-map R]``."""

    always: bool = False
    version: int = 4
    level: int | None = None
    metric: int | None = None
    metric_type: int | None = None
    route_map: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRoute:
    """One static next hop; several lines for one prefix are several values. ``discard`` is None, ``blackhole``
    or ``reject``. With an address alone the route is recursive. ``distance`` has its default filled in (1).
    """

    prefix: Prefix
    vrf: str = DEFAULT_VRF
    next_hop: Address | None = None
    interface: str | None = None
    discard: str | None = None
    distance: int = 1
    tag: int = 0
    next_hop_vrf: str | None = None
    onlink: bool = False
    place: Place = NOWHERE


# ---------------------------------------------------------------------------------------------- IS-IS


@dataclass(frozen=True, slots=True, kw_only=True)
class IsisInterface:
    """IS-IS on one interface. ``versions`` are the address families enabled on it (4, 6) under process ``tag``.

    ``metric`` is per level (1, 2), FRR's default 10; ``circuit`` holds the levels it forms adjacencies in, before
    the process's own type is applied. ``topologies_off`` are multi-topology names disabled on it.
    """

    tag: str
    versions: frozenset[int]
    circuit: frozenset[int] = frozenset({1, 2})
    point_to_point: bool = False
    passive: bool = False
    metric: Mapping[int, int] = field(default_factory=lambda: {1: 10, 2: 10})
    priority: Mapping[int, int] = field(default_factory=lambda: {1: 64, 2: 64})
    password: str | None = None
    three_way: bool = True
    topologies_off: frozenset[str] = frozenset()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadBit:
    """``set-overload-bit`` (permanent, ``on_startup`` None) or on-startup for so many seconds."""

    on_startup: int | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class IsisProcess:
    """``router isis TAG``. ``levels`` from ``is-type``; ``areas`` as hex text (``49.0001``); ``system_id`` hex
    with dots (``0000.0000.0001``). ``metric_style``: narrow, transition or wide. ``topologies`` other than the
    standard one: ``ipv6-unicast`` and so on. ``attached_send``/``attached_receive``: the ATT bit (ISO 10589 7.2.9.2).
    """

    tag: str
    vrf: str = DEFAULT_VRF
    system_id: str | None = None
    areas: tuple[str, ...] = ()
    levels: frozenset[int] = frozenset({1, 2})
    metric_style: str = "wide"
    overload: OverloadBit | None = None
    topologies: frozenset[str] = frozenset()
    redistributions: tuple[Redistribution, ...] = ()
    defaults: tuple[DefaultOrigination, ...] = ()
    attached_send: bool = True
    attached_receive: bool = True
    area_password: str | None = None
    domain_password: str | None = None
    place: Place = NOWHERE


# ---------------------------------------------------------------------------------------------- OSPF


@dataclass(frozen=True, slots=True, kw_only=True)
class OspfInterface:
    """OSPFv2 or OSPFv3 on one interface. ``cost`` None: from the reference bandwidth. ``network``: broadcast,
    point-to-point, point-to-multipoint, non-broadcast, loopback, or None for the medium's default.
    ``prefix_suppression``: announce no stub link. ``mtu_ignore`` skips the MTU check of RFC 2328 10.6.
    """

    instance: str
    area: str
    cost: int | None = None
    network: str | None = None
    priority: int = 1
    passive: bool = False
    hello: int = 10
    dead: int = 40
    authentication: str | None = None
    mtu_ignore: bool = False
    prefix_suppression: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRange:
    """``area A range P [advertise [cost C]|not-advertise] [substitute S]``."""

    prefix: Prefix
    advertise: bool = True
    cost: int | None = None
    substitute: Prefix | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class OspfArea:
    """``kind``: normal, stub or nssa; ``summary`` False is ``no-summary`` (totally stubby). Areas are dotted quads.

    ``export_list``/``import_list`` are access lists, ``filter_in``/``filter_out`` prefix lists on summary LSAs.
    """

    area: str
    kind: str = "normal"
    summary: bool = True
    default_cost: int = 1
    ranges: tuple[AreaRange, ...] = ()
    nssa_ranges: tuple[AreaRange, ...] = ()
    nssa_translate: str = "candidate"
    nssa_default: DefaultOrigination | None = None
    export_list: str | None = None
    import_list: str | None = None
    filter_in: str | None = None
    filter_out: str | None = None
    authentication: str | None = None
    virtual_links: tuple[str, ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxMetric:
    """``max-metric router-lsa`` (RFC 6987). Only ``administrative`` lasts; the other two are in seconds."""

    administrative: bool = False
    on_startup: int | None = None
    on_shutdown: int | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class OspfProcess:
    """``router ospf`` (``version`` 2) or ``router ospf6`` (``version`` 3; IPv6 only).

    ``distance_*`` None: the general ``distance``. ``reference_bandwidth`` in Mbit/s. ``distribute_lists`` are
    (protocol, access list) for ``distribute-list NAME out PROTOCOL``.
    """

    version: int
    instance: str = "1"
    vrf: str = DEFAULT_VRF
    router_id: Address | None = None
    areas: Mapping[str, OspfArea] = field(default_factory=dict)
    reference_bandwidth: float = 100_000.0
    redistributions: tuple[Redistribution, ...] = ()
    default: DefaultOrigination | None = None
    default_metric: int | None = None
    max_metric: MaxMetric | None = None
    stub_router: bool = False
    distance: int = 110
    distance_intra: int | None = None
    distance_inter: int | None = None
    distance_external: int | None = None
    summaries: tuple[AreaRange, ...] = ()
    distribute_lists: tuple[tuple[str, str], ...] = ()
    rfc1583: bool = False
    maximum_paths: int = 64
    abr_type: str = "cisco"
    place: Place = NOWHERE


# ---------------------------------------------------------------------------------------------- BGP

FAMILIES = {4: "ipv4 unicast", 6: "ipv6 unicast"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximumPrefix:
    """Limit on accepted prefixes. Reaching it tears the session down until cleared by hand, unless
    ``warning_only`` or ``restart`` (minutes). ``force`` counts all received ones.
    """

    limit: int
    threshold: int = 75
    warning_only: bool = False
    restart: int | None = None
    force: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborFamily:
    """One activated address family of a BGP neighbour, peer-group inheritance already applied.

    ``next_hop_self``: None, ``self`` (eBGP-learned routes) or ``force`` (reflected ones too).
    ``send_communities``: subset of standard, extended, large (FRR sends all three by default).
    ``allowas_in``: how often our own AS may stand in the path, 0 for not at all; ``allowas_in_origin`` the origin form.
    ``remove_private_as``: None, ``leading`` (plain form), ``all``; ``replace_private_as`` with it.
    ``attribute_unchanged``: subset of as-path, next-hop, med.
    """

    version: int
    route_map_in: str | None = None
    route_map_out: str | None = None
    prefix_list_in: str | None = None
    prefix_list_out: str | None = None
    filter_list_in: str | None = None
    filter_list_out: str | None = None
    distribute_list_in: str | None = None
    distribute_list_out: str | None = None
    unsuppress_map: str | None = None
    next_hop_self: str | None = None
    route_reflector_client: bool = False
    route_server_client: bool = False
    send_communities: frozenset[str] = frozenset({"standard", "extended", "large"})
    default_originate: bool = False
    default_originate_map: str | None = None
    maximum_prefix: MaximumPrefix | None = None
    maximum_prefix_out: int | None = None
    allowas_in: int = 0
    allowas_in_origin: bool = False
    as_override: bool = False
    remove_private_as: str | None = None
    replace_private_as: bool = False
    weight: int | None = None
    attribute_unchanged: frozenset[str] = frozenset()
    soft_reconfiguration: bool = False
    add_path_all: bool = False
    add_path_best_per_as: bool = False
    advertise_map: str | None = None
    exist_map: str | None = None
    non_exist_map: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpNeighbor:
    """One configured neighbour. ``peer`` is an address, or an interface name for an unnumbered session.

    ``remote_as``: a number, ``internal`` or ``external``; None when no line says it (such a session cannot come up).
    ``ebgp_ttl`` 1 is directly connected; ``update_source`` an address or an interface name.
    ``local_as`` with its flags as in ``neighbor X local-as N [no-prepend [replace-as]]``.
    """

    peer: Address | str
    remote_as: int | str | None
    families: Mapping[int, NeighborFamily] = field(default_factory=dict)
    peer_group: str | None = None
    description: str | None = None
    shutdown: bool = False
    passive: bool = False
    update_source: Address | str | None = None
    ebgp_ttl: int = 1
    ttl_security: int | None = None
    disable_connected_check: bool = False
    enforce_first_as: bool = False
    local_as: int | None = None
    local_as_no_prepend: bool = False
    local_as_replace: bool = False
    password: str | None = None
    port: int = 179
    strict_capability: bool = False
    extended_next_hop: bool = False
    graceful_shutdown: bool = False
    solo: bool = False
    role: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRange:
    """``bgp listen range PREFIX peer-group NAME``: ``template`` holds the group's settings (its ``peer`` is the
    group's name).
    """

    prefix: Prefix
    template: BgpNeighbor
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatement:
    """``network P [route-map R] [backdoor]``."""

    prefix: Prefix
    route_map: str | None = None
    backdoor: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """``aggregate-address P [as-set] [summary-only] [route-map R] [origin O] [matching-MED-only] [suppress-map S]``."""

    prefix: Prefix
    summary_only: bool = False
    as_set: bool = False
    route_map: str | None = None
    origin: str | None = None
    matching_med: bool = False
    suppress_map: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpFamily:
    """The process-wide part of one address family."""

    version: int
    networks: tuple[NetworkStatement, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    redistributions: tuple[Redistribution, ...] = ()
    maximum_paths: int = 64
    maximum_paths_ibgp: int = 64
    equal_cluster_length: bool = False
    distance_external: int = 20
    distance_internal: int = 200
    distance_local: int = 200
    prefix_distances: tuple[tuple[int, Prefix, str | None], ...] = ()
    table_map: str | None = None
    import_vrfs: tuple[str, ...] = ()
    import_vrf_map: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpProcess:
    """``router bgp ASN [vrf V]``, defaults of the vendor filled in.

    ``max_med_administrative``: RFC 4451-style maximum MED on everything sent, None when off.
    ``ebgp_requires_policy``: RFC 8212. ``network_import_check``: a network statement needs the route in the table.
    """

    asn: int
    vrf: str = DEFAULT_VRF
    router_id: Address | None = None
    cluster_id: Address | None = None
    confederation_id: int | None = None
    confederation_peers: frozenset[int] = frozenset()
    neighbors: Mapping[str, BgpNeighbor] = field(default_factory=dict)
    listen_ranges: tuple[ListenRange, ...] = ()
    families: Mapping[int, BgpFamily] = field(default_factory=dict)
    ebgp_requires_policy: bool = True
    network_import_check: bool = True
    client_to_client: bool = True
    outbound_policy_for_reflected: bool = False
    default_local_preference: int = 100
    always_compare_med: bool = False
    deterministic_med: bool = True
    med_confed: bool = False
    med_missing_as_worst: bool = False
    as_path_ignore: bool = False
    as_path_confed: bool = False
    multipath_relax: bool = False
    multipath_as_set: bool = False
    compare_router_id: bool = False
    fast_external_failover: bool = True
    graceful_shutdown: bool = False
    max_med_administrative: int | None = None
    reject_as_sets: bool = False
    shutdown: bool = False
    place: Place = NOWHERE
