"""The embedded cluster as an existing one: a ServiceAccount with the rights of the manifest, and no more."""

import copy
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from harness import rights
from harness.clusters.embedded.layout import ClusterDir
from harness.commands.rbac import node_binding
from harness.errors import KubeError
from harness.kube import Kube
from harness.wait import until
from tests.cluster.conftest import ROOT

CONTEXT = "tester"
EVICT = "suites/test_evict.py::test_an_eviction_within_the_budget_is_accepted_at_once"
DELETE = "suites/test_delete.py::test_a_pre_stop_sleep_drains_before_the_signal"
HANDOVER = "suites/test_handover.py::test_a_released_lease_is_taken_at_the_next_look"
CUT = "suites/test_split_brain.py::test_a_leader_cut_off_from_the_api_stops_before_its_lease_expires"
DRAIN = "suites/test_drain.py::test_a_drain_waits_for_the_budget_and_loses_nothing"


@pytest.fixture(scope="module")
def admin(spare: ClusterDir) -> Kube:
    """The cluster's administrator, who has applied the manifest."""
    kube = Kube.connect(spare.kubeconfig)
    kube.apply(rights.documents(), rights.ACCOUNT)
    return kube


@pytest.fixture(scope="module")
def kubeconfig(admin: Kube, spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A kubeconfig whose one context is that of the ServiceAccount."""
    return write_kubeconfig(spare, token(admin), tmp_path_factory.mktemp("kube") / "config")


def token(admin: Kube) -> str:
    path = f"/api/v1/namespaces/{rights.ACCOUNT}/serviceaccounts/{rights.ACCOUNT}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    return str(admin._client.once("POST", path, body=body)["status"]["token"])


def write_kubeconfig(spare: ClusterDir, credentials: str, path: pathlib.Path) -> pathlib.Path:
    config = yaml.safe_load(spare.kubeconfig.read_text())
    cluster = copy.deepcopy(config["clusters"][0])
    config |= {
        "current-context": "",
        "clusters": [cluster],
        "contexts": [{"name": CONTEXT, "context": {"cluster": cluster["name"], "user": CONTEXT}}],
        "users": [{"name": CONTEXT, "user": {"token": credentials}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def rows(kubeconfig: pathlib.Path, tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs rows as the ServiceAccount."""

    def run(*arguments: str, config: pathlib.Path = kubeconfig) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "pytest", "--kube-context", CONTEXT, "--kubeconfig", str(config)]
        argv += ["--survive-out", str(tmp_path), "-p", "no:cacheprovider", "-v", *arguments]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=240)

    return run


@pytest.fixture
def without(admin: Kube, kubeconfig: pathlib.Path):
    """Takes rights away from the roles until the test ends, and waits until the API server knows."""
    changed: dict[str, rights.Right] = {}
    kube = Kube.connect(kubeconfig, CONTEXT)

    def take(role: str, right: str) -> None:
        (whole,) = [
            one for one in rights.documents() if (one["kind"], one["metadata"]["name"]) == ("ClusterRole", role)
        ]
        wanted = changed[role] = rights.Right.read(right)
        rules = [
            {"apiGroups": [one.group], "resources": ["/".join(filter(None, one[2:]))], "verbs": [one.verb]}
            for one in rights.of_role(role)
            if one != wanted
        ]
        admin.patch("rbac.authorization.k8s.io/v1", "ClusterRole", role, "", {**whole, "rules": rules})
        until(lambda: not kube.allowed(*wanted), f"the end of the right to {right}", 10)

    yield take
    roles = [one for one in rights.documents() if one["kind"] == "ClusterRole"]
    admin.apply([one for one in roles if one["metadata"]["name"] in changed], "")
    until(lambda: not rights.missing(kube, changed.values()), "the rights again", 10)


