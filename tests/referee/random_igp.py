"""Random interior networks as FRR configurations: every variant of IS-IS, OSPF and static routes that is read."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

OSPF_AREAS = ("0.0.0.0", "0.0.0.1", "0.0.0.2")


@dataclass
class Port:
    name: str
    v4: str
    v6: str
    lan: bool
    area: str = OSPF_AREAS[0]


@dataclass
class Box:
    name: str
    number: int
    ports: list[Port] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


def write(folder: Path, seed: int, kind: str) -> None:
    """A network folder; ``kind`` is isis or ospf."""
    rng = random.Random(seed)
    boxes = _boxes(rng, kind)
    (folder / "configs").mkdir(parents=True)
    (folder / "backstay.yaml").write_text(f"name: random-{seed}\n")
    shared = _isis_choices(rng) if kind == "isis" else _ospf_choices(rng)
    for box in boxes:
        text = _isis(rng, box, shared) if kind == "isis" else _ospf(rng, box, shared)
        (folder / "configs" / f"{box.name}.conf").write_text(text)


def _boxes(rng: random.Random, kind: str) -> list[Box]:
    count = rng.randint(2, 8)
    boxes = [Box(f"r{number}", number) for number in range(1, count + 1)]
    pairs = [(number, rng.randrange(number)) for number in range(1, count)]
    pairs += [tuple(rng.sample(range(count), 2)) for _ in range(rng.randint(0, count))]
    zones = {number: rng.choice(OSPF_AREAS) for number in range(count)}
    for wire, (one, other) in enumerate(pairs):
        area = zones[one] if zones[one] == zones[other] else OSPF_AREAS[0]
        _join(boxes, (one, other), wire, lan=rng.random() < 0.2, area=area)
    if kind != "simple" and count > 3 and rng.random() < 0.5:
        _join(boxes, rng.sample(range(count), 3), 200, lan=True, area=OSPF_AREAS[0])
    return boxes


def _join(boxes, ends, wire, *, lan, area):
    for place, end in enumerate(ends, 1):
        box = boxes[end]
        length = 24
        box.ports.append(
            Port(
                name=f"eth{len(box.ports)}",
                v4=f"10.{1 + wire // 200}.{wire % 200}.{place}/{length}",
                v6=f"2001:db8:{1 + wire:x}::{place}/64",
                lan=lan,
                area=area,
            )
        )


def _statics(rng: random.Random, box: Box) -> list[str]:
    lines = []
    for number in range(rng.randint(0, 3)):
        prefix = f"100.{box.number}.{number}.0/24"
        near = box.ports[0].v4.rsplit(".", 1)[0] + ".9"
        target = rng.choice(
            ["blackhole", "reject", near, f"10.255.0.{rng.randint(1, 8)}", box.ports[0].name, "100.1.0.7", "8.8.8.8"]
        )
        extra = rng.choice(["", "", f" tag {rng.randint(1, 9)}", f" {rng.choice([5, 110, 115, 120, 250])}"])
        lines.append(f"ip route {prefix} {target}{extra}")
    if rng.random() < 0.2:
        lines.append(f"ip route 0.0.0.0/0 {rng.choice(['blackhole', box.ports[0].v4.rsplit('.', 1)[0] + '.9'])}")
    if rng.random() < 0.3:
        lines.append(f"ipv6 route 2001:db8:f{box.number:02x}::/48 blackhole")
    if rng.random() < 0.2:
        lines.append(f"ip route 10.255.0.{rng.randint(1, 8)}/32 {rng.choice([p.v4.rsplit('.', 1)[0] + '.2' for p in box.ports])} {rng.choice([1, 115, 200])}")
    return lines


def _head(box: Box) -> list[str]:
    return ["frr version 8.4.4", "frr defaults traditional", f"hostname {box.name}", "!"]


MAPS = [
    "ip prefix-list SOME seq 5 permit 100.0.0.0/8 ge 16",
    "route-map RM permit 10", " match ip address prefix-list SOME", " set metric 33", "exit",
    "route-map RM deny 20", "exit",
    "route-map ALL permit 10", " set metric 7", "exit",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ IS-IS


def _isis_choices(rng: random.Random) -> dict:
    return {
        "style": rng.choice(["wide", "wide", "narrow", "transition", "mixed"]),
        "levels": rng.choice(["level-2-only", "level-1", "mixed", "mixed"]),
        "areas": rng.choice([1, 1, 2]),
        "mt": rng.choice(["none", "none", "all", "some"]),
    }


def _isis(rng: random.Random, box: Box, shared: dict) -> str:
    style = shared["style"] if shared["style"] != "mixed" else rng.choice(["wide", "narrow", "transition"])
    level = shared["levels"] if shared["levels"] != "mixed" else rng.choice(["level-1", "level-1-2", "level-2-only"])
    area = rng.randint(1, shared["areas"])
    lines = _head(box) + MAPS
    lines += ["router isis C", " lsp-gen-interval 1", " spf-interval 1", f" net 49.000{area}.0000.0000.{box.number:04d}.00", f" is-type {level}"]
    lines += [f" metric-style {style}"]
    if rng.random() < 0.15:
        lines.append(" set-overload-bit")
    mt = style != "narrow" and (shared["mt"] == "all" or (shared["mt"] == "some" and rng.random() < 0.5))
    if mt:
        lines.append(" topology ipv6-unicast")
    lines += _isis_extras(rng, level)
    lines.append("exit")
    for port in box.ports:
        lines += _isis_port(rng, port, style, level, mt=mt)
    lines += [
        "interface lo", f" ip address 10.255.0.{box.number}/32", f" ipv6 address 2001:db8::{box.number}/128",
        " ip router isis C", " ipv6 router isis C", " isis passive", "exit",
    ]  # fmt: skip
    lines += _statics(rng, box)
    return "\n".join(lines) + "\n"


def _isis_extras(rng: random.Random, level: str) -> list[str]:
    levels = {"level-1": [1], "level-2-only": [2], "level-1-2": [1, 2]}[level]
    found = []
    for version in ("ipv4", "ipv6"):
        for source in ("static", "connected"):
            if rng.random() < 0.25:
                extra = rng.choice(["", " metric 20", " route-map RM", " route-map ALL"])
                found.append(f" redistribute {version} {source} level-{rng.choice(levels)}{extra}")
        if rng.random() < 0.2:
            extra = rng.choice(["", " always", " always metric 5", " metric 9"])
            found.append(f" default-information originate {version} level-{rng.choice(levels)}{extra}")
    if rng.random() < 0.1:
        found.append(rng.choice([" no attached-bit send", " attached-bit receive ignore"]))
    return found


def _isis_port(rng: random.Random, port: Port, style: str, level: str, *, mt: bool) -> list[str]:
    metric = rng.choice([1, 10, 10, 20, 63] if style != "wide" else [1, 10, 10, 20, 1000, 16777214])
    lines = [f"interface {port.name}", f" ip address {port.v4}", f" ipv6 address {port.v6}"]
    roll = rng.random()
    lines += [" ip router isis C"] if roll < 0.995 else []
    lines += [" ipv6 router isis C"] if roll > 0.005 else []
    lines += [f" isis metric {metric}", " isis hello-interval 1"]
    if not port.lan:
        lines.append(" isis network point-to-point")
    elif rng.random() < 0.4:
        lines.append(f" isis priority {rng.randint(0, 127)}")
    if level == "level-1-2" and rng.random() < 0.3:
        lines.append(f" isis circuit-type {rng.choice(['level-1', 'level-2-only', 'level-1-2'])}")
    if rng.random() < 0.05:
        lines.append(" isis passive")
    if mt and rng.random() < 0.15:
        lines.append(" no isis topology ipv6-unicast")
    return [*lines, "exit"]


# ------------------------------------------------------------------------------------------------ OSPF


def _ospf_choices(rng: random.Random) -> dict:
    kinds = ["normal", "normal", "stub", "stub no-summary", "nssa", "nssa no-summary"]
    return {
        "kinds": {area: rng.choice(kinds) for area in OSPF_AREAS[1:]},
        "reference": rng.choice([None, None, 1000, 1000000]),
    }


def _ospf(rng: random.Random, box: Box, shared: dict) -> str:
    lines = _head(box) + MAPS
    areas = sorted({port.area for port in box.ports})
    home = rng.choice(areas)
    for port in box.ports:
        lines += _ospf_port(rng, port)
    lines += [
        "interface lo", f" ip address 10.255.0.{box.number}/32", f" ipv6 address 2001:db8::{box.number}/128",
        f" ip ospf area {home}", f" ipv6 ospf6 area {home}", "exit",
    ]  # fmt: skip
    for version in (2, 3):
        lines += _ospf_process(rng, box, version, shared, areas)
    lines += _statics(rng, box)
    return "\n".join(lines) + "\n"


def _ospf_port(rng: random.Random, port: Port) -> list[str]:
    lines = [f"interface {port.name}", f" ip address {port.v4}", f" ipv6 address {port.v6}"]
    if rng.random() < 0.3:
        lines.append(f" bandwidth {rng.choice([100, 1000, 40000, 400000])}")
    lines += [f" ip ospf area {port.area}", f" ipv6 ospf6 area {port.area}"]
    for word in ("ip ospf", "ipv6 ospf6"):
        lines += [f" {word} hello-interval 1", f" {word} dead-interval 4"]
        if rng.random() < 0.6:
            lines.append(f" {word} cost {rng.choice([1, 10, 10, 20, 100, 65535])}")
        if not port.lan:
            lines.append(f" {word} network point-to-point")
        elif rng.random() < 0.4:
            lines.append(f" {word} priority {rng.randint(0, 255)}")
        if rng.random() < 0.03:
            lines.append(f" {word} passive")
    return [*lines, "exit"]


def _ospf_process(rng: random.Random, box: Box, version: int, shared: dict, areas: list[str]) -> list[str]:
    lines = ["router ospf" if version == 2 else "router ospf6", f" ospf{'' if version == 2 else '6'} router-id 10.255.0.{box.number}"]
    if shared["reference"]:
        lines.append(f" auto-cost reference-bandwidth {shared['reference']}")
    for area in areas:
        if area in shared["kinds"] and shared["kinds"][area] != "normal":
            lines.append(f" area {area} {shared['kinds'][area]}")
        if rng.random() < 0.15:
            wide = f"10.{rng.choice([1, 255])}.0.0/16" if version == 2 else "2001:db8::/40"
            lines.append(f" area {area} range {wide}{rng.choice(['', ' cost 77', ' not-advertise'])}")
    for source in ("static", "connected"):
        if rng.random() < 0.25:
            extras = ["", " metric 5", " metric-type 1", " metric 9 metric-type 1", " route-map RM", " route-map ALL"]
            lines.append(f" redistribute {source}{rng.choice(extras)}")
    if rng.random() < 0.2:
        lines.append(f" default-information originate{rng.choice(['', ' always', ' always metric 3', ' metric 4 metric-type 1'])}")
    if rng.random() < 0.15:
        lines.append(rng.choice([" max-metric router-lsa administrative", " max-metric router-lsa on-startup 60"]) if version == 2 else " stub-router administrative")
    if rng.random() < 0.1:
        lines.append(" distance 90")
    return [*lines, "exit"]


def write_simple(folder: Path, seed: int) -> None:
    """One level of IS-IS, point-to-point links with small metrics, so that there are many equal paths."""
    rng = random.Random(seed)
    boxes = _boxes(rng, "simple")
    (folder / "configs").mkdir(parents=True)
    (folder / "backstay.yaml").write_text(f"name: simple-{seed}\n")
    for box in boxes:
        lines = [*_head(box), "router isis C", f" net 49.0001.0000.0000.{box.number:04d}.00", " is-type level-2-only"]
        lines += [" set-overload-bit"] if rng.random() < 0.1 else []
        lines.append("exit")
        for port in box.ports:
            lines += [
                f"interface {port.name}", f" ip address {port.v4}", f" ipv6 address {port.v6}", " ip router isis C",
                " ipv6 router isis C", f" isis metric {rng.randint(1, 3)}", " isis network point-to-point", "exit",
            ]  # fmt: skip
        lines += ["interface lo", f" ip address 10.255.0.{box.number}/32", " ip router isis C", " isis passive", "exit"]
        (folder / "configs" / f"{box.name}.conf").write_text("\n".join(lines) + "\n")
