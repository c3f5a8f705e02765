"""Topologies of topohub as plain values: places, and the fibres between them."""

from __future__ import annotations

import difflib
import json
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.abc import Traversable
from typing import Any

from backstay.model.errors import InputError

SMALLEST = 8
"""Two data centres, two route reflectors and four DNS sites stand at different routers."""
LARGEST = 60_000
"""Loopbacks are numbered within 10.255.0.0/16."""
EARTH_KM = 6371.0
KM_PER_DEGREE = math.pi * EARTH_KM / 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node of the topology. ``name`` is "" where the data set has none; ``position`` is (latitude, longitude)."""

    number: int
    name: str
    kind: str
    position: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fibre:
    """An edge of the topology; ``a`` and ``b`` are place numbers, ``a`` <= ``b``. ``km`` is its length."""

    a: int
    b: int
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """``places`` stand at their own number; ``demands`` are (from, to) -> the data set's own unit, {} where it has none."""

    key: str
    places: tuple[Place, ...]
    fibres: tuple[Fibre, ...]
    demands: Mapping[tuple[int, int], float]

    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """For each place the places a fibre away, once each, sorted."""
        found: list[set[int]] = [set() for _ in self.places]
        for fibre in self.fibres:
            found[fibre.a].add(fibre.b)
            found[fibre.b].add(fibre.a)
        return tuple(tuple(sorted(one)) for one in found)


def read_topology(key: str) -> Topology:
    """The topology of this topohub key, checked. Raises `InputError` for a key nobody knows (naming the nearest) and
    for a topology that cannot be a backbone: in several parts, with a loop at one node, too small or too large.
    """
    document = _document(key)
    numbers = {str(node["id"]): number for number, node in enumerate(document["nodes"])}
    positions = _positions([node.get("pos") or (0.0, 0.0) for node in document["nodes"]])
    topology = Topology(
        key=key,
        places=tuple(_place(number, node, positions[number]) for number, node in enumerate(document["nodes"])),
        fibres=tuple(_fibre(edge, numbers, positions) for edge in document["edges"]),
        demands={
            (numbers[source], numbers[target]): float(amount)
            for source, row in document["graph"].get("demands", {}).items()
            for target, amount in row.items()
            if source != target and amount > 0
        },
    )
    _check(topology)
    return topology


def _document(key: str) -> Mapping[str, Any]:
    known = known_keys()
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise InputError(f"topohub has no topology {key!r}{hint} (expected a key such as sndlib/geant)")
    # As `topohub.get` does, which leaves its file open (1.5.1).
    found: Mapping[str, Any] = json.loads((_data() / f"{key}.json").read_text(encoding="utf-8"))
    return found


def _data() -> Traversable:
    return resources.files("topohub") / "data"


def known_keys() -> tuple[str, ...]:
    """Every key topohub has, sorted."""
    groups = sorted((entry for entry in _data().iterdir() if entry.is_dir()), key=lambda entry: entry.name)
    return tuple(sorted(key for group in groups for key in _keys_below(group, group.name)))


def _keys_below(folder: Traversable, prefix: str) -> Iterable[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _keys_below(entry, f"{prefix}/{entry.name}")
        elif entry.name.endswith(".json"):
            yield f"{prefix}/{entry.name.removesuffix('.json')}"


def _positions(given: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """(latitude, longitude) from topohub's x, y. Some synthetic graphs lie on a plane of kilometres: those go to the
    equator, where a degree either way is as long.
    """
    on_earth = all(abs(x) <= 180 and abs(y) <= 90 for x, y in given)
    degree = 1.0 if on_earth else KM_PER_DEGREE
    return [(round(float(y) / degree, 4), round(float(x) / degree, 4)) for x, y in given]


def _place(number: int, node: Mapping[str, Any], position: tuple[float, float]) -> Place:
    return Place(
        number=number,
        name=str(node.get("name") or ""),
        kind=str(node.get("type") or ""),
        position=position,
    )


def _fibre(edge: Mapping[str, Any], numbers: Mapping[str, int], positions: Sequence[tuple[float, float]]) -> Fibre:
    a, b = sorted((numbers[str(edge["source"])], numbers[str(edge["target"])]))
    km = edge.get("dist")
    if km is None:
        km = distance_km(positions[a], positions[b])
    return Fibre(a=a, b=b, km=round(float(km), 2))


def _check(topology: Topology) -> None:
    key, size = topology.key, len(topology.places)
    if not SMALLEST <= size <= LARGEST:
        raise InputError(f"topology {key} has {size} nodes; expected {SMALLEST} to {LARGEST}")
    if any(fibre.a == fibre.b for fibre in topology.fibres):
        raise InputError(f"topology {key} has an edge from a node to itself; expected edges between two nodes")
    parts = components(topology.neighbours(), frozenset())
    if len(parts) > 1:
        raise InputError(f"topology {key} has {len(parts)} separate parts; expected one that is connected")


def components(neighbours: Sequence[Iterable[int]], without: frozenset[int]) -> tuple[tuple[int, ...], ...]:
    """Connected parts of the graph without some nodes, each sorted, the largest first."""
    seen = set(without)
    parts = []
    for start in range(len(neighbours)):
        if start in seen:
            continue
        part = _reached(neighbours, start, seen)
        seen |= part
        parts.append(tuple(sorted(part)))
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def _reached(neighbours: Sequence[Iterable[int]], start: int, closed: set[int]) -> set[int]:
    found, queue = {start}, deque([start])
    while queue:
        for other in neighbours[queue.popleft()]:
            if other not in found and other not in closed:
                found.add(other)
                queue.append(other)
    return found


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) positions in km."""
    lat1, lon1, lat2, lon2 = (math.radians(value) for value in (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def bearing(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Direction in degrees, 0 to 360, in which one leaves the first position for the second."""
    lat1, lon1, lat2, lon2 = (math.radians(value) for value in (*one, *other))
    east = math.sin(lon2 - lon1) * math.cos(lat2)
    north = math.cos(lat1) * math.sin(lat2) - math.sin(lat1) * math.cos(lat2) * math.cos(lon2 - lon1)
    return math.degrees(math.atan2(east, north)) % 360
