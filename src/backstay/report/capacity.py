"""An assessment of capacity for people (rich tables) and as the document ``backstay.capacity/1``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE, SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from backstay.plan.assessment import Assessment, HourUse, LinkUse, Loser, Room, Thing, Window

MS_PER_KM = 0.005
"""One way in glass: 200,000 km/s."""

PLURAL = {"link": "links", "router": "routers", "srlg": "shared-risk groups (srlg)"}

BINS = 10
BAR = 40
MOST_LOSERS = 3

Document = dict[str, Any]


def percent(share: float | None) -> str:
    """``57.0%``; a dash where nobody knows."""
    if share is None:
        return "—"
    return "∞" if share == float("inf") else f"{share:.1%}"


def rate(mbps: float) -> str:
    """Mbit/s in a unit that keeps the number short: ``123 M``, ``45.7 G``, ``3.15 T``."""
    if not mbps:
        return "0"
    for unit, size in (("T", 1e6), ("G", 1e3)):
        if abs(mbps) >= size:
            return f"{mbps / size:,.4g} {unit}"
    return f"{mbps:,.4g} M"


def bits(mbps: float) -> str:
    """An amount with its unit written out: ``3.15 Tbit/s``, ``0 bit/s``."""
    return f"{rate(mbps)}bit/s" if mbps else "0 bit/s"


def cause(failed: Sequence[Thing]) -> str:
    """What fails, for people."""
    return " + ".join(str(thing) for thing in failed) or "nothing fails"


# ------------------------------------------------------------------------------------------- for people


def capacity_screen(found: Assessment, top: int) -> RenderableType:
    """Everything `backstay capacity` shows a person: the answer, the links, what breaks, what to do about it."""
    parts: list[RenderableType] = [_headline(found)]
    if len(found.hours) > 1:
        parts.append(_hours_table(found.hours))
    parts += [_links_table(found, top), _histogram(found)]
    if found.scenarios:
        parts.append(_scenarios_table(found, top))
    if found.upgrades:
        parts.append(_upgrades_table(found, top))
    if found.windows:
        parts.append(_windows_table(found.windows, top))
    parts += [_rooms_table(found, top), _ways(found)]
    parts += [Text(f"note: {remark.text}", style="dim") for remark in found.remarks]
    parts += [Text(f"unknown: {remark.text}", style="yellow") for remark in found.unknowns]
    return Group(*parts)


def headline(found: Assessment) -> str:
    """The answer in one sentence."""
    losing = sum(hour.losing for hour in found.hours)
    over = sum(hour.over for hour in found.hours)
    if not any(hour.offered for hour in found.hours):
        return "no demand is declared (demands.csv), so that nothing could be assessed"
    now = [hour for hour in found.hours if hour.lost > 0]
    if now:
        return f"{bits(now[0].lost)} of demand are lost already, with everything up"
    if over and losing:
        return f"{over:,} scenarios exceed the limit and {losing:,} lose demand"
    if over:
        return f"{over:,} {'scenario exceeds' if over == 1 else 'scenarios exceed'} the limit"
    if losing:
        return f"no scenario exceeds the limit, {losing:,} {'loses' if losing == 1 else 'lose'} demand"
    return "every scenario stays within the limit and loses nothing"


def _headline(found: Assessment) -> Panel:
    style = "red" if found.at_fault else "green" if any(hour.offered for hour in found.hours) else "yellow"
    worst = max(found.hours, key=lambda hour: hour.worst)
    text = Text.assemble(
        (headline(found), f"bold {style}"),
        f"\n{found.network}: {found.routers} routers, {found.link_count} links, ",
        f"{bits(max(hour.offered for hour in found.hours))} of demand (all amounts in bit/s)",
        f"\n{found.scenario_count:,} scenarios, at most {found.failures} at once of {_things(found)}",
        f"; limit {_limits(found)}",
        f"\nfullest link: {percent(max(hour.utilisation for hour in found.hours))} while nothing fails, ",
        f"{percent(worst.worst)} at worst ({cause(worst.cause)})",
        f"\n{_growth(found)}",
    )
    return Panel(text, border_style=style)


def _things(found: Assessment) -> str:
    named = ", ".join(f"{count:,} {PLURAL[kind]}" for kind, count in found.things if count) or "nothing"
    return named + (f" (without {', '.join(found.excluded)})" if found.excluded else "")


def _limits(found: Assessment) -> str:
    if found.limit == found.failure_limit:
        return percent(found.limit)
    return f"{percent(found.limit)}, {percent(found.failure_limit)} when something fails"


def _growth(found: Assessment) -> str:
    if found.growth is None:
        return "no link of known capacity carries anything"
    if found.growth < 1:
        return f"demand would have to shrink by {percent(1 - found.growth)} to fit"
    return f"demand can grow by {percent(found.growth - 1)} before a scenario meets its limit"


def table_of(title: str, *columns: tuple[str, bool]) -> Table:
    """A table with a title; a column is (heading, whether it is never broken: numbers, stood to the right)."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading, number in columns:
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
    return table


