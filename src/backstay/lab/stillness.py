"""Knowing that a lab has converged: heard, not slept for.

The kernel tells every change of a forwarding table over netlink as it happens; bgpd's table version tells changes of BGP that
move no packet; sessions, adjacencies and health checks tell whether something is still on its way. Still means: nothing of
this changed for a while, a longer while where something that could come up has not.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backstay.lab import interior
from backstay.lab.design import ROUTER
from backstay.lab.frr import CALM, daemons
from backstay.lab.namespace import inside
from backstay.lab.neighbor_table import overflows
from backstay.lab.record import Content, Record, alive
from backstay.lab.vty import Vty
from backstay.model.errors import Unproven

QUIET = 2.0
"""Seconds without a change, when everything that can come up is up: longer than IS-IS takes to make a new LSP (1 s)."""
QUIET_OF_LANS = 7.5
"""The same where IS-IS elects a designated router: FRR does it 6 s after the circuit is up, two of
its default hellos."""
QUIET_OF_BORDERS = 6.5
"""The same where OSPF has several areas: FRR's border routers look at summaries and translations every 5 s."""
HOPE = 7.0
"""Seconds without a change, when something is not up that might be: longer than a connect timer, OSPF's wait, a hold time."""
PATIENCE = 180.0
ROUTE_GROUPS = 0x40 | 0x400
"""rtnetlink(7): RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE."""
NEXT_HOP_GROUP, ADD_MEMBERSHIP, SOL_NETLINK = 32, 1, 270
BUFFER = 1 << 20


class Ears:
    """A netlink socket in every router's namespace. ``changes`` counts what was heard, by node."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self.changes = dict.fromkeys(namespaces, 0)
        self._sockets: dict[str, socket.socket] = {}
        for node, name in namespaces.items():
            with inside(name):
                self._sockets[node] = _ear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for made in self._sockets.values():
            made.close()

    def listen(self) -> frozenset[str]:
        """Nodes whose forwarding changed since the last time."""
        return frozenset(node for node, made in self._sockets.items() if self._drain(node, made))

    def _drain(self, node: str, made: socket.socket) -> bool:
        before = self.changes[node]
        while True:
            try:
                heard = made.recv(BUFFER)
            except BlockingIOError:
                return self.changes[node] != before
            except OSError:  # ENOBUFS: more happened than the socket holds
                heard = b"overrun"
            self.changes[node] += bool(heard)


def _ear() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    made.bind((0, ROUTE_GROUPS))
    made.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, NEXT_HOP_GROUP)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What the daemons say of themselves at one moment: ``signature`` changes with anything; ``waiting`` names what
    is not up although it could come up.
    """

    signature: tuple[Any, ...]
    waiting: tuple[str, ...]


