"""The harness in a cluster: the manifests of deploy/cronjob as a user applies them, on the embedded cluster."""

import json
import os
import pathlib
from typing import Any

import pytest
import yaml

from harness import rights
from harness.clusters.embedded import cluster
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.errors import KubeError
from harness.kube import Kube
from harness.wait import until
from tests.cluster import harness_image
from tests.cluster.conftest import NAME, ROOT

NODE = "worker-1"
SPACE = rights.ACCOUNT
OURS = "app.kubernetes.io/managed-by=pytest-survive"
SPEC = """\
manifests: site.yaml
requests: {service: site, path: /index.html, rate: 50/s}
limits: {outage: 0s, errors: 0 %}
paths: [delete]
"""


def overlay(folder: pathlib.Path) -> pathlib.Path:
    """A kustomization as docs/nightly.md has it: the local volume, and one's own app beside the core suite."""
    base = os.path.relpath(ROOT / "deploy" / "cronjob-local", folder)
    node = [
        {"op": "replace", "path": "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0"}
        | {"value": NODE}
    ]
    made = {
        "resources": [base],
        "configMapGenerator": [
            {"name": "specs", "namespace": SPACE, "files": ["site.survive.yaml", "site.yaml"]},
        ],
        "patches": [{"target": {"kind": "PersistentVolume"}, "patch": yaml.safe_dump(node)}],
    }
    (folder / "site.survive.yaml").write_text(SPEC)
    (folder / "site.yaml").write_text((ROOT / "examples" / "nginx" / "k8s" / "site.yaml").read_text())
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return folder


