"""A pod with native sidecars stops (row A13): the main containers first, then the sidecars in reverse order."""

from collections.abc import Sequence

import pytest

from harness.deploy import App, signals
from harness.deploy.signals import hook, process
from harness.disrupt.stop import Stop
from harness.judge.expect import ExitCode
from harness.judge.stops import EndsAt, HookAt, OneByOne, SignalAt
from harness.scenario import Scenario

BUSY_S = 2.0
"""Six hooks are six interpreters that start at once on the same node."""

MAINS = ("main-1", "main-2", "main-3")
SIDECARS = ("sidecar-1", "sidecar-2", "sidecar-3")
KILLED = 137
"""128 + SIGKILL"""


def six(main: Sequence[str], sidecar: Sequence[str], grace_s: int) -> App:
    """A pod of three main containers and three sidecars, each with a preStop that tells that it ran."""
    made = [
        process(name, args, port=signals.PORT + number, pre_stop=hook("preStop"))
        for number, (name, args) in enumerate([(one, main) for one in MAINS] + [(one, sidecar) for one in SIDECARS])
    ]
    return signals.pod(*made[:3], sidecars=made[3:], grace_s=grace_s)


@pytest.mark.row("A13", "sidecars", "stop")
def test_sidecars_stop_one_by_one_after_the_main_containers(survive: Scenario) -> None:
    """All preStops fire at once; SIGTERM goes to the mains first, then to the last sidecar, the second, the first."""
    app = survive.deploy(six(main=["--shutdown-s", "2"], sidecar=["--shutdown-s", "1"], grace_s=30))
    survive.restart(Stop(app.selector))
    fired = HookAt(hook="preStop", at_s=0, late_s=BUSY_S, reason="all preStops at the beginning, those of sidecars too")
    survive.expect(
        fired,
        *(SignalAt(container=name, at_s=0, late_s=BUSY_S) for name in MAINS),
        *(OneByOne(containers=(name, *reversed(SIDECARS))) for name in MAINS),
        ExitCode(code=0),
    )


@pytest.mark.row("A13", "sidecars-starved", "stop")
def test_main_containers_that_use_up_the_grace_period_leave_the_sidecars_two_seconds(survive: Scenario) -> None:
    """The mains ignore SIGTERM for all of G = 5 s: every sidecar gets its signal at 5 s, and SIGKILL at 7 s."""
    app = survive.deploy(six(main=["--stops", "none"], sidecar=["--shutdown-s", "10"], grace_s=5))
    survive.restart(Stop(app.selector))
    mains = [EndsAt(container=name, at_s=5, reason="SIGKILL at G") for name in MAINS]
    signalled = [SignalAt(container=name, at_s=5) for name in SIDECARS]
    ends = [EndsAt(container=name, at_s=7, reason="G + the floor of 2 s") for name in SIDECARS]
    survive.expect(HookAt(hook="preStop", at_s=0, late_s=BUSY_S), *mains, *signalled, *ends, ExitCode(code=KILLED))
