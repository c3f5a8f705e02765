"""Whole-process time and peak memory of `backstay audit`, on networks from 22 to 852 routers.

    python benchmarks/audit.py [--only NAME] [--engine NAME[,NAME] ...] [--output FILE]

The engines are those that the network's own file is made to require. Exits 1 when both engines together miss a limit.

Every figure is one fresh process, start-up and reading included, as a CI job pays it: *cold* with an empty cache, *warm* a
second audit of the unchanged network. Each audit sweeps all single failures before and after the change. Memory is the
largest process (engines run in processes of their own). Prints a Markdown table and writes it to a page.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import backstay

ROOT = Path(__file__).resolve().parents[1]
BACKSTAY = Path(sys.executable).with_name("backstay")
PAGE = ROOT / "docs" / "benchmarks-audit.md"
OCTOBER = ROOT / "examples" / "october"
GENERATED = ("backbone/north_america", "backbone/europe")
EXAMPLES = ("assess-capacity", "drain-one-router")
BOTH = "fast,referee"
LIMITS = {"october (sndlib/geant)": 3.0, "backbone/north_america": 20.0, "backbone/europe": 90.0}
"""Seconds by the clock for a cold audit with both engines on two processors."""
MEMORY = 3072
"""Megabytes that no process of it may hold."""

HEAD = """# What an audit costs

Whole processes, start-up and reading included; the change of a generated network drains one router. *Cold*: nothing
cached. *Warm*: a second audit of the unchanged network. CPU counts every process of the audit; memory is that of the largest.
Made by `benchmarks/audit.py`; take ratios from one table, not across machines. The load average before the first run says how
busy the machine was with other things: above the number of processors, CPU time is what to read. *Limit*: seconds that a cold
audit with both engines may take by the clock on two processors; 3 GB of memory for all.

"""
COLUMNS = (
    "| network | routers | links | change | engines | cold: wall s | limit | CPU s | peak MB | warm: wall s | CPU s | exit |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of wall clock and CPU (children included), megabytes of the largest process, the exit code."""

    wall: float
    cpu: float
    megabytes: float
    code: int


@dataclass(frozen=True, slots=True)
class Case:
    """A network folder and a change to it."""

    name: str
    network: Path
    change: Path


def measure(command: list[str], cache: Path) -> Run:
    """One process from start to end, by `wait4`."""
    start = time.monotonic()
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def cases(only: list[str] | None, folder: Path) -> Iterator[Case]:
    """The example's two changes, then the generated networks, made in ``folder``."""
    for name in EXAMPLES:
        if not only or "october" in only:
            network = folder / "october"
            shutil.copytree(OCTOBER, network, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".backstay"))
            yield Case("october (sndlib/geant)", network, network / "changes" / f"{name}.yaml")
    for topology in GENERATED:
        if not only or topology in only:
            network = folder / topology.replace("/", "-")
            command = [str(BACKSTAY), "new", "--topology", topology, "--output", str(network)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            yield Case(topology, network, drain(network))


def drain(network: Path) -> Path:
    """A change file that drains one router that is no data centre, DNS site, reflector or operators' site."""
    loaded = backstay.load(network)
    special = {router for site in loaded.sites.values() if site.role != "pop" for router in site.routers}
    special |= {item.router for neighbor in loaded.neighbors.values() for item in neighbor.attachments}
    plain = [name for name in loaded.routers if name not in special]
    router = loaded.routers[(plain or sorted(loaded.routers))[0]]
    tag = router.isis[0].tag
    path = network / "changes" / "drain.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"change: Drain {router.name}\nintent: drain\nscope: {{routers: [{router.name}]}}\nsteps:\n"
        f"  - on: {router.name}\n    config: |\n      router isis {tag}\n       set-overload-bit\n"
        f"rollback:\n  - on: {router.name}\n    config: |\n      router isis {tag}\n       no set-overload-bit\n",
        encoding="utf-8",
    )
    return path


def require(network: Path, engines: str) -> None:
    """Make the network's file require these engines and no other."""
    file = network / "backstay.yaml"
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("engines:")]
    file.write_text("\n".join([*lines, f"engines: [{engines}]", ""]), encoding="utf-8")


def row(case: Case, engines: str, folder: Path) -> tuple[str, bool]:
    """One line of the table, and whether what it shows is within the limits."""
    require(case.network, engines)
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        log = str(Path(cache) / "log.sqlite")
        command = [str(BACKSTAY), "audit", str(case.network), str(case.change), "--format", "json", "--log", log]
        cold, warm = measure(command, Path(cache)), measure(command, Path(cache))
    loaded = backstay.load(case.network)
    limit = LIMITS.get(case.name) if engines == BOTH else None
    within = limit is None or (cold.wall <= limit and cold.megabytes <= MEMORY)
    said = "" if limit is None else f"{limit:g}{'' if within else ' MISSED'}"
    line = (
        f"| {case.name} | {len(loaded.routers)} | {len(loaded.links)} | {case.change.stem} | {engines} "
        f"| {cold.wall:.2f} | {said} | {cold.cpu:.2f} | {cold.megabytes:.0f} "
        f"| {warm.wall:.2f} | {warm.cpu:.2f} | {cold.code} |"
    )
    return line, within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="october or a topology's key")
    parser.add_argument(
        "--engine", action="append", metavar="NAMES", help=f"engines of an audit (default: fast, then {BOTH})"
    )
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write")
    arguments = parser.parse_args()
    lines, quiet = [COLUMNS], machine()
    reached = True
    print(COLUMNS, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(arguments.only, Path(folder)):
            for engines in arguments.engine or ["fast", BOTH]:
                line, within = row(case, engines, Path(folder))
                reached &= within
                lines.append(line)
                print(line, flush=True)
                arguments.output.write_text(HEAD + quiet + "\n".join(lines) + "\n", encoding="utf-8")
    return 0 if reached else 1


def machine() -> str:
    """Processors and how busy they are now."""
    busy = os.getloadavg()[0]
    return (
        f"{len(os.sched_getaffinity(0))} processors ({platform.machine()}), Python {platform.python_version()}, "
        f"load average {busy:.1f}.\n\n"
    )


if __name__ == "__main__":
    sys.exit(main())
