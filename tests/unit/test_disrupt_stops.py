"""The proofs of the paths that stop one pod, on made histories: complete, and not without any one piece of evidence."""

from collections.abc import Callable
from dataclasses import replace

import histories as made
import pytest

from harness.disrupt.again import DeleteAgain
from harness.disrupt.crash import Crash
from harness.disrupt.force import Force
from harness.disrupt.oom import ExceedMemory
from harness.disrupt.path import Path, acts
from harness.disrupt.restart_all import RestartAll
from harness.disrupt.site import Site
from harness.disrupt.stop import Stop
from harness.errors import WaitTimeout
from harness.history import History, Recorder
from harness.records import Act, AppSaid, Condition, EventSeen, PodSeen, Record
from harness.wait import until

LABELS = {"app": "a"}
EVICTED = Condition("DisruptionTarget", "True", "EvictionByEvictionAPI")
Change = Callable[[Record], Record | None]


def act(t_s: float, verb: str, status: str, **detail: object) -> Act:
    return Act(made.at(t_s), verb, "pod/a", status, "uid-a", dict(detail))


def asked(t_s: float, verb: str, grace_s: int) -> list[Act]:
    return [act(t_s, verb, "begin", grace_s=grace_s), act(t_s + 0.05, verb, "done", grace_s=grace_s)]


def killing(t_s: float = 0.2, container: str = "app") -> EventSeen:
    return EventSeen(made.at(t_s), "Killing", "Normal", f"Stopping container {container}", "Pod/a", "uid-a")


def running(**more: object) -> PodSeen:
    return made.pod(-5, containers=[made.container(stop_signal="SIGUSR1")], **more)


def ended(t_s: float, grace_s: int, code: int = 137, **more: object) -> list[PodSeen]:
    """A pod that is marked, whose container ends at a moment, and that leaves then."""
    end = made.container(state="terminated", exit_code=code, finished_ns=made.at(int(t_s)), stop_signal="SIGUSR1")
    values = {"deletion_s": grace_s, "grace_s": grace_s, "ready": False} | more
    return [
        made.pod(0.1, **values),
        made.pod(t_s + 0.1, containers=[end], **values),
        made.pod(t_s + 0.2, change="DELETED", containers=[end], **values),
    ]


def off_the_api(t_s: float, grace_s: int = 0) -> PodSeen:
    """A pod whose object goes while its container runs."""
    values = {"deletion_s": t_s, "grace_s": grace_s, "containers": [made.container()]}
    return made.pod(t_s, change="DELETED", **values)


def restarted(t_s: float, count: int, code: int, reason: str) -> PodSeen:
    return made.pod(
        t_s, containers=[made.container(restarts=count, last_exit_code=code, last_reason=reason)], deletion_s=None
    )


def all_restarted(t_s: float) -> PodSeen:
    names = ("app", "init")
    return made.pod(
        t_s, containers=[made.container(1, name=name, last_reason="RestartingAllContainers") for name in names]
    )


RESTARTING = Condition("AllContainersRestarting", "True", "RestartAllContainersStarted")
BEATS = [made.said(n / 10, "beat") for n in range(60)]

CASES: dict[str, tuple[Path, History]] = {
    "stop": (
        Stop(LABELS, stop_signal="SIGUSR1"),
        made.history(running(), asked(0, "delete", 4), killing(), ended(4.1, 4)),
    ),
    "stop by eviction": (
        Stop(LABELS, grace_s=4, evict=True),
        made.history(running(), asked(0, "evict", 4), killing(), ended(4.1, 4, conditions=[EVICTED])),
    ),
    "force": (
        Force(LABELS),
        made.history(running(), asked(0, "delete", 0), killing(), off_the_api(0.1), BEATS),
    ),
    "force by eviction": (
        Force(LABELS, evict=True),
        made.history(running(conditions=[EVICTED]), asked(0, "evict", 0), killing(), off_the_api(0.1), BEATS),
    ),
    "again": (
        DeleteAgain(LABELS, grace_s=2),
        made.history(
            running(), asked(0, "delete", 8), killing(), made.pod(0.05, deletion_s=8, grace_s=8),
            asked(0.5, "delete", 2), ended(8.1, 2),
        ),
    ),
    "again by force": (
        DeleteAgain(LABELS, grace_s=0),
        made.history(
            running(), asked(0, "delete", 8), killing(), made.pod(0.05, deletion_s=8, grace_s=8),
            asked(0.5, "delete", 0), off_the_api(0.6), BEATS,
        ),
    ),
    "crash": (
        Crash(LABELS, codes=(1, 2)),
        made.history(
            running(), act(0, "crash", "begin", code=1), act(0.1, "crash", "done", code=1), restarted(1, 1, 1, "Error"),
            act(3, "crash", "begin", code=2), act(3.1, "crash", "done", code=2), restarted(14, 2, 2, "Error"),
        ),
    ),
    "crash for good": (
        Crash(LABELS, codes=(42, 1), final=True),
        made.history(
            running(), act(0, "crash", "begin", code=42), act(0.1, "crash", "done", code=42),
            restarted(1, 1, 42, "Error"), act(3, "crash", "begin", code=1), act(3.1, "crash", "done", code=1),
            made.pod(4, containers=[made.container(1, "terminated", exit_code=1)], phase="Failed"),
        ),
    ),
    "oom": (
        ExceedMemory(LABELS),
        made.history(
            running(), act(0, "hog", "begin"), act(0.1, "hog", "done"), restarted(1, 1, 137, "OOMKilled"),
        ),
    ),
    "restart-all": (
        RestartAll(LABELS, code=77),
        made.history(
            made.pod(-5, containers=[made.container(), made.container(name="init")]),
            act(0, "crash", "begin", code=77), act(0.1, "crash", "done", code=77),
            made.pod(0.5, conditions=[RESTARTING]), all_restarted(3),
        ),
    ),
}  # fmt: skip


