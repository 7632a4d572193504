"""Manifests of a user: from files, folders, kustomizations and Helm charts, one plain list."""

import json
import pathlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from harness.clusters.embedded import layout
from harness.errors import UsageError
from harness.manifests import Manifest
from harness.spec.models import ENDINGS, Helm

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SUFFIXES = (".yaml", ".yml", ".json")
RENDER_S = 60.0


def read_source(source: str | Helm, base: pathlib.Path) -> list[Manifest]:
    """The manifests of one source, from the folder `base`. Raises UsageError, which tells what is wrong with it."""
    if isinstance(source, Helm):
        return _helm(source, base)
    path = base / source
    if path.is_dir():
        if any((path / name).is_file() for name in KUSTOMIZATIONS):
            return _kustomization(path)
        return _folder(path)
    if not path.exists():
        raise UsageError(f"there is no file or folder {source} beside this file ({path})")
    if path.name in KUSTOMIZATIONS:
        return _kustomization(path.parent)
    return _file(path)


def _folder(path: pathlib.Path) -> list[Manifest]:
    """All files of a folder and those below it, in the order of their names, but for specs themselves."""
    files = [one for one in sorted(path.rglob("*")) if one.suffix in SUFFIXES and one.is_file()]
    found = [one for file in files if not file.name.endswith(ENDINGS) for one in _file(file)]
    if not found:
        raise UsageError(f"there are no manifests in the folder {path}: no *.yaml, *.yml or *.json")
    return found


def _file(path: pathlib.Path) -> list[Manifest]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read: {exc}") from exc
    return _documents(text, str(path))


def _documents(text: str, source: str) -> list[Manifest]:
    try:
        documents = [json.loads(text)] if source.endswith(".json") else list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        hint = "; render templates first" if "{{" in text else ""
        raise UsageError(f"{source}:{line}: this is no YAML: {exc.problem}{hint}") from exc
    except ValueError as exc:
        raise UsageError(f"{source}: {exc}") from exc
    return list(_objects(documents, source))


def _objects(documents: Iterable[Any], source: str) -> Iterator[Manifest]:
    """Each object, those of lists too. Raises UsageError for what is none."""
    for number, one in enumerate(documents, 1):
        if one is None:
            continue
        if isinstance(one, dict) and str(one.get("kind", "")).endswith("List") and isinstance(one.get("items"), list):
            yield from _objects(one["items"], source)
            continue
        missing = [
            name for name in ("apiVersion", "kind") if not (isinstance(one, dict) and isinstance(one.get(name), str))
        ]
        if missing:
            raise UsageError(f"{source}: document {number} is no Kubernetes object: it lacks {' and '.join(missing)}")
        meta = one.get("metadata")
        if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
            generated = isinstance(meta, dict) and "generateName" in meta
            why = "generateName is made for `kubectl create`, not for what must be found again" if generated else ""
            raise UsageError(f"{source}: {one['kind']} in document {number} lacks metadata.name{why and ': ' + why}")
        yield one


def _kustomization(path: pathlib.Path) -> list[Manifest]:
    """What `kustomize build` makes of a folder."""
    if program := shutil.which("kustomize"):
        return _rendered([program, "build", str(path)], f"the kustomization {path}")
    if program := shutil.which("kubectl") or _own_kubectl():
        return _rendered([program, "kustomize", str(path)], f"the kustomization {path}")
    raise UsageError(f"the kustomization {path} needs kustomize or kubectl, and neither is on the PATH")


def _own_kubectl() -> str | None:
    """The embedded cluster's, where that was built."""
    found = sorted((layout.home() / "programs").glob("*/kubectl"), key=lambda file: file.stat().st_mtime)
    found = [file for file in found if not file.parent.name.startswith(layout.PARTIAL)]
    return str(found[-1]) if found else None


def _helm(chart: Helm, base: pathlib.Path) -> list[Manifest]:
    """What `helm template` makes of a chart; its tests and hooks are left out."""
    program = shutil.which("helm")
    if program is None:
        raise UsageError(
            f"the chart {chart.helm} needs helm, which is not on the PATH; install it, or render the chart once by"
            f" `helm template {chart.release} {chart.helm} > rendered.yaml` and name that file"
        )
    values = [part for file in chart.values for part in ("--values", str(base / file))]
    asked = [program, "template", chart.release, str(base / chart.helm), "--skip-tests", "--no-hooks", *values]
    return _rendered(asked, f"the chart {chart.helm}")


def _rendered(argv: Sequence[str], what: str) -> list[Manifest]:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=RENDER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise UsageError(f"{what}: {' '.join(argv)}: {exc}") from exc
    if done.returncode:
        raise UsageError(f"{what}: `{' '.join(argv)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return _documents(done.stdout, what)
