"""The configuration of one router, text to `Router`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from backstay.model.address import Address, Prefix
from backstay.model.errors import ConfigError
from backstay.model.network import Interface, Router
from backstay.model.routing import DEFAULT_VRF, BgpProcess, IsisProcess, OspfProcess, StaticRoute
from backstay.model.source import Place, SourceFile
from backstay.read.frr import cumulus, references, static
from backstay.read.frr.bgp import read_bgp
from backstay.read.frr.interface import InterfaceDraft, kind_of, read_interface
from backstay.read.frr.isis import read_isis
from backstay.read.frr.ospf import OspfDraft, attach, ospf_interface, read_ospf
from backstay.read.frr.policy import PolicyDraft, read_list
from backstay.read.frr.profile import Profile
from backstay.read.frr.reading import Misread, Reading
from backstay.read.frr.route_map import read_entry
from backstay.read.frr.tree import Tree
from backstay.read.section import Line, Node

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_OUTPUT_START = re.compile(r"\s*(Building configuration\.\.\.\s*)?Current configuration:\s*$", re.MULTILINE)
_PREAMBLE = frozenset({"Building configuration...", "Current configuration:"})


@dataclass(slots=True, eq=False)
class Sources:
    """The files of a router as lines, put into a tree; `tree` is what a change is merged into."""

    tree: Tree
    hostname: str | None = None
    interfaces: list[Line] = field(default_factory=list)
    other: list[tuple[Line, str]] = field(default_factory=list)


def parse(sources: tuple[SourceFile, ...]) -> Sources:
    """Put the lines of all files where they belong.

    Raises `ConfigError` for a file that is binary, not UTF-8 or cut off.
    """
    parsed = Sources(Tree())
    for source in sources:
        _check_characters(source)
        lines = [Line(source.path, number, text) for number, text in enumerate(source.text.split("\n"), 1)]
        if lines and not lines[-1].text:
            lines.pop()
        parsed.tree.files.lines[source.path] = lines
        parsed.tree.files.main = _main_file(parsed.tree.files.main, source)
        _read_file(parsed, source, lines)
    return parsed


def _main_file(chosen: str, source: SourceFile) -> str:
    """Where new top-level lines are written: the last file that is FRR's."""
    return chosen if chosen and _is_interfaces_alone(source) else source.path


def _is_interfaces_alone(source: SourceFile) -> bool:
    return PurePosixPath(source.path).name == "interfaces"


def _read_file(parsed: Sources, source: SourceFile, lines: list[Line]) -> None:
    tree = parsed.tree
    tree.current = tree.root
    body = lines
    if _is_interfaces_alone(source) or cumulus.is_interfaces(source.text):
        parts = cumulus.split(lines)
        parsed.hostname = parts.hostname or parsed.hostname
        parsed.interfaces += parts.interfaces
        parsed.other += parts.other
        body = parts.frr
    for line in body:
        if line.text.strip() in _PREAMBLE:
            parsed.other.append((line, "a heading of the output"))
        else:
            tree.read(line)
    if body:
        _check_end(source, tree, body)


def _check_characters(source: SourceFile) -> None:
    found = _CONTROL.search(source.text)
    if found is None:
        return
    where = Place(source.path, source.text.count("\n", 0, found.start()) + 1)
    if found[0] == "\ufffd":
        raise ConfigError("is not UTF-8 text; expected an FRR configuration", where)
    raise ConfigError(f"holds the control character {ord(found[0])}: binary or cut off; expected text", where)


def _check_end(source: SourceFile, tree: Tree, body: list[Line]) -> None:
    """A file that stops in the middle of a line, or output of ``show running-config`` without its ``end``."""
    last = next((line for line in reversed(body) if line.text.strip() and line.text.strip()[0] not in "!#"), None)
    if last is None:
        return
    where = Place(last.file, last.number)
    problem = tree.problems.get(id(last))
    if problem == "incomplete command" or (problem and not source.text.endswith("\n")):
        raise ConfigError(f"cut off: ends in the middle of {last.text.strip()!r}; expected a whole line", where)
    if _OUTPUT_START.match(source.text) and last.text.strip() != "end" and not last.text.strip().endswith(("#", ">")):
        raise ConfigError("cut off: output of `show running-config` without its final `end`", where)


