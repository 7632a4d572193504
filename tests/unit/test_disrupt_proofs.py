"""The proofs of the restart paths and the judge, on runs that were recorded on a real cluster (see `recorded`)."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import recorded
from mutated import Change, mapped, with_rows

from harness.history import History
from harness.judge.expect_leaders import NoOverlap, Overlap
from harness.lives import lives
from harness.records import Act, AppSaid, EventSeen, LeaseSeen, PodSeen, Record, Work
from harness.reigns import reigns
from harness.results import Result, Results
from reports import write_all

RESULTS = recorded.results()
HISTORIES = recorded.histories()
PLAYED = {name: recorded.replay(result) for name, result in RESULTS.items()}


def without_acts(verb: str, history: History) -> History:
    return mapped(history, lambda one: None if isinstance(one, Act) and one.verb == verb else one)


def without_events(reason: str, history: History) -> History:
    return mapped(history, lambda one: None if isinstance(one, EventSeen) and one.reason == reason else one)


def of_pods(change: Callable[[PodSeen], PodSeen | None], history: History) -> History:
    return mapped(history, lambda one: change(one) if isinstance(one, PodSeen) else one)


def no_condition(pod: PodSeen) -> PodSeen:
    return replace(pod, conditions=[one for one in pod.conditions if one.type != "DisruptionTarget"])


def another_reason(pod: PodSeen) -> PodSeen:
    return replace(pod, conditions=[replace(one, reason="DeletionByTaintManager") for one in pod.conditions])


def no_mark(pod: PodSeen) -> PodSeen:
    return replace(pod, deletion_ns=None)


def no_exit(pod: PodSeen) -> PodSeen:
    return replace(pod, containers=[replace(one, exit_code=None, last_exit_code=None) for one in pod.containers])


def no_restart(pod: PodSeen) -> PodSeen:
    return replace(pod, containers=[replace(one, restarts=0) for one in pod.containers])


def no_end(pod: PodSeen) -> PodSeen | None:
    return None if pod.change == "DELETED" else pod


def marked(pod: PodSeen) -> PodSeen:
    return replace(pod, deletion_ns=pod.t_ns)


def no_new_ready(history: History) -> History:
    acted_ns = min(act.t_ns for act in history.of(Act))
    new = {life.uid for life in lives(history).values() if life.first_seen_ns >= acted_ns}
    return of_pods(lambda pod: replace(pod, ready=False) if pod.uid in new else pod, history)


def no_new_pods(history: History) -> History:
    acted_ns = min(act.t_ns for act in history.of(Act))
    new = {life.uid for life in lives(history).values() if life.first_seen_ns >= acted_ns}
    return of_pods(lambda pod: None if pod.uid in new else pod, history)


def lease_stays(history: History) -> History:
    first = history.of(LeaseSeen)[0].holder
    return mapped(history, lambda one: None if isinstance(one, LeaseSeen) and one.holder != first else one)


def lease_counts_nothing(history: History) -> History:
    return mapped(history, lambda one: replace(one, transitions=1) if isinstance(one, LeaseSeen) else one)


def without_said(event: str, history: History) -> History:
    return mapped(history, lambda one: None if isinstance(one, AppSaid) and one.event == event else one)


def renewed_meanwhile(begin: str, history: History) -> History:
    """The leader is seen to have renewed its Lease after the spell's begin."""
    began_ns = next(said.t_ns for said in history.of(AppSaid) if said.event == begin)
    last = [one for one in history.of(LeaseSeen) if one.renew_ns and one.renew_ns < began_ns][-1]
    return History(history.scenario, [*history.records, replace(last, renew_ns=began_ns + 1_000_000)])


def renewed_after(history: History) -> History:
    """The leader is seen to have renewed its Lease after the act."""
    acted = history.of(Act)[-1]
    last = [one for one in history.of(LeaseSeen) if one.holder == acted.detail["holder"]][-1]
    return History(history.scenario, [*history.records, replace(last, renew_ns=acted.t_ns + 1_000_000)])


def no_lease(history: History) -> History:
    return mapped(history, lambda one: None if isinstance(one, LeaseSeen) else one)


