"""The border at which whatever goes wrong becomes a reason to refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backstay.model.errors import BackstayError

OUT_OF_MEMORY = "it ran out of memory: raise the memory budget (--budget-mb, or 'budget: {mb: ...}' in backstay.yaml)"


class Failure:
    """What stands in the place of an answer that did not come."""

    def __init__(self, cause: str) -> None:
        self.cause = cause


def attempt(work: Callable[..., Any], *arguments: object) -> Any:
    """The only broad ``except`` of the project: whatever goes wrong inside becomes a `Failure` with its cause.

    `SystemExit` too: an engine that calls ``sys.exit(0)`` must not end the audit with the exit code of an ALLOW.
    KeyboardInterrupt passes through.
    """
    try:
        return work(*arguments)
    except BackstayError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure(OUT_OF_MEMORY)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a crash must refuse, never pass
        return Failure(f"{type(error).__name__}: {error}")
