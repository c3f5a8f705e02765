"""The commands of `backstay`, in the order a user meets them."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from backstay import __version__, api
from backstay.cli.output import Format, LabScope, TableFormat, console, print_json, progress
from backstay.model.errors import UsageError
from backstay.model.finding import Decision, Severity, Verdict
from backstay.model.network import Network
from backstay.model.service import Budget
from backstay.model.source import Remark, UnreadLine
from backstay.model.state import Session, State

if TYPE_CHECKING:
    from backstay.record.log import Entry, Fault

EXIT = {Decision.ALLOW: 0, Decision.DENY: 1, Decision.UNKNOWN: 3}
FINDINGS = 1
DEFAULT_LOG = Path(".backstay") / "audit.sqlite"

NetworkArgument = Annotated[Path, typer.Argument(metavar="NETWORK", help="The network folder.", show_default=False)]
ChangeArgument = Annotated[Path, typer.Argument(metavar="CHANGE", help="The change file.", show_default=False)]
EngineOption = Annotated[
    str,
    typer.Option("--engine", metavar="NAME,...", help="Engines to hear beside those the network requires."),
]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="The audit log; NETWORK/.backstay/audit.sqlite unless named.")
]
BudgetSeconds = Annotated[
    float | None,
    typer.Option(min=0.001, help="Time each engine may take, instead of the network's budget (600 unless it says)."),
]
BudgetMegabytes = Annotated[
    float | None,
    typer.Option(min=1, help="Memory each engine may hold, instead of the network's budget (3072 unless it says)."),
]
CacheOption = Annotated[
    bool,
    typer.Option("--cache/--no-cache", help="Reuse what earlier audits read and computed of an unchanged network."),
]
LabScopeOption = Annotated[
    LabScope,
    typer.Option(
        "--lab-scope",
        help="What the lab is built of where the network is too large for this machine: all of it (and it refuses), or the "
        "part that the change can affect.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print the verdict.")]
TableFormatOption = Annotated[TableFormat, typer.Option("--format", "-f", help="How to print the result.")]


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    for function in (audit, diff, routes, check, log, new, demo, schema):
        app.command()(function)


def audit(
    network: NetworkArgument,
    change: ChangeArgument,
    engine: EngineOption = "",
    output: FormatOption = Format.TEXT,
    log: LogOption = None,
    override: Annotated[
        str, typer.Option(metavar="REASON", help="Go ahead against the verdict, for this reason; recorded in the log.")
    ] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who takes the override upon themselves.")] = "",
    budget_seconds: BudgetSeconds = None,
    budget_mb: BudgetMegabytes = None,
    cache: CacheOption = True,
    lab_scope: LabScopeOption = LabScope.ALL,
) -> None:
    """Judge a change before it is typed: allow (0), deny (1) or unknown (3), with the evidence."""
    if bool(override.strip()) != bool(by.strip()):
        raise UsageError("an override needs both: --override REASON and --by NAME")
    with progress() as tell:
        tell(f"reading {network}")
        memory = api.memory() if cache else None
        loaded = api.load(network, memory)
        declared = api.read_change(change)
        budget = _budget(loaded, budget_seconds, budget_mb)
        judged = api.audit(
            loaded, declared, engine_names=_names(engine), progress=tell, budget=budget, memory=memory,
            lab_scope=lab_scope.value,
        )  # fmt: skip
        verdict = located(judged, network)
    print_verdict(verdict, output)
    overridden = _record(network, log, verdict, declared.digest, override.strip(), by.strip())
    raise typer.Exit(0 if overridden else EXIT[verdict.decision])


def _budget(network: Network, seconds: float | None, megabytes: float | None) -> Budget:
    """The network's own, with what was asked for in its place."""
    own = network.budget
    return Budget(
        seconds=own.seconds if seconds is None else seconds, megabytes=own.megabytes if megabytes is None else megabytes
    )


def _record(network: Path, log: Path | None, verdict: Verdict, change: str, reason: str, by: str) -> bool:
    """Write the verdict, and the override of a refusal if one was given; True when a refusal was overridden."""
    from backstay.record.digest import folder_digest
    from backstay.record.log import append

    path = log or network / DEFAULT_LOG
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "verdict": verdict.decision.value,
        "change": verdict.title,
        "change_digest": change,
        "network": verdict.network,
        "network_digest": folder_digest(network),
        "engines": {name: decision.value for name, decision in verdict.engines.items()},
        "refused_by": sorted({f.check for f in verdict.findings if f.severity in {Severity.DENY, Severity.UNKNOWN}}),
        "program": __version__,
    }
    entry = append(path, "verdict", body, now)
    overridden = bool(reason) and verdict.decision is not Decision.ALLOW
    if overridden:
        entry = append(path, "override", {**body, "reason": reason, "by": by, "verdict_hash": entry.hash}, now)
    note = f"overridden by {by}: {reason}; " if overridden else ""
    sys.stderr.write(f"backstay: {note}recorded in {path} as entry {entry.number}, {entry.hash}\n")
    return overridden