STOPPED: list[tuple[Change, str]] = [
    (partial(of_pods, no_mark), "got a deletionTimestamp"),
    (partial(of_pods, no_exit), "exit codes: none seen"),
    (partial(of_pods, no_end), "left the API"),
]
PASSED: list[tuple[Change, str]] = [
    (lease_stays, "passed to nobody"),
    (lease_counts_nothing, "passed to controller"),
    (no_lease, "was held by"),
]
REPLACED: list[tuple[Change, str]] = [
    (no_new_ready, "new pods became Ready: none"),
    (no_new_pods, "new pods became Ready: none"),
]
NEEDS: dict[str, list[tuple[Change, str]]] = {
    "rollout": [
        *STOPPED, *REPLACED,
        (partial(without_acts, "rollout"), "got a new template"),
        (partial(without_acts, "replace"), "pods before the rollout are known"),
    ],
    "delete": [*STOPPED, *REPLACED, (partial(without_acts, "delete"), "2 pods were deleted")],
    "evict": [
        *STOPPED, *REPLACED,
        (partial(of_pods, no_condition), "DisruptionTarget=True, EvictionByEvictionAPI"),
        (partial(of_pods, another_reason), "DisruptionTarget=True, EvictionByEvictionAPI"),
        (partial(without_acts, "evict"), "evictions were accepted"),
    ],
    "preempt": [
        *STOPPED, *REPLACED,
        (partial(of_pods, no_condition), "DisruptionTarget=True, PreemptionByScheduler"),
        (partial(of_pods, another_reason), "DisruptionTarget=True, PreemptionByScheduler"),
        (partial(without_events, "Preempted"), "event Preempted"),
        (partial(without_acts, "preempt"), "a pod of higher priority was created"),
    ],
    "liveness": [
        (partial(without_events, "Unhealthy"), "event Unhealthy"),
        (partial(without_events, "Killing"), "event Killing"),
        (partial(of_pods, no_restart), "was restarted once"),
        (partial(of_pods, marked), "was not deleted"),
        (partial(without_acts, "fail-liveness"), "were told to fail"),
    ],
    "handover": [
        *STOPPED,
        *PASSED,
        (partial(without_acts, "delete-leader"), "the leader's pod was deleted"),
    ],
    "component-crash": [
        (lease_stays, "passed to nobody"),
        (lease_counts_nothing, "passed to kube-"),
        (no_lease, "was held by"),
        (renewed_after, "renewed nothing after that"),
        (partial(without_acts, "crash-component"), "was killed, and started again"),
    ],
    "leader-crash": [
        *PASSED,
        (partial(of_pods, no_exit), "ended with no exit code"),
        (partial(of_pods, marked), "was not deleted"),
        (partial(without_acts, "crash-leader"), "the leader was killed"),
    ],
    "leader-freeze": [
        *PASSED,
        (partial(without_said, "froze"), "said froze, and later thawed"),
        (partial(without_said, "thawed"), "said froze, and later thawed"),
        (partial(renewed_meanwhile, "froze"), "renewed nothing between froze and thawed"),
        (partial(without_acts, "freeze-leader"), "freeze-leader was done"),
    ],
    "leader-cut": [
        *PASSED,
        (partial(without_said, "cut"), "said cut, and later mended"),
        (partial(without_said, "mended"), "said cut, and later mended"),
        (partial(renewed_meanwhile, "cut"), "renewed nothing between cut and mended"),
        (partial(without_acts, "cut-leader"), "cut-leader was done"),
    ],
}  # fmt: skip


def test_the_run_has_all_rows_and_they_passed() -> None:
    assert set(RESULTS) == set(HISTORIES)
    assert {result.verdict for result in RESULTS.values()} == {"pass"}
    assert {result.path for result in RESULTS.values()} == set(NEEDS)


def figures(result: Result) -> dict[str, object]:
    """What a result says of the app; its words, and guesses at causes, may be put better in time."""
    traffic = result.traffic
    return {
        "verdict": result.verdict,
        "expected": [one.holds for one in result.expected],
        "requests": traffic and (traffic.requests, traffic.errors, traffic.unknown, traffic.latency_ms),
        "outages": traffic and [(one.low_s, one.high_s, one.failed, one.kind) for one in traffic.outages],
        "failover": result.failover and (result.failover.low_s, result.failover.high_s, result.failover.transitions),
        "handovers": result.failover and [(one.gap_s, one.acquired_ns) for one in result.failover.handovers],
    }


