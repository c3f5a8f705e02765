"""Bringing things back: in which order, one failure domain at a time, with every state in between within capacity.

What can be seen in a configuration as taken out is given back: overload bits, maximum metrics, BGP graceful shutdown,
interfaces of links that are shut down. A raised metric cannot: what it was before is not written there; the change file that
raised it holds the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from backstay.model.address import Prefix
from backstay.model.errors import UsageError
from backstay.model.finding import Decision, Verdict
from backstay.model.network import Network, Router
from backstay.plan.change_text import change_text
from backstay.plan.drain import Drainage, HourOfDrain, PlannedStep, Tools, domain_of, objections
from backstay.plan.mechanisms import (
    ISIS_WIDE,
    OSPF_COST,
    Move,
    graceful_move,
    max_metric_move,
    overload_move,
    section,
)
from backstay.plan.order import Order, best_order
from backstay.plan.scan import LEAST_LOSS
from backstay.plan.standing import Bounds, Moment, Standing, standing
from backstay.plan.targets import Refused, Target, target_of


def restore(
    network: Network,
    asked: Sequence[str],
    tools: Tools,
    *,
    period: str = "",
    tell: Callable[[str], None] = lambda _text: None,
) -> Drainage:
    """Whether and in which order what is out of service (of the things ``asked`` for; all without any) can come back.

    Raises as `backstay.plan.drain.drain` does.
    """
    named = ", ".join(asked) or "everything that is out of service"
    try:
        moves = _moves(network, target_of(network, asked) if asked else None)
    except Refused as reason:
        return _refused(network, named, str(reason))
    if not moves:
        where = f" of {named}" if asked else ""
        return _refused(network, named, f"nothing{where} is out of service in a way that could be taken back")
    return _Restoration(network, named, moves, tools, period, tell).run()


def _refused(network: Network, named: str, reason: str) -> Drainage:
    return Drainage(
        network=network.name, intent="undrain", target=named, refusal=(reason,), remarks=tuple(_raised(network))
    )


# ------------------------------------------------------------------------------------------- what is out


def _moves(network: Network, wanted: Target | None) -> tuple[Move, ...]:
    """One move for each router that is out, and one for each link that is shut down, sorted."""
    return tuple(
        move
        for name, router in network.routers.items()
        for move in (*_of_router(router), *_of_links(network, router))
        if wanted is None or name in wanted.routers or set(move.links) & set(wanted.links)
    )


def _of_router(router: Router) -> Iterator[Move]:
    """The router's own bits, taken back in one step."""
    taken: list[Move] = []
    if any(process.overload and process.overload.on_startup is None for process in router.isis):
        taken.append(overload_move(router))
    if any(p.stub_router or (p.max_metric and p.max_metric.administrative) for p in (*router.ospf, *router.ospf6)):
        taken.append(max_metric_move(router))
    if any(process.graceful_shutdown for process in router.bgp):
        taken.append(graceful_move(router))
    if taken:
        yield Move(
            router=router.name,
            lines=tuple(line for move in taken for line in move.back),
            back=tuple(line for move in reversed(taken) for line in move.lines),
            what=f"{router.name} in service again",
        )


def _of_links(network: Network, router: Router) -> Iterator[Move]:
    for link in network.links.values():
        for end in link.ends:
            if end.router == router.name and not router.interfaces[end.interface].enabled:
                heading = f"interface {end.interface}"
                yield Move(
                    router=router.name,
                    lines=section(heading, "no shutdown"),
                    back=section(heading, "shutdown"),
                    what=f"{link.name} up again at {router.name}",
                    links=(link.name,),
                )


def _raised(network: Network) -> Iterator[str]:
    """Interfaces with the highest metric a link can have: taken out, by a line whose former value nobody knows."""
    for link in network.links.values():
        for end in link.ends:
            interface = network.routers[end.router].interfaces[end.interface]
            isis = interface.isis is not None and max(interface.isis.metric.values()) >= ISIS_WIDE
            ospf = interface.ospf is not None and interface.ospf.cost == OSPF_COST
            if isis or ospf:
                yield (
                    f"{end} has the highest metric there is: what it was before is not in the configuration; "
                    "the rollback of the change that raised it is the way back"
                )


# ------------------------------------------------------------------------------------------- the order


