"""Building a lab, step by step, each one on disk before it is done, so that whatever happens can be torn down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from backstay.lab import dns, record, requirements, speaker
from backstay.lab.cables import cables, joints, pairs, rising
from backstay.lab.design import DNS, NEIGHBOR, ROUTER, SWITCH, Design, Node, design
from backstay.lab.frr import CRASH_LOGS, USER, Boot, boot, configure, daemons, start
from backstay.lab.namespace import batch, create, in_memory, inside, overlay_folder, prepare
from backstay.lab.neighbor_table import overflows
from backstay.lab.record import Content, Record
from backstay.lab.teardown import down
from backstay.model.address import Address
from backstay.model.errors import EnvironmentError_
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.selection import select

Progress = Callable[[str], None]

WORKERS = 16
"""Routers started, and configured, side by side: the closer together they come up, the less is flooded (measured on two
processors, 100 routers: 34 s of processor time with 4, 29 with 16, 27 with 32).
"""
SIZE = "2g"
"""Most that a lab's files may take: configurations, logs, what was heard."""
FIRST_SETTINGS = (
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/fib_multipath_hash_policy", "1"),
    ("ipv4/conf/all/ignore_routes_with_linkdown", "1"),
    ("ipv4/tcp_syn_retries", "3"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/keep_addr_on_down", "1"),
    ("ipv6/conf/default/keep_addr_on_down", "1"),
    ("ipv6/fib_multipath_hash_policy", "1"),
    ("ipv6/conf/all/ignore_routes_with_linkdown", "1"),
)
"""Kernel settings of every namespace, made before it has interfaces (``default`` works on those made later)."""

NO_LINK_LOCAL = (("ipv6/conf/default/addr_gen_mode", "1"),)
"""Outside speakers have no link-local address, so that the next hop they send is the one that is declared."""


def up(
    network: Network,
    overlay: Overlay = NOTHING,
    *,
    identity: str = "",
    source: str = "",
    timers: bool = True,
    servers: bool = True,
    bound: bool = False,
    later: Iterable[Network] = (),
    tell: Progress = lambda _: None,
) -> Record:
    """Build the lab of a network and start everything in it; it stands when this program has ended.

    ``later`` are networks a change will make of it (their daemons are started too). Without ``servers`` only routers and
    speakers stand: no DNS, services, ssh or health checks. ``bound``: the lab does not outlive this program, however
    that ends. On any failure what was begun is torn down again.
    Raises `EnvironmentError_` for what the machine lacks, `Unproven` for what no lab can be, `ConfigError` for a line
    that FRR refuses.
    """
    plan = design(network, overlay)
    requirements.require(network, plan)
    name = identity or record.free_id(network.name)
    folder = record.claim(name)
    names = {node: record.prefix(name) + node for node in plan.nodes}
    kept = Record(
        id=name, network=network.name, source=source, state=record.BUILDING, namespaces=names,
        owner=record.me(), timers=timers, bound=bound, overflows=overflows(),
    )  # fmt: skip
    try:
        in_memory(folder, SIZE)
        record.write(kept)
        record.keep(kept, Content(network=network, overlay=overlay, design=plan))
        return _Site(kept, network, plan, folder, tell).build(later, servers=servers)
    except BaseException:
        down(kept)
        raise


class _Site:
    def __init__(self, kept: Record, network: Network, plan: Design, folder: Path, tell: Progress) -> None:
        self.kept, self.network, self.plan, self.folder, self.tell = kept, network, plan, folder, tell
        self.names = dict(kept.namespaces)

    def build(self, later: Iterable[Network], *, servers: bool) -> Record:
        self.tell(f"wiring {len(self.plan.nodes)} namespaces")
        self._wire()
        for node in self.plan.nodes:
            (self.folder / node).mkdir(mode=0o755, exist_ok=True)
        kept = self.kept
        if servers:  # they wait for the network: what takes a while to start goes first
            kept = replace(kept, agent=self._start_agent())
            record.write(kept)
            self._start_names()
            self._start_ssh()
        self._start_speakers()
        self._start_routers(tuple(later))
        kept = record.risen(kept)
        record.write(kept)
        return kept

    def _wire(self) -> None:
        create(tuple(self.names.values()))
        outside = {node.name for node in self.plan.nodes.values() if node.kind != ROUTER}
        for node, name in self.names.items():
            prepare(name, (*FIRST_SETTINGS, *NO_LINK_LOCAL) if node in outside else FIRST_SETTINGS, ("lo",))
        laid = pairs(self.plan.wires)
        batch(cables(laid, self.names))
        batch(joints(laid), self.names[SWITCH])
        for node, interfaces in rising(laid).items():
            prepare(self.names[node], (), interfaces)
        for member in self.plan.nodes.values():
            if member.held:
                batch(_addresses(member), self.names[member.name])

    # ----------------------------------------------------------------------------------- routers

    def _start_routers(self, later: Sequence[Network]) -> None:
        """All daemons first, then all configurations: routers that come up within seconds of each other flood each LSP a
        few times, those that come up one by one over a minute as often as there are routers (measured, 100 routers: 34 s of
        processor time against 50).
        """
        routers = self.plan.of_kind(ROUTER)
        for node in routers:
            shutil.chown(self.folder / node.name, USER, USER)
        jobs = [(node, self._boot(node, later)) for node in routers]
        with ThreadPoolExecutor(WORKERS, initializer=self._hide_crash_logs) as pool:
            self.tell(f"starting {len(routers)} routers")
            _all_of(pool, jobs, self._start_router)
            self.tell(f"configuring {len(routers)} routers")
            _all_of(pool, jobs, self._configure_router)

    def _hide_crash_logs(self) -> None:
        """FRR's daemons leave a folder of logs each in one place for all when they are killed: here it is the lab's own."""
        own = self.folder / "crash-logs"
        own.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(own, USER, USER)
        CRASH_LOGS.mkdir(mode=0o700, parents=True, exist_ok=True)
        overlay_folder(own, CRASH_LOGS)

    def _boot(self, node: Node, later: Sequence[Network]) -> Boot:
        router = self.network.routers[node.subject]
        also = [d for n in later if node.subject in n.routers for d in daemons(n.routers[node.subject])]
        return boot(self.network, router, timers=self.kept.timers, also=tuple(dict.fromkeys(also)))

    def _start_router(self, node: Node, given: Boot) -> None:
        self._foreign_addresses(node)
        start(self.names[node.name], self.folder / node.name, given)

    def _configure_router(self, node: Node, given: Boot) -> None:
        configure(self.names[node.name], self.folder / node.name, given)

    def _foreign_addresses(self, node: Node) -> None:
        """Addresses that the router's files give outside FRR (ifupdown of a Cumulus)."""
        router = self.network.routers[node.subject]
        if router.profile is None or "cumulus" not in router.profile.lower():
            return
        lines = [
            f"addr replace {item.address}/{item.prefix.length} dev {interface.name}"
            for interface in router.interfaces.values()
            for item in interface.addresses
        ]
        batch(lines, self.names[node.name])

    # ----------------------------------------------------------------------------------- speakers

    def _start_speakers(self) -> None:
        nodes = (*self.plan.of_kind(NEIGHBOR), *self.plan.of_kind(DNS))
        ids = speaker.router_ids(nodes)
        for node in nodes:
            self._start_bird(node, ids[node.name])

    def _start_bird(self, node: Node, router_id: Address) -> None:
        folder = self.folder / node.name
        (folder / "bird.conf").write_text(speaker.configuration(self.network, node, router_id))
        self._run(
            node, "bird", "-c", str(folder / "bird.conf"), "-s", str(folder / "bird.ctl"), "-P", str(folder / "bird.pid"),
            cwd=folder,
        )  # fmt: skip

    def _run(self, node: Node, name: str, *words: str, cwd: Path | None = None) -> None:
        with inside(self.names[node.name]):
            done = subprocess.run(
                [requirements.program(name) or name, *words],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=cwd,
            )  # fmt: skip
        if done.returncode != 0:
            complaint = (done.stderr or done.stdout).strip()[:300]
            raise EnvironmentError_(f"{node.subject}: {name} does not start: {complaint}")

    # ----------------------------------------------------------------------------------- servers

    def _start_names(self) -> None:
        for node in self.plan.of_kind(DNS):
            folder = self.folder / node.name
            (folder / "zone").write_text(dns.zone(self.network))
            (folder / "knot.conf").write_text(dns.configuration(self.network, node, folder))
            self._run(node, "knotd", "-c", str(folder / "knot.conf"), "-d")

    def _start_ssh(self) -> None:
        """SSH servers on every router that an operator path inside the network ends at."""
        paths = [path for path in self.network.access_paths.values() if path.kind == "in-band"]
        targets = {router for path in paths for router in select(self.network, path.targets)}
        if not targets:
            return
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        keys = self.folder / "ssh"
        keys.mkdir(mode=0o700)
        for name in ("host", "operator"):
            _keygen(keys / name)
        shutil.copy(keys / "operator.pub", keys / "authorized")
        for node in self.plan.of_kind(ROUTER):
            if node.subject in targets:
                (self.folder / node.name / "sshd.conf").write_text(_sshd(keys, self.folder / node.name, node.subject))
                self._run(node, "sshd", "-f", str(self.folder / node.name / "sshd.conf"))

    def _start_agent(self) -> tuple[int, int]:
        """The lab's own servers, in a session of their own: they stand when this program has ended."""
        log = str(self.folder / "agent.log")
        made = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "backstay.lab.agent", self.kept.id],
            {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        return (made, record.started(made))


def _all_of(pool: ThreadPoolExecutor, jobs: Iterable[tuple[Node, Boot]], work: Callable[[Node, Boot], None]) -> None:
    """Do the work for every router; the first failure ends it, those under way are waited for."""
    tasks = [pool.submit(work, *job) for job in jobs]
    try:
        for task in tasks:
            task.result()
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise


def _addresses(node: Node) -> Iterable[str]:
    for item in node.held:
        yield (
            f"addr add {item} dev {item.interface} nodad"
            if item.address.version == 6
            else f"addr add {item} dev {item.interface}"
        )
    for gateway in node.gateways:
        yield f"route add default via {gateway}"


def _keygen(path: Path) -> None:
    done = subprocess.run(
        [requirements.program("ssh-keygen") or "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "backstay-lab", "-f", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise EnvironmentError_(f"ssh-keygen: {done.stderr.strip()}")


def _sshd(keys: Path, folder: Path, router: str) -> str:
    """An sshd that lets the lab's own key in and says the router's name, nothing else."""
    return f"""Port 22
HostKey {keys}/host
AuthorizedKeysFile {keys}/authorized
PidFile {folder}/sshd.pid
UsePAM no
UseDNS no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 500
LogLevel ERROR
ForceCommand echo {router}
"""
