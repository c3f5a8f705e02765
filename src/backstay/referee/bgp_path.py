"""The AS_PATH and the other path attributes of RFC 4271 section 5, as values.

An AS_PATH is a tuple of segments ``(kind, (AS numbers))``; kinds are those of RFC 4271 4.3 b and RFC 5065 3.
"""

from __future__ import annotations

from typing import NamedTuple

from backstay.model.address import Address

SEQUENCE, SET, CONFED_SEQUENCE, CONFED_SET = "sequence", "set", "confed-sequence", "confed-set"

Segment = tuple[str, tuple[int, ...]]
AsPath = tuple[Segment, ...]

EMPTY_PATH: AsPath = ()

IGP, EGP, INCOMPLETE = 0, 1, 2
ORIGINS = ("igp", "egp", "incomplete")

LOCAL_WEIGHT = 32768
"""FRR bgpd.h BGP_ATTR_DEFAULT_WEIGHT: the weight of what a speaker originates."""

GRACEFUL_SHUTDOWN_PREFERENCE = 0
"""RFC 8326 4.2 recommends 0; FRR BGP_GSHUT_LOCAL_PREF."""

_BRACKETS = {
    SEQUENCE: ("", " ", ""),
    SET: ("{", ",", "}"),
    CONFED_SEQUENCE: ("(", " ", ")"),
    CONFED_SET: ("[", ",", "]"),
}


class Attributes(NamedTuple):
    """Path attributes of one route, with those FRR keeps beside them (weight, tag, distance).

    ``local_preference`` has a value even where the attribute is absent (``preference_set`` False): what a route-map
    adds to. ``next_hop`` None: the speaker itself ("0.0.0.0" in a router's table). ``next_hop_set`` is what a
    route-map did to it: ``changed``, ``unchanged``, ``peer-address`` or "". ``link_local``: an IPv6 link-local next hop
    comes with the global one (RFC 2545 3); ``prefer_global`` leaves it aside.
    """

    as_path: AsPath = EMPTY_PATH
    origin: int = IGP
    next_hop: Address | None = None
    med: int | None = None
    local_preference: int = 0
    preference_set: bool = False
    weight: int = 0
    communities: frozenset[int] = frozenset()
    large: frozenset[str] = frozenset()
    extended: frozenset[str] = frozenset()
    originator: Address | None = None
    cluster_list: tuple[Address, ...] = ()
    atomic: bool = False
    aggregator: str | None = None
    tag: int = 0
    distance: int = 0
    next_hop_set: str = ""
    link_local: bool = False
    prefer_global: bool = False


def text(path: AsPath) -> str:
    """As routers show it: ``64601 {1,2} (65001 65002)``."""
    return " ".join(_segment_text(segment) for segment in path)


def _segment_text(segment: Segment) -> str:
    before, between, after = _BRACKETS[segment[0]]
    return before + between.join(map(str, segment[1])) + after


def of(numbers: tuple[int, ...]) -> AsPath:
    """One AS_SEQUENCE."""
    return ((SEQUENCE, numbers),) if numbers else EMPTY_PATH


def length(path: AsPath) -> int:
    """RFC 4271 9.1.2.2 a: an AS_SET counts as 1; RFC 5065 5.3: confederation segments count as nothing."""
    return sum(len(numbers) if kind == SEQUENCE else kind == SET for kind, numbers in path)


def confederation_length(path: AsPath) -> int:
    """The part `length` leaves out; a CONFED_SET counts as 1."""
    return sum(len(numbers) if kind == CONFED_SEQUENCE else kind == CONFED_SET for kind, numbers in path)


def occurrences(path: AsPath, number: int) -> int:
    """How often an AS stands in the path, in any kind of segment."""
    if len(path) == 1:
        return path[0][1].count(number)
    return sum(numbers.count(number) for _, numbers in path)


def prepend(path: AsPath, numbers: tuple[int, ...], kind: str = SEQUENCE) -> AsPath:
    """RFC 4271 5.1.2 b: in front of the leading segment if that is of the same kind, else a segment of its own."""
    if not numbers:
        return path
    if path and path[0][0] == kind:
        return ((kind, numbers + path[0][1]), *path[1:])
    return ((kind, numbers), *path)


