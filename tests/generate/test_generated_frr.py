"""Real FRR takes every generated line. Needs Debian's frr: `vtysh` for the syntax, each daemon's own `-C` for what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backstay.generate.folder import generate

VTYSH = shutil.which("vtysh") or ""
DAEMONS = Path("/usr/lib/frr")
HARMLESS = (
    "ISIS-LFA: failed to unregister RLFA with LDP",
    "zclient_send_message() failed",
    "Disabling MPLS support",
    "Higher order sequence number",
    "can't execute [InterfaceUp]",
    'failed to mkdir "/var/tmp/frr',
    "crashlog and per-thread log buffering unavailable",
)
"""What daemons say of a host or of other daemons, whatever the configuration (seen on FRR 8.4.4)."""
OWN: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "zebra": ((), (" description", " bandwidth", " ip address", " ipv6 address")),
    "staticd": (("ip route", "ipv6 route"), ()),
    "isisd": (("router isis",), (" ip router isis", " ipv6 router isis", " isis")),
    "ospfd": (("router ospf\n",), (" ip ospf",)),
    "ospf6d": (("router ospf6\n",), (" ipv6 ospf6",)),
    "bgpd": (("router bgp", "route-map", "ip prefix-list", "ipv6 prefix-list", "bgp community-list"), ()),
}
"""Daemon -> the sections it reads, and the lines of interfaces."""
pytestmark = [pytest.mark.lab, pytest.mark.skipif(not VTYSH, reason="FRR is not installed (frr)")]


@pytest.mark.parametrize("igp", ["isis", "ospf"])
def test_vtysh_takes_every_line(igp: str, tmp_path: Path) -> None:
    generate("sndlib/geant", tmp_path / "net", igp=igp, drained=("gen1",))
    for config in sorted((tmp_path / "net" / "configs").iterdir()):
        done = subprocess.run([VTYSH, "--dryrun", "-f", config], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), config.name


def test_vtysh_would_have_said_so(tmp_path: Path) -> None:
    config = tmp_path / "bad.conf"
    config.write_text("router isis CORE\n set-overlord-bit\n")
    done = subprocess.run([VTYSH, "--dryrun", "-f", config], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def part(text: str, daemon: str) -> str:
    """What the daemon's own file would hold, in the order of the whole."""
    tops, lines = OWN[daemon]
    kept, section = [], ""
    for line in text.splitlines():
        if not line.startswith(" ") and line not in {"exit", "!"}:
            section = line
        port = bool(lines) and section.startswith("interface")
        if (section + "\n").startswith(tops) or (port and line.startswith(("interface", "exit", *lines))):
            kept.append(line)
    return "\n".join(kept) + "\n"


def checked(daemon: str, text: str) -> str:
    """What a daemon, which gives up root for the user frr, says about a configuration without starting."""
    with tempfile.TemporaryDirectory(prefix="backstay-frr-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "own.conf").write_text(text)
        command: list[str | Path] = [DAEMONS / daemon, "-C", "-f", folder / "own.conf", "-i", folder / "own.pid"]
        command += ["--vty_socket", folder, "-z", folder / "zserv.api"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in said if not any(harmless in line for harmless in HARMLESS))


@pytest.mark.parametrize("daemon", OWN)
def test_a_daemon_would_have_said_so(daemon: str) -> None:
    assert "No such command" in checked(daemon, "router frobnicate 1\n")


def test_isisd_needs_its_part_in_this_order(tmp_path: Path) -> None:
    """`isis metric` above 63 before its instance is refused: the order in the file matters."""
    generate("sndlib/geant", tmp_path / "net")
    text = part((tmp_path / "net" / "configs" / "fra1.conf").read_text(), "isisd")
    assert text.count(" isis metric ") == 8
    assert checked("isisd", text) == ""
    instance = text[: text.index("interface")]
    assert "Must condition" in checked("isisd", text.removeprefix(instance) + instance)


@pytest.mark.slow
@pytest.mark.parametrize("igp", ["isis", "ospf"])
@pytest.mark.parametrize("key", ["sndlib/abilene", "sndlib/geant"])
def test_every_daemon_takes_its_part_of_every_router(key: str, igp: str, tmp_path: Path) -> None:
    generate(key, tmp_path / "net", igp=igp)
    configs = sorted((tmp_path / "net" / "configs").iterdir())
    used = ["zebra", "staticd", "bgpd", *(["isisd"] if igp == "isis" else ["ospfd", "ospf6d"])]
    tasks = [(config.name, daemon, part(config.read_text(), daemon)) for config in configs for daemon in used]
    assert {daemon for _, daemon, text in tasks if text.strip()} == set(used)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda task: checked(task[1], task[2]), tasks)
    said = [(name, daemon, words) for (name, daemon, _), words in zip(tasks, answers, strict=True) if words]
    assert said == []
