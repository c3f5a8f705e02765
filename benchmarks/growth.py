"""The picture of how sweeps grow: a log-log plot written as SVG by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 720, 440, 60
COLOURS = {"singles": "#1a6fb5", "pairs": "#c2410c"}
WORDS = {"singles": "all single link failures", "pairs": "all pairs of links"}


At = Callable[[float, float], tuple[float, float]]
"""Routers and seconds to a place in the picture."""


@dataclass(frozen=True)
class Point:
    """Processor seconds of one topology; None where pairs were not computed."""

    name: str
    nodes: int
    links: int
    singles: float
    pairs: float | None


def series(points: Sequence[Point], kind: str) -> list[tuple[int, float]]:
    found = [(point.nodes, point.singles if kind == "singles" else point.pairs) for point in points]
    return sorted((nodes, seconds) for nodes, seconds in found if seconds is not None)


def slope(points: Sequence[Point], kind: str) -> float:
    """The exponent of a least-squares fit in logarithms."""
    logs = [(math.log(nodes), math.log(seconds)) for nodes, seconds in series(points, kind)]
    x0 = sum(x for x, _ in logs) / len(logs)
    y0 = sum(y for _, y in logs) / len(logs)
    return sum((x - x0) * (y - y0) for x, y in logs) / sum((x - x0) ** 2 for x, _ in logs)


def picture(points: Sequence[Point]) -> str:
    nodes = [point.nodes for point in points]
    seconds = [value for kind in WORDS for _, value in series(points, kind)]
    left, right = math.log10(min(nodes)) - 0.1, math.log10(max(nodes)) + 0.1
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - left) / (right - left) * (WIDTH - 2 * MARGIN)
        up = (math.log10(y) - low) / (high - low) * (HEIGHT - 2 * MARGIN)
        return MARGIN + across, HEIGHT - MARGIN - up

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_grid(at, nodes, low, high),
        *(line for number, kind in enumerate(WORDS) for line in _curve(at, points, kind, number)),
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">routers</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">processor seconds</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _grid(at: At, nodes: Sequence[int], low: int, high: int) -> Iterator[str]:
    for power in range(low, high + 1):
        _, y = at(nodes[0], 10.0**power)
        yield f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    for count in sorted(set(nodes)):
        x, _ = at(count, 10.0**low)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#eee"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{count}</text>'


def _curve(at: At, points: Sequence[Point], kind: str, number: int) -> Iterator[str]:
    colour = COLOURS[kind]
    places = [at(nodes, seconds) for nodes, seconds in series(points, kind)]
    yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places)
    words = f"{WORDS[kind]}: n^{slope(points, kind):.1f}"
    yield f'<text x="{MARGIN + 12}" y="{MARGIN + 16 + 18 * number}" fill="{colour}">{words}</text>'
