"""Make the example networks again: `python examples/make.py`. The changes beside them are written by hand.

`october` is GEANT as SNDlib measured it; `october-drained` is the same network while Geneva is being worked on.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from backstay.generate.folder import generate

HERE = Path(__file__).resolve().parent
EXAMPLES: dict[str, tuple[str, ...]] = {"october": (), "october-drained": ("gen1",)}
GENERATED = ("configs", "backstay.yaml", "demands.csv")


def make(name: str, scratch: Path) -> None:
    """Generate one example in a scratch folder, then put its generated parts in place of the old ones."""
    fresh = scratch / name
    generate("sndlib/geant", fresh, name=name, drained=EXAMPLES[name])
    target = HERE / name
    target.mkdir(exist_ok=True)
    for part in GENERATED:
        old = target / part
        if old.is_dir():
            shutil.rmtree(old)
        shutil.move(fresh / part, old)


def main() -> None:
    """Make every example."""
    scratch = HERE / ".scratch"
    scratch.mkdir()
    try:
        for name in EXAMPLES:
            make(name, scratch)
            sys.stdout.write(f"{HERE / name}\n")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
