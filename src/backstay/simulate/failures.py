"""Every single failure from a State: each link, router and shared-risk group down, one at a time.

Most failures only bend shortest paths; those are answered from the interior graph (`shortcut`, which proves that it may).
The others are routed anew by the engine, IGP and BGP, with the health of anycast sites followed to its end. On networks
of more than `REROUTED` routers only `MOST_REROUTED` of these are; those beyond are remarks, never guesses.

Traffic from and to routers that fail is taken to stop with them: it loads nothing and counts as unavoidable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address
from backstay.model.endpoints import entries
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import FailureResult
from backstay.simulate.exit_sweep import Answer, ExitSweep
from backstay.simulate.exits import Dead
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, Placement, capacities, place, utilisations
from backstay.simulate.probes import watched
from backstay.simulate.shortcut import Placed, Shortcut
from backstay.simulate.sweep import sweep as sweep  # noqa: PLC0414 - pairs of failures, over arrays

REROUTED = 60
MOST_REROUTED = 40

LINK, ROUTER, RISK_GROUP = "link", "router", "risk-group"

NOISE = 1e-12
"""Differences below this share are rounding: equal utilisations, amounts beside all demand."""

Again = Callable[[Overlay], Forwarding]
"""Forwarding under an overlay, computed anew, cascade included."""


Observe = Callable[[FailureResult, Mapping[InterfaceRef, float], npt.NDArray[np.float64]], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that fails: ``overlay`` is what it takes down, ``routers`` those that die with it."""

    kind: str
    name: str
    overlay: Overlay

    @property
    def routers(self) -> frozenset[str]:
        return self.overlay.routers_down


def failures_of(network: Network, overlay: Overlay) -> tuple[Failure, ...]:
    """Every link, router and risk group that is not down already, by kind and name."""
    found = [
        Failure(LINK, name, Overlay(links_down=frozenset((name,))))
        for name in sorted(network.links)
        if name not in overlay.links_down
    ]
    found += [
        Failure(ROUTER, name, Overlay(routers_down=frozenset((name,))))
        for name in sorted(network.routers)
        if name not in overlay.routers_down
    ]
    for group, links in sorted(_risk_groups(network).items()):
        if links - overlay.links_down:
            found.append(Failure(RISK_GROUP, group, Overlay(links_down=frozenset(links))))
    return tuple(found)


def _risk_groups(network: Network) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for link in network.links.values():
        for group in link.risk_groups:
            found.setdefault(group, set()).add(link.name)
    return found


def single_failures(
    forwarding: Forwarding, shares: Sequence[Part], placed: Placement, again: Again, observe: Observe | None = None
) -> tuple[tuple[FailureResult, ...], tuple[Remark, ...]]:
    """Every failure's result in the order of `failures_of`, and those that could not be computed.

    A failure the engine cannot compute (`Unproven`) is a remark, never a result. ``observe`` is told each result with
    what every interface sends then and the share of every part that arrives.
    """
    sweep = _Sweep(forwarding, shares, placed, again, observe)
    sweep.run(failures_of(forwarding.network, forwarding.fib.computed.overlay))
    return tuple(sweep.found), sweep.remarks()


