"""Backstay proves a change to a backbone safe before it reaches a router.

>>> import backstay
>>> network = backstay.load("examples/october")
>>> change = backstay.read_change("examples/october/changes/assess-capacity.yaml")
>>> backstay.audit(network, change).decision
<Decision.DENY: 'deny'>

``backstay.simulate`` and ``backstay.audit`` are rooms of the house and, called, the function of the same name.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import backstay.audit
import backstay.simulate
from backstay import api
from backstay.api import assess, load, read_change, resolve, with_demands

if TYPE_CHECKING:
    from backstay.api import audit, simulate

__version__ = "0.1.0"
__all__ = ["__version__", "assess", "audit", "load", "read_change", "resolve", "simulate", "with_demands"]


class _CallableRoom(ModuleType):
    """A package that is also the function of its name: importing it must not hide the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(api, self.__name__.rpartition(".")[2])(*args, **kwargs)


for _room in ("simulate", "audit"):
    sys.modules[f"backstay.{_room}"].__class__ = _CallableRoom
