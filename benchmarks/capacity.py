"""Capacity sweeps side by side with peers, in one run: agreement, times, ratios, and how the cost grows.

    make bench      (or: .venv/bin/python -m benchmarks.capacity [--short|--quick])

Writes docs/benchmarks.md and docs/benchmarks-growth.svg. ``--short`` leaves out what takes minutes and says so on the page;
``--quick`` does less still and writes nothing.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import topohub
from benchmarks.growth import Point, picture, slope
from benchmarks.peers import PEERS, Floats, Instance, Peer

from backstay.simulate.sweep import sweep
from backstay.simulate.sweep_input import Failure, LoadModel, load_model

ROOT = Path(__file__).parent.parent
PAGE, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks-growth.svg"
PYNTM = ROOT / "build" / "bench-pyntm"

AGREEMENT = 1e-9
"""Loads may differ by this share of all demand."""

PATIENCE = 8.0
"""Processor seconds that a peer gets on a topology; it computes the first failures it manages in that, at least one."""

COMPARED = ("sndlib/germany50", "backbone/north_america", "backbone/europe")
GROWING = (
    "sndlib/germany50", "backbone/south_america_nosc", "backbone/north_america", "backbone/south_america",
    "backbone/europe_nosc", "backbone/europe", "backbone/world",
)  # fmt: skip
PAIRS_UP_TO = 410
"""Nodes; all pairs of larger ones take minutes, and those of europe are among the limits."""

PYNTM_UP_TO = 100
"""Nodes; beyond, one scenario of pyNTM takes minutes."""


def instance(key: str) -> Instance:
    """A topology of topohub; a metric is the length in km, at least 1."""
    found = topohub.get(key)  # type: ignore[no-untyped-call]
    number = {node["id"]: place for place, node in enumerate(found["nodes"])}
    return Instance(
        name=key,
        nodes=len(number),
        ends=[(number[edge["source"]], number[edge["target"]]) for edge in found["edges"]],
        metrics=[max(1, round(edge["dist"])) for edge in found["edges"]],
    )


def model_of(given: Instance) -> LoadModel:
    count = len(given.ends)
    return load_model(
        [str(node) for node in range(given.nodes)],
        [str(link) for link in range(2 * count)],
        [end for pair in given.ends for end in pair],
        [end for one, other in given.ends for end in (other, one)],
        [metric for metric in given.metrics for _ in (0, 1)],
        np.full(2 * count, 1000.0),
        np.ones((given.nodes, given.nodes)),
        [Failure(kind="link", name=str(link), links=(2 * link, 2 * link + 1)) for link in range(count)],
    )


# ------------------------------------------------------------------------------------------- side by side


@dataclass(frozen=True)
class Timing:
    """``seconds`` of processor time a scenario, over so many scenarios; ``difference`` from ours, share of all demand."""

    method: str
    seconds: float
    scenarios: int
    difference: float


def side_by_side(key: str) -> list[Timing]:
    """All single link failures by us on one thread, then everybody else on the first of them."""
    given = instance(key)
    model = model_of(given)
    seconds, loads = _ours(model)
    found = [Timing("backstay", seconds, len(loads), 0.0), _full(model, given, loads)]
    found += [_peer(name, peer, given, loads) for name, peer in PEERS.items()]
    if given.nodes <= PYNTM_UP_TO:
        found.append(_pyntm(given, loads))
    for timing in found:
        if not timing.difference <= AGREEMENT:
            raise SystemExit(f"{key}: {timing.method} differs by {timing.difference:.1e} of all demand")
    return found


def _ours(model: LoadModel) -> tuple[float, Floats]:
    begin = time.process_time()
    for _ in sweep(model, threads=1):
        pass
    seconds = time.process_time() - begin
    run = sweep(model, loads=True, threads=1)
    first = next(iter(run.batches(0, min(run.count, 400)))).loads
    assert first is not None
    return seconds / run.count, first


def _full(model: LoadModel, given: Instance, loads: Floats) -> Timing:
    run = sweep(model, method="full", loads=True, threads=1)
    begin, done, difference = time.process_time(), 0, 0.0
    while done < min(run.count, len(loads)) and time.process_time() - begin < PATIENCE:
        (batch,) = run.batches(done, done + 1)
        assert batch.loads is not None
        difference = max(difference, float(np.abs(batch.loads[0] - loads[done]).max()) / given.offered)
        done += 1
    return Timing("backstay, everything computed anew", (time.process_time() - begin) / done, done, difference)


def _peer(name: str, peer: Peer, given: Instance, loads: Floats) -> Timing:
    seconds = difference = 0.0
    scenarios = 0
    while scenarios < min(len(loads), 25) and seconds < PATIENCE:
        begin = time.process_time()
        found = peer(given, (scenarios - 1,) if scenarios else ())
        took = time.process_time() - begin
        seconds += took if scenarios else 0.0  # the first imports and warms up; it counts only if it is alone
        difference = max(difference, float(np.abs(found - loads[scenarios]).max()) / given.offered)
        scenarios += 1
        if scenarios == 1 and took > PATIENCE:
            return Timing(name, took, 1, difference)
    return Timing(name, seconds / (scenarios - 1), scenarios - 1, difference)


def _pyntm(given: Instance, loads: Floats) -> Timing:
    """In an environment of its own."""
    python = PYNTM / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYNTM)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "pyNTM==5.0.0", "numpy"], check=True)
    failed: list[list[int]] = [[], [0], [1], [2], [3]]
    asked = {"nodes": given.nodes, "ends": given.ends, "metrics": given.metrics, "failed": failed}
    told = subprocess.run(
        [str(python), str(Path(__file__).with_name("peer_pyntm.py"))],
        input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(told.stdout.splitlines()[-1])
    difference = max(float(np.abs(np.array(one["loads"]) - loads[number]).max()) for number, one in enumerate(found))
    return Timing("pyNTM", float(np.mean([one["seconds"] for one in found])), len(found), difference / given.offered)


# ------------------------------------------------------------------------------------------- limits


@dataclass(frozen=True)
class Limit:
    """A thing to be done within ``allowed`` seconds on the clock; of several ``runs`` the quickest counts."""

    name: str
    allowed: float
    work: Callable[[], int]
    runs: int = 1


@dataclass(frozen=True)
class Reached:
    limit: Limit
    scenarios: int
    wall: float
    processor: float
    gigabytes: float


def limits() -> Iterator[Limit]:
    yield Limit("all single link failures of backbone/europe", 1.5, lambda: _count("backbone/europe", 1))
    yield Limit("all single link failures of backbone/world", 90, lambda: _count("backbone/world", 1))
    yield Limit(
        "all pairs of links of backbone/north_america", 3, lambda: _listed("backbone/north_america", bounds=False)
    )
    yield Limit("all pairs of links of backbone/europe", 120, lambda: _listed("backbone/europe", bounds=False))
    yield Limit(
        "pairs of backbone/europe worse than any single failure", 30, lambda: _listed("backbone/europe", bounds=True)
    )
    yield Limit(
        "pairs of backbone/north_america worse than any single failure",
        3,
        lambda: _listed("backbone/north_america", bounds=True),
    )
    yield Limit(
        "`backstay capacity` of 22 routers, a whole process from its start (quickest of 7)", 1, _command, runs=7
    )


def _command() -> int:
    """The command on the example network, its output thrown away; the scenarios it looked at."""
    words = [str(Path(sys.executable).with_name("backstay")), "capacity", str(ROOT / "examples" / "october")]
    told = subprocess.run([*words, "--format", "json"], capture_output=True, text=True, check=False)
    return int(json.loads(told.stdout)["scenarios"])


def _count(key: str, failures: int) -> int:
    return sum(batch.scenario.size for batch in sweep(MODELS[key], failures=failures))


def _listed(key: str, *, bounds: bool) -> int:
    """All pairs, or those that bounds leave; keeps the list of those worse than any single failure or losing demand."""
    model, count, found = MODELS[key], 0, [np.zeros(0, dtype=np.int64)]
    limit = max(float(batch.max_utilisation.max()) for batch in sweep(model)) * (1 + 1e-9)
    for batch in sweep(model, failures=2, limit=limit, only_limit=bounds):
        count += batch.scenario.size
        found.append(batch.scenario[(batch.max_utilisation > limit) | (batch.lost > 0)])
    np.save(_list_file(key, bounds=bounds), np.concatenate(found))
    return count


def _list_file(key: str, *, bounds: bool) -> Path:
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder / f"bench-{key.replace('/', '-')}-{'bounds' if bounds else 'all'}.npy"


def same_list(key: str) -> int:
    """How many scenarios are worse than any single failure: with bounds and by looking at every pair the same list."""
    one, other = (np.load(_list_file(key, bounds=bounds)) for bounds in (True, False))
    if one.tobytes() != other.tobytes():
        raise SystemExit(f"{key}: {one.size} scenarios with bounds, {other.size} without")
    return int(one.size)


MEASURED = {
    ("backbone/world", 1): "all single link failures of backbone/world",
    ("backbone/europe", 2): "all pairs of links of backbone/europe",
}
"""Points of the growth that the limits measure already."""

MODELS: dict[str, LoadModel] = {}


def reach(limit: Limit) -> Reached:
    """Each in a process of its own, so that its memory is its own."""
    words = [sys.executable, "-m", "benchmarks.capacity", "--reach", limit.name]
    told = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if told.returncode:
        raise SystemExit(f"{limit.name}: the process died")
    return Reached(limit, *json.loads(told.stdout))


def reached_here(name: str) -> str:
    """Scenarios, seconds on the clock, seconds of processors and gigabytes of the limit of this name, measured now."""
    limit = next(item for item in limits() if item.name == name)
    key = next((word for word in name.split() if word.startswith("backbone/")), "")
    if key:
        MODELS[key] = model_of(instance(key))
    wall, processor, scenarios = min(_timed(limit.work) for _ in range(limit.runs))
    return json.dumps([scenarios, wall, processor, _peak() if key else _peak_of_children()])


def _peak() -> float:
    """Gigabytes this process held at most. `getrusage` would also count what its parent held before the program was started."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1e6


