"""What this machine must be and have, told before anything is changed."""

import os
import pathlib
import shutil
import subprocess
import sys

from harness.clusters.embedded import programs
from harness.clusters.embedded.host import CGROUPS, hierarchies
from harness.clusters.embedded.layout import home
from harness.errors import ClusterError, UsageError

NEEDED = {
    "ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux", "runc": "runc",
    "nft": "nftables", "conntrack": "conntrack", "mount": "mount", "mkfs.ext4": "e2fsprogs",
}  # fmt: skip
NEEDED_TO_BUILD = {"mmdebstrap": "mmdebstrap", "buildah": "buildah"}
FILE_SYSTEMS = ("overlay", "ext4", "tmpfs")
SPACES = ("mnt", "pid", "net", "uts", "ipc")
CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}
"""What a kubelet manages its pods by; on cgroup v1 it wants cpuacct besides."""

RULES = """table ip probe {
  chain in { type nat hook prerouting priority dstnat;
    ct state new fib daddr type local counter dnat to numgen random mod 2 map { 0 : 192.0.2.1, 1 : 192.0.2.2 }; }
  chain out { type nat hook postrouting priority srcnat; masquerade; }
}"""
"""Rules of the kinds that kube-proxy writes."""

FEATURES = (
    ("network namespaces", ("true",), "use one with them"),
    ("veth links", ("ip", "link", "add", "name", "a", "type", "veth", "peer", "name", "b"), "modprobe veth"),
    ("bridges", ("ip", "link", "add", "name", "a", "type", "bridge"), "modprobe bridge"),
    ("nftables with NAT", ("nft", RULES), "modprobe nf_tables nft_chain_nat nft_numgen nft_fib_ipv4 nft_masq"),
    ("connection tracking", ("conntrack", "--count"), "modprobe nf_conntrack_netlink"),
)
"""What is tried out, each in a network namespace that goes with the trial, and how to get it."""

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
    missing = _programs(built)
    problems = [*missing, *_go(built), *_kernel(), *_cgroups(), *([] if missing else _features()), *_room(built, nodes)]
    if problems:
        raise UsageError(
            "this machine cannot run the embedded cluster yet:\n"
            + "".join(f"  - {p}\n" for p in problems)
            + "Or use a cluster of your own by --kube-context."
        )


def _programs(built: bool) -> list[str]:
    needed = NEEDED if built else NEEDED | NEEDED_TO_BUILD
    packages = sorted({package for program, package in needed.items() if shutil.which(program) is None})
    return [f"programs are missing: run `make setup`, or apt-get install {' '.join(packages)}"] if packages else []


def _go(built: bool) -> list[str]:
    """What is missing to compile the cluster's programs with."""
    try:
        if not built:
            programs.go()
    except ClusterError as exc:
        return [str(exc)]
    return []


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
    return problems


def _cgroups() -> list[str]:
    """What cgroups lack, on v1 or v2."""
    roots = hierarchies() if CGROUPS.is_dir() else []
    if not roots:
        return [f"no cgroups at {CGROUPS}: mount cgroup v2 there"]
    unified = roots == [CGROUPS]
    if unified:
        has, wanted = set((CGROUPS / "cgroup.controllers").read_text().split()), CONTROLLERS
    else:
        has, wanted = {name for root in roots for name in root.name.split(",")}, CONTROLLERS | {"cpuacct"}
    problems = []
    if lacking := sorted(wanted - has):
        problems.append(
            f"cgroup controllers are missing: {', '.join(lacking)} (see /proc/cgroups): enable them at boot, or in the"
            " container's or slice's settings where this is one"
        )
    if unified and (CGROUPS / "cgroup.type").exists():
        # Only a cgroup below the root has this file; its controllers cannot be handed on while it has processes.
        problems.append(
            f"{CGROUPS} is a container's own cgroup, not the machine's: run on the machine itself, or in a container"
            " that shares its cgroup namespace (docker run --privileged --cgroupns=host)"
        )
    problems += [f"{root} is mounted read-only: in a container it needs to be a privileged one"
                 for root in roots if os.statvfs(root).f_flag & os.ST_RDONLY]  # fmt: skip
    return problems


def _features() -> list[str]:
    """What the kernel refuses of what nodes need; tried out, since most of it may be a module or built in."""
    problems = []
    for what, argv, cure in FEATURES:
        done = subprocess.run(["unshare", "--net", "--", *argv], capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
            if "not permitted" in said:
                return [
                    f"root has not all rights here: {what} are refused ({said}); a container needs to be privileged"
                ]
            problems.append(f"the kernel refuses {what} ({said}): {cure}")
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
