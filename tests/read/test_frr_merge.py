"""What a typed line is called and where it goes; laws of merging."""

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.read.facts import facts, read, unordered

from backstay.model.network import InterfaceRef, Overlay, Router
from backstay.model.source import Place, SourceFile
from backstay.read.frr import merge, operation, read_router

FULL = (Path(__file__).parent / "frr" / "full.conf").read_text()
PLACE = Place("changes/x.yaml", 10)


@pytest.fixture(scope="module")
def full() -> Router:
    return read(FULL)


def actions(router: Router, lines: str) -> list[tuple[int, str]]:
    """(line of the change file, action) of every typed line that was taken."""
    return [(line.place.line, line.action) for line in merge(router, lines, PLACE)[1]]


def reasons(router: Router, lines: str) -> list[tuple[int, str]]:
    return [(line.place.line, line.reason) for line in merge(router, lines, PLACE)[2]]


# ---------------------------------------------------------------------------------------- actions and places


def test_actions_and_places(full: Router) -> None:
    typed = "interface eth0\n isis metric 50\n bandwidth 10000\n no description\n ip address 10.9.9.1/30\n no isis passive\n"
    assert actions(full, typed) == [
        (10, "unchanged"),
        (11, "replaced"),
        (12, "unchanged"),
        (13, "removed"),
        (14, "added"),
        (15, "unchanged"),
    ]


def test_context_of_touched_lines(full: Router) -> None:
    _, touched, _ = merge(full, "router bgp 65000\n address-family ipv4\n  network 10.0.0.0/8\n", PLACE)
    assert touched[-1].context == ("router bgp 65000", "address-family ipv4 unicast")
    assert touched[-1].router == "fra1"


def test_nothing_changed_gives_the_very_same_router(full: Router) -> None:
    after, touched, unread = merge(full, "interface eth0\n bandwidth 10000\nno ip route 1.0.0.0/8 Null0\n", PLACE)
    assert after is full
    assert {line.action for line in touched} == {"unchanged"}
    assert unread == ()


def test_the_text_changes_where_it_must_and_nowhere_else(full: Router) -> None:
    after, _, _ = merge(full, "router isis CORE\n set-overload-bit\n", PLACE)
    old, new = FULL.splitlines(), after.sources[0].text.splitlines()
    assert new == [*old[:79], " set-overload-bit", *old[79:]]
    assert after.isis[0].overload is not None
    assert after.isis[0].overload.place == Place("r.conf", 80)


def test_a_new_section_is_written_whole(full: Router) -> None:
    after, _, _ = merge(full, "router bgp 65000\n address-family ipv6\n  network 2001:db8::/32\nrouter ospf\n", PLACE)
    text = after.sources[0].text
    assert "\nrouter ospf\nexit\n" in text
    assert text.endswith("end\n")
    assert "  neighbor RR activate\n  network 2001:db8::/32\n exit-address-family" in text


def test_a_new_section_inside_a_new_section() -> None:
    router = read("hostname r\n")
    after, _, _ = merge(
        router, "router bgp 1\nneighbor 10.0.0.2 remote-as 2\nneighbor 10.0.0.2 route-map R in\n", PLACE
    )
    assert after.sources[0].text == (
        "hostname r\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n address-family ipv4 unicast\n"
        "  neighbor 10.0.0.2 route-map R in\n exit-address-family\nexit\n"
    )


def test_numbered_lines_are_written_with_their_number(full: Router) -> None:
    after, _, _ = merge(full, "ip prefix-list SITE permit 11.0.0.0/8\n", PLACE)
    assert "ip prefix-list SITE seq 15 permit 11.0.0.0/8\n" in after.sources[0].text


def test_typed_then_taken_back_in_one_session(full: Router) -> None:
    typed = "router bgp 65000\n neighbor 9.9.9.9 remote-as 5\n no neighbor 9.9.9.9\ninterface eth7\n ip ospf area 0\n"
    after, touched, _ = merge(full, typed, PLACE)
    assert [line.action for line in touched] == ["unchanged", "added", "removed", "added", "added"]
    assert "9.9.9.9" not in after.sources[0].text
    assert after.interfaces["eth7"].ospf is not None


def test_lines_go_to_the_file_their_section_is_in() -> None:
    files = (
        SourceFile("zebra.conf", "interface eth0\n ip address 10.0.0.1/30\n"),
        SourceFile("isisd.conf", "router isis C\n net 49.0001.0000.0000.0001.00\n"),
    )
    after, _, _ = merge(read_router(files, "r"), "interface eth0\n shutdown\nrouter isis C\n set-overload-bit\n", PLACE)
    assert after.sources[0].text.endswith(" ip address 10.0.0.1/30\n shutdown\n")
    assert after.sources[1].text.endswith(" set-overload-bit\n")
    assert not after.interfaces["eth0"].enabled


# ---------------------------------------------------------------------------------------- what is refused


