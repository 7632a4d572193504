import pathlib
import types

import pytest

from harness.clusters.embedded import checks, host
from harness.errors import ClusterError, UsageError

NODES = 4


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has all; what a test changes is missing."""
    inotify = tmp_path / "max_user_instances"
    inotify.write_text("128\n")
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "not" / "there" / "yet"))
    monkeypatch.setattr(checks, "INOTIFY", inotify)
    for looked_at in ("_kernel", "_cgroups", "_features"):
        monkeypatch.setattr(checks, looked_at, list)
    monkeypatch.setattr(checks, "sys", types.SimpleNamespace(platform="linux"))
    monkeypatch.setattr(checks.os, "geteuid", lambda: 0)
    monkeypatch.setattr(checks.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(checks.programs, "go", lambda: "/bin/go")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=100e9))
    return monkeypatch


def refused(built=True):
    with pytest.raises(UsageError) as told:
        checks.preflight(built, NODES)
    return str(told.value)


def test_all_is_well(machine):
    checks.preflight(built=True, nodes=NODES)
    checks.preflight(built=False, nodes=NODES)


def test_another_system(machine):
    machine.setattr(checks, "sys", types.SimpleNamespace(platform="darwin"))
    assert "Linux only; use" in refused()


def test_no_root(machine):
    machine.setattr(checks.os, "geteuid", lambda: 1000)
    assert "needs root (sudo make run)" in refused()


def test_missing_programs_are_told_by_package(machine):
    machine.setattr(checks.shutil, "which", lambda name: None if name in ("unshare", "nsenter", "nft") else name)
    assert "run `make setup`, or apt-get install nftables util-linux" in refused()


def test_programs_of_the_build_are_needed_to_build_alone(machine):
    machine.setattr(checks.shutil, "which", lambda name: None if name == "buildah" else name)
    checks.preflight(built=True, nodes=NODES)
    assert "apt-get install buildah" in refused(built=False)


def test_go_is_needed_to_build_alone(machine):
    def none():
        raise ClusterError("no Go 1.26.8 or newer: do this")

    machine.setattr(checks.programs, "go", none)
    checks.preflight(built=True, nodes=NODES)
    told = refused(built=False)
    assert "  - no Go 1.26.8 or newer: do this" in told
    assert "a cluster of your own by --kube-context" in told


def test_too_little_room(machine):
    machine.setattr(checks.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=5e9))
    checks.preflight(built=True, nodes=NODES)
    assert "has 5.0 GB free of 12 needed: make room, or set SURVIVE_HOME" in refused(built=False)


def test_room_is_looked_for_where_the_home_will_be(machine, tmp_path):
    asked = []
    machine.setattr(checks.shutil, "disk_usage", lambda at: asked.append(at) or types.SimpleNamespace(free=1e12))
    checks.preflight(built=True, nodes=NODES)
    assert asked == [tmp_path]


def test_too_few_inotify_instances(machine):
    checks.INOTIFY.write_text("59")
    assert "sysctl fs.inotify.max_user_instances=160" in refused()
    checks.INOTIFY.write_text("60")
    checks.preflight(built=True, nodes=NODES)


def test_everything_that_is_missing_is_told_at_once(machine):
    machine.setattr(checks, "_kernel", lambda: ["the kernel has no overlay file system"])
    machine.setattr(checks, "_cgroups", lambda: ["cgroup controllers are missing: pids"])
    machine.setattr(checks, "_features", lambda: pytest.fail("tried out by programs that are missing"))
    machine.setattr(checks.shutil, "which", lambda _: None)
    machine.setattr(checks.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=0))
    checks.INOTIFY.write_text("1")
    told = refused()
    assert told.startswith("this machine cannot run the embedded cluster yet:\n  - ")
    assert told.count("\n  - ") == 5


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A made root for what `_kernel` looks at."""
    files = {"proc/filesystems": "nodev\ttmpfs\n\text4\nnodev\toverlay\n", "dev/loop-control": ""}
    files |= {f"proc/self/ns/{space}": "" for space in checks.SPACES}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = types.SimpleNamespace(Path=lambda first, *more: pathlib.Path(tmp_path, str(first).lstrip("/"), *more))
    monkeypatch.setattr(checks, "pathlib", made)
    return tmp_path


