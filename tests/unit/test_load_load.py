import contextlib

import pytest

from harness import wait
from harness.clock import NS_PER_S
from harness.errors import KubeError, Refused, UsageError, WaitTimeout
from harness.history import Recorder
from harness.load import EachPod, Httpx, InFlight, KeptAlive, Load, NewConnections, Streams
from harness.load.pod import control_server, load_pods
from harness.load.probes import Ask, Target
from harness.manifests import of_kind, pod_spec
from harness.policies import CONTROL_LABELS
from harness.records import (
    Beats,
    EndpointSeen,
    EndpointsSeen,
    Log,
    PodSeen,
    ProbeEnded,
    ProbeStarted,
    RequestBatch,
    Steady,
)
from workloads.load import probe as prober
from workloads.load import streams

NOW_NS = 1_700_000_000 * NS_PER_S


def row(at_s, outcome="ok", error=""):
    """A row due so many seconds after NOW_NS."""
    at_ns = NOW_NS + round(at_s * NS_PER_S)
    return [at_ns, 0, 1, 2, outcome, "connect" if error else "", error, 0 if error else 200, "pod", "c1", 1]


def batch(probe, rows, seq=0):
    return RequestBatch(NOW_NS, probe, seq, rows)


GOOD = [row(-n / 10) for n in range(40, 0, -1)]
BAD = [row(-n / 10, "failed", "refused") for n in range(40, 0, -1)]


def made_pods(target, *probes, background_rate=0, **more):
    given = probes or (NewConnections(),)
    return load_pods(target, given, interval_ms=10, deadline_s=1, background_rate=background_rate, **more)


def test_the_pod():
    (pod,) = made_pods(Target("web", 8080, Ask("/x", 204)), image="l:1")
    containers = {one["name"]: one for one in pod["spec"]["containers"]}
    assert set(containers) == {"service", "control"}
    service, control = containers["service"], containers["control"]
    assert service["image"] == "l:1"
    assert service["command"] == [
        "python3", "-E", "-S", "-m", "load.probe", "--interval-ms", "10", "--deadline-s", "1", "--probe", "service",
        "--role", "measure", "--target", "web:8080", "--path", "/x", "--expect-status", "204",
    ]  # fmt: skip
    assert control["command"][-6:] == ["--target", "control:80", "--path", "/", "--expect-status", "200"]
    assert ("--noise" in control["command"], "--noise" in service["command"]) == (True, False)
    assert service["resources"]["requests"]["cpu"] == "200m"
    assert pod["metadata"]["labels"]["survive.dev/role"] == "load"
    assert pod["spec"]["tolerations"] == [{"key": "survive.dev/load", "operator": "Exists", "effect": "NoSchedule"}]


def test_what_is_asked_goes_to_every_prober_of_requests():
    ask = Ask("/x", (200, 201), "POST", (("Accept", "a b"), ("X", "-1")), "{}")
    (pod,) = made_pods(Target("web", 80, ask), NewConnections(), KeptAlive(), Httpx(), background_rate=5)
    commands = {one["name"]: one["command"] for one in pod["spec"]["containers"]}
    for name in ("service", "kept-alive", "background", "https"):
        said = [one for one in commands[name] if one.startswith("--") and "=" in one]
        assert said == ["--method=POST", "--header=Accept:a b", "--header=X:-1", "--body={}"], name
        assert commands[name][commands[name].index("--expect-status") + 1] == "200,201", name
    assert not [one for one in commands["control"] if "=" in one]


def test_the_pod_with_background_load():
    (pod,) = made_pods(Target("web"), background_rate=20)
    background = pod["spec"]["containers"][2]
    assert background["command"][:7] == ["python3", "-m", "load.background", "--probe", "background", "--rate", "20"]


def test_the_pod_without_a_target():
    (pod,) = made_pods(None, background_rate=20)
    assert [one["name"] for one in pod["spec"]["containers"]] == ["control"]


def test_each_probe_has_a_container_of_its_own():
    probes = (
        NewConnections(),
        KeptAlive(20, looks=False),
        Streams("websocket", 3, 10),
        InFlight(resends=True),
        EachPod(),
    )
    (pod,) = made_pods(Target("web"), *probes)
    made = {one["name"]: one["command"] for one in pod["spec"]["containers"]}
    assert list(made) == ["control", "service", "kept-alive", "websocket", "in-flight", "each-pod"]
    assert not prober.parse(made["service"][5:]).fresh_ports
    assert made["kept-alive"][-5:] == ["--mode", "keepalive", "--connections", "20", "--no-looks"]
    for name, module in (("websocket", streams), ("kept-alive", prober), ("in-flight", prober), ("each-pod", prober)):
        assert made[name][:4] == ["python3", "-E", "-S", "-m"]
        options = module.parse(made[name][5:])
        assert options.probe == name
    assert (options.target, options.resolve, options.role) == ("each-pod:8080", "all", "direct")
    work = prober.parse(made["in-flight"][5:])
    assert (work.work_s, work.interval_ms, work.deadline_s, work.resend) == ((1, 5), 100, 7, True)
    held = streams.parse(made["websocket"][5:])
    assert (held.streams, held.lasting_s, held.path) == (3, 10, "/ws?beat=0.2")


