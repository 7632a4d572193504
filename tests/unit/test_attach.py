"""An app that runs already, by options or a file: found as it runs, judged with load or without, a test a path."""

import contextlib
import subprocess
import sys

import histories as made
import pytest

from harness import scenario
from harness.cli import main
from harness.commands.rbac import manifest
from harness.deploy import running
from harness.disrupt import Delete, Evict, Handover, Rollout
from harness.errors import Impossible, KubeError, UsageError
from harness.judge.expectation import Evidence
from harness.judge.presence import NoneAvailable
from harness.look import look
from harness.own.app import own_app
from harness.own.attach import attached_app
from harness.own.collect import choose
from harness.own.paths import BUILT_IN
from harness.own.run import run_path
from harness.records import Act
from harness.run import RunFolder
from harness.scenario import Row, Scenario
from harness.spec import SpecError, load_app
from tests.unit.fake_observer import NoObserver

WEB = {
    "metadata": {"name": "web", "generation": 1},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}},
    "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
}
SHOP = ("shop", "Deployment", "web")
SERVICE = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 8080}, {"port": 9090, "name": "admin"}]}}


def of_web(name, **spec):
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


LABELLED = {"spec": {**WEB["spec"], "template": {"metadata": {"labels": {"app": "web", "tier": "front"}}, "spec": {}}}}
SENDING = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
AROUND = {
    "Service": [of_web("web", **SENDING), of_web("other", selector={"app": "db"}), of_web("front", **SENDING)],
    "PodDisruptionBudget": [
        of_web("web", minAvailable=2, selector={"matchLabels": {"tier": "front"}}),
        of_web("db", maxUnavailable=1, selector={"matchLabels": {"app": "db"}}),
    ],
}


class Kube:
    def __init__(self, around=None, **objects):
        self.objects = objects
        self.around = around or {}

    def list(self, api_version, kind, namespace):
        assert (api_version, namespace) == ({"Service": "v1"}.get(kind, "policy/v1"), "shop")
        return self.around.get(kind, [])

    def get(self, api_version, kind, name, namespace):
        assert (name, namespace) == ("web", "shop")
        if kind not in self.objects:
            raise KubeError("not found", 404)
        return self.objects[kind]


@pytest.mark.parametrize("kind", ["deployment", "Deployment", "deploy"])
def test_what_is_attached_to(kind):
    app = attached_app(f"shop/{kind}/web", "web:80", "lead")
    assert (app.name, app.namespace, app.kind, app.workload, app.service) == ("web", "shop", "Deployment", "web", "web")
    assert (app.spec.requests.port, app.spec.lease, app.spec.limits.failover) == (80, "lead", 25.0)
    # Others use it too.
    assert (app.spec.requests.rate, app.spec.requests.background) == (20.0, 0.0)
    alone = attached_app("shop/sts/db")
    assert (alone.kind, alone.workload, alone.service, alone.spec.requests) == ("StatefulSet", "db", None, None)


@pytest.mark.parametrize("text", ["web", "shop/web", "shop/pod/web", "shop/deploy/", "/deploy/web", "a/deploy/b/c"])
def test_what_cannot_be_attached_to(text):
    with pytest.raises(
        UsageError, match=rf"^--attach: '{text}': write NAMESPACE/KIND/NAME, such as shop/deployment/web"
    ):
        attached_app(text)


def test_a_service_has_a_name():
    with pytest.raises(UsageError, match=r"^--attach-service :80: write NAME or NAME:PORT"):
        attached_app("shop/deploy/web", ":80")


def test_an_app_as_it_runs():
    app = running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", "web")
    assert (app.service, app.port, app.selector) == ("web.shop", 8080, {"app": "web"})
    # What is advised is by its manifests: those of the cluster, without what is of no matter to restarts.
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": WEB["spec"]}
    assert app.manifests == [workload, {"apiVersion": "v1", "kind": "Service", **SERVICE}]
    by_name = running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", "web", "admin")
    assert (by_name.port, by_name.kind) == (9090, "Deployment")
    alone = running(Kube(Deployment=WEB), "shop", "Deployment", "web")
    assert (alone.service, alone.manifests) == (None, [workload])
    with pytest.raises(UsageError, match=r"the Service web has no port 1; it has 8080, 9090 \(admin\)"):
        running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", "web", 1)


