"""What the init processes of a cluster and of its nodes are told to do."""

import json
import pathlib
import re
import shlex
import stat
import tomllib

import pytest

from harness.clusters.embedded import controlplane, node
from harness.clusters.embedded.addresses import Addresses
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.node import STANDARD

WHERE = Addresses(201)
PROGRAMS = pathlib.Path("/cache/programs/key")
LAYERS = pathlib.Path("/c d/layers")
LOAD, WORKER, _, SMALL = STANDARD
GATES = {"One": True, "Two": False}
INSIDE = ("/run/survive/", "/run/containerd/")
"""Where all that a node's processes use lies."""


@pytest.fixture
def folder(tmp_path):
    return ClusterDir(tmp_path / "one")


@pytest.fixture
def authority(folder):
    return controlplane.issue_certificates(folder, WHERE)


def of_node(folder, authority, item):
    node.prepare(folder, WHERE, authority, item, f"/one/{item.name}", GATES)
    return node.init_spec(folder, WHERE, PROGRAMS, LAYERS, item)


def kubelet(folder, item):
    return json.loads((folder.node(item.name) / "kubelet.json").read_text())


def check_shape(spec):
    assert json.loads(json.dumps(spec)) == spec
    assert set(spec) == {"hostname", "steps", "processes"}
    assert all(step and all(isinstance(word, str) for word in step) for step in spec["steps"])
    for process in spec["processes"]:
        assert {"name", "argv", "log"} <= set(process) <= {"name", "argv", "log", "env"}
        assert all(isinstance(word, str) for word in process["argv"])
    names = [process["name"] for process in spec["processes"]]
    logs = [process["log"] for process in spec["processes"]]
    assert len(set(names)) == len(names) == len(set(logs))


def paths(text):
    """Absolute paths in a text: not those inside a URL or behind another part of a path."""
    return re.findall(r"(?<![\w./:])/[\w./-]+", text)


def test_the_control_planes_spec(folder, authority):
    spec = controlplane.init_spec(folder, WHERE, PROGRAMS, GATES)
    check_shape(spec)
    assert spec["hostname"] == "one"
    argv = {process["name"]: process["argv"] for process in spec["processes"]}
    assert sorted(argv) == [
        "etcd", "kube-apiserver", "kube-controller-manager-0", "kube-controller-manager-1", "kube-scheduler-0",
        "kube-scheduler-1",
    ]  # fmt: skip
    for name in (one for one in argv if one.endswith(("-0", "-1"))):
        assert name in argv[name], "its host is called as it is, so that its Lease says which it is"
        argv[name] = argv[name][argv[name].index(name) + 1 :]
    assert all(pathlib.Path(words[0]).parent == PROGRAMS for words in argv.values())
    files = [path for words in argv.values() for word in words[1:] for path in paths(word)]
    written = [path for path in files if str(folder.pki) in path]
    assert len(written) > 10
    assert all(pathlib.Path(path).exists() for path in written)
    assert all(path.startswith(str(folder.root)) for path in files)
    ports = [word for words in argv.values() for word in words if word.startswith("--secure-port=")]
    assert len(set(ports)) == len(ports) == 5
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.pki.glob("*.kubeconfig")}
    assert modes == {0o600}


def test_all_of_kubernetes_is_told_the_gates(folder, authority):
    spec = controlplane.init_spec(folder, WHERE, PROGRAMS, GATES)
    told = {one["name"] for one in spec["processes"] if "--feature-gates=One=true,Two=false" in one["argv"]}
    assert told == {one["name"] for one in spec["processes"]} - {"etcd"}
    of_node(folder, authority, WORKER)
    assert kubelet(folder, WORKER)["featureGates"] == GATES


def test_the_control_plane_takes_only_addresses_of_its_range(folder, authority):
    spec = json.dumps(controlplane.init_spec(folder, WHERE, PROGRAMS, GATES))
    found = set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", spec))
    assert {one for one in found if not one.startswith("10.201.")} == {"127.0.0.1"}
    assert controlplane.link_name(Addresses(255)) == "survive255"
    assert len(controlplane.link_name(Addresses(255))) <= 15


def test_the_host_is_touched_by_its_link_alone(folder, authority):
    link = controlplane.link_name(WHERE)
    outer = [step for step in controlplane.init_spec(folder, WHERE, PROGRAMS, GATES)["steps"] if step[0] == "outer"]
    assert outer
    assert all(step[1] == "ip" and link in step for step in outer)


