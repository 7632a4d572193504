"""Network policies are enforced, by kube-router: what keeps our load out is named, and what lets it in suffices."""

import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from harness.clusters.embedded.layout import ClusterDir
from harness.errors import ClusterError
from harness.kube import Kube
from harness.results import Result, Results
from tests import recommended
from tests.cluster import enforcer
from tests.cluster.conftest import NAME, ROOT

DENY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-all"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}  # fmt: skip
SPEC = "manifests: {files}\npaths: [delete]\nrequests: {{rate: 50/s, background: 0}}\nlimits: {{errors: 50 %}}\n"
FILES = {"shut": "[app.yaml, deny.yaml]", "open": "[app.yaml, deny.yaml, let.yaml]", "foreign": "[app.yaml]"}
"""Apps: what is in their manifests. Into the namespace of the last a controller of others puts a policy."""

REMEDY = (
    "let in pods labelled survive.dev/role=load from namespaces labelled app.kubernetes.io/managed-by=pytest-survive"
)


@pytest.fixture(scope="module")
def kube_router() -> None:
    """It is there; without it nothing is started."""
    if lacking := enforcer.lacking():
        pytest.skip(f"kube-router needs {lacking}")
    try:
        enforcer.program()
    except ClusterError as exc:
        pytest.skip(f"kube-router cannot be had: {exc}")


@pytest.fixture(scope="module")
def enforced(kube_router: None, spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A cluster whose network enforces policies."""
    with enforcer.enforcing(spare, tmp_path_factory.mktemp("kube-router")):
        yield Kube.connect(spare.kubeconfig)


@contextmanager
def controller_of_others(kube: Kube, prefix: str) -> Iterator[None]:
    """Puts a policy that lets nothing through into each new namespace whose name begins so."""
    done: set[str] = set()
    end = threading.Event()

    def work() -> None:
        while not end.wait(0.1):
            for one in kube.list("v1", "Namespace"):
                name = one["metadata"]["name"]
                if name.startswith(prefix) and name not in done:
                    done.add(name)
                    kube.create(DENY, name)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        end.set()
        worker.join()
    assert done


def test_what_shuts_our_load_out_is_named_and_what_the_document_gives_lets_it_in(
    enforced: Kube, survive, tmp_path: pathlib.Path
) -> None:
    app = (ROOT / "workloads" / "server" / "manifests.yaml").read_text()
    parts = {"app": app, "deny": yaml.safe_dump(DENY), "let": yaml.safe_dump_all(recommended.policies())}
    for name, text in parts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    for name, files in FILES.items():
        (tmp_path / f"{name}.survive.yaml").write_text(SPEC.format(files=files))
    specs = [str(tmp_path / f"{name}.survive.yaml") for name in FILES]
    where = ["--cluster", "embedded", "--cluster-name", NAME]

    doctor = survive("doctor", *where, "--json", *specs)
    argv = [sys.executable, "-m", "pytest", *specs, "--rootdir", str(ROOT), *where, "-p", "no:cacheprovider"]
    argv += ["--survive-out", str(tmp_path / "out"), "-n", "3", "--dist", "load", "--maxschedchunk", "1"]
    with controller_of_others(enforced, "survive-foreign-"):
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=150)
    found = {one.name: one for one in Results.read(tmp_path / "out" / "latest" / "results.json").results}

    told = {one["what"]: one for one in json.loads(doctor.communicate(timeout=60)[0])["findings"]}
    assert told["network shut"]["said"] == (
        "no prober gets through to it and to our control server by NetworkPolicy survive-*/deny-all"
    )
    assert REMEDY in told["network shut"]["todo"]
    assert (told["network open"]["state"], told["network foreign"]["state"]) == ("ok", "ok")

    # Whoever put the policy there, it is named, with what to do; nothing is said of the app.
    for name in ("shut-delete", "foreign-delete"):
        assert is_shut_out(found[name]), done.stdout
    # A machine too noisy to measure on is told of as such; that requests get through is what this is about.
    good = found["open-delete"]
    assert good.verdict in ("pass", "inconclusive"), done.stdout
    assert good.proof, done.stdout
    assert good.traffic, done.stdout
    assert good.traffic.errors < good.traffic.requests / 2
    ours = enforced.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive")
    assert [one["metadata"]["name"] for one in ours if "deletionTimestamp" not in one["metadata"]] == []


def is_shut_out(result: Result) -> bool:
    # A new pod is open until kube-router has heard of it.
    assert result.traffic is None or result.traffic.errors > result.traffic.requests / 2, result.traffic
    assert result.advice == []
    assert "no prober gets through to server and to our control server by NetworkPolicy survive-" in result.why
    assert f"/deny-all: {REMEDY}" in result.why
    return result.verdict == "error"