def read_router(sources: tuple[SourceFile, ...], name_hint: str) -> Router:
    """Read the configuration of one FRR router from its file or files, in order.

    The name is the ``hostname`` where the files agree on one, else ``name_hint``. Every line is read, or stands in
    ``ignored`` or ``unread``. Raises `ConfigError` where the text is no FRR configuration at all or is cut off.
    """
    parsed = parse(sources)
    name = _name(parsed, name_hint)
    draft = _RouterDraft(Reading(name))
    draft.read(parsed)
    _check_content(sources, parsed, draft.reading)
    return draft.finish(name, sources)


def _name(parsed: Sources, name_hint: str) -> str:
    """Daemons of old each have a hostname of their own; then the folder's name is the router's."""
    if parsed.hostname:
        return parsed.hostname
    names = {
        words[1]
        for lines in parsed.tree.files.lines.values()
        for line in lines
        if line.text.startswith("hostname ") and len(words := line.text.split()) == 2
    }
    return names.pop() if len(names) == 1 else name_hint


def _check_content(sources: tuple[SourceFile, ...], parsed: Sources, reading: Reading) -> None:
    where = Place(sources[0].path) if sources else None
    children = list(parsed.tree.root.children.values())
    if not children and not parsed.interfaces:
        raise ConfigError("holds no configuration; expected an FRR configuration", where)
    if children and all(node.rule is None for node in children) and not parsed.interfaces:
        count = len(reading.unread)
        raise ConfigError(f"not an FRR configuration: none of its {count} lines is understood", where)


