"""`backstay capacity` as a user types it: exit codes, documents, one clear line for what is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli import small
from tests.cli.shell import run


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.write(tmp_path_factory.mktemp("capacity") / "net")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_within_limits_is_0_and_nothing_is_written(network: Path) -> None:
    before = files(network)
    done = run("capacity", network)
    assert done.returncode == 0, done.stderr
    assert "every scenario stays within the limit and loses nothing" in done.stdout
    assert done.stderr == ""
    assert files(network) == before


def test_findings_are_1(network: Path) -> None:
    """300 of 1,000 on r1-r2 and r2-r3: over 0.2 now; without r1-r2 or r2-r3 or r2 over the direct link."""
    done = run("capacity", network, "--limit", "0.2", "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["schema"] == "backstay.capacity/1"
    assert found["at_fault"] is True
    assert found["scenarios"] == 7
    assert found["can_fail"] == {"link": 3, "router": 3, "srlg": 0}
    first = next(item for item in found["links"] if item["interface"] == "r1:eth2")
    assert (first["mbps"], first["utilisation"], first["worst"], first["capacity_mbps"]) == (300, 0.3, 0.3, 1000)
    direct = next(item for item in found["links"] if item["interface"] == "r1:eth3")
    assert (direct["worst"], direct["cause"]) == (0.3, [{"kind": "link", "name": "r1:eth2--r2:eth1"}])
    failed = [[thing["name"] for thing in item["failed"]] for item in found["at_fault_scenarios"]]
    assert [] in failed
    assert ["r2"] in failed
    assert found["optimum"]["best"] == pytest.approx(0.15), "half each way"


def test_demand_that_pairs_lose_is_1(network: Path) -> None:
    done = run("capacity", network, "--failures", "2", "--kinds", "link")
    assert done.returncode == 1
    assert "no scenario exceeds the limit, 2 lose demand" in done.stdout
    assert "one to three" in done.stdout


def test_several_hours_say_when(network: Path, tmp_path: Path) -> None:
    demands = tmp_path / "hours.csv"
    demands.write_text("from,to,mbps,period\none,three,900,day\none,three,90,night\n", encoding="utf-8")
    done = run("capacity", network, "--demands", demands, "--format", "json")
    found = json.loads(done.stdout)
    assert [item["period"] for item in found["periods"]] == ["day", "night"]
    assert {tuple(item["safe"]) for item in found["windows"]} == {("day", "night")}
    assert done.returncode == 1, "900 of 1,000 is over 80 % by day"


def test_a_bad_hour_names_file_and_line(network: Path, tmp_path: Path) -> None:
    demands = tmp_path / "hours.csv"
    for row, expected in (
        ("one,nowhere,5", "hours.csv:2: to: there is no site, router or neighbour 'nowhere'"),
        ("one,three,-5", "hours.csv:2: mbps: expected a number of Mbit/s from 0 up, found '-5'"),
        ("one,three,nan", "hours.csv:2: mbps: expected a number of Mbit/s from 0 up, found 'nan'"),
        ("one,three,inf", "hours.csv:2: mbps: expected a number of Mbit/s from 0 up, found 'inf'"),
    ):
        demands.write_text(f"from,to,mbps\n{row}\n", encoding="utf-8")
        done = run("capacity", network, "--demands", demands)
        assert (done.returncode, done.stdout) == (2, "")
        assert expected in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--failures", "3"), "3 failures at once (42 scenarios of 6 things that fail): a sweep takes 0, 1 or 2"),
        (("--failures", "-1"), "-1 failures at once: expected 0, 1 or 2"),
        (("--kinds", "wire"), "--kinds wire: expected some of link, router, srlg"),
        (("--kinds", ","), "--kinds: names nothing"),
        (("--exclude", "r1:eth2--r2:eth2"), "did you mean r1:eth2--r2:eth1?"),
        (("--limit", "0"), "--limit 0: expected a share of the capacity above 0"),
        (("--demands", "/nowhere.csv"), "/nowhere.csv: No such file or directory"),
        (("--out", "/nowhere/sweep.parquet"), "/nowhere/sweep.parquet: cannot be written: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line_and_2(network: Path, words: tuple[str, ...], expected: str) -> None:
    done = run("capacity", network, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_capacity_below_nothing_is_refused_where_it_stands(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "net")
    text = (folder / "backstay.yaml").read_text(encoding="utf-8")
    (folder / "backstay.yaml").write_text(text.replace("capacity: 1G", "capacity: -1", 1), encoding="utf-8")
    done = run("capacity", folder)
    assert done.returncode == 2
    assert "backstay.yaml:" in done.stderr


def test_every_scenario_goes_to_the_file(network: Path, tmp_path: Path) -> None:
    path = tmp_path / "sweep.parquet"
    done = run("capacity", network, "--failures", "2", "--out", path)
    assert done.returncode == 1
    table: Any = pq.read_table(path)  # type: ignore[no-untyped-call]
    assert table.num_rows == 1 + 6 + 15


def test_markdown_is_a_comment(network: Path) -> None:
    done = run("capacity", network, "--format", "markdown", "--limit", "0.2", "--top", "2")
    assert done.stdout.startswith("## ⛔ Capacity of small: ")
    assert "| `r1:eth2` | r2 | 1 G | 30.0% | 30.0% | nothing fails |" in done.stdout


@pytest.mark.parametrize("width", [80, 160])
def test_the_tables_fit_the_terminal(network: Path, width: int) -> None:
    from rich.console import Console

    import backstay
    from backstay.report.capacity import capacity_screen

    console = Console(width=width, record=True, file=io.StringIO())
    console.print(capacity_screen(backstay.assess(backstay.load(network), failures=2, limit=0.2), 10))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "Utilisation of all link directions" in text
    assert "r1:eth2" in text


@pytest.mark.slow
def test_spread_over_a_cluster_it_says_the_same_to_the_byte(network: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    alone = run("capacity", network, "--failures", "2", "--format", "json", "--out", here)
    spread = run("capacity", network, "--failures", "2", "--format", "json", "--out", there, "--ray", "local")
    assert spread.stdout == alone.stdout
    assert there.read_bytes() == here.read_bytes()