class Monitor:
    """Connections to every router's daemons, kept open."""

    def __init__(self, record: Record, content: Content) -> None:
        self.folder = record.folder
        self.content = content
        self._open: dict[tuple[str, str], Vty] = {}
        self._expected = {node.name: _circuits(content, node.subject) for node in content.design.of_kind(ROUTER)}
        self.agent = record.agent
        self._seen: dict[tuple[str, str], list[interior.Seen]] = {}
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}
        self._holders = _holders(content)
        slow = ((QUIET_OF_LANS, _has_lans(content)), (QUIET_OF_BORDERS, _has_borders(content)), (QUIET, True))
        self.quiet = max(seconds for seconds, there in slow if there)
        self._far = _far_ends(content)
        self._daemons: list[int] | None = None
        self.down: list[tuple[str, str]] = []
        """(node, peer) of the BGP sessions that might be up and were not at the last pulse."""

    def waits(self) -> dict[int, int]:
        """How long each daemon has waited for a processor, in nanoseconds since it started (/proc/PID/schedstat)."""
        if self._daemons is None:
            found = (path.read_text().strip() for node in self._expected for path in (self.folder / node).glob("*.pid"))
            self._daemons = [int(text) for text in found if text.isdigit()]
        return {number: _waited(number) for number in self._daemons}

    def starved(self, before: Mapping[int, int]) -> float:
        """Seconds the daemon that had to wait longest for a processor has waited since."""
        return max((now - before.get(number, now) for number, now in self.waits().items()), default=0) / 1e9

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()

    def _vty(self, node: str, daemon: str) -> Vty:
        key = (node, daemon)
        if key not in self._open:
            self._open[key] = Vty(self.folder / node / f"{daemon}.vty")
        return self._open[key]

    def text(self, node: str, daemon: str, command: str) -> str:
        return self._vty(node, daemon).ask(command)

    def pulse(self) -> Pulse:
        """Ask everybody. Raises `Unproven` when a daemon is gone."""
        signature: list[Any] = []
        waiting: list[str] = []
        self.down = []
        for node in self.content.design.of_kind(ROUTER):
            running = daemons(self.content.network.routers[node.subject])
            if "bgpd" in running:
                self._bgp(node.name, signature, waiting)
            self._interior(node.name, running, signature, waiting)
        self._health(signature, waiting)
        return Pulse(signature=tuple(signature), waiting=tuple(waiting))

    def _bgp(self, node: str, signature: list[Any], waiting: list[str]) -> None:
        for vrf, families in self._vty(node, "bgpd").json("show bgp vrf all summary json").items():
            for family, found in families.items() if isinstance(families, dict) else ():
                if not isinstance(found, dict) or "peers" not in found:
                    continue
                signature.append((node, vrf, family, found.get("tableVersion")))
                for peer, state in found["peers"].items():
                    told = (peer, state.get("state"), state.get("pfxRcd"), state.get("pfxSnt"))
                    signature.append((*told, state.get("outq"), state.get("inq")))
                    if peer in self._holders:
                        both = (f"{node} {family}", f"{self._holders[peer]} {family}")
                        self._counts[both] = (state.get("pfxRcd") or 0, state.get("pfxSnt") or 0)
                    if state.get("state") not in {"Established", "Idle (Admin)", "Idle (PfxCt)"}:
                        waiting.append(f"{node}: BGP with {peer} is {state.get('state')}")
                        self.down.append((node, peer))

    def nudge(self) -> bool:
        """Have sessions that are down tried again at once; whether there are any. FRR waits twice as long after each failure, up
        to a minute (bgp_fsm.c, ``v_start``), and many fail while a lab starts: the address of the other end is not yet known.
        """
        for node, peer in dict.fromkeys(self.down):
            self.text(node, "bgpd", f"clear bgp {peer}")
        return bool(self.down)

    def _interior(self, node: str, running: tuple[str, ...], signature: list[Any], waiting: list[str]) -> None:
        for daemon in interior.DAEMONS:
            if daemon not in running:
                continue
            seen = interior.neighbors(daemon, lambda command, d=daemon: self.text(node, d, command))  # type: ignore[misc]
            self._seen[node, daemon] = seen
            signature.append((node, daemon, tuple((item.interface, item.scopes, item.state) for item in seen)))
            near = sum(interior.adjacent(item.state) for item in seen)
            wanted = self._expected[node].get(daemon, 0)
            lonely = {item.interface for item in seen} - {item.interface for item in seen if item.full}
            if near < wanted or near < len(seen) or lonely:
                waiting.append(f"{node}: {daemon} has {near} of {wanted} adjacencies")

    def out_of_step(self) -> str:
        """Two neighbours that do not yet know the same: unlike link-state databases, or routes one has sent and the other
        has none of; "" when all are in step.
        """
        for (router, remote), (received, _) in self._counts.items():
            sent = self._counts.get((remote, router), (0, 0))[1]
            if sent and not received:
                return f"{router}: nothing came of the {sent} routes that {remote} sends"
        held: dict[tuple[str, str], dict[str, frozenset[tuple[str, ...]]]] = {}
        for (node, daemon), seen in self._seen.items():
            for item in seen:
                for other in self._across(node, daemon, item) if item.full else ():
                    one, two = (self._database(held, name, daemon) for name in (node, other))
                    for scope in item.scopes:
                        if one.get(scope) != two.get(scope):
                            return f"{node} and {other}: {daemon}'s databases differ in {scope}"
        return ""

    def _database(self, held: dict[tuple[str, str], Any], node: str, daemon: str) -> dict[str, Any]:
        if (node, daemon) not in held:
            held[node, daemon] = interior.databases(daemon, lambda command: self.text(node, daemon, command))
        found: dict[str, Any] = held[node, daemon]
        return found

    def _across(self, node: str, daemon: str, item: interior.Seen) -> list[str]:
        """Nodes on the same link that are neighbours in the same scope."""
        others = self._far.get((node, item.interface), ())
        return [
            name
            for name, interface in others
            if any(
                s.interface == interface and s.full and s.scopes == item.scopes
                for s in self._seen.get((name, daemon), ())
            )
        ]

    def _health(self, signature: list[Any], waiting: list[str]) -> None:
        if self.agent == (0, 0):
            return
        if not alive(self.agent):
            raise Unproven("the lab's own servers died: " + _last_line(self.folder / "agent.log"))
        path = self.folder / "health.json"
        if not path.exists():
            waiting.append("health checks have not begun")
            return
        for site, found in json.loads(path.read_text()).items():
            signature.append((site, found["announced"], tuple(found["reached"])))
            if not found["settled"]:
                waiting.append(f"{site}: its health is not known yet")


