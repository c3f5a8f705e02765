"""A network folder in memory, and the pieces it is written from."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from backstay.model.network import Network
from backstay.read.folder import load


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A network folder in memory."""

    configs: dict[str, str]
    intent: dict[str, Any] = field(default_factory=dict)
    demands: str = ""

    def write(self, path: Path) -> None:
        (path / "configs").mkdir(parents=True, exist_ok=True)
        for name, text in self.configs.items():
            (path / "configs" / f"{name}.conf").write_text(text, encoding="utf-8")
        (path / "backstay.yaml").write_text(yaml.safe_dump(self.intent, sort_keys=False), encoding="utf-8")
        if self.demands:
            (path / "demands.csv").write_text(self.demands, encoding="utf-8")

    def load(self) -> Network:
        with tempfile.TemporaryDirectory(prefix="law-") as place:
            self.write(Path(place) / "law")
            return load(Path(place) / "law")


@dataclass(kw_only=True)
class Port:
    """One interface on a segment."""

    router: int
    name: str
    segment: int
    host: int
    size: int
    protocol: str = ""

    def address(self, version: int) -> str:
        if version == 4:
            return f"10.0.{self.segment}.{self.host}"
        return f"2001:db8:{self.segment:x}::{self.host:x}"

    def length(self, version: int) -> int:
        if version == 4:
            return 30 if self.size == 2 else 29
        return 64


@dataclass(kw_only=True)
class Lines:
    """The configuration of one router under construction."""

    interfaces: dict[str, list[str]] = field(default_factory=dict)
    vrfs: dict[str, str] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    top: list[str] = field(default_factory=list)
    isis: list[str] = field(default_factory=list)
    ospf: list[str] = field(default_factory=list)
    ospf6: list[str] = field(default_factory=list)
    bgp: list[str] = field(default_factory=list)
    families: dict[int, list[str]] = field(default_factory=lambda: {4: [], 6: []})
    asn: int = 0

    def text(self, name: str) -> str:
        parts = ["frr version 8.4.4", "frr defaults traditional", f"hostname {name}", *self.top]
        for interface, lines in sorted(self.interfaces.items()):
            vrf = f" vrf {self.vrfs[interface]}" if interface in self.vrfs else ""
            parts += [f"interface {interface}{vrf}", *(f" {line}" for line in lines), "exit"]
        for header, lines in (
            ("router isis CORE", self.isis),
            ("router ospf", self.ospf),
            ("router ospf6", self.ospf6),
            *sorted(self.others.items()),
        ):
            if lines:
                parts += [header, *(f" {line}" for line in lines), "exit"]
        if self.asn:
            parts += [f"router bgp {self.asn}", *(f" {line}" for line in self.bgp)]
            for version, lines in self.families.items():
                if lines:
                    parts += [f" address-family ipv{version} unicast", *(f"  {line}" for line in lines)]
                    parts += [" exit-address-family"]
            parts.append("exit")
        return "\n".join([*parts, "end", ""])


def loopback(number: int, version: int) -> str:
    return f"10.255.0.{number}" if version == 4 else f"2001:db8:ffff::{number:x}"
