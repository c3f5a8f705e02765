"""Merging against a real router: changes typed into FRR 8.4.4, and what its ``show running-config`` said afterwards.

``frr_seen.json`` was recorded from the router; nothing in it comes from Backstay. Each case is held at the level of
what the configuration means: the text we merge, read again, and the text FRR shows, read by the same reader.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.read.facts import facts, read, unordered

from backstay.model.source import Place
from backstay.read.frr import merge

_SEEN = json.loads((Path(__file__).parent / "frr_seen.json").read_text())
_BASE: list[str] = _SEEN["base"]
_PLACE = Place("change.yaml", 1)


def _after(case: dict[str, Any]) -> str:
    lines = list(_BASE)
    for start, end, new in reversed(case["replaced"]):
        lines[start:end] = new
    return "\n".join(lines) + "\n"


def _meaning(router: object) -> Any:
    """Empty interface sections and VRFs come and go with the kernel's own, on the router that was watched."""
    found = unordered(facts(router))
    found.pop("vrfs")
    found["interfaces"] = {
        name: value
        for name, value in found["interfaces"].items()
        if value["addresses"] or value["isis"] or value["ospf"] or value["ospf6"]
    }
    for process in found["ospf"]:
        plain = {"kind": "normal", "ranges": [], "summary": True}
        process["areas"] = {
            name: area for name, area in process["areas"].items() if {key: area[key] for key in plain} != plain
        }
    return found


@pytest.mark.parametrize("case", _SEEN["cases"], ids=lambda case: " / ".join(line.strip() for line in case["typed"]))
def test_merge_is_what_frr_shows(case: dict[str, Any]) -> None:
    before = read("\n".join(_BASE) + "\n")
    after, _, unread = merge(before, "\n".join(case["typed"]), _PLACE)
    if unread:
        # Lines FRR refuses are reported and change nothing; then FRR's own text did not change either.
        assert all("FRR refuses" in line.reason or "is not defined" in line.reason for line in unread), unread
    assert _meaning(after) == _meaning(read(_after(case)))


def test_what_frr_shows_is_read_without_remainder() -> None:
    assert read("\n".join(_BASE) + "\n").unread == ()
    for case in _SEEN["cases"]:
        assert read(_after(case)).unread == (), case["typed"]
