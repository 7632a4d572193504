"""A pod's resources are changed in place (rows E6)."""

import pytest

from harness.deploy import server
from harness.disrupt import Resize
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.manifests import main_container
from harness.scenario import Scenario

MORE = {"cpu": "30m"}


@pytest.mark.row("E6", "resize-restart", "resize")
def test_a_resize_that_requires_a_restart_takes_the_only_pod_down(survive: Scenario) -> None:
    """resizePolicy RestartContainer: the same pod, its container stopped and started; users are refused meanwhile."""
    app = server(replicas=1, grace_s=10)
    main_container(app.manifests[0])["resizePolicy"] = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    survive.deploy(app)
    with survive.load(app):
        survive.restart(Resize(app.selector, "server", MORE, restarts=True))
    survive.expect(
        SomeErrors(reason="a stop of the container alone marks no endpoint, and no other pod can answer"),
        Outage(at_least_s=0.1, at_most_s=8, reason="exit, new container, readiness seen once a second, routing"),
    )


@pytest.mark.row("E6", "resize-in-place", "resize")
def test_a_resize_in_place_is_not_felt(survive: Scenario) -> None:
    """resizePolicy NotRequired, the default: the cgroup changes under the running process."""
    app = survive.deploy(server(replicas=1))
    with survive.load(app):
        survive.restart(Resize(app.selector, "server", MORE, restarts=False))
    survive.expect(NoErrors(), NoOutage())
