import errno
import pathlib
import shutil
import signal
import subprocess
import types

import pytest

from harness.clusters.embedded import host, init
from harness.errors import ClusterError


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A made /proc: process(pid, *argv) adds one."""
    root = tmp_path / "proc"
    root.mkdir()
    (root / "self").mkdir()
    (root / "meminfo").touch()
    monkeypatch.setattr(
        host, "pathlib", types.SimpleNamespace(Path=lambda path: root if path == "/proc" else pathlib.Path(path))
    )

    def process(pid, *argv):
        (root / str(pid)).mkdir(exist_ok=True)
        (root / str(pid) / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in argv))

    process.root = root
    return process


def test_inits_are_found_by_their_spec(proc):
    folder = pathlib.Path("/home/clusters/one")
    spec, node = folder / "init.json", folder / "nodes" / "w" / "init.json"
    proc(10, "/usr/bin/python3", "-I", "-S", init.__file__, str(spec), "5")
    proc(11, "/usr/bin/python3", "-I", "-S", init.__file__, str(node), "5")
    proc(12, "/usr/bin/python3", "-I", "-S", init.__file__, "/home/clusters/one-more/init.json", "5")
    proc(20, "unshare", "--pid", "python3", init.__file__, str(spec), "5")
    proc(21, "/usr/bin/nsenter", "--target=10", "unshare", "python3", init.__file__, str(node), "5")
    proc(22, "setsid", "--fork", "unshare", "python3", init.__file__, str(folder / "not-yet" / "init.json"), "5")
    proc(30, "vi", init.__file__)
    proc(31)
    (proc.root / "40").mkdir()
    assert host.find_inits(folder) == {spec: 10, node: 11}
    assert host.find_inits(folder / "nodes") == {node: 11}
    assert host.find_inits(pathlib.Path("/elsewhere")) == {}


def test_kill_ends_that_one_and_waits_for_its_end(proc):
    spec = pathlib.Path("/home/clusters/one/init.json")
    with subprocess.Popen(["sleep", "60"]) as one, subprocess.Popen(["sleep", "60"]) as other:
        proc(one.pid, "python3", init.__file__, str(spec), "5")
        proc(other.pid, "python3", init.__file__, "/home/clusters/one/nodes/w/init.json", "5")
        host.kill_init(spec)
        assert one.poll() == -signal.SIGKILL
        host.kill_init(spec)  # which has ended
        assert other.poll() is None
        other.kill()


def test_a_node_gets_links_of_files_and_layers_and_copies_of_databases(tmp_path):
    source, target = tmp_path / "store", tmp_path / "node"
    (source / "blobs").mkdir(parents=True)
    (source / "meta").mkdir()
    (source / "blobs" / "layer").write_text("layer")
    (source / "meta" / "meta.db").write_text("database")
    (source / "link").symlink_to("blobs/layer")
    for layer in ("1", "2"):
        (source / host.LAYERS / layer / "fs").mkdir(parents=True)
    (source / host.LAYERS.parent / "metadata.db").write_text("which layer is whose")
    target.mkdir()
    host.give_store(source, target, pathlib.PurePath("/run/layers"))
    assert (target / "blobs" / "layer").samefile(source / "blobs" / "layer")
    database = target / "meta" / "meta.db"
    assert database.read_text() == "database"
    assert not database.samefile(source / "meta" / "meta.db")
    assert str((target / "link").readlink()) == "blobs/layer"
    layers = {path.name: str(path.readlink()) for path in (target / host.LAYERS).iterdir()}
    assert layers == {"1": "/run/layers/1", "2": "/run/layers/2"}
    assert (target / host.LAYERS.parent / "metadata.db").read_text() == "which layer is whose"
    database.write_text("changed")
    assert (source / "meta" / "meta.db").read_text() == "database"


def test_cgroups_of_version_1(tmp_path, monkeypatch):
    for name in ("cpu", "cpuset", "unified"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpuacct").symlink_to("cpu")
    for name in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / name).write_text("0-1\n")
        (tmp_path / "cpuset" / "one").mkdir(exist_ok=True)
        (tmp_path / "cpuset" / "one" / name).write_text("\n")
    monkeypatch.setattr(host, "CGROUPS", tmp_path)
    assert [path.name for path in host.hierarchies()] == ["cpu", "cpuset"]
    host.make_cgroup("/one/node")
    assert (tmp_path / "cpu" / "one" / "node").is_dir()
    assert (tmp_path / "cpuset" / "one" / "node").is_dir()
    assert (tmp_path / "cpuset" / "one" / "cpuset.cpus").read_text() == "0-1\n"
    assert not (tmp_path / "unified" / "one").exists()
    (tmp_path / "cpu" / "one" / "cpu.shares").write_text("1024")
    host.favour("/one")
    assert (tmp_path / "cpu" / "one" / "cpu.shares").read_text() == "262144"


@pytest.fixture
def unified(tmp_path, monkeypatch):
    """A made cgroup v2 root where two of four controllers are on, and attributes that any file system would take."""
    monkeypatch.setattr(host, "CGROUPS", tmp_path)
    notes: dict[str, bytes] = {}

    def get(path, name):
        try:
            return notes[str(path)]
        except KeyError as exc:
            raise OSError from exc

    monkeypatch.setattr(host.os, "listxattr", lambda path: [host.NOTE] if str(path) in notes else [])
    monkeypatch.setattr(host.os, "setxattr", lambda path, name, value: notes.update({str(path): value}))
    monkeypatch.setattr(host.os, "getxattr", get)
    (tmp_path / "cgroup.controllers").write_text("cpu hugetlb memory rdma")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory")
    return tmp_path


def a_cluster(root, name):
    """The kernel's files of a cluster's cgroup, made before it is."""
    for folder in (root / name, root / name / "daemons"):
        folder.mkdir()
        (folder / "cgroup.controllers").write_text("cpu")
        (folder / "cgroup.subtree_control").touch()
    (root / name / "daemons" / "cpu.idle").write_text("0")


def cgroups_go(monkeypatch):
    """A cgroup's folder goes though the kernel's files are in it."""
    monkeypatch.setattr(pathlib.Path, "rmdir", lambda folder: shutil.rmtree(folder))


def test_cgroups_of_version_2(unified):
    a_cluster(unified, "one")
    assert host.hierarchies() == [unified]
    assert host.make_idle_cgroup("/one/daemons") == [str(unified / "one" / "daemons" / "cgroup.procs")]
    assert (unified / "one" / "daemons" / "cpu.idle").read_text() == "1"
    assert (unified / "one" / "cgroup.subtree_control").read_text() == "+cpu"
    # Of what is off, the one that a kubelet wants.
    assert (unified / "cgroup.subtree_control").read_text() == "+hugetlb"


def test_the_last_cluster_gives_back_the_controllers_that_were_off(unified, monkeypatch):
    control = unified / "cgroup.subtree_control"
    for name in ("one", "two"):
        a_cluster(unified, name)
        host.make_cgroup(f"/{name}/node")
        control.write_text("cpu hugetlb memory rdma")  # as the container runtime leaves it
    cgroups_go(monkeypatch)
    written = []

    def write(file, text):
        """As the kernel does: what a cgroup below still has is not turned off."""
        written.append(text)
        if any(folder.is_dir() for folder in unified.iterdir()):
            raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(pathlib.Path, "write_text", write)
    host.remove_cgroup("/two/node")
    assert written == []
    for name in ("one", "two"):
        host.remove_cgroup(f"/{name}")
        assert written == ["-hugetlb", "-rdma"]
        written.clear()


def test_a_cluster_turns_off_nothing_that_was_on(unified, monkeypatch):
    cgroups_go(monkeypatch)
    (unified / "cgroup.subtree_control").write_text("cpu hugetlb memory rdma")
    a_cluster(unified, "one")
    host.make_cgroup("/one/node")
    host.remove_cgroup("/one")
    assert (unified / "cgroup.subtree_control").read_text() == "cpu hugetlb memory rdma"


def test_without_an_idle_class_there_is_nothing_to_join(tmp_path, monkeypatch):
    (tmp_path / "cpu").mkdir()
    monkeypatch.setattr(host, "CGROUPS", tmp_path)
    assert host.make_idle_cgroup("/one/daemons") == []
    host.remove_cgroup("/one", timeout_s=0)
    assert list((tmp_path / "cpu").iterdir()) == []


def a_starter(tmp_path, monkeypatch, script):
    """`start_init` with a made command instead of setsid, unshare and init."""
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    popen = host.subprocess.Popen
    monkeypatch.setattr(host.subprocess, "Popen", lambda argv, **how: popen([str(command)], **how))
    log = tmp_path / "init.log"
    return lambda: host.start_init(tmp_path / "spec.json", log)


def test_start_gives_the_word_and_returns_when_ready(tmp_path, monkeypatch):
    # As `setsid --fork` does it: the command returns at once, what it left behind goes on.
    script = f"exec 3<&0; (echo started; read word <&3; echo $word > {tmp_path}/word; echo ready) &"
    a_starter(tmp_path, monkeypatch, script)()
    assert (tmp_path / "word").read_text() == "go\n"


def test_start_that_fails_says_the_last_word_of_the_log(tmp_path, monkeypatch):
    start = a_starter(tmp_path, monkeypatch, "exec 3<&0; (echo started; read word <&3; echo 'ip link: no' >&2) &")
    with pytest.raises(ClusterError, match=r"did not start: ip link: no \(whole log: .*init\.log\)"):
        start()
    quiet = a_starter(tmp_path, monkeypatch, "exit 1")
    (tmp_path / "init.log").unlink()
    with pytest.raises(ClusterError, match="did not start: no message"):
        quiet()
