"""`backstay lab`: the network built from real routers and DNS servers on this machine, driven and read back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from backstay import api
from backstay.cli.commands import LabScopeOption, print_routes, require_router, tell_unknowns
from backstay.cli.commands import audit as audit_command
from backstay.cli.output import Format, LabScope, TableFormat, console, print_json, progress
from backstay.model.errors import EnvironmentError_, UsageError

if TYPE_CHECKING:
    from backstay.audit.agree import Disagreement
    from backstay.lab.record import Content, Record
    from backstay.model.state import State

app = typer.Typer(
    name="lab", help="Build the network from real routers and DNS servers, in namespaces.", no_args_is_help=True
)

IdArgument = Annotated[str, typer.Argument(metavar="[ID]", help="The lab; may be left out while there is only one.")]
IdOption = Annotated[str, typer.Option("--id", help="The lab; may be left out while there is only one.")]
TextOrJson = Annotated[TableFormat, typer.Option("--format", "-f", help="How to print the result.")]
FINDINGS = 1


def register(parent: typer.Typer) -> None:
    """Add the group to ``parent``."""
    parent.add_typer(app)


@app.command()
def up(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.", show_default=False)],
    identity: Annotated[str, typer.Option("--id", help="The lab's id; the network's name unless given.")] = "",
    own_timers: Annotated[
        bool, typer.Option("--own-timers", help="Leave every timer as the configurations have it.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it has converged.")] = True,
) -> None:
    """Build the network; it stays up until `backstay lab down`."""
    from backstay.lab import record
    from backstay.lab.build import up as build
    from backstay.lab.requirements import frr_version, other_versions
    from backstay.lab.stillness import settle

    with progress() as tell:
        tell(f"reading {network}")
        loaded = api.load(network)
        kept = build(loaded, identity=identity, source=str(network), timers=not own_timers, tell=tell)
        waiting = settle(kept, record.content(kept), tell=tell) if wait else ()
    screen = console()
    screen.print(f"{kept.id} is up: {len(kept.namespaces)} namespaces, files in {kept.folder}", markup=False)
    for text in waiting:
        screen.print(f"not up: {text}", markup=False)
    for remark in other_versions(loaded, frr_version()):
        screen.print(remark.text, markup=False)


@app.command()
def down(
    identity: IdArgument = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Every lab on this machine, those left behind too.")
    ] = False,
) -> None:
    """Take a lab down: processes, namespaces, files. Also cleans what a killed run left."""
    from backstay.lab import record
    from backstay.lab.teardown import down as remove

    found = tuple(record.every()) if everything else (record.the_only(identity),)
    for kept in found:
        remove(kept)
        console().print(f"{kept.id} is down", markup=False)


@app.command()
def status(output: TextOrJson = TableFormat.TEXT) -> None:
    """List the labs on this machine and the daemons that died in them."""
    from backstay.lab import record
    from backstay.lab.health import dead

    rows = [(kept, dead(kept)) for kept in record.every()]
    if output is TableFormat.JSON:
        print_json({"schema": "backstay.labs/1", "labs": [_row(kept, died) for kept, died in rows]})
    else:
        table = Table(box=None)
        for column in ("lab", "network", "state", "namespaces", "dead"):
            table.add_column(column)
        for kept, died in rows:
            table.add_row(kept.id, kept.network, _state(kept), str(len(kept.namespaces)), ", ".join(died) or "-")
        console().print(table if rows else "no lab is up")
        for kept, _ in rows:
            _tell_recordings(kept)
    if any(died or kept.left_behind for kept, died in rows):
        raise typer.Exit(FINDINGS)


def _state(kept: Record) -> str:
    return "left behind" if kept.left_behind else kept.state


def _tell_recordings(kept: Record) -> None:
    found = _recordings(kept)
    kinds = sorted({path.name for paths in found.values() for path in paths})
    if found:
        console().print(
            f"{kept.id}: {len(found)} outside speakers record what they hear: {kept.folder}/*/{', '.join(kinds)} "
            "(--format json names each file)",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def _recordings(kept: Record) -> dict[str, tuple[Path, ...]]:
    """What outside speakers hear, as files; {} while a lab is being built or was left so."""
    from backstay.lab import record
    from backstay.lab.recording import recordings

    try:
        return recordings(kept, record.content(kept).design)
    except EnvironmentError_:
        return {}


def _row(kept: Record, died: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": kept.id,
        "network": kept.network,
        "source": kept.source,
        "state": _state(kept),
        "namespaces": dict(kept.namespaces),
        "folder": str(kept.folder),
        "dead": list(died),
        "heard": {name: [str(path) for path in paths] for name, paths in _recordings(kept).items()},
    }


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="A router, or any node of the lab.")],
    words: Annotated[
        list[str], typer.Argument(metavar="-- CMD", help="A program with its arguments; vtysh finds its router.")
    ],
    identity: IdOption = "",
) -> None:
    """Run a program where a router stands: `backstay lab exec fra1 -- vtysh -c "show ip route"`."""
    from backstay.lab import record
    from backstay.lab.namespace import inside

    kept = record.the_only(identity)
    node = _node(kept, router)
    command = list(words)
    if Path(command[0]).name == "vtysh":
        folder = str(kept.node_folder(node))
        command[1:1] = ["--vty_socket", folder, "--config_dir", folder]
    sys.stdout.flush()
    with inside(kept.namespaces[node]):
        done = subprocess.run(command, check=False)  # noqa: S603 - the user asks for this very program
    raise typer.Exit(done.returncode)


def _node(kept: Record, name: str) -> str:
    from backstay.lab import record

    plan = record.content(kept).design
    for node in plan.nodes.values():
        if name.casefold() in {node.name.casefold(), node.subject.casefold()}:
            return node.name
    raise UsageError(f"nothing in lab {kept.id} is called {name!r}; there are: {', '.join(sorted(plan.nodes))}")


@app.command()
def routes(
    identity: IdArgument = "",
    router: Annotated[str, typer.Option(help="Only this router.")] = "",
    output: TextOrJson = TableFormat.TEXT,
) -> None:
    """Print the routing tables of the real routers, in the form of `backstay routes`."""
    from backstay.lab import record
    from backstay.lab.readout import tables
    from backstay.report.document import routes_document

    kept = record.the_only(identity)
    content = record.content(kept)
    require_router(content.network, router)
    state = tables(kept, content)
    if output is TableFormat.JSON:
        print_json(routes_document(state, router or None))
    else:
        print_routes(state, router)


@app.command()
def show(identity: IdArgument = "") -> None:
    """Print everything the lab can tell as JSON: tables, neighbours, what the outside hears, DNS, services, ways in."""
    from backstay.lab import record
    from backstay.lab.readout import state
    from backstay.report.state_document import state_document

    kept = record.the_only(identity)
    found = state(kept, record.content(kept))
    print_json(state_document(found))
    tell_unknowns(found)


@app.command()
def compare(
    identity: IdArgument = "",
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME,...", help="Engines to hold beside the lab.")
    ] = "fast",
    output: TextOrJson = TableFormat.TEXT,
) -> None:
    """Say where engines and real routers differ, field by field; exit 1 if they do."""
    from backstay.lab import record
    from backstay.lab.readout import state

    kept = record.the_only(identity)
    content = record.content(kept)
    real = state(kept, content)
    names = [name.strip() for name in engine.split(",") if name.strip()]
    found = {name: _differences(name, content, real) for name in names}
    if output is TableFormat.JSON:
        print_json(_comparison(found))
    else:
        _print_comparison(found)
    tell_unknowns(real)
    if any(found.values()):
        raise typer.Exit(FINDINGS)


def _differences(name: str, content: Content, real: State) -> list[Disagreement]:
    """Over the fields real routers answer for."""
    from backstay.audit.agree import disagreements
    from backstay.lab.engine import completed

    computed = api.simulate(content.network, content.overlay, engine=name)
    return list(disagreements(computed, completed(real, computed)))


def _comparison(found: Mapping[str, list[Disagreement]]) -> dict[str, Any]:
    rows = [
        {"engine": name, "field": d.field, "shape": d.shape, "subject": d.subject, name: d.left, "lab": d.right}
        for name, items in found.items()
        for d in items
    ]
    return {"schema": "backstay.compare/1", "differences": rows}


def _print_comparison(found: Mapping[str, list[Disagreement]]) -> None:
    screen = console()
    for name, items in found.items():
        for item in items:
            screen.print(f"{item.shape}: {item.subject}\n  {name}: {item.left}\n  lab: {item.right}", markup=False)
        screen.print(
            f"{name} and the lab: {len(items)} differences" if items else f"{name} and the lab agree", markup=False
        )


@app.command()
def audit(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.", show_default=False)],
    change: Annotated[Path, typer.Argument(metavar="CHANGE", help="The change file.", show_default=False)],
    output: Annotated[Format, typer.Option("--format", "-f", help="How to print the verdict.")] = Format.TEXT,
    lab_scope: LabScopeOption = LabScope.ALL,
) -> None:
    """Judge a change with real routers beside the engines the network requires: `backstay audit --engine lab`.

    Loads and single failures are the fast engine's: they hold because the audit finds its routing equal to the routers'.
    """
    audit_command(network, change, engine="lab", output=output, lab_scope=lab_scope)
