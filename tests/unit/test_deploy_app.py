import copy

import pytest

from harness import wait
from harness.deploy import App, wait_ready
from harness.deploy.app import uncounted, waits_for
from harness.errors import KubeError, Refused, WaitTimeout
from harness.replicas import lacking, wanted_replicas

READY = {
    "kind": "Deployment",
    "metadata": {"name": "web", "generation": 2},
    "spec": {"replicas": 2},
    "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
}
POD = {
    "metadata": {"name": "web-1", "uid": "u1"},
    "status": {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available"}],
        "containerStatuses": [
            {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
        ],
    },
}
EVENTS = [
    {"involvedObject": {"uid": "u1"}, "reason": "Old", "message": "o", "lastTimestamp": "2026-11-23T12:00:00Z"},
    {"involvedObject": {"uid": "u1"}, "reason": "New", "message": "n", "lastTimestamp": "2026-11-23T12:00:05Z"},
    {"involvedObject": {"uid": "u2"}, "reason": "Other", "message": "x", "lastTimestamp": "2026-11-23T12:00:09Z"},
]


def with_status(**status):
    changed = copy.deepcopy(READY)
    changed["status"] |= status
    return changed


def test_ready():
    assert lacking(READY) == ""
    assert wanted_replicas(READY) == 2


def test_the_status_of_an_older_generation_does_not_count():
    assert "has not seen the last change" in lacking(with_status(observedGeneration=1))


@pytest.mark.parametrize(
    "lacks", [{"updatedReplicas": 1}, {"readyReplicas": 1}, {"replicas": 3}, {"readyReplicas": None}]
)
def test_what_a_deployment_lacks(lacks):
    (name,) = lacks
    assert f"{name} {lacks[name] or 0}" in lacking(with_status(**lacks))


def test_a_daemon_set():
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 2}
    daemons = {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": status}
    daemons["status"]["currentNumberScheduled"] = 3
    assert lacking(daemons) == "of 3 wanted: updatedNumberScheduled 3, numberReady 2, currentNumberScheduled 3"
    daemons["status"]["numberReady"] = 3
    assert lacking(daemons) == ""


def test_a_budget_is_counted_at_its_last_generation():
    budget = {"metadata": {"name": "b", "generation": 1}, "status": {"observedGeneration": 1, "currentHealthy": 2}}
    assert uncounted(budget, 2) == ""
    assert uncounted(budget, 3) == "the budget b counts 2 healthy pods of 3"
    budget["status"]["observedGeneration"] = 0
    assert uncounted(budget, 2) != ""


def test_what_a_pod_waits_for():
    assert waits_for(POD, EVENTS) == (
        "pod web-1: Pending, web waiting (ImagePullBackOff: no such image), 0/4 nodes are available, last event New: n"
    )
    ready = {"metadata": {"name": "p", "uid": "u"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert waits_for(ready, []) == ""


class Kube:
    def __init__(self, workloads, ready=2, failed=()):
        self.workloads = list(workloads)
        self.ready = ready
        self.failed = list(failed)

    def get(self, api_version, kind, name, namespace):
        if kind != "Deployment":
            raise KubeError("no such kind here", 404)
        return self.workloads.pop(0) if len(self.workloads) > 1 else self.workloads[0]

    def list(self, api_version, kind, namespace, *, labels="", fields=""):
        if fields == "reason=FailedCreate":
            return self.failed
        endpoint = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}}
        found = {"EndpointSlice": [{"endpoints": [endpoint] * self.ready}], "Pod": [POD], "Event": EVENTS}
        return found[kind]


APP = App("web", [], service="web", port=80, selector={"app": "web"})


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    until = wait.until
    monkeypatch.setattr(wait, "until", lambda *how, **more: until(*how, **more, sleep=lambda _: None))


def test_wait_ready_waits_for_the_rollout():
    kube = Kube([with_status(readyReplicas=1), READY])
    wait_ready(kube, APP, "ns")
    assert kube.workloads == [READY]


def test_wait_ready_says_which_pod_waits_for_what():
    with pytest.raises(WaitTimeout, match=r"Deployment web in ns .*readyReplicas 0.*; pod web-1: .*no such image"):
        wait_ready(Kube([with_status(readyReplicas=0)]), APP, "ns", timeout_s=0.0)


def test_wait_ready_waits_for_the_service():
    with pytest.raises(WaitTimeout, match="Service web has 1 ready endpoints of 2"):
        wait_ready(Kube([READY], ready=1), APP, "ns", timeout_s=0.0)


def failed(name, message):
    return {"involvedObject": {"kind": "ReplicaSet", "name": name}, "reason": "FailedCreate", "message": message}


@pytest.mark.parametrize(
    ("message", "todo"),
    [
        ('pods "web-5b-x" is forbidden: exceeded quota: small, requested: pods=1', "ResourceQuota is used up"),
        ('pods "web-5b-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', "Pod Security"),
        ('admission webhook "owners.example" denied the request: no owner', "a rule of this cluster's own"),
        ("ValidatingAdmissionPolicy 'teams' with binding 'teams' denied request: no", "a rule of this cluster's own"),
    ],
)
def test_pods_that_a_rule_refuses_are_told_at_once(message, todo):
    kube = Kube([with_status(readyReplicas=0)], failed=[failed("web-5b", message)])
    with pytest.raises(Refused, match=f"the pods of Deployment web in ns are refused: .*{todo}"):
        wait_ready(kube, APP, "ns", timeout_s=60.0)


def test_what_passes_by_itself_or_is_anothers_is_no_refusal():
    others = [failed("web-5b", "etcd is slow"), failed("website", "exceeded quota: small")]
    with pytest.raises(WaitTimeout):
        wait_ready(Kube([with_status(readyReplicas=0)], failed=others), APP, "ns", timeout_s=0.0)


def without_image(message):
    pod = copy.deepcopy(POD)
    pod["status"]["containerStatuses"][0] |= {
        "image": "r.example/web:1",
        "state": {"waiting": {"reason": "ErrImagePull", "message": message}},
    }
    return pod


class Pulling(Kube):
    """The pods, as they are at each look at them; the last for ever."""

    def __init__(self, *pods):
        super().__init__([with_status(readyReplicas=0)])
        self.pods = list(pods)

    def list(self, api_version, kind, namespace, *, labels="", fields=""):
        if kind != "Pod":
            return super().list(api_version, kind, namespace, labels=labels, fields=fields)
        return [self.pods.pop(0) if len(self.pods) > 1 else self.pods[0]]


REFUSES = without_image("401 Unauthorized")


def test_pods_that_go_on_without_their_image_are_told_before_the_time_is_over():
    kube = Pulling(*[REFUSES] * 14, POD, *[REFUSES] * 15, POD)
    told = r"the pods of Deployment web in ns cannot start: web does not get the image r.example/web:1: .*401"
    with pytest.raises(Refused, match=told):
        wait_ready(kube, APP, "ns", timeout_s=60.0)
    assert kube.pods == [POD]


class Several(Kube):
    """Two Deployments, each whole or not, and two budgets."""

    def __init__(self, database):
        super().__init__([])
        template = {"metadata": {"labels": {"app": "web", "tier": "front"}}}
        self.found = {
            ("Deployment", "web"): {**READY, "spec": {**READY["spec"], "template": template}},
            ("Deployment", "database"): database,
        }
        self.budgets = []

    def get(self, api_version, kind, name, namespace):
        if kind == "PodDisruptionBudget":
            self.budgets.append(name)
            status = {"observedGeneration": 1, "currentHealthy": 2 if name == "web" else 0}
            return {"metadata": {"name": name, "generation": 1}, "status": status}
        return self.found[kind, name]


def manifest(kind, name, labels=None):
    return {"kind": kind, "metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels or {}}}}


ALL = [
    manifest("Deployment", "web"),
    manifest("Deployment", "database"),
    manifest("PodDisruptionBudget", "web", {"tier": "front"}),
    manifest("PodDisruptionBudget", "database", {"app": "database"}),
]


def test_wait_ready_waits_for_what_else_the_app_needs_and_asks_its_own_budgets_alone():
    app = App("web", ALL, service="web", port=80, selector={"app": "web"})
    kube = Several(READY)
    wait_ready(kube, app, "ns")
    assert kube.budgets == ["web"]
    with pytest.raises(WaitTimeout, match=r"Deployment database: of 2 wanted: .*readyReplicas 0"):
        wait_ready(Several(with_status(readyReplicas=0)), app, "ns", timeout_s=0.0)
