"""What typing a line does to one that is there: refused, combined with it, or in place of it."""

from __future__ import annotations

from backstay.read.section import Node, Rule


def combined(existing: Node, words: list[str], rule: Rule) -> list[str]:
    """The line that results; ``words`` themselves where FRR replaces."""
    if existing.negated:
        return words
    if rule.is_set:
        return _union(existing.words, words, len(existing.key))
    if rule.name.startswith("redistribute") and existing.parent is not None and existing.parent.context == "bgp-family":
        return _with_options(existing.words, words)
    if rule.name == "area range":
        return _with_range_options(existing.words, words)
    return words


def _union(old: list[str], new: list[str], size: int) -> list[str]:
    return old + [word for word in new[size:] if word not in old[size:]]


def _with_options(old: list[str], new: list[str]) -> list[str]:
    """``redistribute P`` keeps the options it had; each one typed replaces its own (seen on FRR 8.4.4)."""
    merged = {name: value for words in (old, new) for name, value in _options(words, ("metric", "route-map")).items()}
    head = [word for word in new if word not in {"metric", "route-map"}][
        : 3 if new[1] in {"ospf", "table"} and new[2:3] and new[2].isdigit() else 2
    ]
    return head + [word for name in ("metric", "route-map") if name in merged for word in (name, merged[name])]


def _options(words: list[str], names: tuple[str, ...]) -> dict[str, str]:
    return {word: words[at + 1] for at, word in enumerate(words[:-1]) if word in names}


def _with_range_options(old: list[str], new: list[str]) -> list[str]:
    """``area A range P`` keeps cost and substitute unless it stops to advertise (seen on FRR 8.4.4)."""
    if "not-advertise" in new:
        return new
    merged = {name: value for words in (old, new) for name, value in _options(words, ("cost", "substitute")).items()}
    return new[:4] + [word for name, value in merged.items() for word in (name, value)]


#: Defaults of a BGP process that FRR applies to neighbours typed afterwards alone, with FRR's own state.
_FOR_LATER_NEIGHBORS = {
    "bgp default ipv4-unicast": True,
    "bgp default ipv6-unicast": False,
    "bgp default shutdown": False,
}


def too_late(process: Node, words: list[str], rule: Rule, *, negated: bool) -> str:
    """Why a line typed now means something else than in a file; "" where it does not."""
    if rule.name not in _FOR_LATER_NEIGHBORS:
        return ""
    present = process.children.get(tuple(words))
    is_on = not present.negated if present is not None else _FOR_LATER_NEIGHBORS[rule.name]
    has_neighbors = any(key[0] == "neighbor" for key in process.children)
    return "takes effect for neighbours typed later alone" if has_neighbors and is_on is negated else ""


def refusal(existing: Node, words: list[str]) -> str:
    """Why FRR would not take ``words`` over an existing line; "" where it would."""
    name = existing.rule.name if existing.rule else ""
    if name not in _NOT_OVERWRITTEN or existing.negated or existing.words == words:
        return ""
    return f"FRR refuses it: {_NOT_OVERWRITTEN[name]}"


def other_process(existing: Node | None, words: list[str]) -> str:
    """FRR refuses a second AS number for one BGP instance."""
    if existing is None or existing.context != "bgp" or len(words) < 3 or existing.words[2:3] == words[2:3]:
        return ""
    return f"FRR refuses it: BGP is already running; AS is {existing.words[2]}" if len(existing.words) > 2 else ""


#: Lines FRR refuses to overwrite (seen on FRR 8.4.4): by rule, what it wants first.
_NOT_OVERWRITTEN = {
    "ip ospf area": "remove the previous area first",
    "ip router isis": "the tag of an interface cannot be changed, remove it first",
    "ipv6 router isis": "the tag of an interface cannot be changed, remove it first",
    "network area": "there is already the same network statement",
    "neighbor peer-group": "remove the neighbour from its peer group first",
}
