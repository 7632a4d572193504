"""A rollout to a revision whose startup probe fails (rows B6)."""

import pytest

from harness.deploy import server
from harness.deploy.server import probe
from harness.disrupt import FailStartup, Rollout
from harness.judge.expect import NoErrors, NoOutage, Restarts
from harness.scenario import Scenario

TIGHT_S = 3
SLOW_S = 8


@pytest.mark.row("B6", "startup-failure-never", "startup")
def test_a_revision_that_never_starts_is_restarted_for_ever_and_the_old_pods_serve_on(survive: Scenario) -> None:
    """The new revision never opens its port: restarted again and again, never Ready, and the rollout stands still."""
    app = survive.deploy(server(replicas=2))
    never = {"args": ["--startup-delay-s", "3600"], "startupProbe": probe("/startz", TIGHT_S)}
    with survive.load(app):
        survive.restart(FailStartup(app.name, app.selector, never))
    survive.expect(
        NoErrors(reason="maxUnavailable 25 % of 2 is 0: no old pod goes before a new one is Ready"), NoOutage()
    )


@pytest.mark.row("B6", "startup-failure-tight", "startup")
def test_a_slow_start_against_a_tight_threshold_never_gets_there(survive: Scenario) -> None:
    """The new revision would open its port after 8 s, but its startup probe gives up after 3 s, each time anew."""
    app = survive.deploy(server(replicas=2))
    tight = {"args": ["--startup-delay-s", str(SLOW_S)], "startupProbe": probe("/startz", TIGHT_S)}
    with survive.load(app):
        survive.restart(FailStartup(app.name, app.selector, tight))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.row("B6", "startup-slow-allowed", "rollout")
def test_a_slow_start_with_a_wide_threshold_only_takes_its_time(survive: Scenario) -> None:
    """The same slow start, but the startup probe waits for up to 60 s: nothing is restarted, nothing is lost."""
    app = survive.deploy(server(replicas=1, args=["--startup-delay-s", str(SLOW_S)], pre_stop_s=4))
    with survive.load(app):
        survive.restart(Rollout(app.name, app.selector))
    survive.expect(Restarts(count=0, labels=tuple(app.selector.items())), NoErrors(), NoOutage())
