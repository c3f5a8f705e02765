"""Which of a lab's programs have died, told as such: a dead daemon is no change of routes."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.lab.namespace import inode, namespace_of
from backstay.lab.record import Record, alive, started


def dead(kept: Record) -> tuple[str, ...]:
    """``fra1: bgpd`` for every daemon whose pid file names a process that is gone, sorted."""
    return tuple(sorted(_dead(kept)))


def _dead(kept: Record) -> Iterator[str]:
    if kept.state == "up" and kept.agent != (0, 0) and not alive(kept.agent):
        yield "the lab's own servers"
    for node in kept.namespaces:
        folder = kept.node_folder(node)
        for path in folder.glob("*.pid") if folder.is_dir() else ():
            text = path.read_text().strip()
            if not text.isdigit() or not started(int(text)) or namespace_of(int(text)) != inode(kept.namespaces[node]):
                yield f"{node}: {path.stem}"
