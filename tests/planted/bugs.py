"""Bugs as engineers make them, planted one at a time by patching.

``plant`` patches the program and makes the patched code leave a `Mark`, so that a test can prove that the bug was at work,
even in an engine's own process.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from backstay.audit import agree, evidence, gate, isolation, moments, outline, ruling, walk
from backstay.audit import checks as registry
from backstay.audit.attempt import Failure
from backstay.audit.context import Kind
from backstay.model.errors import ChangeError
from backstay.model.finding import Decision, Engine, Finding, Severity
from backstay.model.network import Network, Overlay
from backstay.model.state import NO_ROUTE, Columns, Fate, Loads, State
from backstay.read import merge
from backstay.referee import cascade as referee_cascade
from backstay.referee import engine as referee
from backstay.referee import isis_lsp as referee_isis
from backstay.referee import policy as referee_policy
from backstay.referee import policy_lists as referee_lists
from backstay.referee import tables as referee_tables
from backstay.simulate import access, anycast, bgp_exchange, isis, layered, policy_library
from backstay.simulate import cascade as fast_cascade
from backstay.simulate import engine as fast
from backstay.simulate import isis_circuits as circuits
from backstay.simulate.policy import Passed


class Mark:
    """Set from any process that was forked after it was made."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._page[0] = 1

    def __bool__(self) -> bool:
        return self._page[0] == 1


Patch = pytest.MonkeyPatch
Plant = Callable[[Patch, Mark], None]
Engines = Mapping[str, Engine]


@dataclass(frozen=True)
class Bug:
    """``where``: fast, referee, check, compare, gate or read. ``only`` are the changes it can be at work in, () for all;
    ``shows_in`` is one in which the planted code is reached for certain.
    """

    where: str
    name: str
    plant: Plant
    only: tuple[str, ...] = ()
    shows_in: str = "fatal"

    def __str__(self) -> str:
        return f"{self.where}: {self.name}"


def instead(place: Any, name: str, work: Callable[..., Any]) -> Plant:
    """``work(original, *arguments)`` runs in the place of ``place.name``."""

    def plant(patch: Patch, mark: Mark) -> None:
        original = getattr(place, name)

        def planted(*arguments: Any, **named: Any) -> Any:
            mark.set()
            return work(original, *arguments, **named)

        patch.setattr(place, name, planted)

    return plant


def always(value: Any) -> Callable[..., Any]:
    return lambda _original, *_arguments, **_named: value


# ------------------------------------------------------------------------------------------ engines


def stale(module: Any) -> Plant:
    """The engine keeps its first answer for ever."""

    def plant(patch: Patch, mark: Mark) -> None:
        original = module.simulate
        kept: list[State] = []

        def simulate(network: Network, overlay: Overlay, sweep: bool = False) -> State:
            if kept:
                mark.set()
            else:
                kept.append(original(network, overlay, sweep))
            return kept[0]

        patch.setattr(module, "simulate", simulate)

    return plant


