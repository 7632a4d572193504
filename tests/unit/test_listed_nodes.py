"""Nodes of others: only those that are listed, open and not lent are marked, and all is taken back."""

import copy

import pytest

from harness.clusters.listed_nodes import ListedNodes
from harness.disrupt import Drain, NodeDown, Preempt, Site, Taint
from harness.errors import Impossible, KubeError, UsageError
from harness.nodes import Nodes

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
ROW = {"survive.dev/row": "drain-1"}
MARK = "survive.dev/row=drain-1:NoSchedule"


class Kube:
    """Nodes with their labels and taints; the first `crossed` changes meet one of somebody else's."""

    def __init__(self, *names, crossed=0, pods=()):
        self.nodes = {
            name: {"metadata": {"name": name, "labels": {"a": "b"}}, "spec": {}, "status": READY} for name in names
        }
        self.crossed = crossed
        self.pods = list(pods)

    def get(self, api_version, kind, name, namespace=""):
        if name not in self.nodes:
            raise KubeError("no such node", 404)
        found = copy.deepcopy(self.nodes[name])
        found["metadata"]["resourceVersion"] = str(self.crossed)
        return found

    def patch(self, api_version, kind, name, namespace, body, how="merge"):
        if self.crossed:
            self.crossed -= 1
            raise KubeError("conflict", 409)
        meta = body.get("metadata", {"resourceVersion": "0", "labels": {}})
        assert meta["resourceVersion"] == "0"
        labels = {**self.nodes[name]["metadata"]["labels"], **meta["labels"]}
        self.nodes[name]["metadata"]["labels"] = {key: value for key, value in labels.items() if value is not None}
        self.nodes[name]["spec"] |= body["spec"]

    def list(self, api_version, kind, namespace="", labels=""):
        return self.pods if kind == "Pod" else list(self.nodes.values())


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))


def test_one_is_lent_with_the_rows_mark_and_taken_back_as_it_was():
    kube = Kube("n1", "n2", crossed=2)
    kube.nodes["n1"]["spec"] = {"taints": [{"key": "x", "effect": "PreferNoSchedule"}]}
    before = copy.deepcopy(kube.nodes)
    nodes: Nodes = ListedNodes(kube, ["n1"])
    assert nodes.add("drain-1", ROW, [MARK]) == "n1"
    assert kube.nodes["n1"]["metadata"]["labels"] == {"a": "b", **ROW}
    taint = {"key": "survive.dev/row", "value": "drain-1", "effect": "NoSchedule"}
    assert kube.nodes["n1"]["spec"]["taints"] == [{"key": "x", "effect": "PreferNoSchedule"}, taint]
    assert kube.nodes["n2"] == before["n2"]
    nodes.remove("n1")
    assert kube.nodes == before


def test_no_node_is_lent_twice_nor_one_that_is_closed():
    kube = Kube("n1", "n2", "n3")
    kube.nodes["n3"]["spec"]["unschedulable"] = True
    nodes = ListedNodes(kube, ["n1", "n3"])
    nodes.add("drain-1", ROW, [MARK])
    with pytest.raises(Impossible, match=r"n1 \(taint survive.dev/row:NoSchedule\), n3 \(cordoned\)"):
        nodes.add("drain-2", ROW, [MARK])


def test_a_node_that_is_not_there():
    with pytest.raises(UsageError, match="--node nx: the cluster has no node of that name"):
        ListedNodes(Kube("n1"), ["nx"]).add("drain-1", ROW, [MARK])


@pytest.mark.parametrize("what", [
    lambda nodes: nodes.add("x", ROW, [], small_disk=True), lambda nodes: nodes.crash("n1"),
    lambda nodes: nodes.cut("n1"),
    lambda nodes: nodes.mend("n1"), lambda nodes: nodes.run("n1", ["true"]), lambda nodes: nodes.stop("n1", "kubelet"),
    lambda nodes: nodes.start("n1", "kubelet"), lambda nodes: nodes.kill("n1", "kubelet"),
])  # fmt: skip
def test_nothing_of_others_is_broken(what):
    with pytest.raises(Impossible, match="only clusters of our own"):
        what(ListedNodes(Kube("n1"), ["n1"]))


class Recorder:
    def add(self, record):
        pass


def site(kube, *listed):
    return Site(kube, "ns", Recorder(), ListedNodes(kube, listed) if listed else None)


def test_no_path_closes_or_taints_a_node_that_is_not_listed():
    kube = Kube("n1", "n2")
    for listed in ([], ["n1"]):
        with pytest.raises(Impossible, match="node n2: it changes a node"):
            site(kube, *listed).cordon("n2")
        with pytest.raises(Impossible, match="node n2: it changes a node"):
            site(kube, *listed).must_touch("n2")
    assert "unschedulable" not in kube.nodes["n2"]["spec"]
    site(kube, "n1").cordon("n1")


def test_what_paths_need_of_nodes_that_are_listed():
    pods = [{"metadata": {"name": "p", "creationTimestamp": "x"}, "spec": {"nodeName": "n2", "containers": []}}]
    kube = Kube("n1", "n2", pods=pods)
    assert Drain("n1", {}).needs(site(kube, "n1")) == Taint("n1", {}).needs(site(kube, "n1")) == ""
    assert "only clusters of our own" in NodeDown("n1", {}, "crash").needs(site(kube, "n1"))
    assert "--node does not list n2" in Preempt({}, "i").needs(site(kube, "n1"))
    assert "--node does not list" not in Preempt({}, "i").needs(site(kube, "n2"))
