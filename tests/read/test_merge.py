"""A change resolved against a network: selectors, merged lines, links derived again, the way back."""

import dataclasses
from pathlib import Path

import pytest

from backstay.model.change import Plan
from backstay.model.errors import ChangeError
from backstay.model.network import Network
from backstay.model.source import SourceFile
from backstay.read.change import parse_change
from backstay.read.folder import load
from backstay.read.merge import plan_change, plan_replacement

BASE = Path(__file__).parent / "base"
HEAD = "change: x\nintent: configure\n"


@pytest.fixture(scope="module")
def network() -> Network:
    return load(BASE)


def plan(network: Network, *steps: tuple[str, str], rollback: tuple[tuple[str, str], ...] = ()) -> Plan:
    """``steps`` are (selector, configuration lines)."""
    text = HEAD + _steps("steps", steps) + (_steps("rollback", rollback) if rollback else "")
    return plan_change(network, parse_change(text, "change.yaml"))


def _steps(key: str, steps: tuple[tuple[str, str], ...]) -> str:
    text = f"{key}:\n"
    for on, config in steps:
        body = "".join(f"      {line}\n" for line in config.splitlines())
        text += f"  - on: {on}\n    config: |\n{body}"
    return text


OVERLOAD = "router isis core\n set-overload-bit"


@pytest.mark.parametrize(
    ("selector", "routers"),
    [
        ("lon1", ("lon1",)),
        ("LON1", ("lon1",)),
        ('"?????"', None),
        ('"*1"', ("fra1", "lon1", "par1")),
        ("role:pop", ("par1",)),
        ("site:fra", ("fra1",)),
        ("domain:eu", ("fra1",)),
        ("[role:dns, fra1]", ("fra1", "lon1")),
    ],
)
def test_selectors(network: Network, selector: str, routers: tuple[str, ...] | None) -> None:
    if routers is None:
        with pytest.raises(ChangeError, match="selects no router"):
            plan(network, (selector, OVERLOAD))
    else:
        assert plan(network, (selector, OVERLOAD)).stages[0].routers == routers


def test_each_step_stands_on_the_one_before_and_untouched_routers_are_the_same(network: Network) -> None:
    made = plan(network, ("fra1", OVERLOAD), ("lon1", OVERLOAD))
    first, second = (stage.network for stage in made.stages)
    assert [stage.number for stage in made.stages] == [1, 2]
    assert first.routers["fra1"].isis[0].overload
    assert not first.routers["lon1"].isis[0].overload
    assert second.routers["fra1"] is first.routers["fra1"]
    assert second.routers["par1"] is network.routers["par1"]
    assert second.routers["lon1"].isis[0].overload
    assert made.after is second
    assert made.rollback is None
    assert network.routers["fra1"].isis[0].overload is None


def test_lines_have_their_place_in_the_change_file(network: Network) -> None:
    stage = plan(network, ("lon1", OVERLOAD)).stages[0]
    assert [(line.text, line.place.line, line.action) for line in stage.touched][-1] == ("set-overload-bit", 7, "added")


def test_a_line_nobody_understands_is_shown(network: Network) -> None:
    stage = plan(network, ("lon1", "router isis core\n frobnicate 7")).stages[0]
    assert [(line.router, line.text, line.place.line) for line in stage.unread] == [("lon1", "frobnicate 7", 7)]


def test_a_no_for_a_line_that_is_not_there_changes_nothing(network: Network) -> None:
    stage = plan(network, ("lon1", "router isis core\n no set-overload-bit")).stages[0]
    assert stage.network is network
    assert not stage.unread


def test_a_rollback_starts_from_the_network_after_and_leads_back(network: Network) -> None:
    made = plan(network, ("lon1", OVERLOAD), rollback=(("lon1", "router isis core\n no set-overload-bit"),))
    assert made.rollback is not None
    (back,) = made.rollback
    assert back.rollback
    assert back.network.routers == network.routers
    assert back.network.links == network.links


def test_exec_commands_become_operations_or_are_shown(network: Network) -> None:
    text = HEAD + "steps:\n  - on: fra1\n    commands:\n      - clear ip bgp *\n      - frobnicate now\n"
    stage = plan_change(network, parse_change(text, "change.yaml")).stages[0]
    assert [(one.kind, one.text, one.place.line) for one in stage.operations] == [("clear", "clear ip bgp *", 6)]
    assert [(line.text, line.place.line) for line in stage.unread] == [("frobnicate now", 7)]
    assert stage.overlay.sessions_reset
    assert stage.network is network


