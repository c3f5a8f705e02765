"""BGP's choices for a few prefixes over given distances: the same selection and exchange, a fraction of the work.

Sessions and what enters BGP are those of the State the failure starts from; only next hops are farther or nearer, and the
sessions of dead routers are gone. When that is all that changes is for `exits` and `shortcut` to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from backstay.model.address import Address, Prefix
from backstay.model.network import Router
from backstay.model.routing import DEFAULT_VRF, INFINITE_DISTANCE, BgpFamily
from backstay.simulate.bgp_decision import PEER, Selection
from backstay.simulate.bgp_reach import Answer, Reach
from backstay.simulate.bgp_sessions import establish
from backstay.simulate.bgp_solve import Outcome, Solver, Task
from backstay.simulate.bgp_speaker import IBGP, Peering, externals, speakers
from backstay.simulate.bgp_tasks import Work
from backstay.simulate.rib import Local, Rib
from backstay.simulate.seams import Computed

Choice = tuple[Address | None, str]
"""The one next hop of a best path from an internal peer (None: a path of its own or from outside, or several that share
the load), and the peer it was learned from.
"""

Metric = Callable[[str, Address], int | None]
"""Metric from a router to a next hop; None: out of reach."""


class _Distances(Reach):
    """A `Reach` that asks for metrics alone; ``metric`` is set for each failure."""

    metric: Metric

    def resolve(self, router: str, vrf: str, address: Address) -> Answer:
        found = self.metric(router, address) if vrf == DEFAULT_VRF else None
        return None if found is None else (found, ())


class _Tasks(Solver):
    """Takes note of the tasks instead of solving them."""

    def __init__(self) -> None:
        self.tasks: dict[Prefix, Task] = {}

    def solve(self, task: Task) -> Outcome:
        self.tasks.update(dict.fromkeys(task.prefixes, task))
        return Outcome(task=task)


class Choices:
    """The speakers, sessions and tasks of one State."""

    def __init__(self, computed: Computed, tables: Rib) -> None:
        network, topology = computed.network, computed.topology
        underlay = Rib(network, topology, Local(network, topology), tables.igps)
        self._topology = topology
        self._speakers = speakers(network, topology)
        reach = Reach(network, topology, underlay)
        torn = frozenset((item.router, item.vrf, item.peer) for item in computed.bgp.sessions if item.tripped)
        outside = externals(network, computed.overlay)
        found = establish(network, computed.overlay, topology, self._speakers, outside, reach, torn)
        self._peerings = found.peerings
        noted = _Tasks()
        Work(self._speakers, self._peerings, underlay).outcomes(noted)
        self._tasks = noted.tasks
        self._reach = _Distances(network, topology, underlay)
        self._whole = Solver(self._speakers, self._peerings, topology, self._reach)

    def next_hops(
        self, prefixes: Iterable[Prefix], metric: Metric, dead: frozenset[str]
    ) -> Mapping[Prefix, Mapping[str, Choice]]:
        """Every router's choice for each prefix; routers without a path are left out. Raises `NotConverging`."""
        self._reach.metric = metric
        solver = self._without(dead) if dead else self._whole
        return {prefix: self._of(solver, self._left(self._tasks[prefix], dead)) for prefix in prefixes}

    def _of(self, solver: Solver, task: Task) -> Mapping[str, Choice]:
        outcome = solver.solve(task)
        found: dict[str, Choice] = {}
        for speaker in self._speakers:
            selection = solver.choice(outcome, speaker.index)
            if selection is not None:
                found[speaker.router.name] = (_next_hop(selection), selection.best.peer_text)
        return found

    def knows(self, prefix: Prefix) -> bool:
        """Whether the prefix begins somewhere as an ordinary one."""
        return prefix in self._tasks

    def _without(self, dead: frozenset[str]) -> Solver:
        kept = [replace(item, families={}) if _gone(item, dead) else item for item in self._peerings]
        return Solver(self._speakers, kept, self._topology, self._reach)

    def _left(self, task: Task, dead: frozenset[str]) -> Task:
        """What still enters."""
        if not dead:
            return task
        return Task(
            prefixes=task.prefixes,
            own=tuple(own for own in task.own if self._speakers[own.speaker].router.name not in dead),
            wire={index: wire for index, wire in task.wire.items() if not _gone(self._peerings[index], dead)},
            forced={index: path for index, path in task.forced.items() if not _gone(self._peerings[index], dead)},
        )


def _gone(peering: Peering, dead: frozenset[str]) -> bool:
    return peering.speaker.router.name in dead or (peering.external is None and peering.remote_name in dead)


def _next_hop(selection: Selection) -> Address | None:
    best = selection.best
    plain = best.source == PEER and best.kind == IBGP and len(selection.multipath) == 1
    return best.path.next_hop if plain and best.path.vrf is None else None


def steady_identity(router: Router) -> bool:
    """Whether the router id is the same whatever interfaces are up."""
    loopback = any(item.kind == "loopback" and item.addresses for item in router.interfaces.values())
    return router.router_id is not None or loopback or all(process.router_id is not None for process in router.bgp)


def keeps_from_table(family: BgpFamily) -> bool:
    """Whether BGP's choice may not be what the main table holds."""
    distances = {family.distance_internal, family.distance_external, family.distance_local}
    return family.table_map is not None or bool(family.prefix_distances) or INFINITE_DISTANCE in distances
