"""Up, down, status, and nodes that come and go."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness.clusters.embedded import addresses, checks, controlplane, host, images, layout, node, programs, state
from harness.clusters.embedded.certificates import Authority
from harness.clusters.embedded.layout import ClusterDir, home
from harness.clusters.embedded.node import STANDARD, Node
from harness.clusters.embedded.state import State
from harness.errors import ClusterError, UsageError
from harness.locks import hold
from harness.nodes import RUN
from harness.progress import Progress
from harness.wait import until

ADDONS = pathlib.Path(__file__).with_name("addons.yaml")
INIT = host.INIT
KUBECTL_S = 90.0
ADDED_NODES = 4
"""So many more, which rows add that run side by side, the machine must bear."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a cluster is. `phase` is absent, starting, ready, or broken with the reason."""

    name: str
    phase: str
    why: str = ""
    range: str = ""
    nodes: tuple[str, ...] = ()


def up(name: str, progress: Progress, address_range: str | None = None, kubernetes: str = "") -> ClusterDir:
    """A running cluster of these sources, started unless it runs; returns its folder once all nodes and DNS are ready.

    `kubernetes` is its version, such as v1.37.2; empty for that of the cluster that is there, else the newest.
    Raises UsageError before anything is changed where this machine cannot run it, ClusterError where it did not start.
    """
    folder = ClusterDir.named(name)
    kubernetes = chosen_version(folder, kubernetes)
    planned = programs.folder(kubernetes)
    built = planned.exists() and images.folder(planned).exists()
    checks.preflight(built=built, nodes=len(STANDARD) + ADDED_NODES)
    with hold(folder.root.with_suffix(".lock"), f"survive cluster up ({name})", wait_s=600):
        binaries = programs.build(progress, kubernetes)
        store = images.build(binaries, progress)
        in_use = {key for other in state.all_states() for key in (other.programs, other.images)}
        for current in (binaries, store):
            layout.prune(current.parent, in_use | {current.name})
        known = state.read(folder)
        wanted = State(name, 0, recipe(), binaries.name, store.name, kubernetes=kubernetes)
        if known and known.made_of(wanted) and known.phase == "ready" and not _broken(folder, known):
            return folder
        if folder.root.exists():
            with progress.stage(f"take down what is left of {name}"):
                _down(folder)
        with hold(home() / "addresses.lock", "choosing addresses", wait_s=30):
            used = [other.b for other in state.all_states()]
            wanted.b = addresses.choose(address_range, addresses.in_use(), used).b
            wanted.write(folder)
        _start(folder, wanted, progress)
    return folder


def recipe() -> str:
    """The key of how a cluster is put together, which is this package itself."""
    here = pathlib.Path(__file__).parent
    return programs.digest([*here.glob("*.py"), ADDONS], here)


def chosen_version(folder: ClusterDir, asked: str) -> str:
    """The version of Kubernetes that a cluster is to have. Raises UsageError for one that it cannot have."""
    if asked and asked not in programs.MODULES:
        raise UsageError(
            f"--kubernetes-version {asked}: the embedded cluster is built of {' or '.join(programs.MODULES)} only"
            " (--cluster kind takes any that kind has a node image of)"
        )
    known = state.read(folder)
    if known is None or (not asked and known.kubernetes not in programs.MODULES):
        return asked or programs.KUBERNETES
    if asked not in ("", known.kubernetes):
        raise UsageError(
            f"cluster {folder.name} is Kubernetes {known.kubernetes}, not {asked}: take it down first (survive cluster"
            f" down --name {folder.name}), or give the other one another name (--cluster-name; for survive"
            " cluster: --name)"
        )
    return known.kubernetes


def down(name: str) -> bool:
    """Take a cluster down, to the last process, mount, link and cgroup; whether there was one."""
    folder = ClusterDir.named(name)
    with hold(folder.root.with_suffix(".lock"), f"survive cluster down ({name})", wait_s=60):
        existed = folder.root.exists() or bool(host.find_inits(folder.root))
        _down(folder)
        folder.root.with_suffix(".lock").unlink(missing_ok=True)
    return existed


