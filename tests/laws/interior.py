"""Interior routing, drawn: IS-IS, OSPFv2 and OSPFv3, both side by side, static routes."""

from __future__ import annotations

from tests.laws.drawing import WORD
from tests.laws.folder import loopback
from tests.laws.ospf import OspfDrawing


class Interior(OspfDrawing):
    """A network with interior routing."""

    # ---------------------------------------------------------------------------------- IS-IS

    def isis(self, members: set[int]) -> None:
        """IS-IS on the routers given, over the segments whose every end is among them."""
        kind = self.pick("level-2-only", "level-1", "mixed")
        style = self.pick("wide", "wide", "transition", "narrow")
        # FRR refuses multi-topology beside narrow metrics (the whole process is left out then).
        topologies = style == "wide" and 6 in self.versions and 4 in self.versions and self.chance(5)
        for router in sorted(members):
            level = self.pick("level-1-2", "level-1", "level-2-only") if kind == "mixed" else kind
            area = self.pick("49.0001", "49.0002") if kind == "mixed" else "49.0001"
            lines = self.lines[router].isis
            lines += [f"net {area}.0000.0000.{router:04d}.00", f"is-type {level}", f"metric-style {style}"]
            if topologies:
                lines.append("topology ipv6-unicast")
            if self.chance(8):
                lines.append("set-overload-bit")
            loop = self.lines[router].interfaces["lo"]
            loop += [*(f"{WORD[v]} router isis CORE" for v in self.versions), "isis passive"]
            self.redistribute_isis(router, level)
        self.isis_circuits(members, style)

    def redistribute_isis(self, router: int, level: str) -> None:
        if not self.chance(5):
            return
        number = {"level-1": 1, "level-2-only": 2}.get(level) or self.pick(2, 1)
        for version in self.versions:
            line = f"redistribute ipv{version} {self.pick('connected', 'static')} level-{number}"
            if self.chance(3):
                line += f" metric {self.number(0, 60)}"
            elif self.chance(3):
                line += f" route-map {self.route_map(router, version, interior=True)}"
            self.lines[router].isis.append(line)

    def isis_circuits(self, members: set[int], style: str) -> None:
        highest = 200 if style == "wide" else 63  # FRR refuses larger ones (yang/frr-isisd.yang)
        to_point = {port.segment: port.size == 2 and self.pick(True, False) for port in self.ports}
        for port in self.ports:
            if port.router not in members:
                continue
            lines = self.at(port)
            lines += [f"{WORD[version]} router isis CORE" for version in self.versions]
            if not all(other.router in members for other in self.peers(port)):
                lines.append("isis passive")
                continue
            if to_point[port.segment]:
                lines.append("isis network point-to-point")
            if self.chance(2):
                lines.append(f"isis metric {self.number(1, highest)}")
            if self.chance(10):
                lines.append(f"isis circuit-type {self.pick('level-1', 'level-2-only')}")
            if self.chance(10):
                lines.append(f"isis priority {self.number(0, 127)}")

    # ---------------------------------------------------------------------------------- static routes

    def statics(self) -> None:
        for router in self.numbers:
            for version in self.versions:
                word = "ip route" if version == 4 else "ipv6 route"
                own = f"198.18.{router}.0/24" if version == 4 else f"2001:db8:1000:{router:x}::/64"
                if self.chance(3):
                    self.lines[router].top.append(f"{word} {own} blackhole{' tag 7' if self.chance(6) else ''}")
                if self.chance(6):
                    other = self.number(1, self.size)
                    far = f"198.19.{other}.0/24" if version == 4 else f"2001:db8:1900:{other:x}::/64"
                    via = loopback(other, version)
                    if other != router:
                        self.lines[router].top.append(f"{word} {far} {via}{self.pick('', ' 150')}")
                if self.chance(8):
                    ports = [port for port in self.ports if port.router == router]
                    near = next(self.peers(self.pick(*ports)))
                    default = "0.0.0.0/0" if version == 4 else "::/0"
                    self.lines[router].top.append(f"{word} {default} {near.address(version)}")

    def interior(self) -> None:
        kind = self.pick("isis", "ospf", "split", "none")
        everyone = set(self.numbers)
        if kind == "isis":
            self.isis(everyone)
        elif kind == "ospf":
            self.ospf(everyone)
        elif kind == "split":
            self.split()

    def split(self) -> None:
        """IS-IS on one side, OSPF on the other; routers of both redistribute."""
        left = {router for router in self.numbers if self.pick(True, False)} or {1}
        border = self.number(1, self.size)
        right = (set(self.numbers) - left) | {border}
        left |= {border}
        self.isis(left)
        self.ospf(right)
        level = 1 if any(line == "is-type level-1" for line in self.lines[border].isis) else 2
        for version in self.versions:
            into = self.lines[border].ospf if version == 4 else self.lines[border].ospf6
            into.append(f"redistribute isis{''.join(self.ospf_import(border, version)) if self.chance(4) else ''}")
            word = "ospf" if version == 4 else "ospf6"
            self.lines[border].isis.append(f"redistribute ipv{version} {word} level-{level}")
