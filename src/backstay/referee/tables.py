"""The routing tables of a State, small enough to keep: a backbone of a thousand routers has millions of routes.

Most of them are IS-IS routes that nobody else offers, and of such a route only metric and next hops differ from table to
table: two numbers. `Rib.best` says what they are; `offered` and `filled` say the same a process at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple
from weakref import WeakValueDictionary

from backstay.model.address import Prefix
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import NO_ROUTE, Columns, ColumnTable, NextHop, Route, in_columns
from backstay.model.vendor import SEMANTICS
from backstay.referee.isis import Isis, Map, Offer, path_limit
from backstay.referee.isis_lsp import WIDE, Hop, Key, Node
from backstay.referee.isis_spf import Paths
from backstay.referee.rib import DISTANCE_NEVER, Rib
from backstay.referee.seams import Place

INFINITE = 1 << 61
"""Longer than any path, and still a number in a column with a metric added."""

NOBODY = (-1, INFINITE)
"""The second to offer what one node alone offers."""

Bid = tuple[int, int]
"""A node, by its place in `Offered.nodes`, and the metric it offers a prefix at."""

Ways = dict[tuple[NextHop, ...], int]
"""Next hops, each with a number."""


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """Who offers the prefixes of one IP version, in the order of these: one node, and a second one (`NOBODY` without) since a
    link has two ends. ``many``: all that offer a prefix where there are more; ``of_node``: what a node itself offers.
    """

    version: int
    one: tuple[Bid, ...]
    other: tuple[Bid, ...]
    many: Mapping[int, tuple[Bid, ...]]
    of_node: Mapping[int, list[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """What all processes with one map are offered: the prefixes, sorted, and by whom. ``odd`` are those that more than
    distances decide on.
    """

    prefixes: tuple[Prefix, ...]
    nodes: tuple[Node, ...] = ()
    offers: tuple[Offers, ...] = ()
    odd: frozenset[Prefix] = frozenset()
    index: Mapping[Prefix, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {prefix: at for at, prefix in enumerate(self.prefixes)})

    def __reduce__(self) -> tuple[type[Offered], tuple[tuple[Prefix, ...]]]:
        return Offered, (self.prefixes,)


NOTHING_OFFERED = Offered(())


def offered(maps: tuple[Map, ...]) -> Offered:
    """Those of the maps of a process, one for each IP version."""
    nodes: dict[Node, int] = {}
    odd = frozenset(
        prefix for chart in maps for prefix, offers in chart.offers.items() if any(offer.external for offer in offers)
    )
    prefixes = sorted({prefix for chart in maps for prefix in chart.offers} - odd)
    found = []
    for chart in maps:
        mine = [prefix for prefix in prefixes if prefix.version == chart.view.version]
        found.append(_offers(chart.view.version, [_least(chart.offers[prefix], nodes) for prefix in mine]))
    return Offered(tuple(prefixes), tuple(nodes), tuple(found), odd)


def _least(offers: Iterable[Offer], nodes: dict[Node, int]) -> tuple[Bid, ...]:
    """Each node once, with its lowest metric."""
    least: dict[int, int] = {}
    for offer in offers:
        number = nodes.setdefault(offer.node, len(nodes))
        least[number] = min(offer.metric, least.get(number, offer.metric))
    return tuple(least.items())


def _offers(version: int, listed: Sequence[tuple[Bid, ...]]) -> Offers:
    of_node: dict[int, list[int]] = {}
    for at, offers in enumerate(listed):
        for node, _metric in offers:
            of_node.setdefault(node, []).append(at)
    return Offers(
        version,
        tuple(offers[0] for offers in listed),
        tuple(offers[1] if len(offers) > 1 else NOBODY for offers in listed),
        {at: offers for at, offers in enumerate(listed) if len(offers) > 2},
        of_node,
    )


@dataclass(eq=False, slots=True, weakref_slot=True)
class Table(ColumnTable):
    """A main routing table. ``metrics`` and ``ways`` (places in ``hops``) are those of the IS-IS route of each prefix in
    ``offered``, `NO_ROUTE` without one; ``others`` (sorted) are the routes of prefixes that have none there.
    """

    offered: Offered
    distance: int
    kind: str
    metrics: array[int]
    ways: array[int]
    hops: tuple[tuple[NextHop, ...], ...]
    others: dict[Prefix, Route]

    def __getitem__(self, prefix: Prefix) -> Route:
        if prefix in self.others:
            return self.others[prefix]
        at = self.offered.index[prefix]
        if self.ways[at] == NO_ROUTE:
            raise KeyError(prefix)
        return self._route(self.metrics[at], self.hops[self.ways[at]])

    def _route(self, metric: int, hops: tuple[NextHop, ...]) -> Route:
        return Route(
            protocol="isis", distance=self.distance, metric=metric, next_hops=hops, forwarding=hops, kind=self.kind
        )

    def __iter__(self) -> Iterator[Prefix]:
        interior = (prefix for prefix, way in zip(self.offered.prefixes, self.ways, strict=True) if way != NO_ROUTE)
        return merge(interior, self.others)

    def __len__(self) -> int:
        return len(self.ways) - self.ways.count(NO_ROUTE) + len(self.others)

    def columns(self) -> tuple[Columns, ...]:
        """See `ColumnTable.columns`."""
        routes = [self._route(0, hops) for hops in self.hops]
        return Columns(self.offered.prefixes, self.metrics, self.ways, routes), in_columns(self.others)

    def same(self, other: Table) -> bool:
        """Whether the two say the same, in the same words."""
        return (
            (self.distance, self.kind, self.hops) == (other.distance, other.kind, other.hops)
            and self.metrics == other.metrics
            and self.ways == other.ways
            and self.offered.prefixes == other.offered.prefixes
            and self.others == other.others
        )


_ALIVE: WeakValueDictionary[Place, Table] = WeakValueDictionary()
"""The latest table of each place that some State still holds: one that says the same as before is the same one."""


@dataclass(eq=False)
class Filling:
    """Fills the tables of one Rib; maps are shared by processes, and so is what they offer."""

    rib: Rib
    _offered: dict[tuple[int, ...], Offered] = field(default_factory=dict)

    def table(self, place: Place) -> Table:
        """The table of a router's VRF."""
        table = self._filled(place)
        known = _ALIVE.get(place)
        if known is not None and known.same(table):
            return known
        _ALIVE[place] = table
        return table

    def _filled(self, place: Place) -> Table:
        rib = self.rib
        keys = rib.isis.processes(*place)
        if len(keys) == 1 and _is_plain(rib.isis, keys[0]):
            return self._by_distance(place, keys[0])
        others = self._others(place, rib.prefixes(place))
        return Table(NOTHING_OFFERED, 0, "", array("q"), array("i"), (), others)

    def _others(self, place: Place, prefixes: Iterable[Prefix]) -> dict[Prefix, Route]:
        found = ((prefix, self.rib.best(place, prefix)) for prefix in prefixes)
        return {prefix: route for prefix, route in found if route is not None}

    def _by_distance(self, place: Place, key: Key) -> Table:
        rib, isis = self.rib, self.rib.isis
        level, maps = _maps(isis, key)
        found = self._offered.get(tuple(map(id, maps)))
        if found is None:
            found = self._offered[tuple(map(id, maps))] = offered(maps)
        metrics, ways, hops = filled(isis, key, found)
        apart = sorted({*rib.beside_isis(place), *found.odd})
        for at in (found.index[prefix] for prefix in apart if prefix in found.index):
            metrics[at] = ways[at] = NO_ROUTE
        distance = SEMANTICS[isis.hellos.speakers[key].router.vendor].distances["isis"]
        return Table(found, distance, f"level-{level}", metrics, ways, hops, self._others(place, apart))


