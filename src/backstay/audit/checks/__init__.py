"""Every check, in the order findings are told. Adding one is one file, one row here and one page of documentation."""

from __future__ import annotations

from backstay.audit.checks import advertise, anycast, intent, limits, load, lockout, reach, scope, unread
from backstay.audit.context import PASSED_THROUGH, Check, Kind

CHECKS: tuple[Check, ...] = (
    Check(id=scope.ID, function=scope.check, kinds=frozenset({Kind.STEP, Kind.WHOLE})),
    Check(id=intent.ID, function=intent.check, kinds=frozenset({Kind.STEP, Kind.DURING, Kind.WHOLE})),
    Check(id=lockout.ID, function=lockout.check, kinds=PASSED_THROUGH | {Kind.WHOLE, Kind.ROLLED_BACK}),
    Check(id=anycast.ID, function=anycast.check, kinds=PASSED_THROUGH),
    Check(id=reach.ID, function=reach.check, kinds=PASSED_THROUGH),
    Check(id=advertise.ID, function=advertise.check, kinds=PASSED_THROUGH),
    Check(id=load.ID, function=load.check, kinds=PASSED_THROUGH),
    Check(id=limits.ID, function=limits.check, kinds=PASSED_THROUGH),
    Check(id=unread.ID, function=unread.check, kinds=PASSED_THROUGH | {Kind.WHOLE}),
)
"""What an audit asks. ``agree`` (do the engines say the same?) needs several States and is asked by the gate."""
