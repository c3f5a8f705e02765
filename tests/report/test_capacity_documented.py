"""Every key of the documents of capacity and drain stands in their page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.plan import ring, square

import backstay
from backstay.api import drain, undrain
from backstay.report.capacity_document import capacity_document
from backstay.report.drain import drain_document
from backstay.report.sweep_file import COLUMNS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "capacity.md").read_text(encoding="utf-8")


def words(schema: str) -> set[str]:
    section = PAGE[PAGE.index(f"## `{schema}`") :].partition("\n## ")[0]
    return {part for quoted in re.findall(r"`([^`]+)`", section) for part in quoted.split(".")}


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from keys(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)


def test_capacity() -> None:
    network = square.network(square.demand("a", "d", 60.0, "day"), square.demand("a", "d", 10.0, "night"))
    document = capacity_document(backstay.assess(network, failures=2))
    assert json.loads(json.dumps(document)) == document
    filled = {"links", "at_fault_scenarios", "upgrades", "rooms", "windows", "periods"}
    assert all(document[key] for key in filled)
    assert set(keys(document)) - {"kind", "name", "schema"} <= words("backstay.capacity/1")


@pytest.mark.parametrize("overloaded", ["", "b"])
def test_drain(tmp_path: Path, overloaded: str) -> None:
    network = backstay.load(ring.write(tmp_path / "net", "from,to,mbps\nsa,sd,30\n", overloaded=overloaded))
    document = drain_document(undrain(network) if overloaded else drain(network, ["b"]), "change.yaml")
    assert json.loads(json.dumps(document)) == document
    assert document["steps"]
    assert set(keys(document)) - {"kind", "schema"} <= words("backstay.drain/1")


def test_columns() -> None:
    schema: Any = COLUMNS
    section = PAGE[PAGE.index("| column | what |") :].partition("```")[0]
    rows = [line.split("|")[1] for line in section.splitlines()[2:] if line.startswith("|")]
    assert schema.names == [word for row in rows for word in re.findall(r"`([^`]+)`", row)]
