"""The BGP part of a router's FRR configuration: sessions, filters, relations between networks as communities.

Every session with another network has an import and an export policy. Import marks a route with what its sender is to
us (a community and a local preference); export looks at that mark alone: what came from a provider or peer goes to
customers only (valley-free, Gao and Rexford 2001).
"""

from __future__ import annotations

from collections.abc import Iterator

from backstay.generate import addressing
from backstay.generate.addressing import bare
from backstay.generate.design import Design
from backstay.generate.neighbors import DNS_ASN, OUR_ASN, External, Offer

MARKS = {"own": "65000:10", "customer": "65000:100", "peer": "65000:200", "transit": "65000:300"}
PREFERENCE = {"customer": 200, "peer": 150, "transit": 100}
FAMILIES = ((4, "ipv4", "ip"), (6, "ipv6", "ipv6"))


def bgp_section(design: Design, place: int) -> list[str]:
    """All that `router bgp` refers to, then itself: vtysh warns of a route-map that does not exist yet."""
    attached = [(one, link) for one in design.externals for spot, link in one.attachments if spot == place]
    return [
        *_prefix_lists(design, place, attached),
        *_communities(attached),
        *_route_maps(design, place, attached),
        *_process(design, place, attached),
    ]


Attached = list[tuple[External, int]]


def _process(design: Design, place: int, attached: Attached) -> Iterator[str]:
    yield f"router bgp {OUR_ASN}"
    yield f" bgp router-id {addressing.loopback(place).v4}"
    yield " no bgp default ipv4-unicast"
    # Without it the older of two equal external paths wins, and the network's state depends on its past.
    yield " bgp bestpath compare-routerid"
    yield from _internal_sessions(design, place)
    yield from _external_sessions(design, place, attached)
    for version, family, _ in FAMILIES:
        yield " !"
        yield f" address-family {family} unicast"
        yield from _family(design, place, attached, version)
        yield " exit-address-family"
    yield "exit"
    yield "!"


def _groups(design: Design, place: int) -> list[tuple[str, list[int]]]:
    """(peer-group, members): a reflector has its clients and the other reflectors, everybody else the reflectors."""
    reflectors = [one for one in design.placing.reflectors if one != place]
    groups = [("REFLECTORS", reflectors)]
    if place in design.placing.reflectors:
        everybody = range(len(design.names))
        groups.append(("CLIENTS", [one for one in everybody if one not in design.placing.reflectors]))
    return groups


def _internal_sessions(design: Design, place: int) -> Iterator[str]:
    for group, members in _groups(design, place):
        for version, _, _ in FAMILIES:
            name = f"{group}-V{version}"
            yield f" neighbor {name} peer-group"
            yield f" neighbor {name} remote-as {OUR_ASN}"
            yield f" neighbor {name} update-source lo"
            for member in members:
                address = addressing.loopback(member)[version == 6]
                yield f" neighbor {address} peer-group {name}"
                yield f" neighbor {address} description {design.router(member)}"


def _external_sessions(design: Design, place: int, attached: Attached) -> Iterator[str]:
    for external, link in attached:
        for address in addressing.neighbor_link(link, 1):
            yield f" neighbor {bare(address)} remote-as {external.asn}"
            yield f" neighbor {bare(address)} description {external.name}"
    if place in design.placing.dns_sites:
        for address in addressing.dns_lan(design.placing.dns_sites.index(place), 2):
            yield f" neighbor {bare(address)} remote-as {DNS_ASN}"
            yield f" neighbor {bare(address)} description dns-{design.site(place)}"


def _family(design: Design, place: int, attached: Attached, version: int) -> Iterator[str]:
    six = version == 6
    if place in design.placing.data_centers:
        yield f"  network {addressing.OWN[six]} route-map OWN"
    borders = bool(attached) or place in design.placing.dns_sites or place in design.placing.data_centers
    for group, _ in _groups(design, place):
        yield f"  neighbor {group}-V{version} activate"
        if borders:
            yield f"  neighbor {group}-V{version} next-hop-self"
        if group == "CLIENTS":
            yield f"  neighbor {group}-V{version} route-reflector-client"
    for external, link in attached:
        address = bare(addressing.neighbor_link(link, 1)[six])
        incoming, outgoing = policy_names(external)
        yield from _session(address, incoming, outgoing, _most(external.offers, version))
    if place in design.placing.dns_sites:
        address = bare(addressing.dns_lan(design.placing.dns_sites.index(place), 2)[six])
        yield from _session(address, "DNS-IN", "TO-DNS", 5)
    # Reflectors tell their clients one exit per prefix. A router that spreads over a second, equally near one sends
    # packets to routers that do not know it, and they come back: a loop (docs/decisions/0002-generate-room.md).
    yield "  maximum-paths ibgp 1"


def _session(address: str, incoming: str, outgoing: str, most: int) -> Iterator[str]:
    yield f"  neighbor {address} activate"
    yield f"  neighbor {address} route-map {incoming} in"
    yield f"  neighbor {address} route-map {outgoing} out"
    yield f"  neighbor {address} maximum-prefix {most}"


