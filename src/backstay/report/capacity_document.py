"""An assessment of capacity for machines (``backstay.capacity/1``) and as Markdown for a merge request."""

from __future__ import annotations

from collections.abc import Sequence

from backstay.model.network import InterfaceRef
from backstay.plan.assessment import (
    Assessment,
    HourUse,
    LinkUse,
    Loser,
    Room,
    Scenario,
    Stretch,
    Thing,
    Upgrade,
    Window,
)
from backstay.report.capacity import cause, headline, percent, rate
from backstay.report.document import Document

CAPACITY_SCHEMA = "backstay.capacity/1"


def capacity_document(found: Assessment) -> Document:
    """``backstay.capacity/1``: everything that was found, whole lists, Mbit/s and shares of capacity.

    A share over a capacity of 0 has no number: it is null beside ``over``.
    """
    return {
        "schema": CAPACITY_SCHEMA,
        "network": found.network,
        "at_fault": found.at_fault,
        "failures": found.failures,
        "can_fail": dict(found.things),
        "excluded": list(found.excluded),
        "scenarios": found.scenario_count,
        "limit": found.limit,
        "failure_limit": found.failure_limit,
        "method": found.method,
        "growth": found.growth,
        "periods": [_hour(item) for item in found.hours],
        "links": [_link(item) for item in found.links],
        "at_fault_scenarios": [_scenario(item) for item in found.scenarios],
        "at_fault_left_out": found.scenarios_left_out,
        "upgrades": [_upgrade(item) for item in found.upgrades],
        "rooms": [_room(item) for item in found.rooms],
        "rooms_note": found.room_note,
        "windows": [_window(item) for item in found.windows],
        "optimum": {
            "utilisation": _share(found.optimum.utilisation),
            "best": found.optimum.best,
            "proven": found.optimum.proven,
            "note": found.optimum.note,
        },
        "stretch": _stretch(found.stretch),
        "remarks": [{"code": item.code, "text": item.text} for item in found.remarks],
        "unknowns": [{"code": item.code, "text": item.text} for item in found.unknowns],
    }


def _share(value: float | None) -> float | None:
    """JSON has no infinity."""
    return None if value is None or value == float("inf") else value


def _things(things: Sequence[Thing]) -> list[Document]:
    return [{"kind": thing.kind, "name": thing.name} for thing in things]


def _name(ref: InterfaceRef | None) -> str | None:
    return None if ref is None else str(ref)


def _losers(losers: Sequence[Loser]) -> list[Document]:
    return [{"from": item.source, "to": item.destination, "mbps": item.mbps} for item in losers]


def _hour(item: HourUse) -> Document:
    return {
        "period": item.period,
        "offered_mbps": item.offered,
        "lost_mbps": item.lost,
        "losers": _losers(item.losers),
        "utilisation": _share(item.utilisation),
        "worst": _share(item.worst),
        "cause": _things(item.cause),
        "over": item.over,
        "losing": item.losing,
        "exits_routed": item.exits_routed,
    }


def _link(item: LinkUse) -> Document:
    return {
        "link": item.link,
        "interface": str(item.interface),
        "towards": item.towards,
        "capacity_mbps": item.capacity,
        "mbps": item.mbps,
        "utilisation": _share(item.utilisation),
        "worst": _share(item.worst),
        "cause": _things(item.cause),
        "period": item.period,
        "headroom_mbps": item.headroom,
        "over": item.over,
    }


def _scenario(item: Scenario) -> Document:
    return {
        "failed": _things(item.failed),
        "period": item.period,
        "utilisation": _share(item.utilisation),
        "worst": _name(item.worst),
        "over": [{"interface": str(part.interface), "utilisation": _share(part.utilisation)} for part in item.over],
        "lost_mbps": item.lost,
        "apart_mbps": item.apart,
        "losers": _losers(item.losers),
    }


def _upgrade(item: Upgrade) -> Document:
    return {
        "link": item.link,
        "capacity_mbps": item.capacity,
        "needed_mbps": item.needed,
        "cleared": item.cleared,
        "removed": item.removed,
    }


def _room(item: Room) -> Document:
    return {
        "from": item.source,
        "to": item.destination,
        "mbps": item.mbps,
        "bottleneck": _name(item.bottleneck),
        "cause": _things(item.cause),
        "period": item.period,
    }


def _window(item: Window) -> Document:
    unsafe = [{"period": period, "utilisation": _share(share)} for period, share in item.unsafe]
    return {"kind": item.thing.kind, "name": item.thing.name, "safe": list(item.safe), "unsafe": unsafe}


def _stretch(item: Stretch) -> Document:
    return {
        "mean": item.mean,
        "pairs": [
            {"from": way.source, "to": way.destination, "km": way.km, "shortest_km": way.shortest_km}
            for way in item.pairs
        ],
        "unmeasured": item.unmeasured,
        "note": item.note,
    }


# ------------------------------------------------------------------------------------------- Markdown


def capacity_markdown(found: Assessment, top: int) -> str:
    """A comment for a merge request or a page of a wiki."""
    mark = "⛔" if found.at_fault else "✅"
    lines = [f"## {mark} Capacity of {found.network}: {headline(found)}", ""]
    limits = f"limit {percent(found.limit)}, {percent(found.failure_limit)} when something fails"
    lines += [
        f"{found.scenario_count:,} scenarios, at most {found.failures} at once; {limits}.",
        "",
        *_rows(
            ("sends on", "towards", "capacity", "now", "worst", "when this fails"),
            [
                (
                    f"`{item.interface}`",
                    item.towards,
                    "—" if item.capacity is None else rate(item.capacity),
                    percent(item.utilisation),
                    percent(item.worst),
                    cause(item.cause),
                )
                for item in found.links[:top]
            ],
        ),
    ]
    if found.scenarios:
        lines += ["", "### Scenarios over the limit or losing demand", ""]
        lines += _rows(
            ("what fails", "fullest link", "", "lost", "who loses"),
            [
                (
                    cause(item.failed),
                    f"`{item.worst}`",
                    percent(item.utilisation),
                    rate(item.lost) if item.lost else "",
                    ", ".join(f"{one.source} to {one.destination}" for one in item.losers[:3]),
                )
                for item in found.scenarios[:top]
            ],
        )
    if found.upgrades:
        lines += ["", "### What one upgrade would mend", ""]
        lines += _rows(
            ("link", "capacity", "needed", "scenarios cleared", "overloads removed"),
            [
                (f"`{item.link}`", rate(item.capacity), rate(item.needed), str(item.cleared), str(item.removed))
                for item in found.upgrades[:top]
            ],
        )
    lines += [""] + [f"- {item.text}" for item in (*found.remarks, *found.unknowns)]
    return "\n".join(lines).rstrip() + "\n"


def _rows(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    cells = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (heading, *rows)]
    return [f"| {cells[0]} |", "|" + "---|" * len(heading), *(f"| {row} |" for row in cells[1:])]
