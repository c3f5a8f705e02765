"""Router selectors: what a change, a scope or an access path means by a name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from backstay.model.network import Network


def select(network: Network, selectors: Iterable[str]) -> tuple[str, ...]:
    """Names of the routers that any selector means, sorted; an empty answer is the caller's to refuse.

    A selector is a glob over router names (case does not matter), ``role:R`` (routers of sites with that role),
    ``site:S``, or ``domain:D``; each takes globs too.
    """
    chosen: set[str] = set()
    for selector in selectors:
        chosen |= _one(network, selector.strip())
    return tuple(sorted(chosen))


def _one(network: Network, selector: str) -> set[str]:
    kind, colon, pattern = selector.partition(":")
    if colon and kind in {"role", "site", "domain"}:
        return _of_sites(network, kind, pattern.casefold())
    wanted = selector.casefold()
    return {name for name in network.routers if fnmatchcase(name.casefold(), wanted)}


def _of_sites(network: Network, kind: str, pattern: str) -> set[str]:
    found: set[str] = set()
    for site in network.sites.values():
        word = {"role": site.role, "site": site.name, "domain": site.domain or ""}[kind]
        if fnmatchcase(word.casefold(), pattern):
            found.update(router.name for name in site.routers if (router := network.router_named(name)))
    return found