def _most(offers: tuple[Offer, ...], version: int) -> int:
    """Room for four times what the neighbour announces today, 10 at least."""
    return max(10, 4 * sum(offer.version == version for offer in offers))


def policy_names(external: External) -> tuple[str, str]:
    """Route-maps in and out: a customer's own filter in, else by relation."""
    kind = external.kind.upper()
    return (f"{external.policy}-IN" if external.kind == "customer" else f"{kind}-IN", f"TO-{kind}")


def _prefix_lists(design: Design, place: int, attached: Attached) -> Iterator[str]:
    kinds = {external.kind for external, _ in attached}
    for version, _, word in FAMILIES:
        six = version == 6
        if kinds & {"peer", "transit"}:
            bits = 128 if six else 32
            for number, prefix in enumerate((addressing.OWN[six], addressing.ANYCAST[six]), start=1):
                yield f"{word} prefix-list OURS-V{version} seq {5 * number} permit {prefix} le {bits}"
        if kinds & {"peer", "customer"}:
            yield f"{word} prefix-list DEFAULT-V{version} seq 5 permit {'::/0' if six else '0.0.0.0/0'}"
        for external, _ in attached:
            if external.kind == "customer":
                yield from customer_list(external, version)
        if place in design.placing.dns_sites:
            yield f"{word} prefix-list ANYCAST-V{version} seq 5 permit {addressing.ANYCAST[six]}"
    yield "!"


def customer_list(external: External, version: int) -> Iterator[str]:
    """The prefix-list of what a customer may announce."""
    word = "ipv6" if version == 6 else "ip"
    allowed = [offer.prefix for offer in external.offers if offer.version == version and offer.accepted]
    for number, prefix in enumerate(allowed, start=1):
        yield f"{word} prefix-list {external.policy}-V{version} seq {5 * number} permit {prefix}"


def _communities(attached: Attached) -> Iterator[str]:
    if attached:
        yield f"bgp community-list standard TO-EVERYBODY seq 5 permit {MARKS['own']}"
        yield f"bgp community-list standard TO-EVERYBODY seq 10 permit {MARKS['customer']}"
        for number, mark in enumerate(MARKS.values(), start=1):
            yield f"bgp community-list standard TO-CUSTOMERS seq {5 * number} permit {mark}"
        yield "!"


def _route_maps(design: Design, place: int, attached: Attached) -> Iterator[str]:
    if place in design.placing.data_centers:
        yield from _entry("OWN", 10, [], [f"set community {MARKS['own']}"])
    if place in design.placing.dns_sites:
        for version, _, word in FAMILIES:
            match = [f"match {word} address prefix-list ANYCAST-V{version}"]
            yield from _entry("DNS-IN", 5 * (version - 2), match, [f"set community {MARKS['own']}"])
        yield from _entry("TO-DNS", 10, [], [], action="deny")
    written: set[str] = set()
    for external, _ in attached:
        incoming, outgoing = policy_names(external)
        if incoming not in written:
            yield from _import_policy(external, incoming)
        if outgoing not in written:
            yield from _export_policy(external.kind, outgoing)
        written |= {incoming, outgoing}


def _import_policy(external: External, name: str) -> Iterator[str]:
    """Customers: what they have registered. Others: anything but our own prefixes; from peers no default either."""
    marked = [f"set community {MARKS[external.kind]}", f"set local-preference {PREFERENCE[external.kind]}"]
    if external.kind == "customer":
        for version, _, word in FAMILIES:
            match = [f"match {word} address prefix-list {external.policy}-V{version}"]
            yield from _entry(name, 5 * (version - 2), match, marked)
        return
    refused = ["OURS", "DEFAULT"] if external.kind == "peer" else ["OURS"]
    for number, (stem, (version, _, word)) in enumerate((one, two) for one in refused for two in FAMILIES):
        yield from _entry(
            name, 10 * (number + 1), [f"match {word} address prefix-list {stem}-V{version}"], [], action="deny"
        )
    yield from _entry(name, 100, [], marked)


def _export_policy(kind: str, name: str) -> Iterator[str]:
    """Our own and our customers' routes to everybody; the rest, without the default, to customers only."""
    if kind != "customer":
        yield from _entry(name, 10, ["match community TO-EVERYBODY"], [])
        return
    for number, (version, _, word) in enumerate(FAMILIES, start=1):
        yield from _entry(
            name, 10 * number, [f"match {word} address prefix-list DEFAULT-V{version}"], [], action="deny"
        )
    yield from _entry(name, 100, ["match community TO-CUSTOMERS"], [])


def _entry(name: str, number: int, matches: list[str], sets: list[str], *, action: str = "permit") -> Iterator[str]:
    yield f"route-map {name} {action} {number}"
    yield from (f" {line}" for line in (*matches, *sets))
    yield "exit"
    yield "!"
