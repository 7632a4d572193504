"""Hooks and shutdowns that take longer than the grace period G (rows A9, A10, A11)."""

import pytest

from harness.deploy import signals
from harness.deploy.signals import behind_nginx, hook, process, sleep
from harness.disrupt.stop import Stop
from harness.judge.expect import Evidence, ExitCode, Seen
from harness.judge.stopped import only
from harness.judge.stops import EndsAt, HookAt, SignalAt
from harness.manifests import Manifest
from harness.proof import events
from harness.scenario import Scenario

KILLED = 137
"""128 + SIGKILL"""

OLD = "the articles' min(preStop, G) + G was a bug that is mended: the hook's time counts"


@pytest.mark.row("A9", "prestop-overrun", "stop")
def test_a_hook_that_overruns_is_left_behind_at_the_end_of_the_grace_period(survive: Scenario) -> None:
    """preStop 15 s, G 10 s: SIGTERM comes at 10 s, while the hook still runs, and SIGKILL 2 s later."""
    container = process(args=["--shutdown-s", "10"], pre_stop=hook("preStop", "--sleep-s", "15"))
    app = survive.deploy(signals.pod(container, grace_s=10))
    survive.restart(Stop(app.selector))
    survive.expect(
        HookAt(hook="preStop", at_s=0),
        SignalAt(at_s=10, reason="at min(preStop, G) = 10 s"),
        EndsAt(at_s=12, reason=f"G + the floor of 2 s = 12 s; the articles: 20 s; {OLD}"),
        ExitCode(code=KILLED),
        Seen(what="event FailedPreStopHook, but only with the kill", predicate=failed_with_the_kill),
    )


def failed_with_the_kill(evidence: Evidence) -> bool | None:
    """Whether the kubelet told that the preStop failed, once, and not before the process was killed."""
    one = only(evidence.history)
    told, end = events(evidence.history, "FailedPreStopHook"), one.end() if one else None
    return None if one is None or end is None else len(told) == 1 and one.since_s(told[0].t_ns) >= end.low_s


@pytest.mark.row("A9", "prestop-overrun-override", "stop")
def test_a_deletion_with_less_grace_than_the_sleep_overruns_too(survive: Scenario) -> None:
    """preStop sleep 8 fits into G 30 s, but not into the 4 s of this deletion: SIGTERM at 4 s, SIGKILL at 6 s."""
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "10"], pre_stop=sleep(8))))
    survive.restart(Stop(app.selector, grace_s=4))
    survive.expect(
        SignalAt(at_s=4, reason="at min(preStop, G) = 4 s"),
        EndsAt(at_s=6, reason="G + the floor of 2 s"),
        ExitCode(code=KILLED),
    )


@pytest.mark.row("A10", "shutdown-overrun", "stop")
def test_the_grace_period_runs_from_the_hooks_beginning(survive: Scenario) -> None:
    """preStop 5 s, shutdown 10 s, G 8 s: killed at 8 s, 3 s after the signal, since the hook's time counts."""
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "10"], pre_stop=sleep(5)), grace_s=8))
    survive.restart(Stop(app.selector))
    survive.expect(
        SignalAt(at_s=5),
        EndsAt(at_s=8, reason=f"at G = 8 s; the articles: 13 s; {OLD}"),
        ExitCode(code=KILLED),
    )


@pytest.mark.row("A11", "prestop-equals-grace", "stop")
def test_a_hook_as_long_as_the_grace_period_leaves_no_time_to_shut_down(survive: Scenario) -> None:
    """nginx and an app that needs 5 s to shut down, both with preStop sleep 10 = G: the app is killed at 12 s."""
    app = survive.deploy(behind_nginx(slow_to_stop(10), sleep(10), grace_s=10))
    survive.restart(Stop(app.selector))
    survive.expect(
        SignalAt(container="app", at_s=10),
        EndsAt(container="app", at_s=12, reason="G + the floor of 2 s; the post-mortem: no time at all"),
        ExitCode(container="app", code=KILLED),
        ExitCode(container="nginx", code=0, reason="nginx has nothing to finish: 2 s are enough for it"),
    )


@pytest.mark.row("A11", "prestop-below-grace", "stop")
def test_a_hook_shorter_than_the_grace_period_leaves_time_to_shut_down(survive: Scenario) -> None:
    """The same pod with preStop sleep 4 of G 10 s: the app's 5 s of shutdown fit, it exits by itself."""
    app = survive.deploy(behind_nginx(slow_to_stop(4), sleep(4), grace_s=10))
    survive.restart(Stop(app.selector))
    survive.expect(
        SignalAt(container="app", at_s=4),
        EndsAt(container="app", at_s=9, reason="preStop 4 s + shutdown 5 s"),
        ExitCode(code=0),
    )


def slow_to_stop(pre_stop_s: int) -> Manifest:
    """An app that takes 5 s to shut down, after a preStop."""
    return process(args=["--shutdown-s", "5"], port=signals.BEHIND_PORT, pre_stop=sleep(pre_stop_s))
