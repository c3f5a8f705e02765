"""Flows: what becomes of packets, for every source at once.

Per destination, forwarding is a graph over routers in which every hop splits equally. Many destinations are laid beside
each other in one array (node = destination x routers + router) and worked level by level: level 0 forwards to
nobody, level n only to lower ones. What has no level runs into a circle and is followed exactly (`loops`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address
from backstay.model.endpoints import loopback
from backstay.model.flows import Flow
from backstay.model.routing import DEFAULT_VRF
from backstay.model.state import Fate, FlowResult
from backstay.simulate.fib import CODE, FATES, NONE, UNEXPLORED, Branch, Fib, Target
from backstay.simulate.loops import Escape, circles, components, escape

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BATCH = 128
"""Destinations laid beside each other: enough to keep numpy busy, small enough for the cache."""

FAR = 1 << 30
WHOLE = 1.0 - 1e-9
"""A share from here on is all of it: sums of equal parts carry rounding errors."""

End = tuple[Fate, str]


class Batch:
    """Forwarding to several targets. ``rows`` are the hop sets of all nodes for the first target, then for the next; those
    nobody asks about may be `UNEXPLORED`. Arrays are flat, index ``position * nodes + node``: ``delivered`` the
    share that arrives, ``fate`` the code of the worst branch, ``distance`` hops of the shortest walk that arrives.
    """

    def __init__(self, fib: Fib, rows: Ints) -> None:
        self.fib = fib
        self.size = len(fib.nodes)
        self.rows = rows
        self._lay_out()
        self._levels()
        self.delivered: Floats = np.zeros(self.rows.size)
        self.fate: Ints = np.zeros(self.rows.size, dtype=np.int64)
        self.distance: Ints = np.full(self.rows.size, FAR, dtype=np.int64)
        self.escapes: dict[int, Escape] = {}
        self.tangled: list[list[int]] = []
        self._work_back()
        self._ends: dict[int, frozenset[End]] = {}
        self._losses: dict[int, dict[Fate, float]] = {}

    def _lay_out(self) -> None:
        """Edges of all branches: ``tail`` node, ``head`` node (NONE: an end), ``share``, ``out`` interface."""
        counts, starts, flat = self.fib.laid_out()
        many = counts[self.rows]
        self.tail: Ints = np.repeat(np.arange(self.rows.size), many)
        within = np.arange(self.tail.size) - np.repeat(np.cumsum(many) - many, many)
        branch = flat[np.repeat(starts[self.rows], many) + within]
        self.share: Floats = np.repeat(1.0 / np.maximum(many, 1), many)
        self.out: Ints = branch[:, 0]
        self.end: Ints = branch[:, 2]
        base = self.tail // max(self.size, 1) * self.size
        self.head: Ints = np.where(branch[:, 1] == NONE, NONE, base + branch[:, 1])

    def _levels(self) -> None:
        """Kahn's order from the ends back; edges are then sorted by the level of their tail."""
        inner = np.flatnonzero(self.head != NONE)
        by_head = inner[np.argsort(self.head[inner], kind="stable")]
        heads = self.head[by_head]
        waiting = np.bincount(self.tail[inner], minlength=self.rows.size)
        self.level: Ints = np.full(self.rows.size, NONE, dtype=np.int64)
        ready = np.flatnonzero(waiting == 0)
        depth = 0
        while ready.size:
            self.level[ready] = depth
            first = np.searchsorted(heads, ready, side="left")
            many = np.searchsorted(heads, ready, side="right") - first
            picks = np.repeat(first - (np.cumsum(many) - many), many) + np.arange(int(many.sum()))
            tails = self.tail[by_head[picks]]
            np.subtract.at(waiting, tails, 1)
            touched = np.unique(tails)
            ready = touched[waiting[touched] == 0]
            depth += 1
        levels = self.level[self.tail]
        order = np.argsort(levels, kind="stable")
        self._order = order[np.searchsorted(levels[order], 0) :]
        self._bounds = np.searchsorted(levels[self._order], np.arange(depth + 1))

    def _slices(self) -> Iterable[Ints]:
        """Edges level by level, from the ends back."""
        return (self._order[start:stop] for start, stop in zip(self._bounds[:-1], self._bounds[1:], strict=True))

    def _work_back(self) -> None:
        good = (self.head == NONE) & (self.end == CODE[Fate.DELIVERED])
        last = self.head == NONE
        np.add.at(self.delivered, self.tail[good], self.share[good])
        np.maximum.at(self.fate, self.tail[last], self.end[last])
        np.minimum.at(self.distance, self.tail[good], 0)
        for edges in self._slices():
            inner = edges[self.head[edges] != NONE]
            tail, head = self.tail[inner], self.head[inner]
            np.add.at(self.delivered, tail, self.share[inner] * self.delivered[head])
            np.maximum.at(self.fate, tail, self.fate[head])
            np.minimum.at(self.distance, tail, self.distance[head] + 1)
        if (self.level == NONE).any():
            self._untangle()

    def branches(self, node: int) -> tuple[Branch, ...]:
        """The branches of a flat node, heads as flat nodes too."""
        base = node // self.size * self.size
        return tuple(
            branch if branch.node == NONE else branch._replace(node=base + branch.node)
            for branch in self.fib.hop_sets[self.rows[node]]
        )

    def _untangle(self) -> None:
        """Nodes that run into a circle, in the order from the circles' exits back."""
        nodes = [int(node) for node in np.flatnonzero(self.level == NONE)]
        branches = {node: self.branches(node) for node in nodes}
        self.tangled = components(nodes, branches)
        for component in self.tangled:
            if circles(component, branches):
                inside = frozenset(component)
                for node in component:
                    self._enter(node, escape(node, inside, branches))
            else:
                self._pass(component[0], branches[component[0]])
        self._distances(nodes, branches)

    def _enter(self, node: int, found: Escape) -> None:
        self.escapes[node] = found
        arrived = sum(share for (code, _), share in found.ends.items() if code == CODE[Fate.DELIVERED])
        passed = sum(share * float(self.delivered[head]) for head, share in found.outside.items())
        self.delivered[node] = arrived + passed
        codes = [code for code, _ in found.ends] + [int(self.fate[head]) for head in found.outside]
        self.fate[node] = max(codes)

    def _pass(self, node: int, branches: tuple[Branch, ...]) -> None:
        inner = [branch.node for branch in branches if branch.node != NONE]
        share = 1.0 / len(branches)
        good = sum(branch.node == NONE and branch.fate == CODE[Fate.DELIVERED] for branch in branches)
        self.delivered[node] = share * good + sum(share * float(self.delivered[head]) for head in inner)
        ends = [branch.fate for branch in branches if branch.node == NONE]
        self.fate[node] = max(ends + [int(self.fate[head]) for head in inner])

    def _distances(self, nodes: Sequence[int], branches: Mapping[int, tuple[Branch, ...]]) -> None:
        """Shortest arriving walks of tangled nodes, by relaxation."""
        changed = True
        while changed:
            changed = False
            for node in nodes:
                inner = [int(self.distance[b.node]) + 1 for b in branches[node] if b.node != NONE]
                best = min([*inner, int(self.distance[node])])
                changed |= best < self.distance[node]
                self.distance[node] = best

    # ------------------------------------------------------------------------------------- answers

    def hops(self, node: int) -> tuple[str, ...]:
        """Routers of one shortest walk that arrives, the first by name where several are as short."""
        if self.distance[node] >= FAR:
            return ()
        names = [self._name(node)]
        while self.distance[node] > 0:
            heads = [branch.node for branch in self.branches(node) if branch.node != NONE]
            node = min((int(self.distance[head]), self._name(head), head) for head in heads)[2]
            names.append(self._name(node))
        return tuple(names)

    def _name(self, node: int) -> str:
        return self.fib.nodes[node % self.size][0]

    def ends(self, node: int) -> frozenset[End]:
        """(fate, router) of every branch that does not arrive; for a loop every router it comes back to."""
        self._explain(node)
        return self._ends[node]

    def losses(self, node: int) -> Mapping[Fate, float]:
        """The share lost, by reason."""
        self._explain(node)
        return self._losses[node]

    def _explain(self, node: int) -> None:
        """Fill in ends and losses of the node and of everything it forwards to."""
        work = [node]
        while work:
            current = work[-1]
            if current in self._ends:
                work.pop()
                continue
            parts, ends = self._outcome(current)
            missing = [head for head in parts if head not in self._ends]
            if missing:
                work.extend(missing)
                continue
            self._ends[current], self._losses[current] = self._summed(parts, ends)
            work.pop()

    def _outcome(self, node: int) -> tuple[dict[int, float], dict[tuple[int, int], float]]:
        """Shares by the node that is next (outside any circle), and by where the others end."""
        found = self.escapes.get(node)
        if found:
            return found.outside, found.ends
        branches = self.branches(node)
        share = 1.0 / len(branches)
        parts: dict[int, float] = {}
        ends: dict[tuple[int, int], float] = {}
        for branch in branches:
            if branch.node != NONE:
                parts[branch.node] = parts.get(branch.node, 0.0) + share
            else:
                ends[branch.fate, branch.at] = ends.get((branch.fate, branch.at), 0.0) + share
        return parts, ends

    def _summed(
        self, parts: Mapping[int, float], ends: Mapping[tuple[int, int], float]
    ) -> tuple[frozenset[End], dict[Fate, float]]:
        where: set[End] = set()
        losses: dict[Fate, float] = {}
        for (code, at), share in ends.items():
            fate = FATES[code]
            if fate is not Fate.DELIVERED:
                where.add((fate, self._name(at) if fate is Fate.LOOP else self.fib.routers[at]))
                losses[fate] = losses.get(fate, 0.0) + share
        for head, share in parts.items():
            where |= self._ends[head]
            for fate, lost in self._losses[head].items():
                losses[fate] = losses.get(fate, 0.0) + share * lost
        return frozenset(where), losses

    def place(self, mass: Floats) -> dict[int, float]:
        """Send traffic (``mass`` by flat node, used up) on its way; what each interface (index) comes to send."""
        loads = np.zeros(max(len(self.fib.interfaces), 1))
        for component in reversed(self.tangled):
            for node in component:
                if mass[node]:
                    self._place_tangled(node, float(mass[node]), mass, loads)
        for edges in reversed(list(self._slices())):
            flow = mass[self.tail[edges]] * self.share[edges]
            inner = self.head[edges] != NONE
            np.add.at(mass, self.head[edges][inner], flow[inner])
            leaving = self.out[edges] != NONE
            np.add.at(loads, self.out[edges][leaving], flow[leaving])
        return {int(index): float(loads[index]) for index in np.flatnonzero(loads)}

    def _place_tangled(self, node: int, amount: float, mass: Floats, loads: Floats) -> None:
        found = self.escapes.get(node)
        if found:
            for interface, share in found.loads.items():
                loads[interface] += amount * share
            for head, share in found.outside.items():
                mass[head] += amount * share
            return
        branches = self.branches(node)
        for branch in branches:
            if branch.interface != NONE:
                loads[branch.interface] += amount / len(branches)
            if branch.node != NONE:
                mass[branch.node] += amount / len(branches)


