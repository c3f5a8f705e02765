"""The cascades of 4 October 2021 as the referee tells them, on the example network."""

from __future__ import annotations

from backstay.model.network import Network, Overlay
from backstay.referee.engine import simulate

CENTERS = ("fra1", "lon1", "mad1")


def test_all_is_well_before(october: Network) -> None:
    state = simulate(october)
    assert all(site.announced and not site.failed for site in state.sites)
    assert all(state.services.values())
    assert all(path.works for paths in state.access.values() for path in paths)
    assert state.cascade == ()
    assert state.loads.lost == ()


def test_sites_that_lose_two_of_three_data_centres_withdraw_and_names_are_gone(october: Network) -> None:
    """The rule is two of three targets: with one centre down nobody withdraws, with two everybody does."""
    one = simulate(october, Overlay(routers_down=frozenset(CENTERS[:1])))
    assert all(site.announced for site in one.sites)
    two = simulate(october, Overlay(routers_down=frozenset(CENTERS[:2])))
    assert not any(site.announced for site in two.sites)
    assert [event.kind for event in two.cascade] == ["site-withdrawn"] * len(two.sites) + ["prefix-gone"]
    assert all(set(site.failed) == {"fra", "lon"} for site in two.sites)
    assert not any(two.services.values()), "all of them need names"
    works = {path.path for paths in two.access.values() for path in paths if path.works}
    assert works == {"keys"}, "locks with keys need nothing"


def test_what_a_withdrawn_site_announced_is_heard_by_nobody(october: Network) -> None:
    prefixes = october.anycasts["dns"].prefixes
    gone = simulate(october, Overlay(routers_down=frozenset(CENTERS)))
    assert not any(item.prefix in prefixes for item in gone.advertisements)
    held = simulate(october, Overlay(withdrawn=frozenset({("dns", "ath")})))
    assert {site.site for site in held.sites if not site.announced} == {"ath"}
    assert any(item.prefix in prefixes for item in held.advertisements)
