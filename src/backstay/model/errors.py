"""Every error Backstay raises on purpose.

::

    BackstayError                       exit code
    ├── InputError                      2   something given to us is wrong; carries the place
    │   ├── FolderError                     missing, empty, unreadable folder or file
    │   ├── ConfigError                     a router configuration that cannot be taken in
    │   ├── IntentError                     backstay.yaml, demands.csv
    │   └── ChangeError                     the change file, a selector, a merge that is not possible
    ├── UsageError                      2   a command asked for in a way that has no meaning
    ├── Unproven                        3   an engine cannot answer: never a guess
    │   └── NotConverging                   routing runs in a circle; carries the cycle
    └── EnvironmentError_               2   something this machine lacks (lab: root, frr, knot)
"""

from __future__ import annotations

from typing import ClassVar

from backstay.model.source import Place


class BackstayError(Exception):
    """The root; ``str(error)`` is always one clear line."""

    exit_code: ClassVar[int] = 2


class InputError(BackstayError):
    """Bad input: what was found, where, and what was expected."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


class FolderError(InputError):
    """A network folder or a file of it is missing, empty or unreadable."""


class ConfigError(InputError):
    """A router configuration that cannot be taken in at all."""


class IntentError(InputError):
    """A fault in ``backstay.yaml`` or ``demands.csv``; the message holds the path of the key."""


class ChangeError(InputError):
    """A change that is empty, selects nothing or cannot be merged."""


class UsageError(BackstayError):
    """A request that has no meaning, such as an unknown engine."""


class Unproven(BackstayError):  # noqa: N818 - it is an answer, not a fault
    """The engine cannot compute this; the gate turns it into UNKNOWN with the reason."""

    exit_code: ClassVar[int] = 3


class NotConverging(Unproven):
    """Routing visits the same states again and again; ``cycle`` names the routers and prefixes in it."""

    def __init__(self, message: str, cycle: tuple[str, ...]) -> None:
        super().__init__(message)
        self.cycle = cycle


class EnvironmentError_(BackstayError):  # noqa: N801, N818 - the plain name is a builtin
    """This machine lacks something; the message names the remedy."""
