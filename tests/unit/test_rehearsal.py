"""A dry run: every act of a row is told, and nothing is written to the cluster."""

import subprocess
import sys

import pytest

from harness.deploy import server
from harness.disrupt import Delete, Drain, Evict
from harness.errors import UsageError
from harness.images import Images
from harness.load import SchedulePods
from harness.options import Options
from harness.rehearsal import Rehearsal, rehearsals
from harness.scenario import Row
from tests.unit.fake_api import FakeApi

ROW = Row("C1", "evict", "evict", "", "")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture
def api():
    made = FakeApi()
    made.on("GET", "/version", {"gitVersion": "v1.37.2"})
    made.on("POST", WHO, {"status": {"userInfo": {"username": "jane"}}})
    made.on("GET", "/api/v1/nodes", {"items": []})
    made.on("POST", REVIEWS, {"status": {"allowed": True}})
    yield made
    made.close()


def run(api, tmp_path, *arguments):
    api.connect(tmp_path)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--survive-out", str(tmp_path / "out")]
    argv += ["--kube-context", "fake", "--kubeconfig", str(tmp_path / "kubeconfig"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def test_no_write_reaches_the_cluster_and_every_act_is_told(api, tmp_path):
    done = run(api, tmp_path, "suites/test_evict.py", "suites/test_drain.py", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 rehearsed" in done.stdout
    assert "restart evict: Evict `count` pods with these labels at once [selector=app=server, count=2" in done.stdout
    assert "skip    the path drain: it changes a node or crowds it: allow that" in done.stdout
    assert {one[1] for one in api.asked if one[0] != "GET"} == {REVIEWS, WHO}
    assert not (tmp_path / "out").exists()


def test_without_the_flag_the_same_run_does_write(api, tmp_path):
    done = run(api, tmp_path, "suites/test_evict.py")
    assert done.returncode == 1
    assert "/api/v1/namespaces" in {one[1] for one in api.requests("POST")}


def test_a_dry_run_without_the_rights_says_so_as_a_run_would(api, tmp_path):
    api.on("POST", REVIEWS, {"status": {"allowed": False}})
    api.connect(tmp_path)
    options = Options(context="fake", kubeconfig=str(tmp_path / "kubeconfig"))
    with pytest.raises(UsageError, match="jane may not do what every run does"), rehearsals(options):
        pass


def test_an_embedded_cluster_is_left_alone():
    with rehearsals(Options(cluster="embedded")) as stage:
        assert (stage.kube, stage.nodes) == (None, None)


def test_what_a_row_would_do():
    options = Options(context="c", nodes=("n1",), images=Images("r.example"), labels={"team": "a"}, pull_auth="{}")
    told = Rehearsal(ROW, options)
    app = told.deploy(server(replicas=2, budget={"maxUnavailable": 1}))
    node = told.add_node()
    with told.load(app, rate=50), told.canary(SchedulePods()):
        told.restart(Delete(app.selector, count=2))
        told.restart(Drain(node.name, app.selector))
    told.expect()
    said = "\n".join(told.lines)
    for line in (
        "create  a namespace survive-evict-*, removed at the end; team=a",
        "create  Secret/survive-pull in it",
        "apply   Deployment/server (r.example/server:dev)",
        "apply   PodDisruptionBudget/server",
        "apply   Pod/load (r.example/load:dev)",
        "ask     GET / of Service/server:80 50 times a second, over Locust's 20 a second",
        "lend    one of the nodes n1: label and taint survive.dev/row=evict-",
        "pods with these labels, one right after the other [selector=app=server, count=2]",
        "node=n1, selector=app=server, bound_s=60.0]; the node is closed or tainted, or crowded, and is as before",
        "create  a second namespace, and Pods (v1) in it that kube-scheduler works on",
    ):
        assert line in said
    assert "skip" not in said


def test_a_path_whose_rights_are_missing_is_told_as_one_that_is_skipped(api, tmp_path):
    api.on("POST", REVIEWS, {"status": {"allowed": False}})
    told = Rehearsal(ROW, Options(context="c"), api.connect(tmp_path))
    told.restart(Evict({"app": "x"}))
    (line,) = [line for line in told.lines if line.startswith("skip")]
    assert "the right to create pods/eviction is missing" in line
