"""What is remembered between runs is right or is not used: the answer is always the one that computing anew gives."""

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from backstay.model.network import NOTHING, Network, Overlay
from backstay.model.state import State
from backstay.read.folder import load
from backstay.record import remembered
from backstay.record.cache import Cache, standard
from backstay.record.remembered import Memory
from backstay.simulate.engine import simulate

OCTOBER = Path(__file__).resolve().parents[2] / "examples" / "october"


class Counted:
    """The fast engine and the reader, counting how often they are asked."""

    def __init__(self) -> None:
        self.read = self.computed = 0

    def load(self, path: Path) -> Network:
        self.read += 1
        return load(path)

    def engine(self, network: Network, overlay: Overlay = NOTHING, sweep: bool = False) -> State:
        self.computed += 1
        return simulate(network, overlay, sweep)


def run(cache: Cache, folder: Path, name: str = "fast", overlay: Overlay = NOTHING) -> tuple[Counted, State]:
    """One run of the program: the folder read, its State with all failures computed."""
    counted, memory = Counted(), Memory(cache)
    network = memory.load(folder, counted.load)
    return counted, memory.engine(name, counted.engine, network)(network, overlay, True)


def plain(state: State) -> Mapping[str, object]:
    """A State as values of its own."""
    fields = {name: getattr(state, name) for name in State.__slots__ if name != "routes"}
    tables = {name: {vrf: dict(table.items()) for vrf, table in vrfs.items()} for name, vrfs in state.routes.items()}
    return {**fields, "routes": tables}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "october"
    shutil.copytree(OCTOBER, made, ignore=shutil.ignore_patterns(".backstay"))
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="module")
def expected() -> Mapping[str, object]:
    return plain(simulate(load(OCTOBER), NOTHING, True))


def entries(cache: Cache) -> list[Path]:
    return sorted(cache.folder.glob("*.entry"), key=lambda file: file.stat().st_size)


def test_a_second_run_neither_reads_nor_computes(folder: Path, cache: Cache, expected: Mapping[str, object]) -> None:
    first, one = run(cache, folder)
    second, other = run(cache, folder)
    assert (first.read, first.computed) == (1, 1)
    assert (second.read, second.computed) == (0, 0)
    assert plain(one) == plain(other) == expected


def test_a_changed_configuration_is_read_and_computed(folder: Path, cache: Cache) -> None:
    run(cache, folder)
    router = min((folder / "configs").iterdir())
    router.write_text(router.read_text(encoding="utf-8").replace("isis metric ", "isis metric 1"), encoding="utf-8")
    counted, state = run(cache, folder)
    assert (counted.read, counted.computed) == (1, 1)
    assert plain(state) == plain(simulate(load(folder), NOTHING, True))


@pytest.mark.parametrize("name", ["backstay.yaml", "demands.csv", "configs/another.conf"])
def test_every_input_counts(folder: Path, cache: Cache, name: str) -> None:
    before = remembered.inputs(folder)
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write("\n")
    assert remembered.inputs(folder) != before


def test_what_is_no_input_does_not_count(folder: Path) -> None:
    before = remembered.inputs(folder)
    (folder / ".backstay").mkdir()
    (folder / ".backstay" / "audit.sqlite").write_bytes(b"log")
    (folder / "changes" / "one-more.yaml").write_text("change: x\n", encoding="utf-8")
    assert remembered.inputs(folder) == before


def test_another_program_starts_afresh(folder: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cache, folder)
    monkeypatch.setattr(remembered, "program", lambda: "another")
    assert run(cache, folder)[0].computed == 1


def test_engine_overlay_and_demands_are_told_apart(folder: Path, cache: Cache) -> None:
    run(cache, folder)
    assert run(cache, folder, name="referee")[0].computed == 1
    router = min(load(folder).routers)
    counted, state = run(cache, folder, overlay=Overlay(routers_down=frozenset({router})))
    assert counted.computed == 1
    assert router not in state.routes


def test_a_changed_network_is_not_taken_for_its_base(folder: Path, cache: Cache) -> None:
    """Networks after a step, or changed by hand though their texts are the same."""
    counted, memory = Counted(), Memory(cache)
    base = memory.load(folder, counted.load)
    engine = memory.engine("fast", counted.engine, base)
    name = min(base.routers)
    router = base.routers[name]
    port = min(item for item in router.interfaces if item != "lo")
    shut = replace(router, interfaces={**router.interfaces, port: replace(router.interfaces[port], enabled=False)})
    changed = replace(base, routers={**base.routers, name: shut})
    heavier = replace(base, demands=tuple(replace(item, mbps=2 * item.mbps) for item in base.demands))
    for times in (1, 2):
        for network in (base, changed, heavier):
            assert plain(engine(network, NOTHING, False)) == plain(simulate(network))
        assert counted.computed == 3, times
    again = Counted()
    other = Memory(cache).engine("fast", again.engine, load(folder))
    assert plain(other(changed, NOTHING, False)) == plain(simulate(changed))
    assert again.computed == 1, "its routers are not those of the base it was told of"