def swallowed(patch: Patch, mark: Mark) -> None:
    """The engine cannot compute the State after the change; the gate takes the last one it had."""
    original = fast.simulate
    answers: list[State] = []

    def simulate(network: Network, overlay: Overlay, sweep: bool = False) -> State:
        if answers:
            raise ZeroDivisionError("division by zero")
        answers.append(original(network, overlay, sweep))
        return answers[0]

    def attempt(work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return work(*arguments)
        except ZeroDivisionError:
            mark.set()
            return answers[-1]
        except Exception as error:  # noqa: BLE001 - as the real one does
            return Failure(str(error))

    patch.setattr(fast, "simulate", simulate)
    patch.setattr(walk, "attempt", attempt)


def undefined_accepted(original: Callable[..., Any], library: Any, name: str, path: Any, setting: Any) -> Any:
    if name not in library.objects.route_maps:
        return Passed(path=path)
    return original(library, name, path, setting)


def delivered(original: Callable[..., Any], *arguments: Any) -> Any:
    return {
        name: replace(flow, delivered=1.0, fate=Fate.DELIVERED, at=()) for name, flow in original(*arguments).items()
    }


def no_neighbor(original: Callable[..., bool], one: Any, other: Any, level: int) -> bool:
    if {one.router.name, other.router.name} == {"pop1", "pop2"}:
        return False
    return original(one, other, level)


def no_meeting(original: Callable[..., Any], local: Any, remote: Any) -> Any:
    if {local.ref.router, remote.ref.router} == {"pop1", "pop2"}:
        return iter(())
    return original(local, remote)


def emptied(original: Callable[..., Columns], *arguments: Any) -> Columns:
    return replace(original(*arguments), ways=[NO_ROUTE] * len(original(*arguments).ways))


def no_metrics(original: Callable[..., Any], *arguments: Any) -> Any:
    metrics, ways, hops = original(*arguments)
    return type(metrics)(metrics.typecode, [0] * len(metrics)), ways, hops


def never_lost(original: Callable[..., Loads], *arguments: Any) -> Loads:
    return replace(original(*arguments), lost=())


def counted(original: Callable[..., Any], *arguments: Any) -> Any:
    """Withdrawn sites still count."""
    return tuple(replace(site, announced=True) for site in original(*arguments))


FAST = (
    Bug("fast", "the overload bit is ignored", instead(isis, "_overloaded", always(False))),
    Bug("fast", "one neighbour is skipped", instead(isis, "adjacent", no_neighbor)),
    Bug(
        "fast",
        "a metric is read as narrow",
        instead(circuits.Circuit, "metric", lambda original, *given: min(original(*given), 63)),
    ),
    Bug(
        "fast", "an undefined route-map is accepted", instead(bgp_exchange, "run", undefined_accepted), shows_in="typo"
    ),
    Bug("fast", "a prefix list permits everything", instead(policy_library, "prefix_list_permits", always(True))),
    Bug("fast", "a withdrawn site is still counted", instead(anycast, "sites", counted)),
    Bug("fast", "a need of operators is skipped", instead(access.Services, "works", always(True))),
    Bug(
        "fast",
        "what a table shows by columns leaves out the interior",
        instead(layered.LayeredRoutes, "columns", emptied),
    ),
    Bug("fast", "every flow is delivered", instead(fast_cascade, "results", delivered)),
    Bug("fast", "nothing loads a link", instead(fast_cascade, "loads", always(Loads()))),
    Bug("fast", "lost demand is forgotten", instead(fast_cascade, "loads", never_lost)),
    Bug("fast", "the failure sweep is left out", instead(fast_cascade, "single_failures", always(((), ())))),
    Bug("fast", "the State before the change is given for the one after", stale(fast)),
    Bug("fast", "an exception is swallowed and the last State taken", swallowed),
)


def permitted(original: Callable[..., Any], router: Any, name: str, offer: Any) -> Any:
    return original(router, name, offer) if name in router.policies.route_maps else 0


REFEREE = (
    Bug(
        "referee",
        "the overload bit is ignored",
        instead(referee_isis, "_own_lsp", lambda original, *given: replace(original(*given), overload=frozenset())),
    ),
    Bug("referee", "one neighbour is skipped", instead(referee_isis, "_meet", no_meeting)),
    Bug(
        "referee",
        "a metric is read as narrow",
        instead(referee_isis, "circuit_metric", lambda original, *given: min(original(*given), 63)),
    ),
    Bug("referee", "an undefined route-map is accepted", instead(referee_policy, "apply", permitted), shows_in="typo"),
    Bug("referee", "a prefix list permits everything", instead(referee_lists, "prefix_list", always(True))),
    Bug("referee", "a withdrawn site is still counted", instead(referee, "site_health", counted)),
    Bug("referee", "a need of operators is skipped", instead(referee_cascade.World, "works", always(True))),
    Bug("referee", "every metric of a table is 0", instead(referee_tables, "filled", no_metrics)),
    Bug("referee", "every flow is delivered", instead(referee, "follow_flows", delivered)),
    Bug("referee", "nothing loads a link", instead(referee, "place_demands", always(Loads()))),
    Bug("referee", "lost demand is forgotten", instead(referee, "place_demands", never_lost)),
    Bug("referee", "the State before the change is given for the one after", stale(referee)),
)


# ------------------------------------------------------------------------------------------ checks, comparison, gate


def defaults() -> dict[str, Any]:
    """What `gate.audit` takes where nothing is said."""
    found = gate.audit.__kwdefaults__
    assert found is not None
    return found


def silenced(check: str, answer: Callable[[tuple[Finding, ...]], tuple[Finding, ...]]) -> Plant:
    """The check tells what ``answer`` leaves of its findings."""

    def plant(patch: Patch, mark: Mark) -> None:
        def spoilt(row: Any) -> Any:
            def function(context: Any) -> tuple[Finding, ...]:
                mark.set()
                return answer(row.function(context))

            return replace(row, function=function) if row.id == check else row

        rows = tuple(map(spoilt, registry.CHECKS))
        patch.setattr(gate, "CHECKS", rows)
        patch.setitem(defaults(), "checks", rows)

    return plant


def only_warns(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(replace(item, severity=Severity.WARNING) for item in found)


CHECKS = (
    *(Bug("check", f"{row.id} finds nothing", silenced(row.id, lambda _: ())) for row in registry.CHECKS),
    Bug("check", "reach only warns", silenced("reach", only_warns)),
    Bug(
        "check",
        "every denial is written as a warning",
        instead(
            evidence,
            "Finding",
            lambda original, **given: original(**{**given, "severity": Severity.WARNING}),
        ),
    ),
)


def compared(patch: Patch, mark: Mark) -> None:
    def compare(_: object) -> tuple[Finding, ...]:
        mark.set()
        return ()

    patch.setitem(defaults(), "compare", compare)


def only_whole(original: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return [moment for moment in original(*arguments, **named) if moment.kind is Kind.WHOLE]


def without_findings(original: Callable[..., Any], *arguments: Any) -> Any:
    answer = original(*arguments)
    return replace(answer, findings=()) if isinstance(answer, walk.Visit) else answer


COMPARISON = (
    Bug("compare", "the comparison finds nothing", compared),
    Bug("compare", "no field is looked at", instead(agree, "disagreements", always(()))),
    Bug("compare", "every number is near enough", instead(agree, "_same", always(True))),
    Bug("compare", "every table has one digest", instead(outline, "table_digest", always(b"0" * 16))),
    Bug("compare", "a digest is of prefixes and metrics alone", instead(outline.Texts, "_rest", always(""))),
    Bug("compare", "a digest is of nothing", instead(outline.Texts, "lines", always([]))),
    Bug("compare", "every table is known to be equal", instead(agree, "_known_equal", always(True))),
)


def ask_forgets(original: Callable[..., bool], one: Any, check: Any, context: Any) -> bool:
    """The check is asked and done; its findings are not kept."""
    kept = list(one._found)
    done = original(one, check, context)
    one._found[:] = kept
    return done


def backwards(original: Callable[..., Any], course: Any, moment: Any, before: State, after: State) -> Any:
    return original(course, moment, after, before)


def took_nothing(original: Callable[..., Any], one: Any, name: str, number: int, label: str, answer: Any) -> Any:
    return original(one, name, number, label, replace(answer, findings=()))


GATE = (
    Bug("gate", "findings are lost between engine and gate", instead(isolation._Worker, "visited", without_findings)),
    Bug("gate", "findings are lost in the engine's process", instead(walk.Walk, "_ask", ask_forgets)),
    Bug("gate", "findings are lost in the ledger", instead(gate._Gate, "_took", took_nothing)),
    Bug("gate", "the ledger forgets what is missing", instead(ruling.Ledger, "expect", always(None))),
    Bug("gate", "the ruling always allows", instead(gate, "decide", always(Decision.ALLOW))),
    Bug("gate", "an engine's own ruling always allows", instead(ruling, "decision_of", always(Decision.ALLOW))),
    Bug("gate", "what refuses is not shown", instead(gate, "arranged", always(()))),
    Bug("gate", "before and after are exchanged", instead(walk, "_context", backwards)),
    Bug("gate", "the State after is compared with itself", instead(
        walk, "_context", lambda original, course, moment, _before, after: original(course, moment, after, after)
    )),
    Bug("gate", "only the whole change is looked at", instead(moments, "moments", only_whole)),
    Bug("gate", "the effect is always empty", instead(walk, "effect_of", lambda original, context: replace(
        original(context), routers=(), links=(), lost_mbps=0.0
    ))),
    Bug("gate", "no failure sweep is asked for", instead(
        gate, "Course", lambda original, plan, **_: original(plan, sweep=False)
    )),
    Bug("gate", "the demands are left out", instead(
        gate, "in_period", lambda original, plan: (replace(original(plan)[0], before=replace(plan.before, demands=())), "")
    )),
)  # fmt: skip


def everything(original: Callable[..., Any], network: Network, selector: str, *rest: Any) -> tuple[str, ...]:
    """A selector that means nothing is taken to mean everything."""
    try:
        found: tuple[str, ...] = original(network, selector, *rest)
    except ChangeError:
        return tuple(network.routers)
    return found


READ = (Bug("read", "an empty selector is read as everything", instead(merge, "_select", everything), ("nobody",)),)

BUGS = (*FAST, *REFEREE, *CHECKS, *COMPARISON, *GATE, *READ)
