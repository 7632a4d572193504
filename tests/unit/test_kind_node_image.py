import re
import shutil

import pytest

from harness.clusters.embedded import layout
from harness.clusters.embedded.node import KERNEL_SETTINGS
from harness.clusters.embedded.programs import KUBERNETES
from harness.clusters.kind import components, node_image, node_root, programs
from harness.errors import ClusterError, UsageError


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The sources and the node's files, to be changed."""
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(node_image, "HERE", tmp_path)
    for module, name in ((programs, "SOURCES"), (node_root, "FILES")):
        copy = tmp_path / getattr(module, name).name
        shutil.copytree(getattr(module, name), copy)
        monkeypatch.setattr(module, name, copy)
    return tmp_path


def test_the_image_is_named_by_all_that_it_is_made_of(copies, monkeypatch):
    names = [node_image.name()]
    assert re.fullmatch(rf"survive\.dev/kind-node:{re.escape(KUBERNETES)}-[0-9a-f]{{16}}", names[0])
    for file in ("node/bin/entrypoint", "sources/podnet/main.go", "sources/kubeadm/go.mod"):
        with (copies / file).open("a") as changed:
            changed.write("\n")
        names.append(node_image.name())
    (copies / "node" / "systemctl").chmod(0o644)
    names.append(node_image.name())
    with (copies / "sources" / "kind" / "go.mod").open("a") as changed:
        changed.write("\n")
    assert node_image.name() == names[-1], "kind itself is not in it"
    for module in (node_root, components):
        monkeypatch.setattr(module, "PACKAGES", "others")
        names.append(node_image.name())
    monkeypatch.setattr(node_image.embedded, "key", lambda: "other")
    names.append(node_image.name())
    assert len(set(names)) == len(names)


def test_what_is_built_is_not_built_again(copies):
    node_image.path().parent.mkdir(parents=True)
    node_image.path().touch()
    assert node_image.build(None) == node_image.path()


def test_a_machine_that_cannot_build_it_is_told_everything(copies, monkeypatch):
    monkeypatch.setattr(node_image.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(node_image.shutil, "which", lambda program: None if program == "mmdebstrap" else program)
    monkeypatch.setattr(node_image.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 10**9))
    with pytest.raises(UsageError) as told:
        node_image.build(None)
    for part in ("it takes root", "apt-get install mmdebstrap\n", "1.0 GB free of 6"):
        assert part in str(told.value)
    assert not layout.home().exists(), "nothing was touched"


def test_a_node_has_what_kind_asks_for(tmp_path):
    files = node_root.files(tmp_path, tmp_path / "kubeadm", "survive.dev/pause:dev")
    assert files["kind/version"] == f"{KUBERNETES}\n".encode()
    assert {"default-cni.yaml", "default-storage.yaml"} <= {file.name for file in files["kind/manifests"].iterdir()}
    for program in ("kubeadm", "kubectl", "kubelet", "ctr", "containerd", "systemctl"):
        assert f"usr/local/bin/{program}" in files
    assert b'sandbox = "survive.dev/pause:dev"' in files["etc/containerd/config.toml"]
    assert b"${" not in files["etc/containerd/config.toml"]
    assert files["kind/kernel-settings"].decode().split("\n")[0] == "{} {}".format(*KERNEL_SETTINGS[0])
    assert all(file.stat().st_mode & 0o111 for file in files["kind/bin"].iterdir()), "all can be run"


def test_the_pods_network_is_one_that_kind_fills_in():
    manifest = (node_root.FILES / "manifests" / "default-cni.yaml").read_text()
    assert "would you kindly template this file" in manifest
    assert "{{ .PodSubnet }}" in manifest
    assert f"image: {components.PODNET}" in manifest


def a_kubeadm(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_images_are_called_as_kubeadm_says(tmp_path):
    script = 'test "$4" = --kubernetes-version=%s && printf "a.example/%%s\\n" x:v1 coredns/coredns:v2 pause:3.10'
    kubeadm = a_kubeadm(tmp_path / "kubeadm", script % KUBERNETES)
    assert components.names(kubeadm) == {
        "x": "a.example/x:v1",
        "coredns": "a.example/coredns/coredns:v2",
        "pause": "a.example/pause:3.10",
    }


def test_a_kubeadm_that_fails_is_quoted(tmp_path):
    with pytest.raises(ClusterError, match=r"(?s)names of images failed.*no such thing"):
        components.names(a_kubeadm(tmp_path / "kubeadm", "echo no such thing >&2; exit 1"))