@pytest.mark.parametrize("item", STANDARD, ids=lambda item: item.name)
def test_a_nodes_processes_use_only_what_is_bound_for_them(folder, authority, item):
    spec = of_node(folder, authority, item)
    check_shape(spec)
    assert spec["hostname"] == item.name
    assert [process["name"] for process in spec["processes"]] == ["containerd", "kubelet", "kube-proxy"]
    root = folder.node(item.name)
    for process in spec["processes"]:
        assert process["argv"][0].startswith("/run/survive/programs/")
        assert process["log"].startswith("/run/survive/node/logs/")
        assert process["env"]["PATH"].startswith("/run/survive/programs:")
        used = [path for word in process["argv"] for path in paths(word)]
        assert all(path.startswith(INSIDE) for path in used)
        bound = [path.removeprefix("/run/survive/node/") for path in used if path.startswith("/run/survive/node/")]
        assert all((root / path).exists() for path in bound)
    assert str(folder.root) not in json.dumps(spec["processes"])


@pytest.mark.parametrize("item", STANDARD, ids=lambda item: item.name)
def test_a_nodes_settings_name_no_path_of_the_host(folder, authority, item):
    of_node(folder, authority, item)
    root = folder.node(item.name)
    config = kubelet(folder, item)
    files = [config["authentication"]["x509"]["clientCAFile"], config["tlsCertFile"], config["tlsPrivateKeyFile"]]
    files.append(config["resolvConf"])
    assert all((root / path.removeprefix("/run/survive/node/")).exists() for path in files)
    assert stat.S_IMODE((root / "kubelet.key").stat().st_mode) == 0o600
    containerd = tomllib.loads((root / "containerd.toml").read_text())
    cni = containerd["plugins"]["io.containerd.cri.v1.runtime"]["cni"]
    assert (cni["bin_dirs"], cni["conf_dir"]) == (["/run/survive/programs"], "/run/survive/node/cni")
    (network,) = [json.loads(path.read_text()) for path in (root / "cni").iterdir()]
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": WHERE.pods_of(item.index)}]]
    for path in root.rglob("*"):
        assert not path.is_file() or str(folder.root) not in path.read_text()


def test_only_the_small_disk_is_a_disk_of_its_own(folder, authority):
    (small, *_), (large, *_) = (of_node(folder, authority, item)["steps"] for item in (SMALL, WORKER))
    assert "mkfs.ext4" in small[2]
    assert "mount -n -o loop /run/survive/node/disk.img /var/lib/kubelet" in small[2]
    assert "mkfs" not in large[2]
    assert "--bind /run/survive/node/kubelet /var/lib/kubelet" in large[2]
    assert "evictionSoft" not in kubelet(folder, WORKER)
    assert kubelet(folder, SMALL)["evictionSoft"] == {"nodefs.available": "300Mi"}
    for key in ("evictionSoft", "evictionSoftGracePeriod"):
        assert kubelet(folder, SMALL)[key].keys() == {"nodefs.available"}


def test_taints_and_labels_reach_the_kubelet(folder, authority):
    specs = {item.name: of_node(folder, authority, item) for item in STANDARD}
    assert kubelet(folder, LOAD)["registerWithTaints"] == [
        {"key": "survive.dev/load", "value": "", "effect": "NoSchedule"}
    ]
    assert kubelet(folder, SMALL)["registerWithTaints"] == [
        {"key": "survive.dev/disk", "value": "small", "effect": "NoSchedule"}
    ]
    assert kubelet(folder, WORKER)["registerWithTaints"] == []
    argv = {name: spec["processes"][1]["argv"] for name, spec in specs.items()}
    assert "--node-labels=survive.dev/role=load" in argv["load"]
    assert not any(word.startswith("--node-labels") for word in argv["worker-1"])


def test_each_node_has_its_own_addresses_and_cgroup(folder, authority):
    specs = [of_node(folder, authority, item) for item in STANDARD]
    assert len({kubelet(folder, item)["cgroupRoot"] for item in STANDARD}) == len(STANDARD)
    addresses = [step[3] for spec in specs for step in spec["steps"] if step[:3] == ["ip", "address", "add"]]
    assert addresses == [f"{WHERE.node(item.index)}/24" for item in STANDARD]
    links = [step[4] for spec in specs for step in spec["steps"] if step[:4] == ["outer", "ip", "link", "add"]]
    assert len(set(links)) == len(STANDARD)


def test_the_mounts_stand_a_folder_with_a_blank_in_its_name(tmp_path):
    folder = ClusterDir(tmp_path / "a b" / "one")
    script = node.init_spec(folder, WHERE, pathlib.Path("/c d/p"), LAYERS, WORKER)["steps"][0]
    assert script[:2] == ["sh", "-c"]
    words = shlex.split(script[2])
    assert str(folder.node("worker-1")) in words
    assert "/c d/p" in words
