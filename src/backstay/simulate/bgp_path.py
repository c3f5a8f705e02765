"""A BGP path and its AS path: what a route carries while it travels, before it is anybody's best.

An AS path is a tuple of segments, nearest first, as on the wire (RFC 4271 4.3, RFC 5065 3): each is a kind and AS
numbers. `PathAttributes` of the model holds the same as text, for people and for comparison between engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from backstay.model.address import Address
from backstay.model.state import PathAttributes

SEQUENCE, SET, CONFED_SEQUENCE, CONFED_SET = "sequence", "set", "confed-sequence", "confed-set"
_BRACKETS = {SEQUENCE: ("", ""), SET: ("{", "}"), CONFED_SEQUENCE: ("(", ")"), CONFED_SET: ("[", "]")}
_SEPARATORS = {SEQUENCE: " ", SET: ",", CONFED_SEQUENCE: " ", CONFED_SET: ","}
_OPENING = {"{": SET, "(": CONFED_SEQUENCE, "[": CONFED_SET}
_CONFEDERATION = frozenset({CONFED_SEQUENCE, CONFED_SET})

ORIGIN_RANK = {"igp": 0, "egp": 1, "incomplete": 2}
DEFAULT_LOCAL_WEIGHT = 32768
"""Weight of everything a router originates itself (FRR BGP_ATTR_DEFAULT_WEIGHT)."""


class Segment(NamedTuple):
    kind: str
    numbers: tuple[int, ...]


AsPath = tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Attributes of one route. ``local_preference`` None: not carried (eBGP). ``next_hop`` None: of our own.
    ``via`` is the receiving interface when a link-local address nobody configured is the next hop or comes with it.
    ``next_hop_mark`` tells what a route-map did to it: "", ``address``, ``peer-address`` or ``unchanged``.
    ``tag``, ``distance``, ``weight`` and ``metric_type`` never travel. ``vrf`` is where the next hop resolves, None: here.
    """

    as_path: AsPath = ()
    local_preference: int | None = None
    med: int | None = None
    origin: str = "igp"
    weight: int = 0
    communities: tuple[str, ...] = ()
    large_communities: tuple[str, ...] = ()
    extended_communities: tuple[str, ...] = ()
    originator: Address | None = None
    cluster_list: tuple[Address, ...] = ()
    next_hop: Address | None = None
    via: str | None = None
    next_hop_mark: str = ""
    atomic_aggregate: bool = False
    aggregator: str | None = None
    tag: int = 0
    distance: int | None = None
    metric_type: int | None = None
    vrf: str | None = None


def sequence(*numbers: int) -> AsPath:
    """The path of one plain sequence; empty without numbers."""
    return (Segment(SEQUENCE, numbers),) if numbers else ()


@lru_cache(maxsize=1 << 16)
def text(path: AsPath) -> str:
    """As routers show it: ``64601 64500 {1,2}``, confederation parts in parentheses."""
    parts = []
    for kind, numbers in path:
        left, right = _BRACKETS[kind]
        parts.append(left + _SEPARATORS[kind].join(map(str, numbers)) + right)
    return " ".join(parts)


@lru_cache(maxsize=1 << 14)
def parse(shown: str) -> AsPath:
    """The inverse of `text`. Raises ValueError on text that is no AS path."""
    segments: AsPath = ()
    rest = shown.strip()
    while rest:
        kind = _OPENING.get(rest[0], SEQUENCE)
        if kind == SEQUENCE:
            end = min((position for mark in "{([" if (position := rest.find(mark)) >= 0), default=len(rest))
            body, rest = rest[:end], rest[end:]
        else:
            end = rest.index(_BRACKETS[kind][1])
            body, rest = rest[1:end], rest[end + 1 :].lstrip()
        segments = join((Segment(kind, tuple(int(word) for word in body.replace(",", " ").split())),), segments)
    return segments


def join(tail: AsPath, head: AsPath) -> AsPath:
    """``head`` followed by ``tail``; two sequences that meet become one."""
    if head and tail and head[-1].kind == tail[0].kind and head[-1].kind in {SEQUENCE, CONFED_SEQUENCE}:
        merged = Segment(tail[0].kind, head[-1].numbers + tail[0].numbers)
        return (*head[:-1], merged, *tail[1:])
    return head + tail


@lru_cache(maxsize=1 << 16)
def prepend(path: AsPath, *numbers: int, confederation: bool = False) -> AsPath:
    """``numbers`` put in front, in their order (RFC 4271 5.1.2, RFC 5065 4.1)."""
    kind = CONFED_SEQUENCE if confederation else SEQUENCE
    return join(path, (Segment(kind, numbers),)) if numbers else path


