"""`backstay lab`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lab.labkit import NOTHING_LEFT, left, pair, require_lab

from backstay.lab import record
from backstay.lab.teardown import down

ID = f"typed-{os.getpid()}"

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


def typed(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from backstay.cli.main import main; main()", "lab", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_session_at_the_keyboard(tmp_path: Path) -> None:
    require_lab(pair(tmp_path))
    try:
        code, said, complaint = typed("up", str(tmp_path), "--id", ID)
        assert (code, said) == (0, f"{ID} is up: 4 namespaces, files in {record.root() / ID}\n"), complaint
        listed = {lab["id"]: lab for lab in json.loads(typed("status", "--format", "json")[1])["labs"]}
        assert (listed[ID]["state"], listed[ID]["dead"], listed[ID]["heard"]) == ("up", [], {})
        code, said, _ = typed("exec", "A", "--id", ID, "--", "vtysh", "-c", "show ip route 10.255.0.2")
        assert code == 0
        assert "10.0.0.1, via eth0" in said
        assert typed("exec", "a", "--id", ID, "--", "false")[0] == 1
        code, _, complaint = typed("exec", "nobody", "--id", ID, "--", "true")
        assert (code, complaint.strip()) == (
            2,
            f"backstay: nothing in lab {ID} is called 'nobody'; there are: a, b, ends, switch",
        )
        code, said, _ = typed("routes", ID, "--router", "a", "--format", "json")
        document = json.loads(said)
        assert (code, document["schema"], list(document["routers"])) == (0, "backstay.routes/1", ["a"])
        assert {row["prefix"]: row["protocol"] for row in document["routers"]["a"]["default"]} == {
            "10.0.0.0/31": "connected", "10.255.0.1/32": "connected", "10.255.0.2/32": "static",
        }  # fmt: skip
        shown = json.loads(typed("show", ID)[1])
        assert (shown["schema"], shown["engine"]) == ("backstay.state/1", "lab")
        assert typed("compare", ID, "--engine", "fast,referee")[:2] == (
            0,
            "fast and the lab agree\nreferee and the lab agree\n",
        )
        assert typed("down", ID)[:2] == (0, f"{ID} is down\n")
        assert left(ID) == NOTHING_LEFT
        code, _, complaint = typed("down", ID)
        assert code == 2
        assert complaint.startswith(f"backstay: there is no lab called {ID}")
    finally:
        for kept in record.every():
            if kept.id == ID:
                down(kept)
