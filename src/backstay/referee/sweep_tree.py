"""Demands to an address that IS-IS alone leads to: every router sends them on along the shortest paths to one node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from backstay.model.address import Prefix
from backstay.model.network import InterfaceRef
from backstay.referee.isis_cut import Forest, IsisCut, Torn
from backstay.referee.isis_lsp import Node
from backstay.referee.sweep_stream import LITTLE

Paces = list[tuple[int, int]]
"""By adjacency: the number of the interface, and of the router beyond."""


@dataclass(eq=False)
class TreeStream:
    """What flows to a node without a failure, routers by their number in the `Forest`: how much (Mbit/s) passes each but the
    node itself, and where it sends that. ``most``: so many equal paths are used by all; ``ports``: the numbers of interfaces.
    """

    forest: Forest
    node: Node
    prefix: Prefix
    passing: Mapping[int, float]
    paces: dict[int, Paces]
    ports: Mapping[InterfaceRef, int]
    most: int

    def __post_init__(self) -> None:
        self.root = self.forest.number[self.node]

    def diverted(self, cut: IsisCut, less: Mapping[int, float]) -> Mapping[int, float] | None:
        """What each interface carries more (or less) after a cut when ``less`` is let in. None where the node offers the
        prefix no longer, or somebody has no way to it any more or one only that not all would take.

        What passes a router that has other first steps is taken off where it went, and sent out anew. Routers send in the
        order of their distance, the farthest first: then all has come in that will.
        """
        torn, passing = cut.tree(self.node), self.passing
        moved = {at for at in torn.turned if at in passing and cut.rerouted(torn, at)}
        if (self.node, self.prefix) in cut.dropped:
            return None
        if not moved and not less:
            return {}
        more: dict[int, float] = defaultdict(float)
        carried: dict[int, float] = defaultdict(float)
        for at, mbps in less.items():
            more[at] -= mbps
        for at in sorted(moved):
            share = passing[at] / len(self.paces[at])
            for port, beyond in self.paces[at]:
                carried[port] -= share
                more[beyond] -= share
        for at in moved:
            more[at] += passing[at]
        return carried if self._flow(cut, torn, moved, more, carried) else None

    def _flow(
        self, cut: IsisCut, torn: Torn, moved: set[int], more: dict[int, float], carried: dict[int, float]
    ) -> bool:
        """Whether all of it gets to the node."""
        heap = [(-torn.far(at), at) for at in more]
        heapify(heap)
        while heap:
            at = heappop(heap)[1]
            mbps = more.pop(at, 0.0)
            if at == self.root or abs(mbps) <= LITTLE:
                continue
            stays = at not in torn.turned or (at in self.passing and at not in moved)
            paces = (self.paces.get(at) if stays else None) or self._paces(cut, torn, at)
            if not paces:
                return False
            share = mbps / len(paces)
            for port, beyond in paces:
                carried[port] += share
                if beyond not in more:
                    heappush(heap, (-torn.far(beyond), beyond))
                more[beyond] += share
        return True

    def _paces(self, cut: IsisCut, torn: Torn, at: int) -> Paces:
        """Where a router sends now; nowhere if not everything is plain."""
        far, hops = cut.ways(at, self.node)
        if far > self.forest.ceiling or len(hops) > self.most:
            return []
        number, ports = self.forest.number, self.ports
        found = [(ports[hop.local.ref], number[hop.remote.speaker.node]) for hop in hops]
        if at not in torn.turned:
            self.paces[at] = found  # as without the failure
        return found
