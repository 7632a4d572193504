"""A Job's pod is deleted while it works (rows E4): one more beside it, or one after the other."""

import pytest

from harness.deploy import App, job, server
from harness.disrupt import Delete
from harness.judge.presence import MostThere, Overlap
from harness.scenario import Scenario

BACK_OFF_S = 10
"""Of a Job's failed pod before its replacement (job_controller.go, DefaultJobPodFailureBackOff). A pod that is being
deleted counts as failed from the deletion on."""

GRACE_S = 16
"""Longer than the back-off, else the old pod is gone before the new one comes, whatever the policy."""


def deaf(replacement: str, grace_s: int) -> App:
    """A Job of one pod that hears no SIGTERM: it works on until its grace ends, and fails by the SIGKILL."""
    return job(server(replicas=1, args=["--ignore-sigterm"], probes=False, grace_s=grace_s), replacement=replacement)


@pytest.mark.row("E4", "job-overlap", "delete", takes_s=30)
def test_a_job_works_twice_while_its_pod_terminates(survive: Scenario) -> None:
    """The default, TerminatingOrFailed: the back-off runs from the deletion on, and the replacement comes beside the
    old pod."""
    app = survive.deploy(deaf("TerminatingOrFailed", GRACE_S))
    survive.restart(Delete(app.selector))
    survive.expect(
        MostThere(labels=tuple(app.selector.items()), at_least=2, reason="a pod being deleted counts as failed"),
        Overlap(
            labels=tuple(app.selector.items()),
            at_least_s=GRACE_S - BACK_OFF_S - 4,
            at_most_s=GRACE_S - BACK_OFF_S + 4,
            reason="the grace period and up to 2 s until the SIGKILL, less the back-off, which counts in whole seconds,"
            " and the replacement's start",
        ),
    )


@pytest.mark.row("E4", "job-failed", "delete", takes_s=25)
def test_a_job_waits_until_its_old_pod_has_failed(survive: Scenario) -> None:
    """podReplacementPolicy Failed: the back-off begins only once the old pod has come to its end."""
    app = survive.deploy(deaf("Failed", 6))
    survive.restart(Delete(app.selector))
    labels = tuple(app.selector.items())
    survive.expect(MostThere(labels=labels, at_most=1), Overlap(labels=labels, at_most_s=0))