class _Sweep:
    """One sweep under way."""

    def __init__(
        self,
        forwarding: Forwarding,
        shares: Sequence[Part],
        placed: Placement,
        again: Again,
        observe: Observe | None = None,
    ) -> None:
        self._observe = observe
        self._forwarding = forwarding
        self._network = forwarding.network
        self._shares = shares
        self._before = placed
        self._again = again
        self._amounts = np.array([part.mbps for part in shares])
        self._offered = float(self._amounts.sum())
        self._capacities = capacities(self._network)
        self._ends = Ends(self._network, shares)
        self._budget = MOST_REROUTED if len(self._network.routers) > REROUTED else None
        self._skipped: list[str] = []
        self._unknowns: list[Remark] = []
        self.found: list[FailureResult] = []

    def run(self, failures: Sequence[Failure]) -> None:
        """Answer all: over arrays where that is exact and nobody wants every part's share, the others one by one."""
        arrays = None
        if self._shares and self._observe is None:
            arrays = ExitSweep.build(self._forwarding, self._shares, self._before, self._ends.lone)
        answers: Sequence[Answer | None] = (
            arrays.answers([self._dead(item) for item in failures]) if arrays else [None] * len(failures)
        )
        table = Capacities(self._capacities, self._forwarding.fib.interfaces)
        for failure, answer in zip(failures, answers, strict=True):
            if answer is None:
                self.add(failure)
            else:
                worst, highest = table.worst(answer.loads)
                self._result(failure, worst, highest, answer.lost, answer.apart)

    @cached_property
    def _watched(self) -> frozenset[str] | None:
        return watched(self._forwarding)

    @cached_property
    def _shortcut(self) -> Shortcut | None:
        return Shortcut.build(self._forwarding, self._shares) if self._watched is not None else None

    def add(self, failure: Failure) -> None:
        """Answer one failure, by the shortcut where it may, else anew."""
        kept = ~self._ends.doomed(failure.routers)
        quick = self._quick(failure, kept)
        if quick is not None:
            fib = self._forwarding.fib
            sending = {fib.interfaces[index]: mbps for index, mbps in quick.loads.items()}
            self._keep(failure, kept, sending, quick.arrived)
        elif self._budget is not None and self._budget <= 0:
            self._skipped.append(f"{failure.kind} {failure.name}")
        else:
            self._route_anew(failure, kept)

    def _quick(self, failure: Failure, kept: npt.NDArray[np.bool_]) -> Placed | None:
        if self._shortcut is None or (self._watched or frozenset()) & failure.routers:
            return None
        return self._shortcut.place(self._dead(failure), kept)

    def _route_anew(self, failure: Failure, kept: npt.NDArray[np.bool_]) -> None:
        if self._budget is not None:
            self._budget -= 1
        try:
            after = self._again(self._forwarding.fib.computed.overlay | failure.overlay)
        except Unproven as error:
            self._unknowns.append(Remark("failure-not-computed", f"{failure.kind} {failure.name} down: {error}"))
            return
        chosen = np.flatnonzero(kept)
        placed = place(after, [self._shares[number] for number in chosen.tolist()])
        arrived = np.zeros(len(self._shares))
        arrived[chosen] = placed.arrived
        self._unknowns.extend((*after.fib.unknowns, *self._untold(failure, after)))
        self._keep(failure, kept, placed.sending, arrived)

    def _untold(self, failure: Failure, after: Forwarding) -> Iterator[Remark]:
        """What routing cannot tell after the failure, and could before."""
        for remark in after.fib.computed.unknowns:
            if remark not in self._forwarding.fib.computed.unknowns:
                yield replace(remark, text=f"{failure.kind} {failure.name} down: {remark.text}")

    def _keep(
        self,
        failure: Failure,
        kept: npt.NDArray[np.bool_],
        sending: Mapping[InterfaceRef, float],
        arrived: npt.NDArray[np.float64],
    ) -> None:
        more = self._amounts * (self._before.arrived - arrived)
        worst, highest = _worst(utilisations(self._capacities, sending))
        result = self._result(failure, worst, highest, float(more[kept].sum()), float(more[~kept].sum()))
        if self._observe:
            self._observe(result, sending, arrived)

    def _result(
        self, failure: Failure, worst: InterfaceRef | None, highest: float, lost: float, unavoidable: float
    ) -> FailureResult:
        result = FailureResult(
            kind=failure.kind,
            name=failure.name,
            max_utilisation=highest,
            worst=worst,
            lost_mbps=self._positive(lost),
            unavoidable_mbps=self._positive(unavoidable),
        )
        self.found.append(result)
        return result

    def _positive(self, amount: float) -> float:
        """The amount, without the noise of rounding; a failure that heals something counts as losing nothing."""
        return amount if amount > NOISE * max(self._offered, 1.0) else 0.0

    def _dead(self, failure: Failure) -> Dead:
        """What the failure takes with it: a two-ended link dies with either end."""
        routers = failure.overlay.routers_down
        links = {*failure.overlay.links_down, *(name for router in routers for name in self._links_of.get(router, ()))}
        ends = {end for name in links for end in self._network.links[name].ends}
        own = {InterfaceRef(name, item) for name in routers for item in self._network.routers[name].interfaces}
        return Dead(routers, frozenset(ends | own))

    @cached_property
    def _links_of(self) -> Mapping[str, Sequence[str]]:
        """Two-ended links by router."""
        found: dict[str, list[str]] = {}
        for link in self._network.links.values():
            for end in link.ends if len(link.ends) == 2 else ():
                found.setdefault(end.router, []).append(link.name)
        return found

    def remarks(self) -> tuple[Remark, ...]:
        """What stays open."""
        if not self._skipped:
            return tuple(self._unknowns)
        names = ", ".join(self._skipped[:5]) + (" ..." if len(self._skipped) > 5 else "")
        text = f"{len(self._skipped)} failures may change BGP's exits and were not computed: {names}"
        return (*self._unknowns, Remark("failure-not-computed", text))