def test_unknown_contexts_take_their_lines_with_them(full: Router) -> None:
    typed = "router ospf\nrouter foo 1\n network 10.0.0.0/8 area 0\nexit\nrouter ospf\n area 1 stub\n"
    after, _, unread = merge(full, typed, PLACE)
    assert [(line.place.line, line.text) for line in unread] == [
        (11, "router foo 1"),
        (12, "network 10.0.0.0/8 area 0"),
    ]
    assert list(after.ospf[0].areas) == ["0.0.0.1"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("router bgp 65001", "FRR refuses it: BGP is already running; AS is 65000"),
        ("interface eth0\n ip router isis OTHER", "the tag of an interface cannot be changed"),
        ("router bgp 65000\n neighbor 192.168.0.2 peer-group X", "remove the neighbour from its peer group first"),
        ("router bgp 65000\n bgp default ipv4-unicast", "takes effect for neighbours typed later alone"),
        ("no interface eth0", "FRR deletes inactive ones alone"),
        ("ip route 10.0.0.0/8", "incomplete command"),
        ("no ip route 10.9.0.0/16", "incomplete command"),
        ("frobnicate", "not understood"),
        ("interface eth0\n isis metric wide", "a value that is not understood"),
        ("route-map IN permit 10\n match probability 5", "the match is not modelled"),
        ("do clear bgp *", "an exec command inside configuration lines"),
    ],
)
def test_refused_lines_say_why(full: Router, lines: str, reason: str) -> None:
    found = reasons(full, lines)
    assert len(found) == 1
    assert found[0][0] == 10 + lines.count("\n")
    assert reason in found[0][1]


def test_exit_at_the_top_leaves_configuration_mode(full: Router) -> None:
    found = reasons(full, "interface eth0\n shutdown\nexit\nexit\ninterface eth1\n")
    assert [line for line, _ in found] == [14]


def test_after_end_nothing_is_configuration(full: Router) -> None:
    typed = "end\nshutdown\nconfigure terminal\ninterface eth0\n shutdown\ndo show bgp summary\n"
    after, _, unread = merge(full, typed, PLACE)
    assert [line.place.line for line in unread] == [11]
    assert not after.interfaces["eth0"].enabled


# ---------------------------------------------------------------------------------------- laws

PAIRS: tuple[tuple[str, str, str], ...] = (
    ("interface eth0", "ip address 10.77.0.1/24", "no ip address 10.77.0.1/24"),
    ("interface eth0", "shutdown", "no shutdown"),
    ("interface eth0", "ip ospf area 0", "no ip ospf area 0"),
    ("interface eth1", "ip ospf area 0\n ip ospf cost 5", "no ip ospf cost\n no ip ospf area"),
    ("interface eth0", "isis priority 9", "no isis priority 9"),
    ("interface eth0", "isis metric 99", "isis metric 20\n isis metric level-1 30"),
    ("interface eth1", "no shutdown", "shutdown"),
    ("interface lo", "no isis passive", "isis passive"),
    ("router isis CORE", "set-overload-bit", "no set-overload-bit"),
    ("router isis CORE", "is-type level-1-2", "is-type level-2-only"),
    ("router isis CORE", "redistribute ipv4 static level-2", "no redistribute ipv4 static level-2"),
    ("router bgp 65000", "neighbor 198.51.100.1 shutdown", "no neighbor 198.51.100.1 shutdown"),
    ("router bgp 65000", "neighbor 9.9.9.9 remote-as 5\n neighbor 9.9.9.9 route-map IN in", "no neighbor 9.9.9.9"),
    ("router bgp 65000", "bgp max-med administrative", "no bgp max-med administrative"),
    ("router bgp 65000", "no bgp network import-check", "bgp network import-check"),
    ("router bgp 65000\n address-family ipv4", "network 10.0.0.0/8", "no network 10.0.0.0/8"),
    (
        "router bgp 65000\n address-family ipv4",
        "no neighbor 198.51.100.1 route-map OUT out",
        "neighbor 198.51.100.1 route-map OUT out",
    ),
    (
        "router bgp 65000\n address-family ipv4",
        "neighbor 198.51.100.1 route-map IN out",
        "neighbor 198.51.100.1 route-map OUT out",
    ),
    ("router bgp 65000\n address-family ipv6", "neighbor 198.51.100.1 activate", "no neighbor 198.51.100.1 activate"),
    ("!", "ip prefix-list SITE seq 7 deny 198.18.5.0/24", "no ip prefix-list SITE seq 7"),
    ("!", "no ip prefix-list SITE seq 5", "ip prefix-list SITE seq 5 permit 198.18.0.0/16 le 24"),
    ("!", "route-map OUT deny 5", "no route-map OUT deny 5"),
    ("!", "no route-map TAG", "route-map TAG permit 10\n set tag 5"),
    ("route-map OUT permit 10", "set metric 7", "no set metric"),
    ("route-map OUT permit 10", "no match ip address prefix-list SITE", "match ip address prefix-list SITE"),
    ("!", "ip route 1.0.0.0/8 Null0", "no ip route 1.0.0.0/8 Null0"),
    ("!", "no ip route 10.9.0.0/16 10.0.0.2", "ip route 10.9.0.0/16 10.0.0.2 tag 7 50"),
    ("!", "router ospf\n area 1 stub", "no router ospf"),
)


