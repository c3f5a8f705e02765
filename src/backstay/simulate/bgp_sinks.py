"""Speakers that listen and tell nobody: most routers of a backbone, and they are alike.

A speaker with nothing but iBGP sessions, no clients and no filters of its own never passes on what it hears (RFC 4271
9.2), so no other outcome depends on it. Such a *sink* stays out of the worklist; what it chooses is worked out when its
table is read. Sinks behind the same reflectors in the same update groups hear the same paths, and when these share a
next hop they choose the same one: then a class is decided once for all of them (`Shortcut`) and only the way to
the next hop is each router's own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from backstay.model.address import Address
from backstay.model.routing import BgpFamily, NeighborFamily
from backstay.simulate.bgp_decision import PEER, Received, select
from backstay.simulate.bgp_exchange import refused
from backstay.simulate.bgp_path import Path
from backstay.simulate.bgp_speaker import EBGP, IBGP, Peering, Speaker

GroupWires = Mapping[tuple[int, int], Path]
"""What an update group is sent, by sending speaker and group number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inlet:
    """A session a sink hears over: the sending speaker, the update group it is in over there, its own view."""

    sender: int
    group: int
    peering: Peering


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """One class as all sinks of one kind see it. ``path`` is the best one, heard over the session known as ``peer``;
    None: nothing is heard. ``names`` are router and cluster ids in the paths: a sink with one of them is no match.
    """

    path: Path | None
    peer: str
    names: frozenset[Address]


class Sinks:
    """Who is a sink, and of which kind. ``groups`` numbers the update groups by (peering, version)."""

    def __init__(
        self, speakers: Sequence[Speaker], peerings: Sequence[Peering], passing_on: set[tuple[int, int]]
    ) -> None:
        self._speakers = speakers
        self.groups = _numbered(peerings)
        views = _views(peerings)
        self.inlets: dict[tuple[int, int], tuple[Inlet, ...]] = {
            key: self._inlets_of(key[1], mine, peerings)
            for key, mine in views.items()
            if key not in passing_on and all(_quiet(peering, key[1], peerings) for peering in mine)
        }
        self.kinds = self._numbered_kinds()

    def _inlets_of(self, version: int, mine: list[Peering], peerings: Sequence[Peering]) -> tuple[Inlet, ...]:
        found = []
        for peering in mine:
            assert peering.reverse is not None
            over_there = peerings[peering.reverse]
            group = self.groups[over_there.index, version]
            found.append(Inlet(sender=over_there.speaker.index, group=group, peering=peering))
        return tuple(found)

    def _numbered_kinds(self) -> dict[tuple[int, int], int]:
        """Sinks of one kind hear the same and decide by the same rules. A sink with a cluster id of its own is none."""
        numbers: dict[Hashable, int] = {}
        found: dict[tuple[int, int], int] = {}
        for (index, version), inlets in self.inlets.items():
            process = self._speakers[index].process
            family = process.families.get(version)
            if process.cluster_id is not None or (family and (family.table_map or family.prefix_distances)):
                continue
            kind = (_decides(self._speakers[index], version), tuple(map(_heard_as, inlets)))
            found[index, version] = numbers.setdefault(kind, len(numbers))
        return found

    def shortcut(self, index: int, version: int, wires: GroupWires) -> Shortcut | None:
        """The class decided for the kind of this sink; None where the way to the next hop has a say."""
        heard = []
        for inlet in self.inlets[index, version]:
            wire = wires.get((inlet.sender, inlet.group))
            if wire is not None:
                heard.append((inlet.peering, wire))
        names = {wire.originator for _, wire in heard} | {name for _, wire in heard for name in wire.cluster_list}
        known = frozenset(name for name in names if name is not None)
        hops = {(wire.next_hop, wire.via) for _, wire in heard}
        if len(hops) > 1 or any(next_hop is None or via is not None for next_hop, via in hops):
            return None
        taken = [
            Received(path=wire, source=PEER, kind=IBGP, peering=peering)
            for peering, wire in heard
            if not refused(peering, peering.families[version], wire)
        ]
        speaker = self._speakers[index]
        family = speaker.process.families.get(version) or BgpFamily(version=version)
        selection = select(taken, speaker.process, family)
        if selection is None:
            return Shortcut(path=None, peer="", names=known)
        return Shortcut(path=selection.best.path, peer=selection.best.peer_text, names=known)


def _views(peerings: Sequence[Peering]) -> dict[tuple[int, int], list[Peering]]:
    found: dict[tuple[int, int], list[Peering]] = {}
    for peering in peerings:
        for version in peering.families:
            found.setdefault((peering.speaker.index, version), []).append(peering)
    return found


def _quiet(peering: Peering, version: int, peerings: Sequence[Peering]) -> bool:
    """Nothing heard elsewhere goes out over this session, and what comes in is what the update group over there is sent
    (a ``default-originate`` over there is for this session alone), taken as it is.
    """
    if peering.reverse is None:
        return False
    settings, over_there = peering.families[version], peerings[peering.reverse].families.get(version)
    talks = settings.route_reflector_client or settings.default_originate
    alone = over_there is not None and over_there.default_originate
    return not talks and not alone and imports_as_is(peering, settings)


def imports_as_is(peering: Peering, settings: NeighborFamily) -> bool:
    """An iBGP session where nothing on the way in looks at the route beyond the loop checks."""
    untouched = (
        settings.route_map_in,
        settings.prefix_list_in,
        settings.filter_list_in,
        settings.distribute_list_in,
        settings.weight,
        peering.neighbor.local_as,
    )
    return peering.kind == IBGP and all(item is None for item in untouched)


def _numbered(peerings: Sequence[Peering]) -> dict[tuple[int, int], int]:
    """Update groups: peers of one group are sent the same. Every eBGP session is one of its own."""
    numbers: dict[Hashable, int] = {}
    found: dict[tuple[int, int], int] = {}
    for peering in peerings:
        for version, settings in peering.families.items():
            key: Hashable = (peering.index, version)
            if peering.kind != EBGP:
                key = (
                    peering.speaker.index,
                    peering.kind,
                    peering.own_next_hops.get(version),
                    peering.neighbor.graceful_shutdown,
                    _sent_as(settings),
                )
            found[peering.index, version] = numbers.setdefault(key, len(numbers))
    return found


def _sent_as(settings: NeighborFamily) -> Hashable:
    """What of a session's settings shapes the paths sent over it."""
    return (
        settings.route_map_out,
        settings.prefix_list_out,
        settings.filter_list_out,
        settings.distribute_list_out,
        settings.unsuppress_map,
        settings.next_hop_self,
        settings.route_reflector_client,
        settings.route_server_client,
        settings.send_communities,
        settings.default_originate,
        settings.attribute_unchanged,
    )


def _decides(speaker: Speaker, version: int) -> Hashable:
    process = speaker.process
    family = process.families.get(version) or BgpFamily(version=version)
    return (
        version,
        process.asn,
        process.confederation_id,
        process.default_local_preference,
        (process.always_compare_med, process.deterministic_med, process.med_confed, process.med_missing_as_worst),
        (process.as_path_ignore, process.as_path_confed, process.multipath_relax, process.reject_as_sets),
        (family.equal_cluster_length, family.maximum_paths_ibgp, family.distance_internal),
    )


def _heard_as(inlet: Inlet) -> Hashable:
    settings = inlet.peering.families
    return (
        inlet.sender,
        inlet.group,
        inlet.peering.text,
        inlet.peering.remote_address,
        tuple((version, item.allowas_in, item.allowas_in_origin) for version, item in settings.items()),
    )
