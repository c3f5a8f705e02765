"""AS_PATH arithmetic by hand: RFC 4271 5.1.2 and 9.2.2.2, RFC 5065 4.1, and what routers do with private numbers."""

from __future__ import annotations

import pytest

from backstay.referee import bgp_path
from backstay.referee.bgp_path import CONFED_SEQUENCE, CONFED_SET, SEQUENCE, SET, AsPath


def test_text_as_routers_show_it() -> None:
    path: AsPath = ((CONFED_SEQUENCE, (65001, 65002)), (SEQUENCE, (1, 2)), (SET, (3, 4)), (CONFED_SET, (5, 6)))
    assert bgp_path.text(path) == "(65001 65002) 1 2 {3,4} [5,6]"
    assert bgp_path.text(()) == ""


def test_prepending_joins_the_leading_sequence_or_begins_one() -> None:
    assert bgp_path.prepend(((SEQUENCE, (2,)),), (1,)) == ((SEQUENCE, (1, 2)),)
    assert bgp_path.prepend(((SET, (2, 3)),), (1,)) == ((SEQUENCE, (1,)), (SET, (2, 3)))
    assert bgp_path.prepend((), (1,)) == ((SEQUENCE, (1,)),)
    inside = bgp_path.prepend(((SEQUENCE, (1,)),), (65001,), CONFED_SEQUENCE)
    assert bgp_path.prepend(inside, (65002,), CONFED_SEQUENCE) == ((CONFED_SEQUENCE, (65002, 65001)), (SEQUENCE, (1,)))


def test_leaving_a_confederation() -> None:
    assert bgp_path.without_confederation(((CONFED_SEQUENCE, (65001,)), (SEQUENCE, (1, 2)))) == ((SEQUENCE, (1, 2)),)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((1, 2, 3), (1, 2, 4), "1 2 {3,4}"),
        ((1, 2), (1, 2), "1 2"),
        ((1,), (2,), "{1,2}"),
        ((1, 2), (1,), "1 {2}"),
        ((), (1,), "{1}"),
        ((1, 5, 2), (1, 2, 5), "1 {2,5}"),
    ],
)
def test_aggregation(left: tuple[int, ...], right: tuple[int, ...], expected: str) -> None:
    """What both begin with stays a sequence; the rest is one set, each number once, in order."""
    assert bgp_path.text(bgp_path.aggregate(bgp_path.of(left), bgp_path.of(right))) == expected
    assert bgp_path.text(bgp_path.aggregate(bgp_path.of(right), bgp_path.of(left))) == expected


@pytest.mark.parametrize(
    ("numbers", "everywhere", "replacement", "expected"),
    [
        ((64512, 65534), False, None, ""),
        ((64512, 1), False, None, "64512 1"),
        ((64512, 1, 65000), True, None, "1"),
        ((64512, 1, 65000), True, 7, "7 1 7"),
        ((64512, 65000), False, 7, "7 7"),
        ((64512, 64999, 1), True, None, "64999 1"),
        ((4200000000, 4294967294, 1), True, None, "1"),
        ((64511, 65535), True, None, "64511 65535"),
    ],
)
def test_private_numbers(numbers: tuple[int, ...], everywhere: bool, replacement: int | None, expected: str) -> None:
    """RFC 6996 ranges; the plain form touches a path of private numbers alone; the peer's own (64999) always stays."""
    path = bgp_path.remove_private(bgp_path.of(numbers), 64999, everywhere=everywhere, replacement=replacement)
    assert bgp_path.text(path) == expected


def test_override_and_exclude() -> None:
    path = bgp_path.of((1, 64601, 2, 64601))
    assert bgp_path.text(bgp_path.override(path, 64601, 65000)) == "1 65000 2 65000"
    assert bgp_path.text(bgp_path.exclude(path, (64601,))) == "1 2"


def test_neighbouring_as() -> None:
    """RFC 4271 9.1.2.2 c: the AS in front, behind confederation segments; a set has none."""
    assert bgp_path.neighbor_as(((CONFED_SEQUENCE, (65001,)), (SEQUENCE, (1, 2)))) == 1
    assert bgp_path.neighbor_as(((SET, (1, 2)),)) is None
    assert bgp_path.neighbor_as(()) is None
    assert bgp_path.member_as(((CONFED_SEQUENCE, (65001,)), (SEQUENCE, (1, 2)))) == 65001
