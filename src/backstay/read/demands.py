"""`demands.csv`: the traffic matrix. Header ``from,to,mbps`` with ``class`` and ``period`` where wanted, in any order."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterator
from pathlib import Path

from backstay.model.demand import Demand
from backstay.model.endpoints import known_place
from backstay.model.errors import IntentError
from backstay.model.network import Network
from backstay.model.source import Place, Remark
from backstay.read.references import places
from backstay.read.units import did_you_mean

FILE = "demands.csv"
REQUIRED = ("from", "to", "mbps")
COLUMNS = (*REQUIRED, "class", "period")
TWICE = "demand-twice"


def read_demands(text: str, network: Network, file: str = FILE) -> tuple[tuple[Demand, ...], tuple[Remark, ...]]:
    """Demands in the order of the file, and remarks about rows that repeat an earlier one (both are kept: they add up).

    Blank lines and lines that start with ``#`` are skipped. Raises `IntentError` with file and line.
    """
    rows = _rows(text, file)
    header, place = next(rows, ([], Place(file)))
    if not header:
        raise IntentError(f"is empty; expected the header {','.join(REQUIRED)}[,class][,period]", place)
    columns = _columns(header, place)
    known: dict[tuple[str, bool], bool] = {}
    demands = tuple(_demand(network, known, _cells(columns, row, place), place) for row, place in rows)
    return demands, tuple(_repeats(demands))


def with_demands(network: Network, path: Path) -> Network:
    """The network with the demands of another file in place of its own; places in it are ``path``.

    Raises `IntentError` as `read_demands` does, and OSError where the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise IntentError(f"not UTF-8 text: byte {fault.start} cannot be read", Place(str(path))) from None
    demands, remarks = read_demands(text, network, str(path))
    kept = tuple(remark for remark in network.remarks if remark.code != TWICE)
    return dataclasses.replace(network, demands=demands, remarks=kept + remarks)


def _rows(text: str, file: str) -> Iterator[tuple[list[str], Place]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield cells, Place(file, line)
            line = reader.line_num + 1
    except csv.Error as fault:
        raise IntentError(f"not CSV: {fault}", Place(file, line)) from None


def _columns(header: list[str], place: Place) -> list[str]:
    names = [cell.casefold() for cell in header]
    for name in names:
        if name not in COLUMNS:
            raise IntentError(f"unknown column {name!r}{did_you_mean(name, COLUMNS)}", place)
        if names.count(name) > 1:
            raise IntentError(f"the column {name!r} stands twice", place)
    for name in REQUIRED:
        if name not in names:
            raise IntentError(f"the column {name!r} is missing; expected {','.join(REQUIRED)}[,class][,period]", place)
    return names


def _cells(columns: list[str], row: list[str], place: Place) -> dict[str, str]:
    if len(row) != len(columns):
        raise IntentError(f"has {len(row)} values, the header has {len(columns)} columns", place)
    return dict(zip(columns, row, strict=True))


def _demand(network: Network, known: dict[tuple[str, bool], bool], cells: dict[str, str], place: Place) -> Demand:
    for column in ("from", "to"):
        _require_place(network, known, cells[column], column, place)
    return Demand(
        source=cells["from"],
        destination=cells["to"],
        mbps=_mbps(cells["mbps"], place),
        traffic_class=cells.get("class") or "default",
        period=cells.get("period", ""),
        place=place,
    )


def _require_place(network: Network, known: dict[tuple[str, bool], bool], name: str, column: str, place: Place) -> None:
    """A matrix names each place thousands of times: what it means is looked up once."""
    if not name:
        raise IntentError(f"{column}: no place given", place)
    key = (name, column == "from")
    if key not in known:
        known[key] = known_place(network, name, as_source=column == "from")
    if not known[key]:
        hint = did_you_mean(name, places(network))
        raise IntentError(f"{column}: there is no site, router or neighbour {name!r}{hint}", place)


def _mbps(text: str, place: Place) -> float:
    try:
        mbps = float(text)
    except ValueError:
        found = repr(text) if text else "nothing"
        raise IntentError(f"mbps: expected a number of Mbit/s, found {found}", place) from None
    if not math.isfinite(mbps) or mbps < 0 or "_" in text:
        raise IntentError(f"mbps: expected a number of Mbit/s from 0 up, found {text!r}", place)
    return mbps


def _repeats(demands: tuple[Demand, ...]) -> Iterator[Remark]:
    seen: dict[tuple[str, str, str, str], Demand] = {}
    for demand in demands:
        key = (demand.source, demand.destination, demand.traffic_class, demand.period)
        first = seen.setdefault(key, demand)
        if first is not demand:
            text = f"{demand.source} to {demand.destination} stands in line {first.place.line} already; both count"
            yield Remark(TWICE, text, None, demand.place)
