"""The lab as an engine of the gate: a State of real routers for a network under an overlay, built, read and torn down.

It answers for the fields of `readout.ANSWERS`. Loads and single failures it does not: real routers here carry no
declared traffic. `completed` fills those in from an engine that computes them, which is sound where, and only where, the
gate holds the two engines' routing side by side and finds it equal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from backstay.lab import record, requirements
from backstay.lab.build import up
from backstay.lab.design import ROUTER, design
from backstay.lab.keyboard import vtysh
from backstay.lab.part import Part, cut, filled
from backstay.lab.readout import state
from backstay.lab.record import Content, Record
from backstay.lab.stillness import settle
from backstay.lab.teardown import down
from backstay.model.errors import BackstayError, Unproven
from backstay.model.finding import Engine
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.source import Remark
from backstay.model.state import Route, RouteTable, Session, State


def beside(other: Engine, part: Part | None = None) -> Engine:
    """The lab as an engine that answers all of a State: what real routers cannot tell is the ``other`` engine's.

    Where this machine cannot hold the whole network and a ``part`` is given, real routers are those of the part alone, and a
    note says so.
    """

    def engine(network: Network, overlay: Overlay, sweep: bool) -> State:
        refusal = _refusal(network, overlay) if part else ""
        if part is None or not refusal:
            return completed(simulate(network, overlay), other(network, overlay, sweep))
        if part.everything:
            raise Unproven(
                f"{refusal}; the change can affect all of it: every router exchanges routes with every other"
            )
        real = simulate(*cut(network, overlay, part))
        whole = other(network, overlay, sweep)
        noted = (*real.notes, part.note(refusal))
        return completed(replace(filled(real, whole, part, overlay), notes=noted), whole)

    return engine


def _refusal(network: Network, overlay: Overlay) -> str:
    """Why this machine cannot hold the whole network; "" when it can."""
    try:
        return requirements.size(design(network, overlay))
    except Unproven as error:
        return str(error)


def simulate(network: Network, overlay: Overlay = NOTHING) -> State:
    """What real routers and DNS servers do under the overlay.

    Raises `Unproven` for a network no lab of this machine can be, one that does not come to rest, or a daemon that dies.
    """
    identity = record.free_id(f"engine-{os.getpid()}")
    try:
        kept = up(network, overlay, identity=identity, source="engine", bound=True)
    except Unproven:
        raise
    except BackstayError as error:
        raise Unproven(f"the lab could not be built: {error}") from error
    try:
        content = record.content(kept)
        _reset(kept, content)
        settle(kept, content)
        return state(kept, content)
    finally:
        down(kept)


def _reset(kept: Record, content: Content) -> None:
    """Sessions under a ``clear`` are shut for as long as the State is looked at."""
    nodes = {node.subject: node.name for node in content.design.of_kind(ROUTER)}
    for router, peer in sorted(content.overlay.sessions_reset):
        for process in content.network.routers[router].bgp:
            if peer in process.neighbors and router in nodes:
                words = ["configure terminal", f"router bgp {process.asn}", f"neighbor {peer} shutdown"]
                said = vtysh(kept.node_folder(nodes[router]), *(part for word in words for part in ("-c", word)))
                if "%" in said:
                    raise Unproven(f"{router}: the session with {peer} could not be shut: {said.strip()}")


def completed(real: State, other: State) -> State:
    """A lab's State with what it does not answer for taken from another engine's.

    Loads, the failure sweep and the cascade's course; of a route its ``kind`` (zebra does not tell it) where the prefix
    is in both tables; of a session the counts a router cannot tell: what a session that is down had accepted, and what is
    received and sent (FRR counts a route it sends back to where it came from, RFC 4271 has none).
    """
    return replace(
        real,
        routes={name: dict(_with_kinds(vrfs, other.routes.get(name, {}))) for name, vrfs in real.routes.items()},
        sessions=tuple(_with_counts(real.sessions, other.sessions)),
        loads=other.loads,
        cascade=other.cascade,
        sweep=other.sweep,
        unknowns=(*real.unknowns, *other.unknowns),
        notes=(*real.notes, borrowed(other.engine)),
        answers=None,
    )


def borrowed(engine: str) -> Remark:
    """What a reader of the verdict must know of a `completed` State."""
    return Remark(
        "lab-borrowed",
        f"no declared traffic runs in a lab: its link loads, lost demand, single failures, and the course of the cascade are the "
        f"{engine} engine's, worked out on that engine's own routes; they hold only while these are found equal to the real "
        f"routers', route by route",
    )


def _with_kinds(vrfs: Mapping[str, RouteTable], others: Mapping[str, RouteTable]) -> Iterator[tuple[str, RouteTable]]:
    for vrf, table in vrfs.items():
        theirs = others.get(vrf, {})
        yield vrf, {prefix: _of_kind(route, theirs.get(prefix)) for prefix, route in table.items()}


def _of_kind(route: Route, other: Route | None) -> Route:
    return replace(route, kind=other.kind) if other is not None and other.protocol == route.protocol else route


def _with_counts(mine: Iterable[Session], others: Iterable[Session]) -> Iterator[Session]:
    known = {(session.router, session.vrf, session.peer): session for session in others}
    for session in mine:
        other = known.get((session.router, session.vrf, session.peer))
        if other is None:
            yield session
        elif session.established:
            yield replace(session, received=other.received, sent=other.sent)
        else:
            yield replace(session, received=other.received, accepted=other.accepted, sent=other.sent)
