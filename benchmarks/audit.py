"""Whole-process time and peak memory of `backstay audit`, on networks from 22 to 852 routers.

    python benchmarks/audit.py [--only TOPOLOGY] [--engine NAME,...]

Every figure is one fresh process, reading included, as a CI job pays it; "again" is a second audit of the unchanged network.
The change drains one router (see `drain`). Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import backstay

TOPOLOGIES = ("sndlib/geant", "backbone/north_america", "backbone/europe")
BACKSTAY = Path(sys.executable).with_name("backstay")


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of wall clock and CPU (children included), megabytes of the largest process, the exit code."""

    wall: float
    cpu: float
    megabytes: float
    code: int


def measure(*command: str) -> Run:
    """One process from start to end, by `wait4`."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def drain(network: Path) -> Path:
    """A change file that drains one router that is no data centre, DNS site, reflector or operators' site."""

    loaded = backstay.load(network)
    special = {router for site in loaded.sites.values() if site.role != "pop" for router in site.routers}
    special |= {item.router for neighbor in loaded.neighbors.values() for item in neighbor.attachments}
    plain = [name for name in loaded.routers if name not in special]
    router = loaded.routers[(plain or sorted(loaded.routers))[0]]
    tag = router.isis[0].tag
    path = network / "drain.yaml"
    path.write_text(
        f"change: Drain {router.name}\nintent: drain\nscope: {{routers: [{router.name}]}}\nsteps:\n"
        f"  - on: {router.name}\n    config: |\n      router isis {tag}\n       set-overload-bit\n"
        f"rollback:\n  - on: {router.name}\n    config: |\n      router isis {tag}\n       no set-overload-bit\n",
        encoding="utf-8",
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="only this topology")
    parser.add_argument("--engine", default="", help="engines beside the default")
    arguments = parser.parse_args()
    print("| topology | routers | links | first: wall s | CPU s | peak MB | again: wall s | exit |")
    print("|---|---|---|---|---|---|---|---|")
    for topology in arguments.only or TOPOLOGIES:
        with tempfile.TemporaryDirectory() as folder:
            row(topology, Path(folder) / "network", arguments.engine)


def row(topology: str, network: Path, engine: str) -> None:
    subprocess.run(
        [BACKSTAY, "new", "--topology", topology, "--output", network], check=True, stdout=subprocess.DEVNULL
    )
    change = drain(network)
    command = [str(BACKSTAY), "audit", str(network), str(change), "--format", "json"]
    if engine:
        command += ["--engine", engine]
    first, again = measure(*command), measure(*command)

    loaded = backstay.load(network)
    print(
        f"| {topology} | {len(loaded.routers)} | {len(loaded.links)} | {first.wall:.2f} | {first.cpu:.2f} "
        f"| {first.megabytes:.0f} | {again.wall:.2f} | {first.code} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
