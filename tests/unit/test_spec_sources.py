"""Manifests from files, folders, lists, kustomizations and charts; what is none of these is told."""

import json
import pathlib

import pytest
import yaml
from own_manifests import other

from harness.errors import UsageError
from harness.spec import Helm, sources
from harness.spec.sources import read_source

A, B, C = (other("ConfigMap", name) for name in "abc")


def names(source: str | Helm, base: pathlib.Path) -> list[str]:
    return [one["metadata"]["name"] for one in read_source(source, base)]


def test_a_file_of_several_documents_and_a_list(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.yaml").write_text(
        yaml.safe_dump_all([A, None, {"apiVersion": "v1", "kind": "List", "items": [B, C]}])
    )
    assert names("a.yaml", tmp_path) == ["a", "b", "c"]


def test_a_folder_in_the_order_of_names_without_specs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "k8s" / "sub").mkdir(parents=True)
    for file, one in (("2.yml", B), ("1.yaml", A), ("sub/3.json", C)):
        (tmp_path / "k8s" / file).write_text(json.dumps(one))
    (tmp_path / "k8s" / "x.survive.yaml").write_text("manifests: .\n")
    (tmp_path / "k8s" / "notes.txt").write_text("none")
    assert names("k8s", tmp_path) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [", r"m\.yaml:1: this is no YAML"),
        ("name: {{ .Values.name }}\nx: [", r"this is no YAML: .*; render templates first"),
        ("kind: ConfigMap\n", r"document 1 is no Kubernetes object: it lacks apiVersion"),
        ("- a\n", r"document 1 is no Kubernetes object: it lacks apiVersion and kind"),
        ("apiVersion: v1\nkind: Pod\n", r"Pod in document 1 lacks metadata.name$"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n", r"lacks metadata.name: generateName is made for"),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path: pathlib.Path, content: str, told: str) -> None:
    (tmp_path / "m.yaml").write_text(content)
    with pytest.raises(UsageError, match=told):
        read_source("m.yaml", tmp_path)


def test_what_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="there is no file or folder k8s beside this file"):
        read_source("k8s", tmp_path)
    (tmp_path / "k8s").mkdir()
    with pytest.raises(UsageError, match="there are no manifests in the folder"):
        read_source("k8s", tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UsageError, match=r"a\.json: Expecting"):
        read_source("a.json", tmp_path)


def program(folder: pathlib.Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The only folder of programs there is, an empty one."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", f"{found}")
    monkeypatch.setattr(sources, "_own_kubectl", lambda: None)
    return found


@pytest.fixture
def kustomization(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("resources: []\n")
    return folder


ECHO = 'echo \'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "\'$1-$2\'"}}\''


def test_a_kustomization_by_kustomize_else_by_kubectl(
    tmp_path: pathlib.Path, programs: pathlib.Path, kustomization: pathlib.Path
) -> None:
    with pytest.raises(UsageError, match="needs kustomize or kubectl, and neither is on the PATH"):
        read_source("overlay", tmp_path)
    program(programs, "kubectl", ECHO)
    assert names("overlay", tmp_path) == [f"kustomize-{kustomization}"]
    program(programs, "kustomize", ECHO)
    assert names("overlay/kustomization.yaml", tmp_path) == [f"build-{kustomization}"]
    program(programs, "kustomize", "echo no such base >&2; exit 1")
    with pytest.raises(UsageError, match="failed: no such base"):
        read_source("overlay", tmp_path)


def test_a_chart_by_helm(tmp_path: pathlib.Path, programs: pathlib.Path) -> None:
    chart = Helm(helm="chart", release="r", values=["v.yaml"])
    with pytest.raises(UsageError, match=r"needs helm, which is not on the PATH; .*`helm template r chart > rendered"):
        read_source(chart, tmp_path)
    program(programs, "helm", f'[ "$3" = {tmp_path}/chart ] && [ "$7" = {tmp_path}/v.yaml ] || exit 3\n{ECHO}')
    assert names(chart, tmp_path) == ["template-r"]
