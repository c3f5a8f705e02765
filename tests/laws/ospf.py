"""OSPFv2 and OSPFv3, drawn: areas of all kinds, what border routers do with them, externals and their policies."""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.drawing import POOL, WORD, Drawing
from tests.laws.folder import Port

AREA = "0.0.0."
OSPF = {4: "ip ospf", 6: "ipv6 ospf6"}
WITHIN = {4: ("10.0.0.0/18", "10.0.0.0/29", "10.0.0.0/22"), 6: ("2001:db8::/36", "2001:db8:1::/64", "2001:db8::/44")}
"""Ranges over some of the wires."""

ELSEWHERE = {4: ("172.20.0.0/16", "10.0.0.0/16"), 6: ("2001:db8:5000::/36",)}
"""What a range may be told as instead."""

OUTSIDE = {4: ("198.18.0.0/16", "198.18.0.0/15"), 6: ("2001:db8:1000::/48", "2001:db8:1900::/48")}
"""Summaries over some of the static routes."""


class OspfDrawing(Drawing):
    """A network with OSPF."""

    def ospf(self, members: set[int]) -> None:
        """OSPFv2 and OSPFv3 on the routers given."""
        several = self.chance(3)
        area_of = {port.segment: self.pick("0", "1", "2") if several else "0" for port in self.ports}
        kinds = {"1": self.pick("", "stub", "nssa", "stub no-summary", "nssa no-summary"), "2": ""}
        if several and self.chance(3):
            kinds["2"] = self.pick("nssa", "stub", "nssa no-summary", "stub no-summary")
        for version in self.versions:
            self.ospf_version(members, version, area_of, kinds)

    def ospf_version(self, members: set[int], version: int, area_of: dict[int, str], kinds: dict[str, str]) -> None:
        areas = self.ospf_circuits(members, version, area_of)
        for router in sorted(members):
            own = areas[router] or {"0"}
            home = self.pick(*sorted(own)) if self.chance(8) else min(own)
            if self.chance(40):
                home = self.pick("0", "1", "2")
            self.lines[router].interfaces["lo"].append(f"{OSPF[version]} area {AREA}{home}")
            self.ospf_process(router, version, own | {home}, kinds)
            if version == 4 and self.chance(8):
                self.networks_instead(router)

    # ---------------------------------------------------------------------------------- interfaces

    def ospf_circuits(self, members: set[int], version: int, area_of: dict[int, str]) -> dict[int, set[str]]:
        """OSPF on every wire; the areas of each router."""
        areas: dict[int, set[str]] = {router: set() for router in members}
        to_point = {port.segment: port.size == 2 and self.pick(True, False) for port in self.ports}
        shared = {segment: list(self.segment_options(version)) for segment in sorted(to_point)}
        for port in self.ports:
            if port.router not in members:
                continue
            area = area_of[port.segment]
            areas[port.router].add(area)
            lines = self.at(port)
            lines.append(f"{OSPF[version]} area {AREA}{area}")
            if not all(other.router in members for other in self.peers(port)):
                lines.append(f"{OSPF[version]} passive")
                continue
            if to_point[port.segment]:
                lines.append(f"{OSPF[version]} network point-to-point")
            lines += shared[port.segment]
            self.ospf_circuit(port, version)
        return areas

    def segment_options(self, version: int) -> Iterator[str]:
        """What all ends of a wire say alike."""
        word = OSPF[version]
        if self.chance(12):
            yield f"{word} hello-interval {self.pick(5, 3)}"
            if self.chance(2):
                yield f"{word} dead-interval {self.pick(20, 12)}"
        if version == 4 and self.chance(15):
            yield f"{word} authentication message-digest"
            yield f"{word} message-digest-key 1 md5 secret"

    def ospf_circuit(self, port: Port, version: int) -> None:
        word, lines = OSPF[version], self.at(port)
        if self.chance(2):
            lines.append(f"{word} cost {self.number(1, 100)}")
        elif self.chance(8):
            lines.append(f"bandwidth {self.pick(1000, 40000, 100)}")
        if self.chance(12):
            lines.append(f"{word} priority {self.number(0, 2)}")
        if self.chance(30):
            lines.append(f"{word} passive")
        if self.chance(60):
            lines.append(f"{word} dead-interval {self.pick(30, 40)}")
        if self.chance(60):
            lines.append(f"{word} mtu-ignore")
        if version == 4 and self.chance(60):
            lines.append(f"{word} authentication{self.pick('', ' null', ' message-digest')}")
        if version == 4 and self.chance(100):
            lines.append(f"{word} network {self.pick('point-to-multipoint', 'non-broadcast', 'broadcast')}")

    def networks_instead(self, router: int) -> None:
        """``network PREFIX area`` statements in place of areas on interfaces (FRR takes the one or the other)."""
        process = self.lines[router].ospf
        for name, lines in sorted(self.lines[router].interfaces.items()):
            area = next((line.split()[-1] for line in lines if line.startswith("ip ospf area ")), None)
            subnet = next((line.split()[-1] for line in lines if line.startswith("ip address ")), None)
            if area is None or subnet is None:
                continue
            lines.remove(f"ip ospf area {area}")
            process.append(f"network {subnet} area {area}")
            if "ip ospf passive" in lines:
                lines.remove("ip ospf passive")
                process.append(f"passive-interface {name}")

    # ---------------------------------------------------------------------------------- process

    def ospf_process(self, router: int, version: int, areas: set[str], kinds: dict[str, str]) -> None:
        lines = self.lines[router].ospf if version == 4 else self.lines[router].ospf6
        lines.append(f"{'ospf' if version == 4 else 'ospf6'} router-id 10.255.0.{router}")
        for area in sorted(areas):
            lines += [f"area {AREA}{area} {line}" for line in self.area_lines(router, version, area, areas, kinds)]
        lines += self.process_lines(version)
        for source in self.ospf_sources():
            lines.append(f"redistribute {source}{''.join(self.ospf_import(router, version))}")
        if self.chance(10):
            lines.append(f"default-information originate always metric {self.number(1, 20)}")
        elif self.chance(12):
            always = self.pick(" always", "")
            lines.append(f"default-information originate{always}{''.join(self.ospf_import(router, version))}")
        if self.chance(40):
            lines.append(f"summary-address {self.pick(*OUTSIDE[version])}{self.pick('', ' no-advertise')}")
        if version == 4 and self.chance(20):
            source = self.pick("connected", "static", "isis", "bgp")
            lines.append(f"distribute-list {self.access_list(router, version)} out {source}")

    def process_lines(self, version: int) -> Iterator[str]:
        """What stands on a process by itself."""
        if version == 4:
            if self.chance(8):
                yield "max-metric router-lsa administrative"
            if self.chance(12):
                yield f"default-metric {self.number(1, 50)}"
            if self.chance(12):
                yield "compatible rfc1583"
            if self.chance(40):
                yield f"ospf abr-type {self.pick('cisco', 'ibm', 'standard', 'shortcut')}"
        elif self.chance(12):
            yield "stub-router administrative"
        if self.chance(15):
            yield f"auto-cost reference-bandwidth {self.pick(40000, 1000, 200000)}"
        if self.chance(15):
            yield f"maximum-paths {self.number(1, 4)}"
        if self.chance(15):
            yield f"distance {self.pick(90, 130, 210)}"
        if self.chance(15):
            kind = self.pick("external", "inter-area", "intra-area")
            yield f"distance {'ospf' if version == 4 else 'ospf6'} {kind} {self.pick(90, 130, 210)}"

    # ---------------------------------------------------------------------------------- areas

    def area_lines(self, router: int, version: int, area: str, areas: set[str], kinds: dict[str, str]) -> Iterator[str]:
        """The lines of one area, without its name."""
        kind = kinds.get(area, "")
        if kind and not self.chance(60):
            yield kind
            yield from self.of_special_area(version, kind)
        if area != "0" and not kind and version == 4 and self.chance(60):
            yield f"virtual-link 10.255.0.{self.number(1, self.size)}"
        if len(areas) == 1:
            return
        if self.chance(6):
            yield from self.area_ranges(version)
        if self.chance(12):
            yield f"{self.pick('import-list', 'export-list')} {self.access_list(router, version)}"
        if self.chance(12):
            yield f"filter-list prefix {self.prefix_list(router, version)} {self.pick('in', 'out')}"

    def of_special_area(self, version: int, kind: str) -> Iterator[str]:
        if version == 4:
            if self.chance(6):
                yield f"default-cost {self.number(2, 30)}"
            if kind.startswith("nssa") and self.chance(6):
                yield f"nssa {self.pick('translate-always', 'translate-never', 'translate-candidate')}"
        elif kind.startswith("nssa"):
            if self.chance(8):
                yield f"nssa range {self.pick(*OUTSIDE[version])}{self.pick('', ' not-advertise', ' cost 7')}"
            if self.chance(6):
                summary = kind.removeprefix("nssa")
                words = self.pick("", " metric 5", " metric-type 1", " metric 5 metric-type 1")
                yield f"nssa{summary} default-information-originate{words}"

    def area_ranges(self, version: int) -> Iterator[str]:
        for prefix in self.pick(*((one,) for one in WITHIN[version]), WITHIN[version][:2]):
            option = self.pick("", " not-advertise", " cost", " substitute" if version == 4 else "", " advertise")
            if option == " cost":
                option += f" {self.number(1, 60)}"
            if option == " substitute":
                option += f" {self.pick(*ELSEWHERE[version])}"
            yield f"range {prefix}{option}"

    # ---------------------------------------------------------------------------------- externals and policy

    def ospf_sources(self) -> Iterator[str]:
        if self.chance(4):
            yield self.pick("connected", "static")
            if self.chance(4):
                yield self.pick("bgp", "isis")

    def ospf_import(self, router: int, version: int) -> Iterator[str]:
        """Options of what brings routes in."""
        if self.chance(3):
            yield f" metric {self.number(1, 50)}"
        if self.chance(3):
            yield " metric-type 1"
        if self.chance(4):
            yield f" route-map {self.import_map(router, version)}"

    def import_map(self, router: int, version: int) -> str:
        """A new route-map of one or two entries with what ospfd and ospf6d know; its name."""
        self.maps += 1
        name, top = f"M{self.maps}", self.lines[router].top
        for sequence in range(1, self.number(1, 2) + 1):
            matches = list(self.import_matches(router, version))
            top.append(f"route-map {name} {self.pick('permit', 'permit', 'deny')} {sequence * 10}")
            top += [f" {line}" for line in (*matches, *self.import_sets())]
            top.append("exit")
        return name

    def import_matches(self, router: int, version: int) -> Iterator[str]:
        kind = self.pick("none", "prefix-list", "access-list", "tag", "interface")
        if kind == "prefix-list":
            yield f"match {WORD[version]} address prefix-list {self.prefix_list(router, version)}"
        elif kind == "access-list":
            yield f"match {WORD[version]} address {self.access_list(router, version)}"
        elif kind == "tag":
            yield f"match tag {self.pick(7, 8)}"
        elif kind == "interface":
            yield f"match interface {self.pick('lo', 'eth0', 'eth1')}"

    def import_sets(self) -> Iterator[str]:
        if self.chance(2):
            yield f"set metric {self.number(1, 50)}"
        if self.chance(3):
            yield f"set metric-type type-{self.pick(1, 2)}"
        if self.chance(3):
            yield f"set tag {self.pick(7, 8)}"

    def subnets(self, version: int) -> tuple[str, ...]:
        """Prefixes a list may speak of: wires, loopbacks, static routes."""
        if version == 4:
            return ("10.0.0.0/16", "10.0.1.0/30", "10.255.0.0/24", "198.18.0.0/16", *POOL[version])
        return ("2001:db8::/36", "2001:db8:1::/64", "2001:db8:ffff::/64", "2001:db8:1000::/48", *POOL[version])

    def access_list(self, router: int, version: int) -> str:
        """A new access list of one or two lines, or the name of one that does not exist."""
        if self.chance(15):
            return "NOWHERE"
        self.maps += 1
        name, top = f"A{self.maps}", self.lines[router].top
        word = "access-list" if version == 4 else "ipv6 access-list"
        for sequence in range(1, self.number(1, 2) + 1):
            prefix = self.pick(*self.subnets(version), "any")
            top.append(f"{word} {name} seq {sequence * 5} {self.pick('permit', 'deny')} {prefix}")
        return name

    def prefix_list(self, router: int, version: int) -> str:
        """A new prefix list of one or two lines, or the name of one that does not exist."""
        if self.chance(15):
            return "NOWHERE"
        self.maps += 1
        name, top, longest = f"P{self.maps}", self.lines[router].top, 32 if version == 4 else 128
        for sequence in range(1, self.number(1, 2) + 1):
            prefix = self.pick(*self.subnets(version))
            suffix = self.pick(f" le {longest}", "")
            action = self.pick("permit", "deny")
            top.append(f"{WORD[version]} prefix-list {name} seq {sequence * 5} {action} {prefix}{suffix}")
        return name
