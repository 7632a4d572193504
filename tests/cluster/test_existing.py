"""The embedded cluster as an existing one: a ServiceAccount with the rights of the manifest, and no more."""

import concurrent.futures
import ipaddress
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from harness import history, rights
from harness.clusters.embedded import cluster, layout, state
from harness.clusters.embedded.layout import ClusterDir
from harness.commands.rbac import node_binding
from harness.errors import KubeError
from harness.kube import Kube
from harness.records import PodSeen
from harness.wait import until
from tests.cluster.account import CONTEXT, config_of, joined, minted, token, write_kubeconfig
from tests.cluster.conftest import NAME, bring_up
from tests.cluster.proxy import Proxy

EVICT = "suites/test_evict.py::test_an_eviction_within_the_budget_is_accepted_at_once"
DELETE = "suites/test_delete.py::test_a_pre_stop_sleep_drains_before_the_signal"
HANDOVER = "suites/test_handover.py::test_a_released_lease_is_taken_at_the_next_look"
CUT = "suites/test_split_brain.py::test_a_leader_cut_off_from_the_api_stops_before_its_lease_expires"
DRAIN = "suites/test_drain.py::test_a_drain_waits_for_the_budget_and_loses_nothing"


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
    def told_of(*arguments: str) -> tuple[int, dict]:
        process = survive("doctor", "--kube-context", CONTEXT, "--kubeconfig", str(kubeconfig), "--json", *arguments)
        said = process.communicate(timeout=60)[0]
        return process.returncode, json.loads(said)

    code, told = told_of()
    assert (code, told["fit"]) == (0, True), told
    possible = {path["name"] for path in told["paths"] if path["possible"]}
    assert {"delete", "evict", "rollout", "handover", "stop"} <= possible
    assert {"drain", "taint", "preempt", "node-down", "component-crash"} & possible == set()
    admin.apply([node_binding()], "")
    code, told = told_of("--allow-node-disruption", "--node", "worker-1")
    possible = {path["name"] for path in told["paths"] if path["possible"]}
    assert {"drain", "taint", "preempt"} <= possible
    assert {"node-down", "component-crash", "disk", "daemon"} & possible == set()
    code, told = told_of("--pull", "--image", "signals=127.0.0.1:9/signals:1")
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
    code, told = told_of()
    (evict,) = [path for path in told["paths"] if path["name"] == "evict"]
    assert (code, evict["possible"]) == (1, False)
    assert "create pods/eviction" in evict["why"]


@pytest.fixture
def doctor(survive):
    """Asks the doctor by a kubeconfig; the exit code and what it said."""

    def ask(config: pathlib.Path | None, context: str = CONTEXT) -> tuple[int, str]:
        named = ["--kubeconfig", str(config)] if config else []
        process = survive("doctor", "--kube-context", context, *named)
        said = process.communicate(timeout=60)[0]
        return process.returncode, " ".join(said.split())

    return ask


def test_servers_and_contexts_that_are_not_there(rows, doctor, spare: ClusterDir, tmp_path: pathlib.Path) -> None:
    config = config_of(spare, "nobody's")
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    told = f"the context {CONTEXT} ({config['clusters'][0]['cluster']['server']}): the API server refuses its"
    assert f"{told} credentials, which may have expired: log in again" in rows(EVICT, config=tmp_path / "config").stdout
    code, said = doctor(tmp_path / "config", "other")
    assert (code, "its contexts: tester; name a good one" in said) == (1, True), said
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    code, said = doctor(tmp_path / "config")
    assert (code, "nobody answers there; see whether the cluster is up" in said) == (1, True), said


