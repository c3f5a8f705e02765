"""What happened in a lab, in seconds: events, and how much of everything worked at each moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "backstay.timeline/1"

NAMES, ROUTES, OPERATORS, SERVICES, SITES = "names", "routes", "operators", "services", "sites"
TITLES = {
    NAMES: "networks outside for which names resolve",
    ROUTES: "networks outside that hear the DNS prefixes",
    SITES: "DNS sites that announce",
    OPERATORS: "ways of operators to routers over ssh that work",
    SERVICES: "services that work for operators",
}
SHORT = {NAMES: "names", ROUTES: "DNS prefixes heard", SITES: "sites", OPERATORS: "ssh", SERVICES: "services"}


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """One event; ``at`` in seconds since the replay began. ``kind``: phase, typed, site-withdrawn, site-announced, health,
    lost, regained, died (a daemon), shown (what a program printed, in ``text``).
    """

    at: float
    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """How many of ``total`` worked from this moment on."""

    at: float
    good: int
    total: int


@dataclass(slots=True)
class Timeline:
    """Filled while a replay runs; samples are kept only where the number changes."""

    network: str
    change: str = ""
    happenings: list[Happening] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, at: float, kind: str, subject: str, text: str) -> None:
        self.happenings.append(Happening(round(at, 3), kind, subject, text))

    def sample(self, series: str, at: float, good: int, total: int) -> None:
        kept = self.samples.setdefault(series, [])
        if not kept or (kept[-1].good, kept[-1].total) != (good, total):
            kept.append(Sample(round(at, 3), good, total))

    def phases(self) -> tuple[Happening, ...]:
        """Phases in order: building, working, the command, the restore, the end."""
        return tuple(sorted(item for item in self.happenings if item.kind == "phase"))

    def phase(self, subject: str) -> float | None:
        """When a phase began."""
        return next((item.at for item in self.phases() if item.subject == subject), None)

    def between(self, start: float, end: float | None) -> tuple[Happening, ...]:
        return tuple(sorted(h for h in self.happenings if h.at >= start and (end is None or h.at < end)))


def document(timeline: Timeline) -> dict[str, Any]:
    """``backstay.timeline/1``."""
    return {
        "schema": SCHEMA,
        "network": timeline.network,
        "change": timeline.change,
        "events": [
            {"at": item.at, "kind": item.kind, "subject": item.subject, "text": item.text}
            for item in sorted(timeline.happenings)
        ],
        "series": {
            name: [{"at": item.at, "good": item.good, "total": item.total} for item in samples]
            for name, samples in sorted(timeline.samples.items())
        },
        "measures": {name: round(value, 3) for name, value in measures(timeline).items()},
    }


def measures(timeline: Timeline) -> Mapping[str, float]:
    """The numbers people ask for, in seconds: building until all works, and from the command and the restore on."""
    found: dict[str, float] = {}
    begun = timeline.phase("building")
    working, typed, restored = (timeline.phase(name) for name in ("working", "command", "restore"))
    if begun is not None and working is not None:
        found["build until all works"] = working - begun
    if typed is not None:
        found.update(_after(timeline, typed, restored, "the command", lost=True))
    if restored is not None:
        found.update(_after(timeline, restored, timeline.phase("end"), "the restore", lost=False))
    return found


def _after(
    timeline: Timeline, start: float, end: float | None, name: str, *, lost: bool
) -> Iterator[tuple[str, float]]:
    window = timeline.between(start, end)
    kinds = ("health", "site-withdrawn") if lost else ("site-announced",)
    words = {
        "health": "health check fails",
        "site-withdrawn": "DNS site withdraws",
        "site-announced": "DNS site returns",
    }
    for kind in kinds:
        yield from _ends(f"{{}} {words[kind]} after {name}", start, (h.at for h in window if h.kind == kind))
    for series, title in TITLES.items():
        moments = [s.at for s in timeline.samples.get(series, ()) if s.at >= start and (end is None or s.at < end)]
        if series != SITES and moments:
            verb = "first loss" if lost else "last return"
            yield f"{title}: {verb} after {name}", (moments[0] if lost else moments[-1]) - start


def _ends(form: str, start: float, moments: Iterable[float]) -> Iterator[tuple[str, float]]:
    found = sorted(moments)
    if found:
        yield form.format("first"), found[0] - start
        yield form.format("last"), found[-1] - start


ALONE = frozenset({"typed", "shown"})


def told(timeline: Timeline) -> Iterator[str]:
    """The timeline for people: phase by phase, alike events of a phase drawn together, by when the first came."""
    phases = timeline.phases()
    for phase, following in zip(phases, [*phases[1:], None], strict=True):
        yield ""
        yield f"{phase.at:7.2f} s  {phase.text}"
        inside = [h for h in timeline.between(phase.at, following.at if following else None) if h.kind != "phase"]
        for group in sorted(_groups(inside), key=lambda group: group[0].at):
            yield from _shown(group, phase.at)


def _groups(items: Iterable[Happening]) -> Iterator[list[Happening]]:
    groups: dict[str, list[Happening]] = {}
    for item in items:
        if item.kind in ALONE:
            yield [item]
        else:
            groups.setdefault(item.kind, []).append(item)
    yield from groups.values()


def _shown(group: list[Happening], zero: float) -> Iterator[str]:
    first, last = group[0], group[-1]
    if first.kind == "shown":
        yield f"            $ {first.subject}"
        yield from (f"              {line}" for line in first.text.splitlines())
    elif len(group) == 1:
        yield f"  {first.at - zero:+6.2f}            {first.text}"
    else:
        more = len({item.subject for item in group} - {first.subject})
        yield f"  {first.at - zero:+6.2f} .. {last.at - zero:+6.2f}  {first.text}" + (
            f"; and {more} more" if more else ""
        )
