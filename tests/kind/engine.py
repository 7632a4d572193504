"""A Docker engine of the tests' own.

It lives in namespaces of its own (mounts, processes, network), and everything goes with them: its containers, bridges,
firewall rules and mounts. Outside of them are only a folder and its cgroups, which the next start removes too if a kill
left them. The ports that it publishes are inside as well, so what speaks to a cluster runs there: `Engine.run`.

One that is to build images, for which packages are fetched, has the machine's network instead, and makes neither
bridges nor rules there: `--network host` is all that its builds can have.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.children import DIES_WITH_US
from harness.clusters.embedded import checks, host, layout
from harness.clusters.embedded.layout import default_name, home
from harness.clusters.kind import state
from harness.clusters.kind.checks import MODULES
from harness.clusters.kind.state import KindDir
from harness.errors import ClusterError, UsageError
from harness.locks import hold
from harness.wait import until
from tests.kind import runc

READY_S, ENDED_S = 60.0, 30.0
NEEDED = {"dockerd": "docker.io", "docker": "docker.io", "nsenter": "util-linux", "setpriv": "util-linux"}
INOTIFY = 5 * checks.INOTIFY_PER_NODE + 20
"""For five nodes, and what else there is."""

NO_MODULES = "no-modules"
"""Where an engine was the first to need kind's folder of modules, it is ours to remove."""

START = """
set -e
if mountpoint -q /sys/fs/cgroup/unified; then umount -l /sys/fs/cgroup/unified; fi
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
"$@" &
wait $!
"""
"""Process 1 there: a shell, which collects whatever ends. runc makes cgroups in the unified hierarchy beside v1's."""

ONLINE = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
"""What leaves the machine's network as it is."""


def place() -> pathlib.Path:
    """The folder of the engine."""
    return home() / "kind" / "engine"


def address() -> str:
    """Where it is asked."""
    return f"unix://{place()}/docker.sock"


def lock() -> pathlib.Path:
    """Held as long as it lives."""
    return place().with_suffix(".lock")


def cgroup() -> str:
    """The cgroup of its containers, one for each checkout."""
    return f"/{default_name()}-docker"


