"""What a user types and gets: exit codes by the table, documents by their contract, one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.cli import small

ROOT = Path(__file__).resolve().parents[2]


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own, as a shell would start it."""
    command = [sys.executable, "-m", "backstay", *map(str, words)]
    environment = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def document(*words: object) -> Any:
    return json.loads(run(*words, "--format", "json").stdout)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return small.write(tmp_path / "net")


def test_routes_are_those_worked_out_by_hand(network: Path) -> None:
    """r1 reaches r3 over r2 (10 + 10 < 30); FRR's loopback costs 0, so the host routes cost what the links cost."""
    found = document("routes", network, "--router", "R1")
    over_r2 = [{"ip": "10.1.2.2", "interface": "eth2"}]
    assert found == {
        "schema": "backstay.routes/1",
        "routers": {
            "r1": {
                "default": [
                    _row("10.0.0.1/32", "connected", 0, 0, [{"ip": None, "interface": "lo"}]),
                    _row("10.0.0.2/32", "ospf", 110, 10, over_r2),
                    _row("10.0.0.3/32", "ospf", 110, 20, over_r2),
                    _row("10.1.2.0/24", "connected", 0, 0, [{"ip": None, "interface": "eth2"}]),
                    _row("10.1.3.0/24", "connected", 0, 0, [{"ip": None, "interface": "eth3"}]),
                    _row("10.2.3.0/24", "ospf", 110, 20, over_r2),
                    _row("198.51.100.0/24", "static", 1, 0, [{"ip": None, "interface": None, "discard": "blackhole"}]),
                ]
            }
        },
    }


def _row(prefix: str, protocol: str, distance: int, metric: int, hops: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "prefix": prefix,
        "protocol": protocol,
        "distance": distance,
        "metric": metric,
        "next_hops": hops,
        "tag": 0,
    }


@pytest.mark.parametrize(
    ("change", "code", "word"), [("drain", 0, "allow"), ("shutdown", 1, "deny"), ("unknown", 3, "unknown")]
)
def test_the_verdict_is_the_exit_code(network: Path, change: str, code: int, word: str) -> None:
    done = run("audit", network, network / "changes" / f"{change}.yaml", "--format", "json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"], set(verdict["engines"].values())) == (code, word, {word})
    assert "Traceback" not in done.stderr


def test_the_verdict_document_has_its_keys(network: Path) -> None:
    verdict = document("audit", network, network / "changes" / "shutdown.yaml")
    assert verdict["schema"] == "backstay.verdict/1"
    assert {"verdict", "findings", "engines", "effect", "cascade", "access"} <= verdict.keys()
    assert {"check", "severity", "summary", "where", "before", "after"} <= verdict["findings"][0].keys()
    assert verdict["findings"][0]["where"][0].keys() == {"router", "file", "line"}
    effect = verdict["effect"]
    assert effect["routers"] == ["r3"]
    assert effect["lost_mbps"] == pytest.approx(300)
    assert effect["advertisements"] == {"added": [], "withdrawn": []}
    assert effect["max_utilisation"]["before"] == pytest.approx(0.3)
    ways = {path["path"]: path["works"] for path in verdict["access"]["r3"]}
    assert ways == {"console": True, "noc": False}


def test_every_form_of_a_verdict_is_well_formed(network: Path) -> None:
    change = network / "changes" / "shutdown.yaml"
    sarif = json.loads(run("audit", network, change, "-f", "sarif").stdout)
    assert sarif["version"] == "2.1.0"
    assert "error" in {result["level"] for result in sarif["runs"][0]["results"]}
    suite = ET.fromstring(run("audit", network, change, "-f", "junit").stdout)
    assert any(case.find("failure") is not None for case in suite.iter("testcase"))
    assert "DENY" in run("audit", network, change, "-f", "markdown").stdout.upper()


def test_commands_shown_as_evidence_can_be_typed(network: Path) -> None:
    verdict = document("audit", network, network / "changes" / "shutdown.yaml")
    shown = next(finding["show"] for finding in verdict["findings"] if finding["show"])
    assert run(*shown.split()[1:]).returncode == 0


def test_diff_names_what_moves(network: Path) -> None:
    found = document("diff", network, network / "changes" / "shutdown.yaml", "--router", "r1")
    # A fibre is dark at both ends: r1 and r2 lose the shared subnets with it.
    gone = {row["prefix"] for row in found["routes"] if row["after"] is None}
    assert found["schema"] == "backstay.diff/1"
    assert gone == {"10.0.0.3/32", "10.1.3.0/24", "10.2.3.0/24"}
    assert found["lost_mbps"] == {"before": 0.0, "after": pytest.approx(300)}


