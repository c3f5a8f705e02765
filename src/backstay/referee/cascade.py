"""What follows from routing: DNS sites that judge themselves unhealthy and withdraw, services, the operators' ways in.

All of it by asking plainly: who reaches whom, there and back. Each question is answered from the tables of the round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from backstay.model.access import AccessPath, Service
from backstay.model.address import Address
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.errors import Unproven
from backstay.model.flows import sites_of
from backstay.model.network import Network, Overlay
from backstay.model.selection import select
from backstay.model.service import Anycast, Origin
from backstay.model.state import Event, PathResult, SiteHealth
from backstay.referee.converge import Routing, converge
from backstay.referee.traffic import Arrival, arrivals

VERSIONS = (4, 6)


@dataclass(eq=False)
class World:
    """One round of routing with its withdrawals, to be asked about reachability, services and names."""

    routing: Routing
    overlay: Overlay
    _works: dict[tuple[str, str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network = self.routing.network
        self._arrival: Callable[[str, Address], Arrival] = arrivals(self.network, self.overlay)

    # ------------------------------------------------------------------------------------ there and back

    def arrives_at(self, router: str, address: Address, place: str = "") -> frozenset[str]:
        """The routers at which packets for a place's address arrive; none unless every branch arrives."""
        arrived = self._arrival(place, address)
        ends = self.routing.walker.ends(router, address)
        return frozenset(end.router for end in ends) if all(arrived(end) for end in ends) else frozenset()

    def both_ways(self, router: str, home: Address | None, address: Address, place: str) -> bool:
        """There from the router, and back to ``home`` from wherever the packets arrived."""
        if home is None:
            return False
        ends = self.arrives_at(router, address, place)
        return bool(ends) and all(self._back(end, home, router) for end in ends)

    def _back(self, start: str, home: Address, router: str) -> bool:
        """To an address on the router, or next to it (a server's)."""
        ends = self.arrives_at(start, home)
        return bool(ends) and ends <= {router}

    # ------------------------------------------------------------------------------------ names and services

    def works(self, name: str, place: str) -> bool:
        """Whether a service or an anycast works for somebody at the place: a site, a router or a neighbour."""
        at = (name, place)
        if at not in self._works:
            anycast = self.network.anycasts.get(name)
            found = self._answers(anycast, place) if anycast else self._serves(self.network.services[name], place)
            self._works[at] = found
        return self._works[at]

    def holds(self, name: str) -> bool:
        """Whether some instance of a service is there with all it needs, or some site of an anycast announces."""
        anycast = self.network.anycasts.get(name)
        if anycast:
            return any((name, origin.site) not in self.overlay.withdrawn for origin in self._standing(anycast))
        service = self.network.services[name]
        return any(self._stands(service, site) for site in service.sites or ("",))

    def _standing(self, anycast: Anycast) -> Iterator[Origin]:
        return (origin for origin in anycast.origins if origin.router in self.routing.wiring.routers)

    def starts(self, place: str, address: Address) -> tuple[str, ...]:
        """Routers where packets from the place to the address enter: a neighbour's where it hears a route to it."""
        if place in self.network.neighbors and place not in self.network.sites:
            heard = (item for item in self.routing.bgp.advertisements if item.neighbor == place)
            return tuple(sorted({item.router for item in heard if item.prefix.holds(address)}))
        return tuple(name for name in entries(self.network, place) if name in self.routing.wiring.routers)

    def reached(self, place: str, address: Address, target: str) -> bool:
        """There from some router of the place, and back to an address of the place from wherever that arrived."""
        homes = addresses(self.network, place, address.version)
        for start in self.starts(place, address):
            ends = self.arrives_at(start, address, target)
            if ends and any(all(self.arrives_at(end, home, place) for end in ends) for home in homes):
                return True
        return False

    def _answers(self, anycast: Anycast, place: str) -> bool:
        """Some prefix of it is reached at a site that announces, and the answer comes back."""
        return self.holds(anycast.name) and any(
            self.reached(place, address, anycast.name)
            for version in VERSIONS
            for address in addresses(self.network, anycast.name, version)
        )

    def _serves(self, service: Service, place: str) -> bool:
        return any(self._instance(service, site, place) for site in service.sites or ("",))

    def _instance(self, service: Service, site: str, place: str) -> bool:
        """An instance that stands serves who reaches it; one outside the network, or without need of it, everybody."""
        if not self._stands(service, site):
            return False
        return not (service.network and site) or any(
            self.reached(place, address, site) for address in self._addresses(service, site)
        )

    def _stands(self, service: Service, site: str) -> bool:
        """Its routers are up and what it needs works from its site; for one outside the network: what it needs holds."""
        if not site:
            return all(self.holds(need) for need in service.needs)
        up = any(name in self.routing.wiring.routers for name in entries(self.network, site))
        return (up or not service.network) and all(self.works(need, site) for need in service.needs)

    def _addresses(self, service: Service, site: str) -> Iterator[Address]:
        declared = [address for name, address in service.addresses if name == site]
        yield from declared or (address for version in VERSIONS for address in addresses(self.network, site, version))

    def _home(self, router: str, version: int) -> Address | None:
        return loopback(self.network.routers[router], version)

    # ------------------------------------------------------------------------------------ health of DNS sites

    def health(self, anycast: Anycast, site: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Targets of the health rule that answer a site, and those that do not."""
        origins = [origin for origin in anycast.origins if origin.site == site]
        reached = tuple(target for target in anycast.health.targets if any(self._hears(o, target) for o in origins))
        return reached, tuple(target for target in anycast.health.targets if target not in reached)

    def _hears(self, origin: Origin, target: str) -> bool:
        if origin.router not in self.routing.wiring.routers:
            return False
        if target in self.network.services:
            return self.works(target, origin.router)
        return any(
            self.both_ways(origin.router, home, address, target)
            for version in VERSIONS
            for home in [self._server(origin, version)]
            for address in addresses(self.network, target, version)
        )

    def _server(self, origin: Origin, version: int) -> Address | None:
        """Where the answer goes: the server's own address, or the router's where it originates the prefix itself."""
        if origin.address is None:
            return self._home(origin.router, version)
        return origin.address if origin.address.version == version else None

    def live(self, anycast: Anycast, site: str) -> bool:
        """Whether a site that wants to announce can: an origin whose router is up and whose session is."""
        return any(self._speaks(origin) for origin in anycast.origins if origin.site == site)

    def _speaks(self, origin: Origin) -> bool:
        if origin.router not in self.routing.wiring.routers or origin.address is None:
            return origin.router in self.routing.wiring.routers
        return any(
            session.established and session.router == origin.router and session.peer == str(origin.address)
            for session in self.routing.bgp.sessions
        )


# ------------------------------------------------------------------------------------------------ the cascade


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of the cascade: the last round, and what happened on the way, in order."""

    world: World
    overlay: Overlay
    events: tuple[Event, ...]


def settle(network: Network, overlay: Overlay) -> Settled:
    """Routing, health, withdrawals, routing again, until no more site withdraws (one that has, does not come back)."""
    world = World(converge(network, overlay), overlay)
    events = [*world.routing.bgp.events]
    for number in range(1, 2 + sum(len(anycast.origins) for anycast in network.anycasts.values())):
        failing = tuple(_failing(world))
        if not failing:
            break
        events += (_withdrawal(number, anycast, site, failed) for anycast, site, failed in failing)
        withdrawn = frozenset((anycast.name, site) for anycast, site, _failed in failing)
        overlay = replace(overlay, withdrawn=overlay.withdrawn | withdrawn)
        world = World(converge(network, overlay), overlay)
        events += _gone(number, world, {anycast.name for anycast, _site, _failed in failing})
    else:
        raise Unproven("DNS sites go on withdrawing after every one of them has")
    return Settled(world, overlay, tuple(events))


def _failing(world: World) -> Iterator[tuple[Anycast, str, tuple[str, ...]]]:
    for anycast in world.network.anycasts.values():
        for site in _sites(anycast):
            if anycast.health.need and (anycast.name, site) not in world.overlay.withdrawn:
                reached, failed = world.health(anycast, site)
                if len(reached) < anycast.health.need:
                    yield anycast, site, failed


def _sites(anycast: Anycast) -> list[str]:
    return sorted({origin.site for origin in anycast.origins})


def _withdrawal(number: int, anycast: Anycast, site: str, failed: Iterable[str]) -> Event:
    text = f"{site} withdraws {anycast.name}: no answer from {', '.join(failed)}"
    return Event(round=number, kind="site-withdrawn", subject=f"{anycast.name} at {site}", text=text)


def _gone(number: int, world: World, names: set[str]) -> Iterator[Event]:
    for name in sorted(names):
        anycast = world.network.anycasts[name]
        if all((name, site) in world.overlay.withdrawn for site in _sites(anycast)):
            prefixes = ", ".join(map(str, anycast.prefixes))
            text = f"no site announces {prefixes} any more: {name} is gone"
            yield Event(round=number, kind="prefix-gone", subject=name, text=text)


def site_health(settled: Settled) -> tuple[SiteHealth, ...]:
    """Every origin site of every anycast at the end."""
    return tuple(
        _site_health(settled, anycast, site)
        for _name, anycast in sorted(settled.world.network.anycasts.items())
        for site in _sites(anycast)
    )


def _site_health(settled: Settled, anycast: Anycast, site: str) -> SiteHealth:
    reached, failed = settled.world.health(anycast, site)
    withdrawn = (anycast.name, site) in settled.overlay.withdrawn
    live = settled.world.live(anycast, site)
    reason = "withdrawn" if withdrawn else "" if live else "its session or router is down"
    return SiteHealth(
        anycast=anycast.name, site=site, announced=live and not withdrawn, reached=reached, failed=failed, reason=reason
    )


# ------------------------------------------------------------------------------------------------ services, operators


def service_states(world: World) -> dict[str, bool]:
    """A service is there when some instance of it holds, whoever reaches it."""
    return {name: world.holds(name) for name in sorted(world.network.services)}


def access(world: World) -> dict[str, tuple[PathResult, ...]]:
    """Every operator path to every router it is meant for."""
    found: dict[str, list[PathResult]] = {name: [] for name in world.network.routers}
    for _name, path in sorted(world.network.access_paths.items()):
        for router in select(world.network, path.targets):
            found[router].append(_path(world, path, router))
    return {name: tuple(paths) for name, paths in found.items()}


def _path(world: World, path: AccessPath, router: str) -> PathResult:
    """The way in itself, then what the operators need where they stand."""
    through: list[str] = []
    broken: list[str] = []
    if path.kind == "in-band":
        text = f"{path.source} to {router} and back"
        (through if _in_band(world, path.source, router) else broken).append(text)
    places = _places(world, path, router)
    for need in path.needs:
        (through if any(world.works(need, place) for place in places) else broken).append(need)
    return PathResult(path=path.name, kind=path.kind, works=not broken, through=tuple(through), broken=tuple(broken))


def _places(world: World, path: AccessPath, router: str) -> tuple[str, ...]:
    """Where the operators stand: at the source, or for a walk-in at the target's own site."""
    if path.source and path.kind != "on-site":
        return (path.source,)
    return tuple(site.name for site in sites_of(world.network, router)) or (router,)


def _in_band(world: World, source: str | None, router: str) -> bool:
    """From the source to the router's loopback and back, by IPv4 or by IPv6."""
    if source is None or router not in world.routing.wiring.routers:
        return False
    own = (loopback(world.network.routers[router], version) for version in VERSIONS)
    return any(address is not None and world.reached(source, address, router) for address in own)