def _worst(utilisation: Mapping[InterfaceRef, float]) -> tuple[InterfaceRef | None, float]:
    """The most utilised interface, the first by name of those that differ by rounding alone."""
    highest = max(utilisation.values(), default=0.0)
    worst = min((ref for ref, found in utilisation.items() if found >= highest * (1.0 - NOISE)), default=None)
    return worst, highest


class Capacities:
    """Capacities of numbered interfaces, in the order of their names."""

    def __init__(self, known: Mapping[InterfaceRef, float], interfaces: Sequence[InterfaceRef]) -> None:
        self._refs = sorted(ref for ref in interfaces if ref in known)
        number = {ref: place for place, ref in enumerate(interfaces)}
        self._places = np.array([number[ref] for ref in self._refs], dtype=np.int64)
        self._capacities = np.array([known[ref] for ref in self._refs])

    def worst(self, loads: npt.NDArray[np.float64]) -> tuple[InterfaceRef | None, float]:
        """`_worst` of loads by interface number."""
        sending = loads[self._places]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(sending > 0, sending / self._capacities, -1.0)
        highest = float(found.max(initial=-1.0))
        if highest < 0:
            return None, 0.0
        return self._refs[int(np.argmax(found >= highest * (1.0 - NOISE)))], highest


class Ends:
    """The routers that parts of demands begin and end at."""

    def __init__(self, network: Network, shares: Sequence[Part]) -> None:
        owners = _configured_on(network)
        names = {name: number for number, name in enumerate(sorted(network.routers))}
        self._names = names
        self._entry = np.array([names.get(part.router, -1) for part in shares], dtype=np.int64)
        homes: dict[tuple[str, Address], frozenset[str]] = {}
        for part in shares:
            key = (part.demand.destination, part.address)
            if key not in homes:
                homes[key] = owners.get(part.address) or frozenset(entries(network, part.demand.destination))
        self._homes = [homes[part.demand.destination, part.address] for part in shares]
        self.lone = np.array([names[min(home)] if len(home) == 1 else -1 for home in self._homes], dtype=np.int64)

    def doomed(self, routers: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Parts from or to the failed routers alone: no routing could save them."""
        numbers = np.array([self._names[name] for name in routers], dtype=np.int64)
        flags: npt.NDArray[np.bool_] = np.isin(self._entry, numbers) | np.isin(self.lone, numbers)
        if len(routers) > 1:
            flags |= np.array([bool(home) and home <= routers for home in self._homes], dtype=bool)
        return flags


def _configured_on(network: Network) -> Mapping[Address, frozenset[str]]:
    """The routers an address is configured on."""
    found: dict[Address, set[str]] = {}
    for router in network.routers.values():
        for interface in router.interfaces.values():
            for item in interface.addresses:
                found.setdefault(item.address, set()).add(router.name)
    return {address: frozenset(names) for address, names in found.items()}