@pytest.mark.parametrize(("service", "services"), [("web", ["web", "front"]), ("", ["web", "front"])])
def test_what_is_about_an_app_that_runs_is_read_too(service, services):
    app = running(Kube(AROUND, Deployment={**WEB, **LABELLED}, Service=AROUND["Service"][0]), *SHOP, service)
    kinds = {kind: [one["metadata"]["name"] for one in app.manifests if one["kind"] == kind] for kind in AROUND}
    assert kinds == {"Service": services, "PodDisruptionBudget": ["web"]}
    # The budget lets none go, and says nothing of broken pods.
    found = {one.code for one in look(app.manifests)}
    assert {"budget-blocks", "budget-guards-broken"} <= found
    assert "no-budget" not in found


def test_what_an_attached_app_promises_wrongly_is_told_in_its_result(tmp_path, monkeypatch):
    monkeypatch.setattr(scenario, "Observer", NoObserver)
    monkeypatch.setattr(scenario, "create_namespace", lambda *_, **__: "ns")
    monkeypatch.setattr(scenario, "delete_namespace", lambda *_: None)
    kube = Kube(AROUND, Deployment={**WEB, **LABELLED}, Service=AROUND["Service"][0])
    survive = Scenario(kube, RunFolder(tmp_path), Row("C1", "web-evict", "evict", "", ""))
    survive.open()
    survive.attach(*SHOP, "web")
    survive.close("broken on purpose")
    assert "budget-blocks" in {one.code for one in survive.result.findings}


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
        return running(Kube(Deployment=WEB, Service=SERVICE), "shop", "Deployment", "web", *where[3:])

    def load(self, app, **asked):
        self.did.append(("load", app.service, app.port, asked["rate"], asked["background"]))
        return contextlib.nullcontext()

    def wait_held(self, lease):
        self.did.append(lease)

    def restart(self, path):
        self.did.append(path)

    def expect(self, *expectations):
        self.did.append([one(Evidence(made.history())).what for one in expectations])


def done(app, name):
    survive = Survive()
    (path,) = [path for path in BUILT_IN if path.name == name]
    run_path(survive, app, path)
    return survive.did


def test_load_is_made_only_if_asked_for():
    assert done(attached_app("shop/deploy/web"), "delete") == [
        ("shop", "Deployment", "web", "", ""),
        Delete({"app": "web"}),
        ["no pod available for at most 0 s"],
    ]
    assert done(attached_app("shop/deploy/web", "web:9090"), "rollout") == [
        ("shop", "Deployment", "web", "web", 9090),
        ("load", "web.shop", 9090, 20, 0),
        Rollout("web", {"app": "web"}),
        ["no errors", "no outage"],
    ]


def test_a_lease_is_held_before_and_after_and_its_gap_judged():
    assert done(attached_app("shop/deploy/web", None, "lead"), "handover")[1:] == [
        "lead",
        Handover("lead", {"app": "web"}),
        "lead",
        ["no pod available for at most 0 s", "lease lead without a holder <= 25 s"],
    ]


def spec(folder, text):
    path = folder / "web.survive.yaml"
    path.write_text(text)
    return load_app(path)


