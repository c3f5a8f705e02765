"""The network folder: configurations, `backstay.yaml`, `demands.csv` and a layer-1 file become one `Network`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backstay.model.change import Operation, TouchedLine
from backstay.model.errors import ConfigError, FolderError
from backstay.model.network import Link, Network, Router
from backstay.model.source import Place, Remark, SourceFile, UnreadLine
from backstay.read import demands, frr, intent, layer1, links, references


@dataclass(frozen=True, slots=True)
class Reader:
    """One vendor: how to know its text, read it, merge typed lines into it, and what its exec commands do.

    ``merge`` and ``operation`` answer as `backstay.read.frr` documents them; `operation` gives None for a command
    nobody knows.
    """

    vendor: str
    looks_like: Callable[[str], bool]
    read_router: Callable[[tuple[SourceFile, ...], str], Router]
    merge: Callable[[Router, str, Place], tuple[Router, tuple[TouchedLine, ...], tuple[UnreadLine, ...]]]
    operation: Callable[[Router, str, Place], Operation | None]


READERS: tuple[Reader, ...] = (Reader("frr", frr.looks_like, frr.read_router, frr.merge, frr.operation),)
"""Every vendor that can be read, in the order they are asked. A new vendor is a reader and a row here."""

SUFFIXES = frozenset({".conf", ".cfg", ".txt", ".config", ""})
NOT_CONFIGURATION = frozenset({"daemons", "vtysh.conf", "support_bundle_commands.conf"})
"""Files of /etc/frr that say which programs run and how, not what the router does."""


def reader_for(vendor: str) -> Reader:
    """The row of a vendor. Raises `ConfigError` for one nobody reads."""
    for reader in READERS:
        if reader.vendor == vendor:
            return reader
    raise ConfigError(f"no reader for the vendor {vendor!r}; there are: {', '.join(one.vendor for one in READERS)}")


def load(path: str | Path) -> Network:
    """Read a network folder (or a Batfish snapshot folder).

    Files are named relative to the folder in every place. Raises `FolderError`, `ConfigError` or `IntentError`, each
    one line with file and line. The same folder gives the same value.
    """
    root = Path(path)
    found = _configurations(root)
    routers = _routers(found)
    declared = intent.read_intent(_optional(root, intent.FILE) or "", routers)
    cables, cable_remarks = _cabling(root, found.home, routers, declared.cabling)
    duplicate = next(iter(links.duplicates(routers)), None)
    if duplicate:
        raise FolderError(duplicate.text, duplicate.second_place)
    wiring = links.derive(routers, cables)
    layer1_remarks = _refuse_clashes(wiring, declared)
    network = _network(root, routers, declared, cables, wiring)
    remarks = [*found.remarks, *cable_remarks, *layer1_remarks, *links.anycast_hosts(routers)]
    remarks += references.check(network, declared.document)
    text = _optional(root, demands.FILE)
    if text is not None:
        matrix, demand_remarks = demands.read_demands(text, network)
        network = dataclasses.replace(network, demands=matrix)
        remarks += demand_remarks
    return dataclasses.replace(network, remarks=tuple(remarks))


def _network(
    root: Path, routers: Mapping[str, Router], declared: intent.Intent, cables: tuple[Link, ...], wiring: links.Wiring
) -> Network:
    return Network(
        name=declared.name or root.resolve().name,
        routers=routers,
        links=wiring.links,
        sites=declared.sites,
        neighbors=declared.neighbors,
        anycasts=declared.anycasts,
        services=declared.services,
        access_paths=declared.access_paths,
        limits=declared.limits,
        protection=declared.protection,
        required_engines=declared.engines,
        budget=declared.budget,
        interfaces_down=declared.interfaces_down,
        intent_place=declared.place,
        cabling=cables,
    )


def _refuse_clashes(wiring: links.Wiring, declared: intent.Intent) -> tuple[Remark, ...]:
    """A link the team declared must hold together; a layer-1 file may know cables whose ends were never addressed."""
    for clash in wiring.clashes:
        if clash.place and clash.place.file == declared.document.file:
            raise FolderError(clash.text, clash.place)
    return wiring.clashes


def _cabling(
    root: Path, home: Path, routers: Mapping[str, Router], declared: tuple[Link, ...]
) -> tuple[tuple[Link, ...], tuple[Remark, ...]]:
    """Declared links, and cables of the layer-1 file between interfaces that no declared link names."""
    taken = {end for link in declared for end in link.ends}
    for folder in dict.fromkeys((root, home.parent)):
        for name in layer1.PATHS:
            text = _optional(folder, name)
            if text is None:
                continue
            file = (folder / name).relative_to(root).as_posix()
            cables, remarks = layer1.read_layer1(text, routers, file)
            free = [cable for cable in cables if not taken.intersection(cable.ends)]
            return tuple(sorted([*declared, *free], key=lambda link: link.name)), remarks
    return declared, ()


# ------------------------------------------------------------------------------------------ files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The folder ``home`` that holds configurations: (name hint, files) of each router, and remarks on the rest."""

    home: Path
    routers: tuple[tuple[str, tuple[SourceFile, ...]], ...]
    remarks: tuple[Remark, ...]


