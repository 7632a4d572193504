"""What this machine must be and have, told before anything is changed."""

import os
import pathlib
import shutil
import sys

from harness.clusters.embedded.layout import home
from harness.errors import UsageError

NEEDED = {
    "ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "runc": "runc", "nft": "nftables",
    "conntrack": "conntrack", "mount": "mount", "mkfs.ext4": "e2fsprogs",
}  # fmt: skip
NEEDED_TO_BUILD = {"mmdebstrap": "mmdebstrap", "buildah": "buildah"}
FILE_SYSTEMS = ("overlay", "ext4", "tmpfs")
SPACES = ("mnt", "pid", "net", "uts", "ipc")
FREE_GB, FREE_GB_TO_BUILD = 3, 12
INOTIFY_PER_NODE = 10
INOTIFY = pathlib.Path("/proc/sys/fs/inotify/max_user_instances")


def preflight(built: bool, nodes: int) -> None:
    """Raise UsageError with everything that is missing and how to get it; nothing has been touched by then."""
    if sys.platform != "linux":
        raise UsageError("the embedded cluster runs on Linux only; use a cluster of your own by --kube-context")
    if os.geteuid() != 0:
        raise UsageError(
            "the embedded cluster needs root (sudo make run); or use a cluster of your own by --kube-context"
        )
    problems = [*_programs(built), *_kernel(), *_room(built, nodes)]
    if problems:
        raise UsageError(
            "this machine cannot run the embedded cluster yet:\n" + "\n".join(f"  - {p}" for p in problems)
        )


def _programs(built: bool) -> list[str]:
    needed = NEEDED if built else NEEDED | NEEDED_TO_BUILD
    packages = sorted({package for program, package in needed.items() if shutil.which(program) is None})
    return [f"programs are missing: run `make setup`, or apt-get install {' '.join(packages)}"] if packages else []


def _kernel() -> list[str]:
    known = pathlib.Path("/proc/filesystems").read_text().split()
    problems = [
        f"the kernel has no {name} file system: load it (modprobe {name}) or use a kernel with it"
        for name in FILE_SYSTEMS
        if name not in known and not _module(name)
    ]
    spaces = [space for space in SPACES if not pathlib.Path("/proc/self/ns", space).exists()]
    problems += [f"the kernel has no {space} namespaces" for space in spaces]
    if not pathlib.Path("/dev/loop-control").exists() and not _module("loop"):
        problems.append("no loop devices (/dev/loop-control): modprobe loop")
    if not any(pathlib.Path("/sys/fs/cgroup").iterdir()):
        problems.append("no cgroups at /sys/fs/cgroup: mount cgroup v2 there")
    return problems


def _module(name: str) -> bool:
    release = os.uname().release
    return any(pathlib.Path("/lib/modules", release).rglob(f"{name}.ko*"))


def _room(built: bool, nodes: int) -> list[str]:
    problems = []
    place = home()
    while not place.exists():
        place = place.parent
    free_gb = shutil.disk_usage(place).free / 1e9
    wanted_gb = FREE_GB if built else FREE_GB_TO_BUILD
    if free_gb < wanted_gb:
        problems.append(f"{place} has {free_gb:.1f} GB free of {wanted_gb} needed: make room, or set SURVIVE_HOME")
    instances = int(INOTIFY.read_text())
    if instances < nodes * INOTIFY_PER_NODE + 20:
        problems.append(
            f"fs.inotify.max_user_instances is {instances}, {nodes} nodes take about {nodes * INOTIFY_PER_NODE}: "
            f"sysctl fs.inotify.max_user_instances={nodes * INOTIFY_PER_NODE * 4}"
        )
    return problems
