"""What a cluster is to the host: processes found by their command line, cgroups, one link."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from harness.clusters.embedded import init
from harness.errors import ClusterError
from harness.wait import until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
MOST_SHARES = 262144
"""The most that cgroup v1, and Docker for either version, take; a group has 1024 of itself."""

CONTROLLERS = {"cpu", "cpuset", "hugetlb", "memory", "pids"}
"""What a kubelet wants of its cgroup on v2, where the machine has it; without them it does not start."""

NOTE = "user.survive.off"
"""An attribute of a cluster's v2 cgroup: the controllers that were off at the machine's root before it. The container
runtime turns on all that there are, from the root down."""

INIT = "init.json"
"""The name of every init's spec, by which a running one is known, whichever checkout started it."""

LAYERS = pathlib.PurePath("io.containerd.snapshotter.v1.overlayfs/snapshots")
"""Where a containerd root has the unpacked layers of its images."""

STEPS_S = 60.0
"""How long an init may take over its steps."""

WRAPPERS = {"unshare", "nsenter", "setsid"}
UNSHARE = (
    "unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip


def direct() -> dict[str, str]:
    """This process's environment without its proxies, which do not lead to a cluster inside of this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def start_init(spec: pathlib.Path, log: pathlib.Path, inside: int | None = None) -> None:
    """Start an init process in new namespaces, inside those of process `inside`; return once its steps are done.

    It belongs to no session and outlives the caller. Raises ClusterError with the step that failed.
    """
    enter = ["nsenter", f"--target={inside}", "--mount", "--net", "--pid", "--"] if inside else []
    fd = os.open(f"/proc/{inside or 'self'}/ns/net", os.O_RDONLY)
    try:
        with log.open("ab") as errors:
            process = subprocess.Popen(
                ["setsid", "--fork", *enter, *UNSHARE, sys.executable, "-I", "-S", init.__file__, str(spec), str(fd)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, pass_fds=[fd], text=True, cwd="/",
                env=direct(),
            )  # fmt: skip
    finally:
        os.close(fd)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as said, process.stdout as heard:
        process.wait()
        if _hears(heard) == "started":
            with contextlib.suppress(BrokenPipeError):  # it has ended; why stands in its log
                said.write("go\n")
                said.flush()
        if _hears(heard) != "ready":
            kill_init(spec)
            raise ClusterError(f"{spec.parent.name} did not start: {_last_line(log)} (whole log: {log})")


def _hears(heard: IO[str]) -> str:
    """The next word of an init; empty if it ended or says nothing in time. It says one at a time, unbuffered."""
    if not select.select([heard], [], [], STEPS_S)[0]:
        return ""
    return heard.readline().strip()


def _last_line(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def find_inits(folder: pathlib.Path) -> dict[pathlib.Path, int]:
    """The init processes whose spec lies below a folder: {spec: pid on the host}."""
    found: dict[pathlib.Path, int] = {}
    for pid, argv in _processes():
        if pathlib.Path(argv[0]).name not in WRAPPERS:
            specs = [pathlib.Path(argument) for argument in argv[1:] if argument.endswith(f"/{INIT}")]
            found |= {spec: pid for spec in specs if spec.is_relative_to(folder)}
    return found


def _processes() -> Iterator[tuple[int, list[str]]]:
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended between the listing and the reading
                yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")


def kill_init(spec: pathlib.Path, timeout_s: float = 30) -> None:
    """End the init with this spec, and so everything in its namespaces; return when nothing of them runs.

    A dying process loses its arguments before it closes its files, and its pipe would still take orders: its descriptor
    tells of the very end.
    """
    pid = find_inits(spec.parent).get(spec)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            ended = select.poll()
            ended.register(process, select.POLLIN)
            until(lambda: bool(ended.poll(0)), f"the end of process {pid} ({spec})", timeout_s)
        finally:
            os.close(process)


def inside(pid: int, argv: Sequence[str], *, spaces: Sequence[str] = ("--all",), timeout_s: float = 30) -> str:
    """Run a command in the namespaces of a process; what it printed. Raises ClusterError with what it complained of."""
    said = " ".join(argv)
    # nsenter's child would outlive an nsenter that is killed.
    limited = ["timeout", "--signal=KILL", f"{timeout_s:g}", *argv]
    done = subprocess.run(["nsenter", f"--target={pid}", *spaces, "--", *limited], capture_output=True, text=True)
    if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise ClusterError(f"{said}: no end within {timeout_s:g} s")
    if done.returncode:
        raise ClusterError(f"{said}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def remove_link(pid: int, name: str) -> None:
    """Remove a link of a process's network, if it is there; it may go by itself at any moment."""
    script = f"ip link delete dev {name} 2>/dev/null || ! ip link show dev {name} 2>/dev/null"
    inside(pid, ["sh", "-c", script], spaces=["--net"])


def hierarchies() -> list[pathlib.Path]:
    """The roots that a cgroup must be made in: each v1 controller's, or the one of v2."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in sorted(CGROUPS.iterdir()) if path.name != "unified" and not path.is_symlink()]


def make_cgroup(path: str) -> None:
    """Make a cgroup, given as /CLUSTER/NODE, in every hierarchy, ready for children with all controllers."""
    for root in hierarchies():
        at = root
        for part in pathlib.PurePath(path).parts[1:]:
            child = at / part
            child.mkdir(exist_ok=True)
            if root == CGROUPS:
                if at == root:
                    _note_found(child)
                _delegate(at)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if root != CGROUPS and (child / name).exists() and not (child / name).read_text().strip():
                    (child / name).write_text((at / name).read_text())
            at = child


def favour(path: str) -> None:
    """Give a cgroup the greatest share of a busy CPU: what is measured must not wait for what manages it."""
    for root in hierarchies():
        for name, most in (("cpu.shares", str(MOST_SHARES)), ("cpu.weight", "10000")):
            if (file := root / path.lstrip("/") / name).exists():
                file.write_text(most)


def make_idle_cgroup(path: str) -> list[str]:
    """Make a cgroup whose processes run when no other of the cluster wants to; returns the files to join it by.

    Where the kernel has no such class (before 5.15) it is an ordinary one.
    """
    make_cgroup(path)
    joins = []
    for root in hierarchies():
        cgroup = root / path.lstrip("/")
        if (cgroup / "cpu.idle").exists():
            (cgroup / "cpu.idle").write_text("1")
            joins.append(str(cgroup / "cgroup.procs"))
    return joins


def _delegate(cgroup: pathlib.Path) -> None:
    """Give the children of a v2 cgroup what a kubelet asks for of what there is."""
    wanted = CONTROLLERS & _words(cgroup / "cgroup.controllers") - _words(cgroup / "cgroup.subtree_control")
    for controller in sorted(wanted):
        (cgroup / "cgroup.subtree_control").write_text(f"+{controller}")


def _note_found(top: pathlib.Path) -> None:
    """Note on a cluster's cgroup which controllers the machine gave to none: they go back when the cluster goes.

    What is on already may be so because of another cluster, so what that one found off counts as well.
    """
    if NOTE in os.listxattr(top):
        return
    off = _words(CGROUPS / "cgroup.controllers") - _words(CGROUPS / "cgroup.subtree_control")
    notes = [_note(other) for other in CGROUPS.iterdir() if other.is_dir()]
    os.setxattr(top, NOTE, " ".join(sorted(off.union(*notes))).encode())


def _note(top: pathlib.Path) -> set[str]:
    try:
        return set(os.getxattr(top, NOTE).decode().split())
    except OSError:  # none, or the cgroup is gone
        return set()


def _take_back(found_off: set[str]) -> None:
    for controller in sorted(found_off & _words(CGROUPS / "cgroup.subtree_control")):
        with contextlib.suppress(OSError):  # another uses it by now, and keeps it
            (CGROUPS / "cgroup.subtree_control").write_text(f"-{controller}")


def _words(file: pathlib.Path) -> set[str]:
    return set(file.read_text().split())


def remove_cgroup(path: str, timeout_s: float = 20) -> None:
    """Remove a cgroup and all below it from every hierarchy; its processes must have been ended."""
    tops = [root / path.lstrip("/") for root in hierarchies()]
    found_off = _note(CGROUPS / path.lstrip("/"))

    def gone() -> bool:
        for top in tops:
            for folder in sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)):
                with contextlib.suppress(OSError):  # a dying process may hold it for an instant
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()
        return not any(top.exists() for top in tops)

    until(gone, f"the removal of cgroup {path}", timeout_s)
    if found_off:
        _take_back(found_off)


def give_store(source: pathlib.Path, target: pathlib.Path, layers: pathlib.PurePath) -> None:
    """Give a node its images, the content of a containerd root: files as hard links, its databases as copies.

    Unpacked layers, which are only ever read, become symbolic links to where the node has the source's (`layers`): they
    are 20,000 files, of which to make links took a core for a second, and to remove them another.
    """

    def give(file: str, copy: str) -> None:
        if file.endswith(".db"):
            shutil.copy2(file, copy)
        else:
            os.link(file, copy)

    def apart(folder: str, names: list[str]) -> list[str]:
        return names if pathlib.Path(folder) == source / LAYERS else []

    shutil.copytree(source, target, symlinks=True, ignore=apart, copy_function=give, dirs_exist_ok=True)
    for layer in (source / LAYERS).iterdir():
        (target / LAYERS / layer.name).symlink_to(layers / layer.name)


def link_exists(name: str) -> bool:
    """Whether the host has a network link of that name."""
    return pathlib.Path("/sys/class/net", name).exists()
