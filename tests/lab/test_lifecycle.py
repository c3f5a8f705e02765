"""A lab's life and the ways it can end: nothing is ever left behind that `backstay lab down` does not find."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab.labkit import DNS, NOTHING_LEFT, WITH_DNS, lab, left, pair, require_lab
from tests.lab.test_recording import messages

from backstay.lab import build, neighbor_table, record, stillness
from backstay.lab.build import up
from backstay.lab.health import dead
from backstay.lab.namespace import create, inside, remove
from backstay.lab.readout import state, tables
from backstay.lab.recording import keep_recordings, recordings
from backstay.lab.stillness import settle
from backstay.lab.teardown import agents, down
from backstay.model.address import Prefix
from backstay.model.errors import ConfigError, EnvironmentError_, Unproven
from backstay.model.network import InterfaceRef, Overlay
from backstay.model.state import Fate
from backstay.read.folder import load

A, B = f"life-a-{os.getpid()}", f"life-b-{os.getpid()}"
"""Ids nobody else who tests on this machine has."""

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for kept in list(record.every()):
        if kept.id.startswith("life") and kept.id.endswith(f"-{os.getpid()}"):
            down(kept)


def until(good: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Whether it becomes true; the time is for machines that do much else."""
    late = time.monotonic() + seconds
    while time.monotonic() < late:
        if good():
            return True
        time.sleep(0.1)
    return good()


def test_it_comes_up_forwards_packets_and_leaves_nothing(tmp_path: Path) -> None:
    network = pair(tmp_path)
    require_lab(network)
    with lab(network, A) as (kept, content):
        assert settle(kept, content) == ()
        found = tables(kept, content).routes["a"]["default"][Prefix.parse("10.255.0.2/32")]
        assert (found.protocol, found.distance, str(found.next_hops[0].address)) == ("static", 1, "10.0.0.1")
        with inside(kept.namespaces["a"]):
            done = subprocess.run(
                ["ip", "-j", "route", "get", "10.255.0.2"], capture_output=True, text=True, check=True
            )
        assert json.loads(done.stdout)[0]["gateway"] == "10.0.0.1"
        assert len(left(A)[1]) >= 4  # zebra and staticd, twice
        # what FRR's killed daemons leave behind in /var/tmp/frr is in the lab's own folder, and goes with it
        assert {path.name.partition(".")[0] for path in (kept.folder / "crash-logs").iterdir()} == {"zebra", "staticd"}
        mapped = [line for number in left(A)[1] for line in _maps(number) if "/var/tmp/frr/" in line]
        assert mapped
        assert not [line for line in mapped if Path(line[line.index("/var/tmp/frr/") :].strip()).exists()]
    assert left(A) == NOTHING_LEFT
    assert str(kept.folder) not in Path("/proc/self/mountinfo").read_text()


def _maps(process: int) -> list[str]:
    return Path(f"/proc/{process}/maps").read_text().splitlines()


def test_two_labs_side_by_side_know_nothing_of_each_other(tmp_path: Path) -> None:
    network = pair(tmp_path)
    with lab(network, A) as (first, _), lab(network, B) as (second, content):
        daemon = int((second.node_folder("a") / "zebra.pid").read_text())
        mounts = Path(f"/proc/{daemon}/mountinfo")
        assert record.prefix(A) in mounts.read_text()
        down(first)
        assert left(A) == NOTHING_LEFT
        assert record.prefix(A) not in mounts.read_text()  # nothing keeps the namespaces of the first alive
        assert dead(second) == ()
        settle(second, content)
        assert len(tables(second, content).routes["b"]["default"]) == 3


def test_an_id_in_use_is_refused_and_its_lab_untouched(tmp_path: Path) -> None:
    network = pair(tmp_path)
    with lab(network, A) as (kept, _):
        with pytest.raises(EnvironmentError_, match=f"a lab called {A} is there already"):
            up(network, identity=A)
        assert dead(kept) == ()


