"""FRR routers of a lab: which daemons one needs, what they are given, and how they are started.

A router's own configuration is loaded as it is, by ``vtysh -b`` as Debian's start scripts do. The lab's timers stand around
it, as lines that a reader can see in the same file: they make a laboratory quick and change no route.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backstay.lab.namespace import inside
from backstay.model.address import Address
from backstay.model.errors import ConfigError, EnvironmentError_
from backstay.model.network import Interface, InterfaceRef, Network, Router
from backstay.model.source import Place

BINARIES = Path("/usr/lib/frr")
USER = "frr"
CRASH_LOGS = Path("/var/tmp/frr")
"""Where every daemon keeps a folder of its last words, called by the process that started it; those of killed ones stay."""
CALM = 40
"""From this many routers on, keepalives are slower: a busy machine must not lose sessions by being late."""
BEFORE = "! ---- the lab's timers, before the router's own configuration"
OWN = "! ---- the router's own configuration"
AFTER = "! ---- the lab's timers, after it"
_REFUSED = re.compile(r"^line (\d+): (.*)$", re.MULTILINE)
_CUMULUS = re.compile(r"^(#\s*)?(frr version|frr defaults)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What one router is started with: daemons in starting order and the text of ``frr.conf``. ``offset`` lines stand
    before the router's own first line; ``files`` are its sources with their number of lines.
    """

    router: str
    daemons: tuple[str, ...]
    text: str
    offset: int
    files: tuple[tuple[str, int], ...]

    def place(self, line: int) -> Place | None:
        """Where a line of ``frr.conf`` comes from; None: it is the lab's own."""
        number = line - self.offset
        for path, length in self.files:
            if 0 < number <= length:
                return Place(path, number)
            number -= length
        return None


def daemons(router: Router) -> tuple[str, ...]:
    """The daemons a router's configuration needs, in starting order."""
    wanted = {
        "zebra": True,
        "staticd": bool(router.static_routes),
        "isisd": bool(router.isis),
        "ospfd": bool(router.ospf),
        "ospf6d": bool(router.ospf6),
        "bgpd": bool(router.bgp),
    }
    return tuple(name for name, needed in wanted.items() if needed)


def boot(network: Network, router: Router, *, timers: bool = True, also: tuple[str, ...] = ()) -> Boot:
    """How a router of the network is started; ``also``: daemons that a change will need.

    The profile (``frr defaults``) is repeated before the first timers: a BGP process takes its defaults when it is made.
    """
    calm = len(network.routers) >= CALM
    texts = [_frr_part(source.text) for source in router.sources]
    defaults = [line for text in texts for line in text.splitlines() if line.startswith("frr ")]
    before = [BEFORE, *defaults, *_before(network, router, calm=calm)] if timers else []
    own = "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)
    after = [AFTER, *_after(network, router, calm=calm)] if timers else []
    head = "".join(f"{line}\n" for line in [*before, OWN])
    needed = daemons(router)
    return Boot(
        router=router.name,
        daemons=(*needed, *(name for name in also if name not in needed)),
        text=head + own + "".join(f"{line}\n" for line in after),
        offset=head.count("\n"),
        files=tuple((s.path, len(t.splitlines())) for s, t in zip(router.sources, texts, strict=True)),
    )


def _frr_part(text: str) -> str:
    """The FRR lines of a file; those of another program before them (Cumulus) become blank, so that numbers stay.
    ``end`` and ``exit`` at the outer level would end a file read by ``vtysh -b``.
    """
    found = _CUMULUS.search(text)
    skipped = text[: found.start()].count("\n") if found and "iface " in text[: found.start()] else 0
    lines = text.splitlines()
    kept = [""] * skipped + ["!" if line.rstrip() == "end" else line for line in lines[skipped:]]
    return "".join(f"{line}\n" for line in kept)


def _before(network: Network, router: Router, *, calm: bool) -> Iterator[str]:
    """OSPF arms its wait for a designated router when the interface comes up, with the dead interval it then has. IS-IS:
    ``lsp-gen-interval`` must stand before ``net``: else the first LSP is made again only after 30 s (seen on 8.4.4).
    """
    for process in router.isis:
        yield from (f"router isis {process.tag}", " lsp-gen-interval 1", "exit")
    for speaker in router.bgp:
        yield from (f"router bgp {speaker.asn}", " coalesce-time 50", "exit")
    for interface in router.interfaces.values():
        lines = list(_ospf_timers(network, router, interface, calm=calm))
        if lines:
            yield from (f"interface {interface.name}", *lines, "exit")


