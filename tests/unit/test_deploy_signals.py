import pytest

from harness import wait
from harness.deploy import signals, wait_ready
from harness.deploy.signals import BEHIND_PORT, behind_nginx, hook, once, process, sleep
from harness.errors import WaitTimeout
from harness.manifests import main_container, of_kind, pod_spec


def made(app):
    return of_kind(app.manifests, "Pod")


def test_the_plain_pod():
    app = signals.pod()
    assert (app.name, app.kind, app.service, app.selector) == ("signals", "Pod", None, {"app": "signals"})
    assert [one["kind"] for one in app.manifests] == ["Pod"]
    spec = pod_spec(made(app))
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert (spec["automountServiceAccountToken"], spec["initContainers"]) == (False, [])
    assert main_container(made(app))["args"] == ["run", "--port", "8080"]
    assert "lifecycle" not in main_container(made(app))


def test_no_grace_period_leaves_it_to_the_api():
    assert "terminationGracePeriodSeconds" not in pod_spec(made(signals.pod(grace_s=None)))


def test_a_process_with_all_there_is():
    container = process(
        "web", ["--shutdown-s", "2"], pre_stop=sleep(0), post_start=hook("postStart", "--sleep-s", "5"),
        stop_signal="SIGUSR1", memory="48Mi", port=9000, image="i:1", restartPolicy="Never",
    )  # fmt: skip
    assert container["args"] == ["run", "--port", "9000", "--shutdown-s", "2"]
    assert container["readinessProbe"] == {"httpGet": {"path": "/readyz", "port": 9000}, "periodSeconds": 1}
    assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 0}}
    assert container["lifecycle"]["stopSignal"] == "SIGUSR1"
    assert container["lifecycle"]["postStart"]["exec"]["command"][-4:] == ["hook", "postStart", "--sleep-s", "5"]
    assert container["resources"]["limits"] == {"memory": "48Mi"}
    assert (container["name"], container["image"], container["restartPolicy"]) == ("web", "i:1", "Never")
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_sidecars_are_init_containers_that_stay():
    spec = pod_spec(made(signals.pod(process("a"), sidecars=[process("b"), process("c")], policy="Never")))
    assert [one["name"] for one in spec["containers"]] == ["a"]
    assert [(one["name"], one["restartPolicy"]) for one in spec["initContainers"]] == [("b", "Always"), ("c", "Always")]
    assert spec["restartPolicy"] == "Never"


def test_init_containers_run_once_before_the_sidecars():
    pod = made(signals.pod(init=[once("first")], sidecars=[process("b")], speaks=False))
    first, sidecar = pod_spec(pod)["initContainers"]
    assert (first["name"], first["args"], "readinessProbe" in first) == ("first", ["hook", "first"], False)
    assert ("restartPolicy" in first, sidecar["restartPolicy"]) == (False, "Always")
    assert pod["metadata"]["labels"] == {"app": "signals"}


def test_a_pod_that_asks_the_api_may_read_itself_and_nothing_else():
    app = signals.pod(name="asker", asks_api=True)
    role = of_kind(app.manifests, "Role")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["asker"], "verbs": ["get"]}]
    binding = of_kind(app.manifests, "RoleBinding")
    assert (binding["roleRef"]["name"], binding["subjects"][0]["name"]) == ("asker", "asker")
    spec = pod_spec(made(app))
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("asker", True)
    assert app.manifests[-1]["kind"] == "Pod"


class OnePod:
    """A cluster with one pod, whose Ready condition is what the script says, once for each look."""

    def __init__(self, *ready):
        self.ready = list(ready)

    def get(self, api_version, kind, name, namespace):
        assert (api_version, kind, name, namespace) == ("v1", "Pod", "signals", "ns")
        status = self.ready.pop(0) if len(self.ready) > 1 else self.ready[0]
        conditions = [{"type": "Ready", "status": status}] if status else None
        meta, status = {"name": name, "uid": "u"}, {"conditions": conditions}
        return {"kind": "Pod", "metadata": meta, "spec": {}, "status": status}

    def list(self, api_version, kind, namespace, *, labels="", fields=""):
        return [self.get("v1", "Pod", "signals", "ns")] if kind == "Pod" else []


def test_a_bare_pod_is_ready_by_its_own_condition(monkeypatch):
    until = wait.until
    monkeypatch.setattr(wait, "until", lambda *how, **more: until(*how, **more, sleep=lambda _: None))
    kube = OnePod("", "False", "True")
    wait_ready(kube, signals.pod(), "ns")
    assert kube.ready == ["True"]
    with pytest.raises(WaitTimeout, match="Pod signals in ns to be ready; last seen: it is not Ready; pod signals: "):
        wait_ready(OnePod("False"), signals.pod(), "ns", timeout_s=0.0)


def test_nginx_stands_in_front_of_the_app():
    app = behind_nginx(process(port=BEHIND_PORT), sleep(3), grace_s=9)
    config, pod = app.manifests
    assert (config["kind"], pod["kind"]) == ("ConfigMap", "Pod")
    assert f"proxy_pass http://127.0.0.1:{BEHIND_PORT}" in "".join(config["data"].values())
    spec = pod_spec(pod)
    assert [one["name"] for one in spec["containers"]] == ["app", "nginx"]
    assert spec["containers"][1]["lifecycle"] == {"preStop": {"sleep": {"seconds": 3}}}
    mounted = {one["name"] for one in spec["containers"][1]["volumeMounts"]}
    assert mounted <= {one["name"] for one in spec["volumes"]}
    assert spec["terminationGracePeriodSeconds"] == 9
