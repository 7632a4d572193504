"""What manifests promise wrongly of how containers stop."""

import re
from collections.abc import Iterator
from typing import Any

from harness.look.found import Scene
from harness.patch import container_patch, patch_of, sleeping
from harness.results import Finding
from harness.shape import Container, Workload, at, slept_s

DRAIN_S = 5
"""A preStop sleep to begin with, where nothing was measured: routing follows within 3 s on small clusters."""

SHUTDOWN_S = 30
"""What a server gets to finish its work after its drain, where nothing is known of it."""

SHELLS = ("sh", "ash", "dash", "bash", "zsh", "ksh")
BASHES = ("bash", "zsh")
"""These replace themselves by the last command of a script; Debian's sh (dash 0.5.12) does not, not even for one."""


def prestop_eats_grace(scene: Scene) -> Iterator[Finding]:
    """A preStop hook that sleeps for the whole grace period."""
    for workload in scene.shape.workloads:
        for container in (*workload.mains, *workload.sidecars):
            slept = container.pre_stop_s
            if slept and slept >= workload.grace_s:
                path = (*workload.path, *container.path, "lifecycle", "preStop")
                change = patch_of(
                    workload.manifest, workload.path, {"terminationGracePeriodSeconds": slept + SHUTDOWN_S}
                )
                what = f"container {container.name}: preStop sleeps {slept} s of a grace period of {workload.grace_s} s"
                yield scene.found("prestop-eats-grace", workload.number, path, what, change)


def no_drain(scene: Scene) -> Iterator[Finding]:
    """Containers that a Service sends to, without a preStop hook."""
    for workload in scene.served():
        for container, _ in scene.shape.serving(workload):
            if container.pre_stop_s is None and not container.is_sidecar:
                change = container_patch(workload, container, sleeping(container, DRAIN_S))
                what = f"container {container.name} is behind a Service, and nothing delays its stop signal"
                yield scene.found("no-drain", workload.number, (*workload.path, *container.path), what, change)


def prestop_needs_program(scene: Scene) -> Iterator[Finding]:
    """A preStop hook that runs `sleep`, which the kubelet can do itself."""
    for workload in scene.shape.workloads:
        for container in (*workload.mains, *workload.sidecars):
            command = at(container.spec, "lifecycle", "preStop", "exec", "command")
            slept = slept_s(command)
            if slept:
                path = (*workload.path, *container.path, "lifecycle", "preStop", "exec")
                change = container_patch(workload, container, sleeping(container, slept))
                what = f"container {container.name}: preStop runs {' '.join(map(str, command))!r} in the image"
                yield scene.found("prestop-needs-program", workload.number, path, what, change)


def shell_is_process_1(scene: Scene) -> Iterator[Finding]:
    """A shell that stays process 1 while the app runs as its child."""
    for workload in scene.shape.workloads:
        for container in (*workload.mains, *workload.sidecars):
            found = script(container)
            if found is None or at(workload.pod, "shareProcessNamespace") is True:
                continue
            shell, text = found
            last = last_command(text)
            if not last.startswith("exec ") and not (shell in BASHES and re.fullmatch(r"[^|&(){}]+", last)):
                path = (*workload.path, *container.path, "command" if "command" in container.spec else "args")
                what = f"container {container.name}: {shell} runs {last!r} without exec"
                lines = f"# in container {container.name}: the script's last command, replaced by\nexec {last}\n"
                yield scene.found("shell-is-process-1", workload.number, path, what, paste=lines)


def script(container: Container) -> tuple[str, str] | None:
    """The shell and the script that a container is started by, if it is."""
    words = [*_words(container.spec.get("command")), *_words(container.spec.get("args"))]
    shell = words[0].rpartition("/")[2] if words else ""
    flags = [n for n, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)]
    if shell not in SHELLS or not flags or flags[0] + 1 >= len(words):
        return None
    return shell, words[flags[0] + 1]


def last_command(text: str) -> str:
    """The last command of a script, on one line."""
    parts = [part.strip() for part in re.split(r";|&&|\|\||(?<!\\)\n", text) if part.strip()]
    return " ".join(parts[-1].replace("\\\n", " ").split()) if parts else ""


def _words(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def sidecar_stops_first(scene: Scene) -> Iterator[Finding]:
    """A main container that stops before one that a Service sends to, and that drains."""
    for workload in scene.served():
        serving = [one for one, _ in scene.shape.serving(workload) if not one.is_sidecar]
        drains = max((one.pre_stop_s or 0 for one in serving), default=0)
        for container in workload.mains:
            if drains and container not in serving and (container.pre_stop_s or 0) <= drains:
                yield _beside(scene, workload, container, drains)


def _beside(scene: Scene, workload: Workload, container: Container, drains: int) -> Finding:
    change = container_patch(workload, container, sleeping(container, drains + DRAIN_S))
    what = (
        f"container {container.name} is told to stop after {container.pre_stop_s or 0} s, beside one that serves for"
        f" {drains} s more: if that needs it (a proxy in it, an app behind it), either let it sleep longer or make it a"
        " native sidecar (an init container with restartPolicy: Always)"
    )
    return scene.found("sidecar-stops-first", workload.number, (*workload.path, *container.path), what, change)
