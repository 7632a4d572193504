"""Up, down and status of a kind cluster of ours."""

import contextlib
import pathlib
from dataclasses import dataclass

import yaml

from harness.clusters.embedded import host, layout
from harness.clusters.embedded.node import DISK_MB
from harness.clusters.embedded.programs import digest
from harness.clusters.kind import checks, disk, samples, state, tool
from harness.clusters.kind.config import KUBELET, Plan, config, kubelet_patch, load_node, spare
from harness.clusters.kind.state import KindDir, State
from harness.clusters.kind.tool import Tools
from harness.errors import ClusterError, KubeError, SurviveError, UsageError, WaitTimeout
from harness.kube import Kube
from harness.locks import hold
from harness.options import KindOptions
from harness.progress import Progress
from harness.replicas import is_ready, lacking
from harness.wait import until

READY_S = 240.0
"""A busy machine of 2 cores took 96 s."""
REVIVED_S = 60.0
LEFTOVER_S = 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """How a cluster is. `phase` is absent, starting, ready, or broken with the reason; `nodes`: each with its state."""

    name: str
    phase: str
    why: str = ""
    nodes: tuple[str, ...] = ()


def up(name: str, asked: KindOptions, progress: Progress, *, load: bool = True) -> KindDir:
    """A running cluster, made unless it runs; returns its folder once all nodes and DNS are ready.

    `load`: with the images of our pods on its nodes. Raises UsageError before anything is changed where that cannot be,
    ClusterError where it did not start; nothing of it stays then.
    """
    folder = KindDir.named(name)
    tools = tool.find(asked.binary)
    with hold(folder.lock, f"survive cluster up --cluster kind ({folder.name})", wait_s=600):
        known, there = state.read(folder), folder.name in tools.clusters()
        _same_engine(known, tools)
        if there and known is None:
            raise UsageError(
                f"there is a kind cluster {folder.name} that this home ({folder.root.parent}) knows nothing of: choose"
                f" another --cluster-name, or remove that one (kind delete cluster --name {folder.name})"
            )
        standing = there and known is not None and known.serves(asked.image, recipe())
        image = asked.image or (known.image if known else "")
        version = tools.kubernetes(image)
        checks.preflight(tools, image, version, running=standing)
        _sweep(tools, folder, progress)
        if not (known and standing and _revived(folder, tools, progress)):
            if there or folder.root.exists():
                with progress.stage(f"take down what is left of {folder.name}"):
                    _down(folder, tools)
            known = State(folder.name, tools.engine, image, recipe(), host=tools.host)
            _create(folder, tools, known, Plan(folder.name, version), progress)
        if load:
            _load(folder, tools, known, progress)
    return folder


def recipe() -> str:
    """The key of how a cluster is put together."""
    here = pathlib.Path(__file__).parent
    return digest([here / "config.py", here / "disk.py"], here)


def down(name: str, binary: str = "") -> bool:
    """Take a cluster of ours down, with its disk; whether there was one."""
    folder = KindDir.named(name)
    tools = tool.find(binary)
    with hold(folder.lock, f"survive cluster down --cluster kind ({folder.name})", wait_s=60):
        _same_engine(state.read(folder), tools)
        existed = folder.root.exists() or folder.name in tools.clusters()
        _down(folder, tools)
        folder.lock.unlink(missing_ok=True)
    return existed


def _same_engine(known: State | None, tools: Tools) -> None:
    if known is None:
        return
    if known.engine != tools.engine:
        raise UsageError(
            f"the kind cluster {known.name} was made by {known.engine}, and {tools.engine} is what answers now: set"
            f" {tool.PROVIDER}={known.engine}"
        )
    if known.host != tools.host:
        variable = tool.HOSTS[known.engine]
        raise UsageError(
            f"the kind cluster {known.name} was made by {known.engine} at {known.host or 'its usual place'}, and not at"
            f" {tools.host or 'its usual place'}: "
            + (f"set {variable}={known.host}" if known.host else f"unset {variable}")
        )


def status(name: str, binary: str = "") -> Status:
    """How a cluster is, by asking its engine and its API server."""
    folder = KindDir.named(name)
    tools = tool.find(binary)
    known, there = state.read(folder), tools.containers(folder.name)
    nodes = tuple(f"{node} ({now})" if now != "running" else node for node, now in sorted(there.items()))
    if known is None:
        phase = "broken" if there else "absent"
        return Status(folder.name, phase, "it is not one of this home's" if there else "", nodes)
    if known.phase != "ready":
        return Status(folder.name, known.phase, "", nodes)
    return Status(folder.name, "broken" if (why := _broken(folder, there)) else "ready", why, nodes)


def running(name: str) -> KindDir:
    """The folder of a cluster that is ready. Raises UsageError for any other."""
    folder = KindDir.named(name)
    known = state.read(folder)
    if known is None or known.phase != "ready":
        raise UsageError(f"the kind cluster {folder.name} is not running: survive cluster up --cluster kind")
    return folder


def _broken(folder: KindDir, containers: dict[str, str]) -> str:
    if not containers:
        return "its containers are gone"
    if stopped := sorted(node for node, now in containers.items() if now != "running"):
        return f"nodes have ended: {', '.join(stopped)}"
    try:
        with contextlib.closing(Kube.connect(str(folder.kubeconfig))) as kube:
            kube.reach()
    except KubeError as exc:
        return f"its API server does not answer: {exc}"
    return ""


