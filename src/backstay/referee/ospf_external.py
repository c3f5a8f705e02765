"""OSPF externals: what boundary routers bring in, NSSAs and their translators, the choice among them (RFC 2328 16.4,
RFC 3101).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.routing import OspfArea, Redistribution
from backstay.model.state import NextHop
from backstay.referee import policy
from backstay.referee.ospf_inner import DEFAULTS, Inner
from backstay.referee.ospf_lsa import BACKBONE, LOOPBACK, Key, Node, Process, Talk
from backstay.referee.ospf_paths import AS_WIDE, At, Hop, Reached, flood, neighbors
from backstay.referee.redistribution import candidate, default_route, mapped, offered
from backstay.referee.rib import Rib
from backstay.referee.seams import Candidate

DEFAULT_METRIC, ORIGINATED_METRIC, ALWAYS_METRIC, DEFAULT_TYPE = 20, 10, 1, 2
"""What externals cost when nobody says (FRR ospf_lsa.h): redistributed, a default passed on, a default always sent."""


@dataclass(frozen=True, slots=True)
class External:
    """What a boundary router brings in. ``forwarding``: where packets should go, if that is not the router itself."""

    prefix: Prefix
    metric: int
    metric_type: int
    tag: int = 0
    forwarding: Address | None = None


Externals = Mapping[Key, tuple[External, ...]]


@dataclass(frozen=True, slots=True)
class ExternalLsa:
    """A type 5 LSA (``nssa`` "") or a type 7 of the area ``nssa``; ``translate`` is its P-bit."""

    origin: Node
    external: External
    nssa: str = ""
    translate: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """An external path of one process: ``order`` compares (lower is better), ``ways`` are its next hops."""

    order: tuple[int, ...]
    metric: int
    kind: str
    tag: int
    ways: frozenset[NextHop]


# ------------------------------------------------------------------------------------------------ bringing in


def gather(rib: Rib, talked: Talk) -> Externals:
    """What every process brings in, given the tables of the round; nobody takes anything from one that carries nothing."""
    telling = ((key, process) for key, process in sorted(talked.processes.items()) if process.carries)
    found = {key: tuple(_brought(rib, talked, process)) for key, process in telling}
    return {key: items for key, items in found.items() if items}


def _brought(rib: Rib, talked: Talk, process: Process) -> Iterator[External]:
    config, router = process.config, process.router
    for line in config.redistributions:
        metric = DEFAULT_METRIC if config.default_metric is None else config.default_metric
        for item in offered(rib, router, config.vrf, _of_version(line, process), _first(line.metric, metric)):
            if _distributed(process, line.protocol, item.prefix) and not _runs_on(talked, process, item):
                yield _external(talked, process, item, line.metric_type)
    line_default = config.default
    if line_default is not None:
        place, version = (router.name, config.vrf), process.ip_version
        found = default_route(rib, place, version, own="ospf" if config.version == 2 else "ospf6")
        # One always there is made from nothing: a route-map sees no tag or interface of a route (seen on FRR 8.4.4).
        route = None if line_default.always else found
        metric = _first(line_default.metric, ALWAYS_METRIC if line_default.always else ORIGINATED_METRIC)
        if route is not None or line_default.always:
            prefix = DEFAULTS[version]
            item = candidate(prefix, route, metric) if route else Candidate(prefix=prefix, protocol="", metric=metric)
            let = mapped(router, line_default.route_map, item)
            if let is not None:
                made = _external(talked, process, let, line_default.metric_type)
                # One passed on leads where the route leads; one always there, to its maker (seen on FRR 8.4.4).
                yield replace(made, forwarding=None) if line_default.always else made


def _of_version(line: Redistribution, process: Process) -> Redistribution:
    return replace(line, version=process.ip_version)


def _first(configured: int | None, default: int) -> int:
    return default if configured is None else configured


def _distributed(process: Process, protocol: str, prefix: Prefix) -> bool:
    """``distribute-list NAME out PROTOCOL``; a list that does not exist filters nothing (FRR ospf_zebra.c)."""
    return all(
        policy.access_list_permits(process.router, name, prefix)
        for source, name in process.config.distribute_lists
        if source == protocol and (prefix.version, name) in process.router.policies.access_lists
    )


def _runs_on(talked: Talk, process: Process, item: Candidate) -> bool:
    """A connected subnet that OSPFv2 runs on itself, which FRR does not bring in (ospf_distribute_check_connected())."""
    if process.config.version != 2 or item.protocol != "connected" or process.row.ospf_redistributes_own_subnets:
        return False
    return any(subnet.covers(item.prefix) for port in talked.ports[process.key] for _own, subnet in port.addresses)


def _external(talked: Talk, process: Process, item: Candidate, metric_type: int | None) -> External:
    if any(summary.prefix.covers(item.prefix) for summary in process.config.summaries):
        raise Unproven(f"{process.router.name}: OSPF external summary over {item.prefix}")
    return External(
        prefix=item.prefix,
        metric=item.metric,
        metric_type=_first(item.metric_type, _first(metric_type, DEFAULT_TYPE)),
        tag=item.tag,
        forwarding=_forwarding(talked, process, item),
    )


def _forwarding(talked: Talk, process: Process, item: Candidate) -> Address | None:
    """The next hop itself, where it is on a network that runs OSPF (RFC 2328 12.4.4.1); OSPFv2 only, as FRR has it."""
    if process.config.version != 2 or not item.next_hops or item.protocol == "connected":
        return None
    address = item.next_hops[0].address
    subnets = (prefix for port in talked.ports[process.key] for _own, prefix in port.addresses[:1])
    return address if address is not None and any(prefix.holds(address) for prefix in subnets) else None


# ------------------------------------------------------------------------------------------------ LSAs


@dataclass(eq=False)
class Outer:
    """All external LSAs where they are flooded, and the best external path of each prefix for each process."""

    inner: Inner
    externals: Externals
    held: dict[At, frozenset[ExternalLsa]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.talked = self.inner.talked
        near = neighbors(self.talked)
        own: dict[At, set[ExternalLsa]] = {at: set() for at in self.inner.nodes}
        for key, process in self.talked.processes.items():
            for area in self._areas(key, "nssa"):
                own[key, area] |= set(self._type7(process, area))
        nssas = flood(own, near)
        self.held |= {at: lsas for at, lsas in nssas.items() if lsas}
        self._flood_type5()

    def _areas(self, key: Key, kind: str) -> list[str]:
        process = self.talked.processes[key]
        return [area for area in self.inner.areas(key) if process.area(area).kind == kind]

    def _flood_type5(self) -> None:
        """Through every normal area (RFC 2328 13.3)."""
        normal = {key: frozenset(self._areas(key, "normal")) for key in self.talked.processes}
        own: dict[At, set[ExternalLsa]] = {}
        for key, process in self.talked.processes.items():
            made = [ExternalLsa(process.node, item) for item in self.externals.get(key, ())]
            own[key, AS_WIDE] = {*made, *self._translated(key)} if normal[key] else set()
        self.held |= flood(own, neighbors(self.talked, normal))

    def _type7(self, process: Process, area: str) -> Iterator[ExternalLsa]:
        """Externals of a boundary router in an NSSA (RFC 3101 2.4); a border router's are not translated again."""
        border = process.key in self.inner.borders
        settings = process.area(area)
        for item in self.externals.get(process.key, ()):
            if not (item.prefix.is_default and border):  # a border router has a line of its own for that
                forwarding = item.forwarding or (None if border else self._internal_address(process, area))
                yield ExternalLsa(process.node, replace(item, forwarding=forwarding), area, translate=not border)
        if border and settings.nssa_default is not None:
            line = settings.nssa_default
            metric, kind = _first(line.metric, ALWAYS_METRIC), _first(line.metric_type, DEFAULT_TYPE)
            default = External(DEFAULTS[process.ip_version], metric, kind)
            yield ExternalLsa(process.node, default, area)

    def _internal_address(self, process: Process, area: str) -> Address | None:
        """An address of one's own in the area, a loopback's if there is one (RFC 3101 2.3). Raises `Unproven` where one of several
        links': ospfd takes the one that came up first (ospf_lsa.c ospf_get_nssa_ip(); now this one, now that on FRR 8.4.4).
        """
        ports = [port for port in self.talked.ports[process.key] if port.area == area and port.addresses]
        ports.sort(key=lambda port: (port.medium != LOOPBACK, port.ref))
        if len(ports) > 1 and ports[0].medium != LOOPBACK:
            name = process.router.name
            raise Unproven(
                f"{name}: externals lead into NSSA {area} by an address of one of its links there, and no loopback's"
            )
        return ports[0].addresses[0][0] if ports else None

    def _translated(self, key: Key) -> Iterator[ExternalLsa]:
        """Type 7 LSAs that this border router hands on as type 5 (RFC 3101 3.2): one for each prefix, none where it brings in
        the prefix itself.
        """
        process = self.talked.processes[key]
        found: dict[Prefix, External] = {}
        for area in self._areas(key, "nssa") if key in self.inner.borders else ():
            if not self._translates(process, area):
                continue
            for lsa in sorted(self.held.get((key, area), ()), key=lambda held: held.origin):
                if lsa.translate and lsa.external.forwarding is not None and lsa.origin != process.node:
                    _refuse_range(process, process.area(area), lsa.external.prefix)
                    found[lsa.external.prefix] = _translation(process, lsa.external)
        own = {item.prefix for item in self.externals.get(key, ())}
        yield from (ExternalLsa(process.node, item) for prefix, item in found.items() if prefix not in own)

    def _translates(self, process: Process, area: str) -> bool:
        """Whoever is set to; else the border router with the highest router id (RFC 3101 3.1)."""
        role = process.area(area).nssa_translate
        if role in {"always", "never"}:
            return role == "always"
        rivals = [
            other
            for key, other in self.talked.processes.items()
            if key[1] == process.key[1]
            and key in self.inner.borders
            and other.node in self.inner.nodes[process.key, area]
        ]
        if any(other.area(area).nssa_translate == "always" for other in rivals):
            return False
        able = [other.router_id for other in rivals if other.area(area).nssa_translate != "never"]
        return process.router_id == max(able)

    # ---------------------------------------------------------------------------------------- choosing

    def best(self, key: Key) -> dict[Prefix, Choice]:
        """The external route of each prefix (RFC 2328 16.4, RFC 3101 2.5); equal ones together."""
        found: dict[Prefix, Choice] = {}
        for at in [(key, AS_WIDE), *((key, area) for area in self._areas(key, "nssa"))]:
            for lsa in sorted(self.held.get(at, ()), key=str):
                choice = self._choice(key, lsa)
                if choice is not None:
                    found[lsa.external.prefix] = _better(found.get(lsa.external.prefix), choice)
        return found

    def _choice(self, key: Key, lsa: ExternalLsa) -> Choice | None:
        process, item = self.talked.processes[key], lsa.external
        if lsa.origin == process.node:
            return None
        boundary = self._boundary(key, lsa)
        if boundary is None:
            return None
        rank, reached = boundary
        ways = _ways(reached, process.ip_version)
        if item.forwarding is not None and process.ip_version == 4:  # ospf6d of FRR 8.4.4 goes to the boundary router
            towards = self._to_forwarding(key, item.forwarding, lsa.nssa)
            if towards is None:
                return None
            rank, reached, ways = towards
        name = "nssa" if lsa.nssa else "external"
        if item.metric_type == 1:
            total = reached.cost + item.metric
            return Choice((1, rank, total), total, f"{name}-1", item.tag, ways)
        return Choice((2, item.metric, rank, reached.cost), item.metric, f"{name}-2", item.tag, ways)

    def _boundary(self, key: Key, lsa: ExternalLsa) -> tuple[int, Reached] | None:
        """The way to the boundary router: within the area for type 7."""
        if lsa.nssa:
            reached = self.inner.nodes[key, lsa.nssa].get(lsa.origin)
            rank = 0 if self.talked.processes[key].ip_version == 4 else 1  # ospf6d compares costs alone
            return None if reached is None else (rank, reached)
        paths = self.inner.boundary_paths(key, lsa.origin)
        best = min(((rank, reached.cost) for rank, reached in paths), default=None)
        if best is None:
            return None
        hops = frozenset(hop for rank, r in paths if (rank, r.cost) == best for hop in r.hops)
        return best[0], Reached(best[1], hops)

    def _to_forwarding(self, key: Key, address: Address, nssa: str) -> tuple[int, Reached, frozenset[NextHop]] | None:
        """The way to a forwarding address: an intra- or inter-area route (RFC 2328 16.4 (3)); for type 7 through the
        area itself (RFC 3101 2.5 (3)), which ospfd does not ask for. None for an address of the router's own, even where its
        cheapest way to that subnet is another interface (FRR ospf_ase.c, ospf_ase_forward_address_check()).
        """
        process, table = self.talked.processes[key], self.inner.tables[key]
        if any(own == address for port in self.talked.ports[key] for own, _ in port.addresses):
            return None
        covering = [prefix for prefix in table if prefix.holds(address)]
        if not covering:
            return None
        longest = max(covering, key=lambda prefix: prefix.length)
        if any(prefix.length > longest.length and prefix.holds(address) for prefix in self.inner.discards(key)):
            return None
        entry = table[longest]
        through = entry.kind == "intra" and entry.area == nssa
        if nssa and not through and process.row.ospf_boundary_by_area_kind:
            return None
        if entry.kind == "intra" and process.area(entry.area).kind == "stub":
            return None  # seen on FRR 8.4.4: externals do not go through a stub area, not even to the next hop itself
        rank = 0 if entry.kind == "intra" and entry.area != BACKBONE and not process.config.rfc1583 else 1
        ways = _ways(entry.reached, process.ip_version)
        if not entry.reached.hops:
            ways = frozenset(
                NextHop(address, port.ref.interface)
                for port in self.talked.ports[key]
                if any(prefix.holds(address) for _, prefix in port.addresses)
            )
        return (rank, entry.reached, ways) if ways else None


