"""A network small enough to work out by hand: a triangle of OSPF routers, one of them with a static route.

    10 (r1 r2)
r1 ------------ r2        loopbacks 10.0.0.1/32, 10.0.0.2/32, 10.0.0.3/32
  \\             /         r1 also holds 198.51.100.0/24 -> blackhole
30 \\           / 10       declared capacity of every link 1,000 Mbit/s, 300 Mbit/s from site one to site three
    +-- r3 ---+
"""

from __future__ import annotations

from pathlib import Path

LINKS = {("r1", "r2"): ("10.1.2", 10), ("r1", "r3"): ("10.1.3", 30), ("r2", "r3"): ("10.2.3", 10)}

INTENT = """\
name: small
sites:
  one: {role: pop, routers: [r1]}
  two: {role: pop, routers: [r2]}
  three: {role: data-center, routers: [r3]}
links:
  "r1:eth2--r2:eth1": {capacity: 1G}
  "r1:eth3--r3:eth1": {capacity: 1G}
  "r2:eth3--r3:eth2": {capacity: 1G}
access:
  noc: {kind: in-band, source: two, targets: ["*"]}
  console: {kind: out-of-band, source: two, targets: ["*"]}
"""

DRAIN = """\
change: Move traffic off the direct link for a repair
intent: drain
scope: {routers: [r1, r3], links: ["r1:eth3--r3:eth1"]}
steps:
  - on: r1
    config: |
      interface eth3
       ip ospf cost 65535
  - on: r3
    config: |
      interface eth1
       ip ospf cost 65535
rollback:
  - on: r3
    config: |
      interface eth1
       ip ospf cost 30
  - on: r1
    config: |
      interface eth3
       ip ospf cost 30
"""

SHUTDOWN = """\
change: Assess the links of r3
intent: assess
scope: {routers: [r3]}
steps:
  - on: r3
    config: |
      interface eth1
       shutdown
      interface eth2
       shutdown
rollback:
  - on: r3
    config: |
      interface eth1
       no shutdown
      interface eth2
       no shutdown
"""

UNKNOWN_COMMAND = """\
change: A command nobody knows
intent: configure
scope: {routers: [r1]}
steps:
  - on: r1
    commands: [frobnicate the backbone]
rollback:
  - on: r1
    commands: [frobnicate it back]
"""


def write(folder: Path) -> Path:
    """Write the network and its changes; returns the network folder."""
    (folder / "configs").mkdir(parents=True)
    (folder / "changes").mkdir()
    for name in ("r1", "r2", "r3"):
        (folder / "configs" / f"{name}.conf").write_text(_config(name), encoding="utf-8")
    (folder / "backstay.yaml").write_text(INTENT, encoding="utf-8")
    (folder / "demands.csv").write_text("from,to,mbps\none,three,300\n", encoding="utf-8")
    for name, text in (("drain", DRAIN), ("shutdown", SHUTDOWN), ("unknown", UNKNOWN_COMMAND)):
        (folder / "changes" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def _config(name: str) -> str:
    number = int(name[1])
    lines = ["frr version 8.4.4", "frr defaults traditional", f"hostname {name}", "!"]
    if name == "r1":
        lines += ["ip route 198.51.100.0/24 blackhole", "!"]
    lines += ["interface lo", f" ip address 10.0.0.{number}/32", " ip ospf area 0", "!"]
    for (left, right), (net, cost) in LINKS.items():
        if name in (left, right):
            other = int((right if name == left else left)[1])
            lines += [f"interface eth{other}", f" ip address {net}.{number}/24", " ip ospf area 0"]
            lines += [" ip ospf network point-to-point", f" ip ospf cost {cost}", "!"]
    return "\n".join([*lines, "router ospf", f" ospf router-id 10.0.0.{number}", "!", ""])
