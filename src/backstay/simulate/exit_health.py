"""Which anycast sites withdraw under a failure, told from who still reaches whom in the interior.

A site's health rule asks for its targets there and back (`anycast`). Where the addresses on both sides are the interior's
alone, a target answers as long as a path is left between the two routers, and what answers today and has none does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.service import Anycast, Origin
from backstay.simulate.anycast import announcing, by_site, site_health
from backstay.simulate.exit_rules import Rules
from backstay.simulate.flows import Forwarding


@dataclass(frozen=True, slots=True)
class Watched:
    """One live site: the nodes of its origins, and by target that answers today the numbers of the pairs that say so."""

    nodes: tuple[int, ...]
    routers: frozenset[str]
    need: int
    targets: tuple[tuple[int, ...], ...]


class Health:
    """Pairs (``columns``, ``nodes``) to watch: whether the column's node is reached from the node."""

    def __init__(self, forwarding: Forwarding, rules: Rules) -> None:
        self._forwarding, self._network, self._rules = forwarding, forwarding.network, rules
        self.columns: list[int] = []
        self.nodes: list[int] = []
        self._pairs: dict[tuple[int, int], int] = {}
        self._clear = True
        self._sites = tuple(self._watched())

    @property
    def clear(self) -> bool:
        """Whether the watched pairs tell every site's health; where not, pairs may be missing, and none would be missed."""
        return self._clear

    def withdrawn(self, reached: npt.NDArray[np.bool_], dead: frozenset[str]) -> Sequence[int] | None:
        """Nodes whose anycast announcements end, from the pairs that are left; None where that is not clear."""
        if not self._clear:
            return None
        found: list[int] = []
        for site in self._sites:
            if site.routers <= dead:
                continue
            parts = [[bool(reached[pair]) for pair in pairs] for pairs in site.targets]
            if any(any(part) and not all(part) for part in parts):
                return None
            if sum(all(part) for part in parts) < site.need:
                found.extend(site.nodes)
        return sorted(set(found))

    def _watched(self) -> Iterable[Watched]:
        computed = self._forwarding.fib.computed
        several = sum(item.health.need > 0 for item in self._network.anycasts.values()) > 1
        for anycast in self._network.anycasts.values():
            live = announcing(self._network, computed.overlay, anycast) if anycast.health.need > 0 else ()
            for origins in by_site(live).values():
                yield self._site(anycast, origins)
                self._clear = self._clear and not several

    def _site(self, anycast: Anycast, origins: Sequence[Origin]) -> Watched:
        self._clear = self._clear and self._interior(anycast, origins)
        routers = sorted({origin.router for origin in origins})
        today: tuple[str, ...] = ()
        if self._clear:
            today = site_health(self._forwarding, anycast, origins, lambda *_: False).reached
        return Watched(
            nodes=tuple(self._rules.node[name] for name in routers),
            routers=frozenset(routers),
            need=anycast.health.need,
            targets=tuple(
                tuple(self._pair(one, other) for one in routers for other in entries(self._network, target))
                for target in today
            ),
        )

    def _pair(self, router: str, target: str) -> int:
        key = (self._rules.node[target], self._rules.node[router])
        if key not in self._pairs:
            self._pairs[key] = len(self.columns)
            self.columns.append(self._rules.column(key[0]))
            self.nodes.append(key[1])
        return self._pairs[key]

    def _interior(self, anycast: Anycast, origins: Sequence[Origin]) -> bool:
        """Whether both sides stand at routers of the graph and their addresses lead there by interior routing alone. One
        IP version is looked at where both run over one graph.
        """
        network = self._network
        if len({origin.router for origin in origins}) > 1:
            return False
        for target in anycast.health.targets:
            homes = {self._rules.node.get(name) for name in entries(network, target)}
            if target not in network.sites or None in homes:
                return False
            if not all(self._rules.leads_to(item, homes) for v in (4, 6) for item in addresses(network, target, v)):
                return False
        return all(self._own(origin) for origin in origins)

    def _own(self, origin: Origin) -> bool:
        node = self._rules.node.get(origin.router)
        router = self._network.routers[origin.router]
        own = [origin.address] if origin.address else [loopback(router, version) for version in (4, 6)]
        return node is not None and all(self._rules.leads_to(address, {node}) for address in own if address)