def _peak_of_children() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def _timed(work: Callable[[], int]) -> tuple[float, float, int]:
    wall, processor = time.perf_counter(), sum(os.times()[:4])
    scenarios = work()
    return time.perf_counter() - wall, sum(os.times()[:4]) - processor, scenarios


# ------------------------------------------------------------------------------------------- growth


def growth(known: Mapping[tuple[str, int], float], *, short: bool) -> Iterator[Point]:
    """``known``: what was measured already, by topology and failures at once."""
    for key in GROWING[: -1 if short else None]:
        model = MODELS.setdefault(key, model_of(instance(key)))
        singles = known.get((key, 1)) or _processor(model, 1)
        pairs = known.get((key, 2)) or (
            _processor(model, 2) if len(model.routers) <= (300 if short else PAIRS_UP_TO) else None
        )
        yield Point(key, len(model.routers), len(model.links) // 2, singles, pairs)


def _processor(model: LoadModel, failures: int) -> float:
    begin = time.process_time()
    for _ in sweep(model, failures=failures, threads=1):
        pass
    return time.process_time() - begin


# ------------------------------------------------------------------------------------------- the page


def main() -> None:
    if "--reach" in sys.argv:
        print(reached_here(sys.argv[-1]))
        return
    quick, short = "--quick" in sys.argv, "--short" in sys.argv
    lines = list(_head())
    for key in COMPARED[: 1 if quick else 2 if short else None]:
        lines += _say(_comparison(key, side_by_side(key)))
    lines += _say(["## Limits", "", "Every processor of the machine; the clock is what the limit is about.", ""])
    most = 3.0 if quick else 10.0 if short else float("inf")
    reached = [reach(limit) for limit in limits() if limit.allowed <= most]
    lines += _say([*_limits(reached), *_left_out(most), ""])
    for key in ("backbone/north_america", "backbone/europe")[: 1 if quick or short else None]:
        lines += _say([f"The {same_list(key):,} scenarios of {key} that are worse than any single failure or lose demand: the same list with bounds and by computing every pair.", ""])  # fmt: skip
    if quick:
        return
    took = {item.limit.name: item.processor for item in reached}
    points = list(growth({where: took[name] for where, name in MEASURED.items() if name in took}, short=short))
    lines += _say(_growth(points))
    PICTURE.write_text(picture(points), encoding="utf-8")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _say(lines: list[str]) -> list[str]:
    print("\n".join(lines), flush=True)
    return lines


def _head() -> Iterator[str]:
    yield "# Benchmarks of capacity sweeps"
    yield ""
    yield f"Made by `make bench` on {os.cpu_count()} processors ({platform.machine()}, Python {platform.python_version()}), load average {os.getloadavg()[0]:.1f} when it began."
    yield "[How the sweep works](capacity-method.md). Work: every ordered pair of nodes sends 1 Mbit/s, metrics are lengths in km, equal split over all next hops; the load of every directed link under every single link failure (and every pair)."
    yield f"All methods agree to {AGREEMENT:.0e} of all demand on every scenario that both computed, or this page would not have been written. (A difference of 0 is no slip: demands of 1 over few ties are sums of whole numbers and halves, which are exact in binary.)"
    yield "Times per scenario are processor time on one thread, because others may use the machine; limits are on the clock."
    yield ""


def _comparison(key: str, timings: list[Timing]) -> list[str]:
    given, ours = instance(key), timings[0].seconds
    lines = [f"## {key}: {given.nodes} nodes, {len(given.ends)} links", ""]
    lines += ["| method | ms a scenario | scenarios | times ours | largest difference |", "|---|--:|--:|--:|--:|"]
    for item in timings:
        lines.append(
            f"| {item.method} | {item.seconds * 1e3:,.3g} | {item.scenarios} | {item.seconds / ours:,.0f} | {item.difference:.0e} |"
        )
    return [*lines, ""]


def _limits(found: list[Reached]) -> list[str]:
    lines = ["| what | scenarios | allowed s | took s | processor s | GB | |", "|---|--:|--:|--:|--:|--:|---|"]
    for item in found:
        kept = _judged(item)
        lines.append(
            f"| {item.limit.name} | {item.scenarios:,} | {item.limit.allowed:g} | {item.wall:.2f} | {item.processor:.2f} | {item.gigabytes:.2f} | {kept} |"
        )
    return lines


def _left_out(most: float) -> list[str]:
    names = [f"{limit.name} ({limit.allowed:g} s)" for limit in limits() if limit.allowed > most]
    return ["", f"Left out of this run, which was a short one: {'; '.join(names)}."] if names else []


def _judged(item: Reached) -> str:
    """On the clock; where others use the machine too, by the processor time it took, spread over the processors."""
    if item.wall <= item.limit.allowed:
        return "reached"
    alone = item.processor / (1 if item.limit.runs > 1 else os.cpu_count() or 1)
    return "reached but for others on the machine" if alone <= item.limit.allowed else "**missed**"


def _growth(points: list[Point]) -> list[str]:
    single, pair = slope(points, "singles"), slope(points, "pairs")
    lines = ["", "## How the cost grows", "", "![processor time against nodes](benchmarks-growth.svg)", ""]
    lines += [
        "| topology | nodes | links | all single failures, processor s | all pairs, processor s |",
        "|---|--:|--:|--:|--:|",
    ]
    for item in points:
        pairs = "" if item.pairs is None else f"{item.pairs:,.2f}"
        lines.append(f"| {item.name} | {item.nodes:,} | {item.links:,} | {item.singles:,.3f} | {pairs} |")
    lines += ["", f"Fitted over these topologies, single failures grow as n^{single:.1f} and pairs as n^{pair:.1f}."]
    lines.append("There are n destinations and, at constant degree, about n failures; a failure moves, per destination, only the nodes that lose all next hops and the flow on old and new paths, and those grow as paths get longer: n^2 times the length of a detour for singles. Pairs add a correction for every destination at which two failures meet, and the share of destinations at which they do falls with size: n^3 destinations and pairs, of which a few in a hundred are computed.")  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