@dataclass(slots=True)
class _RouterDraft:
    reading: Reading
    profile: Profile = field(default_factory=Profile)
    interfaces: dict[str, InterfaceDraft] = field(default_factory=dict)
    vrfs: set[str] = field(default_factory=set)
    static_routes: list[StaticRoute] = field(default_factory=list)
    discards: dict[tuple[str, Prefix, int], bool] = field(default_factory=dict)
    isis: list[IsisProcess] = field(default_factory=list)
    ospf: list[OspfDraft] = field(default_factory=list)
    bgp: list[BgpProcess] = field(default_factory=list)
    policies: PolicyDraft = field(default_factory=PolicyDraft)
    router_id: Address | None = None
    forwarding: bool = True
    no_ipv6: Node | None = None
    resolve: dict[int, bool] = field(default_factory=dict)

    def read(self, parsed: Sources) -> None:
        """Take in the whole tree; the profile first, since it decides what absent lines mean."""
        root = parsed.tree.root
        for key in (("frr", "version"), ("frr", "defaults")):
            node = root.children.get(key)
            if node is not None and len(node.words) > 2:
                setattr(self.profile, "version" if key[1] == "version" else "name", node.words[2])
        self.vrfs |= cumulus.read_interfaces(self.reading, parsed.interfaces, self.interfaces)
        self.reading.walk(root, self._handle)
        self.reading.passed_over([*parsed.other, *parsed.tree.gone])
        attach(self.reading, self.ospf, self.interfaces)
        self._check_ipv6_forwarding()
        self._check_narrow_metrics()

    def _handle(self, node: Node) -> bool:
        match node.context:
            case None:
                return self._line(node)
            case "interface":
                name = node.words[1]
                draft = self.interfaces.setdefault(name, InterfaceDraft(name=name))
                read_interface(self.reading, node, draft)
            case "vrf":
                self.vrfs.add(node.words[1])
                self.reading.walk(node, lambda child: self._static(child, node.words[1]))
            case "isis":
                self.isis.append(read_isis(self.reading, node))
            case "ospf" | "ospf6":
                self.ospf.append(read_ospf(self.reading, node))
            case "bgp":
                process = read_bgp(self.reading, node, self.profile)
                if process is not None:
                    self.bgp.append(process)
            case "route-map":
                self.policies.route_maps.setdefault(node.words[1], []).append(read_entry(self.reading, node))
            case _:
                return False
        return True

    def _static(self, node: Node, vrf: str) -> bool:
        if node.words[1] != "route":
            return False
        route = static.read_route(node, vrf)
        discards = route.discard is not None
        if self.discards.setdefault(static.path(route), discards) != discards:
            raise Misread(static.MIXED)  # seen on FRR 8.4.4
        self.static_routes.append(route)
        return True

    def _line(self, node: Node) -> bool:
        match node.words:
            case ["ip" | "ipv6", "route", *_]:
                return self._static(node, DEFAULT_VRF)
            case ["ip" | "ipv6", "prefix-list" | "access-list", *_] | ["access-list", *_] | ["bgp", *_]:
                return read_list(self.policies, node)
            case ["hostname", _] | ["frr", *_]:
                pass
            case ["router-id", address] | ["ip", "router-id", address]:
                self.router_id = Address.parse(address)
            case ["ip", "forwarding"]:
                self.forwarding = not node.negated
            case ["ipv6", "forwarding"]:
                self.no_ipv6 = node if node.negated else None
            case ["ip" | "ipv6" as family, "nht", "resolve-via-default"]:
                self.resolve[4 if family == "ip" else 6] = not node.negated
            case _:
                return False
        return True

    def _check_ipv6_forwarding(self) -> None:
        """``no ipv6 forwarding`` is written by FRR wherever the kernel has it off, mostly where IPv6 is not used."""
        if self.no_ipv6 is None:
            return
        used = any(
            address.address.version == 6 and not address.address.is_link_local
            for draft in self.interfaces.values()
            for address in draft.addresses
        )
        if used:
            self.reading.refuse(self.no_ipv6, "a router that has IPv6 but does not forward it is not modelled")

    def _check_narrow_metrics(self) -> None:
        """FRR takes a metric that narrow TLVs do not hold on an interface and then refuses the process (seen on FRR 8.4.4)."""
        narrow = {process.tag for process in self.isis if process.metric_style != "wide"}
        for draft in self.interfaces.values():
            if draft.isis_large and draft.isis.get("tag") in narrow:
                draft.isis.pop("metric")
                for node in draft.isis_large:
                    self.reading.refuse(node, "above 63 FRR refuses the IS-IS process, unless its metric-style is wide")

    def finish(self, name: str, sources: tuple[SourceFile, ...]) -> Router:
        """The finished value."""
        default = self.profile.resolves_via_default()
        router = Router(
            name=name,
            vendor="frr",
            version=self.profile.version,
            profile=self.profile.name,
            interfaces=self._interfaces(),
            vrfs=frozenset(self._all_vrfs()),
            static_routes=static.together(self.static_routes),
            isis=tuple(sorted(self.isis, key=lambda process: (process.vrf, process.tag))),
            ospf=self._ospf(2),
            ospf6=self._ospf(3),
            bgp=tuple(sorted(self.bgp, key=lambda process: (process.vrf != DEFAULT_VRF, process.vrf))),
            policies=self.policies.finish(),
            router_id=self.router_id,
            forwarding=self.forwarding,
            resolve_via_default=frozenset(version for version in (4, 6) if self.resolve.get(version, default)),
            sources=sources,
            unread=tuple(sorted(set(self.reading.unread))),
            ignored=tuple(sorted(self.reading.ignored)),
        )
        return _with_remarks(router, self.reading)

    def _ospf(self, version: int) -> tuple[OspfProcess, ...]:
        drafts = [draft.process() for draft in self.ospf if draft.version == version]
        return tuple(sorted(drafts, key=lambda process: (process.vrf != DEFAULT_VRF, process.vrf, process.instance)))

    def _all_vrfs(self) -> set[str]:
        used = {draft.vrf for draft in self.interfaces.values()} | {process.vrf for process in self.bgp}
        return (self.vrfs | used) - {DEFAULT_VRF}

    def _interfaces(self) -> dict[str, Interface]:
        vrfs = self._all_vrfs()
        return {name: _interface(self.interfaces[name], vrfs) for name in sorted(self.interfaces)}


def _interface(draft: InterfaceDraft, vrfs: set[str]) -> Interface:
    kind = draft.kind or kind_of(draft.name)
    vrf = draft.vrf
    if draft.name in vrfs:
        kind, vrf = "loopback", draft.name
    fields = dict(draft.fields)
    if vrf == "mgmt":
        fields["management"] = True
    return Interface(
        name=draft.name,
        vrf=vrf,
        kind=kind,
        addresses=tuple(draft.addresses),
        isis=draft.isis_interface(),
        ospf=ospf_interface(draft.ospf, version=2),
        ospf6=ospf_interface(draft.ospf6, version=3),
        **fields,
    )


def _with_remarks(router: Router, reading: Reading) -> Router:
    remarks = {*reading.remarks, *references.undefined(router)}
    return replace(router, remarks=tuple(sorted(remarks, key=lambda item: (item.place or Place(""), item.text))))
