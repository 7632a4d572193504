"""The programs that a kind cluster is made by: kind itself, and the container engine that its nodes run on."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.children import DIES_WITH_US
from harness.clusters.embedded.hints import explain
from harness.errors import ClusterError, UsageError

PROVIDER: Final = "KIND_EXPERIMENTAL_PROVIDER"
"""kind's own variable for the engine; what it says is taken as it is."""

BINARY: Final = "SURVIVE_KIND"
ENGINES: Final = ("docker", "podman")
HOSTS: Final = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}
"""The variable that says where each is."""

LABEL: Final = "io.x-k8s.kind.cluster"
"""What kind labels its containers with; the value is the cluster's name."""

ASK_S, MAKE_S = 60.0, 900.0

Hints = Sequence[tuple[str, str]]
"""What a failing program says, as a pattern, and what to do about it."""

CURES: Final[Hints] = (
    (r"permission denied", "you may not speak to it: run as root, or join its group (usermod -aG docker NAME)"),
    (r"[Ii]s the docker daemon running|[Cc]annot connect|connection refused|no such file",
     "it does not run: start it (systemctl start docker), or say where it is (DOCKER_HOST, `docker context use`)"),
)  # fmt: skip

HINTS: Final[Hints] = (
    (r"[Nn]o space left", "The disk of the container engine is full: make room (docker system df)."),
    (
        r"failed to pull image|pull access denied|manifest unknown|no such host|i/o timeout|TLS handshake|dial tcp",
        "The node image could not be pulled: check the network, the engine's proxy and the image's name. Without a"
        " registry build one (survive kind image), and name it by --kind-image.",
    ),
    (
        r"could not find a log line|too many open files",
        "A node did not start. Most often inotify's limits are too low: sysctl fs.inotify.max_user_instances=512"
        " fs.inotify.max_user_watches=524288; else see what kind says with `kind create cluster --retain`.",
    ),
    (
        r"failed to init node|failed to join node|timed out waiting for the condition",
        "kubeadm did not get Kubernetes up: mostly memory or disk are too small, or this kind is too old or too new"
        " for the node image.",
    ),
    (r"port is already allocated|address already in use", "A port is taken by another program or container."),
)
"""What is known of the ways in which kind fails."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the engine tells of where it runs its containers.

    `network`: what makes Podman's networks, where it does not say itself by what containers have names there.
    """

    memory_bytes: int
    root: str
    cgroups: int
    rootless: bool = False
    network: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """kind and an engine that answers."""

    kind: str
    engine: str
    machine: Machine

    @property
    def host(self) -> str:
        """Where the engine is said to be; empty: at its own place."""
        return os.environ.get(HOSTS[self.engine], "")

    def kind_run(self, *arguments: str, doing: str, timeout_s: float = MAKE_S) -> str:
        """Run kind on this engine; what it printed. Raises ClusterError with a hint and its last words.

        It ends with us where the system has the means: else that of a killed `up` would go on beside the next one.
        """
        tied = DIES_WITH_US if shutil.which(DIES_WITH_US[0]) else ()
        return run([*tied, self.kind, *arguments], doing, timeout_s, env={PROVIDER: self.engine}, hints=HINTS)

    def engine_run(self, *arguments: str, doing: str, timeout_s: float = ASK_S, hints: Hints = ()) -> str:
        """Run the engine; what it printed. Raises ClusterError as `kind_run` does."""
        return run([self.engine, *arguments], doing, timeout_s, hints=hints)

    def version(self) -> tuple[int, int]:
        """kind's own."""
        said = self.kind_run("version", doing="asking kind for its version", timeout_s=ASK_S)
        return parse_version(said) or (0, 0)

    def clusters(self) -> set[str]:
        """The names of all kind clusters on this engine."""
        said = self.kind_run("get", "clusters", doing="listing kind's clusters", timeout_s=ASK_S)
        return set(said.split())

    def containers(self, cluster: str) -> dict[str, str]:
        """The containers of a cluster's nodes, and the state of each: running, paused, exited."""
        doing = f"looking at the nodes of {cluster}"
        names = self.engine_run(
            "ps", "--all", "--filter", f"label={LABEL}={cluster}", "--format", "{{.Names}}", doing=doing
        ).split()
        if not names:
            return {}
        states = self.engine_run("inspect", "--format", "{{.State.Status}}", *names, doing=doing).split()
        return dict(zip(names, states, strict=True))

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image already."""
        return subprocess.run([self.engine, "image", "inspect", image], capture_output=True).returncode == 0

    def kubernetes(self, image: str) -> tuple[int, int] | None:
        """The minor version of Kubernetes in a node image: by its tag, else by itself if it is here; None: not known.

        An image that has to be pulled first is not asked.
        """
        tag = re.search(r":v?(1\.\d+)(\.\d+)?\b", image.partition("@")[0])
        if tag:
            return parse_version(tag[1])
        if not (image and self.has_image(image)):
            return None
        argv = ["run", "--rm", "--entrypoint", "cat", image, "/kind/version"]
        return parse_version(self.engine_run(*argv, doing=f"asking {image} for its version"))


def find(binary: str = "") -> Tools:
    """kind by its name, or $SURVIVE_KIND, or on PATH; and the engine. Raises UsageError that says how to get them."""
    wanted = binary or os.environ.get(BINARY) or "kind"
    if (kind := shutil.which(wanted)) is None:
        raise UsageError(
            f"{wanted} is not there: install kind (its releases, your package manager, or `go install"
            f" sigs.k8s.io/kind@latest`), or name it by --kind-binary FILE or ${BINARY}; --cluster embedded needs none"
        )
    return Tools(kind, *_engine())


def _engine() -> tuple[str, Machine]:
    asked = os.environ.get(PROVIDER, "")
    if asked and asked not in ENGINES:
        raise UsageError(
            f"{PROVIDER}={asked}: nodes are handled by {' or '.join(ENGINES)} only; set it to one of these"
        )
    problems = []
    for name in (asked,) if asked else ENGINES:
        if shutil.which(name) is None:
            problems.append(f"{name} is not installed")
            continue
        machine = _look(name)
        if isinstance(machine, Machine):
            return name, machine
        problems.append(f"{name} does not answer: {machine}")
    raise UsageError(
        "kind has no container engine here:\n" + "\n".join(f"  - {one}" for one in problems)
        + "\n  --cluster embedded needs none"
    )  # fmt: skip


def _look(engine: str) -> Machine | str:
    """What an engine tells of its machine, or why it tells nothing."""
    try:
        done = subprocess.run(
            [engine, "info", "--format", "{{json .}}"], capture_output=True, text=True, timeout=ASK_S
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no answer within {ASK_S:g} s"
    told = _json(done.stdout)
    said = " ".join(told.get("ServerErrors") or []) or ("" if done.returncode == 0 and told else done.stderr.strip())
    if said or not told:
        cures = [cure for pattern, cure in CURES if re.search(pattern, said)]
        last = said.splitlines()[-1] if said else "it tells nothing of itself"
        return "; ".join([last, *cures[:1]])
    return _podman(told) if "host" in told else _docker(told)


def _docker(told: dict[str, Any]) -> Machine:
    rootless = any("name=rootless" in str(one) for one in told.get("SecurityOptions") or [])
    cgroups = int(told.get("CgroupVersion") or 1)
    return Machine(int(told.get("MemTotal") or 0), str(told.get("DockerRootDir") or ""), cgroups, rootless)


def _podman(told: dict[str, Any]) -> Machine:
    host, store = told["host"], told.get("store") or {}
    rootless = bool((host.get("security") or {}).get("rootless"))
    cgroups = int(str(host.get("cgroupVersion") or "v1").removeprefix("v"))
    named = ((host.get("networkBackendInfo") or {}).get("dns") or {}).get("path")
    network = "" if named else str(host.get("networkBackend") or "")
    return Machine(int(host.get("memTotal") or 0), str(store.get("graphRoot") or ""), cgroups, rootless, network)


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def parse_version(text: str) -> tuple[int, int] | None:
    """Major and minor of the first version in a text."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def run(
    argv: Sequence[str], doing: str, timeout_s: float, *, env: dict[str, str] | None = None,
    hints: Hints = (),
) -> str:  # fmt: skip
    """Run a program; what it printed. Raises ClusterError that says what failed, a hint, and its last words."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout_s,
            env=os.environ | (env or {}),
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise ClusterError(f"{doing}: {argv[0]} had not ended within {timeout_s:g} s") from exc
    if done.returncode:
        raise ClusterError(explain(doing, done.stderr or done.stdout or f"exit code {done.returncode}", hints))
    return done.stdout
