"""Interior routing and BGP brought to agreement: the fixed point of redistribution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from backstay.model.address import Prefix
from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.routing import BgpProcess
from backstay.model.source import Remark
from backstay.simulate import policy
from backstay.simulate.interior import Imports, Interior
from backstay.simulate.rib import BGP_PROTOCOLS, Rib
from backstay.simulate.seams import NO_BGP, BgpResult, ComputeBgp, Computed
from backstay.simulate.topology import derive

ROUNDS = 50
"""Redistribution that has not settled after so many rounds is reported as not converging."""


class Routing:
    """Routing of one network from an overlay (a `seams.Compute`). What the last overlay shares with the next, all but
    the withdrawn sites, is not computed again.
    """

    def __init__(self, network: Network, compute_bgp: ComputeBgp) -> None:
        self._network = network
        self._compute_bgp = compute_bgp
        self._interior: tuple[Overlay, Interior] | None = None

    def __call__(self, overlay: Overlay) -> Computed:
        interior = self._interior_for(overlay)
        rib, result = self._settle(interior, overlay)
        late = _statics_over_bgp(self._network, interior.topology.routers, rib)
        return Computed(
            network=self._network,
            overlay=overlay,
            topology=interior.topology,
            tables=rib,
            adjacencies=interior.adjacencies,
            bgp=result,
            unknowns=in_order({*interior.unknowns, *result.unknowns, *late}),
        )

    def _interior_for(self, overlay: Overlay) -> Interior:
        bare = replace(overlay, withdrawn=frozenset(), sessions_reset=frozenset())
        if self._interior is None or self._interior[0] != bare:
            topology = derive(self._network, bare)
            self._interior = (bare, Interior(self._network, topology, policy.evaluate))
        return self._interior[1]

    def _settle(self, interior: Interior, overlay: Overlay) -> tuple[Rib, BgpResult]:
        """Interior routing and BGP, each fed with what the other offers, until neither changes.

        A state of redistribution that comes back after others is a circle; its members are named.
        """
        result = NO_BGP
        history: list[Imports] = [interior.nothing]
        settled: list[Imports] = []
        while True:
            imports = self._imports(interior, result, history)
            if imports in settled:
                raise _circle(settled, imports)
            settled.append(imports)
            underlay = interior.rib(imports, NO_BGP)
            result = self._compute_bgp(self._network, overlay, interior.topology, underlay)
            rib = interior.rib(imports, result)
            if interior.imports(rib) == imports:
                return rib, result
            history.append(interior.imports(rib))

    def _imports(self, interior: Interior, result: BgpResult, history: list[Imports]) -> Imports:
        """What is redistributed once the interior protocols agree among themselves, BGP's routes held still."""
        while True:
            current = history[-1]
            following = interior.imports(interior.rib(current, result))
            if following == current:
                return current
            if following in history or len(history) > ROUNDS:
                raise _circle(history, following)
            history.append(following)


def _statics_over_bgp(network: Network, routers: Iterable[str], rib: Rib) -> Iterator[Remark]:
    """Static routes that hold by BGP's routes alone and that BGP takes in itself: BGP is computed on what there is without
    its routes.
    """
    for name in routers:
        router = network.routers[name]
        taken = {process.vrf: process for process in router.bgp}
        for line in router.static_routes if taken else ():
            process = taken.get(line.vrf)
            if line.next_hop is None or process is None or not _takes(process, line.prefix):
                continue
            route, beneath = rib.route(name, line.vrf, line.prefix), rib.lookup(name, line.vrf, line.next_hop)
            if route and route.protocol == "static" and beneath and beneath[1].protocol in BGP_PROTOCOLS:
                text = f"{name}: the static route to {line.prefix} holds by a route of BGP, which takes it in"
                yield Remark("bgp-static-over-bgp", text, name, line.place)


def _takes(process: BgpProcess, prefix: Prefix) -> bool:
    """Whether BGP takes in a static route to the prefix."""
    family = process.families.get(prefix.version)
    if family is None:
        return False
    named = any(statement.prefix == prefix for statement in family.networks)
    return named or any(line.protocol == "static" for line in family.redistributions)


def _circle(history: Sequence[Imports], following: Imports) -> NotConverging:
    first = history.index(following) if following in history else len(history) - 2
    states = [*history[first:], following]
    changing = sorted(set(chain.from_iterable(map(_changes, states[:-1], states[1:]))))
    text = ", ".join(changing[:5]) + (f" and {len(changing) - 5} more" if len(changing) > 5 else "")
    return NotConverging(f"redistribution does not settle: {text}", tuple(changing))


def _changes(one: Imports, other: Imports) -> list[str]:
    """Texts of what one state redistributes and the other does not."""
    return [
        f"{item.prefix} into {protocol} on {key[0]}"
        for protocol, key in {*_places(one), *_places(other)}
        for item in {*one[protocol].get(key, ())} ^ {*other[protocol].get(key, ())}
    ]


def _places(imports: Imports) -> list[tuple[str, tuple[str, str]]]:
    return [(protocol, key) for protocol, by_key in imports.items() for key in by_key]


def in_order(remarks: set[Remark]) -> tuple[Remark, ...]:
    """Remarks sorted by code, router and text."""
    return tuple(sorted(remarks, key=lambda remark: (remark.code, remark.router or "", remark.text)))
