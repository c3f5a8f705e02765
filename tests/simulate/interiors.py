"""Routers with interior routing in a few words, for tests whose expected routes are worked by hand.

``Lab().link("a", "b", ...)`` makes interfaces ``to-b`` and ``to-a`` with addresses from 10.0.N.0/31 and 2001:db8:N::/127, N
counting links from 1; ``loop`` gives router number K the addresses 10.255.0.K/32 and 2001:db8:ff::K/128 on ``lo``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.network import (
    NOTHING,
    Interface,
    InterfaceAddress,
    InterfaceRef,
    Link,
    Network,
    Overlay,
    Router,
)
from backstay.model.routing import IsisInterface, IsisProcess, OspfInterface, OspfProcess, StaticRoute
from backstay.model.state import Route
from backstay.simulate.converge import Routing
from backstay.simulate.rib import Rib
from backstay.simulate.seams import NO_BGP, Computed


def address(text: str, **more: Any) -> InterfaceAddress:
    return InterfaceAddress(address=Address.parse(text.split("/", maxsplit=1)[0]), prefix=Prefix.parse(text), **more)


def dotted(area: int | str) -> str:
    return f"0.0.0.{area}" if str(area).isdigit() else str(area)


class Lab:
    """A network under construction; every method returns the lab."""

    def __init__(self, names: str = "") -> None:
        self.routers: dict[str, Router] = {}
        self.links: dict[str, Link] = {}
        for name in names.split():
            self.add(name)

    def add(self, name: str) -> Lab:
        self.routers[name] = Router(name=name, vendor="frr", resolve_via_default=frozenset())
        number = len(self.routers)
        return self.port(
            name, "lo", f"10.255.{number >> 8}.{number & 255}/32", f"2001:db8:ff::{number:x}/128", kind="loopback"
        )

    def port(self, router: str, name: str, *addresses: str, **more: Any) -> Lab:
        made = Interface(name=name, addresses=tuple(address(text) for text in addresses), **more)
        old = self.routers[router]
        return self.change(router, interfaces={**old.interfaces, name: made})

    def change(self, router: str, **fields: Any) -> Lab:
        self.routers[router] = replace(self.routers[router], **fields)
        return self

    def tune(self, router: str, interface: str, **fields: Any) -> Lab:
        old = self.routers[router]
        return self.change(
            router, interfaces={**old.interfaces, interface: replace(old.interfaces[interface], **fields)}
        )

    def link(self, one: str, other: str) -> Lab:
        number = len(self.links) + 1
        for router, peer, host in ((one, other, 0), (other, one, 1)):
            self.port(router, f"to-{peer}", f"10.0.{number}.{host}/31", f"2001:db8:{number}::{host}/127")
        return self.join(f"{one}-{other}", f"{one}:to-{other}", f"{other}:to-{one}")

    def join(self, name: str, *ends: str) -> Lab:
        refs = tuple(sorted(InterfaceRef(*end.split(":", 1)) for end in ends))
        self.links[name] = Link(name=name, ends=refs)
        return self

    def static(self, router: str, prefix: str, **fields: Any) -> Lab:
        line = StaticRoute(prefix=Prefix.parse(prefix), **fields)
        return self.change(router, static_routes=(*self.routers[router].static_routes, line))

    # ------------------------------------------------------------------------------------- IS-IS

    def isis(self, router: str, *, area: str = "49.0001", **fields: Any) -> Lab:
        """IS-IS on every interface: point-to-point on ``to-*``, passive on others."""
        number = list(self.routers).index(router) + 1
        process = IsisProcess(tag="1", system_id=f"0000.0000.{number:04x}", areas=(area,), **fields)
        self.change(router, isis=(process,))
        for name in self.routers[router].interfaces:
            point = name.startswith("to-")
            settings = IsisInterface(tag="1", versions=frozenset({4, 6}), point_to_point=point, passive=name == "lo")
            self.tune(router, name, isis=settings)
        return self

    def circuit(self, end: str, **fields: Any) -> Lab:
        """Change IS-IS settings of ``router:interface``; ``metric=N`` sets both levels."""
        router, name = end.split(":")
        settings = self.routers[router].interfaces[name].isis
        assert settings
        if isinstance(fields.get("metric"), int):
            fields["metric"] = {1: fields["metric"], 2: fields["metric"]}
        return self.tune(router, name, isis=replace(settings, **fields))

    # ------------------------------------------------------------------------------------- OSPF

    def ospf(
        self, router: str, within: Mapping[str, int | str] | None = None, *, version: int = 2, **fields: Any
    ) -> Lab:
        """OSPF on every interface, area 0 unless ``within`` names another by interface; ``to-*`` point-to-point."""
        number = list(self.routers).index(router) + 1
        process = OspfProcess(version=version, router_id=Address.parse(f"10.255.0.{number}"), **fields)
        word = "ospf" if version == 2 else "ospf6"
        self.change(router, **{word: (process,)})
        for name in self.routers[router].interfaces:
            area = dotted((within or {}).get(name, (within or {}).get("*", 0)))
            network = "point-to-point" if name.startswith("to-") else None
            self.tune(router, name, **{word: OspfInterface(instance="1", area=area, network=network)})
        return self

    def port_ospf(self, end: str, *, version: int = 2, **fields: Any) -> Lab:
        router, name = end.split(":")
        word = "ospf" if version == 2 else "ospf6"
        settings = getattr(self.routers[router].interfaces[name], word)
        return self.tune(router, name, **{word: replace(settings, **fields)})

    # ------------------------------------------------------------------------------------- answers

    def network(self) -> Network:
        return Network(name="lab", routers=dict(sorted(self.routers.items())), links=self.links)

    def compute(self, overlay: Overlay = NOTHING) -> Computed:
        return Routing(self.network(), lambda *_: NO_BGP)(overlay)

    def tables(self, overlay: Overlay = NOTHING) -> Rib:
        tables = self.compute(overlay).tables
        assert isinstance(tables, Rib)
        return tables

    def shown(self, router: str, overlay: Overlay = NOTHING, *, version: int = 4) -> dict[str, str]:
        """The router's table without connected routes, each route as text: ``isis 115/20 10.0.1.1@to-b``."""
        table = self.tables(overlay).table(router, "default")
        return {
            str(prefix): told(route)
            for prefix, route in table.items()
            if prefix.version == version and route.protocol != "connected"
        }


def told(route: Route) -> str:
    hops = ", ".join(
        hop.discard or "@".join(filter(None, (str(hop.address or ""), hop.interface or ""))) for hop in route.next_hops
    )
    return f"{route.protocol} {route.distance}/{route.metric} {hops}"
