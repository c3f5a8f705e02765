"""Real FRR takes every generated line. Needs Debian's frr: `vtysh` for the syntax, `isisd -C` for what YANG forbids."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from backstay.generate.folder import generate

VTYSH = shutil.which("vtysh") or ""
ISISD = Path("/usr/lib/frr/isisd")
HARMLESS = ("ISIS-LFA: failed to unregister RLFA with LDP",)
"""What daemons say of daemons that are not there, whatever the configuration (seen on FRR 8.4.4)."""
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


def isis_part(text: str) -> str:
    """What isisd's own file would hold: its instance, and of interfaces what is its business."""
    kept, section = [], ""
    for line in text.splitlines():
        if not line.startswith(" "):
            section = line
        if section.startswith("router isis") or (
            section.startswith("interface") and (line == section or "isis" in line)
        ):
            kept.append(line)
    return "\n".join(kept) + "\n"


@pytest.mark.skipif(not ISISD.exists(), reason="FRR is not installed (frr)")
def test_isisd_takes_its_part_in_this_order(tmp_path: Path) -> None:
    """`isis metric` above 63 before its instance is refused: the order in the file matters."""
    generate("sndlib/geant", tmp_path / "net")
    text = isis_part((tmp_path / "net" / "configs" / "fra1.conf").read_text())
    assert text.count(" isis metric ") == 8
    assert checked(text) == ""
    instance = text[: text.index("interface")]
    assert "Must condition" in checked(text.removeprefix(instance) + instance)


def checked(text: str) -> str:
    """What isisd, which gives up root for the user frr, says about a configuration without starting."""
    with tempfile.TemporaryDirectory(prefix="backstay-frr-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "isisd.conf").write_text(text)
        command: list[str | Path] = [
            ISISD,
            "-C",
            "-f",
            folder / "isisd.conf",
            "-i",
            folder / "isisd.pid",
            "--vty_socket",
            folder,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in said if not any(harmless in line for harmless in HARMLESS))
