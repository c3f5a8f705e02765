"""The referee: the same State as the fast engine's, by other means. Slow where slow is clearer.

Read it from here: `wiring` (what is up), `isis` and `ospf` (flooding, paths), `rib` (tables), `bgp` (messages between
peers), `converge` (until nothing changes), `walk`, `flows` and `traffic` (packets), `cascade` (health, services, operators),
`sweep` (every single failure; what has a ``sweep_`` in its name, `bgp_replay` and `isis_cut` leave alone what a failure
provably does), `tables` (routing tables, small enough to keep).
"""

from __future__ import annotations

from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import State
from backstay.referee.cascade import access, service_states, settle, site_health
from backstay.referee.flows import follow_flows
from backstay.referee.sweep import sweep as every_failure
from backstay.referee.tables import tables
from backstay.referee.traffic import parts, place_demands

NAME = "referee"


def simulate(network: Network, overlay: Overlay = NOTHING, sweep: bool = False) -> State:
    """What the network settles on under the overlay. Raises `Unproven` rather than guess."""
    settled = settle(network, overlay)
    world = settled.world
    routing = world.routing
    return State(
        engine=NAME,
        overlay=overlay,
        routes=tables(routing.rib),
        adjacencies=routing.adjacencies,
        sessions=tuple(sorted(routing.bgp.sessions)),
        advertisements=routing.bgp.advertisements,
        flows=follow_flows(network, routing.walker, settled.overlay),
        loads=place_demands(network, routing.walker, settled.overlay, parts(network)),
        sites=site_health(settled),
        services=service_states(world),
        access=access(world),
        cascade=settled.events,
        sweep=every_failure(network, settled) if sweep else None,
        unknowns=routing.bgp.unknowns,
    )
