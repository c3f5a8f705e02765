"""Bad input gets one clear line: every folder of errors/ is a case laid over base/, its message stands in expected.txt.

A case's files replace those of base/; a file named ``delete`` lists what of base/ is taken away (``*``: all of it).
In messages the network folder is written NET.
"""

import shutil
from pathlib import Path

import pytest

from backstay.model.errors import InputError
from backstay.read.change import read_change
from backstay.read.folder import load
from backstay.read.merge import plan_change

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "errors").iterdir())


def lay_out(case: Path, net: Path) -> None:
    shutil.copytree(HERE / "base", net)
    delete = case / "delete"
    for name in delete.read_text().split() if delete.exists() else ():
        shutil.rmtree(net) if name == "*" else (net / name).unlink()
    if delete.exists() and "*" in delete.read_text().split() and (case / "empty").exists():
        net.mkdir()
    for file in sorted(case.rglob("*")):
        if file.is_file() and file.name not in {"delete", "empty", "expected.txt"}:
            target = net / file.relative_to(case)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    net = tmp_path / "net"
    lay_out(HERE / "errors" / name, net)
    with pytest.raises(InputError) as caught:
        plan_change(load(net), read_change(net / "change.yaml"))
    message = str(caught.value).replace(str(net), "NET")
    assert message == (HERE / "errors" / name / "expected.txt").read_text().rstrip("\n")
    assert "\n" not in message
    assert caught.value.exit_code == 2


def test_the_base_itself_is_sound() -> None:
    network = load(HERE / "base")
    plan = plan_change(network, read_change(HERE / "base" / "change.yaml"))
    assert plan.stages[0].routers == ("lon1",)
    assert not plan.stages[0].unread
