"""Operators, the services their tools need, and the ways in."""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.address import Address
from backstay.model.policy import NOWHERE
from backstay.model.source import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something that runs at sites and depends on other things.

    It works for a user standing at a router when some instance works: the instance's address is reached
    from there (and back), and every name in ``needs`` (a service or an anycast) works **from the instance's site**.
    ``sites`` empty: it is outside the network (a third party) and is there unless a need of it fails; ``addresses``
    are per site, else the site's own destination addresses are used. Without ``network`` no reachability
    is needed (a battery door lock), only ``needs``.
    """

    name: str
    kind: str = "service"
    sites: tuple[str, ...] = ()
    addresses: tuple[tuple[str, Address], ...] = ()
    needs: tuple[str, ...] = ()
    network: bool = True
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPath:
    """One way operators have to routers.

    ``kind``: in-band (IP from ``source`` to the router's loopback and back through the network itself),
    out-of-band (a separate network: holds while ``needs`` hold), on-site (somebody walks in: holds while
    ``needs``, the doors, hold). ``source`` is a site, router or external neighbour; ``targets`` are
    router selectors (glob, ``role:pop``, ``site:fra``). ``needs`` name services or anycasts, evaluated from ``source``
    (from the target's own site for on-site). A path needing DNS lists the anycast's name.
    """

    name: str
    kind: str
    source: str | None = None
    targets: tuple[str, ...] = ("*",)
    needs: tuple[str, ...] = ()
    minutes: float | None = None
    place: Place = NOWHERE
