"""The decision process, one step at a time: RFC 4271 9.1.2 and FRR 8.4's additions, worked by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from backstay.model.address import Address
from backstay.model.network import Router
from backstay.model.routing import BgpFamily, BgpNeighbor, BgpProcess
from backstay.referee import bgp_path
from backstay.referee.bgp_decide import Choice, Path, better, choose, depends_on_order
from backstay.referee.bgp_ends import CONFED, EBGP, IBGP, End, instance
from backstay.referee.bgp_path import Attributes

FAMILY = BgpFamily(version=4, maximum_paths=1, maximum_paths_ibgp=1)
PLAIN = BgpProcess(asn=65000)


def path(
    text: str = "64601",
    *,
    process: BgpProcess = PLAIN,
    sort: str = EBGP,
    peer: str = "192.0.2.1",
    peer_as: int = 64601,
    peer_id: str = "1.1.1.1",
    metric: int = 0,
    own: bool = False,
    **given: object,
) -> Path:
    """A path with `text` as its AS sequence; a leading `(65001)` is a confederation sequence."""
    end = None
    if not own:
        one = instance(Router(name="r", vendor="frr"), process)
        neighbor = BgpNeighbor(peer=Address.parse(peer), remote_as=peer_as)
        end = End(
            instance=one,
            neighbor=neighbor,
            sort=sort,
            peer_as=peer_as,
            peer_address=Address.parse(peer),
            peer_id=Address.parse(peer_id),
        )
    given.setdefault("next_hop", Address.parse(peer))
    attributes = Attributes(as_path=as_path(text), **given)  # type: ignore[arg-type]
    return Path(process, attributes, end, "network" if own else "", metric, valid=True)


def as_path(text: str) -> bgp_path.AsPath:
    confederation, bracket, rest = text.partition(")")
    if not bracket:
        return bgp_path.of(tuple(int(word) for word in text.split()))
    inner = tuple(int(word) for word in confederation.strip("(").split())
    return ((bgp_path.CONFED_SEQUENCE, inner), *as_path(rest.strip()))


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (path(weight=1, local_preference=50, preference_set=True), path(local_preference=200, preference_set=True)),
        (path("1 2 3", local_preference=101, preference_set=True), path("1")),
        (path("", own=True), path("", sort=IBGP)),
        (path("1 2", med=9), path("1 2 3", med=1)),
        (path(origin=bgp_path.IGP, med=9), path(origin=bgp_path.EGP)),
        (path(origin=bgp_path.EGP), path(origin=bgp_path.INCOMPLETE)),
        (path("1 2", med=1, metric=99), path("1 3", med=2, metric=1)),
        (path("1"), path("1", med=1)),
        (path(metric=99), path(sort=IBGP, metric=1)),
        (path(sort=IBGP, metric=5, peer_id="9.9.9.9"), path(sort=IBGP, metric=6, peer_id="1.1.1.1")),
        (path(peer_id="1.1.1.1", peer="192.0.2.9"), path(peer_id="1.1.1.2", peer="192.0.2.1")),
        (
            path(sort=IBGP, peer_id="9.9.9.9", originator=Address.parse("1.1.1.1")),
            path(sort=IBGP, peer_id="1.1.1.2"),
        ),
        (
            path(sort=IBGP, originator=Address.parse("1.1.1.1"), cluster_list=(Address(4, 1),), peer="192.0.2.9"),
            path(sort=IBGP, originator=Address.parse("1.1.1.1"), cluster_list=(Address(4, 1), Address(4, 2))),
        ),
        (path(peer="192.0.2.2"), path(peer="192.0.2.10")),
    ],
    ids=[
        "weight before local preference",
        "local preference before length",
        "our own before learned",
        "shorter path before MED",
        "ORIGIN before MED",
        "EGP before INCOMPLETE",
        "MED before cost",
        "no MED counts as the best",
        "external before internal, whatever the cost",
        "cost before identifier",
        "identifier before address",
        "ORIGINATOR_ID stands for the identifier",
        "shorter CLUSTER_LIST",
        "lowest peer address, as a number",
    ],
)
def test_each_step(winner: Path, loser: Path) -> None:
    assert better(PLAIN, FAMILY, winner, loser)
    assert not better(PLAIN, FAMILY, loser, winner)


def test_meds_of_different_neighbours_do_not_compare() -> None:
    """RFC 4271 9.1.2.2 c; `bgp always-compare-med` makes them."""
    low, high = path("1", med=1, peer_id="2.2.2.2"), path("2", med=9, peer_id="1.1.1.1")
    assert better(PLAIN, FAMILY, high, low)
    assert better(BgpProcess(asn=65000, always_compare_med=True), FAMILY, low, high)


def test_missing_as_worst() -> None:
    process = BgpProcess(asn=65000, med_missing_as_worst=True)
    assert better(process, FAMILY, path("1", process=process, med=7), path("1", process=process))


def test_a_set_counts_one_and_confederation_segments_nothing() -> None:
    """RFC 4271 9.1.2.2 a, RFC 5065 5.3; `bestpath as-path confed` counts them."""
    assert bgp_path.length(((bgp_path.SEQUENCE, (1, 2)), (bgp_path.SET, (3, 4, 5)))) == 3
    inside, short = "(65001 65002) 64601", "64601"
    process = BgpProcess(asn=65000, confederation_id=100, confederation_peers=frozenset({65001}))
    long = path(inside, process=process, sort=IBGP, peer_id="1.1.1.1")
    assert better(process, FAMILY, long, path(short, process=process, sort=IBGP, peer_id="2.2.2.2"))
    counting = BgpProcess(asn=65000, confederation_id=100, as_path_confed=True)
    long = path(inside, process=counting, sort=IBGP, peer_id="1.1.1.1")
    assert better(counting, FAMILY, path(short, process=counting, sort=IBGP, peer_id="2.2.2.2"), long)


def test_as_path_ignore() -> None:
    process = BgpProcess(asn=65000, as_path_ignore=True)
    assert better(
        process,
        FAMILY,
        path("1 2 3", process=process, peer_id="1.1.1.1"),
        path("1", process=process, peer_id="2.2.2.2"),
    )


def test_confederation_external_before_internal_before_cost() -> None:
    """FRR step 10 returns before the cost of steps 8 and 9 does."""
    process = BgpProcess(asn=65000, confederation_id=100)
    member = path("(65001) 1", process=process, sort=CONFED, metric=50)
    assert better(process, FAMILY, member, path("1", process=process, sort=IBGP, metric=1))


def test_member_as_makes_meds_comparable() -> None:
    """RFC 5065 5.3: MEDs of routes from one neighbouring member AS may be compared (FRR aspath_cmp_left_confed())."""
    process = BgpProcess(asn=65000, confederation_id=100)
    low = path("(65001) 1", process=process, sort=CONFED, med=1, peer_id="2.2.2.2")
    high = path("(65001) 2", process=process, sort=CONFED, med=2, peer_id="1.1.1.1")
    assert better(process, FAMILY, low, high)


def best(process: BgpProcess, *paths: Path, family: BgpFamily = FAMILY) -> Choice:
    found = choose(process, family, paths)
    assert found is not None
    return found


def classic(process: BgpProcess) -> tuple[Path, Path, Path]:
    """The textbook's three: A and C of AS 1 (MED 10 and 20), B of AS 2; cost prefers C to B to A."""
    return (
        path("1", process=process, sort=IBGP, med=10, metric=30, peer_id="1.1.1.1", peer="10.0.0.1"),
        path("2", process=process, sort=IBGP, metric=20, peer_id="2.2.2.2", peer="10.0.0.2"),
        path("1", process=process, sort=IBGP, med=20, metric=10, peer_id="3.3.3.3", peer="10.0.0.3"),
    )


