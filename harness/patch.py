"""Patches of manifests, such as can be pasted or given to `kubectl patch`: lists of what has a name merge by it.

A patch is a manifest with its apiVersion, kind and name, and of the rest only what is to change. One that is of no
manifest there adds it.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from harness.manifests import Manifest
from harness.shape import Container, Workload, at, name_of


def patch_of(manifest: Manifest, path: Sequence[str | int], change: Any) -> Manifest:
    """The patch that lays `change` over what is at a path of a manifest. A list's item on the way keeps its name."""
    body = change
    for depth in range(len(path) - 1, -1, -1):
        step = path[depth]
        if isinstance(step, int):
            item = at(manifest, *path[: depth + 1])
            body = [{"name": at(item, "name"), **body}]
        else:
            body = {step: body}
    head = {key: manifest[key] for key in ("apiVersion", "kind") if key in manifest}
    return {**head, "metadata": {"name": name_of(manifest)}, **body}


def container_patch(workload: Workload, container: Container, change: Manifest) -> Manifest:
    """The patch that lays a change over one of a workload's containers."""
    return patch_of(workload.manifest, (*workload.path, *container.path), change)


def sleeping(container: Container, seconds: int) -> Manifest:
    """A change of a container: its preStop hook sleeps so long, whatever it did; 0 takes the hook away."""
    old = at(container.spec, "lifecycle", "preStop") or {}
    hook = {**dict.fromkeys(sorted(old.keys() - {"sleep"})), "sleep": {"seconds": seconds}} if seconds else None
    return {"lifecycle": {"preStop": hook}}


def merged(value: Any, change: Any) -> Any:
    """A copy of a value with a change laid over it: dicts merge, lists of what has names too, None removes."""
    if isinstance(value, dict) and isinstance(change, dict):
        result = {key: copy.deepcopy(item) for key, item in value.items() if change.get(key, item) is not None}
        for key, item in change.items():
            if item is not None:
                result[key] = merged(value.get(key), item)
        return result
    if _named(value) and _named(change):
        names = [one["name"] for one in value]
        changes = {one["name"]: one for one in change}
        kept = [merged(one, changes.get(one["name"], {})) for one in value]
        return kept + [merged(None, one) for name, one in changes.items() if name not in names]
    return _without_none(change)


def _named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "name" in one for one in value)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return copy.deepcopy(value)


def patched(manifests: Iterable[Manifest], patches: Iterable[Manifest]) -> list[Manifest]:
    """The manifests with patches laid over them in order; what no manifest is meant by is added."""
    result = list(manifests)
    for patch in patches:
        here = [n for n, one in enumerate(result) if _same(one, patch)]
        for number in here:
            result[number] = merged(result[number], patch)
        if not here:
            result.append(_without_none(patch))
    return result


def _same(one: Manifest, other: Manifest) -> bool:
    return (one.get("kind"), name_of(one)) == (other.get("kind"), name_of(other))


def text(patches: Iterable[Manifest]) -> str:
    """The patches as YAML, one document each, in the order in which they were written."""
    return "---\n".join(yaml.safe_dump(one, sort_keys=False, width=100) for one in patches)
