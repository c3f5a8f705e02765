"""Forty-odd small networks, each different from the others in what it leans on: what real routers are asked about.

A network is configurations as text, read by the project's own reader like any other folder. Seeds only vary shapes and
numbers; the same name is the same network for ever.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass
class Box:
    """One router's configuration while it is put together."""

    name: str
    number: int
    interfaces: dict[str, list[str]] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    bgp: list[str] = field(default_factory=list)
    families: dict[int, list[str]] = field(default_factory=lambda: {4: [], 6: []})
    asn: int = 65000

    @property
    def loop(self) -> str:
        return f"10.255.0.{self.number}"

    @property
    def loop6(self) -> str:
        return f"2001:db8:ff::{self.number:x}"

    def text(self) -> str:
        lines = ["frr version 8.4.4", "frr defaults traditional", f"hostname {self.name}", "!"]
        lines += self.blocks
        for name, body in self.interfaces.items():
            lines += [f"interface {name}", *(f" {line}" for line in body), "exit", "!"]
        if self.bgp:
            lines += [f"router bgp {self.asn}", f" bgp router-id {self.loop}", *(f" {line}" for line in self.bgp), " !"]
            for version, body in self.families.items():
                if body:
                    lines += [
                        f" address-family ipv{version} unicast",
                        *(f"  {line}" for line in body),
                        " exit-address-family",
                    ]
            lines += ["exit", "!"]
        return "\n".join([*lines, "end", ""])


class Net:
    """A network under construction."""

    def __init__(self, seed: int, count: int, *, six: bool = True) -> None:
        self.random = random.Random(seed)
        self.six = six
        self.boxes = [Box(f"r{n}", n) for n in range(1, count + 1)]
        self.links: list[tuple[str, str, str, str]] = []
        self.neighbors: dict[str, Any] = {}
        self.used = 0
        for box in self.boxes:
            box.interfaces["lo"] = [f"ip address {box.loop}/32"] + ([f"ipv6 address {box.loop6}/128"] if six else [])

    def box(self, number: int) -> Box:
        return self.boxes[number - 1]

    def link(self, a: int, b: int, *, lines: Callable[[Box, str], list[str]] | None = None) -> tuple[str, str]:
        """Join two routers; ``lines`` are added to both interfaces. The names of the two interfaces."""
        self.used += 1
        names = []
        for side, number in enumerate((a, b)):
            box = self.box(number)
            name = f"eth{len(box.interfaces) - 1}"
            body = [f"ip address 10.0.{self.used}.{side}/31"]
            body += [f"ipv6 address 2001:db8:{self.used:x}::{side}/127"] if self.six else []
            box.interfaces[name] = body + (lines(box, name) if lines else [])
            names.append(name)
        self.links.append((self.box(a).name, names[0], self.box(b).name, names[1]))
        return names[0], names[1]

    def lan(self, members: list[int], lines: Callable[[Box, str], list[str]]) -> None:
        """A broadcast segment of several routers."""
        self.used += 1
        for place, number in enumerate(members, start=1):
            box = self.box(number)
            name = f"eth{len(box.interfaces) - 1}"
            body = [f"ip address 10.0.{self.used}.{place}/24"]
            body += [f"ipv6 address 2001:db8:{self.used:x}::{place}/64"] if self.six else []
            box.interfaces[name] = body + lines(box, name)

    def stub(self, number: int, *lines: str) -> str:
        """A subnet with nobody else on it; returns its IPv4 prefix."""
        self.used += 1
        box = self.box(number)
        name = f"eth{len(box.interfaces) - 1}"
        body = [f"ip address 10.0.{self.used}.1/24"]
        body += [f"ipv6 address 2001:db8:{self.used:x}::1/64"] if self.six else []
        box.interfaces[name] = [*body, *lines]
        return f"10.0.{self.used}.0/24"

    def ring(self, chords: int, lines: Callable[[Box, str], list[str]]) -> None:
        """A ring of all routers with some chords."""
        count = len(self.boxes)
        pairs = [(n, n % count + 1) for n in range(1, count + 1)]
        while chords:
            a, b = sorted(self.random.sample(range(1, count + 1), 2))
            if (a, b) not in pairs and (b, a) not in pairs:
                pairs.append((a, b))
                chords -= 1
        for a, b in pairs:
            self.link(a, b, lines=lines)

    def outside(self, name: str, asn: int, number: int, announces: list[Any], kind: str = "peer") -> str:
        """An external network at a router; returns its IPv4 address."""
        self.used += 1
        box = self.box(number)
        port = f"eth{len(box.interfaces) - 1}"
        body = [f"ip address 172.16.{self.used}.0/31"]
        body += [f"ipv6 address 2001:db8:eeee:{self.used:x}::/127"] if self.six else []
        box.interfaces[port] = body
        there = [f"172.16.{self.used}.1"] + ([f"2001:db8:eeee:{self.used:x}::1"] if self.six else [])
        known = self.neighbors.setdefault(name, {"asn": asn, "kind": kind, "attachments": [], "announces": announces})
        known["attachments"] += [{"router": box.name, "address": text} for text in there]
        return there[0]

    def write(self, folder: Path, **intent: Any) -> Path:
        """Write the folder."""
        (folder / "configs").mkdir(parents=True)
        for box in self.boxes:
            (folder / "configs" / f"{box.name}.conf").write_text(box.text())
        declared: dict[str, Any] = {"name": folder.name, "protect": {"implied": False}, **intent}
        if self.neighbors:
            declared["neighbors"] = self.neighbors
        (folder / "backstay.yaml").write_text(yaml.safe_dump(declared, sort_keys=True))
        return folder


