"""Services and the operators' ways in, on the computed forwarding.

A place is a site, a router or an external neighbour; standing there means standing at any of its routers. From an external
neighbour packets start only at attachments where it hears a prefix of ours that covers the address. Reached means there
and back, in IPv4 or in IPv6, on every equal-cost branch; the way back starts where a shortest walk there ends.

Services are evaluated to the greatest fixed point: all instances hold until something they need is lost, so a circle
of services that is up keeps itself up (reading the network reports the circle; a cold start of it is another question).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backstay.model.access import AccessPath, Service
from backstay.model.address import Address, Prefix
from backstay.model.endpoints import addresses, entries, loopback
from backstay.model.flows import sites_of
from backstay.model.selection import select
from backstay.model.state import Event, PathResult
from backstay.simulate.anycast import announcing
from backstay.simulate.flows import Forwarding

Instance = tuple[str, str]
"""(service, site); the site is "" for a service outside the network."""

IN_BAND, OUT_OF_BAND, ON_SITE = "in-band", "out-of-band", "on-site"


class Reach:
    """Who reaches whom, there and back; every answer is kept."""

    def __init__(self, forwarding: Forwarding) -> None:
        self.forwarding = forwarding
        self.network = forwarding.network
        self._heard = _heard(forwarding)
        self._own: dict[tuple[str, int], tuple[Address, ...]] = {}
        self._known: dict[tuple[str, Address], bool] = {}

    def both_ways(self, place: str, address: Address) -> bool:
        """Whether packets from the place arrive at the address and answers arrive at the place."""
        key = (place, address)
        if key not in self._known:
            self._known[key] = any(self._answers(place, start, address) for start in self.starts(place, address))
        return self._known[key]

    def _answers(self, place: str, start: str, address: Address) -> bool:
        if not self.forwarding.arrives(start, address):
            return False
        end = self.forwarding.end_of(start, address)
        own = self.own(place, address.version)
        return end is not None and any(self.forwarding.arrives(end, back) for back in own)

    def starts(self, place: str, address: Address) -> tuple[str, ...]:
        """Routers where packets from the place to the address enter."""
        if place in self.network.neighbors and place not in self.network.sites:
            return tuple(
                sorted({router for router, prefix in self._heard.get(place, ()) if prefix.holds(address)}),
            )
        return entries(self.network, place)

    def own(self, place: str, version: int) -> tuple[Address, ...]:
        """Addresses answers to the place go to."""
        key = (place, version)
        if key not in self._own:
            self._own[key] = addresses(self.network, place, version)
        return self._own[key]

    def why_not(self, place: str, targets: Iterable[Address]) -> str:
        """The first thing that is in the way, for people."""
        for address in targets:
            starts = self.starts(place, address)
            if not starts:
                return f"{place} hears no route to {address}"
            failure = self.forwarding.failure(starts[0], address)
            if failure:
                return f"{place} to {address}: {failure}"
            end = self.forwarding.end_of(starts[0], address) or ""
            return f"{address} back to {place}: {self._why_no_answer(place, end, address.version)}"
        return f"{place} has nothing to reach there"

    def _why_no_answer(self, place: str, end: str, version: int) -> str:
        own = self.own(place, version)
        return self.forwarding.failure(end, own[0]) if own else "no address of this IP version"


def _heard(forwarding: Forwarding) -> Mapping[str, tuple[tuple[str, Prefix], ...]]:
    """(router, prefix) of what each external neighbour hears."""
    found: dict[str, set[tuple[str, Prefix]]] = {}
    for item in forwarding.fib.computed.bgp.advertisements:
        found.setdefault(item.neighbor, set()).add((item.router, item.prefix))
    return {name: tuple(sorted(heard)) for name, heard in found.items()}


class Services:
    """Which service instances hold, and what works from where."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.network = reach.network
        self._overlay = reach.forwarding.fib.computed.overlay
        self.rounds: list[dict[Instance, str]] = []
        self._up: set[Instance] = {
            (service.name, site) for service in self.network.services.values() for site in service.sites or ("",)
        }
        self._settle()

    def _settle(self) -> None:
        """Take away what fails, round by round, until nothing does. ``rounds`` keeps why."""
        while True:
            reasons = {instance: self._failure(instance) for instance in sorted(self._up)}
            lost = {instance: reason for instance, reason in reasons.items() if reason}
            if not lost:
                return
            self._up -= lost.keys()
            self.rounds.append(lost)

    def _failure(self, instance: Instance) -> str:
        """Why the instance fails by itself; "" while it holds."""
        service = self.network.services[instance[0]]
        if instance[1] == "":
            broken = [need for need in service.needs if not self._stands(need)]
            return f"needs {broken[0]}" if broken else ""
        if service.network and not self._alive(instance[1]):
            return f"the routers of {instance[1]} are down"
        broken = [need for need in service.needs if not self.works(need, instance[1])]
        return f"at {instance[1]}: {self.why(broken[0], instance[1])}" if broken else ""

    def _alive(self, site: str) -> bool:
        return any(self.reach.forwarding.node(router) is not None for router in entries(self.network, site))

    def _stands(self, need: str) -> bool:
        """Whether a need holds without a place to stand at."""
        if need in self.network.anycasts:
            return bool(announcing(self.network, self._overlay, self.network.anycasts[need]))
        return self.holds(need)

    def holds(self, name: str) -> bool:
        """Whether some instance of the service holds."""
        service = self.network.services.get(name)
        return service is not None and any((name, site) in self._up for site in service.sites or ("",))

    def works(self, name: str, place: str) -> bool:
        """Whether a service or an anycast works for somebody standing at the place."""
        if name in self.network.anycasts:
            return self._resolves(name, place)
        service = self.network.services.get(name)
        return service is not None and any(self._serves(service, site, place) for site in service.sites or ("",))

    def _serves(self, service: Service, site: str, place: str) -> bool:
        if (service.name, site) not in self._up:
            return False
        if not service.network or not site:
            return True
        return any(self.reach.both_ways(place, address) for address in self.instance_addresses(service, site))

    def instance_addresses(self, service: Service, site: str) -> tuple[Address, ...]:
        """Where the instance answers: the addresses given for the site, else the site's own."""
        given = tuple(address for name, address in service.addresses if name == site)
        return given or (*addresses(self.network, site, 4), *addresses(self.network, site, 6))

    def _resolves(self, name: str, place: str) -> bool:
        anycast = self.network.anycasts[name]
        if not announcing(self.network, self._overlay, anycast):
            return False
        return any(self.reach.both_ways(place, address) for address in self._anycast_addresses(name))

    def _anycast_addresses(self, name: str) -> tuple[Address, ...]:
        return (*addresses(self.network, name, 4), *addresses(self.network, name, 6))

    def why(self, name: str, place: str) -> str:
        """Why a need does not work from a place, for people."""
        if name in self.network.anycasts:
            if not announcing(self.network, self._overlay, self.network.anycasts[name]):
                return f"{name}: announced by no site"
            return f"{name}: {self.reach.why_not(place, self._anycast_addresses(name))}"
        service = self.network.services.get(name)
        if service is None:
            return f"{name}: not a service or anycast of this network"
        standing = [site for site in service.sites if (name, site) in self._up]
        if not standing:
            return f"{name}: {self._reason(name)}"
        return f"{name}: {self.reach.why_not(place, self.instance_addresses(service, standing[0]))}"

    def _reason(self, name: str) -> str:
        reasons = (reason for lost in self.rounds for instance, reason in lost.items() if instance[0] == name)
        return next(reasons, "does not hold")

    def states(self) -> Mapping[str, bool]:
        """Every service: whether some instance of it holds."""
        return {name: self.holds(name) for name in self.network.services}

    def events(self, first_round: int) -> tuple[Event, ...]:
        """Services of which no instance is left, in the order they were lost, rounds counted from ``first_round``."""
        left = {name: len(service.sites or ("",)) for name, service in self.network.services.items()}
        found = []
        for number, lost in enumerate(self.rounds, start=first_round):
            for (name, _), reason in lost.items():
                left[name] -= 1
                if left[name] == 0:
                    text = f"{name} is lost: {reason}"
                    found.append(Event(round=number, kind="service-lost", subject=name, text=text))
        return tuple(found)


