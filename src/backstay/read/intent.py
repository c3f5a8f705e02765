"""`backstay.yaml`: what configurations do not say, checked against the routers that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstay.model.access import AccessPath, Service
from backstay.model.errors import IntentError
from backstay.model.network import (
    Announcement,
    Attachment,
    InterfaceRef,
    Link,
    Neighbor,
    Router,
    Site,
)
from backstay.model.service import Anycast, Budget, HealthRule, Limits, Origin, ProtectedFlow, Protection, TableLimit
from backstay.model.source import Place
from backstay.read.document import Document, parse, shape
from backstay.read.shapes import IntentShape, LinkShape, NeighborShape, OriginShape
from backstay.read.units import did_you_mean, ends_of_name, link_name

FILE = "backstay.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The file as model values; router and interface names have the spelling of the configurations."""

    document: Document
    name: str | None = None
    engines: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    sites: Mapping[str, Site] = field(default_factory=dict)
    cabling: tuple[Link, ...] = ()
    neighbors: Mapping[str, Neighbor] = field(default_factory=dict)
    anycasts: Mapping[str, Anycast] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    access_paths: Mapping[str, AccessPath] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    protection: Protection = field(default_factory=Protection)
    interfaces_down: frozenset[InterfaceRef] = frozenset()

    @property
    def place(self) -> Place:
        return Place(self.document.file)


def read_intent(text: str, routers: Mapping[str, Router], file: str = FILE) -> Intent:
    """Read the text of `backstay.yaml`. Raises `IntentError` with file, line and path of the first fault: not YAML,
    unknown keys, wrong units, routers or interfaces that are not there.
    """
    document = parse(text, file, IntentError)
    if document.value is None:
        return Intent(document=document)
    return _Reader(document, shape(document, IntentShape), routers).intent()