# ------------------------------------------------------------------------------------------- interior routing


def isis_lines(
    net: Net, *, metric: Callable[[], int], level: str = "", point: bool = True
) -> Callable[[Box, str], list[str]]:
    def lines(_box: Box, _name: str) -> list[str]:
        body = ["ip router isis C"] + (["ipv6 router isis C"] if net.six else [])
        body += [f"isis metric {metric()}"] + (["isis network point-to-point"] if point else [])
        return body + ([f"isis circuit-type {level}"] if level else [])

    return lines


def isis_process(net: Net, box: Box, kind: str = "level-2-only", area: str = "49.0001", *extra: str) -> None:
    net_line = f" net {area}.0000.0000.{box.number:04x}.00"
    box.blocks += [
        "router isis C",
        f" is-type {kind}",
        " lsp-gen-interval 1",
        net_line,
        *(f" {x}" for x in extra),
        "exit",
        "!",
    ]
    box.interfaces["lo"] += ["ip router isis C", "isis passive"] + (["ipv6 router isis C"] if net.six else [])


def isis_ring(seed: int, count: int = 6, chords: int = 2, *, six: bool = True) -> Net:
    net = Net(seed, count, six=six)
    net.ring(chords, isis_lines(net, metric=lambda: net.random.choice([10, 10, 20, 30, 100])))
    for box in net.boxes:
        isis_process(net, box)
    return net


def ospf_ring(seed: int, count: int = 6, chords: int = 2, *, six: bool = False) -> Net:
    net = Net(seed, count, six=six)
    net.ring(chords, ospf_lines(net, lambda: "0"))
    for box in net.boxes:
        ospf_process(box)
        if six:
            ospf6_process(box)
    return net


def ospf_lines(net: Net, area: Callable[[], str], *, point: bool = True) -> Callable[[Box, str], list[str]]:
    def lines(_box: Box, _name: str) -> list[str]:
        here = area()
        body = [f"ip ospf area {here}", f"ip ospf cost {net.random.choice([1, 10, 10, 20])}"]
        body += ["ip ospf network point-to-point"] if point else []
        if net.six:
            body += [f"ipv6 ospf6 area 0.0.0.{here}", f"ipv6 ospf6 cost {net.random.choice([1, 10, 20])}"]
            body += ["ipv6 ospf6 network point-to-point"] if point else []
        return body

    return lines


def ospf_process(box: Box, *extra: str, area: str = "0") -> None:
    box.blocks += ["router ospf", f" ospf router-id {box.loop}", *(f" {line}" for line in extra), "exit", "!"]
    box.interfaces["lo"] += [f"ip ospf area {area}"]


