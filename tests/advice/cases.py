"""What the advice on each bad row of the matrix has to make good, what stands for a change of the app's code, and which
rows nothing in a manifest or in the app's code can help.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from harness.clock import NS_PER_S, now_ns
from harness.deploy import App
from harness.disrupt import Drain, Evict, EvictUnready, PassEphemeralLimit, Path
from harness.disrupt.path import acts, victims
from harness.disrupt.site import Site
from harness.history import History
from harness.judge import expect_leaders, presence
from harness.judge.evictions import deleted_apps
from harness.judge.expect import ErrorRate, ExitCode, NoErrors, NoOutage, Outage, Seen, SomeErrors
from harness.judge.expect_leaders import Failover, NoOverlap
from harness.judge.expect_probes import (
    DeafWhileReady,
    InFlightCut,
    NoDeafPod,
    NoDoubledWork,
    NoHeartbeatLost,
    NoInFlightFailed,
    NoLostWork,
    NoReusedBroken,
    NoStreamCut,
    ReusedBroken,
    StreamsCut,
    WorkThatIs,
)
from harness.judge.expectation import Evidence, Expectation
from harness.judge.presence import MostThere, NodeGap
from harness.judge.routing import Silence
from harness.lives import lives
from harness.manifests import main_container, merged
from harness.proof import Proof, events, refusals
from harness.wait import until
from suites.test_budget import GONE_FIRST
from suites.test_kubelet_eviction import UNDRAINED
from suites.test_split_brain import LATENCY_S, LEASE_S, LOOK_S, RENEW_S, RETRY_S

Change = Callable[[App], App]

LOOK_BY_DEFAULT_S = 4.4 + 0.5
"""One look of a standby by client-go's defaults, and latency."""

SERVER = (("app", "server"),)


@dataclass(frozen=True)
class Case:
    """What is to be seen of a bad row with its advice applied. What it does and what is bad of it, its test says."""

    good: tuple[Expectation, ...] = (NoErrors(), NoOutage())
    code: Mapping[str, Change] = field(default_factory=dict)
    """By an advice's code: what stands for the change of the app's code."""
    again: Callable[[Path], Path] = lambda bad: bad
    """How the mended app is restarted, by how the bad one was, where that is another way."""


def with_args(*more: str, without: tuple[str, ...] = ()) -> Change:
    """The sample app told otherwise: further arguments, the last of which hold, and some left out."""

    def change(app: App) -> App:
        def told(manifest: dict[str, Any]) -> dict[str, Any]:
            container = main_container(manifest)
            args = [one for one in container["args"] if one not in without] + list(more)
            others = manifest["spec"]["template"]["spec"]["containers"][1:]
            pod = {"containers": [{**container, "args": args}, *others]}
            return merged(manifest, {"spec": {"template": {"spec": pod}}})

        made = [
            told(one) if (one["kind"], one["metadata"]["name"]) == (app.kind, app.name) else one
            for one in app.manifests
        ]
        return replace(app, manifests=made)

    return change


@dataclass(frozen=True, slots=True)
class WriteWithin(Path):
    """Write as much as a pod was evicted for, and look on for longer than the kubelet took to do it."""

    name: ClassVar[str] = "ephemeral-limit"
    bad: PassEphemeralLimit
    for_s: float = 30.0

    def act(self, site: Site) -> None:
        """The nodes of the embedded cluster measure volumes each 5 to 10 s, and look at that each 10 s."""
        pod = site.pods(self.bad.selector)[0]["metadata"]
        target, mb = f"pod/{pod['name']}", self.bad.mb
        site.say("write", target, "begin", pod["uid"], mb=mb)
        site.kube.pod_post(site.namespace, pod["name"], self.bad.port, f"/fill?mb={mb}")
        end_ns = now_ns() + round(self.for_s * NS_PER_S)
        until(lambda: now_ns() >= end_ns, "the kubelet's looks at what was written", 2 * self.for_s, every_s=0.5)
        site.say("write", target, "done", pod["uid"], mb=mb)

    def proof(self, history: History) -> Proof:
        """It wrote, and lived on."""
        proof = Proof()
        (wrote,) = victims(history, "write") or [None]
        proof.need("a pod was told to write", wrote is not None and bool(acts(history, "write", "done")))
        if wrote is not None:
            proof.need(f"pod {wrote.name} wrote it", wrote.said_ns("filled") is not None)
            proof.need("nobody was evicted", not events(history, "Evicted"))
            proof.need(f"pod {wrote.name} lives", not wrote.exits() and wrote.deletion_seen_ns is None)
        return proof


