"""Hooks run before a container stops and after it starts (rows A4, A5, A7, A8, A12)."""

import pytest

from harness.clock import seconds
from harness.deploy import signals
from harness.deploy.signals import hook, process, sleep
from harness.disrupt.stop import Stop
from harness.judge.expect import Evidence, ExitCode, Seen
from harness.judge.stopped import Stopped, only, stopped
from harness.judge.stops import EndsAt, HookAt, NoSignal, SignalAt
from harness.proof import events
from harness.scenario import Scenario


@pytest.mark.row("A4", "prestop-exec", "stop")
def test_a_hook_may_send_the_signal_that_the_app_understands(survive: Scenario) -> None:
    """`kill -USR1 1` in preStop reaches the process before SIGTERM does."""
    kill = {"exec": {"command": ["sh", "-c", "kill -USR1 1"]}}
    app = survive.deploy(signals.pod(process(args=["--notes", "SIGUSR1", "--shutdown-s", "1"], pre_stop=kill)))
    survive.restart(Stop(app.selector))
    survive.expect(
        SignalAt(signal="SIGUSR1", at_s=0),
        SignalAt(signal="SIGTERM", at_s=0),
        Seen(what="SIGUSR1 comes before SIGTERM", predicate=usr1_first),
        ExitCode(code=0),
    )


def usr1_first(evidence: Evidence) -> bool | None:
    """Whether SIGUSR1 came before SIGTERM; None without either."""
    if (one := only(evidence.history)) is None:
        return None
    first, second = one.signalled_ns("SIGUSR1"), one.signalled_ns("SIGTERM")
    return None if first is None or second is None else first < second


@pytest.mark.row("A4", "prestop-exec-fails", "stop")
def test_a_hook_that_fails_does_not_keep_the_signal_back(survive: Scenario) -> None:
    """A preStop that exits with 1 is an event, FailedPreStopHook; the stop goes on at once."""
    failing = hook("preStop", "--exit-code", "1")
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "1"], pre_stop=failing)))
    survive.restart(Stop(app.selector))
    survive.expect(
        HookAt(hook="preStop", at_s=0),
        Seen(what="event FailedPreStopHook", predicate=failed),
        SignalAt(at_s=0),
        ExitCode(code=0),
    )


def failed(evidence: Evidence) -> bool:
    """Whether the kubelet told, once, that a preStop failed."""
    return len(events(evidence.history, "FailedPreStopHook")) == 1


@pytest.mark.row("A5", "prestop-http", "stop")
def test_a_hook_may_ask_the_app_to_shut_itself_down(survive: Scenario) -> None:
    """preStop asks /quit, which answers when the work is done: the process is gone before any SIGTERM."""
    ask = {"httpGet": {"path": "/quit?wait=1", "port": signals.PORT}}
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "2"], pre_stop=ask)))
    survive.restart(Stop(app.selector))
    survive.expect(
        Seen(what="/quit was asked", predicate=quit_asked),
        NoSignal(signal="SIGTERM"),
        EndsAt(at_s=2, reason="2 s of work from the hook on"),
        ExitCode(code=0),
    )


@pytest.mark.row("A5", "prestop-http-early", "stop")
def test_a_hook_that_is_answered_at_once_is_followed_by_the_signal(survive: Scenario) -> None:
    """/quit answers before the work is done: SIGTERM comes at once, in the midst of the shutdown."""
    ask = {"httpGet": {"path": "/quit", "port": signals.PORT}}
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "2"], pre_stop=ask)))
    survive.restart(Stop(app.selector))
    survive.expect(
        Seen(what="/quit was asked", predicate=quit_asked),
        SignalAt(at_s=0, reason="the hook has ended with its answer"),
        EndsAt(at_s=2, reason="2 s of work from the hook on"),
        ExitCode(code=0),
    )


def quit_asked(evidence: Evidence) -> bool:
    """Whether the process told that it was asked to quit."""
    return any(one.said("quit") for one in stopped(evidence.history))


@pytest.mark.row("A7", "prestop-sleep", "stop")
def test_the_signal_comes_after_the_sleep(survive: Scenario) -> None:
    """preStop sleep 4: SIGTERM after 4 s."""
    app = survive.deploy(signals.pod(process(pre_stop=sleep(4))))
    survive.restart(Stop(app.selector))
    survive.expect(SignalAt(at_s=4), ExitCode(code=0))


