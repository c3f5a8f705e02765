"""The lab's limits, measured on this machine: `python benchmarks/lab.py [ROUTERS]` (as root; see docs/lab.md).

* ``examples/october`` from nothing until every probe is good: under 15 s
* 100 FRR routers (IS-IS, iBGP, two route reflectors, 400 routes each) up and converged: under 25 s
* their routing tables read: under 2 s
* torn down: under 5 s, with not one namespace, process, file or socket left (counted before and after)

Exits 1 when a limit is missed. A machine that does other things meanwhile is slower by the clock, so the processor time of
the lab (its daemons, what started them, this program) and the load average stand beside each number.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.lab.small_networks import Net, internal, isis_ring, mesh, start_bgp  # noqa: E402

from backstay.lab import namespace, record  # noqa: E402
from backstay.lab.build import up  # noqa: E402
from backstay.lab.frr import CRASH_LOGS  # noqa: E402
from backstay.lab.namespace import named  # noqa: E402
from backstay.lab.readout import tables  # noqa: E402
from backstay.lab.stillness import settle  # noqa: E402
from backstay.lab.teardown import down  # noqa: E402
from backstay.lab.timeline import Timeline  # noqa: E402
from backstay.lab.watch import Watch  # noqa: E402
from backstay.read.folder import load  # noqa: E402

OCTOBER, UP, READ, DOWN = 15.0, 25.0, 2.0, 5.0
OCTOBER_NAME, LEFT = "october, from nothing to every probe good", "things left behind"
Answer = TypeVar("Answer")
PATIENCE = 120.0


def reflected(count: int) -> Net:
    """Routers in a ring with as many chords, reflectors r1 and r2, every loopback and one prefix each in BGP."""
    net = isis_ring(100, count, count, six=False)
    for box in net.boxes:
        start_bgp(box, 65000, "no bgp network import-check")
        box.families[4].append(f"network 198.18.{box.number}.0/24")
    mesh(net, [1, 2])
    for reflector in (1, 2):
        for number in range(3, count + 1):
            internal(net, reflector, number, client=True, self_=False)
            internal(net, number, reflector)
    return net


def inventory() -> dict[str, int]:
    """What a lab can leave on a machine; daemons by the folder of the lab they were started with."""
    folder = f"{record.root()}/bench".encode()
    processes = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())
    run = record.root()
    return {
        "namespaces": len(named("backstay.bench")),
        "daemons": sum(folder in _command(number) for number in processes if number != os.getpid()),
        "files": sum(1 for left in run.glob("bench*") for _ in left.rglob("*")) if run.is_dir() else 0,
        "sockets": sum("/bench" in line for line in Path("/proc/net/unix").read_text().splitlines()),
        "crash logs": sum(1 for _ in CRASH_LOGS.iterdir()) if CRASH_LOGS.is_dir() else 0,
    }


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


class Clock:
    """Seconds since it was made, and the processor seconds of this program, of what it started, and of the lab's daemons."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.spent = 0.0
        self.spent = self.processor(())

    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def processor(self, namespaces: Iterable[str]) -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        daemons = (_ticks(number) for number in namespace.processes(namespaces))
        own = sum(item.ru_utime + item.ru_stime for item in used)
        return own + sum(daemons) / os.sysconf("SC_CLK_TCK") - self.spent


def _ticks(process: int) -> int:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


@dataclass(frozen=True)
class Took:
    """What one part took by the clock and of the processors (None: not asked)."""

    seconds: float
    processor: float | None = None


def october() -> Took:
    """From nothing until names resolve, routes are heard, ssh and services answer, all of them."""
    network = load(ROOT / "examples" / "october")
    clock, begun = Clock(), time.time()
    kept = up(network, identity="bench-october", bound=True)
    try:
        with Watch(kept, record.content(kept), Timeline(network="october"), begun) as watch:
            while not watch.all_good() and watch.now() < PATIENCE:
                time.sleep(0.05)
            return Took(clock.seconds(), clock.processor(kept.namespaces.values()))
    finally:
        down(kept)


def large(count: int) -> dict[str, Took]:
    with tempfile.TemporaryDirectory() as folder:
        network = load(reflected(count).write(Path(folder) / "large"))
    before = inventory()
    took: dict[str, Took] = {}
    clock = Clock()
    kept = up(network, identity="bench-large", servers=False, bound=True, tell=_progress(took, clock))
    names = tuple(kept.namespaces.values())
    try:
        content = record.content(kept)
        took["... all configured"] = Took(clock.seconds(), clock.processor(names))
        waiting = settle(kept, content)
        took[f"{count} routers up and converged"] = Took(clock.seconds(), clock.processor(names))
        state, took[f"routes of {count} routers"] = _timed(names, lambda: tables(kept, content))
        fewest = min(len(table) for vrfs in state.routes.values() for table in vrfs.values())
        print(f"  every router has {fewest} routes or more; not up: {waiting[:2] or 'nothing'}")
    finally:
        _, took[f"teardown of {count} routers"] = _timed((), lambda: down(kept))
    after = inventory()
    left = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    print(f"  left behind: {left or 'nothing'} (before {before}, after {after})")
    took[LEFT] = Took(float(sum(left.values())))
    return took


def _progress(took: dict[str, Took], clock: Clock) -> Callable[[str], None]:
    """Notes when each part of building began."""

    def tell(text: str) -> None:
        took[f"... {text}, from"] = Took(clock.seconds())

    return tell


def _timed(names: Iterable[str], work: Callable[[], Answer]) -> tuple[Answer, Took]:
    clock = Clock()
    spent = clock.processor(names)
    answer = work()
    return answer, Took(clock.seconds(), clock.processor(names) - spent)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    took = {OCTOBER_NAME: october(), **large(count)}
    limits = {
        OCTOBER_NAME: OCTOBER,
        f"{count} routers up and converged": UP,
        f"routes of {count} routers": READ,
        f"teardown of {count} routers": DOWN,
        LEFT: 0.0,
    }
    missed = 0
    print("  seconds  of a processor")
    for name, value in took.items():
        limit = limits.get(name)
        fine = limit is None or value.seconds <= limit
        missed += not fine
        spent = "" if value.processor is None else f"{value.processor:7.2f}"
        said = "" if limit is None else f"  (limit {limit:g}{'' if fine else ': MISSED'})"
        print(f"  {value.seconds:7.2f}  {spent:7}  {name}{said}")
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
