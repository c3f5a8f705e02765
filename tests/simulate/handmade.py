"""Small networks and routing tables written by hand, for what stands on top of routing.

Router ``a`` has loopback 10.255.0.1 and 2001:db8:ff::1, ``b`` .2 and so on, by position. Link ``a-b`` is link number n (in
the order given): 10.0.n.0/31, interface ``to-b`` on ``a`` (.0) and ``to-a`` on ``b`` (.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from backstay.model.address import Address, Prefix
from backstay.model.network import NOTHING, Interface, InterfaceAddress, InterfaceRef, Link, Network, Overlay, Router
from backstay.model.state import NextHop, Route, RouteTable
from backstay.simulate.fib import Fib
from backstay.simulate.flows import Forwarding
from backstay.simulate.seams import BgpResult, Computed, Topology
from backstay.simulate.topology import derive

Handwritten = Mapping[str, Mapping[str, str]]
"""router -> prefix -> next hops: ``via b c`` (equal cost, over the links to them), ``on lan0`` (connected),
``gw 192.0.2.1@lan0`` (a gateway), ``drop`` (a discard route), ``void`` (a route without a way out).
"""


def ip(text: str) -> Address:
    return Address.parse(text)


def net(text: str) -> Prefix:
    return Prefix.parse(text)


def ref(text: str) -> InterfaceRef:
    router, interface = text.split(":", 1)
    return InterfaceRef(router, interface)


def interface(name: str, *addresses: str, kind: str = "physical") -> Interface:
    return Interface(
        name=name,
        kind=kind,
        addresses=tuple(
            InterfaceAddress(address=ip(text.split("/", maxsplit=1)[0]), prefix=net(text)) for text in addresses
        ),
    )


def network(names: str, links: str, *, capacity: float | None = 1000.0) -> Network:
    """``network("a b c", "a-b b-c")``: point-to-point links named as written."""
    routers = {name: [_loopback(number)] for number, name in enumerate(names.split(), start=1)}
    made = {}
    for number, link in enumerate(links.split(), start=1):
        one, other = link.split("-")
        routers[one].append(interface(f"to-{other}", f"10.0.{number}.0/31"))
        routers[other].append(interface(f"to-{one}", f"10.0.{number}.1/31"))
        ends = tuple(sorted((InterfaceRef(one, f"to-{other}"), InterfaceRef(other, f"to-{one}"))))
        made[link] = Link(name=link, ends=ends, capacity=capacity)
    return Network(name="handmade", routers={name: router(name, *own) for name, own in routers.items()}, links=made)


def _loopback(number: int) -> Interface:
    return interface("lo", f"10.255.0.{number}/32", f"2001:db8:ff::{number}/128", kind="loopback")


def router(name: str, *interfaces: Interface) -> Router:
    return Router(
        name=name, vendor="frr", resolve_via_default=frozenset(), interfaces={item.name: item for item in interfaces}
    )


def with_interface(made: Network, name: str, added: Interface) -> Network:
    """The network with one more interface on a router (or one replaced)."""
    old = made.routers[name]
    new = replace(old, interfaces={**old.interfaces, added.name: added})
    return replace(made, routers={**made.routers, name: new})


class HandTables:
    """`backstay.simulate.seams.Tables` over plain dictionaries."""

    def __init__(self, tables: Mapping[str, RouteTable]) -> None:
        self._tables = tables

    def vrfs(self, router: str) -> tuple[str, ...]:
        return ("default",) if router in self._tables else ()

    def table(self, router: str, vrf: str = "default") -> RouteTable:
        return self._tables.get(router, {})

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None:
        return self.table(router).get(prefix)

    def lookup(self, router: str, vrf: str, address: Address) -> tuple[Prefix, Route] | None:
        holding = [(prefix, route) for prefix, route in self.table(router).items() if prefix.holds(address)]
        return max(holding, key=lambda item: item[0].length, default=None)

    def prefixes(self, vrf: str = "default") -> tuple[Prefix, ...]:
        return tuple(sorted({prefix for table in self._tables.values() for prefix in table}))

    def classes(self, vrf: str = "default") -> tuple[tuple[Prefix, ...], ...]:
        return tuple((prefix,) for prefix in self.prefixes())


def computed(
    made: Network, tables: Handwritten, *, overlay: Overlay = NOTHING, bgp: BgpResult | None = None
) -> Computed:
    """Routing as written down."""
    topology = derive(made, overlay)
    rows = {
        name: {net(prefix): route(made, topology, name, text) for prefix, text in tables.get(name, {}).items()}
        for name in topology.routers
    }
    return Computed(network=made, overlay=overlay, topology=topology, tables=HandTables(rows), bgp=bgp or BgpResult())


def forwarding(made: Network, tables: Handwritten, *, overlay: Overlay = NOTHING) -> Forwarding:
    return Forwarding(Fib(computed(made, tables, overlay=overlay)))


def route(made: Network, topology: Topology, name: str, text: str) -> Route:
    word, *rest = text.split()
    protocol, hops = "isis", tuple(_hops(made, topology, name, word, rest))
    if word == "on":
        protocol = "connected"
    elif word == "gw":
        protocol = "static"
    return Route(
        protocol=protocol,
        distance=0,
        metric=0,
        next_hops=hops,
        forwarding=() if word in {"drop", "void"} else hops,
    )


def _hops(made: Network, topology: Topology, name: str, word: str, rest: Sequence[str]) -> Iterator[NextHop]:
    if word == "drop":
        yield NextHop(discard="blackhole")
    for item in rest:
        if word == "via":
            far = made.routers[item].interfaces[f"to-{name}"]
            yield NextHop(far.addresses[0].address, f"to-{item}")
        elif word == "on":
            yield NextHop(None, item)
        elif word == "gw":
            gateway, out = item.split("@")
            yield NextHop(ip(gateway), out)


def shortest(made: Network, overlay: Overlay, owned: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Tables by fewest hops over links that are up: ``owned`` prefix -> routers that have it (the nearest is used)."""
    topology = derive(made, overlay)
    beside: dict[str, set[str]] = {name: set() for name in topology.routers}
    for end, peers in topology.peers.items():
        beside[end.router].update(peer.router for peer in peers)
    tables: dict[str, dict[str, str]] = {name: {} for name in topology.routers}
    for prefix, owners in owned.items():
        hops = _breadth_first([owner for owner in owners if owner in beside], beside)
        for name, distance in hops.items():
            nearer = sorted(other for other in beside[name] if hops.get(other, distance) < distance)
            if nearer:
                tables[name][prefix] = "via " + " ".join(nearer)
    return tables


def _breadth_first(starts: Sequence[str], beside: Mapping[str, set[str]]) -> dict[str, int]:
    found = dict.fromkeys(starts, 0)
    queue = deque(starts)
    while queue:
        name = queue.popleft()
        for other in sorted(beside[name] - found.keys()):
            found[other] = found[name] + 1
            queue.append(other)
    return found


def loopbacks(made: Network) -> dict[str, list[str]]:
    """`shortest`'s ``owned`` for every loopback."""
    return {
        str(item.prefix): [name] for name, known in made.routers.items() for item in known.interfaces["lo"].addresses
    }