def results(tmp_path: pathlib.Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((tmp_path / "latest" / "results.json").read_text())["results"]
    return found


def own_namespaces(kube: Kube) -> list[str]:
    found = kube.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive")
    return [one["metadata"]["name"] for one in found]


def test_rows_run_with_just_these_rights_under_the_strictest_pod_security(rows, admin: Kube, tmp_path) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    done = rows(DELETE, EVICT, HANDOVER, CUT, "-n", "4", "--namespace-label", label)
    found = {one["name"]: one for one in results(tmp_path)}
    refused = found.pop("split-cut")
    # A machine too noisy to measure on is told of as such; rights are what this test is about.
    assert set(found) == {"delete-sleep", "evict", "handover-release"}, done.stdout + done.stderr
    assert {one["verdict"] for one in found.values()} <= {"pass", "inconclusive"}, done.stdout
    assert all(one["proof"] for one in found.values())
    # Its purpose is to change routes.
    assert refused["verdict"] == "error"
    assert re.search(r'are refused: .*violates PodSecurity "restricted:latest".*NET_ADMIN', refused["why"])
    assert "set another level by --namespace-label pod-security.kubernetes.io/enforce=LEVEL" in refused["why"]
    assert own_namespaces(admin) == []


def test_a_node_that_is_listed_is_lent_and_given_back_as_it_was(rows, admin: Kube, tmp_path: pathlib.Path) -> None:
    def node() -> dict[str, Any]:
        found = admin.get("v1", "Node", "worker-1")
        taints = [one for one in found["spec"].get("taints") or [] if not one["key"].startswith("node.kubernetes.io")]
        return {"labels": found["metadata"]["labels"], "taints": taints, **_closed(found)}

    admin.apply([node_binding()], "")
    before = node()
    done = rows(DRAIN, "--allow-node-disruption", "--node", "worker-1")
    (found,) = results(tmp_path)
    assert found["verdict"] in ("pass", "inconclusive"), done.stdout
    assert "node worker-1 was closed to new pods" in found["proof"]
    assert node() == before


def _closed(node: dict[str, Any]) -> dict[str, bool]:
    return {"closed": bool(node["spec"].get("unschedulable"))}


def test_the_account_is_kept_to_its_own_namespaces(admin: Kube, kubeconfig: pathlib.Path) -> None:
    kube = Kube.connect(kubeconfig, CONTEXT)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    with pytest.raises(KubeError, match="only what is in namespaces called survive-"):
        kube.create(pod, "default", dry_run=True)
    named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    with pytest.raises(KubeError, match="only what is in namespaces called survive-"):
        kube.create(named, dry_run=True)
    with pytest.raises(KubeError, match="only what is in namespaces called survive-"):
        kube.delete("v1", "Namespace", rights.ACCOUNT)
    victim = admin.list("v1", "Pod", "kube-system")[0]["metadata"]["name"]
    with pytest.raises(KubeError, match="only what is in namespaces called survive-"):
        kube.evict(victim, "kube-system", dry_run=True)


def test_a_missing_right_is_named_before_anything_is_touched(rows, without, admin: Kube, tmp_path) -> None:
    without("pytest-survive", "list events")
    done = rows(DELETE)
    assert done.returncode == 1
    told = (
        "system:serviceaccount:pytest-survive:pytest-survive may not do what every run does; the right to list events"
    )
    assert told in done.stdout
    assert "survive rbac" in done.stdout
    assert own_namespaces(admin) == []
    assert not (tmp_path / "latest").exists()


def test_a_path_whose_right_is_missing_is_skipped_and_says_so(rows, without, admin: Kube, tmp_path) -> None:
    without("pytest-survive-paths", "create pods/eviction")
    done = rows(EVICT, DRAIN, "-rs")
    assert "the path evict: the right to create pods/eviction is missing" in done.stdout
    assert "the path drain: it changes a node or crowds it: allow that by --allow-node-disruption" in done.stdout
    assert {one["verdict"] for one in results(tmp_path)} == {"skip"}
    assert own_namespaces(admin) == []


def test_the_doctor_tells_what_is_possible(survive, without, admin: Kube, kubeconfig: pathlib.Path) -> None:
    def doctor(*arguments: str) -> tuple[int, dict]:
        process = survive("doctor", "--kube-context", CONTEXT, "--kubeconfig", str(kubeconfig), "--json", *arguments)
        said = process.communicate(timeout=60)[0]
        return process.returncode, json.loads(said)

    code, told = doctor()
    assert (code, told["fit"]) == (0, True), told
    possible = {path["name"] for path in told["paths"] if path["possible"]}
    assert {"delete", "evict", "rollout", "handover", "stop"} <= possible
    assert {"drain", "taint", "preempt", "node-down", "component-crash"} & possible == set()
    admin.apply([node_binding()], "")
    code, told = doctor("--allow-node-disruption", "--node", "worker-1")
    possible = {path["name"] for path in told["paths"] if path["possible"]}
    assert {"drain", "taint", "preempt"} <= possible
    assert {"node-down", "component-crash", "disk", "daemon"} & possible == set()
    code, told = doctor("--pull", "--image", "signals=127.0.0.1:9/signals:1")
    pulls = {one["what"].removeprefix("pull "): one for one in told["findings"] if one["what"].startswith("pull ")}
    assert {what: one["state"] for what, one in pulls.items()} == {
        "survive.dev/server:dev": "ok",
        "survive.dev/controller:dev": "ok",
        "survive.dev/load:dev": "ok",
        "127.0.0.1:9/signals:1": "bad",
    }
    assert "connection refused" in pulls["127.0.0.1:9/signals:1"]["said"]
    assert pulls["127.0.0.1:9/signals:1"]["todo"].startswith("the nodes do not reach its registry: name one by --image")
    assert (code, own_namespaces(admin)) == (1, [])
    without("pytest-survive-paths", "create pods/eviction")
    code, told = doctor()
    (evict,) = [path for path in told["paths"] if path["name"] == "evict"]
    assert (code, evict["possible"]) == (1, False)
    assert "create pods/eviction" in evict["why"]


def test_credentials_that_are_refused_and_servers_that_are_not_there(rows, spare: ClusterDir, tmp_path) -> None:
    expired = write_kubeconfig(spare, "expired", tmp_path / "expired")
    assert "refuses its credentials, which may have expired: log in again" in rows(EVICT, config=expired).stdout
    config = yaml.safe_load(expired.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "nowhere").write_text(yaml.safe_dump(config))
    assert "nobody answers there; see whether the cluster is up" in rows(EVICT, config=tmp_path / "nowhere").stdout
    config["contexts"][0]["name"] = "other"
    (tmp_path / "other").write_text(yaml.safe_dump(config))
    assert "its contexts: other" in rows(EVICT, config=tmp_path / "other").stdout