def test_check_says_what_nobody_could_read(network: Path) -> None:
    assert run("check", network).returncode == 0
    config = network / "configs" / "r2.conf"
    config.write_text(config.read_text(encoding="utf-8") + "wibble wobble\n", encoding="utf-8")
    done = run("check", network, "--format", "json")
    assert done.returncode == 1
    line = json.loads(done.stdout)["unread"][0]
    assert (line["router"], line["file"], line["text"].strip()) == ("r2", "configs/r2.conf", "wibble wobble")
    assert line["line"] == len(config.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("kind", ["network", "change"])
def test_schemas_are_json_schema(kind: str) -> None:
    assert json.loads(run("schema", kind).stdout)["$schema"].startswith("https://json-schema.org/")


def test_a_refusal_passes_only_with_a_name_and_a_reason_on_record(network: Path) -> None:
    change = network / "changes" / "shutdown.yaml"
    assert run("audit", network, change).returncode == 1
    assert run("audit", network, change, "--override", "fire in the building").returncode == 2
    done = run("audit", network, change, "--override", "fire in the building", "--by", "Ada")
    assert done.returncode == 0
    assert "DENY" in done.stdout
    kept = document("log", network)
    assert kept["faults"] == []
    assert [entry["kind"] for entry in kept["entries"]] == ["verdict", "verdict", "override"]
    assert (kept["entries"][2]["by"], kept["entries"][2]["reason"]) == ("Ada", "fire in the building")
    assert {"network_digest", "change_digest", "program", "verdict"} <= kept["entries"][0].keys()


def test_an_engine_the_network_requires_cannot_be_left_out(network: Path) -> None:
    intent = network / "backstay.yaml"
    intent.write_text("engines: [fast, lab-of-tomorrow]\n" + intent.read_text(encoding="utf-8"), encoding="utf-8")
    done = run("audit", network, network / "changes" / "drain.yaml", "--engine", "fast")
    assert done.returncode in {2, 3}
    assert "lab-of-tomorrow" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("audit", "nowhere", "nothing.yaml"), "nowhere"),
        (("routes", "{net}", "--router", "r9"), "r9"),
        (("routes", "{net}", "--engine", "oracle"), "oracle"),
        (("schema", "poem"), "poem"),
        (("new", "--topology", "sndlib/gaent", "--output", "{net}/new"), "sndlib/geant"),
        (("new", "--topology", "sndlib/geant", "--output", "{net}"), "net"),
        (("new", "--topology", "sndlib/geant", "--output", "{net}/new", "--igp", "rip"), "rip"),
        (("demo", "--example", "nowhere"), "nowhere"),
        (("audit", "{net}", "{net}/changes/none.yaml"), "none.yaml"),
        (("log", "nowhere"), "nowhere"),
        (("fly",), "fly"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(network: Path, words: tuple[str, ...], part: str) -> None:
    done = run(*(word.replace("{net}", str(network)) for word in words))
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_log_that_cannot_be_written_is_said(network: Path) -> None:
    """A verdict that leaves no record is no permission."""
    done = run("audit", network, network / "changes" / "drain.yaml", "--log", "/proc/audit.sqlite")
    assert done.returncode == 2
    assert "/proc/audit.sqlite" in done.stderr
    assert "Traceback" not in done.stderr


def _gone_within(seconds: float, pids: list[str]) -> bool:
    """A process whose parent ended before it could reap it dies by the parent's death, a moment later."""
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    words = [
        sys.executable,
        "-m",
        "backstay",
        "audit",
        "examples/october",
        "examples/october/changes/assess-capacity.yaml",
    ]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        while not children.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        engines = children.read_text().split()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert engines
    assert _gone_within(5.0, engines)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_closed_pipe_is_no_error(network: Path) -> None:
    command = f"{sys.executable} -m backstay routes {network} --format json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_version_and_completion() -> None:
    assert run("--version").stdout.startswith("backstay ")
    environment = {**os.environ, "_BACKSTAY_COMPLETE": "complete_bash", "COMP_WORDS": "backstay au", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("backstay")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["audit"]


def test_a_lab_scope_needs_a_lab(network: Path, tmp_path: Path) -> None:
    change = tmp_path / "change.yaml"
    change.write_text(
        "change: nothing much\nintent: configure\nscope: {routers: [r1]}\nsteps:\n  - on: r1\n    config: |\n      !\n"
    )
    found = run("audit", network, change, "--lab-scope", "affected")
    assert found.returncode == 2
    assert "a lab scope without a lab: the engines are fast, referee (add --engine lab)" in found.stderr
    assert not (network / ".backstay").exists()