def _translation(process: Process, item: External) -> External:
    """A type 7 LSA's contents as type 5. ospfd's have the metric the translator gives what it redistributes itself (of
    several of a prefix, the last of its database: that of the highest router id).
    """
    if process.config.version == 3 or process.row.ospf_translation_keeps_metric:
        return item
    config = process.config
    if not item.prefix.is_default:
        return replace(item, metric=_first(config.default_metric, DEFAULT_METRIC))
    own = config.default
    return replace(item, metric=_first(own.metric, ORIGINATED_METRIC) if own else ALWAYS_METRIC)


def _refuse_range(process: Process, settings: OspfArea, prefix: Prefix) -> None:
    if any(item.prefix.covers(prefix) for item in settings.nssa_ranges):
        raise Unproven(f"{process.router.name}: NSSA range over {prefix} in area {settings.area}")


def _better(found: Choice | None, other: Choice) -> Choice:
    if found is None or other.order < found.order:
        return other
    if other.order > found.order:
        return found
    # Of a type 5 and a type 7 alike the type 7 counts (RFC 3101 2.5 (6)(e)).
    return replace(found, ways=found.ways | other.ways, kind=max(found.kind, other.kind))


def _ways(reached: Reached, version: int) -> frozenset[NextHop]:
    return frozenset(next_hop(hop, version) for hop in reached.hops)


def next_hop(hop: Hop, version: int) -> NextHop:
    """OSPFv2: the neighbour's address; OSPFv3: its link-local one (RFC 5340 4.8.2), which configurations do not tell."""
    address = hop.remote.addresses[0][0] if version == 4 else None
    return NextHop(address, hop.local.ref.interface, neighbor=hop.remote.ref)
