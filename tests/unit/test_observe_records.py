"""What a watch brings, as records: on JSON as API servers of 1.37 write it."""

import dataclasses
import json

import pytest

from harness.history import decode, encode
from harness.observe.endpoints import endpoints_seen
from harness.observe.events import event_seen
from harness.observe.leases import lease_seen
from harness.observe.nodes import node_seen
from harness.observe.pods import pod_seen
from harness.records import Condition, ContainerSeen, EndpointSeen

S = 1_000_000_000
NOON = 1795435200 * S

POD = json.loads("""
{"metadata": {"name": "server-7d9f-abcde", "namespace": "survive-b2-x1y2z", "uid": "0a1b", "resourceVersion": "812",
  "labels": {"app": "server", "pod-template-hash": "7d9f"}, "deletionTimestamp": "2026-11-23T12:00:30Z",
  "deletionGracePeriodSeconds": 30},
 "spec": {"nodeName": "worker-1", "containers": [{"name": "server"}]},
 "status": {"phase": "Running", "podIP": "10.1.2.3", "qosClass": "Burstable",
  "conditions": [
   {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting", "lastTransitionTime": "2026-11-23T12:00:00Z"},
   {"type": "Ready", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-11-23T11:00:00Z"}],
  "initContainerStatuses": [
   {"name": "setup", "ready": true, "restartCount": 0, "image": "x", "containerID": "containerd://i1", "lastState": {},
    "state": {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": "2026-11-23T11:00:00Z",
     "finishedAt": "2026-11-23T11:00:01Z", "containerID": "containerd://i1"}}}],
  "containerStatuses": [
   {"name": "server", "ready": true, "started": true, "restartCount": 1, "containerID": "containerd://c2",
    "stopSignal": "SIGTERM", "state": {"running": {"startedAt": "2026-11-23T11:00:03Z"}},
    "lastState": {"terminated": {"exitCode": 137, "signal": 9, "reason": "Error", "startedAt": "2026-11-23T11:00:01Z",
     "finishedAt": "2026-11-23T11:00:02Z", "containerID": "containerd://c1"}}}]}}
""")


def test_a_pod():
    seen = pod_seen(5, "MODIFIED", POD)
    assert (seen.t_ns, seen.change, seen.name, seen.uid) == (5, "MODIFIED", "server-7d9f-abcde", "0a1b")
    assert (seen.node, seen.ip, seen.phase, seen.reason, seen.ready) == ("worker-1", "10.1.2.3", "Running", "", True)
    assert (seen.deletion_ns, seen.grace_s) == (NOON + 30 * S, 30)
    assert seen.labels["app"] == "server"
    assert seen.conditions[0] == Condition(
        "DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting", NOON
    )
    main, init = seen.containers
    assert main == ContainerSeen(
        name="server", id="containerd://c2", restarts=1, state="running", ready=True, started_ns=NOON - 3597 * S,
        last_reason="Error", last_exit_code=137, last_started_ns=NOON - 3599 * S, last_finished_ns=NOON - 3598 * S,
        stop_signal="SIGTERM",
    )  # fmt: skip
    assert (init.state, init.exit_code, init.reason) == ("terminated", 0, "Completed")
    assert decode(encode(seen, "x"))[1] == seen


def test_a_pod_that_nobody_has_placed_yet():
    seen = pod_seen(5, "ADDED", {"metadata": {"name": "p", "uid": "u"}, "spec": {}, "status": {"phase": "Pending"}})
    assert (seen.node, seen.ip, seen.ready, seen.deletion_ns, seen.grace_s) == ("", "", False, None, None)
    assert seen.containers == []


def test_a_container_that_waits_to_be_started_again():
    status = {
        "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}]
    }
    (container,) = pod_seen(5, "MODIFIED", {"metadata": {"name": "p", "uid": "u"}, "status": status}).containers
    assert (container.state, container.reason, container.exit_code, container.restarts) == (
        "waiting", "CrashLoopBackOff", None, 2,
    )  # fmt: skip