def access(services: Services) -> Mapping[str, tuple[PathResult, ...]]:
    """Every router's operator paths, in the order of their names; a router no path is meant for has none."""
    network = services.network
    _prepare(services)
    found: dict[str, list[PathResult]] = {name: [] for name in sorted(network.routers)}
    for path in network.access_paths.values():
        for router in select(network, path.targets):
            found[router].append(_path(services, path, router))
    return {name: tuple(sorted(paths, key=lambda item: item.path)) for name, paths in found.items()}


def _prepare(services: Services) -> None:
    """Work out together what the paths will ask one by one, there and back; what is left out is asked when needed."""
    network = services.network
    asks: set[tuple[str, Address]] = set()
    for path in network.access_paths.values():
        targets = select(network, path.targets)
        if path.kind == IN_BAND and path.source:
            for name in targets:
                asks |= _asked(services, path.source, name, _loopbacks(services, name)[:1])
        elif path.kind == ON_SITE:
            places = sorted({place for name in targets for place in _own_places(services, name)})
            for need in path.needs:
                for place in places:
                    asks |= _asked_of_service(services, place, need)
    services.reach.forwarding.prepare(sorted(asks))


def _asked_of_service(services: Services, place: str, need: str) -> set[tuple[str, Address]]:
    service = services.network.services.get(need)
    asks: set[tuple[str, Address]] = set()
    for site in service.sites if service and service.network else ():
        addresses_there = services.instance_addresses(services.network.services[need], site)[:1]
        for end in entries(services.network, site):
            asks |= _asked(services, place, end, addresses_there)
    return asks


