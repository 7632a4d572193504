import json
import threading

import pytest
from fake_api import FakeApi, Stream, listing, thing

from harness.errors import KubeError
from harness.kube import LISTED, Kube, Stop, causes, explained, time_ns
from harness.kube_client import _pairs

PODS = "/api/v1/namespaces/ns/pods"
NODES = "/api/v1/nodes"
BUSY = (429, b"Too many requests, please try again later.\n")


@pytest.fixture
def api():
    fake = FakeApi()
    yield fake
    fake.close()


@pytest.fixture
def kube(api, tmp_path):
    return api.connect(tmp_path)


@pytest.fixture(autouse=True)
def _no_back_off(monkeypatch):
    monkeypatch.setattr("harness.kube_streams._BACK_OFF_S", (0.0,))


def status(code, reason, message, **details):
    return code, {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


def test_a_bad_kubeconfig_is_told(tmp_path):
    with pytest.raises(KubeError, match=r"cannot use the kubeconfig .*nowhere"):
        Kube.connect(tmp_path / "nowhere")


def test_version(api, kube):
    api.on("GET", "/version", {"gitVersion": "v1.37.2"})
    assert kube.version() == "v1.37.2"


def test_paths_of_namespaced_and_cluster_wide_kinds(api, kube):
    api.on("GET", "/apis/apps/v1/namespaces/ns/deployments/web", {"kind": "Deployment"})
    api.on("GET", NODES, listing(1, thing("n", 1)))
    assert kube.get("apps/v1", "Deployment", "web", "ns") == {"kind": "Deployment"}
    assert len(kube.list("v1", "Node", "ns", labels="a=b")) == 1
    assert api.asked[-1][2] == "labelSelector=a%3Db"
    with pytest.raises(KubeError, match="serves no Gadget in v1"):
        kube.get("v1", "Gadget", "x", "ns")


def test_what_is_applied_or_created_is_dressed_first(api, tmp_path):
    api.on("PATCH", "/api/v1/namespaces/ns/pods/p", {})
    api.on("POST", "/api/v1/namespaces/ns/pods", {})
    api.connect(tmp_path)
    kube = Kube.connect(tmp_path / "kubeconfig", "fake", lambda manifest: {**manifest, "dressed": True})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    kube.apply([pod], "ns")
    kube.create(pod, "ns", dry_run=True)
    (applied,), (created,) = api.requests("PATCH"), api.requests("POST")
    assert applied[3] == created[3] == {**pod, "dressed": True}
    assert created[2] == "dryRun=All"


def test_apply_is_server_side_and_forced(api, kube):
    path = "/apis/apps/v1/namespaces/ns/deployments/web"
    api.on("PATCH", path, {"stored": True})
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    assert kube.apply([manifest], "ns") == [{"stored": True}]
    query = "fieldManager=survive&force=true"
    assert api.requests("PATCH") == [("PATCH", path, query, manifest, "application/apply-patch+yaml")]


def test_a_refusal_has_status_reason_message_and_advice(api, kube):
    api.on("GET", f"{PODS}/x", status(403, "Forbidden", "pods is forbidden"))
    with pytest.raises(KubeError, match=r"GET .*/x: 403 pods is forbidden; grant the missing right") as caught:
        kube.get("v1", "Pod", "x", "ns")
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert json.loads(caught.value.body)["message"] == "pods is forbidden"


def test_eviction_refused_by_a_budget_is_not_tried_again(api, kube):
    cause = {"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods"}
    api.on(
        "POST", f"{PODS}/x/eviction", status(429, "TooManyRequests", "Cannot evict", causes=[cause]), {"kind": "Status"}
    )
    with pytest.raises(KubeError) as caught:
        kube.evict("x", "ns", grace_s=3)
    assert caught.value.status == 429
    assert causes(caught.value) == ["DisruptionBudget"]
    assert explained(caught.value) == "Cannot evict The disruption budget web needs 2 healthy pods"
    (sent,) = api.requests("POST")
    assert sent[3]["deleteOptions"] == {"gracePeriodSeconds": 3}
    assert sent[3]["metadata"] == {"name": "x", "namespace": "ns"}
    assert api.slept == []


def test_an_eviction_can_be_asked_for_without_its_being_done(api, kube):
    api.on("POST", f"{PODS}/x/eviction", {"kind": "Status"})
    kube.evict("x", "ns", dry_run=True)
    assert api.requests("POST")[0][3]["deleteOptions"] == {"dryRun": ["All"]}


def test_delete_sends_grace_zero_and_uid(api, kube):
    api.on("DELETE", f"{PODS}/x", {"kind": "Pod"})
    kube.delete_pod("x", "ns", grace_s=0, uid="u1")
    kube.delete_pod("x", "ns")
    first, second = (sent[3] for sent in api.requests("DELETE"))
    assert (first["gracePeriodSeconds"], first["preconditions"]) == (0, {"uid": "u1"})
    assert "gracePeriodSeconds" not in second
    assert "preconditions" not in second


@pytest.mark.parametrize("trouble", ["hang up", status(500, "InternalError", "etcd"), BUSY])
def test_an_act_is_sent_once(api, kube, trouble):
    api.on("DELETE", f"{PODS}/x", trouble, {"kind": "Pod"})
    with pytest.raises(KubeError):
        kube.delete_pod("x", "ns")
    assert len(api.requests("DELETE")) == 1


def test_a_read_rides_out_what_passes(api, kube):
    api.on(
        "GET",
        f"{PODS}/x",
        "hang up",
        status(503, "ServiceUnavailable", "starting"),
        BUSY,
        status(429, "TooManyRequests", "wait", retryAfterSeconds=7),
        {"kind": "Pod"},
    )
    assert kube.get("v1", "Pod", "x", "ns") == {"kind": "Pod"}
    assert api.slept == pytest.approx([0.1, 0.2, 1.0, 7.0])


def test_a_read_gives_up_at_last_and_at_once_on_what_does_not_pass(api, kube):
    api.on("GET", f"{PODS}/x", status(503, "ServiceUnavailable", "down"))
    with pytest.raises(KubeError, match="503 down"):
        kube.get("v1", "Pod", "x", "ns")
    assert len(api.slept) == 29
    api.slept.clear()
    with pytest.raises(KubeError, match="404"):
        kube.get("v1", "Pod", "y", "ns")
    assert api.slept == []


def test_no_answer_has_status_zero(api, kube):
    api.on("POST", f"{PODS}/x/eviction", "hang up")
    with pytest.raises(KubeError, match=r"no answer \(ProtocolError") as caught:
        kube.evict("x", "ns")
    assert caught.value.status == 0


def test_restart_scale_and_the_pod_proxy(api, kube):
    path = "/apis/apps/v1/namespaces/ns/deployments/web"
    api.on("PATCH", path, {})
    api.on("PATCH", f"{path}/scale", {})
    api.on("POST", f"{PODS}/x:8080/proxy/control/livez", (200, b"ok"))
    kube.restart("web", "ns")
    kube.scale("web", "ns", 0)
    assert kube.pod_post("ns", "x", 8080, "/control/livez?ok=0") == "ok"
    restart, scale = api.requests("PATCH")
    assert "kubectl.kubernetes.io/restartedAt" in restart[3]["spec"]["template"]["metadata"]["annotations"]
    assert restart[4] == "application/strategic-merge-patch+json"
    assert scale[3] == {"spec": {"replicas": 0}}
    assert api.requests("POST")[0][2] == "ok=0"


def change(kind, item):
    return {"type": kind, "object": item}


def watched(kube, api, until, on_break=None):
    """The changes of a watch on nodes up to the one that `until` holds for."""
    stop, seen = Stop(), []
    for type_, item in kube.watch("v1", "Node", stop=stop, on_break=on_break or (lambda what: None)):
        seen.append((type_, item.get("metadata", {}).get("name")))
        if until(type_, item):
            stop.set()
    return seen


def test_watch_lists_then_follows_from_there(api, kube):
    follow = Stream(
        change("MODIFIED", thing("a", 6)), change("BOOKMARK", thing("", 9)), change("DELETED", thing("a", 10))
    )
    api.on("GET", NODES, listing(5, thing("a", 4)), follow)
    seen = watched(kube, api, lambda type_, _: type_ == "DELETED")
    assert seen == [("ADDED", "a"), (LISTED, None), ("MODIFIED", "a"), ("DELETED", "a")]
    assert "resourceVersion=5" in api.requests("GET")[1][2]


def test_a_watch_that_ended_or_broke_goes_on_from_the_last_version(api, kube):
    breaks = []
    api.on(
        "GET",
        NODES,
        listing(5),
        Stream(change("ADDED", thing("a", 6)), change("BOOKMARK", thing("", 9))).end(),
        Stream(change("MODIFIED", thing("a", 11))).cut(),
        Stream(change("DELETED", thing("a", 12))),
    )
    seen = watched(kube, api, lambda type_, _: type_ == "DELETED", breaks.append)
    assert [type_ for type_, _ in seen] == [LISTED, "ADDED", "MODIFIED", "DELETED"]
    versions = [query.partition("resourceVersion=")[2] for _, _, query, _, _ in api.requests("GET")]
    assert versions == ["", "5", "9", "11"]
    assert len(breaks) == 1
    assert "no answer" in breaks[0]


def test_a_version_too_old_lists_again_and_gives_the_difference(api, kube):
    breaks = []
    gone = change("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    api.on(
        "GET",
        NODES,
        listing(5, thing("same", 1), thing("moved", 2), thing("went", 3)),
        Stream(gone),
        listing(20, thing("same", 1), thing("moved", 15), thing("new", 16)),
        Stream(change("MODIFIED", thing("new", 21))),
    )
    seen = watched(
        kube, api, lambda type_, item: item.get("metadata", {}).get("resourceVersion") == "21", breaks.append
    )
    assert seen[4:] == [
        ("DELETED", "went"),
        ("MODIFIED", "moved"),
        ("ADDED", "new"),
        (LISTED, None),
        ("MODIFIED", "new"),
    ]
    assert len(breaks) == 1
    assert "too old" in breaks[0]


def test_the_first_list_s_error_is_raised(api, kube):
    api.on("GET", NODES, status(403, "Forbidden", "nodes is forbidden"))
    with pytest.raises(KubeError, match="nodes is forbidden"):
        watched(kube, api, lambda *_: True)


def test_a_time_of_blindness_is_told_once(api, kube):
    breaks = []
    cut = Stream(change("ADDED", thing("a", 6))).cut()
    api.on("GET", NODES, listing(5), cut, "hang up", BUSY, Stream(change("DELETED", thing("a", 7))))
    watched(kube, api, lambda type_, _: type_ == "DELETED", breaks.append)
    assert len(breaks) == 1


def test_stop_ends_a_watch_that_is_blocked(api, kube):
    stop, blocked = Stop(), threading.Event()
    api.on("GET", NODES, listing(5), Stream(change("ADDED", thing("a", 6))))

    def follow():
        for type_, _ in kube.watch("v1", "Node", stop=stop, on_break=pytest.fail):
            if type_ == "ADDED":
                blocked.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert blocked.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_stop_ends_the_wait_for_a_silent_log(api, kube, monkeypatch):
    """The kubelet sends not even a head before the first line."""
    stop, ended, release = Stop(), [], threading.Event()
    answer = api._answer
    monkeypatch.setattr(api, "_answer", lambda *asked: (api.arrived.set(), release.wait(10), answer(*asked))[2])

    def follow():
        try:
            list(kube.logs("ns", "x", "main", stop=stop))
        except KubeError as exc:
            ended.append(exc.status)

    thread = threading.Thread(target=follow)
    thread.start()
    assert api.arrived.wait(5)
    stop.set()
    thread.join(5)
    alive = thread.is_alive()
    release.set()
    assert not alive
    assert ended == [0]


def test_a_stop_that_came_before_ends_at_once(api, kube):
    stop = Stop()
    stop.set()
    api.on("GET", f"{PODS}/x/log", Stream(b"2026-11-23T00:00:00Z hello\n"))
    with pytest.raises(KubeError):
        list(kube.logs("ns", "x", "main", stop=stop))


def test_log_lines_come_with_their_times(api, kube):
    early = b"2026-11-23T00:00:01.123456789Z two words\n2026-11-23T01:00:01.5+01:00 \n"
    api.on("GET", f"{PODS}/x/log", Stream(early, b"kubelet speaks\n2026-11-23T00:00:02Z cut").end())
    at = 1795392001_000000000
    assert [tuple(line) for line in kube.logs("ns", "x", "main", since_ns=at + 999_999_999)] == [
        (at + 123_456_789, "two words", True),
        (at + 500_000_000, "", True),
        (None, "kubelet speaks", True),
        (at + 1_000_000_000, "cut", False),
    ]
    query = api.requests("GET")[0][2]
    assert "sinceTime=2026-11-23T00%3A00%3A01Z" in query
    assert "follow=true" in query
    assert "previous" not in query


def test_a_log_that_breaks_is_told(api, kube):
    api.on("GET", f"{PODS}/x/log", Stream(b"2026-11-23T00:00:01Z one\n2026-11-23T00:00:01Z half").cut())
    lines = kube.logs("ns", "x", "main")
    assert next(lines).text == "one"
    with pytest.raises(KubeError, match="log of ns/x main: no answer"):
        next(lines)


def test_time_stamps():
    assert time_ns(None) is None
    assert time_ns("1970-01-01T00:00:01Z") == 1_000_000_000
    assert time_ns("1970-01-01T00:00:01.000001Z") == 1_000_001_000
    with pytest.raises(ValueError, match="no time zone"):
        time_ns("1970-01-01T00:00:01")


def test_zero_is_sent_in_a_query_and_what_is_unset_is_not():
    assert _pairs({"a": 0, "b": False, "c": None, "d": True}) == [("a", "0"), ("d", "true")]
