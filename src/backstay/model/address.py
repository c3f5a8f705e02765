"""Addresses and prefixes as cheap, sortable, hashable values.

The standard library's ``ipaddress`` objects hash through a string; a backbone of a thousand routers has
millions of routes, so prefixes here are tuples of integers. Text goes in and out through ``ipaddress``.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple

BITS = {4: 32, 6: 128}


class Address(NamedTuple):
    """One IP address; ``version`` is 4 or 6. Sorts by version, then by value."""

    version: int
    value: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``192.0.2.1`` or ``2001:db8::1``. Raises ValueError on anything else."""
        parsed = ipaddress.ip_address(text)
        return cls(parsed.version, int(parsed))

    @property
    def host_prefix(self) -> Prefix:
        """The /32 or /128 of this address."""
        return Prefix(self.version, self.value, BITS[self.version])

    @property
    def is_link_local(self) -> bool:
        """True in 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 2.5.6)."""
        if self.version == 4:
            return self.value >> 16 == 0xA9FE
        return self.value >> 118 == 0x3FA

    def __str__(self) -> str:
        return _address_text(self.version, self.value)


class Prefix(NamedTuple):
    """One canonical prefix: host bits are always zero. Sorts by version, value, length."""

    version: int
    value: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """Read ``10.0.0.0/8``; host bits are cleared, as routers do. Raises ValueError."""
        parsed = ipaddress.ip_network(text, strict=False)
        return cls(parsed.version, int(parsed.network_address), parsed.prefixlen)

    @classmethod
    def of(cls, address: Address, length: int) -> Prefix:
        """The prefix of ``length`` bits that holds ``address``."""
        host_bits = BITS[address.version] - length
        return cls(address.version, address.value >> host_bits << host_bits, length)

    @property
    def network(self) -> Address:
        return Address(self.version, self.value)

    @property
    def is_host(self) -> bool:
        return self.length == BITS[self.version]

    @property
    def is_default(self) -> bool:
        return self.length == 0

    def holds(self, address: Address) -> bool:
        """True when ``address`` is inside this prefix."""
        shift = BITS[self.version] - self.length
        return address.version == self.version and address.value >> shift == self.value >> shift

    def covers(self, other: Prefix) -> bool:
        """True when ``other`` is this prefix or a more specific one of it."""
        if other.version != self.version or other.length < self.length:
            return False
        shift = BITS[self.version] - self.length
        return other.value >> shift == self.value >> shift

    def __str__(self) -> str:
        return f"{_address_text(self.version, self.value)}/{self.length}"


@lru_cache(maxsize=1 << 18)
def _address_text(version: int, value: int) -> str:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return str(kind(value))
