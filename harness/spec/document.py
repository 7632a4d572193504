"""Reads a `*.survive.yaml`; what is wrong in it is told with file, line and field, and what would be right."""

import difflib
import pathlib
import types
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import UsageError
from harness.spec.models import SAID, Spec

Where = tuple[str | int, ...]


class SpecError(UsageError):
    """A spec, or what it names, that cannot be used; each line of the message has file, line and field."""


class Document:
    """The text of a spec, which knows the line of each of its fields."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        try:
            self._root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as exc:
            raise SpecError(f"{path}: it cannot be read: {exc}") from exc
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            line = mark.line + 1 if mark else 1
            raise SpecError(f"{path}:{line}: this is no YAML: {exc.problem or exc.context}") from exc
        except yaml.YAMLError as exc:
            raise SpecError(f"{path}:1: this is no YAML: {exc}") from exc

    def value(self) -> dict[str, Any]:
        """The document as plain values. Raises SpecError unless it is a mapping without a key twice."""
        if not isinstance(self._root, yaml.MappingNode):
            line = self._root.start_mark.line + 1 if self._root else 1
            raise SpecError(
                f"{self.path}:{line}: this should be fields with values, as in `manifests: k8s/`, and is "
                + {yaml.SequenceNode: "a list", yaml.ScalarNode: "a bare text"}.get(type(self._root), "empty")
            )
        if twice := [
            f"{self.path}:{key.start_mark.line + 1}: {key.value} is there twice" for key in _twice(self._root)
        ]:
            raise SpecError("\n".join(twice))
        try:
            found: dict[str, Any] = yaml.SafeLoader("").construct_document(self._root)
        except (yaml.YAMLError, ValueError) as exc:
            raise SpecError(f"{self.path}:{self._root.start_mark.line + 1}: a value in it is none: {exc}") from exc
        return found

    def error(self, where: Where, problem: str) -> SpecError:
        """The error about one field."""
        return SpecError(self.told(where, problem))

    def told(self, where: Where, problem: str) -> str:
        """A problem of a field, with file and line."""
        field = _dotted(where)
        return f"{self.path}:{self.line(where)}: {field + ': ' if field else ''}{problem}"

    def line(self, where: Where) -> int:
        """The line of a field, or of the nearest one around it that is there."""
        node, line = self._root, 1
        for part in where:
            if (found := _inside(node, part)) is None:
                break
            line, node = found
        return line


def load_spec(path: pathlib.Path) -> tuple[Spec, Document]:
    """A spec, checked, and its document. Raises SpecError, which tells all that is wrong at once."""
    document = Document(path)
    return checked(document.value(), document), document


def checked(value: dict[str, Any], document: Document | None = None) -> Spec:
    """A spec from plain values; what is wrong is told with its line if there is a document, else with its field."""
    try:
        return Spec.model_validate(value)
    except ValidationError as exc:
        found = [_explained(one) for one in exc.errors(include_url=False)]
        lines = [document.told(*one) if document else f"{_dotted(one[0])}: {one[1]}" for one in found]
        raise SpecError("\n".join(dict.fromkeys(lines))) from exc


def near(name: str, known: Sequence[str]) -> str:
    """A hint at a known name like this one, else at all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def _explained(error: Any) -> tuple[Where, str]:
    """The field of one of pydantic's errors, and the problem in our words with what would be right."""
    where = tuple(part for part in error["loc"] if part not in _BRANCHES)
    kind, given = error["type"], error["input"]
    if kind == SAID:
        return where, error["msg"]
    if kind == "extra_forbidden":
        model = _model_at(where[:-1])
        return where, f"there is no such field; {near(str(where[-1]), list(model.model_fields) if model else [])}"
    if kind == "missing":
        return where, f"this field is missing{_example(where)}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return where, f"{given!r} should be fields with values{_example(where)}"
    if kind == "string_pattern_mismatch":
        return where, f"{given!r} cannot be used here{_example(where)}"
    message = error["msg"].replace("Input should be", f"{given!r} should be")
    return where, f"{message}{_example(where)}"


_BRANCHES = {"int", "str"}
"""What pydantic adds to a field's place for the branches of `int | str`."""


def _example(where: Where) -> str:
    model = _model_at(where[:-1])
    field = model.model_fields.get(str(where[-1])) if model and where else None
    if field is None or not field.examples:
        return ""
    shown = yaml.safe_dump(field.examples[-1], default_flow_style=True, width=100).split("\n")[0]
    return f"; for example `{where[-1]}: {shown}`"


def _model_at(where: Where) -> type[BaseModel] | None:
    """The model whose fields are at a place; lists and the names of mappings are passed over."""
    model: type[BaseModel] | None = Spec
    for part in where:
        if model is not None and part in model.model_fields:
            model = next(_models(model.model_fields[str(part)].annotation), None)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def _dotted(where: Where) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _inside(node: Any, part: str | int) -> tuple[int, Any] | None:
    """The line and the node of a part: of a mapping's key, a list's item, or a list's item by its name."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode):
        if isinstance(part, int) and part < len(node.value):
            return node.value[part].start_mark.line + 1, node.value[part]
        for item in node.value:
            if isinstance(item, yaml.ScalarNode) and item.value == part:
                return item.start_mark.line + 1, item
            if isinstance(item, yaml.MappingNode) and (found := _inside(item, part)) is not None:
                return found
    return None


def _twice(node: Any) -> Iterator[yaml.ScalarNode]:
    """Keys that a mapping has had already."""
    if isinstance(node, yaml.MappingNode):
        known: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in known:
                    yield key
                known.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)
