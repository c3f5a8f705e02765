"""The cascade: what follows from a network's own reaction, round by round, until nothing more does.

Round 0 is routing's own reaction. Then every site of every anycast looks at its health; those below their rule withdraw,
all of one round together, and routing is computed again. A withdrawn site stays withdrawn (`anycast`), so there are at
most as many rounds as sites. Services and operator paths are evaluated at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from backstay.model.flows import protected_flows
from backstay.model.network import Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import Event, FailureResult
from backstay.simulate import access, anycast
from backstay.simulate.failures import single_failures
from backstay.simulate.fib import Fib
from backstay.simulate.flows import Forwarding, results
from backstay.simulate.loads import Part, Placement, loads, parts, place
from backstay.simulate.seams import Compute, Computed, Settled


class Standing:
    """Forwarding over some routing, and the services that stand on it, worked out when somebody asks."""

    def __init__(self, computed: Computed) -> None:
        self.forwarding = Forwarding(Fib(computed))

    @cached_property
    def services(self) -> access.Services:
        """Which hold, and what works from where."""
        return access.Services(access.Reach(self.forwarding))

    def works(self, name: str, place: str) -> bool:
        """`access.Services.works`."""
        return self.services.works(name, place)


@dataclass(frozen=True, slots=True)
class Calm:
    """Routing after the last withdrawal and what stands on it; ``told`` is what happened on the way, in ``rounds`` rounds."""

    computed: Computed
    standing: Standing
    told: tuple[Event, ...]
    rounds: int

    @property
    def forwarding(self) -> Forwarding:
        """As the last withdrawal left it."""
        return self.standing.forwarding

    @property
    def services(self) -> access.Services:
        """As the last withdrawal left them."""
        return self.standing.services

    @property
    def events(self) -> tuple[Event, ...]:
        """All that happened; services that are lost come last."""
        return (*self.told, *self.services.events(self.rounds + 1))


def settle(network: Network, overlay: Overlay, compute: Compute, sweep: bool = False) -> Settled:
    """Follow the cascade to its end and evaluate everything there.

    With ``sweep`` every single link, router and risk-group failure from there too. ``Settled.computed`` carries the
    overlay with all withdrawals. Raises whatever ``compute`` raises, `Unproven` above all.
    """
    calm = calm_down(network, overlay, compute)
    shares, unplaced = parts(network)
    flows = results(calm.forwarding, protected_flows(network))
    placed = place(calm.forwarding, shares)
    ways = access.access(calm.services)
    swept, inexact = _sweep(calm, shares, placed, compute) if sweep else (None, ())
    unknowns = (*calm.computed.unknowns, *calm.forwarding.fib.unknowns, *unplaced, *inexact)
    return Settled(
        computed=calm.computed,
        flows=flows,
        loads=loads(calm.forwarding, shares, placed),
        sites=anycast.sites(calm.forwarding, calm.computed.overlay, calm.services.works),
        services=calm.services.states(),
        access=ways,
        cascade=calm.events,
        sweep=swept,
        unknowns=tuple(dict.fromkeys(unknowns)),
    )


def calm_down(network: Network, overlay: Overlay, compute: Compute) -> Calm:
    """Compute, let unhealthy sites withdraw, compute again, until none does."""
    computed = compute(overlay)
    standing = Standing(computed)
    events = list(_routing_events(computed, 0, ()))
    number = 0
    while failing := anycast.unhealthy(standing.forwarding, computed.overlay, standing.works):
        number += 1
        before = computed.overlay
        after = replace(before, withdrawn=before.withdrawn | failing.keys())
        events += [anycast.withdrawal(network, name, health, number) for (name, _), health in sorted(failing.items())]
        events += anycast.gone(network, before, after, number)
        computed = compute(after)
        standing = Standing(computed)
        events += _routing_events(computed, number, events)
    return Calm(computed, standing, tuple(events), number)


def _routing_events(computed: Computed, number: int, told: Iterable[Event]) -> list[Event]:
    """What routing itself reports in a round, such as sessions that trip, where it was not told before."""
    known = {(event.kind, event.subject) for event in told}
    fresh = [event for event in computed.bgp.events if (event.kind, event.subject) not in known]
    return sorted((replace(event, round=number) for event in fresh), key=lambda event: (event.kind, event.subject))


def _sweep(
    calm: Calm, shares: tuple[Part, ...], placed: Placement, compute: Compute
) -> tuple[tuple[FailureResult, ...], tuple[Remark, ...]]:
    """Every single failure; in each the sites' health is followed to its end too."""

    def again(overlay: Overlay) -> Forwarding:
        return calm_down(calm.computed.network, overlay, compute).forwarding

    return single_failures(calm.forwarding, shares, placed, again)
