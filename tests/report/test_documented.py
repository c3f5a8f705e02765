"""Every key a document prints stands in the page that documents it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli import small

import backstay
from backstay.report.comparison import diff_document
from backstay.report.document import check_document, routes_document, verdict_document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "outputs.md"
NAMED = {"routers", "access", "engines"}
"""Keys whose value is keyed by names of the network."""


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = small.write(tmp_path_factory.mktemp("documented") / "net")
    network, change = backstay.load(folder), backstay.read_change(folder / "changes" / "shutdown.yaml")
    after = backstay.resolve(network, change).after
    found = [
        verdict_document(backstay.audit(network, change)),
        routes_document(backstay.simulate(network)),
        diff_document(backstay.simulate(network), backstay.simulate(after)),
        check_document(network, (), ()),
    ]
    return {document["schema"]: document for document in found}


@pytest.mark.parametrize("schema", ["backstay.verdict/1", "backstay.routes/1", "backstay.diff/1", "backstay.check/1"])
def test_every_key_is_documented(documents: dict[str, Any], schema: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index(f"## `{schema}`") :].partition("\n## ")[0]
    words = {part for quoted in re.findall(r"`([^`]+)`", section) for part in quoted.split(".")}
    keys = set(_keys(documents[schema]))
    assert len(keys) > 3
    assert keys - words - {"schema"} == set()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            below = _below_names(inner) if key in NAMED and isinstance(inner, dict) else inner
            yield from _keys(below)


def _below_names(value: dict[str, Any]) -> list[Any]:
    """The values below names, however many levels of names there are."""
    found: list[Any] = []
    for inner in value.values():
        found += _below_names(inner) if isinstance(inner, dict) else [inner]
    return found


def test_documents_are_plain_json(documents: dict[str, Any]) -> None:
    for document in documents.values():
        assert json.loads(json.dumps(document)) == document
