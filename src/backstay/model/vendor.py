"""Vendor semantics as data: what a router does where standards differ, leave room, or are not followed.

One `Semantics` row set per vendor; every value has its source beside it. Engines read values, never vendor names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """How one router operating system behaves.

    Undefined references (the named object does not exist): ``deny`` everything, ``permit`` everything, or ``skip``
    (as if the line were not there).
    """

    vendor: str
    distances: Mapping[str, int]
    undefined_route_map: str
    undefined_prefix_list: str
    undefined_access_list: str
    undefined_as_path_list: str
    undefined_community_list: str
    isis_default_metric: int
    isis_link_metric_limit: int | None
    isis_path_metric_limit: int
    isis_narrow_metric_limit: int = 63
    ospf_reference_bandwidth: float = 100_000.0
    ospf_default_bandwidth: float = 10_000.0
    ospf_loopback_cost: int | None = 0
    ospf6_loopback_cost: int | None = None
    ospf_nssa_default: bool = False
    ospf_maximum_paths: int = 64
    ospf_redistributes_own_subnets: bool = True
    ospf_translation_keeps_metric: bool = True
    ospf_boundary_by_area_kind: bool = True
    ebgp_maximum_paths: int = 64
    ibgp_maximum_paths: int = 64
    isis_maximum_paths: int = 64
    isis_level1_into_level2: bool = True
    isis_prefixes_follow_circuit_level: bool = True
    local_routes: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)


FRR = Semantics(
    vendor="frr",
    distances={
        "kernel": 0,
        "connected": 0,
        "local": 0,
        "static": 1,
        "bgp": 20,
        "ospf": 110,
        "ospf6": 110,
        "isis": 115,
        "ibgp": 200,
        "aggregate": 200,
    },
    undefined_route_map="deny",
    undefined_prefix_list="deny",
    undefined_access_list="deny",
    undefined_as_path_list="deny",
    undefined_community_list="deny",
    isis_default_metric=10,
    isis_link_metric_limit=None,
    isis_path_metric_limit=0xFE000000,
    ospf_reference_bandwidth=100_000.0,
    isis_level1_into_level2=False,
    isis_prefixes_follow_circuit_level=False,
    ospf_nssa_default=True,
    ospf_redistributes_own_subnets=False,
    ospf_translation_keeps_metric=False,
    ospf_boundary_by_area_kind=False,
    sources={
        "distances": "FRR zebra/zebra_rib.c route_info[] (8.4); `show ip route` of FRR 8.4.4",
        "undefined_route_map": "seen on FRR 8.4.4: route-map deleted but still referenced, 0 routes exported",
        "undefined_prefix_list": "seen on FRR 8.4.4: prefix-list deleted but still referenced, 0 routes exported",
        "undefined_as_path_list": "seen on FRR 8.4.4: undefined as-path list, 0 routes",
        "undefined_access_list": "FRR lib/filter.c access_list_apply(): no list is FILTER_DENY",
        "undefined_community_list": "FRR bgpd/bgp_routemap.c route_match_community(): no list is RMAP_NOMATCH",
        "isis_link_metric_limit": "seen on FRR 8.4.4: metric 16777215 is added up; RFC 5305 3 says leave the link out",
        "isis_level1_into_level2": "seen on FRR 8.4.4: the level 2 LSP of a level-1-2 router holds its own prefixes alone",
        "isis_prefixes_follow_circuit_level": "seen on FRR 8.4.4: both LSPs of a level-1-2 router hold the prefixes of all its circuits",
        "isis_path_metric_limit": "FRR isisd/isis_spf.c MAX_WIDE_PATH_METRIC, RFC 5305 3",
        "ospf_default_bandwidth": "FRR ospfd/ospfd.h OSPF_DEFAULT_BANDWIDTH 10000 Mbit/s, for interfaces of unknown speed",
        "ospf_loopback_cost": "seen on FRR 8.4.4 and Cumulus 3.7: the loopback of a neighbour costs the link alone",
        "ospf6_loopback_cost": "seen on FRR 8.4.4: a loopback costs what any interface of unknown speed does, 10",
        "ospf_nssa_default": "seen on FRR 8.4.4: an ABR's ospfd sends a type 3 default into an NSSA without being asked; ospf6d does not",
        "ospf_redistributes_own_subnets": "seen on FRR 8.4.4: ospfd leaves out connected subnets it runs on; ospf6d does not",
        "ospf_translation_keeps_metric": "seen on FRR 8.4.4: ospfd gives a translated type 7 the translator's default metric, 20, a default 1; ospf6d keeps it",
        "ospf_boundary_by_area_kind": "seen on FRR 8.4.4: ospfd chooses the way to a boundary router first; a type 5 LSA is ignored where that is through an NSSA or stub area, and the way to a type 7's forwarding address may lead anywhere",
        "ospf_reference_bandwidth": "FRR ospfd/ospfd.h OSPF_DEFAULT_REF_BANDWIDTH 100000 Mbit/s",
    },
)

SEMANTICS: Mapping[str, Semantics] = {"frr": FRR}
"""By `Router.vendor`. A vendor without a row cannot be computed (`Unproven`)."""
