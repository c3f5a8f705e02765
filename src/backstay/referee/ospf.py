"""OSPFv2 and OSPFv3: the routing table of every process (RFC 2328 11, 16; RFC 5340 4.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Network
from backstay.model.state import Adjacency, NextHop, Route
from backstay.referee.ospf_external import Choice, Externals, Outer, gather, next_hop
from backstay.referee.ospf_inner import Entry, Inner, refuse_virtual_links
from backstay.referee.ospf_lsa import Key, Process, Talk, talk
from backstay.referee.rib import Rib, Tables
from backstay.referee.seams import Place, Wiring


@dataclass(eq=False)
class Ospf:
    """What OSPF ended with: a table per (router, VRF), and who is Full with whom."""

    talked: Talk
    tables: Tables = field(default_factory=dict)

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return self.talked.adjacencies


def run(network: Network, wiring: Wiring, externals: Externals) -> Ospf:
    """Hellos, flooding, then the table of every process. Raises `Unproven` for what is not modelled."""
    talked = talk(network, wiring)
    if not talked.processes:
        return Ospf(talked)
    refuse_virtual_links(talked)
    inner = Inner(talked, frozenset(externals))
    outer = Outer(inner, externals)
    tables: dict[Place, dict[Prefix, Route]] = {}
    for key, process in sorted(talked.processes.items()):
        table = tables.setdefault((process.router.name, process.config.vrf), {})
        for prefix, route in _table(process, inner, outer.best(key)).items():
            if prefix not in table or (route.distance, route.metric) < (table[prefix].distance, table[prefix].metric):
                table[prefix] = route
    return Ospf(talked, tables)


def externals(rib: Rib, areas: Ospf) -> Externals:
    """What redistribution brings into OSPF, given the tables of the round."""
    return gather(rib, areas.talked)


def _table(process: Process, inner: Inner, chosen: Mapping[Prefix, Choice]) -> dict[Prefix, Route]:
    """Paths within the AS before externals (RFC 2328 11); destinations of one's own are left to connected routes."""
    table = inner.tables.get(process.key, {})
    found = {
        prefix: _made(process, choice.kind, choice.metric, choice.ways, choice.tag)
        for prefix, choice in chosen.items()
        if choice.ways
    }
    for prefix in inner.discards(process.key):
        found[prefix] = _made(process, "inter", 0, [NextHop(discard="blackhole")])
    for prefix, entry in table.items():
        if entry.reached.hops:
            ways = {next_hop(hop, process.ip_version) for hop in entry.reached.hops}
            found[prefix] = _made(process, entry.kind, entry.reached.cost, ways)
    return found


def _made(process: Process, kind: str, metric: int, ways: Iterable[NextHop], tag: int = 0) -> Route:
    config = process.config
    hops = tuple(sorted(ways, key=lambda hop: hop.key))
    if len(hops) > config.maximum_paths:
        raise Unproven(
            f"{process.router.name}: OSPF uses {config.maximum_paths} of {len(hops)} equal paths: which is not told"
        )
    by_kind = {"intra": config.distance_intra, "inter": config.distance_inter}
    special = by_kind.get(kind, config.distance_external)
    return Route(
        protocol="ospf" if config.version == 2 else "ospf6",
        distance=config.distance if special is None else special,
        metric=metric,
        next_hops=hops,
        forwarding=hops,
        tag=tag,
        kind=kind,
    )


__all__ = ["Entry", "Externals", "Key", "Ospf", "externals", "run"]
