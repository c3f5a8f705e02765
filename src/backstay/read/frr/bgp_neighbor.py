"""BGP neighbours: their lines, and what they inherit from peer groups.

Inheritance is FRR's (bgpd.c ``peer_group2peer_config_copy``, ``peer_flag_modify``): a member's own line wins, and a
``no`` of its own cannot undo what the group has, save for communities sent and for activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backstay.model.address import Address
from backstay.model.policy import NOWHERE
from backstay.model.routing import BgpNeighbor, MaximumPrefix, NeighborFamily
from backstay.model.source import Place
from backstay.read.frr.reading import Misread, number, options, place
from backstay.read.section import Node, canonical_address

COMMUNITIES = frozenset({"standard", "extended", "large"})
_SENT = {"both": {"standard", "extended"}, "all": set(COMMUNITIES)}
#: ``ebgp-multihop`` without a number (bgpd.h MAXTTL).
_MAXIMUM_TTL = 255


@dataclass(slots=True)
class PeerDraft:
    """A neighbour or peer group while it is being read. ``families`` and ``active`` are by IP version."""

    name: str
    place: Place = NOWHERE
    is_group: bool = False
    group: str | None = None
    unnumbered: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    families: dict[int, dict[str, Any]] = field(default_factory=dict)
    active: dict[int, bool] = field(default_factory=dict)
    not_sent: dict[int, set[str]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    @property
    def peer(self) -> Address | str:
        """The address, or the interface of an unnumbered session, or the group's name."""
        try:
            return Address.parse(self.name)
        except ValueError:
            return self.name

    def family(self, version: int, where: Place) -> dict[str, Any]:
        """The draft of one address family."""
        return self.families.setdefault(version, {"version": version, "place": where})


def read_session(peers: dict[str, PeerDraft], node: Node) -> bool:
    """``neighbor X ...`` in ``router bgp`` itself."""
    draft = _draft(peers, node)
    fields = draft.fields
    match node.words[2:]:
        case ["peer-group"]:
            draft.is_group = True
        case ["peer-group", group]:
            draft.group = group
        case ["interface", *rest]:
            _unnumbered(draft, rest)
        case ["remote-as", value]:
            fields["remote_as"] = _remote_as(value)
        case ["description", *rest]:
            fields["description"] = " ".join(rest)
        case ["shutdown", *rest]:
            if rest[:1] == ["rtt"] and not node.negated:
                raise Misread("a shutdown on round-trip time is not modelled")
            fields["shutdown"] = not node.negated
        case ["local-as", value, *flags] if flags in ([], ["no-prepend"], ["no-prepend", "replace-as"]):
            fields.update(local_as=int(value), local_as_no_prepend=bool(flags), local_as_replace=len(flags) == 2)
        case ["capability", "extended-nexthop"]:
            fields["extended_next_hop"] = not node.negated
        case _:
            return _session_value(fields, node)
    return True


_FLAGS = {
    "passive": "passive",
    "enforce-first-as": "enforce_first_as",
    "disable-connected-check": "disable_connected_check",
    "enforce-multihop": "disable_connected_check",
    "strict-capability-match": "strict_capability",
    "solo": "solo",
    "graceful-shutdown": "graceful_shutdown",
}


def _session_value(fields: dict[str, Any], node: Node) -> bool:
    match node.words[2:]:
        case [name] if name in _FLAGS:
            fields[_FLAGS[name]] = True
        case ["update-source", source]:
            fields["update_source"] = _source(source)
        case ["ebgp-multihop", *rest]:
            fields["ebgp_ttl"] = int(rest[0]) if rest else _MAXIMUM_TTL
        case ["ttl-security", "hops", hops]:
            fields["ttl_security"] = int(hops)
        case ["local-role", role, *strict]:
            fields["role"] = role if not strict else f"{role} strict"
        case ["password", *rest]:
            fields["password"] = " ".join(rest)
        case ["port", value]:
            fields["port"] = int(value)
        case _:
            return False
    return True


def _draft(peers: dict[str, PeerDraft], node: Node) -> PeerDraft:
    name = canonical_address(node.words[1])
    draft = peers.get(name)
    if draft is None:
        draft = peers[name] = PeerDraft(name=name, place=place(node))
    draft.nodes.append(node)
    return draft


def _remote_as(value: str) -> int | str:
    return value if value in {"internal", "external"} else int(value)


def _source(text: str) -> Address | str:
    try:
        return Address.parse(text)
    except ValueError:
        return text


def _unnumbered(draft: PeerDraft, rest: list[str]) -> None:
    """``neighbor swp1 interface [v6only] [remote-as A|peer-group G]``; with an address before it the interface of a
    link-local session.
    """
    words = rest[1:] if rest[:1] == ["v6only"] else rest
    if isinstance(draft.peer, Address):
        raise Misread("the interface of a link-local session is not modelled")
    draft.unnumbered = True
    draft.fields.setdefault("extended_next_hop", True)
    match words:
        case []:
            pass
        case ["remote-as", value]:
            draft.fields["remote_as"] = _remote_as(value)
        case ["peer-group", group]:
            draft.group = group
        case _:
            raise Misread("expected remote-as or peer-group")


# ---------------------------------------------------------------------------------------- one address family

_NAMES = {
    "route-map": "route_map",
    "prefix-list": "prefix_list",
    "filter-list": "filter_list",
    "distribute-list": "distribute_list",
}
_SWITCHES = {
    "route-reflector-client": "route_reflector_client",
    "as-override": "as_override",
    "addpath-tx-all-paths": "add_path_all",
    "addpath-tx-bestpath-per-AS": "add_path_best_per_as",
}