def without(kind: type[Record]) -> Change:
    return lambda one: None if isinstance(one, kind) else one


def of_pods(**change: object) -> Change:
    return lambda one: replace(one, **change) if isinstance(one, PodSeen) else one


def of_containers(**change: object) -> Change:
    def changed(one: Record) -> Record:
        if not isinstance(one, PodSeen):
            return one
        return replace(one, containers=[replace(container, **change) for container in one.containers])

    return changed


def never_gone(one: Record) -> Record:
    return replace(one, change="MODIFIED") if isinstance(one, PodSeen) else one


def gone_late(one: Record) -> Record:
    return replace(one, t_ns=made.at(3)) if isinstance(one, PodSeen) and one.change == "DELETED" else one


def new_address(one: Record) -> Record:
    return replace(one, ip="another") if isinstance(one, PodSeen) and one.t_ns > made.at(1) else one


def silent_after(t_s: float) -> Change:
    return lambda one: None if isinstance(one, AppSaid) and one.t_ns > made.at(t_s) else one


def of_another(one: Record) -> Record:
    return replace(one, message="Stopping container other") if isinstance(one, EventSeen) else one


def of_acts(**detail: object) -> Change:
    return lambda one: replace(one, detail={**one.detail, **detail}) if isinstance(one, Act) else one


def first_act_only(one: Record) -> Record | None:
    return None if isinstance(one, Act) and one.t_ns > made.at(0.2) else one


