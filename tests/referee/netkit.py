"""Small networks written as FRR configurations, for the tests of the referee."""

from __future__ import annotations

from pathlib import Path

import backstay
from backstay.model.address import Prefix
from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import Route, State
from backstay.referee.engine import simulate

ISIS = " ip router isis C\n ipv6 router isis C\n isis network point-to-point\n"


def network(folder: Path, configs: dict[str, str], intent: str = "name: test\n", demands: str = "") -> Network:
    """A network of these configurations (hostname and version are added)."""
    (folder / "configs").mkdir(parents=True)
    for name, text in configs.items():
        head = f"frr version 8.4.4\nfrr defaults traditional\nhostname {name}\n"
        (folder / "configs" / f"{name}.conf").write_text(head + text)
    (folder / "backstay.yaml").write_text(intent)
    if demands:
        (folder / "demands.csv").write_text("from,to,mbps\n" + demands)
    return backstay.load(folder)


def isis_router(number: int, ports: dict[str, tuple[str, int]], process: str = "", level: str = "level-2-only") -> str:
    """A router with point-to-point IS-IS ports (address, metric) and the loopback 10.255.0.NUMBER."""
    lines = [f"router isis C\n net 49.0001.0000.0000.{number:04d}.00\n is-type {level}\n{process}exit\n"]
    for name, (address, metric) in ports.items():
        lines.append(f"interface {name}\n ip address {address}\n{ISIS} isis metric {metric}\nexit\n")
    lines.append(f"interface lo\n ip address 10.255.0.{number}/32\n ip router isis C\n isis passive\nexit\n")
    return "".join(lines)


def chain(folder: Path, metrics: list[int], process: dict[int, str] | None = None) -> Network:
    """r1 - r2 - ... with these metrics both ways; ``process`` adds lines to ``router isis`` of some."""
    configs = {}
    for number in range(1, len(metrics) + 2):
        ports = {}
        if number > 1:
            ports["west"] = (f"10.0.{number - 1}.2/24", metrics[number - 2])
        if number <= len(metrics):
            ports["east"] = (f"10.0.{number}.1/24", metrics[number - 1])
        configs[f"r{number}"] = isis_router(number, ports, (process or {}).get(number, ""))
    return network(folder, configs)


def answer(net: Network, overlay: Overlay = NOTHING) -> State:
    return simulate(net, overlay)


def route(state: State, router: str, prefix: str) -> Route | None:
    return state.routes[router]["default"].get(Prefix.parse(prefix))


def ways(found: Route | None) -> list[str]:
    """``address interface`` of each forwarding next hop, sorted."""
    hops = found.forwarding if found else ()
    return sorted(f"{hop.address or '-'} {hop.interface or hop.discard}" for hop in hops)
