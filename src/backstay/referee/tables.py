"""The routing tables of a State, small enough to keep: a backbone of a thousand routers has millions of routes.

Most of them are IS-IS routes that nobody else offers, and of such a route only metric and next hops differ from table to
table: two numbers. `Rib.best` says what they are; `columns` and `filled` say the same a process at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import ItemsView, Iterator, Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from backstay.model.address import Prefix
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import NextHop, Route
from backstay.model.vendor import SEMANTICS
from backstay.referee.isis import Isis, Map, path_limit
from backstay.referee.isis_lsp import WIDE, Hop, Key, Node
from backstay.referee.rib import DISTANCE_NEVER, Rib
from backstay.referee.seams import Place

NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What all processes with one map are offered: prefixes (sorted), and who offers each at which metric. ``odd`` are those
    that more than distances decide on.
    """

    prefixes: tuple[Prefix, ...]
    offers: tuple[tuple[tuple[Node, int], ...], ...] = ()
    odd: frozenset[Prefix] = frozenset()
    index: Mapping[Prefix, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {prefix: at for at, prefix in enumerate(self.prefixes)})

    def __reduce__(self) -> tuple[type[Columns], tuple[tuple[Prefix, ...]]]:
        return Columns, (self.prefixes,)


NO_COLUMNS = Columns(())


def columns(maps: tuple[Map, ...]) -> Columns:
    """Those of the maps of a process, one for each IP version."""
    found: dict[Prefix, tuple[tuple[Node, int], ...]] = {}
    odd = set()
    for chart in maps:
        for prefix, offers in chart.offers.items():
            found[prefix] = tuple((offer.node, offer.metric) for offer in offers)
            if any(offer.external for offer in offers):
                odd.add(prefix)
    prefixes = tuple(sorted(found.keys() - odd))
    return Columns(prefixes, tuple(found[prefix] for prefix in prefixes), frozenset(odd))