def test_deterministic_med_does_not_depend_on_order() -> None:
    """A beats C by MED within AS 1, then B beats A by cost."""
    process = BgpProcess(asn=65000, deterministic_med=True)
    a, b, c = classic(process)
    assert {best(process, *order).best for order in permutations((a, b, c))} == {b}


def test_without_it_the_order_decides_and_that_is_said() -> None:
    process = BgpProcess(asn=65000, deterministic_med=False)
    paths = classic(process)
    choice = best(process, *paths)
    assert depends_on_order(process, FAMILY, choice, paths)
    assert not depends_on_order(process, FAMILY, best(process, paths[0], paths[1]), paths[:2])


WIDE = BgpFamily(version=4, maximum_paths=4, maximum_paths_ibgp=4)


def hops(choice: Choice) -> list[str]:
    return [str(one.attributes.next_hop) for one in choice.paths]


def test_multipath_between_one_neighbouring_as() -> None:
    one, two = path("1 7", peer="192.0.2.1", peer_as=1), path("1 8", peer="192.0.2.3", peer_as=1)
    other = path("2 7", peer="192.0.2.5", peer_as=2)
    assert hops(best(PLAIN, one, two, other, family=WIDE)) == ["192.0.2.1", "192.0.2.3"]


def test_multipath_relax_wants_one_length_only() -> None:
    process = BgpProcess(asn=65000, multipath_relax=True)
    several = [
        path("1 7", process=process, peer="192.0.2.1", peer_as=1),
        path("2 7", process=process, peer="192.0.2.5", peer_as=2),
    ]
    longer = path("3 7 7", process=process, peer="192.0.2.7", peer_as=3)
    assert hops(best(process, *several, longer, family=WIDE)) == ["192.0.2.1", "192.0.2.5"]


