"""Networks and States remembered between runs (`cache`): a second audit of an unchanged network reads and computes less.

A network is known by the files of its folder, a State by engine, network value, overlay and whether a sweep was asked for;
both by the program's own files too, so that another version, or an edited one, starts afresh. Nothing here can fail: what
cannot be stored or read is read and computed anew.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import pickle
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import backstay.model
from backstay.model.finding import Engine
from backstay.model.network import NOTHING, Network, Overlay, Router
from backstay.model.state import State
from backstay.record.cache import Cache

UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    pickle.PickleError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What taking apart or putting together a stored value may raise."""

NOT_INPUT = frozenset({".backstay", ".git", "changes"})
"""Parts of a network folder that reading it never looks at."""

NATIVE = ("backstay.simulate._native", "backstay.simulate._exits")
SET, ROUTER = "set", "router"


class Memory:
    """What one run remembers of earlier ones."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._loaded: list[tuple[Network, str]] = []

    def load(self, path: Path, read: Callable[[Path], Network]) -> Network:
        """The network of a folder, as ``read`` reads it. Raises what ``read`` raises."""
        key = f"network|{program()}|{inputs(path)}" if path.is_dir() else ""
        payload = self._cache.get(key) if key else None
        known = _network(payload) if payload is not None else None
        if known is not None and payload is not None:
            self._loaded.append((known, hashlib.sha256(payload).hexdigest()))
            return known
        network = read(path)
        packed = _packed(network)
        if packed is not None and key and key == f"network|{program()}|{inputs(path)}":
            self._loaded.append((network, hashlib.sha256(packed).hexdigest()))
            self._cache.put(key, packed)
        return network

    def engine(self, name: str, engine: Engine, base: Network) -> Engine:
        """The engine with its answers kept. ``base`` is the network that those asked about are changes of."""

        def answer(network: Network, overlay: Overlay = NOTHING, sweep: bool = False) -> State:
            known = self._digest(network, base)
            if known is None:
                return engine(network, overlay, sweep)
            key = f"state|{program()}|{name}|{known}|{_told(overlay)}|{int(sweep)}"
            kept = self._state(key, network, overlay)
            if kept is not None:
                return kept
            state = engine(network, overlay, sweep)
            packed = _packed_state(state, network)
            if packed is not None:
                self._cache.put(key, packed)
            return state

        return answer

    def _digest(self, network: Network, base: Network) -> str | None:
        """Stands for the network's value: its own, or that of ``base`` and of what is not the very same router there."""
        found = self._digest_of(base)
        if network is base or found is None:
            return found
        packed = _packed(_beside(network, base), base.routers)
        return None if packed is None else f"{found}+{hashlib.sha256(packed).hexdigest()}"

    def _digest_of(self, network: Network) -> str | None:
        for known, digest in self._loaded:
            if known is network:
                return digest
        packed = _packed(network)
        if packed is None:
            return None
        self._loaded.append((network, hashlib.sha256(packed).hexdigest()))
        return self._loaded[-1][1]

    def _state(self, key: str, network: Network, overlay: Overlay) -> State | None:
        payload = self._cache.get(key)
        found = _unpacked(payload, network) if payload is not None else None
        fits = isinstance(found, State) and found.overlay | overlay == found.overlay
        return found if fits and isinstance(found, State) else None


def _beside(network: Network, base: Network) -> dict[str, object]:
    """The fields of a network that are not the very values of the base."""
    values = {field.name: getattr(network, field.name) for field in fields(network)}
    return {name: value for name, value in values.items() if value is not getattr(base, name)}


