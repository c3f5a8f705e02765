"""Whose turn it is: orders of messages between BGP speakers. RFC 4271 9 fixes none, and RFC 4264 shows where it matters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

Order = Callable[[deque[int]], int]
"""Takes the speaker whose turn is next out of those who have something new, in the order they were woken."""


def first_woken(queue: deque[int]) -> int:
    """First in, first out: everybody's news travels at the same pace."""
    return queue.popleft()


def _last_woken(queue: deque[int]) -> int:
    return queue.pop()


def _lowest(queue: deque[int]) -> int:
    queue.remove(chosen := min(queue))
    return chosen


def _highest(queue: deque[int]) -> int:
    queue.remove(chosen := max(queue))
    return chosen


OTHER_ORDERS: tuple[Order, ...] = (_last_woken, _lowest, _highest)