def test_internal_multipath_wants_the_same_path_and_cost() -> None:
    same = [path("1 7", sort=IBGP, metric=5, peer=f"10.0.0.{n}") for n in (1, 2)]
    dearer = path("1 7", sort=IBGP, metric=6, peer="10.0.0.3")
    other = path("1 8", sort=IBGP, metric=5, peer="10.0.0.4")
    assert hops(best(PLAIN, *same, dearer, other, family=WIDE)) == ["10.0.0.1", "10.0.0.2"]


def test_maximum_paths_takes_the_lowest_next_hops() -> None:
    """FRR sorts the candidates by next hop, then by peer, and takes as many as it may; the best one is always in."""
    family = BgpFamily(version=4, maximum_paths=3)
    paths = [path("1", peer=f"192.0.2.{n}", peer_id=f"1.1.1.{9 - n}") for n in (1, 2, 3, 4)]
    assert hops(best(PLAIN, *paths, family=family)) == ["192.0.2.4", "192.0.2.1", "192.0.2.2"]


def test_one_next_hop_counts_once() -> None:
    hop = Address.parse("10.0.0.9")
    twice = [path("1", sort=IBGP, peer=f"10.0.0.{n}", next_hop=hop) for n in (1, 2)]
    assert hops(best(PLAIN, *twice, family=WIDE)) == ["10.0.0.9"]


def test_equal_cluster_length() -> None:
    near = path("1", sort=IBGP, peer="10.0.0.1", cluster_list=(Address(4, 1),), originator=Address(4, 5))
    far = path("1", sort=IBGP, peer="10.0.0.2", cluster_list=(Address(4, 1), Address(4, 2)), originator=Address(4, 5))
    assert hops(best(PLAIN, near, far, family=WIDE)) == ["10.0.0.1", "10.0.0.2"]
    strict = BgpFamily(version=4, maximum_paths_ibgp=4, equal_cluster_length=True)
    assert hops(best(PLAIN, near, far, family=strict)) == ["10.0.0.1"]


def test_a_path_without_its_next_hop_is_no_candidate() -> None:
    """RFC 4271 9.1.2.1."""
    lost = Path(PLAIN, Attributes(weight=9), path().end, "", 0, valid=False)
    reachable = path()
    assert best(PLAIN, lost, reachable).best is reachable
    assert choose(PLAIN, FAMILY, [lost]) is None