def ospf6_process(box: Box, *extra: str, area: str = "0") -> None:
    box.blocks += ["router ospf6", f" ospf6 router-id {box.loop}", *(f" {line}" for line in extra), "exit", "!"]
    box.interfaces["lo"] += [f"ipv6 ospf6 area 0.0.0.{area}"]


# ------------------------------------------------------------------------------------------- BGP


def start_bgp(box: Box, asn: int, *lines: str, policy: bool = False) -> None:
    box.asn = asn
    box.bgp += ["no bgp default ipv4-unicast", *(() if policy else ("no bgp ebgp-requires-policy",)), *lines]


def internal(net: Net, a: int, b: int, *, client: bool = False, self_: bool = True) -> None:
    """a's side of an iBGP session to b, of every IP version; ``client``: b is a reflector client of a."""
    box, other = net.box(a), net.box(b)
    for version, peer in ((4, other.loop), (6, other.loop6)) if net.six else ((4, other.loop),):
        box.bgp += [f"neighbor {peer} remote-as {box.asn}", f"neighbor {peer} update-source lo"]
        box.families[version] += [f"neighbor {peer} activate"]
        box.families[version] += [f"neighbor {peer} next-hop-self"] if self_ else []
        box.families[version] += [f"neighbor {peer} route-reflector-client"] if client else []


def mesh(net: Net, members: list[int], **how: bool) -> None:
    for a in members:
        for b in members:
            if a != b:
                internal(net, a, b, **how)


def external(net: Net, number: int, peer: str, asn: int, *lines: str, version: int = 4) -> None:
    box = net.box(number)
    box.bgp += [f"neighbor {peer} remote-as {asn}"]
    box.families[version] += [f"neighbor {peer} activate", *(f"neighbor {peer} {line}" for line in lines)]


def six_of(peer: str, net: Net) -> str:
    """The IPv6 address of the speaker whose IPv4 address is ``peer``."""
    return f"2001:db8:eeee:{int(peer.split('.')[2]):x}::1"


def transits(net: Net, at: list[int], *lines: str) -> list[str]:
    """Two or more upstream networks that announce the same prefixes with different paths."""
    found = []
    for place, number in enumerate(at):
        asn = 64601 + place
        routes: list[Any] = [
            {"prefix": "100.64.1.0/24", "as_path": [asn, 65200]},
            {"prefix": "100.64.2.0/24", "as_path": [asn] + [65199] * (place % 2) + [65201], "med": 50 - 10 * place},
            {"prefix": "100.64.3.0/24", "as_path": [asn, 65202], "communities": [f"{asn}:{place}", "65000:77"]},
            f"100.64.{10 + place}.0/24",
        ]
        if net.six:
            routes += [{"prefix": "3fff:0:1::/48", "as_path": [asn, 65200]}, f"3fff:0:{10 + place:x}::/48"]
        peer = net.outside(f"up{place}", asn, number, routes, "transit")
        external(net, number, peer, asn, *lines)
        if net.six:
            external(net, number, six_of(peer, net), asn, *lines, version=6)
        found.append(peer)
    return found


# ------------------------------------------------------------------------------------------- the networks

Maker = Callable[[Path], Path]
NETWORKS: dict[str, Maker] = {}


def network(name: str) -> Callable[[Callable[[], Net]], Callable[[], Net]]:
    """Give a network its name."""

    def keep(make: Callable[[], Net]) -> Callable[[], Net]:
        NETWORKS[name] = lambda folder: make().write(folder / name)
        return make

    return keep


def _register(prefix: str, seeds: range, make: Callable[[int], Net]) -> None:
    for seed in seeds:
        NETWORKS[f"{prefix}-{seed}"] = lambda folder, seed=seed: make(seed).write(folder / f"{prefix}-{seed}")  # type: ignore[misc]


_register("isis-ring", range(1, 4), lambda seed: isis_ring(seed, 4 + 2 * seed, seed))
_register("ospf-ring", range(1, 3), lambda seed: ospf_ring(seed, 4 + 2 * seed, seed))
_register("ospf-dual", range(1, 3), lambda seed: ospf_ring(seed + 50, 5 + seed, 2, six=True))


