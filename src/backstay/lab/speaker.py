"""BIRD in the lab: the external networks, and the BGP side of a DNS site.

An external network announces what ``backstay.yaml`` says, with those AS paths, and nothing it has learned from us; it keeps
all it hears, by session, and forwards by it, so that users who stand there can send packets. A DNS site announces its anycast
prefixes while its health check has the protocols ``anycast4``/``anycast6`` enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backstay.lab.design import DNS, Meeting, Node
from backstay.model.address import Address, Prefix
from backstay.model.network import Announcement, Network
from backstay.model.routing import BgpNeighbor, BgpProcess

RECORDING = "heard.mrt"
"""What a speaker hears, message by message and byte by byte, in its folder (MRT, RFC 6396)."""
ORIGINS = {"igp": "ORIGIN_IGP", "egp": "ORIGIN_EGP", "incomplete": "ORIGIN_INCOMPLETE"}
COMMUNITIES = {
    "no-export": "(65535,65281)",
    "no-advertise": "(65535,65282)",
    "local-AS": "(65535,65283)",
    "no-peer": "(65535,65284)",
    "graceful-shutdown": "(65535,0)",
    "blackhole": "(65535,666)",
    "llgr-stale": "(65535,6)",
    "no-llgr": "(65535,7)",
    "accept-own": "(65535,1)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One BGP session of a speaker. ``protocol`` is its name in BIRD."""

    protocol: str
    meeting: Meeting
    process: BgpProcess
    neighbor: BgpNeighbor | None


def talks(network: Network, node: Node) -> tuple[Talk, ...]:
    """The sessions a speaker keeps: one for each address that a router's configuration knows, or listens for."""
    found: list[Talk] = []
    for meeting in node.meetings:
        router = network.routers[meeting.router]
        for process in router.bgp[:1]:
            neighbor = _neighbor(process, meeting.own)
            if neighbor is not None or any(item.prefix.holds(meeting.own) for item in process.listen_ranges):
                found.append(
                    Talk(
                        protocol=f"s{len(found)}",
                        meeting=meeting,
                        process=process,
                        neighbor=neighbor or _listener(process),
                    )
                )
    return tuple(found)


def _neighbor(process: BgpProcess, address: Address) -> BgpNeighbor | None:
    return next((item for item in process.neighbors.values() if item.peer == address), None)


def _listener(process: BgpProcess) -> BgpNeighbor | None:
    return process.listen_ranges[0].template if process.listen_ranges else None


def configuration(network: Network, node: Node, router_id: Address) -> str:
    """``bird.conf`` of a speaker."""
    sessions = talks(network, node)
    parts = [f"router id {router_id};", 'log "bird.log" { warning, error, fatal };', "protocol device { scan time 1; }"]
    parts += [f'mrtdump "{RECORDING}";', "mrtdump protocols { messages, states };"]
    parts += _static(network, node)
    for version in (4, 6):
        parts.append(
            f"protocol kernel kernel{version} {{ learn no; merge paths on; ipv{version} {{ import none; export where source = RTS_BGP; }}; }}"
        )
    parts += [line for talk in sessions for line in _session(network, node, talk)]
    return "".join(f"{line}\n" for line in parts)


def _static(network: Network, node: Node) -> Iterator[str]:
    for version in (4, 6):
        if node.kind == DNS:
            anycast = network.anycasts[node.subject.partition("/")[0]]
            routes = [f"  route {prefix} blackhole;" for prefix in anycast.prefixes if prefix.version == version]
            name, first = f"anycast{version}", "disabled;"
        else:
            known = network.neighbors.get(node.subject)
            offered = known.announcements if known else ()
            routes = [_route(item) for item in offered if item.prefix.version == version]
            name, first = f"offers{version}", ""
        yield f"protocol static {name} {{ {first} ipv{version} {{ preference 300; }};"
        yield from routes
        yield "}"


def _route(item: Announcement) -> str:
    """A route with its attributes; BIRD adds its own AS when it sends, and takes a MED from the export filter alone."""
    words = [f"bgp_origin = {ORIGINS[item.origin]};"]
    words += [f"bgp_path.prepend({asn});" for asn in reversed(item.as_path[1:])]
    words += [word for text in item.communities for word in _community(text)]
    return f"  route {item.prefix} blackhole {{ {' '.join(words)} }};"


def _community(text: str) -> Iterator[str]:
    parts = text.split(":")
    if text in COMMUNITIES:
        yield f"bgp_community.add({COMMUNITIES[text]});"
    elif len(parts) == 3:
        yield f"bgp_large_community.add(({','.join(parts)}));"
    elif len(parts) == 2:
        yield f"bgp_community.add(({','.join(parts)}));"


def _session(network: Network, node: Node, talk: Talk) -> Iterator[str]:
    router, neighbor, meeting = network.routers[talk.meeting.router], talk.neighbor, talk.meeting
    yield f"protocol bgp {talk.protocol} {{"
    yield f'  description "{router.name}"; mrtdump all;'
    yield f"  local {meeting.own} as {node.asn or 64999};"
    yield f"  neighbor {meeting.peer} as {_our_as(node, talk.process, neighbor)};"
    if neighbor is not None and (neighbor.ebgp_ttl > 1 or neighbor.ttl_security):
        yield "  ttl security on;" if neighbor.ttl_security else f"  multihop {neighbor.ebgp_ttl};"
    if neighbor is not None and neighbor.password:
        yield f'  password "{neighbor.password}";'
    yield "  connect delay time 1; connect retry time 1; error wait time 1, 2; hold time 240; allow local as 20;"
    yield from (f"  {line}" for line in _channels(network, node, talk))
    yield "}"


def _our_as(node: Node, process: BgpProcess, neighbor: BgpNeighbor | None) -> int:
    """The AS the router shows this speaker: its ``local-as``, the confederation's to the outside, else its own."""
    if neighbor is not None and neighbor.local_as:
        return neighbor.local_as
    inside = node.asn == process.asn or node.asn in process.confederation_peers
    return process.confederation_id if process.confederation_id and not inside else process.asn


def _channels(network: Network, node: Node, talk: Talk) -> Iterator[str]:
    known = network.neighbors.get(node.subject)
    own = "anycast" if node.kind == DNS else "offers"
    families = sorted(talk.neighbor.families) if talk.neighbor else [talk.meeting.own.version]
    for version in families or [talk.meeting.own.version]:
        other = " extended next hop on;" if version != talk.meeting.own.version else ""
        meds = " ".join(
            f"if net = {item.prefix} then bgp_med = {item.med};"
            for item in (known.announcements if known else ())
            if item.med is not None and item.prefix.version == version
        )
        yield f"ipv{version} {{ import keep filtered; import all;{other}"
        yield f'  export filter {{ if proto != "{own}{version}" then reject; {meds} accept; }}; }};'


def router_ids(nodes: Iterable[Node]) -> dict[str, Address]:
    """A router id for each speaker: its lowest IPv4 address towards us, else one of TEST-NET (by order)."""
    found: dict[str, Address] = {}
    for number, node in enumerate(sorted(nodes, key=lambda item: item.name), start=1):
        own = [meeting.own for meeting in node.meetings if meeting.own.version == 4]
        found[node.name] = min(own) if own else Address(4, Prefix.parse("203.0.113.0/24").value + number % 254 + 1)
    return found
