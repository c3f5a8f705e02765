"""What exactly was judged: digests of a network folder's inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

INPUTS = ("configs/**/*", "backstay.yaml", "demands.csv", "layer1_topology.json", "batfish/*.json")


def folder_digest(folder: Path) -> str:
    """SHA-256 over the relative names and contents of every input file, in name order.

    What is not an input (changes, the log itself, notes) has no part in it.
    """
    digest = hashlib.sha256()
    files = {path for pattern in INPUTS for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(files, key=lambda item: item.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix().encode()
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(len(name).to_bytes(4, "big") + name + content)
    return digest.hexdigest()