KILLED_S = 1.5
"""After the signal a container has 2 s at the least until SIGKILL; what was sent shortly before that may fail."""


def served_until_killed(seen: Evidence) -> bool | None:
    """Whether no request failed before the end of the pod that a kubelet evicted, but for its last half a second."""
    signals = [life.signal_ns for life in lives(seen.history).values() if "Evicted" in life.reasons]
    requests = seen.history.requests("service")
    failed = requests.sent_ns[requests.failed]
    if not signals or signals[0] is None:
        return None
    return bool(not len(failed) or failed.min() >= signals[0] + round(KILLED_S * NS_PER_S))


SERVED = Seen(what="no request failed before the evicted pod was killed", predicate=served_until_killed)
NONE_REFUSED = Seen(what="no eviction was refused", predicate=lambda seen: not refusals(seen.history))
NEWER_WENT = Seen(what="the newer one went", predicate=lambda seen: deleted_apps(seen) == {"newer"})
RELEASED = (Failover(at_most_s=LOOK_BY_DEFAULT_S, reason="one look of up to 4.4 s, and latency"), NoOverlap())
BY_SHORT = Failover(at_most_s=6 + 2 * 2.2 + 0.5, reason="6 s + two looks of up to 2.2 s, and latency")
BY_DEADLINE = Failover(
    at_least_s=LEASE_S - RENEW_S - RETRY_S - LATENCY_S, at_most_s=LEASE_S - RENEW_S + 2 * LOOK_S + LATENCY_S,
    reason="it works until the renew deadline, 4 to 5 s after the last renewal; then the lease has to expire",
)  # fmt: skip
RELEASE = {"release-on-cancel": with_args("--release", without=("--no-release",))}
CLOSE = {"connection-close": with_args(without=("--no-close-on-drain",))}
SERVE_ON = {"serve-until-killed": with_args("--drain-s", "30")}
LETS_GO = Case((NONE_REFUSED, NoErrors(), NoOutage()), again=lambda bad: Evict(bad.selector))
UNCUT = (NoErrors(), NoInFlightFailed(), NoLostWork(), NoDoubledWork())
SERVED_ON = Case(
    (UNDRAINED, SERVED, Outage(at_most_s=4, reason="from SIGKILL to the status Failed and the routing")), SERVE_ON
)
WITHIN = Case(again=WriteWithin)

