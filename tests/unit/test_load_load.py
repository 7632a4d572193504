import pytest

from harness import wait
from harness.errors import KubeError, WaitTimeout
from harness.history import History, Recorder
from harness.load import Load
from harness.load.load import unended, unsteady
from harness.load.pod import Target, control_server, load_pod
from harness.manifests import of_kind, pod_spec
from harness.records import EndpointSeen, EndpointsSeen, Log, PodSeen, ProbeEnded, RequestBatch


def row(at, outcome="ok", error=""):
    return [at, 0, 1, 2, outcome, "connect" if error else "", error, 200, "pod", "c1", 1]


def batch(probe, *outcomes, seq=0, start=0):
    rows = [row(start + n, outcome, "refused" if outcome == "failed" else "") for n, outcome in enumerate(outcomes)]
    return RequestBatch(1, probe, seq, rows)


GOOD = ["ok"] * 30


def test_steady_is_a_run_of_good_rows_to_the_present_end():
    control = batch("control", *GOOD)
    assert unsteady(History("x", [batch("service", "failed", "failed", *GOOD), control])) == []
    assert unsteady(History("x", [batch("service", *GOOD, "failed"), control])) == [
        "prober service: a row is failed (connect refused 200)"
    ]
    assert unsteady(History("x", [batch("service", *GOOD, "unknown"), control])) != []
    assert unsteady(History("x", [batch("service", *GOOD, "failed", "ok"), control])) != []
    assert unsteady(History("x", [batch("service", *GOOD[1:]), control])) == ["prober service: 29 rows, 30 needed"]
    assert unsteady(History("x", [batch("service", *GOOD)])) == ["prober control: 0 rows, 30 needed"]


def test_unended():
    ends = [ProbeEnded(1, "service", 30, 1), ProbeEnded(1, "control", 30, 1)]
    assert unended(History("x", [])) == ["control", "service"]
    assert unended(History("x", ends)) == []
    assert unended(History("x", [*ends, batch("background", *GOOD)])) == ["background"]


def test_the_pod():
    pod = load_pod(Target("web", 8080, "/x", 204), interval_ms=10, deadline_s=1, background_rate=0, image="l:1")
    service, control = pod["spec"]["containers"]
    assert (service["name"], control["name"], service["image"]) == ("service", "control", "l:1")
    assert service["command"] == [
        "python3", "-E", "-S", "-m", "load.probe", "--interval-ms", "10", "--deadline-s", "1", "--probe", "service",
        "--role", "measure", "--noise", "--target", "web:8080", "--path", "/x", "--expect-status", "204",
    ]  # fmt: skip
    assert control["command"][-6:] == ["--target", "control:80", "--path", "/", "--expect-status", "200"]
    assert "--noise" not in control["command"]
    assert service["resources"]["requests"]["cpu"] == "200m"
    assert pod["metadata"]["labels"]["survive.dev/role"] == "load"
    assert pod["spec"]["tolerations"] == [{"key": "survive.dev/load", "operator": "Exists", "effect": "NoSchedule"}]


def test_the_pod_with_background_load():
    pod = load_pod(Target("web"), interval_ms=10, deadline_s=1, background_rate=20)
    background = pod["spec"]["containers"][2]
    assert background["command"][:7] == ["python3", "-m", "load.background", "--probe", "background", "--rate", "20"]


def test_the_control_server_stands_beside_the_load():
    made = control_server("s:1")
    deployment = of_kind(made, "Deployment")
    assert (deployment["metadata"]["name"], deployment["spec"]["replicas"]) == ("control", 1)
    assert pod_spec(deployment)["tolerations"][0]["key"] == "survive.dev/load"
    assert pod_spec(deployment)["containers"][0]["image"] == "s:1"
    assert deployment["spec"]["template"]["metadata"]["labels"]["survive.dev/role"] == "control"
    assert of_kind(made, "Service")["metadata"]["name"] == "control"


class Kube:
    """A cluster in which the control server is up when applied, and the probers do as `rows` says."""

    def __init__(self, recorder, rows=GOOD, gone=False, silent=False):
        self.recorder = recorder
        self.rows = rows
        self.gone = gone
        self.silent = silent
        self.did = []

    def apply(self, manifests, namespace):
        self.did.append([one["metadata"]["name"] for one in manifests])
        if manifests[0]["kind"] == "Pod":
            for probe in ("service", "control"):
                self.recorder.add(batch(probe, *self.rows))
        else:
            endpoint = EndpointSeen("control-1", "u", "10.0.0.1", "n", ready=True, serving=True, terminating=False)
            self.recorder.add(EndpointsSeen(1, "control", "control-x", [] if self.silent else [endpoint]))

    def get(self, api_version, kind, name, namespace):
        raise KubeError("no such pod", 404)

    def delete_pod(self, name, namespace, grace_s):
        self.did.append((name, grace_s))
        if self.gone:
            raise KubeError("no such pod", 404)
        for probe in ("service", "control"):
            self.recorder.add(ProbeEnded(9, probe, 30, 1))


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path / "history.jsonl.gz", "b1")
    yield recorder
    recorder.close()


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    until = wait.until
    monkeypatch.setattr(wait, "until", lambda *how, **more: until(*how, **more, sleep=lambda _: None))


def test_start_and_stop(recorder):
    kube = Kube(recorder)
    load = Load(kube, recorder, "ns", service="web")
    load.start(timeout_s=0.0)
    load.stop(timeout_s=0.0)
    assert kube.did == [["control", "control"], ["load"], ("load", 15)]


def test_start_says_what_the_probers_saw(recorder):
    recorder.add(Log(1, "load", "service", "no address for web"))
    load = Load(Kube(recorder, rows=["failed"] * 40), recorder, "ns", service="web")
    with pytest.raises(WaitTimeout, match=r"a row is failed \(connect refused 200\).*no such pod"):
        load.start(timeout_s=0.0)


def test_start_says_that_the_control_server_is_not_ready(recorder):
    kube = Kube(recorder, silent=True)
    recorder.add(PodSeen(1, "ADDED", "control-1", "u", "", "", "Pending", "", False, None, None, {"app": "control"}))
    with pytest.raises(WaitTimeout, match="a ready endpoint of the Service control; last seen: Pending"):
        Load(kube, recorder, "ns", service="web").start(timeout_s=0.0)
    assert kube.did == [["control", "control"]]


def test_stop_misses_the_last_word_of_a_pod_that_is_gone(recorder):
    load = Load(Kube(recorder, gone=True), recorder, "ns", service="web")
    with pytest.raises(WaitTimeout, match="none of control, service"):
        load.stop(timeout_s=0.0)
