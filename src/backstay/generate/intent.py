"""`backstay.yaml`, written by hand: the reader has the validation, and the comments are half of what it is for."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backstay.generate import addressing
from backstay.generate.addressing import bare
from backstay.generate.design import Design
from backstay.generate.neighbors import DNS_ASN, External, Offer
from backstay.generate.placing import data_centers_needed

MINUTES_BADGE, MINUTES_KEYS = 240, 360


def intent_text(design: Design, name: str) -> str:
    """The whole file."""
    lines = [
        f"# {design.topology.key}: {len(design.names)} routers, {len(design.ends)} links.",
        f"# Made by `backstay new --topology {design.topology.key} --igp {design.igp}`.",
        f"name: {json.dumps(name, ensure_ascii=False)}",
        "",
        *_sites(design),
        *_links(design),
        *_neighbors(design),
        *_anycast(design),
        *_services(design),
        *_access(design),
        *_limits(design),
        *_protect(design),
    ]
    return "\n".join(lines) + "\n"


def _sites(design: Design) -> Iterator[str]:
    yield "# A site's domain is the part of the network round its nearest data centre."
    yield "sites:"
    for place, (code, label) in sorted(enumerate(design.names), key=lambda item: item[1][0]):
        latitude, longitude = design.topology.places[place].position
        parts = [f"role: {design.role(place)}", f"routers: [{design.router(place)}]"]
        if place in design.placing.data_centers:
            lan = addressing.server_lan(design.placing.data_centers.index(place), 0)
            parts.append(f'prefixes: ["{lan.v4}", "{lan.v6}"]')
        parts += [f"position: [{latitude}, {longitude}]", f"domain: {design.region(place)}"]
        yield f"  {code}: {{{', '.join(parts)}}}  # {label}"
    yield ""


def link_name(design: Design, fibre: int) -> str:
    """``fra1:eth0--par1:eth2``, ends sorted."""
    ends = design.topology.fibres[fibre]
    a, b = design.ends[fibre]
    one, other = sorted(((design.router(ends.a), a), (design.router(ends.b), b)))
    return f"{one[0]}:{one[1]}--{other[0]}:{other[1]}"


def capacity_text(mbps: int) -> str:
    """100000 -> 100G."""
    return f"{mbps // 1000}G"


def _links(design: Design) -> Iterator[str]:
    yield "# Fibres of one risk group leave their building through the same duct."
    yield "links:"
    group = {fibre: f"duct-{design.site(place)}-{pair[0]}" for place, pair in design.groups for fibre in pair}
    for fibre in sorted(range(len(design.ends)), key=lambda one: link_name(design, one)):
        parts = [f"capacity: {capacity_text(design.capacities[fibre])}"]
        if fibre in group:
            parts.append(f"risk_groups: [{group[fibre]}]")
        parts.append(f"length_km: {design.topology.fibres[fibre].km:g}")
        yield f'  "{link_name(design, fibre)}": {{{", ".join(parts)}}}'
    yield ""


def _neighbors(design: Design) -> Iterator[str]:
    yield "neighbors:"
    for external in sorted(design.externals, key=lambda one: one.name):
        yield f"  {external.name}:"
        yield f"    asn: {external.asn}"
        yield f"    kind: {external.kind}"
        yield "    attachments:"
        for place, link in external.attachments:
            for address in addressing.neighbor_link(link, 1):
                yield f'      - {{router: {design.router(place)}, address: "{bare(address)}"}}'
        yield "    announces:"
        yield from (_offer(external, offer) for offer in external.offers)
    yield ""


def _offer(external: External, offer: Offer) -> str:
    path = ", ".join(str(asn) for asn in offer.as_path)
    shown = (
        f'"{offer.prefix}"' if offer.as_path == (external.asn,) else f'{{prefix: "{offer.prefix}", as_path: [{path}]}}'
    )
    return f"      - {shown}" + ("" if offer.accepted else "  # asked for; our filter does not allow it yet")


def _anycast(design: Design) -> Iterator[str]:
    sites = design.placing.dns_sites
    centers = [design.site(place) for place in design.placing.data_centers]
    yield "# A DNS site that cannot reach half of the data centres withdraws itself, as in October 2021."
    yield "anycast:"
    yield "  dns:"
    yield f'    prefixes: ["{addressing.ANYCAST[0]}", "{addressing.ANYCAST[1]}"]'
    yield f"    floor: {(len(sites) + 1) // 2}"
    yield f"    health: {{targets: [{', '.join(centers)}], need: {data_centers_needed(len(centers))}}}"
    yield "    origins:"
    for number, place in enumerate(sites):
        for address in addressing.dns_lan(number, 2):
            parts = f'site: {design.site(place)}, router: {design.router(place)}, address: "{bare(address)}"'
            yield f"      - {{{parts}, asn: {DNS_ASN}}}"
    yield ""


def _services(design: Design) -> Iterator[str]:
    centers = [design.site(place) for place in design.placing.data_centers]
    first, second = centers[:2]
    yield "services:"
    for name, kind, host, needs in (("sso", "sign-on", 10, "dns"), ("deploy", "tools", 11, "dns, sso")):
        at = ", ".join(
            f"{code}: {bare(addressing.server_lan(number, host).v4)}" for number, code in enumerate((first, second))
        )
        yield f"  {name}: {{kind: {kind}, sites: [{first}, {second}], needs: [{needs}], addresses: {{{at}}}}}"
    door = bare(addressing.server_lan(0, 12).v4)
    yield f"  badge: {{kind: doors, sites: [{first}], needs: [sso], addresses: {{{first}: {door}}}}}"
    yield "  # The out-of-band network is another company's; its console servers are reached by name."
    yield "  console: {kind: out-of-band, needs: [dns]}"
    yield ""


def _access(design: Design) -> Iterator[str]:
    operators = [design.site(place) for place in design.placing.operators]
    yield "access:"
    for number, site in enumerate(operators):
        name = "noc" if number == 0 else "noc-backup"
        yield f'  {name}: {{kind: in-band, source: {site}, targets: ["*"], needs: [dns, sso]}}'
    yield f'  out-of-band: {{kind: out-of-band, source: {operators[0]}, targets: ["*"], needs: [console, sso]}}'
    yield f'  walk-in: {{kind: on-site, targets: ["*"], needs: [badge], minutes: {MINUTES_BADGE}}}'
    yield "  # The data centres have locks with keys: slow, but nothing else is needed."
    yield f'  keys: {{kind: on-site, targets: ["role:data-center"], minutes: {MINUTES_KEYS}}}'
    yield ""


def _limits(design: Design) -> Iterator[str]:
    routes = table_limit(design)
    roles = sorted({design.role(place) for place in range(len(design.names))})
    yield "limits:"
    yield "  utilisation: 0.8"
    yield "  failure_utilisation: 1.0"
    yield "  blast_radius: 1"
    yield "  prefix_margin: 0.9"
    yield "  tables:"
    yield from (f"    - {{role: {role}, table: rib, routes: {routes}, margin: 0.1}}" for role in roles)
    yield ""


def table_limit(design: Design) -> int:
    """A power of two, at least four times the routes of both address families that anybody can hold today."""
    inside = 2 * (len(design.names) + len(design.ends) + sum(len(ports) for ports in design.ports.values()))
    outside = len({offer.prefix for one in design.externals for offer in one.offers})
    limit = 1024
    while limit < 4 * (inside + outside + 10):
        limit *= 2
    return limit


def _protect(design: Design) -> Iterator[str]:
    source = design.site(design.placing.operators[0])
    target = next(design.site(place) for place in design.placing.data_centers if design.site(place) != source)
    prefixes = ", ".join(f'"{prefix}"' for prefix in (*addressing.OWN, *addressing.ANYCAST))
    yield "protect:"
    yield "  implied: true"
    yield f"  prefixes: [{prefixes}]"
    yield f"  flows: {{noc-to-{target}: {{from: {source}, to: {target}}}}}"
