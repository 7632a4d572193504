"""Manifests read from files, with the line of each of their fields."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from harness.errors import UsageError
from harness.manifests import Manifest

Where = tuple[str | int, ...]
SUFFIXES = (".yaml", ".yml", ".json")
SURVIVE = ".survive.yaml"
"""Our own files are no manifests."""


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest, and where it was read, if it was: the file, and each field's line."""

    manifest: Manifest
    file: str = ""
    lines: dict[Where, int] = field(default_factory=dict)

    def line(self, path: Where) -> int | None:
        """The line of a field, or of the nearest one above it that is there."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)


def load(path: pathlib.Path) -> list[Source]:
    """The manifests of a file, or of all files of a folder. Raises UsageError where there are none to read."""
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and not one.name.endswith(SURVIVE))
    else:
        files = [path]
    found = [source for file in files for source in _read(file)]
    if not found:
        raise UsageError(f"{path}: no manifest is in it (files that end with {', '.join(SUFFIXES)})")
    return found


def _read(file: pathlib.Path) -> list[Source]:
    try:
        return parse(file.read_text(), str(file))
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} cannot be read: {exc}") from exc


def parse(text: str, file: str = "") -> list[Source]:
    """The manifests in a text. Raises UsageError if it is no YAML."""
    try:
        return [one for node in yaml.compose_all(text, Loader=yaml.SafeLoader) for one in _sources(node, file)]
    except yaml.YAMLError as exc:
        hint = " (a template of Helm's is none: `helm template . | survive look -f -`)" if "{{" in text else ""
        raise UsageError(f"{file or 'the text'} is no YAML: {exc}{hint}") from exc


def _sources(node: Any, file: str) -> Iterator[Source]:
    """What is a manifest in a document; a List is as many as it has items."""
    value = _value(node)
    if not isinstance(value, dict) or "kind" not in value:
        return
    if str(value["kind"]).endswith("List") and isinstance(value.get("items"), list):
        items = next(below for key, below in node.value if key.value == "items")
        for one in items.value:
            yield from _sources(one, file)
    else:
        yield Source(value, file, dict(_lines(node, ())))


def _value(node: Any) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _lines(node: Any, path: Where) -> Iterator[tuple[Where, int]]:
    """Each field's line, a key's where it has one."""
    if not path:
        yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, below in node.value:
            here = (*path, key.value)
            yield here, key.start_mark.line + 1
            yield from _lines(below, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, below in enumerate(node.value):
            here = (*path, number)
            yield here, below.start_mark.line + 1
            yield from _lines(below, here)
