"""What a lab needs of this machine, looked at before anything is started; what is missing is named in one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from backstay.lab import neighbor_table
from backstay.lab.design import DNS, NEIGHBOR, ROUTER, Design
from backstay.lab.frr import BINARIES, daemons
from backstay.model.errors import EnvironmentError_, Unproven
from backstay.model.network import Network
from backstay.model.source import Remark

PACKAGES = {
    "ip": "iproute2",
    "vtysh": "frr",
    "bird": "bird2",
    "knotd": "knot",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
}
MEMORY_OF_ROUTER_MB = 32
"""Measured: 26 to 30 MB of proportional memory for zebra, isisd and bgpd of one router."""
MOST_ROUTERS = 300
"""Measured: 300 routers take 205 s to converge on two cores; beyond, IS-IS flooding grows worse than the square."""


def missing(network: Network, plan: Design) -> str:
    """The first things this machine lacks for the lab, as one line; "" when it has all."""
    return "; ".join(_missing(network, plan))


def _missing(network: Network, plan: Design) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "a lab needs root: it makes network namespaces (run it with sudo)"
    wanted = ["ip", "vtysh"]
    wanted += ["bird"] if plan.of_kind(NEIGHBOR) or plan.of_kind(DNS) else []
    wanted += ["knotd"] if plan.of_kind(DNS) else []
    wanted += ["sshd", "ssh-keygen"] if network.access_paths else []
    absent = {PACKAGES[name] for name in wanted if not program(name)}
    needed = {daemon for router in network.routers.values() for daemon in daemons(router)}
    absent |= {"frr" for daemon in needed if not (BINARIES / daemon).exists()}
    if absent:
        yield f"these Debian packages are missing: apt-get install -y {' '.join(sorted(absent))}"


def program(name: str) -> str | None:
    """The program's path; the system folders are looked at even where PATH lacks them."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")


@lru_cache(maxsize=1)
def frr_version() -> str:
    """The version of this machine's FRR (``8.4.4``); "" where it does not say."""
    try:
        done = subprocess.run([BINARIES / "zebra", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    found = re.search(r"version (\d[\w.]*)", done.stdout)
    return found.group(1) if found else ""


def other_versions(network: Network, here: str) -> tuple[Remark, ...]:
    """Routers whose configuration is of another release than this machine's FRR: what they do may be something else."""
    return tuple(
        Remark("lab-version", f"{router.name} runs FRR {router.version}, the lab has {here}", router.name)
        for router in network.routers.values()
        if router.version and here and _release(router.version) != _release(here)
    )


def _release(version: str) -> list[str]:
    """Major and minor: patches of one release do not change semantics."""
    return version.split(".")[:2]


def require(network: Network, plan: Design) -> None:
    """Raises `EnvironmentError_` for what is missing, `Unproven` for what this machine is too small for."""
    found = missing(network, plan)
    if found:
        raise EnvironmentError_(found)
    too_large = size(plan)
    if too_large:
        raise Unproven(too_large)


def size(plan: Design) -> str:
    """Why the lab is too large for this machine; "" when it fits."""
    routers, there = len(plan.of_kind(ROUTER)), _available_mb()
    room = min(MOST_ROUTERS, there // MEMORY_OF_ROUTER_MB)
    if routers > room:
        why = (
            f"{MEMORY_OF_ROUTER_MB} MB each, {there} MB are free" if room < MOST_ROUTERS else "more do not come to rest"
        )
        return f"too large for this machine: {routers} routers, room for {room} ({why})"
    ends = sum(len(wire.ports) for wire in plan.wires if len(wire.ports) > 1)
    return next((said for table in neighbor_table.tables() if (said := _neighbors(table, 2 * ends))), "")


def _neighbors(table: neighbor_table.Table, wanted: int) -> str:
    if table.limit is None or table.entries + wanted <= table.limit:
        return ""
    used = f", {table.entries} of them in use," if table.entries else ""
    return (
        f"the kernel's {table.name} neighbour table, shared by all namespaces, holds {table.limit} entries{used} and this lab "
        f"needs about {wanted}: sysctl -w net.ipv4.neigh.default.gc_thresh3={4 * wanted} "
        f"net.ipv6.neigh.default.gc_thresh3={4 * wanted}"
    )


def _available_mb() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) // 1024
    return 0