def test_a_token_that_expired_or_was_revoked(doctor, admin: Kube, spare: ClusterDir, tmp_path: pathlib.Path) -> None:
    good = write_kubeconfig(spare, minted(admin, spare, 3600), tmp_path / "good")
    assert Kube.connect(good, CONTEXT).who() == "system:serviceaccount:pytest-survive:pytest-survive"
    code, said = doctor(write_kubeconfig(spare, minted(admin, spare, -60), tmp_path / "expired"))
    assert code == 1
    again = "make another by `kubectl create token {} -n pytest-survive --duration 8h`"
    assert re.search(r"a token that expired at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC: ", said), said
    assert again.format("pytest-survive") in said
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gone"}}
    admin.create(account, rights.ACCOUNT)
    revoked = write_kubeconfig(spare, token(admin, "gone"), tmp_path / "revoked")
    admin.delete("v1", "ServiceAccount", "gone", rights.ACCOUNT)
    kube = Kube.connect(revoked, CONTEXT)
    until(lambda: _refused(kube), "the token's end", 20)
    code, said = doctor(revoked)
    assert (code, "so it was revoked, or is another cluster's: " + again.format("gone") in said) == (1, True), said


def _refused(kube: Kube) -> bool:
    try:
        kube.who()
    except KubeError as exc:
        return exc.status == 401
    return False


def test_rows_run_by_a_proxy_of_the_kubeconfig_or_of_the_environment(
    rows, doctor, admin: Kube, spare: ClusterDir, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(spare, token(admin))
    whole = config["clusters"][0]["cluster"]
    host, _, port = whole["server"].removeprefix("https://").partition(":")
    # Nobody but the proxy knows that name.
    whole |= {"server": "https://behind.invalid:6443", "tls-server-name": "kubernetes"}
    file = tmp_path / "behind"
    with Proxy((host, int(port))) as proxy:
        file.write_text(yaml.safe_dump(config))
        assert "nobody answers there" in doctor(file)[1]
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        done = rows(HANDOVER, config=file)
        assert [one["verdict"] for one in results(tmp_path)] == ["pass"], done.stdout
        assert set(proxy.asked) == {"CONNECT behind.invalid:6443"}
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        code, said = doctor(file)
        assert (code, "the proxy does not lead there: correct HTTPS_PROXY or" in said) == (1, True), said
        whole["proxy-url"] = proxy.url
        file.write_text(yaml.safe_dump(config))
        assert doctor(file)[0] == 0


def test_a_list_of_kubeconfigs_each_with_a_part(
    doctor, admin: Kube, spare: ClusterDir, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config_of(spare, token(admin))
    names = ("clusters", "contexts", "users")
    for name in names:
        part = whole | {other: [] for other in names if other != name}
        (tmp_path / name).write_text(yaml.safe_dump(part))
    monkeypatch.setenv("KUBECONFIG", ":".join(str(tmp_path / name) for name in names))
    code, said = doctor(None)
    assert (code, "fit for a run" in said) == (0, True), said
    assert "its contexts: tester; name a good one" in doctor(None, "other")[1]


@pytest.fixture
def second() -> Iterator[ClusterDir]:
    """Another cluster: that of the suites where it runs, else one for this test."""
    if cluster.status(layout.default_name()).phase == "ready":
        yield ClusterDir.named(layout.default_name())
        return
    folder, _ = bring_up(f"{NAME}-2")
    yield folder
    cluster.down(folder.name)


def test_two_clusters_at_once_each_by_its_context(
    rows, kubeconfig: pathlib.Path, spare: ClusterDir, second: ClusterDir, tmp_path: pathlib.Path
) -> None:
    config = joined(kubeconfig, second.kubeconfig, into=tmp_path / "both")
    places = {CONTEXT: spare, second.name: second}

    def run(context: str) -> str:
        return str(rows(HANDOVER, config=config, context=context, out=tmp_path / context).stdout)

    with concurrent.futures.ThreadPoolExecutor(2) as both:
        said = dict(zip(places, both.map(run, places), strict=True))
    for context, folder in places.items():
        assert [one["verdict"] for one in results(tmp_path / context)] == ["pass"], said[context]
        known = state.read(folder)
        assert known is not None
        (scenario,) = history.read(tmp_path / context / "latest" / "history.jsonl.gz").values()
        addresses = {pod.ip for pod in scenario.of(PodSeen) if pod.ip}
        pods = ipaddress.ip_network(known.addresses.pods)
        assert addresses
        assert all(ipaddress.ip_address(one) in pods for one in addresses), (context, addresses)
