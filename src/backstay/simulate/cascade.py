"""The cascade: what follows from a network's own reaction, round by round, until nothing more does.

Round 0 is routing's own reaction. Then every site of every anycast looks at its health; those below their rule withdraw,
all of one round together, and routing is computed again. A withdrawn site stays withdrawn (`anycast`), so there are at
most as many rounds as sites. Services and operator paths are evaluated at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Calm:
    """Routing after the last withdrawal, with the forwarding and services on it."""

    computed: Computed
    forwarding: Forwarding
    services: access.Services
    events: tuple[Event, ...]


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
    forwarding, services = _stand(computed)
    events = list(_routing_events(computed, 0, ()))
    number = 0
    while failing := anycast.unhealthy(forwarding, computed.overlay, services.works):
        number += 1
        before = computed.overlay
        after = replace(before, withdrawn=before.withdrawn | failing.keys())
        events += [anycast.withdrawal(network, name, health, number) for (name, _), health in sorted(failing.items())]
        events += anycast.gone(network, before, after, number)
        computed = compute(after)
        forwarding, services = _stand(computed)
        events += _routing_events(computed, number, events)
    events += services.events(number + 1)
    return Calm(computed, forwarding, services, tuple(events))


def _stand(computed: Computed) -> tuple[Forwarding, access.Services]:
    forwarding = Forwarding(Fib(computed))
    return forwarding, access.Services(access.Reach(forwarding))


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
