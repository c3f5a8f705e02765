"""How a network stands while something is out of service: its loads now and at every single further failure, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Network
from backstay.model.state import Advertisement
from backstay.plan.assessment import Thing
from backstay.plan.picture import Hour, Picture, picture
from backstay.plan.ports import with_ports
from backstay.plan.room import named
from backstay.plan.scan import MARGIN, Question, Tally, scan, utilisation
from backstay.plan.targets import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One hour. ``lost`` Mbit/s do not arrive; ``worst`` utilisation when ``cause`` fails on top; ``further`` Mbit/s that
    the worst single further failure cuts off.
    """

    period: str
    offered: float
    lost: float
    utilisation: float
    worst: float
    cause: tuple[Thing, ...]
    further: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Every hour, in the order of the demands. ``through`` Mbit/s of other people's traffic on the target in the heaviest
    hour, ``own`` what begins or ends there; ``heard`` what external neighbours hear.
    """

    moments: tuple[Moment, ...]
    through: float
    own: float
    heard: frozenset[Advertisement]

    def heard_otherwise(self, other: Standing) -> frozenset[Prefix]:
        """Prefixes that neighbours hear otherwise than in another standing, or hear the same of from another origin."""
        return frozenset(item.prefix for item in self.heard ^ other.heard)

    def on_the_wire(self, other: Standing) -> int:
        """How many announcements to neighbours differ as they stand on the wire."""
        mine, theirs = (frozenset(replace(item, learned_from="") for item in found.heard) for found in (self, other))
        return len(mine ^ theirs)

    def at(self, period: str) -> Moment:
        """The hour of this name."""
        return next(moment for moment in self.moments if moment.period == period)


def standing(network: Network, target: Target) -> Standing:
    """Raises `Unproven` where the network or a failure cannot be computed."""
    drawn = with_ports(picture(network))
    question = Question(
        at_once=1,
        failures=drawn.failures,
        limit=network.limits.utilisation,
        failure_limit=network.limits.failure_utilisation,
    )
    tallies = scan(drawn, question, lambda _done, _total: None)
    heaviest = max(range(len(tallies)), key=lambda number: (tallies[number].hour.offered, -number))
    through, own = carried(drawn, tallies[heaviest], target)
    return Standing(
        moments=tuple(_moment(drawn, question, tally) for tally in tallies),
        through=through,
        own=own,
        heard=drawn.forwarding.fib.computed.bgp.advertisements,
    )


def _moment(drawn: Picture, question: Question, tally: Tally) -> Moment:
    _refuse_unknowns(tally)
    return Moment(
        period=tally.hour.period,
        offered=tally.hour.offered,
        lost=tally.hour.lost,
        utilisation=float(utilisation(tally.base, drawn.capacities).max(initial=0.0)),
        worst=tally.worst,
        cause=named(question, tally.worst_failed),
        further=float(tally.thing_lost.max(initial=0.0)),
    )


def _refuse_unknowns(tally: Tally) -> None:
    if tally.unknowns:
        raise Unproven(f"not every single failure could be computed: {tally.unknowns[0].text}")


def carried(drawn: Picture, tally: Tally, target: Target) -> tuple[float, float]:
    """Mbit/s through the target that begin and end elsewhere, and those that begin or end at it.

    For links all they carry is through. What a router sends and takes for itself is told by the demands; what passes is
    what comes in beyond that.
    """
    network = drawn.network
    incoming = sum(
        float(tally.base[number])
        for number, ref in enumerate(drawn.interfaces)
        if (link := network.links.get(drawn.links[number])) is not None
        if link.name in target.links or _enters(ref.router, {end.router for end in link.ends}, target)
    )
    own_in, own = _own(drawn, tally.hour, target)
    return max(0.0, incoming - own_in), own


def _enters(sender: str, ends: set[str], target: Target) -> bool:
    """Whether the link carries from outside into a drained router."""
    return sender not in target.routers and bool(ends & set(target.routers))


def _own(drawn: Picture, hour: Hour, target: Target) -> tuple[float, float]:
    """Mbit/s of demand that come in for the target's routers, and those that begin or end at them."""
    arriving = total = 0.0
    for part, end in zip(hour.parts, _ends(drawn, hour) if target.routers else (), strict=False):
        if part.router in target.routers or end in target.routers:
            total += part.mbps
            arriving += part.mbps if part.router not in target.routers else 0.0
    return arriving, total


def _ends(drawn: Picture, hour: Hour) -> Iterator[str | None]:
    """The router each part ends at or leaves by."""
    if drawn.model is not None:
        return (drawn.routers[node] for node in hour.targets.tolist())
    return (drawn.forwarding.end_of(part.router, part.address) for part in hour.parts)


# ------------------------------------------------------------------------------------------- limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may not be exceeded: the limits, or what was worse before anything was touched."""

    limit: float
    failure_limit: float
    before: Mapping[str, Moment]

    @classmethod
    def of(cls, network: Network, before: Standing) -> Bounds:
        return cls(
            limit=network.limits.utilisation,
            failure_limit=network.limits.failure_utilisation,
            before={moment.period: moment for moment in before.moments},
        )

    def objection(self, moment: Moment) -> str:
        """Why the hour is not safe; "" where it is."""
        was = self.before[moment.period]
        if moment.lost > was.lost * MARGIN + 1e-6:
            return f"{moment.lost - was.lost:,.0f} Mbit/s of demand would be lost"
        if moment.utilisation > max(self.limit, was.utilisation) * MARGIN:
            return f"a link would be at {moment.utilisation:.1%}, the limit is {self.limit:.0%}"
        if moment.worst > max(self.failure_limit, was.worst) * MARGIN:
            cause = " + ".join(str(thing) for thing in moment.cause)
            return f"a link would be at {moment.worst:.1%} when {cause} fails, the limit is {self.failure_limit:.0%}"
        return ""

    def safe(self, found: Standing) -> frozenset[str]:
        """The hours in which nothing is exceeded."""
        return frozenset(moment.period for moment in found.moments if not self.objection(moment))


def only(network: Network, periods: Sequence[str]) -> Network:
    """The network with the demands of these periods, and those that belong to none."""
    wanted = {*periods, ""}
    return replace(network, demands=tuple(demand for demand in network.demands if demand.period in wanted))
