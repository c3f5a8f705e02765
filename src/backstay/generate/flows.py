"""Traffic to one place over all its shortest paths, and how it moves when something fails.

The whole sweep of single failures is computed by difference: a failure changes the ways of the places whose
shortest paths used what failed, nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from backstay.generate.graph import Graph, distances

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Tree:
    """Traffic to ``target``. ``hops`` are each place's arcs on shortest paths, ``through`` the Mbit/s that pass a place
    (its own included), ``loads`` the Mbit/s on each arc with any. ``overloaded`` is reached and sends but forwards nothing.
    """

    target: int
    distance: list[float]
    hops: list[tuple[int, ...]]
    through: list[float]
    loads: Mapping[int, float]
    overloaded: int | None


def route(graph: Graph, target: int, sent: Mapping[int, float], overloaded: int | None = None) -> Tree:
    """Send ``sent`` (place -> Mbit/s) to the target, split equally over equal-cost next hops at every hop."""
    distance = distances(graph, target, overloaded)
    barred = overloaded if overloaded != target else None
    hops = [
        tuple(arc for arc, head, metric in row if head != barred and distance[head] + metric == distance[place])
        if distance[place] < INFINITE
        else ()
        for place, row in enumerate(graph.out)
    ]
    through = [0.0] * graph.size
    for place, amount in sent.items():
        through[place] = amount
    loads: dict[int, float] = {}
    for place in sorted(
        (one for one in range(graph.size) if distance[one] < INFINITE), key=distance.__getitem__, reverse=True
    ):
        if through[place] and hops[place]:
            share = through[place] / len(hops[place])
            for arc in hops[place]:
                loads[arc] = share
                through[graph.ends[arc][1]] += share
    return Tree(target, distance, hops, through, loads, overloaded)


def moved(graph: Graph, tree: Tree, dead_arcs: Collection[int], dead_place: int | None = None) -> dict[int, float]:
    """How the loads of the arcs change when arcs (and the place all of them stand at) fail: arc -> Mbit/s more or less.

    Traffic with no way left, and all traffic of a dead place, is gone.
    """
    if dead_place == tree.target:
        return {arc: -load for arc, load in tree.loads.items()}
    changed, lost = _changed(graph, tree, dead_arcs, dead_place)
    distance = _new_distances(graph, tree, dead_arcs, dead_place, lost)
    for place in lost:
        if place in distance:
            changed[place] = _new_hops(graph, tree, dead_arcs, lost, distance, place)
    return _shift(graph, tree, changed, distance)


def _changed(
    graph: Graph, tree: Tree, dead_arcs: Collection[int], dead_place: int | None
) -> tuple[dict[int, tuple[int, ...]], set[int]]:
    """Places that lose next hops -> those left; and among them the places with none left. Nearest the target first,
    so that a place is judged after all those it sends through.
    """
    lost: set[int] = set()
    changed: dict[int, tuple[int, ...]] = {}
    starts = {graph.ends[arc][0] for arc in dead_arcs if arc in tree.hops[graph.ends[arc][0]]}
    queue = [(tree.distance[place], place) for place in starts]
    heapq.heapify(queue)
    seen: set[int] = set()
    while queue:
        _, place = heapq.heappop(queue)
        if place in seen:
            continue
        seen.add(place)
        left = tuple(arc for arc in tree.hops[place] if arc not in dead_arcs and graph.ends[arc][1] not in lost)
        if place == dead_place:
            left = ()
        changed[place] = left
        if left:
            continue
        lost.add(place)
        for arc, other, _ in graph.out[place]:
            if arc ^ 1 in tree.hops[other]:
                heapq.heappush(queue, (tree.distance[other], other))
    return changed, lost


def _new_distances(
    graph: Graph, tree: Tree, dead_arcs: Collection[int], dead_place: int | None, lost: set[int]
) -> dict[int, float]:
    """Distances of the places that lost every next hop, from those that did not. Nearest first, and no farther than
    the last place with traffic: where none passes, none needs a way.
    """
    barred = {dead_place, tree.overloaded} - {tree.target}
    best = _first_ways(graph, tree, dead_arcs, barred, lost - {dead_place})
    waiting = {place for place in lost if tree.through[place] and place != dead_place}
    settled: dict[int, float] = {}
    queue = [(distance, place) for place, distance in best.items()]
    heapq.heapify(queue)
    while queue and waiting:
        distance, place = heapq.heappop(queue)
        if place in settled:
            continue
        settled[place] = distance
        waiting.discard(place)
        if place in barred:
            continue
        for arc, other, metric in graph.out[place]:
            open_way = other in lost and other != dead_place and arc ^ 1 not in dead_arcs
            if open_way and distance + metric < best.get(other, INFINITE):
                best[other] = distance + metric
                heapq.heappush(queue, (distance + metric, other))
    return settled


def _first_ways(
    graph: Graph, tree: Tree, dead_arcs: Collection[int], barred: Collection[int | None], lost: set[int]
) -> dict[int, float]:
    """For the lost places beside one that is not: the distance over it."""
    best: dict[int, float] = {}
    known = tree.distance
    for place in lost:
        for arc, head, metric in graph.out[place]:
            if head in lost or arc in dead_arcs or head in barred:
                continue
            if known[head] + metric < best.get(place, INFINITE):
                best[place] = known[head] + metric
    return best


def _new_hops(
    graph: Graph, tree: Tree, dead_arcs: Collection[int], lost: set[int], distance: Mapping[int, float], place: int
) -> tuple[int, ...]:
    here = distance[place]
    barred = tree.overloaded if tree.overloaded != tree.target else None
    found = []
    for arc, head, metric in graph.out[place]:
        ahead = distance.get(head, INFINITE) if head in lost else tree.distance[head]
        if ahead + metric == here and arc not in dead_arcs and head != barred:
            found.append(arc)
    return tuple(found)


def _shift(
    graph: Graph, tree: Tree, changed: Mapping[int, tuple[int, ...]], distance: Mapping[int, float]
) -> dict[int, float]:
    """Take the traffic of changed places off their old arcs, then let it flow again, farthest from the target first.

    A place that did not change never sends through one that lost its way (it would have changed), so that what
    is taken off arrives before its place is looked at.
    """
    delta: dict[int, float] = {}
    arriving: dict[int, float] = {}
    for place in changed:
        if tree.through[place]:
            _spread(graph, tree.hops[place], -tree.through[place], delta, arriving)
    queued = {*arriving, *(place for place in changed if tree.through[place])}
    queue = [(-distance.get(place, tree.distance[place]), place) for place in queued]
    heapq.heapify(queue)
    while queue:
        _, place = heapq.heappop(queue)
        extra = arriving.get(place, 0.0)
        if place in changed:
            sent, hops = tree.through[place] + extra, changed[place]
        else:
            sent, hops = extra, tree.hops[place]
        for head in _spread(graph, hops, sent, delta, arriving):
            if head not in queued:
                queued.add(head)
                heapq.heappush(queue, (-distance.get(head, tree.distance[head]), head))
    return delta


def _spread(
    graph: Graph, hops: tuple[int, ...], amount: float, delta: dict[int, float], arriving: dict[int, float]
) -> list[int]:
    """Put an amount on the arcs in equal parts; the places it arrives at."""
    if not hops or not amount:
        return []
    share = amount / len(hops)
    heads = []
    for arc in hops:
        head = graph.ends[arc][1]
        delta[arc] = delta.get(arc, 0.0) + share
        arriving[head] = arriving.get(head, 0.0) + share
        heads.append(head)
    return heads
