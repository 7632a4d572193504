from harness.deploy import daemons, job, server, stateful
from harness.manifests import of_kind, pod_spec

APP = server(replicas=3, pre_stop_s=4, max_surge=1)
POD = pod_spec(of_kind(APP.manifests, "Deployment"))


def test_a_stateful_set_has_the_same_pods():
    made = stateful(APP, policy="Parallel", max_unavailable=2)
    spec = of_kind(made.manifests, "StatefulSet")["spec"]
    assert made.kind == "StatefulSet"
    assert spec["template"]["spec"] == POD
    assert (spec["replicas"], spec["serviceName"], spec["podManagementPolicy"]) == (3, "server", "Parallel")
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    assert "strategy" not in spec
    assert of_kind(made.manifests, "Service") == of_kind(APP.manifests, "Service")


def test_a_daemon_set_has_no_replicas():
    spec = of_kind(daemons(APP).manifests, "DaemonSet")["spec"]
    assert not {"replicas", "strategy"} & spec.keys()
    assert spec["updateStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    surging = of_kind(daemons(APP, max_surge=1).manifests, "DaemonSet")["spec"]
    assert surging["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_job_works_with_as_many_pods_and_has_no_service():
    made = job(APP, replacement="Failed")
    (manifest,) = made.manifests
    spec = manifest["spec"]
    assert (manifest["apiVersion"], manifest["kind"], made.service) == ("batch/v1", "Job", None)
    assert (spec["parallelism"], spec["completions"], spec["podReplacementPolicy"]) == (3, 3, "Failed")
    assert spec["template"]["spec"] == {**POD, "restartPolicy": "Never"}
    assert not {"replicas", "selector", "strategy"} & spec.keys()