@pytest.mark.parametrize("place", [0, 20, 200, -1])
def test_a_damaged_entry_is_as_if_it_were_not_there(
    folder: Path, cache: Cache, expected: Mapping[str, object], place: int
) -> None:
    run(cache, folder)
    for entry in entries(cache):
        content = bytearray(entry.read_bytes())
        content[place] ^= 0xFF
        entry.write_bytes(content)
    counted, state = run(cache, folder)
    assert (counted.read, counted.computed) == (1, 1)
    assert plain(state) == expected


def test_a_truncated_entry_or_one_under_another_name(
    folder: Path, cache: Cache, expected: Mapping[str, object]
) -> None:
    run(cache, folder)
    small, large = entries(cache)
    content = small.read_bytes()
    large.write_bytes(content)
    small.write_bytes(content[:-100])
    counted, state = run(cache, folder)
    assert (counted.read, counted.computed) == (1, 1)
    assert plain(state) == expected


def test_whole_bytes_that_mean_something_else(folder: Path, cache: Cache, expected: Mapping[str, object]) -> None:
    """A checksum that holds over a value that is no State, or no value at all."""
    memory = Memory(cache)
    network = memory.load(folder, load)
    memory.engine("fast", simulate, network)(network, NOTHING, True)
    key = _key_of(entries(cache)[-1])
    for payload in (b"", b"not a pickle", remembered._packed("a text") or b""):
        cache.put(key, payload)
        counted, state = run(cache, folder)
        assert counted.computed == 1
        assert plain(state) == expected


def _key_of(entry: Path) -> str:
    content = entry.read_bytes()[len(b"backstay cache 1\n") :]
    return content[8 : 8 + int.from_bytes(content[:8], "big")].decode()


def test_only_files_of_ours_that_nobody_else_can_touch(
    folder: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cache, folder)
    for entry in entries(cache):
        entry.chmod(0o644)
    assert run(cache, folder)[0].computed == 1
    for entry in entries(cache):
        moved = entry.with_suffix(".moved")
        entry.rename(moved)
        entry.symlink_to(moved)
    assert run(cache, folder)[0].computed == 1
    assert run(cache, folder)[0].computed == 0
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert run(cache, folder)[0].computed == 1


def test_a_folder_others_may_write_to_is_not_used(folder: Path, cache: Cache) -> None:
    cache.folder.mkdir(mode=0o700)
    cache.folder.chmod(0o777)
    run(cache, folder)
    assert entries(cache) == []


def test_a_cache_that_cannot_be_written(
    folder: Path, cache: Cache, expected: Mapping[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchmod", full)
    counted, state = run(cache, folder)
    assert counted.computed == 1
    assert plain(state) == expected
    assert list(cache.folder.iterdir()) == []
    cache.folder.rmdir()
    cache.folder.write_text("a file where the folder should be", encoding="utf-8")
    assert run(cache, folder)[0].computed == 1


def test_the_oldest_entries_make_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", most=1000)
    for number in range(5):
        cache.put(f"key {number}", b"x" * 200)
        for entry in cache.folder.glob("*.entry"):
            os.utime(entry, ns=(number, entry.stat().st_mtime_ns - 10**9))
    assert cache.get("key 0") is None
    assert cache.get("key 4") == b"x" * 200
    assert sum(entry.stat().st_size for entry in cache.folder.iterdir()) <= 1000
    cache.put("too large", b"x" * 1000)
    assert cache.get("too large") is None


def test_where_the_cache_stands(tmp_path: Path) -> None:
    cache = standard({"XDG_CACHE_HOME": str(tmp_path), "BACKSTAY_CACHE_MB": "5"})
    assert cache is not None
    assert (cache.folder, cache.most) == (tmp_path / "backstay", 5 << 20)
    home = standard({"HOME": str(tmp_path), "XDG_CACHE_HOME": "relative"})
    assert home is not None
    assert home.folder == tmp_path / ".cache" / "backstay"
    assert standard({"HOME": str(tmp_path), "BACKSTAY_NO_CACHE": "1"}) is None
    assert standard({}) is None
