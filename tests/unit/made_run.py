"""A made run folder: what a run of eight rows writes, without a cluster. For tests of reports, and for looking at them.

`PYTHONPATH=. python tests/unit/made_run.py FOLDER` writes it and its reports.
"""

import pathlib
import sys

from made_scenario import Made, ns

from harness.history import Recorder
from harness.records import AppSaid, EventSeen, LeaseSeen, Log, Record, Work
from harness.results import Cluster, Expected, Failover, Handover, Latency, Outage, Result, Results, Run, Traffic
from harness.results import Noise as NoiseFelt
from reports.write import write_all

QUIET = NoiseFelt(control_requests=4000, lag_p99_ms=1.31, limit_ms=5.0, cpu_pressure=0.04, quiet=True)


def traffic(requests: int, outages: list[Outage], causes: dict[str, int] | None = None) -> Traffic:
    errors = sum(outage.failed for outage in outages)
    return Traffic(
        requests=requests, errors=errors, error_rate=errors / requests, error_rate_below=(errors + 3) / requests,
        outages=outages, causes=causes or {}, latency_ms=Latency(p50=1.92, p99=4.41, max=31.7),
    )  # fmt: skip


def outage(start_s: float, length_s: float, failed: int, cause: str) -> Outage:
    return Outage(
        low_s=length_s - 0.008, estimate_s=length_s, high_s=length_s + 0.008, cause=cause, start_ns=ns(start_s),
        end_ns=ns(start_s + length_s), failed=failed,
    )  # fmt: skip


def rollout_naive(t: float) -> tuple[Result, list[Record]]:
    made = Made("B1", "rollout-naive", "rollout", "Rollout without probes", t)
    old, new = "shop-6d9f7c5b84-x2lkq", "shop-7b8c4d9f66-m9wzt"
    made.noise(t + 30)
    made.probe(t + 2, t + 28, [(0, old), (t + 13.2, new)], down=(t + 11.28, t + 13.21), error="mixed")
    made.probe(t + 2, t + 28, [(0, "control-0")], role="control", name="control")
    made.act(t + 10, "rollout-restart", "deployment/shop")
    made.act(t + 10.04, "rollout-restart", "deployment/shop", "done", generation=2)
    made.pod(old, [(t, "pending"), (t + 0.4, "running"), (t + 0.5, "ready"), (t + 11.2, "terminating"),
                   (t + 11.31, "exit"), (t + 12.6, "gone")])  # fmt: skip
    made.pod(new, [(t + 10.1, "pending"), (t + 11.05, "running"), (t + 11.1, "ready")], node="node-2")
    old_key, new_key = old.replace("-", "_"), new.replace("-", "_")
    made.endpoints(t + 0.6, **{old_key: "ready"})
    made.endpoints(t + 11.12, **{old_key: "ready", new_key: "ready"})
    made.endpoints(t + 11.24, **{old_key: "draining", new_key: "ready"})
    made.endpoints(t + 12.1, **{old_key: "notready", new_key: "ready"})
    made.endpoints(t + 12.7, **{new_key: "ready"})
    made.add(EventSeen(ns(t + 11.21), "Killing", "Normal", "Stopping container app", f"pod/{old}", f"uid-{old}"))
    made.add(AppSaid(ns(t + 13.15), new, "app", "listening", {"port": 8080}))
    made.add(Log(ns(t + 13.16), new, "app", "warmed the cache: 2104 entries in 1.9 s"))
    felt = traffic(2600, [outage(t + 11.278, 1.931, 193, "the new pod was ready before it listened")],
                   {"new pod not listening yet · refused at connect": 129, "timeout at connect": 64})  # fmt: skip
    result = Result(
        id="B1", name="rollout-naive", path="rollout", title="Rollout without probes", verdict="pass",
        why="1.931 s of downtime, as a rollout without a readiness probe must have.",
        proof=[f"pod {old}: deletionTimestamp set, exit 0", "deployment/shop: generation 1 → 2",
               "the new pod's Ready condition came 2.05 s before its port opened"],
        expected=[Expected(what="outage > 0 s", seen="1.931 s [1.923, 1.939]", holds=True, reason="restart-paths B1"),
                  Expected(what="outage about the start-up delay: 2 s ± 0.5 s", seen="1.931 s", holds=True,
                           reason="start-up delay 2 s; ± one endpoint update and one probe interval")],
        traffic=felt, noise=QUIET, started_ns=ns(t), duration_s=30.4,
        timings={"stop_signal_s": 1.231, "exit_s": 1.306, "exit_code": 0, "new_ready_s": 1.1, "grace_s": 30},
    )  # fmt: skip
    return result, made.end(t + 30)


