"""What an external speaker must know of us for its session to come up. An engine believes that the other side follows when
we change it; nobody can know that from our configurations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backstay.audit.context import Context
from backstay.model.address import Address
from backstay.model.network import Interface, Network, Router
from backstay.model.routing import BgpNeighbor, BgpProcess
from backstay.model.state import Session, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Our side of a session as the other side has it configured. ``address``: None where no line tells it."""

    asn: int
    address: Address | None
    password: str | None
    ttl_security: int | None
    port: int

    def differences(self, other: Terms) -> tuple[str, ...]:
        """The words for what is not the same; never the password itself."""
        pairs = {
            "our AS": (self.asn, other.asn),
            "our address": (self.address, other.address),
            "the password": (self.password, other.password),
            "TTL security": (self.ttl_security, other.ttl_security),
            "the port": (self.port, other.port),
        }
        return tuple(word for word, (one, two) in pairs.items() if one != two)


def new_terms(context: Context) -> Iterator[tuple[Session, tuple[str, ...]]]:
    """External sessions that were up before and are taken to be up after, on other terms."""
    if context.network_before is context.network_after:
        return
    up = {_key(session) for session in _external(context.network_before, context.before)}
    for session in _external(context.network_after, context.after):
        before, after = (_terms(network, session) for network in (context.network_before, context.network_after))
        if before and after and _key(session) in up and before != after:
            yield session, before.differences(after)


def _key(session: Session) -> tuple[str, str, str]:
    return (session.router, session.vrf, session.peer)


def _external(network: Network, state: State) -> Iterator[Session]:
    return (item for item in state.sessions if item.established and network.router_named(item.remote) is None)


def _terms(network: Network, session: Session) -> Terms | None:
    router = network.router_named(session.router)
    processes = (process for process in router.bgp if process.vrf == session.vrf) if router else ()
    for process in processes:
        neighbor = process.neighbors.get(session.peer)
        if router and neighbor:
            return Terms(
                asn=neighbor.local_as or process.confederation_id or process.asn,
                address=_source(router, process, neighbor),
                password=neighbor.password,
                ttl_security=neighbor.ttl_security,
                port=neighbor.port,
            )
    return None


def _source(router: Router, process: BgpProcess, neighbor: BgpNeighbor) -> Address | None:
    """The address we speak from: what ``update-source`` says, else ours in the peer's subnet."""
    source, peer = neighbor.update_source, neighbor.peer
    if isinstance(source, Address):
        return source
    if not isinstance(peer, Address):
        return None
    if source:
        named = router.interfaces.get(source)
        return _first(named, peer.version) if named else None
    return next((own for item in router.interfaces.values() if (own := _beside(item, process.vrf, peer))), None)


def _first(interface: Interface, version: int) -> Address | None:
    return next((item.address for item in interface.addresses if item.address.version == version), None)


def _beside(interface: Interface, vrf: str, peer: Address) -> Address | None:
    if interface.vrf != vrf:
        return None
    return next((item.address for item in interface.addresses if item.prefix.holds(peer)), None)