@network("isis-levels")
def _isis_levels() -> Net:
    """Two level-1 areas joined by a level-2 core; level-1 routers go out by the attached bit."""
    net = Net(11, 8)
    for a, b, level in ((1, 2, "level-1"), (2, 3, "level-1"), (3, 4, "level-2-only"), (3, 5, "level-2-only"),
                        (4, 5, "level-2-only"), (5, 6, "level-1"), (6, 7, "level-1"), (7, 8, "level-1")):  # fmt: skip
        net.link(a, b, lines=isis_lines(net, metric=lambda: net.random.choice([10, 20]), level=level))
    kinds = {1: "level-1", 2: "level-1", 3: "level-1-2", 4: "level-2-only", 5: "level-1-2"}
    for box in net.boxes:
        area = "49.0001" if box.number <= 3 else "49.0002" if box.number >= 5 else "49.0003"
        isis_process(net, box, kinds.get(box.number, "level-1"), area)
    return net


@network("isis-lan")
def _isis_lan() -> Net:
    net = Net(12, 6)
    lines = isis_lines(net, metric=lambda: net.random.choice([10, 20, 30]), point=False)
    net.lan([1, 2, 3, 4], lines)
    net.link(4, 5, lines=isis_lines(net, metric=lambda: 10))
    net.link(5, 6, lines=isis_lines(net, metric=lambda: 10))
    net.link(6, 1, lines=isis_lines(net, metric=lambda: 15))
    for box in net.boxes:
        isis_process(net, box)
    return net


@network("isis-overload")
def _isis_overload() -> Net:
    net = isis_ring(13, 7, 3)
    net.boxes[2].blocks[4:4] = [" set-overload-bit"]
    return net


@network("isis-highest-metric")
def _isis_metric() -> Net:
    """The metric that RFC 5305 takes out of SPF and FRR adds up."""
    net = Net(14, 5)
    net.ring(1, isis_lines(net, metric=lambda: net.random.choice([10, 16777215, 16777214])))
    for box in net.boxes:
        isis_process(net, box)
    return net


@network("isis-redistribute")
def _isis_redistribute() -> Net:
    net = isis_ring(15, 6, 1)
    net.box(2).blocks += [
        "ip route 203.0.113.0/24 blackhole",
        "ip route 203.0.113.128/25 10.255.0.5",
        "ipv6 route 2001:db8:aaaa::/48 blackhole",
    ]
    net.stub(4)
    for box, what in ((net.box(2), "static"), (net.box(4), "connected")):
        at = box.blocks.index(" lsp-gen-interval 1")
        box.blocks[at:at] = [f" redistribute ipv4 {what} level-2 metric 20", f" redistribute ipv6 {what} level-2"]
    at = net.box(6).blocks.index(" lsp-gen-interval 1")
    net.box(6).blocks[at:at] = [" default-information originate ipv4 level-2 always metric 5"]
    return net


@network("isis-narrow")
def _isis_narrow() -> Net:
    net = Net(16, 5, six=False)
    net.ring(1, isis_lines(net, metric=lambda: net.random.choice([10, 20, 63])))
    for box in net.boxes:
        isis_process(net, box, "level-2-only", "49.0001", "metric-style narrow")
    return net


@network("isis-one-sided")
def _isis_one_sided() -> Net:
    """A link where one side is level 1 only, one with another area, one passive: no adjacency on any of them."""
    net = isis_ring(17, 6, 2)
    net.box(1).interfaces["eth0"] += ["isis circuit-type level-1"]
    net.box(3).interfaces["eth0"] += ["isis passive"]
    return net


@network("ospf-areas")
def _ospf_areas() -> Net:
    net = Net(21, 8, six=False)
    for a, b, area in (
        (1, 2, "0"),
        (2, 3, "0"),
        (3, 1, "0"),
        (2, 4, "1"),
        (4, 5, "1"),
        (3, 6, "2"),
        (6, 7, "2"),
        (1, 8, "3"),
    ):
        net.link(a, b, lines=ospf_lines(net, lambda area=area: area))  # type: ignore[misc]
    for box in net.boxes:
        ospf_process(box, area="0" if box.number <= 3 else {4: "1", 5: "1", 6: "2", 7: "2", 8: "3"}[box.number])
    return net


