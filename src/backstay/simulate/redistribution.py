"""What a process takes in from other protocols of its router: ``redistribute`` and ``default-information``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from backstay.model.address import Address, Prefix
from backstay.model.network import Router
from backstay.model.routing import DefaultOrigination, Redistribution
from backstay.model.state import Route
from backstay.simulate.seams import Accepted, Candidate, Evaluate


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Imported:
    """A prefix a process announces as external. ``level`` is IS-IS's, ``metric_type`` and ``forwarding`` OSPF's."""

    prefix: Prefix
    metric: int = 0
    tag: int = 0
    level: int | None = None
    metric_type: int = 2
    forwarding: Address | None = None


class Offers(Protocol):
    """The table redistribution reads from: best routes of a protocol (BGP's count external and internal alike)."""

    def candidates(self, router: str, vrf: str, protocol: str) -> Iterable[tuple[Prefix, Route]]: ...

    def route(self, router: str, vrf: str, prefix: Prefix) -> Route | None: ...


@dataclass(frozen=True, slots=True)
class Importer:
    """Takes routes of one router's VRF through the lines of one process."""

    router: Router
    vrf: str
    offers: Offers
    evaluate: Evaluate

    def redistributed(self, line: Redistribution, metric: int, metric_type: int = 2) -> Iterator[Imported]:
        """What a ``redistribute`` line takes in. The default route never comes this way (FRR isisd/isis_redist.c,
        ospfd/ospf_zebra.c: it has a line of its own). ``metric`` stands where neither line nor route-map sets one.
        """
        kind = line.metric_type or metric_type
        for prefix, route in self.offers.candidates(self.router.name, self.vrf, line.protocol):
            if prefix.version != line.version or prefix.is_default:
                continue
            offered = _candidate(prefix, route, metric if line.metric is None else line.metric, kind)
            accepted = self._through(line.route_map, replace(offered, isis=line.level is not None))
            if accepted:
                yield _imported(accepted, line.level)

    def default(
        self, line: DefaultOrigination, protocol: str, metric: int, metric_type: int = 2, *, bare: bool = False
    ) -> Iterator[Imported]:
        """The default route a ``default-information originate`` line makes: always, or when the table has one that
        is not of the protocol itself. ``bare``: made from nothing, whatever the table has: a route-map sees neither the tag nor
        the interface of a default there (``always`` of OSPF, seen on FRR 8.4.4).
        """
        prefix = Prefix(line.version, 0, 0)
        present = None if bare else self.offers.route(self.router.name, self.vrf, prefix)
        if not line.always and (present is None or present.protocol == protocol):
            return
        kind = line.metric_type or metric_type
        offered = _candidate(prefix, present, metric if line.metric is None else line.metric, kind)
        accepted = self._through(line.route_map, replace(offered, isis=line.level is not None))
        if accepted:
            made = _imported(accepted, line.level)
            # Made whether a route is there or not, it leads to its maker (seen on FRR 8.4.4).
            yield replace(made, forwarding=None) if line.always else made

    def _through(self, route_map: str | None, offered: Candidate) -> Candidate | None:
        if route_map is None:
            return offered
        answer = self.evaluate(self.router, route_map, offered)
        return answer.candidate if isinstance(answer, Accepted) else None


def _candidate(prefix: Prefix, route: Route | None, metric: int, metric_type: int) -> Candidate:
    hop = route.next_hops[0] if route and route.next_hops else None
    return Candidate(
        prefix=prefix,
        protocol=route.protocol if route else "static",
        metric=metric,
        tag=route.tag if route else 0,
        metric_type=metric_type,
        interface=hop.interface if hop else None,
        next_hop=hop.address if hop else None,
        discard=bool(hop and hop.discard),
        attributes=route.attributes if route else None,
    )


def _imported(candidate: Candidate, level: int | None) -> Imported:
    return Imported(
        prefix=candidate.prefix,
        metric=candidate.metric,
        tag=candidate.tag,
        level=level,
        metric_type=candidate.metric_type or 2,
        forwarding=candidate.next_hop,
    )
