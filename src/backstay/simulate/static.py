"""Static routes: which of them hold on the table as it stands, and where they send packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef, Router
from backstay.model.routing import INFINITE_DISTANCE, StaticRoute
from backstay.model.state import NextHop, Route
from backstay.simulate.seams import Topology

Statics = Mapping[Prefix, Sequence[StaticRoute]]

Resolve = Callable[[str, str, Address], "tuple[bool, tuple[NextHop, ...]] | None"]
"""router, VRF, address -> whether it is on a connected subnet, the next hops packets for it leave by; None when it does
not resolve.
"""


def statics(router: Router) -> dict[str, dict[Prefix, list[StaticRoute]]]:
    """The configured static routes by VRF and prefix."""
    found: dict[str, dict[Prefix, list[StaticRoute]]] = {}
    for line in router.static_routes:
        found.setdefault(line.vrf, {}).setdefault(line.prefix, []).append(line)
    return found


def is_recursive(line: StaticRoute) -> bool:
    """Whether the line holds only while its next hop resolves in the table: one by a gateway, with an interface or not; not
    one that trusts the interface (``onlink``, a link-local gateway).
    """
    by_interface = line.interface is not None and (line.onlink or _is_link_local(line.next_hop))
    return line.discard is None and line.next_hop is not None and not by_interface


def _is_link_local(address: Address | None) -> bool:
    return address is not None and address.is_link_local


def static_routes(
    router: Router, lines: Sequence[StaticRoute], topology: Topology, resolve: Resolve
) -> Iterator[Route]:
    """The routes that lines for one prefix of one VRF make, one for each distance, best first.

    A line holds when its interface is up and its next hop resolves; lines of equal distance make one route of several
    next hops and one tag (yang/frr-staticd.yang: ``path-list`` has the keys table and distance).
    """
    groups: dict[int, list[tuple[NextHop, tuple[NextHop, ...]]]] = {}
    tags: dict[int, int] = {}
    for line in lines:
        hop = _holds(router, line, topology, resolve) if line.distance < INFINITE_DISTANCE else None
        if hop is not None:
            groups.setdefault(line.distance, []).append(hop)
            tags[line.distance] = line.tag
    for distance, hops in sorted(groups.items()):
        yield Route(
            protocol="static",
            distance=distance,
            metric=0,
            next_hops=_ordered(hop for hop, _ in hops),
            forwarding=_ordered(out for _, outs in hops for out in outs),
            tag=tags[distance],
        )


def _ordered(hops: Iterator[NextHop]) -> tuple[NextHop, ...]:
    return tuple(sorted(set(hops), key=lambda hop: hop.key))


def _holds(
    router: Router, line: StaticRoute, topology: Topology, resolve: Resolve
) -> tuple[NextHop, tuple[NextHop, ...]] | None:
    """The line's next hop as the table shows it and the ones packets leave by; None when the line does not hold."""
    if line.discard:
        hop = NextHop(discard=line.discard)
        return hop, (hop,)
    vrf = line.next_hop_vrf or line.vrf
    if not is_recursive(line) or line.next_hop is None:
        return _by_interface(router, line, topology, vrf)
    direct, out = resolve(router.name, vrf, line.next_hop) or (False, ())
    if line.interface:  # only a way out of it counts (FRR zebra_nhg.c nexthop_active, nexthop_valid_resolve)
        out = tuple(hop for hop in out if hop.interface == line.interface)
    if not out:
        return None
    shown = out[0] if direct else NextHop(address=line.next_hop, interface=line.interface)
    return _leaking(shown, line), tuple(_leaking(hop, line) for hop in out)


def _leaking(hop: NextHop, line: StaticRoute) -> NextHop:
    if line.next_hop_vrf in (None, line.vrf):
        return hop
    return NextHop(address=hop.address, interface=hop.interface, vrf=line.next_hop_vrf, neighbor=hop.neighbor)


def _by_interface(
    router: Router, line: StaticRoute, topology: Topology, vrf: str
) -> tuple[NextHop, tuple[NextHop, ...]] | None:
    ref = InterfaceRef(router.name, line.interface or "")
    if ref not in topology.up or router.interfaces[ref.interface].vrf != vrf:
        return None
    hop = NextHop(
        address=line.next_hop,
        interface=ref.interface,
        vrf=line.next_hop_vrf if line.next_hop_vrf not in (None, line.vrf) else None,
        neighbor=_neighbor(ref, line.next_hop, topology, vrf),
    )
    return hop, (hop,)


def _neighbor(ref: InterfaceRef, address: Address | None, topology: Topology, vrf: str) -> InterfaceRef | None:
    if address is not None:
        found = topology.neighbor_with(ref, address, vrf)
        if found or not address.is_link_local:
            return found
    peers = topology.peers.get(ref, ())
    return peers[0] if len(peers) == 1 else None
