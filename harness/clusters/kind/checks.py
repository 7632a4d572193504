"""What kind, its engine and this machine must be and have, told in one message before anything is changed."""

import contextlib
import os
import pathlib
import shutil

from harness import versions
from harness.clusters.embedded.checks import INOTIFY
from harness.clusters.embedded.layout import home
from harness.clusters.kind.config import WORKERS
from harness.clusters.kind.tool import Tools
from harness.errors import UsageError

OLDEST_KIND = (0, 29)
"""Its default node image is Kubernetes 1.33, and it has images from 1.31 on."""

LAST_ON_CGROUP_1 = (1, 34)
"""kind's own node images refuse cgroup v1 from 1.35 on (its release notes, 0.31)."""

FIRST_WITHOUT_CGROUP_1 = (0, 31)
"""The first kind whose default node image is one of these."""

OWN_IMAGES = "kindest/node"
MEMORY_GB = 3.0
"""Five nodes took about 1.2 GB; apps, load and what else runs need the rest."""

ROOM_GB = 8.0
"""A node image of about 1 GB, and on each of five nodes the images of our pods, unpacked."""

MODULES = pathlib.Path("/lib/modules")
"""kind gives this folder of the machine to nodes. Docker makes it where there is none."""

NAME_SERVERS = {"netavark": "aardvark-dns", "cni": "dnsname"}
"""What answers for names of containers, by what makes Podman's networks."""

HELPERS = (
    *(f"{top}/{folder}" for top in ("/usr/local", "/usr") for folder in ("libexec/podman", "lib/podman")),
    *("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin", "/usr/local/lib/cni", "/usr/local/libexec/cni"),
)
"""Where Podman looks for these (containers.conf(5): helper_binaries_dir, cni_plugin_dirs)."""

INOTIFY_PER_NODE = 15
"""kubelet and containerd take about ten instances, systemd some more."""

Version = versions.Version


def preflight(tools: Tools, image: str, kubernetes: Version | None, *, running: bool) -> None:
    """Raise UsageError with everything that is in the way, and the way out. A running cluster needs no more room."""
    problems = [*_kind(tools), *_kubernetes(kubernetes), *_cgroups(tools, image, kubernetes)]
    if not running:
        problems += [*_memory(tools), *_disk(tools), *_inotify(), *_podman(tools)]
    if problems:
        raise UsageError("this machine cannot run the kind cluster yet:\n" + "\n".join(f"  - {p}" for p in problems))


def _kind(tools: Tools) -> list[str]:
    version = tools.version()
    if version >= OLDEST_KIND:
        return []
    return [
        f"{tools.kind} is kind {versions.told(version)}; {versions.told(OLDEST_KIND)} or newer is needed: update it"
    ]


def _kubernetes(version: Version | None) -> list[str]:
    if version is None or version >= versions.OLDEST:
        return []
    oldest = versions.told(versions.OLDEST)
    return [
        f"Kubernetes {versions.told(version)} is too old, {oldest} is the oldest that is used: choose another by"
        " --kubernetes-version or --kind-image"
    ]


def _cgroups(tools: Tools, image: str, kubernetes: Version | None) -> list[str]:
    """Where the engine's cgroups are not what nodes can live in."""
    machine = tools.machine
    if machine.cgroups == 2:
        return []
    if machine.rootless:
        return [f"{tools.engine} runs rootless on cgroup v1: a kind node needs cgroup v2 for that"]
    newest = versions.told(LAST_ON_CGROUP_1)
    if image:
        refuses = OWN_IMAGES in image and kubernetes is not None and kubernetes > LAST_ON_CGROUP_1
    else:
        refuses = tools.version() >= FIRST_WITHOUT_CGROUP_1
    if refuses:
        return [
            f"this machine has cgroup v1, on which kind's own node images run up to Kubernetes {newest} only: choose"
            " one by --kubernetes-version, or build one that does (survive kind image; --kind-image)"
        ]
    return []


def _podman(tools: Tools) -> list[str]:
    """What Docker has in itself, and Podman gets from the machine; one that is elsewhere is not seen."""
    if tools.engine != "podman" or not _reachable(pathlib.Path(tools.machine.root)):
        return []
    problems = []
    if not MODULES.exists():
        problems.append(
            f"kind gives its nodes {MODULES}, which is not there, and Podman does not make it: mkdir {MODULES}"
        )
    server = NAME_SERVERS.get(tools.machine.network)
    if server and shutil.which(server, path=os.pathsep.join(HELPERS)) is None:
        problems.append(
            f"Podman's network ({tools.machine.network}) has no {server}, so that nodes do not find each other by name:"
            ' install netavark and aardvark-dns, and set network_backend = "netavark" in containers.conf'
        )
    return problems


def _memory(tools: Tools) -> list[str]:
    # In a virtual machine (Docker Desktop) the engine has less than this machine.
    found_gb = min(tools.machine.memory_bytes, _available_bytes()) / 1e9
    if found_gb >= MEMORY_GB:
        return []
    return [
        f"{found_gb:.1f} GB of memory are free of {MEMORY_GB:g} needed by {WORKERS + 1} nodes: end something, or give"
        f" {tools.engine} more"
    ]


def _available_bytes() -> float:
    """What this machine could give; all there is where it does not tell."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    found = dict(line.split(":", 1) for line in lines)
    return int(found["MemAvailable"].split()[0]) * 1024


def _disk(tools: Tools) -> list[str]:
    """Room below the engine's own folder, and our home; that of an engine elsewhere is not seen."""
    ours = next(place for place in (home(), *home().parents) if place.exists())
    places = {"our builds": (ours, "or set SURVIVE_HOME"), "its nodes": (pathlib.Path(tools.machine.root), "")}
    problems = []
    for what, (place, otherwise) in places.items():
        free_gb = shutil.disk_usage(place).free / 1e9 if _reachable(place) else ROOM_GB
        if free_gb < ROOM_GB:
            cure = otherwise or f"such as by {tools.engine} system prune"
            problems.append(f"{place} has {free_gb:.1f} GB free of {ROOM_GB:g} needed for {what}: make room, {cure}")
    return problems


def _reachable(place: pathlib.Path) -> bool:
    try:
        return place.is_absolute() and place.is_dir()
    except OSError:  # another user's
        return False


def _inotify() -> list[str]:
    if not INOTIFY.exists():
        return []
    limit = int(INOTIFY.read_text())
    left, wanted = limit - _instances(), (WORKERS + 1) * INOTIFY_PER_NODE
    if left >= wanted:
        return []
    return [
        f"{left} of {limit} inotify instances are left, {WORKERS + 1} nodes take about {wanted}:"
        " sysctl fs.inotify.max_user_instances=512"
    ]


def _instances() -> int:
    """How many are in use by processes that one may look at, which are root's own where root looks."""
    found = 0
    for descriptors in pathlib.Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            found += sum(1 for one in descriptors.iterdir() if _target(one) == "anon_inode:inotify")
    return found


def _target(link: pathlib.Path) -> str:
    with contextlib.suppress(OSError):
        return str(link.readlink())
    return ""
