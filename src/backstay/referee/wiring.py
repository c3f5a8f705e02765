"""Which interfaces are up, who shares a wire with whom, who owns which address: the overlay laid over the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backstay.model.address import Address
from backstay.model.network import InterfaceRef, Link, Network, Overlay
from backstay.referee.seams import Wiring


def wire(network: Network, overlay: Overlay) -> Wiring:
    """An interface is up when its router is, nobody shut it, and its wire carries (`Overlay` says when it does)."""
    standing = {ref for ref in _interfaces(network) if _stands(network, overlay, ref)}
    up = standing - set(_without_carrier(network, overlay, standing))
    up -= {ref for ref in up if _parent(network, ref) not in up | {None}}
    across = {
        end: tuple(other for other in link.ends if other != end and other in up)
        for link in network.links.values()
        for end in link.ends
        if end in up
    }
    owners: dict[Address, list[InterfaceRef]] = defaultdict(list)
    for ref in sorted(up):
        for address in network.routers[ref.router].interfaces[ref.interface].addresses:
            owners[address.address].append(ref)
    return Wiring(
        routers=frozenset(name for name in network.routers if name not in overlay.routers_down),
        up=frozenset(up),
        across=across,
        owners={address: tuple(refs) for address, refs in owners.items()},
    )


def _interfaces(network: Network) -> Iterator[InterfaceRef]:
    for router in network.routers.values():
        for name in router.interfaces:
            yield InterfaceRef(router.name, name)


def _stands(network: Network, overlay: Overlay, ref: InterfaceRef) -> bool:
    """Nothing at this end itself is off."""
    return (
        network.routers[ref.router].interfaces[ref.interface].enabled
        and ref.router not in overlay.routers_down
        and ref not in overlay.interfaces_down
        and ref not in network.interfaces_down
    )


def _without_carrier(network: Network, overlay: Overlay, standing: set[InterfaceRef]) -> Iterator[InterfaceRef]:
    for link in network.links.values():
        if link.name in overlay.links_down or _far_end_dark(link, standing):
            yield from link.ends


def _far_end_dark(link: Link, standing: set[InterfaceRef]) -> bool:
    """A two-ended link goes dark at both ends with either; a longer segment (a switch) stays lit for the rest."""
    return len(link.ends) == 2 and any(end not in standing for end in link.ends)


def _parent(network: Network, ref: InterfaceRef) -> InterfaceRef | None:
    """``eth0`` of ``eth0.100``: a VLAN is no better than the port it runs over."""
    name, dot, _tag = ref.interface.rpartition(".")
    if dot and name in network.routers[ref.router].interfaces:
        return InterfaceRef(ref.router, name)
    return None
