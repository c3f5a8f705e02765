"""From outcomes to what the rest of the engine sees: routes, sessions with counts, advertisements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backstay.model.address import Address, Prefix
from backstay.model.routing import BgpFamily
from backstay.model.state import Advertisement, NextHop, PathAttributes, Route, RouteTable, Session
from backstay.simulate import bgp_path
from backstay.simulate.bgp_decision import AGGREGATE, LEAKED, PEER, Received, Selection
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_sessions import Refusal
from backstay.simulate.bgp_solve import Outcome, Solver
from backstay.simulate.bgp_speaker import EBGP, Peering, Speaker
from backstay.simulate.policy import Passed, run
from backstay.simulate.policy_matches import Setting

Counts = Mapping[tuple[int, int], int]
"""Prefixes by peering index and IP version."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Prefixes per session and IP version: before import policy, after it, sent."""

    heard: Counter[tuple[int, int]] = field(default_factory=Counter)
    accepted: Counter[tuple[int, int]] = field(default_factory=Counter)
    sent: Counter[tuple[int, int]] = field(default_factory=Counter)


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Counts over all classes."""
    found = Tally()
    for outcome in outcomes:
        size = len(outcome.task.prefixes)
        version = outcome.task.prefix.version
        for indexes, counter in (
            (outcome.heard, found.heard),
            (outcome.accepted, found.accepted),
            (outcome.sent, found.sent),
        ):
            for index in indexes:
                counter[index, version] += size
    return found


def sessions(peerings: Sequence[Peering], refusals: Sequence[Refusal], counts: Tally) -> list[Session]:
    """Every configured session; the order is the caller's."""
    up = [
        Session(
            router=peering.speaker.router.name,
            vrf=peering.speaker.process.vrf,
            peer=peering.text,
            remote=peering.remote_name,
            established=True,
            received=_of(counts.heard, peering),
            accepted=_of(counts.accepted, peering),
            sent=_of(counts.sent, peering),
        )
        for peering in peerings
    ]
    down = [
        Session(
            router=refusal.speaker.router.name,
            vrf=refusal.speaker.process.vrf,
            peer=refusal.peer,
            remote=refusal.remote,
            established=False,
            reason=refusal.reason,
        )
        for refusal in refusals
    ]
    return up + down


def _of(counter: Counts, peering: Peering) -> tuple[tuple[int, int], ...]:
    return tuple((version, counter.get((peering.index, version), 0)) for version in sorted(peering.families))


# ------------------------------------------------------------------------------------------- routes


def routes(
    speakers: Sequence[Speaker], solver: Solver, outcomes: Iterable[Outcome]
) -> dict[tuple[str, str], RouteTable]:
    """BGP's best routes of every speaker. Prefixes of one class share their `Route`."""
    tables: dict[tuple[str, str], dict[Prefix, Route]] = {speaker.key: {} for speaker in speakers}
    shared: dict[tuple[object, ...], PathAttributes] = {}
    for outcome in outcomes:
        prefix = outcome.task.prefix
        for index, selection in outcome.chosen.items():
            speaker = speakers[index]
            family = solver.family(index, prefix.version)
            route = _route(speaker, family, prefix, selection, shared)
            if route is not None:
                tables[speaker.key].update(dict.fromkeys(outcome.task.prefixes, route))
    return dict(tables)


def _route(
    speaker: Speaker,
    family: BgpFamily,
    prefix: Prefix,
    selection: Selection,
    shared: dict[tuple[object, ...], PathAttributes],
) -> Route | None:
    """None for a network statement or a redistributed route: it is in the table by its own protocol."""
    best = selection.best
    if best.source not in {PEER, LEAKED, AGGREGATE}:
        return None
    path = best.path
    if family.table_map is not None:
        passed = run(speaker.library, family.table_map, path, Setting(prefix=prefix, peers=_peers(best)))
        if not isinstance(passed, Passed):
            return None
        path = passed.path
    if best.source == AGGREGATE:
        hops = forwarding = best.forwarding
    else:
        hops = _sorted(hop for item in selection.multipath for hop in _shown(item))
        forwarding = _sorted(hop for item in selection.multipath for hop in item.forwarding)
    return Route(
        protocol=_protocol(best),
        distance=distance(speaker, family, prefix, best, path),
        metric=path.med or 0,
        next_hops=hops,
        forwarding=forwarding,
        tag=path.tag,
        attributes=_attributes(speaker, best, shared),
    )


