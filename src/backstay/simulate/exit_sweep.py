"""All single failures at once, over arrays, where every router's choice follows from distances alone.

`ExitSweep.build` puts into arrays what `shortcut.only_layer` and `reflection` prove a network to be: one interior graph,
BGP exits chosen the hot-potato way (`exit_rules`). The core (native/exits.hpp) then changes for each failure only the
distances, choices and traffic that the failure touches; a partition is no exception.

What is refused (None) is left to `shortcut` and to routing anew. That the arrays say what the engine says is checked on the
network as it is: the same load on every interface, the same traffic lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.network import InterfaceRef
from backstay.simulate import _exits
from backstay.simulate.exit_health import Health
from backstay.simulate.exit_rules import Rules
from backstay.simulate.exits import Dead, bearing
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, Placement
from backstay.simulate.reflection import Reflection
from backstay.simulate.shortcut import only_layer
from backstay.simulate.spf import UNREACHED, Paths

Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

ROUNDING = 1e-9
"""Loads of two ways of adding up are the same within this share of all demand."""

BATCH = 256
"""Failures answered at a time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One failure: load by interface number of the fib, what it loses, and what stops with the failed routers."""

    loads: Floats
    lost: float
    apart: float


class ExitSweep:
    """A network as arrays in the core."""

    def __init__(self, forwarding: Forwarding, shares: Sequence[Part], paths: Paths, rules: Rules) -> None:
        self._fib = forwarding.fib
        self._shares = shares
        self._paths = paths
        self._rules = rules
        self._health = Health(forwarding, rules)
        self._bearing = frozenset(bearing(self._fib.computed))
        self._by_interface: dict[InterfaceRef, list[int]] = {}
        self._by_router: dict[str, list[int]] = {}
        for number, edge in enumerate(paths.edges):
            for end in (edge.local, edge.remote):
                self._by_interface.setdefault(end, []).append(number)
                self._by_router.setdefault(end.router, []).append(number)
        self._threads = len(os.sched_getaffinity(0))
        self._core: _exits.Exits | None = None

    @classmethod
    def build(
        cls, forwarding: Forwarding, shares: Sequence[Part], placed: Placement, homes: npt.NDArray[np.int64]
    ) -> ExitSweep | None:
        """None for a network that is not like that. ``homes``: by part the number (among all routers, sorted) of the one
        router its destination stands at, -1 for none or several.
        """
        layer = only_layer(forwarding.fib, shares)
        if layer is None or not _plain_graph(layer.paths, forwarding):
            return None
        version = shares[0].address.version
        computed = forwarding.fib.computed
        reflection = Reflection.of(computed, version) if computed.bgp.prefixes else None
        if computed.bgp.prefixes and not (reflection and _all_told(reflection, layer.paths)):
            return None
        rules = Rules(forwarding.fib, layer, reflection)
        if not all(rules.add(address) for address in sorted({part.address for part in shares})):
            return None
        made = cls(forwarding, shares, layer.paths, rules)
        return made if made._health.clear and made._load(placed, homes) else None

    # ------------------------------------------------------------------------------------- into the core

    def _load(self, placed: Placement, homes: npt.NDArray[np.int64]) -> bool:
        """Hand everything to the core; False where its loads are not those of the engine."""
        rules, paths, fib = self._rules, self._paths, self._fib
        edges = [(edge.source, edge.target, fib.interface(edge.local), edge.metric) for edge in paths.edges]
        self._core = core = _exits.Exits(
            nodes=len(paths.keys),
            interfaces=len(fib.interfaces),
            edges=_table(edges, 4),
            closed=np.isin(np.arange(len(paths.keys)), sorted(paths.closed)).astype(np.int32),
            targets=_line(rules.columns),
            reflectors=_line(rules.reflectors),
            peer_order=_line(rules.peer_order),
        )
        begins, branches = rules.branches()
        core.destinations(
            candidates=_table(rules.candidates, 6),
            fixed=_table(rules.fixed, 2),
            rules=_table(rules.rules, 6),
            rule_begin=_line(rules.rule_begin),
            branch_begin=_line(begins),
            branches=_table(branches, 2),
        )
        core.watch(columns=_line(self._health.columns), nodes=_line(self._health.nodes))
        loads = np.zeros(len(fib.interfaces))
        try:
            dropped = core.traffic(loads=loads, **self._traffic(placed, homes))
        except RuntimeError:  # traffic runs in a circle already
            return False
        return self._agrees(placed, loads, dropped)

    def _traffic(self, placed: Placement, homes: npt.NDArray[np.int64]) -> dict[str, npt.NDArray]:  # type: ignore[type-arg]
        group = {address: number for number, address in enumerate(self._rules.addresses)}
        of_router = np.array([self._rules.node.get(name, -1) for name in self._fib.routers], dtype=np.int32)
        groups = np.array([group[part.address] for part in self._shares], dtype=np.int32)
        starts = np.array([self._rules.node.get(part.router, -1) for part in self._shares], dtype=np.int32)
        ends = np.where(homes >= 0, of_router[np.maximum(homes, 0)], -1).astype(np.int32)
        order = np.argsort(groups, kind="stable")
        amounts = np.array([part.mbps for part in self._shares])
        return {
            "places": np.ascontiguousarray(np.stack([groups, starts, ends], axis=1)[order]),
            "amounts": np.ascontiguousarray(np.stack([amounts, placed.arrived], axis=1)[order]),
            "part_begin": np.searchsorted(groups[order], np.arange(len(group) + 1)).astype(np.int32),
        }

    def _agrees(self, placed: Placement, loads: Floats, dropped: float) -> bool:
        amounts = np.array([part.mbps for part in self._shares])
        alive = np.array([part.router in self._rules.node for part in self._shares], dtype=bool)
        close = ROUNDING * max(float(amounts.sum()), 1.0)
        engine = np.zeros(len(loads))
        for ref, mbps in placed.sending.items():
            number = self._fib.interface(ref)
            if number >= len(loads):
                return False
            engine[number] = mbps
        lost = float((amounts * (1.0 - placed.arrived))[alive].sum())
        return bool(np.abs(engine - loads).max(initial=0.0) <= close) and abs(lost - dropped) <= close

    # ------------------------------------------------------------------------------------- failures

    def answers(self, failures: Sequence[Dead]) -> list[Answer | None]:
        """Every failure's answer; None where routing must answer itself."""
        found: list[Answer | None] = []
        for start in range(0, len(failures), BATCH):
            found.extend(self._batch(failures[start : start + BATCH]))
        return found

    def _batch(self, failures: Sequence[Dead]) -> list[Answer | None]:
        refused = [bool(dead.cut & self._bearing or dead.cut & self._rules.leaving) for dead in failures]
        found, reached = self._run(failures, [()] * len(failures))
        again: list[int] = []
        withdrawn: list[Sequence[int]] = []
        for number in np.flatnonzero(~reached.all(axis=1)).tolist():
            gone = self._health.withdrawn(reached[number], failures[number].routers)
            if gone is None:
                refused[number] = True
            elif gone:
                again.append(number)
                withdrawn.append(gone)
        if again:
            anew, _ = self._run([failures[number] for number in again], withdrawn)
            for number, answer in zip(again, anew, strict=True):
                found[number] = answer
        return [None if no else answer for no, answer in zip(refused, found, strict=True)]

    def _run(
        self, failures: Sequence[Dead], withdrawn: Sequence[Sequence[int]]
    ) -> tuple[list[Answer | None], npt.NDArray[np.bool_]]:
        count = len(failures)
        dead = [self._edges_of(item) for item in failures]
        nodes = [
            sorted(self._rules.node[name] for name in item.routers if name in self._rules.node) for item in failures
        ]
        loads = np.zeros((count, len(self._fib.interfaces)))
        lost, apart = np.zeros(count), np.zeros(count)
        status = np.zeros(count, dtype=np.int32)
        reached = np.ones((count, len(self._health.columns)), dtype=np.uint8)
        assert self._core is not None
        self._core.answer(
            edge_begin=_begins(dead),
            edges=_flat(dead).astype(np.uint32),
            node_begin=_begins(nodes),
            nodes=_flat(nodes),
            withdrawn_begin=_begins(withdrawn),
            withdrawn=_flat(withdrawn),
            threads=self._threads,
            loads=loads,
            lost=lost,
            apart=apart,
            status=status,
            reached=reached,
        )
        answers = [
            None if status[number] else Answer(loads[number], float(lost[number]), float(apart[number]))
            for number in range(count)
        ]
        return answers, reached.astype(bool)

    def _edges_of(self, dead: Dead) -> list[int]:
        found: set[int] = set()
        for ref in dead.interfaces:
            found.update(self._by_interface.get(ref, ()))
        for name in dead.routers:
            found.update(self._by_router.get(name, ()))
        return sorted(found)