@network("ospf-range")
def _ospf_range() -> Net:
    net = _ospf_areas()
    for number in (4, 5):
        net.stub(number, "ip ospf area 1")
    net.box(2).blocks[2:2] = [" area 1 range 10.0.8.0/21", " area 1 range 10.255.0.4/31 not-advertise"]
    return net


def _stub_area(kind: str, number: int) -> Net:
    net = _ospf_areas()
    for box in net.boxes:
        if box.number in {2, 4, 5}:
            box.blocks[2:2] = [f" area 1 {kind}" if box.number == 2 else f" area 1 {kind.split(maxsplit=1)[0]}"]
    net.box(7).blocks[2:2] = [" redistribute static metric 30 metric-type 1"]
    net.box(7).blocks += ["ip route 203.0.113.0/24 blackhole"]
    net.box(1).blocks[2:2] = [" default-information originate always metric 7"]
    if kind.startswith("nssa"):
        net.box(5).blocks[2:2] = [" redistribute static"]
        net.box(5).blocks += [f"ip route 198.51.{100 + number}.0/24 blackhole"]
    return net


@network("ospf-stub")
def _ospf_stub() -> Net:
    return _stub_area("stub", 1)


@network("ospf-totally-stubby")
def _ospf_totally() -> Net:
    return _stub_area("stub no-summary", 2)


@network("ospf-nssa")
def _ospf_nssa() -> Net:
    return _stub_area("nssa", 3)


@network("ospf-nssa-no-summary")
def _ospf_nssa_totally() -> Net:
    return _stub_area("nssa no-summary", 4)


@network("ospf-lan")
def _ospf_lan() -> Net:
    net = Net(22, 6, six=True)
    net.lan([1, 2, 3, 4], ospf_lines(net, lambda: "0", point=False))
    net.link(4, 5, lines=ospf_lines(net, lambda: "0"))
    net.link(5, 6, lines=ospf_lines(net, lambda: "0", point=False))
    for box in net.boxes:
        ospf_process(box)
        ospf6_process(box)
    return net


@network("ospf-externals")
def _ospf_externals() -> Net:
    """Type 1 and type 2 of the same prefix from two places, metrics, tags and a route-map."""
    net = ospf_ring(23, 7, 2)
    for number, kind, metric in ((2, 1, 20), (5, 2, 20), (7, 2, 10)):
        box = net.box(number)
        box.blocks += [f"ip route 203.0.113.0/24 blackhole tag {number}", f"ip route 198.51.{number}.0/24 blackhole"]
        box.blocks[2:2] = [f" redistribute static metric {metric} metric-type {kind}"]
    box = net.box(4)
    net.stub(4)
    box.blocks += ["route-map ONLY permit 10", " match interface eth2", " set metric 77", " set tag 99", "exit"]
    box.blocks[2:2] = [" redistribute connected route-map ONLY"]
    return net


@network("ospf-max-metric")
def _ospf_max_metric() -> Net:
    net = ospf_ring(24, 6, 2)
    net.box(3).blocks[2:2] = [" max-metric router-lsa administrative"]
    return net


@network("ospf-unequal-hello")
def _ospf_hello() -> Net:
    net = ospf_ring(25, 5, 1)
    net.box(1).interfaces["eth0"] += ["ip ospf hello-interval 3"]
    return net


@network("ospf-distances")
def _ospf_distance() -> Net:
    net = ospf_ring(26, 5, 1)
    net.box(1).blocks[2:2] = [" distance ospf intra-area 90 inter-area 95 external 180"]
    net.box(1).blocks += ["ip route 10.255.0.3/32 10.0.1.1 100"]
    net.box(2).blocks += ["ip route 10.255.0.4/32 10.0.2.1 120"]
    return net


