"""Random networks as the folders a team would keep: FRR configurations, `backstay.yaml` and demands.

Everything is text that goes through the reader, so that a network on which engines disagree can be kept as a case folder and
built from real routers. Draws are ordered plain first: Hypothesis shrinks towards two routers with nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests.laws.drawing import COMMUNITIES, POOL
from tests.laws.folder import Folder, Port, loopback
from tests.laws.policy import WELL_KNOWN
from tests.laws.sessions import Sessions, Side

from backstay.model.network import InterfaceRef, Network, Overlay

SIZES = (2, 3, 3, 4, 4, 5, 6, 8, 12)


class Builder(Sessions):
    """A network with BGP, neighbours and a world around it."""

    # ---------------------------------------------------------------------------------- BGP

    def bgp(self) -> None:
        kind = self.pick("none", "mesh", "reflectors", "confederation", "external")
        if kind == "none":
            return
        base = self.pick(65000, 65000, 500)
        for router in self.numbers:
            self.speaker(router, base + (router if kind == "external" else 0), kind)
        if kind == "mesh":
            self.mesh(set(self.numbers))
        elif kind == "reflectors":
            self.reflectors()
        elif kind == "confederation":
            self.confederation()
        else:
            self.hop_by_hop()
        self.externals()
        for router in self.numbers:
            self.removals(router)

    def speaker(self, router: int, asn: int, kind: str) -> None:
        lines = self.lines[router]
        lines.asn = asn
        lines.bgp += [f"bgp router-id 10.255.0.{router}", "no bgp default ipv4-unicast"]
        if not self.chance(6):
            lines.bgp.append("no bgp ebgp-requires-policy")
        for option in (
            "bgp always-compare-med",
            "bgp bestpath as-path multipath-relax",
            "bgp bestpath compare-routerid",
            "bgp bestpath med missing-as-worst",
            "no bgp network import-check",
        ):
            if self.chance(8):
                lines.bgp.append(option)
        lines.bgp += self.process_options(reflecting=kind == "reflectors", confederated=kind == "confederation")
        for version in self.versions:
            self.family(router, version)

    def family(self, router: int, version: int) -> None:
        lines = self.lines[router].families[version]
        own = f"198.18.{router}.0/24" if version == 4 else f"2001:db8:1000:{router:x}::/64"
        if self.chance(2):
            policy = f" route-map {self.route_map(router, version)}" if self.chance(5) else ""
            lines.append(f"network {own}{policy}")
        if self.chance(4):
            source = self.pick("connected", "static", *self.interior_protocols(router, version))
            extra = self.pick("", " metric 7", "map")
            if extra == "map":
                extra = f" route-map {self.route_map(router, version)}"
            lines.append(f"redistribute {source}{extra}")
        if self.chance(6):
            whole = "198.18.0.0/16" if version == 4 else "2001:db8:1000::/48"
            lines.append(
                f"aggregate-address {whole}{self.pick('', ' summary-only', ' as-set', ' as-set summary-only')}"
            )
        if self.chance(3):
            lines.append(f"maximum-paths {self.number(1, 4)}")
        if self.chance(3):
            lines.append(f"maximum-paths ibgp {self.number(1, 4)}")
        lines += self.family_options(router, version)

    def interior_protocols(self, router: int, version: int) -> tuple[str, ...]:
        lines = self.lines[router]
        ospf = lines.ospf if version == 4 else lines.ospf6
        return (*(("isis",) if lines.isis else ()), *(("ospf" if version == 4 else "ospf6",) if ospf else ()))

    def internal(self, router: int, other: int, *options: str) -> None:
        """A session between loopbacks, one end of it."""
        for version in self.versions:
            peer = loopback(other, version)
            side = Side(router=router, peer=peer, asn=self.lines[other].asn, external=False)
            side.process.append("update-source lo")
            side.families[version] = list(options)
            self.rare_family_options(side, version, self.lines[router].asn)
            if self.chance(20):
                side.families[version].append(f"route-map {self.route_map(router, version)} {self.pick('in', 'out')}")
            self.write(side)
            self.communities_unsent(peer, version, router)

    def mesh(self, members: set[int]) -> None:
        own = self.pick(("next-hop-self",), ())
        for router in sorted(members):
            for other in sorted(members - {router}):
                self.internal(router, other, *own)

    def reflectors(self) -> None:
        count = self.number(1, min(2, self.size))
        chosen = set(range(1, count + 1))
        own = self.pick(("next-hop-self",), ())
        shared = self.chance(3)
        for router in self.numbers:
            if router in chosen and shared:
                self.lines[router].bgp.append("bgp cluster-id 1.1.1.1")
            for other in self.numbers:
                if other == router or not {router, other} & chosen:
                    continue
                client = router in chosen and other not in chosen
                self.internal(router, other, *own, *(("route-reflector-client",) if client else ()))

    def confederation(self) -> None:
        """Members of one or two routers each, joined where there is a wire."""
        member = {router: 65100 + self.number(1, 2) for router in self.numbers}
        peers = sorted(set(member.values()))
        for router, asn in member.items():
            lines = self.lines[router]
            lines.asn = asn
            others = " ".join(str(peer) for peer in peers if peer != asn)
            lines.bgp.append("bgp confederation identifier 65000")
            if others:
                lines.bgp.append(f"bgp confederation peers {others}")
        for asn in peers:
            self.mesh({router for router, own in member.items() if own == asn})
        self.neighbors_on_wires(lambda one, other: member[one] != member[other], policies=self.chance(3))

    def hop_by_hop(self) -> None:
        self.neighbors_on_wires(lambda _one, _other: True, policies=True)

    def neighbors_on_wires(self, wanted: Callable[[int, int], bool], *, policies: bool) -> None:
        pairs = [
            (port, other, version)
            for port in self.ports
            for other in self.peers(port)
            if port.router < other.router and wanted(port.router, other.router)
            for version in self.versions
        ]
        named = {port.segment for port in self.ports if policies and port.size == 2 and self.chance(20)}
        for port, other, version in pairs:
            self.on_wire(port, other, version, policies=policies, named=port.segment in named)

    def on_wire(self, port: Port, other: Port, version: int, *, policies: bool, named: bool) -> None:
        """Both sides of one session; ``named``: the sides know each other by their interfaces."""
        sides = [
            self.side(end.router, there.address(version), self.lines[there.router].asn, version, policies=policies)
            for end, there in ((port, other), (other, port))
        ]
        if policies and self.chance(12):
            for side in sides:
                side.process.append("password secret")
        external = not any(line.startswith("bgp confederation") for line in self.lines[port.router].bgp)
        if external and self.chance(6):
            self.disguise(*(sides if self.pick(True, False) else sides[::-1]))
        if named:
            self.unnumbered(sides, (port, other))
            return
        self.write(sides[0])
        if policies and self.chance(15):
            self.listen(sides[1], f"{port.address(version)}/{30 if version == 4 else 64}")
        else:
            self.write(sides[1])

    def disguise(self, side: Side, there: Side) -> None:
        """One side presents another number than its own, and the other side mostly knows."""
        shown = self.pick(64700, 64800, 700, 64601)
        side.process.append(f"local-as {shown}{self.pick('', ' no-prepend', ' no-prepend replace-as')}")
        if not self.chance(8):
            there.asn = shown

    def unnumbered(self, sides: list[Side], ports: tuple[Port, Port]) -> None:
        """Sessions that name their interface: one carries both IP versions."""
        for side, port in zip(sides, ports, strict=True):
            side.peer = port.name
            lines = self.lines[side.router]
            first = f"neighbor {side.peer} interface"
            if first in lines.bgp:
                self.write_families(side)
            else:
                lines.bgp.append(first)
                self.write_plain(side)

    def session(self, router: int, peer: str, asn: int, version: int, *, policies: bool) -> None:
        """A session with a speaker outside."""
        side = self.side(router, peer, asn, version, policies=policies)
        if self.chance(12):
            side.process.append(
                f"local-as {self.pick(64700, 700)}{self.pick('', ' no-prepend', ' no-prepend replace-as')}"
            )
        self.write(side)

    def side(self, router: int, peer: str, asn: int, version: int, *, policies: bool) -> Side:
        side = Side(router=router, peer=peer, asn=asn)
        family = side.families[version] = []
        own = self.lines[router].asn
        if policies:
            wanted = [direction for direction in ("in", "out") if self.chance(3)]
            family += [f"route-map {self.route_map(router, version, own=own)} {direction}" for direction in wanted]
            family += self.session_options()
            if self.chance(15):
                family.append(f"default-originate route-map {self.route_map(router, version, own=own)}")
            self.rare_process_options(side)
            self.rare_family_options(side, version, own)
        return side

    def session_options(self) -> Iterator[str]:
        for option in (
            "next-hop-self",
            "allowas-in 1",
            "as-override",
            "remove-private-AS",
            "default-originate",
            f"maximum-prefix {self.number(1, 6)}",
            "weight 5",
        ):
            if self.chance(15):
                yield option

    def externals(self) -> None:
        for number in range(1, self.number(0, 3) + 1):
            router = self.number(1, self.size)
            addresses = {4: f"172.16.{number}.1/31", 6: f"2001:db8:e{number}::1/127"}
            peers = {4: f"172.16.{number}.0", 6: f"2001:db8:e{number}::"}
            name = f"eth9{number}"
            self.interface(router, name, {v: addresses[v] for v in self.versions})
            asn = 64600 + self.number(1, 3)
            announces = []
            for version in self.versions:
                self.session(router, peers[version], asn, version, policies=True)
                announces += [self.announcement(asn, version) for _ in range(self.number(0, 3))]
            unique = {item["prefix"]: item for item in announces}
            self.neighbors[f"as{number}"] = {
                "asn": asn,
                "kind": self.pick("transit", "peer", "customer"),
                "attachments": [{"router": f"r{router}", "address": peers[v]} for v in self.versions],
                "announces": list(unique.values()),
            }

    def announcement(self, asn: int, version: int) -> dict[str, Any]:
        made: dict[str, Any] = {"prefix": self.pick(*POOL[version])}
        made["as_path"] = [asn, *self.pick((), (64999,), (asn,), (64999, 65001), (500,), (500, 64999))]
        if self.chance(3):
            made["med"] = self.number(0, 10)
        if self.chance(3):
            made["communities"] = [self.pick(*COMMUNITIES, *COMMUNITIES, *WELL_KNOWN)]
        if self.chance(6):
            made["origin"] = self.pick("egp", "incomplete")
        return made

    # ---------------------------------------------------------------------------------- intent

    def place(self) -> str:
        return f"s{self.number(1, self.size)}"

    def world(self) -> str:
        """Sites, services, operators; the demands as text."""
        self.intent["sites"] = {
            f"s{number}": {"role": "data-center" if number == 1 else "pop", "routers": [f"r{number}"]}
            for number in self.numbers
        }
        if self.neighbors:
            self.intent["neighbors"] = self.neighbors
        if self.chance(2):
            self.intent["services"] = {"sso": {"kind": "sign-on", "sites": [self.place()]}}
            self.intent["access"] = {
                "noc": {"kind": "in-band", "source": self.place(), "targets": ["*"], "needs": ["sso"]},
                "walk-in": {"kind": "on-site", "targets": ["*"], "needs": [], "minutes": 60},
            }
        rows = [(self.place(), self.place(), self.number(1, 1000)) for _ in range(self.number(0, 5))]
        unique = {(source, target): mbps for source, target, mbps in rows if source != target}
        lines = [f"{source},{target},{mbps}" for (source, target), mbps in unique.items()]
        return "\n".join(["from,to,mbps", *lines, ""]) if lines else ""


@st.composite
def folders(draw: DrawFn, sizes: tuple[int, ...] = SIZES) -> Folder:
    """A network of two to twelve routers."""
    builder = Builder(draw, sizes)
    builder.wires()
    builder.interior()
    builder.statics()
    builder.bgp()
    demands = builder.world()
    configs = {f"r{number}": lines.text(f"r{number}") for number, lines in builder.lines.items()}
    return Folder(configs=configs, intent=builder.intent, demands=demands)


@st.composite
def overlays(draw: DrawFn, network: Network) -> Overlay:
    """Nothing, or up to two links, a router and an interface down."""
    links, routers = sorted(network.links), sorted(network.routers)
    ends = sorted(
        InterfaceRef(name, interface) for name, router in network.routers.items() for interface in router.interfaces
    )
    return Overlay(
        links_down=frozenset(draw(st.sets(st.sampled_from(links), max_size=2)) if links else ()),
        routers_down=frozenset(draw(st.sets(st.sampled_from(routers), max_size=1))),
        interfaces_down=frozenset(draw(st.sets(st.sampled_from(ends), max_size=1))),
    )
