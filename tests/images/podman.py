"""Podman with a storage of the tests' own, which goes with them: see `engine`, whose way of being apart it has.

It has the machine's network. Where Podman keeps things at fixed places, a file system in memory lies over these.
"""

import contextlib
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from harness.clusters.embedded import host
from harness.clusters.embedded.layout import default_name, home
from harness.errors import UsageError
from harness.locks import hold
from tests.kind import engine
from tests.kind.engine import ENDED_S, Engine

APART = (
    "sh", "-c",
    "mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /dev/shm && echo apart && exec sleep infinity",
)  # fmt: skip


def place() -> pathlib.Path:
    """The folder of its storage."""
    return home() / "kind" / "podman"


def command() -> list[str]:
    """The podman command there."""
    return [
        "podman", f"--root={place()}", "--runroot=/run/storage", "--tmpdir=/run/libpod", "--storage-driver=overlay",
        "--cgroup-manager=cgroupfs",
    ]  # fmt: skip


def cgroup() -> str:
    """The cgroup for its containers, one for each checkout."""
    return f"/{default_name()}-podman"


@contextlib.contextmanager
def podman() -> Iterator[Engine]:
    """The namespaces in which `command` is run, for as long as the block lasts, and not longer than this process."""
    if shutil.which("podman") is None:
        raise UsageError("programs are missing: apt-get install podman")
    with hold(place().with_suffix(".lock"), "Podman for tests"):
        clean()
        place().mkdir(parents=True)
        process = subprocess.Popen(
            engine.apart(APART, online=True), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/"
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"apart\n"
            yield Engine(engine.first_child(process))
        finally:
            process.kill()
            process.wait()
            clean()


def clean() -> None:
    """Remove what is left of one that has ended."""
    host.remove_cgroup(cgroup(), ENDED_S)
    if place().exists():
        shutil.rmtree(place())