# ------------------------------------------------------------------------------------------ links


RENUMBER = "interface {0}\n no ip address {1}\n ip address {2}"


def test_a_declared_link_goes_with_a_moved_address_and_comes_back_when_both_ends_have_moved(network: Network) -> None:
    made = plan(
        network,
        ("fra1", RENUMBER.format("eth0", "10.0.0.0/31", "10.5.0.0/31")),
        ("par1", RENUMBER.format("eth0", "10.0.0.1/31", "10.5.0.1/31")),
    )
    first, second = (stage.network for stage in made.stages)
    assert list(first.links) == ["lon1:eth0--par1:eth1"]
    assert [remark.code for remark in first.remarks] == ["link-subnets"]
    assert second.links == network.links


def test_links_seen_in_addresses_move_with_them(tmp_path: Path, network: Network) -> None:
    (tmp_path / "configs").mkdir()
    for router in network.routers.values():
        (tmp_path / router.sources[0].path).write_text(router.sources[0].text)
    bare = load(tmp_path)
    assert list(bare.links) == ["fra1:eth0--par1:eth0", "lon1:eth0--par1:eth1"]
    moved = plan(bare, ("fra1", RENUMBER.format("eth0", "10.0.0.0/31", "10.9.0.1/31"))).after
    assert list(moved.links) == ["fra1:eth0--lon1:eth1", "lon1:eth0--par1:eth1"]


def test_a_shut_interface_keeps_its_link(network: Network) -> None:
    after = plan(network, ("fra1", "interface eth0\n shutdown")).after
    assert not after.routers["fra1"].interfaces["eth0"].enabled
    assert list(after.links) == list(network.links)


def test_bandwidth_that_nobody_else_says_follows_the_change(network: Network) -> None:
    after = plan(network, ("fra1,par1".replace(",", ", ").join("[]"), "interface eth0\n bandwidth 40000")).after
    assert after.links["fra1:eth0--par1:eth0"].capacity == 40_000.0
    assert after.links["lon1:eth0--par1:eth1"].capacity == 40_000.0


def test_links_are_not_derived_again_for_nothing(network: Network) -> None:
    assert plan(network, ('"*"', OVERLOAD)).after.links is network.links


def test_a_typed_hostname_does_not_rename_the_router(network: Network) -> None:
    after = plan(network, ("fra1", "hostname paris7")).after
    assert list(after.routers) == list(network.routers)
    assert after.routers["fra1"].name == "fra1"


# ------------------------------------------------------------------------------------------ whole files


def test_replaced_files_are_one_step_with_its_way_back(network: Network) -> None:
    after = plan(network, ("lon1", OVERLOAD)).after
    made = plan_replacement(network, after)
    (stage,) = made.stages
    assert stage.routers == ("lon1",)
    assert [(line.action, line.text, line.context) for line in stage.touched] == [
        ("added", "set-overload-bit", ("router isis core",))
    ]
    assert made.after.routers == after.routers
    assert made.rollback is not None
    assert made.rollback[0].network.routers == network.routers


def test_replacing_with_what_nobody_can_read_is_shown(network: Network) -> None:
    old = network.routers["lon1"]
    source = old.sources[0]
    broken = SourceFile(source.path, source.text + "frobnicate 7\n")
    other = dataclasses.replace(
        network, routers={**network.routers, "lon1": dataclasses.replace(old, sources=(broken,))}
    )
    (stage,) = plan_replacement(network, other).stages
    assert [line.text for line in stage.unread] == ["frobnicate 7"]


def test_replacing_nothing_or_other_routers_is_an_error(network: Network) -> None:
    with pytest.raises(ChangeError, match="nothing to replace"):
        plan_replacement(network, network)
    fewer = dataclasses.replace(network, routers={"fra1": network.routers["fra1"]})
    with pytest.raises(ChangeError, match="router lon1 is only in the network before"):
        plan_replacement(network, fewer)


def test_a_router_without_configuration(network: Network) -> None:
    bare = dataclasses.replace(network.routers["lon1"], sources=())
    other = dataclasses.replace(network, routers={**network.routers, "lon1": bare})
    with pytest.raises(ChangeError, match="router lon1 has no configuration to change"):
        plan(other, ("lon1", OVERLOAD))
