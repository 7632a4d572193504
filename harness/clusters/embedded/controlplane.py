"""The control plane of an embedded cluster: what its init process sets up and keeps running."""

import base64
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from harness.clusters.embedded.addresses import Addresses
from harness.clusters.embedded.certificates import Authority
from harness.clusters.embedded.layout import ClusterDir

BRIDGE = "nodes"
API_PORT = 6443
SETTINGS = (
    "set -e; cd /proc/sys/net/ipv4; echo 1 > ip_forward; echo 1 > tcp_orphan_retries;"
    " echo 0 > conf/all/send_redirects; echo 0 > conf/default/send_redirects"
)
"""Of a network namespace of ours. Connections whose processes were killed would otherwise keep saying goodbye to peers
that are gone too, and hold the namespace with its links for a minute or two."""
REPLICAS = 2
"""Of the controller manager and of the scheduler: their hand-over is a restart path too (D6)."""


def link_name(addresses: Addresses) -> str:
    """The one link that the host sees."""
    return f"survive{addresses.b}"


def issue_certificates(folder: ClusterDir, addresses: Addresses) -> Authority:
    """The CA and the certificates of the control plane and of the administrator."""
    authority = Authority(folder.pki)
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    authority.issue("apiserver", "kube-apiserver", names=[*names, "localhost", addresses.router, addresses.api_service])
    authority.issue("apiserver-kubelet", "kube-apiserver-kubelet-client", groups=["system:masters"])
    authority.issue("admin", "survive-admin", groups=["system:masters"])
    authority.issue("controller-manager", "system:kube-controller-manager")
    authority.issue("scheduler", "system:kube-scheduler")
    authority.key_pair("service-account")
    return authority


def kubeconfig(folder: ClusterDir, addresses: Addresses, user: str, path: pathlib.Path) -> None:
    """A kubeconfig for the user whose certificate was issued as `user`; all data inside, readable by its owner."""

    def data(file: str) -> str:
        return base64.b64encode((folder.pki / file).read_bytes()).decode()

    server = f"https://{addresses.router}:{API_PORT}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": folder.name,
        "contexts": [{"name": folder.name, "context": {"cluster": folder.name, "user": user}}],
        "clusters": [
            {"name": folder.name, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}
        ],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))


def init_spec(
    folder: ClusterDir, addresses: Addresses, programs: pathlib.Path, gates: Mapping[str, bool]
) -> dict[str, Any]:
    """The spec for `init`: the network between host and nodes, etcd, API server and its controllers."""
    for user in ("controller-manager", "scheduler"):
        kubeconfig(folder, addresses, user, folder.pki / f"{user}.kubeconfig")
    folder.logs.mkdir(parents=True, exist_ok=True)
    processes = [_etcd(folder, programs), _apiserver(folder, addresses, programs)]
    for replica in range(REPLICAS):
        processes.append(_controller_manager(folder, addresses, programs, replica))
        processes.append(_scheduler(folder, programs, replica))
    for process in processes[1:]:
        process["argv"].append("--feature-gates=" + ",".join(f"{gate}={str(on).lower()}" for gate, on in gates.items()))
    return {"hostname": folder.name, "steps": _network(addresses), "processes": processes}


def _network(addresses: Addresses) -> list[list[str]]:
    link = link_name(addresses)
    return [
        ["ip", "link", "set", "lo", "up"],
        ["sh", "-c", SETTINGS],
        # A bridge without an address of its own takes that of one of its ports, and changes it as ports come and go:
        # what the nodes remember of it is then wrong for up to a minute.
        ["ip", "link", "add", BRIDGE, "address", "02:73:75:72:76:01", "type", "bridge"],
        ["ip", "address", "add", f"{addresses.router}/24", "dev", BRIDGE],
        ["ip", "link", "set", BRIDGE, "up"],
        ["outer", "ip", "link", "add", link, "type", "veth", "peer", "name", "host", "netns", "1"],
        ["ip", "address", "add", f"{addresses.link}/30", "dev", "host"],
        ["ip", "link", "set", "host", "up"],
        ["outer", "ip", "address", "add", f"{addresses.host}/30", "dev", link],
        ["outer", "ip", "link", "set", link, "up"],
        ["outer", "ip", "route", "add", addresses.range, "via", addresses.link, "dev", link],
        ["ip", "route", "add", addresses.services, "via", addresses.node(1)],
    ]


def _process(folder: ClusterDir, name: str, argv: list[str]) -> dict[str, Any]:
    return {"name": name, "argv": argv, "log": str(folder.logs / f"{name}.log")}


def _candidate(folder: ClusterDir, name: str, argv: list[str]) -> dict[str, Any]:
    """One replica of a program that elects a leader: its host's name is its own, so that a Lease says which leads."""
    named = ["unshare", "--uts", "sh", "-c", 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', name, *argv]
    return _process(folder, name, named)


def _etcd(folder: ClusterDir, programs: pathlib.Path) -> dict[str, Any]:
    local = "http://127.0.0.1:2379"
    argv = [
        str(programs / "etcd"),
        "--name=etcd",
        f"--data-dir={folder.root / 'etcd'}",
        f"--listen-client-urls={local}",
        f"--advertise-client-urls={local}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",  # a throw-away cluster: a crash of the machine may lose it
        "--log-level=warn",
    ]
    return _process(folder, "etcd", argv)


def _apiserver(folder: ClusterDir, addresses: Addresses, programs: pathlib.Path) -> dict[str, Any]:
    pki = folder.pki
    argv = [
        str(programs / "kube-apiserver"),
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={addresses.router}",
        f"--bind-address={addresses.router}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={addresses.services}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        "--kubelet-preferred-address-types=InternalIP",  # nodes' names resolve nowhere
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
    ]
    return _process(folder, "kube-apiserver", argv)


def _controller_manager(
    folder: ClusterDir, addresses: Addresses, programs: pathlib.Path, replica: int
) -> dict[str, Any]:
    config = str(folder.pki / "controller-manager.kubeconfig")
    argv = [
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={10257 + 100 * replica}",
        f"--service-cluster-ip-range={addresses.services}",
        f"--root-ca-file={folder.pki / 'ca.crt'}",
        f"--service-account-private-key-file={folder.pki / 'service-account.key'}",
        "--use-service-account-credentials=true",
        "--leader-elect=true",
    ]
    return _candidate(folder, f"kube-controller-manager-{replica}", argv)


def _scheduler(folder: ClusterDir, programs: pathlib.Path, replica: int) -> dict[str, Any]:
    config = str(folder.pki / "scheduler.kubeconfig")
    argv = [
        str(programs / "kube-scheduler"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={10259 + 100 * replica}",
        "--leader-elect=true",
    ]
    return _candidate(folder, f"kube-scheduler-{replica}", argv)