SLICE = json.loads("""
{"metadata": {"name": "server-abc12", "labels": {"kubernetes.io/service-name": "server"}}, "addressType": "IPv4",
 "endpoints": [
  {"addresses": ["10.1.2.3"], "conditions": {"ready": false, "serving": true, "terminating": true},
   "targetRef": {"kind": "Pod", "name": "server-1", "uid": "u1"}, "nodeName": "worker-1"},
  {"addresses": ["10.1.2.4"], "conditions": {}, "targetRef": {"kind": "Pod", "name": "server-2", "uid": "u2"}},
  {"addresses": ["10.1.2.5"], "conditions": {"ready": false}}]}
""")


def test_endpoints_and_their_defaults():
    seen = endpoints_seen(5, "MODIFIED", SLICE)
    assert (seen.service, seen.slice) == ("server", "server-abc12")
    assert seen.endpoints == [
        EndpointSeen("server-1", "u1", "10.1.2.3", "worker-1", ready=False, serving=True, terminating=True),
        EndpointSeen("server-2", "u2", "10.1.2.4", "", ready=True, serving=True, terminating=False),
        EndpointSeen("", "", "10.1.2.5", "", ready=False, serving=False, terminating=False),
    ]
    assert endpoints_seen(5, "DELETED", SLICE).endpoints == []
    assert endpoints_seen(5, "ADDED", {"metadata": {"name": "s"}, "endpoints": None}).endpoints == []


LEASE = json.loads("""
{"metadata": {"name": "controller", "resourceVersion": "77"},
 "spec": {"holderIdentity": "controller-1_u", "leaseDurationSeconds": 15, "leaseTransitions": 3,
  "acquireTime": "2026-11-23T12:00:00.000001Z", "renewTime": "2026-11-23T12:00:02.123456Z"}}
""")


def test_a_lease_in_microseconds():
    seen = lease_seen(5, "MODIFIED", LEASE)
    assert (seen.name, seen.holder, seen.transitions, seen.duration_s) == ("controller", "controller-1_u", 3, 15)
    assert (seen.acquire_ns, seen.renew_ns) == (NOON + 1_000, NOON + 2 * S + 123_456_000)
    assert seen.resource_version == "77"
    assert lease_seen(5, "DELETED", LEASE).holder == ""
    released = {"metadata": {"name": "c"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
    assert (lease_seen(5, "MODIFIED", released).holder, lease_seen(5, "MODIFIED", released).renew_ns) == ("", None)


EVENT = json.loads("""
{"metadata": {"name": "server-1.18"}, "involvedObject": {"kind": "Pod", "name": "server-1", "uid": "u1"},
 "reason": "Killing", "message": "Container server failed liveness probe, will be restarted", "type": "Normal",
 "source": {"component": "kubelet", "host": "worker-1"}, "reportingComponent": "kubelet", "count": 2}
""")


def test_an_event():
    seen = event_seen(5, "ADDED", EVENT)
    assert dataclasses.astuple(seen)[1:] == (
        "Killing", "Normal", EVENT["message"], "Pod/server-1", "u1", "kubelet", 2,
    )  # fmt: skip
    assert event_seen(5, "DELETED", EVENT) is None
    assert event_seen(5, "MODIFIED", {**EVENT, "series": {"count": 9}}).count == 9
    assert event_seen(5, "ADDED", {"metadata": {}, "source": {"component": "old"}}).source == "old"


def test_a_node():
    node = {
        "metadata": {"name": "worker-1"},
        "spec": {"unschedulable": True, "taints": [
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
            {"key": "n", "value": "v", "effect": "NoExecute"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
    }  # fmt: skip
    seen = node_seen(5, "MODIFIED", node)
    assert (seen.name, seen.ready, seen.schedulable) == ("worker-1", True, False)
    assert seen.taints == ["node.kubernetes.io/unschedulable:NoSchedule", "n=v:NoExecute"]
    node["status"]["conditions"][0]["status"] = "Unknown"
    assert not node_seen(5, "MODIFIED", node).ready
    gone = node_seen(5, "DELETED", {"metadata": {"name": "w"}, "spec": {}, "status": {}})
    assert not gone.ready
    assert not gone.schedulable


@pytest.mark.parametrize("change", ["ADDED", "MODIFIED", "DELETED"])
def test_every_record_survives_the_history(change):
    for record in (pod_seen(5, change, POD), endpoints_seen(5, change, SLICE), lease_seen(5, change, LEASE)):
        assert decode(encode(record, "x"))[1] == record