@lru_cache(maxsize=1 << 16)
def length(path: AsPath, *, confederation: bool = False) -> int:
    """Hops counted in path selection: a set is one (RFC 4271 9.1.2.2 a), confederation segments none (RFC 5065
    5.3) unless ``confederation`` (FRR ``bgp bestpath as-path confed``).
    """
    hops = 0
    for kind, numbers in path:
        if kind not in _CONFEDERATION or confederation:
            hops += 1 if kind in {SET, CONFED_SET} else len(numbers)
    return hops


def has_confederation(path: AsPath) -> bool:
    return any(kind in _CONFEDERATION for kind, _ in path)


@lru_cache(maxsize=1 << 16)
def without_confederation(path: AsPath) -> AsPath:
    """What leaves a confederation (RFC 5065 4.1 c)."""
    found: AsPath = ()
    for segment in path:
        if segment.kind not in _CONFEDERATION:
            found = join((segment,), found)
    return found


@lru_cache(maxsize=1 << 16)
def occurrences(path: AsPath, number: int) -> int:
    """How often an AS stands in the path, in any segment (FRR aspath_loop_check)."""
    return sum(numbers.count(number) for _, numbers in path)


def leftmost(path: AsPath) -> int | None:
    """The AS the route was heard from: first of a leading plain sequence (RFC 4271 9.1.2.2 c)."""
    for kind, numbers in path:
        if kind in _CONFEDERATION:
            continue
        return numbers[0] if kind == SEQUENCE and numbers else None
    return None


def leftmost_confederation(path: AsPath) -> int | None:
    """The neighbouring member AS: first of a leading confederation sequence."""
    return path[0].numbers[0] if path and path[0].kind == CONFED_SEQUENCE and path[0].numbers else None


def rightmost(path: AsPath) -> int | None:
    """The AS that originated the route."""
    return path[-1].numbers[-1] if path and path[-1].numbers else None


def is_private(number: int) -> bool:
    """RFC 6996: 64512-65534 and 4200000000-4294967294."""
    return 64512 <= number <= 65534 or 4200000000 <= number <= 4294967294


def mapped(path: AsPath, change: dict[int, int]) -> AsPath:
    """Every AS number replaced as ``change`` says."""
    return tuple(Segment(kind, tuple(change.get(number, number) for number in numbers)) for kind, numbers in path)


def excluded(path: AsPath, unwanted: frozenset[int]) -> AsPath:
    """Without these AS numbers; segments left empty vanish."""
    found: AsPath = ()
    for kind, numbers in path:
        left = tuple(number for number in numbers if number not in unwanted)
        if left:
            found = join((Segment(kind, left),), found)
    return found


def aggregated(paths: list[AsPath]) -> AsPath:
    """The longest common leading sequence, then whatever AS numbers come after it as one set (RFC 4271 9.2.2.2), a number of
    the sequence too where some path has it once more. A confederation's sequence may be the common one. One path is what it is,
    whatever it repeats (all seen on FRR 8.4.4).
    """
    if len(set(paths)) == 1:
        return paths[0]
    leading = CONFED_SEQUENCE if all(path and path[0].kind == CONFED_SEQUENCE for path in paths) else SEQUENCE
    heads = [path[0].numbers if path and path[0].kind == leading else () for path in paths]
    common = 0
    while heads and all(len(head) > common and head[common] == heads[0][common] for head in heads):
        common += 1
    shared = heads[0][:common] if heads else ()
    rest = {number for path in paths for number in _numbers(path)[common:]}
    first = (Segment(leading, shared),) if shared else ()
    return join((Segment(SET, tuple(sorted(rest))),) if rest else (), first)


def _numbers(path: AsPath) -> tuple[int, ...]:
    """All AS numbers in their order."""
    return tuple(number for _, numbers in path for number in numbers)


def attributes(path: Path, *, local_preference: int, learned_from: str | None) -> PathAttributes:
    """The path as a State shows it."""
    return PathAttributes(
        as_path=text(path.as_path),
        local_preference=path.local_preference if path.local_preference is not None else local_preference,
        med=path.med,
        origin=path.origin,
        weight=path.weight,
        communities=tuple(sorted(path.communities)),
        large_communities=tuple(sorted(path.large_communities)),
        extended_communities=tuple(sorted(path.extended_communities)),
        originator=path.originator,
        cluster_list=path.cluster_list,
        next_hop=path.next_hop,
        learned_from=learned_from,
        atomic_aggregate=path.atomic_aggregate,
        aggregator=path.aggregator,
    )


def from_attributes(shown: PathAttributes) -> Path:
    """A `Path` out of what a State shows, for a BGP route on its way into another protocol."""
    return Path(
        as_path=parse(shown.as_path),
        local_preference=shown.local_preference,
        med=shown.med,
        origin=shown.origin,
        weight=shown.weight,
        communities=shown.communities,
        large_communities=shown.large_communities,
        extended_communities=shown.extended_communities,
        originator=shown.originator,
        cluster_list=shown.cluster_list,
        next_hop=shown.next_hop,
        atomic_aggregate=shown.atomic_aggregate,
        aggregator=shown.aggregator,
    )
