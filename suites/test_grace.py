"""A deletion or an eviction brings a grace period of its own (row A14)."""

import pytest

from harness.deploy import App, signals
from harness.deploy.signals import process
from harness.disrupt.again import DeleteAgain
from harness.disrupt.force import Force
from harness.disrupt.stop import Stop
from harness.judge.expect import ExitCode
from harness.judge.stops import EndsAt, SignalAt
from harness.scenario import Scenario

KILLED = 137
"""128 + SIGKILL"""

FLOOR_S = 2
"""A grace period of 0 is 1 s for the kubelet, and the runtime gets its floor of 2 s before SIGKILL."""


def deaf(grace_s: int) -> App:
    """A pod whose process notes SIGTERM and goes on, so that its end is always the kubelet's."""
    return signals.pod(process(args=["--stops", "none", "--notes", "SIGTERM"]), grace_s=grace_s)


def killed_after(grace_s: int, reason: str = "") -> EndsAt:
    """SIGKILL at the end of a grace period."""
    return EndsAt(at_s=grace_s, reason=reason)


@pytest.mark.row("A14", "grace-delete-shorter", "stop")
def test_a_deletion_may_shorten_the_grace_period(survive: Scenario) -> None:
    """The pod asks for 20 s, the deletion gives it 3."""
    app = survive.deploy(deaf(20))
    survive.restart(Stop(app.selector, grace_s=3))
    survive.expect(SignalAt(at_s=0), killed_after(3), ExitCode(code=KILLED))


@pytest.mark.row("A14", "grace-delete-longer", "stop")
def test_a_deletion_may_lengthen_the_grace_period(survive: Scenario) -> None:
    """The pod asks for 3 s, the deletion gives it 8."""
    app = survive.deploy(deaf(3))
    survive.restart(Stop(app.selector, grace_s=8))
    survive.expect(SignalAt(at_s=0), killed_after(8), ExitCode(code=KILLED))


@pytest.mark.row("A14", "grace-evict-shorter", "stop")
def test_an_eviction_may_shorten_the_grace_period(survive: Scenario) -> None:
    """The pod asks for 20 s, the eviction's delete options give it 3."""
    app = survive.deploy(deaf(20))
    survive.restart(Stop(app.selector, grace_s=3, evict=True))
    survive.expect(SignalAt(at_s=0), killed_after(3), ExitCode(code=KILLED))


@pytest.mark.row("A14", "grace-evict-longer", "stop")
def test_an_eviction_may_lengthen_the_grace_period(survive: Scenario) -> None:
    """The pod asks for 3 s, the eviction's delete options give it 8."""
    app = survive.deploy(deaf(3))
    survive.restart(Stop(app.selector, grace_s=8, evict=True))
    survive.expect(SignalAt(at_s=0), killed_after(8), ExitCode(code=KILLED))


@pytest.mark.row("A14", "grace-delete-force", "force")
def test_a_forced_deletion_leaves_the_process_behind(survive: Scenario) -> None:
    """With a grace period of 0 the pod leaves the API at once; its process lives on for 2 to 3 s."""
    app = survive.deploy(deaf(20))
    survive.restart(Force(app.selector))
    survive.expect(
        SignalAt(at_s=0),
        EndsAt(at_s=FLOOR_S, reason="the floor of 2 s; the talk: at once"),
    )


@pytest.mark.row("A14", "grace-evict-force", "force")
def test_a_forced_eviction_leaves_the_process_behind(survive: Scenario) -> None:
    """An eviction with a grace period of 0 does the same."""
    app = survive.deploy(deaf(20))
    survive.restart(Force(app.selector, evict=True))
    survive.expect(
        SignalAt(at_s=0),
        EndsAt(at_s=FLOOR_S, reason="the floor of 2 s; the talk: at once"),
    )


@pytest.mark.row("A14", "grace-later-shorter", "delete-again")
def test_a_later_shorter_deletion_changes_the_api_only(survive: Scenario) -> None:
    """Deleted with its 8 s, then again with 5: the API shows 5, the process keeps its 8."""
    app = survive.deploy(deaf(8))
    survive.restart(DeleteAgain(app.selector, grace_s=5))
    survive.expect(
        SignalAt(at_s=0),
        killed_after(8, reason="the first deletion's G holds; the API promises 5 s"),
        ExitCode(code=KILLED),
    )


@pytest.mark.row("A14", "grace-later-force", "delete-again")
def test_a_later_forced_deletion_hides_the_process_only(survive: Scenario) -> None:
    """Deleted with its 8 s, then again by force: the pod leaves the API at once, its process keeps its 8 s."""
    app = survive.deploy(deaf(8))
    survive.restart(DeleteAgain(app.selector, grace_s=0))
    survive.expect(
        SignalAt(at_s=0),
        killed_after(8, reason="the first deletion's G holds, though the API shows no pod"),
    )
