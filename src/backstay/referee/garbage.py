"""Python's cyclic collector goes through everything there is time and again; an engine makes much that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 100_000
"""So many objects more than there were are worth a look for garbage among them."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Nothing is looked at by itself; `tidy`, called now and then, looks at what was made since it was last called."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def tidy() -> None:
    """Let go of what is no longer used, of late."""
    if gc.get_count()[0] > YOUNG:
        gc.collect(1)
