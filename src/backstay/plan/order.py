"""The order of steps: every state in between must hold, whatever fails next.

Orders are tried depth first, at each point the step with the lowest worst utilisation afterwards first; sets of steps that
are known to exceed something are never entered twice. All orders are tried for up to `EXHAUSTIVE` steps; beyond that the
search does not turn back and may miss one, which it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backstay.plan.standing import Bounds, Standing

EXHAUSTIVE = 6

Done = frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Steps by number in the order to take them, with the standing after each. ``safe`` are the hours that hold
    throughout. ``blocked`` says where the best try ended when there is no such order.
    """

    steps: tuple[int, ...]
    standings: tuple[Standing, ...]
    safe: frozenset[str]
    blocked: str = ""


def best_order(
    count: int,
    after: Callable[[tuple[int, ...]], Standing],
    bounds: Bounds,
    hours: frozenset[str],
    may_follow: Callable[[tuple[int, ...], int], bool] = lambda _taken, _step: True,
) -> Order:
    """An order of ``count`` steps in which all ``hours`` hold after every step; ``after`` is the standing after some.

    ``may_follow`` can forbid a step at a point (one failure domain at a time).
    """
    return _Search(count, after, bounds, hours, may_follow).run()


class _Search:
    def __init__(
        self,
        count: int,
        after: Callable[[tuple[int, ...]], Standing],
        bounds: Bounds,
        hours: frozenset[str],
        may_follow: Callable[[tuple[int, ...], int], bool],
    ) -> None:
        self.count, self.after, self.bounds, self.hours, self.may_follow = count, after, bounds, hours, may_follow
        self.known: dict[Done, Standing] = {}
        self.dead: set[Done] = set()
        self.furthest: tuple[int, ...] = ()
        self.objections: dict[tuple[int, ...], str] = {}

    def run(self) -> Order:
        found = self._extend(())
        steps = self.furthest if found is None else found
        standings = tuple(self._standing(steps[: number + 1]) for number in range(len(steps)))
        safe = self.hours if found is None else self._safe(standings)
        return Order(steps=steps, standings=standings, safe=safe, blocked="" if found is not None else self._blocked())

    def _safe(self, standings: Sequence[Standing]) -> frozenset[str]:
        every = frozenset(self.bounds.before)
        for item in standings:
            every &= self.bounds.safe(item)
        return every

    def _blocked(self) -> str:
        objections = [text for taken, text in self.objections.items() if taken[:-1] == self.furthest]
        text = min(objections, default="no step may follow")
        missed = "" if self.count <= EXHAUSTIVE else f" (of {self.count} steps not every order was tried)"
        return text + missed

    def _standing(self, taken: tuple[int, ...]) -> Standing:
        done = frozenset(taken)
        if done not in self.known:
            self.known[done] = self.after(taken)
        return self.known[done]

    def _extend(self, taken: tuple[int, ...]) -> tuple[int, ...] | None:
        if len(taken) == self.count:
            return taken
        if len(taken) > len(self.furthest):
            self.furthest = taken
        for step in self._candidates(taken):
            found = self._extend((*taken, step))
            if found is not None:
                return found
            if self.count > EXHAUSTIVE:
                break
        self.dead.add(frozenset(taken))
        return None

    def _candidates(self, taken: tuple[int, ...]) -> list[int]:
        """Steps after which all hours hold, the calmest first."""
        rest = [step for step in range(self.count) if step not in taken and self.may_follow(taken, step)]
        open_steps = [step for step in rest if frozenset((*taken, step)) not in self.dead]
        holding = [step for step in open_steps if self._holds((*taken, step))]
        return sorted(holding, key=lambda step: (self._worst((*taken, step)), step))

    def _holds(self, taken: tuple[int, ...]) -> bool:
        found = self._standing(taken)
        for moment in found.moments:
            if moment.period in self.hours and (text := self.bounds.objection(moment)):
                self.objections[taken] = text + (f" ({moment.period})" if moment.period else "")
                return False
        return True

    def _worst(self, taken: tuple[int, ...]) -> float:
        return max(
            (moment.worst for moment in self._standing(taken).moments if moment.period in self.hours), default=0.0
        )
