"""Forwarding that runs in circles, followed exactly.

A router hashes a flow to one branch and keeps to it, so a packet that comes back to a router takes the same branch again
and circles until its TTL ends. From an entry into a circle the share that gets out is therefore the sum over the
walks that visit no router twice; the rest is lost to the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backstay.model.errors import Unproven
from backstay.model.state import Fate
from backstay.simulate.fib import CODE, NONE, Branch

WALKS = 20_000
"""The most branches followed inside one circle from one entry; more is `Unproven`."""


@dataclass(slots=True)
class Escape:
    """What becomes of one unit of traffic entering a circle at one node: shares by the node outside it comes to, shares by
    (fate code, router) where it ends, load by interface.
    """

    outside: dict[int, float]
    ends: dict[tuple[int, int], float]
    loads: dict[int, float]


def components(nodes: Sequence[int], branches: Mapping[int, tuple[Branch, ...]]) -> list[list[int]]:
    """Strongly connected components of the nodes, those packets come to last first (Tarjan 1972, without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        if root in order:
            continue
        work = [(root, iter(_inside(branches, root)))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, followers = work[-1]
            follower = next(followers, None)
            if follower is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_pop(stack, on_stack, node))
            elif follower not in order:
                order[follower] = low[follower] = len(order)
                stack.append(follower)
                on_stack.add(follower)
                work.append((follower, iter(_inside(branches, follower))))
            elif follower in on_stack:
                low[node] = min(low[node], order[follower])
    return found


def _inside(branches: Mapping[int, tuple[Branch, ...]], node: int) -> list[int]:
    return [branch.node for branch in branches[node] if branch.node in branches]


def _pop(stack: list[int], on_stack: set[int], node: int) -> list[int]:
    component = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        component.append(member)
        if member == node:
            return sorted(component)


def circles(component: Sequence[int], branches: Mapping[int, tuple[Branch, ...]]) -> bool:
    """Whether packets can come back to a node of the component."""
    return len(component) > 1 or any(branch.node == component[0] for branch in branches[component[0]])


def escape(entry: int, component: frozenset[int], branches: Mapping[int, tuple[Branch, ...]]) -> Escape:
    """Follow one unit of traffic from ``entry`` over every walk that stays in the component."""
    result = Escape({}, {}, {})
    work: list[tuple[int, float, frozenset[int]]] = [(entry, 1.0, frozenset((entry,)))]
    steps = 0
    while work:
        node, share, visited = work.pop()
        part = share / len(branches[node])
        for branch in branches[node]:
            steps += 1
            if steps > WALKS:
                raise Unproven(f"a forwarding loop of {len(component)} routers has more than {WALKS} walks")
            _step(result, work, branch, part, component, visited)
    return result


def _step(
    result: Escape,
    work: list[tuple[int, float, frozenset[int]]],
    branch: Branch,
    part: float,
    component: frozenset[int],
    visited: frozenset[int],
) -> None:
    if branch.interface != NONE:
        result.loads[branch.interface] = result.loads.get(branch.interface, 0.0) + part
    if branch.node == NONE:
        end = (branch.fate, branch.at)
        result.ends[end] = result.ends.get(end, 0.0) + part
    elif branch.node in visited:
        end = (CODE[Fate.LOOP], branch.node)
        result.ends[end] = result.ends.get(end, 0.0) + part
    elif branch.node in component:
        work.append((branch.node, part, visited | {branch.node}))
    else:
        result.outside[branch.node] = result.outside.get(branch.node, 0.0) + part
