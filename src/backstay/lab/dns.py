"""Knot in the lab: what each DNS site serves.

The zone is ``NAME.example`` (RFC 2606) of the network's name: every service at its sites' addresses, every router at its
loopback. Each site names itself by NSID, so that an answer tells which one gave it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from backstay.lab.design import Node
from backstay.lab.places import instance_addresses
from backstay.model.address import Address
from backstay.model.endpoints import loopback
from backstay.model.network import Network

RECORD = {4: "A", 6: "AAAA"}
PROBE = "probe"


def zone_name(network: Network) -> str:
    return f"{_label(network.name)}.example"


def probe_name(network: Network) -> str:
    """A name that is always there."""
    return f"{PROBE}.{zone_name(network)}"


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63] or "lab"


def zone(network: Network) -> str:
    """The zone file."""
    name = zone_name(network)
    head = [f"$ORIGIN {name}.", "$TTL 30", f"@ SOA ns.{name}. operators.{name}. 1 60 30 600 30", f"@ NS ns.{name}."]
    records = sorted({*_records(network), f"{PROBE} A 192.0.2.255"})
    return "".join(f"{line}\n" for line in (*head, *records))


def _records(network: Network) -> Iterator[str]:
    for anycast in network.anycasts.values():
        for prefix in anycast.prefixes:
            yield _record("ns", Address(prefix.version, prefix.value + 1))
    for router in network.routers.values():
        for version in (4, 6):
            own = loopback(router, version)
            if own:
                yield _record(_label(router.name), own)
    for service in network.services.values():
        for site in service.sites if service.network else ():
            for address in instance_addresses(network, service, site):
                yield _record(_label(service.name), address)


def _record(name: str, address: Address) -> str:
    return f"{name} {RECORD[address.version]} {address}"


def configuration(network: Network, node: Node, folder: Path) -> str:
    """``knot.conf`` of a site."""
    listen = ", ".join(f"{item.address}@53" for item in node.held if item.interface == "lo")
    site = node.subject.partition("/")[2]
    return f"""server:
    rundir: "{folder}"
    listen: [{listen}]
    nsid: "{site}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: "{folder}/knot.log"
    any: warning
zone:
  - domain: {zone_name(network)}
    file: "{folder}/zone"
    zonefile-sync: -1
    journal-content: none
"""
