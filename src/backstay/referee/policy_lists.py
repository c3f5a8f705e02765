"""Lists: what a prefix list, access list, AS path list or community list says of one value.

Each function answers True (permit) or False (deny). A list that does not exist is answered by the caller, from
`backstay.model.vendor`; one without entries permits (prefix list) or denies (all others), as FRR 8.4 does
(lib/plist.c prefix_list_apply_ext(), lib/filter.c access_list_apply()).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.policy import AccessList, AccessListEntry, AsPathList, CommunityList, CommunityListEntry, PrefixList
from backstay.referee import policy_communities as communities

Community = TypeVar("Community", int, str)
_BOUNDARY = "(?:^|[,{}() ]|$)"
_CLASSES = {
    "[:digit:]": "0-9",
    "[:space:]": r"\s",
    "[:alpha:]": "a-zA-Z",
    "[:alnum:]": "a-zA-Z0-9",
    "[:blank:]": r" \t",
    "[:punct:]": r"!-/:-@\[-`{-~",
}


def prefix_list(items: PrefixList, prefix: Prefix) -> bool:
    """The first entry that covers the prefix and allows its length decides."""
    if not items.entries:
        return True
    for entry in items.entries:
        if entry.ge <= prefix.length <= entry.le and entry.prefix.covers(prefix):
            return entry.permit
    return False


def access_list(items: AccessList, prefix: Prefix) -> bool:
    """A filter over routes: the first entry that holds the network decides."""
    for entry in items.entries:
        if _access_entry(entry, prefix):
            return entry.permit
    return False


def _access_entry(entry: AccessListEntry, prefix: Prefix) -> bool:
    """FRR lib/filter.c: a zebra-style entry holds a prefix it covers (``exact-match``: it alone); a Cisco-style one
    compares the network address under its wildcard, and an extended one the mask with its destination as well.
    """
    if entry.source_wildcard is not None:
        return _under_wildcard(prefix.value, entry.source_wildcard) and _mask_matches(entry, prefix)
    if entry.source is not None:
        same = entry.source == prefix if entry.exact else entry.source.covers(prefix)
        return same and _mask_matches(entry, prefix)
    return _mask_matches(entry, prefix)


def _under_wildcard(value: int, wildcard: tuple[int, int]) -> bool:
    wanted, ignored = wildcard
    return (value | ignored) == (wanted | ignored)


def _mask_matches(entry: AccessListEntry, prefix: Prefix) -> bool:
    """The destination of an extended entry is held against the netmask of the route."""
    if entry.destination is None and entry.destination_wildcard is None:
        return True
    bits = 32 if prefix.version == 4 else 128
    mask = (1 << bits) - (1 << (bits - prefix.length))
    if entry.destination_wildcard is not None:
        return _under_wildcard(mask, entry.destination_wildcard)
    assert entry.destination is not None
    shift = bits - entry.destination.length
    return mask >> shift == entry.destination.value >> shift


def as_path_list(items: AsPathList, path: str) -> bool:
    """The first regular expression found anywhere in the path's text decides."""
    for entry in items.entries:
        if compiled(entry.regex, boundary=True).search(path):
            return entry.permit
    return False


@lru_cache(maxsize=4096)
def compiled(regex: str, *, boundary: bool) -> re.Pattern[str]:
    """A POSIX extended expression as routers write it. ``_`` in an AS path expression stands for a separator or an end
    (FRR bgp_regex.c bgp_regcomp()).
    """
    translated = regex.replace("_", _BOUNDARY) if boundary else regex
    for name, members in _CLASSES.items():
        translated = translated.replace(name, members)
    try:
        return re.compile(translated)
    except re.error as error:
        raise Unproven(f"regular expression {regex!r} cannot be read: {error}") from error


def community_list(items: CommunityList, carried: Iterable[int] | Iterable[str], *, exact: bool = False) -> bool:
    """The first entry that matches decides. ``standard``: all of its communities are carried, and with ``exact`` no
    others (``internet`` alone always matches); ``expanded``: its expression is found in the text of them all.
    """
    own = communities.canonical(items.kind, carried)
    for entry in items.entries:
        if _community_entry(items.kind, entry, own, exact=exact):
            return entry.permit
    return False


def _community_entry(
    kind: str, entry: CommunityListEntry, own: frozenset[int] | frozenset[str], *, exact: bool
) -> bool:
    if entry.regex is not None:
        return bool(compiled(entry.regex, boundary=True).search(communities.line(kind, own)))
    wanted = communities.canonical(kind, entry.communities)
    if not entry.communities or (kind == "standard" and communities.INTERNET in wanted):
        return True
    if not own:
        return False
    return own == wanted if exact else wanted <= own


def deleted(items: CommunityList, carried: frozenset[Community]) -> frozenset[Community]:
    """What ``set comm-list NAME delete`` leaves: each community is held against the list by itself, and goes when the
    first entry that holds it permits.
    """
    return frozenset(one for one in carried if not _deletes(items, one))


def _deletes(items: CommunityList, one: Community) -> bool:
    for entry in items.entries:
        if entry.regex is not None:
            found = bool(compiled(entry.regex, boundary=True).search(communities.line(items.kind, frozenset({one}))))
        else:
            listed = communities.canonical(items.kind, entry.communities)
            found = one in listed or (items.kind == "standard" and communities.INTERNET in listed)
        if found:
            return entry.permit
    return False
