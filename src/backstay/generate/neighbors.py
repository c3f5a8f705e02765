"""The world around the network: transits, peers and customers, where they attach and what they announce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from backstay.generate.addressing import MOST_FOREIGN, foreign
from backstay.model.errors import InputError

OUR_ASN = 65000
DNS_ASN = 65100
TRANSIT_ASN, PEER_ASN, CUSTOMER_ASN, REMOTE_ASN = 64601, 64651, 64701, 65200
MIDDLE_ASN = 65199
"""Stands between a transit and what it reaches over others: see `_from_transit`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A prefix an external network announces. ``accepted`` False: it has asked for it, our filter does not yet allow it."""

    prefix: str
    as_path: tuple[int, ...]
    accepted: bool = True

    @property
    def version(self) -> int:
        return 6 if ":" in self.prefix else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """An external network. ``attachments`` are (place, number of the neighbour link)."""

    name: str
    asn: int
    kind: str
    attachments: tuple[tuple[int, int], ...]
    offers: tuple[Offer, ...]

    @property
    def policy(self) -> str:
        """The stem of its prefix-lists' and route-maps' names."""
        return self.name.upper()


def default_prefixes(size: int) -> int:
    """How many external prefixes a network of this many routers gets unless told otherwise."""
    return 40 if size <= 100 else 200


def externals(size: int, borders: Sequence[int], prefixes: int) -> tuple[External, ...]:
    """Transits, peers and customers with ``prefixes`` prefixes among them (defaults and the one not yet allowed apart).

    Raises `InputError` when there are too few or too many prefixes to go round.
    """
    transits, peers, customers = (
        2 + (size > 200),
        2 + (size >= 20) + 3 * (size > 200),
        3 + 2 * (size >= 20) + 15 * (size > 200),
    )
    least = 2 * (customers + peers + transits)
    if not least <= prefixes <= MOST_FOREIGN:
        raise InputError(f"{prefixes} external prefixes; expected {least} to {MOST_FOREIGN} for {size} routers")
    stock = _stock()
    sites = _attachments(borders)
    made_customers = [_customer(number, sites, stock, last=number == customers - 1) for number in range(customers)]
    share = max(2, (prefixes - 2 * customers) // 4 // peers)
    made_peers = [_peer(number, sites, [next(stock) for _ in range(share)]) for number in range(peers)]
    remote = [next(stock) for _ in range(prefixes - 2 * customers - share * peers)]
    made_transits = [_transit(number, transits, sites, remote, made_peers) for number in range(transits)]
    return (*made_transits, *made_peers, *made_customers)


def _stock() -> Iterator[str]:
    """Prefixes of other networks, IPv4 and IPv6 in turn."""
    for number in count():
        yield from foreign(number)


class _attachments:  # noqa: N801 - used like a function: each call takes the next places round the borders
    """Hands out places for attachments, each with the next neighbour link, two of one network far apart in the list."""

    def __init__(self, borders: Sequence[int]) -> None:
        self._borders = tuple(borders)
        self._turn = 0
        self._link = 0

    def __call__(self, number: int) -> tuple[tuple[int, int], ...]:
        step = max(1, len(self._borders) // 2)
        places = dict.fromkeys(self._borders[(self._turn + step * one) % len(self._borders)] for one in range(number))
        self._turn += 1
        first, self._link = self._link, self._link + len(places)
        return tuple((place, first + one) for one, place in enumerate(places))


def _letter(number: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[number]


def _customer(number: int, sites: _attachments, stock: Iterator[str], *, last: bool) -> External:
    """One IPv4 and one IPv6 prefix; the first customer has two attachments; the last waits for a second prefix."""
    asn = CUSTOMER_ASN + number
    offers = [Offer(next(stock), (asn,)), Offer(next(stock), (asn,))]
    if last:
        offers.append(Offer(foreign(MOST_FOREIGN - 1).v4, (asn,), accepted=False))
    return External(
        name=f"customer-{_letter(number)}",
        asn=asn,
        kind="customer",
        attachments=sites(2 if number == 0 else 1),
        offers=tuple(offers),
    )


def _peer(number: int, sites: _attachments, prefixes: Sequence[str]) -> External:
    asn = PEER_ASN + number
    return External(
        name=f"peer-{_letter(number)}",
        asn=asn,
        kind="peer",
        attachments=sites(2 if number == 0 else 1),
        offers=tuple(Offer(prefix, (asn,)) for prefix in prefixes),
    )


def _transit(
    number: int, transits: int, sites: _attachments, remote: Sequence[str], peers: Sequence[External]
) -> External:
    """A default route, every remote prefix and what the peers have, over longer paths."""
    asn = TRANSIT_ASN + number
    default = (asn,) * (1 + (number > 0))
    offers = [Offer("0.0.0.0/0", default), Offer("::/0", default)]
    for index, prefix in enumerate(remote):
        offers.append(Offer(prefix, _from_transit(asn, REMOTE_ASN + index % 300, near=index // 2 % transits == number)))
    offers += [Offer(offer.prefix, (asn, *offer.as_path)) for peer in peers for offer in peer.offers]
    return External(
        name=f"transit-{_letter(number)}", asn=asn, kind="transit", attachments=sites(2), offers=tuple(offers)
    )


def _from_transit(asn: int, origin: int, *, near: bool) -> tuple[int, ...]:
    """One transit is nearer to each remote network than the others, so that the AS path chooses the exit network, not
    the distance inside: draining a router then changes nothing that neighbours hear.
    """
    return (asn, origin) if near else (asn, MIDDLE_ASN, origin)