def test_new_connections_may_have_ports_of_their_own():
    (pod,) = made_pods(Target("web"), NewConnections(fresh_ports=True))
    (command,) = (one["command"] for one in pod["spec"]["containers"] if one["name"] == "service")
    assert prober.parse(command[5:]).fresh_ports


def test_a_probe_from_a_node_is_in_a_pod_there():
    here, there = made_pods(Target("web"), NewConnections(), NewConnections(node="worker-1"))
    assert [one["name"] for one in here["spec"]["containers"]] == ["control", "service"]
    assert there["metadata"]["name"] == "load-worker-1"
    assert there["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "worker-1"}
    assert "affinity" not in there["spec"]
    assert [one["name"] for one in there["spec"]["containers"]] == ["service-from-worker-1"]


def test_each_pod_is_found_by_a_headless_service(recorder):
    kube = Kube(recorder, probes=("service", "control", "each-pod"))
    Load(kube, recorder, "ns", service="web", probes=[NewConnections(), EachPod()], selector={"app": "web"}).start(0.0)
    assert kube.did[0] == ["control", "control", "each-pod"]
    service = kube.manifests[-1]["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert (service["selector"], service["ports"]) == ({"app": "web"}, [{"name": "http", "port": 8080}])


def test_two_probes_of_one_name(recorder):
    with pytest.raises(UsageError, match="called kept-alive"):
        Load(Kube(recorder), recorder, "ns", service="web", probes=[KeptAlive(1), KeptAlive(2)])


def test_streams_must_all_beat_before_and_some_after(recorder):
    kube = Kube(recorder, probes=("control", "sse"))
    load = Load(kube, recorder, "ns", service="web", probes=[Streams(count=2)])
    with pytest.raises(WaitTimeout, match="prober sse: 0 of 2 streams beat"):
        load.start(timeout_s=0.0)
    recorder.add(Beats(1, "sse", 0, [[round(NOW_NS - n * 1e8), "1", 40 - n, 0] for n in range(40)]))
    with pytest.raises(WaitTimeout, match="prober sse: 1 of 2 streams beat"):
        load.start(timeout_s=0.0)
    assert load.settle(0.0)
    recorder.add(Beats(1, "sse", 1, [[NOW_NS, "2", 1, 0]]))
    load.start(timeout_s=0.0)


def test_the_control_server_stands_beside_the_load():
    made = control_server("s:1")
    deployment = of_kind(made, "Deployment")
    assert (deployment["metadata"]["name"], deployment["spec"]["replicas"]) == ("control", 1)
    assert pod_spec(deployment)["tolerations"][0]["key"] == "survive.dev/load"
    assert pod_spec(deployment)["containers"][0]["image"] == "s:1"
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= CONTROL_LABELS.items()
    assert of_kind(made, "Service")["metadata"]["name"] == "control"


class Kube:
    """A cluster in which the control server is up when applied, and the probers do as `rows` says."""

    def __init__(self, recorder, rows=GOOD, gone=False, silent=False, probes=("service", "control"), pod=None):
        self.recorder = recorder
        self.rows = rows
        self.gone = gone
        self.silent = silent
        self.probes = probes
        self.pod = pod
        self.did = []
        self.manifests = []
        self.policies = []

    def apply(self, manifests, namespace):
        if not self.manifests:
            self.manifests = manifests
        self.did.append([one["metadata"]["name"] for one in manifests])
        if manifests[0]["kind"] == "Pod":
            for probe in self.probes:
                self.recorder.add(ProbeStarted(NOW_NS, probe, 10_000_000, NS_PER_S, f"{probe}:80"))
                self.recorder.add(batch(probe, self.rows))
        else:
            endpoint = EndpointSeen("control-1", "u", "10.0.0.1", "n", ready=True, serving=True, terminating=False)
            self.recorder.add(EndpointsSeen(1, "control", "control-x", [] if self.silent else [endpoint]))

    def get(self, api_version, kind, name, namespace=""):
        if kind == "Namespace":
            return {"metadata": {"labels": {"team": name}}}
        if self.pod is None:
            raise KubeError("no such pod", 404)
        return {"status": self.pod}

    def list(self, api_version, kind, namespace):
        assert kind == "NetworkPolicy"
        if isinstance(self.policies, KubeError):
            raise self.policies
        return [one for one in self.policies if one["metadata"]["namespace"] == namespace]

    def delete_pod(self, name, namespace, grace_s):
        self.did.append((name, grace_s))
        if self.gone:
            raise KubeError("no such pod", 404)
        for probe in self.probes:
            self.recorder.add(ProbeEnded(NOW_NS, probe, 40, 1))


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path / "history.jsonl.gz", "b1")
    yield recorder
    recorder.close()


@pytest.fixture(autouse=True)
def _still(monkeypatch):
    """Nothing is waited for, and the moment is NOW_NS."""
    until = wait.until
    monkeypatch.setattr(wait, "until", lambda *how, **more: until(*how, **more, sleep=lambda _: None))
    monkeypatch.setattr("harness.load.load.now_ns", lambda: NOW_NS)


def test_start_and_stop(recorder):
    kube = Kube(recorder)
    load = Load(kube, recorder, "ns", service="web")
    load.start(timeout_s=0.0)
    load.stop(timeout_s=0.0)
    assert kube.did == [["control", "control"], ["load"], ("load", 15)]


def test_the_warm_up_ends_where_all_was_well(recorder):
    load = Load(Kube(recorder, rows=[*BAD[:10], *GOOD[10:]]), recorder, "ns", service="web")
    load.start(timeout_s=0.0)
    assert recorder.history().of(Steady) == [Steady(NOW_NS - 2_500_000_000)]
    measured, whole = (len(recorder.history().requests("service", warm_up)) for warm_up in (False, True))
    assert (measured, whole) == (25, 40)


def test_start_says_what_the_probers_saw(recorder):
    recorder.add(Log(1, "load", "service", "no address for web"))
    load = Load(Kube(recorder, rows=BAD), recorder, "ns", service="web")
    with pytest.raises(
        WaitTimeout, match=r"prober service: failed \(connect refused 0\); prober control: .*no such pod"
    ):
        load.start(timeout_s=0.0)
    assert recorder.history().of(Steady) == []


def policy(name="deny", namespace="ns", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def told(recorder, kube, service="web", **how):
    """What is said where the probers never become steady."""
    load = Load(kube, recorder, "ns", service=service, selector={"app": "web"}, **how)
    with pytest.raises(WaitTimeout) as why:
        load.start(timeout_s=0.0)
    return str(why.value)


def pod_seen(recorder, *, ready=True):
    labels = {"app": "web", "tier": "front"}
    recorder.add(PodSeen(1, "ADDED", "web-1", "u", "n", "10.0.0.2", "Running", "", ready, None, None, labels))


def test_start_names_the_policies_that_keep_probers_out(recorder):
    pod_seen(recorder)
    kube = Kube(recorder, rows=BAD)
    kube.policies = [policy()]
    both = "no prober gets through to web and to our control server by NetworkPolicy ns/deny: let in pods labelled"
    assert f"where the network enforces policies, {both}" in told(recorder, kube)
    # Its selector knows more of the pods' labels than the app's.
    kube.policies = [policy("front", podSelector={"matchLabels": {"tier": "front"}})]
    assert "no prober gets through to web by NetworkPolicy ns/front: let in" in told(recorder, kube)
    kube.policies = [policy("inside", "shop")]
    assert "through to web.shop by NetworkPolicy shop/inside: let" in told(recorder, kube, "web.shop")
    kube.policies = [policy(ingress=[{}])]
    assert "NetworkPolicies may be in the way (ns/deny): they must let its pods reach each" in told(recorder, kube)
    kube.policies = KubeError("forbidden", 403)
    assert "whether NetworkPolicies are in the way is not known: forbidden" in told(recorder, kube)


def test_start_says_that_ready_pods_are_not_reached_where_no_policy_is_to_blame(recorder):
    kube = Kube(recorder, rows=BAD)
    assert "policies" not in told(recorder, kube).lower()
    pod_seen(recorder)
    assert "no connection comes about though pods of the app are ready (1): see that they listen" in told(
        recorder, kube
    )
    pod_seen(recorder, ready=False)
    assert "no connection comes about" not in told(recorder, kube)


def test_policies_that_nobody_enforces_are_not_blamed(recorder):
    """The control server is reached though they say that it is not, or what is refused is no connection."""
    pod_seen(recorder)
    kube = Kube(recorder, probes=("control",))
    kube.policies = [policy()]
    for one in (
        [row(-n / 10, "failed", "refused") for n in range(40, 0, -1)],
        [[*row(-n / 10, "failed", "status")[:5], "read", "status", 500, "pod", "c1", 1] for n in range(40, 0, -1)],
    ):
        recorder.add(batch("service", one))
        assert "ns/deny" not in told(recorder, kube)


def test_no_more_is_waited_where_policies_are_seen_to_be_enforced(recorder):
    """That is where the control server is not reached either, for a while."""
    pod_seen(recorder)
    kube = Kube(recorder, rows=BAD, probes=())
    for probe in ("service", "control"):
        recorder.add(ProbeStarted(NOW_NS - 20 * NS_PER_S, probe, 10_000_000, NS_PER_S, f"{probe}:80"))
        recorder.add(batch(probe, [row(-16), *BAD]))  # it took a moment until they were enforced
    load = Load(kube, recorder, "ns", service="web", selector={"app": "web"})
    kube.policies = [policy("front", podSelector={"matchLabels": {"tier": "front"}})]
    with pytest.raises(WaitTimeout):
        load.start(timeout_s=0.0)
    kube.policies = [policy()]
    assert not load.settle(0.0), "later it is the restart's doing"
    why = "no connection came about in 15 s: no prober gets through to web and to our control server by NetworkPolicy"
    with pytest.raises(Refused, match=why):
        load.start(timeout_s=0.0)
    recorder.add(batch("control", GOOD))
    with pytest.raises(WaitTimeout):
        load.start(timeout_s=0.0)


def test_start_says_what_is_wrong_with_its_pod(recorder):
    pod = {"phase": "Pending", "conditions": [{"message": "0/4 nodes are available"}, {"message": ""}, {}]}
    for n in range(5):
        recorder.add(Log(n, "load", "service", f"line {n}"))
    load = Load(Kube(recorder, rows=[], pod=pod), recorder, "ns", service="web")
    told = "no rows yet; the pod load is Pending; 0/4 nodes are available; line 2; line 3; line 4$"
    with pytest.raises(WaitTimeout, match=told):
        load.start(timeout_s=0.0)


def test_start_says_which_image_its_pod_does_not_get(recorder):
    waiting = {"reason": "ErrImagePull", "message": "dial tcp: connection refused"}
    status = {"name": "control", "image": "r.example/load:1", "state": {"waiting": waiting}}
    load = Load(Kube(recorder, rows=[], pod={"containerStatuses": [status]}), recorder, "ns", service="web")
    told = "control does not get the image r.example/load:1: ErrImagePull: .*; the nodes do not reach its registry"
    with pytest.raises(WaitTimeout, match=told):
        load.start(timeout_s=0.0)


def test_start_says_that_the_control_server_is_not_ready(recorder):
    kube = Kube(recorder, silent=True)
    recorder.add(PodSeen(1, "ADDED", "control-1", "u", "", "", "Pending", "", False, None, None, {"app": "control"}))
    with pytest.raises(WaitTimeout, match="a ready endpoint of the Service control; last seen: Pending"):
        Load(kube, recorder, "ns", service="web").start(timeout_s=0.0)
    assert kube.did == [["control", "control"]]


def test_settle_tells_whether_all_is_well_again(recorder):
    load = Load(Kube(recorder), recorder, "ns", service="web")
    load.start(timeout_s=0.0)
    assert load.settle(0.0)
    recorder.add(batch("service", [row(-0.05, "failed", "reset")], seq=1))
    assert not load.settle(0.0)
    assert len(recorder.history().of(Steady)) == 1


def test_without_a_service_the_control_alone_is_asked(recorder):
    load = Load(Kube(recorder, probes=("control",)), recorder, "ns", service=None, background_rate=20)
    load.start(timeout_s=0.0)
    assert load.settle(0.0)
    load.stop(timeout_s=0.0)


def test_stop_misses_the_last_word_of_a_pod_that_is_gone(recorder):
    load = Load(Kube(recorder, gone=True), recorder, "ns", service="web")
    with pytest.raises(WaitTimeout, match="none of control, service"):
        load.stop(timeout_s=0.0)


def test_the_background_load_must_begin_and_come_to_its_end(recorder):
    load = Load(Kube(recorder), recorder, "ns", service="web", background_rate=20)
    with pytest.raises(WaitTimeout, match="prober background: has not begun"):
        load.start(timeout_s=0.0)
    recorder.add(ProbeStarted(NOW_NS, "background", 50_000_000, NS_PER_S, "web:80", "load"))
    load.start(timeout_s=0.0)
    with pytest.raises(WaitTimeout, match=r"none of background$"):
        load.stop(timeout_s=0.0)
    recorder.add(ProbeEnded(NOW_NS, "background", 0, 0))
    load.stop(timeout_s=0.0)


def test_its_pods_are_made_in_turn(recorder):
    kube, turns = Kube(recorder), []

    @contextlib.contextmanager
    def starting():
        made = len(kube.did)
        yield
        turns.append(kube.did[made:])

    Load(kube, recorder, "ns", service="web", starting=starting).start(0.0)
    assert turns == [[["control", "control"]], [["load"]]]
