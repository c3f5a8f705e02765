"""Parts of protected prefixes, prefixes of others, and terms that only the other side can confirm; by hand."""

from __future__ import annotations

import pytest

from backstay.audit.claims import Claim, new_claims
from backstay.audit.handshake import Terms
from backstay.model.address import Address, Prefix
from backstay.model.flows import parts
from backstay.model.network import Attachment, Interface, InterfaceAddress, Neighbor, Network, Router, Site
from backstay.model.routing import StaticRoute
from backstay.model.service import Anycast, Origin


def known(*texts: str) -> tuple[Prefix, ...]:
    return tuple(sorted(Prefix.parse(text) for text in texts))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ([], []),
        (["10.0.1.0/24", "10.0.0.0/23", "11.0.0.0/25"], []),
        (["10.0.1.128/25"], ["10.0.1.129"]),
        (["10.0.1.0/25"], ["10.0.1.1", "10.0.1.128"]),
        (["10.0.1.64/26"], ["10.0.1.65", "10.0.1.128"]),
        (["10.0.1.5/32"], ["10.0.1.5", "10.0.1.6"]),
        (["10.0.1.0/25", "10.0.1.0/26"], ["10.0.1.1", "10.0.1.64", "10.0.1.128"]),
    ],
)
def test_every_part_that_routes_could_tell_apart_has_an_address(inner: list[str], expected: list[str]) -> None:
    assert [str(address) for address in parts(Prefix.parse("10.0.1.0/24"), known(*inner))] == expected


def test_the_default_route_has_no_parts() -> None:
    assert parts(Prefix.parse("0.0.0.0/0"), known("10.0.0.0/8")) == ()


def router(name: str, *addresses: str, discards: tuple[str, ...] = ()) -> Router:
    told = tuple(
        InterfaceAddress(address=Address.parse(text.partition("/")[0]), prefix=Prefix.parse(text)) for text in addresses
    )
    return Router(
        name=name,
        vendor="frr",
        interfaces={"eth0": Interface(name="eth0", addresses=told)},
        static_routes=tuple(StaticRoute(prefix=Prefix.parse(text), discard="blackhole") for text in discards),
    )


def network(*routers: Router) -> Network:
    """Site fra (fra1) has 198.18.1.0/24, dns is announced at vie1, customer-a is behind lis1."""
    return Network(
        name="test",
        routers={one.name: one for one in routers},
        sites={"fra": Site(name="fra", role="data-center", routers=("FRA1",), prefixes=known("198.18.1.0/24"))},
        anycasts={
            "dns": Anycast(
                name="dns",
                prefixes=known("192.0.2.0/24"),
                origins=(Origin(site="vie", router="vie1", address=None, asn=None),),
            )
        },
        neighbors={
            "customer-a": Neighbor(
                name="customer-a",
                asn=64701,
                kind="customer",
                attachments=(Attachment("lis1", Address.parse("172.16.0.1")),),
            )
        },
    )


EMPTY = network(router("gen1"), router("fra1"), router("vie1"))


@pytest.mark.parametrize(
    ("address", "place"),
    [("198.18.1.77/24", "fra"), ("198.18.1.129/25", "fra"), ("198.18.1.9/32", "fra"), ("192.0.2.1/24", "dns")],
)
def test_a_subnet_of_another_place_is_a_claim(address: str, place: str) -> None:
    after = network(router("gen1", address), router("fra1"), router("vie1"))
    assert new_claims(EMPTY, after, ["gen1"]) == (Claim(place, "gen1", Prefix.parse(address)),)
    assert new_claims(after, after, ["gen1"]) == ()


def test_a_discard_route_is_a_claim() -> None:
    after = network(router("gen1", discards=("192.0.2.128/25",)), router("fra1"), router("vie1"))
    assert [claim.place for claim in new_claims(EMPTY, after, ["gen1"])] == ["dns"]


def test_what_is_larger_elsewhere_or_at_home_is_none() -> None:
    gen1 = router("gen1", "198.18.0.1/16", "198.51.100.1/24", discards=("198.0.0.0/8",))
    after = network(gen1, router("fra1", "198.18.1.1/24"), router("vie1", "192.0.2.1/32"))
    assert new_claims(EMPTY, after, ["gen1", "fra1", "vie1"]) == ()


def test_terms_are_told_without_the_password() -> None:
    old = Terms(asn=65000, address=Address.parse("10.0.0.1"), password=None, ttl_security=None, port=179)
    new = Terms(asn=65000, address=Address.parse("10.0.0.3"), password="s3cret", ttl_security=None, port=179)
    assert old.differences(new) == ("our address", "the password")
    assert old.differences(old) == ()