def test_a_kernel_that_has_all(kernel):
    assert checks._kernel() == []


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("proc/self/ns/pid", "the kernel has no pid namespaces"),
        ("dev/loop-control", "no loop devices (/dev/loop-control): modprobe loop"),
    ],
)
def test_what_a_kernel_lacks(kernel, gone, told):
    (kernel / gone).unlink()
    assert checks._kernel() == [told]


def test_a_file_system_may_be_a_module(kernel):
    (kernel / "proc/filesystems").write_text("nodev\ttmpfs\n\text4\n")
    assert checks._kernel() == [
        "the kernel has no overlay file system: load it (modprobe overlay) or use a kernel with it"
    ]
    module = kernel / "lib/modules" / checks.os.uname().release / "kernel/fs/overlay.ko.xz"
    module.parent.mkdir(parents=True)
    module.touch()
    assert checks._kernel() == []


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """A made /sys/fs/cgroup, empty."""
    root = tmp_path / "cgroup"
    root.mkdir()
    monkeypatch.setattr(host, "CGROUPS", root)
    monkeypatch.setattr(checks, "CGROUPS", root)
    return root


def test_no_cgroups(cgroups):
    assert checks._cgroups() == [f"no cgroups at {cgroups}: mount cgroup v2 there"]
    cgroups.rmdir()
    assert checks._cgroups() == [f"no cgroups at {cgroups}: mount cgroup v2 there"]


def test_controllers_of_v1(cgroups):
    for name in ("cpu,cpuacct", "cpuset", "memory", "pids", "unified"):
        (cgroups / name).mkdir()
    assert checks._cgroups() == []
    (cgroups / "cpuset").rmdir()
    (cgroups / "pids").rmdir()
    (told,) = checks._cgroups()
    assert told.startswith("cgroup controllers are missing: cpuset, pids (")


def test_controllers_of_v2(cgroups):
    (cgroups / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids rdma misc\n")
    assert checks._cgroups() == []
    (cgroups / "cgroup.controllers").write_text("io pids\n")
    (told,) = checks._cgroups()
    assert told.startswith("cgroup controllers are missing: cpu, cpuset, memory (")


def test_a_containers_own_cgroup_is_refused_on_v2(cgroups):
    (cgroups / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (cgroups / "cgroup.type").write_text("domain\n")
    (told,) = checks._cgroups()
    assert "--privileged --cgroupns=host" in told


def test_cgroups_that_cannot_be_written_are_told(cgroups, monkeypatch):
    (cgroups / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    monkeypatch.setattr(checks.os, "statvfs", lambda _: types.SimpleNamespace(f_flag=checks.os.ST_RDONLY))
    assert checks._cgroups() == [f"{cgroups} is mounted read-only: in a container it needs to be a privileged one"]


def test_features_that_a_kernel_refuses_are_told_with_its_words(monkeypatch):
    def run(argv, **_):
        refused = "bridge" in argv
        return types.SimpleNamespace(returncode=int(refused), stderr="Error: Unknown device type.\nmore\n" * refused)

    monkeypatch.setattr(checks.subprocess, "run", run)
    assert checks._features() == ["the kernel refuses bridges (Error: Unknown device type.): modprobe bridge"]


def test_features_that_are_refused_without_a_word(monkeypatch):
    monkeypatch.setattr(checks.subprocess, "run", lambda *_, **__: types.SimpleNamespace(returncode=3, stderr=""))
    assert len(checks._features()) == len(checks.FEATURES)
    assert "the kernel refuses veth links (exit code 3): modprobe veth" in checks._features()


def test_rights_that_are_missing_are_told_once(monkeypatch):
    answer = types.SimpleNamespace(returncode=1, stderr="unshare: unshare failed: Operation not permitted")
    monkeypatch.setattr(checks.subprocess, "run", lambda *_, **__: answer)
    (told,) = checks._features()
    assert told.startswith("root has not all rights here: network namespaces are refused (unshare: ")
