"""`backstay drain` and `backstay undrain` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.shell import run
from tests.plan import ring


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ring.write(tmp_path_factory.mktemp("drain") / "net", "from,to,mbps\nsa,sd,30\n")


def test_the_file_it_writes_is_allowed_by_the_audit(network: Path, tmp_path: Path) -> None:
    change = tmp_path / "change.yaml"
    done = run("drain", network, "b", "--write", change)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"written to {change}" in " ".join(done.stdout.split())
    assert run("audit", network, change).returncode == 0
    assert change.read_text(encoding="utf-8").endswith(
        "rollback:\n  - on: b\n    config: |\n      router isis CORE\n       no set-overload-bit\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["change.yaml"]


def test_a_file_that_is_there_stays(network: Path, tmp_path: Path) -> None:
    change = tmp_path / "change.yaml"
    change.write_text("mine", encoding="utf-8")
    done = run("drain", network, "b", "--write", change)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"backstay: {change}: exists already; name a file that does not\n"
    assert change.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("target", "reason"),
    [(("",), "the target is empty"), (("a", "b", "c", "d"), "that is every router of the network (4)")],
)
def test_a_refusal_is_1_and_writes_nothing(network: Path, tmp_path: Path, target: tuple[str, ...], reason: str) -> None:
    done = run("drain", network, *target, "--write", tmp_path / "change.yaml")
    assert done.returncode == 1
    assert reason in " ".join(done.stdout.split())
    assert not list(tmp_path.iterdir())


def test_a_name_that_means_nothing_is_2(network: Path) -> None:
    done = run("drain", network, "bb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no router, link, site or shared-risk group 'bb'" in done.stderr


def test_the_document(network: Path) -> None:
    found = json.loads(run("drain", network, "b", "--format", "json").stdout)
    assert found["schema"] == "backstay.drain/1"
    assert (found["safe"], found["mechanism"], found["verdict"]) == (True, "overload", "allow")
    assert (found["through_mbps"], found["own_mbps"]) == (15, 0)
    assert [item["name"] for item in found["mechanisms"]] == [
        "overload", "max-metric", "metric", "graceful-shutdown", "shutdown",
    ]  # fmt: skip
    assert all(item["sources"] for item in found["mechanisms"])
    (step,) = found["steps"]
    assert step["after"]["utilisation"] == pytest.approx(0.6)


def test_what_is_out_comes_back(tmp_path: Path) -> None:
    folder = ring.write(tmp_path / "net", "from,to,mbps\nsa,sd,30\n", overloaded="b")
    change = tmp_path / "back.yaml"
    done = run("undrain", folder, "--write", change)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run("audit", folder, change).returncode == 0
    assert run("undrain", folder, "c").returncode == 1
