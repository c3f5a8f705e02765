"""BGP whose routers choose exits the hot-potato way, from what route reflectors tell them.

The plain form of it: reflectors that hear every other speaker, internal sessions that carry paths as they are, one best
path a router. Then a router's choice follows from distances alone: a reflector picks the nearest of the paths that rank
first, everybody else the nearest of what the reflectors picked, and who has such a path of its own keeps to that.
`Reflection.of` says None of a network that is not plainly so, and `Reflection.candidates` of such a prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backstay.model.address import Address, Prefix
from backstay.model.routing import DEFAULT_VRF, NeighborFamily
from backstay.model.state import Route
from backstay.simulate.bgp_decision import OWN, PEER, Received, Selection, med, rank, select
from backstay.simulate.bgp_exchange import export
from backstay.simulate.bgp_sinks import imports_as_is
from backstay.simulate.bgp_solve import Outcome
from backstay.simulate.bgp_speaker import EBGP, IBGP, Peering, Speaker
from backstay.simulate.bgp_tables import SpeakerTable, Tables, route_of
from backstay.simulate.choices import keeps_from_table, steady_identity
from backstay.simulate.seams import Computed

Rank = tuple[int, int, bool, int, int]


@dataclass(frozen=True, slots=True)
class Exit:
    """A path to a prefix that begins at ``router``: what it ranks before distances count (`rank`), where others send
    packets for it (None: it has no internal session, nobody else hears of it), and the router id they tell equally near
    ones apart by. ``route`` is what its own table holds while it
    goes by it; None where another protocol than BGP has it there.
    """

    router: str
    rank: Rank
    next_hop: Address | None
    router_id: Address
    route: Route | None


class Reflection:
    """The reflectors of one IP version, by the address everybody knows them by."""

    def __init__(self, tables: Tables, version: int, reflectors: Mapping[str, Address]) -> None:
        self.reflectors = reflectors
        self._tables = tables
        self._version = version
        self._towards_reflector = {
            peering.speaker.index: peering
            for peering in tables.solver.peerings
            if version in peering.families and peering.kind == IBGP
        }

    @classmethod
    def of(cls, computed: Computed, version: int) -> Reflection | None:
        """None where choices could hang on more than distances."""
        tables = _tables(computed)
        if tables is None or not _alike(tables.speakers, version):
            return None
        inside = [item for item in tables.solver.peerings if version in item.families and item.kind != EBGP]
        if any(item.kind != IBGP or not _carries_as_is(item, item.families[version]) for item in inside):
            return None
        reflectors = _reflectors(inside, version)
        meshed = reflectors is not None and _meshed(inside, reflectors, version)
        return cls(tables, version, reflectors) if reflectors and meshed else None

    def sessions(self) -> Iterable[tuple[str, str]]:
        """(router, reflector) of every session there is."""
        for peering in self._tables.solver.peerings:
            if self._version in peering.families and peering.remote_name in self.reflectors:
                yield peering.speaker.router.name, peering.remote_name

    def candidates(self, prefix: Prefix) -> Sequence[Exit] | None:
        """Every path to the prefix that begins at a router of ours, by router; None where more than rank and distance
        tells them apart.
        """
        place = self._tables.by_prefix.get(prefix)
        if place is None:
            return None
        outcome = self._tables.outcomes[place]
        if outcome.task.forced:
            return None
        found: list[Exit] = []
        meds: set[tuple[Rank, int]] = set()
        for index in sorted(outcome.candidates):
            selection = self._own_best(outcome, index)
            if selection is None:
                continue
            exit_, worth = self._exit(prefix, index, selection) or (None, 0)
            if exit_ is None:
                return None
            found.append(exit_)
            if exit_.next_hop is not None:
                meds.add((exit_.rank, worth))
        ranks = {item.rank for item in found}
        told_apart_by_med = len(meds) > len(ranks)
        own_before_all = bool(outcome.task.own) and len(ranks) > 1
        return None if told_apart_by_med or own_before_all else found

    def _own_best(self, outcome: Outcome, index: int) -> Selection | None:
        """The best of what a speaker originates or hears from outside."""
        held = [
            item
            for item in outcome.candidates[index].values()
            if item.source in OWN or (item.source == PEER and item.kind == EBGP)
        ]
        solver = self._tables.solver
        return select(held, solver.speakers[index].process, solver.family(index, outcome.version))

    def _exit(self, prefix: Prefix, index: int, selection: Selection) -> tuple[Exit, int] | None:
        """The exit as others see it, with its MED; None where they see none or another rank than its own router."""
        speaker, best = self._tables.speakers[index], selection.best
        peering = self._towards_reflector.get(index)
        family = self._tables.solver.family(index, self._version)
        route = route_of(speaker, family, prefix, selection, self._tables.shared)
        if peering is None:
            return Exit(speaker.router.name, rank(best, speaker.process), None, speaker.router_id, route), 0
        wire = export(peering, self._version, prefix, best, None)
        if wire is None or wire.next_hop is None or wire.via is not None:
            return None
        heard = Received(path=wire, source=PEER, kind=IBGP)
        seen, own = rank(heard, speaker.process), rank(best, speaker.process)
        if best.source == PEER and seen != own:
            return None
        return Exit(speaker.router.name, seen, wire.next_hop, speaker.router_id, route), med(heard, speaker.process)


def _tables(computed: Computed) -> Tables | None:
    """What the speakers' tables are read from, where every router has one speaker in the default VRF and none was shut
    out by maximum-prefix.
    """
    found = computed.bgp.routes
    if any(vrf != DEFAULT_VRF for _, vrf in found) or any(session.tripped for session in computed.bgp.sessions):
        return None
    table = next(iter(found.values()), None)
    return table.tables if isinstance(table, SpeakerTable) else None


def _alike(speakers: Sequence[Speaker], version: int) -> bool:
    """Whether all decide by the same rules, one best path each, and no two share an identity."""
    rules = {_rules(speaker, version) for speaker in speakers}
    identities = [speaker.router_id for speaker in speakers]
    clusters = [speaker.cluster_id for speaker in speakers]
    distinct = len(set(identities)) == len(identities) and len(set(clusters)) == len(clusters)
    return len(rules) <= 1 and distinct and all(_plain_speaker(speaker, version) for speaker in speakers)


def _rules(speaker: Speaker, version: int) -> tuple[object, ...]:
    process = speaker.process
    family = process.families.get(version)
    return (
        process.asn,
        process.default_local_preference,
        (process.always_compare_med, process.deterministic_med, process.med_confed, process.med_missing_as_worst),
        (process.as_path_ignore, process.as_path_confed, process.reject_as_sets),
        (family.distance_external, family.distance_internal, family.distance_local) if family else None,
    )


def _plain_speaker(speaker: Speaker, version: int) -> bool:
    process = speaker.process
    family = process.families.get(version)
    if process.graceful_shutdown or process.max_med_administrative is not None or not process.client_to_client:
        return False
    if process.multipath_as_set or process.outbound_policy_for_reflected or process.confederation_id is not None:
        return False
    if family is None:
        return False
    if keeps_from_table(family) or not steady_identity(speaker.router):
        return False
    single = family.maximum_paths_ibgp == 1 and not family.equal_cluster_length
    return single and not family.import_vrfs and not family.aggregates


def _carries_as_is(peering: Peering, settings: NeighborFamily) -> bool:
    """Whether an internal session changes, filters and limits nothing either way."""
    changed = (
        settings.route_map_out,
        settings.prefix_list_out,
        settings.filter_list_out,
        settings.distribute_list_out,
        settings.unsuppress_map,
        settings.maximum_prefix,
        settings.maximum_prefix_out,
        settings.advertise_map,
    )
    odd = settings.default_originate or settings.attribute_unchanged or settings.allowas_in or settings.add_path_all
    forced = settings.next_hop_self == "force" or settings.route_server_client
    return (
        imports_as_is(peering, settings)
        and all(item is None for item in changed)
        and not odd
        and not forced
        and not peering.neighbor.graceful_shutdown
        and peering.interface is None
    )


def _reflectors(inside: Sequence[Peering], version: int) -> Mapping[str, Address] | None:
    """Routers with clients, and the one address each is known by; None where a client knows one by another."""
    names = {item.speaker.router.name for item in inside if item.families[version].route_reflector_client}
    found: dict[str, Address] = {}
    for item in inside:
        if item.remote_name not in names:
            continue
        known = item.remote_address
        if known is None or found.setdefault(item.remote_name, known) != known:
            return None
    return {name: found[name] for name in sorted(names & found.keys())}


def _meshed(inside: Sequence[Peering], reflectors: Mapping[str, Address], version: int) -> bool:
    """Whether no session but those with reflectors is there, one a pair, and those who are no reflector are clients."""
    pairs = [(item.speaker.router.name, item.remote_name) for item in inside]
    if len(set(pairs)) != len(pairs) or any(one not in reflectors and other not in reflectors for one, other in pairs):
        return False
    return all(
        item.families[version].route_reflector_client
        == (item.speaker.router.name in reflectors and item.remote_name not in reflectors)
        for item in inside
    )
