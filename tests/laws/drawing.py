"""Draws: chance, wires between routers, route-maps. Plain choices come first, so that examples shrink to plain ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests.laws.folder import Lines, Port, loopback

POOL = {
    4: ("203.0.113.0/24", "198.51.100.0/24", "100.64.0.0/16", "100.64.7.0/24", "0.0.0.0/0"),
    6: ("3fff:1::/48", "3fff:2::/48", "3fff:2:7::/48", "::/0"),
}
COMMUNITIES = ("65000:1", "65000:2", "64601:9")
WORD = {4: "ip", 6: "ipv6"}


class Drawing:
    """One network, drawn piece by piece: its wires and its policies."""

    def __init__(self, draw: DrawFn, sizes: tuple[int, ...]) -> None:
        self.draw = draw
        self.size = draw(st.sampled_from(sizes))
        self.numbers = range(1, self.size + 1)
        self.versions = draw(st.sampled_from(((4,), (4, 6), (6,))))
        self.lines = {number: Lines() for number in self.numbers}
        self.ports: list[Port] = []
        self.neighbors: dict[str, Any] = {}
        self.intent: dict[str, Any] = {}
        self.maps = 0

    # ---------------------------------------------------------------------------------- drawing

    def chance(self, one_in: int = 2) -> bool:
        """True once in so many; shrinks to False."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    # ---------------------------------------------------------------------------------- wires

    def wires(self) -> None:
        """A tree, some more links (parallel ones too), perhaps a segment of three."""
        pairs = [(self.number(1, number - 1), number) for number in self.numbers if number > 1]
        for _ in range(self.number(0, min(self.size, 4))):
            one, other = self.number(1, self.size), self.number(1, self.size)
            if one != other:
                pairs.append((min(one, other), max(one, other)))
        segments: list[tuple[int, ...]] = list(pairs)
        if self.size >= 3 and self.chance(4):
            segments.append((1, 2, self.number(3, self.size)))
        for number, ends in enumerate(segments, 1):
            for host, router in enumerate(ends, 1):
                name = f"eth{sum(port.router == router for port in self.ports)}"
                self.ports.append(Port(router=router, name=name, segment=number, host=host, size=len(ends)))
        for number in self.numbers:
            self.interface(number, "lo", {v: f"{loopback(number, v)}/{32 if v == 4 else 128}" for v in self.versions})
        for port in self.ports:
            self.interface(port.router, port.name, {v: f"{port.address(v)}/{port.length(v)}" for v in self.versions})

    def interface(self, router: int, name: str, addresses: dict[int, str]) -> None:
        lines = [f"{WORD[version]} address {text}" for version, text in addresses.items()]
        self.lines[router].interfaces[name] = lines

    def at(self, port: Port) -> list[str]:
        return self.lines[port.router].interfaces[port.name]

    def peers(self, port: Port) -> Iterator[Port]:
        return (other for other in self.ports if other.segment == port.segment and other is not port)

    # ---------------------------------------------------------------------------------- policy

    def route_map(self, router: int, version: int, *, interior: bool = False, own: int = 65000) -> str:
        """A new route-map of one to three entries; its name."""
        self.maps += 1
        name = f"M{self.maps}"
        top = self.lines[router].top
        entries = self.number(1, 3)
        for sequence in range(1, entries + 1):
            matches = self.matches(router, version, interior=interior)
            top.append(f"route-map {name} {self.pick('permit', 'permit', 'deny')} {sequence * 10}")
            top += [f" {line}" for line in (*matches, *self.sets(interior=interior, own=own))]
            if self.chance(8) and sequence < entries:
                top.append(" on-match next")
            top.append("exit")
        return name

    def matches(self, router: int, version: int, *, interior: bool) -> list[str]:
        kind = self.pick("none", "prefix-list", "none" if interior else "community", "none" if interior else "as-path")
        top, name = self.lines[router].top, f"L{self.maps}{self.number(1, 2)}"
        if kind == "prefix-list":
            if self.chance(10):
                return [f"match {WORD[version]} address prefix-list UNDEFINED"]
            for sequence in range(1, self.number(1, 2) + 1):
                prefix, longest = self.pick(*self.known_prefixes(version)), 32 if version == 4 else 128
                size = int(prefix.split("/")[1])
                suffix = self.pick("", f" le {longest}", f" ge {min(size + 1, longest)}")
                action = self.pick("permit", "deny")
                top.append(f"{WORD[version]} prefix-list {name} seq {sequence * 5} {action} {prefix}{suffix}")
            return [f"match {WORD[version]} address prefix-list {name}"]
        if kind == "community":
            top.append(f"bgp community-list standard {name} {self.pick('permit', 'deny')} {self.pick(*COMMUNITIES)}")
            return [f"match community {name}"]
        if kind == "as-path":
            regex = self.pick("^$", "_64601_", "^64602", "_65001$", ".*")
            top.append(f"bgp as-path access-list {name} {self.pick('permit', 'deny')} {regex}")
            return [f"match as-path {name}"]
        return []

    def known_prefixes(self, version: int) -> tuple[str, ...]:
        own = (
            ("198.18.0.0/16", "10.0.0.0/8", "10.255.0.0/24")
            if version == 4
            else ("2001:db8::/32", "2001:db8:1000::/48")
        )
        return (*POOL[version], *own)

    def sets(self, *, interior: bool, own: int) -> Iterator[str]:
        if interior:
            if self.chance(2):
                yield f"set metric {self.number(1, 50)}"
            return
        choices: tuple[Callable[[], str], ...] = (
            lambda: f"set local-preference {self.pick(50, 100, 200)}",
            lambda: f"set metric {self.number(0, 20)}",
            lambda: f"set community {self.pick(*COMMUNITIES)}{self.pick('', ' additive')}",
            lambda: f"set as-path prepend {' '.join([str(own)] * self.number(1, 2))}",
            lambda: f"set weight {self.number(1, 3)}",
            lambda: f"set origin {self.pick('incomplete', 'egp', 'igp')}",
            lambda: "set large-community 65000:1:2",
        )
        wanted = self.draw(st.sets(st.integers(0, len(choices) - 1), max_size=2))
        for index in sorted(wanted):
            yield choices[index]()