def delete_drain(t: float) -> tuple[Result, list[Record]]:
    made = Made("B2", "delete-drain-sleep", "delete", "One of two deleted, preStop sleep", t)
    pods = [f"shop-5f6d8b7c9-{s}" for s in ("4hjkd", "q8v2n", "zz7tp")]
    keys = [pod.replace("-", "_") for pod in pods]
    made.probe(t + 2, t + 26, [(0, pods[0]), (0, pods[1]), (t + 12.4, pods[2])])
    made.act(t + 9, "delete", f"pod/{pods[0]}", grace_s=30)
    made.act(t + 9.02, "delete", f"pod/{pods[0]}", "done", status=200)
    made.pod(pods[0], [(t, "pending"), (t + 1, "running"), (t + 1.8, "ready"), (t + 9.01, "terminating"),
                       (t + 13.2, "exit"), (t + 14.4, "gone")])  # fmt: skip
    made.pod(pods[1], [(t, "pending"), (t + 1, "running"), (t + 1.9, "ready")])
    made.pod(pods[2], [(t + 9.1, "pending"), (t + 10.3, "running"), (t + 12.3, "ready")])
    made.endpoints(t + 2, **{keys[0]: "ready", keys[1]: "ready"})
    made.endpoints(t + 9.05, **{keys[0]: "draining", keys[1]: "ready"})
    made.endpoints(t + 10.4, **{keys[0]: "draining", keys[1]: "ready", keys[2]: "notready"})
    made.endpoints(t + 12.4, **{keys[0]: "draining", keys[1]: "ready", keys[2]: "ready"})
    made.endpoints(t + 13.5, **{keys[1]: "ready", keys[2]: "ready"})
    result = Result(
        id="B2", name="delete-drain-sleep", path="delete", title="One of two deleted, preStop sleep", verdict="pass",
        why="No request failed; the pod's endpoint had drained for 4.1 s before its stop signal.",
        proof=[f"pod {pods[0]}: deletionTimestamp, no DisruptionTarget", "signal 4.08 s after deletion"],
        expected=[Expected(what="no failed request", seen="0 of 2400", holds=True, reason="restart-paths B2")],
        traffic=traffic(2400, []), noise=QUIET, started_ns=ns(t), duration_s=27.1,
        timings={"stop_signal_s": 4.08, "exit_s": 4.19, "exit_code": 0},
    )  # fmt: skip
    return result, made.end(t + 27)


