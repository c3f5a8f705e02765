"""JSON Schemas of `backstay.yaml` and of the change file, made from the models that read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from backstay.read.change import ChangeShape
from backstay.read.shapes import IntentShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def network_schema() -> dict[str, Any]:
    """The schema of `backstay.yaml`."""
    return _schema(IntentShape, "backstay.network/1", "backstay.yaml: what router configurations do not say")


def change_schema() -> dict[str, Any]:
    """The schema of a change file."""
    return _schema(ChangeShape, "backstay.change/1", "A change to a network, as Backstay audits it")


def _schema(model: type[BaseModel], name: str, title: str) -> dict[str, Any]:
    body = model.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, "$id": name, **body, "title": title}


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {"network": network_schema, "change": change_schema}
"""By the name the command line knows them under."""
