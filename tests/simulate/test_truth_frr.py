"""Route by route against the tables of real Cumulus (FRR) routers, where the truth folder stands beside the project.

Two things the configurations do not say stand in `show interface`: which interfaces were up, and their bandwidth.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backstay.model.network import InterfaceRef, Network
from backstay.model.state import Route
from backstay.read.folder import load
from backstay.simulate.engine import simulate

LABS = Path(__file__).resolve().parents[3] / "shared" / "truth" / "labs"
NAMES = sorted(folder.name for folder in LABS.glob("cumulusfrr_*")) if LABS.is_dir() else []
ROUTES = "vtysh_-c_'show_ip_route_vrf_all_json'.txt"
INTERFACES = "vtysh_-c_'show_interface_vrf_all'.txt"

UNKNOWN_SPEED = 2**32 - 1

Told = tuple[str, int, int, frozenset[tuple[str | None, str | None]]]
"""protocol, distance, metric, next hops."""


def documents(text: str) -> list[dict[str, list[dict[str, Any]]]]:
    """JSON documents glued together, one for each VRF; some labs escape the slash of prefixes twice."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        document, place = decoder.raw_decode(text, place)
        found.append(document)
    return found


def shown(router: Path, management: set[str]) -> dict[str, Told]:
    """The selected routes of the default VRF a real router showed, without those of management interfaces."""
    found: dict[str, Told] = {}
    for prefix, entries in documents((router / ROUTES).read_text())[0].items():
        for entry in entries:
            hops = [hop for hop in entry["nexthops"] if not hop.get("duplicate")]
            if entry.get("selected") and not any(hop.get("interfaceName") in management for hop in hops):
                found[prefix.replace("\\", "")] = (
                    str(entry["protocol"]),
                    int(entry.get("distance", 0)),
                    int(entry.get("metric", 0)),
                    frozenset((hop.get("ip"), hop.get("interfaceName")) for hop in hops),
                )
    return found


def as_told(route: Route) -> Told:
    hops = frozenset((str(hop.address) if hop.address else None, hop.interface) for hop in route.next_hops)
    return (route.protocol, route.distance, route.metric, hops)


def informed(network: Network, folder: Path) -> Network:
    """The network with bandwidths and dead interfaces as `show interface` had them."""
    routers, down = dict(network.routers), set(network.interfaces_down)
    for name, router in network.routers.items():
        text = (folder / name / INTERFACES).read_text()
        parts = re.split(r"^Interface (\S+) is (up|down)", text, flags=re.MULTILINE)
        for port, state, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            interface = router.interfaces.get(port)
            if interface is None:
                continue
            if state == "down" or "line protocol is down" in body.split("\n")[0]:
                down.add(InterfaceRef(name, port))
            speed = re.search(r"speed (\d+)", body)
            if speed and interface.bandwidth is None and 0 < int(speed.group(1)) < UNKNOWN_SPEED:
                interfaces = {**routers[name].interfaces, port: replace(interface, bandwidth=float(speed.group(1)))}
                routers[name] = replace(routers[name], interfaces=interfaces)
    return replace(network, routers=routers, interfaces_down=frozenset(down))


@pytest.mark.skipif(not NAMES, reason="no truth folder beside the project")
@pytest.mark.parametrize("lab", NAMES or ["none"])
def test_every_route_of_the_real_routers_and_no_other(lab: str) -> None:
    network = informed(load(LABS / lab), LABS / lab / "show")
    state = simulate(network)
    for name, router in network.routers.items():
        management = {interface.name for interface in router.interfaces.values() if interface.management}
        mine = {
            str(prefix): as_told(route)
            for prefix, route in state.routes[name]["default"].items()
            if prefix.version == 4
        }
        assert mine == shown(LABS / lab / "show" / name, management)