@network("two-igps")
def _two_igps() -> Net:
    """IS-IS on one side, OSPF on the other, both ways redistributed at one router."""
    net = Net(31, 7, six=False)
    for a, b in ((1, 2), (2, 3), (3, 1), (3, 4)):
        net.link(a, b, lines=isis_lines(net, metric=lambda: net.random.choice([10, 20])))
    for a, b in ((4, 5), (5, 6), (6, 7), (7, 4)):
        net.link(a, b, lines=ospf_lines(net, lambda: "0"))
    for box in net.boxes:
        if box.number <= 4:
            isis_process(net, box)
        if box.number >= 4:
            ospf_process(box)
    box = net.box(4)
    at = box.blocks.index(" lsp-gen-interval 1")
    box.blocks[at:at] = [" redistribute ipv4 ospf level-2 metric 15"]
    at = next(i for i, line in enumerate(box.blocks) if line.startswith(" ospf router-id"))
    box.blocks[at:at] = [" redistribute isis metric 25"]
    return net


@network("statics")
def _statics() -> Net:
    """Statics of every kind: recursive, floating, discarding, through each other, to nowhere."""
    net = isis_ring(32, 5, 1)
    box = net.box(1)
    box.blocks += [
        "ip route 203.0.113.0/24 10.255.0.3", "ip route 203.0.113.0/24 10.255.0.4",
        "ip route 198.51.100.0/24 10.255.0.3 150", "ip route 198.51.100.0/24 10.255.0.5 200",
        "ip route 192.0.2.0/25 blackhole", "ip route 192.0.2.128/25 reject", "ip route 192.0.2.64/26 eth0",
        "ip route 10.255.0.2/32 blackhole 250", "ip route 198.18.0.0/24 203.0.113.9", "ip route 198.18.1.0/24 172.31.0.1",
        "ip route 198.19.0.0/16 10.0.1.1 tag 42", "ipv6 route 2001:db8:aaaa::/48 2001:db8:ff::3",
        "ipv6 route 2001:db8:bbbb::/48 blackhole",
    ]  # fmt: skip
    return net


# ------------------------------------------------------------------------------------------- BGP networks


@network("bgp-mesh")
def _bgp_mesh() -> Net:
    net = isis_ring(41, 5, 2)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4, 5])
    transits(net, [1, 3])
    net.box(5).families[4] += ["network 198.18.0.0/16"]
    net.box(5).blocks += ["ip route 198.18.0.0/16 blackhole"]
    return net


@network("bgp-mesh-no-self")
def _bgp_no_self() -> Net:
    """Next hops of the outside are left as they are and not in the IGP: unreachable, except at the edge."""
    net = isis_ring(42, 5, 2)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4, 5], self_=False)
    transits(net, [1, 3])
    return net


def _reflected(seed: int, *, client_of: Mapping[int, list[int]], count: int, at: list[int]) -> Net:
    net = isis_ring(seed, count, 3)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, sorted(client_of))
    for reflector, clients in client_of.items():
        for number in clients:
            internal(net, reflector, number, client=True, self_=False)
            internal(net, number, reflector)
    transits(net, at)
    return net


@network("bgp-reflectors")
def _bgp_rr() -> Net:
    return _reflected(43, client_of={1: [3, 4, 5, 6], 2: [3, 4, 5, 6]}, count=6, at=[3, 5])


@network("bgp-reflector-clusters")
def _bgp_clusters() -> Net:
    net = _reflected(44, client_of={1: [4, 5, 6], 2: [7, 8], 3: [9, 10]}, count=10, at=[4, 8, 9])
    net.box(1).bgp.append("bgp cluster-id 9.9.9.9")
    return net


@network("bgp-reflector-multipath")
def _bgp_rr_ecmp() -> Net:
    net = _reflected(45, client_of={1: [2, 3, 4, 5, 6]}, count=6, at=[3, 4, 5])
    for box in net.boxes:
        box.bgp.append("bgp bestpath as-path multipath-relax")
        box.families[4].append("maximum-paths ibgp 4")
    return net


@network("bgp-confederation")
def _bgp_confederation() -> Net:
    net = isis_ring(46, 6, 2)
    for box in net.boxes:
        own = 65101 if box.number <= 3 else 65102
        others = 65102 if own == 65101 else 65101
        start_bgp(box, own, "bgp confederation identifier 65000", f"bgp confederation peers {others}")
    mesh(net, [1, 2, 3])
    mesh(net, [4, 5, 6])
    for a, b in ((3, 4), (4, 3)):
        for version, peer in ((4, net.box(b).loop), (6, net.box(b).loop6)):
            asn = net.box(b).asn
            net.box(a).bgp += [
                f"neighbor {peer} remote-as {asn}",
                f"neighbor {peer} update-source lo",
                f"neighbor {peer} ebgp-multihop 5",
            ]
            net.box(a).families[version] += [f"neighbor {peer} activate", f"neighbor {peer} next-hop-self"]
    transits(net, [1, 2])  # with one at 5 as well, r3 and r4 prefer each other's way: two stable states, by history
    return net


