import contextlib
import re
import shutil

import pytest

from harness import versions
from harness.clusters.embedded import programs
from harness.errors import ClusterError

OLDER = [one for one in programs.MODULES if one != programs.KUBERNETES]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    copy = tmp_path / "sources"
    shutil.copytree(programs.SOURCES, copy)
    monkeypatch.setattr(programs, "SOURCES", copy)
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))
    return copy


def digest(folder, *extra):
    return programs.digest(folder.iterdir(), folder, *extra)


def test_a_digest_is_of_names_contents_and_exec_bits(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    (tmp_path / "b").write_text("two")
    first = digest(tmp_path)
    assert len(first) == 16
    assert digest(tmp_path) == first
    assert programs.digest(sorted(tmp_path.iterdir(), reverse=True), tmp_path) == first
    file.write_text("One")
    assert digest(tmp_path) != first
    file.write_text("one")
    file.chmod(0o755)
    assert digest(tmp_path) != first
    file.chmod(0o644)
    assert digest(tmp_path) == first
    file.rename(tmp_path / "c")
    assert digest(tmp_path) != first


def test_a_digest_is_of_its_texts(tmp_path):
    assert len({digest(tmp_path), digest(tmp_path, "a"), digest(tmp_path, "a", "b"), digest(tmp_path, "ab")}) == 4


def test_a_digest_does_not_depend_on_the_place(tmp_path):
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "f").write_text("text")
    assert digest(tmp_path / "x") == digest(tmp_path / "y")


def test_the_key_changes_with_what_is_built(sources, monkeypatch):
    first = programs.key()
    assert programs.folder().name == first
    (sources / "kubernetes" / "notes.txt").write_text("no source")
    assert programs.key() == first
    with (sources / "kubernetes" / "go.sum").open("a") as file:
        file.write("more\n")
    second = programs.key()
    assert second != first
    monkeypatch.setattr(programs.platform, "machine", lambda: "riscv64")
    assert programs.key() != second


@pytest.mark.parametrize("older", OLDER)
def test_each_version_has_a_key_of_its_own(sources, older, monkeypatch):
    newest, first = programs.key(), programs.key(older)
    assert programs.folder(older).name == first != newest
    with (sources / programs.MODULES[older] / "go.sum").open("a") as file:
        file.write("more\n")
    second = programs.key(older)
    assert second != first
    assert programs.key() == newest, "which is built without it"
    with (sources / "kubernetes" / "go.sum").open("a") as file:
        file.write("more\n")
    assert programs.key(older) != second, "etcd and DNS are built from there"
    monkeypatch.setitem(programs.MODULES, "v1.31.99", programs.MODULES[older])
    assert programs.key("v1.31.99") != programs.key(older)


@pytest.mark.parametrize(("version", "module"), programs.MODULES.items())
def test_a_module_pins_what_it_is_called_for(version, module):
    text = (programs.SOURCES / module / "go.mod").read_text()
    assert f"k8s.io/kubernetes {version} // indirect\n" in text
    pins = set(re.findall(r"=> k8s\.io/[\w-]+ v0\.(\d+)\.\d+\n", text))
    assert pins == {version.split(".")[1]}, "its siblings are of the same minor"
    own = sorted(re.findall(r"^\tk8s\.io/kubernetes/cmd/([\w-]+)$", text, re.MULTILINE))
    assert own == [
        "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet",
    ]  # fmt: skip
    assert versions.OLDEST <= versions.parse(version) <= versions.BUILT_FOR


@pytest.mark.parametrize("version", programs.MODULES)
def test_a_version_is_built_of_its_own_kubernetes_and_the_same_of_all_else(sources, version, tmp_path, monkeypatch):
    go, log = tmp_path / "go", tmp_path / "log"
    go.write_text(
        '#!/bin/sh\nif [ $1 = list ]; then echo a; exit; fi\necho "$(basename "$PWD"): $*" >> ' + f"{log}\n"
        'while [ "$1" != -o ]; do shift; done\ntouch "$2/server"\n'
    )
    go.chmod(0o755)
    monkeypatch.setattr(programs, "go", lambda: str(go))
    built = programs.build(Quiet(), version)
    assert built == programs.folder(version)
    assert [path.name for path in built.iterdir()] == ["etcd"]
    calls = dict(line.split(": ", 1) for line in log.read_text().splitlines())
    module = programs.MODULES[version]
    assert list(calls) == list(dict.fromkeys(["containerd", "kubernetes", module, "pause"]))
    assert calls[module].endswith(" tool")
    minor = version.split(".")[1]
    assert f".gitVersion={version} -X k8s.io/component-base/version.gitMajor=1 -X" in calls[module]
    assert f".gitMinor={minor} -o" in calls[module]
    if module != "kubernetes":
        parts = calls["kubernetes"].rpartition("/ ")[2].split()
        assert [part.rpartition("/")[2] for part in parts] == [
            "host-local", "loopback", "ptp", "portmap", "coredns", "v3",
        ]  # fmt: skip


def test_what_is_built_is_not_built_again(sources):
    programs.folder().mkdir(parents=True)
    assert programs.build(None) == programs.folder()


def a_go(path, version):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_go_is_the_machines_if_new_enough_else_our_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))
    ours, path = tmp_path / "home" / "go" / "go" / "bin" / "go", tmp_path / "bin" / "go"
    monkeypatch.setattr(programs.shutil, "which", lambda _: str(path) if path.exists() else None)
    with pytest.raises(ClusterError, match=r"no Go 1\.26\.8 or newer: run `make setup`"):
        programs.go()
    old = a_go(path, "go1.26.7")
    with pytest.raises(ClusterError, match="make setup"):
        programs.go()
    own = a_go(ours, "go1.26.8")
    assert programs.go() == own
    assert a_go(path, "go1.27.0") == programs.go() == old


def test_a_failed_build_leaves_nothing_that_is_used(sources, tmp_path, monkeypatch):
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\nif [ $1 = list ]; then echo a; exit; fi\necho main.go:1: syntax error >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setattr(programs, "go", lambda: str(go))
    with pytest.raises(ClusterError, match=r"(?s)building containerd failed.*main\.go:1: syntax error") as told:
        programs.build(Quiet())
    assert "network" not in str(told.value)
    assert not programs.folder().exists()


def test_the_program_of_a_small_module_is_named_as_its_folder(tmp_path, monkeypatch):
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\nif [ $1 = list ]; then echo a; exit; fi\npwd > "$8/web"\n')
    go.chmod(0o755)
    monkeypatch.setattr(programs, "go", lambda: str(go))
    module = tmp_path / "web"
    module.mkdir()
    built = programs.build_module(module, tmp_path / "built", Quiet())
    assert built == tmp_path / "built" / "web"
    assert built.read_text() == f"{module}\n"


class Quiet:
    def note(self, text):
        pass

    def update(self, text):
        pass

    def stage(self, name):
        return contextlib.nullcontext(self)
