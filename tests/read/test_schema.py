"""The published schemas and the readers accept the same documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from backstay.read.schema import SCHEMAS
from backstay.read.shapes import IntentShape

DOCS = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(("kind", "name"), [("network", "backstay.network/1"), ("change", "backstay.change/1")])
def test_identity(kind: str, name: str) -> None:
    schema = SCHEMAS[kind]()
    assert schema["$id"] == name
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def _keys(schema: dict[str, Any]) -> set[str]:
    return {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}


def test_every_key_of_the_file_is_in_the_schema() -> None:
    assert set(SCHEMAS["network"]()["properties"]) == set(IntentShape.model_fields)
    assert {"from", "to"} <= _keys(SCHEMAS["network"]())


@pytest.mark.parametrize(("kind", "page"), [("network", "network-folder.md"), ("change", "change-file.md")])
def test_every_key_is_documented(kind: str, page: str) -> None:
    text = (DOCS / page).read_text()
    assert [key for key in sorted(_keys(SCHEMAS[kind]())) if f"`{key}`" not in text] == []


def test_a_bare_prefix_may_stand_for_an_announcement() -> None:
    items = SCHEMAS["network"]()["$defs"]["NeighborShape"]["properties"]["announces"]["items"]
    assert {"type": "string"} in items["anyOf"]
