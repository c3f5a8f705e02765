"""The fast engine: topology, interior routing, BGP, tables, and the cascade over them."""

from __future__ import annotations

from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import Session, State
from backstay.model.vendor import SEMANTICS
from backstay.simulate import bgp, cascade
from backstay.simulate.converge import Routing, in_order
from backstay.simulate.loads import parts
from backstay.simulate.rib import Rib
from backstay.simulate.tables import LazyRoutes


def simulate(network: Network, overlay: Overlay = NOTHING, sweep: bool = False) -> State:
    """Everything the network settles on under the overlay. ``sweep`` adds the single-failure sweep.

    Raises `Unproven` for a vendor without semantics or an overlay that names what is not there, `NotConverging` where
    routing runs in a circle; what else could not be computed stands in ``State.unknowns``.
    """
    refuse_unknown_vendors(network)
    settled = cascade.settle(network, overlay, Routing(network, bgp.compute), sweep)
    computed = settled.computed
    assert isinstance(computed.tables, Rib)
    return State(
        engine="fast",
        overlay=overlay,
        routes=LazyRoutes(computed.tables),
        adjacencies=computed.adjacencies,
        sessions=computed.bgp.sessions,
        advertisements=computed.bgp.advertisements,
        flows=settled.flows,
        loads=settled.loads,
        sites=settled.sites,
        services=settled.services,
        access=settled.access,
        cascade=settled.cascade,
        sweep=settled.sweep,
        unknowns=in_order({*computed.unknowns, *settled.unknowns}),
    )


def sessions(network: Network) -> tuple[tuple[Session, ...], tuple[Remark, ...]]:
    """BGP sessions of the network as it stands, and what could not be computed: routing alone, without the flows, loads
    and operator paths that are most of `simulate`'s work on a large network. Raises as `simulate` does.
    """
    refuse_unknown_vendors(network)
    computed = Routing(network, bgp.compute)(NOTHING)
    _, unplaced = parts(network)
    return computed.bgp.sessions, in_order({*computed.unknowns, *unplaced})


def refuse_unknown_vendors(network: Network) -> None:
    """Raise `Unproven` for a router whose behaviour nobody has written down."""
    for router in network.routers.values():
        if router.vendor not in SEMANTICS:
            known = ", ".join(sorted(SEMANTICS))
            raise Unproven(
                f"{router.name}: vendor {router.vendor} has no semantics in the fast engine (known: {known})"
            )
