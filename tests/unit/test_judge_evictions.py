"""What histories tell of how pods went."""

from histories import at, container, endpoint, endpoints, history, pod, said

from harness.judge.evictions import (
    accepted_after_ready,
    always_ready,
    deleted_apps,
    given_up_because,
    marked_after_s,
    marked_before_replaced,
    ready_until_failed,
    since_evicted_s,
    unready_after_s,
)
from harness.judge.expectation import Evidence
from harness.records import Act, Condition, EventSeen


def evidence(*records):
    return Evidence(history(*records))


def act(t_s, verb, status="done", name="a", **detail):
    return Act(at(t_s), verb, f"pod/{name}", status, f"uid-{name}", detail)


def evicted(t_s, name="a"):
    return EventSeen(at(t_s), "Evicted", "Warning", "", f"pod/{name}", f"uid-{name}")


def failed(t_s):
    return pod(
        t_s, phase="Failed", reason="Evicted", ready=False,
        containers=[container(state="terminated", exit_code=137, finished_ns=at(t_s - 1))],
    )  # fmt: skip


def two_evictions(ready_s):
    marked = [Condition("DisruptionTarget", "True", "EvictionByEvictionAPI")]
    first, second = pod(0.1, conditions=marked), pod(5, "b", conditions=marked)
    return evidence(pod(0), pod(0, "b"), first, pod(1, "c", ready=False), second, pod(ready_s, "c"))


def test_accepted_after_ready():
    assert accepted_after_ready(two_evictions(4)) is True
    assert accepted_after_ready(two_evictions(6)) is False
    assert accepted_after_ready(evidence(pod(0))) is None


def gone_and_made(marked_s, made_s):
    return evidence(pod(-1), act(0, "evict"), pod(marked_s, deletion_s=30), pod(made_s, "b", ready=False))


def test_marked_before_replaced():
    assert marked_before_replaced(gone_and_made(1, 2)) is True
    assert marked_before_replaced(gone_and_made(2, 1)) is False
    assert marked_before_replaced(evidence(act(0, "evict"), pod(-1))) is None
    assert marked_before_replaced(evidence(pod(-1), act(0, "evict"), pod(1, deletion_s=3))) is None, "none was made"


def test_deleted_apps_are_those_of_the_pods_that_were_acted_on():
    labels = {"app": "older"}
    gone = [pod(1, deletion_s=3, labels=labels), pod(1, "b", deletion_s=3, labels={"app": "newer"})]
    assert deleted_apps(evidence(act(0, "preempt"), *gone)) == {"older"}
    assert deleted_apps(evidence(act(0, "preempt", "begin"), *gone)) == set()


def endpoint_out(left_s, failed_s=6.0):
    return evidence(
        pod(0), endpoints(0, endpoint("a")), evicted(2), endpoints(left_s, endpoint("a", ready=False)), failed(failed_s)
    )


def test_ready_until_failed():
    assert ready_until_failed(endpoint_out(6.1)) is True
    assert ready_until_failed(endpoint_out(5.5)) is True, "two watches, one after the other"
    assert ready_until_failed(endpoint_out(4.5)) is False
    assert ready_until_failed(evidence(pod(0), endpoints(0, endpoint("a")), evicted(2), failed(6))) is True
    assert ready_until_failed(evidence(pod(0), evicted(2), failed(6))) is None, "it was in no Service"
    assert ready_until_failed(evidence(pod(0), endpoints(0, endpoint("a")), failed(6))) is None, "no event"
    assert ready_until_failed(evidence(pod(0))) is None


def test_since_evicted():
    seen = evidence(pod(0), evicted(2), said(4, "signal"), failed(7))
    assert since_evicted_s(seen, "signal") == [2.0]
    assert since_evicted_s(seen, "exit") == [4.0]
    assert since_evicted_s(evidence(pod(0), failed(7)), "exit") == []


def test_marked_after():
    records = [pod(0), pod(0, "load"), pod(3, "load", deletion_s=9), pod(5, deletion_s=9)]
    assert marked_after_s(evidence(act(1, "taint", "begin"), *records), "taint") == [4.0]
    assert marked_after_s(evidence(*records), "taint") == []


def test_unready_after_and_always_ready():
    out = [endpoints(0, endpoint("a")), endpoints(5, endpoint("a", ready=False))]
    begun = act(1, "crash", "begin")
    assert unready_after_s(evidence(begun, *out), "crash") == [4.0]
    assert unready_after_s(evidence(*out), "crash") == []
    assert always_ready(evidence(begun, *out)) is False
    assert always_ready(evidence(begun, out[0])) is True
    came = [endpoints(0, endpoint("a", ready=False)), endpoints(5, endpoint("a"))]
    assert always_ready(evidence(begun, *came)) is True
    assert always_ready(evidence(begun)) is None
    assert always_ready(evidence(out[0])) is None


def test_given_up_because():
    said_why = given_up_because("needs 1 healthy pods")
    assert said_why(evidence(act(0, "give-up", why="the budget needs 1 healthy pods", bound_s=3))).holds
    assert not said_why(evidence(act(0, "give-up", why="no answer", bound_s=3))).holds
    assert not said_why(evidence()).holds
