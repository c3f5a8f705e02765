"""Noticing that BGP runs in a circle."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from backstay.simulate.bgp_decision import Selection


class Watch:
    """Notices a state that comes back (Brent's cycle search): the queue and everybody's best path."""

    def __init__(self) -> None:
        self._saved: tuple[Hashable, Hashable] | None = None
        self._steps = 0
        self._power = 1
        self._last: dict[int, object] = {}
        self.changing: set[int] = set()

    def seen_before(self, queue: tuple[int, ...], chosen: Mapping[int, Selection]) -> bool:
        now = {index: (item.best.path, item.best.peer_text) for index, item in chosen.items()}
        self.changing.update(
            index for index in now.keys() | self._last.keys() if now.get(index) != self._last.get(index)
        )
        self._last = dict(now)
        state = (queue, frozenset(now.items()))
        if state == self._saved:
            return True
        self._steps += 1
        if self._steps == self._power:
            self._saved, self._steps, self._power = state, 0, self._power * 2
            self.changing = set()
        return False
