"""An app that runs already is restarted, and nothing else of it is changed: `pytest --attach`."""

import copy
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.clusters.embedded.layout import ClusterDir
from harness.deploy import controller, daemons, server, stateful
from harness.deploy.app import apply, wait_ready
from harness.kube import Kube
from harness.wait import until
from tests.cluster.conftest import NAME, ROOT

SHOP = "shop"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture(scope="module")
def kube(spare: ClusterDir) -> Iterator[Kube]:
    """A cluster with a namespace of others, in which apps of each kind run."""
    kube = Kube.connect(spare.kubeconfig)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP, "labels": {"owner": "others"}}})
    until(lambda: kube.list("v1", "ServiceAccount", SHOP), "the namespace's ServiceAccount", 20)
    apps = [
        server("web", replicas=2, pre_stop_s=4, budget={"maxUnavailable": 1}),
        stateful(server("db", replicas=1)),
        daemons(server("agent")),
        controller("boss", release=True),
    ]
    for app in apps:
        apply(kube, app, SHOP)
    for app in apps:
        wait_ready(kube, app, SHOP)
    yield kube
    kube.delete("v1", "Namespace", SHOP)


@pytest.fixture
def attach(tmp_path: pathlib.Path) -> Callable[..., tuple[str, dict[str, dict[str, Any]]]]:
    """Runs `pytest --attach …`; what it printed, and the results by name."""

    def run(*arguments: str) -> tuple[str, dict[str, dict[str, Any]]]:
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "--rootdir",
            str(ROOT),
            "--cluster",
            "embedded",
            "--cluster-name",
            NAME,
            "-v",
        ]
        argv += ["--survive-out", str(tmp_path), "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=200)
        found = json.loads((tmp_path / "latest" / "results.json").read_text())["results"]
        return done.stdout, {one["name"]: one for one in found}

    return run


def state(kube: Kube) -> dict[str, Any]:
    """All that users or others would have set on the app: what it is, without its status and its pods."""
    kinds = (("apps/v1", "Deployment"), ("v1", "Service"), ("policy/v1", "PodDisruptionBudget"), ("v1", "ConfigMap"))
    found = {}
    for api_version, kind in kinds:
        for one in kube.list(api_version, kind, SHOP):
            meta = {
                key: one["metadata"].get(key) for key in ("uid", "generation", "labels", "annotations", "finalizers")
            }
            found[f"{kind}/{one['metadata']['name']}"] = {
                "metadata": meta,
                "spec": one.get("spec"),
                "data": one.get("data"),
            }
    namespace = kube.get("v1", "Namespace", SHOP)["metadata"]
    found["Namespace"] = {"labels": namespace["labels"], "annotations": namespace.get("annotations")}
    return found


def test_paths_on_a_deployment_that_runs_change_nothing_but_the_restart(kube: Kube, attach) -> None:
    before = state(kube)
    names = {one["metadata"]["name"] for one in kube.list("v1", "Pod", SHOP, labels="app=web")}
    said, found = attach("--attach", f"{SHOP}/deployment/web", "--attach-service", "web")
    assert set(found) == {"web-rollout", "web-delete", "web-evict"}, said
    # A machine too noisy to measure on is told of as such; proof and traffic are there all the same.
    assert all(one["verdict"] in ("pass", "inconclusive") for one in found.values()), said
    assert all(one["proof"] and one["traffic"]["requests"] > 50 for one in found.values())
    # What the cluster has about it was looked at too: its budget counts it, and says nothing of broken pods.
    codes = [{finding["code"] for finding in one["findings"]} for one in found.values()]
    assert all("budget-guards-broken" in one and "no-budget" not in one for one in codes), said
    after = state(kube)
    allowed = copy.deepcopy(before)
    rolled = after["Deployment/web"]
    allowed["Deployment/web"]["metadata"]["generation"] += 1
    allowed["Deployment/web"]["metadata"]["annotations"][REVISION] = "2"
    template = allowed["Deployment/web"]["spec"]["template"]["metadata"]
    template["annotations"] = {RESTARTED: rolled["spec"]["template"]["metadata"]["annotations"][RESTARTED]}
    assert after == allowed
    assert not names & {one["metadata"]["name"] for one in kube.list("v1", "Pod", SHOP, labels="app=web")}
    ours = kube.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive")
    assert ours == []


def held(result: dict[str, Any], said: str) -> None:
    """It was restarted, and what was expected held; a log that cannot be followed there makes it inconclusive."""
    assert result["verdict"] in ("pass", "inconclusive"), said
    assert result["proof"], said
    assert all(one["holds"] for one in result["expected"]), said


def test_files_restart_each_kind_and_advise_by_what_the_cluster_has(kube: Kube, attach, tmp_path) -> None:
    files = {
        "agent": "attach: shop/daemonset/agent\npaths: [rollout, delete]\n",
        "boss": "attach: shop/deployment/boss\nlease: boss\nlimits: {failover: 6s, outage: 0s}\npaths: [handover]\n",
        "quiet": "attach: {namespace: shop, kind: StatefulSet, name: db}\npaths: [delete]\n",
        "asked": "attach: shop/sts/db\nrequests: {service: db, port: http}\npaths: [delete]\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.survive.yaml").write_text(text)
    paths = [str(tmp_path / f"{name}.survive.yaml") for name in files]
    said, found = attach(*paths, "-n", "3", "--dist", "load", "--maxschedchunk", "1")
    for name in ("agent-rollout", "agent-delete", "boss-handover"):
        held(found[name], said)
    assert [one["what"] for one in found["boss-handover"]["expected"]] == [
        "no pod available for at most 0 s",
        "lease boss without a holder <= 6 s",
    ]
    (expected,) = found["quiet-delete"]["expected"]
    assert (expected["what"], expected["holds"]) == ("no pod available for at most 0 s", False)
    assert "traffic" not in found["quiet-delete"]
    asked = found["asked-delete"]
    assert asked["verdict"] in ("fail", "inconclusive"), said
    assert asked["traffic"]["errors"] > 0
    (replica,) = [one for one in asked["advice"] if one["code"] == "second-replica"]
    assert replica["paste"].startswith("apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: db\n")


def test_options_say_what_a_file_says(kube: Kube, attach) -> None:
    said, found = attach("--attach", f"{SHOP}/deploy/boss", "--attach-lease", "boss", "--paths", "handover")
    assert set(found) == {"boss-handover"}, said
    held(found["boss-handover"], said)
