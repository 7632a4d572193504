"""A container ends by itself (rows A15, A16): by an exit of its own, or because it passes its memory limit."""

import pytest

from harness.deploy import signals
from harness.deploy.signals import hook, process
from harness.disrupt.crash import Crash
from harness.disrupt.oom import ExceedMemory
from harness.judge.expect import Evidence, Restarts, Seen
from harness.judge.stopped import stopped
from harness.judge.stops import BackOff, NoHook, NoSignal
from harness.proof import events
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


@pytest.mark.row("A15", "crash-nonzero", "crash")
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