@pytest.mark.parametrize("name", RESULTS)
def test_judged_again_a_history_gives_the_same_result(name: str) -> None:
    assert figures(PLAYED[name].judge(HISTORIES[name])) == figures(RESULTS[name])
    assert PLAYED[name].proof(HISTORIES[name]).complete


CASES = [(name, *needed) for name, result in RESULTS.items() for needed in NEEDS[result.path]]


@pytest.mark.parametrize(("name", "change", "missing"), CASES)
def test_without_a_piece_of_evidence_it_is_not_proved(name: str, change: Change, missing: str) -> None:
    less = change(HISTORIES[name])
    assert any(missing in sentence for sentence in PLAYED[name].proof(less).missing)
    judged = PLAYED[name].judge(less)
    assert judged.verdict == "inconclusive"
    assert re.search(r"^The restart was not proved: ", judged.why)


GOOD = [name for name, result in RESULTS.items() if result.traffic is not None and not result.traffic.errors]
BAD = [name for name, result in RESULTS.items() if result.traffic is not None and result.traffic.errors]


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("count", [1, 40])
def test_a_row_that_loses_nothing_fails_by_a_single_failed_request(name: str, count: int) -> None:
    judged = PLAYED[name].judge(with_rows("service", "failed", HISTORIES[name], from_row=400, count=count))
    assert judged.verdict == "fail"
    assert judged.traffic is not None
    assert judged.traffic.errors == count
    assert "no errors" in judged.why


@pytest.mark.parametrize("name", BAD)
def test_a_row_that_must_lose_requests_fails_if_it_loses_none(name: str) -> None:
    assert PLAYED[name].judge(with_rows("service", "ok", HISTORIES[name], from_row=0)).verdict == "fail"


@pytest.mark.parametrize("name", RESULTS)
def test_a_failed_request_of_the_control_makes_all_inconclusive(name: str) -> None:
    judged = PLAYED[name].judge(with_rows("control", "failed", HISTORIES[name], from_row=40, count=1))
    assert (judged.verdict, "control requests failed" in judged.why) == ("inconclusive", True)


ALONE = [name for name, played in PLAYED.items() if any(isinstance(one, NoOverlap) for one in played.expectations)]
SPLIT = [name for name, played in PLAYED.items() if any(isinstance(one, Overlap) for one in played.expectations)]


@pytest.mark.parametrize("name", ALONE)
def test_a_leader_that_works_on_beside_the_new_one_fails(name: str) -> None:
    history = HISTORIES[name]
    work = history.of(Work)
    extra = replace(work[0], t_ns=work[-1].t_ns - 1_000_000, seq=10**6)
    assert extra.identity != work[-1].identity
    judged = PLAYED[name].judge(History(name, [*history.records, extra]))
    assert judged.verdict == "fail"
    assert "never two leaders at work" in judged.why


@pytest.mark.parametrize("name", SPLIT)
def test_a_split_brain_that_is_none_fails(name: str) -> None:
    history = HISTORIES[name]
    first_ns = reigns(history.of(Work))[1].first_ns
    first = history.of(Work)[0].identity

    def alone(one: Record) -> Record | None:
        return None if isinstance(one, Work) and one.identity == first and one.t_ns >= first_ns else one

    judged = PLAYED[name].judge(mapped(history, alone))
    assert judged.verdict == "fail"
    assert "two leaders at work" in judged.why


@pytest.mark.parametrize("name", RESULTS)
def test_an_act_that_broke_before_its_first_step_is_not_proved_either(name: str) -> None:
    less = mapped(HISTORIES[name], lambda one: None if isinstance(one, Act) else one)
    assert PLAYED[name].judge(less).verdict == "inconclusive"


@pytest.mark.parametrize("recording", recorded.RECORDINGS)
def test_all_reports_of_the_run_can_be_written_and_are_small(tmp_path, recording: str) -> None:
    written = write_all(recorded.folder(tmp_path, recording))
    assert [path.name for path in written] == ["report.html", "junit.xml", "summary.md"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5_000_000
    page = written[0].read_text()
    assert all(result.name in page for result in Results.read(recorded.results_file(recording)).results)