@pytest.fixture(scope="module")
def admin(spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> Kube:
    """The cluster's administrator, who has brought the image and applied the kustomization."""
    nodes = EmbeddedNodes(NAME, "cronjob")
    scratch = tmp_path_factory.mktemp("image")
    harness_image.give(nodes, NODE, harness_image.archive(scratch))
    nodes.run(NODE, ["mkdir", "-p", "/var/lib/pytest-survive"])
    cluster.kubectl(spare, "apply", "-k", str(overlay(tmp_path_factory.mktemp("nightly"))))
    return Kube.connect(spare.kubeconfig)


def job(kube: Kube, name: str, *arguments: str) -> None:
    """What `kubectl create job --from=cronjob/pytest-survive` makes, with other arguments for pytest if any."""
    template = kube.get("batch/v1", "CronJob", "pytest-survive", SPACE)["spec"]["jobTemplate"]
    (container,) = template["spec"]["template"]["spec"]["containers"]
    own = container["args"].index("--") + 1
    rest = container["args"][own:]
    container["args"][own:] = [*arguments, *rest[rest.index("--cluster=existing") :]] if arguments else rest
    kube.create({**template, "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}, SPACE)


def pod_of(kube: Kube, name: str) -> dict[str, Any]:
    found = kube.list("v1", "Pod", SPACE, labels=f"job-name={name}")
    return found[0] if found else {}


def ended(kube: Kube, name: str, timeout_s: float) -> tuple[dict[str, Any], str]:
    """The condition that a Job ended with, and its log."""
    (found,) = until(
        lambda: [
            one
            for one in kube.get("batch/v1", "Job", name, SPACE).get("status", {}).get("conditions") or []
            if one["type"] in ("Complete", "Failed") and one["status"] == "True"
        ]
        or None,
        f"the end of the Job {name}", timeout_s, every_s=0.5, last=lambda: pod_of(kube, name).get("status"),
    )  # fmt: skip
    return found, log(kube, name)


def log(kube: Kube, name: str) -> str:
    lines = kube.logs(SPACE, pod_of(kube, name)["metadata"]["name"], "night", follow=False)
    return "\n".join(line.text for line in lines)


@pytest.fixture(scope="module")
def night(admin: Kube) -> tuple[dict[str, Any], str]:
    """A night of the user's own app and a row of the core suite."""
    job(admin, "night", "/specs", "suites", "-k", "site-delete or handover-release")
    return ended(admin, "night", 100)


@pytest.fixture(scope="module")
def volume(admin: Kube, night, spare: ClusterDir):
    """Reads the volume's files as a user does, by the pod of deploy/cronjob/reports.yaml."""
    cluster.kubectl(spare, "apply", "-f", str(ROOT / "deploy" / "cronjob" / "reports.yaml"))

    def ready() -> bool:
        conditions = admin.get("v1", "Pod", "reports", SPACE).get("status", {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    until(ready, "the pod that serves the reports", 30)
    return lambda path: admin.pod_get(SPACE, "reports", 8000, path)


def test_a_night_passes_and_its_reports_are_on_the_volume(admin: Kube, night, volume) -> None:
    condition, said = night
    assert condition["type"] == "Complete", said
    found = json.loads(volume("latest/results.json"))
    assert found["run"]["cluster"]["provider"] == "existing"
    assert {one["name"]: one["verdict"] for one in found["results"]} == {
        "site-delete": "pass",
        "handover-release": "pass",
    }
    assert all(one["proof"] for one in found["results"])
    assert "site-delete" in volume("latest/report.html")
    assert "1 of 23 nights" in volume("trend.html")
    assert volume("nights.sqlite").startswith("SQLite format 3")
    assert "1 of 23 nights: too few to judge" in said
    assert admin.list("v1", "Namespace", labels=OURS) == []


def test_the_account_can_do_what_its_roles_say_and_no_more(admin: Kube, kubeconfig: pathlib.Path) -> None:
    kube = Kube.connect(kubeconfig, "tester")
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": SPACE}}
    status = kube._client.once("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body=review)["status"]
    granted = {right for rule in status["resourceRules"] for right in rights._rights([_whole(rule)])}
    # What the cluster grants to everybody who is somebody (ClusterRole system:basic-user), and to every ServiceAccount
    # (system:cluster-trust-bundle-discovery).
    asking = {right for right in granted if right.resource.startswith("selfsubject")}
    trust = {right for right in granted if right.resource == "clustertrustbundles"}
    assert {right.verb for right in asking} == {"create"}
    assert {right.verb for right in trust} == {"get", "list", "watch"}
    assert granted - asking - trust == {*rights.of_role(rights.EVERY_RUN), *rights.of_role(rights.PATHS)}
    assert not any(rule.get("resourceNames") for rule in status["resourceRules"])
    with pytest.raises(KubeError, match="only what is in namespaces called survive-"):
        kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}, SPACE, dry_run=True)


def _whole(rule: dict[str, Any]) -> dict[str, Any]:
    return {"apiGroups": rule["apiGroups"], "resources": rule["resources"], "verbs": rule["verbs"]}


def test_a_right_that_is_missing_fails_the_job_with_the_reason_in_its_log(admin: Kube, night, without, volume) -> None:
    before = volume("trend.html")
    without(rights.EVERY_RUN, "list events")
    job(admin, "lacking")
    condition, said = ended(admin, "lacking", 60)
    assert (condition["type"], condition["reason"]) == ("Failed", "PodFailurePolicy"), said
    assert "failed with exit code 1 matching FailJob rule" in condition["message"]
    who = "system:serviceaccount:pytest-survive:pytest-survive"
    assert f"{who} may not do what every run does; the right to list events is missing: `survive rbac" in said
    assert "no run came to its end, so there is nothing to keep" in said
    assert volume("trend.html") == before


def test_a_night_that_is_told_to_stop_leaves_nothing(admin: Kube, night) -> None:
    job(admin, "stopped", "suites", "-k", "handover-expiry")
    until(lambda: admin.list("v1", "Pod", labels="app=controller") or None, "the row's first pod", 60, every_s=0.5)
    admin.delete("batch/v1", "Job", "stopped", SPACE)
    until(lambda: pod_of(admin, "stopped") == {}, "the end of the night's pod", 90, every_s=0.5)
    assert admin.list("v1", "Namespace", labels=OURS) == []
