"""What FRR takes for granted: ``frr version`` and ``frr defaults`` choose among built-in defaults.

FRR keeps defaults by profile and version (`lib/defaults.c`, ``FRR_CFG_DEFAULT_BOOL`` in bgp_vty.c and zebra_rnh.c), so
that a configuration written by an older release keeps its meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DATACENTER = "datacenter"
TRADITIONAL = "traditional"
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?")

#: The release whose behaviour stands where the configuration names none.
REFERENCE = (8, 4)


@dataclass(slots=True)
class Profile:
    """The release and profile a configuration was written for."""

    version: str | None = None
    name: str | None = None

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor number; FRR 8.4 where the configuration does not say."""
        found = _VERSION.match(self.version or "")
        return (int(found[1]), int(found[2] or 0)) if found else REFERENCE

    def bgp(self) -> dict[str, Any]:
        """Defaults of a BGP process, by field of `BgpProcess`.

        ``BGP_EBGP_REQUIRES_POLICY``: off in datacenter and before 7.4. ``BGP_IMPORT_CHECK``: off in traditional
        before 7.4. ``BGP_DETERMINISTIC_MED``: on in datacenter alone (seen on FRR 8.4.4: shown when switched on).
        """
        datacenter = self.name == DATACENTER
        old = self.release < (7, 4)
        return {
            "ebgp_requires_policy": not datacenter and not old,
            "network_import_check": datacenter or not old,
            "deterministic_med": datacenter,
        }

    def resolves_via_default(self) -> bool:
        """``ip nht resolve-via-default``: off in 8.4 (seen on FRR 8.4.4: shown when switched on); on since 10.0, and
        in the datacenter profile of Cumulus.
        """
        return self.release >= (10, 0) or self.name == DATACENTER
