"""Prefixes that BGP cannot tell apart are handled together.

Two prefixes share a group when the same sources offer them with the same attributes, every prefix list and access list of
every router says the same of both, the same aggregates cover them, and neither is a default route, an aggregate's own
prefix or a possible next hop. Policy and the decision process see a prefix through nothing else, so what becomes of one
becomes of the other.

AS numbers that no configuration mentions are names: where no AS path expression and no as-set looks at them, two prefixes
whose paths differ in such names alone (each public one for a public one, each private one for a private one) share a group
too, and the names are put back at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from backstay.model.address import Prefix
from backstay.model.network import Network, Router
from backstay.model.policy import AccessList, PrefixList
from backstay.referee import bgp_path, policy_lists
from backstay.referee.bgp_ends import End, Instance
from backstay.referee.bgp_path import Attributes

Source = tuple[str, int, str]
"""Who offers: ``("end", index, "")`` or ``("own", instance number, kind)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """``prefixes`` sorted; messages carry the first one's attributes. ``names[i]`` turns AS numbers of the first into those
    of the i-th.
    """

    number: int
    prefixes: tuple[Prefix, ...]
    names: tuple[Mapping[int, int], ...]
    offers: tuple[tuple[Source, Attributes], ...]
    prefix: Prefix = field(init=False)
    version: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.prefixes[0])
        object.__setattr__(self, "version", self.prefixes[0].version)


def grouped(
    network: Network,
    instances: tuple[Instance, ...],
    ends: Iterable[End],
    offers: Mapping[Prefix, list[tuple[Source, Attributes]]],
    alone: frozenset[Prefix],
) -> list[Group]:
    """Groups of all prefixes on offer, in the order of their first prefix. ``alone`` share with nobody."""
    routers = [network.routers[name] for name in sorted(network.routers)]
    questions = tuple(_lists(routers))
    aggregates = _aggregates(instances)
    mentioned = None if _paths_are_read(routers, instances) else _mentioned(routers, instances, ends)
    gathered: dict[object, list[tuple[Prefix, dict[int, int]]]] = defaultdict(list)
    for prefix in sorted(offers):
        names: dict[int, int] = {}
        offered = tuple((source, _renamed(attributes, mentioned, names)) for source, attributes in offers[prefix])
        answers = tuple(_says(items, prefix) for items in questions if items.version == prefix.version)
        covers = tuple(index for index, part in enumerate(aggregates) if part.covers(prefix) and part != prefix)
        apart = prefix if prefix in alone or prefix.length == 0 or prefix in aggregates else None
        gathered[prefix.version, offered, answers, covers, apart].append((prefix, names))
    return [_group(number, members, offers) for number, members in enumerate(gathered.values())]


def _group(
    number: int,
    members: list[tuple[Prefix, dict[int, int]]],
    offers: Mapping[Prefix, list[tuple[Source, Attributes]]],
) -> Group:
    first, own = members[0]
    back = {alias: real for real, alias in own.items()}
    names = []
    for _, other in members:
        names.append({back[alias]: real for real, alias in other.items() if back[alias] != real})
    return Group(
        number=number,
        prefixes=tuple(prefix for prefix, _ in members),
        names=tuple(names),
        offers=tuple(offers[first]),
    )


def _renamed(attributes: Attributes, mentioned: frozenset[int] | None, names: dict[int, int]) -> Attributes:
    """Unmentioned AS numbers replaced by aliases in the order they are met: negative, private ones below all public."""
    if mentioned is None or not attributes.as_path:
        return attributes
    path = []
    for kind, numbers in attributes.as_path:
        for number in numbers:
            if number not in mentioned and number not in names:
                names[number] = -(len(names) + 1) - (1 << 33 if bgp_path.is_private(number) else 0)
        path.append((kind, tuple(names.get(number, number) for number in numbers)))
    return attributes._replace(as_path=tuple(path))


def _lists(routers: list[Router]) -> Iterator[PrefixList | AccessList]:
    """Every list, but one that says the same line by line as another only once."""
    seen: set[object] = set()
    for router in routers:
        policies = router.policies
        both: list[PrefixList | AccessList] = [*policies.prefix_lists.values(), *policies.access_lists.values()]
        for items in both:
            content = _content(items)
            if content not in seen:
                seen.add(content)
                yield items


def _content(items: PrefixList | AccessList) -> object:
    if isinstance(items, PrefixList):
        return (items.version, tuple((e.permit, e.prefix, e.ge, e.le) for e in items.entries))
    return (
        items.version,
        tuple(
            (e.permit, e.source, e.destination, e.source_wildcard, e.destination_wildcard, e.exact)
            for e in items.entries
        ),
    )


def _says(items: PrefixList | AccessList, prefix: Prefix) -> bool:
    if isinstance(items, PrefixList):
        return policy_lists.prefix_list(items, prefix)
    return policy_lists.access_list(items, prefix)


def _aggregates(instances: tuple[Instance, ...]) -> list[Prefix]:
    return sorted(
        {
            aggregate.prefix
            for instance in instances
            for family in instance.process.families.values()
            for aggregate in family.aggregates
        }
    )


def _paths_are_read(routers: list[Router], instances: tuple[Instance, ...]) -> bool:
    """Whether an expression or a set could tell one AS number from another."""
    sets = any(
        aggregate.as_set
        for instance in instances
        for family in instance.process.families.values()
        for aggregate in family.aggregates
    )
    return sets or any(router.policies.as_path_lists for router in routers)


def _mentioned(routers: list[Router], instances: tuple[Instance, ...], ends: Iterable[End]) -> frozenset[int]:
    """AS numbers some configuration or session knows, and 0, which nobody may use (RFC 7607)."""
    numbers: set[int] = {0}
    for instance in instances:
        process = instance.process
        numbers |= {process.asn, *process.confederation_peers}
        if process.confederation_id is not None:
            numbers.add(process.confederation_id)
    for end in ends:
        numbers |= {end.peer_as, end.neighbor.local_as or 0}
        if end.outside is not None and end.outside.asn is not None:
            numbers.add(end.outside.asn)
    for router in routers:
        for route_map in router.policies.route_maps.values():
            for entry in route_map.entries:
                for action in entry.sets:
                    if action.kind.startswith("as-path"):
                        numbers |= {int(value) for value in action.values if value.isdigit()}
    return frozenset(numbers)


def restored(path: bgp_path.AsPath, names: Mapping[int, int]) -> bgp_path.AsPath:
    """The path as another member of the group has it."""
    if not names:
        return path
    return tuple((kind, tuple(names.get(number, number) for number in numbers)) for kind, numbers in path)