STOPPED = [
    (without(Act), "accepted"),
    (without(EventSeen), "event Killing: Stopping container app"),
    (of_another, "event Killing: Stopping container app"),
    (of_pods(grace_s=30), "deletionGracePeriodSeconds"),
    (of_pods(deletion_ns=None), "deletionTimestamp"),
    (of_containers(exit_code=None), "exit codes: none seen"),
    (never_gone, "left the API"),
]
FORCED = [
    (without(Act), "accepted"),
    (without(EventSeen), "event Killing"),
    (never_gone, "left the API at once"),
    (gone_late, "left the API at once"),
    (without(AppSaid), "spoke after its pod was gone"),
    (silent_after(0.05), "spoke after its pod was gone"),
]
BY_ITSELF = [
    (of_pods(deletion_ns=made.at(0)), "it was not deleted"),
    (of_containers(restarts=0), "restart count"),
]
NEEDS: dict[str, list[tuple[Change, str]]] = {
    "stop": [
        *STOPPED,
        (of_containers(stop_signal=""), "stopSignal"),
        (of_containers(stop_signal="SIGTERM"), "stopSignal"),
    ],
    "stop by eviction": [*STOPPED, (of_pods(conditions=[]), "EvictionByEvictionAPI")],
    "force": [*FORCED, (of_pods(grace_s=20), "deletionGracePeriodSeconds")],
    "force by eviction": [
        *FORCED,
        (of_pods(grace_s=None), "deletionGracePeriodSeconds"),
        (of_pods(conditions=[]), "EvictionByEvictionAPI"),
    ],
    "again": [*STOPPED, (first_act_only, "2 deletions accepted"), (of_pods(grace_s=8), "became 2")],
    "again by force": [
        (without(Act), "accepted"),
        (without(EventSeen), "event Killing"),
        (first_act_only, "2 deletions accepted"),
        (of_pods(grace_s=8), "became 0"),
        (never_gone, "left the API at once"),
        (gone_late, "left the API at once"),
        (without(AppSaid), "spoke after its pod was gone"),
    ],
    "crash": [
        *BY_ITSELF,
        (without(Act), "told to exit"),
        (first_act_only, "told to exit"),
        (of_acts(code=1), "told to exit"),
        (of_containers(last_exit_code=137), "exit codes 1, 2"),
        (of_containers(last_exit_code=None), "exit codes 1, 2"),
    ],
    "crash for good": [*BY_ITSELF, (without(Act), "told to exit"), (of_containers(exit_code=0), "exit codes 42, 1")],
    "restart-all": [
        (without(Act), "told to exit"),
        (of_pods(conditions=[]), "condition AllContainersRestarting"),
        (of_pods(conditions=[replace(RESTARTING, status="False")]), "condition AllContainersRestarting"),
        (of_pods(deletion_ns=made.at(0)), "it was not deleted"),
        (of_containers(restarts=0), "app was restarted once"),
        (of_containers(restarts=0), "init was restarted once"),
        (new_address, "kept its address"),
    ],
    "oom": [
        *BY_ITSELF,
        (without(Act), "told to take memory"),
        (of_containers(last_reason="Error"), "ended by the kernel"),
        (of_containers(last_exit_code=1), "ended by the kernel"),
        (of_containers(last_exit_code=None), "ended by the kernel"),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_all_the_evidence_is_a_proof(name: str) -> None:
    path, history = CASES[name]
    proof = path.proof(history)
    assert proof.missing == []
    assert proof.complete


@pytest.mark.parametrize(("name", "change", "missing"), [(name, *one) for name, all_ in NEEDS.items() for one in all_])
def test_without_a_piece_of_it_there_is_none(name: str, change: Change, missing: str) -> None:
    path, history = CASES[name]
    less = History(name, [new for one in history.records if (new := change(one)) is not None])
    assert any(missing in sentence for sentence in path.proof(less).missing)


@pytest.mark.parametrize("name", ["crash", "crash for good", "oom"])
def test_a_kill_by_the_kubelet_is_no_end_by_itself(name: str) -> None:
    path, history = CASES[name]
    more = History(name, [*history.records, killing()])
    assert any("no event Killing" in sentence for sentence in path.proof(more).missing)


def test_every_path_of_these_has_its_case() -> None:
    assert {type(path) for path, _ in CASES.values()} == {Stop, Force, DeleteAgain, Crash, ExceedMemory, RestartAll}
    assert all(acts(history, verb, "done") for _, history in CASES.values() for verb in [history.of(Act)[0].verb])
    assert set(NEEDS) == set(CASES)


class Clusterless:
    """A cluster that has answered already, while the watch's news come one by one, with each look at them."""

    def __init__(self, *answers: dict[str, object]) -> None:
        self.answers = list(answers)
        self.posted: list[str] = []

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> dict[str, object]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def list(self, api_version: str, kind: str, namespace: str, labels: str = "") -> list[dict[str, object]]:
        return [self.answers[0]]

    def pod_post(self, namespace: str, pod: str, port: int, path: str) -> str:
        self.posted.append(path)
        return ""


def answer(phase: str) -> dict[str, object]:
    meta = {"name": "a", "uid": "uid-a", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": {}, "status": {"phase": phase, "containerStatuses": [{"restartCount": 0}]}}


def test_a_crash_waits_for_the_watch_to_tell_of_the_end(tmp_path, monkeypatch) -> None:
    recorder = Recorder(tmp_path / "h.gz", "crash")
    news = [made.pod(1), made.pod(2, phase="Failed")]
    kube = Clusterless(answer("Running"), answer("Running"), answer("Failed"))
    monkeypatch.setattr(
        "harness.disrupt.stop.until",
        lambda *how, **more: until(*how, **more, sleep=lambda _: recorder.add(news.pop(0))),
    )
    Crash(LABELS, codes=(3,), final=True).act(Site(kube, "ns", recorder))
    assert (kube.posted, news) == (["/crash?code=3"], [])
    recorder.close()


def test_a_watch_that_does_not_tell_ends_the_wait(tmp_path, monkeypatch) -> None:
    recorder = Recorder(tmp_path / "h.gz", "crash")
    monkeypatch.setattr("harness.disrupt.stop.TOLD_S", 0.0)
    with pytest.raises(WaitTimeout, match="the watch to tell"):
        Crash(LABELS, codes=(3,), final=True).act(Site(Clusterless(answer("Failed")), "ns", recorder))
    recorder.close()