def _peers(best: Received) -> frozenset[str]:
    return best.peering.peer_texts if best.peering else frozenset({"local"})


def _protocol(best: Received) -> str:
    if best.source == AGGREGATE:
        return "aggregate"
    return "bgp" if best.kind == EBGP else "ibgp"


def _attributes(speaker: Speaker, best: Received, shared: dict[tuple[object, ...], PathAttributes]) -> PathAttributes:
    preference = speaker.process.default_local_preference
    key = (id(best.path), preference, best.peer_text)
    found = shared.get(key)
    if found is None:
        learned_from = best.peer_text if best.peering else None
        found = bgp_path.attributes(best.path, local_preference=preference, learned_from=learned_from)
        shared[key] = found
    return found


def _shown(item: Received) -> tuple[NextHop, ...]:
    """As the table shows it: with the interface where the next hop is directly connected, else by its address."""
    address = item.path.next_hop
    if address is None or (len(item.forwarding) == 1 and item.forwarding[0].address == address):
        return item.forwarding
    return (NextHop(address=address, vrf=item.path.vrf),)


def _sorted(hops: Iterable[NextHop]) -> tuple[NextHop, ...]:
    return tuple(sorted(set(hops), key=lambda hop: (*hop.key, hop.vrf or "", hop.discard or "")))


def distance(speaker: Speaker, family: BgpFamily, prefix: Prefix, best: Received, path: Path) -> int:
    """FRR bgp_route.c bgp_distance_apply: ``set distance``, then ``distance N PEER/M``, then backdoor, then the kind."""
    if path.distance is not None:
        return path.distance
    if best.source == AGGREGATE:
        return family.distance_local
    special = _special_distance(speaker, family, prefix, best)
    if special is not None:
        return special
    if any(statement.backdoor and statement.prefix == prefix for statement in family.networks):
        return family.distance_local
    return family.distance_external if best.kind == EBGP else family.distance_internal


def _special_distance(speaker: Speaker, family: BgpFamily, prefix: Prefix, best: Received) -> int | None:
    """The longest match of the peer's address; its access list, where it has one, must hold the route."""
    address: Address | None = best.peering.remote_address if best.peering else None
    found = [
        (peers.length, value)
        for value, peers, access_list in family.prefix_distances
        if address is not None and peers.holds(address)
        if access_list is None or speaker.library.access_list(prefix.version, access_list, prefix)
    ]
    return max(found)[1] if found else None


# ------------------------------------------------------------------------------------------- advertisements


def advertisements(peerings: Sequence[Peering], outcomes: Iterable[Outcome]) -> frozenset[Advertisement]:
    """What external neighbours hear."""
    return frozenset(
        _advertisement(peerings, index, prefix, wire, outcome)
        for outcome in outcomes
        for index, wire in outcome.sent.items()
        if peerings[index].external is not None and peerings[index].remote_address is not None
        for prefix in outcome.task.prefixes
    )


def _advertisement(
    peerings: Sequence[Peering], index: int, prefix: Prefix, wire: Path, outcome: Outcome
) -> Advertisement:
    peering = peerings[index]
    assert peering.remote_address is not None
    return Advertisement(
        neighbor=peering.remote_name,
        router=peering.speaker.router.name,
        peer=peering.remote_address,
        prefix=prefix,
        as_path=bgp_path.text(wire.as_path),
        med=-1 if wire.med is None else wire.med,
        communities=tuple(sorted((*wire.communities, *wire.large_communities, *wire.extended_communities))),
        learned_from=_first_outside(peerings, peering, outcome),
    )


def _first_outside(peerings: Sequence[Peering], peering: Peering, outcome: Outcome) -> str:
    """The external neighbour a route came from: back along the sessions it was heard over."""
    if peering.index in outcome.task.forced:
        return ""
    index = peering.speaker.index
    for _ in range(len(outcome.chosen) + 1):
        selection = outcome.chosen.get(index)
        over = selection.best.peering if selection else None
        if over is None:
            return ""
        if over.external is not None:
            return over.remote_name
        assert over.reverse is not None
        index = peerings[over.reverse].speaker.index
    return ""
