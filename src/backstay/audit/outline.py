"""Routing tables by what they say, in 16 bytes each: equal digests are equal tables, whoever computed them.

Two engines' States of a large network hold millions of routes. Each engine's process works out the digests of its own
tables; only tables whose digests differ are fetched and compared route by route (`agree`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain

from backstay.model.address import BITS, Prefix
from backstay.model.state import (
    NO_ROUTE,
    Columns,
    ColumnTable,
    NextHop,
    PathAttributes,
    Route,
    RouteTable,
    in_columns,
)

Digests = Mapping[str, Mapping[str, bytes]]
"""Router -> VRF -> digest of the table."""

DIGEST_SIZE = 16


def hops_text(hops: tuple[NextHop, ...]) -> str:
    """Next hops as a set, in one order."""
    return ", ".join(sorted({_hop(hop) for hop in hops})) or "none"


def _hop(hop: NextHop) -> str:
    parts = (str(hop.address or ""), hop.interface or "", hop.discard or "", f"vrf {hop.vrf}" if hop.vrf else "")
    return " ".join(part for part in parts if part)


def attributes_text(attributes: PathAttributes | None) -> str:
    """Every attribute that engines must agree on; "" for a route without."""
    if attributes is None:
        return ""
    return (
        f"path [{attributes.as_path}] local-pref {attributes.local_preference} med {attributes.med}"
        f" origin {attributes.origin} weight {attributes.weight} communities {_words(attributes.communities)}"
        f" large {_words(attributes.large_communities)} extended {_words(attributes.extended_communities)}"
        f" originator {attributes.originator} clusters {_words(attributes.cluster_list)}"
        f" next hop {attributes.next_hop} from {attributes.learned_from}"
        f"{' atomic' if attributes.atomic_aggregate else ''}"
        f"{f' aggregator {attributes.aggregator}' if attributes.aggregator else ''}"
    )


def _words(values: tuple[object, ...]) -> str:
    return " ".join(str(value) for value in values) or "-"


class Texts:
    """What routes say, each shared part of them spelt out once. Keeps the parts alive, so that an identity is one."""

    def __init__(self) -> None:
        self._hops: dict[int, tuple[tuple[NextHop, ...], str]] = {}
        self._attributes: dict[int, tuple[PathAttributes, str]] = {}
        self._prefixes: dict[int, tuple[Sequence[Prefix], list[str]]] = {}

    def lines(self, columns: Columns) -> list[str]:
        """Every route with its prefix: equal lines are routes that `agree` sees no difference in."""
        ways, says = columns.ways, [self._rest(route) for route in columns.routes]
        listed = zip(self._names(columns.prefixes), columns.metrics, ways, strict=True)
        return [f"{name} {metric} {says[way]}" for name, metric, way in listed if way != NO_ROUTE]

    def _names(self, prefixes: Sequence[Prefix]) -> list[str]:
        """In the order of the prefixes; names of one IP version sort as they do."""
        known = self._prefixes.get(id(prefixes))
        if known is None:
            known = self._prefixes[id(prefixes)] = (prefixes, list(map(_name, prefixes)))
        return known[1]

    def _rest(self, route: Route) -> str:
        """What a route says beside its metric."""
        shown = self._hop_text(route.next_hops)
        forwarding = shown if route.forwarding is route.next_hops else self._hop_text(route.forwarding)
        attributes = "" if route.attributes is None else self._attribute_text(route.attributes)
        return f"{route.protocol}|{route.distance}|{route.tag}|{route.kind}|{shown}|{forwarding}|{attributes}"

    def _hop_text(self, hops: tuple[NextHop, ...]) -> str:
        known = self._hops.get(id(hops))
        if known is None:
            known = self._hops[id(hops)] = (hops, hops_text(hops))
        return known[1]

    def _attribute_text(self, attributes: PathAttributes) -> str:
        known = self._attributes.get(id(attributes))
        if known is None:
            known = self._attributes[id(attributes)] = (attributes, attributes_text(attributes))
        return known[1]


def _name(prefix: Prefix) -> str:
    return f"{prefix.version}{prefix.value:0{BITS[prefix.version] // 4}x}/{prefix.length:03}"


def table_digest(table: RouteTable, texts: Texts) -> bytes:
    """16 bytes that are the same for two tables exactly when they hold the same routes."""
    parts = table.columns() if isinstance(table, ColumnTable) else (in_columns(table),)
    lines = sorted(chain.from_iterable(map(texts.lines, parts)))
    return blake2b("\n".join(lines).encode(), digest_size=DIGEST_SIZE).digest()


class Digester:
    """Digests of whole States; a table object met again (engines share what did not change) is not read again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[RouteTable, bytes]] = {}

    def digests(self, routes: Mapping[str, Mapping[str, RouteTable]]) -> dict[str, dict[str, bytes]]:
        """Of every table."""
        texts = Texts()
        return {
            router: {vrf: self._digest(table, texts) for vrf, table in vrfs.items()} for router, vrfs in routes.items()
        }

    def keep_only(self, states: Mapping[int, Mapping[str, Mapping[str, RouteTable]]]) -> None:
        """Forget tables that none of these States holds."""
        alive = {id(table) for routes in states.values() for vrfs in routes.values() for table in vrfs.values()}
        self._known = {key: value for key, value in self._known.items() if key in alive}

    def _digest(self, table: RouteTable, texts: Texts) -> bytes:
        known = self._known.get(id(table))
        if known is None:
            known = self._known[id(table)] = (table, table_digest(table, texts))
        return known[1]


class Outline(Mapping[str, Mapping[str, RouteTable]]):
    """`State.routes` of a State that lives in another process: digests here, tables fetched when they are looked at."""

    def __init__(self, digests: Digests, fetch: Callable[[str], Mapping[str, RouteTable]]) -> None:
        self.digests = digests
        self._fetch = fetch

    def __getitem__(self, router: str) -> Mapping[str, RouteTable]:
        if router not in self.digests:
            raise KeyError(router)
        return self._fetch(router)

    def __iter__(self) -> Iterator[str]:
        return iter(self.digests)

    def __len__(self) -> int:
        return len(self.digests)