@dataclass(eq=False, slots=True, weakref_slot=True)
class Table(Mapping[Prefix, Route]):
    """A main routing table. ``metrics`` and ``ways`` (places in ``hops``) are those of the IS-IS route of each prefix in
    ``columns``, `NONE` without one; ``others`` (sorted) are the routes of all other prefixes and None for one that has none.
    """

    columns: Columns
    distance: int
    kind: str
    metrics: array[int]
    ways: array[int]
    hops: tuple[tuple[NextHop, ...], ...]
    others: dict[Prefix, Route | None]

    def __getitem__(self, prefix: Prefix) -> Route:
        if prefix in self.others:
            found = self.others[prefix]
            if found is None:
                raise KeyError(prefix)
            return found
        at = self.columns.index[prefix]
        if self.metrics[at] == NONE:
            raise KeyError(prefix)
        return self._route(self.metrics[at], self.hops[self.ways[at]])

    def _route(self, metric: int, hops: tuple[NextHop, ...]) -> Route:
        return Route(
            protocol="isis", distance=self.distance, metric=metric, next_hops=hops, forwarding=hops, kind=self.kind
        )

    def __iter__(self) -> Iterator[Prefix]:
        return (prefix for prefix, _ in self.pairs())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def items(self) -> ItemsView[Prefix, Route]:
        """Prefixes in order, with their routes."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[Prefix, Route]]:
        """The same, as they are made."""
        others, hops, made = self.others, self.hops, self._route
        listed = list(zip(self.columns.prefixes, self.metrics, self.ways, strict=True))
        listed += [(prefix, NONE, NONE) for prefix in others if prefix not in self.columns.index]
        listed.sort(key=_prefix)
        for prefix, metric, way in listed:
            if prefix in others:
                found = others[prefix]
                if found is not None:
                    yield prefix, found
            elif metric != NONE:
                yield prefix, made(metric, hops[way])

    def same(self, other: Table) -> bool:
        """Whether the two say the same, in the same words."""
        return (
            (self.distance, self.kind, self.hops) == (other.distance, other.kind, other.hops)
            and self.metrics == other.metrics
            and self.ways == other.ways
            and self.columns.prefixes == other.columns.prefixes
            and self.others == other.others
        )


def _prefix(row: tuple[Prefix, int, int]) -> Prefix:
    return row[0]


class _Items(ItemsView[Prefix, Route]):
    """A table read from end to end."""

    _mapping: Table

    def __iter__(self) -> Iterator[tuple[Prefix, Route]]:
        return self._mapping.pairs()


_ALIVE: WeakValueDictionary[Place, Table] = WeakValueDictionary()
"""The latest table of each place that some State still holds: one that says the same as before is the same one."""


@dataclass(eq=False)
class Filling:
    """Fills the tables of one Rib; maps are shared by processes, and so are their columns."""

    rib: Rib
    _columns: dict[tuple[int, ...], Columns] = field(default_factory=dict)

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
            return self._by_columns(place, keys[0])
        routes: dict[Prefix, Route | None] = {prefix: rib.best(place, prefix) for prefix in rib.prefixes(place)}
        return Table(NO_COLUMNS, 0, "", array("q"), array("i"), (), routes)

    def _by_columns(self, place: Place, key: Key) -> Table:
        rib, isis = self.rib, self.rib.isis
        level, maps = _maps(isis, key)
        found = self._columns.get(tuple(map(id, maps)))
        if found is None:
            found = self._columns[tuple(map(id, maps))] = columns(maps)
        others: dict[Prefix, Route | None] = {
            prefix: rib.best(place, prefix) for prefix in sorted({*rib.beside_isis(place), *found.odd})
        }
        metrics, ways, hops = filled(isis, key, found)
        distance = SEMANTICS[isis.hellos.speakers[key].router.vendor].distances["isis"]
        return Table(found, distance, f"level-{level}", metrics, ways, hops, others)


def _is_plain(isis: Isis, key: Key) -> bool:
    """Whether one map is all a process looks at: one level, whose attached bits say nothing to it."""
    speaker = isis.hellos.speakers[key]
    distance = SEMANTICS[speaker.router.vendor].distances["isis"]
    if len(speaker.process.levels) != 1 or distance >= DISTANCE_NEVER:
        return False
    return not any(chart.attached for chart in _maps(isis, key)[1])


def _maps(isis: Isis, key: Key) -> tuple[int, tuple[Map, ...]]:
    """IPv6 reachability is read by those who read wide metrics (see `Isis`)."""
    speaker = isis.hellos.speakers[key]
    (level,) = speaker.process.levels
    return level, tuple(isis.chart(key, version) for version in ((4, 6) if WIDE in speaker.styles else (4,)))


def filled(isis: Isis, key: Key, found: Columns) -> tuple[array[int], array[int], tuple[tuple[NextHop, ...], ...]]:
    """Metric and next hops of every prefix of the columns, as `Isis.route` has them: the nearest of those that offer it, none
    for what the process itself offers; and the next hops these point to.
    """
    speaker = isis.hellos.speakers[key]
    (level,) = speaker.process.levels
    own, limit = speaker.node, path_limit(speaker)
    metrics, ways = array("q"), array("i")
    hops: dict[tuple[NextHop, ...], int] = {}
    numbers: dict[tuple[tuple[Hop, ...], int], int] = {}
    paths = {version: isis.paths(key, level, version) for version in {prefix.version for prefix in found.prefixes}}
    for prefix, offers in zip(found.prefixes, found.offers, strict=True):
        path = paths[prefix.version]
        metric, first = _nearest(offers, path.distance, path.hops, own)
        if not first or metric > limit:
            metric, number = NONE, NONE
        else:
            at = (first, prefix.version)
            if at not in numbers:
                numbers[at] = hops.setdefault(isis.next_hops(first, prefix.version), len(hops))
            number = numbers[at]
        metrics.append(metric)
        ways.append(number)
    return metrics, ways, tuple(hops)


def _nearest(
    offers: tuple[tuple[Node, int], ...],
    distance: Mapping[Node, float],
    hops: Mapping[Node, tuple[Hop, ...]],
    own: Node,
) -> tuple[int, tuple[Hop, ...]]:
    """The lowest metric and the first steps towards all that offer it; none where there is no way or no need."""
    if len(offers) == 1:
        node, metric = offers[0]
        far = distance.get(node)
        return (NONE, ()) if far is None or node == own else (int(far) + metric, hops[node])
    ends: dict[Node, int] = {}
    for node, metric in offers:
        if node == own:
            return NONE, ()
        far = distance.get(node)
        if far is not None:
            ends[node] = min(ends.get(node, int(far) + metric), int(far) + metric)
    best = min(ends.values(), default=NONE)
    nearest = [hops[node] for node, total in ends.items() if total == best]
    if len(nearest) == 1:
        return best, nearest[0]
    return best, tuple(dict.fromkeys(hop for several in nearest for hop in several))


def tables(rib: Rib) -> dict[str, dict[str, Mapping[Prefix, Route]]]:
    """Every table, by router and VRF; a router that is down has none."""
    filling = Filling(rib)
    found: dict[str, dict[str, Mapping[Prefix, Route]]] = {}
    for router, vrf in rib.places:
        if vrf == DEFAULT_VRF or vrf in rib.network.routers[router].vrfs:
            found.setdefault(router, {})[vrf] = filling.table((router, vrf))
    return found