def _waited(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def _holders(content: Content) -> dict[str, str]:
    """The node that has each address, where one has it."""
    return {
        str(item.address): node.name
        for node in content.design.of_kind(ROUTER)
        for interface in content.network.routers[node.subject].interfaces.values()
        for item in interface.addresses
    }


def _has_lans(content: Content) -> bool:
    """Whether IS-IS runs on a segment it is not told to be point-to-point."""
    settings = (
        content.network.routers[end.router].interfaces[end.interface].isis
        for link in content.network.links.values()
        for end in link.ends
    )
    return any(item is not None and not item.point_to_point and not item.passive for item in settings)


def _has_borders(content: Content) -> bool:
    """Whether a router has OSPF in several areas."""
    for router in content.network.routers.values():
        for word in ("ospf", "ospf6"):
            settings = (getattr(interface, word) for interface in router.interfaces.values())
            if len({item.area for item in settings if item is not None}) > 1:
                return True
    return False


def _far_ends(content: Content) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """(node, interface) -> the other (node, interface) on its link."""
    nodes = {node.subject: node.name for node in content.design.of_kind(ROUTER)}
    return {
        (nodes[end.router], end.interface): tuple(
            (nodes[other.router], other.interface) for other in link.ends if other != end and other.router in nodes
        )
        for link in content.network.links.values()
        for end in link.ends
        if end.router in nodes
    }


def _circuits(content: Content, router: str) -> dict[str, int]:
    """How many neighbours each interior daemon should find: both ends of a link run the protocol."""
    found: dict[str, int] = {}
    network = content.network
    for link in network.links.values():
        for end in link.ends:
            if end.router != router:
                continue
            for other in link.ends:
                if other != end and other.router not in content.overlay.routers_down:
                    _count(content, end, other, found)
    return found


def _count(content: Content, end: Any, other: Any, found: dict[str, int]) -> None:
    routers = content.network.routers
    mine, theirs = (routers[ref.router].interfaces.get(ref.interface) for ref in (end, other))
    for daemon, word in (("isisd", "isis"), ("ospfd", "ospf"), ("ospf6d", "ospf6")):
        pair = [getattr(interface, word) if interface else None for interface in (mine, theirs)]
        if all(settings is not None and not settings.passive for settings in pair):
            found[daemon] = found.get(daemon, 0) + 1


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text().strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "no message"


def settle(
    record: Record,
    content: Content,
    *,
    patience: float = PATIENCE,
    tell: Callable[[str], None] = lambda _: None,
    ears: Ears | None = None,
) -> tuple[str, ...]:
    """Wait until the lab stands still; what did not come up although it could have. Raises `Unproven` when it does not
    come to rest within ``patience`` seconds, or a daemon dies.
    """
    monitor = Monitor(record, content)
    try:
        if ears is not None:
            waiting = _wait(ears, monitor, patience, tell)
        else:
            with Ears(router_namespaces(record, content)) as made:
                waiting = _wait(made, monitor, patience, tell)
    finally:
        monitor.close()
    if overflows() > record.overflows:
        raise Unproven(
            "the kernel's neighbour table was full while the lab ran, so its routers are not the network's: raise "
            "net.ipv4.neigh.default.gc_thresh3 and net.ipv6.neigh.default.gc_thresh3"
        )
    return waiting


def router_namespaces(record: Record, content: Content) -> dict[str, str]:
    return {node.name: record.namespaces[node.name] for node in content.design.of_kind(ROUTER)}


def _wait(ears: Ears, monitor: Monitor, patience: float, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Time in which a daemon was ready to work and had no processor does not count as still: on a busy machine nothing moves
    because nothing can.
    """
    begun = last = time.monotonic()
    before: tuple[Any, ...] | None = None
    waits: Mapping[int, int] = {}
    nudged = False
    moving: Iterable[str] = ()
    scale = 2.0 if len(ears.changes) >= CALM else 1.0
    while time.monotonic() - begun < patience:
        time.sleep(0.1)
        heard = ears.listen()
        if heard:
            last, moving, waits = time.monotonic(), heard, monitor.waits()
        if time.monotonic() - last < QUIET / 2:
            continue
        pulse = monitor.pulse()
        if pulse.signature != before:
            last, before = (time.monotonic() if before is not None else last), pulse.signature
            waits = monitor.waits()
            tell(f"settling: {pulse.waiting[0]}" if pulse.waiting else "settling")
            continue
        still = time.monotonic() - last - monitor.starved(waits)
        if still < monitor.quiet:
            continue
        apart = monitor.out_of_step()
        waiting = (*pulse.waiting, *((apart,) if apart else ()))
        if waiting and not nudged and still >= HOPE * scale / 2:
            nudged = True
            last = time.monotonic() if monitor.nudge() else last
            continue
        if not waiting or still >= HOPE * scale:
            return waiting
        tell(f"settling: {waiting[0]}")
    names = ", ".join(sorted(moving)[:5]) or "sessions"
    raise Unproven(f"the lab did not come to rest in {patience:.0f} s; still changing: {names}")
