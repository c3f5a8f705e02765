"""The change file as a value, with the lines its parts stand in."""

import hashlib
from pathlib import Path

import pytest

from backstay.model.change import Intent, Scope
from backstay.model.errors import ChangeError
from backstay.model.source import Place
from backstay.read.change import parse_change, read_change

TEXT = """\
change: Drain fra1 for the fibre repair
intent: drain
scope: {routers: fra1, links: [], prefixes: [192.0.2.0/24]}
expect: {withdrawn: ["2001:db8::/32"], lost_mbps: 10}
period: night
steps:
  - description: out of the way
    on: [fra1, "role:pop"]
    config: |  # as typed
      router isis core
       set-overload-bit
    commands:
      - clear ip bgp *
      - write memory
  - on: fra1
    config: no router bgp 64500
rollback:
  - on: fra1
    config: |
      router isis core
       no set-overload-bit
"""


def test_every_key(tmp_path: Path) -> None:
    file = tmp_path / "drain.yaml"
    file.write_text(TEXT)
    change = read_change(file)
    assert (change.title, change.intent, change.period) == ("Drain fra1 for the fibre repair", Intent.DRAIN, "night")
    assert change.scope.routers == ("fra1",)
    assert change.scope.links == ()
    assert [str(prefix) for prefix in change.scope.prefixes or ()] == ["192.0.2.0/24"]
    assert [str(prefix) for prefix in change.expect.withdrawn] == ["2001:db8::/32"]
    assert change.expect.lost_mbps == 10.0
    assert change.digest == hashlib.sha256(TEXT.encode()).hexdigest()
    first, second = change.steps
    assert first.on == ("fra1", "role:pop")
    assert first.config == "router isis core\n set-overload-bit\n"
    assert first.commands == ("clear ip bgp *", "write memory")
    assert change.rollback is not None
    assert second.config == "no router bgp 64500"


def test_lines_are_those_of_the_file() -> None:
    change = parse_change(TEXT, "drain.yaml")
    lines = TEXT.splitlines()
    first, second = change.steps
    assert lines[first.place.line - 1].strip() == "router isis core"
    assert lines[first.selector_place.line - 1].strip().startswith("on:")
    assert [lines[place.line - 1].strip() for place in first.command_places] == ["- clear ip bgp *", "- write memory"]
    assert lines[second.place.line - 1].strip() == "config: no router bgp 64500"
    assert change.rollback is not None
    assert change.rollback[0].place == Place("drain.yaml", 20)


def test_nothing_declared_is_not_declared_as_nothing() -> None:
    text = "change: x\nintent: assess\nsteps: [{on: a, commands: [show ip route]}]\n"
    assert parse_change(text, "x.yaml").scope == Scope()
    assert parse_change(text, "x.yaml").rollback is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "x.yaml:1: expected a mapping (key: value), found a list"),
        (
            "change: x\nintent: drain\nsteps: [{on: [], config: a}]\n",
            "x.yaml:3: steps[0].on: expected at least 1, found none",
        ),
        ("change: x\nintent: drain\nsteps: [{on: 7, config: a}]\n", "x.yaml:3: steps[0].on: expected a list, found 7"),
        (
            "change: x\nintent: drain\nsteps: [{on: a, config: a}]\nrollback: []\n",
            "x.yaml:4: rollback: expected at least 1, found none",
        ),
        (
            "change: x\nintent: drain\nexpect: {lost_mbps: -1}\nsteps: [{on: a, config: a}]\n",
            "x.yaml:3: expect.lost_mbps: input should be greater than or equal to 0, found -1",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(ChangeError) as caught:
        parse_change(text, "x.yaml")
    assert str(caught.value) == message


def test_several_lines_in_one_quoted_text_have_the_file_as_their_place() -> None:
    """A program that writes YAML, or JSON, escapes the line breaks; no line of the file can be named then."""
    step = parse_change('change: x\nintent: drain\nsteps: [{on: a, config: "a\\nb"}]\n', "x.yaml").steps[0]
    assert (step.config, str(step.place)) == ("a\nb", "x.yaml")