@dataclass(frozen=True, slots=True)
class Engine:
    """One that answers. `pid` is its first process, `environment` what commands get to reach it, `program` its own."""

    pid: int
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = "docker"

    def command(self, argv: Sequence[str]) -> list[str]:
        """A command as it is run in the engine's namespaces, in the present folder."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--"]
        return [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(pathlib.Path.cwd()), *argv]

    def run(self, *argv: str, timeout_s: float = 300, stdin: str = "") -> str:
        """Run a command there; what it printed. Raises ClusterError with what it complained of."""
        done = subprocess.run(
            self.command(argv), env={**os.environ, **self.environment}, input=stdin, capture_output=True, text=True,
            timeout=timeout_s,
        )  # fmt: skip
        if done.returncode:
            raise ClusterError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def ask(self, *arguments: str, timeout_s: float = 300) -> str:
        """Run its own command."""
        return self.run(self.program, *arguments, timeout_s=timeout_s)


@contextlib.contextmanager
def engine(*, online: bool = False) -> Iterator[Engine]:
    """An engine, for as long as the block lasts, and not longer than this process.

    `online`: it has the machine's network.
    """
    check()
    root = place()
    with hold(lock(), "a Docker engine for tests"):
        clean()
        root.mkdir(parents=True)
        host.make_cgroup(cgroup())
        host.favour(cgroup())  # as the embedded cluster's is
        if not MODULES.exists():
            (root / NO_MODULES).touch()
        with (root / "dockerd.log").open("wb") as log:
            process = subprocess.Popen(
                argv(root, online=online), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        try:
            yield answering(process, root)
        finally:
            process.kill()
            process.wait()
            clean()


def argv(root: pathlib.Path, *, online: bool) -> list[str]:
    """The command that starts it."""
    daemon = [
        "dockerd", f"--data-root={root}/data", "--exec-root=/run/docker", "--pidfile=/run/docker.pid",
        f"--config-file={root}/daemon.json", f"--host={address()}", f"--cgroup-parent={cgroup()}",
        "--exec-opt=native.cgroupdriver=cgroupfs", "--storage-driver=overlay2", "--log-level=warn",
        "--oom-score-adjust=0",  # a negative one needs CAP_SYS_RESOURCE
        *(ONLINE if online else []),
    ]  # fmt: skip
    (root / "daemon.json").write_text("{}")
    if runc.is_missing(pathlib.Path("/proc/self/status").read_text()):
        wrapper = root / "runc"
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {runc.__file__} "$@"\n')
        wrapper.chmod(0o755)
        daemon += [f"--add-runtime=without={wrapper}", "--default-runtime=without"]
    return apart(daemon, online=online)


def apart(command: Sequence[str], *, online: bool) -> list[str]:
    """A command in namespaces of its own. Whatever ends this process ends all that is in them."""
    spaces = ["--mount", "--pid", *([] if online else ["--net"])]
    unshare = ["unshare", *spaces, "--fork", "--kill-child", "--mount-proc", "--"]
    return [*DIES_WITH_US, *unshare, "sh", "-c", START, "sh", *command]


def answering(process: subprocess.Popen[bytes], root: pathlib.Path) -> Engine:
    """The engine that a process has started, once it answers. Raises ClusterError with the end of its log."""
    environment = {"DOCKER_HOST": address()}

    def answers() -> bool:
        if process.poll() is not None:
            said = (root / "dockerd.log").read_text(errors="replace").strip().splitlines()
            raise ClusterError("dockerd has ended: " + "\n".join(said[-10:]))
        done = subprocess.run(["docker", "version"], env=os.environ | environment, capture_output=True)
        return done.returncode == 0

    until(answers, f"dockerd to answer (log: {root}/dockerd.log)", READY_S)
    return Engine(first_child(process), environment)


def first_child(process: subprocess.Popen[bytes]) -> int:
    """The first process in the namespaces that `apart` has made."""
    children = subprocess.run(["pgrep", "--parent", str(process.pid)], capture_output=True, text=True, check=True)
    return int(children.stdout)


def sweep() -> None:
    """Remove what one left whose user was killed. Raises UsageError if it is another's and lives."""
    with hold(lock(), "removing a Docker engine for tests"):
        clean()
    lock().unlink(missing_ok=True)


def clean() -> None:
    """Remove what an engine leaves when it has ended: its cgroups, once all of it is dead, its folders, and those of
    clusters on it.
    """
    host.remove_cgroup(cgroup(), ENDED_S)
    for folder in KindDir.all():
        if (known := state.read(folder)) is not None and known.host == address():
            forget(folder)
    if place().exists():
        remove_modules(place())
        shutil.rmtree(place())


def forget(folder: KindDir) -> None:
    """Remove what is known of a cluster whose engine is gone."""
    layout.remove(folder.root)
    folder.lock.unlink(missing_ok=True)


def remove_modules(root: pathlib.Path) -> None:
    """Remove the folder that an engine in this place was the first to need."""
    if (root / NO_MODULES).exists() and MODULES.exists():
        MODULES.rmdir()


def check() -> None:
    """Raise UsageError with what is missing here."""
    problems = []
    if os.geteuid() != 0:
        problems.append("it takes root")
    if missing := sorted({package for program, package in NEEDED.items() if shutil.which(program) is None}):
        problems.append(f"programs are missing: apt-get install {' '.join(missing)}")
    if int(checks.INOTIFY.read_text()) < INOTIFY:
        problems.append(f"nodes need more inotify instances: sysctl fs.inotify.max_user_instances={INOTIFY * 2}")
    if problems:
        raise UsageError("no Docker engine for tests can be started here:\n" + "\n".join(f"  - {p}" for p in problems))
