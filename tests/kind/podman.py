"""Podman of the tests' own: see `engine`, whose way of being apart it has, and in which nothing is left of it either.

There is no daemon: each command finds its storage by two files. Where Podman keeps things at fixed places, a file
system in memory lies over these.
"""

import contextlib
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from harness.clusters.embedded import host
from harness.clusters.embedded.layout import home
from harness.clusters.kind import tool
from harness.clusters.kind.checks import MODULES
from harness.clusters.kind.state import KindDir
from harness.errors import UsageError
from harness.locks import hold
from tests.kind import engine
from tests.kind.engine import ENDED_S, NO_MODULES, Engine

APART = (
    "sh", "-c",
    "mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /dev/shm && echo apart && exec sleep infinity",
)  # fmt: skip

CLUSTER = "on-podman"
"""The name of the one that tests make on it."""

CGROUP = "/libpod_parent"
"""Where Podman puts its containers."""

NO_CGROUP = "no-cgroup"
"""Where that was not there before, it is ours to remove."""

STORAGE = """[storage]
driver = "overlay"
graphroot = "{root}/graph"
runroot = "/run/storage"
"""

CONTAINERS = """[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "/run/libpod"
[containers]
pids_limit = 0
[network]
network_backend = "netavark"
network_config_dir = "{root}/networks"
"""


def place() -> pathlib.Path:
    """The folder of its storage."""
    return home() / "kind" / "podman"


def lock() -> pathlib.Path:
    """Held as long as it lives."""
    return place().with_suffix(".lock")


@contextlib.contextmanager
def podman(*, online: bool = False) -> Iterator[Engine]:
    """The namespaces in which `podman` is run, for as long as the block lasts, and not longer than this process.

    `online`: it has the machine's network.
    """
    if shutil.which("podman") is None:
        raise UsageError("programs are missing: apt-get install podman netavark aardvark-dns")
    root = place()
    with hold(lock(), "Podman for tests"):
        clean()
        root.mkdir(parents=True)
        files = {"CONTAINERS_STORAGE_CONF": STORAGE, "CONTAINERS_CONF": CONTAINERS}
        for name, text in files.items():
            (root / name).write_text(text.format(root=root))
        if not any((one / CGROUP.lstrip("/")).exists() for one in host.hierarchies()):
            (root / NO_CGROUP).touch()
            host.make_cgroup(CGROUP)
            host.favour(CGROUP)  # as the embedded cluster's is
        process = subprocess.Popen(
            engine.apart(APART, online=online), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/"
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"apart\n"
            environment = {name: str(root / name) for name in files}
            yield Engine(engine.first_child(process), environment | {tool.PROVIDER: "podman"}, "podman")
        finally:
            process.kill()
            process.wait()
            clean()


def make_modules() -> None:
    """Make the folder that kind gives to nodes, which Docker makes and Podman does not, until the end of Podman."""
    if not MODULES.exists():
        (place() / NO_MODULES).touch()
        MODULES.mkdir()


def cgroups() -> list[str]:
    """The cgroups of its containers, by what its storage knows."""
    if (place() / NO_CGROUP).exists():
        return [CGROUP]
    return [f"{CGROUP}/libpod-{one.name}" for one in (place() / "graph" / "overlay-containers").glob("*/")]


def clean() -> None:
    """Remove what is left of one that has ended, and of the cluster on it."""
    for cgroup in cgroups():
        host.remove_cgroup(cgroup, ENDED_S)
    engine.forget(KindDir.named(CLUSTER))
    if place().exists():
        engine.remove_modules(place())
        shutil.rmtree(place())


def sweep() -> None:
    """Remove what one left whose user was killed. Raises UsageError if it is another's and lives."""
    with hold(lock(), "removing Podman for tests"):
        clean()
    lock().unlink(missing_ok=True)
