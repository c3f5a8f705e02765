"""What zebra and bgpd say of their routes, as the model's values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from backstay.lab.cables import link_local_addresses
from backstay.lab.design import ROUTER, Design
from backstay.lab.vty import Vty
from backstay.model.address import Address, Prefix
from backstay.model.errors import Unproven
from backstay.model.network import InterfaceRef
from backstay.model.state import NextHop, PathAttributes, Route

IBGP_FLAG = 0x04
"""ZEBRA_FLAG_IBGP of lib/zclient.h, shown by zebra as ``internalFlags``: internal and confederation peers, aggregates."""
COMMANDS = {4: "show ip route json", 6: "show ipv6 route json"}
FAMILIES = {4: "ipv4", 6: "ipv6"}
Table = dict[Prefix, Route]
# The same prefixes and addresses stand in every router's table: a hundred routers repeat each a hundred times.
_prefix = lru_cache(maxsize=1 << 17)(Prefix.parse)
_parsed = lru_cache(maxsize=1 << 17)(Address.parse)


@dataclass(frozen=True, eq=False, slots=True)
class Homes:
    """Which interface has which link-local address: what tells two neighbours on one LAN apart."""

    found: Mapping[Address, InterfaceRef]

    @classmethod
    def of(cls, design: Design) -> Homes:
        routers = {node.name: node.subject for node in design.of_kind(ROUTER)}
        addresses = link_local_addresses(design.wires)
        return cls({a: InterfaceRef(routers[p.node], p.interface) for a, p in addresses.items() if p.node in routers})


NOBODY = Homes({})


def main_table(zebra: Vty, homes: Homes) -> Table:
    """The selected routes of a router's default VRF, of both IP versions, sorted by prefix."""
    found: Table = {}
    for command in COMMANDS.values():
        for text, entries in zebra.json(command).items():
            selected = next((entry for entry in entries if entry.get("selected")), None)
            if selected is not None and not _of_the_link(prefix := _prefix(text)):
                found[prefix] = route(selected, homes)
    return dict(sorted(found.items()))


@lru_cache(maxsize=1 << 17)
def _of_the_link(prefix: Prefix) -> bool:
    """fe80::/64 of an interface (RFC 4291 2.5.6), 169.254/16 (RFC 3927): no route of the network."""
    return prefix.network.is_link_local and prefix.length > 0


def route(entry: Mapping[str, Any], homes: Homes = NOBODY) -> Route:
    """One entry of ``show ip route json``."""
    shown, leaving = _hops(tuple(tuple(map(hop.get, HOP)) for hop in entry.get("nexthops", ())), homes)
    return Route(
        protocol=_protocol(entry, shown),
        distance=int(entry.get("distance", 0)),
        metric=int(entry.get("metric", 0)),
        next_hops=shown,
        forwarding=leaving,
        tag=int(entry.get("tag", 0)),
    )


HOP = (
    "ip", "interfaceName", "directlyConnected", "recursive", "resolver", "duplicate", "active", "fib",
    "reject", "blackhole", "unreachable",
)  # fmt: skip
"""What zebra says of a next hop, as far as it is read: most routes of a router share a few, and each is read once."""


@lru_cache(maxsize=1 << 15)
def _hops(told: tuple[tuple[Any, ...], ...], homes: Homes) -> tuple[tuple[NextHop, ...], tuple[NextHop, ...]]:
    """The next hops a route shows, and those that packets leave by."""
    hops = [hop for values in told if not (hop := dict(zip(HOP, values, strict=True)))["duplicate"]]
    shown = [_shown(hop, homes) for hop in hops if not hop["resolver"] and hop["active"] is not False]
    leaving = [
        _leaving(hop, homes) for hop in hops if not hop["recursive"] and hop["active"] and hop["fib"] is not False
    ]
    return _sorted(shown), _sorted(leaving)


def _protocol(entry: Mapping[str, Any], shown: Iterable[NextHop]) -> str:
    name = str(entry["protocol"])
    if name == "bgp":
        internal = int(entry.get("internalFlags", 0)) & IBGP_FLAG
        if internal and any(hop.discard for hop in shown):
            return "aggregate"
        return "ibgp" if internal else "bgp"
    return name


def _sorted(hops: Iterable[NextHop]) -> tuple[NextHop, ...]:
    found = set(hops)
    return tuple(found) if len(found) == 1 else tuple(sorted(found, key=lambda hop: hop.key))


