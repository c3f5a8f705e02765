"""Taking things out of service: by which mechanism, in which order, in which hours, and the change file that does it.

A drain is offered only when every state on the way holds at every single further failure and the real audit allows the
very text that would be written. Everything else is refused with its reason, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backstay.audit.touch import out_of_service
from backstay.model.address import Prefix
from backstay.model.change import Change, Plan
from backstay.model.errors import UsageError
from backstay.model.finding import Decision, Severity, Verdict
from backstay.model.flows import sites_of
from backstay.model.network import NOTHING, Network
from backstay.plan.assessment import Thing
from backstay.plan.change_text import change_text
from backstay.plan.mechanisms import BY_NAME, MECHANISMS, PREFERRED, Mechanism, Move, NotHere
from backstay.plan.order import Order, best_order
from backstay.plan.standing import Bounds, Moment, Standing, standing
from backstay.plan.targets import Refused, Target, target_of

IDLE = 1e-3
"""Mbit/s; less than that through a target is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What planning needs of other rooms: a change file's text as a value, its steps merged, and the audit's verdict."""

    read: Callable[[str], Change]
    resolve: Callable[[Network, Change], Plan]
    judge: Callable[[Network, Change], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One mechanism for this target. ``here`` False: it has no meaning here, for the reason in ``note``. Numbers are
    those of the heaviest hour with all of its steps done: ``through`` Mbit/s of others' traffic that still pass,
    ``own`` what begins or ends at the target, ``heard`` how many announcements to neighbours differ.
    """

    mechanism: Mechanism
    here: bool
    note: str = ""
    through: float = 0.0
    own: float = 0.0
    lost: float = 0.0
    utilisation: float = 0.0
    worst: float = 0.0
    cause: tuple[Thing, ...] = ()
    further: float = 0.0
    heard: int = 0
    objection: str = ""

    @property
    def drains(self) -> bool:
        """Whether it does what a drain is for, and nothing that hurts."""
        return self.here and not self.objection and self.through <= IDLE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step with how the network stands after it in the hour the change is for."""

    move: Move
    after: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfDrain:
    """Whether the whole drain holds in a period; ``why`` not."""

    period: str
    safe: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drainage:
    """The answer of `backstay drain` and `backstay undrain`. ``refusal`` not empty: it must not be done, and ``text`` is
    empty. ``before`` is how the network stands now, in the hour the change is for (``period``).
    """

    network: str
    intent: str
    target: str
    refusal: tuple[str, ...]
    before: Moment | None = None
    through: float = 0.0
    own: float = 0.0
    trials: tuple[Trial, ...] = ()
    mechanism: str = ""
    steps: tuple[PlannedStep, ...] = ()
    hours: tuple[HourOfDrain, ...] = ()
    period: str = ""
    text: str = ""
    verdict: Verdict | None = None
    remarks: tuple[str, ...] = ()


def drain(
    network: Network,
    asked: Sequence[str],
    tools: Tools,
    *,
    mechanism: str = "",
    period: str = "",
    tell: Callable[[str], None] = lambda _text: None,
) -> Drainage:
    """Whether and how the things ``asked`` for can be taken out of service.

    ``mechanism`` is one of `MECHANISMS` ("" chooses); ``period`` an hour of the demands ("" finds one in which it is
    safe). Raises `UsageError` for names that mean nothing, `Unproven` where an answer cannot be computed.
    """
    if mechanism and mechanism not in BY_NAME:
        raise UsageError(f"--mechanism {mechanism}: expected one of {', '.join(BY_NAME)}")
    try:
        target = target_of(network, asked)
        _refuse_what_is_out(network, target)
        _refuse_beside(network, target)
    except Refused as reason:
        return Drainage(network=network.name, intent="drain", target=", ".join(asked), refusal=(str(reason),))
    return _Drain(network, target, tools, mechanism, period, tell).run()


def _refuse_what_is_out(network: Network, target: Target) -> None:
    out = [name for name in target.routers if out_of_service(network, NOTHING, network.routers[name])]
    if target.routers and len(out) == len(target.routers) and not target.links:
        raise Refused(f"{', '.join(out)} {'is' if len(out) == 1 else 'are'} out of service already: nothing to drain")


def _refuse_beside(network: Network, target: Target) -> None:
    """``limits.blast_radius`` counts what is out at the same time: elective work waits while a domain is thinned out."""
    allowed = network.limits.blast_radius
    for domain, out in sorted(_out_by_domain(network, target).items()):
        more = [name for name in target.routers if domain_of(network, name) == domain]
        if allowed is not None and more and len(out) + len(more) > allowed:
            where = f"failure domain {domain}" if domain else "the routers without a declared failure domain"
            raise Refused(
                f"{', '.join(out)} of {where} {'is' if len(out) == 1 else 'are'} out of service already, and "
                f"limits.blast_radius allows {allowed} at a time: bring back first what is out (backstay undrain)"
            )


def _out_by_domain(network: Network, target: Target) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, router in network.routers.items():
        if name not in target.routers and out_of_service(network, NOTHING, router):
            found.setdefault(domain_of(network, name), []).append(name)
    return found


def domain_of(network: Network, router: str) -> str:
    """The failure domain of a router: its site's, the first by name of several; "" without any."""
    return next((site.domain for site in sites_of(network, router) if site.domain), "")