def _hours_table(hours: Sequence[HourUse]) -> Table:
    table = table_of(
        "Periods", ("period", False), ("demand", True), ("now", True), ("worst", True), ("when this fails", False),
        ("over", True), ("losing", True),
    )  # fmt: skip
    for hour in hours:
        table.add_row(
            hour.period, rate(hour.offered), percent(hour.utilisation), percent(hour.worst), escape(cause(hour.cause)),
            f"{hour.over:,}", f"{hour.losing:,}",
        )  # fmt: skip
    return table


def _links_table(found: Assessment, top: int) -> Table:
    many = len(found.hours) > 1
    table = table_of(
        f"Links, each direction, and ports by their worst utilisation ({min(top, len(found.links))} of {len(found.links)})",
        ("sends on", False), ("to", False), ("capacity", True), ("now", True), ("worst", True), ("headroom", True),
        ("when this fails", False),
        *([("over", True)] if any(link.over for link in found.links) else []),
        *([("period", False)] if many else []),
    )  # fmt: skip
    for link in found.links[:top]:
        row: list[RenderableType] = [
            Text(str(link.interface), no_wrap=True), Text(link.towards, no_wrap=True), "—" if link.capacity is None else rate(link.capacity),
            percent(link.utilisation), Text(percent(link.worst), style=_heat(found, link)),
            "—" if link.headroom is None else rate(link.headroom), escape(cause(link.cause)),
        ]  # fmt: skip
        if any(item.over for item in found.links):
            row.append(f"{link.over:,}")
        table.add_row(*row, *([link.period] if many else []))
    return table


def _heat(found: Assessment, link: LinkUse) -> str:
    if link.worst is None:
        return "dim"
    limit = found.failure_limit if link.cause else found.limit
    return "red" if link.worst > limit * (1 + 1e-9) else "yellow" if link.worst > 0.9 * limit else ""


