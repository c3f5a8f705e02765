"""Interior routing, drawn: IS-IS, OSPFv2 and OSPFv3, both side by side, static routes."""

from __future__ import annotations

from tests.laws.isis import Isis
from tests.laws.statics import Statics


class Interior(Isis, Statics):
    """A network with interior routing."""

    # ---------------------------------------------------------------------------------- OSPF

    def ospf(self, members: set[int]) -> None:
        """OSPFv2 and OSPFv3 on the routers given."""
        several = self.chance(3)
        area_of = {port.segment: self.pick("0", "1", "2") if several else "0" for port in self.ports}
        kinds = {"1": self.pick("", "stub", "nssa", "stub no-summary", "nssa no-summary"), "2": ""}
        for version in self.versions:
            self.ospf_version(members, version, area_of, kinds)

    def ospf_version(self, members: set[int], version: int, area_of: dict[int, str], kinds: dict[str, str]) -> None:
        word = "ip ospf" if version == 4 else "ipv6 ospf6"
        areas: dict[int, set[str]] = {router: set() for router in members}
        to_point = {port.segment: port.size == 2 and self.pick(True, False) for port in self.ports}
        for port in self.ports:
            if port.router not in members:
                continue
            area = area_of[port.segment]
            areas[port.router].add(area)
            lines = self.at(port)
            lines.append(f"{word} area 0.0.0.{area}")
            if not all(other.router in members for other in self.peers(port)):
                lines.append(f"{word} passive")
                continue
            if to_point[port.segment]:
                lines.append(f"{word} network point-to-point")
            if self.chance(2):
                lines.append(f"{word} cost {self.number(1, 100)}")
            if self.chance(12):
                lines.append(f"{word} priority {self.number(0, 2)}")
        for router in sorted(members):
            own = areas[router] or {"0"}
            self.lines[router].interfaces["lo"].append(f"{word} area 0.0.0.{min(own)}")
            self.ospf_process(router, version, own, kinds)

    def ospf_process(self, router: int, version: int, areas: set[str], kinds: dict[str, str]) -> None:
        lines = self.lines[router].ospf if version == 4 else self.lines[router].ospf6
        lines.append(f"{'ospf' if version == 4 else 'ospf6'} router-id 10.255.0.{router}")
        lines += [f"area 0.0.0.{area} {kinds[area]}" for area in sorted(areas) if kinds.get(area)]
        if version == 4 and self.chance(8):
            lines.append("max-metric router-lsa administrative")
        if self.chance(4):
            line = f"redistribute {self.pick('connected', 'static')}"
            if self.chance(3):
                line += f" metric {self.number(1, 50)}"
            if self.chance(3):
                line += " metric-type 1"
            if self.chance(4):
                line += f" route-map {self.route_map(router, version, interior=True)}"
            lines.append(line)
        if self.chance(10):
            lines.append(f"default-information originate always metric {self.number(1, 20)}")
        if "0" in areas and len(areas) > 1 and self.chance(4):
            subnet = "10.0.0.0/18" if version == 4 else "2001:db8::/36"
            lines.append(f"area 0.0.0.{max(areas)} range {subnet}{self.pick('', ' not-advertise')}")

    def interior(self) -> None:
        kind = self.pick("isis", "ospf", "split", "none")
        everyone = set(self.numbers)
        if kind in {"isis", "none"}:
            self.set_apart()
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
            into.append("redistribute isis")
            word = "ospf" if version == 4 else "ospf6"
            self.lines[border].isis.append(f"redistribute ipv{version} {word} level-{level}")
