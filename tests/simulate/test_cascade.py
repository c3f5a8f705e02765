"""The cascade of 4 October 2021 in small, over routing by fewest hops.

noc -- dc1 -- core -- lon -- (dns)      dc1 and dc2 are data centres, lon and par DNS sites with a speaker each, both
       dc2 -- core -- par -- (dns)      healthy while they reach one of the two data centres and are reached from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.simulate.handmade import computed, interface, ip, loopbacks, net, network, shortest, with_interface

from backstay.model.access import AccessPath, Service
from backstay.model.demand import Demand
from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, Attachment, InterfaceRef, Neighbor, Network, Overlay, Site
from backstay.model.service import Anycast, HealthRule, Origin
from backstay.model.state import Advertisement, Event, Session
from backstay.simulate.cascade import settle
from backstay.simulate.seams import BgpResult, Computed, Settled

DNS = net("192.0.2.0/24")
SPEAKERS = {"lon": ip("10.9.1.2"), "par": ip("10.9.2.2")}


def backbone() -> Network:
    made = network("noc dc1 dc2 core lon par", "noc-dc1 dc1-core dc2-core core-lon core-par")
    made = with_interface(made, "lon", interface("dns0", "10.9.1.1/30"))
    made = with_interface(made, "par", interface("dns0", "10.9.2.1/30"))
    made = with_interface(made, "dc1", interface("lan0", "198.18.1.1/24"))
    made = with_interface(made, "dc2", interface("lan0", "198.18.2.1/24"))
    sites = {
        "dc1": Site(name="dc1", role="data-center", routers=("dc1",), prefixes=(net("198.18.1.0/24"),)),
        "dc2": Site(name="dc2", role="data-center", routers=("dc2",), prefixes=(net("198.18.2.0/24"),)),
        "lon": Site(name="lon", role="dns", routers=("lon",)),
        "par": Site(name="par", role="dns", routers=("par",)),
        "noc": Site(name="noc", role="office", routers=("noc",)),
    }
    origins = tuple(Origin(site=name, router=name, address=SPEAKERS[name], asn=65100) for name in ("lon", "par"))
    dns = Anycast(
        name="dns", prefixes=(DNS,), origins=origins, health=HealthRule(targets=("dc1", "dc2"), need=1), floor=2
    )
    services = {
        "sso": Service(name="sso", sites=("dc1", "dc2"), needs=("dns",)),
        "badge": Service(name="badge", sites=("dc1",), needs=("sso",), network=False),
    }
    paths = {
        "console": AccessPath(name="console", kind="out-of-band", source="noc"),
        "noc": AccessPath(name="noc", kind="in-band", source="noc", needs=("dns", "sso")),
        "walk-in": AccessPath(name="walk-in", kind="on-site", needs=("badge",)),
    }
    return replace(
        made,
        sites=sites,
        anycasts={"dns": dns},
        services=services,
        access_paths=paths,
        neighbors={
            "isp": Neighbor(name="isp", asn=64601, kind="transit", attachments=(Attachment("lon", ip("10.9.1.3")),))
        },
    )


class Routing:
    """Fewest hops; the anycast prefix from the speakers that are not withdrawn. Counts how often it is asked."""

    def __init__(self, made: Network) -> None:
        self.network = made
        self.asked: list[Overlay] = []

    def __call__(self, overlay: Overlay) -> Computed:
        self.asked.append(overlay)
        origins = [origin.site for origin in self.network.anycasts["dns"].origins]
        live = [name for name in origins if ("dns", name) not in overlay.withdrawn | _dead(overlay)]
        owned: dict[str, Sequence[str]] = {**loopbacks(self.network), str(DNS): live}
        for name, lan in {"dc1": "198.18.1.0/24", "dc2": "198.18.2.0/24"}.items():
            owned[lan] = [name]
        for name in SPEAKERS:
            owned[f"10.9.{1 if name == 'lon' else 2}.0/30"] = [name]
        tables = shortest(self.network, overlay, owned)
        for name, speaker in SPEAKERS.items():
            if name in tables:
                tables[name][f"10.9.{1 if name == 'lon' else 2}.0/30"] = "on dns0"
            if name in live:
                tables[name][str(DNS)] = f"gw {speaker}@dns0"
        return computed(self.network, tables, overlay=overlay, bgp=self.bgp(live))

    def bgp(self, live: Sequence[str]) -> BgpResult:
        sessions = tuple(
            Session(router=name, vrf="default", peer=str(SPEAKERS[name]), remote="dns", established=True)
            for name in live
        )
        heard = {Advertisement("isp", "lon", ip("10.9.1.3"), DNS, "65000")} if live else set()
        return BgpResult(sessions=sessions, advertisements=frozenset(heard))


def _dead(overlay: Overlay) -> frozenset[tuple[str, str]]:
    return frozenset(("dns", name) for name in overlay.routers_down)


def run(overlay: Overlay = NOTHING, made: Network | None = None, *, sweep: bool = False) -> Settled:
    made = made or backbone()
    return settle(made, overlay, Routing(made), sweep)


CUT = Overlay(links_down=frozenset({"dc1-core", "dc2-core"}))


def test_a_calm_network_has_no_cascade() -> None:
    found = run()
    assert found.cascade == ()
    assert [(site.site, site.announced, site.reached) for site in found.sites] == [
        ("lon", True, ("dc1", "dc2")),
        ("par", True, ("dc1", "dc2")),
    ]
    assert found.services == {"sso": True, "badge": True}
    assert all(path.works for paths in found.access.values() for path in paths)


def test_october_in_order() -> None:
    """No data centre is reached: both sites withdraw, the prefix is gone, sign-on falls with it, then the doors."""
    found = run(CUT)
    assert found.cascade == (
        Event(
            round=1,
            kind="site-withdrawn",
            subject="dns/lon",
            text="dns site lon withdraws 192.0.2.0/24: reaches 0 of 2 data centres, needs 1",
        ),
        Event(
            round=1,
            kind="site-withdrawn",
            subject="dns/par",
            text="dns site par withdraws 192.0.2.0/24: reaches 0 of 2 data centres, needs 1",
        ),
        Event(
            round=1,
            kind="prefix-gone",
            subject="192.0.2.0/24",
            text="192.0.2.0/24 (dns) is announced by no site any more",
        ),
        Event(round=2, kind="service-lost", subject="sso", text="sso is lost: at dc2: dns: announced by no site"),
        Event(
            round=3,
            kind="service-lost",
            subject="badge",
            text="badge is lost: at dc1: sso: at dc1: dns: announced by no site",
        ),
    )
    assert not any(site.announced for site in found.sites)
    assert found.computed.overlay.withdrawn == {("dns", "lon"), ("dns", "par")}


def test_october_leaves_the_console_alone() -> None:
    found = run(CUT)
    assert [(path.path, path.works) for path in found.access["core"]] == [
        ("console", True),
        ("noc", False),
        ("walk-in", False),
    ]
    noc = found.access["core"][1]
    assert noc.broken == (
        "noc to 10.255.0.4: no-route at noc",
        "dns: announced by no site",
        "sso: at dc1: dns: announced by no site",
    )


def test_one_data_centre_left_is_enough_for_the_sites() -> None:
    found = run(Overlay(links_down=frozenset({"dc2-core"})))
    assert found.cascade == ()
    assert [site.failed for site in found.sites] == [("dc2",), ("dc2",)]


def test_a_site_cut_off_withdraws_alone_and_names_stay_where_others_reach() -> None:
    found = run(Overlay(links_down=frozenset({"core-par"})))
    assert [event.subject for event in found.cascade] == ["dns/par"]
    assert [site.announced for site in found.sites] == [True, False]
    assert found.services == {"sso": True, "badge": True}


def test_the_way_back_counts() -> None:
    """dc1 and dc2 lose their route to the speakers: lon still reaches them, but hears no answer."""
    made = backbone()

    class OneWay(Routing):
        def __call__(self, overlay: Overlay) -> Computed:
            found = super().__call__(overlay)
            tables = {name: dict(found.tables.table(name)) for name in found.routers}
            for name in ("dc1", "dc2"):
                tables[name].pop(net("10.9.1.0/30"))
            return replace(found, tables=type(found.tables)(tables))  # type: ignore[call-arg]

    found = settle(made, NOTHING, OneWay(made))
    assert [event.subject for event in found.cascade] == ["dns/lon"]


def test_withdrawal_makes_others_withdraw_round_by_round() -> None:
    """lon alone has dns and needs both data centres; web at par needs sso, which needs dns: it follows a round later."""
    made = backbone()
    both = HealthRule(targets=("dc1", "dc2"), need=2)
    lon = replace(made.anycasts["dns"], origins=made.anycasts["dns"].origins[:1], health=both)
    other = Anycast(
        name="web",
        prefixes=(net("192.0.3.0/24"),),
        origins=(Origin(site="par", router="par", address=SPEAKERS["par"], asn=65100),),
        health=HealthRule(targets=("sso",), need=1),
    )
    made = replace(made, anycasts={"dns": lon, "web": other})
    routing = Routing(made)
    found = settle(made, Overlay(links_down=frozenset({"dc2-core"})), routing)
    assert [(event.round, event.subject) for event in found.cascade if event.kind == "site-withdrawn"] == [
        (1, "dns/lon"),
        (2, "web/par"),
    ]
    assert len(routing.asked) == 3


def test_a_rule_that_needs_nothing_never_withdraws() -> None:
    made = backbone()
    steady = replace(made.anycasts["dns"], health=HealthRule(targets=("dc1",), need=0))
    found = run(CUT, replace(made, anycasts={"dns": steady}))
    assert not [event for event in found.cascade if event.kind == "site-withdrawn"]


def test_an_outsider_needs_the_advertisement() -> None:
    """From the transit a name works only while the transit hears the prefix; answers leave to what it announces: none
    here, so the way back decides too.
    """
    made = backbone()
    path = AccessPath(name="home", kind="out-of-band", source="isp", targets=("core",), needs=("dns",))
    made = replace(made, access_paths={"home": path})
    [home] = run(made=made).access["core"]
    assert (home.works, home.broken) == (False, ("dns: 192.0.2.1 back to isp: no address of this IP version",))
    [home] = run(CUT, made).access["core"]
    assert home.broken == ("dns: announced by no site",)


def test_a_third_party_falls_with_what_it_needs() -> None:
    made = backbone()
    made = replace(made, services={**made.services, "chat": Service(name="chat", needs=("dns",))})
    assert run(made=made).services["chat"]
    lost = run(CUT, made)
    assert not lost.services["chat"]
    assert "chat is lost: needs dns" in {event.text for event in lost.cascade}


def test_services_in_a_circle_hold_each_other_up_until_one_falls() -> None:
    made = backbone()
    circle = {
        "x": Service(name="x", sites=("dc1",), needs=("y",)),
        "y": Service(name="y", sites=("dc1",), needs=("x", "dns")),
    }
    made = replace(made, services=circle)
    assert run(made=made).services == {"x": True, "y": True}
    assert run(CUT, made).services == {"x": False, "y": False}


def test_a_dead_router_is_not_reached_in_band() -> None:
    found = run(Overlay(routers_down=frozenset({"par"})))
    paths = {path.path: path for path in found.access["par"]}
    assert paths["noc"].broken[0] == "par is down"
    assert paths["console"].works


SWEEP = replace(backbone(), demands=(Demand(source="lon", destination="dc1", mbps=100.0),))


def test_the_sweep_tells_what_is_lost_from_what_could_not_be_saved() -> None:
    found = run(made=SWEEP, sweep=True)
    assert found.sweep is not None
    results = {(item.kind, item.name): (item.lost_mbps, item.unavoidable_mbps, item.worst) for item in found.sweep}
    quiet = (0.0, 0.0, InterfaceRef("core", "to-dc1"))
    assert results["link", "dc2-core"] == quiet
    assert results["link", "core-lon"] == (100.0, 0.0, None)
    assert results["link", "dc1-core"] == (100.0, 0.0, None)
    assert results["router", "core"] == (100.0, 0.0, None)
    assert results["router", "lon"] == (0.0, 100.0, None)
    assert results["router", "dc1"] == (0.0, 100.0, None)
    assert len(results) == 5 + 6


def test_the_sweep_takes_a_risk_group_down_at_once() -> None:
    fibre = {
        name: replace(link, risk_groups=frozenset({"fibre"}) if name.startswith("dc") else frozenset())
        for name, link in SWEEP.links.items()
    }
    found = run(made=replace(SWEEP, links=fibre), sweep=True)
    assert found.sweep is not None
    [group] = [item for item in found.sweep if item.kind == "risk-group"]
    assert (group.name, group.lost_mbps) == ("fibre", 100.0)


def test_a_failure_nobody_can_compute_is_said() -> None:
    made = SWEEP

    class Stubborn(Routing):
        def __call__(self, overlay: Overlay) -> Computed:
            if "core-lon" in overlay.links_down:
                raise Unproven("too hard")
            return super().__call__(overlay)

    found = settle(made, NOTHING, Stubborn(made), sweep=True)
    assert found.sweep is not None
    assert ("link", "core-lon") not in {(item.kind, item.name) for item in found.sweep}
    assert [remark.text for remark in found.unknowns] == ["link core-lon down: too hard"]


@pytest.mark.parametrize("cut", [frozenset({"core-lon"}), frozenset({"dc1-core", "dc2-core"})])
def test_settling_again_from_the_end_changes_nothing(cut: frozenset[str]) -> None:
    made = backbone()
    first = run(Overlay(links_down=cut), made)
    again = settle(made, first.computed.overlay, Routing(made))
    assert again.computed.overlay == first.computed.overlay
    assert again.flows == first.flows
    assert not [event for event in again.cascade if event.kind == "site-withdrawn"]