class _Drain:
    """One drain being worked out."""

    def __init__(
        self, network: Network, target: Target, tools: Tools, mechanism: str, period: str, tell: Callable[[str], None]
    ) -> None:
        self.network, self.target, self.tools, self.tell = network, target, tools, tell
        self.asked, self.period = mechanism, period
        tell("computing the network as it is")
        self.before = standing(network, target)
        periods = [moment.period for moment in self.before.moments]
        if period and period not in periods:
            raise UsageError(
                f"--period {period}: no demand belongs to it; there are {', '.join(filter(None, periods)) or 'none'}"
            )
        self.bounds = Bounds.of(network, self.before)

    def run(self) -> Drainage:
        trials = tuple(self._trial(row) for row in MECHANISMS)
        chosen = self._chosen(trials)
        if isinstance(chosen, str):
            return self._answer(trials, refusal=(chosen,))
        moves = chosen.moves(self.network, self.target)
        order, hours = self._ordered(moves)
        if order.blocked:
            return self._answer(trials, refusal=(self._no_order(order),), mechanism=chosen.name)
        return self._judged(trials, chosen, tuple(moves[number] for number in order.steps), order, hours)

    # --------------------------------------------------------------------------------------- mechanisms

    def _trial(self, row: Mechanism) -> Trial:
        """The mechanism carried out in full, and what is left."""
        try:
            moves = row.moves(self.network, self.target)
        except NotHere as reason:
            return Trial(mechanism=row, here=False, note=str(reason))
        self.tell(f"trying {row.title}")
        after = self._after(moves)
        moment = self._telling(after)
        return Trial(
            mechanism=row,
            here=True,
            through=after.through,
            own=after.own,
            lost=max(0.0, moment.lost - self.bounds.before[moment.period].lost),
            utilisation=moment.utilisation,
            worst=moment.worst,
            cause=moment.cause,
            further=moment.further,
            heard=after.on_the_wire(self.before),
            objection="" if self.bounds.safe(after) else self.bounds.objection(moment),
        )

    def _telling(self, found: Standing) -> Moment:
        """The hour that numbers are told of: the one asked for, else the heaviest."""
        if self.period:
            return found.at(self.period)
        return max(found.moments, key=lambda moment: moment.offered)

    def _after(self, moves: Sequence[Move]) -> Standing:
        change = self.tools.read(self._text(moves, "")) if moves else None
        network = self.tools.resolve(self.network, change).after if change else self.network
        return standing(network, self.target)

    def _chosen(self, trials: tuple[Trial, ...]) -> Mechanism | str:
        """The mechanism asked for, or the first preferred one that drains; else why there is none."""
        by_name = {trial.mechanism.name: trial for trial in trials}
        if self.asked:
            trial = by_name[self.asked]
            return (
                trial.mechanism
                if trial.here and not trial.objection
                else f"{self.asked}: {trial.note or trial.objection}"
            )
        tried = [by_name[name] for name in PREFERRED if by_name[name].here]
        drains = next((trial for trial in tried if trial.drains), None)
        if drains:
            return drains.mechanism
        if not tried:
            return "; ".join(trial.note for trial in trials if trial.note)
        reasons = (f"{trial.mechanism.name}: {trial.objection or _stays(trial)}" for trial in tried)
        return f"no mechanism drains {self.target}: {'; '.join(reasons)}"

    # --------------------------------------------------------------------------------------- order and hours

    def _ordered(self, moves: tuple[Move, ...]) -> tuple[Order, tuple[HourOfDrain, ...]]:
        """An order for the hour asked for; else for all hours; else for the heaviest hour that has one."""
        periods = frozenset(self.bounds.before)
        wanted = [frozenset({self.period})] if self.period else [periods]
        if not self.period and len(periods) > 1:
            offered = {moment.period: moment.offered for moment in self.before.moments}
            wanted += [frozenset({name}) for name in sorted(periods, key=lambda name: (-offered[name], name))]
        known: dict[frozenset[int], Standing] = {}

        def after(taken: tuple[int, ...]) -> Standing:
            done = frozenset(taken)
            if done not in known:
                self.tell(f"after {len(taken)} of {len(moves)} steps: {moves[taken[-1]].what}")
                known[done] = self._after([moves[number] for number in taken])
            return known[done]

        order = Order(steps=(), standings=(), safe=frozenset(), blocked="no hour")
        for hours in wanted:
            order = best_order(len(moves), after, self.bounds, hours)
            if not order.blocked:
                break
        return order, tuple(self._hour(moment.period, order) for moment in self.before.moments)

    def _hour(self, period: str, order: Order) -> HourOfDrain:
        objections = [self.bounds.objection(found.at(period)) for found in order.standings]
        why = next((text for text in objections if text), order.blocked or "")
        return HourOfDrain(period=period, safe=not why, why=why)

    def _no_order(self, order: Order) -> str:
        done = len(order.steps)
        return f"no order of the steps holds throughout: after {done} of them, {order.blocked}"

    # --------------------------------------------------------------------------------------- the answer

    def _judged(
        self,
        trials: tuple[Trial, ...],
        chosen: Mechanism,
        moves: tuple[Move, ...],
        order: Order,
        hours: tuple[HourOfDrain, ...],
    ) -> Drainage:
        period = self._period_of(hours)
        heard = frozenset().union(*(found.heard_otherwise(self.before) for found in order.standings))
        text = self._text(moves, period, chosen, heard)
        change = self.tools.read(text)
        self.tell("auditing the change file")
        verdict = self.tools.judge(self.network, change)
        refusal = () if verdict.decision is Decision.ALLOW else (*self._idle(), *objections(verdict))
        steps = tuple(
            PlannedStep(move=move, after=found.at(period)) for move, found in zip(moves, order.standings, strict=True)
        )
        return self._answer(
            trials,
            refusal=refusal,
            mechanism=chosen.name,
            steps=steps,
            hours=hours,
            period=period,
            text="" if refusal else text,
            verdict=verdict,
        )

    def _idle(self) -> tuple[str, ...]:
        """What to know where there is no transit to move."""
        if self.before.through > IDLE:
            return ()
        own = f"{self.before.own:,.0f} Mbit/s begin or end there, which no routing can move elsewhere"
        return (f"nothing passes through {self.target} now; {own}",)

    def _period_of(self, hours: tuple[HourOfDrain, ...]) -> str:
        """The hour the change is for: the heaviest in which it is safe."""
        if self.period:
            return self.period
        safe = {hour.period for hour in hours if hour.safe}
        moments = [moment for moment in self.before.moments if moment.period in safe]
        return max(moments, key=lambda moment: moment.offered).period

    def _answer(
        self,
        trials: tuple[Trial, ...],
        *,
        refusal: tuple[str, ...],
        mechanism: str = "",
        steps: tuple[PlannedStep, ...] = (),
        hours: tuple[HourOfDrain, ...] = (),
        period: str = "",
        text: str = "",
        verdict: Verdict | None = None,
    ) -> Drainage:
        return Drainage(
            network=self.network.name,
            intent="drain",
            target=str(self.target),
            refusal=refusal,
            before=self.before.at(period) if period else self._telling(self.before),
            through=self.before.through,
            own=self.before.own,
            trials=trials,
            mechanism=mechanism,
            steps=steps,
            hours=hours,
            period=period,
            text=text,
            verdict=verdict,
        )

    def _text(
        self,
        moves: Sequence[Move],
        period: str,
        chosen: Mechanism | None = None,
        heard: frozenset[Prefix] = frozenset(),
    ) -> str:
        routers = {move.router for move in moves} | set(self.target.routers)
        links = {name for move in moves for name in move.links} | set(self.target.links)
        remarks = (f"By {chosen.title}: {chosen.does}.", f"Mind: {chosen.does_not}.") if chosen else ()
        return change_text(
            title=f"Drain {self.target}",
            intent="drain",
            routers=routers,
            links=() if self.target.routers else links,
            prefixes=heard,
            moves=moves,
            remarks=remarks,
            period=period,
        )


def _stays(trial: Trial) -> str:
    return f"{trial.through:,.0f} Mbit/s still pass through"


def objections(verdict: Verdict) -> tuple[str, ...]:
    """What the audit refuses for, in its order."""
    refusing = [item for item in verdict.findings if item.severity in {Severity.DENY, Severity.UNKNOWN}]
    return tuple(f"the audit says {item.severity.value} ({item.check}): {item.summary}" for item in refusing) or (
        f"the audit says {verdict.decision.value}",
    )
