"""Interior routing and BGP brought to agreement: the fixed point of redistribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from backstay.model.errors import NotConverging
from backstay.model.network import Network, Overlay
from backstay.model.source import Remark
from backstay.simulate import policy
from backstay.simulate.interior import Imports, Interior
from backstay.simulate.rib import OverBgp, Rib
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
        return Computed(
            network=self._network,
            overlay=overlay,
            topology=interior.topology,
            tables=rib,
            adjacencies=interior.adjacencies,
            bgp=result,
            unknowns=in_order({*interior.unknowns, *result.unknowns}),
        )

    def _interior_for(self, overlay: Overlay) -> Interior:
        bare = replace(overlay, withdrawn=frozenset(), sessions_reset=frozenset())
        if self._interior is None or self._interior[0] != bare:
            topology = derive(self._network, bare)
            self._interior = (bare, Interior(self._network, topology, policy.evaluate))
        return self._interior[1]

    def _settle(self, interior: Interior, overlay: Overlay) -> tuple[Rib, BgpResult]:
        """Interior routing and BGP, each fed with what the other offers, until neither changes; BGP, which takes static
        routes too, also with those that hold over its own.

        A state of redistribution that comes back after others is a circle; its members are named.
        """
        result = NO_BGP
        history: list[Imports] = [interior.nothing]
        settled: list[tuple[Imports, OverBgp]] = []
        over_bgp: OverBgp = {}
        while True:
            imports = self._imports(interior, result, history)
            if (imports, over_bgp) in settled:
                raise _circle_over_bgp(settled, (imports, over_bgp))
            settled.append((imports, over_bgp))
            underlay = interior.rib(imports, NO_BGP, over_bgp)
            result = self._compute_bgp(self._network, overlay, interior.topology, underlay)
            rib = interior.rib(imports, result)
            offered, following = interior.imports(rib), rib.over_bgp(interior.rib(imports))
            if offered == imports and following == over_bgp:
                return rib, result
            over_bgp = following
            history.append(offered)

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


def _circle_over_bgp(settled: Sequence[tuple[Imports, OverBgp]], following: tuple[Imports, OverBgp]) -> NotConverging:
    states = [*settled[settled.index(following) :], following]
    if any(imports != following[0] for imports, _ in states):
        return _circle([imports for imports, _ in states], following[0])
    known = [frozenset(over_bgp.items()) for _, over_bgp in states]
    changing = frozenset.union(*known) - frozenset.intersection(*known)
    names = tuple(sorted({f"{prefix} on {node[0]}" for (node, prefix), _ in changing}))
    return NotConverging(f"static routes over BGP do not settle: {', '.join(names[:5])}", names)


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
