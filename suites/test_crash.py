"""A container ends by itself (rows A15, A16): by an exit of its own, or because it passes its memory limit."""

from collections.abc import Callable

import pytest

from harness.clock import seconds
from harness.deploy import signals
from harness.deploy.signals import hook, process
from harness.disrupt.crash import Crash
from harness.disrupt.oom import ExceedMemory
from harness.disrupt.restart_all import RestartAll
from harness.judge.expect import Evidence, Restarts, Seen
from harness.judge.stopped import stopped
from harness.judge.stops import EARLY_S, BackOff, NoHook, NoSignal
from harness.proof import events
from harness.records import PodSeen
from harness.scenario import Scenario

JITTER = 0.5
"""By which the kubelet's next look may come late."""

START_S = 4.0
"""From the end of the pause to the new process: the kubelet's relist, 1 s, its sync and the container's start."""


def waited(evidence: Evidence) -> bool:
    """Whether the container was seen to wait with reason CrashLoopBackOff."""
    return any(
        (status.state, status.reason) == ("waiting", "CrashLoopBackOff")
        for one in stopped(evidence.history)
        for pod in one.life.seen
        for status in pod.containers
    )


def phase(evidence: Evidence) -> str:
    """The pod's phase as last seen."""
    return next((one.life.seen[-1].phase for one in stopped(evidence.history)), "")


@pytest.mark.row("A15", "crash-nonzero", "crash", takes_s=42)
def test_each_crash_doubles_the_pause_before_the_restart(survive: Scenario) -> None:
    """A process crashes three times: restarted at once, after 10 s, after 20 s, in the same pod."""
    app = survive.deploy(signals.pod(process(pre_stop=hook("preStop"))))
    survive.restart(Crash(app.selector, codes=(1, 2, 3)))
    survive.expect(
        BackOff(delays_s=(0, 10, 20), jitter=JITTER, start_s=START_S, reason="0, 10, 20 s from the exit on"),
        Seen(what="the container waits with CrashLoopBackOff", predicate=waited),
        Seen(what="event BackOff", predicate=lambda seen: bool(events(seen.history, "BackOff"))),
        NoHook(hook="preStop", reason="nobody stops a process that ends by itself"),
    )


@pytest.mark.row("A15", "crash-zero", "crash")
def test_an_exit_of_zero_is_restarted_like_a_crash(survive: Scenario) -> None:
    """With restartPolicy Always a process that exits with 0 is restarted with the same pauses."""
    app = survive.deploy(signals.pod())
    survive.restart(Crash(app.selector, codes=(0, 0)))
    survive.expect(
        BackOff(delays_s=(0, 10), jitter=JITTER, start_s=START_S, reason="exit 0 counts as a crash"),
        Seen(what="the container waits with CrashLoopBackOff", predicate=waited),
        NoSignal(signal="SIGTERM"),
    )


@pytest.mark.row("A15", "crash-on-failure", "crash")
def test_on_failure_restarts_failures_only(survive: Scenario) -> None:
    """With restartPolicy OnFailure exit 1 is restarted, exit 0 completes the pod."""
    app = survive.deploy(signals.pod(policy="OnFailure"))
    survive.restart(Crash(app.selector, codes=(1, 0), final=True))
    survive.expect(
        Restarts(count=1),
        Seen(what="the pod's phase is Succeeded", predicate=lambda seen: phase(seen) == "Succeeded"),
    )


@pytest.mark.row("A15", "crash-never", "crash")
def test_never_leaves_a_crashed_pod_as_failed(survive: Scenario) -> None:
    """With restartPolicy Never exit 1 fails the pod."""
    app = survive.deploy(signals.pod(policy="Never"))
    survive.restart(Crash(app.selector, codes=(1,), final=True))
    survive.expect(
        Restarts(count=0),
        Seen(what="the pod's phase is Failed", predicate=lambda seen: phase(seen) == "Failed"),
    )


@pytest.mark.row("A15", "crash-rules", "crash")
def test_a_restart_rule_restarts_the_exit_code_that_it_names(survive: Scenario) -> None:
    """restartPolicy Never with a rule for exit code 42: 42 is restarted in the same pod, 1 fails it."""
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    container = process(restartPolicy="Never", restartPolicyRules=[rule])
    app = survive.deploy(signals.pod(container, policy="Never"))
    survive.restart(Crash(app.selector, codes=(42, 1), final=True))
    survive.expect(
        Restarts(count=1),
        Seen(what="the pod's phase is Failed", predicate=lambda seen: phase(seen) == "Failed"),
    )


@pytest.mark.row("A15", "crash-restart-all", "restart-all")
def test_a_restart_rule_may_restart_the_whole_pod(survive: Scenario) -> None:
    """A rule of one container restarts all: the other is killed after 2 s, init containers run again, no back-off."""
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [77]}}
    crashing = process("app", restartPolicy="Never", restartPolicyRules=[rule])
    other = process("other", ["--shutdown-s", "10"], port=signals.PORT + 1)
    # Its containers are removed while they are listened to, which would count as a loss.
    app = survive.deploy(signals.pod(crashing, other, init=[signals.once("init")], policy="Never", speaks=False))
    survive.restart(RestartAll(app.selector, code=77))
    survive.expect(
        *(
            Seen(what=f"{name} was ended with 137, RestartingAllContainers", predicate=ended_by_the_rule(name))
            for name in ("app", "other", "init")
        ),
        Seen(
            what="the other container, which needs 10 s to shut down, was killed within 2 to 4 s",
            predicate=restarting_for_two_seconds,
            reason="a grace period of 0 with the floor of 2 s, though the pod's is 30 s; and the kubelet's next look",
        ),
        Seen(what="no container waits with CrashLoopBackOff", predicate=lambda seen: not waited(seen)),
    )


def ended_by_the_rule(name: str) -> Callable[[Evidence], bool]:
    """Whether a container's last state tells that the rule ended it."""
    return lambda evidence: any(
        (status.name, status.last_exit_code, status.last_reason) == (name, 137, "RestartingAllContainers")
        for one in stopped(evidence.history, name)
        for pod in one.life.seen
        for status in pod.containers
    )


def restarting_for_two_seconds(evidence: Evidence) -> bool | None:
    """Whether the pod's condition AllContainersRestarting was True for 2 to 4 s; None if it never was."""
    seen = [pod for one in stopped(evidence.history, "other") for pod in one.life.seen]
    true_ns = [pod.t_ns for pod in seen if restarting(pod)]
    after_ns = [pod.t_ns for pod in seen if true_ns and pod.t_ns > true_ns[0] and not restarting(pod)]
    return 2 - EARLY_S <= seconds(after_ns[0] - true_ns[0]) <= 4 if after_ns else None


def restarting(pod: PodSeen) -> bool:
    """Whether a pod showed that all its containers are being restarted."""
    return any((one.type, one.status) == ("AllContainersRestarting", "True") for one in pod.conditions)


@pytest.mark.row("A16", "oom-kill", "oom")
def test_a_container_past_its_memory_limit_is_killed_without_a_word(survive: Scenario) -> None:
    """The kernel kills a container that passes its limit: no signal, no preStop, and the kubelet restarts it."""
    app = survive.deploy(signals.pod(process(memory="48Mi", pre_stop=hook("preStop"))))
    survive.restart(ExceedMemory(app.selector))
    survive.expect(
        Restarts(count=1),
        NoSignal(signal="SIGTERM"),
        NoHook(hook="preStop", reason="the kernel asks no kubelet"),
    )
