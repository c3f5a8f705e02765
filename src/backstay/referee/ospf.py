"""OSPF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.errors import Unproven
from backstay.model.network import Network
from backstay.model.state import Adjacency
from backstay.referee.rib import Rib, Tables
from backstay.referee.seams import Wiring

Externals = Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True)
class Ospf:
    tables: Tables = field(default_factory=dict)
    adjacencies: frozenset[Adjacency] = frozenset()


def run(network: Network, wiring: Wiring, externals: Externals) -> Ospf:
    if any(router.ospf or router.ospf6 for router in network.routers.values()):
        raise Unproven("OSPF")
    return Ospf()


def externals(rib: Rib, areas: Ospf) -> Externals:
    return {}
