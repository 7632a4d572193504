"""The real kind with our node image, without a registry: four nodes, pods that reach each other, and nothing left."""

import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.clusters.embedded import programs as embedded
from harness.clusters.embedded.node import KERNEL_SETTINGS
from harness.clusters.kind import archive, node_image, programs
from harness.progress import Progress
from harness.wait import until
from tests.kind.engine import Engine, engine

NAME = "survive-test"
IMAGE = "survive.dev/tools:dev"
NODES = {f"{NAME}-control-plane", f"{NAME}-worker", f"{NAME}-worker2", f"{NAME}-worker3"}
CONFIG = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "networking": {"kubeProxyMode": "nftables"},
    "kubeadmConfigPatches": ["kind: KubeletConfiguration\nfailCgroupV1: false\n"],
    "nodes": [{"role": "control-plane"}, *({"role": "worker"} for _ in range(3))],
}
READY_S = 120.0


@dataclass(frozen=True)
class Cluster:
    docker: Engine
    kind: pathlib.Path
    kubeconfig: pathlib.Path
    folder: pathlib.Path

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        program = embedded.folder() / "kubectl"
        return self.docker.run(str(program), f"--kubeconfig={self.kubeconfig}", *arguments, stdin=stdin)

    def make(self, *objects: dict[str, Any]) -> None:
        self.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def on(self, node: str, *argv: str) -> str:
        return self.docker.ask("exec", f"{NAME}-{node}", *argv)

    def ready(self) -> set[str]:
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]
        return {node["metadata"]["name"] for node in nodes if is_true(node, "Ready")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    progress = Progress()
    image, kind = node_image.build(progress), programs.build("kind", progress)
    folder = tmp_path_factory.mktemp("kind")
    (folder / "kind.json").write_text(json.dumps(CONFIG))
    made = [f"--name={NAME}", f"--kubeconfig={folder / 'kubeconfig'}"]
    with engine() as docker:
        docker.ask("load", "--input", str(image))
        with progress.stage("kind create cluster"):
            options = [f"--image={node_image.name()}", f"--config={folder / 'kind.json'}"]
            docker.run(str(kind), "create", "cluster", *made, *options)
        yield Cluster(docker, kind, folder / "kubeconfig", folder)


def test_all_nodes_become_ready_and_so_does_dns(cluster: Cluster) -> None:
    until(lambda: cluster.ready() == NODES, f"nodes Ready: {NODES}", READY_S, every_s=0.5, last=cluster.ready)
    cluster.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
    version = json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert version == embedded.KUBERNETES


def test_the_machines_settings_are_not_the_kubelets(cluster: Cluster) -> None:
    """Of those that differ on this machine from what a kubelet wants, none may have been changed by the nodes."""
    shown = {path: cluster.on("worker", "cat", f"/proc/sys/{path}").strip() for path, _ in KERNEL_SETTINGS}
    assert shown == {path: str(value) for path, value in KERNEL_SETTINGS}
    mounted = cluster.on("worker", "cat", "/proc/self/mounts")
    assert all(f" /proc/sys/{path} " in mounted for path, _ in KERNEL_SETTINGS), "each node has its own"


def test_a_pod_answers_on_another_node_by_address_and_by_name(cluster: Cluster) -> None:
    load_tools(cluster)
    labels = {"app": "server"}
    cluster.make(
        pod("server", "worker", ["httpd", "-f", "-p", "8080", "-h", "/etc"], labels),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"},
         "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}},
    )  # fmt: skip
    cluster.kubectl("wait", "--for=condition=Ready", "pod/server", "--timeout=60s")
    server = json.loads(cluster.kubectl("get", "pod", "server", "-o", "json"))
    asked = [server["status"]["podIP"] + ":8080", "server.default.svc.cluster.local"]
    # busybox's own client looks up names by glibc, which a static program cannot; Go's programs can.
    script = " && ".join(f"kubectl get --raw /hostname --request-timeout=20s --server http://{one}" for one in asked)
    cluster.make(pod("client", "worker2", ["sh", "-c", script]))
    until(lambda: phase(cluster, "client") in ("Succeeded", "Failed"), "the client's end", 60)
    assert cluster.kubectl("logs", "client") == "server\nserver\n"
    assert server["spec"]["nodeName"] == f"{NAME}-worker", "and the client is on the other"


def test_a_stopped_kubelet_stays_down_until_it_is_started(cluster: Cluster) -> None:
    before = cluster.on("worker3", "pgrep", "--exact", "kubelet")
    cluster.on("worker3", "systemctl", "stop", "kubelet")
    assert cluster.on("worker3", "sh", "-c", "pgrep --exact kubelet || true") == ""
    # busybox's init looks once a second.
    cluster.on("worker3", "sleep", "3")
    assert cluster.on("worker3", "sh", "-c", "pgrep --exact kubelet || true") == ""
    cluster.on("worker3", "systemctl", "start", "kubelet")
    after = until(lambda: cluster.on("worker3", "sh", "-c", "pgrep --exact kubelet || true") or None, "a kubelet", 10)
    assert after != before


def test_a_killed_node_comes_back(cluster: Cluster) -> None:
    cluster.docker.ask("kill", f"{NAME}-worker3")
    cluster.make(pod("again", "worker3", ["true"]))
    cluster.docker.ask("start", f"{NAME}-worker3")
    until(lambda: phase(cluster, "again") == "Succeeded", "a pod on the node that came back", READY_S)
    until(lambda: cluster.ready() == NODES, "all nodes Ready", READY_S, every_s=0.5, last=cluster.ready)


def test_delete_leaves_no_container_and_no_volume(cluster: Cluster) -> None:
    cluster.docker.run(str(cluster.kind), "delete", "cluster", f"--name={NAME}", f"--kubeconfig={cluster.kubeconfig}")
    assert cluster.docker.ask("ps", "--all", "--quiet") == ""
    assert cluster.docker.ask("volume", "ls", "--quiet") == ""


def load_tools(cluster: Cluster) -> None:
    """Make an image of the nodes' busybox and of kubectl, and give it to them by kind."""
    program, file = cluster.folder / "busybox", cluster.folder / "tools.tar"
    cluster.docker.ask("cp", f"{NAME}-worker:/bin/busybox", str(program))
    layer = archive.layer(
        cluster.folder / "layer", {"bin/busybox": program, "bin/kubectl": embedded.folder() / "kubectl"}
    )
    archive.write(file, IMAGE, [layer], {"Entrypoint": ["/bin/busybox"]})
    cluster.docker.run(str(cluster.kind), "load", "image-archive", str(file), f"--name={NAME}")


def pod(name: str, worker: str, args: list[str], labels: dict[str, str] | None = None) -> dict[str, Any]:
    container = {"name": name, "image": IMAGE, "imagePullPolicy": "Never", "args": args}
    spec = {"nodeName": f"{NAME}-{worker}", "restartPolicy": "Never", "containers": [container],
            "terminationGracePeriodSeconds": 0}  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def phase(cluster: Cluster, name: str) -> str:
    return str(json.loads(cluster.kubectl("get", "pod", name, "-o", "json"))["status"].get("phase", ""))


def is_true(thing: dict[str, Any], condition: str) -> bool:
    found = {one["type"]: one["status"] for one in thing["status"].get("conditions", [])}
    return found.get(condition) == "True"
