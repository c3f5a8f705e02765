"""pyNTM on one topology; run by `capacity.py` in an environment of its own, because pyNTM pins an old networkx.

Reads {nodes, ends, metrics, failed: [[link, ...], ...]} from standard input, writes {seconds, loads} of every scenario.
"""

from __future__ import annotations

import json
import sys
import time

from pyNTM import PerformanceModel


def build(nodes: int, ends: list[list[int]], metrics: list[int]) -> PerformanceModel:
    interfaces = []
    for link, (one, other) in enumerate(ends):
        for number, node, remote in ((2 * link, one, other), (2 * link + 1, other, one)):
            interfaces.append({
                "name": f"i{number}", "cost": metrics[link], "capacity": 10**9, "node": f"n{node}",
                "remote_node": f"n{remote}", "circuit_id": str(link), "failed": False,
            })  # fmt: skip
    model = PerformanceModel()
    model.add_network_interfaces_from_list(interfaces)
    for one in range(nodes):
        for other in range(nodes):
            if one != other:
                model.add_demand(f"n{one}", f"n{other}", 1, f"d{one}-{other}")
    return model


def main() -> None:
    asked = json.load(sys.stdin)
    model = build(asked["nodes"], asked["ends"], asked["metrics"])
    found = []
    for failed in asked["failed"]:
        begin = time.process_time()
        for link in failed:
            model.fail_interface(f"i{2 * link}", f"n{asked['ends'][link][0]}")
        model.update_simulation()
        seconds = time.process_time() - begin
        loads = [0.0] * (2 * len(asked["ends"]))
        for interface in model.interface_objects:
            traffic = interface.traffic
            loads[int(interface.name[1:])] = float(traffic) if isinstance(traffic, (int, float)) else 0.0
        found.append({"seconds": seconds, "loads": loads})
        for link in failed:
            model.unfail_interface(f"i{2 * link}", f"n{asked['ends'][link][0]}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