def status(name: str) -> Status:
    """How a cluster is, by looking at what runs."""
    folder = ClusterDir.named(name)
    known = state.read(folder)
    if known is None:
        return Status(name, "broken", "its state cannot be read") if folder.root.exists() else Status(name, "absent")
    broken = _broken(folder, known)
    phase = "broken" if broken else known.phase
    return Status(name, phase, broken, known.addresses.range, tuple(item.name for item in known.nodes))


def add_node(name: str, wanted: Node) -> None:
    """Add a node to a running cluster and return once it is Ready. An index of 0 takes the next free one."""
    folder = ClusterDir.named(name)
    with _changing(folder, f"adding node {wanted.name}") as known:
        if wanted.name in {item.name for item in known.nodes}:
            raise UsageError(f"cluster {name} has a node {wanted.name} already")
        taken = {item.index for item in known.nodes}
        free = next(index for index in range(1, addresses.MOST_NODES) if index not in taken)
        wanted = replace(wanted, index=wanted.index or free)
        known.nodes.append(wanted)
    # Without the lock: rows that run side by side add their nodes side by side.
    _start_node(folder, known, wanted)
    _wait_nodes(folder, [wanted.name])


def remove_node(name: str, node_name: str) -> None:
    """Take a node away, its Node object too, however it is."""
    folder = ClusterDir.named(name)
    known = running(folder)
    gone = next((item for item in known.nodes if item.name == node_name), None)
    if gone is None:
        raise UsageError(f"cluster {name} has no node {node_name}: {', '.join(item.name for item in known.nodes)}")
    host.kill_init(folder.node(node_name) / INIT)
    # A namespace may outlive its processes for a moment, and its link would be in the way of the next of this index.
    host.remove_link(host.find_inits(folder.root)[folder.root / INIT], node.link_name(gone))
    kubectl(folder, "delete", "node", node_name, "--ignore-not-found", "--wait=false")
    host.remove_cgroup(f"/{name}/{node_name}")
    subprocess.run(["rm", "-rf", str(folder.node(node_name))], check=True)
    with _changing(folder, f"removing node {node_name}") as known:
        known.nodes = [item for item in known.nodes if item.name != node_name]


def kubectl(folder: ClusterDir, *arguments: str, stdin: str = "") -> str:
    """Run the cluster's own kubectl as administrator and return what it printed."""
    known = state.read(folder)
    assert known is not None
    argv = [str(home() / "programs" / known.programs / "kubectl"), f"--kubeconfig={folder.kubeconfig}"]
    argv += ["--request-timeout=15s", *arguments]
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=KUBECTL_S, env=host.direct()
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise ClusterError(f"kubectl {' '.join(arguments)}: no answer within {KUBECTL_S:g} s") from exc
    if done.returncode:
        raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def running(folder: ClusterDir) -> State:
    """The state of a cluster that is ready. Raises UsageError for any other."""
    known = state.read(folder)
    if known is None or known.phase != "ready":
        raise UsageError(f"cluster {folder.name} is not running: survive cluster up")
    return known


@contextlib.contextmanager
def _changing(folder: ClusterDir, purpose: str) -> Iterator[State]:
    """The state of a running cluster, written again once the block has changed it."""
    with hold(folder.root.with_suffix(".lock"), purpose, wait_s=120):
        known = running(folder)
        yield known
        known.write(folder)


def _broken(folder: ClusterDir, known: State) -> str:
    inits = host.find_inits(folder.root)
    if folder.root / INIT not in inits:
        return "its init process is gone"
    # A node that was added for a row of a run may be broken on purpose.
    standing = [item for item in known.nodes if RUN not in item.labels]
    missing = [item.name for item in standing if folder.node(item.name) / INIT not in inits]
    if missing:
        return f"nodes have ended: {', '.join(missing)}"
    if known.phase == "ready" and not _healthy(folder, known):
        return "its API server does not answer"
    return ""