@network("bgp-chain")
def _bgp_chain() -> Net:
    """Six ASes in a row and a shortcut, no IGP."""
    net = Net(47, 6)
    for box in net.boxes:
        start_bgp(box, 65000 + box.number, "bgp bestpath compare-routerid")
        box.families[4] += [f"network {box.loop}/32"]
        box.families[6] += [f"network {box.loop6}/128"]
    for a, b in ((1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (2, 5)):
        net.link(a, b)
        number = net.used
        for here, there, side in ((a, b, 1), (b, a, 0)):
            external(net, here, f"10.0.{number}.{side}", 65000 + there)
            external(net, here, f"2001:db8:{number:x}::{side}", 65000 + there, version=6)
    return net


POLICY = [
    "bgp community-list standard MARKED permit 65000:77",
    "bgp as-path access-list LONG permit _65199_",
    "ip prefix-list SOME seq 5 permit 100.64.0.0/16 ge 24 le 24",
    "ip prefix-list ONE seq 5 permit 100.64.1.0/24",
    "route-map IN permit 10", " match community MARKED", " set local-preference 300", " set community 65000:1 additive", "exit",
    "route-map IN permit 20", " match ip address prefix-list ONE", " set local-preference 50", " set metric 5", "exit",
    "route-map IN deny 30", " match as-path LONG", "exit",
    "route-map IN permit 40", " match ip address prefix-list SOME", " set as-path prepend 64999 64999", "exit",
    "route-map OUT permit 10", " match ip address prefix-list SOME", " set metric 40", " set community no-export", "exit",
]  # fmt: skip


@network("bgp-policies")
def _bgp_policies() -> Net:
    net = isis_ring(48, 5, 2, six=False)
    for box in net.boxes:
        start_bgp(box, 65000, policy=True)
    mesh(net, [1, 2, 3, 4, 5])
    for number in (1, 3):
        net.box(number).blocks += POLICY
    transits(net, [1, 3], "route-map IN in", "route-map OUT out")
    return net


@network("bgp-undefined")
def _bgp_undefined() -> Net:
    """Route-maps and lists that are referred to and not there."""
    net = isis_ring(49, 5, 2, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4, 5])
    peers = transits(net, [1, 2, 3])
    box = net.box(1)
    box.families[4] += [f"neighbor {peers[0]} route-map NOT-THERE in", f"neighbor {peers[0]} prefix-list NOWHERE out"]
    box = net.box(2)
    box.blocks += ["route-map HALF permit 10", " match ip address prefix-list MISSING", " set local-preference 200", "exit",
                   "route-map HALF permit 20", " match community MISSING", "exit",
                   "route-map HALF permit 30", " match as-path MISSING", " set metric 3", "exit",
                   "route-map HALF permit 40", "exit"]  # fmt: skip
    box.families[4] += [f"neighbor {peers[1]} route-map HALF in"]
    net.box(3).families[4] += [f"neighbor {peers[2]} filter-list GONE in"]
    return net


@network("bgp-rfc8212")
def _bgp_8212() -> Net:
    """eBGP without policy where policy is required: nothing in, nothing out."""
    net = isis_ring(50, 4, 1)
    for box in net.boxes:
        start_bgp(box, 65000, policy=True)
    mesh(net, [1, 2, 3, 4])
    transits(net, [1, 3])
    net.box(3).blocks += ["route-map ALL permit 10", "exit"]
    peer = net.neighbors["up1"]["attachments"][0]["address"]
    net.box(3).families[4] += [f"neighbor {peer} route-map ALL in"]
    return net


