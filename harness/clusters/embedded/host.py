"""What a cluster is to the host: processes found by their command line, cgroups, one link."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

from harness.clusters.embedded import init
from harness.errors import ClusterError
from harness.wait import until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
INIT = "init.json"
"""The name of every init's spec, by which a running one is known, whichever checkout started it."""

STEPS_S = 60.0
"""How long an init may take over its steps."""

WRAPPERS = {"unshare", "nsenter", "setsid"}
UNSHARE = (
    "unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip


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
    """End the init with this spec, and so everything in its namespaces; return when nothing of them runs."""
    pid = find_inits(spec.parent).get(spec)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until(lambda: spec not in find_inits(spec.parent), f"the end of process {pid} ({spec})", timeout_s)


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
            if root == CGROUPS:
                _delegate(at)
            at = at / part
            at.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if root != CGROUPS and (at / name).exists() and not (at / name).read_text().strip():
                    (at / name).write_text((at.parent / name).read_text())


def favour(path: str) -> None:
    """Give a cgroup the greatest share of a busy CPU: what is measured must not wait for what manages it."""
    for root in hierarchies():
        for name, most in (("cpu.shares", "262144"), ("cpu.weight", "10000")):
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
    for controller in (cgroup / "cgroup.controllers").read_text().split():
        (cgroup / "cgroup.subtree_control").write_text(f"+{controller}")


def remove_cgroup(path: str, timeout_s: float = 20) -> None:
    """Remove a cgroup and all below it from every hierarchy; its processes must have been ended."""
    tops = [root / path.lstrip("/") for root in hierarchies()]

    def gone() -> bool:
        for top in tops:
            for folder in sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)):
                with contextlib.suppress(OSError):  # a dying process may hold it for an instant
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()
        return not any(top.exists() for top in tops)

    until(gone, f"the removal of cgroup {path}", timeout_s)


def copy_store(source: pathlib.Path, target: pathlib.Path) -> None:
    """Give a node its images: the files of a containerd root as hard links, its databases as copies."""
    subprocess.run(["cp", "-al", f"{source}/.", str(target)], check=True)
    for database in [*source.rglob("*.db")]:
        copy = target / database.relative_to(source)
        copy.unlink()
        shutil.copy2(database, copy)


def link_exists(name: str) -> bool:
    """Whether the host has a network link of that name."""
    return pathlib.Path("/sys/class/net", name).exists()
