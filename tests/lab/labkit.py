"""What tests of the lab share: whether this machine can hold one, and small folders to build."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backstay.lab import record
from backstay.lab.build import up
from backstay.lab.design import design
from backstay.lab.namespace import named, processes
from backstay.lab.record import Content, Record
from backstay.lab.requirements import missing
from backstay.lab.teardown import down
from backstay.model.network import NOTHING, Network, Overlay
from backstay.read.folder import load

EVERYTHING = os.environ.get("BACKSTAY_LAB") == "all"


def require_lab(network: Network) -> None:
    """Skip where this machine cannot hold a lab; on a machine that must (CI), fail."""
    lacking = missing(network, design(network, NOTHING))
    if lacking and os.environ.get("CI"):
        pytest.fail(f"the lab cannot run here: {lacking}")
    if lacking:
        pytest.skip(lacking)


@contextmanager
def lab(
    network: Network, identity: str, overlay: Overlay = NOTHING, *, servers: bool = False
) -> Iterator[tuple[Record, Content]]:
    """A lab for the length of a block."""
    require_lab(network)
    kept = up(network, overlay, identity=identity, servers=servers, bound=True)
    try:
        yield kept, record.content(kept)
    finally:
        down(kept)


PAIR = {
    "a": "hostname a\ninterface lo\n ip address 10.255.0.1/32\ninterface eth0\n ip address 10.0.0.0/31\n"
    "ip route 10.255.0.2/32 10.0.0.1\n",
    "b": "hostname b\ninterface lo\n ip address 10.255.0.2/32\ninterface eth0\n ip address 10.0.0.1/31\n"
    "ip route 10.255.0.1/32 10.0.0.0\n",
}


def pair(folder: Path, **changed: str) -> Network:
    """Two routers with static routes: the quickest network that forwards."""
    (folder / "configs").mkdir(parents=True, exist_ok=True)
    for name, text in {**PAIR, **changed}.items():
        (folder / "configs" / f"{name}.conf").write_text(f"frr version 8.4.4\nfrr defaults traditional\n{text}")
    return load(folder)


def left(identity: str) -> tuple[tuple[str, ...], tuple[int, ...], bool]:
    """What there is of a lab: namespaces, processes, its folder."""
    names = named(record.prefix(identity))
    return names, processes(names), (record.root() / identity).exists()


NOTHING_LEFT: tuple[tuple[str, ...], tuple[int, ...], bool] = ((), (), False)

DNS = """
sites:
  dc: {role: data-center, routers: [b], prefixes: ["198.18.1.0/24"]}
  edge: {role: dns, routers: [a]}
anycast:
  dns: {prefixes: ["192.0.2.0/24"], floor: 1, health: {targets: [dc], need: 1},
        origins: [{site: edge, router: a, address: "10.9.0.2", asn: 65100}]}
neighbors:
  user: {asn: 64701, kind: customer, attachments: [{router: a, address: "172.16.0.1"}], announces: ["100.64.0.0/24"]}
services:
  sso: {kind: sign-on, sites: [dc], needs: [dns], addresses: {dc: 198.18.1.10}}
access:
  noc: {kind: in-band, source: dc, targets: ["a"], needs: [dns, sso]}
"""
WITH_DNS = {
    "a": "hostname a\ninterface lo\n ip address 10.255.0.1/32\ninterface eth0\n ip address 10.0.0.0/31\n"
    "interface eth1\n ip address 10.9.0.1/29\ninterface eth2\n ip address 172.16.0.0/31\n"
    "ip route 198.18.1.0/24 10.0.0.1\nip route 10.255.0.2/32 10.0.0.1\n"
    "router bgp 65000\n no bgp ebgp-requires-policy\n neighbor 10.9.0.2 remote-as 65100\n neighbor 172.16.0.1 remote-as 64701\n",
    "b": "hostname b\ninterface lo\n ip address 10.255.0.2/32\ninterface eth0\n ip address 10.0.0.1/31\n"
    "interface eth1\n ip address 198.18.1.1/24\nip route 0.0.0.0/0 10.0.0.0\n",
}
