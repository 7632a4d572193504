"""A container is told to stop by a signal (rows A1, A2, A3, A6): which one, and what if nobody hears it."""

import pytest

from harness.deploy import signals
from harness.deploy.signals import process
from harness.disrupt.stop import Stop
from harness.judge.expect import ExitCode
from harness.judge.stops import EndsAt, NoSignal, SignalAt, StopBegins
from harness.scenario import Scenario

DEFAULT_GRACE_S = 30
BEGINS_S = 3.0
"""After each look at a pod the kubelet waits for the runtime's state, which it reads once a second; a pod that has just
become ready has two such looks before it: up to 2 s, and a busy node."""

KILL = "SIGKILL once the grace period G is over, counted from the stop's beginning; the API's default is 30 s"
KILLED = 137
"""128 + SIGKILL"""


@pytest.mark.row("A1", "signal-unhandled", "stop", takes_s=36)
def test_without_a_handler_a_process_1_lives_until_it_is_killed(survive: Scenario) -> None:
    """SIGTERM does nothing to a process 1 without a handler: it runs on for all of the default 30 s, then SIGKILL."""
    app = survive.deploy(signals.pod(process(args=["--stops", "none"]), grace_s=None))
    survive.restart(Stop(app.selector))
    survive.expect(
        StopBegins(at_most_s=BEGINS_S),
        EndsAt(at_s=DEFAULT_GRACE_S, reason=KILL),
        ExitCode(code=KILLED),
    )


@pytest.mark.row("A1", "signal-unhandled-short", "stop")
def test_a_short_grace_period_kills_it_sooner(survive: Scenario) -> None:
    """The same process with a grace period of 4 s is killed after 4 s."""
    app = survive.deploy(signals.pod(process(args=["--stops", "none"]), grace_s=4))
    survive.restart(Stop(app.selector))
    survive.expect(EndsAt(at_s=4, reason=KILL), ExitCode(code=KILLED))


@pytest.mark.row("A2", "signal-handled", "stop")
def test_a_handler_ends_the_process_as_soon_as_its_work_is_done(survive: Scenario) -> None:
    """A process that handles SIGTERM exits after its 1 s of work, far before its grace period of 30 s."""
    app = survive.deploy(signals.pod(process(args=["--shutdown-s", "1"])))
    survive.restart(Stop(app.selector))
    survive.expect(
        StopBegins(at_most_s=BEGINS_S),
        SignalAt(at_s=0),
        EndsAt(at_s=1, reason="the work begins with the signal; G is no pause"),
        ExitCode(code=0),
    )


@pytest.mark.row("A3", "stopsignal-image", "stop")
def test_the_image_says_which_signal_stops_it(survive: Scenario) -> None:
    """An image with STOPSIGNAL SIGQUIT gets SIGQUIT, and no SIGTERM before or after it."""
    args = ["--stops", "SIGQUIT", "--notes", "SIGTERM", "--shutdown-s", "1"]
    app = survive.deploy(signals.pod(process(args=args, image=signals.QUIT_IMAGE)))
    survive.restart(Stop(app.selector))
    survive.expect(SignalAt(signal="SIGQUIT", at_s=0), NoSignal(signal="SIGTERM"), ExitCode(code=0))


@pytest.mark.row("A3", "stopsignal-image-none", "stop")
def test_an_image_without_a_stop_signal_gets_sigterm(survive: Scenario) -> None:
    """The same process in an image that names no stop signal gets SIGTERM, and no SIGQUIT."""
    app = survive.deploy(signals.pod(process(args=["--notes", "SIGQUIT", "--shutdown-s", "1"])))
    survive.restart(Stop(app.selector))
    survive.expect(SignalAt(signal="SIGTERM", at_s=0), NoSignal(signal="SIGQUIT"), ExitCode(code=0))


@pytest.mark.row("A6", "stopsignal-spec", "stop")
def test_the_pod_says_which_signal_stops_it(survive: Scenario) -> None:
    """`lifecycle.stopSignal: SIGUSR1` is what the process gets, and what its status shows; no SIGTERM."""
    args = ["--stops", "SIGUSR1", "--notes", "SIGTERM", "--shutdown-s", "1"]
    app = survive.deploy(signals.pod(process(args=args, stop_signal="SIGUSR1"), os={"name": "linux"}))
    survive.restart(Stop(app.selector, stop_signal="SIGUSR1"))
    survive.expect(SignalAt(signal="SIGUSR1", at_s=0), NoSignal(signal="SIGTERM"), ExitCode(code=0))
