"""OSPF, first half: hellos, adjacencies, designated routers, router and network LSAs (RFC 2328 9, 10, 12; RFC 5340).

Both versions share this file. What differs: OSPFv2 describes prefixes inside router and network LSAs (RFC 2328 12.4), OSPFv3
in intra-area-prefix LSAs that refer to them (RFC 5340 4.4.3.9); here a prefix hangs on its node in either case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Interface, InterfaceRef, Network, Router
from backstay.model.routing import OspfArea, OspfInterface, OspfProcess
from backstay.model.state import Adjacency
from backstay.model.vendor import SEMANTICS, Semantics
from backstay.referee.seams import Wiring

BACKBONE = "0.0.0.0"  # noqa: S104 - an area, not an address
MAX_LINK_METRIC = 0xFFFF
"""MaxLinkMetric of RFC 6987 2."""

Key = tuple[str, int, str]
"""(router, OSPF version, instance)."""

Node = tuple[str, Address, int]
"""("router", router id, 0) or ("network", router id of its DR, a number for the segment)."""

POINT_TO_POINT, BROADCAST, LOOPBACK = "point-to-point", "broadcast", "loopback"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Process:
    """One OSPF process that runs (it has a router id)."""

    router: Router
    config: OspfProcess
    router_id: Address

    @property
    def key(self) -> Key:
        return (self.router.name, self.config.version, self.config.instance)

    @property
    def node(self) -> Node:
        return ("router", self.router_id, 0)

    @property
    def row(self) -> Semantics:
        return SEMANTICS[self.router.vendor]

    def area(self, name: str) -> OspfArea:
        """An area without a line of its own is a normal one."""
        return self.config.areas.get(name) or OspfArea(area=name)

    @property
    def ip_version(self) -> int:
        return 4 if self.config.version == 2 else 6

    @property
    def maximises(self) -> bool:
        """Whether it is a stub router of OSPFv2 for good (RFC 6987)."""
        metric = self.config.max_metric
        return self.config.version == 2 and metric is not None and metric.administrative

    @property
    def carries(self) -> bool:
        """False: the R-bit of its OSPFv3 router LSA is clear (RFC 5340 2.7, ``stub-router``). ospf6d's SPF follows no link of
        such a router, not even of its own, and takes it for no border or boundary router (seen on FRR 8.4.4).
        """
        return self.config.version == 2 or not self.config.stub_router


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Port:
    """An interface that is up and runs OSPF."""

    process: Process
    ref: InterfaceRef
    interface: Interface
    settings: OspfInterface

    @property
    def area(self) -> str:
        return self.settings.area

    @property
    def medium(self) -> str:
        """The network type (RFC 2328 9); the medium's default is broadcast."""
        if self.interface.kind == LOOPBACK:
            return LOOPBACK
        if self.settings.network:
            return self.settings.network
        return POINT_TO_POINT if self.interface.kind == "tunnel" else BROADCAST

    @property
    def cost(self) -> int:
        """Configured, else reference bandwidth by bandwidth, to the nearest, 1 to 65535 (FRR ospf_interface.c)."""
        if self.settings.cost is not None:
            return self.settings.cost
        row, version = self.process.row, self.process.config.version
        if self.interface.kind == LOOPBACK:
            fixed = row.ospf_loopback_cost if version == 2 else row.ospf6_loopback_cost
            if fixed is not None:
                return fixed
        bandwidth = self.interface.bandwidth or row.ospf_default_bandwidth
        return max(1, min(MAX_LINK_METRIC, int(self.process.config.reference_bandwidth / bandwidth + 0.5)))

    @property
    def link_cost(self) -> int:
        """What its links to routers and LANs cost; a stub router's cost the most (RFC 6987 2)."""
        return MAX_LINK_METRIC if self.process.maximises else self.cost

    @property
    def addresses(self) -> tuple[tuple[Address, Prefix], ...]:
        """Global addresses of the process's IP version, primary first."""
        own = [a for a in self.interface.addresses if a.address.version == self.process.ip_version]
        ordered = sorted((a for a in own if not a.address.is_link_local), key=lambda a: a.secondary)
        return tuple((a.address, a.peer or a.prefix) for a in ordered)

    @property
    def speaks(self) -> bool:
        """Whether hellos are sent on it; OSPFv2 needs an address to send them from."""
        silent = self.settings.passive or self.medium == LOOPBACK
        return not silent and (self.process.config.version == 3 or bool(self.addresses))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bond:
    """A neighbour in state Full, as ``local`` sees it."""

    local: Port
    remote: Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A point-to-point or transit link of a router LSA, or a member of a network LSA (cost 0)."""

    node: Node
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """A prefix on a node: a stub network of a router, or the network of a network LSA (cost 0)."""

    prefix: Prefix
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLsa:
    """A router or network LSA, with the prefixes that hang on it. ``transit`` False: OSPFv3's R-bit is clear."""

    area: str
    node: Node
    links: tuple[Link, ...]
    stubs: tuple[Stub, ...]
    transit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Processes, their ports, who is Full with whom, and the network node of each port on a LAN with a DR. ``near``: whose
    hellos a port takes, Full or not.
    """

    processes: Mapping[Key, Process]
    ports: Mapping[Key, tuple[Port, ...]]
    bonds: Mapping[InterfaceRef, Mapping[int, tuple[Bond, ...]]]
    lans: Mapping[tuple[InterfaceRef, int], Node] = field(default_factory=dict)
    near: Mapping[tuple[InterfaceRef, int], tuple[Port, ...]] = field(default_factory=dict)

    def bonds_of(self, port: Port) -> tuple[Bond, ...]:
        return self.bonds.get(port.ref, {}).get(port.process.config.version, ())

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return frozenset(
            Adjacency("ospf" if version == 2 else "ospf6", bond.local.area, bond.local.ref, bond.remote.ref)
            for by_version in self.bonds.values()
            for version, bonds in by_version.items()
            for bond in bonds
        )


def talk(network: Network, wiring: Wiring) -> Talk:
    """Every hello heard, every DR elected. Raises `Unproven` on twin router ids and on media that are not modelled."""
    processes = {process.key: process for process in _processes(network, wiring)}
    ports = {key: tuple(_ports(process, wiring)) for key, process in processes.items()}
    bonds: dict[InterfaceRef, dict[int, tuple[Bond, ...]]] = defaultdict(dict)
    lans: dict[tuple[InterfaceRef, int], Node] = {}
    near: dict[tuple[InterfaceRef, int], tuple[Port, ...]] = {}
    for version in (2, 3):
        at = {p.ref: p for found in ports.values() for p in found if p.process.config.version == version and p.speaks}
        names = {ref: number for number, ref in enumerate(sorted(at), 1)}
        for ref, port in sorted(at.items()):
            heard = [at[other] for other in wiring.across.get(ref, ()) if other in at and _agree(port, at[other])]
            elected = _elect([port, *heard]) if port.medium == BROADCAST else ()
            full = [other for other in heard if not elected or {port.ref, other.ref} & {e.ref for e in elected}]
            if port.medium == BROADCAST and not elected:
                full = []
            near[ref, version] = tuple(heard)
            bonds[ref][version] = tuple(Bond(local=port, remote=other) for other in full)
            if elected and full:
                lans[ref, version] = ("network", elected[0].process.router_id, names[elected[0].ref])
    return Talk(processes=processes, ports=ports, bonds=bonds, lans=lans, near=near)


def _processes(network: Network, wiring: Wiring) -> Iterator[Process]:
    seen: dict[tuple[int, str, Address], str] = {}
    for name in sorted(wiring.routers):
        router = network.routers[name]
        for config in (*router.ospf, *router.ospf6):
            router_id = config.router_id or router.router_id or _automatic_id(router, config.vrf)
            if router_id is not None:
                twin = seen.setdefault((config.version, config.vrf, router_id), name)
                if twin != name:
                    raise Unproven(f"OSPF: {twin} and {name} have one router id, {router_id}")
                yield Process(router=router, config=config, router_id=router_id)


def _automatic_id(router: Router, vrf: str) -> Address | None:
    """The highest address of a loopback, else of any interface (FRR zebra/router-id.c), of the VRF."""
    found = [
        (interface.kind == LOOPBACK, address.address)
        for interface in router.interfaces.values()
        if interface.vrf == vrf and interface.enabled
        for address in interface.addresses
        if address.address.version == 4 and address.address.value >> 24 != 127
    ]
    return max(found)[1] if found else None


def _ports(process: Process, wiring: Wiring) -> Iterator[Port]:
    for name, interface in sorted(process.router.interfaces.items()):
        settings = interface.ospf if process.config.version == 2 else interface.ospf6
        ref = InterfaceRef(process.router.name, name)
        if settings is None or settings.instance != process.config.instance or ref not in wiring.up:
            continue
        if interface.vrf == process.config.vrf:
            port = Port(process=process, ref=ref, interface=interface, settings=settings)
            if port.medium not in {POINT_TO_POINT, BROADCAST, LOOPBACK}:
                raise Unproven(f"{ref}: OSPF over a {port.medium} network")
            yield port


def _agree(local: Port, remote: Port) -> bool:
    """Whether both take each other's hellos and databases (RFC 2328 10.5, 10.6; RFC 5340 4.2.2)."""
    mine, theirs = local.settings, remote.settings
    return (
        mine.area == theirs.area
        and (mine.hello, mine.dead) == (theirs.hello, theirs.dead)
        and _authentication(local) == _authentication(remote)
        and local.process.area(mine.area).kind == remote.process.area(theirs.area).kind
        and local.process.router_id != remote.process.router_id
        and _same_subnet(local, remote)
        and (local.medium == BROADCAST) == (remote.medium == BROADCAST)
        and _packets_fit(local, remote)
    )


