"""The address plan: private space inside, documentation and benchmark space for what the world sees.

================  ======================  =========================
what              IPv4                    IPv6
================  ======================  =========================
loopbacks         10.255.0.0/16, /32      2001:db8:0:ffff::/64, /128
links             10.0.0.0/15, /31        2001:db8:0::/48, /127
DNS LANs          10.9.0.0/16, /29        2001:db8:9::/48, /64
neighbour links   172.16.0.0/12, /31      2001:db8:eeee::/48, /127
data centres      198.18.0.0/16, /24      2001:db8:1000::/36, /64
anycast           192.0.2.0/24            2001:db8:53::/48
other networks    100.64.0.0/10, /24      3fff::/32, /48 (RFC 9637)
================  ======================  =========================
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

ANYCAST = ("192.0.2.0/24", "2001:db8:53::/48")
OWN = ("198.18.0.0/16", "2001:db8:1000::/36")
MOST_FIBRES = 65_000
MOST_FOREIGN = 16_384
"""How many /24 the space of other networks has."""


class Pair(NamedTuple):
    """The IPv4 and the IPv6 of one thing, as text."""

    v4: str
    v6: str


def _v4(base: str, offset: int) -> str:
    return str(ipaddress.IPv4Address(base) + offset)


def _v6(base: str, offset: int) -> str:
    return str(ipaddress.IPv6Address(base) + offset)


def loopback(router: int) -> Pair:
    """Addresses of the router with this number (from 0), without length."""
    return Pair(_v4("10.255.0.0", router + 1), _v6("2001:db8:0:ffff::", router + 1))


def link(fibre: int, end: int) -> Pair:
    """Addresses of an end (0 or 1) of a fibre, with length."""
    return Pair(_v4("10.0.0.0", 2 * fibre + end) + "/31", _v6("2001:db8::", (fibre << 64) + end) + "/127")


def neighbor_link(number: int, end: int) -> Pair:
    """Addresses of an external attachment, with length: end 0 is ours, end 1 the neighbour's."""
    return Pair(_v4("172.16.0.0", 2 * number + end) + "/31", _v6("2001:db8:eeee::", (number << 64) + end) + "/127")


def dns_lan(site: int, host: int) -> Pair:
    """Addresses on a DNS site's LAN, with length: host 1 is the router, 2 the server."""
    return Pair(_v4("10.9.0.0", 256 * site + host) + "/29", _v6("2001:db8:9::", (site << 64) + host) + "/64")


def server_lan(center: int, host: int) -> Pair:
    """Addresses on a data centre's server LAN, with length: host 1 is the router, 0 the prefix itself."""
    return Pair(_v4("198.18.1.0", 256 * center + host) + "/24", _v6("2001:db8:1001::", (center << 80) + host) + "/64")


def foreign(number: int) -> Pair:
    """The prefixes of other networks, by number."""
    return Pair(_v4("100.64.0.0", number << 8) + "/24", _v6("3fff::", number << 80) + "/48")


def bare(address: str) -> str:
    """An address without its length."""
    return address.partition("/")[0]


def isis_net(loopback4: str) -> str:
    """The NET of a router: area 49.0001 and its loopback's digits as system id."""
    digits = "".join(f"{int(part):03d}" for part in loopback4.split("."))
    return f"49.0001.{digits[:4]}.{digits[4:8]}.{digits[8:]}.00"
