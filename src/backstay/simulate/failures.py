"""Every single failure from a State: each link, router and shared-risk group down, one at a time.

Each failure is routed anew by the engine itself, IGP and BGP, and the health of anycast sites is followed to its end, so
the answer is as exact as the State. That is asked of networks of up to `EXACT_ROUTERS` routers; on larger ones a failure
is routed anew all the same unless nothing of this State could notice it (`unnoticed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.address import Address
from backstay.model.endpoints import entries
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef, Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import FailureResult
from backstay.simulate.flows import Forwarding
from backstay.simulate.loads import Part, Placement, place, utilisations

EXACT_ROUTERS = 60

LINK, ROUTER, RISK_GROUP = "link", "router", "risk-group"

Again = Callable[[Overlay], Forwarding]
"""Forwarding under an overlay, computed anew, cascade included."""


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
    forwarding: Forwarding, shares: Sequence[Part], placed: Placement, again: Again
) -> tuple[tuple[FailureResult, ...], tuple[Remark, ...]]:
    """Every failure's result in the order of `failures_of`, and those that could not be computed.

    A failure the engine cannot compute (`Unproven`) is a remark, never a result.
    """
    base = forwarding.fib.computed.overlay
    owners = _configured_on(forwarding.network)
    found: list[FailureResult] = []
    unknowns: list[Remark] = []
    for failure in failures_of(forwarding.network, base):
        try:
            after = again(base | failure.overlay)
            found.append(_result(failure, shares, placed, after, owners))
            unknowns.extend(after.fib.unknowns)
        except Unproven as error:
            unknowns.append(Remark("failure-not-computed", f"{failure.kind} {failure.name} down: {error}"))
    return tuple(found), tuple(unknowns)


def _result(
    failure: Failure,
    shares: Sequence[Part],
    before: Placement,
    after: Forwarding,
    owners: Mapping[Address, frozenset[str]],
) -> FailureResult:
    placed = place(after, shares)
    amounts = np.array([part.mbps for part in shares])
    more = amounts * (before.arrived - placed.arrived)
    doomed = _doomed(failure, shares, owners, after.network)
    worst, highest = _worst(utilisations(after.network, placed.sending))
    return FailureResult(
        kind=failure.kind,
        name=failure.name,
        max_utilisation=highest,
        worst=worst,
        lost_mbps=_positive(more[~doomed]),
        unavoidable_mbps=_positive(more[doomed]),
    )


def _positive(amounts: npt.NDArray[np.float64]) -> float:
    """The sum, without the noise of rounding; a failure that heals something counts as losing nothing."""
    total = float(amounts.sum())
    return total if total > 1e-9 else 0.0


def _worst(utilisation: Mapping[InterfaceRef, float]) -> tuple[InterfaceRef | None, float]:
    """The most utilised interface, the first by name of equal ones."""
    worst = min(utilisation, key=lambda ref: (-utilisation[ref], ref), default=None)
    return worst, utilisation[worst] if worst else 0.0


def _doomed(
    failure: Failure, shares: Sequence[Part], owners: Mapping[Address, frozenset[str]], network: Network
) -> npt.NDArray[np.bool_]:
    """Parts from or to the failed routers themselves: no routing could save them."""
    if not failure.routers:
        return np.zeros(len(shares), dtype=bool)
    ends: dict[tuple[str, Address], bool] = {}
    flags = np.zeros(len(shares), dtype=bool)
    for number, part in enumerate(shares):
        key = (part.demand.destination, part.address)
        if key not in ends:
            homes = owners.get(part.address) or frozenset(entries(network, part.demand.destination))
            ends[key] = bool(homes) and homes <= failure.routers
        flags[number] = part.router in failure.routers or ends[key]
    return flags


def _configured_on(network: Network) -> Mapping[Address, frozenset[str]]:
    """The routers an address is configured on."""
    found: dict[Address, set[str]] = {}
    for router in network.routers.values():
        for interface in router.interfaces.values():
            for item in interface.addresses:
                found.setdefault(item.address, set()).add(router.name)
    return {address: frozenset(names) for address, names in found.items()}