def test_a_namespace_name_in_use_is_named_and_left_alone(tmp_path: Path) -> None:
    network = pair(tmp_path)
    require_lab(network)
    taken = record.prefix(A) + "b"
    create([taken])
    try:
        with pytest.raises(EnvironmentError_, match=f"{taken} is there already"):
            up(network, identity=A)
    finally:
        remove([taken])
    assert left(A) == NOTHING_LEFT


def test_a_line_frr_refuses_is_shown_with_its_file_and_line(tmp_path: Path) -> None:
    network = pair(tmp_path, b="hostname b\ninterface eth0\n ip address 10.0.0.1/31\n ip nonsense here\n")
    require_lab(network)
    with pytest.raises(ConfigError, match=r"configs/b.conf:6: b: FRR refuses the line: .*ip nonsense here"):
        up(network, identity=A)
    assert left(A) == NOTHING_LEFT


def test_a_daemon_that_dies_is_told_as_such_and_never_as_a_change_of_routes(tmp_path: Path) -> None:
    with lab(pair(tmp_path), A) as (kept, content):
        os.kill(int((kept.node_folder("b") / "zebra.pid").read_text()), signal.SIGKILL)
        assert until(lambda: "b: zebra" in dead(kept))
        with pytest.raises(Unproven, match="b: zebra"):
            tables(kept, content)
    with lab(pair(tmp_path), B) as (kept, content):
        os.kill(int((kept.node_folder("a") / "staticd.pid").read_text()), signal.SIGKILL)
        assert until(lambda: "a: staticd" in dead(kept))
        with pytest.raises(Unproven, match="died: a: staticd"):  # zebra lives, and has lost a's static routes
            state(kept, content, questions=False)