def _sweep(tools: Tools, but: KindDir, progress: Progress) -> None:
    """Remove what killed starts and engines that were emptied left of other clusters of this home."""
    there = tools.clusters()
    for folder in KindDir.all():
        known = state.read(folder)
        whole = known is not None and known.phase == "ready" and folder.name in there
        elsewhere = known is not None and (known.engine, known.host) != (tools.engine, tools.host)
        if folder == but or whole or elsewhere:
            continue
        with contextlib.suppress(UsageError), hold(folder.lock, "removing a leftover", wait_s=LEFTOVER_S):
            progress.note(f"  {folder.name} was left by a run that was killed, and is removed")
            _down(folder, tools)


def _down(folder: KindDir, tools: Tools) -> None:
    # kind deletes by its label, and says nothing where there is none.
    tools.kind_run(
        "delete", "cluster", "--name", folder.name, "--kubeconfig", str(folder.kubeconfig),
        doing=f"deleting the kind cluster {folder.name}",
    )  # fmt: skip
    disk.remove(folder.root)
    layout.remove(folder.root)


def _create(folder: KindDir, tools: Tools, known: State, plan: Plan, progress: Progress) -> None:
    known.write(folder)
    try:
        with progress.stage(f"kind cluster {folder.name} ({known.image or 'the default image of kind'})"):
            plan = _with_disk(folder, known, plan)
            folder.config.write_text(yaml.safe_dump(config(plan), sort_keys=False))
            chosen = ["--image", known.image] if known.image else []
            tools.kind_run(
                "create", "cluster", "--name", folder.name, "--config", str(folder.config), "--kubeconfig",
                str(folder.kubeconfig), *chosen, doing=f"creating the kind cluster {folder.name}",
            )  # fmt: skip
        _favour_load(folder, tools, progress)
        with progress.stage("nodes Ready, DNS answering"):
            _wait_ready(folder, READY_S)
        if not known.no_disk and not _sees_disk(folder, tools):
            known.no_disk = f"{tools.engine} does not see the disk that was mounted here for it"
    except BaseException as exc:
        # What kind made is removed, whatever else goes wrong meanwhile: the first error is the one to be told.
        with contextlib.suppress(SurviveError):
            _down(folder, tools)
        if isinstance(exc, WaitTimeout | KubeError):
            raise ClusterError(f"the kind cluster {folder.name} did not become ready: {exc}") from exc
        raise
    if known.no_disk:
        progress.note(f"  no node has a small disk, so rows that fill one are skipped: {known.no_disk}")
    known.phase = "ready"
    known.write(folder)


def _with_disk(folder: KindDir, known: State, plan: Plan) -> Plan:
    """The plan with a small disk where there can be one, else why there is none."""
    known.no_disk = disk.cannot()
    if not known.no_disk:
        try:
            mount = disk.make(folder.root)
        except ClusterError as exc:
            known.no_disk = str(exc)
    if known.no_disk:
        return plan
    folder.patches.mkdir(exist_ok=True)
    file, text = kubelet_patch()
    (folder.patches / file).write_text(text)
    return Plan(plan.name, plan.version, mount, folder.patches)


def _favour_load(folder: KindDir, tools: Tools, progress: Progress) -> None:
    """Give the node for load the greatest share of a busy CPU: what is measured must not wait for what manages it."""
    node = load_node(folder.name)
    try:
        tools.engine_run(
            "update", f"--cpu-shares={host.MOST_SHARES}", node, doing=f"giving {node} its share of the CPU"
        )
    except ClusterError as exc:
        progress.note(f"  what measures has no greater share of the CPU than the rest, so more may be too noisy: {exc}")


def _sees_disk(folder: KindDir, tools: Tools) -> bool:
    """Whether the spare node's kubelet lives on the small disk: an engine elsewhere has a folder of the same name."""
    argv = ["exec", spare(folder.name), "df", "--output=size", "--block-size=1M", KUBELET]
    said = tools.engine_run(*argv, doing="looking at the disk of the spare node")
    return int(said.split()[-1]) <= DISK_MB


def _wait_ready(folder: KindDir, timeout_s: float) -> None:
    with contextlib.closing(Kube.connect(str(folder.kubeconfig))) as kube:

        def lacks() -> str:
            found = kube.list("v1", "Node")
            unready = [node["metadata"]["name"] for node in found if not is_ready(node.get("status", {}))]
            if not found or unready:
                return f"nodes not Ready: {', '.join(unready) or 'none is there'}"
            dns = kube.get("apps/v1", "Deployment", "coredns", "kube-system")
            return (why := lacking({"kind": "Deployment", **dns})) and f"coredns: {why}"

        until(lambda: not lacks(), f"nodes and DNS of {folder.name} to be ready", timeout_s, every_s=0.5, last=lacks)


def _revived(folder: KindDir, tools: Tools, progress: Progress) -> bool:
    """Whether a cluster that is there works, its nodes started again where they were paused or stopped."""
    stopped = {node: now for node, now in tools.containers(folder.name).items() if now != "running"}
    try:
        if stopped:
            with progress.stage(f"start nodes again: {', '.join(sorted(stopped))}"):
                for node, now in stopped.items():
                    order = "unpause" if now == "paused" else "start"
                    tools.engine_run(order, node, doing=f"starting {node} again")
        _wait_ready(folder, REVIVED_S)
    except (ClusterError, KubeError, WaitTimeout) as exc:
        progress.note(f"  {folder.name} does not work any more, and is made anew: {exc}")
        return False
    return True


def _load(folder: KindDir, tools: Tools, known: State, progress: Progress) -> None:
    if known.images == samples.key(tools):
        return
    archive = samples.build(tools, progress)
    with progress.stage(f"images of our pods to the nodes of {folder.name}"):
        tools.kind_run(
            "load", "image-archive", str(archive), "--name", folder.name, doing="loading the images of our pods"
        )
    known.images = samples.key(tools)
    known.write(folder)