def test_a_file_says_more_than_the_options(tmp_path):
    asked = "requests: {service: web, port: admin, rate: 50/s, path: /x}\nlimits: {errors: 1 %}\n"
    app = spec(
        tmp_path, f"attach: {{namespace: shop, kind: deploy, name: web}}\n{asked}paths: [delete: {{count: 2}}]\n"
    )
    assert done(app, "delete") == [
        ("shop", "Deployment", "web", "web", "admin"),
        ("load", "web.shop", 9090, 50, 0),
        Delete({"app": "web"}, 2),
        ["error rate <= 1 %"],
    ]
    # Without requests the limit is of the time without a pod.
    quiet = spec(tmp_path, "attach: shop/deploy/web\nlimits: {outage: 2s}\n")
    assert done(quiet, "evict")[1:] == [Evict({"app": "web"}), ["no pod available for at most 2 s"]]
    assert done(spec(tmp_path, "attach: shop/deploy/web\n"), "evict")[2] == ["no pod available for at most 0 s"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "attach: web\n",
            "1: attach: 'web': write NAMESPACE/KIND/NAME, such as shop/deployment/web; kinds: Deployment",
        ),
        ("attach: {namespace: a, kind: sts}\n", "1: attach.name: this field is missing; for example `name: web`"),
        (
            "attach:\n  namespace: a\n  kind: pod\n  name: b\n",
            "3: attach.kind: 'pod' should be 'Deployment', 'StatefulSet' or 'DaemonSet'; for example",
        ),
        ("attach: {namespace: A, kind: sts, name: b}\n", "1: attach.namespace: 'A' cannot be used here; for example"),
        ("attach: {nam: b}\n", "1: attach.nam: there is no such field; did you mean name?"),
        (
            "attach: a/sts/b\nmanifests: k8s/\n",
            "2: manifests: it has no place beside `attach`: what runs already is not deployed",
        ),
        ("attach: a/sts/b\nready: 3s\n", "2: ready: it has no place beside `attach`"),
        ("attach: a/sts/b\nrequests:\n  path: /\n", "2: requests.service: this field is missing; for example"),
        ("attach: a/sts/b\nlimits: {p99: 1s}\n", "2: limits.p99: it needs `requests`, by which it would be known"),
        ("attach: a/sts/b\nlimits: {failover: 1s}\n", "2: limits.failover: it needs `lease: NAME`"),
        ("attach: a/sts/b\nlease: x\n", "2: lease: it needs a limit"),
        ("name: x\n", "1: manifests: this field is missing; for example `manifests: k8s/`"),
    ],
)
def test_what_a_file_may_not_say(tmp_path, text, told):
    with pytest.raises(SpecError) as error:
        spec(tmp_path, text)
    lines = [line.removeprefix(f"{tmp_path}/web.survive.yaml:") for line in str(error.value).splitlines()]
    assert any(line.startswith(told) for line in lines), lines


def test_a_path_that_would_change_more_is_refused(tmp_path):
    app = spec(tmp_path, "attach: shop/deploy/web\npaths:\n- delete\n- drain\n")
    told = "web.survive.yaml:4: paths.drain: it makes no sense here: more would change of an app that runs already"
    with pytest.raises(UsageError, match=told):
        choose(app, BUILT_IN)
    chosen = choose(attached_app("shop/deploy/web"), BUILT_IN)
    assert [path.name for path, why_not in chosen if not why_not] == ["rollout", "delete", "evict"]
    assert [path.name for path, why_not in chosen if why_not] == ["handover"]


def test_the_same_in_python(tmp_path):
    app = own_app(attach="shop/ds/web", base=tmp_path, paths=["delete"])
    assert (app.namespace, app.kind, list(app.spec.paths)) == ("shop", "DaemonSet", ["delete"])


def test_init_writes_a_file_that_loads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--attach", "shop/sts/db"]) == 0
    assert "db.survive.yaml: StatefulSet/db on 3 restart paths" in capsys.readouterr().out
    quiet = load_app(tmp_path / "db.survive.yaml")
    assert (quiet.namespace, quiet.service, quiet.spec.limits.outage) == ("shop", None, 0.0)
    more = ["--attach-service", "web:80", "--attach-lease", "lead"]
    assert main(["init", "--attach", "shop/deploy/web", *more]) == 0
    asked = load_app(tmp_path / "web.survive.yaml")
    assert (asked.service, asked.spec.requests.port, asked.spec.requests.rate) == ("web", 80, 20.0)
    assert (asked.spec.lease, asked.spec.limits.failover, "handover" in asked.spec.paths) == ("lead", 25.0, True)
    assert main(["tune", "web.survive.yaml"]) == 1
    assert "give its `manifests`, not `attach`" in capsys.readouterr().err


def collected(*arguments):
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--co", "-q", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    return done.stdout.split() + done.stderr.splitlines()


def test_a_test_a_path_is_collected_in_place_of_all_others():
    plain = [f"attach::{name}" for name in ("rollout", "handover", "delete", "evict")]
    assert collected("--attach", "shop/deploy/web")[:4] == plain
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
