"""A running lab read back as a `State`: what the routers, the speakers and the servers say, nothing computed from
configurations.

Two things are put together from several answers. A router that keeps no Adj-RIB-In cannot tell what it received, so
``received`` of a session is what its other end says it sent. And ``learned_from`` of an advertisement follows the best
paths from router to router until one came from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from backstay.lab.design import DNS, NEIGHBOR, ROUTER, Node
from backstay.lab.frr import daemons
from backstay.lab.health import dead
from backstay.lab.heard import advertisements, exported
from backstay.lab.neighbors import Wiring, adjacencies, sessions
from backstay.lab.outcome import outcomes
from backstay.lab.record import Content, Record
from backstay.lab.requirements import frr_version, other_versions
from backstay.lab.speaker import talks
from backstay.lab.tables import Homes, attributes, best_peers, main_table
from backstay.lab.vty import Bird, vty
from backstay.lab.walk import walked
from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Adjacency, Advertisement, Route, Session, State

READERS = 64
"""Routers asked at the same time: all the work is theirs, each in a process of its own."""
BGP = frozenset({"bgp", "ibgp", "aggregate"})
ANSWERS = frozenset({"routes", "adjacencies", "sessions", "advertisements", "flows", "sites", "services", "access"})
"""Fields of a `State` the lab answers for: packets it forwards are too few to be loads, and it fails nothing by turns."""


@dataclass(slots=True)
class Reading:
    """What one router says."""

    routes: dict[Prefix, Route] = field(default_factory=dict)
    adjacencies: tuple[Adjacency, ...] = ()
    sessions: tuple[Session, ...] = ()
    best_peers: dict[Prefix, str | None] = field(default_factory=dict)


def tables(record: Record, content: Content) -> State:
    """The routing tables alone, quickly. Raises `Unproven` when a daemon does not answer."""
    nodes, homes = content.design.of_kind(ROUTER), Homes.of(content.design)
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(lambda node: _table(record, node, homes), nodes))
    _refuse_dead(record)
    routes = {node.subject: {DEFAULT_VRF: table} for node, table in zip(nodes, found, strict=True)}
    return State(engine="lab", overlay=content.overlay, routes=dict(sorted(routes.items())))


def _refuse_dead(record: Record) -> None:
    """A daemon that died takes its routes with it: what was read then is no answer (and staticd is never spoken to)."""
    died = dead(record)
    if died:
        raise Unproven(f"in lab {record.id} died: {', '.join(died[:5])}")


def _table(record: Record, node: Node, homes: Homes) -> dict[Prefix, Route]:
    with vty(record.node_folder(node.name), "zebra") as zebra:
        return main_table(zebra, homes)


def state(record: Record, content: Content, *, questions: bool = True) -> State:
    """Everything the lab can tell. ``questions`` also asks DNS, services and ssh, with real packets.

    Raises `Unproven` when a daemon does not answer; what of the network the lab could not build stands in ``unknowns``.
    """
    wiring, homes = Wiring(content), Homes.of(content.design)
    readings = {node.subject: _read(record, content, wiring, node, homes) for node in content.design.of_kind(ROUTER)}
    chains = _Chains(wiring, readings)
    told = tuple(_heard(record, content, chains))
    sent = _sent(record, content, readings)
    routes = {name: {DEFAULT_VRF: reading.routes} for name, reading in sorted(readings.items())}
    asked = outcomes(record, content, questions=questions)
    _refuse_dead(record)
    return State(
        engine="lab",
        overlay=content.overlay,
        routes=routes,
        adjacencies=frozenset(item for reading in readings.values() for item in reading.adjacencies),
        sessions=tuple(sorted(_completed(readings, sent))),
        advertisements=frozenset(told),
        flows=walked(content, routes),
        sites=asked.sites,
        services=asked.services,
        access=asked.access,
        unknowns=(*content.design.remarks, *other_versions(content.network, frr_version()), *asked.unknowns),
        answers=ANSWERS if questions else ANSWERS - {"sites", "services", "access"},
    )


def _read(record: Record, content: Content, wiring: Wiring, node: Node, homes: Homes) -> Reading:
    folder = record.node_folder(node.name)
    running = daemons(content.network.routers[node.subject])
    found = Reading()
    with vty(folder, "zebra") as zebra:
        found.routes = main_table(zebra, homes)
    if "bgpd" in running:
        with vty(folder, "bgpd") as bgpd:
            learned = [prefix for prefix, route in found.routes.items() if route.protocol in BGP]
            for prefix, told in attributes(bgpd, learned).items():
                found.routes[prefix] = replace(found.routes[prefix], attributes=told)
            found.sessions = tuple(sessions(wiring, node.subject, bgpd))
            found.best_peers = best_peers(bgpd)
    for daemon in sorted({"isisd", "ospfd", "ospf6d"} & set(running)):
        with vty(folder, daemon) as interior:
            found.adjacencies += tuple(adjacencies(wiring, node.subject, daemon, interior))
    return found


# ---------------------------------------------------------------------------------------- BGP from both ends


class _Chains:
    """Follows best paths from router to router."""

    def __init__(self, wiring: Wiring, readings: Mapping[str, Reading]) -> None:
        self._wiring, self._readings = wiring, readings
        self._known: dict[tuple[str, Prefix], str] = {}

    def learned_from(self, router: str, prefix: Prefix) -> str:
        """The external neighbour the router's best path came from; "" for a route of the network's own."""
        key = (router, prefix)
        if key not in self._known:
            self._known[key] = self._follow(router, prefix, frozenset())
        return self._known[key]

    def _follow(self, router: str, prefix: Prefix, seen: frozenset[str]) -> str:
        reading = self._readings.get(router)
        peer = reading.best_peers.get(prefix) if reading else None
        if peer is None or router in seen:
            return ""
        address = _address(peer)
        remote = self.remote(router, address) if address else peer
        if remote in self._readings:
            return self._follow(remote, prefix, seen | {router})
        return remote

    def remote(self, router: str, address: Address) -> str:
        """What the engines call the speaker with this address."""
        network = self._wiring.network
        found = [p.neighbors.get(str(address)) for p in network.routers[router].bgp]
        remote_as = next((item.remote_as for item in found if item), None)
        return self._wiring.remote(router, address, remote_as)


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except ValueError:
        return None


def _heard(record: Record, content: Content, chains: _Chains) -> Iterator[Advertisement]:
    for node in (*content.design.of_kind(NEIGHBOR), *content.design.of_kind(DNS)):
        with Bird(record.node_folder(node.name) / "bird.ctl") as bird:
            for item in advertisements(content.network, node, node.subject, bird, chains.learned_from):
                named = replace(item, neighbor=chains.remote(item.router, item.peer))
                if named.learned_from != named.neighbor:
                    yield named


Sent = Mapping[tuple[str, str], Mapping[int, int]]
"""(router, peer text) -> how many routes the other end sends, by IP version."""


def _sent(record: Record, content: Content, readings: Mapping[str, Reading]) -> Sent:
    found: dict[tuple[str, str], dict[int, int]] = {}
    for node in (*content.design.of_kind(NEIGHBOR), *content.design.of_kind(DNS)):
        sessions_of = talks(content.network, node)
        with Bird(record.node_folder(node.name) / "bird.ctl") as bird:
            counts = exported(bird, sessions_of)
        for talk in sessions_of:
            found[talk.meeting.router, str(talk.meeting.own)] = counts.get(talk.protocol, {})
    for router, reading in readings.items():
        for session in reading.sessions:
            if session.established and session.remote in readings:
                back = _reverse(readings[session.remote], router, session)
                if back is not None:
                    found[router, session.peer] = dict(back.sent)
    return found


def _reverse(reading: Reading, router: str, session: Session) -> Session | None:
    """The same session from the other side; two routers with several sessions are told apart by IP version."""
    wanted = _address(session.peer)
    back = [s for s in reading.sessions if s.remote == router and s.established]
    same = [s for s in back if (a := _address(s.peer)) and wanted and a.version == wanted.version]
    return same[0] if same else back[0] if back else None


def _completed(readings: Mapping[str, Reading], sent: Sent) -> Iterator[Session]:
    for router, reading in readings.items():
        for session in reading.sessions:
            counts = sent.get((router, session.peer), {})
            received = tuple((version, counts.get(version, 0)) for version, _ in session.accepted)
            yield replace(session, received=received if session.established else ())
