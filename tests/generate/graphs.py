"""Graphs written as lists of edges."""

from __future__ import annotations

from collections.abc import Sequence

from backstay.generate.graph import Graph

Edge = tuple[int, int, int]
"""(a, b, metric)"""
Edges = Sequence[Edge]


def graph_from(size: int, edges: Edges) -> Graph:
    out: list[list[tuple[int, int, int]]] = [[] for _ in range(size)]
    ends: list[tuple[int, int]] = []
    for a, b, metric in edges:
        for tail, head in ((a, b), (b, a)):
            out[tail].append((len(ends), head, metric))
            ends.append((tail, head))
    return Graph(tuple(map(tuple, out)), tuple(ends))
