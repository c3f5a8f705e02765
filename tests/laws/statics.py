"""Static routes, drawn: discarding, recursive, floating, tagged, over interfaces, several of one prefix."""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.drawing import WORD, Drawing
from tests.laws.folder import Port, loopback

COMMAND = {4: "ip route", 6: "ipv6 route"}
ALL = {4: "0.0.0.0/0", 6: "::/0"}


class Statics(Drawing):
    """A network with static routes."""

    def statics(self) -> None:
        for router in self.numbers:
            for version in self.versions:
                if self.chance(15):
                    self.lines[router].top.append(f"{WORD[version]} nht resolve-via-default")
                self.lines[router].top += [f"{COMMAND[version]} {line}" for line in self.static(router, version)]

    def static(self, router: int, version: int) -> Iterator[str]:
        ports = [port for port in self.ports if port.router == router]
        if self.chance(3):
            own = f"198.18.{router}.0/24" if version == 4 else f"2001:db8:1000:{router:x}::/64"
            yield f"{own} {self.pick('blackhole', 'blackhole', 'Null0', 'reject')}{self.static_options()}"
        if self.chance(6):
            other = self.number(1, self.size)
            if other != router:
                yield f"{self.far(other, version)} {loopback(other, version)}{self.static_options()}"
        if self.chance(8):
            near = next(self.peers(self.pick(*ports)))
            yield f"{ALL[version]} {near.address(version)}{self.static_options()}"
        if self.chance(8):
            yield from self.static_pair(ports, version)

    def far(self, other: int, version: int) -> str:
        return f"198.19.{other}.0/24" if version == 4 else f"2001:db8:1900:{other:x}::/64"

    def static_pair(self, ports: list[Port], version: int) -> Iterator[str]:
        """Lines of one prefix: equal ones, or one that stands in for the other."""
        prefix = self.pick(
            self.far(self.number(1, self.size), version), f"{loopback(1, version)}/{32 if version == 4 else 128}"
        )
        # Packets to a loopback that go two ways may run in a circle on one: whether a session comes up is chance then.
        for _ in range(1 if prefix.startswith(loopback(1, version)) else self.number(1, 2)):
            port = self.pick(*ports)
            near = next(self.peers(port)).address(version)
            way = self.pick(near, port.name, f"{near} {port.name}", f"{near} {port.name} onlink")
            line = f"{prefix} {way}{self.static_options()}"
            vrf = self.lines[port.router].vrfs.get(port.name)
            if vrf and self.pick(True, False):
                self.lines[port.router].top += [f"vrf {vrf}", f" {COMMAND[version]} {line}", "exit-vrf"]
            else:
                yield f"{line} nexthop-vrf {vrf}" if vrf and self.pick(True, False) else line

    def static_options(self) -> str:
        tag = f" tag {self.pick(7, 9)}" if self.chance(4) else ""
        return tag + (f" {self.pick(150, 5, 200, 255)}" if self.chance(4) else "")
