"""Names in `backstay.yaml` that mean each other: every one must exist, and services must not depend in a circle.

The first fault is raised with its line; what is only suspicious (an AS number that differs from the configuration's,
a BGP neighbour no router has) becomes a remark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from backstay.model.address import Address
from backstay.model.endpoints import known_place
from backstay.model.errors import InputError
from backstay.model.network import Attachment, Network, Router
from backstay.model.routing import BgpNeighbor, BgpProcess
from backstay.model.selection import select
from backstay.model.source import Remark
from backstay.read.document import Document
from backstay.read.units import did_you_mean

Path = tuple[str | int, ...]
Faults = Iterator[tuple[Path, str]]


def check(network: Network, document: Document) -> tuple[Remark, ...]:
    """Remarks about a network whose intent has been read. Raises `IntentError` for the first fault by line."""
    faults: list[InputError] = [document.fault(path, message) for find in _FINDERS for path, message in find(network)]
    if faults:
        raise min(faults, key=lambda fault: fault.place.line if fault.place else 0)
    return tuple(sorted(_speakers(network, document), key=lambda remark: (str(remark.place), remark.text)))


def _names(network: Network) -> Faults:
    """One name, one meaning: sites, neighbours, anycasts and services are looked up by name alone."""
    seen: dict[str, str] = {}
    kinds: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("sites", network.sites),
        ("neighbors", network.neighbors),
        ("anycast", network.anycasts),
        ("services", network.services),
    )
    for kind, names in kinds:
        for name in names:
            other = seen.setdefault(name, kind)
            if other != kind:
                yield (kind, name), f"the name is taken: {other}.{name}"


def _attachments(network: Network) -> Faults:
    holders: dict[Attachment, str] = {}
    for name, neighbor in network.neighbors.items():
        for index, attachment in enumerate(neighbor.attachments):
            other = holders.setdefault(attachment, name)
            if other != name:
                where = f"{attachment.address} on {attachment.router}"
                yield ("neighbors", name, "attachments", index), f"{where} already belongs to neighbour {other!r}"


def _anycasts(network: Network) -> Faults:
    targets = [*network.sites, *network.services]
    for name, anycast in network.anycasts.items():
        for index, origin in enumerate(anycast.origins):
            if origin.site not in network.sites:
                path: Path = ("anycast", name, "origins", index, "site")
                yield path, f"there is no site {origin.site!r}{did_you_mean(origin.site, network.sites)}"
        for index, target in enumerate(anycast.health.targets):
            if target not in targets:
                path = ("anycast", name, "health", "targets", index)
                yield path, f"there is no site or service {target!r}{did_you_mean(target, targets)}"


def _services(network: Network) -> Faults:
    for name, service in network.services.items():
        here = ("services", name)
        for index, site in enumerate(service.sites):
            if site not in network.sites:
                yield (*here, "sites", index), f"there is no site {site!r}{did_you_mean(site, network.sites)}"
        for site, _ in service.addresses:
            if site not in service.sites:
                hint = did_you_mean(site, service.sites)
                yield (*here, "addresses", site), f"the service does not run at a site {site!r}{hint}"
        yield from _needs(network, here, service.needs)


def _access(network: Network) -> Faults:
    for name, path in network.access_paths.items():
        here = ("access", name)
        if path.source is None and path.kind != "on-site":
            yield here, f"the key 'source' is missing: {path.kind} access starts somewhere"
        if path.source is not None and not known_place(network, path.source, as_source=True):
            yield (*here, "source"), _no_place(network, path.source)
        for index, target in enumerate(path.targets):
            if not select(network, [target]):
                yield (*here, "targets", index), f"selects no router: {target!r}{did_you_mean(target, network.routers)}"
        yield from _needs(network, here, path.needs)


def _needs(network: Network, here: Path, needs: tuple[str, ...]) -> Faults:
    known = [*network.services, *network.anycasts]
    for index, need in enumerate(needs):
        if need not in known:
            yield (*here, "needs", index), f"there is no service or anycast {need!r}{did_you_mean(need, known)}"


def _tables(network: Network) -> Faults:
    roles = {site.role for site in network.sites.values()}
    for index, table in enumerate(network.limits.tables):
        if table.role not in roles:
            path = ("limits", "tables", index, "role")
            yield path, f"no site has the role {table.role!r}{did_you_mean(table.role, roles)}"


def _flows(network: Network) -> Faults:
    for flow in network.protection.flows:
        here = ("protect", "flows", flow.name)
        if not known_place(network, flow.source, as_source=True):
            yield (*here, "from"), _no_place(network, flow.source)
        if not known_place(network, flow.destination, as_source=False):
            yield (*here, "to"), _no_place(network, flow.destination)


def _no_place(network: Network, name: str) -> str:
    return f"there is no site, router or neighbour {name!r}{did_you_mean(name, places(network))}"


def places(network: Network) -> list[str]:
    """Every name traffic can come from or go to, prefixes aside."""
    return sorted({*network.sites, *network.routers, *network.neighbors, *network.anycasts})


def _circles(network: Network) -> Faults:
    """Each circle of services once, told from its first name in the alphabet."""
    done: set[str] = set()
    for name in network.services:
        circle = _circle(network, name, done)
        if circle:
            yield ("services", circle[0], "needs"), f"services need each other in a circle: {' -> '.join(circle)}"


def _circle(network: Network, start: str, done: set[str]) -> list[str]:
    """The first circle reached from ``start``, closed with its first name; [] if none is new. Depth first, by hand:
    chains can be longer than the recursion limit.
    """
    trail: list[str] = []
    waiting = [(start, False)]
    while waiting:
        name, left = waiting.pop()
        if left:
            trail.pop()
            done.add(name)
        elif name in trail:
            circle = trail[trail.index(name) :]
            done.update(trail)
            first = circle.index(min(circle))
            return [*circle[first:], *circle[:first], circle[first]]
        elif name in network.services and name not in done:
            trail.append(name)
            waiting.append((name, True))
            waiting.extend((need, False) for need in reversed(network.services[name].needs))
    return []


_FINDERS: tuple[Callable[[Network], Faults], ...] = (
    _names,
    _attachments,
    _anycasts,
    _services,
    _access,
    _tables,
    _flows,
    _circles,
)


# ------------------------------------------------------------------------------------------ BGP speakers


def _speakers(network: Network, document: Document) -> Iterator[Remark]:
    for name, neighbor in network.neighbors.items():
        for index, attachment in enumerate(neighbor.attachments):
            path: Path = ("neighbors", name, "attachments", index)
            yield from _speaker(network, document, path, attachment.router, attachment.address, neighbor.asn)
        for index, announcement in enumerate(neighbor.announcements):
            if announcement.as_path[:1] != (neighbor.asn,):
                text = f"neighbour {name} announces {announcement.prefix} with an AS path that does not start with {neighbor.asn}"
                yield Remark("as-path-start", text, None, document.place(("neighbors", name, "announces", index)))
    for name, anycast in network.anycasts.items():
        for index, origin in enumerate(anycast.origins):
            if origin.address is not None:
                path = ("anycast", name, "origins", index)
                yield from _speaker(network, document, path, origin.router, origin.address, origin.asn)


def _speaker(
    network: Network, document: Document, path: Path, router: str, address: Address, asn: int | None
) -> Iterator[Remark]:
    """Remarks when no BGP process of the router has this neighbour, or has it with another AS."""
    place = document.place(path)
    configured = list(_configured(network.routers[router], address))
    if not configured:
        yield Remark(
            "attachment", f"{router} has no BGP neighbour {address}; the session cannot come up", router, place
        )
    for process, neighbor in configured:
        expected = _remote_as(process, neighbor)
        if asn is not None and expected is not None and expected != asn:
            text = f"{router} expects AS {expected} at {address}, declared here as AS {asn}"
            yield Remark("asn-mismatch", text, router, place)


def _configured(router: Router, address: Address) -> Iterator[tuple[BgpProcess, BgpNeighbor]]:
    for process in router.bgp:
        for neighbor in process.neighbors.values():
            if neighbor.peer == address:
                yield process, neighbor
        for listen in process.listen_ranges:
            if listen.prefix.holds(address):
                yield process, listen.template


def _remote_as(process: BgpProcess, neighbor: BgpNeighbor) -> int | None:
    if neighbor.remote_as == "internal":
        return process.asn
    return neighbor.remote_as if isinstance(neighbor.remote_as, int) else None