def inputs(folder: Path) -> str:
    """Digest of the folder's name and of every file and directory of it that reading could look at."""
    digest = hashlib.sha256(folder.resolve().name.encode())
    for path in sorted(_below(folder), key=lambda item: item.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix().encode()
        content = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"directory"
        digest.update(len(name).to_bytes(4, "big") + name + content)
    return digest.hexdigest()


def _below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name not in NOT_INPUT:
            yield entry
            if entry.is_dir():
                yield from entry.rglob("*")


@lru_cache(maxsize=1)
def program() -> str:
    """Digest of what computes: the package's own files, native parts included, Python and numpy."""
    root = Path(backstay.model.__file__).parents[1]
    files = sorted(path for path in root.rglob("*") if path.suffix in {".py", ".so", ".pyd"})
    for name in NATIVE:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            files.append(Path(spec.origin))
    digest = hashlib.sha256(f"{platform.python_implementation()} {platform.python_version()}".encode())
    digest.update(f"{platform.machine()} numpy {metadata.version('numpy')}".encode())
    for path in files:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _told(overlay: Overlay) -> str:
    parts = (
        overlay.routers_down,
        overlay.links_down,
        overlay.interfaces_down,
        overlay.withdrawn,
        overlay.sessions_reset,
    )
    return repr([sorted(part) for part in parts])


# ------------------------------------------------------------------------------------------- bytes


class _Packer(pickle.Pickler):
    """Equal values give equal bytes: sets go in order. Routers of ``known`` go by name."""

    def __init__(self, stream: io.BytesIO, known: Mapping[str, Router]) -> None:
        super().__init__(stream, protocol=5)
        self._known = known

    def persistent_id(self, value: Any) -> Any:
        if type(value) is frozenset and len(value) > 1:
            return (SET, sorted(value, key=repr))
        return (ROUTER, value.name) if type(value) is Router and self._known.get(value.name) is value else None


class _StatePacker(pickle.Pickler):
    """The network and its routers go by name, which the unpickler knows: millions of other values are not even asked about."""

    def __init__(self, stream: io.BytesIO, network: Network) -> None:
        super().__init__(stream, protocol=5)
        self._known = network
        self.dispatch_table = {Router: self._router, Network: self._network}

    def _router(self, value: Router) -> Any:
        return (_router, (value.name,)) if self._known.routers.get(value.name) is value else value.__reduce_ex__(5)

    def _network(self, value: Network) -> Any:
        return (_whole, ()) if value is self._known else value.__reduce_ex__(5)


def _router(name: str) -> Router:
    """Stands for a router of the network that a State is of; `_Unpacker` says which."""
    raise pickle.UnpicklingError(f"{name} of which network?")


def _whole() -> Network:
    """Stands for the network itself."""
    raise pickle.UnpicklingError("which network?")


class _Unpacker(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, network: Network | None) -> None:
        super().__init__(stream)
        self._known = network

    def persistent_load(self, mark: Any) -> Any:
        kind, content = mark
        if kind != SET:
            raise pickle.UnpicklingError("a network is needed")
        return frozenset(content)

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if self._known is not None and found is _router:
            return self._known.routers.__getitem__
        if self._known is not None and found is _whole:
            return lambda: self._known
        return found


def _packed(value: object, known: Mapping[str, Router] = MappingProxyType({})) -> bytes | None:
    stream = io.BytesIO()
    return _dumped(_Packer(stream, known), stream, value)


def _packed_state(state: State, network: Network) -> bytes | None:
    stream = io.BytesIO()
    return _dumped(_StatePacker(stream, network), stream, state)


def _dumped(packer: pickle.Pickler, stream: io.BytesIO, value: object) -> bytes | None:
    try:
        with _no_collection():
            packer.dump(value)
    except UNREADABLE:
        return None
    return stream.getvalue()


def _unpacked(payload: bytes, network: Network | None = None) -> object:
    try:
        with _no_collection():
            return _Unpacker(io.BytesIO(payload), network).load()
    except UNREADABLE:
        return None


def _network(payload: bytes) -> Network | None:
    found = _unpacked(payload)
    return found if isinstance(found, Network) else None


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of new objects and no garbage among them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
