"""The timeline as an SVG picture: one band a series, the moments that matter as vertical lines. No script, no colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from backstay.lab.timeline import TITLES, Sample, Timeline

WIDTH, LEFT, RIGHT, BAND, GAP, TOP, FOOT = 1100, 40, 30, 70, 44, 120, 40
INK, FAINT, GOOD, BAD, OUTAGE = "#1f2933", "#616e7c", "#2b7a78", "#b3261e", "#fdf0ee"
LABELS = {
    "working": "all of it works",
    "command": "the command is typed",
    "restore": "the way back is typed",
    "restored": "all of it works again",
    "not all came back": "not all came back",
}
"""Phases that are drawn, in words."""
LETTER = 6.7
"""Width of a letter of the labels, about: enough to keep two from standing on each other."""
ROW = 16
PLATEAU = 0.05
"""Share of the width from which on a level has its number written on it."""


def picture(timeline: Timeline) -> str:
    """The whole picture as text, the same for the same timeline."""
    end = _end(timeline)
    shown = [name for name in TITLES if timeline.samples.get(name)]
    bottom = TOP + len(shown) * (BAND + GAP) - GAP
    height = bottom + FOOT
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="sans-serif" font-size="13" role="img">'
        ),
        f"<title>{escape(timeline.network)}: {escape(timeline.change)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_outage(timeline, bottom, end),
        *_axis(bottom, end),
        *_moments(timeline, bottom, end),
        _text(LEFT, 28, f"{timeline.network}: {timeline.change}", size=17, weight="bold"),
    ]
    for place, name in enumerate(shown):
        lines += _band(timeline.samples[name], TITLES[name], TOP + place * (BAND + GAP), end)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _end(timeline: Timeline) -> float:
    moments = [item.at for item in timeline.happenings]
    moments += [sample.at for samples in timeline.samples.values() for sample in samples]
    return max([*moments, 1.0])


def _x(at: float, end: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * at / end, 1)


def _text(
    x: float, y: float, text: str, *, size: int = 13, weight: str = "normal", colour: str = INK, anchor: str = "start"
) -> str:
    """A white rim keeps lines out of the letters."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}" '
        f'stroke="#ffffff" stroke-width="4" paint-order="stroke">{escape(text)}</text>'
    )


def _outage(timeline: Timeline, bottom: int, end: float) -> Iterator[str]:
    """The time between the command and the way back stands out."""
    command = timeline.phase("command")
    if command is not None:
        left, until = _x(command, end), timeline.phase("restore")
        width = round(_x(end if until is None else until, end) - left, 1)
        yield f'<rect x="{left}" y="{TOP - 30}" width="{width}" height="{bottom - TOP + 30}" fill="{OUTAGE}"/>'


# ------------------------------------------------------------------------------------------- bands


def _band(samples: Sequence[Sample], title: str, top: int, end: float) -> Iterator[str]:
    """A step curve of how many work, filled; long levels have their number on them."""
    base = top + BAND
    most = max(*(sample.total for sample in samples), 1)
    levels = [
        (_x(sample.at, end), _x(after.at if after else end, end), sample.good)
        for sample, after in zip(samples, [*samples[1:], None], strict=True)
    ]
    heights = [round(base - BAND * good / most, 1) for _, _, good in levels]
    points = [(levels[0][0], float(base))]
    for (left, right, _), y in zip(levels, heights, strict=True):
        points += [(left, y), (right, y)]
    points.append((points[-1][0], float(base)))
    path = " ".join(f"{x},{y}" for x, y in points)
    yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="{FAINT}" stroke-width="0.5"/>'
    yield f'<polygon points="{path}" fill="{GOOD}" fill-opacity="0.25" stroke="{GOOD}" stroke-width="1.5"/>'
    yield _text(LEFT, top - 8, f"{title} (of {most})")
    for (left, right, good), y in zip(levels, heights, strict=True):
        if right - left >= PLATEAU * WIDTH:
            at, below = round((left + right) / 2, 1), y + 15 if base - y > 20 else y - 5
            colour = BAD if good == 0 else INK
            yield _text(at, round(below, 1), f"{good}", size=12, weight="bold", colour=colour, anchor="middle")


# ------------------------------------------------------------------------------------------- moments


def _moments(timeline: Timeline, bottom: int, end: float) -> Iterator[str]:
    """A line for each moment, and its label in the first row where there is room."""
    taken: list[float] = []
    for item in timeline.phases():
        if item.subject not in LABELS:
            continue
        x, text = _x(item.at, end), f"{item.at:.1f} s  {LABELS[item.subject]}"
        width = LETTER * len(text)
        left = x + 4 if x + 4 + width < WIDTH else x - 4 - width
        row = next((number for number, until in enumerate(taken) if until < left), len(taken))
        taken[row : row + 1] = [left + width]
        yield f'<line x1="{x}" y1="{TOP - 76 + ROW * row}" x2="{x}" y2="{bottom}" stroke="{INK}" stroke-dasharray="4 3"/>'
        anchor, at = ("start", x + 4) if left > x else ("end", x - 4)
        yield _text(round(at, 1), TOP - 66 + ROW * row, text, size=12, anchor=anchor)


def _axis(bottom: int, end: float) -> Iterator[str]:
    step = next(width for width in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600) if end / width <= 15 or width == 3600)
    for number in range(int(end // step) + 1):
        x = _x(number * step, end)
        yield f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 5}" stroke="{FAINT}"/>'
        text = f"{number * step} s" if number == 0 else f"{number * step}"
        yield _text(x, bottom + 20, text, size=11, colour=FAINT, anchor="middle")
