"""What identifies a line of FRR where the words themselves do not: other spellings, numbered lists, static routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backstay.read.section import Key, canonical_address, canonical_prefix

DEFAULT = "default"


def respelt(words: list[str], context: str) -> list[str]:
    """The line in the spelling FRR 8.4 writes; the same list where it already is."""
    first = words[0]
    if first == "ip" and len(words) > 1 and words[1] in _OLD_BGP_LISTS and context != "interface":
        return ["bgp", *words[1:]]
    if first == "address-family" and words[1:] in (["ipv4"], ["ipv6"]):
        return [*words, "unicast"]
    if first == "network" and "mask" in words[2:3] and len(words) > 3:
        return [first, f"{words[1]}/{words[3]}", *words[4:]]
    if first == "aggregate-address" and len(words) > 2 and "." in words[2]:
        return [first, f"{words[1]}/{words[2]}", *words[3:]]
    if first == "network" and len(words) == 2 and "/" not in words[1] and "." in words[1]:
        return [first, words[1] + _classful(words[1])]
    return words


_OLD_BGP_LISTS = frozenset({"community-list", "large-community-list", "extcommunity-list", "as-path"})


def _classful(address: str) -> str:
    """FRR still takes ``network 10.0.0.0`` of BGP by class (RFC 791 3.2)."""
    first = int(address.split(".", 1)[0]) if address.split(".", 1)[0].isdigit() else 0
    return "/8" if first < 128 else "/16" if first < 192 else "/24"


@dataclass(frozen=True, slots=True)
class ListLine:
    """A line of a numbered list. ``body`` is action and what follows; empty where a ``no`` names the list alone."""

    prefix: Key
    sequence: int | None
    body: tuple[str, ...]
    head: tuple[str, ...]
    rounded: bool

    def numbered(self, sequence: int) -> list[str]:
        """The line with its sequence number written out."""
        return [*self.head, "seq", str(sequence), *self.body]

    def after(self, highest: int) -> int:
        """The number FRR gives to a line without one: seen on FRR 8.4.4, 12 behind 7 in prefix and access lists,
        10 behind 7 in BGP's lists.
        """
        return highest // 5 * 5 + 5 if self.rounded else highest + 5


def list_line(words: Sequence[str]) -> ListLine | None:
    """The parts of a list line; None where it is too short to name its list."""
    head = _list_head(words)
    if head is None or len(words) < head:
        return None
    names = tuple(words[:head])
    rest = list(words[head:])
    sequence = None
    if len(rest) >= 2 and rest[0] == "seq" and rest[1].isdigit():
        sequence = int(rest[1])
        rest = rest[2:]
    name = names[-1]
    kind = tuple(word for word in names[:-1] if word not in {"standard", "expanded"})
    body = tuple(canonical_prefix(word) if "/" in word else word for word in rest)
    return ListLine((*kind, name), sequence, body, names, rounded=names[0] == "bgp")


def _list_head(words: Sequence[str]) -> int | None:
    """How many words name the list."""
    match list(words[:4]):
        case ["ip" | "ipv6", "prefix-list" | "access-list", _, *_]:
            return 3
        case ["access-list", _, *_]:
            return 2
        case ["bgp", "as-path", "access-list", _]:
            return 4
        case ["bgp", _, "standard" | "expanded", _]:
            return 4
        case ["bgp", _, _, *_]:
            return 3
    return None


def route_words(words: Sequence[str]) -> tuple[list[str], str | None]:
    """A static route in one form (prefix with length), and the VRF it names itself."""
    words = list(words)
    if len(words) > 3 and words[0] == "ip" and "/" not in words[2] and "." in words[3]:
        words[2:4] = [f"{words[2]}/{words[3]}"]
    if "vrf" in words[3:-1]:
        at = words.index("vrf", 3)
        return [*words[:at], *words[at + 2 :]], words[at + 1]
    return words, None


def _route_key(words: list[str]) -> Key | None:
    """A route is its prefix and next hop: seen on FRR 8.4.4, another distance or tag replaces."""
    if len(words) < 4:
        return None
    key = [words[0], "route", canonical_prefix(words[2])]
    rest = words[3:]
    if rest[0] == "from" and len(rest) > 2:
        key += ["from", canonical_prefix(rest[1])]
        rest = rest[2:]
    key.append("discard" if rest[0] in DISCARDS else canonical_address(rest[0]))
    if len(rest) > 1 and not rest[1].isdigit() and rest[1] not in ROUTE_OPTIONS:
        key.append(rest[1])
    for option in ("table", "nexthop-vrf"):
        if option in rest[1:-1]:
            key += [option, rest[rest.index(option) + 1]]
    return tuple(key)


DISCARDS = {"Null0": "blackhole", "null0": "blackhole", "blackhole": "blackhole", "reject": "reject"}
"""Next hops that drop, and what they are in the model; for FRR one replaces the other."""
ROUTE_OPTIONS = frozenset({"tag", "label", "table", "nexthop-vrf", "onlink", "color", "vrf", "bfd"})


def _bgp_key(words: list[str]) -> Key:
    match words[2:]:
        case [] | [_]:
            return ("router", "bgp", DEFAULT)
        case [_, "vrf", name]:
            return ("router", "bgp", name)
        case rest:
            return ("router", "bgp", " ".join(rest[1:]))


def _process_key(words: list[str]) -> Key:
    """``router ospf [N] [vrf V]``, ``router ospf6 [vrf V]``, ``router isis TAG [vrf V]``."""
    rest = words[2:]
    vrf = DEFAULT
    if "vrf" in rest[:-1]:
        at = rest.index("vrf")
        vrf = rest[at + 1]
        rest = rest[:at] + rest[at + 2 :]
    return (*words[:2], *rest, vrf)


def _constant(key: Key) -> Callable[[list[str]], Key | None]:
    return lambda _: key


KEYS: Mapping[str, Callable[[list[str]], Key | None]] = {
    "router bgp": _bgp_key,
    "router isis": _process_key,
    "router ospf": _process_key,
    "router ospf6": _process_key,
    "ip route": _route_key,
    "ipv6 route": _route_key,
    "route-map permit|deny": lambda words: ("route-map", words[1], words[3]),
    "ip router-id": _constant(("router-id",)),
    "ospf router-id": _constant(("router-id",)),
    "ospf6 router-id": _constant(("router-id",)),
    "ospf rfc1583compatibility": _constant(("compatible", "rfc1583")),
    "on-match next": _constant(("on-match",)),
    "on-match goto": _constant(("on-match",)),
    "continue": _constant(("on-match",)),
    "neighbor disable-connected-check|enforce-multihop": lambda words: (
        "neighbor",
        canonical_address(words[1]),
        "disable-connected-check",
    ),
    "neighbor next-hop-self force|all": lambda words: (
        "neighbor",
        canonical_address(words[1]),
        "next-hop-self",
        "force",
    ),
    "neighbor remove-private-AS": lambda words: ("neighbor", canonical_address(words[1]), *words[2:]),
    "distance": lambda words: ("distance", canonical_prefix(words[2]) if len(words) > 2 else ""),
    "area nssa translate-candidate|translate-never|translate-always": lambda words: (
        "area",
        words[1],
        "nssa",
        "translate",
    ),
    "neighbor shutdown": lambda words: (
        "neighbor",
        canonical_address(words[1]),
        "shutdown",
        "rtt" if words[3:4] == ["rtt"] else "",
    ),
}
"""Keys by `Rule.name` where the grammar's own would not do; None: the line is incomplete."""

LISTS = frozenset(
    {
        "ip prefix-list|access-list",
        "ipv6 prefix-list|access-list",
        "access-list",
        "bgp community-list|large-community-list|extcommunity-list",
        "bgp as-path access-list",
    }
)
"""`Rule.name` of numbered lists."""
