"""Random backbones of one IS-IS level: point-to-point links with small metrics, so that there are many equal paths."""

from __future__ import annotations

import random
from pathlib import Path


def write_simple(folder: Path, seed: int) -> None:
    """A network folder of two to eight routers; some are overloaded, some links are doubled."""
    rng = random.Random(seed)
    (folder / "configs").mkdir(parents=True)
    (folder / "backstay.yaml").write_text(f"name: simple-{seed}\n")
    for number, ports in enumerate(_wires(rng), 1):
        name = f"r{number}"
        lines = ["frr version 8.4.4", f"hostname {name}", "router isis C", f" net 49.0001.0000.0000.{number:04d}.00"]
        lines += [" is-type level-2-only", *([" set-overload-bit"] if rng.random() < 0.1 else []), "exit"]
        costs: dict[int, int] = {}
        for port, (v4, v6, other) in enumerate(ports):
            metric = costs.setdefault(other, rng.randint(1, 3))
            lines += [
                f"interface eth{port}", f" ip address {v4}", f" ipv6 address {v6}", " ip router isis C",
                " ipv6 router isis C", f" isis metric {metric}", " isis network point-to-point", "exit",
            ]  # fmt: skip
        lines += ["interface lo", f" ip address 10.255.0.{number}/32", " ip router isis C", " isis passive", "exit"]
        (folder / "configs" / f"{name}.conf").write_text("\n".join(lines) + "\n")


def _wires(rng: random.Random) -> list[list[tuple[str, str, int]]]:
    """Addresses of each router's ports, and who is at the other end: a tree, and more links at random."""
    count = rng.randint(2, 8)
    pairs = [(number, rng.randrange(number)) for number in range(1, count)]
    for _ in range(rng.randint(0, count)):
        one, other = rng.sample(range(count), 2)
        pairs.append((one, other))
    ports: list[list[tuple[str, str, int]]] = [[] for _ in range(count)]
    for wire, ends in enumerate(pairs):
        for place, end in enumerate(ends, 1):
            other = ends[2 - place]
            ports[end].append((f"10.1.{wire}.{place}/24", f"2001:db8:{wire + 1:x}::{place}/64", other))
    return ports