def _asked(services: Services, place: str, end: str, there: Sequence[Address]) -> set[tuple[str, Address]]:
    """Packets from a place to addresses that stand at ``end``, and the answers."""
    reach = services.reach
    asks = {(start, address) for address in there for start in reach.starts(place, address)}
    return asks | {(end, back) for address in there for back in reach.own(place, address.version)}


def _loopbacks(services: Services, router: str) -> tuple[Address, ...]:
    found = (loopback(services.network.routers[router], version) for version in (4, 6))
    return tuple(address for address in found if address)


def _path(services: Services, path: AccessPath, router: str) -> PathResult:
    through: list[str] = []
    broken: list[str] = []
    if path.kind == IN_BAND:
        _in_band(services, path, router, through, broken)
    elif path.kind not in {OUT_OF_BAND, ON_SITE}:
        broken.append(f"{path.kind} is no way in that Backstay knows")
    places = (path.source,) if path.source and path.kind != ON_SITE else _own_places(services, router)
    for need in path.needs:
        if any(services.works(need, place) for place in places):
            through.append(need)
        else:
            broken.append(services.why(need, places[0]))
    return PathResult(path=path.name, kind=path.kind, works=not broken, through=tuple(through), broken=tuple(broken))


def _own_places(services: Services, router: str) -> Sequence[str]:
    """Where somebody stands who stands before the router: its sites, else itself."""
    return tuple(site.name for site in sites_of(services.network, router)) or (router,)


def _in_band(services: Services, path: AccessPath, router: str, through: list[str], broken: list[str]) -> None:
    if path.source is None:
        broken.append("no source is declared to come from")
        return
    if services.reach.forwarding.node(router) is None:
        broken.append(f"{router} is down")
        return
    own = _loopbacks(services, router)
    reached = next((address for address in own if services.reach.both_ways(path.source, address)), None)
    if reached:
        through.append(f"{path.source} to {reached} and back")
    else:
        broken.append(services.reach.why_not(path.source, own))
