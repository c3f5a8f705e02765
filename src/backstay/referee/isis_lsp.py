"""IS-IS, first half: adjacencies from hellos, link state PDUs, flooding (ISO 10589 7.3, 8.2, 8.4; RFC 1195, 5305, 5120)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Interface, InterfaceRef, Network, Router
from backstay.model.routing import IsisInterface, IsisProcess
from backstay.model.state import Adjacency
from backstay.model.vendor import SEMANTICS, Semantics
from backstay.referee.seams import Wiring

STANDARD = 0
IPV6 = 2
"""Multi-topology numbers, RFC 5120 7.5."""

NARROW, WIDE = "narrow", "wide"
STYLES = {"narrow": (NARROW,), "wide": (WIDE,), "transition": (NARROW, WIDE)}

Key = tuple[str, str]
"""(router, process tag)."""

Node = tuple[str, int]
"""(system id, pseudonode number): 0 is the router itself (ISO 10589 7.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speaker:
    """One IS-IS process of one router that takes part (it has a network entity title). ``levels`` lowest first; ``versions``
    are those of its interfaces, up or not (FRR isisd.c isis_area_add_circuit).
    """

    router: Router
    process: IsisProcess
    key: Key = field(init=False)
    node: Node = field(init=False)
    styles: tuple[str, ...] = field(init=False)
    levels: tuple[int, ...] = field(init=False)
    versions: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (self.router.name, self.process.tag))
        object.__setattr__(self, "node", (self.process.system_id or "", 0))
        object.__setattr__(self, "styles", STYLES[self.process.metric_style])
        object.__setattr__(self, "levels", tuple(sorted(self.process.levels)))

        mine = (interface.isis for interface in self.router.interfaces.values() if interface.vrf == self.process.vrf)
        spoken = (version for one in mine if one and one.tag == self.process.tag for version in one.versions)
        object.__setattr__(self, "versions", frozenset(spoken))

    @property
    def ipv6_topology(self) -> int:
        return IPV6 if "ipv6-unicast" in self.process.topologies else STANDARD


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circuit:
    """An interface that is up and runs IS-IS for a speaker."""

    speaker: Speaker
    ref: InterfaceRef
    interface: Interface
    settings: IsisInterface

    @property
    def levels(self) -> frozenset[int]:
        """A circuit-type that contradicts the process's type has no effect (seen on FRR 8.4.4)."""
        return self.settings.circuit & self.speaker.process.levels or self.speaker.process.levels

    @property
    def passive(self) -> bool:
        return self.settings.passive or self.interface.kind == "loopback"

    @property
    def topologies(self) -> frozenset[int]:
        """What RFC 5120 3.1 has in this circuit's hellos."""
        off = self.settings.topologies_off
        found = {STANDARD} if "standard" not in off and "ipv4-unicast" not in off else set()
        if self.speaker.ipv6_topology == IPV6 and "ipv6-unicast" not in off:
            found.add(IPV6)
        return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hop:
    """An adjacency at one level as its own end sees it: ``topologies`` are those of both ends, ``versions`` those the
    neighbour's hellos offer (TLV 129).
    """

    level: int
    local: Circuit
    remote: Circuit
    versions: frozenset[int]
    topologies: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IsReach:
    """A neighbour in an LSP: TLV 2 (narrow), 22 (wide) or 222 (another topology)."""

    topology: int
    style: str
    node: Node
    metric: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IpReach:
    """A prefix in an LSP: TLV 128/130 (narrow), 135 (wide), 236 (IPv6), 237 (IPv6 of another topology)."""

    topology: int
    style: str
    prefix: Prefix
    metric: int
    external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lsp:
    """What one node says of itself at one level; ``overload`` per topology (RFC 5120 3.2: the header's bit is that of
    the standard one). ``versions`` are the protocols supported (TLV 129).
    """

    level: int
    node: Node
    overload: frozenset[int] = frozenset()
    attached: bool = False
    versions: frozenset[int] = frozenset()
    topologies: frozenset[int] = frozenset()
    neighbors: tuple[IsReach, ...] = ()
    prefixes: tuple[IpReach, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A prefix brought in by redistribution or default origination, with its metric, at one level."""

    level: int
    prefix: Prefix
    metric: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hellos:
    """Who speaks and who hears whom. ``hops`` by (speaker key, level); ``designated`` the pseudonode of a circuit."""

    speakers: Mapping[Key, Speaker]
    circuits: Mapping[Key, tuple[Circuit, ...]]
    hops: Mapping[tuple[Key, int], tuple[Hop, ...]]
    designated: Mapping[tuple[InterfaceRef, int], Node] = field(default_factory=dict)

    @property
    def adjacencies(self) -> frozenset[Adjacency]:
        return frozenset(
            Adjacency("isis", str(hop.level), hop.local.ref, hop.remote.ref)
            for hops in self.hops.values()
            for hop in hops
        )


def greet(network: Network, wiring: Wiring) -> Hellos:
    """Every hello heard: the adjacencies that come up (ISO 10589 8.2, 8.4). Raises `Unproven` on twin system ids."""
    speakers = {speaker.key: speaker for speaker in _speakers(network, wiring)}
    circuits = {key: tuple(_circuits(speaker, wiring)) for key, speaker in speakers.items()}
    at = {circuit.ref: circuit for found in circuits.values() for circuit in found if not circuit.passive}
    hops: dict[tuple[Key, int], list[Hop]] = defaultdict(list)
    for ref in sorted(at):
        for other in wiring.across.get(ref, ()):
            if other in at:
                for hop in _meet(at[ref], at[other]):
                    hops[at[ref].speaker.key, hop.level].append(hop)
    found = {key: tuple(value) for key, value in hops.items()}
    made = Hellos(speakers=speakers, circuits=circuits, hops=found, designated=_designate(found))
    _check_lans(made)
    _check_secrets(made)
    return made


def _check_secrets(hellos: Hellos) -> None:
    """Raises `Unproven` where of two neighbours one alone signs its LSPs: seen on FRR 8.4.4, the other one takes them, signed as
    they are, and has ways to routers that have none back.
    """
    for (key, level), hops in hellos.hops.items():
        for hop in hops:
            if _secret(hellos, key, level) is None and _secret(hellos, hop.remote.speaker.key, level) is not None:
                raise Unproven(f"IS-IS: {hop.remote.ref} signs its LSPs of level {level}, {hop.local.ref} does not")


def _check_lans(hellos: Hellos) -> None:
    """Raises `Unproven` where of several neighbours on a LAN only some have the router's password: whether it reads of the
    pseudonode hangs on who is designated, which MAC addresses decide.
    """
    for (key, level), hops in hellos.hops.items():
        alike: dict[InterfaceRef, bool] = {}
        for hop in hops:
            if not hop.local.settings.point_to_point:
                same = _secret(hellos, hop.remote.speaker.key, level) == _secret(hellos, key, level)
                if alike.setdefault(hop.local.ref, same) != same:
                    raise Unproven(
                        f"IS-IS: neighbours of {hop.local.ref} on a LAN differ in their level {level} passwords"
                    )


def _speakers(network: Network, wiring: Wiring) -> Iterator[Speaker]:
    seen: dict[tuple[str, str], str] = {}
    for name in sorted(wiring.routers):
        for process in network.routers[name].isis:
            if process.system_id and process.areas:
                twin = seen.setdefault((process.system_id, process.vrf), name)
                if twin != name:
                    raise Unproven(f"IS-IS: {twin} and {name} have one system id, {process.system_id}")
                yield Speaker(router=network.routers[name], process=process)


def _circuits(speaker: Speaker, wiring: Wiring) -> Iterator[Circuit]:
    for name, interface in sorted(speaker.router.interfaces.items()):
        ref = InterfaceRef(speaker.router.name, name)
        mine = interface.isis is not None and interface.isis.tag == speaker.process.tag
        if mine and ref in wiring.up and interface.vrf == speaker.process.vrf:
            assert interface.isis is not None
            yield Circuit(speaker=speaker, ref=ref, interface=interface, settings=interface.isis)


def _meet(local: Circuit, remote: Circuit) -> Iterator[Hop]:
    """The adjacencies two circuits form: one per level both want (ISO 10589 8.2.4.2, 8.4.2)."""
    same_medium = local.settings.point_to_point == remote.settings.point_to_point
    offered = _offered(local, remote)
    if not same_medium or not offered or not _offered(remote, local) or not _hears(local, remote):
        return
    for level in sorted(local.levels & remote.levels):
        if level == 2 or set(local.speaker.process.areas) & set(remote.speaker.process.areas):
            topologies = _common(local, remote, offered)
            yield Hop(level=level, local=local, remote=remote, versions=offered, topologies=topologies)


def _common(local: Circuit, remote: Circuit, offered: frozenset[int]) -> frozenset[int]:
    """The topologies of an adjacency: those of both ends. A neighbour that runs several must offer the IP version of each
    (FRR isis_mt.c tlvs_to_adj_mt_set).
    """
    both = local.topologies & remote.topologies
    if not remote.speaker.process.topologies:
        return both
    wanted = {STANDARD: 4, IPV6: 6}
    return frozenset(topology for topology in both if wanted[topology] in offered)


def _hears(local: Circuit, remote: Circuit) -> bool:
    """The same secret in hellos (ISO 10589 7.3.15), and padded hellos that fit the other's MTU (8.2.3)."""
    mtu, other = local.interface.mtu, remote.interface.mtu
    return local.settings.password == remote.settings.password and (mtu is None or other is None or mtu == other)


def _offered(local: Circuit, remote: Circuit) -> frozenset[int]:
    """Address families that packets can be sent to the neighbour in: what its hellos offer and, for IPv4, with an address at
    our own end too, whether or not IS-IS runs for it there (FRR isis_pdu.c process_hello: v4_usable, v6_usable).
    """
    mine = any(address.address.version == 4 for address in local.interface.addresses)
    return _usable(remote) if mine else _usable(remote) - {4}


def _usable(circuit: Circuit) -> frozenset[int]:
    """Address families that hellos offer: enabled, and for IPv4 with an address to offer (TLV 132, RFC 1195 4.4).

    IPv6 needs no configured one: link-local addresses are always there (RFC 5308 3).
    """
    offered = circuit.settings.versions
    if not any(address.address.version == 4 for address in circuit.interface.addresses):
        offered -= {4}
    return frozenset(offered)


def _designate(hops: Mapping[tuple[Key, int], tuple[Hop, ...]]) -> dict[tuple[InterfaceRef, int], Node]:
    """The designated IS of each broadcast circuit (ISO 10589 8.4.5): highest priority, then highest address.

    Configurations do not tell MAC addresses; the system id stands in for them. Which one is chosen names the
    pseudonode and changes no distance.
    """
    lans: dict[tuple[InterfaceRef, int], dict[InterfaceRef, Circuit]] = defaultdict(dict)
    for (_key, level), found in hops.items():
        for hop in found:
            if not hop.local.settings.point_to_point:
                lans[hop.local.ref, level] |= {hop.local.ref: hop.local, hop.remote.ref: hop.remote}
    names = sorted({ref for ref, _level in lans})
    chosen: dict[tuple[InterfaceRef, int], Node] = {}
    for (ref, level), members in lans.items():
        _priority, system, best = max(
            (circuit.settings.priority.get(level, 64), circuit.speaker.node[0], member)
            for member, circuit in members.items()
        )
        chosen[ref, level] = (system, 1 + names.index(best))
    return chosen


def describe(hellos: Hellos, externals: Mapping[Key, tuple[External, ...]]) -> tuple[tuple[Key, Lsp], ...]:
    """Every LSP there is with its originator (ISO 10589 7.3.7-10): one per speaker and level, one per pseudonode."""
    found: list[tuple[Key, Lsp]] = []
    for key, speaker in sorted(hellos.speakers.items()):
        for level in sorted(speaker.process.levels):
            found.append((key, _own_lsp(hellos, speaker, level, externals.get(key, ()))))
            found += ((key, lsp) for lsp in _pseudonode_lsps(hellos, speaker, level))
    return tuple(found)


def _own_lsp(hellos: Hellos, speaker: Speaker, level: int, externals: tuple[External, ...]) -> Lsp:
    process, circuits = speaker.process, hellos.circuits[speaker.key]
    overloaded = process.overload is not None and process.overload.on_startup is None
    neighbors = (reach for hop in hellos.hops.get((speaker.key, level), ()) for reach in _is_reaches(hellos, hop))
    return Lsp(
        level=level,
        node=speaker.node,
        overload=frozenset({STANDARD}) if overloaded else frozenset(),
        attached=level == 1 and process.attached_send and bool(hellos.hops.get((speaker.key, 2))),
        versions=speaker.versions,
        topologies=frozenset({STANDARD, speaker.ipv6_topology}),
        neighbors=tuple(dict.fromkeys(neighbors)),
        prefixes=tuple(_ip_reaches(speaker, level, circuits, externals)),
    )


def _is_reaches(hellos: Hellos, hop: Hop) -> Iterator[IsReach]:
    """The neighbour, or on a LAN the pseudonode (ISO 10589 7.2.3), in each topology and metric style."""
    node = hellos.designated.get((hop.local.ref, hop.level), hop.remote.speaker.node)
    for topology in sorted(hop.topologies):
        for style in hop.local.speaker.styles:
            if style == WIDE or topology == STANDARD:
                metric = circuit_metric(hop.local, hop.level)
                yield IsReach(topology=topology, style=style, node=node, metric=metric)


def circuit_metric(circuit: Circuit, level: int) -> int:
    """What a circuit costs."""
    return circuit.settings.metric.get(level, _row(circuit.speaker).isis_default_metric)


def _external_metric(speaker: Speaker, item: External) -> int:
    """TLV 130 holds six bits (RFC 1195 3.2); who writes it gives TLV 135 the same (FRR isis_lsp.c lsp_build_ext_reach_ipv4)."""
    narrow = NARROW in speaker.styles and item.prefix.version == 4
    return min(item.metric, _row(speaker).isis_narrow_metric_limit) if narrow else item.metric


def _row(speaker: Speaker) -> Semantics:
    return SEMANTICS[speaker.router.vendor]


def _ip_reaches(
    speaker: Speaker, level: int, circuits: tuple[Circuit, ...], externals: tuple[External, ...]
) -> Iterator[IpReach]:
    for circuit in circuits:
        metric = circuit_metric(circuit, level)
        for address in circuit.interface.addresses:
            if address.address.version in circuit.settings.versions and not address.address.is_link_local:
                yield from _styled(speaker, address.peer or address.prefix, metric)
    for item in externals:
        if item.level == level:
            yield from _styled(speaker, item.prefix, _external_metric(speaker, item), external=True)


def _styled(speaker: Speaker, prefix: Prefix, metric: int, *, external: bool = False) -> Iterator[IpReach]:
    """IPv6 reachability has one form (RFC 5308 2), IPv4 one per metric style."""
    topology = speaker.ipv6_topology if prefix.version == 6 else STANDARD
    for style in (WIDE,) if prefix.version == 6 else speaker.styles:
        yield IpReach(topology=topology, style=style, prefix=prefix, metric=metric, external=external)


def _pseudonode_lsps(hellos: Hellos, speaker: Speaker, level: int) -> Iterator[Lsp]:
    """For each LAN this speaker is designated on: everybody on it at metric 0 (ISO 10589 7.2.3). It says no topology:
    a pseudonode belongs to all (RFC 5120 3.3).
    """
    members: dict[Node, list[Node]] = defaultdict(list)
    for hop in hellos.hops.get((speaker.key, level), ()):
        lan = hellos.designated.get((hop.local.ref, level))
        if lan and lan[0] == speaker.node[0]:
            members[lan].append(hop.remote.speaker.node)
    for lan, others in sorted(members.items()):
        reaches = (
            IsReach(topology=STANDARD, style=style, node=node, metric=0)
            for node in sorted({*others, speaker.node})
            for style in speaker.styles
        )
        yield Lsp(level=level, node=lan, neighbors=tuple(reaches))


def flood(hellos: Hellos, lsps: tuple[tuple[Key, Lsp], ...]) -> dict[tuple[Key, int], frozenset[int]]:
    """Who ends up with which LSPs, as places in ``lsps``: each speaker passes on what is new to it, round by round,
    until nobody learns anything (ISO 10589 7.3.14-15). An LSP with another password than one's own is dropped. Meanwhile
    the bits of a number stand for the places; equal databases are one object.
    """
    held = {(key, level): 0 for key, speaker in hellos.speakers.items() for level in speaker.process.levels}
    by_secret: dict[str | None, int] = defaultdict(int)
    for place, (key, lsp) in enumerate(lsps):
        held[key, lsp.level] |= 1 << place
        by_secret[_secret(hellos, key, lsp.level)] |= 1 << place
    readable = {at: by_secret[_secret(hellos, *at)] for at in held}
    near = {at: {(hop.remote.speaker.key, at[1]) for hop in hellos.hops.get(at, ())} for at in held}
    news = dict(held)
    while any(news.values()):
        heard = {at: reduce(or_, (news[other] for other in near[at]), 0) & readable[at] for at in held}
        news = {at: bits & ~held[at] for at, bits in heard.items()}
        for at, bits in news.items():
            held[at] |= bits
    places = {bits: frozenset(at for at in range(len(lsps)) if bits >> at & 1) for bits in set(held.values())}
    return {at: places[bits] for at, bits in held.items()}


def _secret(hellos: Hellos, key: Key, level: int) -> str | None:
    """The password of LSPs: the area's at level 1, the domain's at level 2 (ISO 10589 7.3.15.1)."""
    process = hellos.speakers[key].process
    return process.area_password if level == 1 else process.domain_password