def _is_plain(isis: Isis, key: Key) -> bool:
    """Whether one map is all a process looks at: one level, whose attached bits say nothing to it."""
    speaker = isis.hellos.speakers[key]
    distance = SEMANTICS[speaker.router.vendor].distances["isis"]
    if len(speaker.process.levels) != 1 or distance >= DISTANCE_NEVER:
        return False
    return not any(isis.chart(key, version).attached for version in speaker.versions)


def _maps(isis: Isis, key: Key) -> tuple[int, tuple[Map, ...]]:
    """Those of the versions it speaks; IPv6 reachability is read by those who read wide metrics (see `Isis`)."""
    speaker = isis.hellos.speakers[key]
    (level,) = speaker.process.levels
    return level, tuple(
        isis.chart(key, version)
        for version in sorted(speaker.versions if WIDE in speaker.styles else speaker.versions & {4})
    )


def filled(isis: Isis, key: Key, found: Offered) -> tuple[array[int], array[int], tuple[tuple[NextHop, ...], ...]]:
    """Metric and next hops of every prefix on offer, as `Isis.route` has them: the nearest of those that offer it, none for
    what the process itself offers; and the next hops these point to.
    """
    speaker = isis.hellos.speakers[key]
    (level,) = speaker.process.levels
    own = found.nodes.index(speaker.node) if speaker.node in found.nodes else NO_ROUTE
    hops: Ways = {}
    metrics, ways = array("q"), array("i")
    sights: dict[int, _Sight] = {}
    for offers in found.offers:
        paths = isis.paths(key, level, offers.version)
        sight = sights.get(id(paths)) or sights.setdefault(id(paths), _sight(paths, found.nodes))
        lengths, numbers = _View(isis, offers, sight, hops).filled(own, path_limit(speaker))
        metrics.extend(lengths)
        ways.extend(numbers)
    return metrics, ways, tuple(hops)


