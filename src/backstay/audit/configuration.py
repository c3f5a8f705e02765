"""What differs between two Networks: the facts of the configurations, places and texts left aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache

from backstay.model.network import InterfaceRef, Network, Router

NOT_FACTS = frozenset({"place", "sources", "unread", "ignored", "remarks"})
"""Fields that say where or how something was written, not what it says."""

ORDERLESS = frozenset(
    {
        "addresses",
        "static_routes",
        "isis",
        "ospf",
        "ospf6",
        "bgp",
        "networks",
        "aggregates",
        "redistributions",
        "defaults",
        "listen_ranges",
        "ranges",
        "nssa_ranges",
        "summaries",
    }
)
"""Sequences whose order on a router has no meaning: a rollback may type them back in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterChange:
    """A router whose facts differ. ``parts`` are the fields of `Router` concerned; ``interfaces`` the names of the
    interfaces that differ, both sorted.
    """

    router: str
    parts: tuple[str, ...]
    interfaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """Routers whose facts differ, and the links whose ends or description differ; sorted by name."""

    routers: tuple[RouterChange, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(change.router for change in self.routers)


def configuration_change(before: Network, after: Network) -> ConfigurationChange:
    """Compare the facts of two networks. Routers that are the same object cost nothing."""
    if before is after:
        return ConfigurationChange()
    names = sorted(before.routers.keys() | after.routers.keys())
    compared = (_router(name, before.routers.get(name), after.routers.get(name)) for name in names)
    routers = tuple(change for change in compared if change)
    return ConfigurationChange(routers=routers, links=_links(before, after, routers))


def alike(one: object, other: object, field: str = "") -> bool:
    """``facts(one) == facts(other)``, without making them: a network has thousands of values that are the same."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return facts(one, field) == facts(other, field)
    if isinstance(one, tuple) and isinstance(other, tuple) and not hasattr(one, "_fields"):
        if len(one) == len(other) and all(map(alike, one, other)):
            return True
        return field in ORDERLESS and facts(one, field) == facts(other, field)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(item, other[key]) for key, item in one.items())
    if is_dataclass(kind):
        return all(alike(getattr(one, name), getattr(other, name), name) for name in _fact_fields(kind))
    return one == other


@cache
def _fact_fields(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind) if item.name not in NOT_FACTS)


def facts(value: object, field: str = "") -> object:
    """The value without places: comparable, and equal for two texts that say the same."""
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(
            facts(getattr(value, item.name), item.name) for item in fields(value) if item.name not in NOT_FACTS
        )
    if isinstance(value, Mapping):
        return {key: facts(item) for key, item in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        items = [facts(item) for item in value]
        return tuple(sorted(items, key=repr)) if field in ORDERLESS else tuple(items)
    return value


def _router(name: str, before: Router | None, after: Router | None) -> RouterChange | None:
    if before is after:
        return None
    if before is None or after is None:
        present = before or after
        assert present is not None
        return RouterChange(router=name, parts=("router",), interfaces=tuple(sorted(present.interfaces)))
    parts = tuple(part for part in _PARTS if _differs(getattr(before, part), getattr(after, part), part))
    if not parts:
        return None
    names = sorted(before.interfaces.keys() | after.interfaces.keys())
    touched = (item for item in names if _differs(before.interfaces.get(item), after.interfaces.get(item)))
    return RouterChange(router=name, parts=parts, interfaces=tuple(touched))


_PARTS = _fact_fields(Router)


def _differs(before: object, after: object, field: str = "") -> bool:
    return not alike(before, after, field)


def _links(before: Network, after: Network, routers: tuple[RouterChange, ...]) -> tuple[str, ...]:
    touched = {InterfaceRef(change.router, name) for change in routers for name in change.interfaces}
    found = {
        link.name for network in (before, after) for link in network.links.values() if not touched.isdisjoint(link.ends)
    }
    if before.links is not after.links:
        names = before.links.keys() | after.links.keys()
        found |= {name for name in names if _differs(before.links.get(name), after.links.get(name))}
    return tuple(sorted(found))