class _Restoration:
    def __init__(
        self,
        network: Network,
        named: str,
        moves: tuple[Move, ...],
        tools: Tools,
        period: str,
        tell: Callable[[str], None],
    ) -> None:
        self.network, self.named, self.moves, self.tools, self.tell = network, named, moves, tools, tell
        routers = tuple(sorted({move.router for move in moves if not move.links}))
        links = tuple(sorted({link for move in moves for link in move.links}))
        self.target = Target(words=(named,), routers=routers, links=links)
        tell("computing the network as it is")
        self.before = standing(network, self.target)
        periods = [moment.period for moment in self.before.moments]
        if period and period not in periods:
            known = ", ".join(filter(None, periods)) or "none"
            raise UsageError(f"--period {period}: no demand belongs to it; there are {known}")
        self.period = period
        self.bounds = Bounds.of(network, self.before)
        self.domains = [domain_of(network, move.router) for move in moves]

    def run(self) -> Drainage:
        wanted = frozenset({self.period}) if self.period else frozenset(self.bounds.before)
        order = best_order(len(self.moves), self._after, self.bounds, wanted, self._may_follow)
        if order.blocked:
            reason = f"no order of the steps holds throughout: after {len(order.steps)} of them, {order.blocked}"
            return self._answer(order, refusal=(reason,))
        period = self.period or (self._heaviest().period if len(self.before.moments) > 1 else "")
        heard = frozenset().union(*(found.heard_otherwise(self.before) for found in order.standings))
        text = self._text(order.steps, period, heard)
        self.tell("auditing the change file")
        verdict = self.tools.judge(self.network, self.tools.read(text))
        refusal = () if verdict.decision is Decision.ALLOW else objections(verdict)
        return self._answer(order, refusal=refusal, text="" if refusal else text, verdict=verdict)

    def _heaviest(self) -> Moment:
        return max(self.before.moments, key=lambda moment: moment.offered)

    def _may_follow(self, taken: tuple[int, ...], step: int) -> bool:
        """A failure domain is finished before the next begins."""
        if not taken or self.domains[step] == self.domains[taken[-1]]:
            return True
        begun = {self.domains[number] for number in taken}
        open_domain = any(
            number not in taken and self.domains[number] == self.domains[taken[-1]] for number in range(len(self.moves))
        )
        return not open_domain and self.domains[step] not in begun

    def _after(self, taken: tuple[int, ...]) -> Standing:
        self.tell(f"after {len(taken)} of {len(self.moves)} steps: {self.moves[taken[-1]].what}")
        network = self.tools.resolve(self.network, self.tools.read(self._text(taken, ""))).after
        return standing(network, self.target)

    def _text(self, steps: Sequence[int], period: str, heard: frozenset[Prefix] = frozenset()) -> str:
        moves = [self.moves[number] for number in steps]
        return change_text(
            title=f"Bring back {', '.join(dict.fromkeys(move.router for move in moves))}",
            intent=self._intent(),
            routers={move.router for move in moves} | self._beside(moves),
            prefixes=heard,
            moves=moves,
            remarks=("One failure domain at a time; every step holds at every single failure.",),
            period=period,
        )

    def _intent(self) -> str:
        """Demand that is lost now makes it a restoration: what comes back first has no spare yet, and need not."""
        return "restore" if any(moment.lost > LEAST_LOSS for moment in self.before.moments) else "undrain"

    def _beside(self, moves: Sequence[Move]) -> set[str]:
        """Routers at the other ends of links that come back: their adjacencies change too."""
        links = {link for move in moves for link in move.links}
        return {end.router for name in links for end in self.network.links[name].ends}

    def _answer(
        self, order: Order, *, refusal: tuple[str, ...], text: str = "", verdict: Verdict | None = None
    ) -> Drainage:
        telling = self.period or self._heaviest().period
        return Drainage(
            network=self.network.name,
            intent="undrain",
            target=self.named,
            refusal=refusal,
            before=self.before.at(telling),
            through=self.before.through,
            own=self.before.own,
            steps=tuple(
                PlannedStep(move=self.moves[number], after=found.at(telling))
                for number, found in zip(order.steps, order.standings, strict=True)
            ),
            hours=tuple(self._hour(moment.period, order) for moment in self.before.moments),
            period=telling,
            text=text,
            verdict=verdict,
            remarks=tuple(_raised(self.network)),
        )

    def _hour(self, period: str, order: Order) -> HourOfDrain:
        why = next(
            (text for found in order.standings if (text := self.bounds.objection(found.at(period)))), order.blocked
        )
        return HourOfDrain(period=period, safe=not why, why=why)