def _all_told(reflection: Reflection, paths: Paths) -> bool:
    """Whether every router has a session with every reflector it reaches."""
    there = set(reflection.sessions())
    columns = [number for number, (name, _) in enumerate(paths.keys) if name in reflection.reflectors]
    reached = paths.distances[:, columns] < UNREACHED
    names = [name for name, _ in paths.keys]
    return all(
        (names[one], names[columns[other]]) in there or one == columns[other]
        for one, other in zip(*np.nonzero(reached), strict=True)
    )


def _plain_graph(paths: Paths, forwarding: Forwarding) -> bool:
    """Whether every live router is one node, metrics are above 0 and no path comes near the limit."""
    metrics = [edge.metric for edge in paths.edges]
    names = {name for name, _ in paths.keys}
    return (
        all(metric > 0 for metric in metrics)
        and sum(metrics) < min(paths.limit, 1 << 30)
        and len(forwarding.fib.nodes) == len(paths.keys)
        and names == set(forwarding.fib.computed.routers)
    )


def _table(rows: Sequence[Sequence[int]], width: int) -> Numbers:
    return np.array(rows, dtype=np.int32).reshape(-1, width)


def _line(values: Iterable[int]) -> Numbers:
    return np.array(list(values), dtype=np.int32)


def _begins(parts: Sequence[Sequence[int]]) -> Numbers:
    return np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int32)


def _flat(parts: Sequence[Sequence[int]]) -> Numbers:
    return np.array([item for part in parts for item in part], dtype=np.int32)
