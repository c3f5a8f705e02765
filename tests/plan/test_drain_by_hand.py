"""Drains and restorations of a ring, worked out on paper, carried through the reader, the merge and the real audit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli import small
from tests.plan import ring

import backstay
from backstay.api import drain, undrain
from backstay.model.errors import UsageError
from backstay.model.finding import Decision
from backstay.model.network import Network
from backstay.plan.drain import Drainage, Trial
from backstay.read.change import parse_change

HEADER = "from,to,mbps\n"
HOURS = "from,to,mbps,period\n"


def trial(found: Drainage, name: str) -> Trial:
    return next(item for item in found.trials if item.mechanism.name == name)


def load(folder: Path, demands: str, **more: object) -> Network:
    return backstay.load(ring.write(folder / "net", demands, **more))  # type: ignore[arg-type]


def audited(network: Network, found: Drainage) -> Decision:
    return backstay.audit(network, parse_change(found.text, "change.yaml")).decision


def test_a_router_is_drained_by_the_overload_bit(tmp_path: Path) -> None:
    """Half of 30 passes b; drained, all 30 take c: 30 of 50 on c-d."""
    network = load(tmp_path, HEADER + "sa,sd,30\n")
    found = drain(network, ["b"])
    assert found.refusal == ()
    assert (found.mechanism, found.through, found.own) == ("overload", 15, 0)
    (step,) = found.steps
    assert step.move.lines == ("router isis CORE", " set-overload-bit")
    assert step.move.back == ("router isis CORE", " no set-overload-bit")
    assert step.after.utilisation == pytest.approx(0.6)
    assert step.after.further == 30, "c is the only way left"
    assert audited(network, found) is Decision.ALLOW


def test_what_the_mechanisms_come_to(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,30\nsa,sb,4\n")
    found = drain(network, ["b"])
    assert [trial(found, name).through for name in ("overload", "metric", "shutdown")] == [0, 0, 0]
    assert [trial(found, name).lost for name in ("overload", "metric", "shutdown")] == [0, 0, 4]
    assert trial(found, "shutdown").objection == "4 Mbit/s of demand would be lost"
    assert (trial(found, "max-metric").here, trial(found, "max-metric").note) == (False, "b does not run OSPF")
    assert trial(found, "graceful-shutdown").note == "b does not run BGP"


def test_a_drain_over_the_limit_is_refused(tmp_path: Path) -> None:
    """45 of 50 on c-d."""
    found = drain(load(tmp_path, HEADER + "sa,sd,45\n"), ["b"])
    assert found.text == ""
    assert "a link would be at 90.0%, the limit is 80%" in found.refusal[0]


def test_the_other_side_can_be_drained(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,45\n")
    found = drain(network, ["c"])
    assert found.refusal == ()
    assert found.steps[0].after.utilisation == pytest.approx(0.45)
    assert audited(network, found) is Decision.ALLOW


def test_the_hours_in_which_it_is_safe(tmp_path: Path) -> None:
    network = load(tmp_path, HOURS + "sa,sd,45,day\nsa,sd,10,night\nsa,sd,20,evening\n")
    found = drain(network, ["b"])
    assert found.refusal == ()
    assert [(hour.period, hour.safe) for hour in found.hours] == [("day", False), ("night", True), ("evening", True)]
    assert found.hours[0].why == "a link would be at 90.0%, the limit is 80%"
    assert found.period == "evening", "the heaviest of the safe hours"
    assert parse_change(found.text, "x").period == "evening"
    assert audited(network, found) is Decision.ALLOW


def test_an_hour_asked_for_is_the_only_one_that_counts(tmp_path: Path) -> None:
    network = load(tmp_path, HOURS + "sa,sd,45,day\nsa,sd,10,night\n")
    assert drain(network, ["b"], period="night").period == "night"
    assert drain(network, ["b"], period="day").refusal
    with pytest.raises(UsageError, match="--period dusk: no demand belongs to it; there are day, night"):
        drain(network, ["b"], period="dusk")


def test_a_link_is_drained_end_by_end(tmp_path: Path) -> None:
    """The line that a's metric has is put back as it was; b's default comes back by taking the line away."""
    network = load(tmp_path, HEADER + "sa,sd,30\nsd,sa,30\n")
    found = drain(network, [ring.link("a-b")])
    assert found.refusal == ()
    assert found.mechanism == "metric"
    steps = {step.move.router: step.move for step in found.steps}
    assert steps["a"].lines == ("interface to-b", " isis metric 16777214")
    assert steps["a"].back == ("interface to-b", " isis metric 10")
    assert steps["b"].back == ("interface to-a", " no isis metric")
    assert found.through == 30
    assert audited(network, found) is Decision.ALLOW


def test_drained_links_of_a_group_and_of_a_site(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,30\n")
    assert drain(network, ["site:sb"]).steps[0].move.router == "b"
    assert drain(network, ["sb"]).target == "site sb"


def test_the_second_of_a_pair_is_refused(tmp_path: Path) -> None:
    """c is drained already; without b nothing is left between a and d."""
    network = load(tmp_path, HEADER + "sa,sd,30\n", overloaded="c")
    found = drain(network, ["b"])
    assert found.text == ""
    assert "30 Mbit/s of demand would be lost" in found.refusal[0]


def test_a_second_of_the_same_failure_domain_waits(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,30\n", overloaded="c", domains=("north", "north"))
    (reason,) = drain(network, ["b"]).refusal
    assert reason.startswith("c of failure domain north is out of service already, and limits.blast_radius allows 1")


def test_two_links_of_which_one_must_stay(tmp_path: Path) -> None:
    """Raised metrics on b-d and c-d alike leave everything as it was: nothing is drained."""
    found = drain(load(tmp_path, HEADER + "sa,sd,30\n"), [ring.link("b-d"), ring.link("c-d")])
    assert found.text == ""
    assert "metric: 30 Mbit/s still pass through" in found.refusal[0]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ([], "the target is empty"),
        ([""], "the target is empty"),
        (["b", " "], "the target is empty"),
        (["a", "b", "c", "d"], "that is every router of the network \\(4\\)"),
        (["a", "d"], "that is every link of the network"),
        ([ring.link(name) for name in ring.LINKS], "that is every link of the network \\(4\\)"),
    ],
)
def test_nothing_and_everything_are_refused(tmp_path: Path, asked: list[str], reason: str) -> None:
    found = drain(load(tmp_path, HEADER + "sa,sd,30\n"), asked)
    assert found.text == ""

    assert re.search(reason, found.refusal[0])


def test_what_is_out_already_is_not_drained_again(tmp_path: Path) -> None:
    found = drain(load(tmp_path, HEADER + "sa,sd,30\n", overloaded="c"), ["c"])
    assert found.refusal == ("c is out of service already: nothing to drain",)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("x", "there is no router, link, site or shared-risk group 'x'"),
        ("site:b", "there is no site 'b'; did you mean sb?"),
        ("a:to-b--b:to-aa", "did you mean a:to-b--b:to-a?"),
        ("*", "there is no router"),
    ],
)
def test_names_that_mean_nothing(tmp_path: Path, asked: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected.replace("?", "\\?").replace("*", "\\*")):
        drain(load(tmp_path, HEADER + "sa,sd,30\n"), [asked])


def test_an_unknown_mechanism_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--mechanism magic: expected one of overload, max-metric"):
        drain(load(tmp_path, HEADER + "sa,sd,30\n"), ["b"], mechanism="magic")


def test_ospf_is_drained_by_its_maximum_metric(tmp_path: Path) -> None:
    """r1 to r3 costs 20 over r2 and 30 straight: 300 pass r2 until it is a last resort."""
    network = backstay.load(small.write(tmp_path / "net"))
    found = drain(network, ["r2"])
    assert found.refusal == ()
    assert (found.mechanism, found.through) == ("max-metric", 300)
    assert found.steps[0].move.lines == ("router ospf", " max-metric router-lsa administrative")
    assert audited(network, found) is Decision.ALLOW


# ------------------------------------------------------------------------------------------- the way back


def test_what_comes_back_first_is_what_can_carry(tmp_path: Path) -> None:
    """b and c are out. With c alone 45 would go over c-d, 90 % of its 50: b must come first."""
    network = load(tmp_path, HEADER + "sa,sd,45\n", overloaded="bc")
    found = undrain(network)
    assert found.refusal == ()
    assert [step.move.router for step in found.steps] == ["b", "c"]
    assert [step.after.utilisation for step in found.steps] == [0.45, pytest.approx(0.45)]
    assert found.steps[0].after.lost == 0
    assert audited(network, found) is Decision.ALLOW


def test_one_failure_domain_at_a_time(tmp_path: Path) -> None:
    """Three are out, a and c of one domain: whichever begins, b does not come between them."""
    network = load(tmp_path, HEADER + "sa,sb,1\n", overloaded="abc", domains=("north", "west"))
    found = undrain(network)
    order = [step.move.router for step in found.steps]
    assert order in (["a", "c", "b"], ["c", "a", "b"], ["b", "a", "c"], ["b", "c", "a"])


def test_an_interface_that_is_shut_comes_up_again(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,30\n", shut="a:to-b")
    found = undrain(network)
    assert found.refusal == ()
    assert found.steps[0].move.lines == ("interface to-b", " no shutdown")
    assert found.steps[0].after.utilisation == pytest.approx(0.3)


def test_nothing_to_bring_back(tmp_path: Path) -> None:
    found = undrain(load(tmp_path, HEADER + "sa,sd,30\n"))
    assert found.refusal == ("nothing is out of service in a way that could be taken back",)


def test_a_raised_metric_is_told(tmp_path: Path) -> None:
    network = load(tmp_path, HEADER + "sa,sd,30\n")
    out = drain(network, [ring.link("a-b")])
    after = backstay.resolve(network, parse_change(out.text, "x")).after
    found = undrain(after)
    assert found.refusal
    assert len(found.remarks) == 2
    assert "what it was before is not in the configuration" in found.remarks[0]
