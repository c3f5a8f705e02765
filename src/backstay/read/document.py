"""YAML with its line numbers, and the one-line errors of a document that does not have the expected shape.

Scalars are read by the YAML 1.2 core rules: ``no`` and ``64601:1`` are text (YAML 1.1 makes them False and a
number to the base of 60), ``true`` is a truth value, ``12`` a number. A key given twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backstay.model.errors import InputError
from backstay.model.source import Place
from backstay.read.units import did_you_mean

Path = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

MOST_REPEATS = 100_000
"""More values that stand in the file through aliases than this are taken for aliases that multiply."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a scalar's own text starts: ``line`` of its first character, and how it was written (``|``, ``>``, plain)."""

    line: int
    style: str


@dataclass(slots=True)
class Document:
    """A YAML file as plain values; ``lines`` gives the line of every key and list item by its path."""

    file: str
    error: type[InputError]
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    blocks: dict[Path, Block] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    repeats: int = 0

    def place(self, path: Iterable[str | int]) -> Place:
        """The nearest place known for a path: its own line, else that of what holds it."""
        at = tuple(path)
        while at and at not in self.lines:
            at = at[:-1]
        return Place(self.file, self.lines.get(at, 0))

    def value_at(self, path: Iterable[str | int]) -> Any:
        """The value at a path that is there."""
        value = self.value
        for part in path:
            value = value[part]
        return value

    def fault(self, path: Iterable[str | int], message: str) -> InputError:
        """An error about the value at ``path``, to be raised by the caller."""
        at = tuple(path)
        return self.error(f"{path_text(at)}: {message}" if at else message, self.place(at))


def path_text(path: Path) -> str:
    """``steps[0].on``, ``links."a:eth0--b:eth0".capacity``: the way people write a path."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if re.fullmatch(r"[\w-]+", part) else f'"{part}"'
            text += f".{shown}" if text else shown
    return text


def parse(text: str, file: str, error: type[InputError]) -> Document:
    """Read YAML. Raises ``error`` with file and line for what is not YAML, for repeated keys and endless aliases."""
    document = Document(file, error)
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise error(f"not YAML: {fault.problem}", Place(file, mark.line + 1 if mark else 0)) from None
    except (yaml.YAMLError, RecursionError) as fault:
        raise error(f"not YAML: {str(fault).splitlines()[0]}", Place(file)) from None
    if root is not None:
        document.value = _value(document, root, (), ())
    return document


def _value(document: Document, node: yaml.Node, path: Path, above: tuple[int, ...]) -> Any:
    if id(node) in above:
        raise document.fault(path, "an alias that holds itself")
    document.lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in document.seen:
        document.repeats += 1
        if document.repeats > MOST_REPEATS:
            raise document.error("too many aliases of aliases", Place(document.file))
    document.seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path, (*above, id(node)))
    if isinstance(node, yaml.SequenceNode):
        inner = (*above, id(node))
        return [_value(document, item, (*path, index), inner) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    if node.tag.rpartition(":")[2] not in _TAGS:
        raise document.fault(path, f"the tag {node.tag} has no meaning here")
    return _scalar(document, node, path)


def _mapping(document: Document, node: yaml.MappingNode, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise document.error("a key must be plain text", Place(document.file, line))
        key = str(key_node.value)
        at = (*path, key)
        if key in found:
            first = document.lines[at]
            raise document.error(f"{path_text(at)}: given twice, first in line {first}", Place(document.file, line))
        document.lines[at] = line
        found[key] = _value(document, value_node, at, above)
    return found


_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "merge", "value"})
"""Those PyYAML gives by itself, by the rules of YAML 1.1; what a scalar is is decided below."""
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True}
_WORDS |= {"false": False, "False": False, "FALSE": False}
_SPECIAL = {".inf": "inf", "-.inf": "-inf", "+.inf": "inf", ".nan": "nan"}


def _scalar(document: Document, node: yaml.ScalarNode, path: Path) -> Any:
    text = str(node.value)
    style = node.style or ""
    document.blocks[path] = Block(node.start_mark.line + (2 if style in {"|", ">"} else 1), style)
    if style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 100:
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text.lower()]) if text.lower() in _SPECIAL else text


# ------------------------------------------------------------------------------------------ shape


Shape = TypeVar("Shape", bound=BaseModel)


def shape(document: Document, model: type[Shape]) -> Shape:
    """The document as ``model``. Raises its error for the first fault by line, with the count of the others."""
    try:
        return model.model_validate(document.value)
    except ValidationError as faults:
        details = sorted(faults.errors(), key=lambda one: _order(document, one))
        message = _message(details[0], model)
        more = len(details) - 1
        if more:
            message += f" (and {more} more {'fault' if more == 1 else 'faults'})"
        raise document.fault(_own(details[0]), message) from None


def _order(document: Document, detail: ErrorDetails) -> tuple[int, bool, str]:
    """By line; at one line a misspelt key comes before the key that it should have been."""
    return document.place(_own(detail)).line, detail["type"] == "missing", path_text(_own(detail))


def _own(detail: ErrorDetails) -> Path:
    """The path of the fault; for a missing key that of the mapping that lacks it."""
    return detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
}


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key" + did_you_mean(str(detail["loc"][-1]), known_keys(model, detail["loc"][:-1]))
    if kind == "missing":
        return f"the key {detail['loc'][-1]!r} is missing"
    if kind == "value_error":
        return str(context["error"])
    found = _shown(detail["input"])
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {found}"
    if kind == "literal_error":
        return f"expected {context['expected']}, found {found}"
    if kind in {"too_short", "string_too_short"}:
        return f"expected at least {context.get('min_length', 1)}, found {_count(detail['input'])}"
    text = detail["msg"]
    return f"{text[:1].lower()}{text[1:]}, found {found}"


def _count(value: object) -> str:
    return (str(len(value)) if value else "none") if isinstance(value, list | str) else _shown(value)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that may stand at ``path`` of a document of this shape; [] where it holds no fixed keys."""
    here: Any = model
    for part in path:
        here = _inside(here, part)
    here = _bare(here)
    return [info.alias or name for name, info in here.model_fields.items()] if _is_model(here) else []


def _inside(kind: Any, part: str | int) -> Any:
    kind = _bare(kind)
    if _is_model(kind):
        fields = {info.alias or name: info.annotation for name, info in kind.model_fields.items()}
        return fields.get(str(part))
    arguments = get_args(kind)
    return arguments[-1] if arguments else None


def _bare(kind: Any) -> Any:
    """The kind without ``Annotated`` and without ``None``."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {dict, list}:
        return kind
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    return _bare(choices[0]) if choices else kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
