"""One BGP speaker: its Adj-RIBs-In, Loc-RIB and Adj-RIBs-Out (RFC 4271 3.2), by group of prefixes."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from backstay.model.address import Address, Prefix
from backstay.model.policy import NOWHERE
from backstay.model.routing import Aggregate, NeighborFamily
from backstay.model.source import Remark
from backstay.model.state import Route
from backstay.referee import bgp_decide, bgp_export, bgp_import, bgp_origin
from backstay.referee.bgp_decide import Choice, Path
from backstay.referee.bgp_ends import EBGP, IBGP, End, Instance
from backstay.referee.bgp_groups import Group
from backstay.referee.bgp_origin import AGGREGATE
from backstay.referee.bgp_path import Attributes
from backstay.referee.bgp_subnets import Subnets
from backstay.referee.seams import Interior

_NUMBER = attrgetter("end.index")


class Speaker:
    """``received``: what each end's peer announces, by group. ``paths``: what import policy made of it, and our own.
    ``chosen``: the Loc-RIB. ``sent``: what each end announces; ends that are sent the same share one table.

    ``half_way``: prefixes of aggregates whose parts are there but that do not come about (a route-map, MEDs that differ)
    though they suppress: FRR suppresses a part as it comes in, and takes that back only when it makes the aggregate again
    without success (bgp_add_route_to_aggregate(), bgp_aggregate_install(): the part heard last stays suppressed).

    ``leaf``: nothing it hears goes any further, and nothing begins here: it has internal peers alone, none of them a client
    (RFC 4456 6). So it can wait until all is told.
    """

    def __init__(
        self,
        instance: Instance,
        ends: list[End],
        groups: list[Group],
        subnets: Subnets,
        interior: Interior,
        laid_over: dict[Prefix, Route],
    ) -> None:
        self.instance = instance
        self.ends = ends
        self.groups = groups
        self.subnets = subnets
        self.interior = interior
        self.laid_over = laid_over
        self.addresses = subnets.owns(*instance.place)
        self.received: dict[int, dict[End, Attributes]] = {}
        self.paths: dict[int, dict[object, Path]] = {}
        self.chosen: dict[int, Choice] = {}
        self._aggregates = list(self._configured_aggregates())
        self.leaf = not self._aggregates and is_leaf(instance, ends)
        self.audiences = tuple((end,) for end in ends) if self.leaf else _audiences(ends)
        tables: list[dict[int, Attributes]] = [{} for _ in self.audiences]
        self.sent = {end: told for audience, told in zip(self.audiences, tables, strict=True) for end in audience}
        self.suppressed: dict[int, int] = {}
        self.half_way: set[Prefix] = set()
        self.remarks: set[Remark] = set()
        self._costs: dict[tuple[Address, bool], int | None] = {}

    # ------------------------------------------------------------------------------------------- what comes in

    def originate(self, group: Group, kind: str, attributes: Attributes) -> None:
        """A route of our own; it needs no next hop to be valid."""
        path = Path(self.instance.process, attributes, None, kind, 0, valid=True)
        self.paths.setdefault(group.number, {})[kind] = path

    def receive(self, end: End, group: Group, attributes: Attributes | None) -> bool:
        """An UPDATE or (None) a withdrawal; True if the decision process has something to look at."""
        before = self.paths.get(group.number, {}).get(end)
        if attributes is None:
            self.received.get(group.number, {}).pop(end, None)
            path = None
        else:
            self.received.setdefault(group.number, {})[end] = attributes
            path = self._path(end, group, attributes)
        if path is None:
            return self.paths.get(group.number, {}).pop(end, None) is not None
        if before is not None and before.same(path):
            return False
        self.paths.setdefault(group.number, {})[end] = path
        return True

    def hear(self, end: End, number: int, attributes: Attributes | None) -> None:
        """The same at a leaf, which looks at it later (`listen`)."""
        held = self.received.setdefault(number, {})
        if attributes is None:
            held.pop(end, None)
        else:
            held[end] = attributes

    def listen(self) -> None:
        """A leaf looks, once, at all it was told (`received`)."""
        for number, by in self.received.items():
            group = self.groups[number]
            held: dict[object, Path] = {}
            for end, attributes in by.items():
                path = self._path(end, group, attributes)
                if path is not None:
                    held[end] = path
            if held:
                self.paths[number] = held
                self.decide(number)

    def _path(self, end: End, group: Group, attributes: Attributes) -> Path | None:
        prefix = group.prefix
        taken = bgp_import.accepted(end, prefix, attributes, self.addresses)
        if taken is None:
            return None
        cost = self._cost(end, prefix, taken)
        return Path(self.instance.process, taken, end, "", cost or 0, valid=cost is not None)

    def _cost(self, end: End, prefix: Prefix, attributes: Attributes) -> int | None:
        """RFC 4271 9.1.2.1: the IGP's cost to the next hop, None where it is not resolved. A link-local next hop is on the
        wire; a route does not resolve its own next hop (but from a client: FRR passes the prefix on from others alone).
        """
        hop = attributes.next_hop
        if hop is None or (attributes.link_local and not attributes.prefer_global):
            return 0 if end.interface is not None else None
        itself = hop.value == prefix.value and hop.host_prefix == prefix
        if itself and not end.families[prefix.version].route_reflector_client:
            return None
        key = (hop, end.single_hop)
        if key not in self._costs:
            self._costs[key] = self._resolve(*key)
        return self._costs[key]

    def _resolve(self, hop: Address, connected: bool) -> int | None:
        if hop.version == 6 and hop.value >> 32 == 0xFFFF:
            hop = Address(4, hop.value & 0xFFFFFFFF)
        router, vrf = self.instance.place
        measured = self.interior.measure(router, vrf, hop) if not (connected or self.laid_over) else None
        if measured is not None:
            return measured[1]
        resolved = self.interior.resolve(router, vrf, hop, self.laid_over or None)
        if resolved is None or (connected and resolved.route.protocol != "connected"):
            return None
        return resolved.metric

    # ------------------------------------------------------------------------------------------- what is chosen

    def decide(self, number: int) -> bool:
        """Run the decision process for a group; True if what is announced may change."""
        group = self.groups[number]
        family = self.instance.process.families.get(group.version)
        old = self.chosen.get(number)
        paths = _in_order(self.paths.get(number, {}))
        new = bgp_decide.choose(self.instance.process, family, paths) if family is not None else None
        if new is None:
            self.chosen.pop(number, None)
            return old is not None
        process = self.instance.process
        if not process.deterministic_med and family and bgp_decide.depends_on_order(process, family, new, paths):
            self._remark(group)
        self.chosen[number] = new
        return old is None or old.best is not new.best

    def _remark(self, group: Group) -> None:
        router = self.instance.router.name
        text = (
            f"{router}: which route to {group.prefix} is best depends on the order they came in (no deterministic-med)"
        )
        self.remarks.add(Remark("bgp-order", text, router))

    # ------------------------------------------------------------------------------------------- aggregates

    def _configured_aggregates(self) -> list[tuple[Aggregate, int, list[int], frozenset[int]]]:
        """Each aggregate with the group of its prefix, those of its parts, and which of these it would suppress."""
        found = []
        for family in self.instance.process.families.values():
            for aggregate in family.aggregates:
                own = next(group.number for group in self.groups if aggregate.prefix in group.prefixes)
                parts = [
                    group
                    for group in self.groups
                    if aggregate.prefix.covers(group.prefix) and group.prefix != aggregate.prefix
                ]
                quiet = frozenset(
                    part.number for part in parts if bgp_origin.suppresses(self.instance, aggregate, part.prefix)
                )
                found.append((aggregate, own, [part.number for part in parts], quiet))
        return found

    def aggregate(self) -> set[int]:
        """Make every aggregate anew; the groups whose routes or whose suppression changed."""
        changed: set[int] = set()
        suppressed: dict[int, int] = {}
        half_way: set[Prefix] = set()
        for aggregate, own, parts, quiet in self._aggregates:
            held = {number: self._parts(number) for number in parts}
            present = [attributes for several in held.values() for attributes in several]
            made = bgp_origin.aggregated(self.instance, aggregate, present)
            if made is not None:
                for number in quiet:
                    suppressed[number] = suppressed.get(number, 0) + bool(held[number])
            elif present and (aggregate.summary_only or aggregate.suppress_map is not None):
                half_way.add(aggregate.prefix)
            if self._replace_aggregate(own, made):
                changed.add(own)
        numbers = suppressed.keys() | self.suppressed.keys()
        changed |= {n for n in numbers if bool(suppressed.get(n)) != bool(self.suppressed.get(n))}
        self.suppressed, self.half_way = suppressed, half_way
        return changed

    def _parts(self, number: int) -> list[Attributes]:
        """All valid paths to a part, the best and the others, but those that are aggregates themselves (seen on FRR 8.4.4:
        a path whose next hop is not resolved makes no aggregate).
        """
        held = self.paths.get(number, {}).values()
        return [path.attributes for path in held if path.valid and path.kind != AGGREGATE]

    def _replace_aggregate(self, number: int, attributes: Attributes | None) -> bool:
        held = self.paths.setdefault(number, {})
        old = held.get(AGGREGATE)
        if attributes is None:
            return held.pop(AGGREGATE, None) is not None
        if old is not None and old.attributes == attributes:
            return False
        held[AGGREGATE] = Path(self.instance.process, attributes, None, AGGREGATE, 0, valid=True)
        return True

    @property
    def aggregates(self) -> bool:
        return bool(self._aggregates)

    # ------------------------------------------------------------------------------------------- what goes out

    def announcements(self, number: int) -> list[tuple[End, Attributes | None]]:
        """UPDATEs and withdrawals that bring every peer up to date on a group (FRR's update groups)."""
        group = self.groups[number]
        choice = self.chosen.get(number)
        suppressed = bool(self.suppressed.get(number))
        messages: list[tuple[End, Attributes | None]] = []
        for audience in self.audiences:
            family = audience[0].families.get(group.version)
            if family is not None and not (family.default_originate and group.prefix.is_default):
                made = self._announced(audience[0], group, choice, suppressed=suppressed)
                messages += self._update(audience, number, made)
        messages.sort(key=_by_end)
        return messages

    def _announced(self, end: End, group: Group, choice: Choice | None, *, suppressed: bool) -> Attributes | None:
        if choice is None:
            return None
        suppressed = suppressed and choice.best.kind != AGGREGATE  # a part's other paths are (FRR aggr_suppress_path())
        return bgp_export.announced(end, group.prefix, choice.best, self.subnets, suppressed=suppressed)

    def _update(
        self, audience: tuple[End, ...], number: int, attributes: Attributes | None
    ) -> list[tuple[End, Attributes | None]]:
        held = self.sent[audience[0]]
        before = held.get(number)
        if before is attributes or before == attributes:
            return []
        if attributes is None:
            del held[number]
        else:
            held[number] = attributes
        return [(end, attributes) for end in audience]

    def defaults(self, number: int) -> list[tuple[End, Attributes | None]]:
        """The same for ``default-originate``, which looks at the whole table."""
        group = self.groups[number]
        messages: list[tuple[End, Attributes | None]] = []
        for audience in self.audiences:
            family = audience[0].families.get(group.version)
            if family is None or not family.default_originate:
                continue
            seen = [
                (self.groups[other].prefix, path)
                for other in sorted(self.paths)
                if self.groups[other].version == group.version
                for path in self.paths[other].values()
            ]
            made = bgp_export.default_route(audience[0], group.prefix, seen)
            messages += self._update(audience, number, made)
        messages.sort(key=_by_end)
        return messages


def _by_end(message: tuple[End, Attributes | None]) -> int:
    return message[0].index


def is_leaf(instance: Instance, ends: list[End]) -> bool:
    """Whether a speaker without aggregates is one (`Speaker`)."""
    return not any(family.networks or family.redistributions for family in instance.process.families.values()) and all(
        end.sort == IBGP
        and end.twin is not None
        and not any(family.route_reflector_client or family.default_originate for family in end.families.values())
        for end in ends
    )


def _in_order(paths: dict[object, Path]) -> list[Path]:
    """Our own first, then by end: the order has no bearing on the result, but for one that has no order of its own."""
    if len(paths) < 2:
        return list(paths.values())
    if all(path.end is not None for path in paths.values()):
        return sorted(paths.values(), key=_NUMBER)
    return sorted(paths.values(), key=lambda path: (path.end is not None, path.end.index if path.end else 0, path.kind))


def _audiences(ends: list[End]) -> tuple[tuple[End, ...], ...]:
    """Ends that are sent the same routes, together."""
    found: dict[object, list[End]] = {}
    for end in ends:
        found.setdefault(_profile(end), []).append(end)
    return tuple(map(tuple, found.values()))


def _profile(end: End) -> object:
    """Equal for ends that are sent the same routes."""
    neighbor = end.neighbor
    personal = end.sort == EBGP or neighbor.solo
    if personal:
        return end.index
    return (
        end.sort,
        end.peer_as,
        tuple(sorted(end.own.items())),
        end.link_local,
        end.extended_next_hop,
        end.local_as,
        tuple((version, _settings(end.families[version])) for version in sorted(end.families)),
    )


def _settings(family: NeighborFamily) -> NeighborFamily:
    """The part of a family's settings that bears on what is sent."""
    return replace(family, place=NOWHERE, route_map_in=None, prefix_list_in=None, maximum_prefix=None)