def log(
    network: NetworkArgument,
    file: LogOption = None,
    head: Annotated[str, typer.Option(metavar="HASH", help="A hash seen earlier that must still be there.")] = "",
    output: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Show the audit log and verify its chain: every verdict and every override, in order."""
    from backstay.record.log import entries, verify

    kept = entries(file or network / DEFAULT_LOG)
    faults = verify(kept, head or None)
    if output is TableFormat.JSON:
        rows = [{"number": e.number, "at": e.at, "kind": e.kind, "hash": e.hash, **e.content} for e in kept]
        broken = [{"number": fault.number, "text": fault.text} for fault in faults]
        print_json({"schema": "backstay.log/1", "entries": rows, "faults": broken})
    else:
        _print_log(kept, faults)
    if faults:
        raise typer.Exit(FINDINGS)


def _print_log(kept: tuple[Entry, ...], faults: tuple[Fault, ...]) -> None:
    screen = console()
    table = Table(box=None)
    for column in ("#", "at", "kind", "verdict", "change", "by", "hash"):
        table.add_column(column)
    for entry in kept:
        content = entry.content
        by = f"{content.get('by', '?')}: {content.get('reason', '?')}" if entry.kind == "override" else ""
        table.add_row(
            str(entry.number),
            entry.at,
            entry.kind,
            str(content.get("verdict", "?")),
            str(content.get("change", "?")),
            by,
            entry.hash[:12],
        )
    screen.print(table)
    for fault in faults:
        screen.print(f"entry {fault.number}: {fault.text}", markup=False)
    if not faults:
        screen.print(f"{len(kept)} entries; the chain holds")


def located(verdict: Verdict, network: Path) -> Verdict:
    """The verdict with commands to copy: findings are values and do not know the folder, which they call NETWORK."""
    folder = shlex.quote(str(network))
    findings = tuple(replace(item, show=item.show.replace(" NETWORK", f" {folder}")) for item in verdict.findings)
    return replace(verdict, findings=findings)


def print_verdict(verdict: Verdict, output: Format) -> None:
    """Print a verdict on stdout in the form asked for."""
    from backstay.report import document, findings, screen

    if output is Format.JSON:
        print_json(document.verdict_document(verdict))
    elif output is Format.SARIF:
        print_json(findings.sarif(verdict, __version__))
    elif output is Format.MARKDOWN:
        sys.stdout.write(findings.markdown(verdict))
    elif output is Format.JUNIT:
        from backstay.audit.checks import CHECKS

        sys.stdout.write(findings.junit(verdict, tuple(item.id for item in CHECKS)))
    else:
        console().print(screen.verdict_screen(verdict))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def diff(
    network: NetworkArgument,
    change: ChangeArgument,
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="The engine to ask.")] = "fast",
    output: TableFormatOption = TableFormat.TEXT,
    router: Annotated[str, typer.Option(help="Only the routes of this router.")] = "",
) -> None:
    """Show what a change does to routes, advertisements, sessions and loads, without judging it."""
    from backstay.report import comparison

    with progress() as tell:
        tell(f"reading {network}")
        plan = api.resolve(api.load(network), api.read_change(change))
        tell("computing before")
        before = api.simulate(plan.before, engine=engine)
        tell("computing after")
        after = api.simulate(plan.after, engine=engine)
    require_router(plan.before, router)
    if output is TableFormat.JSON:
        print_json(comparison.diff_document(before, after, router))
    else:
        console().print(comparison.diff_screen(before, after, router))


def routes(
    network: NetworkArgument,
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="The engine to ask.")] = "fast",
    router: Annotated[str, typer.Option(help="Only this router.")] = "",
    output: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Print the routing tables that the model computes: the thing to hold against a real router."""
    from backstay.report.document import routes_document

    with progress() as tell:
        tell(f"reading {network}")
        loaded = api.load(network)
        require_router(loaded, router)
        tell("computing routes")
        state = api.simulate(loaded, engine=engine)
    if output is TableFormat.JSON:
        print_json(routes_document(state, router or None))
    else:
        print_routes(state, router)
    tell_unknowns(state)


def require_router(network: Network, router: str) -> None:
    """Raises `UsageError` when the network has no router of this name; "" asks for none."""
    if router and network.router_named(router) is None:
        raise UsageError(f"no router is called {router!r} in this network")


def print_routes(state: State, only: str) -> None:
    """Print a State's tables, of all routers or of one: plain lines, since a hundred routers have tens of thousands."""
    from backstay.report.document import next_hops_text

    for name, vrfs in sorted(state.routes.items()):
        if only and name.casefold() != only.casefold():
            continue
        for vrf, table in sorted(vrfs.items()):
            rows = [("prefix", "protocol", "distance/metric", "next hops")]
            rows += [
                (str(prefix), route.protocol, f"{route.distance}/{route.metric}", next_hops_text(route))
                for prefix, route in sorted(table.items())
            ]
            first, second, third = (max(len(row[column]) for row in rows) for column in range(3))
            sys.stdout.write(f"{name}, VRF {vrf}\n")
            sys.stdout.writelines(f" {p:<{first}}  {k:<{second}}  {c:<{third}}  {hops}\n" for p, k, c, hops in rows)


def tell_unknowns(state: State) -> None:
    """An engine that could not compute all of it must not exit as if it had."""
    for unknown in state.unknowns:
        sys.stderr.write(f"backstay: unknown: {unknown.text}\n")
    if state.unknowns:
        raise typer.Exit(EXIT[Decision.UNKNOWN])


def check(network: NetworkArgument, output: TableFormatOption = TableFormat.TEXT) -> None:
    """Read a folder and report unread lines, undefined references, and sessions that cannot come up."""
    from backstay.report.document import check_document

    with progress() as tell:
        tell(f"reading {network}")
        loaded = api.load(network)
        tell("computing sessions")
        sessions, unknowns = api.sessions(loaded)
    remarks, unread = _remarks(loaded, sessions, unknowns), _unread(loaded)
    if output is TableFormat.JSON:
        print_json(check_document(loaded, remarks, unread))
    else:
        _print_check(loaded, remarks, unread)
    if unread or remarks:
        raise typer.Exit(FINDINGS)


def _unread(network: Network) -> tuple[UnreadLine, ...]:
    return tuple(sorted(line for router in network.routers.values() for line in router.unread))


def _remarks(network: Network, sessions: tuple[Session, ...], unknowns: tuple[Remark, ...]) -> tuple[Remark, ...]:
    places = {
        (router.name, peer): neighbor.place
        for router in network.routers.values()
        for process in router.bgp
        for peer, neighbor in process.neighbors.items()
    }
    down = (
        Remark(
            "session-down",
            f"{session.router}: BGP session with {session.peer} cannot come up: {session.reason}",
            session.router,
            places.get((session.router, session.peer)),
        )
        for session in sessions
        if not session.established
    )
    read = (remark for router in network.routers.values() for remark in router.remarks)
    return (*network.remarks, *read, *down, *unknowns)


def _print_check(network: Network, remarks: tuple[Remark, ...], unread: tuple[UnreadLine, ...]) -> None:
    screen = console()
    screen.print(f"{network.name}: {len(network.routers)} routers, {len(network.links)} links", markup=False)
    for line in unread:
        context = " / ".join((*line.context, line.text.strip()))
        screen.print(f"{line.place}: unread: {context} ({line.reason})", markup=False)
    for remark in remarks:
        place = f"{remark.place}: " if remark.place and remark.place.file else ""
        screen.print(f"{place}{remark.code}: {remark.text}", markup=False)
    if not (unread or remarks):
        screen.print("every line is read, every reference defined, every session can come up")


def new(
    topology: Annotated[str, typer.Option(help="A topology of topohub, such as sndlib/geant.", show_default=False)],
    output: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    igp: Annotated[str, typer.Option(help="isis or ospf.")] = "isis",
) -> None:
    """Make a complete network folder on a real public topology."""
    from backstay.generate.folder import generate

    with progress() as tell:
        tell(f"building {topology}")
        made = generate(topology, output, igp=igp)
    console().print(f"{output}: {made}", markup=False)


def demo(
    example: Annotated[Path, typer.Option(help="The example network.")] = Path("examples/october"),
) -> None:
    """Audit the command of 4 October 2021, then the one that should have been typed."""
    from backstay.cli.demo import run

    run(example)


def schema(
    kind: Annotated[str, typer.Argument(help="network (backstay.yaml) or change (the change file).")] = "network",
) -> None:
    """Print the JSON Schema of an input file, for editors."""
    from backstay.read.schema import SCHEMAS

    if kind not in SCHEMAS:
        raise UsageError(f"no schema is called {kind!r}; there are: {', '.join(SCHEMAS)}")
    print_json(SCHEMAS[kind]())