@pytest.mark.row("A7", "prestop-sleep-zero", "stop")
def test_a_sleep_of_zero_is_allowed_and_does_nothing(survive: Scenario) -> None:
    """preStop sleep 0: SIGTERM at once."""
    app = survive.deploy(signals.pod(process(pre_stop=sleep(0))))
    survive.restart(Stop(app.selector))
    survive.expect(SignalAt(at_s=0), ExitCode(code=0))


@pytest.mark.row("A8", "hook-order", "stop")
def test_hooks_run_beside_the_process_and_before_the_signal(survive: Scenario) -> None:
    """postStart 5 s runs beside the process; SIGTERM only after preStop 5 s; with 2 s of shutdown done at 7 s of 10."""
    post_start, pre_stop = hook("postStart", "--sleep-s", "5"), hook("preStop", "--sleep-s", "5")
    container = process(args=["--shutdown-s", "2"], post_start=post_start, pre_stop=pre_stop)
    app = survive.deploy(signals.pod(container, grace_s=10))
    survive.restart(Stop(app.selector))
    survive.expect(
        Seen(what="the process ran all the while that postStart did", predicate=beats_in_post_start),
        Seen(what="until postStart ended the container showed as waiting", predicate=waiting_in_post_start),
        HookAt(hook="preStop", at_s=0),
        SignalAt(at_s=5),
        EndsAt(at_s=7, reason="preStop 5 s + shutdown 2 s; the grace period is 10 s"),
        ExitCode(code=0),
    )


def beats_in_post_start(evidence: Evidence) -> bool | None:
    """Whether the process spoke in every second between the two lines of its postStart."""
    one = only(evidence.history)
    begin_ns, end_ns = post_start(one)
    if one is None or begin_ns is None or end_ns is None:
        return None
    spoke = {int(seconds(beat.t_ns - begin_ns)) for beat in one.life.said if beat.event == "beat"}
    return seconds(end_ns - begin_ns) >= 5 and spoke >= set(range(5))


def waiting_in_post_start(evidence: Evidence) -> bool | None:
    """Whether the pod first showed its container as running, and itself as Ready, only after postStart."""
    one = only(evidence.history)
    _, end_ns = post_start(one)
    if one is None:
        return None
    running = [pod.t_ns for pod in one.life.seen for status in pod.containers if status.state == "running" or pod.ready]
    return None if end_ns is None or not running else running[0] >= end_ns


def post_start(one: Stopped | None) -> tuple[int | None, int | None]:
    """When the postStart told that it began and that it ended."""
    lines = one.life.said if one else []
    told = {said.data["step"]: said.t_ns for said in lines if said.data.get("hook") == "postStart"}
    return told.get("begin"), told.get("end")


@pytest.mark.row("A12", "api-during-shutdown", "stop")
def test_a_pod_reaches_the_api_server_until_its_end(survive: Scenario) -> None:
    """A pod that asks the API server every 0.1 s is answered through its preStop of 2 s and its shutdown of 3 s."""
    container = process(args=["--api-every-s", "0.1", "--beat-s", "0", "--shutdown-s", "3"], pre_stop=sleep(2))
    app = survive.deploy(signals.pod(container, asks_api=True))
    survive.restart(Stop(app.selector))
    survive.expect(
        SignalAt(at_s=2),
        ExitCode(code=0),
        Seen(what="every call was answered with 200", predicate=all_answered),
        Seen(
            what="at least 35 of the 50 calls that were due were made, the last within 0.5 s of the end",
            predicate=called_to_the_end,
        ),
    )


def all_answered(evidence: Evidence) -> bool | None:
    """Whether every call from the deletion on was answered with 200; None without any."""
    calls = [call for one in stopped(evidence.history) for call in one.said("api")]
    return all(call.data["status"] == 200 for call in calls) if calls else None


def called_to_the_end(evidence: Evidence) -> bool | None:
    """Whether calls were made until the exit."""
    if (one := only(evidence.history)) is None:
        return None
    calls, exits = one.said("api"), one.said("exit")
    if not calls or not exits:
        return None
    return len(calls) >= 35 and seconds(exits[0].t_ns - calls[-1].t_ns) <= 0.5