CASES: dict[str, Case] = {
    "rollout-naive": Case(),
    "rollout-naive-each-pod": Case((NoErrors(probe="service"), NoDeafPod())),
    "delete-none": Case(),
    "terminating-fallback-unready": Case(),
    "rollout-recreate": Case(),
    "liveness-one": Case(),
    "liveness-two": Case(),
    "readiness-flap-alone": Case(),
    "container-exit-only": Case(
        (SomeErrors(), Silence(at_most_s=1.0, reason="the other pod carries on; the rest is for clients"))
    ),
    "inflight-abrupt": Case(UNCUT),
    "inflight-grace-short": Case(UNCUT),
    "inflight-resent": Case(UNCUT),
    "streams-grace-short": Case((NoErrors(), NoStreamCut(), NoHeartbeatLost(), ExitCode(code=0, labels=SERVER))),
    "proxy-order-app-first": Case(),
    "proxy-order-proxy-undrained": Case(),
    "proxy-order-sidecar": Case(),
    "endpoint-aware-sleep-short": Case(),
    "keepalive-delete-silent": Case((NoErrors(), NoReusedBroken()), CLOSE),
    "keepalive-rollout-silent": Case((NoErrors(), NoReusedBroken()), CLOSE),
    "server-uvicorn-default": Case(),
    "server-gunicorn-default": Case(),
    "server-nginx-default": Case(),
    "server-go-default": Case(),
    "delete-ignores-pdb": Case(),
    "evict-before-recreate": Case(),
    "evict-blocked": LETS_GO,
    "evict-blocked-percent": LETS_GO,
    "evict-unhealthy-refused": Case((GONE_FIRST,), again=lambda bad: EvictUnready(bad.selector)),
    "preempt-one": Case(),
    "preempt-newest": Case((NEWER_WENT, NoErrors(), NoOutage())),
    "taint": Case(),
    "soft-eviction": SERVED_ON,
    "hard-eviction": SERVED_ON,
    "ephemeral-limit": WITHIN,
    "ephemeral-limit-serving": WITHIN,
    "drain-unguarded": Case(),
    "drain-blocked": Case(again=lambda bad: Drain(bad.node, bad.selector)),
    "handover-expiry": Case(RELEASED, RELEASE),
    "handover-crash": Case(
        (BY_SHORT, NoOverlap()),
        {"shorter-lease": with_args("--lease-s", "6", "--renew-s", "4", "--retry-s", "1")},
    ),
    "handover-rollout-unreleased": Case((Failover(at_most_s=2.2 + 0.5), NoOverlap()), RELEASE),
    "split-release-first": Case(
        (NoOverlap(),),
        {"stop-work-first": with_args("--release", without=("--release-first", "--no-release"))},
    ),
    "split-frozen": Case((NoOverlap(),), {"fence": with_args("--fence")}),
    "split-cut-careless": Case((BY_DEADLINE, NoOverlap()), {"fence": with_args("--fence")}),
    "daemonset-unavailable": Case((NodeGap(labels=SERVER, at_most_s=0), NoErrors(), NoOutage())),
    "job-overlap": Case((MostThere(labels=SERVER, at_most=1), presence.Overlap(labels=SERVER, at_most_s=0))),
    "scale-down-abrupt": Case(),
    "resize-restart": Case(again=lambda bad: replace(bad, restarts=False)),
}

EXPIRES = "it stops its work in time; what is left is the Lease's expiry, which only a still shorter one cuts short"
COMPONENT = "the leader is the cluster's own: no manifest of an app's, but flags of the control plane set its Lease"
LOST_NODE = (
    "its pods stay in the Service until the node's grace, a flag of the control plane, is over: only clients, or a"
    " proxy that tries another, are quicker"
)
NOT_MENDED = {
    "container-exit-two": (
        "it is what container-exit-only is mended to: nothing marks the endpoint of a process that dies by itself"
        " before the kubelet sees its end, so the rest is for clients, or a proxy that tries another"
    ),
    "node-down-crash": LOST_NODE,
    "node-down-cut": LOST_NODE,
    "split-cut": EXPIRES,
    "split-frozen-fenced": EXPIRES,
    "split-frozen-token": EXPIRES,
    "scheduler-crash": COMPONENT,
    "controller-manager-crash": COMPONENT,
}
"""The bad rows that nothing in a manifest or in the app's code can help, and why."""

CORE = ("delete-none", "rollout-naive", "handover-expiry")
"""Those of `make test`; `make advice` has all."""


def hurts(expected: Expectation) -> bool:
    """Whether it says that somebody is hurt: users, who waits for a drain, a leader or a daemon, whose work is doubled.

    A process that is killed at the end of its grace period is told by exit codes alone: nobody need be hurt by that.
    """
    match expected:
        case SomeErrors(at_least=count) | ReusedBroken(at_least=count) | DeafWhileReady(at_least=count):
            return count > 0
        case WorkThatIs(at_least=count):
            return count > 0
        case InFlightCut() | StreamsCut() | expect_leaders.Overlap():
            return True
        case Outage(at_least_s=low_s, at_most_s=high_s):
            return bool(low_s) or high_s is None or high_s > 0
        case ErrorRate(at_most=share):
            return share > 0
        case Failover(at_least_s=low_s) | expect_leaders.Handover(after_last_renewal_s=(low_s, _)):
            return low_s > 0
        case NodeGap(at_most_s=high_s) | presence.Overlap(at_most_s=high_s):
            return high_s > 0
        case Seen(what=what):
            return what.startswith("given up")
    return False