def _histogram(found: Assessment) -> Table:
    """How many link directions have which utilisation, now and at their worst."""
    table = Table(title="Utilisation of all link directions and ports", title_justify="left", box=None, padding=(0, 1))
    for heading, justify in (("", "right"), ("now", "right"), ("", "left"), ("worst", "right"), ("", "left")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    now, worst = (histogram(item) for item in _shares(found))
    most = max(*now, *worst, 1)
    for number, (one, other) in enumerate(zip(now, worst, strict=True)):
        label = f"{number * 10}–{number * 10 + 10}%" if number < BINS else "over 100%"
        bars = [
            Text("█" * round(BAR / 2 * count / most), style=style)
            for count, style in ((one, "cyan"), (other, "magenta"))
        ]
        table.add_row(label, f"{one}", bars[0], f"{other}", bars[1])
    return table


def _shares(found: Assessment) -> tuple[list[float], list[float]]:
    known = [link for link in found.links if link.capacity is not None]
    return [link.utilisation or 0.0 for link in known], [link.worst or 0.0 for link in known]


def histogram(shares: Iterable[float]) -> list[int]:
    """Counts in bins of ten percent; exactly full is in the last of them, what is over 100 % in one more."""
    counts = [0] * (BINS + 1)
    for share in shares:
        counts[BINS if share > 1 else min(int(share * BINS), BINS - 1)] += 1
    return counts


def _scenarios_table(found: Assessment, top: int) -> Table:
    total = len(found.scenarios) + found.scenarios_left_out
    table = table_of(
        f"Scenarios over the limit or losing demand ({min(top, len(found.scenarios))} of {total:,})",
        ("what fails", False), ("fullest link", False), ("", True), ("lost", True), ("who loses", False),
    )  # fmt: skip
    for item in found.scenarios[:top]:
        period = f"\n{item.period}" if item.period else ""
        over = len(item.over)
        fullest = f"{item.worst or '—'}" + (f"\nand {over - 1} more over" if over > 1 else "")
        table.add_row(
            escape(cause(item.failed) + period), escape(fullest), percent(item.utilisation),
            rate(item.lost) if item.lost else "", escape(_who(item.losers)),
        )  # fmt: skip
    return table


def _who(losers: Sequence[Loser]) -> str:
    told = [f"{item.source} to {item.destination} {rate(item.mbps)}" for item in losers[:MOST_LOSERS]]
    more = [f"and {len(losers) - MOST_LOSERS} more"] if len(losers) > MOST_LOSERS else []
    return "\n".join(told + more)


def _upgrades_table(found: Assessment, top: int) -> Table:
    table = table_of(
        "What one upgrade would mend: scenarios cleared, overloads removed",
        ("link", False), ("capacity", True), ("needed", True), ("cleared", True), ("removed", True),
    )  # fmt: skip
    for item in found.upgrades[:top]:
        table.add_row(
            escape(item.link), rate(item.capacity), rate(item.needed), f"{item.cleared:,}", f"{item.removed:,}"
        )
    return table


def _windows_table(windows: Sequence[Window], top: int) -> Table:
    table = table_of("When a thing can be out of service", ("thing", False), ("safe", False), ("not safe", False))
    for window in windows[:top]:
        refused = ", ".join(f"{period} ({percent(share)})" for period, share in window.unsafe)
        table.add_row(escape(str(window.thing)), escape(_periods(window)), escape(refused or "never"))
    if len(windows) > top:
        table.add_row(f"and {len(windows) - top} more", "", "")
    return table


def _periods(window: Window) -> str:
    if not window.unsafe:
        return f"all {len(window.safe)} periods"
    return ", ".join(window.safe) or "never"


def _rooms_table(found: Assessment, top: int) -> RenderableType:
    if not found.rooms:
        return Text(f"room between places: {found.room_note or 'no two places with a limit between them'}", style="dim")
    alike = _alike(found.rooms)
    note = f", {found.room_note}" if found.room_note else ""
    table = table_of(
        f"How much more each of {len(found.rooms)} pairs of places could send, tightest first{note}",
        ("room", True), ("bottleneck", False), ("when this fails", False), ("pairs", True), ("from and to", False),
    )  # fmt: skip
    for rooms in alike[:top]:
        first = rooms[0]
        table.add_row(
            rate(first.mbps), escape(str(first.bottleneck)), escape(cause(first.cause)), f"{len(rooms):,}",
            escape(_pairs(rooms)),
        )  # fmt: skip
    return table


def _alike(rooms: Sequence[Room]) -> list[list[Room]]:
    """Pairs held up by the same interface in the same scenario at the same amount, tightest first."""
    groups: dict[tuple[float, str, tuple[Thing, ...]], list[Room]] = {}
    for room in rooms:
        groups.setdefault((round(room.mbps, 6), str(room.bottleneck), room.cause), []).append(room)
    return list(groups.values())


def _pairs(rooms: Sequence[Room]) -> str:
    sources, targets = ({getattr(room, end) for room in rooms} for end in ("source", "destination"))
    if len(sources) == 1 and len(targets) > 1:
        return f"{rooms[0].source} to {_some(sorted(targets))}"
    if len(targets) == 1 and len(sources) > 1:
        return f"{_some(sorted(sources))} to {rooms[0].destination}"
    return _some([f"{room.source} to {room.destination}" for room in rooms])


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _ways(found: Assessment) -> Table:
    table = Table(
        title="Routing against the best possible",
        title_justify="left",
        show_header=False,
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("what", style="bold")
    table.add_column("how much", overflow="fold")
    table.add_row("fullest link, as routed", percent(found.optimum.utilisation))
    table.add_row("best any routing could do", _best(found))
    table.add_row("length of ways over the shortest possible", _stretch(found))
    for item in found.stretch.pairs[:3]:
        if item.stretch > 1 + 1e-9:
            km = f"{item.km:,.0f} km for {item.shortest_km:,.0f} km (+{(item.km - item.shortest_km) * MS_PER_KM:,.2f} ms)"
            table.add_row(f"  {escape(item.source)} to {escape(item.destination)}", km)
    table.add_row("computed by", escape(found.method))
    return table


def _best(found: Assessment) -> str:
    best = found.optimum
    if best.best is None:
        return f"not proven: {best.note}"
    ratio = f", {best.utilisation / best.best:.2f} times less" if best.best else ""
    return f"{percent(best.best)}{ratio} (proven by linear program)"


def _stretch(found: Assessment) -> str:
    stretch = found.stretch
    if stretch.mean is None:
        return stretch.note or "no demand between places"
    longer = sum(item.stretch > 1 + 1e-9 for item in stretch.pairs)
    return f"{stretch.mean:.3f} times, by demand; {longer} of {len(stretch.pairs)} pairs go round"