def read_family_line(peers: dict[str, PeerDraft], version: int, node: Node) -> bool:
    """``neighbor X ...`` in an address family."""
    draft = _draft(peers, node)
    fields = draft.family(version, place(node))
    match node.words[2:]:
        case ["activate"]:
            draft.active[version] = not node.negated
        case ["route-map" | "prefix-list" | "filter-list" | "distribute-list" as kind, name, "in" | "out" as direction]:
            fields[f"{_NAMES[kind]}_{direction}"] = name
        case ["send-community", *rest]:
            kinds = _SENT.get(rest[0], {rest[0]}) if rest else {"standard"}
            held = draft.not_sent.setdefault(version, set())
            held.update(kinds) if node.negated else held.difference_update(kinds)
        case [name] if name in _SWITCHES:
            fields[_SWITCHES[name]] = True
        case ["route-server-client"]:  # turns this on as well (seen in the running configuration of FRR 8.4.4)
            kept = fields.get("attribute_unchanged", frozenset()) | {"next-hop"}
            fields.update(route_server_client=True, attribute_unchanged=kept)
        case ["next-hop-self", *rest]:
            fields["next_hop_self"] = "force" if rest or fields.get("next_hop_self") == "force" else "self"
        case ["remove-private-AS", *rest]:
            _remove_private(fields, rest)
        case _:
            return _family_value(fields, node)
    return True


def _family_value(fields: dict[str, Any], node: Node) -> bool:
    match node.words[2:]:
        case ["unsuppress-map", name]:
            fields["unsuppress_map"] = name
        case ["default-originate"]:
            fields.update(default_originate=True, default_originate_map=None)
        case ["default-originate", "route-map", name]:
            fields.update(default_originate=True, default_originate_map=name)
        case ["maximum-prefix", limit, *rest]:
            fields["maximum_prefix"] = _maximum_prefix(int(limit), rest, node)
        case ["maximum-prefix-out", limit]:
            fields["maximum_prefix_out"] = int(limit)
        case ["allowas-in", *rest]:
            fields.update(
                allowas_in=int(rest[0]) if rest and rest[0] != "origin" else 3, allowas_in_origin=rest == ["origin"]
            )
        case ["weight", value]:
            fields["weight"] = int(value)
        case ["attribute-unchanged", *rest]:
            kept = frozenset(rest) or frozenset({"as-path", "next-hop", "med"})
            fields["attribute_unchanged"] = kept
        case ["soft-reconfiguration", "inbound"]:
            fields["soft_reconfiguration"] = True
        case ["advertise-map", name, "exist-map" | "non-exist-map" as condition, other]:
            fields.update({"advertise_map": name, condition.replace("-", "_"): other})
        case _:
            return False
    return True


def _remove_private(fields: dict[str, Any], rest: list[str]) -> None:
    """The four forms are flags of their own; the strongest acts (bgp_updgrp_adv.c)."""
    if "all" in rest or "remove_private_as" not in fields:
        fields["remove_private_as"] = "all" if "all" in rest else "leading"
    if "replace-AS" in rest:
        fields["replace_private_as"] = True


def _maximum_prefix(limit: int, rest: list[str], node: Node) -> MaximumPrefix:
    values: dict[str, Any] = {}
    if rest and rest[0].isdigit():
        values["threshold"] = int(rest[0])
        rest = rest[1:]
    found = options(rest, {"warning-only": 0, "restart": 1, "force": 0})
    return MaximumPrefix(
        limit=limit,
        warning_only="warning-only" in found,
        restart=number(found, "restart"),
        force="force" in found,
        place=place(node),
        **values,
    )


# ---------------------------------------------------------------------------------------- inheritance


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDefaults:
    """What the process says for all of its neighbours."""

    active: frozenset[int] = frozenset({4})
    shutdown: bool = False
    disable_connected_check: bool = False


def resolve(draft: PeerDraft, groups: Mapping[str, PeerDraft], defaults: SessionDefaults) -> BgpNeighbor:
    """The neighbour complete, with everything its group gives it."""
    group = groups.get(draft.group or "")
    fields: dict[str, Any] = {"remote_as": None, **(group.fields if group else {}), **draft.fields}
    if group is not None and "description" not in draft.fields:
        fields.pop("description", None)
    fields.setdefault("shutdown", defaults.shutdown)
    if defaults.disable_connected_check:
        fields["disable_connected_check"] = True
    families = {
        version: _resolve_family(draft, group, version)
        for version in (4, 6)
        if _is_active(draft, group, version, defaults.active)
    }
    return BgpNeighbor(peer=draft.peer, peer_group=draft.group, families=families, place=draft.place, **fields)


def _is_active(draft: PeerDraft, group: PeerDraft | None, version: int, default: frozenset[int]) -> bool:
    """A member starts with its group's families (bgpd.c ``peer_group_bind``)."""
    inherited = version in default
    if group is not None:
        inherited = group.active.get(version, inherited)
    return draft.active.get(version, inherited)


def _resolve_family(draft: PeerDraft, group: PeerDraft | None, version: int) -> NeighborFamily:
    fields: dict[str, Any] = {"version": version, "place": draft.place}
    held: set[str] = set()
    for source in (group, draft):
        if source is not None:
            own = source.families.get(version, {})
            force = "force" in (fields.get("next_hop_self"), own.get("next_hop_self"))
            fields.update(own)
            if force:
                fields["next_hop_self"] = "force"
            held |= source.not_sent.get(version, set())
    return NeighborFamily(send_communities=COMMUNITIES - held, **fields)