def _typed(context: str, line: str) -> str:
    return f"{context}\n {line}\nend\nconfigure terminal\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=6, unique=True))
def test_a_change_followed_by_its_inverse_gives_the_first_router_back(
    full: Router, chosen: list[tuple[str, str, str]]
) -> None:
    there = "".join(_typed(context, line) for context, line, _ in chosen)
    back = "".join(_typed(context, line) for context, _, line in reversed(chosen))
    after, touched, unread = merge(full, there, PLACE)
    assert unread == ()
    assert any(line.action in {"added", "removed", "replaced"} for line in touched)
    again, _, unread = merge(after, back, PLACE)
    assert unread == ()
    assert unordered(facts(again)) == unordered(facts(full))


@pytest.mark.parametrize(("context", "line", "back"), PAIRS, ids=lambda text: text.replace("\n", "/"))
def test_each_line_of_the_law_does_something(full: Router, context: str, line: str, back: str) -> None:
    """So that the law above cannot hold by doing nothing."""
    after, _, _ = merge(full, _typed(context, line), PLACE)
    assert unordered(facts(after)) != unordered(facts(full)) or "seq" in back


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=6, unique=True))
def test_line_by_line_is_the_same_as_all_at_once(full: Router, chosen: list[tuple[str, str, str]]) -> None:
    typed = [_typed(context, line) for context, line, _ in chosen]
    one_by_one = full
    for text in typed:
        one_by_one = merge(one_by_one, text, PLACE)[0]
    at_once = merge(full, "".join(typed), PLACE)[0]
    assert at_once.sources == one_by_one.sources
    assert facts(at_once) == facts(one_by_one)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=5, unique=True))
def test_typed_twice_is_typed_once(full: Router, chosen: list[tuple[str, str, str]]) -> None:
    text = "".join(_typed(context, line) for context, line, _ in chosen)
    once = merge(full, text, PLACE)[0]
    assert facts(merge(once, text, PLACE)[0]) == facts(once)


def test_a_configuration_typed_line_by_line_is_the_configuration(full: Router) -> None:
    """Typing a whole file into an empty router gives the router of the file."""
    typed = "\n".join(itertools.takewhile(lambda line: line != "end", FULL.splitlines()))
    after, _, _ = merge(read("hostname fra1\n"), typed, PLACE)
    assert unordered(facts(after)) == unordered(facts(full))


# ---------------------------------------------------------------------------------------- exec commands


@pytest.mark.parametrize(
    ("command", "kind", "reset"),
    [
        ("clear bgp *", "clear", {"192.168.0.2", "198.51.100.1", "eth0"}),
        ("clear ip bgp *", "clear", {"192.168.0.2", "198.51.100.1", "eth0"}),
        ("clear bgp ipv4 unicast 198.51.100.1", "clear", {"198.51.100.1"}),
        ("clear bgp 64601", "clear", {"198.51.100.1"}),
        ("clear bgp external", "clear", {"198.51.100.1", "eth0"}),
        ("clear bgp peer-group RR", "clear", {"192.168.0.2"}),
        ("clear bgp * soft", "clear", set()),
        ("clear bgp 198.51.100.1 soft in", "clear", set()),
        ("clear bgp vrf red *", "clear", set()),
        ("vtysh -c 'clear bgp *'", "clear", {"192.168.0.2", "198.51.100.1", "eth0"}),
        ("show bgp summary", "show", set()),
        ("write memory", "write", set()),
        ("debug bgp updates", "debug", set()),
    ],
)
def test_exec_commands(full: Router, command: str, kind: str, reset: set[str]) -> None:
    found = operation(full, command, PLACE)
    assert found is not None
    assert (found.kind, found.text, found.place) == (kind, command, PLACE)
    assert found.overlay == Overlay(sessions_reset=frozenset(("fra1", peer) for peer in reset))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("reload", "reload"),
        ("sudo systemctl restart frr", "reload"),
        ("reboot", "reload"),
        ("shutdown -h now", "shutdown"),
        ("systemctl stop frr", "shutdown"),
    ],
)
def test_commands_that_take_the_router_down(full: Router, command: str, kind: str) -> None:
    found = operation(full, command, PLACE)
    assert found is not None
    assert (found.kind, found.overlay) == (kind, Overlay(routers_down=frozenset({"fra1"})))


def test_clearing_an_igp_takes_its_interfaces_down(full: Router) -> None:
    found = operation(full, "clear isis neighbor", PLACE)
    assert found is not None
    assert found.overlay.interfaces_down == {InterfaceRef("fra1", "eth0"), InterfaceRef("fra1", "lo")}


@pytest.mark.parametrize(
    "command",
    [
        "frobnicate",
        "",
        "clear bgp 9.9.9.9",
        "clear bgp",
        "clear isis foo",
        "vtysh -c 'x",
        "write erase",
        "copy backup.conf running-config",
    ],
)
def test_commands_nobody_knows(full: Router, command: str) -> None:
    assert operation(full, command, PLACE) is None
