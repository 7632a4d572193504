"""How an app is placed on a node of a row's own, and given a folder to write to."""

from dataclasses import replace

from harness.deploy import OwnNode, placed, server, spread_on, take_pods_off, with_scratch
from harness.manifests import main_container, of_kind, pod_spec

NODE = OwnNode("row-1234", "row-1234")


def spec(app):
    return pod_spec(of_kind(app.manifests, "Deployment"))


def test_its_name_is_fresh_and_short_enough_for_a_label():
    first, second = OwnNode.of("x" * 90), OwnNode.of("x" * 90)
    assert first.name != second.name
    assert len(first.name) <= 63
    assert first.labels == {"survive.dev/row": first.name}
    assert first.taint == f"survive.dev/row={first.name}:NoSchedule"


def test_placed_pods_tolerate_its_taint_and_prefer_it_together():
    before = server()
    pod = spec(placed(before, NODE))
    key, rest = NODE.taint.split("=")
    value, effect = rest.split(":")
    assert pod["tolerations"] == [{"key": key, "operator": "Equal", "value": value, "effect": effect}]
    (term,) = pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["preference"]["matchExpressions"] == [{"key": key, "operator": "In", "values": [value]}]
    (near,) = pod["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["podAffinityTerm"]["labelSelector"] == {"matchLabels": before.selector}
    assert "topologySpreadConstraints" not in pod
    assert "topologySpreadConstraints" in spec(before), "the app itself is not changed"


def test_apart_no_two_share_a_node_and_only_means_nowhere_else():
    apart = spec(placed(server(), NODE, apart=True))["affinity"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in apart["podAntiAffinity"]
    assert "podAffinity" not in apart
    only = spec(placed(server(), NODE, only=True))["affinity"]
    assert only["nodeAffinity"].keys() == {"requiredDuringSchedulingIgnoredDuringExecution"}


def test_spread_they_prefer_not_to_share_a_node_and_keep_what_they_tolerate():
    more = {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}
    app = server()
    spec(app)["tolerations"] = [more]
    other = {**of_kind(app.manifests, "Deployment"), "metadata": {"name": "database"}}
    made = spread_on(replace(app, manifests=[*app.manifests, other]), NODE)
    changed, kept = [one for one in made.manifests if one["kind"] == "Deployment"]
    assert kept == other
    pod = pod_spec(changed)
    assert pod["tolerations"][1:] == [more]
    anti = pod["affinity"]["podAntiAffinity"]
    (term,) = anti.pop("preferredDuringSchedulingIgnoredDuringExecution")
    assert anti == {}
    assert term["podAffinityTerm"]["labelSelector"] == {"matchLabels": app.selector}
    assert pod["affinity"]["nodeAffinity"] == spec(placed(server(), NODE))["affinity"]["nodeAffinity"]


def test_further_tolerations_come_on_top():
    more = {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}
    assert spec(placed(server(), NODE, tolerations=[more]))["tolerations"][1:] == [more]


def test_a_scratch_folder_is_an_empty_dir_with_a_limit():
    app = with_scratch(server(args=["--drain-s", "1"]), 16)
    (volume,) = spec(app)["volumes"]
    container = main_container(of_kind(app.manifests, "Deployment"))
    assert volume["emptyDir"] == {"sizeLimit": "16Mi"}
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/scratch"}]
    assert container["args"] == ["--drain-s", "1", "--scratch", "/scratch"]


class FakeKube:
    def __init__(self, pods):
        self.pods, self.deleted = pods, []

    def list(self, api_version, kind, *, fields):
        assert (api_version, kind, fields) == ("v1", "Pod", "spec.nodeName=row-1234")
        return self.pods

    def delete_pod(self, name, namespace, grace_s=None, uid=""):
        self.deleted.append((name, namespace, grace_s, uid))


def test_its_pods_are_taken_off_by_force_and_only_as_the_ones_they_were():
    kube = FakeKube([{"metadata": {"name": "a", "namespace": "survive-row-12345", "uid": "u"}}])
    take_pods_off(kube, NODE.name)
    assert kube.deleted == [("a", "survive-row-12345", 0, "u")]


def test_the_clusters_own_pods_stay_on_it():
    kube = FakeKube([{"metadata": {"name": "kube-proxy-x", "namespace": "kube-system", "uid": "u"}}])
    take_pods_off(kube, NODE.name)
    assert kube.deleted == []