class _Sight(NamedTuple):
    """How far each node is from a process, and over which adjacencies; the last of each is what `NOBODY` finds."""

    far: list[int]
    first: list[tuple[Hop, ...]]


def _sight(paths: Paths, nodes: tuple[Node, ...]) -> _Sight:
    distance, hops = paths.distance, paths.hops
    far = [int(distance.get(node, INFINITE)) for node in nodes]
    return _Sight([*far, INFINITE], [*(hops.get(node, ()) for node in nodes), ()])


class _View:
    """What one process sees of the prefixes of one IP version."""

    def __init__(self, isis: Isis, offers: Offers, sight: _Sight, hops: Ways) -> None:
        self._isis, self._offers, self._hops = isis, offers, hops
        self._far, self._first = sight
        self._numbers: dict[tuple[Hop, ...], int] = {(): NO_ROUTE}
        self._way = list(map(self._number, self._first))

    def _number(self, first: tuple[Hop, ...]) -> int:
        """The number of what first steps point to; `NO_ROUTE` without an adjacency that carries the IP version."""
        found = self._numbers.get(first)
        if found is None:
            hops = self._isis.next_hops(first, self._offers.version)
            found = self._numbers[first] = self._hops.setdefault(hops, len(self._hops))
        return found

    def filled(self, own: int, limit: int) -> tuple[list[int], list[int]]:
        """Metrics and ways, of what the node itself does not offer and is no farther than the limit."""
        offers, far, way = self._offers, self._far, self._way
        one = [far[node] + metric for node, metric in offers.one]
        other = [far[node] + metric for node, metric in offers.other]
        metrics = list(map(min, one, other))
        ways = [
            way[a[0]] if near < beyond else way[b[0]] if beyond < near else self._among((a, b))
            for a, b, near, beyond in zip(offers.one, offers.other, one, other, strict=True)
        ]
        for at, several in offers.many.items():
            metrics[at] = min(far[node] + metric for node, metric in several)
            ways[at] = self._among(several)
        for at in offers.of_node.get(own, ()):
            ways[at] = NO_ROUTE
        if max(metrics, default=0) > limit:
            ways = [NO_ROUTE if metric > limit else number for metric, number in zip(metrics, ways, strict=True)]
        return metrics, ways

    def _among(self, several: tuple[Bid, ...]) -> int:
        """The way towards the nearest of all, whichever they are."""
        best = min(self._far[node] + metric for node, metric in several)
        nearest = (self._first[node] for node, metric in several if self._far[node] + metric == best)
        return self._number(tuple(dict.fromkeys(hop for first in nearest for hop in first)))


def tables(rib: Rib) -> dict[str, dict[str, Mapping[Prefix, Route]]]:
    """Every table, by router and VRF; a router that is down has none."""
    filling = Filling(rib)
    found: dict[str, dict[str, Mapping[Prefix, Route]]] = {}
    for router, vrf in rib.places:
        if vrf == DEFAULT_VRF or vrf in rib.network.routers[router].vrfs:
            found.setdefault(router, {})[vrf] = filling.table((router, vrf))
    return found