def _healthy(folder: ClusterDir, known: State) -> bool:
    context = ssl.create_default_context(cafile=str(folder.pki / "ca.crt"))
    context.load_cert_chain(folder.pki / "admin.crt", folder.pki / "admin.key")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"https://{known.addresses.router}:{controlplane.API_PORT}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _start(folder: ClusterDir, known: State, progress: Progress) -> None:
    where = known.addresses
    binaries = home() / "programs" / known.programs
    with progress.stage("control plane"):
        authority = controlplane.issue_certificates(folder, where)
        controlplane.kubeconfig(folder, where, "admin", folder.kubeconfig)
        spec = folder.root / INIT
        wanted = controlplane.init_spec(folder, where, binaries, known.gates)
        _write_spec(spec, wanted | {"cgroups": host.make_idle_cgroup(_daemons(folder.name))})
        host.start_init(spec, folder.logs / "init.log")
        for item in STANDARD:
            known.nodes.append(item)
        known.write(folder)
    with progress.stage(f"{len(known.nodes)} nodes and the API server"):
        with concurrent.futures.ThreadPoolExecutor(len(known.nodes)) as pool:
            list(pool.map(lambda item: _start_node(folder, known, item, authority), known.nodes))
            until(lambda: _healthy(folder, known), "the API server's readiness", 60)
        kubectl(folder, "apply", "-f", "-", stdin=ADDONS.read_text().replace("${DNS}", where.dns))
    with progress.stage("nodes Ready, DNS answering"):
        _wait_nodes(folder, [item.name for item in known.nodes])
        kubectl(folder, "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s")
    known.phase = "ready"
    known.write(folder)


def _start_node(folder: ClusterDir, known: State, item: Node, authority: Authority | None = None) -> None:
    cgroup = f"/{known.name}/{item.name}"
    node.prepare(folder, known.addresses, authority or Authority(folder.pki), item, cgroup, known.gates)
    root = folder.node(item.name)
    store = home() / "images" / known.images
    host.give_store(store, root / "containerd", node.LAYERS)
    host.make_cgroup(cgroup)
    host.favour(f"/{known.name}")
    if item.labels.get("survive.dev/role") == "load":
        host.favour(cgroup)
    spec = root / INIT
    binaries = home() / "programs" / known.programs
    wanted = node.init_spec(folder, known.addresses, binaries, store / host.LAYERS, item)
    _write_spec(spec, wanted | {"cgroups": host.make_idle_cgroup(_daemons(known.name))})
    host.start_init(spec, root / "logs" / "init.log", inside=host.find_inits(folder.root)[folder.root / INIT])


def _daemons(name: str) -> str:
    """The cgroup of all that manages the cluster: what is measured must not wait for it."""
    return f"/{name}/daemons"


def _write_spec(path: pathlib.Path, spec: dict[str, Any]) -> None:
    path.write_text(json.dumps(spec, indent=1))


def _wait_nodes(folder: ClusterDir, names: list[str], timeout_s: float = 60) -> None:
    def ready() -> bool:
        path = "-o=jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=='Ready')].status} {end}"
        seen = dict(pair.split("=") for pair in kubectl(folder, "get", "nodes", path).split())
        return all(seen.get(name) == "True" for name in names)

    until(ready, f"nodes Ready: {', '.join(names)} (logs: {folder.root}/nodes/*/logs)", timeout_s, every_s=0.5)


def _down(folder: ClusterDir) -> None:
    known = state.read(folder)
    host.kill_init(folder.root / INIT)
    if known:
        link = controlplane.link_name(known.addresses)
        # The dead namespace keeps it while its connections say goodbye to nodes that were lost before: up to minutes.
        host.remove_link(os.getpid(), link)
        until(lambda: not host.link_exists(link), f"the end of the link {link}", 30)
    host.remove_cgroup(f"/{folder.name}")
    layout.remove(folder.root)