def test_a_neighbour_table_that_was_full_makes_what_routers_say_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(pair(tmp_path), A) as (kept, content):
        before = neighbor_table.overflows()
        monkeypatch.setattr(stillness, "overflows", lambda: before + 1)
        with pytest.raises(Unproven, match="neighbour table was full"):
            settle(kept, content)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The lab's own servers die of it, with namespace and port as their last words, and nothing is taken for an answer."""
    (tmp_path / "backstay.yaml").write_text(DNS)
    with lab(pair(tmp_path, **WITH_DNS), A, servers=True) as (kept, content):
        assert until((kept.folder / "health.json").exists)
        second = subprocess.run(
            [sys.executable, "-m", "backstay.lab.agent", A],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert second.returncode == 1
        assert (
            second.stderr.strip() == f"{kept.namespaces['a']}: port 10000 cannot be listened at: Address already in use"
        )
        (kept.folder / "agent.log").write_text(second.stderr)
        os.kill(kept.agent[0], signal.SIGKILL)
        assert until(lambda: "the lab's own servers" in dead(kept))
        with pytest.raises(Unproven, match=r"own servers died: .*port 10000 cannot be listened at"):
            settle(kept, content)


def test_without_root_one_line_says_so(tmp_path: Path) -> None:
    network = pair(tmp_path)
    require_lab(network)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            up(network, identity=A)
        except EnvironmentError_ as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert said.read() == "a lab needs root: it makes network namespaces (run it with sudo)"
    assert left(A) == NOTHING_LEFT


BUILDER = """
import signal, sys, time
from pathlib import Path
from backstay.read.folder import load
from backstay.lab.build import up
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background had it ignored
up(load(Path(sys.argv[1])), identity=sys.argv[2], bound=sys.argv[3] == "bound")
print("up", flush=True)
time.sleep(600)
"""


def builder(folder: Path, identity: str, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(folder), identity, how], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


@pytest.mark.parametrize("when", ["building", "up"])
def test_what_a_killed_program_left_is_found_and_taken_down(when: str, tmp_path: Path) -> None:
    require_lab(pair(tmp_path))
    with builder(tmp_path, A, "free") as made:
        if when == "up":
            assert made.stdout is not None
            assert made.stdout.readline() == "up\n"
        else:
            assert until(lambda: bool(left(A)[1]))
        made.kill()
    kept = record.load(A)
    assert kept.left_behind == (when == "building")
    assert left(A) != NOTHING_LEFT
    down(kept)
    assert left(A) == NOTHING_LEFT
    assert agents(A) == ()


def test_a_bound_lab_goes_with_the_program_that_built_it_even_a_killed_one(tmp_path: Path) -> None:
    require_lab(pair(tmp_path))
    with builder(tmp_path, A, "bound") as made:
        assert made.stdout is not None
        assert made.stdout.readline() == "up\n"
        made.kill()
    assert until(lambda: left(A) == NOTHING_LEFT)


def test_a_bound_lab_whose_servers_were_killed_too_is_told_as_left_behind(tmp_path: Path) -> None:
    require_lab(pair(tmp_path))
    with builder(tmp_path, A, "bound") as made:
        assert made.stdout is not None
        assert made.stdout.readline() == "up\n"
        assert not record.load(A).left_behind
        for number in agents(A):
            os.kill(number, signal.SIGKILL)
        made.kill()
    assert until(lambda: record.load(A).left_behind)
    down(record.load(A))
    assert left(A) == NOTHING_LEFT


def test_ctrl_c_while_it_is_built_takes_it_down(tmp_path: Path) -> None:
    require_lab(pair(tmp_path))
    with builder(tmp_path, A, "free") as made:
        assert until(lambda: bool(left(A)[1]))
        made.send_signal(signal.SIGINT)
        ended = until(lambda: made.poll() is not None)
        made.kill()
    assert ended
    assert left(A) == NOTHING_LEFT


def test_a_full_disk_is_one_error_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = pair(tmp_path / "net")
    require_lab(network)
    for size in ("4k", "24k", "64k"):  # nothing fits, the record and the network do, some of the daemons' files do
        monkeypatch.setattr(build, "SIZE", size)
        with pytest.raises((OSError, EnvironmentError_)):
            up(network, identity=A)
        assert left(A) == NOTHING_LEFT
        assert record.prefix(A) not in Path("/proc/self/mountinfo").read_text()


def test_a_link_that_is_down_has_no_carrier_on_either_end(tmp_path: Path) -> None:
    network = pair(tmp_path)
    link = next(iter(network.links))
    for overlay in (
        Overlay(links_down=frozenset({link})),
        Overlay(interfaces_down=frozenset({InterfaceRef("b", "eth0")})),
    ):
        with lab(network, A, overlay) as (kept, content):
            settle(kept, content)
            found = state(kept, content, questions=False)
        assert set(found.routes["a"]["default"]) == {Prefix.parse("10.255.0.1/32")}
        assert found.overlay == overlay


def test_a_router_that_is_down_is_not_there(tmp_path: Path) -> None:
    network = pair(tmp_path)
    with lab(network, A, Overlay(routers_down=frozenset({"b"}))) as (kept, content):
        settle(kept, content)
        found = state(kept, content, questions=False)
    assert set(found.routes) == {"a"}
    assert set(found.routes["a"]["default"]) == {Prefix.parse("10.255.0.1/32")}


def test_dns_services_and_ways_in_follow_the_network_down_and_up_again(tmp_path: Path) -> None:
    """The data centre's link goes: the health check fails, the site withdraws, the outside hears it, names fail, ssh too."""
    (tmp_path / "backstay.yaml").write_text(DNS)
    network = pair(tmp_path, **WITH_DNS)
    with lab(network, A, servers=True) as (kept, content):
        assert settle(kept, content) == ()
        good = state(kept, content)
        assert [(s.site, s.announced, s.reached) for s in good.sites] == [("edge", True, ("dc",))]
        assert good.services == {"sso": True}
        assert [path.works for path in good.access["a"]] == [True]
        assert ("user", "192.0.2.0/24") in {(a.neighbor, str(a.prefix)) for a in good.advertisements}
        flow = next(f for name, f in good.flows.items() if name.startswith("pop-to-dc edge>dc v4"))
        assert (flow.fate, flow.delivered, flow.hops) == (Fate.DELIVERED, 1.0, ("a", "b"))
        with inside(kept.namespaces["b"]):
            subprocess.run(["ip", "link", "set", "eth0", "down"], check=True)
        assert until(lambda: "site-withdrawn" in (kept.folder / "events.jsonl").read_text())
        settle(kept, content)
        bad = state(kept, content)
        assert [(s.site, s.announced, s.failed) for s in bad.sites] == [("edge", False, ("dc",))]
        assert bad.services == {"sso": False}
        assert [path.works for path in bad.access["a"]] == [False]
        assert ("user", "192.0.2.0/24") not in {(a.neighbor, str(a.prefix)) for a in bad.advertisements}
        with inside(kept.namespaces["b"]):
            subprocess.run(["ip", "link", "set", "eth0", "up"], check=True)
        assert until(lambda: json.loads((kept.folder / "health.json").read_text())["dns/edge"]["announced"])


def test_what_the_outside_heard_is_kept_as_mrt_and_bmp(tmp_path: Path) -> None:
    """The route of the DNS site comes and goes again; another program than ours reads the MRT."""
    mrtparse = pytest.importorskip("mrtparse")
    (tmp_path / "backstay.yaml").write_text(DNS)
    with lab(pair(tmp_path, **WITH_DNS), A, servers=True) as (kept, content):
        assert settle(kept, content) == ()
        files = recordings(kept, content.design)
        assert list(files) == ["dns/edge", "user"]
        shown = subprocess.run(
            [sys.executable, "-c", "from backstay.cli.main import main; main()", "lab", "status"],
            capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "300"},
        )  # fmt: skip
        assert f"{A}: 2 outside speakers record what they hear: {kept.folder}/*/heard.bmp, heard.mrt" in shown.stdout
        mrt, bmp = files["user"]
        assert until(lambda: _heard(mrtparse, mrt) == ["+192.0.2.0/24"])
        with inside(kept.namespaces["b"]):
            subprocess.run(["ip", "link", "set", "eth0", "down"], check=True)
        assert until(lambda: _heard(mrtparse, mrt) == ["+192.0.2.0/24", "-192.0.2.0/24"])
        assert until(lambda: len(_updates_of(bmp, bytes([24, 192, 0, 2]))) == 2)  # announced, withdrawn
        assert [kind for kind, _ in messages(bmp.read_bytes())][:2] == [4, 3]
        keep_recordings(kept, content.design, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "dns-edge.bmp", "dns-edge.mrt", "user.bmp", "user.mrt",
    ]  # fmt: skip


