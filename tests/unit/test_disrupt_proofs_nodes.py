"""The proofs of the paths of budgets and nodes, on made histories: whole, and with each piece of evidence taken out."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from histories import at, container, history, pod
from test_disrupt_proofs import (
    REPLACED,
    STOPPED,
    Change,
    another_reason,
    mapped,
    no_condition,
    no_exit,
    no_mark,
    of_pods,
    without_acts,
    without_events,
)

from harness.disrupt import (
    DeletePastBudget,
    Drain,
    EvictBlocked,
    EvictUnready,
    FillDisk,
    NodeDown,
    PassEphemeralLimit,
    Path,
    RestartDaemon,
    Taint,
)
from harness.history import History
from harness.records import Act, AppSaid, Condition, EventSeen, NodeSeen, PodSeen, Record

LABELS = {"app": "server"}
BLOCKED = (
    "would violate the pod's disruption budget. The disruption budget server needs 1 healthy pods and has 1 currently"
)
BODY = '{"details": {"causes": [{"reason": "DisruptionBudget"}]}}'


def act(t_s: float, verb: str, target: str, status: str = "done", uid: str = "", **detail: object) -> Act:
    return Act(at(t_s), verb, target, status, uid, detail)


def on_pod(t_s: float, verb: str, name: str, status: str = "done", **detail: object) -> Act:
    return act(t_s, verb, f"pod/{name}", status, f"uid-{name}", **detail)


def refused(t_s: float, name: str, verb: str = "evict") -> list[Act]:
    return [on_pod(t_s, verb, name, "begin"), on_pod(t_s, verb, name, "refused", body=BODY, why=BLOCKED)]


def event(t_s: float, reason: str, name: str, message: str = "") -> EventSeen:
    uid = "" if reason == "TaintManagerEviction" else f"uid-{name}"
    return EventSeen(at(t_s), reason, "Warning", message, f"Pod/{name}", uid)


def seen(t_s: float, name: str, **more: object) -> PodSeen:
    return pod(t_s, name, **{"labels": LABELS, "containers": [container()]} | more)


def ended(code: int) -> list[object]:
    return [container(state="terminated", exit_code=code)]


def disrupted(reason: str) -> list[Condition]:
    return [Condition("DisruptionTarget", "True", reason)] if reason else []


def deleted(name: str, t_s: float, reason: str = "", *, ready: bool = True) -> list[PodSeen]:
    """A pod that was there, and is deleted at a moment."""
    marked = {"deletion_s": t_s + 30, "grace_s": 30, "conditions": disrupted(reason), "ready": ready}
    return [
        seen(-5, name, change="ADDED", ready=ready),
        seen(t_s, name, **marked),
        seen(t_s + 1, name, **marked | {"containers": ended(0), "ready": False}),
        seen(t_s + 2, name, **marked | {"containers": ended(0), "ready": False, "change": "DELETED"}),
    ]


def evicted_by_kubelet(name: str, t_s: float, reason: str = "") -> list[PodSeen]:
    """A pod that its kubelet evicts; nobody deletes it."""
    failed = {"phase": "Failed", "reason": "Evicted", "ready": False, "containers": ended(137)}
    return [seen(-5, name, change="ADDED"), seen(t_s, name, **failed, conditions=disrupted(reason))]


def made(name: str, t_s: float, *, ready: bool = True) -> list[PodSeen]:
    """A new pod."""
    return [seen(t_s, name, change="ADDED", ready=False), seen(t_s + 1, name, ready=ready)]


def node(t_s: float, name: str = "n1", *, status: str = "True", **more: object) -> NodeSeen:
    conditions = [Condition("Ready", status), *more.pop("conditions", [])]
    return NodeSeen(at(t_s), name, status == "True", **{"schedulable": True} | more, conditions=conditions)


def past_budget() -> list[Record]:
    asked = [one for name in "ab" for one in refused(0, name, "ask-eviction")]
    done = [on_pod(0.1, "delete", name) for name in "ab"]
    lives = [one for name in "ab" for one in deleted(name, 0.2)]
    return [*asked, *done, *lives, *made("c", 1), *made("d", 1)]


def blocked() -> list[Record]:
    tries = [one for n in range(4) for one in refused(n, "a")]
    return [seen(-5, "a", change="ADDED"), *tries, on_pod(4, "give-up", "a", why=BLOCKED, bound_s=4)]


def unready() -> list[Record]:
    asked = [on_pod(0, "evict", "a", "begin"), on_pod(0.1, "evict", "a")]
    return [*deleted("a", 0.1, "EvictionByEvictionAPI", ready=False), *asked, *made("b", 0.3, ready=False)]


def tainted() -> list[Record]:
    on = [on_pod(0, "taint-off", name, "begin") for name in "ab"]
    lives = [one for name in "ab" for one in deleted(name, 0.2, "DeletionByTaintManager")]
    said = [event(0.2, "TaintManagerEviction", name) for name in "ab"]
    taint = [act(0, "taint", "node/n1", "begin"), act(0.1, "taint", "node/n1")]
    return [
        node(-5),
        *on,
        *taint,
        node(0.1, taints=["survive.dev/out:NoExecute"]),
        *said,
        *lives,
        *made("c", 1),
        *made("d", 1),
    ]


def drained() -> list[Record]:
    lives = [one for name in "ab" for one in deleted(name, 0.2, "EvictionByEvictionAPI")]
    done = [on_pod(0.1, "evict", name) for name in "ab"]
    whole = [act(0, "drain", "node/n1", "begin", pods=2), act(9, "drain", "node/n1", pods=2)]
    return [node(-5), *whole, node(0.1, schedulable=False), *done, *lives, *made("c", 1), *made("d", 1)]


def drain_blocked() -> list[Record]:
    given_up = act(4, "drain", "node/n1", "failed", why=BLOCKED, bound_s=4)
    return [
        seen(-5, "a", change="ADDED"), node(-5), act(0, "drain", "node/n1", "begin", pods=1),
        node(0.1, schedulable=False), *refused(1, "a"), given_up,
    ]  # fmt: skip


def disk_full() -> list[Record]:
    said = event(2, "Evicted", "a", "low on resource: ephemeral-storage. Threshold quantity: 300Mi, available: 200Mi.")
    pressed = node(1, conditions=[Condition("DiskPressure", "True")])
    acts = [on_pod(0, "crowd-out", "a"), act(0.1, "fill-disk", "node/n1")]
    return [node(-5), *acts, pressed, said, *evicted_by_kubelet("a", 5, "TerminationByKubelet"), *made("b", 6)]


def overfilled() -> list[Record]:
    said = event(2, "Evicted", "a", 'Usage of EmptyDir volume "scratch" exceeds the limit "16Mi".')
    wrote = AppSaid(at(0.2), "a", "server", "filled", {"mb": 24})
    return [on_pod(0.1, "overfill", "a"), wrote, said, *evicted_by_kubelet("a", 5), *made("b", 6)]


def node_lost(how: str) -> list[Record]:
    acts = [on_pod(0, "strand", "a"), act(0.1, how, "node/n1", "begin"), act(0.2, how, "node/n1")]
    gone = node(50, status="Unknown", taints=["node.kubernetes.io/unreachable:NoExecute"])
    stuck = seen(53, "a", deletion_s=83, grace_s=30, ready=False, conditions=disrupted("DeletionByTaintManager"))
    lives = [seen(-5, "a", change="ADDED"), seen(50, "a", ready=False), stuck]
    return [node(-5), *acts, gone, *lives, event(53, "TaintManagerEviction", "a"), *made("b", 54)]


def daemon() -> list[Record]:
    return [
        seen(-5, "a", change="ADDED"),
        act(0, "stop-daemon", "node/n1", "begin", pid=40),
        act(0.1, "stop-daemon", "node/n1", pid=0),
        act(5, "start-daemon", "node/n1", pid=90),
        act(6, "heard-from", "node/n1"),
        seen(7, "a"),
    ]


def without(kind: type[Record], seen: History) -> History:
    return mapped(seen, lambda one: None if isinstance(one, kind) else one)


def of_nodes(change: Callable[[NodeSeen], NodeSeen], seen: History) -> History:
    return mapped(seen, lambda one: change(one) if isinstance(one, NodeSeen) else one)


def of_acts(verb: str, change: Callable[[Act], Act | None], seen: History) -> History:
    return mapped(seen, lambda one: change(one) if isinstance(one, Act) and one.verb == verb else one)


def another_message(seen: History) -> History:
    return mapped(seen, lambda one: replace(one, message="") if isinstance(one, EventSeen) else one)


def with_pid(verb: str, status: str, pid: int) -> Change:
    return partial(of_acts, verb, lambda one: replace(one, detail={"pid": pid}) if one.status == status else one)


NO_TAINT = partial(of_nodes, lambda one: replace(one, taints=[]))
NO_CONDITIONS = partial(of_nodes, lambda one: replace(one, conditions=[]))
NOT_FAILED = partial(of_pods, lambda one: replace(one, phase="Running"))
ANOTHER_FAILURE = partial(of_pods, lambda one: replace(one, reason="DeadlineExceeded" if one.reason else ""))
MARKED = partial(of_pods, lambda one: replace(one, deletion_ns=one.t_ns))
READY = partial(of_pods, lambda one: replace(one, ready=True))
NEVER_RAN = partial(of_pods, lambda one: replace(one, phase="Pending"))
EXITED = partial(of_pods, lambda one: replace(one, containers=ended(1)))
RESTARTED = partial(of_pods, lambda one: replace(one, containers=[container(restarts=int(one.t_ns > at(0)))]))
NOT_REFUSED_BY_BUDGET = partial(
    of_acts, "evict", lambda one: replace(one, detail={**one.detail, "body": "{}"}) if one.detail else one
)
NO_NEW_POD = partial(of_pods, lambda one: None if one.t_ns > at(0) and one.change == "ADDED" else one)

BY_KUBELET: list[tuple[Change, str]] = [
    *REPLACED,
    (partial(without_events, "Evicted"), "event Evicted about a"),
    (another_message, "event Evicted about a"),
    (NOT_FAILED, "is Failed with reason Evicted"),
    (ANOTHER_FAILURE, "is Failed with reason Evicted"),
    (partial(of_pods, no_exit), "exit codes: none seen"),
    (MARKED, "was not deleted"),
]
TAINTED_OFF: list[tuple[Change, str]] = [
    (partial(of_pods, no_condition), "DisruptionTarget=True, DeletionByTaintManager"),
    (partial(without_events, "TaintManagerEviction"), "event TaintManagerEviction"),
]


def lost(how: str) -> list[tuple[Change, str]]:
    return [
        *REPLACED, *TAINTED_OFF,
        (partial(without_acts, how), "was lost"),
        (partial(without_acts, "strand"), "the pods on it are known"),
        (NO_CONDITIONS, "made its Ready condition Unknown"),
        (NO_TAINT, "it got the taint node.kubernetes.io/unreachable"),
        (partial(of_pods, no_mark), "got a deletionTimestamp"),
        (EXITED, "nobody saw the containers of a end before"),
    ]  # fmt: skip


PATHS: dict[str, tuple[Path, list[Record], list[tuple[Change, str]]]] = {
    "past-budget": (DeletePastBudget(LABELS, 2), past_budget(), [
        *STOPPED, *REPLACED,
        (partial(without_acts, "delete"), "2 pods were deleted"),
        (partial(without_acts, "ask-eviction"), "a budget would have refused"),
        (partial(of_acts, "ask-eviction", lambda one: replace(one, status="done")), "a budget would have refused"),
        (partial(of_acts, "ask-eviction", lambda one: None if one.uid == "uid-b" else one), "would have refused"),
    ]),
    "evict-blocked": (EvictBlocked(LABELS, 4), blocked(), [
        (partial(without_acts, "evict"), "each of 0 evictions was refused"),
        (NOT_REFUSED_BY_BUDGET, "each of 4 evictions was refused"),
        (partial(of_acts, "evict", lambda one: replace(one, status="done")), "evictions was refused"),
        (partial(without_acts, "give-up"), "then given up"),
        (MARKED, "was not marked"),
        (EXITED, "none of its containers ended"),
    ]),
    "evict-unready": (EvictUnready(LABELS), unready(), [
        *STOPPED,
        (partial(without_acts, "evict"), "the eviction was accepted"),
        (partial(of_acts, "evict", lambda one: replace(one, status="begin")), "the eviction was accepted"),
        (READY, "was never Ready"),
        (NEVER_RAN, "pod a ran"),
        (partial(of_pods, no_condition), "EvictionByEvictionAPI"),
        (partial(of_pods, lambda one: None if one.name == "b" else one), "another pod was made: none"),
    ]),
    "taint": (Taint("other", LABELS), tainted(), [
        *STOPPED, *REPLACED, *TAINTED_OFF,
        (partial(of_pods, lambda one: replace(one, conditions=[])), "DeletionByTaintManager"),
        (partial(without_acts, "taint"), "node none got the taint"),
        (partial(without_acts, "taint-off"), "the pods on it are known"),
        (NO_TAINT, "got the taint"),
    ]),
    "drain": (Drain("other", LABELS), drained(), [
        *STOPPED, *REPLACED,
        (partial(of_pods, no_condition), "EvictionByEvictionAPI"),
        (partial(of_pods, another_reason), "EvictionByEvictionAPI"),
        (partial(without_acts, "drain"), "was closed to new pods"),
        (partial(without_acts, "evict"), "all 2 pods on it were evicted"),
        (partial(of_acts, "evict", lambda one: None if one.uid == "uid-b" else one), "all 2 pods on it were evicted"),
        (partial(of_acts, "drain", lambda one: one if one.status == "begin" else None), "all 2 pods on it"),
        (partial(of_nodes, lambda one: replace(one, schedulable=True)), "was closed to new pods"),
    ]),
    "drain-blocked": (Drain("other", LABELS, 4), drain_blocked(), [
        (partial(without_acts, "drain"), "was closed to new pods"),
        (partial(without_acts, "evict"), "a budget refused to the last"),
        (partial(of_nodes, lambda one: replace(one, schedulable=True)), "was closed to new pods"),
    ]),
    "disk": (FillDisk("other", LABELS, "soft"), disk_full(), [
        *BY_KUBELET,
        (partial(without_acts, "fill-disk"), "DiskPressure"),
        (partial(without_acts, "crowd-out"), "the pods on it are known"),
        (NO_CONDITIONS, "DiskPressure"),
        (partial(of_pods, no_condition), "DisruptionTarget=True, TerminationByKubelet"),
        (partial(of_pods, another_reason), "DisruptionTarget=True, TerminationByKubelet"),
    ]),
    "ephemeral-limit": (PassEphemeralLimit(LABELS, 24), overfilled(), [
        *BY_KUBELET,
        (partial(without_acts, "overfill"), "was told to write too much"),
        (partial(without, AppSaid), "wrote it"),
        (partial(of_pods, lambda one: replace(one, conditions=disrupted("X"))), "has no condition DisruptionTarget"),
    ]),
    "crash": (NodeDown("other", LABELS, "crash", 3), node_lost("crash"), lost("crash")),
    "cut": (NodeDown("other", LABELS, "cut", 3), node_lost("cut"), lost("cut")),
    "daemon": (RestartDaemon("other", "kubelet"), daemon(), [
        (partial(without_acts, "stop-daemon"), "ran as process 0"),
        (partial(without_acts, "start-daemon"), "runs as process 0 again"),
        (partial(without_acts, "heard-from"), "renewed its Lease"),
        (with_pid("stop-daemon", "done", 40), "was down"),
        (with_pid("start-daemon", "done", 40), "runs as process 40 again"),
        (partial(of_pods, lambda one: replace(one, node="n2")), "pods ran on the node: none"),
        (EXITED, "no container of a ended"),
        (MARKED, "no container of a ended"),
        (RESTARTED, "no container of a ended"),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_the_whole_history_proves_it(name: str) -> None:
    path, records, _ = PATHS[name]
    assert path.proof(history(records)).missing == []
    assert path.proof(history(records)).complete


CASES = [(name, *taken) for name, (_, _, changes) in PATHS.items() for taken in changes]


@pytest.mark.parametrize(("name", "change", "missing"), CASES)
def test_without_a_piece_of_evidence_it_is_not_proved(name: str, change: Change, missing: str) -> None:
    path, records, _ = PATHS[name]
    proof = path.proof(change(history(records)))
    assert not proof.complete
    assert any(missing in sentence for sentence in proof.missing), proof.missing


@pytest.mark.parametrize("name", PATHS)
def test_nothing_at_all_proves_nothing(name: str) -> None:
    assert not PATHS[name][0].proof(History(name, [])).complete
