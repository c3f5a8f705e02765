"""Prefixes that behave alike, so that one of each is computed.

Two prefixes are alike when they begin at the same places with the same attributes and no policy of any speaker can
tell them apart: every prefix list and access list answers the same for both, and every aggregate covers both or neither.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from backstay.model.address import Prefix
from backstay.model.policy import AccessList, Policies, PrefixList, RouteMap
from backstay.simulate.bgp_speaker import Speaker
from backstay.simulate.policy_lists import access_list_permits, prefix_list_permits

Test = Callable[[Prefix], bool]


def group(
    origins: Mapping[Prefix, Hashable], speakers: Sequence[Speaker], alone: Iterable[Prefix]
) -> list[tuple[Prefix, ...]]:
    """The classes, each sorted, in the order of their first prefix. ``alone`` are prefixes that get one of their own."""
    apart = set(alone)
    tests = distinctions(speakers)
    lengths_matter = any(_asks_length(speaker.library.objects) for speaker in speakers)
    classes: dict[Hashable, list[Prefix]] = {}
    for prefix in sorted(origins):
        key: Hashable = prefix
        if prefix not in apart:
            answers = sum(test(prefix) << place for place, test in enumerate(tests))
            key = (prefix.version, origins[prefix], answers, prefix.length if lengths_matter else None)
        classes.setdefault(key, []).append(prefix)
    return [tuple(members) for members in classes.values()]


def distinctions(speakers: Sequence[Speaker]) -> list[Test]:
    """One test for each different question that some speaker's policy can ask about a prefix."""
    tests: dict[Hashable, Test] = {}
    for speaker in speakers:
        objects = speaker.library.objects
        for prefix_list in objects.prefix_lists.values():
            tests.setdefault(_content(prefix_list), _prefix_test(prefix_list))
        for access_list in objects.access_lists.values():
            tests.setdefault(_access_content(access_list), _access_test(access_list))
        for family in speaker.process.families.values():
            for aggregate in family.aggregates:
                tests.setdefault(("aggregate", aggregate.prefix), _aggregate_test(aggregate.prefix))
    return list(tests.values())


def _content(prefix_list: PrefixList) -> Hashable:
    entries = tuple((entry.permit, entry.prefix, entry.ge, entry.le) for entry in prefix_list.entries)
    return ("prefix-list", prefix_list.version, entries)


def _prefix_test(prefix_list: PrefixList) -> Test:
    return lambda prefix: prefix.version == prefix_list.version and prefix_list_permits(prefix_list, prefix)


def _access_content(access_list: AccessList) -> Hashable:
    entries = tuple(
        (
            entry.permit,
            entry.source,
            entry.destination,
            entry.source_wildcard,
            entry.destination_wildcard,
            entry.exact,
        )
        for entry in access_list.entries
    )
    return ("access-list", access_list.version, entries)


def _access_test(access_list: AccessList) -> Test:
    return lambda prefix: prefix.version == access_list.version and access_list_permits(access_list, prefix)


def _aggregate_test(aggregate: Prefix) -> Test:
    return lambda prefix: prefix != aggregate and aggregate.covers(prefix)


def _asks_length(objects: Policies) -> bool:
    return any(_map_asks_length(route_map) for route_map in objects.route_maps.values())


def _map_asks_length(route_map: RouteMap) -> bool:
    return any(
        match.kind == "prefix-len" and match.of == "prefix" for entry in route_map.entries for match in entry.matches
    )
