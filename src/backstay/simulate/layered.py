"""One interior protocol's routes on all routers, computed when asked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backstay.model.address import Prefix
from backstay.model.state import NO_ROUTE, Adjacency, Columns, NextHop, Route
from backstay.simulate.layers import SECOND, Instance, Layer, Row, in_order, row
from backstay.simulate.spf import UNREACHED, NodeKey


@dataclass(eq=False)
class LayeredRoutes:
    """The routes of one protocol on all routers. ``instances`` maps (router, VRF) to its processes; ``fixed`` holds
    routes a node has by itself (discard routes of ranges); only a path of the first rank comes before them.
    """

    protocol: str
    layers: Sequence[Layer]
    instances: Mapping[tuple[str, str], tuple[Instance, ...]]
    adjacencies: frozenset[Adjacency] = frozenset()
    fixed: Mapping[NodeKey, Mapping[Prefix, Route]] = field(default_factory=dict)
    _rows: dict[tuple[NodeKey, int], list[Row]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, object]:
        """Stored without the rows kept: they are worked out again when asked for."""
        return {**vars(self), "_rows": {}}

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        """The protocol's best route; None if it has none, or the prefix is the router's own."""
        instances = self.instances.get((router, vrf))
        if instances is None:
            return None
        if len(instances) == 1:
            return self._of_instance(instances[0], prefix)
        found = [route for item in instances if (route := self._of_instance(item, prefix)) is not None]
        return min(found, key=_preference) if found else None

    def table(self, router: str, vrf: str) -> dict[Prefix, Route]:
        """All routes of a router, equal to what `route` gives; much faster than one by one."""
        found: dict[Prefix, Route] = {}
        for instance in self.instances.get((router, vrf), ()):
            for prefix, route in self._table_of(instance).items():
                other = found.get(prefix)
                if other is None or _preference(route) < _preference(other):
                    found[prefix] = route
        return found

    def known(self) -> Iterator[Prefix]:
        """Every prefix of every layer; repeats are possible."""
        for layer in self.layers:
            yield from layer.block.prefixes
        for routes in self.fixed.values():
            yield from routes

    def signature(self, prefix: Prefix) -> Hashable:
        """Prefixes of equal signature get equal routes from this protocol on routers that do not own them."""
        return tuple(
            layer.block.signature(number) if (number := layer.block.index.get(prefix)) is not None else None
            for layer in self.layers
        )

    def fingerprint(self, router: str, vrf: str) -> Hashable:
        """Equal fingerprints, equal routes of the router."""
        return tuple(
            (
                instance.maximum_paths,
                tuple(sorted(self.fixed.get(instance.key, {}).items(), key=lambda item: item[0])),
                tuple(seen.fingerprint() for version in (4, 6) for seen in self._rows_of(instance, version)),
            )
            for instance in self.instances.get((router, vrf), ())
        )

    def rows(self, router: str, vrf: str) -> list[Row] | None:
        """The rows of the router's only process, where every prefix stands in one row and nothing stands beside the
        rows: they are all there is to compare then. None otherwise.
        """
        instances = self.instances.get((router, vrf), ())
        if len(instances) > 1 or any(self.fixed.get(instance.key) for instance in instances):
            return None
        rows = [seen for instance in instances for version in (4, 6) for seen in self._rows_of(instance, version)]
        versions = [seen.layer.version for seen in rows]
        alone = len(versions) == len(set(versions)) and all(seen.plain for seen in rows)
        return rows if alone else None

    def columns(self, seen: Row, apart: Iterable[Prefix]) -> Columns:
        """A plain row's routes but for the prefixes that stand apart."""
        block, second = seen.layer.block, seen.layer.second
        places: dict[int, int] = {}
        routes: list[Route] = []
        for mask in dict.fromkeys(seen.masks):
            hops = seen.hops(mask)
            places[mask] = len(routes) if hops else NO_ROUTE
            routes += [self._made(seen, 0, 0, hops)] if hops else []
        ways = [places[mask] for mask in seen.masks]
        for prefix in apart:
            if prefix in block.index:
                ways[block.index[prefix]] = NO_ROUTE
        return Columns(block.prefixes, [key >> SECOND for key in seen.keys] if second else seen.keys, ways, routes)

    # ------------------------------------------------------------------------------------- one route

    def _of_instance(self, instance: Instance, prefix: Prefix) -> Route | None:
        best: list[tuple[Row, int]] = []
        rank = None
        for seen in self._rows_of(instance, prefix.version):
            number = seen.layer.block.index.get(prefix)
            if number is None or seen.keys[number] >= UNREACHED:
                continue
            if rank is not None and seen.layer.rank > rank:
                break
            rank = seen.layer.rank
            best.append((seen, number))
        fixed = self.fixed.get(instance.key, {}).get(prefix) if self.fixed else None
        if not best or (fixed is not None and rank != 0):
            return fixed
        if len(best) == 1 and best[0][0].plain:
            return self._plain(*best[0]) or fixed
        return self._merged(instance, prefix, best) or fixed

    def _plain(self, seen: Row, number: int) -> Route | None:
        hops = seen.hops(seen.masks[number])
        return self._made(seen, seen.keys[number], 0, hops) if hops else None

    def _merged(self, instance: Instance, prefix: Prefix, best: list[tuple[Row, int]]) -> Route | None:
        """Paths of one rank from several graphs: the lowest key, the next hops of all that have it."""
        key = min(seen.keys[number] for seen, number in best)
        chosen = [(seen, number) for seen, number in best if seen.keys[number] == key]
        hops: set[NextHop] = set()
        for seen, number in chosen:
            beside = seen.beside(prefix)
            hops |= set(seen.hops(seen.masks[number])) or ({beside} if beside else set())
        if not hops:
            return None
        tag = min(seen.tag(number) for seen, number in chosen)
        return self._made(chosen[0][0], key, tag, in_order(hops, instance.maximum_paths))

    def _made(self, seen: Row, key: int, tag: int, hops: tuple[NextHop, ...]) -> Route:
        layer = seen.layer
        return Route(
            protocol=self.protocol,
            distance=seen.distance,
            metric=key >> SECOND if layer.second else key,
            next_hops=hops,
            forwarding=hops,
            tag=tag,
            kind=layer.kind,
        )

    # ------------------------------------------------------------------------------------- whole tables

    def _table_of(self, instance: Instance) -> dict[Prefix, Route]:
        """Rows laid over each other by rank; prefixes that more than one row of a rank has, or that have routes
        beside the rows, are decided one by one.
        """
        found: dict[Prefix, Route] = {}
        rank_of: dict[Prefix, int] = {}
        singly = set(self.fixed.get(instance.key, ()))
        for seen in (*self._rows_of(instance, 4), *self._rows_of(instance, 6)):
            rank = seen.layer.rank
            for prefix, route in self._of_row(seen):
                known = rank_of.setdefault(prefix, rank)
                if known == rank and (prefix in found or not seen.plain):
                    singly.add(prefix)
                elif known == rank and route is not None:
                    found[prefix] = route
        for prefix in singly:
            decided = self._of_instance(instance, prefix)
            if decided is None:
                found.pop(prefix, None)
            else:
                found[prefix] = decided
        return found

    def _of_row(self, seen: Row) -> Iterator[tuple[Prefix, Route | None]]:
        """A row's routes; None where the node reaches the prefix without leaving (its own) or more than the row
        decides.
        """
        for prefix, key, mask in zip(seen.layer.block.prefixes, seen.keys, seen.masks, strict=True):
            if key < UNREACHED:
                hops = seen.hops(mask) if seen.plain else ()
                yield prefix, self._made(seen, key, 0, hops) if hops else None

    def _rows_of(self, instance: Instance, version: int) -> list[Row]:
        """The process's rows of one IP version, by rank."""
        key = (instance.key, version)
        known = self._rows.get(key)
        if known is None:
            layers = sorted(self.layers, key=lambda layer: layer.rank)
            seen = (row(layer, instance) for layer in layers if layer.version == version)
            known = self._rows[key] = [item for item in seen if item is not None]
        return known


def _preference(route: Route) -> tuple[int, int]:
    return (route.distance, route.metric)
