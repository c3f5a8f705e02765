"""Policy, drawn: the clauses of route-maps beyond the usual ones, and the lists that sessions name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.laws.drawing import COMMUNITIES, WORD, Drawing
from tests.laws.folder import loopback

T = TypeVar("T")

WELL_KNOWN = ("no-export", "no-advertise", "local-AS", "graceful-shutdown", "blackhole")
LARGE = ("65000:1:2", "65000:3:4")
EXTENDED = ("rt 65000:1", "soo 65000:2")


class Policy(Drawing):
    """A network whose route-maps now and then use the rarer clauses."""

    def route_map(self, router: int, version: int, *, interior: bool = False, own: int = 65000) -> str:
        name = super().route_map(router, version, interior=interior, own=own)
        if not interior and self.chance(8):
            self.detour(router, name)
        return name

    def detour(self, router: int, name: str) -> None:
        """An entry that goes on elsewhere, or asks another route-map."""
        top = self.lines[router].top
        known = [line.split()[1] for line in top if line.startswith("route-map ")]
        line = self.pick("on-match next", "on-match goto 25", "continue 30", "call")
        if line == "call":
            line = f"call {self.pick(*dict.fromkeys(known), 'NOWHERE')}"
        top += [f"route-map {name} permit 15", f" {line}", f" set metric {self.number(0, 3)}", "exit"]

    # ---------------------------------------------------------------------------------- match

    def matches(self, router: int, version: int, *, interior: bool) -> list[str]:
        if interior or not self.chance(4):
            return super().matches(router, version, interior=interior)
        communities: tuple[Callable[[], str], ...] = (
            lambda: self.community_match(router),
            lambda: self.large_match(router),
            lambda: self.extended_match(router),
        )
        plain: tuple[Callable[[], str], ...] = (
            lambda: f"metric {self.number(0, 10)}",
            lambda: f"local-preference {self.pick(100, 0, 200)}",
            lambda: f"origin {self.pick('igp', 'egp', 'incomplete')}",
            lambda: f"tag {self.pick(4, 3)}",
            lambda: f"peer {self.pick('local', loopback(self.number(1, self.size), version), '172.16.1.0')}",
            lambda: f"interface {self.pick('eth0', 'lo')}",
        )
        word = WORD[version]
        places: tuple[Callable[[], str], ...] = (
            lambda: f"{word} address {self.access_list(router, version)}",
            lambda: f"{word} next-hop {self.next_hop_match(router, version)}",
            lambda: f"ip route-source {self.pick(self.access_list(router, 4), 'UNDEFINED')}",
        )
        return [f"match {self.pick(*communities, *plain, *places)()}"]

    def list_name(self) -> str:
        self.maps += 1
        return f"L{self.maps}"

    def community_match(self, router: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        if self.chance(6):
            return "community UNDEFINED"
        if self.chance(3):
            regex = self.pick("65000:", "_64601:9_", "^65000:1$", "^$", "no-export")
            top.append(f"bgp community-list expanded {name} {self.pick('permit', 'deny')} {regex}")
        else:
            listed = self.draw_some((*COMMUNITIES, *WELL_KNOWN), 2)
            top.append(f"bgp community-list standard {name} {self.pick('permit', 'deny')} {' '.join(listed)}")
        if self.chance(3):
            top.append(f"bgp community-list standard OR{name} permit 65000:2")
        return f"community {name}{self.pick('', ' exact-match')}"

    def large_match(self, router: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        if self.chance(3):
            top.append(f"bgp large-community-list expanded {name} permit {self.pick('65000:', '_65000:1:2_', ':4$')}")
        else:
            top.append(f"bgp large-community-list standard {name} {self.pick('permit', 'deny')} {self.pick(*LARGE)}")
        return f"large-community {name}{self.pick('', ' exact-match')}"

    def extended_match(self, router: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        if self.chance(3):
            top.append(f"bgp extcommunity-list expanded {name} permit {self.pick('RT:65000', 'SoO', '65000:1')}")
        else:
            top.append(f"bgp extcommunity-list standard {name} {self.pick('permit', 'deny')} {self.pick(*EXTENDED)}")
        return f"extcommunity {name}"

    def next_hop_match(self, router: int, version: int) -> str:
        kind = self.pick("address", "prefix-list", "access-list", "type")
        if kind == "address":
            return f"address {self.some_address(version)}"
        if kind == "prefix-list":
            return f"prefix-list {self.prefix_list(router, version)}"
        if kind == "access-list" and version == 4:
            return self.access_list(router, version)
        return "type blackhole"

    def some_address(self, version: int) -> str:
        """Of a router, of a speaker outside, or of nobody."""
        outside, nobody = ("172.16.1.0", "10.9.9.9") if version == 4 else ("2001:db8:e1::", "2001:db8:9999::9")
        ports = [port.address(version) for port in self.ports[:4]]
        return str(self.pick(loopback(self.number(1, self.size), version), *ports, outside, nobody))

    # ---------------------------------------------------------------------------------- lists

    def access_list(self, router: int, version: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        word = "access-list" if version == 4 else "ipv6 access-list"
        for sequence in range(1, self.number(1, 2) + 1):
            prefix = self.pick(*self.known_prefixes(version), "any", "172.16.0.0/12" if version == 4 else "2001::/16")
            exact = " exact-match" if prefix != "any" and self.chance(3) else ""
            top.append(f"{word} {name} seq {sequence * 5} {self.pick('permit', 'deny')} {prefix}{exact}")
        return name

    def prefix_list(self, router: int, version: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        longest = 32 if version == 4 else 128
        for sequence in range(1, self.number(1, 2) + 1):
            prefix = self.pick(*self.known_prefixes(version))
            suffix = self.pick("", f" le {longest}")
            top.append(
                f"{WORD[version]} prefix-list {name} seq {sequence * 5} {self.pick('permit', 'deny')} {prefix}{suffix}"
            )
        top.append(f"{WORD[version]} prefix-list {name} seq 90 {self.pick('permit', 'deny')} any")
        return name

    def as_path_list(self, router: int) -> str:
        top, name = self.lines[router].top, self.list_name()
        regex = self.pick("_64601_", "^$", "^6460[12]( |$)", "^[0-9]+$", "_65001_|_64999_", "[{]")
        top.append(f"bgp as-path access-list {name} {self.pick('deny', 'permit')} {regex}")
        if self.chance(2):
            top.append(f"bgp as-path access-list {name} permit .*")
        return name

    def any_list(self, router: int, version: int) -> str:
        """A list in front of a session: its kind and name."""
        kind = self.pick("prefix-list", "filter-list", "distribute-list")
        if self.chance(10):
            return f"{kind} UNDEFINED"
        if kind == "prefix-list":
            return f"{kind} {self.prefix_list(router, version)}"
        return f"{kind} {self.as_path_list(router) if kind == 'filter-list' else self.access_list(router, version)}"

    # ---------------------------------------------------------------------------------- set

    def sets(self, *, interior: bool, own: int) -> Iterator[str]:
        yield from super().sets(interior=interior, own=own)
        if interior or not self.chance(4):
            return
        choices: tuple[Callable[[], str], ...] = (
            lambda: f"local-preference {self.pick('+10', '-30', '+0')}",
            lambda: f"metric {self.pick('+3', '-2')}",
            lambda: f"community {self.pick('none', *WELL_KNOWN, '65000:1 65000:2', '64601:9 no-export additive')}",
            lambda: f"large-community {self.pick('none', '65000:3:4 additive', '65000:3:4')}",
            lambda: f"extcommunity {self.pick(*EXTENDED, 'rt 65000:3', 'none')}",
            lambda: f"as-path prepend {self.pick('last-as 2', '64601', '500 500')}",
            lambda: f"as-path exclude {self.pick('64601', '64999', '65001 65002')}",
            lambda: f"ip next-hop {self.pick('peer-address', 'unchanged', self.some_address(4))}",
            lambda: f"ipv6 next-hop {self.pick('peer-address', 'prefer-global', 'global ' + self.some_address(6))}",
            lambda: f"tag {self.number(3, 5)}",
            lambda: f"distance {self.pick(30, 250)}",
            lambda: f"weight {self.pick(0, 100)}",
            lambda: "atomic-aggregate",
            lambda: "aggregator as 64999 9.9.9.9",
            lambda: f"originator-id {self.pick('9.9.9.9', loopback(1, 4))}",
        )
        for choice in self.draw_some(choices, 2):
            yield f"set {choice()}"

    def draw_some(self, choices: tuple[T, ...], most: int) -> list[T]:
        return list(dict.fromkeys(self.pick(*choices) for _ in range(self.number(1, most))))

    def removals(self, router: int) -> None:
        """Communities taken off by a list, in a route-map there is."""
        top = self.lines[router].top
        heads = [index for index, line in enumerate(top) if line.startswith("route-map ")]
        if not heads or not self.chance(6):
            return
        name, kind = self.list_name(), self.pick("", "large-")
        listed = self.pick(*(LARGE if kind else COMMUNITIES))
        style = self.pick(f"standard {name} permit {listed}", f"expanded {name} permit 65000:")
        top.insert(self.pick(*heads) + 1, f" set {kind}comm-list {name} delete")
        top.append(f"bgp {kind}community-list {style}")


def aggregates_over(version: int) -> tuple[str, ...]:
    """Prefixes that cover something others bring in, nested ones among them."""
    if version == 4:
        return ("198.18.0.0/16", "198.18.0.0/15", "198.0.0.0/8", "100.64.0.0/10", "10.0.0.0/8")
    return ("2001:db8:1000::/48", "2001:db8::/32", "2000::/3", "3fff:2::/32")