def _authentication(port: Port) -> str | None:
    """The interface's own, else the area's."""
    return port.settings.authentication or port.process.area(port.area).authentication


def _same_subnet(local: Port, remote: Port) -> bool:
    """OSPFv2 packets come from the subnet; a point-to-point link may do without one (both ends a host address)."""
    if local.process.config.version == 3:
        return True
    (mine, subnet), (theirs, other) = local.addresses[0], remote.addresses[0]
    if local.medium == POINT_TO_POINT:
        unnumbered = subnet.is_host and other.is_host
        return unnumbered or (subnet.holds(theirs) and other.holds(mine))
    return subnet == other


def _packets_fit(local: Port, remote: Port) -> bool:
    """RFC 2328 10.6: a database description with an MTU larger than one's own is refused."""
    mine, theirs = local.interface.mtu, remote.interface.mtu
    if mine is None or theirs is None or mine == theirs:
        return True
    return (remote if mine > theirs else local).settings.mtu_ignore


def _elect(ports: list[Port]) -> tuple[Port, ...]:
    """DR and backup among routers that start together (RFC 2328 9.4): highest priority, then router id; 0 never."""
    able = [port for port in ports if port.settings.priority > 0]
    ranked = sorted(able, key=lambda port: (port.settings.priority, port.process.router_id), reverse=True)
    return tuple(ranked[:2])


