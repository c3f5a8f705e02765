"""The timeline as an SVG picture: one band a series, the phases as vertical lines. No script, no font, no colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from backstay.lab.timeline import TITLES, Sample, Timeline

WIDTH, LEFT, RIGHT, BAND, GAP, TOP = 1100, 40, 20, 74, 34, 90
INK, FAINT, GOOD, BAD = "#1f2933", "#9aa5b1", "#2b7a78", "#c0392b"


def picture(timeline: Timeline) -> str:
    """The whole picture as text, the same for the same timeline."""
    end = _end(timeline)
    shown = [name for name in TITLES if timeline.samples.get(name)]
    height = TOP + len(shown) * (BAND + GAP) + 30
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="sans-serif" font-size="13" role="img">'
        ),
        f"<title>{escape(timeline.network)}: {escape(timeline.change)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 26, f"{timeline.network}: {timeline.change}", size=17, weight="bold"),
    ]
    for place, name in enumerate(shown):
        top = TOP + place * (BAND + GAP)
        lines += _band(timeline.samples[name], TITLES[name], top, end)
    lines += _phases(timeline, height, end)
    lines += _axis(height, end)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _end(timeline: Timeline) -> float:
    moments = [item.at for item in timeline.happenings]
    moments += [sample.at for samples in timeline.samples.values() for sample in samples]
    return max([*moments, 1.0])


def _x(at: float, end: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * at / end, 1)


def _text(x: float, y: float, text: str, *, size: int = 13, weight: str = "normal", colour: str = INK) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'


def _band(samples: Sequence[Sample], title: str, top: int, end: float) -> Iterator[str]:
    """A step curve of the share that works, filled; the number stands where it changes much."""
    base = top + BAND
    most = max(*(sample.total for sample in samples), 1)
    yield _text(LEFT, top - 6, f"{title} (of {most})", colour=INK)
    yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="{FAINT}"/>'
    points = [(_x(samples[0].at, end), float(base))]
    for sample, after in zip(samples, [*samples[1:], None], strict=True):
        y = round(base - BAND * sample.good / most, 1)
        points += [(_x(sample.at, end), y), (_x(after.at if after else end, end), y)]
    points.append((points[-1][0], float(base)))
    path = " ".join(f"{x},{y}" for x, y in points)
    yield f'<polygon points="{path}" fill="{GOOD}" fill-opacity="0.25" stroke="{GOOD}" stroke-width="1.5"/>'
    for sample in samples:
        if sample.good == 0 and sample.total == most:
            yield _text(_x(sample.at, end) + 3, base - 5, "0", colour=BAD, weight="bold")


def _phases(timeline: Timeline, height: int, end: float) -> Iterator[str]:
    for row, item in enumerate(timeline.phases()):
        x = _x(item.at, end)
        yield f'<line x1="{x}" y1="{TOP - 24}" x2="{x}" y2="{height - 28}" stroke="{INK}" stroke-dasharray="4 3"/>'
        yield _text(min(x + 4, WIDTH - 150), TOP - 44 + 14 * (row % 2), f"{item.at:.1f} s {item.subject}", size=12)


def _axis(height: int, end: float) -> Iterator[str]:
    step = next(width for width in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600) if end / width <= 15 or width == 3600)
    for number in range(int(end // step) + 1):
        yield _text(_x(number * step, end) - 6, height - 10, f"{number * step}", size=11, colour=FAINT)
    yield _text(WIDTH - RIGHT - 52, height - 10, "seconds", size=11, colour=FAINT)