def without_confederation(path: AsPath) -> AsPath:
    """RFC 5065 4.1 c.1: confederation segments are taken off before a path leaves the confederation."""
    return tuple(segment for segment in path if segment[0] in {SEQUENCE, SET})


def merged(path: AsPath) -> AsPath:
    """Neighbouring sequences of a kind are one, and empty segments none."""
    result: list[Segment] = []
    for kind, numbers in path:
        if not numbers:
            continue
        if result and result[-1][0] == kind and kind in {SEQUENCE, CONFED_SEQUENCE}:
            result[-1] = (kind, result[-1][1] + numbers)
        else:
            result.append((kind, numbers))
    return tuple(result)


def first_as(path: AsPath) -> int | None:
    """The leftmost AS, whatever its segment."""
    return path[0][1][0] if path else None


def last_as(path: AsPath) -> int | None:
    """The origin AS."""
    return path[-1][1][-1] if path else None


def neighbor_as(path: AsPath) -> int | None:
    """RFC 4271 9.1.2.2 c: the AS the route was received from, looked for behind confederation segments; None in an
    AS_SET or an empty path.
    """
    for kind, numbers in path:
        if kind in {CONFED_SEQUENCE, CONFED_SET}:
            continue
        return numbers[0] if kind == SEQUENCE else None
    return None


def member_as(path: AsPath) -> int | None:
    """The neighbouring member AS, where the path begins with an AS_CONFED_SEQUENCE."""
    return path[0][1][0] if path and path[0][0] == CONFED_SEQUENCE else None


def has_set(path: AsPath) -> bool:
    return any(kind in {SET, CONFED_SET} for kind, _ in path)


def has_confederation(path: AsPath) -> bool:
    return any(kind in {CONFED_SEQUENCE, CONFED_SET} for kind, _ in path)


def is_private(number: int) -> bool:
    """RFC 6996 5."""
    return 64512 <= number <= 65534 or 4200000000 <= number <= 4294967294


def remove_private(path: AsPath, keep: int, *, everywhere: bool, replacement: int | None) -> AsPath:
    """``remove-private-AS [all] [replace-AS]``: without ``everywhere`` only a path of private numbers alone is touched;
    the peer's own number is kept, so that its loop detection still works (FRR bgp_peer_remove_private_as()).
    """
    if not everywhere and not all(is_private(number) for _, numbers in path for number in numbers):
        return path
    if replacement is not None:
        return tuple(
            (kind, tuple(_replaced(number, keep, replacement) for number in numbers)) for kind, numbers in path
        )
    kept = ((kind, tuple(n for n in numbers if not is_private(n) or n == keep)) for kind, numbers in path)
    return merged(tuple(kept))


def _replaced(number: int, keep: int, replacement: int) -> int:
    return replacement if is_private(number) and number != keep else number


def override(path: AsPath, peer: int, own: int) -> AsPath:
    """``as-override``: the peer's number becomes ours wherever it stands."""
    return tuple((kind, tuple(own if number == peer else number for number in numbers)) for kind, numbers in path)


def exclude(path: AsPath, numbers: tuple[int, ...]) -> AsPath:
    """``set as-path exclude``."""
    return merged(tuple((kind, tuple(n for n in present if n not in numbers)) for kind, present in path))


def aggregate(first: AsPath, second: AsPath) -> AsPath:
    """RFC 4271 9.2.2.2: what both begin with stays as it is, the rest becomes one AS_SET (F.6: sorted, each once)."""
    common: list[Segment] = []
    index = 0
    while index < min(len(first), len(second)) and first[index] == second[index]:
        common.append(first[index])
        index += 1
    left, right = list(first[index:]), list(second[index:])
    if left and right and left[0][0] == right[0][0]:
        shared = _shared(left[0][1], right[0][1])
        common.append((left[0][0], left[0][1][:shared]))
        left[0], right[0] = (left[0][0], left[0][1][shared:]), (right[0][0], right[0][1][shared:])
    rest = {number for _, numbers in (*left, *right) for number in numbers}
    return merged((*common, (SET, tuple(sorted(rest)))))


def _shared(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    count = 0
    while count < min(len(left), len(right)) and left[count] == right[count]:
        count += 1
    return count