def liveness_kill(t: float) -> tuple[Result, list[Record]]:
    made = Made("B5", "liveness-kill-one", "liveness", "Liveness fails, one replica", t)
    pod = "shop-84f6b9d5c7-lw5rb"
    key = pod.replace("-", "_")
    made.probe(t + 2, t + 40, [(0, pod)], down=(t + 15.2, t + 18.9))
    made.act(t + 10, "fail-livez", f"pod/{pod}")
    made.act(t + 10.01, "fail-livez", f"pod/{pod}", "done", status=200)
    made.pod(pod, [(t, "pending"), (t + 1, "running"), (t + 1.8, "ready"), (t + 15.3, "exit"), (t + 16.5, "restart"),
                   (t + 19, "ready")], exit_code=137)  # fmt: skip
    made.endpoints(t + 2, **{key: "ready"})
    made.endpoints(t + 15.5, **{key: "notready"})
    made.endpoints(t + 19.1, **{key: "ready"})
    made.act(t + 20, "fail-livez", f"pod/{pod}", "heal")
    made.add(EventSeen(ns(t + 13), "Unhealthy", "Warning", "Liveness probe failed: statuscode: 503",
                       f"pod/{pod}", f"uid-{pod}", "kubelet"))  # fmt: skip
    result = Result(
        id="B5", name="liveness-kill-one", path="liveness", title="Liveness fails, one replica", verdict="fail",
        why="The endpoint left ready=true only 0.2 s after the exit, but the container came back with exit 137: it did "
            "not handle SIGTERM within its 5 s of grace.",
        proof=[f"pod {pod}: same uid, restartCount 0 → 1", "event Killing: failed liveness probe, will be restarted"],
        expected=[Expected(what="restart count +1, same uid", seen="+1, same uid", holds=True),
                  Expected(what="exit code 0", seen="137 (SIGKILL)", holds=False, reason="graceful servers exit"),
                  Expected(what="endpoint ready through the stop", seen="ready until the exit", holds=True,
                           reason="container-only stops do not mark the pod (family B1)")],
        traffic=traffic(3800, [outage(t + 15.198, 3.702, 370, "the only container was down")],
                        {"container not running · refused at connect": 370}),
        noise=QUIET, started_ns=ns(t), duration_s=41.9, timings={"exit_s": 5.3, "exit_code": 137, "restart_s": 6.5},
    )  # fmt: skip
    return result, made.end(t + 42)


def handover(t: float, name: str, gap_s: float, released: bool, row: str) -> tuple[Result, list[Record]]:
    made = Made(row, name, "leader", "Leader deleted", t)
    old, new = "ctl-7d5b6f8c9d-8cz4m", "ctl-7d5b6f8c9d-vk2xr"
    ids = [f"{old}_3f1c", f"{new}_a97e"]
    made.act(t + 10, "delete", f"pod/{old}")
    made.act(t + 10.03, "delete", f"pod/{old}", "done", status=200)
    made.pod(old, [(t, "pending"), (t + 1, "running"), (t + 1.5, "ready"), (t + 10.02, "terminating"),
                   (t + 10.15, "exit"), (t + 11.4, "gone")])  # fmt: skip
    made.pod(new, [(t, "pending"), (t + 1, "running"), (t + 1.6, "ready")])
    made.pod("ctl-7d5b6f8c9d-h6sjw", [(t + 10.1, "pending"), (t + 11.3, "running"), (t + 12, "ready")])
    last, first = t + 10.05, t + 10.05 + gap_s
    for n in range(4):
        made.add(LeaseSeen(ns(t + 2 + 2 * n), "shop-controller", ids[0], 0, 15, ns(t + 2), ns(t + 2 + 2 * n)))
    if released:
        made.add(LeaseSeen(ns(t + 10.06), "shop-controller", "", 0, 1, ns(t + 2), ns(t + 10.06)))
    made.add(LeaseSeen(ns(first - 0.02), "shop-controller", ids[1], 1, 15, ns(first - 0.03), ns(first - 0.03)))
    for identity, start, end, term in ((ids[0], t + 2.1, last, 0), (ids[1], first, first + 8, 1)):
        for n in range(round((end - start) / 0.02) + 1):
            if not 150 < n < 165:
                made.add(Work(ns(start + n * 0.02), identity.split("_")[0], identity, n, term))
    limit = "4.4 s + latency" if released else "23.8 s"
    result = Result(
        id=row, name=name, path="leader", title="Leader deleted", verdict="pass",
        why=f"A new leader worked {gap_s:.3f} s after the old one's last work; at most {limit} was to be expected.",
        proof=["Lease shop-controller: transitions 0 → 1", f"pod {old}: deletionTimestamp set, exit 0"],
        expected=[Expected(what=f"failover at most {limit}", seen=f"{gap_s:.3f} s", holds=True,
                           reason="client-go leaderelection.go: lease 15 s, retry 2 s times 1 to 2.2")],
        failover=Failover(
            low_s=gap_s - 0.02, estimate_s=gap_s, high_s=gap_s + 0.02, transitions=1,
            handovers=[Handover(old=old, new=new, gap_s=gap_s, first_work_ns=ns(first),
                                since_last_renewal_s=gap_s + (0 if released else 2.02))],
        ), noise=QUIET, started_ns=ns(t),
        duration_s=gap_s + 20,
    )  # fmt: skip
    return result, made.end(first + 8)


