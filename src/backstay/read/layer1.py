"""Batfish's ``layer1_topology.json``: which interface is cabled to which.

https://batfish.readthedocs.io/en/latest/formats.html (``{"edges": [{"node1": {"hostname", "interfaceName"}, "node2": ...}]}``).
Either end may be a device whose configuration is not there (a switch, a host): such an edge says nothing about links
between routers and becomes a remark.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backstay.model.errors import FolderError
from backstay.model.network import InterfaceRef, Link, Router
from backstay.model.source import Place, Remark
from backstay.read.units import link_name

PATHS = ("layer1_topology.json", "batfish/layer1_topology.json")


class _End(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    hostname: str
    interface: str = Field(alias="interfaceName")


class _Edge(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    node1: _End
    node2: _End


class _Topology(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    edges: list[_Edge]


def read_layer1(text: str, routers: Mapping[str, Router], file: str) -> tuple[tuple[Link, ...], tuple[Remark, ...]]:
    """Links as the file cables them, sorted by name, and a remark for each end that no configuration has.

    Raises `FolderError` for a file that is not of this form.
    """
    place = Place(file)
    parent: dict[InterfaceRef, InterfaceRef] = {}
    remarks: set[Remark] = set()
    for edge in _edges(text, file):
        first, second = (_find(routers, one.hostname, one.interface) for one in (edge.node1, edge.node2))
        if isinstance(first, InterfaceRef) and isinstance(second, InterfaceRef):
            parent[_root(parent, first)] = _root(parent, second)
        remarks |= {Remark("layer1", end, None, place) for end in (first, second) if isinstance(end, str)}
    groups: dict[InterfaceRef, list[InterfaceRef]] = defaultdict(list)
    for end in sorted(parent):
        groups[_root(parent, end)].append(end)
    links = (Link(name=link_name(ends), ends=tuple(ends), place=place) for ends in groups.values() if len(ends) > 1)
    return tuple(sorted(links, key=lambda link: link.name)), tuple(sorted(remarks, key=lambda remark: remark.text))


def _root(parent: dict[InterfaceRef, InterfaceRef], end: InterfaceRef) -> InterfaceRef:
    while parent.setdefault(end, end) != end:
        end = parent[end]
    return end


def _edges(text: str, file: str) -> list[_Edge]:
    try:
        return _Topology.model_validate(json.loads(text)).edges
    except json.JSONDecodeError as fault:
        raise FolderError(f"not JSON: {fault.msg}", Place(file, fault.lineno)) from None
    except ValidationError as faults:
        first = faults.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FolderError(f"{where}: {first['msg'].lower()}; expected edges of node1 and node2", Place(file)) from None


def _find(routers: Mapping[str, Router], hostname: str, interface: str) -> InterfaceRef | str:
    """The interface, else the text of the remark that it is not there. Names may be shortened (``Gi0/2``)."""
    router = next((one for name, one in routers.items() if name.casefold() == hostname.casefold()), None)
    if router is None:
        return f"layer 1 names {hostname}, which has no configuration here"
    found = [name for name in router.interfaces if _same_interface(interface, name)]
    if len(found) != 1:
        return f"layer 1 names {hostname}:{interface}, which its configuration does not have"
    return InterfaceRef(router.name, found[0])


_PARTS = re.compile(r"([a-z-]*)\s*(.*)")


def _same_interface(written: str, name: str) -> bool:
    """``Gi0/2`` is ``GigabitEthernet0/2``: same number, and the letters begin the same."""
    if written.casefold() == name.casefold():
        return True
    short, full = _PARTS.fullmatch(written.casefold()), _PARTS.fullmatch(name.casefold())
    if not (short and full):
        return False
    return bool(short[1] and short[2] and short[2] == full[2] and full[1].startswith(short[1]))
