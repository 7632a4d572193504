"""What a history tells of how pods went: predicates for `expect.Seen`, None where it does not decide."""

import itertools

from harness.clock import NS_PER_S, seconds
from harness.judge.expect import Seen
from harness.judge.expectation import Evidence
from harness.lives import PodLife, lives
from harness.proof import EndpointChange, condition_ns, endpoint_changes, events
from harness.records import Act, EndpointsSeen

TOGETHER_NS = NS_PER_S
"""Two watches may bring in either order what happened one right after the other, the late one by so much on a busy
machine; an endpoint that left at the signal would do so 2 s and more before the pod has Failed."""


def accepted_after_ready(evidence: Evidence) -> bool | None:
    """Whether a new pod turned Ready before the second eviction was accepted; None unless both were accepted.

    By the pods' watch alone, which keeps the order in which the API server stored the changes. An answer to a request
    may overtake the watch's news of what it rests on.
    """
    pods = list(lives(evidence.history).values())
    targeted = [condition_ns(pod, "DisruptionTarget", reason="EvictionByEvictionAPI") for pod in pods]
    accepted = sorted(moment for moment in targeted if moment is not None)
    if len(accepted) != 2:
        return None
    new = [pod for pod in pods if pod.first_seen_ns > accepted[0]]
    return any(pod.ready_ns is not None and pod.ready_ns < accepted[1] for pod in new)


def marked_before_replaced(evidence: Evidence) -> bool | None:
    """Whether each pod that was deleted was marked before any pod of its kind was made in its stead."""
    found = list(lives(evidence.history).values())
    gone = [life for life in found if life.deletion_seen_ns is not None]
    acts = evidence.history.of(Act)
    if not gone or not acts:
        return None
    first_ns = min(life.deletion_seen_ns or 0 for life in gone)
    new = [life for life in found if life.labels == gone[0].labels and life.first_seen_ns >= acts[0].t_ns]
    return all(life.first_seen_ns > first_ns for life in new) if new else None


def deleted_apps(evidence: Evidence) -> set[str]:
    """The apps, by their label, whose pods were acted on and deleted."""
    touched = {act.uid for act in evidence.history.of(Act) if act.status == "done"}
    found = lives(evidence.history).values()
    return {life.labels["app"] for life in found if life.uid in touched and life.deletion_seen_ns is not None}


def evicted_by_kubelet(evidence: Evidence) -> list[PodLife]:
    """The pods that a kubelet evicted."""
    return [
        life for life in lives(evidence.history).values() if "Evicted" in life.reasons and life.ready_ns is not None
    ]


def ready_until_failed(evidence: Evidence) -> bool | None:
    """Whether the endpoints of the pods that a kubelet evicted stayed ready, until these had Failed."""
    told: list[bool] = []
    for life in evicted_by_kubelet(evidence):
        failed_ns = next(pod.t_ns for pod in life.seen if pod.phase == "Failed")
        entries = [changes for changes in _endpoints(evidence) if changes[0].uid == life.uid]
        for began, changes in itertools.product(events(evidence.history, "Evicted", life.uid)[:1], entries):
            if any(one.ready for one in changes if one.t_ns < began.t_ns):
                left_ns = min(
                    (one.t_ns for one in changes if not one.ready and one.t_ns > began.t_ns), default=failed_ns
                )
                told.append(left_ns >= failed_ns - TOGETHER_NS)
    return all(told) if told else None


def since_evicted_s(evidence: Evidence, what: str) -> list[float]:
    """Seconds from the kubelet's event Evicted, which precedes the stop, to each pod's `signal` or `exit` (seen)."""
    found = []
    for life in evicted_by_kubelet(evidence):
        evicted = [event.t_ns for event in events(evidence.history, "Evicted", life.uid)]
        moment = life.signal_ns if what == "signal" else _died_ns(life)
        if evicted and moment is not None:
            found.append(seconds(moment - evicted[0]))
    return found


def _died_ns(life: PodLife) -> int | None:
    return next((end.finished_ns or end.seen_ns for end in life.exits()), None)


def marked_after_s(evidence: Evidence, verb: str) -> list[float]:
    """Seconds from an act's beginning until each pod that was acted on was seen to be deleted, if it ever was."""
    began = _began_ns(evidence, verb)
    touched = {act.uid for act in evidence.history.of(Act)}
    marked = [life.deletion_seen_ns for life in lives(evidence.history).values() if life.uid in touched]
    return [seconds(one - began) for one in marked if began is not None and one is not None]


def unready_after_s(evidence: Evidence, verb: str) -> list[float]:
    """Seconds from an act's beginning until each endpoint that was ready before was seen not ready, if it ever was."""
    if (began := _began_ns(evidence, verb)) is None:
        return []
    found = []
    for changes in _endpoints(evidence):
        before = [one for one in changes if one.t_ns < began]
        after = [one.t_ns for one in changes if one.t_ns > began and not one.ready]
        if before and before[-1].ready and after:
            found.append(seconds(after[0] - began))
    return found


def always_ready(evidence: Evidence) -> bool | None:
    """Whether, from the first act on, no endpoint that was ready ceased to be; None without one."""
    acts = evidence.history.of(Act)
    ready = [one for changes in _endpoints(evidence) for one in changes if one.ready]
    if not acts or not ready:
        return None
    return not unready_after_s(evidence, acts[0].verb)


def given_up_because(text: str) -> Seen:
    """The harness gave up and said why, with this in its words."""
    return Seen(what=f"given up, since the budget {text}", predicate=lambda seen: _gave_up(seen, text))


def _gave_up(evidence: Evidence, text: str) -> bool:
    said = [act.detail["why"] for act in evidence.history.of(Act) if "bound_s" in act.detail]
    return bool(said) and all(text in why for why in said)


def _began_ns(evidence: Evidence, verb: str) -> int | None:
    begun = (act.t_ns for act in evidence.history.of(Act) if (act.verb, act.status) == (verb, "begin"))
    return next(begun, None)


def _endpoints(evidence: Evidence) -> list[list[EndpointChange]]:
    """How the entry of each pod in each Service changed."""
    found: dict[tuple[str, str], list[EndpointChange]] = {}
    for service in {one.service for one in evidence.history.of(EndpointsSeen)}:
        for change in endpoint_changes(evidence.history, service):
            found.setdefault((service, change.uid), []).append(change)
    return list(found.values())
