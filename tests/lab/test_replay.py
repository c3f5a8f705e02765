"""A replay from end to end on two routers: the data centre's link is shut by hand, and what follows is the outage in small."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.labkit import DNS, NOTHING_LEFT, WITH_DNS, left, pair, require_lab

from backstay.lab import record
from backstay.lab.replay import outage_seen, replay
from backstay.lab.timeline import NAMES, OPERATORS, ROUTES, SERVICES, SITES, measures, told
from backstay.read.change import read_change
from backstay.read.merge import plan_change

SMALL, CLI, DYING = (f"replay-{name}-{os.getpid()}" for name in ("small", "cli", "dying"))

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

CHANGE = """
change: Shut the data centre's link
intent: configure
scope: {routers: [b]}
steps:
  - on: b
    config: |
      interface eth0
       shutdown
rollback:
  - on: b
    config: |
      interface eth0
       no shutdown
"""


def folder(where: Path) -> Path:
    where.mkdir(exist_ok=True)
    (where / "backstay.yaml").write_text(DNS)
    (where / "change.yaml").write_text(CHANGE)
    require_lab(pair(where, **WITH_DNS))
    return where


def test_the_outage_in_small(tmp_path: Path) -> None:
    network = pair(folder(tmp_path), **WITH_DNS)
    timeline = replay(plan_change(network, read_change(tmp_path / "change.yaml")), identity=SMALL)
    assert left(SMALL) == NOTHING_LEFT
    assert outage_seen(timeline)
    command, restore = timeline.phase("command"), timeline.phase("restore")
    assert command is not None
    assert restore is not None
    kinds = [item.kind for item in timeline.between(command, restore)]
    order = ["typed", "health", "site-withdrawn"]
    assert [kind for kind in kinds if kind in order] == order
    # Outside, whoever looks next sees it first: a name that is asked for, or the route.
    assert set(kinds[kinds.index("site-withdrawn") :]) >= {"routes lost", "names lost"}
    lowest = {
        name: min(s.good for s in timeline.samples[name] if command < s.at < restore) for name in timeline.samples
    }
    assert lowest == {NAMES: 0, ROUTES: 0, SITES: 0, OPERATORS: 0, SERVICES: 0}
    assert all(samples[-1].good == samples[-1].total for samples in timeline.samples.values())
    found = measures(timeline)
    # three checks of half a second must fail before a site withdraws; what the outside hears cannot come before
    assert found["first DNS site withdraws after the command"] >= 1.0


def test_a_daemon_that_dies_meanwhile_is_told_as_such(tmp_path: Path) -> None:
    network = pair(folder(tmp_path), **WITH_DNS)

    def tell(text: str) -> None:
        pid = record.root() / DYING / "b" / "staticd.pid"
        if text.startswith("typed on") and pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)

    change = read_change(tmp_path / "change.yaml")
    timeline = replay(plan_change(network, replace(change, rollback=())), identity=DYING, tell=tell)
    assert left(DYING) == NOTHING_LEFT
    (died,) = [item for item in timeline.happenings if item.kind == "died"]
    assert (died.subject, died.text) == ("b: staticd", "b: staticd died: what follows comes of that too")
    assert any("b: staticd died" in line for line in told(timeline))


def test_the_command_prints_the_timeline_writes_both_files_and_then_asks_the_audit(tmp_path: Path) -> None:
    where = folder(tmp_path / "net")
    done = subprocess.run(
        [sys.executable, "-c", "from backstay.cli.main import main; main()", "replay", str(where), str(where / "change.yaml"),
         "--id", CLI, "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "dns site edge withdraws 192.0.2.0/24" in done.stdout
    assert "NSID" in done.stdout
    assert "nothing was typed, nothing happened" in done.stdout
    document = json.loads((tmp_path / "out" / "timeline.json").read_text())
    assert document["schema"] == "backstay.timeline/1"
    assert (tmp_path / "out" / "timeline.svg").read_text().startswith("<svg ")
    heard = sorted(path.name for path in (tmp_path / "out" / "heard").iterdir())
    assert heard == ["dns-edge.bmp", "dns-edge.mrt", "user.bmp", "user.mrt"]
    assert left(CLI) == NOTHING_LEFT
