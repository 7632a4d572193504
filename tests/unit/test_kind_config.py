"""kind's configuration of our clusters: who is where, and what only one of the nodes has."""

import pathlib

import pytest
import yaml

from harness.clusters.embedded.node import QUICK, SMALL_DISK, STANDARD
from harness.clusters.kind.config import LOAD_LABELS, SPARE, Plan, config, kubelet_patch, node, spare


def patches(of):
    return [yaml.safe_load(text) for text in of.get("kubeadmConfigPatches", [])]


def test_the_nodes_are_one_control_plane_load_two_for_apps_and_a_spare_one():
    made = config(Plan("survive-a"))
    assert [one["role"] for one in made["nodes"]] == ["control-plane", *["worker"] * 4]
    assert [one.get("labels") for one in made["nodes"]] == [None, LOAD_LABELS, None, None, {SPARE: "true"}]
    registered = [[one["nodeRegistration"]["taints"] for one in patches(each)] for each in made["nodes"]]
    load, apart = (
        [[{"key": key, "effect": "NoSchedule"}]] for key in ("survive.dev/load", "survive.dev/spare")
    )  # fmt: skip
    assert registered == [[], load, [], [], apart]


def test_load_goes_where_it_goes_on_the_embedded_cluster():
    (load,) = [one for one in STANDARD if one.name == "load"]
    made = config(Plan("survive-a"))["nodes"][1]
    assert made["labels"] == load.labels
    (taint,) = patches(made)[0]["nodeRegistration"]["taints"]
    assert load.taints == (f"{taint['key']}=:{taint['effect']}",)


def test_kubelets_are_as_quick_as_the_embedded_clusters_and_bear_cgroup_v1():
    (kubelet,) = patches(config(Plan("survive-a")))
    assert kubelet == {"kind": "KubeletConfiguration", "failCgroupV1": False, **QUICK}


@pytest.mark.parametrize(
    ("version", "gates"),
    [
        ((1, 37), {"ContainerStopSignals"}),
        ((1, 36), {"ContainerStopSignals", "MaxUnavailableStatefulSet"}),
        (
            (1, 35),
            {
                "ContainerStopSignals", "MaxUnavailableStatefulSet", "RestartAllContainersOnContainerExits",
                "ContainerRestartRules", "NodeDeclaredFeatures",
            },
        ),
        ((1, 31), {"MaxUnavailableStatefulSet"}),
        (None, {"ContainerStopSignals", "MaxUnavailableStatefulSet"}),
    ],
)  # fmt: skip
def test_the_gates_are_those_that_rows_need_and_the_version_knows(version, gates):
    assert config(Plan("survive-a", version))["featureGates"] == dict.fromkeys(gates, True)


def test_the_small_disk_is_the_spare_nodes_alone_with_the_embedded_clusters_thresholds():
    made = config(Plan("survive-a", None, pathlib.Path("/d/kubelet"), pathlib.Path("/d/patches")))
    *others, last = made["nodes"]
    assert all("extraMounts" not in one for one in others)
    assert [(one["hostPath"], one["containerPath"]) for one in last["extraMounts"]] == [
        ("/d/kubelet", "/var/lib/kubelet"),
        ("/d/patches", "/survive/patches"),
    ]
    assert patches(last)[0]["patches"] == {"directory": "/survive/patches"}
    name, text = kubelet_patch()
    assert name == "kubeletconfiguration0+merge.yaml"
    assert yaml.safe_load(text) == SMALL_DISK
    assert "patches" not in str(config(Plan("survive-a")))


def test_nodes_are_named_as_kind_names_them():
    assert [node("c", number) for number in range(3)] == ["c-control-plane", "c-worker", "c-worker2"]
    assert spare("c") == "c-worker4"
