"""What external speakers hear from the network, read out of BIRD."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from backstay.lab.design import Node
from backstay.lab.speaker import COMMUNITIES, Talk, talks
from backstay.lab.vty import Bird
from backstay.model.address import Prefix
from backstay.model.network import Network
from backstay.model.state import Advertisement

_ROUTE = re.compile(r"^([0-9a-f:.]+/\d+)\s")
_ATTRIBUTE = re.compile(r"^BGP\.(\w+): ?(.*)$")
_PAIR = re.compile(r"\(([^()]*)\)")
_NAMES = {value: name for name, value in COMMUNITIES.items()}

LearnedFrom = Callable[[str, Prefix], str]
"""(router, prefix) -> the external neighbour a router has its best path from, "" for a route of our own."""


@dataclass(slots=True)
class Heard:
    """One route in BIRD's words."""

    prefix: Prefix
    attributes: dict[str, str] = field(default_factory=dict)


def routes(bird: Bird, protocol: str) -> Iterator[Heard]:
    """Everything one session has heard and not lost again."""
    current: Heard | None = None
    for line in bird.ask(f"show route protocol {protocol} all"):
        found = _ROUTE.match(line)
        if found:
            if current:
                yield current
            current = Heard(Prefix.parse(found.group(1)))
        elif current:
            attribute = _ATTRIBUTE.match(line.strip())
            if attribute:
                current.attributes[attribute.group(1)] = attribute.group(2).strip()
    if current:
        yield current


def advertisements(
    network: Network, node: Node, name: str, bird: Bird, learned_from: LearnedFrom
) -> Iterator[Advertisement]:
    """What a speaker hears, by session. ``name`` is the neighbour's.

    FRR sends a route back to where it came from when the update group has other members (bgp_updgrp_adv.c looks only at a
    group of one); the speaker drops it for its own AS in the path (RFC 4271 9.1.2), and it is not counted here.
    """
    for talk in talks(network, node):
        for item in routes(bird, talk.protocol):
            yield Advertisement(
                neighbor=name,
                router=talk.meeting.router,
                peer=talk.meeting.own,
                prefix=item.prefix,
                as_path=_as_path(item.attributes.get("as_path", "")),
                med=int(item.attributes.get("med", -1)),
                communities=_communities(item.attributes),
                learned_from=learned_from(talk.meeting.router, item.prefix),
            )


def _as_path(text: str) -> str:
    """Sets as FRR writes them: ``{1,2}``."""
    return re.sub(r"\{[^}]*\}", lambda found: found.group(0).replace(" ", ","), text)


def _communities(attributes: Mapping[str, str]) -> tuple[str, ...]:
    """As FRR writes them: ``65000:1``, ``no-export``, ``65000:1:2``, ``rt 65000:1``."""
    found = []
    for pair in _PAIR.findall(attributes.get("community", "")):
        bare = f"({pair.replace(' ', '')})"
        found.append(_NAMES.get(bare, bare[1:-1].replace(",", ":")))
    large = _PAIR.findall(attributes.get("large_community", ""))
    found += [triple.replace(" ", "").replace(",", ":") for triple in large]
    for extended in _PAIR.findall(attributes.get("ext_community", "")):
        kind, *rest = [part.strip() for part in extended.split(",")]
        found.append(f"{ {'ro': 'soo'}.get(kind, kind) } {':'.join(rest)}")
    return tuple(sorted(found))


def exported(bird: Bird, sessions: tuple[Talk, ...]) -> dict[str, dict[int, int]]:
    """How many routes a speaker sends on each session, by protocol and IP version."""
    found: dict[str, dict[int, int]] = {}
    for talk in sessions:
        version = 0
        for line in bird.ask(f"show protocols all {talk.protocol}"):
            channel = re.search(r"Channel ipv([46])", line)
            version = int(channel.group(1)) if channel else version
            count = re.search(r"(\d+) exported", line)
            if count and version:
                found.setdefault(talk.protocol, {})[version] = int(count.group(1))
    return found