def evict_second(t: float) -> tuple[Result, list[Record]]:
    made = Made("C2", "evict-second", "evict", "Evict both of two under a budget", t)
    pods = [f"shop-65c7d9f8b-{s}" for s in ("b7fkd", "t4qmx")]
    made.probe(t + 2, t + 22, [(0, pods[0]), (0, pods[1])])
    made.probe(
        t + 2, t + 22, [(0, "control-0")], role="control", name="control", down=(t + 14, t + 14.08), error="timeout"
    )
    made.noise(t + 22, pressure=0.45)
    made.act(t + 8, "evict", f"pod/{pods[0]}")
    made.act(t + 8.04, "evict", f"pod/{pods[0]}", "done", status=201)
    made.act(t + 8.3, "evict", f"pod/{pods[1]}", "refused", status=429, cause="DisruptionBudget")
    made.pod(pods[0], [(t, "pending"), (t + 1, "running"), (t + 1.8, "ready"), (t + 8.03, "terminating"),
                       (t + 12.2, "exit"), (t + 13.1, "gone")])  # fmt: skip
    made.pod(pods[1], [(t, "pending"), (t + 1, "running"), (t + 1.8, "ready")])
    result = Result(
        id="C2", name="evict-second", path="evict", title="Evict both of two under a budget", verdict="inconclusive",
        why="The control probe erred 8 times and requests left 9.2 ms late (p99): too noisy to tell.",
        proof=["first eviction 201, second 429 with cause DisruptionBudget"],
        expected=[Expected(what="second eviction refused", seen="429", holds=True),
                  Expected(what="no failed request", seen="0 of 2000", holds=None, reason="the control probe erred")],
        traffic=traffic(2000, []), started_ns=ns(t), duration_s=23.0,
        noise=NoiseFelt(control_requests=2000, control_errors=8, lag_p99_ms=9.2, limit_ms=5.0, cpu_pressure=0.51,
                        quiet=False, why="the control probe erred"),
    )  # fmt: skip
    return result, made.end(t + 22)


def a_run(results: list[Result]) -> Results:
    run = Run(
        id="2026-11-23T0012-8f3a", started="2026-11-23T00:12:00Z", duration_s=754.2,
        cluster=Cluster(provider="embedded", version="v1.37.2", nodes=4), noise={"cpus": 2, "load_1m": 1.4},
    )  # fmt: skip
    return Results(run=run, results=results)


def write(folder: pathlib.Path) -> Results:
    """Write results.json and history.jsonl.gz of a made run; return the results."""
    rows = [
        rollout_naive(0), delete_drain(40), liveness_kill(80), evict_second(130),
        handover(160, "handover-expiry", 17.412, False, "D1"), handover(210, "handover-release", 1.684, True, "D2"),
    ]  # fmt: skip
    skip = Result(
        id="C7", name="preempt", path="preempt", title="A higher priority takes the room", verdict="skip",
        why="The cluster has one schedulable node; preemption needs two.",
    )  # fmt: skip
    broken = Result(
        id="C1", name="evict", path="evict", title="Eviction API", verdict="error", duration_s=61.0,
        why="WaitTimeout: deployment/shop was not ready after 60 s; last seen: 1 of 2 replicas ready",
    )  # fmt: skip
    for result, records in rows:
        recorder = Recorder(folder / "history.jsonl.gz", result.name)
        for record in records:
            recorder.add(record)
        recorder.close()
    results = [result for result, _ in rows]
    results[3:3] = [broken]
    results[5:5] = [skip]
    made = a_run(results)
    made.write(folder / "results.json")
    return made


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    (target / "history.jsonl.gz").unlink(missing_ok=True)
    write(target)
    for path in write_all(target):
        sys.stdout.write(f"{path}\n")