def _shown(hop: Mapping[str, Any], homes: Homes) -> NextHop:
    return NextHop(address=_address(hop)) if hop.get("recursive") and not discarding(hop) else _leaving(hop, homes)


def _leaving(hop: Mapping[str, Any], homes: Homes) -> NextHop:
    discard = discarding(hop)
    if discard:
        return NextHop(discard=discard)
    text = hop.get("ip")
    neighbor = homes.found.get(_parsed(text)) if text else None
    return NextHop(address=_address(hop), interface=hop.get("interfaceName"), neighbor=neighbor)


def discarding(hop: Mapping[str, Any]) -> str | None:
    if hop.get("reject"):
        return "reject"
    return "blackhole" if hop.get("blackhole") or hop.get("unreachable") else None


def _address(hop: Mapping[str, Any]) -> Address | None:
    """None for a link-local one, as the model has it."""
    text = hop.get("ip")
    if not text or hop.get("directlyConnected"):
        return None
    found = _parsed(text)
    return None if found.version == 6 and found.is_link_local else found


# ------------------------------------------------------------------------------------------- BGP attributes


def attributes(bgpd: Vty, prefixes: Iterable[Prefix]) -> dict[Prefix, PathAttributes]:
    """The attributes of the best path of each prefix, as bgpd holds them after its import policy."""
    found = {}
    for prefix in prefixes:
        told = bgpd.json(f"show bgp {FAMILIES[prefix.version]} unicast {prefix} json")
        best = next((path for path in told.get("paths", ()) if path.get("bestpath", {}).get("overall")), None)
        if best is None:
            raise Unproven(f"{bgpd.path.parent.name}: zebra has {prefix} from BGP, bgpd has no best path for it")
        found[prefix] = path_attributes(best)
    return found


def best_peers(bgpd: Vty) -> dict[Prefix, str | None]:
    """The peer each BGP prefix's best path came from, whether the main table took it or not; None: it is our own."""
    found: dict[Prefix, str | None] = {}
    for family in FAMILIES.values():
        for text, paths in bgpd.json(f"show bgp {family} unicast json").get("routes", {}).items():
            for path in paths:
                if path.get("bestpath"):
                    peer = str(path.get("peerId", ""))
                    found[Prefix.parse(text)] = None if peer.startswith("(") or not peer else peer
    return found


def path_attributes(path: Mapping[str, Any]) -> PathAttributes:
    """One path of ``show bgp ... PREFIX json``."""
    found = path.get("nexthops", ())  # an IPv6 one may come with the link-local address that packets leave by
    hops = (
        [hop for hop in found if hop.get("scope") == "global"]
        or [hop for hop in found if hop.get("used")]
        or list(found)
    )
    hop = Address.parse(hops[0]["ip"]) if hops else None
    own = bool(path.get("sourced") or path.get("local"))
    return PathAttributes(
        as_path=_as_path(path.get("aspath", {})),
        local_preference=int(path.get("locPrf", 100)),
        med=path.get("metric"),
        origin=str(path.get("origin", "incomplete")).lower(),
        weight=int(path.get("weight", 0)),
        communities=tuple(sorted(path.get("community", {}).get("string", "").split())),  # "list" has names of its own
        large_communities=tuple(sorted(path.get("largeCommunity", {}).get("list", ()))),
        extended_communities=_extended(path.get("extendedCommunity", {})),
        originator=_optional(path.get("originatorId")),
        cluster_list=tuple(Address.parse(text) for text in path.get("clusterList", {}).get("list", ())),
        next_hop=None if own or hop is None or (hop.version == 6 and hop.is_link_local) else hop,
        learned_from=None if own else path.get("peer", {}).get("peerId"),
        atomic_aggregate=bool(path.get("atomicAggregate")),
        aggregator=_aggregator(path),
    )


def _as_path(told: Mapping[str, Any]) -> str:
    text = str(told.get("string", ""))
    return "" if text == "Local" else text


def _extended(told: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(_pairs(str(told.get("string", "")).split())))


def _pairs(words: list[str]) -> Iterator[str]:
    """``RT:65000:1`` as the model writes it: ``rt 65000:1``."""
    for word in words:
        kind, _, value = word.partition(":")
        yield f"{kind.lower()} {value}"


def _optional(text: str | None) -> Address | None:
    return Address.parse(text) if text else None


def _aggregator(path: Mapping[str, Any]) -> str | None:
    return f"{path['aggregatorAs']} {path['aggregatorId']}" if "aggregatorAs" in path else None
