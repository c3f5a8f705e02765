"""Whether a program that asks questions came late itself: what timed out meanwhile says nothing about the network."""

from __future__ import annotations

import asyncio
import time

PACE = 0.1
LATE = 0.3
"""Seconds by which an event loop wakes too late before it is called late: a third of what questions have to be answered."""


class Lateness:
    """Looks at the clock while its event loop runs."""

    def __init__(self) -> None:
        self._last = float("-inf")

    async def watch(self) -> None:
        """Run beside the questions."""
        while True:
            begun = time.monotonic()
            await asyncio.sleep(PACE)
            self.note(begun)

    def note(self, begun: float) -> None:
        """A wait of `PACE` that began then is over now."""
        now = time.monotonic()
        if now - begun - PACE > LATE:
            self._last = now

    def since(self, moment: float) -> bool:
        """Whether the loop was late at any time since (by the monotonic clock)."""
        return self._last >= moment
