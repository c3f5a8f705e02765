"""The whole of Backstay as functions that take and return values; the command line is a thin layer over these.

Rooms are imported when a function needs them, so that ``import backstay`` and ``backstay --help`` stay quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from backstay.model.errors import UsageError

if TYPE_CHECKING:
    from backstay.model.change import Change, Plan
    from backstay.model.finding import Engine, Verdict
    from backstay.model.network import Network, Overlay
    from backstay.model.service import Budget
    from backstay.model.source import Remark
    from backstay.model.state import Session, State
    from backstay.plan.assessment import Assessment
    from backstay.plan.drain import Drainage, Tools
    from backstay.plan.scan import Watch
    from backstay.record.remembered import Memory

Progress = Callable[[str], None]


def load(path: str | Path, memory: Memory | None = None) -> Network:
    """Read a network folder; what ``memory`` knows of it is not read again. Raises `InputError` naming file and line of
    what is wrong.
    """
    from backstay.read.folder import load as read_folder

    return memory.load(Path(path), read_folder) if memory else read_folder(Path(path))


def memory() -> Memory | None:
    """What earlier runs of this user computed (`backstay.record.remembered`); None with ``BACKSTAY_NO_CACHE`` set."""
    from backstay.record.cache import standard
    from backstay.record.remembered import Memory

    cache = standard()
    return Memory(cache) if cache else None


def read_change(path: str | Path) -> Change:
    """Read a change file. Raises `ChangeError` naming file and line of what is wrong."""
    from backstay.read.change import read_change as read_file

    return read_file(Path(path))


def resolve(network: Network, change: Change) -> Plan:
    """The change as it meets this network: selectors resolved, lines merged, every step's network after it.

    Raises `ChangeError` where a selector means nothing or lines cannot be merged.
    """
    from backstay.read.merge import plan_change

    return plan_change(network, change)


def simulate(network: Network, overlay: Overlay | None = None, *, engine: str = "fast", sweep: bool = False) -> State:
    """What the network does under the overlay, as one engine computes it; ``sweep`` adds every single failure.

    Raises `Unproven` where the engine cannot answer.
    """
    from backstay.model.network import NOTHING

    return engines([engine])[engine](network, NOTHING if overlay is None else overlay, sweep)


def sessions(network: Network) -> tuple[tuple[Session, ...], tuple[Remark, ...]]:
    """The BGP sessions of a network as it stands, and what the fast engine could not compute: much less than `simulate`.

    Raises `Unproven` where the engine cannot answer.
    """
    from backstay.simulate.engine import sessions as fast

    return fast(network)


def audit(
    network: Network,
    change: Change,
    *,
    engine_names: Sequence[str] = (),
    progress: Progress | None = None,
    budget: Budget | None = None,
    memory: Memory | None = None,
    lab_scope: str = "all",
) -> Verdict:
    """Judge a change: ALLOW only when every check of every required engine ran to its end and none objects.

    The engines are those the team requires in ``backstay.yaml`` (else `DEFAULT_ENGINES`) and any named here: names
    can add engines, never take one away. Each runs in a process of its own, within ``budget`` (else the network's).
    States of the network as it stands that ``memory`` knows are not computed again. ``lab_scope`` "affected" lets the
    lab be cut down to what the change can affect where the whole network is too large for it (`backstay.lab.part`).
    Never raises for what an engine does wrong: that is UNKNOWN. Raises `UsageError` for a scope of a lab that no engine is.
    """
    from backstay.audit.gate import audit as judge

    names = required_engines(network, engine_names)
    if lab_scope != "all" and "lab" not in names:
        raise UsageError(f"a lab scope without a lab: the engines are {', '.join(names)} (add --engine lab)")
    plan = resolve(network, change)
    heard = {
        name: memory.engine(name, engine, plan.before) if memory and name in REMEMBERED else engine
        for name, engine in engines(names).items()
    }
    if "lab" in heard and lab_scope == "affected":
        heard["lab"] = _part_of_lab(plan)
    return judge(plan, heard, names, on_progress=progress, budget=budget or network.budget)


def with_demands(network: Network, path: str | Path) -> Network:
    """The network with another file of demands. Raises `IntentError` naming file and line of what is wrong."""
    from backstay.read.demands import with_demands as read_file

    return read_file(network, Path(path))


def assess(
    network: Network,
    *,
    failures: int = 1,
    kinds: Sequence[str] | None = None,
    limit: float | None = None,
    exclude: Sequence[str] = (),
    seconds: float = 10.0,
    ray: str = "",
    progress: Callable[[int, int], None] | None = None,
    out: str | Path | None = None,
) -> Assessment:
    """Assess capacity, read-only: what the demands come to under up to ``failures`` (0, 1, 2) at once.

    ``ray`` spreads the sweep over the cluster at this address; ``progress`` is told (scenarios done, of how many); ``out`` names a Parquet file that gets every scenario. See
    `backstay.plan.capacity.assess`. Raises `UsageError` for what has no meaning, `Unproven` where there is no answer.
    """
    from backstay.plan.capacity import assess as answer

    with _writing(out) as watch:
        return answer(
            network,
            failures=failures,
            kinds=kinds,
            limit=limit,
            exclude=exclude,
            seconds=seconds,
            ray=ray,
            progress=progress or (lambda _done, _total: None),
            watch=watch,
        )


def drain(
    network: Network,
    targets: Sequence[str],
    *,
    mechanism: str = "",
    period: str = "",
    progress: Progress | None = None,
) -> Drainage:
    """Whether and how routers, links, sites or shared-risk groups can be taken out of service, with the change file's text.

    What it offers, `audit` allows: it has asked. See `backstay.plan.drain.drain`. Raises `UsageError` for names that mean
    nothing, `Unproven` where there is no answer.
    """
    from backstay.plan.drain import drain as answer

    return answer(network, targets, _tools(), mechanism=mechanism, period=period, tell=progress or _silent)


def undrain(
    network: Network, targets: Sequence[str] = (), *, period: str = "", progress: Progress | None = None
) -> Drainage:
    """In which order what is out of service can come back (of ``targets``; all without any), with the change file's text."""
    from backstay.plan.restore import restore

    return restore(network, targets, _tools(), period=period, tell=progress or _silent)


def _tools() -> Tools:
    from backstay.plan.drain import Tools
    from backstay.read.change import parse_change

    return Tools(read=lambda text: parse_change(text, "the planned change"), resolve=resolve, judge=audit)


def _silent(_text: str) -> None:
    """Nobody listens."""


def _writing(out: str | Path | None) -> AbstractContextManager[Watch | None]:
    if out is None:
        return nullcontext()
    from backstay.report.sweep_file import writing

    return writing(out)


DEFAULT_ENGINES = ("fast", "referee")


def required_engines(network: Network, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """Engines an audit must hear, in order, without repeats."""
    names = tuple(dict.fromkeys((*(network.required_engines or DEFAULT_ENGINES), *asked)))
    return names if "lab" not in names or "fast" in names else ("fast", *names)


def engines(names: Sequence[str]) -> Mapping[str, Engine]:
    """Engines by name. Raises `UsageError` for a name nobody answers to."""
    found: dict[str, Engine] = {}
    for name in names:
        if name not in _ENGINES:
            raise UsageError(f"no engine is called {name!r}; there are: {', '.join(_ENGINES)}")
        found[name] = _ENGINES[name]()
    return found


def _fast() -> Engine:
    from backstay.simulate.engine import simulate as fast

    return fast


def _referee() -> Engine:
    from backstay.referee.engine import simulate as referee

    return referee


def _lab() -> Engine:
    """Real routers, with loads and failures from the fast engine: sound because the gate finds their routing equal, for
    which `required_engines` has the fast engine heard beside the lab.
    """
    from backstay.lab.engine import beside

    return beside(_fast())


def _part_of_lab(plan: Plan) -> Engine:
    """The same, cut down to what the change can affect where the whole network is too large for this machine."""
    from backstay.lab.engine import beside
    from backstay.lab.part import affected

    return beside(_fast(), affected(plan))


REMEMBERED = frozenset({"fast", "referee"})
"""Engines whose answer is a function of the question: what real routers did once is not remembered."""

_ENGINES: Mapping[str, Callable[[], Engine]] = {"fast": _fast, "referee": _referee, "lab": _lab}
