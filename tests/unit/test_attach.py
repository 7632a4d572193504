"""--attach: what is restarted is found as it runs, judged with load or without, and the paths are collected."""

import contextlib
import subprocess
import sys

import histories as made
import pytest

from harness.commands.rbac import manifest
from harness.deploy import running
from harness.disrupt import Delete, Evict, Handover, Rollout
from harness.errors import Impossible, KubeError, UsageError
from harness.judge.expectation import Evidence
from harness.judge.presence import NoneAvailable
from harness.own.attach import PATHS, Attached, run
from harness.records import Act

WEB = {
    "metadata": {"name": "web", "generation": 1},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}},
    "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
}
SERVICE = {"spec": {"ports": [{"port": 8080}, {"port": 9090}]}}


class Kube:
    def __init__(self, **objects):
        self.objects = objects

    def get(self, api_version, kind, name, namespace):
        assert (name, namespace) == ("web", "shop")
        if kind not in self.objects:
            raise KubeError("not found", 404)
        return self.objects[kind]


@pytest.mark.parametrize("kind", ["deployment", "Deployment", "deploy"])
def test_what_is_attached_to(kind):
    assert Attached.read(f"shop/{kind}/web", "web:80", "lead") == Attached(
        "shop", "Deployment", "web", "web", 80, "lead"
    )
    assert Attached.read("shop/sts/db") == Attached("shop", "StatefulSet", "db")


@pytest.mark.parametrize("text", ["web", "shop/web", "shop/pod/web", "shop/deploy/", "/deploy/web", "a/deploy/b/c"])
def test_what_cannot_be_attached_to(text):
    with pytest.raises(UsageError, match="write NAMESPACE/KIND/NAME"):
        Attached.read(text)


def test_a_port_is_a_number():
    with pytest.raises(UsageError, match="write NAME or NAME:PORT"):
        Attached.read("shop/deploy/web", "web:http")


def test_an_app_as_it_runs():
    app = running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", "web")
    assert (app.manifests, app.service, app.port, app.selector) == ([], "web.shop", 8080, {"app": "web"})
    assert running(Kube(Deployment=WEB), "shop", "Deployment", "web", "web", 1).port == 1
    assert running(Kube(Deployment=WEB), "shop", "Deployment", "web").service is None


def test_one_that_is_not_there_or_not_whole_or_not_told_by_labels():
    with pytest.raises(UsageError, match="there is no Deployment web in the namespace shop"):
        running(Kube(), "shop", "Deployment", "web")
    with pytest.raises(UsageError, match="there is no Service web"):
        running(Kube(Deployment=WEB), "shop", "Deployment", "web", "web")
    broken = {**WEB, "status": {**WEB["status"], "readyReplicas": 1}}
    with pytest.raises(Impossible, match=r"is not whole before the restart: of 2 wanted: .*readyReplicas 1"):
        running(Kube(Deployment=broken), "shop", "Deployment", "web")
    more = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}
    with pytest.raises(UsageError, match="told by more than"):
        running(Kube(Deployment={**WEB, "spec": {**WEB["spec"], "selector": more}}), "shop", "Deployment", "web")


class Survive:
    def __init__(self):
        self.did = []

    def attach(self, *where):
        self.did.append(where)
        return running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", where[3])

    def load(self, app, rate, background):
        self.did.append(("load", app.service, background))
        return contextlib.nullcontext()

    def restart(self, path):
        self.did.append(path)

    def expect(self, *expectations):
        self.did.append([type(one).__name__ for one in expectations])


def test_load_is_made_only_if_asked_for():
    rollout, delete = PATHS[:2]
    quiet, loaded = Survive(), Survive()
    run(quiet, Attached("shop", "Deployment", "web"), delete)
    assert quiet.did[1:] == [Delete({"app": "web"}), ["NoneAvailable"]]
    run(loaded, Attached("shop", "Deployment", "web", "web"), rollout)
    assert loaded.did[1:] == [("load", "web.shop", 0), Rollout("web", {"app": "web"}), ["ErrorRate", "Outage"]]


def test_the_paths():
    app = running(Kube(Deployment=WEB), "shop", "Deployment", "web")
    kinds = [type(path.make(app, "lead")) for path in PATHS]
    assert kinds == [Rollout, Delete, Evict, Handover]


def collected(*arguments):
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--co", "-q", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    return done.stdout.split() + done.stderr.splitlines()


def test_a_test_a_path_is_collected_in_place_of_all_others():
    assert collected("--attach", "shop/deploy/web")[:3] == ["attach::rollout", "attach::delete", "attach::evict"]
    with_lease = collected("--attach", "shop/deploy/web", "--attach-lease", "lead")
    assert "attach::handover" in with_lease
    assert not any("suites" in line for line in with_lease)
    assert not any("deselected" in line for line in with_lease)  # nothing else was looked for
    assert "attach::evict" not in collected("--attach", "shop/deploy/web", "--paths", "delete")
    assert any("write NAMESPACE/KIND/NAME" in line for line in collected("--attach", "web"))


def judged(*records):
    return NoneAvailable(labels=(), at_most_s=1.0)(Evidence(made.history(*records)))


ACT = Act(made.at(2), "delete", "pod/a", "done")


def test_the_time_without_a_pod():
    gone = made.pod(3, change="DELETED", deletion_s=33)
    short = judged(made.pod(0), ACT, gone, made.pod(3.5, name="b", uid="b"))
    assert (short.seen, short.holds) == ("0.500 s", True)
    assert judged(made.pod(0), ACT, gone, made.pod(4.5, name="b", uid="b")).holds is False
    ended = judged(made.pod(0), ACT, gone)
    assert (ended.seen, ended.holds) == ("none was available at the end", False)
    assert judged().holds is None
    assert judged(made.pod(0)).holds is None


def test_the_account_is_let_into_a_namespace_of_others_by_name():
    text = manifest(nodes=False, attach=["shop", "blog"])
    line = 'request.resource.resource != "namespaces" && request.namespace in ["shop", "blog"]'
    assert line in text
    assert line not in manifest(nodes=False)