def _configurations(root: Path) -> _Found:
    if not root.exists():
        raise FolderError(f"{root}: there is no such folder")
    if not root.is_dir():
        raise FolderError(f"{root}: is a file; expected a folder with configs/")
    home = _home(root)
    routers: list[tuple[str, tuple[SourceFile, ...]]] = []
    remarks: list[Remark] = []
    for entry in sorted(home.iterdir()):
        if entry.name.startswith("."):
            continue
        files = _files_of(entry)
        if not files:
            text = "is not taken for a configuration" if entry.is_file() else "holds no configuration"
            remarks.append(Remark("not-read", text, None, Place(entry.relative_to(root).as_posix())))
            continue
        hint = entry.name if entry.is_dir() else entry.stem
        routers.append(
            (hint, tuple(SourceFile(file.relative_to(root).as_posix(), _text(root, file)) for file in files))
        )
    if not routers:
        raise FolderError(f"{home}: holds no router configuration; expected NAME.conf, NAME.cfg, NAME.txt or NAME/*")
    remarks += _beside(root, home)
    return _Found(home=home, routers=tuple(routers), remarks=tuple(remarks))


def _home(root: Path) -> Path:
    """``configs`` of the folder, or the only one up to two levels below it (a snapshot in a repository)."""
    if (root / "configs").is_dir():
        return root / "configs"
    below = sorted(path for pattern in ("*/configs", "*/*/configs") for path in root.glob(pattern) if path.is_dir())
    if len(below) > 1:
        names = ", ".join(path.relative_to(root).as_posix() for path in below[:5])
        raise FolderError(f"{root}: holds several networks ({names}); name one of them")
    if not below:
        raise FolderError(f"{root}: there is no configs folder in it")
    return below[0]


def _files_of(entry: Path) -> list[Path]:
    """Configuration files of one router: the file itself, or those of its folder by path."""
    if entry.is_file():
        return [entry] if _is_configuration(entry) else []
    return sorted(file for file in entry.rglob("*") if file.is_file() and _is_configuration(file))


def _is_configuration(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.casefold() in SUFFIXES and file.name not in NOT_CONFIGURATION


def _beside(root: Path, home: Path) -> list[Remark]:
    """Parts of a Batfish snapshot that are not routers, and files whose name is nearly one of ours."""
    remarks = [
        Remark("not-read", "hosts and their filters are not part of the computation", None, Place(name))
        for name in ("hosts", "iptables")
        if (home.parent / name).is_dir()
    ]
    for wrong, right in (("backstay.yml", intent.FILE), ("demand.csv", demands.FILE)):
        if (root / wrong).exists():
            raise FolderError(f"expected the name {right}", Place(wrong))
    if not (root / intent.FILE).exists():
        remarks.append(Remark("no-intent", f"there is no {intent.FILE}: nothing is declared beside the configurations"))
    return remarks


def _optional(root: Path, name: str) -> str | None:
    file = root / name
    return _text(root, file) if file.exists() else None


def _text(root: Path, file: Path) -> str:
    """The file as text with LF line ends. Raises `FolderError` for what cannot be read, is binary or not UTF-8."""
    place = Place(file.relative_to(root).as_posix())
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise FolderError(f"cannot be read: {fault.strerror}", place) from None
    zero = data.find(b"\0")
    if zero >= 0:
        raise FolderError("is binary: a zero byte", Place(place.file, data.count(b"\n", 0, zero) + 1))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = Place(place.file, data.count(b"\n", 0, fault.start) + 1)
        raise FolderError(f"is not UTF-8: byte 0x{data[fault.start]:02x}", line) from None
    return text.replace("\r\n", "\n")


# ------------------------------------------------------------------------------------------ routers


def _routers(found: _Found) -> dict[str, Router]:
    """Routers by name, sorted. Raises when two share one, without regard to case."""
    routers: dict[str, Router] = {}
    holders: dict[str, str] = {}
    for hint, sources in found.routers:
        router = _router(sources, hint)
        other = holders.setdefault(router.name.casefold(), sources[0].path)
        if other != sources[0].path:
            raise FolderError(f"the router name {router.name} is already taken by {other}", _named(router))
        routers[router.name] = router
    return {name: routers[name] for name in sorted(routers)}


def _router(sources: tuple[SourceFile, ...], hint: str) -> Router:
    place = Place(sources[0].path)
    text = "\n".join(source.text for source in sources)
    if not text.strip():
        raise ConfigError("is empty; expected a router configuration", place)
    for reader in READERS:
        if reader.looks_like(text):
            return reader.read_router(sources, hint)
    raise ConfigError(f"is of no vendor that can be read; there are: {_vendors(READERS)}", place)


def _vendors(readers: Iterable[Reader]) -> str:
    return ", ".join(reader.vendor for reader in readers)


def _named(router: Router) -> Place:
    """The line that names the router, else its first file."""
    for source in router.sources:
        for number, line in enumerate(source.text.splitlines(), start=1):
            if line.split()[:1] == ["hostname"]:
                return Place(source.path, number)
    return Place(router.sources[0].path)
