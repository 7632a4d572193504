import pytest
import yaml

from harness import manifests
from harness.deploy import controller, server
from harness.manifests import main_container, merged, of_kind, pod_spec, renamed


def deployment(app):
    return of_kind(app.manifests, "Deployment")


def test_merged_leaves_its_input_alone_and_none_removes():
    before = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merged(before, {"a": {"b": None, "e": 3}, "d": [2]}) == {"a": {"c": 2, "e": 3}, "d": [2]}
    assert before == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_renamed_changes_whole_values_only():
    assert renamed([{"server": "server", "image": "x/server:dev", "l": ["server"]}], "server", "web") == [
        {"server": "web", "image": "x/server:dev", "l": ["web"]}
    ]


def test_the_naive_server():
    app = server(probes=False)
    container = main_container(deployment(app))
    assert not {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} & container.keys()
    assert (app.name, app.service, app.port, app.selector) == ("server", "server", 80, {"app": "server"})
    assert [one["kind"] for one in app.manifests] == ["Deployment", "Service"]


def test_the_good_server():
    app = server(
        "web", replicas=3, args=["--startup-delay-s", "2"], pre_stop_s=4, grace_s=9, max_surge=1, max_unavailable=0,
        budget={"maxUnavailable": 1}, priority_class="low", node_selector={"a": "b"}, image="i:1",
        resources={"requests": {"cpu": "1"}},
    )  # fmt: skip
    made = deployment(app)
    spec, pod, container = made["spec"], pod_spec(made), main_container(made)
    assert (made["metadata"]["name"], spec["replicas"]) == ("web", 3)
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert (container["args"], container["image"]) == (["--startup-delay-s", "2"], "i:1")
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 4}}}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["httpGet"]["path"] == "/startz"
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "32Mi"}}
    assert pod["terminationGracePeriodSeconds"] == 9
    assert (pod["priorityClassName"], pod["nodeSelector"]) == ("low", {"a": "b"})
    assert pod["topologySpreadConstraints"][0]["labelSelector"] == {"matchLabels": {"app": "web"}}
    budget = of_kind(app.manifests, "PodDisruptionBudget")
    assert budget["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    assert of_kind(app.manifests, "Service")["spec"]["selector"] == {"app": "web"}
    assert spec["template"]["metadata"]["labels"] == {"app": "web", "survive.dev/speaks": "true"}


def test_zero_is_not_nothing():
    made = deployment(server(pre_stop_s=0, max_unavailable=0, spread=False))
    assert main_container(made)["lifecycle"] == {"preStop": {"sleep": {"seconds": 0}}}
    assert made["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0}
    assert "topologySpreadConstraints" not in pod_spec(made)


def test_a_liveness_probe_is_laid_over_the_usual_one():
    probe = main_container(deployment(server(liveness={"failureThreshold": 1})))["livenessProbe"]
    assert (probe["failureThreshold"], probe["httpGet"]["path"], probe["periodSeconds"]) == (1, "/livez", 1)


def test_the_controller_may_use_leases_and_nothing_else():
    app = controller("boss", replicas=3, release=True, lease_s=1.5)
    role = of_kind(app.manifests, "Role")
    assert role["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}
    ]
    binding = of_kind(app.manifests, "RoleBinding")
    assert (binding["roleRef"]["name"], binding["subjects"][0]["name"]) == ("boss", "boss")
    made = deployment(app)
    assert pod_spec(made)["serviceAccountName"] == "boss"
    assert main_container(made)["args"] == [
        "--lease", "boss", "--lease-s", "1.5", "--renew-s", "10", "--retry-s", "2", "--release",
    ]  # fmt: skip
    assert (app.service, made["spec"]["replicas"]) == (None, 3)
    assert "--no-release" in main_container(deployment(controller()))["args"]


def test_two_servers_share_nothing():
    first = server()
    main_container(deployment(first))["args"].append("--spoilt")
    assert main_container(deployment(server()))["args"] == []


@pytest.mark.parametrize("workload", ["server", "controller", "load", "signals"])
def test_every_pod_is_restricted_and_speaks(workload):
    for made in manifests.load(workload):
        if made["kind"] not in ("Deployment", "Pod"):
            continue
        spec, container = pod_spec(made), main_container(made)
        labels = made["spec"].get("template", made)["metadata"]["labels"]
        assert labels["survive.dev/speaks"] == "true"
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert container["env"][0]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_manifests_are_plain_yaml_without_aliases():
    assert "&id" not in yaml.safe_dump_all(manifests.load("server"))