# ------------------------------------------------------------------------------------------------ LSAs


def describe(talked: Talk, process: Process) -> Iterator[NodeLsa]:
    """The router LSA of a process for each of its areas, and the network LSAs it is DR for (RFC 2328 12.4.1-2)."""
    ports = talked.ports[process.key]
    for area in sorted({port.area for port in ports}):
        here = [port for port in ports if port.area == area]
        links = tuple(link for port in here for link in _links(talked, port))
        stubs = tuple(stub for port in here for stub in _stubs(talked, port))
        yield NodeLsa(area=area, node=process.node, links=links, stubs=stubs, transit=process.carries)
        for port in here:
            node = talked.lans.get((port.ref, process.config.version))
            if node is not None and node[1] == process.router_id:
                yield _network_lsa(talked, port, node)


def _links(talked: Talk, port: Port) -> Iterator[Link]:
    lan = talked.lans.get((port.ref, port.process.config.version))
    if lan is not None:
        yield Link(node=lan, cost=port.link_cost)
    elif port.medium == POINT_TO_POINT:
        for bond in talked.bonds_of(port):
            yield Link(node=bond.remote.process.node, cost=port.link_cost)


def _stubs(talked: Talk, port: Port) -> Iterator[Stub]:
    """Prefixes that hang on the router itself: all but those that hang on the network LSA of its LAN. A loopback's
    OSPFv2 host is a /32 whatever its mask (RFC 2328 12.4.1.1).
    """
    version = port.process.config.version
    if port.settings.prefix_suppression:
        return
    shared = () if (port.ref, version) not in talked.lans else port.addresses[:1] if version == 2 else port.addresses
    for address, prefix in port.addresses:
        if (address, prefix) not in shared:
            narrow = port.medium == LOOPBACK and version == 2
            yield Stub(prefix=address.host_prefix if narrow else prefix, cost=port.cost)


def _network_lsa(talked: Talk, port: Port, node: Node) -> NodeLsa:
    """All routers Full with the DR, and the LAN's prefix; in OSPFv3 everybody's prefixes (link LSAs, RFC 5340 4.4.3.8)."""
    members = [port, *(bond.remote for bond in talked.bonds_of(port))]
    if port.process.config.version == 2:
        prefixes = [port.addresses[0][1]]
    else:
        prefixes = sorted({prefix for member in members for _address, prefix in member.addresses})
    return NodeLsa(
        area=port.area,
        node=node,
        links=tuple(Link(node=member.process.node, cost=0) for member in members),
        stubs=tuple(Stub(prefix=prefix, cost=0) for prefix in prefixes),
    )
