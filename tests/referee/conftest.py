"""The example network, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

import backstay
from backstay.model.network import Network


@pytest.fixture(scope="session")
def october() -> Network:
    return backstay.load(Path(__file__).resolve().parents[2] / "examples" / "october")