class Forwarding:
    """Answers about packets under one `Fib`; what was worked out for a target is kept."""

    def __init__(self, fib: Fib) -> None:
        self.fib = fib
        self.network = fib.network
        self._found: dict[Target, tuple[Batch, int]] = {}

    def prepare(self, asks: Iterable[tuple[str, Address]]) -> None:
        """Work out packets from routers to addresses together; asking one by one is right too, only slower."""
        wanted: dict[Target, set[int]] = {}
        for router, address in asks:
            node = self.node(router)
            target = self.target(router, address)
            if node is not None and not self._explored(target, node):
                wanted.setdefault(target, set()).add(node)
        order = sorted(wanted, key=_target_order)
        for start in range(0, len(order), BATCH):
            self._explore({target: wanted[target] for target in order[start : start + BATCH]})

    def _explored(self, target: Target, node: int) -> bool:
        found = self._found.get(target)
        return found is not None and bool(found[0].rows[found[1] + node] != UNEXPLORED)

    def _explore(self, asked: Mapping[Target, set[int]]) -> None:
        """A target asked about a second time is worked out from everywhere, so that there is no third."""
        everywhere = range(len(self.fib.nodes))
        rows = [
            self.fib.row(target, everywhere if target in self._found else sorted(nodes))
            for target, nodes in asked.items()
        ]
        batch = Batch(self.fib, np.concatenate(rows))
        for position, target in enumerate(asked):
            self._found[target] = (batch, position * batch.size)

    def at(self, router: str, address: Address) -> tuple[Batch, int] | None:
        """Packets from the router to the address: their batch and flat node; None while the router is down."""
        node = self.node(router)
        if node is None:
            return None
        target = self.target(router, address)
        if not self._explored(target, node):
            self._explore({target: {node}})
        batch, base = self._found[target]
        return batch, base + node

    def target(self, router: str, address: Address) -> Target:
        """Packets from a router to an address; the router's own address is their source."""
        if not self.fib.by_source:
            return Target(address)
        known = self.network.routers.get(router)
        return self.fib.target(address, loopback(known, address.version) if known else None)

    def node(self, router: str) -> int | None:
        """The router's node in the default VRF, None while it is down."""
        return self.fib.node_of.get((router, DEFAULT_VRF))

    def arrives(self, router: str, address: Address) -> bool:
        """Whether packets from the router arrive, on every branch: half a path answers half of the time."""
        return self.delivered(router, address) >= WHOLE

    def end_of(self, router: str, address: Address) -> str | None:
        """The router where a shortest arriving walk ends; None if none arrives."""
        found = self.at(router, address)
        hops = found[0].hops(found[1]) if found else ()
        return hops[-1] if hops else None

    def failure(self, router: str, address: Address) -> str:
        """Why packets do not all arrive, for people: ``no-route at par1``; "" when they do."""
        found = self.at(router, address)
        if found is None:
            return f"{router} is down"
        ends = sorted(found[0].ends(found[1]), key=lambda end: (-CODE[end[0]], end[1]))
        if not ends:
            return ""
        more = f" and {len(ends) - 1} more" if len(ends) > 1 else ""
        return f"{ends[0][0]} at {ends[0][1]}{more}"

    def delivered(self, router: str, address: Address) -> float:
        """The share of packets from the router that arrives."""
        found = self.at(router, address)
        return float(found[0].delivered[found[1]]) if found else 0.0

    def result(self, flow: Flow) -> FlowResult:
        """How a flow fares."""
        found = self.at(flow.router, flow.destination)
        if found is None:
            return FlowResult(flow=flow.name, delivered=0.0, fate=Fate.SOURCE_DOWN, at=(flow.router,))
        batch, node = found
        fate = FATES[int(batch.fate[node])]
        at = () if fate is Fate.DELIVERED else tuple(sorted({router for _, router in batch.ends(node)}))
        share = float(batch.delivered[node])
        return FlowResult(
            flow=flow.name, delivered=1.0 if share >= WHOLE else share, fate=fate, at=at, hops=batch.hops(node)
        )


def _target_order(target: Target) -> tuple[Address, Address]:
    return (target.address, target.source or target.address)


def results(forwarding: Forwarding, flows: Sequence[Flow]) -> Mapping[str, FlowResult]:
    """Every flow's result, by name, in name order."""
    forwarding.prepare((flow.router, flow.destination) for flow in flows)
    return {flow.name: forwarding.result(flow) for flow in sorted(flows)}