class _Reader:
    """One file on its way to model values: every name of a router is looked up as it is met."""

    def __init__(self, document: Document, given: IntentShape, routers: Mapping[str, Router]) -> None:
        self.document = document
        self.given = given
        self.routers = routers
        self.folded = {name.casefold(): name for name in routers}

    def intent(self) -> Intent:
        given = self.given
        return Intent(
            document=self.document,
            name=given.name,
            engines=tuple(dict.fromkeys(given.engines)),
            budget=Budget(seconds=given.budget.seconds, megabytes=given.budget.mb),
            sites={name: self.site(name) for name in sorted(given.sites)},
            cabling=self.cabling(),
            neighbors={name: self.neighbor(name, given.neighbors[name]) for name in sorted(given.neighbors)},
            anycasts={name: self.anycast(name) for name in sorted(given.anycast)},
            services={name: self.service(name) for name in sorted(given.services)},
            access_paths={name: self.access(name) for name in sorted(given.access)},
            limits=self.limits(),
            protection=self.protection(),
            interfaces_down=frozenset(
                self.end(ref, "interfaces_down", index) for index, ref in enumerate(given.interfaces_down)
            ),
        )

    def router(self, name: str, *path: str | int) -> str:
        found = self.folded.get(name.casefold())
        if found is None:
            raise self.document.fault(path, f"there is no router {name!r}{did_you_mean(name, self.routers)}")
        return found

    def end(self, ref: InterfaceRef, *path: str | int) -> InterfaceRef:
        router = self.router(ref.router, *path)
        interfaces = self.routers[router].interfaces
        if ref.interface in interfaces:
            return InterfaceRef(router, ref.interface)
        for name in interfaces:
            if name.casefold() == ref.interface.casefold():
                return InterfaceRef(router, name)
        hint = did_you_mean(ref.interface, interfaces)
        raise self.document.fault(path, f"router {router} has no interface {ref.interface!r}{hint}")

    def site(self, name: str) -> Site:
        given = self.given.sites[name]
        here = ("sites", name, "routers")
        return Site(
            name=name,
            role=given.role,
            routers=tuple(self.router(router, *here, index) for index, router in enumerate(given.routers)),
            prefixes=tuple(given.prefixes),
            position=(given.position[0], given.position[1]) if given.position else None,
            domain=given.domain,
            place=self.document.place(("sites", name)),
        )

    def cabling(self) -> tuple[Link, ...]:
        """Declared links; an interface is in one at most."""
        links = [self.link(name, given) for name, given in self.given.links.items()]
        holders: dict[InterfaceRef, Link] = {}
        for link in links:
            for end in link.ends:
                other = holders.setdefault(end, link)
                if other is not link:
                    text = f"{end} is already an end of link {other.name} ({other.place})"
                    raise IntentError(text, link.place)
        return tuple(sorted(links, key=lambda link: link.name))

    def link(self, name: str, given: LinkShape) -> Link:
        here = ("links", name)
        ends = self.ends(name, given)
        return Link(
            name=link_name(ends) if ends_of_name(name) else name,
            ends=ends,
            capacity=given.capacity if isinstance(given.capacity, float) else None,
            capacities=self.capacities(given, ends, (*here, "capacity")),
            risk_groups=frozenset(given.risk_groups),
            length_km=given.length_km,
            place=self.document.place(here),
        )

    def ends(self, name: str, given: LinkShape) -> tuple[InterfaceRef, ...]:
        """From ``ends``, else from the link's name; both must agree where both say it."""
        here = ("links", name)
        spelt = tuple(sorted(self.end(ref, *here) for ref in ends_of_name(name)))
        listed = tuple(sorted(self.end(ref, *here, "ends", index) for index, ref in enumerate(given.ends or ())))
        ends = listed or spelt
        if not ends:
            raise self.document.fault(here, "has no ends; name it ROUTER:INTERFACE--ROUTER:INTERFACE or give 'ends'")
        if spelt and listed and spelt != listed:
            raise self.document.fault((*here, "ends"), f"the link's name says other ends: {link_name(spelt)}")
        if len(set(ends)) < len(ends):
            raise self.document.fault(here, "joins an interface to itself")
        return ends

    def capacities(
        self, given: LinkShape, ends: tuple[InterfaceRef, ...], path: tuple[str, ...]
    ) -> Mapping[InterfaceRef, float]:
        if not isinstance(given.capacity, dict):
            return {}
        found = {}
        for written, mbps in given.capacity.items():
            end = self.end(written, *path, str(written))
            if end not in ends:
                raise self.document.fault((*path, str(written)), f"{end} is not an end of this link")
            found[end] = mbps
        return {end: found[end] for end in sorted(found)}

    def neighbor(self, name: str, given: NeighborShape) -> Neighbor:
        here = ("neighbors", name, "attachments")
        attachments = [
            Attachment(self.router(one.router, *here, index, "router"), one.address)
            for index, one in enumerate(given.attachments)
        ]
        if len(set(attachments)) < len(attachments):
            raise self.document.fault(here, "the same attachment twice")
        return Neighbor(
            name=name,
            asn=given.asn,
            kind=given.kind,
            attachments=tuple(attachments),
            announcements=tuple(
                Announcement(
                    prefix=one.prefix,
                    as_path=tuple(one.as_path) if one.as_path is not None else (given.asn,),
                    med=one.med,
                    origin=one.origin,
                    communities=tuple(one.communities),
                )
                for one in given.announces
            ),
            place=self.document.place(("neighbors", name)),
        )

    def anycast(self, name: str) -> Anycast:
        given = self.given.anycast[name]
        return Anycast(
            name=name,
            prefixes=tuple(given.prefixes),
            origins=tuple(self.origin(name, index, one) for index, one in enumerate(given.origins)),
            health=HealthRule(targets=tuple(given.health.targets), need=given.health.need),
            floor=given.floor,
            place=self.document.place(("anycast", name)),
        )

    def origin(self, anycast: str, index: int, given: OriginShape) -> Origin:
        router = self.router(given.router, "anycast", anycast, "origins", index, "router")
        return Origin(site=given.site, router=router, address=given.address, asn=given.asn)

    def service(self, name: str) -> Service:
        given = self.given.services[name]
        return Service(
            name=name,
            kind=given.kind,
            sites=tuple(given.sites),
            addresses=tuple(sorted(given.addresses.items())),
            needs=tuple(given.needs),
            network=given.network,
            place=self.document.place(("services", name)),
        )

    def access(self, name: str) -> AccessPath:
        given = self.given.access[name]
        return AccessPath(
            name=name,
            kind=given.kind,
            source=given.source,
            targets=tuple(given.targets),
            needs=tuple(given.needs),
            minutes=given.minutes,
            place=self.document.place(("access", name)),
        )

    def limits(self) -> Limits:
        given = self.given.limits
        return Limits(
            utilisation=given.utilisation,
            failure_utilisation=given.failure_utilisation,
            blast_radius=given.blast_radius,
            prefix_margin=given.prefix_margin,
            tables=tuple(
                TableLimit(role=one.role, table=one.table, routes=one.routes, margin=one.margin) for one in given.tables
            ),
        )

    def protection(self) -> Protection:
        given = self.given.protect
        flows = tuple(
            ProtectedFlow(
                name=name,
                source=flow.source,
                destination=flow.destination,
                place=self.document.place(("protect", "flows", name)),
            )
            for name, flow in sorted(given.flows.items())
        )
        return Protection(flows=flows, prefixes=tuple(given.prefixes), implied=given.implied)
