"""A change typed into the running routers, as an operator would: through vtysh, step by step."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from backstay.lab.design import ROUTER
from backstay.lab.namespace import inside
from backstay.lab.record import Content, Record
from backstay.model.change import Stage, Step
from backstay.model.errors import UsageError

HANDS = 8
"""Routers typed into at the same time."""
_COMPLAINT = re.compile(r"^(line \d+: )?%.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Typed:
    """What one router answered; ``complaint`` is the first line it refused ("" if none). vtysh keeps the lines before and
    after a refused one: a router is not a transaction.
    """

    router: str
    complaint: str = ""


def type_stage(record: Record, content: Content, stage: Stage) -> tuple[Typed, ...]:
    """Type a stage's lines and commands into all of its routers at once; what each answered, by router.

    Raises `UsageError` for a step that replaces whole files: nobody types those.
    """
    if stage.step.replace:
        raise UsageError("the lab types lines into routers; this change replaces whole configurations")
    nodes = {node.subject: node.name for node in content.design.of_kind(ROUTER)}
    present = [router for router in stage.routers if router in nodes]
    with ThreadPoolExecutor(HANDS) as pool:
        return tuple(sorted(pool.map(lambda router: _type(record, nodes[router], router, stage.step), present)))


def _type(record: Record, node: str, router: str, step: Step) -> Typed:
    folder, said = record.node_folder(node), ""
    with inside(record.namespaces[node]):
        if step.config.strip():
            lines = folder / "typed.conf"
            lines.write_text(step.config if step.config.endswith("\n") else f"{step.config}\n")
            said += vtysh(folder, "-f", str(lines))
        for command in step.commands:
            said += vtysh(folder, "-c", command)
    found = _COMPLAINT.search(said)
    return Typed(router, found.group(0).strip() if found else "")


def vtysh(folder: Path, *words: str) -> str:
    """What vtysh says to a command or file, both of its voices."""
    done = subprocess.run(
        ["vtysh", "--vty_socket", str(folder), "--config_dir", str(folder), *words],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr
