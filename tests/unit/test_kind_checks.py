"""What must be there before a kind cluster is made: each lack is told with the way out, all in one message."""

import ctypes
import os
import pathlib
import shutil
from types import SimpleNamespace

import pytest

from harness.clusters.kind import checks
from harness.clusters.kind.checks import preflight
from harness.clusters.kind.tool import Machine
from harness.errors import UsageError

ROOMY = Machine(16_000_000_000, "/", 2)


def tools(machine=ROOMY, version=(0, 33), engine="docker"):
    return SimpleNamespace(kind="/bin/kind", engine=engine, machine=machine, version=lambda: version)


@pytest.fixture(autouse=True)
def _plenty(monkeypatch, tmp_path):
    (tmp_path / "instances").write_text("1024")
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "a" / "b"))
    monkeypatch.setattr(checks, "INOTIFY", tmp_path / "instances")
    monkeypatch.setattr(checks, "_available_bytes", lambda: 8e9)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: SimpleNamespace(free=20e9))


def test_with_all_there():
    preflight(tools(), "", None, running=False)
    preflight(tools(Machine(16_000_000_000, "", 2, rootless=True), engine="podman"), "", (1, 31), running=False)


@pytest.mark.parametrize(
    ("found", "image", "kubernetes", "told"),
    [
        (tools(version=(0, 20)), "", None, r"/bin/kind is kind 0.20; 0.29 or newer is needed: update it"),
        (tools(), "kindest/node:v1.30.0", (1, 30), r"Kubernetes 1.30 is too old, 1.31 is the oldest .*--kind-image"),
        (tools(Machine(2_000_000_000, "/", 2)), "", None, r"2.0 GB of memory are free of 3 needed .*give docker more"),
        (
            tools(Machine(16_000_000_000, "/", 1)),
            "kindest/node:v1.35.0",
            (1, 35),
            r"cgroup v1, .* up to Kubernetes 1.34",
        ),
        (tools(Machine(16_000_000_000, "/", 1)), "", None, "cgroup v1, on which kind's own node images"),
        (tools(Machine(16_000_000_000, "/", 1, rootless=True)), "", None, "rootless on cgroup v1"),
    ],
)
def test_what_is_in_the_way(found, image, kubernetes, told):
    with pytest.raises(UsageError, match=told):
        preflight(found, image, kubernetes, running=False)


def test_an_image_of_ours_runs_on_cgroup_v1():
    old = tools(Machine(16_000_000_000, "/", 1))
    preflight(old, "survive.dev/kind-node:v1.37.2", (1, 37), running=False)
    preflight(old, "kindest/node:v1.34.0", (1, 34), running=False)
    preflight(tools(Machine(16_000_000_000, "/", 1), version=(0, 30)), "", None, running=False)


def podman(network):
    return tools(Machine(16_000_000_000, "/", 2, network=network), engine="podman")


def test_what_podman_needs_of_the_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "MODULES", tmp_path / "modules")
    monkeypatch.setattr(checks, "HELPERS", (str(tmp_path),))
    preflight(tools(), "", None, running=False)  # Docker makes and has it itself
    preflight(tools(Machine(16_000_000_000, "/not/here", 2, network="cni"), engine="podman"), "", None, running=False)
    with pytest.raises(UsageError, match=rf"does not make it: mkdir {tmp_path}/modules"):
        preflight(podman(""), "", None, running=False)
    (tmp_path / "modules").mkdir()
    preflight(podman(""), "", None, running=False)
    for network, server in (("cni", "dnsname"), ("netavark", "aardvark-dns")):
        with pytest.raises(UsageError, match=rf"\({network}\) has no {server}, .*: install netavark and aardvark-dns"):
            preflight(podman(network), "", None, running=False)
        (tmp_path / server).touch(mode=0o755)
        preflight(podman(network), "", None, running=False)


def test_memory_that_others_use_is_not_there(monkeypatch):
    monkeypatch.setattr(checks, "_available_bytes", lambda: 1.5e9)
    with pytest.raises(UsageError, match=r"1.5 GB of memory are free"):
        preflight(tools(), "", None, running=False)


def test_too_little_disk_is_told_where(monkeypatch, tmp_path):
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda at: SimpleNamespace(free=1e9 if at != tmp_path else 20e9))
    with pytest.raises(
        UsageError, match=r"/ has 1.0 GB free of 8 needed for its nodes: make room, .*docker system prune"
    ):
        preflight(tools(), "", None, running=False)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda at: SimpleNamespace(free=1e9 if at == tmp_path else 20e9))
    with pytest.raises(UsageError, match=r"needed for our builds: make room, or set SURVIVE_HOME"):
        preflight(tools(), "", None, running=False)


def test_the_disk_of_an_engine_elsewhere_is_not_seen(monkeypatch, tmp_path):
    usage = shutil.disk_usage
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda at: usage(at) and SimpleNamespace(free=20e9))
    preflight(tools(Machine(16_000_000_000, str(tmp_path / "not here"), 2)), "", None, running=False)


def test_too_few_inotify_instances(tmp_path, monkeypatch):
    (tmp_path / "instances").write_text("128")
    monkeypatch.setattr(checks, "_instances", lambda: 50)
    preflight(tools(), "", None, running=False)
    monkeypatch.setattr(checks, "_instances", lambda: 121)
    with pytest.raises(UsageError, match=r"7 of 128 inotify instances are left, 5 nodes take about 75: sysctl .*=512"):
        preflight(tools(), "", None, running=False)


def test_instances_in_use_are_counted(tmp_path):
    instance = ctypes.CDLL(None).inotify_init()
    try:
        assert checks._target(pathlib.Path(f"/proc/self/fd/{instance}")) == "anon_inode:inotify"
        assert checks._instances() >= 1
    finally:
        os.close(instance)
    assert checks._target(tmp_path / "none") == ""


def test_all_is_told_at_once_and_a_running_cluster_needs_no_more_room(monkeypatch):
    monkeypatch.setattr(checks, "_available_bytes", lambda: 1e9)
    with pytest.raises(UsageError) as told:
        preflight(tools(version=(0, 1)), "", (1, 20), running=False)
    assert str(told.value).count("\n  - ") == 3
    preflight(tools(), "", None, running=True)
