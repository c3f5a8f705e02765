# ruff: noqa: ARG001 - every row of the table below has one signature
"""Match clauses: every kind of `backstay.model.policy.Match`. One nobody can evaluate raises `Unproven`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.policy import Match
from backstay.simulate.bgp_path import Path
from backstay.simulate.policy_library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a route-map can ask about a route beside its path.

    ``peers`` are all texts the BGP neighbour is known by (address, interface, group), ``local`` for a route of our own.
    ``source`` is the address it was heard from, ``peer_as`` that neighbour's AS. ``discard`` is a blackhole route. ``matched``: look at that
    path instead of the one that set clauses change (default-originate with a route-map). ``isis``: isisd reads the route-map.
    """

    prefix: Prefix
    protocol: str = "bgp"
    instance: str | None = None
    interface: str | None = None
    peers: frozenset[str] = frozenset()
    source: Address | None = None
    peer_as: int | None = None
    discard: bool = False
    matched: Path | None = None
    isis: bool = False


Test = Callable[[Match, Path, Setting, Library], bool]


def known_to_isisd(match: Match) -> bool:
    """Whether isisd has the clause; an entry stands without the others (isis_routemap.c isis_route_map_init; seen on FRR 8.4.4)."""
    return match.kind == "tag" or (match.kind in {"prefix-list", "access-list"} and match.of == "prefix")


def holds(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    """Whether one match clause holds. Raises `Unproven` naming the router and the line of an unknown kind."""
    test = TESTS.get(match.kind)
    if test is None:
        raise Unproven(f"{match.place}: {library.router}: match {match.kind} {' '.join(match.values)} is not evaluated")
    return test(match, path, setting, library)


def _subject(match: Match, path: Path, setting: Setting, library: Library) -> Prefix | None:
    """The prefix a list is applied to: the route's, its next hop's, or that of the router it was heard from."""
    if match.of == "prefix":
        return setting.prefix
    if match.of == "next-hop":
        return (path.next_hop or Address(setting.prefix.version, 0)).host_prefix
    if match.of == "source":
        return setting.source.host_prefix if setting.source else None
    raise Unproven(f"{match.place}: {library.router}: match {match.kind} of {match.of} is not evaluated")


def _prefix_list(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    subject = _subject(match, path, setting, library)
    return subject is not None and any(
        library.prefix_list(match.version or subject.version, name, subject) for name in match.values
    )


def _access_list(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    subject = _subject(match, path, setting, library)
    return subject is not None and any(
        library.access_list(match.version or subject.version, name, subject) for name in match.values
    )


def _prefix_length(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    subject = _subject(match, path, setting, library)
    if subject is None or (match.version is not None and subject.version != match.version):
        return False
    return subject.length == int(match.values[0])


def _next_hop(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    """A next hop of our own stands as 0.0.0.0 or ::, and without an interface is one of type ``blackhole`` (FRR bgp_routemap.c
    route_match_ip_next_hop_type; seen on FRR 8.4.4: a network statement's).
    """
    if match.values[0] == "blackhole":
        return setting.discard or not (path.next_hop or path.via or setting.interface)
    return (path.next_hop or Address(setting.prefix.version, 0)) == Address.parse(match.values[0])


def _interface(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    """Of a route that is heard, only where its next hop is a link-local address and nothing else (FRR bgp_routemap.c
    route_match_interface looks at nh_ifindex; seen on FRR 8.4.4).
    """
    heard_on = path.via if path.next_hop is None else None
    return match.values[0] in {setting.interface, heard_on} - {None}


def _as_path(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return any(library.as_path_list(name, path.as_path) for name in match.values)


def _community(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    carried = path.communities
    return any(library.community_list("standard", name, carried, exact=match.exact) for name in match.values)


def _large_community(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    carried = path.large_communities
    return any(library.community_list("large", name, carried, exact=match.exact) for name in match.values)


def _extended_community(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return any(library.community_list("extended", name, path.extended_communities) for name in match.values)


def _metric(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    """A route without MED is matched as 0 (FRR bgp_routemap.c route_match_metric reads the plain field)."""
    return (path.med or 0) == int(match.values[0])


def _local_preference(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return (path.local_preference or 0) == int(match.values[0])


def _tag(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return path.tag == int(match.values[0])


def _origin(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return path.origin == match.values[0]


def _source_protocol(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    protocol = "bgp" if setting.protocol == "ibgp" else setting.protocol
    return protocol == match.values[0]


def _source_instance(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    return (setting.instance or "0") == match.values[0]


def _peer(match: Match, path: Path, setting: Setting, library: Library) -> bool:
    wanted = match.values[0]
    with suppress(ValueError):  # an interface, a group, or `local` is no address
        wanted = str(Address.parse(wanted))
    return wanted in setting.peers


TESTS: Mapping[str, Test] = {
    "prefix-list": _prefix_list,
    "access-list": _access_list,
    "prefix-len": _prefix_length,
    "next-hop": _next_hop,
    "interface": _interface,
    "as-path": _as_path,
    "community": _community,
    "large-community": _large_community,
    "extcommunity": _extended_community,
    "metric": _metric,
    "local-preference": _local_preference,
    "tag": _tag,
    "origin": _origin,
    "source-protocol": _source_protocol,
    "source-instance": _source_instance,
    "peer": _peer,
}
