"""Lines of ``router bgp`` that belong together: a neighbour, its group, what a ``no`` takes with it."""

from __future__ import annotations

from backstay.read.section import Found, Key, Node, canonical_address


def whole_neighbors(process: Node, words: list[str], key: Key, found: Found) -> set[str]:
    """Neighbours that a ``no neighbor ...`` deletes altogether (bgp_vty.c; seen on FRR 8.4.4)."""
    name = key[1]
    group = is_group(process, name)
    what = words[2] if len(words) > 2 else ""
    if process.context != "bgp" or found.rule.name not in _DELETING:
        return set()
    if what in {"", "interface"} or (what == "peer-group" and len(words) == 3):
        return {name, *(members(process, name) if group else ())}
    if what == "remote-as":
        return set(members(process, name)) if group else {name}
    return {name} if what == "peer-group" else set()


_DELETING = frozenset({"neighbor", "neighbor interface", "neighbor remote-as", "neighbor peer-group"})


def is_group(process: Node, name: str) -> bool:
    """Whether the name is a peer group of the process."""
    node = process.children.get(("neighbor", name, "peer-group"))
    return node is not None and len(node.words) == 3


def members(process: Node, group: str) -> list[str]:
    """Neighbours of a peer group."""
    return [
        node.key[1]
        for node in process.children.values()
        if node.words[0] == "neighbor" and len(node.words) > 3 and node.words[-2:] == ["peer-group", group]
    ]


def about(process: Node, name: str) -> list[Node]:
    """Every line of a process that speaks of a neighbour or group, in all of its address families."""
    families = [node for node in process.children.values() if node.context is not None]
    return [
        node
        for section in (process, *families)
        for node in section.children.values()
        if (node.words[0] == "neighbor" and canonical_address(node.words[1]) == name)
        or (node.words[:3] == ["bgp", "listen", "range"] and node.words[-1] == name)
    ]
