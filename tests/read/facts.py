"""What a router's configuration says, without where it stands: for comparing two readings."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from backstay.model.network import Router
from backstay.model.source import SourceFile
from backstay.read.frr import read_router

_WHERE = frozenset({"place", "sources", "ignored", "remarks", "unread"})


def read(text: str) -> Router:
    return read_router((SourceFile("r.conf", text),), "r")


def facts(value: Any) -> Any:
    """The same value with every place and source left out, and mappings as plain dicts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in dataclasses.fields(value) if item.name not in _WHERE]
        return {"": type(value).__name__, **{name: facts(getattr(value, name)) for name in names}}
    if isinstance(value, Mapping):
        return {key: facts(item) for key, item in value.items()}
    if type(value) is tuple:
        return [facts(item) for item in value]
    return value


def unordered(value: Any) -> Any:
    """Facts with sequences sorted: FRR prints static routes, clauses and redistribution in an order of its own."""
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((unordered(item) for item in value), key=str)
    return value
