"""Network policies that are enforced: kube-router's firewall on each node of a cluster whose own network knows none."""

import contextlib
import io
import pathlib
import platform
import shutil
import subprocess
from collections.abc import Iterator

from harness.children import DIES_WITH_US
from harness.clusters.embedded import host
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.programs import build_module, digest
from harness.clusters.kind import builds
from harness.progress import Progress
from harness.wait import until
from tests.cluster.conftest import ROOT

SOURCES = ROOT / "tests" / "kube-router"
NEEDS = ("iptables", "iptables-save", "iptables-restore", "ipset")
TRIAL = "ipset create tried hash:ip && iptables -A FORWARD -m set --match-set tried src -j REJECT"
STARTED_S = 20.0
FIREWALL = (
    "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false",
    "--health-port=0", "--v=1",
)  # fmt: skip
SYNCED = "sync iptables took"


def program() -> pathlib.Path:
    """Kube-router, built once."""
    key = digest(SOURCES.iterdir(), SOURCES, platform.machine())

    def make(folder: pathlib.Path) -> None:
        build_module(SOURCES, folder, Progress(io.StringIO()), "tool")

    return builds.made(builds.place("program-kube-router", key), "building kube-router", make) / SOURCES.name


def lacking() -> str:
    """What kube-router needs of this machine that it does not have; empty if it has all."""
    if absent := [name for name in NEEDS if shutil.which(name) is None]:
        return f"{', '.join(absent)} (FOR_TESTS=1 sh scripts/setup.sh installs it)"
    tried = subprocess.run(["unshare", "--net", "sh", "-c", TRIAL], capture_output=True, text=True)
    return f"a kernel that knows sets of addresses: {tried.stderr.strip()}" if tried.returncode else ""


@contextlib.contextmanager
def enforcing(cluster: ClusterDir, logs: pathlib.Path) -> Iterator[None]:
    """Enforce policies on all nodes while the block lasts. The last rules stay, for as long as the nodes."""
    inits = host.find_inits(cluster.root)
    nodes = {spec.parent.name: pid for spec, pid in inits.items() if spec.parent != cluster.root}
    with contextlib.ExitStack() as all_of_them:
        for name, pid in nodes.items():
            all_of_them.enter_context(_enforce(cluster, name, pid, logs / f"{name}.log"))
        yield


@contextlib.contextmanager
def _enforce(cluster: ClusterDir, node: str, pid: int, log: pathlib.Path) -> Iterator[None]:
    argv = [*DIES_WITH_US, "nsenter", f"--net=/proc/{pid}/ns/net", str(program()), *FIREWALL]
    argv += [f"--kubeconfig={cluster.kubeconfig}", f"--hostname-override={node}"]
    with log.open("w") as said:
        process = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, env=host.direct())
    try:
        until(
            lambda: SYNCED in log.read_text() or process.poll() is not None,
            f"kube-router on {node}", STARTED_S, last=log.read_text,
        )  # fmt: skip
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(STARTED_S)