def _updates_of(bmp: Path, prefix: bytes) -> list[bytes]:
    """The route monitoring messages whose update names a prefix."""
    return [body for kind, body in messages(bmp.read_bytes()) if kind == 0 and prefix in body[42:]]


def _heard(mrtparse: Any, path: Path) -> list[str]:
    """Prefixes announced (+) and withdrawn (-) in an MRT file, in order, without those the speaker told itself."""
    found = []
    for entry in mrtparse.Reader(str(path)):
        message = entry.data.get("bgp_message", {})
        for sign, part in (("-", "withdrawn_routes"), ("+", "nlri")):
            found += [f"{sign}{item['prefix']}/{item['length']}" for item in message.get(part, ())]
    return [item for item in found if not item.startswith(("+100.64", "-100.64"))]


def test_the_example_of_october_is_told_alike_by_model_and_routers() -> None:
    """Held in full by `test_lab_engines` on small networks; here the example a newcomer runs."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "october"
    from backstay import api
    from backstay.audit.agree import disagreements
    from backstay.lab.engine import completed

    network = load(folder)
    with lab(network, f"life-october-{os.getpid()}", servers=True) as (kept, content):
        assert settle(kept, content) == ()
        real = state(kept, content)
    computed = api.simulate(network)
    assert [
        f"{d.shape}: {d.subject}: {d.left} / {d.right}" for d in disagreements(computed, completed(real, computed))
    ] == []
    assert left(f"life-october-{os.getpid()}") == NOTHING_LEFT