def _after(network: Network, router: Router, *, calm: bool) -> Iterator[str]:
    for process in router.isis:
        yield f"router isis {process.tag}"
        yield " spf-interval 1"
        delays = (200, 500, 1000) if calm else (50, 100, 500)
        yield " spf-delay-ietf init-delay {} short-delay {} long-delay {} holddown 1000 time-to-learn 500".format(
            *delays
        )
        yield "exit"
    for ospf in router.ospf:
        instance = f" {ospf.instance}" if ospf.instance.isdigit() and ospf.instance not in {"0", "1"} else ""
        yield f"router ospf{instance}"
        yield from (
            " timers throttle spf 50 100 1000",
            " timers throttle lsa all 100",
            " timers lsa min-arrival 50",
            "exit",
        )
    for _ in router.ospf6:
        yield from ("router ospf6", " timers throttle spf 50 100 1000", " timers lsa min-arrival 50", "exit")
    for interface in router.interfaces.values():
        lines = list(_interface(network, router, interface, calm=calm))
        if lines:
            yield from (f"interface {interface.name}", *lines, "exit")
    yield from _bgp(router, calm=calm)


def _interface(network: Network, router: Router, interface: Interface, *, calm: bool) -> Iterator[str]:
    if interface.isis and not interface.isis.passive:
        yield from (f" isis hello-interval {3 if calm else 1}", " isis hello-multiplier 10")
        if not interface.isis.point_to_point:
            yield from (" isis csnp-interval 1", " isis psnp-interval 1")
    yield from _ospf_timers(network, router, interface, calm=calm)


def _ospf_timers(network: Network, router: Router, interface: Interface, *, calm: bool) -> Iterator[str]:
    for word, attribute in (("ip ospf", "ospf"), ("ipv6 ospf6", "ospf6")):
        if getattr(interface, attribute) and _agreed(network, InterfaceRef(router.name, interface.name), attribute):
            yield from (f" {word} hello-interval {2 if calm else 1}", f" {word} dead-interval {10 if calm else 4}")
            yield f" {word} retransmit-interval 1"


def _agreed(network: Network, ref: InterfaceRef, protocol: str) -> bool:
    """Whether everybody on the segment has the same hello and dead interval: only then may the lab change them, because
    OSPF forms no adjacency over different ones (RFC 2328 10.5).
    """
    link = next((link for link in network.links.values() if ref in link.ends), None)
    found = set()
    for end in link.ends if link else (ref,):
        settings = getattr(network.routers[end.router].interfaces[end.interface], protocol)
        if settings:
            found.add((settings.hello, settings.dead))
    return len(found) == 1


def _bgp(router: Router, *, calm: bool) -> Iterator[str]:
    for process in router.bgp:
        vrf = "" if process.vrf == "default" else f" vrf {process.vrf}"
        yield f"router bgp {process.asn}{vrf}"
        yield f" timers bgp {'10 30' if calm else '3 9'}"
        for neighbor in process.neighbors.values():
            peer = str(neighbor.peer) if isinstance(neighbor.peer, Address) else neighbor.peer
            yield f" neighbor {peer} timers connect 1"
            yield f" neighbor {peer} advertisement-interval 0"
        yield "exit"


def start(namespace: str, folder: Path, given: Boot) -> None:
    """Start a router's daemons in its namespace, with no configuration yet. Raises `EnvironmentError_` with a daemon's
    own words when it does not start.
    """
    (folder / "frr.conf").write_text(given.text)
    for name in ("empty.conf", "vtysh.conf"):
        (folder / name).touch()
    with inside(namespace):
        for daemon in given.daemons:
            _start_daemon(folder, daemon, given.router)


def configure(namespace: str, folder: Path, given: Boot) -> None:
    """Load the configuration into the running daemons. Raises `ConfigError` with file and line when a line is refused."""
    with inside(namespace):  # where it is found and ended should this program be killed
        done = _run("vtysh", "--vty_socket", str(folder), "--config_dir", str(folder), "-b")
    (folder / "boot.log").write_text(done.stdout + done.stderr)
    refused = _REFUSED.findall(done.stdout + done.stderr)
    if refused:
        raise ConfigError(
            f"{given.router}: FRR refuses the line: {refused[0][1].strip()}", _place(given, refused[0][0])
        )
    if done.returncode != 0:
        raise EnvironmentError_(f"{given.router}: vtysh -b failed: {(done.stderr or done.stdout).strip()[:200]}")


def _place(given: Boot, line: str) -> Place | None:
    return given.place(int(line)) or Place("lab timers", int(line))


def _start_daemon(folder: Path, daemon: str, router: str) -> None:
    done = _run(
        str(BINARIES / daemon), "-d", "-f", str(folder / "empty.conf"), "-i", str(folder / f"{daemon}.pid"),
        "--vty_socket", str(folder), "-z", str(folder / "zserv.api"), "-P", "0",
        "--log", f"file:{folder / daemon}.log", "--log-level", "warning",
    )  # fmt: skip
    if done.returncode != 0:
        raise EnvironmentError_(f"{router}: {daemon} does not start: {(done.stderr or done.stdout).strip()[:300]}")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    """In a session of its own: Ctrl-C is for the program that builds the lab, which ends what it has begun."""
    return subprocess.run(
        words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, start_new_session=True
    )
