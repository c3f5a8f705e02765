"""The states a change passes through, in order, each computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from backstay.audit.configuration import ConfigurationChange, configuration_change
from backstay.audit.context import Kind, Moment
from backstay.model.change import Plan, Stage
from backstay.model.demand import Demand
from backstay.model.network import NOTHING, Network

BEFORE = 0
"""The key of the State before the change."""

RETURN = frozenset({Kind.ROLLBACK, Kind.ROLLBACK_DURING, Kind.ROLLED_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A moment and the State it needs: stops with one ``key`` share it. ``sweep``: some stop of this key wants the
    failure sweep. ``last``: no later stop needs this State.
    """

    moment: Moment
    key: int
    sweep: bool
    last: bool


def moments(plan: Plan, *, sweep: bool) -> Iterator[Moment]:
    """Every step and what its commands do meanwhile, the whole, then the way back and where it ends."""
    yield from _steps(plan.stages, plan.before, back=False, sweep=sweep)
    yield Moment(kind=Kind.WHOLE, label="the whole change", network=plan.after, previous=plan.before, sweep=sweep)
    if plan.rollback is not None:
        yield from _steps(plan.rollback, plan.after, back=True, sweep=False)
        end = plan.rollback[-1].network if plan.rollback else plan.after
        yield Moment(kind=Kind.ROLLED_BACK, label="after the rollback", network=end, previous=plan.after)


def _steps(stages: tuple[Stage, ...], start: Network, *, back: bool, sweep: bool) -> Iterator[Moment]:
    previous = start
    for stage in stages:
        label = f"{'rollback' if back else 'step'} {stage.number}"
        kind = Kind.ROLLBACK if back else Kind.STEP
        yield Moment(kind=kind, label=label, network=stage.network, previous=previous, stage=stage, sweep=sweep)
        if stage.overlay != NOTHING:
            yield Moment(
                kind=Kind.ROLLBACK_DURING if back else Kind.DURING,
                label=f"{label}, while its commands last",
                network=stage.network,
                previous=previous,
                overlay=stage.overlay,
                stage=stage,
            )
        previous = stage.network


class Course:
    """The stops of one audit, and what the configurations of any two of its networks differ in."""

    def __init__(self, plan: Plan, *, sweep: bool) -> None:
        self.plan = plan
        self._changes: dict[tuple[int, int], ConfigurationChange] = {}
        self.start = Moment(
            kind=Kind.WHOLE, label="before the change", network=plan.before, previous=plan.before, sweep=sweep
        )
        self.stops = self._stops(tuple(moments(plan, sweep=sweep)))

    def change(self, before: Network, after: Network) -> ConfigurationChange:
        """`configuration_change`, computed once for each pair; the plan keeps the networks alive."""
        key = (id(before), id(after))
        if key not in self._changes:
            self._changes[key] = configuration_change(before, after)
        return self._changes[key]

    def _stops(self, road: tuple[Moment, ...]) -> tuple[Stop, ...]:
        firsts = [self.start]
        keys = [self._key(moment, firsts) for moment in road]
        swept = {key for moment, key in zip(road, keys, strict=True) if moment.sweep}
        return tuple(
            Stop(moment=moment, key=key, sweep=key in swept, last=key not in keys[at + 1 :] and key != BEFORE)
            for at, (moment, key) in enumerate(zip(road, keys, strict=True))
        )

    def _key(self, moment: Moment, firsts: list[Moment]) -> int:
        """The first moment of the same overlay and network. On the way out a network is the same only if its texts
        are; on the way back equal facts are enough: other words for the same thing are the same network.
        """
        for key, known in enumerate(firsts):
            if known.overlay == moment.overlay and self._same(known.network, moment):
                return key
        firsts.append(moment)
        return len(firsts) - 1

    def _same(self, known: Network, moment: Moment) -> bool:
        network = moment.network
        if known is network:
            return True
        if moment.kind not in RETURN and not _same_texts(known, network):
            return False
        change = self.change(known, network)
        return not change.routers and not change.links


def _same_texts(one: Network, other: Network) -> bool:
    if one.routers.keys() != other.routers.keys():
        return False
    pairs = ((router, other.routers[name]) for name, router in one.routers.items())
    return all(a is b or (bool(a.sources) and a.sources == b.sources) for a, b in pairs)


# ------------------------------------------------------------------------------------------- the hour


def in_period(plan: Plan) -> tuple[Plan, str]:
    """The plan with the demands of one period alone, and what there is to say about the choice ("" for nothing).

    The change names the period; else the one with the most demand is taken. Demands without a period always count.
    Raises ValueError when the change names a period that no demand belongs to.
    """
    periods = sorted({demand.period for demand in plan.before.demands if demand.period})
    wanted = plan.change.period
    if wanted and wanted not in periods:
        known = ", ".join(periods) or "none"
        raise ValueError(f"the change is for the period {wanted!r}, and no demand belongs to it; there are: {known}")
    if not wanted and len(periods) < 2:
        return plan, ""
    chosen = wanted or max(periods, key=lambda name: (_total(plan.before.demands, name), name))
    told = (
        "" if wanted else f"the change names no period: loads are those of {chosen!r}, the heaviest of {len(periods)}"
    )
    return _only(plan, chosen), told


def _total(demands: tuple[Demand, ...], period: str) -> float:
    return sum(demand.mbps for demand in demands if demand.period == period)


def _only(plan: Plan, period: str) -> Plan:
    made: dict[int, Network] = {}

    def narrowed(network: Network) -> Network:
        if id(network) not in made:
            demands = tuple(demand for demand in network.demands if demand.period in {period, ""})
            made[id(network)] = replace(network, demands=demands)
        return made[id(network)]

    def stages(found: tuple[Stage, ...]) -> tuple[Stage, ...]:
        return tuple(replace(stage, network=narrowed(stage.network)) for stage in found)

    back = None if plan.rollback is None else stages(plan.rollback)
    return replace(plan, before=narrowed(plan.before), stages=stages(plan.stages), rollback=back)
