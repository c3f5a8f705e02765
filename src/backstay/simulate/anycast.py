"""Anycast sites: who is healthy, and what follows when sites that are not withdraw.

A site's health rule is evaluated on the computed forwarding, there and back: from the routers its speakers are attached
to towards a target's addresses, and from the target's routers to the speaker's address (the router's own where the router
originates the prefix itself). A target that is a service is healthy when the service works from there.

Withdrawal is monotone: a site that has withdrawn stays so within one settling. What really happens afterwards (probes come
back, sites flap) depends on timers; an audit must not count on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backstay.model.address import Address, Prefix
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.network import Network, Overlay
from backstay.model.service import Anycast, Origin
from backstay.model.state import Event, SiteHealth
from backstay.simulate.flows import Forwarding
from backstay.simulate.seams import Computed

ServiceWorks = Callable[[str, str], bool]
"""Whether a service (name) works from a router (name)."""


def announcing(network: Network, overlay: Overlay, anycast: Anycast) -> tuple[Origin, ...]:
    """Origins that are not withdrawn and whose router lives."""
    return tuple(
        origin
        for origin in anycast.origins
        if (anycast.name, origin.site) not in overlay.withdrawn
        and origin.router in network.routers
        and origin.router not in overlay.routers_down
    )


def announced(computed: Computed, anycast: Anycast, origin: Origin) -> bool:
    """Whether the origin's router holds the announcement: it has a route to one of the prefixes that comes from this
    speaker, or originates one itself.
    """
    prefixes = [prefix for prefix in anycast.prefixes if origin.address is None or _same(prefix, origin.address)]
    return any(_holds(computed, origin, prefix) for prefix in prefixes)


def _same(prefix: Prefix, address: Address) -> bool:
    return prefix.version == address.version


def _holds(computed: Computed, origin: Origin, prefix: Prefix) -> bool:
    if origin.address is not None:
        peer = str(origin.address)
        return any(
            session.established and session.peer == peer
            for session in computed.bgp.sessions
            if session.router == origin.router
        )
    route = computed.tables.route(origin.router, "default", prefix)
    return route is not None and route.protocol != "ibgp"


@dataclass(frozen=True, slots=True)
class Health:
    """One site's health: the targets that answer and those that do not."""

    site: str
    reached: tuple[str, ...]
    failed: tuple[str, ...]
    need: int

    @property
    def healthy(self) -> bool:
        return len(self.reached) >= self.need


def site_health(forwarding: Forwarding, anycast: Anycast, origins: Sequence[Origin], works: ServiceWorks) -> Health:
    """The health of one site, by all of its origins: a target is reached when any of them reaches it."""
    reached: list[str] = []
    failed: list[str] = []
    for target in anycast.health.targets:
        answers = any(_answers(forwarding, origin, target, works) for origin in origins)
        (reached if answers else failed).append(target)
    return Health(origins[0].site, tuple(reached), tuple(failed), anycast.health.need)


def _answers(forwarding: Forwarding, origin: Origin, target: str, works: ServiceWorks) -> bool:
    if target in forwarding.network.services and target not in forwarding.network.sites:
        return works(target, origin.router)
    return any(_reaches(forwarding, origin, target, version) for version in (4, 6))


def _reaches(forwarding: Forwarding, origin: Origin, target: str, version: int) -> bool:
    """There and back in one IP version: the speaker's own, or any the router has."""
    network = forwarding.network
    own = _own_address(network, origin, version)
    if own is None:
        return False
    there = any(forwarding.arrives(origin.router, address) for address in addresses(network, target, version))
    return there and any(forwarding.arrives(router, own) for router in entries(network, target))


def _own_address(network: Network, origin: Origin, version: int) -> Address | None:
    if origin.address is not None:
        return origin.address if origin.address.version == version else None
    router = network.routers.get(origin.router)
    return loopback(router, version) if router else None


def by_site(origins: Sequence[Origin]) -> dict[str, list[Origin]]:
    """Origins grouped by site, sites sorted."""
    found: dict[str, list[Origin]] = {}
    for origin in sorted(origins, key=lambda item: (item.site, item.router, str(item.address))):
        found.setdefault(origin.site, []).append(origin)
    return found


def unhealthy(forwarding: Forwarding, overlay: Overlay, works: ServiceWorks) -> dict[tuple[str, str], Health]:
    """(anycast, site) of sites that still announce and must withdraw, with why."""
    found: dict[tuple[str, str], Health] = {}
    for anycast in forwarding.network.anycasts.values():
        if anycast.health.need <= 0:
            continue
        live = announcing(forwarding.network, overlay, anycast)
        for site, origins in by_site(live).items():
            health = site_health(forwarding, anycast, origins, works)
            if not health.healthy:
                found[anycast.name, site] = health
    return found


def withdrawal(network: Network, anycast: str, health: Health, number: int) -> Event:
    """The event of a site that withdraws."""
    prefixes = ", ".join(str(prefix) for prefix in sorted(network.anycasts[anycast].prefixes))
    all_targets = (*health.reached, *health.failed)
    kind = _kind(network, all_targets)
    text = (
        f"{anycast} site {health.site} withdraws {prefixes}: "
        f"reaches {len(health.reached)} of {len(all_targets)} {kind}, needs {health.need}"
    )
    return Event(round=number, kind="site-withdrawn", subject=f"{anycast}/{health.site}", text=text)


def _kind(network: Network, targets: Sequence[str]) -> str:
    roles = {network.sites[name].role if name in network.sites else "" for name in targets}
    return "data centres" if roles and roles <= {"data-center", "dc"} else "targets"


def gone(network: Network, before: Overlay, after: Overlay, number: int) -> tuple[Event, ...]:
    """Events of prefixes that nobody announces any more after this round."""
    found = []
    for anycast in network.anycasts.values():
        if announcing(network, before, anycast) and not announcing(network, after, anycast):
            for prefix in sorted(anycast.prefixes):
                text = f"{prefix} ({anycast.name}) is announced by no site any more"
                found.append(Event(round=number, kind="prefix-gone", subject=str(prefix), text=text))
    return tuple(found)


def sites(forwarding: Forwarding, overlay: Overlay, works: ServiceWorks) -> tuple[SiteHealth, ...]:
    """Every site of every anycast at the end of the cascade."""
    found = []
    for anycast in forwarding.network.anycasts.values():
        live = by_site(announcing(forwarding.network, overlay, anycast))
        for site, origins in by_site(anycast.origins).items():
            health = site_health(forwarding, anycast, origins, works)
            up = any(announced(forwarding.fib.computed, anycast, origin) for origin in live.get(site, ()))
            found.append(
                SiteHealth(
                    anycast=anycast.name,
                    site=site,
                    announced=up,
                    reached=health.reached,
                    failed=health.failed,
                    reason="" if up else _reason(forwarding, overlay, anycast, origins),
                )
            )
    return tuple(found)


def _reason(forwarding: Forwarding, overlay: Overlay, anycast: Anycast, origins: Sequence[Origin]) -> str:
    if (anycast.name, origins[0].site) in overlay.withdrawn:
        return "withdrawn: its health rule does not hold"
    if all(forwarding.node(origin.router) is None for origin in origins):
        return "its routers are down"
    return "no session to its speaker is up"