@network("bgp-aggregates")
def _bgp_aggregates() -> Net:
    net = isis_ring(51, 5, 2, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4, 5])
    transits(net, [1, 3])
    net.box(1).families[4] += ["aggregate-address 100.64.0.0/16 summary-only"]
    net.box(3).families[4] += ["aggregate-address 100.64.0.0/20 as-set"]
    net.box(5).families[4] += ["aggregate-address 10.255.0.0/24", "redistribute isis"]
    return net


@network("bgp-redistribution")
def _bgp_redistribution() -> Net:
    net = ospf_ring(52, 6, 2)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3])
    transits(net, [1, 3])
    net.box(2).blocks += [
        "ip route 203.0.113.0/24 blackhole",
        "route-map MARK permit 10",
        " set community 65000:5",
        " set metric 9",
        "exit",
    ]
    net.box(2).families[4] += ["redistribute ospf", "redistribute static route-map MARK"]
    net.box(2).blocks[2:2] = [" redistribute bgp metric 50"]
    return net


@network("bgp-maximum-prefix")
def _bgp_maximum() -> Net:
    net = isis_ring(53, 4, 1, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4])
    transits(net, [1, 2, 3])
    for number, name, words in ((1, "up0", "2"), (2, "up1", "2 warning-only"), (3, "up2", "10")):
        peer = net.neighbors[name]["attachments"][0]["address"]
        net.box(number).families[4] += [f"neighbor {peer} maximum-prefix {words}"]
    return net


@network("bgp-default-routes")
def _bgp_default() -> Net:
    net = isis_ring(54, 5, 1)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3])
    internal(net, 2, 5)
    internal(net, 5, 2)
    transits(net, [1, 3])
    net.neighbors["up0"]["announces"] += [{"prefix": "0.0.0.0/0", "as_path": [64601]}]
    net.box(2).families[4] += [f"neighbor {net.box(5).loop} default-originate"]
    return net


@network("bgp-med")
def _bgp_med() -> Net:
    """One neighbouring AS at three places with different MEDs, compared within the AS alone, and always at one router."""
    net = isis_ring(55, 5, 2, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4, 5])
    for place, (number, med) in enumerate(((1, 30), (2, 10), (3, 20))):
        routes = [
            {"prefix": "100.64.1.0/24", "as_path": [64601, 65200], "med": med},
            {"prefix": "100.64.2.0/24", "as_path": [64601]},
        ]
        peer = net.outside(f"one{place}", 64601, number, routes)
        external(net, number, peer, 64601)
    peer = net.outside("other", 64602, 4, [{"prefix": "100.64.1.0/24", "as_path": [64602, 65200], "med": 5}])
    external(net, 4, peer, 64602)
    net.box(5).bgp.append("bgp always-compare-med")
    return net


@network("bgp-private-as")
def _bgp_private() -> Net:
    net = isis_ring(56, 4, 1, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4])
    peer = net.outside(
        "customer", 64801, 1, [{"prefix": "100.64.1.0/24", "as_path": [64801, 64802]}, "100.64.2.0/24"], "customer"
    )
    external(net, 1, peer, 64801)
    peer = net.outside("up", 3356, 3, ["100.64.9.0/24"], "transit")
    external(net, 3, peer, 3356, "remove-private-AS all")
    peer = net.outside("up2", 1299, 4, ["100.64.8.0/24"], "transit")
    external(net, 4, peer, 1299, "remove-private-AS")
    return net


@network("bgp-local-as")
def _bgp_local_as() -> Net:
    net = isis_ring(57, 4, 1, six=False)
    for box in net.boxes:
        start_bgp(box, 65000)
    mesh(net, [1, 2, 3, 4])
    transits(net, [1, 3])
    peer = net.neighbors["up0"]["attachments"][0]["address"]
    net.box(1).bgp.append(f"neighbor {peer} local-as 64999 no-prepend replace-as")
    return net


@network("bgp-big")
def _bgp_big() -> Net:
    """Twenty routers, two reflectors, three upstream networks, dual stack."""
    return _reflected(58, client_of={1: list(range(3, 21)), 2: list(range(3, 21))}, count=20, at=[4, 11, 17])


QUICK = (
    "isis-levels",
    "isis-lan",
    "ospf-nssa",
    "ospf-externals",
    "statics",
    "bgp-reflectors",
    "bgp-policies",
    "bgp-undefined",
)
"""The part that CI runs."""
