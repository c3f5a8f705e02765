"""IS-IS, drawn: levels, areas, metrics, passwords, topologies, overload and attached bits, VRFs, and what goes into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis.strategies import DrawFn
from tests.laws.drawing import WORD, Drawing
from tests.laws.folder import Port

LEVELS = {"level-1": (1,), "level-2-only": (2,), "level-1-2": (1, 2)}


@dataclass(frozen=True, kw_only=True)
class Style:
    """What all routers of one network have alike, for the most part."""

    kind: str
    metric: str
    other: str
    topologies: bool
    passwords: bool


class Isis(Drawing):
    """A network with IS-IS."""

    def __init__(self, draw: DrawFn, sizes: tuple[int, ...]) -> None:
        super().__init__(draw, sizes)
        self.isis_costs: dict[tuple[int, int], list[str]] = {}
        self.isis_speaks: dict[int, tuple[int, ...]] = {}
        self.isis_apart: dict[int, str] = {}

    def isis(self, members: set[int]) -> None:
        """IS-IS on the routers given, over the segments whose every end is among them."""
        kind = self.pick("level-2-only", "level-1", "mixed")
        metric = self.pick("wide", "wide", "transition", "narrow")
        # FRR refuses multi-topology beside narrow metrics (the whole process is left out then).
        topologies = metric == "wide" and 6 in self.versions and 4 in self.versions and self.chance(5)
        other = "transition" if metric == "narrow" or (metric == "wide" and not topologies) else metric
        style = Style(kind=kind, metric=metric, other=other, topologies=topologies, passwords=self.chance(10))
        for router in sorted(members):
            self.isis_process(router, style)
        for router in sorted(members):
            self.isis_beside(router)
        self.isis_circuits(members, style)

    def set_apart(self) -> None:
        """Some segments in a VRF, or under a process of their own."""
        kind = self.pick("", "RED", "OTHER") if self.chance(8) else ""
        for port in self.ports if kind else ():
            if self.isis_apart.setdefault(port.segment, kind if self.chance(3) else "") == "RED":
                self.lines[port.router].vrfs[port.name] = "RED"

    def isis_beside(self, router: int) -> None:
        """The process of the segments set apart."""
        tags = {self.isis_apart.get(port.segment, "") for port in self.ports if port.router == router} - {""}
        for tag in sorted(tags):
            lines = [
                f"net 49.0005.0000.0000.{router:04d}.00",
                f"is-type {self.pick('level-2-only', 'level-2-only', 'level-1')}",
            ]
            if self.chance(4):
                lines.append(
                    f"redistribute ipv{self.pick(*self.versions)} connected {lines[1][8:].removesuffix('-only')}"
                )
            if tag == "RED":
                self.lines[router].top += ["vrf RED", "exit-vrf"]
            self.lines[router].others[f"router isis {tag}{' vrf RED' if tag == 'RED' else ''}"] = lines

    # ---------------------------------------------------------------------------------- the process

    def isis_process(self, router: int, style: Style) -> None:
        mixed = style.kind == "mixed"
        level = self.pick("level-1-2", "level-1", "level-2-only") if mixed else style.kind
        areas = [self.pick("49.0001", "49.0002") if mixed else "49.0001"]
        if self.chance(12):
            areas.append("49.0003")
        lines = self.lines[router].isis
        lines += [f"net {area}.0000.0000.{router:04d}.00" for area in areas]
        lines += [f"is-type {level}", f"metric-style {style.metric if not self.chance(12) else style.other}"]
        if style.topologies and not self.chance(8):
            lines.append("topology ipv6-unicast")
        lines += self.isis_bits()
        if style.passwords:
            lines += self.isis_passwords()
        # A router whose circuits all lack an IP version does not speak it at all.
        speaks = self.isis_speaks[router] = self.isis_versions()
        self.lines[router].interfaces["lo"] += [*(f"{WORD[v]} router isis CORE" for v in speaks), "isis passive"]
        for version in self.versions:
            lines += self.isis_taken_in(router, LEVELS[level], version)
            lines += self.isis_default(router, LEVELS[level], version)

    def isis_bits(self) -> Iterator[str]:
        """Overload and attached bits."""
        if self.chance(8):
            yield "set-overload-bit"
        elif self.chance(15):
            yield "set-overload-bit on-startup 60"
        if self.chance(12):
            yield "no attached-bit send"
        if self.chance(12):
            yield "attached-bit receive ignore"

    def isis_passwords(self) -> Iterator[str]:
        """Mostly the same everywhere."""
        if not self.chance(6):
            yield f"area-password {self.pick('clear', 'md5')} {self.pick('one', 'one', 'one', 'two')}"
        if self.chance(2):
            yield f"domain-password md5 {self.pick('one', 'one', 'one', 'two')}"

    # ---------------------------------------------------------------------------------- what goes into it

    def isis_taken_in(self, router: int, levels: tuple[int, ...], version: int) -> Iterator[str]:
        if not self.chance(5):
            return
        for source in sorted({self.pick("connected", "static") for _ in range(self.number(1, 2))}):
            yield from self.isis_source(router, levels, version, source)
        if self.chance(12):
            yield from self.isis_source(router, levels, version, self.pick("bgp", "kernel", "table 10"))

    def isis_source(self, router: int, levels: tuple[int, ...], version: int, source: str) -> Iterator[str]:
        for level in sorted({self.pick(*levels), self.pick(*levels)}):
            options = self.isis_options(router, version)
            yield f"redistribute ipv{version} {source} level-{level}{options}"

    def isis_options(self, router: int, version: int) -> str:
        found = f" metric {self.number(0, 80)}" if self.chance(3) else ""
        return f"{found} route-map {self.isis_map(router, version)}" if self.chance(3) else found

    def isis_default(self, router: int, levels: tuple[int, ...], version: int) -> Iterator[str]:
        if self.chance(10):
            always = self.pick("", " always")
            options = self.isis_options(router, version)
            yield f"default-information originate ipv{version} level-{self.pick(*levels)}{always}{options}"

    def isis_map(self, router: int, version: int) -> str:
        """A route-map as redistribution knows them: with tags, and now and then a clause that isisd does not have."""
        name = self.route_map(router, version, interior=True)
        if self.chance(3):
            top = self.lines[router].top
            top += [f"route-map {name} permit 5", f" {self.pick('match tag 7', 'match tag 9')}"]
            top += [f" {self.pick('set metric 33', 'set tag 9')}"]
            if self.chance(4):
                top.append(f" {self.pick('match interface eth0', 'match metric 0', 'on-match goto 20')}")
            top.append("exit")
        return name

    # ---------------------------------------------------------------------------------- circuits

    def isis_circuits(self, members: set[int], style: Style) -> None:
        to_point = {port.segment: port.size == 2 and self.pick(True, False) for port in self.ports}
        secret = {port.segment: self.chance(15) for port in self.ports}
        for port in self.ports:
            if port.router not in members:
                continue
            lines = self.at(port)
            tag = self.isis_apart.get(port.segment) or "CORE"
            lines += [
                f"{WORD[version]} router isis {tag}"
                for version in self.isis_versions()
                if version in self.isis_speaks[port.router]
            ]
            if not all(other.router in members for other in self.peers(port)) or self.chance(25):
                lines.append("isis passive")
                continue
            if to_point[port.segment]:
                lines.append("isis network point-to-point")
            lines += self.isis_metric(port)
            lines += self.isis_circuit(style)
            if secret[port.segment]:
                lines.append(
                    f"isis password {self.pick('md5', 'md5', 'clear')} {self.pick('one', 'one', 'one', 'two')}"
                )

    def isis_versions(self) -> tuple[int, ...]:
        return (self.pick(*self.versions),) if self.chance(25) else self.versions

    def isis_metric(self, port: Port) -> Iterator[str]:
        """Links to one neighbour mostly cost the same: else FRR's choice hangs on the order they came up in."""
        # FRR refuses larger ones beside narrow metrics (yang/frr-isisd.yang).
        highest = 200 if "metric-style wide" in self.lines[port.router].isis else 63
        known = [self.isis_costs[ends] for ends in self.isis_ends(port) if ends in self.isis_costs]
        if known and not self.chance(25):
            found = known[0]
        else:
            level = self.pick("", "", "", "level-1 ", "level-2 ")
            found = [f"isis metric {level}{self.number(1, highest)}"] if self.chance(2) else []
        self.isis_costs.update(dict.fromkeys(self.isis_ends(port), found))
        yield from found

    def isis_ends(self, port: Port) -> list[tuple[int, int]]:
        return [(port.router, other.router) for other in self.peers(port)]

    def isis_circuit(self, style: Style) -> Iterator[str]:
        if self.chance(10):
            yield f"isis circuit-type {self.pick('level-1', 'level-2-only')}"
        if self.chance(10):
            yield f"isis priority {self.number(0, 127)}{self.pick('', '', ' level-1', ' level-2')}"
        if self.chance(20):
            yield "no isis three-way-handshake"
        if style.topologies and self.chance(8):
            yield "no isis topology ipv6-unicast"
