"""What a drain is asked for: a router, a link, a site or a shared-risk group, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from backstay.model.errors import UsageError
from backstay.model.network import Network

KINDS = ("router", "link", "site", "srlg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Routers and links to take out of service, each sorted; a router's links go with it and are not named.

    ``words`` is what was asked for, ``router gen1``.
    """

    words: tuple[str, ...]
    routers: tuple[str, ...]
    links: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.words)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """What was asked for must not be done; the text is the reason, for people."""


def target_of(network: Network, asked: Sequence[str]) -> Target:
    """What the words mean. ``router:``, ``link:``, ``site:`` or ``srlg:`` before a name says which kind is meant.

    Raises `UsageError` for a name that means nothing or several things, `Refused` for nothing at all or everything.
    """
    words = [word.strip() for word in asked]
    if not words or not all(words):
        raise Refused(
            "the target is empty: name a router, a link, a site or a shared-risk group; nothing is never everything"
        )
    found = [_meaning(network, word) for word in dict.fromkeys(words)]
    routers = sorted({name for kind, name in found for name in _routers(network, kind, name)})
    links = sorted({name for kind, name in found for name in _links(network, kind, name)})
    alone = tuple(name for name in links if not {end.router for end in network.links[name].ends} & set(routers))
    target = Target(words=tuple(f"{kind} {name}" for kind, name in found), routers=tuple(routers), links=alone)
    _refuse_everything(network, target)
    return target


def _meaning(network: Network, word: str) -> tuple[str, str]:
    kind, colon, name = word.partition(":")
    if colon and kind in KINDS and word not in network.links:
        known = _named(network, kind, name.strip())
        if known is None:
            raise UsageError(f"there is no {kind} {name.strip()!r}{_hint(name.strip(), _names(network, kind))}")
        return kind, known
    found = [(kind, known) for kind in KINDS if (known := _named(network, kind, word)) is not None]
    if len(found) > 1:
        choices = " or ".join(f"{kind}:{name}" for kind, name in found)
        raise UsageError(f"{word} is more than one thing: say {choices}")
    if not found:
        every = [name for kind in KINDS for name in _names(network, kind)]
        raise UsageError(f"there is no router, link, site or shared-risk group {word!r}{_hint(word, every)}")
    return found[0]


def _names(network: Network, kind: str) -> Iterable[str]:
    if kind == "router":
        return network.routers
    if kind == "link":
        return network.links
    if kind == "site":
        return network.sites
    return sorted({group for link in network.links.values() for group in link.risk_groups})


def _named(network: Network, kind: str, word: str) -> str | None:
    """The thing of this kind and name; routers without regard to case."""
    if kind == "router":
        router = network.router_named(word)
        return router.name if router else None
    return word if word in set(_names(network, kind)) else None


def _hint(word: str, names: Iterable[str]) -> str:
    near = get_close_matches(word, sorted(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _routers(network: Network, kind: str, name: str) -> Iterable[str]:
    if kind == "router":
        return (name,)
    if kind == "site":
        known = (network.router_named(router) for router in network.sites[name].routers)
        return tuple(router.name for router in known if router)
    return ()


def _links(network: Network, kind: str, name: str) -> Iterable[str]:
    if kind == "link":
        return (name,)
    if kind == "srlg":
        return tuple(link.name for link in network.links.values() if name in link.risk_groups)
    return ()


def _refuse_everything(network: Network, target: Target) -> None:
    if not target.routers and not target.links:
        raise Refused(f"{target}: no router and no link belongs to it, so there is nothing to drain")
    if len(target.routers) == len(network.routers):
        raise Refused(
            f"{target}: that is every router of the network ({len(network.routers)}); nothing would be left to carry anything"
        )
    ends = {end.router for name in target.links for end in network.links[name].ends} | set(target.routers)
    gone = {
        link.name
        for link in network.links.values()
        if link.name in target.links or {end.router for end in link.ends} & set(target.routers)
    }
    if network.links and gone == set(network.links):
        raise Refused(
            f"{target}: that is every link of the network ({len(gone)}), between {len(ends)} routers; nothing would be left"
        )
