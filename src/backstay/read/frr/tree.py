"""Lines of FRR put where the router would put them: one way for a file being read and for lines being typed.

FRR reads a line in the context it stands in; a line unknown there is tried in the enclosing contexts
(`lib/command.c`, ``command_config_read_one_line``; `vtysh.c`, ``vtysh_execute_func``), whatever the indentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backstay.read.frr.commands import CATCH_ALL, FLAT, GRAMMARS
from backstay.read.frr.files import Files, extend
from backstay.read.frr.keys import DEFAULT, KEYS, LISTS, ListLine, list_line, respelt, route_words
from backstay.read.frr.overwriting import combined, other_process, refusal, too_late
from backstay.read.frr.peers import about, is_group, members, whole_neighbors
from backstay.read.section import INCOMPLETE, UNKNOWN, Found, Key, Line, Node, Rule, canonical_address

#: Words that close a section; a value names the context that must be open, "" any.
_EXITS = {
    "exit": "",
    "quit": "",
    "exit-address-family": "bgp",
    "exit-vrf": "vrf",
    "exit-link-params": "link-params",
    "exit-ldp-if": "mpls",
    "exit-vnc": "foreign",
    "exit-vrf-policy": "foreign",
}


@dataclass(slots=True)
class Typed:
    """What one line did. ``action``: added, removed, replaced, unchanged, structure, or unread with ``reason``."""

    action: str
    path: tuple[str, ...] = ()
    reason: str = ""


@dataclass(slots=True, eq=False)
class Tree:
    """The configuration of one router. With ``editing`` typed lines also change the files' `Line` lists."""

    files: Files = field(default_factory=Files)
    root: Node = field(default_factory=lambda: Node(words=[], line=None, key=(), context="config"))
    editing: bool = False
    gone: list[tuple[Line, str]] = field(default_factory=list)
    lists: dict[Key, dict[tuple[str, ...], int]] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)
    current: Node = field(init=False)

    def __post_init__(self) -> None:
        self.current = self.root

    def edit(self) -> None:
        """From here on lines are typed: they change the files, starting at the top level."""
        self.editing = True
        self.current = self.root

    # ------------------------------------------------------------------ one line

    def read(self, line: Line) -> None:
        """Take a line of a file; blank lines and comments do nothing."""
        words = line.text.split()
        if words and words[0][0] not in "!#":
            outcome = self.type(words, line)
            if outcome.action in {"removed", "unchanged"}:
                self.gone.append((line, outcome.reason or "says nothing new"))
            elif outcome.action == "unread":
                self.problems[id(line)] = outcome.reason

    def type(self, words: list[str], line: Line) -> Typed:
        """Do what FRR does with the line. In editing mode ``line`` is a template: its text and indentation count."""
        if words[0] in _EXITS and len(words) == 1:
            self._leave_empty_unknown()
        if words[0] in _EXITS and len(words) == 1 and self._closes(words[0], line):
            self._close(words[0], line)
            return Typed("structure")
        if words == ["end"]:
            self.current = self.root
            return Typed("structure")
        negated = words[0] == "no" and len(words) > 1
        found, parent, words = self._locate(words[1:] if negated else words, line, negated=negated)
        if isinstance(found, str):
            return self._unknown(found, words, line, negated=negated)
        if parent.context == "unknown" and self.editing:
            parent.children[tuple(words)] = parent
            return Typed("unread", self._path(parent), "its section is not understood")
        self.current = parent
        parent, words, found = self._relocate(parent, words, found)
        if found.rule.name in LISTS:
            return self._type_list(parent, words, found, line, negated=negated)
        late = too_late(parent, words, found.rule, negated=negated) if self.editing else ""
        if late:
            return Typed("unread", self._path(parent), late)
        key = self._key(found, words)
        if key is None:
            return self._unknown(INCOMPLETE, words, line, negated=negated)
        if negated:
            return self._take_back(parent, words, key, found, line)
        return self._put(parent, words, key, found.rule, line)

    def _leave_empty_unknown(self) -> None:
        """A line nobody knows opened no section unless deeper lines followed it."""
        while self.current.context == "unknown" and not self.current.children and self.current.parent is not None:
            self.current = self.current.parent

    def _closes(self, word: str, line: Line) -> bool:
        """An indented ``exit`` inside a section that takes every line is that section's own."""
        node = self.current
        if node.context not in CATCH_ALL or word != "exit":
            return True
        return _indent(line.text) <= _indent(node.lines[0].text if node.lines else "")

    def _close(self, word: str, line: Line) -> None:
        node: Node | None = self.current
        wanted = _EXITS[word]
        while node is not None and node.parent is not None and wanted and not _is_a(node, wanted):
            node = node.parent
        if node is None or node.parent is None:
            self.current = self.root
            return
        if not self.editing:
            node.lines.append(line)
            extend(node, line)
        self.current = node.parent

    def _locate(self, words: list[str], line: Line, *, negated: bool) -> tuple[Found | str, Node, list[str]]:
        """The grammar row for the line and the section it belongs to, going outwards from the current one."""
        start = self.current
        if start.context in CATCH_ALL:
            inside = _indent(line.text) > _indent(start.lines[0].text if start.lines else "")
            if inside:
                return GRAMMARS[start.context].find(words), start, words
        problem = UNKNOWN
        node: Node | None = start
        while node is not None:
            context = node.context or "config"
            if context not in CATCH_ALL:
                spelt = respelt(words, context)
                found = GRAMMARS[context].find(spelt, negated=negated)
                if isinstance(found, Found):
                    return found, node, spelt
                if context == "bgp":
                    family = GRAMMARS["bgp-family"].find(spelt, negated=negated)
                    if isinstance(family, Found):
                        return family, self._ipv4_unicast(node), spelt
                problem = INCOMPLETE if found == INCOMPLETE and problem == UNKNOWN else problem
            node = node.parent
        flat = FLAT.get(start.context or "")
        if flat is not None and isinstance(own := flat.find(words), Found):
            return own, start, words
        return problem, start, words

    def _ipv4_unicast(self, process: Node) -> Node:
        """Family commands typed in ``router bgp`` itself mean IPv4 unicast (hidden aliases of bgp_vty.c)."""
        return self._virtual(process, ["address-family", "ipv4", "unicast"], "bgp-family")

    def _virtual(self, parent: Node, words: list[str], context: str, key: Key | None = None) -> Node:
        key = key or tuple(words)
        section = parent.children.get(key)
        if section is None:
            section = Node(words=words, line=None, key=key, context=context, parent=parent, rule=Rule(name=words[0]))
            parent.children[key] = section
        return section

    def _relocate(self, parent: Node, words: list[str], found: Found) -> tuple[Node, list[str], Found]:
        """Lines that FRR itself files elsewhere: a static route with ``vrf``, ``passive-interface NAME``."""
        name = found.rule.name
        if name in {"ip route", "ipv6 route"}:
            words, vrf = route_words(words)
            if vrf is not None and vrf != DEFAULT and parent is self.root:
                parent = self._virtual(self.root, ["vrf", vrf], "vrf")
        elif name == "passive-interface" and parent.context == "ospf" and len(words) == 2:
            interface = self._virtual(self.root, ["interface", words[1]], "interface")
            passive = ["ip", "ospf", "passive"]
            moved = GRAMMARS["interface"].find(passive)
            assert isinstance(moved, Found)
            return interface, passive, moved
        return parent, words, found

    def _key(self, found: Found, words: list[str]) -> Key | None:
        if found.sweep:
            return found.key
        if not found.key:
            return tuple(words)
        special = KEYS.get(found.rule.name)
        return special(words) if special else found.key

    # ------------------------------------------------------------------ lines that add

    def _put(self, parent: Node, words: list[str], key: Key, rule: Rule, line: Line) -> Typed:
        existing = parent.children.get(key)
        if self.editing and words[0] == "neighbor":
            self._inherit(parent, words, existing)
        if rule.opens:
            return self._enter(parent, words, key, rule, line, existing)
        if existing is not None:
            words = combined(existing, words, rule)
        if existing is None:
            self._attach(parent, Node(words=words, line=line, key=key, rule=rule, parent=parent), line)
            return Typed("added", self._path(parent))
        refused = refusal(existing, words) if self.editing else ""
        if refused:
            return Typed("unread", self._path(parent), refused)
        return self._replace(existing, words, rule, line, negated=False)

    def _inherit(self, process: Node, words: list[str], existing: Node | None) -> None:
        """What FRR gives to members when they join a group or the group gets an AS number (seen on FRR 8.4.4)."""
        match words:
            case ["neighbor", name, "peer-group", _] if existing is None:
                self._forget_activation(process, name)
            case ["neighbor", name, "remote-as", _] if is_group(process, name):
                for member in members(process, name):
                    line = process.children.get(("neighbor", member, "remote-as"))
                    if line is not None:
                        self.remove(line, "its group has one")

    def _forget_activation(self, process: Node, name: str) -> None:
        """Joining a group gives a neighbour the group's address families (bgpd.c ``peer_group_bind``)."""
        for family in [node for node in process.children.values() if node.context == "bgp-family"]:
            line = family.children.get(("neighbor", canonical_address(name), "activate"))
            if line is not None:
                self.remove(line, "taken back")

    def _enter(self, parent: Node, words: list[str], key: Key, rule: Rule, line: Line, existing: Node | None) -> Typed:
        problem = other_process(existing, words)
        if problem:
            return self._unknown(problem, words, line, negated=False)
        if existing is None:
            node = Node(words=words, line=line, key=key, rule=rule, context=rule.opens, parent=parent)
            self._attach(parent, node, line)
            node.lines.append(line if not self.editing else node.line or line)
            self.current = node
            return Typed("added", self._path(parent))
        self.current = existing
        if not self.editing:
            existing.lines.append(line)
            existing.line = existing.line or line
            existing.rule = rule
            extend(existing, line)
            existing.tail = line
        if len(words) >= len(existing.words) and words != existing.words:
            existing.words = words
            if self.editing and existing.line is not None:
                existing.line.text = _indent(existing.line.text) * " " + " ".join(words)
            return Typed("replaced", self._path(parent))
        return Typed("structure", self._path(parent))

    def _attach(self, parent: Node, node: Node, line: Line) -> None:
        parent.children[node.key] = node
        if self.editing:
            self.files.write(parent, node)
        elif node.context is None:
            parent.tail = line
            extend(parent, line)
        else:
            node.tail = line
            extend(node, line)

    def _replace(self, existing: Node, words: list[str], rule: Rule, line: Line, *, negated: bool) -> Typed:
        parent = existing.parent or self.root
        same = existing.words == words and existing.negated == negated
        last = next(reversed(parent.children.values())) is existing
        if same and (last or not rule.moves):
            return Typed("unchanged", self._path(parent), "says nothing new")
        existing.words, existing.negated, existing.rule = words, negated, rule
        if self.editing and existing.line is not None and not rule.moves:
            existing.line.text = _indent(existing.line.text) * " " + existing.text
        else:
            self._drop_line(existing, f"replaced by line {line.number}")
            existing.line = line
            if rule.moves:
                parent.children[existing.key] = parent.children.pop(existing.key)
            self._attach(parent, existing, line)
        return Typed("unchanged" if same else "replaced", self._path(parent))

    # ------------------------------------------------------------------ lines that take away

    def _take_back(self, parent: Node, words: list[str], key: Key, found: Found, line: Line) -> Typed:
        rule = found.rule
        path = self._path(parent)
        if rule.name in {"interface", "vrf"}:
            present = self.root.children.get(key)
            return Typed("unread", path, "FRR deletes inactive ones alone") if present else Typed("unchanged", path)
        if rule.name in {"isis metric level-1|level-2", "isis metric"}:
            return self._take_back_metric(parent, key)
        victims = self._victims(parent, words, key, found)
        existing = parent.children.get(key)
        if rule.name.startswith("area nssa ") and existing:
            return self._plain_nssa(parent, existing)
        if (rule.is_set or rule.name in {"area stub", "area nssa"}) and existing and len(words) > len(key):
            return self._take_words(existing, words[len(key) :])
        if rule.keeps_no and not found.sweep:
            return self._keep_no(parent, words, key, rule, line)
        for node in victims:
            self.remove(node, f"taken back by line {line.number}")
        return Typed(
            "removed" if victims else "unchanged", path, "takes a line back" if victims else "nothing to take back"
        )

    def _victims(self, parent: Node, words: list[str], key: Key, found: Found) -> list[Node]:
        """Everything a ``no`` removes."""
        if words[0] == "neighbor" and len(words) > 1 and parent.context in {"bgp", "bgp-family"}:
            process = parent if parent.context == "bgp" else parent.parent or parent
            whole = whole_neighbors(process, words, key, found)
            if whole:
                own = parent.children.get(key)
                gone = [node for name in sorted(whole) for node in about(process, name)]
                return gone if own is None or own in gone else [own, *gone]
        if found.sweep or found.rule.name == "area nssa" or not _exact(key):
            return [node for other, node in parent.children.items() if other[: len(key)] == key]
        node = parent.children.get(key)
        return [node] if node is not None and not node.negated else []

    def _keep_no(self, parent: Node, words: list[str], key: Key, rule: Rule, line: Line) -> Typed:
        existing = parent.children.get(key)
        if existing is None:
            self._attach(parent, Node(words=words, line=line, key=key, rule=rule, negated=True, parent=parent), line)
            return Typed("added", self._path(parent))
        return self._replace(existing, words, rule, line, negated=True)

    def _plain_nssa(self, parent: Node, existing: Node) -> Typed:
        """Without its option the area is still an NSSA."""
        self.remove(existing, "taken back")
        plain = tuple(existing.words[:3])
        if plain not in parent.children and existing.line is not None:
            node = Node(words=list(plain), line=existing.line, key=plain, rule=existing.rule, parent=parent)
            self._attach(parent, node, existing.line)
        return Typed("removed", self._path(parent), "takes a line back")

    def _take_words(self, existing: Node, words: list[str]) -> Typed:
        size = len(existing.key)
        left = [word for word in existing.words[size:] if word not in words]
        path = self._path(existing.parent or self.root)
        if left == existing.words[size:]:
            return Typed("unchanged", path)
        if not left and existing.words[0] != "area":
            self.remove(existing, "taken back")
            return Typed("removed", path)
        existing.words = existing.words[:size] + left
        if self.editing and existing.line is not None:
            existing.line.text = _indent(existing.line.text) * " " + existing.text
        return Typed("removed", path, "takes words back")

    def _take_back_metric(self, parent: Node, key: Key) -> Typed:
        """Without a level both go; with one, a metric of both levels stays for the other (seen on FRR 8.4.4)."""
        both = parent.children.get(("isis", "metric"))
        levels = [parent.children.get(("isis", "metric", level)) for level in ("level-1", "level-2")]
        wanted = [both, *levels] if len(key) == 2 else [parent.children.get(key)]
        removed = [node for node in wanted if node is not None]
        for node in removed:
            self.remove(node, "taken back")
        if len(key) == 3 and both is not None:
            other = "level-2" if key[2] == "level-1" else "level-1"
            value = both.words[2]
            line = both.line
            self.remove(both, "taken back")
            removed.append(both)
            if ("isis", "metric", other) not in parent.children and line is not None:
                words = ["isis", "metric", other, value]
                node = Node(words=words, line=line, key=tuple(words[:3]), rule=both.rule, parent=parent)
                self._attach(parent, node, line)
        return Typed("removed" if removed else "unchanged", self._path(parent), "takes a line back")

    def remove(self, node: Node, reason: str) -> None:
        """Take a line or a whole section out of the tree (and its lines out of the files)."""
        if node.parent is not None:
            node.parent.children.pop(node.key, None)
        self._forget_list_entry(node)
        self._drop(node, reason)

    def _drop(self, node: Node, reason: str) -> None:
        for child in list(node.children.values()):
            self._drop(child, reason)
        for line in node.lines:
            line.deleted = True
        self._drop_line(node, reason)

    def _drop_line(self, node: Node, reason: str) -> None:
        if node.line is None:
            return
        if self.editing:
            node.line.deleted = True
        else:
            self.gone.append((node.line, reason))

    # ------------------------------------------------------------------ numbered lists

    def _type_list(self, parent: Node, words: list[str], found: Found, line: Line, *, negated: bool) -> Typed:
        entry = list_line(words)
        if entry is None:
            return self._unknown(INCOMPLETE, words, line, negated=negated)
        if self.editing:
            self._write_numbers(parent, entry)
        if negated:
            return self._take_back_entries(parent, entry)
        if not entry.body:
            return self._unknown(INCOMPLETE, words, line, negated=False)
        if entry.body[0] in {"description", "remark"}:
            return self._put(parent, words, (*entry.prefix, "description"), found.rule, line)
        known = self.lists.setdefault(entry.prefix, {})
        sequence = entry.sequence
        if sequence is None:
            if entry.body in known:
                return Typed("unchanged", reason="says nothing new")
            sequence = entry.after(max(known.values(), default=0))
        key = (*entry.prefix, str(sequence))
        if key in parent.children:
            self._forget_list_entry(parent.children[key])
        known[entry.body] = sequence
        return self._put(parent, entry.numbered(sequence), key, found.rule, line)

    def _write_numbers(self, parent: Node, entry: ListLine) -> None:
        """Numbers that FRR gave are written out before the list changes, or its lines would be counted anew."""
        for key, node in parent.children.items():
            numbered = node.line is None or "seq" in node.line.text.split() or key[-1] == "description"
            if key[:-1] == entry.prefix and not numbered and node.line is not None:
                node.line.text = node.text

    def _take_back_entries(self, parent: Node, entry: ListLine) -> Typed:
        size = len(entry.prefix)
        of_list = [node for key, node in parent.children.items() if key[:size] == entry.prefix and len(key) == size + 1]
        if entry.body[:1] in {("description",), ("remark",)}:
            chosen = [node for node in of_list if node.key[-1] == "description"]
        elif entry.sequence is not None:
            chosen = [node for node in of_list if node.key[-1] == str(entry.sequence)]
        elif entry.body:
            chosen = [node for node in of_list if _body(node) == entry.body][:1]
        else:
            chosen = of_list
        if entry.sequence is not None and entry.body:
            chosen = [node for node in chosen if _body(node) == entry.body]
        for node in chosen:
            self.remove(node, "taken back")
        return Typed(
            "removed" if chosen else "unchanged", (), "takes a line back" if chosen else "nothing to take back"
        )

    def _forget_list_entry(self, node: Node) -> None:
        if node.rule is None or node.rule.name not in LISTS:
            return
        known = self.lists.get(node.key[:-1])
        if known is not None:
            known.pop(_body(node), None)

    # ------------------------------------------------------------------ lines nobody knows

    def _unknown(self, problem: str, words: list[str], line: Line, *, negated: bool) -> Typed:
        parent = self.current
        reason = {INCOMPLETE: "incomplete command", UNKNOWN: "not understood"}.get(problem, problem)
        path = self._path(parent)
        opens = None if negated else "unknown"
        if self.editing:
            if opens:
                self.current = Node(words=words, line=line, key=(), context=opens, parent=parent, lines=[line])
            return Typed("unread", path, reason)
        parent = parent if _indent(line.text) else self.root
        node = Node(
            words=words,
            line=line,
            key=("?", str(line.number), line.file),
            negated=negated,
            context=opens,
            parent=parent,
        )
        node.reason = reason
        self._attach(parent, node, line)
        if opens:
            node.lines.append(line)
            self.current = node
        return Typed("unread", path, reason)

    def _path(self, parent: Node) -> tuple[str, ...]:
        return (*parent.path(), parent.text) if parent.parent is not None else ()


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _is_a(node: Node, wanted: str) -> bool:
    context = node.context or ""
    return context.startswith("bgp-") if wanted == "bgp" else context == wanted


def _exact(key: Key) -> bool:
    """Whether a ``no`` with this key means one line; a bare section key of a route-map name means all of it."""
    return not (key[0] == "route-map" and len(key) == 2)


def _body(node: Node) -> tuple[str, ...]:
    entry = list_line(node.words)
    return entry.body if entry else ()
