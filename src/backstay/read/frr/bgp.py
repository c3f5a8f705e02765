"""``router bgp``: the process, its address families, and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.routing import (
    DEFAULT_VRF,
    Aggregate,
    BgpFamily,
    BgpProcess,
    ListenRange,
    NetworkStatement,
    Redistribution,
)
from backstay.read.frr.bgp_neighbor import PeerDraft, SessionDefaults, read_family_line, read_session, resolve
from backstay.read.frr.profile import Profile
from backstay.read.frr.reading import Misread, Reading, number, options, place, word
from backstay.read.section import Node

#: ``bgp max-med administrative`` without a value (bgpd.h BGP_MAXMED_VALUE_DEFAULT).
_MAXIMUM_MED = 4294967294


@dataclass(slots=True)
class _Draft:
    fields: dict[str, Any] = field(default_factory=dict)
    peers: dict[str, PeerDraft] = field(default_factory=dict)
    families: dict[int, dict[str, Any]] = field(default_factory=dict)
    ranges: list[tuple[Prefix, str, Node]] = field(default_factory=list)
    active: dict[int, bool] = field(default_factory=lambda: {4: True, 6: False})
    shutdown: bool = False
    disable_connected_check: bool = False


def read_bgp(reading: Reading, section: Node, profile: Profile) -> BgpProcess | None:
    """One process; None for a heading that cannot be taken in (all of it is then unread)."""
    words = section.words
    if len(words) not in {3, 5} or not words[2].isdigit() or (len(words) == 5 and words[3] != "vrf"):
        reading.refuse(
            section, "BGP views are not modelled" if "view" in words else "expected router bgp ASN [vrf NAME]"
        )
        return None
    draft = _Draft(fields=profile.bgp())
    draft.fields.update(asn=int(words[2]), vrf=words[4] if len(words) == 5 else DEFAULT_VRF, place=place(section))

    def handle(node: Node) -> bool:
        match node.words:
            case ["bgp", *_]:
                return _global(draft, node)
            case ["neighbor", *_]:
                return read_session(draft.peers, node)
            case ["address-family", "ipv4" | "ipv6" as family, "unicast"]:
                _family(reading, draft, node, 6 if family == "ipv6" else 4)
            case _:
                return False
        return True

    reading.walk(section, handle)
    return _finish(reading, draft)


_SWITCHES = {
    "always-compare-med": "always_compare_med",
    "deterministic-med": "deterministic_med",
    "bestpath as-path confed": "as_path_confed",
    "bestpath as-path ignore": "as_path_ignore",
    "bestpath compare-routerid": "compare_router_id",
    "client-to-client reflection": "client_to_client",
    "ebgp-requires-policy": "ebgp_requires_policy",
    "fast-external-failover": "fast_external_failover",
    "graceful-shutdown": "graceful_shutdown",
    "network import-check": "network_import_check",
    "reject-as-sets": "reject_as_sets",
    "route-reflector allow-outbound-policy": "outbound_policy_for_reflected",
}


def _global(draft: _Draft, node: Node) -> bool:
    fields, on = draft.fields, not node.negated
    text = " ".join(node.words[1:])
    if text in _SWITCHES:
        fields[_SWITCHES[text]] = on
        return True
    match node.words[1:]:
        case ["default", "ipv4-unicast" | "ipv6-unicast" as family]:
            draft.active[4 if family == "ipv4-unicast" else 6] = on
        case ["default", "shutdown"]:
            draft.shutdown = on
        case ["disable-ebgp-connected-route-check"]:
            draft.disable_connected_check = on
        case ["listen", "range", prefix, "peer-group", group]:
            draft.ranges.append((Prefix.parse(prefix), group, node))
        case ["shutdown", *_]:
            fields["shutdown"] = True
        case _:
            return _value(fields, node)
    return True


def _value(fields: dict[str, Any], node: Node) -> bool:
    match node.words[1:]:
        case ["router-id", address]:
            fields["router_id"] = Address.parse(address)
        case ["cluster-id", value]:
            fields["cluster_id"] = Address(4, int(value)) if value.isdigit() else Address.parse(value)
        case ["confederation", "identifier", value]:
            fields["confederation_id"] = int(value)
        case ["confederation", "peers", *values]:
            fields["confederation_peers"] = fields.get("confederation_peers", frozenset()) | {int(v) for v in values}
        case ["bestpath", "as-path", "multipath-relax", *rest] if rest in ([], ["as-set"], ["no-as-set"]):
            fields.update(multipath_relax=True, multipath_as_set=rest == ["as-set"])
        case ["bestpath", "med", *rest] if rest and set(rest) <= {"confed", "missing-as-worst"}:
            fields.update(med_confed="confed" in rest, med_missing_as_worst="missing-as-worst" in rest)
        case ["default", "local-preference", value]:
            fields["default_local_preference"] = int(value)
        case ["max-med", "administrative", *rest]:
            fields["max_med_administrative"] = int(rest[0]) if rest else _MAXIMUM_MED
        case _:
            return False
    return True


# ---------------------------------------------------------------------------------------- address families


def _family(reading: Reading, draft: _Draft, section: Node, version: int) -> None:
    fields = draft.families.setdefault(version, {"version": version, "place": place(section)})

    def handle(node: Node) -> bool:
        match node.words:
            case ["neighbor", *_]:
                return read_family_line(draft.peers, version, node)
            case ["network", prefix, *rest]:
                _append(fields, "networks", _network(prefix, rest, node))
            case ["aggregate-address", prefix, *rest]:
                _append(fields, "aggregates", _aggregate(prefix, rest, node))
            case ["redistribute", *rest]:
                _append(fields, "redistributions", _redistribution(rest, version, node))
            case _:
                return _family_value(fields, node)
        return True

    reading.walk(section, handle)


def _append(fields: dict[str, Any], name: str, value: object) -> None:
    fields[name] = (*fields.get(name, ()), value)


def _family_value(fields: dict[str, Any], node: Node) -> bool:
    match node.words:
        case ["maximum-paths", "ibgp", value, *rest] if rest in ([], ["equal-cluster-length"]):
            fields.update(maximum_paths_ibgp=int(value), equal_cluster_length=bool(rest))
        case ["maximum-paths", value]:
            fields["maximum_paths"] = int(value)
        case ["distance", "bgp", external, internal, local]:
            fields.update(distance_external=int(external), distance_internal=int(internal), distance_local=int(local))
        case ["distance", value, prefix, *name] if len(name) < 2:
            _append(fields, "prefix_distances", (int(value), Prefix.parse(prefix), name[0] if name else None))
        case ["table-map", name]:
            fields["table_map"] = name
        case ["import", "vrf", "route-map", name]:
            fields["import_vrf_map"] = name
        case ["import", "vrf", name]:
            _append(fields, "import_vrfs", name)
        case _:
            return False
    return True


def _network(prefix: str, rest: list[str], node: Node) -> NetworkStatement:
    found = options(rest, {"route-map": 1, "backdoor": 0, "label-index": 1})
    return NetworkStatement(
        prefix=Prefix.parse(prefix), route_map=word(found, "route-map"), backdoor="backdoor" in found, place=place(node)
    )


def _aggregate(prefix: str, rest: list[str], node: Node) -> Aggregate:
    known = {"as-set": 0, "summary-only": 0, "matching-MED-only": 0, "route-map": 1, "suppress-map": 1, "origin": 1}
    found = options(rest, known)
    return Aggregate(
        prefix=Prefix.parse(prefix),
        summary_only="summary-only" in found,
        as_set="as-set" in found,
        route_map=word(found, "route-map"),
        origin=word(found, "origin"),
        matching_med="matching-MED-only" in found,
        suppress_map=word(found, "suppress-map"),
        place=place(node),
    )


def _redistribution(rest: list[str], version: int, node: Node) -> Redistribution:
    protocol, *rest = rest
    instance = None
    if protocol in {"ospf", "table"} and rest and rest[0].isdigit():
        instance, *rest = rest
    if protocol in {"vnc", "vnc-direct", "babel", "openfabric", "nhrp"}:
        raise Misread(f"{protocol} is not modelled")
    found = options(rest, {"metric": 1, "route-map": 1})
    return Redistribution(
        protocol=protocol,
        version=version,
        instance=instance,
        metric=number(found, "metric"),
        route_map=word(found, "route-map"),
        place=place(node),
    )


# ---------------------------------------------------------------------------------------- putting together


def _finish(reading: Reading, draft: _Draft) -> BgpProcess:
    groups = {name: peer for name, peer in draft.peers.items() if peer.is_group}
    defaults = SessionDefaults(
        active=frozenset(version for version, on in draft.active.items() if on),
        shutdown=draft.shutdown,
        disable_connected_check=draft.disable_connected_check,
    )
    for peer in draft.peers.values():
        _check_group(reading, peer, groups)
    neighbors = {
        name: resolve(draft.peers[name], groups, defaults)
        for name in sorted(draft.peers)
        if not draft.peers[name].is_group and _is_session(reading, draft.peers[name])
    }
    ranges = []
    for prefix, name, node in draft.ranges:
        if name in groups:
            template = resolve(groups[name], {}, defaults)
            ranges.append(ListenRange(prefix=prefix, template=template, place=place(node)))
        else:
            reading.undefined(f"peer-group {name}", place(node))
            reading.refuse(node, f"peer-group {name} is not defined")
    families = {version: BgpFamily(**fields) for version, fields in sorted(draft.families.items())}
    for version in (4, 6):
        families.setdefault(version, BgpFamily(version=version))
    return BgpProcess(neighbors=neighbors, listen_ranges=tuple(ranges), families=families, **draft.fields)


def _check_group(reading: Reading, peer: PeerDraft, groups: dict[str, PeerDraft]) -> None:
    if peer.group is not None and peer.group not in groups:
        node = next((node for node in peer.nodes if node.words[-2:] == ["peer-group", peer.group]), peer.nodes[0])
        reading.undefined(f"peer-group {peer.group}", place(node))
        reading.refuse(node, f"peer-group {peer.group} is not defined")


def _is_session(reading: Reading, peer: PeerDraft) -> bool:
    """A name that is neither an address, a group nor an interface is refused by FRR."""
    if isinstance(peer.peer, Address) or peer.unnumbered:
        return True
    reading.undefined(f"peer-group {peer.name}", peer.place)
    for node in peer.nodes:
        reading.refuse(node, f"{peer.name} is neither an address, a peer group nor an interface of a session")
    return False
