"""The lab's limits, measured on this machine: `python benchmarks/lab.py [ROUTERS]` (as root; see docs/lab.md).

* ``examples/october`` from nothing until every probe is good: under 15 s
* 100 FRR routers (IS-IS, iBGP, two route reflectors, 400 routes each) up and converged: under 25 s
* their routing tables read: under 2 s
* torn down: under 5 s, with not one namespace, process, file or socket left (counted before and after)

Exits 1 when a limit is missed. A machine that does other things meanwhile is slower: the load average is printed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.lab.small_networks import Net, internal, isis_ring, mesh, start_bgp  # noqa: E402

from backstay.lab import record  # noqa: E402
from backstay.lab.build import up  # noqa: E402
from backstay.lab.namespace import named  # noqa: E402
from backstay.lab.readout import tables  # noqa: E402
from backstay.lab.stillness import settle  # noqa: E402
from backstay.lab.teardown import down  # noqa: E402
from backstay.lab.timeline import Timeline  # noqa: E402
from backstay.lab.watch import Watch  # noqa: E402
from backstay.read.folder import load  # noqa: E402

OCTOBER, UP, READ, DOWN = 15.0, 25.0, 2.0, 5.0
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
    """What a lab can leave on a machine."""
    processes = [entry.name for entry in os.scandir("/proc") if entry.name.isdigit()]
    names = []
    for number in processes:
        try:
            names.append(Path(f"/proc/{number}/comm").read_text().strip())
        except OSError:
            continue
    frr = {"zebra", "isisd", "ospfd", "ospf6d", "bgpd", "staticd", "bird", "knotd", "sshd"}
    run = record.root()
    return {
        "namespaces": len(named("backstay.bench")),
        "daemons": sum(name in frr for name in names),
        "files": sum(1 for folder in run.glob("bench*") for _ in folder.rglob("*")) if run.is_dir() else 0,
        "sockets": sum("/bench" in line for line in Path("/proc/net/unix").read_text().splitlines()),
    }


def timed(work: Callable[[], object]) -> tuple[float, object]:
    begun = time.monotonic()
    answer = work()
    return time.monotonic() - begun, answer


def october() -> float:
    """Seconds from nothing until names resolve, routes are heard, ssh and services answer, all of them."""
    network = load(ROOT / "examples" / "october")
    begun = time.time()
    kept = up(network, identity="bench-october", bound=True)
    try:
        with Watch(kept, record.content(kept), Timeline(network="october"), begun) as watch:
            while not watch.all_good() and watch.now() < PATIENCE:
                time.sleep(0.05)
            return watch.now()
    finally:
        down(kept)


def large(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        network = load(reflected(count).write(Path(folder) / "large"))
    before = inventory()
    took: dict[str, float] = {}
    begun = time.monotonic()
    kept = up(network, identity="bench-large", servers=False, bound=True)
    try:
        content = record.content(kept)
        took[f"{count} routers started"] = time.monotonic() - begun
        waiting = settle(kept, content)
        took[f"{count} routers up and converged"] = time.monotonic() - begun
        took[f"routes of {count} routers"], state = timed(lambda: tables(kept, content))
        routes = state.routes.values()  # type: ignore[attr-defined]
        fewest = min(len(table) for vrfs in routes for table in vrfs.values())
        print(f"  every router has {fewest} routes or more; not up: {waiting[:2] or 'nothing'}")
    finally:
        took[f"teardown of {count} routers"], _ = timed(lambda: down(kept))
    after = inventory()
    left = {name: after[name] - before[name] for name in after if name != "daemons" and after[name] > before[name]}
    print(f"  left behind: {left or 'nothing'} (before {before}, after {after})")
    took["things left behind"] = float(sum(left.values()))
    return took


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    took = {"october, from nothing to every probe good": october(), **large(count)}
    limits = {
        "october, from nothing to every probe good": OCTOBER,
        f"{count} routers up and converged": UP,
        f"routes of {count} routers": READ,
        f"teardown of {count} routers": DOWN,
        "things left behind": 0.0,
    }
    missed = 0
    for name, value in took.items():
        limit = limits.get(name)
        fine = limit is None or value <= limit
        missed += not fine
        print(f"  {value:7.2f}  {name}" + ("" if limit is None else f"  (limit {limit:g}{'' if fine else ': MISSED'})"))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
