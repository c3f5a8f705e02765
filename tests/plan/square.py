"""A square small enough to work out on paper: IS-IS, every metric 10, c to d half as wide as the rest.

::

    a --100-- b
    |         |       demand a to d: 60 Mbit/s, split 30 over b and 30 over c
   100       100      lengths: a-b and b-d 100 km, a-c and c-d 50 km
    |         |
    c ---50-- d
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulate.interiors import Lab

from backstay.model.demand import Demand
from backstay.model.network import Network
from backstay.model.routing import OverloadBit

CAPACITY = {"a-b": 100.0, "b-d": 100.0, "a-c": 100.0, "c-d": 50.0}
LENGTH = {"a-b": 100.0, "b-d": 100.0, "a-c": 50.0, "c-d": 50.0}


def lab() -> Lab:
    made = Lab("a b c d")
    for name in CAPACITY:
        made.link(*name.split("-"))
    for router in "abcd":
        made.isis(router)
    return made


def network(*demands: Demand, made: Lab | None = None, groups: dict[str, str] | None = None) -> Network:
    """The square with these demands (60 Mbit/s from a to d without any); ``groups``: risk group by link."""
    found = (made or lab()).network()
    links = {
        name: replace(
            link,
            capacity=CAPACITY.get(name),
            length_km=LENGTH.get(name),
            risk_groups=frozenset({groups[name]} if groups and name in groups else ()),
        )
        for name, link in found.links.items()
    }
    return replace(found, links=links, demands=demands or (demand("a", "d", 60.0),))


def demand(source: str, destination: str, mbps: float, period: str = "") -> Demand:
    return Demand(source=source, destination=destination, mbps=mbps, period=period)


def overloaded(made: Lab, router: str) -> Lab:
    process = made.routers[router].isis[0]
    return made.change(router, isis=(replace(process, overload=OverloadBit()),))


def two_areas() -> Network:
    """a - b - d in area 0 and a - c - d with c in area 1: no one graph; a to d stays inside area 0."""
    made = Lab("a b c d")
    for name in CAPACITY:
        made.link(*name.split("-"))
    made.ospf("a", {"to-c": 1}).ospf("b").ospf("c", {"*": 1}).ospf("d", {"to-c": 1})
    return network(made=made)
